//! Classifies database errors of all engines in one place.
//!
//! The engines' codes are in their dialects.

use std::path::Path;

use sea_orm::sqlx::Error as DriverError;
use sea_orm::sqlx::error::DatabaseError;
use sea_orm::{DbErr, RuntimeErr};

use super::guarded::AnswerTimeout;
use super::target::{Engine, ServerTarget};
use super::tls;
use crate::domain::text::escaped;
use crate::error::{Cause, CommandLine, Error, Hint, Kind, io_reason, printable};

/// Maximum length of a quoted server message, in characters.
const SERVER_TEXT_MAX: usize = 300;

/// The causes that shopctl treats differently.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// A unique constraint: its name, or on SQLite its columns (`users.email`).
    Unique(String),
    ForeignKey,
    Check,
    /// A conflict with another transaction: the whole operation can be run again.
    Transient,
    /// The connection broke: at COMMIT the outcome is unknown until one looks.
    ConnectionLost,
    /// It was waited for longer than allowed: at COMMIT the outcome is unknown as well.
    TimedOut,
    /// A read-only file.
    ReadOnly,
    /// A standby, a server in read-only mode, a session that is read-only by default: another server, or
    /// this one after a failover, takes the write.
    ServerReadOnly,
    /// A limit that the server sets to statements or transactions.
    ServerLimit,
    /// The user has as many connections as it may have.
    ConnectionLimit,
    Full,
    Permission,
    /// Tables or columns are missing: the schema is not there or older than this program.
    NoSchema,
    /// The object to create already exists.
    AlreadyExists,
    /// Not a database file, or a damaged one.
    NotADatabase,
    /// A page or an index of the file cannot be read.
    Damaged,
    /// No connection was available in time.
    Unreachable,
    /// A pooler gave this session's prepared statements to another client.
    Pooler,
    Other,
}

impl Fault {
    /// Whether the statement may have taken effect although no answer came.
    pub fn leaves_in_doubt(&self) -> bool {
        matches!(self, Fault::ConnectionLost | Fault::TimedOut | Fault::Unreachable)
    }

    /// Whether the database said no, so that a COMMIT did not happen.
    pub fn is_refusal(&self) -> bool {
        matches!(
            self,
            Fault::Transient
                | Fault::Unique(_)
                | Fault::ForeignKey
                | Fault::Check
                | Fault::Full
                | Fault::ReadOnly
                | Fault::ServerReadOnly
        )
    }
}

/// Why a server rejects a login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoginRefusal {
    WantsClientCertificate,
    WantsTls,
    Credentials,
    /// The user does not exist or may not log in, whatever the password.
    User,
    /// No login is allowed from this machine.
    Machine,
    PasswordExpired,
    Locked,
    Offline,
    NotInCluster,
    /// Options that the server rejects: unknown, restricted or malformed.
    Options,
    NoDatabase,
    NoAccess,
    /// Full, starting up, or closed for maintenance.
    Unavailable,
    /// A pooler takes no options at the start of a session.
    PoolerOptions,
}

/// A unique constraint as the engines name it when it is violated.
#[derive(Debug, Clone, Copy)]
pub struct UniqueConstraint {
    pub name: &'static str,
    /// `table.column[, table.column]`, SQLite's way.
    pub columns: &'static str,
}

impl UniqueConstraint {
    pub fn is_violated_by(&self, fault: &Fault) -> bool {
        matches!(fault, Fault::Unique(what) if what == self.name || what == self.columns)
    }
}

/// Classifies the cause of a failure.
pub fn classify(error: &DbErr) -> Fault {
    match (driver_error(error), error) {
        (Some(driver), _) => classify_driver(driver),
        (None, DbErr::ConnectionAcquire(_)) => Fault::Unreachable,
        _ => Fault::Other,
    }
}

/// The driver's error in one of SeaORM's.
pub(super) fn driver_error(error: &DbErr) -> Option<&DriverError> {
    match error {
        DbErr::Conn(RuntimeErr::SqlxError(driver))
        | DbErr::Exec(RuntimeErr::SqlxError(driver))
        | DbErr::Query(RuntimeErr::SqlxError(driver)) => Some(driver),
        _ => None,
    }
}

/// [`classify`] for an error of the driver itself.
pub fn classify_driver(error: &DriverError) -> Fault {
    match error {
        DriverError::Io(_) if AnswerTimeout::in_error(error).is_some() => Fault::TimedOut,
        DriverError::Io(_) | DriverError::Protocol(_) | DriverError::WorkerCrashed => Fault::ConnectionLost,
        DriverError::Tls(_) => Fault::ConnectionLost,
        DriverError::PoolTimedOut | DriverError::PoolClosed => Fault::Unreachable,
        DriverError::Database(error) => classify_database(error.as_ref()),
        _ => Fault::Other,
    }
}

fn classify_database(error: &dyn DatabaseError) -> Fault {
    Engine::ALL.into_iter().find_map(|engine| (engine.fault)(error)).unwrap_or(Fault::Other)
}

/// A server's message on one line, safe for terminals: the only path of its text into a message.
pub fn server_text(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let safe = escaped(&line, SERVER_TEXT_MAX);
    if safe.is_empty() { "no reason was given".to_owned() } else { safe }
}

/// The database's own words, short: never a URL, never a password.
pub fn reason(error: &DriverError) -> String {
    if let Some(timeout) = AnswerTimeout::in_error(error) {
        return timeout.to_string();
    }
    match error {
        DriverError::Database(error) => {
            let reason = Engine::ALL.into_iter().find_map(|engine| (engine.reason)(error.as_ref()));
            reason.map_or_else(|| server_text(error.message()), str::to_owned)
        }
        DriverError::PoolTimedOut => "no connection became free in time".to_owned(),
        DriverError::Io(error) => io_reason(error),
        DriverError::Protocol(_) => "the server's answer was invalid".to_owned(),
        other => server_text(&other.to_string()),
    }
}

/// shopctl's error for a fault; `message` is what happened.
pub fn error_of(fault: Fault, message: &str) -> Error {
    match fault {
        Fault::Unique(_) => Error::conflict("database.duplicate", message),
        Fault::ForeignKey => Error::conflict("database.referenced", message),
        Fault::Check => Error::new(Kind::Invalid, "database.check", message),
        Fault::Transient => Error::from_cause(Cause::Busy, message)
            .hint("another process holds the lock; try again, or with a longer --timeout"),
        Fault::ConnectionLost => Error::new(Kind::Unavailable, "database.connection_lost", message)
            .hint("committed changes stay, the rest was not kept; run it again"),
        Fault::TimedOut => Error::from_cause(Cause::TimedOut, message)
            .hint("try again, or with a longer --timeout"),
        Fault::ReadOnly => Error::configuration("database.read_only", message)
            .hint("check the permissions of the file and of its folder"),
        Fault::ServerReadOnly => Error::new(Kind::Unavailable, "database.read_only", message)
            .hint(Hint::from("to see whether a setting causes it, and how to change that: ").and(CommandLine::new("doctor")))
            .hint(
                "this is a standby, or a server in a failover: run it again, or connect to the primary; postgres://HOST1,HOST2/DATABASE finds it",
            ),
        Fault::ServerLimit => Error::new(Kind::Unavailable, "database.server_limit", message).hint(
            "run it again; if that does not help, raise the server's limit for this user (statement_timeout, idle_in_transaction_session_timeout; max_statement_time)",
        ),
        Fault::ConnectionLimit => Error::new(Kind::Unavailable, "database.unavailable", message).hint(
            "this needs more connections than the user may have: end its other sessions, or have the server's administrator raise the limit: ALTER USER … WITH MAX_USER_CONNECTIONS 2 is enough for every command",
        ),
        Fault::Full => Error::new(Kind::Unavailable, "database.full", message).hint("free some space and run it again"),
        Fault::Permission => Error::configuration("database.permission", message)
            .hint(
            Hint::from("this needs a role with more rights (")
                .and(CommandLine::anywhere("access apply --help"))
                .and(" tells them); to see the user and the database: ")
                .and(CommandLine::new("config show")),
        ),
        Fault::NoSchema => Error::from_cause(Cause::NoSchema, message).hint(Hint::from("run ").and(CommandLine::new("migrate up"))),
        Fault::NotADatabase => Error::from_cause(Cause::NotADatabase, message)
            .hint(Hint::from("to see where this path comes from: ").and(CommandLine::new("config show")))
            .hint(Hint::from("if a shop was there, ").and(back_to_a_backup())),
        Fault::Damaged => Error::from_cause(Cause::Damaged, message).hint(back_to_a_backup()),
        Fault::Unreachable => Error::new(Kind::Unavailable, "database.unreachable", message),
        Fault::Pooler => Error::from_cause(Cause::Pooler, message).hint(
            "use pgbouncer 1.21 or newer with max_prepared_statements above 0, or pool_mode = session",
        ),
        Fault::AlreadyExists | Fault::Other => Error::new(Kind::Internal, "database.unexpected", message),
    }
}

/// Exit 4 for an embedded file that does not exist.
pub fn no_shop(path: &Path) -> Error {
    Error::from_cause(Cause::NoShop, format!("no shop at {}", path.display()))
        .hint(Hint::from("to create an empty one there: ").and(CommandLine::new("migrate up")))
        .hint(Hint::from("to create a demo shop: ").and(CommandLine::new("quickstart")))
}

/// The way out for a damaged file.
pub fn back_to_a_backup() -> Hint {
    Hint::from("to go back to a backup: ").and(CommandLine::new("restore FILE --replace"))
}

/// The error of a COMMIT, or of another statement that takes effect by itself: exit 12 if no answer came, with
/// `remedy`, the command that shows whether it took effect.
pub fn commit_error(error: DbErr, remedy: impl Into<Hint>) -> Error {
    let has_no_answer = classify(&error).leaves_in_doubt();
    let error = Error::from(error);
    if !has_no_answer {
        return error;
    }
    let message = format!("it is not known whether the change was applied: {}", error.message());
    error.reworded(message).without_hints().outcome_unknown().hint(remedy)
}

impl From<AnswerTimeout> for Error {
    fn from(timeout: AnswerTimeout) -> Error {
        DbErr::from(timeout).into()
    }
}

/// The column whose value is not of its type and cannot be read.
fn unreadable(error: &DbErr) -> Option<String> {
    match driver_error(error)? {
        DriverError::ColumnDecode { index, .. } => Some(server_text(index.trim_matches('"'))),
        _ => None,
    }
}

impl From<DbErr> for Error {
    fn from(error: DbErr) -> Error {
        if let Some(column) = unreadable(&error) {
            let message = format!("a row has a value of the wrong type in its column {column}");
            let row = Hint::from("another program wrote it; to find the row: ").and(CommandLine::new("doctor --deep"));
            let column = Hint::from("if the column has another type: ").and(CommandLine::new("migrate verify"));
            return Error::conflict("database.odd_value", message).hint(row).hint(column);
        }
        let fault = classify(&error);
        let what = match (driver_error(&error), &error) {
            (Some(driver), _) => reason(driver),
            (None, DbErr::ConnectionAcquire(_)) => "no connection became free in time".to_owned(),
            (None, other) => server_text(&other.to_string()),
        };
        let message = match fault {
            Fault::NoSchema => format!("the shop's schema is missing or incomplete: {what}"),
            Fault::Transient => format!("the database is busy: {what}"),
            Fault::ConnectionLost => format!("the connection to the database was lost: {what}"),
            Fault::TimedOut => what.clone(),
            Fault::ReadOnly | Fault::ServerReadOnly => format!("the database cannot be written: {what}"),
            Fault::ServerLimit => format!("the server ended the statement: {what}"),
            Fault::ConnectionLimit => format!("the server refused a connection: {what}"),
            Fault::Full => format!("the disk or the database is full: {what}"),
            Fault::Permission if what.starts_with("permission denied") => format!("the database refused: {what}"),
            Fault::Permission => format!("permission denied by the database: {what}"),
            Fault::Pooler => format!("a connection pooler mixes up sessions: {what}"),
            _ => format!("the database refused: {what}"),
        };
        let message = match what.contains("statement pooling") {
            true => {
                "the pooler runs each statement in a different session (pool_mode = statement): transactions are impossible"
                    .to_owned()
            }
            false => message,
        };
        error_of(fault, &message)
    }
}

/// The server's message at login.
pub fn login_error(target: &ServerTarget, error: &dyn DatabaseError) -> Error {
    let address = format!("{}:{}", printable(&target.host), target.port);
    let (who, said) = (printable(&target.user), server_text(error.message()));
    let Some(refusal) = (target.engine.login_refusal)(error) else {
        return error_of(classify_database(error), &format!("{address}: {said}"));
    };
    let credentials = |message: String| Error::configuration("database.credentials", message);
    match refusal {
        LoginRefusal::WantsClientCertificate => tls::client_certificate_required(target),
        LoginRefusal::WantsTls => tls::tls_required(target),
        LoginRefusal::Credentials => {
            let (why, hints) = match target.password {
                None => ("no password was given", target.password_hints.as_slice()),
                Some(_) => ("wrong password, or no access from this machine", [].as_slice()),
            };
            let settings = "the user may need TLS or a client certificate; to see where user and password come from: ";
            credentials(format!("{address} refused the user {who}: {why}"))
                .hints_of(hints.iter().map(String::as_str))
                .hint(Hint::from(settings).and(CommandLine::new("config show")))
        }
        LoginRefusal::User => credentials(format!("{address} refused the user {who}: {said}")).hint(
            Hint::from(
                "ask the server's administrator for access; to see where the user comes from: ",
            )
            .and(CommandLine::new("config show")),
        ),
        LoginRefusal::Machine => credentials(format!("{address} accepts no connections from this machine: {said}"))
            .hint("ask the server's administrator to allow this machine's address for the user"),
        LoginRefusal::PasswordExpired => credentials(format!("{address}: the password of {who} has expired"))
            .hint("set a new password with the server's own client"),
        LoginRefusal::Locked => credentials(format!("{address}: the user {who} is locked"))
            .hint("ask the server's administrator for ALTER USER … ACCOUNT UNLOCK"),
        LoginRefusal::Offline => {
            Error::configuration("database.offline", format!("{address} is in offline mode: {said}"))
                .hint("ask the server's administrator for SET GLOBAL offline_mode = OFF")
        }
        LoginRefusal::NotInCluster => Error::new(
            Kind::Unavailable,
            "database.not_ready",
            format!("{address}: the node is not part of its cluster's primary component"),
        )
        .hint("try again, or connect to another node of the cluster"),
        LoginRefusal::Options => Error::configuration(
            "database.options",
            format!("{address} rejects the session options in the URL: {said}"),
        )
        .hint("correct options= in the URL, or leave it out; ALTER ROLE … SET does the same on the server"),
        LoginRefusal::NoDatabase => Error::from_cause(
            Cause::NoDatabase,
            format!("the server at {address} has no database {}", printable(&target.database)),
        )
        .hint(
            Hint::from("create it with CREATE DATABASE, or correct the name; to see where it comes from: ")
                .and(CommandLine::new("config show")),
        ),
        LoginRefusal::NoAccess => Error::configuration(
            "database.permission",
            format!("{address}: the user {who} has no access to the database {}", printable(&target.database)),
        ),
        LoginRefusal::Unavailable => {
            Error::new(Kind::Unavailable, "database.unavailable", format!("{address}: {said}")).hint(
                "try again; the server's administrator can raise the limit on the connections of a user, a database or the server",
            )
        }
        LoginRefusal::PoolerOptions => {
            let message = format!("the pooler at {address} rejects session options: {said}");
            Error::configuration("database.pooler", message).hint(
                "leave schema, search_path and options out of the URL, and unset PGOPTIONS; ALTER ROLE … SET does the same on the server",
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_cannot_break_a_line_or_drive_a_terminal() {
        assert_eq!(server_text("a\r\n\tb\u{1b}[2J\u{202e}"), "a b\\u{1b}[2J\\u{202e}");
        assert_eq!(server_text("").lines().count(), 1);
        assert_eq!(server_text(&"x".repeat(5000)).chars().count(), SERVER_TEXT_MAX + 1);
    }

    #[test]
    fn limits_and_read_only_servers_are_worth_another_try() {
        let kind = |fault| error_of(fault, "x").kind();
        assert_eq!(kind(Fault::ServerLimit), Kind::Unavailable);
        assert_eq!((kind(Fault::ServerReadOnly), kind(Fault::ReadOnly)), (Kind::Unavailable, Kind::Configuration));
    }

    #[test]
    fn a_pooler_that_mixes_sessions_up_is_named_with_what_it_must_be_able_to_do() {
        let error = error_of(Fault::Pooler, "prepared statement \"s\" does not exist");
        assert_eq!((error.kind(), error.code()), (Kind::Configuration, "database.pooler"));
        let hint = error.hint_lines(&crate::error::Invocation::default()).join("\n");
        assert!(["1.21", "max_prepared_statements", "pool_mode = session"].iter().all(|part| hint.contains(part)));
    }
}
