//! `order import --invoices`: invoice lines with numeric customers. Source of the columns: the Online
//! Retail data set, UCI Machine Learning Repository.

use std::collections::HashSet;
use std::fmt::Write;

use sea_orm::ConnectionTrait;

use super::interpretation;
use super::options::Import;
use super::order::{INVOICE_COLUMNS, OrderCheckState, OrderLine, OrderRow};
use super::parsed_cell::{MISSING, ParsedCell};
use super::position::Position;
use super::read::{Columns, Record};
use super::rejection::Rejection;
use super::row::{Applied, Row, Storable};
use super::spelling::KeySpellings;
use crate::domain::spreadsheet::is_error;
use crate::domain::{Email, EventName, OrderStatus, PersonName, ProductName, Reference, Sku};
use crate::error::Result;
use crate::service::operation::Operation;

/// An invoice: a past order whose missing user and products are created.
#[derive(Debug, Clone)]
pub struct InvoiceRow(OrderRow);

impl Row for InvoiceRow {
    const NOUN: &'static str = "order";
    const OPERATION: EventName = EventName::OrderImport;
    const COLUMNS: Columns = Columns {
        known: &["InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID"],
        ignored: &["Country"],
        required: &INVOICE_COLUMNS,
        needed: &INVOICE_COLUMNS,
        one_of: &[],
        texts: &["Description"],
        amounts: &["UnitPrice"],
        nested: None,
        other: None,
    };
    const KEY: &'static str = "InvoiceNo";
    const TIME: Option<&'static str> = Some("InvoiceDate");
    const IS_GROUPED: bool = true;

    fn clean(record: &mut Record) {
        record.replace("InvoiceNo", |text| whole_number(text.trim()).map(str::to_owned));
    }

    fn parse(record: &Record, import: &Import) -> InvoiceRow {
        let prefix = import.interpretation.cancellation_prefix.as_deref();
        let sku = ParsedCell::parse(record, "StockCode", Sku::parse);
        let name = match record.get("Description").map(one_line).filter(|name| !name.is_empty()) {
            Some(name) => ParsedCell { value: ProductName::parse(&name), text: name },
            None => ParsedCell { value: ProductName::parse(&sku.text), text: sku.text.clone() },
        };
        let line = OrderLine {
            at: record.at,
            sku,
            quantity: ParsedCell::parse(record, "Quantity", |text| match text.trim().starts_with('-') {
                true => Err("is a return without its original invoice".to_owned()),
                false => interpretation::quantity_parser(record.decimal_mark("Quantity"))(text),
            }),
            unit_price: Some(ParsedCell::parse(
                record,
                "UnitPrice",
                interpretation::price_parser(record.decimal_mark("UnitPrice")),
            )),
            total: None,
            new_product: Some(name),
        };
        let customer = ParsedCell::parse(record, "CustomerID", parse_customer);
        let new_user = customer.value.as_ref().ok().map(|(_, name)| name.clone());
        let user = match customer.value {
            Ok((email, _)) => ParsedCell { text: email.as_str().to_owned(), value: Ok(email) },
            Err(reason) => ParsedCell { text: customer.text, value: Err(reason) },
        };
        InvoiceRow(OrderRow {
            // Of one of its lines.
            id: None,
            is_in_milliseconds: record.is_in_milliseconds,
            reference: ParsedCell::parse(record, "InvoiceNo", |text| parse_number(text, prefix)),
            user,
            status: Some(ParsedCell {
                text: OrderStatus::Completed.as_str().to_owned(),
                value: Ok(OrderStatus::Completed),
            }),
            placed_at: Some(ParsedCell::parse(record, "InvoiceDate", |text| import.interpretation.time(text))),
            total: None,
            refunded: None,
            lines: vec![line],
            lacks_items: false,
            new_user,
        })
    }

    fn key(&self) -> &str {
        self.0.key()
    }

    fn identity(key: &str, keys: &KeySpellings) -> String {
        OrderRow::identity(key, keys)
    }

    fn problems(&self, at: Position, import: &Import) -> Vec<Rejection> {
        with_invoice_columns(self.0.problems(at, import))
    }

    /// The lines of one invoice may be a minute apart: the first counts.
    fn join(&mut self, next: InvoiceRow) -> Result<(), String> {
        if self.0.user.text != next.0.user.text {
            return Err("CustomerID differs between the lines of one invoice".to_owned());
        }
        self.0.append(next.0.lines)
    }

    fn lines(&self) -> usize {
        self.0.lines()
    }
}

impl Storable for InvoiceRow {
    type CheckState = OrderCheckState;

    async fn existing(
        connection: &impl ConnectionTrait,
        rows: &[(Position, InvoiceRow)],
        import: &Import,
    ) -> Result<HashSet<String>> {
        OrderRow::existing(connection, &orders(rows), import).await
    }

    async fn check(
        connection: &impl ConnectionTrait,
        rows: &[(Position, InvoiceRow)],
        import: &Import,
        state: &mut OrderCheckState,
    ) -> Result<Vec<(usize, Vec<Rejection>)>> {
        let refused = OrderRow::check(connection, &orders(rows), import, state).await?;
        Ok(refused.into_iter().map(|(position, wrong)| (position, with_invoice_columns(wrong))).collect())
    }

    async fn apply(operation: &mut Operation, rows: &[(Position, InvoiceRow)], import: &Import) -> Result<Applied> {
        let mut applied = OrderRow::apply(operation, &orders(rows), import).await?;
        for (_, wrong) in &mut applied.refused {
            *wrong = with_invoice_columns(std::mem::take(wrong));
        }
        Ok(applied)
    }
}

fn orders(rows: &[(Position, InvoiceRow)]) -> Vec<(Position, OrderRow)> {
    rows.iter().map(|(at, row)| (*at, row.0.clone())).collect()
}

/// Columns by their names in a file of invoices.
fn with_invoice_columns(wrong: Vec<Rejection>) -> Vec<Rejection> {
    let theirs = |column: String| match column.as_str() {
        "reference" => "InvoiceNo".to_owned(),
        "user" => "CustomerID".to_owned(),
        "created_at" => "InvoiceDate".to_owned(),
        "sku" => "StockCode".to_owned(),
        "name" => "Description".to_owned(),
        "quantity" => "Quantity".to_owned(),
        "unit_price" => "UnitPrice".to_owned(),
        _ => column,
    };
    wrong.into_iter().map(|wrong| Rejection { column: theirs(wrong.column), ..wrong }).collect()
}

fn parse_number(text: &str, cancellation_prefix: Option<&str>) -> Result<Reference, String> {
    match cancellation_prefix.is_some_and(|prefix| text.trim().starts_with(prefix)) {
        true => Err("is a cancellation without its original invoice".to_owned()),
        false => Reference::parse(text),
    }
}

/// What other programs write for no customer.
const NO_CUSTOMERS: [&str; 7] = ["nan", "null", "none", "n/a", "na", "-", "0"];

/// The digits of `17850.0`, which programs write if the column has empty cells.
fn whole_number(text: &str) -> Option<&str> {
    let digits = text.strip_suffix(".0")?;
    digits.bytes().all(|byte| byte.is_ascii_digit()).then_some(digits)
}

/// The user for a customer number: an e-mail address in a reserved domain (RFC 2606).
fn parse_customer(text: &str) -> Result<(Email, (PersonName, PersonName)), String> {
    let key = text.trim();
    let key = whole_number(key).unwrap_or(key);
    if NO_CUSTOMERS.contains(&key.to_lowercase().as_str()) || is_error(key) {
        return Err(MISSING.to_owned());
    }
    let name = (PersonName::parse("Customer")?, PersonName::parse(key)?);
    if key.contains('@') {
        return Ok((Email::parse(key)?, name));
    }
    let mut local = String::from("customer-");
    for byte in key.bytes() {
        // Characters that are invalid in an address are percent-encoded.
        let written = match byte {
            b'-' | b'_' => write!(local, "{}", char::from(byte)),
            byte if byte.is_ascii_alphanumeric() => write!(local, "{}", char::from(byte)),
            byte => write!(local, "%{byte:02X}"),
        };
        written.map_err(|_| "is not a customer key".to_owned())?;
    }
    let email = Email::parse(&format!("{local}@example.invalid"));
    Ok((email.map_err(|_| "is too long for a customer key".to_owned())?, name))
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_customer_key_becomes_a_distinct_address() {
        for (key, email) in [
            ("17850", "customer-17850@example.invalid"),
            ("17850.0", "customer-17850@example.invalid"),
            ("CG-12520", "customer-cg-12520@example.invalid"),
            ("A.B/7", "customer-a%2eb%2f7@example.invalid"),
            ("Ann@Example.com", "ann@example.com"),
        ] {
            assert_eq!(parse_customer(key).unwrap().0.as_str(), email);
        }
        for key in ["", "a@", &"9".repeat(90)] {
            assert!(parse_customer(key).is_err(), "{key} was accepted");
        }
    }
}
