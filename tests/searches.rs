//! Searches: all words in any order, letter case and accents aside, the same rows on every engine.

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use crate::on_every_backend;
use crate::support::terminal::{answer, end, start};
use crate::support::{Backend, Shop};

on_every_backend!(
    the_words_of_a_search_are_found_in_any_order,
    orders_are_found_by_customer_reference_and_product,
    orders_are_found_by_their_note_and_tracking_number_of_now,
    every_script_is_folded_alike,
    rows_of_other_programs_are_found_as_they_are_now,
    a_search_that_finds_everything_by_mistake_is_refused,
    questions_search_alike,
);

fn values(shop: &Shop, arguments: &[&str], field: &str) -> BTreeSet<String> {
    let run = shop.run(&[arguments, &["--all", "-o", "jsonl", "--fields", field]].concat()).success();
    let value = |line: &str| serde_json::from_str::<serde_json::Value>(line).expect("JSON")[field].clone();
    run.stdout.lines().map(|line| value(line).as_str().expect("a text").to_owned()).collect()
}

#[track_caller]
fn assert_found(shop: &Shop, noun: &str, field: &str, text: &str, found: &[&str]) {
    let search = format!("--search={text}");
    let expected: BTreeSet<String> = found.iter().map(|&key| key.to_owned()).collect();
    assert_eq!(values(shop, &[noun, "list", &search], field), expected, "{noun} list --search {text:?}");
}

/// A user as another program writes one.
fn add_user(shop: &Shop, email: &str, first_name: &str, last_name: &str) {
    let quoted = |text: &str| text.replace('\'', "''");
    let (first_name, last_name) = (quoted(first_name), quoted(last_name));
    shop.sql(&format!(
        "INSERT INTO users (email, password_hash, first_name, last_name) VALUES ('{email}', 'x', '{first_name}', '{last_name}')"
    ));
}

fn the_words_of_a_search_are_found_in_any_order(shop: &Shop) {
    add_user(shop, "grace@example.com", "Grace", "Hopper");
    add_user(shop, "hopper@example.org", "Dennis", "Hopper");
    for (text, found) in [
        ("grace hopper", &["grace@example.com"][..]),
        ("HOPPER  grace", &["grace@example.com"]),
        ("hop example", &["grace@example.com", "hopper@example.org"]),
        ("grace dennis", &[]),
        ("", &["grace@example.com", "hopper@example.org"]),
    ] {
        assert_found(shop, "user", "email", text, found);
    }
    shop.run(&["product", "create", "--sku", "MUG-01", "--name", "Mug, blue", "--price", "1"]).success();
    shop.run(&["product", "create", "--sku", "PEN-01", "--name", "Pen, blue 100%", "--price", "1"]).success();
    for noun in ["product", "stock"] {
        assert_found(shop, noun, "sku", "blue mug", &["MUG-01"]);
        assert_found(shop, noun, "sku", "01 blue", &["MUG-01", "PEN-01"]);
        assert_found(shop, noun, "sku", "0% en_", &[]);
        assert_found(shop, noun, "sku", "0% en-", &["PEN-01"]);
    }
    let export = shop.run(&["product", "export", "--search", "blue mug", "-o", "csv"]).success();
    assert_eq!(export.stdout.lines().count(), 2, "{export}");
    shop.run(&["product", "price", "--search", "blue mug", "--to", "2", "--yes"]).success();
    assert_eq!(shop.column("SELECT sku FROM products WHERE price = 2"), ["MUG-01"]);
}

fn orders_are_found_by_customer_reference_and_product(shop: &Shop) {
    add_user(shop, "jose@example.com", "José", "Núñez");
    add_user(shop, "ann@example.com", "Ann", "Lee");
    for (sku, name) in [("MUG", "Blue mug"), ("PEN", "Füller")] {
        shop.run(&["product", "create", "--sku", sku, "--name", name, "--price", "1", "--stock", "9"]).success();
    }
    let place = |email: &str, items: &[&str]| {
        let items = items.iter().flat_map(|item| ["--item", item]);
        let line: Vec<&str> = ["order", "create", "--json", "--user", email].into_iter().chain(items).collect();
        shop.run(&line).success().json()["reference"].as_str().expect("a text").to_owned()
    };
    let (first, both) = (place("jose@example.com", &["MUG"]), place("jose@example.com", &["MUG", "PEN"]));
    let other = place("ann@example.com", &["PEN"]);
    let lower = other.to_lowercase();
    for (text, found) in [
        ("nunez jose", &[&first, &both][..]),
        ("ANN@example", &[&other]),
        ("mug", &[&first, &both]),
        ("jose pen", &[&both]),
        ("fuller NUÑEZ", &[&both]),
        ("ann mug", &[]),
        (&lower[..], &[&other]),
        (&lower[2..9], &[&other]),
    ] {
        let found: Vec<&str> = found.iter().map(|reference| reference.as_str()).collect();
        assert_found(shop, "order", "reference", text, &found);
    }
    let page = ["order", "list", "--search", "jose", "--status", "pending", "--count", "--limit", "1", "--json"];
    assert_eq!(shop.run(&page).success().json()["total"], 2, "the others are counted");
    let export = shop.run(&["order", "export", "--search", "ann", "-o", "jsonl"]).success();
    assert_eq!(export.stdout.lines().count(), 1, "{export}");
}

fn orders_are_found_by_their_note_and_tracking_number_of_now(shop: &Shop) {
    let email = shop.user("ann");
    shop.product("MUG", "1", 9);
    let place = |more: &[&str]| {
        let line = [&["order", "create", "--json", "--user", &email, "--item", "MUG"], more].concat();
        shop.run(&line).success().json()["reference"].as_str().expect("a text").to_owned()
    };
    let (noted, sent, plain) = (place(&["--note", "3\" pipe for Núñez,\nring \\ twice 100%"]), place(&[]), place(&[]));
    shop.run(&["order", "pay", &sent, "--yes"]).success();
    shop.run(&["order", "ship", &sent, "--tracking", "1Z-Straße 999"]).success();
    let found = |text: &str, found: &[&String]| {
        let found: Vec<&str> = found.iter().map(|reference| reference.as_str()).collect();
        assert_found(shop, "order", "reference", text, &found);
    };
    for text in ["nunez", "RING", "3\"", "\\", "100%", "ann twice", "mug pipe NÚÑEZ"] {
        found(text, &[&noted]);
    }
    for text in ["1z-strasse", "999 1Z", "1Z-Str mug"] {
        found(text, &[&sent]);
    }
    for text in ["1z nunez", "twice_", "1%0", "tracking", "quantity", "null"] {
        found(text, &[]);
    }
    shop.run(&["order", "ship", &sent, "--tracking", "JD-4711"]).success();
    found("999", &[]);
    found("jd-47", &[&sent]);
    shop.run(&["order", "note", &noted, "lift is broken"]).success();
    found("nunez", &[]);
    found("LIFT", &[&noted]);
    shop.run(&["order", "note", &noted, ""]).success();
    found("lift", &[]);
    shop.run(&["order", "note", &plain, "lift"]).success();
    let page = ["order", "list", "--search", "lift", "--status", "pending", "--count", "--json"];
    assert_eq!(shop.run(&page).success().json()["total"], 1);
    let export = shop.run(&["order", "export", "--search", "JD-4711", "-o", "jsonl"]).success();
    assert_eq!(export.stdout.lines().count(), 1, "{export}");
}

fn every_script_is_folded_alike(shop: &Shop) {
    let names = [
        ("José", &["jose", "JOSÉ", "jose\u{301}"][..]),
        ("Rene\u{301}e", &["renée", "RENEE"]),
        ("Weißbrot", &["weissbrot", "WEIẞBROT", "ssb"]),
        ("İSTANBUL", &["istanbul", "ISTANBUL", "ıstanbul"]),
        ("ılık", &["ILIK", "ilik"]),
        ("ΟΔΥΣΣΕΥΣ", &["οδυσσευς", "Οδυσσεύσ"]),
        ("Семёнов", &["СЕМЕНОВ", "семён"]),
        ("Łódź", &["lodz", "ŁÓDŹ"]),
        ("Ørsted", &["orsted", "ØRSTED"]),
        ("ﬁlter", &["FILTER"]),
        ("한국", &["한국"]),
    ];
    for (number, (name, _)) in names.iter().enumerate() {
        add_user(shop, &format!("{number}@example.com"), name, "x");
    }
    for (number, (_, texts)) in names.iter().enumerate() {
        for text in *texts {
            assert_found(shop, "user", "email", text, &[&format!("{number}@example.com")]);
        }
    }
}

fn rows_of_other_programs_are_found_as_they_are_now(shop: &Shop) {
    let email = shop.user("zoe");
    shop.sql("UPDATE users SET first_name = 'Zoë', last_name = 'Ångström'");
    assert_found(shop, "user", "email", "zoe angstrom", &[&email]);
    assert_found(shop, "user", "email", "test", &[]);
    if shop.backend == Backend::Sqlite {
        shop.sql("UPDATE users SET last_name = CAST(last_name AS blob)");
        assert_found(shop, "user", "email", "zoe ANGSTROM", &[&email]);
    }
    shop.run(&["user", "anonymize", &email, "--confirm", &email]).success();
    for erased in ["zoe", "angstrom", "Ångström"] {
        assert_found(shop, "user", "email", erased, &[]);
    }
}

fn a_search_that_finds_everything_by_mistake_is_refused(shop: &Shop) {
    shop.product("MUG", "1", 1);
    for text in ["\u{301}", "\u{200b}"] {
        shop.run(&["product", "list", "--search", text]).exits_with(7).says("has nothing to search for");
        shop.run(&["product", "price", "--search", text, "--to", "2"]).exits_with(7);
    }
    // Words whose spellings are too many for one statement: of each vowel any of seven forms.
    let forms = ["é", "è", "ê", "ë", "ē", "ẽ", "ė"];
    let names: Vec<String> = (0..343).map(|n| [forms[n % 7], forms[n / 7 % 7], forms[n / 49]].concat()).collect();
    let rows: Vec<String> = names.iter().map(|name| format!("('{name}', '{name}', 1)")).collect();
    shop.sql(&format!("INSERT INTO products (sku, name, price) VALUES {}", rows.join(", ")));
    shop.run(&["product", "list", "--search", "eee"]).exits_with(7).says("in more than 200 spellings");
    assert_eq!(values(shop, &["product", "list", "--search=ee"], "sku").len(), 343);
}

fn questions_search_alike(shop: &Shop) {
    add_user(shop, "jose@example.com", "José", "Núñez");
    shop.run(&["product", "create", "--sku", "MUG-01", "--name", "Mug, blue", "--price", "1", "--stock", "5"])
        .success();
    let mut session = start(shop, &["order", "create"], &[]);
    answer(&mut session, "customer: ", "nunez jose\r");
    answer(&mut session, "product: ", "BLÜE mug\r");
    answer(&mut session, "quantity of MUG-01", "\x03");
    end(session);
}

/// What a search is expected to find, computed otherwise than shopctl does.
fn folded(text: &str) -> String {
    let text: String = text.nfkd().filter(|character| !is_combining_mark(*character)).collect();
    let text = text.to_lowercase().to_uppercase().to_lowercase();
    text.replace('ς', "σ").replace('ł', "l").replace('ø', "o")
}

#[test]
fn the_engines_find_the_same_rows() {
    let backends = [Backend::Sqlite, Backend::Postgres, Backend::MariaDb];
    let shops: Vec<Shop> = backends.into_iter().filter_map(Shop::migrated).collect();
    let pieces = [
        "a",
        "A",
        "e\u{301}",
        "é",
        "É",
        "ß",
        "ẞ",
        "ss",
        "S",
        "İ",
        "i",
        "I",
        "ı",
        "σ",
        "ς",
        "Σ",
        "я",
        "Я",
        "й",
        "И",
        "и\u{306}",
        "ł",
        "Ł",
        "ø",
        "ﬁ",
        "F",
        "%",
        "_",
        "!",
        "'",
        "\\",
        "한",
        "글",
        "Ａ",
        "𝒜",
        "ǆ",
        "Ǆ",
        " ",
    ];
    let text = |most| {
        proptest::collection::vec(proptest::sample::select(pieces.to_vec()), 1..most).prop_map(|pieces| pieces.concat())
    };
    let rows = proptest::collection::vec((text(6), text(4)), 20);
    let searches = proptest::collection::vec(text(4), 10);
    let config = Config { cases: 4, max_shrink_iters: 20, failure_persistence: None, ..Config::default() };
    let run = TestRunner::new(config).run(&(rows, searches), |(rows, searches)| {
        for shop in &shops {
            shop.sql("DELETE FROM users");
            rows.iter().enumerate().for_each(|(number, (first, last))| {
                let quoted = |text: &str| {
                    if shop.backend == Backend::MariaDb { text.replace('\\', "\\\\") } else { text.to_owned() }
                };
                add_user(shop, &format!("{number}@x.example"), &quoted(first), &quoted(last));
            });
        }
        for text in &searches {
            let is_found = |(number, (first, last)): &(usize, &(String, String))| {
                let columns = [format!("{number}@x.example"), folded(first), folded(last)];
                folded(text).split_whitespace().all(|word| columns.iter().any(|column| column.contains(word)))
            };
            let expected: BTreeSet<String> =
                rows.iter().enumerate().filter(is_found).map(|(number, _)| format!("{number}@x.example")).collect();
            for shop in &shops {
                let found = values(shop, &["user", "list", &format!("--search={text}")], "email");
                prop_assert_eq!(&found, &expected, "{:?} on {:?}", text, shop.backend);
            }
        }
        Ok(())
    });
    run.unwrap_or_else(|error| panic!("{error}"));
}
