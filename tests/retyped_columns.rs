//! Columns of numbers that another program gave another type of number: the same rows are read, summed and changed.

use crate::on_every_backend;
use crate::support::readers::REPORTS;
use crate::support::{Backend, Shop};

on_every_backend!(
    a_number_is_the_same_in_a_column_of_another_type,
    numbers_that_no_amount_can_be_are_named_and_stop_nothing
);

const READERS: [&[&str]; 5] = [
    &["order", "list", "-o", "csv"],
    &["order", "export", "-o", "csv"],
    &["product", "list", "-o", "csv"],
    &["product", "export", "-o", "jsonl"],
    &["stock", "list", "-o", "csv"],
];

const CHECKS: [&[&str]; 4] =
    [&["audit", "verify"], &["stock", "verify"], &["doctor", "--deep"], &["adopt", "--dry-run", "--exit-code"]];

fn readers() -> impl Iterator<Item = Vec<&'static str>> {
    let reports = REPORTS.iter().map(|report| [report, &["-o", "csv"][..]].concat());
    READERS.iter().map(|reader| reader.to_vec()).chain(reports)
}

/// A shop with a paid and a pending order; the reference of the paid one.
fn sold(shop: &Shop) -> String {
    shop.user("ann");
    shop.product("MUG", "10.99", 10);
    let order = |item: &str| {
        let run = shop.run(&["order", "create", "--user", "ann@example.com", "--item", item, "--json", "--quiet"]);
        run.success().json()["reference"].as_str().expect("text").to_owned()
    };
    order("MUG:1");
    let paid = order("MUG:3");
    shop.run(&["order", "pay", &paid]).success();
    shop.run(&["order", "refund", &paid, "--line", "MUG:1", "--yes"]).success();
    paid
}

fn set_type(shop: &Shop, table: &str, column: &str, ty: &str) {
    shop.sql(&match shop.backend {
        Backend::Postgres => {
            format!("ALTER TABLE {table} ALTER {column} DROP DEFAULT, ALTER {column} TYPE {ty} USING {column}::{ty}")
        }
        _ => format!("ALTER TABLE {table} MODIFY {column} {ty} NOT NULL"),
    });
}

fn a_number_is_the_same_in_a_column_of_another_type(shop: &Shop) {
    let (whole, amount): (&[&str], &[&str]) = match shop.backend {
        // A column has no type of its own.
        Backend::Sqlite => return,
        Backend::Postgres => {
            (&["bigint", "smallint", "numeric", "double precision"], &["double precision", "numeric", "real"])
        }
        Backend::MariaDb => {
            (&["int unsigned", "bigint", "bigint unsigned", "decimal(12,0)", "double"], &["double", "decimal(40,4)"])
        }
    };
    let paid = sold(shop);
    let read = || readers().map(|arguments| shop.run(&arguments).success().stdout).collect::<Vec<_>>();
    let expected = read();
    let columns = [
        ("order_items", "quantity", whole),
        ("products", "stock_quantity", whole),
        ("products", "price", amount),
        ("orders", "total_amount", amount),
    ];
    for (table, column, types) in columns {
        for ty in types {
            set_type(shop, table, column, ty);
            assert_eq!(read(), expected, "{table}.{column} {ty}");
            for check in CHECKS {
                shop.run(check).success();
            }
            for change in [
                &["order", "create", "--user", "ann@example.com", "--item", "MUG:6", "-n"][..],
                &["order", "refund", &paid, "--line", "MUG:1", "-n"],
                &["order", "cancel", &paid, "-n"],
                &["stock", "adjust", "MUG", "+1", "--reason", "received", "-n"],
            ] {
                let run = shop.run(change);
                assert!(
                    [0, 6].contains(&run.code) && !run.stderr.contains("odd_value"),
                    "{table}.{column} {ty}: {run}"
                );
            }
        }
    }
    shop.run(&["order", "refund", &paid, "--yes"]).success();
    let products = shop.run(&["product", "list", "--json"]).success().json();
    assert_eq!(products["items"][0]["stock_quantity"], 9);
    shop.run(&["audit", "verify"]).success();
}

fn numbers_that_no_amount_can_be_are_named_and_stop_nothing(shop: &Shop) {
    let (ty, values): (&str, &[&str]) = match shop.backend {
        // In tests of any value in any column.
        Backend::Sqlite => return,
        Backend::Postgres => ("numeric", &["'NaN'", "'Infinity'", "1e40"]),
        Backend::MariaDb => ("decimal(40,4)", &["1e33"]),
    };
    let paid = sold(shop);
    set_type(shop, "orders", "total_amount", ty);
    for value in values {
        shop.sql(&format!("UPDATE orders SET total_amount = {value} WHERE reference = '{paid}'"));
        for reader in readers() {
            shop.run(&reader).success();
        }
        let doctor = shop.run(&["doctor", "--deep"]);
        assert!(doctor.stdout.contains("orders.total_amount"), "{value}: {doctor}");
        shop.run(&["audit", "verify"]).exits_with(9);
    }
}
