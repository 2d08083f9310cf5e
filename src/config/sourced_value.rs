//! Values with their origin.

use std::collections::BTreeMap;

use crate::db::target::{ServerTarget, SslMode};

/// Parts that identify a database; the others complete one that is identified.
pub(super) const NAMING: [&str; 5] = ["dialect", "host", "port", "name", "user"];

/// A value with its origin.
#[derive(Clone)]
pub(super) struct SourcedValue {
    pub text: String,
    pub origin: String,
}

/// The source of a target's parts.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum PartsSource {
    /// The environment, completing a URL of the command line.
    #[default]
    Environment,
    Variables,
    OwnFile,
    WorkingFolderFile,
}

/// A target in parts, from any source.
#[derive(Clone, Default)]
pub(super) struct TargetParts {
    pub origin: String,
    pub values: BTreeMap<&'static str, SourcedValue>,
    pub place: PartsSource,
}

impl TargetParts {
    /// Removes the parts that a URL of the command line specifies itself.
    pub fn without_url_settings(&self, target: &ServerTarget, ssl: Option<SslMode>) -> TargetParts {
        let mut parts = self.clone();
        if self.place == PartsSource::Environment {
            parts.values.retain(|part, _| match *part {
                "ssl" => ssl.is_none(),
                _ => target.password.is_none(),
            });
        }
        parts
    }

    /// The parts that must be valid for a SQLite file; variables that only complete servers are ignored for it.
    pub fn relevant_to_sqlite(&self) -> impl Iterator<Item = (&'static str, &SourcedValue)> {
        let is_file = matches!(self.place, PartsSource::OwnFile | PartsSource::WorkingFolderFile);
        self.values.iter().filter(move |(part, _)| is_file || NAMING.contains(part)).map(|(part, found)| (*part, found))
    }
}

/// Finds a variable of one level; an empty one counts as unset.
pub(super) fn find_variable(level: &str, variables: &BTreeMap<String, String>, name: &str) -> Option<SourcedValue> {
    let text = variables.get(name).filter(|text| !text.is_empty())?.clone();
    Some(SourcedValue { text, origin: format!("{level} {name}") })
}
