//! An adoption that broke off where DDL commits by itself. The settings name the tables that it makes, so that the next
//! one removes them and begins again.

use sea_orm::ConnectionTrait;

use crate::db::write::WriteHandle;
use crate::error::{Error, Result};
use crate::migrate::lock::{Lock, begin_within};
use crate::migrate::{Job, history};

/// The settings are numbered; their values are names of tables.
const MADE: &str = "adopt.";

/// The tables that an adoption made and did not finish, in the order in which it made them.
pub async fn broken_off(connection: &impl ConnectionTrait) -> Result<Vec<String>> {
    Ok(history::settings(connection, MADE).await?.into_iter().map(|(_, table)| table).collect())
}

/// Removes them under the lock of migrations, which an adoption at work holds.
///
/// Errors: those of the lock and of the database.
pub async fn remove_broken_off(job: Job<'_>) -> Result<Vec<String>> {
    let lock = Lock::acquire(job).await?;
    let removed = remove(job, &lock).await;
    lock.finish(removed).await
}

async fn remove(Job { database, plan, .. }: Job<'_>, lock: &Lock) -> Result<Vec<String>> {
    let handle = begin_within(database, plan.lock_wait).await.map_err(Error::from)?;
    lock.renew(&handle).await?;
    let tables = broken_off(&handle).await?;
    for table in tables.iter().rev() {
        handle.execute_unprepared(&format!("DROP TABLE IF EXISTS {}", database.engine().quoted(table))).await?;
    }
    forget(&handle).await?;
    handle.commit().await?;
    Ok(tables)
}

/// Records the tables that are about to be made; the first of them commits the record.
pub(super) async fn record(handle: &WriteHandle, tables: &[String]) -> Result<()> {
    for (number, table) in tables.iter().enumerate() {
        history::set_setting(handle, &format!("{MADE}{number:05}"), table).await?;
    }
    Ok(())
}

/// Removes the record of tables that are in their places, or gone.
pub(super) async fn forget(handle: &WriteHandle) -> Result<()> {
    Ok(history::remove_settings(handle, MADE).await?)
}
