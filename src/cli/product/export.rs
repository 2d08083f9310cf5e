//! `shopctl product export`

use clap::Args;

use super::FilterArguments;
use super::list::fetch;
use crate::cli::shared::export::{self, ExportArguments};
use crate::context::Context;
use crate::db::Access;
use crate::domain::Page;
use crate::error::Result;

#[derive(Debug, Args)]
pub struct ProductExportArguments {
    #[command(flatten)]
    filter: FilterArguments,
    #[command(flatten)]
    export: ExportArguments,
}

pub async fn run(context: &Context, arguments: &ProductExportArguments) -> Result<()> {
    let filter = arguments.filter.filter()?;
    let format = arguments.export.format(context)?;
    let database = context.database(Access::Read).await?;
    let fetch = async |page: &Page| fetch(&database, &filter, page).await;
    export::run(context, format, arguments.export.out.as_deref(), "created_at", fetch).await
}
