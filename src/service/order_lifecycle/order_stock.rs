//! The pieces that an order took and restocked, and those that can still be restocked.

use super::{Restock, RestockedLine, shown};
use crate::domain::text::number_is;
use crate::domain::{Id, MovementReason, Quantity};
use crate::entity::{Stored, order, product, stock_movement};
use crate::error::{CommandLine, Error, Kind, Result, printable};
use crate::repository;
use crate::repository::order::ItemWithProduct;
use crate::service::product::described;

/// An order's effect on the stock of each product.
pub(super) struct OrderStock {
    pieces: Vec<ProductPieces>,
    /// Products in its lines without a movement: another program took them.
    pub(super) by_its_lines: Vec<Id>,
}

/// Pieces of one product.
struct ProductPieces {
    product: Id,
    taken: i64,
    back: i64,
}

impl ProductPieces {
    /// Pieces that can still be restocked.
    fn left(&self) -> i64 {
        (self.taken - self.back).max(0)
    }

    /// `the order took only 2, and 1 is already restocked`
    fn describe(&self) -> String {
        match self.back {
            0 => format!("the order took only {}", self.taken),
            back => format!("the order took only {}, and {} already restocked", self.taken, number_is(back)),
        }
    }
}

impl OrderStock {
    /// Errors: exit 6 if another program stored an invalid quantity.
    pub(super) fn new(
        order: &order::Model,
        items: &[ItemWithProduct],
        movements: &[stock_movement::Model],
    ) -> Result<OrderStock> {
        let known = |pieces: &Stored<i32>| pieces.known().map(i64::from).ok_or_else(|| odd_pieces(order, pieces));
        let mut taken = OrderStock { pieces: Vec::new(), by_its_lines: Vec::new() };
        for movement in movements {
            let delta = known(&movement.delta)?;
            match movement.reason.known() {
                Some(MovementReason::BALANCE) => {}
                Some(MovementReason::Order) => taken.add(movement.product_id, -delta, 0),
                _ => taken.add(movement.product_id, 0, delta),
            }
        }
        let is_taken = |id: Id| {
            movements.iter().any(|movement| movement.product_id == id && movement.reason == MovementReason::Order)
        };
        for (item, _) in items.iter().filter(|(item, _)| !is_taken(item.product_id)) {
            taken.add(item.product_id, known(&item.quantity)?, 0);
            taken.by_its_lines.push(item.product_id);
        }
        Ok(taken)
    }

    fn add(&mut self, product: Id, taken: i64, back: i64) {
        match self.pieces.iter_mut().find(|pieces| pieces.product == product) {
            Some(pieces) => {
                pieces.taken += taken;
                pieces.back += back;
            }
            None => self.pieces.push(ProductPieces { product, taken, back }),
        }
    }

    fn find(&self, product: Id) -> Option<&ProductPieces> {
        self.pieces.iter().find(|pieces| pieces.product == product)
    }

    /// The pieces of a product that can be restocked.
    fn left(&self, product: Id) -> i64 {
        self.find(product).map_or(0, ProductPieces::left)
    }

    /// These pieces of lines, as far as they are not back yet.
    ///
    /// Pieces of a product that came back before any refund was for them (`left_of` has those that none was for) are those
    /// of the next refund.
    pub(super) fn of_lines(
        &self,
        order: &order::Model,
        items: &[ItemWithProduct],
        lines: &[(Id, i64)],
        left_of: impl Fn(Id) -> i64,
    ) -> Result<Vec<RestockedLine>> {
        let mut wanted = Vec::<(Id, i64)>::new();
        for (line, pieces) in lines {
            let product = items.iter().find(|(item, _)| item.id == *line).map(|(item, _)| item.product_id);
            let Some(product) = product.filter(|product| named(items, *product).is_some()) else { continue };
            match wanted.iter_mut().find(|(id, _)| *id == product) {
                Some((_, sum)) => *sum += pieces,
                None => wanted.push((product, *pieces)),
            }
        }
        let is_back = |id: Id| (left_of(id) - self.left(id)).max(0);
        let chosen = wanted.into_iter().map(|(id, pieces)| (id, (pieces - is_back(id)).min(self.left(id))));
        chosen.filter(|(_, pieces)| *pieces > 0).map(|(id, pieces)| restored(order, items, id, pieces)).collect()
    }

    /// The pieces of each product to restock, never more than were taken.
    ///
    /// Errors: exit 3 for a product that is not in the order; exit 6 naming each product with more requested
    /// pieces than can be restocked.
    pub(super) fn choose(
        &self,
        order: &order::Model,
        items: &[ItemWithProduct],
        what: &Restock,
    ) -> Result<Vec<RestockedLine>> {
        let (named, restored) = (|id: Id| named(items, id), |id: Id, pieces: i64| restored(order, items, id, pieces));
        let Restock::Lines(lines) = what else {
            let everything = self.pieces.iter().filter(|pieces| pieces.left() > 0);
            // A deleted product cannot be restocked.
            return everything
                .filter(|pieces| named(pieces.product).is_some())
                .map(|pieces| restored(pieces.product, pieces.left()))
                .collect();
        };
        let products = find_products(order, items, lines)?;
        let mut chosen = Vec::<(Id, i64)>::new();
        for (product, (_, quantity)) in products.into_iter().zip(lines) {
            let pieces = quantity.map_or_else(|| self.left(product), |quantity| i64::from(quantity.get()));
            match chosen.iter_mut().find(|(id, _)| *id == product) {
                Some((_, sum)) => *sum += pieces,
                None => chosen.push((product, pieces)),
            }
        }
        let too_much = chosen.iter().filter(|(id, pieces)| *pieces > self.left(*id)).map(|(id, pieces)| {
            let sku = named(*id).map_or_else(|| id.to_string(), |product| printable(&product.sku));
            let description = self.find(*id).map_or_else(|| "the order took none".to_owned(), ProductPieces::describe);
            format!("{sku}: cannot restock {pieces}: {description}")
        });
        let too_much: Vec<String> = too_much.collect();
        if !too_much.is_empty() {
            let message = format!("order {}: {}", shown(order), too_much.join("; "));
            return Err(Error::conflict("order.restock_too_much", message));
        }
        chosen.into_iter().filter(|(_, pieces)| *pieces > 0).map(|(id, pieces)| restored(id, pieces)).collect()
    }
}

/// A product of the order, unless another program deleted it.
fn named(items: &[ItemWithProduct], id: Id) -> Option<&product::Model> {
    items.iter().find(|(item, _)| item.product_id == id).and_then(|(_, found)| found.as_ref())
}

fn restored(order: &order::Model, items: &[ItemWithProduct], id: Id, pieces: i64) -> Result<RestockedLine> {
    let sku = named(items, id).map_or_else(|| id.to_string(), |product| product.sku.or_id(product.id));
    let quantity = i32::try_from(pieces).map_err(|_| too_many(order, &sku))?;
    Ok(RestockedLine { product_id: id, sku, quantity })
}

/// The order's product that each line names.
///
/// Errors: exit 3 naming every unknown product.
pub(super) fn find_products(
    order: &order::Model,
    items: &[ItemWithProduct],
    lines: &[(String, Option<Quantity>)],
) -> Result<Vec<Id>> {
    let find = |name: &str| {
        let mut products = items.iter().filter_map(|(_, product)| product.as_ref());
        products.find(|product| repository::product::matches_name(product, name)).map(|product| product.id)
    };
    let unknown: Vec<String> =
        lines.iter().filter(|(name, _)| find(name).is_none()).map(|(name, _)| printable(name)).collect();
    if unknown.is_empty() {
        return Ok(lines.iter().filter_map(|(name, _)| find(name)).collect());
    }
    Err(has_no(order, &unknown))
}

/// Exit 3: the order has no such products.
pub(in crate::service) fn has_no(order: &order::Model, products: &[String]) -> Error {
    let message = format!("order {} has no {}", shown(order), products.join(", "));
    Error::new(Kind::NotFound, "product.not_found", message)
        .hint(CommandLine::new("order show").argument(&shown(order)))
}

fn too_many(order: &order::Model, sku: &str) -> Error {
    let message = format!("order {} took more units of {} than a stock can hold", shown(order), printable(sku));
    Error::conflict("stock.too_much", message).hint("use --no-restock, and correct the stock")
}

fn odd_pieces(order: &order::Model, pieces: &Stored<i32>) -> Error {
    let (name, pieces) = (shown(order), described(pieces));
    Error::conflict(
        "order.odd_pieces",
        format!("order {name} has {pieces} units of a product, which is not a whole number"),
    )
    .hint("use --no-restock, and correct the stock")
}
