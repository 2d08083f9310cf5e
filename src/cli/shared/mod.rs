//! Shared parts of commands: flags, prompts, lists, exports, imports, results.

pub mod after_help;
pub mod arguments;
pub mod batch;
pub mod command_line;
pub mod confirm;
pub mod editor;
pub mod effect;
pub mod hyphens;
pub mod import;
pub mod keyboard;
pub mod keys;
pub mod line_editor;
pub mod list;
pub mod migrations;
pub mod mutation;
pub mod picker;
pub mod prompt;
pub mod scratch;
pub mod screen;
pub mod topics;
pub mod transfer;
pub mod values;
pub mod wizard;
pub mod zone;
