//! Users: passwords of shopctl and other programs, and the personal data that the shop stores.

use std::time::Duration;

use serde_json::Value;

use crate::on_every_backend;
use crate::support::{Run, Shop};

on_every_backend!(
    a_user_with_orders_cannot_be_deleted,
    searches_match_non_ascii_letters,
    non_ascii_emails_compare_the_same_on_every_engine,
    a_password_matches_or_not,
    hashes_of_other_programs_verify_and_are_replaced_with_the_password,
    a_weak_hash_is_upgraded_on_a_successful_check,
    unverifiable_hashes_never_match,
    a_data_export_contains_everything_about_a_user,
    an_anonymized_user_cannot_be_changed,
);

fn an_anonymized_user_cannot_be_changed(shop: &Shop) {
    let email = shop.user("ann");
    shop.run(&["user", "anonymize", &email, "--confirm", &email]).success();
    let id = shop.run(&["user", "list", "-o", "id"]).success().stdout.trim().to_owned();
    let stored =
        || ["first_name", "email", "password_hash"].map(|name| shop.column(&format!("SELECT {name} FROM users")));
    let before = stored();
    shop.run(&["user", "update", &id, "--first-name", "Ann"]).exits_with(6).says("is anonymized");
    let password = ["user", "set-password", &id, "--password-stdin"];
    shop.run_with_input(&password, "correct horse\n").exits_with(6).says("is anonymized");
    shop.run_with_input(&["user", "verify-password", &id, "--password-stdin"], "").exits_with(7);
    assert_eq!(stored(), before);
}

fn verify(shop: &Shop, who: &str, password: &str) -> Run {
    shop.run_with_input(&["user", "verify-password", who, "--password-stdin", "--json"], &format!("{password}\n"))
}

fn hash_of(shop: &Shop) -> String {
    shop.column("SELECT password_hash FROM users").remove(0)
}

fn store(shop: &Shop, hash: &str) {
    shop.sql(&format!("UPDATE users SET password_hash = '{hash}'"));
}

fn a_password_matches_or_not(shop: &Shop) {
    let user = shop.user("ann");
    let before = shop.everything();
    let run = verify(shop, &user, "correct horse").success().json();
    assert_eq!((&run["email"], &run["changed"]), (&Value::from(user.as_str()), &false.into()));
    let run = verify(shop, &user, "correct hors").exits_with(9);
    assert!(run.stderr.contains("password.differs") && !run.stderr.contains("correct"), "{run}");
    verify(shop, "nobody@example.com", "x").exits_with(3);
    shop.run(&["user", "verify-password", &user]).exits_with(11).says("--password-stdin");
    assert_eq!(shop.everything(), before, "verifying writes nothing");
    shop.run(&["user", "set-password", "nobody@example.com"]).exits_with(3);
}

fn hashes_of_other_programs_verify_and_are_replaced_with_the_password(shop: &Shop) {
    let user = shop.user("ann");
    // A test vector of jBCrypt.
    let abc = "06$If6bvum7DFjUnE9p2uDeDu0YHzrHM6tf.iqN8.yx.jNN1ILEf7h0i";
    for prefix in ["$2a$", "$2b$", "$2y$"] {
        store(shop, &format!("{prefix}{abc}"));
        verify(shop, &user, "abc").success();
        verify(shop, &user, "abd").exits_with(9);
        assert!(hash_of(shop).starts_with(prefix), "verifying does not replace it");
    }
    shop.run_with_input(&["user", "set-password", &user, "--password-stdin"], "battery staple\n").success();
    assert!(hash_of(shop).starts_with("$argon2id$"));
    verify(shop, &user, "battery staple").success();
}

fn a_weak_hash_is_upgraded_on_a_successful_check(shop: &Shop) {
    use argon2::PasswordHasher;
    let user = shop.user("ann");
    let weak = |algorithm| {
        let params = argon2::Params::new(1024, 1, 1, None).expect("small parameters");
        let argon2 = argon2::Argon2::new(algorithm, argon2::Version::V0x13, params);
        argon2.hash_password(b"correct horse").expect("hashes").to_string()
    };
    for algorithm in [argon2::Algorithm::Argon2id, argon2::Algorithm::Argon2i] {
        store(shop, &weak(algorithm));
        verify(shop, &user, "wrong horse").exits_with(9);
        assert!(hash_of(shop).contains("m=1024"));
        let dry = ["user", "verify-password", &user, "--password-stdin", "-n"];
        shop.run_with_input(&dry, "correct horse\n").success();
        assert!(hash_of(shop).contains("m=1024"));
        assert_eq!(verify(shop, &user, "correct horse").success().json()["changed"], true);
        assert!(hash_of(shop).starts_with("$argon2id$v=19$m=19456"));
        assert_eq!(verify(shop, &user, "correct horse").success().json()["changed"], false);
    }
    assert_eq!(shop.number("SELECT COUNT(*) FROM audit_events WHERE operation = 'user.rehash'"), 2);
    assert_eq!(shop.number("SELECT COUNT(*) FROM audit_events WHERE after LIKE '%argon2%'"), 0);
    shop.assert_invariants();
}

fn unverifiable_hashes_never_match(shop: &Shop) {
    let user = shop.user("ann");
    for hash in [
        "!",
        "5f4dcc3b5aa765d61d8327deb882cf99",
        "$argon2id$v=19$m=4194304,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "$argon2id$v=19$m=19456,t=100000,p=1$c29tZXNhbHRzb21lc2FsdA$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "$2b$31$If6bvum7DFjUnE9p2uDeDu0YHzrHM6tf.iqN8.yx.jNN1ILEf7h0i",
    ] {
        store(shop, hash);
        let run = verify(shop, &user, "abc").exits_with(9).says("password.unverifiable");
        assert!(run.duration < Duration::from_secs(20), "{run}");
        assert!(!run.stderr.contains(hash), "{run}");
    }
}

fn a_data_export_contains_everything_about_a_user(shop: &Shop) {
    let user = shop.user("ann");
    shop.user("bob");
    shop.product("MUG", "12.50", 10);
    for (who, note) in [(&user, "gift wrap"), (&"bob@example.com".to_owned(), "other")] {
        let arguments = ["order", "create", "--user", who, "--item", "MUG:2", "--note", note, "--actor", "the till"];
        shop.run(&arguments).success();
    }
    let order = shop.column("SELECT reference FROM orders WHERE total_amount = 25.00 ORDER BY id").remove(0);
    shop.run(&["order", "pay", &order]).success();
    shop.run(&["order", "refund", &order, "--line", "MUG:1", "--reason", "scratched", "--yes"]).success();
    shop.run(&["order", "ship", &order, "--tracking", "1Z9"]).success();
    shop.run(&["order", "note", &order, "ring twice"]).success();
    shop.run_with_input(&["user", "set-password", &user, "--password-stdin"], "battery staple\n").success();
    let run = shop.run(&["user", "export-data", &user]).success();
    let document = run.json();
    assert_eq!(document["user"]["email"], user.as_str());
    assert_eq!(document["orders"].as_array().expect("a list").len(), 1);
    let order = &document["orders"][0];
    assert_eq!((&order["items"][0]["sku"], &order["total_amount"]), (&"MUG".into(), &"25.00".into()));
    assert_eq!(order["notes"], serde_json::json!(["gift wrap"]));
    assert_eq!((&order["note"], &order["tracking"]), (&"ring twice".into(), &"1Z9".into()));
    let refund = &order["refunds"][0];
    assert_eq!((&refund["amount"], &refund["reason"]), (&"12.50".into(), &"scratched".into()), "{refund}");
    assert_eq!((&refund["lines"][0]["sku"], &refund["lines"][0]["quantity"]), (&"MUG".into(), &1.into()), "{refund}");
    let told: Vec<_> =
        document["events"].as_array().expect("a list").iter().map(|event| event["operation"].clone()).collect();
    assert_eq!(
        told,
        ["user.create", "order.place", "order.pay", "order.refund", "order.ship", "order.note", "user.set_password"]
    );
    assert_eq!(
        document["events"][0]["after"]["email"],
        user.as_str(),
        "what was known of the person before counts too"
    );
    for secret in ["argon2", "the till", "bob@", "other", "salt", "password_digest"] {
        assert!(!run.stdout.contains(secret), "{secret} in {run}");
    }
    shop.run(&["user", "export-data", &user, "--out", "ann.json"]).success();
    let written: Value =
        serde_json::from_str(&std::fs::read_to_string(shop.path("ann.json")).expect("is there")).expect("JSON");
    assert_eq!(written["orders"], document["orders"]);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(shop.path("ann.json")).expect("is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    shop.run(&["user", "export-data", "nobody@example.com", "--out", "nobody.json"]).exits_with(3);
    assert!(!shop.path("nobody.json").exists());
    shop.run(&["user", "export-data", &user, "-o", "csv"]).exits_with(2);
}

fn a_user_with_orders_cannot_be_deleted(shop: &Shop) {
    let user = shop.user("ann");
    shop.product("MUG", "12.50", 10);
    shop.run(&["order", "create", "--user", &user, "--item", "MUG"]).success();
    shop.run(&["user", "delete", &user]).exits_with(6).says("shopctl user disable");
    shop.run(&["user", "delete", &user, "--confirm", &user]).exits_with(6).says("shopctl user disable ann@example.com");
    let refused = shop.run(&["audit", "list", "--user", &user, "--outcome", "failed", "--json"]).success().json();
    assert_eq!(refused["items"][0]["operation"], "user.delete", "what was refused is found by whom it was about");
    shop.run(&["user", "disable", &user]).exits_with(11).says("--yes");
    shop.run(&["user", "disable", &user, "--yes"]).success();
    shop.run(&["user", "disable", &user, "--yes"]).success();
    shop.run(&["order", "create", "--user", &user, "--item", "MUG"]).exits_with(6).says("shopctl user enable");
    shop.run(&["user", "enable", &user]).success();
    shop.run(&["order", "create", "--user", &user, "--item", "MUG"]).success();
    shop.run(&["product", "delete", "MUG", "--confirm", "MUG"]).exits_with(6).says("product.was_ordered");
    shop.assert_invariants();
}

fn non_ascii_emails_compare_the_same_on_every_engine(shop: &Shop) {
    for email in ["İpek@example.com", "ÉVA@example.com", "Ann@Example.com"] {
        shop.sql(&format!(
            "INSERT INTO users (email, password_hash, first_name, last_name) VALUES ('{email}', 'x', 'F', 'L')"
        ));
    }
    let create = |email: &str| {
        let arguments = ["user", "create", "--email", email, "--first-name", "F", "--last-name", "L"];
        shop.run_with_input(&[&arguments[..], &["--password-stdin"]].concat(), "correct horse\n")
    };
    for (typed, stored) in [
        ("İpek@example.com", "İpek@example.com"),
        ("İPEK@example.com", "İpek@example.com"),
        ("éva@example.com", "ÉVA@example.com"),
        ("Éva@example.com", "ÉVA@example.com"),
        ("ann@example.com", "Ann@Example.com"),
    ] {
        // Lower case makes two characters of İ, of which the second is not allowed in an address.
        match typed.starts_with('İ') {
            true => create(typed).exits_with(7).says("must be an e-mail address"),
            false => {
                create(typed).exits_with(6).says(&format!("a user with the e-mail address {stored} already exists"))
            }
        };
        assert_eq!(shop.run(&["user", "show", typed, "--json"]).success().json()["email"], stored, "{typed}");
    }
    // MariaDB lower-cases İ to i.
    shop.run(&["user", "show", "ipek@example.com"]).exits_with(3);
    create("ipek@example.com").success();
    create("eva@example.com").success();
    assert_eq!(shop.run(&["user", "show", "IPEK@example.com", "--json"]).success().json()["email"], "ipek@example.com");
}

fn searches_match_non_ascii_letters(shop: &Shop) {
    let arguments = [
        "user",
        "create",
        "--email",
        "e@example.com",
        "--first-name",
        "Éloïse",
        "--last-name",
        "O_x%y",
        "--password-stdin",
    ];
    shop.run_with_input(&arguments, "correct horse\n").success();
    for (text, found) in
        [("Éloïse", 1), ("éloïse", 1), ("loï", 1), ("o_X%", 1), ("ox", 0), ("EXAMPLE", 1), ("%", 1), ("!", 0)]
    {
        let run = shop.run(&["user", "list", "--search", text, "-o", "id"]).success();
        assert_eq!(run.stdout.lines().count(), found, "{text}: {run}");
    }
    // Letters whose lower case depends on their neighbours, or is more than one letter.
    for (sku, name, texts) in [("TEA", "İstanbul tea", ["İstanbul", "İSTANBUL"]), ("WAY", "ΟΔΟΣ", ["ΟΔΟΣ", "ΟΔΟ"])]
    {
        shop.run(&["product", "create", "--sku", sku, "--name", name, "--price", "1"]).success();
        for text in texts {
            let run = shop.run(&["product", "list", "--search", text, "-o", "csv"]).success();
            assert!(run.stdout.contains(name), "{text}: {run}");
        }
    }
}
