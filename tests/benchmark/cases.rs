//! The benchmarks: each performance target and its limit.

use std::process::Command;
use std::time::{Duration, Instant};

use shopctl::domain::Quantity;
use shopctl::service::place_order::{self, NewLine, NewOrder};

use crate::Sizes;
use crate::limits::{self, ask, psql};
use crate::measure::{in_turn, timed};
use crate::support::proxy::{AtCommit, Proxy};
use crate::support::shop::block_on;
use crate::support::{Backend, Shop, library, servers};

/// How a result is judged.
#[derive(Debug, Clone, Copy)]
pub enum Target {
    AtMost(f64),
    AtLeast(f64),
}

/// One line of the table.
pub struct Line {
    pub name: &'static str,
    pub what: String,
    pub ours: String,
    pub limit: String,
    pub value: f64,
    pub target: Target,
}

fn line(name: &'static str, what: impl Into<String>, sides: (String, String), value: f64, target: Target) -> Line {
    Line { name, what: what.into(), ours: sides.0, limit: sides.1, value, target }
}

fn milliseconds((ours, limit): (f64, f64)) -> (String, String) {
    (format!("{:.1} ms", ours * 1e3), format!("{:.1} ms", limit * 1e3))
}

fn seconds((ours, limit): (f64, f64)) -> (String, String) {
    (format!("{ours:.2} s"), format!("{limit:.2} s"))
}

fn a_second((ours, limit): (f64, f64)) -> (String, String) {
    (format!("{ours:.0} /s"), format!("{limit:.0} /s"))
}

fn shop(backend: Backend) -> Shop {
    Shop::migrated(backend).expect("the backend is installed")
}

fn generate(shop: &Shop, users: usize, products: usize, orders: usize) -> crate::measure::Timed {
    let [users, products, orders] = [users, products, orders].map(|count| count.to_string());
    timed(&mut shop.command(&[
        "seed",
        "generate",
        "-y",
        "--users",
        &users,
        "--products",
        &products,
        "--orders",
        &orders,
    ]))
}

/// P1: the start of the process, beside a program that only reads its command line.
pub fn start(sizes: &Sizes) -> Vec<Line> {
    let empty = Shop::empty(Backend::Sqlite).expect("always there");
    let hello = std::env::current_exe().expect("we are running");
    let measure = |argument: &str| {
        in_turn(
            sizes.starts,
            || timed(&mut empty.command(&[argument])).seconds,
            || timed(Command::new(&hello).args(["--hello", argument])).seconds,
        )
    };
    ["--version", "--help"]
        .map(|argument| {
            let both = measure(argument);
            line("P1", format!("shopctl {argument}"), milliseconds(both), both.0 / both.1, Target::AtMost(2.0))
        })
        .into()
}

/// P2: a page of many users in a cold process.
pub fn list(sizes: &Sizes) -> Vec<Line> {
    const PAGE: &str = "SELECT id, email, first_name, last_name, status, created_at, updated_at FROM users \
                        ORDER BY created_at DESC, id DESC LIMIT 21";
    let many = |backend| {
        let shop = shop(backend);
        generate(&shop, sizes.users, 10, 0);
        shop
    };
    let (postgres, sqlite) = (many(Backend::Postgres), many(Backend::Sqlite));
    ask(&postgres, "ANALYZE users");
    let list = |shop: &Shop| timed(&mut shop.command(&["user", "list"])).seconds;
    let on_postgres = in_turn(sizes.starts, || list(&postgres), || timed(psql(&postgres).args(["-c", PAGE])).seconds);
    let file = sqlite.path("shop.db");
    let on_sqlite =
        in_turn(sizes.starts, || list(&sqlite), || timed(Command::new("sqlite3").arg(&file).arg(PAGE)).seconds);
    let what = format!("user list of {}", sizes.users);
    vec![
        line(
            "P2",
            format!("{what}, psql"),
            milliseconds(on_postgres),
            on_postgres.0 / on_postgres.1,
            Target::AtMost(0.8),
        ),
        line("P2", format!("{what}, sqlite3"), milliseconds(on_sqlite), on_sqlite.0 / on_sqlite.1, Target::AtMost(2.5)),
    ]
}

/// P3 and P9: round trips, which the proxy counts.
pub fn round_trips(_: &Sizes) -> Vec<Line> {
    let shop = shop(Backend::Postgres);
    let user = shop.user("ann");
    (0..20).for_each(|number| shop.product(&format!("P-{number}"), "1.00", 9));
    let items: Vec<String> = (0..20).flat_map(|number| ["--item".to_owned(), format!("P-{number}")]).collect();
    let mut order = vec!["order", "create", "--user", &user];
    order.extend(items.iter().map(String::as_str));
    let upstream = servers::postgres().expect("the shop is there").port;
    let count = |arguments: &[&str]| {
        let proxy = Proxy::start(upstream, false, AtCommit::Forward);
        let url = shop.url.replace(&format!(":{upstream}/"), &format!(":{}/", proxy.port));
        shop.with_url(format!("{url}?sslmode=disable")).run(arguments).success();
        f64::from(proxy.round_trips())
    };
    let counted = |name, what: &str, arguments: &[&str], most: f64| {
        let count = count(arguments);
        line(name, what, (format!("{count} round trips"), format!("{most}")), count, Target::AtMost(most))
    };
    vec![
        counted("P3", "order create of 20 lines, cold", &order, 18.0),
        counted("P9", "migrate status, nothing to do", &["migrate", "status"], 8.0),
    ]
}

/// P4 and P5: orders one by one by eight clients, and from a file.
pub fn orders(sizes: &Sizes) -> Vec<Line> {
    const CLIENTS: usize = 8;
    const PRODUCTS: usize = 10_000;
    let shop = shop(Backend::Postgres);
    generate(&shop, sizes.users, PRODUCTS, 0);
    ask(&shop, "UPDATE products SET stock_quantity = 1000000000");
    limits::number(&shop);
    let users = shop.column("SELECT email FROM users WHERE status = 'active'");
    let skus = shop.column("SELECT sku FROM products");
    let pgbench = || limits::pgbench(&shop, CLIENTS, sizes.seconds, users.len(), skus.len());
    let one_by_one = in_turn(sizes.rounds, || place(&shop, CLIENTS, sizes.seconds, &users, &skus), pgbench);
    let mut file = 0;
    let imported = in_turn(
        sizes.rounds,
        || {
            file += 1;
            let path = write_orders(&shop, file, sizes.imported, &users, &skus);
            sizes.imported as f64 / timed(&mut shop.command(&["order", "import", &path])).seconds
        },
        pgbench,
    );
    vec![
        line(
            "P4",
            "orders, 8 clients, one transaction each",
            a_second(one_by_one),
            one_by_one.0 / one_by_one.1,
            Target::AtLeast(0.45),
        ),
        line(
            "P5",
            format!("order import of {}", sizes.imported),
            a_second(imported),
            imported.0 / imported.1,
            Target::AtLeast(2.0),
        ),
    ]
}

/// Orders a second of so many clients, each with a connection of its own, in as many threads as
/// pgbench has.
fn place(shop: &Shop, clients: usize, seconds: u32, users: &[String], skus: &[String]) -> f64 {
    use rand::RngExt;
    let until = Instant::now() + Duration::from_secs(seconds.into());
    let client = || async {
        let database = library::database(shop).await;
        let operations = library::operations(&database);
        let mut placed = 0_u32;
        while Instant::now() < until {
            let mut random = rand::rng();
            let mut pick = |from: &[String]| from[random.random_range(0..from.len())].clone();
            let line = |product| NewLine { product, quantity: Quantity::new(2).expect("in range"), unit_price: None };
            let lines = (0..3).map(|_| line(pick(skus))).collect();
            let new = NewOrder::new(pick(users), lines);
            place_order::run(&operations, &new, None).await.expect("there is enough of everything");
            placed += 1;
        }
        placed
    };
    let thread = || {
        let clients = (0..clients / limits::THREADS).map(|_| client());
        block_on(async { futures_util::future::join_all(clients).await.into_iter().sum::<u32>() })
    };
    let began = Instant::now();
    let placed: u32 = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..limits::THREADS).map(|_| scope.spawn(thread)).collect();
        threads.into_iter().map(|thread| thread.join().expect("placing does not panic")).sum()
    });
    f64::from(placed) / began.elapsed().as_secs_f64()
}

/// A file of new orders of three lines.
fn write_orders(shop: &Shop, file: usize, orders: usize, users: &[String], skus: &[String]) -> String {
    use std::fmt::Write;
    let mut text = "reference,user,sku,quantity\n".to_owned();
    for order in 0..orders {
        let user = &users[order * 7 % users.len()];
        for line in 0..3 {
            let sku = &skus[(order * 31 + line * 17) % skus.len()];
            writeln!(text, "{file:03}{order:07},{user},{sku},2").expect("a String");
        }
    }
    shop.file("orders.csv", &text).display().to_string()
}

/// P6, P7 and P8: a large shop made, leafed through and written out.
pub fn large(sizes: &Sizes) -> Vec<Line> {
    let (users, products, orders) = (sizes.users, sizes.users / 10, sizes.users * 4);
    let what = format!("seed generate of {orders} orders");
    let mut made = None;
    let mut memory: f64 = 0.0;
    let first = shop(Backend::Postgres);
    generate(&first, users, products, orders);
    let on_postgres = in_turn(
        sizes.rounds,
        || {
            let shop = shop(Backend::Postgres);
            let timed = generate(&shop, users, products, orders);
            memory = memory.max(timed.megabytes);
            made = Some(shop);
            timed.seconds
        },
        || {
            let empty = shop(Backend::Postgres);
            limits::copy(&first, &empty)
        },
    );
    let mut lines = vec![line(
        "P6",
        format!("{what}, COPY"),
        seconds(on_postgres),
        on_postgres.1 / on_postgres.0,
        Target::AtLeast(0.8),
    )];
    let smaller = sizes.users / 5;
    let on_sqlite = in_turn(
        sizes.rounds,
        || {
            let shop = shop(Backend::Sqlite);
            let timed = generate(&shop, smaller, smaller / 10, smaller * 4);
            memory = memory.max(timed.megabytes);
            timed.seconds
        },
        || {
            let (full, empty) = (shop(Backend::Sqlite), shop(Backend::Sqlite));
            generate(&full, smaller, smaller / 10, smaller * 4);
            limits::executemany(&full, &empty)
        },
    );
    let what = format!("seed generate of {} orders, executemany", smaller * 4);
    lines.push(line("P6", what, seconds(on_sqlite), on_sqlite.1 / on_sqlite.0, Target::AtLeast(2.0)));
    let memory_of = |name, what: &str, megabytes: f64, most: f64| {
        line(name, what, (format!("{megabytes:.0} MB"), format!("{most} MB")), megabytes, Target::AtMost(most))
    };
    lines.push(memory_of("P6", "its memory", memory, 64.0));
    lines.extend(pages(sizes, &first, orders));
    lines.extend(export(sizes, &first, orders));
    lines
}

fn pages(sizes: &Sizes, shop: &Shop, orders: usize) -> Vec<Line> {
    ask(shop, "ANALYZE");
    let deep = (orders - 100).to_string();
    let run = shop.run(&["order", "list", "--limit", "1", "--offset", &deep, "--json"]).success();
    let cursor = run.json()["next"].as_str().expect("there are more").to_owned();
    let both = in_turn(
        sizes.starts,
        || timed(&mut shop.command(&["order", "list", "--after", &cursor])).seconds,
        || timed(&mut shop.command(&["order", "list"])).seconds,
    );
    let what = format!("order list, last page of {orders}, page 1");
    vec![line("P7", what, milliseconds(both), both.0 / both.1, Target::AtMost(2.0))]
}

fn export(sizes: &Sizes, shop: &Shop, orders: usize) -> Vec<Line> {
    let file = |name: &str| shop.path(name).display().to_string();
    let (ours, theirs) = (file("ours.csv"), file("theirs.csv"));
    let copy = format!(
        "\\copy (SELECT o.reference, u.email, o.status, o.created_at, p.sku, p.name, i.quantity, i.unit_price, \
         i.quantity * i.unit_price, o.total_amount, r.refunded FROM orders o JOIN users u ON u.id = o.user_id \
         JOIN order_items i ON i.order_id = o.id JOIN products p ON p.id = i.product_id \
         LEFT JOIN (SELECT order_id, sum(amount) AS refunded FROM order_refunds GROUP BY order_id) r \
         ON r.order_id = o.id ORDER BY o.created_at, o.id, i.id) TO '{theirs}' CSV HEADER"
    );
    let mut memory: f64 = 0.0;
    let both = in_turn(
        sizes.rounds,
        || {
            let timed = timed(&mut shop.command(&["order", "export", "--out", &ours]));
            memory = memory.max(timed.megabytes);
            timed.seconds
        },
        || timed(psql(shop).args(["-c", &copy])).seconds,
    );
    let what = format!("order export of {orders} with items, \\copy");
    vec![
        line("P8", what, seconds(both), both.0 / both.1, Target::AtMost(1.3)),
        line("P8", "its memory", (format!("{memory:.0} MB"), "24 MB".to_owned()), memory, Target::AtMost(24.0)),
    ]
}

/// P9: a schema from nothing.
pub fn migrate(sizes: &Sizes) -> Vec<Line> {
    let plan = Shop::empty(Backend::Sqlite).expect("always there");
    let plan = plan.run(&["migrate", "plan", "--sql", "--backend", "postgres"]).success().stdout;
    let empty = || Shop::empty(Backend::Postgres).expect("PostgreSQL is installed");
    let both = in_turn(
        sizes.rounds * 3,
        || timed(&mut empty().command(&["migrate", "up"])).seconds,
        || {
            let shop = empty();
            let script = shop.file("plan.sql", &plan);
            timed(psql(&shop).arg("-f").arg(script)).seconds
        },
    );
    vec![line("P9", "migrate up from nothing, psql -f", milliseconds(both), both.0 / both.1, Target::AtMost(2.0))]
}

/// P10: the program as a file.
pub fn size(_: &Sizes) -> Vec<Line> {
    let file = env!("CARGO_BIN_EXE_shopctl");
    let megabytes = std::fs::metadata(file).expect("built").len() as f64 / 1e6;
    let libraries = Command::new("ldd").arg(file).output().expect("ldd is everywhere");
    let libraries = String::from_utf8_lossy(&libraries.stdout).into_owned();
    let known = ["libc.so", "libm.so", "libgcc_s.so", "linux-vdso", "ld-linux"];
    let others: Vec<&str> =
        libraries.lines().filter(|line| !known.iter().any(|known| line.contains(known))).map(str::trim).collect();
    let count = others.len() as f64;
    vec![
        line("P10", "the program", (format!("{megabytes:.2} MB"), "14 MB".to_owned()), megabytes, Target::AtMost(14.0)),
        line(
            "P10",
            format!("its libraries {}", others.join(" ")),
            (format!("{count}"), "0".to_owned()),
            count,
            Target::AtMost(0.0),
        ),
    ]
}
