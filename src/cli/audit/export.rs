//! `shopctl audit export`

use clap::Args;

use super::FilterArguments;
use crate::cli::shared::list::{ListQuery, OutArguments, export};
use crate::context::Context;
use crate::error::Result;
use crate::output::Format;

#[derive(Debug, Args)]
pub struct ExportArguments {
    #[command(flatten)]
    filter: FilterArguments,
    #[command(flatten)]
    file: OutArguments,
}

pub async fn run(context: &Context, arguments: &ExportArguments) -> Result<()> {
    arguments.filter.check(context)?;
    export(context, &arguments.filter, Format::Jsonl, arguments.file.out.as_deref()).await
}
