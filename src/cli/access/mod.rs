//! `shopctl access`

mod apply;
mod plan;
mod view;

use clap::{Args, Subcommand};

use self::view::AccessView;
use crate::cli::shared::confirm::Asking;
use crate::context::Context;
use crate::db::Database;
use crate::db::access::{Change, Grantee, Remaining, Step};
use crate::db::target::Target;
use crate::domain::Violations;
use crate::error::{CommandLine, Error, Hint, Kind, Result, printable};
use crate::service::access::{Role, assess};

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show the grants that give database roles just the rights they need; changes nothing
    #[command(after_help = "Examples:\n  shopctl access plan --reader shop_reader --clerk shop_clerk\n  \
                            shopctl access plan --admin shop_admin --sql\n\n\
                            See shopctl access apply --help for what each role may do")]
    Plan(plan::PlanArguments),
    /// Give database roles just the rights they need, and take away what is more
    #[command(
        after_help = "Examples:\n  shopctl access apply --reader shop_reader --clerk shop_clerk --admin shop_admin\n  \
                            shopctl access apply --clerk \"'clerk'@'10.%'\" --dry-run\n\n\
                            A reader reads everything but password hashes. A clerk does the daily work: users, products,\n\
                            stock, orders, seeds; the audit trail and the stock movements can only be added to. An admin\n\
                            may do everything: seal, anonymize, migrate. The roles must exist already.\n\
                            Run it again after a migration that creates tables"
    )]
    Apply(apply::ApplyArguments),
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

pub async fn run(context: &Context, asking: &Asking, command: Command) -> Result<()> {
    match command {
        Command::Plan(arguments) => plan::run(context, &arguments).await,
        Command::Apply(arguments) => apply::run(context, asking, &arguments).await,
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
            let assessment = match assess(database, *role, grantee).await {
                Ok(assessment) => assessment,
                Err(error) if error.kind() == Kind::NotFound => {
                    return Err(with_namesakes(database, *role, grantee, error).await?);
                }
                Err(error) => return Err(error),
            };
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

/// What is not there may be meant with its host: its namesakes are named instead of the way to make it.
async fn with_namesakes(database: &Database, role: Role, grantee: &Grantee, error: Error) -> Result<Error> {
    let accounts = database.engine().namesakes(database.connection(), grantee).await?;
    if accounts.is_empty() {
        return Ok(error);
    }
    let named = |account: &String| {
        let again = CommandLine::again().option(&format!("--{}", role.as_str()), account);
        Hint::from(format!("there is {}: ", printable(account))).and(again)
    };
    Ok(accounts.iter().map(named).fold(Error::not_found("role", &grantee.name), Error::hint))
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
