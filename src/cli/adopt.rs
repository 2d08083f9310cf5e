//! `shopctl adopt`: takes over the tables and rows of other programs.

mod rows;
mod schema;

use clap::Args;

use super::shared::arguments::{AnswerArguments, WriteArguments};
use super::shared::confirm::Prompter;
use super::shared::effect::Effect;
use crate::context::Context;
use crate::error::Result;

#[derive(Debug, Args)]
#[command(
    after_help = "Tables created by another program are converted first; every row is kept. With --dry-run, the \
                  conversion is only checked and described. Rows that another program wrote, changed or removed then \
                  get an audit event and the missing stock movements. The rows and the stock themselves stay as they \
                  are. Running the command again changes nothing. Times stored without an offset are read as UTC, or \
                  with the offset that --tz gives, e.g. --tz +02:00.

Examples:
  shopctl adopt
  shopctl adopt --dry-run
  shopctl adopt --fix-totals --yes"
)]
pub struct Arguments {
    /// Also set totals of 0 to the sum of the order's lines
    #[arg(long)]
    fix_totals: bool,
    #[command(flatten)]
    schema: schema::SchemaArguments,
    #[command(flatten)]
    answers: AnswerArguments,
    #[command(flatten)]
    write: WriteArguments,
}

pub async fn run(context: &Context, prompter: &Prompter, arguments: &Arguments) -> Result<Effect> {
    let (schema, answers) = (&arguments.schema, &arguments.answers);
    match schema::run(context, prompter, schema, answers, arguments.write.dry_run).await? {
        Some(effect) => Ok(effect),
        None => rows::run(context, prompter, arguments).await,
    }
}
