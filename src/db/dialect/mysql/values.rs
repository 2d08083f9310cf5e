//! Values of MySQL and MariaDB.

use sea_orm::sea_query::{DynIden, Expr, ExprTrait, Order, UpdateStatement};
use uuid::Uuid;

use super::Mysql;
use crate::db::dialect::catalog::Catalog as _;
use crate::db::dialect::values::{Values, is_numbered, number_by_id};
use crate::db::engine::OwnForm;
use crate::db::raw::RawColumn;
use crate::domain::{Form, Id};

impl Values for Mysql {
    fn integer_type(&self) -> &'static str {
        "signed"
    }

    fn decimal_type(&self) -> &'static str {
        "decimal(24,4)"
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

    /// As bytes, which no collation pads with blanks.
    fn to_the_letter(&self, text: &str) -> String {
        format!("CAST(CONVERT({text} USING utf8mb4) AS BINARY)")
    }

    /// The first condition can use an index.
    fn is_one_of(&self, text: Expr, names: Vec<&'static str>) -> Expr {
        text.clone().is_in(names.clone()).and(bytes(text).is_in(names))
    }

    fn differ(&self, one: Expr, other: Expr) -> Expr {
        bytes(one).ne(bytes(other))
    }

    fn one_of(&self, _table: &str, condition: &str) -> String {
        format!("{condition} LIMIT 1")
    }

    fn id_as_text(&self, column: &str) -> String {
        format!("CAST({column} AS CHAR)")
    }

    /// An explicit collation, because columns of two collations have none in common.
    fn key_or_id(&self, key: &str, id: &str) -> String {
        format!("COALESCE({key}, {} COLLATE utf8mb4_bin)", self.id_as_text(id))
    }

    /// MariaDB's type has one form. The digits are compared by case, independent of the column's collation; not as bytes,
    /// which MySQL 8 and later do not hold against a pattern.
    fn id_in_form(&self, column: &str, form: Option<Form>) -> Option<OwnForm> {
        if form.is_some() {
            return None;
        }
        let text = format!("CONVERT({column} USING utf8mb4) COLLATE utf8mb4_bin");
        let digits = ["-", "{", "}"].iter().fold(text.clone(), |text, sign| format!("REPLACE({text}, '{sign}', '')"));
        let dashed = [9, 14, 19, 24].iter().fold(digits.clone(), |text, at| format!("INSERT({text}, {at}, 0, '-')"));
        let own_form = "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$";
        Some(OwnForm {
            is_other: format!("{text} NOT REGEXP '{own_form}' AND {digits} REGEXP '^[0-9a-fA-F]{{32}}$'"),
            own: format!("LOWER({dashed})"),
        })
    }

    /// MySQL has no type for ids; in MariaDB's type all of these are equal.
    fn ids_named(&self, name: &str) -> Vec<Id> {
        let forms = [Form::UpperCase, Form::Digits, Form::UpperCaseDigits];
        let ids = |id| std::iter::once(Id::Known(id)).chain(forms.map(|form| Id::Formed(id, form)));
        Uuid::try_parse(name).map(ids).into_iter().flatten().collect()
    }

    /// A text is not cast: the server makes NULL of one that is longer than its packets.
    fn raw_column(&self, column: &RawColumn<'_>) -> String {
        let name = Mysql.quoted(column.name);
        if column.is_text { name } else { format!("CAST({name} AS CHAR)") }
    }

    fn is_odd_time(&self, column: &str) -> String {
        format!("YEAR({column}) = 0 OR MONTH({column}) = 0 OR DAYOFMONTH({column}) = 0")
    }
}

/// [`Values::to_the_letter`] of an expression.
fn bytes(text: Expr) -> Expr {
    Expr::cust_with_exprs(Mysql.to_the_letter("?"), [text])
}
