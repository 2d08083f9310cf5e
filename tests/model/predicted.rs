//! The expected results: an in-memory model of the shop's rules, independent of databases.

mod customers;
mod stock_files;
mod undo;

use std::collections::{BTreeMap, BTreeSet};

use shopctl::domain::order_status::{self, Decision, StockEffect, Verb};
use shopctl::domain::{OrderStatus, UserStatus};
use shopctl::service::retire::Retirement;

use super::{Act, Answer, Back, PRICE_CENTS, PRODUCTS, Part, STOCK, done, money};

#[derive(Debug, Clone)]
struct ModelProduct {
    /// Distinguishes products that had the same SKU in succession.
    birth: usize,
    cents: i64,
    stock: i32,
    is_retired: bool,
}

#[derive(Debug, Clone)]
struct ModelOrder {
    user_birth: usize,
    status: OrderStatus,
    cents: i64,
    /// Pieces and the price of one, by product.
    lines: BTreeMap<usize, (i32, i64)>,
    /// The births of lines that were added later, by product.
    line_births: BTreeMap<usize, usize>,
    /// Pieces taken and not restocked, by product.
    taken: BTreeMap<usize, i32>,
    /// The verb that led to the current status, and the pieces restocked by each call.
    put_back: (Verb, Vec<BTreeMap<usize, i32>>),
    refunded_cents: i64,
    /// Refunded pieces, by product.
    refunded: BTreeMap<usize, i32>,
    /// The pieces restocked by each refund.
    refunded_back: Vec<BTreeMap<usize, i32>>,
}

impl ModelOrder {
    fn left(&self, product: usize) -> i32 {
        self.lines[&product].0 - self.refunded.get(&product).copied().unwrap_or(0)
    }

    /// Restocked pieces beyond those that were refunded.
    fn back_unrefunded(&self, product: usize) -> i32 {
        (self.left(product) - self.taken[&product]).max(0)
    }

    /// The money and the pieces of a refund, and whether nothing is left after it.
    fn refund(&self, part: &Part) -> Result<(i64, BTreeMap<usize, i32>, bool), &'static str> {
        let left = self.cents - self.refunded_cents;
        let rest: BTreeMap<usize, i32> = self.lines.keys().map(|product| (*product, self.left(*product))).collect();
        if *part == Part::default() {
            return Ok((left, rest, true));
        }
        let mut pieces = BTreeMap::<usize, i32>::new();
        if part.lines.iter().any(|(product, _)| !self.lines.contains_key(product)) {
            return Err("product.not_found");
        }
        for (product, quantity) in &part.lines {
            *pieces.entry(*product).or_default() += quantity.unwrap_or_else(|| self.left(*product).max(1));
        }
        if pieces.iter().any(|(product, pieces)| *pieces > rest[product]) {
            return Err("order.refund_too_many");
        }
        let cost = pieces.iter().map(|(product, pieces)| i64::from(*pieces) * self.lines[product].1).sum();
        let cents = part.cents.unwrap_or(cost);
        let is_beyond_lines = !part.lines.is_empty() && cents > cost;
        if cents > left || is_beyond_lines {
            return Err("order.refund_too_much");
        }
        let sum = |pieces: &BTreeMap<usize, i32>| pieces.values().sum::<i32>();
        let is_complete = if self.cents == 0 { sum(&pieces) == sum(&rest) } else { cents == left };
        Ok((cents, pieces, is_complete))
    }

    /// The pieces of these lines that come back.
    fn choose(&self, lines: &[(usize, Option<i32>)]) -> Result<BTreeMap<usize, i32>, &'static str> {
        let mut sums = BTreeMap::<usize, i32>::new();
        if lines.iter().any(|(product, _)| !self.taken.contains_key(product)) {
            return Err("product.not_found");
        }
        for (product, quantity) in lines {
            *sums.entry(*product).or_default() += quantity.unwrap_or(self.taken[product]);
        }
        if sums.iter().any(|(product, sum)| *sum > self.taken[product]) {
            return Err("order.restock_too_much");
        }
        sums.retain(|_, pieces| *pieces > 0);
        Ok(sums)
    }
}

#[derive(Debug, Clone, Default)]
pub struct Model {
    births: usize,
    /// Creation step and status of each user with an address.
    users: BTreeMap<usize, (usize, UserStatus)>,
    /// The births of users who are anonymized.
    anonymized: BTreeSet<usize>,
    products: BTreeMap<usize, ModelProduct>,
    orders: Vec<ModelOrder>,
    /// The request that used each key, and its product.
    keys: BTreeMap<u8, (String, Option<usize>)>,
    /// The birth of each product's retirement, while it lasts, by the product's birth.
    retirements: BTreeMap<usize, Option<usize>>,
    /// Every act so far.
    log: Vec<undo::Logged>,
}

impl Model {
    fn birth(&mut self) -> usize {
        self.births += 1;
        self.births
    }

    /// `Some` if the key alone determines the result.
    fn replay(&self, key: Option<u8>, request: &str) -> Option<Answer> {
        let (used_for, product) = self.keys.get(&key?)?;
        if used_for != request {
            return Some(Err("idempotency.key_reused"));
        }
        let is_gone = product.is_some_and(|birth| self.products.values().all(|product| product.birth != birth));
        Some(if is_gone { Err("product.not_found") } else { Ok("replayed".to_owned()) })
    }

    fn perform(&mut self, act: &Act) -> Answer {
        match act {
            Act::Undo { .. } => Err("not_found"),
            Act::Place { user, lines, key, expected_cents } => self.place(*user, lines, *key, *expected_cents),
            Act::Change { order, user, lines, reprices, key } => self.change((*order, *user), lines, *reprices, *key),
            Act::Receive { lines, key } => self.receive(lines, *key),
            Act::Import { lines, keeps_others, key } => self.import(lines, *keeps_others, *key),
            Act::Reassign { order, user } => self.reassign(*order, *user),
            Act::Merge { from, into } => self.merge(*from, *into),
            Act::Move { order, verb, restock, part, key } => self.move_on(*order, *verb, restock, part, *key),
            Act::Restock { order, lines, key } => self.restock(*order, lines, *key),
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
                // No user has that address any more.
                self.users.remove(user);
                self.anonymized.insert(birth);
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
            Act::Retire { product, retirement } => {
                let product = self.products.get_mut(product).ok_or("product.not_found")?;
                let retires = *retirement == Retirement::Retire;
                done(std::mem::replace(&mut product.is_retired, retires) != retires)
            }
            Act::DeleteProduct { product } => {
                self.products.get(product).ok_or("product.not_found")?;
                if self.orders.iter().any(|order| order.lines.contains_key(product)) {
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
                let new = ModelProduct { birth, cents: PRICE_CENTS, stock: STOCK, is_retired: false };
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
        let is_short = |(product, quantity): (&usize, &i32)| self.products[product].stock < *quantity;
        // A product that is both is called retired.
        if wanted.keys().any(|product| self.products[product].is_retired) {
            return Err("product.retired");
        }
        if wanted.iter().any(is_short) {
            return Err("stock.insufficient");
        }
        let cents: i64 =
            wanted.iter().map(|(product, quantity)| self.products[product].cents * i64::from(*quantity)).sum();
        if expected_cents.is_some_and(|expected| expected != cents) {
            return Err("order.total_changed");
        }
        for (product, quantity) in &wanted {
            self.products.get_mut(product).expect("checked").stock -= quantity;
        }
        self.orders.push(ModelOrder {
            user_birth,
            status: OrderStatus::Pending,
            cents,
            lines: wanted.iter().map(|(product, n)| (*product, (*n, self.products[product].cents))).collect(),
            line_births: BTreeMap::new(),
            taken: wanted,
            put_back: (Verb::Pay, Vec::new()),
            refunded_cents: 0,
            refunded: BTreeMap::new(),
            refunded_back: Vec::new(),
        });
        self.burn(key, request, None);
        done(true)
    }

    fn burn(&mut self, key: Option<u8>, request: String, product: Option<usize>) {
        if let Some(key) = key {
            self.keys.insert(key, (request, product));
        }
    }

    fn change(
        &mut self,
        (order, user): (usize, Option<usize>),
        lines: &BTreeMap<usize, i32>,
        reprices: bool,
        key: Option<u8>,
    ) -> Answer {
        let request = format!("change {order} {user:?} {lines:?} {reprices}");
        if let Some(answer) = self.replay(key, &request) {
            return answer;
        }
        let found = self.orders.get(order).ok_or("order.not_found")?;
        if found.status != OrderStatus::Pending {
            return Err("order.transition");
        }
        let customer = match user {
            None => found.user_birth,
            Some(user) => self.users.get(&user).ok_or("user.not_found")?.0,
        };
        let may_order = self.may_order(customer);
        if user.is_some() && !may_order {
            return Err("user.not_active");
        }
        let mut after = found.lines.clone();
        for (product, quantity) in lines {
            let cents = self.products.get(product).ok_or("product.not_found")?.cents;
            match quantity {
                0 => drop(after.remove(product).ok_or("product.not_found")?),
                quantity => after.entry(*product).or_insert((0, cents)).0 = *quantity,
            }
        }
        if after.is_empty() {
            return Err("order.no_lines");
        }
        let pieces = |lines: &BTreeMap<usize, (i32, i64)>, product: &usize| lines.get(product).map_or(0, |line| line.0);
        let more = |product: &usize| pieces(&after, product) - pieces(&found.lines, product);
        if !may_order && lines.keys().any(|product| more(product) > 0) {
            return Err("user.not_active");
        }
        if lines.keys().any(|product| more(product) > 0 && self.products[product].is_retired) {
            return Err("product.retired");
        }
        if lines.keys().any(|product| more(product) > self.products[product].stock) {
            return Err("stock.insufficient");
        }
        let moved: Vec<(usize, i32)> = lines.keys().map(|product| (*product, more(product))).collect();
        for (product, more) in moved {
            self.products.get_mut(&product).expect("checked").stock -= more;
        }
        let found = &mut self.orders[order];
        if reprices {
            after.iter_mut().for_each(|(product, line)| line.1 = self.products[product].cents);
        }
        found.cents = after.values().map(|(quantity, cents)| i64::from(*quantity) * cents).sum();
        found.taken = after.iter().map(|(product, line)| (*product, line.0)).collect();
        let is_other = std::mem::replace(&mut found.user_birth, customer) != customer;
        let changed = std::mem::replace(&mut found.lines, after.clone()) != after || is_other;
        self.burn(key.filter(|_| changed), request, None);
        done(changed)
    }

    fn move_on(&mut self, order: usize, verb: Verb, restock: &Back, part: &Part, key: Option<u8>) -> Answer {
        let sorted = |back: &Back| match back {
            Back::Lines(lines) => {
                let mut lines = lines.clone();
                lines.sort_unstable();
                Back::Lines(lines)
            }
            other => other.clone(),
        };
        let mut sorted_part = part.clone();
        sorted_part.lines.sort_unstable();
        let request = format!("move {order} {verb:?} {:?} {sorted_part:?}", sorted(restock));
        if let Some(answer) = self.replay(key, &request) {
            return answer;
        }
        let found = self.orders.get_mut(order).ok_or("order.not_found")?;
        let transition = match order_status::decide(found.status, verb) {
            Decision::AlreadyReached if *part != Part::default() => return Err("order.refund_too_much"),
            Decision::AlreadyReached => return self.said_again(order, verb, restock, key, request),
            Decision::Refused if verb == Verb::Expire => return done(false),
            Decision::Refused => return Err("order.transition"),
            Decision::Allowed(transition) => transition,
        };
        let (cents, refunded, is_complete) = match verb {
            Verb::Refund => found.refund(part)?,
            _ => (0, BTreeMap::new(), true),
        };
        let is_part = verb == Verb::Refund && !(is_complete && found.refunded_back.is_empty());
        let back: BTreeMap<usize, i32> = match (restock, transition.stock) {
            (Back::AsUsual, StockEffect::Restored) if is_part => {
                // The last part also restocks what no part was for.
                let rest = || found.lines.keys().map(|product| (*product, found.left(*product))).collect();
                let pieces: BTreeMap<usize, i32> = if is_complete { rest() } else { refunded.clone() };
                // What came back before any refund was for it is not restocked again.
                let missing = |product: usize, n: i32| n - n.min(found.back_unrefunded(product));
                let back = |(product, n)| (product, missing(product, n).min(found.taken[&product]));
                pieces.into_iter().map(back).collect()
            }
            (Back::AsUsual, StockEffect::Restored) => found.taken.clone(),
            (Back::Nothing | Back::AsUsual, _) | (_, StockEffect::None) => BTreeMap::new(),
            (Back::Everything, _) => found.taken.clone(),
            (Back::Lines(lines), _) => {
                found.choose(&lines.iter().map(|(product, n)| (*product, Some(*n))).collect::<Vec<_>>())?
            }
        };
        if verb == Verb::Refund {
            found.refunded_cents += cents;
            refunded.iter().for_each(|(product, n)| *found.refunded.entry(*product).or_default() += n);
            found.refunded_back.push(back.clone());
        }
        if is_complete {
            let backs = if verb == Verb::Refund { found.refunded_back.clone() } else { vec![back.clone()] };
            (found.status, found.put_back) = (verb.leads_to(), (verb, backs));
        }
        for (product, quantity) in &back {
            *found.taken.get_mut(product).expect("taken") -= quantity;
            self.products.get_mut(product).expect("an ordered product stays").stock += quantity;
        }
        self.burn(key, request, None);
        done(true)
    }

    fn restock(&mut self, order: usize, lines: &[(usize, Option<i32>)], key: Option<u8>) -> Answer {
        let mut sorted = lines.to_vec();
        sorted.sort_unstable();
        let request = format!("restock {order} {sorted:?}");
        if let Some(answer) = self.replay(key, &request) {
            return answer;
        }
        let found = self.orders.get_mut(order).ok_or("order.not_found")?;
        if found.status == OrderStatus::Pending {
            return Err("order.restock_pending");
        }
        let back = found.choose(lines)?;
        for (product, quantity) in &back {
            *found.taken.get_mut(product).expect("taken") -= quantity;
            self.products.get_mut(product).expect("an ordered product stays").stock += quantity;
        }
        let changed = !back.is_empty();
        self.burn(key.filter(|_| changed), request, None);
        done(changed)
    }

    /// A repeated verb on an order that already has the status: pieces may be restocked later.
    fn said_again(&mut self, order: usize, verb: Verb, restock: &Back, key: Option<u8>, request: String) -> Answer {
        let found = &mut self.orders[order];
        let before: &[BTreeMap<usize, i32>] = if found.put_back.0 == verb { &found.put_back.1 } else { &[] };
        // Expiry takes no restock quantities, so repeating it changes nothing.
        if verb != Verb::Expire && *restock == Back::Nothing && before.iter().any(|back| !back.is_empty()) {
            return Err("order.already");
        }
        let mut back = BTreeMap::<usize, i32>::new();
        match restock {
            Back::Everything if verb == Verb::Refund => back = found.taken.clone(),
            Back::Lines(lines) if verb == Verb::Refund => {
                let are_just = |back: &BTreeMap<usize, i32>| {
                    back.len() == lines.len() && back.iter().all(|(product, n)| lines.contains(&(*product, *n)))
                };
                lines.iter().for_each(|(product, quantity)| *back.entry(*product).or_default() += quantity);
                let left = |product: &usize| found.taken.get(product);
                let refused = if back.keys().any(|product| left(product).is_none()) {
                    Some("product.not_found")
                } else {
                    let is_too_much = back.iter().any(|(product, quantity)| left(product) < Some(quantity));
                    is_too_much.then_some("order.restock_too_much")
                };
                match refused {
                    Some(refused) => return Err(refused),
                    None if key.is_none() && before.last().is_some_and(are_just) => {
                        return Err("order.restock_repeated");
                    }
                    None => {}
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

impl Model {
    pub fn state(&self) -> Vec<String> {
        let product = |number| {
            self.products.get(&number).map_or_else(
                || "none".to_owned(),
                |product| format!("{} {} {}", product.stock, money(product.cents), product.is_retired),
            )
        };
        let orders = self.orders.iter().map(|order| {
            let (status, cents, refunded) = (order.status.as_str(), money(order.cents), money(order.refunded_cents));
            format!("{status} {cents} {refunded} {}", self.customer(order.user_birth))
        });
        (0..PRODUCTS).map(product).chain(orders).collect()
    }
}
