//! Shared flags of several commands, and parsers of their values.

use chrono::{DateTime, TimeDelta, Utc};
use clap::Args;
use uuid::Uuid;

use super::values::{Checked, checked};
use crate::context::Context;
use crate::domain::page::{MAX_LIMIT, Sort};
use crate::domain::period::Span;
use crate::domain::quantity::parse_recorded_stock;
use crate::domain::similar::closest;
use crate::domain::text::multi_line;
use crate::domain::{Cursor, IdempotencyKey, Page, Quantity, SearchText, TypedTime, Violation, Violations};
use crate::error::{Result, printable};

/// Maximum number of pieces that `--low` selects.
pub const LOW_STOCK: i32 = 5;

// Flags of commands that write.
#[derive(Debug, Clone, Args)]
pub struct WriteArguments {
    /// Run the transaction, roll it back and show what would change
    #[arg(short = 'n', long)]
    pub dry_run: bool,
    /// With --dry-run: exit with 9 if anything would change
    #[arg(long, requires = "dry_run")]
    pub exit_code: bool,
}

// Flags of commands that accept an idempotency key.
#[derive(Debug, Clone, Args)]
pub struct KeyArguments {
    /// Make the command safe to repeat: the same key gives the first result
    #[arg(long, value_name = "KEY", value_parser = checked(IdempotencyKey::parse))]
    pub idempotency_key: Option<IdempotencyKey>,
}

// Flags of commands that ask yes or no, or for the database's name in a protected context.
#[derive(Debug, Clone, Args)]
pub struct AnswerArguments {
    /// Do not ask for confirmation
    #[arg(short = 'y', long)]
    pub yes: bool,
    /// In a protected context: confirm by giving the database's name
    #[arg(long, value_name = "NAME")]
    pub confirm: Option<String>,
}

// Flags of commands that ask for a name.
#[derive(Debug, Clone, Args)]
pub struct ConfirmArguments {
    /// Confirm by giving the name that the prompt asks for
    #[arg(long, value_name = "NAME")]
    pub confirm: Option<String>,
}

// Flags that select products by stock.
#[derive(Debug, Clone, Args)]
#[group(multiple = false)]
pub struct StockFilterArguments {
    /// Only products with at most 5 units in stock
    #[arg(long)]
    low: bool,
    /// Only products with at most N units in stock
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = checked(parse_recorded_stock))]
    max_stock: Option<i32>,
    /// Only products that are out of stock
    #[arg(long)]
    out_of_stock: bool,
}

impl StockFilterArguments {
    pub fn is_empty(&self) -> bool {
        !self.low && !self.out_of_stock && self.max_stock.is_none()
    }

    /// The maximum stock of the selected products, in pieces.
    pub fn max_stock(&self) -> Option<i32> {
        match (self.out_of_stock, self.low) {
            (true, _) => Some(0),
            (_, true) => Some(LOW_STOCK),
            _ => self.max_stock,
        }
    }
}

// The flag that selects products by whether they can be ordered.
#[derive(Debug, Clone, Args)]
pub struct RetiredArguments {
    /// Only retired products
    #[arg(long)]
    pub retired: bool,
}

// Flags that select a period.
#[derive(Debug, Clone, Args)]
pub struct PeriodArguments {
    /// Only from this time on, e.g. 2026-03-01, 2026-03, 7d or yesterday
    #[arg(long, value_name = "TIME", value_parser = time())]
    since: Option<TypedTime>,
    /// Only until this time, including the day, week or month named
    #[arg(long, value_name = "TIME", value_parser = time())]
    until: Option<TypedTime>,
}

impl PeriodArguments {
    /// Errors: exit 7 for an empty period, and for local times that do not exist in the zone.
    pub fn span(&self, context: &Context) -> Result<Span> {
        let (zone, now, mut violations) = (&context.zone, context.clock.now(), Violations::new());
        let mut moment = |name: &str, resolved: Option<Result<DateTime<Utc>, String>>| {
            resolved?.map_err(|problem| violations.add(name, problem)).ok()
        };
        let since = moment("--since", self.since.as_ref().map(|time| time.begin(zone, now)));
        let until = moment("--until", self.until.as_ref().map(|time| time.end(zone, now)));
        violations.into_result()?;
        match since.zip(until).is_some_and(|(since, until)| since >= until) {
            true => Err(Violations::single("--until", "must be after --since").into_error()),
            false => Ok(Span { since, until }),
        }
    }
}

/// The moment of a flag such as `--at`: the last one of a day, month or minute, which `--until` includes as well.
///
/// Errors: exit 7 for a local time that does not exist in the zone.
pub fn moment_of(context: &Context, name: &str, time: Option<&TypedTime>) -> Result<Option<DateTime<Utc>>> {
    let (zone, now) = (&context.zone, context.clock.now());
    let last = |time: &TypedTime| {
        let (begin, end) = (time.begin(zone, now)?, time.end(zone, now)?);
        Ok(if end > begin { end - TimeDelta::microseconds(1) } else { end })
    };
    time.map(last).transpose().map_err(|problem: String| Violations::single(name, problem).into_error())
}

// Flags of commands that list.
#[derive(Debug, Clone, Args)]
pub struct ListArguments {
    /// Maximum number of rows
    #[arg(long, value_name = "N", default_value = "20", allow_negative_numbers = true, value_parser = limit())]
    limit: u64,
    /// Number of rows to skip; slow in a large list, prefer --after
    #[arg(long, value_name = "N", default_value = "0", allow_negative_numbers = true, value_parser = offset())]
    offset: u64,
    /// Continue after the cursor that the previous page printed
    #[arg(long, value_name = "CURSOR", conflicts_with = "offset", value_parser = checked(Cursor::decode))]
    after: Option<Cursor>,
    /// Show all rows, streamed
    #[arg(long, conflicts_with_all = ["limit", "offset", "after"])]
    pub all: bool,
    /// Also count all matching rows
    #[arg(long)]
    pub count: bool,
}

impl ListArguments {
    /// The requested page, in the default order `usual` (such as `-created_at`) unless `sort` is given.
    pub fn page(&self, sort: Option<&str>, usual: &str) -> Page {
        let sort = match (sort, &self.after) {
            (Some(text), _) => Sort::parse(text),
            // The cursor contains its sort order.
            (None, Some(cursor)) => cursor.sort.clone(),
            (None, None) => Sort::parse(usual),
        };
        let limit = if self.all { MAX_LIMIT / 10 } else { self.limit };
        Page { limit, offset: self.offset, after: self.after.clone(), sort }
    }
}

/// Rejects a range that nothing can match.
///
/// Errors: exit 7.
pub fn check_range<T: PartialOrd>(least: (&str, Option<T>), most: (&str, Option<T>)) -> Result<()> {
    match least.1.zip(most.1).is_some_and(|(least, most)| least > most) {
        true => Err(Violations::single(most.0, format!("must not be less than {}", least.0)).into_error()),
        false => Ok(()),
    }
}

/// The number of rows to show.
pub fn limit() -> Checked<u64> {
    checked(|text| whole_number(text, 1, MAX_LIMIT))
}

fn offset() -> Checked<u64> {
    checked(|text| whole_number(text, 0, i64::MAX.unsigned_abs()))
}

/// A point in time.
pub fn time() -> Checked<TypedTime> {
    checked(TypedTime::parse)
}

/// Parses the id of an event or an operation.
pub fn parse_id(text: &str) -> Result<Uuid, String> {
    Uuid::try_parse(text.trim())
        .map_err(|_| "is not the id of an event or operation, as audit list shows them".to_owned())
}

/// A text of several lines.
pub fn long_text() -> Checked<String> {
    checked(multi_line)
}

/// Parses a whole number. Errors: the valid range.
pub fn whole_number(text: &str, lowest: u64, highest: u64) -> Result<u64, String> {
    match text.trim().parse::<u64>() {
        Ok(number) if (lowest..=highest).contains(&number) => Ok(number),
        _ => Err(format!("must be a whole number from {lowest} to {highest}")),
    }
}

/// The number of migrations.
pub fn steps(text: &str) -> Result<u32, String> {
    const MAX: u64 = 10_000;
    whole_number(text, 1, MAX).map(|number| u32::try_from(number).unwrap_or(u32::MAX))
}

/// A search text.
pub fn search_text() -> Checked<SearchText> {
    checked(SearchText::parse)
}

/// Parses `PRODUCT`, `PRODUCT:N` or `PRODUCT=N`; SKUs and ids contain neither `:` nor `=`.
///
/// Errors: a violation of `flag`, or of the quantity, whose field name is `of` followed by the product.
pub fn with_quantity(flag: &str, of: &str, text: &str) -> Result<(String, Option<Quantity>), Violation> {
    with_parsed_quantity(flag, of, text, Quantity::parse)
}

/// As [`with_quantity`], with a parser of the quantity.
pub fn with_parsed_quantity<T>(
    flag: &str,
    of: &str,
    text: &str,
    parse: fn(&str) -> Result<T, String>,
) -> Result<(String, Option<T>), Violation> {
    let (product, quantity) =
        text.rsplit_once([':', '=']).map_or((text, None), |(product, quantity)| (product, Some(quantity)));
    let product = product.trim();
    if product.is_empty() {
        return Err(Violation { field: flag.to_owned(), value: None, problem: "must name a product".to_owned() });
    }
    let field = || format!("{of} {}", printable(product));
    let violation = |text: &str, problem| Violation { field: field(), value: Some(text.to_owned()), problem };
    let quantity = quantity.map(|text| parse(text).map_err(|problem| violation(text, problem)));
    Ok((product.to_owned(), quantity.transpose()?))
}

/// Parses one of several words, in any case.
pub fn one_of_words<T: Copy + Send + Sync + 'static>(known: Vec<(&'static str, T)>) -> Checked<T> {
    let names: Vec<&'static str> = known.iter().map(|(name, _)| *name).collect();
    let words = names.clone();
    let parse = move |text: &str| {
        let wanted = text.trim().to_lowercase();
        known.iter().find(|(name, _)| *name == wanted).map(|(_, value)| *value).ok_or_else(|| {
            let list = names.join(", ");
            match closest(&wanted, names.iter().copied()) {
                Some(close) => format!("must be one of {list} (did you mean {close}?)"),
                None => format!("must be one of {list}"),
            }
        })
    };
    checked(parse).of_words(words)
}

/// Parses the name of an enumeration's variant, in any case.
pub fn name_of<T: Copy + Send + Sync + 'static, const N: usize>(
    all: [T; N],
    name: fn(T) -> &'static str,
) -> Checked<T> {
    one_of_words(all.map(|value| (name(value), value)).into())
}
