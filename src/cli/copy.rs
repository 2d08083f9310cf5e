//! `shopctl copy`

mod masked;

use clap::Args;
use serde::Serialize;
use serde_json::Value;

use super::shared::confirm::Prompter;
use super::shared::effect::Effect;
use super::shared::migrations::whole_plan;
use super::shared::transfer::{
    check, compare_shops, extent, is_empty, name_foreign, note_applied, open_to_read, prepare, print_differences,
    reporting, shop_named, tables_json, told,
};
use super::shared::values::checked;
use crate::config::Config;
use crate::context::Context;
use crate::db::{Access, Database};
use crate::domain::Share;
use crate::error::{CommandLine, Error, Hint, Kind, Result};
use crate::migrate;
use crate::output::Mutation;
use crate::transfer::compare::Compared;
use crate::transfer::fill::{Filled, fill};
use crate::transfer::snapshot::ShopSnapshot;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  shopctl copy --from sqlite:shop.db --to postgres://postgres@localhost/shop
  shopctl copy --from live --to sqlite:dev.db --mask --sample 5%
  shopctl copy --from live --to staging --verify-only")]
pub struct Arguments {
    /// Shop to read: a context or URL
    #[arg(long, value_name = "SHOP")]
    from: String,
    /// Empty database to fill: a context or URL
    #[arg(long, value_name = "SHOP")]
    to: String,
    /// Only compare both shops and check the target
    #[arg(long)]
    verify_only: bool,
    /// Replace personal data and free texts; leave out seals and seeds' history
    #[arg(long, conflicts_with = "verify_only")]
    mask: bool,
    /// Copy this share of the users with what belongs to them, e.g. 5%
    #[arg(long, value_name = "P%", requires = "mask", allow_hyphen_values = true, value_parser = checked(Share::parse))]
    sample: Option<Share>,
    /// Confirm by giving the name of a protected target's database
    #[arg(long, value_name = "NAME")]
    confirm: Option<String>,
}

/// The result as JSON.
#[derive(Serialize)]
struct CopiedShop {
    changed: bool,
    masked: bool,
    from: String,
    to: String,
    tables: Value,
    /// The hash of the last seal.
    head: Option<String>,
}

pub async fn run(context: &Context, prompter: &Prompter, arguments: &Arguments) -> Result<Effect> {
    let (source, target) = (shop_named(context, &arguments.from)?, shop_named(context, &arguments.to)?);
    if source.target == target.target {
        return Err(Error::usage(format!("--from and --to are the same database: {}", source.target)));
    }
    let from = open_to_read(context, &source).await?;
    name_foreign(context, &from).await?;
    if arguments.verify_only {
        let to = open_to_read(context, &target).await?;
        let compared = compare_shops(context, &from, &to).await?;
        print_differences(context, &compared)?;
        check(context, &to, &to.target().to_string()).await?;
        return Ok(Effect::Unchanged);
    }
    confirm(prompter, arguments, [&source, &target]).await?;
    let to = context.database_of(&target, Access::Create).await?;
    if arguments.mask {
        return masked::run(context, &from, &to, arguments.sample).await;
    }
    let loaded = match is_empty(&to).await? {
        true => Some(write(context, &from, &to).await?),
        false => None,
    };
    name_foreign(context, &to).await?;
    let compared = compare_shops(context, &from, &to).await?;
    match &loaded {
        Some(loaded) => judge(&from, &to, loaded, &compared)?,
        None if !compared.iter().all(Compared::is_same) => return Err(not_empty(&from, &to, &compared)),
        None => {}
    }
    let head = check(context, &to, &to.target().to_string()).await?;
    print(context, (&from, &to), loaded.as_deref(), head);
    Ok(Effect::new(loaded.is_some(), false, to.target()))
}

async fn confirm(prompter: &Prompter, arguments: &Arguments, [source, target]: [&Config; 2]) -> Result<()> {
    if !target.protected {
        return Ok(());
    }
    let impact = format!("this copies the shop {} to {}, which is protected", source.target, target.target);
    prompter.confirm_by_name(&arguments.confirm, &impact, &target.target.name()).await
}

/// Creates the schema and writes all rows.
async fn write(context: &Context, from: &Database, to: &Database) -> Result<Vec<Filled>> {
    let mut shop = ShopSnapshot::whole(from).await?;
    let environment = migrate::setting(shop.connection(), migrate::ENVIRONMENT).await?;
    note_applied(context, to, prepare(to, &whole_plan(context), environment.as_deref()).await?);
    let total = shop.count().await?;
    let remedy = Hint::from("to check, and to complete the copy: ").and(CommandLine::again());
    let report = &mut reporting(context, total);
    let loaded = fill(&mut shop, to, &context.committing, remedy, report, &|_| None).await?;
    shop.end().await;
    Ok(loaded)
}

/// Whether the copy is what was read, and the source still is.
///
/// Errors: exit 9, with the rows that differ.
fn judge(from: &Database, to: &Database, loaded: &[Filled], compared: &[Compared]) -> Result<()> {
    let differs = |side: usize| {
        let table = |table: &&Compared| {
            let read = loaded.iter().find(|(loaded, _)| loaded.name == table.table);
            read.is_none_or(|(_, fingerprint)| fingerprint.digest() != table.digests[side])
        };
        compared.iter().filter(table).cloned().collect::<Vec<_>>()
    };
    let of_rows = |code, message| Err(Error::new(Kind::CheckFailed, code, message).hint(diff(from, to)));
    let (changed, wrong) = (differs(0), differs(1));
    if !wrong.is_empty() {
        return of_rows("copy.different", format!("the copy differs from what was read: {}", told(&wrong)));
    }
    if !changed.is_empty() {
        let message =
            format!("the copy is complete, but {} has changed since it began: {}", from.target(), told(&changed));
        return of_rows("copy.outdated", message);
    }
    Ok(())
}

fn diff(from: &Database, to: &Database) -> Hint {
    let diff = CommandLine::anywhere("diff").argument(&from.target().to_string()).argument(&to.target().to_string());
    Hint::from("to see each row: ").and(diff)
}

fn not_empty(from: &Database, to: &Database, compared: &[Compared]) -> Error {
    let message = format!("{} is not empty and differs from {}: {}", to.target(), from.target(), told(compared));
    Error::conflict("copy.not_empty", message)
        .hint(diff(from, to))
        .hint(Hint::from("to drop everything in it first: ").and(emptying(to)))
}

/// The command that empties the target.
fn emptying(to: &Database) -> CommandLine {
    CommandLine::new("migrate fresh").on(to.target().to_string())
}

fn print(context: &Context, (from, to): (&Database, &Database), loaded: Option<&[Filled]>, head: Option<String>) {
    let line = match loaded {
        Some(loaded) => format!("shop copied to {}: {}", to.target(), extent(loaded)),
        None => format!("shop unchanged: {} already has every row of {}", to.target(), from.target()),
    };
    let line = head.iter().fold(line, |line, head| format!("{line}; seal head {head}"));
    let change = CopiedShop {
        changed: loaded.is_some(),
        masked: false,
        from: from.target().to_string(),
        to: to.target().to_string(),
        tables: loaded.map_or(Value::Null, tables_json),
        head,
    };
    context.output.mutation(&Mutation::new(line, to.target(), change));
    if loaded.is_some() && context.config.target != *to.target() {
        let setting = format!("database_url = \"{}\"", to.target());
        context.output.suggest(format!("to use it from now on: {setting} in shopctl.toml"));
    }
}
