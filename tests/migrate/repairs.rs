//! What the printed repairs of one engine do to the rows, and what they leave behind.

use sea_orm::ConnectionTrait;

use super::drift::{fill, findings, repair_all, reword};
use crate::support::shop::block_on;
use crate::support::{Backend, Shop};

#[test]
fn times_of_another_type_are_those_of_utc_in_any_zone_of_the_client() {
    let Some(shop) = Shop::migrated(Backend::Postgres) else { return };
    fill(&shop);
    shop.sql("UPDATE users SET created_at = '2024-05-06 00:00:00+00'");
    let times = "SELECT CAST(created_at AT TIME ZONE 'UTC' AS text) FROM users";
    let before = shop.column(times);
    for kind in [
        "text USING CAST(created_at AT TIME ZONE 'UTC' AS text)",
        "text USING replace(CAST(created_at AT TIME ZONE 'UTC' AS text), ' ', 'T') || 'Z'",
        "date USING CAST(created_at AT TIME ZONE 'UTC' AS date)",
        "timestamp USING created_at AT TIME ZONE 'UTC'",
        "bigint USING CAST(extract(epoch FROM created_at) AS bigint)",
    ] {
        shop.sql(&format!(
            "ALTER TABLE users ALTER COLUMN created_at DROP DEFAULT, ALTER COLUMN created_at TYPE {kind}"
        ));
        let found = findings(&shop);
        let [finding] = found.as_slice() else { panic!("{kind}: {found:#?}") };
        shop.sql(&format!("SET TIME ZONE 'Asia/Kathmandu'; {}", finding["repair"].as_str().expect("a statement")));
        assert_eq!(shop.column(times), before, "{kind}");
        assert!(findings(&shop).is_empty(), "{kind}");
    }
}

#[test]
fn what_a_failed_repair_left_is_removed_by_the_next_one() {
    let shop = Shop::migrated(Backend::Sqlite).expect("always there");
    fill(&shop);
    reword(&shop, "users", "'disabled', 'anonymized'", "'disabled'");
    // The first statements of a repair, which stay when its transaction is undone.
    let repair = findings(&shop)[0]["repair"].as_str().expect("a statement").to_owned();
    let (begun, _) = repair.split_once("; BEGIN").expect("a transaction");
    shop.sql(begun);
    let left = "SELECT COUNT(*) FROM sqlite_master WHERE name LIKE 'shopctl_check%'";
    assert_eq!(shop.number(left), 1);
    repair_all(&shop, "the check");
    assert_eq!(shop.number(left), 0);
}

#[test]
fn values_that_a_repair_would_round_are_named_first() {
    for (backend, price, stock) in [
        (
            Backend::Postgres,
            "ALTER TABLE products ALTER COLUMN price TYPE numeric(14, 4)",
            "ALTER TABLE products ALTER COLUMN stock_quantity TYPE numeric(10, 1)",
        ),
        (
            Backend::MariaDb,
            "ALTER TABLE products MODIFY COLUMN price decimal(14, 4) NOT NULL",
            "ALTER TABLE products MODIFY COLUMN stock_quantity decimal(10, 1) NOT NULL DEFAULT 0",
        ),
    ] {
        let Some(shop) = Shop::migrated(backend) else { continue };
        fill(&shop);
        for (drift, rows) in [(price, "price = 1.2345"), (stock, "stock_quantity = 1.5")] {
            shop.sql(drift);
            shop.sql(&format!("UPDATE products SET {rows} WHERE sku = 'CUP'"));
        }
        let found = findings(&shop);
        assert_eq!(found.len(), 2, "{found:#?}");
        for finding in found {
            assert_eq!(finding["row_count"], 1, "{finding}");
            assert!(finding["warning"].as_str().expect("one").contains("rounds their values"), "{finding}");
        }
        let run = shop.run(&["migrate", "verify"]).exits_with(9);
        assert!(!run.stderr.contains("back to the state of the migrations"), "{run}");
    }
}

#[test]
fn a_repair_cuts_no_value_whatever_the_mode_of_the_session() {
    for (drift, row, kept) in [
        (
            "products MODIFY COLUMN sku varchar(300) NOT NULL",
            "products SET sku = REPEAT('S', 200)",
            "products WHERE LENGTH(sku) = 200",
        ),
        (
            "orders MODIFY COLUMN created_at varchar(60) NOT NULL",
            "orders SET created_at = 'soon'",
            "orders WHERE created_at = 'soon'",
        ),
        (
            "users MODIFY COLUMN last_name varchar(100) NULL",
            "users SET last_name = NULL",
            "users WHERE last_name IS NULL",
        ),
    ] {
        let Some(shop) = Shop::migrated(Backend::MariaDb) else { return };
        fill(&shop);
        shop.sql(&format!("ALTER TABLE {drift}"));
        shop.sql(&format!("UPDATE {row} LIMIT 1"));
        let found = findings(&shop);
        let [finding] = found.as_slice() else { panic!("{drift}: {found:#?}") };
        let repair = format!("SET sql_mode = ''; {}", finding["repair"].as_str().expect("a statement"));
        let repaired = block_on(async { shop.connect().await.execute_unprepared(&repair).await });
        assert!(repaired.is_err(), "{repair}");
        assert_eq!(shop.number(&format!("SELECT COUNT(*) FROM {kept}")), 1, "{repair}");
    }
}

/// Ids as texts, as an older schema has them, with the foreign keys between them.
#[test]
fn ids_of_another_type_under_foreign_keys_get_their_type_back() {
    let columns =
        ["users.id", "orders.user_id", "orders.id", "order_items.order_id", "order_refunds.order_id"].map(|one| {
            let (table, column) = one.split_once('.').expect("a column of a table");
            (table, column)
        });
    for backend in [Backend::Postgres, Backend::MariaDb] {
        let Some(shop) = Shop::migrated(backend) else { continue };
        fill(&shop);
        let (kind, key) = match backend {
            Backend::Postgres => ("varchar(36)", "DROP CONSTRAINT"),
            _ => ("char(36)", "DROP FOREIGN KEY"),
        };
        let collation = if backend == Backend::Postgres { "" } else { "COLLATE utf8mb4_bin" };
        shop.sql(&format!(
            "CREATE TABLE reviews (user_id uuid NOT NULL, CONSTRAINT of_user FOREIGN KEY (user_id) REFERENCES users (id) \
             ON DELETE CASCADE) {collation}"
        ));
        shop.sql("INSERT INTO reviews SELECT id FROM users");
        let keys = [
            ("reviews", "of_user", "(user_id) REFERENCES users (id) ON DELETE CASCADE"),
            ("orders", "fk_orders_user_id", "(user_id) REFERENCES users (id) ON DELETE RESTRICT"),
            ("order_items", "fk_order_items_order_id", "(order_id) REFERENCES orders (id) ON DELETE RESTRICT"),
            ("order_refunds", "fk_order_refunds_order_id", "(order_id) REFERENCES orders (id) ON DELETE RESTRICT"),
        ];
        for (table, name, _) in keys {
            shop.sql(&format!("ALTER TABLE {table} {key} {name}"));
        }
        for (table, column) in columns.into_iter().chain([("reviews", "user_id")]) {
            shop.sql(&match backend {
                Backend::Postgres => {
                    format!("ALTER TABLE {table} ALTER {column} DROP DEFAULT, ALTER {column} TYPE {kind}")
                }
                _ => format!("ALTER TABLE {table} MODIFY {column} {kind} NOT NULL"),
            });
        }
        for (table, name, definition) in keys {
            shop.sql(&format!("ALTER TABLE {table} ADD CONSTRAINT {name} FOREIGN KEY {definition}"));
        }
        repair_all(&shop, "ids");
        let joined = "SELECT COUNT(*) FROM reviews r JOIN users u ON u.id = r.user_id LEFT JOIN orders o ON o.user_id = u.id \
                      LEFT JOIN order_items i ON i.order_id = o.id";
        assert_eq!(shop.number(joined), 3);
        let schema = format!("{:?}", shop.schema());
        for (_, name, _) in keys {
            assert!(schema.contains(name), "{name}: {schema}");
        }
        assert!(schema.contains("ON DELETE CASCADE"), "the other program's foreign key is as it was");
    }
}

#[test]
fn columns_with_checks_of_their_own_are_put_right_on_mariadb() {
    let Some(shop) = Shop::migrated(Backend::MariaDb) else { return };
    fill(&shop);
    for drift in [
        "ALTER TABLE audit_events MODIFY `before` json",
        "ALTER TABLE audit_events MODIFY `before` json NOT NULL DEFAULT '{}' CHECK (json_valid(`before`))",
        "ALTER TABLE audit_events MODIFY `before` mediumtext CHARACTER SET latin1, MODIFY `after` longblob",
        "ALTER TABLE users MODIFY first_name varchar(100) NOT NULL CHECK (first_name <> 'x')",
        "ALTER TABLE users ADD SYSTEM VERSIONING; ALTER TABLE users DROP INDEX idx_users_status, DROP CONSTRAINT ck_users_status",
    ] {
        if drift.contains("NOT NULL DEFAULT '{}'") {
            shop.sql("UPDATE audit_events SET `before` = '{}' WHERE `before` IS NULL");
        }
        shop.sql(drift);
        assert!(!findings(&shop).is_empty(), "{drift} is not seen");
        repair_all(&shop, drift);
    }
    shop.run(&["audit", "list"]).success();
}

#[test]
fn tables_with_earlier_versions_of_rows_are_repaired_and_keep_them() {
    let Some(shop) = Shop::migrated(Backend::MariaDb) else { return };
    fill(&shop);
    shop.sql("ALTER TABLE users ADD SYSTEM VERSIONING");
    shop.run(&["migrate", "verify"]).success().says("ignored, as other programs': system versioning of table users");
    shop.sql("UPDATE users SET first_name = 'Ann' WHERE first_name = 'ann'");
    for drift in [
        "ALTER TABLE users DROP CONSTRAINT ck_users_status",
        "ALTER TABLE users RENAME COLUMN first_name TO fname, DROP COLUMN last_name",
        "ALTER TABLE users MODIFY first_name text",
    ] {
        shop.sql(&format!("SET system_versioning_alter_history = KEEP; {drift}"));
        repair_all(&shop, drift);
    }
    assert_eq!(shop.number("SELECT COUNT(*) FROM users FOR SYSTEM_TIME ALL"), 3);
}

#[test]
fn what_keeps_postgres_from_storing_what_it_should_is_named() {
    let Some(shop) = Shop::migrated(Backend::Postgres) else { return };
    fill(&shop);
    for (drift, object) in [
        (
            "ALTER TABLE order_refund_lines SET UNLOGGED; ALTER TABLE order_refunds SET UNLOGGED; \
             ALTER TABLE order_items SET UNLOGGED; ALTER TABLE orders SET UNLOGGED",
            "unlogged storage of table orders",
        ),
        (
            "ALTER TABLE orders DISABLE TRIGGER ALL; ALTER TABLE users DISABLE TRIGGER ALL",
            "constraint fk_orders_user_id on orders",
        ),
        ("CREATE RULE nothing AS ON INSERT TO users DO INSTEAD NOTHING", "rule nothing on users"),
        (
            "CREATE RULE told AS ON UPDATE TO products WHERE new.price > 100 DO INSTEAD NOTHING; \
             ALTER TABLE products ALTER stock_quantity TYPE bigint",
            "rule told on products",
        ),
    ] {
        shop.sql(drift);
        let found = findings(&shop);
        assert!(found.iter().any(|one| one["object"] == object), "{drift}: {found:#?}");
        repair_all(&shop, drift);
    }
    shop.sql("ALTER TABLE users ALTER created_at TYPE timestamp USING created_at AT TIME ZONE 'UTC'");
    shop.sql("CREATE RULE also AS ON UPDATE TO users WHERE new.created_at > old.created_at DO ALSO DELETE FROM shopctl_seed_rows WHERE false");
    repair_all(&shop, "the type under a rule");
    shop.run(&["migrate", "verify"]).success().says("ignored, as other programs': rule also on users");
}

#[test]
fn row_level_security_that_hides_rows_from_shopctl_is_named() {
    let Some(shop) = Shop::migrated(Backend::Postgres) else { return };
    fill(&shop);
    let name = shop.database_name();
    shop.sql(&format!("CREATE ROLE owner_{name} LOGIN CREATEDB; ALTER DATABASE {name} OWNER TO owner_{name}"));
    let tables = shop.column("SELECT CAST(tablename AS text) FROM pg_tables WHERE schemaname = 'public'");
    tables.iter().for_each(|table| shop.sql(&format!("ALTER TABLE {table} OWNER TO owner_{name}")));
    let (_, place) = shop.url.rsplit_once('@').expect("a user");
    let owner = shop.with_url(format!("postgres://owner_{name}@{place}"));
    shop.sql("ALTER TABLE users ENABLE ROW LEVEL SECURITY");
    owner.run(&["migrate", "verify"]).success();
    shop.sql("ALTER TABLE users FORCE ROW LEVEL SECURITY");
    let found = findings(&owner);
    assert_eq!(found[0]["object"], "row level security of table users", "{found:#?}");
    repair_all(&owner, "row level security");
    assert_eq!(owner.number("SELECT COUNT(*) FROM users"), 2);
    shop.sql(
        "CREATE POLICY own ON users FOR SELECT TO PUBLIC USING (created_at < now()); \
         ALTER TABLE users ALTER created_at DROP DEFAULT",
    );
    repair_all(&owner, "the default");
    assert_eq!(owner.number("SELECT COUNT(*) FROM pg_policies WHERE policyname = 'own'"), 1);
}

#[test]
fn times_that_another_program_left_without_a_zone_are_read_in_the_one_that_is_said() {
    let Some(shop) = Shop::migrated(Backend::Postgres) else { return };
    shop.user("ann");
    let at = "SELECT CAST(created_at AT TIME ZONE 'UTC' AS text) FROM users";
    for (zone, read) in [(&[][..], "2026-01-31 10:00:00"), (&["--tz", "+02:00"], "2026-01-31 08:00:00")] {
        shop.sql("ALTER TABLE users ALTER COLUMN created_at TYPE timestamp, ALTER COLUMN updated_at TYPE timestamp");
        shop.sql("UPDATE users SET created_at = '2026-01-31 10:00:00'");
        let run = shop.run(&[&["migrate", "verify"], zone].concat()).exits_with(9);
        let told = run.stderr.contains("read times without a zone as UTC") && run.stderr.contains("verify --tz +02:00");
        assert_eq!(told, zone.is_empty(), "{run}");
        let items = shop.run(&[&["migrate", "verify", "--json"], zone].concat()).json()["items"].clone();
        for item in items.as_array().expect("a list") {
            shop.sql(item["repair"].as_str().expect("a statement"));
        }
        shop.run(&["migrate", "verify"]).success();
        assert_eq!(shop.column(at), [read]);
    }
    let run = shop.run(&["migrate", "verify", "--tz", "Europe/Berlin"]).exits_with(7);
    run.says("changes its clocks: give an offset such as +02:00");
}
