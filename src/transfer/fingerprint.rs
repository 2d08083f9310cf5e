//! The digest of a table, whatever the order of its rows: engines sort ids and texts differently, and one that need
//! not sort reads fastest.
//!
//! Rows are distributed among buckets by their keys. A bucket has the sum of its rows' hashes; the digest is the
//! SHA-256 over all buckets. Two tables that differ do so in the buckets of the rows that differ.

use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::Row;
use crate::domain::text::hexadecimal;
use crate::entity::tables::Table;
use crate::error::{Error, Result};

/// Two bytes of a key's hash, without the highest bits.
const BUCKETS: usize = 4096;

/// The rows of a table, summed up.
#[derive(Clone, PartialEq, Eq)]
pub struct Fingerprint {
    pub rows: u64,
    buckets: Vec<Bucket>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Bucket {
    rows: u64,
    /// Modulo 2^256, the lowest part first.
    sum: [u64; 4],
}

impl Fingerprint {
    /// Of a table without rows.
    pub fn empty() -> Fingerprint {
        Fingerprint { rows: 0, buckets: vec![Bucket::default(); BUCKETS] }
    }

    pub fn add(&mut self, row: &Row, table: &Table) {
        self.rows += 1;
        self.buckets[bucket_of(&row.key_hash(table))].add(&row.hash());
    }

    /// This one and more rows of the table, on a thread of its own.
    ///
    /// Errors: a defect.
    pub async fn with(mut self, rows: Arc<Vec<Row>>, table: Table) -> Result<Fingerprint> {
        let add = move || {
            rows.iter().for_each(|row| self.add(row, &table));
            self
        };
        tokio::task::spawn_blocking(add).await.map_err(|error| Error::internal(error.to_string()))
    }

    /// SHA-256, hexadecimal.
    pub fn digest(&self) -> String {
        let numbers = self.buckets.iter().flat_map(|bucket| std::iter::once(bucket.rows).chain(bucket.sum));
        let mut bytes = Vec::with_capacity(BUCKETS * size_of::<Bucket>());
        numbers.for_each(|number| bytes.extend_from_slice(&number.to_be_bytes()));
        hexadecimal(&Sha256::digest(bytes))
    }

    /// The buckets in which the two differ, until they have this many rows, but at least one; and whether these are
    /// all.
    pub fn differing(&self, other: &Fingerprint, most_rows: u64) -> (Buckets, bool) {
        let (mut chosen, mut rows) = (Buckets(vec![false; BUCKETS]), 0);
        for (index, (one, two)) in self.buckets.iter().zip(&other.buckets).enumerate() {
            if one == two {
                continue;
            }
            if rows >= most_rows {
                return (chosen, false);
            }
            chosen.0[index] = true;
            rows += one.rows + two.rows;
        }
        (chosen, true)
    }
}

impl Bucket {
    fn add(&mut self, hash: &[u8; 32]) {
        self.rows += 1;
        let mut carry = false;
        for (sum, part) in self.sum.iter_mut().zip(hash.as_chunks::<8>().0) {
            let (added, over) = sum.overflowing_add(u64::from_be_bytes(*part));
            let (added, over_again) = added.overflowing_add(u64::from(carry));
            (*sum, carry) = (added, over || over_again);
        }
    }
}

/// Some of the buckets.
pub struct Buckets(Vec<bool>);

impl Buckets {
    /// Whether a row with this hash of its key is in one of them.
    pub fn have(&self, key_hash: &[u8; 32]) -> bool {
        self.0[bucket_of(key_hash)]
    }
}

fn bucket_of(key_hash: &[u8; 32]) -> usize {
    usize::from(u16::from_be_bytes([key_hash[0], key_hash[1]])) % BUCKETS
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entity::tables::tables;
    use crate::transfer::Cell;

    fn of(rows: &[(&str, i64)]) -> Fingerprint {
        let table = tables().into_iter().find(|table| table.name == "shopctl_seeds").unwrap();
        let mut fingerprint = Fingerprint::empty();
        for (name, number) in rows {
            let cell =
                |column: &str| if column == "name" { Cell::Text((*name).into()) } else { Cell::Integer(*number) };
            let cells = table.columns.iter().map(|column| cell(&column.name)).collect();
            fingerprint.add(&Row(cells), &table);
        }
        fingerprint
    }

    #[test]
    fn the_order_of_rows_does_not_count_but_their_number_and_each_value_does() {
        let rows = [("a", 1), ("b", 2), ("c", 3)];
        assert_eq!(of(&rows).digest(), of(&[rows[2], rows[0], rows[1]]).digest());
        for other in [&rows[..2], &[rows[0], rows[1], ("c", 4)], &[rows[0], rows[0], rows[1], rows[2]], &[]] {
            assert_ne!(of(&rows).digest(), of(other).digest());
        }
    }

    #[test]
    fn a_row_that_differs_is_in_the_buckets_that_differ() {
        let (one, other) = (of(&[("a", 1), ("b", 2)]), of(&[("a", 1), ("b", 3)]));
        let (buckets, are_all) = one.differing(&other, 1_000);
        let hash = |name: &str| {
            let mut bytes = Vec::new();
            Cell::Text(name.to_owned()).push_canonical(&mut bytes);
            <[u8; 32]>::from(Sha256::digest(bytes))
        };
        assert!(are_all && buckets.have(&hash("b")) && !buckets.have(&hash("a")));
    }
}
