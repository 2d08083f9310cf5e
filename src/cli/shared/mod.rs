//! What several commands have in common: flags, questions, lists, exports, imports, answers.

pub mod arguments;
pub mod batch;
pub mod command_line;
pub mod confirm;
pub mod hyphens;
pub mod import;
pub mod keys;
pub mod list;
pub mod mutation;
mod picker;
pub mod values;
pub mod wizard;
pub mod zone;
