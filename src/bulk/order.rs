//! `order import`

mod compare;
mod line;
mod lookup;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use chrono::{DateTime, Utc};
use futures_util::future::join;
use sea_orm::ConnectionTrait;
use uuid::Uuid;

use self::compare::{Comparison, compare, find, find_named};
pub use self::line::OrderLine;
use self::line::parse_total;
pub use self::lookup::OrderCheckState;
use self::lookup::{find_holders, skus_of, users_of};
use super::options::{Import, OnConflict};
use super::parsed_cell::ParsedCell;
use super::position::Position;
use super::read::{Columns, NO_ITEMS, Nested, Record};
use super::rejection::{Problem, Rejection};
use super::row::{Applied, Counts, CreatedRow, Row, Storable};
use super::row_reader::OTHER_LINE_INVALID;
use super::spelling::{KeySpellings, folded_email};
use super::upsert::shared_key;
use crate::domain::{Email, EventName, Id, Money, OrderStatus, PersonName, Reference, password};
use crate::entity::{product, user};
use crate::error::{Kind, Result, printable};
use crate::repository::{self, Lock};
use crate::service::operation::Operation;
use crate::service::place_order::{self, NewLine, NewOrder, StockHandling};
use crate::service::product::{apply_create_many, known_price};
use crate::service::user::with_id_and_times;

/// The columns of a file of invoices: if an order file has them, the flag was forgotten.
pub const INVOICE_COLUMNS: [&str; 6] = ["InvoiceNo", "StockCode", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID"];

/// Maximum number of lines of an order, because they are all in memory at once.
const MAX_LINES: usize = 5_000;

/// An order of a file: one line per item, or one record with nested items.
#[derive(Debug, Clone)]
pub struct OrderRow {
    /// The id of a new order, where the file has one.
    pub id: Option<Uuid>,
    /// Whether its times have lost what is finer than milliseconds.
    pub is_in_milliseconds: bool,
    /// The natural key.
    pub reference: ParsedCell<Reference>,
    /// The buyer's e-mail address.
    pub user: ParsedCell<Email>,
    /// The status; pending if the file has none.
    pub status: Option<ParsedCell<OrderStatus>>,
    /// When it was placed; `None` (the time of the import) if the file has no such column.
    pub placed_at: Option<ParsedCell<DateTime<Utc>>>,
    /// The expected total.
    pub total: Option<ParsedCell<Money>>,
    /// What was given back; nothing, or all of a refunded order, if the file has none.
    pub refunded: Option<ParsedCell<Money>>,
    /// The items, in file order.
    pub lines: Vec<OrderLine>,
    /// Whether the list of items is empty, as in some stored orders.
    pub lacks_items: bool,
    /// The name for a user to create if none exists.
    pub new_user: Option<(PersonName, PersonName)>,
}

impl Row for OrderRow {
    const NOUN: &'static str = "order";
    const OPERATION: EventName = EventName::OrderImport;
    const COLUMNS: Columns = Columns {
        known: &[
            "reference",
            "user",
            "status",
            "created_at",
            "sku",
            "quantity",
            "unit_price",
            "line_total",
            "total_amount",
            "refunded_amount",
        ],
        ignored: &["id", "user_id", "updated_at", "name", "product_id"],
        required: &["reference", "user", "sku", "quantity"],
        needed: &["reference", "user", "sku", "quantity"],
        one_of: &[],
        texts: &[],
        amounts: &["unit_price", "line_total", "total_amount", "refunded_amount"],
        nested: Some(Nested { column: "items", own: &["sku", "quantity", "unit_price", "line_total"] }),
        other: Some(("--invoices", &INVOICE_COLUMNS)),
    };
    const KEY: &'static str = "reference";
    const TIME: Option<&'static str> = Some("created_at");
    const IS_GROUPED: bool = true;

    fn parse(record: &Record, import: &Import) -> OrderRow {
        let own = std::slice::from_ref(record);
        let items = if record.items.is_empty() { own } else { record.items.as_slice() };
        OrderRow {
            id: record.id,
            is_in_milliseconds: record.is_in_milliseconds,
            reference: ParsedCell::parse_key(record, "reference", Reference::parse),
            user: ParsedCell::parse(record, "user", Email::parse),
            status: ParsedCell::parse_non_empty(record, "status", parse_status),
            // If the file has times, an order without one is invalid: it would be dated today.
            placed_at: ParsedCell::parse_column(record, "created_at", |text| import.interpretation.time(text)),
            total: parse_total(record, "total_amount"),
            refunded: parse_total(record, "refunded_amount"),
            lines: items.iter().map(OrderLine::parse).collect(),
            lacks_items: record.items.is_empty() && record.has("items") && !record.has("sku"),
            new_user: None,
        }
    }

    fn key(&self) -> &str {
        &self.reference.text
    }

    fn identity(key: &str, keys: &KeySpellings) -> String {
        keys.reference(key)
    }

    fn problems(&self, at: Position, import: &Import) -> Vec<Rejection> {
        let wrong = self.order(at, import).err().unwrap_or_default();
        wrong.into_iter().filter(|rejection| rejection.reason != OTHER_LINE_INVALID).collect()
    }

    fn join(&mut self, mut next: OrderRow) -> Result<(), String> {
        fn differs<T>(one: Option<&ParsedCell<T>>, other: Option<&ParsedCell<T>>) -> bool {
            one.map(|cell| &cell.text) != other.map(|cell| &cell.text)
        }
        // Many exports have it on one line only.
        fn differs_if_both<T>(one: Option<&ParsedCell<T>>, other: Option<&ParsedCell<T>>) -> bool {
            one.is_some() && other.is_some() && differs(one, other)
        }
        let differing = [
            ("user", folded_email(&self.user.text) != folded_email(&next.user.text)),
            ("status", differs(self.status.as_ref(), next.status.as_ref())),
            ("created_at", differs(self.placed_at.as_ref(), next.placed_at.as_ref())),
            ("total_amount", differs_if_both(self.total.as_ref(), next.total.as_ref())),
            ("refunded_amount", differs_if_both(self.refunded.as_ref(), next.refunded.as_ref())),
        ];
        if let Some((column, _)) = differing.into_iter().find(|(_, differs)| *differs) {
            return Err(format!("{column} differs between the lines of one order"));
        }
        self.total = self.total.take().or(next.total.take());
        self.refunded = self.refunded.take().or(next.refunded.take());
        self.append(next.lines)
    }

    fn lines(&self) -> usize {
        self.lines.len()
    }
}

impl Storable for OrderRow {
    type CheckState = OrderCheckState;

    async fn existing(
        connection: &impl ConnectionTrait,
        rows: &[(Position, OrderRow)],
        import: &Import,
    ) -> Result<HashSet<String>> {
        let stored = find(connection, rows.iter().map(|(_, row)| row), &import.keys, Lock::None).await?;
        let keys =
            rows.iter().map(|(_, row)| row.key()).filter(|key| !find_named(&stored, key, &import.keys).is_empty());
        Ok(keys.map(str::to_owned).collect())
    }

    async fn check(
        connection: &impl ConnectionTrait,
        rows: &[(Position, OrderRow)],
        import: &Import,
        state: &mut OrderCheckState,
    ) -> Result<Vec<(usize, Vec<Rejection>)>> {
        let orders: Vec<&OrderRow> = rows.iter().map(|(_, row)| row).collect();
        // Stock is read first, so that orders of a concurrent import are visible in the later query.
        state.load_products(connection, &orders, import).await?;
        let (stored, users) =
            join(compare(connection, &orders, &import.keys), users_of(connection, &orders, import)).await;
        let (stored, users) = (stored?, users?);
        let holders = find_holders(connection, rows).await?;
        let mut refused = Vec::new();
        for (position, ((at, row), comparison)) in rows.iter().zip(stored).enumerate() {
            let about = |reason: String| vec![Rejection::for_row(*at, row.key(), reason)];
            let wrong = match comparison {
                Comparison::New => match row.order(*at, import) {
                    Err(wrong) => Some(wrong),
                    Ok(order) => match (holders.taken_id(row.id, row.key()), row.line_without_product(&order, state)) {
                        (Some(wrong), _) => Some(vec![wrong.at(*at)]),
                        (None, Some(line)) => {
                            let reason = format!("there is no product {}", printable(&line.sku.text));
                            Some(vec![Rejection::for_row(line.at, row.key(), reason)])
                        }
                        (None, None) => row.conflict(&order, import, &users, state).map(about),
                    },
                },
                // A row that another process has just created is left alone.
                _ if import.on_conflict != OnConflict::Update => None,
                Comparison::Same => None,
                Comparison::Differs(reason) => Some(about(reason)),
            };
            refused.extend(wrong.map(|wrong| (position, wrong)));
        }
        Ok(refused)
    }

    async fn apply(operation: &mut Operation, rows: &[(Position, OrderRow)], import: &Import) -> Result<Applied> {
        let mut applied = Applied::default();
        let orders: Vec<&OrderRow> = rows.iter().map(|(_, row)| row).collect();
        let stored = compare(operation.handle(), &orders, &import.keys).await?;
        let holders = find_holders(operation.handle(), rows).await?;
        let mut new = Vec::new();
        for (position, ((at, row), comparison)) in rows.iter().zip(stored).enumerate() {
            match comparison {
                Comparison::New => match row.order(*at, import) {
                    Ok(order) => match holders.taken_id(row.id, row.key()) {
                        Some(wrong) => applied.refused.push((position, vec![wrong.at(*at)])),
                        None => new.push(New { position, at: *at, row, order }),
                    },
                    Err(wrong) => applied.refused.push((position, wrong)),
                },
                _ if applied.skips_existing(position, *at, row, import) => {}
                Comparison::Same => applied.counts.unchanged += 1,
                Comparison::Differs(reason) => {
                    applied.refused.push((position, vec![Rejection::for_row(*at, row.key(), reason)]));
                }
            }
        }
        // All at once; if rejected, by bisection until the invalid one is found.
        let (mut objected, mut placed) = (Vec::new(), HashSet::new());
        let mut parts: Vec<_> = std::iter::once(0..new.len()).collect();
        while let Some(part) = parts.pop().filter(|part| !part.is_empty()) {
            let some = &new[part.clone()];
            // A concurrent write ends this attempt, and the next one finds it.
            match operation.savepoint(async |operation| place_all(operation, some, import).await).await? {
                Ok((counts, made)) => {
                    applied.counts.add(counts);
                    applied.created_rows.extend(made);
                    placed.extend(some.iter().filter_map(|new| new.order.reference.as_ref()).map(Reference::as_str));
                }
                Err(error) if !matches!(error.kind(), Kind::Conflict | Kind::NotFound | Kind::Invalid) => {
                    return Err(error);
                }
                Err(error) if some.len() == 1 => {
                    let New { position, at, row, .. } = some[0];
                    applied.refused.push((position, vec![Rejection::for_row(at, row.key(), error.message())]));
                    objected.push(row);
                }
                Err(_) => {
                    let middle = part.start + part.len() / 2;
                    parts.extend([middle..part.end, part.start..middle]);
                }
            }
        }
        // A concurrent import may have created these orders with the missing stock.
        let stored = find(operation.handle(), objected.into_iter(), &import.keys, Lock::Share).await?;
        if stored.keys().any(|reference| !placed.contains(reference.as_str())) {
            return Err(operation.handle().outdated("someone else has just created some of these orders").into());
        }
        Ok(applied)
    }
}

/// A row before validation.
struct New<'a> {
    position: usize,
    at: Position,
    row: &'a OrderRow,
    order: NewOrder,
}

/// Unambiguous status names of other shops.
const SYNONYMS: [(&str, OrderStatus); 2] = [("complete", OrderStatus::Completed), ("canceled", OrderStatus::Cancelled)];

fn parse_status(text: &str) -> Result<OrderStatus, String> {
    let word = text.trim().to_lowercase();
    let synonym = SYNONYMS.into_iter().find(|(theirs, _)| *theirs == word).map(|(_, status)| status);
    OrderStatus::from_stored(&word).or(synonym).ok_or_else(|| {
        let known = OrderStatus::ALL.map(OrderStatus::as_str).join(", ");
        format!("must be one of {known} (--map-value status:THEIRS=paid maps others)")
    })
}

fn too_many() -> String {
    format!("has more than {MAX_LINES} lines")
}

impl OrderRow {
    /// Adds lines. Errors: if there are too many.
    pub fn append(&mut self, lines: Vec<OrderLine>) -> Result<(), String> {
        self.lines.extend(lines);
        if self.lines.len() > MAX_LINES { Err(too_many()) } else { Ok(()) }
    }

    /// The order to place. Errors: all problems of each line, and a note on each other line, since none of
    /// them is imported.
    fn order(&self, first: Position, import: &Import) -> Result<NewOrder, Vec<Rejection>> {
        let mut wrong = Vec::new();
        self.reference.validated("reference", &mut wrong);
        let user = self.user.validated("user", &mut wrong);
        if let Some(reason) = import.keys.ambiguous_email(&self.user.text) {
            wrong.push(Problem { column: "user", value: self.user.text.clone(), reason });
        }
        let status = self.status.as_ref().and_then(|cell| cell.validated("status", &mut wrong));
        let placed_at = self.placed_at.as_ref().and_then(|cell| cell.validated("created_at", &mut wrong));
        let total = self.total.as_ref().and_then(|cell| cell.validated("total_amount", &mut wrong));
        let refunded = self.refunded.as_ref().and_then(|cell| cell.validated("refunded_amount", &mut wrong));
        if self.lines.len() > MAX_LINES {
            wrong.push(Problem { column: "items", value: String::new(), reason: too_many() });
        }
        if self.lacks_items {
            wrong.push(Problem { column: "items", value: String::new(), reason: NO_ITEMS.to_owned() });
        }
        let mut rejections: Vec<Rejection> = wrong.into_iter().map(|wrong| wrong.at(first)).collect();
        let mut lines = Vec::with_capacity(self.lines.len());
        for line in self.lines.iter().filter(|_| !self.lacks_items) {
            let mut wrong = Vec::new();
            let (sku, quantity) =
                (line.sku.validated("sku", &mut wrong), line.quantity.validated("quantity", &mut wrong));
            if let Some(reason) = import.keys.ambiguous_sku(&line.sku.text) {
                wrong.push(Problem { column: "sku", value: line.sku.text.clone(), reason });
            }
            let unit_price =
                line.unit_price.as_ref().and_then(|cell| cell.validated("unit_price", &mut wrong)).copied();
            let total = line.total.as_ref().and_then(|cell| cell.validated("line_total", &mut wrong)).copied();
            wrong.extend(line.wrong_total(total, quantity.copied(), unit_price));
            line.new_product.as_ref().map(|cell| cell.validated("name", &mut wrong));
            rejections.extend(wrong.into_iter().map(|wrong| wrong.at(line.at)));
            if let (Some(_), Some(quantity)) = (sku, quantity) {
                lines.push(NewLine { product: import.keys.sku(&line.sku.text), quantity: *quantity, unit_price });
            }
        }
        let (Some(_), true) = (user, rejections.is_empty()) else { return Err(self.with_other_lines(rejections)) };
        Ok(NewOrder {
            id: self.id.map(Id::from).unwrap_or_default(),
            reference: self.reference.value.as_ref().ok().cloned(),
            placed_at: placed_at.copied(),
            expected_total: total.copied(),
            refunded: refunded.copied(),
            status: status.copied().unwrap_or(OrderStatus::Pending),
            stock: import.stock,
            ..NewOrder::new(import.keys.email(&self.user.text), lines)
        })
    }

    fn with_other_lines(&self, mut rejections: Vec<Rejection>) -> Vec<Rejection> {
        let reported: HashSet<Position> = rejections.iter().map(|rejection| rejection.at).collect();
        let others = self.lines.iter().map(|line| line.at).filter(|at| !reported.contains(at));
        let others: BTreeSet<Position> = others.collect();
        rejections.extend(others.into_iter().map(|at| Rejection::for_row(at, self.key(), OTHER_LINE_INVALID)));
        rejections
    }

    /// The first line whose product neither exists nor is to be created.
    fn line_without_product(&self, order: &NewOrder, state: &OrderCheckState) -> Option<&OrderLine> {
        let mut lines = self.lines.iter().zip(&order.lines);
        let missing =
            lines.find(|(line, new)| line.new_product.is_none() && !state.products.contains_key(&new.product));
        missing.map(|(line, _)| line)
    }

    /// The problems of a new order with existing products, as far as they can be checked in advance.
    fn conflict(
        &self,
        order: &NewOrder,
        import: &Import,
        users: &HashMap<String, Vec<user::Model>>,
        state: &mut OrderCheckState,
    ) -> Option<String> {
        match users.get(&order.user).map(Vec::as_slice) {
            None | Some([]) if self.new_user.is_some() => {}
            None | Some([]) => return Some(format!("there is no user {}", printable(&self.user.text))),
            Some(several @ [_, _, ..]) => {
                return Some(format!("{} {}", printable(&self.user.text), shared_key(several.len(), "user")));
            }
            Some([user]) => {
                if let Err(error) = order.check_user(user) {
                    return Some(format!("{} (--stock skip for past orders)", error.message()));
                }
            }
        }
        if let Some((sku, count)) = order.lines.iter().find_map(|line| state.shared.get_key_value(&line.product)) {
            return Some(format!("{} {}", printable(sku), shared_key(*count, "product")));
        }
        let mut requested = BTreeMap::<Id, i64>::new();
        for new in &order.lines {
            if let Some((id, _)) = state.products.get(&new.product) {
                *requested.entry(*id).or_default() += i64::from(new.quantity.get());
            }
        }
        // A product to be created has the price of its line.
        let price_of = |sku: &str| match state.products.get(sku) {
            Some((_, price)) => known_price(sku, price),
            None => Ok(Money::ZERO),
        };
        if let Err(error) = place_order::check_amounts(order, price_of) {
            return Some(error.message().to_owned());
        }
        if let Some(reason) = self.lines.iter().zip(&order.lines).find_map(|(line, new)| line.unpriced(new, price_of)) {
            return Some(reason);
        }
        if import.stock == StockHandling::Skip || order.status.restocks() {
            return None;
        }
        for line in &order.lines {
            let Some((id, _)) = state.products.get(&line.product) else { continue };
            if let Some(reason) = state.retired.get(id) {
                return Some(format!("{reason} (--stock skip for past orders)"));
            }
            let left = state.left.get(id).copied().unwrap_or(0);
            let need = requested.get(id).copied().unwrap_or(0);
            if left < need {
                let sku = printable(&line.product);
                return Some(format!(
                    "{sku} would have {left} in stock by then, {need} requested (--stock skip for past orders)"
                ));
            }
        }
        for (id, pieces) in requested {
            state.left.entry(id).and_modify(|left| *left -= pieces);
        }
        None
    }
}

/// Places new orders, all or none; returns what was created for them.
async fn place_all(operation: &mut Operation, new: &[New<'_>], import: &Import) -> Result<(Counts, Vec<CreatedRow>)> {
    let made = create_missing(operation, new, import).await?;
    let orders: Vec<NewOrder> = new.iter().map(|new| new.order.clone()).collect();
    let created = place_order::apply_all(operation, &orders).await?.len() as u64;
    let taking = orders.iter().filter(|order| order.takes_stock()).flat_map(|order| &order.lines);
    let taken = taking.map(|line| u64::from(line.quantity.get().unsigned_abs())).sum();
    Ok((Counts { created, taken, ..Counts::default() }, made))
}

/// Creates the missing users and products of orders.
async fn create_missing(operation: &mut Operation, new: &[New<'_>], import: &Import) -> Result<Vec<CreatedRow>> {
    let rows: Vec<&OrderRow> = new.iter().map(|new| new.row).collect();
    if rows.iter().all(|row| row.new_user.is_none()) {
        return Ok(Vec::new());
    }
    let users = users_of(operation.handle(), &rows, import).await?;
    let skus = skus_of(&rows, import);
    let skus: Vec<&str> = skus.iter().map(String::as_str).collect();
    let products = repository::product::find_by_skus(operation.handle(), &skus, Lock::None).await?;
    let products: HashSet<&str> = products.iter().map(|product| product.sku.as_str()).collect();
    let mut new_users = BTreeMap::<&str, user::Model>::new();
    let mut new_products = BTreeMap::<&str, product::Model>::new();
    for New { row, order, .. } in new {
        if let (None, Some((first_name, last_name)), Ok(email)) =
            (users.get(&order.user), row.new_user.clone(), row.user.value.clone())
        {
            let new = user::Model::new(&email, &first_name, &last_name, password::UNUSABLE.to_owned());
            new_users.entry(order.user.as_str()).or_insert_with(|| with_id_and_times(operation, new));
        }
        let missing = row.lines.iter().zip(&order.lines).filter(|(_, new)| !products.contains(new.product.as_str()));
        for (line, new) in missing {
            let name = line.new_product.as_ref().and_then(|cell| cell.value.clone().ok());
            let (Some(name), Ok(sku)) = (name, line.sku.value.clone()) else { continue };
            let price = new.unit_price.unwrap_or(Money::ZERO);
            new_products.entry(new.product.as_str()).or_insert_with(|| product::Model::new(&sku, &name, price));
        }
    }
    let users_made = new_users.keys().map(|email| CreatedRow::User((*email).to_owned()));
    let made = users_made.chain(new_products.keys().map(|sku| CreatedRow::Product((*sku).to_owned()))).collect();
    let (users, products): (Vec<_>, Vec<_>) = (new_users.into_values().collect(), new_products.into_values().collect());
    for change in repository::user::create_many(operation.handle(), &users).await? {
        operation.record(change);
    }
    apply_create_many(operation, products).await?;
    Ok(made)
}
