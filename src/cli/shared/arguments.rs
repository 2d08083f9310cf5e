//! Flags that several commands share, and how typed text becomes values.

use clap::Args;

use crate::domain::page::{MAX_LIMIT, Sort};
use crate::domain::quantity::parse_stock;
use crate::domain::{Cursor, IdempotencyKey, Page, Violations};
use crate::error::{Error, Result};

/// How many pieces are few.
const LOW_STOCK: i32 = 5;
/// The longest text to look for: SQLite compares with no pattern beyond 50 000 bytes.
const SEARCH_MAX_CHARACTERS: usize = 1_000;

/// For commands that change something.
#[derive(Debug, Clone, Args)]
pub struct WriteArguments {
    /// Run the real transaction, roll it back and say what it would have done
    #[arg(short = 'n', long)]
    pub dry_run: bool,
    /// With --dry-run: exit with 9 if something would change
    #[arg(long, requires = "dry_run")]
    pub exit_code: bool,
}

/// For commands that add something.
#[derive(Debug, Clone, Args)]
pub struct KeyArguments {
    /// Repeating a command with the same key changes nothing and gives the first result again
    #[arg(long, value_name = "KEY")]
    pub idempotency_key: Option<String>,
}

impl KeyArguments {
    pub fn parse(&self, violations: &mut Violations) -> Option<IdempotencyKey> {
        let key = self.idempotency_key.as_deref()?;
        violations.parse("idempotency-key", key, IdempotencyKey::parse)
    }
}

/// For commands that ask yes or no, and on a protected context for the database's name.
#[derive(Debug, Clone, Args)]
pub struct AnswerArguments {
    /// Do not ask
    #[arg(short = 'y', long)]
    pub yes: bool,
    /// On a protected context: confirm by naming the database, instead of being asked
    #[arg(long, value_name = "NAME")]
    pub confirm: Option<String>,
}

/// For commands that ask for a name to be typed.
#[derive(Debug, Clone, Args)]
pub struct ConfirmArguments {
    /// Confirm by naming what is to be destroyed, instead of being asked
    #[arg(long, value_name = "NAME")]
    pub confirm: Option<String>,
}

/// For commands that choose products by what is left of them.
#[derive(Debug, Clone, Args)]
#[group(multiple = false)]
pub struct LeftArguments {
    /// At most 5 pieces left
    #[arg(long)]
    low: bool,
    /// At most N pieces left
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    max_stock: Option<String>,
    /// Nothing left
    #[arg(long)]
    out_of_stock: bool,
}

impl LeftArguments {
    pub fn is_empty(&self) -> bool {
        !self.low && !self.out_of_stock && self.max_stock.is_none()
    }

    /// The most that may be left.
    pub fn parse(&self, violations: &mut Violations) -> Option<i32> {
        match (self.out_of_stock, self.low) {
            (true, _) => Some(0),
            (_, true) => Some(LOW_STOCK),
            _ => optional(violations, "max-stock", self.max_stock.as_deref(), parse_stock),
        }
    }
}

/// For commands that list.
#[derive(Debug, Clone, Args)]
pub struct ListArguments {
    /// Show at most so many
    #[arg(long, value_name = "N", default_value = "20", allow_negative_numbers = true)]
    pub limit: String,
    /// Skip so many (slow far into a large list: prefer --after)
    #[arg(long, value_name = "N", default_value = "0", allow_negative_numbers = true)]
    pub offset: String,
    /// Go on after the cursor that the list before printed
    #[arg(long, value_name = "CURSOR", conflicts_with = "offset")]
    pub after: Option<String>,
    /// Show everything, streamed
    #[arg(long, conflicts_with_all = ["limit", "offset", "after"])]
    pub all: bool,
    /// Sort by this field, with - in front descending; newest first when absent
    #[arg(long, value_name = "[-]FIELD", allow_hyphen_values = true)]
    pub sort: Option<String>,
    /// Also count all that match
    #[arg(long)]
    pub count: bool,
}

impl ListArguments {
    /// `newest` is the noun's own field for newest first.
    pub fn page(&self, newest: &str, violations: &mut Violations) -> Page {
        let newest = || Sort { field: newest.to_owned(), descending: true };
        let after = self.after.as_deref().and_then(|text| violations.parse("after", text, Cursor::decode));
        let sort = match (&self.sort, &after) {
            (Some(text), _) => Sort::parse(text),
            // The cursor carries its sort: nobody has to repeat it.
            (None, Some(cursor)) => cursor.sort.clone(),
            (None, None) => newest(),
        };
        let limit = match self.all {
            true => Some(MAX_LIMIT / 10),
            false => violations.parse("limit", &self.limit, |text| whole_number(text, 1, MAX_LIMIT)),
        };
        let offset = violations.parse("offset", &self.offset, |text| whole_number(text, 0, i64::MAX.unsigned_abs()));
        Page { limit: limit.unwrap_or(1), offset: offset.unwrap_or(0), after, sort }
    }
}

/// Refuses a filter that nothing can match: `until` is exclusive.
pub fn check_period<T: PartialOrd>(violations: &mut Violations, since: (&str, Option<T>), until: (&str, Option<T>)) {
    if since.1.zip(until.1).is_some_and(|(since, until)| since >= until) {
        violations.add(until.0, format!("is not after {}", since.0));
    }
}

/// Refuses a filter that nothing can match.
pub fn check_range<T: PartialOrd>(violations: &mut Violations, least: (&str, Option<T>), most: (&str, Option<T>)) {
    if least.1.zip(most.1).is_some_and(|(least, most)| least > most) {
        violations.add(most.0, format!("is less than {}", least.0));
    }
}

/// A number of rows or the like. Errors: which numbers there are.
pub fn whole_number(text: &str, lowest: u64, highest: u64) -> Result<u64, String> {
    match text.trim().parse::<u64>() {
        Ok(number) if (lowest..=highest).contains(&number) => Ok(number),
        _ => Err(format!("must be a whole number from {lowest} to {highest}")),
    }
}

/// How many migrations: nobody has more.
pub fn steps(text: &str) -> Result<u32, String> {
    const MOST: u64 = 10_000;
    whole_number(text, 1, MOST).map(|number| u32::try_from(number).unwrap_or(u32::MAX))
}

/// Parses an optional flag.
pub fn optional<T>(
    violations: &mut Violations,
    field: &str,
    text: Option<&str>,
    parse: impl FnOnce(&str) -> Result<T, String>,
) -> Option<T> {
    violations.parse(field, text?, parse)
}

/// The value of a required field after its violations were ruled out.
///
/// Errors: never for callers that checked their violations first.
pub fn required<T>(value: Option<T>) -> Result<T> {
    value.ok_or_else(|| Error::internal("a required value is missing"))
}

/// A text to look for.
pub fn searched(text: &str) -> Result<String, String> {
    if text.chars().count() > SEARCH_MAX_CHARACTERS {
        return Err(format!("is longer than {SEARCH_MAX_CHARACTERS} characters"));
    }
    Ok(text.to_owned())
}

/// `PRODUCT` or `PRODUCT:N`; `PRODUCT=N` means the same. Neither SKUs nor ids have such a character.
pub fn with_quantity(text: &str) -> (&str, Option<&str>) {
    let (product, quantity) =
        text.rsplit_once([':', '=']).map_or((text, None), |(product, quantity)| (product, Some(quantity)));
    (product.trim(), quantity)
}

/// Reads one of several words. Errors: which words there are, and which was probably meant.
pub fn word<T: Copy>(text: &str, known: &[(&'static str, T)]) -> Result<T, String> {
    let names: Vec<&'static str> = known.iter().map(|(name, _)| *name).collect();
    let wanted = text.trim().to_lowercase();
    known.iter().find(|(name, _)| *name == wanted).map(|(_, value)| *value).ok_or_else(|| {
        let list = names.join(", ");
        match crate::output::closest(&wanted, &names) {
            Some(close) => format!("is none of {list} (did you mean {close}?)"),
            None => format!("is none of {list}"),
        }
    })
}
