//! How to interpret the values of a file: times, amounts and statuses of the source shop.

use chrono::{DateTime, Utc};

use super::read::Record;
use crate::domain::number_parser::{self, DecimalMark};
use crate::domain::quantity::{parse_recorded_stock, parse_stock};
use crate::domain::{DateOrder, Money, ParsedTime, Quantity, Zone};

/// How to interpret the values of a file.
#[derive(Debug, Clone, Default)]
pub struct Interpretation {
    /// The order of day and month; `None` until the file has proved it.
    pub date_order: Option<DateOrder>,
    /// The zone of times without one; UTC by default.
    pub zone: Option<Zone>,
    /// Values to translate (`--map-value`); an exact match takes precedence.
    pub values: Vec<ValueMap>,
    /// The currency of all amounts: rows in another are rejected.
    pub currency: Option<String>,
    /// The prefix of cancelled invoice numbers.
    pub cancellation_prefix: Option<String>,
}

/// A mapped value of the file: `status:Completed=completed`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValueMap {
    /// The column, by its canonical name.
    pub column: String,
    /// Matched in any case unless another mapping matches exactly; empty for an empty cell.
    pub theirs: String,
    /// The value to import instead.
    pub ours: String,
}

impl ValueMap {
    /// Reads `COLUMN:THEIRS=OURS`.
    pub fn parse(text: &str) -> Result<ValueMap, String> {
        let parts = text.split_once(':').and_then(|(column, rest)| Some((column, rest.rsplit_once('=')?)));
        match parts {
            Some((column, (theirs, ours))) if !column.trim().is_empty() => {
                let trimmed = |text: &str| text.trim().to_owned();
                Ok(ValueMap { column: trimmed(column), theirs: trimmed(theirs), ours: trimmed(ours) })
            }
            _ => Err("must have the form COLUMN:THEIRS=OURS, such as status:Complete=completed".to_owned()),
        }
    }
}

impl Interpretation {
    /// Replaces their values with ours.
    pub fn map_values(&self, record: &mut Record) {
        for (position, ValueMap { column, .. }) in self.values.iter().enumerate() {
            let is_done = self.values[..position].iter().any(|map| map.column == *column);
            if !is_done {
                record.replace(column, |text| self.translate(column, text));
            }
        }
    }

    /// Our value for theirs: an exact match takes precedence over another case.
    fn translate(&self, column: &str, text: &str) -> Option<String> {
        let text = text.trim();
        let maps = || self.values.iter().filter(|map| map.column == column);
        let folded = text.to_lowercase();
        let same = maps().find(|map| map.theirs == text);
        let map = same.or_else(|| maps().find(|map| map.theirs.to_lowercase() == folded))?;
        Some(map.ours.clone())
    }

    /// Parses a time with the known date order and zone.
    ///
    /// Errors: why it is not a time, as the predicate of a message.
    pub fn time(&self, text: &str) -> Result<DateTime<Utc>, String> {
        let time = ParsedTime::read(text)?;
        match &self.zone {
            Some(zone) => time.moment(self.date_order, zone),
            None => time.moment(self.date_order, &Zone::utc()),
        }
    }
}

/// A parser of prices. Errors: why a text is not one, as the predicate of a message.
pub fn price_parser(mark: DecimalMark) -> impl Fn(&str) -> Result<Money, String> {
    move |text| Money::parse_price(&number_parser::amount(text, mark)?)
}

/// A parser of order totals. Errors: as [`price_parser`].
pub fn total_parser(mark: DecimalMark) -> impl Fn(&str) -> Result<Money, String> {
    move |text| Money::parse_total(&number_parser::amount(text, mark)?)
}

/// A parser of quantities in pieces. Errors: as [`price_parser`].
pub fn quantity_parser(mark: DecimalMark) -> impl Fn(&str) -> Result<Quantity, String> {
    move |text| Quantity::parse(&number_parser::whole(text, mark)?)
}

/// A parser of stock levels in pieces. Errors: as [`price_parser`].
pub fn stock_parser(mark: DecimalMark) -> impl Fn(&str) -> Result<i32, String> {
    move |text| parse_stock(&number_parser::whole(text, mark)?)
}

/// A parser of recorded stock levels, which another program may have left below 0. Errors: as [`price_parser`].
pub fn recorded_stock_parser(mark: DecimalMark) -> impl Fn(&str) -> Result<i32, String> {
    move |text| parse_recorded_stock(&number_parser::whole(text, mark)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn value_maps_are_parsed_as_column_theirs_and_ours() {
        let map = ValueMap::parse("status: Complete = completed").unwrap();
        assert_eq!((map.column.as_str(), map.theirs.as_str(), map.ours.as_str()), ("status", "Complete", "completed"));
        assert_eq!(ValueMap::parse("last_name:=Unknown").unwrap().theirs, "");
        for text in ["", "status", "status=x", ":a=b", "status:a"] {
            assert!(ValueMap::parse(text).is_err(), "{text} was accepted");
        }
    }
}
