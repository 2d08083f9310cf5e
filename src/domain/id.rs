//! Ids of rows: UUIDs, unless another program stored something else. SQLite stores any value in any column,
//! so such an id is shown unchanged and found by its exact value.

use std::collections::HashSet;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use uuid::Uuid;

use super::text;

/// The id of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Id {
    Known(Uuid),
    /// A stored id that is not a UUID.
    Odd(&'static OddId),
}

/// A value that another program stored as an id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OddId {
    Integer(i64),
    /// The bits of a float.
    Real(u64),
    Text(String),
    Bytes(Vec<u8>),
}

/// Interns every odd id that was read, so that ids are `Copy`.
static ODD: Mutex<Option<HashSet<&'static OddId>>> = Mutex::new(None);

impl Id {
    pub fn odd(id: OddId) -> Id {
        let mut known = ODD.lock().unwrap_or_else(PoisonError::into_inner);
        let known = known.get_or_insert_default();
        if let Some(id) = known.get(&id) {
            return Id::Odd(id);
        }
        let id: &'static OddId = Box::leak(Box::new(id));
        known.insert(id);
        Id::Odd(id)
    }

    /// The UUID, if it is one.
    pub fn known(self) -> Option<Uuid> {
        match self {
            Id::Known(id) => Some(id),
            Id::Odd(_) => None,
        }
    }

    /// How a command names a row: by its id, or by its key if the id is not a UUID.
    pub fn or_key(self, key: &str) -> String {
        self.known().map_or_else(|| key.to_owned(), |id| id.to_string())
    }

    /// One word without blanks, for [`Id::decode`].
    pub fn encode(self) -> String {
        match self {
            Id::Known(id) => id.simple().to_string(),
            Id::Odd(OddId::Integer(number)) => format!("I{number}"),
            Id::Odd(OddId::Real(bits)) => format!("R{bits}"),
            Id::Odd(OddId::Text(text)) => format!("T{}", text::hexadecimal(text.as_bytes())),
            Id::Odd(OddId::Bytes(bytes)) => format!("B{}", text::hexadecimal(bytes)),
        }
    }

    pub fn decode(word: &str) -> Option<Id> {
        if let Ok(id) = Uuid::try_parse(word) {
            return Some(Id::Known(id));
        }
        let rest = word.get(1..)?;
        Some(Id::odd(match word.as_bytes()[0] {
            b'I' => OddId::Integer(rest.parse().ok()?),
            b'R' => OddId::Real(rest.parse().ok()?),
            b'T' => OddId::Text(String::from_utf8(text::parse_hexadecimal(rest)?).ok()?),
            b'B' => OddId::Bytes(text::parse_hexadecimal(rest)?),
            _ => return None,
        }))
    }
}

impl Default for Id {
    fn default() -> Id {
        Id::Known(Uuid::nil())
    }
}

impl From<Uuid> for Id {
    fn from(id: Uuid) -> Id {
        Id::Known(id)
    }
}

impl PartialEq<Uuid> for Id {
    fn eq(&self, other: &Uuid) -> bool {
        matches!(self, Id::Known(id) if id == other)
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Id::Known(id) => id.fmt(f),
            Id::Odd(OddId::Integer(number)) => number.fmt(f),
            Id::Odd(OddId::Real(bits)) => f64::from_bits(*bits).fmt(f),
            Id::Odd(OddId::Text(text)) => f.write_str(text),
            Id::Odd(OddId::Bytes(bytes)) if bytes.is_empty() => f.write_str("X''"),
            Id::Odd(OddId::Bytes(bytes)) => f.write_str(&text::from_bytes(bytes.clone())),
        }
    }
}

impl serde::Serialize for Id {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_odd_id_is_shown_unchanged_and_survives_the_command_line() {
        let bytes = |bytes: &[u8]| OddId::Bytes(bytes.to_vec());
        for (odd, shown) in [
            (OddId::Integer(-7), "-7"),
            (OddId::Real(1.5_f64.to_bits()), "1.5"),
            (OddId::Text("a b\n\u{e9}".to_owned()), "a b\n\u{e9}"),
            (OddId::Text(String::new()), ""),
            (bytes(b"abc"), "abc"),
            (bytes(&[0, 255]), "X'00FF'"),
            (bytes(&[]), "X''"),
        ] {
            let id = Id::odd(odd);
            assert_eq!(id.to_string(), shown);
            assert_eq!(Id::decode(&id.encode()), Some(id));
        }
        for damaged in ["", "x", "Ix", "T6", "Tff", "R", "\u{e9}7"] {
            assert_eq!(Id::decode(damaged), None, "{damaged}");
        }
    }
}
