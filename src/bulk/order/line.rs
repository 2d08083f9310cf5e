//! The lines of an order of a file, and what they cost.

use crate::bulk::interpretation;
use crate::bulk::parsed_cell::ParsedCell;
use crate::bulk::position::Position;
use crate::bulk::read::Record;
use crate::bulk::rejection::Problem;
use crate::domain::{Money, ProductName, Quantity, Sku};
use crate::error::{Result, printable};
use crate::service::place_order::NewLine;

/// An item of an order of a file.
#[derive(Debug, Clone)]
pub struct OrderLine {
    pub at: Position,
    pub sku: ParsedCell<Sku>,
    pub quantity: ParsedCell<Quantity>,
    pub unit_price: Option<ParsedCell<Money>>,
    /// The expected price of all its units.
    pub total: Option<ParsedCell<Money>>,
    /// The name for a product to create if none exists.
    pub new_product: Option<ParsedCell<ProductName>>,
}

impl OrderLine {
    pub fn parse(item: &Record) -> OrderLine {
        OrderLine {
            at: item.at,
            sku: ParsedCell::parse(item, "sku", Sku::parse),
            quantity: ParsedCell::parse(
                item,
                "quantity",
                interpretation::quantity_parser(item.decimal_mark("quantity")),
            ),
            unit_price: ParsedCell::parse_non_empty(
                item,
                "unit_price",
                interpretation::price_parser(item.decimal_mark("unit_price")),
            ),
            total: parse_total(item, "line_total"),
            new_product: None,
        }
    }

    /// The problem of a total that is not that of its units.
    pub fn wrong_total(
        &self,
        total: Option<Money>,
        quantity: Option<Quantity>,
        price: Option<Money>,
    ) -> Option<Problem> {
        let (own, units) = (total?, price?.checked_times(quantity?));
        let reason = || match units {
            Some(units) => format!("must be quantity × unit_price, {units}"),
            None => "must be quantity × unit_price".to_owned(),
        };
        let value = self.total.as_ref().map_or_else(String::new, |cell| cell.text.clone());
        (units != Some(own)).then(|| Problem { column: "line_total", value, reason: reason() })
    }

    /// Why a line with a total needs a price: its units cost something else today.
    pub fn unpriced(&self, new: &NewLine, price_of: impl Fn(&str) -> Result<Money>) -> Option<String> {
        let (None, Some(Ok(own))) = (new.unit_price, self.total.as_ref().map(|cell| &cell.value)) else { return None };
        let price = price_of(&new.product).ok()?;
        (price.checked_times(new.quantity) != Some(*own)).then(|| {
            let sku = printable(&new.product);
            format!(
                "line_total {own} is not {} × {price}, the price of {sku} today: add the column unit_price",
                new.quantity
            )
        })
    }
}

/// A total that the file expects.
pub fn parse_total(record: &Record, column: &str) -> Option<ParsedCell<Money>> {
    ParsedCell::parse_non_empty(record, column, interpretation::total_parser(record.decimal_mark(column)))
}
