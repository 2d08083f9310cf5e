//! MySQL's and MariaDB's error numbers: their SQLSTATEs are too coarse.

use sea_orm::sqlx::error::DatabaseError;
use sea_orm::sqlx::mysql::MySqlDatabaseError;

use crate::db::fault::{Fault, LoginRefusal};

/// A Galera node that is not part of the primary component.
const NOT_IN_CLUSTER: u16 = 1047;

/// The exhausted resource, as error 1226 names it.
const USER_CONNECTIONS: &str = "max_user_connections";

/// The number of an error of these engines.
pub fn number(error: &dyn DatabaseError) -> Option<u16> {
    error.try_downcast_ref::<MySqlDatabaseError>().map(MySqlDatabaseError::number)
}

pub fn fault(error: &dyn DatabaseError) -> Option<Fault> {
    Some(fault_of(number(error)?, error.message()))
}

fn fault_of(number: u16, message: &str) -> Fault {
    match number {
        1062 => {
            // Duplicate entry '…' for key 'users.uq_users_email': MariaDB leaves the table out.
            let key = message.rsplit('\'').nth(1).unwrap_or_default();
            Fault::Unique(key.rsplit('.').next().unwrap_or_default().to_owned())
        }
        1451 | 1452 | 1216 | 1217 => Fault::ForeignKey,
        4025 | 3819 => Fault::Check,
        // 1020: snapshot isolation; 3101, 1180: group replication; 1047: a Galera node not ready.
        1213 | 1205 | 1020 | 3101 | 1180 | NOT_IN_CLUSTER => Fault::Transient,
        1053 | 1927 | 2006 | 2013 | 4031 => Fault::ConnectionLost,
        1203 => Fault::ConnectionLimit,
        // Concurrent sessions; the other resources are limited per hour.
        1226 if message.contains(USER_CONNECTIONS) => Fault::ConnectionLimit,
        1226 | 1317 | 1969 | 3024 => Fault::ServerLimit,
        // 1290 names any server option that prevents the statement.
        1290 if !message.contains("read") => Fault::Permission,
        1290 | 1792 | 1836 => Fault::ServerReadOnly,
        1021 | 1114 | 3185 => Fault::Full,
        1044 | 1142 | 1143 | 1227 | 1370 => Fault::Permission,
        1146 | 1054 | 1051 => Fault::NoSchema,
        1050 | 1060 | 1061 | 1826 => Fault::AlreadyExists,
        1040 => Fault::Unreachable,
        _ => Fault::Other,
    }
}

pub fn login_refusal(error: &dyn DatabaseError) -> Option<LoginRefusal> {
    Some(match number(error)? {
        3159 => LoginRefusal::WantsTls,
        1045 | 1698 => LoginRefusal::Credentials,
        1130 | 1129 => LoginRefusal::Machine,
        1820 | 1862 => LoginRefusal::PasswordExpired,
        3118 | 4151 => LoginRefusal::Locked,
        3032 => LoginRefusal::Offline,
        NOT_IN_CLUSTER => LoginRefusal::NotInCluster,
        1049 => LoginRefusal::NoDatabase,
        1044 => LoginRefusal::NoAccess,
        // Classified as a fault when connecting.
        1226 if error.message().contains(USER_CONNECTIONS) => return None,
        // Limits of the server, or of the user per hour.
        1040 | 1226 => LoginRefusal::Unavailable,
        _ => return None,
    })
}

pub fn reason(error: &dyn DatabaseError) -> Option<&'static str> {
    (number(error)? == NOT_IN_CLUSTER).then_some("the node is not part of its cluster's primary component")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_told_apart() {
        for number in [1226, 1317, 1969, 3024] {
            assert_eq!(fault_of(number, ""), Fault::ServerLimit);
        }
        let used_up = "User 'u' has exceeded the 'max_user_connections' resource (current value: 1)";
        assert_eq!(fault_of(1226, used_up), Fault::ConnectionLimit);
        assert_eq!(fault_of(1203, ""), Fault::ConnectionLimit);
        assert_eq!(fault_of(1290, "running with the --read-only option"), Fault::ServerReadOnly);
        assert_eq!(fault_of(1290, "running with the --skip-grant-tables option"), Fault::Permission);
    }
}
