//! `shopctl audit seal`

use serde_json::{Value, json};

use crate::cli::shared::arguments::WriteArguments;
use crate::cli::shared::effect::Effect;
use crate::cli::shared::mutation::{self, outcome};
use crate::context::Context;
use crate::error::Result;
use crate::output::Mutation;
use crate::service::seal::{SealRun, seal_all};

pub async fn run(context: &Context, write: &WriteArguments) -> Result<Effect> {
    mutation::run(context, write, async |operations| {
        let SealRun { seals, events, head, is_behind } = seal_all(operations).await?;
        if is_behind {
            context.output.warn("events that came in the meantime wait for the next seal");
        }
        let stands =
            head.as_ref().map(|seal| format!("; seal {}, head {}", seal.number, seal.hash)).unwrap_or_default();
        let line = match (seals, operations.dry_run) {
            (0, _) => format!("nothing to seal{stands}"),
            (_, true) => format!("events that would be sealed: {events}"),
            (_, false) => format!("events sealed: {events}{stands}"),
        };
        let mut json = outcome(seals > 0, false, operations.dry_run, Value::Null, Value::Null);
        json.insert("seals".to_owned(), json!(seals));
        json.insert("events".to_owned(), json!(events));
        json.insert("number".to_owned(), json!(head.as_ref().map(|seal| seal.number)));
        json.insert("head".to_owned(), json!(head.as_ref().map(|seal| &seal.hash)));
        Ok(Mutation { line, id: head.map(|seal| seal.id.to_string()).unwrap_or_default(), json })
    })
    .await
}
