//! Rows edited as files: `product edit` and `user edit`, with scripts as editors.

use std::fs;
use std::path::PathBuf;

use crate::on_every_backend;
use crate::support::shop::finish;
use crate::support::terminal::{end, start};
use crate::support::{Backend, Run, Shop};

on_every_backend!(
    an_edited_file_changes_the_product,
    a_product_that_was_changed_meanwhile_is_not_overwritten,
    an_edited_file_changes_the_user,
);

/// A mug whose text has what TOML escapes.
fn mug(shop: &Shop) {
    let text = "two\nlines, \"quoted\" and 'so' \\ on";
    let fields = ["--sku", "MUG", "--name", "Mug", "--price", "12.50", "--stock", "5", "--description", text];
    shop.run(&[&["product", "create"], &fields[..]].concat()).success();
}

/// Edits with this command as the editor, with temporary files in the shop's folder.
fn edit(shop: &Shop, arguments: &[&str], editor: &str) -> Run {
    let mut command = shop.command(arguments);
    command.env("EDITOR", editor).env("TMPDIR", shop.home.path());
    finish(command.spawn().expect("built"), arguments)
}

fn edit_mug(shop: &Shop, editor: &str, flags: &[&str]) -> Run {
    edit(shop, &[&["product", "edit", "mug"], flags].concat(), editor)
}

/// Replaces the value of a field.
fn set(field: &str, value: &str) -> String {
    format!("sed -i 's/^{field} = .*/{field} = {value}/'")
}

/// The files that were left behind.
fn kept(shop: &Shop) -> Vec<PathBuf> {
    let files = fs::read_dir(shop.home.path()).expect("our own").map(|entry| entry.expect("our own").path());
    files.filter(|path| path.extension().is_some_and(|ending| ending == "toml")).collect()
}

/// The text of the only kept file, which the message names.
fn kept_text(shop: &Shop, run: &Run) -> String {
    let files = kept(shop);
    let [file] = files.as_slice() else { panic!("{files:?} are kept after {run}") };
    assert!(run.stderr.contains(&file.display().to_string()), "{run}");
    let text = fs::read_to_string(file).expect("our own");
    fs::remove_file(file).expect("our own");
    text
}

fn an_edited_file_changes_the_product(shop: &Shop) {
    mug(shop);
    let before = shop.everything();
    let run = edit_mug(shop, "true", &[]).success();
    assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("product MUG unchanged\n", ""));
    edit_mug(shop, "sed -i 's/^# A/# B/'", &["--json"]).success();
    edit_mug(shop, "sed -i /^name/d", &[]).success();
    let dry = edit_mug(shop, &set("price", "13"), &["-n", "--exit-code"]).exits_with(9);
    assert_eq!(dry.stdout, "product MUG would be updated\n");
    assert_eq!(shop.everything(), before);
    let run = edit_mug(shop, &set("price", "13.5"), &["--json"]).success().json();
    assert_eq!((&run["before"]["price"], &run["after"]["price"]), (&"12.50".into(), &"13.50".into()), "{run}");
    assert_eq!(run["before"]["description"], run["after"]["description"]);
    edit_mug(shop, "sed -i -e 's/two/three/' -e 's/^sku = .*/sku = \"cup\"/'", &[]).success();
    let cup = shop.run(&["product", "show", "CUP", "--json"]).success().json();
    assert_eq!(cup["description"], "three\nlines, \"quoted\" and 'so' \\ on");
    assert_eq!(kept(shop), [] as [PathBuf; 0]);
    assert_eq!(shop.number("SELECT COUNT(*) FROM audit_events WHERE operation = 'product.update'"), 2);
    shop.assert_invariants();
    shop.run(&["audit", "verify"]).success();
}

fn a_product_that_was_changed_meanwhile_is_not_overwritten(shop: &Shop) {
    mug(shop);
    let meanwhile = |command: &str| {
        shop.file("editor.sh", &format!("shopctl {command} > changed.txt 2>&1 && sed -i s/Mug/Cup/ \"$1\"\n"));
        edit_mug(shop, "sh editor.sh", &[])
    };
    let run = meanwhile("product update MUG --price 20").exits_with(6).says("row.changed");
    assert!(run.stderr.contains("price 12.50 → 20.00"), "{run}");
    assert!(kept_text(shop, &run).contains("name = \"Cup\""));
    assert_eq!(shop.column("SELECT name FROM products"), ["Mug"]);
    // Stock is not shown, and orders may move it.
    meanwhile("stock adjust MUG +1 --reason received").success();
    assert_eq!(shop.column("SELECT name FROM products"), ["Cup"]);
    assert_eq!(shop.column("SELECT stock_quantity FROM products"), ["6"]);
    shop.run(&["audit", "verify"]).success();
}

fn an_edited_file_changes_the_user(shop: &Shop) {
    let (ann, bob) = (shop.user("ann"), shop.user("bob"));
    edit(shop, &["user", "edit", &ann], &set("last_name", "\"Lee\"")).success();
    assert_eq!(shop.column("SELECT last_name FROM users WHERE email = 'ann@example.com'"), ["Lee"]);
    let run = edit(shop, &["user", "edit", &ann], &set("email", &format!("\"{bob}\""))).exits_with(6);
    assert!(run.stderr.contains("user.duplicate"), "{run}");
    assert!(kept_text(shop, &run).contains(&bob));
    shop.run(&["audit", "verify"]).success();
}

#[test]
fn a_text_that_cannot_be_read_is_refused_and_kept() {
    let shop = Shop::migrated(Backend::Sqlite).expect("always there");
    mug(&shop);
    let before = shop.everything();
    for (editor, code, message) in [
        (set("price", "\"x\""), 7, "price x: "),
        (set("price", "true"), 7, "price: must be a text in quotes"),
        (set("price", ""), 7, "not understood as TOML"),
        (set("name", "\"\""), 7, "name"),
        ("sed -i 's/^price/prize/'".to_owned(), 2, "did you mean price?"),
        ("sed -i '1i stock_quantity = 9'".to_owned(), 2, "the fields are sku, name, description, price"),
    ] {
        let run = edit_mug(&shop, &editor, &[]).exits_with(code).says(message);
        assert!(kept_text(&shop, &run).contains("# product MUG"), "{run}");
    }
    edit_mug(&shop, "false", &[]).exits_with(10).says("nothing was changed");
    edit_mug(&shop, "no-such-editor --wait", &[]).exits_with(4).says("cannot run the editor no-such-editor --wait");
    shop.run(&["product", "edit", "MUG"]).exits_with(11).says("EDITOR");
    edit(&shop, &["product", "edit", "HAT"], "true").exits_with(3);
    assert_eq!((shop.everything(), kept(&shop).len()), (before, 0));
}

#[test]
fn on_a_terminal_an_invalid_text_is_edited_again_with_the_reason() {
    let shop = Shop::migrated(Backend::Sqlite).expect("always there");
    mug(&shop);
    let play = |script: &str| {
        shop.file("editor.sh", script);
        let folder = shop.home.path().display().to_string();
        let variables = [("VISUAL", "sh editor.sh"), ("EDITOR", "false"), ("TMPDIR", folder.as_str())];
        end(start(&shop, &["product", "edit", "MUG"], &variables))
    };
    let wrong = "sed -i 's/^price = .*/price = \"x\"/' \"$1\"";
    let corrected = "grep '^#! price x: ' \"$1\" && sed -i 's/^price = .*/price = \"13.00\"/' \"$1\"";
    let (code, shown) = play(&format!("if grep -q '^#!' \"$1\"; then {corrected}; else {wrong}; fi\n"));
    assert_eq!((code, shop.column("SELECT price FROM products WHERE price = 13").len()), (0, 1), "{shown}");
    let (code, shown) = play(&format!("{wrong}\n"));
    assert_eq!((code, kept(&shop).len()), (7, 1), "{shown}");
    let restored = "sed -i 's/^price = .*/price = \"13.00\"/' \"$1\"";
    let (code, shown) = play(&format!("if grep -q '^#!' \"$1\"; then {restored}; else {wrong}; fi\n"));
    assert_eq!((code, shown.contains("product MUG unchanged")), (0, true), "{shown}");
}
