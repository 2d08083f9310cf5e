//! The wizard of `order create`: it asks who buys and what, and has the order reviewed. It writes nothing: the answers
//! are processed like flags.

use crate::cli::shared::confirm::{self, Review};
use crate::cli::shared::picker::{Choice, Entry, Picker};
use crate::cli::shared::wizard::{
    Next, SUGGESTIONS, Visit, argument_for, ask_until, describe_user, note_command, product_entry, walk,
};
use crate::context::Context;
use crate::db::Database;
use crate::domain::quantity::MAX_LINES;
use crate::domain::text::counted;
use crate::domain::{Email, Id, Money, Quantity, Sku};
use crate::entity::{product, user};
use crate::error::{CommandLine, Result, printable};
use crate::repository::user::{Lock, UserKey};
use crate::repository::{Match, product as products, user as users};
use crate::service::operation::Operations;
use crate::service::place_order::{self, NewLine, NewOrder};
use crate::service::{product as product_service, user as user_service};

/// A line of the order being composed.
struct Line {
    product: product::Model,
    quantity: Quantity,
}

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
///
/// Errors: exit 3 for an unknown user or product, 6 for a user who must not order, 10 for Escape at the first question,
/// the end of input or no, 130 for Ctrl-C.
pub async fn complete_order(context: &Context, operations: &Operations, new: NewOrder) -> Result<NewOrder> {
    let database = &operations.database;
    database.ready().await?;
    let (asks_user, asks_lines) = (new.user.is_empty(), new.lines.is_empty());
    let mut cart = Cart { context, database, buyer: find_buyer(database, &new.user).await?, lines: Vec::new() };
    for (product, quantity) in find_products(database, &new.lines).await? {
        cart.add(product, quantity);
    }
    let steps = [(Step::Buyer, asks_user), (Step::Products, asks_lines), (Step::Review, !operations.dry_run)];
    let steps: Vec<Step> = steps.into_iter().filter(|(_, is_asked)| *is_asked).map(|(step, _)| step).collect();
    let completed = |cart: &Cart| NewOrder {
        user: cart.buyer.as_ref().filter(|_| asks_user).map_or_else(|| new.user.clone(), user_argument),
        lines: if asks_lines { cart.new_lines() } else { new.lines.clone() },
        ..new.clone()
    };
    walk(&steps, async |visit| match visit.step {
        Step::Buyer => cart.pick_buyer(visit.escape).await.map(Next::from),
        Step::Products if visit.is_edit => cart.edit_products().await.map(Next::from),
        Step::Products => cart.pick_products(visit).await.map(Next::from),
        Step::Review => {
            let review = cart.review().await;
            let command = || order_command(&completed(&cart));
            review.map(Next::from).inspect_err(|_| note_command(context, command()))
        }
    })
    .await?;
    let new = completed(&cart);
    note_command(context, order_command(&new));
    Ok(new)
}

/// The buyer that is given.
async fn find_buyer(database: &Database, who: &str) -> Result<Option<user::Model>> {
    if who.is_empty() {
        return Ok(None);
    }
    let found = users::find_one(database.connection(), UserKey::parse(who), Lock::None).await?;
    let user = found.ok_or_else(|| user_service::unknown(who))?;
    place_order::check_may_order(&user)?;
    Ok(Some(user))
}

/// The products that are given.
async fn find_products(database: &Database, lines: &[NewLine]) -> Result<Vec<(product::Model, Quantity)>> {
    let names: Vec<&str> = lines.iter().map(|line| line.product.as_str()).collect();
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let found = products::find_named(database.connection(), &names).await?;
    let named = |name: &str| products::match_name(&found, name);
    let unknown: Vec<&str> = names.into_iter().filter(|name| named(name).is_none()).collect();
    if !unknown.is_empty() {
        return Err(product_service::unknown(&unknown));
    }
    product_service::check_orderable(&found)?;
    Ok(lines.iter().filter_map(|line| Some((named(&line.product)?.clone(), line.quantity))).collect())
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
    let cells = vec![user.email.to_string(), format!("{} {}", user.first_name, user.last_name)];
    Entry { id: user.id, cells, value: user }
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
            Ok(own.chain(found.into_iter().map(product_entry)).collect())
        };
        Picker { context: self.context, question, done, escape }.pick(&find).await
    }

    /// Asks for the quantity of another line; none is added after Escape.
    async fn ask_quantity(&mut self, product: product::Model) -> Result<()> {
        let label = format!("quantity of {}, {} in stock", printable(&product.sku), product.stock_quantity.told());
        let before = self.position(product.id).map(|at| self.lines[at].quantity);
        let quantity = ask_until(self.context, (&label, Some("1")), "back", |text| {
            let quantity = Quantity::parse(text)?;
            let merged = before.map_or(Ok(quantity), |before| before.plus(quantity));
            let merged = merged.map_err(|problem| format!("together with the earlier line, it {problem}"))?;
            self.check_total(&product, merged)?;
            Ok(quantity)
        });
        if let Some(quantity) = quantity.await? {
            self.add(product, quantity);
        }
        Ok(())
    }

    /// Asks for the new quantity of a line; 0 removes it.
    async fn change_quantity(&mut self, position: usize) -> Result<()> {
        let Line { product, quantity } = &self.lines[position];
        let sku = printable(&product.sku);
        let label = format!("quantity of {sku}, {quantity} in the order, {} in stock", product.stock_quantity.told());
        let default = quantity.to_string();
        let changed = ask_until(self.context, (&label, Some(&default)), "back", |text| match text.trim() {
            "0" => Ok(None),
            text => {
                let quantity = Quantity::parse(text)?;
                self.check_total(product, quantity).map(|()| Some(quantity))
            }
        });
        match changed.await? {
            Some(Some(quantity)) => {
                let product = product.clone();
                self.warn_of_stock(&product, quantity);
                self.lines[position].quantity = quantity;
            }
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

    /// Insufficient stock is only a warning, because it may change until the order is placed.
    fn warn_of_stock(&self, product: &product::Model, quantity: Quantity) {
        if i64::from(quantity.get()) > product.stock_quantity.pieces() {
            let sku = printable(&product.sku);
            self.context
                .output
                .warn(&format!("{sku} has {} in stock, {quantity} requested", product.stock_quantity.told()));
        }
    }

    /// Adds a line, or increases the line of the same product, and prints the total.
    fn add(&mut self, product: product::Model, quantity: Quantity) {
        let position = self.position(product.id);
        let quantity = position.and_then(|at| self.lines[at].quantity.plus(quantity).ok()).unwrap_or(quantity);
        let text = format!("{quantity} × {} {}", printable(&product.sku), printable(&product.name));
        self.warn_of_stock(&product, quantity);
        match position {
            Some(at) => self.lines[at] = Line { product, quantity },
            None => self.lines.push(Line { product, quantity }),
        }
        self.context.output.say(&format!("{text}; total {}", format_amount(self.total())));
    }

    fn total(&self) -> Option<Money> {
        order_total(self.lines.iter().map(|line| (&line.product, line.quantity)))
    }

    /// Shows the order and asks for confirmation.
    async fn review(&self) -> Result<Review> {
        let buyer = self.buyer.as_ref().map_or_else(|| "?".to_owned(), describe_user);
        let mut text = format!("\norder for {buyer}\n");
        for Line { product, quantity } in &self.lines {
            let line_total = format_amount(product.price.checked_times(*quantity));
            let (price, sku, name) = (product.price.to_string(), printable(&product.sku), printable(&product.name));
            text.push_str(&format!("{quantity:>6} × {price:>10} = {line_total:>12}  {sku}  {name}\n"));
        }
        let pieces: i64 = self.lines.iter().map(|line| i64::from(line.quantity.get())).sum();
        let pieces = counted(pieces, "unit");
        let (count, noun) = pieces.split_once(' ').unwrap_or_default();
        text.push_str(&format!("{count:>6} {noun}, total {:>13}\n", format_amount(self.total())));
        self.context.output.say(&text);
        confirm::review("Place this order?").await
    }

    fn new_lines(&self) -> Vec<NewLine> {
        let line = |Line { product, quantity }: &Line| NewLine {
            product: argument_for(product.id, &product.sku, Sku::parse),
            quantity: *quantity,
            unit_price: None,
        };
        self.lines.iter().map(line).collect()
    }
}

/// A line of the order as an entry of the picker.
fn line_entry(line: &Line) -> Entry<product::Model> {
    let mut entry = product_entry(line.product.clone());
    entry.cells.insert(1, format!("{} in the order", line.quantity));
    entry
}
