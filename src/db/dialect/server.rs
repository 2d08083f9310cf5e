//! Engines whose databases are on servers.

use std::ops::Deref;

use sea_orm::DatabaseConnection;
use sea_orm::prelude::async_trait::async_trait;
use sea_orm::sqlx::Error as DriverError;
use sea_orm::sqlx::error::DatabaseError;

use super::Dialect;
use crate::db::engine::Engine;
use crate::db::fault::LoginRefusal;
use crate::db::login::Login;

/// How clients of an engine's servers are set up.
pub struct Client {
    pub engine: Engine,
    /// The port that servers listen on unless told otherwise.
    pub default_port: u16,
    /// The user that the engine's own clients take when none is given.
    pub default_user: &'static str,
    /// The URL parameter that names a socket.
    pub socket_parameter: &'static str,
    /// Whether clients are set up as libpq is: its environment variables, its file of passwords, a search path.
    pub is_like_libpq: bool,
    /// Where a password may stand that is not in the URL, as messages name it.
    pub passwords: &'static str,
    /// Why this engine let nobody in; `None` for what [`super::Facts::fault`] tells.
    pub login_refusal: fn(&dyn DatabaseError) -> Option<LoginRefusal>,
    /// The parts that need more than a constant.
    pub server: &'static dyn Server,
}

impl Deref for Client {
    type Target = dyn Server;

    fn deref(&self) -> &Self::Target {
        self.server
    }
}

/// Logins.
#[async_trait]
pub trait Server: Dialect {
    /// Whether the next attempt to connect leaves out what this one was refused for.
    fn retries_with_less(&self, _pool: &DatabaseConnection, _login: &Login, _error: &DriverError) -> bool {
        false
    }

    /// Whether the server accepts writes.
    async fn takes_writes(&self, login: &Login) -> Result<bool, DriverError>;

    /// The last attempt, made only to learn the reason of a failure: the pool retries some in silence.
    async fn diagnose(&self, login: &Login) -> Result<(), DriverError>;
}
