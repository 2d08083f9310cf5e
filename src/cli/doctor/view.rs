//! What `doctor` found.

use crate::output::{Column, View};
use crate::service::doctor::Check;

/// A check and how it ended.
pub struct CheckView {
    pub check: Check,
    /// Its hint, with the flags of this run.
    pub hint: Option<String>,
}

impl CheckView {
    /// What a table on a terminal cuts to its width.
    pub fn in_full(&self) -> String {
        let hint = self.hint.iter().map(|hint| format!("\n  hint: {hint}"));
        format!("{}: {}{}", self.check.name, self.check.detail, hint.collect::<String>())
    }
}

impl View for CheckView {
    const NOUN: &'static str = "checks";
    const COLUMNS: &'static [Column<Self>] = &[
        Column::new("name", "CHECK", |view| view.check.name.into()),
        Column::new("state", "STATE", |view| view.check.state.as_str().into()),
        Column::new("detail", "DETAIL", |view| view.check.detail.as_str().into()),
        Column::new("hint", "HINT", |view| view.hint.clone().into()),
    ];

    fn id(&self) -> String {
        self.check.name.to_owned()
    }
}
