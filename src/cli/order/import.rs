//! `shopctl order import`

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};

use crate::bulk::{InvoiceRow, OrderRow};
use crate::cli::Asking;
use crate::cli::import::{self, ImportArguments};
use crate::context::Context;
use crate::error::Result;
use crate::service::place_order::Stock;

#[derive(Debug, Args)]
pub struct OrderImportArguments {
    #[command(flatten)]
    import: ImportArguments,
    /// Whether the pieces come out of the stock: deduct, or skip for orders of the past whose pieces were never
    /// counted here [default: deduct, with --invoices skip]
    #[arg(long, value_name = "WHAT", value_parser = stocks())]
    stock: Option<Stock>,
    /// The file has invoice lines (InvoiceNo, StockCode, Description, Quantity, InvoiceDate, UnitPrice, CustomerID);
    /// users and products that are not there are made
    #[arg(long)]
    invoices: bool,
}

fn stocks() -> impl TypedValueParser<Value = Stock> {
    PossibleValuesParser::new(["deduct", "skip"]).map(|word| if word == "skip" { Stock::Skip } else { Stock::Deduct })
}

pub async fn run(context: &Context, asking: &Asking, arguments: &OrderImportArguments) -> Result<()> {
    let usual = if arguments.invoices { Stock::Skip } else { Stock::Deduct };
    let stock = arguments.stock.unwrap_or(usual);
    match arguments.invoices {
        true => import::run::<InvoiceRow>(context, asking, &arguments.import, stock).await,
        false => import::run::<OrderRow>(context, asking, &arguments.import, stock).await,
    }
}
