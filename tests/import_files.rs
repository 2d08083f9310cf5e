//! Files written by other programs: each record is accounted for, or the whole file is rejected.

use std::fs;

use crate::on_every_backend;
use crate::support::terminal::{end, start_script};
use crate::support::{Backend, Run, Shop};

on_every_backend!(
    an_unclosed_quote_rejects_the_file,
    a_file_of_another_shop_needs_no_editing,
    other_encodings_are_decoded_correctly,
);

fn shop() -> Shop {
    Shop::migrated(Backend::Sqlite).expect("always there")
}

fn import(shop: &Shop, file: &str, flags: &[&str]) -> Run {
    shop.run(&[&["product", "import", file], flags].concat())
}

#[test]
fn a_missing_file_is_not_reported_as_a_wrong_format() {
    let shop = shop();
    fs::create_dir(shop.path("folder")).expect("ours");
    fs::create_dir(shop.path("folder.xlsx")).expect("ours");
    for absent in ["b.xlsx", "b.csv", "b.csv.gz", "b.unknown", "b"] {
        import(&shop, absent, &[]).exits_with(4).says(&format!("cannot read {absent}: no such file"));
    }
    for folder in ["folder", "folder.xlsx", "folder/"] {
        import(&shop, folder, &[]).exits_with(4).says("is a folder");
        import(&shop, folder, &["--format", "csv"]).exits_with(4).says("is a folder");
    }
    shop.file("b.xlsx", "PK");
    import(&shop, "b.xlsx", &[]).exits_with(2).says("is a spreadsheet workbook");
    shop.run_with_input(&["product", "import", "-"], "").exits_with(2).says("the format of the file is unknown");
}

#[test]
fn a_decimal_comma_in_a_comma_separated_file_is_reported() {
    let shop = shop();
    let says = |text: &str| {
        shop.file("products.csv", text);
        import(&shop, "products.csv", &[]).exits_with(7).stderr
    };
    for row in ["A,Mug,1,00", "A,Mug,€ 12,50", "A,Mug,-3,99"] {
        let told = says(&format!("sku,name,price\n{row}\n"));
        assert!(told.contains("has 4 fields, the header has 3; quote amounts with a decimal comma"), "{told}");
    }
    assert!(says("sku,name,price,stock_quantity\nA,Mug,1,00,5\n").contains("decimal comma"));
    for other in ["sku,name,price\nA,Mug, blue,1\n", "sku,name,price\nA,1,00,2\n", "sku;name;price\nA;Mug;1;00\n"] {
        assert!(!says(other).contains("decimal comma"), "{other}");
    }
    // Both hints work.
    for fine in ["sku,name,price\nA,Mug,\"1,00\"\n", "sku;name;price\nB;Mug;1,00\n"] {
        shop.file("products.csv", fine);
        import(&shop, "products.csv", &["--decimal-comma"]).success();
    }
}

/// After a quote that RFC 4180 does not allow nobody can tell where a record ends.
fn an_unclosed_quote_rejects_the_file(shop: &Shop) {
    shop.product("OLD", "1.00", 1);
    let before = shop.everything();
    let rows: String = (0..300).map(|number| format!("B-{number},row,1,\n")).collect();
    for (body, said) in [
        (format!("A,x,1,\"never closed\n{rows}"), "line 2: the quote that opens here"),
        (format!("{rows}A,\"broken,1,\n{rows}"), "line 302: the quote that opens here"),
        // Closed by accident in a later line.
        ("A,x,1,\"starts 5\nB,y,2,ok\nC,z,3,\"second quoted\"\nD,v,4,ok\n".to_owned(), "line 4: there is text after"),
        ("A,x,1,\"one\" two\n".to_owned(), "line 2: there is text after the closing quote"),
        ("A,x,1, \"blank before\"\n".to_owned(), "line 2: there is a quote in a field"),
        ("A,Screen 24\",1,\nB,y,2,\n".to_owned(), "line 2: there is a quote in a field"),
        ("A,x,1,\"two\nlines\"\nB,Screen 24\",2,\n".to_owned(), "line 4: there is a quote in a field"),
        ("A,x,1,\nB,y\rz,2,\n".to_owned(), "line 3: there is a carriage return within a line"),
    ] {
        for file in [format!("sku,name,price,description\n{body}"), format!("sku,name,price,description\r\n{body}")] {
            shop.file("products.csv", &file);
            for flags in [&[][..], &["--on-error", "reject-rows"], &["--on-conflict", "skip", "--batch", "1"]] {
                import(shop, "products.csv", flags).exits_with(7).says(said);
            }
        }
    }
    shop.file("products.csv", "sku,\"name,price\nA,x,1\n");
    import(shop, "products.csv", &[]).exits_with(7).says("line 1: the quote that opens here");
    assert_eq!(shop.everything(), before);
    // Input that the standard allows is read accordingly.
    shop.file(
        "products.csv",
        "\u{feff}\"sku\",name,price,description\r\nA,\"a \"\"quote\"\"\",1,\"two\r\nlines; \"\"\"\r\n\r\n,,,\nB,\"\",2,\nC,c,3,",
    );
    let run =
        import(shop, "products.csv", &["--on-error", "reject-rows"]).exits_with(8).says("line 6: name: is missing");
    assert!(run.stdout.contains("2 created, 0 updated, 0 unchanged, 1 rejected"), "{run}");
    assert_eq!(shop.column("SELECT name FROM products ORDER BY sku"), ["a \"quote\"", "c", "OLD"]);
    assert_eq!(shop.column("SELECT description FROM products WHERE sku = 'A'"), ["two\nlines; \""]);
}

fn a_file_of_another_shop_needs_no_editing(shop: &Shop) {
    for (name, content) in [
        ("caps.csv", "SKU, Name ,PRICE,Stock Quantity\nA-1,x,1,2\n"),
        ("ghost.csv", "sku,name,price,stock-quantity,,\nA-1,x,1,2,,\nA-1x,y,1,2\n"),
        ("blank.csv", "\n,,\nsku,name,price\n\n ,,\nA-1,x,1\n,,\n\"\",\"\",\"\"\n,,,,,\n"),
        ("sep.csv", "sep=;\r\nsku;name;price\r\nA-1;x;1\r\n"),
        ("semicolon.csv", "sku;name;price\nA-1;x;1\n"),
        ("pipe.txt", "sku|name|price\nA-1|x|1\n"),
        ("tab.csv", "sku\tname\tprice\nA-1\tx\t1\n"),
        ("tab.tsv", "sku\tname\tprice\nA-1\tx\t1\n"),
        ("mac.tab", "sku\tname\tprice\rA-1\tx\t1\r"),
        ("exported.csv", "id,sku,name,price,created_at,updated_at\n7,A-1,x,1,,\n"),
    ] {
        shop.file(name, content);
        let run = import(shop, name, &["--json"]).success();
        assert_eq!(run.json()["rejected"], 0, "{name}: {run}");
    }
    assert_eq!(shop.column("SELECT name FROM products ORDER BY sku"), ["x", "y"]);
    assert!(import(shop, "semicolon.csv", &[]).success().stderr.contains("fields are separated by ;"));
    // Fields beyond the named columns are not dropped.
    shop.file("beyond.csv", "sku,name,price,,\nB,x,1,,\nC,x,1,,y\nD,x,1,,,,z\n");
    let run = import(shop, "beyond.csv", &["--on-error", "reject-rows"])
        .exits_with(8)
        .says("line 3: y: column 5 has no name");
    assert!(run.stderr.contains("line 4: has 7 fields"), "{run}");
    shop.file("shopify.csv", "Handle,Title,Vendor,Variant SKU,Variant Price\nmug,Mug,Acme,S-1,12.50\n");
    let flags = ["--map", "title=name", "--map", "Variant SKU=sku", "--map", "Variant Price=price"];
    import(shop, "shopify.csv", &flags).exits_with(7).says("unknown columns Handle, Vendor; the columns are sku,");
    import(shop, "shopify.csv", &[&flags[..], &["--ignore-columns", "Vendor, handle"]].concat()).success();
    let run = import(shop, "shopify.csv", &[&flags[..], &["--only-mapped"]].concat()).success();
    assert!(run.stdout.contains("1 unchanged") && run.stderr.contains("ignored: Handle, Vendor"), "{run}");
}

fn other_encodings_are_decoded_correctly(shop: &Shop) {
    let write = |name: &str, bytes: &[u8]| fs::write(shop.path(name), bytes).expect("our own folder");
    let name = |sku: &str| shop.column(&format!("SELECT name FROM products WHERE sku = '{sku}'")).concat();
    write("windows.csv", b"sku,name,price\nW,Caf\xe9 \x80 5 \x96 \x93Grand\x94,1\n");
    let run =
        import(shop, "windows.csv", &[]).exits_with(7).says("line 2: name: is not UTF-8 (use --encoding windows-1252");
    assert!(!run.stderr.contains('\u{fffd}'), "{run}");
    import(shop, "windows.csv", &["--encoding", "windows-1252"]).success();
    assert_eq!(name("W"), "Café € 5 – “Grand”");
    import(shop, "windows.csv", &["--encoding", "Latin1"]).success();
    for (sku, bytes) in [("L", u16::to_le_bytes as fn(u16) -> [u8; 2]), ("B", u16::to_be_bytes)] {
        let wide = |text: String| text.encode_utf16().flat_map(bytes).collect::<Vec<u8>>();
        let body = format!("sku\tname\tprice\r\n{sku}\tGröße “Ω” 😀\t1\r\n");
        write("wide.txt", &wide(format!("\u{feff}{body}")));
        import(shop, "wide.txt", &[]).success();
        assert_eq!(name(sku), "Größe “Ω” 😀");
        import(shop, "wide.txt", &["--encoding", "utf-16"]).success();
        import(shop, "wide.txt", &["--encoding", "windows-1252"])
            .exits_with(7)
            .says("begins with the byte order mark of UTF-16");
        write("bare.txt", &wide(body));
        let hint = if sku == "L" { "--encoding utf-16le" } else { "--encoding utf-16be" };
        import(shop, "bare.txt", &[]).exits_with(7).says(hint);
        import(shop, "bare.txt", &hint.split(' ').collect::<Vec<_>>()).success();
        write("wide.json", &wide(format!("\u{feff}[{{\"sku\":\"{sku}-2\",\"name\":\"Ω\",\"price\":\"1\"}}]")));
        import(shop, "wide.json", &[]).success();
        assert_eq!(name(&format!("{sku}-2")), "Ω");
    }
    let before = shop.everything();
    // Half a character, and an unpaired UTF-16 surrogate.
    write("half.csv", b"sku,name,price\nJ,ok,1\nK,\x83\n");
    import(shop, "half.csv", &["--encoding", "shift_jis"]).exits_with(7).says("line 3: the text is not Shift_JIS");
    write("half.csv", b"\xff\xfes\0k\0u\0,\0n\0a\0m\0e\0,\0p\0r\0i\0c\0e\0\n\0A\0,\0\x00\xd8,\x001\0\n\0");
    import(shop, "half.csv", &["--on-error", "reject-rows"]).exits_with(7).says("line 2: the text is not UTF-16LE");
    assert_eq!(shop.everything(), before);
    // In UTF-8 the record boundaries are known despite invalid bytes.
    write("mixed.csv", b"sku,name,price\nM,m\xff,1\nN,n,1\n\xc3,\xa9,1\n");
    let run = import(shop, "mixed.csv", &["--on-error", "reject-rows"]).exits_with(8);
    assert!(run.stdout.contains("1 created, 0 updated, 0 unchanged, 2 rejected"), "{run}");
    import(shop, "mixed.csv", &["--encoding", "klingon"]).exits_with(7).says("windows-1250");
}

/// The flags of a hint, as a shell reads them.
fn pasted(run: &Run) -> Vec<String> {
    let hint = run.stderr.lines().find_map(|line| line.strip_prefix("hint: ")).unwrap_or_else(|| panic!("{run}"));
    let printed =
        std::process::Command::new("sh").args(["-c", &format!("printf '%s\\n' {hint}")]).output().expect("sh");
    String::from_utf8(printed.stdout).expect("UTF-8").lines().map(str::to_owned).collect()
}

#[test]
fn the_flags_of_a_hint_import_the_file_unedited() {
    let shop = shop();
    for (name, content, flags) in [
        ("a.csv", "Variant SKU,Title,Name,Variant Price,\"Tags, all\",Vendor's\nA,t,n,1,x,y\n", &[][..]),
        ("b.csv", "sku,nmae,price\nA,x,1\n", &[]),
        ("c.csv", "sku;name;price\nA;x;1\n", &["--delimiter", ","]),
        ("d.csv", "SKU,sku,name,price\nB,A,x,1\n", &[]),
        ("e.csv", "sku,name,price,Preis\nA,x,1,2\n", &["--map", "Preis=price"]),
        ("f.csv", "Artikel Nr,SKU Code,name,price\nA,b,x,1\n", &["--map", "ArtikelNr=sku", "--map", "Name=name"]),
        ("g.csv", "Product Name,the sku,price,a,b,c,d,e,f,g,h,i\nx,A,1,,,,,,,,,\n", &[]),
        (
            "h.json",
            "[{\"sku\":\"A\",\"name\":\"x\",\"price\":1},{\"sku\":\"A2\",\"vendor\":1,\"tags\":[1],\"meta\":{\"x y\":1},\"name\":\"x\",\"price\":1}]",
            &[],
        ),
        ("i.jsonl", "{\"sku\":\"A\",\"Names\":\"x\",\"price\":1}\n", &[]),
        ("j.csv", "Title,Variant SKU,Price\nx,A,1\n", &["--only-mapped", "--map", "Title=name"]),
    ] {
        shop.file(name, content);
        let hint = pasted(&import(&shop, name, flags).exits_with(7));
        let hint: Vec<&str> = hint.iter().map(String::as_str).collect();
        // This flag replaces the given one.
        let flags = if hint[0] == "--delimiter" { &[] } else { flags };
        import(&shop, name, &[&hint[..], flags].concat()).success();
    }
    assert_eq!(shop.column("SELECT sku FROM products ORDER BY sku"), ["A", "A2", "B"]);
}

#[test]
fn flags_that_name_no_column_stop_the_import() {
    let shop = shop();
    shop.file("a.csv", "sku,name,price,Title\nA,x,1,t\n");
    shop.file("a.jsonl", "{\"sku\":\"A\",\"name\":\"x\",\"price\":1}\n");
    for (flags, code, said) in [
        (&["--map", "Artikel=sku"][..], 7, "the file has no column Artikel"),
        (&["--map", "Title=nam"], 2, "--map Title=name"),
        (&["--map", "Title=id"], 2, "id is not imported"),
        (&["--map", "Title=name"], 7, "both name"),
        (&["--map", "Title=name", "--map", "X=name"], 2, "makes name of both"),
        (&["--map", "Title=name", "--map", "Title=sku"], 2, "names Title twice"),
        (&["--map", "Title=name", "--ignore-columns", "Title"], 2, "is in both"),
        (&["--ignore-columns", "Title,price"], 7, "the file has no price"),
        (&["--map", "foo=sku"], 7, "leave out --map foo=sku: the file already has a column of that name"),
        (&["--map", "Titel=name"], 7, "--map Title=name"),
        (&["--ignore-columns", "nope,Title"], 7, "--ignore-columns: the file has no column nope; its columns are"),
        (&["--ignore-columns", "Titel"], 7, "hint: --ignore-columns Title"),
        (&["--ignore-columns", "Name,Title"], 7, "the file has no column Name"),
        (&["--map", "Title"], 7, "THEIRS=OURS"),
        (&["--delimiter", "\n"], 7, "one character"),
    ] {
        import(&shop, "a.csv", flags).exits_with(code).says(said);
    }
    import(&shop, "a.jsonl", &["--map", "Titel=name", "--only-mapped"])
        .exits_with(7)
        .says("the file has no column Titel");
    import(&shop, "a.jsonl", &["--ignore-columns", "vendor"]).exits_with(7).says("the file has no column vendor");
    assert_eq!(shop.number("SELECT COUNT(*) FROM products"), 0);
    // With --only-mapped a mapped column takes precedence over a column of the same name.
    import(&shop, "a.csv", &["--only-mapped", "--map", "Title=name"]).success();
    assert_eq!(shop.column("SELECT name FROM products"), ["t"]);
}

#[test]
fn json_of_other_programs_is_read_or_rejected_as_a_whole() {
    let shop = shop();
    let before = shop.everything();
    for (content, said) in [
        (
            "[{\"sku\":\"A\",\"name\":\"x\",\"price\":1},{\"sku\":\"B\",\"name\":\"y}, {\"sku\":\"C\"}]",
            "line 1: the file",
        ),
        ("[\n{\"sku\":\"A\",\"name\":\"x\",\"price\":1}\n{\"sku\":\"B\"}]", "line 3: the file is not JSON"),
        ("{\"a\":[{\"sku\":\"A\",\"name\":\"x\",\"price\":1}],\"b\":[1]}", "second list, b"),
        ("{\"sku\":\"A\",\"name\":\"x\",\"price\":1,\"images\":[{\"sku\":\"B\"}]}", "is a single record"),
        ("{\"sku\":\"A\",\"name\":\"x\",\"price\":1}\n{\"sku\":\"B\"}", "--format jsonl"),
        ("[{\"sku\":\"A\",\"name\":\"x\",\"price\":12.500000000000000001}]", "price 12.500000000000000001"),
        ("[{\"sku\":\"A\",\"name\":\"\\ud800\",\"price\":1}]", "name: has an invalid escape sequence"),
        ("[{\"sku\":\"A\",\"name\":[\"x\"],\"price\":1}]", "name: is not a text or number"),
    ] {
        shop.file("a.json", content);
        let run = import(&shop, "a.json", &["--on-error", "reject-rows"]).exits_with(7).says(said);
        assert!(!run.stderr.contains("column 1") && !run.stderr.contains("EOF"), "{run}");
    }
    assert_eq!(shop.everything(), before);
    shop.file("a.jsonl", "{\"sku\":\"A\",\"name\":\"x\",\"price\":1.10}\n{\"sku\":\"B\"\n[1]\n{\"sku\":\"C\",\"name\":\"z\",\"price\":2,}\n");
    let run = import(&shop, "a.jsonl", &["--on-error", "reject-rows"]).exits_with(8);
    for said in [
        "line 2: is not JSON: it ends",
        "line 3: is not an object",
        "line 4: is not JSON: there is an error at the end of ",
    ] {
        assert!(run.stderr.contains(said), "{said} in {run}");
    }
    shop.file(
        "b.json",
        "{\"errors\": [], \"page\": {\"next\": null}, \"products\": [{\"sku\": \"D\", \"title\": \"x\",\n\
         \"pricing\": {\"price\": 3.50, \"vat\": 19}, \"tags\": [\"a\"]}]}",
    );
    let flags = ["--map", "title=name", "--map", "pricing.price=price", "--ignore-columns", "pricing.vat,tags"];
    import(&shop, "b.json", &flags).success();
    import(&shop, "b.json", &flags[..4]).exits_with(7).says("unknown columns pricing.vat, tags");
    assert_eq!(shop.column("SELECT sku FROM products WHERE price > 3"), ["D"]);
    shop.user("ann");
    shop.file(
        "o.json",
        "[{\"number\":\"K7Q2M-9XD40\",\"customer\":{\"email\":\"ann@example.com\",\"vip\":true},\"line_items\":[{\"SKU\":\"D\",\"qty\":1}]}]",
    );
    let maps = ["number=reference", "customer.email=user", "line_items=items", "line_items.qty=quantity"];
    let maps: Vec<&str> = maps.iter().flat_map(|map| ["--map", map]).collect();
    let arguments = [&["order", "import", "o.json", "--stock", "skip"][..], &maps].concat();
    shop.run(&arguments).exits_with(7).says("unknown column customer.vip");
    shop.run(&[&arguments[..], &["--ignore-columns", "customer.vip"]].concat()).success();
}

#[test]
fn random_bytes_are_not_taken_for_a_text_in_another_encoding() {
    let shop = shop();
    let mut state = 0x9e37_79b9_u32;
    let bytes = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    });
    let bytes: Vec<u8> = bytes.take(3_000).collect();
    fs::write(shop.path("a.csv"), bytes).expect("our own folder");
    let run = import(&shop, "a.csv", &[]).exits_with(7).says("the file is not text");
    assert!(!run.stderr.contains("encoding"), "{run}");
}

#[test]
fn a_binary_file_is_reported_by_its_format() {
    let shop = shop();
    for (bytes, said) in [
        (&b"PK\x03\x04\x14\0\x06\0"[..], "an Excel workbook"),
        (b"\x1f\x8b\x08\0\0\0", "compressed with gzip"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an Excel workbook"),
        (b"\n<!doctype html><html>", "an HTML page"),
        (b"[{\"sku\":1}]", "the file is JSON, not CSV"),
    ] {
        fs::write(shop.path("a.csv"), bytes).expect("our own folder");
        import(&shop, "a.csv", &[]).exits_with(7).says(said);
    }
    for (name, said) in
        [("a.xlsx", "spreadsheet"), ("a.csv.gz", "gunzip -c a.csv.gz | shopctl product import - --format csv")]
    {
        fs::write(shop.path(name), b"x").expect("our own folder");
        import(&shop, name, &[]).exits_with(2).says(said);
    }
    assert_eq!(shop.number("SELECT COUNT(*) FROM products"), 0);
}

#[test]
fn a_mapped_path_is_read_although_its_parent_is_ignored() {
    let shop = shop();
    shop.product("D", "1.00", 9);
    shop.user("ann");
    let order = |number: u32| {
        format!(
            "{{\"number\":\"A-{number}\",\"customer\":{{\"vip\":true,\"email\":\"ann@example.com\",\"more\":{{\"x\":1}}}},\
             \"line_items\":[{{\"product\":{{\"code\":\"D\",\"id\":7}},\"quantity\":1}}]}}\n"
        )
    };
    let maps = ["number=reference", "customer.email=user", "line_items=items", "line_items.product.code=sku"];
    let maps: Vec<&str> = maps.iter().flat_map(|map| ["--map", map]).collect();
    for (number, flags) in [
        (1, &["--only-mapped"][..]),
        (2, &["--ignore-columns", "customer,line_items.product"]),
        (3, &["--only-mapped", "--ignore-columns", "customer"]),
    ] {
        shop.file("a.jsonl", &order(number));
        shop.run(&[&["order", "import", "a.jsonl"], &maps[..], flags].concat()).success();
    }
    assert_eq!(shop.number("SELECT COUNT(*) FROM order_items"), 3);
    // The parent has a known name itself, and null at the end of the path is empty.
    let import = |noun: &str, content: &str, flags: &[&str]| {
        shop.file("b.jsonl", content);
        shop.run(&[&[noun, "import", "b.jsonl"], flags].concat())
    };
    let users = "{\"c\":{\"email\":\"bo@example.com\",\"x\":1},\"first_name\":\"Bo\",\"last_name\":\"B\"}\n";
    import("user", users, &["--map", "c.email=email", "--only-mapped"]).success();
    let products = "{\"sku\":\"E\",\"name\":{\"en\":\"Egg\"},\"price\":1,\"meta\":{\"text\":\"t\"}}\n\
                    {\"sku\":\"F\",\"name\":{\"en\":\"Fig\"},\"price\":1,\"meta\":null}\n";
    for flags in [&[][..], &["--only-mapped"]] {
        let maps = ["--map", "name.en=name", "--map", "meta.text=description"];
        import("product", products, &[&maps, flags].concat()).success();
    }
    assert_eq!(
        shop.column("SELECT CONCAT(name, COALESCE(description, '-')) FROM products WHERE sku > 'D' ORDER BY sku"),
        ["Eggt", "Fig-"]
    );
    import("product", products, &["--map", "name.de=name", "--only-mapped"]).exits_with(7).says("no column name.de");
}

#[test]
#[cfg(unix)]
fn the_errors_file_is_never_the_input_file() {
    let shop = shop();
    let content = "sku,name,price\nA,a,1\nB,b,x\n";
    shop.file("a.csv", content);
    std::os::unix::fs::symlink(shop.path("a.csv"), shop.path("link.csv")).expect("our own folder");
    fs::hard_link(shop.path("a.csv"), shop.path("hard.csv")).expect("our own folder");
    for (file, errors) in
        [("a.csv", "a.csv"), ("a.csv", "./a.csv"), ("a.csv", "link.csv"), ("link.csv", "a.csv"), ("a.csv", "hard.csv")]
    {
        import(&shop, file, &["--errors", errors]).exits_with(2).says("is the file that is read");
    }
    let stdin = fs::File::open(shop.path("a.csv")).expect("written");
    let arguments = ["product", "import", "-", "--format", "csv", "--errors", "a.csv"];
    let output = shop.command(&arguments).stdin(stdin).output().expect("the binary was built");
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert_eq!(fs::read_to_string(shop.path("a.csv")).expect("there"), content);
    import(&shop, "a.csv", &["--errors", "b.csv"]).exits_with(7);
}

/// Between the check and the writing, while a person is asked.
#[test]
#[cfg(unix)]
fn a_file_that_changes_during_the_import_is_rejected() {
    let shop = shop();
    shop.user("ann");
    shop.product("MUG", "2.00", 9);
    shop.file("shopctl.toml", &format!("[context.live]\ndatabase_url = \"{}\"\nprotected = true\n", shop.url));
    let files = [
        ("product", "sku,name,price", "A#,Ant,1.00", "products"),
        ("user", "email,first_name,last_name", "a#@example.com,A,B", "users"),
        ("order", "reference,user,sku,quantity", "r-#,ann@example.com,MUG,1", "orders"),
    ];
    for (noun, header, row, table) in files {
        let count = || shop.number(&format!("SELECT COUNT(*) FROM {table}"));
        let row = |number: usize| row.replace('#', &number.to_string()) + "\n";
        let [one, other] = [format!("{header}\n{}{}", row(1), row(2)), format!("{header}\n{}{}", row(1), row(3))];
        let grown = format!("{one}{}", row(3));
        let before = count();
        for (later, flags) in [(&grown, ""), (&format!("{header}\n{}", row(1)), ""), (&other, "--resume")] {
            shop.file("a.csv", &one);
            let script = format!("unset DATABASE_URL; exec shopctl {noun} import a.csv --context live {flags}");
            let mut session = start_script(&shop, &script);
            session.exp_string("to confirm").expect("it asks");
            // The same file with different content.
            fs::write(shop.path("a.csv"), later).expect("ours");
            session.send("shop\r").and_then(|_| session.flush()).expect("it listens");
            let (code, shown) = end(session);
            assert!(code == 4 && shown.contains("a.csv changed while it was being read"), "{noun}: {code}: {shown}");
            assert_eq!(count(), before, "{noun}: {shown}");
        }
        // A different file of that name is not the input.
        shop.file("a.csv", &one);
        shop.file("b.csv", &grown);
        let script = format!("unset DATABASE_URL; exec shopctl {noun} import a.csv --context live");
        let mut session = start_script(&shop, &script);
        session.exp_string("to confirm").expect("it asks");
        fs::rename(shop.path("b.csv"), shop.path("a.csv")).expect("ours");
        session.send("shop\r").and_then(|_| session.flush()).expect("it listens");
        let (code, shown) = end(session);
        assert_eq!((code, count()), (0, before + 2), "{noun}: {shown}");
    }
}

#[test]
#[cfg(unix)]
fn a_pipe_is_imported_like_a_file() {
    let shop = shop();
    let binary = env!("CARGO_BIN_EXE_shopctl");
    let row = |sku: &str| format!("printf 'sku,name,price\\n{sku},x,1\\n'");
    for script in [
        format!("{binary} product import <({}) --format csv", row("A")),
        format!("{} | {binary} product import /dev/stdin --format csv", row("B")),
        format!("mkfifo pipe.csv; {} >pipe.csv & {binary} product import pipe.csv", row("C")),
        format!("{binary} product import /dev/fd/7 --format csv 7< <({})", row("D")),
        format!("({}; echo E,x,1) >e.csv; {binary} product import /dev/stdin --format csv <e.csv", row("F")),
    ] {
        let environment = shop.command(&[]);
        let mut bash = std::process::Command::new("bash");
        bash.args(["-c", &script]).current_dir(shop.path(""));
        bash.env_clear().envs(environment.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let output = bash.output().expect("bash");
        assert!(output.status.success(), "{script}: {output:?}");
    }
    assert_eq!(shop.column("SELECT sku FROM products ORDER BY sku"), ["A", "B", "C", "D", "E", "F"]);
    // Waiting for a pipe without a writer is limited.
    let made = std::process::Command::new("mkfifo").arg(shop.path("silent.csv")).status().expect("mkfifo");
    assert!(made.success());
    import(&shop, "silent.csv", &[]).exits_with(5).says("nothing writes into the pipe");
}
