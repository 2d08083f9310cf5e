//! `report dashboard`: the figures of the reports as one page, read as text here and by a real browser.

use std::path::Path;
use std::process::Command;

use chrono::{Days, Utc};
use serde_json::Value;

use crate::on_every_backend;
use crate::support::servers::has_client;
use crate::support::shop::finish;
use crate::support::{Backend, Shop};

on_every_backend!(
    the_page_has_the_figures_of_the_reports,
    an_empty_shop_has_a_page_that_says_so,
    sums_say_what_they_leave_out,
);

const FIGURES: [&str; 6] =
    ["sales-by-day", "sales-by-month", "orders-by-status", "top-products", "low-stock", "stock-value"];

/// Names that would break out of a page, or change how the rest of it reads.
fn hostile_names() -> [String; 5] {
    [
        "<script>console.error('broken out')</script>".to_owned(),
        "\"><img src=x onerror=console.error(1)> &amp; 'quoted' </title></svg></style>".to_owned(),
        "\u{202e}gnp.exe \u{2066}reversed".to_owned(),
        "كوب أزرق <b> קנקן".to_owned(),
        format!("{}end", "very long ".repeat(25)),
    ]
}

/// A shop with orders in several months and states, refunds, and hostile names.
fn furnished(shop: &Shop) {
    let (ann, bob) = (shop.user("ann"), shop.user("bob"));
    for (number, name) in (0..).zip(hostile_names()) {
        let sku = format!("P{number}");
        shop.product(&sku, "12.50", 3 * number);
        // As another program may store it.
        shop.sql(&format!("UPDATE products SET name = '{}' WHERE sku = '{sku}'", name.replace('\'', "''")));
    }
    shop.product("MUG", "3.10", 40);
    let order = |who: &str, items: &[&str]| {
        let items: Vec<&str> = items.iter().flat_map(|item| ["--item", item]).collect();
        let run = shop.run(&[&["order", "create", "--user", who, "--json"], &items[..]].concat()).success();
        run.json()["reference"].as_str().expect("text").to_owned()
    };
    let [first, second, third, _] = [&["MUG:2", "P2:1"][..], &["P3:2", "P4:7"], &["MUG:1"], &["P1:1"]]
        .map(|items| order(if items[0] == "MUG:1" { &bob } else { &ann }, items));
    for reference in [&first, &second, &third] {
        shop.run(&["order", "pay", reference]).success();
    }
    shop.run(&["order", "ship", &second]).success();
    shop.run(&["order", "refund", &first, "--line", "MUG:1", "--reason", "broken", "--yes"]).success();
    for (reference, days) in [(&first, 3), (&second, 45)] {
        let condition = format!("reference = '{reference}'");
        age(shop, "orders", days, &condition);
    }
    age(shop, "products", 200, "sku <> 'P4'");
    age(shop, "stock_movements", 100, "reason = 'initial'");
}

/// Sets rows back by some days.
#[expect(clippy::disallowed_methods, reason = "what is in the last 30 days depends on the clock of the test")]
fn age(shop: &Shop, table: &str, days: u64, condition: &str) {
    let time = (Utc::now() - Days::new(days)).format("%Y-%m-%d %H:%M:%S%.6f").to_string();
    let time = if shop.backend == Backend::MariaDb { time } else { format!("{time}+00:00") };
    shop.sql(&format!("UPDATE {table} SET created_at = '{time}' WHERE {condition}"));
}

fn page(shop: &Shop, arguments: &[&str]) -> String {
    shop.run(&[&["report", "dashboard"], arguments].concat()).success().stdout
}

/// The rows of the table below a figure.
fn rows(page: &str, figure: &str) -> Vec<Vec<String>> {
    let (_, rest) = page.split_once(&format!("<figure id=\"{figure}\"")).unwrap_or_else(|| panic!("{figure}: {page}"));
    let (figure, _) = rest.split_once("</figure>").expect("an end");
    let lines = figure.lines().filter(|line| line.starts_with("<tr><td"));
    lines
        .map(|line| line.split("<bdi>").skip(1).map(|cell| plain(cell.split("</bdi>").next().unwrap())).collect())
        .collect()
}

fn plain(html: &str) -> String {
    let signs = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&amp;", "&")];
    signs.iter().fold(html.to_owned(), |text, (entity, sign)| text.replace(entity, sign))
}

/// Fields of the rows of a report, as people read them.
fn reported(shop: &Shop, command: &str, zone: &str, fields: &[&str]) -> Vec<Vec<String>> {
    let arguments: Vec<&str> = command.split(' ').chain(["--tz", zone, "--json"]).collect();
    let json = shop.run(&arguments).success().json();
    let text = |value: &Value| match value {
        Value::Null => "-".to_owned(),
        Value::Bool(is) => if *is { "yes" } else { "no" }.to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let items = json["items"].as_array().expect("a list").iter();
    items.map(|row| fields.iter().map(|field| text(&row[field])).collect()).collect()
}

fn the_page_has_the_figures_of_the_reports(shop: &Shop) {
    furnished(shop);
    for zone in ["UTC", "+13:00"] {
        let page = page(shop, &["--tz", zone]);
        assert!(page.contains(&format!("times are in {zone}.</p>")), "{page}");
        let sales = ["period", "orders", "units", "gross", "refunds", "net", "average"];
        let same = |figure: &str, command: &str, fields: &[&str]| {
            let expected = reported(shop, command, zone, fields);
            assert_eq!(rows(&page, figure), expected, "{figure} in {zone}");
            assert!(!expected.is_empty(), "{figure}");
            expected
        };
        let days = same("sales-by-day", "report sales --by day", &sales);
        assert_eq!(days.len(), 30);
        let months = same("sales-by-month", "report sales --by month", &sales);
        assert!(months.iter().filter(|row| row[1] != "0").count() >= 2, "{months:?}");
        same("orders-by-status", "report orders-by-status", &["status", "orders", "amount", "refunded", "is_sale"]);
        let top = ["sku", "units", "revenue"];
        let shown = |row: Vec<String>| [row[0].clone(), row[2].clone(), row[3].clone()].to_vec();
        let best: Vec<_> = rows(&page, "top-products").into_iter().map(shown).collect();
        assert_eq!(best, reported(shop, "report top-products --limit 10", zone, &top));
        let low: Vec<_> =
            rows(&page, "low-stock").into_iter().map(|row| [row[0].clone(), row[2].clone()].to_vec()).collect();
        assert_eq!(low, reported(shop, "stock list --low --limit 10", zone, &["sku", "stock_quantity"]));
        let values = rows(&page, "stock-value");
        assert_eq!(values.len(), months.len() + 1);
        for (position, value) in values.iter().enumerate() {
            let (shown, at) = match months.get(position) {
                Some(month) => {
                    (format!("{}-01 00:00", month[0]), vec!["--at".to_owned(), format!("{}-01 00:00:00", month[0])])
                }
                None => ("now".to_owned(), Vec::new()),
            };
            let at: Vec<&str> = at.iter().map(String::as_str).collect();
            let run = shop.run(&[&["report", "stock-value", "--json", "--tz", zone], &at[..]].concat()).success();
            let totals = &run.json()["totals"];
            let expected = [shown, totals["products"].to_string(), totals["stock"].to_string()];
            assert_eq!(value[..3], expected);
            assert_eq!(value[3], totals["value"].as_str().expect("text"));
        }
    }
    let names: Vec<_> = rows(&page(shop, &[]), "low-stock").into_iter().map(|row| row[1].clone()).collect();
    assert_eq!(names[..2], [hostile_names()[0].clone(), hostile_names()[1].clone()], "as they were typed");
}

fn an_empty_shop_has_a_page_that_says_so(shop: &Shop) {
    let empty = page(shop, &[]);
    assert!(empty.contains("The shop is empty") && !empty.contains("<figure"), "{empty}");
    shop.product("MUG", "3.10", 0);
    let nothing_sold = page(shop, &[]);
    for said in [
        "Nothing was sold in this time.",
        "There are no orders.",
        "No products were sold.",
        "There is nothing in stock.",
    ] {
        assert!(nothing_sold.contains(said), "{said} is not in {nothing_sold}");
    }
    assert_eq!(rows(&nothing_sold, "low-stock"), [["MUG", "MUG", "0"]]);
}

fn sums_say_what_they_leave_out(shop: &Shop) {
    furnished(shop);
    let odd = match shop.backend {
        Backend::Sqlite => "'abc'",
        Backend::Postgres => "'NaN'",
        Backend::MariaDb => {
            shop.sql("ALTER TABLE orders MODIFY total_amount decimal(12,2) NULL");
            "NULL"
        }
    };
    shop.sql(&format!("UPDATE orders SET total_amount = {odd} WHERE total_amount = 3.10"));
    let run = shop.run(&["report", "dashboard"]).success().says("1 row is not included").says("doctor --deep");
    assert_eq!(run.stdout.matches("<p>1 row is not included").count(), 3, "both sales and the statuses: {run}");
}

#[test]
fn the_page_is_a_file_and_nothing_else() {
    let shop = Shop::migrated(Backend::Sqlite).expect("always there");
    furnished(&shop);
    shop.run(&["report", "dashboard", "--out", "shop.html"]).success().says("wrote shop.html");
    let text = std::fs::read_to_string(shop.path("shop.html")).expect("was written");
    assert!(text.starts_with("<!DOCTYPE html>") && text.ends_with("</html>\n"), "{text}");
    for foreign in ["http://", "https://", "<script", "<link", "url(", "@import"] {
        assert!(!text.contains(foreign), "{foreign} is in {text}");
    }
    shop.run(&["report", "dashboard", "--out", "shop.pdf"]).exits_with(2).says("use the extension .html or .htm");
    shop.run(&["report", "dashboard", "--json"]).exits_with(2).says("always written as html");
    shop.run(&["report", "dashboard", "--fields", "net"]).exits_with(2).says("--fields is not for html");
}

/// How a browser without a window sees a page: its document, and what it logs.
fn browse(page: &Path, flags: &[&str]) -> (String, String) {
    let folder = page.parent().expect("a folder");
    let mut browser = Command::new("chromium");
    browser.args(["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"]);
    browser.args([
        "--no-first-run",
        "--disable-extensions",
        "--disable-background-networking",
        "--enable-logging=stderr",
    ]);
    browser.arg(format!("--user-data-dir={}", folder.join("browser").display())).args(flags);
    browser.arg(format!("file://{}", page.display()));
    browser
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped());
    let run = finish(browser.spawn().expect("chromium is installed"), &["chromium"]).success();
    (run.stdout, run.stderr)
}

#[test]
fn a_browser_shows_texts_and_shapes_and_reports_no_error() {
    if !has_client("chromium", "chromium") {
        return;
    }
    let shop = Shop::migrated(Backend::Sqlite).expect("always there");
    furnished(&shop);
    shop.run(&["report", "dashboard", "--out", "shop.html"]).success();
    let page = shop.path("shop.html");
    let (document, log) = browse(&page, &["--dump-dom"]);
    assert!(!log.contains("CONSOLE"), "{log}");
    for figure in FIGURES {
        let (_, figure) = document.split_once(&format!("<figure id=\"{figure}\"")).expect(figure);
        let figure = figure.split("</figure>").next().expect("an end");
        assert!(figure.contains("<title") && figure.contains("<desc") && figure.contains("<table"), "{figure}");
        assert!(["<rect ", "<polyline "].iter().any(|shape| figure.contains(shape)), "{figure}");
    }
    assert!(!document.contains("<script") && !document.contains("<img") && !document.contains("<b>"), "{document}");
    assert_eq!(rows(&document, "low-stock")[0][1], hostile_names()[0]);
    for width in [400, 1400] {
        let picture = shop.path(&format!("{width}.png"));
        let flags = [format!("--screenshot={}", picture.display()), format!("--window-size={width},2400")];
        browse(&page, &flags.each_ref().map(String::as_str));
        let bytes = std::fs::read(&picture).expect("a picture");
        let number = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().expect("four bytes"));
        assert_eq!((number(16), number(20)), (width, 2400));
        assert!(bytes.len() > 20_000, "an empty page at {width}: {} bytes", bytes.len());
    }
    // The log would have an error: the page's own policy refuses a script.
    let broken = shop.file("broken.html", &document.replace("</body>", "<script>1</script></body>"));
    assert!(browse(&broken, &["--dump-dom"]).1.contains("CONSOLE"), "errors are not logged");
}
