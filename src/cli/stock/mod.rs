//! `shopctl stock`: levels, adjustments, movements.

mod adjust;
mod history;
mod list;
mod set;
mod verify;
mod view;

use clap::Subcommand;

use crate::cli::Asking;
use crate::context::Context;
use crate::error::Result;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Add or take pieces, with a reason
    #[command(after_help = "Examples:
  shopctl stock adjust MUG-01 +24 --reason received
  shopctl stock adjust MUG-01 -2 --reason damaged --note \"dropped in the warehouse\"")]
    Adjust(adjust::AdjustArguments),
    /// List stock, what runs out first at the top
    #[command(after_help = "Examples:\n  shopctl stock list --low\n  shopctl stock list --out-of-stock --json")]
    List(list::StockListArguments),
    /// Set stock to what was counted
    #[command(after_help = "Example:\n  shopctl stock set MUG-01 22 --expect 24 --reason shrinkage")]
    Set(set::SetArguments),
    /// Show a product's stock movements, newest first
    #[command(after_help = "Example:\n  shopctl stock history MUG-01")]
    History(history::HistoryArguments),
    /// Compare stock with its movements: what another program changed shows (exit 9)
    #[command(after_help = "Examples:
  shopctl stock verify
  shopctl stock verify MUG-01 --accept --note \"counted by the till\"")]
    Verify(verify::VerifyArguments),
}

impl Command {
    /// Whether it takes as long as there is data.
    pub fn is_long(&self) -> bool {
        match self {
            Command::List(arguments) => arguments.list.all,
            Command::History(arguments) => arguments.list.all,
            Command::Verify(_) => true,
            _ => false,
        }
    }
}

pub async fn run(context: &Context, asking: &Asking, command: Command) -> Result<()> {
    match command {
        Command::List(arguments) => list::run(context, &arguments).await,
        Command::Adjust(arguments) => adjust::run(context, &arguments).await,
        Command::Set(arguments) => set::run(context, &arguments).await,
        Command::History(arguments) => history::run(context, &arguments).await,
        Command::Verify(arguments) => verify::run(context, asking, &arguments).await,
    }
}
