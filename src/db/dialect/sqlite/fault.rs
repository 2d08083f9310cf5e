//! SQLite's result codes (<https://www.sqlite.org/rescode.html>).

use sea_orm::sqlx::error::DatabaseError;
use sea_orm::sqlx::sqlite::SqliteError;

use crate::db::fault::Fault;

pub fn fault(error: &dyn DatabaseError) -> Option<Fault> {
    error.try_downcast_ref::<SqliteError>()?;
    let code = error.code().and_then(|code| code.parse().ok()).unwrap_or(0);
    Some(fault_of(code, error.message()))
}

fn fault_of(code: i32, message: &str) -> Fault {
    match code {
        2067 | 1555 => Fault::Unique(message.rsplit_once("failed: ").map_or("", |(_, columns)| columns).to_owned()),
        787 | 1811 => Fault::ForeignKey,
        275 => Fault::Check,
        // The primary code is the low byte (5 busy, 6 locked, 8 read-only, 13 full, 14 cannot open,
        // 11 and 26 damaged or not a database, 23 and 3 no permission).
        _ => match code & 0xff {
            5 | 6 => Fault::Transient,
            8 => Fault::ReadOnly,
            // 10: on a full disk the files beside the database cannot be made or grow.
            10 | 13 => Fault::Full,
            14 | 23 | 3 => Fault::Permission,
            11 => Fault::Damaged,
            26 => Fault::NotADatabase,
            // 17: the schema changes at this moment; the message may be that of a plain error (1).
            1 | 17 if ["no such table", "no such column"].iter().any(|text| message.contains(text)) => Fault::NoSchema,
            1 if ["already exists", "duplicate column"].iter().any(|text| message.contains(text)) => {
                Fault::AlreadyExists
            }
            17 => Fault::Transient,
            _ => Fault::Other,
        },
    }
}

/// "disk I/O error" says neither what failed nor why.
pub fn reason(error: &dyn DatabaseError) -> Option<&'static str> {
    error.try_downcast_ref::<SqliteError>().filter(|error| error.message() == "disk I/O error")?;
    Some("the disk is full or faulty: the database and the files next to it cannot be written")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_is_said_in_several_codes() {
        for code in [1, 17] {
            assert_eq!(fault_of(code, "no such table: shopctl_leases"), Fault::NoSchema);
        }
        assert_eq!(fault_of(17, "database schema has changed"), Fault::Transient);
        assert_eq!(fault_of(1, "table users already exists"), Fault::AlreadyExists);
        assert_eq!(fault_of(1, "near \"SELEC\": syntax error"), Fault::Other);
        assert_eq!(fault_of(517, "database is locked"), Fault::Transient);
    }
}
