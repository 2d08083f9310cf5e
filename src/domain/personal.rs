//! Personal data inside stored documents: how it is erased while what was sealed still verifies.
//!
//! A document (the JSON of a user before or after a change) carries a random salt. Its personal
//! values can be replaced by commitments, SHA-256 of salt, field and value, after which the salt is
//! dropped: nobody can tell the value any more, nor try likely ones. Seals cover the erased form,
//! so that erasing changes nothing that they cover.

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::text::hexadecimal;

/// Fields of a document that tell who a person is.
pub const FIELDS: [&str; 3] = ["email", "first_name", "last_name"];
/// The member that holds the salt.
const SALT: &str = "salt";
const SALT_BYTES: usize = 16;
/// What stands for a text that may name a person.
const REDACTED: &str = "[e-mail]";

/// Gives a document its salt.
pub fn salted(mut document: Value) -> Value {
    if let Some(members) = document.as_object_mut() {
        members.insert(SALT.to_owned(), json!(hexadecimal(&rand::random::<[u8; SALT_BYTES]>())));
    }
    document
}

/// The document with commitments in place of personal values, without its salt. One without a salt
/// stays as it is.
pub fn erased(mut document: Value) -> Value {
    let Some(members) = document.as_object_mut() else { return document };
    let Some(Value::String(salt)) = members.shift_remove(SALT) else { return document };
    for field in FIELDS {
        if let Some(Value::String(value)) = members.get(field) {
            let commitment = commitment(&salt, field, value);
            members.insert(field.to_owned(), json!({ "commitment": commitment }));
        }
    }
    document
}

/// The form of a stored document that seals cover.
///
/// A text that is not exactly what a salted document is written as stands for itself: an edit that
/// changes no value is an edit all the same.
pub fn sealed_form(text: &str) -> String {
    match serde_json::from_str::<Value>(text) {
        Ok(document) if document.get(SALT).is_some() => {
            let same = document.to_string();
            if same == text { erased(document).to_string() } else { text.to_owned() }
        }
        _ => text.to_owned(),
    }
}

/// Whether personal values were erased from the document.
pub fn is_erased(document: &Map<String, Value>) -> bool {
    FIELDS.iter().any(|field| document.get(*field).is_some_and(|value| value["commitment"].is_string()))
}

/// A message to be kept for ever: e-mail addresses are left out, because nothing of a message is
/// erased later.
pub fn without_addresses(text: &str) -> String {
    let words = text.split(' ').map(|word| if word.contains('@') { REDACTED } else { word });
    words.collect::<Vec<_>>().join(" ")
}

fn commitment(salt: &str, field: &str, value: &str) -> String {
    // The lengths keep the three parts apart.
    let parts = format!("{}:{salt}{}:{field}{}:{value}", salt.len(), field.len(), value.len());
    hexadecimal(&Sha256::digest(parts))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_erased_document_tells_nothing_and_is_what_was_sealed() {
        let document = salted(json!({ "email": "ann@example.com", "first_name": "Ann", "status": "active" }));
        let text = document.to_string();
        let erased = erased(document).to_string();
        assert!(!erased.contains("ann") && !erased.contains("Ann") && !erased.contains(SALT), "{erased}");
        assert!(erased.contains("active"));
        assert_eq!(sealed_form(&text), erased);
        assert_eq!(sealed_form(&erased), erased, "erasing twice changes nothing");
    }

    #[test]
    fn an_edit_that_changes_no_value_is_seen() {
        let text = salted(json!({ "email": "ann@example.com" })).to_string();
        assert_ne!(sealed_form(&text.replace(':', ": ")), sealed_form(&text));
        assert_ne!(sealed_form(&text.replace("ann", "bob")), sealed_form(&text));
    }

    #[test]
    fn equal_values_do_not_show_as_equal() {
        let erase = || erased(salted(json!({ "email": "ann@example.com" })));
        assert_ne!(erase(), erase());
    }

    #[test]
    fn addresses_are_left_out_of_messages() {
        let text = "user.duplicate: a user with the e-mail address ann@example.com exists already";
        assert_eq!(without_addresses(text), "user.duplicate: a user with the e-mail address [e-mail] exists already");
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_sealed_without_a_panic_and_erasing_keeps_the_form(text: String, value: String) {
            let _ = sealed_form(&text);
            let document = salted(json!({ "last_name": value }));
            let sealed = sealed_form(&document.to_string());
            proptest::prop_assert_eq!(sealed_form(&erased(document).to_string()), sealed);
        }
    }
}
