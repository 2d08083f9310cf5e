//! Concurrent processes: nothing is oversold, and no transient conflict reaches a user.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::on_every_backend;
use crate::support::Shop;
use crate::support::shop::finish;

on_every_backend!(
    scarce_stock_is_sold_exactly,
    concurrent_adjustments_all_apply,
    mixed_concurrent_operations_keep_the_shop_consistent,
    concurrent_corrections_of_the_same_orders_keep_the_shop_consistent,
);

/// Processes at a time, and orders of each.
const PROCESSES: usize = 8;
const ROUNDS: usize = 5;

fn scarce_stock_is_sold_exactly(shop: &Shop) {
    let user = shop.user("ann");
    let skus = ["A-1", "B-2", "C-3", "D-4", "E-5"];
    let initial = 25;
    skus.iter().for_each(|sku| shop.product(sku, "3.33", initial));
    let codes: Vec<i32> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..PROCESSES)
            .map(|worker| {
                let user = &user;
                scope.spawn(move || {
                    (0..ROUNDS)
                        .map(|round| {
                            // One to five lines, starting at different products, so that lock orders cross.
                            let lines = 1 + (worker + round) % skus.len();
                            let items: Vec<String> = (0..lines)
                                .map(|line| {
                                    format!(
                                        "{}:{}",
                                        skus[(worker * 3 + line * (1 + round % 2)) % skus.len()],
                                        1 + round % 3
                                    )
                                })
                                .collect();
                            let mut arguments = vec!["order", "create", "--user", user];
                            items.iter().for_each(|item| arguments.extend(["--item", item.as_str()]));
                            let run = finish(shop.start(&arguments), &arguments);
                            assert!(matches!(run.code, 0 | 6), "{run}");
                            if run.code == 6 {
                                assert!(run.stderr.contains("stock.insufficient"), "{run}");
                            }
                            run.code
                        })
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("no panic")).collect()
    });
    let placed = codes.iter().filter(|code| **code == 0).count() as i64;
    assert!(placed > 0 && placed < codes.len() as i64, "the stock should have run out: {placed} of {}", codes.len());
    assert_eq!(shop.number("SELECT COUNT(*) FROM orders"), placed);
    for sku in skus {
        let left = shop.number(&format!("SELECT stock_quantity FROM products WHERE sku = '{sku}'"));
        let sold = shop.number(&format!(
            "SELECT COALESCE(SUM(quantity), 0) FROM order_items i JOIN products p ON p.id = i.product_id WHERE sku = '{sku}'"
        ));
        assert_eq!(sold + left, i64::from(initial), "{sku}");
    }
    shop.assert_invariants();
}

fn concurrent_adjustments_all_apply(shop: &Shop) {
    shop.product("HOT", "1.00", 0);
    let arguments = ["stock", "adjust", "HOT", "+3", "--reason", "received"];
    let children: Vec<_> = (0..16).map(|_| shop.start(&arguments)).collect();
    for child in children {
        finish(child, &arguments).success();
    }
    assert_eq!(shop.number("SELECT stock_quantity FROM products"), 48);
    shop.assert_invariants();
}

/// Processes that do everything at once.
const WORKERS: usize = 16;
/// For so long; longer with the variable.
const SECONDS: u64 = 4;
const VARIABLE: &str = "SHOPCTL_TEST_SECONDS";

/// Workers place, pay, ship, complete, cancel, refund and adjust at random, often the same order.
fn mixed_concurrent_operations_keep_the_shop_consistent(shop: &Shop) {
    use rand::RngExt;
    let user = shop.user("ann");
    let skus: Vec<String> = (0..20).map(|number| format!("SKU-{number:02}")).collect();
    skus.iter().for_each(|sku| shop.product(sku, "3.33", 30));
    let seconds = std::env::var(VARIABLE).ok().map_or(SECONDS, |text| text.parse().expect("a number"));
    let end = Instant::now() + Duration::from_secs(seconds);
    let orders = Mutex::new(Vec::<String>::new());
    let work = || {
        let mut random = rand::rng();
        let mut codes = BTreeMap::<i32, u64>::new();
        while Instant::now() < end {
            let known = orders.lock().expect("no panic").clone();
            let verbs = ["pay", "pay", "ship", "complete", "cancel", "refund"];
            let mut arguments: Vec<String> = match random.random_range(0..10) {
                0..4 => ["order", "create", "--user", &user].map(str::to_owned).to_vec(),
                4 => {
                    let delta = random.random_range(1..5) * if random.random() { 1 } else { -1 };
                    let sku = &skus[random.random_range(0..skus.len())];
                    ["stock", "adjust", sku, &format!("{delta}"), "--reason", "correction"].map(str::to_owned).to_vec()
                }
                _ if known.is_empty() => continue,
                _ => {
                    // Only the newest few, so that several workers process the same order.
                    let order = &known[random.random_range(known.len().saturating_sub(12)..known.len())];
                    ["order", verbs[random.random_range(0..verbs.len())], order, "--yes"].map(str::to_owned).to_vec()
                }
            };
            if arguments[1] == "create" {
                for _ in 0..random.random_range(1..5) {
                    let sku = &skus[random.random_range(0..skus.len())];
                    arguments.extend(["--item".to_owned(), format!("{sku}:{}", random.random_range(1..4))]);
                }
            } else if arguments[1] == "refund" && random.random() {
                arguments.push("--restock-all".to_owned());
            }
            arguments.extend(["--json".to_owned(), "--quiet".to_owned()]);
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            let run = finish(shop.start(&arguments), &arguments);
            assert!(matches!(run.code, 0 | 6), "{run}");
            *codes.entry(run.code).or_default() += 1;
            if run.code == 0 && arguments[1] == "create" {
                let reference = run.json()["reference"].as_str().expect("text").to_owned();
                orders.lock().expect("no panic").push(reference);
            }
        }
        codes
    };
    let codes = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..WORKERS).map(|_| scope.spawn(work)).collect();
        workers.into_iter().map(|worker| worker.join().expect("no panic")).collect::<Vec<_>>()
    });
    let done: u64 = codes.iter().filter_map(|codes| codes.get(&0)).sum();
    println!("{:?}: {done} done in {seconds} s", shop.backend);
    assert!(done > 10, "only {done} were done");
    shop.assert_invariants();
    shop.run(&["audit", "verify"]).success();
}

/// The products of the shop in which orders are corrected.
const SKUS: [&str; 4] = ["A-1", "B-2", "C-3", "D-4"];
/// So many of the newest orders are corrected.
const NEWEST: usize = 8;

/// What workers have done, for the others: references of orders, and operations that can be taken back.
#[derive(Default)]
struct Done {
    orders: Mutex<Vec<String>>,
    undoable: Mutex<Vec<String>>,
}

/// A random command on one of the newest orders, or a new order; `None` if there is nothing to take back yet.
fn correction(done: &Done, key: &str) -> Option<Vec<String>> {
    use rand::RngExt;
    let mut random = rand::rng();
    let newest = |list: &Mutex<Vec<String>>, position: f64| {
        let list = list.lock().expect("no panic");
        let known = &list[list.len().saturating_sub(NEWEST)..];
        known.get((position * known.len() as f64) as usize).cloned()
    };
    let (order, operation) = (newest(&done.orders, random.random()), newest(&done.undoable, random.random()));
    let mut piece = || format!("{}:{}", SKUS[random.random_range(0..SKUS.len())], random.random_range(1..4));
    let (one, other) = (piece(), piece());
    let order = order.unwrap_or_default();
    let mut words: Vec<&str> = match random.random_range(0..20) {
        0..3 => vec!["order", "create", "--user", "ann@example.com", "--item", &one, "--item", &other],
        3..5 => vec!["order", "pay", &order],
        5..8 => vec!["order", "change", &order, "--item", &one],
        8 => vec!["order", "change", &order, "--user", "bo@example.com", "--item", &one],
        9 => vec!["order", "refund", &order, "--line", &one],
        10 => vec!["order", "refund", &order, "--amount", "0.35", "--restock", &one],
        11 => vec!["order", "refund", &order, "--no-restock"],
        12..14 => vec!["order", "restock", &order, &one],
        14 => vec!["order", "cancel", &order],
        15 => vec!["order", "ship", &order, "--tracking", &one],
        16 => vec!["order", "reassign", &order, "--user", "ann@example.com"],
        _ => vec!["undo", operation.as_deref()?],
    };
    if !matches!(words[..2], ["order", "restock" | "create" | "reassign" | "change"]) {
        words.push("--yes");
    }
    // A key is looked up before the order is locked.
    if matches!(words[..2], ["order", "refund" | "change" | "restock"]) && random.random() {
        words.extend(["--idempotency-key", key]);
    }
    Some(words.into_iter().map(str::to_owned).collect())
}

/// Workers pay, change, refund, restock, cancel, ship, reassign and undo at random, all on the same few orders.
fn concurrent_corrections_of_the_same_orders_keep_the_shop_consistent(shop: &Shop) {
    ["ann", "bo"].iter().for_each(|name| drop(shop.user(name)));
    SKUS.iter().for_each(|sku| shop.product(sku, "3.33", 60));
    let seconds = std::env::var(VARIABLE).ok().map_or(SECONDS, |text| text.parse().expect("a number"));
    let end = Instant::now() + Duration::from_secs(seconds);
    let done = Done::default();
    let work = |worker: usize| {
        let mut outcomes = BTreeMap::<String, u64>::new();
        for number in 0.. {
            if Instant::now() >= end {
                break;
            }
            let Some(words) = correction(&done, &format!("{worker}-{number}")) else { continue };
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            if words.contains(&"") {
                continue;
            }
            let run = finish(shop.start(&words), &words);
            assert!(matches!(run.code, 0 | 3 | 6), "{run}");
            let code = run.stderr.lines().find_map(|line| line.strip_prefix("error[")?.split_once(']'));
            let outcome = code.map_or("done", |(code, _)| code);
            *outcomes.entry(outcome.to_owned()).or_default() += 1;
            if let ["order", "create", ..] = words[..]
                && run.code == 0
            {
                let reference = run.stdout.split(' ').nth(1).expect("a reference").to_owned();
                done.orders.lock().expect("no panic").push(reference);
            }
            let undoable = run.stderr.lines().find_map(|line| line.strip_prefix("take it back with: shopctl undo "));
            done.undoable.lock().expect("no panic").extend(undoable.map(str::to_owned));
        }
        outcomes
    };
    let all = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..WORKERS).map(|worker| scope.spawn(move || work(worker))).collect();
        workers.into_iter().map(|worker| worker.join().expect("no panic")).collect::<Vec<_>>()
    });
    let mut outcomes = BTreeMap::<String, u64>::new();
    all.into_iter().flatten().for_each(|(outcome, count)| *outcomes.entry(outcome).or_default() += count);
    println!("{:?}: {outcomes:?} in {seconds} s", shop.backend);
    assert!(outcomes.get("done").is_some_and(|count| *count > 10), "{outcomes:?}");
    shop.assert_invariants();
    for check in [&["audit", "verify"][..], &["stock", "verify"], &["adopt", "-n", "--exit-code"]] {
        shop.run(check).success();
    }
}
