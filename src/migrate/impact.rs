//! The data that a revert or a removal drops, and the required confirmation.

use migration::Migration;

use super::backup::{COUNT_LIMIT, count_rows};
use super::referenced::{foreign_objects, object_list, refuse_referenced};
use super::removal::Removal;
use super::{Asked, DEVELOPMENT, ENVIRONMENT, Job, RunKind, reverted, setting, tables_dropped};
use crate::db::schema::{Removable, RowCount};
use crate::db::target::Target;
use crate::domain::text::counted;
use crate::error::{Result, printable};

/// Maximum number of tables named in a question.
const TABLES_NAMED: usize = 6;

/// The data that a run drops, determined before the user is asked.
pub struct Impact {
    kind: RunKind,
    /// The migrations to revert, newest first; unused by `fresh`.
    reverted: Vec<Migration>,
    /// An interrupted `fresh` that this run resumes.
    removal: Option<Removal>,
    environment: Option<String>,
    /// All tables but the history's.
    counts: Vec<RowCount>,
    /// The tables to drop.
    dropped: Vec<RowCount>,
    /// Objects to drop that no migration made.
    others: Vec<Removable>,
}

impl Impact {
    /// Determines what a run would drop; rows are counted by [`Impact::count_rows`].
    ///
    /// Errors: those of [`reverted`]; exit 6 for tables that something of another program refers to.
    pub async fn assess(job: Job<'_>, kind: RunKind) -> Result<Impact> {
        let connection = job.database.connection();
        let (reverted, removal, others) = match kind {
            RunKind::Fresh => {
                let others = foreign_objects(connection, &job.plan.catalog).await?;
                (Vec::new(), Removal::find(connection).await?, others)
            }
            _ => (reverted(connection, job.plan, kind).await?, None, Vec::new()),
        };
        refuse_referenced(connection, kind, &reverted).await?;
        let environment = setting(connection, ENVIRONMENT).await?;
        Ok(Impact { kind, reverted, removal, environment, counts: Vec::new(), dropped: Vec::new(), others })
    }

    /// Takes the rows of all tables into account.
    ///
    /// Errors: exit 5 naming who holds the tables, if it takes longer than `lock_wait`.
    pub async fn count_rows(&mut self, job: Job<'_>) -> Result<()> {
        let command = format!("migrate {}", self.kind);
        self.counts = count_rows(job, &command, COUNT_LIMIT).await?;
        let engine = job.database.engine();
        let dropped: Vec<String> =
            self.reverted.iter().flat_map(|migration| tables_dropped(engine, migration)).collect();
        let goes = |(table, ..): &&RowCount| self.kind == RunKind::Fresh || dropped.contains(table);
        self.dropped = self.counts.iter().filter(goes).cloned().collect();
        Ok(())
    }

    /// Whether seals are dropped whose events stay.
    fn drops_only_seals(&self) -> bool {
        let goes = |name: &str| self.dropped.iter().any(|(table, count, _)| table == name && *count > 0);
        goes("audit_seals") && !goes("audit_events")
    }

    /// Whether the run would change nothing, because no migration is applied.
    pub fn has_nothing_to_revert(&self) -> bool {
        self.reverted.is_empty() && matches!(self.kind, RunKind::Down | RunKind::Redo | RunKind::Reset)
    }

    /// Whether rows of shopctl's own tables go, and no earlier run has begun to drop them.
    pub fn drops_shop_rows(&self) -> bool {
        let is_filled = |(table, count, _): &RowCount| *count > 0 && !self.is_foreign(table);
        self.removal.is_none() && self.dropped.iter().any(is_filled)
    }

    fn is_foreign(&self, table: &str) -> bool {
        self.others.iter().any(|other| other.name == table)
    }

    /// Whether the user must confirm: tables or foreign objects are dropped, or a removal is resumed.
    pub fn needs_permission(&self) -> bool {
        !self.counts.is_empty() || !self.others.is_empty() || self.removal.is_some()
    }

    /// What the user confirmed, for the run to compare with.
    pub fn asked(&self, is_backed_up: bool) -> Asked {
        Asked { kind: self.kind, dropped: self.dropped.clone(), has_others: !self.others.is_empty(), is_backed_up }
    }

    /// Whether yes is sufficient: a copy is made, or the database is for development and contains only shopctl's
    /// objects.
    pub fn accepts_yes(&self, target: &Target, is_protected: bool, is_backed_up: bool) -> bool {
        match &self.environment {
            _ if is_protected => false,
            _ if !self.others.is_empty() && !target.is_file() => false,
            Some(environment) => environment == DEVELOPMENT,
            // Its file is copied first.
            None => target.is_file() && is_backed_up,
        }
    }

    /// Everything that the user must know before confirming.
    pub fn summary(&self, target: &Target, is_protected: bool) -> String {
        let purpose = match (&self.environment, is_protected) {
            (_, true) => "a protected context".to_owned(),
            (Some(environment), false) => format!("for {}", printable(environment)),
            (None, false) => "no environment is set".to_owned(),
        };
        let dropped = match self.dropped.as_slice() {
            [] => "it drops no tables".to_owned(),
            dropped => format!("it drops {}", describe_counts(dropped)),
        };
        let others = match self.others.as_slice() {
            [] => String::new(),
            others => format!("\nit also drops objects of other programs: {}", object_list(others)),
        };
        let seals = match self.drops_only_seals() {
            true => "\nit drops the seals of the audit trail: without them, its events cannot be verified",
            false => "",
        };
        format!("{} in {target} ({purpose})\n{dropped}{others}{seals}", self.actions())
    }

    /// The planned actions, as a sentence.
    fn actions(&self) -> String {
        if let Some(removal) = &self.removal {
            return format!(
                "this continues the removal that {} began ({}) and applies all migrations",
                printable(&removal.by),
                removal.progress()
            );
        }
        let again = match self.kind {
            RunKind::Fresh => {
                return "this drops every table, view, sequence and type and applies all migrations".to_owned();
            }
            RunKind::Redo => " and applies it again",
            RunKind::Refresh => " and applies all migrations",
            _ => "",
        };
        let names: Vec<&str> = self.reverted.iter().map(|migration| migration.name).collect();
        match names.as_slice() {
            [] => "this applies all migrations".to_owned(),
            [only] => format!("this reverts {only}{again}"),
            [newest, .., oldest] => {
                format!("this reverts {} migrations{again}, from {newest} down to {oldest}", names.len())
            }
        }
    }
}

/// `9 tables: users 100, orders more than 100000, 7 empty`
fn describe_counts(counts: &[RowCount]) -> String {
    let mut filled: Vec<_> = counts.iter().filter(|(_, count, _)| *count > 0).collect();
    filled.sort_by_key(|(_, count, _)| std::cmp::Reverse(*count));
    let empty = counts.len() - filled.len();
    let rows = |(table, count, is_at_least): &&RowCount| {
        let more = if *is_at_least { "more than " } else { "" };
        format!("{table} {more}{}", counted(*count, "row"))
    };
    let mut parts: Vec<String> = filled.iter().take(TABLES_NAMED).map(rows).collect();
    if filled.len() > TABLES_NAMED {
        parts.push(format!("{} more with rows", filled.len() - TABLES_NAMED));
    }
    if empty > 0 {
        parts.push(format!("{empty} empty"));
    }
    match filled.is_empty() {
        true if empty == 1 => "1 table, which is empty".to_owned(),
        true => format!("{}, all empty", counted(empty, "table")),
        false => format!("{}: {}", counted(counts.len(), "table"), parts.join(", ")),
    }
}
