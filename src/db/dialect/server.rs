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
    /// The default port of servers.
    pub default_port: u16,
    /// The default user of the engine's own clients.
    pub default_user: &'static str,
    /// The URL parameter that names a socket.
    pub socket_parameter: &'static str,
    /// Whether clients are configured like libpq: environment variables, password file, search path.
    pub is_like_libpq: bool,
    /// The other places for a password besides the URL, as messages name them.
    pub passwords: &'static str,
    /// Why the server rejected a login; `None` for errors that [`super::Facts::fault`] classifies.
    pub login_refusal: fn(&dyn DatabaseError) -> Option<LoginRefusal>,
    /// Behavior that is not constant.
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
    /// Whether the next attempt to connect omits the rejected options.
    fn retries_with_less(&self, _pool: &DatabaseConnection, _login: &Login, _error: &DriverError) -> bool {
        false
    }

    /// Whether the server accepts writes.
    async fn takes_writes(&self, login: &Login) -> Result<bool, DriverError>;

    /// The last attempt, made only to determine the reason of a failure, because the pool silently retries some.
    async fn diagnose(&self, login: &Login) -> Result<(), DriverError>;
}
