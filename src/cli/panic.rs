//! Reports a panic as an error with an exit code, also in release builds, which abort.

use std::panic::PanicHookInfo;

use crate::error::{CommandLine, Error, Hint, Kind};
use crate::output::{Output, OutputSettings};
use crate::service::committing::{CommitTracker, Pending};

/// Path fragments of the crates that parse server messages.
const DRIVERS: [&str; 2] = ["/sqlx-", "/bytes-"];

/// Installs a panic hook that ends the process with an error.
///
/// The drivers trust the lengths in server messages, so a malformed message panics in their code (sqlx 0.9: a
/// PostgreSQL message of length 0). When the process ends, the server rolls back what is not committed; during a
/// COMMIT the outcome is unknown.
pub fn install_hook(settings: OutputSettings, committing: CommitTracker) {
    std::panic::set_hook(Box::new(move |panic| {
        let error = to_error(panic, committing.pending());
        Output::standard(settings.clone()).error(&error);
        std::process::exit(i32::from(error.kind().exit_code()));
    }));
}

fn to_error(panic: &PanicHookInfo<'_>, pending: Option<Pending>) -> Error {
    let place = panic.location().map(|location| (location.file(), location.line()));
    let is_from_driver = place.is_some_and(|(file, _)| DRIVERS.iter().any(|name| file.contains(name)));
    if let Some(pending) = pending {
        let message = "the answer to COMMIT was invalid: it is not known whether the change was applied";
        return pending.unknown(message);
    }
    if is_from_driver {
        let message = "the server's answer was invalid; committed changes stay, the rest is rolled back";
        return Error::new(Kind::Unavailable, "database.protocol", message).hint(
            Hint::from("check that host and port belong to the database: ").and(CommandLine::new("config show")),
        );
    }
    let place = place.map_or_else(String::new, |(file, line)| {
        let file = file.rsplit_once("/src/").map_or(file, |(_, file)| file);
        format!(" ({file}:{line})")
    });
    Error::internal(format!("a defect in shopctl{place}; uncommitted changes are rolled back"))
}
