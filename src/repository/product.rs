//! Products: finders, list, writes, and the one statement that takes stock.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Expr, ExprTrait, Func, IntoIden, Query};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, FromQueryResult, JoinType, QueryFilter, QueryOrder,
    QuerySelect, Select,
};
use serde_json::Value as Json;
use uuid::Uuid;

use super::names::{Candidate, Nouns, ambiguous};
use super::{Change, ListFilter, Match, ROWS_PER_STATEMENT, Rows, Search, SortField, SortKind};
use crate::db::fault::UniqueConstraint;
use crate::db::guarded::Connection;
use crate::db::target::Engine;
use crate::db::write::WriteHandle;
use crate::domain::{EntityKind, Id, Money, SearchText, sku};
use crate::entity::product::{Column, Entity, Model};
use crate::entity::{Stored, order, order_item, stock_movement};
use crate::error::Result;

/// No two products share a SKU.
pub const UNIQUE_SKU: UniqueConstraint = UniqueConstraint { name: "uq_products_sku", columns: "products.sku" };

/// The filter of products, for list and count.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Anywhere in SKU or name.
    pub search: Search,
    /// The lowest price, inclusive.
    pub min_price: Option<Money>,
    /// The highest price, inclusive.
    pub max_price: Option<Money>,
    /// At most this many pieces left.
    pub max_stock: Option<i32>,
    /// Only products in no order that counts as a sale.
    pub never_sold: bool,
    /// Only retired products, or only others; `None` means both.
    pub retired: Option<bool>,
    /// Products that existed at this time, with the stock of then; `None` means now.
    pub at: Option<DateTime<Utc>>,
}

impl ListFilter for Filter {
    type Entity = Entity;
    const SORT_FIELDS: &'static [SortField<Entity>] = &[
        SortField::new("created_at", Column::CreatedAt, SortKind::Time, |row: &Model| row.created_at.to_text()),
        SortField::new("sku", Column::Sku, SortKind::Text, |row: &Model| row.sku.to_text()),
        SortField::new("name", Column::Name, SortKind::Text, |row: &Model| row.name.to_text()),
        SortField::new("price", Column::Price, SortKind::Money, |row: &Model| row.price.to_text()),
        SortField::new("stock_quantity", Column::StockQuantity, SortKind::Integer, |row: &Model| {
            row.stock_quantity.to_text()
        }),
    ];
    const ID: (Column, fn(&Model) -> Id) = (Column::Id, |row| row.id);

    fn select(&self, connection: &impl ConnectionTrait) -> Select<Entity> {
        let condition = Condition::all()
            .add(self.search.finds_product())
            .add_option(self.min_price.map(|price| Column::Price.gte(price)))
            .add_option(self.max_price.map(|price| Column::Price.lte(price)))
            .add_option(self.max_stock.map(|stock| Column::StockQuantity.lte(stock)))
            .add_option(self.never_sold.then(|| is_never_sold(connection)))
            .add_option(self.retired.map(|retired| if retired { is_orderable().not() } else { is_orderable() }));
        super::stock_at::products_at(connection, self.at).filter(condition)
    }
}

/// Whether a product is in no order that counts as a sale.
fn is_never_sold(connection: &impl ConnectionTrait) -> Expr {
    let mut sale = Query::select();
    sale.column((order_item::Entity, order_item::Column::ProductId))
        .from(order_item::Entity)
        .inner_join(order::Entity, order::Column::Id.into_expr().eq(order_item::Column::OrderId.into_expr()))
        .and_where(order_item::Column::ProductId.into_expr().eq(Column::Id.into_expr()))
        .and_where(super::is_sale(connection));
    Expr::exists(sale).not()
}

/// Whether a product is not retired.
fn is_orderable() -> Expr {
    Column::RetiredAt.is_null()
}

/// The product with this id.
pub async fn find_by_id(connection: &impl ConnectionTrait, id: Id) -> Result<Option<Model>> {
    super::find_by_id::<Entity, _>(connection, id).await
}

/// At most `limit` products that can be ordered, for interactive search by SKU or name.
pub async fn suggest(connection: &Connection, text: &str, how: Match, limit: u64) -> Result<Vec<Model>> {
    let select = match how {
        Match::Start => super::starting_with(Entity::find(), Column::Sku, &text.to_ascii_uppercase()),
        Match::Anywhere => Entity::find()
            .filter(Search::products(connection, &SearchText::new(text)).await?.finds_product())
            .order_by_desc(Column::CreatedAt)
            .order_by_desc(Column::Id),
    };
    Ok(select.filter(is_orderable()).limit(limit).all(connection).await?)
}

/// At most `limit` products whose SKU begins with a text.
pub async fn find_starting_with(connection: &impl ConnectionTrait, text: &str, limit: u64) -> Result<Vec<Model>> {
    let select = super::starting_with(Entity::find(), Column::Sku, &text.to_ascii_uppercase());
    Ok(select.limit(limit).all(connection).await?)
}

/// The product with this SKU or id.
pub async fn find_by_sku(connection: &impl ConnectionTrait, name: &str) -> Result<Option<Model>> {
    Ok(match_name(&find_named(connection, &[name]).await?, name).cloned())
}

/// Products by id or SKU, each once and in no particular order; [`match_name`] assigns them to names.
///
/// Errors: exit 6 if several products have an id or a SKU, or a SKU in other cases than the typed one.
pub async fn find_named(connection: &impl ConnectionTrait, names: &[&str]) -> Result<Vec<Model>> {
    let engine = Engine::of(connection);
    let (ids, skus) = split_names(names);
    let mut ids: Vec<Id> = ids.into_iter().flat_map(|id| engine.ids_named(id)).collect();
    let mut found = super::find_among(connection, &Entity::find(), Column::Sku, &skus).await?;
    // Not indexed: only for names without an exact or canonical match.
    let known: HashSet<&str> = found.iter().map(|product| product.sku.as_str()).collect();
    let is_known = |name: &str| known.contains(name) || known.contains(sku::folded(name).as_str());
    let missing = || names.iter().filter(|name| Uuid::try_parse(name).is_err() && !is_known(name));
    ids.extend(missing().flat_map(|name| engine.ids_named(name)));
    let missing: Vec<String> =
        missing().flat_map(|name| [sku::folded(name).to_ascii_lowercase(), name.trim().to_lowercase()]).collect();
    for some in missing.chunks(super::LOOKED_UP_AT_ONCE) {
        let some = some.iter().map(|sku| sku.as_str().into()).collect();
        let lowered = engine.is_among(Func::lower(Column::Sku.into_expr()).into(), some);
        add(&mut found, Entity::find().filter(lowered).all(connection).await?);
    }
    if !ids.is_empty() {
        add(&mut found, super::find_among(connection, &Entity::find(), Column::Id, &ids).await?);
        // Another program's SKU may look like an id.
        let known: HashSet<Uuid> = found.iter().filter_map(|product| product.id.uuid()).collect();
        let is_open = |name: &&str| Uuid::try_parse(name).is_ok_and(|id| !known.contains(&id));
        let open = names.iter().copied().filter(is_open);
        let skus: Vec<String> =
            open.flat_map(|name| [name.to_owned(), name.to_lowercase(), name.to_uppercase()]).collect();
        add(&mut found, super::find_among(connection, &Entity::find(), Column::Sku, &skus).await?);
    }
    match ambiguous_among(&found, names) {
        Some((name, alike)) => {
            let candidates: Vec<_> =
                alike.iter().map(|product| Candidate { id: product.id, key: &product.sku }).collect();
            Err(ambiguous(&NOUNS, name, &candidates))
        }
        None => Ok(found),
    }
}

const NOUNS: Nouns = Nouns { code: "product.ambiguous", many: "products", key: "SKU", show: "product show" };

/// Adds the rows of another query, each once. Rows of one query are different rows, whatever their ids.
fn add(found: &mut Vec<Model>, more: Vec<Model>) {
    let known: HashSet<Id> = found.iter().map(|product| product.id).collect();
    found.extend(more.into_iter().filter(|product| !known.contains(&product.id)));
}

/// The first ambiguous name: several products have it as their id or SKU, or in different cases and none in the typed
/// one. Linear in the products, because an import checks thousands at once.
fn ambiguous_among<'a>(products: &'a [Model], names: &[&'a str]) -> Option<(&'a str, Vec<&'a Model>)> {
    let (mut by_key, mut by_id) = (HashMap::<String, Vec<&Model>>::new(), HashMap::<String, Vec<&Model>>::new());
    for product in products {
        by_key.entry(sku::folded(&product.sku)).or_default().push(product);
        by_id.entry(product.id.to_string()).or_default().push(product);
    }
    [&mut by_key, &mut by_id].into_iter().for_each(|map| map.retain(|_, alike| alike.len() > 1));
    if by_key.is_empty() && by_id.is_empty() {
        return None;
    }
    names.iter().find_map(|name| {
        let id = Uuid::try_parse(name).map_or_else(|_| (*name).to_owned(), |id| id.to_string());
        let (of_id, of_key) = (by_id.get(&id), by_key.get(&sku::folded(name)));
        let meant = of_id.or(of_key).and_then(|_| match_name(products, name))?;
        if meant.id.is_shown_as(name) {
            return Some((*name, of_id?.clone()));
        }
        let alike = of_key?;
        let exact: Vec<&Model> = alike.iter().copied().filter(|product| product.sku == *name).collect();
        match exact.len() {
            0 => Some((*name, alike.clone())),
            1 => None,
            _ => Some((*name, exact)),
        }
    })
}

/// The product that `name`, an id or SKU as typed, means: with this UUID, else exactly this SKU, else its canonical
/// form, else in any case, else with an id that is shown so though it is not a UUID.
pub fn match_name<'a>(products: &'a [Model], name: &str) -> Option<&'a Model> {
    let of_id = || products.iter().find(|product| product.id.is_shown_as(name));
    let of_uuid = || Uuid::try_parse(name).ok().and_then(|id| products.iter().find(|product| product.id == id));
    let folded = sku::folded(name);
    let as_stored = |sku: &str| products.iter().find(|product| product.sku == sku);
    let in_any_case = || products.iter().find(|product| sku::folded(&product.sku) == folded);
    let of_sku = || as_stored(name).or_else(|| as_stored(&folded)).or_else(in_any_case);
    of_uuid().or_else(of_sku).or_else(of_id)
}

/// Candidates for foreign spellings of SKUs; a superset.
pub async fn find_foreign_skus(connection: &impl ConnectionTrait) -> Result<Vec<String>> {
    let sku = || Column::Sku.into_expr();
    let odd = Condition::any()
        .add(Engine::of(connection).differ(sku(), Func::upper(sku()).into()))
        .add(sku().like("%  %"))
        .add(super::has_odd_characters(connection, Column::Sku));
    Ok(Entity::find().select_only().column(Column::Sku).filter(odd).into_tuple().all(connection).await?)
}

/// The products with these ids.
pub async fn find_by_ids(connection: &impl ConnectionTrait, ids: &[Id]) -> Result<Vec<Model>> {
    super::find_among(connection, &Entity::find(), Column::Id, ids).await
}

/// The products with these stored SKUs.
pub async fn find_by_skus(connection: &impl ConnectionTrait, skus: &[&str], lock: super::Lock) -> Result<Vec<Model>> {
    let select = super::locked(Entity::find().order_by_asc(Column::Id), lock);
    super::find_among(connection, &select, Column::Sku, skus).await
}

/// Whether `name`, an id or SKU as typed, names this product.
pub fn matches_name(product: &Model, name: &str) -> bool {
    match_name(std::slice::from_ref(product), name).is_some()
}

fn split_names<'a>(names: &[&'a str]) -> (Vec<&'a str>, Vec<String>) {
    let (mut ids, mut skus) = (Vec::new(), Vec::new());
    for name in names {
        match Uuid::try_parse(name) {
            Ok(_) => ids.push(*name),
            Err(_) => {
                let stored = sku::folded(name);
                if stored != *name {
                    // The most likely foreign spelling may exist beside the canonical one.
                    skus.extend([(*name).to_owned(), stored.to_ascii_lowercase()]);
                }
                skus.push(stored);
            }
        }
    }
    (ids, skus)
}

/// Locks one product against other writers until the transaction ends.
pub async fn find_for_update(handle: &WriteHandle, id: Id) -> Result<Option<Model>> {
    Ok(Entity::find_by_id(id).lock_exclusive().one(handle).await?)
}

/// Locks these products against other writers until the transaction ends, in the order of their
/// ids; `ids` are sorted.
pub async fn find_many_for_update(handle: &WriteHandle, ids: &[Id]) -> Result<Vec<Model>> {
    let mut found = Vec::with_capacity(ids.len());
    for chunk in ids.chunks(ROWS_PER_STATEMENT) {
        let select = Entity::find().filter(Column::Id.is_in(chunk.iter().copied())).order_by_asc(Column::Id);
        found.extend(super::locked(select, super::Lock::Update).all(handle).await?);
    }
    Ok(found)
}

/// The given products as they are now, for a message. Locks only if a plain read would use the transaction's
/// snapshot, because locks out of order risk a deadlock.
pub async fn find_newest(handle: &WriteHandle, ids: &[Id]) -> Result<Vec<Model>> {
    let select = Entity::find().filter(super::among(handle, Column::Id, ids.iter().copied()));
    Ok(super::newest(handle, select).all(handle).await?)
}

/// A product whose stock does not match its movements.
#[derive(Debug, Clone, PartialEq, Eq, FromQueryResult)]
pub struct StockDifference {
    /// The product's id.
    pub id: Id,
    /// The product's SKU.
    pub sku: Stored<String>,
    /// The stored stock level.
    pub stock_quantity: Stored<i32>,
    /// The sum of all movements.
    pub moved: i64,
}

impl StockDifference {
    /// Whether the stock is another number than the sum of the movements, or none.
    pub fn differs(&self) -> bool {
        self.stock_quantity.known().is_none_or(|stock| i64::from(stock) != self.moved)
    }
}

/// The products whose stock does not match their movements, by SKU; all, or those with these ids.
pub async fn find_stock_differences(connection: &impl ConnectionTrait, ids: &[Id]) -> Result<Vec<StockDifference>> {
    let engine = Engine::of(connection);
    let moved = || {
        let sum = engine.sum_of_integers(stock_movement::Column::Delta.into_expr());
        Expr::from(Func::coalesce([sum, Expr::value(0)]))
    };
    let mut select = Entity::find()
        .select_only()
        .columns([Column::Id, Column::Sku, Column::StockQuantity])
        .expr_as(moved(), "moved")
        .join(
            JoinType::LeftJoin,
            Entity::belongs_to(stock_movement::Entity).from(Column::Id).to(stock_movement::Column::ProductId).into(),
        )
        .group_by(Column::Id)
        .group_by(Column::Sku)
        .group_by(Column::StockQuantity)
        .having(Column::StockQuantity.into_expr().ne(moved()))
        .order_by_asc(Column::Sku);
    if !ids.is_empty() {
        select = select.filter(Column::Id.is_in(ids.iter().copied()));
    }
    Ok(select.into_model().all(connection).await?)
}

/// Deducts stock of all given products, or reports how many had enough and are not retired.
///
/// Conditional statements (`stock - n WHERE stock >= n`), one unless there are very many products,
/// which cannot oversell at any isolation level; rows are locked in id order, so that two orders cannot
/// deadlock. Returns the current prices of the products whose stock was deducted, and their number; if it is
/// too low, the transaction must be rolled back.
pub async fn take_stock(
    handle: &WriteHandle,
    quantities: &[(Id, i32)],
    now: DateTime<Utc>,
) -> Result<(HashMap<Id, Stored<Money>>, Rows)> {
    let (mut prices, mut count) = (HashMap::with_capacity(quantities.len()), 0);
    for chunk in in_order(quantities).chunks(ROWS_PER_STATEMENT) {
        let mut update = Query::update();
        update.table(Entity).value(Column::UpdatedAt, now);
        let wanted = handle.engine().limit_to_numbered(&mut update, Entity.into_iden(), Column::Id.into_iden(), chunk);
        update
            .value(Column::StockQuantity, Expr::col(Column::StockQuantity).sub(wanted.clone()))
            .and_where(Expr::col(Column::StockQuantity).gte(wanted))
            .and_where(Expr::col(Column::RetiredAt).is_null());
        if handle.engine().returns_updated_rows {
            update.returning(Query::returning().columns([Column::Id, Column::Price].map(|column| (Entity, column))));
            let rows = handle.query_all(&update).await?;
            count += rows.len() as u64;
            for row in rows {
                prices.insert(row.try_get_by_index(0)?, row.try_get_by_index(1)?);
            }
            continue;
        }
        count += handle.execute(&update).await?.rows_affected();
        // Without RETURNING: the rows with this statement's time.
        let these = Column::Id.is_in(chunk.iter().map(|(id, _)| *id));
        let taken = Entity::find().select_only().columns([Column::Id, Column::Price]).filter(these);
        let taken: Vec<(Id, Stored<Money>)> = taken.filter(Column::UpdatedAt.eq(now)).into_tuple().all(handle).await?;
        prices.extend(taken);
    }
    Ok((prices, Rows(count)))
}

/// Restocks all given products, in one statement unless there are very many; rows are locked in id order.
///
/// If a product is missing or its stock would exceed the range, the number of rows is too low, and the
/// transaction must be rolled back.
pub async fn return_stock(handle: &WriteHandle, quantities: &[(Id, i32)], now: DateTime<Utc>) -> Result<Rows> {
    let mut count = 0;
    for chunk in in_order(quantities).chunks(ROWS_PER_STATEMENT) {
        let mut update = Query::update();
        update.table(Entity).value(Column::UpdatedAt, now);
        let returned =
            handle.engine().limit_to_numbered(&mut update, Entity.into_iden(), Column::Id.into_iden(), chunk);
        let room = Expr::value(i32::MAX).sub(returned.clone());
        update
            .value(Column::StockQuantity, Expr::col(Column::StockQuantity).add(returned))
            .and_where(Expr::col(Column::StockQuantity).lte(room));
        count += handle.execute(&update).await?.rows_affected();
    }
    Ok(Rows(count))
}

/// Quantities by ascending id.
fn in_order(quantities: &[(Id, i32)]) -> Vec<(Id, i32)> {
    let mut quantities = quantities.to_vec();
    quantities.sort_unstable();
    quantities
}

/// Changes one product's stock by `delta` if the result is within `0..=i32::MAX`; returns the number of
/// updated rows.
pub async fn move_stock(handle: &WriteHandle, id: Id, delta: i32, now: DateTime<Utc>) -> Result<Rows> {
    // Another program may have left one below 0, from which so many more lead back.
    let (lowest, highest) = (-delta, i32::MAX - Ord::max(delta, 0));
    let result = Entity::update_many()
        .col_expr(Column::StockQuantity, Expr::col(Column::StockQuantity).add(delta))
        .col_expr(Column::UpdatedAt, Expr::value(now))
        .filter(Column::Id.eq(id))
        .filter(Column::StockQuantity.between(lowest, highest))
        .exec(handle)
        .await?;
    Ok(Rows(result.rows_affected))
}

/// Inserts many in few statements; a change for each.
pub async fn create_many(handle: &WriteHandle, products: &[Model]) -> Result<Vec<Change>> {
    let _covered = super::insert_many::<Model, _>(handle, products).await?;
    Ok(products.iter().map(created).collect())
}

/// Inserts a product.
pub async fn create(handle: &WriteHandle, product: &Model) -> Result<Change> {
    let _covered = super::insert_many::<Model, _>(handle, [product]).await?;
    Ok(created(product))
}

fn created(product: &Model) -> Change {
    Change::new(EntityKind::Product, product.id, None, Some(audit_view(product)))
}

/// Writes `after` over `before`, which has the same stock: stock is changed elsewhere.
pub async fn update(handle: &WriteHandle, before: &Model, after: &Model) -> Result<Change> {
    super::update_changed(handle, before, after, Column::Id.eq(before.id)).await?;
    Ok(changed(before, after))
}

/// Writes every `after` over its locked `before`, many in one statement.
pub async fn update_many(handle: &WriteHandle, pairs: &[(Model, Model)]) -> Result<Vec<Change>> {
    super::update_changed_many(handle, Column::Id, pairs).await?;
    Ok(pairs.iter().map(|(before, after)| changed(before, after)).collect())
}

/// Whether a product was ever ordered.
pub async fn was_ordered(connection: &impl ConnectionTrait, id: Id) -> Result<bool> {
    let lines = order_item::Entity::find().select_only().column(order_item::Column::Id);
    let one = lines.filter(order_item::Column::ProductId.eq(id)).limit(1);
    Ok(one.into_tuple::<Id>().one(connection).await?.is_some())
}

/// Deletes a product; the foreign key refuses one that was ever ordered.
pub async fn delete(handle: &WriteHandle, product: &Model) -> Result<Change> {
    super::delete_by_id::<Entity>(handle, product.id).await?;
    Ok(Change::new(EntityKind::Product, product.id, Some(audit_view(product)), None))
}

/// The change from one state of a product to another, covering one row.
pub fn changed(before: &Model, after: &Model) -> Change {
    Change::new(EntityKind::Product, before.id, Some(audit_view(before)), Some(audit_view(after)))
}

/// The change of a product whose movements, previously `moved` in total, now match its stock; it covers no
/// row of the product.
pub fn accepted(product: &Model, moved: i64) -> Change {
    let with = |moved: i64| {
        let mut view = audit_view(product);
        view["moved_quantity"] = moved.into();
        Some(view)
    };
    let after = with(product.stock_quantity.pieces());
    Change { entity: EntityKind::Product, id: product.id, before: with(moved), after, rows: 0 }
}

/// A product in the form of events.
pub fn audit_view(product: &Model) -> Json {
    super::document(product)
}
