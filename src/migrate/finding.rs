//! The findings of `verify`, and the statements that restore the expected schema.

use std::collections::BTreeSet;

use migration::Migration;

use super::{BlockingRows, Catalog};
use crate::db::schema::{Difference, Schema};
use crate::db::target::Engine;
use crate::domain::similar::closest;
use crate::domain::text::{counted, first_names, it_them};
use crate::error::{CommandLine, Error, Hint, Kind, Result, printable};

/// Maximum number of printed repairs.
const HINTS_SHOWN: usize = 10;
/// Maximum number of objects named in a message.
const NAMES_SHOWN: usize = 3;
/// The check of the live schema.
pub const DRIFT: &str = "drift";

/// Something that `verify` found.
#[derive(Debug, Default)]
pub struct Finding {
    /// `drift`, `there and back`, `entities`.
    pub check: &'static str,
    /// `missing`, `added`, `changed`; none where a sentence says it.
    pub change: Option<&'static str>,
    /// The object or column concerned: `column users.email`.
    pub object: String,
    /// The definition that the migrations make.
    pub expected: Option<String>,
    /// The definition in the database.
    pub found: Option<String>,
    /// SQL that restores the expected definition, where statements can and no decision is needed.
    pub repair: Option<String>,
    /// What the repair loses, or what has to be decided first.
    pub warning: Option<String>,
    /// The rows that have to be changed before the repair.
    pub rows: Option<BlockingRows>,
}

impl Finding {
    /// The finding of the check named `check`, such as [`DRIFT`].
    pub fn from_difference(check: &'static str, engine: Engine, catalog: &Catalog, difference: &Difference) -> Finding {
        let made_again = || Some(made_again(engine, creating_migration(catalog, difference.missing_table()?)?));
        let repair = difference.repair.clone().or_else(made_again);
        let warning = warning(difference, repair.as_deref());
        let is_undecided = difference.waits || !difference.renames.is_empty();
        Finding {
            check,
            change: Some(difference.change()),
            object: difference.object.to_string(),
            expected: difference.expected.as_deref().map(shown),
            found: difference.found.as_deref().map(shown),
            repair: repair.filter(|_| !is_undecided),
            warning,
            rows: None,
        }
    }

    /// The same with the rows that do not fit, which its repair must not come before.
    pub fn with_rows(self, rows: Option<BlockingRows>) -> Finding {
        let rows_first = rows.as_ref().map(|_| ROWS_FIRST.to_owned());
        Finding { warning: self.warning.or(rows_first), rows, ..self }
    }
}

/// What a repair does to rows that do not fit.
const ROWS_FIRST: &str = "first change the rows that do not fit; otherwise this fails at them or rounds their values";

/// What a repair cannot bring back, and what has to be decided before there is one.
fn warning(difference: &Difference, repair: Option<&str>) -> Option<String> {
    if difference.waits {
        return Some("its repair depends on which columns of the table were renamed; rename them first".to_owned());
    }
    if difference.missing_table().is_some() {
        return Some(
            "if it was renamed, rename it back; otherwise its rows are lost, and this creates it empty".to_owned(),
        );
    }
    let repair = repair.filter(|_| difference.loses_values())?;
    Some(match difference.renames.as_slice() {
        [] => "its values are lost; restore them from a backup, because this adds the column without them".to_owned(),
        renames => format!(
            "if it was renamed: {}; otherwise its values are lost, and this adds the column without them: {repair}",
            renames.join(", or ")
        ),
    })
}

/// A table has no definition but its parts.
fn shown(definition: &str) -> String {
    if definition.is_empty() { "there".to_owned() } else { definition.to_owned() }
}

/// Errors: exit 2 for a name to be ignored that nothing has, with one that is like it.
pub fn refuse_unknown_names(ignored: &[String], schemas: &[&Schema]) -> Result<()> {
    let objects = || schemas.iter().flat_map(|schema| schema.objects.keys());
    let known: BTreeSet<&str> = objects().flat_map(|object| [object.table.as_str(), object.name.as_str()]).collect();
    let Some(unknown) = ignored.iter().find(|name| !known.contains(name.as_str())) else { return Ok(()) };
    let known: Vec<&str> = known.into_iter().filter(|name| !name.is_empty()).collect();
    let error = Error::usage(format!("--ignore: nothing in the database has the name {}", printable(unknown)));
    Err(match closest(unknown, known) {
        Some(close) => error.hint(format!("did you mean {}?", printable(close))),
        None => error.hint("leave it out; names are those of tables, views, sequences, types and their parts"),
    })
}

/// The error about anything that was found (exit 9), with the ways back.
pub fn drift_error(findings: &[Finding]) -> Error {
    let error = Error::new(Kind::CheckFailed, "migrate.drift", summary(findings));
    let mut repairs: Vec<Hint> = Vec::new();
    for finding in findings.iter().filter(|finding| finding.check == DRIFT) {
        let repair = repair_hint(findings, finding);
        // Several differences may be mended by the same statements.
        repairs.extend((!repairs.contains(&repair)).then_some(repair));
    }
    let error = findings.iter().filter_map(rows_hint).take(HINTS_SHOWN).fold(error, Error::hint);
    let error = repairs.into_iter().take(HINTS_SHOWN).fold(error, Error::hint);
    match findings.iter().any(|finding| finding.change == Some("added")) {
        true => error.hint("to ignore an intended difference: --ignore NAME"),
        false => error,
    }
}

/// `2 differences between migrations, database and program: missing table users, …`
fn summary(findings: &[Finding]) -> String {
    let name =
        |finding: &Finding| format!("{} {}", finding.change.unwrap_or_default(), finding.object).trim().to_owned();
    let differences = counted(findings.len(), "difference");
    let names = first_names(findings.iter().map(name), NAMES_SHOWN);
    format!("{differences} between migrations, database and program: {names}")
}

/// The rows that a repair would stop at.
fn rows_hint(finding: &Finding) -> Option<Hint> {
    let BlockingRows { count, keys, query } = finding.rows.as_ref()?;
    let verb = if *count == 1 { "does" } else { "do" };
    let more = if keys.len() < usize::try_from(*count).unwrap_or(usize::MAX) { ", …" } else { "" };
    let named = if keys.is_empty() { String::new() } else { format!(" ({}{more})", keys.join(", ")) };
    let (object, rows, them) = (&finding.object, counted(*count, "row"), it_them(*count));
    Some(format!("{object}: {rows} {verb} not fit{named}; change {them} before the repair: {query}").into())
}

/// How the schema becomes again what the migrations make. One statement may repair several differences, and lose the
/// values of several columns.
fn repair_hint(findings: &[Finding], finding: &Finding) -> Hint {
    let Some(repair) = &finding.repair else {
        return match &finding.warning {
            Some(warning) => format!("{}: {warning}", finding.object).into(),
            None => Hint::from(format!("{}: restore it from a backup, or ", finding.object))
                .and(CommandLine::new("migrate fresh")),
        };
    };
    let of_statement = findings.iter().filter(|other| other.repair.as_ref() == Some(repair));
    let warnings: Vec<String> =
        of_statement.filter_map(|other| Some(format!("{}: {}", other.object, other.warning.as_ref()?))).collect();
    match warnings.as_slice() {
        [] => format!("back to the state of the migrations: {repair}").into(),
        warnings => format!("{}: {repair}", warnings.join("; ")).into(),
    }
}

/// The migration whose statement makes a table that is missing.
fn creating_migration<'a>(catalog: &'a Catalog, table: &str) -> Option<&'a Migration> {
    let makes = |migration: &&Migration| {
        Engine::ALL.into_iter().any(|engine| {
            let statement = format!("CREATE TABLE {} ", engine.quoted(table));
            (migration.up)(engine.backend).iter().any(|sql| sql.starts_with(&statement))
        })
    };
    catalog.migrations().iter().find(makes)
}

/// The statements that make its table, on one line.
fn made_again(engine: Engine, migration: &Migration) -> String {
    let statements = (migration.up)(engine.backend);
    let lines = statements.iter().map(|sql| sql.split_whitespace().collect::<Vec<_>>().join(" "));
    lines.collect::<Vec<_>>().join("; ")
}
