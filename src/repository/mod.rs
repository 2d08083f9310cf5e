//! Queries, one file per entity. Reads take any connection; writes take the write handle that only
//! an operation obtains, and return a [`Change`] that the operation must record.

pub(crate) mod adoption;
pub(crate) mod audit_event;
pub(crate) mod audit_seal;
pub(crate) mod invariant;
pub mod keys;
mod names;
pub mod order;
mod pages;
pub mod product;
pub(crate) mod readable_events;
pub(crate) mod report;
pub mod said;
mod search;
pub(crate) mod seed;
mod stock_at;
pub(crate) mod stock_movement;
pub(crate) mod stock_value;
pub(crate) mod trail;
pub(crate) mod untimed;
pub mod user;

use std::borrow::Borrow;

use chrono::{DateTime, Datelike, Utc};
use sea_orm::sea_query::{CaseStatement, Expr, ExprTrait, Query};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, Iterable, ModelTrait, PaginatorTrait, PrimaryKeyTrait,
    QueryFilter, QuerySelect, Select, Value,
};
use serde_json::Value as Json;

pub use self::pages::{count_after, each_page, find_all};
pub use self::search::{Match, Search};
use self::search::{is_start_of, starting_with};
pub use crate::db::insert::ROWS_PER_INSERT;
use crate::db::target::Engine;
use crate::db::write::WriteHandle;
use crate::domain::page::Sort;
use crate::domain::similar::closest;
use crate::domain::{Cursor, EntityKind, Id, Money, OrderStatus};
use crate::entity::order_refund;
use crate::error::{Error, Kind, Result, printable};

/// A change of one entity, for its audit event.
#[derive(Debug, Clone)]
#[must_use = "rows changed without an event make the commit fail: hand it to Operation::record"]
pub struct Change {
    /// What kind of entity changed.
    pub entity: EntityKind,
    /// The entity's id.
    pub id: Id,
    /// The entity before; absent for a new one.
    pub before: Option<Json>,
    /// The entity after; absent for a deleted one.
    pub after: Option<Json>,
    /// The number of database rows that this change covers.
    pub rows: u64,
}

impl Change {
    /// The change of one row: `before` is absent for a new one, `after` for a deleted one.
    fn new(entity: EntityKind, id: Id, before: Option<Json>, after: Option<Json>) -> Change {
        Change { entity, id, before, after, rows: 1 }
    }

    /// The natural key of the entity.
    pub fn name(&self) -> Option<&str> {
        let view = self.before.as_ref().or(self.after.as_ref())?;
        ["email", "sku", "reference"].into_iter().find_map(|key| view.get(key)?.as_str())
    }

    /// Makes this change cover further rows (an order's items, movements and stock).
    pub fn with_rows(mut self, rows: Rows) -> Change {
        self.rows += rows.0;
        self
    }
}

/// Rows written for an entity whose [`Change`] must cover them.
#[derive(Debug, Clone, Copy)]
#[must_use = "rows changed without an event make the commit fail: let a Change cover them"]
pub struct Rows(pub u64);

impl Rows {
    /// The number of rows.
    pub fn count(&self) -> u64 {
        self.0
    }
}

/// Inserts rows in few statements.
///
/// Errors: those of the database; [`Kind::Conflict`] if it wrote a different number of rows.
async fn insert_many<M, B>(handle: &WriteHandle, models: impl IntoIterator<Item = B>) -> Result<Rows>
where
    M: ModelTrait,
    B: Borrow<M>,
    <M::Entity as EntityTrait>::Column: Copy,
{
    let mut meant = 0;
    let models = models.into_iter().inspect(|_| meant += 1);
    let written = crate::db::insert::insert_many(handle, models).await?;
    expect_rows(written, meant)?;
    Ok(Rows(written))
}

/// Number of rows per statement: far below every engine's limit on bound values.
pub const ROWS_PER_STATEMENT: usize = 500;

/// The row lock until the end of the transaction (SQLite has one writer anyway).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lock {
    /// No lock: a plain read.
    None,
    /// Against changes by others.
    Share,
    /// Against changes and other locks.
    Update,
}

/// Adds the lock to a query.
fn locked<E: EntityTrait>(select: Select<E>, lock: Lock) -> Select<E> {
    match lock {
        Lock::None => select,
        Lock::Share => select.lock_shared(),
        Lock::Update => select.lock_exclusive(),
    }
}

/// Makes a query read the newest state where a plain read would use the transaction's snapshot. It locks only there,
/// because locks out of order risk a deadlock.
fn newest<E: EntityTrait>(handle: &WriteHandle, select: Select<E>) -> Select<E> {
    if handle.engine().reads_a_snapshot { locked(select, Lock::Share) } else { select }
}

/// A page of a list and its continuation.
#[derive(Debug, Clone)]
pub struct Listing<M> {
    /// The rows, in the requested order.
    pub items: Vec<M>,
    /// Where the next page starts; `None` on the last page.
    pub next: Option<Cursor>,
}

/// A field that a list can be sorted by. Each is backed by an index that ends with the id.
pub struct SortField<E: EntityTrait> {
    /// The name that `--sort` accepts.
    pub name: &'static str,
    /// The sorted column.
    pub column: E::Column,
    /// The type of the cursor's value.
    pub kind: SortKind,
    /// The row's value of this field, for the cursor; `None` for NULL.
    pub value: fn(&E::Model) -> Option<String>,
}

impl<E: EntityTrait> SortField<E> {
    const fn new(
        name: &'static str,
        column: E::Column,
        kind: SortKind,
        value: fn(&E::Model) -> Option<String>,
    ) -> Self {
        SortField { name, column, kind, value }
    }
}

/// Converts a cursor's text back to a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SortKind {
    /// Text, compared by bytes.
    Text,
    /// A time in RFC 3339.
    Time,
    /// An amount with two decimal places.
    Money,
    /// A 32-bit integer.
    Integer,
}

impl SortKind {
    fn parameter(self, text: &str) -> Option<Value> {
        match self {
            SortKind::Text => Some(text.into()),
            SortKind::Time => text.parse::<DateTime<Utc>>().ok().map(Value::from),
            SortKind::Money => Money::parse_total(text).ok().map(Value::from),
            SortKind::Integer => text.parse::<i32>().ok().map(Value::from),
        }
    }

    /// A foreign value that only the engine accepts as a time or an amount: `infinity`, `NaN`.
    fn odd(self, engine: Engine, text: &str) -> Option<Expr> {
        let is_plain = |letter: char| letter.is_ascii_alphanumeric() || " +-:.".contains(letter);
        let type_name = match self {
            SortKind::Time => "timestamptz",
            SortKind::Money => "numeric",
            SortKind::Text | SortKind::Integer => return None,
        };
        let value = Expr::value(text);
        text.chars().all(is_plain).then(|| if engine.converts_texts { value } else { value.cast_as(type_name) })
    }
}

/// Finds the sort field of that name. Errors: exit 2, naming the available fields.
pub fn sort_field<'a, E: EntityTrait>(fields: &'a [SortField<E>], sort: &Sort) -> Result<&'a SortField<E>> {
    fields.iter().find(|field| field.name == sort.field).ok_or_else(|| {
        let names: Vec<_> = fields.iter().map(|field| field.name).collect();
        let close = closest(&sort.field, names.iter().copied());
        Error::usage(format!("cannot sort by {}", printable(&sort.field)))
            .hints_of(close.map(|close| format!("did you mean --sort {close}?")))
            .hint(format!("fields to sort by: {} (descending with a leading -)", names.join(", ")))
    })
}

/// An entity's column of the id, and a row's value of it.
type IdOf<E> = (<E as EntityTrait>::Column, fn(&<E as EntityTrait>::Model) -> Id);

/// What a list shows: the rows that a filter selects, and what they can be sorted by.
pub trait ListFilter {
    /// The entity of the rows.
    type Entity: EntityTrait<Model: Sync + 'static>;
    /// The fields to sort by.
    const SORT_FIELDS: &'static [SortField<Self::Entity>];
    /// The id of a row.
    const ID: IdOf<Self::Entity>;

    /// The rows that match, in no order.
    fn select(&self, connection: &impl ConnectionTrait) -> Select<Self::Entity>;
}

/// The rows with a time in `since..until`; either end may be open.
///
/// If times are stored as text, both sides are normalized.
pub fn in_period<K: ColumnTrait>(
    connection: &impl ConnectionTrait,
    column: K,
    since: Option<DateTime<Utc>>,
    until: Option<DateTime<Utc>>,
) -> Condition {
    let engine = Engine::of(connection);
    let time = || engine.comparable_time(column.into_expr());
    let mut period = near_period(connection, column, since, until);
    period = period.add_option(since.map(|since| time().gte(engine.comparable_moment(since))));
    period.add_option(until.map(|until| time().lt(engine.comparable_moment(until))))
}

/// If times are stored as text: the rows that may be in `since..until`, by the leading date, so that an
/// index narrows the search. The date is in the text's own offset, so it may be a day earlier or later.
pub fn near_period<K: ColumnTrait>(
    connection: &impl ConnectionTrait,
    column: K,
    since: Option<DateTime<Utc>>,
    until: Option<DateTime<Utc>>,
) -> Condition {
    const DAY: &str = "%Y-%m-%d";
    if !Engine::of(connection).stores_times_as_text {
        return Condition::all();
    }
    let first = since.and_then(|since| since.checked_sub_days(chrono::Days::new(1)));
    // Five-digit years do not sort with four-digit ones.
    let after = until.and_then(|until| until.checked_add_days(chrono::Days::new(2))).filter(|day| day.year() <= 9999);
    Condition::all()
        .add_option(first.map(|day| column.into_expr().gte(day.format(DAY).to_string())))
        .add_option(after.map(|day| column.into_expr().lt(day.format(DAY).to_string())))
}

/// Orders whose status counts as a sale.
fn is_sale(connection: &impl ConnectionTrait) -> Expr {
    has_status(connection, OrderStatus::ALL.into_iter().filter(|status| status.is_sale()))
}

/// Sales, and orders that were sales until their refund. What another program refunded counts as such once `adopt` has
/// recorded the refund.
fn was_sale(connection: &impl ConnectionTrait) -> Expr {
    let mut with_refund = Query::select();
    with_refund.column(order_refund::Column::OrderId).from(order_refund::Entity);
    let is_refunded = has_status(connection, [OrderStatus::Refunded]);
    is_sale(connection).or(is_refunded.and(crate::entity::order::Column::Id.in_subquery(with_refund)))
}

/// Orders with one of these statuses.
fn has_status(connection: &impl ConnectionTrait, statuses: impl IntoIterator<Item = OrderStatus>) -> Expr {
    let names = statuses.into_iter().map(OrderStatus::as_str).collect();
    Engine::of(connection).is_one_of(crate::entity::order::Column::Status.into_expr(), names)
}

/// A row by its id.
pub async fn find_by_id<E, C>(connection: &C, id: Id) -> Result<Option<E::Model>>
where
    E: EntityTrait,
    <E::PrimaryKey as PrimaryKeyTrait>::ValueType: From<Id>,
    C: ConnectionTrait,
{
    Ok(E::find_by_id(id).one(connection).await?)
}

/// The number of rows of a filter, independent of the page.
pub async fn count<F: ListFilter>(connection: &impl ConnectionTrait, filter: &F) -> Result<u64> {
    Ok(filter.select(connection).count(connection).await?)
}

/// Deletes one row by its id. Errors: [`Kind::Conflict`] if it no longer exists.
async fn delete_by_id<E>(handle: &WriteHandle, id: Id) -> Result<()>
where
    E: EntityTrait,
    <E::PrimaryKey as PrimaryKeyTrait>::ValueType: From<Id>,
{
    expect_rows(E::delete_by_id(id).exec(handle).await?.rows_affected, 1)
}

/// Checks that a statement changed the expected number of rows (DL-003).
///
/// Errors: [`Kind::Conflict`] after a concurrent change.
pub fn expect_rows(changed: u64, meant: usize) -> Result<()> {
    if changed == meant as u64 {
        return Ok(());
    }
    Err(Error::new(Kind::Conflict, "stale", format!("{changed} rows changed instead of {meant}"))
        .hint("someone else changed this meanwhile: check it and try again"))
}

/// Writes only the changed columns of a row: others may have a foreign form that must be kept.
///
/// Errors: as [`expect_rows`].
async fn update_changed<M>(handle: &WriteHandle, before: &M, after: &M, is_row: Expr) -> Result<()>
where
    M: ModelTrait,
    <M::Entity as EntityTrait>::Column: Copy,
{
    let mut update = M::Entity::update_many().filter(is_row);
    for column in <M::Entity as EntityTrait>::Column::iter().filter(|column| before.get(*column) != after.get(*column))
    {
        update = update.col_expr(column, Expr::value(after.get(column)));
    }
    expect_rows(update.exec(handle).await?.rows_affected, 1)
}

/// As [`update_changed`] for many locked rows, by their id: in one statement unless there are very many.
async fn update_changed_many<M>(
    handle: &WriteHandle,
    id: <M::Entity as EntityTrait>::Column,
    pairs: &[(M, M)],
) -> Result<()>
where
    M: ModelTrait,
    <M::Entity as EntityTrait>::Column: Copy,
{
    for chunk in pairs.chunks(ROWS_PER_STATEMENT) {
        let mut update = Query::update();
        update.table(M::Entity::default()).and_where(Expr::col(id).is_in(chunk.iter().map(|(row, _)| row.get(id))));
        for column in <M::Entity as EntityTrait>::Column::iter() {
            let values = chunk.iter().map(|(before, after)| (before.get(id), before.get(column), after.get(column)));
            let changed: Vec<(Value, Value)> =
                values.filter(|(_, before, after)| before != after).map(|(id, _, after)| (id, after)).collect();
            let is_for_all = changed.len() == chunk.len();
            match changed.first() {
                None => {}
                Some((_, value)) if is_for_all && changed.iter().all(|(_, other)| other == value) => {
                    update.value(column, value.clone());
                }
                Some(_) => {
                    let case = changed.into_iter().fold(CaseStatement::new(), |case, (row, value)| {
                        case.case(Expr::col(id).eq(row), Expr::value(value))
                    });
                    let case = if is_for_all { case } else { case.finally(Expr::col(column)) };
                    update.value(column, Expr::expr(case));
                }
            }
        }
        expect_rows(handle.execute(&update).await?.rows_affected(), chunk.len())?;
    }
    Ok(())
}

/// A row in the form of events.
fn document(row: &impl serde::Serialize) -> Json {
    serde_json::to_value(row).unwrap_or_default()
}

/// The rows whose column has one of these values, possibly thousands.
fn among<K: ColumnTrait, V: Into<Value>>(
    connection: &impl ConnectionTrait,
    column: K,
    values: impl IntoIterator<Item = V>,
) -> Expr {
    Engine::of(connection).is_among(column.into_expr(), values.into_iter().map(Into::into).collect())
}

/// Whether a key has characters that another spelling may lack: non-ASCII, outer blanks, line breaks and
/// tabs, a leading apostrophe.
fn has_odd_characters<K: ColumnTrait>(connection: &impl ConnectionTrait, column: K) -> Condition {
    let key = || column.into_expr();
    let odd = ["\t", "\n", "\r"].map(|character| format!("%{character}%"));
    let odd = odd.into_iter().chain([" %", "% ", "'%"].map(str::to_owned));
    odd.fold(Condition::any().add(Engine::of(connection).is_beyond_ascii(key())), |any, pattern| {
        any.add(key().like(pattern))
    })
}

/// Number of values per query. From a thousand on MariaDB builds a table of them, and may then read, and
/// lock, all rows.
const LOOKED_UP_AT_ONCE: usize = 900;

/// The rows of a query whose column has one of any number of values.
async fn find_among<E, V>(
    connection: &impl ConnectionTrait,
    select: &Select<E>,
    column: E::Column,
    values: &[V],
) -> Result<Vec<E::Model>>
where
    E: EntityTrait,
    V: Into<Value> + Clone,
{
    let mut found = Vec::new();
    for some in values.chunks(LOOKED_UP_AT_ONCE) {
        let these = among(connection, column, some.iter().cloned());
        found.extend(select.clone().filter(these).all(connection).await?);
    }
    Ok(found)
}
