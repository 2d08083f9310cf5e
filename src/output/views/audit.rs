//! What checking the audit trail found.

use super::super::{Column, View};
use crate::service::explain::Finding;

/// A row that its events do not explain, an event without its row, or a seal that does not hold.
pub struct FindingView(pub Finding);

impl View for FindingView {
    const NOUN: &'static str = "findings";
    const COLUMNS: &'static [Column<Self>] = &[
        Column::new("entity", "ENTITY", |view| view.0.entity.into()),
        Column::new("name", "NAME", |view| view.0.name.as_str().into()),
        Column::detail("id", "ID", |view| view.0.id.map(|id| id.to_string()).into()),
        Column::new("finding", "FINDING", |view| view.0.what.as_str().into()),
    ];

    fn id(&self) -> String {
        self.0.id.map_or_else(|| self.0.name.clone(), |id| id.to_string())
    }
}
