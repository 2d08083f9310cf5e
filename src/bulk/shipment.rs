//! The lines of `order ship -f FILE`: which order is in which parcel.

use std::collections::HashMap;

use super::import::read_all;
use super::options::Import;
use super::parsed_cell::ParsedCell;
use super::position::Position;
use super::read::{Columns, Record};
use super::rejection::Rejection;
use super::row::Row;
use super::row_reader::duplicate;
use super::source::Source;
use super::spelling::KeySpellings;
use crate::db::Database;
use crate::domain::tracking::parse_tracking;
use crate::domain::{EventName, Id, reference};
use crate::entity::order;
use crate::error::Result;
use crate::repository;

/// A line of a file.
#[derive(Debug, Clone)]
pub struct ShipmentRow {
    order: String,
    tracking: ParsedCell<String>,
}

impl Row for ShipmentRow {
    const NOUN: &'static str = "order";
    const VERB: (&'static str, &'static str) = ("ship", "shipped");
    const OPERATION: EventName = EventName::OrderShip;
    const KEY: &'static str = "reference";
    const COLUMNS: Columns = Columns {
        known: &["reference", "tracking"],
        ignored: &["id", "user", "user_id", "status", "total_amount", "refunded_amount", "created_at", "updated_at"],
        required: &["reference", "tracking"],
        needed: &["reference", "tracking"],
        one_of: &[],
        texts: &["tracking"],
        amounts: &[],
        nested: None,
        other: None,
    };

    fn parse(record: &Record, _import: &Import) -> ShipmentRow {
        let tracking = ParsedCell::parse(record, "tracking", parse_tracking);
        ShipmentRow { order: record.written("reference").trim().to_owned(), tracking }
    }

    fn key(&self) -> &str {
        &self.order
    }

    fn identity(key: &str, _keys: &KeySpellings) -> String {
        reference::folded(key)
    }
}

/// An order and its parcel.
#[derive(Debug, Clone)]
pub struct Shipment {
    /// The position of the line.
    pub at: Position,
    /// As it is written.
    pub name: String,
    /// The order that is meant.
    pub order: order::Model,
    /// The parcel's number.
    pub tracking: String,
}

/// Reads a whole file and finds its orders; returns the valid lines, and all problems of each other one. `note`
/// receives the notes on the file.
///
/// Errors: those of the file and of the database.
pub async fn read_shipments(
    database: &Database,
    source: &Source<'_>,
    import: &Import,
    note: &mut dyn FnMut(&str),
) -> Result<(Vec<Shipment>, Vec<Vec<Rejection>>)> {
    let (rows, mut rejected) = read_all::<ShipmentRow>(source, import, note).await?;
    let names: Vec<String> = rows.iter().map(|(_, row)| row.order.clone()).collect();
    let orders = repository::order::find_each_named(database.connection(), &names).await?;
    let (mut shipments, mut first) = (Vec::with_capacity(rows.len()), HashMap::<Id, Position>::new());
    for ((at, row), order) in rows.into_iter().zip(orders) {
        let mut wrong = Vec::new();
        let tracking = row.tracking.validated("tracking", &mut wrong).cloned();
        let mut wrong: Vec<Rejection> = wrong.into_iter().map(|problem| problem.at(at)).collect();
        let order = match order {
            Err(error) => Err(error.message().to_owned()),
            Ok(None) => Err("the order does not exist".to_owned()),
            Ok(Some(order)) => Ok(order),
        };
        match order {
            Err(reason) => wrong.insert(0, Rejection::for_row(at, &row.order, reason)),
            Ok(order) => match (first.get(&order.id), tracking) {
                (Some(first), _) => wrong.push(duplicate::<ShipmentRow>(at, &row.order, *first)),
                (None, Some(tracking)) if wrong.is_empty() => {
                    first.insert(order.id, at);
                    shipments.push(Shipment { at, name: row.order, order, tracking });
                }
                (None, _) => {}
            },
        }
        if !wrong.is_empty() {
            rejected.push(wrong);
        }
    }
    Ok((shipments, rejected))
}
