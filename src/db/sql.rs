//! Processes SQL text.

/// A statement on one line without comments, with blanks only where they part two words. What
/// stands between quotes stays as it is, and so does what MySQL or MariaDB runs though it looks like a comment.
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
        let is_run = piece.starts_with("/*!") || piece.starts_with("/*M!");
        if first.is_whitespace() || piece.starts_with("--") || piece.starts_with("/*") && !is_run {
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

/// Up to and including the closing quote; a doubled quote starts an adjacent literal.
fn quoted_length(text: &str, quote: char) -> usize {
    text[1..].find(quote).map_or(text.len(), |end| end + 2)
}

/// What ends the text or the name that this character begins.
pub fn closing_quote(open: char) -> Option<char> {
    match open {
        '\'' | '"' | '`' => Some(open),
        '[' => Some(']'),
        _ => None,
    }
}

/// The characters outside quotes, each with its position and the number of open brackets after it.
pub fn outside_quotes(text: &str) -> impl Iterator<Item = (usize, char, usize)> {
    let (mut depth, mut quote) = (0_usize, None);
    text.char_indices().filter_map(move |(position, character)| {
        let is_quote = quote.is_none() && closing_quote(character).is_some() || quote == Some(character);
        match quote {
            Some(close) if close == character => quote = None,
            None if is_quote => quote = closing_quote(character),
            None if character == '(' => depth += 1,
            None if character == ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        (quote.is_none() && !is_quote).then_some((position, character, depth))
    })
}

/// The parts between commas outside quotes and brackets.
pub fn listed(text: &str) -> Vec<&str> {
    let (mut parts, mut start) = (Vec::new(), 0);
    for (position, ..) in outside_quotes(text).filter(|(_, character, depth)| *character == ',' && *depth == 0) {
        parts.push(text[start..position].trim());
        start = position + 1;
    }
    parts.push(text[start..].trim());
    parts
}

fn is_of_a_word(character: char) -> bool {
    !matches!(character, '(' | ')' | ',' | ';')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_texts_stay_as_they_are() {
        let text = "SELECT 'it''s' \"a -- b\" FROM `c /* d`";
        assert_eq!(normalised(text), text);
        assert_eq!(
            normalised("a /* b */ /*M!100700 uuid*/ /*!80000 char(36)*/"),
            "a /*M!100700 uuid*/ /*!80000 char(36)*/"
        );
        assert_eq!(normalised("SELECT  1 -- one\r\n , ( 2 ) ;"), "SELECT 1,(2)");
    }

    #[test]
    fn what_is_never_closed_ends_with_the_text() {
        for odd in ["'", "/*", "--", "'a", "\"", "é'é"] {
            normalised(odd);
        }
    }
}
