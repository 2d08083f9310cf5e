//! Many rows in few statements, in the form that each engine reads fastest.

use std::borrow::Borrow;

use futures_util::future::join;
use sea_orm::sea_query::ArrayType;
use sea_orm::{ConnectionTrait, DbErr, EntityName, EntityTrait, IdenStatic, Iterable, ModelTrait, Statement, Value};

use super::target::Engine;
use super::write::WriteHandle;

/// Rows of one INSERT: below every engine's limit on bound values for our widest table, and what
/// distributed engines advise.
pub const ROWS_PER_INSERT: usize = 500;

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
    let target = InsertTarget::for_model::<M>();
    let mut rows = models.into_iter().map(|model| values_of(model.borrow()));
    let mut make_next = || {
        let rows: Vec<Vec<Value>> = rows.by_ref().take(ROWS_PER_INSERT).collect();
        (!rows.is_empty()).then(|| target.insert(handle.engine(), rows)).transpose()
    };
    let (mut written, mut next) = (0, make_next()?);
    while let Some(statement) = next {
        let (done, following) = join(handle.execute_raw(statement), async { make_next() }).await;
        written += done?.rows_affected();
        next = following?;
    }
    Ok(written)
}

/// A table, and its columns with their types.
pub struct InsertTarget {
    table: String,
    columns: Vec<(&'static str, ArrayType)>,
}

impl InsertTarget {
    pub fn for_model<M: ModelTrait>() -> InsertTarget
    where
        <M::Entity as EntityTrait>::Column: Copy,
    {
        let column = |column: <M::Entity as EntityTrait>::Column| (column.as_str(), M::get_value_type(column));
        let columns = <M::Entity as EntityTrait>::Column::iter().map(column).collect();
        InsertTarget { table: M::Entity::default().table_name().to_owned(), columns }
    }

    pub fn types(&self) -> impl Iterator<Item = &ArrayType> {
        self.columns.iter().map(|(_, element)| element)
    }

    /// `table (columns)`
    pub fn sql(&self, engine: Engine) -> String {
        let names: Vec<String> = self.columns.iter().map(|(name, _)| engine.quoted(name)).collect();
        format!("{} ({})", self.table, names.join(", "))
    }

    /// The statement that inserts these rows fastest. Errors: a value that cannot be written.
    pub fn insert(&self, engine: Engine, rows: Vec<Vec<Value>>) -> Result<Statement, DbErr> {
        Ok(match engine.insert_arrays(self, &rows)? {
            Some(statement) => statement,
            None => self.values(engine, rows),
        })
    }

    /// An INSERT with a parameter for each value, row by row.
    fn values(&self, engine: Engine, rows: Vec<Vec<Value>>) -> Statement {
        let mut number = 0;
        let mut parameter = || {
            number += 1;
            engine.parameter(number)
        };
        let mut row = |row: &Vec<Value>| {
            let places: Vec<String> = row.iter().map(|_| parameter()).collect();
            format!("({})", places.join(", "))
        };
        let places: Vec<String> = rows.iter().map(&mut row).collect();
        let sql = format!("INSERT INTO {} VALUES {}", self.sql(engine), places.join(", "));
        Statement::from_sql_and_values(engine.backend, sql, rows.into_iter().flatten())
    }
}

/// A row's values, in the order of the table's columns.
pub fn values_of<M: ModelTrait>(model: &M) -> Vec<Value> {
    <M::Entity as EntityTrait>::Column::iter().map(|column| model.get(column)).collect()
}
