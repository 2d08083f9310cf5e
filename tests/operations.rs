//! The guarantees of an operation, tested on the library: any failure leaves nothing behind.

use shopctl::domain::{Email, EventName, IdempotencyKey, PersonName, Quantity};
use shopctl::error::{Error, Kind};
use shopctl::service::operation::{Idempotency, Operation, Request};
use shopctl::service::place_order::{self, NewLine, NewOrder};
use shopctl::service::user::{Model, apply_create};

use crate::on_every_backend;
use crate::support::library::{database, operations};
use crate::support::shop::block_on;
use crate::support::{Backend, Shop};

on_every_backend!(
    a_failure_at_any_statement_leaves_at_most_the_failed_event,
    the_number_of_statements_does_not_grow_with_the_lines,
    rows_without_an_event_make_the_commit_fail,
    a_rejected_part_does_not_affect_earlier_parts,
    a_swallowed_error_is_not_committed,
    concurrent_requests_with_the_same_key_create_one_order,
);

fn order(user: &str, lines: &[(&str, i64)]) -> NewOrder {
    let line = |(product, quantity): &(&str, i64)| NewLine {
        product: (*product).to_owned(),
        quantity: Quantity::new(*quantity).expect("in range"),
        unit_price: None,
    };
    NewOrder::new(user.to_owned(), lines.iter().map(line).collect())
}

fn a_failure_at_any_statement_leaves_at_most_the_failed_event(shop: &Shop) {
    let user = shop.user("ann");
    shop.product("MUG", "12.50", 10);
    shop.product("PEN", "2.40", 10);
    let before = shop.counts();
    let stock = shop.column("SELECT stock_quantity FROM products ORDER BY sku");
    let new = order(&user, &[("MUG", 2), ("PEN", 3)]);
    let request = Request::new(EventName::OrderPlace);
    for statement in 1.. {
        let placed = block_on(async {
            let database = database(shop).await;
            let result = operations(&database)
                .run(&request, async |operation| {
                    operation.handle().fail_at(statement);
                    place_order::apply(operation, &new).await
                })
                .await;
            database.close().await;
            result.is_ok()
        });
        if placed {
            assert!(statement > 6, "only {statement} statements were made to fail");
            break;
        }
        let after = shop.counts();
        assert_eq!(after[..5], before[..5], "rows were left after statement {statement}");
        assert!(after[5] <= before[5] + statement as i64, "more than the failed event was left");
        assert_eq!(shop.column("SELECT stock_quantity FROM products ORDER BY sku"), stock, "statement {statement}");
    }
    assert_eq!(shop.counts()[2], 1, "the last run was not broken");
    shop.assert_invariants();
}

fn the_number_of_statements_does_not_grow_with_the_lines(shop: &Shop) {
    let user = shop.user("ann");
    let skus: Vec<String> = (0..40).map(|number| format!("SKU-{number:02}")).collect();
    skus.iter().for_each(|sku| shop.product(sku, "1.00", 100));
    let lines: Vec<(&str, i64)> = skus.iter().map(|sku| (sku.as_str(), 2)).collect();
    block_on(async {
        let database = database(shop).await;
        let operations = operations(&database);
        let mut counts = Vec::new();
        for lines in [&lines[..1], &lines[..3], &lines[..]] {
            let before = database.statement_count();
            place_order::run(&operations, &order(&user, lines), None).await.expect("there is stock");
            counts.push(database.statement_count() - before);
        }
        // user, products, stock, order, items, movements, event; without RETURNING the products again, and whether
        // the transaction is still open.
        let expected = if shop.backend == Backend::MariaDb { 9 } else { 7 };
        assert_eq!(counts, [expected; 3]);
        database.close().await;
    });
    shop.assert_invariants();
}

fn rows_without_an_event_make_the_commit_fail(shop: &Shop) {
    let email = shop.user("ann");
    let before = shop.counts();
    let error = block_on(async {
        let database = database(shop).await;
        let body = async |operation: &mut Operation| {
            let who = shopctl::repository::user::UserKey::Email(&email);
            let lock = shopctl::repository::user::Lock::Update;
            let user = shopctl::repository::user::find_one(operation.handle(), who, lock).await?;
            let user = user.ok_or_else(|| Error::not_found("user", "ann"))?;
            // A service that omits its event.
            let _forgotten = shopctl::repository::user::delete(operation.handle(), &user).await?;
            Ok(())
        };
        let error = operations(&database).run(&Request::new(EventName::UserDelete), body).await.unwrap_err();
        database.close().await;
        error
    });
    assert_eq!(error.code(), "operation.unaccounted");
    let after = shop.counts();
    assert_eq!(after[..5], before[..5]);
    assert_eq!(after[5], before[5] + 1, "a failed post-check is recorded");
}

fn a_rejected_part_does_not_affect_earlier_parts(shop: &Shop) {
    shop.user("taken");
    let new = |name: &str| {
        let email = Email::parse(&format!("{name}@example.com")).expect("an address");
        let (first_name, last_name) = (PersonName::parse(name), PersonName::parse("Test"));
        Model::new(&email, &first_name.expect("a name"), &last_name.expect("a name"), "!".to_owned())
    };
    block_on(async {
        let database = database(shop).await;
        let body = async |operation: &mut Operation| {
            apply_create(operation, new("first")).await?;
            let refused = operation.savepoint(async |operation| apply_create(operation, new("taken")).await).await?;
            assert_eq!(refused.unwrap_err().kind(), Kind::Conflict);
            let kept = operation.savepoint(async |operation| apply_create(operation, new("second")).await).await?;
            kept.map(drop)
        };
        operations(&database).run(&Request::new(EventName::UserCreate), body).await.expect("the rest is fine");
        database.close().await;
    });
    assert_eq!(
        shop.column("SELECT email FROM users ORDER BY email"),
        ["first@example.com", "second@example.com", "taken@example.com"]
    );
    assert_eq!(shop.number("SELECT COUNT(*) FROM audit_events WHERE outcome = 'succeeded'"), 3);
}

fn a_swallowed_error_is_not_committed(shop: &Shop) {
    use sea_orm::ConnectionTrait;
    shop.product("MUG", "1.00", 5);
    let before = shop.counts();
    let error = block_on(async {
        let database = database(shop).await;
        let body = async |operation: &mut Operation| {
            let _swallowed = operation.handle().execute_unprepared("INSERT INTO no_such_table VALUES (1)").await;
            Ok(())
        };
        let error = operations(&database).run(&Request::new(EventName::UserUpdate), body).await.unwrap_err();
        database.close().await;
        error
    });
    assert_eq!(error.kind(), Kind::Internal);
    assert_eq!(shop.counts()[..5], before[..5]);
}

fn concurrent_requests_with_the_same_key_create_one_order(shop: &Shop) {
    let user = shop.user("ann");
    shop.product("LAST", "9.00", 1);
    let arguments = ["order", "create", "--user", &user, "--item", "LAST", "--idempotency-key", "web-1", "--json"];
    let children: Vec<_> = (0..8).map(|_| shop.start(&arguments)).collect();
    let runs: Vec<_> =
        children.into_iter().map(|child| crate::support::shop::finish(child, &arguments).success()).collect();
    let ids: std::collections::BTreeSet<String> = runs.iter().map(|run| run.json()["id"].to_string()).collect();
    assert_eq!(ids.len(), 1, "all must agree on one order");
    let fresh = runs.iter().filter(|run| run.json()["replayed"] == false).count();
    assert_eq!(fresh, 1);
    shop.run(&["order", "create", "--user", &user, "--item", "LAST:2", "--idempotency-key", "web-1"])
        .exits_with(6)
        .says("idempotency.key_reused");
    shop.assert_invariants();
}

#[test]
fn equal_requests_have_equal_fingerprints() {
    let key = IdempotencyKey::parse("k").expect("printable");
    let of = |json: serde_json::Value| Idempotency::new(key.clone(), EventName::OrderPlace, &json).fingerprint;
    assert_eq!(of(serde_json::json!({"a": 1})), of(serde_json::json!({"a": 1})));
    assert_ne!(of(serde_json::json!({"a": 1})), of(serde_json::json!({"a": 2})));
}
