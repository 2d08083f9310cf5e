//! `--mask`: a copy without anybody's name in it.

use super::{CopiedShop, emptying};
use crate::cli::shared::effect::Effect;
use crate::cli::shared::migrations::whole_plan;
use crate::cli::shared::transfer::{
    check, extent, is_empty, name_foreign, note_applied, prepare, reporting, tables_json,
};
use crate::context::Context;
use crate::db::Database;
use crate::domain::Share;
use crate::error::{CommandLine, Error, Hint, Kind, Result};
use crate::migrate;
use crate::output::Mutation;
use crate::transfer::fill::{Filled, fill};
use crate::transfer::mask::{Found, Mask, Place};
use crate::transfer::snapshot::ShopSnapshot;

/// Fills an empty database, and leaves it empty if a name came through.
///
/// Errors: exit 6 if it is not empty; exit 9 if a check says no.
pub async fn run(context: &Context, from: &Database, to: &Database, share: Option<Share>) -> Result<Effect> {
    if !is_empty(to).await? {
        let message = format!("{} is not empty", to.target());
        return Err(Error::conflict("copy.not_empty", message).hint(Hint::from("to empty it: ").and(emptying(to))));
    }
    let (mask, loaded) = write(context, from, to, share).await?;
    name_foreign(context, to).await?;
    context.output.note("searching the copy for original names");
    let found = search(context, &mask, to, &loaded).await.map_err(|error| {
        error.hint(Hint::from("the copy was not searched for original names; to empty it: ").and(emptying(to)))
    })?;
    if let Some(place) = &found.name {
        return Err(empty(to, &loaded, place).await);
    }
    if !found.different.is_empty() {
        let message = format!("the copy differs from what was written: {}", found.different.join(", "));
        return Err(Error::new(Kind::CheckFailed, "copy.different", message));
    }
    check(context, to, &to.target().to_string()).await?;
    let line = format!("masked shop copied to {}: {}", to.target(), extent(&loaded));
    let (from, target) = (from.target().to_string(), to.target().to_string());
    let change = CopiedShop { changed: true, masked: true, from, to: target, tables: tables_json(&loaded), head: None };
    context.output.mutation(&Mutation::new(line, to.target(), change));
    Ok(Effect::new(true, false, to.target()))
}

/// Creates the schema and writes all masked rows.
async fn write(context: &Context, from: &Database, to: &Database, share: Option<Share>) -> Result<(Mask, Vec<Filled>)> {
    let mut shop = ShopSnapshot::whole(from).await?;
    let total = shop.count().await?;
    let mask = Mask::read(&mut shop, share, &mut reporting(context, total)).await?;
    // Whatever the source is for, this is for developers.
    note_applied(context, to, prepare(to, &whole_plan(context), Some(migrate::DEVELOPMENT)).await?);
    let remedy = Hint::from("to complete the copy, unless it is there: ").and(CommandLine::again());
    let mut report = reporting(context, total);
    let loaded = fill(&mut mask.over(&mut shop), to, &context.committing, remedy, &mut report).await?;
    drop(report);
    shop.end().await;
    Ok((mask, loaded))
}

async fn search(context: &Context, mask: &Mask, to: &Database, loaded: &[Filled]) -> Result<Found> {
    let mut shop = ShopSnapshot::whole(to).await?;
    let total = shop.count().await?;
    let found = mask.search(&mut shop, loaded, &mut reporting(context, total)).await?;
    shop.end().await;
    Ok(found)
}

/// Removes every row again. Returns the error that says why.
async fn empty(to: &Database, loaded: &[Filled], Place { table, column }: &Place) -> Error {
    let rows = loaded.iter().map(|(table, written)| (table.name.clone(), written.rows)).collect::<Vec<_>>();
    let to_empty = Hint::from("to empty it: ").and(emptying(to));
    let cleared = to.clear(&rows, to_empty.clone(), async |_| Ok(())).await;
    let what = format!("an original e-mail address or name is in {table}.{column} of the copy");
    let error = |message| Error::new(Kind::CheckFailed, "copy.unmasked", message);
    match cleared {
        Ok(()) => error(format!("{what}; {} was emptied", to.target()))
            .hint("look for a trigger of another program in the target, then repeat the command"),
        Err(failed) => error(format!("{what}, and {} could not be emptied: {failed}", to.target())).hint(to_empty),
    }
}
