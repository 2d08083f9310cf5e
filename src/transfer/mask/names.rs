//! The e-mail addresses and names of a shop's people, to find them in any text.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};

use serde_json::Value as Json;

use super::decision::is_erased;
use crate::domain::{EntityKind, personal};
use crate::error::Result;
use crate::transfer::{Cell, Origin, Report, read_rows};

/// How many words of an address or a name count; the others of a longer one do not.
const LONGEST: usize = 8;

/// Names by the hashes of their words, eight bytes each, whatever their case. They are found as whole words: Li is in
/// "for Li" and not in "slim".
#[derive(Default)]
pub struct Names {
    hasher: RandomState,
    known: HashSet<u64>,
    /// Whether there is a name of so many words.
    has_length: [bool; LONGEST + 1],
}

impl Names {
    /// Those of all users, and of all that the audit trail says of users who have changed or are gone.
    pub async fn read(shop: &mut dyn Origin, report: Report<'_>) -> Result<Names> {
        let mut names = Names::default();
        for table in shop.tables() {
            if table.name == "users" {
                let each = |row: crate::transfer::Row| {
                    let cells = personal::FIELDS.map(|column| row.get(&table, column).to_text());
                    cells.iter().flatten().for_each(|text| names.add(text));
                    Ok(())
                };
                read_rows(&table, shop, &mut *report, each).await?;
            } else if table.name == "audit_events" {
                let each = |row: crate::transfer::Row| {
                    if row.get(&table, "entity_type") == &Cell::Text(EntityKind::User.as_str().to_owned()) {
                        ["before", "after"].iter().for_each(|column| names.add_document(row.get(&table, column)));
                    }
                    Ok(())
                };
                read_rows(&table, shop, &mut *report, each).await?;
            }
        }
        Ok(names)
    }

    fn add_document(&mut self, document: &Cell) {
        let Cell::Text(text) = document else { return };
        let document: Json = serde_json::from_str(text).unwrap_or_default();
        personal::FIELDS.iter().filter_map(|field| document[*field].as_str()).for_each(|text| self.add(text));
    }

    pub fn add(&mut self, name: &str) {
        let name = if is_erased(name) { String::new() } else { name.to_lowercase() };
        let words: Vec<&str> = words(&name).take(LONGEST).collect();
        if !words.is_empty() {
            self.has_length[words.len()] = true;
            self.known.insert(self.hasher.hash_one(words.as_slice()));
        }
    }

    /// Whether one of them is in the text.
    pub fn are_in(&self, text: &str) -> bool {
        let text = text.to_lowercase();
        let words: Vec<&str> = words(&text).collect();
        let is_name = |words: &[&str]| self.known.contains(&self.hasher.hash_one(words));
        let lengths = || (1..=LONGEST).filter(|length| self.has_length[*length]);
        (0..words.len()).any(|start| lengths().filter_map(|length| words.get(start..start + length)).any(is_name))
    }
}

/// The runs of letters and digits.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_as_whole_words_in_any_case() {
        let mut names = Names::default();
        ["Li", "van der Berg", "ann.lee@example.com", "Zoë", "O'Brien", "anonymized", "🦀", ""]
            .iter()
            .for_each(|name| names.add(name));
        for text in [
            "Li",
            "for LI, today",
            "li-li@shop",
            "Jan Van der  Berg (senior)",
            "<Ann.Lee@Example.com>",
            "zoË",
            "o\u{2019}brien",
        ] {
            assert!(names.are_in(text), "{text}");
        }
        for text in ["slim", "Lila", "van der", "lee@example.com", "example.com", "Brien O", "anonymized", "", "🦀"] {
            assert!(!names.are_in(text), "{text}");
        }
        assert!(!Names::default().are_in("Li"));
    }
}
