//! Money: exact decimals with two places, never a float.

use std::cmp::Reverse;
use std::fmt;
use std::str::FromStr;

use rust_decimal::Decimal;

use super::Quantity;

/// Decimal places of every amount.
pub const PLACES: u32 = 2;

/// A non-negative amount with two decimal places.
///
/// Parsed strictly: more places or digits than allowed are rejected, never rounded. Read back
/// leniently through [`Money::from_stored`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Money(Decimal);

impl Money {
    /// The highest price of one piece: `decimal(10,2)`.
    pub const MAX_PRICE: Money = Money(Decimal::from_parts(1_410_065_407, 2, 0, false, PLACES));
    /// The highest total of one order: `decimal(12,2)`.
    pub const MAX_TOTAL: Money = Money(Decimal::from_parts(3_567_587_327, 232, 0, false, PLACES));
    /// No money.
    pub const ZERO: Money = Money(Decimal::ZERO);

    /// A price: 0 to 99 999 999.99, at most two decimal places.
    pub fn parse_price(text: &str) -> Result<Money, String> {
        Money::parse(text, Money::MAX_PRICE)
    }

    /// A total: 0 to 9 999 999 999.99, at most two decimal places.
    pub fn parse_total(text: &str) -> Result<Money, String> {
        Money::parse(text, Money::MAX_TOTAL)
    }

    fn parse(text: &str, max: Money) -> Result<Money, String> {
        let text = text.trim();
        if text.starts_with('-') {
            return Err("must not be negative".to_owned());
        }
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if !is_digits(whole) || !is_digits(fraction) {
            return Err("must be an amount such as 12.50".to_owned());
        }
        if fraction.len() > PLACES as usize {
            return Err(format!("has more than {PLACES} decimal places"));
        }
        let too_much = || format!("is more than {max}");
        let amount = Decimal::from_str(text).map_err(|_| too_much())?;
        if amount > max.0 { Err(too_much()) } else { Ok(Money::from_stored(amount)) }
    }

    /// An amount as a database returned it: rounded to two places, because SQLite keeps decimals as
    /// 8-byte floats (exact in this range).
    pub fn from_stored(amount: Decimal) -> Money {
        if amount.scale() == PLACES {
            return Money(amount);
        }
        let mut amount = amount.round_dp(PLACES);
        amount.rescale(PLACES);
        Money(amount)
    }

    /// The amount for a statement's parameter.
    pub fn to_decimal(self) -> Decimal {
        self.0
    }

    /// `None` when the product leaves the range of a total.
    pub fn checked_times(self, quantity: Quantity) -> Option<Money> {
        self.0
            .checked_mul(Decimal::from(quantity.get()))
            .map(Money::from_stored)
            .filter(|total| *total <= Money::MAX_TOTAL)
    }

    /// `None` when the sum leaves the range of a total.
    pub fn checked_plus(self, other: Money) -> Option<Money> {
        self.0.checked_add(other.0).map(Money::from_stored).filter(|total| *total <= Money::MAX_TOTAL)
    }

    /// The difference; `None` if `other` is more.
    pub fn checked_minus(self, other: Money) -> Option<Money> {
        self.0.checked_sub(other.0).filter(|left| !left.is_sign_negative() || left.is_zero()).map(Money::from_stored)
    }

    /// The amount in parts proportional to these values, each rounded to whole cents, half away from zero. The cents by
    /// which their sum then differs are spread over the largest values, the last of equal ones first. No part is more than
    /// its value: what the amount is more than all of them belongs to none.
    pub fn shared_out(self, values: &[Money]) -> Vec<Money> {
        let cents = |money: Money| Money::from_stored(money.0).0.mantissa().max(0);
        let values: Vec<i128> = values.iter().map(|value| cents(*value)).collect();
        let sum: i128 = values.iter().sum();
        let amount = cents(self).min(sum);
        let rounded = |value: &i128| (2 * amount * value + sum) / (2 * sum).max(1);
        let mut parts: Vec<i128> = values.iter().map(rounded).collect();
        let mut missing = amount - parts.iter().sum::<i128>();
        let mut by_value: Vec<usize> = (0..values.len()).rev().collect();
        by_value.sort_by_key(|position| Reverse(values[*position]));
        // Each rounded part is at most half a cent off, so that one round is enough.
        for position in by_value {
            let step = missing.signum();
            if (0..=values[position]).contains(&(parts[position] + step)) {
                parts[position] += step;
                missing -= step;
            }
        }
        parts.into_iter().map(|part| Money(Decimal::from_i128_with_scale(part, PLACES))).collect()
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Fast path for non-negative amounts: the general conversion is slow for a million lines.
        match u64::try_from(self.0.mantissa()) {
            Ok(cents) if self.0.scale() == PLACES => write!(f, "{}.{:02}", cents / 100, cents % 100),
            _ => write!(f, "{:.2}", self.0),
        }
    }
}

impl serde::Serialize for Money {
    /// A string ("12.50"): JSON numbers are floats to most readers.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limits_are_those_of_the_columns() {
        assert_eq!(Money::MAX_PRICE.to_string(), "99999999.99");
        assert_eq!(Money::MAX_TOTAL.to_string(), "9999999999.99");
        assert_eq!(Money::parse_price("99999999.99"), Ok(Money::MAX_PRICE));
        assert!(Money::parse_price("100000000").is_err());
    }

    #[test]
    fn inexact_amounts_are_rejected() {
        for text in [
            "1.005",
            "1e30",
            "-1",
            "-0",
            "1,50",
            "",
            ".5",
            "5.",
            "NaN",
            "1_000",
            "٣",
            "99999999999999999999999999999999",
        ] {
            assert!(Money::parse_price(text).is_err(), "{text} was accepted");
        }
        assert_eq!(Money::parse_price(" 12.5 ").unwrap().to_string(), "12.50");
        assert_eq!(Money::parse_price("007").unwrap().to_string(), "7.00");
    }

    #[test]
    fn arithmetic_that_overflows_is_none() {
        let million = Quantity::parse("1000000").unwrap();
        assert_eq!(Money::MAX_PRICE.checked_times(million), None);
        assert_eq!(Money::MAX_TOTAL.checked_plus(Money::parse_price("0.01").unwrap()), None);
    }

    #[test]
    fn an_amount_is_shared_out_to_the_cent() {
        let money = |text: &str| Money::parse_total(text).unwrap();
        let shared = |amount: &str, values: &[&str]| {
            let values: Vec<Money> = values.iter().map(|value| money(value)).collect();
            money(amount).shared_out(&values).iter().map(Money::to_string).collect::<Vec<_>>()
        };
        assert_eq!(shared("10.00", &["10.00", "10.00", "10.00"]), ["3.33", "3.33", "3.34"]);
        assert_eq!(shared("5.00", &["10.00", "10.00", "10.00"]), ["1.67", "1.67", "1.66"]);
        assert_eq!(shared("3.00", &["25.00", "2.40"]), ["2.74", "0.26"]);
        assert_eq!(shared("0.01", &["5.00", "5.00"]), ["0.01", "0.00"]);
        assert_eq!(shared("9999999999.99", &["9999999999.99", "0.00"]), ["9999999999.99", "0.00"]);
        assert_eq!(shared("1.00", &[]), [""; 0]);
        assert_eq!(shared("5.00", &["3.33", "3.33", "3.33", "0.01"]), ["1.67", "1.66", "1.66", "0.01"]);
        // The missing cent is for none that costs less.
        assert_eq!(shared("0.02", &["0.01", "0.01", "0.01"]), ["0.01", "0.01", "0.00"]);
        assert_eq!(shared("0.01", &["0.01", "0.01", "0.00"]), ["0.01", "0.00", "0.00"]);
        // More than all of them belongs to none.
        assert_eq!(shared("7.00", &["0.00", "0.00"]), ["0.00", "0.00"]);
        assert_eq!(shared("7.00", &["1.00", "2.00"]), ["1.00", "2.00"]);
        assert_eq!(money("2.00").checked_minus(money("2.00")), Some(money("0.00")));
        assert_eq!(money("2.00").checked_minus(money("2.01")), None);
    }

    proptest::proptest! {
        #[test]
        fn whole_cents_survive_text_and_floats(cents in 0i64..=9_999_999_999) {
            let money = Money::from_stored(Decimal::new(cents, 2));
            proptest::prop_assert_eq!(Money::parse_price(&money.to_string()), Ok(money));
            // As SQLite stores it: the amount as an 8-byte float and back.
            let float: f64 = money.to_string().parse().unwrap();
            let read = Decimal::try_from(float).unwrap();
            proptest::prop_assert_eq!(Money::from_stored(read), money);
        }

        #[test]
        fn parts_of_an_amount_add_up_to_it_or_to_the_values(cents in 0i64..=999_999_999_999, values in proptest::collection::vec(0i64..=999_999_999_999, 1..9)) {
            let money = |cents: i64| Money::from_stored(Decimal::new(cents, 2));
            let values: Vec<Money> = values.into_iter().map(money).collect();
            let parts = money(cents).shared_out(&values);
            let of = |amounts: &[Money]| amounts.iter().map(|amount| amount.to_decimal()).sum::<Decimal>();
            proptest::prop_assert_eq!(of(&parts), money(cents).to_decimal().min(of(&values)));
            for (part, value) in parts.iter().zip(&values) {
                proptest::prop_assert!(*part >= Money::ZERO && part <= value, "{} of {}", part, value);
            }
        }
    }
}
