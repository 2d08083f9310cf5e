//! The baseline: the engines' own tools with the same rows on the same machine.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::Command;

use crate::measure::timed;
use crate::support::{Shop, servers};

/// Threads in which clients run.
pub const THREADS: usize = 2;

/// The tables of a generated shop, parents first.
pub const TABLES: [&str; 7] =
    ["users", "products", "orders", "order_items", "order_refunds", "order_refund_lines", "stock_movements"];

/// PostgreSQL's own program, not the distribution's wrapper around it.
pub fn program(name: &str) -> PathBuf {
    servers::postgres_binaries().expect("PostgreSQL is installed").join(name)
}

pub fn psql(shop: &Shop) -> Command {
    let mut command = Command::new(program("psql"));
    command.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", &shop.url]);
    command
}

/// What psql answers.
pub fn ask(shop: &Shop, sql: &str) -> String {
    let output = psql(shop).args(["-c", sql]).output().expect("psql is installed");
    assert!(output.status.success(), "{sql}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// An order of three lines with all that shopctl writes for it, in one statement. It merges nothing,
/// checks nothing that the statement does not need, and makes no audit document.
const ORDER: &str = "\\set u random(1, :users)
\\set a random(1, :products)
\\set b random(1, :products)
\\set c random(1, :products)
WITH u AS (SELECT users.id FROM users JOIN bench_users USING (id) WHERE n = :u FOR SHARE OF users),
lines AS (SELECT DISTINCT id, 2 AS pieces FROM bench_products WHERE n IN (:a, :b, :c)),
taken AS (UPDATE products p SET stock_quantity = stock_quantity - pieces, updated_at = now() FROM lines
  WHERE p.id = lines.id AND stock_quantity >= pieces RETURNING p.id, p.price, lines.pieces),
o AS (INSERT INTO orders (id, reference, user_id, status, total_amount, created_at, updated_at)
  SELECT gen_random_uuid(), upper(substr(md5(random()::text), 1, 10)), u.id, 'pending',
  (SELECT sum(price * pieces) FROM taken), now(), now() FROM u RETURNING id),
i AS (INSERT INTO order_items (id, order_id, product_id, quantity, unit_price)
  SELECT gen_random_uuid(), o.id, taken.id, pieces, price FROM o, taken),
m AS (INSERT INTO stock_movements (id, product_id, delta, reason, order_id, operation_id, created_at)
  SELECT gen_random_uuid(), taken.id, -pieces, 'order', o.id, gen_random_uuid(), now() FROM o, taken)
INSERT INTO audit_events (id, operation_id, sequence, operation, actor, outcome, entity_type, entity_id, after, occurred_at)
  SELECT gen_random_uuid(), gen_random_uuid(), 0, 'order.place', 'pgbench', 'succeeded', 'order', o.id, '{}', now() FROM o;
";

/// Orders a second that pgbench places with so many clients.
pub fn pgbench(shop: &Shop, clients: usize, seconds: u32, users: usize, products: usize) -> f64 {
    let script = shop.file("order.pgbench", ORDER);
    let output = Command::new(program("pgbench"))
        .args(["-n", "-M", "prepared", "--max-tries=10", "-j", &THREADS.to_string(), "-c", &clients.to_string()])
        .args(["-T", &seconds.to_string(), "-D", &format!("users={users}"), "-D", &format!("products={products}")])
        .arg("-f")
        .arg(script)
        .arg(&shop.url)
        .output()
        .expect("pgbench is installed");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let tps = said.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok());
    tps.unwrap_or_else(|| panic!("{said}{}", String::from_utf8_lossy(&output.stderr)))
}

/// Numbers by which pgbench finds users and products.
pub fn number(shop: &Shop) {
    for table in ["users", "products"] {
        ask(
            shop,
            &format!(
                "CREATE TABLE bench_{table} AS SELECT row_number() OVER () AS n, id FROM {table}; \
                 ALTER TABLE bench_{table} ADD PRIMARY KEY (n); ANALYZE bench_{table}; ANALYZE {table}"
            ),
        );
    }
}

/// Seconds that COPY takes for the rows of `from`, with all indexes and constraints made afterwards.
pub fn copy(from: &Shop, to: &Shop) -> f64 {
    let list = TABLES.map(|table| format!("'{table}'::regclass")).join(", ");
    let found = ask(
        to,
        &format!(
            "SELECT gone || ';' || chr(9) || made || ';' FROM (\
             SELECT CASE contype WHEN 'f' THEN 0 ELSE 2 END AS step, conname AS name, \
              format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname) AS gone, \
              format('ALTER TABLE %s ADD CONSTRAINT %I %s', conrelid::regclass, conname, pg_get_constraintdef(oid)) AS made \
             FROM pg_constraint WHERE conrelid IN ({list}) AND contype IN ('f', 'u', 'p') UNION ALL \
             SELECT 1, c.relname, format('DROP INDEX %s', i.indexrelid::regclass), pg_get_indexdef(i.indexrelid) \
             FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE i.indrelid IN ({list}) AND NOT EXISTS \
             (SELECT 1 FROM pg_constraint k WHERE k.conindid = i.indexrelid AND k.conrelid = i.indrelid)) x ORDER BY step, name"
        ),
    );
    let statements: Vec<(&str, &str)> = found.lines().filter_map(|line| line.split_once('\t')).collect();
    assert!(statements.len() > 5, "{found}");
    let mut script = "BEGIN;\n".to_owned();
    statements.iter().for_each(|(gone, _)| writeln!(script, "{gone}").expect("a String"));
    for table in TABLES {
        let file = from.path(&format!("{table}.copy")).display().to_string();
        if !std::path::Path::new(&file).exists() {
            ask(from, &format!("\\copy {table} TO '{file}'"));
        }
        writeln!(script, "\\copy {table} FROM '{file}'").expect("a String");
    }
    statements.iter().rev().for_each(|(_, made)| writeln!(script, "{made}").expect("a String"));
    let script = to.file("copy.sql", &format!("{script}COMMIT;\n"));
    timed(psql(to).arg("-f").arg(script)).seconds
}

/// The rows of one SQLite shop into another by the driver of Python, with random ids, as fast as it goes.
const EXECUTEMANY: &str = "
import re, sqlite3, sys, time, uuid
is_id = re.compile('[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}').fullmatch
ids, rows = {}, {}
source = sqlite3.connect(sys.argv[1])
for table in sys.argv[3:]:
    row = lambda r: [ids.setdefault(v, str(uuid.uuid4())) if isinstance(v, str) and is_id(v) else v for v in r]
    rows[table] = [row(r) for r in source.execute('SELECT * FROM ' + table)]
assert len(ids) > sum(map(len, rows.values())), 'ids are stored in another form'
target = sqlite3.connect(sys.argv[2])
target.execute('PRAGMA foreign_keys = ON')
target.execute('PRAGMA synchronous = FULL')
began = time.time()
for table in sys.argv[3:]:
    places = ','.join('?' * len(rows[table][0]))
    target.executemany('INSERT INTO ' + table + ' VALUES (' + places + ')', rows[table])
target.commit()
print(time.time() - began)
";

/// Seconds that [`EXECUTEMANY`] takes, the reading not counted.
pub fn executemany(from: &Shop, to: &Shop) -> f64 {
    let file = |shop: &Shop| shop.path("shop.db");
    let output = Command::new("python3").arg("-c").arg(EXECUTEMANY).arg(file(from)).arg(file(to)).args(TABLES).output();
    let output = output.expect("python3 is installed");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    said.trim().parse().unwrap_or_else(|_| panic!("{said}{}", String::from_utf8_lossy(&output.stderr)))
}
