//! What a user looks like.

use crate::entity::user;
use crate::output::{Column, View};

/// A user, without the password hash.
pub struct UserView(pub user::Model);

impl View for UserView {
    const NOUN: &'static str = "users";
    const COLUMNS: &'static [Column<Self>] = &[
        Column::detail("id", "ID", |view| view.0.id.into()),
        Column::new("email", "EMAIL", |view| view.0.email.as_str().into()),
        Column::new("first_name", "FIRST NAME", |view| view.0.first_name.as_str().into()),
        Column::new("last_name", "LAST NAME", |view| view.0.last_name.as_str().into()),
        Column::new("status", "STATUS", |view| view.0.status.to_string().into()),
        Column::new("created_at", "CREATED", |view| view.0.created_at.clone().into()),
        Column::detail("updated_at", "UPDATED", |view| view.0.updated_at.clone().into()),
    ];

    fn id(&self) -> String {
        self.0.id.to_string()
    }
}
