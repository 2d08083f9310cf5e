//! `shopctl order ship`: orders by name, or a file that says which order is in which parcel.

use std::io::{BufRead, BufReader, Read, Seek};
use std::path::Path;

use clap::Args;

use super::lifecycle::{self, MoveArguments};
use super::moved::mutation_of;
use crate::bulk::{
    FileFormat, OnError, Rejection, Rejections, Shipment, ShipmentRow, format_of, partial, read_shipments, refused,
    sorted,
};
use crate::cli::shared::arguments::one_of_words;
use crate::cli::shared::confirm::Prompter;
use crate::cli::shared::effect::Effect;
use crate::cli::shared::import::{ERRORS, ReadArguments, open_input, open_source};
use crate::cli::shared::mutation::{finish_each, outcome_verb};
use crate::cli::shared::values::checked;
use crate::context::Context;
use crate::db::{Access, Database};
use crate::domain::order_status::Verb;
use crate::domain::text::{counted, number_is};
use crate::domain::tracking::parse_tracking;
use crate::error::{Error, Result};
use crate::file::{is_standard_stream, unreadable};
use crate::service::order_lifecycle::{self as service, OrderTransition, TransitionResult};

/// Maximum length of a header, in bytes.
const HEADER_BYTES: u64 = 1_024;

#[derive(Debug, Args)]
pub struct ShipArguments {
    #[command(flatten)]
    moved: MoveArguments,
    /// Tracking number, kept in the audit trail
    #[arg(long, value_name = "NUMBER", value_parser = checked(parse_tracking))]
    tracking: Option<String>,
    /// Invalid lines of the file: reject-all or reject-rows [default: reject-all]
    #[arg(long, value_name = "WHAT", requires = "file", value_parser = one_of_words(ERRORS.into()), hide_possible_values = true)]
    on_error: Option<OnError>,
    #[command(flatten)]
    reading: ReadArguments,
}

impl ShipArguments {
    /// Whether its duration grows with a file.
    pub fn has_file(&self) -> bool {
        self.moved.batch.file.is_some()
    }
}

pub async fn run(context: &Context, prompter: &Prompter, arguments: &ShipArguments) -> Result<Effect> {
    let ShipArguments { moved, tracking, on_error, reading } = arguments;
    let (orders, batch) = (&moved.orders, &moved.batch);
    let names = match &batch.file {
        None => batch.names(context, orders, "order")?,
        Some(path) => {
            let mut file = open_input(context, path).await?;
            if let Some(format) = table_format(path, &mut file, reading)? {
                return ship_file(context, prompter, arguments, (path, format, file)).await;
            }
            batch.names_in(context, orders, "order", Some(file))?
        }
    };
    if on_error.is_some() || reading.is_any_given() {
        let flags = if on_error.is_some() { "--on-error is" } else { "flags for reading a file are" };
        return Err(Error::usage(format!("{flags} for a file with the columns reference and tracking")));
    }
    let mut request = moved.request_for(names, Verb::Ship);
    request.template.tracking.clone_from(tracking);
    lifecycle::run(context, prompter, request).await
}

/// The format of a file with columns, as its header or a flag says; `None` for one of names, one a line.
fn table_format(path: &Path, file: &mut std::fs::File, reading: &ReadArguments) -> Result<Option<FileFormat>> {
    let failed = |error: std::io::Error| unreadable(path, &error);
    let mut header = Vec::new();
    BufReader::new(&mut *file).take(HEADER_BYTES).read_until(b'\n', &mut header).map_err(failed)?;
    file.rewind().map_err(failed)?;
    let by_ending = || if is_standard_stream(path) { None } else { format_of(path, "order").ok() };
    let format = reading.format.or_else(by_ending);
    let is_json = matches!(format, Some(FileFormat::JsonLines | FileFormat::Json | FileFormat::MongoJson));
    let is_table = is_json || reading.is_any_given() || is_header(&String::from_utf8_lossy(&header));
    Ok(is_table.then_some(format.unwrap_or(FileFormat::Csv)))
}

/// Whether a line has several columns or names that of tracking numbers. No reference has a separator.
fn is_header(line: &str) -> bool {
    line.contains([',', ';', '\t', '|']) || line.to_lowercase().contains("tracking")
}

/// Ships the orders of a file in one operation.
///
/// Errors: exit 7 for rejected lines if nothing was shipped, exit 8 if the others were.
async fn ship_file(
    context: &Context,
    prompter: &Prompter,
    arguments: &ShipArguments,
    (path, format, file): (&Path, FileFormat, std::fs::File),
) -> Result<Effect> {
    let ShipArguments { moved, tracking, on_error, reading } = arguments;
    if tracking.is_some() || !moved.orders.is_empty() || moved.batch.fail_fast {
        return Err(Error::usage("a file with the columns reference and tracking gives all orders and numbers")
            .hint("leave out --tracking, --fail-fast and the orders"));
    }
    let on_error = on_error.unwrap_or(OnError::RejectAll);
    let import = reading.import::<ShipmentRow>(context, format, on_error)?;
    let source = open_source::<ShipmentRow>(context, path, file, &import)?;
    let database = context.database(Access::Write).await?;
    let read = read_shipments(&database, &source, &import, &mut |text| context.output.note(text)).await;
    let (mut shipments, mut rejected) = source.if_unchanged(read)?;
    let keeps_others = on_error == OnError::RejectRows;
    // A file that is rejected anyway is tried, so that all of its problems are told.
    let is_trial = !keeps_others && !rejected.is_empty();
    if !is_trial && !shipments.is_empty() {
        let impact = async || {
            let tried = together(context, &database, moved, &shipments, (true, true)).await?;
            Ok(impact(&database, &tried))
        };
        prompter.ask_permission(context, &moved.answers, moved.write.dry_run, impact).await?;
    }
    let how = (moved.write.dry_run || is_trial, keeps_others || is_trial);
    let results = together(context, &database, moved, &shipments, how).await?;
    let mut shipped = Vec::with_capacity(results.len());
    for (shipment, result) in std::mem::take(&mut shipments).into_iter().zip(results) {
        match result {
            Ok(result) => shipped.push(result),
            Err(error) => rejected.push(vec![Rejection::for_row(shipment.at, &shipment.name, error.message())]),
        }
    }
    let mut rejections = Rejections::new(false, format);
    sorted(rejected).into_iter().for_each(|row| rejections.add(row));
    if rejections.count > 0 && (!keeps_others || shipped.is_empty()) {
        return Err(refused::<ShipmentRow>(&rejections, shipped.len() as u64, &import));
    }
    let effect = report(context, &database, &shipped, (moved.write.dry_run, rejections.count));
    if rejections.count == 0 {
        return Ok(effect);
    }
    effect.note(&context.output);
    Err(partial::<ShipmentRow>(&rejections, &import))
}

/// Runs the shipments, or tries them.
async fn together(
    context: &Context,
    database: &Database,
    moved: &MoveArguments,
    shipments: &[Shipment],
    (dry_run, keeps_others): (bool, bool),
) -> Result<Vec<Result<TransitionResult>>> {
    let template = moved.template(Verb::Ship);
    let wanted = |shipment: &Shipment| OrderTransition {
        order: shipment.order.id.or_key(&shipment.order.reference),
        tracking: Some(shipment.tracking.clone()),
        ..template.clone()
    };
    let wanted: Vec<OrderTransition> = shipments.iter().map(wanted).collect();
    service::run_together(&context.operations(database, dry_run), Verb::Ship, &wanted, keeps_others).await
}

/// The numbers of orders that were shipped, whose tracking number was corrected, and that are unchanged.
fn counts<'a>(results: impl Iterator<Item = &'a TransitionResult>) -> [usize; 3] {
    let mut counts = [0; 3];
    for result in results {
        let is_shipped = result.before.status != result.after.status;
        counts[if is_shipped { 0 } else { 2 - usize::from(result.changed) }] += 1;
    }
    counts
}

/// `this marks 2 orders as shipped in … and corrects the tracking number of 1`
fn impact(database: &Database, tried: &[Result<TransitionResult>]) -> Option<String> {
    let [shipped, corrected, _] = counts(tried.iter().flatten());
    if shipped + corrected == 0 {
        return None;
    }
    let rejected = tried.iter().filter(|result| result.is_err()).count();
    let mut text = format!("this marks {} as shipped in {}", counted(shipped, "order"), database.target());
    if corrected > 0 {
        text += &format!(" and corrects the tracking number of {corrected}");
    }
    if rejected > 0 {
        text += &format!("; {} rejected", number_is(rejected));
    }
    Some(text)
}

/// Prints each order, and the counts on stderr.
fn report(
    context: &Context,
    database: &Database,
    shipped: &[TransitionResult],
    (dry_run, rejected): (bool, u64),
) -> Effect {
    let mutations: Vec<_> = shipped.iter().map(|result| mutation_of(result, Verb::Ship, dry_run)).collect();
    let effect = finish_each(context, database, mutations);
    let [sent, corrected, unchanged] = counts(shipped.iter());
    let orders = format!("{} {}", counted(sent, "order"), outcome_verb(dry_run, "shipped"));
    let rejected = if rejected > 0 { format!(", {rejected} rejected") } else { String::new() };
    context.output.note(&format!("{orders}, {corrected} corrected, {unchanged} unchanged{rejected}"));
    effect
}
