//! Whole shops that other programs made, taken over by `shopctl adopt`.

mod at_once;
mod ids;
mod routines;
mod rules;

use crate::on_every_backend;
use crate::support::foreign::{
    ORDER, OTHER_USER, PRODUCT, USER, assert_taken_over, document, fingerprint, hints, made_by_others, sequelize,
};
use crate::support::roles::{create, login};
use crate::support::{Backend, Run, Shop};

on_every_backend!(
    a_shop_as_sequelize_sync_makes_it_is_taken_over,
    a_shop_as_the_documents_migrations_make_it_is_taken_over,
    values_that_do_not_fit_stop_everything_and_are_named,
    times_and_amounts_in_other_forms_keep_their_values,
    times_with_any_number_of_digits_are_cut_to_microseconds,
    times_that_do_not_exist_are_refused,
    what_would_not_follow_converted_tables_is_named_first,
    the_printed_script_takes_a_shop_over,
    a_shop_without_history_is_taken_over_as_it_is,
    checks_of_a_shop_that_is_not_taken_over_say_so,
    rows_that_share_a_unique_value_are_named_in_pairs,
    all_columns_that_are_missing_are_named_at_once
);

fn a_shop_as_sequelize_sync_makes_it_is_taken_over(shop: &Shop) {
    let made = made_by_others(shop, &sequelize(shop.backend));
    for command in [&["migrate", "status"][..], &["migrate", "up"], &["doctor"]] {
        let run: Run = made.run(command);
        assert!(format!("{}{}", run.stdout, run.stderr).contains("shopctl adopt"), "{run}");
    }
    let before = fingerprint(&made);
    let dry = made.run(&["adopt", "--dry-run"]).success();
    assert!(dry.stderr.contains("createdAt renamed to created_at"), "{dry}");
    let told = "no longer take NULL: the application has to give them a value, or leave them out";
    let dry = dry.says(&format!("status, total_amount, user_id {told}"));
    assert!(!dry.stderr.contains("email no longer"), "{dry}");
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

fn times_with_any_number_of_digits_are_cut_to_microseconds(shop: &Shop) {
    let made = in_other_forms(shop);
    for (name, time) in [("ada", "2024-01-01 10:00:00.999999999"), ("ben", "2024-01-01T10:00:00.123456000Z")] {
        made.sql(&format!(
            "UPDATE users SET created_at = '{time}', updated_at = NULL WHERE email = '{name}@example.com'"
        ));
    }
    made.sql(
        "INSERT INTO users (id, email, password_hash, first_name, last_name, created_at) VALUES \
         ('550e8400-e29b-41d4-a716-44665544000c', 'cy@example.com', 'x', 'Cy', 'N', '2024-01-01 10:00:00.123456789012')",
    );
    if shop.backend == Backend::Sqlite {
        made.sql("UPDATE products SET created_at = 1704103200.123456, updated_at = -1.25");
    }
    let told = "users: created_at is finer than microseconds in 2 rows: it is cut to them";
    made.run(&["adopt", "--dry-run"]).success().says(told);
    made.run(&["adopt", "--yes", "--fix-totals"]).success().says(told);
    for (name, wanted) in [("ada", "00.999999Z"), ("ben", "00.123456Z"), ("cy", "00.123456Z")] {
        let user = made.run(&["user", "show", &format!("{name}@example.com"), "--json"]).success();
        assert!(user.stdout.contains(&format!("2024-01-01T10:00:{wanted}")), "{user}");
    }
    if shop.backend == Backend::Sqlite {
        let times = made.column("SELECT created_at || ', ' || updated_at FROM products");
        assert_eq!(times, ["2024-01-01 10:00:00.123456+00:00, 1969-12-31 23:59:58.750000+00:00"]);
    }
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
    // Only SQLite's own client knows its own command.
    made.sql(&script.replacen("\n.bail on\n", "\n", 1));
    made.run(&["adopt", "--yes"]).success();
    assert_taken_over(&made);
}

fn a_shop_without_history_is_taken_over_as_it_is(shop: &Shop) {
    shop.user("ann");
    for table in ["seaql_migrations", "shopctl_migration_runs", "shopctl_settings", "shopctl_leases"] {
        shop.sql(&format!("DROP TABLE {table}"));
    }
    for table in [
        "order_refund_lines",
        "order_refunds",
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

fn checks_of_a_shop_that_is_not_taken_over_say_so(shop: &Shop) {
    let made = made_by_others(shop, &sequelize(shop.backend));
    for (arguments, code) in
        [(["migrate", "verify"], 9), (["audit", "verify"], 4), (["stock", "verify"], 4), (["order", "list"], 4)]
    {
        let run = made.run(&arguments).exits_with(code);
        let run =
            run.says("the tables users, products, orders").says("created by another program").says("shopctl adopt");
        assert!(!run.stderr.contains("migrate up"), "{run}");
    }
    made.run(&["adopt", "--yes"]).success();
    made.run(&["migrate", "verify"]).success();
}

/// As a shop is whose application checks for itself that addresses and SKUs are unique.
fn rows_that_share_a_unique_value_are_named_in_pairs(shop: &Shop) {
    let without_keys = |statement: String| statement.replace("UNIQUE NOT NULL", "NOT NULL");
    let made = made_by_others(shop, &document(shop.backend).into_iter().map(without_keys).collect::<Vec<_>>());
    made.sql("ALTER TABLE products ADD COLUMN sku varchar(64)");
    made.sql("UPDATE users SET email = 'ada@example.com'");
    made.sql("UPDATE products SET sku = 'MUG'");
    let other = "22222222-2222-4333-8444-555555555555";
    made.sql(&format!(
        "INSERT INTO products (id, name, price, stock_quantity, sku) VALUES ('{other}', 'Cup', 9.50, 0, 'MUG')"
    ));
    let before = fingerprint(&made);
    for arguments in [&["adopt", "--yes", "--fix-totals"][..], &["adopt", "--dry-run"], &["adopt", "--sql"]] {
        let run = made.run(arguments).exits_with(9);
        run.says(&format!("users {OTHER_USER}: email ada@example.com: is also that of {USER}"))
            .says(&format!("products {other}: sku MUG: is also that of {PRODUCT}"));
        assert!(fingerprint(&made) == before, "nothing was changed");
    }
    let run = made.run(&["adopt", "--yes"]).exits_with(9);
    let remedies: Vec<&str> = run.stderr.lines().filter_map(|line| Some(&line[line.find("UPDATE ")?..])).collect();
    assert_eq!(remedies.len(), 2, "{run}");
    remedies.into_iter().for_each(|statement| made.sql(statement));
    made.run(&["adopt", "--yes", "--fix-totals"]).success();
    assert_taken_over(&made);
    assert_eq!(made.column("SELECT sku FROM products ORDER BY sku"), ["MUG", "MUG-2"]);
    assert_eq!(made.column("SELECT email FROM users ORDER BY email"), ["ada+2@example.com", "ada@example.com"]);
}

fn all_columns_that_are_missing_are_named_at_once(shop: &Shop) {
    let made = made_by_others(shop, &document(shop.backend));
    for change in ["users DROP COLUMN first_name", "users DROP COLUMN last_name", "order_items DROP COLUMN unit_price"]
    {
        made.sql(&format!("ALTER TABLE {change}"));
    }
    let run = made.run(&["adopt", "--dry-run"]).exits_with(9);
    let run = run.says("users has no columns for first_name, last_name; order_items has no column for unit_price");
    for hint in hints(&run.stderr) {
        made.sql(&hint[hint.find("ALTER TABLE").expect("a statement")..]);
    }
    made.sql("UPDATE users SET first_name = 'Ada', last_name = 'L'");
    made.sql("UPDATE order_items SET unit_price = 9.50");
    made.run(&["adopt", "--yes", "--fix-totals"]).success();
    assert_taken_over(&made);
}

/// Values that this role cannot read might not fit.
#[test]
fn tables_that_cannot_be_read_are_not_taken_over() {
    let Some(shop) = Shop::empty(Backend::Postgres) else { return };
    let made = made_by_others(&shop, &document(Backend::Postgres));
    let (_, database) = made.url.rsplit_once('/').expect("a URL with a path");
    let name = format!("reader_of_{database}");
    create(&made, &name);
    made.sql(&format!("ALTER ROLE {name} CREATEDB; GRANT SELECT ON users, orders, order_items TO {name}"));
    login(&made, &name).run(&["adopt", "--dry-run"]).exits_with(4).says("products");
}
