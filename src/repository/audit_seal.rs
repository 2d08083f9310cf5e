//! Seals over the audit trail.

use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, FromQueryResult, IntoActiveModel, PaginatorTrait,
    QueryFilter, QueryOrder, QuerySelect, Select,
};
use serde_json::json;

use super::{Change, Rows};
use crate::db::target::Engine;
use crate::db::write::WriteHandle;
use crate::domain::{EntityKind, EventName, Id, moment};
use crate::entity::audit_seal::{Column, Entity, Model};
use crate::entity::{Moment, Stored, audit_event};
use crate::error::Result;

/// Whether a seal has no number: SQLite keeps anything in any column.
fn lacks_number(connection: &impl ConnectionTrait) -> Condition {
    let is_odd = Engine::of(connection).is_odd_integer("number");
    Condition::any().add(Column::Number.is_null()).add(Expr::cust(is_odd))
}

/// Seals whose number is one.
fn numbered(connection: &impl ConnectionTrait) -> Select<Entity> {
    Entity::find().filter(lacks_number(connection).not())
}

/// The first `limit` seals with an invalid number.
pub async fn find_without_number(connection: &impl ConnectionTrait, limit: u64) -> Result<Vec<Id>> {
    let odd = Entity::find().select_only().column(Column::Id).filter(lacks_number(connection));
    Ok(odd.order_by_asc(Column::Id).limit(limit).into_tuple().all(connection).await?)
}

/// The newest seal.
pub async fn find_last(connection: &impl ConnectionTrait) -> Result<Option<Model>> {
    Ok(numbered(connection).order_by_desc(Column::Number).limit(1).one(connection).await?)
}

/// A row that seals cover, with its time to the letter where the engine stores times as text: there
/// another form than the one that shopctl writes is an edit.
#[derive(Debug, Clone, FromQueryResult)]
pub struct SealedRow<M: FromQueryResult> {
    #[sea_orm(nested)]
    pub row: M,
    stored_time: Option<String>,
}

impl<M: FromQueryResult> SealedRow<M> {
    /// The time as it is covered.
    pub fn time(&self, time: &Moment) -> String {
        match (&self.stored_time, time) {
            (Some(stored), Moment::Known(moment)) if *stored == moment::stored_text(*moment) => time.to_string(),
            // Not to be taken for the one form in which times are covered.
            (Some(stored), _) => format!("stored as {stored}"),
            (None, _) => time.to_string(),
        }
    }
}

fn covered<E: EntityTrait>(connection: &impl ConnectionTrait, select: Select<E>, time: &str) -> Select<E> {
    let stored = Engine::of(connection).text_of_stored_time(time).unwrap_or_else(|| "NULL".to_owned());
    select.expr_as(Expr::cust(stored), "stored_time")
}

/// Up to `limit` seals behind one, in the order of their numbers, whatever these are: the first ones
/// for `None`.
pub async fn find_after(
    connection: &impl ConnectionTrait,
    last: Option<&Model>,
    limit: u64,
) -> Result<Vec<SealedRow<Model>>> {
    let mut seals = numbered(connection).order_by_asc(Column::Number).order_by_asc(Column::Id).limit(limit);
    if let Some(last) = last {
        let same = Condition::all().add(Column::Number.eq(last.number)).add(Column::Id.gt(last.id));
        seals = seals.filter(Condition::any().add(Column::Number.gt(last.number)).add(same));
    }
    Ok(covered(connection, seals, "sealed_at").into_model().all(connection).await?)
}

/// Up to `limit` events of a seal, or of none, behind an id, by id.
pub async fn find_events(
    connection: &impl ConnectionTrait,
    seal_id: Option<Id>,
    after: Option<Id>,
    limit: u64,
) -> Result<Vec<SealedRow<audit_event::Model>>> {
    use audit_event::Column;
    let is_of_seal = seal_id.map_or_else(|| Column::SealId.is_null(), |seal_id| Column::SealId.eq(seal_id));
    let condition = Condition::all().add(is_of_seal).add_option(after.map(|id| Column::Id.gt(id)));
    let events =
        super::readable_events::readable_events(connection).filter(condition).order_by_asc(Column::Id).limit(limit);
    Ok(covered(connection, events, "occurred_at").into_model().all(connection).await?)
}

/// How many events wait for a seal. Those of sealing itself do not: the next seal has them too.
pub async fn count_waiting_events(connection: &impl ConnectionTrait) -> Result<u64> {
    use audit_event::Column;
    let is_other =
        Condition::any().add(Column::Operation.ne(EventName::AuditSeal.as_str())).add(Column::Operation.is_null());
    let waiting = audit_event::Entity::find().filter(Column::SealId.is_null()).filter(is_other);
    Ok(waiting.count(connection).await?)
}

/// How many events bear no seal.
pub async fn count_unsealed_events(connection: &impl ConnectionTrait) -> Result<u64> {
    let unsealed = audit_event::Entity::find().filter(audit_event::Column::SealId.is_null());
    Ok(unsealed.count(connection).await?)
}

/// An event that bears a seal which no check visits.
#[derive(Debug, Clone, FromQueryResult)]
pub struct StrayEvent {
    pub id: Id,
    pub operation: Stored<String>,
}

/// The first `limit` events whose seal does not belong to the chain, because it does not exist or has a number
/// below 1; and their total.
pub async fn find_strays(connection: &impl ConnectionTrait, limit: u64) -> Result<(Vec<StrayEvent>, u64)> {
    let mut chain = sea_orm::sea_query::Query::select();
    chain.column(Column::Id).from(Entity).and_where(Column::Number.gt(0)).and_where(Column::Id.is_not_null());
    let strays = audit_event::Entity::find()
        .filter(audit_event::Column::SealId.is_not_null())
        .filter(audit_event::Column::SealId.not_in_subquery(chain));
    let count = strays.clone().count(connection).await?;
    let columns = [audit_event::Column::Id, audit_event::Column::Operation];
    let first = strays.select_only().columns(columns).order_by_asc(audit_event::Column::Id).limit(limit);
    Ok((first.into_model().all(connection).await?, count))
}

/// Inserts a seal and puts it on its events.
///
/// Errors: exit 6 when one of the events bears a seal already.
pub async fn create(handle: &WriteHandle, seal: Model, events: &[Id]) -> Result<Change> {
    let after = json!({
        "number": seal.number,
        "previous_hash": seal.previous_hash,
        "hash": seal.hash,
        "event_count": seal.event_count,
    });
    let id = seal.id;
    let rows = Entity::insert(seal.into_active_model()).exec_without_returning(handle).await?;
    super::expect_rows(rows, 1)?;
    let mut sealed = 0;
    for chunk in events.chunks(super::ROWS_PER_INSERT) {
        let result = audit_event::Entity::update_many()
            .col_expr(audit_event::Column::SealId, Expr::value(id))
            .filter(audit_event::Column::Id.is_in(chunk.iter().copied()))
            .filter(audit_event::Column::SealId.is_null())
            .exec(handle)
            .await?;
        super::expect_rows(result.rows_affected, chunk.len())?;
        sealed += result.rows_affected;
    }
    Ok(Change::new(EntityKind::Seal, id, None, Some(after)).with_rows(Rows(sealed)))
}
