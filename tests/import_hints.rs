//! Import hints for rejected files: each works as pasted, or is not printed.

use crate::support::{Backend, Run, Shop};

fn shop() -> Shop {
    Shop::migrated(Backend::Sqlite).expect("always there")
}

fn import(shop: &Shop, file: &str, flags: &[&str]) -> Run {
    shop.run(&[&["product", "import", file, "--dry-run"], flags].concat())
}

/// The flags of the first hint, as a shell gives them.
fn hinted(run: &Run) -> String {
    run.stderr.lines().find_map(|line| line.strip_prefix("hint: ")).expect("a hint").to_owned()
}

#[test]
fn the_hint_to_ignore_columns_works_for_any_name() {
    let shop = shop();
    for name in ["-x", "--yes", "\"a\tb\"", "\"a\nb\"", "\u{1}", "it's", "\"a,\"\"b\"\"\"", &"x".repeat(5_000)] {
        shop.file("a.csv", &format!("sku,name,price,{name}\nA,a,1,z\n"));
        let run = import(&shop, "a.csv", &[]).exits_with(7);
        assert!(run.stderr.len() < 1_000, "{} bytes are said", run.stderr.len());
        shop.paste(&format!("shopctl product import a.csv --dry-run {}", hinted(&run))).success();
    }
    shop.file("a.json", r#"[{"sku":"A","name":"a","price":1,"":"z"}]"#);
    let run = import(&shop, "a.json", &[]).exits_with(7);
    shop.paste(&format!("shopctl product import a.json --dry-run {}", hinted(&run))).success();
}

#[test]
fn a_huge_header_is_rejected_with_a_short_message() {
    let shop = shop();
    shop.file("a.csv", &format!("sku,name,price,{}\nA,a,1,z\n", "long;".repeat(1_000_000)));
    let run = import(&shop, "a.csv", &[]).exits_with(7);
    assert!(run.stderr.len() < 1_000, "{} bytes are said", run.stderr.len());
}

#[test]
fn a_hint_never_ignores_a_column_that_a_new_row_may_need() {
    let shop = shop();
    for (noun, header, hint) in [
        ("product", "SKU,Produktname,Preis", "--map Produktname=name --map Preis=price"),
        ("product", "Artikelnummer,Bezeichnung,Verkaufspreis,Lagerbestand", {
            "--map Artikelnummer=sku --map Bezeichnung=name --map Verkaufspreis=price --map Lagerbestand=stock_quantity"
        }),
        ("product", "Artikel,Bezeichnung,Preis", {
            "there is no column for sku; possibly Artikel: --map Bezeichnung=name --map Preis=price --map Artikel=sku"
        }),
        ("product", "sku,name,A,B", "there is no column for price; possibly A or B: --map COLUMN=price"),
        ("product", "sku,name,color", "there is no column for price; possibly color: --map color=price"),
        ("product", "sku,name,price,Tags", "--ignore-columns Tags"),
        ("user", "E-Mail,Vorname,Nachname", "--map Vorname=first_name --map Nachname=last_name"),
        ("user", "email,name", {
            "there is no column for first_name or last_name; possibly name: \
             --map COLUMN=first_name --map COLUMN=last_name"
        }),
        ("order", "Bestellnummer,Kundenmail,sku,Menge,Einzelpreis", {
            "--map Bestellnummer=reference --map Kundenmail=user --map Menge=quantity --map Einzelpreis=unit_price"
        }),
        ("order", "reference,user,sku,quantity,Billing Date,Payment Date", {
            "there is no column for created_at; possibly Billing Date or Payment Date: --map COLUMN=created_at"
        }),
    ] {
        shop.file("a.csv", &format!("{header}\n"));
        let run = shop.run(&[noun, "import", "a.csv", "--dry-run"]).exits_with(7);
        assert_eq!(hinted(&run), hint, "{header}");
    }
}

#[test]
fn the_price_of_a_whole_line_is_not_suggested_as_that_of_a_piece() {
    let shop = shop();
    shop.file("a.csv", "order-id,purchase-date,buyer-email,sku,quantity-purchased,item-price\n");
    let run = shop.run(&["order", "import", "a.csv", "--dry-run"]).exits_with(7);
    let maps = "--map order-id=reference --map buyer-email=user --map purchase-date=created_at --map quantity-purchased=quantity";
    let why = "item-price may be the price of the whole line; unit_price is per unit: divide it by the quantity";
    assert_eq!(hinted(&run), format!("{why}; the others: {maps}"));
}

#[test]
fn a_hint_never_ignores_money_a_date_a_stock_or_a_status_that_has_no_column_yet() {
    let shop = shop();
    let order = "reference,user,sku,quantity,";
    for (noun, header, hint) in [
        ("order", "created_at,price", "--map price=unit_price"),
        ("order", "created_at,Preis", "--map Preis=unit_price"),
        ("order", "created_at,Lineitem price", "--map 'Lineitem price=unit_price'"),
        ("order", "Paid at", "say what Paid at is: --map 'Paid at=created_at', or --ignore-columns 'Paid at'"),
        ("order", "placedAt,color", "--map placedAt=created_at --ignore-columns color"),
        ("order", "created_at,Payment status", {
            "say what Payment status is: --map 'Payment status=status', or --ignore-columns 'Payment status'"
        }),
        ("product", "sku,name,EK-Preis", "there is no column for price; possibly EK-Preis: --map EK-Preis=price"),
        ("product", "sku,name,Einkaufspreis,VK brutto", "--map 'VK brutto=price' --ignore-columns Einkaufspreis"),
        (
            "product",
            "sku,name,price_cents",
            "there is no column for price; possibly price_cents: --map price_cents=price",
        ),
        ("product", "sku,name,price,Mindestbestand", {
            "say what Mindestbestand is: --map Mindestbestand=stock_quantity, or --ignore-columns Mindestbestand"
        }),
        ("order", "timestamp", "--map timestamp=created_at"),
        ("order", "Zustand", "--map Zustand=status"),
        ("order", "unit_price,Rechnungsbetrag", "--map Rechnungsbetrag=total_amount"),
        ("order", "unit_price,Tax amount", {
            "say what Tax amount is: --map 'Tax amount=total_amount', or --ignore-columns 'Tax amount'"
        }),
        ("order", "Amount,Netto,color", {
            "Amount, Netto: say what they are: --map NAME=unit_price, --map NAME=total_amount, or --ignore-columns NAME"
        }),
        ("order", "created_at,total_amount,unit_price,Netto", "--ignore-columns Netto"),
        ("product", "sku,name,price,Menge", "--map Menge=stock_quantity"),
        ("product", "sku,name,price,Stückzahl", "--map 'Stückzahl=stock_quantity'"),
        ("product", "sku,name,price,Verfügbar", "--map 'Verfügbar=stock_quantity'"),
        ("product", "sku,name,price,Available", "--map Available=stock_quantity"),
        ("product", "sku,name,price,On hand", "--map 'On hand=stock_quantity'"),
        ("product", "sku,name,Regular price,Sale price", {
            "there is no column for price; possibly Regular price or Sale price: --map COLUMN=price"
        }),
    ] {
        let header = if noun == "order" { format!("{order}{header}") } else { header.to_owned() };
        shop.file("a.csv", &format!("{header}\n"));
        let run = shop.run(&[noun, "import", "a.csv", "--dry-run"]).exits_with(7);
        assert_eq!(hinted(&run), hint, "{header}");
    }
    for name in ["order_total", "orderTotal", "Amount", "Betrag", "Netto", "Summe"] {
        shop.file("a.csv", &format!("{order}created_at,{name}\n"));
        let run = shop.run(&["order", "import", "a.csv", "--dry-run"]).exits_with(7);
        let flags = format!("--map {name}=unit_price, --map {name}=total_amount, or --ignore-columns {name}");
        assert_eq!(hinted(&run), format!("say what {name} is: {flags}"));
    }
}

#[test]
fn a_header_with_two_delimiters_is_reported() {
    let shop = shop();
    for (header, said) in [
        ("sku;name,price;stock_quantity", "separated by , in name,price, but by ; elsewhere"),
        ("sku,name,price;", "separated by ; in price;, but by , elsewhere"),
        ("\"sku,name,price\"", "in one pair of quotes"),
    ] {
        shop.file("a.csv", &format!("{header}\n"));
        let run = import(&shop, "a.csv", &[]).exits_with(7);
        let run = run.says(said);
        assert!(!run.stderr.contains("--map") && !run.stderr.contains("--delimiter"), "{run}");
    }
    shop.file("a.csv", "sku,name;price\n");
    for delimiter in [",", ";"] {
        let run = import(&shop, "a.csv", &["--delimiter", delimiter]).exits_with(7);
        let run = run.says("hint: use one separator");
        assert!(!run.stderr.contains("--delimiter"), "{run}");
    }
}

#[test]
fn an_invalid_line_number_is_rejected_in_plain_words() {
    let shop = shop();
    shop.file("a.csv", "sku,name,price\n");
    for lines in ["--skip-lines=-1", "--skip-lines=99999999999999999999", "--skip-lines=x"] {
        import(&shop, "a.csv", &[lines]).exits_with(7).says("must be a whole number from 0 to");
    }
}

#[test]
fn trimmed_blanks_are_reported() {
    let shop = shop();
    shop.file("a.csv", "sku,name,description,price\nA,a,b,1\nB,' lead,\"tab\t\",1\n C,\u{85}c,d\u{2028},1\n");
    import(&shop, "a.csv", &[]).success().says("5 texts have spaces at their start or end (line 3)");
    shop.file("a.csv", "sku,name,price\nA,a, 1\n");
    assert!(!import(&shop, "a.csv", &[]).success().stderr.contains("blanks"));
}

#[test]
fn orders_are_counted_and_their_lines_are_listed() {
    let shop = shop();
    shop.user("ann");
    shop.product("P1", "1.00", 5);
    let import = |file: &str, lines: &str, flags: &[&str]| {
        let lines: Vec<String> =
            lines.split(' ').map(|line| format!("{},ann@example.com,{}\n", &line[..2], &line[3..])).collect();
        shop.file(file, &format!("reference,user,sku,quantity\n{}", lines.concat()));
        shop.run(&[&["order", "import", file], flags].concat())
    };
    let run = import("a.csv", "R1,P1,1 R1,NO,1", &[]).exits_with(7);
    run.says("1 of 1 order is invalid").says("line 3: R1: there is no product NO");
    let run = import("a.csv", "S1,P1,1 S2,P1,1 S1,P1,2", &["--on-error", "reject-rows", "--json"]).exits_with(8);
    assert_eq!((&run.json()["created"], &run.json()["rejected"]), (&1.into(), &1.into()), "{run}");
    let run = import("a.csv", "T1,P1,1 T1,P1,1 T1,P1,x", &[]).exits_with(7);
    let lines: Vec<usize> = (2..=4).filter_map(|line| run.stderr.find(&format!("line {line}: "))).collect();
    assert!(lines.len() == 3 && lines.is_sorted(), "{run}");
    for items in ["{}", "[]"] {
        shop.file("a.json", &format!(r#"[{{"reference":"R9","user":"ann@example.com","items":{items}}}]"#));
        let run = shop.run(&["order", "import", "a.json"]).exits_with(7);
        let run = run.says("items: must be a list with at least one item");
        assert!(!run.stderr.contains("sku"), "{run}");
    }
}

#[test]
fn a_map_that_makes_two_columns_one_is_named_by_the_hint() {
    let shop = shop();
    shop.file("a.csv", "sku,name,price\nA,a,1\n");
    let run = import(&shop, "a.csv", &["--map", "name=sku"]).exits_with(7);
    assert!(hinted(&run).starts_with("leave out --map name=sku"), "{run}");
    shop.file("a.csv", "sku,code,name,price\nA,B,a,1\n");
    assert_eq!(hinted(&import(&shop, "a.csv", &["--map", "code=sku"]).exits_with(7)), "--ignore-columns sku");
}

/// Follows the first hints that are flags, until the import succeeds or the hint is something to do by hand.
fn follow_hints(shop: &Shop, noun: &str, file: &str) -> Vec<String> {
    let mut followed: Vec<String> = Vec::new();
    loop {
        let run = shop.paste(&format!("shopctl {noun} import {file} --dry-run {}", followed.join(" ")));
        let hint = run.stderr.lines().find_map(|line| line.strip_prefix("hint: "));
        let Some(hint) = hint.filter(|hint| run.code != 0 && !hint.contains("shopctl ")) else { return followed };
        for flag in followed.iter().filter_map(|followed| followed.split(' ').next()) {
            assert!(!hint.starts_with("leave ") || !hint.contains(flag), "{file}: {followed:?}, then: {run}");
        }
        if !hint.starts_with("--") {
            return followed;
        }
        let flags = hint.split(" (").next().unwrap_or(hint).split(", ").next().unwrap_or(hint).to_owned();
        assert!(!followed.contains(&flags), "{file}: {flags} does not help: {run}");
        followed.push(flags);
    }
}

#[test]
fn hints_for_a_refused_file_do_not_lead_to_one_another() {
    let shop = shop();
    for (file, content, followed) in [
        ("comma.csv", "sep=,\nsku;name;price\nB-4;x;1\n", &["--delimiter ';'"][..]),
        ("tab.csv", "sep=;\nsku\tname\tprice\nB-4\tx\t1\n", &["--delimiter tab"]),
        ("title.csv", "The shop\n\nsku,name,price\nB-4,x,1\n", &["--skip-lines 2"]),
        ("both.csv", "sep=,\nThe shop\nsku;name;price\nB-4;x;1\n", &["--skip-lines 2"]),
        ("more.csv", "sku,name,price,colour\nB-4,x,1,red\n", &["--ignore-columns colour"]),
        ("two.csv", "sku;name;price,x\nB-4;x;1\n", &[]),
        ("json.csv", "[{\"sku\":\"B-4\",\"name\":\"x\",\"price\":1}]", &["--format json"]),
        ("lines.csv", "{\"sku\":\"B-4\",\"name\":\"x\",\"price\":1}\n", &["--format json", "--format jsonl"]),
    ] {
        shop.file(file, content);
        assert_eq!(follow_hints(&shop, "product", file), followed, "{file}");
    }
}
