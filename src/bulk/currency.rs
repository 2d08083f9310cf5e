//! The currency of a file's amounts: the shop has one, so amounts in two currencies are rejected.

use super::position::Position;
use super::read::{Record, ignore_flag};
use crate::domain::currency::{codes, is_currency};
use crate::domain::number_parser;
use crate::domain::text::shell_word;
use crate::error::{Error, Kind, Result, printable};

/// A column's currency and the position that shows it.
#[derive(Debug, Clone)]
struct ColumnCurrency {
    column: String,
    currency: String,
    at: Position,
    /// By a sign beside an amount instead of a separate column.
    is_sign: bool,
}

impl ColumnCurrency {
    /// The currency and its position, for messages: `US$ in line 2`.
    fn shown(&self) -> String {
        format!("{} in {}", printable(&self.currency), self.at)
    }
}

/// Maximum number of reported notations of one currency.
const MAX_NOTATIONS: usize = 10;

/// The currencies of all amounts of a file, over all columns.
#[derive(Debug, Clone, Default)]
pub struct CurrencyEvidence {
    /// The first currency of each column, with compatible notations.
    columns: Vec<ColumnCurrency>,
    /// The first two incompatible currencies.
    mixed: Option<(ColumnCurrency, ColumnCurrency)>,
}

/// Whether two notations may mean the same currency.
fn may_be_same(one: &str, other: &str) -> bool {
    let others = codes(other);
    codes(one).iter().any(|code| others.contains(code))
}

/// The currencies in a record; none if it has no amounts.
fn currencies_in<'a>(
    record: &'a Record,
    amounts: &'a [&'static str],
) -> impl Iterator<Item = (&'a str, &'a str, bool)> {
    let parts = || std::iter::once(record).chain(&record.items);
    let has_amounts = parts().any(|part| amounts.iter().any(|column| part.get(column).is_some()));
    let columns = parts().flat_map(|part| part.currencies.iter());
    let columns = columns.map(|(column, text)| (column.as_ref(), text.as_str(), false)).filter(move |_| has_amounts);
    let signs = parts().flat_map(|part| {
        amounts.iter().filter_map(|column| Some((*column, number_parser::currency(part.get(column)?)?, true)))
    });
    columns.chain(signs)
}

/// The currency of a record, as written, if it differs from the selected one.
pub fn find_other<'a>(record: &'a Record, amounts: &'a [&'static str], selected: &str) -> Option<&'a str> {
    let mut known = currencies_in(record, amounts).map(|(_, text, _)| text).filter(|text| is_currency(text));
    known.find(|text| !may_be_same(text, selected))
}

/// A text in a column of currencies that means none, with the column.
pub fn find_unknown<'a>(record: &'a Record, amounts: &'a [&'static str]) -> Option<(&'a str, &'a str)> {
    currencies_in(record, amounts).map(|(column, text, _)| (column, text)).find(|(_, text)| !is_currency(text))
}

impl CurrencyEvidence {
    /// Adds a record. If a currency is selected, rows in others are rejected.
    pub fn add_record(&mut self, record: &Record, amounts: &[&'static str], is_selected: bool) {
        if self.mixed.is_some() {
            return;
        }
        for (column, currency, is_sign) in currencies_in(record, amounts).filter(|(_, text, _)| is_currency(text)) {
            let found = || ColumnCurrency {
                column: column.to_owned(),
                currency: currency.trim().to_owned(),
                at: record.at,
                is_sign,
            };
            self.add_currency(found, column, currency, is_selected);
        }
    }

    fn add_currency(&mut self, found: impl Fn() -> ColumnCurrency, column: &str, currency: &str, is_selected: bool) {
        let mut same = self.columns.iter().filter(|found| found.column == column);
        if same.clone().any(|found| found.currency == currency.trim()) {
            return;
        }
        if same.clone().any(|found| codes(&found.currency) == codes(currency)) {
            return;
        }
        let is_first = same.next().is_none();
        match self.columns.iter().find(|found| !may_be_same(&found.currency, currency)) {
            Some(first) if !is_selected => self.mixed = self.mixed.take().or_else(|| Some((first.clone(), found()))),
            _ if is_first || self.columns.len() < MAX_NOTATIONS => self.columns.push(found()),
            _ => {}
        }
    }

    /// Merges the results of later records.
    pub fn merge(&mut self, later: CurrencyEvidence, is_selected: bool) {
        for found in later.columns {
            self.add_currency(|| found.clone(), &found.column, &found.currency, is_selected);
        }
        self.mixed = self.mixed.take().or(later.mixed);
    }

    /// The note on the currency of a file, if it has one.
    ///
    /// Errors: exit 7 for amounts in two currencies, and if one is selected but none is given.
    pub fn decide(&self, selected: Option<&str>, needs_all_rows: bool) -> Result<Option<String>> {
        match (selected, &self.mixed) {
            (Some(selected), _) if self.columns.is_empty() => {
                let message = format!("the file does not give its currency, but --currency is {}", printable(selected));
                Err(refused(message))
            }
            (Some(selected), _) => self.check_unambiguous(selected).map(|()| None),
            (None, Some((one, other))) => Err(mixed_currencies(one, other, needs_all_rows)),
            (None, None) if self.columns.is_empty() => Ok(None),
            (None, None) => {
                let found =
                    |found: &ColumnCurrency| format!("{} ({})", printable(&found.currency), printable(&found.column));
                let found: Vec<String> = self.columns.iter().map(found).collect();
                Ok(Some(format!("amounts are in {}", found.join(", "))))
            }
        }
    }

    /// Errors: exit 7 if the selected notation matches several currencies of the file.
    fn check_unambiguous(&self, selected: &str) -> Result<()> {
        // The currencies that all notations so far may mean, and the last notation that excluded some.
        let (mut left, mut narrowing) = (codes(selected), None);
        let fitting = self.columns.iter().filter(|found| may_be_same(&found.currency, selected));
        for found in fitting {
            let (before, codes) = (left.len(), codes(&found.currency));
            left.retain(|code| codes.contains(code));
            if left.is_empty() {
                return Err(ambiguous(selected, narrowing.unwrap_or(found), found));
            }
            if left.len() < before {
                narrowing = Some(found);
            }
        }
        Ok(())
    }
}

fn ambiguous(selected: &str, one: &ColumnCurrency, other: &ColumnCurrency) -> Error {
    let message =
        format!("{} may stand for several currencies: {} and {}", printable(selected), one.shown(), other.shown());
    let code = codes(&other.currency);
    refused(message).hints_of(code.first().map(|code| format!("give its code: --currency {code}")))
}

fn mixed_currencies(one: &ColumnCurrency, other: &ColumnCurrency, needs_all_rows: bool) -> Error {
    let column = |found: &ColumnCurrency| printable(&found.column);
    let second = if one.column == other.column { String::new() } else { format!("{} is ", column(other)) };
    let error = refused(format!(
        "the file has amounts in more than one currency: {} is {} and {second}{}",
        column(one),
        one.shown(),
        other.shown()
    ));
    // Two in one row: no flag can resolve this.
    let rejecting = (one.at != other.at && !needs_all_rows).then(|| {
        format!("to import only rows in one of them: --currency {} --on-error reject-rows", shell_word(&one.currency))
    });
    let column = [other, one].into_iter().find(|found| !found.is_sign);
    let ignoring = column.and_then(|found| ignore_flag(&[found.column.as_str()]));
    error.hints_of(rejecting).hints_of(ignoring.map(|flag| format!("if all amounts are in one currency: {flag}")))
}

fn refused(message: String) -> Error {
    Error::new(Kind::Invalid, "import.currency", format!("{message}; nothing was imported"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selected_sign_must_mean_one_currency_of_the_file() {
        let column = |currency: &str, line| ColumnCurrency {
            column: "price".to_owned(),
            currency: currency.to_owned(),
            at: Position::at_line(line),
            is_sign: true,
        };
        let columns = vec![column("US$", 2), column("$", 3), column("C$", 4)];
        let evidence = CurrencyEvidence { columns, mixed: None };
        let error = evidence.decide(Some("$"), false).unwrap_err();
        let expected = "$ may stand for several currencies: US$ in line 2 and C$ in line 4; nothing was imported";
        assert_eq!(error.message(), expected);
        evidence.decide(Some("USD"), false).unwrap();
    }

    #[test]
    fn currency_signs_match_the_currencies_they_may_mean() {
        for (one, other) in [
            ("$", "USD"),
            ("$", "cad"),
            ("CA$", "CAD"),
            ("US$", "$"),
            ("€", " eur "),
            ("¥", "CNY"),
            ("kr", "SEK"),
            ("kr.", "kr"),
            ("R$", "BRL"),
            ("₹", "INR"),
            ("AR$", "ars"),
            ("U$", "USD"),
            ("RMB", "¥"),
        ] {
            assert!(may_be_same(one, other) && may_be_same(other, one), "{one} {other}");
        }
        for (one, other) in [
            ("$", "EUR"),
            ("R$", "$"),
            ("kr", "EUR"),
            ("US$", "CAD"),
            ("€", "£"),
            ("CA$", "US$"),
            ("¥", "USD"),
            ("AR$", "CLP"),
            ("₹", "EUR"),
        ] {
            assert!(!may_be_same(one, other), "{one} {other}");
        }
    }
}
