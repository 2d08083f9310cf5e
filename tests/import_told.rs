//! What an import says of a file: which record is wrong, what was read in another way than it stands
//! there, and what to do.

use std::fs;

use crate::on_every_backend;
use crate::support::{Backend, Run, Shop};

on_every_backend!(an_interrupted_import_of_one_long_line_goes_on_where_it_was);

fn shop() -> Shop {
    Shop::migrated(Backend::Sqlite).expect("always there")
}

fn import(shop: &Shop, file: &str, flags: &[&str]) -> Run {
    shop.run(&[&["product", "import", file], flags].concat())
}

#[test]
fn records_of_one_line_of_json_are_told_apart() {
    let shop = shop();
    let record = |number: usize| {
        let price = if number == 3 { "x" } else { "1.00" };
        format!("{{\"sku\":\"A-{number}\",\"name\":\"a\",\"price\":\"{price}\"}}")
    };
    let records: Vec<String> = (1..=4).map(record).collect();
    shop.file("a.json", &format!("[{}]", records.join(",")));
    let flags = ["--on-error", "reject-rows", "--errors", "wrong.csv"];
    import(&shop, "a.json", &flags).exits_with(8).says("\n  record 3: price x: ");
    let wrong = fs::read_to_string(shop.path("wrong.csv")).expect("written");
    assert!(wrong.starts_with("line,column,value,reason,record\n1,price,x,") && wrong.ends_with(",3\n"), "{wrong}");
    let run = import(&shop, "a.json", &["--json"]).exits_with(7);
    let error: serde_json::Value = serde_json::from_str(&run.stderr).expect("JSON");
    let rejection = &error["error"]["details"]["rejections"][0];
    assert_eq!(
        (&rejection["line"], &rejection["record"], &rejection["column"]),
        (&1.into(), &3.into(), &"price".into())
    );
    // Where lines differ they are told as well; where each line is a record there is nothing else to tell.
    shop.file("b.json", &format!("[\n{}\n]", records.join(",\n")));
    import(&shop, "b.json", &[]).exits_with(7).says("\n  record 3, line 4: price x: ");
    shop.file("c.jsonl", &records.join("\n"));
    import(&shop, "c.jsonl", &["--errors", "wrong.csv"]).exits_with(7).says("\n  line 3: price x: ");
    assert!(fs::read_to_string(shop.path("wrong.csv")).expect("written").starts_with("line,column,value,reason\n3,"));
    shop.file("d.json", &format!("[{},{{\"sku\":\"B\" \"name\":1}}]", records[0]));
    import(&shop, "d.json", &[]).exits_with(7).says("line 1: the file is not JSON").says("(record 2)");
    shop.file("e.json", &format!("[{0},{1},{0}]", records[0], records[1]));
    import(&shop, "e.json", &[])
        .exits_with(7)
        .says("record 3: A-1: the same product was in the file before, in record 1");
}

fn an_interrupted_import_of_one_long_line_goes_on_where_it_was(shop: &Shop) {
    let record = |number: usize| format!("{{\"sku\":\"A-{number}\",\"name\":\"Name {number}\",\"price\":1}}");
    shop.file("a.json", &format!("[{}]", (1..=30).map(record).collect::<Vec<_>>().join(",")));
    import(shop, "a.json", &["--batch", "10"]).success();
    // As if the last transaction had not come about.
    shop.sql("DELETE FROM products WHERE name IN ('Name 25', 'Name 3')");
    shop.sql("DELETE FROM audit_events WHERE idempotency_key LIKE 'import:%:000000000001.000000000030'");
    let run = import(shop, "a.json", &["--resume"]).success().says("going on after record 20");
    assert!(run.stdout.contains("10 products imported: 1 created, 0 updated, 9 unchanged"), "{run}");
}

#[test]
fn ascii_is_ascii_and_not_what_browsers_make_of_it() {
    let shop = shop();
    for name in ["ascii", "US-ASCII", "ANSI_X3.4-1968"] {
        fs::write(shop.path("a.csv"), b"sku,name,price\nA,a,1\nB,caf\xe9,1\n").expect("our own file");
        import(&shop, "a.csv", &["--encoding", name]).exits_with(7).says("line 3: the text is not US-ASCII");
        shop.file("a.csv", "sku,name,price\nA,café,1\n");
        import(&shop, "a.csv", &["--encoding", name]).exits_with(7).says("line 2: the text is not US-ASCII");
        shop.file("a.csv", "\u{feff}sku,name,price\nA,a,1\n");
        import(&shop, "a.csv", &["--encoding", name]).exits_with(7).says("begins with the mark of UTF-8");
    }
    assert_eq!(shop.number("SELECT COUNT(*) FROM products"), 0);
    shop.file("a.csv", "sku,name,price\nA,a,1\n");
    import(&shop, "a.csv", &["--encoding", "ascii"]).success();
    // What people call these is Windows-1252.
    for (sku, name) in [("L1", "latin1"), ("L2", "ISO-8859-1"), ("L3", "windows-1252")] {
        let bytes = [b"sku,name,price\n", sku.as_bytes(), b",\x80,1\n"].concat();
        fs::write(shop.path("a.csv"), bytes).expect("our own file");
        import(&shop, "a.csv", &["--encoding", name]).success();
        assert_eq!(shop.column(&format!("SELECT name FROM products WHERE sku = '{sku}'")), ["€"]);
    }
    for name in ["x-user-defined", "utf-7", "iso-2022-kr", "ansi"] {
        import(&shop, "a.csv", &["--encoding", name]).exits_with(2).says("is none of utf-8, ascii,");
    }
    let wide: Vec<u8> = "sku,name,price\nW,w,1\n".encode_utf16().flat_map(u16::to_be_bytes).collect();
    fs::write(shop.path("a.csv"), wide).expect("our own file");
    for name in ["utf-16", "utf-16le"] {
        import(&shop, "a.csv", &["--encoding", name]).exits_with(7).says("--encoding utf-16be");
    }
    fs::write(shop.path("a.csv"), b"\xff\xfe\0\0s\0\0\0").expect("our own file");
    import(&shop, "a.csv", &[]).exits_with(7).says("the file is UTF-32");
}
