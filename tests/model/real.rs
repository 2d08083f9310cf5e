//! The actual results: the same actions run on an engine.

use std::cell::Cell;
use std::collections::BTreeMap;

use shopctl::db::Database;
use shopctl::domain::{
    Email, EventName, IdSource, IdempotencyKey, MovementReason, PersonName, ProductName, Quantity, Sku, UserStatus,
};
use shopctl::error::Result;
use shopctl::service::anonymize;
use shopctl::service::change_order::{self, ChangedOrder, NewQuantity, OrderChange};
use shopctl::service::merge;
use shopctl::service::operation::Operations;
use shopctl::service::order_lifecycle::{self, OrderRestock, OrderTransition, RefundScope, Restock};
use shopctl::service::place_order::{self, NewLine, NewOrder};
use shopctl::service::product;
use shopctl::service::retire;
use shopctl::service::stock::{self, Adjustment, StockCount};
use shopctl::service::stock_lines::{self, Delivery, LinesResult, StockLine, StockLines};
use shopctl::service::undo::{self, Undone};
use shopctl::service::user;
use uuid::Uuid;

use super::{Act, Answer, Back, PRICE_CENTS, PRODUCTS, Piece, STOCK, money, pieces};
use crate::support::Shop;
use crate::support::library::operations;

/// One engine, and the orders of the sequence in the order of their placing.
pub struct Real {
    pub shop: Shop,
    pub database: Database,
    pub orders: Vec<String>,
    /// The operation of each act of the sequence, whether it wrote anything or not.
    pub operations: Vec<Uuid>,
    pub sequence: u32,
}

thread_local! {
    /// The first id that an act draws is that of its operation.
    static FIRST_ID: Cell<Option<Uuid>> = const { Cell::new(None) };
}

#[expect(clippy::disallowed_methods, reason = "the tests' own id source")]
fn draw() -> Uuid {
    let id = Uuid::now_v7();
    FIRST_ID.set(FIRST_ID.get().or(Some(id)));
    id
}

impl Real {
    fn email(&self, user: usize) -> String {
        format!("u{user}.s{}@example.com", self.sequence)
    }

    fn sku(&self, product: usize) -> String {
        format!("P{product}-S{}", self.sequence)
    }

    fn order(&self, order: usize) -> String {
        self.orders.get(order).cloned().unwrap_or_else(|| format!("NONE{order}"))
    }

    fn lines(&self, lines: &[(usize, Option<i32>)]) -> Vec<(String, Option<Quantity>)> {
        lines.iter().map(|(product, quantity)| (self.sku(*product), quantity.map(pieces))).collect()
    }

    fn key(&self, key: Option<u8>) -> Option<IdempotencyKey> {
        key.map(|key| IdempotencyKey::parse(&format!("k{key}-s{}", self.sequence)).expect("printable"))
    }

    pub async fn apply(&mut self, act: &Act) -> Answer {
        FIRST_ID.set(None);
        let answer = self.run(act).await.map_err(|error| error.code());
        self.operations.push(FIRST_ID.get().unwrap_or_default());
        answer
    }

    async fn change(
        &self,
        operations: &Operations,
        (order, user, reprices): (usize, Option<usize>, bool),
        lines: &BTreeMap<usize, i32>,
        key: Option<IdempotencyKey>,
    ) -> Result<ChangedOrder> {
        let line = |(product, quantity): (&usize, &i32)| NewQuantity {
            product: self.sku(*product),
            quantity: (*quantity > 0).then(|| pieces(*quantity)),
        };
        let lines = lines.iter().map(line).collect();
        let user = user.map(|user| self.email(user));
        let wanted = OrderChange { user, lines, reprices, ..OrderChange::of(self.order(order)) };
        change_order::run(operations, &wanted, key).await
    }

    fn back(&self, restock: &Back) -> Restock {
        match restock {
            Back::AsUsual => Restock::AsUsual,
            Back::Nothing => Restock::Nothing,
            Back::Everything => Restock::Everything,
            Back::Lines(lines) => {
                Restock::Lines(lines.iter().map(|(product, n)| (self.sku(*product), Some(pieces(*n)))).collect())
            }
        }
    }

    /// One line that is rejected rejects all, unless others are kept.
    async fn import(
        &self,
        operations: &Operations,
        lines: &BTreeMap<usize, Piece>,
        keeps_others: bool,
        key: Option<u8>,
    ) -> Result<String> {
        let mut found = Vec::new();
        for (product, piece) in lines {
            let line = match *piece {
                Piece::Received(pieces) => StockLine::Received(pieces),
                Piece::Counted(level, expected) => StockLine::Counted { level, expected },
            };
            found.push((product::find(self.database.connection(), &self.sku(*product)).await?, line));
        }
        let reason = MovementReason::Correction;
        let wanted = StockLines { lines: found, reason, note: None, keeps_others };
        let request = stock_lines::request(EventName::StockImport, &wanted, self.key(key), &format!("{lines:?}"));
        let results = match stock_lines::run(operations, &request, &wanted).await? {
            LinesResult::Replayed(_) => return Ok("replayed".to_owned()),
            LinesResult::Done(results) => results,
        };
        let (done, rejected): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
        match rejected.into_iter().next() {
            Some(error) if !keeps_others => error.map(|_| String::new()),
            _ => Ok(format!("changed {}", done.into_iter().flatten().any(|product| product.changed))),
        }
    }

    async fn undo(&self, operations: &Operations, act: usize) -> Result<Undone> {
        undo::run(operations, self.operations.get(act).copied().unwrap_or_default(), None).await
    }

    #[expect(clippy::too_many_lines, reason = "one arm for each act")]
    async fn run(&mut self, act: &Act) -> Result<String> {
        let operations = Operations { ids: IdSource(draw), ..operations(&self.database) };
        let told = |changed: bool, replayed: bool| {
            if replayed { "replayed".to_owned() } else { format!("changed {changed}") }
        };
        Ok(match act {
            Act::Place { user, lines, key, expected_cents } => {
                let line = |(product, quantity): &(usize, i32)| NewLine {
                    product: self.sku(*product),
                    quantity: pieces(*quantity),
                    unit_price: None,
                };
                let lines = lines.iter().map(line).collect();
                let expected_total = expected_cents.map(money);
                let new = NewOrder { expected_total, ..NewOrder::new(self.email(*user), lines) };
                let placed = place_order::run(&operations, &new, self.key(*key)).await?;
                if !placed.replayed {
                    self.orders.push(placed.order.id.to_string());
                }
                told(true, placed.replayed)
            }
            Act::Change { order, user, lines, reprices, key } => {
                let changed = self.change(&operations, (*order, *user, *reprices), lines, self.key(*key)).await?;
                told(changed.changed, changed.after.replayed)
            }
            Act::Restock { order, lines, key } => {
                let (order, lines) = (self.order(*order), self.lines(lines));
                let wanted = OrderRestock { order, lines, reason: None, note: None };
                let restocked = order_lifecycle::restock(&operations, &wanted, self.key(*key)).await?;
                told(restocked.changed, restocked.replayed)
            }
            Act::Move { order, verb, restock, part, key } => {
                let wanted = OrderTransition {
                    order: self.order(*order),
                    verb: *verb,
                    reason: None,
                    note: None,
                    tracking: None,
                    restock: self.back(restock),
                    refund: RefundScope { lines: self.lines(&part.lines), amount: part.cents.map(money) },
                    placed_before: None,
                };
                let moved = order_lifecycle::run(&operations, &wanted, self.key(*key)).await?;
                told(moved.changed, moved.replayed)
            }
            Act::Adjust { product, delta, key } => {
                let reason = MovementReason::Correction;
                let adjustment = Adjustment { product: self.sku(*product), delta: *delta, reason, note: None };
                let adjusted = stock::adjust(&operations, &adjustment, self.key(*key)).await?;
                told(adjusted.product.changed, adjusted.replayed)
            }
            Act::Set { product, level, expected } => {
                let (product, reason) = (self.sku(*product), MovementReason::Shrinkage);
                let count = StockCount { product, level: *level, expected: *expected, reason, note: None };
                told(stock::set(&operations, &count).await?.changed, false)
            }
            Act::Receive { lines, key } => {
                let lines = lines.iter().map(|(product, n)| (self.sku(*product), pieces(*n))).collect();
                let delivery = Delivery { lines, reason: MovementReason::Received, note: None };
                told(true, stock_lines::receive(&operations, &delivery, self.key(*key)).await?.replayed)
            }
            Act::Import { lines, keeps_others, key } => self.import(&operations, lines, *keeps_others, *key).await?,
            Act::Reassign { order, user } => {
                let (order, user) = (self.order(*order), self.email(*user));
                told(merge::reassign(&operations, &order, &user, None).await?.order.changed, false)
            }
            Act::Merge { from, into } => {
                merge::merge(&operations, &self.email(*from), &self.email(*into)).await.map(|_| told(true, false))?
            }
            Act::Undo { act } => told(self.undo(&operations, *act).await?.changed, false),
            Act::Price { product, cents } => {
                let change = |product: &mut product::Model| product.price = money(*cents).into();
                told(product::update(&operations, &self.sku(*product), change).await?.changed, false)
            }
            Act::Status { user, is_active } => {
                let status = if *is_active { UserStatus::Active } else { UserStatus::Disabled };
                told(user::set_status(&operations, &self.email(*user), status).await?.changed, false)
            }
            Act::Anonymize { user } => {
                told(anonymize::anonymize(&operations, &self.email(*user)).await?.changed, false)
            }
            Act::DeleteUser { user } => {
                user::delete(&operations, &self.email(*user)).await.map(|_| told(true, false))?
            }
            Act::CreateUser { user } => {
                let email = Email::parse(&self.email(*user)).expect("an address");
                let name = PersonName::parse("Ann").expect("a name");
                let new = user::Model::new(&email, &name, &name, "!".to_owned());
                user::create(&operations, &new).await.map(|_| told(true, false))?
            }
            Act::Retire { product, retirement } => {
                let product = product::find(self.database.connection(), &self.sku(*product)).await?;
                let retired = retire::run(&operations, &[product], *retirement).await?;
                told(retired.iter().any(|product| product.changed), false)
            }
            Act::DeleteProduct { product } => {
                product::delete(&operations, &self.sku(*product)).await.map(|_| told(true, false))?
            }
            Act::CreateProduct { product } => {
                let sku = Sku::parse(&self.sku(*product)).expect("a SKU");
                let name = ProductName::parse("Thing").expect("a name");
                let new = product::Model::new(&sku, &name, money(PRICE_CENTS));
                let new = product::Model { stock_quantity: STOCK.into(), ..new };
                product::create(&operations, &new).await.map(|_| told(true, false))?
            }
        })
    }

    /// Stock and price of each product, and whether it is retired; status, total, refunds and customer of each order.
    pub async fn state(&self) -> Vec<String> {
        let connection = self.database.connection();
        let mut state = Vec::new();
        for number in 0..PRODUCTS {
            let found = shopctl::repository::product::find_by_sku(connection, &self.sku(number)).await.expect("reads");
            state.push(found.map_or_else(
                || "none".to_owned(),
                |found| format!("{} {} {}", found.stock_quantity, found.price, found.is_retired()),
            ));
        }
        for id in &self.orders {
            let id = Uuid::try_parse(id).expect("an id");
            let order =
                shopctl::repository::order::find_by_id(connection, id.into()).await.expect("reads").expect("is there");
            let refunds = shopctl::repository::order::find_refunds(connection, id.into()).await.expect("reads");
            let refunded = shopctl::repository::order::sum_of(&refunds).expect("amounts");
            let user = shopctl::repository::user::find_by_id(connection, order.user_id).await.expect("reads");
            let email = user.expect("is there").email.to_string();
            let customer = email.split('-').next().unwrap_or_default().split('.').next().unwrap_or_default();
            state.push(format!("{} {} {refunded} {customer}", order.status, order.total_amount));
        }
        state
    }
}
