//! A row of a table.

use sha2::{Digest, Sha256};

use super::Cell;
use crate::entity::tables::{Column, Table};

/// The values of a row, in the order of its table's columns.
#[derive(Debug, Clone, PartialEq)]
pub struct Row(pub Vec<Cell>);

/// The columns that name a row for people, where its table has one.
const NAMES: [&str; 4] = ["email", "sku", "reference", "name"];

impl Row {
    /// The hash of all values.
    pub fn hash(&self) -> [u8; 32] {
        hash(self.0.iter())
    }

    /// The hash of the key, by which the same row is found on the other side.
    pub fn key_hash(&self, table: &Table) -> [u8; 32] {
        let columns = table.columns.iter().zip(&self.0);
        hash(columns.filter(|(column, _)| table.key.contains(&column.name)).map(|(_, cell)| cell))
    }

    /// The value of a column of its table.
    pub fn get(&self, table: &Table, column: &str) -> &Cell {
        let index = table.columns.iter().position(|known| known.name == column);
        index.and_then(|index| self.0.get(index)).unwrap_or(&Cell::Missing)
    }

    /// `ada@example.com (0190…)`: what the row is called, and its key.
    pub fn name(&self, table: &Table) -> String {
        let key = self.key(table);
        match NAMES.into_iter().find_map(|name| self.get(table, name).to_text()) {
            Some(name) if name != key => format!("{name} ({key})"),
            _ => key,
        }
    }

    /// Its key as text.
    pub fn key(&self, table: &Table) -> String {
        let of = |name: &String| self.get(table, name).to_text().unwrap_or_else(|| "NULL".to_owned());
        table.key.iter().map(of).collect::<Vec<_>>().join(" ")
    }
}

/// The column whose values nobody is shown.
const SECRET: &str = "password_hash";

/// A value as a message may show it; `None` for a missing one.
pub fn shown(column: &Column, cell: &Cell) -> Option<String> {
    let text = cell.to_text()?;
    Some(if column.name == SECRET { "***".to_owned() } else { text })
}

/// As many bytes as most rows have when they are compared.
const CANONICAL_BYTES: usize = 512;

fn hash<'a>(cells: impl Iterator<Item = &'a Cell>) -> [u8; 32] {
    let mut bytes = Vec::with_capacity(CANONICAL_BYTES);
    cells.for_each(|cell| cell.push_canonical(&mut bytes));
    Sha256::digest(bytes).into()
}
