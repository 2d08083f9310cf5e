//! Values of PostgreSQL. Many values are sent as one array parameter: the statement is the same for any number
//! of them, and its plan is reused.

use std::fmt::Display;

use chrono::{DateTime, Utc};
use sea_orm::sea_query::extension::postgres::PgFunc;
use sea_orm::sea_query::{
    DynIden, Expr, ExprTrait, Func, IntoIden, JoinType, LockType, Order, Query, TableRef, UpdateStatement, Value,
};
use sea_orm::sqlx::{Row as _, ValueRef as _};
use sea_orm::{DbErr, QueryResult};

use super::Postgres;
use super::array::{array, type_of};
use crate::db::dialect::catalog::Catalog as _;
use crate::db::dialect::values::{Values, is_numbered, number_by_id};
use crate::db::raw::{Raw, RawColumn};
use crate::domain::Id;

/// Up to this number of values each has its own parameter, which is faster than an array.
pub const FEW: usize = 20;

impl Values for Postgres {
    /// The large CASE of the other engines would be compiled for seconds before it runs (jit). A literal is
    /// converted to an array once, a parameter would be for each row.
    fn place_among(&self, column: Expr, boundaries: &[DateTime<Utc>]) -> Expr {
        let texts: Vec<String> = boundaries.iter().map(|moment| format!("\"{}\"", moment.to_rfc3339())).collect();
        let array = Expr::cust(format!("'{{{}}}'::timestamptz[]", texts.join(",")));
        Func::cust("width_bucket").arg(column).arg(array).into()
    }

    /// An array is looked up value by value. A subquery of its elements could be joined the other way round, which a
    /// plan made while the table was empty does: each stored row is then compared with each value.
    fn is_among(&self, column: Expr, mut values: Vec<Value>) -> Expr {
        // No column can hold a NUL, and the server rejects the whole statement.
        values.retain(|value| !matches!(value, Value::String(Some(text)) if text.contains('\0')));
        let element = values.first().filter(|_| values.len() > FEW).and_then(|value| type_of(&value.array_type()));
        match element.zip(array(&values).ok()) {
            Some((element, array)) => column.eq(PgFunc::any(Expr::value(array).cast_as(format!("{element}[]")))),
            None => column.is_in(values),
        }
    }

    /// The driver reads a value of this type only.
    fn as_stored_integer(&self, number: Expr) -> Expr {
        let [lowest, highest] = [i32::MIN, i32::MAX].map(|end| Expr::value(i64::from(end)));
        let within = Func::least([Func::greatest([number, lowest]).into(), highest]);
        Expr::from(within).cast_as("integer")
    }

    fn limit_to_numbered(
        &self,
        update: &mut UpdateStatement,
        table: DynIden,
        id: DynIden,
        numbers: &[(Id, i32)],
    ) -> Expr {
        let mut in_order = Query::select();
        in_order.from(table.clone()).order_by((table.clone(), id.clone()), Order::Asc);
        // An UPDATE locks in the order of its plan; a locking subquery sorts first.
        if numbers.len() <= FEW {
            in_order.column(id.clone()).and_where(is_numbered(&id, numbers)).lock(LockType::NoKeyUpdate);
            update.and_where(Expr::col(id.clone()).in_subquery(in_order));
            return number_by_id(&id, numbers);
        }
        // The time of a CASE per row grows with its branches. The numbers are part of the locking subquery,
        // which would be run for each row if it returned the ids only.
        let (ids, numbers): (Vec<_>, Vec<_>) =
            numbers.iter().map(|(id, number)| (id.to_string(), number.to_string())).unzip();
        let array = |elements: Vec<String>| format!("{{{}}}", elements.join(","));
        let mut list = Query::select();
        list.expr_as(elements_of(array(ids), "uuid"), "row_id");
        list.expr_as(elements_of(array(numbers), "integer"), "number");
        in_order
            .columns([("list", "row_id"), ("list", "number")])
            .join_subquery(
                JoinType::InnerJoin,
                list,
                "list",
                Expr::col((table.clone(), id.clone())).equals(("list", "row_id")),
            )
            .lock_with_tables(LockType::NoKeyUpdate, [table.clone()]);
        update
            .from(TableRef::SubQuery(Box::new(in_order), "numbered".into_iden()))
            .and_where(Expr::col((table, id)).equals(("numbered", "row_id")));
        Expr::col(("numbered", "number"))
    }

    /// The time of this statement, also in a long transaction; a planner that distributes statements over several
    /// servers rejects clock_timestamp() in a write.
    fn seconds_from_now(&self, seconds: u32) -> String {
        format!("statement_timestamp() + interval '{seconds} seconds'")
    }

    /// COPY writes every value as text.
    fn time_to_stream(&self, column: Expr) -> Expr {
        column
    }

    fn one_of(&self, table: &str, condition: &str) -> String {
        format!("ctid = (SELECT ctid FROM {table} WHERE {condition} ORDER BY ctid DESC LIMIT 1)")
    }

    fn id_as_text(&self, column: &str) -> String {
        format!("CAST({column} AS text)")
    }

    /// Both infinities, and times outside the range of most programs.
    fn is_odd_time(&self, column: &str) -> String {
        format!("{column} < '0001-01-01 00:00:00+00' OR {column} >= '10000-01-01 00:00:00+00'")
    }

    fn raw_column(&self, column: &RawColumn<'_>) -> String {
        format!("CAST({} AS text)", Postgres.quoted(column.name))
    }

    // Without the driver's checks of each value's type, which are a tenth of the time of a copy.
    fn raw<'a>(&self, row: &'a QueryResult, index: usize) -> Result<Raw<'a>, DbErr> {
        let invalid = |reason: &dyn Display| DbErr::Type(reason.to_string());
        let row = row.try_as_pg_row().ok_or_else(|| invalid(&"a row of another engine"))?;
        let value = row.try_get_raw(index).map_err(|error| invalid(&error))?;
        if value.is_null() {
            return Ok(Raw::Null);
        }
        value.as_str().map(|text| Raw::Text(text.into())).map_err(|error| invalid(&error))
    }

    fn parameter(&self, number: usize) -> String {
        format!("${number}")
    }
}

/// A row for each of an array's values.
fn elements_of(array: String, element: &str) -> Expr {
    Func::cust("unnest").arg(Expr::value(array).cast_as(format!("{element}[]"))).into()
}

#[cfg(test)]
mod tests {
    use sea_orm::sea_query::PostgresQueryBuilder;

    use super::*;

    /// A plan that was made while the table was empty would join a subquery the other way round, and compare each
    /// stored row with each value.
    #[test]
    fn many_values_are_one_array_that_is_not_joined() {
        let values = (0..100).map(|number| format!("R{number}").into()).collect();
        let query = Query::select().from("orders").and_where(Postgres.is_among(Expr::col("reference"), values)).take();
        let (sql, values) = query.build(PostgresQueryBuilder);
        assert!(sql.ends_with(r#"WHERE "reference" = ANY(CAST($1 AS text[]))"#), "{sql}");
        assert_eq!(values.0.len(), 1);
    }
}
