//! Names that mean several rows: in other spellings, or because another program dropped a unique index, or stored a UUID
//! in two forms. None of the rows is guessed.

use crate::domain::Id;
use crate::error::{CommandLine, Error, Hint, printable};

/// What the rows of an entity are called.
pub(super) struct Nouns {
    /// The code of the error.
    pub code: &'static str,
    pub many: &'static str,
    /// What they are named by.
    pub key: &'static str,
    /// The command that shows one.
    pub show: &'static str,
}

/// A row that a name may mean, with its key.
#[derive(Clone, Copy)]
pub(super) struct Candidate<'a> {
    pub id: Id,
    pub key: &'a str,
}

impl Candidate<'_> {
    /// Whether the name is its id.
    fn has_id(&self, name: &str) -> bool {
        self.id.is_shown_as(name)
    }
}

/// Exit 6: the rows that a name may mean.
pub(super) fn ambiguous(nouns: &Nouns, name: &str, candidates: &[Candidate<'_>]) -> Error {
    let (count, many) = (candidates.len(), nouns.many);
    let is_key_shared = candidates.iter().any(|one| candidates.iter().filter(|other| other.key == one.key).count() > 1);
    let again = |other: &str| CommandLine::renaming(name, other, nouns.show);
    let (message, hint) = if candidates.iter().all(|candidate| candidate.has_id(name)) {
        let told = candidates
            .iter()
            .map(|Candidate { id, key }| format!("{} (stored as {})", printable(key), printable(&id.literal())));
        let by_key = (!is_key_shared).then(|| again(candidates[0].key));
        let hint = by_key.map(|again| Hint::from(format!("give its {} instead: ", nouns.key)).and(again));
        (format!("{count} {many} have the id {}: {}", printable(name), told.collect::<Vec<_>>().join(", ")), hint)
    } else if is_key_shared {
        let ids: Vec<String> = candidates.iter().map(|candidate| printable(&candidate.id.to_string())).collect();
        let hint = Hint::from("give its id instead: ").and(again(&ids[0]));
        (
            format!("{count} {many} have the {} {}: {}", nouns.key, printable(candidates[0].key), ids.join(", ")),
            Some(hint),
        )
    } else {
        let mut keys: Vec<&str> = candidates.iter().map(|candidate| candidate.key).collect();
        keys.sort_unstable();
        let hint = Hint::from("write it exactly as stored: ").and(again(keys[0]));
        let told = keys.iter().map(|key| printable(key)).collect::<Vec<_>>();
        (format!("{} may be any of {count} {many}: {}", printable(name), told.join(", ")), Some(hint))
    };
    let apart = Hint::from("to give one of them another id: ").and(CommandLine::new("doctor --deep"));
    let is_twin = candidates.iter().all(|candidate| candidate.has_id(name));
    Error::conflict(nouns.code, message).hints_of(hint).hints_of(is_twin.then_some(apart))
}
