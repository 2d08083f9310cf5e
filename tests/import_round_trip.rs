//! Moving a shop: an empty shop that imports all exports of another becomes identical to it.

use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

use crate::on_every_backend;
use crate::support::Shop;

on_every_backend!(
    importing_all_exports_into_an_empty_shop_reproduces_the_original,
    documents_of_mongodb_reproduce_the_shop_with_its_ids,
    documents_with_object_ids_are_the_same_row_in_every_import,
    wrong_values_of_mongodb_are_named_with_line_and_field,
    an_anonymized_user_stays_anonymized_in_another_shop,
    rows_that_violate_the_rules_are_rejected_with_their_line,
);

const NOUNS: [&str; 3] = ["user", "product", "order"];
const STATUSES: [&str; 6] = ["pending", "paid", "shipped", "completed", "cancelled", "refunded"];
const BITS: [&str; 20] =
    ["a", "B", " ", "  ", "'", "=", "+", "-", "@", "\"", ",", ";", "İ", "é", "ß", "日本", "|", "\\", "#", "/"];

/// A shop with values as odd as it takes them, made of what it was offered.
fn odd_shop(shop: &Shop, seed: u64) {
    let mut random = rand::rngs::StdRng::seed_from_u64(seed);
    let mut text = move |most: usize| {
        (0..random.random_range(0..most)).map(|_| BITS[random.random_range(0..BITS.len())]).collect::<String>()
    };
    let offer = |noun: &str, rows: Vec<Value>| {
        let lines: Vec<String> = rows.iter().map(Value::to_string).collect();
        shop.file("offered.jsonl", &lines.join("\n"));
        let flags = ["--on-error", "reject-rows", "--json"];
        let stock: &[&str] = if noun == "order" { &["--stock", "skip"] } else { &[] };
        let run = shop.run(&[&[noun, "import", "offered.jsonl"], &flags[..], stock].concat());
        assert!([0, 8].contains(&run.code), "shop {seed}: {run}");
        assert!(run.json()["created"].as_u64() > Some(10), "shop {seed}: {run}");
    };
    let users = (0..30).map(|number| {
        let status = if number % 5 == 0 { "disabled" } else { "active" };
        json!({ "email": format!("x{number}@e.com"), "first_name": text(6), "last_name": format!("{}x", text(6)), "status": status })
    });
    offer("user", users.collect());
    let products = (0..30).map(|number| {
        let description = if number % 3 == 0 { Value::Null } else { format!("{}\r\n{}", text(5), text(5)).into() };
        let price = ["0", "0.01", "99999999.99", "12.5"][number % 4];
        let (sku, name) = (format!("{}{number}", text(5)), format!("{}{number}", text(6)));
        let retired_at = if number % 7 == 0 { "2020-01-02T03:04:05.678901Z".into() } else { Value::Null };
        json!({ "sku": sku, "name": name, "description": description, "price": price, "stock_quantity": number * 7,
                "retired_at": retired_at })
    });
    offer("product", products.collect());
    let (users, skus) = (
        shop.column("SELECT email FROM users ORDER BY email"),
        shop.column("SELECT sku FROM products WHERE price < 1000 ORDER BY sku"),
    );
    let orders = (0..60).map(|number| {
        let sku = |offset: usize| &skus[(number * 3 + offset) % skus.len()];
        let items = json!([
            { "sku": sku(0), "quantity": number + 1 },
            { "sku": sku(1), "quantity": 2, "unit_price": "0.00" },
            { "sku": sku(0), "quantity": 1, "unit_price": "7.77" },
        ]);
        let items = if number % 2 == 0 { items } else { json!([items[0]]) };
        let reference = format!("{}{number}", text(6).replace(' ', ""));
        let year = [1900, 1969, 1999, 2020][number % 4];
        // The orders of the first two users are closed, so that these users can be anonymized.
        let status = if number % users.len() < 2 { "completed" } else { STATUSES[number % STATUSES.len()] };
        let created_at = format!("{year}-02-03T04:05:06.{number:06}Z");
        json!({ "reference": reference, "user": users[number % users.len()], "status": status, "created_at": created_at, "items": items })
    });
    offer("order", orders.collect());
    for email in &users[..2] {
        shop.run(&["user", "anonymize", email, "--confirm", email]).success();
    }
}

/// All rows of a noun without what no file carries, sorted.
fn rows(shop: &Shop, noun: &str) -> Vec<Value> {
    fn carried(row: &mut Value, is_order: bool) {
        let Value::Object(members) = row else { return };
        members.retain(|name, _| !["id", "user_id", "product_id", "updated_at"].contains(&name.as_str()));
        if !is_order {
            members.remove("created_at");
        }
        let items = members.get_mut("items").and_then(Value::as_array_mut);
        if let Some(items) = items {
            items.iter_mut().for_each(|item| carried(item, false));
            items.sort_by_key(Value::to_string);
        }
    }
    let text = shop.run(&[noun, "export", "-o", "jsonl"]).success().stdout;
    let mut rows: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    rows.iter_mut().for_each(|row| carried(row, noun == "order"));
    rows.sort_by_key(Value::to_string);
    rows
}

/// Exports everything into files of a format and imports them elsewhere; the answers.
fn moved(from: &Shop, to: &Shop, format: &str, flags: &[&str]) -> [crate::support::Run; 3] {
    NOUNS.map(|noun| {
        let file = from.path(&format!("{noun}.{format}")).display().to_string();
        from.run(&[noun, "export", "--out", &file]).success();
        let stock: &[&str] = if noun == "order" { &["--stock", "skip"] } else { &[] };
        to.run(&[&[noun, "import", &file, "--json"], stock, flags].concat())
    })
}

fn importing_all_exports_into_an_empty_shop_reproduces_the_original(shop: &Shop) {
    let seed = rand::random::<u64>();
    odd_shop(shop, seed);
    let expected = NOUNS.map(|noun| rows(shop, noun));
    let statuses = shop.column("SELECT DISTINCT status FROM orders");
    assert_eq!(statuses.len(), STATUSES.len(), "shop {seed}");
    for format in ["csv", "tsv", "json", "jsonl"] {
        let Some(other) = Shop::migrated(shop.backend) else { return };
        for (run, expected) in moved(shop, &other, format, &[]).into_iter().zip(&expected) {
            let run = run.success();
            assert_eq!(run.json()["created"], expected.len(), "shop {seed}: {run}");
        }
        for (noun, expected) in NOUNS.into_iter().zip(&expected) {
            assert_eq!(&rows(&other, noun), expected, "shop {seed}, {format}");
        }
        let before = other.everything();
        for run in moved(shop, &other, format, &[]) {
            assert_eq!(run.success().json()["changed"], false, "shop {seed}");
        }
        assert_eq!(other.everything(), before, "shop {seed}");
        other.assert_invariants();
        other.run(&["audit", "verify"]).success();
    }
}

/// All documents of a noun without what no import takes, sorted.
fn documents(shop: &Shop, noun: &str) -> Vec<Value> {
    let text = shop.run(&[noun, "export", "-o", "mongo-json"]).success().stdout;
    let mut documents: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    for document in documents.iter_mut().filter_map(Value::as_object_mut) {
        document.remove("updated_at");
        match document.get_mut("items").and_then(Value::as_array_mut) {
            None => drop(document.remove("created_at")),
            Some(items) => {
                items.iter_mut().filter_map(Value::as_object_mut).for_each(|item| drop(item.remove("_id")));
                items.sort_by_key(Value::to_string);
            }
        }
    }
    documents.sort_by_key(Value::to_string);
    documents
}

/// The same documents as MongoDB's own library writes them for people.
fn relaxed(lines: &str) -> String {
    let relaxed = |line: &str| {
        let json: Value = serde_json::from_str(line).expect("JSON");
        bson::Bson::try_from(json).expect("a document").into_relaxed_extjson().to_string()
    };
    lines.lines().map(|line| relaxed(line) + "\n").collect()
}

fn documents_of_mongodb_reproduce_the_shop_with_its_ids(shop: &Shop) {
    let seed = rand::random::<u64>();
    odd_shop(shop, seed);
    let exported = NOUNS.map(|noun| shop.run(&[noun, "export", "-o", "mongo-json"]).success().stdout);
    let import = |to: &Shop, form: fn(&str) -> String| {
        for (noun, lines) in NOUNS.into_iter().zip(&exported) {
            to.file("documents.json", &form(lines));
            let stock: &[&str] = if noun == "order" { &["--stock", "skip"] } else { &[] };
            let import = [noun, "import", "documents.json", "--format", "mongo-json", "--json"];
            let result = to.run(&[&import, stock].concat()).success().json();
            let all = result["created"].as_u64().zip(result["unchanged"].as_u64()).map(|(new, old)| new + old);
            assert_eq!(all, Some(lines.lines().count() as u64), "shop {seed}: {result}");
        }
    };
    let before = shop.everything();
    import(shop, str::to_owned);
    assert_eq!(shop.everything(), before, "shop {seed}");
    let list = |lines: &str| format!("\u{feff}\n[{}]\n", lines.trim_end().replace('\n', ",\r\n"));
    let pretty = |lines: &str| {
        let document = |line| serde_json::from_str::<Value>(line).expect("JSON");
        lines.lines().map(|line| format!("{:#}\n", document(line))).collect()
    };
    for form in [pretty, relaxed, list] {
        let Some(other) = Shop::migrated(shop.backend) else { return };
        import(&other, form);
        for noun in NOUNS {
            assert_eq!(documents(&other, noun), documents(shop, noun), "shop {seed}");
        }
        let before = other.everything();
        import(&other, form);
        assert_eq!(other.everything(), before, "shop {seed}");
        other.assert_invariants();
        other.run(&["audit", "verify"]).success();
    }
}

fn documents_with_object_ids_are_the_same_row_in_every_import(shop: &Shop) {
    let product =
        r#"{"_id": {"$oid": "65a1b2c3d4e5f60718293a4b"}, "sku": "MUG", "name": "Mug", "price": 12.5, "__v": 0}"#;
    let user = r#"{"_id": "ann", "email": "ann@example.com", "firstName": "Ann", "lastName": "Lee"}"#;
    let order = json!({ "_id": 7, "reference": "R-1", "user": "ann@example.com", "createdAt": { "$date": "2020-01-02T03:04:05.678Z" },
        "items": [{ "_id": { "$oid": "65a1b2c3d4e5f60718293a4c" }, "sku": "MUG", "quantity": { "$numberInt": "2" }, "unitPrice": 12.5 }],
        "total_amount": { "$numberDouble": "25.0" } });
    let import = |shop: &Shop| {
        for (noun, document) in [("product", product), ("user", user), ("order", &order.to_string())] {
            shop.file("one.json", document);
            let import = [noun, "import", "one.json", "--format", "mongo-json", "--json"];
            let more: &[&str] = match noun {
                "order" => &["--stock", "skip"],
                "product" => &["--ignore-columns", "__v"],
                _ => &[],
            };
            shop.run(&[&import, more].concat()).success();
        }
    };
    let ids = |shop: &Shop| NOUNS.map(|noun| shop.run(&[noun, "list", "-o", "id"]).success().stdout);
    import(shop);
    let other = Shop::migrated(shop.backend).expect("the same backend");
    import(&other);
    assert_eq!(ids(&other), ids(shop));
    let before = shop.everything();
    import(shop);
    assert_eq!(shop.everything(), before);
    // The document has a new key: whether it is the same product, nobody knows.
    shop.file("one.json", &product.replace("MUG", "CUP"));
    let renamed = ["product", "import", "one.json", "--format", "mongo-json", "--ignore-columns"];
    shop.run(&[&renamed[..], &["__v"]].concat()).exits_with(7).says("has the _id of MUG");
    shop.run(&[&renamed[..], &["__v,_id"]].concat()).success();
    for (name, value) in [("price", r#"{"$numberDecimal": "1"}"#), ("made", r#"{"$date": "2020-01-02T03:04:05Z"}"#)] {
        shop.file("one.jsonl", &format!("{{\"sku\": \"PEN\", \"name\": \"Pen\", \"{name}\": {value}}}"));
        shop.run(&["product", "import", "one.jsonl"]).exits_with(7).says("--format mongo-json");
    }
}

fn wrong_values_of_mongodb_are_named_with_line_and_field(shop: &Shop) {
    let deep = format!("{}1{}", "{\"a\": ".repeat(5_000), "}".repeat(5_000));
    let wrong = [
        ("price", r#"{"$numberDouble": "NaN"}"#, "is not a number"),
        ("price", r#"{"$numberDecimal": "Infinity"}"#, "is not a number"),
        ("price", r#"{"$numberDouble": "29.849999999999998"}"#, "decimal places"),
        ("price", r#"{"$numberDecimal": "0.001"}"#, "decimal places"),
        ("price", r#"{"$numberDecimal": "1E+9"}"#, "is more than"),
        ("price", r#"{"$numberDecimal": "1", "$numberInt": "1"}"#, "is not a single value"),
        ("stock_quantity", r#"{"$numberLong": "99999999999999999999"}"#, "64 bits"),
        ("stock_quantity", "99999999999999999999", "must be"),
        ("stock_quantity", r#"{"$numberInt": "1", "$numberInt": "2"}"#, "appears twice"),
        ("retired_at", r#"{"$date": {"$numberLong": "-99999999999999"}}"#, "outside the years 1 to 9999"),
        ("retired_at", r#"{"$date": {"$numberLong": "253402300800000"}}"#, "outside the years 1 to 9999"),
        ("retired_at", r#"{"$date": {"$numberLong": "-62135596800000"}}"#, "1900"),
        ("name", &deep, "is not a text or number"),
        ("name", r#"{"$regularExpression": {"pattern": "x", "options": ""}}"#, "which no column takes"),
        ("_id", r#"{"$binary": {"base64": "BwcHBwcHBwcHBwcHBwcHBw==", "subType": "03"}}"#, "old subtype 03"),
        ("_id", "true", "is not an id"),
        ("_id", r#"{"$oid": "65a1b2c3d4e5f60718293a4b"}"#, "has the _id of line 1"),
    ];
    let mut file = String::from(
        "\u{feff}{\"_id\": {\"$oid\": \"65a1b2c3d4e5f60718293a4b\"}, \"sku\": \"GOOD\", \"name\": \"x\", \"price\": 1}\n",
    );
    for (number, (column, value, _)) in wrong.iter().enumerate() {
        let others = [("_id", format!("{number}")), ("name", "\"x\"".to_owned()), ("price", "1".to_owned())];
        let others = others.iter().filter(|(name, _)| name != column);
        let others: String = others.map(|(name, value)| format!(", \"{name}\": {value}")).collect();
        file += &format!("{{\"sku\": \"BAD-{number}\", \"{column}\": {value}{others}}}\n");
    }
    file += "{\"sku\": \"CUT\", \"name\": \"x";
    shop.file("wrong.json", &file);
    let import = ["product", "import", "wrong.json", "--format", "mongo-json", "--errors", "wrong.csv"];
    shop.run(&import).exits_with(7);
    assert_eq!(shop.number("SELECT COUNT(*) FROM products"), 0);
    shop.run(&[&import[..], &["--on-error", "reject-rows"]].concat()).exits_with(8);
    assert_eq!(shop.column("SELECT sku FROM products"), ["GOOD"]);
    let mut errors = csv::Reader::from_path(shop.path("wrong.csv")).expect("written");
    let errors: Vec<csv::StringRecord> = errors.records().map(|row| row.expect("a row")).collect();
    assert_eq!(errors.len(), wrong.len() + 1, "{errors:?}");
    for ((number, (column, value, told)), error) in wrong.iter().enumerate().zip(&errors) {
        assert_eq!(error[0], (number + 2).to_string(), "{error:?}");
        assert!(error[1] == **column || error[1].is_empty() && told.contains("_id"), "{value}: {error:?}");
        assert!(error[3].contains(told), "{value}: {error:?}");
    }
    assert!(errors[wrong.len()][3].contains("ends in the middle of a value"), "{errors:?}");
    // A list that is cut has no end, so none of it is imported.
    shop.file("wrong.json", &format!("[{}", file.lines().next().expect("a line").trim_start_matches('\u{feff}')));
    shop.run(&import).exits_with(7).says("ends in the middle of its list");
}

fn an_anonymized_user_stays_anonymized_in_another_shop(shop: &Shop) {
    let email = shop.user("ann");
    shop.product("P1", "1.00", 5);
    shop.file("o.csv", "reference,user,sku,quantity,status\nR1,ann@example.com,P1,1,completed\n");
    shop.run(&["order", "import", "o.csv"]).success();
    shop.run(&["user", "anonymize", &email, "--confirm", &email]).success();
    let other = Shop::migrated(shop.backend).expect("the same backend");
    moved(shop, &other, "csv", &[]).into_iter().for_each(|run| drop(run.success()));
    let stored = ["email", "first_name", "last_name", "status"].map(|column| format!("SELECT {column} FROM users"));
    assert_eq!(stored.clone().map(|query| other.column(&query)), stored.map(|query| shop.column(&query)));
    assert_eq!(other.column("SELECT password_hash FROM users"), ["!"]);
    let erased = other.column("SELECT email FROM users").remove(0);
    other.run(&["user", "enable", &erased]).exits_with(6).says("is anonymized");
    let changed = other.run(&["user", "anonymize", &erased, "--confirm", &erased, "--json"]).success().json();
    assert_eq!(changed["changed"], false);
    other.run(&["audit", "verify"]).success();
    // Without a status column, the address shows that the user is anonymized.
    let third = Shop::migrated(shop.backend).expect("the same backend");
    third.file("users.csv", &format!("email,first_name,last_name\n{erased},anonymized,anonymized\n"));
    third.run(&["user", "import", "users.csv"]).success();
    assert_eq!(third.column("SELECT status FROM users"), ["anonymized"]);
    // A status in a file does not anonymize a user and must not appear to.
    third.user("bo");
    for row in ["cy@example.com,Cy,Lee,anonymized", "bo@example.com,bo,Test,anonymized"] {
        third.file("users.csv", &format!("email,first_name,last_name,status\n{row}\n"));
        third.run(&["user", "import", "users.csv"]).exits_with(7).says("only user anonymize erases them");
    }
    assert_eq!(third.number("SELECT COUNT(*) FROM users"), 2);
}

fn rows_that_violate_the_rules_are_rejected_with_their_line(shop: &Shop) {
    for (email, first) in [("Ann@Example.com", "Ann"), ("bo@example.com", ""), ("no address", "No")] {
        shop.sql(&format!(
            "INSERT INTO users (email, password_hash, first_name, last_name) VALUES ('{email}', 'x', '{first}', 'Lee')"
        ));
    }
    for (sku, name) in [("mug-01", "Mug"), ("a:b", "Colon")] {
        shop.sql(&format!("INSERT INTO products (sku, name, price, stock_quantity) VALUES ('{sku}', '{name}', 12, 0)"));
    }
    for (reference, total) in [("k7q2m9xd4t", 24), ("WRONG-TOTAL", 25)] {
        shop.sql(&format!("INSERT INTO orders (reference, user_id, total_amount) SELECT '{reference}', id, {total} FROM users WHERE first_name = 'Ann'"));
        shop.sql(&format!("INSERT INTO order_items (order_id, product_id, quantity, unit_price) SELECT o.id, p.id, 2, 12 FROM orders o, products p WHERE p.sku = 'mug-01' AND o.reference = '{reference}'"));
    }
    let other = Shop::migrated(shop.backend).expect("the same backend");
    let [users, products, orders] = moved(shop, &other, "csv", &["--on-error", "reject-rows"]);
    for (run, created, rejected) in [(users, 1, 2), (products, 1, 1), (orders, 1, 1)] {
        let run = run.exits_with(8);
        assert_eq!((&run.json()["created"], &run.json()["rejected"]), (&created.into(), &rejected.into()), "{run}");
        assert_eq!(run.stderr.matches("\"reason\":").count(), rejected as usize, "{run}");
    }
    // In this shop's spelling.
    assert_eq!(other.column("SELECT email FROM users"), ["ann@example.com"]);
    assert_eq!(other.column("SELECT sku FROM products"), ["MUG-01"]);
    other.assert_invariants();
}
