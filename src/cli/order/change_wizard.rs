//! The wizard of `order change`: it shows the lines of the order, asks for new quantities, and has the result reviewed
//! and confirmed. The answers are processed like flags.

use super::detail;
use super::view::line_total;
use crate::cli::shared::confirm::{self, Review};
use crate::cli::shared::picker::{Choice, Entry, Picker};
use crate::cli::shared::prompt::cancelled;
use crate::cli::shared::wizard::{
    ReviewedLine, SUGGESTIONS, argument_for, ask_until, check_in_stock, describe_user, note_command, product_entry,
    review_table,
};
use crate::context::Context;
use crate::domain::quantity::MAX_QUANTITY;
use crate::domain::{Quantity, SearchText, Sku};
use crate::entity::product;
use crate::error::{Cause, CommandLine, Result, printable};
use crate::repository::{Match, product as products};
use crate::service::change_order::{self, ChangedOrder, NewQuantity, OrderChange, ShownOrder};
use crate::service::operation::Operations;
use crate::service::place_order::PlacedOrder;

/// A product with its pieces in the order, before and after.
struct Line {
    product: product::Model,
    before: i64,
    after: i64,
}

/// Asks what to change, and calls `change` with the new quantities and the total that was confirmed. Pieces that were
/// sold meanwhile lead back to the questions.
///
/// Errors: those of the change, which is run and rolled back before the review; exit 10 for Escape at the first
/// question, the end of input or no, 130 for Ctrl-C.
pub async fn change_by_wizard(
    context: &Context,
    operations: &Operations,
    wanted: OrderChange,
    change: impl AsyncFn(&OrderChange) -> Result<ChangedOrder>,
) -> Result<ChangedOrder> {
    let order = change_order::rehearse(operations, &wanted).await?.after;
    let mut lines = lines_of(&order);
    let buyer = order.user.as_ref().map_or_else(|| "?".to_owned(), describe_user);
    let title = format!("order {} for {buyer}", printable(&order.order.reference));
    context.output.say(&format!("{title}\n{}", table(&order)));
    loop {
        while ask_product(context, operations, &mut lines).await? {}
        let wanted =
            OrderChange { lines: new_quantities(&lines), shown: Some(ShownOrder::of(&order)), ..wanted.clone() };
        let changed = async {
            let after =
                change_order::rehearse(operations, &wanted).await.inspect_err(|_| note(context, &wanted))?.after;
            context.output.say(&format!("\n{title}\n{}", table(&after)));
            let review = match operations.dry_run {
                true => Review::Accepted,
                false => confirm::review("Change this order?").await.inspect_err(|_| note(context, &wanted))?,
            };
            if review != Review::Accepted {
                return Ok(None);
            }
            note(context, &wanted);
            let total = after.order.total_amount.known();
            let confirmed = OrderChange { expected_total: wanted.expected_total.or(total), ..wanted.clone() };
            change(&confirmed).await.map(Some)
        };
        match changed.await {
            Ok(None) => {}
            Ok(Some(changed)) => return Ok(changed),
            Err(error) if error.is(Cause::Shortage) => {
                context.output.warn(error.message());
                read_again(operations, &mut lines).await?;
            }
            Err(error) => return Err(error),
        }
    }
}

/// Reads the products again, which another session has changed.
async fn read_again(operations: &Operations, lines: &mut [Line]) -> Result<()> {
    let names: Vec<String> = lines.iter().map(|line| line.product.id.to_string()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let found = products::find_named(operations.database.connection(), &names).await?;
    for line in lines {
        if let Some(product) = found.iter().find(|product| product.id == line.product.id) {
            line.product = product.clone();
        }
    }
    Ok(())
}

/// The lines that change.
fn new_quantities(lines: &[Line]) -> Vec<NewQuantity> {
    let changed = lines.iter().filter(|line| line.after != line.before);
    let quantity = |line: &Line| NewQuantity {
        product: argument_for(line.product.id, &line.product.sku, Sku::parse),
        quantity: Quantity::new(line.after).ok(),
    };
    changed.map(quantity).collect()
}

/// The products of an order with their pieces; not those that another program removed.
fn lines_of(order: &PlacedOrder) -> Vec<Line> {
    let mut lines = Vec::<Line>::new();
    for (item, product) in &order.items {
        let Some(product) = product else { continue };
        let pieces = item.quantity.pieces();
        match lines.iter_mut().find(|line| line.product.id == product.id) {
            Some(line) => (line.before, line.after) = (line.before + pieces, line.after + pieces),
            None => lines.push(Line { product: product.clone(), before: pieces, after: pieces }),
        }
    }
    lines
}

/// Asks for one product and its new quantity; returns `false` when that is all.
async fn ask_product(context: &Context, operations: &Operations, lines: &mut Vec<Line>) -> Result<bool> {
    let is_changed = lines.iter().any(|line| line.after != line.before);
    let connection = operations.database.connection();
    let find = async |text: &str, how: Match| -> Result<Vec<Entry<product::Model>>> {
        if text.is_empty() {
            return Ok(lines.iter().map(line_entry).collect());
        }
        let mut found = products::suggest(connection, text, how, SUGGESTIONS).await?;
        // Those are found though they are retired.
        let own = lines.iter().map(|line| &line.product).filter(|product| product.is_retired());
        let search = SearchText::new(text);
        found.extend(own.filter(|product| search.is_in(&[&product.sku, &product.name])).cloned());
        let entry = |product: product::Model| match lines.iter().find(|line| line.product.id == product.id) {
            Some(line) => line_entry(line),
            None => product_entry(product, None),
        };
        Ok(found.into_iter().map(entry).collect())
    };
    let (done, escape) = if is_changed { (Some("done"), "discard all changes") } else { (None, "cancel") };
    match (Picker { context, question: "product to change or add", done, escape }).pick(&find).await? {
        Choice::Selected(product) => {
            ask_quantity(context, lines, product).await?;
            Ok(true)
        }
        Choice::Done => Ok(false),
        Choice::Back if is_changed => {
            lines.iter_mut().for_each(|line| line.after = line.before);
            context.output.say("all changes discarded");
            Ok(true)
        }
        Choice::Back => Err(cancelled()),
    }
}

/// A line of the order as an entry of the picker.
fn line_entry(line: &Line) -> Entry<product::Model> {
    product_entry(line.product.clone(), Some(line.after))
}

/// Asks for the new quantity of a product; 0 removes it.
async fn ask_quantity(context: &Context, lines: &mut Vec<Line>, product: product::Model) -> Result<()> {
    let position = lines.iter().position(|line| line.product.id == product.id).unwrap_or(lines.len());
    if position == lines.len() {
        lines.push(Line { product, before: 0, after: 0 });
    }
    let line = &mut lines[position];
    let (sku, stock) = (printable(&line.product.sku), &line.product.stock_quantity);
    let proposed = if line.after == 0 { (line.before + stock.pieces()).clamp(0, 1) } else { line.after };
    let (label, proposed) =
        (format!("quantity of {sku}, {} in the order, {} in stock", line.after, stock.told()), proposed.to_string());
    let quantity = ask_until(context, (&label, Some(&proposed)), "back", |text| {
        let quantity = Quantity::parse_or_none(text)?.map_or(0, |quantity| i64::from(quantity.get()));
        check_in_stock(&line.product, line.before, quantity - line.before).map(|()| quantity)
    });
    let Some(quantity) = quantity.await? else { return Ok(()) };
    line.after = quantity.min(i64::from(MAX_QUANTITY));
    context.output.say(&format!("{sku}: {} before, {} now", line.before, line.after));
    Ok(())
}

/// The lines of an order with its total.
fn table(order: &PlacedOrder) -> String {
    let order = detail(order.clone());
    let lines = order.items.iter().map(|line| ReviewedLine {
        quantity: line.item.quantity.told(),
        price: line.item.unit_price.told(),
        amount: line_total(line).map_or_else(|| "?".to_owned(), |amount| amount.to_string()),
        sku: line.sku.as_deref().unwrap_or("?"),
        name: line.name.as_deref().unwrap_or("?"),
    });
    let pieces = order.items.iter().map(|line| line.item.quantity.pieces()).sum();
    review_table(&lines.collect::<Vec<_>>(), pieces, &order.order.total_amount.told())
}

/// Prints the command that changes the order without questions.
fn note(context: &Context, wanted: &OrderChange) {
    let command = CommandLine::again();
    note_command(
        context,
        wanted.lines.iter().fold(command, |command, line| match line.quantity {
            Some(quantity) => command.option("--item", &format!("{}:{quantity}", line.product)),
            None => command.option("--remove", &line.product),
        }),
    );
}
