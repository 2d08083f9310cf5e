//! Why stock moved.

/// Reasons of a stock movement. `stock adjust` takes those of [`MovementReason::ADJUSTMENTS`]; the
/// others are written by shopctl itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MovementReason {
    /// The stock that a product was created with.
    Initial,
    /// Taken by an order.
    Order,
    /// Given back by an order that was undone.
    Restock,
    /// What another program did to the stock, recorded afterwards.
    External,
    Received,
    Correction,
    Damaged,
    Shrinkage,
    Return,
    Other,
}

impl MovementReason {
    pub const ADJUSTMENTS: [MovementReason; 6] = [
        MovementReason::Received,
        MovementReason::Correction,
        MovementReason::Damaged,
        MovementReason::Shrinkage,
        MovementReason::Return,
        MovementReason::Other,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            MovementReason::Initial => "initial",
            MovementReason::Order => "order",
            MovementReason::Restock => "restock",
            MovementReason::External => "external",
            MovementReason::Received => "received",
            MovementReason::Correction => "correction",
            MovementReason::Damaged => "damaged",
            MovementReason::Shrinkage => "shrinkage",
            MovementReason::Return => "return",
            MovementReason::Other => "other",
        }
    }

    /// The reasons that `stock adjust` takes.
    pub fn parse_adjustment(text: &str) -> Result<MovementReason, String> {
        let names: Vec<_> = MovementReason::ADJUSTMENTS.iter().map(|reason| reason.as_str()).collect();
        MovementReason::ADJUSTMENTS
            .into_iter()
            .find(|reason| reason.as_str() == text.trim().to_lowercase())
            .ok_or_else(|| format!("is none of {}", names.join(", ")))
    }
}
