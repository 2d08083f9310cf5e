//! What taking back an earlier act does: the model remembers what each act changed.

use std::collections::BTreeMap;

use shopctl::domain::{OrderStatus, UserStatus};

use super::{Act, Answer, Model, ModelOrder, done};

/// The pending order's part that a change writes.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Content {
    user: usize,
    cents: i64,
    lines: BTreeMap<usize, (i32, i64)>,
    births: BTreeMap<usize, usize>,
}

impl Content {
    fn of(order: &ModelOrder) -> Content {
        let ModelOrder { user_birth: user, cents, lines, line_births: births, .. } = order.clone();
        Content { user, cents, lines, births }
    }
}

/// What an act changed; products and users are known by their birth.
#[derive(Debug, Clone)]
enum Effect {
    /// There is no operation of it.
    Nothing,
    /// It was refused.
    Failed,
    /// It cannot be taken back.
    Fixed,
    Price {
        product: (usize, usize),
        before: i64,
        after: i64,
    },
    /// Each product with the pieces that came.
    Stock(Vec<((usize, usize), i32)>),
    Retired {
        product: (usize, usize),
        /// The birth of the retirement, if it is retired.
        before: Option<usize>,
        after: Option<usize>,
    },
    Status {
        user: (usize, usize),
        before: UserStatus,
        after: UserStatus,
    },
    Order {
        order: usize,
        /// The births of the products in the lines of before.
        births: [BTreeMap<usize, usize>; 2],
        before: Content,
        after: Content,
    },
}

/// An act, and the act that took it back.
#[derive(Debug, Clone)]
pub(super) struct Logged {
    effect: Effect,
    undone_by: Option<usize>,
}

impl Model {
    pub fn apply(&mut self, act: &Act) -> Answer {
        let (answer, effect) = match act {
            Act::Undo { act } => match self.undo(*act) {
                Ok(effect) => {
                    let changed = !matches!(effect, Effect::Nothing);
                    (done(changed), effect)
                }
                Err(code) => (Err(code), Effect::Fixed),
            },
            _ => {
                let before = self.clone();
                let answer = self.perform(act);
                let is_change = answer.as_ref().is_ok_and(|text| *text == "changed true");
                let effect = if is_change { self.effect(act, &before) } else { Effect::Fixed };
                (answer, effect)
            }
        };
        let effect = match &answer {
            Ok(text) if *text == "changed true" => effect,
            Ok(_) => Effect::Nothing,
            Err(code) if code.ends_with("not_found") => Effect::Nothing,
            // Its lines are rejected one by one: the operation ends without an event.
            Err("stock.changed") if matches!(act, Act::Import { .. }) => Effect::Nothing,
            Err(_) => Effect::Failed,
        };
        self.log.push(Logged { effect, undone_by: None });
        answer
    }

    /// What an act changed that was done.
    fn effect(&mut self, act: &Act, before: &Model) -> Effect {
        let retirement = self.birth();
        let product = |product: &usize| Some((before.products.get(product)?, self.products.get(product)?));
        let moved = |numbers: &mut dyn Iterator<Item = &usize>| {
            let delta = |number: &usize| {
                let (before, after) = product(number)?;
                let delta = after.stock - before.stock;
                (delta != 0).then_some(((*number, after.birth), delta))
            };
            Some(Effect::Stock(numbers.filter_map(delta).collect()))
        };
        let effect = match act {
            Act::Price { product: number, .. } => product(number).map(|(before, after)| Effect::Price {
                product: (*number, after.birth),
                before: before.cents,
                after: after.cents,
            }),
            Act::Adjust { product: number, .. } | Act::Set { product: number, .. } => moved(&mut [*number].iter()),
            Act::Receive { lines, .. } => moved(&mut lines.keys()),
            Act::Import { lines, .. } => moved(&mut lines.keys()),
            Act::Retire { product: number, .. } => {
                product(number).map(|(_, now)| (now.birth, now.is_retired)).map(|(birth, is_retired)| {
                    let after = is_retired.then_some(retirement);
                    let before = self.retirements.insert(birth, after).flatten();
                    Effect::Retired { product: (*number, birth), before, after }
                })
            }
            Act::Status { user: number, .. } => {
                let user = before.users.get(number).zip(self.users.get(number));
                user.map(|(before, after)| Effect::Status {
                    user: (*number, after.0),
                    before: before.1,
                    after: after.1,
                })
            }
            Act::Change { order, .. } => before.orders.get(*order).map(|old| self.changed(*order, old)),
            _ => None,
        };
        effect.unwrap_or(Effect::Fixed)
    }

    /// A line that is added has an id of its own, also where one of the product was removed before.
    fn changed(&mut self, number: usize, old: &ModelOrder) -> Effect {
        let birth = self.birth();
        let order = &mut self.orders[number];
        let added: Vec<usize> =
            order.lines.keys().filter(|product| !old.lines.contains_key(product)).copied().collect();
        order.line_births.retain(|product, _| order.lines.contains_key(product));
        order.line_births.extend(added.into_iter().map(|product| (product, birth)));
        let order = &self.orders[number];
        let births = [old, order]
            .map(|order| order.lines.keys().map(|product| (*product, self.products[product].birth)).collect());
        Effect::Order { order: number, births, before: Content::of(old), after: Content::of(order) }
    }

    /// The effect of taking back an act; `Nothing` if that was done before.
    fn undo(&mut self, act: usize) -> Result<Effect, &'static str> {
        let logged = self.log.get(act).ok_or("not_found")?.clone();
        match logged.effect {
            Effect::Nothing => return Err("not_found"),
            Effect::Failed => return Err("undo.failed"),
            Effect::Fixed => return Err("undo.not_undoable"),
            _ => {}
        }
        if let Some(mut last) = logged.undone_by {
            let mut is_undone = true;
            while let Some(next) = self.log[last].undone_by {
                (last, is_undone) = (next, !is_undone);
            }
            return if is_undone { Ok(Effect::Nothing) } else { Err("undo.redone") };
        }
        let effect = self.take_back(logged.effect)?;
        self.log[act].undone_by = Some(self.log.len());
        Ok(effect)
    }

    fn take_back(&mut self, effect: Effect) -> Result<Effect, &'static str> {
        const MOVED_ON: &str = "undo.moved_on";
        Ok(match effect {
            Effect::Price { product: (number, birth), before, after } => {
                let product =
                    self.products.get_mut(&number).filter(|product| product.birth == birth).ok_or(MOVED_ON)?;
                if product.cents != after {
                    return Err(MOVED_ON);
                }
                product.cents = before;
                Effect::Price { product: (number, birth), before: after, after: before }
            }
            Effect::Stock(moved) => {
                let is_there = |(number, birth): &(usize, usize)| {
                    self.products.get(number).is_some_and(|product| product.birth == *birth)
                };
                if !moved.iter().all(|(product, _)| is_there(product)) {
                    return Err(MOVED_ON);
                }
                if moved.iter().any(|((number, _), delta)| self.products[number].stock < *delta) {
                    return Err("stock.insufficient");
                }
                for ((number, _), delta) in &moved {
                    self.products.get_mut(number).expect("checked").stock -= delta;
                }
                Effect::Stock(moved.into_iter().map(|(product, delta)| (product, -delta)).collect())
            }
            Effect::Retired { product: (number, birth), before, after } => {
                let product =
                    self.products.get_mut(&number).filter(|product| product.birth == birth).ok_or(MOVED_ON)?;
                if self.retirements.get(&birth).copied().flatten() != after {
                    return Err(MOVED_ON);
                }
                product.is_retired = before.is_some();
                self.retirements.insert(birth, before);
                Effect::Retired { product: (number, birth), before: after, after: before }
            }
            Effect::Status { user: (number, birth), before, after } => {
                let (_, status) = self.users.get_mut(&number).filter(|user| user.0 == birth).ok_or(MOVED_ON)?;
                if *status != after {
                    return Err(MOVED_ON);
                }
                *status = before;
                Effect::Status { user: (number, birth), before: after, after: before }
            }
            Effect::Order { order, births: [then, now], before, after } => {
                let found = &self.orders[order];
                if found.status != OrderStatus::Pending || Content::of(found) != after {
                    return Err(MOVED_ON);
                }
                match self.status_of(before.user) {
                    _ if before.user == after.user => {}
                    None => return Err("undo.gone"),
                    Some(status) if status != UserStatus::Active => return Err("user.not_active"),
                    Some(_) => {}
                }
                let is_there = |(product, birth): (&usize, &usize)| {
                    self.products.get(product).is_some_and(|product| product.birth == *birth)
                };
                if !then.iter().all(is_there) {
                    return Err("undo.gone");
                }
                let pieces = |content: &Content, product: &usize| content.lines.get(product).map_or(0, |line| line.0);
                let more = |product: &usize| pieces(&before, product) - pieces(&after, product);
                let products: Vec<usize> = then.keys().chain(now.keys()).copied().collect();
                let moved: BTreeMap<usize, i32> = products.iter().map(|product| (*product, more(product))).collect();
                if moved.values().any(|more| *more > 0) && !self.may_order(before.user) {
                    return Err("user.not_active");
                }
                if moved.iter().any(|(product, more)| *more > 0 && self.products[product].is_retired) {
                    return Err("product.retired");
                }
                if moved.iter().any(|(product, more)| self.products[product].stock < *more) {
                    return Err("stock.insufficient");
                }
                moved.iter().for_each(|(product, more)| self.products.get_mut(product).expect("there").stock -= more);
                let found = &mut self.orders[order];
                let Content { user, cents, lines, births } = before.clone();
                found.user_birth = user;
                found.taken = lines.iter().map(|(product, line)| (*product, line.0)).collect();
                (found.cents, found.lines, found.line_births) = (cents, lines, births);
                Effect::Order { order, births: [now, then], before: after, after: before }
            }
            fixed => fixed,
        })
    }
}
