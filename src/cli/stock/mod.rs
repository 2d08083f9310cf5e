//! `shopctl stock`: levels, adjustments, movements.

mod view;

use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use self::view::{MovementView, StockDifferenceView, StockView};
use crate::cli::Asking;
use crate::cli::product::view::{about_product, view_of};
use crate::cli::shared::arguments::{
    AnswerArguments, KeyArguments, LeftArguments, ListArguments, WriteArguments, long_text, searched,
};
use crate::cli::shared::values::checked;

use crate::cli::shared::batch::{self, Names};
use crate::cli::shared::list::{self, Shown};
use crate::cli::shared::mutation::{self, done, finish};
use crate::context::Context;
use crate::db::Access;
use crate::domain::quantity::{parse_delta, parse_stock};
use crate::domain::{MovementReason, Page, text::counted};
use crate::error::{CommandLine, Error, Hint, Kind, Result, printable};
use crate::output::Mutation;
use crate::repository::product::StockDifference;
use crate::repository::{order as orders, product as products, stock_movement as movements};
use crate::service::operation::Operations;
use crate::service::product;
use crate::service::stock::{self as service, Adjustment, Count};

/// So many products are named in a question.
const SHOWN: usize = 10;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Add or take pieces, with a reason
    #[command(after_help = "Examples:
  shopctl stock adjust MUG-01 +24 --reason received
  shopctl stock adjust MUG-01 -2 --reason damaged --note \"dropped in the warehouse\"")]
    Adjust(AdjustArguments),
    /// List stock, what runs out first at the top
    #[command(after_help = "Examples:\n  shopctl stock list --low\n  shopctl stock list --out-of-stock --json")]
    List(StockListArguments),
    /// Set stock to what was counted
    #[command(after_help = "Example:\n  shopctl stock set MUG-01 22 --expect 24 --reason shrinkage")]
    Set(SetArguments),
    /// Show a product's stock movements, newest first
    #[command(after_help = "Example:\n  shopctl stock history MUG-01")]
    History(HistoryArguments),
    /// Compare stock with its movements: what another program changed shows (exit 9)
    #[command(after_help = "Examples:
  shopctl stock verify
  shopctl stock verify MUG-01 --accept --note \"counted by the till\"")]
    Verify(VerifyArguments),
}

#[derive(Debug, Args)]
pub struct AdjustArguments {
    /// SKU or id
    #[arg(value_name = "PRODUCT")]
    product: String,
    /// Pieces, such as +24 or -2
    #[arg(id = "pieces", value_name = "±N", allow_negative_numbers = true, value_parser = checked(parse_delta))]
    delta: i32,
    /// received, correction, damaged, shrinkage, return or other
    #[arg(long, value_name = "REASON", value_parser = checked(MovementReason::parse_adjustment))]
    reason: MovementReason,
    #[arg(long, value_name = "TEXT", value_parser = long_text())]
    note: Option<String>,
    #[command(flatten)]
    key: KeyArguments,
    #[command(flatten)]
    write: WriteArguments,
}

#[derive(Debug, Args)]
pub struct StockListArguments {
    /// Anywhere in SKU or name
    #[arg(long, value_name = "TEXT", value_parser = searched())]
    search: Option<String>,
    #[command(flatten)]
    left: LeftArguments,
    #[command(flatten)]
    list: ListArguments,
}

#[derive(Debug, Args)]
pub struct SetArguments {
    /// SKU or id
    #[arg(value_name = "PRODUCT")]
    product: String,
    /// Pieces that were counted
    #[arg(id = "pieces", value_name = "N", allow_negative_numbers = true, value_parser = checked(parse_stock))]
    level: i32,
    /// Pieces recorded so far: nothing is changed if they are others meanwhile
    #[arg(long, value_name = "OLD", allow_negative_numbers = true, value_parser = checked(parse_stock))]
    expect: i32,
    /// received, correction, damaged, shrinkage, return or other
    #[arg(long, value_name = "REASON", default_value = "correction", value_parser = checked(MovementReason::parse_adjustment))]
    reason: MovementReason,
    #[arg(long, value_name = "TEXT", value_parser = long_text())]
    note: Option<String>,
    #[command(flatten)]
    write: WriteArguments,
}

#[derive(Debug, Args)]
pub struct HistoryArguments {
    /// SKU or id
    #[arg(value_name = "PRODUCT")]
    product: String,
    #[command(flatten)]
    list: ListArguments,
}

#[derive(Debug, Args)]
pub struct VerifyArguments {
    /// SKUs or ids; all products when absent
    #[arg(value_name = "PRODUCT")]
    products: Vec<String>,
    /// Record the differences as movements with the reason external; the stock stays
    #[arg(long)]
    accept: bool,
    /// Kept with the movements
    #[arg(long, value_name = "TEXT", requires = "accept", value_parser = long_text())]
    note: Option<String>,
    #[command(flatten)]
    answers: AnswerArguments,
    #[command(flatten)]
    write: WriteArguments,
}

impl Command {
    /// Whether it takes as long as there is data.
    pub fn is_long(&self) -> bool {
        match self {
            Command::List(arguments) => arguments.list.all,
            Command::History(arguments) => arguments.list.all,
            Command::Verify(_) => true,
            _ => false,
        }
    }
}

pub async fn run(context: &Context, asking: &Asking, command: Command) -> Result<()> {
    match command {
        Command::List(arguments) => list(context, &arguments).await,
        Command::Adjust(arguments) => adjust(context, &arguments).await,
        Command::Set(arguments) => set(context, &arguments).await,
        Command::History(arguments) => history(context, &arguments).await,
        Command::Verify(arguments) => verify(context, asking, &arguments).await,
    }
}

async fn list(context: &Context, arguments: &StockListArguments) -> Result<()> {
    context.output.check_fields::<StockView>(&[])?;
    let (search, max_stock) = (arguments.search.clone(), arguments.left.max_stock());
    let filter = products::Filter { search, max_stock, ..products::Filter::default() };
    // What runs out first is what one looks for.
    let page = arguments.list.page("stock_quantity");
    crate::repository::sort_field(&products::SORT_FIELDS, &page.sort)?;
    let database = context.database(Access::Read).await?;
    let fetch = async |page: &Page| {
        let found = products::find_all(database.connection(), &filter, page).await?;
        Ok(Shown { rows: found.items.into_iter().map(StockView).collect(), next: found.next })
    };
    let count = async || products::count(database.connection(), &filter).await;
    list::print(context, &arguments.list, page, fetch, count).await
}

async fn set(context: &Context, arguments: &SetArguments) -> Result<()> {
    let count = Count {
        product: arguments.product.clone(),
        level: arguments.level,
        expected: arguments.expect,
        reason: arguments.reason,
        note: arguments.note.clone(),
    };
    let database = context.database_for_operation().await?;
    let dry_run = arguments.write.dry_run;
    let changed = service::set(&context.operations(&database, dry_run), &count).await?;
    let (before, after) = (&changed.before, &changed.after);
    let (sku, level) = (printable(&after.sku), &after.stock_quantity);
    let line = match changed.changed {
        true => format!("stock of {sku} {}: {} → {level}", done(dry_run, "set"), before.stock_quantity),
        false => format!("stock of {sku} is {level} already"),
    };
    let json =
        about_product(after, mutation::outcome(changed.changed, false, dry_run, view_of(before), view_of(after)));
    let mutation = Mutation { line, id: after.id.to_string(), json };
    finish(context, &database, dry_run || !changed.changed, &mutation);
    Ok(())
}

async fn history(context: &Context, arguments: &HistoryArguments) -> Result<()> {
    context.output.check_fields::<MovementView>(&[])?;
    let page = arguments.list.page("-created_at");
    crate::repository::sort_field(&movements::SORT_FIELDS, &page.sort)?;
    let database = context.database(Access::Read).await?;
    let connection = database.connection();
    // A product that is gone is found by its id: its movements outlive it.
    let id = match Uuid::try_parse(&arguments.product) {
        Ok(id) => id,
        Err(_) => product::find(connection, &arguments.product).await?.id,
    };
    let fetch = async |page: &Page| {
        let found = movements::find_all(connection, id, page).await?;
        let ids: Vec<Uuid> = found.items.iter().filter_map(|movement| movement.order_id).collect();
        let orders = orders::find_references(connection, &ids).await?;
        let rows = found.items.into_iter().map(|movement| {
            let order = orders.iter().find(|(id, _)| movement.order_id == Some(*id)).map(|(_, name)| name.clone());
            MovementView { movement, order }
        });
        Ok(Shown { rows: rows.collect(), next: found.next })
    };
    list::print(context, &arguments.list, page, fetch, async || movements::count(connection, id).await).await
}

/// Compares stock with its movements; with `--accept` records the differences.
async fn verify(context: &Context, asking: &Asking, arguments: &VerifyArguments) -> Result<()> {
    let database = context.database(Access::Read).await?;
    let mut ids = Vec::new();
    for name in &arguments.products {
        ids.push(product::find(database.connection(), name).await?.id);
    }
    let differences = products::find_stock_differences(database.connection(), &ids).await?;
    if arguments.accept {
        return accept(context, asking, arguments, &differences).await;
    }
    context.output.check_fields::<StockDifferenceView>(&[])?;
    let count = differences.len();
    let rows: Vec<_> = differences.into_iter().map(StockDifferenceView).collect();
    context.output.list(&rows, None, None)?;
    if count == 0 {
        return Ok(());
    }
    let whose = if count == 1 { "its" } else { "their" };
    let message = format!("the stock of {} is not what {whose} movements come to", counted(count, "product"));
    Err(Error::new(Kind::CheckFailed, "stock.differs", message)
        .hint(Hint::from("if another program was right: ").and(CommandLine::new("stock verify --accept")))
        .hint(
            Hint::from("if not: ")
                .and(CommandLine::new("stock set PRODUCT N --expect OLD"))
                .and(", after ")
                .and(CommandLine::new("stock verify --accept")),
        ))
}

async fn accept(
    context: &Context,
    asking: &Asking,
    arguments: &VerifyArguments,
    differences: &[StockDifference],
) -> Result<()> {
    let dry_run = arguments.write.dry_run;
    if differences.is_empty() {
        context.output.note("stock is what its movements come to");
    }
    if differences.len() > 1 {
        let names: Vec<String> = differences.iter().take(SHOWN).map(|product| printable(&product.sku)).collect();
        let more = if differences.len() > SHOWN { ", …" } else { "" };
        let count = differences.len();
        let impact =
            format!("this records the differences of {count} products as movements: {}{more}", names.join(", "));
        asking.permission(context, &arguments.answers, dry_run, async || Ok(impact)).await?;
    }
    let database = context.database_for_operation().await?;
    let names = differences.iter().map(|product| product.id.to_string()).collect();
    let one = async |operations: &Operations, id: &str| {
        let accepted = service::accept(operations, id, arguments.note.as_deref()).await?;
        let (sku, delta) = (printable(&accepted.product.sku), accepted.delta);
        let line = match delta {
            0 => format!("stock of {sku} is what its movements come to"),
            _ => format!("stock of {sku}: {delta:+} {}", done(dry_run, "recorded as external")),
        };
        let mut json = about_product(&accepted.product, Map::new());
        json.extend(mutation::outcome(delta != 0, false, dry_run, Value::Null, view_of(&accepted.product)));
        json.insert("delta".to_owned(), json!(delta));
        Ok(Mutation { line, id: id.to_owned(), json })
    };
    batch::run(context, &database, dry_run, &Names { names, is_single: false }, false, one).await
}

async fn adjust(context: &Context, arguments: &AdjustArguments) -> Result<()> {
    let AdjustArguments { product, delta, reason, note, key, .. } = arguments;
    let adjustment = Adjustment { product: product.clone(), delta: *delta, reason: *reason, note: note.clone() };
    let database = context.database_for_operation().await?;
    let dry_run = arguments.write.dry_run;
    let adjusted =
        service::adjust(&context.operations(&database, dry_run), &adjustment, key.idempotency_key.clone()).await?;
    let (before, after) = (&adjusted.product.before, &adjusted.product.after);
    let verb = if adjusted.replayed { "was adjusted before".to_owned() } else { done(dry_run, "adjusted") };
    let line =
        format!("stock of {} {verb}: {} → {}", printable(&after.sku), before.stock_quantity, after.stock_quantity);
    let rest = mutation::outcome(adjusted.product.changed, adjusted.replayed, dry_run, view_of(before), view_of(after));
    let json = about_product(after, rest);
    finish(context, &database, dry_run || adjusted.replayed, &Mutation { line, id: after.id.to_string(), json });
    Ok(())
}
