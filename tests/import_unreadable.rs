//! Lines of an order file that cannot be read: which orders they reject, and how they are counted.

use crate::on_every_backend;
use crate::support::Shop;

on_every_backend!(
    an_unreadable_line_rejects_the_order_that_it_names,
    an_unreadable_line_without_a_reference_is_counted_once,
);

const REJECT: [&str; 6] = ["order", "import", "o.csv", "--on-error", "reject-rows", "--json"];

fn an_unreadable_line_rejects_the_order_that_it_names(shop: &Shop) {
    shop.user("ann");
    shop.product("MUG", "12.50", 10);
    shop.file(
        "o.csv",
        "reference,user,sku,quantity\nA1,ann@example.com,MUG,1\nA2,ann@example.com\nA3,ann@example.com,MUG,1\n\
         A4,ann@example.com\nA4,ann@example.com,MUG,1\nA5,ann@example.com,MUG,1\nA3,ann@example.com\n",
    );
    let run = shop.run(&["order", "import", "o.csv"]).exits_with(7).says("3 of 5 orders are invalid");
    assert!(!run.stderr.contains("A1") && !run.stderr.contains("A5"), "{run}");
    shop.run(&REJECT).exits_with(8).says("3 orders were rejected");
    assert_eq!(shop.column("SELECT reference FROM orders ORDER BY 1"), ["A1", "A5"]);
    shop.assert_invariants();
}

fn an_unreadable_line_without_a_reference_is_counted_once(shop: &Shop) {
    shop.user("ann");
    shop.product("MUG", "12.50", 10);
    let (header, line) = ("reference,user,sku,quantity\n", |order: &str| format!("{order},ann@example.com,MUG,1\n"));
    for (file, rejected, good) in [
        (format!("{header}{}\"\",x\n{}{}", line("A1"), line("A2"), line("A3")), 2, 1),
        (format!("{header}{}\"\",x\n{}{}", line("A1"), line("A1"), line("A3")), 1, 1),
        (format!("{header}\"\",x\n{}{}", line("A2"), line("A3")), 1, 1),
        (format!("{header}{}{}\"\",x\n", line("A3"), line("A2")), 1, 1),
    ] {
        shop.file("o.csv", &file);
        let run = shop.run(&["order", "import", "o.csv"]).exits_with(7);
        assert!(run.stderr.contains(&format!("{rejected} of {} orders", rejected + good)), "{file}{run}");
        assert!(run.stderr.contains("cannot be read and may belong to it"), "{file}{run}");
    }
}
