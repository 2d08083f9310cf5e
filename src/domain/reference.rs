//! Order references: ten characters that people can read out over a telephone.

use std::fmt;

use uuid::Uuid;

/// Crockford's base 32: no I, L, O, U. Source: https://www.crockford.com/base32.html
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Characters of a reference, the dash not counted.
pub const REFERENCE_CHARACTERS: usize = 10;
const BITS_PER_CHARACTER: usize = 5;

/// An order's reference, stored without the dash, shown as `K7Q2M-9XD4T`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Reference(String);

impl Reference {
    /// Typed in any case, with or without the dash; I and L read as 1, O as 0.
    pub fn parse(text: &str) -> Result<Reference, String> {
        let stored: String = text
            .trim()
            .chars()
            .filter(|&character| character != '-')
            .map(|character| match character.to_ascii_uppercase() {
                'I' | 'L' => '1',
                'O' => '0',
                other => other,
            })
            .collect();
        let is_crockford = stored.bytes().all(|byte| ALPHABET.contains(&byte));
        if stored.len() == REFERENCE_CHARACTERS && is_crockford {
            Ok(Reference(stored))
        } else {
            Err("is not an order reference such as K7Q2M-9XD4T".to_owned())
        }
    }

    /// The reference that the random tail of a version-7 id gives.
    pub fn from_id(id: Uuid) -> Reference {
        Reference(characters(id.as_u64_pair().1))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&display(&self.0))
    }
}

/// The lowest bits of a number, five to a character, the lowest first.
pub fn characters(number: u64) -> String {
    let character = |position| ALPHABET[(number >> (position * BITS_PER_CHARACTER)) as usize % ALPHABET.len()];
    (0..REFERENCE_CHARACTERS).map(|position| char::from(character(position))).collect()
}

/// A stored reference as people see it; whatever else another program stored stays as it is.
pub fn display(stored: &str) -> String {
    match stored.split_at_checked(REFERENCE_CHARACTERS / 2) {
        Some((head, tail)) if stored.len() == REFERENCE_CHARACTERS => format!("{head}-{tail}"),
        _ => stored.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_case_with_or_without_the_dash() {
        let reference = Reference::parse("k7q2m9xd4t").unwrap();
        assert_eq!(reference, Reference::parse("K7Q2M-9XD4T").unwrap());
        assert_eq!(reference.to_string(), "K7Q2M-9XD4T");
        assert_eq!(Reference::parse("oil00-00000").unwrap().as_str(), "0110000000");
        assert!(Reference::parse("K7Q2M").is_err());
        assert!(Reference::parse("U7Q2M9XD4T").is_err());
    }

    proptest::proptest! {
        #[test]
        fn every_id_gives_a_reference_that_parses(bits: u128) {
            let reference = Reference::from_id(Uuid::from_u128(bits));
            proptest::prop_assert_eq!(Reference::parse(&reference.to_string()), Ok(reference));
        }
    }
}
