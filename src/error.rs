//! The error type: the kind of failure, the message, and hints.
//!
//! Every [`Kind`] has exactly one exit code; `shopctl help exit-codes` prints [`EXIT_CODES`].

mod hint;
mod invocation;

use std::fmt;

use serde_json::{Value, json};

pub use self::hint::{CommandLine, Hint};
pub use self::invocation::{Argument, GivenArgument, Invocation, option};
use crate::domain::text::without_password;
pub use crate::domain::text::{printable, printable_reason};

/// A result with shopctl's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The kind of a failure, which decides the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A defect of shopctl, or a migration that failed.
    Internal = 1,
    /// The command line is wrong: unknown flag or field, contradictory flags.
    Usage = 2,
    /// A named object does not exist.
    NotFound = 3,
    /// Configuration, credentials, permission, unknown context, no shop there, read-only file.
    Configuration = 4,
    /// The database cannot be reached, is locked, timed out or is full: retry later.
    Unavailable = 5,
    /// The shop's state forbids it: illegal transition, insufficient stock, duplicate, stale value.
    Conflict = 6,
    /// Values that break the rules; nothing was written.
    Invalid = 7,
    /// Some of several objects succeeded, others failed.
    Partial = 8,
    /// A check failed: pending, edited, drifted or inconsistent.
    CheckFailed = 9,
    /// The user declined, or ended the input.
    Declined = 10,
    /// A confirmation is required but impossible, or a guard rejected the command.
    ConfirmationNeeded = 11,
    /// The connection was lost at COMMIT and the database cannot be asked.
    OutcomeUnknown = 12,
    /// Ctrl-C.
    Interrupted = 130,
}

impl Kind {
    /// The process exit code of this kind.
    pub const fn exit_code(self) -> u8 {
        self as u8
    }

    /// Whether the same command may succeed later without changes.
    pub const fn is_retryable(self) -> bool {
        matches!(self, Kind::Unavailable)
    }
}

/// Every exit code with its meaning: that of success, then one for each [`Kind`].
pub const EXIT_CODES: [(u8, &str); 14] = [
    (0, "done, or nothing to do: an empty list, no change, a repeated request"),
    (Kind::Internal.exit_code(), "internal error, or a failed migration"),
    (Kind::Usage.exit_code(), "usage: unknown command, flag or field; missing or contradictory arguments"),
    (Kind::NotFound.exit_code(), "not found"),
    (Kind::Configuration.exit_code(), "configuration: no shop, unknown context, credentials, permissions, files"),
    (Kind::Unavailable.exit_code(), "retry later: database unreachable, locked or read-only, disk full, timeout"),
    (Kind::Conflict.exit_code(), "conflict: status, stock, duplicate, stale value, reused idempotency key"),
    (Kind::Invalid.exit_code(), "invalid values of flags, arguments or files, all listed; nothing is written"),
    (Kind::Partial.exit_code(), "partly done: some of several objects or rows failed"),
    (Kind::CheckFailed.exit_code(), "a check failed: pending or edited migrations, stock, audit trail, data"),
    (Kind::Declined.exit_code(), "declined"),
    (Kind::ConfirmationNeeded.exit_code(), "confirmation needed but nobody can be asked, or the database is guarded"),
    (Kind::OutcomeUnknown.exit_code(), "outcome unknown: connection lost at COMMIT; audit settle finds out"),
    (Kind::Interrupted.exit_code(), "interrupted"),
];

/// A failure as the user sees it. It contains no secrets: callers redact first.
#[derive(Debug)]
pub struct Error(Box<Report>);

/// The content of an [`Error`]; boxed to keep `Result` small.
#[derive(Debug)]
struct Report {
    kind: Kind,
    code: Code,
    message: String,
    /// The cause alone, if the message also states the outcome of the operation.
    why: Option<String>,
    hints: Vec<Hint>,
    details: Value,
}

/// Failures that the program handles: it calls [`Error::is`] and never compares codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The SQLite file does not exist.
    NoShop,
    /// Tables or columns of the schema are missing.
    NoSchema,
    /// The database does not exist on the server.
    NoDatabase,
    /// Another session holds a required lock.
    Busy,
    /// The database did not answer in time.
    TimedOut,
    /// The database URL is invalid.
    MalformedUrl,
    /// Other sessions hold the tables of a migration.
    Blocked,
    /// A pooler gave this session's prepared statements to another client.
    Pooler,
    /// The post-check of an operation failed.
    Unaccounted,
    /// The database file is damaged.
    Damaged,
    /// The file at the database's path is no database.
    NotADatabase,
    /// Products have fewer pieces in stock than an order wants.
    Shortage,
}

impl Cause {
    const fn kind(self) -> Kind {
        match self {
            Cause::NoShop | Cause::NoSchema | Cause::NoDatabase | Cause::MalformedUrl | Cause::Pooler => {
                Kind::Configuration
            }
            Cause::Damaged | Cause::NotADatabase => Kind::Configuration,
            Cause::Busy | Cause::TimedOut | Cause::Blocked => Kind::Unavailable,
            Cause::Unaccounted => Kind::Internal,
            Cause::Shortage => Kind::Conflict,
        }
    }

    const fn code(self) -> &'static str {
        match self {
            Cause::NoShop => "database.no_shop",
            Cause::NoSchema => "database.no_schema",
            Cause::NoDatabase => "database.missing",
            Cause::Busy => "database.busy",
            Cause::TimedOut => "database.timeout",
            Cause::MalformedUrl => "config.database_url",
            Cause::Blocked => "migrate.blocked",
            Cause::Pooler => "database.pooler",
            Cause::Unaccounted => "operation.unaccounted",
            Cause::Damaged => "database.damaged",
            Cause::NotADatabase => "database.not_a_database",
            Cause::Shortage => "stock.insufficient",
        }
    }
}

/// The stable code of a failure, for other programs.
#[derive(Debug, Clone, Copy)]
enum Code {
    Of(Cause),
    Only(&'static str),
}

impl Error {
    /// `code` is stable and dotted (`stock.insufficient`); `message` is lower-case, one sentence,
    /// without a final period.
    pub fn new(kind: Kind, code: &'static str, message: impl Into<String>) -> Self {
        Error::with_code(kind, Code::Only(code), message.into())
    }

    /// A failure that the program handles.
    pub fn from_cause(cause: Cause, message: impl Into<String>) -> Self {
        Error::with_code(cause.kind(), Code::Of(cause), message.into())
    }

    fn with_code(kind: Kind, code: Code, message: String) -> Self {
        Error(Box::new(Report { kind, code, message, why: None, hints: Vec::new(), details: Value::Null }))
    }

    /// A defect of shopctl, never the user's fault.
    pub fn internal(message: impl Into<String>) -> Self {
        Error::new(Kind::Internal, "internal", message)
    }

    /// Exit 3: `noun` is `user`, `product`, `order` …; `who` is the typed name.
    pub fn not_found(noun: &'static str, who: impl fmt::Display) -> Self {
        let code = match noun {
            "user" => "user.not_found",
            "product" => "product.not_found",
            "order" => "order.not_found",
            _ => "not_found",
        };
        let who = who.to_string();
        Error::new(Kind::NotFound, code, format!("no {noun} {}", printable(&who)))
            .details(json!({ "noun": noun, "name": without_password(&who) }))
    }

    /// Exit 6.
    pub fn conflict(code: &'static str, message: impl Into<String>) -> Self {
        Error::new(Kind::Conflict, code, message)
    }

    /// Exit 2.
    pub fn usage(message: impl Into<String>) -> Self {
        Error::new(Kind::Usage, "usage", message)
    }

    /// Exit 4.
    pub fn configuration(code: &'static str, message: impl Into<String>) -> Self {
        Error::new(Kind::Configuration, code, message)
    }

    /// Adds a hint: the exact next command, or other advice.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<Hint>) -> Self {
        self.0.hints.push(hint.into());
        self
    }

    /// Adds several hints, or the one that there may be.
    #[must_use]
    pub fn hints_of(mut self, hints: impl IntoIterator<Item: Into<Hint>>) -> Self {
        self.0.hints.extend(hints.into_iter().map(Into::into));
        self
    }

    /// The same failure with another message.
    #[must_use]
    pub fn reworded(mut self, message: impl Into<String>) -> Self {
        self.0.message = message.into();
        self.0.why = None;
        self
    }

    /// The same failure, with the message stating that nothing was applied.
    #[must_use]
    pub fn not_applied(mut self, operation: impl fmt::Display) -> Self {
        let message = format!("{}; {operation} was not applied", self.0.message);
        self.0.why = Some(std::mem::replace(&mut self.0.message, message));
        self
    }

    /// The same failure, after which it is not known whether the change was applied: exit 12.
    #[must_use]
    pub fn outcome_unknown(mut self) -> Self {
        (self.0.kind, self.0.code) = (Kind::OutcomeUnknown, Code::Only("operation.outcome_unknown"));
        self
    }

    /// The same failure of another database than that of this run, which its hints target.
    #[must_use]
    pub fn on(mut self, url: &str) -> Self {
        self.0.hints = self.0.hints.into_iter().map(|hint| hint.on(url)).collect();
        self
    }

    /// The same failure without hints, where they do not apply.
    #[must_use]
    pub fn without_hints(mut self) -> Self {
        self.0.hints.clear();
        self
    }

    /// Adds machine-readable details for JSON output.
    #[must_use]
    pub fn details(mut self, details: Value) -> Self {
        self.0.details = details;
        self
    }

    /// The kind, which decides the exit code.
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    /// Whether the failure has this cause.
    pub fn is(&self, cause: Cause) -> bool {
        matches!(self.0.code, Code::Of(own) if own == cause)
    }

    /// The stable code, for other programs.
    pub fn code(&self) -> &'static str {
        match self.0.code {
            Code::Of(cause) => cause.code(),
            Code::Only(code) => code,
        }
    }

    /// The message as printed, without hints.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The message without the outcome of the operation.
    pub fn why(&self) -> &str {
        self.0.why.as_deref().unwrap_or(&self.0.message)
    }

    /// The hints, in the order in which they are printed.
    pub fn hints(&self) -> &[Hint] {
        &self.0.hints
    }

    /// The hints, and remarks about what their commands omit.
    pub fn shown_hints(&self, invocation: &Invocation) -> Vec<Hint> {
        self.0.hints.iter().cloned().chain(invocation.remark(&self.0.hints).map(Hint::from)).collect()
    }

    /// The hints as printed: commands with the flags of this run, and remarks about omitted ones.
    pub fn hint_lines(&self, invocation: &Invocation) -> Vec<String> {
        self.shown_hints(invocation).iter().map(|hint| hint.render(invocation)).collect()
    }

    /// Machine-readable details; null when there are none.
    pub fn details_value(&self) -> &Value {
        &self.0.details
    }

    /// Whether the outcome of a request with an idempotency key is unknown, so that it can be repeated.
    fn has_key(&self) -> bool {
        self.0.kind == Kind::OutcomeUnknown && self.0.details["idempotency_key"].is_string()
    }

    /// `{"error":{"code","message","hint","exit","retryable","details"}}`
    pub fn json_document(&self, invocation: &Invocation) -> Value {
        let hints = self.hint_lines(invocation);
        json!({ "error": {
            "code": self.code(),
            "message": self.0.message,
            "hint": if hints.is_empty() { Value::Null } else { Value::String(hints.join("\n")) },
            "exit": self.0.kind.exit_code(),
            "retryable": self.0.kind.is_retryable() || self.has_key(),
            "details": self.0.details,
        }})
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl std::error::Error for Error {}

/// The system's reason in words, without the error number.
pub fn io_reason(error: &std::io::Error) -> String {
    use std::io::ErrorKind;
    let words = match error.kind() {
        ErrorKind::NotFound => "no such file or folder",
        ErrorKind::PermissionDenied => "permission denied",
        ErrorKind::StorageFull => "no space left on the disk",
        ErrorKind::QuotaExceeded => "the disk quota is used up",
        ErrorKind::ReadOnlyFilesystem => "the file system is read-only",
        ErrorKind::IsADirectory => "it is a folder",
        ErrorKind::NotADirectory => "part of its path is not a folder",
        ErrorKind::InvalidFilename => "the name is too long",
        ErrorKind::FileTooLarge => "the file is too large",
        ErrorKind::ConnectionRefused => "connection refused: nothing is listening there",
        ErrorKind::TimedOut => "timed out",
        ErrorKind::ConnectionReset
        | ErrorKind::ConnectionAborted
        | ErrorKind::BrokenPipe
        | ErrorKind::UnexpectedEof => "the other side closed the connection",
        ErrorKind::HostUnreachable => "no route to the host",
        ErrorKind::NetworkUnreachable => "no route to the network",
        ErrorKind::InvalidData => "it is not UTF-8 text",
        _ => {
            let text = error.to_string();
            // The resolver's message.
            if text.contains("lookup") {
                return "the host name is unknown".to_owned();
            }
            let text = text.split(" (os error").next().unwrap_or_default();
            let mut characters = text.chars();
            let first = characters.next().map(|first| first.to_lowercase().to_string()).unwrap_or_default();
            return printable_reason(&(first + characters.as_str()));
        }
    };
    words.to_owned()
}
