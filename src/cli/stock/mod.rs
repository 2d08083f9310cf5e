//! `shopctl stock`: levels, deliveries, stock-takes, adjustments, movements.

mod adjust;
mod import;
mod list;
mod receive;
mod set;
mod verify;
mod view;

use clap::Subcommand;

use self::list::{LevelArguments, MovementArguments};
use crate::cli::shared::confirm::Prompter;
use crate::cli::shared::effect::Effect;
use crate::cli::shared::list::List;
use crate::context::Context;
use crate::error::Result;

#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub enum Command {
    /// Add or remove units, with a reason
    #[command(after_help = "Examples:
  shopctl stock adjust MUG-01 +24 --reason received
  shopctl stock adjust MUG-01 -2 --reason damaged \\
      --note \"dropped in the warehouse\"")]
    Adjust(adjust::AdjustArguments),
    /// Add the units of a delivery, all or none
    #[command(after_help = "Examples:
  shopctl stock receive MUG-01:24 PEN-FINE:100
  shopctl stock receive MUG-01:24 --note \"delivery 4710\" \\
      --idempotency-key delivery-4710")]
    Receive(receive::ReceiveArguments),
    /// Add a delivery or set counted stock from a file
    #[command(after_help = "Examples:
  shopctl stock import delivery.csv --note \"delivery 4711\" \\
      --idempotency-key delivery-4711
  shopctl stock import counted.csv --dry-run
  shopctl stock import counted.csv --reason shrinkage --on-error reject-rows \\
      --errors wrong.csv

A delivery has the columns sku and received; a stock-take has sku, counted and optionally expected, the recorded stock \
                          at the time of counting. Rows whose product has a different stock by now are rejected. The \
                          whole file is one operation. Reasons are those of stock adjust.")]
    Import(import::StockImportArguments),
    /// List stock levels, lowest first, without retired products
    #[command(
        after_help = "Examples:\n  shopctl stock list --low\n  shopctl stock list --out-of-stock --json\n  shopctl stock list --retired\n  shopctl stock list --at 2026-01-01"
    )]
    List(List<LevelArguments>),
    /// Set stock to the number of units counted
    #[command(after_help = "Example:\n  shopctl stock set MUG-01 22 --expect 24 --reason shrinkage")]
    Set(set::SetArguments),
    /// Show a product's stock movements, newest first
    #[command(after_help = "Example:\n  shopctl stock history MUG-01")]
    History(List<MovementArguments>),
    /// Compare stock with its movements (exit 9 if they differ)
    #[command(after_help = "Examples:
  shopctl stock verify
  shopctl stock verify MUG-01 --accept --note \"counted by the till\"")]
    Verify(verify::VerifyArguments),
}

pub async fn run(context: &Context, prompter: &Prompter, command: Command) -> Result<Effect> {
    match command {
        Command::List(arguments) => arguments.run(context).await.map(Effect::from),
        Command::Adjust(arguments) => adjust::run(context, &arguments).await,
        Command::Receive(arguments) => receive::run(context, &arguments).await,
        Command::Import(arguments) => import::run(context, prompter, &arguments).await,
        Command::Set(arguments) => set::run(context, &arguments).await,
        Command::History(arguments) => arguments.run(context).await.map(Effect::from),
        Command::Verify(arguments) => verify::run(context, prompter, &arguments).await,
    }
}
