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
    let make_next = || {
        let rows: Vec<Vec<Value>> = rows.by_ref().take(ROWS_PER_INSERT).collect();
        (!rows.is_empty()).then(|| target.insert(handle.engine(), rows)).transpose()
    };
    insert_each(handle, make_next, |_| ()).await
}

/// Executes INSERT statements one after another, each made while the server works on the one before; calls `done`
/// with the rows of each. The number of rows written.
///
/// Errors: those of the database, and those of making a statement.
pub(super) async fn insert_each<E: From<DbErr>>(
    handle: &WriteHandle,
    mut make_next: impl FnMut() -> Result<Option<Statement>, E>,
    mut done: impl FnMut(u64),
) -> Result<u64, E> {
    let (mut written, mut next) = (0, make_next()?);
    while let Some(statement) = next {
        let (executed, following) = join(handle.execute_raw(statement), async { make_next() }).await;
        let rows = executed?.rows_affected();
        written += rows;
        done(rows);
        next = following?;
    }
    Ok(written)
}

/// A table, and its columns with their types.
pub struct InsertTarget {
    table: String,
    columns: Vec<(String, ArrayType)>,
}

impl InsertTarget {
    pub fn for_model<M: ModelTrait>() -> InsertTarget
    where
        <M::Entity as EntityTrait>::Column: Copy,
    {
        let column =
            |column: <M::Entity as EntityTrait>::Column| (column.as_str().to_owned(), M::get_value_type(column));
        let columns = <M::Entity as EntityTrait>::Column::iter().map(column).collect();
        InsertTarget { table: M::Entity::default().table_name().to_owned(), columns }
    }

    /// These columns of a table.
    pub fn new(table: String, columns: Vec<(String, ArrayType)>) -> InsertTarget {
        InsertTarget { table, columns }
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
        let mut sql = format!("INSERT INTO {} VALUES ", self.sql(engine));
        for number in 0..rows.len() * self.columns.len() {
            sql.push_str(match number {
                0 => "(",
                _ if number % self.columns.len() == 0 => "), (",
                _ => ", ",
            });
            sql.push_str(&engine.parameter(number + 1));
        }
        sql.push(')');
        Statement::from_sql_and_values(engine.backend, sql, rows.into_iter().flatten())
    }
}

/// A row's values, in the order of the table's columns.
pub fn values_of<M: ModelTrait>(model: &M) -> Vec<Value> {
    <M::Entity as EntityTrait>::Column::iter().map(|column| model.get(column)).collect()
}
