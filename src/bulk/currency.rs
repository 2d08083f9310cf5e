//! The currency of a file's amounts: the shop has one, so amounts of two are never mixed.

use super::position::Position;
use super::read::Record;
use crate::domain::text::shell_word;
use crate::domain::written_number;
use crate::error::{Error, Kind, Result, printable};

/// What a column says of its currency, and where.
#[derive(Debug, Clone)]
struct Told {
    column: String,
    currency: String,
    at: Position,
    /// By a sign beside an amount instead of a column of its own.
    is_sign: bool,
}

/// The currencies that a file tells.
#[derive(Debug, Clone, Default)]
pub struct CurrencyEvidence {
    /// The first that each column tells.
    columns: Vec<Told>,
    /// The first two that differ within a column.
    mixed: Option<(Told, Told)>,
}

/// Signs that stand for one currency only.
const SIGNS: [(&str, &str); 2] = [("€", "EUR"), ("£", "GBP")];

/// A currency as it is compared.
fn code(text: &str) -> String {
    let text = text.trim();
    let sign = SIGNS.into_iter().find(|(sign, _)| *sign == text);
    sign.map_or_else(|| text.to_uppercase(), |(_, code)| code.to_owned())
}

/// What a record tells of currencies: nothing where it has no amounts.
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

/// The currency of a record that is another than the wanted one, as the file writes it.
pub fn another<'a>(record: &'a Record, amounts: &'a [&'static str], wanted: &str) -> Option<&'a str> {
    let wanted = code(wanted);
    told(record, amounts).map(|(_, text, _)| text).find(|text| code(text) != wanted)
}

impl CurrencyEvidence {
    /// Takes in a record. Where one currency is wanted, others are wrong in their rows.
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
        match self.columns.iter().find(|first| first.column == column) {
            None => self.columns.push(told()),
            Some(first) if is_one_wanted || code(&first.currency) == code(currency) => {}
            Some(first) => self.mixed = self.mixed.take().or_else(|| Some((first.clone(), told()))),
        }
    }

    /// Takes in what later records say.
    pub fn add(&mut self, later: CurrencyEvidence) {
        let is_one_wanted = false;
        for column in later.columns {
            let (name, currency) = (column.column.clone(), column.currency.clone());
            self.take(|| column.clone(), &name, &currency, is_one_wanted);
        }
        self.mixed = self.mixed.take().or(later.mixed);
    }

    /// What has to be said of the currency of a file, if it tells one.
    ///
    /// Errors: exit 7 for amounts of two currencies, and where one is wanted and none is told.
    pub fn decide(&self, wanted: Option<&str>) -> Result<Option<String>> {
        match (wanted, &self.mixed) {
            (Some(wanted), _) if self.columns.is_empty() => {
                let message =
                    format!("nothing in the file tells its currency, but --currency names {}", printable(wanted));
                Err(refused(message))
            }
            (Some(_), _) => Ok(None),
            (None, Some((one, other))) => Err(mixed(one, other)),
            (None, None) if self.columns.is_empty() => Ok(None),
            (None, None) => {
                let told = |told: &Told| format!("{} ({})", printable(&told.currency), printable(&told.column));
                let told: Vec<String> = self.columns.iter().map(told).collect();
                Ok(Some(format!("amounts are in {}", told.join(", "))))
            }
        }
    }
}

fn mixed(one: &Told, other: &Told) -> Error {
    let place = |told: &Told| format!("{} in {}", printable(&told.currency), told.at);
    let message = format!(
        "the file has amounts in two currencies: {} is {} and {}",
        printable(&one.column),
        place(one),
        place(other)
    );
    let error = refused(message)
        .hint(format!("--currency {} --on-error reject-rows imports the others not", shell_word(&one.currency)));
    if one.is_sign {
        return error;
    }
    let flag = crate::domain::text::shell_word(&one.column);
    error.hint(format!("--ignore-columns {flag}, if all amounts are in one currency nevertheless"))
}

fn refused(message: String) -> Error {
    Error::new(Kind::Invalid, "import.currency", format!("{message}; nothing was imported"))
}
