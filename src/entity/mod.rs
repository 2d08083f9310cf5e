//! One entity per table.
//!
//! Rows are read leniently: status, e-mail and the like remain the stored text, because other programs
//! write these tables too. Values that shopctl writes are validated by `domain` first.

pub mod audit_event;
pub mod audit_seal;
pub mod field;
mod id;
mod moment;
mod money;
mod named;
pub mod order;
pub mod order_item;
pub mod order_refund;
pub mod order_refund_line;
pub mod product;
pub mod seed;
pub mod seed_row;
pub mod stock_movement;
mod stored;
pub mod tables;
pub mod user;

pub use moment::Moment;
pub(crate) use named::stored_by_name;
pub(crate) use stored::column_of;
pub use stored::{FromNumber, Stored};
