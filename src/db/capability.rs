//! What the engines do in different ways, behind one small set of questions.

use sea_orm::sea_query::{Expr, ExprTrait, IntoIden, IntoTableRef, LockType, Order, Query, UpdateStatement};
use uuid::Uuid;

use super::target::Engine;

impl Engine {
    /// Whether `UPDATE … RETURNING` exists.
    pub fn returns_updated_rows(self) -> bool {
        match self {
            Engine::Sqlite | Engine::Postgres => true,
            Engine::Mysql => false,
        }
    }

    /// Limits an UPDATE to the rows with these ids and makes it lock them in ascending order, so
    /// that two such statements cannot deadlock. SQLite has one writer and needs no order.
    pub fn limit_to_ids_in_order<T, C>(self, update: &mut UpdateStatement, table: T, id: C, ids: &[Uuid])
    where
        T: IntoTableRef,
        C: IntoIden + Copy + 'static,
    {
        let these = Expr::col(id.into_iden()).is_in(ids.iter().copied());
        match self {
            Engine::Sqlite => update.and_where(these),
            Engine::Mysql => update.and_where(these).order_by(id.into_iden(), Order::Asc),
            Engine::Postgres => {
                // An UPDATE locks in the order of its plan; a locking subquery sorts first.
                let mut in_order = Query::select();
                in_order
                    .column(id.into_iden())
                    .from(table)
                    .and_where(these)
                    .order_by(id.into_iden(), Order::Asc)
                    .lock(LockType::NoKeyUpdate);
                update.and_where(Expr::col(id.into_iden()).in_subquery(in_order))
            }
        };
    }

    /// Whether a plain read inside a transaction shows the state of its beginning, by default.
    pub fn reads_a_snapshot(self) -> bool {
        match self {
            Engine::Sqlite | Engine::Postgres => false,
            Engine::Mysql => true,
        }
    }

    /// Whether DDL takes part in transactions.
    pub fn has_transactional_ddl(self) -> bool {
        match self {
            Engine::Sqlite | Engine::Postgres => true,
            Engine::Mysql => false,
        }
    }

    /// Whether whoever begins a transaction is alone in writing.
    pub fn has_one_writer(self) -> bool {
        self == Engine::Sqlite
    }

    /// The server's clock, some seconds from now, as SQL.
    pub fn seconds_from_now(self, seconds: u32) -> String {
        match self {
            Engine::Sqlite => format!("strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now', '+{seconds} seconds')"),
            Engine::Postgres => format!("clock_timestamp() + interval '{seconds} seconds'"),
            Engine::Mysql => format!("utc_timestamp(6) + interval {seconds} second"),
        }
    }
}
