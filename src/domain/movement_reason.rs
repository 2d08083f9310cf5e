//! Reasons of stock movements.

named_enum! {
    /// Reasons of a stock movement. `stock adjust` takes those of [`MovementReason::ADJUSTMENTS`]; the
    /// others are written by shopctl itself.
    pub enum MovementReason {
        /// The stock that a product was created with.
        Initial = "initial",
        /// Taken by an order.
        Order = "order",
        /// Restocked by a cancelled, expired or refunded order.
        Restock = "restock",
        /// A change by another program, recorded afterwards.
        External = "external",
        /// A delivery; of an order that was placed without touching the stock, the pieces that it took.
        Received = "received",
        Correction = "correction",
        Damaged = "damaged",
        Shrinkage = "shrinkage",
        Return = "return",
        Other = "other",
    }
}

impl MovementReason {
    /// The reason of an order's movements that are no part of its account: they balance what it takes when
    /// it is placed without touching the stock, and nothing has come back.
    pub const BALANCE: MovementReason = MovementReason::Received;

    /// The reasons that a person can give.
    pub const ADJUSTMENTS: [MovementReason; 6] = [
        MovementReason::Received,
        MovementReason::Correction,
        MovementReason::Damaged,
        MovementReason::Shrinkage,
        MovementReason::Return,
        MovementReason::Other,
    ];

    /// The reasons that `stock adjust` takes.
    pub fn parse_adjustment(text: &str) -> Result<MovementReason, String> {
        let names: Vec<_> = MovementReason::ADJUSTMENTS.iter().map(|reason| reason.as_str()).collect();
        MovementReason::ADJUSTMENTS
            .into_iter()
            .find(|reason| reason.as_str() == text.trim().to_lowercase())
            .ok_or_else(|| format!("must be one of {}", names.join(", ")))
    }
}
