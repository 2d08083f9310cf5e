//! Values of MySQL and MariaDB.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::{DynIden, Expr, Order, UpdateStatement};

use super::Mysql;
use crate::db::dialect::values::{Values, halving, is_numbered, number_by_id};
use crate::domain::Id;

impl Values for Mysql {
    fn integer_type(&self) -> &'static str {
        "signed"
    }

    fn place_among(&self, column: Expr, boundaries: &[DateTime<Utc>]) -> Expr {
        let moments: Vec<Expr> = boundaries.iter().map(|moment| Expr::val(*moment)).collect();
        halving(&column, &moments, 0)
    }

    fn returns_updated_rows(&self) -> bool {
        false
    }

    fn limit_to_numbered(
        &self,
        update: &mut UpdateStatement,
        _table: DynIden,
        id: DynIden,
        numbers: &[(Id, i32)],
    ) -> Expr {
        update.and_where(is_numbered(&id, numbers)).order_by(id.clone(), Order::Asc);
        number_by_id(&id, numbers)
    }

    fn seconds_from_now(&self, seconds: u32) -> String {
        format!("utc_timestamp(6) + interval {seconds} second")
    }

    fn unix_time(&self) -> &'static str {
        "unix_timestamp()"
    }

    /// Else they would keep a table of all groups and look each row up in it, seven times as long on MariaDB
    /// 10.11 with millions of rows; the other engines choose to sort by themselves.
    fn many_groups(&self) -> &'static str {
        "SQL_BIG_RESULT "
    }

    fn converts_texts(&self) -> bool {
        true
    }

    fn is_odd_time(&self, column: &str) -> String {
        format!("YEAR({column}) = 0 OR MONTH({column}) = 0 OR DAYOFMONTH({column}) = 0")
    }
}
