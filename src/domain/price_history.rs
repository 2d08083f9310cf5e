//! Price history: when each price was in force, and the lowest of a period.
//!
//! A shop that announces a reduction has to name the lowest price of the 30 days before it
//! (directive 98/6/EC, article 6a).

use chrono::{DateTime, Duration, Utc};

use super::Money;

/// The number of days that a reduction is compared with.
const DAYS: i64 = 30;

/// A moment at which a price changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PriceStep {
    pub at: DateTime<Utc>,
    /// In force until then; `None` for a product's first price.
    pub before: Option<Money>,
    /// In force from then on.
    pub after: Money,
}

/// The lowest price in force at any time in the last 30 days, including the one in force at their start.
/// `current` is the stored price, which another program may have set. Steps are oldest first.
pub fn lowest_until_now(steps: &[PriceStep], current: Money, now: DateTime<Utc>) -> Money {
    lowest(steps, now - Duration::days(DAYS), now).map_or(current, |lowest| lowest.min(current))
}

/// The lowest price of the 30 days before the current price took effect.
///
/// `None` if there was no earlier price, or it is unknown when the current one took effect.
pub fn lowest_before_current(steps: &[PriceStep], current: Money) -> Option<Money> {
    let (last, earlier) = steps.split_last()?;
    if last.after != current {
        return None;
    }
    let in_force = lowest(earlier, last.at - Duration::days(DAYS), last.at);
    in_force.into_iter().chain(last.before).min()
}

/// The lowest price in force between two moments; the last step's price lasts until the end.
fn lowest(steps: &[PriceStep], start: DateTime<Utc>, end: DateTime<Utc>) -> Option<Money> {
    let ends = steps.iter().skip(1).map(|step| step.at).chain([end]);
    let after = steps.iter().zip(ends).filter(|(step, until)| step.at < end && *until > start && *until > step.at);
    let after = after.map(|(step, _)| step.after);
    // Usually equal to the step before. If not, another program changed the price without an event,
    // and this was the price just before the step.
    let before = steps.iter().filter(|step| step.at > start && step.at <= end).filter_map(|step| step.before);
    after.chain(before).min()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rust_decimal::Decimal;

    use super::*;

    fn day(day: i64) -> DateTime<Utc> {
        DateTime::<Utc>::UNIX_EPOCH + Duration::days(day)
    }

    fn cents(cents: i64) -> Money {
        Money::from_stored(Decimal::new(cents, 2))
    }

    /// Consecutive steps without gaps.
    fn steps(prices: &[(i64, i64)]) -> Vec<PriceStep> {
        let before = [None].into_iter().chain(prices.iter().map(|(_, price)| Some(cents(*price))));
        prices
            .iter()
            .zip(before)
            .map(|((at, price), before)| PriceStep { at: day(*at), before, after: cents(*price) })
            .collect()
    }

    #[test]
    fn the_price_in_force_when_the_window_began_counts() {
        let history = steps(&[(0, 500), (10, 1000), (50, 1200)]);
        assert_eq!(lowest_until_now(&history, cents(1200), day(60)), cents(1000));
        assert_eq!(lowest_until_now(&history, cents(1200), day(39)), cents(500), "until day 10, the window began on 9");
        assert_eq!(lowest_until_now(&history, cents(1200), day(40)), cents(1000), "over when the window began");
        assert_eq!(lowest_until_now(&history, cents(1200), day(90)), cents(1200));
    }

    #[test]
    fn a_reduction_is_compared_with_the_days_before_it() {
        let history = steps(&[(0, 500), (10, 1000), (50, 900), (55, 800)]);
        assert_eq!(lowest_before_current(&history, cents(800)), Some(cents(900)));
        assert_eq!(lowest_before_current(&history[..3], cents(900)), Some(cents(1000)));
        assert_eq!(lowest_before_current(&history[..1], cents(500)), None, "there was none before");
        assert_eq!(lowest_before_current(&history, cents(700)), None, "nobody knows since when");
        assert_eq!(lowest_before_current(&[], cents(700)), None);
    }

    #[test]
    fn a_price_set_by_another_program_before_a_step_counts() {
        let foreign = PriceStep { at: day(20), before: Some(cents(400)), after: cents(900) };
        let history = [steps(&[(0, 1000)]), vec![foreign]].concat();
        assert_eq!(lowest_until_now(&history, cents(900), day(21)), cents(400));
        assert_eq!(lowest_before_current(&history, cents(900)), Some(cents(400)));
        assert_eq!(lowest_until_now(&[], cents(900), day(21)), cents(900));
    }

    proptest! {
        #[test]
        fn the_lowest_price_matches_a_day_by_day_search(
            prices in proptest::collection::btree_map(0i64..100, 1i64..1000, 1..12),
            now in 100i64..150,
        ) {
            let prices: Vec<(i64, i64)> = prices.into_iter().collect();
            let history = steps(&prices);
            let current = cents(prices[prices.len() - 1].1);
            // At noon, because prices change at midnight.
            let on = |day: i64| prices.iter().rev().find(|(at, _)| *at <= day).map(|(_, price)| cents(*price));
            let walk = |end: i64| (end - 30..end).filter_map(on).min();
            prop_assert_eq!(lowest_until_now(&history, current, day(now)), walk(now).unwrap());
            prop_assert_eq!(lowest_before_current(&history, current), walk(prices[prices.len() - 1].0));
        }
    }
}
