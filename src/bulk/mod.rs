//! File import: every row is validated as strictly as typed input before the first is written.

mod cells;
mod currency;
mod dates;
mod file_findings;
mod import;
mod interpretation;
mod invoice;
mod options;
mod order;
mod parsed_cell;
mod position;
mod product;
mod read;
mod rejection;
mod rejections;
mod row;
mod row_reader;
mod source;
mod spelling;
mod upsert;
mod user;

pub use import::{CheckResult, check, inspect, prepare, run};
pub use interpretation::{Interpretation, ValueMap};
pub use invoice::InvoiceRow;
pub use options::{Import, OnConflict, OnError};
pub use order::OrderRow;
pub use position::Position;
pub use product::ProductRow;
pub use read::{Charset, FileFormat, ReadOptions, is_delimiter};
pub use rejection::Rejection;
pub use rejections::{Rejections, partial, refused, with_unwritten};
pub use row::{Counts, Row, Storable, ValueChange};
pub use row_reader::MAX_BATCH_LINES;
pub use source::{Source, format_of};
pub use spelling::KeySpellings;
pub use user::UserRow;
