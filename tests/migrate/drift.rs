//! Whatever happened to the schema: the printed statements lead back, in the order in which they are printed.

use serde_json::Value;

use crate::on_every_backend;
use crate::support::{Backend, Shop};

on_every_backend!(
    printed_statements_lead_back_from_any_drift,
    what_other_programs_made_is_left_alone,
    other_names_and_spellings_are_no_drift,
    a_table_made_again_keeps_what_others_added,
    a_renamed_table_is_renamed_back_with_its_rows,
    names_that_others_took_are_given_back,
    triggers_of_another_program_are_no_drift,
    rows_that_would_stop_a_repair_are_named_first
);

pub(super) fn findings(shop: &Shop) -> Vec<Value> {
    let run = shop.run(&["migrate", "verify", "--json"]);
    assert!([0, 9].contains(&run.code), "{run}");
    run.json()["items"].as_array().expect("a list").clone()
}

/// Runs what is printed until nothing is left.
pub(super) fn repair_all(shop: &Shop, why: &str) {
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
pub(super) fn fill(shop: &Shop) {
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
            "ALTER TABLE users RENAME COLUMN first_name TO fname",
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
            "ALTER TABLE users RENAME COLUMN first_name TO fname",
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
            "ALTER TABLE users RENAME COLUMN first_name TO fname",
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
pub(super) fn reword(shop: &Shop, table: &str, words: &str, other: &str) {
    let statement = compact(&shop.column(&format!("SELECT sql FROM sqlite_master WHERE name = '{table}'"))[0]);
    let changed = statement.replace(&compact(words), &compact(other));
    assert_ne!(changed, statement, "{words} is not in {statement}");
    let indexes = shop.column(&format!(
        "SELECT sql FROM sqlite_master WHERE tbl_name = '{table}' AND type IN ('index', 'trigger') AND sql IS NOT NULL"
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
        repair_all(shop, drift);
    }
    if shop.backend == Backend::Sqlite {
        shop.sql("ALTER TABLE users ADD COLUMN needed int NOT NULL DEFAULT 1");
        for (table, words, other) in REWORDED {
            reword(shop, table, words, other);
            assert!(!findings(shop).is_empty(), "{words} to {other} is not seen");
            repair_all(shop, words);
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
    shop.run(&["migrate", "verify"])
        .success()
        .says("ignored, as other programs'")
        .says("SequelizeMeta")
        .says("users.phone");
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
    repair_all(shop, "the check");
    assert_eq!(shop.column("SELECT phone FROM users WHERE role_id = 7"), ["123", "123"]);
    shop.run(&["migrate", "verify"]).success().says("users.phone").says("theirs");
}

fn a_renamed_table_is_renamed_back_with_its_rows(shop: &Shop) {
    fill(shop);
    for drift in [
        "ALTER TABLE users RENAME TO people",
        "ALTER TABLE order_items RENAME TO order_rows; ALTER TABLE order_rows RENAME COLUMN quantity TO units",
        "ALTER TABLE users RENAME TO customers; ALTER TABLE orders RENAME TO purchases; \
         ALTER TABLE products RENAME TO articles; ALTER TABLE stock_movements RENAME TO movements",
        "CREATE TABLE users_copy AS SELECT * FROM users; ALTER TABLE users RENAME TO members",
        "ALTER TABLE products RENAME TO goods; CREATE VIEW products AS SELECT * FROM goods",
    ] {
        shop.sql(drift);
        let found = findings(shop);
        let empties = |finding: &Value| finding["repair"].as_str().is_none_or(|repair| repair.contains("CREATE TABLE"));
        assert!(!found.iter().any(empties), "{drift}: {found:#?}");
        repair_all(shop, drift);
    }
    assert_eq!(shop.number("SELECT COUNT(*) FROM order_items i JOIN orders o ON o.id = i.order_id"), 2);
    assert!(shop.run(&["user", "list"]).success().stdout.contains("ann@example.com"));
}

fn names_that_others_took_are_given_back(shop: &Shop) {
    fill(shop);
    let mut drifts = vec![
        "DROP TABLE audit_seals; CREATE VIEW audit_seals AS SELECT 1 AS one",
        "DROP TABLE stock_movements; CREATE TABLE kept (id int); CREATE INDEX idx_stock_movements_product_id ON kept (id); \
         CREATE INDEX idx_stock_movements_order_id ON kept (id)",
    ];
    drifts.extend(match shop.backend {
        Backend::Postgres => vec![
            "DROP INDEX idx_users_status; CREATE VIEW idx_users_status AS SELECT 1 AS one",
            "DROP TABLE shopctl_seed_rows; CREATE TYPE shopctl_seed_rows AS ENUM ('a')",
            "ALTER TABLE users DROP CONSTRAINT uq_users_email; CREATE INDEX uq_users_email ON users (last_name)",
            "DROP TABLE stock_movements; CREATE TABLE others (id int CONSTRAINT pk_stock_movements PRIMARY KEY)",
        ],
        Backend::MariaDb => vec![
            "ALTER TABLE orders DROP FOREIGN KEY fk_orders_user_id; CREATE TABLE others (user_id uuid, \
             CONSTRAINT fk_orders_user_id FOREIGN KEY (user_id) REFERENCES users (id))",
            "ALTER TABLE users DROP INDEX uq_users_email; CREATE INDEX uq_users_email ON users (last_name)",
        ],
        Backend::Sqlite => vec!["DROP INDEX idx_users_status; CREATE INDEX idx_users_status ON products (name)"],
    });
    for drift in drifts {
        shop.sql(drift);
        repair_all(shop, drift);
    }
    if shop.backend == Backend::Sqlite {
        shop.sql("CREATE TABLE new_users (id int)");
        reword(shop, "users", "'disabled', 'anonymized'", "'disabled'");
        repair_all(shop, "the name of the new table");
        shop.run(&["migrate", "verify"]).success().says("table new_users").says("index idx_users_status_other");
    }
}

fn triggers_of_another_program_are_no_drift(shop: &Shop) {
    fill(shop);
    match shop.backend {
        Backend::Sqlite => {
            shop.sql("CREATE TRIGGER theirs AFTER UPDATE ON users BEGIN UPDATE users SET last_name = 'set' WHERE id = NEW.id; END");
        }
        Backend::Postgres => shop.sql(
            "CREATE FUNCTION theirs() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.last_name := ''set''; RETURN NEW; END'; \
             CREATE TRIGGER theirs BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION theirs()",
        ),
        Backend::MariaDb => shop.sql("CREATE TRIGGER theirs BEFORE UPDATE ON users FOR EACH ROW SET NEW.last_name = 'set'"),
    }
    shop.run(&["migrate", "verify"]).success().says("ignored, as other programs': trigger theirs on users");
    match shop.backend {
        Backend::Sqlite => reword(shop, "users", "'disabled', 'anonymized'", "'disabled'"),
        _ => shop.sql("ALTER TABLE users DROP CONSTRAINT ck_users_status"),
    }
    repair_all(shop, "the check");
    shop.sql("UPDATE users SET first_name = 'Ann' WHERE email = 'ann@example.com'");
    assert_eq!(shop.column("SELECT last_name FROM users WHERE email = 'ann@example.com'"), ["set"]);
}

/// A drift, what it lets in, and what puts it right; what it is called.
fn with_rows(backend: Backend) -> Vec<[&'static str; 4]> {
    let sku = match backend {
        Backend::Postgres => "ALTER TABLE products ALTER COLUMN sku DROP NOT NULL",
        Backend::MariaDb => "ALTER TABLE products MODIFY COLUMN sku varchar(64) DEFAULT hex(random_bytes(5))",
        Backend::Sqlite => "sku",
    };
    let (status, stock, email, user) = match backend {
        Backend::Sqlite => ("status", "stock", "email", "user"),
        Backend::MariaDb => (
            "ALTER TABLE orders DROP CONSTRAINT ck_orders_status",
            "ALTER TABLE products DROP CONSTRAINT ck_products_stock_quantity",
            "ALTER TABLE users DROP INDEX uq_users_email",
            "ALTER TABLE orders DROP FOREIGN KEY fk_orders_user_id",
        ),
        Backend::Postgres => (
            "ALTER TABLE orders DROP CONSTRAINT ck_orders_status",
            "ALTER TABLE products DROP CONSTRAINT ck_products_stock_quantity",
            "ALTER TABLE users DROP CONSTRAINT uq_users_email",
            "ALTER TABLE orders DROP CONSTRAINT fk_orders_user_id",
        ),
    };
    let nobody = "UPDATE orders SET user_id = '00000000-0000-4000-8000-000000000000'";
    let somebody = "UPDATE orders SET user_id = (SELECT id FROM users WHERE first_name = 'ann')";
    vec![
        [status, "UPDATE orders SET status = 'odd'", "UPDATE orders SET status = 'paid'", "1 row"],
        [
            stock,
            "UPDATE products SET stock_quantity = -1 WHERE sku = 'CUP'",
            "UPDATE products SET stock_quantity = 1 WHERE sku = 'CUP'",
            "1 row",
        ],
        [
            sku,
            "UPDATE products SET sku = NULL WHERE name <> 'CUP'",
            "UPDATE products SET sku = 'MUG' WHERE sku IS NULL",
            "1 row",
        ],
        [
            email,
            "UPDATE users SET email = 'one@example.com'",
            "UPDATE users SET email = 'ben@example.com' WHERE first_name = 'ben'",
            "2 rows",
        ],
        [user, nobody, somebody, "1 row"],
    ]
}

fn rows_that_would_stop_a_repair_are_named_first(shop: &Shop) {
    fill(shop);
    for [drift, rows, remedy, count] in with_rows(shop.backend) {
        let reworded = |table: &str, part: &str, other: &str| reword(shop, table, part, other);
        match drift {
            "status" => reworded("orders", "'pending', 'paid',", "'pending', 'paid', 'odd',"),
            "stock" => reworded("products", "\"stock_quantity\" >= 0", "\"stock_quantity\" >= -5"),
            "sku" => reworded("products", "\"sku\" varchar(64) NOT NULL", "\"sku\" varchar(64)"),
            "email" => reworded("users", ", CONSTRAINT \"uq_users_email\" UNIQUE (\"email\")", ""),
            "user" => {
                reworded("orders", ", FOREIGN KEY (\"user_id\") REFERENCES \"users\" (\"id\") ON DELETE RESTRICT", "");
            }
            statement => shop.sql(statement),
        }
        shop.sql(&format!("{}{rows}", if drift == "user" { "PRAGMA foreign_keys = OFF; " } else { "" }));
        let run = shop.run(&["migrate", "verify"]).exits_with(9);
        let hint = run.stderr.lines().position(|line| line.contains(&format!("{count} do"))).expect("the rows");
        let repair =
            run.stderr.lines().position(|line| line.contains("first change the rows that do not fit")).expect("it");
        assert!(hint < repair, "{run}");
        let found = findings(shop);
        let finding = found.iter().find(|one| !one["row_query"].is_null()).expect("one with rows");
        let query = finding["row_query"].as_str().expect("a text").replacen("SELECT *", "SELECT COUNT(*)", 1);
        assert_eq!(shop.number(&query), i64::from(count.as_bytes()[0] - b'0'), "{query}");
        for invention in ["UPDATE `", "UPDATE \"", "COALESCE(\"sku\""] {
            assert!(!finding["repair"].as_str().expect("a statement").contains(invention), "{finding}");
        }
        shop.sql(remedy);
        repair_all(shop, drift);
    }
}

#[test]
fn a_column_under_a_view_of_another_program_gets_its_type_back() {
    let Some(shop) = Shop::migrated(Backend::Postgres) else { return };
    fill(&shop);
    shop.sql(
        "ALTER TABLE products ALTER COLUMN price TYPE double precision; \
         CREATE VIEW \"Prices\" WITH (security_barrier = true) AS SELECT sku, price AS \"the  price\" FROM products; \
         CREATE VIEW dear AS SELECT sku, 'two  blanks' AS note FROM \"Prices\" WHERE \"the  price\" > 5; \
         CREATE MATERIALIZED VIEW sums AS SELECT count(*) AS of_all FROM dear; CREATE INDEX of_sums ON sums (of_all); \
         GRANT SELECT ON dear TO PUBLIC; COMMENT ON VIEW dear IS 'it''s theirs'",
    );
    let left = || {
        shop.column(
            "SELECT concat(c.relname, pg_get_viewdef(c.oid), c.reloptions::text, c.relacl::text, \
             obj_description(c.oid, 'pg_class'), (SELECT count(*) FROM pg_index i WHERE i.indrelid = c.oid)) FROM pg_class c \
             WHERE c.relname IN ('Prices', 'dear', 'sums') ORDER BY c.relname",
        )
    };
    let before = left();
    repair_all(&shop, "the type");
    // The constant is of the type that the column had.
    assert_eq!(left().len(), before.len());
    assert_eq!(left()[2], before[2], "the materialized view");
    for part in ["security_barrier=true", "the  price"] {
        assert!(left()[0].contains(part), "{:?}", left());
    }
    for part in ["two  blanks", "it's theirs", "=r/"] {
        assert!(left()[1].contains(part), "{:?}", left());
    }
    assert_eq!(shop.column("SELECT sku FROM dear"), ["MUG"]);
}
