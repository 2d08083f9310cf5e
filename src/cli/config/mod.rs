//! `shopctl config`

mod view;

use clap::Subcommand;

use self::view::{PlaceView, SettingView};
use crate::context::Context;
use crate::error::Result;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show every setting and where it comes from; secrets stay hidden
    #[command(after_help = "Example:\n  shopctl config show")]
    Show,
    /// Show which files are read, in order of precedence
    #[command(after_help = "Example:\n  shopctl config path")]
    Path,
}

pub fn run(context: &Context, command: &Command) -> Result<()> {
    match command {
        Command::Show => {
            let rows: Vec<_> = context.config.entries().iter().cloned().map(SettingView).collect();
            context.output.list(&rows, None, None)
        }
        Command::Path => {
            let rows: Vec<_> = context.config.places().iter().cloned().map(PlaceView).collect();
            context.output.list(&rows, None, None)
        }
    }
}
