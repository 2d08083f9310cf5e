//! SQLite: one file, one writer at a time.

use std::path::{Path, PathBuf};
use std::time::Duration;

use sea_orm::sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sea_orm::sqlx::{ConnectOptions, Error as DriverError, Executor};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, SqliteTransactionMode, SqlxSqliteConnector, Statement};

use tokio::time::{Instant, sleep};

use super::fault::{self, Fault, classify_driver};
use super::target::SqliteTarget;
use super::{Access, ConnectSettings};
use crate::error::{Cause, CommandLine, Error, Kind, Result};

/// A deferred transaction that reads and then writes fails at once when another has written
/// meanwhile, whatever busy_timeout says; taking the write lock at BEGIN waits instead.
pub const TRANSACTION_MODE: Option<SqliteTransactionMode> = Some(SqliteTransactionMode::Immediate);

/// How long one statement waits for the write lock before the operation's own retry takes over.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Between two attempts to open a file that another has for itself.
const BUSY_PAUSE: Duration = Duration::from_millis(50);

/// Permissions of a new file: it holds password hashes.
#[cfg(unix)]
const FILE_MODE: u32 = 0o600;

pub async fn connect(
    target: &SqliteTarget,
    settings: &ConnectSettings,
    checks_references: bool,
) -> Result<DatabaseConnection> {
    if target.path.is_dir() {
        let path = target.path.display();
        return Err(Error::configuration(
            "database.not_a_database",
            format!("{path} is a folder, not a database file"),
        ));
    }
    let exists = target.path.exists();
    if !exists {
        if settings.access != Access::Create {
            return Err(no_shop(&target.path));
        }
        create(&target.path)?;
    }
    let mut options = SqliteConnectOptions::new()
        .filename(&target.path)
        .foreign_keys(checks_references)
        .busy_timeout(settings.budget.lock_wait().map_or(BUSY_TIMEOUT, |limit| limit.min(BUSY_TIMEOUT)))
        // What is erased must not be found in the file's free pages.
        .pragma("secure_delete", "on")
        .disable_statement_logging();
    options = match settings.access {
        // Neither WAL nor creation: setting a journal mode on a read-only file is an error.
        Access::Read => options.read_only(true),
        Access::Write => options.synchronous(SqliteSynchronous::Full),
        Access::Create => options.synchronous(SqliteSynchronous::Full).journal_mode(SqliteJournalMode::Wal),
    };
    let immutable = options.clone().immutable(true);
    match open_when_free(options, settings).await {
        Ok(pool) => Ok(SqlxSqliteConnector::from_sqlx_sqlite_pool(pool)),
        // A shop in WAL mode needs files beside it even to be read; where those cannot be made and
        // none are there, nobody is writing: read the file alone.
        Err(error) if settings.access == Access::Read && is_alone(&target.path) => {
            let pool = open(immutable, settings).await.map_err(|_| open_error(&target.path, &error))?;
            Ok(SqlxSqliteConnector::from_sqlx_sqlite_pool(pool))
        }
        Err(error) => Err(open_error(&target.path, &error)),
    }
}

/// Writes the whole database, as committed, into a new file beside its own.
pub async fn copy(connection: &impl ConnectionTrait, path: &Path, suffix: &str) -> Result<PathBuf> {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{suffix}"));
    let copy = PathBuf::from(name);
    // Empty but with its permissions, which VACUUM would not set.
    create(&copy)?;
    let target = copy.to_string_lossy().into_owned();
    let statement = Statement::from_sql_and_values(DbBackend::Sqlite, "VACUUM INTO ?", [target.into()]);
    connection.execute_raw(statement).await?;
    Ok(copy)
}

fn is_alone(path: &Path) -> bool {
    let mut wal = path.as_os_str().to_owned();
    wal.push("-wal");
    !Path::new(&wal).exists()
}

/// Opens the file, however long another has it for itself, but not longer than a connection is waited for.
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

/// Opens the file and reads its header, so that what is no database is told here.
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

/// Creates the file empty and readable by its owner alone.
fn create(path: &Path) -> Result<()> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(|error| create_error(folder, &error))?;
    }
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, FILE_MODE);
    options.open(path).map_err(|error| create_error(path, &error))?;
    Ok(())
}

fn create_error(path: &Path, error: &std::io::Error) -> Error {
    let kind = match error.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => Kind::Unavailable,
        _ => Kind::Configuration,
    };
    Error::new(kind, "database.create", format!("cannot create {}: {}", path.display(), crate::error::io_reason(error)))
}

fn no_shop(path: &Path) -> Error {
    Error::of(Cause::NoShop, format!("no shop at {}", path.display())).hint(
        CommandLine::new("migrate up")
            .and(" makes an empty one there, ")
            .and(CommandLine::new("quickstart"))
            .and(" a demo shop of its own; ")
            .and(CommandLine::new("config show"))
            .and(" tells where this path comes from"),
    )
}

fn open_error(path: &Path, error: &DriverError) -> Error {
    let (fault, shown) = (classify_driver(error), path.display());
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new(".")).display();
    if matches!(fault, Fault::Permission | Fault::ReadOnly) {
        let message =
            format!("cannot open {shown}: this user may not read it, or not write it and its folder {folder}");
        return Error::configuration("database.permission", message)
            .hint("SQLite makes files beside the database: both have to belong to whoever uses the shop");
    }
    fault::error_of(fault, &format!("cannot open {shown}: {}", fault::reason(error)))
}
