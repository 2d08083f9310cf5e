//! Reports of a shop in which other programs left values that cannot be read or added.

use super::{field, order, report, sold};
use crate::on_every_backend;
use crate::support::{Backend, Shop};

on_every_backend!(
    times_stored_by_other_programs_fall_into_their_periods,
    values_that_cannot_be_added_are_left_out_of_sums_and_counted,
    rows_whose_time_cannot_be_read_are_counted_as_left_out,
);

/// SQLite keeps times as text in whatever form a program wrote.
fn times_stored_by_other_programs_fall_into_their_periods(shop: &Shop) {
    if shop.backend != Backend::Sqlite {
        return;
    }
    let ann = shop.user("ann");
    shop.product("MUG", "12.50", 10);
    let times = [
        ("2026-03-01 00:00:00", 1),
        ("2026-03-01T23:59:59Z", 10),
        ("2026-03-02T00:30:00+02:00", 100),
        ("2026-02-28T23:30:00-02:00", 1000),
        ("2026-03-01", 10_000),
        ("2026-03-01T00:00:00.000+00:00", 100_000),
        ("no time", 1_000_000),
        ("2026-03-02T00:00:00+00:00", 10_000_000),
    ];
    for (time, cents) in times {
        order(shop, &ann, "paid", "2020-01-01T00:00:00", &[("MUG", 1, cents)]);
        shop.sql(&format!("UPDATE orders SET created_at = '{time}' WHERE created_at LIKE '2020%'"));
    }
    let one_day = "--since 2026-03-01 --until 2026-03-01";
    assert_eq!(sold(&report(shop, &format!("sales {one_day}"))), ["2026-03-01 6 6 1111.11"]);
    assert_eq!(field(&report(shop, &format!("customers {one_day}")), "revenue"), ["1111.11"]);
    assert_eq!(field(&report(shop, &format!("top-products {one_day}")), "revenue"), ["1111.11"]);
    let run = shop.run(&["order", "list", "--since", "2026-03-01", "--until", "2026-03-01", "-o", "id"]).success();
    assert_eq!(run.stdout.lines().count(), 6, "lists and reports agree");
    assert_eq!(field(&report(shop, "customers --until 2999-12-31"), "orders"), [7], "all that have a time");
    let customers = report(shop, "customers");
    assert_eq!(field(&customers, "last_order"), ["2026-03-02T00:00:00.000000Z"]);
    assert_eq!(field(&customers, "orders"), [8], "without a period every order counts");
}

fn values_that_cannot_be_added_are_left_out_of_sums_and_counted(shop: &Shop) {
    let ann = shop.user("ann");
    shop.product("MUG", "2.50", 4);
    shop.product("ODD", "2.50", 4);
    let odd: &[&str] = match shop.backend {
        Backend::Sqlite => &["'abc'", "'12,50'", "1e300", "X'3132'", "9e999"],
        Backend::Postgres => &["'NaN'"],
        Backend::MariaDb => &["NULL"],
    };
    match shop.backend {
        Backend::Sqlite | Backend::Postgres => {}
        Backend::MariaDb => shop.sql(
            "ALTER TABLE orders MODIFY total_amount decimal(12,2) NULL; ALTER TABLE order_items MODIFY unit_price decimal(10,2) NULL; \
             ALTER TABLE products MODIFY price decimal(10,2) NULL",
        ),
    }
    order(shop, &ann, "paid", "2026-03-10T12:00:00", &[("MUG", 2, 500)]);
    let first = shop.column("SELECT reference FROM orders").remove(0);
    for _ in odd {
        order(shop, &ann, "paid", "2026-03-10T12:00:00", &[("MUG", 1, 700)]);
    }
    let others = shop.column(&format!("SELECT reference FROM orders WHERE reference <> '{first}' ORDER BY reference"));
    for (reference, value) in others.iter().zip(odd) {
        shop.sql(&format!("UPDATE orders SET total_amount = {value} WHERE reference = '{reference}'"));
        shop.sql(&format!(
            "UPDATE order_items SET unit_price = {value} WHERE order_id = (SELECT id FROM orders WHERE reference = '{reference}')"
        ));
    }
    shop.sql(&format!("UPDATE products SET price = {} WHERE sku = 'ODD'", odd[0]));
    let rows = |count: usize| {
        if count == 1 { "1 row is not included".to_owned() } else { format!("{count} rows are not included") }
    };
    for (arguments, field, sum, count) in [
        (
            &["report", "sales", "--by", "month", "--since", "2026-03-01", "--until", "2026-03-31"][..],
            "net",
            "10.00",
            odd.len(),
        ),
        (&["report", "customers"], "revenue", "10.00", odd.len()),
        (&["report", "top-products"], "revenue", "10.00", odd.len()),
        (&["report", "stock-value"], "value", "10.00", 1),
    ] {
        let run = shop.run(&[arguments, &["--json"]].concat()).success();
        assert_eq!(run.json()["items"][0][field], sum, "{run}");
        if arguments[1] == "sales" {
            assert_eq!(run.json()["totals"]["average"], "10.00", "of the orders that are counted: {run}");
        }
        assert!(run.stderr.contains(&rows(count)) && run.stderr.contains("doctor --deep"), "{run}");
    }
    let by_status = shop.run(&["report", "orders-by-status", "--json"]).success().says(&rows(odd.len()));
    assert_eq!(by_status.json()["totals"]["revenue"], "10.00", "{by_status}");
}

fn rows_whose_time_cannot_be_read_are_counted_as_left_out(shop: &Shop) {
    let ann = shop.user("ann");
    shop.product("MUG", "2.50", 100);
    let odd = match shop.backend {
        Backend::Sqlite => "'no time'",
        Backend::Postgres | Backend::MariaDb => "NULL",
    };
    for table in ["orders", "order_refunds", "products", "stock_movements"] {
        match shop.backend {
            Backend::Sqlite => {}
            Backend::Postgres => shop.sql(&format!("ALTER TABLE {table} ALTER created_at DROP NOT NULL")),
            Backend::MariaDb => shop.sql(&format!("ALTER TABLE {table} MODIFY created_at datetime(6) NULL")),
        }
    }
    for status in ["paid", "paid", "shipped", "pending"] {
        order(shop, &ann, status, "2026-03-10T12:00:00", &[("MUG", 2, 500)]);
    }
    shop.run(&["adopt", "--yes"]).success();
    shop.run(&["order", "refund", "T000000002", "--amount", "1.00", "--yes"]).success();
    shop.sql(&format!("UPDATE orders SET created_at = {odd} WHERE reference IN ('T000000001', 'T000000003')"));
    let of_march = ["--since", "2026-03-01", "--until", "2026-03-31"];
    let told = |count: usize| {
        let rows = if count == 1 { "1 row is".to_owned() } else { format!("{count} rows are") };
        format!("{rows} not included at all: the time is missing or invalid")
    };
    for (report, count) in [("sales", 1), ("customers", 1), ("top-products", 1), ("orders-by-status", 2)] {
        let run = shop.run(&[&["report", report], &of_march[..]].concat()).success().says(&told(count));
        run.says("shopctl doctor --deep");
    }
    // All of them are in no period, and nothing is left out without one.
    for report in ["customers", "top-products", "orders-by-status"] {
        let run = shop.run(&["report", report]).success();
        assert!(!run.stderr.contains("not included"), "{run}");
    }
    shop.sql(&format!("UPDATE order_refunds SET created_at = {odd}"));
    shop.run(&["report", "sales"]).success().says(&told(2));
    let dashboard = shop.run(&["report", "dashboard"]).success().says(&told(2));
    assert_eq!(dashboard.stdout.matches(&format!("<p>{}.", told(2))).count(), 2, "both sales: {dashboard}");
    let at = ["report", "stock-value", "--at", "2999-01-01"];
    let run = shop.run(&at).success();
    assert!(!run.stderr.contains("not included"), "{run}");
    shop.sql(&format!("UPDATE stock_movements SET created_at = {odd} WHERE reason = 'initial'"));
    shop.run(&at).success().says(&told(1));
    shop.sql(&format!("UPDATE products SET created_at = {odd}"));
    shop.run(&at).success().says(&told(2));
    let run = shop.run(&["report", "stock-value"]).success();
    assert!(!run.stderr.contains("not included"), "{run}");
}
