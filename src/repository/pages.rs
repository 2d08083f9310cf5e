//! Pages of lists, by keyset. A row without a value in the sorted column, or without an id, is where the engine sorts
//! NULL: before all values or after them.

use sea_orm::sea_query::{Asterisk, Expr, ExprTrait, Query};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, Order, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
    Select,
};

use super::{ListFilter, Listing, SortField, sort_field};
use crate::db::target::Engine;
use crate::domain::page::Sort;
use crate::domain::text::hexadecimal;
use crate::domain::{Cursor, Id, Page, Violations};
use crate::error::{Error, Result};

/// An offset needs a limit.
const NO_LIMIT: u64 = i64::MAX as u64;

/// One page of a filtered, sorted list: limit and offset, or the continuation after a row.
///
/// Errors: exit 2 for an unknown sort field, a cursor of another sort order, or a cursor with an offset.
pub async fn find_all<F: ListFilter>(
    connection: &impl ConnectionTrait,
    filter: &F,
    page: &Page,
) -> Result<Listing<<F::Entity as EntityTrait>::Model>> {
    let (select, (id, id_of)) = (filter.select(connection), F::ID);
    let field = sort_field(F::SORT_FIELDS, &page.sort)?;
    let direction = if page.sort.descending { Order::Desc } else { Order::Asc };
    let sorted = select.order_by(field.column, direction.clone()).order_by(id, direction);
    let mut select = sorted.clone();
    if let Some(cursor) = &page.after {
        select = select.filter(after(connection, field, id, cursor, page)?);
    }
    if page.offset > 0 {
        select = select.offset(page.offset);
    }
    // One extra row shows whether the list continues.
    let wanted = page.limit + 1;
    let is_after_value = page.after.as_ref().is_some_and(|cursor| cursor.value.is_some());
    let lacks_null = is_after_value && !starts_with_null(connection, page);
    let read = async |wanted: u64| {
        let mut items = select.clone().limit(wanted).all(connection).await?;
        let found = items.len() as u64;
        if lacks_null && found < wanted {
            let without_value = sorted.clone().filter(field.column.is_null()).limit(wanted - found);
            items.extend(without_value.all(connection).await?);
        }
        Ok::<_, Error>(items)
    };
    let mut items = read(wanted).await?;
    let limit = usize::try_from(page.limit).unwrap_or(usize::MAX);
    if items.len() <= limit {
        return Ok(Listing { items, next: None });
    }
    let Some(last) = items.get(limit.saturating_sub(1)).filter(|last| id_of(last) != Id::Missing) else {
        // Nothing tells rows without an id apart: such a page has no end.
        return Ok(Listing { items: read(NO_LIMIT).await?, next: None });
    };
    let value = cursor_value(connection, filter.select(connection), field, id, last, id_of(last)).await?;
    let next = Some(Cursor { sort: page.sort.clone(), value, id: id_of(last) });
    items.truncate(limit);
    Ok(Listing { items, next })
}

/// The number of rows after a cursor, counted up to `limit`. Errors: as [`find_all`].
pub async fn count_after<F: ListFilter>(
    connection: &impl ConnectionTrait,
    filter: &F,
    cursor: &Cursor,
    limit: u64,
) -> Result<u64> {
    let page = Page { sort: cursor.sort.clone(), after: Some(cursor.clone()), ..Page::default() };
    let (field, id) = (sort_field(F::SORT_FIELDS, &page.sort)?, F::ID.0);
    let rows = filter.select(connection).select_only().column(id);
    let mut count =
        count_up_to(connection, rows.clone().filter(after(connection, field, id, cursor, &page)?), limit).await?;
    if cursor.value.is_some() && !starts_with_null(connection, &page) {
        count += count_up_to(connection, rows.filter(field.column.is_null()), limit - count).await?;
    }
    Ok(count)
}

async fn count_up_to<E: EntityTrait>(connection: &impl ConnectionTrait, rows: Select<E>, limit: u64) -> Result<u64> {
    let mut count = Query::select();
    count.expr(Expr::col(Asterisk).count()).from_subquery(rows.limit(limit).into_query(), "rows_after");
    let row = connection.query_one(&count).await?;
    let counted: i64 = row.map(|row| row.try_get_by_index(0)).transpose()?.unwrap_or_default();
    Ok(u64::try_from(counted).unwrap_or_default())
}

/// Whether the list begins with the rows without a value.
fn starts_with_null(connection: &impl ConnectionTrait, page: &Page) -> bool {
    Engine::of(connection).sorts_null_first != page.sort.descending
}

/// The rows after the cursor, in a form that uses an index on (field, id) on every engine; those without a value only
/// where they come first.
fn after<E: EntityTrait>(
    connection: &impl ConnectionTrait,
    field: &SortField<E>,
    id: E::Column,
    cursor: &Cursor,
    page: &Page,
) -> Result<Condition> {
    if cursor.sort != page.sort {
        return Err(
            Error::usage("the cursor belongs to a list with another sort order").hint("use the same --sort as before")
        );
    }
    if page.offset > 0 {
        return Err(Error::usage("--after and --offset cannot be combined"));
    }
    let (is_descending, null_is_first) = (page.sort.descending, starts_with_null(connection, page));
    let later_id = if is_descending { id.lt(cursor.id) } else { id.gt(cursor.id) };
    let later_id = Condition::any().add(later_id).add_option((!null_is_first).then(|| id.is_null()));
    let column = || field.column.into_expr();
    let Some(text) = &cursor.value else {
        let others = Condition::all().add(column().is_null()).add(later_id);
        return Ok(Condition::any().add(others).add_option(null_is_first.then(|| column().is_not_null())));
    };
    let engine = Engine::of(connection);
    let value = match engine.literal(column()) {
        Some(_) => engine.of_literal(text),
        None => field.kind.parameter(text).map(Expr::value).or_else(|| field.kind.odd(engine, text)),
    };
    let value = value.ok_or_else(|| {
        Violations::single("--after", "is a damaged cursor")
            .into_error()
            .hint("copy it completely from the previous page")
    })?;
    let (from, beyond) = match is_descending {
        true => (column().lte(value.clone()), column().lt(value)),
        false => (column().gte(value.clone()), column().gt(value)),
    };
    Ok(Condition::all().add(from).add(Condition::any().add(beyond).add(later_id)))
}

/// The value of a row's sorted column: the exact one, if other programs may store any.
async fn cursor_value<E: EntityTrait>(
    connection: &impl ConnectionTrait,
    rows: Select<E>,
    field: &SortField<E>,
    id: E::Column,
    row: &E::Model,
    row_id: Id,
) -> Result<Option<String>> {
    let Some(text) = (field.value)(row) else { return Ok(None) };
    let Some(literal) = Engine::of(connection).literal(field.column.into_expr()) else { return Ok(Some(text)) };
    let select = rows.select_only().expr_as(literal, "value").filter(id.eq(row_id));
    let stored: Option<String> = select.into_tuple().one(connection).await?;
    // A row whose id is a text that is not UTF-8 cannot be found by it.
    Ok(Some(stored.unwrap_or_else(|| format!("T{}", hexadecimal(text.as_bytes())))))
}

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
