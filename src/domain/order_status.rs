//! The states of an order and the one table of its lifecycle (BR-002).

use super::EventName;

named_enum! {
    /// The status of an order. `Completed`, `Cancelled` and `Refunded` orders do not block anonymizing the
    /// customer; the last two are terminal.
    pub enum OrderStatus {
        Pending = "pending",
        Paid = "paid",
        Shipped = "shipped",
        Completed = "completed",
        Cancelled = "cancelled",
        Refunded = "refunded",
    }
}

impl OrderStatus {
    /// Whether the order's total is revenue: paid, and neither cancelled nor refunded.
    pub const fn is_sale(self) -> bool {
        match self {
            OrderStatus::Paid | OrderStatus::Shipped | OrderStatus::Completed => true,
            OrderStatus::Pending | OrderStatus::Cancelled | OrderStatus::Refunded => false,
        }
    }

    /// Whether an order that reached this status by the shortest path has restocked its lines.
    pub fn restocks(self) -> bool {
        let way = path_to(self);
        let from = |verbs: &[Verb]| verbs.last().map_or(OrderStatus::Pending, |verb| verb.leads_to());
        let last = way.split_last().map(|(verb, before)| decide(from(before), *verb));
        matches!(last, Some(Decision::Allowed(Transition { stock: StockEffect::Restored, .. })))
    }
}

named_enum! {
    /// An action on a placed order, as typed.
    pub enum Verb {
        Pay = "pay",
        Ship = "ship",
        Complete = "complete",
        Cancel = "cancel",
        Expire = "expire",
        Refund = "refund",
    }
}

impl Verb {
    /// The operation that performs it.
    pub const fn operation(self) -> EventName {
        match self {
            Verb::Pay => EventName::OrderPay,
            Verb::Ship => EventName::OrderShip,
            Verb::Complete => EventName::OrderComplete,
            Verb::Cancel => EventName::OrderCancel,
            Verb::Expire => EventName::OrderExpire,
            Verb::Refund => EventName::OrderRefund,
        }
    }

    /// The resulting status.
    pub const fn leads_to(self) -> OrderStatus {
        match self {
            Verb::Pay => OrderStatus::Paid,
            Verb::Ship => OrderStatus::Shipped,
            Verb::Complete => OrderStatus::Completed,
            Verb::Cancel | Verb::Expire => OrderStatus::Cancelled,
            Verb::Refund => OrderStatus::Refunded,
        }
    }
}

impl Verb {
    /// Whether any transition of this verb can restock lines.
    pub fn is_about_stock(self) -> bool {
        LIFECYCLE.iter().any(|row| row.verb == self && row.stock != StockEffect::None)
    }
}

/// The effect on the stock of an order's lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StockEffect {
    /// The stock does not change.
    None,
    /// Every line is restocked, unless the caller overrides it.
    Restored,
    /// Nothing is restocked unless the caller requests it, because the goods were shipped.
    OnRequest,
}

/// One row of the lifecycle: `verb` leads from `from` to [`Verb::leads_to`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transition {
    /// The status before.
    pub from: OrderStatus,
    /// The action that changes it.
    pub verb: Verb,
    /// What happens to the stock of the order's lines.
    pub stock: StockEffect,
}

const fn row(from: OrderStatus, verb: Verb, stock: StockEffect) -> Transition {
    Transition { from, verb, stock }
}

/// BR-002: transitions missing from this table are rejected, unless the order already has the status.
pub const LIFECYCLE: [Transition; 9] = [
    row(OrderStatus::Pending, Verb::Pay, StockEffect::None),
    row(OrderStatus::Pending, Verb::Cancel, StockEffect::Restored),
    row(OrderStatus::Pending, Verb::Expire, StockEffect::Restored),
    row(OrderStatus::Paid, Verb::Ship, StockEffect::None),
    row(OrderStatus::Paid, Verb::Complete, StockEffect::None),
    row(OrderStatus::Shipped, Verb::Complete, StockEffect::None),
    row(OrderStatus::Paid, Verb::Refund, StockEffect::Restored),
    row(OrderStatus::Shipped, Verb::Refund, StockEffect::OnRequest),
    row(OrderStatus::Completed, Verb::Refund, StockEffect::OnRequest),
];

/// The result of applying a verb to a status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// The status changes by this row of the table.
    Allowed(Transition),
    /// The order already has the resulting status.
    AlreadyReached,
    /// The table has no such row.
    Refused,
}

/// Looks the pair up in the table.
pub fn decide(from: OrderStatus, verb: Verb) -> Decision {
    if from == verb.leads_to() {
        return Decision::AlreadyReached;
    }
    let found = LIFECYCLE.into_iter().find(|row| row.from == from && row.verb == verb);
    found.map_or(Decision::Refused, Decision::Allowed)
}

/// The verbs allowed in a status; none in a terminal one.
pub fn allowed(from: OrderStatus) -> impl Iterator<Item = Verb> {
    LIFECYCLE.into_iter().filter(move |row| row.from == from).map(|row| row.verb)
}

/// The shortest sequence of verbs from a new order to this status; the first in the table of two equally
/// short ones.
pub fn path_to(status: OrderStatus) -> Vec<Verb> {
    let mut ways = vec![(OrderStatus::Pending, Vec::new())];
    let mut next = 0;
    while let Some((from, way)) = ways.get(next).cloned() {
        if from == status {
            return way;
        }
        for verb in allowed(from) {
            let to = verb.leads_to();
            if ways.iter().all(|(known, _)| *known != to) {
                ways.push((to, [way.as_slice(), &[verb]].concat()));
            }
        }
        next += 1;
    }
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cancelled_and_refunded_are_terminal() {
        for terminal in [OrderStatus::Cancelled, OrderStatus::Refunded] {
            assert_eq!(allowed(terminal).count(), 0);
            for verb in Verb::ALL {
                assert!(!matches!(decide(terminal, verb), Decision::Allowed(_)), "{verb:?} leaves {terminal:?}");
            }
        }
    }

    #[test]
    fn every_status_is_reached_by_the_shortest_path() {
        let way = |status: OrderStatus| path_to(status).into_iter().map(Verb::as_str).collect::<Vec<_>>().join(" ");
        let ways = OrderStatus::ALL.map(way);
        assert_eq!(ways, ["", "pay", "pay ship", "pay complete", "cancel", "pay refund"]);
    }

    #[test]
    fn cancelled_and_refunded_orders_have_restocked() {
        let given = OrderStatus::ALL.into_iter().filter(|status| status.restocks());
        assert_eq!(given.collect::<Vec<_>>(), [OrderStatus::Cancelled, OrderStatus::Refunded]);
    }

    #[test]
    fn no_pair_is_in_the_table_twice() {
        for (position, row) in LIFECYCLE.iter().enumerate() {
            assert!(LIFECYCLE[position + 1..].iter().all(|other| (other.from, other.verb) != (row.from, row.verb)));
        }
    }

    #[test]
    fn every_verb_has_a_start_and_none_starts_at_its_target() {
        for verb in Verb::ALL {
            assert!(LIFECYCLE.iter().any(|row| row.verb == verb), "{verb:?} is never allowed");
            assert!(LIFECYCLE.iter().all(|row| row.verb != verb || row.from != verb.leads_to()));
            assert_eq!(decide(verb.leads_to(), verb), Decision::AlreadyReached);
        }
    }
}
