//! `shopctl restore`

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;
use serde_json::Value;

use super::shared::confirm::Prompter;
use super::shared::effect::Effect;
use super::shared::migrations::whole_plan;
use super::shared::transfer::{
    backups, check, extent, foreign_columns, is_empty, name_foreign, note_applied, prepare, shop_named, tables_json,
};
use crate::config::Config;
use crate::context::Context;
use crate::db::ddl::damage;
use crate::db::{Access, Database, set_aside};
use crate::error::{Cause, CommandLine, Error, Hint, Result, printable};
use crate::output::Mutation;
use crate::transfer::backup::BackupReader;
use crate::transfer::fill::Filled;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  shopctl restore shop.backup
  shopctl restore shop.backup --to postgres://postgres@localhost/shop
  shopctl restore shop.backup --replace --confirm shop")]
pub struct Arguments {
    /// Backup to restore (- for standard input)
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Empty database to fill: a context or URL [default: the configured one]
    #[arg(long, value_name = "SHOP")]
    to: Option<String>,
    /// Replace the shop there: back it up first, or move a damaged file aside
    #[arg(long)]
    replace: bool,
    /// Confirm by giving the database's name
    #[arg(long, value_name = "NAME")]
    confirm: Option<String>,
}

/// The result as JSON.
#[derive(Serialize)]
struct RestoredShop {
    changed: bool,
    tables: Value,
    /// The hash of the last seal.
    head: Option<String>,
}

pub async fn run(context: &Context, prompter: &Prompter, arguments: &Arguments) -> Result<Effect> {
    let config = match &arguments.to {
        Some(shop) => shop_named(context, shop)?,
        None => context.config.clone(),
    };
    let mut reader = backups::open(context, &arguments.file).await?;
    let (database, is_same) = match emptied(context, prompter, arguments, &config, &mut reader).await {
        Err(error) if error.is(Cause::Damaged) || error.is(Cause::NotADatabase) => {
            set_damaged_aside(context, prompter, arguments, &config, error).await?;
            emptied(context, prompter, arguments, &config, &mut reader).await?
        }
        found => found?,
    };
    let loaded = match is_same {
        true => None,
        false => Some(backups::restore(context, reader.again()?, &database).await?),
    };
    note_applied(context, &database, prepare(&database, &whole_plan(context), None).await?);
    let shop = database.target().to_string();
    let head = check(context, &database, &shop).await?;
    print(context, arguments, &shop, loaded.as_deref(), head);
    Ok(Effect::new(loaded.is_some(), false, database.target()))
}

/// Opens the database and empties it, unless it has every row of the backup already: then it is left as it is.
async fn emptied(
    context: &Context,
    prompter: &Prompter,
    arguments: &Arguments,
    config: &Config,
    reader: &mut BackupReader,
) -> Result<(Database, bool)> {
    let database = context.database_of(config, Access::Create).await?;
    // A shop with every row may still have a damaged index.
    if arguments.replace
        && let Some(first) = damage(database.connection()).await?.first()
    {
        let message = format!("{} is damaged: {}", database.target(), printable(first));
        return Err(Error::from_cause(Cause::Damaged, message));
    }
    name_foreign(context, &database).await?;
    let is_empty = is_empty(&database).await?;
    if !is_empty && backups::has_all(&database, reader).await? {
        return Ok((database, true));
    }
    if !is_empty {
        replace(context, prompter, arguments, config, &database).await?;
    } else if config.protected {
        let impact = format!("this restores the backup to {}, which is protected", config.target);
        prompter.confirm_by_name(&arguments.confirm, &impact, &config.target.name()).await?;
    }
    Ok((database, false))
}

/// Moves a file that is damaged, or no database, out of the way, if that is wanted: it cannot be backed up.
///
/// Errors: `damage` if it is not; those of a confirmation and of renaming.
async fn set_damaged_aside(
    context: &Context,
    prompter: &Prompter,
    arguments: &Arguments,
    config: &Config,
    damage: Error,
) -> Result<()> {
    let Some(file) = config.target.file() else { return Err(damage) };
    if !arguments.replace {
        let again = CommandLine::again().flag("--replace");
        return Err(damage.without_hints().hint(Hint::from("to move it aside and restore the backup: ").and(again)));
    }
    let impact = format!("{damage}; this moves the file aside and restores the backup in its place");
    prompter.confirm_by_name(&arguments.confirm, &impact, &config.target.name()).await?;
    context.connections.close().await;
    let aside = set_aside(file, context.clock.now())?;
    context.output.note(&format!("{} moved to {}", file.path.display(), aside.display()));
    Ok(())
}

/// Removes the shop that is there, if that is wanted, after a backup of it.
///
/// Errors: exit 6 if it is not; those of a confirmation, of the backup and of [`Database::clear`].
async fn replace(
    context: &Context,
    prompter: &Prompter,
    arguments: &Arguments,
    config: &Config,
    database: &Database,
) -> Result<()> {
    if !arguments.replace {
        let message = format!("{} is not empty and differs from the backup; nothing was changed", database.target());
        let again = CommandLine::again().flag("--replace");
        return Err(Error::conflict("restore.not_empty", message)
            .hint(Hint::from("to replace its shop, after a backup of it: ").and(again)));
    }
    let foreign = foreign_columns(database).await?;
    let lost = if foreign.is_empty() { String::new() } else { format!("; lost with its rows: {}", foreign.join(", ")) };
    let impact = format!("this replaces the shop in {}, after backing it up{lost}", database.target());
    prompter.confirm_by_name(&arguments.confirm, &impact, &config.target.name()).await?;
    let manifest = backups::back_up_before(context, config, database, "restore").await?;
    backups::clear(database, &manifest).await
}

fn print(context: &Context, arguments: &Arguments, shop: &str, loaded: Option<&[Filled]>, head: Option<String>) {
    let file = backups::name(&arguments.file);
    let line = match loaded {
        Some(loaded) => format!("{file} restored to {shop}: {}", extent(loaded)),
        None => format!("shop unchanged: {shop} already has every row of {file}"),
    };
    let line = head.iter().fold(line, |line, head| format!("{line}; seal head {head}"));
    let change = RestoredShop { changed: loaded.is_some(), tables: loaded.map_or(Value::Null, tables_json), head };
    context.output.mutation(&Mutation::new(line, shop, change));
}
