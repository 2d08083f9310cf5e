//! Whatever happened to the schema: the printed statements lead back, in the order in which they are printed.

use serde_json::Value;

use crate::on_every_backend;
use crate::support::{Backend, Shop};

on_every_backend!(
    printed_statements_lead_back_from_any_drift,
    what_other_programs_made_is_left_alone,
    other_names_and_spellings_are_no_drift,
    a_table_made_again_keeps_what_others_added
);

fn findings(shop: &Shop) -> Vec<Value> {
    let run = shop.run(&["migrate", "verify", "--json"]);
    assert!([0, 9].contains(&run.code), "{run}");
    run.json()["items"].as_array().expect("a list").clone()
}

/// Runs what is printed until nothing is left.
fn repair(shop: &Shop, why: &str) {
    for _ in 0..3 {
        let all = findings(shop);
        if all.is_empty() {
            return;
        }
        let mut repairs: Vec<&str> = Vec::new();
        for finding in &all {
            let repair = finding["repair"].as_str().unwrap_or_else(|| panic!("{why}: no statement for {finding}"));
            // A table that is made again mends several differences.
            repairs.extend((!repairs.contains(&repair)).then_some(repair));
        }
        repairs.into_iter().for_each(|repair| shop.sql(repair));
    }
    panic!("{why}: {:#?}", findings(shop));
}

/// A shop with two rows of each kind.
fn fill(shop: &Shop) {
    for name in ["ann", "ben"] {
        shop.user(name);
    }
    shop.product("MUG", "9.50", 5);
    shop.product("CUP", "3.00", 5);
    shop.run(&["order", "create", "--user", "ann@example.com", "--item", "MUG:2", "--item", "CUP:1"]).success();
}

fn drifts(backend: Backend) -> &'static [&'static str] {
    match backend {
        Backend::Postgres => &[
            "ALTER TABLE users DROP CONSTRAINT ck_users_status",
            "ALTER TABLE orders DROP CONSTRAINT ck_orders_status; ALTER TABLE orders ADD CONSTRAINT ck_orders_status CHECK (status <> 'odd')",
            "ALTER TABLE products DROP COLUMN description",
            "ALTER TABLE products DROP COLUMN sku",
            "ALTER TABLE users DROP COLUMN last_name",
            "ALTER TABLE users RENAME COLUMN first_name TO forename",
            "DROP INDEX idx_products_name; ALTER TABLE products ALTER COLUMN name TYPE text",
            "ALTER TABLE users ALTER COLUMN created_at TYPE timestamp USING created_at AT TIME ZONE 'UTC'",
            "ALTER TABLE order_items DROP CONSTRAINT fk_order_items_order_id; \
             ALTER TABLE order_items ALTER COLUMN order_id TYPE varchar(36)",
            "ALTER TABLE products ALTER COLUMN price TYPE double precision",
            "DROP INDEX idx_orders_status",
            "DROP INDEX idx_orders_user_id; CREATE INDEX idx_orders_user_id ON orders (user_id)",
            "ALTER TABLE orders ALTER COLUMN status DROP DEFAULT",
            "ALTER TABLE orders ALTER COLUMN total_amount SET DEFAULT 5",
            "ALTER TABLE orders DROP CONSTRAINT fk_orders_user_id",
            "ALTER TABLE orders DROP CONSTRAINT fk_orders_user_id; ALTER TABLE orders ADD CONSTRAINT other_key \
             FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE",
            "DROP TABLE stock_movements",
            "DROP TABLE shopctl_seed_rows",
            "ALTER TABLE products ALTER COLUMN stock_quantity DROP NOT NULL; UPDATE products SET stock_quantity = NULL",
            "ALTER TABLE products ALTER COLUMN description SET DEFAULT '', ALTER COLUMN sku DROP DEFAULT",
            "ALTER TABLE users DROP CONSTRAINT uq_users_email",
            "ALTER TABLE users ADD CONSTRAINT of_nobody CHECK (first_name <> last_name)",
            "ALTER TABLE users ADD COLUMN needed int NOT NULL DEFAULT 1; ALTER TABLE users ALTER COLUMN needed DROP DEFAULT",
            "DROP TABLE audit_seals; ALTER TABLE users DROP CONSTRAINT ck_users_status; DROP INDEX idx_orders_status; \
             ALTER TABLE products RENAME COLUMN name TO title; ALTER TABLE orders DROP CONSTRAINT fk_orders_user_id",
        ],
        Backend::MariaDb => &[
            "ALTER TABLE users DROP CONSTRAINT ck_users_status",
            "ALTER TABLE orders DROP CONSTRAINT ck_orders_status; ALTER TABLE orders ADD CONSTRAINT ck_orders_status CHECK (status <> 'odd')",
            "ALTER TABLE products DROP COLUMN description",
            "ALTER TABLE products DROP COLUMN sku",
            "ALTER TABLE users DROP COLUMN last_name",
            "ALTER TABLE users RENAME COLUMN first_name TO forename",
            "DROP INDEX idx_products_name ON products; ALTER TABLE products MODIFY COLUMN name text NOT NULL",
            "SET time_zone = '+00:00'; ALTER TABLE users MODIFY COLUMN created_at timestamp(6) NOT NULL DEFAULT current_timestamp(6)",
            "ALTER TABLE products MODIFY COLUMN price double NOT NULL",
            "DROP INDEX idx_orders_status ON orders",
            "ALTER TABLE orders DROP INDEX idx_orders_user_id, ADD INDEX idx_orders_user_id (user_id)",
            "ALTER TABLE orders ALTER COLUMN status DROP DEFAULT",
            "ALTER TABLE orders ALTER COLUMN total_amount SET DEFAULT 5",
            "ALTER TABLE orders DROP FOREIGN KEY fk_orders_user_id",
            "ALTER TABLE orders DROP FOREIGN KEY fk_orders_user_id; ALTER TABLE orders ADD CONSTRAINT other_key \
             FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE",
            "DROP TABLE stock_movements",
            "DROP TABLE shopctl_seed_rows",
            "ALTER TABLE products MODIFY COLUMN stock_quantity int; UPDATE products SET stock_quantity = NULL",
            "ALTER TABLE products MODIFY COLUMN sku varchar(64) NOT NULL",
            "ALTER TABLE users DROP INDEX uq_users_email",
            "ALTER TABLE users ADD CONSTRAINT of_nobody CHECK (first_name <> last_name)",
            "ALTER TABLE users ADD COLUMN needed int NOT NULL",
            "ALTER TABLE users CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci",
            "DROP TABLE audit_seals; ALTER TABLE users DROP CONSTRAINT ck_users_status; DROP INDEX idx_orders_status ON orders; \
             ALTER TABLE products RENAME COLUMN name TO title; ALTER TABLE orders DROP FOREIGN KEY fk_orders_user_id",
        ],
        Backend::Sqlite => &[
            "ALTER TABLE products DROP COLUMN description",
            "DROP INDEX idx_orders_status",
            "DROP INDEX idx_orders_user_id; CREATE INDEX idx_orders_user_id ON orders (user_id)",
            "ALTER TABLE users RENAME COLUMN first_name TO forename",
            "ALTER TABLE users DROP COLUMN last_name",
            "DROP TABLE stock_movements",
            "DROP TABLE shopctl_seed_rows",
            "ALTER TABLE products RENAME COLUMN name TO title; DROP INDEX idx_orders_status; DROP TABLE audit_seals",
        ],
    }
}

/// SQLite has no ALTER for these: the table is made again with other words in its statement.
const REWORDED: &[(&str, &str, &str)] = &[
    ("users", "needed int NOT NULL DEFAULT 1", "needed int NOT NULL"),
    ("users", ", CONSTRAINT \"ck_users_status\" CHECK (\"status\" IN ('active', 'disabled', 'anonymized'))", ""),
    ("users", "'disabled', 'anonymized'", "'disabled'"),
    ("orders", " DEFAULT 'pending'", ""),
    ("products", "\"stock_quantity\" integer NOT NULL DEFAULT 0", "\"stock_quantity\" integer"),
    ("products", "real(10, 2)", "text"),
    ("orders", ", FOREIGN KEY (\"user_id\") REFERENCES \"users\" (\"id\") ON DELETE RESTRICT", ""),
    ("users", ", CONSTRAINT \"uq_users_email\" UNIQUE (\"email\")", ""),
    ("order_items", "ON DELETE RESTRICT", "ON DELETE CASCADE"),
    ("users", "\"first_name\" varchar(100) NOT NULL", "\"first_name\" varchar(100) NOT NULL CHECK (first_name <> 'x')"),
];

/// Without blanks around brackets and commas, which come and go.
fn compact(sql: &str) -> String {
    let mut sql = sql.split_whitespace().collect::<Vec<_>>().join(" ");
    for sign in ["(", ")", ","] {
        sql = sql.replace(&format!(" {sign}"), sign).replace(&format!("{sign} "), sign);
    }
    sql
}

/// Makes a table again with other words, as another tool does.
fn reword(shop: &Shop, table: &str, words: &str, other: &str) {
    let statement = compact(&shop.column(&format!("SELECT sql FROM sqlite_master WHERE name = '{table}'"))[0]);
    let changed = statement.replace(&compact(words), &compact(other));
    assert_ne!(changed, statement, "{words} is not in {statement}");
    let indexes = shop.column(&format!(
        "SELECT sql FROM sqlite_master WHERE tbl_name = '{table}' AND type = 'index' AND sql IS NOT NULL"
    ));
    let changed = changed.replacen(&format!("\"{table}\""), "\"made_new\"", 1);
    shop.sql(&format!(
        "PRAGMA foreign_keys = OFF; BEGIN; {changed}; INSERT INTO made_new SELECT * FROM {table}; DROP TABLE {table}; \
         ALTER TABLE made_new RENAME TO {table}; {}; COMMIT",
        indexes.join("; ")
    ));
}

fn printed_statements_lead_back_from_any_drift(shop: &Shop) {
    fill(shop);
    for drift in drifts(shop.backend) {
        shop.sql(drift);
        assert!(!findings(shop).is_empty(), "{drift} is not seen");
        repair(shop, drift);
    }
    if shop.backend == Backend::Sqlite {
        shop.sql("ALTER TABLE users ADD COLUMN needed int NOT NULL DEFAULT 1");
        for (table, words, other) in REWORDED {
            reword(shop, table, words, other);
            assert!(!findings(shop).is_empty(), "{words} to {other} is not seen");
            repair(shop, words);
        }
    }
    shop.run(&["migrate", "verify"]).success();
    assert_eq!(shop.number("SELECT COUNT(*) FROM users WHERE email LIKE '%@example.com'"), 2);
    assert_eq!(shop.number("SELECT COUNT(*) FROM order_items i JOIN orders o ON o.id = i.order_id"), 2);
    shop.run(&["order", "list"]).success();
}

fn what_other_programs_made_is_left_alone(shop: &Shop) {
    for table in ["SequelizeMeta", "knex_migrations", "_prisma_migrations", "flyway_schema_history", "of_others"] {
        let quote = if shop.backend == Backend::MariaDb { '`' } else { '"' };
        shop.sql(&format!("CREATE TABLE {quote}{table}{quote} (name varchar(255))"));
    }
    shop.sql("ALTER TABLE users ADD COLUMN phone varchar(32)");
    shop.sql("CREATE INDEX theirs ON users (phone)");
    shop.sql("CREATE INDEX theirs_too ON users (last_name)");
    shop.sql("CREATE UNIQUE INDEX phone_key ON users (phone)");
    shop.sql("INSERT INTO seaql_migrations (version, applied_at) VALUES ('m2020_of_another_program', 1)");
    shop.run(&["migrate", "verify"]).success().says("left alone").says("SequelizeMeta").says("users.phone");
    let status = shop.run(&["migrate", "status", "--check"]).success();
    assert!(!status.stdout.contains("m2020"), "{status}");
    shop.run(&["migrate", "up"]).success();
    shop.run(&["doctor"]).success();
    shop.run(&["migrate", "redo", "--steps", "2", "--yes"]).success();
    let theirs = "SELECT COUNT(*) FROM seaql_migrations WHERE version = 'm2020_of_another_program'";
    assert_eq!(shop.number(theirs), 1);
    shop.run(&["migrate", "reset", "--confirm", &shop.database_name()]).success();
    assert_eq!(shop.number(theirs), 1);
    shop.run(&["migrate", "up"]).success();
    let refused = shop.run(&["migrate", "fresh"]).exits_with(11);
    for name in ["m2020_of_another_program", "SequelizeMeta", "_prisma_migrations", "knex_migrations"] {
        assert!(refused.stderr.contains(name), "{refused}");
    }
}

fn other_names_and_spellings_are_no_drift(shop: &Shop) {
    match shop.backend {
        Backend::Postgres => shop.sql(
            "ALTER TABLE users RENAME CONSTRAINT pk_users TO users_pkey; \
             ALTER TABLE users DROP CONSTRAINT uq_users_email; CREATE UNIQUE INDEX users_email_key ON users (email); \
             ALTER TABLE orders RENAME CONSTRAINT fk_orders_user_id TO orders_user_id_fkey; \
             ALTER TABLE orders DROP CONSTRAINT ck_orders_status, ADD CHECK (status = ANY (ARRAY['refunded', \
             'cancelled', 'pending', 'paid', 'shipped', 'completed']::text[])); \
             ALTER INDEX idx_users_status RENAME TO by_status",
        ),
        Backend::MariaDb => shop.sql(
            "ALTER TABLE users RENAME INDEX uq_users_email TO email; ALTER TABLE users RENAME INDEX idx_users_status TO by_status; \
             ALTER TABLE products DROP CONSTRAINT ck_products_price, ADD CHECK (`price` >= (0))",
        ),
        Backend::Sqlite => {
            shop.sql("DROP INDEX idx_users_status; CREATE INDEX by_status ON users(status, created_at , id)");
            reword(shop, "products", "CONSTRAINT \"ck_products_price\" CHECK (\"price\" >= 0)", "check ((price >= 0))");
            reword(shop, "users", "varchar(100) NOT NULL", "TEXT NOT NULL");
        }
    }
    shop.run(&["migrate", "verify"]).success();
}

fn a_table_made_again_keeps_what_others_added(shop: &Shop) {
    fill(shop);
    shop.sql("CREATE TABLE roles (id int PRIMARY KEY)");
    shop.sql("INSERT INTO roles VALUES (7)");
    shop.sql("ALTER TABLE users ADD COLUMN role_id int REFERENCES roles (id)");
    shop.sql("ALTER TABLE users ADD COLUMN phone varchar(32) DEFAULT 'none'");
    shop.sql("CREATE INDEX theirs ON users (phone)");
    shop.sql("UPDATE users SET role_id = 7, phone = '123'");
    match shop.backend {
        Backend::Sqlite => reword(shop, "users", "'disabled', 'anonymized'", "'disabled'"),
        Backend::Postgres => shop.sql("ALTER TABLE users DROP CONSTRAINT ck_users_status"),
        Backend::MariaDb => shop.sql("ALTER TABLE users DROP CONSTRAINT ck_users_status"),
    }
    repair(shop, "the check");
    assert_eq!(shop.column("SELECT phone FROM users WHERE role_id = 7"), ["123", "123"]);
    shop.run(&["migrate", "verify"]).success().says("users.phone").says("theirs");
}
