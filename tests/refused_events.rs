//! What was refused stands in the audit trail with what it was about, by its key.

use crate::on_every_backend;
use crate::support::Shop;

on_every_backend!(a_refused_operation_names_what_it_was_about, the_key_of_a_refused_row_is_that_of_now);

/// The newest refused event: operation, kind of entity, key.
fn refused(shop: &Shop) -> (String, String, String) {
    let run = shop.run(&["audit", "list", "--outcome", "failed", "--limit", "1", "--json"]).success().json();
    let text = |name: &str| run["items"][0][name].as_str().unwrap_or("none").to_owned();
    (text("operation"), text("entity_type"), text("name"))
}

fn a_refused_operation_names_what_it_was_about(shop: &Shop) {
    let (ann, bo, cid) = (shop.user("ann"), shop.user("bo"), shop.user("cid"));
    ["MUG", "PEN", "HAT"].iter().for_each(|sku| shop.product(sku, "12.50", 5));
    let order = shop.run(&["order", "create", "--user", &ann, "--item", "MUG", "--json"]).success().json();
    let order = order["reference"].as_str().expect("text");
    shop.run(&["user", "disable", &cid, "--yes"]).success();
    shop.run(&["product", "retire", "HAT", "--yes"]).success();
    shop.file("pw", "correct horse battery\n");
    let update = ["user", "update", &bo, "--email", &ann];
    let create = ["user", "create", "--email", &ann, "--first-name", "A", "--last-name", "B", "--password-file", "pw"];
    let cases: [(&[&str], &str, &str, &str); 13] = [
        (&["order", "complete", order], "order.complete", "order", order),
        (&["order", "refund", order, "--yes"], "order.refund", "order", order),
        (&["order", "change", order, "--item", "HAT:2"], "order.change", "order", order),
        (&["order", "change", order, "--item", "MUG:99"], "order.change", "order", order),
        (&["order", "create", "--user", &ann, "--item", "MUG:99"], "order.place", "user", &ann),
        (&["order", "create", "--user", &cid, "--item", "MUG"], "order.place", "user", &cid),
        (&["order", "create", "--user", &bo, "--item", "HAT"], "order.place", "user", &bo),
        (&update, "user.update", "user", &bo),
        (&create, "user.create", "user", &ann),
        (&["user", "delete", &ann, "--confirm", &ann], "user.delete", "user", &ann),
        (&["user", "anonymize", &ann, "--confirm", &ann], "user.anonymize", "user", &ann),
        (&["product", "create", "--name", "x", "--sku", "mug", "--price", "1"], "product.create", "product", "MUG"),
        (&["stock", "adjust", "PEN", "-6", "--reason", "damaged"], "stock.adjust", "product", "PEN"),
    ];
    for (command, operation, kind, key) in cases {
        shop.run(command).exits_with(6);
        assert_eq!(refused(shop), (operation.to_owned(), kind.to_owned(), key.to_owned()), "{command:?}");
    }
    let paid = shop.run(&["audit", "list", "--operation", "order.place", "--outcome", "succeeded", "--json"]).success();
    let operation = paid.json()["items"][0]["operation_id"].as_str().expect("text").to_owned();
    shop.run(&["undo", &operation, "--yes"]).exits_with(6);
    assert_eq!(refused(shop), ("undo".to_owned(), "operation".to_owned(), order.to_owned()));
    // For people, and among what happened to the customer.
    let table = shop.run(&["audit", "list", "--outcome", "failed", "--user", &cid, "-o", "table"]).success().stdout;
    assert!(table.contains(&format!("user {cid}")) && table.contains("refused: "), "{table}");
    shop.run(&["audit", "verify"]).success();
}

fn the_key_of_a_refused_row_is_that_of_now(shop: &Shop) {
    let (ann, bo) = (shop.user("ann"), shop.user("bo"));
    shop.product("MUG", "12.50", 5);
    shop.run(&["user", "update", &bo, "--email", &ann]).exits_with(6);
    shop.run(&["user", "update", &bo, "--email", "bob@example.com"]).success();
    assert_eq!(refused(shop).2, "bob@example.com");
    shop.run(&["user", "anonymize", "bob@example.com", "--confirm", "bob@example.com"]).success();
    assert!(!refused(shop).2.contains("bob@"), "the address is erased");
    // A deleted row is named by its last event.
    shop.run(&["stock", "adjust", "MUG", "-6", "--reason", "damaged"]).exits_with(6);
    shop.run(&["product", "delete", "MUG", "--confirm", "MUG"]).success();
    assert_eq!(refused(shop).2, "MUG");
}
