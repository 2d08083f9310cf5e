//! `order import --invoices`: invoice lines as many shops publish theirs, with customers that are
//! numbers. Source of the columns: the Online Retail data set, UCI Machine Learning Repository.

use std::collections::HashSet;

use chrono::{DateTime, NaiveDateTime, Utc};
use sea_orm::ConnectionTrait;

use super::import::{Applied, Import, Row, optional, required};
use super::order::{Memory, OrderLine, OrderRow};
use super::read::{Columns, Record};
use crate::domain::{Email, Money, OrderStatus, PersonName, ProductName, Quantity, Reference, Sku, Violations, moment};
use crate::error::Result;
use crate::service::operation::Operation;

/// An invoice: an order of the past whose user and products are made where they are not there.
#[derive(Debug, Clone)]
pub struct InvoiceRow(OrderRow);

/// How such files write a time, which is taken as UTC.
const TIMES: [&str; 3] = ["%m/%d/%Y %H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M"];

impl Row for InvoiceRow {
    const NOUN: &'static str = "order";
    const OPERATION: &'static str = "order.import";
    const COLUMNS: Columns = Columns {
        known: &["InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID"],
        ignored: &["Country"],
        required: &["InvoiceNo", "StockCode", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID"],
        nested: None,
    };
    const KEY: &'static str = "InvoiceNo";
    const IS_GROUPED: bool = true;
    type Memory = Memory;

    fn parse(record: &Record, violations: &mut Violations) -> Option<InvoiceRow> {
        let reference = required(record, violations, "InvoiceNo", parse_number);
        let customer = required(record, violations, "CustomerID", parse_customer);
        let placed_at = required(record, violations, "InvoiceDate", parse_time);
        let sku = required(record, violations, "StockCode", Sku::parse);
        let quantity = required(record, violations, "Quantity", parse_quantity);
        let price = record.amount("UnitPrice").unwrap_or_default();
        let price = violations.parse("UnitPrice", &price, Money::parse_price);
        let name = optional(record, violations, "Description", |text| ProductName::parse(&one_line(text)));
        let sku = sku?;
        let name = name.or_else(|| ProductName::parse(sku.as_str()).ok());
        let (email, new_user) = customer?;
        let line = OrderLine { sku, quantity: quantity?, unit_price: Some(price?), new_product: name };
        Some(InvoiceRow(OrderRow {
            reference: reference?,
            user: email,
            status: OrderStatus::Completed,
            placed_at: Some(placed_at?),
            total: None,
            lines: vec![line],
            new_user: Some(new_user),
        }))
    }

    fn key(&self) -> &str {
        self.0.key()
    }

    fn name(&self) -> String {
        self.0.name()
    }

    /// The lines of one invoice may be a minute apart: the first counts.
    fn join(&mut self, next: InvoiceRow) -> Result<(), String> {
        if self.0.user != next.0.user {
            return Err("CustomerID differs between the lines of one invoice".to_owned());
        }
        self.0.append(next.0.lines)
    }

    fn lines(&self) -> usize {
        self.0.lines()
    }

    async fn existing(connection: &impl ConnectionTrait, keys: &[&str]) -> Result<HashSet<String>> {
        OrderRow::existing(connection, keys).await
    }

    async fn check(
        connection: &impl ConnectionTrait,
        rows: &[(u64, InvoiceRow)],
        import: &Import,
        memory: &mut Memory,
    ) -> Result<Vec<(usize, String)>> {
        let rows: Vec<(u64, OrderRow)> = rows.iter().map(|(line, row)| (*line, row.0.clone())).collect();
        OrderRow::check(connection, &rows, import, memory).await
    }

    async fn apply(operation: &mut Operation, rows: &[InvoiceRow], import: &Import) -> Result<Applied> {
        let rows: Vec<OrderRow> = rows.iter().map(|row| row.0.clone()).collect();
        OrderRow::apply(operation, &rows, import).await
    }
}

fn parse_number(text: &str) -> Result<Reference, String> {
    match text.trim().starts_with(['C', 'c']) {
        true => Err("is a cancellation, which does not say what it cancels".to_owned()),
        false => Reference::parse(text),
    }
}

/// The user of a customer number: an address at which nobody is ever reached (RFC 2606).
fn parse_customer(text: &str) -> Result<(Email, (PersonName, PersonName)), String> {
    // Spreadsheets make 17850.0 of a column in which some are missing.
    let number = text.trim().trim_end_matches(".0");
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if !is_number {
        return Err("is no customer number".to_owned());
    }
    let email = Email::parse(&format!("customer-{number}@example.invalid"))?;
    Ok((email, (PersonName::parse("Customer")?, PersonName::parse(number)?)))
}

fn parse_time(text: &str) -> Result<DateTime<Utc>, String> {
    let known = TIMES.iter().find_map(|form| NaiveDateTime::parse_from_str(text.trim(), form).ok());
    match known {
        Some(time) => Ok(time.and_utc()),
        None => moment::parse(text).map_err(|_| "is no time such as 12/1/2010 8:26 or 2010-12-01 08:26:00".to_owned()),
    }
}

fn parse_quantity(text: &str) -> Result<Quantity, String> {
    match text.trim().starts_with('-') {
        true => Err("is a return, which does not say what it gives back".to_owned()),
        false => Quantity::parse(text),
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
