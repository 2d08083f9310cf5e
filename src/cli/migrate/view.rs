//! Views of migrations: status, plan, history and differences.

use migration::Migration;
use serde_json::json;

use crate::db::target::Engine;
use crate::migrate::finding::Finding;
use crate::migrate::lint::Warning;
use crate::migrate::{MigrationStatus, RehearsedStatement, Run, State};
use crate::output::{Cell, Column, Tone, View};

impl View for MigrationStatus {
    const NOUN: &'static str = "migrations";
    const COLUMNS: &'static [Column<Self>] = &[
        Column::key("name", "NAME", |view| view.name.as_str().into()),
        Column::new("state", "STATE", |view| state(view.state)),
        Column::new("applied_at", "APPLIED", |view| view.applied_at.into()),
        Column::new("note", "NOTE", |view| view.note.clone().into()),
        Column::detail("runner", "RUNNER", |view| view.runner.clone().into()),
    ];
}

fn state(state: State) -> Cell {
    let tone = match state {
        State::Applied => Tone::Good,
        State::Pending | State::Late | State::Renamed => Tone::Open,
        _ => Tone::Bad,
    };
    Cell::State(state.as_str(), tone)
}

/// A migration that `up` would apply.
pub struct PlannedView {
    name: &'static str,
    statements: Vec<String>,
    warnings: Vec<String>,
}

impl PlannedView {
    /// `warnings` may include those of other migrations.
    pub fn new(engine: Engine, migration: &Migration, warnings: &[Warning]) -> PlannedView {
        let warnings = warnings.iter().filter(|warning| warning.migration == migration.name);
        PlannedView {
            name: migration.name,
            statements: (migration.up)(engine.backend),
            warnings: warnings.map(|warning| format!("{}: {}", warning.risk.as_str(), warning.text)).collect(),
        }
    }
}

impl View for PlannedView {
    const NOUN: &'static str = "pending migrations";
    const COLUMNS: &'static [Column<Self>] = &[
        Column::new("name", "NAME", |view| view.name.into()),
        Column::new("statement_count", "STATEMENTS", |view| number(view.statements.len())),
        Column::new("risk_count", "RISKS", |view| number(view.warnings.len())),
        Column::detail("statements", "SQL", |view| json!(view.statements).into()),
        Column::detail("risks", "WHICH", |view| json!(view.warnings).into()),
    ];
}

impl View for RehearsedStatement {
    const NOUN: &'static str = "statements";
    const COLUMNS: &'static [Column<Self>] = &[
        Column::new("migration", "MIGRATION", |view| view.migration.into()),
        Column::new("milliseconds", "MS", |view| format!("{:.1}", view.duration.as_secs_f64() * 1_000.0).into()),
        Column::new("statement", "STATEMENT", |view| {
            view.statement.split_whitespace().collect::<Vec<_>>().join(" ").into()
        }),
    ];
}

impl View for Run {
    const NOUN: &'static str = "runs";
    const COLUMNS: &'static [Column<Self>] = &[
        Column::detail("sequence", "NUMBER", |view| view.sequence.into()),
        Column::key("name", "NAME", |view| view.name.as_str().into()),
        Column::new("direction", "RUN", |view| view.direction.as_str().into()),
        Column::new("started_at", "STARTED", |view| view.started_at.into()),
        Column::minor("duration_milliseconds", "MS", |view| view.duration_milliseconds.into()),
        Column::new("actor", "BY", |view| view.runner.split(", ").next().unwrap_or_default().into()),
        Column::new("result", "RESULT", |view| match &view.error {
            Some(error) => error.as_str().into(),
            None => view.state.as_str().into(),
        }),
        Column::detail("state", "STATE", |view| view.state.as_str().into()),
        Column::detail("error", "ERROR", |view| view.error.clone().into()),
        Column::detail("runner", "RUNNER", |view| view.runner.as_str().into()),
        Column::detail("statement", "STATEMENT", |view| view.statement.clone().into()),
        Column::detail("statements_done", "DONE", |view| view.statements_done.into()),
        Column::detail("statements_total", "OF", |view| view.statements_total.into()),
        Column::detail("version", "SHOPCTL", |view| view.version.as_str().into()),
        Column::detail("checksum", "CHECKSUM", |view| view.checksum.clone().into()),
    ];
}

impl View for Finding {
    const NOUN: &'static str = "differences";
    const COLUMNS: &'static [Column<Self>] = &[
        Column::new("check", "CHECK", |view| view.check.into()),
        Column::new("change", "CHANGE", |view| view.change.into()),
        Column::new("object", "OBJECT", |view| view.object.as_str().into()),
        Column::new("expected", "EXPECTED", |view| view.expected.clone().into()),
        Column::new("found", "FOUND", |view| view.found.clone().into()),
        Column::detail("repair", "REPAIR", |view| view.repair.clone().into()),
        Column::detail("warning", "WARNING", |view| view.warning.clone().into()),
        Column::detail("row_count", "ROWS", |view| view.rows.as_ref().map(|rows| rows.count).into()),
        Column::detail("row_keys", "KEYS", |view| view.rows.as_ref().map(|rows| rows.keys.join(", ")).into()),
        Column::detail("row_query", "QUERY", |view| view.rows.as_ref().map(|rows| rows.query.clone()).into()),
    ];

    fn id(&self) -> String {
        self.object.clone()
    }
}

fn number(count: usize) -> Cell {
    i64::try_from(count).unwrap_or(i64::MAX).into()
}
