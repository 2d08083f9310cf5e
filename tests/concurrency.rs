//! Many processes at once: nothing is oversold, no transient conflict reaches a user.

use crate::on_every_backend;
use crate::support::Shop;
use crate::support::shop::finish;

on_every_backend!(stock_that_runs_out_is_sold_exactly, adjustments_at_once_all_count);

/// Processes at a time, and orders of each.
const PROCESSES: usize = 8;
const ROUNDS: usize = 5;

fn stock_that_runs_out_is_sold_exactly(shop: &Shop) {
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
                            // One to five lines, begun at different products, so that orders cross.
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

fn adjustments_at_once_all_count(shop: &Shop) {
    shop.product("HOT", "1.00", 0);
    let arguments = ["stock", "adjust", "HOT", "+3", "--reason", "received"];
    let children: Vec<_> = (0..16).map(|_| shop.start(&arguments)).collect();
    for child in children {
        finish(child, &arguments).success();
    }
    assert_eq!(shop.number("SELECT stock_quantity FROM products"), 48);
    shop.assert_invariants();
}
