//! Price changes: to an amount, by an amount or by a percentage, optionally rounded to an ending.
//! Exact decimals throughout.

use std::fmt;
use std::str::FromStr;

use rust_decimal::{Decimal, RoundingStrategy};

use super::Money;
use super::money::PLACES;

/// Decimal places of a percentage.
const PERCENT_PLACES: usize = 4;
/// The highest percentage in either direction; up to it every calculation is exact.
const MAX_PERCENT: Decimal = Decimal::from_parts(1_000_000, 0, 0, false, 0);

/// A change of a price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PriceChange {
    /// Set to this price.
    To(Money),
    /// Increased or decreased by this amount.
    By(Decimal),
    /// Increased or decreased by this percentage.
    Percent(Decimal),
}

impl PriceChange {
    /// `13.00`
    pub fn parse_to(text: &str) -> Result<PriceChange, String> {
        Money::parse_price(text).map(PriceChange::To)
    }

    /// `+0.50`, `-2`, `+5%`, `-2.5%`
    pub fn parse_by(text: &str) -> Result<PriceChange, String> {
        if let Some(percent) = text.trim().strip_suffix('%') {
            return parse_percent(percent).map(PriceChange::Percent);
        }
        let problem = "must be an amount such as +0.50 or a percentage such as -5%";
        let amount = parse_signed(text.trim(), PLACES as usize, problem)?;
        match amount.abs() > Money::MAX_PRICE.to_decimal() {
            true => Err(format!("must be at most {} in either direction", Money::MAX_PRICE)),
            false => Ok(PriceChange::By(amount)),
        }
    }

    /// The new price before rounding; `None` on overflow.
    fn exact(self, old: Money) -> Option<Decimal> {
        let old = old.to_decimal();
        match self {
            PriceChange::To(price) => Some(price.to_decimal()),
            PriceChange::By(amount) => old.checked_add(amount),
            PriceChange::Percent(percent) => {
                old.checked_mul(Decimal::ONE_HUNDRED + percent)?.checked_div(Decimal::ONE_HUNDRED)
            }
        }
    }
}

/// The cents that new prices end with, such as 0.99.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ending(Decimal);

impl Ending {
    /// `0.00` to `0.99`
    pub fn parse(text: &str) -> Result<Ending, String> {
        let problem = || match text.starts_with('.') {
            true => "needs a 0 before the point".to_owned(),
            false => "must be between 0.00 and 0.99".to_owned(),
        };
        let cents = Money::parse_price(text).map_err(|_| problem())?.to_decimal();
        if cents < Decimal::ONE { Ok(Ending(cents)) } else { Err(problem()) }
    }

    /// The nearest price with these cents, the higher of two, and never below zero.
    fn nearest(self, exact: Decimal) -> Option<Decimal> {
        let half = Decimal::new(5, 1);
        let whole = exact.checked_sub(self.0)?.checked_add(half)?.floor();
        whole.max(Decimal::ZERO).checked_add(self.0)
    }
}

/// How a new price is computed from an old one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Repricing {
    pub change: PriceChange,
    pub ending: Option<Ending>,
}

impl Repricing {
    /// The new price: rounded to cents, half away from zero, or to the ending. `old` is `None` if another
    /// program stored an invalid amount.
    ///
    /// Errors: the reason, if there is no valid price.
    pub fn price(&self, old: impl Into<Option<Money>>) -> Result<Money, String> {
        let too_much = || format!("would be more than {}", Money::MAX_PRICE);
        let old = match (old.into(), self.change) {
            (Some(old), _) => old,
            (None, PriceChange::To(price)) => price,
            (None, _) => return Err("is not an amount now: set a new one with --to".to_owned()),
        };
        let exact = self.change.exact(old).ok_or_else(too_much)?;
        if exact < Decimal::ZERO {
            let shown = exact.round_dp_with_strategy(PLACES, RoundingStrategy::AwayFromZero);
            return Err(format!("would be {shown:.2}, below zero"));
        }
        let rounded = match self.ending {
            Some(ending) => ending.nearest(exact).ok_or_else(too_much)?,
            None => exact.round_dp_with_strategy(PLACES, RoundingStrategy::MidpointAwayFromZero),
        };
        match rounded > Money::MAX_PRICE.to_decimal() {
            true => Err(too_much()),
            false => Ok(Money::from_stored(rounded)),
        }
    }
}

/// The maximum relative change of a price, in percent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MaxChange(Decimal);

impl MaxChange {
    /// `50%` or `50`
    pub fn parse(text: &str) -> Result<MaxChange, String> {
        let text = text.trim();
        let percent = parse_percent(text.strip_suffix('%').unwrap_or(text))?;
        if percent.is_sign_negative() { Err("must not be negative".to_owned()) } else { Ok(MaxChange(percent)) }
    }

    /// Whether the change from `old` to `new` exceeds the maximum. Any change from zero does.
    pub fn is_exceeded(self, old: Option<Money>, new: Money) -> bool {
        percent_changed(old, new).is_none_or(|percent| percent.abs() > self.0)
    }
}

impl fmt::Display for MaxChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", self.0.normalize())
    }
}

/// The change of a price in percent of the old one; `None` if the old one was zero or invalid and the
/// new one is not zero.
pub fn percent_changed(old: Option<Money>, new: Money) -> Option<Decimal> {
    let old = old?;
    if old == new {
        return Some(Decimal::ZERO);
    }
    let difference = new.to_decimal().checked_sub(old.to_decimal())?;
    difference.checked_mul(Decimal::ONE_HUNDRED)?.checked_div(old.to_decimal().abs())
}

pub(super) fn parse_percent(text: &str) -> Result<Decimal, String> {
    let percent = parse_signed(text.trim(), PERCENT_PLACES, "must be a percentage such as 5%")?;
    match percent.abs() > MAX_PERCENT {
        true => Err(format!("must be at most {MAX_PERCENT}% in either direction")),
        false => Ok(percent),
    }
}

/// Digits with an optional sign and at most `places` decimal places.
fn parse_signed(text: &str, places: usize, problem: &str) -> Result<Decimal, String> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !is_digits(whole) || !is_digits(fraction) {
        return Err(problem.to_owned());
    }
    if fraction.len() > places {
        return Err(format!("has more than {places} decimal places"));
    }
    let amount = Decimal::from_str(digits).map_err(|_| "is too large".to_owned())?;
    Ok(if text.starts_with('-') && !amount.is_zero() { -amount } else { amount })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn money(text: &str) -> Money {
        Money::parse_price(text).unwrap()
    }

    fn by(text: &str) -> Repricing {
        Repricing { change: PriceChange::parse_by(text).unwrap(), ending: None }
    }

    fn ending_with(text: &str, ending: &str) -> Repricing {
        Repricing { ending: Some(Ending::parse(ending).unwrap()), ..by(text) }
    }

    #[test]
    fn an_invalid_change_is_rejected() {
        for text in
            ["", "%", "five", "+", "--1", "1e3", "0.001", "1.00001%", "1,5", "-.5", "100000000", "1000001%", "5 %%"]
        {
            assert!(PriceChange::parse_by(text).is_err(), "{text} was accepted");
        }
        for text in ["1", "-0.01", "0.999", "1.00", "", "99"] {
            assert!(Ending::parse(text).is_err(), "{text} was accepted");
        }
        for text in ["-1%", "", "half", "50%%"] {
            assert!(MaxChange::parse(text).is_err(), "{text} was accepted");
        }
        assert_eq!(PriceChange::parse_by("-0%"), Ok(PriceChange::Percent(Decimal::ZERO)));
    }

    #[test]
    fn percentages_are_rounded_half_away_from_zero() {
        assert_eq!(by("-5%").price(money("12.50")), Ok(money("11.88")));
        assert_eq!(by("+10%").price(money("0.05")), Ok(money("0.06")));
        assert_eq!(by("-100%").price(money("12.50")), Ok(Money::ZERO));
        assert_eq!(by("0.0001%").price(Money::MAX_PRICE), Err("would be more than 99999999.99".to_owned()));
        assert!(by("-100.0001%").price(money("0.01")).is_err());
        assert!(by("-0.02").price(money("0.01")).unwrap_err().contains("-0.01"));
    }

    #[test]
    fn an_ending_is_the_nearest_one() {
        assert_eq!(ending_with("+5%", "0.99").price(money("12.50")), Ok(money("12.99")));
        assert_eq!(ending_with("0", "0.99").price(money("12.48")), Ok(money("11.99")));
        assert_eq!(ending_with("0", "0.99").price(money("12.49")), Ok(money("12.99")), "ties up");
        assert_eq!(ending_with("0", "0.99").price(money("0.10")), Ok(money("0.99")), "never negative");
        assert_eq!(ending_with("0", "0.00").price(money("0.10")), Ok(Money::ZERO));
        assert!(ending_with("0", "0.00").price(money("99999999.50")).is_err());
    }

    #[test]
    fn the_guard_compares_with_the_old_price() {
        let half = MaxChange::parse("50%").unwrap();
        assert!(!half.is_exceeded(Some(money("10")), money("15")));
        assert!(half.is_exceeded(Some(money("10")), money("15.01")));
        assert!(half.is_exceeded(Some(money("10")), money("4.99")));
        assert!(half.is_exceeded(Some(Money::ZERO), money("0.01")));
        assert!(!half.is_exceeded(Some(Money::ZERO), Money::ZERO));
    }

    proptest! {
        #[test]
        fn prices_are_within_half_a_unit_of_the_exact_value(
            cents in 0i64..=9_999_999_999,
            ten_thousandths in -1_100_000i64..=2_000_000,
            ending in proptest::option::of(0i64..100),
        ) {
            let old = Money::from_stored(Decimal::new(cents, 2));
            let percent = Decimal::new(ten_thousandths, 4);
            let exact = old.to_decimal() * (Decimal::ONE_HUNDRED + percent) / Decimal::ONE_HUNDRED;
            let ending = ending.map(|cents| Ending(Decimal::new(cents, 2)));
            let repricing = Repricing { change: PriceChange::Percent(percent), ending };
            match repricing.price(old) {
                Ok(new) => {
                    let new = new.to_decimal();
                    prop_assert!(new >= Decimal::ZERO && new <= Money::MAX_PRICE.to_decimal());
                    let unit = if ending.is_some() { Decimal::ONE } else { Decimal::new(1, 2) };
                    let is_lowest = ending.is_some_and(|ending| ending.0 == new);
                    let distance = (new - exact).abs();
                    prop_assert!(distance * Decimal::TWO <= unit || (is_lowest && distance < Decimal::ONE));
                    if let Some(ending) = ending {
                        prop_assert_eq!(new.fract(), ending.0);
                    }
                }
                Err(_) => prop_assert!(exact < Decimal::ZERO || exact + Decimal::ONE > Money::MAX_PRICE.to_decimal()),
            }
        }

        #[test]
        fn amounts_are_added_exactly(cents in 0i64..=9_999_999_999, delta in -9_999_999_999i64..=9_999_999_999) {
            let old = Money::from_stored(Decimal::new(cents, 2));
            let new = Repricing { change: PriceChange::By(Decimal::new(delta, 2)), ending: None }.price(old);
            let sum = cents + delta;
            match (0..=9_999_999_999).contains(&sum) {
                true => prop_assert_eq!(new, Ok(Money::from_stored(Decimal::new(sum, 2)))),
                false => prop_assert!(new.is_err()),
            }
        }
    }
}
