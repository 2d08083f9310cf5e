//! Giving back the money of an order, all that is left or a part of it, for pieces or as an amount alone.

use serde_json::json;

use super::order_stock::find_products;
use super::shown;
use crate::domain::text::{is_are, number_is, was_were};
use crate::domain::{Id, Money, OrderStatus, Quantity};
use crate::entity::{Moment, Stored, order, order_item, order_refund, order_refund_line};
use crate::error::{CommandLine, Error, Hint, Result, printable};
use crate::repository::order::{ItemWithProduct, Refund, sum_of};
use crate::service::operation::Operation;

/// What a refund gives back; all that is left by default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RefundScope {
    /// The pieces of products (SKU or id) that it is for, or all that are left of a product.
    pub lines: Vec<(String, Option<Quantity>)>,
    /// The money; what the lines cost if absent.
    pub amount: Option<Money>,
}

impl RefundScope {
    /// Whether it is all that is left.
    pub fn is_rest(&self) -> bool {
        self.lines.is_empty() && self.amount.is_none()
    }
}

/// Pieces of a line of an order.
type Pieces<'a> = (&'a order_item::Model, i32);

/// An order with its refunds so far.
pub(in crate::service) struct Balance<'a> {
    pub order: &'a order::Model,
    pub refunds: &'a [Refund],
}

impl Balance<'_> {
    /// The money that is left; `None` where another program stored what is no amount.
    pub fn left(&self) -> Option<Money> {
        let (total, refunded) = (self.order.total_amount.known()?, sum_of(self.refunds)?);
        Some(total.checked_minus(refunded).unwrap_or(Money::ZERO))
    }

    /// The pieces of a line that were not refunded.
    fn pieces_left(&self, item: &order_item::Model) -> i32 {
        let pieces = i32::try_from(item.quantity.pieces() - self.pieces_refunded(item.id)).unwrap_or(0);
        pieces.max(0)
    }

    /// The pieces of a product that were not refunded.
    pub fn pieces_left_of(&self, items: &[ItemWithProduct], product: Id) -> i64 {
        let of_product = items.iter().filter(|(item, _)| item.product_id == product);
        of_product.map(|(item, _)| i64::from(self.pieces_left(item))).sum()
    }

    fn pieces_refunded(&self, item: Id) -> i64 {
        let lines = self.refunds.iter().flat_map(|refund| &refund.lines);
        lines.filter(|line| line.order_item_id == item).map(|line| line.quantity.pieces()).sum()
    }

    /// All lines with the pieces of them that are left.
    fn rest<'i>(&self, items: impl Iterator<Item = &'i order_item::Model>) -> Vec<Pieces<'i>> {
        items.map(|item| (item, self.pieces_left(item))).filter(|(_, pieces)| *pieces > 0).collect()
    }

    /// The pieces of lines that a refund restocks unless told otherwise: those that it is for, or, if nothing is left
    /// after it, all that no earlier one was for. What an earlier one was for and did not restock stays out of stock.
    pub fn usually_restocked(&self, items: &[ItemWithProduct], refund: &Refund, is_complete: bool) -> Vec<(Id, i64)> {
        match is_complete {
            true => {
                let rest = self.rest(items.iter().map(|(item, _)| item)).into_iter();
                rest.map(|(item, pieces)| (item.id, i64::from(pieces))).collect()
            }
            false => refund.lines.iter().map(|line| (line.order_item_id, line.quantity.pieces())).collect(),
        }
    }

    /// A refund of all that is left, of an order that was refunded elsewhere or before it came here; `None` where
    /// another program stored what is no amount.
    pub fn refund_rest<'i>(
        &self,
        operation: &Operation,
        items: impl Iterator<Item = &'i order_item::Model>,
        at: Moment,
    ) -> Option<Refund> {
        Some(Refund {
            refund: order_refund::Model { created_at: at, ..row(operation, self.order, self.left()?) },
            lines: Vec::new(),
        })
        .map(|refund| with_lines(operation, refund, &self.rest(items)))
    }

    /// The refund that is asked for, and whether the order is refunded with it.
    ///
    /// Errors: exit 3 for a product that is not in the order; exit 6 for more money or pieces than are left, naming
    /// what is left.
    pub fn refund(
        &self,
        operation: &Operation,
        items: &[ItemWithProduct],
        scope: &RefundScope,
        reason: Option<&str>,
    ) -> Result<(Refund, bool)> {
        let left = self.left().ok_or_else(|| odd_amounts(self.order))?;
        let all = || items.iter().map(|(item, _)| item);
        let lines = if scope.is_rest() { self.rest(all()) } else { self.choose(items, &scope.lines)? };
        let amount = match scope.amount {
            Some(amount) => amount,
            None if scope.is_rest() => left,
            None => cost_of(&lines).ok_or_else(|| odd_amounts(self.order))?,
        };
        if amount > left {
            return Err(self.too_much(amount, left, scope));
        }
        if !scope.lines.is_empty() && cost_of(&lines).is_some_and(|cost| amount > cost) {
            return Err(self.more_than_lines(amount, &lines, scope));
        }
        let is_free = self.order.total_amount == Money::ZERO;
        let pieces = |lines: &[Pieces<'_>]| lines.iter().map(|(_, pieces)| i64::from(*pieces)).sum::<i64>();
        let is_complete = match is_free {
            true => pieces(&lines) == pieces(&self.rest(all())),
            false => amount == left,
        };
        let refund = order_refund::Model { reason: reason.map(str::to_owned), ..row(operation, self.order, amount) };
        Ok((with_lines(operation, Refund { refund, lines: Vec::new() }, &lines), is_complete))
    }

    /// The lines of the named products, with the number of pieces of each.
    fn choose<'i>(
        &self,
        items: &'i [ItemWithProduct],
        wanted: &[(String, Option<Quantity>)],
    ) -> Result<Vec<Pieces<'i>>> {
        let mut products = Vec::<(Id, i64)>::new();
        for (product, (_, quantity)) in find_products(self.order, items, wanted)?.into_iter().zip(wanted) {
            let left = || self.pieces_left_of(items, product);
            // At least one, so that a product of which nothing is left is refused.
            let pieces = quantity.map_or_else(|| i64::max(1, left()), |quantity| i64::from(quantity.get()));
            match products.iter_mut().find(|(id, _)| *id == product) {
                Some((_, sum)) => *sum += pieces,
                None => products.push((product, pieces)),
            }
        }
        let (mut chosen, mut too_many) = (Vec::new(), Vec::new());
        for (product, mut wanted) in products {
            let asked = wanted;
            for (item, _) in items.iter().filter(|(item, _)| item.product_id == product) {
                let pieces = i64::from(self.pieces_left(item)).min(wanted);
                wanted -= pieces;
                chosen.extend(i32::try_from(pieces).ok().filter(|pieces| *pieces > 0).map(|pieces| (item, pieces)));
            }
            if wanted > 0 {
                too_many.push(self.describe(items, product, asked));
            }
        }
        if too_many.is_empty() {
            return Ok(chosen);
        }
        let message = format!("order {}: {}", shown(self.order), too_many.join("; "));
        Err(Error::conflict("order.refund_too_many", message))
    }

    /// `MUG: cannot refund 3: only 2 of 3 are left`
    fn describe(&self, items: &[ItemWithProduct], product: Id, asked: i64) -> String {
        let of_product = || items.iter().filter(|(item, _)| item.product_id == product);
        let sku = of_product().find_map(|(_, product)| Some(printable(&product.as_ref()?.sku)));
        let ordered: i64 = of_product().map(|(item, _)| item.quantity.pieces()).sum();
        let refunded: i64 = of_product().map(|(item, _)| self.pieces_refunded(item.id)).sum();
        let left = match (ordered - refunded, refunded) {
            (_, 0) => format!("only {ordered} {} ordered", was_were(ordered)),
            (left @ 1.., _) => format!("only {left} of {ordered} {} left", is_are(left)),
            (_, _) => format!("{} already refunded", number_is(refunded)),
        };
        let sku = sku.unwrap_or_else(|| product.to_string());
        format!("{sku}: cannot refund {asked}: {left}")
    }

    /// Exit 6: the rest of the money is for no line, or the sales of the product would be less than nothing.
    fn more_than_lines(&self, amount: Money, lines: &[Pieces<'_>], scope: &RefundScope) -> Error {
        let (name, cost) = (shown(self.order), cost_of(lines).unwrap_or_default());
        let message = format!("order {name}: cannot refund {amount} for units that cost {cost}");
        let rest = amount.checked_minus(cost).unwrap_or_default().to_string();
        let command = || CommandLine::new("order refund").argument(&name);
        let text = |(product, quantity): &(String, Option<Quantity>)| match quantity {
            Some(quantity) => format!("{}:{quantity}", printable(product)),
            None => printable(product),
        };
        let units = scope.lines.iter().fold(command(), |command, line| command.option("--line", &text(line)));
        Error::conflict("order.refund_too_much", message)
            .hint(Hint::from("first refund the units: ").and(units))
            .hint(Hint::from("then the rest: ").and(command().option("--amount", &rest)))
    }

    fn too_much(&self, amount: Money, left: Money, scope: &RefundScope) -> Error {
        let (name, total) = (shown(self.order), &self.order.total_amount);
        let message = format!("order {name}: cannot refund {amount}: only {left} of {total} is left");
        let error = Error::conflict("order.refund_too_much", message)
            .details(json!({ "amount": amount, "left": left, "total": total }));
        let less = CommandLine::again().option("--amount", &left.to_string());
        let lines_cost_more = scope.amount.is_none() && left > Money::ZERO;
        error.hints_of(lines_cost_more.then(|| Hint::from("to refund the rest: ").and(less)))
    }
}

/// The refund of a past order: the total of a refunded one, else the amount, if any. Nobody knows when it was; it has
/// the time of the order.
///
/// Errors: exit 6 for more than the total.
pub(in crate::service) fn refund_of_past_order(
    operation: &Operation,
    order: &order::Model,
    items: &[ItemWithProduct],
    amount: Option<Money>,
) -> Result<Option<Refund>> {
    let scope = match (order.status.known(), amount.filter(|amount| *amount > Money::ZERO)) {
        (Some(OrderStatus::Refunded), _) => RefundScope::default(),
        (_, None) => return Ok(None),
        (_, amount) => RefundScope { lines: Vec::new(), amount },
    };
    let (mut refund, _) = Balance { order, refunds: &[] }.refund(operation, items, &scope, None)?;
    refund.refund.created_at = order.created_at.clone();
    Ok(Some(refund))
}

/// Checks what a past order says was given back of its total. More of a refunded one is the costs of another shop,
/// such as those of shipping.
///
/// Errors: exit 6 for what no order of this status can have.
pub(in crate::service) fn check_refund_of_past_order(
    status: OrderStatus,
    amount: Option<Money>,
    total: Money,
) -> Result<()> {
    let refused = |what: String| Err(Error::conflict("order.refunded_amount", what));
    match (status, amount) {
        (_, None) => Ok(()),
        (OrderStatus::Refunded, Some(amount)) if amount < total => {
            refused(format!("only {amount} of {total} is refunded, but a refunded order is refunded in full"))
        }
        (OrderStatus::Refunded, _) => Ok(()),
        (_, Some(amount)) if amount == Money::ZERO => Ok(()),
        (status, Some(amount)) if !status.is_sale() => {
            refused(format!("a {} order cannot have {amount} refunded", status.as_str()))
        }
        (_, Some(amount)) if amount > total => {
            refused(format!("{amount} is refunded, which is more than its total of {total}"))
        }
        (_, Some(amount)) if amount == total => {
            refused(format!("all of {total} is refunded, so its status must be refunded, not {}", status.as_str()))
        }
        (_, Some(_)) => Ok(()),
    }
}

/// Exit 6: more is to be given back for an order that is refunded.
pub(super) fn nothing_left(order: &order::Model) -> Error {
    let message = format!("order {} is already refunded: nothing of {} is left", shown(order), order.total_amount);
    Error::conflict("order.refund_too_much", message)
        .hint(Hint::from("to see its refunds: ").and(CommandLine::new("order show").argument(&shown(order))))
}

fn odd_amounts(order: &order::Model) -> Error {
    let message = format!("order {} has an invalid total, price or refund", shown(order));
    Error::conflict("order.odd_amount", message).hint(CommandLine::new("order show").argument(&shown(order)))
}

fn row(operation: &Operation, order: &order::Model, amount: Money) -> order_refund::Model {
    order_refund::Model {
        id: operation.new_id().into(),
        order_id: order.id,
        amount: amount.into(),
        reason: None,
        operation_id: operation.id().into(),
        created_at: operation.now().into(),
    }
}

/// The refund with these lines, which share its amount by their values. No line gets more than its pieces cost: what is
/// left beyond that, after refunds of less than the value of their pieces, belongs to no line.
fn with_lines(operation: &Operation, refund: Refund, lines: &[Pieces<'_>]) -> Refund {
    let Stored::Known(amount) = refund.refund.amount else { return refund };
    let costs: Vec<Money> = lines.iter().map(|line| cost(line).unwrap_or(Money::ZERO)).collect();
    let line = |((item, pieces), amount): (&Pieces<'_>, Money)| order_refund_line::Model {
        id: operation.new_id().into(),
        refund_id: refund.refund.id,
        order_item_id: item.id,
        quantity: (*pieces).into(),
        amount: amount.into(),
    };
    let lines = lines.iter().zip(amount.shared_out(&costs)).map(line).collect();
    Refund { lines, ..refund }
}

fn cost((item, pieces): &Pieces<'_>) -> Option<Money> {
    item.unit_price.checked_times(Quantity::new(i64::from(*pieces)).ok()?)
}

fn cost_of(lines: &[Pieces<'_>]) -> Option<Money> {
    lines.iter().try_fold(Money::ZERO, |sum, line| sum.checked_plus(cost(line)?))
}
