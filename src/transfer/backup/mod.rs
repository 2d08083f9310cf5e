//! A shop in one file: what every table has, whatever the engine it comes from and goes to.
//!
//! ```text
//! shopctl backup 1⏎  zstd( header, tables, manifest )  SHA-256 of all before it
//! ```
//!
//! The header and the manifest are JSON, the rows are in the form of `code`. A file that was changed or cut short
//! anywhere is refused before anything in it is used. Later formats keep the first line and the hash at the end.

mod code;
mod document;
mod read;
mod write;

pub use document::{Header, Manifest, TableHeader};
pub use read::BackupReader;
pub use write::write;

/// What every backup begins with; the format follows, and a line feed.
const BEGINNING: &str = "shopctl backup ";
/// The format that is written, and the only one that is read.
const FORMAT: u8 = 1;
/// The length of the hash at the end.
const HASH_BYTES: u64 = 32;

/// The first line of a backup of a format of one digit.
fn first_line(format: u8) -> String {
    format!("{BEGINNING}{format}\n")
}
