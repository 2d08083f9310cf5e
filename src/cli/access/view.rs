//! What database roles are given and what is taken from them.

use crate::db::access::Step;
use crate::output::{Column, View};
use crate::service::access::Role;

/// A statement about a role.
pub struct AccessView {
    /// What the database role is to be.
    pub role: Role,
    /// Its name, as it was typed.
    pub name: String,
    pub step: Step,
}

impl View for AccessView {
    const NOUN: &'static str = "changes of rights";
    const COLUMNS: &'static [Column<Self>] = &[
        Column::new("role", "ROLE", |view| view.role.as_str().into()),
        Column::new("name", "NAME", |view| view.name.as_str().into()),
        Column::new("change", "CHANGE", |view| view.step.change.as_str().into()),
        Column::new("on", "ON", |view| view.step.on.as_str().into()),
        Column::new("privileges", "PRIVILEGES", |view| view.step.privileges.as_str().into()),
        Column::detail("sql", "SQL", |view| view.step.sql.as_str().into()),
    ];

    fn id(&self) -> String {
        self.step.sql.clone()
    }
}
