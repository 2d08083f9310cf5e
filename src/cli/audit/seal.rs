//! `shopctl audit seal`

use clap::Args;
use serde_json::{Value, json};

use crate::cli::shared::arguments::WriteArguments;
use crate::cli::shared::mutation::{self, finish};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::output::Mutation;
use crate::repository::audit_seal as seals;
use crate::service::seal;

#[derive(Debug, Args)]
pub struct SealArguments {
    #[command(flatten)]
    write: WriteArguments,
}

/// Seals in steps, each a transaction of its own, until nothing is left; a dry run tries one step.
pub async fn run(context: &Context, arguments: &SealArguments) -> Result<()> {
    let dry_run = arguments.write.dry_run;
    let database = context.database_for_operation().await?;
    let (mut made, mut events, mut after) = (0, 0_u64, None);
    let mut newest = None;
    // Each seal is committed by itself: a failure afterwards must not hide it.
    let stays = |error: Error, newest: &Option<(i64, String)>| match newest {
        Some((number, head)) => error.hint(format!("seal {number} is made and stays: its head is {head}")),
        None => error,
    };
    loop {
        let sealed = seal::seal(&context.operations(&database, dry_run), after).await;
        match sealed.map_err(|error| stays(error, &newest))? {
            Some(sealed) => {
                made += 1;
                events += u64::try_from(sealed.seal.event_count.pieces()).unwrap_or(0);
                after = Some(sealed.last_event);
                newest = (!dry_run).then(|| (i64::from(sealed.seal.number), sealed.seal.hash));
            }
            // Perhaps an event with an earlier id was committed in the meantime.
            None if after.is_some() => after = None,
            None => break,
        }
        if dry_run {
            events = seals::count_unsealed_events(database.connection()).await?;
            break;
        }
    }
    let head = seals::find_last(database.connection()).await.map_err(|error| stays(error, &newest))?;
    let stands = head.as_ref().map_or_else(String::new, |seal| format!("; seal {}, head {}", seal.number, seal.hash));
    let line = match (made, dry_run) {
        (0, _) => format!("nothing to seal{stands}"),
        (_, true) => format!("events that would be sealed: {events}"),
        (_, false) => format!("events sealed: {events}{stands}"),
    };
    let mut json = mutation::outcome(made > 0, false, dry_run, Value::Null, Value::Null);
    json.insert("seals".to_owned(), json!(made));
    json.insert("events".to_owned(), json!(events));
    json.insert("number".to_owned(), json!(head.as_ref().map(|seal| seal.number)));
    json.insert("head".to_owned(), json!(head.as_ref().map(|seal| &seal.hash)));
    let id = head.map(|seal| seal.id.to_string()).unwrap_or_default();
    finish(context, &database, dry_run || made == 0, &Mutation { line, id, json });
    Ok(())
}
