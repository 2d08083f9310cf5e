//! Shared implementation of `import`: validates the whole file, writes it, and reports each invalid row.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use clap::Args;
use serde::Serialize;

pub use self::file::{ERRORS, FileArguments, ReadArguments, open_input, open_source, write_errors_file};
use self::report::{CHANGES_LISTED, PartialImport};
use super::arguments::{AnswerArguments, WriteArguments, one_of_words};
use super::effect::Effect;
use super::values::checked;
use crate::bulk::{
    self, Counts, Import, Interpretation, OnConflict, OnError, Rejections, Row, Source, Storable, ValueChange, partial,
    refused, with_unwritten,
};
use crate::cli::shared::confirm::Prompter;
use crate::context::Context;
use crate::db::{Access, Database};
use crate::domain::currency::parse_currency;
use crate::domain::text::{counted, first_names};
use crate::entity::product;
use crate::error::{Error, Hint, Result, printable};
use crate::output::{Format, Mutation, Output, Unit};
use crate::service::place_order::StockHandling;
use crate::service::price::NAMED;
use crate::service::retire::{self, Retirement};

mod file;
mod report;

/// The interval of progress updates.
const TICK: Duration = Duration::from_millis(200);

#[derive(Debug, Args)]
pub struct ImportArguments {
    #[command(flatten)]
    pub file: FileArguments,
    /// Currency of the amounts, e.g. EUR; rows in another one are invalid
    #[arg(long, value_name = "CODE", value_parser = checked(parse_currency))]
    currency: Option<String>,
    /// What to do about existing rows: update (an order must match), skip or error
    #[arg(long, value_name = "WHAT", default_value = "update", value_parser = one_of_words(CONFLICTS.into()), hide_possible_values = true)]
    on_conflict: OnConflict,
    /// Lines per transaction; small batches lock the stock for less time
    #[arg(long, value_name = "LINES", default_value_t = bulk::MAX_BATCH_LINES, value_parser = checked(parse_batch))]
    batch: usize,
    /// Continue where the last run of this file stopped, or at its first rejected row
    #[arg(long)]
    resume: bool,
    #[command(flatten)]
    write: WriteArguments,
    #[command(flatten)]
    answers: AnswerArguments,
}

const CONFLICTS: [(&str, OnConflict); 3] =
    [("update", OnConflict::Update), ("skip", OnConflict::Skip), ("error", OnConflict::Error)];

fn parse_batch(text: &str) -> Result<usize, String> {
    let lines = text.parse().ok().filter(|lines| (1..=bulk::MAX_BATCH_LINES).contains(lines));
    lines.ok_or_else(|| format!("must be a number from 1 to {}", bulk::MAX_BATCH_LINES))
}

/// Imports a file.
///
/// Errors: exit 7 for invalid rows if nothing was imported, exit 8 if the others were.
pub async fn run<R: Storable>(
    context: &Context,
    prompter: &Prompter,
    arguments: &ImportArguments,
    stock: StockHandling,
    interpretation: Interpretation,
) -> Result<Effect> {
    let none = async |_: &Database, _: &Source<'_>, _: &Import| Ok(Vec::new());
    run_and_retire::<R>(context, prompter, arguments, (stock, interpretation, false), none).await
}

/// As [`run`], and then retires the products that `find_missing` finds before the import, if all rows were imported;
/// `needs_all_rows` says that it finds any.
pub async fn run_and_retire<R: Storable>(
    context: &Context,
    prompter: &Prompter,
    arguments: &ImportArguments,
    (stock, interpretation, needs_all_rows): (StockHandling, Interpretation, bool),
    find_missing: impl AsyncFn(&Database, &Source<'_>, &Import) -> Result<Vec<product::Model>>,
) -> Result<Effect> {
    let import = arguments.import::<R>(context, stock, interpretation)?;
    let mut import = Import { needs_all_rows, ..import };
    let source = arguments.file.open::<R>(context, &import).await?;
    let dry_run = arguments.write.dry_run;
    let errors = arguments.file.errors_file().await?;
    let operations = context.operations(&context.database(Access::Bulk).await?, dry_run);
    let database = &operations.database;
    let how = (arguments.resume, errors.is_some());
    let (valid, mut rejections) = validate::<R>(&context.output, database, &source, &mut import, how).await?;
    let say = |text: Option<String>| text.iter().for_each(|text| context.output.note(text));
    if rejections.count > 0 && (arguments.file.on_error == OnError::RejectAll || valid == 0) {
        let written = write_errors_file(&mut rejections, errors).map(say);
        return Err(with_unwritten(refused::<R>(&rejections, valid, &import), written));
    }
    let missing = source.if_unchanged(find_missing(database, &source, &import).await)?;
    if context.config.protected || !missing.is_empty() {
        let impact = async || Ok(impact(database, (valid, rejections.count), &missing));
        prompter.ask_permission(context, &arguments.answers, dry_run, impact).await?;
    }
    let all = valid + rejections.count;
    let (counts, on_conflict) = (Cell::default(), import.on_conflict);
    let kept = PartialImport { context, noun: R::NOUN, counts, on_conflict, needs_all_rows };
    let mut changes = Vec::new();
    let write = async {
        let progress = RefCell::new(context.output.progress(Unit::Rows, valid));
        let reject = &mut |row| {
            rejections.add(row);
            Ok(())
        };
        let record_progress = &mut |counts: Counts, more: Vec<ValueChange>| {
            progress.borrow_mut().reach(counts.total());
            changes.extend(more.into_iter().take(CHANGES_LISTED.saturating_sub(changes.len())));
            if !dry_run {
                kept.counts.set(counts);
            }
        };
        let run = bulk::run::<R>(&operations, source.reader()?, &import, reject, record_progress);
        let counts = with_ticks(run, || progress.borrow_mut().tick()).await;
        let mut counts = counts.or_else(|error| source.if_unchanged(Err(error)))?;
        drop(progress);
        if rejections.count == 0 && !missing.is_empty() {
            let retired = retire::run(&operations, &missing, Retirement::Retire).await?;
            counts.retired = retired.iter().filter(|product| product.changed).count() as u64;
            let more = retired.iter().flat_map(|product| bulk::changes(&product.before, &product.after));
            changes.extend(more.filter(|_| dry_run).take(CHANGES_LISTED.saturating_sub(changes.len())));
        }
        Ok(counts)
    };
    let counts = write.await.map_err(|error| kept.add_to_error(error))?;
    kept.counts.take();
    let written = write_errors_file(&mut rejections, errors).map(say);
    database.clone().close().await;
    let is_refused = match arguments.file.on_error {
        OnError::RejectAll => rejections.count > 0 && counts.created + counts.updated == 0,
        OnError::RejectRows => rejections.count > 0 && rejections.count >= all,
    };
    if is_refused {
        // Another process has written these rows or taken their stock since the validation.
        return Err(with_unwritten(refused::<R>(&rejections, all.saturating_sub(rejections.count), &import), written));
    }
    let shown = if is_for_people(&context.output) { changes.as_slice() } else { &[] };
    let listed = (dry_run && context.output.is_json()).then_some(changes.as_slice());
    let result = report::result::<R>(&context.committing, dry_run, counts, rejections.count, listed);
    let effect = Effect::new(counts.created + counts.updated + counts.retired > 0, dry_run, database.target());
    let incomplete = (rejections.count > 0).then_some(&effect);
    print_result(&context.output, report::notes(counts, shown), shown, &result, incomplete)?;
    if incomplete.is_none() {
        return Ok(effect);
    }
    Err(with_unwritten(partial::<R>(&rejections, &import), written))
}

/// Whether people read the output.
fn is_for_people(output: &Output) -> bool {
    matches!(output.format(), Format::Table | Format::Csv | Format::Tsv)
}

/// Prints the notes and changed values, for people, and the result of an import; and what an incomplete one, whose error
/// follows, has changed.
pub fn print_result(
    output: &Output,
    notes: Vec<Hint>,
    changes: &[ValueChange],
    result: &Mutation<impl Serialize>,
    incomplete: Option<&Effect>,
) -> Result<()> {
    notes.into_iter().for_each(|note| output.suggest(note));
    if is_for_people(output) {
        output.text(&report::lines(changes))?;
    }
    match output.format() {
        // The rows have ids, the import has none.
        Format::Id => output.note(&result.line),
        _ => output.mutation(result),
    }
    if let Some(effect) = incomplete {
        effect.note(output);
    }
    Ok(())
}

/// Describes the impact: `this imports 12 rows into …`, and which products will be retired.
fn impact(database: &Database, (valid, rejected): (u64, u64), missing: &[product::Model]) -> String {
    let rows = format!("this imports {} into {}", counted(valid, "row"), database.target());
    let rows = match rejected {
        0 => rows,
        _ => format!("{rows}, rejects {}", counted(rejected, "row")),
    };
    if missing.is_empty() {
        return rows;
    }
    let names = first_names(missing.iter().map(|product| printable(&product.sku)), NAMED);
    format!("{rows} and retires {} missing from it: {names}", counted(missing.len(), "product"))
}

/// Reads the whole file; returns the number of valid rows, and the others.
async fn validate<R: Storable>(
    output: &Output,
    database: &Database,
    source: &Source<'_>,
    import: &mut Import,
    (resumes, is_listed): (bool, bool),
) -> Result<(u64, Rejections)> {
    // The file is read once for the digest and once for validation.
    let progress = RefCell::new(output.progress(Unit::Bytes, 2 * source.length()));
    let note = &mut |text: &str| output.note(text);
    let prepared = bulk::prepare::<R>(database, source, import, resumes, is_listed, note);
    let prepared = with_ticks(prepared, || progress.borrow_mut().reach(source.bytes_read())).await;
    source.if_unchanged(prepared)
}

/// Runs a future and calls `on_tick` at regular intervals meanwhile.
async fn with_ticks<T>(work: impl Future<Output = T>, mut on_tick: impl FnMut()) -> T {
    let mut work = std::pin::pin!(work);
    let mut ticks = tokio::time::interval(TICK);
    loop {
        tokio::select! {
            done = &mut work => return done,
            _ = ticks.tick() => on_tick(),
        }
    }
}

impl ImportArguments {
    /// The options of the import that the arguments determine.
    fn import<R: Row>(
        &self,
        context: &Context,
        stock: StockHandling,
        interpretation: Interpretation,
    ) -> Result<Import> {
        if self.currency.is_some() && R::COLUMNS.amounts.is_empty() {
            return Err(Error::usage(format!("--currency: {}s have no amounts", R::NOUN)));
        }
        let import = self.file.import::<R>(context)?;
        Ok(Import {
            interpretation: Interpretation {
                values: import.interpretation.values,
                currency: self.currency.clone(),
                ..interpretation
            },
            on_conflict: self.on_conflict,
            stock,
            batch_lines: self.batch,
            lists_changes: self.write.dry_run,
            ..import
        })
    }
}
