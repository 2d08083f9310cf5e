//! Keys that other programs stored in other spellings: a file matches them in any.

use std::collections::{HashMap, HashSet};

use sea_orm::ConnectionTrait;

use crate::domain::{reference, sku};
use crate::error::{Result, printable};
use crate::repository::{Lock, audit_event, order, product, user};

/// The prefix of the marks of all imports.
pub const MARK_PREFIX: &str = "import:";

/// The foreign spellings of one kind of key. Most shops have few or none: they are loaded once per file,
/// because no index finds them.
#[derive(Debug, Clone, Default)]
pub struct Spellings {
    /// By the canonical form.
    foreign: HashMap<String, Vec<String>>,
    /// The canonical forms that exist as well.
    canonical: HashSet<String>,
}

/// The foreign spellings of all kinds of keys.
#[derive(Debug, Clone, Default)]
pub struct KeySpellings {
    /// Those of e-mail addresses.
    pub emails: Spellings,
    /// Those of SKUs.
    pub skus: Spellings,
    /// Empty unless orders are imported.
    pub references: Spellings,
    /// The number of import transactions when these were loaded.
    marks: u64,
}

/// The canonical form of an address.
pub fn folded_email(text: &str) -> String {
    text.trim().to_lowercase()
}

/// The canonical form of a SKU.
pub fn folded_sku(text: &str) -> String {
    sku::folded(text.trim())
}

/// The form shared by all spellings of a reference; orders are stored as written.
pub fn folded_reference(text: &str) -> String {
    reference::key(text.trim())
}

impl Spellings {
    fn new(stored: Vec<String>, fold: fn(&str) -> String) -> Spellings {
        let mut foreign = HashMap::<String, Vec<String>>::new();
        for key in stored {
            let folded = fold(&key);
            if folded != key {
                foreign.entry(folded).or_default().push(key);
            }
        }
        Spellings { foreign, canonical: HashSet::new() }
    }

    /// The stored key of a written one, without a query: exact, in canonical form, or in another spelling.
    pub fn resolve(&self, written: &str, folded: String) -> String {
        match self.foreign.get(&folded) {
            Some(spellings) if spellings.iter().any(|spelling| spelling == written) => written.to_owned(),
            Some(spellings) if !self.canonical.contains(&folded) => spellings[0].clone(),
            _ => folded,
        }
    }

    /// Why a written key is ambiguous, if so: it equals none of several stored keys that differ only in
    /// spelling.
    fn ambiguous(&self, written: &str, fold: fn(&str) -> String, noun: &str) -> Option<String> {
        if self.foreign.is_empty() {
            return None;
        }
        let folded = fold(written);
        let own = self.canonical.get(&folded).map(String::as_str);
        let mut stored: Vec<&str> = self.foreign.get(&folded)?.iter().map(String::as_str).chain(own).collect();
        if stored.len() < 2 || stored.contains(&written) {
            return None;
        }
        stored.sort_unstable();
        let count = stored.len();
        let stored: Vec<String> = stored.into_iter().map(printable).collect();
        Some(format!("matches {count} {noun}s; write it exactly as stored: {}", stored.join(", ")))
    }
}

impl KeySpellings {
    /// Loads the spellings of e-mail addresses and SKUs.
    ///
    /// Errors: those of the database.
    pub async fn load(connection: &impl ConnectionTrait) -> Result<KeySpellings> {
        let mut emails = Spellings::new(user::find_foreign_emails(connection).await?, folded_email);
        let folded: Vec<&str> = emails.foreign.keys().map(String::as_str).collect();
        let own = user::find_by_emails(connection, &folded, Lock::None).await?;
        emails.canonical = own.into_iter().map(|user| user.email.to_string()).collect();
        let mut skus = Spellings::new(product::find_foreign_skus(connection).await?, folded_sku);
        let folded: Vec<&str> = skus.foreign.keys().map(String::as_str).collect();
        let own = product::find_by_skus(connection, &folded, Lock::None).await?;
        skus.canonical = own.into_iter().map(|product| product.sku.to_string()).collect();
        Ok(KeySpellings { emails, skus, ..KeySpellings::default() })
    }

    /// Also loads the references of orders, which may be many more.
    pub async fn load_with_references(connection: &impl ConnectionTrait, own: Option<&str>) -> Result<KeySpellings> {
        let marks = audit_event::count_keys(connection, MARK_PREFIX, own).await?;
        let mut references = Spellings::new(order::find_foreign_references(connection).await?, folded_reference);
        let keys: Vec<String> = references.foreign.keys().flat_map(|key| with_and_without_dash(key.clone())).collect();
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        for order in order::find_by_references(connection, &keys, Lock::None).await? {
            let key = folded_reference(&order.reference);
            if order.reference == key {
                references.canonical.insert(key);
            } else if let Some(spellings) =
                references.foreign.get_mut(&key).filter(|known| !known.iter().any(|known| order.reference == *known))
            {
                spellings.push(order.reference.to_string());
            }
        }
        references.foreign.values_mut().for_each(|spellings| spellings.sort_unstable());
        Ok(KeySpellings { references, marks, ..KeySpellings::load(connection).await? })
    }

    /// Reloads the keys if imports other than this run, identified by its mark prefix, have run since.
    pub async fn reload_if_changed(
        &self,
        connection: &impl ConnectionTrait,
        own: &str,
    ) -> Result<Option<KeySpellings>> {
        let own = Some(own);
        match audit_event::count_keys(connection, MARK_PREFIX, own).await? == self.marks {
            true => Ok(None),
            false => KeySpellings::load_with_references(connection, own).await.map(Some),
        }
    }

    /// The stored address of a written one.
    pub fn email(&self, written: &str) -> String {
        self.emails.resolve(written, folded_email(written))
    }

    /// The stored SKU of a written one.
    pub fn sku(&self, written: &str) -> String {
        self.skus.resolve(written, folded_sku(written))
    }

    /// Why an address is ambiguous between several users; a canonical one matches any spelling.
    pub fn ambiguous_email(&self, written: &str) -> Option<String> {
        let ambiguous = self.emails.ambiguous(written, folded_email, "user");
        ambiguous.filter(|_| !self.emails.canonical.contains(&folded_email(written)))
    }

    /// Why a SKU is ambiguous between several products.
    pub fn ambiguous_sku(&self, written: &str) -> Option<String> {
        self.skus.ambiguous(written, folded_sku, "product")
    }

    /// Why a reference is ambiguous between several orders.
    pub fn ambiguous_reference(&self, written: &str) -> Option<String> {
        self.references.ambiguous(written, folded_reference, "order")
    }

    /// The stored reference of a written one.
    pub fn reference(&self, written: &str) -> String {
        self.references.resolve(written, folded_reference(written))
    }

    /// The possible stored forms of a written reference, most likely first.
    pub fn references_of(&self, written: &str) -> impl Iterator<Item = String> + use<> {
        std::iter::once(written.to_owned()).chain(with_and_without_dash(self.reference(written)))
    }
}

/// An own reference stored without the dash is not foreign: an index finds it.
fn with_and_without_dash(key: String) -> impl Iterator<Item = String> {
    let bare = reference::without_dash(&key);
    std::iter::once(key).chain(bare)
}
