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

    /// A stored amount as a number that adds up and compares exactly: whole cents on SQLite, which
    /// keeps decimals as floats; the decimal itself elsewhere.
    pub fn exact_amount(self, column: &str) -> String {
        match self {
            Engine::Sqlite => format!("CAST(ROUND({column} * 100) AS INTEGER)"),
            Engine::Postgres | Engine::Mysql => column.to_owned(),
        }
    }

    /// Stands behind the SELECT of a grouping with about as many groups as rows. MySQL and MariaDB
    /// would keep a table of all groups and look each row up in it, seven times as long on MariaDB
    /// 10.11 with millions of rows; the others choose to sort by themselves.
    pub fn many_groups(self) -> &'static str {
        match self {
            Engine::Sqlite | Engine::Postgres => "",
            Engine::Mysql => "SQL_BIG_RESULT ",
        }
    }

    /// An id as text that `Uuid::try_parse` reads.
    pub fn id_as_text(self, column: &str) -> String {
        match self {
            Engine::Postgres => format!("CAST({column} AS text)"),
            Engine::Sqlite | Engine::Mysql => format!("LOWER(HEX({column}))"),
        }
    }

    /// When a stored time is none that a program could read.
    pub fn is_odd_time(self, column: &str) -> String {
        match self {
            // A bare number would be a Julian day to SQLite.
            Engine::Sqlite => {
                format!("typeof({column}) <> 'text' OR {column} NOT GLOB '????-??-??*' OR julianday({column}) IS NULL")
            }
            // Both infinities, and what lies beyond the calendars of most programs.
            Engine::Postgres => format!("{column} < '0001-01-01 00:00:00+00' OR {column} >= '10000-01-01 00:00:00+00'"),
            Engine::Mysql => format!("YEAR({column}) = 0 OR MONTH({column}) = 0 OR DAYOFMONTH({column}) = 0"),
        }
    }

    /// When a stored amount is no number; `None` where the type forbids it.
    pub fn is_odd_amount(self, column: &str) -> Option<String> {
        match self {
            Engine::Sqlite => Some(format!("typeof({column}) NOT IN ('real', 'integer')")),
            Engine::Postgres => Some(format!("{column} = 'NaN'")),
            Engine::Mysql => None,
        }
    }

    /// When a stored whole number is none; `None` where the type forbids it.
    pub fn is_odd_integer(self, column: &str) -> Option<String> {
        match self {
            Engine::Sqlite => Some(format!("typeof({column}) <> 'integer'")),
            Engine::Postgres | Engine::Mysql => None,
        }
    }

    /// When a stored id is none; `None` where the type forbids it.
    pub fn is_odd_id(self, column: &str) -> Option<String> {
        match self {
            Engine::Sqlite => Some(format!("typeof({column}) <> 'blob' OR length({column}) <> 16")),
            Engine::Postgres | Engine::Mysql => None,
        }
    }
}
