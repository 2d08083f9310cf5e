//! What the name of a column says about its values, whichever program wrote the file.

use super::naming::folded;

/// What the values of a column are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// Money for one piece.
    Price,
    /// Money for a piece, a line or an order.
    Amount,
    Date,
    Stock,
    Status,
}

/// Words for each meaning in English, German, French and Spanish, [`folded`]; the first match applies.
const WORDS: [(Meaning, &str); 5] = [
    (
        Meaning::Amount,
        "amount betrag summe sum total subtotal netto brutto montant importe revenue umsatz cost costs kosten",
    ),
    (Meaning::Price, "price preis prix precio"),
    (
        Meaning::Stock,
        "stock bestand lager inventory quantity qty menge anzahl stückzahl available verfügbar \
         onhand disponible existencias",
    ),
    (Meaning::Date, "date datum fecha time datetime timestamp zeitpunkt zeitstempel"),
    (Meaning::Status, "status zustand estado statut"),
];

/// A shorter word may end another one by chance.
const MIN_END: usize = 5;

/// Words of columns with a part of an amount.
const PARTS: [&str; 19] = [
    "tax", "taxes", "vat", "steuer", "mwst", "discount", "rabatt", "shipping", "versand", "refund", "refunded", "fee",
    "cost", "costs", "kosten", "subtotal", "line", "item", "lineitem",
];

/// Words of columns with another price or another date than that of the sale.
const OTHERS: [&str; 11] =
    ["compare", "old", "tax", "discount", "shipping", "refund", "updated", "modified", "birth", "due", "cancelled"];

/// Words, [`folded`], with which a name is of something else than our columns: `EK-Preis`, `Mindestbestand`.
const QUALIFIERS: [(&[&str], &str); 7] = [
    (
        &["price", "unit_price", "UnitPrice"],
        "cost costs kosten purchase einkauf ek einstand wholesale großhandel shipping versand compare old alt alter per \
         pro valid gültig group gruppe cent cents msrp uvp",
    ),
    (
        &["stock_quantity", "received", "counted", "quantity"],
        "min minimum max maximum mindest melde reserved reserviert incoming location lagerort status value wert per pro box \
         order ordered bestellt bestellmenge low not nicht",
    ),
    (&["created_at", "InvoiceDate"], "ship shipped shipping versand due fällig paid bezahlt"),
    (&["status"], "payment zahlung shipping versand financial fulfillment delivery stock"),
    (&["refunded_amount"], "reason grund"),
    (&["tracking"], "url link company carrier"),
    (&["total_amount"], "cent cents"),
];

/// A shorter qualifier may be within another word by chance.
const MIN_QUALIFIER: usize = 5;

/// Whether a name has a word with which it is rather not that column of ours.
pub(super) fn is_qualified(name: &str, ours: &str) -> bool {
    let words = words(name);
    let is_in = |qualifier: &str| {
        words.iter().any(|word| word == qualifier || qualifier.len() >= MIN_QUALIFIER && word.contains(qualifier))
    };
    let mut qualifiers = QUALIFIERS.iter().filter(|(columns, _)| columns.contains(&ours));
    qualifiers.any(|(_, qualifiers)| qualifiers.split_whitespace().any(is_in))
}

/// Words of columns that say of some rows that they do not count.
const STATUSES: [&str; 6] = ["cancelled", "canceled", "refunded", "storniert", "storno", "erstattet"];

impl Meaning {
    /// The meaning by the words of a name, such as `Lineitem price`, `paidAt` and `Gesamtbetrag`.
    pub fn of(name: &str) -> Option<Meaning> {
        let (whole, words) = (folded(name), words(name));
        let is_word = |word: &str| {
            let is_end = word.len() >= MIN_END && words.iter().any(|own| own.ends_with(word));
            is_end || whole == word || words.iter().any(|own| own == word)
        };
        let is_time = words.len() > 1 && matches!(words.last().map(String::as_str), Some("at" | "on"));
        let by_word = WORDS.iter().find(|(_, known)| known.split(' ').any(is_word));
        by_word.map(|(meaning, _)| *meaning).or(is_time.then_some(Meaning::Date))
    }

    /// All meanings of a name: `Cancelled at` is a date and says a status.
    pub fn each(name: &str) -> impl Iterator<Item = Meaning> {
        let meaning = Meaning::of(name);
        let says_status = words(name).iter().any(|word| STATUSES.contains(&word.as_str()));
        let status = (says_status && meaning != Some(Meaning::Status)).then_some(Meaning::Status);
        meaning.into_iter().chain(status)
    }

    /// Our columns with such values.
    pub fn fields(self) -> &'static [&'static str] {
        match self {
            Meaning::Price | Meaning::Amount => &["price", "unit_price", "UnitPrice", "total_amount"],
            Meaning::Date => &["created_at", "InvoiceDate"],
            Meaning::Stock => &["stock_quantity"],
            Meaning::Status => &["status"],
        }
    }

    /// Which of our columns without a column in the file a column with this meaning and name is, if that is certain.
    pub fn field(self, name: &str, free: &[&'static str]) -> Option<&'static str> {
        let has_any = |of: &[&str]| words(name).iter().any(|word| of.contains(&word.as_str()));
        match (self, free) {
            (Meaning::Amount, ["total_amount"]) => (!has_any(&PARTS)).then_some("total_amount"),
            (Meaning::Amount, _) | (Meaning::Price, ["total_amount"]) => None,
            (_, [first, ..]) => (!has_any(&OTHERS) && !is_qualified(name, first)).then_some(*first),
            (_, []) => None,
        }
    }
}

/// The words of a name, [`folded`]: `order_total` and `orderTotal` have two.
fn words(name: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut is_after_lower = false;
    for character in name.chars() {
        if !character.is_alphanumeric() || (character.is_uppercase() && is_after_lower) {
            parts.push(String::new());
        }
        is_after_lower = character.is_lowercase();
        if character.is_alphanumeric()
            && let Some(last) = parts.last_mut()
        {
            last.push(character);
        }
    }
    parts.iter().map(|part| folded(part)).filter(|part| !part.is_empty()).collect()
}
