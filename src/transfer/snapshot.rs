//! A shop in a database, as it is at one moment.

use futures_util::stream::BoxStream;
use futures_util::{StreamExt, TryStreamExt};
use sea_orm::prelude::async_trait::async_trait;

use super::{Cell, Origin, Row};
use crate::db::Database;
use crate::db::guarded::Snapshot;
use crate::db::raw::{Raw, RawColumn, raw_rows};
use crate::db::schema;
use crate::db::target::Engine;
use crate::db::write::WriteHandle;
use crate::entity::tables::{Family, Table, tables};
use crate::error::{CommandLine, Error, Hint, Result, printable};

/// A shop that nobody can change any more, for whoever reads it here.
pub struct ShopSnapshot {
    snapshot: Snapshot,
    engine: Engine,
    tables: Vec<Table>,
    /// Columns and tables that are there and no part of the shop.
    pub foreign: Vec<String>,
}

impl ShopSnapshot {
    /// Begins to read a shop with its whole schema.
    ///
    /// Errors: exit 4 where a table or a column is missing.
    pub async fn whole(database: &Database) -> Result<ShopSnapshot> {
        let shop = ShopSnapshot::begin(database).await?;
        let missing = tables().into_iter().find(|table| !shop.has_columns_of(table));
        let Some(missing) = missing else { return Ok(shop) };
        let message = format!(
            "{} has an older schema: its table {} is missing, or lacks columns",
            database.target(),
            missing.name
        );
        let on = |words: &str| CommandLine::new(words).on(database.target().to_string());
        // Not the cause of a missing schema, whose way out is told for the configured database.
        Err(Error::configuration("transfer.older_schema", message)
            .hint(Hint::from("to bring it up to date: ").and(on("migrate up")))
            .hint(Hint::from("if it is, another program changed it: ").and(on("migrate verify"))))
    }

    /// Begins to read a shop that may lack tables and columns of a newer version.
    pub async fn begin(database: &Database) -> Result<ShopSnapshot> {
        let engine = database.engine();
        let snapshot = database.snapshot().await?;
        let found = schema::read(&snapshot, engine).await?;
        let (mut here, mut foreign) = (Vec::new(), Vec::new());
        for mut table in tables() {
            if !found.has_table(&table.name) {
                continue;
            }
            table.columns.retain(|column| found.has_column(&table.name, &column.name));
            let known = |name: &str| table.columns.iter().any(|column| column.name == name);
            let others = found.of_table(&table.name, schema::ObjectKind::Column).filter(|(name, _)| !known(name));
            foreign.extend(others.map(|(name, _)| format!("column {}.{}", table.name, printable(name))));
            here.push(table);
        }
        Ok(ShopSnapshot { snapshot, engine, tables: here, foreign })
    }

    /// Whether it has a table of this name with all columns of this one.
    pub fn has_columns_of(&self, table: &Table) -> bool {
        let found = self.tables.iter().find(|found| found.name == table.name);
        found.is_some_and(|found| {
            table.columns.iter().all(|column| found.columns.iter().any(|found| found.name == column.name))
        })
    }

    /// The number of rows of all tables.
    pub async fn count(&self) -> Result<u64> {
        let names: Vec<String> = self.tables.iter().map(|table| table.name.clone()).collect();
        let counts = schema::row_counts(&self.snapshot, self.engine, &names, COUNT_LIMIT).await?;
        Ok(counts.iter().map(|(_, count, _)| count).sum())
    }

    /// For other queries on the same state.
    pub fn connection(&self) -> &Snapshot {
        &self.snapshot
    }

    /// Ends the transaction. A failure loses nothing: all was read, and a server may have ended it by itself.
    pub async fn end(self) {
        let _ = self.snapshot.rollback().await;
    }
}

/// More rows than any table has.
const COUNT_LIMIT: u64 = u32::MAX as u64;

#[async_trait]
impl Origin for ShopSnapshot {
    fn engine(&self) -> Engine {
        self.engine
    }

    fn tables(&self) -> Vec<Table> {
        self.tables.clone()
    }

    async fn rows<'a>(&'a mut self, table: &Table) -> Result<BoxStream<'a, Result<Row>>> {
        rows_of(&self.snapshot, table).await
    }
}

/// A shop whose rows a transaction has locked.
pub struct LockedShop<'a> {
    pub handle: &'a WriteHandle,
    pub tables: Vec<Table>,
}

#[async_trait]
impl Origin for LockedShop<'_> {
    fn engine(&self) -> Engine {
        self.handle.engine()
    }

    fn tables(&self) -> Vec<Table> {
        self.tables.clone()
    }

    async fn rows<'a>(&'a mut self, table: &Table) -> Result<BoxStream<'a, Result<Row>>> {
        rows_of(self.handle, table).await
    }
}

async fn rows_of<'a>(transaction: impl Into<&'a Snapshot>, table: &Table) -> Result<BoxStream<'a, Result<Row>>> {
    let transaction: &Snapshot = transaction.into();
    let columns = table.columns.iter();
    let columns = columns.map(|column| RawColumn { name: &column.name, is_text: column.family == Family::Text });
    let families: Vec<Family> = table.columns.iter().map(|column| column.family).collect();
    let has_forms = Engine::of(transaction).stores_times_as_text;
    let cell = move |index: usize, raw: Raw<'_>| Cell::read(raw, families[index], has_forms);
    let rows = raw_rows(transaction, &table.name, &columns.collect::<Vec<_>>(), cell).await?;
    Ok(rows.map_ok(Row).boxed())
}
