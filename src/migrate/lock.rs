//! One runner at a time: a lease row on servers, the write lock of the file on SQLite.
//!
//! A lease instead of the servers' own advisory locks: those were granted twice behind transaction
//! poolers and on Galera clusters. The lease uses the server's clock, so that runners need not
//! agree on the time; a runner that was killed blocks the next one for [`LEASE_SECONDS`] at most.
//! A runner that lost it while it slept or was cut off changes nothing more: each step holds the
//! lease within its own transaction.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Alias, DynIden, Expr, ExprTrait, IntoIden, Query, UpdateStatement};
use sea_orm::{ConnectionTrait, DbErr};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::{CLOSE_TIMEOUT, Job, Progress};
use crate::db::ddl::{LOCK_TIMEOUT, end_statement, is_busy, refuse_no_schema};
use crate::db::fault::{Fault, classify};
use crate::db::inspection::refuse_too_old;
use crate::db::target::Engine;
use crate::db::write::WriteHandle;
use crate::db::{BeginFailure, Database};
use crate::domain::Zone;
use crate::error::{Cause, CommandLine, Error, Hint, Kind, Result, printable};

/// How long a lease holds without a heartbeat.
const LEASE_SECONDS: u32 = 12;
const HEARTBEAT: Duration = Duration::from_secs(3);
/// Pause between two attempts to get the lease, at most; with jitter.
const POLL: Duration = Duration::from_millis(250);
/// Attempts to create the history tables: several runners may do so at once.
const CREATE_ATTEMPTS: u32 = 20;
/// How long a statement that is to end is asked to do so.
const END_LIMIT: Duration = Duration::from_secs(3);
/// How long the last attempt to acquire the lock may take beyond the limit.
const LAST_ANSWER_TIMEOUT: Duration = Duration::from_secs(1);
const NAME: &str = "migrate";

/// The exclusive right to change the schema, until released.
pub struct Lock {
    database: Database,
    /// `None` on SQLite, where each step takes the file's own lock.
    lease: Option<Lease>,
}

/// Why a step must stop.
#[derive(Debug)]
pub enum LockError {
    /// Another runner has the lock.
    Lost,
    /// The database did not answer.
    Database(DbErr),
}

impl From<LockError> for Error {
    fn from(failure: LockError) -> Error {
        match failure {
            LockError::Lost => Error::new(
                Kind::Unavailable,
                "migrate.lock_lost",
                "the migration lock was taken over by another runner",
            )
            .hint(
                Hint::from("run ")
                    .and(CommandLine::new("migrate status"))
                    .and(", then ")
                    .and(CommandLine::again())
                    .and(" again"),
            ),
            LockError::Database(error) => error.into(),
        }
    }
}

struct Lease {
    token: String,
    /// A comment before each statement, by which it is found on the server.
    tag: String,
    heartbeat: JoinHandle<()>,
    /// The heartbeat's own connection, once it needed one.
    own: Arc<OnceLock<Database>>,
}

impl Drop for Lease {
    /// Also if the runner is dropped early: a heartbeat alone would hold the lock forever.
    fn drop(&mut self) {
        self.heartbeat.abort();
    }
}

impl Lock {
    /// Creates the history tables where they are missing and waits for the lock.
    ///
    /// Errors: exit 5 naming the holder when it takes longer than the plan allows.
    pub async fn acquire(Job { database, plan, progress }: Job<'_>) -> Result<Lock> {
        create_history(database, plan.lock_wait).await?;
        if database.engine().has_one_writer {
            return Ok(Lock { database: database.clone(), lease: None });
        }
        let token = format!("{:032x}", rand::random::<u128>());
        let until = Instant::now() + plan.lock_wait;
        let mut is_reported = false;
        let mut before = None;
        loop {
            let attempt = try_acquire(database, &token, &plan.runner, &mut before);
            // Another session may have locked the lease table itself.
            let left = until.saturating_duration_since(Instant::now()) + LAST_ANSWER_TIMEOUT;
            let attempt =
                timeout(left, attempt).await.unwrap_or_else(|_| Ok(Some("a lock on shopctl_leases".to_owned())));
            let Some(holder) = attempt? else { break };
            if Instant::now() >= until || !database.budget().allows_pause(POLL) {
                return Err(Error::new(Kind::Unavailable, "migrate.locked", format!("{holder} is running migrations"))
                    .hint("wait for it, or give it more time with --lock-wait; the lock of a runner that died expires within 15 s"));
            }
            if !is_reported {
                progress(Progress::Waiting(&holder));
                is_reported = true;
            }
            database.budget().pause(POLL.mul_f64(0.5 + rand::random::<f64>() / 2.0)).await;
        }
        let own = Arc::new(OnceLock::new());
        let heartbeat = tokio::spawn(send_heartbeats(database.clone(), token.clone(), Arc::clone(&own)));
        let tag = format!("/* shopctl migration {token} */ ");
        let lock = Lock { database: database.clone(), lease: Some(Lease { token, tag, heartbeat, own }) };
        if let Some(session) = before.and_then(|holder| holder.session) {
            // After a timeout the lease is left to expire: the next runner must wait as well.
            await_end(database, session, until).await?;
        }
        Ok(lock)
    }

    /// A comment by which this runner's statements are found on the server.
    pub fn tag(&self) -> &str {
        self.lease.as_ref().map_or("", |lease| lease.tag.as_str())
    }

    /// Ends this runner's statement on the server, where it would continue without its client.
    pub async fn end_statement(&self) {
        let Some(lease) = &self.lease else { return };
        let end = async {
            let database = self.database.reconnect().await?;
            let ended = end_statement(database.connection(), &lease.tag).await;
            database.close().await;
            ended
        };
        if let Ok(Err(error)) = timeout(END_LIMIT, end).await {
            tracing::debug!("the statement could not be ended on the server: {error}");
        }
    }

    /// Lets the next runner in after a run that ended so, which may have failed for another reason.
    pub async fn finish<T>(self, done: Result<T>) -> Result<T> {
        let done = match done {
            Err(error) => Err(self.explain(error).await),
            done => done,
        };
        self.release().await;
        done
    }

    /// Why a run really failed: whatever a runner meets once another one has its lock is a
    /// consequence of that.
    async fn explain(&self, error: Error) -> Error {
        let Some(lease) = &self.lease else { return error };
        let mut select = Query::select();
        select.column("token").from(leases()).and_where(Expr::col("name").eq(NAME));
        let held = async {
            let row = self.database.connection().query_one(&select).await?;
            row.map(|row| row.try_get::<String>("", "token")).transpose()
        };
        match timeout(CLOSE_TIMEOUT, held).await {
            Ok(Ok(token)) if token.as_ref() != Some(&lease.token) => LockError::Lost.into(),
            _ => error,
        }
    }

    /// Whether the lock keeps others out between the steps too, so that the history read once
    /// stays true.
    pub fn spans_steps(&self) -> bool {
        self.lease.is_some()
    }

    /// Extends the lease within a step's transaction: if it is still ours, no other runner can take it over
    /// before that transaction ends. Otherwise the caller must roll back.
    pub async fn renew(&self, handle: &WriteHandle) -> Result<(), LockError> {
        let Some(lease) = &self.lease else { return Ok(()) };
        match extend(handle, handle.engine(), &lease.token, true).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(LockError::Lost),
            Err(error) => Err(LockError::Database(error)),
        }
    }

    /// Releases the lock.
    async fn release(mut self) {
        let Some(lease) = self.lease.take() else { return };
        lease.heartbeat.abort();
        let mut delete = Query::delete();
        delete
            .from_table(leases())
            .and_where(Expr::col("name").eq(NAME))
            .and_where(Expr::col("token").eq(lease.token.as_str()));
        let release = async {
            if let Err(error) = self.database.connection().execute(&delete).await {
                tracing::debug!("the migration lock was not released and will expire: {error}");
            }
            if let Some(own) = lease.own.get() {
                own.clone().close().await;
            }
        };
        let _ = timeout(CLOSE_TIMEOUT, release).await;
    }
}

/// Begins a transaction of the runner: whatever others hold, no statement in it waits for long.
pub async fn begin(database: &Database, wait: Duration) -> Result<WriteHandle, BeginFailure> {
    let handle = database.begin().await?;
    let limits = handle.engine().begin_migration(database.budget().capped(wait.min(LOCK_TIMEOUT)));
    if !limits.is_empty() {
        let limited = handle.execute_unprepared(&limits).await;
        limited.map_err(|error| BeginFailure { fault: Some(classify(&error)), error: error.into() })?;
    }
    Ok(handle)
}

/// As [`begin`], again and again while another process holds the file, until the time is over.
pub async fn begin_within(database: &Database, wait: Duration) -> Result<WriteHandle, BeginFailure> {
    let until = Instant::now() + wait;
    loop {
        match begin(database, wait).await {
            Err(failure) if failure.fault == Some(Fault::Transient) && database.engine().has_one_writer => {
                if Instant::now() >= until {
                    let error = Error::from_cause(Cause::Blocked, "another process holds the database file")
                        .hint("wait for it; --lock-wait makes migrate commands wait longer");
                    return Err(BeginFailure { error, ..failure });
                }
            }
            begun => return begun,
        }
    }
}

fn leases() -> DynIden {
    Alias::new(migration::LEASES).into_iden()
}

fn now(engine: Engine) -> Expr {
    Expr::cust(engine.seconds_from_now(0))
}

fn expiry(engine: Engine) -> Expr {
    Expr::cust(engine.seconds_from_now(LEASE_SECONDS))
}

async fn create_history(database: &Database, lock_wait: Duration) -> Result<()> {
    let connection = database.connection();
    let probe = Query::select().expr(Expr::val(1)).from(leases()).limit(1).to_owned();
    match connection.query_all(&probe).await {
        Ok(_) => return Ok(()),
        Err(error) if classify(&error) == Fault::NoSchema => {}
        Err(error) => return Err(error.into()),
    }
    refuse_no_schema(connection).await?;
    refuse_too_old(connection).await?;
    let sql = migration::history_tables(database.engine().backend).join(";\n");
    if database.engine().has_one_writer {
        let own = database.for_schema_changes(lock_wait).await?;
        let handle = begin_within(&own, lock_wait).await?;
        handle.execute_unprepared(&sql).await?;
        handle.commit().await?;
        own.close().await;
        return Ok(());
    }
    let mut attempt = 0;
    loop {
        attempt += 1;
        match connection.execute_unprepared(&sql).await {
            Ok(_) => return Ok(()),
            // IF NOT EXISTS does not protect against a concurrent creation.
            Err(error) if attempt < CREATE_ATTEMPTS && is_race(&error) => {
                database.budget().pause(POLL.mul_f64(rand::random())).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

fn is_race(error: &DbErr) -> bool {
    matches!(classify(error), Fault::Unique(_) | Fault::AlreadyExists | Fault::Transient)
}

/// The holder of the lease.
struct Holder {
    /// The holder's name and the start of its lease.
    text: String,
    /// The session of the holder, whose statement may outlive it.
    session: Option<i64>,
}

/// Takes the lease if it is free or expired; otherwise returns the holder. `before` is the previous holder.
///
/// Looks first and inserts only where nothing is: an insert that fails at each poll would fill the
/// server's log with errors.
async fn try_acquire(
    database: &Database,
    token: &str,
    runner: &str,
    before: &mut Option<Holder>,
) -> Result<Option<String>> {
    let connection = database.connection();
    *before = match holder(connection).await {
        Ok(holder) => holder,
        // A cluster node may be busy applying remote changes.
        Err(error) if classify(&error) == Fault::Transient => return Ok(Some("another runner".to_owned())),
        Err(error) => return Err(error.into()),
    };
    let attempt = match before {
        None => connection.execute(&insert(database.engine(), token, runner)).await,
        Some(_) => connection.execute(&take_over(database.engine(), token, runner)).await,
    };
    let others = || Some(before.as_ref().map_or_else(|| "another runner".to_owned(), |holder| holder.text.clone()));
    match attempt {
        Ok(result) if result.rows_affected() == 1 => Ok(None),
        Ok(_) => Ok(others()),
        Err(error) if matches!(classify(&error), Fault::Unique(_) | Fault::Transient) => Ok(others()),
        Err(error) => Err(error.into()),
    }
}

/// Waits for the last statement of a runner that is gone: where DDL commits by itself, it may be
/// done any moment.
async fn await_end(database: &Database, session: i64, until: Instant) -> Result<()> {
    while is_busy(database.connection(), session).await? {
        if Instant::now() >= until || !database.budget().allows_pause(POLL) {
            let message = format!("a runner that died left a statement that is still running (session {session})");
            return Err(Error::new(Kind::Unavailable, "migrate.locked", message)
                .hint("wait for it with a longer --lock-wait, or end it on the server with KILL"));
        }
        database.budget().pause(POLL).await;
    }
    Ok(())
}

fn insert(engine: Engine, token: &str, runner: &str) -> sea_orm::sea_query::InsertStatement {
    let mut insert = Query::insert();
    insert.into_table(leases()).columns(["name", "token", "holder", "expires_at"]).values_panic([
        NAME.into(),
        token.into(),
        runner.into(),
        expiry(engine),
    ]);
    insert
}

fn take_over(engine: Engine, token: &str, runner: &str) -> UpdateStatement {
    let mut update = Query::update();
    update
        .table(leases())
        .value("token", token)
        .value("holder", runner)
        .value("acquired_at", now(engine))
        .value("expires_at", expiry(engine))
        .and_where(Expr::col("name").eq(NAME))
        .and_where(Expr::col("expires_at").lt(now(engine)));
    update
}

async fn holder(connection: &impl ConnectionTrait) -> Result<Option<Holder>, DbErr> {
    let mut select = Query::select();
    select.columns(["holder", "session", "acquired_at"]).from(leases()).and_where(Expr::col("name").eq(NAME));
    let Some(row) = connection.query_one(&select).await? else { return Ok(None) };
    let (holder, since): (String, DateTime<Utc>) = (row.try_get("", "holder")?, row.try_get("", "acquired_at")?);
    let text = format!("{} (since {})", printable(&holder), Zone::utc().text_with_offset(since));
    Ok(Some(Holder { text, session: row.try_get("", "session")? }))
}

/// `runs_statements`: this session runs the migration's statements, which must end before another runner
/// continues.
async fn extend(
    connection: &impl ConnectionTrait,
    engine: Engine,
    token: &str,
    runs_statements: bool,
) -> Result<bool, DbErr> {
    let mut update = Query::update();
    update
        .table(leases())
        .value("expires_at", expiry(engine))
        .and_where(Expr::col("name").eq(NAME))
        .and_where(Expr::col("token").eq(token));
    if let Some(session) = engine.session_number.filter(|_| runs_statements) {
        update.value("session", Expr::cust(session));
    }
    Ok(connection.execute(&update).await?.rows_affected() == 1)
}

/// Extends the lease for as long as the runner lives, on a connection of its own: those of the
/// pool may all be busy with the migration. Most runs are over before it is needed.
async fn send_heartbeats(database: Database, token: String, own: Arc<OnceLock<Database>>) {
    loop {
        sleep(HEARTBEAT).await;
        let extended = async {
            match own.get() {
                Some(own) => Ok(extend(own.connection(), own.engine(), &token, false).await?),
                None => connect_and_extend(&database, &token, &own).await,
            }
        };
        let limit = Duration::from_secs(LEASE_SECONDS.into());
        match timeout(limit, extended).await {
            Ok(Ok(true)) => {}
            Ok(Ok(false)) => return tracing::debug!("the migration lock was taken over"),
            Ok(Err(error)) => tracing::debug!("the migration lock could not be extended: {error}"),
            Err(_) => tracing::debug!("the migration lock could not be extended: no answer"),
        }
    }
}

async fn connect_and_extend(database: &Database, token: &str, own: &OnceLock<Database>) -> Result<bool> {
    let connected = database.reconnect().await?;
    connected.ready().await?;
    let connected = own.get_or_init(|| connected);
    Ok(extend(connected.connection(), connected.engine(), token, false).await?)
}
