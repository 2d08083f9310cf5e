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
use crate::transfer::Origin;
use crate::transfer::compare::fingerprint;
use crate::transfer::fill::{Filled, digest, fill};
use crate::transfer::mask::{Found, Mask, Place};
use crate::transfer::snapshot::ShopSnapshot;

/// The setting of a copy that was not searched yet: the digest of its rows.
const UNSEARCHED: &str = "unsearched_copy";

/// Fills an empty database, and leaves it empty if a name came through. A copy that was written but not searched,
/// because the process was killed, is searched now.
///
/// Errors: exit 6 if it is not empty; exit 9 if a check says no.
pub async fn run(context: &Context, from: &Database, to: &Database, share: Option<Share>) -> Result<Effect> {
    let (mask, loaded) = match is_empty(to).await? {
        true => write(context, from, to, share).await?,
        false => resume(context, from, to, share).await?,
    };
    name_foreign(context, to).await?;
    context.output.note("searching the copy for original names");
    let found = search(context, &mask, to, &loaded)
        .await
        .map_err(|error| error.hint(Hint::from("to search the copy for original names: ").and(CommandLine::again())))?;
    if let Some(place) = &found.name {
        return Err(empty(to, &loaded, place).await);
    }
    if !found.different.is_empty() {
        let message = format!("the copy differs from what was written: {}", found.different.join(", "));
        return Err(Error::new(Kind::CheckFailed, "copy.different", message));
    }
    check(context, to, &to.target().to_string()).await?;
    migrate::remove_setting(to, UNSEARCHED).await?;
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
    migrate::remove_setting(to, UNSEARCHED).await?;
    let remedy = Hint::from("to complete the copy: ").and(CommandLine::again());
    let mut report = reporting(context, total);
    let what = what(from, share);
    let mark = |loaded: &[Filled]| Some(migrate::setting_row(UNSEARCHED, &digest(loaded, &what)));
    let loaded = fill(&mut mask.over(&mut shop), to, &context.committing, remedy, &mut report, &mark).await?;
    drop(report);
    shop.end().await;
    Ok((mask, loaded))
}

/// What a copy is of.
fn what(from: &Database, share: Option<Share>) -> String {
    format!("{} {share:?}", from.target())
}

/// The names of the shop, and what is in the copy that was not searched.
///
/// Errors: exit 6 for anything else that is there.
async fn resume(
    context: &Context,
    from: &Database,
    to: &Database,
    share: Option<Share>,
) -> Result<(Mask, Vec<Filled>)> {
    let mark = migrate::setting(to.connection(), UNSEARCHED).await?;
    let mut loaded = Vec::new();
    if mark.is_some() {
        let mut shop = ShopSnapshot::whole(to).await?;
        for table in shop.tables() {
            let there = fingerprint(&table, &mut shop).await?;
            loaded.push((table, there));
        }
        shop.end().await;
    }
    // Not one row more or less than was written: it may be emptied.
    if mark.is_none_or(|mark| mark != digest(&loaded, &what(from, share))) {
        let message = format!("{} is not empty", to.target());
        return Err(Error::conflict("copy.not_empty", message).hint(Hint::from("to empty it: ").and(emptying(to))));
    }
    context.output.note("the copy is there already, but was not searched");
    let mut shop = ShopSnapshot::whole(from).await?;
    let total = shop.count().await?;
    let mask = Mask::read(&mut shop, share, &mut reporting(context, total)).await?;
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
