//! `shopctl audit seal`

use serde::Serialize;

use crate::cli::shared::arguments::WriteArguments;
use crate::cli::shared::effect::Effect;
use crate::cli::shared::mutation;
use crate::context::Context;
use crate::error::Result;
use crate::output::{Change, Mutation};
use crate::service::seal::{SealRun, seal_all};

pub async fn run(context: &Context, write: &WriteArguments) -> Result<Effect> {
    mutation::run(context, write, async |operations| {
        let SealRun { seals, events, head, is_behind } = seal_all(operations).await?;
        if is_behind {
            context.output.warn("events recorded meanwhile wait for the next seal");
        }
        let stands =
            head.as_ref().map(|seal| format!("; seal {}, head {}", seal.number, seal.hash)).unwrap_or_default();
        let line = match (seals, operations.dry_run) {
            (0, _) => format!("nothing to seal{stands}"),
            (_, true) => format!("events that would be sealed: {events}"),
            (_, false) => format!("events sealed: {events}{stands}"),
        };
        let change = Change { changed: seals > 0, dry_run: operations.dry_run, ..Change::default() };
        let id = head.as_ref().map(|seal| seal.id.to_string()).unwrap_or_default();
        let (number, head) = head.map(|seal| (seal.number, seal.hash.to_string())).unzip();
        Ok(Mutation::new(line, id, change.with(Sealed { seals, events, number, head })))
    })
    .await
}

#[derive(Serialize)]
struct Sealed {
    seals: u64,
    events: u64,
    number: Option<i32>,
    head: Option<String>,
}
