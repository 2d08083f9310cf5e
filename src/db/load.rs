//! Rows in bulk, by the fastest way that an engine has: PostgreSQL's COPY, multi-row INSERT
//! elsewhere; into tables without indexes where they can be made afterwards.
//!
//! A load is one transaction, its changes of the schema included: whatever ends it early, a killed
//! process too, leaves nothing of it.

use sea_orm::{ConnectionTrait, EntityTrait, ModelTrait, Value};
use sha2::{Digest, Sha256};

use super::Database;
use super::dialect::{Copying, push_row};
use super::fault::classify;
use super::insert::{InsertTarget, ROWS_PER_INSERT, values_of};
use super::write::WriteHandle;
use crate::error::{Error, Kind, Result};

/// An open load.
pub struct Load {
    pub(super) way: Way,
    /// Statements that make the indexes again which are gone for the time being.
    pub(super) rebuild: Vec<String>,
}

pub(super) enum Way {
    Copy(Copying),
    Insert(WriteHandle),
}

/// What was loaded into one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    pub rows: u64,
    /// SHA-256 over all rows as text, the same on every engine.
    pub digest: [u8; 32],
}

impl Database {
    /// Begins a load into these tables. While it is open it holds them for itself.
    ///
    /// Errors: as [`Database::begin`].
    pub async fn load(&self, tables: &[&str]) -> Result<Load> {
        self.ready().await?;
        self.engine().begin_load(self, tables).await
    }
}

impl Load {
    /// Writes rows into their table; `progress` hears of each portion.
    ///
    /// Errors: those of the database; nothing of the load is kept then.
    pub async fn insert<M>(&mut self, models: impl Iterator<Item = M>, progress: &mut dyn FnMut(u64)) -> Result<Loaded>
    where
        M: ModelTrait,
        <M::Entity as EntityTrait>::Column: Copy,
    {
        let target = InsertTarget::of::<M>();
        let rows = models.map(|model| values_of(&model));
        match &mut self.way {
            Way::Copy(copying) => copying.copy(&target, rows, progress).await,
            Way::Insert(handle) => insert(handle, &target, rows, progress).await,
        }
    }

    /// Makes the indexes again; `told` hears of it before.
    pub async fn rebuild(&mut self, told: impl FnOnce(usize)) -> Result<()> {
        let statements = std::mem::take(&mut self.rebuild);
        if !statements.is_empty() {
            told(statements.len());
        }
        for statement in statements {
            match &mut self.way {
                Way::Copy(copying) => copying.execute(&statement).await?,
                Way::Insert(handle) => {
                    handle.execute_unprepared(&statement).await?;
                }
            }
        }
        Ok(())
    }

    /// Keeps everything. Dropping a load instead keeps nothing.
    ///
    /// Errors: exit 12 when the connection is lost, and with it what became of the load; those of the
    /// database, when it refused.
    pub async fn commit(mut self) -> Result<()> {
        self.rebuild(|_| ()).await?;
        let committed = match self.way {
            Way::Copy(copying) => copying.commit().await,
            Way::Insert(handle) => handle.commit().await,
        };
        committed.map_err(|error| {
            let is_refusal = classify(&error).is_refusal();
            let error = Error::from(error);
            if is_refusal {
                return error;
            }
            let message = format!("it is not known whether the load was kept: {}", error.message());
            Error::new(Kind::OutcomeUnknown, "operation.outcome_unknown", message)
        })
    }

    /// Gives everything up, now and not when the server notices.
    pub async fn abandon(self) {
        match self.way {
            Way::Copy(copying) => copying.abandon().await,
            Way::Insert(handle) => drop(handle.rollback().await),
        }
    }
}

async fn insert(
    handle: &WriteHandle,
    target: &InsertTarget,
    mut rows: impl Iterator<Item = Vec<Value>>,
    progress: &mut dyn FnMut(u64),
) -> Result<Loaded> {
    let (mut lines, mut written) = (Lines::default(), 0);
    loop {
        let rows: Vec<Vec<Value>> = rows.by_ref().take(ROWS_PER_INSERT).collect();
        if rows.is_empty() {
            return lines.loaded(written);
        }
        rows.iter().try_for_each(|row| lines.push(row))?;
        let count = rows.len() as u64;
        let statement = handle.engine().insert(target, rows)?;
        written += handle.execute_raw(statement).await?.rows_affected();
        lines.take();
        progress(count);
    }
}

/// An absent value that nothing follows, in the text form of COPY.
const ABSENT_AT_END: &str = "\t\\N";

/// Rows in the text form of COPY, which also serves to tell whether two loads are the same.
#[derive(Default)]
pub(super) struct Lines {
    pub text: String,
    digest: Sha256,
    pub rows: u64,
}

impl Lines {
    /// The digest leaves out what is absent at the end of a row, so that a column that is added there
    /// later changes no digest of the rows that have nothing in it.
    ///
    /// Errors: a value of a type that has no form as text.
    pub fn push(&mut self, row: &[Value]) -> Result<()> {
        let start = self.text.len();
        push_row(&mut self.text, row)?;
        let line = self.text[start..].trim_end_matches('\n');
        self.digest.update(line.trim_end_matches(ABSENT_AT_END));
        self.digest.update("\n");
        self.rows += 1;
        Ok(())
    }

    pub fn take(&mut self) -> String {
        let capacity = self.text.capacity();
        std::mem::replace(&mut self.text, String::with_capacity(capacity))
    }

    pub fn loaded(self, written: u64) -> Result<Loaded> {
        if written != self.rows {
            return Err(Error::internal(format!("{} rows were sent and {written} written", self.rows)));
        }
        Ok(Loaded { rows: self.rows, digest: self.digest.finalize().into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(row: &[Value]) -> [u8; 32] {
        let mut lines = Lines::default();
        lines.push(row).unwrap();
        lines.loaded(1).unwrap().digest
    }

    #[test]
    fn a_column_that_is_added_at_the_end_changes_no_digest_of_rows_without_it() {
        let (text, none) = (Value::from("\\N"), Value::Int(None));
        let old = [text.clone(), 1.into()];
        assert_eq!(digest(&[text.clone(), 1.into(), none.clone()]), digest(&old));
        assert_ne!(digest(&[text.clone(), 1.into(), 2.into()]), digest(&old));
        assert_ne!(digest(&[text, none, 1.into()]), digest(&old), "only at the end");
    }
}
