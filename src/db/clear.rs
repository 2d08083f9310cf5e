//! All rows of some tables, removed at once.

use sea_orm::ConnectionTrait;

use super::database::Database;
use super::references::references;
use super::write::WriteHandle;
use crate::domain::text::{counted, first_names};
use crate::error::{Error, Hint, Result};

/// How many objects a message names.
const NAMED: usize = 5;

/// A table, and how many rows it is expected to have.
pub type Expected = (String, u64);

impl Database {
    /// Deletes every row of these tables, of which those that others refer to come first, in one transaction.
    ///
    /// `check` looks at the rows when nobody else can change them any more.
    ///
    /// Errors: those of `check`; exit 6 if there are more or fewer rows than expected, or if tables of other programs
    /// refer to these, which would lose rows with them; exit 12 with `remedy` if the connection is lost at its end.
    /// Nothing is deleted then, or all of it.
    pub async fn clear(
        &self,
        tables: &[Expected],
        remedy: Hint,
        check: impl AsyncFnOnce(&WriteHandle) -> Result<()>,
    ) -> Result<()> {
        let handle = self.begin().await?;
        match delete_all(&handle, tables, check).await {
            Ok(()) => handle.commit_or_unknown(remedy).await,
            Err(error) => {
                // A failure means that the transaction is already gone.
                let _ = handle.rollback().await;
                Err(error)
            }
        }
    }
}

async fn delete_all(
    handle: &WriteHandle,
    tables: &[Expected],
    check: impl AsyncFnOnce(&WriteHandle) -> Result<()>,
) -> Result<()> {
    // Before anything is read, so that it is read as it is now.
    for (table, _) in tables {
        if let Some(lock) = handle.engine().lock_rows {
            handle.execute_unprepared(&lock(&handle.engine().quoted(table))).await?;
        }
    }
    let is_ours = |name: &str| tables.iter().any(|(table, _)| table == name);
    let others = references(handle).await?.into_iter().filter(|reference| {
        let is_own = reference.schema.is_none() && is_ours(&reference.from);
        reference.is_foreign_key() && is_ours(&reference.to) && !is_own
    });
    let others: Vec<String> = others.map(|reference| format!("{} to {}", reference.place(), reference.to)).collect();
    if !others.is_empty() {
        let message = format!("tables of other programs refer to the shop's: {}", first_names(others, NAMED));
        return Err(
            Error::conflict("clear.referenced", message).hint("remove these foreign keys, or use another database")
        );
    }
    check(handle).await?;
    for (table, expected) in tables.iter().rev() {
        let sql = format!("DELETE FROM {}", handle.engine().quoted(table));
        let deleted = handle.execute_unprepared(&sql).await?.rows_affected();
        if deleted != *expected {
            let rows = counted(deleted, "row");
            let message = format!("another program is at work: {table} now has {rows}, where there were {expected}");
            return Err(changed_meanwhile(message));
        }
    }
    Ok(())
}

/// The error for rows that another program has changed.
pub fn changed_meanwhile(message: String) -> Error {
    Error::conflict("clear.changed", message).hint("stop it, then run the command again")
}
