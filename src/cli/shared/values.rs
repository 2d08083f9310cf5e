//! Typed values of the command line: `#[arg(value_parser = checked(Money::parse_price))]`.
//!
//! Clap by itself stops at the first invalid value, with exit 2. These parsers report all invalid values together, with
//! exit 7 (BR-001).

use std::convert::Infallible;
use std::error::Error as _;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use clap::builder::{PossibleValue, StringValueParser, TypedValueParser};
use clap::{Arg, Command};

use crate::domain::{Violation, Violations};
use crate::entity::field::{Editable, Field};
use crate::error::Error;

/// Reads the value of the named argument.
type Parse<T> = Arc<dyn Fn(&str, &str) -> Result<T, Violation> + Send + Sync>;

/// A value parser whose errors are violations.
#[derive(Clone)]
pub struct Checked<T> {
    parse: Parse<T>,
    /// The valid values, if they are few.
    words: Vec<&'static str>,
}

impl<T> Checked<T> {
    /// Names all values that the parser accepts.
    pub fn of_words(self, words: impl IntoIterator<Item = &'static str>) -> Checked<T> {
        Checked { words: words.into_iter().collect(), ..self }
    }
}

/// Creates a parser whose violations concern the whole argument.
pub fn checked<T>(parse: impl Fn(&str) -> Result<T, String> + Send + Sync + 'static) -> Checked<T> {
    let parse: Parse<T> = Arc::new(move |name, text| {
        let violation = |problem| Violation { field: name.to_owned(), value: Some(text.to_owned()), problem };
        parse(text).map_err(violation)
    });
    Checked { parse, words: Vec::new() }
}

/// Creates a parser whose violations concern a part of the value.
pub fn checked_parts<T>(parse: impl Fn(&str) -> Result<T, Violation> + Send + Sync + 'static) -> Checked<T> {
    Checked { parse: Arc::new(move |_, text| parse(text)), words: Vec::new() }
}

/// A validated text for a field of a row.
#[derive(Clone)]
pub struct FieldValue<M: Editable> {
    field: &'static Field<M>,
    text: String,
}

impl<M: Editable> FieldValue<M> {
    /// Validates a text. Errors: the reason it is invalid.
    pub fn parse(field: &'static Field<M>, text: &str) -> Result<FieldValue<M>, String> {
        (field.set)(&mut M::default(), text)?;
        Ok(FieldValue { field, text: text.to_owned() })
    }

    /// Sets the field of a row.
    pub fn put(&self, row: &mut M) {
        // Cannot fail: the parser has set the same field of another row.
        drop((self.field.set)(row, &self.text));
    }
}

impl<M: Editable> fmt::Debug for FieldValue<M> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {:?}", self.field.name, self.text)
    }
}

/// Creates a parser for the field with this name.
pub fn field_value<M: Editable>(name: &'static str) -> Checked<FieldValue<M>> {
    checked(move |text| {
        let field = M::FIELDS.iter().find(|field| field.name == name).ok_or("is not a field")?;
        FieldValue::parse(field, text)
    })
}

impl<T: Clone + Send + Sync + 'static> TypedValueParser for Checked<T> {
    type Value = T;

    fn parse_ref(&self, command: &Command, arg: Option<&Arg>, value: &OsStr) -> Result<T, clap::Error> {
        let text = StringValueParser::new().parse_ref(command, arg, value)?;
        let name = argument_name(arg);
        (self.parse)(&name, &text).map_err(|_| {
            let again = Arc::clone(&self.parse);
            invalid_argument(command, arg, value, Arc::new(move |text| again(&name, text).err()))
        })
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        let words = Some(&self.words).filter(|words| !words.is_empty())?;
        Some(Box::new(words.iter().map(PossibleValue::new)))
    }
}

/// The name of an argument in violations: `--price`, `order`.
fn argument_name(arg: Option<&Arg>) -> String {
    arg.map(|arg| arg.get_long().map_or_else(|| arg.get_id().to_string(), |long| format!("--{long}")))
        .unwrap_or_default()
}

/// The error of clap that carries an [`InvalidArgument`].
fn invalid_argument(command: &Command, arg: Option<&Arg>, value: &OsStr, check: Check) -> clap::Error {
    let invalid = InvalidArgument { id: arg.map(|arg| arg.get_id().to_string()).unwrap_or_default(), check };
    let refused = StringValueParser::new().try_map(move |_| Err::<Infallible, _>(invalid.clone()));
    match refused.parse_ref(command, arg, value) {
        Err(error) => error,
        Ok(never) => match never {},
    }
}

/// The problem of a value.
type Check = Arc<dyn Fn(&str) -> Option<Violation> + Send + Sync>;

/// The error of an argument with an invalid value.
#[derive(Clone)]
struct InvalidArgument {
    id: String,
    check: Check,
}

impl fmt::Debug for InvalidArgument {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Refused({})", self.id)
    }
}

impl fmt::Display for InvalidArgument {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} is invalid", self.id)
    }
}

impl std::error::Error for InvalidArgument {}

/// Combines all invalid values of a rejected command line into one error (exit 7).
///
/// Replaces the parser of each invalid argument by one that accepts anything and records the violation, until clap
/// accepts the whole line.
///
/// Errors: clap's own if the line cannot be parsed for another reason.
pub fn violations(program: fn() -> Command, line: &[OsString], mut error: clap::Error) -> Result<Error, clap::Error> {
    let noted = Arc::new(Mutex::new(Violations::new()));
    let mut relaxed = None;
    loop {
        let Some(invalid) = error.source().and_then(|source| source.downcast_ref::<InvalidArgument>()).cloned() else {
            return Err(error);
        };
        let program = accept_any(relaxed.take().unwrap_or_else(program), &invalid, &noted);
        drop(std::mem::take(&mut *noted.lock().unwrap_or_else(PoisonError::into_inner)));
        match relaxed.insert(program).clone().try_get_matches_from(line) {
            Ok(_) => break,
            Err(next) => error = next,
        }
    }
    let noted = std::mem::take(&mut *noted.lock().unwrap_or_else(PoisonError::into_inner));
    Ok(noted.into_error())
}

/// The command with a parser for this argument that accepts anything and records violations.
fn accept_any(command: Command, invalid: &InvalidArgument, noted: &Arc<Mutex<Violations>>) -> Command {
    let (check, all) = (Arc::clone(&invalid.check), Arc::clone(noted));
    let accept = move |text: &str| {
        if let Some(violation) = check(text) {
            all.lock().unwrap_or_else(PoisonError::into_inner).push(violation);
        }
        Ok::<_, String>(text.to_owned())
    };
    // `mut_arg` changes the order of the arguments, which a built command relies on.
    let command = command.mut_args(|argument| match argument.get_id() == invalid.id.as_str() {
        true => argument.value_parser(accept.clone()),
        false => argument,
    });
    command.mut_subcommands(|command| accept_any(command, invalid, noted))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Money;

    fn program() -> Command {
        let money = || checked(Money::parse_price);
        let list = Arg::new("prices").long("prices").value_delimiter(',').value_parser(money());
        let price = Arg::new("price").long("price").value_parser(money()).allow_negative_numbers(true);
        Command::new("shop").subcommand(Command::new("sell").arg(price).arg(list))
    }

    fn invalid(line: &[&str]) -> Result<Error, clap::Error> {
        let line: Vec<OsString> = line.iter().map(OsString::from).collect();
        violations(program, &line, program().try_get_matches_from(&line).unwrap_err())
    }

    #[test]
    fn all_invalid_values_are_reported_together() {
        let error = invalid(&["shop", "sell", "--price", "-1", "--prices", "1,x,y"]).unwrap();
        assert!(error.message().starts_with("3 invalid values\n  --price -1: "), "{error}");
        let error = invalid(&["shop", "sell", "--price", "x"]).unwrap();
        assert!(error.message().starts_with("--price x: "), "{error}");
    }

    #[test]
    fn unparsable_lines_keep_the_error_of_clap() {
        let error = invalid(&["shop", "sell", "--price", "x", "--what"]).unwrap_err();
        assert_eq!(error.kind(), clap::error::ErrorKind::UnknownArgument);
    }
}
