//! SQLite: one file, one writer at a time.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use migration::{ID_FORM, SETTINGS};
use sea_orm::prelude::async_trait::async_trait;
use sea_orm::sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sea_orm::sqlx::{AssertSqlSafe, ConnectOptions, Error as DriverError, Executor, query_scalar};
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DbBackend, SqliteTransactionMode, SqlxSqliteConnector, Statement,
    TransactionOptions, Value,
};

use tokio::time::{Instant, sleep};

use super::Sqlite;
use super::rows::SqliteRowRepair;
use crate::db::database::Database;
use crate::db::dialect::connect::{Connect, adapted};
use crate::db::fault::{self, Fault, classify_driver};
use crate::db::file_copy::FileCopy;
use crate::db::guarded::RowRepair;
use crate::db::load::Load;
use crate::db::login::Login;
use crate::db::probe::SessionIds;
use crate::db::settings::{Access, ConnectSettings, Purpose};
use crate::db::target::{SqliteTarget, Target, escaped};
use crate::domain::text::shell_word;
use crate::domain::{Form, moment};
use crate::error::{Cause, CommandLine, Error, Hint, Kind, Result};

/// How long one statement waits for the write lock before the operation's own retry takes over.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Pause between two attempts to open an exclusively locked file.
const BUSY_PAUSE: Duration = Duration::from_millis(50);

/// Permissions of a new file: it holds password hashes.
#[cfg(unix)]
const FILE_MODE: u32 = 0o600;

#[async_trait]
impl Connect for Sqlite {
    async fn open(
        &self,
        settings: &mut ConnectSettings,
        purpose: Purpose,
        _ids: &mut SessionIds,
    ) -> Result<(DatabaseConnection, Option<Login>)> {
        let file = settings.target.file().ok_or_else(|| Error::internal("a server is not a file"))?;
        let pool = connect(file, settings, purpose).await?;
        let form = id_form(pool.get_sqlite_connection_pool()).await;
        settings.ids = form.map_err(|error| open_error(&file.path, &error))?;
        Ok((pool, None))
    }

    async fn first_connection(&self, _pool: &DatabaseConnection) -> Result<(), DriverError> {
        Ok(())
    }

    fn create_folder(&self, target: &Target) -> Result<()> {
        match target.file().and_then(|file| missing_folder(&file.path)) {
            Some(folder) => std::fs::create_dir_all(folder).map_err(|error| create_error(folder, &error)),
            None => Ok(()),
        }
    }

    async fn back_up(&self, database: &Database, suffix: &str) -> Result<Option<FileCopy>> {
        match database.target().file() {
            Some(file) => copy(database.connection(), &file.path, suffix).await.map(Some),
            None => Ok(None),
        }
    }

    fn row_repair(&self) -> Option<Arc<dyn RowRepair>> {
        Some(Arc::new(SqliteRowRepair::default()))
    }

    /// A deferred transaction that reads and then writes fails at once, despite busy_timeout, if another has
    /// written meanwhile; taking the write lock at BEGIN waits instead.
    fn transaction(&self) -> TransactionOptions {
        TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        }
    }

    /// Every read transaction is a snapshot.
    fn snapshot(&self) -> TransactionOptions {
        TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Deferred),
            ..TransactionOptions::default()
        }
    }

    /// There is no type for times.
    fn adapt(&self, statement: Statement, ids: Option<Form>) -> Statement {
        adapted(statement, ids, |time| Value::String(time.map(moment::stored_text)))
    }

    async fn begin_load(&self, database: &Database, tables: &[&str]) -> Result<Load> {
        let handle = database.begin().await?;
        let rebuild = super::load::without_indexes(&handle, tables).await?;
        Ok(Load::new(handle, rebuild).ending_with(super::load::usual_cache()))
    }
}

async fn connect(target: &SqliteTarget, settings: &ConnectSettings, purpose: Purpose) -> Result<DatabaseConnection> {
    if !is_there(&target.path)? {
        if settings.access != Access::Create {
            return Err(no_shop(&target.path));
        }
        create(&target.path, IfThere::Open)?;
    }
    let mut options = SqliteConnectOptions::new()
        .filename(&target.path)
        .foreign_keys(!matches!(purpose, Purpose::SchemaChanges { .. }))
        .busy_timeout(busy_timeout(settings, purpose))
        // Erased data must not remain in the file's free pages.
        .pragma("secure_delete", "on")
        .disable_statement_logging();
    options = match settings.access {
        // Neither WAL nor creation: setting a journal mode on a read-only file is an error.
        Access::Read => options.read_only(true),
        Access::Write | Access::Bulk => options.synchronous(SqliteSynchronous::Full),
        Access::Create => options.synchronous(SqliteSynchronous::Full).journal_mode(SqliteJournalMode::Wal),
    };
    let immutable = options.clone().immutable(true);
    match open_when_free(options, settings).await {
        Ok(pool) => Ok(SqlxSqliteConnector::from_sqlx_sqlite_pool(pool)),
        // A database in WAL mode needs auxiliary files even for reading. If they can be neither created nor
        // found, there is no writer, and the file is read as immutable.
        Err(error) if settings.access == Access::Read && is_alone(&target.path) => {
            let pool = open(immutable, settings).await.map_err(|_| open_error(&target.path, &error))?;
            Ok(SqlxSqliteConnector::from_sqlx_sqlite_pool(pool))
        }
        Err(error) => Err(open_error(&target.path, &error)),
    }
}

/// How long one statement waits for the write lock.
fn busy_timeout(settings: &ConnectSettings, purpose: Purpose) -> Duration {
    match purpose {
        // An equal part, so that the last attempt ends with the wait.
        Purpose::SchemaChanges { lock_wait } => {
            let attempts = lock_wait.as_millis().div_ceil(BUSY_TIMEOUT.as_millis()).max(1);
            lock_wait / u32::try_from(attempts).unwrap_or(u32::MAX)
        }
        _ => settings.budget.lock_wait().map_or(BUSY_TIMEOUT, |limit| limit.min(BUSY_TIMEOUT)),
    }
}

/// Whether the shop's file exists.
///
/// Errors: exit 4 for a folder and the like, and if the file is inaccessible, which differs from missing.
fn is_there(path: &Path) -> Result<bool> {
    let shown = path.display();
    let not_a_database = |what: &str| {
        Error::configuration("database.not_a_database", format!("{shown} is {what}, not a database file"))
            .hint(origin_hint())
    };
    match std::fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => Err(not_a_database("a folder")),
        Ok(metadata) if !metadata.is_file() => Err(not_a_database("a pipe, socket or device")),
        Ok(_) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => {
            let code = match error.kind() {
                ErrorKind::PermissionDenied => "database.permission",
                _ => "database.path",
            };
            let message = format!("cannot access {shown}: {}", crate::error::io_reason(&error));
            Err(Error::configuration(code, message).hint(origin_hint()))
        }
    }
}

fn origin_hint() -> Hint {
    Hint::from("to see where this path comes from: ").and(CommandLine::new("config show"))
}

/// Why this user cannot write a readable file; `None` if they can. Nothing is changed.
pub fn unwritable(path: &Path) -> Option<String> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let reason = |what: String, error: std::io::Error| format!("{what}: {}", crate::error::io_reason(&error));
    let file = std::fs::OpenOptions::new().write(true).open(path).err();
    // SQLite creates files beside the database; this one has no name and vanishes at once.
    let beside = || tempfile::tempfile_in(folder).err();
    match file {
        Some(error) => Some(reason(format!("the file {}", path.display()), error)),
        None => beside().map(|error| reason(format!("its folder {}", folder.display()), error)),
    }
}

/// Writes the whole database, as committed, into a new file beside its own.
async fn copy(connection: &impl ConnectionTrait, path: &Path, suffix: &str) -> Result<FileCopy> {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{suffix}"));
    let copy = PathBuf::from(name);
    // Empty but with its permissions, which VACUUM would not set. An existing file is not overwritten.
    create(&copy, IfThere::Refuse)?;
    let copy = FileCopy::new(copy);
    let target = copy.path().to_string_lossy().into_owned();
    let statement = Statement::from_sql_and_values(DbBackend::Sqlite, "VACUUM INTO ?", [target.into()]);
    match connection.execute_raw(statement).await {
        Ok(_) => Ok(copy),
        Err(error) => {
            let error = Error::from(error);
            let message = format!("cannot write the copy {}: {}", copy.path().display(), error.message());
            Err(error.reworded(message))
        }
    }
}

fn is_alone(path: &Path) -> bool {
    let mut wal = path.as_os_str().to_owned();
    wal.push("-wal");
    !Path::new(&wal).exists()
}

/// Opens the file; waits while another process has it locked, up to the limit for a connection.
async fn open_when_free(options: SqliteConnectOptions, settings: &ConnectSettings) -> Result<SqlitePool, DriverError> {
    let until = Instant::now() + settings.acquire_timeout;
    loop {
        match open(options.clone(), settings).await {
            Err(error) if classify_driver(&error) == Fault::Transient && Instant::now() < until => {
                sleep(BUSY_PAUSE).await;
            }
            opened => return opened,
        }
    }
}

/// Opens the file and reads its header, so that an invalid file is reported here.
async fn open(options: SqliteConnectOptions, settings: &ConnectSettings) -> Result<SqlitePool, DriverError> {
    let pool = SqlitePoolOptions::new()
        .max_connections(settings.max_connections)
        .min_connections(settings.min_connections)
        .acquire_timeout(settings.acquire_timeout)
        .test_before_acquire(false)
        .connect_lazy_with(options);
    pool.execute("SELECT 1 FROM sqlite_master LIMIT 1").await?;
    Ok(pool)
}

/// The form of ids that `adopt` found, and left as it is for the program that writes it.
async fn id_form(pool: &SqlitePool) -> Result<Option<Form>, DriverError> {
    let tables = query_scalar("SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = ?");
    let tables: i64 = tables.bind(SETTINGS).fetch_one(pool).await?;
    if tables == 0 {
        return Ok(None);
    }
    let setting = query_scalar(AssertSqlSafe(format!("SELECT value FROM {SETTINGS} WHERE name = ?")));
    let form: Option<String> = setting.bind(ID_FORM).fetch_optional(pool).await?;
    Ok(form.and_then(|form| Form::from_stored(&form)))
}

/// What to do with an existing file.
#[derive(Clone, Copy, PartialEq, Eq)]
enum IfThere {
    Open,
    Refuse,
}

/// Creates an empty file that only its owner can read.
fn create(path: &Path, if_there: IfThere) -> Result<()> {
    if let Some(folder) = missing_folder(path) {
        let folder = folder.to_string_lossy();
        let message = format!("cannot create {}: there is no folder {}", path.display(), escaped(&folder));
        let error = Error::configuration("database.create", message);
        return Err(error.hint(format!("mkdir -p {}", shell_word(&folder))).hint(origin_hint()));
    }
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(false).create_new(if_there == IfThere::Refuse);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, FILE_MODE);
    options.open(path).map_err(|error| create_error(path, &error))?;
    Ok(())
}

fn create_error(path: &Path, error: &std::io::Error) -> Error {
    let kind = match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => Kind::Unavailable,
        _ => Kind::Configuration,
    };
    let reason = match error.kind() {
        // A file in place of a folder, or vice versa.
        ErrorKind::AlreadyExists => "something else has that name".to_owned(),
        _ => crate::error::io_reason(error),
    };
    Error::new(kind, "database.create", format!("cannot create {}: {reason}", path.display())).hint(origin_hint())
}

/// The folder of a file, if missing.
fn missing_folder(path: &Path) -> Option<&Path> {
    path.parent().filter(|folder| !folder.as_os_str().is_empty() && !folder.exists())
}

fn no_shop(path: &Path) -> Error {
    if let Some(folder) = missing_folder(path) {
        let folder = escaped(&folder.to_string_lossy());
        let message = format!("no shop at {}: there is no folder {folder}", path.display());
        return Error::from_cause(Cause::NoShop, message).hint(origin_hint());
    }
    fault::no_shop(path).hint(origin_hint())
}

fn open_error(path: &Path, error: &DriverError) -> Error {
    let (fault, shown) = (classify_driver(error), path.display());
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new(".")).display();
    if matches!(fault, Fault::Permission | Fault::ReadOnly) {
        let message = format!("cannot open {shown}: this user may not read it, or write to it and its folder {folder}");
        return Error::configuration("database.permission", message)
            .hint("SQLite creates files next to the database: the user of the shop must own the file and its folder");
    }
    fault::error_of(fault, &format!("cannot open {shown}: {}", fault::reason(error)))
}
