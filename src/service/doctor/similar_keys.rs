//! Keys that differ only in case or a missing dash: shopctl never writes two such keys, and typed names
//! are ambiguous between them.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::ConnectionTrait;

use super::check::{Check, State};
use crate::domain::text::{first_names, with_blanks};
use crate::domain::{reference, sku};
use crate::error::{CommandLine, Result};
use crate::repository::invariant::NAMED;
use crate::repository::{Lock, order, product, user};

pub const NAME: &str = "keys-differ-by-more-than-case";

/// Finds such keys of users, products and orders.
pub async fn check(connection: &impl ConnectionTrait) -> Result<Check> {
    let emails = KeySpellings::new(user::find_foreign_emails(connection).await?, |email| email.trim().to_lowercase());
    let own = user::find_by_emails(connection, &emails.keys(), Lock::None).await?;
    let emails = emails.with(own.into_iter().map(|user| user.email.to_string()));
    let skus = KeySpellings::new(product::find_foreign_skus(connection).await?, sku::folded);
    let own = product::find_by_skus(connection, &skus.keys(), Lock::None).await?;
    let skus = skus.with(own.into_iter().map(|product| product.sku.to_string()));
    let references = KeySpellings::new(order::find_foreign_references(connection).await?, reference::key);
    let own = order::find_by_references(connection, &references.keys(), Lock::None).await?;
    let references = references.with(own.into_iter().map(|order| order.reference.to_string()));
    let has_emails = !emails.describe().is_empty();
    let found: Vec<String> = [emails, skus, references].iter().flat_map(KeySpellings::describe).collect();
    Ok(match found.len() {
        0 => Check::new(NAME, State::Ok, "no keys that differ only in the case of their letters".to_owned()),
        count => {
            let named = first_names(found.iter().cloned(), NAMED);
            let detail = format!("keys that differ only in the case of their letters: {count} ({named})");
            let check = Check::new(NAME, State::Warning, detail);
            let check = if has_emails { check.hint(CommandLine::new("adopt --dry-run")) } else { check };
            check.listing(found)
        }
    })
}

/// Keys by canonical form.
struct KeySpellings {
    spellings: BTreeMap<String, BTreeSet<String>>,
    fold: fn(&str) -> String,
}

impl KeySpellings {
    fn new(foreign: Vec<String>, fold: fn(&str) -> String) -> KeySpellings {
        KeySpellings { spellings: BTreeMap::new(), fold }.with(foreign.into_iter())
    }

    fn keys(&self) -> Vec<&str> {
        self.spellings.keys().map(String::as_str).collect()
    }

    fn with(mut self, keys: impl Iterator<Item = String>) -> KeySpellings {
        for key in keys {
            self.spellings.entry((self.fold)(&key)).or_default().insert(key);
        }
        self
    }

    /// `Ann@example.com and ann@example.com`
    fn describe(&self) -> Vec<String> {
        let several = self.spellings.values().filter(|spellings| spellings.len() > 1);
        several.map(|keys| keys.iter().map(|key| with_blanks(key)).collect::<Vec<_>>().join(" and ")).collect()
    }
}
