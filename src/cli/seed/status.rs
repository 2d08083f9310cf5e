//! `shopctl seed status`

use clap::Args;

use super::SourceArguments;
use super::view::SeedView;
use crate::context::Context;
use crate::db::Access;
use crate::domain::text::counted;
use crate::error::{CommandLine, Error, Kind, Result};
use crate::seed::{self, State};

#[derive(Debug, Args)]
pub struct StatusArguments {
    /// Exit with 9 when a seed is pending or was edited
    #[arg(long)]
    check: bool,
    #[command(flatten)]
    source: SourceArguments,
}

pub async fn run(context: &Context, arguments: &StatusArguments) -> Result<()> {
    context.output.check_fields::<SeedView>(&[])?;
    let seeds = arguments.source.seeds()?;
    let database = context.database(Access::Read).await?;
    let status = seed::status(database.connection(), &seeds).await?;
    let open = status.iter().filter(|status| status.state != State::Applied).count();
    let rows: Vec<_> = status.into_iter().map(SeedView).collect();
    context.output.list(&rows, None, None)?;
    if arguments.check && open > 0 {
        return Err(Error::new(Kind::CheckFailed, "seed.open", format!("{} pending or edited", counted(open, "seed")))
            .hint(CommandLine::new("seed up")));
    }
    Ok(())
}
