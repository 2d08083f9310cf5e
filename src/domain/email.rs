//! E-mail addresses, the natural key of users.

use super::text::checked_text;

/// The longest address, in bytes: the column's width.
pub const EMAIL_MAX_BYTES: usize = 255;

/// What every address is like, as a pattern of SQL.
pub const EMAIL_PATTERN: &str = "%_@_%";

/// A trimmed, lower-cased address of valid syntax with a domain, at most `EMAIL_MAX_BYTES`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Email(String);

impl Email {
    /// Parses an address as typed: trims and lower-cases it. Errors: the reason, without the text.
    pub fn parse(text: &str) -> Result<Email, String> {
        // Checked in its stored form: lower-casing can turn one letter into two, the second of which is invalid.
        let text = text.trim().to_lowercase();
        if text.len() > EMAIL_MAX_BYTES {
            return Err(format!("is longer than {EMAIL_MAX_BYTES} bytes"));
        }
        let options = email_address::Options::default().without_display_text().without_domain_literal();
        email_address::EmailAddress::parse_with_options(&text, options).map_err(|_| no_address(&text))?;
        if text.chars().any(super::text::is_unsafe) {
            return Err("contains control characters".to_owned());
        }
        Ok(Email(text))
    }
}

/// The problem of an invalid address; a character that does not show, or looks like another, is named.
fn no_address(text: &str) -> String {
    let must = "must be an e-mail address such as ann@example.com";
    let odd = text.chars().find(|character| !character.is_ascii() || character.is_control());
    match odd {
        Some(odd) if odd.is_alphanumeric() => format!("{must}; it contains {odd} ({})", odd.escape_unicode()),
        Some(odd) => format!("{must}; it contains the character {}", odd.escape_unicode()),
        None => must.to_owned(),
    }
}

checked_text!(Email);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_trimmed_and_lower_cased() {
        assert_eq!(Email::parse("  Ann@Example.COM ").unwrap().as_str(), "ann@example.com");
    }

    #[test]
    fn an_invalid_address_is_rejected() {
        for text in [
            "ann",
            "ann@",
            "@example.com",
            "a b@example.com",
            "Ann <ann@example.com>",
            "ann@exa\u{202e}mple.com",
            "İa@x.com",
            "",
        ] {
            assert!(Email::parse(text).is_err(), "{text} was accepted");
        }
        assert!(Email::parse(&format!("{}@example.com", "a".repeat(300))).is_err());
    }

    proptest::proptest! {
        #[test]
        fn a_stored_address_is_accepted_unchanged(text in "\\PC{1,8}@\\w{1,8}\\.com") {
            if let Ok(email) = Email::parse(&text) {
                proptest::prop_assert_eq!(Email::parse(email.as_str()), Ok(email.clone()));
            }
        }
    }
}
