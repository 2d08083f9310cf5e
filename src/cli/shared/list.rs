//! Shared implementation of `list` and `export`: the matching rows, page by page.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use clap::Args;
use clap::builder::CommandExt;
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate};
use sea_orm::EntityTrait;

use super::arguments::ListArguments;
use crate::context::Context;
use crate::db::{Access, Database};
use crate::domain::page::Sort;
use crate::domain::{Cursor, Page};
use crate::error::{CommandLine, Result};
use crate::file;
use crate::output::{Format, ListFooter, MoreRows, Output, View, field_names};
use crate::repository::{self, ListFilter, Listing, sort_field};

/// Number of rows that an export reads at once.
const ROWS: u64 = 1_000;

/// Arguments that select rows of a noun, and the queries that find them.
pub trait ListQuery: Args + 'static {
    type Filter: ListFilter;
    type Row: View;
    /// The sort order without `--sort`.
    const DEFAULT_SORT: &'static str = "-created_at";

    /// Checks the arguments without a database. Errors: exit 7 for a filter that nothing can match.
    fn check(&self, _context: &Context) -> Result<()> {
        Ok(())
    }

    /// The filter; names are resolved by queries.
    ///
    /// Errors: exit 3 for an unknown name.
    async fn filter(&self, context: &Context, database: &Database) -> Result<Self::Filter>;

    /// The rows as they are shown; what they name is looked up, some of it only if `--fields` asks for it.
    async fn rows(output: &Output, database: &Database, found: Vec<Stored<Self>>) -> Result<Vec<Self::Row>>;
}

/// The stored rows of a list.
pub type Stored<N> = <<<N as ListQuery>::Filter as ListFilter>::Entity as EntityTrait>::Model;

/// A page of a list, as it is shown.
async fn page<N: ListQuery>(
    output: &Output,
    database: &Database,
    filter: &N::Filter,
    page: &Page,
) -> Result<Listing<N::Row>> {
    let found = repository::find_all(database.connection(), filter, page).await?;
    Ok(Listing { items: N::rows(output, database, found.items).await?, next: found.next })
}

/// The rows after a page. They are counted for people only: a program that needs the number asks for it (`--count`), and
/// the others need not wait for it.
async fn more<F: ListFilter>(output: &Output, database: &Database, filter: &F, after: &Cursor) -> Result<MoreRows> {
    let count = match output.is_on_terminal() {
        true => Some(repository::count_after(database.connection(), filter, after, MoreRows::COUNTED_MAX + 1).await?),
        false => None,
    };
    Ok(MoreRows { count, command: CommandLine::again().without("--offset").option("--after", &after.encode()) })
}

/// The fields that `--fields` of a command selects, for completion.
#[derive(Debug, Clone, Copy)]
pub struct FieldNames {
    of_view: fn() -> Vec<&'static str>,
    extra: &'static [&'static str],
}

impl FieldNames {
    pub fn of<V: View>() -> FieldNames {
        FieldNames::with::<V>(&[])
    }

    /// Those of a view, and others that the command adds.
    pub fn with<V: View>(extra: &'static [&'static str]) -> FieldNames {
        FieldNames { of_view: field_names::<V>, extra }
    }

    pub fn all(&self) -> Vec<&'static str> {
        [&(self.of_view)(), self.extra].concat()
    }
}

impl CommandExt for FieldNames {}

/// The fields that `--sort` accepts, which begin as typed.
fn sort_fields<N: ListQuery>(typed: &OsStr) -> Vec<CompletionCandidate> {
    let Some(typed) = typed.to_str() else { return Vec::new() };
    let sign = if typed.starts_with('-') { "-" } else { "" };
    let names = N::Filter::SORT_FIELDS.iter().map(|field| format!("{sign}{}", field.name));
    names.filter(|name| name.starts_with(typed)).map(CompletionCandidate::new).collect()
}

#[derive(Debug, Args)]
#[command(add = FieldNames::of::<N::Row>())]
#[expect(clippy::struct_field_names, reason = "`list` is what all lists share")]
pub struct List<N: ListQuery> {
    #[command(flatten)]
    filter: N,
    #[command(flatten)]
    pub list: ListArguments,
    #[arg(long, value_name = "[-]FIELD", allow_hyphen_values = true, help = sort_help(N::DEFAULT_SORT), add = ArgValueCompleter::new(sort_fields::<N>))]
    sort: Option<String>,
}

fn sort_help(usual: &str) -> String {
    format!("Sort by FIELD, or by -FIELD in descending order [default: {usual}]")
}

#[derive(Debug, Args)]
#[command(add = FieldNames::of::<N::Row>())]
pub struct Export<N: ListQuery> {
    #[command(flatten)]
    pub filter: N,
    /// Write to FILE; its extension sets the format (- for standard output)
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

// Flags of exports in one format.
#[derive(Debug, Args)]
pub struct OutArguments {
    /// Write to FILE; it appears only when complete (- for standard output)
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

impl<N: ListQuery> List<N> {
    /// Prints one page and the cursor of the next, or with `--all` every page as it is read.
    pub async fn run(&self, context: &Context) -> Result<()> {
        context.output.check_fields::<N::Row>(&[])?;
        self.filter.check(context)?;
        let wanted = self.list.page(self.sort.as_deref(), N::DEFAULT_SORT);
        sort_field(N::Filter::SORT_FIELDS, &wanted.sort)?;
        let database = context.database(Access::Read).await?;
        let filter = self.filter.filter(context, &database).await?;
        let count = async || match self.list.count {
            true => repository::count(database.connection(), &filter).await.map(Some),
            false => Ok(None),
        };
        if self.list.all {
            return print_all::<N>(&context.output, &database, &filter, wanted, count).await;
        }
        let found = page::<N>(&context.output, &database, &filter, &wanted).await?;
        let more = match &found.next {
            Some(cursor) if context.output.has_notes() => {
                Some(more(&context.output, &database, &filter, cursor).await?)
            }
            _ => None,
        };
        let next = found.next.map(|cursor| cursor.encode());
        let footer = ListFooter { next: next.as_deref(), more, total: count().await?, totals: &[] };
        context.output.page(&found.items, &footer)
    }
}

impl<N: ListQuery> Export<N> {
    /// As [`export_format`].
    pub fn format(&self, context: &Context) -> Result<Format> {
        export_format(context, self.out.as_deref())
    }

    pub async fn run(&self, context: &Context) -> Result<()> {
        self.filter.check(context)?;
        export(context, &self.filter, self.format(context)?, self.out.as_deref()).await
    }
}

/// The format of `--output`, else of the file extension, else CSV.
///
/// Errors: exit 2 for an unknown file extension.
pub fn export_format(context: &Context, out: Option<&Path>) -> Result<Format> {
    let ending = out.and_then(|path| Some((path, file::ending_of(path)?)));
    match (context.output.requested_format(), ending) {
        (Some(asked), _) => Ok(asked),
        (None, None) => Ok(Format::Csv),
        (None, Some((path, ending))) => Format::from_extension(&ending)
            .ok_or_else(|| file::wrong_ending(path, &ending, &["csv", "tsv", "json", "jsonl"])),
    }
}

/// Exports all matching rows, oldest first, to a file, which only appears when complete, or to stdout.
///
/// Errors: those of the filter; exit 5 if the disk is full, exit 4 if the file cannot be written.
pub async fn export<N: ListQuery>(context: &Context, query: &N, format: Format, out: Option<&Path>) -> Result<()> {
    let database = context.database(Access::Read).await?;
    let filter = query.filter(context, &database).await?;
    let export = context.output.open_export(format, out).await?;
    let page = Page { limit: ROWS, offset: 0, after: None, sort: Sort::parse(N::DEFAULT_SORT.trim_start_matches('-')) };
    print_all::<N>(export.output(), &database, &filter, page, async || Ok(None)).await?;
    export.complete()
}

/// Prints this page and all following ones, as they are read.
async fn print_all<N: ListQuery>(
    output: &Output,
    database: &Database,
    filter: &N::Filter,
    mut wanted: Page,
    count: impl AsyncFnOnce() -> Result<Option<u64>>,
) -> Result<()> {
    let mut rows = output.rows::<N::Row>()?;
    loop {
        let found = page::<N>(output, database, filter, &wanted).await?;
        for row in &found.items {
            rows.push(row)?;
        }
        match found.next {
            Some(cursor) if !output.is_closed() => wanted.after = Some(cursor),
            _ => return rows.finish(&ListFooter { total: count().await?, ..ListFooter::default() }),
        }
    }
}
