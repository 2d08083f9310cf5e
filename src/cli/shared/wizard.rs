//! Wizards: they ask for missing arguments and have the result reviewed and confirmed. They write nothing: the answers
//! are processed like flags.

use std::fmt::Display;

use super::confirm::confirm_question;
use super::keys::{Echo, ask, declined};
use super::picker::{Choice, Entry, LIMIT, Picker};
use crate::context::Context;
use crate::db::Database;
use crate::domain::quantity::MAX_LINES;
use crate::domain::{Email, Id, Money, PersonName, Quantity, Sku};
use crate::entity::{product, user};
use crate::error::{CommandLine, Hint, Result, printable};
use crate::repository::user::{Lock, UserKey};
use crate::repository::{Match, product as products, user as users};
use crate::service::place_order::{self, NewLine, NewOrder};
use crate::service::{product as product_service, user as user_service};

/// Number of rows to query: one more than shown, to detect that there are more.
pub const SUGGESTIONS: u64 = LIMIT as u64 + 1;

/// Repeats a question until the answer is valid, with a warning for each invalid one.
pub fn ask_until<T>(context: &Context, label: &str, parse: impl Fn(&str) -> Result<T, String>) -> Result<T> {
    loop {
        match parse(&ask(&format!("{label}: "), Echo::Shown)?) {
            Ok(value) => return Ok(value),
            Err(problem) => context.output.warn(&format!("this {problem}")),
        }
    }
}

/// The answers about a new user, some of which may be given in advance.
#[derive(Debug, Default)]
pub struct UserAnswers {
    pub email: Option<Email>,
    pub first_name: Option<PersonName>,
    pub last_name: Option<PersonName>,
}

impl UserAnswers {
    /// Asks for missing answers; returns the database used to check the e-mail address.
    ///
    /// Errors: exit 6 if the given e-mail address is taken, 10 for the end of input, 130 for Ctrl-C.
    pub async fn complete(&mut self, context: &Context) -> Result<Database> {
        let database = context.database_for_operation().await?;
        database.ready().await?;
        let is_taken = async |email: &Email| {
            users::find_by_email(database.connection(), email.as_str()).await.map(|user| user.is_some())
        };
        match &self.email {
            Some(email) if is_taken(email).await? => return Err(user_service::taken(email.as_str())),
            Some(_) => {}
            None => loop {
                let email = ask_until(context, "e-mail address", Email::parse)?;
                if !is_taken(&email).await? {
                    self.email = Some(email);
                    break;
                }
                context.output.warn(user_service::taken(email.as_str()).message());
            },
        }
        for (name, label) in [(&mut self.first_name, "first name"), (&mut self.last_name, "last name")] {
            if name.is_none() {
                *name = Some(ask_until(context, label, PersonName::parse)?);
            }
        }
        Ok(database)
    }

    /// The label, the flag and the value of each answer.
    fn answers(&self) -> [(&'static str, &'static str, Option<&str>); 3] {
        [
            ("e-mail address", "--email", self.email.as_ref().map(Email::as_str)),
            ("first name", "--first-name", self.first_name.as_ref().map(PersonName::as_str)),
            ("last name", "--last-name", self.last_name.as_ref().map(PersonName::as_str)),
        ]
    }

    /// Shows all answers and asks for confirmation.
    pub fn review(&self, context: &Context) -> Result<()> {
        let lines = self.answers().map(|(label, _, answer)| format!("  {label:<14}  {}\n", answer.unwrap_or_default()));
        context.output.say(&format!("\n{}", lines.concat()));
        confirm_question("create this user?")
    }

    /// The command with all answers as flags, except the password.
    pub fn command(&self) -> CommandLine {
        self.answers()
            .into_iter()
            .fold(CommandLine::again(), |command, (_, flag, answer)| command.options(flag, answer))
    }
}

/// A line of the order being composed.
struct Line {
    product: product::Model,
    quantity: Quantity,
}

/// The order being composed.
struct Cart<'a> {
    context: &'a Context,
    database: &'a Database,
    lines: Vec<Line>,
}

/// Asks for the missing parts of an order, user and products, and for confirmation.
///
/// Errors: exit 3 for an unknown user or product, 6 for a user who must not order, 10 for Escape at the first question,
/// the end of input or no, 130 for Ctrl-C.
pub async fn complete_order(context: &Context, database: &Database, new: NewOrder) -> Result<NewOrder> {
    database.ready().await?;
    let asks_user = new.user.is_empty();
    let (mut buyer, given) = find_given(database, &new).await?;
    let mut cart = Cart { context, database, lines: Vec::new() };
    for (product, quantity) in given {
        cart.add(product, quantity);
    }
    let buyer = loop {
        let user = match buyer.take() {
            Some(user) => user,
            None => cart.pick_user().await?,
        };
        if !new.lines.is_empty() || cart.pick_products().await? {
            break user;
        }
        if !asks_user {
            return Err(nothing_chosen());
        }
    };
    cart.review(&buyer)?;
    let lines = if new.lines.is_empty() { cart.into_lines() } else { new.lines };
    let user = if asks_user { argument_for(buyer.id, &buyer.email, Email::parse) } else { new.user };
    let new = NewOrder { user, lines, ..new };
    note_command(context, order_command(&new));
    Ok(new)
}

/// The buyer and the products that are given.
async fn find_given(
    database: &Database,
    new: &NewOrder,
) -> Result<(Option<user::Model>, Vec<(product::Model, Quantity)>)> {
    let connection = database.connection();
    let buyer = match new.user.as_str() {
        "" => None,
        who => {
            let found = users::find_one(connection, UserKey::parse(who), Lock::None).await?;
            let user = found.ok_or_else(|| user_service::unknown(who))?;
            place_order::check_may_order(&user)?;
            Some(user)
        }
    };
    let names: Vec<&str> = new.lines.iter().map(|line| line.product.as_str()).collect();
    if names.is_empty() {
        return Ok((buyer, Vec::new()));
    }
    let found = products::find_named(connection, &names).await?;
    let named = |name: &str| products::match_name(&found, name);
    let unknown: Vec<&str> = names.into_iter().filter(|name| named(name).is_none()).collect();
    if !unknown.is_empty() {
        return Err(product_service::unknown(&unknown));
    }
    product_service::check_orderable(&found)?;
    let given = new.lines.iter().filter_map(|line| Some((named(&line.product)?.clone(), line.quantity)));
    Ok((buyer, given.collect()))
}

/// Prints the command that does the same without questions, before it is done: after a rejection the answers are kept.
pub fn note_command(context: &Context, command: CommandLine) {
    context.output.suggest(Hint::from("the same without prompts:\n  ").and(command));
}

/// The command that places this order without questions.
fn order_command(new: &NewOrder) -> CommandLine {
    let command = CommandLine::again().option("--user", &new.user);
    new.lines.iter().fold(command, |command, line| match line.quantity.get() {
        1 => command.option("--item", &line.product),
        quantity => command.option("--item", &format!("{}:{quantity}", line.product)),
    })
}

fn nothing_chosen() -> crate::error::Error {
    declined("nothing was chosen; nothing was changed")
}

/// The argument that names a row: its key, or its id if another program stored an invalid key.
pub fn argument_for<K: Display>(id: Id, key: &str, parse: fn(&str) -> Result<K, String>) -> String {
    if parse(key).is_ok_and(|ours| ours.to_string() == key) { key.to_owned() } else { id.or_key(key) }
}

/// `ann@example.com, Ann Lee`
pub fn describe_user(user: &user::Model) -> String {
    format!("{}, {} {}", printable(&user.email), printable(&user.first_name), printable(&user.last_name))
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

/// A product with its price and stock as an entry of the picker.
pub fn product_entry(product: product::Model) -> Entry<product::Model> {
    let stock = match product.stock_quantity.known() {
        Some(..=0) => "out of stock".to_owned(),
        _ => format!("{} in stock", product.stock_quantity),
    };
    let cells = vec![product.sku.to_string(), product.price.to_string(), stock, product.name.to_string()];
    Entry { id: product.id, cells, value: product }
}

impl Cart<'_> {
    async fn pick_user(&self) -> Result<user::Model> {
        let connection = self.database.connection();
        let find = async |text: &str, how: Match| {
            let found = users::suggest(connection, text, how, SUGGESTIONS).await?;
            Ok(found.into_iter().map(user_entry).collect())
        };
        match (Picker { context: self.context, question: "customer", done: None }).pick(&find).await? {
            Choice::Selected(user) => {
                self.context.output.say(&format!("customer: {}", describe_user(&user)));
                Ok(user)
            }
            Choice::Done | Choice::Back => Err(nothing_chosen()),
        }
    }

    /// Asks for products one by one. Escape removes the last one; returns `false` for Escape without any, to return to
    /// the previous question.
    async fn pick_products(&mut self) -> Result<bool> {
        let connection = self.database.connection();
        let find = async |text: &str, how: Match| {
            let found = products::suggest(connection, text, how, SUGGESTIONS).await?;
            Ok(found.into_iter().map(product_entry).collect())
        };
        while self.lines.len() < MAX_LINES {
            let done = (!self.lines.is_empty()).then_some("done");
            let question = if done.is_none() { "product" } else { "next product" };
            match (Picker { context: self.context, question, done }).pick(&find).await? {
                Choice::Selected(product) => {
                    let quantity = self.ask_quantity(&product)?;
                    self.add(product, quantity);
                }
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

    fn ask_quantity(&self, product: &product::Model) -> Result<Quantity> {
        let label = format!("quantity of {}, {} in stock [1]", printable(&product.sku), product.stock_quantity);
        let before = self.lines.iter().find(|line| line.product.id == product.id).map(|line| line.quantity);
        ask_until(self.context, &label, |text| {
            let quantity = if text.trim().is_empty() { Quantity::new(1)? } else { Quantity::parse(text)? };
            let merged = before.map_or(Ok(quantity), |before| before.plus(quantity));
            let merged = merged.map_err(|problem| format!("together with the earlier line, it {problem}"))?;
            if order_total(self.other_lines(product.id).chain([(product, merged)])).is_none() {
                return Err(format!("makes the total exceed {}", Money::MAX_TOTAL));
            }
            Ok(quantity)
        })
    }

    /// The lines of all other products.
    fn other_lines(&self, id: Id) -> impl Iterator<Item = (&product::Model, Quantity)> {
        self.lines.iter().filter(move |line| line.product.id != id).map(|line| (&line.product, line.quantity))
    }

    /// Adds a line, or increases the line of the same product, and prints the total. Insufficient stock is only a
    /// warning, because it may change until the order is placed.
    fn add(&mut self, product: product::Model, quantity: Quantity) {
        let position = self.lines.iter().position(|line| line.product.id == product.id);
        let quantity = position.and_then(|at| self.lines[at].quantity.plus(quantity).ok()).unwrap_or(quantity);
        let text = format!("{quantity} × {} {}", printable(&product.sku), printable(&product.name));
        if i64::from(quantity.get()) > product.stock_quantity.pieces() {
            let sku = printable(&product.sku);
            self.context.output.warn(&format!("{sku} has {} in stock, {quantity} requested", product.stock_quantity));
        }
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
    fn review(&self, buyer: &user::Model) -> Result<()> {
        let mut text = format!("\norder for {}\n", describe_user(buyer));
        for Line { product, quantity } in &self.lines {
            let line_total = format_amount(product.price.checked_times(*quantity));
            let (price, sku, name) = (product.price.to_string(), printable(&product.sku), printable(&product.name));
            text.push_str(&format!("{quantity:>6} × {price:>10} = {line_total:>12}  {sku}  {name}\n"));
        }
        let pieces: i64 = self.lines.iter().map(|line| i64::from(line.quantity.get())).sum();
        text.push_str(&format!("{pieces:>6} units, total {:>13}\n", format_amount(self.total())));
        self.context.output.say(&text);
        confirm_question("place this order?")
    }

    fn into_lines(self) -> Vec<NewLine> {
        let line = |Line { product, quantity }| NewLine {
            product: argument_for(product.id, &product.sku, Sku::parse),
            quantity,
            unit_price: None,
        };
        self.lines.into_iter().map(line).collect()
    }
}
