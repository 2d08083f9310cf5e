//! `shopctl backup`

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde::Serialize;
use serde_json::{Value, json};

use super::shared::effect::Effect;
use super::shared::migrations::whole_plan;
use super::shared::transfer::{backups, check, extent, name_foreign, prepare, tables_json};
use crate::context::Context;
use crate::db::Access;
use crate::db::target::Engine;
use crate::domain::moment;
use crate::domain::text::{and_more, counted};
use crate::error::{CommandLine, Error, Hint, Kind, Result};
use crate::file::{check_ending, is_standard_stream};
use crate::output::Mutation;
use crate::transfer::fill::odd_rows;
use crate::transfer::snapshot::ShopSnapshot;

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
#[command(after_help = "Examples:
  shopctl backup
  shopctl backup --out shop.backup
  shopctl backup verify shop.backup")]
pub struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// File to write, - for standard output [default: a new file in the backup folder]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
#[command(defer = true)]
enum Command {
    /// Restore a backup to a scratch shop and check everything there
    #[command(after_help = "Example:\n  shopctl backup verify shop.backup")]
    Verify(VerifyArguments),
}

#[derive(Debug, Args)]
struct VerifyArguments {
    /// Backup to verify (- for standard input)
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// Standard output as a file.
const STDOUT: &str = "/dev/stdout";

/// The result as JSON.
#[derive(Serialize)]
struct Backup {
    /// `None` for a pipe.
    bytes: Option<u64>,
    tables: Value,
    /// The hash of the last seal.
    head: Option<String>,
}

/// The result of a verification as JSON.
#[derive(Serialize)]
struct VerifiedBackup {
    #[serde(flatten)]
    backup: Backup,
    /// The engines that would refuse some of its rows.
    refused_by: Vec<&'static str>,
}

/// How many rows a message names.
const ROWS_NAMED: usize = 5;

pub async fn run(context: &Context, arguments: &Arguments) -> Result<Effect> {
    context.check_mutation_output()?;
    match &arguments.command {
        Some(Command::Verify(arguments)) => verify(context, &arguments.file).await?,
        None => back_up(context, arguments.out.as_deref()).await?,
    }
    Ok(Effect::Unchanged)
}

async fn back_up(context: &Context, out: Option<&Path>) -> Result<()> {
    if let Some(out) = out {
        check_out(context, out)?;
    }
    let database = context.database(Access::Read).await?;
    name_foreign(context, &database).await?;
    let to_stdout = out.is_some_and(is_standard_stream);
    let path = match out {
        // A reader that ends early is an error of a backup.
        Some(_) if to_stdout => PathBuf::from(STDOUT),
        Some(out) => out.to_owned(),
        None => backups::new_path(context, &context.config)?,
    };
    let manifest = backups::back_up(context, &database, &path).await?;
    let shown = if to_stdout { "standard output".to_owned() } else { path.display().to_string() };
    let bytes = size(&path);
    let extent = format!("{}, {}", counted(manifest.tables.len(), "table"), counted(manifest.rows(), "row"));
    let size = bytes.map(|bytes| format!(", {}", counted(bytes, "byte"))).unwrap_or_default();
    let line = format!("backup written to {shown}: {extent}{size}");
    if to_stdout {
        context.output.note(&line);
        return Ok(());
    }
    let change = Backup { bytes, tables: json!(manifest.tables), head: manifest.head };
    context.output.mutation(&Mutation::new(line, &shown, change));
    if bytes.is_some() {
        let verify = CommandLine::new("backup verify").argument(&shown);
        context.output.suggest(Hint::from("to verify that it can be restored: ").and(verify));
    }
    Ok(())
}

/// Errors: exit 2 for another extension, and for standard output if it is a terminal or has the result in JSON.
fn check_out(context: &Context, out: &Path) -> Result<()> {
    if !is_standard_stream(out) {
        return check_ending(out, &[backups::ENDING]);
    }
    match (context.output.is_on_terminal(), context.output.requested_format()) {
        (true, _) => Err(Error::usage("a backup is not text")
            .hint(Hint::from("name a file, or pass it on: ").and(CommandLine::again()).and(" | …"))),
        (false, Some(format)) => Err(Error::usage(format!("--output {} is not for --out -", format.as_str()))),
        (false, None) => Ok(()),
    }
}

async fn verify(context: &Context, path: &Path) -> Result<()> {
    let reader = backups::open(context, path).await?;
    let (header, shown) = (reader.header().clone(), backups::name(path));
    let scratch = context.connections.scratch_file().await?;
    let loaded = backups::restore(context, reader, &scratch).await?;
    prepare(&scratch, &whole_plan(context), None).await?;
    let head = check(context, &scratch, &shown).await.map_err(|error| match error.kind() {
        Kind::CheckFailed => {
            let restore =
                CommandLine::new("restore").argument(&path.to_string_lossy()).option("--to", "sqlite:checked.db");
            error.without_hints().hint(Hint::from("to look into it, restore it to a new file: ").and(restore))
        }
        _ => error,
    })?;
    let refusing: Vec<&str> = Engine::ALL
        .into_iter()
        .filter(|engine| !engine.holds_any_value && engine.as_str() != header.engine)
        .map(Engine::as_str)
        .collect();
    let mut shop = ShopSnapshot::begin(&scratch).await?;
    let (odd, named) = odd_rows(&mut shop, ROWS_NAMED).await?;
    shop.end().await;
    let mut only = String::new();
    if odd > 0 {
        let named = format!("{}{}", named.join("; "), and_more(odd - named.len() as u64));
        let engines = refusing.join(" and ");
        context.output.warn(&format!("{engines} would refuse {}: {named}", counted(odd, "row")));
        only = format!(", but not to {}", refusing.join(" or "));
    }
    let time = moment::parse(&header.time).map_or(header.time, |time| context.zone.text_with_offset(time));
    let of = format!("{shown} can be restored{only}: {}, as of {time}, from {}", extent(&loaded), header.engine);
    let line = head.iter().fold(of, |line, head| format!("{line}; seal head {head}"));
    let refused_by = if odd > 0 { refusing } else { Vec::new() };
    let change =
        VerifiedBackup { backup: Backup { bytes: size(path), tables: tables_json(&loaded), head }, refused_by };
    context.output.mutation(&Mutation::new(line, &shown, change));
    Ok(())
}

/// How many bytes a file has; `None` for a pipe.
fn size(path: &Path) -> Option<u64> {
    std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file).map(|found| found.len())
}
