//! `shopctl user`

mod create;
mod create_wizard;
mod data;
mod delete;
mod edit;
mod merge;
mod password;
mod show;
mod status;
mod update;
pub mod view;

use clap::{Args, Subcommand};

use crate::bulk::{Interpretation, UserRow};
use crate::cli::shared::arguments::{PeriodArguments, name_of, search_text};
use crate::cli::shared::confirm::Prompter;
use crate::cli::shared::effect::Effect;
use crate::cli::shared::import::{self, ImportArguments};
use crate::cli::shared::list::{Export, List, ListQuery};
use crate::context::Context;
use crate::db::{Access, Database};
use crate::domain::period::Span;
use crate::domain::{SearchText, UserStatus};
use crate::entity::user::Model;
use crate::error::Result;
use crate::output::Output;
use crate::repository::Search;
use crate::repository::user::{self as users, UserKey};
use crate::service::place_order::StockHandling;
use crate::service::user as service;

#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub enum Command {
    /// Create a user
    #[command(
        after_help = "On a terminal, shopctl asks for missing values and for the password. Elsewhere the password comes from --password-stdin or --password-file.

Examples:
  shopctl user create --email ann@example.com --first-name Ann \\
      --last-name Lee --password-stdin < secret.txt
  shopctl user create --email bo@example.com --first-name Bo --last-name Ek \\
      --password-file secret.txt"
    )]
    Create(create::CreateArguments),
    /// List users, newest first
    #[command(after_help = "Examples:
  shopctl user list --status active
  shopctl user list --search lee --json
  shopctl user list --never-ordered --until last-year")]
    List(List<FilterArguments>),
    /// Export users as CSV, JSON lines or JSON, without password hashes
    #[command(
        after_help = "Examples:\n  shopctl user export > users.csv\n  shopctl user export --status active --out users.jsonl"
    )]
    Export(Export<FilterArguments>),
    /// Create and update users from a CSV, JSON lines or JSON file
    #[command(
        after_help = "All rows are checked before the first is written; an invalid one rejects the file, unless \
                      --on-error reject-rows is given. See shopctl help import.

Examples:
  shopctl user import users.csv
  shopctl user import users.csv --on-conflict skip --on-error reject-rows \\
      --errors wrong.csv
  shopctl user import users.jsonl --dry-run
  shopctl user import users.json --format mongo-json"
    )]
    Import(ImportArguments),
    /// Show a user
    #[command(
        after_help = "Examples:\n  shopctl user show ann@example.com\n  shopctl user show ann@example.com --timeline"
    )]
    Show(show::ShowArguments),
    /// Change a user's names or e-mail address
    #[command(after_help = "Example:\n  shopctl user update ann@example.com --last-name Lee-Park")]
    Update(update::UpdateArguments),
    /// Change a user's names or e-mail address in an editor
    #[command(
        after_help = "The editor is $VISUAL, $EDITOR or vi, and needs a terminal. If the user is changed by someone else \
                      meanwhile, nothing is written (exit 6) and the edited text is kept.

Example:\n  shopctl user edit ann@example.com"
    )]
    Edit(edit::EditArguments),
    /// Replace a user's password
    #[command(after_help = "Example:\n  shopctl user set-password ann@example.com --password-stdin < secret.txt")]
    SetPassword(password::UserPasswordArguments),
    /// Check a user's password (exit 0 if it matches, 9 if not)
    #[command(after_help = "Hashes made by other programs with bcrypt are verified too; set-password replaces them.

Example:\n  shopctl user verify-password ann@example.com --password-stdin < secret.txt")]
    VerifyPassword(password::UserPasswordArguments),
    /// Stop a user from placing orders
    #[command(after_help = "Example:\n  shopctl user disable ann@example.com --yes")]
    Disable(status::DisableArguments),
    /// Let a disabled user place orders again
    #[command(after_help = "Example:\n  shopctl user enable ann@example.com")]
    Enable(status::EnableArguments),
    /// Export everything stored about a user as one JSON document
    #[command(after_help = "Example:\n  shopctl user export-data ann@example.com --out ann.json")]
    ExportData(data::ExportDataArguments),
    /// Irreversibly erase a user's personal data; orders, notes and reasons stay
    #[command(after_help = "Refused while the user has open orders. The seals of the audit trail remain valid.

Example:\n  shopctl user anonymize ann@example.com --confirm ann@example.com")]
    Anonymize(delete::DeleteArguments),
    /// Move all orders of a user to another one and anonymize the first
    #[command(
        after_help = "FROM is irreversibly anonymized. INTO may be disabled and stays so until shopctl user enable. \
                          The seals of the audit trail remain valid.

Example:\n  shopctl user merge ann.lee@example.com ann@example.com \\\n      --confirm ann.lee@example.com"
    )]
    Merge(merge::MergeArguments),
    /// Delete a user without orders
    #[command(after_help = "Example:\n  shopctl user delete ann@example.com --confirm ann@example.com")]
    Delete(delete::DeleteArguments),
}

// Selects users.
#[derive(Debug, Args)]
pub struct FilterArguments {
    /// Only users with this status: active, disabled or anonymized
    #[arg(long, value_name = "STATUS", value_parser = name_of(UserStatus::ALL, UserStatus::as_str), hide_possible_values = true)]
    status: Option<UserStatus>,
    /// Only users with all of these words in their e-mail address or name
    #[arg(long, value_name = "TEXT", value_parser = search_text())]
    search: Option<SearchText>,
    #[command(flatten)]
    period: PeriodArguments,
    /// Only users without orders
    #[arg(long)]
    never_ordered: bool,
}

impl ListQuery for FilterArguments {
    type Filter = users::Filter;
    type Row = Model;

    fn check(&self, context: &Context) -> Result<()> {
        self.period.span(context).map(drop)
    }

    async fn filter(&self, context: &Context, database: &Database) -> Result<users::Filter> {
        let Span { since: created_since, until: created_until } = self.period.span(context)?;
        let FilterArguments { status, never_ordered, .. } = *self;
        let search = Search::users(database.connection(), &self.search.clone().unwrap_or_default()).await?;
        Ok(users::Filter { status, search, created_since, created_until, never_ordered })
    }

    async fn rows(_output: &Output, _database: &Database, found: Vec<Model>) -> Result<Vec<Model>> {
        Ok(found)
    }
}

#[derive(Debug, Args)]
pub struct WhoArguments {
    /// E-mail address or id of the user
    #[arg(value_name = "WHO")]
    who: String,
}

pub async fn run(context: &Context, prompter: &Prompter, command: Command) -> Result<Effect> {
    match command {
        Command::Create(arguments) => create::run(context, prompter, &arguments).await,
        Command::List(arguments) => arguments.run(context).await.map(Effect::from),
        Command::Export(arguments) => arguments.run(context).await.map(Effect::from),
        Command::Import(arguments) => {
            import::run::<UserRow>(context, prompter, &arguments, StockHandling::Deduct, Interpretation::default())
                .await
        }
        Command::Show(arguments) => show::run(context, &arguments).await.map(Effect::from),
        Command::Update(arguments) => update::run(context, &arguments).await,
        Command::Edit(arguments) => edit::run(context, prompter, &arguments).await,
        Command::SetPassword(arguments) => password::set(context, prompter, &arguments).await,
        Command::VerifyPassword(arguments) => password::verify(context, prompter, &arguments).await.map(Effect::from),
        Command::ExportData(arguments) => data::export(context, &arguments).await.map(Effect::from),
        Command::Disable(arguments) => status::disable(context, prompter, &arguments).await,
        Command::Enable(arguments) => status::enable(context, &arguments).await,
        Command::Anonymize(arguments) => delete::anonymize(context, prompter, &arguments).await,
        Command::Merge(arguments) => merge::run(context, prompter, &arguments).await,
        Command::Delete(arguments) => delete::run(context, prompter, &arguments).await,
    }
}

async fn find_user(context: &Context, who: &str) -> Result<Model> {
    let database = context.database(Access::Read).await?;
    let user = users::find_one(database.connection(), UserKey::parse(who), users::Lock::None).await?;
    user.ok_or_else(|| service::unknown(who))
}
