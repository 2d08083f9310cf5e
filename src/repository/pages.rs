//! Lists that are read whole, page by page.

use sea_orm::{ConnectionTrait, EntityTrait};

use super::{ListFilter, find_all};
use crate::domain::Page;
use crate::domain::page::Sort;
use crate::error::Result;

/// Reads every page of a list in this order, of at most `limit` rows each.
///
/// Errors: those of the database and of `take`, which gets the rows.
pub async fn each_page<F: ListFilter>(
    connection: &impl ConnectionTrait,
    filter: &F,
    sort: &str,
    limit: u64,
    mut take: impl FnMut(Vec<<F::Entity as EntityTrait>::Model>) -> Result<()>,
) -> Result<()> {
    let mut page = Page { limit, offset: 0, after: None, sort: Sort::parse(sort) };
    loop {
        let found = find_all(connection, filter, &page).await?;
        take(found.items)?;
        match found.next {
            Some(next) => page.after = Some(next),
            None => return Ok(()),
        }
    }
}
