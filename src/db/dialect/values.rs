//! How an engine keeps, compares and adds up values.
//!
//! The default answers hold for an engine with exact decimals, with types for times and ids, and with
//! columns that hold nothing but what they are for.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use sea_orm::sea_query::{CaseStatement, DynIden, Expr, ExprTrait, Func, UpdateStatement, Value};
use sea_orm::{DbErr, QueryResult};
use uuid::Uuid;

use crate::db::engine::{Engine, OwnForm};
use crate::domain::{Form, Id};

/// Values, and expressions about them.
pub trait Values {
    /// The exact sum of an amount of each row, taken `times` a number, for [`Values::read_sum`]; it
    /// sorts as the sums do.
    fn sum_exactly(&self, amount: Expr, times: Option<Expr>) -> Expr {
        match times {
            Some(times) => amount.mul(times).sum(),
            None => amount.sum(),
        }
    }

    /// Reads what [`Values::sum_exactly`] computed; nothing to add up is zero.
    fn read_sum(&self, row: &QueryResult, column: &str) -> Result<Decimal, DbErr> {
        Ok(row.try_get::<Option<Decimal>>("", column)?.unwrap_or_default())
    }

    /// An amount as a number that computes exactly.
    fn exactly(&self, amount: Expr) -> Expr {
        amount
    }

    /// [`Values::exactly`] as SQL.
    fn exact_amount(&self, column: &str) -> String {
        column.to_owned()
    }

    /// A column of times as something that compares as the times do. Where times are text, other
    /// programs write forms of their own: those are brought to one form, with milliseconds, and what
    /// is no time is NULL.
    fn comparable_time(&self, column: Expr) -> Expr {
        column
    }

    /// A moment to compare [`Values::comparable_time`] with.
    fn comparable_moment(&self, moment: DateTime<Utc>) -> Expr {
        Expr::val(moment)
    }

    /// How many of the boundaries, which ascend, lie at or before the time in this column: its place
    /// among the periods between them. What is no time comes after all.
    fn place_among(&self, column: Expr, boundaries: &[DateTime<Utc>]) -> Expr {
        let moments: Vec<Expr> = boundaries.iter().map(|moment| self.comparable_moment(*moment)).collect();
        halving(&column, &moments, 0)
    }

    /// Whether the column has one of these values, of which there may be thousands.
    fn is_among(&self, column: Expr, values: Vec<Value>) -> Expr {
        column.is_in(values)
    }

    /// Limits an UPDATE to the rows with these ids, each with a number of its own, and makes it lock
    /// them in ascending order of the ids, which `numbers` have, so that two such statements cannot
    /// deadlock. What comes back is the number of the row.
    fn limit_to_numbered(
        &self,
        update: &mut UpdateStatement,
        _table: DynIden,
        id: DynIden,
        numbers: &[(Id, i32)],
    ) -> Expr {
        // One writer needs no order.
        update.and_where(is_numbered(&id, numbers));
        number_by_id(&id, numbers)
    }

    /// The server's clock plus some seconds, as SQL.
    fn seconds_from_now(&self, seconds: u32) -> String;

    /// A stored time, whatever it is, as a text of [`crate::db::stream::Row`].
    fn time_to_stream(&self, column: Expr) -> Expr {
        column.cast_as("char(64)")
    }

    /// A stored value to the letter, of whatever type it is, for [`Values::of_literal`]; `None` where a
    /// column holds nothing but what it is for.
    fn literal(&self, _column: Expr) -> Option<Expr> {
        None
    }

    /// The value of [`Values::literal`], for comparison; `None` for an invalid literal.
    fn of_literal(&self, _literal: &str) -> Option<Expr> {
        None
    }

    /// An id as text that `Uuid::try_parse` reads.
    fn id_as_text(&self, column: &str) -> String;

    /// The ids that a typed name may mean: a UUID in every form that a column can hold.
    fn ids_named(&self, name: &str) -> Vec<Id> {
        Uuid::try_parse(name).map(Id::from).into_iter().collect()
    }

    /// When a stored id is a UUID in another form than this one, or shopctl's; `None` where the type has one form.
    fn id_in_form(&self, _column: &str, _form: Option<Form>) -> Option<OwnForm> {
        None
    }

    /// When a stored time is in a form that does not sort with shopctl's; `None` where the type has one form.
    fn time_in_own_form(&self, _column: &str) -> Option<OwnForm> {
        None
    }

    /// A stored time to the letter, where times are text; `None` where they are a type of their own.
    fn text_of_stored_time(&self, _column: &str) -> Option<String> {
        None
    }

    /// The condition for a stored time that is not a valid time.
    fn is_odd_time(&self, column: &str) -> String;

    /// The condition for a stored text that is not valid text; `None` if the column type prevents it.
    fn is_odd_text(&self, _column: &str) -> Option<String> {
        None
    }

    /// When a stored amount is no number; `None` where the type forbids it.
    fn is_odd_amount(&self, _column: &str) -> Option<String> {
        None
    }

    /// The condition for a stored integer that is not an integer; `None` if the column type prevents it.
    fn is_odd_integer(&self, _column: &str) -> Option<String> {
        None
    }

    /// The condition for a stored id that is not a UUID; `None` if the column type prevents it.
    fn is_odd_id(&self, _column: &str) -> Option<String> {
        None
    }

    /// The name of a parameter, by its number from 1.
    fn parameter(&self, _number: usize) -> String {
        "?".to_owned()
    }
}

impl Engine {
    /// A sum of integers as a 64-bit integer.
    pub fn sum_of_integers(self, number: Expr) -> Expr {
        number.sum().cast_as(self.integer_type)
    }

    /// Whether a text has multi-byte characters.
    pub fn is_beyond_ascii(self, text: Expr) -> Expr {
        Expr::from(Func::cust("octet_length").arg(text.clone())).ne(Func::cust(self.length_in_characters).arg(text))
    }
}

/// The number of each of these rows.
pub fn number_by_id(id: &DynIden, numbers: &[(Id, i32)]) -> Expr {
    let case = |case: CaseStatement, (row, number): &(Id, i32)| {
        case.case(Expr::col(id.clone()).eq(*row), Expr::value(*number))
    };
    Expr::expr(numbers.iter().fold(CaseStatement::new(), case))
}

/// Whether a row is one of these.
pub fn is_numbered(id: &DynIden, numbers: &[(Id, i32)]) -> Expr {
    Expr::col(id.clone()).is_in(numbers.iter().map(|(row, _)| *row))
}

/// A search by halves: a handful of comparisons a row, also among hundreds of boundaries.
pub fn halving(time: &Expr, boundaries: &[Expr], passed: usize) -> Expr {
    let middle = boundaries.len() / 2;
    let Some(boundary) = boundaries.get(middle) else { return Expr::cust(passed.to_string()) };
    let before = halving(time, &boundaries[..middle], passed);
    let after = halving(time, &boundaries[middle + 1..], passed + middle + 1);
    Expr::case(time.clone().lt(boundary.clone()), before).finally(after).into()
}
