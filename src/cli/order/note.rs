//! `shopctl order note`

use clap::Args;
use serde_json::Value;

use super::moved::order_fields;
use crate::cli::shared::arguments::{WriteArguments, long_text};
use crate::cli::shared::effect::Effect;
use crate::cli::shared::mutation::{self, outcome_verb};
use crate::context::Context;
use crate::error::{Result, printable};
use crate::output::{Change, Mutation};
use crate::service::order_lifecycle::{self as service, NoteResult};

#[derive(Debug, Args)]
pub struct NoteArguments {
    /// Reference or id of the order
    #[arg(value_name = "ORDER")]
    order: String,
    /// New note; an empty text removes it
    #[arg(value_name = "TEXT", allow_hyphen_values = true, value_parser = long_text())]
    text: String,
    #[command(flatten)]
    write: WriteArguments,
}

pub async fn run(context: &Context, arguments: &NoteArguments) -> Result<Effect> {
    let NoteArguments { order, text, write } = arguments;
    mutation::run(context, write, async |operations| {
        let result = service::set_note(operations, order, text).await?;
        Ok(mutation_of(&result, text, write.dry_run))
    })
    .await
}

fn mutation_of(result: &NoteResult, text: &str, dry_run: bool) -> Mutation<Change> {
    let moved = &result.order;
    let (name, changed) = (printable(&moved.after.reference), moved.changed);
    let line = match (changed, text.is_empty()) {
        (false, true) => format!("order {name} already has no note"),
        (false, false) => format!("order {name} already has this note"),
        (true, true) => format!("note of order {name} {}", outcome_verb(dry_run, "cleared")),
        (true, false) => format!("note of order {name} {}", outcome_verb(dry_run, "set")),
    };
    let ([mut before, mut after], object) = order_fields(moved);
    before.insert("note".to_owned(), Value::from(result.before.as_deref()));
    after.insert("note".to_owned(), Value::from(Some(text).filter(|text| !text.is_empty())));
    let change = Change { object, changed, dry_run, before: Some(before), after: Some(after), ..Change::default() };
    Mutation::new(line, moved.after.id, change)
}
