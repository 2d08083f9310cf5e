//! Parses `.env` without exporting its variables; messages never contain its text.
//!
//! Other programs use the file as well, so only variables of shopctl and those they refer to are read. `${NAME}` refers
//! to an earlier line of the same file only: a file in an untrusted folder must not read the environment.

use std::collections::BTreeMap;
use std::path::Path;

use crate::db::target::escaped;
use crate::error::{Error, Result};

/// Maximum size of an expanded value, in bytes.
const EXPANSION_LIMIT: usize = 64 * 1024;
/// Maximum depth of nested references.
const DEPTH_LIMIT: usize = 8;

/// An unparsed assignment `NAME=…`.
struct Entry<'a> {
    name: &'a str,
    value: &'a str,
    /// The line number, from 1.
    line: usize,
}

/// The problem of a value, without its text, which may be a password.
struct Problem(&'static str);

/// The variables of a `.env` that are read and not empty, and the line of each.
pub type Variables = (BTreeMap<String, String>, BTreeMap<String, usize>);

/// Parses a `.env`.
///
/// Errors: exit 4, `config.file`, with file and line, for one that is malformed, defined twice, or refers to an undefined
/// one.
pub fn parse(path: &Path, text: &str, is_read: impl Fn(&str) -> bool) -> Result<Variables> {
    let path = escaped(&path.to_string_lossy());
    let refuse = |line: usize, problem: &str, hint: &str| {
        Err(Error::configuration("config.file", format!("{path}:{line}: {problem}")).hint(hint))
    };
    let (entries, malformed) = parse_entries(text, &is_read);
    if let Some(line) = malformed {
        return refuse(line, "not of the form NAME=value", QUOTES);
    }
    let (mut variables, mut lines) = (BTreeMap::new(), BTreeMap::new());
    for (index, entry) in entries.iter().enumerate().filter(|(_, entry)| is_read(entry.name)) {
        let mut value = String::new();
        if let Err(Problem(problem)) = expand(&entries, index, DEPTH_LIMIT, &mut value) {
            return refuse(entry.line, problem, QUOTES);
        }
        if value.is_empty() {
            continue;
        }
        if variables.insert(entry.name.to_owned(), value).is_some() {
            return refuse(entry.line, &format!("{} is given twice", entry.name), "keep one of them");
        }
        lines.insert(entry.name.to_owned(), entry.line);
    }
    Ok((variables, lines))
}

const QUOTES: &str = "put a value with spaces, quotes, # or $ in single quotes";

/// Splits the text into assignments; also returns the first line that begins with a known name but is not one.
fn parse_entries(text: &str, is_known: impl Fn(&str) -> bool) -> (Vec<Entry<'_>>, Option<usize>) {
    let mut rest = text.strip_prefix('\u{feff}').unwrap_or(text);
    let (mut entries, mut line) = (Vec::new(), 1);
    while !rest.is_empty() {
        let end = rest.find('\n').map_or(rest.len(), |end| end + 1);
        let this = rest[..end].trim();
        let this = this.strip_prefix("export ").map_or(this, str::trim_start);
        let name_end = this.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_').unwrap_or(this.len());
        let (name, rest_of_line) = this.split_at(name_end);
        let mut consumed = end;
        if let Some(value) = rest_of_line.trim_start().strip_prefix('=') {
            // A quoted value may span lines; an unclosed one ends with its line.
            let start = value.as_ptr() as usize - rest.as_ptr() as usize;
            let length = quoted_length(&rest[start..]).unwrap_or(value.len());
            let length = length.max(value.len());
            consumed = rest[start + length..].find('\n').map_or(rest.len(), |end| start + length + end + 1);
            entries.push(Entry { name, value: &rest[start..start + length], line });
        } else if is_known(name) {
            return (entries, Some(line));
        }
        line += rest[..consumed].matches('\n').count();
        rest = &rest[consumed..];
    }
    (entries, None)
}

/// The length of a quoted value in bytes, including its quotes; `None` if it is not quoted.
fn quoted_length(text: &str) -> Option<usize> {
    let begin = text.len() - text.trim_start_matches([' ', '\t']).len();
    let quote = text[begin..].chars().next().filter(|quote| matches!(quote, '\'' | '"'))?;
    let mut is_escaped = false;
    text[begin..].char_indices().skip(1).find_map(|(index, letter)| {
        let ends = letter == quote && !is_escaped;
        is_escaped = quote == '"' && letter == '\\' && !is_escaped;
        ends.then_some(begin + index + 1)
    })
}

/// Appends the value of an entry, with its references expanded.
fn expand(entries: &[Entry], index: usize, depth: usize, value: &mut String) -> Result<(), Problem> {
    const MALFORMED: Problem = Problem("not of the form NAME=value");
    let mut rest = entries[index].value.trim();
    let mut quote = None;
    while let Some(letter) = rest.chars().next() {
        rest = &rest[letter.len_utf8()..];
        match (letter, quote) {
            ('\'' | '"', None) => quote = Some(letter),
            (letter, Some(open)) if letter == open => quote = None,
            (letter, Some('\'')) => value.push(letter),
            ('\\', _) => match rest.chars().next() {
                Some(next @ ('\\' | '\'' | '"' | '$' | ' ')) => {
                    value.push(next);
                    rest = &rest[1..];
                }
                Some('n') => {
                    value.push('\n');
                    rest = &rest[1..];
                }
                _ => value.push('\\'),
            },
            ('$', _) => rest = expand_reference(entries, index, depth, rest, value)?,
            // After a blank, only a comment may follow.
            (' ' | '\t', None) if rest.trim_start().starts_with('#') => break,
            (' ' | '\t' | '\n', None) => return Err(MALFORMED),
            (letter, _) => value.push(letter),
        }
        if value.len() > EXPANSION_LIMIT {
            return Err(Problem("a value of more than 64 KiB"));
        }
    }
    if quote.is_some() { Err(MALFORMED) } else { Ok(()) }
}

/// Expands the reference after a `$` and returns the remaining text. A bare `$word` that the file does not define is
/// literal, because passwords may contain it.
fn expand_reference<'a>(
    entries: &[Entry],
    index: usize,
    depth: usize,
    rest: &'a str,
    value: &mut String,
) -> Result<&'a str, Problem> {
    let is_of_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let (name, after, is_braced) = match rest.strip_prefix('{') {
        Some(inside) => {
            let (name, after) = inside.split_once('}').ok_or(Problem("an unclosed ${"))?;
            (name, after, true)
        }
        None => {
            let (name, after) = rest.split_at(rest.find(|letter| !is_of_name(letter)).unwrap_or(rest.len()));
            (name, after, false)
        }
    };
    match entries[..index].iter().rposition(|entry| entry.name == name && !name.is_empty()) {
        Some(_) if depth == 0 => Err(Problem("references through more than 8 variables")),
        Some(found) => expand(entries, found, depth - 1, value).map(|()| after),
        None if is_braced => Err(Problem("a ${…} that is not defined earlier in this file")),
        None => {
            value.push('$');
            Ok(rest)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Result<BTreeMap<String, String>> {
        let known = ["A", "B", "C", "D", "E", "DB_PASSWORD", "DATABASE_URL", "DB_NAME"];
        parse(Path::new("/w/.env"), text, |name| known.contains(&name)).map(|(variables, _)| variables)
    }

    fn value(text: &str) -> String {
        read(text).unwrap_or_else(|error| panic!("{text}: {error}")).remove("A").unwrap_or_default()
    }

    #[test]
    fn values_may_be_quoted_and_follow_a_byte_order_mark() {
        let variables = read("\u{feff}A=1\n\n# B=2\nexport C='x # $y'\r\nD=\nOTHER=o\nE=\"two\nlines\"").unwrap();
        let pairs: Vec<_> = variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(pairs, [("A", "1"), ("C", "x # $y"), ("E", "two\nlines")]);
        for (text, expected) in [
            ("A = x # remark", "x"),
            ("A=x#y", "x#y"),
            ("A=\"a \\\"b\\\" \\$c\\n\"", "a \"b\" $c\n"),
            ("A='a'\"b\"c", "abc"),
            ("A=C:\\x", "C:\\x"),
            ("A=''", ""),
        ] {
            assert_eq!(value(text), expected, "{text}");
        }
    }

    #[test]
    fn lines_of_other_programs_are_ignored() {
        let foreign =
            "COMPANY=My Shop GmbH\nmy-key=x\n<<<\nKEY=\"-----BEGIN\nA=0\n-----\"\nQUOTE='open\nA=1\nSTRAY\"=x y";
        assert_eq!(value(foreign), "1");
        assert_eq!(value("COMPANY=My Shop GmbH\nCOMPANY=Twice\nA=1\n=\n=x"), "1");
    }

    #[test]
    fn references_use_earlier_lines_of_the_same_file() {
        assert_eq!(value("HOST=h\nPORT=1\nA=postgres://$HOST:${PORT}/d"), "postgres://h:1/d");
        assert_eq!(value("X=1\nX=2\nA=${X}"), "2");
        assert_eq!(value("A=pa$word"), "pa$word", "a bare one that nobody defined is part of a password");
        assert_eq!(value("X=y\nA='${X}'"), "${X}");
        // The process's environment is not the file's.
        for text in ["A=${PATH}", "A=${X}\nX=1", "A=${A}", "A=${", "A=\"${X\""] {
            let error = read(text).expect_err(text);
            assert!(error.message().starts_with("/w/.env:1: "), "{error}");
        }
    }

    #[test]
    fn references_have_a_size_limit() {
        let mut text = "X0=0123456789\n".to_owned();
        for level in 1..40 {
            text.push_str(&format!("X{level}=${{X{0}}}${{X{0}}}${{X{0}}}${{X{0}}}${{X{0}}}${{X{0}}}\n", level - 1));
        }
        for level in [8, 39] {
            let error = read(&format!("{text}A=${{X{level}}}")).expect_err("it grew");
            assert!(error.message().contains("64 KiB") || error.message().contains("more than 8"), "{error}");
        }
        assert_eq!(value(&format!("{text}A=${{X2}}")).len(), 360);
    }

    #[test]
    fn errors_name_a_malformed_line_without_its_text() {
        for (text, line) in [
            ("A=1\n\n# x\nDB_PASSWORD c4n4ry\nB=2", 4),
            ("A=1\nDB_PASSWORD='c4n4ry\nB=2\n", 2),
            ("A=1\nA=c4n4ry", 2),
            ("KEY='a\nb'\nDB_PASSWORD=c4n4ry and more", 3),
        ] {
            let error = read(text).expect_err(text);
            assert!(error.message().starts_with(&format!("/w/.env:{line}: ")), "{error}");
            assert!(!format!("{error:?}").contains("c4n4ry"), "{error:?}");
        }
    }

    proptest! {
        #[test]
        fn errors_never_contain_text_of_the_file(before in "[A-Z=\"'$\\\\{}# \n]{0,20}", after in "[A-Z=\"'$\\\\{}# \n]{0,20}") {
            if let Err(error) = read(&format!("{before}c4n4ry{after}")) {
                prop_assert!(!format!("{error:?}").contains("c4n4ry"), "{error:?}");
            }
        }

        #[test]
        fn single_quotes_preserve_every_password(password in "[^'\u{0}\u{feff}]{1,40}") {
            prop_assert_eq!(value(&format!("X=1\nA='{password}'\nB=2")), password);
        }
    }
}
