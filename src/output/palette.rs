//! The palette: what each colour means. States have one, all else has none.

use crate::domain::{OrderStatus, Outcome, UserStatus};

pub(super) const BOLD: &str = "\u{1b}[1m";
pub(super) const CYAN: &str = "\u{1b}[36m";
pub(super) const RED_LABEL: &str = "\u{1b}[1;31m";
pub(super) const YELLOW: &str = "\u{1b}[33m";
pub(super) const YELLOW_LABEL: &str = "\u{1b}[1;33m";
const RED: &str = "\u{1b}[31m";
const GREEN: &str = "\u{1b}[32m";
const DIM: &str = "\u{1b}[2m";
const RESET: &str = "\u{1b}[0m";

/// What a state means to its reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// All is well.
    Good,
    /// On its way.
    Going,
    /// Someone has to act.
    Open,
    /// Something is wrong.
    Bad,
    /// Nothing more happens.
    Over,
}

impl Tone {
    const fn code(self) -> &'static str {
        match self {
            Tone::Good => GREEN,
            Tone::Going => CYAN,
            Tone::Open => YELLOW,
            Tone::Bad => RED,
            Tone::Over => DIM,
        }
    }

    pub(super) fn paint(self, text: &str) -> String {
        paint(self.code(), text)
    }
}

/// The text in a colour.
pub(super) fn paint(code: &str, text: &str) -> String {
    format!("{code}{text}{RESET}")
}

impl From<OrderStatus> for Tone {
    fn from(status: OrderStatus) -> Tone {
        match status {
            OrderStatus::Pending => Tone::Open,
            OrderStatus::Paid | OrderStatus::Shipped => Tone::Going,
            OrderStatus::Completed => Tone::Good,
            OrderStatus::Cancelled | OrderStatus::Refunded => Tone::Over,
        }
    }
}

impl From<UserStatus> for Tone {
    fn from(status: UserStatus) -> Tone {
        match status {
            UserStatus::Active => Tone::Good,
            UserStatus::Disabled => Tone::Bad,
            UserStatus::Anonymized => Tone::Over,
        }
    }
}

impl From<Outcome> for Tone {
    fn from(outcome: Outcome) -> Tone {
        match outcome {
            Outcome::Succeeded => Tone::Good,
            Outcome::Failed => Tone::Bad,
        }
    }
}
