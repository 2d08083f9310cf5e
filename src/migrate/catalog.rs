//! The migrations that a program brings, and the forms of each that it takes for the same: a checksum tells them
//! apart, independent of comments, line ends and layout.

use std::borrow::Cow;

use migration::{MIGRATIONS, Migration};
use sha2::{Digest, Sha256};

use super::lock_file::LockFile;
use crate::db::sql::normalised;
use crate::db::target::Engine;
use crate::domain::text::hexadecimal;
use crate::error::{CommandLine, Error, Hint, Kind, Result};

/// Migrations in order, with the earlier forms that were declared to do the same.
#[derive(Clone)]
pub struct Catalog {
    migrations: Vec<Migration>,
    /// Parsed only if a checksum differs from the current one.
    lock_file: Cow<'static, str>,
}

/// The content of `migration/migrations.lock` at build time.
const LOCK_FILE: &str = include_str!("../../migration/migrations.lock");

impl Catalog {
    /// The shop's own.
    pub fn embedded() -> Catalog {
        Catalog::new(MIGRATIONS.to_vec(), LOCK_FILE)
    }

    /// Any others; `lock_file` is the text of a `migrations.lock`.
    pub fn new(migrations: Vec<Migration>, lock_file: impl Into<Cow<'static, str>>) -> Catalog {
        Catalog { migrations, lock_file: lock_file.into() }
    }

    /// The migrations, oldest first.
    pub fn migrations(&self) -> &[Migration] {
        &self.migrations
    }

    /// The names of the migrations, oldest first.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.migrations.iter().map(|migration| migration.name)
    }

    /// The migration of this name.
    pub fn find(&self, name: &str) -> Option<&Migration> {
        self.migrations.iter().find(|migration| migration.name == name)
    }

    /// The position of a migration in the list. Errors: exit 3 for an unknown name.
    pub fn position(&self, name: &str) -> Result<usize> {
        let found = self.migrations.iter().position(|migration| migration.name == name);
        found.ok_or_else(|| {
            Error::not_found("migration", name)
                .hint(Hint::from("to list the migrations: ").and(CommandLine::new("migrate status")))
        })
    }

    /// Whether the list itself is sound. Names begin with the time they were written, so their
    /// order is that of the list.
    ///
    /// Errors: exit 9 naming the two migrations that have the same name or are in the wrong order.
    pub fn check(&self) -> Result<()> {
        let names: Vec<&str> = self.names().collect();
        for pair in names.windows(2) {
            let (code, message, hint) = match pair[0].cmp(pair[1]) {
                std::cmp::Ordering::Less => continue,
                std::cmp::Ordering::Equal => (
                    "migrate.duplicate",
                    format!("two migrations are named {}", pair[0]),
                    "give the newer one a name with its own time",
                ),
                std::cmp::Ordering::Greater => (
                    "migrate.unsorted",
                    format!("{} comes after {}, which is newer according to its name", pair[1], pair[0]),
                    "sort the list in migration/src/lib.rs by name; the last migration needs the newest name",
                ),
            };
            return Err(Error::new(Kind::CheckFailed, code, message).hint(hint));
        }
        Ok(())
    }

    /// Whether what was applied with this checksum is what the migration does today.
    ///
    /// Errors: exit 1 when the embedded lock file cannot be read.
    pub fn accepts(&self, engine: Engine, migration: &Migration, recorded: &str) -> Result<bool> {
        if checksum_of(engine, migration) == recorded {
            return Ok(true);
        }
        Ok(LockFile::parse(&self.lock_file)?.accepts(engine, migration.name, recorded))
    }
}

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

    fn named(name: &'static str) -> Migration {
        Migration { name, up: |_| vec![], down: |_| vec![] }
    }

    #[test]
    fn the_shops_own_list_is_sound_and_locked() {
        let catalog = Catalog::embedded();
        catalog.check().unwrap();
        let locked = LockFile::parse(LOCK_FILE).unwrap();
        for migration in catalog.migrations() {
            let remedy = "after a deliberate change: shopctl migrate bless";
            assert!(locked.is_current(migration), "{} is not as migrations.lock says; {remedy}", migration.name);
        }
    }

    #[test]
    fn two_of_one_name_and_a_wrong_order_are_told_apart() {
        let check = |names: &[&'static str]| {
            Catalog::new(names.iter().map(|name| named(name)).collect(), "").check().map_err(|error| error.code())
        };
        assert_eq!(check(&[]), Ok(()));
        assert_eq!(check(&["m1", "m2"]), Ok(()));
        assert_eq!(check(&["m1", "m1"]), Err("migrate.duplicate"));
        assert_eq!(check(&["m2", "m1"]), Err("migrate.unsorted"));
    }

    #[test]
    fn a_blessed_form_is_accepted_and_no_other() {
        let (before, today) =
            (|_| vec!["CREATE TABLE t (a int)".into()], |_| vec!["CREATE TABLE t (a integer)".into()]);
        let [before, today] = [before, today].map(|up| Migration { name: "m1", up, down: |_| vec![] });
        let mut file = LockFile::default();
        file.bless(&[before], None, None).unwrap();
        file.bless(&[today], Some("m1"), Some("a library's new wording")).unwrap();
        let catalog = Catalog::new(vec![today], file.to_text().unwrap());
        let accepts = |checksum: &str| catalog.accepts(Engine::Sqlite, &today, checksum).unwrap();
        assert!(accepts(&checksum_of(Engine::Sqlite, &before)) && accepts(&checksum_of(Engine::Sqlite, &today)));
        assert!(!accepts("other"));
    }

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
