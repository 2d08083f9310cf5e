//! `wait`

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::context::Context;
use crate::db::Access;
use crate::error::{Cause, Kind, Result};

/// Pause between two attempts.
const POLL: Duration = Duration::from_millis(250);
/// The default of `--timeout`.
const LIMIT: Duration = Duration::from_mins(1);

/// Waits until the database can be used. A missing database is awaited as well, because it may be created soon.
///
/// Errors: exit 5 if the server does not answer in time; exit 4 if the database is still missing then, and immediately
/// for rejected credentials and missing files.
pub async fn run(context: &Context) -> Result<()> {
    let limit = context.budget.stated().or(Some(LIMIT));
    let started = Instant::now();
    let mut last_message = None;
    loop {
        let error = match context.database(Access::Read).await {
            Ok(database) => {
                context.output.note(&format!("{} answers", database.target()));
                return Ok(());
            }
            Err(error) => error,
        };
        if error.is(Cause::NoShop) {
            return Err(error.hint("only migrate up and quickstart create the file"));
        }
        let is_temporary = error.kind() == Kind::Unavailable || error.is(Cause::NoDatabase);
        if !is_temporary || limit.is_some_and(|limit| started.elapsed() + POLL >= limit) {
            let waited = started.elapsed().as_secs_f32();
            return Err(error.hint(format!("waited {waited:.0} s; --timeout waits longer")));
        }
        if last_message.as_deref() != Some(error.message()) {
            context.output.note(&format!("waiting: {}", error.message()));
            last_message = Some(error.message().to_owned());
        }
        sleep(POLL).await;
    }
}
