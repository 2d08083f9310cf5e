//! Keys that other programs wrote in spellings of their own: a file finds them in any.

use std::collections::{HashMap, HashSet};

use sea_orm::ConnectionTrait;

use crate::domain::sku;
use crate::error::Result;
use crate::repository::{Lock, product, user};

/// The spellings of one kind of key that are not the shop's own. Few, or none, in most shops: they are
/// looked up once for a whole file, because no index finds them.
#[derive(Debug, Clone, Default)]
pub struct Spellings {
    /// By the form that the shop would have stored.
    foreign: HashMap<String, Vec<String>>,
    /// Which of those forms are there as well.
    own: HashSet<String>,
}

/// Of both kinds.
#[derive(Debug, Clone, Default)]
pub struct Keys {
    pub emails: Spellings,
    pub skus: Spellings,
}

/// The form in which the shop stores an address.
pub fn folded_email(text: &str) -> String {
    super::meaning::unquoted(text.trim()).trim().to_lowercase()
}

/// The form in which the shop stores a SKU.
pub fn folded_sku(text: &str) -> String {
    sku::folded(super::meaning::unquoted(text.trim()))
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
        Spellings { foreign, own: HashSet::new() }
    }

    /// The stored key that a written one means, as far as it can be told without looking: just so,
    /// as the shop would store it, or in another spelling.
    pub fn meant(&self, written: &str, folded: String) -> String {
        match self.foreign.get(&folded) {
            Some(spellings) if spellings.iter().any(|spelling| spelling == written) => written.to_owned(),
            Some(spellings) if !self.own.contains(&folded) => spellings[0].clone(),
            _ => folded,
        }
    }
}

impl Keys {
    pub async fn load(connection: &impl ConnectionTrait) -> Result<Keys> {
        let mut emails = Spellings::new(user::find_foreign_emails(connection).await?, folded_email);
        let folded: Vec<&str> = emails.foreign.keys().map(String::as_str).collect();
        let own = user::find_by_emails(connection, &folded, Lock::None).await?;
        emails.own = own.into_iter().map(|user| user.email).collect();
        let mut skus = Spellings::new(product::find_foreign_skus(connection).await?, folded_sku);
        let folded: Vec<&str> = skus.foreign.keys().map(String::as_str).collect();
        let own = product::find_by_skus(connection, &folded, Lock::None).await?;
        skus.own = own.into_iter().map(|product| product.sku).collect();
        Ok(Keys { emails, skus })
    }

    /// The stored address that is meant.
    pub fn email(&self, written: &str) -> String {
        self.emails.meant(written, folded_email(written))
    }

    /// The stored SKU that is meant.
    pub fn sku(&self, written: &str) -> String {
        self.skus.meant(written, folded_sku(written))
    }
}
