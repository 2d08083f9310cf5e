//! Reports: the same on every engine, exact to the cent, by the days of a time zone.

mod odd_rows;

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::on_every_backend;
use crate::support::{Backend, Shop};

on_every_backend!(
    only_paid_shipped_and_completed_orders_are_sales,
    sums_are_exact_over_thousands_of_lines,
    sums_exceed_the_limit_of_a_single_order,
    days_follow_the_time_zone,
    a_day_of_a_clock_change_has_23_or_25_hours,
    best_sellers_are_listed_first,
    reports_on_an_empty_shop_are_empty,
    refunds_count_on_their_day_and_totals_stay_as_they_were_placed,
    best_sellers_are_ranked_without_what_was_given_back,
    export_report_and_refunds_of_a_generated_shop_agree_to_the_cent,
);

/// `Europe/Berlin` needs the system's zone files.
fn has_zones() -> bool {
    let has_zones = std::path::Path::new("/usr/share/zoneinfo/Europe/Berlin").exists();
    if !has_zones {
        eprintln!("left out: this system has no zone files");
    }
    has_zones
}

/// An order as another program writes it, its lines given as (SKU, quantity, price in cents).
fn order(shop: &Shop, email: &str, status: &str, time: &str, lines: &[(&str, i64, i64)]) {
    let total: i64 = lines.iter().map(|(_, quantity, price)| quantity * price).sum();
    let reference = format!("T{:09}", shop.number("SELECT COUNT(*) FROM orders"));
    shop.sql(&format!(
        "INSERT INTO orders (reference, user_id, status, total_amount, created_at) \
         SELECT '{reference}', id, '{status}', {}, '{}' FROM users WHERE email = '{email}'",
        decimal(total),
        stored(shop, time),
    ));
    for (sku, quantity, price) in lines {
        shop.sql(&format!(
            "INSERT INTO order_items (order_id, product_id, quantity, unit_price) SELECT o.id, p.id, {quantity}, {} \
             FROM orders o, products p WHERE o.reference = '{reference}' AND p.sku = '{sku}'",
            decimal(*price),
        ));
    }
}

fn decimal(cents: i64) -> Decimal {
    Decimal::new(cents, 2)
}

/// A time in UTC (`2026-03-01T12:00:00`) as shopctl stores it.
fn stored(shop: &Shop, time: &str) -> String {
    match shop.backend {
        Backend::Sqlite | Backend::Postgres => format!("{time}+00:00"),
        Backend::MariaDb => time.replace('T', " "),
    }
}

fn report(shop: &Shop, arguments: &str) -> Value {
    let arguments: Vec<&str> = ["report"].into_iter().chain(arguments.split(' ')).chain(["--json"]).collect();
    shop.run(&arguments).success().json()
}

/// One field of every row.
fn field(report: &Value, name: &str) -> Vec<Value> {
    report["items"].as_array().expect("a list").iter().map(|row| row[name].clone()).collect()
}

/// Rows with something in them, as `PERIOD ORDERS UNITS NET`.
fn sold(report: &Value) -> Vec<String> {
    let rows = report["items"].as_array().expect("a list").iter().filter(|row| row["orders"] != 0);
    rows.map(|row| {
        let text = |name: &str| row[name].as_str().map_or_else(|| row[name].to_string(), str::to_owned);
        [text("period"), text("orders"), text("units"), text("net")].join(" ")
    })
    .collect()
}

fn only_paid_shipped_and_completed_orders_are_sales(shop: &Shop) {
    let ann = shop.user("ann");
    shop.product("MUG", "12.50", 10);
    let statuses = ["pending", "paid", "shipped", "completed", "cancelled", "refunded"];
    for (position, status) in statuses.iter().enumerate() {
        let price = 10_i64.pow(u32::try_from(position).expect("six"));
        order(shop, &ann, status, "2026-03-10T12:00:00", &[("MUG", 2, price), ("MUG", 1, price)]);
    }
    let sales = report(shop, "sales --by month --since 2026-02-01 --until 2026-04-30");
    assert_eq!(field(&sales, "period"), ["2026-02", "2026-03", "2026-04"]);
    assert_eq!(sold(&sales), ["2026-03 3 9 33.30"]);
    assert_eq!(field(&sales, "average"), [Value::Null, json!("11.10"), Value::Null]);
    assert_eq!(
        sales["totals"],
        json!({"orders": 3, "units": 9, "gross": "33.30", "refunds": "0.00", "net": "33.30", "average": "11.10"})
    );
    assert_eq!(field(&report(shop, "top-products"), "revenue"), ["33.30"]);
    assert_eq!(field(&report(shop, "top-products"), "units"), [9]);
    assert_eq!(field(&report(shop, "customers"), "orders"), [3]);
    let by_status = report(shop, "orders-by-status");
    assert_eq!(field(&by_status, "status"), statuses);
    assert_eq!(field(&by_status, "amount"), ["0.03", "0.30", "3.00", "30.00", "300.00", "3000.00"]);
    assert_eq!(field(&by_status, "is_sale"), [false, true, true, true, false, false]);
    assert_eq!(by_status["totals"], json!({"orders": 6, "revenue": "33.30"}));
    assert_eq!(field(&report(shop, "orders-by-status --since 2026-03-11"), "orders"), [0; 6]);
    assert_eq!(field(&report(shop, "top-products --until 2026-03-09"), "sku").len(), 0);
}

/// Cents that no float holds, on every day of a year, added up once more here.
fn sums_are_exact_over_thousands_of_lines(shop: &Shop) {
    let ann = shop.user("ann");
    shop.product("MUG", "12.50", 10);
    shop.product("PEN", "0.10", 10);
    const ORDERS: usize = 3000;
    let mut orders = Vec::new();
    let mut by_month: BTreeMap<String, (i64, i64, i64)> = BTreeMap::new();
    for number in 0..ORDERS {
        let (month, day) = (number % 12 + 1, number % 28 + 1);
        let cents = if number % 2 == 0 { 10 } else { 20 + i64::try_from(number).expect("small") * 33_331 };
        let time = format!("2025-{month:02}-{day:02}T{:02}:59:59.{:06}", number % 24, number * 331 % 1_000_000);
        orders.push(format!("('E{number:05}', {}, '{}', 'paid', {{user}})", decimal(cents), stored(shop, &time)));
        let sums = by_month.entry(format!("2025-{month:02}")).or_default();
        *sums = (sums.0 + 1, sums.1 + 3, sums.2 + cents);
    }
    let user = format!("(SELECT id FROM users WHERE email = '{ann}')");
    let values = orders.join(",").replace("{user}", &user);
    shop.sql(&format!("INSERT INTO orders (reference, total_amount, created_at, status, user_id) VALUES {values}"));
    for (sku, quantity, price) in [("MUG", 1, "0.10"), ("PEN", 2, "0.70")] {
        shop.sql(&format!(
            "INSERT INTO order_items (order_id, product_id, quantity, unit_price) SELECT o.id, p.id, {quantity}, {price} \
             FROM orders o, products p WHERE p.sku = '{sku}'"
        ));
    }
    let expected: Vec<String> = by_month
        .iter()
        .map(|(month, (orders, units, cents))| format!("{month} {orders} {units} {}", decimal(*cents)))
        .collect();
    let sales = report(shop, "sales --by month --since 2025-01-01 --until 2025-12-31");
    assert_eq!(sold(&sales), expected);
    for step in ["day", "week"] {
        let other = report(shop, &format!("sales --by {step} --since 2025-01-01 --until 2025-12-31"));
        assert_eq!(other["totals"], sales["totals"], "by {step}");
    }
    assert_eq!(field(&report(shop, "sales --since 2025-01-01 --until 2025-12-31"), "period").len(), 365);
    let top = report(shop, "top-products");
    assert_eq!(
        (field(&top, "sku"), field(&top, "revenue")),
        (vec![json!("PEN"), json!("MUG")], vec![json!("4200.00"), json!("300.00")])
    );
    assert_eq!(report(shop, "customers")["items"][0]["revenue"], sales["totals"]["net"]);
}

fn sums_exceed_the_limit_of_a_single_order(shop: &Shop) {
    let ann = shop.user("ann");
    shop.product("GOLD", "99999999.99", 2_147_483_647);
    shop.product("MORE", "99999999.99", 2_147_483_647);
    for _ in 0..3 {
        order(shop, &ann, "paid", "2026-03-10T12:00:00", &[("GOLD", 100, 9_999_999_999)]);
    }
    let stock = report(shop, "stock-value --limit 1");
    assert_eq!(field(&stock, "value"), ["214748364678525163.53"]);
    assert_eq!(stock["totals"], json!({"products": 2, "stock": 4_294_967_294_i64, "value": "429496729357050327.06"}));
    let sales = report(shop, "sales --by month --since 2026-03-01 --until 2026-03-31");
    assert_eq!(sold(&sales), ["2026-03 3 300 29999999997.00"]);
    assert_eq!(field(&sales, "average"), ["9999999999.00"]);
    assert_eq!(field(&report(shop, "top-products"), "revenue"), ["29999999997.00"]);
}

fn days_follow_the_time_zone(shop: &Shop) {
    let ann = shop.user("ann");
    shop.product("MUG", "12.50", 10);
    order(shop, &ann, "paid", "2026-01-31T22:59:59.999999", &[("MUG", 1, 100)]);
    order(shop, &ann, "paid", "2026-01-31T23:00:00", &[("MUG", 1, 200)]);
    order(shop, &ann, "paid", "2026-01-31T23:30:00", &[("MUG", 1, 400)]);
    let period = "--since 2026-01-31 --until 2026-02-01";
    let utc = report(shop, &format!("sales {period}"));
    assert_eq!(sold(&utc), ["2026-01-31 3 3 7.00"]);
    if !has_zones() {
        return;
    }
    let berlin = report(shop, &format!("sales {period} --tz Europe/Berlin"));
    assert_eq!(sold(&berlin), ["2026-01-31 1 1 1.00", "2026-02-01 2 2 6.00"]);
    assert_eq!(berlin["items"][1]["since"], "2026-01-31T23:00:00.000000Z");
    let months = report(shop, "sales --by month --since 2026-01-01 --until 2026-02-28 --tz Europe/Berlin");
    assert_eq!(sold(&months), ["2026-01 1 1 1.00", "2026-02 2 2 6.00"]);
    let top = report(shop, "top-products --since 2026-02-01 --tz Europe/Berlin");
    assert_eq!(field(&top, "revenue"), ["6.00"]);
    // A period may start and end within a day.
    let hour = report(shop, "sales --since 2026-01-31T23:00:00Z --until 2026-01-31T23:30:00Z");
    assert_eq!(sold(&hour), ["2026-01-31 1 1 2.00"]);
}

fn a_day_of_a_clock_change_has_23_or_25_hours(shop: &Shop) {
    if !has_zones() {
        return;
    }
    let ann = shop.user("ann");
    shop.product("MUG", "12.50", 10);
    // 29 March 2026 lasts from 23:00 UTC to 22:00 UTC, 25 October from 22:00 UTC to 23:00 UTC.
    for time in ["2026-03-28T23:00:00", "2026-03-29T21:59:59", "2026-03-29T22:00:00"] {
        order(shop, &ann, "completed", time, &[("MUG", 1, 1)]);
    }
    for time in ["2026-10-24T22:00:00", "2026-10-25T22:59:59", "2026-10-25T23:00:00"] {
        order(shop, &ann, "completed", time, &[("MUG", 1, 1)]);
    }
    let days = |since, until| sold(&report(shop, &format!("sales --since {since} --until {until} --tz Europe/Berlin")));
    assert_eq!(days("2026-03-28", "2026-03-30"), ["2026-03-29 2 2 0.02", "2026-03-30 1 1 0.01"]);
    assert_eq!(days("2026-10-24", "2026-10-26"), ["2026-10-25 2 2 0.02", "2026-10-26 1 1 0.01"]);
    let weeks = report(shop, "sales --by week --since 2026-03-23 --until 2026-04-05 --tz Europe/Berlin");
    assert_eq!(sold(&weeks), ["2026-W13 2 2 0.02", "2026-W14 1 1 0.01"]);
}

fn best_sellers_are_listed_first(shop: &Shop) {
    let (ann, bob) = (shop.user("ann"), shop.user("bob"));
    for sku in ["A", "B", "C"] {
        shop.product(sku, "1.00", 10);
    }
    order(shop, &ann, "paid", "2026-03-10T12:00:00", &[("A", 1, 900), ("B", 20, 30)]);
    order(shop, &bob, "paid", "2026-03-11T12:00:00", &[("B", 10, 31)]);
    order(shop, &bob, "paid", "2026-03-12T12:00:00.5", &[("C", 2, 100)]);
    assert_eq!(field(&report(shop, "top-products"), "sku"), ["B", "A", "C"]);
    assert_eq!(field(&report(shop, "top-products --by quantity"), "units"), [30, 2, 1]);
    assert_eq!(field(&report(shop, "top-products --limit 1"), "revenue"), ["9.10"]);
    let customers = report(shop, "customers");
    assert_eq!(field(&customers, "user"), [ann.as_str(), bob.as_str()]);
    assert_eq!(field(&customers, "orders"), [1, 2]);
    assert_eq!(field(&customers, "last_order")[1], "2026-03-12T12:00:00.500000Z");
    assert_eq!(field(&report(shop, "customers --since 2026-03-11 --limit 5"), "user"), [bob.as_str()]);
}

fn reports_on_an_empty_shop_are_empty(shop: &Shop) {
    for (step, periods) in [("day", 30), ("week", 12), ("month", 12)] {
        let sales = report(shop, &format!("sales --by {step}"));
        assert_eq!(field(&sales, "net"), vec!["0.00"; periods]);
        assert_eq!(
            sales["totals"],
            json!({"orders": 0, "units": 0, "gross": "0.00", "refunds": "0.00", "net": "0.00", "average": null})
        );
    }
    for noun in ["top-products", "customers", "stock-value"] {
        assert_eq!(report(shop, noun)["items"], json!([]));
        shop.run(&["report", noun, "--chart"]).success();
    }
    shop.run(&["report", "top-products", "-o", "table"]).success().says("no products sold");
    assert_eq!(report(shop, "stock-value")["totals"], json!({"products": 0, "stock": 0, "value": "0.00"}));
    assert_eq!(field(&report(shop, "orders-by-status"), "orders"), [0; 6]);
}

/// Takes an order that another program wrote in, and gives money back at this time.
fn refunded_at(shop: &Shop, reference: &str, flags: &[&str], time: &str) {
    shop.run(&[&["order", "refund", reference, "--yes"], flags].concat()).success();
    shop.sql(&format!(
        "UPDATE order_refunds SET created_at = '{}' WHERE order_id = (SELECT id FROM orders WHERE reference = '{reference}')",
        stored(shop, time)
    ));
}

fn refunds_count_on_their_day_and_totals_stay_as_they_were_placed(shop: &Shop) {
    let ann = shop.user("ann");
    shop.product("MUG", "12.50", 10);
    for _ in 0..3 {
        order(shop, &ann, "shipped", "2026-03-10T12:00:00", &[("MUG", 2, 1000)]);
    }
    shop.run(&["adopt", "--yes"]).success();
    refunded_at(shop, "T000000000", &["--line", "MUG:1", "--amount", "9.95"], "2026-03-12T12:00:00");
    refunded_at(shop, "T000000001", &[], "2026-04-01T00:00:00");
    let sales = report(shop, "sales --by month --since 2026-02-01 --until 2026-04-30");
    assert_eq!(field(&sales, "orders"), [0, 3, 0]);
    assert_eq!(field(&sales, "gross"), ["0.00", "60.00", "0.00"]);
    assert_eq!(field(&sales, "refunds"), ["0.00", "9.95", "20.00"]);
    assert_eq!(field(&sales, "net"), ["0.00", "50.05", "-20.00"]);
    let totals =
        json!({"orders": 3, "units": 6, "gross": "60.00", "refunds": "29.95", "net": "30.05", "average": "20.00"});
    assert_eq!(sales["totals"], totals);
    let top = report(shop, "top-products");
    assert_eq!((field(&top, "units"), field(&top, "revenue")), (vec![json!(3)], vec![json!("30.05")]));
    let customers = report(shop, "customers");
    assert_eq!((field(&customers, "orders"), field(&customers, "revenue")), (vec![json!(2)], vec![json!("30.05")]));
    let by_status = report(shop, "orders-by-status");
    assert_eq!(field(&by_status, "refunded"), ["0.00", "0.00", "9.95", "0.00", "0.00", "20.00"]);
    assert_eq!(by_status["totals"], json!({"orders": 3, "revenue": "30.05"}));
    // An order that another program refunded counts once its refund is recorded.
    shop.sql("UPDATE orders SET status = 'refunded' WHERE reference = 'T000000002'");
    assert_eq!(report(shop, "sales --by month --since 2026-03-01 --until 2026-03-31")["totals"]["gross"], "40.00");
    shop.run(&["adopt", "--yes"]).success();
    assert_eq!(report(shop, "sales --by month --since 2026-03-01 --until 2026-03-31")["totals"]["gross"], "60.00");
}

fn best_sellers_are_ranked_without_what_was_given_back(shop: &Shop) {
    let (ann, bob) = (shop.user("ann"), shop.user("bob"));
    for sku in ["A", "B"] {
        shop.product(sku, "1.00", 10);
    }
    order(shop, &ann, "shipped", "2026-03-10T12:00:00", &[("A", 5, 900)]);
    order(shop, &bob, "shipped", "2026-03-11T12:00:00", &[("B", 4, 400)]);
    shop.run(&["adopt", "--yes"]).success();
    shop.run(&["order", "refund", "T000000000", "--line", "A:4", "--yes"]).success();
    let top = report(shop, "top-products");
    assert_eq!(field(&top, "sku"), ["B", "A"]);
    assert_eq!(field(&top, "revenue"), ["16.00", "9.00"]);
    assert_eq!(field(&report(shop, "top-products --by quantity"), "units"), [4, 1]);
    assert_eq!(field(&report(shop, "top-products --limit 1"), "sku"), ["B"]);
    assert_eq!(field(&report(shop, "customers"), "user"), [bob.as_str(), ann.as_str()]);
    shop.run(&["order", "refund", "T000000001", "--line", "B:1", "--amount", "1.00", "--yes"]).success();
    order(shop, &ann, "shipped", "2026-03-12T12:00:00", &[("A", 100, 100), ("B", 1, 1)]);
    shop.run(&["adopt", "--yes"]).success();
    // The sales of a product are never less than nothing.
    shop.run(&["order", "refund", "T000000002", "--line", "B:1", "--amount", "60.00", "--yes"]).exits_with(6);
    shop.run(&["order", "refund", "T000000002", "--line", "B:1", "--yes"]).success();
    let top = report(shop, "top-products");
    assert_eq!(
        (field(&top, "sku"), field(&top, "revenue")),
        (vec![json!("A"), json!("B")], vec![json!("109.00"), json!("15.00")])
    );
}

fn export_report_and_refunds_of_a_generated_shop_agree_to_the_cent(shop: &Shop) {
    let flags = ["--users", "40", "--products", "20", "--orders", "1500", "--as-of", "2026-06-30"];
    shop.run(&[&["seed", "generate", "-y"], &flags[..]].concat()).success();
    let csv = shop.run(&["order", "export", "-o", "csv", "--fields", "status,total_amount,refunded_amount"]).success();
    let cents = |text: &str| if text.is_empty() { 0 } else { text.replace('.', "").parse::<i64>().expect("an amount") };
    let (mut gross, mut refunds) = (0, 0);
    for line in csv.stdout.lines().skip(1) {
        let [status, total, refunded] = line.split(',').collect::<Vec<_>>()[..] else { panic!("{line}") };
        gross += if ["pending", "cancelled"].contains(&status) { 0 } else { cents(total) };
        refunds += cents(refunded);
    }
    let sum =
        if shop.backend == Backend::Sqlite { "CAST(ROUND(SUM(amount) * 100) AS INTEGER)" } else { "SUM(amount) * 100" };
    assert_eq!(shop.number(&format!("SELECT {sum} FROM order_refunds")), refunds);
    assert!(
        refunds > 0
            && shop.number(
                "SELECT COUNT(*) FROM orders o JOIN order_refunds r ON r.order_id = o.id WHERE o.status = 'completed'"
            ) > 10
    );
    let sales = report(shop, "sales --by month --since 2023-01-01 --until 2026-07-31");
    let total = |name: &str| cents(sales["totals"][name].as_str().expect("an amount"));
    assert_eq!((total("gross"), total("refunds"), total("net")), (gross, refunds, gross - refunds));
    let of_customers = report(shop, "customers --limit 1000");
    let of_customers: i64 =
        field(&of_customers, "revenue").iter().map(|sum| cents(sum.as_str().expect("an amount"))).sum();
    assert_eq!(of_customers, gross - refunds);
    let by_status = report(shop, "orders-by-status");
    assert_eq!(cents(by_status["totals"]["revenue"].as_str().expect("an amount")), gross - refunds);
}

#[test]
fn totals_are_separate_from_the_rows() {
    let shop = Shop::migrated(Backend::Sqlite).expect("always there");
    shop.product("MUG", "12.50", 10);
    let run = shop.run(&["report", "stock-value", "-o", "csv", "--fields", "sku,value"]).success();
    assert_eq!(run.stdout, "sku,value\nMUG,125.00\n");
    run.says("total: products 1, stock 10, value 125.00");
    let run = shop.run(&["report", "stock-value", "--json", "--quiet"]).success();
    assert_eq!(run.stderr, "");
    assert_eq!(run.json()["totals"]["value"], "125.00");
}

#[test]
fn charts_are_drawn_only_on_terminals() {
    let shop = Shop::migrated(Backend::Sqlite).expect("always there");
    shop.product("MUG", "12.50", 10);
    for format in ["json", "jsonl", "csv", "tsv", "id"] {
        shop.run(&["report", "stock-value", "--chart", "-o", format]).exits_with(2).says("--chart");
    }
    let run = shop.run(&["report", "stock-value", "--chart"]).success();
    assert!(run.stdout.starts_with("SKU") && run.stdout.contains("\nstock value\nMUG  125.00  ####"), "{run}");
    assert!(run.stdout.lines().all(|line| line.len() <= 80), "{run}");
    let mut command = shop.command(&["report", "sales", "--chart", "--by", "month"]);
    command.env("LC_ALL", "C.UTF-8").env("TERM", "xterm");
    let run = crate::support::shop::finish(command.spawn().expect("built"), &["report"]).success();
    assert!(run.stdout.contains("\nnet from 2") && run.stdout.contains("\n▁▁▁▁▁▁▁▁▁▁▁▁\n"), "{run}");
}

#[test]
fn all_errors_in_a_period_are_reported_together() {
    let shop = Shop::migrated(Backend::Sqlite).expect("always there");
    let run = shop.run(&["report", "sales", "--by", "mnth", "--since", "soon", "--until", "2026-02-30"]);
    let run = run.exits_with(7).says("did you mean month?").says("since soon").says("until 2026-02-30");
    run.says("3 invalid values");
    shop.run(&["report", "sales", "--since", "2020-01-01", "--until", "2026-01-01"]).exits_with(7).says("400 days");
    shop.run(&["report", "sales", "--since", "2026-01-02", "--until", "2026-01-01"])
        .exits_with(7)
        .says("must be after");
    shop.run(&["report", "sales", "--since", "+10000-01-01"]).exits_with(7).says("from 1900 to 2999");
    shop.run(&["report", "customers", "--limit", "0"]).exits_with(7).says("limit 0");
    if has_zones() {
        for (typed, meant) in [("Europe/Berln", "Europe/Berlin"), ("berlin", "Europe/Berlin"), ("utc+1", "")] {
            shop.run(&["report", "sales", "--tz", typed]).exits_with(7).says(meant);
        }
        shop.run(&["report", "sales", "--tz", "../../../etc/passwd"]).exits_with(7).says("is not a known time zone");
    }
    let mut command = shop.command(&["report", "sales", "--tz", "Europe/Berlin"]);
    command.env("TZDIR", shop.home.path());
    let run = crate::support::shop::finish(command.spawn().expect("built"), &["report"]);
    run.exits_with(7).says("is not a known time zone");
}

#[test]
fn a_report_is_written_to_a_file_in_the_format_of_its_ending() {
    let shop = Shop::migrated(Backend::Sqlite).expect("always there");
    shop.user("ann");
    shop.product("MUG", "5", 9);
    for report in ["sales", "top-products", "customers", "orders-by-status", "stock-value"] {
        let path = shop.path("report.json");
        shop.run(&["report", report, "--out", "report.json"]).success();
        let written: Value = serde_json::from_slice(&std::fs::read(&path).expect("it is written")).expect("JSON");
        assert!(written["items"].is_array(), "{report}: {written}");
        shop.run(&["report", report, "--out", "report.xlsx"]).exits_with(2).says("would not match the extension .xlsx");
        shop.run(&["report", report, "--out", "report.csv", "--chart"]).exits_with(2);
        shop.run(&["report", report, "--out", "report.csv", "--fields", "nothing"]).exits_with(2);
        assert!(!shop.path("report.csv").exists(), "{report}");
        // Its help looks like that of all others.
        let help = shop.run(&["report", report, "--help"]).success().stdout;
        assert!(help.lines().nth(2).is_some_and(|line| line.starts_with("Usage: ")), "{help}");
        assert!(!help.contains("see a summary"), "{help}");
    }
    shop.run(&["report", "stock-value", "--out", "report.csv"]).success();
    assert!(std::fs::read_to_string(shop.path("report.csv")).expect("it is written").contains(",MUG,"));
}
