//! Random sequences of operations: the same answers and the same shop on every engine, and in a model
//! in memory that knows nothing of databases.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use shopctl::db::Database;
use shopctl::domain::order_status::{self, Step, StockEffect, Verb};
use shopctl::domain::{Email, IdempotencyKey, Money, MovementReason, OrderStatus, PersonName, ProductName, Quantity};
use shopctl::domain::{Sku, UserStatus};
use shopctl::error::Result;
use shopctl::service::order_lifecycle::{self, Move, Restock};
use shopctl::service::place_order::{self, NewLine, NewOrder};
use shopctl::service::product::{self, NewProduct, ProductUpdate};
use shopctl::service::stock::{self, Adjustment, Count};
use shopctl::service::user::{self, NewUser};
use shopctl::service::{anonymize, explain};

use crate::support::library::{database, operations};
use crate::support::{Backend, Shop};

/// Sequences of one run; more with this variable.
const SEQUENCES: u32 = 200;
const VARIABLE: &str = "SHOPCTL_TEST_SEQUENCES";
const USERS: usize = 3;
const PRODUCTS: usize = 4;
const STOCK: i32 = 8;
const PRICE_CENTS: i64 = 250;

/// What somebody does, by small numbers instead of names.
#[derive(Debug, Clone)]
enum Act {
    Place { user: usize, lines: Vec<(usize, i32)>, key: Option<u8>, expected_cents: Option<i64> },
    Move { order: usize, verb: Verb, restock: Back, key: Option<u8> },
    Adjust { product: usize, delta: i32, key: Option<u8> },
    Set { product: usize, level: i32, expected: i32 },
    Price { product: usize, cents: i64 },
    Status { user: usize, is_active: bool },
    Anonymize { user: usize },
    DeleteUser { user: usize },
    CreateUser { user: usize },
    DeleteProduct { product: usize },
    CreateProduct { product: usize },
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Back {
    AsUsual,
    Nothing,
    Everything,
    Lines(Vec<(usize, i32)>),
}

fn act() -> impl Strategy<Value = Act> {
    let key = || proptest::option::weighted(0.3, 0u8..3);
    let lines = || proptest::collection::vec((0..PRODUCTS, 1..4), 1..4);
    let place = (0..USERS, lines(), key(), proptest::option::weighted(0.2, (1i64..8).prop_map(|n| n * PRICE_CENTS)));
    let back = prop_oneof![
        4 => Just(Back::AsUsual),
        1 => Just(Back::Nothing),
        2 => Just(Back::Everything),
        2 => proptest::collection::vec((0..PRODUCTS, 1..4), 1..3).prop_map(Back::Lines),
    ];
    let moved = (0..6usize, proptest::sample::select(Verb::ALL.to_vec()), back, key());
    prop_oneof![
        6 => place.prop_map(|(user, lines, key, expected_cents)| Act::Place { user, lines, key, expected_cents }),
        12 => moved.prop_map(|(order, verb, restock, key)| Act::Move { order, verb, restock, key: key.filter(|_| verb == Verb::Refund) }),
        2 => (0..PRODUCTS, (-6..6i32).prop_filter("not 0", |delta| *delta != 0), key())
            .prop_map(|(product, delta, key)| Act::Adjust { product, delta, key }),
        2 => (0..PRODUCTS, 0..10, 0..10).prop_map(|(product, level, expected)| Act::Set { product, level, expected }),
        1 => (0..PRODUCTS, 0i64..1000).prop_map(|(product, cents)| Act::Price { product, cents }),
        2 => (0..USERS, any::<bool>()).prop_map(|(user, is_active)| Act::Status { user, is_active }),
        1 => (0..USERS).prop_map(|user| Act::Anonymize { user }),
        1 => (0..USERS).prop_map(|user| Act::DeleteUser { user }),
        1 => (0..USERS).prop_map(|user| Act::CreateUser { user }),
        1 => (0..PRODUCTS).prop_map(|product| Act::DeleteProduct { product }),
        1 => (0..PRODUCTS).prop_map(|product| Act::CreateProduct { product }),
    ]
}

// ---- the model ----

#[derive(Debug, Clone)]
struct ModelProduct {
    /// Tells products apart that had the same SKU one after the other.
    birth: usize,
    cents: i64,
    stock: i32,
    was_ordered: bool,
}

#[derive(Debug, Clone)]
struct ModelOrder {
    user_birth: usize,
    status: OrderStatus,
    cents: i64,
    /// Pieces taken and not given back, by product.
    taken: BTreeMap<usize, i32>,
    /// The verb that led where it is, and what went back by each time that it was said.
    put_back: (Verb, Vec<BTreeMap<usize, i32>>),
}

#[derive(Debug, Default)]
struct Model {
    births: usize,
    /// Of those who have their address: when they were born and what they may do.
    users: BTreeMap<usize, (usize, UserStatus)>,
    products: BTreeMap<usize, ModelProduct>,
    orders: Vec<ModelOrder>,
    /// What a key was used for, and the product that it was about.
    keys: BTreeMap<u8, (String, Option<usize>)>,
}

type Answer = Result<String, &'static str>;

fn done(changed: bool) -> Answer {
    Ok(format!("changed {changed}"))
}

impl Model {
    fn birth(&mut self) -> usize {
        self.births += 1;
        self.births
    }

    /// `Some` when the key decides.
    fn replay(&self, key: Option<u8>, request: &str) -> Option<Answer> {
        let (used_for, product) = self.keys.get(&key?)?;
        if used_for != request {
            return Some(Err("idempotency.key_reused"));
        }
        let is_gone = product.is_some_and(|birth| self.products.values().all(|product| product.birth != birth));
        Some(if is_gone { Err("product.not_found") } else { Ok("replayed".to_owned()) })
    }

    fn apply(&mut self, act: &Act) -> Answer {
        match act {
            Act::Place { user, lines, key, expected_cents } => self.place(*user, lines, *key, *expected_cents),
            Act::Move { order, verb, restock, key } => self.move_on(*order, *verb, restock, *key),
            Act::Adjust { product, delta, key } => self.adjust(*product, *delta, *key),
            Act::Set { product, level, expected } => {
                let product = self.products.get_mut(product).ok_or("product.not_found")?;
                if product.stock != *expected {
                    return Err("stock.changed");
                }
                let changed = product.stock != *level;
                product.stock = *level;
                done(changed)
            }
            Act::Price { product, cents } => {
                let product = self.products.get_mut(product).ok_or("product.not_found")?;
                done(std::mem::replace(&mut product.cents, *cents) != *cents)
            }
            Act::Status { user, is_active } => {
                let (_, status) = self.users.get_mut(user).ok_or("user.not_found")?;
                let wanted = if *is_active { UserStatus::Active } else { UserStatus::Disabled };
                done(std::mem::replace(status, wanted) != wanted)
            }
            Act::Anonymize { user } => {
                let (birth, _) = *self.users.get(user).ok_or("user.not_found")?;
                let is_open = |order: &ModelOrder| {
                    matches!(order.status, OrderStatus::Pending | OrderStatus::Paid | OrderStatus::Shipped)
                };
                if self.orders.iter().any(|order| order.user_birth == birth && is_open(order)) {
                    return Err("user.has_open_orders");
                }
                // Nobody has that address any more.
                self.users.remove(user);
                done(true)
            }
            Act::DeleteUser { user } => {
                let (birth, _) = *self.users.get(user).ok_or("user.not_found")?;
                if self.orders.iter().any(|order| order.user_birth == birth) {
                    return Err("user.has_orders");
                }
                self.users.remove(user);
                done(true)
            }
            Act::CreateUser { user } => {
                if self.users.contains_key(user) {
                    return Err("user.duplicate");
                }
                let birth = self.birth();
                self.users.insert(*user, (birth, UserStatus::Active));
                done(true)
            }
            Act::DeleteProduct { product } => {
                if self.products.get(product).ok_or("product.not_found")?.was_ordered {
                    return Err("product.was_ordered");
                }
                self.products.remove(product);
                done(true)
            }
            Act::CreateProduct { product } => {
                if self.products.contains_key(product) {
                    return Err("product.duplicate");
                }
                let birth = self.birth();
                let new = ModelProduct { birth, cents: PRICE_CENTS, stock: STOCK, was_ordered: false };
                self.products.insert(*product, new);
                done(true)
            }
        }
    }

    fn place(&mut self, user: usize, lines: &[(usize, i32)], key: Option<u8>, expected_cents: Option<i64>) -> Answer {
        let mut wanted = BTreeMap::<usize, i32>::new();
        lines.iter().for_each(|(product, quantity)| *wanted.entry(*product).or_default() += quantity);
        let request = format!("place {user} {wanted:?}");
        if let Some(answer) = self.replay(key, &request) {
            return answer;
        }
        let (user_birth, status) = *self.users.get(&user).ok_or("user.not_found")?;
        if status != UserStatus::Active {
            return Err("user.not_active");
        }
        if wanted.keys().any(|product| !self.products.contains_key(product)) {
            return Err("product.not_found");
        }
        if wanted.iter().any(|(product, quantity)| self.products[product].stock < *quantity) {
            return Err("stock.insufficient");
        }
        let cents = wanted.iter().map(|(product, quantity)| self.products[product].cents * i64::from(*quantity)).sum();
        if expected_cents.is_some_and(|expected| expected != cents) {
            return Err("order.total_changed");
        }
        for (product, quantity) in &wanted {
            let product = self.products.get_mut(product).expect("checked");
            product.stock -= quantity;
            product.was_ordered = true;
        }
        self.orders.push(ModelOrder {
            user_birth,
            status: OrderStatus::Pending,
            cents,
            taken: wanted,
            put_back: (Verb::Pay, Vec::new()),
        });
        self.burn(key, request, None);
        done(true)
    }

    fn burn(&mut self, key: Option<u8>, request: String, product: Option<usize>) {
        if let Some(key) = key {
            self.keys.insert(key, (request, product));
        }
    }

    fn move_on(&mut self, order: usize, verb: Verb, restock: &Back, key: Option<u8>) -> Answer {
        let sorted = |back: &Back| match back {
            Back::Lines(lines) => {
                let mut lines = lines.clone();
                lines.sort_unstable();
                Back::Lines(lines)
            }
            other => other.clone(),
        };
        let request = format!("move {order} {verb:?} {:?}", sorted(restock));
        if let Some(answer) = self.replay(key, &request) {
            return answer;
        }
        let found = self.orders.get_mut(order).ok_or("order.not_found")?;
        let transition = match order_status::step(found.status, verb) {
            Step::AlreadyThere => return self.said_again(order, verb, restock, key, request),
            Step::Refused if verb == Verb::Expire => return done(false),
            Step::Refused => return Err("order.transition"),
            Step::Take(transition) => transition,
        };
        let back: BTreeMap<usize, i32> = match (restock, transition.stock) {
            (Back::AsUsual, StockEffect::Restored) => found.taken.clone(),
            (Back::Nothing | Back::AsUsual, _) | (_, StockEffect::None) => BTreeMap::new(),
            (Back::Everything, _) => found.taken.clone(),
            (Back::Lines(lines), _) => {
                let mut sums = BTreeMap::<usize, i32>::new();
                lines.iter().for_each(|(product, quantity)| *sums.entry(*product).or_default() += quantity);
                if sums.keys().any(|product| !found.taken.contains_key(product)) {
                    return Err("product.not_found");
                }
                if sums.iter().any(|(product, sum)| *sum > found.taken[product]) {
                    return Err("order.restock_too_much");
                }
                sums
            }
        };
        found.status = verb.leads_to();
        found.put_back = (verb, vec![back.clone()]);
        for (product, quantity) in &back {
            *found.taken.get_mut(product).expect("taken") -= quantity;
            self.products.get_mut(product).expect("an ordered product stays").stock += quantity;
        }
        self.burn(key, request, None);
        done(true)
    }

    /// What is said about an order that is there already: pieces may come back later.
    fn said_again(&mut self, order: usize, verb: Verb, restock: &Back, key: Option<u8>, request: String) -> Answer {
        let found = &mut self.orders[order];
        let before: &[BTreeMap<usize, i32>] = if found.put_back.0 == verb { &found.put_back.1 } else { &[] };
        if *restock == Back::Nothing && before.iter().any(|back| !back.is_empty()) {
            return Err("order.already");
        }
        let mut back = BTreeMap::<usize, i32>::new();
        match restock {
            Back::Everything if verb == Verb::Refund => back = found.taken.clone(),
            Back::Lines(lines) if verb == Verb::Refund => {
                let is_last = before.last().is_some_and(|last| {
                    last.len() == lines.len() && last.iter().all(|(product, n)| lines.contains(&(*product, *n)))
                });
                if is_last && key.is_none() {
                    let is_left =
                        lines.iter().all(|(product, n)| found.taken.get(product).is_some_and(|left| n <= left));
                    return if is_left { Err("order.restock_repeated") } else { done(false) };
                }
                lines.iter().for_each(|(product, quantity)| *back.entry(*product).or_default() += quantity);
                if back.keys().any(|product| !found.taken.contains_key(product)) {
                    return Err("product.not_found");
                }
                if back.iter().any(|(product, quantity)| *quantity > found.taken[product]) {
                    return Err("order.restock_too_much");
                }
            }
            _ => {}
        }
        back.retain(|_, quantity| *quantity > 0);
        let changed = !back.is_empty();
        if changed {
            found.put_back.1.push(back.clone());
            for (product, quantity) in &back {
                *found.taken.get_mut(product).expect("taken") -= quantity;
                self.products.get_mut(product).expect("an ordered product stays").stock += quantity;
            }
        }
        self.burn(key.filter(|_| changed), request, None);
        done(changed)
    }

    fn adjust(&mut self, product: usize, delta: i32, key: Option<u8>) -> Answer {
        let request = format!("adjust {product} {delta}");
        if let Some(answer) = self.replay(key, &request) {
            return answer;
        }
        let found = self.products.get_mut(&product).ok_or("product.not_found")?;
        if found.stock + delta < 0 {
            return Err("stock.insufficient");
        }
        found.stock += delta;
        let birth = found.birth;
        self.burn(key, request, Some(birth));
        done(true)
    }
}

// ---- the shop ----

/// One engine, and the orders of the sequence in the order of their placing.
struct Real {
    shop: Shop,
    database: Database,
    orders: Vec<String>,
    sequence: u32,
}

impl Real {
    fn email(&self, user: usize) -> String {
        format!("u{user}.s{}@example.com", self.sequence)
    }

    fn sku(&self, product: usize) -> String {
        format!("P{product}-S{}", self.sequence)
    }

    fn key(&self, key: Option<u8>) -> Option<IdempotencyKey> {
        key.map(|key| IdempotencyKey::parse(&format!("k{key}-s{}", self.sequence)).expect("printable"))
    }

    async fn apply(&mut self, act: &Act) -> Answer {
        self.run(act).await.map_err(|error| error.code())
    }

    async fn run(&mut self, act: &Act) -> Result<String> {
        let operations = operations(&self.database);
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
            Act::Move { order, verb, restock, key } => {
                let wanted = Move {
                    order: self.orders.get(*order).cloned().unwrap_or_else(|| format!("NONE{order}")),
                    verb: *verb,
                    reason: None,
                    note: None,
                    tracking: None,
                    restock: match restock {
                        Back::AsUsual => Restock::AsUsual,
                        Back::Nothing => Restock::Nothing,
                        Back::Everything => Restock::Everything,
                        Back::Lines(lines) => Restock::Lines(
                            lines.iter().map(|(product, n)| (self.sku(*product), Some(pieces(*n)))).collect(),
                        ),
                    },
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
                let count = Count { product, level: *level, expected: *expected, reason, note: None };
                told(stock::set(&operations, &count).await?.changed, false)
            }
            Act::Price { product, cents } => {
                let update = ProductUpdate { price: Some(money(*cents)), ..ProductUpdate::default() };
                told(product::update(&operations, &self.sku(*product), &update).await?.changed, false)
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
                let new = NewUser {
                    email: Email::parse(&self.email(*user)).expect("an address"),
                    first_name: PersonName::parse("Ann").expect("a name"),
                    last_name: PersonName::parse("Lee").expect("a name"),
                    password_hash: "!".to_owned(),
                };
                user::create(&operations, &new).await.map(|_| told(true, false))?
            }
            Act::DeleteProduct { product } => {
                product::delete(&operations, &self.sku(*product)).await.map(|_| told(true, false))?
            }
            Act::CreateProduct { product } => {
                let new = NewProduct {
                    sku: Sku::parse(&self.sku(*product)).expect("a SKU"),
                    name: ProductName::parse("Thing").expect("a name"),
                    description: None,
                    price: money(PRICE_CENTS),
                    stock: STOCK,
                };
                product::create(&operations, &new).await.map(|_| told(true, false))?
            }
        })
    }

    /// Stock and price of each product, status and total of each order.
    async fn state(&self) -> Vec<String> {
        let connection = self.database.connection();
        let mut state = Vec::new();
        for number in 0..PRODUCTS {
            let found = shopctl::repository::product::find_by_sku(connection, &self.sku(number)).await.expect("reads");
            state.push(
                found.map_or_else(|| "none".to_owned(), |found| format!("{} {}", found.stock_quantity, found.price)),
            );
        }
        for id in &self.orders {
            let id = uuid::Uuid::try_parse(id).expect("an id");
            let order = shopctl::repository::order::find_by_id(connection, id).await.expect("reads").expect("is there");
            state.push(format!("{} {}", order.status, order.total_amount));
        }
        state
    }
}

impl Model {
    fn state(&self) -> Vec<String> {
        let product = |number| {
            self.products
                .get(&number)
                .map_or_else(|| "none".to_owned(), |product| format!("{} {}", product.stock, money(product.cents)))
        };
        let orders = self.orders.iter().map(|order| format!("{} {}", order.status.as_str(), money(order.cents)));
        (0..PRODUCTS).map(product).chain(orders).collect()
    }
}

fn money(cents: i64) -> Money {
    Money::from_stored(rust_decimal::Decimal::new(cents, 2))
}

fn pieces(quantity: i32) -> Quantity {
    Quantity::new(i64::from(quantity)).expect("in range")
}

async fn sequence(shops: &mut [Real], acts: &[Act]) -> Result<(), String> {
    let mut model = Model::default();
    let beginning = (0..USERS)
        .map(|user| Act::CreateUser { user })
        .chain((0..PRODUCTS).map(|product| Act::CreateProduct { product }));
    for real in shops.iter_mut() {
        real.sequence += 1;
        real.orders.clear();
    }
    for (number, act) in beginning.chain(acts.iter().cloned()).enumerate() {
        let expected = model.apply(&act);
        for real in shops.iter_mut() {
            let answer = real.apply(&act).await;
            if answer != expected {
                return Err(format!(
                    "{number}: {act:?} on {:?}: {answer:?}, the model says {expected:?}",
                    real.shop.backend
                ));
            }
        }
    }
    for real in shops.iter() {
        let (state, expected) = (real.state().await, model.state());
        if state != expected {
            return Err(format!("{:?} ended with {state:?}, the model with {expected:?}", real.shop.backend));
        }
    }
    Ok(())
}

#[test]
fn any_sequence_of_operations_gives_the_same_answers_everywhere() {
    let cases = std::env::var(VARIABLE).ok().map_or(SEQUENCES, |text| text.parse().expect("a number"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let shops = [Backend::Sqlite, Backend::Postgres, Backend::MariaDb].into_iter().filter_map(Shop::migrated);
    let shops: Vec<Real> = shops
        .map(|shop| {
            let database = runtime.block_on(database(&shop));
            Real { shop, database, orders: Vec::new(), sequence: 0 }
        })
        .collect();
    let shops = std::cell::RefCell::new(shops);
    let mut runner = TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
    let result = runner.run(&proptest::collection::vec(act(), 1..25), |acts| {
        runtime.block_on(sequence(&mut shops.borrow_mut(), &acts)).map_err(TestCaseError::fail)
    });
    if let Err(error) = result {
        panic!("{error}");
    }
    for real in shops.into_inner() {
        let explanation = runtime.block_on(explain::explain(real.database.connection())).expect("reads");
        assert_eq!(explanation.findings, [], "{:?}", real.shop.backend);
        runtime.block_on(real.database.close());
        real.shop.assert_invariants();
    }
}
