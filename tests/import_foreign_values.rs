//! Empty, foreign and ambiguous values: reported, never guessed.

use crate::on_every_backend;
use crate::support::{Backend, Shop};

on_every_backend!(an_order_without_a_time_is_not_dated_today, an_exact_spelling_takes_precedence_in_value_mapping,);

fn an_order_without_a_time_is_not_dated_today(shop: &Shop) {
    shop.user("ann");
    shop.product("P1", "1.00", 50);
    let head = "reference,user,sku,quantity,created_at\nR1,ann@example.com,P1,1,2020-01-01\n";
    shop.file("a.csv", &format!("{head}R2,ann@example.com,P1,1,\n"));
    shop.run(&["order", "import", "a.csv"]).exits_with(7).says("line 3: created_at: is missing");
    shop.file(
        "a.json",
        r#"[{"reference":"R2","user":"ann@example.com","created_at":null,"items":[{"sku":"P1","quantity":1}]}]"#,
    );
    shop.run(&["order", "import", "a.json"]).exits_with(7).says("created_at: is missing");
    assert_eq!(shop.number("SELECT COUNT(*) FROM orders"), 0);
    shop.file("b.csv", "reference,user,sku,quantity\nR2,ann@example.com,P1,1\n");
    shop.run(&["order", "import", "b.csv"]).success();
}

#[test]
fn exported_odd_times_are_unchanged_here_and_rejected_in_another_shop() {
    let shop = Shop::migrated(Backend::Sqlite).expect("always there");
    let other = Shop::migrated(Backend::Sqlite).expect("always there");
    for shop in [&shop, &other] {
        shop.user("ann");
        shop.product("P1", "1.00", 50);
    }
    let times = ["", "01/02/2020", "2020-01-01T10:00:00.123456789Z", "2020-01-01T10:00:00.1234567Z", "1700000000"];
    for (number, time) in times.iter().enumerate() {
        let reference = format!("R{number}");
        shop.file("o.csv", &format!("reference,user,sku,quantity\n{reference},ann@example.com,P1,1\n"));
        shop.run(&["order", "import", "o.csv"]).success();
        shop.sql(&format!("UPDATE orders SET created_at = '{time}' WHERE reference = '{reference}'"));
    }
    let before = shop.everything();
    for file in ["all.csv", "all.jsonl", "all.json"] {
        shop.run(&["order", "export", "--out", file]).success();
        let run = shop.run(&["order", "import", file, "--json"]).success();
        assert_eq!(run.json()["unchanged"], times.len(), "{run}");
        let text = std::fs::read_to_string(shop.path(file)).expect("written");
        other.file(file, &text);
        let run =
            other.run(&["order", "import", file, "--json", "--on-error", "reject-rows", "--dry-run"]).exits_with(8);
        assert_eq!((&run.json()["created"], &run.json()["rejected"]), (&2.into(), &3.into()), "{run}");
    }
    assert_eq!(shop.everything(), before);
}

fn an_exact_spelling_takes_precedence_in_value_mapping(shop: &Shop) {
    let import = ["product", "import", "a.csv", "--map-value", "name:a=zzz", "--map-value"];
    shop.file("a.csv", "sku,name,price\nN1,A,1\nN2,a,1\nN3,b,1\nN4,zzz,1\n");
    shop.run(&[&import[..], &["name:A=yyy", "--map-value", "name:B=a"]].concat()).success();
    assert_eq!(shop.column("SELECT name FROM products ORDER BY sku"), ["yyy", "zzz", "a", "zzz"]);
    shop.run(&[&import[..], &["name:a=yyy"]].concat()).exits_with(2).says("--map-value names name:a twice");
}
