//! The currency of a file's amounts: the shop has one, so amounts in two currencies are rejected.

use super::position::Position;
use super::read::{Record, ignore_flag};
use crate::domain::text::shell_word;
use crate::domain::written_number;
use crate::error::{Error, Kind, Result, printable};

/// A column's currency and the position that shows it.
#[derive(Debug, Clone)]
struct Told {
    column: String,
    currency: String,
    at: Position,
    /// By a sign beside an amount instead of a separate column.
    is_sign: bool,
}

/// Maximum number of reported notations of one currency.
const MOST_TOLD: usize = 10;

/// The currencies of all amounts of a file, over all columns.
#[derive(Debug, Clone, Default)]
pub struct CurrencyEvidence {
    /// The first currency of each column, with compatible notations.
    told: Vec<Told>,
    /// The first two incompatible currencies.
    mixed: Option<(Told, Told)>,
}

/// Currencies with the sign `$`.
const DOLLARS: [&str; 29] = [
    "USD", "CAD", "AUD", "NZD", "HKD", "SGD", "TWD", "BBD", "BMD", "BND", "BSD", "BZD", "FJD", "GYD", "JMD", "KYD",
    "LRD", "NAD", "SBD", "SRD", "TTD", "XCD", "ARS", "CLP", "COP", "CUP", "DOP", "MXN", "UYU",
];

/// Signs with the currencies that they may mean.
const SIGNS: [(&str, &[&str]); 37] = [
    ("$", &DOLLARS),
    ("€", &["EUR"]),
    ("£", &["GBP"]),
    ("¥", &["JPY", "CNY"]),
    ("US$", &["USD"]),
    ("C$", &["CAD"]),
    ("CA$", &["CAD"]),
    ("A$", &["AUD"]),
    ("AU$", &["AUD"]),
    ("NZ$", &["NZD"]),
    ("HK$", &["HKD"]),
    ("S$", &["SGD"]),
    ("NT$", &["TWD"]),
    ("MX$", &["MXN"]),
    ("CN¥", &["CNY"]),
    ("JP¥", &["JPY"]),
    ("R$", &["BRL"]),
    ("RD$", &["DOP"]),
    ("KR", &["SEK", "NOK", "DKK", "ISK"]),
    ("KR.", &["DKK", "ISK"]),
    ("KČ", &["CZK"]),
    ("ZŁ", &["PLN"]),
    ("FT", &["HUF"]),
    ("RMB", &["CNY"]),
    ("₡", &["CRC"]),
    ("₦", &["NGN"]),
    ("₩", &["KRW", "KPW"]),
    ("₪", &["ILS"]),
    ("₫", &["VND"]),
    ("₱", &["PHP"]),
    ("₲", &["PYG"]),
    ("₴", &["UAH"]),
    ("₸", &["KZT"]),
    ("₹", &["INR"]),
    ("₺", &["TRY"]),
    ("₽", &["RUB", "BYN"]),
    ("฿", &["THB"]),
];

/// The currencies that a text may mean.
fn codes(text: &str) -> Vec<String> {
    let text = text.trim().to_uppercase();
    let sign = |wanted: &str| SIGNS.into_iter().find(|(sign, _)| *sign == wanted).map_or(&[][..], |(_, codes)| codes);
    let mut codes = sign(&text).to_vec();
    if codes.is_empty() {
        // `AR$`: a country prefix before the sign.
        let letters = text.trim_end_matches(|character: char| !character.is_alphabetic());
        codes = sign(&text[letters.len()..]).iter().copied().filter(|code| code.starts_with(letters)).collect();
    }
    if codes.is_empty() { vec![text] } else { codes.into_iter().map(str::to_owned).collect() }
}

/// Whether two notations may mean the same currency.
fn may_be_same(one: &str, other: &str) -> bool {
    let others = codes(other);
    codes(one).iter().any(|code| others.contains(code))
}

/// The currencies in a record; none if it has no amounts.
fn told<'a>(record: &'a Record, amounts: &'a [&'static str]) -> impl Iterator<Item = (&'a str, &'a str, bool)> {
    let parts = || std::iter::once(record).chain(&record.items);
    let has_amounts = parts().any(|part| amounts.iter().any(|column| part.get(column).is_some()));
    let columns = parts().flat_map(|part| part.currencies.iter());
    let columns = columns.map(|(column, text)| (column.as_ref(), text.as_str(), false)).filter(move |_| has_amounts);
    let signs = parts().flat_map(|part| {
        amounts.iter().filter_map(|column| Some((*column, written_number::currency(part.get(column)?)?, true)))
    });
    columns.chain(signs)
}

/// The currency of a record, as written, if it differs from the selected one.
pub fn another<'a>(record: &'a Record, amounts: &'a [&'static str], wanted: &str) -> Option<&'a str> {
    told(record, amounts).map(|(_, text, _)| text).find(|text| !may_be_same(text, wanted))
}

impl CurrencyEvidence {
    /// Adds a record. If a currency is selected, rows in others are rejected.
    pub fn note(&mut self, record: &Record, amounts: &[&'static str], is_one_wanted: bool) {
        if self.mixed.is_some() {
            return;
        }
        for (column, currency, is_sign) in told(record, amounts) {
            let told =
                || Told { column: column.to_owned(), currency: currency.trim().to_owned(), at: record.at, is_sign };
            self.take(told, column, currency, is_one_wanted);
        }
    }

    fn take(&mut self, told: impl Fn() -> Told, column: &str, currency: &str, is_one_wanted: bool) {
        let mut same = self.told.iter().filter(|told| told.column == column);
        if same.clone().any(|told| told.currency == currency.trim()) {
            return;
        }
        if same.clone().any(|told| codes(&told.currency) == codes(currency)) {
            return;
        }
        let is_first = same.next().is_none();
        match self.told.iter().find(|told| !may_be_same(&told.currency, currency)) {
            Some(first) if !is_one_wanted => self.mixed = self.mixed.take().or_else(|| Some((first.clone(), told()))),
            _ if is_first || self.told.len() < MOST_TOLD => self.told.push(told()),
            _ => {}
        }
    }

    /// Merges the results of later records.
    pub fn add(&mut self, later: CurrencyEvidence, is_one_wanted: bool) {
        for told in later.told {
            self.take(|| told.clone(), &told.column, &told.currency, is_one_wanted);
        }
        self.mixed = self.mixed.take().or(later.mixed);
    }

    /// The note on the currency of a file, if it has one.
    ///
    /// Errors: exit 7 for amounts in two currencies, and if one is selected but none is given.
    pub fn decide(&self, wanted: Option<&str>) -> Result<Option<String>> {
        match (wanted, &self.mixed) {
            (Some(wanted), _) if self.told.is_empty() => {
                let message =
                    format!("nothing in the file tells its currency, but --currency names {}", printable(wanted));
                Err(refused(message))
            }
            (Some(wanted), _) => self.one_of(wanted).map(|()| None),
            (None, Some((one, other))) => Err(mixed(one, other)),
            (None, None) if self.told.is_empty() => Ok(None),
            (None, None) => {
                let told = |told: &Told| format!("{} ({})", printable(&told.currency), printable(&told.column));
                let told: Vec<String> = self.told.iter().map(told).collect();
                Ok(Some(format!("amounts are in {}", told.join(", "))))
            }
        }
    }
}

impl CurrencyEvidence {
    /// Errors: exit 7 if the selected notation matches several currencies of the file.
    fn one_of(&self, wanted: &str) -> Result<()> {
        let mut fitting = self.told.iter().filter(|told| may_be_same(&told.currency, wanted));
        let mut left = codes(wanted);
        let keep = |left: &mut Vec<String>, told: &Told| {
            let codes = codes(&told.currency);
            left.retain(|code| codes.contains(code));
            left.is_empty()
        };
        let Some(other) = fitting.find(|told| keep(&mut left, told)) else { return Ok(()) };
        let is_first =
            |told: &&Told| may_be_same(&told.currency, wanted) && !may_be_same(&told.currency, &other.currency);
        let first = self.told.iter().find(is_first).unwrap_or(other);
        let named = |told: &Told| format!("{} in {}", printable(&told.currency), told.at);
        let message =
            format!("{} may be any of several currencies: {} and {}", printable(wanted), named(first), named(other));
        let code = codes(&other.currency).swap_remove(0);
        Err(refused(message).hint(format!("name one of them by its code: --currency {}", shell_word(&code))))
    }
}

fn mixed(one: &Told, other: &Told) -> Error {
    let column = |told: &Told| printable(&told.column);
    let place = |told: &Told| format!("{} in {}", printable(&told.currency), told.at);
    let second = if one.column == other.column { String::new() } else { format!("{} is ", column(other)) };
    let error = refused(format!(
        "the file has amounts in two currencies: {} is {} and {second}{}",
        column(one),
        place(one),
        place(other)
    ));
    let error = match one.at == other.at {
        // No flag can resolve this.
        true => error,
        false => error
            .hint(format!("--currency {} --on-error reject-rows imports the others not", shell_word(&one.currency))),
    };
    let column = [other, one].into_iter().find(|told| !told.is_sign);
    match column.and_then(|told| ignore_flag(&[told.column.as_str()])) {
        Some(flag) => error.hint(format!("{flag}, if all amounts are in one currency nevertheless")),
        None => error,
    }
}

fn refused(message: String) -> Error {
    Error::new(Kind::Invalid, "import.currency", format!("{message}; nothing was imported"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sign_is_whatever_currency_it_may_stand_for() {
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
