//! What the tables of another program do by themselves: constraints, triggers, computed columns.

use crate::on_every_backend;
use crate::support::foreign::{assert_taken_over, document, fingerprint, hints, made_by_others, sequelize};
use crate::support::{Backend, Shop};

on_every_backend!(
    constraints_of_the_application_that_go_are_named_first,
    a_not_null_of_the_application_that_goes_is_named_and_other_constraints_stay,
    lines_are_deleted_along_with_their_order_as_before,
    unique_indexes_of_the_application_that_go_are_named_first,
    columns_of_the_application_are_not_taken_for_missing_ones,
    triggers_that_would_keep_old_names_are_named_first,
    a_foreign_key_that_is_checked_at_commit_stays_so,
    words_of_a_list_and_numbers_have_a_repair_that_works
);

/// The document's shop, with these words of its tables replaced.
fn with_words(shop: &Shop, words: &[(&str, &str)]) -> Shop {
    let mut statements = document(shop.backend);
    for (old, new) in words {
        assert!(statements.iter().any(|statement| statement.contains(old)), "{old}");
        statements.iter_mut().for_each(|statement| *statement = statement.replace(old, new));
    }
    made_by_others(shop, &statements)
}

fn constraints_of_the_application_that_go_are_named_first(shop: &Shop) {
    let made = with_words(shop, &[("REFERENCES users (id)", "REFERENCES users (id) ON DELETE CASCADE")]);
    let dry = made.run(&["adopt", "--dry-run"]).success();
    assert!(dry.stderr.contains("not kept: FOREIGN KEY") && dry.stderr.contains("ON DELETE CASCADE"), "{dry}");
    let instead = "before deleting a row of users, the application must delete the rows of orders that refer to it";
    made.run(&["adopt", "--yes", "--fix-totals"]).success().says(instead);
    assert_taken_over(&made);
    made.run(&["user", "delete", "ben@example.com"]).exits_with(6).says("has orders and cannot be deleted");
}

fn a_not_null_of_the_application_that_goes_is_named_and_other_constraints_stay(shop: &Shop) {
    let columns = "total_amount decimal(10, 2), channel integer NOT NULL UNIQUE CHECK (channel > 0)";
    let insert = "INSERT INTO orders (id, user_id, created_at) VALUES (";
    let with_channel = "INSERT INTO orders (channel, id, user_id, created_at) VALUES (7, ";
    let made = with_words(shop, &[("total_amount decimal(10, 2)", columns), (insert, with_channel)]);
    for arguments in [&["adopt", "--dry-run"][..], &["adopt", "--yes", "--fix-totals"]] {
        let run = made.run(arguments).success();
        let told = "not kept: NOT NULL of orders.channel; the application must accept NULL in rows added by shopctl";
        assert!(run.stderr.contains(told), "{run}");
        assert_eq!(run.stderr.matches("not kept").count(), 1, "{run}");
    }
    assert_taken_over(&made);
    let schema = format!("{:?}", made.schema());
    assert!(schema.matches("channel").count() >= 3, "the column, UNIQUE and CHECK: {schema}");
    made.sql("UPDATE orders SET channel = NULL");
    assert_eq!(made.number("SELECT COUNT(*) FROM orders WHERE channel IS NULL"), 1);
}

/// As Peewee and Tortoise make them: the lines of an order that the application deletes go by themselves.
fn lines_are_deleted_along_with_their_order_as_before(shop: &Shop) {
    let made = with_words(
        shop,
        &[
            ("REFERENCES orders (id)", "REFERENCES orders (id) ON DELETE CASCADE ON UPDATE CASCADE"),
            ("REFERENCES products (id)", "REFERENCES products (id) ON UPDATE CASCADE"),
        ],
    );
    let dry = made.run(&["adopt", "--dry-run"]).success();
    assert!(!dry.stderr.contains("not kept"), "{dry}");
    made.run(&["adopt", "--yes", "--fix-totals"]).success();
    assert_taken_over(&made);
    let keys = format!("{:?}", made.schema());
    assert_eq!(keys.matches("ON UPDATE CASCADE").count(), 2 * keys.matches("ON DELETE CASCADE").count(), "{keys}");
    let events = made.number("SELECT COUNT(*) FROM audit_events");
    made.sql("DELETE FROM orders");
    assert_eq!(made.number("SELECT COUNT(*) FROM order_items"), 0);
    made.run(&["adopt", "--yes"]).success();
    assert!(made.number("SELECT COUNT(*) FROM audit_events") > events);
    for command in [&["migrate", "verify"][..], &["audit", "verify"], &["stock", "verify"], &["doctor", "--deep"]] {
        made.run(command).success();
    }
}

fn unique_indexes_of_the_application_that_go_are_named_first(shop: &Shop) {
    let made = made_by_others(shop, &document(shop.backend));
    let columns = "first_name, last_name, password_hash, created_at, updated_at, email";
    made.sql(&format!("CREATE UNIQUE INDEX one_of_each ON users ({columns})"));
    made.sql("CREATE INDEX any_of_each ON users (first_name, last_name)");
    for arguments in [&["adopt", "--dry-run"][..], &["adopt", "--yes", "--fix-totals"]] {
        let run = made.run(arguments).success();
        let told = run.stderr.lines().find(|line| line.contains("not kept: ")).unwrap_or_default();
        assert!(told.contains("UNIQUE") && told.contains("updated_at") && told.contains("email"), "in full: {run}");
        assert_eq!(run.stderr.matches("not kept").count(), 1, "{run}");
    }
    assert_taken_over(&made);
}

fn columns_of_the_application_are_not_taken_for_missing_ones(shop: &Shop) {
    let made = made_by_others(shop, &document(shop.backend));
    let time = if shop.backend == Backend::Postgres { "timestamptz" } else { "datetime" };
    for change in
        ["ADD COLUMN slug text".to_owned(), format!("ADD COLUMN made {time}"), "DROP COLUMN description".to_owned()]
    {
        made.sql(&format!("ALTER TABLE products {change}"));
    }
    made.run(&["adopt", "--yes", "--fix-totals"]).success();
    assert_taken_over(&made);
    let own = made.number("SELECT COUNT(*) FROM products WHERE slug IS NULL AND made IS NULL AND description IS NULL");
    assert_eq!(own, made.number("SELECT COUNT(*) FROM products"));
}

fn triggers_that_would_keep_old_names_are_named_first(shop: &Shop) {
    let made = made_by_others(shop, &sequelize(shop.backend));
    let quoted =
        |name: &str| if shop.backend == Backend::MariaDb { format!("`{name}`") } else { format!("\"{name}\"") };
    let stock = quoted("stockQuantity");
    let body = format!("UPDATE products SET {stock} = {stock} - 1");
    made.sql("CREATE TABLE seen (x integer)");
    match shop.backend {
        // As tests/foreign_shops/routines.rs has them.
        Backend::Postgres => return,
        Backend::MariaDb => made.sql(&format!("CREATE TRIGGER t1 AFTER INSERT ON seen FOR EACH ROW {body}")),
        Backend::Sqlite => made.sql(&format!("CREATE TRIGGER t1 AFTER INSERT ON OrderItems BEGIN {body}; END")),
    }
    for arguments in [["adopt", "--dry-run"], ["adopt", "--yes"]] {
        let run = made.run(&arguments).exits_with(6);
        assert!(run.stderr.contains("DROP TRIGGER"), "{run}");
    }
    made.sql("DROP TRIGGER t1");
    made.run(&["adopt", "--yes"]).success();
    assert_taken_over(&made);
}

/// SQLite leaves the columns out, and does not care for the case of names.
#[test]
fn foreign_keys_on_sqlite_are_known_in_any_spelling() {
    let shop = Shop::empty(Backend::Sqlite).expect("always there");
    let made = with_words(
        &shop,
        &[
            ("REFERENCES users (id)", "REFERENCES Users"),
            (
                "FOREIGN KEY (order_id) REFERENCES orders (id)",
                "FOREIGN KEY (ORDER_ID) REFERENCES orders ON DELETE CASCADE",
            ),
            ("REFERENCES products (id)", "REFERENCES \"PRODUCTS\" (ID)"),
        ],
    );
    let dry = made.run(&["adopt", "--dry-run"]).success();
    assert!(!dry.stderr.contains("not kept"), "{dry}");
    made.run(&["adopt", "--yes", "--fix-totals"]).success();
    assert_taken_over(&made);
    made.sql("DELETE FROM orders");
    assert_eq!(made.number("SELECT COUNT(*) FROM order_items"), 0);
}

#[test]
fn texts_whose_case_counts_from_now_on_are_named() {
    for backend in [Backend::Sqlite, Backend::MariaDb] {
        let Some(shop) = Shop::empty(backend) else { continue };
        let collation = if backend == Backend::Sqlite { "NOCASE" } else { "utf8mb4_unicode_ci" };
        let email = format!("email varchar(255) COLLATE {collation}");
        let made = with_words(&shop, &[("email varchar(255)", &email)]);
        let told = "the case of letters counts in email";
        made.run(&["adopt", "--dry-run"]).success().says(told);
        made.run(&["adopt", "--yes", "--fix-totals"]).success().says(told);
        assert_taken_over(&made);
    }
}

#[test]
fn columns_that_mariadb_computes_stay_and_follow_renamed_ones() {
    let Some(shop) = Shop::empty(Backend::MariaDb) else { return };
    let made = made_by_others(&shop, &sequelize(Backend::MariaDb));
    made.sql(
        "ALTER TABLE users ADD COLUMN fullName varchar(201) AS (concat(firstName, ' ', lastName)) STORED, \
         ADD COLUMN initial varchar(1) AS (left(firstName, 1)) VIRTUAL, ADD INDEX of_names (fullName)",
    );
    let dry = made.run(&["adopt", "--dry-run"]).success();
    assert!(!dry.stderr.contains("not kept: fullName"), "{dry}");
    made.run(&["adopt", "--yes"]).success();
    assert_taken_over(&made);
    made.sql("UPDATE users SET first_name = 'Zoe' WHERE email = 'ada@example.com'");
    let computed = "SELECT CONCAT(fullName, initial) FROM users USE INDEX (of_names) WHERE fullName LIKE 'Zoe%'";
    assert_eq!(made.column(computed), ["Zoe LZ"]);
}

#[test]
fn times_that_mariadb_sets_are_named_first() {
    let Some(shop) = Shop::empty(Backend::MariaDb) else { return };
    let made = made_by_others(&shop, &document(Backend::MariaDb));
    made.sql("ALTER TABLE users MODIFY updated_at timestamp NULL ON UPDATE current_timestamp()");
    for arguments in [&["adopt", "--dry-run"][..], &["adopt", "--yes", "--fix-totals"]] {
        made.run(arguments).success().says("the application must set updated_at itself");
    }
    assert_taken_over(&made);
}

/// As Drizzle keeps them on SQLite.
#[test]
fn times_that_are_numbers_no_longer_are_named_first() {
    let shop = Shop::empty(Backend::Sqlite).expect("always there");
    let made = with_words(
        &shop,
        &[("created_at timestamp DEFAULT CURRENT_TIMESTAMP", "created_at integer DEFAULT 1738317600")],
    );
    let told = "the application must read created_at as a time instead of a number";
    made.run(&["adopt", "--dry-run"]).success().says(told);
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

/// Such a policy too.
#[test]
fn policies_on_converted_columns_stay_on_postgres() {
    let Some(shop) = Shop::empty(Backend::Postgres) else { return };
    let made = made_by_others(&shop, &document(Backend::Postgres));
    made.sql("CREATE POLICY newer ON users USING (created_at > '2000-01-01')");
    made.run(&["adopt", "--yes", "--fix-totals"]).success();
    assert_taken_over(&made);
    assert_eq!(made.number("SELECT COUNT(*) FROM pg_policy WHERE polname = 'newer'"), 1);
}

/// PostgreSQL changes no type of what they use, and adds no column to a table whose rows are values elsewhere.
#[test]
fn what_uses_converted_columns_on_postgres_is_named_first() {
    for (others, what) in [
        (
            "CREATE RULE kept AS ON DELETE TO users WHERE old.created_at IS NULL DO INSTEAD NOTHING",
            "rule kept of table users",
        ),
        ("CREATE TABLE copies (users users)", "column users of table copies"),
        (
            "CREATE TABLE reviews (user_id varchar(36) REFERENCES users (id), \
             short text GENERATED ALWAYS AS (left(user_id, 8)) STORED)",
            "column short of table reviews",
        ),
        (
            "CREATE SCHEMA SCHEMA; CREATE TABLE SCHEMA.reviews (user_id varchar(36) REFERENCES users (id))",
            "foreign key reviews_user_id_fkey of table SCHEMA.reviews",
        ),
        (
            "CREATE VIEW bought AS SELECT o.created_at, u.email FROM orders o JOIN users u ON u.id = o.user_id",
            "view bought",
        ),
    ] {
        let Some(shop) = Shop::empty(Backend::Postgres) else { return };
        let made = with_words(
            &shop,
            &[
                ("uuid PRIMARY KEY DEFAULT gen_random_uuid()", "varchar(36) PRIMARY KEY"),
                ("_id uuid ", "_id varchar(36) "),
            ],
        );
        let schema = format!("other_{}", made.database_name());
        made.sql(
            &others.replace("SCHEMA.", &format!("{schema}.")).replace("SCHEMA SCHEMA", &format!("SCHEMA {schema}")),
        );
        let run = made.run(&["adopt", "--dry-run"]).exits_with(6).says(&what.replace("SCHEMA", &schema));
        let hints = hints(&run.stderr);
        assert_eq!(hints.len(), 1, "named once: {run}");
        let (_, removal) = hints[0].rsplit_once(": ").expect("a statement");
        made.sql(removal);
        made.run(&["adopt", "--yes", "--fix-totals"]).success();
        assert_taken_over(&made);
    }
}

/// What they say of a column does not fit its new type.
#[test]
fn indexes_and_checks_that_compute_with_converted_columns_on_postgres_are_named_first() {
    let Some(shop) = Shop::empty(Backend::Postgres) else { return };
    let made = with_words(&shop, &[("status varchar(20) NOT NULL DEFAULT 'pending'", "state text")]);
    for statement in [
        "CREATE TYPE order_state AS ENUM ('pending', 'paid')",
        "ALTER TABLE orders DROP COLUMN state, ADD COLUMN status order_state DEFAULT 'pending' CHECK (status <> 'paid')",
        "CREATE INDEX open_orders ON orders (created_at) WHERE status = 'pending'",
        "CREATE INDEX by_day ON orders (date(created_at))",
        // These stay.
        "CREATE INDEX by_time ON orders (created_at DESC, status)",
        "CREATE INDEX by_name ON users (lower(email), created_at)",
    ] {
        made.sql(statement);
    }
    let run = made.run(&["adopt", "--dry-run"]).exits_with(6);
    let hints = hints(&run.stderr);
    assert_eq!(hints.len(), 3, "{run}");
    hints.iter().for_each(|hint| made.sql(hint.rsplit_once("afterwards: ").expect("a statement").1));
    made.run(&["adopt", "--yes", "--fix-totals"]).success();
    assert_taken_over(&made);
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

/// As Django makes all of its foreign keys.
fn a_foreign_key_that_is_checked_at_commit_stays_so(shop: &Shop) {
    let deferred = "DEFERRABLE INITIALLY DEFERRED";
    if shop.backend == Backend::MariaDb {
        return;
    }
    let made = with_words(
        shop,
        &[
            ("REFERENCES users (id)", &format!("REFERENCES users (id) {deferred}")),
            ("REFERENCES orders (id)", &format!("REFERENCES orders (id) ON DELETE CASCADE {deferred}")),
        ],
    );
    let run = made.run(&["adopt", "--yes", "--fix-totals"]).success();
    assert!(!run.stderr.contains("not kept"), "{run}");
    assert_taken_over(&made);
    // The application writes a line before its order, and deletes an order with its lines.
    let own = if shop.backend == Backend::Postgres { "gen_random_uuid()" } else { "lower(hex(randomblob(16)))" };
    let order = "77777777-7777-4888-9999-aaaaaaaaaaaa";
    made.sql(&format!(
        "BEGIN; INSERT INTO order_items (id, order_id, product_id, quantity, unit_price) \
         SELECT {own}, '{order}', id, 1, 1 FROM products LIMIT 1; \
         INSERT INTO orders (id, reference, user_id) SELECT '{order}', 'LATE', id FROM users LIMIT 1; COMMIT"
    ));
    made.sql("DELETE FROM orders WHERE reference = 'LATE'");
    assert_eq!(made.number("SELECT COUNT(*) FROM order_items"), 1);
    made.run(&["user", "delete", "ben@example.com"]).exits_with(6).says("has orders and cannot be deleted");
}

/// Refused by the dry run and by the run alike, until what the hints say is pasted.
fn assert_refused_with_a_way_out(made: &Shop, code: i32, name: &str) {
    let before = fingerprint(made);
    for arguments in [&["adopt", "--sql"][..], &["adopt", "--yes", "--fix-totals"], &["adopt", "--dry-run"]] {
        made.run(arguments).exits_with(code).says(name);
        assert!(fingerprint(made) == before, "{name}: nothing was changed");
    }
    for hint in hints(&made.run(&["adopt", "--dry-run"]).stderr) {
        let statement =
            ["ALTER TABLE", "INSERT INTO", "UPDATE", "SET sql_mode"].iter().find_map(|word| hint.find(word));
        statement.iter().for_each(|start| made.sql(&hint[*start..]));
    }
    made.run(&["adopt", "--dry-run"]).success();
    made.run(&["adopt", "--yes", "--fix-totals"]).success();
    assert_taken_over(made);
}

fn words_of_a_list_and_numbers_have_a_repair_that_works(shop: &Shop) {
    let found = "status varchar(20) NOT NULL DEFAULT 'pending'";
    let list = match shop.backend {
        Backend::Postgres => "status state NOT NULL DEFAULT 'Pending'",
        Backend::MariaDb => "status enum('Pending', 'Paid') NOT NULL DEFAULT 'Pending'",
        Backend::Sqlite => "status varchar(20) NOT NULL DEFAULT 'Pending'",
    };
    let state = if shop.backend == Backend::Postgres { "CREATE TYPE state AS ENUM ('Pending', 'Paid'); " } else { "" };
    let (orders, with_state) = ("CREATE TABLE orders (", format!("{state}CREATE TABLE orders ("));
    let made = with_words(shop, &[(found, list), (orders, &with_state)]);
    assert_refused_with_a_way_out(&made, 9, "status Pending: differs only in letter case");
    if shop.backend == Backend::Sqlite {
        return;
    }
    let made = with_words(shop, &[(found, "status integer NOT NULL DEFAULT 2")]);
    assert_refused_with_a_way_out(&made, 9, "decide which of pending, paid, shipped");
}

#[test]
fn what_is_not_one_ordinary_table_is_refused_before_the_run() {
    let Some(shop) = Shop::empty(Backend::Postgres) else { return };
    let parts = "REFERENCES users (id)) PARTITION BY HASH (id); \
                 CREATE TABLE orders_0 PARTITION OF orders FOR VALUES WITH (MODULUS 1, REMAINDER 0)";
    let made = with_words(&shop, &[("REFERENCES users (id))", parts)]);
    assert_refused_with_a_way_out(&made, 6, "partitioned table orders");

    for (change, name) in [
        ("CREATE TABLE old_orders () INHERITS (orders)", "table old_orders inherits from orders"),
        (
            "CREATE TABLE dated (created_at timestamp); ALTER TABLE orders INHERIT dated",
            "table orders inherits from dated",
        ),
        (
            "CREATE TABLE lines (LIKE order_items) PARTITION BY LIST (quantity); \
             ALTER TABLE lines ATTACH PARTITION order_items DEFAULT",
            "table order_items inherits from lines",
        ),
        (
            "ALTER TABLE orders DROP COLUMN total_amount; \
             ALTER TABLE orders ADD COLUMN total_amount decimal(10, 2) GENERATED ALWAYS AS (19.00) STORED",
            "column total_amount of table orders",
        ),
        (
            "ALTER TABLE products ALTER COLUMN stock_quantity DROP DEFAULT, \
             ALTER COLUMN stock_quantity ADD GENERATED ALWAYS AS IDENTITY",
            "column stock_quantity of table products",
        ),
    ] {
        let made = made_by_others(&shop, &document(Backend::Postgres));
        made.sql(change);
        assert_refused_with_a_way_out(&made, 6, name);
    }
    let made = made_by_others(&Shop::empty(Backend::Sqlite).expect("always there"), &document(Backend::Sqlite));
    made.sql(
        "ALTER TABLE order_items RENAME TO lines; \
         CREATE VIRTUAL TABLE order_items USING fts5(id, order_id, product_id, quantity, unit_price); \
         INSERT INTO order_items SELECT * FROM lines; DROP TABLE lines",
    );
    assert_refused_with_a_way_out(&made, 6, "virtual table order_items");
}

#[test]
fn values_of_domains_are_taken_over() {
    let Some(shop) = Shop::empty(Backend::Postgres) else { return };
    let domains = "CREATE DOMAIN amount AS decimal(10, 2); CREATE DOMAIN reference AS uuid; CREATE DOMAIN moment AS timestamp; \
                   CREATE TABLE orders (";
    let words = [
        ("CREATE TABLE orders (", domains),
        ("order_id uuid NOT NULL", "order_id reference NOT NULL"),
        ("unit_price decimal(10, 2) NOT NULL", "unit_price amount NOT NULL, created_at moment"),
    ];
    let made = with_words(&shop, &words);
    made.run(&["adopt", "--dry-run"]).success();
    made.run(&["adopt", "--yes", "--fix-totals"]).success();
    assert_taken_over(&made);
}
