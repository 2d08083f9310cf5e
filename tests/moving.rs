//! Whole shops: copied between engines, compared, backed up and restored.

use serde_json::Value;

use crate::on_every_backend;
use crate::support::{Backend, Run, Shop, rounds};

on_every_backend!(
    a_shop_moves_to_every_engine_with_all_that_it_has,
    one_changed_value_is_found_and_named,
    a_killed_copy_leaves_an_empty_or_a_complete_shop,
    what_cannot_be_kept_is_refused_and_nothing_is_written,
    tables_of_other_programs_are_named_and_left_alone,
);

const BACKENDS: [Backend; 3] = [Backend::Sqlite, Backend::Postgres, Backend::MariaDb];

/// A shop with something in every table and every column.
fn fill(shop: &Shop, orders: &str) {
    shop.run(&["seed", "generate", "--users", "60", "--products", "20", "--orders", orders, "-y"]).success();
    shop.run(&["seed", "up"]).success();
    live(shop);
}

/// A few days in the life of a shop.
pub fn live(shop: &Shop) {
    let ann = shop.user("ann");
    shop.user("bob");
    shop.product("M-1", "12.50", 40);
    shop.run(&["product", "update", "M-1", "--description", "line one\nline two\t\\ 'quoted' é 漢 🦀"]).success();
    let order = shop.run(&["order", "create", "--user", &ann, "--item", "M-1:3", "--json"]).success().json();
    let order = order["reference"].as_str().expect("text");
    shop.run(&["order", "pay", order, "--note", "by card"]).success();
    shop.run(&["order", "ship", order]).success();
    shop.run(&["order", "complete", order]).success();
    shop.run(&["order", "refund", order, "--restock-all", "--reason", "it was broken", "-y"]).success();
    shop.run(&["product", "update", "M-1", "--price", "13.99"]).success();
    shop.run(&["stock", "adjust", "M-1", "-2", "--reason", "damaged", "--note", "fell"]).success();
    shop.run(&["product", "retire", "M-1", "-y"]).success();
    shop.run(&["user", "anonymize", "bob@example.com", "--confirm", "bob@example.com"]).success();
    shop.run(&["audit", "seal"]).success();
    shop.run(&["user", "update", &ann, "--last-name", "Unsealed"]).success();
}

fn copy(from: &Shop, to: &Shop) -> Run {
    from.run(&["copy", "--from", &from.url, "--to", &to.url, "--json"])
}

fn diff(one: &Shop, other: &Shop) -> Run {
    one.run(&["diff", &one.url, &other.url, "-o", "jsonl"])
}

/// What a shop says of itself, whatever the engine.
pub fn face(shop: &Shop) -> Vec<String> {
    let commands: [&[&str]; 6] = [
        &["user", "export", "-o", "jsonl"],
        &["product", "export", "-o", "jsonl"],
        &["order", "export", "-o", "jsonl"],
        &["audit", "export", "-o", "jsonl"],
        &["stock", "history", "M-1", "--all", "-o", "jsonl"],
        &["seed", "status", "-o", "jsonl"],
    ];
    commands.iter().map(|command| shop.run(command).success().stdout).collect()
}

fn a_shop_moves_to_every_engine_with_all_that_it_has(shop: &Shop) {
    fill(shop, "500");
    let (face, everything) = (face(shop), shop.everything());
    let head = shop.column("SELECT hash FROM audit_seals ORDER BY number DESC LIMIT 1").remove(0);
    let mut digests = Vec::new();
    for backend in BACKENDS {
        let Some(to) = Shop::empty(backend) else { continue };
        let run = copy(shop, &to).success();
        assert_eq!(run.json()["head"], head.as_str(), "{run}");
        digests.push(run.json()["tables"].clone());
        assert_eq!(self::face(&to), face, "{:?} to {backend:?}", shop.backend);
        to.run(&["audit", "verify", "--head", &head]).success();
        to.assert_invariants();
        to.run(&["migrate", "verify"]).success();
        let verify = ["user", "verify-password", "ann@example.com", "--password-stdin"];
        to.run_with_input(&verify, "correct horse\n").success();
        to.run_with_input(&verify, "wrong horse\n").exits_with(9);
        assert_eq!(to.run(&["migrate", "env", "-o", "id"]).stdout, shop.run(&["migrate", "env", "-o", "id"]).stdout);
        diff(shop, &to).success();
        // It goes on where it is now.
        to.product("M-2", "1.00", 3);
        to.run(&["order", "create", "--user", "ann@example.com", "--item", "M-2"]).success();
        to.assert_invariants();
    }
    assert!(digests.windows(2).all(|pair| pair[0] == pair[1]), "{digests:?}");
    assert!(digests[0].as_object().expect("an object").values().all(|table| table["rows"] != 0), "{digests:?}");
    assert_eq!(shop.everything(), everything, "the source is only read");
}

#[test]
fn twenty_thousand_orders_return_from_every_engine() {
    let shop = Shop::migrated(Backend::Sqlite).expect("always there");
    let amount = ["--users", "500", "--products", "100", "--orders", "20000"];
    shop.run(&[&["seed", "generate", "-y"][..], &amount].concat()).success();
    shop.run(&["seed", "up"]).success();
    live(&shop);
    // Both ways round take each direction between two engines once.
    std::thread::scope(|scope| {
        scope.spawn(|| goes_round(&shop, [Backend::Postgres, Backend::MariaDb, Backend::Sqlite]));
        goes_round(&shop, [Backend::MariaDb, Backend::Postgres, Backend::Sqlite]);
    });
}

fn goes_round(shop: &Shop, way: [Backend; 3]) {
    let head = shop.column("SELECT hash FROM audit_seals ORDER BY number DESC LIMIT 1").remove(0);
    let (mut shops, mut digests): (Vec<Shop>, Vec<Value>) = (Vec::new(), Vec::new());
    for backend in way {
        let Some(to) = Shop::empty(backend) else { return };
        let from = shops.last().unwrap_or(shop);
        // It reads what the copy before has written, and says with which digests: those of the source.
        let run = from.run_long(&["copy", "--from", &from.url, "--to", &to.url, "--json"]).success();
        assert_eq!(run.json()["head"], head.as_str(), "{run}");
        digests.push(run.json()["tables"].clone());
        to.run(&["audit", "verify", "--head", &head]).success();
        to.assert_invariants();
        shops.push(to);
    }
    assert!(digests.windows(2).all(|pair| pair[0] == pair[1]), "{way:?}: {digests:?}");
    assert!(digests[0].as_object().expect("an object").values().all(|table| table["rows"] != 0), "{digests:?}");
    assert!(digests[0]["orders"]["rows"].as_u64() > Some(20_000), "{digests:?}");
    let last = &shops[2];
    shop.run_long(&["diff", &shop.url, &last.url]).success();
    let verify = ["user", "verify-password", "ann@example.com", "--password-stdin"];
    last.run_with_input(&verify, "correct horse\n").success();
}

fn one_changed_value_is_found_and_named(shop: &Shop) {
    fill(shop, "100");
    let Some(other) = Shop::empty(if shop.backend == Backend::Sqlite { Backend::Postgres } else { Backend::Sqlite })
    else {
        return;
    };
    let time = |microsecond: u32| match shop.backend {
        Backend::Sqlite => format!("'2026-02-03 04:05:06.00000{microsecond}+00:00'"),
        Backend::Postgres => format!("'2026-02-03 04:05:06.00000{microsecond}+00'"),
        Backend::MariaDb => format!("'2026-02-03 04:05:06.00000{microsecond}'"),
    };
    let of_ann = |column: &str, value: &str| {
        shop.sql(&format!("UPDATE users SET {column} = {value} WHERE email = 'ann@example.com'"));
    };
    of_ann("created_at", &time(1));
    copy(shop, &other).success();
    let found = |kind: &str, table: &str, row: &str, column: Option<&str>| {
        let run = diff(shop, &other).exits_with(9);
        let lines: Vec<Value> = run.stdout.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        let is_it = |line: &Value| {
            line["kind"] == kind
                && line["table"] == table
                && line["row"].as_str().is_some_and(|name| name.starts_with(row))
                && column.is_none_or(|column| line["column"] == column)
        };
        assert!(lines.iter().any(is_it), "{kind} {table} {row} {column:?}: {run}");
        assert!(!run.stdout.contains("$argon2"), "{run}");
        lines.len()
    };
    of_ann("created_at", &time(2));
    assert_eq!(found("changed", "users", "ann@example.com", Some("created_at")), 1);
    copy(shop, &other).exits_with(6).says("created_at");
    let hash = shop.column("SELECT password_hash FROM users WHERE email = 'ann@example.com'").remove(0);
    let another = format!("'{}x'", &hash[..hash.len() - 1]);
    let of_mug = |column: &str, value: &str| {
        shop.sql(&format!("UPDATE products SET {column} = {value} WHERE sku = 'M-1'"));
        assert_eq!(found("changed", "products", "M-1", Some(column)), 2, "{column} = {value}");
    };
    of_ann("password_hash", &another);
    found("changed", "users", "ann@example.com", Some("password_hash"));
    of_ann("password_hash", &format!("'{hash}'"));
    let name = shop.column("SELECT name FROM products WHERE sku = 'M-1'").remove(0);
    for (column, value, before) in [
        ("price", "13.98", "13.99"),
        ("name", &format!("'{}'", name.to_lowercase()), &format!("'{name}'")),
        ("stock_quantity", "7", "38"),
    ] {
        of_mug(column, value);
        shop.sql(&format!("UPDATE products SET {column} = {before} WHERE sku = 'M-1'"));
    }
    of_mug("description", "NULL");
    of_mug("description", "''");
    // A row less and a row more.
    let movement = shop.column("SELECT CONCAT(id, '') FROM stock_movements ORDER BY id DESC LIMIT 1").remove(0);
    shop.sql(&format!("DELETE FROM stock_movements WHERE id = '{movement}'"));
    found("only-in-second", "stock_movements", &movement, None);
    shop.sql("INSERT INTO products (sku, name, price, stock_quantity) VALUES ('ONLY-HERE', 'x', 1, 0)");
    found("only-in-first", "products", "ONLY-HERE", None);
}

fn a_killed_copy_leaves_an_empty_or_a_complete_shop(on: &Shop) {
    let shop = Shop::migrated(Backend::Sqlite).expect("always there");
    fill(&shop, "500");
    let users = shop.number("SELECT COUNT(*) FROM users");
    let target = || Shop::empty(on.backend).expect("the same backend");
    let longest = copy(&shop, &target()).success().duration.as_millis() as u64;
    for _ in 0..rounds() {
        let killed = target();
        let arguments = ["copy", "--from", &shop.url, "--to", &killed.url];
        killed.run_killed(&arguments, longest);
        let list = killed.run(&["user", "list", "--count", "-o", "id"]);
        // Before the schema is there, no command finds a shop.
        let found = if list.code == 0 { killed.number("SELECT COUNT(*) FROM users") } else { 0 };
        assert!(found == 0 || found == users, "{found} of {users}");
        killed.run(&arguments).success();
        diff(&shop, &killed).success();
        assert!(killed.run(&arguments).success().stdout.contains("unchanged"));
        killed.run(&["migrate", "verify"]).success();
    }
}

fn what_cannot_be_kept_is_refused_and_nothing_is_written(shop: &Shop) {
    live(shop);
    let cases: &[(&str, &[Backend], &str)] = match shop.backend {
        Backend::Sqlite => &[
            ("UPDATE users SET created_at = 'soon' WHERE email = 'ann@example.com'", &BACKENDS[1..], "ann@example.com"),
            ("UPDATE products SET price = 12.345 WHERE sku = 'M-1'", &BACKENDS[1..], "M-1"),
            ("UPDATE products SET name = X'00FF' WHERE sku = 'M-1'", &BACKENDS[1..], "M-1"),
            ("UPDATE products SET name = CAST(X'41FF' AS text) WHERE sku = 'M-1'", &BACKENDS, "M-1"),
            ("UPDATE products SET stock_quantity = 5000000000 WHERE sku = 'M-1'", &BACKENDS[1..], "M-1"),
            ("UPDATE products SET name = printf('%.*c', 256, 'x') WHERE sku = 'M-1'", &BACKENDS[1..], "M-1"),
            ("UPDATE products SET description = 'a' || char(0) WHERE sku = 'M-1'", &BACKENDS[1..2], "M-1"),
        ],
        Backend::Postgres => &[
            (
                "UPDATE users SET created_at = 'infinity' WHERE email = 'ann@example.com'",
                &BACKENDS[2..],
                "ann@example.com",
            ),
            ("UPDATE products SET price = 'NaN' WHERE sku = 'M-1'", &BACKENDS[2..], "M-1"),
        ],
        Backend::MariaDb => &[(
            "SET SESSION sql_mode = ''; UPDATE users SET created_at = '0000-00-00 00:00:00' WHERE email = 'ann@example.com'",
            &BACKENDS[1..],
            "ann@example.com",
        )],
    };
    for (statement, refused_by, row) in cases {
        let odd = Shop::empty(shop.backend).expect("the same backend");
        copy(shop, &odd).success();
        odd.sql(statement);
        for backend in BACKENDS {
            let Some(to) = Shop::empty(backend) else { continue };
            let run = copy(&odd, &to);
            if refused_by.contains(&backend) {
                let run = run.exits_with(7);
                assert!(run.stderr.contains(row) && run.stderr.contains("nothing was written"), "{statement}: {run}");
                assert_eq!(to.counts().iter().sum::<i64>(), 0, "{statement}");
            } else {
                // Carried as it is, and the checks say that it is odd.
                assert!([0, 9].contains(&run.code), "{statement}: {run}");
                diff(&odd, &to).success();
            }
        }
    }
}

fn tables_of_other_programs_are_named_and_left_alone(shop: &Shop) {
    live(shop);
    shop.sql("CREATE TABLE invoices (id int)");
    shop.sql("ALTER TABLE users ADD COLUMN phone varchar(20)");
    let to = Shop::empty(shop.backend).expect("the same backend");
    if to.backend == Backend::Sqlite {
        to.file("shop.db", "");
    }
    to.sql("CREATE TABLE kept (id int)");
    to.sql("INSERT INTO kept VALUES (7)");
    let run = copy(shop, &to).success();
    for named in ["table invoices", "column users.phone", "table kept"] {
        assert!(run.stderr.contains(named), "{named}: {run}");
    }
    assert_eq!(to.number("SELECT id FROM kept"), 7);
    // It was not empty: what is there already is the same, or it is refused.
    let again = copy(shop, &to).success();
    assert_eq!(again.json()["changed"], false);
    to.user("eve");
    copy(shop, &to).exits_with(6).says("eve@example.com").says("shopctl diff");
    assert_eq!(to.number("SELECT COUNT(*) FROM users WHERE email = 'eve@example.com'"), 1);
}

/// PostgreSQL makes statistics a minute after rows came, or never: until then the checks of a copy took three times as
/// long.
#[test]
fn a_loaded_shop_has_the_statistics_by_which_queries_are_planned() {
    let shop = Shop::migrated(Backend::Sqlite).expect("always there");
    fill(&shop, "20");
    let (Some(copied), Some(generated)) = (Shop::empty(Backend::Postgres), Shop::migrated(Backend::Postgres)) else {
        return;
    };
    copy(&shop, &copied).success();
    generated.run(&["seed", "generate", "--users", "5", "--products", "5", "--orders", "20", "-y"]).success();
    for shop in [copied, generated] {
        let tables = "'users', 'orders', 'order_items', 'stock_movements'";
        let query = format!("SELECT COUNT(DISTINCT tablename) FROM pg_stats WHERE tablename IN ({tables})");
        assert_eq!(shop.number(&query), 4);
    }
}

#[test]
fn both_shops_are_named_and_different() {
    let shop = Shop::migrated(Backend::Sqlite).expect("always there");
    shop.run(&["copy", "--from", &shop.url]).exits_with(2);
    shop.run(&["copy", "--from", &shop.url, "--to", &shop.url]).exits_with(2).says("the same database");
    let nowhere = format!("sqlite:{}", shop.path("nowhere.db").display());
    let run = shop.run(&["copy", "--from", &nowhere, "--to", "sqlite:new.db"]).exits_with(4);
    assert!(!run.stderr.contains("migrate up"), "that would be another shop: {run}");
    assert!(!shop.path("new.db").exists(), "nothing was made");
    shop.run(&["diff", &shop.url, &nowhere]).exits_with(4);
    shop.run(&["diff", &shop.url, "nonsense"]).exits_with(4).says("no context nonsense");
}

#[test]
fn a_read_only_or_protected_context_is_no_target_without_its_name() {
    let shop = Shop::migrated(Backend::Sqlite).expect("always there");
    shop.user("ann");
    let contexts = "[context.live]\ndatabase_url = \"sqlite:live.db\"\nprotected = true\n\
                    [context.report]\ndatabase_url = \"sqlite:report.db\"\nread_only = true\n";
    shop.file("shopctl.toml", contexts);
    shop.run(&["copy", "--from", &shop.url, "--to", "report"]).exits_with(11).says("read-only");
    let run = shop.run(&["copy", "--from", &shop.url, "--to", "live"]).exits_with(11);
    let hint = run.stderr.lines().find_map(|line| line.strip_prefix("hint: ")).expect("a hint").to_owned();
    assert!(!shop.path("live.db").exists() && !shop.path("report.db").exists(), "{run}");
    shop.paste(&hint).success();
    shop.run(&["diff", &shop.url, "live"]).success();
    shop.run(&["copy", "--from", &shop.url, "--to", "live", "--verify-only"]).success();
}

#[test]
fn a_shop_with_an_older_schema_is_named_with_the_way_out() {
    let old = Shop::empty(Backend::Sqlite).expect("always there");
    old.run(&["migrate", "up", "--to", "m20260101_000010_create_seed_rows"]).success();
    let new = Shop::migrated(Backend::Sqlite).expect("always there");
    for [one, other] in [[&old, &new], [&new, &old]] {
        let run = one.run(&["diff", &one.url, &other.url]).exits_with(4);
        assert!(run.stderr.contains(&format!("{} has an older schema", old.url)), "{run}");
        let hint = run.stderr.lines().find_map(|line| line.strip_prefix("hint: ")).expect("a hint");
        assert!(hint.contains(&format!("--database-url {} migrate up", old.url)), "{run}");
    }
    old.run(&["migrate", "up"]).success();
    diff(&new, &old).success();
}

#[test]
fn what_comes_while_a_shop_is_copied_is_told() {
    let shop = Shop::migrated(Backend::Sqlite).expect("always there");
    fill(&shop, "3000");
    let Some(to) = Shop::empty(Backend::MariaDb) else { return };
    let arguments = ["copy", "--from", &shop.url, "--to", &to.url];
    let child = shop.start(&arguments);
    let tables =
        "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = 'audit_seals'";
    crate::support::await_that("the target has its schema", || to.number(tables) == 1);
    shop.user("late");
    let run = crate::support::shop::finish(child, &arguments);
    if to.number("SELECT COUNT(*) FROM users WHERE email = 'late@example.com'") == 0 {
        let run = run.exits_with(9);
        assert!(run.stderr.contains("has changed since") && run.stderr.contains("late@example.com"), "{run}");
    } else {
        let _ = run.success();
    }
}
