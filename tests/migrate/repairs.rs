//! What the printed repairs of one engine do to the rows, and what they leave behind.

use super::drift::{fill, findings, repair_all, reword};
use crate::support::{Backend, Shop};

#[test]
fn times_of_another_type_are_those_of_utc_in_any_zone_of_the_client() {
    let Some(shop) = Shop::migrated(Backend::Postgres) else { return };
    fill(&shop);
    shop.sql("UPDATE users SET created_at = '2024-05-06 00:00:00+00'");
    let times = "SELECT CAST(created_at AT TIME ZONE 'UTC' AS text) FROM users";
    let before = shop.column(times);
    for kind in [
        "text USING CAST(created_at AT TIME ZONE 'UTC' AS text)",
        "text USING replace(CAST(created_at AT TIME ZONE 'UTC' AS text), ' ', 'T') || 'Z'",
        "date USING CAST(created_at AT TIME ZONE 'UTC' AS date)",
        "timestamp USING created_at AT TIME ZONE 'UTC'",
        "bigint USING CAST(extract(epoch FROM created_at) AS bigint)",
    ] {
        shop.sql(&format!(
            "ALTER TABLE users ALTER COLUMN created_at DROP DEFAULT, ALTER COLUMN created_at TYPE {kind}"
        ));
        let found = findings(&shop);
        let [finding] = found.as_slice() else { panic!("{kind}: {found:#?}") };
        shop.sql(&format!("SET TIME ZONE 'Asia/Kathmandu'; {}", finding["repair"].as_str().expect("a statement")));
        assert_eq!(shop.column(times), before, "{kind}");
        assert!(findings(&shop).is_empty(), "{kind}");
    }
}

#[test]
fn what_a_failed_repair_left_is_removed_by_the_next_one() {
    let shop = Shop::migrated(Backend::Sqlite).expect("always there");
    fill(&shop);
    reword(&shop, "users", "'disabled', 'anonymized'", "'disabled'");
    // The first statements of a repair, which stay when its transaction is undone.
    let repair = findings(&shop)[0]["repair"].as_str().expect("a statement").to_owned();
    let (begun, _) = repair.split_once("; BEGIN").expect("a transaction");
    shop.sql(begun);
    let left = "SELECT COUNT(*) FROM sqlite_master WHERE name LIKE 'shopctl_check%'";
    assert_eq!(shop.number(left), 1);
    repair_all(&shop, "the check");
    assert_eq!(shop.number(left), 0);
}

#[test]
fn values_that_a_repair_would_round_are_named_first() {
    for (backend, price, stock) in [
        (
            Backend::Postgres,
            "ALTER TABLE products ALTER COLUMN price TYPE numeric(14, 4)",
            "ALTER TABLE products ALTER COLUMN stock_quantity TYPE numeric(10, 1)",
        ),
        (
            Backend::MariaDb,
            "ALTER TABLE products MODIFY COLUMN price decimal(14, 4) NOT NULL",
            "ALTER TABLE products MODIFY COLUMN stock_quantity decimal(10, 1) NOT NULL DEFAULT 0",
        ),
    ] {
        let Some(shop) = Shop::migrated(backend) else { continue };
        fill(&shop);
        for (drift, rows) in [(price, "price = 1.2345"), (stock, "stock_quantity = 1.5")] {
            shop.sql(drift);
            shop.sql(&format!("UPDATE products SET {rows} WHERE sku = 'CUP'"));
        }
        let found = findings(&shop);
        assert_eq!(found.len(), 2, "{found:#?}");
        for finding in found {
            assert_eq!(finding["row_count"], 1, "{finding}");
            assert!(finding["warning"].as_str().expect("one").contains("rounds their values"), "{finding}");
        }
        let run = shop.run(&["migrate", "verify"]).exits_with(9);
        assert!(!run.stderr.contains("back to what the migrations make"), "{run}");
    }
}
