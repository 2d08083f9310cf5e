//! Connections with limited waits: the only place where shopctl waits for a database.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::stream::{BoxStream, try_unfold};
use futures_util::{FutureExt, Stream, StreamExt};
use sea_orm::prelude::async_trait::async_trait;
use sea_orm::sqlx::Error as DriverError;
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, ExecResult, QueryResult, RuntimeErr,
    Statement,
};
use tokio::time::{Instant, timeout};

use super::budget::Budget;
use super::engine::Engine;
use super::settings::ConnectSettings;
use crate::domain::Form;
use crate::domain::text::seconds;

/// The longest time that one statement may take, however busy the server says it is.
const LONGEST_STATEMENT: Duration = Duration::from_hours(24);

/// How long an answer may be on its way from a server that is no longer at work on it.
const ON_ITS_WAY: Duration = Duration::from_millis(250);

/// Limits the waits for one pool.
#[derive(Debug, Clone)]
pub struct Guard {
    budget: Budget,
    probe: Arc<dyn ActivityProbe>,
    /// Once a wait was given up nothing more is sent: a cancelled BEGIN leaves its connection inside
    /// a transaction (sqlx#4385), a cancelled statement its answer on the way.
    has_timed_out: Arc<AtomicBool>,
    /// `None` where a column of text holds nothing but texts.
    repair: Option<Arc<dyn RowRepair>>,
    ids: Option<Form>,
}

/// The server's report on this process's sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activity {
    Working,
    WaitingForLock,
    /// No answer, or no statement of this process is running.
    None,
}

/// Checks whether a silent server is working.
#[async_trait]
pub trait ActivityProbe: fmt::Debug + Send + Sync {
    /// Checks once, within the connect timeout.
    async fn activity(&self) -> Activity;
}

/// Repairs rows with values that the driver rejects.
#[async_trait]
pub trait RowRepair: fmt::Debug + Send + Sync {
    /// Whether the driver refuses one of its values.
    fn is_odd(&self, row: &QueryResult) -> bool;

    /// The row again, with valid texts in its text columns.
    async fn repair(&self, row: QueryResult) -> Result<QueryResult, DbErr>;
}

/// A wait that timed out.
#[derive(Debug)]
pub struct AnswerTimeout(String);

impl fmt::Display for AnswerTimeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for AnswerTimeout {}

impl AnswerTimeout {
    /// The silence in an error of the driver.
    pub fn in_error(error: &DriverError) -> Option<&AnswerTimeout> {
        match error {
            DriverError::Io(error) => error.get_ref()?.downcast_ref(),
            _ => None,
        }
    }
}

impl From<AnswerTimeout> for DriverError {
    fn from(error: AnswerTimeout) -> DriverError {
        DriverError::Io(std::io::Error::new(std::io::ErrorKind::TimedOut, error))
    }
}

impl From<AnswerTimeout> for DbErr {
    fn from(error: AnswerTimeout) -> DbErr {
        DbErr::Query(RuntimeErr::SqlxError(Arc::new(error.into())))
    }
}

impl Guard {
    pub(super) fn new(
        settings: &ConnectSettings,
        probe: Arc<dyn ActivityProbe>,
        repair: Option<Arc<dyn RowRepair>>,
    ) -> Guard {
        let (budget, ids) = (settings.budget.clone(), settings.ids);
        Guard { budget, probe, has_timed_out: Arc::default(), repair, ids }
    }

    pub(super) fn with(&self, budget: Budget) -> Guard {
        Guard { budget, ..self.clone() }
    }

    /// Whether a wait was abandoned.
    pub fn has_timed_out(&self) -> bool {
        self.has_timed_out.load(Ordering::Relaxed)
    }

    /// Waits for what the database is asked to do; `what` says in an error what that was.
    ///
    /// Errors: silence, also at once when an earlier wait was given up.
    pub fn wait<F: Future>(
        &self,
        what: impl FnOnce() -> String,
        answer: F,
    ) -> impl Future<Output = Result<F::Output, AnswerTimeout>> {
        // Boxed, because these futures are nested deeply.
        self.wait_but(Duration::ZERO, what, Box::pin(answer))
    }

    async fn wait_but<T>(
        &self,
        reserve: Duration,
        what: impl FnOnce() -> String,
        mut answer: Pin<Box<impl Future<Output = T>>>,
    ) -> Result<T, AnswerTimeout> {
        if self.has_timed_out() {
            return Err(AnswerTimeout("the database has stopped answering".to_owned()));
        }
        let started = Instant::now();
        let (mut is_locked, mut was_working) = (false, false);
        loop {
            if let Some(output) = self.budget.wait(&mut answer, reserve).await {
                return Ok(output);
            }
            if self.budget.probes_before_timeout() && started.elapsed() < LONGEST_STATEMENT {
                match Box::pin(self.probe.activity()).await {
                    Activity::Working => {
                        was_working = true;
                        continue;
                    }
                    Activity::WaitingForLock => is_locked = true,
                    Activity::None => {
                        if let Ok(output) = timeout(ON_ITS_WAY, &mut answer).await {
                            return Ok(output);
                        }
                    }
                }
            }
            self.has_timed_out.store(true, Ordering::Relaxed);
            // All waits of an operation count, and the last one is named. A server at work was waited for longer.
            let limit = self.budget.limit().unwrap_or_default();
            let waited = seconds(if was_working { started.elapsed().max(limit) } else { limit });
            let why = if is_locked { ": it is waiting for a lock held by another session" } else { "" };
            return Err(AnswerTimeout(format!("no answer within {waited} s to {}{why}", what())));
        }
    }

    /// The row, with texts in its columns of text whatever another program put there.
    pub(super) async fn readable(&self, row: QueryResult) -> Result<QueryResult, DbErr> {
        match &self.repair {
            Some(repair) if repair.is_odd(&row) => repair.repair(row).await,
            _ => Ok(row),
        }
    }

    /// As [`Guard::wait`], for what fails with the database's own error.
    pub(super) fn answer<T, E: From<AnswerTimeout>>(
        &self,
        what: impl FnOnce() -> String,
        answer: impl Future<Output = Result<T, E>>,
    ) -> impl Future<Output = Result<T, E>> {
        let answer = self.wait(what, answer);
        async move { answer.await? }
    }

    /// Rows that each arrive in time.
    pub(super) fn rows<'a, T: Send + 'a, E: From<AnswerTimeout> + Send + 'a>(
        &self,
        sql: &str,
        rows: impl Stream<Item = Result<T, E>> + Send + 'a,
    ) -> BoxStream<'a, Result<T, E>> {
        let what = subject(sql);
        let state = (self.clone(), Box::pin(rows), what);
        try_unfold(state, |(guard, mut rows, what): (Guard, Pin<Box<_>>, String)| async move {
            let row = match rows.next().now_or_never() {
                Some(row) => row,
                None => guard.wait(|| format!("{what}, in the middle of its rows"), rows.next()).await?,
            };
            Ok(row.transpose()?.map(|row| (row, (guard, rows, what))))
        })
        .boxed()
    }
}

/// A connection or a transaction whose waits are limited.
#[derive(Debug)]
pub struct Guarded<C> {
    inner: C,
    guard: Guard,
}

/// A pool, for reads.
pub type Connection = Guarded<DatabaseConnection>;
/// A snapshot of a database.
pub type Snapshot = Guarded<DatabaseTransaction>;

impl Clone for Connection {
    fn clone(&self) -> Self {
        Guarded { inner: self.inner.clone(), guard: self.guard.clone() }
    }
}

impl<C> Guarded<C> {
    pub(super) fn new(inner: C, guard: Guard) -> Self {
        Guarded { inner, guard }
    }

    pub(super) fn inner(&self) -> &C {
        &self.inner
    }

    pub(super) fn guard(&self) -> &Guard {
        &self.guard
    }

    /// The form of this database's ids; `None` is the engine's own.
    pub fn id_form(&self) -> Option<Form> {
        self.guard.ids
    }
}

impl<C: ConnectionTrait> Guarded<C> {
    pub(super) fn adapt(&self, statement: Statement) -> Statement {
        Engine::of(&self.inner).adapt(statement, self.guard.ids)
    }
}

impl Guarded<DatabaseTransaction> {
    pub(super) async fn commit(self) -> Result<(), DbErr> {
        let reserve = self.guard.budget.reserve();
        self.guard.wait_but(reserve, || "COMMIT".to_owned(), Box::pin(self.inner.commit())).await?
    }

    /// Rolls back; dropping does the same a little later.
    pub async fn rollback(self) -> Result<(), DbErr> {
        self.guard.answer(|| "ROLLBACK".to_owned(), self.inner.rollback()).await
    }
}

#[async_trait]
impl<C: ConnectionTrait + Send> ConnectionTrait for Guarded<C> {
    fn get_database_backend(&self) -> DbBackend {
        self.inner.get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        let what = subject(&statement.sql);
        self.guard.answer(|| what, self.inner.execute_raw(self.adapt(statement))).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.guard.answer(|| subject(sql), self.inner.execute_unprepared(sql)).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        let what = subject(&statement.sql);
        let row = self.guard.answer(|| what, self.inner.query_one_raw(self.adapt(statement))).await?;
        match row {
            Some(row) => Ok(Some(self.guard.readable(row).await?)),
            None => Ok(None),
        }
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        let what = subject(&statement.sql);
        let rows = self.guard.answer(|| what, self.inner.query_all_raw(self.adapt(statement))).await?;
        let mut readable = Vec::with_capacity(rows.len());
        for row in rows {
            readable.push(self.guard.readable(row).await?);
        }
        Ok(readable)
    }
}

/// A short description of a statement: `SELECT orders`, `INSERT audit_events`.
pub(super) fn subject(sql: &str) -> String {
    let words =
        || sql.split(|character: char| character.is_whitespace() || character == '(').filter(|word| !word.is_empty());
    let verb = words().next().unwrap_or("a statement").to_uppercase();
    let leads = |word: &str| ["FROM", "INTO", "UPDATE", "TABLE", "COPY", "ON"].contains(&word.to_uppercase().as_str());
    // `FROM (SELECT … FROM orders)` is about the orders.
    let mut pairs =
        words().zip(words().skip(1)).filter(|(word, next)| leads(word) && !next.eq_ignore_ascii_case("SELECT"));
    let table = pairs.next().map_or("", |(_, table)| table);
    let is_name = |character: char| character.is_ascii_alphanumeric() || character == '_';
    let table = table.trim_matches(|character| !is_name(character));
    if table.is_empty() || !table.chars().all(is_name) { verb } else { format!("{verb} {table}") }
}

#[cfg(test)]
mod tests {
    use super::subject;

    #[test]
    fn a_statement_is_named_in_a_few_words() {
        for (sql, name) in [
            ("SELECT \"id\", `x` FROM \"orders\" WHERE email = 'secret'", "SELECT orders"),
            ("INSERT INTO `audit_events` (`id`) VALUES (?)", "INSERT audit_events"),
            ("UPDATE products SET x = 1", "UPDATE products"),
            ("SELECT a FROM (SELECT b FROM `orders`) AS t", "SELECT orders"),
            ("COPY users (id) FROM STDIN", "COPY users"),
            ("SAVEPOINT part_1", "SAVEPOINT"),
            ("SELECT 1", "SELECT"),
            ("", "A STATEMENT"),
        ] {
            assert_eq!(subject(sql), name);
        }
    }
}
