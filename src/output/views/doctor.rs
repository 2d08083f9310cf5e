//! What `doctor` found.

use crate::output::{Column, View};
use crate::service::doctor::Check;

/// A check and how it ended.
pub struct CheckView(pub Check);

impl View for CheckView {
    const NOUN: &'static str = "checks";
    const COLUMNS: &'static [Column<Self>] = &[
        Column::new("name", "CHECK", |view| view.0.name.into()),
        Column::new("state", "STATE", |view| view.0.state.as_str().into()),
        Column::new("detail", "DETAIL", |view| view.0.detail.as_str().into()),
        Column::new("hint", "HINT", |view| view.0.hint.clone().into()),
    ];

    fn id(&self) -> String {
        self.0.name.to_owned()
    }
}
