//! An adoption that broke off where DDL commits by itself. The settings name the tables that it makes, so that the next
//! one removes them and begins again; a table that was about to take the place of another one takes it first.

use sea_orm::ConnectionTrait;

use crate::db::adoption::Replacement;
use crate::db::schema;
use crate::db::write::WriteHandle;
use crate::error::{Error, Result};
use crate::migrate::{Job, Lock, begin_within, history};

/// The settings are numbered; their values are [`Made`].
const MADE: &str = "adopt.";

/// A table that an adoption makes, as JSON: its name, and that of the table whose place it takes and its name then.
type Made = Vec<String>;

/// The tables that an adoption made and did not finish, in the order in which it made them.
pub async fn broken_off(connection: &impl ConnectionTrait) -> Result<Vec<String>> {
    Ok(recorded(connection).await?.into_iter().filter_map(|made| made.into_iter().next()).collect())
}

async fn recorded(connection: &impl ConnectionTrait) -> Result<Vec<Made>> {
    let settings = history::settings(connection, MADE).await?;
    Ok(settings.iter().filter_map(|(_, made)| serde_json::from_str(made).ok()).collect())
}

/// Removes them under the lock of migrations, which an adoption at work holds.
///
/// Errors: those of the lock and of the database.
pub async fn remove_broken_off(job: Job<'_>) -> Result<Vec<String>> {
    let lock = Lock::acquire(job).await?;
    let removed = remove_locked(job, &lock).await;
    lock.finish(removed).await
}

async fn remove_locked(Job { database, plan, .. }: Job<'_>, lock: &Lock) -> Result<Vec<String>> {
    let handle = begin_within(database, plan.lock_wait).await.map_err(Error::from)?;
    lock.renew(&handle).await?;
    let removed = remove(&handle).await?;
    handle.commit().await?;
    Ok(removed)
}

/// Removes the tables that are recorded, with their record, and returns their names. One whose old table is already
/// out of the way is complete: it takes that place.
pub(super) async fn remove(handle: &WriteHandle) -> Result<Vec<String>> {
    let engine = handle.engine();
    let present = schema::tables(handle, engine, &[]).await?;
    let is_present = |name: &String| present.contains(name);
    let mut removed = Vec::new();
    for made in recorded(handle).await?.iter().rev() {
        let table = made.first().filter(|table| is_present(table));
        let statement = match (table, made.get(1).zip(made.get(2))) {
            (None, _) => continue,
            (Some(table), Some((found, name))) if !is_present(found) && !is_present(name) => {
                format!("ALTER TABLE {} RENAME TO {}", engine.quoted(table), engine.quoted(name))
            }
            (Some(table), _) => {
                removed.insert(0, table.clone());
                format!("DROP TABLE IF EXISTS {}", engine.quoted(table))
            }
        };
        handle.execute_unprepared(&statement).await?;
    }
    forget(handle).await?;
    Ok(removed)
}

/// Records the tables that are about to be made; the first of them commits the record.
pub(super) async fn record(
    handle: &WriteHandle,
    replacements: &[Replacement],
    tables: impl Iterator<Item = String>,
) -> Result<()> {
    let replacement = |one: &Replacement| vec![one.made.clone(), one.found.clone(), one.name.clone()];
    let all = replacements.iter().map(replacement).chain(tables.map(|table| vec![table]));
    for (number, made) in all.enumerate() {
        let made = serde_json::json!(made).to_string();
        history::set_setting(handle, &format!("{MADE}{number:05}"), &made).await?;
    }
    Ok(())
}

/// Removes the record of tables that are in their places, or gone.
pub(super) async fn forget(handle: &WriteHandle) -> Result<()> {
    Ok(history::remove_settings(handle, MADE).await?)
}
