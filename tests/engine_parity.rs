//! The same commands give the same results on every engine.

use serde_json::Value;

use crate::support::{Backend, Shop};

/// The same script on every engine; ids, times and references apart the answers are equal.
#[test]
fn the_same_commands_give_the_same_answers_on_every_backend() {
    let shops = [Backend::Sqlite, Backend::Postgres, Backend::MariaDb].into_iter().filter_map(Shop::migrated);
    let answers: Vec<(Backend, Vec<String>)> = shops.map(|shop| (shop.backend, script(&shop))).collect();
    for (backend, answer) in &answers[1..] {
        for (one, other) in answers[0].1.iter().zip(answer) {
            assert_eq!(one, other, "{backend:?} answers otherwise");
        }
    }
}

fn script(shop: &Shop) -> Vec<String> {
    let commands = "seed up --json
        user create --email Zoe@Example.com --first-name Zoë --last-name Ørsted --password-stdin --json
        user create --email zoe@example.com --first-name Z --last-name O --password-stdin --json
        user update zoe@example.com --last-name O'Neil --json
        user list --sort email --json
        user list --search NÚÑ --json
        user list --search o'n --count --json
        user disable jose@example.com --yes --json
        order create --user jose@example.com --item MUG-01 --json
        product create --name Ünïcode% --price 0.10 --stock 3 --json
        product create --name B%_!x --sku b-1 --price 99999999.99 --stock 2147483647 --json
        product list --search %_! --json
        product list --sort price --json
        product list --sort -stock_quantity --limit 3 --json
        product list --min-price 9.95 --max-price 12.50 --sort sku --count --json
        product list --max-stock 8 --sort name --json
        product update B-1 --price 1.00 --description text --json
        product update B-1 --price 1.00 --json
        stock adjust b-1 +1 --reason received --json
        stock adjust B-1 -47 --reason damaged --note broken --json
        stock adjust CLOTH-LINEN -4 --reason shrinkage --json
        order create --user zoe@example.com --item mug-01:2 --item MUG-01:3 --item B-1 --json --idempotency-key k-1
        order create --user zoe@example.com --item B-1:1 --item MUG-01:5 --json --idempotency-key k-1
        order create --user zoe@example.com --item MUG-01:6 --json --idempotency-key k-1
        order create --user zoe@example.com --item LAMP-DESK:999 --item CLOTH-LINEN:4 --item MUG-01 --json
        order create --user nobody@example.com --item MUG-01 --json
        order create --user zoe@example.com --item NOPE --item ALSO-NOT --json
        order list --status pending --user zoe@example.com --json
        order list --sort total_amount --json
        order list --min-total 60 --max-total 100 --sort -total_amount --json
        order list --product TRAY-OAK --json
        product show MUG-01 --json
        product delete MUG-01 --confirm MUG-01 --json
        product delete B-1 --confirm WRONG --json
        user delete mina@example.com --confirm mina@example.com --json
        audit list --outcome failed --fields operation,outcome,entity_type,name,error --json
        audit list --operation order.place --fields operation,outcome,name --count --json
        migrate status --json
        seed status --json";
    let answers = commands.lines().flat_map(|command| {
        let arguments: Vec<&str> = command.split_whitespace().collect();
        let run = shop.run_with_input(&arguments, "correct horse\n");
        let text = |stream: &str| {
            stream.lines().filter(|line| line.starts_with(['{', '[', ']', '}'])).collect::<Vec<_>>().join("")
        };
        [
            format!("{command}: exit {}", run.code),
            format!("{command}: {}", normal(&text(&run.stdout))),
            normal(&text(&run.stderr)),
        ]
    });
    answers.collect()
}

/// JSON without what differs from run to run.
fn normal(text: &str) -> String {
    fn clean(value: &mut Value) {
        const VARYING: [&str; 14] = [
            "id",
            "user_id",
            "product_id",
            "created_at",
            "updated_at",
            "occurred_at",
            "applied_at",
            "next",
            "reference",
            "operation_id",
            "runner",
            "duration_milliseconds",
            "name",
            "message",
        ];
        match value {
            Value::Object(members) => {
                for (name, member) in members {
                    // Error texts are cut before a possible time.
                    if name == "error"
                        && let Some(text) = member.as_str()
                    {
                        *member = Value::from(text.split(" of 20").next().unwrap_or_default());
                    }
                    let is_made_up = matches!(name.as_str(), "name" | "message" | "reference") && !mentions_id(member);
                    if VARYING.contains(&name.as_str()) && !is_made_up {
                        *member = Value::Null;
                    }
                    clean(member);
                }
            }
            Value::Array(items) => items.iter_mut().for_each(clean),
            _ => {}
        }
    }
    /// Whether it contains a random reference or a time; references of seeds are fixed.
    fn mentions_id(value: &Value) -> bool {
        value.as_str().is_some_and(|text| text.len() == 11 && !text.starts_with("DEM01") || text.contains(" of 20"))
    }
    let parsed: Result<Value, _> = serde_json::from_str(text);
    match parsed {
        Ok(mut value) => {
            clean(&mut value);
            value.to_string()
        }
        Err(_) => text.to_owned(),
    }
}
