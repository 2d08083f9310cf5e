//! `new`: drafts a migration in the project's folder.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use crate::context::Context;
use crate::error::{Error, Result, io_reason};
use crate::file::{OutputFile, unwritable};
use crate::migrate::Catalog;
use crate::migrate::draft::{Draft, DraftStyle, registered};
use crate::output::Mutation;

/// The path of the migrations in the project.
const FOLDER: &str = "migration/src";

#[derive(Debug, Args)]
pub struct Arguments {
    /// Name; create_TABLE and add_COLUMN_to_TABLE get a draft
    #[arg(value_name = "NAME")]
    name: String,
    /// Draft SQL for each engine instead of sea-query builders
    #[arg(long)]
    sql: bool,
    /// Folder of the migrations
    #[arg(long, value_name = "FOLDER", default_value = FOLDER)]
    dir: PathBuf,
}

pub async fn run(context: &Context, arguments: &Arguments) -> Result<()> {
    context.output.check_mutation_format()?;
    let form = if arguments.sql { DraftStyle::Sql } else { DraftStyle::Builders };
    let draft = Draft::new(&arguments.name, form, context.clock.now())?;
    if let Some(newer) = Catalog::embedded().names().find(|name| *name >= draft.name.as_str()) {
        let message = format!("{} would not be the newest: {newer} is later", draft.name);
        return Err(Error::usage(message).hint("correct this machine's clock"));
    }
    let list = arguments.dir.join("lib.rs");
    let refused = |what: String| {
        Error::configuration("migrate.no_list", format!("{}: {what}", list.display()))
            .hint("run it in a checkout of shopctl, or give the folder with --dir")
    };
    let text = fs::read_to_string(&list).map_err(|error| refused(io_reason(&error)))?;
    let text = registered(&text, &draft.name).ok_or_else(|| refused("is not the list of the migrations".to_owned()))?;
    let path = arguments.dir.join(format!("{}.rs", draft.name));
    write(&path, &draft.text).await?;
    write(&list, &text).await?;
    let change = WrittenDraft { name: &draft.name, path: &path, changed: true };
    let line = format!("wrote {}, and its line in {}", path.display(), list.display());
    context.output.mutation(&Mutation::new(line, &draft.name, change));
    context.output.note("next: write its statements, then:");
    for step in STEPS {
        context.output.note(step);
    }
    Ok(())
}

#[derive(Serialize)]
struct WrittenDraft<'a> {
    name: &'a str,
    path: &'a Path,
    changed: bool,
}

/// The remaining steps, as commands.
const STEPS: [&str; 4] = [
    "  cargo fmt",
    "  cargo run -- migrate plan --sql --backend postgres  # shows it, without a database",
    "  cargo run -- migrate bless                          # locks it",
    "  cargo test --test suite migrate                     # up and down give the same schema, on every engine",
];

async fn write(path: &Path, text: &str) -> Result<()> {
    let mut file = OutputFile::open(path).await?;
    file.write_all(text.as_bytes()).map_err(|error| unwritable(path, &error))?;
    file.complete()
}
