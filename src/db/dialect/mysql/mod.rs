//! MySQL and MariaDB.

pub mod access;
pub mod catalog;
pub mod connect;
pub mod grants;
pub mod inspect;
pub mod statement;
