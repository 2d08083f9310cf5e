//! What a migration does, as one number that comments, line ends and layout do not change.

use sha2::{Digest, Sha256};

use crate::domain::text::hexadecimal;

/// SHA-256 of the statements, in hexadecimal.
pub fn checksum(statements: &[String]) -> String {
    let normalised: Vec<String> = statements.iter().map(|statement| normalised(statement)).collect();
    hexadecimal(&Sha256::digest(normalised.join(";\n")))
}

/// A statement on one line without comments, with blanks only where they part two words. What
/// stands between quotes stays as it is.
pub fn normalised(sql: &str) -> String {
    let mut text = String::with_capacity(sql.len());
    let mut rest = sql;
    let mut is_parted = false;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '\'' | '"' | '`' => quoted_length(rest, first),
            '-' if rest.starts_with("--") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |end| end + 2),
            other => other.len_utf8(),
        };
        let (piece, after) = rest.split_at(length);
        rest = after;
        if first.is_whitespace() || piece.starts_with("--") || piece.starts_with("/*") {
            is_parted = true;
            continue;
        }
        if is_parted && text.chars().next_back().is_some_and(is_of_a_word) && is_of_a_word(first) {
            text.push(' ');
        }
        is_parted = false;
        text.push_str(piece);
    }
    text.trim_end_matches(';').to_owned()
}

/// Up to and with the closing quote; a doubled quote begins a text that stands right behind.
fn quoted_length(text: &str, quote: char) -> usize {
    text[1..].find(quote).map_or(text.len(), |end| end + 2)
}

fn is_of_a_word(character: char) -> bool {
    !matches!(character, '(' | ')' | ',' | ';')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(sql: &str) -> String {
        checksum(&[sql.to_owned()])
    }

    #[test]
    fn comments_line_ends_and_layout_do_not_count() {
        let plain = "CREATE TABLE users (id int, name varchar(10) DEFAULT 'a  b')";
        for same in [
            "CREATE TABLE users (\r\n  id int,\r\n  name varchar(10) DEFAULT 'a  b'\r\n);",
            "CREATE TABLE users ( -- people\n id int, /* their\n name */ name varchar( 10 ) DEFAULT 'a  b' )",
            "  CREATE\tTABLE   users(id int,name varchar(10) DEFAULT 'a  b')",
        ] {
            assert_eq!(normalised(same), normalised(plain));
            assert_eq!(of(same), of(plain));
        }
    }

    #[test]
    fn what_is_done_counts() {
        let plain = of("CREATE TABLE t (a int DEFAULT 'x -- y')");
        for other in [
            "CREATE TABLE t (a bigint DEFAULT 'x -- y')",
            "CREATE TABLE t (a int DEFAULT 'x  -- y')",
            "CREATE TABLE t (a int DEFAULT 'x')",
            "CREATE TABLE t (aint DEFAULT 'x -- y')",
        ] {
            assert_ne!(of(other), plain, "{other}");
        }
        assert_ne!(checksum(&["a".into(), "b".into()]), checksum(&["a b".into()]));
        assert_eq!(normalised("SELECT 'it''s' \"a -- b\" FROM `c /* d`"), "SELECT 'it''s' \"a -- b\" FROM `c /* d`");
    }

    #[test]
    fn what_is_never_closed_ends_with_the_text() {
        for odd in ["'", "/*", "--", "'a", "\"", "é'é"] {
            normalised(odd);
        }
    }
}
