//! Which of several rows counts, what a name or an amount may mean, and where a line is.

use crate::support::{Backend, Run, Shop};

fn import(shop: &Shop, noun: &str, file: &str, text: &str, flags: &[&str]) -> Run {
    shop.file(file, text);
    shop.run(&[&[noun, "import", file][..], flags].concat())
}

fn shop() -> Shop {
    let shop = Shop::migrated(Backend::Sqlite).expect("always there");
    shop.user("ann");
    shop.product("P1", "1.00", 50);
    shop
}

fn an_amount_with_the_sign_of_a_country_is_in_the_currency_of_that_country() {
    let shop = shop();
    let price = |amount: &str, flags: &[&str]| {
        let run = import(&shop, "product", "a.csv", &format!("sku,price\nP1,{amount}\n"), flags);
        (run, shop.column("SELECT price FROM products").concat().parse::<f64>().expect("an amount"))
    };
    let cases = [
        ("CA$2", "CAD", 2.0),
        ("US$ 5", "USD", 5.0),
        ("A$3.50", "AUD", 3.5),
        ("R$ 10", "BRL", 10.0),
        ("CHF 6", "CHF", 6.0),
        ("7 kr", "SEK", 7.0),
        ("8 NZ$", "NZD", 8.0),
    ];
    for (amount, code, meant) in cases {
        let (run, stored) = price(amount, &[]);
        let sign = amount.trim_matches(|character: char| character.is_ascii_digit() || " .".contains(character));
        run.success().says(&format!("amounts are in {sign} (price)"));
        assert_eq!(stored.to_string(), meant.to_string(), "{amount}");
        price(amount, &["--currency", code]).0.success();
        price(amount, &["--currency", "EUR"]).0.exits_with(7).says("is not in EUR");
    }
    for (amount, other) in [("R$1", "USD"), ("CA$1", "USD"), ("$1", "BRL"), ("1 kr", "EUR")] {
        price(amount, &["--currency", other]).0.exits_with(7).says(&format!("is not in {other}"));
    }
    for amount in ["$CA 2", "XYZ$2", "2 dollars", "Fr. 5", "R 5", "kr2kr"] {
        price(amount, &[]).0.exits_with(7).says("line 2: price").says("is not an amount");
    }
    let mixed = "sku,name,price\nP1,a,CA$1\nP2,b,US$ 1\n";
    import(&shop, "product", "b.csv", mixed, &[])
        .exits_with(7)
        .says("two currencies: price is CA$ in line 2 and US$ in line 3");
}
