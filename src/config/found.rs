//! What the sources say, each value with the place where it was found.

use std::collections::BTreeMap;

use crate::db::target::{ServerTarget, SslMode};

/// Parts that say which database is meant; the others complete one that is named.
pub(super) const NAMING: [&str; 5] = ["dialect", "host", "port", "name", "user"];

/// A value and where it was found.
#[derive(Clone)]
pub(super) struct Found {
    pub text: String,
    pub origin: String,
}

/// Where parts of a target stand.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum PartsPlace {
    /// In the environment, for a URL of the command line.
    #[default]
    BesideFlag,
    Variables,
    OwnFile,
    WorkingFolderFile,
}

/// A target in parts, whatever they come from.
#[derive(Clone, Default)]
pub(super) struct FoundParts {
    pub origin: String,
    pub values: BTreeMap<&'static str, Found>,
    pub place: PartsPlace,
}

impl FoundParts {
    /// Without what a URL of a higher level says itself.
    pub fn beside_url(&self, target: &ServerTarget, ssl: Option<SslMode>) -> FoundParts {
        let mut parts = self.clone();
        if self.place == PartsPlace::BesideFlag {
            parts.values.retain(|part, _| match *part {
                "ssl" => ssl.is_none(),
                _ => target.password.is_none(),
            });
        }
        parts
    }

    /// Those that must make sense for a SQLite file: variables which complete whatever server is named are not
    /// used for one.
    pub fn meant_for_a_file(&self) -> impl Iterator<Item = (&'static str, &Found)> {
        let is_file = matches!(self.place, PartsPlace::OwnFile | PartsPlace::WorkingFolderFile);
        self.values.iter().filter(move |(part, _)| is_file || NAMING.contains(part)).map(|(part, found)| (*part, found))
    }
}

/// A variable of one level; an empty one counts as unset.
pub(super) fn variable_of(level: &str, variables: &BTreeMap<String, String>, name: &str) -> Option<Found> {
    let text = variables.get(name).filter(|text| !text.is_empty())?.clone();
    Some(Found { text, origin: format!("{level} {name}") })
}
