//! What a seed looks like.

use crate::output::{Column, View};
use crate::seed::SeedStatus;

/// A seed and where it stands.
pub struct SeedView(pub SeedStatus);

impl View for SeedView {
    const NOUN: &'static str = "seeds";
    const COLUMNS: &'static [Column<Self>] = &[
        Column::new("name", "NAME", |view| view.0.seed.name.as_str().into()),
        Column::new("state", "STATE", |view| view.0.state.as_str().into()),
        Column::new("description", "DESCRIPTION", |view| view.0.seed.description.as_str().into()),
        Column::detail("environments", "ENVIRONMENTS", |view| view.0.seed.environments.join(", ").into()),
        Column::detail("applied_at", "APPLIED", |view| {
            view.0.history.as_ref().map(|seed| seed.applied_at.clone()).into()
        }),
        Column::detail("applied_by", "BY", |view| view.0.history.as_ref().map(|seed| seed.applied_by.clone()).into()),
        Column::detail("rows_created", "CREATED", |view| {
            view.0.history.as_ref().map(|seed| seed.rows_created.clone()).into()
        }),
    ];

    fn id(&self) -> String {
        self.0.seed.name.clone()
    }
}
