//! Rows in bulk, by the fastest way that an engine has: PostgreSQL's COPY, multi-row INSERT
//! elsewhere; into tables without indexes where they can be made afterwards.
//!
//! A load is one transaction, its changes of the schema included: whatever ends it early, a killed
//! process too, leaves nothing of it.

use sea_orm::prelude::async_trait::async_trait;
use sea_orm::{ConnectionTrait, DbErr, EntityTrait, ModelTrait, Value};

use super::copy_text::{RowDigest, push_row};
use super::fault::classify;
use super::insert::{InsertTarget, ROWS_PER_INSERT, insert_each, values_of};
use super::write::WriteHandle;
use crate::error::{Error, Kind, Result};

/// The savepoint before a batch of rows.
pub const BATCH: &str = "batch";

/// The rows loaded into one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadSummary {
    pub rows: u64,
    /// SHA-256 over all rows as text, the same on every engine.
    pub digest: [u8; 32],
}

/// An open load.
pub struct Load {
    writer: Box<dyn LoadWriter>,
    /// Statements that make the indexes again which are gone for the time being.
    rebuild: Vec<String>,
    /// The statement that ends it, before the commit.
    end: Option<String>,
}

/// How rows are sent, in a transaction of their own.
#[async_trait]
pub trait LoadWriter: Send {
    /// Writes rows into their table, and adds them to the digest; calls `progress` after each batch with its size.
    /// The number of rows.
    async fn insert(
        &mut self,
        target: &InsertTarget,
        rows: &mut (dyn Iterator<Item = Vec<Value>> + Send),
        digest: Option<&mut RowDigest>,
        progress: &mut (dyn FnMut(u64) + Send),
    ) -> Result<u64>;

    async fn execute(&mut self, sql: &str) -> Result<()>;

    /// Takes back what was written since [`BATCH`] was set, also after a failed statement.
    async fn roll_back_batch(&mut self) -> Result<()>;

    async fn commit(self: Box<Self>) -> Result<(), DbErr>;

    /// Rolls back immediately instead of when the server notices.
    async fn abandon(self: Box<Self>);
}

impl Load {
    pub(super) fn new(writer: impl LoadWriter + 'static, rebuild: Vec<String>) -> Load {
        Load { writer: Box::new(writer), rebuild, end: None }
    }

    /// With a statement before the commit.
    pub(super) fn ending_with(self, statement: String) -> Load {
        Load { end: Some(statement), ..self }
    }

    /// Writes rows into their table; calls `progress` after each batch with its size.
    ///
    /// Errors: those of the database; nothing of the load is kept then.
    pub async fn insert<M>(
        &mut self,
        models: impl Iterator<Item = M> + Send,
        progress: &mut (dyn FnMut(u64) + Send),
    ) -> Result<LoadSummary>
    where
        M: ModelTrait,
        <M::Entity as EntityTrait>::Column: Copy,
    {
        let mut rows = models.map(|model| values_of(&model));
        let (target, mut digest) = (InsertTarget::for_model::<M>(), RowDigest::default());
        let rows = self.writer.insert(&target, &mut rows, Some(&mut digest), progress).await?;
        Ok(LoadSummary { rows, digest: digest.finish() })
    }

    /// Writes rows of values into a table. On failure [`Load::roll_back_batch`] makes the load usable again.
    ///
    /// Errors: those of the database.
    pub async fn insert_rows(
        &mut self,
        target: &InsertTarget,
        rows: &mut (dyn Iterator<Item = Vec<Value>> + Send),
    ) -> Result<()> {
        self.writer.execute(&format!("SAVEPOINT {BATCH}")).await?;
        let _rows = self.writer.insert(target, rows, None, &mut |_| ()).await?;
        self.writer.execute(&format!("RELEASE SAVEPOINT {BATCH}")).await
    }

    /// Takes back the [`Load::insert_rows`] that failed.
    pub async fn roll_back_batch(&mut self) -> Result<()> {
        self.writer.roll_back_batch().await
    }

    /// Recreates the indexes, and ends the load but for its commit; calls `told` before with their number.
    pub async fn rebuild(&mut self, told: impl FnOnce(usize)) -> Result<()> {
        let statements = std::mem::take(&mut self.rebuild);
        if !statements.is_empty() {
            told(statements.len());
        }
        for statement in statements.into_iter().chain(self.end.take()) {
            self.writer.execute(&statement).await?;
        }
        Ok(())
    }

    /// Commits the load. Dropping it instead rolls back.
    ///
    /// Errors: exit 12 when the connection is lost, and with it what became of the load; those of the
    /// database, when it refused.
    pub async fn commit(mut self) -> Result<()> {
        self.rebuild(|_| ()).await?;
        self.writer.commit().await.map_err(|error| {
            let is_refusal = classify(&error).is_refusal();
            let error = Error::from(error);
            if is_refusal {
                return error;
            }
            let message = format!("it is not known whether the load was kept: {}", error.message());
            Error::new(Kind::OutcomeUnknown, "operation.outcome_unknown", message)
        })
    }

    /// Rolls back immediately instead of when the server notices.
    pub async fn abandon(self) {
        self.writer.abandon().await;
    }
}

/// The rows that were written, which are all that were sent.
pub(super) fn expect_written(sent: u64, written: u64) -> Result<u64> {
    if written != sent {
        return Err(Error::internal(format!("{sent} rows were sent but {written} written")));
    }
    Ok(written)
}

#[async_trait]
impl LoadWriter for WriteHandle {
    async fn insert(
        &mut self,
        target: &InsertTarget,
        rows: &mut (dyn Iterator<Item = Vec<Value>> + Send),
        mut digest: Option<&mut RowDigest>,
        progress: &mut (dyn FnMut(u64) + Send),
    ) -> Result<u64> {
        let (mut line, mut sent) = (String::new(), 0);
        let make_next = || -> Result<_> {
            let rows: Vec<Vec<Value>> = (&mut *rows).take(ROWS_PER_INSERT).collect();
            sent += rows.len() as u64;
            if let Some(digest) = &mut digest {
                for row in &rows {
                    line.clear();
                    push_row(&mut line, row)?;
                    digest.add(&line);
                }
            }
            Ok((!rows.is_empty()).then(|| target.insert(self.engine(), rows)).transpose()?)
        };
        let written = insert_each(self, make_next, progress).await?;
        expect_written(sent, written)
    }

    async fn execute(&mut self, sql: &str) -> Result<()> {
        self.execute_unprepared(sql).await?;
        Ok(())
    }

    async fn roll_back_batch(&mut self) -> Result<()> {
        Ok(self.rollback_to(BATCH, 0).await?)
    }

    async fn commit(self: Box<Self>) -> Result<(), DbErr> {
        WriteHandle::commit(*self).await
    }

    async fn abandon(self: Box<Self>) {
        // A failure means that the transaction is already gone.
        let _ = self.rollback().await;
    }
}
