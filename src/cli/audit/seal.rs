//! `shopctl audit seal`

use clap::Args;
use serde_json::{Value, json};

use crate::cli::shared::arguments::WriteArguments;
use crate::cli::shared::mutation::{self, finish};
use crate::context::Context;
use crate::entity::audit_seal;
use crate::error::{CommandLine, Error, Kind, Result};
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
    let (mut newest, mut is_through) = (None::<audit_seal::Model>, false);
    loop {
        let sealed = match seal::seal(&context.operations(&database, dry_run), after).await {
            Ok(sealed) => sealed,
            Err(_) if is_through => {
                context.output.warn("events that came in the meantime wait for the next seal");
                break;
            }
            Err(error) => return Err(broken_off(error, newest.as_ref())),
        };
        match sealed {
            Some(sealed) => {
                let count = u64::try_from(sealed.seal.event_count.pieces()).unwrap_or(0);
                let (is_last, is_from_start) = (count < seal::EVENTS_PER_SEAL, after.is_none());
                (made, events, newest) = (made + 1, events + count, Some(sealed.seal));
                if dry_run || (is_last && is_from_start) {
                    break;
                }
                is_through |= is_last;
                after = (!is_last).then_some(sealed.last_event);
            }
            // Perhaps an event with an earlier id was committed in the meantime.
            None if after.is_some() => (after, is_through) = (None, true),
            None => break,
        }
    }
    if dry_run && made > 0 {
        events = seals::count_unsealed_events(database.connection()).await?;
    }
    // Nothing is asked after the last COMMIT: its seal is the head, whatever becomes of the connection.
    let head = match newest.filter(|_| !dry_run) {
        Some(seal) => Some(seal),
        None => seals::find_last(database.connection()).await?,
    };
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
    finish(context, &database, &Mutation { line, id, json });
    Ok(())
}

/// What is to be said when the rest cannot be sealed: each seal is committed by itself.
fn broken_off(error: Error, newest: Option<&audit_seal::Model>) -> Error {
    let Some(seal) = newest else { return error };
    let stands = format!("seal {} is made and stays, head {}", seal.number, seal.hash);
    if error.kind() == Kind::OutcomeUnknown {
        return error.hint(stands);
    }
    let message = format!("{stands}; the rest is not sealed: {}", error.why());
    error.without_hints().reworded(message).hint(CommandLine::again().and(" goes on from there"))
}
