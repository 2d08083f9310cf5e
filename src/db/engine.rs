//! The engine of a database. Engine-specific behavior is behind [`super::dialect::Dialect`].

use sea_orm::prelude::async_trait::async_trait;
use sea_orm::{ConnectionTrait, DbErr, QueryResult, Statement};

/// The protocol a database speaks. Distributed engines are reached through `Postgres` and `Mysql`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// A file, opened in this process.
    Sqlite,
    /// PostgreSQL and the distributed engines that speak its protocol.
    Postgres,
    /// MySQL and MariaDB.
    Mysql,
}

/// A client-server engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServerEngine {
    /// PostgreSQL and the distributed engines that speak its protocol.
    Postgres,
    /// MySQL and MariaDB.
    Mysql,
}

/// How values in another program's form are told and mended, as SQL.
#[derive(Debug, Clone)]
pub struct OwnForm {
    /// When a value is in another form.
    pub is_other: String,
    /// The same value in shopctl's own form.
    pub own: String,
}

/// A connection or a transaction, whatever it is, as an engine's dialect asks it.
#[async_trait]
pub trait Session: Sync {
    async fn query(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr>;

    async fn query_text(&self, sql: &str) -> Result<Vec<QueryResult>, DbErr>;
}

#[async_trait]
impl<C: ConnectionTrait> Session for C {
    async fn query(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.query_all_raw(statement).await
    }

    async fn query_text(&self, sql: &str) -> Result<Vec<QueryResult>, DbErr> {
        self.query_all_raw(Statement::from_string(self.get_database_backend(), sql)).await
    }
}
