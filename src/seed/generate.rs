//! `seed generate`: a realistic shop of any size, identical for the same flags on every engine.
//!
//! One transaction: an interrupted run leaves nothing. A run is recorded by its audit events, one per
//! table (BR-003), the first with the flags as its key.

mod random;
mod shop;

use std::time::{Duration, Instant};

use chrono::{DateTime, Datelike, SecondsFormat, Utc};
use sea_orm::{EntityName, ModelTrait};
use serde_json::json;

use crate::db::load::{Load, LoadSummary};
use crate::domain::text::hexadecimal;
use crate::domain::{EventName, Id, IdempotencyKey};
use crate::entity::audit_event;
use crate::error::{Cause, CommandLine, Error, Hint, Kind, Result};
use crate::repository;
use crate::service::committing::Pending;
use crate::service::operation::Operations;
use shop::Shop;

/// The maximum number of each.
pub const MAX_USERS: u64 = 10_000_000;
pub const MAX_PRODUCTS: u64 = 1_000_000;
pub const MAX_ORDERS: u64 = 100_000_000;

/// The shop opened some years earlier, and ids cannot encode times before 1970.
const EARLIEST_YEAR: i32 = 1980;

/// The tables to write, parents first.
const TABLES: [&str; 7] =
    ["users", "products", "orders", "order_items", "order_refunds", "order_refund_lines", "stock_movements"];

/// The requested shop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    pub users: u64,
    pub products: u64,
    pub orders: u64,
    pub rng_seed: u64,
    /// The last time in the shop.
    pub as_of: DateTime<Utc>,
}

/// The progress of a run.
#[derive(Debug, Clone, Copy)]
pub enum Progress {
    /// The number of rows to write.
    Started(u64),
    /// The number of rows just written.
    Rows(u64),
    /// The number of indexes being created, which takes a while.
    Indexes(usize),
}

/// The result of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Generated {
    /// Tables with the number of rows written; empty if the shop already existed.
    pub tables: Vec<(String, LoadSummary)>,
}

impl Plan {
    /// The flags that determine the shop.
    pub fn flags(&self) -> String {
        let as_of = self.as_of.to_rfc3339_opts(SecondsFormat::Secs, true);
        let Plan { users, products, orders, rng_seed, .. } = self;
        format!("--users {users} --products {products} --orders {orders} --rng-seed {rng_seed} --as-of {as_of}")
    }

    fn key(&self) -> Result<IdempotencyKey> {
        IdempotencyKey::parse(&format!("seed generate {}", self.flags())).map_err(Error::internal)
    }

    /// Errors: exit 7 for orders without users or products.
    fn check(&self, now: DateTime<Utc>) -> Result<()> {
        let mut violations = crate::domain::Violations::new();
        if self.orders > 0 && self.users == 0 {
            violations.add("users", "must be at least 1 where there are orders".to_owned());
        }
        if self.orders > 0 && self.products == 0 {
            violations.add("products", "must be at least 1 where there are orders".to_owned());
        }
        if self.as_of.year() < EARLIEST_YEAR {
            violations.add("as-of", format!("must not be before {EARLIEST_YEAR}"));
        }
        if self.as_of > now {
            violations.add("as-of", "must not be in the future".to_owned());
        }
        violations.into_result()
    }
}

/// Whether this shop was already generated.
///
/// Errors: exit 7 for an invalid plan; exit 6 if another shop was generated in this database.
pub async fn is_generated(operations: &Operations, plan: &Plan) -> Result<bool> {
    plan.check(operations.clock.now())?;
    let (connection, key) = (operations.database.connection(), plan.key()?);
    if repository::audit_event::find_by_idempotency_key(connection, key.as_str()).await?.is_some() {
        return Ok(true);
    }
    match repository::audit_event::find_generated(connection).await? {
        None => Ok(false),
        // Another process generated it between the two queries.
        Some(event) if event.idempotency_key.as_deref() == Some(key.as_str()) => Ok(true),
        Some(event) => {
            let flags = event.idempotency_key.unwrap_or_default();
            let message = format!("another shop was already generated in this database: {flags}");
            Err(Error::conflict("seed.generated", message)
                .hint(Hint::from("to drop everything in it and start anew: ").and(CommandLine::new("migrate fresh"))))
        }
    }
}

/// The longest pause before a retry.
const PAUSE: Duration = Duration::from_millis(250);

/// The hint to settle an unknown outcome.
const RETRY_HINT: &str = "run the same command again: it changes nothing if the shop exists";

/// Generates the shop of a plan.
///
/// Errors: as [`is_generated`]; exit 6 if a conflicting row exists; those of the database.
pub async fn generate(
    operations: &Operations,
    plan: &Plan,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<Generated> {
    let shop = Shop::new(plan);
    let began = Instant::now();
    loop {
        if is_generated(operations, plan).await? {
            return Ok(Generated { tables: Vec::new() });
        }
        let failed = match load(operations, plan, &shop, progress).await {
            Ok(tables) => return Ok(Generated { tables }),
            Err(error) => error,
        };
        let budget = operations.database.budget();
        match failed.kind() {
            // Another process may have generated it in the meantime.
            Kind::Conflict if is_generated(operations, plan).await? => return Ok(Generated { tables: Vec::new() }),
            _ if failed.is(Cause::Busy) && budget.allows_another(began.elapsed()) => {
                budget.pause(PAUSE.mul_f64(rand::random())).await;
            }
            _ => return Err(failed),
        }
    }
}

/// One attempt in one transaction.
async fn load(
    operations: &Operations,
    plan: &Plan,
    shop: &Shop,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<Vec<(String, LoadSummary)>> {
    let mut load = operations.database.load(&TABLES).await?;
    let tables = match write(&mut load, operations, plan, shop, progress).await {
        Ok(tables) => tables,
        Err(error) => {
            load.abandon().await;
            return Err(error);
        }
    };
    operations.committing.begin(Pending::Work(RETRY_HINT.into()).in_database(operations.database.engine()));
    let committed = load.commit().await;
    operations.committing.end();
    committed.map_err(|error| match error.kind() {
        Kind::OutcomeUnknown => error.hint(RETRY_HINT),
        _ => error,
    })?;
    Ok(tables)
}

/// Everything up to COMMIT.
async fn write(
    load: &mut Load,
    operations: &Operations,
    plan: &Plan,
    shop: &Shop,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<Vec<(String, LoadSummary)>> {
    // A first pass over all orders computes the remaining stock and the number of rows.
    let mut stock = shop.initial_stock();
    let (mut items, mut refunds, mut movements) = (0, 0, plan.products);
    for number in 0..plan.orders {
        let order = shop.order(number);
        items += shop.item_rows(&order).len() as u64;
        refunds += (shop.refund_row(&order).iter().len() + shop.refund_line_rows(&order).len()) as u64;
        movements += stock.fulfil(shop, &order).len() as u64;
    }
    progress(Progress::Started(plan.users + plan.products + plan.orders + items + refunds + movements));
    let orders = || (0..plan.orders).map(|number| shop.order(number));
    let mut writer = TableWriter { load, progress, done: Vec::new() };
    writer.write((0..plan.users).map(|number| shop.user(number)), |row| row.id).await?;
    writer.write((0..plan.products).map(|number| shop.product(number, &stock)), |row| row.id).await?;
    writer.write(orders().map(|order| shop.order_row(&order)), |row| row.id).await?;
    writer.write(orders().flat_map(|order| shop.item_rows(&order)), |row| row.id).await?;
    writer.write(orders().filter_map(|order| shop.refund_row(&order)), |row| row.id).await?;
    writer.write(orders().flat_map(|order| shop.refund_line_rows(&order)), |row| row.id).await?;
    let mut stock = shop.initial_stock();
    let movements_by_time = (0..plan.products)
        .map(|number| shop.first_movement(number))
        .chain(orders().flat_map(|order| stock.fulfil(shop, &order)));
    writer
        .write(movements_by_time.zip(0..).map(|(movement, number)| shop.movement_row(number, &movement)), |row| row.id)
        .await?;
    let tables = writer.done;
    let events = events(operations, plan, shop, &tables)?;
    load.insert(events.into_iter(), &mut |_| ()).await?;
    load.rebuild(|count| progress(Progress::Indexes(count))).await?;
    Ok(tables.into_iter().map(|table| (table.name, table.loaded)).collect())
}

/// Writes the tables in sequence.
struct TableWriter<'a> {
    load: &'a mut Load,
    progress: &'a mut (dyn FnMut(Progress) + Send),
    done: Vec<WrittenTable>,
}

/// The rows of one table.
struct WrittenTable {
    name: String,
    loaded: LoadSummary,
    /// The greatest id: as ids grow with time, every row of the batch is at most this.
    last: Option<Id>,
}

impl TableWriter<'_> {
    async fn write<M>(&mut self, rows: impl Iterator<Item = M> + Send, id: fn(&M) -> Id) -> Result<()>
    where
        M: ModelTrait,
        M::Entity: Default + EntityName,
        <M::Entity as sea_orm::EntityTrait>::Column: Copy,
    {
        let mut last = None;
        let rows = rows.inspect(|row| last = last.max(Some(id(row))));
        let loaded = self.load.insert(rows, &mut |rows| (self.progress)(Progress::Rows(rows))).await?;
        self.done.push(WrittenTable { name: M::Entity::default().table_name().to_owned(), loaded, last });
        Ok(())
    }
}

/// One event for each table.
fn events(
    operations: &Operations,
    plan: &Plan,
    shop: &Shop,
    tables: &[WrittenTable],
) -> Result<Vec<audit_event::Model>> {
    let key = plan.key()?;
    let event = |(table, sequence): (&WrittenTable, i32)| audit_event::Model {
        sequence: sequence.into(),
        entity_type: table.name.clone().into(),
        entity_id: table.last.into(),
        after: Some(json!({ "rows": table.loaded.rows, "digest": hexadecimal(&table.loaded.digest) }).to_string()),
        idempotency_key: (sequence == 0).then(|| key.as_str().to_owned()),
        ..operations.event(EventName::SeedGenerate, shop.operation_id)
    };
    Ok(tables.iter().zip(0..).map(event).collect())
}
