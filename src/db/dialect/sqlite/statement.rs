//! What the statement of a table says: columns, constraints, checks.

use crate::db::sql::{closing_quote, listed, normalised};

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

/// The checks of a table's statement: their names, or their texts where they have none.
pub(super) fn checks(statement: &str) -> Vec<(String, String)> {
    let statement = normalised(statement);
    let Some((_, body)) = statement.split_once('(') else { return Vec::new() };
    let (mut checks, mut depth, mut words) = (Vec::new(), 0_usize, Vec::new());
    let mut rest = body;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '\'' | '"' | '`' => rest[1..].find(first).map_or(rest.len(), |end| end + 2),
            '(' | ')' | ',' | ' ' => 1,
            _ => rest.find(['(', ')', ',', ' ', '\'', '"', '`']).unwrap_or(rest.len()),
        };
        let (piece, after) = rest.split_at(length);
        match piece {
            "(" if depth == 0 && words.last().is_some_and(|word: &&str| word.eq_ignore_ascii_case("CHECK")) => {
                let condition = balanced(rest);
                checks.push(check(&words, condition));
                words.clear();
                rest = &rest[condition.len()..];
                continue;
            }
            "(" => depth += 1,
            ")" if depth == 0 => break,
            ")" => depth -= 1,
            "," if depth == 0 => words.clear(),
            " " => {}
            word if depth == 0 => words.push(word),
            _ => {}
        }
        rest = after;
    }
    checks
}

/// `(…)` with everything inside, from a text that begins with the bracket.
fn balanced(text: &str) -> &str {
    let (mut depth, mut quote) = (0_usize, None);
    for (position, character) in text.char_indices() {
        match (quote, character) {
            (Some(close), _) if close == character => quote = None,
            (Some(_), _) => {}
            (None, _) if closing_quote(character).is_some() => quote = closing_quote(character),
            (None, '(') => depth += 1,
            (None, ')') if depth == 1 => return &text[..=position],
            (None, ')') => depth -= 1,
            _ => {}
        }
    }
    text
}

/// `words` are those of the column or constraint so far, `CHECK` last.
fn check(words: &[&str], condition: &str) -> (String, String) {
    let definition = format!("CHECK {condition}");
    let name = match words {
        [.., constraint, name, _] if constraint.eq_ignore_ascii_case("CONSTRAINT") => {
            name.trim_matches(['"', '`']).to_owned()
        }
        _ => definition.to_lowercase(),
    };
    (name, definition)
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
        assert_eq!(checks("CREATE TABLE t (a int CHECK (a"), [("check (a".to_owned(), "CHECK (a".to_owned())]);
    }

    #[test]
    fn a_column_is_known_by_its_name_without_quotes() {
        let (columns, _) = items("CREATE TABLE t (id int, \"a, \"\"b\" text, [c) d] int, `e` int)").expect("brackets");
        let names: Vec<String> = columns.into_iter().map(column_name).collect();
        assert_eq!(names, ["id", "a, \"b", "c) d", "e"]);
    }
}
