//! The deep checks: the shop's data against its rules, on one snapshot of the database.

use sea_orm::ConnectionTrait;

use super::check::{Check, State};
use super::{forms, similar_keys};
use crate::db::Database;
use crate::db::ddl::damage;
use crate::db::fault::{self, UniqueConstraint};
use crate::db::schema::{self, Schema};
use crate::db::target::Engine;
use crate::domain::text::{and_more, first_names};
use crate::domain::{Id, IdSource};
use crate::entity::tables::{Table, tables};
use crate::error::{CommandLine, Error, Kind, Result, printable};
use crate::repository::invariant::{
    Adopted, INVARIANTS, Invariant, Judged, NAMED, Remedy, Severity, Violations, find_orders, find_violations,
};
use crate::repository::{audit_event, order, product, user};
use crate::service::explain::{Writer, writers_of_orders};

const SCHEMA: &str = "schema";
const FILE: &str = "file";

/// The names of the deep checks, in order.
pub fn names() -> Vec<&'static str> {
    let forms = forms::KINDS.iter().map(|kind| kind.name);
    INVARIANTS.iter().map(|invariant| invariant.name).chain(forms).chain([similar_keys::NAME]).collect()
}

/// Whether the required tables, columns and unique indexes exist.
///
/// Errors: a lost connection.
pub async fn schema(database: &Database) -> Result<Check> {
    let found = schema::read(database.connection(), database.engine()).await;
    unless_lost(SCHEMA, found.map(|found| judge_schema(&found).0))
}

/// The deep checks, added to `checks` as they complete; `progress` receives the name of each before.
///
/// Errors: a lost connection; completed checks are in `checks`.
pub async fn examine_deeply(
    database: &Database,
    ids: IdSource,
    checks: &mut Vec<Check>,
    progress: &mut dyn FnMut(&'static str),
) -> Result<()> {
    let mut snapshot = database.snapshot().await?;
    progress(SCHEMA);
    let (_, is_whole) = judge_schema(&schema::read(&snapshot, database.engine()).await?);
    if !is_whole {
        checks.extend(names().into_iter().map(|name| Check::skipped(name, "the schema is incomplete")));
        return Ok(snapshot.rollback().await?);
    }
    if database.engine().damage.is_some() {
        progress(FILE);
        checks.push(unless_lost(FILE, damage(&snapshot).await.map(|damage| judge_file(&damage)))?);
    }
    for invariant in &INVARIANTS {
        progress(invariant.name);
        match examine_one(&snapshot, database.engine(), invariant).await {
            Ok(check) => checks.push(check),
            Err(error) if is_refusal(&error) => {
                checks.push(Check::refused(invariant.name, &error));
                // A failed statement ends the transaction on some engines: later checks see a new snapshot.
                snapshot.rollback().await?;
                snapshot = database.snapshot().await?;
            }
            Err(error) => return Err(error),
        }
    }
    for kind in &forms::KINDS {
        progress(kind.name);
        checks.push(unless_lost(kind.name, forms::check(&snapshot, kind, ids).await)?);
    }
    progress(similar_keys::NAME);
    checks.push(unless_lost(similar_keys::NAME, similar_keys::check(&snapshot).await)?);
    snapshot.rollback().await?;
    Ok(())
}

/// Whether every page and index of the embedded file can be read: a damaged index finds fewer rows without an error.
fn judge_file(damage: &[String]) -> Check {
    let Some(first) = damage.first() else { return Check::new(FILE, State::Ok, "every page can be read") };
    let message = format!("the file is damaged: {}", printable(first.trim_start_matches("*** ").trim_end()));
    Check::new(FILE, State::Failed, message).hint(fault::back_to_a_backup())
}

fn lacks(found: &Schema, constraint: &UniqueConstraint) -> bool {
    // `audit_events.operation_id, audit_events.sequence`
    let columns = constraint.columns.split(", ").filter_map(|column| column.split_once('.'));
    let (tables, columns): (Vec<&str>, Vec<&str>) = columns.unzip();
    tables.first().is_some_and(|table| found.has_table(table) && !found.is_unique(table, &columns))
}

/// A query that failed fails its check.
///
/// Errors: a lost connection.
fn unless_lost(name: &'static str, check: Result<Check>) -> Result<Check> {
    match check {
        Err(error) if is_refusal(&error) => Ok(Check::refused(name, &error)),
        check => check,
    }
}

/// Whether only this query failed.
fn is_refusal(error: &Error) -> bool {
    !matches!(error.kind(), Kind::Unavailable)
}

async fn examine_one(connection: &impl ConnectionTrait, engine: Engine, invariant: &Invariant) -> Result<Check> {
    let violations = find_violations(connection, engine, invariant).await?;
    let check = match invariant.judged {
        Judged::ByWriter { adopted } if violations.count > 0 => {
            examine_by_writer(connection, engine, invariant, &violations, adopted).await?
        }
        _ => judge(invariant, &violations),
    };
    Ok(if check.state == State::Ok { check } else { check.listing(violations.offenders) })
}

async fn examine_by_writer(
    connection: &impl ConnectionTrait,
    engine: Engine,
    invariant: &Invariant,
    violations: &Violations,
    adopted: Adopted,
) -> Result<Check> {
    let orders = find_orders(connection, engine, invariant).await?;
    let ids: Vec<Id> = orders.iter().map(|(id, _)| *id).collect();
    let writers = writers_of_orders(connection, &ids).await?;
    let writer = |order: Id| match (writers.get(&order), adopted) {
        (Some(Writer::Adopted), Adopted::Foreign) => Writer::Other,
        (None, _) if order == Id::Missing => Writer::Other,
        (Some(Writer::Adopted), Adopted::Broken) | (None, _) => Writer::Shopctl,
        (Some(writer), _) => *writer,
    };
    let by = |wanted: Writer| {
        let by_it = orders.iter().filter(|(id, _)| writer(*id) == wanted);
        by_it.map(|(_, name)| printable(name)).collect::<Vec<_>>()
    };
    if by(Writer::Shopctl).is_empty() && by(Writer::Other).is_empty() {
        let adopted = told(&by(Writer::Adopted));
        let detail = format!("no {} except those written by another program: {adopted}", invariant.offenders);
        return Ok(Check::new(invariant.name, State::Ok, detail));
    }
    let is_to_adopt = orders.iter().any(|(id, _)| writers.get(id).is_none_or(|writer| *writer == Writer::Other));
    let check = judge_by_writer(invariant, violations, &by(Writer::Shopctl), &by(Writer::Other));
    Ok(if check.state == State::Warning && is_to_adopt { check.hint(CommandLine::new("adopt")) } else { check })
}

/// Orders of other programs are none of shopctl's faults; as `adopt` took them in they are none at all.
fn judge_by_writer(invariant: &Invariant, violations: &Violations, own: &[String], foreign: &[String]) -> Check {
    let by_others = format!("orders written by another program: {}", told(foreign));
    match (own.is_empty(), foreign.is_empty()) {
        (true, _) => {
            let detail = format!("{}, all of {by_others}", invariant.offenders);
            Check { state: State::Warning, detail, ..judge(invariant, violations) }
        }
        (false, true) => judge(invariant, violations),
        (false, false) => {
            let check = judge(invariant, violations);
            let detail =
                format!("{}: of orders written by shopctl: {}; of {by_others}", invariant.offenders, told(own));
            Check { detail, ..check }
        }
    }
}

/// `7 (A-1, A-2, A-3, A-4, A-5 and 2 more)`
fn told(orders: &[String]) -> String {
    format!("{} ({})", orders.len(), first_names(orders.iter().cloned(), NAMED))
}

fn judge(invariant: &Invariant, violations: &Violations) -> Check {
    if violations.count == 0 {
        return Check::new(invariant.name, State::Ok, format!("no {}", invariant.offenders));
    }
    let state = match invariant.severity {
        Severity::Broken => State::Failed,
        Severity::Foreign => State::Warning,
    };
    let named = violations.offenders.iter().take(NAMED).cloned().collect::<Vec<_>>();
    let more = and_more(violations.count.saturating_sub(named.len() as u64));
    let detail = format!("{}: {} ({}{more})", invariant.offenders, violations.count, named.join(", "));
    let first = violations.first.as_deref().unwrap_or_default();
    // Users paste this into a shell: names stored by other programs must be quoted.
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || ".-_@+".contains(letter);
    let is_usable = first.chars().all(is_plain) && !first.starts_with('-');
    let check = Check::new(invariant.name, state, detail);
    match invariant.remedy {
        Remedy::Show(words) if is_usable && !first.is_empty() => check.hint(CommandLine::new(words).argument(first)),
        Remedy::Run(words) => check.hint(CommandLine::new(words)),
        _ => check,
    }
}

/// Checks the required tables, columns and unique indexes; returns whether all tables and columns exist.
fn judge_schema(found: &Schema) -> (Check, bool) {
    let unique = [
        user::UNIQUE_EMAIL,
        product::UNIQUE_SKU,
        order::UNIQUE_REFERENCE,
        audit_event::UNIQUE_KEY,
        audit_event::UNIQUE_SEQUENCE,
    ];
    let expected = tables();
    let mut missing = Vec::new();
    for Table { name: table, columns, .. } in &expected {
        if !found.has_table(table) {
            missing.push(format!("table {table}"));
            continue;
        }
        let absent = columns.iter().filter(|column| !found.has_column(table, &column.name));
        missing.extend(absent.map(|column| format!("column {table}.{}", column.name)));
    }
    let is_whole = missing.is_empty();
    let absent = unique.iter().filter(|constraint| lacks(found, constraint));
    missing.extend(absent.map(|constraint| format!("unique index {} on {}", constraint.name, constraint.columns)));
    if missing.is_empty() {
        let detail =
            format!("{} tables with their columns and unique keys; migrate verify compares the rest", expected.len());
        return (Check::new(SCHEMA, State::Ok, detail), true);
    }
    let missing = match expected.iter().any(|table| found.has_table(&table.name)) {
        true => missing.join(", "),
        false => "all tables".to_owned(),
    };
    let check = Check::new(SCHEMA, State::Failed, format!("missing: {missing}"));
    let hint = CommandLine::new("migrate status")
        .and("; if nothing is pending, ")
        .and(CommandLine::new("migrate verify"))
        .and(" prints the repair");
    (check.hint(hint), is_whole)
}
