//! A database for a moment: beside the real one, where the role may make one.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use sea_orm::{ConnectionTrait, DbErr};
use tempfile::TempDir;
use tokio::time::timeout;

use super::answers::{rows, text};
use super::budget::Budget;
use super::database::Database;
use super::fault::{Fault, classify};
use super::settings::{Access, ConnectSettings};
use super::target::{ServerTarget, SessionOptions, SqliteTarget, Target};
use crate::error::{Error, Result, io_reason};

/// The prefix of the names of scratch databases.
const PREFIX: &str = "shopctl_scratch_";
/// Maximum time to drop one: as every wait, no longer than the limit of this run.
const REMOVAL_LIMIT: Duration = Duration::from_secs(10);

/// How old one is that no process can still be about to connect to; far more than clocks of machines differ by.
const ABANDONED_AFTER: TimeDelta = TimeDelta::minutes(10);

/// Drops the scratch databases beside another one that killed runs left, and returns their names: those that are old
/// enough, as their names say, and that no session is in. What cannot be dropped is left to another run.
pub async fn remove_abandoned(beside: &Database, now: DateTime<Utc>) -> Vec<String> {
    let Some(sql) = beside.engine().unused_scratch else { return Vec::new() };
    let unused = match rows(beside.connection(), sql).await {
        Ok(unused) => unused,
        Err(error) => {
            tracing::debug!("scratch databases could not be listed: {error}");
            return Vec::new();
        }
    };
    let mut removed = Vec::new();
    for name in unused.iter().filter_map(|row| text(row, "name")) {
        if made_at(&name).is_none_or(|made| now - made < ABANDONED_AFTER) {
            continue;
        }
        // Without force: a session that came meanwhile keeps it.
        match beside.connection().execute_unprepared(&format!("DROP DATABASE {name}")).await {
            Ok(_) => removed.push(name),
            Err(error) => tracing::debug!("{name} could not be removed: {error}"),
        }
    }
    removed
}

/// `shopctl_scratch_4711_692f3c80a1b2c3d4`: the process, the second and a random number.
fn new_name(now: DateTime<Utc>) -> String {
    format!("{PREFIX}{}_{:08x}{:08x}", std::process::id(), now.timestamp(), rand::random::<u32>())
}

/// When a scratch database was made, if exactly such a name says so: others are none of shopctl's.
fn made_at(name: &str) -> Option<DateTime<Utc>> {
    let (process, rest) = name.strip_prefix(PREFIX)?.split_once('_')?;
    let is_hexadecimal = |letter: u8| matches!(letter, b'0'..=b'9' | b'a'..=b'f');
    let is_ours = !process.is_empty()
        && process.bytes().all(|letter| letter.is_ascii_digit())
        && rest.len() == 16
        && rest.bytes().all(is_hexadecimal);
    DateTime::from_timestamp(i64::from_str_radix(rest.get(..8).filter(|_| is_ours)?, 16).ok()?, 0)
}

/// A scratch database that could not be removed, or perhaps not.
#[derive(Debug)]
pub struct Leftover {
    name: String,
    /// What removes it.
    statement: String,
}

impl fmt::Display for Leftover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Leftover { name, statement } = self;
        write!(f, "the scratch database {name} could not be removed; to remove it: {statement};")
    }
}

/// An empty database that is gone after [`Scratch::remove`]; whoever has one removes it, also when
/// it never became ready.
#[derive(Clone)]
pub struct Scratch {
    pub database: Database,
    location: Arc<Location>,
}

enum Location {
    /// Deleted with its folder.
    Folder(#[expect(dead_code, reason = "held for its Drop")] TempDir),
    Server(Box<ServerDatabase>),
}

struct ServerDatabase {
    creator: Database,
    name: String,
    /// A task of its own: a command that is interrupted must know whether there is something to remove.
    creation: Shared<BoxFuture<'static, Result<(), DbErr>>>,
}

impl Scratch {
    /// Begins to make a database on the same server as another, or in a temporary folder.
    ///
    /// Errors: exit 4 where there can be no such folder.
    pub async fn beside(database: &Database, now: DateTime<Utc>) -> Result<Scratch> {
        let settings = database.settings();
        match &settings.target {
            Target::Sqlite(_) => Scratch::in_folder(settings).await,
            Target::Server(server) => Scratch::on_server(database, server, now).await,
        }
    }

    /// Makes a SQLite file in a temporary folder.
    ///
    /// Errors: exit 4 where there can be no such folder.
    pub async fn in_folder(settings: &ConnectSettings) -> Result<Scratch> {
        let unwritable = |error: std::io::Error| {
            Error::configuration("file.unwritable", format!("no temporary folder: {}", io_reason(&error)))
        };
        let folder = tempfile::Builder::new().prefix(PREFIX).tempdir().map_err(unwritable)?;
        let target = Target::Sqlite(SqliteTarget { path: folder.path().join("scratch.db") });
        let database = Database::open(&ConnectSettings { target, access: Access::Create, ..settings.clone() }).await?;
        Ok(Scratch { database, location: Arc::new(Location::Folder(folder)) })
    }

    async fn on_server(database: &Database, server: &ServerTarget, now: DateTime<Utc>) -> Result<Scratch> {
        let name = new_name(now);
        let options = server.engine.engine.new_database;
        // The schemas of the shop's database are not there.
        let session = SessionOptions { search_path: None, ..*server.session.clone() };
        let target =
            Target::Server(ServerTarget { database: name.clone(), session: Box::new(session), ..server.clone() });
        let settings = ConnectSettings { target, access: Access::Write, ..database.settings().clone() };
        let scratch = Database::open(&settings).await?;
        let (creator, create) = (database.clone(), format!("CREATE DATABASE {name} {options}"));
        let creation = {
            let creator = creator.clone();
            tokio::spawn(async move { creator.connection().execute_unprepared(&create).await.map(drop) })
        };
        let created = async { creation.await.unwrap_or_else(|error| Err(DbErr::Custom(error.to_string()))) };
        let location = ServerDatabase { creator, name, creation: created.boxed().shared() };
        Ok(Scratch { database: scratch, location: Arc::new(Location::Server(Box::new(location))) })
    }

    /// Waits until it is created.
    ///
    /// Errors: exit 4 where the role may not make one.
    pub async fn ready(&self) -> Result<()> {
        let Location::Server(location) = self.location.as_ref() else { return Ok(()) };
        let Err(error) = location.creation.clone().await else { return Ok(()) };
        let may_not = classify(&error) == Fault::Permission;
        let error = Error::from(error);
        Err(if may_not { error.hint("give an empty database to work in: --scratch-url URL") } else { error })
    }

    /// Removes it; gives back what is left if that fails.
    pub async fn remove(self) -> Option<Leftover> {
        self.database.close().await;
        match self.location.as_ref() {
            Location::Folder(_) => None,
            Location::Server(location) => location.remove().await,
        }
    }
}

impl ServerDatabase {
    /// Drops it on a new connection with time of its own: the others may have stopped answering.
    async fn remove(&self) -> Option<Leftover> {
        let mut settings = self.creator.settings().clone();
        let limit = settings.budget.limit().map_or(REMOVAL_LIMIT, |limit| limit.min(REMOVAL_LIMIT));
        let is_made = match timeout(limit, self.creation.clone()).await {
            Ok(Ok(())) => true,
            Ok(Err(error)) if !classify(&error).leaves_in_doubt() => return None,
            _ => false,
        };
        // A login may be limited to one connection.
        self.creator.clone().close().await;
        settings.budget = Budget::new(Some(limit), true);
        let statement = format!("DROP DATABASE IF EXISTS {}{}", self.name, self.creator.engine().drop_database);
        match drop_with(&settings, &statement).await {
            // A creation without an answer may come after it.
            Ok(()) if is_made => return None,
            Ok(()) => {}
            Err(error) => tracing::debug!("{} could not be removed: {error}", self.name),
        }
        Some(Leftover { name: self.name.clone(), statement })
    }
}

async fn drop_with(settings: &ConnectSettings, statement: &str) -> Result<()> {
    let database = Database::connect(settings).await?;
    let dropped = database.connection().execute_unprepared(statement).await;
    database.close().await;
    Ok(dropped.map(drop)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_shopctl_gives_say_when_they_were_made() {
        let now = DateTime::from_timestamp(1_764_547_200, 0).expect("a time");
        assert_eq!(made_at(&new_name(now)), Some(now));
        for name in [
            "shopctl_scratch_",
            "shopctl_scratch_mine",
            "shopctl_scratch_4711_a1b2c3d4",
            "shopctl_scratch_x_692f3c80a1b2c3d4",
            "shopctl_scratch__692f3c80a1b2c3d4",
            "shopctl_scratch_4711_692f3c80a1b2c3d45",
            "shopctl_scratch_4711_692F3C80A1B2C3D4",
            "shop_scratch_4711_692f3c80a1b2c3d4",
        ] {
            assert_eq!(made_at(name), None, "{name}");
        }
    }
}
