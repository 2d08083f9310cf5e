//! The invariants of a shop, as queries for the rows that violate them.
//!
//! Each is one set query: the database counts, and only the first few violations are fetched. To compare
//! a total with its parts, both are combined in one list that is grouped once, so that the time is
//! linear in the number of rows on every engine.

mod movements;
mod refunds;
mod values;

use sea_orm::{ConnectionTrait, QueryResult, Statement};
use uuid::Uuid;

use crate::db::target::Engine;
use crate::domain::text::with_blanks;
use crate::domain::{EMAIL_PATTERN, EntityKind, EventName, Id, MovementReason, OrderStatus, UserStatus};
use crate::entity::Stored;
use crate::error::{Error, Result, printable};

pub use self::refunds::find_orders_without_their_refund;

/// Maximum number of violations named to people; the rest is counted.
pub const NAMED: usize = 5;

/// Maximum number of violations that are listed.
pub const LISTED: usize = 1_000;

/// The severity of a violation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// The shop's data are inconsistent.
    Broken,
    /// Another program wrote values that shopctl would not; they are shown and usable.
    Foreign,
}

/// Whose orders violate a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judged {
    /// Anybody's.
    Alike,
    /// Those that shopctl alone wrote; those of other programs are foreign, until `adopt` took them in.
    ByWriter { adopted: Adopted },
}

/// What the violation of an order is that `adopt` took in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Adopted {
    Broken,
    Foreign,
    /// It was adopted as it is.
    Fine,
}

/// The suggested command for a violation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    None,
    /// For the first violation, whose name it takes.
    Show(&'static str),
    /// For all violations.
    Run(&'static str),
}

/// A rule and the query for its violations.
pub struct Invariant {
    /// Stable name, for programs: `stock-equals-movements`.
    pub name: &'static str,
    pub severity: Severity,
    /// The violations: `products whose stock differs from the sum of their movements`.
    pub offenders: &'static str,
    pub remedy: Remedy,
    name_kind: NameKind,
    pub judged: Judged,
    /// Selects `place` and `name` of each violation.
    query: fn(Engine) -> String,
}

/// The meaning of a query's `name`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum NameKind {
    /// A SKU, an e-mail address or a key.
    Text,
    /// An order's reference; `place` is a product in it.
    Order,
    /// The id of a row; `place` is its table or column.
    Row,
    /// As [`NameKind::Row`], with the odd `value`.
    Value,
}

/// The violations of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violations {
    pub count: u64,
    /// The first [`LISTED`] of them.
    pub offenders: Vec<String>,
    /// The first as a command argument, if commands accept such names.
    pub first: Option<String>,
}

/// A rule whose violation is an inconsistency.
const fn broken(
    name: &'static str,
    offenders: &'static str,
    name_kind: NameKind,
    query: fn(Engine) -> String,
) -> Invariant {
    // For an order, showing it is always the next step.
    let remedy = if matches!(name_kind, NameKind::Order) { Remedy::Show("order show") } else { Remedy::None };
    Invariant { name, severity: Severity::Broken, offenders, remedy, name_kind, judged: Judged::Alike, query }
}

/// A rule that other programs may violate.
const fn foreign(
    name: &'static str,
    offenders: &'static str,
    name_kind: NameKind,
    query: fn(Engine) -> String,
) -> Invariant {
    Invariant { severity: Severity::Foreign, remedy: Remedy::None, ..broken(name, offenders, name_kind, query) }
}

impl Invariant {
    const fn remedy(self, remedy: Remedy) -> Invariant {
        Invariant { remedy, ..self }
    }

    const fn judged(self, judged: Judged) -> Invariant {
        Invariant { judged, ..self }
    }
}

/// Adopts what another program wrote.
const ADOPT: Remedy = Remedy::Run("adopt");

/// Every rule: inconsistencies first, then foreign values.
pub static INVARIANTS: [Invariant; 27] = [
    broken("stock-not-negative", "products with negative stock", NameKind::Text, |engine| {
        format!("SELECT '' AS place, {} AS name FROM products WHERE stock_quantity < 0", engine.key_or_id("sku", "id"))
    })
    .remedy(Remedy::Show("stock history")),
    broken(
        "restock-within-taken",
        "lines with more units restocked than taken, or more taken than ordered",
        NameKind::Order,
        restock_within_taken,
    )
    .judged(Judged::ByWriter { adopted: Adopted::Broken }),
    broken("total-equals-lines", "orders whose total differs from their lines", NameKind::Order, total_equals_lines)
        .judged(Judged::ByWriter { adopted: Adopted::Fine }),
    broken("refunds-within-total", "orders with refunds above their total", NameKind::Order, refunds::above_total)
        .judged(Judged::ByWriter { adopted: Adopted::Foreign }),
    broken(
        "refund-within-line",
        "lines with more units refunded than ordered, or refunded with another order",
        NameKind::Order,
        refunds::above_line,
    )
    .judged(Judged::ByWriter { adopted: Adopted::Foreign }),
    broken(
        "refunded-in-full",
        "refunded orders whose total is not fully refunded",
        NameKind::Order,
        refunds::without_their_refund,
    )
    .remedy(ADOPT)
    .judged(Judged::ByWriter { adopted: Adopted::Foreign }),
    broken(
        "status-is-refunded",
        "fully refunded orders with another status",
        NameKind::Order,
        refunds::without_their_status,
    )
    .remedy(Remedy::Show("order refund"))
    .judged(Judged::ByWriter { adopted: Adopted::Foreign }),
    broken("refund-has-order", "refunds without their order or line", NameKind::Row, refunds::without_order_or_line),
    broken("line-has-movement", "lines that did not take their stock", NameKind::Order, |engine| {
        of_lines(engine, &taken(engine), UNMOVED)
    })
    .remedy(ADOPT)
    .judged(Judged::ByWriter { adopted: Adopted::Foreign }),
    // Movements of other programs are found by movement-has-event.
    broken("movement-has-order", "movements of orders that never existed", NameKind::Row, |engine| {
        let is_own = format!("{} AND NOT {}", movements::OF_AN_OPERATION, movements::is_taken_in());
        movements::without_order(engine, &format!("{is_own} AND NOT "))
    })
    .remedy(ADOPT),
    broken("id-is-unique", "ids shared by several rows", NameKind::Row, id_is_unique).remedy(ADOPT),
    broken("key-has-one-operation", "idempotency keys used by more than one operation", NameKind::Text, |_| {
        "SELECT '' AS place, idempotency_key AS name FROM audit_events WHERE idempotency_key IS NOT NULL \
         GROUP BY idempotency_key HAVING COUNT(*) > 1"
            .to_owned()
    }),
    broken(
        "line-has-order-and-product",
        "lines without their order or product",
        NameKind::Row,
        line_has_order_and_product,
    ),
    broken("order-has-user", "orders without their user", NameKind::Order, |engine| {
        orders_without(engine, "users u WHERE u.id = o.user_id")
    }),
    broken("order-has-lines", "orders without lines", NameKind::Order, |engine| {
        orders_without(engine, "order_items i WHERE i.order_id = o.id")
    })
    .judged(Judged::ByWriter { adopted: Adopted::Fine }),
    foreign(
        "stock-equals-movements",
        "products whose stock differs from the sum of their movements",
        NameKind::Text,
        movements::stock_differs,
    )
    .remedy(ADOPT),
    foreign("total-is-set", "orders with a total of 0 although their lines have prices", NameKind::Order, total_is_set)
        .remedy(Remedy::Run("adopt --fix-totals")),
    foreign("order-is-there", "orders removed by another program without restocking", NameKind::Row, |engine| {
        movements::without_order(engine, "")
    })
    .remedy(ADOPT),
    foreign("user-has-event", "users created by another program", NameKind::Text, |engine| {
        has_event(engine, "users", EntityKind::User, "email")
    })
    .remedy(ADOPT),
    foreign("product-has-event", "products created by another program", NameKind::Text, |engine| {
        has_event(engine, "products", EntityKind::Product, "sku")
    })
    .remedy(ADOPT),
    foreign("order-has-event", "orders created by another program", NameKind::Order, |engine| {
        has_event(engine, "orders", EntityKind::Order, "reference")
    })
    .remedy(ADOPT),
    foreign(
        "movement-has-event",
        "stock movements created by another program",
        NameKind::Row,
        movements::without_event,
    )
    .remedy(ADOPT),
    foreign("status-is-known", "unknown statuses", NameKind::Value, status_is_known)
        .remedy(Remedy::Run("adopt --dry-run")),
    foreign("email-is-lower-case", "e-mail addresses with capitals or spaces around them", NameKind::Text, |engine| {
        let [email, lower] = ["email", "LOWER(email)"].map(|text| engine.to_the_letter(text));
        let is_padded = has_outer_spaces(engine, "email");
        format!("SELECT '' AS place, email AS name FROM users WHERE {email} <> {lower} OR {is_padded}")
    })
    .remedy(Remedy::Run("adopt --dry-run")),
    foreign("key-has-no-outer-spaces", "SKUs and references with spaces around them", NameKind::Text, |engine| {
        let of = |table: &str, key: &str| {
            let (name, is_padded) = (engine.key_or_id(key, "id"), has_outer_spaces(engine, key));
            format!("SELECT '' AS place, {name} AS name FROM {table} WHERE {is_padded}")
        };
        format!("{} UNION ALL {}", of("products", "sku"), of("orders", "reference"))
    })
    .remedy(Remedy::Run("adopt --dry-run")),
    foreign("email-is-address", "users without a valid e-mail address", NameKind::Text, |engine| {
        let name = engine.key_or_id("NULLIF(email, '')", "id");
        format!("SELECT '' AS place, {name} AS name FROM users WHERE email NOT LIKE '{EMAIL_PATTERN}'")
    })
    .remedy(Remedy::Run("adopt --dry-run")),
    foreign("value-has-its-type", "rows with missing or invalid values", NameKind::Row, values::invalid),
];

/// The violations of a rule in this connection's snapshot.
///
/// Errors: those of the database, also for data that the engine cannot sum.
pub async fn find_violations(
    connection: &impl ConnectionTrait,
    engine: Engine,
    invariant: &Invariant,
) -> Result<Violations> {
    let query = (invariant.query)(engine);
    let backend = connection.get_database_backend();
    let count = format!("SELECT COUNT(*) AS violations FROM ({query}) found");
    let row = connection.query_one_raw(Statement::from_string(backend, count)).await?;
    let row = row.ok_or_else(|| Error::internal("a count gave no row"))?;
    let count = u64::try_from(row.try_get::<i64>("", "violations")?).unwrap_or(0);
    let mut violations = Violations { count, offenders: Vec::new(), first: None };
    if count == 0 {
        return Ok(violations);
    }
    let value = if invariant.name_kind == NameKind::Value { ", value" } else { "" };
    let named = format!("SELECT place, name{value} FROM ({query}) found ORDER BY place, name LIMIT {LISTED}");
    for row in connection.query_all_raw(Statement::from_string(backend, named)).await? {
        let (place, name) = (text(&row, "place")?, text(&row, "name")?);
        violations.first.get_or_insert_with(|| printable(&name));
        let offender = invariant.name_kind.describe(&place, &name);
        let value = if value.is_empty() { String::new() } else { format!(" ({})", with_blanks(&text(&row, "value")?)) };
        violations.offenders.push(offender + &value);
    }
    Ok(violations)
}

/// All orders that violate a rule about orders, by their references, or ids where these are missing.
///
/// Errors: as [`find_violations`].
pub async fn find_orders(
    connection: &impl ConnectionTrait,
    engine: Engine,
    invariant: &Invariant,
) -> Result<Vec<(Id, String)>> {
    let orders = format!("SELECT DISTINCT order_id, name FROM ({}) found ORDER BY name", (invariant.query)(engine));
    let rows = connection.query_all_raw(Statement::from_string(connection.get_database_backend(), orders)).await?;
    let order = |row: QueryResult| Ok((row.try_get("", "order_id")?, text(&row, "name")?));
    rows.into_iter().map(order).collect()
}

/// The existing orders with a line whose pieces are not those of its order movements, by id.
pub async fn find_orders_with_unmoved_lines(connection: &impl ConnectionTrait) -> Result<Vec<Id>> {
    let engine = Engine::of(connection);
    let lines = lines(engine, &taken(engine), UNMOVED);
    let orders =
        format!("SELECT DISTINCT o.id AS id FROM ({lines}) line JOIN orders o ON o.id = line.order_id ORDER BY o.id");
    let rows = connection.query_all_raw(Statement::from_string(connection.get_database_backend(), orders)).await?;
    Ok(rows.into_iter().map(|row| row.try_get("", "id")).collect::<Result<_, _>>()?)
}

/// A text of any type; empty for a row that has neither key nor id.
fn text(row: &QueryResult, column: &str) -> Result<String> {
    Ok(row.try_get::<Stored<String>>("", column)?.to_string())
}

impl NameKind {
    fn describe(self, place: &str, name: &str) -> String {
        let place = printable(place);
        match self {
            NameKind::Text => with_blanks(name),
            NameKind::Order if place == "''" => with_blanks(name),
            NameKind::Order => format!("{} ({place})", with_blanks(name)),
            NameKind::Row | NameKind::Value if name.is_empty() => format!("{place} of a row without an id"),
            NameKind::Row | NameKind::Value => {
                let id = Uuid::try_parse(name).map_or_else(|_| printable(name), |id| id.to_string());
                format!("{place} {id}")
            }
        }
    }
}

/// The name of an order `o`.
fn order_name(engine: Engine) -> String {
    engine.key_or_id("o.reference", "o.id")
}

/// Pieces without a movement of the order were taken by another program and may be restocked by the line.
fn restock_within_taken(engine: Engine) -> String {
    let by_movements = "MAX(is_order) = 1 AND (SUM(delta) > 0 OR SUM(delta) < -SUM(quantity))";
    let by_line = "MAX(is_order) = 0 AND (SUM(delta) > SUM(quantity) OR SUM(delta) < -SUM(quantity))";
    let (reason, balance) = (engine.to_the_letter("reason"), MovementReason::BALANCE);
    of_lines(engine, &format!("AND {reason} <> '{balance}'"), &format!("{by_movements} OR {by_line}"))
}

fn orders_without(engine: Engine, what: &str) -> String {
    let name = order_name(engine);
    format!(
        "SELECT '' AS place, o.id AS order_id, {name} AS name FROM orders o WHERE NOT EXISTS (SELECT 1 FROM {what})"
    )
}

/// The lines of existing orders for which `is_broken` holds of their ordered `quantity` and the
/// `delta` of their movements; a product that was moved without being ordered is such a line too.
fn of_lines(engine: Engine, which_movements: &str, is_broken: &str) -> String {
    let (lines, name) = (lines(engine, which_movements, is_broken), order_name(engine));
    format!(
        "SELECT COALESCE(p.sku, '') AS place, o.id AS order_id, {name} AS name FROM ({lines}) line \
         JOIN orders o ON o.id = line.order_id LEFT JOIN products p ON p.id = line.product_id"
    )
}

/// When the pieces that movements took are not those of the line.
const UNMOVED: &str = "SUM(delta) <> -SUM(quantity)";

/// The movements that take pieces.
fn taken(engine: Engine) -> String {
    format!("AND {} = '{}'", engine.to_the_letter("reason"), MovementReason::Order)
}

fn lines(engine: Engine, which_movements: &str, is_broken: &str) -> String {
    let (many_groups, reason) = (engine.many_groups, engine.to_the_letter("reason"));
    format!(
        "SELECT {many_groups}order_id, product_id FROM \
           (SELECT order_id, product_id, delta, 0 AS quantity, \
              CASE WHEN {reason} = 'order' THEN 1 ELSE 0 END AS is_order FROM stock_movements \
            WHERE order_id IS NOT NULL {which_movements} \
            UNION ALL SELECT order_id, product_id, 0, CASE WHEN quantity > 0 THEN quantity ELSE 0 END, 0 FROM order_items) both_sides \
          GROUP BY order_id, product_id HAVING {is_broken}"
    )
}

fn total_is_set(engine: Engine) -> String {
    let name = order_name(engine);
    format!(
        "SELECT '' AS place, o.id AS order_id, {name} AS name FROM orders o WHERE o.total_amount = 0 AND EXISTS \
     (SELECT 1 FROM order_items i WHERE i.order_id = o.id AND i.unit_price > 0 AND i.quantity > 0)"
    )
}

/// A total of 0 is found by [`total_is_set`].
fn total_equals_lines(engine: Engine) -> String {
    let (total, price) = (engine.exact_amount("total_amount"), engine.exact_amount("unit_price"));
    let (pieces, many_groups, name) = (engine.exact_pieces("quantity"), engine.many_groups, order_name(engine));
    format!(
        "SELECT '' AS place, o.id AS order_id, {name} AS name FROM \
         (SELECT {many_groups}order_id FROM (SELECT id AS order_id, {total} AS total, 0 AS part FROM orders \
           UNION ALL SELECT order_id, 0, {pieces} * {price} FROM order_items) both_sides \
          GROUP BY order_id HAVING SUM(total) <> SUM(part) AND SUM(total) <> 0) sums JOIN orders o ON o.id = sums.order_id"
    )
}

/// Two conditions, each using one index; a line that violates both counts once.
fn line_has_order_and_product(engine: Engine) -> String {
    rows_without(engine, &[("order_items", "order_id", "orders"), ("order_items", "product_id", "products")])
}

/// Rows of a table whose column names no row of the other one.
fn rows_without(engine: Engine, references: &[(&str, &str, &str)]) -> String {
    let id = engine.id_as_text("r.id");
    let missing = |(table, column, other): &(&str, &str, &str)| {
        format!(
            "SELECT '{table}' AS place, {id} AS name FROM {table} r \
             WHERE NOT EXISTS (SELECT 1 FROM {other} t WHERE t.id = r.{column})"
        )
    };
    references.iter().map(missing).collect::<Vec<_>>().join(" UNION ")
}

/// A row's own event, or one of a generated shop: ids grow with time, so generated rows are not above the
/// greatest id of their table's event.
fn has_event(engine: Engine, table: &str, entity: EntityKind, key: &str) -> String {
    let (generate, name) = (EventName::SeedGenerate, engine.key_or_id(&format!("t.{key}"), "t.id"));
    format!(
        "SELECT '' AS place, {name} AS name FROM {table} t WHERE NOT EXISTS (SELECT 1 FROM audit_events e \
         WHERE e.entity_type = '{entity}' AND e.entity_id = t.id AND e.outcome = 'succeeded') \
         AND NOT EXISTS (SELECT 1 FROM audit_events g WHERE g.entity_type = '{table}' AND g.entity_id >= t.id \
         AND g.operation = '{generate}' AND g.outcome = 'succeeded')"
    )
}

fn status_is_known(engine: Engine) -> String {
    let (id, status, value) =
        (engine.id_as_text("id"), engine.to_the_letter("status"), engine.key_or_id("status", "id"));
    let unknown = |table: &str, known: &[&str]| {
        let known = known.join("', '");
        format!(
            "SELECT '{table}.status' AS place, {id} AS name, {value} AS value FROM {table} \
             WHERE {status} NOT IN ('{known}')"
        )
    };
    let orders = unknown("orders", &OrderStatus::ALL.map(OrderStatus::as_str));
    format!("{orders} UNION ALL {}", unknown("users", &UserStatus::ALL.map(UserStatus::as_str)))
}

/// Also where a collation ignores spaces at the end.
fn has_outer_spaces(engine: Engine, text: &str) -> String {
    format!("{} <> {}", engine.to_the_letter(text), engine.to_the_letter(&format!("TRIM({text})")))
}

/// Without their primary keys, which another program dropped.
fn id_is_unique(engine: Engine) -> String {
    let id = engine.id_as_text("id");
    let shared = |table: &str| {
        format!(
            "SELECT '{table}' AS place, {id} AS name FROM {table} WHERE id IS NOT NULL GROUP BY id HAVING COUNT(*) > 1"
        )
    };
    ["users", "products", "orders", "stock_movements"].map(shared).join(" UNION ALL ")
}
