//! What an order comes to, and its limits.

use std::collections::HashMap;

use serde_json::json;

use super::{NewLine, NewOrder};
use crate::domain::{Money, Quantity, Violations};
use crate::error::{CommandLine, Error, Hint, Result, printable};
use crate::service::order_lifecycle::check_refund_of_past_order;

/// The pieces and price of a line.
pub struct LineAmount<'a> {
    /// The product.
    pub sku: &'a str,
    /// Ordered pieces.
    pub quantity: Quantity,
    /// The price of one.
    pub price: Money,
}

/// The pieces of two lines of the same product.
///
/// Errors: exit 7 for too many.
pub(super) fn merged(sku: &str, one: Quantity, other: Quantity) -> Result<Quantity> {
    one.plus(other).map_err(|problem| Violations::single(&format!("quantity of {sku}"), problem).into_error())
}

/// Checks an order against the limits and its expected total before anything is written. `price_of` gives
/// the price of a product for lines without one.
///
/// Errors: as for placing it at these prices.
pub fn check_amounts(new: &NewOrder, price_of: impl Fn(&str) -> Result<Money>) -> Result<()> {
    let mut amounts = Vec::<LineAmount<'_>>::with_capacity(new.lines.len());
    let mut positions = HashMap::<(&str, Money), usize>::new();
    for NewLine { product, quantity, unit_price } in &new.lines {
        let price = unit_price.map_or_else(|| price_of(product), Ok)?;
        match positions.get(&(product.as_str(), price)) {
            Some(position) => {
                let amount = &mut amounts[*position];
                amount.quantity = merged(amount.sku, amount.quantity, *quantity)?;
            }
            None => {
                positions.insert((product, price), amounts.len());
                amounts.push(LineAmount { sku: product, quantity: *quantity, price });
            }
        }
    }
    check_refund_of_past_order(new.status, new.refunded, total(&amounts, new.expected_total)?)
}

/// The total of an order.
///
/// Errors: exit 7 if the total is too high; exit 6, listing the current prices, if it is not the expected
/// one.
pub fn total(lines: &[LineAmount<'_>], expected: Option<Money>) -> Result<Money> {
    let sum =
        lines.iter().try_fold(Money::ZERO, |sum, line| sum.checked_plus(line.price.checked_times(line.quantity)?));
    let Some(total) = sum else {
        return Err(Violations::single("total", format!("is more than {}", Money::MAX_TOTAL)).into_error());
    };
    let Some(expected) = expected.filter(|expected| *expected != total) else { return Ok(total) };
    let price = |line: &LineAmount<'_>| format!("{} × {} at {}", line.quantity, printable(line.sku), line.price);
    let prices: Vec<String> = lines.iter().map(price).collect();
    let message = format!("the total is {total}, not {expected} as expected: {}", prices.join(", "));
    Err(Error::conflict("order.total_changed", message)
        .hint(Hint::from("if that is right: ").and(CommandLine::again().option("--expect-total", &total.to_string())))
        .details(json!({ "total": total, "expected": expected })))
}
