//! `shopctl seed status`

use clap::Args;

use super::SourceArguments;
use crate::cli::shared::effect::Effect;
use crate::cli::shared::list::FieldNames;
use crate::context::Context;
use crate::db::Access;
use crate::domain::text::counted;
use crate::error::{CommandLine, Error, Kind, Result};
use crate::output::{Cell, Column, Tone, View};
use crate::seed::{self, SeedStatus, State};

#[derive(Debug, Args)]
#[command(add = FieldNames::of::<SeedStatus>())]
pub struct StatusArguments {
    /// Exit with 9 if a seed is pending or was edited (-q: no output)
    #[arg(long)]
    check: bool,
    #[command(flatten)]
    source: SourceArguments,
}

pub async fn run(context: &Context, arguments: &StatusArguments) -> Result<Effect> {
    context.output.check_fields::<SeedStatus>(&[])?;
    let seeds = arguments.source.seeds()?;
    let database = context.database(Access::Read).await?;
    let status = seed::status(database.connection(), &seeds).await?;
    let open = status.iter().filter(|status| status.state != State::Applied).count();
    if arguments.check && context.output.is_quiet() {
        return Ok(if open > 0 { Effect::SaysNo } else { Effect::Unchanged });
    }
    context.output.list(&status)?;
    if arguments.check && open > 0 {
        return Err(Error::new(Kind::CheckFailed, "seed.open", format!("{} pending or edited", counted(open, "seed")))
            .hint(CommandLine::new("seed up")));
    }
    Ok(Effect::Unchanged)
}

fn state(state: State) -> Cell {
    let tone = match state {
        State::Applied => Tone::Good,
        State::Pending => Tone::Open,
        State::Edited => Tone::Bad,
    };
    Cell::State(state.as_str(), tone)
}

impl View for SeedStatus {
    const NOUN: &'static str = "seeds";
    const COLUMNS: &'static [Column<Self>] = &[
        Column::key("name", "NAME", |view| view.seed.name.as_str().into()),
        Column::new("state", "STATE", |view| state(view.state)),
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
