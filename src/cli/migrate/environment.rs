//! `env`

use clap::Args;

use crate::cli::shared::arguments::ConfirmArguments;
use crate::cli::shared::confirm::Prompter;
use crate::cli::shared::effect::Effect;
use crate::cli::shared::values::checked;
use crate::context::Context;
use crate::db::{Access, Database};
use crate::domain::similar::closest;
use crate::error::{CommandLine, Hint, Kind, Result, printable};
use crate::migrate;
use crate::output::{Column, Format, View};

/// Common environments, for suggestions; any other word is valid too.
const COMMON_NAMES: [&str; 4] = [migrate::DEVELOPMENT, "test", "staging", "production"];
/// Maximum length of an environment name, in characters.
const MAX_CHARACTERS: usize = 32;

#[derive(Debug, Args)]
pub struct Arguments {
    /// What the database is for, e.g. production
    #[arg(value_name = "ENVIRONMENT", value_parser = checked(parse))]
    environment: Option<String>,
    #[command(flatten)]
    confirm: ConfirmArguments,
}

pub async fn run(context: &Context, prompter: &Prompter, arguments: &Arguments) -> Result<Effect> {
    let Some(environment) = &arguments.environment else {
        let database = context.database(Access::Read).await?;
        let connection = database.connection();
        let environment = migrate::setting(connection, migrate::ENVIRONMENT).await?;
        if environment.is_none() {
            let set = |name: &str| CommandLine::new("migrate env").argument(name);
            let of_a_shop =
                Hint::from("no environment is set for this database; for a real shop: ").and(set("production"));
            let both = of_a_shop.and("\nfor one with sample data: ").and(set(migrate::DEVELOPMENT));
            context.output.suggest(both);
        }
        // Line formats print nothing for a missing value.
        if environment.is_some() || matches!(context.output.format(), Format::Json | Format::Jsonl | Format::MongoJson)
        {
            context.output.show(&EnvironmentView(environment), &[])?;
        }
        return migrate::refuse_removal(connection, Kind::CheckFailed).await.map(Effect::from);
    };
    let database = context.database(Access::Write).await?;
    migrate::refuse_removal(database.connection(), Kind::Conflict).await?;
    let before = migrate::setting(database.connection(), migrate::ENVIRONMENT).await?;
    if before.as_ref() == Some(environment) {
        return context.output.show(&EnvironmentView(before), &[]).map(Effect::from);
    }
    let is_other = before.as_ref().is_some_and(|before| before != migrate::DEVELOPMENT);
    let meant = closest(environment, COMMON_NAMES).filter(|usual| usual != environment);
    if is_other || context.config.protected || meant.is_some() {
        let impact = impact(&database, before.as_deref(), environment, meant);
        let (confirm, name) = (&arguments.confirm.confirm, context.config.target.name());
        prompter.confirm_by_name(confirm, &impact, &name).await.map_err(|error| {
            let instead =
                |meant| Hint::from("if that was meant: ").and(CommandLine::new("migrate env").argument(meant));
            error.hints_of(meant.map(instead))
        })?;
    }
    migrate::set_setting(&database, migrate::ENVIRONMENT, environment).await?;
    context.output.show(&EnvironmentView(Some(environment.clone())), &[])?;
    Ok(Effect::Changed(database.target().clone()))
}

/// The sentence that the user confirms.
fn impact(database: &Database, before: Option<&str>, environment: &str, meant: Option<&str>) -> String {
    let target = database.target();
    let mut impact = match before {
        Some(before) => format!("this marks {target}, now for {}, as a database for {environment}", printable(before)),
        None => format!("this marks {target} as a database for {environment}"),
    };
    if let Some(meant) = meant {
        impact.push_str(&format!(" (did you mean {meant}?)"));
    }
    impact + "; this decides what may be destroyed in it"
}

/// Parses a word of letters, digits, `-` and `_`, and converts it to lower case.
fn parse(text: &str) -> Result<String, String> {
    let word = text.trim().to_lowercase();
    let is_word = word.chars().all(|letter| letter.is_ascii_alphanumeric() || "-_".contains(letter));
    if is_word && (1..=MAX_CHARACTERS).contains(&word.len()) {
        return Ok(word);
    }
    Err(format!("must be one word of at most {MAX_CHARACTERS} letters, digits, - and _"))
}

struct EnvironmentView(Option<String>);

impl View for EnvironmentView {
    const NOUN: &'static str = "environments";
    const COLUMNS: &'static [Column<Self>] = &[Column::new("environment", "ENVIRONMENT", |view| view.0.clone().into())];
}
