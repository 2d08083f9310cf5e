//! Files in: many rows, each checked as strictly as anything typed, before the first is written.

mod import;
mod invoice;
mod order;
mod pass;
mod product;
mod read;
mod user;

pub use import::{Counts, Import, OnConflict, OnError, Rejection, Row, check, last_line, look, run};
pub use invoice::InvoiceRow;
pub use order::OrderRow;
pub use pass::MOST_BATCH_LINES;
pub use product::ProductRow;
pub use read::{FileFormat, ReadOptions, is_delimiter};
pub use user::UserRow;
