//! `shopctl config`

use clap::Subcommand;

use crate::cli::shared::list::FieldNames;
use crate::config::{ConfigFile, Entry};
use crate::context::Context;
use crate::error::Result;
use crate::output::{Column, View};

#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub enum Command {
    /// Show every setting and where it comes from; secrets stay hidden
    #[command(add = FieldNames::of::<Entry>(), after_help = "Example:\n  shopctl config show")]
    Show,
    /// Show which files are read, in order of precedence
    #[command(add = FieldNames::of::<ConfigFile>(), after_help = "Example:\n  shopctl config path")]
    Path,
}

pub fn run(context: &Context, command: &Command) -> Result<()> {
    match command {
        Command::Show => context.output.list(&context.config.entries),
        Command::Path => context.output.list(&context.config.files),
    }
}

impl View for Entry {
    const NOUN: &'static str = "settings";
    const COLUMNS: &'static [Column<Self>] = &[
        Column::new("name", "SETTING", |view| view.name.into()),
        Column::new("value", "VALUE", |view| view.value.as_str().into()),
        Column::new("origin", "ORIGIN", |view| view.origin.as_str().into()),
    ];
}

impl View for ConfigFile {
    const NOUN: &'static str = "files";
    const COLUMNS: &'static [Column<Self>] = &[
        Column::new("path", "PATH", |view| view.path.display().to_string().into()),
        Column::new("exists", "EXISTS", |view| view.exists.into()),
        Column::new("purpose", "PURPOSE", |view| view.purpose.into()),
    ];
}
