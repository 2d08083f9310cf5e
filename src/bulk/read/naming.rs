//! Maps the columns of a file to known ones.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};

use super::{Columns, ReadOptions, invalid};
use crate::domain::text::{is_are, is_unsafe};
use crate::error::{Error, Result, option, printable};

/// Minimum similarity for suggesting a column (Jaro-Winkler, 0 to 1).
pub(super) const SIMILAR_ENOUGH: f64 = 0.85;
/// Longer names are not repeated in a suggestion.
const MAX_NAME_BYTES: usize = 100;
/// Maximum number of cached names.
const MAX_CACHED_NAMES: usize = 1_000;

/// The meaning of a column of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnRole {
    Column(&'static str),
    /// Contains the currency of amounts.
    Currency,
    /// Ignored: on request, or because imports do not read it.
    Ignored,
    Unknown,
}

/// Resolves columns by the flags of the command line and by their names.
pub struct Naming<'a> {
    pub options: &'a ReadOptions,
    pub columns: Columns,
    /// The entries of the map found in the file, by position.
    mapped: RefCell<BTreeSet<usize>>,
    /// The ignored columns found in the file, by position.
    ignored: RefCell<BTreeSet<usize>>,
    /// A cache, because each JSON record repeats the same names.
    known: RefCell<HashMap<String, ColumnRole>>,
}

/// A name without differences between programs: case, blanks, `_` and `-`.
pub fn folded(name: &str) -> String {
    let kept = name.chars().filter(|character| !character.is_whitespace() && !matches!(character, '_' | '-'));
    kept.flat_map(char::to_lowercase).collect()
}

/// Whether a name can be pasted into a command: others need `--only-mapped`.
pub(super) fn is_pasteable(name: &str) -> bool {
    !name.is_empty() && name.len() <= MAX_NAME_BYTES && !name.chars().any(is_unsafe)
}

/// `--map THEIRS=OURS`
pub fn map_flag(theirs: &str, ours: &str) -> String {
    option("--map", &format!("{theirs}={ours}"))
}

/// `--ignore-columns A,B`; `None` if one of them cannot be pasted.
pub fn ignore_flag(names: &[&str]) -> Option<String> {
    names.iter().all(|name| is_pasteable(name)).then(|| option("--ignore-columns", &csv_line(names)))
}

/// The suffixes of currency column names.
const CURRENCIES: &str =
    "currency currencycode currencyiso currencyisocode currencysymbol währung waehrung devise moneda";

/// Whether a column contains a currency: `Currency`, `order_currency_code`, `price.currency`.
fn is_currency(name: &str) -> bool {
    let name = folded(name.rsplit('.').next().unwrap_or(name));
    CURRENCIES.split(' ').any(|end| name.ends_with(end))
}

impl<'a> Naming<'a> {
    /// Errors: exit 2 for a map that contradicts itself or names an unknown column.
    pub fn new(options: &'a ReadOptions, columns: Columns) -> Result<Naming<'a>> {
        for (position, (theirs, ours)) in options.map.iter().enumerate() {
            let flag = || printable(&map_flag(theirs, ours));
            if columns.ignored.contains(&ours.as_str()) {
                let ignore = ignore_flag(&[theirs.as_str()]).map(|ignore| format!("{ignore} in its place"));
                return Err(Error::usage(format!("{}: {ours} is not imported", flag())).hints_of(ignore));
            }
            if !columns.importable().any(|known| known == ours) {
                let error = Error::usage(format!("{}: there is no column {}", flag(), printable(ours)));
                let known: Vec<&str> = columns.importable().collect();
                let meant = known.iter().max_by(|a, b| similarity(ours, a).total_cmp(&similarity(ours, b)));
                let meant = meant.filter(|known| similarity(ours, known) >= SIMILAR_ENOUGH && is_pasteable(theirs));
                let error = error.hints_of(meant.map(|meant| map_flag(theirs, meant)));
                return Err(error.hint(format!("the columns are {}", known.join(", "))));
            }
            if let Some((other, _)) = options.map[..position].iter().find(|(other, own)| own == ours || other == theirs)
            {
                let message = match other == theirs {
                    true => format!("--map names {} twice", printable(theirs)),
                    false => format!("--map makes {ours} of both {} and {}", printable(other), printable(theirs)),
                };
                return Err(Error::usage(message));
            }
            if options.ignore.contains(theirs) {
                let message = format!("{} is in both --map and --ignore-columns", printable(theirs));
                return Err(Error::usage(message));
            }
        }
        let (mapped, ignored, known) = (RefCell::default(), RefCell::default(), RefCell::default());
        Ok(Naming { options, columns, mapped, ignored, known })
    }

    /// A copy without found columns.
    pub fn without_matches(&self) -> Naming<'a> {
        let (mapped, ignored, known) = (RefCell::default(), RefCell::default(), RefCell::default());
        Naming { mapped, ignored, known, ..*self }
    }

    /// The meaning of a column, in any spelling of case, blanks, `_` and `-`.
    pub fn role(&self, theirs: &str) -> ColumnRole {
        if let Some(role) = self.known.borrow().get(theirs) {
            return *role;
        }
        let role = self.requested_role(theirs).unwrap_or_else(|| self.role_by_name(theirs));
        let mut known = self.known.borrow_mut();
        if known.len() < MAX_CACHED_NAMES {
            known.insert(theirs.to_owned(), role);
        }
        role
    }

    /// The requested names, in alphabetical order.
    pub fn seen_names(&self) -> Vec<String> {
        let mut seen: Vec<String> = self.known.borrow().keys().cloned().collect();
        seen.sort_unstable();
        seen
    }

    /// The meaning that the command line gives a column.
    pub fn requested_role(&self, theirs: &str) -> Option<ColumnRole> {
        let ReadOptions { map, ignore, .. } = self.options;
        if map.is_empty() && ignore.is_empty() {
            return None;
        }
        let (own, fold) = (self.columns.find(theirs), folded(theirs));
        let mapped = match map.iter().position(|(name, _)| name == theirs) {
            None if self.is_ignored(|name| name == theirs) => return Some(ColumnRole::Ignored),
            // A known name matches only exactly.
            None => map.iter().position(|(name, ours)| folded(name) == fold && own.is_none_or(|own| own == ours)),
            same => same,
        };
        if let Some(position) = mapped {
            self.mapped.borrow_mut().insert(position);
            return self.columns.find(&map[position].1).map(ColumnRole::Column);
        }
        let is_ignored_by_flag = own.is_none() && self.is_ignored(|name| folded(name) == fold);
        is_ignored_by_flag.then_some(ColumnRole::Ignored)
    }

    /// Whether flags leave out an ignored column, rather than imports never reading it.
    pub fn is_left_out(&self, theirs: &str) -> bool {
        let fold = folded(theirs);
        let is_never_read = || self.columns.ignored.iter().any(|known| folded(known) == fold);
        self.is_named(theirs) || !is_never_read()
    }

    /// Whether `--ignore-columns` names a column.
    pub fn is_named(&self, theirs: &str) -> bool {
        self.requested_role(theirs) == Some(ColumnRole::Ignored)
    }

    /// Whether the command line ignores a column.
    fn is_ignored(&self, is_name: impl Fn(&str) -> bool) -> bool {
        let names = self.options.ignore.iter().enumerate().filter(|(_, name)| is_name(name));
        let found: Vec<usize> = names.map(|(position, _)| position).collect();
        self.ignored.borrow_mut().extend(&found);
        !found.is_empty()
    }

    /// The mapped paths into an object of this name, by position.
    pub fn mapped_paths(&self, name: &str) -> impl Iterator<Item = (usize, &'static str)> {
        let inside = format!("{}.", folded(name));
        let paths = self.options.map.iter().enumerate();
        let into = paths.filter(move |(_, (theirs, _))| folded(theirs).starts_with(&inside));
        into.filter_map(|(position, (_, ours))| Some((position, self.columns.find(ours)?)))
    }

    /// Marks a mapped path as found in the file.
    pub fn mark_found(&self, position: usize) {
        self.mapped.borrow_mut().insert(position);
    }

    /// The meaning of a column by its name.
    fn role_by_name(&self, theirs: &str) -> ColumnRole {
        let fold = folded(theirs);
        let alike = || self.columns.all().find(|known| folded(known) == fold);
        match self.columns.find(theirs).or_else(alike) {
            Some(known) if self.columns.ignored.contains(&known) => ColumnRole::Ignored,
            // Another column of the file is mapped to it.
            Some(known) if self.options.only_mapped && self.options.map.iter().any(|(_, ours)| ours == known) => {
                ColumnRole::Ignored
            }
            Some(known) => ColumnRole::Column(known),
            None if !self.columns.amounts.is_empty() && is_currency(theirs) => ColumnRole::Currency,
            None if self.options.only_mapped => ColumnRole::Ignored,
            None => ColumnRole::Unknown,
        }
    }

    /// Errors: if the command line maps or ignores a column that the file does not have. `theirs` are the
    /// names in the file.
    pub fn check_flags(&self, theirs: &[&str]) -> Result<()> {
        let (mapped, ignored) = (self.mapped.borrow(), self.ignored.borrow());
        let maps = self.options.map.iter().enumerate().filter(|(position, _)| !mapped.contains(position));
        let maps: Vec<&(String, String)> = maps.map(|(_, pair)| pair).collect();
        if let Some((name, ours)) = maps.first() {
            let names: Vec<&str> = maps.iter().map(|(name, _)| name.as_str()).collect();
            let error = absent_columns("--map", &names, theirs);
            let has_own = theirs.iter().any(|their| folded(their) == folded(ours));
            return Err(match most_similar(name, theirs) {
                Some(meant) if folded(meant) != folded(ours) => error.hint(map_flag(meant, ours)),
                _ if has_own => {
                    let flag = printable(&map_flag(name, ours));
                    error.hint(format!("leave out {flag}: the file already has a column of that name"))
                }
                _ => error,
            });
        }
        let ignores = self.options.ignore.iter().enumerate().filter(|(position, _)| !ignored.contains(position));
        let ignores: Vec<&str> = ignores.map(|(_, name)| name.as_str()).collect();
        let Some(name) = ignores.first() else { return Ok(()) };
        let error = absent_columns("--ignore-columns", &ignores, theirs);
        Err(error.hints_of(most_similar(name, theirs).and_then(|meant| ignore_flag(&[meant]))))
    }

    /// The error for two columns of the file with the same meaning.
    pub fn duplicate_column(&self, name: &str, first: &str, second: &str) -> Error {
        if first == second {
            return invalid(format!("the column {} appears twice", printable(first)));
        }
        let (first_shown, second_shown) = (printable(first), printable(second));
        let error = invalid(format!("the columns {first_shown} and {second_shown} are both {name}"));
        let is_mapped = |theirs: &str| self.options.map.iter().any(|(mapped, _)| mapped == theirs);
        let (kept, other) = if is_mapped(second) { (second, first) } else { (first, second) };
        let is_own = self.columns.find(kept).is_some_and(|own| own != name);
        match ignore_flag(&[other]) {
            // One of our names that is mapped to another is rather a wrong map than a column to leave out.
            _ if is_own && is_mapped(kept) => error.hint(format!(
                "leave out {}: the file already has a column of that name",
                printable(&map_flag(kept, name))
            )),
            Some(ignore) if is_mapped(kept) => error.hint(ignore),
            Some(ignore) if is_pasteable(kept) => error.hint(format!("{} {ignore}", map_flag(kept, name))),
            _ => error,
        }
    }

    /// The error for unknown columns, with the flags to import the file unedited.
    pub fn unknown_columns(&self, unknown: &[&str], found: &[&'static str]) -> Error {
        let known: Vec<&str> = self.columns.importable().collect();
        let message = format!("unknown {}; the columns are {}", column_list(unknown), known.join(", "));
        // `_id.$oid`
        let is_of_mongodb = unknown.iter().any(|name| name.contains(".$"));
        let other =
            if is_of_mongodb { Some("--format mongo-json".to_owned()) } else { self.other_layout(unknown, found) };
        invalid(message).hint(other.unwrap_or_else(|| self.suggestion(unknown, found)))
    }

    /// The error for missing required columns; `others` are the unused ones of the file.
    pub fn missing_columns(&self, missing: &[&'static str], others: &[&str], found: &[&'static str]) -> Error {
        let is_are = is_are(missing.len());
        let error = invalid(format!("the {} {is_are} missing", column_list(missing)));
        let others: Vec<&str> = others.iter().copied().filter(|other| self.requested_role(other).is_none()).collect();
        if let Some(other) = self.other_layout(&others, found) {
            return error.hint(other);
        }
        let maps = self.suggested_map_flags(&others, found);
        match maps.is_empty() {
            true => error.hint(format!("if it has another name in the file: --map NAME={}", missing[0])),
            false => error.hint(maps.join(" ")),
        }
    }

    /// The flag for the other layout, if the file has all its columns.
    fn other_layout(&self, names: &[&str], found: &[&'static str]) -> Option<String> {
        let (flag, needed) = self.columns.other?;
        let there: BTreeSet<String> = names.iter().chain(found).map(|name| folded(name)).collect();
        needed.iter().all(|name| there.contains(&folded(name))).then(|| flag.to_owned())
    }
}

/// The error for names in a flag that the file does not have.
fn absent_columns(flag: &str, names: &[&str], theirs: &[&str]) -> Error {
    let message = format!("{flag}: the file has no {}", column_list(names));
    invalid(match theirs {
        [] => message,
        _ => format!("{message}; its columns are {}", joined(theirs)),
    })
}

/// The most similar name in the file, if similar enough.
fn most_similar<'n>(name: &str, theirs: &[&'n str]) -> Option<&'n str> {
    let meant = theirs
        .iter()
        .copied()
        .filter(|name| is_pasteable(name))
        .max_by(|a, b| similarity(name, a).total_cmp(&similarity(name, b)));
    meant.filter(|their| similarity(name, their) > SIMILAR_ENOUGH)
}

/// The similarity of a name in the file to one of ours, 0 to 1; `Variant SKU` is similar to `sku`.
pub(super) fn similarity(theirs: &str, ours: &str) -> f64 {
    if theirs.len().max(ours.len()) > MAX_NAME_BYTES {
        return 0.0;
    }
    let (theirs, ours) = (folded(theirs), folded(ours));
    let as_end = if ours.len() >= 3 { by_end(&theirs, &ours) } else { 0.0 };
    strsim::jaro_winkler(&theirs, &ours).max(as_end)
}

/// The similarity of a name to its end; 0 for another end.
pub(super) fn by_end(whole: &str, end: &str) -> f64 {
    match whole.strip_suffix(end) {
        Some(before) => 1.0 - 0.01 * before.len().min(10) as f64,
        None => 0.0,
    }
}

/// `column a` or `columns a, b`
fn column_list(names: &[&str]) -> String {
    format!("column{} {}", if names.len() == 1 { "" } else { "s" }, joined(names))
}

/// A list of names for a message.
pub fn joined(names: &[&str]) -> String {
    names.iter().map(|name| printable(name)).collect::<Vec<_>>().join(", ")
}

/// Names as `--ignore-columns` takes them: a line of CSV.
fn csv_line(names: &[&str]) -> String {
    let quoted = |name: &&str| match name.contains([',', '"']) {
        true => format!("\"{}\"", name.replace('"', "\"\"")),
        false => (*name).to_owned(),
    };
    names.iter().map(quoted).collect::<Vec<_>>().join(",")
}
