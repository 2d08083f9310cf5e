//! Values of MySQL and MariaDB.

use sea_orm::sea_query::{DynIden, Expr, Order, UpdateStatement};
use uuid::Uuid;

use super::Mysql;
use crate::db::dialect::values::{Values, is_numbered, number_by_id};
use crate::domain::{Form, Id};

impl Values for Mysql {
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

    fn id_as_text(&self, column: &str) -> String {
        format!("CAST({column} AS CHAR)")
    }

    /// MySQL has no type of its own for ids; MariaDB's takes all of these for the same.
    fn ids_named(&self, name: &str) -> Vec<Id> {
        let forms = [Form::UpperCase, Form::Digits, Form::UpperCaseDigits];
        let ids = |id| std::iter::once(Id::Known(id)).chain(forms.map(|form| Id::Formed(id, form)));
        Uuid::try_parse(name).map(ids).into_iter().flatten().collect()
    }

    fn is_odd_time(&self, column: &str) -> String {
        format!("YEAR({column}) = 0 OR MONTH({column}) = 0 OR DAYOFMONTH({column}) = 0")
    }
}
