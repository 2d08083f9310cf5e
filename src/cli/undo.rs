//! `shopctl undo`: takes back an operation.

use std::collections::HashSet;

use clap::Args;
use serde::Serialize;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::shared::arguments::{AnswerArguments, WriteArguments, long_text, parse_id};
use super::shared::confirm::Prompter;
use super::shared::effect::Effect;
use super::shared::mutation::finish;
use super::shared::values::checked;
use crate::context::Context;
use crate::db::Database;
use crate::domain::text::{counted, in_columns};
use crate::domain::{Id, Zone};
use crate::error::{Result, printable};
use crate::output::{Cell, Change, Column, Format, Mutation, View};
use crate::service::undo::{self, RestoredValue, Undone};

/// Maximum number of values named in the question.
const NAMED: usize = 10;

#[derive(Debug, Args)]
#[command(
    after_help = "Undoes changes to prices, products, users, stock and pending orders. All rows get their earlier \
                  values or none do: if anything changed them since, it is named (exit 6). Stock changes back by the \
                  units moved. An undo is an operation too and can itself be undone. Payments, shipments, refunds, \
                  deletions and imports of users, products and orders cannot be undone.

Examples:
  shopctl undo 01a2099a-f92b-73dc-878a-58879510c016 --dry-run
  shopctl audit list --fields occurred_at,operation,name,operation_id,undoable
  shopctl undo 01a2099a-f92b-73dc-878a-58879510c016 --reason \"wrong column\""
)]
pub struct Arguments {
    /// Id of the operation or of one of its events
    #[arg(value_name = "OPERATION", value_parser = checked(parse_id))]
    operation: Uuid,
    /// Reason for the audit trail [default: the operation undone]
    #[arg(long, value_name = "TEXT", value_parser = long_text())]
    reason: Option<String>,
    #[command(flatten)]
    answers: AnswerArguments,
    #[command(flatten)]
    write: WriteArguments,
}

impl View for RestoredValue {
    const NOUN: &'static str = "values";
    const COLUMNS: &'static [Column<Self>] = &[
        Column::new("entity", "ENTITY", |view| view.entity.as_str().into()),
        Column::detail("id", "ID", |view| view.id.into()),
        Column::new("name", "NAME", |view| view.name.as_str().into()),
        Column::new("field", "FIELD", |view| view.field.as_str().into()),
        Column::new("now", "NOW", |view| cell(&view.now)),
        Column::new("then", "RESTORED", |view| cell(&view.then)),
    ];
}

/// A value of a document.
fn cell(value: &Value) -> Cell {
    match value {
        Value::String(text) => text.as_str().into(),
        Value::Null => Cell::Missing,
        number => number.as_i64().map_or_else(|| Cell::Json(number.clone()), Cell::Integer),
    }
}

/// What only this command reports.
#[derive(Debug, Serialize)]
struct TakenBack {
    /// The operation that was taken back.
    undone: Id,
    operation: String,
    rows: usize,
    values: Vec<Map<String, Value>>,
}

pub async fn run(context: &Context, prompter: &Prompter, arguments: &Arguments) -> Result<Effect> {
    let Arguments { operation, reason, answers, write } = arguments;
    let reason = reason.as_deref();
    context.output.check_fields::<RestoredValue>(&[])?;
    let database = context.database_for_operation().await?;
    if !write.dry_run && (!answers.yes || context.config.protected) {
        let tried = undo::run(&context.operations(&database, true), *operation, reason).await?;
        if tried.changed {
            let impact = impact(&tried, &database, &context.zone);
            prompter.ask_permission(context, answers, write.dry_run, async || Ok(impact)).await?;
        }
    }
    // The question may have taken longer than the time that a command has.
    let database = database.with_budget(database.budget().renewed());
    let undone = undo::run(&context.operations(&database, write.dry_run), *operation, reason).await?;
    if write.dry_run && matches!(context.output.format(), Format::Table | Format::Tsv) {
        context.output.list(&undone.values)?;
    }
    Ok(finish(context, &database, mutation(&undone, &context.zone, write.dry_run)))
}

/// `product.price of 2026-11-23 18:11 UTC by ann`
fn described(undone: &Undone, zone: &Zone) -> String {
    let target = &undone.target;
    let (operation, actor) = (target.operation.told(), printable(&target.actor));
    format!("{operation} of {} by {actor}", target.occurred_at.told_in(zone))
}

/// Describes the impact, with the first values: `this undoes …`.
fn impact(undone: &Undone, database: &Database, zone: &Zone) -> String {
    let value = |value: &RestoredValue| {
        let RestoredValue { entity, name, field, now, then, .. } = value;
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), printable);
        [
            entity.to_string(),
            printable(name),
            format!("{}:", printable(field)),
            format!("{} → {}", text(now), text(then)),
        ]
    };
    let shown = in_columns(undone.values.iter().take(NAMED).map(value), &[]);
    let more = match undone.values.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!("\n  and {more} more"),
    };
    let (what, count, target) = (described(undone, zone), counted(undone.values.len(), "value"), database.target());
    format!("this undoes {what} in {target}: {count}{shown}{more}")
}

fn mutation(undone: &Undone, zone: &Zone, dry_run: bool) -> Mutation<Change<TakenBack>> {
    let Undone { target, by, values, changed } = undone;
    let (what, count) = (described(undone, zone), counted(values.len(), "value"));
    let line = match (changed, dry_run) {
        (false, _) => format!("{what} was already undone, by operation {by}"),
        (true, true) => format!("{what} would be undone: {count}"),
        (true, false) => format!("{what} undone: {count}"),
    };
    let taken_back = TakenBack {
        undone: target.operation_id,
        operation: target.operation.to_string(),
        rows: values.iter().map(|value| value.id).collect::<HashSet<Id>>().len(),
        values: values.iter().map(View::to_json).collect(),
    };
    Mutation::new(line, by, Change { changed: *changed, dry_run, ..Change::default() }.with(taken_back))
}
