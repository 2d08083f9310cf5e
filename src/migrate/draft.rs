//! Drafts a new migration: its file, and its line in the list.

use chrono::{DateTime, Utc};

use crate::error::{CommandLine, Error, Kind, Result};

/// The longest title, in characters: the history has room for 255 with the time before it.
const TITLE_MAX_CHARACTERS: usize = 100;

/// How the statements are written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DraftStyle {
    /// Once, with the builders of sea-query.
    Builders,
    /// As SQL, for each engine.
    Sql,
}

/// The file of a new migration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// The module's name as well, such as `m20261128_093000_add_weight_to_products`.
    pub name: String,
    pub text: String,
}

/// The change that a title describes.
#[derive(Clone, Copy)]
enum Change {
    CreateTable,
    AddColumn,
    Other,
}

impl Draft {
    /// Drafts a migration. A title such as `create_TABLE` or `add_COLUMN_to_TABLE` gives it statements
    /// to begin with; any other gives it none.
    ///
    /// Errors: exit 2 for a title that is not words of letters and digits.
    pub fn new(title: &str, style: DraftStyle, now: DateTime<Utc>) -> Result<Draft> {
        let words = words(title)?;
        let name = format!("m{}_{}", now.format("%Y%m%d_%H%M%S"), words.join("_"));
        let (change, table, column) = Change::from_title(&words);
        let text = template(change, style)
            .replace("{sentence}", &sentence(&words))
            .replace("{name}", &name)
            .replace("{table}", &table)
            .replace("{column}", &column);
        Ok(Draft { name, text })
    }
}

fn template(change: Change, style: DraftStyle) -> String {
    match (style, change) {
        (DraftStyle::Builders, Change::CreateTable) => include_str!("draft/create_table.txt").to_owned(),
        (DraftStyle::Builders, Change::AddColumn) => include_str!("draft/add_column.txt").to_owned(),
        (DraftStyle::Builders, Change::Other) => include_str!("draft/other.txt").to_owned(),
        (DraftStyle::Sql, change) => {
            let (up, down) = change.sql();
            include_str!("draft/sql.txt").replace("{up}", up).replace("{down}", down)
        }
    }
}

impl Change {
    /// With the names of table and column.
    fn from_title(words: &[String]) -> (Change, String, String) {
        let to = words.iter().rposition(|word| word == "to");
        match (words.first().map(String::as_str), to) {
            (Some("create"), _) if words.len() > 1 => (Change::CreateTable, words[1..].join("_"), String::new()),
            (Some("add"), Some(to)) if to > 1 && to + 1 < words.len() => {
                (Change::AddColumn, words[to + 1..].join("_"), words[1..to].join("_"))
            }
            _ => (Change::Other, String::new(), String::new()),
        }
    }

    /// SQL that all engines accept, for up and down.
    fn sql(self) -> (&'static str, &'static str) {
        match self {
            Change::CreateTable => {
                (r#""CREATE TABLE {table} (id integer NOT NULL PRIMARY KEY)""#, r#""DROP TABLE {table}""#)
            }
            Change::AddColumn => (
                r#""ALTER TABLE {table} ADD COLUMN {column} integer""#,
                r#""ALTER TABLE {table} DROP COLUMN {column}""#,
            ),
            Change::Other => ("", ""),
        }
    }
}

/// `Add weight to products`, `add-weight-to-products` and `add_weight_to_products` are the same words.
fn words(title: &str) -> Result<Vec<String>> {
    let words: Vec<String> =
        title.split([' ', '_', '-']).filter(|word| !word.is_empty()).map(str::to_ascii_lowercase).collect();
    let is_plain = |word: &String| word.chars().all(|character| character.is_ascii_alphanumeric());
    if words.is_empty() || !words.iter().all(is_plain) || title.chars().count() > TITLE_MAX_CHARACTERS {
        let message = format!(
            "the name of a migration must be words of ASCII letters and digits, at most {TITLE_MAX_CHARACTERS} characters"
        );
        return Err(
            Error::new(Kind::Invalid, "invalid", message).hint(CommandLine::new("migrate new add_weight_to_products"))
        );
    }
    Ok(words)
}

fn sentence(words: &[String]) -> String {
    let mut sentence = words.join(" ");
    if let Some(first) = sentence.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    sentence
}

/// The text of the list (`migration/src/lib.rs`) with the migration as its newest; `None` if the text
/// is not the list.
pub fn registered(list: &str, name: &str) -> Option<String> {
    let text = with_line_after_last(list, ("mod m", ";"), &format!("mod {name};"))?;
    with_line_after_last(&text, ("    m", "::MIGRATION,"), &format!("    {name}::MIGRATION,"))
}

/// Puts a line after the last one that has this beginning and this end.
fn with_line_after_last(text: &str, (beginning, end): (&str, &str), line: &str) -> Option<String> {
    let mut lines: Vec<&str> = text.lines().collect();
    let last = lines.iter().rposition(|line| line.starts_with(beginning) && line.ends_with(end))?;
    lines.insert(last + 1, line);
    Some(lines.join("\n") + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(title: &str, style: DraftStyle) -> Draft {
        let now = DateTime::from_timestamp(1_795_858_200, 0).unwrap();
        Draft::new(title, style, now).unwrap()
    }

    #[test]
    fn a_title_is_read_in_any_spelling() {
        for title in ["add_weight_to_products", "Add weight to products", "add-weight-to-products"] {
            assert_eq!(draft(title, DraftStyle::Builders).name, "m20261128_093000_add_weight_to_products");
        }
        for title in ["", "__", "über", "a.b", "../a", &"a".repeat(101)] {
            assert!(Draft::new(title, DraftStyle::Builders, DateTime::UNIX_EPOCH).is_err(), "{title}");
        }
    }

    #[test]
    fn a_draft_passes_the_lints_as_it_is() {
        for title in ["add weight to products", "create gift cards", "tidy up"] {
            for style in [DraftStyle::Builders, DraftStyle::Sql] {
                let text = draft(title, style).text;
                let is_wildcard = |line: &&str| line.ends_with("::*;") && !line.ends_with("::prelude::*;");
                assert_eq!(text.lines().find(is_wildcard), None, "{title}");
            }
        }
    }

    #[test]
    fn a_title_gives_the_first_statements() {
        let text = draft("add gift note to order items", DraftStyle::Builders).text;
        assert!(text.contains(r#"Table::alter().table("order_items").add_column"#), "{text}");
        assert!(text.contains(r#".drop_column("gift_note")"#), "{text}");
        let text = draft("create gift cards", DraftStyle::Builders).text;
        assert!(
            text.starts_with("//! Create gift cards.\n") && text.contains(r#"drop(backend, "gift_cards")"#),
            "{text}"
        );
        let text = draft("add weight to products", DraftStyle::Sql).text;
        assert_eq!(text.matches("ALTER TABLE products ADD COLUMN weight integer").count(), 3, "{text}");
        for title in ["tidy up", "add", "add to products", "add weight to", "create"] {
            for style in [DraftStyle::Builders, DraftStyle::Sql] {
                let text = draft(title, style).text;
                assert!(!text.contains('{') || !text.contains("{name}") && !text.contains("{table}"), "{text}");
                assert!(!text.contains("TABLE"), "{text}");
            }
        }
    }

    #[test]
    fn the_list_takes_a_new_migration_as_its_newest() {
        let list = "mod m1_a;\npub mod types;\n\npub const ALL: &[M] = &[\n    m1_a::MIGRATION,\n];\n";
        assert_eq!(
            registered(list, "m2_b").unwrap(),
            "mod m1_a;\nmod m2_b;\npub mod types;\n\npub const ALL: &[M] = &[\n    m1_a::MIGRATION,\n    m2_b::MIGRATION,\n];\n"
        );
        assert_eq!(registered("fn main() {}", "m2_b"), None);
    }
}
