//! One run names everything that keeps a shop from being taken over.

use crate::on_every_backend;
use crate::support::foreign::{
    OTHER_USER, PRODUCT, USER, assert_taken_over, document, hints, made_by_others, sequelize,
};
use crate::support::{Backend, Shop};

on_every_backend!(everything_that_does_not_fit_is_named_in_one_run);

fn everything_that_does_not_fit_is_named_in_one_run(shop: &Shop) {
    let without_rules = |statement: String| {
        let end =
            statement.find(", FOREIGN KEY").map_or_else(|| statement.clone(), |at| format!("{})", &statement[..at]));
        end.replace(" UNIQUE", "")
    };
    let made = made_by_others(shop, &sequelize(shop.backend).into_iter().map(without_rules).collect::<Vec<_>>());
    let quoted = |name: &str| match shop.backend {
        Backend::MariaDb => format!("`{name}`"),
        _ => format!("\"{name}\""),
    };
    let (stock, user, created, updated) =
        (quoted("stockQuantity"), quoted("userId"), quoted("createdAt"), quoted("updatedAt"));
    let at = "'2025-01-31 10:00:00'";
    for number in 0..8 {
        made.sql(&format!(
            "INSERT INTO products (id, name, price, {stock}, {created}, {updated}) VALUES \
             ('0000000{number}-0000-4000-8000-00000000000a', 'Pen', 1.005, 0, {at}, {at})"
        ));
    }
    made.sql("UPDATE users SET email = 'ada@example.com'");
    made.sql(&format!("UPDATE products SET {stock} = -7 WHERE id = '{PRODUCT}'"));
    made.sql(&format!("UPDATE orders SET status = 'lost', {user} = '99999999-0000-4000-8000-00000000000a'"));
    made.sql("CREATE TABLE stock_movements (n integer)");
    let before = made.schema();
    for arguments in [["adopt", "--dry-run"], ["adopt", "--sql"], ["adopt", "--yes"]] {
        let run = made.run(&arguments).exits_with(6);
        let run = run
            .says("stock_movements")
            .says("12 values cannot be adopted")
            .says("and 3 more of products.price")
            .says("stockQuantity -7: violates the shop's rules")
            .says("status lost: violates the shop's rules")
            .says("is not in users")
            .says("is also that of");
        assert!(made.schema() == before, "nothing was changed: {run}");
    }
    let run = made.run(&["adopt", "--dry-run", "--json"]);
    let error: serde_json::Value = serde_json::from_str(&run.stderr).expect("an error");
    assert_eq!(error["error"]["details"]["misfits"].as_array().map(Vec::len), Some(12), "{run}");
    // All at once mended.
    made.sql("DROP TABLE stock_movements");
    made.sql("DELETE FROM products WHERE name = 'Pen'");
    made.sql(&format!("UPDATE products SET {stock} = 7"));
    let mut owner = OTHER_USER.to_uppercase();
    if shop.backend == Backend::Postgres {
        OTHER_USER.clone_into(&mut owner);
    }
    made.sql(&format!("UPDATE users SET email = 'ben@example.com' WHERE id = '{owner}'"));
    made.sql(&format!("UPDATE orders SET status = 'paid', {user} = '{owner}'"));
    made.run(&["adopt", "--yes"]).success();
    assert_taken_over(&made);
}

/// SQLite compares what refers as the column says that is referred to; the shop's columns compare letter by letter.
#[test]
fn rows_that_refer_in_another_case_are_named_first() {
    for backend in [Backend::Sqlite, Backend::Postgres] {
        let Some(shop) = Shop::empty(backend) else { continue };
        let mut statements = document(backend);
        let (of, own) = match backend {
            Backend::Sqlite => ("COLLATE NOCASE", ""),
            _ => {
                let collation =
                    "CREATE COLLATION any_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false)";
                statements.insert(0, collation.to_owned());
                ("COLLATE any_case", "COLLATE any_case")
            }
        };
        let customer = format!("total_amount decimal(10, 2), customer varchar(255) {own} REFERENCES users (email)");
        for statement in &mut statements {
            let with_collation = statement.replace("email varchar(255)", &format!("email varchar(255) {of}"));
            *statement = with_collation.replace("total_amount decimal(10, 2)", &customer);
        }
        let made = made_by_others(&shop, &statements);
        made.sql(&format!(
            "CREATE TABLE reviews (n integer PRIMARY KEY, email varchar(255) {own} REFERENCES users (email))"
        ));
        made.sql("INSERT INTO reviews VALUES (41, 'ada@example.com'), (42, 'ADA@example.com'), (43, NULL)");
        made.sql("UPDATE orders SET customer = 'Ben@example.com'");
        let before = made.schema();
        for arguments in [["adopt", "--dry-run"], ["adopt", "--yes"]] {
            let run = made.run(&arguments).exits_with(9);
            let run = run.says("reviews 42: email ADA@example.com: is written otherwise in users");
            run.says("customer Ben@example.com: is written otherwise in users").says("2 values");
            assert!(made.schema() == before, "nothing was changed");
        }
        let run = made.run(&["adopt", "--dry-run"]);
        let repairs: Vec<String> = hints(&run.stderr).into_iter().filter(|hint| hint.starts_with("UPDATE ")).collect();
        assert_eq!(repairs.len(), 2, "{run}");
        repairs.iter().for_each(|statement| made.sql(statement));
        made.run(&["adopt", "--yes", "--fix-totals"]).success();
        assert_taken_over(&made);
        assert_eq!(made.number(&format!("SELECT COUNT(*) FROM users WHERE id = '{USER}'")), 1);
        assert_eq!(made.column("SELECT email FROM reviews WHERE n = 42"), ["ada@example.com"]);
    }
}
