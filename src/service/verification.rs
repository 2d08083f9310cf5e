//! The check of the audit trail: the chain of its seals, and whether the rows are what its events say.

use super::explain::{Explanation, explain};
use super::seal::{self, Chain};
use crate::db::Database;
use crate::error::Result;
use crate::repository::user;

/// What the check found, at one moment of the shop.
pub struct Verification {
    /// What the seals say of the events.
    pub chain: Chain,
    /// What the events say of the rows.
    pub explanation: Explanation,
    /// Whether this role may read password hashes, so that they were compared.
    pub compares_hashes: bool,
}

impl Verification {
    /// Checks the audit trail; the seal with the hash `head` must still exist.
    ///
    /// Errors: those of reading.
    pub async fn of(database: &Database, head: Option<&str>) -> Result<Verification> {
        let compares_hashes = user::may_read_hashes(database.connection()).await?;
        let snapshot = database.snapshot().await?;
        let chain = seal::verify(&snapshot, head).await?;
        let explanation = explain(&snapshot, compares_hashes).await?;
        Ok(Verification { chain, explanation, compares_hashes })
    }

    /// The number of findings, listed or not, with the changes of other programs.
    pub fn found(&self) -> u64 {
        self.chain.problems.len() as u64 + self.chain.unlisted + self.explanation.found
    }
}
