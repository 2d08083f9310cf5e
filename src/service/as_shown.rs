//! Changes of a row as somebody was shown it: refused if it has changed since.

use crate::domain::text::in_columns;
use crate::entity::field::Editable;
use crate::error::{Error, Result, printable};

/// A row as it was shown, and the names of the fields that were.
pub type Shown<'a, M> = (&'a M, &'a [&'a str]);

/// Errors: exit 6 naming each shown field that has another value now.
pub fn check_as_shown<M: Editable>(name: &str, (shown, fields): Shown<'_, M>, now: &M) -> Result<()> {
    let values = M::FIELDS.iter().filter(|field| fields.contains(&field.name));
    let values = values.map(|field| (field.name, (field.stored)(shown), (field.stored)(now)));
    let changed = values.filter(|(_, shown, now)| shown != now);
    let row = |(name, shown, now): (&str, String, String)| {
        [name.to_owned(), format!("{} → {}", printable(&shown), printable(&now))]
    };
    let changed = in_columns(changed.map(row), &[]);
    if changed.is_empty() {
        return Ok(());
    }
    let message = format!("someone else changed {} meanwhile; nothing was written{changed}", printable(name));
    Err(Error::conflict("row.changed", message).hint("repeat the command to start from the current values"))
}
