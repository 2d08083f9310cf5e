//! Many rows in few statements, in the form that each engine reads fastest.
//!
//! PostgreSQL takes a column of many rows as one parameter: the text of the statement does not depend
//! on their number, so its plan is kept, and thousands of values need not be told apart before it
//! begins. The others, and few rows, take a parameter for each value.

use std::borrow::Borrow;
use std::fmt::Write as _;

use futures_util::future::join;
use sea_orm::sea_query::ArrayType;
use sea_orm::{ConnectionTrait, DbErr, EntityName, EntityTrait, IdenStatic, Iterable, ModelTrait, Statement, Value};

use super::target::Engine;
use super::write::WriteHandle;

/// Rows of one INSERT: below every engine's limit on bound values for our widest table, and what
/// distributed engines advise.
pub const ROWS_PER_INSERT: usize = 500;

/// Up to so many values, PostgreSQL gets a parameter for each: it takes longer to make an array of few.
pub(super) const FEW: usize = 20;

/// Inserts rows into their table; the number that was written. Rows are asked for when their statement
/// is made, which is while the server works on the one before.
///
/// Errors: those of the database.
pub async fn insert_many<M, B>(handle: &WriteHandle, models: impl IntoIterator<Item = B>) -> Result<u64, DbErr>
where
    M: ModelTrait,
    B: Borrow<M>,
    <M::Entity as EntityTrait>::Column: Copy,
{
    let into = Into::of::<M>(handle.engine());
    let columns: Vec<<M::Entity as EntityTrait>::Column> = <M::Entity as EntityTrait>::Column::iter().collect();
    let statement = |rows: &[B]| match handle.engine() {
        Engine::Postgres if rows.len() > FEW => {
            let array = |column| (M::get_value_type(column), rows.iter().map(move |row| row.borrow().get(column)));
            into.arrays(columns.iter().map(|column| array(*column)))
        }
        _ => {
            let row = |row: &B| columns.iter().map(|column| row.borrow().get(*column)).collect::<Vec<_>>();
            into.values(rows.iter().flat_map(row).collect())
        }
    };
    let mut models = models.into_iter();
    let mut make_next = || {
        let rows: Vec<B> = models.by_ref().take(ROWS_PER_INSERT).collect();
        (!rows.is_empty()).then(|| statement(&rows))
    };
    let (mut written, mut next) = (0, make_next());
    while let Some(statement) = next {
        let (done, following) = join(handle.execute_raw(statement), async { make_next() }).await;
        written += done?.rows_affected();
        next = following;
    }
    Ok(written)
}

/// `INSERT INTO table (columns)`
pub(super) struct Into {
    engine: Engine,
    text: String,
    columns: usize,
}

impl Into {
    pub fn of<M: ModelTrait>(engine: Engine) -> Into {
        let quote = if engine == Engine::Mysql { '`' } else { '"' };
        let table = M::Entity::default();
        let columns = <M::Entity as EntityTrait>::Column::iter();
        let names: Vec<String> = columns.map(|column| format!("{quote}{}{quote}", column.as_str())).collect();
        let text = format!("INSERT INTO {} ({})", table.table_name(), names.join(", "));
        Into { engine, text, columns: names.len() }
    }

    /// With a parameter for each value, row by row.
    pub fn values(&self, values: Vec<Value>) -> Statement {
        let place = |number| match self.engine {
            Engine::Postgres => format!("${number}"),
            Engine::Sqlite | Engine::Mysql => "?".to_owned(),
        };
        let places: Vec<String> = (1..=values.len()).map(place).collect();
        let rows: Vec<String> = places.chunks(self.columns).map(|row| format!("({})", row.join(", "))).collect();
        let sql = format!("{} VALUES {}", self.text, rows.join(", "));
        Statement::from_sql_and_values(self.engine.backend(), sql, values)
    }

    /// With a parameter for each column. The parameters are texts that the server makes arrays of: the
    /// driver's own arrays know no NULL.
    fn arrays<V: Iterator<Item = Value>>(&self, columns: impl Iterator<Item = (ArrayType, V)>) -> Statement {
        let mut places = Vec::with_capacity(self.columns);
        let mut arrays = Vec::with_capacity(self.columns);
        for (number, (element, values)) in (1..).zip(columns) {
            places.push(format!("unnest(CAST(${number} AS {}[]))", type_of(&element)));
            arrays.push(Value::from(array(values)));
        }
        let sql = format!("{} SELECT {}", self.text, places.join(", "));
        Statement::from_sql_and_values(self.engine.backend(), sql, arrays)
    }
}

/// PostgreSQL's name of a type; what else there may be, it makes of a text.
pub(super) fn type_of(element: &ArrayType) -> &'static str {
    match element {
        ArrayType::Uuid => "uuid",
        ArrayType::Int => "integer",
        ArrayType::BigInt => "bigint",
        ArrayType::Decimal => "numeric",
        ArrayType::ChronoDateTimeUtc => "timestamptz",
        _ => "text",
    }
}

/// Values as PostgreSQL writes an array. Source: its manual, "Array Input and Output Syntax".
pub(super) fn array(values: impl Iterator<Item = Value>) -> String {
    let mut text = String::from("{");
    for value in values {
        if text.len() > 1 {
            text.push(',');
        }
        if !push_text(&mut text, &value, push_quoted) {
            text.push_str("NULL");
        }
    }
    text.push('}');
    text
}

fn push_quoted(text: &mut String, string: &str) {
    text.push('"');
    for part in string.split_inclusive(['"', '\\']) {
        match part.char_indices().next_back() {
            Some((end, special @ ('"' | '\\'))) => {
                text.push_str(&part[..end]);
                text.push('\\');
                text.push(special);
            }
            _ => text.push_str(part),
        }
    }
    text.push('"');
}

/// Appends a value in the form in which PostgreSQL reads it, a string by `push_string`; nothing, and
/// `false`, when it is NULL.
pub(super) fn push_text(text: &mut String, value: &Value, push_string: impl Fn(&mut String, &str)) -> bool {
    // Writing into a String cannot fail.
    let _ = match value {
        Value::String(Some(string)) => {
            push_string(text, string);
            Ok(())
        }
        Value::Uuid(Some(id)) => {
            let mut buffer = [0; 36];
            text.push_str(id.hyphenated().encode_lower(&mut buffer));
            Ok(())
        }
        Value::Int(Some(number)) => write!(text, "{number}"),
        Value::BigInt(Some(number)) => write!(text, "{number}"),
        Value::Decimal(Some(amount)) => write!(text, "{amount}"),
        Value::ChronoDateTimeUtc(Some(time)) => write!(text, "{}+00", time.naive_utc()),
        other => {
            debug_assert_eq!(*other, other.as_null(), "our tables have no other types");
            return false;
        }
    };
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_array_has_its_texts_quoted_and_its_nulls_bare() {
        let values = [Some("a,b"), None, Some("NULL"), Some(""), Some("{\"\\é\"}")];
        assert_eq!(array(values.into_iter().map(Value::from)), r#"{"a,b",NULL,"NULL","","{\"\\é\"}"}"#);
        assert_eq!(array([1, -2].into_iter().map(Value::from)), "{1,-2}");
        assert_eq!(array(std::iter::empty()), "{}");
    }
}
