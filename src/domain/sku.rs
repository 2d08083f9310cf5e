//! Stock-keeping units: how people name a product.

use std::fmt;

/// The longest SKU, in characters.
pub const SKU_MAX_CHARACTERS: usize = 64;

/// `[A-Za-z0-9][A-Za-z0-9._-]{0,63}`, stored upper-case, not the shape of a UUID (a UUID typed in a
/// SKU's place names the product by its id).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Sku(String);

impl Sku {
    pub fn parse(text: &str) -> Result<Sku, String> {
        let text = text.trim();
        let starts_well = text.starts_with(|first: char| first.is_ascii_alphanumeric());
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        if !starts_well || !text.bytes().all(allowed) {
            return Err("must begin with a letter or digit and have only letters, digits, '.', '_' and '-'".to_owned());
        }
        if text.len() > SKU_MAX_CHARACTERS {
            return Err(format!("is longer than {SKU_MAX_CHARACTERS} characters"));
        }
        if uuid::Uuid::try_parse(text).is_ok() {
            return Err("must not look like a UUID".to_owned());
        }
        Ok(Sku(text.to_ascii_uppercase()))
    }

    /// A SKU made from a product's name (`Blue Mug, large` → `BLUE-MUG-LARGE`).
    pub fn from_name(name: &str) -> Result<Sku, String> {
        let words: Vec<String> = name
            .split(|character: char| !character.is_ascii_alphanumeric())
            .filter(|word| !word.is_empty())
            .map(str::to_ascii_uppercase)
            .collect();
        let mut text = words.join("-");
        text.truncate(SKU_MAX_CHARACTERS);
        Sku::parse(text.trim_end_matches('-')).map_err(|_| "has no letters to make a SKU from; give --sku".to_owned())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Sku {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn skus_are_upper_case_and_never_uuids() {
        assert_eq!(Sku::parse("mug-01").unwrap().as_str(), "MUG-01");
        for text in [
            "",
            "-a",
            "a b",
            "a:b",
            "ü",
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
        assert!(Sku::from_name("日本").is_err());
    }
}
