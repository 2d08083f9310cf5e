//! The copy of a database file has all that is dropped, whoever writes meanwhile.

use std::process::Child;

use super::guards::copies;
use super::removals::Holder;
use crate::support::shop::{block_on, finish};
use crate::support::{Backend, Shop, await_that};
use sea_orm::ConnectionTrait;

fn product(number: i64) -> String {
    format!(
        "INSERT INTO products (id, sku, name, price, stock_quantity, created_at, updated_at) VALUES \
         ('00000000-0000-7000-8000-{number:012}', 'LATE-{number}', 'Late', 1, 0, \
         '2026-01-01T00:00:00.000Z', '2026-01-01T00:00:00.000Z')"
    )
}

/// How often a process has the file of a shop open.
fn openings(child: &Child) -> usize {
    let files = std::fs::read_dir(format!("/proc/{}/fd", child.id()));
    let links = files.into_iter().flatten().flatten().filter_map(|file| std::fs::read_link(file.path()).ok());
    links.filter(|file| file.ends_with("shop.db")).count()
}

fn products_in_the_copy(shop: &Shop) -> i64 {
    let made = copies(shop);
    let [copy] = made.as_slice() else { panic!("one copy: {made:?}") };
    shop.with_url(format!("sqlite:{}", copy.display())).number("SELECT COUNT(*) FROM products")
}

#[cfg(target_os = "linux")]
#[test]
fn rows_that_are_committed_while_the_lock_is_waited_for_are_in_the_copy() {
    for course in [&["down", "--steps", "99"][..], &["redo", "--steps", "99"], &["reset"], &["refresh"], &["fresh"]] {
        let shop = Shop::migrated(Backend::Sqlite).expect("always there");
        shop.sql(&product(1));
        let writer = Holder::of(&shop, "products");
        writer.say(&product(2));
        let arguments = [&["migrate"], course, &["--yes"]].concat();
        let child = shop.start(&arguments);
        // Its second connection is the one that changes the schema, and waits.
        await_that("the file is opened twice", || openings(&child) > 1);
        writer.say("COMMIT");
        let run = finish(child, &arguments).success().says("after they were counted: products now 2 rows");
        assert_eq!(products_in_the_copy(&shop), 2, "{run}");
    }
}

#[test]
fn another_program_that_keeps_writing_loses_no_row() {
    let shop = Shop::migrated(Backend::Sqlite).expect("always there");
    shop.sql(&product(0));
    let (begun, writing) = std::sync::mpsc::channel();
    let committed = std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            block_on(async {
                let connection = shop.connect().await;
                let mut committed = 1;
                loop {
                    match connection.execute_unprepared(&product(committed)).await {
                        Ok(_) => committed += 1,
                        Err(error) if error.to_string().contains("no such table") => return committed,
                        // The driver does not wait for as long as a migration may take.
                        Err(error) => assert!(error.to_string().contains("locked"), "{error}"),
                    }
                    let _ = begun.send(());
                }
            })
        });
        writing.recv().expect("it writes");
        shop.run(&["migrate", "down", "--steps", "99", "--yes"]).success();
        writer.join().expect("no panic")
    });
    assert_eq!(products_in_the_copy(&shop), committed);
}

#[test]
fn a_run_that_removes_nothing_leaves_no_copy() {
    let shop = Shop::migrated(Backend::Sqlite).expect("always there");
    shop.sql(&product(1));
    let before = shop.everything();
    let writer = Holder::of(&shop, "products");
    writer.say(&product(2));
    for course in ["down", "reset", "fresh"] {
        let run = shop.run(&["migrate", course, "--yes", "--lock-wait", "100ms"]).exits_with(5);
        assert!(copies(&shop).is_empty(), "{run}");
    }
    drop(writer);
    // A table that cannot be dropped, the last of nine.
    shop.sql("ALTER TABLE users RENAME TO kept");
    shop.sql("CREATE VIEW users AS SELECT * FROM kept");
    let run = shop.run(&["migrate", "reset", "--yes"]).exits_with(1);
    assert!(copies(&shop).is_empty(), "{run}");
    assert!(!run.stderr.contains("reverted: "), "{run}");
    assert_eq!(shop.number("SELECT COUNT(*) FROM seaql_migrations"), migration::MIGRATIONS.len() as i64);
    shop.sql("DROP VIEW users");
    shop.sql("ALTER TABLE kept RENAME TO users");
    assert!(shop.everything() == before, "everything is as before");
}
