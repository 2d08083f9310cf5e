//! The write handle: an open transaction that counts its changes and is unusable after its first error.
//!
//! Unusable, because the engines differ after an error: PostgreSQL's COMMIT then returns success and
//! keeps nothing, MariaDB's session after a deadlock is in autocommit.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sea_orm::prelude::async_trait::async_trait;
use sea_orm::{ConnectionTrait, DbBackend, DbErr, ExecResult, QueryResult, Statement};

use super::fault::{Fault, classify, commit_error};
use super::guarded::Snapshot;
use super::target::Engine;
use crate::error::{Error, Hint};

/// An open transaction. Only `service::operation` and the migration runner obtain one; write
/// functions of repositories ask for it by type.
pub struct WriteHandle {
    transaction: Snapshot,
    engine: Engine,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    rows_written: u64,
    statements: u64,
    fail_at: Option<u64>,
    /// Whether rows are locked, so that another node of a cluster may undo the transaction.
    holds_rows: bool,
    first_fault: Option<Fault>,
    /// When the last statement was sent, and how long the one that failed took.
    sent: Option<Instant>,
    waited: Duration,
}

impl WriteHandle {
    pub(super) fn new(transaction: Snapshot, engine: Engine) -> Self {
        WriteHandle { transaction, engine, state: Mutex::default() }
    }

    /// The engine of the transaction's database.
    pub fn engine(&self) -> Engine {
        self.engine
    }

    /// Rows inserted, updated or deleted so far.
    pub fn rows_written(&self) -> u64 {
        self.state().rows_written
    }

    /// Statements sent so far.
    pub fn statements(&self) -> u64 {
        self.state().statements
    }

    /// The first failure of a statement; from then on nothing more is sent.
    pub fn first_fault(&self) -> Option<Fault> {
        self.state().first_fault.clone()
    }

    /// How long the statement that failed was waited for: a lock, mostly.
    pub fn waited(&self) -> Duration {
        self.state().waited
    }

    /// Makes the statement with this number (from 1) fail instead of being sent: how tests walk
    /// through every way an operation can break off.
    pub fn fail_at(&self, statement: u64) {
        self.state().fail_at = Some(statement);
    }

    /// Waits until no other transaction that called this is open, where several can write.
    pub async fn serialize(&self) -> Result<(), DbErr> {
        match self.engine().serialize {
            Some(sql) => self.execute_unprepared(sql).await.map(drop),
            None => Ok(()),
        }
    }

    /// Commits the transaction.
    ///
    /// Errors: those of the database, and an earlier failure of a statement, after which nothing is committed.
    pub async fn commit(self) -> Result<(), DbErr> {
        self.check_alive()?;
        self.transaction.commit().await
    }

    /// Commits a transaction whose outcome nothing settles afterwards. `remedy` is the command that shows it.
    ///
    /// Errors: exit 12 with `remedy` if no answer came; else those of [`WriteHandle::commit`].
    pub async fn commit_or_unknown(self, remedy: impl Into<Hint>) -> Result<(), Error> {
        self.commit().await.map_err(|error| commit_error(error, remedy))
    }

    /// Rolls back; dropping the handle does the same a little later.
    pub async fn rollback(self) -> Result<(), DbErr> {
        self.transaction.rollback().await
    }

    /// Rolls back to a savepoint, before which `rows_written` rows were written, and revives the handle. Not for
    /// transient faults: after those the transaction itself may be gone.
    pub async fn rollback_to(&self, savepoint: &str, rows_written: u64) -> Result<(), DbErr> {
        self.transaction.execute_unprepared(&format!("ROLLBACK TO SAVEPOINT {savepoint}")).await?;
        let mut state = self.state();
        state.first_fault = None;
        state.rows_written = rows_written;
        Ok(())
    }

    /// Gives the transaction up because what it read is not so any more: the next attempt reads it anew.
    pub fn outdated(&self, why: &str) -> DbErr {
        self.state().first_fault = Some(Fault::Transient);
        DbErr::Custom(why.to_owned())
    }

    /// Revives the handle after a failure that leaves the transaction whole: MySQL and MariaDB undo
    /// a failed DDL statement alone. For the migration runner.
    pub fn clear_fault(&self) {
        self.state().first_fault = None;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn check_alive(&self) -> Result<(), DbErr> {
        match self.state().first_fault {
            None => Ok(()),
            Some(_) => Err(DbErr::Custom("a statement of this transaction failed: it cannot continue".to_owned())),
        }
    }

    fn before_statement(&self) -> Result<(), DbErr> {
        self.check_alive()?;
        let mut state = self.state();
        state.statements += 1;
        state.sent = Some(Instant::now());
        if state.fail_at == Some(state.statements) {
            state.first_fault = Some(Fault::Other);
            return Err(DbErr::Custom(format!("statement {} fails by request", state.statements)));
        }
        Ok(())
    }

    /// Asks before what was read is used, where the transaction may have ended without an error.
    async fn after_read(&self, locks: bool) -> Result<(), DbErr> {
        let held_rows = self.state().holds_rows;
        self.state().holds_rows |= locks;
        let Some(is_open) = self.engine.is_open.filter(|_| held_rows) else { return Ok(()) };
        let asked = Statement::from_string(self.engine.backend, is_open);
        let answer = self.transaction.query_one_raw(asked).await;
        let is_open: Option<i64> = match self.after_statement(answer, |_| 0)? {
            Some(row) => row.try_get("", "is_open")?,
            None => None,
        };
        if is_open == Some(1) {
            return Ok(());
        }
        Err(self.outdated("another node's change came first, and the transaction was rolled back"))
    }

    fn after_statement<T>(&self, result: Result<T, DbErr>, rows: impl FnOnce(&T) -> u64) -> Result<T, DbErr> {
        let mut state = self.state();
        match &result {
            Ok(value) => state.rows_written += rows(value),
            Err(error) => {
                state.waited = state.sent.map_or(Duration::ZERO, |sent| sent.elapsed());
                state.first_fault.get_or_insert_with(|| classify(error));
            }
        }
        result
    }
}

/// To read many rows one at a time.
impl<'a> From<&'a WriteHandle> for &'a Snapshot {
    fn from(handle: &'a WriteHandle) -> &'a Snapshot {
        &handle.transaction
    }
}

/// Whether the rows that a statement returns are rows it wrote (`… RETURNING`).
fn writes(statement: &Statement) -> bool {
    !statement.sql.starts_with("SELECT")
}

/// Whether the statement locks rows.
fn locks(statement: &Statement) -> bool {
    writes(statement) || statement.sql.contains("FOR UPDATE")
}

#[async_trait]
impl ConnectionTrait for WriteHandle {
    fn get_database_backend(&self) -> DbBackend {
        self.transaction.get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.before_statement()?;
        self.state().holds_rows = true;
        let result = self.transaction.execute_raw(statement).await;
        self.after_statement(result, ExecResult::rows_affected)
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.before_statement()?;
        let result = self.transaction.execute_unprepared(sql).await;
        self.after_statement(result, |_| 0)
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.before_statement()?;
        let (writes, locks) = (writes(&statement), locks(&statement));
        let result = self.transaction.query_one_raw(statement).await;
        let row = self.after_statement(result, |row| u64::from(writes && row.is_some()))?;
        self.after_read(locks).await?;
        Ok(row)
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.before_statement()?;
        let (writes, locks) = (writes(&statement), locks(&statement));
        let result = self.transaction.query_all_raw(statement).await;
        let rows = self.after_statement(result, |rows| if writes { rows.len() as u64 } else { 0 })?;
        self.after_read(locks).await?;
        Ok(rows)
    }
}
