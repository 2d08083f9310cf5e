//! `.env`: read without exporting anything, told apart line by line, never repeated.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;
use std::rc::Rc;

use crate::db::target::escaped;
use crate::error::{Error, Result};

/// What a `.env` says.
#[derive(Default)]
pub struct Dotenv {
    pub variables: BTreeMap<String, String>,
    /// A password that lost a piece to the substitution of variables.
    pub warnings: Vec<String>,
}

/// Gives one line for each read and counts them: the parser itself does not tell where it is.
struct Lines<'a> {
    rest: &'a [u8],
    taken: Rc<Cell<usize>>,
}

impl Read for Lines<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let line = self.rest.iter().position(|&byte| byte == b'\n').map_or(self.rest.len(), |end| end + 1);
        let size = line.min(buffer.len());
        let (now, later) = self.rest.split_at(size);
        buffer[..size].copy_from_slice(now);
        self.rest = later;
        if size == line && size > 0 {
            self.taken.set(self.taken.get() + 1);
        }
        Ok(size)
    }
}

/// Reads the text of a `.env`, keeping the variables that shopctl knows and that are not empty.
///
/// Errors: exit 4, `config.file`, with file and line, for a line that is not NAME=value and for a
/// variable that stands twice.
pub fn parse(path: &Path, text: &str, is_known: impl Fn(&str) -> bool) -> Result<Dotenv> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let path = escaped(&path.to_string_lossy());
    let mut dotenv = Dotenv::default();
    let taken = Rc::new(Cell::new(0));
    let mut pairs = dotenvy::from_read_iter(Lines { rest: text.as_bytes(), taken: Rc::clone(&taken) });
    loop {
        let before = taken.get();
        let Some(pair) = pairs.next() else { return Ok(dotenv) };
        let (index, line) = first_line(text, before);
        let number = index + 1;
        // The parser's own error repeats the line, which may hold a password.
        let (name, value) = pair.map_err(|_| {
            Error::configuration("config.file", format!("{path}:{number}: not of the form NAME=value"))
                .hint("a value with spaces, quotes or # stands between single quotes")
        })?;
        if !is_known(&name) {
            continue;
        }
        if has_lost_a_dollar(&name, &value, line) {
            let warning = format!("{path}:{number}: a $ in {name} was taken for a variable: use single quotes");
            dotenv.warnings.push(warning);
        }
        if value.is_empty() {
            continue;
        }
        if dotenv.variables.insert(name.clone(), value).is_some() {
            let message = format!("{path}:{number}: {name} stands twice");
            return Err(Error::configuration("config.file", message).hint("keep one of them"));
        }
    }
}

/// The first line behind those already taken that says something.
fn first_line(text: &str, before: usize) -> (usize, &str) {
    let says_something = |line: &str| !line.trim().is_empty() && !line.trim_start().starts_with('#');
    text.lines().enumerate().skip(before).find(|(_, line)| says_something(line)).unwrap_or((before, ""))
}

/// `pa$word` in a password means itself far more often than a variable; `${NAME}` is meant.
fn has_lost_a_dollar(name: &str, value: &str, line: &str) -> bool {
    let before_comment = line.split(" #").next().unwrap_or_default();
    let written = before_comment.split('$').skip(1).filter(|piece| !piece.starts_with('{')).count();
    matches!(name, "DB_PASSWORD" | "DATABASE_URL") && written > value.matches('$').count()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Result<Dotenv> {
        parse(Path::new("/w/.env"), text, |name| name != "OTHER")
    }

    #[test]
    fn values_are_read_with_and_without_quotes_and_mark() {
        let dotenv = read("\u{feff}A=1\n\n# B=2\nexport C='x # $y'\r\nD=\nOTHER=o\nE=\"two\nlines\"").unwrap();
        let pairs: Vec<_> = dotenv.variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(pairs, [("A", "1"), ("C", "x # $y"), ("E", "two\nlines")]);
        assert!(dotenv.warnings.is_empty());
    }

    #[test]
    fn a_malformed_line_is_named_but_not_shown() {
        for (text, line) in [
            ("A=1\n\n# x\nDB_PASSWORD c4n4ry\nB=2", 4),
            ("c4n4ry", 1),
            ("A=1\nDB_PASSWORD='c4n4ry\nB=2\n", 2),
            ("A=1\nA=c4n4ry", 2),
        ] {
            let error = read(text).err().unwrap();
            assert!(error.message().starts_with(&format!("/w/.env:{line}: ")), "{error}");
            assert!(!format!("{error:?}").contains("c4n4ry"), "{error:?}");
        }
    }

    #[test]
    fn a_dollar_that_a_password_lost_is_told() {
        for text in ["DB_PASSWORD=pa$word", "DB_PASSWORD=\"$!word\"", "DB_PASSWORD=\\$w$ord", "\nDATABASE_URL=u:a$b@h"]
        {
            let dotenv = read(text).unwrap();
            assert_eq!(dotenv.warnings.len(), 1, "{text}");
            assert!(!dotenv.warnings[0].contains("word"), "{:?}", dotenv.warnings);
        }
        for text in [
            "DB_PASSWORD='pa$word'",
            "DB_PASSWORD=pa\\$word",
            "DB_PASSWORD=${PASSWORD}",
            "DB_NAME=$shop",
            "DB_PASSWORD=x # $5",
        ] {
            assert!(read(text).unwrap().warnings.is_empty(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_error_repeats_the_file(before in "[A-Z=\"'$\\\\{}# \n]{0,20}", after in "[A-Z=\"'$\\\\{}# \n]{0,20}") {
            if let Err(error) = read(&format!("{before}c4n4ry{after}")) {
                // A variable that stands twice is named, and its name is known.
                let is_hidden = !format!("{error:?}").contains("c4n4ry") || error.message().ends_with("stands twice");
                prop_assert!(is_hidden, "{error:?}");
            }
        }
    }
}
