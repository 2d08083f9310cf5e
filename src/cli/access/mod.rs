//! `shopctl access`

mod apply;
mod plan;

use clap::{Args, Subcommand};

use crate::cli::shared::confirm::Prompter;
use crate::cli::shared::effect::Effect;
use crate::context::Context;
use crate::db::access::Grantee;
use crate::db::target::Target;
use crate::domain::Violations;
use crate::error::{Error, Result, printable};
use crate::service::access::Role;

#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub enum Command {
    /// Show the changes that give roles exactly the rights they need
    #[command(after_help = "Examples:\n  shopctl access plan --reader shop_reader --clerk shop_clerk\n  \
                            shopctl access plan --admin shop_admin --sql\n\nshopctl access apply --help tells what each role may do.")]
    Plan(plan::PlanArguments),
    /// Give database roles exactly the rights they need and revoke the rest
    #[command(
        after_help = "Examples:\n  shopctl access apply --reader shop_reader --clerk shop_clerk \\\n      --admin shop_admin\n  \
                            shopctl access apply --clerk \"'clerk'@'10.%'\" --dry-run\n\n\
                            A reader may read everything except password hashes. A clerk may manage users, products, \
                            stock, orders and seeds, and only add to the audit trail and the stock movements. An admin \
                            may do everything, including sealing, anonymizing and migrating. The roles must exist. Run \
                            the command again after a migration that creates tables. To take all rights away, drop the \
                            role: DROP OWNED BY NAME; DROP ROLE NAME on PostgreSQL, DROP USER on MySQL and MariaDB."
    )]
    Apply(apply::ApplyArguments),
}

#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
pub struct RoleArguments {
    /// Database role that may only read
    #[arg(long, value_name = "ROLE")]
    reader: Option<String>,
    /// Database role for the daily work
    #[arg(long, value_name = "ROLE")]
    clerk: Option<String>,
    /// Database role that may do everything
    #[arg(long, value_name = "ROLE")]
    admin: Option<String>,
}

pub async fn run(context: &Context, prompter: &Prompter, command: Command) -> Result<Effect> {
    match command {
        Command::Plan(arguments) => plan::run(context, &arguments).await.map(Effect::from),
        Command::Apply(arguments) => apply::run(context, prompter, &arguments).await,
    }
}

impl RoleArguments {
    /// Parses the named roles, the admin first, because it owns the tables.
    ///
    /// Errors: exit 4 for SQLite, which has no roles; exit 7 for an invalid role name; exit 2 for a role that is named
    /// twice.
    fn parse(&self, target: &Target) -> Result<Vec<(Role, Grantee)>> {
        let engine = target.engine();
        if let Target::Sqlite(file) = target {
            let path = crate::db::target::escaped(&file.path.to_string_lossy());
            let message = "SQLite has no roles: anyone who can open the file can do everything";
            return Err(
                Error::configuration("access.no_roles", message).hint(format!("protect the file: chmod 600 {path}"))
            );
        }
        let mut violations = Violations::new();
        let mut roles: Vec<(Role, Grantee)> = Vec::new();
        for (role, text) in [(Role::Admin, &self.admin), (Role::Reader, &self.reader), (Role::Clerk, &self.clerk)] {
            let Some(text) = text else { continue };
            let Some(grantee) =
                violations.parse(&format!("--{}", role.as_str()), text, |text| Grantee::parse(engine, text))
            else {
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
