//! Readable events: SQLite stores any value in any column, and an odd value must not abort the check that
//! would find it.

use sea_orm::sea_query::{ColumnType, Expr, ExprTrait};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, IdenStatic, Iterable, QueryFilter, QueryOrder, QuerySelect,
    Select,
};

use crate::db::target::Engine;
use crate::domain::Id;
use crate::entity::audit_event::{Column, Entity};
use crate::error::Result;

/// The columns of text, times among them, each with when it holds none.
fn odd_texts(connection: &impl ConnectionTrait) -> impl Iterator<Item = (&'static str, String)> {
    let engine = Engine::of(connection);
    let is_text = |column: &Column| !matches!(column.def().get_column_type(), ColumnType::Uuid | ColumnType::Integer);
    let texts = Column::iter().filter(is_text).map(|column| column.as_str());
    texts.filter_map(move |column| Some((column, engine.is_odd_text(column)?)))
}

/// The readable events: SQLite stores any value in a text column.
pub fn readable_events(connection: &impl ConnectionTrait) -> Select<Entity> {
    let odd = odd_texts(connection).map(|(_, is_odd)| Expr::cust(is_odd));
    Entity::find().filter(odd.fold(Condition::all(), |all, is_odd| all.add(is_odd.not())))
}

/// Up to `limit` ids of unreadable events, each with the first column that is not text.
pub async fn find_unreadable(connection: &impl ConnectionTrait, limit: u64) -> Result<Vec<(Id, &'static str)>> {
    let mut unreadable = Vec::new();
    for (column, is_odd) in odd_texts(connection) {
        let ids = Entity::find().select_only().column(Column::Id).filter(Expr::cust(is_odd));
        let ids: Vec<Id> = ids.order_by_asc(Column::Id).limit(limit).into_tuple().all(connection).await?;
        unreadable.extend(ids.into_iter().map(|id| (id, column)));
    }
    unreadable.sort_unstable();
    unreadable.dedup_by_key(|(id, _)| *id);
    Ok(unreadable)
}
