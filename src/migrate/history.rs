//! The history in two tables kept in sync: SeaORM's own `seaql_migrations`, which its stock migrator reads, and
//! a log of all runs, whose newest row per name determines the state.

use std::time::Duration;

use chrono::{DateTime, Utc};
use migration::{RUNS, SEAQL_MIGRATIONS, SETTINGS};
use sea_orm::sea_query::{Alias, DynIden, Expr, ExprTrait, IntoIden, OnConflict, Order, Query};
use sea_orm::{ConnectionTrait, DbErr, QueryResult};

use crate::db::ddl::refuse_no_schema;
use crate::db::fault::{Fault, classify};
use crate::db::write::WriteHandle;
use crate::domain::named_enum;
use crate::error::Result;

named_enum! {
    /// The purpose of a run.
    pub enum Direction {
        Up = "up",
        Down = "down",
        /// Another tool had applied it: from then on it has its place in the order.
        Adopt = "adopt",
        /// The schema was there already, and was compared.
        Baseline = "baseline",
        /// The user declared it applied or reverted.
        ResolveApplied = "mark-applied",
        ResolveReverted = "mark-reverted",
    }
}

impl Direction {
    /// Whether the migration is applied once this is done.
    fn applies(self) -> bool {
        !matches!(self, Direction::Down | Direction::ResolveReverted)
    }
}

named_enum! {
    /// The result of a run, if it ended.
    pub enum RunState {
        /// An intent, seen only where DDL commits by itself; what it meant to do may be done or not.
        Running = "running",
        Done = "done",
        Failed = "failed",
        /// The runner died, and a later one went on.
        Interrupted = "interrupted",
    }
}

/// A row of the log.
#[derive(Debug, Clone)]
pub struct Run {
    /// Order of the runs, and so of application.
    pub sequence: i64,
    /// The migration's name.
    pub name: String,
    /// The purpose of the run.
    pub direction: Direction,
    /// How far the run came.
    pub state: RunState,
    /// Of what applies it, as it was then.
    pub checksum: Option<String>,
    /// Number of statements that succeeded.
    pub statements_done: i64,
    /// Number of statements of the run.
    pub statements_total: i64,
    /// The statement that failed.
    pub statement: Option<String>,
    /// The message of the failure.
    pub error: Option<String>,
    /// `user@host, process 123`.
    pub runner: String,
    /// Of the shopctl that ran it.
    pub version: String,
    /// When the run began, by the clock of its runner.
    pub started_at: DateTime<Utc>,
    /// How long it took; `None` if it did not end.
    pub duration: Option<Duration>,
}

/// The recorded state of a migration.
#[derive(Debug, Clone)]
pub struct Record {
    /// The migration's name.
    pub name: String,
    /// Whether the schema contains it, as far as the history knows.
    pub is_applied: bool,
    /// The run that applied it; `None` if another tool did.
    pub applied: Option<Run>,
    /// Its newest run.
    pub newest: Option<Run>,
    /// As SeaORM's table says, in whole seconds.
    pub applied_at: Option<DateTime<Utc>>,
    in_seaql: bool,
    /// The direction of a run that recorded no result, unless a later run settled it.
    intent: Option<Direction>,
}

/// Maximum length of recorded statements and errors, in characters.
const TEXT_MAX_CHARACTERS: usize = 2_000;
const COLUMNS: [&str; 13] = [
    "sequence",
    "name",
    "direction",
    "state",
    "checksum",
    "statements_done",
    "statements_total",
    "statement",
    "error",
    "runner",
    "version",
    "started_at",
    "duration_milliseconds",
];

impl Record {
    fn new(name: &str) -> Record {
        let name = name.to_owned();
        Record { name, is_applied: false, applied: None, newest: None, applied_at: None, in_seaql: false, intent: None }
    }

    /// Its last run failed to apply it.
    pub fn is_failed(&self) -> bool {
        let is_failed = self.newest.as_ref().is_some_and(|run| run.state == RunState::Failed);
        !self.is_applied && is_failed && !self.is_interrupted()
    }

    /// A run died between its intent and its result, and none since has settled what it did.
    pub fn is_interrupted(&self) -> bool {
        self.intent.is_some()
    }

    /// The run that died was reverting it.
    pub fn is_reverting(&self) -> bool {
        self.intent.is_some_and(|direction| !direction.applies())
    }

    /// Another tool applied it since the log last spoke of it.
    pub fn is_foreign(&self) -> bool {
        self.is_applied && self.applied.is_none() && !self.is_interrupted()
    }

    /// Its position in the order of application.
    pub fn sequence(&self) -> i64 {
        let run = self.applied.as_ref().or(self.newest.as_ref());
        run.map_or(0, |run| run.sequence)
    }

    /// SeaORM's own migrator takes it for applied.
    pub fn is_listed(&self) -> bool {
        self.in_seaql
    }

    fn add(&mut self, run: &Run) {
        match run.state {
            RunState::Done => {
                self.applied = run.direction.applies().then(|| run.clone());
                self.intent = None;
            }
            RunState::Running => self.intent = Some(run.direction),
            // A failure of another run settles nothing: it may not even have got to its statement.
            RunState::Failed | RunState::Interrupted => {}
        }
        self.newest = Some(run.clone());
    }

    /// SeaORM's table is the last word, unless a run died while it reverted.
    fn finish(mut self) -> Record {
        self.is_applied = self.in_seaql && !self.is_reverting();
        if !self.in_seaql {
            self.applied = None;
        }
        self
    }
}

/// The whole history, as it was read or as it became.
#[derive(Debug, Clone, Default)]
pub struct History {
    /// All runs, oldest first.
    pub runs: Vec<Run>,
    /// One record for each migration that was ever run, in no particular order.
    pub records: Vec<Record>,
}

impl History {
    /// The record of this migration, if it was ever run.
    pub fn find(&self, name: &str) -> Option<&Record> {
        self.records.iter().find(|record| record.name == name)
    }

    /// Whether this migration is applied.
    pub fn is_applied(&self, name: &str) -> bool {
        self.find(name).is_some_and(|record| record.is_applied)
    }

    /// The number of the next run.
    pub fn next_sequence(&self) -> i64 {
        self.runs.iter().map(|run| run.sequence).max().unwrap_or(0) + 1
    }

    /// The applied migrations, in the order of application.
    pub fn applied(&self) -> Vec<&Record> {
        let mut applied: Vec<&Record> = self.records.iter().filter(|record| record.is_applied).collect();
        let place = |record: &&Record| (record.sequence(), record.applied_at, record.name.clone());
        applied.sort_by_key(place);
        applied
    }

    /// Adds a recorded run.
    pub fn record(&mut self, run: &Run, now: DateTime<Utc>) {
        let mut record = match self.records.iter().position(|record| record.name == run.name) {
            Some(position) => self.records.swap_remove(position),
            None => Record::new(&run.name),
        };
        record.in_seaql = run.direction.applies();
        record.applied_at = run.direction.applies().then_some(now);
        record.add(run);
        self.records.push(record.finish());
        self.runs.push(run.clone());
    }

    fn from_rows(seaql: &[(String, i64)], runs: Vec<Run>) -> History {
        let mut records: Vec<Record> = Vec::new();
        for (name, seconds) in seaql {
            let applied_at = DateTime::from_timestamp(*seconds, 0);
            records.push(Record { applied_at, in_seaql: true, ..Record::new(name) });
        }
        for run in &runs {
            let position = records.iter().position(|record| record.name == run.name).unwrap_or_else(|| {
                records.push(Record::new(&run.name));
                records.len() - 1
            });
            records[position].add(run);
        }
        History { runs, records: records.into_iter().map(Record::finish).collect() }
    }
}

fn table(name: &'static str) -> DynIden {
    Alias::new(name).into_iden()
}

/// The whole history; empty where its tables do not exist, and refused where no table could. A transaction must not ask for tables
/// that are missing, so the runner creates them first.
pub async fn read(connection: &impl ConnectionTrait) -> Result<History> {
    let mut select = Query::select();
    select.columns(["version", "applied_at"]).from(table(SEAQL_MIGRATIONS));
    let rows = connection.query_all(&select).await;
    if rows.as_ref().is_err_and(|error| classify(error) == Fault::NoSchema) {
        refuse_no_schema(connection).await?;
    }
    let rows = or_empty(rows)?;
    let seaql: Result<Vec<(String, i64)>, DbErr> =
        rows.iter().map(|row| Ok((row.try_get("", "version")?, row.try_get("", "applied_at")?))).collect();
    let mut select = Query::select();
    select.columns(COLUMNS).from(table(RUNS)).order_by("sequence", Order::Asc);
    let rows = or_empty(connection.query_all(&select).await)?;
    let runs: Result<Vec<Run>, DbErr> = rows.iter().map(run_of).collect();
    Ok(History::from_rows(&seaql?, runs?))
}

fn run_of(row: &QueryResult) -> Result<Run, DbErr> {
    let (direction, state): (String, String) = (row.try_get("", "direction")?, row.try_get("", "state")?);
    let odd = |text: &str| DbErr::Type(format!("{RUNS} has {text}, which this shopctl does not know"));
    let milliseconds: Option<i64> = row.try_get("", "duration_milliseconds")?;
    Ok(Run {
        sequence: row.try_get("", "sequence")?,
        name: row.try_get("", "name")?,
        direction: Direction::from_stored(&direction).ok_or_else(|| odd(&direction))?,
        state: RunState::from_stored(&state).ok_or_else(|| odd(&state))?,
        checksum: row.try_get("", "checksum")?,
        statements_done: row.try_get("", "statements_done")?,
        statements_total: row.try_get("", "statements_total")?,
        statement: row.try_get("", "statement")?,
        error: row.try_get("", "error")?,
        runner: row.try_get("", "runner")?,
        version: row.try_get("", "version")?,
        started_at: row.try_get("", "started_at")?,
        duration: milliseconds.map(|milliseconds| Duration::from_millis(milliseconds.unsigned_abs())),
    })
}

fn or_empty(rows: Result<Vec<QueryResult>, DbErr>) -> Result<Vec<QueryResult>> {
    match rows {
        Err(error) if classify(&error) == Fault::NoSchema => Ok(Vec::new()),
        other => Ok(other?),
    }
}

/// Adds a run to the log.
pub async fn log(handle: &WriteHandle, run: &Run) -> Result<(), DbErr> {
    let cut = |text: &String| text.chars().take(TEXT_MAX_CHARACTERS).collect::<String>();
    let mut insert = Query::insert();
    insert.into_table(table(RUNS)).columns(COLUMNS).values_panic([
        run.sequence.into(),
        run.name.as_str().into(),
        run.direction.as_str().into(),
        run.state.as_str().into(),
        run.checksum.clone().into(),
        run.statements_done.into(),
        run.statements_total.into(),
        run.statement.as_ref().map(cut).into(),
        run.error.as_ref().map(cut).into(),
        run.runner.as_str().into(),
        run.version.as_str().into(),
        run.started_at.into(),
        milliseconds(run).into(),
    ]);
    handle.execute(&insert).await?;
    Ok(())
}

/// Adds a run to the log, in place of what the log says about it so far: its intent.
pub async fn replace_log(handle: &WriteHandle, run: &Run) -> Result<(), DbErr> {
    if !handle.engine().has_transactional_ddl {
        delete(handle, RUNS, "sequence", run.sequence.into()).await?;
    }
    log(handle, run).await
}

/// Runs of this migration that said nothing more: their runner is gone.
pub async fn mark_interrupted(handle: &WriteHandle, name: &str) -> Result<(), DbErr> {
    let mut update = Query::update();
    update
        .table(table(RUNS))
        .value("state", RunState::Interrupted.as_str())
        .and_where(Expr::col("name").eq(name))
        .and_where(Expr::col("state").eq(RunState::Running.as_str()));
    handle.execute(&update).await?;
    Ok(())
}

fn milliseconds(run: &Run) -> Option<i64> {
    run.duration.map(|duration| i64::try_from(duration.as_millis()).unwrap_or(i64::MAX))
}

/// Lets SeaORM's own migrator know that a migration is applied.
pub async fn set_applied(handle: &WriteHandle, name: &str, now: DateTime<Utc>) -> Result<(), DbErr> {
    let mut insert = Query::insert();
    insert.into_table(table(SEAQL_MIGRATIONS)).columns(["version", "applied_at"]);
    insert.values_panic([name.into(), now.timestamp().into()]);
    handle.execute(&insert).await?;
    Ok(())
}

/// Lets SeaORM's own migrator know that a migration is not applied.
pub async fn set_reverted(handle: &WriteHandle, name: &str) -> Result<(), DbErr> {
    delete(handle, SEAQL_MIGRATIONS, "version", name.into()).await
}

/// Lets SeaORM's own migrator know that nothing is applied.
pub async fn set_nothing_applied(handle: &WriteHandle) -> Result<(), DbErr> {
    let delete = Query::delete().from_table(table(SEAQL_MIGRATIONS)).to_owned();
    handle.execute(&delete).await?;
    Ok(())
}

async fn delete(
    handle: &WriteHandle,
    from: &'static str,
    column: &'static str,
    value: sea_orm::Value,
) -> Result<(), DbErr> {
    let mut delete = Query::delete();
    delete.from_table(table(from)).and_where(Expr::col(column).eq(value));
    handle.execute(&delete).await?;
    Ok(())
}

/// The database's setting of this name; `None` if it is not set or there is no schema.
pub async fn setting(connection: &impl ConnectionTrait, name: &str) -> Result<Option<String>> {
    let mut select = Query::select();
    select.column("value").from(table(SETTINGS)).and_where(Expr::col("name").eq(name));
    let rows = or_empty(connection.query_all(&select).await)?;
    Ok(rows.first().map(|row| row.try_get("", "value")).transpose()?)
}

/// The settings whose names begin like this, in order.
pub async fn settings(connection: &impl ConnectionTrait, prefix: &str) -> Result<Vec<(String, String)>> {
    let mut select = Query::select();
    select.columns(["name", "value"]).from(table(SETTINGS)).and_where(Expr::col("name").like(format!("{prefix}%")));
    select.order_by("name", Order::Asc);
    let rows = or_empty(connection.query_all(&select).await)?;
    Ok(rows
        .iter()
        .map(|row| Ok((row.try_get("", "name")?, row.try_get("", "value")?)))
        .collect::<Result<_, DbErr>>()?)
}

/// Removes the settings whose names begin with `prefix`.
pub async fn remove_settings(handle: &WriteHandle, prefix: &str) -> Result<(), DbErr> {
    let mut delete = Query::delete();
    delete.from_table(table(SETTINGS)).and_where(Expr::col("name").like(format!("{prefix}%")));
    handle.execute(&delete).await?;
    Ok(())
}

/// Sets one setting, replacing its value.
pub async fn set_setting(handle: &WriteHandle, name: &str, value: &str) -> Result<()> {
    insert_setting(handle, name, value, OnConflict::column("name").update_column("value")).await
}

/// In one statement: of several at once the first one has its say.
pub async fn set_setting_if_absent(handle: &WriteHandle, name: &str, value: &str) -> Result<()> {
    insert_setting(handle, name, value, OnConflict::column("name").do_nothing_on(["name"])).await
}

async fn insert_setting(handle: &WriteHandle, name: &str, value: &str, conflict: &OnConflict) -> Result<()> {
    let mut insert = Query::insert();
    insert.into_table(table(SETTINGS)).columns(["name", "value"]).values_panic([name.into(), value.into()]);
    handle.execute(insert.on_conflict(conflict.clone())).await?;
    Ok(())
}
