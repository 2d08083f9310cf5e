//! `order import`

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{DateTime, Utc};
use futures_util::future::join3;
use sea_orm::ConnectionTrait;
use uuid::Uuid;

use super::import::{Applied, Counts, Import, Row, optional, required};
use super::read::{Columns, Record};
use crate::domain::{
    Email, Money, OrderStatus, PersonName, ProductName, Quantity, Reference, Sku, Violations, moment, password,
};
use crate::entity::{Moment, order, user};
use crate::error::{Error, Kind, Result, printable};
use crate::repository::order::ItemWithProduct;
use crate::repository::{self, Lock};
use crate::service::operation::Operation;
use crate::service::place_order::{self, NewLine, NewOrder, Stock};
use crate::service::product::{NewProduct, apply_create_many};
use crate::service::user::{NewUser, model};

/// Lines of the largest order: all of them are in memory at once.
const MOST_LINES: usize = 5_000;

/// An order of a file: one line for each item, or one record with items of its own.
#[derive(Debug, Clone)]
pub struct OrderRow {
    pub reference: Reference,
    pub user: Email,
    pub status: OrderStatus,
    pub placed_at: Option<DateTime<Utc>>,
    /// What it has to come to.
    pub total: Option<Money>,
    pub lines: Vec<OrderLine>,
    /// The name of a user who is to be made if there is none.
    pub new_user: Option<(PersonName, PersonName)>,
}

/// An item of an order of a file.
#[derive(Debug, Clone)]
pub struct OrderLine {
    pub sku: Sku,
    pub quantity: Quantity,
    pub unit_price: Option<Money>,
    /// The name of a product that is to be made if there is none.
    pub new_product: Option<ProductName>,
}

/// So many products are remembered; the others are looked up each time.
const PRODUCTS_REMEMBERED: usize = 100_000;

/// What the orders so far tell about the next.
#[derive(Default)]
pub struct Memory {
    /// Products by SKU.
    products: HashMap<String, Uuid>,
    /// What is left of each product's stock.
    left: HashMap<Uuid, i64>,
}

impl Row for OrderRow {
    const NOUN: &'static str = "order";
    const OPERATION: &'static str = "order.import";
    const COLUMNS: Columns = Columns {
        known: &["reference", "user", "status", "created_at", "sku", "quantity", "unit_price", "total_amount"],
        ignored: &["id", "user_id", "updated_at", "name", "product_id", "line_total"],
        required: &["reference", "user", "sku", "quantity"],
        nested: Some("items"),
    };
    const KEY: &'static str = "reference";
    const IS_GROUPED: bool = true;
    type Memory = Memory;

    fn parse(record: &Record, violations: &mut Violations) -> Option<OrderRow> {
        let reference = required(record, violations, "reference", Reference::parse);
        let user = required(record, violations, "user", Email::parse);
        let status = optional(record, violations, "status", parse_status);
        let placed_at = optional(record, violations, "created_at", moment::parse);
        let total =
            record.amount("total_amount").and_then(|text| violations.parse("total_amount", &text, Money::parse_total));
        let own = std::slice::from_ref(record);
        let items = if record.items.is_empty() { own } else { record.items.as_slice() };
        if items.len() > MOST_LINES {
            violations.add("items", too_many());
        }
        let lines: Option<Vec<OrderLine>> = items.iter().map(|item| parse_line(item, violations)).collect();
        Some(OrderRow {
            reference: reference?,
            user: user?,
            status: status.unwrap_or(OrderStatus::Pending),
            placed_at,
            total,
            lines: lines?,
            new_user: None,
        })
    }

    fn key(&self) -> &str {
        self.reference.as_str()
    }

    fn name(&self) -> String {
        self.reference.to_string()
    }

    fn join(&mut self, next: OrderRow) -> Result<(), String> {
        let differing = [
            ("user", self.user != next.user),
            ("status", self.status != next.status),
            ("created_at", self.placed_at != next.placed_at),
            // Exports have it on one line of each order.
            ("total_amount", next.total.is_some_and(|total| self.total.is_some_and(|known| known != total))),
        ];
        if let Some((column, _)) = differing.into_iter().find(|(_, differs)| *differs) {
            return Err(format!("{column} differs between the lines of one order"));
        }
        self.total = self.total.or(next.total);
        self.append(next.lines)
    }

    fn lines(&self) -> usize {
        self.lines.len()
    }

    async fn existing(connection: &impl ConnectionTrait, keys: &[&str]) -> Result<HashSet<String>> {
        let found = repository::order::find_by_references(connection, keys).await?;
        Ok(found.into_iter().map(|order| order.reference).collect())
    }

    async fn check(
        connection: &impl ConnectionTrait,
        rows: &[(u64, OrderRow)],
        import: &Import,
        memory: &mut Memory,
    ) -> Result<Vec<(usize, String)>> {
        let orders: Vec<&OrderRow> = rows.iter().map(|(_, row)| row).collect();
        let (there, users, known) =
            join3(compare(connection, &orders), users_of(connection, &orders), memory.look_up(connection, &orders))
                .await;
        let (there, users) = (there?, users?);
        known?;
        let mut refused = Vec::new();
        for (position, row) in orders.into_iter().enumerate() {
            let reason = match there.get(row.key()) {
                Some(difference) => difference.clone(),
                None => row.objection(import.stock, &users, memory),
            };
            refused.extend(reason.map(|reason| (position, reason)));
        }
        Ok(refused)
    }

    async fn apply(operation: &mut Operation, rows: &[OrderRow], import: &Import) -> Result<Applied> {
        let mut applied = Applied::default();
        let there = compare(operation.handle(), &rows.iter().collect::<Vec<_>>()).await?;
        let mut new = Vec::new();
        for (position, row) in rows.iter().enumerate() {
            match there.get(row.key()) {
                None => new.push(position),
                Some(None) => applied.counts.unchanged += 1,
                Some(Some(reason)) => applied.refused.push((position, Error::conflict("order.differs", reason))),
            }
        }
        // All at once; where the shop refuses, in halves, until it is known which of them it was.
        let mut parts: Vec<_> = std::iter::once(0..new.len()).collect();
        while let Some(part) = parts.pop().filter(|part| !part.is_empty()) {
            let some: Vec<&OrderRow> = new[part.clone()].iter().map(|position| &rows[*position]).collect();
            match operation.savepoint(async |operation| place(operation, &some, import.stock).await).await? {
                Ok(counts) => applied.counts.add(counts),
                Err(error) if !matches!(error.kind(), Kind::Conflict | Kind::NotFound | Kind::Invalid) => {
                    return Err(error);
                }
                Err(error) if part.len() == 1 => applied.refused.push((new[part.start], error)),
                Err(_) => {
                    let middle = part.start + part.len() / 2;
                    parts.extend([middle..part.end, part.start..middle]);
                }
            }
        }
        Ok(applied)
    }
}

fn parse_status(text: &str) -> Result<OrderStatus, String> {
    OrderStatus::from_stored(text.trim()).ok_or_else(|| {
        let known = OrderStatus::ALL.map(OrderStatus::as_str).join(", ");
        format!("is none of {known}")
    })
}

fn parse_line(item: &Record, violations: &mut Violations) -> Option<OrderLine> {
    let sku = required(item, violations, "sku", Sku::parse);
    let quantity = required(item, violations, "quantity", Quantity::parse);
    let unit_price = item.amount("unit_price").map(|text| violations.parse("unit_price", &text, Money::parse_price));
    Some(OrderLine { sku: sku?, quantity: quantity?, unit_price: unit_price.flatten(), new_product: None })
}

fn too_many() -> String {
    format!("has more than {MOST_LINES} lines")
}

impl OrderRow {
    /// Takes in more lines. Errors: when there are too many, or one product has two prices.
    pub fn append(&mut self, lines: Vec<OrderLine>) -> Result<(), String> {
        for line in lines {
            let other = self.lines.iter().find(|other| other.sku == line.sku && other.unit_price != line.unit_price);
            if other.is_some() {
                return Err(format!("the price of {} differs between the lines of one order", line.sku.as_str()));
            }
            self.lines.push(line);
        }
        if self.lines.len() > MOST_LINES { Err(too_many()) } else { Ok(()) }
    }

    fn order(&self, stock: Stock) -> NewOrder {
        let line = |line: &OrderLine| NewLine {
            product: line.sku.as_str().to_owned(),
            quantity: line.quantity,
            unit_price: line.unit_price,
        };
        NewOrder {
            reference: Some(self.reference.clone()),
            placed_at: self.placed_at,
            expected_total: self.total,
            status: self.status,
            stock,
            ..NewOrder::new(self.user.as_str().to_owned(), self.lines.iter().map(line).collect())
        }
    }

    /// What the shop has against a new order, as far as can be said beforehand.
    fn objection(&self, stock: Stock, users: &HashMap<String, user::Model>, memory: &mut Memory) -> Option<String> {
        match users.get(self.user.as_str()) {
            None if self.new_user.is_some() => {}
            None => return Some(format!("there is no user {}", self.user.as_str())),
            Some(user) => {
                if let Err(error) = self.order(stock).check_user(user) {
                    return Some(error.message().to_owned());
                }
            }
        }
        let mut wanted = BTreeMap::<Uuid, i64>::new();
        for line in &self.lines {
            match memory.products.get(line.sku.as_str()) {
                None if line.new_product.is_some() => {}
                None => return Some(format!("there is no product {}", line.sku.as_str())),
                Some(id) => *wanted.entry(*id).or_default() += i64::from(line.quantity.get()),
            }
        }
        if stock == Stock::Skip || self.status.gives_back() {
            return None;
        }
        for line in &self.lines {
            let Some(id) = memory.products.get(line.sku.as_str()) else { continue };
            let left = memory.left.get(id).copied().unwrap_or(0);
            let need = wanted.get(id).copied().unwrap_or(0);
            if left < need {
                let sku = line.sku.as_str();
                return Some(format!("{sku} has {left} in stock by then, {need} requested (--stock skip for history)"));
            }
        }
        for (id, pieces) in wanted {
            memory.left.entry(id).and_modify(|left| *left -= pieces);
        }
        None
    }

    /// How an order that is there differs from this one, if it does.
    fn difference(
        &self,
        order: &order::Model,
        user: Option<&user::Model>,
        items: &[&ItemWithProduct],
    ) -> Option<String> {
        let mut there = BTreeMap::<(&str, Money), i64>::new();
        for (item, product) in items {
            let sku = product.as_ref().map_or("", |product| product.sku.as_str());
            *there.entry((sku, item.unit_price)).or_default() += i64::from(item.quantity);
        }
        let price = |sku: &str| there.keys().find(|(other, _)| *other == sku).map(|(_, price)| *price);
        let mut here = BTreeMap::<(&str, Money), i64>::new();
        for line in &self.lines {
            let sku = line.sku.as_str();
            let price = line.unit_price.or_else(|| price(sku)).unwrap_or(Money::ZERO);
            *here.entry((sku, price)).or_default() += i64::from(line.quantity.get());
        }
        let is_placed = self.placed_at.is_none_or(|time| order.created_at == Moment::Known(time));
        let what = if user.is_none_or(|user| user.email.to_lowercase() != self.user.as_str()) {
            "another user"
        } else if here != there {
            "other lines"
        } else if !is_placed {
            "another time"
        } else if order.status != self.status.as_str() {
            return Some(format!(
                "is {} here and {} in the file: shopctl order moves it on",
                printable(&order.status),
                self.status.as_str()
            ));
        } else {
            return None;
        };
        Some(format!("is there with {what}: an order does not change"))
    }
}

/// The orders that are there by their references, each with how the file's differs, if it does.
async fn compare(connection: &impl ConnectionTrait, rows: &[&OrderRow]) -> Result<HashMap<String, Option<String>>> {
    let references: Vec<&str> = rows.iter().map(|row| row.key()).collect();
    let orders = repository::order::find_by_references(connection, &references).await?;
    if orders.is_empty() {
        return Ok(HashMap::new());
    }
    let ids: Vec<Uuid> = orders.iter().map(|order| order.id).collect();
    let items = repository::order::find_items_of(connection, &ids).await?;
    let users = repository::order::find_users(connection, &orders).await?;
    let mut items_of = HashMap::<Uuid, Vec<&ItemWithProduct>>::new();
    for item in &items {
        items_of.entry(item.0.order_id).or_default().push(item);
    }
    let users: HashMap<Uuid, &user::Model> = users.iter().map(|user| (user.id, user)).collect();
    let orders: HashMap<&str, &order::Model> = orders.iter().map(|order| (order.reference.as_str(), order)).collect();
    let compared = rows.iter().filter_map(|row| {
        let order = orders.get(row.key())?;
        let user = users.get(&order.user_id).copied();
        let items = items_of.get(&order.id).map_or(&[][..], Vec::as_slice);
        Some((row.key().to_owned(), row.difference(order, user, items)))
    });
    Ok(compared.collect())
}

async fn users_of(connection: &impl ConnectionTrait, rows: &[&OrderRow]) -> Result<HashMap<String, user::Model>> {
    let mut emails: Vec<&str> = rows.iter().map(|row| row.user.as_str()).collect();
    emails.sort_unstable();
    emails.dedup();
    let users = repository::user::find_by_emails(connection, &emails, Lock::None).await?;
    Ok(users.into_iter().map(|user| (user.email.clone(), user)).collect())
}

/// The SKUs that orders name, each once.
fn skus_of<'a>(rows: &[&'a OrderRow]) -> Vec<&'a str> {
    let mut skus: Vec<&str> = rows.iter().flat_map(|row| &row.lines).map(|line| line.sku.as_str()).collect();
    skus.sort_unstable();
    skus.dedup();
    skus
}

impl Memory {
    /// Makes sure that all products which these orders name are known, as far as they are there.
    async fn look_up(&mut self, connection: &impl ConnectionTrait, rows: &[&OrderRow]) -> Result<()> {
        if self.products.len() > PRODUCTS_REMEMBERED {
            self.products.clear();
        }
        let mut skus = skus_of(rows);
        skus.retain(|sku| !self.products.contains_key(*sku));
        for product in repository::product::find_by_skus(connection, &skus, Lock::None).await? {
            self.left.entry(product.id).or_insert(i64::from(product.stock_quantity));
            self.products.insert(product.sku, product.id);
        }
        Ok(())
    }
}

/// Places orders that are not there yet, all or none.
async fn place(operation: &mut Operation, rows: &[&OrderRow], stock: Stock) -> Result<Counts> {
    let (users, products) = create_missing(operation, rows).await?;
    let orders: Vec<NewOrder> = rows.iter().map(|row| row.order(stock)).collect();
    let created = place_order::apply_all(operation, &orders).await?.len() as u64;
    Ok(Counts { created, users, products, ..Counts::default() })
}

/// Makes the users and products that orders bring with them and that are not there; how many of each.
async fn create_missing(operation: &mut Operation, rows: &[&OrderRow]) -> Result<(u64, u64)> {
    if rows.iter().all(|row| row.new_user.is_none()) {
        return Ok((0, 0));
    }
    let users = users_of(operation.handle(), rows).await?;
    let products = repository::product::find_by_skus(operation.handle(), &skus_of(rows), Lock::None).await?;
    let products: HashSet<&str> = products.iter().map(|product| product.sku.as_str()).collect();
    let mut new_users = BTreeMap::<&str, user::Model>::new();
    let mut new_products = BTreeMap::<&str, NewProduct>::new();
    for row in rows {
        if let (None, Some((first_name, last_name))) = (users.get(row.user.as_str()), row.new_user.clone()) {
            let password_hash = password::UNUSABLE.to_owned();
            let new = NewUser { email: row.user.clone(), first_name, last_name, password_hash };
            new_users.entry(row.user.as_str()).or_insert_with(|| model(operation, &new));
        }
        for line in row.lines.iter().filter(|line| !products.contains(line.sku.as_str())) {
            let Some(name) = line.new_product.clone() else { continue };
            let price = line.unit_price.unwrap_or(Money::ZERO);
            let new = NewProduct { sku: line.sku.clone(), name, description: None, price, stock: 0 };
            new_products.entry(line.sku.as_str()).or_insert(new);
        }
    }
    let (users, products): (Vec<_>, Vec<_>) = (new_users.into_values().collect(), new_products.into_values().collect());
    for change in repository::user::create_many(operation.handle(), &users).await? {
        operation.record(change);
    }
    apply_create_many(operation, &products).await?;
    Ok((users.len() as u64, products.len() as u64))
}
