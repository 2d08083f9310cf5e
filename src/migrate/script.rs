//! The SQL of migrations as a script for the engine's own client: with the rows of the history, so
//! that nothing is pending once it ran.
//!
//! The history row of a migration comes before its statements, with the next free number: a script that is run
//! twice, or after other migrations, violates that row's key before it changes anything.

use std::fmt::Write;

use migration::{ID_FORM, Migration, RUNS, SEAQL_MIGRATIONS, SETTINGS, history_tables};

use super::{Direction, RunState, checksum_of, statements};
use crate::db::target::Engine;
use crate::domain::Form;
use crate::domain::text::counted;

/// The runner recorded in the history.
const RUNNER: &str = "the script of shopctl migrate plan --sql";

const ADOPTION: &str = "shopctl adopt";

/// The script that applies these migrations, in this order, to a database whose history continues with this
/// number.
pub fn script(engine: Engine, migrations: &[Migration], first_sequence: i64) -> String {
    let mut text = format!(
        "-- shopctl {}, {}: {}\n-- {}\n{}{};\n",
        env!("CARGO_PKG_VERSION"),
        engine.as_str(),
        counted(migrations.len(), "migration"),
        engine.script_client,
        engine.script_stop,
        engine.script_beginning
    );
    for statement in history_tables(engine.backend) {
        line(&mut text, &statement);
    }
    for (sequence, migration) in (first_sequence..).zip(migrations) {
        // Writing to a String cannot fail.
        let _ = write!(text, "\n-- {}\n", migration.name);
        let transaction = engine.script_transaction;
        if let Some((begin, _)) = transaction {
            line(&mut text, begin);
        }
        // Without transactional DDL the next runner must see what was started.
        let state = if transaction.is_some() { RunState::Done } else { RunState::Running };
        line(&mut text, &run(engine, migration, sequence, (Direction::Up, state), RUNNER));
        statements(engine, migration).iter().for_each(|statement| line(&mut text, statement));
        if transaction.is_none() {
            let done = RunState::Done.as_str();
            line(
                &mut text,
                &format!(
                    "UPDATE {RUNS} SET state = '{done}', statements_done = statements_total WHERE sequence = {sequence}"
                ),
            );
        }
        line(&mut text, &listed(engine, migration));
        if let Some((_, commit)) = transaction {
            line(&mut text, commit);
        }
    }
    text
}

fn line(text: &mut String, statement: &str) {
    let _ = writeln!(text, "{};", statement.trim_end_matches(';'));
}

/// The history's row of a migration that is there once `shopctl adopt` was run, or its script.
pub(super) fn adopted(engine: Engine, migration: &Migration, sequence: i64, direction: Direction) -> String {
    run(engine, migration, sequence, (direction, RunState::Done), ADOPTION)
}

/// The history's row of a migration that is applied, or is about to be.
fn run(
    engine: Engine,
    migration: &Migration,
    sequence: i64,
    (direction, state): (Direction, RunState),
    runner: &str,
) -> String {
    let total = statements(engine, migration).len();
    let done = if state == RunState::Done { total } else { 0 };
    format!(
        "INSERT INTO {RUNS} (sequence, name, direction, state, checksum, statements_done, statements_total, \
         runner, version) SELECT {sequence}, '{}', '{}', '{}', '{}', {done}, {total}, '{runner}', '{}'",
        migration.name,
        direction.as_str(),
        state.as_str(),
        checksum_of(engine, migration),
        env!("CARGO_PKG_VERSION"),
    )
}

/// What replaces the setting that makes shopctl write ids in this form.
pub(super) fn id_form_setting(form: Form) -> [String; 2] {
    [
        format!("DELETE FROM {SETTINGS} WHERE name = '{ID_FORM}'"),
        format!("INSERT INTO {SETTINGS} (name, value) SELECT '{ID_FORM}', '{}'", form.as_str()),
    ]
}

/// What SeaORM's own migrator reads.
pub(super) fn listed(engine: Engine, migration: &Migration) -> String {
    let (name, now) = (migration.name, engine.unix_time);
    format!("INSERT INTO {SEAQL_MIGRATIONS} (version, applied_at) SELECT '{name}', {now}")
}
