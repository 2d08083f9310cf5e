//! `shopctl audit export`

use std::path::PathBuf;

use clap::Args;

use super::FilterArguments;
use super::view::EventView;
use crate::cli::shared::export;
use crate::cli::shared::list::Shown;
use crate::context::Context;
use crate::db::Access;
use crate::domain::Page;
use crate::error::Result;
use crate::output::Format;
use crate::repository::audit_event as events;

#[derive(Debug, Args)]
pub struct ExportArguments {
    #[command(flatten)]
    filter: FilterArguments,
    /// Write this file, complete or not at all; - is standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub async fn run(context: &Context, arguments: &ExportArguments) -> Result<()> {
    let mut filter = arguments.filter.filter()?;
    let database = context.database(Access::Read).await?;
    arguments.filter.look_up(&database, &mut filter).await?;
    let fetch = async |page: &Page| {
        let found = events::find_all(database.connection(), &filter, page).await?;
        Ok(Shown { rows: found.items.into_iter().map(EventView).collect(), next: found.next })
    };
    export::run(context, Format::Jsonl, arguments.out.as_deref(), "occurred_at", fetch).await
}
