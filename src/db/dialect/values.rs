//! How an engine stores, compares and sums values.
//!
//! The default methods are for an engine with exact decimals and types for times and ids, whose columns
//! contain only values of their type.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use sea_orm::sea_query::{Asterisk, CaseStatement, DynIden, Expr, ExprTrait, Func, UpdateStatement, Value};
use sea_orm::{DbErr, QueryResult};
use uuid::Uuid;

use crate::db::engine::{Engine, OwnForm};
use crate::db::raw::{Raw, RawColumn};
use crate::domain::{Form, Id};

/// What no amount and no number of pieces reaches, as SQL: sums of less are exact.
pub const TOO_MUCH: &str = "1e15";

/// Values, and expressions about them.
pub trait Values {
    /// The exact sum of an amount of each row, multiplied by `times`, for [`Values::read_sum`]; it
    /// sorts by the sum.
    fn sum_exactly(&self, amount: Expr, times: Option<Expr>) -> Expr {
        let sum = self.product(amount, times).sum();
        Func::coalesce([sum, Expr::cust("0")]).into()
    }

    /// An amount of each row, multiplied by `times`; NULL where either is no number of its kind.
    fn product(&self, amount: Expr, times: Option<Expr>) -> Expr {
        match times {
            Some(times) => self.exactly(amount).mul(self.whole(times)),
            None => self.exactly(amount),
        }
    }

    /// Reads what [`Values::sum_exactly`] computed; without rows it is zero.
    fn read_sum(&self, row: &QueryResult, column: &str) -> Result<Decimal, DbErr> {
        Ok(row.try_get::<Option<Decimal>>("", column)?.unwrap_or_default())
    }

    /// The name of the 64-bit integer type in CAST.
    fn integer_type(&self) -> &'static str {
        "bigint"
    }

    /// The name of a decimal type in CAST that holds every amount.
    fn decimal_type(&self) -> &'static str {
        "numeric"
    }

    /// An amount as a number for exact arithmetic, whatever type of number its column has; NULL where it is none. To
    /// PostgreSQL, NaN is greater than every number.
    fn exactly(&self, amount: Expr) -> Expr {
        Expr::case(is_near(amount.clone()), amount.cast_as(self.decimal_type())).into()
    }

    /// A whole number, whatever type of number its column has; NULL where it is none. It is signed, because a
    /// difference of unsigned numbers below zero is an error of MySQL.
    fn whole(&self, number: Expr) -> Expr {
        let is_whole = Expr::from(Func::cust("floor").arg(number.clone())).eq(number.clone());
        Expr::case(is_near(number.clone()).and(is_whole), number.cast_as(self.integer_type())).into()
    }

    /// A 64-bit integer in the type of an integer column, within its range.
    fn as_stored_integer(&self, number: Expr) -> Expr {
        number
    }

    /// [`Values::exactly`] as SQL.
    fn exact_amount(&self, column: &str) -> String {
        format!("CAST({column} AS {})", self.decimal_type())
    }

    /// A number of pieces for exact arithmetic, as SQL.
    fn exact_pieces(&self, column: &str) -> String {
        format!("CAST({column} AS {})", self.decimal_type())
    }

    /// A column of times as an expression that compares by time. Where times are text, other programs
    /// write other forms: all are converted to one form, with milliseconds, and invalid times are
    /// NULL.
    fn comparable_time(&self, column: Expr) -> Expr {
        column
    }

    /// A moment to compare [`Values::comparable_time`] with.
    fn comparable_moment(&self, moment: DateTime<Utc>) -> Expr {
        Expr::val(moment)
    }

    /// The number of the ascending boundaries at or before the time in this column: the index of its
    /// period. Invalid times come last.
    fn place_among(&self, column: Expr, boundaries: &[DateTime<Utc>]) -> Expr {
        let moments: Vec<Expr> = boundaries.iter().map(|moment| self.comparable_moment(*moment)).collect();
        halving(&column, &moments, 0)
    }

    /// Whether the column has one of these values, of which there may be thousands.
    fn is_among(&self, column: Expr, values: Vec<Value>) -> Expr {
        column.is_in(values)
    }

    /// Limits an UPDATE to the rows with these ids, each with a number, and makes it lock them in the
    /// order of `numbers`, which is that of the ids, so that two such statements cannot deadlock.
    /// Returns the expression for the row's number.
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

    /// A stored time, valid or not, as a text of [`crate::db::stream::Row`].
    fn time_to_stream(&self, column: Expr) -> Expr {
        column.cast_as("char(64)")
    }

    /// The exact stored value, of any type, for [`Values::of_literal`]; `None` where a column contains
    /// only values of its type.
    fn literal(&self, _column: Expr) -> Option<Expr> {
        None
    }

    /// The value of [`Values::literal`], for comparison; `None` for an invalid literal.
    fn of_literal(&self, _literal: &str) -> Option<Expr> {
        None
    }

    /// The condition of an UPDATE or DELETE for only one of the rows of a table for which this one holds.
    fn one_of(&self, table: &str, condition: &str) -> String;

    /// An id as text that `Uuid::try_parse` reads.
    fn id_as_text(&self, column: &str) -> String;

    /// The key of a row as text; without a key its id.
    fn key_or_id(&self, key: &str, id: &str) -> String {
        format!("COALESCE({key}, {})", self.id_as_text(id))
    }

    /// The ids that a typed name may mean: a UUID in every form that a column can hold.
    fn ids_named(&self, name: &str) -> Vec<Id> {
        Uuid::try_parse(name).map(Id::from).into_iter().collect()
    }

    /// The condition for a stored id that is a UUID in another form than this one, or shopctl's; `None` where the
    /// type has one form.
    fn id_in_form(&self, _column: &str, _form: Option<Form>) -> Option<OwnForm> {
        None
    }

    /// The condition for a stored time in a form that does not sort with shopctl's; `None` where the type has
    /// one form.
    fn time_in_own_form(&self, _column: &str) -> Option<OwnForm> {
        None
    }

    /// The exact text of a stored time; `None` where times have a type.
    fn text_of_stored_time(&self, _column: &str) -> Option<String> {
        None
    }

    /// The condition for a stored time that is not a valid time.
    fn is_odd_time(&self, column: &str) -> String;

    /// Whether a time is missing, or cannot be compared with others.
    fn has_no_time(&self, column: &str) -> Expr {
        Expr::cust(format!("({column} IS NULL OR {})", self.is_odd_time(column)))
    }

    /// A text in comparisons to the letter: some collations ignore blanks at its end, or the case of its letters.
    fn to_the_letter(&self, text: &str) -> String {
        text.to_owned()
    }

    /// Whether a text is one of these to the letter.
    fn is_one_of(&self, text: Expr, names: Vec<&'static str>) -> Expr {
        text.is_in(names)
    }

    /// Whether two texts differ in any letter.
    fn differ(&self, one: Expr, other: Expr) -> Expr {
        one.ne(other)
    }

    /// The condition for a stored text that is not valid text; `None` if the column type prevents it.
    fn is_odd_text(&self, _column: &str) -> Option<String> {
        None
    }

    /// The condition for a stored amount that is not a number, or too large for one.
    fn is_odd_amount(&self, column: &str) -> String {
        format!("(NOT abs({column}) < {TOO_MUCH})")
    }

    /// The condition for a stored integer that is not one of 32 bits.
    fn is_odd_integer(&self, column: &str) -> String {
        format!("({column} NOT BETWEEN {} AND {} OR floor({column}) <> {column})", i32::MIN, i32::MAX)
    }

    /// The condition for a stored id that is not a UUID; `None` if the column type prevents it.
    fn is_odd_id(&self, _column: &str) -> Option<String> {
        None
    }

    /// A column in the form that [`Values::raw`] reads.
    fn raw_column(&self, column: &RawColumn<'_>) -> String;

    /// A value of [`Values::raw_column`] exactly as it is stored. Errors: a value that the driver cannot read.
    fn raw<'a>(&self, row: &'a QueryResult, index: usize) -> Result<Raw<'a>, DbErr> {
        match row.try_get_by_index::<Option<String>>(index) {
            Ok(text) => Ok(text.map_or(Raw::Null, |text| Raw::Text(text.into()))),
            Err(error) => {
                row.try_get_by_index::<Vec<u8>>(index).map(|bytes| Raw::Bytes(bytes.into())).map_err(|_| error)
            }
        }
    }

    /// The name of a parameter, by its number from 1.
    fn parameter(&self, _number: usize) -> String {
        "?".to_owned()
    }
}

/// Whether a number can be added exactly: not where it is none.
fn is_near(number: Expr) -> Expr {
    Expr::from(Func::abs(number)).lt(Expr::cust(TOO_MUCH))
}

impl Engine {
    /// A sum of integers as a 64-bit integer, without values that are none.
    pub fn sum_of_integers(self, number: Expr) -> Expr {
        self.whole(number).sum().cast_as(self.integer_type())
    }

    /// How many rows a sum leaves out, because they have no value that can be added.
    pub fn left_out(self, value: Expr) -> Expr {
        Expr::col(Asterisk).count().sub(value.count())
    }

    /// Whether a text has multi-byte characters, also one that another program stored as bytes or in another character
    /// set.
    pub fn is_beyond_ascii(self, text: Expr) -> Expr {
        let text = text.cast_as(self.text_type);
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

/// A binary search: few comparisons per row, even with hundreds of boundaries.
pub fn halving(time: &Expr, boundaries: &[Expr], passed: usize) -> Expr {
    let middle = boundaries.len() / 2;
    let Some(boundary) = boundaries.get(middle) else { return Expr::cust(passed.to_string()) };
    let before = halving(time, &boundaries[..middle], passed);
    let after = halving(time, &boundaries[middle + 1..], passed + middle + 1);
    Expr::case(time.clone().lt(boundary.clone()), before).finally(after).into()
}
