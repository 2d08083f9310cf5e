//! `status` and `history`

use clap::Args;

use crate::cli::shared::effect::Effect;
use crate::cli::shared::list::FieldNames;
use crate::context::Context;
use crate::db::Access;
use crate::error::{Cause, CommandLine, Error, Hint, Kind, Result, printable};
use crate::migrate::{self, Catalog, MigrationStatus, Removal, Run, State};

#[derive(Debug, Args)]
#[command(add = FieldNames::of::<MigrationStatus>())]
pub struct StatusArguments {
    /// Exit with 9 unless exactly today's migrations are applied (-q: no output)
    #[arg(long)]
    check: bool,
}

pub async fn status(context: &Context, arguments: &StatusArguments) -> Result<Effect> {
    context.output.check_fields::<MigrationStatus>(&[])?;
    let catalog = Catalog::embedded();
    let (all, removal, foreign) = match context.database(Access::Read).await {
        Ok(database) => {
            let connection = database.connection();
            let all = migrate::status(connection, &catalog).await?;
            let foreign = migrate::foreign_tables(connection, &catalog, &all).await?;
            (all, Removal::find(connection).await?, foreign)
        }
        // With a missing file, all migrations are pending.
        Err(error) if error.is(Cause::NoShop) => (migrate::all_pending(&catalog)?, None, Vec::new()),
        Err(error) => return Err(error),
    };
    let open = summary(&all);
    let ways_out: Vec<Hint> = all.iter().filter_map(MigrationStatus::remedy).collect();
    let has_pending = all.iter().any(|migration| migration.state == State::Pending);
    if arguments.check && context.output.is_quiet() {
        let is_done = open.is_empty() && removal.is_none();
        return Ok(if is_done { Effect::Unchanged } else { Effect::SaysNo });
    }
    context.output.list(&all)?;
    match removal {
        Some(removal) if removal.has_removed_nothing => {
            let by = printable(&removal.by);
            context.output.suggest(
                Hint::from(format!("migrate fresh was begun by {by} and has dropped nothing; to undo it: "))
                    .and(CommandLine::new("migrate up")),
            );
        }
        Some(removal) => return Err(removal.refusal(Kind::CheckFailed)),
        None => {}
    }
    if !foreign.is_empty() {
        let way_out = Hint::from(format!("{}; to adopt them with every row: ", migrate::foreign_shop(&foreign)));
        context.output.suggest(way_out.and(CommandLine::new("adopt")));
    }
    if !arguments.check || open.is_empty() {
        ways_out.into_iter().for_each(|way_out| context.output.suggest(way_out));
        return Ok(Effect::Unchanged);
    }
    let up = (has_pending && foreign.is_empty()).then(|| CommandLine::new("migrate up"));
    let error = Error::new(Kind::CheckFailed, "migrate.open", format!("migrations: {}", open.join(", ")));
    Err(error.hints_of(up).hints_of(ways_out))
}

/// `2 pending`, `1 edited`: every state but applied.
fn summary(all: &[MigrationStatus]) -> Vec<String> {
    let count = |state| all.iter().filter(|migration| migration.state == state).count();
    let states = State::ALL.into_iter().filter(|state| *state != State::Applied && count(*state) > 0);
    states.map(|state| format!("{} {state}", count(state))).collect()
}

pub async fn history(context: &Context) -> Result<()> {
    context.output.check_fields::<Run>(&[])?;
    let database = context.database(Access::Read).await?;
    let runs = migrate::history::read(database.connection()).await?.runs;
    let rows: Vec<_> = runs.into_iter().rev().collect();
    context.output.list(&rows)?;
    migrate::refuse_removal(database.connection(), Kind::CheckFailed).await
}
