//! What was applied, in two tables kept in step: SeaORM's own `seaql_migrations`, which its stock
//! migrator reads, and a companion with what that does not record.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Alias, DynIden, Expr, ExprTrait, IntoIden, Query};
use sea_orm::{ConnectionTrait, DbErr, QueryResult};

use crate::db::fault::{Fault, classify};
use crate::db::write::WriteHandle;
use crate::error::Result;

/// One migration as the database knows it.
#[derive(Debug, Clone)]
pub struct Record {
    pub name: String,
    pub is_applied: bool,
    pub is_failed: bool,
    /// Order of application; 0 for what another tool applied.
    pub sequence: i64,
    pub applied_at: Option<DateTime<Utc>>,
    pub runner: Option<String>,
}

/// An error text in the history is cut here, in characters.
const ERROR_MAX_CHARACTERS: usize = 2_000;

fn table(name: &'static str) -> DynIden {
    Alias::new(name).into_iden()
}

/// The whole history; empty where its tables do not exist. A transaction must not ask for tables
/// that are missing, so the runner creates them first.
pub async fn read(connection: &impl ConnectionTrait) -> Result<Vec<Record>> {
    let mut applied = Query::select();
    applied.columns(["version", "applied_at"]).from(table("seaql_migrations"));
    let rows = or_missing(connection.query_all(&applied).await)?;
    let mut records = rows.iter().map(seaql_record).collect::<Result<Vec<_>, DbErr>>()?;
    let mut companion = Query::select();
    companion.columns(["name", "state", "sequence", "runner"]).from(table("shopctl_migrations"));
    for row in or_missing(connection.query_all(&companion).await)? {
        let (name, state): (String, String) = (row.try_get("", "name")?, row.try_get("", "state")?);
        let (sequence, runner) = (row.try_get("", "sequence")?, row.try_get("", "runner")?);
        match records.iter_mut().find(|record| record.name == name) {
            Some(record) => {
                record.sequence = sequence;
                record.runner = Some(runner);
            }
            None => records.push(Record {
                name,
                is_applied: false,
                is_failed: state == "failed",
                sequence,
                applied_at: None,
                runner: Some(runner),
            }),
        }
    }
    Ok(records)
}

fn seaql_record(row: &QueryResult) -> Result<Record, DbErr> {
    let seconds: i64 = row.try_get("", "applied_at")?;
    Ok(Record {
        name: row.try_get("", "version")?,
        is_applied: true,
        is_failed: false,
        sequence: 0,
        applied_at: DateTime::from_timestamp(seconds, 0),
        runner: None,
    })
}

fn or_missing(rows: Result<Vec<QueryResult>, DbErr>) -> Result<Vec<QueryResult>> {
    match rows {
        Err(error) if classify(&error) == Fault::NoSchema => Ok(Vec::new()),
        other => Ok(other?),
    }
}

/// The intent to apply, for engines whose DDL commits by itself: the DDL commits this row too.
pub async fn record_intent(handle: &WriteHandle, name: &str, sequence: i64, runner: &str) -> Result<()> {
    replace(handle, name, "running", sequence, runner, None, None).await
}

pub async fn record_failed(handle: &WriteHandle, name: &str, sequence: i64, runner: &str, error: &str) -> Result<()> {
    let error = error.chars().take(ERROR_MAX_CHARACTERS).collect();
    replace(handle, name, "failed", sequence, runner, None, Some(error)).await
}

/// Both tables' rows for a migration that was applied.
pub async fn record_applied(
    handle: &WriteHandle,
    name: &str,
    sequence: i64,
    runner: &str,
    duration: Duration,
    now: DateTime<Utc>,
) -> Result<()> {
    replace(handle, name, "applied", sequence, runner, Some(duration), None).await?;
    let mut insert = Query::insert();
    insert.into_table(table("seaql_migrations")).columns(["version", "applied_at"]);
    insert.values_panic([name.into(), now.timestamp().into()]);
    handle.execute(&insert).await?;
    Ok(())
}

async fn replace(
    handle: &WriteHandle,
    name: &str,
    state: &str,
    sequence: i64,
    runner: &str,
    duration: Option<Duration>,
    error: Option<String>,
) -> Result<()> {
    delete(handle, "shopctl_migrations", "name", name).await?;
    let milliseconds = duration.map(|duration| i64::try_from(duration.as_millis()).unwrap_or(i64::MAX));
    let mut insert = Query::insert();
    insert
        .into_table(table("shopctl_migrations"))
        .columns(["name", "state", "sequence", "runner", "version", "duration_milliseconds", "error"])
        .values_panic([
            name.into(),
            state.into(),
            sequence.into(),
            runner.into(),
            env!("CARGO_PKG_VERSION").into(),
            milliseconds.into(),
            error.into(),
        ]);
    handle.execute(&insert).await?;
    Ok(())
}

/// Forgets a migration that was reverted.
pub async fn record_reverted(handle: &WriteHandle, name: &str) -> Result<()> {
    delete(handle, "shopctl_migrations", "name", name).await?;
    delete(handle, "seaql_migrations", "version", name).await
}

async fn delete(handle: &WriteHandle, from: &'static str, column: &'static str, name: &str) -> Result<()> {
    let mut delete = Query::delete();
    delete.from_table(table(from)).and_where(Expr::col(column).eq(name));
    handle.execute(&delete).await?;
    Ok(())
}

/// What the database says about itself under this name; `None` where nobody said so, or where there
/// is no schema.
pub async fn setting(connection: &impl ConnectionTrait, name: &str) -> Result<Option<String>> {
    let mut select = Query::select();
    select.column("value").from(table("shopctl_settings")).and_where(Expr::col("name").eq(name));
    let rows = or_missing(connection.query_all(&select).await)?;
    Ok(rows.first().map(|row| row.try_get("", "value")).transpose()?)
}

pub async fn set_setting(handle: &WriteHandle, name: &str, value: &str) -> Result<()> {
    delete(handle, "shopctl_settings", "name", name).await?;
    let mut insert = Query::insert();
    insert.into_table(table("shopctl_settings")).columns(["name", "value"]).values_panic([name.into(), value.into()]);
    handle.execute(&insert).await?;
    Ok(())
}
