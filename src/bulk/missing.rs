//! Products that a file lacks, for `product import --retire-missing`.

use std::collections::HashSet;
use std::io::Read;

use super::options::Import;
use super::product::ProductRow;
use super::row::Row;
use super::row_reader::read_chunks;
use crate::db::Database;
use crate::entity::product::Model;
use crate::error::{Error, Kind, Result};
use crate::repository;
use crate::repository::product::Filter;

/// Number of products read at once.
const ROWS_AT_ONCE: u64 = 1_000;

/// The products that can be ordered and that a valid file does not name, by SKU. Those without a SKU, which no file
/// can name, are left alone.
///
/// Errors: exit 7 for a file without any product; those of the file.
pub async fn find_missing(
    database: &Database,
    source: impl Read + Send + 'static,
    import: &Import,
) -> Result<Vec<Model>> {
    let mut named = HashSet::new();
    let mut chunks = read_chunks::<ProductRow>(source, import);
    while let Some(chunk) = chunks.recv().await {
        for (_, row) in chunk?.rows {
            named.extend([row.key().to_owned(), ProductRow::identity(row.key(), &import.keys)]);
        }
    }
    if named.is_empty() {
        let message = "the file has no products: --retire-missing would retire all of them";
        return Err(Error::new(Kind::Invalid, "import.empty", message));
    }
    let is_missing = |product: &Model| product.sku.present().is_some_and(|sku| !named.contains(sku));
    let (filter, mut missing) = (Filter { retired: Some(false), ..Filter::default() }, Vec::new());
    repository::each_page(database.connection(), &filter, "sku", ROWS_AT_ONCE, |found| {
        missing.extend(found.into_iter().filter(|product| is_missing(product) && product.id.present().is_some()));
        Ok(())
    })
    .await?;
    Ok(missing)
}
