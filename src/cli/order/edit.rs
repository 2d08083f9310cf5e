//! `shopctl order edit`

use std::fmt::Write as _;

use clap::Args;

use super::change::mutation_of;
use super::detail;
use crate::cli::shared::arguments::{WriteArguments, long_text};
use crate::cli::shared::confirm::Prompter;
use crate::cli::shared::editor::{edit, parse};
use crate::cli::shared::effect::Effect;
use crate::cli::shared::mutation::finish;
use crate::context::Context;
use crate::domain::{Id, Quantity, Violations, sku};
use crate::error::{Result, printable};
use crate::output::unknown_field;
use crate::repository::order::FullOrder;
use crate::service::change_order::{self, ChangedOrder, NewQuantity, OrderChange, ShownOrder};

const USER: &str = "user";
const ITEMS: &str = "items";

#[derive(Debug, Args)]
pub struct EditArguments {
    /// Reference or id of the order
    #[arg(value_name = "ORDER")]
    order: String,
    /// New note of the order, also for its stock movements
    #[arg(long, value_name = "TEXT", value_parser = long_text())]
    note: Option<String>,
    #[command(flatten)]
    write: WriteArguments,
}

/// A product with its pieces in the order, as the file names it.
struct Line {
    product: String,
    pieces: i64,
}

pub async fn run(context: &Context, prompter: &Prompter, arguments: &EditArguments) -> Result<Effect> {
    let operations = context.open_operations(arguments.write.dry_run).await?;
    let unchanged = OrderChange { note: arguments.note.clone(), ..OrderChange::of(arguments.order.clone()) };
    let shown = change_order::rehearse(&operations, &unchanged).await?;
    let unchanged = OrderChange { shown: Some(ShownOrder::of(&shown.after)), ..unchanged };
    let order = detail(shown.after.clone());
    let (lines, user) = (lines_of(&order), order.email.as_deref());
    let name = format!("order {}", printable(&order.order.reference));
    let head = format!(
        "# {name} of {}\n# Change quantities and add lines for new products. A product whose line is\n\
# deleted or set to 0 is removed.\n",
        printable(&operations.database.target().to_string())
    );
    let apply = async |text: &str| {
        let wanted = change_of(text, unchanged.clone(), &lines, user)?;
        change_order::run(&operations, &wanted, None).await
    };
    let changed = edit(context, prompter, (&name, &(head + &file_of(&order, &lines))), apply).await?;
    let changed = changed.unwrap_or(ChangedOrder { changed: false, ..shown });
    Ok(finish(context, &operations.database, mutation_of(changed, operations.dry_run)))
}

/// The products of an order, each once: by SKU, or by id if another program removed the product.
fn lines_of(order: &FullOrder) -> Vec<Line> {
    let mut lines = Vec::<(Id, Line)>::new();
    for item in &order.items {
        let (id, pieces) = (item.item.product_id, item.item.quantity.pieces());
        match lines.iter_mut().find(|(known, _)| *known == id) {
            Some((_, line)) => line.pieces += pieces,
            None => lines.push((id, Line { product: item.sku.clone().unwrap_or_else(|| id.to_string()), pieces })),
        }
    }
    lines.into_iter().map(|(_, line)| line).collect()
}

/// The file to edit.
fn file_of(order: &FullOrder, lines: &[Line]) -> String {
    let text = |value: &str| toml::Value::String(value.to_owned());
    let mut file = order.email.as_deref().map_or_else(String::new, |email| format!("{USER} = {}\n", text(email)));
    let _ = writeln!(file, "\n[{ITEMS}]");
    for Line { product, pieces } in lines {
        let _ = writeln!(file, "{} = {pieces}", text(product));
    }
    file
}

/// What a file changes in the order.
///
/// Errors: exit 7 for a file that is not TOML and for invalid quantities, all of them; exit 2 for an unknown field.
fn change_of(text: &str, unchanged: OrderChange, shown: &[Line], buyer: Option<&str>) -> Result<OrderChange> {
    let table = parse(text)?;
    if let Some(other) = table.keys().find(|name| ![USER, ITEMS].contains(&name.as_str())) {
        return Err(unknown_field(other, &[USER, ITEMS]));
    }
    let mut violations = Violations::new();
    let user = table.get(USER).and_then(|value| match value.as_str() {
        Some(user) => Some(user).filter(|user| Some(*user) != buyer).map(str::to_owned),
        None => {
            violations.add(USER, "must be a text in quotes");
            None
        }
    });
    let mut lines = Vec::new();
    match table.get(ITEMS).map(toml::Value::as_table) {
        None => {}
        Some(None) => violations.add(ITEMS, "must be a table of products with their quantities"),
        Some(Some(items)) => {
            for (product, quantity) in items {
                let quantity = quantity.as_str().map_or_else(|| quantity.to_string(), str::to_owned);
                let name = format!("{ITEMS}.{product}");
                let Some(quantity) = violations.parse(&name, &quantity, Quantity::parse_or_none) else { continue };
                let before = shown.iter().find(|line| is_same(&line.product, product)).map_or(0, |line| line.pieces);
                if before != quantity.map_or(0, |quantity| i64::from(quantity.get())) {
                    lines.push(NewQuantity { product: product.clone(), quantity });
                }
            }
            let is_left_out = |line: &&Line| !items.keys().any(|product| is_same(&line.product, product));
            let left_out = shown.iter().filter(is_left_out);
            lines.extend(left_out.map(|line| NewQuantity { product: line.product.clone(), quantity: None }));
        }
    }
    violations.into_result()?;
    Ok(OrderChange { lines, user, ..unchanged })
}

fn is_same(shown: &str, typed: &str) -> bool {
    sku::folded(shown) == sku::folded(typed)
}
