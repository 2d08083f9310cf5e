//! Rows in bulk, by the fastest way that an engine has: PostgreSQL's COPY, multi-row INSERT
//! elsewhere; into tables without indexes where they can be made afterwards.
//!
//! A load is one transaction, its changes of the schema included: whatever ends it early, a killed
//! process too, leaves nothing of it.

use sea_orm::prelude::async_trait::async_trait;
use sea_orm::{ConnectionTrait, DbErr, EntityTrait, ModelTrait, Value};

use super::copy_text::CopyLines;
pub use super::copy_text::LoadSummary;
use super::fault::classify;
use super::insert::{InsertTarget, ROWS_PER_INSERT, insert_each, values_of};
use super::write::WriteHandle;
use crate::error::{Error, Kind, Result};

/// The savepoint before a batch of rows.
pub const BATCH: &str = "batch";

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
    /// Writes rows into their table; calls `progress` after each batch with its size.
    async fn insert(
        &mut self,
        target: &InsertTarget,
        rows: &mut (dyn Iterator<Item = Vec<Value>> + Send),
        progress: &mut (dyn FnMut(u64) + Send),
    ) -> Result<LoadSummary>;

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
        self.writer.insert(&InsertTarget::for_model::<M>(), &mut rows, progress).await
    }

    /// Writes rows of values into a table. On failure [`Load::roll_back_batch`] makes the load usable again.
    ///
    /// Errors: those of the database.
    pub async fn insert_rows(
        &mut self,
        target: &InsertTarget,
        rows: &mut (dyn Iterator<Item = Vec<Value>> + Send),
    ) -> Result<LoadSummary> {
        self.writer.execute(&format!("SAVEPOINT {BATCH}")).await?;
        let loaded = self.writer.insert(target, rows, &mut |_| ()).await?;
        self.writer.execute(&format!("RELEASE SAVEPOINT {BATCH}")).await?;
        Ok(loaded)
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

#[async_trait]
impl LoadWriter for WriteHandle {
    async fn insert(
        &mut self,
        target: &InsertTarget,
        rows: &mut (dyn Iterator<Item = Vec<Value>> + Send),
        progress: &mut (dyn FnMut(u64) + Send),
    ) -> Result<LoadSummary> {
        let mut lines = CopyLines::default();
        let make_next = || -> Result<_> {
            let rows: Vec<Vec<Value>> = (&mut *rows).take(ROWS_PER_INSERT).collect();
            rows.iter().try_for_each(|row| lines.push(row))?;
            lines.text.clear();
            Ok((!rows.is_empty()).then(|| target.insert(self.engine(), rows)).transpose()?)
        };
        let written = insert_each(self, make_next, progress).await?;
        lines.finish(written)
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
