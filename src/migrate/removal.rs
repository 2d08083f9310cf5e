//! Removing everything, as `fresh` does.
//!
//! With transactional DDL a removal is one transaction. Otherwise (MySQL, MariaDB) it is announced in the
//! settings first, and the history is cleared only once everything is gone: an interrupted removal is
//! recognised, and only a confirmed `fresh` resumes it.

use std::time::Instant;

use chrono::{DateTime, Utc};
use migration::HISTORY_TABLES;
use sea_orm::ConnectionTrait;
use serde_json::json;

use super::{Failure, Job, Lock, Progress, Runner, begin, blocked, finish_transaction, finish_with_copy, history};
use crate::db::fault::{Fault, classify};
use crate::db::schema::{Removable, removable};
use crate::db::target::Engine;
use crate::db::write::WriteHandle;
use crate::domain::Zone;
use crate::domain::text::first_names;
use crate::error::{Cause, CommandLine, Error, Hint, Kind, Result, printable};

/// The setting that says who began a removal; with a number behind it, what was to be removed.
pub(super) const REMOVAL: &str = "removal";
/// The name of the command in messages.
const FRESH: &str = "migrate fresh";
/// More names than these are counted.
pub(super) const NAMES_SHOWN: usize = 12;

/// A started removal that is not complete.
#[derive(Debug, Clone)]
pub struct Removal {
    /// Who started it, and when.
    pub by: String,
    /// Objects already removed.
    pub gone: Vec<String>,
    /// Objects still present.
    pub remaining: Vec<String>,
    /// Nothing has been removed yet.
    pub has_removed_nothing: bool,
    /// The confirmation to resume it.
    database: String,
}

impl Removal {
    /// The started removal of this database, if any.
    pub async fn find(connection: &impl ConnectionTrait) -> Result<Option<Removal>> {
        let engine = Engine::of(connection);
        if engine.has_transactional_ddl {
            return Ok(None);
        }
        let noted = history::settings(connection, REMOVAL).await?;
        let Some((_, by)) = noted.iter().find(|(name, _)| name == REMOVAL) else { return Ok(None) };
        let planned: Vec<String> = noted.iter().filter(|(name, _)| name != REMOVAL).map(|(_, of)| of.clone()).collect();
        let present = removable(connection, engine, &HISTORY_TABLES).await?;
        let remaining: Vec<String> = present.into_iter().map(|object| object.name).collect();
        let gone: Vec<String> = planned.iter().filter(|name| !remaining.contains(name)).cloned().collect();
        let has_removed_nothing = !planned.is_empty() && gone.is_empty();
        let database = crate::db::ddl::database_name(connection).await?;
        Ok(Some(Removal { by: by.clone(), gone, remaining, has_removed_nothing, database }))
    }

    /// `2 tables are gone (a, b), 7 remain (c, d, …)`
    pub fn progress(&self) -> String {
        format!(
            "{} dropped{}, {} left{}",
            self.gone.len(),
            listed(&self.gone),
            self.remaining.len(),
            listed(&self.remaining)
        )
    }

    /// The error until it is completed.
    pub fn refusal(&self, kind: Kind) -> Error {
        let by = printable(&self.by);
        let message =
            format!("{FRESH} was begun by {by} and has not finished: of the tables and views, {}", self.progress());
        self.with_remedies(Error::new(kind, "migrate.removal", message))
    }

    fn with_remedies(&self, error: Error) -> Error {
        error
            .details(json!({ "by": self.by, "gone": self.gone, "remaining": self.remaining }))
            .hint(
                Hint::from("to drop the rest and apply all migrations: ")
                    .and(CommandLine::like("migrate fresh").option("--confirm", &self.database)),
            )
            .hint("what was dropped can only be restored from a backup")
    }
}

fn listed(names: &[String]) -> String {
    match first_names(names.iter().map(|name| printable(name)), NAMES_SHOWN) {
        shown if shown.is_empty() => shown,
        shown => format!(" ({shown})"),
    }
}

/// Rejects a database with a started removal.
///
/// Errors: of this kind, when anything is gone.
pub async fn refuse_removal(connection: &impl ConnectionTrait, kind: Kind) -> Result<()> {
    match Removal::find(connection).await? {
        Some(removal) if !removal.has_removed_nothing => Err(removal.refusal(kind)),
        _ => Ok(()),
    }
}

/// Cancels a removal that was only announced: its runner ended before anything was removed. Requires the lock,
/// so that no removal is in progress.
///
/// Errors: exit 6 when anything is gone.
pub async fn undo_announced(job: Job<'_>, lock: &Lock) -> Result<()> {
    let Some(removal) = Removal::find(job.database.connection()).await? else { return Ok(()) };
    if !removal.has_removed_nothing {
        return Err(removal.refusal(Kind::Conflict));
    }
    clear_announcement(job, lock).await?;
    (job.progress)(Progress::Notice(&format!(
        "{FRESH} was begun by {} but dropped nothing: it is undone",
        printable(&removal.by)
    )));
    Ok(())
}

async fn clear_announcement(job: Job<'_>, lock: &Lock) -> Result<()> {
    let handle = begin(job.database, job.plan.lock_wait).await?;
    history::remove_settings(&handle, REMOVAL).await?;
    lock.renew(&handle).await?;
    handle.commit_or_unknown(Hint::from("to see what exists: ").and(CommandLine::new("migrate status"))).await
}

impl Runner<'_> {
    /// See [`undo_announced`].
    pub async fn undo_announced(&self) -> Result<()> {
        undo_announced(self.job, self.lock).await
    }

    /// Removes everything except the history's own tables, and clears the history.
    ///
    /// Errors: what stopped it, with what is gone; where nothing is, everything is as before.
    pub async fn remove_everything(&mut self) -> Result<()> {
        self.lock_wait.reset_pause();
        let stopped = loop {
            let begun = Instant::now();
            let (error, statement) = match self.try_removal().await {
                Ok(()) => return Ok(()),
                Err(Failure::Runner(error)) => break error,
                Err(Failure::Database { error, statement }) => (error, statement),
            };
            let fault = classify(&error);
            if let Err(stopped) = self.job.plan.stop.check()
                && !fault.leaves_in_doubt()
            {
                break stopped;
            }
            if fault != Fault::Transient {
                break error.into();
            }
            self.job.plan.stop.resume();
            let statement = statement.unwrap_or_default();
            match self.lock_wait.wait(&self.database, (FRESH, &statement), begun, self.job.progress).await {
                Ok(None) => {}
                Ok(Some(by)) => break blocked(FRESH, &by),
                Err(error) => break error,
            }
        };
        Err(self.stopped_removal(stopped).await)
    }

    /// Reads the history again, after everything else was removed.
    pub async fn read_history(&mut self) -> Result<()> {
        self.history = history::read(self.database.connection()).await?;
        Ok(())
    }

    async fn try_removal(&mut self) -> Result<(), Failure> {
        self.job.plan.stop.check()?;
        let engine = self.database.engine();
        let is_whole = engine.has_transactional_ddl;
        let handle = self.begin_step().await?;
        self.lock.renew(&handle).await?;
        let objects = removable(&handle, engine, &HISTORY_TABLES).await?;
        let copy = self.back_up(&handle).await?;
        let handle = if is_whole {
            handle
        } else {
            self.announce(&handle, &objects).await?;
            handle.commit().await?;
            self.begin_step().await?
        };
        let removed = self.remove(&handle, &objects).await;
        let names: Vec<String> = objects.into_iter().map(|object| object.name).collect();
        if is_whole {
            let whole = match removed {
                Ok(()) => self.clear_history(&handle).await,
                failed => failed,
            };
            self.is_removal_in_doubt = whole.is_ok();
            let finished = finish_with_copy(handle, whole, copy, self.job).await;
            return self.known_removal(finished, &names).await;
        }
        finish_transaction(handle, removed).await?;
        let handle = self.begin_step().await?;
        let forgotten = self.clear_history(&handle).await;
        self.is_removal_in_doubt = forgotten.is_ok();
        let finished = finish_transaction(handle, forgotten).await;
        self.known_removal(finished, &names).await
    }

    /// Records what will be removed and by whom, if a removal may be interrupted.
    async fn announce(&self, handle: &WriteHandle, objects: &[Removable]) -> Result<(), Failure> {
        let noted = history::settings(handle, REMOVAL).await?;
        if !noted.is_empty() {
            // A resumed removal keeps the original announcement.
            return Ok(());
        }
        let now: DateTime<Utc> = self.job.plan.clock.now();
        let by = format!("{} at {}", self.job.plan.runner, Zone::utc().text_with_offset(now));
        history::set_setting(handle, REMOVAL, &by).await?;
        for (number, object) in objects.iter().enumerate() {
            history::set_setting(handle, &format!("{REMOVAL}.{number:05}"), &object.name).await?;
        }
        Ok(())
    }

    /// Each statement with the lease held in its own transaction: a runner that lost it removes
    /// nothing more.
    async fn remove(&self, handle: &WriteHandle, objects: &[Removable]) -> Result<(), Failure> {
        let engine = self.database.engine();
        if let Some((before, _)) = engine.unchecked_references {
            handle.execute_unprepared(before).await?;
        }
        let statements = engine.removal(objects);
        let mut removed = Ok(());
        for statement in &statements {
            removed = async {
                self.job.plan.stop.check()?;
                self.lock.renew(handle).await?;
                self.run_statement(handle, statement).await
            }
            .await;
            if let Err(Failure::Database { statement, .. }) = &mut removed {
                // Dropping a table also locks tables that refer to it, so blockers of any of them are reported.
                *statement = Some(statements.join("; "));
            }
            if removed.is_err() {
                break;
            }
        }
        if let Some((_, after)) = engine.unchecked_references {
            // The session continues with the migrations.
            handle.clear_fault();
            let restored = handle.execute_unprepared(after).await;
            removed = removed.and(restored.map(drop).map_err(Failure::from));
        }
        removed
    }

    async fn clear_history(&self, handle: &WriteHandle) -> Result<(), Failure> {
        history::set_nothing_applied(handle).await?;
        history::remove_settings(handle, REMOVAL).await?;
        Ok(self.lock.renew(handle).await?)
    }

    /// The error of a stopped removal; one that removed nothing is cancelled.
    async fn stopped_removal(&mut self, stopped: Error) -> Error {
        let nothing = |stopped: Error| with_addition(stopped, "nothing was dropped or changed");
        if self.database.engine().has_transactional_ddl {
            return if self.is_removal_in_doubt { unknown_extent(stopped) } else { nothing(stopped) };
        }
        match Removal::find(self.database.connection()).await {
            Ok(None) if self.is_removal_in_doubt => unknown_extent(stopped),
            Ok(None) => nothing(stopped),
            Ok(Some(removal)) if removal.has_removed_nothing => {
                match clear_announcement(Job { database: &self.database, ..self.job }, self.lock).await {
                    Ok(()) => nothing(stopped),
                    Err(_) => with_addition(stopped, "nothing was dropped")
                        .hint(Hint::from("to withdraw it: ").and(CommandLine::new("migrate up"))),
                }
            }
            Ok(Some(removal)) => {
                let extent = format!("of the tables and views, {}", removal.progress());
                removal.with_remedies(with_addition(stopped, &extent))
            }
            Err(_) => unknown_extent(stopped),
        }
    }
}

/// The error of a removal of which it is not known what is gone: exit 12, or as the user interrupted it.
pub(super) fn unknown_extent(stopped: Error) -> Error {
    let error = with_addition(stopped, "it is not known what was dropped");
    let error = if error.kind() == Kind::Unavailable { error.outcome_unknown() } else { error };
    error.hint(Hint::from("to see what was dropped: ").and(CommandLine::new("migrate status")))
}

/// The same error with an addition to its message.
fn with_addition(error: Error, what: &str) -> Error {
    let message = format!("{}; {what}", error.message());
    let helps = error.kind() != Kind::Unavailable || error.is(Cause::Blocked);
    let error = if helps { error } else { error.without_hints() };
    error.reworded(message)
}
