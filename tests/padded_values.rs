//! Values with blanks at their ends, which MySQL's and MariaDB's collations do not see.

use serde_json::Value;

use crate::adopt_rows::{assert_green, forget_checks, place, stocked, unbound};
use crate::on_every_backend;
use crate::support::Shop;

on_every_backend!(
    values_with_blanks_around_them_are_named_and_mended,
    an_order_whose_status_ends_with_a_blank_is_no_sale,
    a_long_list_of_odd_rows_can_be_listed_in_full,
);

fn values_with_blanks_around_them_are_named_and_mended(shop: &Shop) {
    stocked(shop);
    forget_checks(shop);
    place(shop, "APP-1", "pending");
    place(shop, "APP-2 ", "pending");
    unbound(shop, "UPDATE orders SET status = 'paid ' WHERE reference = 'APP-1'");
    shop.sql(
        "INSERT INTO users (email, password_hash, first_name, last_name) VALUES ('ben@example.com ', 'x', 'B', 'M')",
    );
    unbound(shop, "UPDATE users SET status = 'active ' WHERE first_name = 'B'");
    shop.sql("UPDATE products SET sku = 'PEN ' WHERE sku = 'PEN'");
    let deep = shop.run(&["doctor", "--deep"]).success();
    for name in ["('paid ')", "('active ')", "'ben@example.com '", "'PEN '", "'APP-2 '"] {
        assert!(deep.stdout.contains(name), "{name}: {deep}");
    }
    let ship = ["order", "ship", "APP-1", "--tracking", "1Z"];
    shop.run(&ship).exits_with(6).says("order APP-1 has the unknown status 'paid '").says("shopctl adopt --dry-run");
    let told = shop.run(&["adopt", "--dry-run"]).success();
    told.says("order APP-1 has the status 'paid '").says("user 'ben@example.com ' has the status 'active '");
    let run = shop.run(&["adopt", "--fix-totals", "--yes", "--json"]).success().json();
    let repairs = run["repairs"].as_array().expect("a list").clone();
    assert_eq!(repairs.len(), 5, "{run}");
    // The address last: the statement for the status names the row by it.
    for repair in repairs.iter().rev() {
        let repair = repair["repair"].as_str().unwrap_or_else(|| panic!("no repair: {run}"));
        if repair.starts_with("shopctl ") { drop(shop.paste(repair).success()) } else { shop.sql(repair) }
    }
    let run = shop.run(&["adopt", "--fix-totals", "--yes", "--json"]).success().json();
    assert_eq!(run["repairs"], Value::Array(Vec::new()), "{run}");
    assert_green(shop);
    assert_eq!(shop.column("SELECT CONCAT(sku, '|') FROM products ORDER BY sku"), ["MUG|", "PEN|"]);
    shop.run(&ship).success();
}

fn an_order_whose_status_ends_with_a_blank_is_no_sale(shop: &Shop) {
    stocked(shop);
    forget_checks(shop);
    place(shop, "APP-1", "paid");
    place(shop, "APP-2", "paid");
    shop.sql("UPDATE orders SET total_amount = 27.40");
    unbound(shop, "UPDATE orders SET status = 'paid ' WHERE reference = 'APP-2'");
    let sales = shop.run(&["report", "sales", "--json"]).success().json();
    assert_eq!(sales["totals"]["gross"], "27.40", "{sales}");
    let statuses = shop.run(&["report", "orders-by-status", "--json"]).success().json();
    let of = |status: &str| {
        let rows = statuses["items"].as_array().expect("a list").iter();
        rows.filter(|row| row["status"] == status).map(|row| row["orders"].as_i64().expect("a number")).sum::<i64>()
    };
    assert_eq!((of("paid"), of("paid ")), (1, 1), "{statuses}");
    assert_eq!(statuses["totals"]["revenue"], "27.40", "{statuses}");
    let listed = shop.run(&["order", "list", "--status", "paid", "-o", "id"]).success();
    assert_eq!(listed.stdout.lines().count(), 1, "{listed}");
}

fn a_long_list_of_odd_rows_can_be_listed_in_full(shop: &Shop) {
    stocked(shop);
    forget_checks(shop);
    (0..12).for_each(|number| place(shop, &format!("APP-{number}"), "pending"));
    unbound(shop, "UPDATE orders SET status = 'lost'");
    let run = shop.run(&["doctor", "--deep", "--json"]).success().json();
    let checks = run["items"].as_array().expect("a list");
    let check = checks.iter().find(|check| check["name"] == "status-is-known").expect("checked");
    let (detail, hint) = (check["detail"].as_str().expect("text"), check["hint"].as_str().expect("text"));
    assert!(detail.starts_with("unknown statuses: 12 (") && detail.ends_with(" and 7 more)"), "{check}");
    let command = hint.split_once("; to list them all: ").expect("a way").1;
    let all = shop.paste(command).success().json();
    let checks = all["items"].as_array().expect("a list");
    let rows = checks.iter().find(|check| check["name"] == "status-is-known").expect("checked")["rows"].clone();
    let rows = rows.as_array().expect("a list");
    assert!(rows.len() == 12 && rows.iter().all(|row| row.as_str().is_some_and(|row| row.contains("lost"))), "{all}");
}
