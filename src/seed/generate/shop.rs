//! A generated shop, row by row: every row depends only on the seed and its number, orders in order of
//! time; only the stock is carried along.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use uuid::Uuid;

use super::Plan;
use super::random::{Draws, Entity, Field};
use crate::domain::password::UNUSABLE;
use crate::domain::words::{PHRASES, Words, plain};
use crate::domain::{Id, Money, MovementReason, OrderStatus, Reference, UserStatus, reference};
use crate::entity::{Moment, order, order_item, order_refund, order_refund_line, product, stock_movement, user};

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;
/// How long the shop has been open.
const AGE: i64 = 3 * 365 * DAY;
/// The first delivery arrived this long before the opening.
const PREPARATION: i64 = 30 * DAY;
/// Time from the opening to the first order.
const FIRST_ORDER: i64 = DAY;
/// Maximum number of lines in an order.
const MAX_LINES: u64 = 5;
/// Percentage of disabled users.
const DISABLED_PERCENT: u64 = 2;
/// Percentage of completed orders of which a part was refunded.
const PART_REFUNDED_PERCENT: u64 = 4;
/// Quantity of the first delivery; each later one is larger by as many.
const DELIVERY: i32 = 24;
/// A SKU ends with five characters of Crockford's base 32.
const SKU_BITS: u32 = 25;

/// Cumulative share of a day's orders by hour, interpolated linearly.
const HOURS: [(f64, f64); 5] = [(0.0, 0.0), (0.06, 7.0), (0.5, 14.0), (0.9, 22.0), (1.0, 24.0)];

/// The shop of a plan.
#[derive(Debug, Clone)]
pub struct Shop {
    plan: Plan,
    draws: Draws,
    words: Words,
    as_of: i64,
    opening: i64,
    /// The operation of all its movements.
    pub operation_id: Uuid,
}

/// An order before it is converted to rows.
pub struct Order {
    number: u64,
    created_at: i64,
    updated_at: i64,
    status: OrderStatus,
    lines: Vec<Line>,
    refund: Option<Refund>,
}

/// What was given back of an order.
struct Refund {
    at: i64,
    cents: i64,
}

struct Line {
    /// The product's number.
    product: u64,
    quantity: i32,
    /// Cents for one piece.
    price: i64,
    refunded: i32,
    restocked: i32,
}

impl Line {
    fn cents(&self) -> i64 {
        i64::from(self.quantity) * self.price
    }
}

impl Order {
    fn cents(&self) -> i64 {
        self.lines.iter().map(Line::cents).sum()
    }

    /// Gives everything back.
    fn refund_all(&mut self) {
        self.lines.iter_mut().for_each(|line| line.refunded = line.quantity);
        self.refund = Some(Refund { at: self.updated_at, cents: self.cents() });
    }

    /// Gives back one piece, or half the price of the only one.
    fn refund_part(&mut self, at: i64, is_restocked: bool) {
        let is_single = self.lines.iter().map(|line| line.quantity).sum::<i32>() == 1;
        let Some(line) = self.lines.first_mut() else { return };
        let cents = if is_single { line.price / 2 } else { line.price };
        if !is_single {
            line.refunded = 1;
            line.restocked = i32::from(is_restocked);
        }
        self.updated_at = at;
        self.refund = Some(Refund { at, cents });
    }
}

/// A stock movement before it is converted to a row.
pub struct Movement {
    product: u64,
    delta: i32,
    reason: MovementReason,
    order: Option<Uuid>,
    at: i64,
}

impl Shop {
    pub fn new(plan: &Plan) -> Shop {
        let draws = Draws(plan.rng_seed);
        let as_of = plan.as_of.timestamp();
        let size = draws.bits(Entity::Operation, plan.users, Field::Id)
            ^ draws.bits(Entity::Operation, plan.products, Field::Product)
            ^ draws.bits(Entity::Operation, plan.orders, Field::Customer);
        let operation_id = draws.id(Entity::Operation, size, as_of);
        Shop { plan: *plan, draws, words: Words::new(), as_of, opening: as_of - AGE, operation_id }
    }

    /// When user `number` registered: evenly over the years, the first at the opening.
    fn registered_at(&self, number: u64) -> i64 {
        let jitter = if number == 0 { 0.0 } else { self.draws.unit(Entity::User, number, Field::Time) };
        self.opening + (AGE as f64 * ((number as f64 + jitter) / self.plan.users as f64)) as i64
    }

    fn user_id(&self, number: u64) -> Uuid {
        self.draws.id(Entity::User, number, self.registered_at(number))
    }

    pub fn user(&self, number: u64) -> user::Model {
        let first_name = *self.draws.pick(&self.words.first_names, Entity::User, number, Field::FirstName);
        let last_name = *self.draws.pick(&self.words.last_names, Entity::User, number, Field::LastName);
        let created_at = self.registered_at(number);
        let is_disabled = self.draws.below(100, Entity::User, number, Field::Status) < DISABLED_PERCENT;
        let disabled_at = self.later(created_at, 90 * DAY, Entity::User, number);
        let (status, updated_at) = match is_disabled {
            true => (UserStatus::Disabled, disabled_at),
            false => (UserStatus::Active, created_at),
        };
        user::Model {
            id: self.user_id(number).into(),
            email: format!("{}.{}.{number}@example.com", plain(first_name), plain(last_name)).into(),
            password_hash: UNUSABLE.into(),
            first_name: first_name.into(),
            last_name: last_name.into(),
            status: status.into(),
            created_at: moment(created_at),
            updated_at: moment(updated_at),
        }
    }

    /// When product `number` was first listed: before the opening.
    fn listed_at(&self, number: u64) -> i64 {
        let share = (number as f64 + self.draws.unit(Entity::Product, number, Field::Time)) / self.plan.products as f64;
        self.opening - PREPARATION + (PREPARATION as f64 * share) as i64
    }

    fn product_id(&self, number: u64) -> Uuid {
        self.draws.id(Entity::Product, number, self.listed_at(number))
    }

    /// The unit price in cents, mostly ending with 9.
    fn price(&self, number: u64) -> i64 {
        let (_, low, high) = self.noun(number);
        let dear = self.draws.unit(Entity::Product, number, Field::Price);
        // Low prices are more frequent.
        let cents = low + ((high - low) as f64 * (dear * dear)) as u64;
        let ending = [99, 90, 50, 0][(cents % 4) as usize];
        (cents / 100 * 100 + ending) as i64
    }

    fn noun(&self, number: u64) -> (&'static str, u64, u64) {
        *self.draws.pick(&self.words.nouns, Entity::Product, number, Field::Noun)
    }

    /// The initial stock of product `number`.
    fn first_stock(&self, number: u64) -> i32 {
        DELIVERY * (1 + self.draws.below(5, Entity::Product, number, Field::Stock) as i32)
    }

    /// Product `number` with its final stock.
    pub fn product(&self, number: u64, stock: &StockLevels) -> product::Model {
        let quality = self.draws.pick(&self.words.qualities, Entity::Product, number, Field::Quality);
        let material = self.draws.pick(&self.words.materials, Entity::Product, number, Field::Material);
        let (noun, _, _) = self.noun(number);
        let tail = self.draws.scatter(SKU_BITS, Entity::Product, number);
        let prefix: String = plain(noun).chars().take(4).collect::<String>().to_uppercase();
        // Every fifth has no description.
        let phrase = PHRASES.get(self.draws.below(10, Entity::Product, number, Field::Description) as usize);
        let level = &stock.0[number as usize];
        product::Model {
            id: self.product_id(number).into(),
            sku: format!("{prefix}-{}", &reference::characters(tail)[..SKU_BITS as usize / 5]).into(),
            name: format!("{quality} {material} {noun}").into(),
            description: phrase.map(|phrase| format!("{quality} {} of {}, {phrase}.", lower(noun), lower(material))),
            price: money(self.price(number)).into(),
            stock_quantity: (level.available + level.returned).into(),
            created_at: moment(self.listed_at(number)),
            updated_at: moment(level.moved_at),
            ..product::Model::default()
        }
    }

    /// When order `number` was placed: increasingly often over the years, mostly during the day.
    fn placed_at(&self, number: u64) -> i64 {
        let share =
            (number as f64 + self.draws.unit(Entity::Order, number, Field::Time)) / self.plan.orders.max(1) as f64;
        // Three times as many per day at the end as at the start: the root of share = (x + x²) / 2.
        let share = ((1.0 + 8.0 * share).sqrt() - 1.0) / 2.0;
        let even = self.opening + FIRST_ORDER + ((AGE - FIRST_ORDER) as f64 * share) as i64;
        let day = even - even.rem_euclid(DAY);
        (day + time_of_day(even - day)).clamp(self.opening + HOUR, self.as_of)
    }

    pub fn order(&self, number: u64) -> Order {
        let created_at = self.placed_at(number);
        let (status, delay) = self.status(number, self.as_of - created_at);
        let updated_at = match delay {
            0 => created_at,
            delay => self.later(created_at, delay, Entity::Order, number),
        };
        let is_restocked = match status {
            OrderStatus::Cancelled => true,
            OrderStatus::Refunded => self.draws.below(2, Entity::Order, number, Field::Restock) == 0,
            _ => false,
        };
        let mut lines = self.lines(number);
        lines.iter_mut().filter(|_| is_restocked).for_each(|line| line.restocked = line.quantity);
        let mut order = Order { number, created_at, updated_at, status, lines, refund: None };
        let is_part_refunded = || self.draws.below(100, Entity::Order, number, Field::Refund) < PART_REFUNDED_PERCENT;
        match status {
            OrderStatus::Refunded => order.refund_all(),
            OrderStatus::Completed if is_part_refunded() => {
                let at = self.later(updated_at, 20 * DAY, Entity::Refund, number);
                order.refund_part(at, self.draws.below(2, Entity::Refund, number, Field::Restock) == 0);
            }
            _ => {}
        }
        order
    }

    /// The status of an order of this age, in seconds, and the time within which it reached it.
    fn status(&self, number: u64, age: i64) -> (OrderStatus, i64) {
        let percent = self.draws.below(100, Entity::Order, number, Field::Status);
        match (age, percent) {
            (..=7_200, ..50) => (OrderStatus::Pending, 0),
            (..=7_200, _) => (OrderStatus::Paid, HOUR),
            (..=172_800, ..55) => (OrderStatus::Paid, HOUR),
            (..=172_800, ..90) => (OrderStatus::Shipped, DAY),
            (..=172_800, _) => (OrderStatus::Cancelled, HOUR),
            (_, ..90) => (OrderStatus::Completed, 6 * DAY),
            (_, 90..95) => (OrderStatus::Cancelled, DAY),
            (_, 95..98) => (OrderStatus::Refunded, 14 * DAY),
            _ => (OrderStatus::Shipped, 2 * DAY),
        }
    }

    /// A time at most `within` seconds after another, but not after the shop's end.
    fn later(&self, time: i64, within: i64, entity: Entity, number: u64) -> i64 {
        let delay = self.draws.below(within.unsigned_abs(), entity, number, Field::Delay) as i64;
        (time + 60 + delay).min(self.as_of)
    }

    /// One to five different products, 2.5 on average, some far more popular than others.
    fn lines(&self, number: u64) -> Vec<Line> {
        let count = match self.draws.below(100, Entity::Order, number, Field::Lines) {
            ..25 => 1,
            25..55 => 2,
            55..77 => 3,
            77..92 => 4,
            _ => MAX_LINES,
        };
        let mut lines = Vec::<Line>::with_capacity(MAX_LINES as usize);
        for position in 0..count.min(self.plan.products) {
            let row = number * MAX_LINES + position;
            let popular = self.draws.unit(Entity::Line, row, Field::Product);
            let mut product = (popular * popular * popular * self.plan.products as f64) as u64;
            while lines.iter().any(|line| line.product == product) {
                product = (product + 1) % self.plan.products;
            }
            let quantity = match self.draws.below(100, Entity::Line, row, Field::Quantity) {
                ..70 => 1,
                70..90 => 2,
                _ => 3,
            };
            lines.push(Line { product, quantity, price: self.price(product), refunded: 0, restocked: 0 });
        }
        lines
    }

    fn order_id(&self, order: &Order) -> Uuid {
        self.draws.id(Entity::Order, order.number, order.created_at)
    }

    pub fn order_row(&self, order: &Order) -> order::Model {
        let id = self.order_id(order);
        // Any user registered by then; early users order the most.
        let passed = (order.created_at - self.opening) as f64 / AGE as f64;
        let known = ((passed * self.plan.users as f64) as u64).clamp(1, self.plan.users);
        let loyal = self.draws.unit(Entity::Order, order.number, Field::Customer);
        order::Model {
            id: id.into(),
            reference: Reference::from_id(id).into(),
            user_id: self.user_id((loyal * loyal * known as f64) as u64).into(),
            status: order.status.into(),
            total_amount: money(order.cents()).into(),
            created_at: moment(order.created_at),
            updated_at: moment(order.updated_at),
        }
    }

    pub fn item_rows(&self, order: &Order) -> Vec<order_item::Model> {
        let order_id = self.order_id(order);
        let row = |(line, position): (&Line, u64)| order_item::Model {
            id: self.item_id(order, position).into(),
            order_id: order_id.into(),
            product_id: self.product_id(line.product).into(),
            quantity: line.quantity.into(),
            unit_price: money(line.price).into(),
        };
        order.lines.iter().zip(0..).map(row).collect()
    }

    fn item_id(&self, order: &Order, position: u64) -> Uuid {
        self.draws.id(Entity::Line, order.number * MAX_LINES + position, order.created_at)
    }

    pub fn refund_row(&self, order: &Order) -> Option<order_refund::Model> {
        let Refund { at, cents } = *order.refund.as_ref()?;
        Some(order_refund::Model {
            id: self.draws.id(Entity::Refund, order.number, at).into(),
            order_id: self.order_id(order).into(),
            amount: money(cents).into(),
            reason: None,
            operation_id: self.operation_id.into(),
            created_at: moment(at),
        })
    }

    pub fn refund_line_rows(&self, order: &Order) -> Vec<order_refund_line::Model> {
        let Some(Refund { at, .. }) = order.refund else { return Vec::new() };
        let refund_id = self.draws.id(Entity::Refund, order.number, at);
        let row = |(line, position): (&Line, u64)| order_refund_line::Model {
            id: self.draws.id(Entity::RefundLine, order.number * MAX_LINES + position, at).into(),
            refund_id: refund_id.into(),
            order_item_id: self.item_id(order, position).into(),
            quantity: line.refunded.into(),
            amount: money(i64::from(line.refunded) * line.price).into(),
        };
        order.lines.iter().zip(0..).filter(|(line, _)| line.refunded > 0).map(row).collect()
    }

    pub fn movement_row(&self, number: u64, movement: &Movement) -> stock_movement::Model {
        stock_movement::Model {
            id: self.draws.id(Entity::Movement, number, movement.at).into(),
            product_id: self.product_id(movement.product).into(),
            delta: movement.delta.into(),
            reason: movement.reason.into(),
            order_id: movement.order.map(Id::from).into(),
            operation_id: self.operation_id.into(),
            note: None,
            created_at: moment(movement.at),
        }
    }

    /// The initial stock.
    pub fn initial_stock(&self) -> StockLevels {
        let level = |number| StockLevel {
            available: self.first_stock(number),
            returned: 0,
            delivered: self.first_stock(number),
            moved_at: self.listed_at(number),
        };
        StockLevels((0..self.plan.products).map(level).collect())
    }

    /// The initial movement of product `number`.
    pub fn first_movement(&self, number: u64) -> Movement {
        let delta = self.first_stock(number);
        Movement { product: number, delta, reason: MovementReason::Initial, order: None, at: self.listed_at(number) }
    }
}

/// The stock of every product.
pub struct StockLevels(Vec<StockLevel>);

struct StockLevel {
    available: i32,
    /// Restocked by orders; not sold again, so that orders stay independent.
    returned: i32,
    /// Quantity of the last delivery.
    delivered: i32,
    moved_at: i64,
}

impl StockLevels {
    /// Takes an order's stock, after a delivery if it is insufficient.
    pub fn fulfil(&mut self, shop: &Shop, order: &Order) -> Vec<Movement> {
        let mut movements = Vec::with_capacity(2 * order.lines.len());
        let id = shop.order_id(order);
        for line in &order.lines {
            let level = &mut self.0[line.product as usize];
            let mut add =
                |delta, reason, order, at| movements.push(Movement { product: line.product, delta, reason, order, at });
            if level.available < line.quantity {
                level.delivered = (level.delivered + DELIVERY).min(DELIVERY * DELIVERY);
                level.available += level.delivered;
                add(level.delivered, MovementReason::Received, None, order.created_at - HOUR);
            }
            level.available -= line.quantity;
            level.moved_at = level.moved_at.max(order.created_at);
            add(-line.quantity, MovementReason::Order, Some(id), order.created_at);
            if line.restocked > 0 {
                level.returned += line.restocked;
                level.moved_at = level.moved_at.max(order.updated_at);
                add(line.restocked, MovementReason::Restock, Some(id), order.updated_at);
            }
        }
        movements
    }
}

/// Maps a uniformly distributed second of the day to the distribution of orders.
fn time_of_day(second: i64) -> i64 {
    let share = second as f64 / DAY as f64;
    let hours = HOURS.windows(2).find(|pair| share < pair[1].0).map_or(0.0, |pair| {
        let ((from, first), (to, last)) = (pair[0], pair[1]);
        first + (last - first) * ((share - from) / (to - from))
    });
    (hours * HOUR as f64) as i64
}

fn moment(seconds: i64) -> Moment {
    DateTime::<Utc>::from_timestamp(seconds, 0).unwrap_or_default().into()
}

fn money(cents: i64) -> Money {
    Money::from_stored(Decimal::new(cents, 2))
}

fn lower(word: &str) -> String {
    word.to_lowercase()
}
