//! The wiring of a command: configuration, databases opened on demand, output, clock, ids and actor.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::config::Config;
use crate::db::budget::Budget;
use crate::db::scratch::Scratch;
use crate::db::target::Target;
use crate::db::{Access, ConnectSettings, Database};
use crate::domain::{Clock, IdSource};
use crate::error::{Cause, CommandLine, Error, Kind, Result};
use crate::output::Output;
use crate::service::committing::CommitTracker;
use crate::service::operation::Operations;

/// Number of connections of a command, which works sequentially. A second one would only be opened while the first
/// returns to the pool, and fails if a server grants only one. Concurrent work, such as the heartbeat of the migration
/// lock, has a separate pool.
const CONNECTIONS: u32 = 1;

/// The environment of every command.
pub struct Context {
    pub config: Config,
    pub output: Output,
    pub clock: Clock,
    pub ids: IdSource,
    /// How long to wait for the database.
    pub budget: Budget,
    /// The COMMIT in progress, if any.
    pub committing: CommitTracker,
    opened: Mutex<Vec<Database>>,
    scratches: Mutex<Vec<Scratch>>,
    would_change: AtomicBool,
    has_noted_target: AtomicBool,
}

/// Maximum time to drop a scratch database, which nothing else would remove.
const REMOVAL_LIMIT: Duration = Duration::from_secs(10);

impl Context {
    #[expect(clippy::disallowed_methods, reason = "the one place where time and ids come from")]
    pub fn new(config: Config, output: Output, budget: Budget, committing: CommitTracker) -> Context {
        let clock = Clock(chrono::Utc::now);
        let ids = IdSource(uuid::Uuid::now_v7);
        Context {
            config,
            output,
            clock,
            ids,
            budget,
            committing,
            opened: Mutex::default(),
            scratches: Mutex::default(),
            would_change: AtomicBool::new(false),
            has_noted_target: AtomicBool::new(false),
        }
    }

    /// Connects to the configured database.
    ///
    /// Errors: those of [`Database::connect`]; exit 11 for writing to a read-only context.
    pub async fn database(&self, access: Access) -> Result<Database> {
        // Only the default folder is created: a missing folder that the user named is an error.
        if access == Access::Create && self.config.target == Target::Sqlite(self.config.embedded_default.clone()) {
            Database::create_folder(&self.config.target)?;
        }
        let database = self.open(&self.config.target, access).await?;
        database.ready().await?;
        Ok(database)
    }

    /// Replaces hints that cannot work in a read-only context, which must not create a missing shop.
    pub fn adapt_hints(&self, error: Error) -> Error {
        let is_missing = [Cause::NoShop, Cause::NoSchema, Cause::NoDatabase].into_iter().any(|cause| error.is(cause));
        if !self.config.read_only || !is_missing {
            return error;
        }
        let error = error.without_hints().hint(
            CommandLine::new("config show")
                .and(" tells where the database is named: correct it there if it is another"),
        );
        let folder = self.config.target.file().and_then(|file| file.path.parent());
        match folder {
            // A context from the environment would conflict with the URL.
            Some(folder) if self.config.is_named_by_flag && (folder.as_os_str().is_empty() || folder.is_dir()) => {
                let make = CommandLine::new("migrate up").on(self.config.target.to_string());
                error.hint(make.and(" makes the shop there, without the context, which is read-only"))
            }
            _ => error.hint("this context is read-only: the shop is made in another one, or by its URL alone"),
        }
    }

    /// The configured database, without connecting: the operation that the command begins connects by itself.
    pub async fn database_for_operation(&self) -> Result<Database> {
        self.open(&self.config.target, Access::Write).await
    }

    /// Opens a database with the configured pool and time limits.
    ///
    /// Errors: exit 2 for `--fields` with a command that writes, where an unknown field would be detected too late.
    async fn open(&self, target: &Target, access: Access) -> Result<Database> {
        if access != Access::Read && self.output.has_fields() {
            return Err(Error::usage("--fields is for commands that list or show"));
        }
        if access != Access::Read && self.config.read_only {
            let context = self.config.context.clone().unwrap_or_default();
            return Err(Error::new(
                Kind::ConfirmationNeeded,
                "context.read_only",
                format!("the context {context} is read-only"),
            )
            .hint("choose another context with --context, or change it in shopctl.toml"));
        }
        // Anyone may have created the file in the working folder, so the database is named before it is changed.
        if access != Access::Read
            && *target == self.config.target
            && let Some(file) = self.config.working_folder_file()
            && !self.has_noted_target.swap(true, Ordering::Relaxed)
        {
            self.output.note(&format!("database: {target}, named by {}", file.display()));
        }
        // Earlier connections are no longer needed, and a login may be limited to one.
        let earlier = self.opened.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for database in earlier.iter().filter(|earlier| !earlier.has_timed_out()) {
            database.release_connection().await;
        }
        let database = Database::open(&self.settings(target, access, CONNECTIONS)).await?;
        self.opened.lock().unwrap_or_else(PoisonError::into_inner).push(database.clone());
        Ok(database)
    }

    fn settings(&self, target: &Target, access: Access, connections: u32) -> ConnectSettings {
        let pool = &self.config.pool;
        ConnectSettings {
            target: target.clone(),
            access,
            max_connections: pool.max.min(connections).max(pool.min),
            min_connections: pool.min,
            acquire_timeout: pool.acquire,
            idle_timeout: pool.idle,
            connect_timeout: self.config.connect_timeout,
            budget: self.budget.clone(),
            ids: None,
        }
    }

    /// Closes the databases, so that servers do not log a lost client and a SQLite shop is a single file again.
    pub async fn close(&self) {
        let scratches = std::mem::take(&mut *self.scratches.lock().unwrap_or_else(PoisonError::into_inner));
        let opened = std::mem::take(&mut *self.opened.lock().unwrap_or_else(PoisonError::into_inner));
        let is_silent =
            opened.iter().chain(scratches.iter().map(|scratch| &scratch.database)).any(Database::has_timed_out);
        for scratch in scratches {
            // An unresponsive server cannot drop a database.
            if !is_silent {
                let _ = tokio::time::timeout(REMOVAL_LIMIT, scratch.remove()).await;
            }
        }
        for database in opened {
            database.close().await;
        }
    }

    /// Connects to a database other than the configured one.
    pub async fn other_database(&self, target: &Target, access: Access) -> Result<Database> {
        let database = self.open(target, access).await?;
        database.ready().await?;
        Ok(database)
    }

    /// Creates an empty database next to another one; it is dropped when the command ends, even on failure.
    ///
    /// Errors: exit 4 if the role must not create databases.
    pub async fn scratch(&self, beside: &Database) -> Result<Database> {
        let scratch = Scratch::beside(beside).await?;
        let database = self.keep_scratch(scratch.clone());
        scratch.ready().await?;
        Ok(database)
    }

    /// Creates an empty SQLite file; it is deleted when the command ends.
    pub async fn scratch_file(&self) -> Result<Database> {
        Ok(self.keep_scratch(Scratch::in_folder(&self.settings(&self.config.target, Access::Create, 2)).await?))
    }

    fn keep_scratch(&self, scratch: Scratch) -> Database {
        let database = scratch.database.clone();
        self.scratches.lock().unwrap_or_else(PoisonError::into_inner).push(scratch);
        database
    }

    /// Operations on a database, within its time budget.
    pub fn operations(&self, database: &Database, dry_run: bool) -> Operations {
        Operations {
            database: database.clone(),
            clock: self.clock,
            ids: self.ids,
            actor: self.config.actor.clone(),
            dry_run,
            committing: self.committing.clone(),
        }
    }

    /// The name of this process for others that wait for its lock: `user@host, process 123`.
    pub fn runner(&self) -> String {
        let host = whoami::hostname().unwrap_or_else(|_| "localhost".to_owned());
        format!("{}@{host}, process {}", self.config.actor, std::process::id())
    }

    /// Records that a dry run found changes, for `--exit-code`.
    pub fn note_would_change(&self) {
        self.would_change.store(true, Ordering::Relaxed);
    }

    pub fn would_change(&self) -> bool {
        self.would_change.load(Ordering::Relaxed)
    }
}
