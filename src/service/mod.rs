//! Every mutation of shop data, each inside an [`operation`].
//!
//! Each service has two functions: `apply` works on an open operation, a thin `run` opens one around it,
//! so that seeds and imports can combine many applies in one transaction.

pub(crate) mod access;
pub mod adopt;
pub mod anonymize;
mod as_shown;
pub mod change_order;
pub mod committing;
pub mod doctor;
pub mod explain;
pub mod merge;
pub mod operation;
pub mod order_lifecycle;
pub mod place_order;
pub(crate) mod price;
pub mod product;
mod request;
pub mod retire;
pub(crate) mod seal;
pub(crate) mod settle;
pub mod stock;
pub mod stock_lines;
mod tombstone;
mod twins;
pub mod undo;
pub mod undone;
pub mod user;
pub mod verification;
