//! PostgreSQL and the distributed engines that speak its protocol.

pub mod access;
pub mod catalog;
pub mod connect;
pub mod inspect;
