//! Sums of money: exact like [`Money`], but without its limits.

use std::fmt;

use rust_decimal::{Decimal, RoundingStrategy};

use super::money::{Money, PLACES};

/// A sum of prices or totals with two decimal places. It holds some 10^26, far beyond what any
/// number of orders adds up to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Amount(Decimal);

impl Amount {
    /// The empty sum, with two decimal places.
    pub const ZERO: Amount = Amount(Decimal::from_parts(0, 0, 0, false, PLACES));

    /// A sum as a database computed it.
    pub fn from_stored(sum: Decimal) -> Amount {
        let mut sum = sum.round_dp_with_strategy(PLACES, RoundingStrategy::MidpointAwayFromZero);
        sum.rescale(PLACES);
        Amount(sum)
    }

    /// The sum for calculations and JSON, with two decimal places.
    pub fn to_decimal(self) -> Decimal {
        self.0
    }

    /// The cost of a quantity, which may be any that a database can hold.
    pub fn cost(price: Money, quantity: i32) -> Amount {
        Amount::from_stored(price.to_decimal().saturating_mul(Decimal::from(quantity)))
    }

    /// The sum of both; saturates at the largest decimal.
    pub fn plus(self, other: Amount) -> Amount {
        Amount::from_stored(self.0.saturating_add(other.0))
    }

    /// This sum without the other, which may be more.
    pub fn minus(self, other: Amount) -> Amount {
        Amount::from_stored(self.0.saturating_sub(other.0))
    }

    /// The share of each of `count`, rounded half up to whole cents; `None` for a count of zero.
    pub fn average(self, count: i64) -> Option<Amount> {
        self.0.checked_div(Decimal::from(count)).map(Amount::from_stored)
    }
}

impl From<Money> for Amount {
    fn from(money: Money) -> Amount {
        Amount::from_stored(money.to_decimal())
    }
}

impl Default for Amount {
    fn default() -> Amount {
        Amount::ZERO
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.2}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn amount(text: &str) -> Amount {
        Amount::from_stored(text.parse().unwrap())
    }

    #[test]
    fn averages_round_half_up() {
        assert_eq!(amount("0.01").average(2), Some(amount("0.01")));
        assert_eq!(amount("0.03").average(2), Some(amount("0.02")));
        assert_eq!(amount("10").average(3), Some(amount("3.33")));
        assert_eq!(amount("20").average(3), Some(amount("6.67")));
        assert_eq!(amount("1").average(0), None);
    }

    #[test]
    fn sums_exceed_the_limit_of_one_order() {
        let most = amount("9999999999.99");
        assert_eq!(most.plus(most).to_string(), "19999999999.98");
        assert_eq!(Amount::ZERO.to_string(), "0.00");
    }
}
