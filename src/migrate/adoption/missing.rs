//! Columns of the shop that another program's table has, and those that nothing can stand for.

use super::{ForeignShop, kind, means};
use crate::db::adoption::ForeignColumn;
use crate::db::schema::{self, ObjectKind, Schema};
use crate::entity::tables::{Family, tables};
use crate::error::{Error, Kind, printable};

/// A column that the shop needs and another program's table does not have.
pub(super) struct MissingColumn {
    /// The table, as the other program calls it.
    table: String,
    name: String,
    /// Its type, without NOT NULL.
    kind: String,
}

/// The shop's columns in another program's table, and those that are missing and have no default.
pub(super) fn columns(
    table: &str,
    found_name: &str,
    expected: &Schema,
    found: &Schema,
) -> (Vec<ForeignColumn>, Vec<MissingColumn>) {
    let all = tables();
    let entity = all.iter().find(|entity| entity.name == table);
    let found: Vec<(&str, &str)> = found.of_table(found_name, ObjectKind::Column).collect();
    let (mut columns, mut missing) = (Vec::new(), Vec::new());
    for (name, definition) in expected.of_table(table, ObjectKind::Column) {
        let family = entity.and_then(|entity| entity.columns.iter().find(|column| column.name == name));
        let exact = found.iter().find(|(other, _)| *other == name);
        let twin = exact.or_else(|| found.iter().find(|(other, _)| means(other, name)));
        match twin {
            Some((found_name, other)) => columns.push(ForeignColumn {
                name: name.to_owned(),
                found_name: (*found_name).to_owned(),
                kind: kind(family.map_or(Family::Text, |column| column.family)),
                expected: definition.to_owned(),
                found: (*other).to_owned(),
            }),
            None if schema::needs_value(definition) => missing.push(MissingColumn {
                table: found_name.to_owned(),
                name: name.to_owned(),
                kind: definition.replacen(" NOT NULL", "", 1),
            }),
            None => {}
        }
    }
    (columns, missing)
}

impl ForeignShop {
    /// Whether there are tables without ids.
    pub(super) fn lacks_ids(&self) -> bool {
        self.missing.iter().any(|column| column.name == "id")
    }

    /// The error about tables that lack what nothing can stand for: it names every column, with the statements that add
    /// them.
    pub fn missing_columns(&self) -> Option<Error> {
        if self.missing.is_empty() {
            return None;
        }
        let of_tables: Vec<&[MissingColumn]> = self.missing.chunk_by(|one, next| one.table == next.table).collect();
        let told = |columns: &&[MissingColumn]| {
            let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
            let table = printable(&columns[0].table);
            format!("{table} has no {} for {}", if names.len() > 1 { "columns" } else { "column" }, names.join(", "))
        };
        let told: Vec<String> = of_tables.iter().map(told).collect();
        let message = format!("{}; they have no default", told.join("; "));
        let error = Error::new(Kind::CheckFailed, "adopt.column", message);
        let hint = |columns: &[MissingColumn]| {
            let add = |column: &MissingColumn| {
                let [table, name] = [&column.table, &column.name].map(|name| self.engine.quoted(name));
                format!("ALTER TABLE {table} ADD COLUMN {name} {}", column.kind)
            };
            let add: Vec<String> = columns.iter().map(add).collect();
            format!("rename the columns that have these values, or add and fill them: {}", add.join("; "))
        };
        Some(of_tables.into_iter().fold(error, |error, columns| error.hint(hint(columns))))
    }
}
