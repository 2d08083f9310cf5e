//! Every mutation of shop data, each inside an [`operation`].
//!
//! A service is written twice over: `apply` does the work on an open operation, a thin `run` opens
//! one around it, so that seeds and imports can put many applies into one transaction.

pub(crate) mod access;
pub mod anonymize;
pub mod committing;
pub mod doctor;
pub mod explain;
pub mod operation;
pub mod order_lifecycle;
pub mod place_order;
pub(crate) mod price;
pub mod product;
mod request;
pub(crate) mod seal;
pub(crate) mod settle;
pub mod stock;
mod tombstone;
pub mod user;
