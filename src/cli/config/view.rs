//! What settings and files look like.

use crate::config::{Entry, Place};
use crate::output::{Column, View};

/// A setting and where it came from.
pub struct SettingView(pub Entry);

impl View for SettingView {
    const NOUN: &'static str = "settings";
    const COLUMNS: &'static [Column<Self>] = &[
        Column::new("name", "SETTING", |view| view.0.name.into()),
        Column::new("value", "VALUE", |view| view.0.value.as_str().into()),
        Column::new("origin", "ORIGIN", |view| view.0.origin.as_str().into()),
    ];

    fn id(&self) -> String {
        self.0.name.to_owned()
    }
}

/// A file that is looked at.
pub struct PlaceView(pub Place);

impl View for PlaceView {
    const NOUN: &'static str = "files";
    const COLUMNS: &'static [Column<Self>] = &[
        Column::new("path", "PATH", |view| view.0.path.display().to_string().into()),
        Column::new("exists", "EXISTS", |view| view.0.exists.into()),
        Column::new("purpose", "PURPOSE", |view| view.0.purpose.into()),
    ];

    fn id(&self) -> String {
        self.0.path.display().to_string()
    }
}
