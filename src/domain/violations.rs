//! All violations of one input, reported together (BR-001).

use serde_json::json;

use crate::error::{Error, Kind, printable};

/// One violated rule: the field, the value, and the reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The field as the user named it: `--price`, `email`, `line 3: price`.
    pub field: String,
    /// The rejected value; `None` if it is secret or absent.
    pub value: Option<String>,
    /// The reason, a phrase that follows the value: `is not an amount`.
    pub problem: String,
}

/// Collects violations while an input is being checked.
#[derive(Debug, Default)]
pub struct Violations(Vec<Violation>);

impl Violations {
    /// An input without violations so far.
    pub fn new() -> Self {
        Self::default()
    }

    /// A single violation.
    pub fn single(field: &str, problem: impl Into<String>) -> Self {
        let mut violations = Self::new();
        violations.add(field, problem);
        violations
    }

    /// Parses one field; on failure records a violation and returns `None`.
    pub fn parse<T>(&mut self, field: &str, value: &str, parse: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
        match parse(value) {
            Ok(parsed) => Some(parsed),
            Err(problem) => {
                self.0.push(Violation { field: field.to_owned(), value: Some(value.to_owned()), problem });
                None
            }
        }
    }

    /// Adds a violation without its value (a password, a missing field).
    pub fn add(&mut self, field: &str, problem: impl Into<String>) {
        self.0.push(Violation { field: field.to_owned(), value: None, problem: problem.into() });
    }

    /// The number of violations so far.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// Whether the input is valid so far.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds a violation that was found elsewhere.
    pub fn push(&mut self, violation: Violation) {
        self.0.push(violation);
    }

    /// `Ok` without violations, else one error (exit 7) that lists all of them.
    pub fn into_result(self) -> Result<(), Error> {
        if self.0.is_empty() { Ok(()) } else { Err(self.into_error()) }
    }

    /// One error (exit 7) that lists every violation.
    pub fn into_error(self) -> Error {
        let lines: Vec<String> = self
            .0
            .iter()
            .map(|violation| match &violation.value {
                Some(value) => format!("{} {}: {}", violation.field, printable(value), violation.problem),
                None => format!("{}: {}", violation.field, violation.problem),
            })
            .collect();
        let message = match lines.as_slice() {
            [only] => only.clone(),
            many => format!("{} invalid values\n  {}", many.len(), many.join("\n  ")),
        };
        // Programs find the field under the same name, whether a flag or a file gave it.
        let field = |violation: &Violation| violation.field.trim_start_matches("--").to_owned();
        let details: Vec<_> = self.0.iter().map(|one| json!({ "field": field(one), "problem": one.problem })).collect();
        Error::new(Kind::Invalid, "invalid", message).details(json!({ "violations": details }))
    }
}
