//! `import --resume`: what an earlier run of the file rejected is tried again, and what it wrote is no conflict.

use crate::on_every_backend;
use crate::support::{Run, Shop};

on_every_backend!(
    an_order_rejected_before_the_last_written_one_is_tried_again,
    a_row_rejected_before_the_last_written_one_is_tried_again,
    an_order_rejected_before_an_interruption_is_tried_again,
    a_completed_import_is_not_resumed,
);

const ORDERS: &str = "reference,user,sku,quantity\nO1,ann@example.com,MUG,1\nO2,bob@example.com,MUG,1\n\
    O3,ann@example.com,MUG,1\nO4,ann@example.com,MUG,1\n";

fn stocked(shop: &Shop) {
    shop.user("ann");
    shop.product("MUG", "12.50", 10);
    shop.file("o.csv", ORDERS);
}

fn import(shop: &Shop, noun: &str, file: &str, flags: &[&str]) -> Run {
    shop.run(&[&[noun, "import", file, "--on-error", "reject-rows"], flags].concat())
}

fn an_order_rejected_before_the_last_written_one_is_tried_again(shop: &Shop) {
    stocked(shop);
    import(shop, "order", "o.csv", &[]).exits_with(8);
    let run = import(shop, "order", "o.csv", &["--resume"]).exits_with(8).says("continuing after line 2");
    let run = run.says("line 3: O2: there is no user bob@example.com");
    assert!(run.stdout.contains("0 orders imported: 2 unchanged, 1 rejected"), "{run}");
    shop.user("bob");
    let run = import(shop, "order", "o.csv", &["--resume", "--on-conflict", "error"]).success();
    assert!(run.stdout.contains("1 order imported: 1 created, 0 updated, 0 unchanged, 2 skipped"), "{run}");
    assert_eq!(shop.column("SELECT reference FROM orders ORDER BY reference"), ["O1", "O2", "O3", "O4"]);
    shop.assert_invariants();
}

fn a_row_rejected_before_the_last_written_one_is_tried_again(shop: &Shop) {
    shop.user("bo");
    shop.product("B", "1.00", 5);
    shop.file("u.csv", "email,first_name\nann@example.com,Eve\nbo@example.com,Eve\n");
    shop.file("p.csv", "sku,price\nA,2.00\nB,2.00\n");
    for (noun, file) in [("user", "u.csv"), ("product", "p.csv")] {
        import(shop, noun, file, &[]).exits_with(8);
    }
    shop.user("ann");
    shop.product("A", "1.00", 5);
    for (noun, file) in [("user", "u.csv"), ("product", "p.csv")] {
        let run = import(shop, noun, file, &["--resume"]).success();
        assert!(run.stdout.contains(&format!("1 {noun} imported: 0 created, 1 updated, 1 unchanged")), "{run}");
    }
    assert_eq!(shop.number("SELECT COUNT(*) FROM users WHERE first_name = 'Eve'"), 2);
    assert_eq!(shop.number("SELECT COUNT(*) FROM products WHERE price = 2"), 2);
}

fn an_order_rejected_before_an_interruption_is_tried_again(shop: &Shop) {
    stocked(shop);
    import(shop, "order", "o.csv", &["--batch", "1"]).exits_with(8);
    // Simulates a missing last transaction.
    shop.sql("DELETE FROM audit_events WHERE idempotency_key LIKE 'import:%:000000000005.%'");
    let run = import(shop, "order", "o.csv", &["--resume"]).exits_with(8).says("continuing after line 2");
    run.says("line 3: O2: there is no user bob@example.com");
    shop.user("bob");
    let run = import(shop, "order", "o.csv", &["--resume"]).success().says("continuing after line 2");
    assert!(run.stdout.contains("1 order imported: 1 created, 0 updated, 2 unchanged"), "{run}");
}

fn a_completed_import_is_not_resumed(shop: &Shop) {
    shop.file("p.csv", "sku,name,price\nA,a,1\nB,b,1\nC,c,1\n");
    import(shop, "product", "p.csv", &["--batch", "1"]).success();
    shop.sql("DELETE FROM products WHERE sku = 'B'");
    let run = import(shop, "product", "p.csv", &["--resume"]).success();
    assert!(run.stdout.contains("1 product imported: 1 created, 0 updated, 2 unchanged"), "{run}");
    assert!(!run.stderr.contains("continuing after"), "{run}");
    let run = import(shop, "product", "p.csv", &["--resume", "--on-conflict", "error"]).success();
    assert!(run.stdout.contains("0 products imported: 0 unchanged, 3 skipped"), "{run}");
}
