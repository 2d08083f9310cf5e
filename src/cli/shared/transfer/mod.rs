//! Shared parts of the commands that move or compare whole shops.

pub mod backups;

use serde_json::{Map, Value, json};

use crate::config::Config;
use crate::context::Context;
use crate::db::{Access, Database};
use crate::domain::text::{counted, first_names, has_have};
use crate::error::{Cause, CommandLine, Error, Hint, Kind, Result, printable};
use crate::migrate::{self, Catalog, Job, Plan};
use crate::output::{Column, Progress as Bar, Unit, View};
use crate::service::doctor::{self, State};
use crate::service::verification::Verification;
use crate::transfer::compare::{Compared, Difference, DifferenceKind, compare};
use crate::transfer::fill::Filled;
use crate::transfer::snapshot::ShopSnapshot;
use crate::transfer::{Origin, Progress};

/// How many rows a message names.
const ROWS_NAMED: usize = 5;

/// The configuration of a shop that is named by its context or URL; its warnings are printed.
///
/// Errors: those of [`Config::for_shop`].
pub fn shop_named(context: &Context, shop: &str) -> Result<Config> {
    let config = context.config.for_shop(shop)?;
    for warning in config.warnings.iter().filter(|warning| !context.config.warnings.contains(warning)) {
        context.output.warn(warning);
    }
    Ok(config)
}

/// Connects to a shop to read it. Errors: exit 4 where there is none.
pub async fn open_to_read(context: &Context, config: &Config) -> Result<Database> {
    context.database_of(config, Access::Read).await.map_err(|error| match error.is(Cause::NoShop) {
        // The hint would create the configured database.
        true => error.without_hints().hint("correct the path or the context"),
        false => error,
    })
}

/// Names what does not belong to the shop: it is neither read nor written.
pub async fn name_foreign(context: &Context, database: &Database) -> Result<()> {
    // Not in a snapshot: looking for a history that is not there ends a transaction.
    let others = migrate::foreign_objects(database.connection(), &Catalog::embedded()).await?;
    let mut foreign = foreign_columns(database).await?;
    if !others.is_empty() {
        foreign.push(migrate::object_list(&others));
    }
    if !foreign.is_empty() {
        context.output.note(&format!("{}: ignored, as other programs': {}", database.target(), foreign.join(", ")));
    }
    Ok(())
}

/// The columns of other programs in the shop's tables.
pub async fn foreign_columns(database: &Database) -> Result<Vec<String>> {
    let shop = ShopSnapshot::begin(database).await?;
    let foreign = shop.foreign.clone();
    shop.end().await;
    Ok(foreign)
}

/// Compares every row of two shops as they are now.
pub async fn compare_shops(context: &Context, one: &Database, other: &Database) -> Result<Vec<Compared>> {
    let (mut first, mut second) = (ShopSnapshot::whole(one).await?, ShopSnapshot::whole(other).await?);
    let total = first.count().await? + second.count().await?;
    let compared = compare(&mut first, &mut second, &mut reporting(context, total)).await?;
    first.end().await;
    second.end().await;
    Ok(compared)
}

/// Applies migrations to a database, and records what it is for as another does. Returns the number of migrations.
pub async fn prepare(database: &Database, plan: &Plan, environment: Option<&str>) -> Result<usize> {
    migrate::refuse_foreign_shop(database.connection(), &Catalog::embedded()).await?;
    let steps = migrate::up(Job::silent(database, plan)).await?;
    if let Some(environment) = environment {
        migrate::set_setting_if_absent(database, migrate::ENVIRONMENT, environment).await?;
    }
    Ok(steps.len())
}

/// Says how many migrations were applied to a database, if any.
pub fn note_applied(context: &Context, database: &Database, migrations: usize) {
    if migrations > 0 {
        context.output.note(&format!("{} applied to {}", counted(migrations, "migration"), database.target()));
    }
}

/// Shows progress on a bar.
pub fn reporting<'a>(context: &'a Context, total: u64) -> impl FnMut(Progress) + Send + use<'a> {
    let mut bar: Bar<'a> = context.output.progress(Unit::Rows, total);
    move |progress| match progress {
        Progress::Rows(rows) => bar.advance(rows),
        Progress::Indexes(count) => bar.stage(&format!("creating {count} indexes and constraints")),
    }
}

/// The tables of a shop as JSON: their rows and digests.
pub fn tables_json(loaded: &[Filled]) -> Value {
    let table = |(table, fingerprint): &Filled| {
        (table.name.clone(), json!({ "rows": fingerprint.rows, "digest": fingerprint.digest() }))
    };
    loaded.iter().map(table).collect::<Map<_, _>>().into()
}

/// `11 tables, 4213 rows`
pub fn extent(loaded: &[Filled]) -> String {
    let rows: u64 = loaded.iter().map(|(_, fingerprint)| fingerprint.rows).sum();
    format!("{}, {}", counted(loaded.len(), "table"), counted(rows, "row"))
}

/// `orders: A-1 (0190…) only in the source, B-2 (0190…) changed (status)`, for each table that differs.
pub fn told(compared: &[Compared]) -> String {
    let tables = compared.iter().filter(|table| !table.is_same()).map(|table| {
        let names = first_names(table.differences.iter().map(phrase), ROWS_NAMED);
        format!("{}: {names}", table.table)
    });
    tables.collect::<Vec<_>>().join("; ")
}

fn phrase(difference: &Difference) -> String {
    let row = printable(&difference.row);
    match (difference.kind, &difference.column) {
        (DifferenceKind::Changed, Some((column, _))) => format!("{row} changed ({column})"),
        (DifferenceKind::Changed, None) => format!("{row} changed"),
        (DifferenceKind::OnlyInFirst, _) => format!("{row} only in the source"),
        (DifferenceKind::OnlyInSecond, _) => format!("{row} only in the target"),
    }
}

/// Runs the checks of `doctor --deep` and `audit verify`, and prints their warnings with the shop's name. Returns the
/// hash of the last seal, if there is one.
///
/// Errors: exit 9 if a check fails.
pub async fn check(context: &Context, database: &Database, shop: &str) -> Result<Option<String>> {
    context.output.note("checking data and audit trail");
    let mut checks = Vec::new();
    doctor::examine_deeply(database, context.ids, &mut checks, &mut |_| ()).await?;
    for check in checks.iter().filter(|check| check.state == State::Warning) {
        context.output.warn(&format!("{shop}: {}: {}", check.name, check.detail));
    }
    let failed: Vec<&str> =
        checks.iter().filter(|check| check.state == State::Failed).map(|check| check.name).collect();
    let trail = Verification::of(database, None).await?;
    let foreign = trail.explanation.foreign;
    let findings = trail.found() - foreign;
    if foreign > 0 {
        let (changes, has) = (counted(foreign, "change"), has_have(foreign));
        context.output.note(&format!("{shop}: {changes} by another program {has} not been adopted yet"));
    }
    let mut wrong = Vec::new();
    if !failed.is_empty() {
        wrong.push(format!("{} failed: {}", counted(failed.len(), "check"), failed.join(", ")));
    }
    if findings > 0 {
        wrong.push(format!("{} in the audit trail", counted(findings, "finding")));
    }
    if wrong.is_empty() {
        return Ok(Some(trail.chain.head).filter(|head| !head.is_empty()));
    }
    let message = format!("{shop}: {}", wrong.join("; "));
    let on = |words: &str| CommandLine::new(words).on(database.target().to_string());
    Err(Error::new(Kind::CheckFailed, "transfer.check", message)
        .hint(Hint::from("to see each: ").and(on("doctor --deep")).and(", ").and(on("audit verify"))))
}

/// Whether no table has a row.
pub async fn is_empty(database: &Database) -> Result<bool> {
    let shop = ShopSnapshot::begin(database).await?;
    let count = if shop.tables().is_empty() { 0 } else { shop.count().await? };
    shop.end().await;
    Ok(count == 0)
}

/// Prints the rows that differ.
///
/// Errors: exit 9 if any does.
pub fn print_differences(context: &Context, compared: &[Compared]) -> Result<()> {
    let differences: Vec<Difference> = compared.iter().flat_map(|table| table.differences.clone()).collect();
    context.output.list(&differences)?;
    let differing: Vec<&Compared> = compared.iter().filter(|table| !table.is_same()).collect();
    for table in &differing {
        let more = if table.has_more { "; more rows differ than are listed" } else { "" };
        context.output.note(&format!(
            "{}: {} and {}{more}",
            table.table,
            counted(table.rows[0], "row"),
            counted(table.rows[1], "row")
        ));
    }
    if differing.is_empty() {
        let rows: u64 = compared.iter().map(|table| table.rows[0]).sum();
        context.output.note(&format!(
            "the shops are identical: {}, {}",
            counted(compared.len(), "table"),
            counted(rows, "row")
        ));
        return Ok(());
    }
    let names: Vec<&str> = differing.iter().map(|table| table.table.as_str()).collect();
    let message = format!("{} of {} tables differ: {}", names.len(), compared.len(), names.join(", "));
    Err(Error::new(Kind::CheckFailed, "diff.different", message).details(serde_json::json!({ "tables": names })))
}

impl View for Difference {
    const NOUN: &'static str = "differences";
    const COLUMNS: &'static [Column<Self>] = &[
        Column::new("table", "TABLE", |row| row.table.as_str().into()),
        Column::new("row", "ROW", |row| row.row.as_str().into()),
        Column::new("kind", "KIND", |row| row.kind.as_str().into()),
        Column::new("column", "COLUMN", |row| row.column.as_ref().map(|(column, _)| column.clone()).into()),
        Column::new("first", "FIRST", |row| row.column.as_ref().and_then(|(_, values)| values[0].clone()).into()),
        Column::new("second", "SECOND", |row| row.column.as_ref().and_then(|(_, values)| values[1].clone()).into()),
    ];
}
