//! `shopctl product`

mod price;
pub mod view;

use clap::{Args, Subcommand};
use serde_json::Value;

use self::view::{ProductView, about_product, view_of};
use crate::bulk::{Meaning, ProductRow};
use crate::cli::Asking;
use crate::cli::shared::arguments::{
    ConfirmArguments, LeftArguments, ListArguments, WriteArguments, check_range, long_text, searched,
};
use crate::cli::shared::values::checked;

use crate::cli::shared::export::{self, ExportArguments};
use crate::cli::shared::import::{self, ImportArguments};
use crate::cli::shared::list::{self, Shown};
use crate::cli::shared::mutation::{self, done, finish};
use crate::context::Context;
use crate::db::{Access, Database};
use crate::domain::quantity::parse_stock;
use crate::domain::{Money, Page, ProductName, Sku, Violations};
use crate::error::{Error, Result, printable};
use crate::output::{Mutation, View};
use crate::repository::product as products;
use crate::service::place_order::Stock;
use crate::service::product::{self as service, NewProduct, ProductUpdate};

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Create a product
    #[command(
        after_help = "Example:\n  shopctl product create --name \"Blue mug\" --price 12.50 --sku MUG-09 --stock 40"
    )]
    Create(CreateArguments),
    /// List products, newest first
    #[command(after_help = "Examples:\n  shopctl product list --low\n  shopctl product list --search mug --sort price")]
    List(ProductListArguments),
    /// Write products, oldest first, as CSV, JSON lines or JSON
    #[command(
        after_help = "Examples:\n  shopctl product export > products.csv\n  shopctl product export --out-of-stock --out empty.jsonl"
    )]
    Export(ProductExportArguments),
    /// Create and update products from a CSV, JSON lines or JSON file, all of them or none
    #[command(
        after_help = "Examples:\n  shopctl product import products.csv\n  shopctl product import products.csv --on-conflict skip --on-error reject-rows --errors wrong.csv\n  shopctl product import products.jsonl --dry-run"
    )]
    Import(ImportArguments),
    /// Show one product
    #[command(after_help = "Examples:\n  shopctl product show MUG-01\n  shopctl product show MUG-01 --prices")]
    Show(ShowArguments),
    /// Change SKU, name, description or price
    #[command(after_help = "Example:\n  shopctl product update MUG-01 --price 13.00")]
    Update(UpdateArguments),
    /// Change the prices of one or many products, all or none
    #[command(after_help = "Examples:
  shopctl product price MUG-01 --to 13.00
  shopctl product price MUG-01 MUG-02 --by -0.50 --dry-run
  shopctl product price --search mug --by +5% --round 0.99 --max-change 20%
  shopctl product price --all --by -10% --yes")]
    Price(price::PriceArguments),
    /// Delete a product that was never ordered
    #[command(after_help = "Example:\n  shopctl product delete MUG-09 --confirm MUG-09")]
    Delete(DeleteArguments),
}

#[derive(Debug, Args)]
pub struct CreateArguments {
    #[arg(long, value_name = "NAME", value_parser = checked(ProductName::parse))]
    name: ProductName,
    /// Of one piece, such as 12.50
    #[arg(long, value_name = "AMOUNT", allow_negative_numbers = true, value_parser = checked(Money::parse_price))]
    price: Money,
    /// Made from the name when absent
    #[arg(long, value_name = "SKU", value_parser = checked(Sku::parse))]
    sku: Option<Sku>,
    #[arg(long, value_name = "TEXT", value_parser = long_text())]
    description: Option<String>,
    /// Pieces on hand
    #[arg(long, value_name = "N", default_value = "0", allow_negative_numbers = true, value_parser = checked(parse_stock))]
    stock: i32,
    #[command(flatten)]
    write: WriteArguments,
}

/// Which products are wanted.
#[derive(Debug, Args)]
pub struct FilterArguments {
    /// Anywhere in SKU or name
    #[arg(long, value_name = "TEXT", value_parser = searched())]
    pub search: Option<String>,
    #[arg(long, value_name = "AMOUNT", allow_negative_numbers = true, value_parser = checked(Money::parse_price))]
    min_price: Option<Money>,
    #[arg(long, value_name = "AMOUNT", allow_negative_numbers = true, value_parser = checked(Money::parse_price))]
    max_price: Option<Money>,
    #[command(flatten)]
    left: LeftArguments,
}

impl FilterArguments {
    fn is_empty(&self) -> bool {
        let FilterArguments { search, min_price, max_price, left } = self;
        search.is_none() && min_price.is_none() && max_price.is_none() && left.is_empty()
    }

    /// Errors: exit 7 for prices that none can be between.
    fn filter(&self) -> Result<products::Filter> {
        let FilterArguments { search, min_price, max_price, left } = self;
        check_range(("min-price", *min_price), ("max-price", *max_price))?;
        Ok(products::Filter {
            search: search.clone(),
            min_price: *min_price,
            max_price: *max_price,
            max_stock: left.max_stock(),
        })
    }
}

#[derive(Debug, Args)]
pub struct ProductListArguments {
    #[command(flatten)]
    filter: FilterArguments,
    #[command(flatten)]
    list: ListArguments,
}

#[derive(Debug, Args)]
pub struct ProductExportArguments {
    #[command(flatten)]
    filter: FilterArguments,
    #[command(flatten)]
    export: ExportArguments,
}

#[derive(Debug, Args)]
pub struct ProductArguments {
    /// SKU or id
    #[arg(value_name = "PRODUCT")]
    product: String,
}

#[derive(Debug, Args)]
pub struct ShowArguments {
    #[command(flatten)]
    product: ProductArguments,
    /// Also the prices that it had, newest first, and the lowest of 30 days
    #[arg(long)]
    prices: bool,
}

#[derive(Debug, Args)]
pub struct UpdateArguments {
    #[command(flatten)]
    product: ProductArguments,
    #[arg(long, value_name = "SKU", value_parser = checked(Sku::parse))]
    sku: Option<Sku>,
    #[arg(long, value_name = "NAME", value_parser = checked(ProductName::parse))]
    name: Option<ProductName>,
    /// An empty text removes it
    #[arg(long, value_name = "TEXT", value_parser = long_text())]
    description: Option<String>,
    #[arg(long, value_name = "AMOUNT", allow_negative_numbers = true, value_parser = checked(Money::parse_price))]
    price: Option<Money>,
    #[command(flatten)]
    write: WriteArguments,
}

#[derive(Debug, Args)]
pub struct DeleteArguments {
    #[command(flatten)]
    product: ProductArguments,
    #[command(flatten)]
    confirm: ConfirmArguments,
    #[command(flatten)]
    write: WriteArguments,
}

impl Command {
    /// Whether it takes as long as there is data.
    pub fn is_long(&self) -> bool {
        match self {
            Command::List(arguments) => arguments.list.all,
            Command::Export(_) | Command::Import(_) => true,
            _ => false,
        }
    }
}

pub async fn run(context: &Context, asking: &Asking, command: Command) -> Result<()> {
    match command {
        Command::Create(arguments) => create(context, &arguments).await,
        Command::List(arguments) => list(context, &arguments).await,
        Command::Export(arguments) => export(context, &arguments).await,
        Command::Import(arguments) => {
            import::run::<ProductRow>(context, asking, &arguments, Stock::Deduct, Meaning::default()).await
        }
        Command::Show(arguments) => show(context, &arguments).await,
        Command::Update(arguments) => update(context, &arguments).await,
        Command::Price(arguments) => price::price(context, asking, &arguments).await,
        Command::Delete(arguments) => delete(context, asking, &arguments).await,
    }
}

async fn create(context: &Context, arguments: &CreateArguments) -> Result<()> {
    let CreateArguments { name, price, description, stock, .. } = arguments;
    let sku = match &arguments.sku {
        Some(sku) => sku.clone(),
        None => Sku::from_name(name.as_str()).map_err(|problem| Violations::of("name", problem).into_error())?,
    };
    let description = description.clone().filter(|text| !text.is_empty());
    let new = NewProduct { sku, name: name.clone(), description, price: *price, stock: *stock };
    let database = context.database_for_operation().await?;
    let dry_run = arguments.write.dry_run;
    let product = service::create(&context.operations(&database, dry_run), &new).await?;
    let line = format!("product {} {}", printable(&product.sku), done(dry_run, "created"));
    let mut json = ProductView(product.clone()).to_json();
    json.extend(mutation::outcome(true, false, dry_run, Value::Null, view_of(&product)));
    finish(context, &database, dry_run, &Mutation { line, id: product.id.to_string(), json });
    Ok(())
}

async fn list(context: &Context, arguments: &ProductListArguments) -> Result<()> {
    context.output.check_fields::<ProductView>(&[])?;
    let filter = arguments.filter.filter()?;
    let page = arguments.list.page("-created_at");
    crate::repository::sort_field(&products::SORT_FIELDS, &page.sort)?;
    let database = context.database(Access::Read).await?;
    let fetch = async |page: &Page| fetch(&database, &filter, page).await;
    let count = async || products::count(database.connection(), &filter).await;
    list::print(context, &arguments.list, page, fetch, count).await
}

async fn fetch(database: &Database, filter: &products::Filter, page: &Page) -> Result<Shown<ProductView>> {
    let found = products::find_all(database.connection(), filter, page).await?;
    Ok(Shown { rows: found.items.into_iter().map(ProductView).collect(), next: found.next })
}

async fn export(context: &Context, arguments: &ProductExportArguments) -> Result<()> {
    let filter = arguments.filter.filter()?;
    let format = arguments.export.format(context)?;
    let database = context.database(Access::Read).await?;
    let fetch = async |page: &Page| fetch(&database, &filter, page).await;
    export::run(context, format, arguments.export.out.as_deref(), "created_at", fetch).await
}

async fn show(context: &Context, arguments: &ShowArguments) -> Result<()> {
    let extra = if arguments.prices { price::HISTORY_FIELDS } else { &[] };
    context.output.check_fields::<ProductView>(extra)?;
    let database = context.database(Access::Read).await?;
    let product = service::find(database.connection(), &arguments.product.product).await?;
    let extra = if arguments.prices { price::history(context, &database, &product).await? } else { Vec::new() };
    context.output.show(&ProductView(product), &extra)
}

async fn update(context: &Context, arguments: &UpdateArguments) -> Result<()> {
    let update = ProductUpdate {
        sku: arguments.sku.clone(),
        name: arguments.name.clone(),
        description: arguments.description.clone().map(|text| Some(text).filter(|text| !text.is_empty())),
        price: arguments.price,
    };
    if update.is_empty() {
        return Err(Error::usage("nothing to change").hint("give --sku, --name, --description or --price"));
    }
    let database = context.database_for_operation().await?;
    let dry_run = arguments.write.dry_run;
    let changed = service::update(&context.operations(&database, dry_run), &arguments.product.product, &update).await?;
    let sku = printable(&changed.after.sku);
    let verb = if changed.changed { done(dry_run, "updated") } else { "unchanged".to_owned() };
    let rest = mutation::outcome(changed.changed, false, dry_run, view_of(&changed.before), view_of(&changed.after));
    let mutation = Mutation {
        line: format!("product {sku} {verb}"),
        id: changed.after.id.to_string(),
        json: about_product(&changed.after, rest),
    };
    finish(context, &database, dry_run || !changed.changed, &mutation);
    Ok(())
}

async fn delete(context: &Context, asking: &Asking, arguments: &DeleteArguments) -> Result<()> {
    let product = service::find(context.database(Access::Read).await?.connection(), &arguments.product.product).await?;
    let dry_run = arguments.write.dry_run;
    let sku = printable(&product.sku);
    let impact = format!("{sku} and its {} pieces will be deleted for good", product.stock_quantity);
    let database = context.database_for_operation().await?;
    if arguments.confirm.confirm.is_none() && !dry_run {
        // Nobody types a name for what is refused anyway.
        service::delete(&context.operations(&database, true), &product.id.to_string()).await?;
    }
    asking.name(context, &arguments.confirm, dry_run, &impact, &product.sku)?;
    let product = service::delete(&context.operations(&database, dry_run), &product.id.to_string()).await?;
    let line = format!("product {sku} {}", done(dry_run, "deleted"));
    let rest = mutation::outcome(true, false, dry_run, view_of(&product), Value::Null);
    let json = about_product(&product, rest);
    finish(context, &database, dry_run, &Mutation { line, id: product.id.to_string(), json });
    Ok(())
}
