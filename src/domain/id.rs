//! Ids of rows: UUIDs as shopctl writes them, UUIDs in the form of another program, or anything else that one stored.
//! Each is kept as it is stored, so that its row is found, changed and deleted by it; a UUID is shown in one form.

use std::collections::HashSet;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use uuid::Uuid;
use uuid::fmt::Hyphenated;

use super::text;

/// The id of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Id {
    /// As shopctl writes it: of the engine's own type, else 36 lower-case characters.
    Known(Uuid),
    /// In a form of another program.
    Formed(Uuid, Form),
    /// A stored id that is not a UUID.
    Odd(&'static OddId),
    /// NULL: the column may be empty, or another program allowed it. No row has this id, not even one without an id.
    Missing,
}

named_enum! {
    /// The forms in which other programs store a UUID.
    #[derive(PartialOrd, Ord)]
    pub enum Form {
        /// Hyphenated, in upper case: `01A2099A-…`.
        UpperCase = "upper-case",
        /// 32 hexadecimal digits.
        Digits = "digits",
        /// 32 hexadecimal digits in upper case.
        UpperCaseDigits = "upper-case-digits",
        /// In braces: `{01a2099a-…}`.
        Braced = "braces",
        /// In braces and upper case.
        UpperCaseBraced = "upper-case-braces",
        /// 16 bytes.
        Bytes = "bytes",
    }
}

impl Form {
    /// `32 hexadecimal digits`
    pub const fn description(self) -> &'static str {
        match self {
            Form::UpperCase => "36 upper-case characters",
            Form::Digits => "32 hexadecimal digits",
            Form::UpperCaseDigits => "32 upper-case hexadecimal digits",
            Form::Braced => "36 characters in braces",
            Form::UpperCaseBraced => "36 upper-case characters in braces",
            Form::Bytes => "16 bytes",
        }
    }

    /// The id in this form; `None` for bytes.
    pub fn text(self, id: Uuid) -> Option<String> {
        Some(match self {
            Form::UpperCase => format!("{:X}", id.hyphenated()),
            Form::Digits => format!("{:x}", id.simple()),
            Form::UpperCaseDigits => format!("{:X}", id.simple()),
            Form::Braced => format!("{:x}", id.braced()),
            Form::UpperCaseBraced => format!("{:X}", id.braced()),
            Form::Bytes => return None,
        })
    }

    /// A letter that is no hexadecimal digit.
    fn letter(self) -> char {
        match self {
            Form::UpperCase => 'U',
            Form::Digits => 's',
            Form::UpperCaseDigits => 'S',
            Form::Braced => 'v',
            Form::UpperCaseBraced => 'V',
            Form::Bytes => 'P',
        }
    }
}

/// A value that another program stored as an id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OddId {
    /// A whole number.
    Integer(i64),
    /// The bits of a float.
    Real(u64),
    /// Text, including the text of a UUID.
    Text(String),
    /// Bytes that are neither a UUID nor text.
    Bytes(Vec<u8>),
}

/// Interns every odd id that was read, so that ids are `Copy`.
static ODD: Mutex<Option<HashSet<&'static OddId>>> = Mutex::new(None);

impl Id {
    /// An id that is not a UUID; equal ones share one allocation, which is never freed.
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

    /// A stored text.
    pub fn of_text(text: &str) -> Id {
        match Id::uuid_of(text) {
            Some((id, None)) => Id::Known(id),
            Some((id, Some(form))) => Id::Formed(id, form),
            None => Id::odd(OddId::Text(text.to_owned())),
        }
    }

    /// The UUID that a stored text is, with the form of another program; `None` if it is none that is found again.
    pub fn uuid_of(text: &str) -> Option<(Uuid, Option<Form>)> {
        let id = Uuid::try_parse(text).ok()?;
        // Of this length is the hyphenated form only, in capital letters or not.
        if text.len() == Hyphenated::LENGTH && !text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Some((id, None));
        }
        let form = Form::ALL.into_iter().find(|form| form.text(id).as_deref() == Some(text))?;
        Some((id, Some(form)))
    }

    /// Stored bytes.
    pub fn of_bytes(bytes: &[u8]) -> Id {
        match Uuid::from_slice(bytes) {
            Ok(id) => Id::Formed(id, Form::Bytes),
            Err(_) => Id::odd(OddId::Bytes(bytes.to_vec())),
        }
    }

    /// Every id that is shown as this UUID, the one that shopctl writes first.
    pub fn forms_of(id: Uuid) -> impl Iterator<Item = Id> {
        std::iter::once(Id::Known(id)).chain(Form::ALL.map(|form| Id::Formed(id, form)))
    }

    /// Every other id that is shown as this text.
    pub fn odd_forms_of(shown: &str) -> Vec<Id> {
        let mut ids = vec![OddId::Text(shown.to_owned())];
        ids.extend(shown.parse().map(OddId::Integer));
        ids.extend(shown.parse::<f64>().map(|number| OddId::Real(number.to_bits())));
        ids.push(OddId::Bytes(text::to_bytes(shown).unwrap_or_else(|| shown.as_bytes().to_vec())));
        ids.into_iter().map(Id::odd).collect()
    }

    /// The id, unless the column is NULL.
    pub fn present(self) -> Option<Id> {
        (self != Id::Missing).then_some(self)
    }

    /// The UUID, in whatever form it is stored.
    pub fn uuid(self) -> Option<Uuid> {
        match self {
            Id::Known(id) | Id::Formed(id, _) => Some(id),
            Id::Odd(_) | Id::Missing => None,
        }
    }

    /// The stored text of a UUID; `None` for bytes and for other ids.
    pub fn plain_text(self) -> Option<String> {
        match self {
            Id::Known(id) => Some(id.to_string()),
            Id::Formed(id, form) => form.text(id),
            Id::Odd(_) | Id::Missing => None,
        }
    }

    /// The stored id as an SQL literal.
    pub fn literal(self) -> String {
        let quoted = |text: &str| format!("'{}'", text.replace('\'', "''"));
        let bytes = |bytes: &[u8]| format!("X'{}'", text::hexadecimal(bytes));
        match self {
            Id::Known(id) => quoted(&id.to_string()),
            Id::Formed(id, form) => form.text(id).map_or_else(|| bytes(id.as_bytes()), |text| quoted(&text)),
            Id::Odd(OddId::Integer(number)) => number.to_string(),
            Id::Odd(OddId::Real(bits)) => format!("{:?}", f64::from_bits(*bits)),
            Id::Odd(OddId::Text(text)) => quoted(text),
            Id::Odd(OddId::Bytes(stored)) => bytes(stored),
            Id::Missing => "NULL".to_owned(),
        }
    }

    /// Whether it is shown as this text, or as this UUID in another form.
    pub fn is_shown_as(self, name: &str) -> bool {
        match self.uuid() {
            Some(id) => Uuid::try_parse(name).is_ok_and(|name| name == id),
            None => self != Id::Missing && self.to_string() == name,
        }
    }

    /// How a command names a row: by its id, or by its key if the id is not a UUID.
    pub fn or_key(self, key: &str) -> String {
        self.uuid().map_or_else(|| key.to_owned(), |id| id.to_string())
    }

    /// One word without blanks, for [`Id::decode`].
    pub fn encode(self) -> String {
        match self {
            Id::Known(id) => id.simple().to_string(),
            Id::Formed(id, form) => format!("{}{}", form.letter(), id.simple()),
            Id::Odd(OddId::Integer(number)) => format!("I{number}"),
            Id::Odd(OddId::Real(bits)) => format!("R{bits}"),
            Id::Odd(OddId::Text(text)) => format!("T{}", text::hexadecimal(text.as_bytes())),
            Id::Odd(OddId::Bytes(bytes)) => format!("B{}", text::hexadecimal(bytes)),
            Id::Missing => "N".to_owned(),
        }
    }

    /// The inverse of [`Id::encode`]; also accepts a hyphenated UUID. `None` for any other word.
    pub fn decode(word: &str) -> Option<Id> {
        if let Ok(id) = Uuid::try_parse(word) {
            return Some(Id::Known(id));
        }
        let rest = word.get(1..)?;
        if let Some(form) = Form::ALL.into_iter().find(|form| word.starts_with(form.letter())) {
            return Uuid::try_parse(rest).ok().map(|id| Id::Formed(id, form));
        }
        if word == "N" {
            return Some(Id::Missing);
        }
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

impl From<Option<Id>> for Id {
    fn from(id: Option<Id>) -> Id {
        id.unwrap_or(Id::Missing)
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
            Id::Known(id) | Id::Formed(id, _) => id.fmt(f),
            Id::Odd(OddId::Integer(number)) => number.fmt(f),
            Id::Odd(OddId::Real(bits)) => f64::from_bits(*bits).fmt(f),
            Id::Odd(OddId::Text(text)) => f.write_str(text),
            Id::Odd(OddId::Bytes(bytes)) if bytes.is_empty() => f.write_str("X''"),
            Id::Odd(OddId::Bytes(bytes)) => f.write_str(&text::from_bytes(bytes.clone())),
            Id::Missing => Ok(()),
        }
    }
}

impl serde::Serialize for Id {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Id::Missing => serializer.serialize_none(),
            id => serializer.collect_str(id),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_is_kept_in_its_form_and_shown_in_one() {
        let known = Uuid::from_u128(0x0190_a2b4_7c1e_7d00_8000_0000_0000_00ab);
        let shown = "0190a2b4-7c1e-7d00-8000-0000000000ab";
        for form in Form::ALL {
            let id = form.text(known).map_or_else(|| Id::of_bytes(known.as_bytes()), |text| Id::of_text(&text));
            assert_eq!(id, Id::Formed(known, form));
            assert_eq!(id.to_string(), shown);
            assert_eq!(Id::decode(&id.encode()), Some(id));
            assert!(id.is_shown_as(shown) && id.is_shown_as(&shown.to_uppercase()));
        }
        assert_eq!(Id::of_text(shown), Id::Known(known));
        let mixed = "0190A2b4-7c1e-7d00-8000-0000000000ab";
        assert_eq!(Id::of_text(mixed), Id::odd(OddId::Text(mixed.to_owned())));
    }

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
            assert!(Id::odd_forms_of(shown).contains(&id), "{shown}");
        }
        assert_eq!(Id::decode(&Id::Missing.encode()), Some(Id::Missing));
        assert!(Id::Missing.present().is_none() && !Id::Missing.is_shown_as(""));
        for damaged in ["", "x", "Ix", "T6", "Tff", "R", "\u{e9}7"] {
            assert_eq!(Id::decode(damaged), None, "{damaged}");
        }
    }
}
