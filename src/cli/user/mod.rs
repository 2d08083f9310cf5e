//! `shopctl user`

mod create;
mod data;
mod delete;
mod export;
mod list;
mod password;
mod show;
mod status;
mod update;
pub mod view;

use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use self::view::UserView;
use crate::bulk::{Meaning, UserRow};
use crate::cli::Asking;
use crate::cli::shared::arguments::{check_period, name_of, searched, time};
use crate::cli::shared::import::{self, ImportArguments};
use crate::cli::shared::mutation::{self, done, finish};
use crate::context::Context;
use crate::db::Access;
use crate::domain::UserStatus;
use crate::entity::user::Model;
use crate::error::{Result, printable};
use crate::output::{Mutation, View};
use crate::repository::user::{self as users, Who};
use crate::service::place_order::Stock;
use crate::service::user as service;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Create a user
    #[command(after_help = "Examples:
  shopctl user create --email ann@example.com --first-name Ann --last-name Lee
  shopctl user create --email bo@example.com --first-name Bo --last-name Ek --password-stdin < secret.txt")]
    Create(create::CreateArguments),
    /// List users, newest first
    #[command(after_help = "Examples:\n  shopctl user list --status active\n  shopctl user list --search lee --json")]
    List(list::UserListArguments),
    /// Write users, oldest first, as CSV, JSON lines or JSON; without password hashes
    #[command(
        after_help = "Examples:\n  shopctl user export > users.csv\n  shopctl user export --status active --out users.jsonl"
    )]
    Export(export::UserExportArguments),
    /// Create and update users from a CSV, JSON lines or JSON file, all of them or none
    #[command(
        after_help = "Examples:\n  shopctl user import users.csv\n  shopctl user import users.csv --on-conflict skip --on-error reject-rows --errors wrong.csv\n  shopctl user import users.jsonl --dry-run"
    )]
    Import(ImportArguments),
    /// Show one user
    #[command(
        after_help = "Examples:\n  shopctl user show ann@example.com\n  shopctl user show ann@example.com --timeline"
    )]
    Show(show::ShowArguments),
    /// Change names or e-mail address
    #[command(after_help = "Example:\n  shopctl user update ann@example.com --last-name Lee-Park")]
    Update(update::UpdateArguments),
    /// Replace a user's password
    #[command(after_help = "Example:\n  shopctl user set-password ann@example.com --password-stdin < secret.txt")]
    SetPassword(password::OfUserArguments),
    /// Tell whether a password is a user's (exit 0) or not (exit 9)
    #[command(
        after_help = "Hashes that other programs made with bcrypt verify too; the next set-password replaces them.

Example:\n  shopctl user verify-password ann@example.com --password-stdin < secret.txt"
    )]
    VerifyPassword(password::OfUserArguments),
    /// Keep a user from ordering
    #[command(after_help = "Example:\n  shopctl user disable ann@example.com --yes")]
    Disable(status::DisableArguments),
    /// Let a disabled user order again
    #[command(after_help = "Example:\n  shopctl user enable ann@example.com")]
    Enable(status::EnableArguments),
    /// Write everything the shop holds about a user, as one JSON document
    #[command(after_help = "Example:\n  shopctl user export-data ann@example.com --out ann.json")]
    ExportData(data::ExportDataArguments),
    /// Erase who a user is, for good: orders stay, also what the audit trail knows is erased
    #[command(after_help = "Refused while there are open orders. Seals over the audit trail still verify.

Example:\n  shopctl user anonymize ann@example.com --confirm ann@example.com")]
    Anonymize(delete::DeleteArguments),
    /// Delete a user who has no orders
    #[command(after_help = "Example:\n  shopctl user delete ann@example.com --confirm ann@example.com")]
    Delete(delete::DeleteArguments),
}

/// Which users are wanted.
#[derive(Debug, Args)]
struct FilterArguments {
    /// active, disabled or anonymized
    #[arg(long, value_name = "STATUS", value_parser = name_of(UserStatus::ALL, UserStatus::as_str))]
    status: Option<UserStatus>,
    /// Anywhere in e-mail address, first or last name
    #[arg(long, value_name = "TEXT", value_parser = searched())]
    search: Option<String>,
    /// Created at or after this time
    #[arg(long, value_name = "TIME", value_parser = time())]
    created_since: Option<DateTime<Utc>>,
    /// Created before this time
    #[arg(long, value_name = "TIME", value_parser = time())]
    created_until: Option<DateTime<Utc>>,
}

impl FilterArguments {
    /// Errors: exit 7 for a period that nothing can be in.
    fn filter(&self) -> Result<users::Filter> {
        let FilterArguments { status, search, created_since, created_until } = self;
        check_period(("created-since", *created_since), ("created-until", *created_until))?;
        Ok(users::Filter {
            status: *status,
            search: search.clone(),
            created_since: *created_since,
            created_until: *created_until,
        })
    }
}

#[derive(Debug, Args)]
pub struct WhoArguments {
    /// E-mail address or id
    #[arg(value_name = "WHO")]
    who: String,
}

impl Command {
    /// Whether it takes as long as there is data.
    pub fn is_long(&self) -> bool {
        match self {
            Command::List(arguments) => arguments.list.all,
            Command::Export(_) | Command::Import(_) | Command::ExportData(_) => true,
            _ => false,
        }
    }
}

pub async fn run(context: &Context, asking: &Asking, command: Command) -> Result<()> {
    match command {
        Command::Create(arguments) => create::run(context, asking, &arguments).await,
        Command::List(arguments) => list::run(context, &arguments).await,
        Command::Export(arguments) => export::run(context, &arguments).await,
        Command::Import(arguments) => {
            import::run::<UserRow>(context, asking, &arguments, Stock::Deduct, Meaning::default()).await
        }
        Command::Show(arguments) => show::run(context, &arguments).await,
        Command::Update(arguments) => update::run(context, &arguments).await,
        Command::SetPassword(arguments) => password::set(context, asking, &arguments).await,
        Command::VerifyPassword(arguments) => password::verify(context, asking, &arguments).await,
        Command::ExportData(arguments) => data::export(context, &arguments).await,
        Command::Disable(arguments) => status::disable(context, asking, &arguments).await,
        Command::Enable(arguments) => status::enable(context, &arguments).await,
        Command::Anonymize(arguments) => delete::anonymize(context, asking, &arguments).await,
        Command::Delete(arguments) => delete::run(context, asking, &arguments).await,
    }
}

async fn look_up(context: &Context, who: &str) -> Result<Model> {
    let database = context.database(Access::Read).await?;
    let user = users::find_one(database.connection(), Who::parse(who), users::Lock::None).await?;
    user.ok_or_else(|| service::unknown(who))
}

fn finish_change(
    context: &Context,
    database: &crate::db::Database,
    changed: &service::Changed,
    dry_run: bool,
    verb: &str,
) {
    let email = printable(&changed.after.email);
    let line = if changed.changed {
        format!("user {email} {}", done(dry_run, verb))
    } else {
        format!("user {email} unchanged")
    };
    let json = named(&changed.after, outcome(changed.changed, dry_run, Some(&changed.before), Some(&changed.after)));
    finish(context, database, dry_run || !changed.changed, &Mutation { line, id: changed.after.id.to_string(), json });
}

fn named(user: &Model, rest: serde_json::Map<String, Value>) -> serde_json::Map<String, Value> {
    let mut json = serde_json::Map::new();
    json.insert("id".to_owned(), json!(user.id));
    json.insert("email".to_owned(), json!(user.email));
    json.extend(rest);
    json
}

fn outcome(
    changed: bool,
    dry_run: bool,
    before: Option<&Model>,
    after: Option<&Model>,
) -> serde_json::Map<String, Value> {
    let view = |user: Option<&Model>| user.map_or(Value::Null, |user| Value::Object(UserView(user.clone()).to_json()));
    mutation::outcome(changed, false, dry_run, view(before), view(after))
}
