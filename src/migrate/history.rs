//! What was applied, in two tables kept in step: SeaORM's own `seaql_migrations`, which its stock
//! migrator reads, and a companion with what that does not record.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Alias, DynIden, Expr, ExprTrait, IntoIden, Query};
use sea_orm::{ConnectionTrait, DbErr, QueryResult};

use crate::db::fault::{Fault, classify};
use crate::db::write::WriteHandle;
use crate::error::Result;

/// States of the companion table. The two intents are seen only where DDL commits by itself.
const RUNNING: &str = "running";
const REVERTING: &str = "reverting";
const APPLIED: &str = "applied";
const FAILED: &str = "failed";

/// One migration as the database knows it.
#[derive(Debug, Clone)]
pub struct Record {
    pub name: String,
    pub is_applied: bool,
    pub is_failed: bool,
    /// A run died between its intent and its result: what it meant to do may be done or not.
    pub is_interrupted: bool,
    /// Order of application; 0 for what another tool applied.
    pub sequence: i64,
    pub applied_at: Option<DateTime<Utc>>,
    pub runner: Option<String>,
    in_seaql: bool,
    in_companion: bool,
}

/// Who runs a migration, and as which in the order of application.
#[derive(Debug, Clone, Copy)]
pub struct Run<'a> {
    pub name: &'a str,
    pub sequence: i64,
    pub runner: &'a str,
    /// What the history says about it so far.
    pub known: Option<&'a Record>,
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
        add_companion(&mut records, &row)?;
    }
    Ok(records)
}

fn seaql_record(row: &QueryResult) -> Result<Record, DbErr> {
    let seconds: i64 = row.try_get("", "applied_at")?;
    Ok(Record {
        is_applied: true,
        applied_at: DateTime::from_timestamp(seconds, 0),
        in_seaql: true,
        ..Record::new(row.try_get("", "version")?)
    })
}

fn add_companion(records: &mut Vec<Record>, row: &QueryResult) -> Result<(), DbErr> {
    let (name, state): (String, String) = (row.try_get("", "name")?, row.try_get("", "state")?);
    let position = records.iter().position(|record| record.name == name).unwrap_or_else(|| {
        records.push(Record::new(name));
        records.len() - 1
    });
    let record = &mut records[position];
    record.sequence = row.try_get("", "sequence")?;
    record.runner = Some(row.try_get("", "runner")?);
    record.in_companion = true;
    // A row of SeaORM's own is the last word, unless a run died while reverting it.
    record.is_applied = record.in_seaql && state != REVERTING;
    record.is_failed = !record.is_applied && state == FAILED;
    record.is_interrupted = !record.is_applied && (state == RUNNING || state == REVERTING);
    Ok(())
}

impl Record {
    fn new(name: String) -> Record {
        Record {
            name,
            is_applied: false,
            is_failed: false,
            is_interrupted: false,
            sequence: 0,
            applied_at: None,
            runner: None,
            in_seaql: false,
            in_companion: false,
        }
    }

    /// The record of a migration that was just applied by this process.
    pub fn applied(run: &Run<'_>, now: DateTime<Utc>) -> Record {
        Record {
            is_applied: true,
            sequence: run.sequence,
            applied_at: Some(now),
            runner: Some(run.runner.to_owned()),
            in_seaql: true,
            in_companion: true,
            ..Record::new(run.name.to_owned())
        }
    }
}

fn or_missing(rows: Result<Vec<QueryResult>, DbErr>) -> Result<Vec<QueryResult>> {
    match rows {
        Err(error) if classify(&error) == Fault::NoSchema => Ok(Vec::new()),
        other => Ok(other?),
    }
}

/// The intent to apply, for engines whose DDL commits by itself: the DDL commits this row too.
pub async fn intend_to_apply(handle: &WriteHandle, run: &Run<'_>) -> Result<(), DbErr> {
    replace(handle, run, RUNNING, None, None).await
}

/// The intent to revert. The row that SeaORM's own migrator reads stays until it is done.
pub async fn intend_to_revert(handle: &WriteHandle, run: &Run<'_>) -> Result<(), DbErr> {
    match run.known {
        Some(known) if known.in_companion => set_state(handle, run.name, REVERTING).await,
        _ => replace(handle, run, REVERTING, None, None).await,
    }
}

/// Takes back the intent to revert: the engine refused, the migration is still applied.
pub async fn still_applied(handle: &WriteHandle, name: &str) -> Result<(), DbErr> {
    set_state(handle, name, APPLIED).await
}

pub async fn record_failed(handle: &WriteHandle, run: &Run<'_>, error: &str) -> Result<(), DbErr> {
    let error = error.chars().take(ERROR_MAX_CHARACTERS).collect();
    replace(handle, run, FAILED, None, Some(error)).await
}

/// Both tables' rows for a migration that was applied.
pub async fn record_applied(
    handle: &WriteHandle,
    run: &Run<'_>,
    duration: Duration,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    replace(handle, run, APPLIED, Some(duration), None).await?;
    if run.known.is_some_and(|known| known.in_seaql) {
        delete(handle, "seaql_migrations", "version", run.name).await?;
    }
    let mut insert = Query::insert();
    insert.into_table(table("seaql_migrations")).columns(["version", "applied_at"]);
    insert.values_panic([run.name.into(), now.timestamp().into()]);
    handle.execute(&insert).await?;
    Ok(())
}

async fn replace(
    handle: &WriteHandle,
    run: &Run<'_>,
    state: &str,
    duration: Option<Duration>,
    error: Option<String>,
) -> Result<(), DbErr> {
    let may_exist = run.known.is_some_and(|known| known.in_companion) || !handle.engine().has_transactional_ddl();
    if may_exist {
        delete(handle, "shopctl_migrations", "name", run.name).await?;
    }
    let milliseconds = duration.map(|duration| i64::try_from(duration.as_millis()).unwrap_or(i64::MAX));
    let mut insert = Query::insert();
    insert
        .into_table(table("shopctl_migrations"))
        .columns(["name", "state", "sequence", "runner", "version", "duration_milliseconds", "error"])
        .values_panic([
            run.name.into(),
            state.into(),
            run.sequence.into(),
            run.runner.into(),
            env!("CARGO_PKG_VERSION").into(),
            milliseconds.into(),
            error.into(),
        ]);
    handle.execute(&insert).await?;
    Ok(())
}

async fn set_state(handle: &WriteHandle, name: &str, state: &str) -> Result<(), DbErr> {
    let mut update = Query::update();
    update.table(table("shopctl_migrations")).value("state", state).and_where(Expr::col("name").eq(name));
    handle.execute(&update).await?;
    Ok(())
}

/// Forgets a migration that was reverted.
pub async fn record_reverted(handle: &WriteHandle, name: &str) -> Result<(), DbErr> {
    delete(handle, "shopctl_migrations", "name", name).await?;
    delete(handle, "seaql_migrations", "version", name).await
}

async fn delete(handle: &WriteHandle, from: &'static str, column: &'static str, name: &str) -> Result<(), DbErr> {
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

pub async fn set_setting_if_absent(handle: &WriteHandle, name: &str, value: &str) -> Result<()> {
    if setting(handle, name).await?.is_none() {
        set_setting(handle, name, value).await?;
    }
    Ok(())
}
