//! Masked copies: nobody is in them, and they are shops like any other.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::moving::live;
use crate::on_every_backend;
use crate::support::shop::finish;
use crate::support::{Backend, Run, Shop, rounds};

on_every_backend!(
    nothing_that_was_written_into_any_text_comes_through,
    nothing_that_was_written_into_a_document_comes_through,
    a_person_is_the_same_one_in_rows_and_events,
    a_sample_is_a_whole_shop,
    a_name_in_the_copy_empties_it_again,
    a_copy_that_was_not_searched_is_searched_by_the_same_command,
    a_killed_masked_copy_leaves_an_empty_or_a_complete_shop,
);

/// Whatever has it in it was not replaced.
const CANARY: &str = "qzcanary";
/// What stays behind.
const LEFT_OUT: [&str; 3] = ["audit_seals", "shopctl_seeds", "shopctl_seed_rows"];

fn masked(from: &Shop, to: &Shop, more: &[&str]) -> Run {
    let arguments = ["copy", "--from", &from.url, "--to", &to.url, "--mask"];
    from.run(&[&arguments[..], more].concat())
}

/// A shop with something in every table.
fn fill(shop: &Shop) {
    shop.run(&["seed", "generate", "--users", "60", "--products", "20", "--orders", "300", "-y"]).success();
    shop.run(&["seed", "up"]).success();
    live(shop);
    // Called like what is in every shop, or in a fake.
    ["li", "order", "user", "price", "sku", "oak", "com", "masked"].iter().for_each(|name| drop(shop.user(name)));
    let order = ["order", "create", "--user", "ann@example.com", "--item", "MUG-01", "--note", "for Li"];
    let mut by_ann = shop.command(&order);
    by_ann.env("SHOPCTL_ACTOR", "Ann Lee");
    finish(by_ann.spawn().expect("built"), &order).success();
}

fn empty(shop: &Shop) -> Shop {
    Shop::empty(shop.backend).expect("the same backend")
}

/// Every column of text in the shop's tables, as the database has them.
fn texts(shop: &Shop) -> Vec<(String, String)> {
    let query = match shop.backend {
        Backend::Sqlite => {
            "SELECT m.name || '.' || c.name FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table' \
             AND (c.type LIKE '%char%' OR c.type = 'text')"
        }
        Backend::Postgres => {
            "SELECT table_name || '.' || column_name FROM information_schema.columns \
             WHERE table_schema = current_schema() AND data_type IN ('character varying', 'text')"
        }
        Backend::MariaDb => {
            "SELECT CONCAT(table_name, '.', column_name) FROM information_schema.columns \
             WHERE table_schema = DATABASE() AND data_type IN ('varchar', 'char', 'longtext')"
        }
    };
    let history =
        ["seaql_migrations", "shopctl_migration_runs", "shopctl_settings", "shopctl_leases", "sqlite_sequence"];
    let columns = shop.column(query).into_iter().filter_map(|place| {
        let (table, column) = place.split_once('.')?;
        // SQLite keeps ids as texts.
        let is_id = column == "id" || column.ends_with("_id");
        (!history.contains(&table) && !is_id).then(|| (table.to_owned(), column.to_owned()))
    });
    columns.collect()
}

fn quoted(shop: &Shop, name: &str) -> String {
    if shop.backend == Backend::MariaDb { format!("`{name}`") } else { format!("\"{name}\"") }
}

/// Runs a statement as another program; whether the database took it.
fn try_sql(shop: &Shop, statement: &str) -> bool {
    use sea_orm::ConnectionTrait;
    crate::support::shop::block_on(async {
        let connection = shop.connect().await;
        let done = connection.execute_unprepared(statement).await.is_ok();
        connection.close().await.expect("closes");
        done
    })
}

/// Everything that is a text in a shop.
fn all_texts(shop: &Shop) -> Vec<String> {
    let columns = texts(shop).into_iter().flat_map(|(table, column)| {
        let column = quoted(shop, &column);
        shop.column(&format!("SELECT {column} FROM {table} WHERE {column} IS NOT NULL"))
    });
    columns.collect()
}

fn assert_no_canary(to: &Shop) {
    assert!(to.number("SELECT COUNT(*) FROM users") > 0);
    for text in all_texts(to) {
        assert!(!text.to_lowercase().contains(CANARY), "{text}");
    }
    if to.backend == Backend::Sqlite {
        let file = std::fs::read(to.path("shop.db")).expect("readable");
        let found = file.windows(CANARY.len()).any(|bytes| bytes.eq_ignore_ascii_case(CANARY.as_bytes()));
        assert!(!found, "in the file of the database");
    }
    for table in LEFT_OUT {
        assert_eq!(to.number(&format!("SELECT COUNT(*) FROM {table}")), 0, "{table}");
    }
}

fn nothing_that_was_written_into_any_text_comes_through(shop: &Shop) {
    fill(shop);
    let mut refused = Vec::new();
    for (table, column) in texts(shop) {
        // Unique where keys have to be, and no longer than the shortest column.
        let id = match shop.backend {
            _ if LEFT_OUT.contains(&table.as_str()) => continue,
            Backend::MariaDb => "SUBSTR(CAST(id AS char(36)), 27)",
            _ => "SUBSTR(CAST(id AS text), 27)",
        };
        let canary = match shop.backend {
            Backend::MariaDb => format!("CONCAT('{CANARY} ', {id})"),
            _ => format!("'{CANARY} ' || {id}"),
        };
        if !try_sql(shop, &format!("UPDATE {table} SET {} = {canary}", quoted(shop, &column))) {
            refused.push(format!("{table}.{column}"));
        }
    }
    refused.sort();
    assert_eq!(refused, ["audit_events.outcome", "orders.status", "users.status"], "they have a CHECK");
    for more in [&[][..], &["--sample", "40%"]] {
        let to = empty(shop);
        // What shopctl wrote was edited: the checks say so.
        let run = masked(shop, &to, more);
        assert!([0, 9].contains(&run.code), "{run}");
        assert!(!format!("{run}").to_lowercase().contains(CANARY), "{run}");
        assert_no_canary(&to);
    }
}

fn nothing_that_was_written_into_a_document_comes_through(shop: &Shop) {
    fill(shop);
    let events = ["before", "after"].map(|column| {
        let column = quoted(shop, column);
        shop.column(&format!("SELECT {column} FROM audit_events WHERE {column} IS NOT NULL"))
    });
    let mut members = BTreeSet::new();
    for document in events.iter().flatten() {
        names_in(&serde_json::from_str(document).expect("JSON"), &mut members);
    }
    assert!(members.contains("email") && members.contains("note") && members.len() > 30, "{members:?}");
    let value = |name: &String| (name.clone(), Value::from(format!("{CANARY} {name}")));
    let mut document: serde_json::Map<String, Value> = members.iter().map(value).collect();
    document.insert(CANARY.to_owned(), CANARY.into());
    document.insert("items".to_owned(), serde_json::json!([{ "sku": CANARY, CANARY: 1 }, CANARY, [CANARY]]));
    document.insert("email".to_owned(), serde_json::json!({ "commitment": CANARY }));
    let document = Value::Object(document).to_string().replace('\'', "''");
    let id = shop.column("SELECT CONCAT(id, '') FROM audit_events ORDER BY id").pop().expect("events");
    let (before, after) = (quoted(shop, "before"), quoted(shop, "after"));
    for kind in ["user", "product", "order", "something"] {
        let columns = format!("entity_type = '{kind}', {before} = '{document}', {after} = '{document}'");
        shop.sql(&format!("UPDATE audit_events SET {columns} WHERE id = '{id}'"));
        let to = empty(shop);
        let run = masked(shop, &to, &[]);
        assert!([0, 9].contains(&run.code), "{kind}: {run}");
        assert_no_canary(&to);
        let written = format!("SELECT COUNT(*) FROM audit_events WHERE {before} LIKE '%sku%' AND {after} LIKE '%sku%'");
        assert_eq!(to.number(&format!("{written} AND id = '{id}'")), 1);
    }
}

/// The names of all members.
fn names_in(document: &Value, names: &mut BTreeSet<String>) {
    match document {
        Value::Object(members) => members.iter().for_each(|(name, value)| {
            names.insert(name.clone());
            names_in(value, names);
        }),
        Value::Array(values) => values.iter().for_each(|value| names_in(value, names)),
        _ => {}
    }
}

/// The lines of a list or an export, by their ids.
fn by_id(shop: &Shop, arguments: &[&str]) -> BTreeMap<String, Value> {
    let run = shop.run(&[arguments, &["-o", "jsonl"]].concat()).success();
    let rows = run.stdout.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    rows.map(|row| (row["id"].as_str().expect("an id").to_owned(), row)).collect()
}

/// All members but these.
fn without(row: &Value, names: &[&str]) -> Value {
    let members = row.as_object().expect("a row").iter().filter(|(name, _)| !names.contains(&name.as_str()));
    members.map(|(name, value)| (name.clone(), value.clone())).collect()
}

fn a_person_is_the_same_one_in_rows_and_events(shop: &Shop) {
    fill(shop);
    shop.run(&["user", "update", "ann@example.com", "--first-name", "Anna"]).success();
    let undone = "SELECT CONCAT(operation_id, '') FROM audit_events WHERE operation = 'user.update' ORDER BY id DESC";
    let undone = shop.column(undone).remove(0);
    shop.run(&["undo", &undone, "--yes"]).success();
    shop.run(&["migrate", "env", "production", "--confirm", &shop.database_name()]).success();
    let everything = shop.everything();
    let to = empty(shop);
    let run = masked(shop, &to, &[]).success();
    assert!(run.stdout.contains("masked shop copied"), "{run}");
    assert_eq!(shop.everything(), everything, "the source is only read");
    assert_eq!(to.run(&["migrate", "env", "-o", "id"]).stdout.trim(), "development");
    // Its own checks, and a shop that goes on.
    to.assert_invariants();
    for check in [&["audit", "verify"][..], &["migrate", "verify"], &["migrate", "status"], &["seed", "status"]] {
        to.run(check).success();
    }
    let events = to.number("SELECT COUNT(*) FROM audit_events");
    assert_eq!(to.run(&["undo", &undone, "--yes"]).code, 0, "it is undone already");
    assert_eq!(to.number("SELECT COUNT(*) FROM audit_events"), events);
    let personal = ["email", "first_name", "last_name"];
    let (users, fakes) = (by_id(shop, &["user", "export"]), by_id(&to, &["user", "export"]));
    assert_eq!(users.len(), fakes.len());
    for (id, user) in &users {
        let fake = &fakes[id];
        assert_eq!(without(user, &personal), without(fake, &personal));
        for field in personal {
            assert_eq!(user[field] == fake[field], user["status"] == "anonymized", "{field} of {user}: {fake}");
        }
    }
    // Orders are their customers', and what they cost.
    let texts = ["user", "user_email", "reference", "items", "note", "tracking", "refunds"];
    let (orders, copied) = (by_id(shop, &["order", "export"]), by_id(&to, &["order", "export"]));
    assert_eq!(orders.len(), copied.len());
    for (id, order) in &orders {
        assert_eq!(without(order, &texts), without(&copied[id], &texts));
        assert_ne!(order["reference"], copied[id]["reference"]);
    }
    let texts = ["sku", "name", "description"];
    let (products, copied) = (by_id(shop, &["product", "export"]), by_id(&to, &["product", "export"]));
    for (id, product) in &products {
        assert_eq!(without(product, &texts), without(&copied[id], &texts));
        assert_ne!(product["sku"], copied[id]["sku"]);
    }
    // The last event of each user says what the row says, with the same members as before.
    let (events, copied) = (by_id(shop, &["audit", "export"]), by_id(&to, &["audit", "export"]));
    assert_eq!(events.len(), copied.len());
    let mut last = BTreeMap::new();
    for (id, event) in &events {
        let [before, after] = [event, &copied[id]].map(|event| {
            let mut names = BTreeSet::new();
            names_in(&event["before"], &mut names);
            names_in(&event["after"], &mut names);
            names
        });
        assert_eq!(before, after, "{event}");
        for field in ["operation", "outcome", "entity_type", "entity_id", "operation_id", "occurred_at"] {
            assert_eq!(event[field], copied[id][field]);
        }
        if event["entity_type"] == "user" && event["after"].is_object() {
            last.insert(event["entity_id"].as_str().expect("an id").to_owned(), copied[id]["after"].clone());
        }
    }
    assert!(last.len() > 3);
    for (user, document) in &last {
        assert!(personal.iter().all(|field| document[*field] == fakes[user][*field]), "{document}: {}", fakes[user]);
    }
    let all = all_texts(&to).join("\n");
    for gone in ["ann@example.com", "it was broken", "by card", "fell", "for Li", "Ann Lee", "Unsealed", "argon2"] {
        assert!(!all.contains(gone), "{gone}");
    }
    let ann = users.iter().find(|(_, user)| user["email"] == "ann@example.com").expect("ann").0;
    let fake = fakes[ann]["email"].as_str().expect("text");
    to.run_with_input(&["user", "verify-password", fake, "--password-stdin"], "correct horse\n").exits_with(9);
    to.run(&["order", "create", "--user", fake, "--item", copied_sku(&to).as_str()]).success();
    to.run(&["audit", "seal"]).success();
    to.run(&["audit", "verify"]).success();
    to.assert_invariants();
    // The next copy has other fakes.
    let other = empty(shop);
    masked(shop, &other, &[]).success();
    assert_ne!(by_id(&other, &["user", "export"])[ann]["email"], fake);
    // It is not written into what is there.
    masked(shop, &other, &[]).exits_with(6).says("is not empty").says("migrate fresh");
}

/// A product that can be ordered.
fn copied_sku(shop: &Shop) -> String {
    shop.column("SELECT sku FROM products WHERE stock_quantity > 3 AND retired_at IS NULL ORDER BY sku").remove(0)
}

fn a_sample_is_a_whole_shop(shop: &Shop) {
    fill(shop);
    shop.run(&["user", "merge", "ann@example.com", "jose@example.com", "--confirm", "ann@example.com"]).success();
    let rows = |shop: &Shop, table: &str| shop.number(&format!("SELECT COUNT(*) FROM {table}"));
    let all = |table: &str| rows(shop, table);
    for share in ["0.0001%", "3%", "30%", "100%"] {
        let to = empty(shop);
        masked(shop, &to, &["--sample", share]).success();
        to.assert_invariants();
        to.run(&["audit", "verify"]).success();
        let users = rows(&to, "users");
        match share {
            "100%" => ["users", "orders", "order_items", "stock_movements", "audit_events"]
                .iter()
                .for_each(|table| assert_eq!(rows(&to, table), all(table), "{table}")),
            "0.0001%" => assert_eq!(users, 1),
            "30%" => assert!((5..50).contains(&users), "{users}"),
            _ => assert!((1..20).contains(&users), "{users}"),
        }
        assert_eq!(rows(&to, "products"), all("products"));
        for orphans in [
            "orders o WHERE user_id NOT IN (SELECT id FROM users)",
            "order_items WHERE order_id NOT IN (SELECT id FROM orders)",
            "order_refunds WHERE order_id NOT IN (SELECT id FROM orders)",
            "order_refund_lines WHERE order_item_id NOT IN (SELECT id FROM order_items)",
            "stock_movements WHERE order_id IS NOT NULL AND order_id NOT IN (SELECT id FROM orders)",
        ] {
            assert_eq!(to.number(&format!("SELECT COUNT(*) FROM {orphans}")), 0, "{orphans}");
        }
        // The users' orders are all there.
        let (mine, theirs) = (by_id(&to, &["order", "export"]), by_id(shop, &["order", "export"]));
        let kept: BTreeSet<String> = by_id(&to, &["user", "export"]).into_keys().collect();
        let ids = shop.column("SELECT CONCAT(id, '|', user_id) FROM orders");
        let expected =
            ids.iter().filter(|pair| kept.contains(&pair.split_once('|').expect("two").1.to_lowercase())).count();
        assert_eq!(mine.len(), expected);
        assert!(mine.iter().all(|(id, order)| order["total_amount"] == theirs[id]["total_amount"]));
    }
}

fn a_name_in_the_copy_empties_it_again(shop: &Shop) {
    fill(shop);
    let to = empty(shop);
    to.run(&["migrate", "up"]).success();
    // Another program in the target writes a name into what comes.
    let statements: &[&str] = match shop.backend {
        Backend::Sqlite => &["CREATE TRIGGER leak AFTER INSERT ON products BEGIN \
             UPDATE products SET description = 'for ANN, whatever' WHERE id = NEW.id; END"],
        Backend::Postgres => &[
            "CREATE FUNCTION leak() RETURNS trigger LANGUAGE plpgsql AS \
             $$ BEGIN NEW.description := 'for ANN, whatever'; RETURN NEW; END $$",
            "CREATE TRIGGER leak BEFORE INSERT ON products FOR EACH ROW EXECUTE FUNCTION leak()",
        ],
        Backend::MariaDb => {
            &["CREATE TRIGGER leak BEFORE INSERT ON products FOR EACH ROW SET NEW.description = 'for ANN, whatever'"]
        }
    };
    statements.iter().for_each(|statement| to.sql(statement));
    let run = masked(shop, &to, &[]).exits_with(9).says("products.description").says("was emptied");
    assert!(!run.stderr.contains("for ANN") && run.stdout.is_empty(), "{run}");
    assert_eq!(to.counts().iter().sum::<i64>(), 0);
    to.sql(if shop.backend == Backend::Postgres { "DROP TRIGGER leak ON products" } else { "DROP TRIGGER leak" });
    masked(shop, &to, &[]).success();
}

/// Whether a shop is a copy that was not searched yet.
fn is_unsearched(shop: &Shop) -> bool {
    shop.number("SELECT COUNT(*) FROM shopctl_settings WHERE name = 'unsearched_copy'") == 1
}

/// A masked copy whose process was killed as it began to search.
fn unsearched(shop: &Shop) -> Shop {
    use std::io::{BufRead, BufReader};
    let to = empty(shop);
    let mut child = shop.start(&["copy", "--from", &shop.url, "--to", &to.url, "--mask"]);
    let said = BufReader::new(child.stderr.take().expect("piped")).lines().map_while(Result::ok);
    let mut said = said.skip_while(|line| !line.contains("searching the copy"));
    assert!(said.next().is_some());
    child.kill().expect("still at work");
    child.wait().expect("our own child");
    to.await_alone();
    assert!(is_unsearched(&to));
    to
}

fn a_copy_that_was_not_searched_is_searched_by_the_same_command(shop: &Shop) {
    fill(shop);
    let to = unsearched(shop);
    let users = to.column("SELECT email FROM users ORDER BY email");
    masked(shop, &to, &["--sample", "50%"]).exits_with(6).says("is not empty");
    let run = masked(shop, &to, &[]).success();
    assert!(run.stderr.contains("was not searched") && run.stdout.contains("masked shop copied"), "{run}");
    assert_eq!(to.column("SELECT email FROM users ORDER BY email"), users);
    assert!(!is_unsearched(&to));
    to.assert_invariants();
    masked(shop, &to, &[]).exits_with(6).says("is not empty");
    // What somebody has added since is theirs.
    let changed = unsearched(shop);
    changed.sql("UPDATE products SET description = 'mine'");
    masked(shop, &changed, &[]).exits_with(6).says("is not empty");
    assert_eq!(changed.column("SELECT DISTINCT description FROM products"), ["mine"]);
}

fn a_killed_masked_copy_leaves_an_empty_or_a_complete_shop(on: &Shop) {
    let shop = Shop::migrated(Backend::Sqlite).expect("always there");
    fill(&shop);
    let users = shop.number("SELECT COUNT(*) FROM users");
    let longest = masked(&shop, &empty(on), &[]).success().duration.as_millis() as u64;
    for _ in 0..rounds() {
        let killed = empty(on);
        let arguments = ["copy", "--from", &shop.url, "--to", &killed.url, "--mask"];
        killed.run_killed(&arguments, longest);
        let list = killed.run(&["user", "list", "--count", "-o", "id"]);
        let found = if list.code == 0 { killed.number("SELECT COUNT(*) FROM users") } else { 0 };
        assert!(found == 0 || found == users, "{found} of {users}");
        let is_complete = found == users && !is_unsearched(&killed);
        killed.run(&arguments).exits_with(if is_complete { 6 } else { 0 });
        assert_eq!(killed.number("SELECT COUNT(*) FROM users"), users);
        killed.assert_invariants();
    }
}

#[test]
fn a_mask_takes_no_comparison_and_a_sample_takes_a_mask() {
    let shop = Shop::migrated(Backend::Sqlite).expect("always there");
    shop.user("ann");
    let copy = ["copy", "--from", &shop.url, "--to", "sqlite:new.db"];
    for (more, code) in [
        (&["--mask", "--verify-only"][..], 2),
        (&["--sample", "5%"], 2),
        (&["--mask", "--sample", "0%"], 7),
        (&["--mask", "--sample", "-5%"], 7),
        (&["--mask", "--sample", "101%"], 7),
        (&["--mask", "--sample", "some"], 7),
    ] {
        let _ = shop.run(&[&copy[..], more].concat()).exits_with(code);
        assert!(!shop.path("new.db").exists(), "{more:?}");
    }
}

#[test]
fn a_time_that_is_none_is_refused_and_not_shown() {
    let shop = Shop::migrated(Backend::Sqlite).expect("always there");
    live(&shop);
    for (column, value) in
        [("users.created_at", "'Ann Lee'"), ("products.price", "'Ann Lee'"), ("users.updated_at", "X'00FF'")]
    {
        let (table, name) = column.split_once('.').expect("two");
        let before = shop.column(&format!("SELECT {name} FROM {table} ORDER BY id")).remove(0);
        let first = format!("WHERE id = (SELECT MIN(id) FROM {table})");
        shop.sql(&format!("UPDATE {table} SET {name} = {value} {first}"));
        let to = empty(&shop);
        let run = masked(&shop, &to, &[]).exits_with(7).says(name).says("nothing was written");
        assert!(!run.stderr.contains("Ann Lee") && !run.stderr.contains('@'), "{run}");
        assert_eq!(to.counts().iter().sum::<i64>(), 0);
        shop.sql(&format!("UPDATE {table} SET {name} = '{before}' {first}"));
    }
}
