//! What the statement of a table says: columns, constraints, checks.

use crate::db::schema::meaning::{reference, words};
use crate::db::sql::{closing_quote, listed, normalised, outside_quotes};

/// What a column makes of the values that it is given (<https://www.sqlite.org/datatype3.html>, section 3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Affinity {
    Integer,
    Text,
    Blob,
    Real,
    Numeric,
}

impl Affinity {
    pub(super) fn of(kind: &str) -> Affinity {
        let kind = kind.to_ascii_lowercase();
        let has = |words: &[&str]| words.iter().any(|word| kind.contains(word));
        match () {
            () if has(&["int"]) => Affinity::Integer,
            () if has(&["char", "clob", "text"]) => Affinity::Text,
            () if kind.is_empty() || has(&["blob"]) => Affinity::Blob,
            () if has(&["real", "floa", "doub"]) => Affinity::Real,
            () => Affinity::Numeric,
        }
    }
}

/// What is listed in the outermost brackets of a statement, and what stands behind them.
pub(super) fn items(statement: &str) -> Option<(Vec<&str>, &str)> {
    let open = statement.find('(')?;
    let inside = balanced(&statement[open..]);
    let tail = &statement[open + inside.len()..];
    let inside = inside.strip_prefix('(')?.strip_suffix(')')?;
    Some((listed(inside), tail))
}

/// The name at the beginning of a column's item, without its quotes.
pub(super) fn column_name(item: &str) -> String {
    let Some((first, close)) = item.chars().next().and_then(|first| Some((first, closing_quote(first)?))) else {
        return item.split(char::is_whitespace).next().unwrap_or_default().to_owned();
    };
    let mut characters = item[first.len_utf8()..].chars().peekable();
    let mut name = String::new();
    while let Some(character) = characters.next() {
        if character == close && characters.next_if_eq(&close).is_none() {
            break;
        }
        name.push(character);
    }
    name
}

/// Whether the foreign key of these columns is checked only at the end of a transaction.
pub(super) fn is_deferred(statement: &str, columns: &[String]) -> bool {
    let (items, _) = items(statement).unwrap_or_default();
    items.into_iter().any(|item| {
        let words = words(item);
        let of_table = words.iter().position(|word| word == "foreign").and_then(|_| reference(item));
        let own = of_table.map_or_else(|| vec![column_name(item)], |reference| reference.own);
        let is_own =
            own.len() == columns.len() && own.iter().zip(columns).all(|(one, other)| one.eq_ignore_ascii_case(other));
        let deferral = words.windows(3).position(|three| three == ["deferrable", "initially", "deferred"]);
        is_own && deferral.is_some_and(|at| words[..at].last().is_none_or(|word| word != "not"))
    })
}

/// The checks of a table's statement: their names, or their texts where they have none.
pub(super) fn checks(statement: &str) -> Vec<(String, String)> {
    let statement = normalised(statement);
    let (items, _) = items(&statement).unwrap_or_default();
    items.into_iter().flat_map(checks_of).collect()
}

/// Those of a column or constraint.
fn checks_of(item: &str) -> impl Iterator<Item = (String, String)> {
    let openings = outside_quotes(item).filter(|(_, character, depth)| *character == '(' && *depth == 1);
    openings.filter_map(|(position, ..)| {
        let mut before = words(&item[..position]);
        before.pop().filter(|word| word == "check")?;
        let definition = format!("CHECK {}", balanced(&item[position..]));
        let name = match before.as_slice() {
            [.., constraint, name] if constraint == "constraint" => name.clone(),
            _ => definition.to_lowercase(),
        };
        Some((name, definition))
    })
}

/// `(…)` with everything inside, from a text that begins with the bracket.
fn balanced(text: &str) -> &str {
    let end = outside_quotes(text).find(|(_, character, depth)| *character == ')' && *depth == 0);
    end.map_or(text, |(position, ..)| &text[..=position])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checks_are_found_wherever_they_stand() {
        let statement = "CREATE TABLE \"t\" (\n  a int CHECK (a > 0), -- CHECK (no)\n  b text DEFAULT 'CHECK (no)' NOT NULL,\n  \
                         c int DEFAULT (1) CONSTRAINT \"ck_c\" check (c IN (1, ')', 2)),\n  CONSTRAINT ck CHECK ( b <> '' ), UNIQUE (a, b)\n)";
        assert_eq!(
            checks(statement),
            [
                ("check (a > 0)".to_owned(), "CHECK (a > 0)".to_owned()),
                ("ck_c".to_owned(), "CHECK (c IN(1,')',2))".to_owned()),
                ("ck".to_owned(), "CHECK (b <> '')".to_owned()),
            ]
        );
        assert_eq!(checks("CREATE TABLE t"), []);
        assert_eq!(checks("CREATE TABLE t (a int CHECK (a"), []);
    }

    #[test]
    fn a_column_is_known_by_its_name_without_quotes() {
        let (columns, _) = items("CREATE TABLE t (id int, \"a, \"\"b\" text, [c) d] int, `e` int)").expect("brackets");
        let names: Vec<String> = columns.into_iter().map(column_name).collect();
        assert_eq!(names, ["id", "a, \"b", "c) d", "e"]);
    }
}
