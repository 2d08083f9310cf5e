//! Lists that are read whole, page by page.

use super::Listing;
use crate::domain::Page;
use crate::domain::page::Sort;
use crate::error::Result;

/// Reads every page of a list in this order, of at most `limit` rows each.
///
/// Errors: those of `find` and of `take`, which gets the rows.
pub async fn each_page<M>(
    sort: &str,
    limit: u64,
    find: impl AsyncFn(&Page) -> Result<Listing<M>>,
    mut take: impl FnMut(Vec<M>) -> Result<()>,
) -> Result<()> {
    let mut page = Page { limit, offset: 0, after: None, sort: Sort::parse(sort) };
    loop {
        let found = find(&page).await?;
        take(found.items)?;
        match found.next {
            Some(next) => page.after = Some(next),
            None => return Ok(()),
        }
    }
}
