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
pub enum Command {
    /// Add or take pieces, with a reason
    #[command(after_help = "Examples:
  shopctl stock adjust MUG-01 +24 --reason received
  shopctl stock adjust MUG-01 -2 --reason damaged --note \"dropped in the warehouse\"")]
    Adjust(adjust::AdjustArguments),
    /// Add the pieces of a delivery, all or none
    #[command(after_help = "Examples:
  shopctl stock receive MUG-01:24 PEN-FINE:100
  shopctl stock receive MUG-01:24 --note \"delivery 4711\" --idempotency-key delivery-4711")]
    Receive(receive::ReceiveArguments),
    /// Add the pieces of a delivery, or set stock to what was counted, by a file
    #[command(after_help = "Examples:
  shopctl stock import delivery.csv --note \"delivery 4711\" --idempotency-key delivery-4711
  shopctl stock import counted.csv --dry-run
  shopctl stock import counted.csv --reason shrinkage --on-error reject-rows --errors wrong.csv

A delivery has the columns sku,received, a stock-take sku,counted and perhaps expected: what was recorded when it was
counted. A line whose product has another stock by now is rejected. The whole file is one operation.")]
    Import(import::StockImportArguments),
    /// List stock, lowest first; that of retired products with --retired
    #[command(
        after_help = "Examples:\n  shopctl stock list --low\n  shopctl stock list --out-of-stock --json\n  shopctl stock list --retired\n  shopctl stock list --at 2026-01-01"
    )]
    List(List<LevelArguments>),
    /// Set stock to what was counted
    #[command(after_help = "Example:\n  shopctl stock set MUG-01 22 --expect 24 --reason shrinkage")]
    Set(set::SetArguments),
    /// Show a product's stock movements, newest first
    #[command(after_help = "Example:\n  shopctl stock history MUG-01")]
    History(List<MovementArguments>),
    /// Compare stock with its movements: what another program changed shows (exit 9)
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
