//! Quantities: 1 to 1 000 000 in an order line; signed in a stock movement.

use std::fmt;

/// The most pieces of one product in one order or one adjustment.
pub const MAX_QUANTITY: i32 = 1_000_000;
/// The most lines of one order.
pub const MAX_LINES: usize = 300;
/// The highest stock of one product: what an `integer` column holds.
pub const MAX_STOCK: i32 = i32::MAX;

/// Pieces of one product: 1 to `MAX_QUANTITY`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Quantity(i32);

impl Quantity {
    /// A single piece.
    pub const ONE: Quantity = Quantity(1);

    /// Parses a whole number in range. Errors: the reason, without the text.
    pub fn parse(text: &str) -> Result<Quantity, String> {
        Quantity::new(parse_count(text)?)
    }

    /// Parses the new quantity of a line: a whole number in range, or 0 for none. Errors: as [`Quantity::parse`].
    pub fn parse_or_none(text: &str) -> Result<Option<Quantity>, String> {
        match parse_count(text)? {
            0 => Ok(None),
            value => Quantity::new(value).map(Some).map_err(|_| format!("must be between 0 and {MAX_QUANTITY}")),
        }
    }

    /// A quantity from a number. Errors: the allowed range.
    pub fn new(value: i64) -> Result<Quantity, String> {
        match i32::try_from(value) {
            Ok(value @ 1..=MAX_QUANTITY) => Ok(Quantity(value)),
            _ => Err(format!("must be between 1 and {MAX_QUANTITY}")),
        }
    }

    /// The number of pieces.
    pub fn get(self) -> i32 {
        self.0
    }

    /// Two lines for one product, merged.
    pub fn plus(self, other: Quantity) -> Result<Quantity, String> {
        Quantity::new(i64::from(self.0) + i64::from(other.0))
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A change of stock such as `+5` or `-2`: never 0, at most `MAX_QUANTITY` either way.
pub fn parse_delta(text: &str) -> Result<i32, String> {
    match i32::try_from(parse_integer(text)?) {
        Ok(0) => Err("must not be 0".to_owned()),
        Ok(value) if (-MAX_QUANTITY..=MAX_QUANTITY).contains(&value) => Ok(value),
        _ => Err(format!("must be between -{MAX_QUANTITY} and +{MAX_QUANTITY}")),
    }
}

/// A stock level: 0 to `MAX_STOCK`.
pub fn parse_stock(text: &str) -> Result<i32, String> {
    match i32::try_from(parse_count(text)?) {
        Ok(value @ 0..=MAX_STOCK) => Ok(value),
        _ => Err(format!("must be between 0 and {MAX_STOCK}")),
    }
}

/// A stock level as it is recorded: another program may have left one below 0.
pub fn parse_recorded_stock(text: &str) -> Result<i32, String> {
    i32::try_from(parse_count(text)?).map_err(|_| format!("must be between {} and {MAX_STOCK}", i32::MIN))
}

/// A number of pieces. A plus sign is refused: it may be meant as a change of the present number.
fn parse_count(text: &str) -> Result<i64, String> {
    check_unsigned(text)?;
    parse_integer(text)
}

/// Errors: the reason, for a number with a plus sign.
pub(super) fn check_unsigned(text: &str) -> Result<(), String> {
    match text.trim_start().starts_with('+') {
        true => Err("must be a number without +".to_owned()),
        false => Ok(()),
    }
}

fn parse_integer(text: &str) -> Result<i64, String> {
    let text = text.trim();
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err("must be a whole number".to_owned());
    }
    // Larger than i64: clamped, because the following range check rejects it anyway.
    Ok(text.parse().unwrap_or(if text.starts_with('-') { i64::MIN } else { i64::MAX }))
}

/// The pieces of the movements that come to this sum: one, unless it is more than a movement can hold.
pub fn movements_of(sum: i64) -> impl Iterator<Item = i32> {
    let mut rest = sum;
    std::iter::from_fn(move || {
        let pieces = i32::try_from(rest.clamp(-i64::from(i32::MAX), i64::from(i32::MAX))).ok()?;
        rest -= i64::from(pieces);
        (pieces != 0).then_some(pieces)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_outside_the_range_are_rejected() {
        for text in ["0", "-1", "1000001", "1000000000", "two", "", "1.0", "99999999999999999999", "0x10"] {
            assert!(Quantity::parse(text).is_err(), "{text} was accepted");
        }
        // It may be meant as seven more.
        assert!(Quantity::parse("+7").is_err());
        assert_eq!(Quantity::parse(" 7 ").unwrap().get(), 7);
    }

    #[test]
    fn a_new_quantity_may_be_none() {
        assert_eq!(Quantity::parse_or_none(" 0 "), Ok(None));
        assert_eq!(Quantity::parse_or_none("00"), Ok(None));
        assert_eq!(Quantity::parse_or_none("7").unwrap().map(Quantity::get), Some(7));
        for text in ["-1", "1000001"] {
            assert_eq!(Quantity::parse_or_none(text).unwrap_err(), "must be between 0 and 1000000");
        }
        assert!(Quantity::parse_or_none("+0").is_err());
    }

    #[test]
    fn a_recorded_stock_may_be_negative() {
        assert_eq!((parse_recorded_stock("-5"), parse_recorded_stock("0")), (Ok(-5), Ok(0)));
        assert!(["+5", "-2147483649", "2147483648", "--5"].iter().all(|text| parse_recorded_stock(text).is_err()));
        assert!(parse_stock("-5").is_err());
    }

    #[test]
    fn deltas_are_signed_and_never_zero() {
        assert_eq!(parse_delta("+5"), Ok(5));
        assert_eq!(parse_delta("-2"), Ok(-2));
        assert!(parse_delta("0").is_err());
        assert!(parse_delta("-99999999999999999999").is_err());
    }

    #[test]
    fn a_sum_beyond_one_movement_is_split() {
        let movements = |sum| movements_of(sum).collect::<Vec<_>>();
        assert_eq!(movements(0), [0_i32; 0]);
        assert_eq!(movements(-7), [-7]);
        assert_eq!(movements(2 * i64::from(i32::MAX) + 1), [i32::MAX, i32::MAX, 1]);
        assert_eq!(movements(-i64::from(i32::MAX) - 1), [-i32::MAX, -1]);
    }
}
