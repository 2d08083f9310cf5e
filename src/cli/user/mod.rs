//! `shopctl user`

mod data;
mod password;
pub mod view;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use self::view::UserView;
use crate::bulk::{Meaning, UserRow};
use crate::cli::Asking;
use crate::cli::audit::view::TimelineView;
use crate::cli::shared::arguments::{
    AnswerArguments, ConfirmArguments, ListArguments, WriteArguments, check_period, name_of, searched, time,
};
use crate::cli::shared::export::{self, ExportArguments};
use crate::cli::shared::import::{self, ImportArguments};
use crate::cli::shared::list::{self, Shown, TIMELINE_MAX};
use crate::cli::shared::mutation::{self, done, finish};
use crate::cli::shared::values::checked;
use crate::cli::shared::wizard;
use crate::context::Context;
use crate::db::{Access, Database};
use crate::domain::{Email, Page, Password, PersonName, UserStatus, Violations};
use crate::entity::user::Model;
use crate::error::{CommandLine, Error, Result, printable};
use crate::output::{Cell, Mutation, View};
use crate::repository::user::Who;
use crate::repository::{audit_event as events, user as users};
use crate::service::anonymize;
use crate::service::place_order::Stock;
use crate::service::user::{self as service, NewUser, UserUpdate};
use chrono::{DateTime, Utc};

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Create a user
    #[command(after_help = "Examples:
  shopctl user create --email ann@example.com --first-name Ann --last-name Lee
  shopctl user create --email bo@example.com --first-name Bo --last-name Ek --password-stdin < secret.txt")]
    Create(CreateArguments),
    /// List users, newest first
    #[command(after_help = "Examples:\n  shopctl user list --status active\n  shopctl user list --search lee --json")]
    List(UserListArguments),
    /// Write users, oldest first, as CSV, JSON lines or JSON; without password hashes
    #[command(
        after_help = "Examples:\n  shopctl user export > users.csv\n  shopctl user export --status active --out users.jsonl"
    )]
    Export(UserExportArguments),
    /// Create and update users from a CSV, JSON lines or JSON file, all of them or none
    #[command(
        after_help = "Examples:\n  shopctl user import users.csv\n  shopctl user import users.csv --on-conflict skip --on-error reject-rows --errors wrong.csv\n  shopctl user import users.jsonl --dry-run"
    )]
    Import(ImportArguments),
    /// Show one user
    #[command(
        after_help = "Examples:\n  shopctl user show ann@example.com\n  shopctl user show ann@example.com --timeline"
    )]
    Show(ShowArguments),
    /// Change names or e-mail address
    #[command(after_help = "Example:\n  shopctl user update ann@example.com --last-name Lee-Park")]
    Update(UpdateArguments),
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
    Disable(DisableArguments),
    /// Let a disabled user order again
    #[command(after_help = "Example:\n  shopctl user enable ann@example.com")]
    Enable(EnableArguments),
    /// Write everything the shop holds about a user, as one JSON document
    #[command(after_help = "Example:\n  shopctl user export-data ann@example.com --out ann.json")]
    ExportData(data::ExportDataArguments),
    /// Erase who a user is, for good: orders stay, also what the audit trail knows is erased
    #[command(after_help = "Refused while there are open orders. Seals over the audit trail still verify.

Example:\n  shopctl user anonymize ann@example.com --confirm ann@example.com")]
    Anonymize(DeleteArguments),
    /// Delete a user who has no orders
    #[command(after_help = "Example:\n  shopctl user delete ann@example.com --confirm ann@example.com")]
    Delete(DeleteArguments),
}

#[derive(Debug, Args)]
pub struct CreateArguments {
    /// On a terminal, what is missing is asked for
    #[arg(long, value_name = "EMAIL")]
    email: Option<String>,
    #[arg(long, value_name = "NAME")]
    first_name: Option<String>,
    #[arg(long, value_name = "NAME")]
    last_name: Option<String>,
    #[command(flatten)]
    password: password::PasswordArguments,
    #[command(flatten)]
    write: WriteArguments,
}

#[derive(Debug, Args)]
pub struct UserListArguments {
    #[command(flatten)]
    filter: FilterArguments,
    #[command(flatten)]
    list: ListArguments,
}

#[derive(Debug, Args)]
pub struct UserExportArguments {
    #[command(flatten)]
    filter: FilterArguments,
    #[command(flatten)]
    export: ExportArguments,
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

#[derive(Debug, Args)]
pub struct ShowArguments {
    #[command(flatten)]
    who: WhoArguments,
    /// Also show what happened to the user and their orders, from the audit trail
    #[arg(long)]
    timeline: bool,
}

#[derive(Debug, Args)]
pub struct UpdateArguments {
    #[command(flatten)]
    who: WhoArguments,
    #[arg(long, value_name = "EMAIL", value_parser = checked(Email::parse))]
    email: Option<Email>,
    #[arg(long, value_name = "NAME", value_parser = checked(PersonName::parse))]
    first_name: Option<PersonName>,
    #[arg(long, value_name = "NAME", value_parser = checked(PersonName::parse))]
    last_name: Option<PersonName>,
    #[command(flatten)]
    write: WriteArguments,
}

#[derive(Debug, Args)]
pub struct DisableArguments {
    #[command(flatten)]
    who: WhoArguments,
    #[command(flatten)]
    answers: AnswerArguments,
    #[command(flatten)]
    write: WriteArguments,
}

#[derive(Debug, Args)]
pub struct EnableArguments {
    #[command(flatten)]
    who: WhoArguments,
    #[command(flatten)]
    write: WriteArguments,
}

#[derive(Debug, Args)]
pub struct DeleteArguments {
    #[command(flatten)]
    who: WhoArguments,
    #[command(flatten)]
    confirm: ConfirmArguments,
    #[command(flatten)]
    write: WriteArguments,
}

impl DeleteArguments {
    /// Whether a name has to be typed: not for what is refused anyway, so that is tried before.
    fn asks(&self) -> bool {
        self.confirm.confirm.is_none() && !self.write.dry_run
    }
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
        Command::Create(arguments) => create(context, asking, &arguments).await,
        Command::List(arguments) => list(context, &arguments).await,
        Command::Export(arguments) => export(context, &arguments).await,
        Command::Import(arguments) => {
            import::run::<UserRow>(context, asking, &arguments, Stock::Deduct, Meaning::default()).await
        }
        Command::Show(arguments) => show(context, &arguments).await,
        Command::Update(arguments) => update(context, &arguments).await,
        Command::SetPassword(arguments) => password::set(context, asking, &arguments).await,
        Command::VerifyPassword(arguments) => password::verify(context, asking, &arguments).await,
        Command::ExportData(arguments) => data::export(context, &arguments).await,
        Command::Disable(arguments) => disable(context, asking, &arguments).await,
        Command::Enable(arguments) => {
            set_status(context, &arguments.who.who, UserStatus::Active, arguments.write.dry_run).await
        }
        Command::Anonymize(arguments) => anonymize(context, asking, &arguments).await,
        Command::Delete(arguments) => delete(context, asking, &arguments).await,
    }
}

async fn create(context: &Context, asking: &Asking, arguments: &CreateArguments) -> Result<()> {
    let is_wizard = asking.asks_for(&[
        ("--email", arguments.email.is_some()),
        ("--first-name", arguments.first_name.is_some()),
        ("--last-name", arguments.last_name.is_some()),
    ])?;
    // A password comes from a file, and all that is wrong is reported together.
    let mut violations = Violations::new();
    let mut answers = wizard::UserAnswers {
        email: arguments.email.as_ref().and_then(|text| violations.parse("email", text, Email::parse)),
        first_name: arguments
            .first_name
            .as_ref()
            .and_then(|text| violations.parse("first-name", text, PersonName::parse)),
        last_name: arguments.last_name.as_ref().and_then(|text| violations.parse("last-name", text, PersonName::parse)),
    };
    // Somebody who has to type should not do so for an input that is refused anyway.
    if is_wizard || arguments.password.is_asked_for() {
        std::mem::take(&mut violations).into_result()?;
    }
    let opened = if is_wizard { Some(answers.complete(context).await?) } else { None };
    let password = arguments.password.read(context, asking, password::Typed::New)?;
    let password = Password::parse(&password).map_err(|problem| violations.add("password", problem)).ok();
    violations.into_result()?;
    let dry_run = arguments.write.dry_run;
    let database = match opened {
        Some(database) => database,
        None => context.database_for_operation().await?,
    };
    let command = if is_wizard { Some(reviewed(context, &answers, arguments)?) } else { None };
    let (Some(email), Some(first_name), Some(last_name), Some(password)) =
        (answers.email, answers.first_name, answers.last_name, password)
    else {
        return Err(Error::internal("a required value is missing"));
    };
    let new = NewUser { email, first_name, last_name, password_hash: service::hash(&password)? };
    let user = service::create(&context.operations(&database, dry_run), &new).await?;
    let line = format!("user {} {}", printable(&user.email), done(dry_run, "created"));
    let mut json = UserView(user.clone()).to_json();
    json.extend(outcome(true, dry_run, None, Some(&user)));
    finish(context, &database, dry_run, &Mutation { line, id: user.id.to_string(), json });
    mutation::note_command(context, command.as_ref());
    Ok(())
}

/// Lets the answers be confirmed and gives the command that would have needed no questions.
fn reviewed(context: &Context, answers: &wizard::UserAnswers, arguments: &CreateArguments) -> Result<CommandLine> {
    answers.review(context)?;
    let command = match &arguments.password.password_file {
        Some(path) => answers.command().option("--password-file", &path.display().to_string()),
        None => answers.command().flag("--password-stdin"),
    };
    Ok(command.dry_run(arguments.write.dry_run))
}

async fn list(context: &Context, arguments: &UserListArguments) -> Result<()> {
    context.output.check_fields::<UserView>(&[])?;
    let filter = arguments.filter.filter()?;
    let page = arguments.list.page("-created_at");
    crate::repository::sort_field(&users::SORT_FIELDS, &page.sort)?;
    let database = context.database(Access::Read).await?;
    let fetch = async |page: &Page| fetch(&database, &filter, page).await;
    list::print(context, &arguments.list, page, fetch, async || users::count(database.connection(), &filter).await)
        .await
}

async fn fetch(database: &Database, filter: &users::Filter, page: &Page) -> Result<Shown<UserView>> {
    let found = users::find_all(database.connection(), filter, page).await?;
    Ok(Shown { rows: found.items.into_iter().map(UserView).collect(), next: found.next })
}

async fn export(context: &Context, arguments: &UserExportArguments) -> Result<()> {
    let filter = arguments.filter.filter()?;
    let format = arguments.export.format(context)?;
    let database = context.database(Access::Read).await?;
    let fetch = async |page: &Page| fetch(&database, &filter, page).await;
    export::run(context, format, arguments.export.out.as_deref(), "created_at", fetch).await
}

async fn show(context: &Context, arguments: &ShowArguments) -> Result<()> {
    let extra: &[&str] = if arguments.timeline { &["timeline"] } else { &[] };
    context.output.check_fields::<UserView>(extra)?;
    let database = context.database(Access::Read).await?;
    let (connection, who) = (database.connection(), &arguments.who.who);
    let user = users::find_one(connection, Who::parse(who), users::Lock::None).await?;
    let user = user.ok_or_else(|| service::unknown(who))?;
    let mut extra = Vec::new();
    if arguments.timeline {
        let all = events::find_about_person(connection, user.id, TIMELINE_MAX).await?;
        extra.push(("timeline", Cell::nested(&all.into_iter().map(TimelineView).collect::<Vec<_>>())));
    }
    context.output.show(&UserView(user), &extra)
}

async fn update(context: &Context, arguments: &UpdateArguments) -> Result<()> {
    let UpdateArguments { email, first_name, last_name, .. } = arguments;
    let update = UserUpdate { email: email.clone(), first_name: first_name.clone(), last_name: last_name.clone() };
    if update.email.is_none() && update.first_name.is_none() && update.last_name.is_none() {
        return Err(Error::usage("nothing to change").hint("give --email, --first-name or --last-name"));
    }
    let database = context.database_for_operation().await?;
    let operations = context.operations(&database, arguments.write.dry_run);
    let changed = service::update(&operations, &arguments.who.who, &update).await?;
    finish_change(context, &database, &changed, arguments.write.dry_run, "updated");
    Ok(())
}

async fn disable(context: &Context, asking: &Asking, arguments: &DisableArguments) -> Result<()> {
    let (who, dry_run) = (&arguments.who.who, arguments.write.dry_run);
    let impact = async || {
        let database = context.database_for_operation().await?;
        let tried = service::set_status(&context.operations(&database, true), who, UserStatus::Disabled).await?;
        Ok(format!("{} will not be able to order until enabled again", printable(&tried.before.email)))
    };
    asking.permission(context, &arguments.answers, dry_run, impact).await?;
    set_status(context, who, UserStatus::Disabled, dry_run).await
}

async fn look_up(context: &Context, who: &str) -> Result<Model> {
    let database = context.database(Access::Read).await?;
    let user = users::find_one(database.connection(), Who::parse(who), users::Lock::None).await?;
    user.ok_or_else(|| service::unknown(who))
}

async fn set_status(context: &Context, who: &str, status: UserStatus, dry_run: bool) -> Result<()> {
    let database = context.database_for_operation().await?;
    let changed = service::set_status(&context.operations(&database, dry_run), who, status).await?;
    let verb = if status == UserStatus::Active { "enabled" } else { "disabled" };
    finish_change(context, &database, &changed, dry_run, verb);
    Ok(())
}

async fn delete(context: &Context, asking: &Asking, arguments: &DeleteArguments) -> Result<()> {
    let user = look_up(context, &arguments.who.who).await?;
    let dry_run = arguments.write.dry_run;
    let database = context.database_for_operation().await?;
    let impact = format!("{} will be deleted for good", printable(&user.email));
    if arguments.asks() {
        service::delete(&context.operations(&database, true), &user.id.to_string()).await?;
    }
    asking.name(context, &arguments.confirm, dry_run, &impact, &user.email)?;
    let user = service::delete(&context.operations(&database, dry_run), &user.id.to_string()).await?;
    let line = format!("user {} {}", printable(&user.email), done(dry_run, "deleted"));
    let json = named(&user, outcome(true, dry_run, Some(&user), None));
    finish(context, &database, dry_run, &Mutation { line, id: user.id.to_string(), json });
    Ok(())
}

async fn anonymize(context: &Context, asking: &Asking, arguments: &DeleteArguments) -> Result<()> {
    let user = look_up(context, &arguments.who.who).await?;
    let dry_run = arguments.write.dry_run;
    let email = printable(&user.email);
    let database = context.database_for_operation().await?;
    if user.status != UserStatus::Anonymized.as_str() {
        if arguments.asks() {
            anonymize::anonymize(&context.operations(&database, true), &user.id.to_string()).await?;
        }
        let impact = format!("{email} will be anonymized for good: name, address and password are erased, orders stay");
        asking.name(context, &arguments.confirm, dry_run, &impact, &user.email)?;
    }
    let changed = anonymize::anonymize(&context.operations(&database, dry_run), &user.id.to_string()).await?;
    let verb = if changed.changed { done(dry_run, "anonymized") } else { "is anonymized already".to_owned() };
    // The answer is the last that tells who it was.
    let json = named(&changed.after, outcome(changed.changed, dry_run, None, Some(&changed.after)));
    let mutation = Mutation { line: format!("user {email} {verb}"), id: user.id.to_string(), json };
    finish(context, &database, dry_run || !changed.changed, &mutation);
    Ok(())
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
