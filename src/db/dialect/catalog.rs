//! Schema objects of a database, and the statements that change them.

use sea_orm::prelude::async_trait::async_trait;

use crate::db::engine::Session;
use crate::db::schema::meaning::meaning;
use crate::db::schema::{Object, ObjectKind, Removable, Schema};
use crate::error::Result;

/// An engine's schema: how it is read, compared, removed and repaired. `table` and `name` are already quoted
/// where they are parts of a statement.
#[async_trait]
pub trait Catalog {
    /// Any name, quoted for a statement.
    fn quoted(&self, name: &str) -> String {
        format!("\"{}\"", name.replace('"', "\"\""))
    }

    /// All objects in the current schema or database, except those of extensions and of the engine.
    async fn read_schema(&self, session: &dyn Session) -> Result<Schema>;

    /// Statements that remove these objects.
    fn removal(&self, objects: &[Removable]) -> Vec<String> {
        objects.iter().map(|object| format!("DROP {} IF EXISTS {}", object.kind, self.quoted(&object.name))).collect()
    }

    /// Whether two definitions of objects of this kind mean the same.
    fn is_equivalent(&self, _kind: ObjectKind, definition: &str, other: &str) -> bool {
        definition == other || meaning(definition) == meaning(other)
    }

    /// The statement that changes the options of a table; `None` if there are none.
    fn change_table(&self, _table: &str, _expected: &str) -> Option<String> {
        None
    }

    /// Statements that replace an index.
    fn change_index(&self, table: &str, name: &str, definition: &str) -> String {
        format!("{}; {definition}", self.drop_index(table, name))
    }

    /// The statement that removes an index.
    fn drop_index(&self, _table: &str, name: &str) -> String {
        format!("DROP INDEX {name}")
    }

    /// The statement that removes a trigger.
    fn drop_trigger(&self, _table: &str, name: &str) -> String {
        format!("DROP TRIGGER {name}")
    }

    /// Statements that give an object another name, not quoted, where a missing one needs its own; `None` where both can
    /// have it.
    fn renamed_away(&self, missing: Defined<'_>, holder: Defined<'_>, name: &str) -> Option<String>;

    /// The ALTER TABLE clause that removes a constraint, and the text between ADD and its definition; `None` if
    /// the table must be rebuilt.
    fn constraint(&self, _name: &str, _definition: &str) -> Option<(String, String)> {
        None
    }

    /// Statements that add a column; `None` if the table must be rebuilt.
    fn add_column(&self, table: &str, name: &str, definition: &str) -> Option<String> {
        Some(format!("ALTER TABLE {table} ADD COLUMN {name} {definition}"))
    }

    /// The statement that changes a column; `None` if the table must be rebuilt. Times without a zone are `ahead` minutes
    /// ahead of UTC.
    fn change_column(&self, _table: &str, _name: &str, _expected: &str, _found: &str, _ahead: i32) -> Option<String> {
        None
    }

    /// The ALTER TABLE clause that ends a feature of a table; `None` for one that may stay.
    fn without_feature(&self, _feature: &str) -> Option<&'static str> {
        None
    }

    /// The statement that a session needs before it changes tables with a feature that stays.
    fn allows_changes(&self, _feature: &str) -> Option<&'static str> {
        None
    }

    /// Rejects a session without a schema to create tables in; each hint is a remedy.
    ///
    /// Errors: exit 4.
    async fn refuse_no_schema(&self, _session: &dyn Session) -> Result<()> {
        Ok(())
    }

    /// Statements that rebuild a table with its rows, if no other statement can change it.
    fn rebuild(&self, _table: &str, _expected: &Schema, _found: &Schema) -> Option<String> {
        None
    }
}

/// An object with its definition.
pub type Defined<'a> = (&'a Object, &'a String);

/// [`Catalog::constraint`] of a constraint that is known by its name.
pub fn named_constraint(name: &str) -> (String, String) {
    (format!("DROP CONSTRAINT {name}"), format!("CONSTRAINT {name} "))
}

/// The parts of `type [NOT NULL] [DEFAULT …]`.
pub struct ColumnParts<'a> {
    pub kind: &'a str,
    pub is_not_null: bool,
    pub default: Option<&'a str>,
}

impl<'a> ColumnParts<'a> {
    pub fn parse(definition: &'a str) -> ColumnParts<'a> {
        let (rest, default) = match definition.split_once(" DEFAULT ") {
            Some((rest, default)) => (rest, Some(default)),
            None => (definition, None),
        };
        let kind = rest.strip_suffix(" NOT NULL");
        ColumnParts { kind: kind.unwrap_or(rest), is_not_null: kind.is_some(), default }
    }

    /// [`ColumnParts::instead_of_null`] where that is a constant: keys and times are not invented.
    pub fn constant_instead_of_null(&self, found: &ColumnParts<'_>) -> Option<&'a str> {
        let is_constant = |default: &&str| {
            default.trim_start_matches('(').starts_with(|first: char| matches!(first, '\'' | '-' | '0'..='9'))
        };
        self.instead_of_null(found).filter(is_constant)
    }

    /// The value for rows whose required value is missing: the default.
    pub fn instead_of_null(&self, found: &ColumnParts<'_>) -> Option<&'a str> {
        self.default.filter(|_| self.is_not_null && !found.is_not_null)
    }
}

/// The value for existing rows in a restored NOT NULL column without a default: the original values are lost.
/// MySQL and MariaDB use the same values implicitly.
pub fn neutral(definition: &str) -> Option<&'static str> {
    if !definition.contains(" NOT NULL") || definition.contains(" DEFAULT ") {
        return None;
    }
    let end = definition.find([' ', '(']).unwrap_or(definition.len());
    match definition[..end].to_ascii_lowercase().as_str() {
        "varchar" | "character" | "char" | "text" => Some("''"),
        "int" | "integer" | "bigint" | "smallint" | "numeric" | "decimal" | "real" => Some("0"),
        _ => None,
    }
}
