//! What refers to the tables of a database, and keeps them from being dropped.

use std::fmt;

use sea_orm::{ConnectionTrait, QueryResult};

use super::answers::{rows, text};
use super::target::Engine;
use crate::domain::text::in_full;
use crate::error::{Result, printable};

/// A foreign key or a view that needs a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// The schema or database of the foreign key's table or of the view, if not the current one.
    pub schema: Option<String>,
    kind: String,
    /// The table that has the foreign key, or the view.
    pub from: String,
    /// The foreign key; on SQLite its columns, empty for a view.
    pub name: String,
    /// The table that is needed.
    pub to: String,
}

impl Reference {
    /// The statement that removes it; `None` where the table has to be made again.
    pub fn removal(&self, engine: Engine) -> Option<String> {
        let quoted = |name: &str| in_full(&engine.quoted(name));
        let schema = self.schema.as_ref().map(|schema| format!("{}.", quoted(schema)));
        let from = format!("{}{}", schema.unwrap_or_default(), quoted(&self.from));
        if !self.is_foreign_key() {
            return Some(format!("DROP {} {from}", self.kind));
        }
        let (remove, _) = engine.constraint(&quoted(&self.name), &self.kind)?;
        Some(format!("ALTER TABLE {from} {remove}"))
    }

    /// A foreign key, for tests of what is decided by it.
    #[cfg(test)]
    pub fn foreign_key(schema: Option<&str>, from: &str, name: &str, to: &str) -> Reference {
        let schema = schema.map(str::to_owned);
        let [kind, from, name, to] = ["FOREIGN KEY", from, name, to].map(str::to_owned);
        Reference { schema, kind, from, name, to }
    }

    /// Whether it is a foreign key, not a view.
    pub fn is_foreign_key(&self) -> bool {
        self.kind == "FOREIGN KEY"
    }

    /// The table that has it, or the view, with its schema if that is not the current one.
    pub fn place(&self) -> String {
        match &self.schema {
            Some(schema) => format!("{}.{}", printable(schema), printable(&self.from)),
            None => printable(&self.from),
        }
    }
}

/// `foreign key review_p_fkey of table review`, `view monthly`
impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.is_foreign_key() {
            true => write!(f, "foreign key {} of table {}", printable(&self.name), self.place()),
            false => write!(f, "{} {}", self.kind.to_lowercase(), self.place()),
        }
    }
}

/// Everything that refers to a table of the current schema or database, as far as the engine tells this role.
pub async fn references(connection: &impl ConnectionTrait) -> Result<Vec<Reference>> {
    let reference = |row: &QueryResult| {
        let get = |column| text(row, column).unwrap_or_default();
        let schema = Some(get("in_schema")).filter(|schema| !schema.is_empty());
        Reference { schema, kind: get("kind"), from: get("from_table"), name: get("name"), to: get("to_table") }
    };
    Ok(rows(connection, Engine::of(connection).references).await?.iter().map(reference).collect())
}
