//! The SQL of migrations as a script for the engine's own client: with the rows of the history, so
//! that nothing is pending once it ran.

use std::fmt::Write;

use migration::{Migration, RUNS, SEAQL_MIGRATIONS, history_tables};

use super::catalog::{checksum_of, statements};
use super::history::{Direction, RunState};
use crate::db::target::Engine;
use crate::domain::text::counted;

/// Who the history says ran it.
const RUNNER: &str = "the script of shopctl migrate plan --sql";

/// The script that applies these migrations, in this order.
pub fn script(engine: Engine, migrations: &[Migration]) -> String {
    let mut text = format!(
        "-- shopctl {}, {}: {}\n-- {}\n{};\n",
        env!("CARGO_PKG_VERSION"),
        engine.as_str(),
        counted(migrations.len(), "migration"),
        engine.script_client(),
        engine.script_beginning()
    );
    for statement in history_tables(engine.backend()) {
        line(&mut text, &statement);
    }
    for migration in migrations {
        // Writing to a String cannot fail.
        let _ = write!(text, "\n-- {}\n", migration.name);
        let transaction = engine.script_transaction();
        if let Some((begin, _)) = transaction {
            line(&mut text, begin);
        }
        for statement in statements(engine, migration).iter().chain(&rows(engine, migration)) {
            line(&mut text, statement);
        }
        if let Some((_, commit)) = transaction {
            line(&mut text, commit);
        }
    }
    text
}

fn line(text: &mut String, statement: &str) {
    let _ = writeln!(text, "{};", statement.trim_end_matches(';'));
}

/// The history's rows of a migration that was applied.
fn rows(engine: Engine, migration: &Migration) -> [String; 2] {
    let total = statements(engine, migration).len();
    let (up, done) = (Direction::Up.as_str(), RunState::Done.as_str());
    [
        format!(
            "INSERT INTO {RUNS} (sequence, name, direction, state, checksum, statements_done, statements_total, \
             runner, version) SELECT COALESCE(MAX(sequence), 0) + 1, '{}', '{up}', '{done}', '{}', {total}, {total}, \
             '{RUNNER}', '{}' FROM {RUNS}",
            migration.name,
            checksum_of(engine, migration),
            env!("CARGO_PKG_VERSION"),
        ),
        format!(
            "INSERT INTO {SEAQL_MIGRATIONS} (version, applied_at) VALUES ('{}', {})",
            migration.name,
            engine.unix_time()
        ),
    ]
}
