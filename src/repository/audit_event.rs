//! Audit events: appended by operations, read by everyone.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Expr, ExprTrait, Query};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, Select,
};

use super::{ListFilter, SortField, SortKind};
use crate::db::fault::UniqueConstraint;
use crate::db::write::WriteHandle;
use crate::domain::{EntityKind, EventName, Id, Outcome};
use crate::entity::audit_event::{Column, Entity, Model};
use crate::entity::order;
use crate::error::Result;

/// A key belongs to one request.
pub const UNIQUE_KEY: UniqueConstraint =
    UniqueConstraint { name: "uq_audit_events_idempotency_key", columns: "audit_events.idempotency_key" };

/// An operation has one event per sequence number: what the tombstone of a lost COMMIT relies on.
pub const UNIQUE_SEQUENCE: UniqueConstraint = UniqueConstraint {
    name: "uq_audit_events_operation_id_sequence",
    columns: "audit_events.operation_id, audit_events.sequence",
};

/// The filter of events, for list and count.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub entity_kind: Option<EntityKind>,
    pub entity_id: Option<Id>,
    pub operation_id: Option<Id>,
    pub operation: Option<String>,
    pub actor: Option<String>,
    pub outcome: Option<Outcome>,
    pub since: Option<DateTime<Utc>>,
    /// Exclusive.
    pub until: Option<DateTime<Utc>>,
}

impl ListFilter for Filter {
    type Entity = Entity;
    const SORT_FIELDS: &'static [SortField<Entity>] =
        &[SortField::new("occurred_at", Column::OccurredAt, SortKind::Time, |row: &Model| row.occurred_at.to_text())];
    const ID: (Column, fn(&Model) -> Id) = (Column::Id, |row| row.id);

    fn select(&self, connection: &impl ConnectionTrait) -> Select<Entity> {
        let texts = [
            (Column::EntityType, self.entity_kind.map(EntityKind::as_str)),
            (Column::Operation, self.operation.as_deref()),
            (Column::Actor, self.actor.as_deref()),
            (Column::Outcome, self.outcome.map(Outcome::as_str)),
        ];
        let ids = [(Column::EntityId, self.entity_id), (Column::OperationId, self.operation_id)];
        let texts = texts.into_iter().map(|(column, text)| text.map(|text| column.eq(text)));
        let ids = ids.into_iter().map(|(column, id)| id.map(|id| column.eq(id)));
        let condition = texts.chain(ids).fold(Condition::all(), Condition::add_option);
        Entity::find().filter(condition.add(super::in_period(connection, Column::OccurredAt, self.since, self.until)))
    }
}

pub async fn find_by_id(connection: &impl ConnectionTrait, id: Id) -> Result<Option<Model>> {
    super::find_by_id::<Entity, _>(connection, id).await
}

/// The first event of the operation that a key belongs to.
pub async fn find_by_idempotency_key(connection: &impl ConnectionTrait, key: &str) -> Result<Option<Model>> {
    Ok(Entity::find().filter(Column::IdempotencyKey.eq(key)).one(connection).await?)
}

/// Those of the keys that an event has.
pub async fn find_keys_among(connection: &impl ConnectionTrait, keys: &[String]) -> Result<HashSet<String>> {
    let mut found = HashSet::new();
    for some in keys.chunks(super::LOOKED_UP_AT_ONCE) {
        let these = super::among(connection, Column::IdempotencyKey, some.iter().cloned());
        let select = Entity::find().select_only().column(Column::IdempotencyKey).filter(these);
        found.extend(select.into_tuple::<String>().all(connection).await?);
    }
    Ok(found)
}

/// How many keys begin so, without those that begin like `except`.
pub async fn count_keys(connection: &impl ConnectionTrait, beginning: &str, except: Option<&str>) -> Result<u64> {
    let key = || Column::IdempotencyKey;
    // Excluding events without a key lets PostgreSQL use the index.
    let keys = Entity::find().filter(key().is_not_null()).filter(key().starts_with(beginning));
    let others = except.map(|except| key().starts_with(except).not());
    Ok(keys.filter(Condition::all().add_option(others)).count(connection).await?)
}

/// The greatest key that begins so.
pub async fn find_last_key(connection: &impl ConnectionTrait, beginning: &str) -> Result<Option<String>> {
    let keys = Entity::find().select_only().column(Column::IdempotencyKey);
    let found = keys.filter(Column::IdempotencyKey.starts_with(beginning)).order_by_desc(Column::IdempotencyKey);
    Ok(found.into_tuple().one(connection).await?)
}

/// The first event of a generated shop, if there is one.
pub async fn find_generated(connection: &impl ConnectionTrait) -> Result<Option<Model>> {
    let first =
        Entity::find().filter(Column::EntityType.eq("users")).filter(Column::Operation.eq(EventName::SeedGenerate));
    Ok(first.filter(Column::Outcome.eq(Outcome::Succeeded)).one(connection).await?)
}

/// Whether there is any event of an operation of this name.
pub async fn has_operation(connection: &impl ConnectionTrait, operation: &str) -> Result<bool> {
    let found = Entity::find().filter(Column::Operation.eq(operation)).limit(1).one(connection).await?;
    Ok(found.is_some())
}

/// The newest events of one entity, oldest first, at most `limit`; without it all.
pub async fn find_by_entity(
    connection: &impl ConnectionTrait,
    kind: EntityKind,
    entity_id: Id,
    limit: impl Into<Option<u64>>,
) -> Result<Vec<Model>> {
    newest(connection, by_entity(kind, entity_id), limit.into()).await
}

fn by_entity(kind: EntityKind, entity_id: Id) -> Select<Entity> {
    Entity::find().filter(Column::EntityType.eq(kind.as_str())).filter(Column::EntityId.eq(entity_id))
}

/// The first event of what succeeded about the entity with this id, of whatever kind.
pub async fn find_first_about(connection: &impl ConnectionTrait, entity_id: Id) -> Result<Option<Model>> {
    // Kinds are listed so that the index is used; generated tables have other names.
    let about = Entity::find()
        .filter(Column::EntityType.is_in(EntityKind::ALL.map(EntityKind::as_str)))
        .filter(Column::EntityId.eq(entity_id))
        .filter(Column::Outcome.eq(Outcome::Succeeded));
    Ok(about.order_by_asc(Column::OccurredAt).order_by_asc(Column::Id).limit(1).one(connection).await?)
}

/// The newest events of a user and of their orders, oldest first, at most `limit` of either; without
/// it all.
pub async fn find_about_person(
    connection: &impl ConnectionTrait,
    user_id: Id,
    limit: Option<u64>,
) -> Result<Vec<Model>> {
    let mut events = find_by_entity(connection, EntityKind::User, user_id, limit).await?;
    events.extend(find_of_orders(connection, user_id, limit).await?);
    events.sort_by_key(|event| (event.occurred_at.to_string(), event.id));
    Ok(events)
}

async fn find_of_orders(connection: &impl ConnectionTrait, user_id: Id, limit: Option<u64>) -> Result<Vec<Model>> {
    let mut orders = Query::select();
    orders.column(order::Column::Id).from(order::Entity).and_where(order::Column::UserId.into_expr().eq(user_id));
    let select = Entity::find()
        .filter(Column::EntityType.eq(EntityKind::Order.as_str()))
        .filter(Column::EntityId.in_subquery(orders));
    newest(connection, select, limit).await
}

/// All events of one entity, locked so that they are as they are now.
pub async fn find_for_update(handle: &WriteHandle, kind: EntityKind, entity_id: Id) -> Result<Vec<Model>> {
    Ok(super::locked(by_entity(kind, entity_id), super::Lock::Update).all(handle).await?)
}

/// Replaces an event's documents by ones from which personal values were erased: the only change
/// that a stored event ever sees, beside its seal.
pub async fn erase(handle: &WriteHandle, id: Id, before: Option<String>, after: Option<String>) -> Result<super::Rows> {
    let result = Entity::update_many()
        .col_expr(Column::Before, Expr::value(before))
        .col_expr(Column::After, Expr::value(after))
        .filter(Column::Id.eq(id))
        .exec(handle)
        .await?;
    super::expect_rows(result.rows_affected, 1)?;
    Ok(super::Rows(result.rows_affected))
}

async fn newest(connection: &impl ConnectionTrait, select: Select<Entity>, limit: Option<u64>) -> Result<Vec<Model>> {
    let newest_first = select.order_by_desc(Column::OccurredAt).order_by_desc(Column::Id).limit(limit);
    let mut events = newest_first.all(connection).await?;
    events.reverse();
    Ok(events)
}

/// Appends the events of an operation, in one statement unless there are very many; they are asked
/// for while others are written.
pub async fn create_many(handle: &WriteHandle, events: impl IntoIterator<Item = Model>) -> Result<()> {
    // Events are not counted as written rows.
    let _rows = super::insert_many::<Model, _>(handle, events).await?;
    Ok(())
}

/// The events of an operation in their order, at most `limit`.
pub async fn find_by_operation(connection: &impl ConnectionTrait, operation_id: Id, limit: u64) -> Result<Vec<Model>> {
    let events = Entity::find().filter(Column::OperationId.eq(operation_id)).order_by_asc(Column::Sequence);
    Ok(events.limit(limit).all(connection).await?)
}

/// The first event of an operation.
pub async fn find_first_of_operation(connection: &impl ConnectionTrait, operation_id: Id) -> Result<Option<Model>> {
    Ok(Entity::find()
        .filter(Column::OperationId.eq(operation_id))
        .filter(Column::Sequence.eq(0))
        .one(connection)
        .await?)
}
