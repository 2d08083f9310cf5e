//! Risks of migrations, detected in their SQL: shown by `plan`, confirmed by `up`.
//!
//! Tables that the same migrations create are ignored, because they are not used yet.

use crate::domain::named_enum;
use migration::Migration;

use super::statements;
use crate::db::sql::normalised;
use crate::db::target::Engine;

/// Something to know before a migration runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    pub migration: &'static str,
    pub risk: Risk,
    /// `users: drops the column email`
    pub text: String,
}

named_enum! {
    /// The kind of risk.
    pub enum Risk {
        /// Data is gone.
        Destructive = "destructive",
        /// A table is rewritten or read whole while others wait.
        Rewriting = "rewriting",
        /// Fails on a table that has rows.
        NotNullWithoutDefault = "not null without default",
        /// Programs that know the old name break.
        Renaming = "renaming",
    }
}

/// The risks of applying these migrations.
pub fn lint(engine: Engine, migrations: &[Migration]) -> Vec<Warning> {
    let mut created = Vec::new();
    let mut warnings = Vec::new();
    for migration in migrations {
        for statement in statements(engine, migration) {
            let words = words(&statement);
            if let Some(table) = table_after(&words, "CREATE TABLE") {
                created.push(table);
            } else if let Some((table, risk, text)) = risk_of(&words)
                && !created.contains(&table)
            {
                warnings.push(Warning { migration: migration.name, risk, text: format!("{table}: {text}") });
            }
        }
    }
    warnings
}

/// The tables that these statements drop with their rows.
pub fn tables_dropped(statements: &[String]) -> Vec<String> {
    statements.iter().filter_map(|statement| table_after(&words(statement), "DROP TABLE")).collect()
}

/// Whether one of these statements gives the table `from` a foreign key to `to`, or makes the view `from`.
pub fn makes_reference(statements: &[String], from: &str, to: &str) -> bool {
    let is_from = |table: Option<String>| table.is_some_and(|table| table == from);
    statements.iter().map(|statement| words(statement)).any(|words| {
        let makes = |phrase| is_from(table_after(&words, phrase));
        let refers = words.contains(&format!(" REFERENCES {} ", to.to_uppercase()));
        refers && (makes("CREATE TABLE") || makes("ALTER TABLE")) || makes("VIEW")
    })
}

/// The table of which a statement changes a part: a column, a constraint or an index.
pub fn table_changed(statement: &str) -> Option<String> {
    let words = words(statement);
    table_after(&words, "ALTER TABLE").or_else(|| table_indexed(&words))
}

/// The table that gets an index.
fn table_indexed(words: &str) -> Option<String> {
    let is_index = ["CREATE INDEX", "CREATE UNIQUE INDEX"].iter().any(|phrase| words.contains(&format!(" {phrase} ")));
    table_after(words, "ON").filter(|_| is_index)
}

/// The statement in upper case as ` WORD WORD `, names without quotes.
fn words(statement: &str) -> String {
    let plain = |character: char| match character {
        '"' | '`' => ' ',
        '(' | ')' | ',' => ' ',
        other => other.to_ascii_uppercase(),
    };
    let text: String = normalised(statement).chars().map(plain).collect();
    format!(" {} ", text.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// The name behind this phrase.
fn table_after(words: &str, phrase: &str) -> Option<String> {
    const FILLERS: [&str; 4] = ["IF", "NOT", "EXISTS", "ONLY"];
    let (_, rest) = words.split_once(&format!(" {phrase} "))?;
    let name = rest.split(' ').find(|word| !FILLERS.contains(word))?;
    Some(name.rsplit('.').next().unwrap_or(name).to_lowercase())
}

fn risk_of(words: &str) -> Option<(String, Risk, String)> {
    let has = |phrase: &str| words.contains(&format!(" {phrase} "));
    let removals = [
        ("DROP TABLE", "drops the table with its rows"),
        ("TRUNCATE TABLE", "removes all rows"),
        ("TRUNCATE", "removes all rows"),
        ("DELETE FROM", "removes all rows"),
    ];
    for (phrase, text) in removals {
        if let Some(table) = table_after(words, phrase).filter(|_| phrase != "DELETE FROM" || !has("WHERE")) {
            return Some((table, Risk::Destructive, text.to_owned()));
        }
    }
    if let Some(table) = table_after(words, "ALTER TABLE") {
        return risk_of_change(words).map(|(risk, text)| (table, risk, text));
    }
    Some((table_indexed(words)?, Risk::Rewriting, "builds an index while writers wait".to_owned()))
}

fn risk_of_change(words: &str) -> Option<(Risk, String)> {
    let has = |phrase: &str| words.contains(&format!(" {phrase} "));
    let after = |phrase: &str| {
        let (_, rest) = words.split_once(&format!(" {phrase} "))?;
        rest.split(' ').find(|word| !["IF", "NOT", "EXISTS", "COLUMN"].contains(word)).map(str::to_lowercase)
    };
    /// Parts of a table other than columns that can be dropped.
    const OTHERS: [&str; 9] =
        ["constraint", "index", "key", "foreign", "primary", "check", "default", "not", "partition"];
    let dropped = after("DROP").filter(|name| !OTHERS.contains(&name.as_str()) && !has("DROP NOT NULL"));
    if let Some(column) = dropped {
        return Some((Risk::Destructive, format!("drops the column {column}")));
    }
    if has("RENAME") {
        return Some((Risk::Renaming, "breaks programs that use the old name".to_owned()));
    }
    let added = after("ADD COLUMN").or_else(|| after("ADD"));
    if let Some(column) = added.filter(|name| !OTHERS.contains(&name.as_str()) && name != "unique") {
        let is_refused = has("NOT NULL") && !has("DEFAULT") && !has("GENERATED");
        let text = || format!("adds the column {column} NOT NULL without a default: fails if there are rows");
        return is_refused.then(|| (Risk::NotNullWithoutDefault, text()));
    }
    let rewrites =
        [" TYPE ", " MODIFY ", " CHANGE ", " SET NOT NULL ", " ADD CONSTRAINT ", " ADD UNIQUE ", " ADD CHECK "];
    let is_gentle = has("NOT VALID") || has("VALIDATE CONSTRAINT");
    (!is_gentle && rewrites.iter().any(|phrase| words.contains(phrase)))
        .then(|| (Risk::Rewriting, "reads or rewrites the whole table while others wait".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(up: fn(migration::DbBackend) -> Vec<String>) -> Vec<(Risk, String)> {
        let migration = Migration { name: "m1", up, down: |_| vec![] };
        lint(Engine::Sqlite, &[migration]).into_iter().map(|warning| (warning.risk, warning.text)).collect()
    }

    #[test]
    fn a_statement_tells_which_table_it_changes() {
        for (statement, table) in [
            ("ALTER TABLE \"products\" ADD COLUMN \"weight\" integer", Some("products")),
            ("alter table products add column weight integer", Some("products")),
            ("CREATE UNIQUE INDEX `ux` ON `orders` (`reference`)", Some("orders")),
            (
                "CREATE TABLE notes (order_id int, FOREIGN KEY (order_id) REFERENCES orders (id) ON DELETE CASCADE)",
                None,
            ),
            ("UPDATE products SET weight = 1", None),
        ] {
            assert_eq!(table_changed(statement).as_deref(), table, "{statement}");
        }
    }

    #[test]
    fn what_is_risky_is_named() {
        let one = |text: &str, risk: Risk, warning: &str| {
            let found = risk_of(&words(text)).map(|(table, risk, text)| (risk, format!("{table}: {text}")));
            assert_eq!(found, Some((risk, warning.to_owned())), "{text}");
        };
        one("DROP TABLE IF EXISTS \"users\"", Risk::Destructive, "users: drops the table with its rows");
        one("truncate orders", Risk::Destructive, "orders: removes all rows");
        one("DELETE FROM shop.orders", Risk::Destructive, "orders: removes all rows");
        one("ALTER TABLE users DROP COLUMN email", Risk::Destructive, "users: drops the column email");
        one("alter table `users` drop `email`", Risk::Destructive, "users: drops the column email");
        one("ALTER TABLE users RENAME COLUMN a TO b", Risk::Renaming, "users: breaks programs that use the old name");
        one(
            "ALTER TABLE users ADD COLUMN age int NOT NULL",
            Risk::NotNullWithoutDefault,
            "users: adds the column age NOT NULL without a default: fails if there are rows",
        );
        let rewriting = "users: reads or rewrites the whole table while others wait";
        one("ALTER TABLE users ALTER COLUMN age TYPE bigint", Risk::Rewriting, rewriting);
        one("ALTER TABLE users MODIFY age bigint", Risk::Rewriting, rewriting);
        one("ALTER TABLE users ALTER COLUMN age SET NOT NULL", Risk::Rewriting, rewriting);
        one("CREATE UNIQUE INDEX idx ON users (age)", Risk::Rewriting, "users: builds an index while writers wait");
    }

    #[test]
    fn what_is_harmless_is_not() {
        for text in [
            "ALTER TABLE users ADD COLUMN age int NOT NULL DEFAULT 0",
            "ALTER TABLE users ADD COLUMN age int NULL",
            "ALTER TABLE users ALTER COLUMN age DROP NOT NULL",
            "ALTER TABLE users DROP CONSTRAINT ck",
            "ALTER TABLE users ADD CONSTRAINT ck CHECK (age > 0) NOT VALID",
            "DELETE FROM users WHERE age < 0",
            "INSERT INTO users SELECT 'DROP TABLE users'",
            "CREATE VIEW v AS SELECT 1",
        ] {
            assert_eq!(risk_of(&words(text)), None, "{text}");
        }
    }

    #[test]
    fn a_table_of_the_same_plan_is_nobodys_yet() {
        assert_eq!(of(|_| vec!["CREATE TABLE t (a int)".into(), "CREATE INDEX i ON t (a)".into()]), []);
        assert_eq!(of(|_| vec!["CREATE INDEX i ON t (a)".into()]).len(), 1);
    }
}
