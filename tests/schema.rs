//! Reading and comparing the schema: each kind of drift is one difference, and each suggested repair
//! works.

use sea_orm::ConnectionTrait;
use shopctl::db::schema::{Difference, ObjectKind, differences, removable, row_counts_of_present, tables};
use shopctl::db::target::Engine;

use crate::on_every_backend;
use crate::support::shop::block_on;
use crate::support::{Backend, Shop};

on_every_backend!(
    each_kind_of_drift_is_one_difference,
    a_changed_trigger_of_the_shop_is_a_difference,
    removal_keeps_excluded_objects,
    rows_are_counted_up_to_a_limit
);

fn engine(shop: &Shop) -> Engine {
    match shop.backend {
        Backend::Sqlite => Engine::Sqlite,
        Backend::Postgres => Engine::Postgres,
        Backend::MariaDb => Engine::Mysql,
    }
}

fn run(shop: &Shop, statements: &str) {
    statements.split("; ").for_each(|statement| shop.sql(statement));
}

const SQLITE: &str = "\
    CREATE TABLE extra (id int) | added table extra
    DROP INDEX idx_users_status | missing index idx_users_status on users
    CREATE INDEX more ON users (last_name) | added index more on users
    DROP INDEX idx_users_email; CREATE INDEX idx_users_email ON users (email) | changed index idx_users_email on users
    ALTER TABLE users ADD COLUMN age int | added column users.age
    CREATE VIEW seen AS SELECT 1 AS one | added view seen
    CREATE TRIGGER t AFTER INSERT ON users BEGIN SELECT 1; END | added trigger t on users";

const POSTGRES: &str = "\
    CREATE TABLE extra (id int) | added table extra
    DROP TABLE shopctl_seed_rows | missing table shopctl_seed_rows
    DROP INDEX idx_users_status | missing index idx_users_status on users
    CREATE INDEX more ON users (last_name) | added index more on users
    DROP INDEX idx_users_email; CREATE INDEX idx_users_email ON users (email) | changed index idx_users_email on users
    ALTER TABLE users ADD COLUMN age int | added column users.age
    ALTER TABLE products DROP COLUMN description | missing column products.description
    ALTER TABLE products ALTER COLUMN stock_quantity TYPE bigint | changed column products.stock_quantity
    ALTER TABLE products ALTER COLUMN name TYPE varchar(40) COLLATE \"C\" | changed column products.name
    ALTER TABLE products ALTER COLUMN name TYPE varchar(255) COLLATE \"POSIX\" | changed column products.name
    ALTER TABLE products ALTER COLUMN name DROP NOT NULL | changed column products.name
    ALTER TABLE products ALTER COLUMN description SET NOT NULL | changed column products.description
    ALTER TABLE products ALTER COLUMN stock_quantity DROP DEFAULT | changed column products.stock_quantity
    ALTER TABLE products ALTER COLUMN stock_quantity SET DEFAULT 7 | changed column products.stock_quantity
    ALTER TABLE products ALTER COLUMN price SET DEFAULT 7 | changed column products.price
    ALTER TABLE products DROP CONSTRAINT ck_products_price | missing constraint ck_products_price on products
    ALTER TABLE products ADD CONSTRAINT more CHECK (price < 1000) | added constraint more on products
    ALTER TABLE order_items DROP CONSTRAINT fk_order_items_order_id | missing constraint fk_order_items_order_id on order_items
    ALTER TABLE products DROP CONSTRAINT uq_products_sku | missing constraint uq_products_sku on products
    ALTER TABLE stock_movements DROP CONSTRAINT pk_stock_movements | missing constraint pk_stock_movements on stock_movements
    CREATE VIEW seen AS SELECT 1 AS one | added view seen
    CREATE SEQUENCE numbers | added sequence numbers
    CREATE TYPE mood AS ENUM ('fine', 'it''s') | added type mood";

const MARIADB: &str = "\
    CREATE TABLE extra (id int) | added table extra
    DROP TABLE shopctl_seed_rows | missing table shopctl_seed_rows
    DROP INDEX idx_users_status ON users | missing index idx_users_status on users
    CREATE INDEX more ON users (last_name) | added index more on users
    DROP INDEX idx_users_email ON users; CREATE INDEX idx_users_email ON users (email) | changed index idx_users_email on users
    ALTER TABLE users ADD COLUMN age int | added column users.age
    ALTER TABLE products DROP COLUMN description | missing column products.description
    ALTER TABLE products MODIFY COLUMN stock_quantity bigint NOT NULL DEFAULT 0 | changed column products.stock_quantity
    ALTER TABLE products MODIFY COLUMN name varchar(40) NOT NULL | changed column products.name
    ALTER TABLE products MODIFY COLUMN name varchar(255) COLLATE utf8mb4_general_ci NOT NULL | changed column products.name
    ALTER TABLE products MODIFY COLUMN name varchar(255) NULL | changed column products.name
    ALTER TABLE products MODIFY COLUMN stock_quantity int NOT NULL | changed column products.stock_quantity
    ALTER TABLE products MODIFY COLUMN created_at datetime(6) NOT NULL | changed column products.created_at
    ALTER TABLE users MODIFY COLUMN status varchar(16) NOT NULL | changed column users.status
    ALTER TABLE products DROP CONSTRAINT ck_products_price | missing constraint ck_products_price on products
    ALTER TABLE products ADD CONSTRAINT more CHECK (price < 1000) | added constraint more on products
    ALTER TABLE order_items DROP CONSTRAINT fk_order_items_order_id | missing constraint fk_order_items_order_id on order_items
    ALTER TABLE products DROP CONSTRAINT uq_products_sku | missing constraint uq_products_sku on products
    ALTER TABLE stock_movements DROP PRIMARY KEY | missing constraint PRIMARY on stock_movements
    ALTER TABLE stock_movements ENGINE = Aria | changed table stock_movements
    CREATE VIEW seen AS SELECT 1 AS one | added view seen
    CREATE SEQUENCE numbers | added sequence numbers";

fn each_kind_of_drift_is_one_difference(shop: &Shop) {
    let expected = shop.schema();
    assert!(expected.objects.len() > 100, "{}", expected.objects.len());
    assert_eq!(shop.schema(), expected, "read twice");
    let twin = Shop::migrated(shop.backend).expect("the same backend");
    assert_eq!(twin.schema(), expected, "another shop");
    let cases = match shop.backend {
        Backend::Sqlite => SQLITE,
        Backend::Postgres => POSTGRES,
        Backend::MariaDb => MARIADB,
    };
    for (change, difference) in cases.lines().map(|line| line.trim().split_once(" | ").expect("two columns")) {
        match change.starts_with("CREATE TRIGGER") {
            // One statement that contains another.
            true => shop.sql(change),
            false => run(shop, change),
        }
        let found = differences(engine(shop), &expected, &shop.schema());
        let told = |one: &Difference| format!("{} {}", one.change(), one.object);
        assert_eq!(found.iter().map(told).collect::<Vec<_>>(), [difference], "{change}");
        match &found[0].repair {
            Some(repair) => run(shop, repair),
            // Cases without a repair statement: a missing table, and what is another program's.
            None => {
                let is_table = found[0].object.kind == ObjectKind::Table;
                assert!(is_table || found[0].is_beside, "no repair after {change}");
                shop.run(&["migrate", "fresh", "--confirm", &shop.database_name()]).success();
            }
        }
        let left = differences(engine(shop), &expected, &shop.schema());
        assert!(left.is_empty(), "after {change} and {:?}: {left:?}", found[0].repair);
    }
}

/// SQLite changes these only by rebuilding the table; its rows stay.
#[test]
fn drift_that_requires_a_table_rebuild_is_detected_and_repaired() {
    let made = "CREATE TABLE t (a int CHECK (a > 0), b varchar(10) NOT NULL DEFAULT 'x', c int REFERENCES u (id), UNIQUE (a, b))";
    let with = |statement: &str| {
        let shop = Shop::empty(Backend::Sqlite).expect("always there");
        shop.file("shop.db", "");
        for statement in ["CREATE TABLE u (id int PRIMARY KEY)", "INSERT INTO u VALUES (7)", statement] {
            shop.sql(statement);
        }
        shop.sql("CREATE INDEX i ON t (b)");
        shop.sql("INSERT INTO t VALUES (5, 'five', 7)");
        shop
    };
    let expected = with(made).schema();
    for (part, other, difference) in [
        ("a int", "a text", "changed column t.a"),
        ("a > 0", "a > 1", "added constraint check (a > 1) on t"),
        ("NOT NULL", "", "changed column t.b"),
        ("'x'", "'y'", "changed column t.b"),
        ("varchar(10)", "blob", "changed column t.b"),
        ("u (id)", "u (id) ON DELETE CASCADE", "changed constraint foreign key (c) on t"),
        ("UNIQUE (a, b)", "UNIQUE (b, a)", "added constraint unique (b, a) on t"),
    ] {
        let shop = with(&made.replace(part, other));
        let found = differences(Engine::Sqlite, &expected, &shop.schema());
        let told: Vec<_> = found.iter().map(|one| format!("{} {}", one.change(), one.object)).collect();
        assert!(told.contains(&difference.to_owned()), "{other}: {told:?}");
        shop.sql(found[0].repair.as_deref().expect("a rebuilding"));
        let left = differences(Engine::Sqlite, &expected, &shop.schema());
        assert!(left.is_empty(), "{other}: {left:?}");
        assert_eq!(shop.column("SELECT b FROM t WHERE a = 5 AND c = 7"), ["five"]);
    }
    assert_eq!(with(&made.replace(", ", " ,\n -- a comment\n")).schema(), expected);
}

fn removal_keeps_excluded_objects(shop: &Shop) {
    shop.run(&["seed", "up"]).success();
    shop.sql(
        "CREATE TABLE \"order\" (id int)"
            .replace('"', if shop.backend == Backend::MariaDb { "`" } else { "\"" })
            .as_str(),
    );
    shop.sql("CREATE VIEW seen AS SELECT id FROM products");
    if shop.backend == Backend::Postgres {
        shop.sql("CREATE MATERIALIZED VIEW seen_once AS SELECT id FROM seen");
        shop.sql("CREATE DOMAIN word AS text");
        shop.sql("CREATE TYPE pair AS (a int, b word)");
        shop.sql("CREATE TABLE counted (id serial, what pair)");
    }
    block_on(async {
        let connection = shop.connect().await;
        let objects = removable(&connection, engine(shop), &["shopctl_settings"]).await.expect("readable");
        let before = engine(shop).unchecked_references.map(|(before, _)| before);
        let statements: Vec<String> =
            before.into_iter().map(str::to_owned).chain(engine(shop).removal(&objects)).collect();
        // One session, because foreign keys are disabled per session.
        connection.execute_unprepared(&statements.join("; ")).await.expect("an order that works");
        connection.close().await.expect("closes");
    });
    let left = shop.schema();
    assert!(left.objects.keys().all(|object| object.table == "shopctl_settings"), "{left:?}");
    assert!(!left.objects.is_empty());
}

fn rows_are_counted_up_to_a_limit(shop: &Shop) {
    shop.run(&["seed", "up"]).success();
    let count = |limit| {
        let counts = block_on(async {
            let connection = shop.connect().await;
            let names = tables(&connection, engine(shop), &["users"]).await.expect("readable");
            assert!(!names.contains(&"users".to_owned()), "{names:?}");
            let counts = row_counts_of_present(&connection, engine(shop), &names, limit).await.expect("readable");
            connection.close().await.expect("closes");
            counts
        });
        let (_, count, is_more) = counts.into_iter().find(|(table, ..)| table == "products").expect("counted");
        (count, is_more)
    };
    let products = shop.number("SELECT COUNT(*) FROM products").unsigned_abs();
    assert_eq!(count(products + 1), (products, false));
    assert_eq!(count(products), (products, false));
    assert_eq!(count(products - 1), (products - 1, true));
}

#[test]
fn a_repair_never_truncates_a_value() {
    for shop in [Backend::Postgres, Backend::MariaDb].into_iter().filter_map(Shop::migrated) {
        let expected = shop.schema();
        run(
            &shop,
            match shop.backend {
                Backend::Postgres => {
                    "ALTER TABLE products ALTER COLUMN description TYPE varchar(9); ALTER TABLE users ALTER COLUMN first_name TYPE text"
                }
                _ => "ALTER TABLE users MODIFY COLUMN first_name text NOT NULL",
            },
        );
        let long = "x".repeat(200);
        shop.sql(&format!(
            "INSERT INTO users (email, password_hash, first_name, last_name) VALUES ('a@example.com', '!', '{long}', 'L')"
        ));
        let found = differences(engine(&shop), &expected, &shop.schema());
        let first_name = found.iter().find(|one| one.object.name == "first_name").expect("a difference");
        let repair = first_name.repair.clone().expect("a statement");
        let refused = block_on(async {
            let connection = shop.connect().await;
            let result = connection.execute_unprepared(&repair).await;
            connection.close().await.expect("closes");
            result.is_err()
        });
        assert!(refused, "{repair}");
        assert_eq!(shop.column("SELECT first_name FROM users"), [long]);
    }
}

fn a_changed_trigger_of_the_shop_is_a_difference(shop: &Shop) {
    let create = |event: &str| match shop.backend {
        Backend::Sqlite => format!("CREATE TRIGGER own AFTER {event} ON users BEGIN SELECT 1; END"),
        Backend::Postgres => format!(
            "CREATE TRIGGER own BEFORE {event} ON users FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()"
        ),
        Backend::MariaDb => format!("CREATE TRIGGER own BEFORE {event} ON users FOR EACH ROW SET @own = 1"),
    };
    let drop = if shop.backend == Backend::Postgres { "DROP TRIGGER own ON users" } else { "DROP TRIGGER own" };
    shop.sql(&create("UPDATE"));
    let expected = shop.schema();
    for (change, difference) in [("", "missing trigger own on users"), ("DELETE", "changed trigger own on users")] {
        shop.sql(drop);
        if !change.is_empty() {
            shop.sql(&create(change));
        }
        let found = differences(engine(shop), &expected, &shop.schema());
        assert_eq!(
            found.iter().map(|one| format!("{} {}", one.change(), one.object)).collect::<Vec<_>>(),
            [difference]
        );
        shop.sql(found[0].repair.as_deref().expect("a statement"));
        assert!(differences(engine(shop), &expected, &shop.schema()).is_empty());
    }
}
