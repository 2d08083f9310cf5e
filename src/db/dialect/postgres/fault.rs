//! PostgreSQL's codes: SQLSTATEs, appendix A of its manual.

use sea_orm::sqlx::error::DatabaseError;
use sea_orm::sqlx::postgres::PgDatabaseError;

use crate::db::fault::{Fault, LoginRefusal};

pub fn fault(error: &dyn DatabaseError) -> Option<Fault> {
    let error = error.try_downcast_ref::<PgDatabaseError>()?;
    Some(fault_of(error.code(), error.message(), error.constraint()))
}

fn fault_of(code: &str, message: &str, constraint: Option<&str>) -> Fault {
    match code {
        // pgbouncer reports its errors as protocol violations.
        "08P01" if is_of_pooler(message) => Fault::Pooler,
        "23505" => Fault::Unique(constraint.unwrap_or_default().to_owned()),
        "23503" | "23001" => Fault::ForeignKey,
        "23514" => Fault::Check,
        "40001" | "40P01" | "55P03" => Fault::Transient,
        "57P01" | "57P02" | "40003" | "57P05" => Fault::ConnectionLost,
        "57014" | "25P03" | "25P04" => Fault::ServerLimit,
        "25006" => Fault::ServerReadOnly,
        "53100" => Fault::Full,
        "42501" => Fault::Permission,
        "42P01" | "42703" | "3F000" => Fault::NoSchema,
        "42P07" | "42710" | "42701" => Fault::AlreadyExists,
        "53300" | "57P03" => Fault::Unreachable,
        "26000" | "42P05" => Fault::Pooler,
        code if code.starts_with("08") => Fault::ConnectionLost,
        _ => Fault::Other,
    }
}

/// Messages of pgbouncer about transactions in statement mode and startup options, and of PostgreSQL about a
/// statement that another client prepared.
fn is_of_pooler(message: &str) -> bool {
    ["statement pooling", "unsupported startup parameter", "bind message supplies"]
        .iter()
        .any(|text| message.contains(text))
}

pub fn login_refusal(error: &dyn DatabaseError) -> Option<LoginRefusal> {
    let error = error.try_downcast_ref::<PgDatabaseError>()?;
    let says = |words: &[&str]| words.iter().any(|word| error.message().contains(word));
    // The error concerns a startup option.
    let names_an_option = says(&["parameter", "command-line argument", "-c "]);
    let code = error.code();
    Some(match code {
        "28000" if says(&["client certificate"]) => LoginRefusal::WantsClientCertificate,
        "28000" if says(&["no encryption", "SSL off"]) => LoginRefusal::WantsTls,
        "28P01" => LoginRefusal::Credentials,
        "28000" => LoginRefusal::User,
        "42601" | "42704" | "22023" | "55P02" | "42501" if names_an_option => LoginRefusal::Options,
        "3D000" => LoginRefusal::NoDatabase,
        "42501" => LoginRefusal::NoAccess,
        // The last is a database with ALLOW_CONNECTIONS false.
        "53300" | "57P03" | "55000" => LoginRefusal::Unavailable,
        "08P01" if says(&["unsupported startup parameter"]) => LoginRefusal::PoolerOptions,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_told_apart() {
        for code in ["57014", "25P03"] {
            assert_eq!(fault_of(code, "", None), Fault::ServerLimit);
        }
        assert_eq!(fault_of("25006", "", None), Fault::ServerReadOnly);
        // A missing prepared statement, or one that already exists.
        for code in ["26000", "42P05"] {
            assert_eq!(fault_of(code, "", None), Fault::Pooler);
        }
    }
}
