//! `down`, `redo`, `reset`, `refresh` and `fresh`: what destroys data, and its guard.

use clap::Args;

use migration::Migration;

use super::{GuardArguments, LockArguments, note_changed, plan_with, print_steps, tell, until_told_to_stop};
use crate::cli::shared::arguments::steps;
use crate::cli::shared::confirm::Asking;
use crate::context::Context;
use crate::db::schema::{Count, Removable};
use crate::db::target::Engine;
use crate::db::{Access, Database};
use crate::domain::text::counted;
use crate::error::{Result, printable};
use crate::migrate::{self, Course, Plan, Progress, Removal};

#[derive(Debug, Args)]
pub struct DownArguments {
    /// Down to this migration, which stays
    #[arg(long, value_name = "NAME", conflicts_with = "steps")]
    to: Option<String>,
    /// So many [default: 1]
    #[arg(long, value_name = "N", value_parser = steps)]
    steps: Option<u32>,
    #[command(flatten)]
    lock: LockArguments,
    #[command(flatten)]
    guard: GuardArguments,
}

#[derive(Debug, Args)]
pub struct RemoveArguments {
    #[command(flatten)]
    lock: LockArguments,
    #[command(flatten)]
    guard: GuardArguments,
}

/// Rows are counted up to here: a question must not take minutes.
const COUNT_LIMIT: u64 = 100_000;
/// So many tables are named in a question.
const TABLES_NAMED: usize = 6;

pub async fn down(context: &Context, asking: &Asking, arguments: &DownArguments, course: Course) -> Result<()> {
    let plan =
        Plan { steps: arguments.steps, to: arguments.to.clone(), ..plan_with(context, arguments.lock.lock_wait) };
    take(context, asking, &arguments.guard, &plan, course).await
}

pub async fn all(context: &Context, asking: &Asking, arguments: &RemoveArguments, course: Course) -> Result<()> {
    let plan = plan_with(context, arguments.lock.lock_wait);
    take(context, asking, &arguments.guard, &plan, course).await
}

async fn take(context: &Context, asking: &Asking, guard: &GuardArguments, plan: &Plan, course: Course) -> Result<()> {
    // Only `fresh` has something to do where nothing is.
    let access = if course == Course::Fresh { Access::Create } else { Access::Write };
    let database = context.database(access).await?;
    let progress = &mut |progress: Progress<'_>| tell(context, &progress);
    let mut stake = migrate::again_while_busy(&database, async || Stake::of(&database, plan, course).await).await?;
    if stake.is_nothing_to_revert() {
        print_steps(context, &[]);
        context.output.note("nothing to revert");
        return Ok(());
    }
    let command = format!("migrate {}", name_of(course));
    stake.count(
        migrate::count_rows(&database, &command, plan.lock_wait, COUNT_LIMIT, progress).await?,
        database.engine(),
    );
    if stake.needs_permission() {
        permit(context, asking, guard, &database, &stake).await?;
    }
    if stake.is_worth_a_copy()
        && let Some(copy) = database.copy_aside(&format!("before-{}", name_of(course)), context.clock.now()).await?
    {
        context.output.note(&format!("copied {} to {}", database.target(), copy.display()));
    }
    let steps = until_told_to_stop(context, plan, migrate::run(&database, plan, course, progress)).await?;
    print_steps(context, &steps);
    if !steps.is_empty() {
        note_changed(context);
    }
    Ok(())
}

/// The command's name, also in the name of the copy that it makes.
fn name_of(course: Course) -> &'static str {
    match course {
        Course::Up => "up",
        Course::Down => "down",
        Course::Redo => "redo",
        Course::Reset => "reset",
        Course::Refresh => "refresh",
        Course::Fresh => "fresh",
    }
}

/// What a course takes away: known, and refused if it has to be, before anybody is asked.
struct Stake {
    course: Course,
    /// What will be reverted, newest first; `fresh` does not ask which.
    reverted: Vec<Migration>,
    /// A `fresh` that was begun and goes on.
    removal: Option<Removal>,
    environment: Option<String>,
    /// All tables but the history's.
    counts: Vec<Count>,
    /// Those that go.
    going: Vec<Count>,
    /// What goes though no migration made it.
    others: Vec<Removable>,
}

impl Stake {
    async fn of(database: &Database, plan: &Plan, course: Course) -> Result<Stake> {
        let connection = database.connection();
        let (reverted, removal, others) = match course {
            Course::Fresh => {
                let others = migrate::of_others(connection, &plan.catalog).await?;
                (Vec::new(), Removal::find(connection).await?, others)
            }
            _ => (migrate::reverted(connection, plan, course).await?, None, Vec::new()),
        };
        let environment = migrate::setting(connection, migrate::ENVIRONMENT).await?;
        Ok(Stake { course, reverted, removal, environment, counts: Vec::new(), going: Vec::new(), others })
    }

    /// Takes the rows of all tables into account.
    fn count(&mut self, counts: Vec<Count>, engine: Engine) {
        let dropped: Vec<String> =
            self.reverted.iter().flat_map(|migration| migrate::tables_dropped(engine, migration)).collect();
        let goes = |(table, ..): &&Count| self.course == Course::Fresh || dropped.contains(table);
        self.going = counts.iter().filter(goes).cloned().collect();
        self.counts = counts;
    }

    /// Whether seals go of which the events stay.
    fn breaks_seals(&self) -> bool {
        let goes = |name: &str| self.going.iter().any(|(table, count, _)| table == name && *count > 0);
        goes("audit_seals") && !goes("audit_events")
    }

    fn is_nothing_to_revert(&self) -> bool {
        self.reverted.is_empty() && matches!(self.course, Course::Down | Course::Redo | Course::Reset)
    }

    fn needs_permission(&self) -> bool {
        !self.counts.is_empty() || !self.others.is_empty() || self.removal.is_some()
    }

    fn is_worth_a_copy(&self) -> bool {
        self.counts.iter().any(|(_, count, _)| *count > 0) || !self.others.is_empty()
    }

    /// What will be done, as a sentence.
    fn impact(&self) -> String {
        if let Some(removal) = &self.removal {
            return format!(
                "the removal that {} began goes on ({}), and all migrations will be applied",
                printable(&removal.by),
                removal.extent()
            );
        }
        let again = match self.course {
            Course::Fresh => {
                return "every table, view, sequence and type will be removed, and all migrations applied".to_owned();
            }
            Course::Redo => " and applied again",
            Course::Refresh => " and all migrations applied",
            _ => "",
        };
        let names: Vec<&str> = self.reverted.iter().map(|migration| migration.name).collect();
        match names.as_slice() {
            [] => "all migrations will be applied".to_owned(),
            [only] => format!("{only} will be reverted{again}"),
            [newest, .., oldest] => {
                format!("{} migrations will be reverted{again}, from {newest} down to {oldest}", names.len())
            }
        }
    }
}

/// Asks before data is destroyed, with what goes: yes or no where a copy is made or the database is
/// for development and shopctl's alone, else for the database's name. What was answered beforehand
/// is told before it is done.
///
/// Errors: exit 10 for no, exit 11 when nobody can be asked.
async fn permit(
    context: &Context,
    asking: &Asking,
    guard: &GuardArguments,
    database: &Database,
    stake: &Stake,
) -> Result<()> {
    let is_protected = context.config.protected;
    let purpose = match (&stake.environment, is_protected) {
        (_, true) => "a protected context".to_owned(),
        (Some(environment), false) => format!("for {}", printable(environment)),
        (None, false) => "nobody said what it is for".to_owned(),
    };
    let is_yes_enough = match &stake.environment {
        _ if is_protected => false,
        _ if !stake.others.is_empty() && !database.target().is_file() => false,
        Some(environment) => environment == migrate::DEVELOPMENT,
        // Its file is copied first.
        None => database.target().is_file(),
    };
    let going = if stake.going.is_empty() {
        "no table goes".to_owned()
    } else {
        format!("gone will be {}", told(&stake.going))
    };
    let others = match stake.others.as_slice() {
        [] => String::new(),
        others => format!("what shopctl did not make goes too: {}\n", migrate::named(others)),
    };
    let seals = match stake.breaks_seals() {
        true => "the seals of the audit trail go: what they cover cannot be verified without them\n",
        false => "",
    };
    let impact = format!("{others}{seals}{}\nfrom {} ({purpose}); {going}", stake.impact(), database.target());
    let takes_yes = is_yes_enough && guard.confirm.is_none();
    match takes_yes {
        true => asking.yes_or_no(&context.output, guard.yes, &impact)?,
        false => asking.typed_name(&context.output, &guard.confirm, &impact, &context.config.target.name())?,
    }
    let is_answered_beforehand = if takes_yes { guard.yes } else { guard.confirm.is_some() };
    if is_answered_beforehand {
        context.output.note(&impact);
    }
    Ok(())
}

/// `9 tables: users 100, orders more than 100000, 7 empty`
fn told(counts: &[Count]) -> String {
    let mut filled: Vec<_> = counts.iter().filter(|(_, count, _)| *count > 0).collect();
    filled.sort_by_key(|(_, count, _)| std::cmp::Reverse(*count));
    let empty = counts.len() - filled.len();
    let mut parts: Vec<String> = filled
        .iter()
        .take(TABLES_NAMED)
        .map(|(table, count, is_at_least)| match is_at_least {
            true => format!("{table} more than {}", counted(*count, "row")),
            false => format!("{table} {}", counted(*count, "row")),
        })
        .collect();
    if filled.len() > TABLES_NAMED {
        parts.push(format!("{} more with rows", filled.len() - TABLES_NAMED));
    }
    if empty > 0 {
        parts.push(format!("{empty} empty"));
    }
    format!("{}: {}", counted(counts.len(), "table"), parts.join(", "))
}
