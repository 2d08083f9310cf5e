//! Rows that a name cannot tell apart, because another program dropped a unique index or a primary key, or stored one
//! UUID in two forms: none of them is guessed.

use crate::on_every_backend;
use crate::support::Shop;
use crate::support::foreign::drop_unique;

on_every_backend!(
    one_of_two_users_with_the_same_address_is_never_guessed,
    one_of_two_products_with_the_same_sku_is_never_guessed,
    one_of_two_orders_with_the_same_reference_is_never_guessed,
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
        let run = run.says("name it by its id, as in: shopctl ");
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
}
