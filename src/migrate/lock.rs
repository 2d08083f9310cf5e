//! One runner at a time: a lease row on servers, the write lock of the file on SQLite.
//!
//! A lease instead of the servers' own advisory locks: those were granted twice behind transaction
//! poolers and on Galera clusters. The lease uses the server's clock, so that runners need not
//! agree on the time; a runner that was killed blocks the next one for [`LEASE_SECONDS`] at most.

use std::time::{Duration, Instant};

use sea_orm::sea_query::{Alias, Expr, ExprTrait, IntoIden, Query};
use sea_orm::{ConnectionTrait, DbErr};
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::{Plan, Progress};
use crate::db::Database;
use crate::db::fault::{Fault, classify};
use crate::error::{Error, Kind, Result, printable};

/// How long a lease holds without a heartbeat.
const LEASE_SECONDS: u32 = 12;
const HEARTBEAT: Duration = Duration::from_secs(3);
/// Pause between two attempts to get the lease, at most; with jitter.
const POLL: Duration = Duration::from_millis(250);
/// Attempts to create the history tables: several runners may do so at once.
const CREATE_ATTEMPTS: u32 = 20;
const NAME: &str = "migrate";

/// The right to change the schema, until released.
pub struct Lock {
    database: Database,
    /// `None` on SQLite, where each step takes the file's own lock.
    lease: Option<Lease>,
}

struct Lease {
    token: String,
    heartbeat: JoinHandle<()>,
}

impl Lock {
    /// Creates the history tables where they are missing and waits for the lock.
    ///
    /// Errors: exit 5 naming the holder when it takes longer than the plan allows.
    pub async fn acquire(database: &Database, plan: &Plan, progress: &mut dyn FnMut(Progress<'_>)) -> Result<Lock> {
        create_history(database).await?;
        if database.engine().has_one_writer() {
            return Ok(Lock { database: database.clone(), lease: None });
        }
        let token = format!("{:032x}", rand::random::<u128>());
        let until = Instant::now() + plan.lock_wait;
        let mut told = false;
        while !try_acquire(database, &token, &plan.runner).await? {
            let holder = holder(database.connection()).await?.unwrap_or_else(|| "another runner".to_owned());
            if Instant::now() >= until {
                return Err(Error::new(Kind::Unavailable, "migrate.locked", format!("migrations are being run by {holder}"))
                    .hint("wait for it, or give more time with --lock-wait; a runner that died frees the lock by itself within 15 s"));
            }
            if !told {
                progress(Progress::Waiting(&holder));
                told = true;
            }
            sleep(POLL.mul_f64(0.5 + rand::random::<f64>() / 2.0)).await;
        }
        let heartbeat = tokio::spawn(beat(database.clone(), token.clone()));
        Ok(Lock { database: database.clone(), lease: Some(Lease { token, heartbeat }) })
    }

    /// Holds that the lease is still ours: a runner that was asleep for too long stops here.
    pub async fn check(&self) -> Result<()> {
        let Some(lease) = &self.lease else { return Ok(()) };
        if extend(&self.database, &lease.token).await? {
            return Ok(());
        }
        Err(Error::new(Kind::Unavailable, "migrate.lock_lost", "the migration lock was taken over by another runner")
            .hint("run shopctl migrate status, then shopctl migrate up again"))
    }

    /// Lets the next runner in.
    pub async fn release(self) {
        let Some(lease) = self.lease else { return };
        lease.heartbeat.abort();
        let mut delete = Query::delete();
        delete
            .from_table(locks())
            .and_where(Expr::col("name").eq(NAME))
            .and_where(Expr::col("token").eq(lease.token.as_str()));
        if let Err(error) = self.database.connection().execute(&delete).await {
            tracing::debug!("the migration lock was not released and will expire: {error}");
        }
    }
}

fn locks() -> sea_orm::sea_query::DynIden {
    Alias::new("shopctl_locks").into_iden()
}

fn expiry(database: &Database) -> Expr {
    Expr::cust(database.engine().seconds_from_now(LEASE_SECONDS))
}

async fn create_history(database: &Database) -> Result<()> {
    let connection = database.connection();
    let probe = Query::select().expr(Expr::val(1)).from(locks()).limit(1).to_owned();
    match connection.query_all(&probe).await {
        Ok(_) => return Ok(()),
        Err(error) if classify(&error) == Fault::NoSchema => {}
        Err(error) => return Err(error.into()),
    }
    let sql = migration::history_tables(connection.get_database_backend()).join(";\n");
    let mut attempt = 0;
    loop {
        attempt += 1;
        match connection.execute_unprepared(&sql).await {
            Ok(_) => return Ok(()),
            // IF NOT EXISTS is no protection against a creation at the same moment.
            Err(error) if attempt < CREATE_ATTEMPTS && is_race(&error) => sleep(POLL.mul_f64(rand::random())).await,
            Err(error) => return Err(error.into()),
        }
    }
}

fn is_race(error: &DbErr) -> bool {
    matches!(classify(error), Fault::Unique(_) | Fault::AlreadyExists | Fault::Transient)
}

/// Takes the lease if nobody has it, or if it ran out.
async fn try_acquire(database: &Database, token: &str, runner: &str) -> Result<bool> {
    let connection = database.connection();
    let mut insert = Query::insert();
    insert.into_table(locks()).columns(["name", "token", "holder", "expires_at"]).values_panic([
        NAME.into(),
        token.into(),
        runner.into(),
        expiry(database),
    ]);
    match connection.execute(&insert).await {
        Ok(_) => return Ok(true),
        Err(error) if matches!(classify(&error), Fault::Unique(_) | Fault::Transient) => {}
        Err(error) => return Err(error.into()),
    }
    let mut update = Query::update();
    update
        .table(locks())
        .value("token", token)
        .value("holder", runner)
        .value("acquired_at", Expr::cust(database.engine().seconds_from_now(0)))
        .value("expires_at", expiry(database))
        .and_where(Expr::col("name").eq(NAME))
        .and_where(Expr::col("expires_at").lt(Expr::cust(database.engine().seconds_from_now(0))));
    match connection.execute(&update).await {
        Ok(result) => Ok(result.rows_affected() == 1),
        Err(error) if classify(&error) == Fault::Transient => Ok(false),
        Err(error) => Err(error.into()),
    }
}

async fn holder(connection: &impl ConnectionTrait) -> Result<Option<String>> {
    let mut select = Query::select();
    select.column("holder").from(locks()).and_where(Expr::col("name").eq(NAME));
    let row = connection.query_one(&select).await?;
    let holder: Option<String> = row.map(|row| row.try_get("", "holder")).transpose()?;
    Ok(holder.map(|holder| printable(&holder)))
}

async fn extend(database: &Database, token: &str) -> Result<bool> {
    let mut update = Query::update();
    update
        .table(locks())
        .value("expires_at", expiry(database))
        .and_where(Expr::col("name").eq(NAME))
        .and_where(Expr::col("token").eq(token));
    Ok(database.connection().execute(&update).await?.rows_affected() == 1)
}

/// Extends the lease for as long as the runner lives.
async fn beat(database: Database, token: String) {
    loop {
        sleep(HEARTBEAT).await;
        if let Err(error) = extend(&database, &token).await {
            tracing::debug!("the migration lock could not be extended: {error}");
        }
    }
}
