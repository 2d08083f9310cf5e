//! `shopctl product`

mod create;
mod delete;
mod edit;
mod import;
mod price;
mod retire;
mod show;
mod update;
pub mod view;

use clap::{Args, Subcommand};

use crate::cli::shared::arguments::{RetiredArguments, StockFilterArguments, check_range, search_text};
use crate::cli::shared::confirm::Prompter;
use crate::cli::shared::effect::Effect;
use crate::cli::shared::list::{Export, List, ListQuery};
use crate::cli::shared::values::{FieldValue, checked, field_value};
use crate::context::Context;
use crate::db::Database;
use crate::domain::{Money, SearchText};
use crate::entity::product::Model;
use crate::error::Result;
use crate::output::Output;
use crate::repository::{Search, product as products};
use crate::service::retire::Retirement;

#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub enum Command {
    /// Create a product
    #[command(
        after_help = "Example:\n  shopctl product create --name \"Blue mug\" --price 12.50 --sku MUG-09 \\\n      --stock 40"
    )]
    Create(create::CreateArguments),
    /// List products, newest first, without retired ones
    #[command(after_help = "Examples:
  shopctl product list --low
  shopctl product list --search mug --sort price
  shopctl product list --never-sold --out-of-stock")]
    List(List<FilterArguments>),
    /// Export products, retired ones included, as CSV, JSON lines or JSON
    #[command(
        after_help = "Examples:\n  shopctl product export > products.csv\n  shopctl product export --out-of-stock --out empty.jsonl"
    )]
    Export(Export<ExportFilterArguments>),
    /// Create and update products from a CSV, JSON lines or JSON file
    #[command(
        after_help = "All rows are checked before the first is written; an invalid one rejects the file, unless \
                      --on-error reject-rows is given. See shopctl help import.

Examples:
  shopctl product import products.csv
  shopctl product import products.csv --on-conflict skip \\
      --on-error reject-rows --errors wrong.csv
  shopctl product import products.jsonl --dry-run
  shopctl product import products.json --format mongo-json
  shopctl product import catalogue.csv --retire-missing --yes"
    )]
    Import(import::ProductImportArguments),
    /// Show a product
    #[command(after_help = "Examples:\n  shopctl product show MUG-01\n  shopctl product show MUG-01 --prices")]
    Show(show::ShowArguments),
    /// Change a product's SKU, name, description or price
    #[command(after_help = "Example:\n  shopctl product update MUG-01 --price 13.00")]
    Update(update::UpdateArguments),
    /// Change a product's SKU, name, description or price in an editor
    #[command(
        after_help = "The editor is $VISUAL, $EDITOR or vi, and needs a terminal. If the product is changed by someone else \
                      meanwhile, nothing is written (exit 6) and the edited text is kept.

Example:\n  shopctl product edit MUG-01"
    )]
    Edit(edit::EditArguments),
    /// Change the prices of one or more products, all or none
    #[command(after_help = "Examples:
  shopctl product price MUG-01 --to 13.00
  shopctl product price MUG-01 MUG-02 --by -0.50 --dry-run
  shopctl product price --search mug --by +5% --round 0.99 --max-change 20%
  shopctl product price --all --by -10% --yes")]
    Price(price::PriceArguments),
    /// Take products off sale, all or none; existing orders are unaffected
    #[command(after_help = "Retired products cannot be ordered, but can still be refunded, restocked and counted.

Examples:
  shopctl product retire MUG-01 --yes
  shopctl product retire MUG-01 MUG-02 --dry-run")]
    Retire(retire::RetireArguments),
    /// Put retired products back on sale, all or none
    #[command(after_help = "Example:\n  shopctl product restore MUG-01")]
    Restore(retire::RetireArguments),
    /// Delete a product that was never ordered
    #[command(after_help = "Example:\n  shopctl product delete MUG-09 --confirm MUG-09")]
    Delete(delete::DeleteArguments),
}

// Selects products.
#[derive(Debug, Args)]
pub struct FilterArguments {
    /// Only products with all of these words in their SKU or name
    #[arg(long, value_name = "TEXT", value_parser = search_text())]
    pub search: Option<SearchText>,
    /// Only products that cost at least this amount
    #[arg(long, value_name = "AMOUNT", allow_negative_numbers = true, value_parser = checked(Money::parse_price))]
    min_price: Option<Money>,
    /// Only products that cost at most this amount
    #[arg(long, value_name = "AMOUNT", allow_negative_numbers = true, value_parser = checked(Money::parse_price))]
    max_price: Option<Money>,
    #[command(flatten)]
    left: StockFilterArguments,
    /// Only products without a paid, shipped or completed order
    #[arg(long)]
    never_sold: bool,
    #[command(flatten)]
    retired: RetiredArguments,
}

impl FilterArguments {
    fn is_empty(&self) -> bool {
        let FilterArguments { search, min_price, max_price, left, never_sold, retired } = self;
        let has_flag = *never_sold || retired.retired;
        search.is_none() && min_price.is_none() && max_price.is_none() && left.is_empty() && !has_flag
    }
}

impl ListQuery for FilterArguments {
    type Filter = products::Filter;
    type Row = Model;

    fn check(&self, _context: &Context) -> Result<()> {
        check_range(("--min-price", self.min_price), ("--max-price", self.max_price))
    }

    async fn filter(&self, _context: &Context, database: &Database) -> Result<products::Filter> {
        let FilterArguments { min_price, max_price, never_sold, .. } = *self;
        let search = Search::products(database.connection(), &self.search.clone().unwrap_or_default()).await?;
        let (max_stock, retired) = (self.left.max_stock(), Some(self.retired.retired));
        Ok(products::Filter { search, min_price, max_price, max_stock, never_sold, retired, at: None })
    }

    async fn rows(_output: &Output, _database: &Database, found: Vec<Model>) -> Result<Vec<Model>> {
        Ok(found)
    }
}

// Selects products to export: retired ones too.
#[derive(Debug, Args)]
pub struct ExportFilterArguments {
    #[command(flatten)]
    filter: FilterArguments,
}

impl ListQuery for ExportFilterArguments {
    type Filter = products::Filter;
    type Row = Model;

    fn check(&self, context: &Context) -> Result<()> {
        self.filter.check(context)
    }

    async fn filter(&self, context: &Context, database: &Database) -> Result<products::Filter> {
        let filter = self.filter.filter(context, database).await?;
        Ok(products::Filter { retired: filter.retired.filter(|retired| *retired), ..filter })
    }

    async fn rows(output: &Output, database: &Database, found: Vec<Model>) -> Result<Vec<Model>> {
        FilterArguments::rows(output, database, found).await
    }
}

// The optional fields of a product.
#[derive(Debug, Args)]
pub struct DetailArguments {
    /// Description; an empty text removes it
    #[arg(long, value_name = "TEXT", value_parser = field_value::<Model>("description"))]
    description: Option<FieldValue<Model>>,
}

impl DetailArguments {
    fn given_values(&self) -> impl Iterator<Item = &FieldValue<Model>> {
        let DetailArguments { description } = self;
        [description].into_iter().flatten()
    }

    /// Sets the given fields of a product.
    fn apply_to(&self, product: &mut Model) {
        self.given_values().for_each(|value| value.put(product));
    }
}

#[derive(Debug, Args)]
pub struct ProductArguments {
    /// SKU or id of the product
    #[arg(value_name = "PRODUCT")]
    product: String,
}

pub async fn run(context: &Context, prompter: &Prompter, command: Command) -> Result<Effect> {
    match command {
        Command::Create(arguments) => create::run(context, &arguments).await,
        Command::List(arguments) => arguments.run(context).await.map(Effect::from),
        Command::Export(arguments) => arguments.run(context).await.map(Effect::from),
        Command::Import(arguments) => import::run(context, prompter, &arguments).await,
        Command::Show(arguments) => show::run(context, &arguments).await.map(Effect::from),
        Command::Update(arguments) => update::run(context, &arguments).await,
        Command::Edit(arguments) => edit::run(context, prompter, &arguments).await,
        Command::Price(arguments) => price::price(context, prompter, &arguments).await,
        Command::Retire(arguments) => retire::run(context, prompter, &arguments, Retirement::Retire).await,
        Command::Restore(arguments) => retire::run(context, prompter, &arguments, Retirement::Restore).await,
        Command::Delete(arguments) => delete::run(context, prompter, &arguments).await,
    }
}
