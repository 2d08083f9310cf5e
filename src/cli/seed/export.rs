//! `shopctl seed export`

use clap::Args;

use crate::cli::shared::list::OutArguments;
use crate::context::Context;
use crate::db::Access;
use crate::error::Result;
use crate::seed;

#[derive(Debug, Args)]
pub struct ExportArguments {
    /// Only these users, their orders and products [default: the whole shop]
    #[arg(long, value_name = "WHO,…", value_delimiter = ',')]
    users: Vec<String>,
    /// Keep the real names and e-mail addresses
    #[arg(long)]
    no_mask: bool,
    #[command(flatten)]
    file: OutArguments,
}

pub async fn run(context: &Context, arguments: &ExportArguments) -> Result<()> {
    let database = context.database(Access::Read).await?;
    let selection = seed::ExportSelection { users: arguments.users.clone(), without_mask: arguments.no_mask };
    let text = seed::export(database.connection(), &selection).await?;
    let export = context.output.open_text_export(&["toml"], arguments.file.out.as_deref()).await?;
    export.output().text(&text)?;
    export.complete()
}
