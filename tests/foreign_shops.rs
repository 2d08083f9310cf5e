//! Whole shops that other programs made, taken over by `shopctl adopt`.

use crate::on_every_backend;
use crate::support::{Backend, Run, Shop};

on_every_backend!(
    a_shop_as_sequelize_sync_makes_it_is_taken_over,
    a_shop_as_the_documents_migrations_make_it_is_taken_over,
    values_that_do_not_fit_stop_everything_and_are_named,
    times_and_amounts_in_other_forms_keep_their_values,
    times_that_do_not_exist_are_refused,
    what_would_not_follow_converted_tables_is_named_first,
    the_printed_script_takes_a_shop_over,
    a_shop_without_history_is_taken_over_as_it_is,
    checks_of_a_shop_that_is_not_taken_over_say_so,
    constraints_of_the_application_that_go_are_named_first
);

/// Two users, a product and an order with one line.
pub const USER: &str = "550e8400-e29b-41d4-a716-446655440000";
pub const OTHER_USER: &str = "550e8400-e29b-41d4-a716-44665544000a";
pub const PRODUCT: &str = "11111111-2222-4333-8444-555555555555";
pub const ORDER: &str = "66666666-7777-4888-9999-aaaaaaaaaaaa";
pub const LINE: &str = "bbbbbbbb-cccc-4ddd-8eee-ffffffffffff";

/// An empty database of this backend, with these statements run in it.
pub fn made_by_others(shop: &Shop, statements: &[String]) -> Shop {
    let made = Shop::empty(shop.backend).expect("the same backend");
    if shop.backend == Backend::Sqlite {
        made.file("shop.db", "");
    }
    statements.iter().for_each(|statement| made.sql(statement));
    made
}

/// As `sequelize.sync()` makes the models without `underscored`: names in camel case, text ids in upper case here and
/// there, a time without a default, floats for money.
pub fn sequelize(backend: Backend) -> Vec<String> {
    let (id, time, float, quote) = match backend {
        Backend::Postgres => ("UUID", "TIMESTAMP WITH TIME ZONE", "DOUBLE PRECISION", '"'),
        Backend::MariaDb => ("CHAR(36) BINARY", "DATETIME", "DOUBLE PRECISION", '`'),
        Backend::Sqlite => ("UUID", "DATETIME", "DOUBLE PRECISION", '`'),
    };
    let at = match backend {
        Backend::MariaDb => "2025-01-31 10:00:00",
        _ => "2025-01-31 10:00:00.123 +00:00",
    };
    [
        format!(
            "CREATE TABLE users (id {id} NOT NULL PRIMARY KEY, email VARCHAR(255) NOT NULL UNIQUE, \
             passwordHash VARCHAR(255) NOT NULL, firstName VARCHAR(100) NOT NULL, lastName VARCHAR(100) NOT NULL, \
             phone VARCHAR(32), createdAt {time} NOT NULL, updatedAt {time} NOT NULL)"
        ),
        format!(
            "CREATE TABLE products (id {id} NOT NULL PRIMARY KEY, name VARCHAR(255) NOT NULL, description TEXT, \
             price {float} NOT NULL, stockQuantity INTEGER NOT NULL DEFAULT 0, createdAt {time} NOT NULL, \
             updatedAt {time} NOT NULL)"
        ),
        format!(
            "CREATE TABLE orders (id {id} NOT NULL PRIMARY KEY, userId {id}, status VARCHAR(255) DEFAULT 'pending', \
             totalAmount {float}, createdAt {time} NOT NULL, updatedAt {time} NOT NULL, \
             FOREIGN KEY (userId) REFERENCES users (id) ON DELETE SET NULL ON UPDATE CASCADE)"
        ),
        format!(
            "CREATE TABLE OrderItems (id {id} NOT NULL PRIMARY KEY, orderId {id}, productId {id}, \
             quantity INTEGER NOT NULL, unitPrice {float} NOT NULL, \
             FOREIGN KEY (orderId) REFERENCES orders (id) ON DELETE CASCADE, \
             FOREIGN KEY (productId) REFERENCES products (id) ON DELETE CASCADE)"
        ),
        "CREATE TABLE SequelizeMeta (name VARCHAR(255) NOT NULL PRIMARY KEY)".to_owned(),
        "INSERT INTO SequelizeMeta VALUES ('20250131000001-create-users.js')".to_owned(),
        "CREATE INDEX users_phone ON users (phone)".to_owned(),
        format!("INSERT INTO users VALUES ('{USER}', 'ada@example.com', 'x', 'Ada', 'L', '123', '{at}', '{at}')"),
        format!(
            "INSERT INTO users VALUES ('{}', 'ben@example.com', 'x', 'Ben', 'M', NULL, '{at}', '{at}')",
            OTHER_USER.to_uppercase()
        ),
        format!("INSERT INTO products VALUES ('{PRODUCT}', 'Mug', 'Blue', 9.5, 7, '{at}', '{at}')"),
        format!(
            "INSERT INTO orders VALUES ('{ORDER}', '{}', 'pending', 19.0, '{at}', '{at}')",
            OTHER_USER.to_uppercase()
        ),
        format!("INSERT INTO OrderItems VALUES ('{LINE}', '{ORDER}', '{PRODUCT}', 2, 9.5)"),
    ]
    .map(|statement| quoted(&statement, quote))
    .to_vec()
}

/// Names in camel case have to be quoted on PostgreSQL.
fn quoted(statement: &str, quote: char) -> String {
    let names = [
        "passwordHash",
        "firstName",
        "lastName",
        "createdAt",
        "updatedAt",
        "stockQuantity",
        "userId",
        "totalAmount",
        "OrderItems",
        "orderId",
        "productId",
        "unitPrice",
        "SequelizeMeta",
    ];
    names.iter().fold(statement.to_owned(), |text, name| text.replace(name, &format!("{quote}{name}{quote}")))
}

/// As the original document's migrations make it: the four tables, snake case, no zone.
pub fn document(backend: Backend) -> Vec<String> {
    let (id, time) = match backend {
        Backend::Postgres => ("uuid PRIMARY KEY DEFAULT gen_random_uuid()", "timestamp DEFAULT CURRENT_TIMESTAMP"),
        Backend::MariaDb => ("char(36) PRIMARY KEY DEFAULT uuid()", "datetime DEFAULT CURRENT_TIMESTAMP"),
        Backend::Sqlite => ("text PRIMARY KEY", "timestamp DEFAULT CURRENT_TIMESTAMP"),
    };
    let own = if backend == Backend::Postgres { "uuid" } else { "char(36)" };
    [
        format!(
            "CREATE TABLE users (id {id}, email varchar(255) UNIQUE NOT NULL, password_hash varchar(255) NOT NULL, \
             first_name varchar(100) NOT NULL, last_name varchar(100) NOT NULL, created_at {time}, updated_at {time})"
        ),
        "CREATE INDEX idx_users_email ON users (email)".to_owned(),
        format!(
            "CREATE TABLE products (id {id}, name varchar(255) NOT NULL, description text, \
             price decimal(10, 2) NOT NULL CHECK (price >= 0), \
             stock_quantity integer NOT NULL DEFAULT 0 CHECK (stock_quantity >= 0), created_at {time}, updated_at {time})"
        ),
        "CREATE INDEX idx_products_name ON products (name)".to_owned(),
        format!(
            "CREATE TABLE orders (id {id}, user_id {own} NOT NULL, status varchar(20) NOT NULL DEFAULT 'pending', \
             total_amount decimal(10, 2), created_at {time}, updated_at {time}, \
             FOREIGN KEY (user_id) REFERENCES users (id))"
        ),
        format!(
            "CREATE TABLE order_items (id {id}, order_id {own} NOT NULL, product_id {own} NOT NULL, \
             quantity integer NOT NULL, unit_price decimal(10, 2) NOT NULL, \
             FOREIGN KEY (order_id) REFERENCES orders (id), FOREIGN KEY (product_id) REFERENCES products (id))"
        ),
        format!(
            "INSERT INTO users (id, email, password_hash, first_name, last_name, created_at) VALUES \
             ('{USER}', 'ada@example.com', 'x', 'Ada', 'L', '2025-01-31 10:00:00'), \
             ('{OTHER_USER}', 'ben@example.com', 'x', 'Ben', 'M', NULL)"
        ),
        format!(
            "INSERT INTO products (id, name, price, stock_quantity, created_at) VALUES \
             ('{PRODUCT}', 'Mug', 9.50, 7, '2025-01-31 10:00:00')"
        ),
        format!(
            "INSERT INTO orders (id, user_id, created_at) VALUES ('{ORDER}', '{OTHER_USER}', '2025-01-31 10:00:00')"
        ),
        format!(
            "INSERT INTO order_items (id, order_id, product_id, quantity, unit_price) VALUES \
             ('{LINE}', '{ORDER}', '{PRODUCT}', 2, 9.50)"
        ),
    ]
    .to_vec()
}

pub fn assert_taken_over(made: &Shop) {
    made.run(&["migrate", "status", "--check"]).success();
    made.run(&["migrate", "verify"]).success();
    made.run(&["doctor", "--deep"]).success();
    let ids = made.run(&["user", "list", "-o", "id"]).success().stdout;
    assert!(ids.contains(USER) && ids.contains(OTHER_USER), "{ids}");
    let orders = made.run(&["order", "list", "--json"]).success();
    assert_eq!(orders.json()["items"].as_array().map(Vec::len), Some(1), "{orders}");
    assert!(orders.stdout.contains("2025-01-31T10:00:00"), "{orders}");
    assert_eq!(made.number("SELECT COUNT(*) FROM order_items i JOIN orders o ON o.id = i.order_id JOIN products p ON p.id = i.product_id"), 1);
    assert_eq!(made.number("SELECT SUM(stock_quantity) FROM products"), 7);
    let everything = made.everything();
    made.run(&["adopt", "--yes"]).success();
    assert!(made.everything() == everything, "running it again changes nothing");
}

/// Nothing but the schema and the rows that were there.
pub fn fingerprint(made: &Shop) -> (shopctl::db::schema::Schema, Vec<String>) {
    (made.schema(), made.column("SELECT email FROM users ORDER BY 1"))
}

fn a_shop_as_sequelize_sync_makes_it_is_taken_over(shop: &Shop) {
    let made = made_by_others(shop, &sequelize(shop.backend));
    for command in [&["migrate", "status"][..], &["migrate", "up"], &["doctor"]] {
        let run: Run = made.run(command);
        assert!(format!("{}{}", run.stdout, run.stderr).contains("shopctl adopt"), "{run}");
    }
    let before = fingerprint(&made);
    let dry = made.run(&["adopt", "--dry-run"]).success();
    assert!(dry.stderr.contains("createdAt renamed to created_at"), "{dry}");
    assert!(fingerprint(&made) == before, "a dry run changes nothing");
    made.run(&["adopt"]).exits_with(11);
    assert!(fingerprint(&made) == before, "nothing without an answer");
    made.run(&["adopt", "--yes"]).success();
    assert_taken_over(&made);
    assert_eq!(made.column("SELECT phone FROM users WHERE phone IS NOT NULL"), ["123"]);
    let quote = if shop.backend == Backend::MariaDb { '`' } else { '"' };
    assert_eq!(made.number(&format!("SELECT COUNT(*) FROM {quote}SequelizeMeta{quote}")), 1);
}

fn a_shop_as_the_documents_migrations_make_it_is_taken_over(shop: &Shop) {
    let made = made_by_others(shop, &document(shop.backend));
    made.run(&["adopt", "--yes", "--fix-totals"]).success();
    assert_taken_over(&made);
    let other = made_by_others(shop, &document(shop.backend));
    other.run(&["adopt", "--yes", "--fix-totals", "--tz", "+02:00"]).success();
    let users = other.run(&["user", "show", "ada@example.com", "--json"]).success();
    assert!(users.stdout.contains("2025-01-31T08:00:00"), "{users}");
}

fn values_that_do_not_fit_stop_everything_and_are_named(shop: &Shop) {
    let hostile: &[(&str, &str)] = &[
        ("UPDATE products SET price = 9.505", "price"),
        ("UPDATE products SET price = -1", "price"),
        ("UPDATE orders SET status = 'PENDING'", "status"),
        ("UPDATE orders SET status = 'lost in the post'", "status"),
    ];
    for (statement, column) in hostile {
        let made = made_by_others(shop, &sequelize(shop.backend));
        made.sql(statement);
        let before = fingerprint(&made);
        let run = made.run(&["adopt", "--yes"]).exits_with(9);
        assert!(run.stderr.contains(column), "{statement}: {run}");
        let id = if statement.contains("products") { PRODUCT } else { ORDER };
        assert!(run.stderr.contains(id), "{statement}: {run}");
        if statement.contains("'PENDING'") {
            assert!(run.stderr.contains("hint: UPDATE"), "{run}");
        }
        assert!(fingerprint(&made) == before, "{statement}: nothing was changed");
    }
    let made = made_by_others(shop, &sequelize(shop.backend));
    if shop.backend != Backend::Postgres {
        made.sql("UPDATE users SET id = 'not-an-id' WHERE email = 'ada@example.com'");
        made.run(&["adopt", "--yes"]).exits_with(9).says("not-an-id");
    }
}

/// The document's shop with times as texts and as numbers, and prices as floats.
fn in_other_forms(shop: &Shop) -> Shop {
    let made = made_by_others(shop, &document(shop.backend));
    let changes: &[&str] = match shop.backend {
        Backend::Postgres => &[
            "ALTER TABLE users ALTER created_at DROP DEFAULT, ALTER updated_at DROP DEFAULT",
            "ALTER TABLE users ALTER created_at TYPE varchar(40), ALTER updated_at TYPE bigint USING 0",
            "ALTER TABLE products ALTER price TYPE real",
        ],
        Backend::MariaDb => &[
            "UPDATE users SET updated_at = NULL",
            "ALTER TABLE users MODIFY created_at varchar(40), MODIFY updated_at bigint",
            "ALTER TABLE products MODIFY price float",
        ],
        Backend::Sqlite => &[],
    };
    changes.iter().for_each(|statement| made.sql(statement));
    made
}

fn times_and_amounts_in_other_forms_keep_their_values(shop: &Shop) {
    let made = in_other_forms(shop);
    made.sql("UPDATE products SET price = 12.35");
    made.sql("UPDATE users SET created_at = '2024-01-01', updated_at = 1704103200 WHERE email = 'ada@example.com'");
    made.sql(
        "UPDATE users SET created_at = '2024-01-01 10:00:00.5', updated_at = 1704103200000 WHERE email = 'ben@example.com'",
    );
    made.sql(
        "INSERT INTO users (id, email, password_hash, first_name, last_name, created_at, updated_at) VALUES \
         ('550e8400-e29b-41d4-a716-44665544000c', 'cy@example.com', 'x', 'Cy', 'N', '2024-01-01T10:00:00Z', 1704103200123)",
    );
    made.run(&["adopt", "--yes", "--tz", "+02:00"]).success();
    let times = |email: &str| {
        let user = made.run(&["user", "show", email, "--json"]).success().json();
        [
            user["created_at"].as_str().expect("a time").to_owned(),
            user["updated_at"].as_str().expect("a time").to_owned(),
        ]
    };
    for (email, created, updated) in [
        ("ada@example.com", "2023-12-31T22:00:00", "2024-01-01T10:00:00"),
        ("ben@example.com", "2024-01-01T08:00:00.5", "2024-01-01T10:00:00"),
        ("cy@example.com", "2024-01-01T10:00:00", "2024-01-01T10:00:00.123"),
    ] {
        let [found_created, found_updated] = times(email);
        assert!(found_created.starts_with(created), "{email}: {found_created}, not {created}");
        assert!(found_updated.starts_with(updated), "{email}: {found_updated}, not {updated}");
    }
    let products = made.run(&["product", "list", "--json"]).success();
    assert_eq!(products.json()["items"][0]["price"], "12.35", "{products}");
}

fn times_that_do_not_exist_are_refused(shop: &Shop) {
    for time in ["2024-02-30 10:00:00", "2023-02-29", "2024-01-01 24:00:00"] {
        let made = in_other_forms(shop);
        made.sql(&format!("UPDATE users SET created_at = '{time}', updated_at = NULL WHERE email = 'ada@example.com'"));
        made.run(&["adopt", "--yes"]).exits_with(9).says(time).says(USER);
    }
}

fn what_would_not_follow_converted_tables_is_named_first(shop: &Shop) {
    let made = made_by_others(shop, &document(shop.backend));
    let (others, removal) = match shop.backend {
        Backend::Sqlite => {
            made.sql("CREATE VIEW newest AS SELECT email, created_at FROM users");
            made.run(&["adopt", "--yes", "--fix-totals"]).success();
            assert_eq!(made.column("SELECT email FROM newest WHERE email LIKE 'ada%'"), ["ada@example.com"]);
            return assert_taken_over(&made);
        }
        Backend::Postgres => {
            (["CREATE VIEW newest AS SELECT email, created_at FROM users"].as_slice(), ["DROP VIEW \"newest\""].as_slice())
        }
        Backend::MariaDb => (
            [
                "CREATE TABLE addresses (user_id char(36) NOT NULL, CONSTRAINT of_user FOREIGN KEY (user_id) REFERENCES users (id))",
                "CREATE TRIGGER counted AFTER INSERT ON orders FOR EACH ROW SET @counted = 1",
            ]
            .as_slice(),
            ["ALTER TABLE `addresses` DROP CONSTRAINT `of_user`", "DROP TRIGGER `counted`"].as_slice(),
        ),
    };
    others.iter().for_each(|statement| made.sql(statement));
    let before = fingerprint(&made);
    for arguments in [&["adopt", "--yes", "--fix-totals"][..], &["adopt", "--dry-run"], &["adopt", "--sql"]] {
        let run = made.run(arguments).exits_with(6);
        removal.iter().for_each(|statement| assert!(run.stderr.contains(statement), "{statement}: {run}"));
        assert!(fingerprint(&made) == before, "nothing was changed");
    }
    removal.iter().for_each(|statement| made.sql(statement));
    made.run(&["adopt", "--yes", "--fix-totals"]).success();
    assert_taken_over(&made);
}

fn the_printed_script_takes_a_shop_over(shop: &Shop) {
    let made = made_by_others(shop, &sequelize(shop.backend));
    let before = fingerprint(&made);
    let script = made.run(&["adopt", "--sql"]).success().stdout;
    assert!(fingerprint(&made) == before, "printing changes nothing");
    made.sql(&script);
    made.run(&["adopt", "--yes"]).success();
    assert_taken_over(&made);
}

fn a_shop_without_history_is_taken_over_as_it_is(shop: &Shop) {
    shop.user("ann");
    for table in ["seaql_migrations", "shopctl_migration_runs", "shopctl_settings", "shopctl_leases"] {
        shop.sql(&format!("DROP TABLE {table}"));
    }
    for table in [
        "order_items",
        "orders",
        "stock_movements",
        "audit_events",
        "audit_seals",
        "shopctl_seeds",
        "shopctl_seed_rows",
    ] {
        shop.sql(&format!("DROP TABLE {table}"));
    }
    shop.run(&["migrate", "up"]).exits_with(9).says("shopctl adopt");
    shop.run(&["adopt", "--yes"]).success();
    shop.run(&["migrate", "verify"]).success();
    shop.run(&["user", "show", "ann@example.com"]).success();
}

/// Django, SQLAlchemy and Peewee write 32 digits, programs in Rust and Pony 16 bytes, .NET upper case: each finds its
/// rows by the form that it writes, and no others.
#[test]
fn a_program_on_sqlite_still_finds_rows_by_the_form_of_its_ids() {
    for (form, own) in [
        ("32 hexadecimal digits", "replace(lower(ID), '-', '')"),
        ("36 upper-case characters", "upper(ID)"),
        ("16 bytes", "unhex(replace(ID, '-', ''))"),
    ] {
        let shop = Shop::empty(Backend::Sqlite).expect("always there");
        let made = made_by_others(&shop, &document(Backend::Sqlite));
        let columns = ["users.id", "products.id", "orders.id", "orders.user_id", "order_items.id"];
        let columns = [&columns[..], &["order_items.order_id", "order_items.product_id"]].concat();
        let changes = columns.iter().map(|column| {
            let (table, column) = column.split_once('.').expect("a column of a table");
            format!("UPDATE {table} SET {column} = {}", own.replace("ID", column))
        });
        made.sql(&format!("PRAGMA foreign_keys = OFF; {}", changes.collect::<Vec<_>>().join("; ")));
        let run = made.run(&["adopt", "--yes", "--fix-totals"]).success();
        assert!(run.stderr.contains(form), "{run}");
        assert_taken_over(&made);

        made.user("ann");
        made.product("MUG", "12.50", 10);
        let items = ["--item", "MUG:2", "--item", PRODUCT];
        let order = made.run(&[&["order", "create", "--user", USER, "--json"], &items[..]].concat()).success();
        let order = order.json()["id"].as_str().expect("text").to_owned();
        made.run(&["order", "pay", &order]).success();
        made.run(&["order", "refund", &order, "--yes"]).success();
        made.file("o.csv", "reference,user,sku,quantity\nNEW-1,ann@example.com,MUG,1\n");
        made.run(&["order", "import", "o.csv"]).success();
        for command in [&["audit", "verify"][..], &["stock", "verify"]] {
            made.run(command).success();
        }
        let deep = made.run(&["doctor", "--deep"]).success();
        assert!(deep.stdout.contains(&format!("no ids in another form than {form}")), "{deep}");
        for column in [&columns[..], &["stock_movements.id", "stock_movements.order_id", "audit_events.id"]].concat() {
            let (table, column) = column.split_once('.').expect("a column of a table");
            let own = own.replace("ID", &format!("({})", id_as_text(column)));
            let others = format!("SELECT COUNT(*) FROM {table} WHERE {column} IS NOT NULL AND {column} IS NOT {own}");
            assert_eq!(made.number(&others), 0, "{form}: {table}.{column}");
        }
        let found = format!("SELECT COUNT(*) FROM orders WHERE id = {}", own.replace("ID", &format!("'{order}'")));
        assert_eq!(made.number(&found), 1, "{form}: the program finds what shopctl placed");
    }
}

/// 36 lower-case characters, whatever form the id has.
fn id_as_text(column: &str) -> String {
    let digits = format!("replace(lower(iif(typeof({column}) = 'blob', hex({column}), {column})), '-', '')");
    let part = |from: u8, length: u8| format!("substr({digits}, {from}, {length})");
    [part(1, 8), part(9, 4), part(13, 4), part(17, 4), part(21, 12)].join(" || '-' || ")
}

fn checks_of_a_shop_that_is_not_taken_over_say_so(shop: &Shop) {
    let made = made_by_others(shop, &sequelize(shop.backend));
    for (arguments, code) in
        [(["migrate", "verify"], 9), (["audit", "verify"], 4), (["stock", "verify"], 4), (["order", "list"], 4)]
    {
        let run = made.run(&arguments).exits_with(code);
        let run = run.says("another program made the tables users, products, orders").says("shopctl adopt");
        assert!(!run.stderr.contains("migrate up"), "{run}");
    }
    made.run(&["adopt", "--yes"]).success();
    made.run(&["migrate", "verify"]).success();
}

/// As fixtures have them.
#[test]
fn ids_without_letters_are_in_the_form_of_shopctl() {
    let shop = Shop::empty(Backend::Sqlite).expect("always there");
    let made = made_by_others(&shop, &document(Backend::Sqlite));
    made.sql("DELETE FROM order_items; DELETE FROM orders; DELETE FROM users WHERE email <> 'ada@example.com'");
    made.sql("UPDATE users SET id = '00000000-0000-4000-8000-000000000001'");
    made.sql("UPDATE products SET id = '00000000-0000-4000-8000-000000000002'");
    made.run(&["adopt", "--yes"]).success();
    made.run(&["order", "create", "--user", "ada@example.com", "--item", "00000000-0000-4000-8000-000000000002"])
        .success();
    assert_eq!(made.number("SELECT COUNT(*) FROM orders WHERE id <> lower(id)"), 0);
}

fn constraints_of_the_application_that_go_are_named_first(shop: &Shop) {
    let mut statements = document(shop.backend);
    for statement in &mut statements {
        if statement.starts_with("CREATE TABLE orders") {
            *statement = statement.replacen("REFERENCES users (id)", "REFERENCES users (id) ON DELETE CASCADE", 1);
            assert!(statement.contains("CASCADE"), "{statement}");
        }
    }
    let made = made_by_others(shop, &statements);
    let dry = made.run(&["adopt", "--dry-run"]).success();
    assert!(dry.stderr.contains("not kept: FOREIGN KEY") && dry.stderr.contains("ON DELETE CASCADE"), "{dry}");
    made.run(&["adopt", "--yes", "--fix-totals"]).success();
    assert_taken_over(&made);
}

/// Such a trigger keeps the column from changing its type.
#[test]
fn triggers_on_converted_columns_stay_on_postgres() {
    let Some(shop) = Shop::empty(Backend::Postgres) else { return };
    let made = made_by_others(&shop, &document(Backend::Postgres));
    made.sql("CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END'");
    made.sql(
        "CREATE TRIGGER touched BEFORE UPDATE OF email, created_at ON users FOR EACH ROW \
         WHEN (new.created_at IS NOT NULL) EXECUTE FUNCTION touch()",
    );
    made.run(&["adopt", "--yes", "--fix-totals"]).success();
    assert_taken_over(&made);
    assert_eq!(made.number("SELECT COUNT(*) FROM pg_trigger WHERE tgname = 'touched'"), 1);
}

#[test]
fn an_empty_shop_on_sqlite_takes_the_form_of_ids_that_is_wanted() {
    let shop = Shop::migrated(Backend::Sqlite).expect("always there");
    shop.run(&["adopt", "--ids", "digits"]).success().says("changed");
    shop.user("ann");
    assert_eq!(shop.number("SELECT COUNT(*) FROM users WHERE length(id) = 32"), 1);
    shop.run(&["adopt", "--ids", "digits"]).success();
    shop.run(&["adopt", "--ids", "bytes"]).exits_with(6).says("32 hexadecimal digits, not 16 bytes");
    assert_eq!(shop.number("SELECT COUNT(*) FROM shopctl_settings WHERE value = 'digits'"), 1);

    let empty = Shop::empty(Backend::Sqlite).expect("always there");
    let made = made_by_others(&empty, &document(Backend::Sqlite));
    made.run(&["adopt", "--yes", "--ids", "bytes"]).exits_with(6).says("there are ids already");
    made.sql("DELETE FROM order_items; DELETE FROM orders; DELETE FROM users; DELETE FROM products");
    made.run(&["adopt", "--yes", "--ids", "bytes"]).success();
    made.user("ann");
    assert_eq!(made.number("SELECT COUNT(*) FROM users WHERE typeof(id) = 'blob'"), 1);

    let Some(server) = Shop::migrated(Backend::Postgres) else { return };
    server.run(&["adopt", "--ids", "digits"]).exits_with(2).says("has a type for ids");
}

#[test]
fn a_column_that_is_computed_of_a_converted_one_is_named_first_on_postgres() {
    let Some(shop) = Shop::empty(Backend::Postgres) else { return };
    let made = made_by_others(&shop, &document(Backend::Postgres));
    made.sql("ALTER TABLE users ADD COLUMN day date GENERATED ALWAYS AS (created_at::date) STORED");
    for arguments in [&["adopt", "--dry-run"][..], &["adopt", "--yes"]] {
        made.run(arguments).exits_with(6).says("column day of table users").says("DROP COLUMN \"day\"");
    }
    made.sql("ALTER TABLE users DROP COLUMN \"day\"");
    made.run(&["adopt", "--yes", "--fix-totals"]).success();
    assert_taken_over(&made);
}
