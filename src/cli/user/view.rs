//! The view of users.

use crate::cli::shared::mutation::Noun;
use crate::entity::user;
use crate::output::{Column, View};

/// Excludes the password hash.
impl View for user::Model {
    const NOUN: &'static str = "users";
    const COLUMNS: &'static [Column<Self>] = &[
        Column::detail("id", "ID", |view| view.id.into()),
        Column::key("email", "EMAIL", |view| view.email.clone().into()),
        Column::new("first_name", "FIRST NAME", |view| view.first_name.clone().into()),
        Column::new("last_name", "LAST NAME", |view| view.last_name.clone().into()),
        Column::new("status", "STATUS", |view| view.status.clone().into()),
        Column::minor("created_at", "CREATED", |view| view.created_at.clone().into()),
        Column::detail("updated_at", "UPDATED", |view| view.updated_at.clone().into()),
    ];
}

impl Noun for user::Model {
    const NAME: &'static str = "user";
    const KEY: &'static str = "email";
}
