//! The wiring of a command: configuration, databases opened on demand, output, clock, ids and actor.

use crate::config::Config;
use crate::db::budget::Budget;
use crate::db::connections::Connections;
use crate::db::fault::no_shop;
use crate::db::target::Target;
use crate::db::{Access, ConnectSettings, Database};
use crate::domain::{Clock, IdSource, Zone};
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
    /// The zone that people read and type times in.
    pub zone: Zone,
    /// The zone that the command line gives, also for times in files; what a file means does not depend on settings.
    pub file_zone: Option<Zone>,
    /// How long to wait for the database.
    pub budget: Budget,
    /// The COMMIT in progress, if any.
    pub committing: CommitTracker,
    pub connections: Connections,
}

impl Context {
    #[expect(clippy::disallowed_methods, reason = "the one place where time and ids come from")]
    pub fn new(config: Config, zone: Zone, output: Output, budget: Budget, committing: CommitTracker) -> Context {
        let clock = Clock(chrono::Utc::now);
        let ids = IdSource(uuid::Uuid::now_v7);
        let pool = &config.pool;
        let connections = Connections::new(ConnectSettings {
            target: config.target.clone(),
            access: Access::Read,
            max_connections: pool.max.min(CONNECTIONS).max(pool.min),
            min_connections: pool.min,
            acquire_timeout: pool.acquire,
            idle_timeout: pool.idle,
            connect_timeout: config.connect_timeout,
            budget: budget.clone(),
            ids: None,
        });
        let file_zone = config.is_zone_named_by_flag.then(|| zone.clone());
        let output = output.in_zone(zone.clone());
        Context { config, output, clock, ids, zone, file_zone, budget, committing, connections }
    }

    /// Connects to the configured database.
    ///
    /// Errors: those of [`Database::connect`]; exit 11 for writing to a read-only context.
    pub async fn database(&self, access: Access) -> Result<Database> {
        self.database_of(&self.config, access).await
    }

    /// Connects to the database of a configuration: the own one, or that of [`Config::for_shop`].
    ///
    /// Errors: those of [`Context::database`].
    pub async fn database_of(&self, config: &Config, access: Access) -> Result<Database> {
        // Only the default folder is created: a missing folder that the user named is an error.
        if access == Access::Create && config.target == Target::Sqlite(config.embedded_default.clone()) {
            Database::create_folder(&config.target)?;
        }
        let opened = async {
            let database = self.open(config, &config.target, access).await?;
            database.ready().await?;
            Ok(database)
        };
        let is_other = config.target != self.config.target;
        opened.await.map_err(|error: Error| if is_other { error.on(&config.target.to_string()) } else { error })
    }

    /// Replaces hints that cannot work in a read-only context, which must not create a missing shop.
    pub fn adapt_hints(&self, error: Error) -> Error {
        let is_missing = [Cause::NoShop, Cause::NoSchema, Cause::NoDatabase].into_iter().any(|cause| error.is(cause));
        if !self.config.read_only || !is_missing {
            return error;
        }
        let error = error
            .without_hints()
            .hint(CommandLine::new("config show").and(" tells where the database is set; correct it there"));
        let folder = self.config.target.file().and_then(|file| file.path.parent());
        match folder {
            // A context from the environment would conflict with the URL.
            Some(folder) if self.config.is_named_by_flag && (folder.as_os_str().is_empty() || folder.is_dir()) => {
                let make = CommandLine::new("migrate up").on(self.config.target.to_string());
                error.hint(make.and(" creates the shop there, without the read-only context"))
            }
            _ => error.hint("this context is read-only: create the shop in another context, or with its URL"),
        }
    }

    /// The configured database, without connecting: the operation that the command begins connects by itself.
    pub async fn database_for_operation(&self) -> Result<Database> {
        self.open(&self.config, &self.config.target, Access::Write).await
    }

    /// Operations on the configured database.
    pub async fn open_operations(&self, dry_run: bool) -> Result<Operations> {
        Ok(self.operations(&self.database_for_operation().await?, dry_run))
    }

    /// Opens a database with the configured pool and time limits.
    ///
    /// Errors: exit 2 for `--fields` with a command that writes, where an unknown field would be detected too late, and
    /// for an output format that a change does not have.
    async fn open(&self, config: &Config, target: &Target, access: Access) -> Result<Database> {
        if access != Access::Read {
            self.check_mutation_output()?;
        }
        if access != Access::Read && config.read_only {
            let context = config.context.clone().unwrap_or_default();
            return Err(Error::new(
                Kind::ConfirmationNeeded,
                "context.read_only",
                format!("the context {context} is read-only"),
            )
            .hint("choose another context with --context, or change it in shopctl.toml"));
        }
        // Anyone may have created the file in the working folder, so the database is named before it is changed.
        if access != Access::Read
            && *target == config.target
            && let Some(file) = config.working_folder_file()
            && !self.connections.has_writable(target)
        {
            self.output.note(&format!("database: {target}, named by {}", file.display()));
        }
        let opened = self.connections.open_database(target, access).await;
        let default = &config.embedded_default;
        let is_default = *target == Target::Sqlite(default.clone());
        // Nobody set the default location, so there is nothing to correct.
        opened.map_err(|error| match is_default && error.is(Cause::NoShop) {
            true => no_shop(&default.path),
            false => error,
        })
    }

    /// Rejects options of the output that a command without a list does not have.
    ///
    /// Errors: exit 2.
    pub fn check_mutation_output(&self) -> Result<()> {
        self.output.check_mutation_format()?;
        match self.output.has_fields() {
            true => Err(Error::usage("--fields is for commands that list or show")),
            false => Ok(()),
        }
    }

    /// Connects to a database other than the configured one.
    pub async fn other_database(&self, target: &Target, access: Access) -> Result<Database> {
        let database = self.open(&self.config, target, access).await?;
        database.ready().await?;
        Ok(database)
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
}
