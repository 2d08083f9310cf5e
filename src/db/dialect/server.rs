//! Engines whose databases are on servers.

use sea_orm::DatabaseConnection;
use sea_orm::prelude::async_trait::async_trait;
use sea_orm::sqlx::Error as DriverError;
use sea_orm::sqlx::error::DatabaseError;

use super::Dialect;
use crate::db::engine::Engine;
use crate::db::fault::LoginRefusal;
use crate::db::login::Login;

/// Addresses and logins.
#[async_trait]
pub trait Server: Dialect {
    fn engine(&self) -> Engine;

    /// The port that servers listen on unless told otherwise.
    fn default_port(&self) -> u16;

    /// The user that the engine's own clients take when none is given.
    fn default_user(&self) -> &'static str;

    /// The URL parameter that names a socket.
    fn socket_parameter(&self) -> &'static str;

    /// Whether clients are set up as libpq is: its environment variables, its file of passwords, a search path.
    fn is_like_libpq(&self) -> bool;

    /// Where a password may stand that is not in the URL, as messages name it.
    fn passwords(&self) -> &'static str;

    /// Whether the next attempt to connect leaves out what this one was refused for.
    fn retries_with_less(&self, _pool: &DatabaseConnection, _login: &Login, _error: &DriverError) -> bool {
        false
    }

    /// Whether the server is one that can be written to.
    async fn takes_writes(&self, login: &Login) -> Result<bool, DriverError>;

    /// The last attempt, made only to learn the reason of a failure: the pool retries some in silence.
    async fn diagnose(&self, login: &Login) -> Result<(), DriverError>;

    /// Why this engine let nobody in; `None` for what [`super::connect::Connect::fault`] tells.
    fn login_refusal(&self, error: &dyn DatabaseError) -> Option<LoginRefusal>;
}
