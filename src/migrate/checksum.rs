//! The checksum of a migration, independent of comments, line ends and layout.

use migration::Migration;
use sha2::{Digest, Sha256};

use crate::db::sql::normalised;
use crate::db::target::Engine;
use crate::domain::text::hexadecimal;

/// SHA-256 of the statements, in hexadecimal.
pub fn checksum(statements: &[String]) -> String {
    let normalised: Vec<String> = statements.iter().map(|statement| normalised(statement)).collect();
    hexadecimal(&Sha256::digest(normalised.join(";\n")))
}

/// The statements that apply a migration on this engine.
pub fn statements(engine: Engine, migration: &Migration) -> Vec<String> {
    (migration.up)(engine.backend)
}

/// The checksum of what applies a migration on this engine.
pub fn checksum_of(engine: Engine, migration: &Migration) -> String {
    checksum(&statements(engine, migration))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(sql: &str) -> String {
        checksum(&[sql.to_owned()])
    }

    #[test]
    fn comments_line_ends_and_layout_do_not_count() {
        let plain = "CREATE TABLE users (id int, name varchar(10) DEFAULT 'a  b')";
        for same in [
            "CREATE TABLE users (\r\n  id int,\r\n  name varchar(10) DEFAULT 'a  b'\r\n);",
            "CREATE TABLE users ( -- people\n id int, /* their\n name */ name varchar( 10 ) DEFAULT 'a  b' )",
            "  CREATE\tTABLE   users(id int,name varchar(10) DEFAULT 'a  b')",
        ] {
            assert_eq!(of(same), of(plain));
        }
    }

    #[test]
    fn what_is_done_counts() {
        let plain = of("CREATE TABLE t (a int DEFAULT 'x -- y')");
        for other in [
            "CREATE TABLE t (a bigint DEFAULT 'x -- y')",
            "CREATE TABLE t (a int DEFAULT 'x  -- y')",
            "CREATE TABLE t (a int DEFAULT 'x')",
            "CREATE TABLE t (aint DEFAULT 'x -- y')",
        ] {
            assert_ne!(of(other), plain, "{other}");
        }
        assert_ne!(checksum(&["a".into(), "b".into()]), checksum(&["a b".into()]));
    }
}
