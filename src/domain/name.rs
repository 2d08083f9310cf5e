//! Names of people and products.

use std::fmt;

use super::text::single_line;

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
    pub fn parse(text: &str) -> Result<PersonName, String> {
        single_line(text, PERSON_NAME_MAX_CHARACTERS).map(PersonName)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl ProductName {
    pub fn parse(text: &str) -> Result<ProductName, String> {
        single_line(text, PRODUCT_NAME_MAX_CHARACTERS).map(ProductName)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<PersonName> for String {
    fn from(name: PersonName) -> String {
        name.0
    }
}

impl fmt::Display for PersonName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<ProductName> for String {
    fn from(name: ProductName) -> String {
        name.0
    }
}

impl fmt::Display for ProductName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_could_drive_a_terminal_are_refused() {
        for text in ["", "   ", "a\u{1b}[31m", "a\u{202e}b", "line\nbreak", &"x".repeat(101)] {
            assert!(PersonName::parse(text).is_err(), "{text:?} was accepted");
        }
        assert!(ProductName::parse(&"x".repeat(10_000_000)).is_err());
        assert_eq!(PersonName::parse(" Zoë ").unwrap().as_str(), "Zoë");
    }
}
