//! `shopctl product price`, and the prices of `product show --prices`.

use clap::Args;

use super::FilterArguments;
use crate::cli::shared::arguments::{AnswerArguments, WriteArguments};
use crate::cli::shared::confirm::Prompter;
use crate::cli::shared::effect::Effect;
use crate::cli::shared::list::ListQuery;
use crate::cli::shared::mutation::{self, outcome_verb};
use crate::cli::shared::values::checked;
use crate::context::Context;
use crate::db::target::Target;
use crate::db::{Access, Database};
use crate::domain::price_change::{Ending, MaxChange, PriceChange, Repricing};
use crate::domain::text::{counted, in_columns};
use crate::domain::{Money, SearchText, Violations, price_history};
use crate::entity::product::Model;
use crate::error::{Error, Result, printable};
use crate::output::{Cell, Change, Mutation};
use crate::service::operation::Operations;
use crate::service::price::{self as service, NAMED, PriceChanges};
use crate::service::product::Changed;

/// The fields that `product show --prices` adds.
pub const HISTORY_FIELDS: &[&str] = &["lowest_30_days", "lowest_before_current", "prices"];

#[derive(Debug, Args)]
pub struct PriceArguments {
    /// SKUs or ids of the products
    #[arg(value_name = "PRODUCT")]
    products: Vec<String>,
    #[command(flatten)]
    filter: FilterArguments,
    /// Change all products that are not retired
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    change: ChangeArguments,
    /// Round to the nearest price that ends in CENTS, from 0.00 to 0.99
    #[arg(long, value_name = "CENTS", allow_hyphen_values = true, value_parser = checked(Ending::parse))]
    round: Option<Ending>,
    /// Change nothing if a price would change by more than this, e.g. 50%
    #[arg(long, value_name = "P%", allow_hyphen_values = true, value_parser = checked(MaxChange::parse))]
    max_change: Option<MaxChange>,
    #[command(flatten)]
    answers: AnswerArguments,
    #[command(flatten)]
    write: WriteArguments,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct ChangeArguments {
    /// Set this price
    #[arg(long, value_name = "AMOUNT", allow_hyphen_values = true, value_parser = checked(PriceChange::parse_to))]
    to: Option<PriceChange>,
    /// Change by an amount (+0.50, -2) or a percentage (+5%, -2.5%)
    #[arg(long, value_name = "±N|±P%", allow_hyphen_values = true, value_parser = checked(PriceChange::parse_by))]
    by: Option<PriceChange>,
}

impl PriceArguments {
    /// Errors: exit 2 unless products are selected in exactly one way: by name, by filter, or all.
    fn check_selection(&self) -> Result<()> {
        let ways = [!self.products.is_empty(), !self.filter.is_empty(), self.all];
        match ways.iter().filter(|is_given| **is_given).count() {
            1 => Ok(()),
            0 => Err(Error::usage("no product is given").hint("give products, filters as in product list, or --all")),
            _ => Err(Error::usage("products, filters and --all cannot be combined")),
        }
    }

    fn parse(&self, context: &Context) -> Result<PriceChanges> {
        self.check_selection()?;
        if self.filter.search.as_ref().is_some_and(SearchText::is_empty) {
            // A script's empty variable must not select the whole shop.
            return Err(Violations::single("--search", "must not be empty; use --all for all products").into_error());
        }
        self.filter.check(context)?;
        let Some(change) = self.change.to.or(self.change.by) else {
            return Err(Error::internal("neither --to nor --by"));
        };
        let repricing = Repricing { change, ending: self.round };
        // A single product is not previewed, so its price may change before the operation.
        Ok(PriceChanges { repricing, max_change: self.max_change, is_as_read: !self.is_single() })
    }

    /// Whether one product is named.
    fn is_single(&self) -> bool {
        self.products.len() == 1
    }
}

pub async fn price(context: &Context, prompter: &Prompter, arguments: &PriceArguments) -> Result<Effect> {
    let changes = arguments.parse(context)?;
    let database = context.database(Access::Write).await?;
    let products = match arguments.products.as_slice() {
        [] => {
            service::find_matching(database.connection(), &arguments.filter.filter(context, &database).await?).await?
        }
        names => service::find_named(database.connection(), names).await?,
    };
    if products.is_empty() {
        context.output.note("no product matches");
    }
    let dry_run = arguments.write.dry_run;
    // Invalid changes are rejected before the prompt.
    let prices = changes.plan(&products)?;
    let is_change = products.iter().zip(&prices).any(|(product, price)| product.price != *price);
    if products.len() > 1 && is_change {
        let impact = impact(database.target(), &products, &prices);
        prompter.ask_permission(context, &arguments.answers, dry_run, async || Ok(impact)).await?;
    }
    let operations = context.operations(&database, dry_run);
    let results = match products.is_empty() {
        true => Vec::new(),
        false => service::change(&operations, &products, &changes).await?,
    };
    let mutations: Vec<_> = results.iter().map(|result| mutation(&operations, result)).collect();
    Ok(mutation::finish_all(context, &operations, mutations, arguments.is_single(), ("price", "changed")))
}

fn prices(count: usize) -> String {
    counted(count, "price")
}

/// Describes the impact: `this changes 12 prices in …; 1 stays as it is: …`.
fn impact(target: &Target, products: &[Model], new_prices: &[Money]) -> String {
    let changing: Vec<(&Model, &Money)> =
        products.iter().zip(new_prices).filter(|(product, price)| product.price != **price).collect();
    let stay = match products.len() - changing.len() {
        0 => String::new(),
        1 => "; 1 stays as it is".to_owned(),
        count => format!("; {count} stay as they are"),
    };
    let row = |(product, price): &(&Model, &Money)| {
        [printable(&product.sku), product.price.to_string(), "→".to_owned(), price.to_string()]
    };
    let shown = in_columns(changing.iter().take(NAMED).map(row), &[1, 3]);
    let more = if changing.len() > NAMED { format!("\n  and {} more", changing.len() - NAMED) } else { String::new() };
    format!("this changes {} in {target}{stay}:{shown}{more}", prices(changing.len()))
}

fn mutation(operations: &Operations, result: &Changed) -> Mutation<Change> {
    let Changed { before, after, changed } = result;
    let sku = printable(&after.sku);
    let line = match changed {
        true => {
            format!("price of {sku} {}: {} → {}", outcome_verb(operations.dry_run, "set"), before.price, after.price)
        }
        false => format!("price of {sku} is already {}", after.price),
    };
    mutation::changed(operations, result, line)
}

/// The price history of a product, for [`HISTORY_FIELDS`].
pub async fn history(context: &Context, database: &Database, product: &Model) -> Result<Vec<(&'static str, Cell)>> {
    let events = service::history(database.connection(), product.id).await?;
    let mut steps: Vec<_> = events.iter().filter_map(service::PriceEvent::step).collect();
    steps.reverse();
    let sku = printable(&product.sku);
    match events.first() {
        Some(newest) if product.price != newest.price => context.output.warn(&format!(
            "another program changed the price of {sku}: it is {}, but the newest event says {}; the time is unknown",
            product.price, newest.price
        )),
        None => context.output.warn(&format!("another program created {sku}: its earlier prices are unknown")),
        Some(_) => {}
    }
    let now = product.price.known();
    let lowest = now.map(|price| price_history::lowest_until_now(&steps, price, context.clock.now()));
    let before = now.and_then(|price| price_history::lowest_before_current(&steps, price));
    let cells: [Cell; 3] = [lowest.into(), before.into(), Cell::nested(&events)];
    Ok(HISTORY_FIELDS.iter().copied().zip(cells).collect())
}
