//! `shopctl adopt`: what other programs wrote, removed or left out becomes part of the shop.

mod rows;

use clap::Args;

use super::shared::arguments::{AnswerArguments, WriteArguments};
use super::shared::confirm::Prompter;
use crate::context::Context;
use crate::error::Result;

#[derive(Debug, Args)]
#[command(after_help = "Rows that another program wrote, changed or removed get an event in the audit trail and the
stock movements that they lack. The rows themselves stay as they are, stock too. Running it
again changes nothing.

Examples:
  shopctl adopt
  shopctl adopt --dry-run
  shopctl adopt --fix-totals --yes")]
pub struct Arguments {
    /// Also set totals of 0 to the sum of the order's lines
    #[arg(long)]
    fix_totals: bool,
    #[command(flatten)]
    answers: AnswerArguments,
    #[command(flatten)]
    write: WriteArguments,
}

pub async fn run(context: &Context, prompter: &Prompter, arguments: &Arguments) -> Result<()> {
    schema(context, prompter, arguments).await?;
    rows::run(context, prompter, arguments).await
}

/// The schema of a shop that another program made, before its rows are taken in.
#[expect(clippy::unused_async, reason = "the seam for whole shops")]
async fn schema(_context: &Context, _prompter: &Prompter, _arguments: &Arguments) -> Result<()> {
    Ok(())
}
