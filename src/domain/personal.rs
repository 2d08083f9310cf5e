//! Personal data inside stored documents: how it is erased while what was sealed still verifies.
//!
//! A document (the JSON of a user before or after a change) carries a random salt. Its personal
//! values can be replaced by commitments, SHA-256 of salt, field and value, after which the salt is
//! dropped, so that the value can neither be recovered nor guessed. Seals cover the erased form, so
//! that they remain valid after erasing.
//!
//! A person's document has two legal states: salted, with its personal values and the salt as the
//! last member, or erased, with their commitments and no salt. A seal covers the erased form of a
//! salted document, and the commitments bind the salt: nothing can be added to it. A value may be
//! absent or null in both.

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::text::hexadecimal;

/// Fields of a document that contain personal data.
pub const FIELDS: [&str; 3] = ["email", "first_name", "last_name"];
/// The member that holds the salt.
const SALT: &str = "salt";
const SALT_BYTES: usize = 16;
/// Replaces a text that may contain personal data.
const REDACTED: &str = "[e-mail]";

/// Adds a salt to a document.
pub fn salted(mut document: Value) -> Value {
    if let Some(members) = document.as_object_mut() {
        members.insert(SALT.to_owned(), json!(hexadecimal(&rand::random::<[u8; SALT_BYTES]>())));
    }
    document
}

/// The document with another member, before its salt if it has one.
pub fn with_member(mut document: Value, name: &str, value: Value) -> Value {
    let Some(members) = document.as_object_mut() else { return document };
    let salt = members.shift_remove(SALT);
    members.insert(name.to_owned(), value);
    members.extend(salt.map(|salt| (SALT.to_owned(), salt)));
    document
}

/// The document with commitments in place of personal values, without its salt. One without a salt
/// stays as it is.
pub fn erased(mut document: Value) -> Value {
    let Some(members) = document.as_object_mut() else { return document };
    let Some(Value::String(salt)) = members.get(SALT).cloned() else { return document };
    members.shift_remove(SALT);
    for field in FIELDS {
        if let Some(Value::String(value)) = members.get(field) {
            let commitment = commitment(&salt, field, value);
            members.insert(field.to_owned(), json!({ "commitment": commitment }));
        }
    }
    document
}

/// The form of a stored document that seals cover: of a salted one the erased form, of any other
/// text the text itself.
pub fn sealed_form(text: &str) -> String {
    let own = || text.to_owned();
    let Ok(document) = serde_json::from_str::<Value>(text) else { return own() };
    let written = document.to_string();
    if is_salted(&document) && written == text { erased(document).to_string() } else { own() }
}

/// Whether the document is in the form that [`salted`] gives a person's: the salt is the last member,
/// and at least one personal value is a text, which binds the salt. None is a commitment already.
fn is_salted(document: &Value) -> bool {
    let Some(members) = document.as_object() else { return false };
    let is_last = members.keys().next_back().is_some_and(|name| name == SALT);
    is_last
        && members[SALT].as_str().is_some_and(|salt| is_hexadecimal(salt, 2 * SALT_BYTES))
        && FIELDS.iter().any(|field| members.get(*field).is_some_and(Value::is_string))
        && FIELDS.iter().all(|field| members.get(*field).is_none_or(|value| value.is_string() || value.is_null()))
}

fn is_hexadecimal(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Whether personal values were erased from the document.
pub fn is_erased(document: &Map<String, Value>) -> bool {
    FIELDS.iter().any(|field| document.get(*field).is_some_and(|value| value["commitment"].is_string()))
}

/// The message without e-mail addresses: it is kept for ever, because messages are never erased.
pub fn without_addresses(text: &str) -> String {
    let ending =
        |word: &str| word.get(word.trim_end_matches([',', '.', ':', ';']).len()..).unwrap_or_default().to_owned();
    let words = text.split(' ').map(|word| match word.contains('@') {
        true => format!("{REDACTED}{}", ending(word)),
        false => word.to_owned(),
    });
    words.collect::<Vec<_>>().join(" ")
}

fn commitment(salt: &str, field: &str, value: &str) -> String {
    // The lengths separate the three parts.
    let parts = format!("{}:{salt}{}:{field}{}:{value}", salt.len(), field.len(), value.len());
    hexadecimal(&Sha256::digest(parts))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_erased_document_reveals_nothing_and_matches_its_seal() {
        let document =
            salted(json!({ "email": "ann@example.com", "first_name": "Ann", "last_name": "Lee", "status": "active" }));
        let text = document.to_string();
        let erased = erased(document).to_string();
        assert!(!erased.contains("ann") && !erased.contains("Ann") && !erased.contains(SALT), "{erased}");
        assert!(erased.contains("active"));
        assert_eq!(sealed_form(&text), erased);
        assert_eq!(sealed_form(&erased), erased, "erasing twice changes nothing");
    }

    #[test]
    fn a_document_without_some_personal_values_matches_its_seal_once_erased() {
        for document in [
            json!({ "email": "ann@example.com", "first_name": null, "last_name": "Lee" }),
            json!({ "email": "ann@example.com", "status": "active" }),
        ] {
            let document = salted(document);
            let text = document.to_string();
            assert_eq!(sealed_form(&text), erased(document).to_string(), "{text}");
        }
    }

    #[test]
    fn an_edit_that_changes_no_value_is_detected() {
        let text = person().to_string();
        assert_ne!(sealed_form(&text.replace(':', ": ")), sealed_form(&text));
        assert_ne!(sealed_form(&text.replace("ann", "bob")), sealed_form(&text));
    }

    #[test]
    fn a_document_with_an_added_member_reveals_nothing_once_erased_and_matches_its_seal() {
        let document = with_member(person(), "between", json!(["a", "b"]));
        let text = document.to_string();
        assert_eq!(sealed_form(&text), erased(document).to_string());
        assert_ne!(sealed_form(&text), text);
        assert_eq!(with_member(json!({ "sku": "MUG" }), "between", json!(1)), json!({ "sku": "MUG", "between": 1 }));
    }

    fn person() -> Value {
        salted(
            json!({ "email": "ann@example.com", "first_name": "Ann", "last_name": "Lee", "status": "active", "age": 7 }),
        )
    }

    #[test]
    fn any_other_arrangement_of_salt_and_values_is_detected() {
        let document = person();
        let (text, salt) = (document.to_string(), document[SALT].as_str().expect("a salt").to_owned());
        let member = format!(",\"salt\":\"{salt}\"");
        let bare = text.replace(&member, "");
        let edits = [
            bare.clone(),
            text.replace(&salt, &"0".repeat(2 * SALT_BYTES)),
            text.replace(&salt, &salt.to_uppercase().replace(|digit: char| digit.is_ascii_digit(), "A")),
            text.replace(&salt, &salt[2..]),
            text.replace(&format!("\"{salt}\""), "5"),
            text.replace(&format!("\"{salt}\""), "{}"),
            bare.replacen('{', &format!("{{{},", &member[1..]), 1),
            text.replacen('{', &format!("{{{},", &member[1..]), 1),
            text.replace(&member, &format!("{member}{member}")),
            text.replace(",\"age\":7", ",\"age\":7.0"),
            text.replace(",\"age\":7", ",\"age\":8"),
            text.replace(",\"age\":7", ""),
            text.replace(",\"age\":7", ",\"age\":7,\"note\":null"),
            text.replace(",\"status\":\"active\",\"age\":7", ",\"age\":7,\"status\":\"active\""),
            text.replace(",\"last_name\":\"Lee\"", ""),
            text.replace("\"Lee\"", "null"),
        ];
        for edit in edits {
            assert_ne!(edit, text);
            assert_ne!(sealed_form(&edit), sealed_form(&text), "{edit}");
        }
        // Values are erased together or not at all.
        let erased = erased(document.clone());
        for field in FIELDS {
            let mut half = document.clone();
            half[field] = erased[field].clone();
            assert_ne!(sealed_form(&half.to_string()), sealed_form(&text), "{field}");
        }
    }

    #[test]
    fn a_document_without_personal_data_gets_no_salt() {
        let text = json!({ "sku": "MUG", "price": "12.50" }).to_string();
        for salt in ["5", "{}", "null", "\"\"", "\"00112233445566778899aabbccddeeff\""] {
            let edit = text.replace('}', &format!(",\"salt\":{salt}}}"));
            assert_ne!(sealed_form(&edit), sealed_form(&text), "{edit}");
        }
    }

    #[test]
    fn equal_values_have_different_commitments() {
        let erase = || erased(salted(json!({ "email": "ann@example.com" })));
        assert_ne!(erase(), erase());
    }

    #[test]
    fn addresses_are_removed_from_messages() {
        let text = "user.duplicate: a user with the e-mail address ann@example.com exists already";
        assert_eq!(without_addresses(text), "user.duplicate: a user with the e-mail address [e-mail] exists already");
    }

    proptest::proptest! {
        #[test]
        fn sealing_never_panics_and_erasing_keeps_the_sealed_form(text: String, value: String) {
            let _ = sealed_form(&text);
            let document = salted(json!({ "email": "", "first_name": "Ann", "last_name": value }));
            let sealed = sealed_form(&document.to_string());
            proptest::prop_assert_eq!(sealed_form(&erased(document).to_string()), sealed);
        }
    }
}
