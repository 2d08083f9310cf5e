//! What a definition means, whatever it is called and however it is spelled.
//!
//! Servers write a condition another way each time it goes in and out (`status IN ('a')`, `((status)::text = ANY
//! (ARRAY['a'::text]))`), and other programs give constraints names of their own.

/// Types whose names are more than one word: what may stand behind the first.
const MORE_OF_A_TYPE: [&str; 6] = ["varying", "precision", "with", "without", "time", "zone"];

/// What a foreign key may say and do nothing more: it refuses anyway, and ids do not change.
const OF_NO_EFFECT: [&str; 7] = [
    " on delete restrict",
    " on delete no action",
    " on update restrict",
    " on update no action",
    " on update cascade",
    " on update set null",
    " on update set default",
];

/// A definition without what does not change its meaning: letter case and quotes of names, casts of constants,
/// brackets around what belongs together anyway, the order of a list of values, an index's own name, and what happens
/// to references when an id changes, which none does.
pub fn meaning(definition: &str) -> String {
    let mut tokens = without_casts(&tokens(definition));
    loop {
        let fewer = without_brackets(&with_lists(&tokens));
        if fewer == tokens {
            break;
        }
        tokens = fewer;
    }
    let text = tokens.join(" ");
    let text = OF_NO_EFFECT.iter().fold(text, |text, words| text.replace(words, ""));
    of_index(&text).unwrap_or(text)
}

/// The columns and constants of a definition, names without their quotes.
pub fn words(definition: &str) -> Vec<String> {
    tokens(definition)
}

/// A foreign key taken apart.
pub struct ReferenceParts {
    /// The columns that refer.
    pub own: Vec<String>,
    /// The table that they refer to.
    pub table: String,
    /// The columns that they refer to; empty for the primary key.
    pub theirs: Vec<String>,
}

/// `FOREIGN KEY (…) REFERENCES … (…)`
pub fn reference(definition: &str) -> Option<ReferenceParts> {
    let tokens = tokens(definition);
    let at = tokens.iter().position(|token| token == "references")?;
    let listed = |tokens: &[String]| -> Option<Vec<String>> {
        let open = tokens.iter().position(|token| token == "(")?;
        let close = tokens.iter().position(|token| token == ")")?;
        Some(tokens.get(open + 1..close)?.iter().filter(|token| *token != ",").cloned().collect())
    };
    let theirs = listed(&tokens[at..])?;
    let theirs = if theirs.is_empty() { vec![String::new()] } else { theirs };
    Some(ReferenceParts { own: listed(&tokens[..at])?, table: tokens.get(at + 1)?.clone(), theirs })
}

/// An index means its columns; a unique one the same as the constraint.
fn of_index(text: &str) -> Option<String> {
    let rest = text.strip_prefix("create ")?;
    let (is_unique, rest) = match rest.strip_prefix("unique ") {
        Some(rest) => (true, rest),
        None => (false, rest),
    };
    let (_, on) = rest.strip_prefix("index ")?.split_once(" on ")?;
    let (_, columns) = on.split_once(' ')?;
    let columns = columns.strip_prefix("using btree ").unwrap_or(columns);
    let is_plain = columns.starts_with('(') && columns.find(')') == Some(columns.len() - 1);
    Some(if is_unique && is_plain { format!("unique {columns}") } else { format!("index {is_unique} {columns}") })
}

fn tokens(definition: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut rest = definition.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '\'' | '"' | '`' => end_of_quoted(rest, first),
            _ if is_of_a_word(first) => rest.find(|other| !is_of_a_word(other)).unwrap_or(rest.len()),
            _ => ["::", ">=", "<=", "<>", "!=", "||"]
                .iter()
                .find(|symbol| rest.starts_with(**symbol))
                .map_or(first.len_utf8(), |symbol| symbol.len()),
        };
        let (token, after) = rest.split_at(length);
        tokens.push(match first {
            '"' | '`' => unquoted(token, first),
            '\'' => token.to_owned(),
            _ if token == "!=" => "<>".to_owned(),
            _ => token.to_lowercase(),
        });
        rest = after.trim_start();
    }
    tokens
}

/// A name without its quotes.
pub(super) fn unquoted(token: &str, quote: char) -> String {
    let name = token.strip_prefix(quote).unwrap_or(token);
    let quote = quote.to_string();
    name.strip_suffix(&quote).unwrap_or(name).replace(&quote.repeat(2), &quote)
}

/// Up to and including the closing quote; a doubled one is a part of the text.
pub(super) fn end_of_quoted(text: &str, quote: char) -> usize {
    let mut characters = text.char_indices().skip(1).peekable();
    while let Some((position, character)) = characters.next() {
        if character == quote && characters.next_if(|(_, next)| *next == quote).is_none() {
            return position + 1;
        }
    }
    text.len()
}

fn is_of_a_word(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '_' | '.' | '$')
}

/// Without `::character varying(16)[]`, and without `_utf8mb4` before a text.
fn without_casts(tokens: &[String]) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    let mut rest = tokens;
    while let [token, after @ ..] = rest {
        rest = after;
        if token == "::" {
            rest = rest.get(1..).unwrap_or_default();
            while rest.first().is_some_and(|word| MORE_OF_A_TYPE.contains(&word.as_str())) {
                rest = &rest[1..];
            }
            for (open, close) in [("(", ")"), ("[", "]")] {
                if rest.first().is_some_and(|token| token == open) {
                    let end = rest.iter().position(|token| token == close).map_or(rest.len(), |end| end + 1);
                    rest = &rest[end..];
                }
            }
        } else if !(token.starts_with("_utf8") && rest.first().is_some_and(|next| next.starts_with('\''))) {
            kept.push(token.clone());
        }
    }
    kept
}

/// `= any (array [a, b])` as `in (a, b)`, and every list of constants sorted.
fn with_lists(tokens: &[String]) -> Vec<String> {
    let text: Vec<&str> = tokens.iter().map(String::as_str).collect();
    let mut kept: Vec<String> = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let (open, close, skipped) = match &text[at..] {
            ["=", "any", "(", "array", "[", ..] => (5, "]", 1),
            ["in", "(", ..] => (2, ")", 0),
            _ => {
                kept.push(tokens[at].clone());
                at += 1;
                continue;
            }
        };
        let inside = &text[at + open..];
        let Some(end) = inside.iter().position(|token| *token == close) else {
            kept.push(tokens[at].clone());
            at += 1;
            continue;
        };
        let mut values: Vec<&str> =
            inside[..end].iter().copied().filter(|token| !matches!(*token, "," | "(" | ")")).collect();
        values.sort_unstable();
        kept.extend(["in", "("].map(str::to_owned));
        for (number, value) in values.iter().enumerate() {
            kept.extend((number > 0).then(|| ",".to_owned()));
            kept.push((*value).to_owned());
        }
        kept.push(")".to_owned());
        at += open + end + 1 + skipped;
    }
    kept
}

/// Without the first pair of brackets that changes nothing.
fn without_brackets(tokens: &[String]) -> Vec<String> {
    let text: Vec<&str> = tokens.iter().map(String::as_str).collect();
    let needless = (0..text.len()).filter(|at| text[*at] == "(").find_map(|open| {
        let close = closing(&text, open)?;
        let before = open.checked_sub(1).map_or("", |before| text[before]);
        let after = text.get(close + 1).copied().unwrap_or_default();
        is_needless(before, &text[open + 1..close], after).then_some((open, close))
    });
    let Some((open, close)) = needless else { return tokens.to_vec() };
    let is_kept = |at: &usize| *at != open && *at != close;
    (0..tokens.len()).filter(is_kept).map(|at| tokens[at].clone()).collect()
}

fn closing(text: &[&str], open: usize) -> Option<usize> {
    let mut depth = 0_usize;
    text[open..]
        .iter()
        .position(|token| {
            match *token {
                "(" => depth += 1,
                ")" => depth -= 1,
                _ => {}
            }
            depth == 0
        })
        .map(|length| open + length)
}

fn is_needless(before: &str, inside: &[&str], after: &str) -> bool {
    let joins = |token: &str| matches!(token, "" | "(" | ")" | "and" | "or" | "check" | "default" | ",");
    let is_operator = |token: &str| {
        matches!(token, "" | "(" | "," | "and" | "or" | "not" | "=" | "<>" | "<" | ">" | "<=" | ">=" | "default" | "||")
            || matches!(token, "+" | "-" | "*" | "/" | "check")
    };
    match inside {
        // A single name or constant; a function's brackets and a list's stay.
        [only] if *only != "(" => is_operator(before),
        // The whole of something that needs brackets once at most.
        ["(", .., ")"] if closing(inside, 0) == Some(inside.len() - 1) => true,
        // A comparison between `and` and `or`.
        _ => {
            before != "in"
                && (before != "check" || after.is_empty())
                && joins(before)
                && joins(after)
                && !has_joins(inside)
        }
    }
}

/// Whether it has `and` or `or` outside brackets.
fn has_joins(inside: &[&str]) -> bool {
    let mut depth = 0_usize;
    inside.iter().any(|token| {
        match *token {
            "(" => depth += 1,
            ")" => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth == 0 && matches!(*token, "and" | "or" | ",")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spelling_does_not_matter() {
        for (one, other) in [
            (
                "CHECK (((status)::text = ANY ((ARRAY['a'::character varying, 'b'::character varying])::text[])))",
                "CHECK (((status)::text = ANY (ARRAY[('b'::character varying)::text, ('a'::character varying)::text])))",
            ),
            ("CHECK (((status)::text = ANY (ARRAY['a'::text, 'b'::text])))", "check (\"status\" IN ('b','a'))"),
            ("CHECK ((price >= (0)::numeric))", "CHECK (`price` >= 0)"),
            ("CHECK ((a > 0) AND (b <> ''))", "CHECK (a > 0 AND b != '')"),
            ("CREATE UNIQUE INDEX users_email_key ON users USING btree (email)", "UNIQUE (email)"),
            ("CREATE INDEX one ON users (a, b)", "CREATE INDEX \"two\" ON \"users\" (\"a\",\"b\")"),
            (
                "FOREIGN KEY (user_id) REFERENCES users(id) ON UPDATE NO ACTION ON DELETE RESTRICT",
                "FOREIGN KEY (`user_id`) REFERENCES `users` (`id`)",
            ),
            (
                "FOREIGN KEY (a) REFERENCES t(id) ON UPDATE CASCADE",
                "FOREIGN KEY (a) REFERENCES t (id) ON UPDATE SET NULL",
            ),
            ("varchar(16) NOT NULL DEFAULT 'a'::character varying", "VARCHAR(16) NOT NULL DEFAULT ('a')"),
        ] {
            assert_eq!(meaning(one), meaning(other));
        }
    }

    #[test]
    fn what_differs_stays_different() {
        for (one, other) in [
            ("CHECK ((a > 0 OR b > 0) AND c > 0)", "CHECK (a > 0 OR (b > 0 AND c > 0))"),
            ("CHECK (a IN ('x'))", "CHECK (a IN ('X'))"),
            ("UNIQUE (a, b)", "UNIQUE (b, a)"),
            ("CREATE INDEX i ON t (a)", "CREATE UNIQUE INDEX i ON t (a)"),
            ("CREATE UNIQUE INDEX i ON t (a) WHERE b > 0", "UNIQUE (a)"),
            ("FOREIGN KEY (a) REFERENCES t (id) ON DELETE CASCADE", "FOREIGN KEY (a) REFERENCES t (id)"),
            ("varchar(16) NOT NULL", "varchar(16)"),
            ("CHECK (length(a) > 0)", "CHECK (a > 0)"),
        ] {
            assert_ne!(meaning(one), meaning(other));
        }
    }

    #[test]
    fn anything_has_a_meaning() {
        for odd in ["", "'", "(", "((", "a::", "IN (", "= ANY (ARRAY[", "CREATE INDEX", "é::é("] {
            meaning(odd);
        }
    }
}
