//! `order import`

mod compare;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use chrono::{DateTime, Utc};
use futures_util::future::join;
use sea_orm::ConnectionTrait;

use self::compare::{Beside, compare, find, of};
use super::given::Given;
use super::meaning;
use super::pass::ANOTHER_LINE;
use super::plan::{Import, OnConflict};
use super::position::Position;
use super::read::{Columns, NO_ITEMS, Record};
use super::rejection::Rejection;
use super::rejection::Wrong;
use super::row::{Applied, Counts, Made, Row, Storable};
use super::spelling::{Keys, folded_email};
use crate::domain::{
    Email, EventName, Id, Money, OrderStatus, PersonName, ProductName, Quantity, Reference, Sku, password,
};
use crate::entity::{Stored, product, user};
use crate::error::{Kind, Result, printable};
use crate::repository::{self, Lock};
use crate::service::operation::Operation;
use crate::service::place_order::{self, NewLine, NewOrder, Stock};
use crate::service::product::{apply_create_many, known_price};
use crate::service::user::stamped;

/// The columns of a file of invoices: if an order file has them, the flag was forgotten.
pub const INVOICE_COLUMNS: [&str; 6] = ["InvoiceNo", "StockCode", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID"];

/// Maximum number of lines of an order, because they are all in memory at once.
const MOST_LINES: usize = 5_000;

/// An order of a file: one line per item, or one record with nested items.
#[derive(Debug, Clone)]
pub struct OrderRow {
    pub reference: Given<Reference>,
    pub user: Given<Email>,
    pub status: Option<Given<OrderStatus>>,
    pub placed_at: Option<Given<DateTime<Utc>>>,
    /// The expected total.
    pub total: Option<Given<Money>>,
    pub lines: Vec<OrderLine>,
    /// Whether the list of items is empty, as in some stored orders.
    pub lacks_items: bool,
    /// The name for a user to create if none exists.
    pub new_user: Option<(PersonName, PersonName)>,
}

/// An item of an order of a file.
#[derive(Debug, Clone)]
pub struct OrderLine {
    pub at: Position,
    pub sku: Given<Sku>,
    pub quantity: Given<Quantity>,
    pub unit_price: Option<Given<Money>>,
    /// The name for a product to create if none exists.
    pub new_product: Option<Given<ProductName>>,
}

/// Maximum number of cached products; others are looked up each time.
const PRODUCTS_REMEMBERED: usize = 100_000;

/// State carried from one order to the next.
#[derive(Default)]
pub struct Memory {
    /// Products by SKU, each with its price.
    products: HashMap<String, (Id, Stored<Money>)>,
    /// The remaining stock of each product.
    left: HashMap<Id, i64>,
}

impl Row for OrderRow {
    const NOUN: &'static str = "order";
    const OPERATION: EventName = EventName::OrderImport;
    const COLUMNS: Columns = Columns {
        known: &["reference", "user", "status", "created_at", "sku", "quantity", "unit_price", "total_amount"],
        ignored: &["id", "user_id", "updated_at", "name", "product_id", "line_total"],
        required: &["reference", "user", "sku", "quantity"],
        texts: &[],
        amounts: &["unit_price", "total_amount"],
        nested: Some("items"),
        other: Some(("--invoices", &INVOICE_COLUMNS)),
    };
    const KEY: &'static str = "reference";
    const TIME: Option<&'static str> = Some("created_at");
    const IS_GROUPED: bool = true;

    fn parse(record: &Record, import: &Import) -> OrderRow {
        let own = std::slice::from_ref(record);
        let items = if record.items.is_empty() { own } else { record.items.as_slice() };
        OrderRow {
            reference: Given::of(record, "reference", Reference::parse),
            user: Given::of(record, "user", Email::parse),
            status: Given::of_cell(record, "status", parse_status),
            // If the file has times, an order without one is invalid: it would be dated today.
            placed_at: Given::of_column(record, "created_at", |text| import.meaning.time(text)),
            total: Given::of_cell(record, "total_amount", meaning::total(record.decimal_mark("total_amount"))),
            lines: items.iter().map(parse_line).collect(),
            lacks_items: record.items.is_empty() && record.has("items") && !record.has("sku"),
            new_user: None,
        }
    }

    fn key(&self) -> &str {
        &self.reference.text
    }

    fn identity(key: &str, keys: &Keys) -> String {
        keys.reference(key)
    }

    fn problems(&self, at: Position, import: &Import) -> Vec<Rejection> {
        let wrong = self.order(at, import).err().unwrap_or_default();
        wrong.into_iter().filter(|rejection| rejection.reason != ANOTHER_LINE).collect()
    }

    fn join(&mut self, next: OrderRow) -> Result<(), String> {
        fn differs<T>(one: Option<&Given<T>>, other: Option<&Given<T>>) -> bool {
            one.map(|given| &given.text) != other.map(|given| &given.text)
        }
        let differing = [
            ("user", folded_email(&self.user.text) != folded_email(&next.user.text)),
            ("status", differs(self.status.as_ref(), next.status.as_ref())),
            ("created_at", differs(self.placed_at.as_ref(), next.placed_at.as_ref())),
            // An export has it on the first line only.
            ("total_amount", next.total.is_some() && differs(self.total.as_ref(), next.total.as_ref())),
        ];
        if let Some((column, _)) = differing.into_iter().find(|(_, differs)| *differs) {
            return Err(format!("{column} differs between the lines of one order"));
        }
        self.append(next.lines)
    }

    fn lines(&self) -> usize {
        self.lines.len()
    }
}

impl Storable for OrderRow {
    type Memory = Memory;

    async fn existing(
        connection: &impl ConnectionTrait,
        rows: &[(Position, OrderRow)],
        import: &Import,
    ) -> Result<HashSet<String>> {
        let there = find(connection, rows.iter().map(|(_, row)| row), &import.keys, Lock::None).await?;
        let keys = rows.iter().map(|(_, row)| row.key()).filter(|key| of(&there, key, &import.keys).is_some());
        Ok(keys.map(str::to_owned).collect())
    }

    async fn check(
        connection: &impl ConnectionTrait,
        rows: &[(Position, OrderRow)],
        import: &Import,
        memory: &mut Memory,
    ) -> Result<Vec<(usize, Vec<Rejection>)>> {
        let orders: Vec<&OrderRow> = rows.iter().map(|(_, row)| row).collect();
        // Stock is read first, so that orders of a concurrent import are visible in the later query.
        memory.look_up(connection, &orders, import).await?;
        let (there, users) =
            join(compare(connection, &orders, &import.keys), users_of(connection, &orders, import)).await;
        let (there, users) = (there?, users?);
        let mut refused = Vec::new();
        for (position, ((at, row), beside)) in rows.iter().zip(there).enumerate() {
            let about = |reason: String| vec![Rejection::of_row(*at, row.key(), reason)];
            let wrong = match beside {
                Beside::New => match row.order(*at, import) {
                    Err(wrong) => Some(wrong),
                    Ok(order) => match row.without_product(&order, memory) {
                        Some(line) => {
                            let reason = format!("there is no product {}", printable(&line.sku.text));
                            Some(vec![Rejection::of_row(line.at, row.key(), reason)])
                        }
                        None => row.objection(&order, import, &users, memory).map(about),
                    },
                },
                // A row that another process has just created is left alone.
                _ if import.on_conflict != OnConflict::Update => None,
                Beside::Same => None,
                Beside::Differs(reason) => Some(about(reason)),
            };
            refused.extend(wrong.map(|wrong| (position, wrong)));
        }
        Ok(refused)
    }

    async fn apply(operation: &mut Operation, rows: &[(Position, OrderRow)], import: &Import) -> Result<Applied> {
        let mut applied = Applied::default();
        let orders: Vec<&OrderRow> = rows.iter().map(|(_, row)| row).collect();
        let there = compare(operation.handle(), &orders, &import.keys).await?;
        let mut new = Vec::new();
        for (position, ((at, row), beside)) in rows.iter().zip(there).enumerate() {
            match beside {
                Beside::New => match row.order(*at, import) {
                    Ok(order) => new.push(New { position, at: *at, row, order }),
                    Err(wrong) => applied.refused.push((position, wrong)),
                },
                _ if applied.leaves(position, *at, row, import) => {}
                Beside::Same => applied.counts.unchanged += 1,
                Beside::Differs(reason) => {
                    applied.refused.push((position, vec![Rejection::of_row(*at, row.key(), reason)]));
                }
            }
        }
        // All at once; if rejected, by bisection until the invalid one is found.
        let (mut objected, mut placed) = (Vec::new(), HashSet::new());
        let mut parts: Vec<_> = std::iter::once(0..new.len()).collect();
        while let Some(part) = parts.pop().filter(|part| !part.is_empty()) {
            let some = &new[part.clone()];
            // A concurrent write ends this attempt, and the next one finds it.
            match operation.savepoint(async |operation| place(operation, some, import).await).await? {
                Ok((counts, made)) => {
                    applied.counts.add(counts);
                    applied.made.extend(made);
                    placed.extend(some.iter().filter_map(|new| new.order.reference.as_ref()).map(Reference::as_str));
                }
                Err(error) if !matches!(error.kind(), Kind::Conflict | Kind::NotFound | Kind::Invalid) => {
                    return Err(error);
                }
                Err(error) if some.len() == 1 => {
                    let New { position, at, row, .. } = some[0];
                    applied.refused.push((position, vec![Rejection::of_row(at, row.key(), error.message())]));
                    objected.push(row);
                }
                Err(_) => {
                    let middle = part.start + part.len() / 2;
                    parts.extend([middle..part.end, part.start..middle]);
                }
            }
        }
        // A concurrent import may have created these orders with the missing stock.
        let there = find(operation.handle(), objected.into_iter(), &import.keys, Lock::Share).await?;
        if there.keys().any(|reference| !placed.contains(reference.as_str())) {
            return Err(operation.handle().outdated("somebody else has just made some of these orders").into());
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
        format!("is none of {known} (--map-value status:THEIRS=paid says what it means)")
    })
}

fn parse_line(item: &Record) -> OrderLine {
    OrderLine {
        at: item.at,
        sku: Given::of(item, "sku", Sku::parse),
        quantity: Given::of(item, "quantity", meaning::pieces(item.decimal_mark("quantity"))),
        unit_price: Given::of_cell(item, "unit_price", meaning::price(item.decimal_mark("unit_price"))),
        new_product: None,
    }
}

fn too_many() -> String {
    format!("has more than {MOST_LINES} lines")
}

impl OrderRow {
    /// Adds lines. Errors: if there are too many.
    pub fn append(&mut self, lines: Vec<OrderLine>) -> Result<(), String> {
        self.lines.extend(lines);
        if self.lines.len() > MOST_LINES { Err(too_many()) } else { Ok(()) }
    }

    /// The order to place. Errors: all problems of each line, and a note on each other line, since none of
    /// them is imported.
    fn order(&self, first: Position, import: &Import) -> Result<NewOrder, Vec<Rejection>> {
        let mut wrong = Vec::new();
        self.reference.take("reference", &mut wrong);
        let user = self.user.take("user", &mut wrong);
        if let Some(reason) = import.keys.ambiguous_email(&self.user.text) {
            wrong.push(Wrong { column: "user", value: self.user.text.clone(), reason });
        }
        let status = self.status.as_ref().and_then(|given| given.take("status", &mut wrong));
        let placed_at = self.placed_at.as_ref().and_then(|given| given.take("created_at", &mut wrong));
        let total = self.total.as_ref().and_then(|given| given.take("total_amount", &mut wrong));
        if self.lines.len() > MOST_LINES {
            wrong.push(Wrong { column: "items", value: String::new(), reason: too_many() });
        }
        if self.lacks_items {
            wrong.push(Wrong { column: "items", value: String::new(), reason: NO_ITEMS.to_owned() });
        }
        let mut rejections: Vec<Rejection> = wrong.into_iter().map(|wrong| wrong.at(first)).collect();
        let mut lines = Vec::with_capacity(self.lines.len());
        for line in self.lines.iter().filter(|_| !self.lacks_items) {
            let mut wrong = Vec::new();
            let (sku, quantity) = (line.sku.take("sku", &mut wrong), line.quantity.take("quantity", &mut wrong));
            if let Some(reason) = import.keys.ambiguous_sku(&line.sku.text) {
                wrong.push(Wrong { column: "sku", value: line.sku.text.clone(), reason });
            }
            let unit_price = line.unit_price.as_ref().and_then(|given| given.take("unit_price", &mut wrong)).copied();
            line.new_product.as_ref().map(|given| given.take("name", &mut wrong));
            rejections.extend(wrong.into_iter().map(|wrong| wrong.at(line.at)));
            if let (Some(_), Some(quantity)) = (sku, quantity) {
                lines.push(NewLine { product: import.keys.sku(&line.sku.text), quantity: *quantity, unit_price });
            }
        }
        let (Some(_), true) = (user, rejections.is_empty()) else { return Err(self.with_other_lines(rejections)) };
        Ok(NewOrder {
            reference: self.reference.value.as_ref().ok().cloned(),
            placed_at: placed_at.copied(),
            expected_total: total.copied(),
            status: status.copied().unwrap_or(OrderStatus::Pending),
            stock: import.stock,
            ..NewOrder::new(import.keys.email(&self.user.text), lines)
        })
    }

    fn with_other_lines(&self, mut rejections: Vec<Rejection>) -> Vec<Rejection> {
        let told: HashSet<Position> = rejections.iter().map(|rejection| rejection.at).collect();
        let others = self.lines.iter().map(|line| line.at).filter(|at| !told.contains(at));
        let others: BTreeSet<Position> = others.collect();
        rejections.extend(others.into_iter().map(|at| Rejection::of_row(at, self.key(), ANOTHER_LINE)));
        rejections
    }

    /// The first line whose product neither exists nor is to be created.
    fn without_product(&self, order: &NewOrder, memory: &Memory) -> Option<&OrderLine> {
        let mut lines = self.lines.iter().zip(&order.lines);
        let missing =
            lines.find(|(line, new)| line.new_product.is_none() && !memory.products.contains_key(&new.product));
        missing.map(|(line, _)| line)
    }

    /// The problems of a new order with existing products, as far as they can be checked in advance.
    fn objection(
        &self,
        order: &NewOrder,
        import: &Import,
        users: &HashMap<String, user::Model>,
        memory: &mut Memory,
    ) -> Option<String> {
        match users.get(&order.user) {
            None if self.new_user.is_some() => {}
            None => return Some(format!("there is no user {}", printable(&self.user.text))),
            Some(user) => {
                if let Err(error) = order.check_user(user) {
                    return Some(format!("{} (--stock skip for history)", error.message()));
                }
                if let Err(error) = repository::known_id("user", &user.email, user.id) {
                    return Some(error.message().to_owned());
                }
            }
        }
        let mut wanted = BTreeMap::<Id, i64>::new();
        for new in &order.lines {
            if let Some((id, _)) = memory.products.get(&new.product) {
                if let Err(error) = repository::known_id("product", &new.product, *id) {
                    return Some(error.message().to_owned());
                }
                *wanted.entry(*id).or_default() += i64::from(new.quantity.get());
            }
        }
        // A product to be created has the price of its line.
        let price_of = |sku: &str| match memory.products.get(sku) {
            Some((_, price)) => known_price(sku, price),
            None => Ok(Money::ZERO),
        };
        if let Err(error) = place_order::check_amounts(order, price_of) {
            return Some(error.message().to_owned());
        }
        if import.stock == Stock::Skip || order.status.restocks() {
            return None;
        }
        for line in &order.lines {
            let Some((id, _)) = memory.products.get(&line.product) else { continue };
            let left = memory.left.get(id).copied().unwrap_or(0);
            let need = wanted.get(id).copied().unwrap_or(0);
            if left < need {
                let sku = printable(&line.product);
                return Some(format!("{sku} has {left} in stock by then, {need} requested (--stock skip for history)"));
            }
        }
        for (id, pieces) in wanted {
            memory.left.entry(id).and_modify(|left| *left -= pieces);
        }
        None
    }
}

/// The users that orders name, by their stored addresses.
async fn users_of(
    connection: &impl ConnectionTrait,
    rows: &[&OrderRow],
    import: &Import,
) -> Result<HashMap<String, user::Model>> {
    let mut emails: Vec<String> = rows.iter().map(|row| import.keys.email(&row.user.text)).collect();
    emails.sort_unstable();
    emails.dedup();
    let emails: Vec<&str> = emails.iter().map(String::as_str).collect();
    let users = repository::user::find_by_emails(connection, &emails, Lock::None).await?;
    Ok(users.into_iter().map(|user| (user.email.clone(), user)).collect())
}

/// The stored SKUs that orders name, each once.
fn skus_of(rows: &[&OrderRow], import: &Import) -> Vec<String> {
    let mut written: Vec<&str> = rows.iter().flat_map(|row| &row.lines).map(|line| line.sku.text.as_str()).collect();
    written.sort_unstable();
    written.dedup();
    let mut skus: Vec<String> = written.into_iter().map(|sku| import.keys.sku(sku)).collect();
    skus.sort_unstable();
    skus.dedup();
    skus
}

impl Memory {
    /// Loads all existing products of these orders.
    async fn look_up(&mut self, connection: &impl ConnectionTrait, rows: &[&OrderRow], import: &Import) -> Result<()> {
        if self.products.len() > PRODUCTS_REMEMBERED {
            self.products.clear();
        }
        let mut skus = skus_of(rows, import);
        skus.retain(|sku| !self.products.contains_key(sku));
        let skus: Vec<&str> = skus.iter().map(String::as_str).collect();
        for product in repository::product::find_by_skus(connection, &skus, Lock::None).await? {
            self.left.entry(product.id).or_insert(product.stock_quantity.pieces());
            self.products.insert(product.sku, (product.id, product.price));
        }
        Ok(())
    }
}

/// Places new orders, all or none; returns what was created for them.
async fn place(operation: &mut Operation, new: &[New<'_>], import: &Import) -> Result<(Counts, Vec<Made>)> {
    let made = create_missing(operation, new, import).await?;
    let orders: Vec<NewOrder> = new.iter().map(|new| new.order.clone()).collect();
    let created = place_order::apply_all(operation, &orders).await?.len() as u64;
    let taking = orders.iter().filter(|order| order.takes_stock()).flat_map(|order| &order.lines);
    let taken = taking.map(|line| u64::from(line.quantity.get().unsigned_abs())).sum();
    Ok((Counts { created, taken, ..Counts::default() }, made))
}

/// Creates the missing users and products of orders.
async fn create_missing(operation: &mut Operation, new: &[New<'_>], import: &Import) -> Result<Vec<Made>> {
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
            new_users.entry(order.user.as_str()).or_insert_with(|| stamped(operation, new));
        }
        let missing = row.lines.iter().zip(&order.lines).filter(|(_, new)| !products.contains(new.product.as_str()));
        for (line, new) in missing {
            let name = line.new_product.as_ref().and_then(|given| given.value.clone().ok());
            let (Some(name), Ok(sku)) = (name, line.sku.value.clone()) else { continue };
            let price = new.unit_price.unwrap_or(Money::ZERO);
            new_products.entry(new.product.as_str()).or_insert_with(|| product::Model::new(&sku, &name, price));
        }
    }
    let users_made = new_users.keys().map(|email| Made::User((*email).to_owned()));
    let made = users_made.chain(new_products.keys().map(|sku| Made::Product((*sku).to_owned()))).collect();
    let (users, products): (Vec<_>, Vec<_>) = (new_users.into_values().collect(), new_products.into_values().collect());
    for change in repository::user::create_many(operation.handle(), &users).await? {
        operation.record(change);
    }
    apply_create_many(operation, products).await?;
    Ok(made)
}
