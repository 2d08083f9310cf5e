//! File import: every row is validated as strictly as typed input before the first is written.

mod cells;
mod currency;
mod dates;
mod evidence;
mod given;
mod import;
mod invoice;
mod meaning;
mod order;
mod pass;
mod plan;
mod position;
mod product;
mod read;
mod rejection;
mod rejections;
mod row;
mod source;
mod spelling;
mod upsert;
mod user;

pub use import::{Checked, check, look, prepare, run};
pub use invoice::InvoiceRow;
pub use meaning::{Meaning, ValueMap};
pub use order::OrderRow;
pub use pass::MOST_BATCH_LINES;
pub use plan::{Import, OnConflict, OnError};
pub use position::Position;
pub use product::ProductRow;
pub use read::{Charset, FileFormat, ReadOptions, is_delimiter};
pub use rejection::Rejection;
pub use rejections::{Rejections, partial, refused, with_unwritten};
pub use row::{Counts, Row, Storable, ValueChange};
pub use source::{Source, format_of};
pub use spelling::Keys;
pub use user::UserRow;
