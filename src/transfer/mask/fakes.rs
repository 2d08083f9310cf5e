//! What stands for a value: always the same for the same value in one run, and never a name of the shop.

use sha2::{Digest, Sha256};

use super::decision::Decision;
use super::names::Names;
use crate::domain::password::{self, UNUSABLE};
use crate::domain::reference;
use crate::domain::text::hexadecimal;
use crate::domain::words::Words;

/// How often a fake is drawn from lists and with its prefix, and then without, until no name is in it. Of a list that is
/// mostly taken the few other words would be everywhere.
const LISTED: u64 = 3;
const ATTEMPTS: u64 = 64;
/// Domains that nobody has (RFC 2606).
const DOMAINS: [&str; 4] = ["example.com", "example.org", "example.net", "masked.invalid"];
/// What stands for a free text.
const REPLACED: [&str; 4] = ["masked", "replaced", "removed", "hidden"];
/// Letters of made-up words.
const CONSONANTS: &[u8] = b"bdfgklmnprstvz";
const VOWELS: &[u8] = b"aeiou";
const SYLLABLES: u32 = 3;
/// Hexadecimal digits of a salt, which a document shows to be one, and of all other hashes.
const SALT_DIGITS: usize = 32;

/// Makes fakes.
pub struct Fakes {
    /// Random for each run: without it nobody can check a guess.
    key: [u8; 32],
    names: Names,
    words: Words,
    domain: &'static str,
    replaced: String,
}

impl Fakes {
    /// Those of a shop with these names.
    pub fn new(key: [u8; 32], names: Names) -> Fakes {
        let free = |texts: [&'static str; 4]| texts.into_iter().find(|text| !names.are_in(text));
        let domain = free(DOMAINS).unwrap_or(DOMAINS[0]);
        let replaced = free(REPLACED).map_or_else(
            || unused(&names, |attempt| made_up(number(&Sha256::digest(attempt.to_be_bytes())))),
            str::to_owned,
        );
        Fakes { key, names, words: Words::new(), domain, replaced }
    }

    /// What stands for a value, which is `of` a person if that counts: their names are not those of others who are
    /// called the same.
    pub fn fake(&self, decision: Decision, value: &str, of: &[u8]) -> String {
        let draws = |attempt: u64| self.draws(decision, value.as_bytes(), of, attempt);
        let unused = |make: &dyn Fn([u64; 2], bool) -> String| {
            unused(&self.names, |attempt| make(draws(attempt), attempt < LISTED))
        };
        let coded = |prefix: &str, make: &dyn Fn([u64; 2]) -> String| {
            unused(&|draws, is_listed| format!("{}{}", if is_listed { prefix } else { "" }, make(draws)))
        };
        let words = &self.words;
        let goods = |[one, two]: [u64; 2], is_listed: bool| {
            let nouns: Vec<&str> = words.nouns.iter().map(|(noun, _, _)| *noun).collect();
            let numbers = [one, one >> 32, two];
            let lists = [&words.qualities, &words.materials, &nouns];
            let parts = lists.iter().zip(numbers).map(|(list, number)| word(list, number, is_listed));
            parts.collect::<Vec<_>>().join(" ")
        };
        match decision {
            Decision::Id => {
                let [one, two] = draws(0);
                uuid::Builder::from_random_bytes((u128::from(one) << 64 | u128::from(two)).to_be_bytes())
                    .into_uuid()
                    .to_string()
            }
            Decision::Email => coded("user-", &|draws| format!("{}@{}", code(draws).to_lowercase(), self.domain)),
            Decision::FirstName => unused(&|[draw, _], is_listed| word(&words.first_names, draw, is_listed)),
            Decision::LastName => unused(&|[draw, _], is_listed| word(&words.last_names, draw, is_listed)),
            Decision::Password => UNUSABLE.to_owned(),
            Decision::PasswordDigest => password::digest(UNUSABLE),
            Decision::Sku => coded("SKU-", &|[draw, _]| reference::characters(draw)),
            Decision::ProductName => unused(&goods),
            Decision::Description => unused(&|draws, is_listed| goods(draws, is_listed) + "."),
            Decision::Reference => unused(&|[draw, _], _| reference::of_number(draw)),
            Decision::Actor => coded("staff-", &|[draw, _]| reference::characters(draw).to_lowercase()),
            Decision::Key => coded("key-", &|draws| code(draws).to_lowercase()),
            Decision::Hash => {
                let mut digits = hexadecimal(&self.hash(decision, value.as_bytes(), of, 0));
                digits.truncate(if value.len() == SALT_DIGITS { SALT_DIGITS } else { digits.len() });
                digits
            }
            Decision::Time
            | Decision::Number
            | Decision::OwnWord
            | Decision::Text
            | Decision::Document
            | Decision::Nothing => self.replaced.clone(),
        }
    }

    /// A number that only the key connects with an id.
    pub fn number(&self, id: &[u8]) -> u64 {
        self.draws(Decision::Id, b"sample", id, 0)[0]
    }

    /// Whether an original name is in a text.
    pub fn are_names_in(&self, text: &str) -> bool {
        self.names.are_in(text)
    }

    fn draws(&self, decision: Decision, value: &[u8], of: &[u8], attempt: u64) -> [u64; 2] {
        let hash = self.hash(decision, value, of, attempt);
        [number(&hash), number(&hash[8..])]
    }

    fn hash(&self, decision: Decision, value: &[u8], of: &[u8], attempt: u64) -> [u8; 32] {
        let mut hash = Sha256::new_with_prefix(self.key);
        for part in [format!("{decision:?}").as_bytes(), of, value, &attempt.to_be_bytes()] {
            // The lengths separate the parts.
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        hash.finalize().into()
    }
}

/// The first that no name is in. If there is none, the last one, which the search in the target finds.
fn unused(names: &Names, make: impl Fn(u64) -> String) -> String {
    let mut fake = String::new();
    for attempt in 0..ATTEMPTS {
        fake = make(attempt);
        if !names.are_in(&fake) {
            break;
        }
    }
    fake
}

/// A word of a list, or one that is in no list.
fn word(list: &[&str], number: u64, is_listed: bool) -> String {
    if !is_listed || list.is_empty() {
        return made_up(number);
    }
    list[(number % list.len() as u64) as usize].to_owned()
}

/// `Talemo`
fn made_up(number: u64) -> String {
    let (mut number, mut word) = (number, String::new());
    for _ in 0..SYLLABLES {
        for letters in [CONSONANTS, VOWELS] {
            let count = letters.len() as u64;
            word.push(char::from(letters[(number % count) as usize]));
            number /= count;
        }
    }
    word[..1].to_uppercase() + &word[1..]
}

/// Fifteen characters of 75 bits: no two of ten million are the same.
fn code([one, two]: [u64; 2]) -> String {
    reference::characters(one) + &reference::characters(two)[..5]
}

/// The first eight bytes.
fn number(bytes: &[u8]) -> u64 {
    bytes.first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::domain::{Email, PersonName, ProductName, Reference, Sku};

    const KINDS: [Decision; 9] = [
        Decision::Email,
        Decision::FirstName,
        Decision::LastName,
        Decision::Sku,
        Decision::ProductName,
        Decision::Description,
        Decision::Reference,
        Decision::Actor,
        Decision::Key,
    ];

    #[test]
    fn a_value_has_one_fake_in_a_run_and_another_in_the_next() {
        let fakes = [1, 1, 2].map(|key| Fakes::new([key; 32], Names::default()));
        for kind in KINDS {
            let of_many =
                |fakes: &Fakes| (0..50).map(|n| fakes.fake(kind, &format!("v{n}"), b"id")).collect::<Vec<_>>();
            let [one, same, other] = [0, 1, 2].map(|index| of_many(&fakes[index]));
            assert_eq!(one, same, "{kind:?}");
            assert_ne!(one, other, "{kind:?}");
        }
        let ann =
            |of: &[u8]| (0..20).map(|n| fakes[0].fake(Decision::FirstName, &format!("Ann{n}"), of)).collect::<Vec<_>>();
        assert_ne!(ann(b"one"), ann(b"another"));
    }

    #[test]
    fn keys_are_valid_and_never_the_same() {
        let fakes = Fakes::new([7; 32], Names::default());
        for kind in KINDS {
            let many: HashSet<String> = (0..5_000).map(|n| fakes.fake(kind, &n.to_string(), b"id")).collect();
            let is_key = matches!(kind, Decision::Email | Decision::Sku | Decision::Reference | Decision::Key);
            assert!(!is_key || many.len() == 5_000, "{kind:?}");
            for fake in &many {
                let parsed = match kind {
                    Decision::Email => Email::parse(fake).map(String::from),
                    Decision::FirstName | Decision::LastName => PersonName::parse(fake).map(String::from),
                    Decision::Sku => Sku::parse(fake).map(String::from),
                    Decision::ProductName => ProductName::parse(fake).map(String::from),
                    Decision::Reference => Reference::parse(fake).map(String::from),
                    _ => Ok(fake.clone()),
                };
                assert_eq!(parsed.as_ref(), Ok(fake), "{kind:?}");
            }
        }
    }

    #[test]
    fn no_fake_has_a_name_of_the_shop_in_it() {
        let words = Words::new();
        let mut names = Names::default();
        let nouns = words.nouns.iter().map(|(noun, _, _)| *noun);
        let lists = [&words.first_names, &words.last_names, &words.qualities, &words.materials];
        lists.into_iter().flatten().copied().chain(nouns).for_each(|name| names.add(name));
        ["User", "SKU", "Key", "Staff", "Masked", "com", "a.b@example.org"].iter().for_each(|name| names.add(name));
        let fakes = Fakes::new([7; 32], names);
        for kind in KINDS.into_iter().chain([Decision::Text]) {
            for number in 0..200 {
                let fake = fakes.fake(kind, &number.to_string(), b"id");
                assert!(!fakes.are_names_in(&fake), "{kind:?}: {fake}");
            }
        }
        assert_eq!(fakes.fake(Decision::Text, "anything", &[]), "replaced");
    }
}
