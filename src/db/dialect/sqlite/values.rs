//! Values of SQLite: it stores any value in any column, times as text, and amounts as 8-byte floats, whose sums
//! are inexact: computations use whole cents.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use sea_orm::sea_query::extension::sqlite::SqliteExpr;
use sea_orm::sea_query::{ArrayType, Expr, ExprTrait, Func, Value};
use sea_orm::{DbErr, QueryResult};
use uuid::Uuid;

use super::{Sqlite, rows};
use crate::db::dialect::catalog::Catalog as _;
use crate::db::dialect::values::{TOO_MUCH, Values, halving};
use crate::db::engine::OwnForm;
use crate::db::raw::{Raw, RawColumn};
use crate::domain::{Form, Id, moment, text};

/// The form in which shopctl and the schema's defaults write times: it sorts by time.
const SORTABLE_TIME: &str = "????-??-?? ??:??:??.??????+00:00";
/// The arguments of strftime that give this form, to the millisecond.
const UNIFORM_TIME: &str = "%Y-%m-%d %H:%M:%f000+00:00";

/// The cents that are summed separately from the rest, what is added to their number so that it has no sign, and the
/// digits of that.
const UNIT: i128 = 100_000;
const OFFSET: i128 = 4_000_000_000_000_000_000;
const HIGH_DIGITS: usize = 19;

impl Values for Sqlite {
    /// Hundred thousands and the rest are summed separately, because millions of pieces at the highest price
    /// exceed 64 bits; the result is text of fixed length without a sign, because that sorts. Numbers are literals, so
    /// that equal sums are computed once.
    fn sum_exactly(&self, amount: Expr, times: Option<Expr>) -> Expr {
        let unit = || Expr::cust(UNIT.to_string());
        let times = times.map(|times| self.whole(times));
        let sum = |amount: Expr| {
            let sum = match &times {
                Some(times) => amount.mul(times.clone()).sum(),
                None => amount.sum(),
            };
            Expr::from(Func::coalesce([sum, Expr::cust("0")]))
        };
        let cents = self.exactly(amount);
        let low = sum(cents.clone().modulo(unit()));
        let rest = low.clone().modulo(unit()).add(unit()).modulo(unit());
        let high = sum(cents.div(unit())).add(low.sub(rest.clone()).div(unit())).add(Expr::cust(OFFSET.to_string()));
        Func::cust("printf").arg("%019d%05d").arg(high).arg(rest).into()
    }

    fn read_sum(&self, row: &QueryResult, column: &str) -> Result<Decimal, DbErr> {
        let Some(text) = row.try_get::<Option<String>>("", column)? else { return Ok(Decimal::ZERO) };
        let cents = text
            .split_at_checked(HIGH_DIGITS)
            .and_then(|(high, rest)| Some((high.parse::<i128>().ok()? - OFFSET) * UNIT + rest.parse::<i128>().ok()?));
        let sum = cents.and_then(|cents| Decimal::try_from_i128_with_scale(cents, 2).ok());
        sum.ok_or_else(|| DbErr::Type(format!("{text} is not a sum of amounts")))
    }

    fn exactly(&self, amount: Expr) -> Expr {
        let is_amount = format!("typeof(?) IN ('real', 'integer') AND abs(?) < {TOO_MUCH}");
        let cents = Expr::from(Func::round(amount.clone().mul(Expr::cust("100")))).cast_as("integer");
        Expr::case(Expr::cust_with_exprs(is_amount, [amount.clone(), amount]), cents).into()
    }

    fn integer_type(&self) -> &'static str {
        "integer"
    }

    fn whole(&self, number: Expr) -> Expr {
        let is_whole = "typeof(?) = 'integer' AND ? BETWEEN -2147483648 AND 2147483647";
        Expr::case(Expr::cust_with_exprs(is_whole, [number.clone(), number.clone()]), number).into()
    }

    fn exact_amount(&self, column: &str) -> String {
        let is_amount = format!("typeof({column}) IN ('real', 'integer') AND abs({column}) < {TOO_MUCH}");
        format!("CASE WHEN {is_amount} THEN CAST(ROUND({column} * 100) AS INTEGER) END")
    }

    fn exact_pieces(&self, column: &str) -> String {
        column.to_owned()
    }

    fn comparable_time(&self, column: Expr) -> Expr {
        Expr::case(column.clone().glob(SORTABLE_TIME), column.clone()).finally(uniform_time(column)).into()
    }

    fn comparable_moment(&self, time: DateTime<Utc>) -> Expr {
        Expr::val(moment::stored_text(time))
    }

    /// The form is determined once per row, not once per comparison.
    fn place_among(&self, column: Expr, boundaries: &[DateTime<Utc>]) -> Expr {
        let moments: Vec<Expr> = boundaries.iter().map(|moment| self.comparable_moment(*moment)).collect();
        Expr::case(column.clone().glob(SORTABLE_TIME), halving(&column, &moments, 0))
            .finally(halving(&uniform_time(column), &moments, 0))
            .into()
    }

    fn is_among(&self, column: Expr, values: Vec<Value>) -> Expr {
        if values.first().map(Value::array_type) != Some(ArrayType::String) {
            return column.is_in(values);
        }
        let twins = values.iter().flat_map(other_forms).collect::<Vec<_>>();
        column.is_in(values.into_iter().map(Expr::val).chain(twins))
    }

    fn seconds_from_now(&self, seconds: u32) -> String {
        format!("strftime('{UNIFORM_TIME}', 'now', '+{seconds} seconds')")
    }

    fn literal(&self, column: Expr) -> Option<Expr> {
        let hex = |letter: &str| Func::cust("concat").arg(letter).arg(Func::cust("hex").arg(column.clone()));
        let type_of = || Expr::from(Func::cust("typeof").arg(column.clone()));
        Some(
            Expr::case(type_of().eq("text"), hex("T"))
                .case(type_of().eq("blob"), hex("B"))
                .finally(Func::cust("quote").arg(column.clone()))
                .into(),
        )
    }

    fn of_literal(&self, literal: &str) -> Option<Expr> {
        if let Some(digits) = literal.strip_prefix('T') {
            return Some(Expr::val(text::parse_hexadecimal(digits)?).cast_as("text"));
        }
        if let Some(digits) = literal.strip_prefix('B') {
            return Some(Expr::val(text::parse_hexadecimal(digits)?));
        }
        literal.parse::<i64>().map(Expr::val).or_else(|_| literal.parse::<f64>().map(Expr::val)).ok()
    }

    fn text_of_stored_time(&self, column: &str) -> Option<String> {
        Some(format!("CAST({column} AS text)"))
    }

    /// A number would be read as a Julian day.
    fn is_odd_time(&self, column: &str) -> String {
        let is_date = format!("{column} GLOB '????-??-??*' AND julianday({column}) IS NOT NULL");
        format!("typeof({column}) NOT IN ('text', 'integer', 'real') OR NOT ({is_date} OR {})", is_number(column))
    }

    /// As sums compare it: a number of milliseconds is a time, but none that they know.
    fn has_no_time(&self, column: &str) -> Expr {
        self.comparable_time(Expr::cust(column.to_owned())).is_null()
    }

    /// LIKE reads bytes that are not UTF-8 as U+FFFD, and also U+FFFE and U+FFFF; a text may contain U+FFFD
    /// itself.
    fn is_odd_text(&self, column: &str) -> Option<String> {
        let has_sign = |text: &str| format!("{text} LIKE '%' || char(65533) || '%'");
        let rest = (65533..=65535).fold(column.to_owned(), |text, sign| format!("replace({text}, char({sign}), '')"));
        let (any, other) = (has_sign(column), has_sign(&rest));
        Some(format!("(typeof({column}) NOT IN ('text', 'null') OR typeof({column}) = 'text' AND {any} AND {other})"))
    }

    fn is_odd_amount(&self, column: &str) -> String {
        format!("(typeof({column}) NOT IN ('real', 'integer') OR abs({column}) >= {TOO_MUCH})")
    }

    fn is_odd_integer(&self, column: &str) -> String {
        format!("(typeof({column}) <> 'integer' OR {column} NOT BETWEEN -2147483648 AND 2147483647)")
    }

    fn one_of(&self, table: &str, condition: &str) -> String {
        format!("rowid = (SELECT MAX(rowid) FROM {table} WHERE {condition})")
    }

    fn id_as_text(&self, column: &str) -> String {
        format!(
            "CASE WHEN typeof({column}) <> 'blob' THEN CAST({column} AS text) \
             WHEN length({column}) = 16 THEN lower(hex({column})) ELSE quote({column}) END"
        )
    }

    fn is_odd_id(&self, column: &str) -> Option<String> {
        let own = [8, 4, 4, 4, 12].map(|length| "[0-9a-f]".repeat(length)).join("-");
        let is_other = format!("(typeof({column}) <> 'text' OR {column} NOT GLOB '{own}')");
        Some(format!("{is_other} AND {} IS NULL", uuid_of(column)))
    }

    fn id_in_form(&self, column: &str, form: Option<Form>) -> Option<OwnForm> {
        let own = uuid_of(column);
        if let Some(form) = form {
            let own = in_form(&own, form);
            return Some(OwnForm { is_other: format!("{column} IS NOT {own} AND {own} IS NOT NULL"), own });
        }
        // The shapes of a UUID, which are fast to check.
        let places = [8, 4, 4, 4, 12].map(|length| "?".repeat(length)).join("-");
        let has_other_shape = format!("{column} NOT GLOB '{places}' OR {column} <> lower({column})");
        let is_other = format!("(typeof({column}) <> 'text' OR {has_other_shape}) AND {own} IS NOT NULL");
        Some(OwnForm { is_other, own })
    }

    /// A date alone sorts as its midnight, and UTC may be written in any way. Times finer than a millisecond would
    /// be rounded, and keep their digits if possible.
    fn time_in_own_form(&self, column: &str) -> Option<OwnForm> {
        let is_utc = format!("{column} NOT GLOB '*[+-]??:??' OR {column} GLOB '*[+-]00:00'");
        let is_time = format!("{column} GLOB '????-??-??[ T]??:??*' AND ({is_utc})");
        let sorts = format!("{column} GLOB '????-??-??' OR {column} GLOB '????-??-?? *' AND ({is_utc})");
        let uniform = format!("strftime('{UNIFORM_TIME}', {column})");
        let of_number = format!("strftime('{UNIFORM_TIME}', {column} / 1000.0, 'unixepoch')");
        let is_number = is_number(column);
        let own = format!(
            "CASE WHEN {is_number} THEN {of_number} WHEN {is_time} THEN replace({column}, 'T', ' ') ELSE {uniform} END",
        );
        // Otherwise `now` would be a time, and any number a Julian day.
        let is_other = format!(
            "{column} NOT GLOB '{SORTABLE_TIME}' AND typeof({column}) <> 'blob' \
             AND ({is_number} OR {column} GLOB '????-??-??*') AND NOT ({sorts}) AND ({own}) IS NOT NULL"
        );
        Some(OwnForm { is_other, own })
    }

    fn raw_column(&self, column: &RawColumn<'_>) -> String {
        Sqlite.quoted(column.name)
    }

    fn raw<'a>(&self, row: &'a QueryResult, index: usize) -> Result<Raw<'a>, DbErr> {
        let row = row.try_as_sqlite_row().ok_or_else(|| DbErr::Type("a row of another engine".to_owned()))?;
        rows::raw(row, index)
    }

    fn ids_named(&self, name: &str) -> Vec<Id> {
        match Uuid::try_parse(name) {
            Ok(id) => Id::forms_of(id).collect(),
            Err(_) => Id::odd_forms_of(name),
        }
    }
}

/// The UUID in a column as 36 lower-case characters, in any form; NULL for other values.
fn uuid_of(column: &str) -> String {
    let text = format!("iif(typeof({column}) = 'blob', hex({column}), {column})");
    let digits = ["-", "{", "}"].iter().fold(text, |text, sign| format!("replace({text}, '{sign}', '')"));
    let parts = [(1, 8), (9, 4), (13, 4), (17, 4), (21, 12)];
    let parts = parts.map(|(from, length)| format!("substr(h, {from}, {length})")).join(" || '-' || ");
    format!("(SELECT lower({parts}) FROM (SELECT {digits} AS h) WHERE length(h) = 32 AND h NOT GLOB '*[^0-9A-Fa-f]*')")
}

/// 36 lower-case characters in another form.
fn in_form(id: &str, form: Form) -> String {
    let digits = format!("replace({id}, '-', '')");
    match form {
        Form::UpperCase => format!("upper({id})"),
        Form::Digits => digits,
        Form::UpperCaseDigits => format!("upper({digits})"),
        Form::Braced => format!("('{{' || {id} || '}}')"),
        Form::UpperCaseBraced => format!("('{{' || upper({id}) || '}}')"),
        Form::Bytes => format!("unhex({digits})"),
    }
}

/// The condition for a time that is a number: milliseconds since 1970, which JavaScript's drivers send. Seconds with a
/// fraction have fewer digits before the point.
fn is_number(column: &str) -> String {
    let whole = "[0-9]".repeat(12);
    format!("{column} GLOB '{whole}*' AND {column} NOT GLOB '*[^0-9.]*' AND length({column}) <= 16")
}

/// The other stored forms of a text: bytes, which are shown as their text or as a SQL literal.
fn other_forms(value: &Value) -> Vec<Expr> {
    let Value::String(Some(text)) = value else { return Vec::new() };
    let mut forms = vec![Expr::val(text.as_bytes().to_vec())];
    if let Some(bytes) = text::to_bytes(text) {
        forms.extend([Expr::val(bytes.clone()), Expr::val(bytes).cast_as("text")]);
    }
    forms
}

/// The text of a time in any form, in a form that compares with [`SORTABLE_TIME`].
fn uniform_time(column: Expr) -> Expr {
    Func::cust("strftime").arg(UNIFORM_TIME).arg(column).into()
}
