//! The history in two tables kept in sync: SeaORM's own `seaql_migrations`, which its stock migrator reads, and
//! a log of all runs, whose newest row per name determines the state.

mod run;
mod setting;

use chrono::{DateTime, Utc};
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, ExprTrait, IntoActiveModel, QueryFilter, QueryOrder, Value,
};
use sea_orm_migration::seaql_migrations;

use crate::db::ddl::refuse_no_schema;
use crate::db::fault::{Fault, classify};
use crate::db::insert::{InsertTarget, values_of};
use crate::db::write::WriteHandle;
use crate::domain::named_enum;
use crate::entity::stored_by_name;
use crate::error::Result;

/// A row of the log.
pub use run::Model as Run;

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
        /// An intent, seen only where DDL commits by itself; what it meant to do may or may not be done.
        Running = "running",
        Done = "done",
        Failed = "failed",
        /// The runner died, and a later one went on.
        Interrupted = "interrupted",
    }
}

stored_by_name!(Direction, RunState);

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

    fn from_rows(listed: Vec<seaql_migrations::Model>, runs: Vec<Run>) -> History {
        let mut records: Vec<Record> = Vec::new();
        for row in listed {
            let applied_at = DateTime::from_timestamp(row.applied_at, 0);
            records.push(Record { applied_at, in_seaql: true, ..Record::new(&row.version) });
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

/// The whole history; empty where its tables do not exist, and refused where no table could. A transaction must not ask for tables
/// that are missing, so the runner creates them first.
pub async fn read(connection: &impl ConnectionTrait) -> Result<History> {
    let listed = seaql_migrations::Entity::find().all(connection).await;
    if listed.as_ref().is_err_and(|error| classify(error) == Fault::NoSchema) {
        refuse_no_schema(connection).await?;
    }
    let listed = or_empty(listed)?;
    let runs = or_empty(run::Entity::find().order_by_asc(run::Column::Sequence).all(connection).await)?;
    Ok(History::from_rows(listed, runs))
}

fn or_empty<T>(rows: Result<Vec<T>, DbErr>) -> Result<Vec<T>> {
    match rows {
        Err(error) if classify(&error) == Fault::NoSchema => Ok(Vec::new()),
        other => Ok(other?),
    }
}

/// Adds a run to the log.
pub async fn log(handle: &WriteHandle, run: &Run) -> Result<(), DbErr> {
    let cut = |text: &String| text.chars().take(TEXT_MAX_CHARACTERS).collect::<String>();
    let row = Run { statement: run.statement.as_ref().map(cut), error: run.error.as_ref().map(cut), ..run.clone() };
    run::Entity::insert(row.into_active_model()).exec_without_returning(handle).await.map(drop)
}

/// Adds a run to the log, in place of what the log says about it so far: its intent.
pub async fn replace_log(handle: &WriteHandle, run: &Run) -> Result<(), DbErr> {
    if !handle.engine().has_transactional_ddl {
        run::Entity::delete_by_id(run.sequence).exec(handle).await?;
    }
    log(handle, run).await
}

/// Runs of this migration without an end: their runner died.
pub async fn mark_interrupted(handle: &WriteHandle, name: &str) -> Result<(), DbErr> {
    let update = run::Entity::update_many().col_expr(run::Column::State, RunState::Interrupted.into());
    let is_open = run::Column::Name.eq(name).and(run::Column::State.eq(RunState::Running));
    update.filter(is_open).exec(handle).await.map(drop)
}

/// Lets SeaORM's own migrator know that a migration is applied.
pub async fn set_applied(handle: &WriteHandle, name: &str, now: DateTime<Utc>) -> Result<(), DbErr> {
    let row = seaql_migrations::Model { version: name.to_owned(), applied_at: now.timestamp() };
    seaql_migrations::Entity::insert(row.into_active_model()).exec_without_returning(handle).await.map(drop)
}

/// Lets SeaORM's own migrator know that a migration is not applied.
pub async fn set_reverted(handle: &WriteHandle, name: &str) -> Result<(), DbErr> {
    seaql_migrations::Entity::delete_by_id(name).exec(handle).await.map(drop)
}

/// Lets SeaORM's own migrator know that nothing is applied.
pub async fn set_nothing_applied(handle: &WriteHandle) -> Result<(), DbErr> {
    seaql_migrations::Entity::delete_many().exec(handle).await.map(drop)
}

/// The database's setting of this name; `None` if it is not set or there is no schema.
pub async fn setting(connection: &impl ConnectionTrait, name: &str) -> Result<Option<String>> {
    let found = or_empty(setting::Entity::find_by_id(name).all(connection).await)?;
    Ok(found.into_iter().next().map(|found| found.value))
}

/// The settings whose names begin like this, in order.
pub async fn settings(connection: &impl ConnectionTrait, prefix: &str) -> Result<Vec<(String, String)>> {
    let select = setting::Entity::find().filter(setting::Column::Name.starts_with(prefix));
    let found = or_empty(select.order_by_asc(setting::Column::Name).all(connection).await)?;
    Ok(found.into_iter().map(|found| (found.name, found.value)).collect())
}

/// Removes the settings whose names begin with `prefix`.
pub async fn remove_settings(handle: &WriteHandle, prefix: &str) -> Result<(), DbErr> {
    let delete = setting::Entity::delete_many().filter(setting::Column::Name.starts_with(prefix));
    delete.exec(handle).await.map(drop)
}

/// Removes one setting.
pub async fn remove_setting(handle: &WriteHandle, name: &str) -> Result<(), DbErr> {
    setting::Entity::delete_by_id(name).exec(handle).await.map(drop)
}

/// A setting as a row of its table, for what is written with others.
pub fn setting_row(name: &str, value: &str) -> (InsertTarget, Vec<Value>) {
    let row = setting::Model { name: name.to_owned(), value: value.to_owned() };
    (InsertTarget::for_model::<setting::Model>(), values_of(&row))
}

/// Sets one setting, replacing its value.
pub async fn set_setting(handle: &WriteHandle, name: &str, value: &str) -> Result<()> {
    let conflict = OnConflict::column(setting::Column::Name).update_column(setting::Column::Value).to_owned();
    insert_setting(handle, name, value, conflict).await
}

/// In one statement: of several at once the first one has its say.
pub async fn set_setting_if_absent(handle: &WriteHandle, name: &str, value: &str) -> Result<()> {
    let conflict = OnConflict::column(setting::Column::Name).do_nothing_on([setting::Column::Name]).to_owned();
    insert_setting(handle, name, value, conflict).await
}

async fn insert_setting(handle: &WriteHandle, name: &str, value: &str, conflict: OnConflict) -> Result<()> {
    let row = setting::Model { name: name.to_owned(), value: value.to_owned() };
    setting::Entity::insert(row.into_active_model()).on_conflict(conflict).exec_without_returning(handle).await?;
    Ok(())
}
