//! Rows edited as files: `product edit` and `user edit`, with scripts as editors.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::on_every_backend;
use crate::support::shop::finish;
use crate::support::terminal::{answer, end, start};
use crate::support::{Backend, Run, Shop};

on_every_backend!(
    an_edited_file_changes_the_product,
    a_product_that_was_changed_meanwhile_is_not_overwritten,
    an_edited_file_changes_the_user,
    a_text_that_is_not_utf_8_is_refused_with_its_line_and_kept,
);

/// How long to wait for an editor.
const LIMIT: Duration = Duration::from_secs(20);

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

fn a_text_that_is_not_utf_8_is_refused_with_its_line_and_kept(shop: &Shop) {
    mug(shop);
    let ann = shop.user("ann");
    let order = shop.run(&["order", "create", "--user", &ann, "--item", "MUG", "-o", "id"]).success();
    let before = shop.everything();
    let latin = "sh -c 'printf \"# one\\n# caf\\351 au lait\\n\" > $0'";
    for noun in [["product", "edit", "MUG"], ["user", "edit", &ann], ["order", "edit", order.stdout.trim()]] {
        let run = edit(shop, &noun, latin).exits_with(7).says("line 2, column 6: not UTF-8 text");
        let files = kept(shop);
        let [file] = files.as_slice() else { panic!("{files:?} are kept after {run}") };
        assert!(run.stderr.contains(&format!("the edited text is kept in {}", file.display())), "{run}");
        assert_eq!(fs::read(file).expect("our own"), b"# one\n# caf\xe9 au lait\n");
        fs::remove_file(file).expect("our own");
    }
    let utf_16 = "sh -c 'printf \"\\377\\376s\\0\" > $0'";
    edit_mug(shop, utf_16, &[]).exits_with(7).says("line 1, column 1: not UTF-8 text");
    assert_eq!(shop.everything(), before);
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
    let run = edit_mug(&shop, "sh -c 'echo half > $0; exit 1'", &[]).exits_with(10).says("the editor failed");
    assert_eq!(kept_text(&shop, &run), "half\n");
    edit_mug(&shop, "rm", &[]).exits_with(4);
    edit_mug(&shop, "no-such-editor --wait", &[]).exits_with(4).says("cannot run the editor no-such-editor --wait");
    shop.run(&["product", "edit", "MUG"]).exits_with(11).says("EDITOR");
    edit(&shop, &["product", "edit", "HAT"], "true").exits_with(3);
    assert_eq!((shop.everything(), kept(&shop).len()), (before, 0));
}

#[test]
fn without_a_terminal_an_invalid_text_is_opened_once() {
    let shop = Shop::migrated(Backend::Sqlite).expect("always there");
    mug(&shop);
    shop.file("editor.sh", "echo >> opened; echo \"price = $(wc -l < opened)x\" > \"$1\"\n");
    let run = edit_mug(&shop, "sh editor.sh", &[]).exits_with(7).says("not understood as TOML");
    assert_eq!(kept_text(&shop, &run), "price = 1x\n");
    assert_eq!(fs::read_to_string(shop.path("opened")).expect("our own"), "\n");
}

/// Has the mug edited on a terminal, where these answers are typed at the question whether to edit it again.
fn play(shop: &Shop, script: &str, answers: &[&str]) -> (i32, String) {
    shop.file("editor.sh", script);
    let folder = shop.home.path().display().to_string();
    let variables = [("VISUAL", "sh editor.sh"), ("EDITOR", "false"), ("TMPDIR", folder.as_str())];
    let mut session = start(shop, &["product", "edit", "MUG"], &variables);
    let shown: String = answers.iter().map(|keys| answer(&mut session, "Edit the text again? [y/N] ", keys)).collect();
    let (code, rest) = end(session);
    (code, shown + &rest)
}

#[test]
fn on_a_terminal_an_invalid_text_is_edited_again_on_request_with_the_reason() {
    let shop = Shop::migrated(Backend::Sqlite).expect("always there");
    mug(&shop);
    let wrong = "sed -i 's/^price = .*/price = \"x\"/' \"$1\"";
    let corrected = "grep '^#! price x: ' \"$1\" && sed -i 's/^price = .*/price = \"13.00\"/' \"$1\"";
    let script = format!("if grep -q '^#!' \"$1\"; then {corrected}; else {wrong}; fi\n");
    let (code, shown) = play(&shop, &script, &["y\r"]);
    assert_eq!((code, shop.column("SELECT price FROM products WHERE price = 13").len()), (0, 1), "{shown}");
    assert!(shown.contains(": price x: must be an amount"), "{shown}");
    let restored = "sed -i 's/^price = .*/price = \"13.00\"/' \"$1\"";
    let (code, shown) = play(&shop, &format!("if grep -q '^#!' \"$1\"; then {restored}; else {wrong}; fi\n"), &["y\r"]);
    assert_eq!((code, shown.contains("product MUG unchanged"), kept(&shop).len()), (0, true, 0), "{shown}");
    // Text of another encoding is given back as it is.
    let latin = "printf 'name = \"Caf\\351\"\\n' > \"$1\"";
    let recoded =
        "grep '^#! line 1, column 12: not UTF-8 text' \"$1\" && iconv -f latin1 -t utf-8 -o u \"$1\" && cat u > \"$1\"";
    let (code, shown) = play(&shop, &format!("if grep -aq '^#!' \"$1\"; then {recoded}; else {latin}; fi\n"), &["y\r"]);
    assert_eq!((code, shop.column("SELECT name FROM products")), (0, vec!["Café".to_owned()]), "{shown}");
}

#[test]
fn an_editor_that_never_writes_a_valid_text_ends_by_a_decision() {
    let shop = Shop::migrated(Backend::Sqlite).expect("always there");
    mug(&shop);
    let before = shop.everything();
    let script = "echo >> opened; echo \"price = $(wc -l < opened)x\" > \"$1\"\n";
    for (answers, code) in [(&["y\r", "y\r", "n\r"][..], 10), (&["\r"], 10), (&["\u{1b}"], 10), (&["\u{3}"], 130)] {
        shop.file("opened", "");
        let (ended, shown) = play(&shop, script, answers);
        assert_eq!(ended, code, "{shown}");
        let opened = fs::read_to_string(shop.path("opened")).expect("our own").len();
        assert_eq!(opened, answers.len(), "{shown}");
        let files = kept(&shop);
        let [file] = files.as_slice() else { panic!("{files:?} are kept after {shown}") };
        // A narrow terminal breaks the path.
        assert!(shown.replace(['\r', '\n'], "").contains(&file.display().to_string()), "{shown}");
        assert_eq!(fs::read_to_string(file).expect("our own"), format!("price = {opened}x\n"));
        fs::remove_file(file).expect("our own");
    }
    assert_eq!(shop.everything(), before);
}

#[test]
fn an_interrupt_leaves_the_edited_file_and_says_where() {
    let shop = Shop::migrated(Backend::Sqlite).expect("always there");
    mug(&shop);
    let before = shop.everything();
    shop.file("editor.sh", "echo half > \"$1\"; echo > ready; while [ ! -e done ]; do sleep 0.02; done\n");
    for signal in ["-TERM", "-INT", "-HUP"] {
        ["ready", "done"].iter().for_each(|file| drop(fs::remove_file(shop.path(file))));
        let arguments = ["product", "edit", "MUG"];
        let mut command = shop.command(&arguments);
        let mut child = command.env("EDITOR", "sh editor.sh").env("TMPDIR", shop.home.path()).spawn().expect("built");
        await_file(&shop, "ready");
        assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().expect("runs").success());
        // The editor, which outlives it, holds its output open.
        child.wait().expect("our own");
        shop.file("done", "");
        let run = finish(child, &arguments).exits_with(130).says("the edited text is kept in ");
        assert_eq!(kept_text(&shop, &run), "half\n", "{signal}");
    }
    assert_eq!(shop.everything(), before);
}

fn await_file(shop: &Shop, name: &str) {
    let until = Instant::now() + LIMIT;
    while !shop.path(name).exists() {
        assert!(Instant::now() < until, "{name} is not written");
        std::thread::sleep(Duration::from_millis(10));
    }
}
