//! The rows of other programs: a dry run is shown and asked about first.

use serde::Serialize;
use serde_json::{Value, json};

use super::Arguments;
use crate::cli::shared::confirm::Prompter;
use crate::cli::shared::effect::Effect;
use crate::cli::shared::mutation::finish;
use crate::context::Context;
use crate::domain::text::{counted, in_full, with_blanks};
use crate::error::{CommandLine, Hint, Result};
use crate::output::{Change, Mutation};
use crate::service::adopt::{self, Adoption, Counts, Repair, Told};

/// How many rows are named for people; JSON has more.
const SHOWN: usize = 20;

pub async fn run(context: &Context, prompter: &Prompter, arguments: &Arguments) -> Result<Effect> {
    let Arguments { answers, write, .. } = arguments;
    let database = context.database_for_operation().await?;
    let mut sets_totals = arguments.fix_totals;
    if !write.dry_run && (!answers.yes || context.config.protected) {
        let tried = adopt::run(&context.operations(&database, true), sets_totals).await?;
        if tried.count() > 0 || !tried.totals_of_zero.is_empty() {
            tell_rows(context, &tried);
            if !sets_totals && !tried.totals_of_zero.is_empty() {
                let orders = counted(tried.totals_of_zero.len(), "order");
                let question = format!("the total of {orders} is 0. Set it to the sum of the lines?");
                sets_totals = prompter.accepts(&question).await?;
            }
            let totals = if sets_totals { " and sets totals of 0" } else { "" };
            if tried.count() > 0 || sets_totals {
                let impact =
                    format!("this adopts {}{totals} in {}; the stock stays", summary(&tried), database.target());
                prompter.ask_permission(context, answers, write.dry_run, async || Ok(impact)).await?;
            }
        }
    }
    // The question may have taken longer than the time that a command has.
    let database = database.with_budget(database.budget().renewed());
    let adoption = adopt::run(&context.operations(&database, write.dry_run), sets_totals).await?;
    let repairs = adopt::find_repairs(database.connection()).await?;
    if write.dry_run {
        tell_rows(context, &adoption);
    }
    let effect = finish(context, &database, mutation(context, &adoption, &repairs, write.dry_run));
    tell_rest(context, &adoption, &repairs, sets_totals);
    Ok(effect)
}

/// `2 users, 1 product and 3 orders that another program wrote`
fn summary(adoption: &Adoption) -> String {
    let Adoption { users, products, orders, foreign_movements, .. } = adoption;
    let parts = [(users, "user"), (products, "product"), (orders, "order"), (foreign_movements, "stock movement")];
    let parts: Vec<String> = parts
        .into_iter()
        .filter(|(counts, _)| counts.all() > 0)
        .map(|(counts, noun)| counted(counts.all(), noun))
        .collect();
    match parts.as_slice() {
        [] => "nothing".to_owned(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// Names the rows, for people.
fn tell_rows(context: &Context, adoption: &Adoption) {
    for Told { entity, name, what } in adoption.rows.iter().take(SHOWN) {
        context.output.note(&format!("{entity} {}: {}", with_blanks(name), in_full(what)));
    }
    let count = adoption.count();
    if count > SHOWN as u64 {
        context.output.note(&format!("… and {} more", count - SHOWN as u64));
    }
}

fn mutation<'a>(
    context: &Context,
    adoption: &'a Adoption,
    repairs: &[Repair],
    dry_run: bool,
) -> Mutation<Change<AdoptedRows<'a>>> {
    let changed = adoption.count() > 0;
    let done = if dry_run { "would be adopted" } else { "adopted" };
    let movements = counted(adoption.movements, "movement");
    let line = match changed {
        false if adoption.left.is_empty() => {
            "nothing to adopt: every user, product, order and stock movement matches the audit trail".to_owned()
        }
        false => "nothing can be adopted until it is corrected".to_owned(),
        true => format!("{} {done}, with {movements}", summary(adoption)),
    };
    let repair = |repair: &Repair| json!({ "entity": repair.entity, "name": repair.name, "value": repair.value, "repair": rendered(context, repair) });
    let oversold = adoption.oversold.iter().map(|(sku, pieces)| json!({ "sku": sku, "units": pieces }));
    let removed = adoption.removed_movements.iter().map(|(sku, count)| json!({ "sku": sku, "movements": count }));
    let details = AdoptedRows {
        users: adoption.users,
        products: adoption.products,
        orders: adoption.orders,
        foreign_movements: adoption.foreign_movements,
        movements: adoption.movements,
        totals_set: adoption.totals_set,
        totals_of_zero: &adoption.totals_of_zero,
        oversold: oversold.collect(),
        removed_movements: removed.collect(),
        rows: &adoption.rows,
        left: &adoption.left,
        lost: &adoption.lost,
        repairs: repairs.iter().map(repair).collect(),
    };
    Mutation::new(line, "", Change { changed, dry_run, ..Change::default() }.with(details))
}

#[derive(Serialize)]
struct AdoptedRows<'a> {
    users: Counts,
    products: Counts,
    orders: Counts,
    foreign_movements: Counts,
    movements: u64,
    totals_set: u64,
    totals_of_zero: &'a [String],
    oversold: Vec<Value>,
    removed_movements: Vec<Value>,
    rows: &'a [Told],
    left: &'a [Told],
    lost: &'a [Told],
    repairs: Vec<Value>,
}

fn rendered(context: &Context, repair: &Repair) -> Option<String> {
    repair.way_out.as_ref().map(|way_out| way_out.render(context.output.aim()))
}

/// What remains to be decided by people.
fn tell_rest(context: &Context, adoption: &Adoption, repairs: &[Repair], sets_totals: bool) {
    let warn = |lines: Vec<String>| lines.iter().take(SHOWN).for_each(|line| context.output.warn(line));
    let oversold = adoption.oversold.iter().map(|(sku, pieces)| {
        let pieces = counted(*pieces, "unit");
        format!("another program oversold {pieces} of {}", with_blanks(sku))
    });
    warn(oversold.collect());
    let removed = adoption.removed_movements.iter().map(|(sku, count)| {
        format!("another program removed {} of {}", counted(*count, "stock movement"), with_blanks(sku))
    });
    warn(removed.collect());
    let told = |Told { entity, name, what }: &Told| format!("{entity} {}: {}", with_blanks(name), in_full(what));
    warn(adoption.left.iter().map(|left| format!("not adopted: {}", told(left))).collect());
    warn(adoption.lost.iter().map(told).collect());
    if !adoption.totals_of_zero.is_empty() {
        let orders = counted(adoption.totals_of_zero.len(), "order");
        let what = format!("the total of {orders} is 0 although there are lines: ");
        context.output.suggest(match sets_totals {
            true => Hint::from(what).and("it can be set once the status is valid"),
            false => Hint::from(what).and(CommandLine::new("adopt --fix-totals")),
        });
    }
    for repair in repairs.iter().take(SHOWN) {
        let what = format!("{} {} has {}", repair.entity, with_blanks(&repair.name), in_full(&repair.value));
        context.output.suggest(match &repair.way_out {
            Some(way_out) => Hint::from(format!("{what}: ")).and(way_out.clone()),
            None => Hint::from(what),
        });
    }
    let counts = [
        adoption.oversold.len(),
        adoption.removed_movements.len(),
        adoption.left.len(),
        adoption.lost.len(),
        repairs.len(),
    ];
    let more: usize = counts.iter().map(|count| count.saturating_sub(SHOWN)).sum();
    if more > 0 {
        let all = CommandLine::new("adopt --dry-run --json");
        context.output.suggest(Hint::from(format!("{more} more; to list them all: ")).and(all));
    }
}
