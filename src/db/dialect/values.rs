//! What the engines do in different ways, behind one small set of questions.

use chrono::{DateTime, SecondsFormat, Utc};
use rust_decimal::Decimal;
use sea_orm::sea_query::extension::sqlite::SqliteExpr;
use sea_orm::sea_query::{
    ArrayType, CaseStatement, Expr, ExprTrait, Func, IntoIden, IntoTableRef, JoinType, LockType, Order, Query,
    TableRef, UpdateStatement, Value,
};
use sea_orm::{ConnectionTrait, DbBackend, DbErr, QueryResult};
use uuid::Uuid;

use super::super::insert::{FEW, array, type_of};
use super::super::target::Engine;
use crate::domain::text;

/// The form in which shopctl and the schema's defaults write times where they are text: it sorts as
/// the times do.
const SORTABLE_TIME: &str = "????-??-??T??:??:??*+00:00";

impl Engine {
    pub fn of(connection: &impl ConnectionTrait) -> Engine {
        match connection.get_database_backend() {
            DbBackend::Postgres => Engine::Postgres,
            DbBackend::MySql => Engine::Mysql,
            _ => Engine::Sqlite,
        }
    }

    /// SeaORM's name for the engine.
    pub fn backend(self) -> DbBackend {
        match self {
            Engine::Sqlite => DbBackend::Sqlite,
            Engine::Postgres => DbBackend::Postgres,
            Engine::Mysql => DbBackend::MySql,
        }
    }

    /// The exact sum of an amount of each row, taken `times` a number, for [`Engine::read_sum`]; it
    /// sorts as the sums do.
    ///
    /// SQLite keeps amounts as 8-byte floats, whose sum drifts: whole cents are summed there. Added
    /// up apart in hundred thousands and the rest, because millions of pieces at the highest price
    /// leave 64 bits; as text of equal length, because that sorts.
    pub fn sum_exactly(self, amount: Expr, times: Option<Expr>) -> Expr {
        let sum = |amount: Expr| match &times {
            Some(times) => amount.mul(times.clone()).sum(),
            None => amount.sum(),
        };
        match self {
            Engine::Postgres | Engine::Mysql => sum(amount),
            Engine::Sqlite => {
                let cents = self.exactly(amount);
                let low = sum(cents.clone().modulo(100_000));
                let high = sum(cents.div(100_000)).add(low.clone().div(100_000));
                Func::cust("printf").arg("%019d%05d").arg(high).arg(low.modulo(100_000)).into()
            }
        }
    }

    /// Reads what [`Engine::sum_exactly`] computed; nothing to add up is zero.
    pub fn read_sum(self, row: &QueryResult, column: &str) -> Result<Decimal, DbErr> {
        match self {
            Engine::Postgres | Engine::Mysql => Ok(row.try_get::<Option<Decimal>>("", column)?.unwrap_or_default()),
            Engine::Sqlite => {
                let text: String = row.try_get("", column)?;
                let odd = |_| DbErr::Type(format!("{text} is no sum of amounts"));
                let cents = text.parse::<i128>().map_err(|_| odd(()))?;
                Decimal::try_from_i128_with_scale(cents, 2).map_err(|_| odd(()))
            }
        }
    }

    /// An amount as a number that computes exactly: whole cents on SQLite, else the decimal itself.
    pub fn exactly(self, amount: Expr) -> Expr {
        match self {
            Engine::Postgres | Engine::Mysql => amount,
            Engine::Sqlite => Expr::from(Func::round(amount.mul(100))).cast_as("integer"),
        }
    }

    /// A sum of integers as a 64-bit integer.
    pub fn sum_of_integers(self, number: Expr) -> Expr {
        number.sum().cast_as(match self {
            Engine::Postgres => "bigint",
            Engine::Mysql => "signed",
            Engine::Sqlite => "integer",
        })
    }

    /// A column of times as something that compares as the times do. Where times are text, other
    /// programs write forms of their own: those are brought to one form, with milliseconds, and what
    /// is no time is NULL.
    pub fn comparable_time(self, column: Expr) -> Expr {
        match self {
            Engine::Postgres | Engine::Mysql => column,
            Engine::Sqlite => {
                Expr::case(column.clone().glob(SORTABLE_TIME), column.clone()).finally(uniform_time(column)).into()
            }
        }
    }

    /// A moment to compare [`Engine::comparable_time`] with.
    pub fn comparable_moment(self, moment: DateTime<Utc>) -> Expr {
        match self {
            Engine::Postgres | Engine::Mysql => Expr::val(moment),
            Engine::Sqlite => Expr::val(moment.to_rfc3339_opts(SecondsFormat::AutoSi, false)),
        }
    }

    /// How many of the boundaries, which ascend, lie at or before the time in this column: its place
    /// among the periods between them. What is no time comes after all.
    pub fn place_among(self, column: Expr, boundaries: &[DateTime<Utc>]) -> Expr {
        let moments: Vec<Expr> = boundaries.iter().map(|moment| self.comparable_moment(*moment)).collect();
        match self {
            // As large a CASE as the others have is compiled for seconds before it runs (jit). A
            // literal becomes an array once, a parameter would for each row.
            Engine::Postgres => {
                let texts: Vec<String> =
                    boundaries.iter().map(|moment| format!("\"{}\"", moment.to_rfc3339())).collect();
                let array = Expr::cust(format!("'{{{}}}'::timestamptz[]", texts.join(",")));
                Func::cust("width_bucket").arg(column).arg(array).into()
            }
            Engine::Mysql => halving(&column, &moments, 0),
            // The form is looked at once a row, not once a comparison.
            Engine::Sqlite => Expr::case(column.clone().glob(SORTABLE_TIME), halving(&column, &moments, 0))
                .finally(halving(&uniform_time(column), &moments, 0))
                .into(),
        }
    }

    /// Whether a text has characters of more than one byte.
    pub fn is_beyond_ascii(self, text: Expr) -> Expr {
        let characters = match self {
            Engine::Postgres | Engine::Mysql => "char_length",
            Engine::Sqlite => "length",
        };
        Expr::from(Func::cust("octet_length").arg(text.clone())).ne(Func::cust(characters).arg(text))
    }

    /// Whether `UPDATE … RETURNING` exists.
    pub fn returns_updated_rows(self) -> bool {
        match self {
            Engine::Sqlite | Engine::Postgres => true,
            Engine::Mysql => false,
        }
    }

    /// Whether the column has one of these values, of which there may be thousands. PostgreSQL gets many
    /// as one parameter: the statement is the same for any number, and looks the values up one by one
    /// whatever plan was made before they were known.
    pub fn is_among<V: Into<Value>>(self, column: Expr, values: impl IntoIterator<Item = V>) -> Expr {
        let values: Vec<Value> = values.into_iter().map(Into::into).collect();
        match (self, values.first().map(Value::array_type)) {
            (Engine::Sqlite, Some(ArrayType::String)) => {
                let twins = values.iter().flat_map(other_forms).collect::<Vec<_>>();
                column.is_in(values.into_iter().map(Expr::val).chain(twins))
            }
            (Engine::Postgres, Some(element)) if values.len() > FEW => {
                column.in_subquery(Query::select().expr(elements_of(values, &element)).take())
            }
            _ => column.is_in(values),
        }
    }

    /// Limits an UPDATE to the rows with these ids, each with a number of its own, and makes it lock
    /// them in ascending order of the ids, which `numbers` have, so that two such statements cannot
    /// deadlock. What comes back is the number of the row. SQLite has one writer and needs no order.
    pub fn limit_to_numbered<T, C>(self, update: &mut UpdateStatement, table: T, id: C, numbers: &[(Uuid, i32)]) -> Expr
    where
        T: IntoTableRef + IntoIden + Copy + 'static,
        C: IntoIden + Copy + 'static,
    {
        let by_case = || {
            let case = |case: CaseStatement, (row, number): &(Uuid, i32)| {
                case.case(Expr::col(id.into_iden()).eq(*row), Expr::value(*number))
            };
            Expr::expr(numbers.iter().fold(CaseStatement::new(), case))
        };
        let these = || Expr::col(id.into_iden()).is_in(numbers.iter().map(|(row, _)| *row));
        match self {
            Engine::Sqlite => {
                update.and_where(these());
                by_case()
            }
            Engine::Mysql => {
                update.and_where(these()).order_by(id.into_iden(), Order::Asc);
                by_case()
            }
            // An UPDATE locks in the order of its plan; a locking subquery sorts first.
            Engine::Postgres if numbers.len() <= FEW => {
                let mut in_order = Query::select();
                in_order
                    .column(id.into_iden())
                    .from(table)
                    .and_where(these())
                    .order_by(id.into_iden(), Order::Asc)
                    .lock(LockType::NoKeyUpdate);
                update.and_where(Expr::col(id.into_iden()).in_subquery(in_order));
                by_case()
            }
            // A CASE of many takes as long for each row as it has branches. The numbers are part of the
            // locking subquery, which would be run for each row if it were only asked for the ids.
            Engine::Postgres => {
                let (ids, numbers) = numbers.iter().copied().unzip::<_, _, Vec<_>, Vec<_>>();
                let mut list = Query::select();
                list.expr_as(elements_of(ids, &ArrayType::Uuid), "row_id");
                list.expr_as(elements_of(numbers, &ArrayType::Int), "number");
                let mut in_order = Query::select();
                in_order
                    .column(("list", "row_id"))
                    .column(("list", "number"))
                    .from(table)
                    .join_subquery(
                        JoinType::InnerJoin,
                        list,
                        "list",
                        Expr::col((table, id.into_iden())).equals(("list", "row_id")),
                    )
                    .order_by((table, id.into_iden()), Order::Asc)
                    .lock_with_tables(LockType::NoKeyUpdate, [table]);
                update
                    .from(TableRef::SubQuery(Box::new(in_order), "numbered".into_iden()))
                    .and_where(Expr::col((table, id.into_iden())).equals(("numbered", "row_id")));
                Expr::col(("numbered", "number"))
            }
        }
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
            // Also in a long transaction the time of this very statement; a planner that spreads statements
            // over several servers refuses clock_timestamp() in what it writes.
            Engine::Postgres => format!("statement_timestamp() + interval '{seconds} seconds'"),
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

    /// A stored time, whatever it is, as a text of [`super::stream::Row`]. PostgreSQL writes texts anyway.
    pub fn time_to_stream(self, column: Expr) -> Expr {
        match self {
            Engine::Postgres => column,
            Engine::Sqlite | Engine::Mysql => column.cast_as("char(64)"),
        }
    }

    /// A stored value to the letter, of whatever type it is, for [`Engine::of_literal`]; `None` where a
    /// column holds nothing but what it is for.
    pub fn literal(self, column: Expr) -> Option<Expr> {
        let hex = |letter: &str, column: Expr| Func::cust("concat").arg(letter).arg(Func::cust("hex").arg(column));
        let type_of = || Expr::from(Func::cust("typeof").arg(column.clone()));
        match self {
            Engine::Postgres | Engine::Mysql => None,
            Engine::Sqlite => Some(
                Expr::case(type_of().eq("text"), hex("T", column.clone()))
                    .case(type_of().eq("blob"), hex("B", column.clone()))
                    .finally(Func::cust("quote").arg(column.clone()))
                    .into(),
            ),
        }
    }

    /// The value of [`Engine::literal`], to compare with; `None` for what is none.
    pub fn of_literal(self, literal: &str) -> Option<Expr> {
        if let Some(digits) = literal.strip_prefix('T') {
            return Some(Expr::val(text::bytes_of_digits(digits)?).cast_as("text"));
        }
        if let Some(digits) = literal.strip_prefix('B') {
            return Some(Expr::val(text::bytes_of_digits(digits)?));
        }
        literal.parse::<i64>().map(Expr::val).or_else(|_| literal.parse::<f64>().map(Expr::val)).ok()
    }

    /// Whether a text stands for a value of any type that it can be compared with.
    pub fn converts_texts(self) -> bool {
        match self {
            Engine::Sqlite | Engine::Mysql => true,
            Engine::Postgres => false,
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

    /// A stored time to the letter, where times are text; `None` where they are a type of their own.
    pub fn text_of_stored_time(self, column: &str) -> Option<String> {
        match self {
            Engine::Sqlite => Some(format!("CAST({column} AS text)")),
            Engine::Postgres | Engine::Mysql => None,
        }
    }

    /// When a stored text is none; `None` where the type forbids it.
    pub fn is_odd_text(self, column: &str) -> Option<String> {
        match self {
            // LIKE takes bytes that are not UTF-8 for U+FFFD, the sign for that; the sign itself may stand
            // there too, and so may U+FFFE and U+FFFF, which it takes for the same.
            Engine::Sqlite => {
                let has_sign = |text: &str| format!("{text} LIKE '%' || char(65533) || '%'");
                let rest =
                    (65533..=65535).fold(column.to_owned(), |text, sign| format!("replace({text}, char({sign}), '')"));
                let (any, other) = (has_sign(column), has_sign(&rest));
                Some(format!(
                    "(typeof({column}) NOT IN ('text', 'null') OR typeof({column}) = 'text' AND {any} AND {other})"
                ))
            }
            Engine::Postgres | Engine::Mysql => None,
        }
    }

    /// When a stored amount is no number; `None` where the type forbids it.
    pub fn is_odd_amount(self, column: &str) -> Option<String> {
        match self {
            Engine::Sqlite => Some(format!("(typeof({column}) NOT IN ('real', 'integer') OR abs({column}) >= 1e15)")),
            Engine::Postgres => Some(format!("{column} = 'NaN'")),
            Engine::Mysql => None,
        }
    }

    /// When a stored whole number is none; `None` where the type forbids it.
    pub fn is_odd_integer(self, column: &str) -> Option<String> {
        match self {
            Engine::Sqlite => {
                Some(format!("(typeof({column}) <> 'integer' OR {column} NOT BETWEEN -2147483648 AND 2147483647)"))
            }
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

/// What a text may be stored as beside a text (SQLite): bytes, which are shown as the text that they are or
/// in the form of SQL.
fn other_forms(value: &Value) -> Vec<Expr> {
    let Value::String(Some(text)) = value else { return Vec::new() };
    let mut forms = vec![Expr::val(text.as_bytes().to_vec())];
    if let Some(bytes) = text::bytes_of(text) {
        forms.extend([Expr::val(bytes.clone()), Expr::val(bytes).cast_as("text")]);
    }
    forms
}

/// A row for each of these values (PostgreSQL).
fn elements_of<V: Into<Value>>(values: Vec<V>, element: &ArrayType) -> Expr {
    let array = Expr::value(array(values.into_iter().map(Into::into)));
    Func::cust("unnest").arg(array.cast_as(format!("{}[]", type_of(element)))).into()
}

/// SQLite's text of a time in any form, in a form that compares with [`SORTABLE_TIME`].
fn uniform_time(column: Expr) -> Expr {
    Func::cust("strftime").arg("%Y-%m-%dT%H:%M:%f+00:00").arg(column).into()
}

/// A search by halves: a handful of comparisons a row, also among hundreds of boundaries.
fn halving(time: &Expr, boundaries: &[Expr], passed: usize) -> Expr {
    let middle = boundaries.len() / 2;
    let Some(boundary) = boundaries.get(middle) else { return Expr::cust(passed.to_string()) };
    let before = halving(time, &boundaries[..middle], passed);
    let after = halving(time, &boundaries[middle + 1..], passed + middle + 1);
    Expr::case(time.clone().lt(boundary.clone()), before).finally(after).into()
}
