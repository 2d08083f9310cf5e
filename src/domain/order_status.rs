//! The states of an order and the one table of its lifecycle (BR-002).

/// Where an order stands. `Completed`, `Cancelled` and `Refunded` free the customer's account;
/// the last two are terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderStatus {
    Pending,
    Paid,
    Shipped,
    Completed,
    Cancelled,
    Refunded,
}

impl OrderStatus {
    pub const ALL: [OrderStatus; 6] = [
        OrderStatus::Pending,
        OrderStatus::Paid,
        OrderStatus::Shipped,
        OrderStatus::Completed,
        OrderStatus::Cancelled,
        OrderStatus::Refunded,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            OrderStatus::Pending => "pending",
            OrderStatus::Paid => "paid",
            OrderStatus::Shipped => "shipped",
            OrderStatus::Completed => "completed",
            OrderStatus::Cancelled => "cancelled",
            OrderStatus::Refunded => "refunded",
        }
    }

    /// Whether the order's total is revenue: paid for, and neither called off nor paid back.
    pub const fn is_sale(self) -> bool {
        match self {
            OrderStatus::Paid | OrderStatus::Shipped | OrderStatus::Completed => true,
            OrderStatus::Pending | OrderStatus::Cancelled | OrderStatus::Refunded => false,
        }
    }

    /// `None` for what another program wrote.
    pub fn from_stored(text: &str) -> Option<OrderStatus> {
        OrderStatus::ALL.into_iter().find(|status| status.as_str() == text)
    }
}

/// What happens to the stock of an order's lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StockEffect {
    None,
    /// Every line goes back, unless the caller says otherwise.
    Restored,
}

/// One row of the lifecycle: `verb` leads from `from` to `to`.
#[derive(Debug, Clone, Copy)]
pub struct Transition {
    pub from: OrderStatus,
    pub verb: &'static str,
    pub to: OrderStatus,
    pub stock: StockEffect,
}

const fn row(from: OrderStatus, verb: &'static str, to: OrderStatus, stock: StockEffect) -> Transition {
    Transition { from, verb, to, stock }
}

/// BR-002: what is not in this table is refused.
pub const LIFECYCLE: [Transition; 9] = [
    row(OrderStatus::Pending, "pay", OrderStatus::Paid, StockEffect::None),
    row(OrderStatus::Pending, "cancel", OrderStatus::Cancelled, StockEffect::Restored),
    row(OrderStatus::Pending, "expire", OrderStatus::Cancelled, StockEffect::Restored),
    row(OrderStatus::Paid, "ship", OrderStatus::Shipped, StockEffect::None),
    row(OrderStatus::Paid, "complete", OrderStatus::Completed, StockEffect::None),
    row(OrderStatus::Shipped, "complete", OrderStatus::Completed, StockEffect::None),
    row(OrderStatus::Paid, "refund", OrderStatus::Refunded, StockEffect::Restored),
    row(OrderStatus::Shipped, "refund", OrderStatus::Refunded, StockEffect::None),
    row(OrderStatus::Completed, "refund", OrderStatus::Refunded, StockEffect::None),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cancelled_and_refunded_are_terminal() {
        assert!(LIFECYCLE.iter().all(|row| !matches!(row.from, OrderStatus::Cancelled | OrderStatus::Refunded)));
    }

    #[test]
    fn a_verb_leads_from_one_state_to_one_state_only() {
        for (position, row) in LIFECYCLE.iter().enumerate() {
            assert!(LIFECYCLE[position + 1..].iter().all(|other| (other.from, other.verb) != (row.from, row.verb)));
        }
    }
}
