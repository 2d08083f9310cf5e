//! `shopctl access`

mod view;

use clap::{Args, Subcommand};

use self::view::AccessView;
use crate::cli::Asking;
use crate::cli::shared::arguments::{AnswerArguments, WriteArguments};
use crate::context::Context;
use crate::db::access::{Change, Grantee, Remaining, Step, run as run_statements};
use crate::db::target::{Engine, Target};
use crate::db::{Access, Database};
use crate::domain::Violations;
use crate::error::{Error, Kind, Result, printable};
use crate::service::access::{Role, assess};

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show the grants that give database roles just the rights they need; changes nothing
    #[command(after_help = "Examples:\n  shopctl access plan --reader shop_reader --clerk shop_clerk\n  \
                            shopctl access plan --admin shop_admin --sql\n\n\
                            See shopctl access apply --help for what each role may do")]
    Plan(PlanArguments),
    /// Give database roles just the rights they need, and take away what is more
    #[command(
        after_help = "Examples:\n  shopctl access apply --reader shop_reader --clerk shop_clerk --admin shop_admin\n  \
                            shopctl access apply --clerk \"'clerk'@'10.%'\" --dry-run\n\n\
                            A reader reads everything but password hashes. A clerk does the daily work: users, products,\n\
                            stock, orders, seeds; the audit trail and the stock movements can only be added to. An admin\n\
                            may do everything: seal, anonymize, migrate. The roles must exist already.\n\
                            Run it again after a migration that creates tables"
    )]
    Apply(ApplyArguments),
}

#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
pub struct RoleArguments {
    /// The database role that only reads
    #[arg(long, value_name = "ROLE")]
    reader: Option<String>,
    /// The database role that does the daily work
    #[arg(long, value_name = "ROLE")]
    clerk: Option<String>,
    /// The database role that may do everything
    #[arg(long, value_name = "ROLE")]
    admin: Option<String>,
}

#[derive(Debug, Args)]
pub struct PlanArguments {
    #[command(flatten)]
    roles: RoleArguments,
    /// Print a script for the database's own client
    #[arg(long)]
    sql: bool,
}

#[derive(Debug, Args)]
pub struct ApplyArguments {
    #[command(flatten)]
    roles: RoleArguments,
    #[command(flatten)]
    answers: AnswerArguments,
    #[command(flatten)]
    write: WriteArguments,
}

pub async fn run(context: &Context, asking: &Asking, command: Command) -> Result<()> {
    match command {
        Command::Plan(arguments) => plan(context, &arguments).await,
        Command::Apply(arguments) => apply(context, asking, &arguments).await,
    }
}

impl RoleArguments {
    /// The roles in the order in which they are dealt with: who owns the tables comes first.
    ///
    /// Errors: exit 4 for a file; exit 7 for what names no role, exit 2 for a role that is to be two things.
    fn parse(&self, target: &Target) -> Result<Vec<(Role, Grantee)>> {
        let engine = target.engine();
        if let Target::Sqlite(file) = target {
            let path = crate::db::target::escaped(&file.path.to_string_lossy());
            let message = "SQLite has no roles: who can open the file can do everything with it";
            return Err(
                Error::configuration("access.no_roles", message).hint(format!("protect the file: chmod 600 {path}"))
            );
        }
        let mut violations = Violations::new();
        let mut roles: Vec<(Role, Grantee)> = Vec::new();
        for (role, text) in [(Role::Admin, &self.admin), (Role::Reader, &self.reader), (Role::Clerk, &self.clerk)] {
            let Some(text) = text else { continue };
            let Some(grantee) = violations.parse(role.as_str(), text, |text| Grantee::parse(engine, text)) else {
                continue;
            };
            if let Some((other, _)) = roles.iter().find(|(_, other)| other.is_same(&grantee)) {
                let (other, role, name) = (other.as_str(), role.as_str(), printable(&grantee.name));
                return Err(Error::usage(format!("{name} cannot be --{other} and --{role}")));
            }
            roles.push((role, grantee));
        }
        violations.into_result()?;
        Ok(roles)
    }
}

/// What has to be done about all roles.
struct Plan {
    rows: Vec<AccessView>,
    /// What the roles can do beyond their rights by ways that are not closed here.
    remaining: Vec<(String, Remaining)>,
}

impl Plan {
    async fn make(database: &Database, roles: &[(Role, Grantee)]) -> Result<Plan> {
        let mut plan = Plan { rows: Vec::new(), remaining: Vec::new() };
        for (role, grantee) in roles {
            let assessment = assess(database, *role, grantee).await?;
            let row = |step| AccessView { role: *role, name: grantee.name.clone(), step };
            plan.rows.extend(assessment.steps.into_iter().map(row));
            plan.remaining.extend(assessment.remaining.into_iter().map(|what| (grantee.name.clone(), what)));
        }
        Ok(plan)
    }

    fn steps(&self) -> Vec<Step> {
        self.rows.iter().map(|row| row.step.clone()).collect()
    }

    fn note_nothing_to_change(&self, context: &Context) {
        if self.rows.is_empty() && self.remaining.is_empty() {
            context.output.note("nothing to change: the roles have these rights");
        }
    }

    fn impact(&self, target: &Target) -> String {
        let of = |change| self.rows.iter().filter(|row| row.step.change == change).count();
        let parts =
            [(Change::Grant, "grants"), (Change::Revoke, "revokes"), (Change::Own, "changes of a table's owner")];
        let parts = parts.into_iter().filter(|(change, _)| of(*change) > 0);
        let parts: Vec<String> = parts.map(|(change, words)| format!("{} {words}", of(change))).collect();
        format!("this changes rights in {target}: {}", parts.join(", "))
    }
}

async fn plan(context: &Context, arguments: &PlanArguments) -> Result<()> {
    context.output.check_fields::<AccessView>(&[])?;
    let roles = arguments.roles.parse(&context.config.target)?;
    let database = context.database(Access::Read).await?;
    let plan = Plan::make(&database, &roles).await?;
    if arguments.sql {
        context.output.text(&script(database.engine(), &plan))?;
    } else {
        context.output.list(&plan.rows, None, None)?;
    }
    plan.note_nothing_to_change(context);
    settle(&plan.remaining)
}

/// The statements as they would run.
fn script(engine: Engine, plan: &Plan) -> String {
    let frame = engine.script_transaction();
    let mut text = frame.map_or_else(String::new, |(beginning, _)| format!("{beginning};\n"));
    let mut before = None;
    for row in &plan.rows {
        if before.replace(row.role) != Some(row.role) {
            text.push_str(&format!("-- {}\n", row.role.as_str()));
        }
        text.push_str(&format!("{};\n", row.step.sql));
    }
    text.extend(frame.map(|(_, end)| format!("{end};\n")));
    // Those rights may be other people's too: whoever runs the script decides.
    for (name, remaining) in &plan.remaining {
        let way_out = remaining.way_out.as_ref().map_or_else(String::new, |sql| format!("; to end it: {sql}"));
        text.push_str(&format!("-- {}{way_out}\n", excess(name, remaining)));
    }
    text
}

async fn apply(context: &Context, asking: &Asking, arguments: &ApplyArguments) -> Result<()> {
    let dry_run = arguments.write.dry_run;
    let roles = arguments.roles.parse(&context.config.target)?;
    let database = context.database(Access::Write).await?;
    let plan = Plan::make(&database, &roles).await?;
    if plan.rows.is_empty() {
        context.output.list(&plan.rows, None, None)?;
        plan.note_nothing_to_change(context);
        return settle(&plan.remaining);
    }
    let impact = async || Ok(plan.impact(database.target()));
    asking.permission(context, &arguments.answers, dry_run, impact).await?;
    let mut done = 0;
    let result = run_statements(&database, &plan.steps(), dry_run, |_| done += 1).await;
    context.output.list(&plan.rows[..done], None, None)?;
    result?;
    if dry_run {
        context.note_would_change();
        context.output.note("a dry run: nothing was changed");
        return settle(&plan.remaining);
    }
    context.output.note(&format!("changed {}", database.target()));
    // What was taken away may have been granted by others as well.
    let left = Plan::make(&database, &roles).await?;
    let undone = |row: AccessView| {
        let what = match row.step.change {
            Change::Revoke => format!("{} on {}, granted by others", row.step.privileges, row.step.on),
            Change::Grant | Change::Own => format!("no {} on {}", row.step.privileges, row.step.on),
        };
        (row.name, Remaining { what, way_out: Some(row.step.sql) })
    };
    let undone = left.rows.into_iter().map(undone);
    settle(&left.remaining.into_iter().chain(undone).collect::<Vec<_>>())
}

/// Exit 8 when a role can still do more than it should, or less.
fn settle(remaining: &[(String, Remaining)]) -> Result<()> {
    if remaining.is_empty() {
        return Ok(());
    }
    let lines: Vec<String> = remaining.iter().map(|(name, remaining)| excess(name, remaining)).collect();
    let error = Error::new(Kind::Partial, "access.incomplete", lines.join("\n"));
    let ways_out: std::collections::BTreeSet<_> = remaining.iter().filter_map(|(_, one)| one.way_out.clone()).collect();
    Err(ways_out.into_iter().fold(error, Error::hint))
}

fn excess(name: &str, remaining: &Remaining) -> String {
    format!("{} still has {}", printable(name), remaining.what)
}
