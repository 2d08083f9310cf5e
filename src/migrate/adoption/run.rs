//! Taking a shop over under the lock of migrations, or as a script.

use migration::HISTORY_TABLES;
use sea_orm::ConnectionTrait;
use tokio::time::timeout;

use super::{ForeignShop, broken_off};
use crate::db::Database;
use crate::db::adoption::Conversion;
use crate::db::ddl::{LOCK_TIMEOUT, broken_references};
use crate::db::fault::{classify, commit_error};
use crate::db::schema;
use crate::db::write::WriteHandle;
use crate::error::{CommandLine, Error, Hint, Kind, Result, printable};
use crate::migrate::script::{adopted, id_form_setting, listed};
use crate::migrate::{Direction, Failure, Job, Lock, begin_within, finish_with_copy, tables_dropped};

impl ForeignShop {
    fn conversion(&self) -> Conversion {
        self.engine.take_over(&self.taken(&self.changing()))
    }

    /// The rows of the history, written where this condition holds.
    fn history(&self, condition: Option<&str>) -> Vec<String> {
        let rows = (self.first_sequence..).zip(&self.open).flat_map(|(sequence, (migration, is_there))| {
            let direction = if *is_there { Direction::Baseline } else { Direction::Up };
            [adopted(self.engine, migration, sequence, direction), listed(self.engine, migration)]
        });
        let condition = condition.map(|condition| format!(" WHERE {condition}")).unwrap_or_default();
        let mut statements: Vec<String> = rows.map(|row| row + &condition).collect();
        if let Some([removal, setting]) = self.id_form.map(id_form_setting) {
            let also = condition.replacen(" WHERE ", " AND ", 1);
            statements.extend([removal + &also, setting + &condition]);
        }
        statements
    }

    /// The script for the engine's own client.
    pub fn script(&self) -> String {
        let engine = self.engine;
        let names: Vec<&str> = self.tables.iter().map(|table| table.found_name.as_str()).collect();
        let mut text = format!(
            "-- shopctl {}, {}: adopts {}\n-- {}\n{}{};\n",
            env!("CARGO_PKG_VERSION"),
            engine.as_str(),
            printable(&names.join(", ")),
            engine.script_client,
            engine.script_stop,
            engine.script_beginning
        );
        let conversion = self.conversion();
        let (begin, commit) = engine.script_transaction.unzip();
        let history = self.history(conversion.is_done.as_deref());
        let is_guarded = !conversion.guards.is_empty();
        let mut all = conversion.guards;
        // A guarded transaction must not fail to begin: it takes its locks later.
        all.extend(begin.map(|begin| if is_guarded { "BEGIN" } else { begin }.to_owned()));
        all.extend(migration::history_tables(engine.backend));
        all.extend(conversion.statements.into_iter().chain(history).chain(conversion.last));
        all.extend(commit.map(str::to_owned));
        all.extend(conversion.cleanup.into_iter().filter(|_| is_guarded));
        for statement in all {
            text.push_str(statement.trim_end_matches(';'));
            text.push_str(";\n");
        }
        text
    }

    /// Takes it over under the lock of migrations, with the history; a database file is copied first.
    ///
    /// Errors: what stopped it; everything is then as before, unless the connection was lost at COMMIT.
    pub async fn adopt(&self, job: Job<'_>) -> Result<()> {
        let tables = schema::tables(job.database.connection(), self.engine, &[]).await?;
        let has_history = tables.iter().any(|table| HISTORY_TABLES.contains(&table.as_str()));
        let lock = Lock::acquire(job).await?;
        let conversion = self.conversion();
        let done = match self.adopt_locked(job, &lock, &conversion).await {
            Ok(()) => Ok(()),
            Err(Failure::Database { error, .. }) if classify(&error).leaves_in_doubt() => Err(commit_error(
                error,
                Hint::from("to see whether it was adopted: ").and(CommandLine::new("migrate status")),
            )),
            Err(failure) => {
                let removed = timeout(LOCK_TIMEOUT, self.remove_remains(job.database, has_history)).await;
                if let Ok(Err(error)) = removed {
                    tracing::debug!("the remains of the failed adoption could not be removed: {error}");
                }
                Err(match failure {
                    Failure::Runner(error) => error,
                    Failure::Database { error, .. } => error.into(),
                })
            }
        };
        lock.finish(done).await
    }

    async fn adopt_locked(&self, job: Job<'_>, lock: &Lock, conversion: &Conversion) -> Result<(), Failure> {
        let Job { database, plan, .. } = job;
        let connected = database.for_schema_changes(plan.lock_wait).await?;
        let handle = begin_within(&connected, plan.lock_wait).await?;
        // Nobody else writes from here on, where there is one writer.
        let copy = match self.engine.has_one_writer {
            true => database.back_up("before-adopt", plan.clock.now()).await?,
            false => None,
        };
        let done = self.take_over(&handle, lock, conversion).await;
        if done.is_err() && !self.engine.has_transactional_ddl {
            handle.clear_fault();
            for statement in &conversion.cleanup {
                if handle.execute_unprepared(statement).await.is_err() {
                    break;
                }
            }
        }
        finish_with_copy(handle, done, copy, job).await
    }

    async fn take_over(&self, handle: &WriteHandle, lock: &Lock, conversion: &Conversion) -> Result<(), Failure> {
        lock.renew(handle).await?;
        let known = broken_references(handle).await?;
        if !self.engine.has_transactional_ddl {
            broken_off::record(handle, &conversion.made, self.tables_made()).await?;
        }
        let history = self.history(conversion.is_done.as_deref());
        for statement in conversion.statements.iter().chain(&history).chain(&conversion.last) {
            handle.execute_unprepared(statement).await?;
        }
        let broken = broken_references(handle).await?;
        if let Some(broken) = broken.iter().find(|one| !known.contains(one)) {
            let message = format!("nothing was changed: {}", printable(broken));
            return Err(Error::new(Kind::CheckFailed, "adopt.references", message).into());
        }
        broken_off::forget(handle).await?;
        Ok(lock.renew(handle).await?)
    }

    /// The tables that are missing altogether.
    fn tables_made(&self) -> impl Iterator<Item = String> {
        let missing = self.open.iter().filter(|(_, is_there)| !is_there);
        missing.flat_map(|(migration, _)| tables_dropped(self.engine, migration))
    }

    /// Removes what a failed adoption made: where DDL commits by itself the tables that are recorded, and the history
    /// where there was none.
    async fn remove_remains(&self, database: &Database, has_history: bool) -> Result<()> {
        let connected = database.reconnect().await?;
        if !self.engine.has_transactional_ddl {
            let handle = connected.begin().await?;
            broken_off::remove(&handle).await?;
            handle.commit().await?;
        }
        for table in HISTORY_TABLES.iter().filter(|_| !has_history) {
            let drop = format!("DROP TABLE IF EXISTS {}", self.engine.quoted(table));
            connected.connection().execute_unprepared(&drop).await?;
        }
        connected.close().await;
        Ok(())
    }
}
