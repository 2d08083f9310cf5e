//! Orders that go to another customer, and users who are there twice.

use serde_json::Value;

use crate::on_every_backend;
use crate::support::Shop;
use crate::support::library::{database, operations};
use crate::support::shop::{block_on, finish};

on_every_backend!(
    an_order_in_any_status_is_reassigned_and_both_timelines_say_so,
    orders_are_not_given_to_an_anonymized_user,
    a_merge_moves_all_orders_and_erases_the_first_user,
    a_merge_is_rejected_where_it_makes_no_sense,
    two_merges_of_one_user_at_once_are_done_once,
    the_statements_of_a_merge_do_not_grow_with_the_orders,
    orders_placed_during_a_merge_are_not_left_behind,
);

const ANN: &str = "ann@example.com";
const BO: &str = "bo@example.com";

fn shop_with_two_users(shop: &Shop) {
    ["ann", "bo"].iter().for_each(|name| drop(shop.user(name)));
    shop.product("MUG", "12.50", 1_000);
}

fn order(shop: &Shop, user: &str) -> String {
    let run = shop.run(&["order", "create", "--user", user, "--item", "MUG", "--json"]).success();
    run.json()["reference"].as_str().expect("text").to_owned()
}

fn customer(shop: &Shop, reference: &str) -> Value {
    shop.run(&["order", "show", reference, "--json"]).success().json()["user"].clone()
}

/// What the timeline of a user says about events of this operation.
fn told(shop: &Shop, who: &str, operation: &str) -> Vec<String> {
    let run = shop.run(&["user", "show", who, "--timeline", "--json"]).success().json();
    let rows = run["timeline"].as_array().expect("a list").clone();
    let own = rows.iter().filter(|row| row["operation"] == operation);
    own.map(|row| row["change"].as_str().unwrap_or_default().to_owned()).collect()
}

fn verified(shop: &Shop) {
    shop.assert_invariants();
    shop.run(&["audit", "verify"]).success();
}

fn an_order_in_any_status_is_reassigned_and_both_timelines_say_so(shop: &Shop) {
    shop_with_two_users(shop);
    let [pending, refunded, cancelled] = [0, 1, 2].map(|_| order(shop, ANN));
    shop.run(&["order", "pay", &refunded]).success();
    shop.run(&["order", "refund", &refunded, "--yes"]).success();
    shop.run(&["order", "cancel", &cancelled, "--yes"]).success();
    let run = shop.run(&["order", "reassign", &pending, "--user", BO, "--reason", "a gift"]).success();
    assert_eq!(run.stdout, format!("order {pending} reassigned to {BO}\n"));
    assert_eq!(customer(shop, &pending), BO);
    assert_eq!(told(shop, ANN, "order.reassign"), ["orders given: 1"]);
    assert_eq!(told(shop, BO, "order.reassign"), [format!("user: {ANN} → {BO}"), "orders received: 1".to_owned()]);
    let again = shop.run(&["order", "reassign", &pending, "--user", BO, "--json"]).success().item();
    assert_eq!(again["changed"], false);
    let several = ["order", "reassign", &refunded, &cancelled, "--user", BO];
    shop.run(&several).exits_with(11).says("this assigns 2 orders to bo@example.com in ");
    let before = shop.everything();
    shop.run(&[&several[..], &["-n"]].concat()).success();
    assert_eq!(shop.everything(), before);
    shop.run(&[&several[..], &["--yes"]].concat()).success();
    assert_eq!([&refunded, &cancelled].map(|reference| customer(shop, reference)), [BO, BO]);
    shop.run(&["user", "disable", ANN, "--yes"]).success();
    let disabled = "; ann@example.com is disabled and cannot order";
    let several = ["order", "reassign", &refunded, &cancelled, "--user", ANN];
    let ask = shop.run(&several).exits_with(11);
    assert!(ask.stderr.contains(disabled), "{ask}");
    let run = shop.run(&["order", "reassign", &pending, "--user", ANN]).success();
    assert_eq!(run.stdout, format!("order {pending} reassigned to {ANN}{disabled}\n"));
    let json = shop.run(&["order", "reassign", &pending, "--user", ANN, "--json"]).success().item();
    assert_eq!(json["user_status"], "disabled");
    shop.run(&["order", "reassign", &pending, "--user", "nobody@example.com"]).exits_with(3);
    shop.run(&["order", "reassign", &pending, "NOSUCH", "--user", BO, "--yes"]).exits_with(3);
    assert_eq!(customer(shop, &pending), ANN);
    verified(shop);
}

fn orders_are_not_given_to_an_anonymized_user(shop: &Shop) {
    shop_with_two_users(shop);
    let reference = order(shop, ANN);
    let id = shop.run(&["user", "show", BO, "--json"]).success().json()["id"].as_str().expect("text").to_owned();
    shop.run(&["user", "anonymize", BO, "--confirm", BO]).success();
    shop.run(&["order", "reassign", &reference, "--user", &id]).exits_with(6).says("is anonymized");
    shop.run(&["user", "merge", ANN, &id, "--confirm", ANN]).exits_with(6).says("is anonymized");
    assert_eq!(customer(shop, &reference), ANN);
    // The other way round nothing is left to be erased or moved.
    let run = shop.run(&[
        "user",
        "merge",
        &id,
        ANN,
        "--confirm",
        &format!("anonymized-{}@anonymized.invalid", id.replace('-', "")),
    ]);
    assert!(run.exits_with(6).stderr.contains("is anonymized and has no orders"));
    verified(shop);
}

fn a_merge_moves_all_orders_and_erases_the_first_user(shop: &Shop) {
    shop_with_two_users(shop);
    let mine = [0, 1, 2].map(|_| order(shop, ANN));
    let other = order(shop, BO);
    shop.run(&["order", "pay", &mine[1]]).success();
    shop.run(&["order", "refund", &mine[1], "--amount", "2.50", "--yes"]).success();
    let id = shop.run(&["user", "show", ANN, "--json"]).success().json()["id"].as_str().expect("text").to_owned();
    shop.run(&["audit", "seal"]).success();
    let merge = ["user", "merge", ANN, BO];
    let impact = "this moves 3 orders of ann@example.com (ann Test) to bo@example.com (bo Test) in ";
    shop.run(&merge).exits_with(11).says(impact).says("permanently erases");
    shop.run(&[&merge[..], &["--confirm", BO]].concat()).exits_with(11);
    let before = shop.everything();
    let dry = shop.run(&[&merge[..], &["-n"]].concat()).success();
    assert_eq!(dry.stdout, format!("user {ANN} would be merged into {BO}: 3 orders\n"));
    assert_eq!(shop.everything(), before);
    let run = shop.run(&[&merge[..], &["--confirm", ANN, "--json"]].concat()).success().json();
    assert_eq!((&run["orders_moved"], &run["after"]["status"]), (&3.into(), &"anonymized".into()));
    for reference in mine.iter().chain([&other]) {
        assert_eq!(customer(shop, reference), BO);
    }
    let all = shop.everything_in_the_clear();
    assert!(!all.contains(ANN), "the address is still there: {all}");
    let erased = told(shop, &id, "user.merge");
    assert!(erased.len() == 1 && erased[0].contains("active → anonymized"), "{erased:?}");
    let told = told(shop, BO, "user.merge");
    assert_eq!(told.iter().filter(|change| change.starts_with("orders received")).count(), 1, "{told:?}");
    assert_eq!(told.iter().filter(|change| change.starts_with("user: ")).count(), 3, "{told:?}");
    assert_eq!(shop.number("SELECT COUNT(DISTINCT operation_id) FROM audit_events WHERE operation = 'user.merge'"), 1);
    shop.run(&["user", "merge", ANN, BO, "--confirm", ANN]).exits_with(3);
    verified(shop);
}

fn a_merge_is_rejected_where_it_makes_no_sense(shop: &Shop) {
    shop_with_two_users(shop);
    let reference = order(shop, ANN);
    let before = shop.everything();
    shop.run(&["user", "merge", ANN, "ANN@example.com", "-n"]).exits_with(6).says("both are ann@example.com");
    shop.run(&["user", "merge", ANN, "nobody@example.com", "--confirm", ANN]).exits_with(3);
    assert_eq!(shop.everything(), before);
    // A disabled user may have orders, and stays disabled, which is said.
    shop.run(&["user", "disable", BO, "--yes"]).success();
    let merge = ["user", "merge", ANN, BO];
    let disabled = "; bo@example.com is disabled and cannot order";
    let ask = shop.run(&merge).exits_with(11);
    assert!(ask.stderr.contains(&format!("address and password of {ANN}{disabled}")), "{ask}");
    let dry = shop.run(&[&merge[..], &["-n"]].concat()).success();
    assert_eq!(dry.stdout, format!("user {ANN} would be merged into {BO}: 1 order{disabled}\n"));
    let run = shop.run(&[&merge[..], &["--confirm", ANN, "--json"]].concat()).success().json();
    assert_eq!(run["into_status"], "disabled");
    assert_eq!(customer(shop, &reference), BO);
    assert_eq!(shop.run(&["user", "show", BO, "--json"]).success().json()["status"], "disabled");
    verified(shop);
}

fn two_merges_of_one_user_at_once_are_done_once(shop: &Shop) {
    shop_with_two_users(shop);
    let cy = shop.user("cy");
    let mine = order(shop, ANN);
    let merges = [BO, &cy, BO, &cy].map(|into| ["user", "merge", ANN, into, "--confirm", ANN]);
    let children: Vec<_> = merges.iter().map(|merge| (shop.start(merge), merge)).collect();
    let runs: Vec<_> = children.into_iter().map(|(child, merge)| finish(child, merge)).collect();
    let done: Vec<_> = runs.iter().filter(|run| run.code == 0).collect();
    assert_eq!(done.len(), 1, "{runs:?}");
    for run in runs.iter().filter(|run| run.code != 0) {
        let is_told = run.code == 3 || (run.code == 6 && run.stderr.contains("nothing is left to merge"));
        assert!(is_told, "{run}");
    }
    let owner = customer(shop, &mine);
    assert!(done[0].arguments.contains(owner.as_str().expect("text")), "{owner} is not who {} says", done[0]);
    // Also one after the other, by the id that stays.
    let from = shop.column("SELECT CAST(id AS char(36)) FROM users WHERE status = 'anonymized'").remove(0);
    let email = format!("anonymized-{}@anonymized.invalid", from.replace('-', ""));
    let again = shop.run(&["user", "merge", &from, BO, "--confirm", &email]).exits_with(6);
    let again = again.says("nothing is left to merge");
    let hint = again.stderr.lines().find(|line| line.contains("went to: ")).expect("a hint");
    let shown = shop.paste(&format!("{} --json", hint.split("went to: ").last().expect("a command"))).success().json();
    assert_eq!(shown["email"], owner);
    verified(shop);
}

fn the_statements_of_a_merge_do_not_grow_with_the_orders(shop: &Shop) {
    shop_with_two_users(shop);
    drop(shop.user("cy"));
    order(shop, BO);
    let rows: String = (0..120).map(|number| format!("m-{number},{ANN},MUG,1\n")).collect();
    shop.file("o.csv", &format!("reference,user,sku,quantity\n{rows}"));
    shop.run(&["order", "import", "o.csv"]).success();
    let merged = |from: &str, into: &str| {
        block_on(async {
            let database = database(shop).await;
            let before = database.statement_count();
            let merged = shopctl::service::merge::merge(&operations(&database), from, into).await.expect("merged");
            let count = database.statement_count() - before;
            database.close().await;
            (merged.orders, count)
        })
    };
    let (one, few) = merged(BO, "cy@example.com");
    let (all, many) = merged(ANN, "cy@example.com");
    assert_eq!((one, all, few), (1, 120, many));
    verified(shop);
}

fn orders_placed_during_a_merge_are_not_left_behind(shop: &Shop) {
    shop_with_two_users(shop);
    let place = ["order", "create", "--user", ANN, "--item", "MUG"];
    let merge = ["user", "merge", ANN, BO, "--confirm", ANN];
    let commands = [&place[..], &place, &place, &merge, &place, &place, &place];
    let children: Vec<_> = commands.iter().map(|command| (shop.start(command), *command)).collect();
    let mut placed = 0;
    for (child, command) in children {
        let run = finish(child, command);
        // Afterwards there is no user with this address.
        let is_right = if command[0] == "user" { run.code == 0 } else { matches!(run.code, 0 | 3 | 6) };
        assert!(is_right, "{run}");
        placed += i64::from(run.code == 0 && command[0] == "order");
    }
    let of_bo = "SELECT COUNT(*) FROM orders o JOIN users u ON u.id = o.user_id WHERE u.email = 'bo@example.com'";
    assert_eq!((shop.number(of_bo), shop.number("SELECT COUNT(*) FROM orders")), (placed, placed));
    verified(shop);
}
