//! Renamed columns: what is evidence of one, and what is left to decide.

use serde_json::Value;

use super::drift::{fill, findings, repair_all};
use crate::on_every_backend;
use crate::support::{Backend, Shop};

on_every_backend!(
    several_renamed_columns_keep_their_values,
    a_column_that_may_have_been_renamed_is_not_added_empty,
    a_dropped_column_says_that_its_values_are_lost,
    a_column_of_another_program_does_not_become_the_shops,
    constraints_and_indexes_tell_a_renamed_column
);

fn several_renamed_columns_keep_their_values(shop: &Shop) {
    fill(shop);
    let users = "SELECT CONCAT(first_name, ' ', last_name, ' ', email, ' ', created_at) FROM users ORDER BY email";
    let before = shop.column(users);
    for names in [
        &[("first_name", "fname"), ("last_name", "lname")][..],
        &[("first_name", "fname"), ("created_at", "createdAt")],
        &[
            ("first_name", "firstName"),
            ("last_name", "lastName"),
            ("created_at", "createdAt"),
            ("updated_at", "updatedAt"),
        ],
    ] {
        let quote = if shop.backend == Backend::MariaDb { '`' } else { '"' };
        for (name, other) in names {
            shop.sql(&format!("ALTER TABLE users RENAME COLUMN {name} TO {quote}{other}{quote}"));
        }
        let found = findings(shop);
        let is_rename = |one: &Value| one["repair"].as_str().is_some_and(|repair| repair.contains("RENAME COLUMN"));
        assert!(found.len() == names.len() && found.iter().all(is_rename), "{found:#?}");
        repair_all(shop, names[1].1);
        assert_eq!(shop.column(users), before, "{names:?}");
    }
}

fn a_column_that_may_have_been_renamed_is_not_added_empty(shop: &Shop) {
    fill(shop);
    shop.sql("ALTER TABLE users RENAME COLUMN first_name TO aaa");
    shop.sql("ALTER TABLE users RENAME COLUMN last_name TO zzz");
    for finding in findings(shop) {
        assert!(finding["repair"].is_null(), "{finding}");
    }
    let run = shop.run(&["migrate", "verify"]).exits_with(9);
    for part in ["if it was renamed: ALTER TABLE", "otherwise its values are lost", "aaa", "zzz"] {
        assert!(run.stderr.contains(part), "{part}: {run}");
    }
    assert!(!run.stderr.contains("back to the state of the migrations"), "{run}");
    shop.sql("ALTER TABLE users RENAME COLUMN aaa TO first_name");
    let found = findings(shop);
    let missing = found.iter().find(|one| one["change"] == "missing").expect("the other one");
    shop.sql(&both_ways(missing)[0]);
    repair_all(shop, "nothing is left");
    assert_eq!(shop.number("SELECT COUNT(*) FROM users WHERE first_name IN ('ann', 'ben') AND last_name <> ''"), 2);
}

fn a_dropped_column_says_that_its_values_are_lost(shop: &Shop) {
    fill(shop);
    shop.sql("ALTER TABLE order_items RENAME COLUMN quantity TO x");
    shop.sql("ALTER TABLE users DROP COLUMN last_name");
    let run = shop.run(&["migrate", "verify"]).exits_with(9);
    run.says("column users.last_name: its values are lost");
    let lost = |finding: &Value| finding["warning"].as_str().is_some_and(|text| text.contains("values are lost"));
    assert_eq!(findings(shop).iter().filter(|one| lost(one)).count(), 1);
}

/// What the finding says about a missing column: the rename, and the statements that add it.
fn both_ways(finding: &Value) -> [String; 2] {
    let warning = finding["warning"].as_str().expect("a decision");
    let (rename, rest) = warning.split_once("; otherwise ").expect("two ways");
    let (_, addition) = rest.split_once(": ").expect("a statement");
    [rename.strip_prefix("if it was renamed: ").expect("a statement").to_owned(), addition.to_owned()]
}

fn a_column_of_another_program_does_not_become_the_shops(shop: &Shop) {
    fill(shop);
    for (column, other) in [("last_name", "remark"), ("first_name", "file_name"), ("password_hash", "api_token")] {
        for way in [0, 1] {
            shop.sql(&format!("ALTER TABLE users RENAME COLUMN {column} TO {other}"));
            let values = shop.column(&format!("SELECT {other} FROM users ORDER BY email"));
            let found = findings(shop);
            let missing = found.iter().find(|one| one["change"] == "missing").expect("the column");
            assert!(found.iter().all(|one| one["repair"].is_null()), "{found:#?}");
            shop.sql(&both_ways(missing)[way]);
            repair_all(shop, other);
            let kept = if way == 0 { column } else { other };
            assert_eq!(shop.column(&format!("SELECT {kept} FROM users ORDER BY email")), values, "{column}");
            if way == 1 {
                shop.sql(&format!("UPDATE users SET {column} = {other}"));
                shop.sql(&format!("ALTER TABLE users DROP COLUMN {other}"));
            }
        }
    }
}

fn constraints_and_indexes_tell_a_renamed_column(shop: &Shop) {
    fill(shop);
    for (table, column, other) in [("products", "name", "title"), ("order_items", "quantity", "pieces")] {
        shop.sql(&format!("ALTER TABLE {table} ADD COLUMN unrelated varchar(255)"));
        shop.sql(&format!("ALTER TABLE {table} RENAME COLUMN {column} TO {other}"));
        let rows = format!("SELECT {column} FROM {table} ORDER BY 1");
        let values = shop.column(&rows.replace(column, other));
        repair_all(shop, other);
        assert_eq!(shop.column(&rows), values, "{other}");
    }
}
