//! `shopctl stock import`: a delivery or a stock-take.

use clap::Args;
use serde::Serialize;

use crate::bulk::{
    OnError, RequestKey, StockFile, StockFileKind, StockRequest, StockRow, ValueChange, partial, refused,
    with_unwritten,
};
use crate::cli::shared::arguments::{AnswerArguments, KeyArguments, WriteArguments, long_text};
use crate::cli::shared::confirm::Prompter;
use crate::cli::shared::effect::Effect;
use crate::cli::shared::import::{FileArguments, print_result, write_errors_file};
use crate::cli::shared::mutation::{outcome_verb, undone_note};
use crate::cli::shared::values::checked;
use crate::context::Context;
use crate::db::Access;
use crate::domain::text::counted;
use crate::domain::{EventName, Id, MovementReason};
use crate::error::{CommandLine, Error, Hint, Result};
use crate::output::Mutation;
use crate::service::product::Changed;
use crate::service::stock_lines::{Received, difference};

#[derive(Debug, Args)]
pub struct StockImportArguments {
    #[command(flatten)]
    file: FileArguments,
    /// Reason, as in stock adjust [default: received; stock-take: correction]
    #[arg(long, value_name = "REASON", value_parser = checked(MovementReason::parse_adjustment))]
    reason: Option<MovementReason>,
    /// Note for the audit trail and the stock movements
    #[arg(long, value_name = "TEXT", value_parser = long_text())]
    note: Option<String>,
    #[command(flatten)]
    key: KeyArguments,
    #[command(flatten)]
    write: WriteArguments,
    #[command(flatten)]
    answers: AnswerArguments,
}

/// Imports a file in one operation.
///
/// Errors: exit 7 for rejected lines if nothing was imported, exit 8 if the others were.
pub async fn run(context: &Context, prompter: &Prompter, arguments: &StockImportArguments) -> Result<Effect> {
    let StockImportArguments { file: how, reason, note, key, write, answers } = arguments;
    let mut import = how.import::<StockRow>(context)?;
    let source = how.open::<StockRow>(context, &import).await?;
    let errors = how.errors_file().await?;
    let database = context.database(Access::Bulk).await?;
    let read = StockFile::read(&database, &source, &mut import, &mut |text| context.output.note(text)).await;
    let mut file = source.if_unchanged(read)?;
    let keeps_others = how.on_error == OnError::RejectRows;
    // A file that is rejected anyway is tried, so that all of its problems are told.
    let is_trial = !keeps_others && file.rejections(false, import.read.format).count > 0;
    if context.config.protected && !is_trial {
        let products = counted(file.valid(), "product");
        let impact = async || Ok(format!("this sets the stock of {products} in {}", database.target()));
        prompter.ask_permission(context, answers, write.dry_run, impact).await?;
    }
    let key = match (&key.idempotency_key, file.kind) {
        (Some(key), _) => RequestKey::Given(key.clone()),
        (None, StockFileKind::Delivery) => RequestKey::OfFile,
        (None, StockFileKind::StockTake) => RequestKey::None,
    };
    let request = StockRequest {
        reason: reason.unwrap_or(file.kind.reason()),
        note: note.clone(),
        keeps_others: keeps_others || is_trial,
        digest: source.digest(&format!("{:?}", import.read)).await?,
        key,
    };
    let operations = context.operations(&database, write.dry_run || is_trial);
    let received = file.apply(&operations, &request).await?;
    if received.replayed && matches!(request.key, RequestKey::OfFile) {
        return Err(already_received(received.undone_by));
    }
    let mut rejections = file.rejections(errors.is_some(), import.read.format);
    let written = write_errors_file(&mut rejections, errors)
        .map(|text: Option<String>| text.iter().for_each(|text| context.output.note(text)));
    if rejections.count > 0 && (!keeps_others || file.valid() == 0) {
        return Err(with_unwritten(refused::<StockRow>(&rejections, file.valid(), &import), written));
    }
    let result = Imported::new(&received, context.committing.operation(), write.dry_run, rejections.count);
    let effect = Effect::new(result.changed, write.dry_run, database.target());
    let (line, changes) = (result.line(file.kind), changes_of(&received.products));
    let result = Mutation::new(line, EventName::StockImport, result);
    let incomplete = (rejections.count > 0).then_some(&effect);
    print_result(&context.output, Vec::new(), &changes, &result, incomplete)?;
    if incomplete.is_none() {
        return written.map(|()| effect);
    }
    Err(with_unwritten(partial::<StockRow>(&rejections, &import), written))
}

/// Exit 6: a delivery that is received twice is more often a mistake than another one with the same lines.
fn already_received(undone_by: Option<Id>) -> Error {
    let message = format!("this file was already received{}; nothing was changed", undone_note(undone_by));
    let list = CommandLine::new("audit list").option("--operation", EventName::StockImport.as_str());
    let again = undone_by.map(|undo| CommandLine::new("undo").argument(&undo.to_string()));
    Error::conflict("stock.already_received", message)
        .hints_of(again.map(|undo| Hint::from("to receive it again: ").and(undo)))
        .hint(
            Hint::from("for another delivery with the same lines: ")
                .and(CommandLine::again().option("--idempotency-key", "KEY")),
        )
        .hint(Hint::from("to see when it was received: ").and(list))
}

fn changes_of(products: &[Changed]) -> Vec<ValueChange> {
    let level = |product: &crate::entity::product::Model| product.stock_quantity.to_string();
    let change = |Changed { before, after, .. }: &Changed| ValueChange {
        key: after.sku.to_string(),
        column: "stock_quantity",
        before: level(before),
        after: level(after),
    };
    products.iter().filter(|product| difference(product) != 0).map(change).collect()
}

/// The result of an import in JSON.
#[derive(Serialize)]
struct Imported {
    changed: bool,
    /// The operations of the import.
    operation_ids: Vec<Id>,
    replayed: bool,
    /// The operation by which the earlier import is taken back, if it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    undone_by: Option<Id>,
    dry_run: bool,
    updated: usize,
    unchanged: usize,
    rejected: u64,
    units_added: i64,
    units_removed: i64,
    changes: Vec<ValueChange>,
}

impl Imported {
    fn new(received: &Received, operation: Option<Id>, dry_run: bool, rejected: u64) -> Imported {
        let Received { products, replayed, undone_by } = received;
        let replayed = *replayed;
        let changes = changes_of(products);
        let units = || products.iter().map(|product| i64::from(difference(product)));
        Imported {
            changed: !replayed && !changes.is_empty(),
            operation_ids: operation.into_iter().collect(),
            replayed,
            undone_by: *undone_by,
            dry_run,
            updated: changes.len(),
            unchanged: products.len() - changes.len(),
            rejected,
            units_added: units().filter(|units| *units > 0).sum(),
            units_removed: -units().filter(|units| *units < 0).sum::<i64>(),
            changes,
        }
    }

    /// `3 products counted: 2 changed, 1 unchanged; 5 units added, 7 units removed`
    fn line(&self, kind: StockFileKind) -> String {
        let done = match kind {
            StockFileKind::Delivery => "received",
            StockFileKind::StockTake => "counted",
        };
        let products = counted(self.updated + self.unchanged, "product");
        if self.replayed {
            return format!("{products} already {done}{}", undone_note(self.undone_by));
        }
        let mut line = format!(
            "{products} {}: {} changed, {} unchanged",
            outcome_verb(self.dry_run, done),
            self.updated,
            self.unchanged
        );
        if self.rejected > 0 {
            line += &format!(", {} rejected", self.rejected);
        }
        let moved = [(self.units_added, "added"), (self.units_removed, "removed")];
        let moved = moved.into_iter().filter(|(units, _)| *units > 0);
        let moved: Vec<String> = moved.map(|(units, verb)| format!("{} {verb}", counted(units, "unit"))).collect();
        if moved.is_empty() { line } else { format!("{line}; {}", moved.join(", ")) }
    }
}
