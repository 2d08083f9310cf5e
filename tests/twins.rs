//! Rows that a name cannot tell apart, because another program dropped a unique index or a primary key, or stored one
//! UUID in two forms: none of them is guessed.

use crate::adopt_rows::{adopt, assert_green};
use crate::on_every_backend;
use crate::support::foreign::drop_unique;
use crate::support::{Backend, Shop};

on_every_backend!(
    one_of_two_users_with_the_same_address_is_never_guessed,
    one_of_two_products_with_the_same_sku_is_never_guessed,
    one_of_two_orders_with_the_same_reference_is_never_guessed,
    users_with_the_same_id_are_not_adopted_before_one_has_another,
);

const ADDRESS: &str = "ann@example.com";

fn ids(shop: &Shop, noun: &str) -> Vec<String> {
    let listed = shop.run(&[noun, "list", "-o", "id", "--all"]).success().stdout;
    let mut ids: Vec<String> = listed.lines().map(str::to_owned).collect();
    ids.sort();
    ids
}

/// Each command names both rows and changes none; by its id each of them is found.
fn assert_ambiguous(shop: &Shop, noun: &str, told: &str, commands: &[&[&str]]) {
    let before = shop.everything();
    let ids = ids(shop, noun);
    assert_eq!(ids.len(), 2, "{ids:?}");
    for command in commands {
        let run = shop.run(command).exits_with(6).says(&format!("{noun}.ambiguous")).says(told);
        let run = run.says("give its id instead: shopctl ").says(&command[..2].join(" "));
        assert!(ids.iter().all(|id| run.stderr.contains(id)), "{run}");
    }
    // The refusals themselves are recorded.
    assert_eq!(shop.everything()[..7], before[..7]);
    ids.iter().for_each(|id| drop(shop.run(&[noun, "show", id]).success()));
}

fn one_of_two_users_with_the_same_address_is_never_guessed(shop: &Shop) {
    ["ann", "bob"].iter().for_each(|name| drop(shop.user(name)));
    shop.product("MUG", "12.50", 10);
    drop_unique(shop, "users", "email");
    shop.sql(&format!("UPDATE users SET email = '{ADDRESS}' WHERE first_name = 'bob'"));
    assert_ambiguous(
        shop,
        "user",
        "2 users have the e-mail address ann@example.com",
        &[
            &["user", "show", ADDRESS],
            &["user", "show", "Ann@Example.com"],
            &["user", "update", ADDRESS, "--first-name", "New"],
            &["user", "disable", ADDRESS, "--yes"],
            &["user", "delete", ADDRESS, "--confirm", ADDRESS],
            &["order", "create", "--user", ADDRESS, "--item", "MUG"],
            &["order", "list", "--user", ADDRESS],
            &["audit", "list", "--user", ADDRESS],
        ],
    );
    shop.file("orders.csv", "reference,user,sku,quantity\nOLD-1,ann@example.com,MUG,1\nOLD-2,ann@example.com,MUG,1\n");
    shop.run(&["order", "import", "orders.csv"]).exits_with(7).says("ann@example.com is the key of 2 users");
    // Without the primary key, SQLite refuses what refers to it.
    if shop.backend != Backend::Sqlite {
        let id = ids(shop, "user").remove(0);
        shop.run(&["order", "create", "--user", &id, "--item", "MUG"]).success();
    }
}

fn one_of_two_products_with_the_same_sku_is_never_guessed(shop: &Shop) {
    shop.user("ann");
    ["MUG", "PEN"].iter().for_each(|sku| shop.product(sku, "1.00", 10));
    drop_unique(shop, "products", "sku");
    shop.sql("UPDATE products SET sku = 'MUG' WHERE sku = 'PEN'");
    assert_ambiguous(
        shop,
        "product",
        "2 products have the SKU MUG",
        &[
            &["product", "show", "MUG"],
            &["product", "update", "MUG", "--price", "2.00"],
            &["product", "price", "MUG", "--to", "2.00", "--yes"],
            &["stock", "adjust", "MUG", "+1", "--reason", "received"],
            &["stock", "verify", "MUG"],
            &["order", "create", "--user", ADDRESS, "--item", "MUG:2"],
            &["order", "list", "--product", "MUG"],
        ],
    );
    shop.file("orders.csv", "reference,user,sku,quantity\nOLD-1,ann@example.com,MUG,1\n");
    shop.run(&["order", "import", "orders.csv"]).exits_with(7).says("MUG is the key of 2 products");
}

fn one_of_two_orders_with_the_same_reference_is_never_guessed(shop: &Shop) {
    shop.user("ann");
    shop.product("MUG", "1.00", 10);
    for _ in 0..2 {
        shop.run(&["order", "create", "--user", ADDRESS, "--item", "MUG"]).success();
    }
    drop_unique(shop, "orders", "reference");
    shop.sql("UPDATE orders SET reference = 'SAME-1'");
    assert_ambiguous(
        shop,
        "order",
        "2 orders have the reference SAME-1",
        &[
            &["order", "show", "SAME-1"],
            &["order", "pay", "SAME-1"],
            &["order", "cancel", "SAME-1", "--yes"],
            &["order", "change", "SAME-1", "--item", "MUG:2"],
            &["audit", "list", "--order", "SAME-1"],
        ],
    );
    shop.file("other.csv", "reference,user,sku,quantity\nSAME-1,ann@example.com,MUG,7\n");
    shop.run(&["order", "import", "other.csv"]).exits_with(7).says("is the key of 2 orders");
}

fn users_with_the_same_id_are_not_adopted_before_one_has_another(shop: &Shop) {
    shop.user("ann");
    match shop.backend {
        Backend::Sqlite => drop_unique(shop, "users", "email"),
        Backend::Postgres => shop.sql("ALTER TABLE users DROP CONSTRAINT pk_users CASCADE"),
        Backend::MariaDb => {
            let keys = shop.column(
                "SELECT constraint_name FROM information_schema.referential_constraints \
                 WHERE constraint_schema = DATABASE() AND referenced_table_name = 'users' AND table_name = 'orders'",
            );
            keys.iter().for_each(|key| shop.sql(&format!("ALTER TABLE orders DROP FOREIGN KEY {key}")));
            shop.sql("ALTER TABLE users DROP PRIMARY KEY");
        }
    }
    let unchecked = if shop.backend == Backend::Sqlite { "PRAGMA foreign_keys = OFF; " } else { "" };
    shop.sql(&format!(
        "{unchecked}INSERT INTO users (id, email, password_hash, first_name, last_name, status, created_at, updated_at) \
         SELECT id, 'bob@example.com', password_hash, 'bob', last_name, status, created_at, updated_at FROM users",
    ));
    let id = shop.run(&["user", "show", ADDRESS, "--json"]).success().json()["id"].as_str().expect("text").to_owned();
    let run = shop.run(&["user", "disable", &id, "--yes"]).exits_with(6).says("user.ambiguous");
    run.says(&format!("2 users have the id {id}: ")).says("give its e-mail address instead: shopctl user disable ");
    let doctor = shop.run(&["doctor", "--deep"]).exits_with(9);
    assert!(doctor.stdout.contains(&format!("ids shared by several rows: 1 (users {id})")), "{doctor}");
    let before = shop.everything();
    for _ in 0..2 {
        let run = shop.run(&["adopt", "--yes"]).exits_with(6).says("row.shared_id").says("nothing was adopted");
        assert!(run.stderr.contains(ADDRESS) && run.stderr.contains("bob@example.com"), "{run}");
    }
    assert_eq!(shop.everything()[..7], before[..7]);
    let taken_in = "SELECT COUNT(*) FROM audit_events WHERE operation = 'adopted' AND outcome = 'succeeded'";
    assert_eq!(shop.number(taken_in), 0);
    let run = shop.run(&["adopt", "--yes"]).exits_with(6);
    let told =
        run.stderr.lines().find_map(|line| line.split_once("in the database's own client: ")).expect("a statement");
    shop.sql(told.1);
    adopt(shop);
    shop.run(&["audit", "verify"]).success();
    let again = shop.run(&["adopt", "--yes"]).success();
    assert!(again.stdout.contains("nothing to adopt"), "{again}");
    assert_eq!(ids(shop, "user").len(), 2);
}

/// The hint of the check of ids, as a statement.
fn mending(shop: &Shop) -> (String, String) {
    let run = shop.run(&["doctor", "--deep", "--json"]).success();
    let checks = run.json()["items"].as_array().expect("a list").clone();
    let check = checks.iter().find(|check| check["name"] == "ids-in-own-form").expect("checked").clone();
    let hint = check["hint"].as_str().unwrap_or_default().to_owned();
    let statement = hint.split_once("own client: ").map_or(String::new(), |(_, statement)| statement.to_owned());
    (check["detail"].as_str().expect("text").to_owned(), statement)
}

#[test]
fn the_same_uuid_in_two_forms_is_ambiguous_until_one_row_has_another_id() {
    let shop = Shop::migrated(Backend::Sqlite).expect("always there");
    shop.user("ann");
    shop.product("MUG", "1.00", 10);
    shop.run(&["order", "create", "--user", ADDRESS, "--item", "MUG"]).success();
    for statement in [
        "INSERT INTO users (id, email, password_hash, first_name, last_name) SELECT upper(id), 'bob@example.com', 'x', 'bob', 'x' FROM users",
        "INSERT INTO products (id, sku, name, price, stock_quantity) SELECT upper(id), 'PEN', 'PEN', 2, 5 FROM products",
        "INSERT INTO orders (id, reference, user_id, total_amount) SELECT upper(id), 'TWIN-1', user_id, 2 FROM orders",
        "INSERT INTO order_items (order_id, product_id, quantity, unit_price) SELECT o.id, p.id, 1, 2 \
         FROM orders o, products p WHERE o.reference = 'TWIN-1' AND p.sku = 'PEN'",
    ] {
        shop.sql(statement);
    }
    let before = shop.everything();
    let shown = |noun: &str| shop.column(&format!("SELECT id FROM {noun}s WHERE id = lower(id)")).remove(0);
    for (noun, verb, keys) in
        [("user", "disable", ["ann@", "bob@"]), ("product", "show", ["MUG", "PEN"]), ("order", "pay", ["TWIN-1", ""])]
    {
        let id = shown(noun);
        for id in [id.clone(), id.to_uppercase()] {
            let flags: &[&str] = if verb == "disable" { &["--yes"] } else { &[] };
            let run = shop.run(&[&[noun, verb, &id], flags].concat()).exits_with(6).says(&format!("{noun}.ambiguous"));
            let forms = [id.to_lowercase(), id.to_uppercase()];
            assert!(forms.iter().all(|form| run.stderr.contains(&format!("(stored as '{form}')"))), "{run}");
            assert!(keys.iter().all(|key| run.stderr.contains(key)), "{run}");
        }
    }
    assert_eq!(shop.everything()[..7], before[..7]);
    let (detail, statement) = mending(&shop);
    for noun in ["user", "product", "order"] {
        let id = shown(noun);
        let told = format!("{noun}s {id} (stored as '{id}' and '{}')", id.to_uppercase());
        assert!(detail.contains(&told), "{told}: {detail}");
    }
    shop.sql(&statement);
    assert!(!mending(&shop).0.contains("two rows"), "{detail}");
    assert_eq!(shop.number("SELECT COUNT(*) FROM order_items i JOIN orders o ON o.id = i.order_id JOIN products p ON p.id = i.product_id"), 2);
    shop.run(&["order", "pay", "TWIN-1"]).success();
    shop.run(&["adopt", "--yes"]).success();
    assert_green(&shop);
}

#[test]
fn an_event_about_a_row_with_an_odd_id_is_not_odd_itself() {
    let shop = Shop::migrated(Backend::Sqlite).expect("always there");
    shop.sql("INSERT INTO products (id, sku, name, price, stock_quantity) VALUES (7, 'SEVEN', 'Seven', 1, 5)");
    adopt(&shop);
    let run = shop.run(&["doctor", "--deep"]).success();
    assert!(run.stdout.contains("products.id 7") && !run.stdout.contains("audit_events"), "{run}");
    assert!(!run.stdout.contains("stock_movements.product_id"), "{run}");
}
