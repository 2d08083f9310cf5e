//! Why an operation of a kind cannot be taken back, and the commands for what to do instead.

use std::collections::{BTreeMap, HashMap};

use sea_orm::ConnectionTrait;
use serde_json::Value as Json;
use uuid::Uuid;

use crate::domain::{EntityKind, EventName, Id};
use crate::entity::{Stored, audit_event};
use crate::error::{CommandLine, Hint, Result, printable};
use crate::repository::keys;

/// Maximum number of commands for the pieces of one order.
const MAX_COMMANDS: usize = 5;

/// The e-mail addresses and SKUs of the rows that an order's event has by their ids.
pub(super) struct Keys {
    users: HashMap<Id, Stored<String>>,
    products: HashMap<Id, Stored<String>>,
}

impl Keys {
    pub async fn find(connection: &impl ConnectionTrait, event: &audit_event::Model) -> Result<Keys> {
        let (before, after) = event.documents();
        let users: Vec<Id> = [&before, &after].into_iter().filter_map(|order| id(&order["user_id"])).collect();
        let products: Vec<Id> = lines(&after).filter_map(|line| id(&line["product_id"])).collect();
        Ok(Keys {
            users: keys::find(connection, EntityKind::User, &users).await?,
            products: keys::find(connection, EntityKind::Product, &products).await?,
        })
    }

    /// The key of the row with this id, else the id.
    fn key(of: &HashMap<Id, Stored<String>>, row: &Json) -> Option<String> {
        let text = row.as_str()?;
        let key = id(row).and_then(|id| of.get(&id)?.to_text());
        Some(key.map_or_else(|| text.to_owned(), |key| printable(&key)))
    }
}

fn id(member: &Json) -> Option<Id> {
    Uuid::try_parse(member.as_str()?).ok().map(Id::from)
}

fn lines(order: &Json) -> impl Iterator<Item = &Json> {
    order["items"].as_array().into_iter().flatten()
}

/// What to do instead: why, and the commands for it. `event` is the first one of the operation.
pub(super) fn instead(operation: EventName, event: &audit_event::Model, keys: &Keys) -> (&'static str, Vec<Hint>) {
    use EventName::{
        Adopted, AuditSeal, AuditSettle, OrderCancel, OrderChange, OrderComplete, OrderExpire, OrderImport, OrderNote,
        OrderPay, OrderPlace, OrderReassign, OrderRefund, OrderRestock, OrderShip, ProductCreate, ProductDelete,
        ProductImport, ProductPrice, ProductRestore, ProductRetire, ProductUpdate, SeedDown, SeedGenerate, SeedUp,
        StockAccept, StockAdjust, StockImport, StockReceive, StockSet, Undo, UserAnonymize, UserCreate, UserDelete,
        UserDisable, UserEnable, UserImport, UserMerge, UserRehash, UserSetPassword, UserUpdate,
    };
    let name = event.name().unwrap_or_default();
    let command = |words: &str| vec![CommandLine::new(words).argument(&printable(&name)).into()];
    let plain = |words: &str| vec![CommandLine::new(words).into()];
    let order = || Order::of(event, &name, keys);
    match operation {
        Adopted | AuditSeal | AuditSettle => ("it only recorded what was already so", Vec::new()),
        OrderShip if order().keeps_status() => {
            ("set the earlier tracking number again", order().said("order ship", "tracking", "--tracking"))
        }
        OrderPay | OrderShip | OrderComplete => ("money or goods have moved", command("order refund")),
        OrderNote => ("set the earlier note again", order().said("order note", "note", "")),
        OrderReassign => ("reassign the order again instead", vec![order().given_back()]),
        OrderRefund if order().has_new_refund() => ("the money was returned", vec![order().placed_again()]),
        OrderRefund | OrderRestock => ("the units are back in stock", order().taken_again()),
        OrderCancel | OrderExpire => ("the customer may know, and the units may be sold", vec![order().placed_again()]),
        OrderPlace => ("it created a row", command("order cancel")),
        OrderImport => ("it created a row", plain("order cancel ORDER")),
        ProductCreate => ("it created a row", command("product delete")),
        ProductDelete => ("the row was deleted, with what referred to it", plain("product create")),
        ProductImport => ("it may have created rows", plain("product import FILE")),
        UserCreate => ("it created a row", command("user delete")),
        UserDelete => ("the row was deleted, with its password", plain("user create")),
        UserImport => ("it may have created rows", plain("user import FILE")),
        UserAnonymize | UserMerge => ("the personal data was erased for good", Vec::new()),
        UserRehash | UserSetPassword => ("no earlier password is kept", command("user set-password")),
        StockAccept => ("it recorded another program's stock change", command("stock adjust")),
        SeedDown | SeedGenerate | SeedUp => ("it is for development", plain("seed down")),
        OrderChange | ProductPrice | ProductRestore | ProductRetire | ProductUpdate | StockAdjust | StockImport
        | StockReceive | StockSet | Undo | UserDisable | UserEnable | UserUpdate => {
            ("an event of it is incomplete", Vec::new())
        }
    }
}

/// An order as an event says it was before and after.
struct Order<'a> {
    name: &'a str,
    keys: &'a Keys,
    before: Json,
    after: Json,
}

impl<'a> Order<'a> {
    fn of(event: &audit_event::Model, name: &'a str, keys: &'a Keys) -> Order<'a> {
        let (before, after) = event.documents();
        Order { name, keys, before, after }
    }

    fn command(&self, words: &str) -> CommandLine {
        CommandLine::new(words).argument(&printable(self.name))
    }

    fn keeps_status(&self) -> bool {
        self.before["status"] == self.after["status"]
    }

    /// Sets the text of before; `flag` is the flag for it, if it has one. Older events do not tell the text.
    fn said(&self, words: &str, member: &str, flag: &str) -> Vec<Hint> {
        let (command, placeholder) = (self.command(words), member.to_uppercase());
        let with_placeholder = |command: CommandLine| match flag {
            "" => command.argument(&placeholder),
            flag => command.option(flag, &placeholder),
        };
        let hint = match (self.before.get(member), flag) {
            (Some(Json::String(text)), "") => command.argument(text).into(),
            (Some(Json::Null), "") => command.argument("").into(),
            (Some(Json::String(text)), flag) => command.option(flag, text).into(),
            // There was none, which cannot be set again.
            (_, _) => with_placeholder(command).into(),
        };
        vec![hint]
    }

    fn given_back(&self) -> Hint {
        let command = self.command("order reassign");
        match Keys::key(&self.keys.users, &self.before["user_id"]) {
            Some(user) => command.option("--user", &user).into(),
            None => command.option("--user", "WHO").into(),
        }
    }

    fn new_refund(&self) -> Option<&Json> {
        let count = |document: &Json| document["refunds"].as_array().map_or(0, Vec::len);
        let refunds = self.after["refunds"].as_array()?;
        refunds.last().filter(|_| count(&self.after) > count(&self.before))
    }

    fn has_new_refund(&self) -> bool {
        self.new_refund().is_some()
    }

    /// A new order of the pieces that were refunded, or of all pieces; a refund of money alone is only shown.
    fn placed_again(&self) -> Hint {
        let pieces =
            |product: &Json, quantity: &Json| Some((Keys::key(&self.keys.products, product)?, quantity.as_i64()?));
        let items = || lines(&self.after);
        let product_of = |line: &Json| {
            let item = items().find(|item| item["id"] == line["order_item_id"])?;
            pieces(&item["product_id"], &line["quantity"])
        };
        let wanted: Vec<(String, i64)> = match self.new_refund() {
            Some(refund) => refund["lines"].as_array().into_iter().flatten().filter_map(product_of).collect(),
            None => items().filter_map(|item| pieces(&item["product_id"], &item["quantity"])).collect(),
        };
        let mut sums = BTreeMap::<String, i64>::new();
        wanted.into_iter().for_each(|(product, quantity)| *sums.entry(product).or_default() += quantity);
        let user = Keys::key(&self.keys.users, &self.after["user_id"]).filter(|_| !sums.is_empty());
        let Some(user) = user else {
            return Hint::from("to see its refunds: ").and(self.command("order show"));
        };
        let command = CommandLine::new("order create").option("--user", &user);
        let command = sums
            .into_iter()
            .fold(command, |command, (product, quantity)| command.option("--item", &format!("{product}:{quantity}")));
        Hint::from("to sell the units again: ").and(command)
    }

    /// Takes the pieces out of stock that are not there.
    fn taken_again(&self) -> Vec<Hint> {
        let line = |line: &Json| {
            let (sku, pieces) = (line["sku"].as_str()?, line["quantity"].as_i64()?);
            let command = CommandLine::new("stock adjust").argument(&printable(sku)).number(-pieces);
            Some(Hint::from("if they are not: ").and(command.option("--reason", "correction")))
        };
        self.after["restored"].as_array().into_iter().flatten().filter_map(line).take(MAX_COMMANDS).collect()
    }
}
