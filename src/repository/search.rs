//! Conditions for a search by text.

use std::collections::BTreeSet;

use sea_orm::sea_query::{ExprTrait, Func, LikeExpr};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, Select};

/// The search mode for a partially typed name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Match {
    /// Prefix of the key: uses an index, independent of the table size.
    Start,
    /// Contains each of its words: may scan every row.
    Anywhere,
}

/// The first rows whose `key` begins with `text`, sorted by it; its index compares bytes.
pub fn starting_with<E: EntityTrait>(select: Select<E>, key: E::Column, text: &str) -> Select<E> {
    let end = format!("{text}{}", char::MAX);
    select.filter(key.gte(text)).filter(key.lt(end)).order_by_asc(key)
}

/// A condition that finds every word of `text` anywhere in one of the columns.
pub fn contains_words<K: ColumnTrait>(columns: &[K], text: &str) -> Condition {
    text.split_whitespace().fold(Condition::all(), |all, word| all.add(contains(columns, word)))
}

/// A condition that finds `text` anywhere in one of the columns, ignoring the case of ASCII letters. The
/// engines' LOWER differs beyond ASCII, so such a text is searched as typed, in lower and upper case, and
/// with capitalized words.
pub fn contains<K: ColumnTrait>(columns: &[K], text: &str) -> Condition {
    let mut any = Condition::any();
    for column in columns {
        if text.is_ascii() {
            any = any.add(Func::lower(column.into_expr()).like(pattern(&text.to_ascii_lowercase())));
            continue;
        }
        for spelling in [text.to_owned(), text.to_lowercase(), text.to_uppercase(), with_capitals(text)] {
            // An engine lower-cases only ASCII, or every letter by itself, or with its neighbours.
            let lowered = [spelling.to_ascii_lowercase(), letter_by_letter(&spelling), spelling.to_lowercase()];
            for lowered in BTreeSet::from(lowered) {
                any = any.add(Func::lower(column.into_expr()).like(pattern(&lowered)));
            }
        }
    }
    any
}

/// In lower case without regard to neighbours: `İ` becomes `i` without the dot that follows, a final `Σ` becomes `σ`.
fn letter_by_letter(text: &str) -> String {
    text.chars().filter_map(|letter| letter.to_lowercase().next()).collect()
}

fn with_capitals(text: &str) -> String {
    let mut is_first = true;
    let capital = text.chars().flat_map(|character| {
        let spelled: Vec<char> =
            if is_first { character.to_uppercase().collect() } else { character.to_lowercase().collect() };
        is_first = !character.is_alphanumeric();
        spelled
    });
    capital.collect()
}

/// `%text%` with the wildcards inside the text taken literally.
fn pattern(text: &str) -> LikeExpr {
    /// Not a backslash, which MySQL interprets in literals.
    const ESCAPE: char = '!';
    let mut pattern = String::from("%");
    for character in text.chars() {
        if matches!(character, '%' | '_' | ESCAPE) {
            pattern.push(ESCAPE);
        }
        pattern.push(character);
    }
    pattern.push('%');
    LikeExpr::new(pattern).escape(ESCAPE)
}
