//! Ids and times in the form that other programs write.

use sea_orm::ConnectionTrait;

use crate::on_every_backend;
use crate::support::shop::block_on;
use crate::support::{Backend, Shop};

on_every_backend!(
    another_programs_rows_are_found_changed_and_ordered_by_their_ids,
    rows_with_ids_of_every_version_are_listed_page_by_page
);

/// Every command that writes ids or times, once.
fn round(shop: &Shop) {
    let size = ["--users", "30", "--products", "20", "--orders", "40", "--yes"];
    shop.run(&[&["seed", "generate"], &size[..]].concat()).success();
    shop.run(&["seed", "up"]).success();
    shop.user("ann");
    shop.product("MUG", "12.50", 10);
    shop.file("o.csv", "reference,user,sku,quantity\nNEW-1,ann@example.com,MUG,1\n");
    shop.run(&["order", "import", "o.csv"]).success();
    shop.file("u.csv", "email,first_name,last_name,created_at\nzoe@example.com,Zoe,Lee,2024-01-02T03:04:05Z\n");
    shop.run(&["user", "import", "u.csv"]).success();
    let order = shop.run(&["order", "create", "--user", "ann@example.com", "--item", "MUG:2", "--json"]).success();
    let order = order.json()["reference"].as_str().expect("text").to_owned();
    for arguments in [
        &["order", "pay", &order][..],
        &["order", "refund", &order, "--reason", "x", "-y"],
        &["product", "price", "--all", "--by", "+10%", "-y"],
        &["stock", "adjust", "MUG", "-3", "--reason", "damaged"],
        &["user", "anonymize", "zoe@example.com", "--confirm", "zoe@example.com"],
        &["audit", "settle", "01a2099a-f92b-73dc-878a-58879510c016"],
        &["audit", "seal"],
        &["audit", "verify"],
        &["stock", "verify"],
        &["doctor", "--deep"],
    ] {
        shop.run(arguments).success();
    }
}

#[test]
fn no_id_is_stored_as_bytes_and_every_time_in_one_form_on_sqlite() {
    let shop = Shop::migrated(Backend::Sqlite).expect("always there");
    round(&shop);
    shop.sql(
        "INSERT INTO users (email, password_hash, first_name, last_name) VALUES ('peer@example.com', 'x', 'P', 'R')",
    );
    shop.assert_no_bytes();
}

#[test]
fn a_plain_client_reads_ids_as_text_on_mariadb() {
    let Some(shop) = Shop::migrated(Backend::MariaDb) else { return };
    round(&shop);
    for table in [
        "users",
        "products",
        "orders",
        "order_items",
        "order_refunds",
        "stock_movements",
        "audit_events",
        "audit_seals",
    ] {
        let ids = shop.column(&format!("SELECT id FROM {table}"));
        let is_id = |id: &String| id.len() == 36 && uuid::Uuid::try_parse(id).is_ok() && *id == id.to_lowercase();
        assert!(!ids.is_empty() && ids.iter().all(is_id), "{table}: {ids:?}");
    }
}

/// A version-4 UUID of another program.
fn uuid(number: u32) -> String {
    format!("{:08x}-4cf1-4b7e-9e0c-{:012x}", number.wrapping_mul(2_654_435_761), u64::from(number) * 0x1234_5678_9abc)
}

fn insert_user(shop: &Shop, id: &str, email: &str) {
    shop.sql(&format!(
        "INSERT INTO users (id, email, password_hash, first_name, last_name) VALUES ('{id}', '{email}', 'x', 'F', 'L')"
    ));
}

fn another_programs_rows_are_found_changed_and_ordered_by_their_ids(shop: &Shop) {
    let [user, product, order, line] = [1, 2, 3, 4].map(uuid);
    insert_user(shop, &user, "peer@example.com");
    shop.sql(&format!(
        "INSERT INTO products (id, sku, name, price, stock_quantity) VALUES ('{product}', 'HAT', 'Hat', 2, 9)"
    ));
    shop.sql(&format!(
        "INSERT INTO orders (id, reference, user_id, total_amount) VALUES ('{order}', 'PEER-1', '{user}', 4)"
    ));
    shop.sql(&format!(
        "INSERT INTO order_items (id, order_id, product_id, quantity, unit_price) VALUES ('{line}', '{order}', '{product}', 2, 2)"
    ));
    let run = |arguments: &[&str]| shop.run(arguments).success();
    for name in [&user, &user.to_uppercase(), &user.replace('-', "")] {
        assert_eq!(run(&["user", "show", name, "--json"]).json()["email"], "peer@example.com");
    }
    assert_eq!(run(&["order", "show", &order, "--json"]).json()["items"][0]["id"], line.as_str());
    run(&["user", "update", &user, "--first-name", "New"]);
    run(&["product", "update", &product, "--name", "New"]);
    run(&["stock", "verify", "--accept", "-y"]);
    let placed = run(&["order", "create", "--user", &user, "--item", &format!("{product}:3"), "--json"]).json();
    assert_eq!(
        (&placed["total_amount"], &placed["items"][0]["product_id"]),
        (&"6.00".into(), &product.as_str().into())
    );
    run(&["order", "pay", &order]);
    assert_eq!(shop.number(&format!("SELECT COUNT(*) FROM orders WHERE user_id = '{user}'")), 2);
    assert_eq!(shop.number(&format!("SELECT stock_quantity FROM products WHERE id = '{product}'")), 6);
}

fn rows_with_ids_of_every_version_are_listed_page_by_page(shop: &Shop) {
    for number in 0..12 {
        insert_user(shop, &uuid(number), &format!("peer{number}@example.com"));
        shop.user(&format!("own{number}"));
    }
    shop.sql("INSERT INTO users (email, password_hash, first_name, last_name) VALUES ('d@example.com', 'x', 'F', 'L')");
    let time = if shop.backend == Backend::Sqlite { "2026-01-01 00:00:00.000000+00:00" } else { "2026-01-01 00:00:00" };
    shop.sql(&format!("UPDATE users SET created_at = '{time}'"));
    for sort in ["created_at", "-created_at"] {
        let (mut found, mut cursor) = (std::collections::BTreeSet::new(), None::<String>);
        loop {
            let mut arguments = vec!["user", "list", "--json", "--limit", "4", "--sort", sort];
            arguments.extend(cursor.iter().flat_map(|cursor| ["--after", cursor]));
            let page = shop.run(&arguments).success().json();
            for user in page["items"].as_array().expect("a list") {
                assert!(found.insert(user["id"].to_string()), "shown twice: {user}");
            }
            cursor = page["next"].as_str().map(str::to_owned);
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(found.len(), 25, "{sort}");
    }
}

/// The statement that the doctor prints for a check, and what it found.
fn mending(shop: &Shop, check: &str) -> (String, String) {
    let doctor = shop.run(&["doctor", "--deep", "--json"]).success().json();
    let checks = doctor["items"].as_array().or_else(|| doctor.as_array()).expect("a list");
    let found = checks.iter().find(|found| found["name"] == check).expect("the check");
    let hint = found["hint"].as_str().unwrap_or_default();
    let statement = hint.strip_prefix("in the database's own client: ").unwrap_or_default();
    (found["detail"].as_str().expect("text").to_owned(), statement.to_owned())
}

#[test]
fn ids_and_times_in_other_forms_are_named_with_the_statement_that_mends_them() {
    let shop = Shop::migrated(Backend::Sqlite).expect("always there");
    round(&shop);
    let head = shop.run(&["audit", "seal"]).success();
    drop(head);
    let (before, rows) = (shop.run(&["user", "export"]).success().stdout, shop.everything());
    let forms = [
        "upper({})",
        "replace({}, '-', '')",
        "upper(replace({}, '-', ''))",
        "'{' || {} || '}'",
        "CAST(unhex(replace({}, '-', '')) AS blob)",
    ];
    let columns = [
        ("users", "id"),
        ("products", "id"),
        ("orders", "id"),
        ("orders", "user_id"),
        ("order_items", "order_id"),
        ("order_refunds", "order_id"),
        ("order_items", "product_id"),
        ("stock_movements", "product_id"),
        ("stock_movements", "order_id"),
        ("audit_events", "entity_id"),
    ];
    for form in forms {
        for (table, column) in columns {
            let form = form.replace("{}", column);
            shop.sql(&format!("PRAGMA foreign_keys = OFF; UPDATE {table} SET {column} = {form}"));
        }
        let (detail, statement) = mending(&shop, "ids-in-own-form");
        for (table, column) in columns {
            assert!(detail.contains(&format!("{table}.{column} ")), "{detail}");
        }
        shop.run(&["audit", "verify"]).success();
        shop.sql(&statement);
        shop.assert_no_bytes();
        assert_eq!(mending(&shop, "ids-in-own-form").1, "", "{form}");
        assert_eq!(shop.everything(), rows, "{form}");
    }
    for form in [
        "replace({}, ' ', 'T')",
        "strftime('%Y-%m-%dT%H:%M:%SZ', {})",
        "strftime('%Y-%m-%d %H:%M:%S+02:00', {}, '+2 hours')",
        "CAST(strftime('%s', {}) AS integer) * 1000",
        "CAST(strftime('%s', {}) AS integer) * 1000.0",
    ] {
        shop.sql(&format!("UPDATE users SET created_at = {}", form.replace("{}", "created_at")));
        let is_number = form.starts_with("CAST");
        let since = shop.run(&["user", "list", "--since", "2000-01-01", "--count", "--json"]).success();
        let all = shop.run(&["user", "list", "--count", "--json"]).success();
        // Numbers do not sort with texts, also by an index: the doctor names them.
        assert!(is_number || since.stdout == all.stdout, "{form}");
        let (detail, statement) = mending(&shop, "times-in-own-form");
        assert!(detail.contains("users.created_at "), "{form}: {detail}");
        shop.sql(&statement);
        assert_eq!(mending(&shop, "times-in-own-form").1, "", "{form}");
        if form.starts_with("replace") {
            assert_eq!(shop.run(&["user", "export"]).success().stdout, before);
        }
    }
    // Seconds may be milliseconds of 1970: nobody can tell.
    for seconds in ["1764000000", "1764000000.5"] {
        shop.sql(&format!("UPDATE users SET updated_at = {seconds}"));
        assert_eq!(mending(&shop, "times-in-own-form").1, "", "{seconds}");
    }
    shop.sql("UPDATE users SET updated_at = created_at");
    shop.run(&["doctor", "--deep"]).success();
}

#[test]
fn ids_of_a_table_with_texts_are_mended_on_a_server() {
    let Some(shop) = Shop::migrated(Backend::MariaDb) else { return };
    shop.product("MUG", "12.50", 10);
    // As MySQL has them, which has no type of its own for ids.
    shop.sql("ALTER TABLE stock_movements MODIFY product_id char(36) NOT NULL");
    let stored = || shop.column("SELECT product_id FROM stock_movements");
    let (before, product) = (stored(), shop.column("SELECT id FROM products"));
    assert_eq!(before, product);
    for form in ["UPPER({})", "REPLACE({}, '-', '')"] {
        shop.sql(&format!("UPDATE stock_movements SET product_id = {}", form.replace("{}", "product_id")));
        let (detail, statement) = mending(&shop, "ids-in-own-form");
        assert!(detail.contains("stock_movements.product_id 1"), "{detail}");
        shop.sql(&statement);
        assert_eq!(stored(), before);
        assert_eq!(mending(&shop, "ids-in-own-form").1, "");
    }
}

/// Gives every id the type that MySQL has for it, a text of 36 characters.
fn as_on_mysql(shop: &Shop) {
    let changes = shop.column(
        "SELECT CONCAT('ALTER TABLE ', table_name, ' ', GROUP_CONCAT('MODIFY ', column_name, \
         ' char(36) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin ', IF(is_nullable = 'NO', 'NOT NULL', 'NULL'), \
         IF(column_default IS NULL OR column_default = 'NULL', '', CONCAT(' DEFAULT ', column_default)) SEPARATOR ', ')) \
         FROM information_schema.columns WHERE table_schema = DATABASE() AND data_type = 'uuid' GROUP BY table_name",
    );
    let keys =
        "information_schema.key_column_usage WHERE table_schema = DATABASE() AND referenced_table_name IS NOT NULL";
    let dropped = shop.column(&format!(
        "SELECT CONCAT('ALTER TABLE ', table_name, ' DROP FOREIGN KEY ', constraint_name) FROM {keys}"
    ));
    let again = shop.column(&format!(
        "SELECT CONCAT('ALTER TABLE ', table_name, ' ADD CONSTRAINT ', constraint_name, ' FOREIGN KEY (', column_name, \
         ') REFERENCES ', referenced_table_name, ' (', referenced_column_name, ')') FROM {keys}"
    ));
    assert!(changes.len() > 5 && dropped.len() > 2, "{changes:?} {dropped:?}");
    [dropped, changes, again].concat().iter().for_each(|statement| shop.sql(statement));
}

/// Peewee writes 32 digits. Its rows are found, changed and ordered; the server refuses such digits as a reference to a
/// row whose id has 36 characters, so that no row is left alone.
#[test]
fn ids_of_32_digits_are_read_where_ids_are_texts_on_a_server() {
    let Some(shop) = Shop::migrated(Backend::MariaDb) else { return };
    as_on_mysql(&shop);
    shop.user("ann");
    let [user, product, order, line] = [1, 2, 3, 4].map(|number| uuid(number).replace('-', ""));
    insert_user(&shop, &user, "peer@example.com");
    shop.sql(&format!(
        "INSERT INTO products (id, sku, name, price, stock_quantity) VALUES ('{product}', 'HAT', 'Hat', 2, 9)"
    ));
    shop.sql(&format!("INSERT INTO orders (id, reference, user_id) VALUES ('{order}', 'PEER-1', '{user}')"));
    shop.sql(&format!(
        "INSERT INTO order_items (id, order_id, product_id, quantity, unit_price) VALUES ('{line}', '{order}', '{product}', 2, 2)"
    ));
    let run = |arguments: &[&str]| shop.run(arguments).success();
    for name in [user.as_str(), &uuid(1), &uuid(1).to_uppercase()] {
        assert_eq!(run(&["user", "show", name, "--json"]).json()["id"], uuid(1));
    }
    run(&["adopt", "--fix-totals", "--yes"]);
    let placed = run(&["order", "create", "--user", &user, "--item", "HAT:3", "--json"]).json();
    for verb in ["pay", "ship", "complete"] {
        run(&["order", verb, "PEER-1"]);
    }
    run(&["order", "cancel", placed["reference"].as_str().expect("text"), "--yes"]);
    assert_eq!(shop.number(&format!("SELECT COUNT(*) FROM orders WHERE user_id = '{user}'")), 2, "its own form");
    let exported = run(&["order", "export"]).stdout;
    shop.file("o.csv", &exported);
    let imported = run(&["order", "import", "o.csv"]).stdout;
    assert!(imported.contains("2 unchanged"), "{imported}");
    for command in [["audit", "verify"], ["stock", "verify"]] {
        run(&command);
    }
    let reference = "SELECT id FROM users WHERE email = 'ann@example.com'";
    let digits = shop.column(reference).remove(0).replace('-', "");
    let refused = format!("INSERT INTO orders (id, user_id) VALUES ('{}', '{digits}')", uuid(5).replace('-', ""));
    let outcome = block_on(async { shop.connect().await.execute_unprepared(&refused).await });
    assert!(outcome.is_err_and(|error| error.to_string().contains("foreign key")), "{refused}");
    let (detail, statement) = mending(&shop, "ids-in-own-form");
    assert!(detail.contains("orders.user_id 2"), "{detail}");
    shop.sql(&statement);
    assert_eq!(mending(&shop, "ids-in-own-form").1, "");
    for command in [["audit", "verify"], ["stock", "verify"]] {
        run(&command);
    }
}
