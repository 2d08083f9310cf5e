//! The same file imported by many processes: one writes it, the others find it unchanged.

use std::time::{Duration, Instant};

use sea_orm::{ConnectionTrait, TransactionTrait};

use super::{PROCESSES, at_once};
use crate::on_every_backend;
use crate::support::shop::{block_on, finish};
use crate::support::{Backend, Run, Shop};

on_every_backend!(
    one_of_many_imports_with_on_conflict_error_succeeds,
    one_of_many_imports_in_several_transactions_succeeds,
    each_row_is_created_once_by_imports_that_reject_conflicting_rows,
    each_row_is_created_once_by_imports_that_skip_conflicting_rows,
    orders_of_a_concurrent_import_are_not_rejected_for_missing_stock,
    rows_created_by_a_concurrent_import_are_unchanged,
    an_order_is_created_once_by_imports_that_spell_its_reference_differently,
    concurrent_imports_of_invoices_create_users_and_products_once,
    a_rejection_caused_by_concurrent_changes_ends_the_import,
);

/// Rows of a file.
const ROWS: usize = 120;

/// A file of new rows of each noun, in the order in which they need one another. Of the stock that its
/// products come with its orders leave nothing.
fn write_files(shop: &Shop) -> [(&'static str, String); 3] {
    let files = [
        ("user", "email,first_name,last_name", "u#@example.com,U,#"),
        ("product", "sku,name,price,stock_quantity", "POT-#,Pot,1.50,2"),
        ("order", "reference,user,sku,quantity", "new-#,u#@example.com,POT-#,2"),
    ];
    files.map(|(noun, header, row)| {
        let rows: String = (0..ROWS).map(|number| format!("{row}\n").replace('#', &number.to_string())).collect();
        let file = format!("{noun}s.csv");
        shop.file(&file, &format!("{header}\n{rows}"));
        (noun, file)
    })
}

/// Whether the rows of a noun are there, each once.
fn assert_written(shop: &Shop, noun: &str) {
    assert_eq!(shop.number(&format!("SELECT COUNT(*) FROM {noun}s")), ROWS as i64, "{noun}s on {:?}", shop.backend);
    if noun == "order" {
        assert_eq!(shop.number("SELECT SUM(stock_quantity) FROM products"), 0);
    }
}

/// These imports of each noun at once; `right` looks at how the runs ended.
fn import_at_once(shop: &Shop, flags: &[&str], right: impl Fn(&str, Vec<Run>)) {
    for (noun, file) in write_files(shop) {
        let import = [&[noun, "import", &file, "-y", "--json"], flags].concat();
        right(noun, at_once(shop, &[&import[..]; PROCESSES]));
        assert_written(shop, noun);
    }
    shop.assert_invariants();
}

/// Each row created by one of them, and for the others as `else_told`.
fn assert_created_once(noun: &str, runs: Vec<Run>, else_told: &str) {
    let mut created = 0;
    for run in runs {
        let told = run.success().json();
        let own = told["created"].as_u64().expect("a number");
        assert_eq!(told[else_told], ROWS as u64 - own, "{noun}s: {told}");
        created += own;
    }
    assert_eq!(created, ROWS as u64, "{noun}s");
}

/// The one that wrote everything, and that the others were told that all of it is there.
fn assert_one_winner(noun: &str, runs: Vec<Run>) {
    let (winners, losers): (Vec<_>, Vec<_>) = runs.into_iter().partition(|run| run.code == 0);
    let [winner] = &winners[..] else { panic!("{noun}s: {} of {PROCESSES} won", winners.len()) };
    assert_eq!(winner.json()["created"], ROWS, "{winner}");
    for loser in losers {
        let named = match noun {
            "user" => "@example.com: such a user already exists",
            "product" => ": such a product already exists",
            _ => ": such an order already exists",
        };
        let loser = loser.exits_with(7).says("nothing was imported").says(named);
        assert_eq!(loser.stdout, "", "{loser}");
    }
}

fn one_of_many_imports_with_on_conflict_error_succeeds(shop: &Shop) {
    import_at_once(shop, &["--on-conflict", "error"], assert_one_winner);
}

fn one_of_many_imports_in_several_transactions_succeeds(shop: &Shop) {
    import_at_once(shop, &["--on-conflict", "error", "--batch", "25"], assert_one_winner);
}

fn each_row_is_created_once_by_imports_that_reject_conflicting_rows(shop: &Shop) {
    let flags = ["--on-conflict", "error", "--on-error", "reject-rows", "--batch", "25"];
    import_at_once(shop, &flags, |noun, runs| {
        let created: u64 = runs
            .iter()
            .map(|run| match run.code {
                0 | 8 => run.json()["created"].as_u64().expect("a number"),
                7 => 0,
                _ => panic!("{run}"),
            })
            .sum();
        assert_eq!(created, ROWS as u64, "{noun}s");
    });
}

fn each_row_is_created_once_by_imports_that_skip_conflicting_rows(shop: &Shop) {
    import_at_once(shop, &["--on-conflict", "skip", "--batch", "25"], |noun, runs| {
        assert_created_once(noun, runs, "skipped");
    });
}

/// The stock is just enough for each order once: who comes second finds the order there, and no want of
/// stock.
fn orders_of_a_concurrent_import_are_not_rejected_for_missing_stock(shop: &Shop) {
    import_at_once(shop, &["--batch", "25", "--on-error", "reject-rows"], |noun, runs| {
        assert_created_once(noun, runs, "unchanged");
    });
}

fn rows_created_by_a_concurrent_import_are_unchanged(shop: &Shop) {
    import_at_once(shop, &[], |noun, runs| assert_created_once(noun, runs, "unchanged"));
}

fn an_order_is_created_once_by_imports_that_spell_its_reference_differently(shop: &Shop) {
    let user = shop.user("ann");
    shop.product("POT", "1.50", 9);
    for (name, beginning) in [("lower", "new-"), ("upper", "NEW-"), ("mixed", "New-")] {
        let mut rows: Vec<_> = (0..ROWS).map(|number| format!("{beginning}{number},{user},POT,2\n")).collect();
        if name == "upper" {
            rows.reverse();
        }
        shop.file(&format!("{name}.csv"), &format!("reference,user,sku,quantity\n{}", rows.concat()));
    }
    let files = ["lower.csv", "upper.csv", "mixed.csv"];
    for (round, batch) in ["5", "7", "40", "1000"].into_iter().enumerate() {
        let imports = files.map(|file| ["order", "import", file, "-y", "--json", "--stock", "skip", "--batch", batch]);
        let imports = imports.each_ref().map(|import| &import[..]);
        let runs = at_once(shop, &imports);
        assert_created_once("order", runs, "unchanged");
        assert_eq!(shop.number("SELECT COUNT(*) FROM orders"), ROWS as i64, "round {round}");
        for table in ["order_items", "orders"] {
            shop.sql(&format!("DELETE FROM {table}"));
        }
    }
}

/// Invoices bring their users and products with them: of those, too, each is made once.
fn concurrent_imports_of_invoices_create_users_and_products_once(shop: &Shop) {
    let header = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country";
    let invoice = |number: usize| {
        let (code, customer) = (number % 30, 1 + number % 40);
        format!("{number},P{code},POT,1,12/1/2010 8:26,2.55,{customer},France\n")
    };
    let rows: String = (0..ROWS).map(invoice).collect();
    shop.file("invoices.csv", &format!("{header}\n{rows}"));
    let import = ["order", "import", "invoices.csv", "--invoices", "-y", "--json", "--date-order", "mdy"];
    let error: &[&str] = &["--on-conflict", "error"];
    assert_one_winner("order", at_once(shop, &[&[&import[..], error].concat()[..]; PROCESSES]));
    for (table, count) in [("orders", ROWS as i64), ("users", 40), ("products", 30)] {
        assert_eq!(shop.number(&format!("SELECT COUNT(*) FROM {table}")), count, "{table}");
    }
    shop.assert_invariants();
}

/// Waits until a query gives more than none.
fn await_some(shop: &Shop, query: &str) {
    let until = Instant::now() + Duration::from_mins(1);
    while shop.number(query) == 0 {
        assert!(Instant::now() < until, "{query} gives nothing");
    }
}

/// Somebody takes the stock of the second order between the check and the write. Of SQLite nobody can
/// ask whether the import has come to wait.
fn a_rejection_caused_by_concurrent_changes_ends_the_import(shop: &Shop) {
    let waits = match shop.backend {
        Backend::Sqlite => return,
        Backend::Postgres => {
            "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        }
        Backend::MariaDb => {
            "SELECT COUNT(*) FROM information_schema.processlist WHERE db = DATABASE() AND info LIKE 'UPDATE%'"
        }
    };
    let user = shop.user("ann");
    ["MUG", "POT"].iter().for_each(|sku| shop.product(sku, "2.00", 9));
    let rows = ["MUG", "POT", "MUG"].iter().enumerate();
    let rows: String = rows.map(|(number, sku)| format!("new-{number},{user},{sku},1\n")).collect();
    shop.file("orders.csv", &format!("reference,user,sku,quantity\n{rows}"));
    let one_by_one: &[&str] = &["--batch", "1"];
    for (flags, code, told, kept) in [
        (&[][..], 7, "1 of 3 orders is invalid, nothing was imported", 0),
        (one_by_one, 8, "hint: later rows were not imported", 1),
    ] {
        let import = [&["order", "import", "orders.csv", "-y"], flags].concat();
        let child = block_on(async {
            let connection = shop.connect().await;
            let taking = connection.begin().await.expect("begins");
            let take = "UPDATE products SET stock_quantity = 0 WHERE sku = 'POT'";
            taking.execute_unprepared(take).await.expect("it is there");
            let child = shop.start(&import);
            std::thread::scope(|scope| scope.spawn(|| await_some(shop, waits)).join()).expect("it waits");
            taking.commit().await.expect("commits");
            child
        });
        finish(child, &import).exits_with(code).says("POT has 0 in stock, 1 requested").says(told);
        assert_eq!(shop.number("SELECT COUNT(*) FROM orders"), kept);
        shop.sql("UPDATE products SET stock_quantity = 9 WHERE sku = 'POT'");
    }
}
