//! `shopctl order import`

use clap::Args;

use crate::bulk::{Interpretation, InvoiceRow, OrderRow};
use crate::cli::shared::arguments::{name_of, one_of_words};
use crate::cli::shared::confirm::Prompter;
use crate::cli::shared::effect::Effect;
use crate::cli::shared::import::{self, ImportArguments};
use crate::context::Context;
use crate::domain::DateOrder;
use crate::error::Result;
use crate::service::place_order::StockHandling;

#[derive(Debug, Args)]
pub struct OrderImportArguments {
    #[command(flatten)]
    import: ImportArguments,
    /// Take the units from stock: deduct or skip [default: deduct; --invoices: skip]
    #[arg(long, value_name = "WHAT", value_parser = one_of_words(STOCKS.into()), hide_possible_values = true)]
    stock: Option<StockHandling>,
    /// Read invoice lines; create missing users and products
    #[arg(long)]
    invoices: bool,
    /// With --invoices: skip cancellations, whose numbers begin with PREFIX
    #[arg(long, value_name = "PREFIX", requires = "invoices")]
    cancellation_prefix: Option<String>,
    /// How to read ambiguous dates such as 01/12/2020: dmy, mdy or ymd
    #[arg(long, value_name = "ORDER", value_parser = name_of(DateOrder::ALL, DateOrder::as_str), hide_possible_values = true)]
    date_order: Option<DateOrder>,
}

const STOCKS: [(&str, StockHandling); 2] = [("deduct", StockHandling::Deduct), ("skip", StockHandling::Skip)];

pub async fn run(context: &Context, prompter: &Prompter, arguments: &OrderImportArguments) -> Result<Effect> {
    let usual = if arguments.invoices { StockHandling::Skip } else { StockHandling::Deduct };
    let stock = arguments.stock.unwrap_or(usual);
    let zone = context.file_zone.clone();
    let (date_order, cancellation_prefix) = (arguments.date_order, arguments.cancellation_prefix.clone());
    let interpretation = Interpretation { date_order, zone, cancellation_prefix, ..Interpretation::default() };
    match arguments.invoices {
        true => import::run::<InvoiceRow>(context, prompter, &arguments.import, stock, interpretation).await,
        false => import::run::<OrderRow>(context, prompter, &arguments.import, stock, interpretation).await,
    }
}
