//! `shopctl stock verify`

use clap::Args;
use serde::Serialize;

use crate::cli::shared::arguments::{AnswerArguments, WriteArguments, long_text};
use crate::cli::shared::batch::{self, Names};
use crate::cli::shared::confirm::Prompter;
use crate::cli::shared::effect::Effect;
use crate::cli::shared::list::FieldNames;
use crate::cli::shared::mutation::{self, outcome_verb};
use crate::context::Context;
use crate::db::Access;
use crate::domain::text::{counted, first_names};
use crate::error::{CommandLine, Error, Hint, Kind, Result, printable};
use crate::output::{Change, Mutation, View};
use crate::repository::product::{self as products, StockDifference};
use crate::service::operation::Operations;
use crate::service::product;
use crate::service::stock::{self as service, StockFinding};

/// Maximum number of products named in a prompt.
const SHOWN: usize = 10;

#[derive(Debug, Args)]
#[command(add = FieldNames::of::<StockFinding>())]
pub struct VerifyArguments {
    /// SKUs or ids of the products [default: all]
    #[arg(value_name = "PRODUCT")]
    products: Vec<String>,
    /// Record the differences as external movements; the stock stays
    #[arg(long)]
    accept: bool,
    /// Note for the movements
    #[arg(long, value_name = "TEXT", requires = "accept", value_parser = long_text())]
    note: Option<String>,
    #[command(flatten)]
    answers: AnswerArguments,
    #[command(flatten)]
    write: WriteArguments,
}

/// Compares stock with its movements; with `--accept` records the differences.
pub async fn run(context: &Context, prompter: &Prompter, arguments: &VerifyArguments) -> Result<Effect> {
    if !arguments.accept {
        context.output.check_fields::<StockFinding>(&[])?;
    }
    let database = context.database(Access::Read).await?;
    let mut ids = Vec::new();
    for name in &arguments.products {
        ids.push(product::find(database.connection(), name).await?.id);
    }
    if arguments.accept {
        let differences = products::find_stock_differences(database.connection(), &ids).await?;
        return accept(context, prompter, arguments, &differences).await;
    }
    let found = service::find_differences(database.connection(), &ids).await?;
    context.output.list(&found)?;
    if found.is_empty() {
        return Ok(Effect::Unchanged);
    }
    Err(differing(&found))
}

/// Exit 9: what another program did to the stock, and the ways out.
fn differing(found: &[StockFinding]) -> Error {
    let accept = || CommandLine::again().flag("--accept");
    let differing = found.iter().filter(|row| row.difference.differs()).count();
    let whose = if differing == 1 { "its" } else { "their" };
    let differs = format!("the stock of {} does not match {whose} movements", counted(differing, "product"));
    let beyond: Vec<&StockFinding> = found.iter().filter(|row| row.oversold > 0).collect();
    let pieces = counted(beyond.iter().map(|row| row.oversold).sum::<i64>(), "unit");
    let oversold = format!("another program oversold {pieces} of {}", counted(beyond.len(), "product"));
    let (code, message) = match (beyond.is_empty(), differing) {
        (true, _) => ("stock.differs", differs),
        (false, 0) => ("stock.oversold", oversold),
        (false, _) => ("stock.oversold", format!("{oversold}; {differs}")),
    };
    Error::new(Kind::CheckFailed, code, message)
        .hint(Hint::from("if the other program is right: ").and(accept()))
        .hint(Hint::from("to adopt everything that it wrote: ").and(CommandLine::new("adopt")))
        .hint(
            Hint::from("if not: ")
                .and(CommandLine::new("stock set PRODUCT N --expect OLD"))
                .and(", after ")
                .and(accept()),
        )
}

pub async fn accept(
    context: &Context,
    prompter: &Prompter,
    arguments: &VerifyArguments,
    differences: &[StockDifference],
) -> Result<Effect> {
    let dry_run = arguments.write.dry_run;
    if differences.is_empty() {
        context.output.note("stock matches its movements");
    }
    if differences.len() > 1 {
        let names = first_names(differences.iter().map(|product| printable(&product.sku)), SHOWN);
        let (count, target) = (counted(differences.len(), "product"), &context.config.target);
        let impact = format!("this records the differences of {count} as movements in {target}: {names}");
        prompter.ask_permission(context, &arguments.answers, dry_run, async || Ok(impact)).await?;
    }
    let database = context.database_for_operation().await?;
    let names = differences.iter().map(|product| product.id.or_key(&product.sku)).collect();
    let one = async |operations: &Operations, id: &str| {
        let accepted = service::accept(operations, id, arguments.note.as_deref()).await?;
        let (sku, delta) = (printable(&accepted.product.sku), accepted.delta);
        let line = match delta {
            0 => format!("stock of {sku} matches its movements"),
            _ => format!("stock of {sku}: {delta:+} {}", outcome_verb(dry_run, "recorded as external")),
        };
        let (object, after) = (mutation::key(&accepted.product), Some(accepted.product.to_json()));
        let change = Change { object, changed: delta != 0, dry_run, after, ..Change::default() };
        Ok(Mutation::new(line, accepted.product.id, change.with(Accepted { delta })))
    };
    batch::run(context, &database, dry_run, &Names { names, is_single: false }, false, one).await
}

#[derive(Serialize)]
struct Accepted {
    delta: i64,
}
