//! The wizard of `order create`: it asks who buys and what, and has the order reviewed. The answers are processed like
//! flags.

use crate::cli::shared::confirm::{self, Review};
use crate::cli::shared::picker::{Choice, Entry, Picker};
use crate::cli::shared::wizard::{
    Next, ReviewedLine, SUGGESTIONS, Visit, argument_for, ask_until, check_in_stock, describe_user, note_command,
    product_entry, review_table, walk,
};
use crate::context::Context;
use crate::db::Database;
use crate::domain::quantity::MAX_LINES;
use crate::domain::{Email, Id, Money, Quantity, Sku};
use crate::entity::{product, user};
use crate::error::{Cause, CommandLine, Result, printable};
use crate::repository::{Match, product as products, user as users};
use crate::service::operation::Operations;
use crate::service::place_order::{self, Line, NewLine, NewOrder, PlacedOrder};

/// The order being composed.
struct Cart<'a> {
    context: &'a Context,
    database: &'a Database,
    buyer: Option<user::Model>,
    lines: Vec<Line>,
}

#[derive(Clone, Copy)]
enum Step {
    Buyer,
    Products,
    Review,
}

/// Asks for the missing parts of an order, user and products, and, unless nothing is to be written, for confirmation.
/// Then `place` is called. Pieces that were sold meanwhile lead back to the review.
///
/// Errors: exit 3 for an unknown user or product, 6 for a user who must not order and for given products of which there
/// are too few, 10 for Escape at the first question, the end of input or no, 130 for Ctrl-C; those of `place`.
pub async fn place_by_wizard(
    context: &Context,
    operations: &Operations,
    new: NewOrder,
    place: impl AsyncFn(&NewOrder) -> Result<PlacedOrder>,
) -> Result<PlacedOrder> {
    let database = &operations.database;
    database.ready().await?;
    let (asks_user, asks_lines) = (new.user.is_empty(), new.lines.is_empty());
    let given = place_order::find_given(database, &new).await?;
    given.check_stock()?;
    let mut cart = Cart { context, database, buyer: given.user, lines: Vec::new() };
    given.lines.into_iter().for_each(|line| cart.add(line.product, line.quantity));
    let steps = [(Step::Buyer, asks_user), (Step::Products, asks_lines), (Step::Review, !operations.dry_run)];
    let steps: Vec<Step> = steps.into_iter().filter(|(_, is_asked)| *is_asked).map(|(step, _)| step).collect();
    let completed = |cart: &Cart| NewOrder {
        user: cart.buyer.as_ref().filter(|_| asks_user).map_or_else(|| new.user.clone(), user_argument),
        lines: if asks_lines { cart.new_lines() } else { new.lines.clone() },
        ..new.clone()
    };
    let mut placed = None;
    walk(&steps, async |visit| match visit.step {
        Step::Buyer => cart.pick_buyer(visit.escape).await.map(Next::from),
        Step::Products if visit.is_edit => cart.edit_products().await.map(Next::from),
        Step::Products => cart.pick_products(visit).await.map(Next::from),
        Step::Review => {
            let review = cart.review().await;
            if !matches!(review, Ok(Review::Back | Review::Edit)) {
                note_command(context, order_command(&completed(&cart)));
            }
            let review = review?;
            if review != Review::Accepted {
                return Ok(Next::from(review));
            }
            match place(&completed(&cart)).await {
                Err(error) if asks_lines && error.is(Cause::Shortage) => {
                    context.output.warn(error.message());
                    cart.read_again().await.map(|()| Next::Again)
                }
                result => {
                    placed = Some(result?);
                    Ok(Next::Forward)
                }
            }
        }
    })
    .await?;
    if let Some(placed) = placed {
        return Ok(placed);
    }
    let new = completed(&cart);
    note_command(context, order_command(&new));
    place(&new).await
}

/// The command that places this order without questions.
fn order_command(new: &NewOrder) -> CommandLine {
    let command = CommandLine::again().option("--user", &new.user);
    new.lines.iter().fold(command, |command, line| match line.quantity.get() {
        1 => command.option("--item", &line.product),
        quantity => command.option("--item", &format!("{}:{quantity}", line.product)),
    })
}

fn user_argument(user: &user::Model) -> String {
    argument_for(user.id, &user.email, Email::parse)
}

/// The total of lines; `None` if it exceeds the maximum of an order.
fn order_total<'a>(lines: impl IntoIterator<Item = (&'a product::Model, Quantity)>) -> Option<Money> {
    let mut amounts = lines.into_iter().map(|(product, quantity)| product.price.checked_times(quantity));
    amounts.try_fold(Money::ZERO, |sum, amount| sum.checked_plus(amount?))
}

fn format_amount(amount: Option<Money>) -> String {
    amount.map_or_else(|| "?".to_owned(), |amount| amount.to_string())
}

fn user_entry(user: user::Model) -> Entry<user::Model> {
    let name = format!("{} {}", user.first_name, user.last_name);
    Entry { id: user.id, key: user.email.to_string(), name, details: Vec::new(), value: user }
}

impl Cart<'_> {
    /// Asks who buys; returns `false` for Escape.
    async fn pick_buyer(&mut self, escape: &'static str) -> Result<bool> {
        let connection = self.database.connection();
        let find = async |text: &str, how: Match| {
            let found = users::suggest(connection, text, how, SUGGESTIONS).await?;
            Ok(found.into_iter().map(user_entry).collect())
        };
        let before = self.buyer.as_ref().map(|user| format!("keep {}", describe_user(user)));
        let picker = Picker { context: self.context, question: "customer", done: before.as_deref(), escape };
        match picker.pick(&find).await? {
            Choice::Selected(user) => self.buyer = Some(user),
            Choice::Done => {}
            Choice::Back => return Ok(false),
        }
        if let Some(user) = &self.buyer {
            self.context.output.say(&format!("customer: {}", describe_user(user)));
        }
        Ok(true)
    }

    /// Asks for products one by one. Escape removes the last one; returns `false` for Escape without any, to return to
    /// the previous question.
    async fn pick_products(&mut self, visit: Visit<Step>) -> Result<bool> {
        while self.lines.len() < MAX_LINES {
            let (question, done, escape) = match self.lines.is_empty() {
                true => ("product", None, visit.escape),
                false => ("next product", Some("done"), "remove the last one"),
            };
            match self.pick_product((question, done, escape), &[]).await? {
                Choice::Selected(product) => self.ask_quantity(product).await?,
                Choice::Done => return Ok(true),
                Choice::Back => match self.lines.pop() {
                    Some(line) => self.context.output.say(&format!("removed: {}", printable(&line.product.sku))),
                    None => return Ok(false),
                },
            }
        }
        self.context.output.say(&format!("an order has at most {MAX_LINES} lines"));
        Ok(true)
    }

    /// Asks for products and their new quantities; returns `false` for Escape.
    async fn edit_products(&mut self) -> Result<bool> {
        loop {
            let done = (!self.lines.is_empty()).then_some("done");
            match self.pick_product(("product to change or add", done, "back"), &self.lines).await? {
                Choice::Selected(product) => match self.position(product.id) {
                    Some(position) => self.change_quantity(position).await?,
                    None if self.lines.len() < MAX_LINES => self.ask_quantity(product).await?,
                    None => self.context.output.warn(&format!("an order has at most {MAX_LINES} lines")),
                },
                Choice::Done => return Ok(true),
                Choice::Back if self.lines.is_empty() => self.context.output.warn("the order has no product"),
                Choice::Back => return Ok(false),
            }
        }
    }

    /// Asks for a product; these lines come first.
    async fn pick_product(
        &self,
        (question, done, escape): (&str, Option<&str>, &'static str),
        lines: &[Line],
    ) -> Result<Choice<product::Model>> {
        let connection = self.database.connection();
        let find = async |text: &str, how: Match| {
            let found = products::suggest(connection, text, how, SUGGESTIONS).await?;
            let own = lines.iter().filter(|_| text.is_empty()).map(line_entry);
            Ok(own.chain(found.into_iter().map(|product| product_entry(product, None))).collect())
        };
        Picker { context: self.context, question, done, escape }.pick(&find).await
    }

    /// Asks for the quantity of another line; none is added after 0 and after Escape.
    async fn ask_quantity(&mut self, product: product::Model) -> Result<()> {
        let label = format!("quantity of {}, {} in stock", printable(&product.sku), product.stock_quantity.told());
        let before = self.position(product.id).map(|at| self.lines[at].quantity);
        let own = before.map_or(0, |before| i64::from(before.get()));
        let default = if own < product.stock_quantity.pieces() { "1" } else { "0" };
        let quantity = ask_until(self.context, (&label, Some(default)), "back", |text| {
            let Some(quantity) = Quantity::parse_or_none(text)? else { return Ok(None) };
            let merged = before.map_or(Ok(quantity), |before| before.plus(quantity));
            let merged = merged.map_err(|problem| format!("together with the earlier line, it {problem}"))?;
            let stock = check_in_stock(&product, 0, i64::from(merged.get()));
            stock
                .map_err(|problem| if own == 0 { problem } else { format!("{problem}; {own} already in the order") })?;
            self.check_total(&product, merged)?;
            Ok(Some(quantity))
        });
        match quantity.await? {
            Some(Some(quantity)) => self.add(product, quantity),
            Some(None) => self.context.output.say(&format!("nothing of {} is added", printable(&product.sku))),
            None => {}
        }
        Ok(())
    }

    /// Asks for the new quantity of a line; 0 removes it.
    async fn change_quantity(&mut self, position: usize) -> Result<()> {
        let Line { product, quantity, .. } = &self.lines[position];
        let sku = printable(&product.sku);
        let label = format!("quantity of {sku}, {quantity} in the order, {} in stock", product.stock_quantity.told());
        let default = quantity.to_string();
        let changed = ask_until(self.context, (&label, Some(&default)), "back", |text| {
            let Some(quantity) = Quantity::parse_or_none(text)? else { return Ok(None) };
            check_in_stock(product, 0, i64::from(quantity.get()))?;
            self.check_total(product, quantity).map(|()| Some(quantity))
        });
        match changed.await? {
            Some(Some(quantity)) => self.lines[position].quantity = quantity,
            Some(None) => drop(self.lines.remove(position)),
            None => return Ok(()),
        }
        self.context.output.say(&format!("total {}", format_amount(self.total())));
        Ok(())
    }

    /// Errors: the reason if the order comes to too much with this quantity of a product.
    fn check_total(&self, product: &product::Model, quantity: Quantity) -> Result<(), String> {
        let others = self.lines.iter().filter(|line| line.product.id != product.id);
        let others = others.map(|line| (&line.product, line.quantity));
        match order_total(others.chain([(product, quantity)])) {
            Some(_) => Ok(()),
            None => Err(format!("makes the total exceed {}", Money::MAX_TOTAL)),
        }
    }

    fn position(&self, product: Id) -> Option<usize> {
        self.lines.iter().position(|line| line.product.id == product)
    }

    /// Reads the products again, which another session has changed.
    async fn read_again(&mut self) -> Result<()> {
        let new = NewOrder::new(String::new(), self.new_lines());
        self.lines = place_order::find_given(self.database, &new).await?.lines;
        Ok(())
    }

    /// Adds a line, or increases the line of the same product, and prints the total.
    fn add(&mut self, product: product::Model, quantity: Quantity) {
        let position = self.position(product.id);
        let quantity = position.and_then(|at| self.lines[at].quantity.plus(quantity).ok()).unwrap_or(quantity);
        let text = format!("{quantity} × {} {}", printable(&product.sku), printable(&product.name));
        let line = Line { product, quantity, unit_price: None };
        match position {
            Some(at) => self.lines[at] = line,
            None => self.lines.push(line),
        }
        self.context.output.say(&format!("{text}; total {}", format_amount(self.total())));
    }

    fn total(&self) -> Option<Money> {
        order_total(self.lines.iter().map(|line| (&line.product, line.quantity)))
    }

    /// Shows the order and asks for confirmation.
    async fn review(&self) -> Result<Review> {
        let buyer = self.buyer.as_ref().map_or_else(|| "?".to_owned(), describe_user);
        let lines = self.lines.iter().map(|Line { product, quantity, .. }| ReviewedLine {
            quantity: quantity.to_string(),
            price: product.price.told(),
            amount: format_amount(product.price.checked_times(*quantity)),
            sku: &product.sku,
            name: &product.name,
        });
        let pieces: i64 = self.lines.iter().map(|line| i64::from(line.quantity.get())).sum();
        let table = review_table(&lines.collect::<Vec<_>>(), pieces, &format_amount(self.total()));
        self.context.output.say(&format!("\norder for {buyer}\n{table}"));
        confirm::review("Place this order?").await
    }

    fn new_lines(&self) -> Vec<NewLine> {
        let line = |Line { product, quantity, .. }: &Line| NewLine {
            product: argument_for(product.id, &product.sku, Sku::parse),
            quantity: *quantity,
            unit_price: None,
        };
        self.lines.iter().map(line).collect()
    }
}

/// A line of the order as an entry of the picker.
fn line_entry(line: &Line) -> Entry<product::Model> {
    product_entry(line.product.clone(), Some(i64::from(line.quantity.get())))
}
