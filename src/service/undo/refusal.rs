//! Why an operation is not taken back, and what to do instead.

use sea_orm::ConnectionTrait;
use serde_json::json;

use super::Recorded;
use crate::domain::{EntityKind, EventName, Id, Outcome};
use crate::entity::audit_event;
use crate::error::{CommandLine, Error, Hint, Result, printable};
use crate::repository;
use crate::service::settle::subject;

/// Maximum number of rows named in a message.
const NAMED: usize = 10;
/// Maximum number of events of a row that are looked through.
const EVENTS: u64 = 1_000;

/// A row that does not have the values that the operation left behind.
pub(super) struct MovedOn {
    pub entity: EntityKind,
    pub id: Id,
    /// The values that differ; empty if the row is gone.
    pub fields: Vec<&'static str>,
}

impl MovedOn {
    /// A row that is gone.
    pub(super) fn gone(entity: EntityKind, event: &Recorded) -> MovedOn {
        MovedOn { entity, id: event.id, fields: Vec::new() }
    }

    /// Whether an event set one of these values, or removed the row.
    fn is_by(&self, event: &audit_event::Model) -> bool {
        let (before, after) = event.documents();
        let is_set = |field: &&str| before[*field] != after[*field];
        event.outcome == Outcome::Succeeded && (after.is_null() || self.fields.iter().any(is_set))
    }
}

/// Exit 6 naming each row with the operation that changed it since.
pub(super) async fn moved_on(
    connection: &impl ConnectionTrait,
    target: &audit_event::Model,
    rows: &[MovedOn],
) -> Result<Error> {
    let (mut texts, mut details, mut later) = (Vec::new(), Vec::new(), Vec::new());
    for row in rows.iter().take(NAMED) {
        let events = repository::audit_event::find_by_entity(connection, row.entity, row.id, EVENTS).await?;
        let since = events.iter().rev().take_while(|event| event.operation_id != target.operation_id);
        let by = since.clone().find(|event| row.is_by(event));
        let name = events.last().map_or_else(|| format!("{} {}", row.entity, row.id), subject);
        let what = match row.fields.as_slice() {
            [] => "is gone".to_owned(),
            fields => format!("has another {}", fields.join(", ")),
        };
        texts.push(match by {
            Some(by) => format!("{name} {what} since {} {} of {}", by.operation, by.operation_id, by.occurred_at),
            None => format!("{name} {what}, by another program"),
        });
        details.push(json!({ "entity": row.entity, "id": row.id, "fields": row.fields,
            "operation": by.map(|by| &by.operation), "operation_id": by.map(|by| by.operation_id) }));
        later.extend(by.cloned());
    }
    let more = rows.len().checked_sub(NAMED).filter(|more| *more > 0).map(|more| format!("… and {more} more"));
    let message = match texts.as_slice() {
        [only] => only.clone(),
        _ => texts
            .into_iter()
            .chain(more)
            .fold(format!("{} rows have other values by now, nothing was written", rows.len()), |message, text| {
                format!("{message}\n  {text}")
            }),
    };
    let undoable = later.into_iter().find(|by| by.operation.known().is_some_and(EventName::is_undoable));
    let hint = undoable.map(|by| Hint::from("take that back first: ").and(undo(by.operation_id)));
    Ok(Error::conflict("undo.moved_on", message).hints_of(hint).details(json!({ "rows": details })))
}

fn undo(operation: Id) -> CommandLine {
    CommandLine::new("undo").argument(&operation.to_string())
}

/// Exit 6 for stocks that cannot move back: name, stock, pieces to add.
pub(super) fn not_in_stock(short: &[(String, i32, i64)]) -> Error {
    let text = |(name, stock, pieces): &(String, i32, i64)| {
        let name = printable(name);
        match pieces {
            ..0 => format!("{name} has {stock} in stock, {} to be taken", -pieces),
            _ => format!("{name} has {stock} in stock; {pieces} more cannot be counted"),
        }
    };
    let texts: Vec<String> = short.iter().take(NAMED).map(text).collect();
    let more = if short.len() > NAMED { "; …" } else { "" };
    let is_too_much = short.iter().all(|(_, _, pieces)| *pieces > 0);
    let code = if is_too_much { "stock.too_much" } else { "stock.insufficient" };
    let history = |(name, _, _): &(String, i32, i64)| CommandLine::new("stock history").argument(&printable(name));
    Error::conflict(code, format!("{}{more}", texts.join("; "))).hints_of(short.first().map(history))
}

/// Exit 6 for an operation that cannot be taken back.
pub(super) fn not_undoable(first: &audit_event::Model) -> Error {
    let (id, name) = (first.operation_id, printable(&first.operation.to_string()));
    if first.outcome == Outcome::Failed {
        return Error::conflict("undo.failed", format!("operation {id} ({name}) failed: it changed nothing"));
    }
    let (why, hint) = match first.operation.known() {
        Some(operation) => instead(operation, &first.name().unwrap_or_default()),
        None => ("this shopctl does not know it", None),
    };
    Error::conflict("undo.not_undoable", format!("{name} cannot be taken back: {why}")).hints_of(hint)
}

/// Why such an operation cannot be taken back, and what to do instead. `name` is the row's key.
fn instead(operation: EventName, name: &str) -> (&'static str, Option<Hint>) {
    use EventName::{
        Adopted, AuditSeal, AuditSettle, OrderCancel, OrderChange, OrderComplete, OrderExpire, OrderImport, OrderNote,
        OrderPay, OrderPlace, OrderReassign, OrderRefund, OrderRestock, OrderShip, ProductCreate, ProductDelete,
        ProductImport, ProductPrice, ProductRestore, ProductRetire, ProductUpdate, SeedDown, SeedGenerate, SeedUp,
        StockAccept, StockAdjust, StockImport, StockReceive, StockSet, Undo, UserAnonymize, UserCreate, UserDelete,
        UserDisable, UserEnable, UserImport, UserMerge, UserRehash, UserSetPassword, UserUpdate,
    };
    let command = |words: &str| Some(CommandLine::new(words).argument(&printable(name)).into());
    let with_value = |words: &str, value: &str| command(words).map(|hint: Hint| hint.and(format!(" {value}")));
    let plain = |words: &str| Some(CommandLine::new(words).into());
    match operation {
        Adopted | AuditSeal | AuditSettle => ("it only recorded what was so", None),
        OrderPay | OrderShip | OrderComplete => ("money or goods have moved", command("order refund")),
        OrderNote => ("an earlier note is set in the same way", with_value("order note", "TEXT")),
        OrderReassign => ("the order is given back in the same way", with_value("order reassign", "--user WHO")),
        OrderRefund => ("the money was given back", plain("order create")),
        OrderCancel | OrderExpire => ("the customer may know of it, and the pieces may be sold", plain("order create")),
        OrderPlace => ("it made something new", command("order cancel")),
        OrderRestock => (
            "the pieces are on the shelf",
            Some(Hint::from("if they are not: ").and(CommandLine::new("stock adjust SKU -N --reason correction"))),
        ),
        OrderImport => ("it made something new", plain("order cancel ORDER")),
        ProductCreate => ("it made something new", command("product delete")),
        ProductDelete => ("the row and what referred to it are gone", plain("product create")),
        ProductImport => ("it may have made something new", plain("product import FILE")),
        UserCreate => ("it made something new", command("user delete")),
        UserDelete => ("the row is gone, its password too", plain("user create")),
        UserImport => ("it may have made something new", plain("user import FILE")),
        UserAnonymize | UserMerge => ("the personal data was erased for good", None),
        UserRehash | UserSetPassword => ("no earlier password is kept", command("user set-password")),
        StockAccept => ("it recorded what another program did to the stock", command("stock adjust")),
        SeedDown | SeedGenerate | SeedUp => ("it is for development", plain("seed down")),
        OrderChange | ProductPrice | ProductRestore | ProductRetire | ProductUpdate | StockAdjust | StockImport
        | StockReceive | StockSet | Undo | UserDisable | UserEnable | UserUpdate => {
            ("an event of it is incomplete", None)
        }
    }
}
