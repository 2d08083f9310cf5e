//! Imports: every row is validated first, all or none are written by default, and nothing is lost.

use serde_json::json;

use crate::on_every_backend;
use crate::support::{Backend, Shop, rounds};

on_every_backend!(
    an_export_is_imported_as_unchanged,
    rows_are_created_updated_or_unchanged,
    an_import_changes_only_the_columns_of_its_file,
    an_invalid_row_rejects_the_file_or_only_itself,
    conflicts_are_errors_only_with_on_conflict_error,
    many_rows_are_imported_in_batches,
    a_killed_import_is_completed_by_the_next_run,
    naughty_strings_are_stored_or_rejected,
);

fn an_export_is_imported_as_unchanged(shop: &Shop) {
    shop.run(&["seed", "up"]).success();
    shop.run(&["product", "update", "MUG-01", "--name", "=HYPERLINK(\"x\"), 'quoted'"]).success();
    shop.run(&["product", "update", "MUG-02", "--description", "two\nlines, \"and\" a comma"]).success();
    shop.run(&["user", "disable", "mina@example.com", "--yes"]).success();
    let before = shop.everything();
    for (noun, count) in [("user", 4), ("product", 10)] {
        for format in ["csv", "jsonl", "json"] {
            let file = format!("{noun}.{format}");
            shop.run(&[noun, "export", "--out", &file]).success();
            let run = shop.run(&[noun, "import", &file, "--json"]).success();
            assert_eq!((&run.json()["unchanged"], &run.json()["changed"]), (&count.into(), &false.into()), "{run}");
        }
    }
    assert_eq!(shop.everything(), before);
    // Into an empty shop: identical except for ids, times and passwords.
    let other = Shop::migrated(shop.backend).expect("the same backend");
    let path = |name: &str| shop.path(name).display().to_string();
    other.run(&["product", "import", &path("product.csv")]).success();
    other.run(&["user", "import", &path("user.jsonl")]).success();
    for query in ["SELECT name FROM products ORDER BY sku", "SELECT email FROM users WHERE status = 'disabled'"] {
        assert_eq!(other.column(query), shop.column(query));
    }
    let stock = "SELECT SUM(stock_quantity) FROM products";
    assert_eq!(other.number(stock), shop.number(stock));
    other.assert_invariants();
    other.run(&["audit", "verify"]).success();
}

fn rows_are_created_updated_or_unchanged(shop: &Shop) {
    shop.product("A-1", "1.00", 5);
    shop.product("B-1", "2.00", 5);
    let file = "\u{feff}Artikel;Name;Preis;Bestand\r\nA-1;A-1;1,00;99\r\nB-1;Better;2,50;99\r\nC-1;\"New; with\nlines\";3,00;7\r\n";
    shop.file("products.csv", file);
    let mapped = [
        "product",
        "import",
        "products.csv",
        "--delimiter",
        ";",
        "--decimal-comma",
        "--map",
        "Artikel=sku",
        "--map",
        "Name=name",
        "--map",
        "Preis=price",
        "--map",
        "Bestand=stock_quantity",
    ];
    // A name is a single line.
    shop.run(&mapped).exits_with(7).says("line 4: name");
    shop.file("products.csv", &file.replace("; with\nlines", ""));
    shop.run(&mapped[..6]).exits_with(7).says("unknown columns Artikel, Preis, Bestand");
    let run = shop.run(&mapped).success();
    assert!(run.stdout.contains("2 products imported: 1 created, 1 updated, 1 unchanged"), "{run}");
    assert_eq!(shop.column("SELECT name FROM products ORDER BY sku"), ["A-1", "Better", "New"]);
    assert_eq!(shop.number("SELECT SUM(stock_quantity) FROM products"), 5 + 5 + 7, "stock of what is there stays");
    let run = shop.run(&mapped).success();
    assert!(run.stdout.contains("0 products imported: 3 unchanged"), "{run}");
    let no_comma: Vec<&str> = mapped.iter().copied().filter(|argument| *argument != "--decimal-comma").collect();
    shop.run(&no_comma).exits_with(7).says("price 1,00");
    let run = shop.run_with_input(
        &["user", "import", "-", "--format", "jsonl"],
        "{\"email\":\"Ann@Example.com\",\"first_name\":\"Ann\",\"last_name\":\"Lee\"}\n\n\
         {\"email\":\"bo@example.com\",\"first_name\":\"Bo\",\"last_name\":\"Ek\",\"status\":\"disabled\"}\n",
    );
    assert!(run.success().stdout.contains("2 users imported: 2 created"));
    assert_eq!(shop.column("SELECT status FROM users ORDER BY email"), ["active", "disabled"]);
    shop.file("secret.txt", "correct horse\n");
    shop.run(&["user", "verify-password", "ann@example.com", "--password-file", "secret.txt"]).exits_with(9);
    shop.assert_invariants();
}

fn an_import_changes_only_the_columns_of_its_file(shop: &Shop) {
    shop.user("ann");
    let hash = shop.column("SELECT password_hash FROM users");
    let user = || {
        ["first_name", "last_name", "status"]
            .map(|column| shop.column(&format!("SELECT {column} FROM users")).remove(0))
    };
    let product = || {
        let row = shop.run(&["product", "show", "P1", "--json"]).success().json();
        ["name", "description", "price"].map(|column| row[column].as_str().unwrap_or("null").to_owned())
    };
    let import = |noun: &str, content: &str| {
        shop.file("part.csv", content);
        shop.run(&[noun, "import", "part.csv"])
    };
    for (content, then) in [
        ("email,last_name\nann@example.com,Lee\n", ["ann", "Lee", "active"]),
        ("email,status\nann@example.com,disabled\n", ["ann", "Lee", "disabled"]),
        ("first_name,email\nAnna,ann@example.com\n", ["Anna", "Lee", "disabled"]),
        // An empty status means unchanged.
        ("email,status,last_name\nann@example.com,,Park\n", ["Anna", "Park", "disabled"]),
    ] {
        let run = import("user", content).success();
        assert!(run.stdout.contains("0 created, 1 updated, 0 unchanged"), "{content}: {run}");
        assert_eq!(user(), then, "{content}");
        assert!(import("user", content).success().stdout.contains("0 users imported: 1 unchanged"), "{content}");
    }
    // An empty name is missing, and a new user needs both.
    import("user", "email,last_name\nann@example.com,\n").exits_with(7).says("line 2: last_name: is missing");
    import("user", "email,last_name\nbo@example.com,Ek\n")
        .exits_with(7)
        .says("first_name: is missing: the user is new");
    assert_eq!(shop.column("SELECT password_hash FROM users"), hash);
    import("product", "sku,name,price,description\nP1,Mug,1.00,\"big,\nblue\"\n").success();
    for (content, then) in [
        ("sku,price\np1,2\n", ["Mug", "big,\nblue", "2.00"]),
        ("sku,name\nP1,Cup\n", ["Cup", "big,\nblue", "2.00"]),
        // An empty cell clears the value, an absent column keeps it.
        ("sku,description\nP1,\n", ["Cup", "null", "2.00"]),
        ("sku,description,price\nP1,new,3\n", ["Cup", "new", "3.00"]),
    ] {
        let run = import("product", content).success();
        assert!(run.stdout.contains("0 created, 1 updated, 0 unchanged"), "{content}: {run}");
        assert_eq!(product(), then, "{content}");
        assert!(import("product", content).success().stdout.contains("0 products imported: 1 unchanged"), "{content}");
    }
    shop.file("part.jsonl", "{\"sku\":\"P1\",\"description\":null}\n");
    shop.run(&["product", "import", "part.jsonl"]).success();
    assert_eq!(product()[1], "null");
    shop.assert_invariants();
    shop.run(&["audit", "verify"]).success();
}

fn an_invalid_row_rejects_the_file_or_only_itself(shop: &Shop) {
    let file = "sku,name,price\nA,Fine,1.00\nB,Fine,1.005\nC:D,,x\nD,Fine,2.00\nA,Again,1.00\nE,Fine\n";
    shop.file("products.csv", file);
    let before = shop.everything();
    let run = shop.run(&["product", "import", "products.csv", "--errors", "wrong.csv"]).exits_with(7);
    for said in [
        "4 of 6 rows are invalid, nothing was imported",
        "line 3: price 1.005",
        "line 4: sku C:D",
        "line 6: A: the same product is already in the file, in line 2",
        "line 7: has 2 fields",
    ] {
        assert!(run.stderr.contains(said), "{said} in {run}");
    }
    assert_eq!(shop.everything(), before);
    let wrong = std::fs::read_to_string(shop.path("wrong.csv")).expect("written");
    assert_eq!(wrong.lines().count(), 7, "{wrong}");
    assert!(wrong.starts_with("line,column,value,reason\n3,price,1.005,"), "{wrong}");
    let run = shop.run(&["product", "import", "products.csv", "--on-error", "reject-rows"]).exits_with(8);
    assert!(run.stdout.contains("2 products imported: 2 created, 0 updated, 0 unchanged, 4 rejected"), "{run}");
    assert_eq!(shop.column("SELECT sku FROM products ORDER BY sku"), ["A", "D"]);
    shop.file("products.csv", "sku,name,price\nZ,,1\n");
    shop.run(&["product", "import", "products.csv", "--on-error", "reject-rows"]).exits_with(7);
    shop.assert_invariants();
}

fn conflicts_are_errors_only_with_on_conflict_error(shop: &Shop) {
    shop.product("A", "1.00", 1);
    shop.file(
        "products.jsonl",
        "{\"sku\":\"A\",\"name\":\"Changed\",\"price\":2}\n{\"sku\":\"B\",\"name\":\"New\",\"price\":\"2.50\"}\n",
    );
    shop.run(&["product", "import", "products.jsonl", "--on-conflict", "error"])
        .exits_with(7)
        .says("such a product already exists");
    let run = shop.run(&["product", "import", "products.jsonl", "--on-conflict", "skip"]).success();
    assert!(run.stdout.contains("1 created, 0 updated, 0 unchanged, 1 skipped"), "{run}");
    assert_eq!(shop.column("SELECT name FROM products ORDER BY sku"), ["A", "New"]);
    let run = shop.run(&["product", "import", "products.jsonl", "-n", "--exit-code"]).exits_with(9);
    assert!(run.stdout.contains("would be imported: 0 created, 1 updated, 1 unchanged"), "{run}");
    assert_eq!(shop.column("SELECT name FROM products ORDER BY sku"), ["A", "New"]);
}

fn many_rows_are_imported_in_batches(shop: &Shop) {
    let rows: String = (0..1_203).map(|number| format!("P-{number},Product {number},{}.50,3\n", number % 90)).collect();
    shop.file("products.csv", &format!("sku,name,price,stock_quantity\n{rows}"));
    shop.run(&["product", "import", "products.csv", "--batch", "500"]).success();
    assert_eq!(shop.number("SELECT COUNT(*) FROM products"), 1_203);
    assert_eq!(shop.number("SELECT COUNT(DISTINCT operation_id) FROM audit_events"), 3, "500 rows a transaction");
    assert_eq!(shop.number("SELECT COUNT(*) FROM audit_events"), 1_203, "each with its event");
    let run = shop.run(&["product", "import", "products.csv"]).success();
    assert!(run.stdout.contains("1203 unchanged"), "{run}");
    shop.run(&["product", "import", "products.csv", "--batch", "0"]).exits_with(7).says("from 1 to 25000");
    shop.assert_invariants();
}

/// Killed at a random moment, again and again; `SHOPCTL_TEST_ROUNDS=30` is what the promise is
/// judged by.
fn a_killed_import_is_completed_by_the_next_run(shop: &Shop) {
    for round in 0..rounds() {
        let rows: String = (0..1_600).map(|number| format!("R{round}-{number},Product,1.00,2\n")).collect();
        shop.file("products.csv", &format!("sku,name,price,stock_quantity\n{rows}"));
        let arguments = ["product", "import", "products.csv", "--batch", "500"];
        shop.run_killed(&arguments, 1_500);
        let written = shop.number(&format!("SELECT COUNT(*) FROM products WHERE sku LIKE 'R{round}-%'"));
        assert!(written % 500 == 0 || written == 1_600, "whole transactions only: {written}");
        let run = shop.run(&arguments).success();
        let rest = match 1_600 - written {
            0 => "0 products imported: 1600 unchanged".to_owned(),
            created => format!("{created} products imported: {created} created, 0 updated, {written} unchanged"),
        };
        assert!(run.stdout.contains(&rest), "{run}");
    }
    assert_eq!(shop.number("SELECT COUNT(*) FROM products"), rounds() * 1_600);
    assert_eq!(shop.number("SELECT SUM(stock_quantity) FROM products"), rounds() * 3_200);
    shop.assert_invariants();
}

#[test]
fn malformed_files_are_rejected_with_a_reason_and_never_half_imported() {
    let shop = Shop::migrated(Backend::Sqlite).expect("always there");
    let before = shop.everything();
    for (name, content, said) in [
        ("a.csv", "", "the file is empty"),
        ("a.csv", "sku,name,price,sku\n", "twice"),
        ("a.csv", "sku,name,price\n\"A,B,1\n", "line 2: the quote that opens here"),
        ("a.json", "", "the file is empty"),
        ("a.json", "{\"items\": 3}", "has no list"),
        ("a.json", "[{\"sku\":\"A\"", "in the middle"),
        ("a.json", "[1, [2], \"]\", {\"sku\": {}}, nul]", "line 1: the file is not JSON"),
        ("a.json", "[{\"sku\":\"A\",\"name\":\"N\",\"price\":1e400}]", "1 of 1 row is invalid"),
        ("a.jsonl", "[[[[[[\n", "line 1"),
        ("a.jsonl", "{\"sku\":\"A\",\"name\":\"N\",\"price\":\"1\",\"nonsense\":1}\n", "unknown column nonsense"),
        ("a.jsonl", "\u{0}\u{1}\n", "line 1"),
    ] {
        shop.file(name, content);
        let run = shop.run(&["product", "import", name]).exits_with(7);
        assert!(run.stderr.contains(said), "{said} in {run}");
    }
    std::fs::write(shop.path("a.csv"), b"sku,name,price\nA,\xff,1\n").expect("our own file");
    shop.run(&["product", "import", "a.csv"]).exits_with(7).says("line 2");
    shop.file("a.json", &format!("[{}", "[".repeat(100_000)));
    shop.run(&["product", "import", "a.json"]).exits_with(7);
    shop.run(&["product", "import", "nowhere.csv"]).exits_with(4).says("nowhere.csv");
    shop.file("a.dat", "x");
    shop.run(&["product", "import", "a.dat"]).exits_with(2).says("--format");
    shop.run(&["product", "import", "a.json", "--delimiter", "ab"]).exits_with(7);
    assert_eq!(shop.everything(), before);
    shop.file("empty.json", "[]");
    assert!(shop.run(&["product", "import", "empty.json"]).success().stdout.contains("0 products imported"));
}

/// The suite of JSON texts that parsers stumble over, each as a file and as a value in one: nothing
/// panics, and what is refused leaves nothing. Source: <https://github.com/nst/JSONTestSuite>.
#[test]
fn difficult_json_texts_are_imported_exactly_or_rejected() {
    use base64::Engine;
    let shop = Shop::migrated(Backend::Sqlite).expect("always there");
    for line in include_str!("files/json-test-suite.tsv").lines() {
        let (name, bytes) = line.split_once('\t').expect("two fields");
        let bytes = base64::engine::general_purpose::STANDARD.decode(bytes).expect("base64");
        let head = &br#"[{"sku":"A","name":"N","price":"1"},{"sku":"B","name":"N","price":"1","description":"#[..];
        for (file, content) in [("a.json", bytes.clone()), ("b.json", [head, &bytes, b"}]"].concat())] {
            std::fs::write(shop.path(file), &content).expect("our own file");
            let run = shop.run(&["product", "import", file]);
            assert!([0, 7].contains(&run.code), "{name}: {run}");
            assert!(run.code == 7 || !name.starts_with("n_") || bytes.is_empty() && file == "a.json", "{name}: {run}");
            if run.code == 7 {
                assert_eq!(shop.number("SELECT COUNT(*) FROM products"), 0, "{name}");
            } else {
                shop.sql("DELETE FROM stock_movements; DELETE FROM products");
            }
        }
    }
}

/// Texts that programs stumble over, as names and descriptions: stored as they are and shown without
/// harm, or refused with the reason. Source: <https://github.com/minimaxir/big-list-of-naughty-strings>.
fn naughty_strings_are_stored_or_rejected(shop: &Shop) {
    let strings: Vec<String> =
        serde_json::from_str(include_str!("files/naughty-strings.json")).expect("the list is JSON");
    let rows: Vec<serde_json::Value> = strings
        .iter()
        .enumerate()
        .map(|(number, text)| json!({ "sku": format!("N-{number}"), "name": text, "description": text, "price": "1" }))
        .collect();
    shop.file("products.json", &serde_json::Value::from(rows).to_string());
    let arguments = ["product", "import", "products.json", "--on-error", "reject-rows", "--errors", "wrong.csv"];
    let run = shop.run(&[&arguments[..], &["--json"]].concat()).exits_with(8);
    let refused = run.json()["rejected"].as_u64().expect("a number");
    assert!(refused < 60, "{refused} of {} are too many: {run}", strings.len());
    let stored = shop.number("SELECT COUNT(*) FROM products").unsigned_abs();
    assert_eq!(stored + refused, strings.len() as u64);
    let exported = shop.run(&["product", "export", "-o", "jsonl"]).success().stdout;
    for line in exported.lines() {
        let product: serde_json::Value = serde_json::from_str(line).expect("JSON");
        let number: usize = product["sku"].as_str().expect("text")[2..].parse().expect("ours");
        assert_eq!(product["name"].as_str().map(str::trim), Some(strings[number].trim()));
    }
    let listed = shop.run(&["product", "list", "--all", "-o", "table"]).success().stdout;
    let is_harmful =
        |character: char| character.is_control() && character != '\n' || ('\u{202a}'..='\u{202e}').contains(&character);
    assert!(!listed.contains(is_harmful), "the terminal would be driven by a name");
    // Through every format into an identical shop.
    for format in ["csv", "json", "jsonl"] {
        let file = format!("again.{format}");
        shop.run(&["product", "export", "--out", &file]).success();
        let run = shop.run(&["product", "import", &file]).success();
        assert!(run.stdout.contains(&format!("0 products imported: {stored} unchanged")), "{format}: {run}");
    }
    let people: Vec<serde_json::Value> = strings
        .iter()
        .enumerate()
        .map(
            |(number, text)| json!({ "email": format!("n{number}@example.com"), "first_name": text, "last_name": "X" }),
        )
        .chain(strings.iter().map(|text| json!({ "email": text, "first_name": "F", "last_name": "L" })))
        .collect();
    shop.file("users.json", &serde_json::Value::from(people).to_string());
    let run = shop.run(&["user", "import", "users.json", "--on-error", "reject-rows"]).exits_with(8);
    assert!(!run.stderr.contains(is_harmful), "{run}");
    shop.assert_invariants();
    shop.run(&["audit", "verify"]).success();
}

#[test]
fn mislabelled_files_are_reported_by_their_real_format() {
    let shop = Shop::migrated(Backend::Sqlite).expect("always there");
    let utf16: Vec<u8> = "\u{feff}sku,name,price\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    std::fs::write(shop.path("a.csv"), utf16).expect("our own file");
    shop.run(&["product", "import", "a.csv", "--encoding", "utf-8"]).exits_with(7).says("UTF-16");
    std::fs::write(shop.path("a.csv"), b"sku,name,price\nA,caf\xe9,1\n").expect("our own file");
    shop.run(&["product", "import", "a.csv"]).exits_with(7).says("--encoding windows-1252");
    shop.file("a.csv", &format!("sku,name,price\nA,\"never closed,1\n{}", "B,b,1\n".repeat(5_000_000)));
    shop.run(&["product", "import", "a.csv"]).exits_with(7).says("a closing quote may be missing");
    shop.file("a.json", r#"[{"sku":"A","name":"N","price":"1","price":"2"}]"#);
    shop.run(&["product", "import", "a.json"]).exits_with(7).says("price appears twice");
    shop.file("a.json", r#"{"items":[{"sku":"A","name":"N","price":"1"}],"next":"#);
    shop.run(&["product", "import", "a.json"]).exits_with(7).says("outside its list");
    assert_eq!(shop.number("SELECT COUNT(*) FROM products"), 0);
}
