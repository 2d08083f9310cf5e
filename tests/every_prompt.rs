//! Every prompt of the program: how it is left, and what it takes for text.

use crate::support::emulator::Emulator;
use crate::support::{Backend, Shop};

/// Keys that type nothing: F1 of several terminals, F13, the answer to a question about the terminal, the mouse.
const NOTHING: &str =
    "\u{1b}OP\u{1b}[[A\u{1b}[11~\u{1b}[25~\u{1b}[>0;276;0c\u{1b}]11;rgb:0/0/0\u{7}\u{1b}[<0;10;20M\u{1b}[5~\t\u{14}";

/// Questions and keys that lead to a prompt, and the prompt.
type Steps = &'static [(&'static str, &'static str)];

/// What follows `shopctl`, what leads to the prompt, and the prompt.
const PROMPTS: &[(&str, Steps, &str)] = &[
    ("order pay DEM01-00001 DEM01-00004", &[], CONTINUE),
    ("order cancel DEM01-00001", &[], CONTINUE),
    ("order reassign DEM01-00001 DEM01-00004 --user mina@example.com", &[], CONTINUE),
    ("order expire --older-than 0s", &[], CONTINUE),
    ("user disable mina@example.com", &[], CONTINUE),
    ("user disable zoe@example.com --context live", &[], "Type shop to confirm: "),
    ("user delete zoe@example.com", &[], "Type zoe@example.com to confirm: "),
    ("user anonymize zoe@example.com", &[], "Type zoe@example.com to confirm: "),
    ("user merge zoe@example.com ann@example.com", &[], "Type zoe@example.com to confirm: "),
    ("product price --search mug --by +5%", &[], CONTINUE),
    ("product retire MUG-01", &[], CONTINUE),
    ("product delete SPARE", &[], "Type SPARE to confirm: "),
    ("product import products.csv --context live", &[], "Type shop to confirm: "),
    ("stock import stock.csv --context live", &[], "Type shop to confirm: "),
    ("stock verify --accept", &[], CONTINUE),
    ("undo $UNDONE", &[], CONTINUE),
    ("adopt", &[], "the total of 1 order is 0. Set it to the sum of the lines? [y/N] "),
    ("adopt --fix-totals", &[], CONTINUE),
    ("migrate down", &[], CONTINUE),
    ("migrate reset", &[], CONTINUE),
    ("migrate fresh", &[], CONTINUE),
    ("migrate env prodution", &[], "Type shop to confirm: "),
    ("seed down demo", &[], "Type demo to confirm: "),
    ("seed generate --users 1 --products 1 --orders 1", &[], CONTINUE),
    ("user set-password ann@example.com", &[], "password: "),
    ("user set-password ann@example.com", &[("password: ", "battery staple\r")], "repeat the password: "),
    ("user verify-password ann@example.com", &[], "password: "),
    ("user verify-password ann@example.com --password-stdin", &[], "password: "),
    ("user create", &[], "e-mail address: "),
    ("user create --email bo@example.com", &[], "first name: "),
    ("order create", &[], "customer: "),
    ("order create --user ann@example.com", &[], "product: "),
    ("order create --user ann@example.com", &[("product: ", "spare\r")], "quantity of SPARE, 3 in stock [1]: "),
    ("order create --item SPARE", &[], "customer: "),
    ("order change DEM01-00001", &[], "product to change or add: "),
];
const CONTINUE: &str = "Continue? [y/N] ";

fn shop() -> Shop {
    let shop = Shop::migrated(Backend::Sqlite).expect("always there");
    shop.run(&["seed", "up"]).success();
    ["ann", "zoe"].iter().for_each(|name| drop(shop.user(name)));
    shop.product("SPARE", "1.00", 3);
    shop.sql("UPDATE products SET stock_quantity = stock_quantity + 1 WHERE sku IN ('MUG-01', 'MUG-02')");
    shop.sql("INSERT INTO orders (reference, user_id) SELECT 'APP-1', id FROM users WHERE email = 'ann@example.com'");
    shop.sql(
        "INSERT INTO order_items (order_id, product_id, quantity, unit_price) \
         SELECT o.id, p.id, 2, 12.50 FROM orders o, products p WHERE reference = 'APP-1' AND sku = 'PEN-FINE'",
    );
    shop.file("shopctl.toml", &format!("[context.live]\ndatabase_url = \"{}\"\nprotected = true\n", shop.url));
    shop.file("products.csv", "sku,name,price\nSPARE,Spare,2.00\n");
    shop.file("stock.csv", "sku,counted\nSPARE,4\n");
    shop
}

/// The id of an operation that can be undone.
fn undoable(shop: &Shop) -> String {
    shop.run(&["product", "price", "SPARE", "--to", "1.50"]).success();
    let events = shop.run(&["audit", "list", "--limit", "1", "--json"]).success().json();
    events["items"][0]["operation_id"].as_str().expect("an id").to_owned()
}

/// Starts the command, and leads it to its prompt.
fn reach(shop: &Shop, (arguments, steps, prompt): (&str, Steps, &str), undone: &str) -> Emulator {
    let live = if arguments.contains("--context") { "unset DATABASE_URL; " } else { "" };
    let script = format!("{live}shopctl {arguments}; code=$?; stty -a > modes; exit $code");
    let mut terminal = Emulator::start(shop, &script, (80, 24), &[("UNDONE", undone)]);
    steps.iter().for_each(|(question, keys)| terminal.answer(question, keys));
    terminal.becomes(prompt, |terminal| {
        let rows = terminal.rows_at_cursor();
        rows[0].trim_end() == prompt.trim_end() && rows.iter().any(|row| row.contains("Esc: "))
    });
    terminal
}

/// The command ends with this code, and leaves the terminal as it was.
#[track_caller]
fn ends(shop: &Shop, terminal: Emulator, code: i32) -> String {
    let (ended_with, shown) = terminal.end();
    assert_eq!(ended_with, code, "{shown}");
    assert!(!shown.contains("Esc:"), "{shown}");
    let modes = std::fs::read_to_string(shop.path("modes")).expect("written by stty");
    for mode in ["icanon", "echo", "isig", "icrnl", "opost"] {
        assert!(modes.split([' ', ';', '\n']).any(|word| word == mode), "{mode} is off: {modes}");
    }
    shown
}

#[test]
fn every_prompt_is_left_by_the_same_keys_and_restores_the_terminal() {
    let shop = shop();
    let undone = undoable(&shop);
    let before = shop.everything();
    for prompt in PROMPTS {
        let (arguments, steps, question) = *prompt;
        let mut terminal = reach(&shop, *prompt, &undone);
        terminal.keys(&format!("{NOTHING}xy\u{7f}{NOTHING}"));
        let shown = if question.contains("password") { question.trim_end().to_owned() } else { format!("{question}x") };
        terminal.becomes(&shown, |terminal| terminal.rows_at_cursor()[0] == shown);
        terminal.keys("\u{3}");
        let shown = ends(&shop, terminal, 130);
        assert!(shown.contains("interrupted; nothing was changed"), "{arguments}: {shown}");

        let mut terminal = reach(&shop, *prompt, &undone);
        terminal.keys("\u{4}");
        let shown = ends(&shop, terminal, 10);
        assert!(shown.contains("the input ended; nothing was changed"), "{arguments}: {shown}");

        let mut terminal = reach(&shop, *prompt, &undone);
        let cancels = terminal.rows().concat().contains("Esc: cancel");
        terminal.keys("\u{1b}");
        if let (false, [.., (earlier, _)]) = (cancels, steps) {
            terminal.becomes(earlier, |terminal| terminal.rows_at_cursor()[0] == earlier.trim_end());
            terminal.keys("\u{1b}");
        }
        let shown = ends(&shop, terminal, 10);
        assert!(shown.contains("cancelled; nothing was changed"), "{arguments}: {shown}");
    }
    assert_eq!(shop.everything(), before);
}

#[test]
fn no_question_is_broken_inside_a_word_on_a_narrow_terminal() {
    let shop = shop();
    let undone = undoable(&shop);
    for (arguments, _, question) in PROMPTS.iter().filter(|(_, _, question)| question.contains(' ')) {
        if !(*question == CONTINUE || question.starts_with("Type ") || question.ends_with("[y/N] ")) {
            continue;
        }
        let live = if arguments.contains("--context") { "unset DATABASE_URL; " } else { "" };
        let script = format!("{live}shopctl {arguments}");
        let rows = |columns: u16| {
            let mut terminal = Emulator::start(&shop, &script, (columns, 60), &[("UNDONE", &undone)]);
            terminal.shows(question);
            terminal.shows("Esc: cancel)");
            let rows = terminal.rows();
            terminal.keys("\u{3}");
            assert_eq!(terminal.end().0, 130, "{script}");
            rows
        };
        let wide = rows(500).join(" ");
        for columns in [80, 40, 20] {
            let narrow = rows(columns);
            let words = |row: &String| row.split(' ').map(str::to_owned).collect::<Vec<_>>();
            let shown: Vec<String> = narrow.iter().flat_map(words).collect();
            for word in wide.split(' ').filter(|word| word.chars().count() < usize::from(columns)) {
                assert!(shown.iter().any(|shown| shown == word), "{word:?} at {columns}: {narrow:#?}");
            }
        }
    }
}

#[test]
fn nobody_is_asked_without_a_terminal_on_standard_input() {
    let shop = shop();
    let undone = undoable(&shop);
    let before = shop.everything();
    for (arguments, _, question) in PROMPTS.iter().filter(|(_, steps, _)| steps.is_empty()) {
        for closed in ["< /dev/null", "<&-"] {
            let live = if arguments.contains("--context") { "unset DATABASE_URL; " } else { "" };
            let script = format!("{live}shopctl {arguments} {closed}");
            let (code, shown) = Emulator::start(&shop, &script, (80, 24), &[("UNDONE", &undone)]).end();
            assert!([2, 7, 11].contains(&code), "{arguments} {closed}: {code}: {shown}");
            assert!(!shown.contains(question.trim_end()), "{arguments} {closed}: {shown}");
        }
    }
    assert_eq!(shop.everything(), before);
}
