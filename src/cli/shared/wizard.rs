//! Wizards: they ask for missing arguments and have the result reviewed and confirmed. They write nothing: the answers
//! are processed like flags.

use std::fmt::Display;

use unicode_width::UnicodeWidthStr;

use super::confirm::Review;
use super::picker::{Entry, LIMIT};
use super::prompt::{Question, cancelled};
use crate::context::Context;
use crate::domain::Id;
use crate::domain::text::counted;
use crate::entity::{product, user};
use crate::error::{CommandLine, Hint, Result, printable};
use crate::service::product::beside_own;

/// Number of rows to query: one more than shown, to detect that there are more.
pub const SUGGESTIONS: u64 = LIMIT as u64 + 1;

/// Repeats a question until the answer is valid, with a warning for each invalid one; `None` for Escape. Without an
/// answer, it is the default.
pub async fn ask_until<T>(
    context: &Context,
    question: (&str, Option<&str>),
    escape: &'static str,
    parse: impl Fn(&str) -> Result<T, String>,
) -> Result<Option<T>> {
    let (label, default) = question;
    loop {
        let Some(answer) = Question::value(label, default).escape(escape).ask().await? else { return Ok(None) };
        let answer = default.filter(|_| answer.trim().is_empty()).unwrap_or(&answer);
        match parse(answer) {
            Ok(value) => return Ok(Some(value)),
            Err(problem) => context.output.warn(&format!("this {problem}")),
        }
    }
}

/// A question of a wizard when it is asked.
#[derive(Clone, Copy)]
pub struct Visit<S> {
    pub step: S,
    /// What Escape does: `cancel` at the first question, else `back`.
    pub escape: &'static str,
    /// The review led here.
    pub is_edit: bool,
}

/// What follows a question of a wizard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    Forward,
    /// Escape.
    Back,
    /// Through all questions again.
    Edit,
    /// The same question once more.
    Again,
}

impl From<bool> for Next {
    fn from(is_answered: bool) -> Next {
        if is_answered { Next::Forward } else { Next::Back }
    }
}

impl From<Review> for Next {
    fn from(review: Review) -> Next {
        match review {
            Review::Accepted => Next::Forward,
            Review::Back => Next::Back,
            Review::Edit => Next::Edit,
        }
    }
}

/// Asks the questions of a wizard in turn. Escape goes back to the question before, and from an edit to the review,
/// which is the last step.
///
/// Errors: exit 10 for Escape at the first question; those of `ask`.
pub async fn walk<S: Copy>(steps: &[S], mut ask: impl AsyncFnMut(Visit<S>) -> Result<Next>) -> Result<()> {
    let (mut at, mut is_edit) = (0, false);
    while let Some(&step) = steps.get(at) {
        is_edit &= at + 1 < steps.len();
        let escape = if at == 0 && !is_edit { "cancel" } else { "back" };
        match ask(Visit { step, escape, is_edit }).await? {
            Next::Forward => at += 1,
            Next::Edit => (at, is_edit) = (0, true),
            Next::Again => {}
            Next::Back if is_edit => at = steps.len() - 1,
            Next::Back => at = at.checked_sub(1).ok_or_else(cancelled)?,
        }
    }
    Ok(())
}

/// Prints the command that does the same without questions, before it is done: after a rejection the answers are kept.
pub fn note_command(context: &Context, command: CommandLine) {
    context.output.suggest(Hint::from("the same without prompts:\n  ").and(command));
}

/// The argument that names a row: its key, or its id if another program stored an invalid key.
pub fn argument_for<K: Display>(id: Id, key: &str, parse: fn(&str) -> Result<K, String>) -> String {
    if parse(key).is_ok_and(|ours| ours.to_string() == key) { key.to_owned() } else { id.or_key(key) }
}

/// `ann@example.com, Ann Lee`
pub fn describe_user(user: &user::Model) -> String {
    format!("{}, {} {}", printable(&user.email), printable(&user.first_name), printable(&user.last_name))
}

/// A product with its price and stock, and its pieces in the order if it is there, as an entry of the picker.
pub fn product_entry(product: product::Model, in_order: Option<i64>) -> Entry<product::Model> {
    let stock = match product.stock_quantity.known() {
        Some(..=0) => "out of stock".to_owned(),
        _ => format!("{} in stock", product.stock_quantity.told()),
    };
    let in_order = in_order.map_or_else(String::new, |pieces| format!("{pieces} in the order"));
    Entry {
        id: product.id,
        key: product.sku.to_string(),
        name: product.name.to_string(),
        details: vec![in_order, product.price.to_string(), stock],
        value: product,
    }
}

/// Errors: the reason if a product has not as many more pieces in stock beside those that the order has already.
pub fn check_in_stock(product: &product::Model, own: i64, more: i64) -> Result<(), String> {
    if more <= 0 || more <= product.stock_quantity.pieces() {
        return Ok(());
    }
    let (besides, sku, stock) = (beside_own(own), printable(&product.sku), product.stock_quantity.told());
    Err(format!("is too many: {sku} has {stock} in stock{besides}"))
}

/// A line of an order to be reviewed.
pub struct ReviewedLine<'a> {
    pub quantity: String,
    pub price: String,
    pub amount: String,
    pub sku: &'a str,
    pub name: &'a str,
}

/// The lines of an order with their total, whose amounts end in the same column.
pub fn review_table(lines: &[ReviewedLine<'_>], units: i64, total: &str) -> String {
    let widest = |text: fn(&ReviewedLine<'_>) -> usize| lines.iter().map(text).max().unwrap_or(0);
    let quantities = widest(|line| line.quantity.width()).max(6);
    let prices = widest(|line| line.price.width()).max(10);
    let units = counted(units, "unit");
    let (count, noun) = units.split_once(' ').unwrap_or_default();
    let label = format!("{count:>quantities$} {noun}, total ");
    let before = quantities + prices + " ×  = ".width();
    let end = (before + widest(|line| line.amount.width()).max(12)).max(label.width() + total.width());
    let amounts = end - before;
    let mut text = String::new();
    for ReviewedLine { quantity, price, amount, sku, name } in lines {
        let (sku, name) = (printable(sku), printable(name));
        text += &format!("{quantity:>quantities$} × {price:>prices$} = {amount:>amounts$}  {sku}  {name}\n");
    }
    let rest = end - label.width();
    text + &format!("{label}{total:>rest$}\n")
}
