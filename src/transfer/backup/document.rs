//! What a backup says of itself.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// At the beginning of a backup.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Header {
    /// The version of shopctl.
    pub program: String,
    /// The engine whose rows these are.
    pub engine: String,
    /// When the shop was as it is here.
    pub time: String,
    /// What the database was for.
    pub environment: Option<String>,
    /// The applied migrations.
    pub migrations: Vec<String>,
    /// How many rows all tables have.
    pub rows: u64,
    pub tables: Vec<TableHeader>,
}

/// A table of a backup.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TableHeader {
    pub name: String,
    pub columns: Vec<String>,
}

/// At the end of a backup, when everything was read.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Manifest {
    pub tables: BTreeMap<String, TableSum>,
    /// The hash of the last seal of the audit trail.
    pub head: Option<String>,
}

impl Manifest {
    /// How many rows all tables have.
    pub fn rows(&self) -> u64 {
        self.tables.values().map(|table| table.rows).sum()
    }
}

/// What a table has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableSum {
    pub rows: u64,
    /// SHA-256, hexadecimal.
    pub digest: String,
}
