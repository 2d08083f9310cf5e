//! What every `list` does: one page, or everything streamed page by page.

use super::arguments::ListArguments;
use crate::context::Context;
use crate::domain::Page;
use crate::error::Result;
use crate::output::View;

/// A timeline shows so many events, the newest; `audit list` has them all.
pub const TIMELINE_MAX: u64 = 1_000;

/// Rows of a page as they are shown, and where the list goes on.
pub struct Shown<V> {
    pub rows: Vec<V>,
    pub next: Option<crate::domain::Cursor>,
}

/// Prints one page with its continuation, or with `--all` every page as it comes.
pub async fn print<V: View>(
    context: &Context,
    arguments: &ListArguments,
    mut page: Page,
    fetch: impl AsyncFn(&Page) -> Result<Shown<V>>,
    count: impl AsyncFn() -> Result<u64>,
) -> Result<()> {
    if !arguments.all {
        let shown = fetch(&page).await?;
        let total = if arguments.count { Some(count().await?) } else { None };
        let next = shown.next.map(|cursor| cursor.encode());
        return context.output.list(&shown.rows, next.as_deref(), total);
    }
    let mut stream = context.output.rows::<V>()?;
    loop {
        let shown = fetch(&page).await?;
        for row in &shown.rows {
            stream.push(row)?;
        }
        match shown.next {
            Some(cursor) if !context.output.is_closed() => page.after = Some(cursor),
            _ => break,
        }
    }
    let total = if arguments.count { Some(count().await?) } else { None };
    stream.finish(None, total)
}
