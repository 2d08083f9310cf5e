//! Order references: ten characters that can be read out over a telephone, or the order number of
//! another shop.

use uuid::Uuid;

use super::text::{checked_text, composed, is_invisible, is_unsafe};

/// Crockford's base 32: no I, L, O, U. Source: <https://www.crockford.com/base32.html>
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Characters of an own reference, without the dash.
const OWN_CHARACTERS: usize = 10;
const BITS_PER_CHARACTER: usize = 5;
/// The longest reference, in characters: the column's width.
pub const REFERENCE_MAX_CHARACTERS: usize = 64;

/// An order's reference as stored and shown: `K7Q2M-9XD4T` is shopctl's own form; orders of other shops
/// keep theirs (`#1001`, `CA-2017-152156`).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Reference(String);

impl Reference {
    /// 1 to 64 printable characters without blanks, composed; not the shape of a UUID, which names an
    /// order by its id.
    pub fn parse(text: &str) -> Result<Reference, String> {
        let text = composed(text.trim());
        let text = text.as_ref();
        if text.is_empty() || text.chars().any(|character| character.is_whitespace() || is_invisible(character)) {
            return Err(format!("must be 1 to {REFERENCE_MAX_CHARACTERS} printable characters without spaces"));
        }
        if text.chars().nth(REFERENCE_MAX_CHARACTERS).is_some() {
            return Err(format!("is longer than {REFERENCE_MAX_CHARACTERS} characters"));
        }
        if let Some(character) = text.chars().find(|&character| is_unsafe(character)) {
            return Err(crate::domain::text::contains(character));
        }
        if Uuid::try_parse(text).is_ok() {
            return Err("must not look like a UUID".to_owned());
        }
        Ok(Reference(text.to_owned()))
    }

    /// The reference derived from the random tail of a version-7 id.
    pub fn from_id(id: Uuid) -> Reference {
        Reference(of_number(id.as_u64_pair().1))
    }
}

checked_text!(Reference);

/// A number's lowest bits in shopctl's own form: `K7Q2M-9XD4T`.
pub fn of_number(number: u64) -> String {
    with_dash(&characters(number))
}

/// The lowest bits of a number, five per character, lowest first.
pub fn characters(number: u64) -> String {
    let character = |position| ALPHABET[(number >> (position * BITS_PER_CHARACTER)) as usize % ALPHABET.len()];
    (0..OWN_CHARACTERS).map(|position| char::from(character(position))).collect()
}

fn with_dash(characters: &str) -> String {
    let (head, tail) = characters.split_at(OWN_CHARACTERS / 2);
    format!("{head}-{tail}")
}

/// The stored form of an own reference typed in any case, with or without the dash; I and L are read
/// as 1, O as 0. `None` if the text does not have this form.
fn own(text: &str) -> Option<String> {
    let bare = match text.char_indices().nth(OWN_CHARACTERS / 2) {
        Some((position, '-')) => format!("{}{}", &text[..position], &text[position + 1..]),
        _ => text.to_owned(),
    };
    let read = |character: char| match character.to_ascii_uppercase() {
        'I' | 'L' => '1',
        'O' => '0',
        other => other,
    };
    let bare: String = bare.chars().map(read).collect();
    let is_own = bare.len() == OWN_CHARACTERS && bare.bytes().all(|byte| ALPHABET.contains(&byte));
    is_own.then(|| with_dash(&bare))
}

/// The canonical form of a reference: own ones as stored, others unchanged.
pub fn folded(text: &str) -> String {
    let text = text.trim();
    own(text).unwrap_or_else(|| composed(text).into_owned())
}

/// References with the same key name the same order: the case of ASCII letters is ignored, and so is
/// the dash of a reference in shopctl's own form.
pub fn key(text: &str) -> String {
    let upper = composed(text.trim()).to_ascii_uppercase();
    // I, L and O are read as digits only in typed references: other shops' numbers may contain them.
    let is_plain = upper.chars().all(|character| !matches!(character, 'I' | 'L' | 'O'));
    own(&upper).filter(|_| is_plain).unwrap_or(upper)
}

/// A key in shopctl's own form without the dash, as another program may have stored it.
pub fn without_dash(key: &str) -> Option<String> {
    own(key).filter(|own| own == key).map(|own| own.replace('-', ""))
}

/// How an order of this name may be stored, most likely first: unchanged, in shopctl's own form, as
/// another program may have stored it, and in another case.
pub fn spellings(text: &str) -> Vec<String> {
    let text = text.trim();
    let own = own(text);
    let bare = own.as_ref().map(|own| own.replace('-', ""));
    let forms = [own, bare, Some(text.to_owned()), Some(composed(text).into_owned())];
    let mut spellings = vec![text.to_owned()];
    for form in forms.into_iter().flatten() {
        for spelling in [form.to_ascii_uppercase(), form.to_ascii_lowercase()] {
            if !spellings.contains(&spelling) {
                spellings.push(spelling);
            }
        }
    }
    spellings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_references_match_in_any_case_with_or_without_the_dash() {
        for typed in ["k7q2m9xd4t", "K7Q2M-9XD4T", " K7Q2M9XD4T ", "k7q2m-9xd4t"] {
            assert_eq!(folded(typed), "K7Q2M-9XD4T");
            assert!(spellings(typed).contains(&"K7Q2M-9XD4T".to_owned()), "{typed}");
            assert!(spellings(typed).contains(&"K7Q2M9XD4T".to_owned()), "{typed}");
        }
        assert_eq!(folded("oil00-00000"), "01100-00000");
        assert_eq!(folded("U7Q2M9XD4T"), "U7Q2M9XD4T");
        assert_eq!(spellings("ca-1"), ["ca-1", "CA-1"]);
    }

    #[test]
    fn spellings_of_a_reference_share_one_key() {
        for text in ["k7q2m9xd4t", "K7Q2M-9XD4T", " K7q2M9XD4t "] {
            assert_eq!(key(text), "K7Q2M-9XD4T");
        }
        assert_eq!(without_dash("K7Q2M-9XD4T").as_deref(), Some("K7Q2M9XD4T"));
        for (text, other) in [("CA-2017-1", "CA2017-1"), ("A00000000I", "A000000001"), ("é-1", "É-1")] {
            assert_ne!(key(text), key(other));
            assert_eq!(key(text), key(&text.to_ascii_lowercase()));
            assert_eq!(without_dash(&key(text)), None);
        }
    }

    #[test]
    fn a_decomposed_reference_is_the_composed_one() {
        let (one, other) = ("CAFE\u{301}-1", "CAF\u{c9}-1");
        assert_eq!(Reference::parse(one).unwrap().as_str(), other);
        assert_eq!((key(one), folded(one)), (key(other), folded(other)));
        assert!(spellings(one).contains(&other.to_owned()));
    }

    #[test]
    fn references_of_other_shops_are_kept() {
        for text in ["#1001", "CA-2017-152156", "000000001", "1000000001", "k7q2m9xd4t", "Bestellung/7", "注文-1"] {
            assert_eq!(Reference::parse(text).unwrap().as_str(), text);
        }
        let long = "1".repeat(65);
        for text in [
            "",
            "  ",
            "a b",
            "a\u{a0}b",
            "a\u{1b}b",
            "a\u{202e}b",
            "a\u{200b}b",
            &long,
            "0192f3a4-7c1e-7000-8000-000000000000",
        ] {
            assert!(Reference::parse(text).is_err(), "{text:?} was accepted");
        }
    }

    proptest::proptest! {
        #[test]
        fn every_id_gives_a_canonical_reference(bits: u128) {
            let reference = Reference::from_id(Uuid::from_u128(bits));
            proptest::prop_assert_eq!(Reference::parse(reference.as_str()), Ok(reference.clone()));
            proptest::prop_assert_eq!(folded(reference.as_str()), reference.as_str());
        }

        #[test]
        fn any_text_has_spellings(text in "\\PC*|[-0-9A-Za-zé]{9,12}") {
            proptest::prop_assert_eq!(&spellings(&text)[0], text.trim());
        }
    }
}
