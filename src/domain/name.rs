//! Names of people and products.

use super::text::{checked_text, single_line};

/// The longest first or last name, in characters.
pub const PERSON_NAME_MAX_CHARACTERS: usize = 100;
/// The longest product name, in characters.
pub const PRODUCT_NAME_MAX_CHARACTERS: usize = 255;

/// A first or last name: 1–100 characters after trimming, no control or bidi characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonName(String);

/// A product's name: 1–255 characters after trimming, no control or bidi characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProductName(String);

impl PersonName {
    /// Trims and checks a first or last name. Errors: the reason, without the text.
    pub fn parse(text: &str) -> Result<PersonName, String> {
        single_line(text, PERSON_NAME_MAX_CHARACTERS).map(PersonName)
    }
}

impl ProductName {
    /// Trims and checks a product's name. Errors: the reason, without the text.
    pub fn parse(text: &str) -> Result<ProductName, String> {
        single_line(text, PRODUCT_NAME_MAX_CHARACTERS).map(ProductName)
    }
}

checked_text!(PersonName, ProductName);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_terminal_control_characters_are_rejected() {
        for text in ["", "   ", "a\u{1b}[31m", "a\u{202e}b", "line\nbreak", &"x".repeat(101)] {
            assert!(PersonName::parse(text).is_err(), "{text:?} was accepted");
        }
        assert!(ProductName::parse(&"x".repeat(10_000_000)).is_err());
        assert_eq!(PersonName::parse(" Zoë ").unwrap().as_str(), "Zoë");
    }
}
