//! What the sources say, each value with the place where it was found.

use std::collections::BTreeMap;

/// A value and where it was found.
#[derive(Clone)]
pub(super) struct Found {
    pub text: String,
    pub origin: String,
}

/// A target in parts, whatever they come from.
#[derive(Default)]
pub(super) struct FoundParts {
    pub origin: String,
    pub values: BTreeMap<&'static str, Found>,
    pub is_of_working_folder: bool,
}

/// A variable of one level; an empty one counts as unset.
pub(super) fn variable_of(level: &str, variables: &BTreeMap<String, String>, name: &str) -> Option<Found> {
    let text = variables.get(name).filter(|text| !text.is_empty())?.clone();
    Some(Found { text, origin: format!("{level} {name}") })
}
