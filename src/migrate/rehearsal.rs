//! Rehearsal of `up`: runs it and rolls back, to show its effect and the time of each statement.

use std::time::{Duration, Instant};

use migration::{Migration, history_tables};
use sea_orm::ConnectionTrait;
use tokio::time::timeout;

use super::{CLOSE_TIMEOUT, Job, Progress, begin_within, history, statements, status};
use crate::db::ddl::{LOCK_TIMEOUT, broken_references, refuse_no_schema};
use crate::db::inspection::refuse_too_old;
use crate::db::write::WriteHandle;
use crate::error::{Error, Kind, Result};

/// An executed statement.
#[derive(Debug, Clone)]
pub struct RehearsedStatement {
    /// The migration that the statement belongs to.
    pub migration: &'static str,
    /// The statement's SQL.
    pub statement: String,
    /// How long it took on this database.
    pub duration: Duration,
}

/// Runs what is pending in one transaction and rolls it back. Only where DDL takes part in
/// transactions; it holds real locks until the end.
///
/// Errors: exit 1 for a statement that fails; exit 9 as for `up`.
pub async fn rehearse(job: Job<'_>) -> Result<Vec<RehearsedStatement>> {
    let Job { database, plan, .. } = job;
    let selected = super::selected(plan)?;
    refuse_no_schema(database.connection()).await?;
    refuse_too_old(database.connection()).await?;
    let database = database.for_schema_changes(plan.lock_wait).await?;
    let handle = begin_within(&database, plan.lock_wait).await?;
    let rehearsed = rehearse_within(&handle, job, selected).await;
    // The findings are returned whether or not the rollback succeeds.
    let _ = timeout(CLOSE_TIMEOUT, handle.rollback()).await;
    if database.engine().has_one_writer {
        database.close().await;
    }
    rehearsed
}

async fn rehearse_within(
    handle: &WriteHandle,
    Job { plan, progress, .. }: Job<'_>,
    selected: &[Migration],
) -> Result<Vec<RehearsedStatement>> {
    let engine = handle.engine();
    let sql = format!("{}{}", engine.begin_migration(LOCK_TIMEOUT), history_tables(engine.backend).join(";\n"));
    handle.execute_unprepared(&sql).await?;
    let history = history::read(handle).await?;
    for notice in status::check_preconditions(&status::statuses(engine, &plan.catalog, &history)?, plan.allow_late)? {
        progress(Progress::Notice(&notice));
    }
    let pending = selected.iter().filter(|migration| !history.is_applied(migration.name));
    let mut rehearsed = Vec::new();
    for migration in pending.take(plan.steps.map_or(usize::MAX, |steps| steps as usize)) {
        let failed = |what: String| {
            Error::new(Kind::Internal, "migrate.failed", format!("migration {} would fail: {what}", migration.name))
                .hint("nothing was changed; fix the cause, then rehearse again")
        };
        for (number, statement) in statements(engine, migration).into_iter().enumerate() {
            let started = Instant::now();
            if let Err(error) = handle.execute_unprepared(&statement).await {
                return Err(failed(format!("statement {}: {}", number + 1, Error::from(error))));
            }
            rehearsed.push(RehearsedStatement { migration: migration.name, statement, duration: started.elapsed() });
        }
        let broken = broken_references(handle).await?;
        if !broken.is_empty() {
            return Err(failed(broken.join("; ")));
        }
    }
    Ok(rehearsed)
}
