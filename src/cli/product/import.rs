//! `shopctl product import`

use clap::Args;

use crate::bulk::{self, Import, Interpretation, OnError, ProductRow, Source};
use crate::cli::shared::confirm::Prompter;
use crate::cli::shared::effect::Effect;
use crate::cli::shared::import::{self, ImportArguments};
use crate::context::Context;
use crate::db::Database;
use crate::error::{Error, Result};
use crate::service::place_order::StockHandling;

#[derive(Debug, Args)]
pub struct ProductImportArguments {
    #[command(flatten)]
    import: ImportArguments,
    /// Retire products missing from the file once all rows are imported
    #[arg(long, conflicts_with = "resume")]
    retire_missing: bool,
}

pub async fn run(context: &Context, prompter: &Prompter, arguments: &ProductImportArguments) -> Result<Effect> {
    let ProductImportArguments { import, retire_missing } = arguments;
    if *retire_missing && import.file.on_error == OnError::RejectRows {
        return Err(Error::usage(
            "--retire-missing needs all rows of the file, but --on-error reject-rows may skip some",
        ));
    }
    let find_missing = async |database: &Database, source: &Source<'_>, import: &Import| match retire_missing {
        true => bulk::find_missing(database, source.reader()?, import).await,
        false => Ok(Vec::new()),
    };
    let how = (StockHandling::Deduct, Interpretation::default(), *retire_missing);
    import::run_and_retire::<ProductRow>(context, prompter, import, how, find_missing).await
}
