//! A share of all rows, as `copy --sample` takes it.

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use super::price_change::parse_percent;

/// More than 0 % and at most 100 %.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    millionths: u32,
}

const MILLION: u32 = 1_000_000;

impl Share {
    /// `5%`, `0.5`
    pub fn parse(text: &str) -> Result<Share, String> {
        let text = text.trim();
        let percent = parse_percent(text.strip_suffix('%').unwrap_or(text))?;
        let millionths = (percent * Decimal::from(MILLION) / Decimal::ONE_HUNDRED).to_u32();
        match millionths.filter(|millionths| (1..=MILLION).contains(millionths)) {
            Some(millionths) => Ok(Share { millionths }),
            None => Err("must be more than 0% and at most 100%".to_owned()),
        }
    }

    /// The greatest of all numbers that belongs to the share.
    pub fn limit(self) -> u64 {
        (u128::from(u64::MAX) * u128::from(self.millionths) / u128::from(MILLION)) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_a_percentage_above_zero() {
        for (text, limit) in [("100%", u64::MAX), ("50", u64::MAX / 2), (" 25 %", u64::MAX / 4)] {
            assert_eq!(Share::parse(text).unwrap().limit(), limit, "{text}");
        }
        assert!(Share::parse("0.0001%").unwrap().limit() > 0);
        for text in ["", "0", "0%", "-5%", "100.1%", "five", "5%%", "0.00001%", "1e1"] {
            assert!(Share::parse(text).is_err(), "{text} was accepted");
        }
    }
}
