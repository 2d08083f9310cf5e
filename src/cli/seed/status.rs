//! `shopctl seed status`

use clap::Args;

use super::SourceArguments;
use crate::context::Context;
use crate::db::Access;
use crate::domain::text::counted;
use crate::error::{CommandLine, Error, Kind, Result};
use crate::output::{Column, View};
use crate::seed::{self, SeedStatus, State};

#[derive(Debug, Args)]
pub struct StatusArguments {
    /// Exit with 9 if a seed is pending or was edited
    #[arg(long)]
    check: bool,
    #[command(flatten)]
    source: SourceArguments,
}

pub async fn run(context: &Context, arguments: &StatusArguments) -> Result<()> {
    context.output.check_fields::<SeedStatus>(&[])?;
    let seeds = arguments.source.seeds()?;
    let database = context.database(Access::Read).await?;
    let status = seed::status(database.connection(), &seeds).await?;
    let open = status.iter().filter(|status| status.state != State::Applied).count();
    context.output.list(&status)?;
    if arguments.check && open > 0 {
        return Err(Error::new(Kind::CheckFailed, "seed.open", format!("{} pending or edited", counted(open, "seed")))
            .hint(CommandLine::new("seed up")));
    }
    Ok(())
}

impl View for SeedStatus {
    const NOUN: &'static str = "seeds";
    const COLUMNS: &'static [Column<Self>] = &[
        Column::new("name", "NAME", |view| view.seed.name.as_str().into()),
        Column::new("state", "STATE", |view| view.state.as_str().into()),
        Column::new("description", "DESCRIPTION", |view| view.seed.description.as_str().into()),
        Column::detail("environments", "ENVIRONMENTS", |view| view.seed.environments.join(", ").into()),
        Column::detail("applied_at", "APPLIED", |view| {
            view.history.as_ref().map(|seed| seed.applied_at.clone()).into()
        }),
        Column::detail("applied_by", "BY", |view| view.history.as_ref().map(|seed| seed.applied_by.clone()).into()),
        Column::detail("rows_created", "CREATED", |view| {
            view.history.as_ref().map(|seed| seed.rows_created.clone()).into()
        }),
    ];
}
