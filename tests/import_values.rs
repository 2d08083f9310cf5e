//! What the values of a file mean: times, amounts, keys and statuses as other shops write them.

use crate::on_every_backend;
use crate::support::Shop;

on_every_backend!(
    a_year_of_two_digits_is_refused_wherever_a_time_is_read,
    keys_of_other_shops_are_kept_and_found_in_any_case,
    keys_that_another_program_wrote_in_another_case_are_not_doubled,
);

fn a_year_of_two_digits_is_refused_wherever_a_time_is_read(shop: &Shop) {
    shop.user("ann");
    shop.product("P1", "1.00", 5);
    let taken = "with a year from 1900 to 2999";
    for time in ["26-01-01", "12/1/10", "+12024-01-01", "0044-03-15", "3000-01-01"] {
        for command in [
            &["order", "list", "--since"][..],
            &["order", "export", "--until"],
            &["user", "list", "--created-since"],
            &["audit", "list", "--until"],
            &["report", "sales", "--since"],
            &["seed", "generate", "-y", "--as-of"],
        ] {
            shop.run(&[command, &[time]].concat()).exits_with(7).says(taken);
        }
        shop.file(
            "orders.csv",
            &format!("reference,user,sku,quantity,created_at\nAAAAA-AAAA1,ann@example.com,P1,1,{time}\n"),
        );
        shop.run(&["order", "import", "orders.csv"]).exits_with(7).says(taken);
    }
    assert_eq!(shop.number("SELECT COUNT(*) FROM orders"), 0);
}

fn keys_of_other_shops_are_kept_and_found_in_any_case(shop: &Shop) {
    shop.user("ann");
    shop.file(
        "products.csv",
        "sku,name,price,stock_quantity\nCam/4567,slash,1,9\nStem -  Silver,spaces,1,9\nM&M,amp,1,9\n#1 (rot) +,more,1,9\n",
    );
    shop.run(&["product", "import", "products.csv"]).success();
    assert_eq!(
        shop.column("SELECT sku FROM products ORDER BY name"),
        ["M&M", "#1 (ROT) +", "CAM/4567", "STEM - SILVER"]
    );
    for typed in ["m&m", "#1 (Rot) +", "cam/4567", " Stem -   silver"] {
        shop.run(&["product", "show", typed]).success();
        shop.run(&["order", "create", "--user", "ann@example.com", "--item", &format!("{typed}:1")]).success();
    }
    shop.file(
        "orders.csv",
        "reference,user,sku,quantity\n#1001,ann@example.com,M&M,1\nCA-2017-152156,ann@example.com,cam/4567,1\n\
         000000001,ann@example.com,M&M,1\n1000000001,ann@example.com,M&M,1\n",
    );
    shop.run(&["order", "import", "orders.csv"]).success();
    for (typed, stored) in [
        ("#1001", "#1001"),
        ("ca-2017-152156", "CA-2017-152156"),
        ("000000001", "000000001"),
        ("1000000001", "1000000001"),
    ] {
        assert_eq!(shop.run(&["order", "show", typed, "--json"]).success().json()["reference"], stored);
    }
    // A hint that names such a key can be pasted.
    shop.run(&["product", "create", "--sku", "m&m", "--name", "Again", "--price", "1"])
        .exits_with(6)
        .says("shopctl product show 'M&M'");
    shop.assert_invariants();
}

fn keys_that_another_program_wrote_in_another_case_are_not_doubled(shop: &Shop) {
    shop.sql(
        "INSERT INTO users (email, password_hash, first_name, last_name) VALUES ('Ann@Example.com', 'x', 'Ann', 'Lee')",
    );
    shop.sql("INSERT INTO products (sku, name, price, stock_quantity) VALUES ('mug-01', 'Mug', 12, 0)");
    shop.sql("INSERT INTO orders (reference, user_id) SELECT 'k7q2m9xd4t', id FROM users");
    let create = ["user", "create", "--email", "ann@example.com", "--first-name", "A", "--last-name", "L"];
    shop.run_with_input(&[&create[..], &["--password-stdin"]].concat(), "correct horse\n")
        .exits_with(6)
        .says("Ann@Example.com exists already");
    shop.user("bo");
    shop.run(&["user", "update", "bo@example.com", "--email", "ann@example.com"]).exits_with(6).says("user.duplicate");
    for typed in ["mug-01", "MUG-01", "Mug-01"] {
        assert_eq!(shop.run(&["product", "show", typed, "--json"]).success().json()["sku"], "mug-01");
    }
    for typed in ["k7q2m9xd4t", "K7Q2M-9XD4T", "k7q2m-9xd4t"] {
        assert_eq!(shop.run(&["order", "show", typed, "--json"]).success().json()["reference"], "k7q2m9xd4t");
    }
    // What the database itself makes looks like ours.
    shop.sql("INSERT INTO orders (user_id) SELECT id FROM users WHERE email = 'Ann@Example.com'");
    let made = shop.column("SELECT reference FROM orders WHERE reference <> 'k7q2m9xd4t'").remove(0);
    assert_eq!((made.len(), made.find('-')), (11, Some(5)), "{made}");
    shop.run(&["order", "show", &made.to_lowercase().replace('-', "")]).success();
}
