//! What the sources say, each value with the place where it was found.

use std::collections::BTreeMap;

use crate::db::target::{ServerTarget, SslMode};

/// Parts that say which database is meant; the others complete one that is named.
pub(super) const NAMING: [&str; 5] = ["dialect", "host", "port", "name", "user"];

/// A value and where it was found.
#[derive(Clone)]
pub(super) struct SourcedValue {
    pub text: String,
    pub origin: String,
}

/// Where parts of a target stand.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum PartsSource {
    /// In the environment, for a URL of the command line.
    #[default]
    Environment,
    Variables,
    OwnFile,
    WorkingFolderFile,
}

/// A target in parts, whatever they come from.
#[derive(Clone, Default)]
pub(super) struct TargetParts {
    pub origin: String,
    pub values: BTreeMap<&'static str, SourcedValue>,
    pub place: PartsSource,
}

impl TargetParts {
    /// Without what a URL of a higher level says itself.
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

    /// Those that must make sense for a SQLite file: variables which complete whatever server is named are not
    /// used for one.
    pub fn relevant_to_sqlite(&self) -> impl Iterator<Item = (&'static str, &SourcedValue)> {
        let is_file = matches!(self.place, PartsSource::OwnFile | PartsSource::WorkingFolderFile);
        self.values.iter().filter(move |(part, _)| is_file || NAMING.contains(part)).map(|(part, found)| (*part, found))
    }
}

/// A variable of one level; an empty one counts as unset.
pub(super) fn find_variable(level: &str, variables: &BTreeMap<String, String>, name: &str) -> Option<SourcedValue> {
    let text = variables.get(name).filter(|text| !text.is_empty())?.clone();
    Some(SourcedValue { text, origin: format!("{level} {name}") })
}
