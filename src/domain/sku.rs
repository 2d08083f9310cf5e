//! Stock-keeping units, the natural key of products.

use super::search_text::FoldedText;
use super::text::{checked_text, composed, is_invisible, is_unsafe};

/// The canonical form of a SKU, valid or not: composed, trimmed, runs of blanks collapsed, ASCII letters
/// upper-case.
pub fn folded(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for word in composed(text).split_whitespace() {
        if !folded.is_empty() {
            folded.push(' ');
        }
        folded.extend(word.chars().map(|character| character.to_ascii_uppercase()));
    }
    folded
}

/// The longest SKU, in characters.
pub const SKU_MAX_CHARACTERS: usize = 64;

/// 1 to 64 printable characters of any script (`Cam/4567`, `M&M`): trimmed, runs of blanks collapsed,
/// ASCII letters upper-case. No `:` and `=`, which separate a SKU from its quantity; not the shape of a
/// UUID, which names the product by its id.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Sku(String);

impl Sku {
    /// Parses a SKU as typed, into its canonical form. Errors: the reason, without the text.
    pub fn parse(text: &str) -> Result<Sku, String> {
        let text = text.trim();
        // Bytes first: a text of megabytes is rejected without iterating over it.
        if text.len() > SKU_MAX_CHARACTERS * char::MAX.len_utf8() {
            return Err(format!("is longer than {SKU_MAX_CHARACTERS} characters"));
        }
        if let Some(character) = text.chars().find(|&character| is_unsafe(character) || is_invisible(character)) {
            return Err(crate::domain::text::contains(character));
        }
        let sku = folded(text);
        if sku.is_empty() || sku.contains([':', '=']) {
            return Err(format!("must be 1 to {SKU_MAX_CHARACTERS} printable characters without ':' and '='"));
        }
        if sku.chars().nth(SKU_MAX_CHARACTERS).is_some() {
            return Err(format!("is longer than {SKU_MAX_CHARACTERS} characters"));
        }
        if uuid::Uuid::try_parse(&sku).is_ok() {
            return Err("must not look like a UUID".to_owned());
        }
        Ok(Sku(sku))
    }

    /// A SKU derived from a product's name (`Blue Mug, größer` → `BLUE-MUG-GROSSER`).
    pub fn from_name(name: &str) -> Result<Sku, String> {
        let words: Vec<String> = FoldedText::new(name)
            .folded()
            .split(|character: char| !character.is_ascii_alphanumeric())
            .filter(|word| !word.is_empty())
            .map(str::to_ascii_uppercase)
            .collect();
        let mut text = words.join("-");
        text.truncate(SKU_MAX_CHARACTERS);
        Sku::parse(text.trim_end_matches('-')).map_err(|_| "has no letters to derive a SKU from; give --sku".to_owned())
    }
}

checked_text!(Sku);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn skus_are_upper_case_and_never_uuids() {
        for (text, sku) in [
            ("mug-01", "MUG-01"),
            (" Stem  -\u{a0}Silver ", "STEM - SILVER"),
            ("Cam/4567", "CAM/4567"),
            ("m&m", "M&M"),
            ("#1 (rot, grün) +", "#1 (ROT, GRüN) +"),
            ("帽子", "帽子"),
            ("cafe\u{301}", "CAF\u{e9}"),
            ("CAFE\u{301}", "CAF\u{c9}"),
        ] {
            assert_eq!(Sku::parse(text).unwrap().as_str(), sku);
            assert_eq!(Sku::parse(sku).unwrap().as_str(), sku);
        }
        for text in [
            "",
            "  ",
            "a:b",
            "a=b",
            "a\tb",
            "a\u{1b}b",
            "a\u{202e}b",
            "a\u{200b}b",
            "0192f3a4-7c1e-7000-8000-000000000000",
            "0192f3a47c1e70008000000000000000",
            &"A".repeat(65),
        ] {
            assert!(Sku::parse(text).is_err(), "{text} was accepted");
        }
    }

    #[test]
    fn a_name_gives_a_sku() {
        assert_eq!(Sku::from_name("Blue Mug, large!").unwrap().as_str(), "BLUE-MUG-LARGE");
        assert_eq!(Sku::from_name("Füller Größe M").unwrap().as_str(), "FULLER-GROSSE-M");
        assert!(Sku::from_name("日本").is_err());
    }
}
