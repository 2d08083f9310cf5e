//! What every `export` does: everything that matches, streamed page by page, into a file that is
//! complete or absent, or to stdout.

use std::path::{Path, PathBuf};

use clap::Args;

use super::list::Shown;
use crate::context::Context;
use crate::domain::Page;
use crate::domain::page::Sort;
use crate::error::Result;
use crate::file;
use crate::output::{Format, View};

/// Rows that an export reads at once.
const ROWS: u64 = 1_000;

#[derive(Debug, Args)]
pub struct ExportArguments {
    /// Write this file, complete or not at all; its ending tells the format; - is standard output
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

impl ExportArguments {
    /// What `--output` says, else the file's ending, else CSV.
    ///
    /// Errors: exit 2 for an ending that is not that of any format.
    pub fn format(&self, context: &Context) -> Result<Format> {
        let ending = self.out.as_deref().and_then(|path| Some((path, file::ending_of(path)?)));
        match (context.output.asked_format(), ending) {
            (Some(asked), _) => Ok(asked),
            (None, None) => Ok(Format::Csv),
            (None, Some((path, ending))) => Format::of_ending(&ending)
                .ok_or_else(|| file::wrong_ending(path, &ending, &["csv", "tsv", "json", "jsonl"])),
        }
    }
}

/// Exports what `fetch` gives, oldest first; `oldest` is the noun's own field for that.
///
/// Errors: those of `fetch`; exit 5 when the disk is full, exit 4 when the file cannot be written.
pub async fn run<V: View>(
    context: &Context,
    format: Format,
    out: Option<&Path>,
    oldest: &str,
    fetch: impl AsyncFn(&Page) -> Result<Shown<V>>,
) -> Result<()> {
    let output = context.output.exporting(format, out).await?;
    let mut rows = output.output().rows::<V>()?;
    let mut page = Page { limit: ROWS, offset: 0, after: None, sort: Sort::parse(oldest) };
    loop {
        let shown = fetch(&page).await?;
        for row in &shown.rows {
            rows.push(row)?;
        }
        match shown.next {
            Some(cursor) if !output.output().is_closed() => page.after = Some(cursor),
            _ => break,
        }
    }
    rows.finish(None, None)?;
    output.complete()
}
