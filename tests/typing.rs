//! Typing at every prompt, with the keys of readline, on real terminals of several sizes.

use crate::support::emulator::Emulator;
use crate::support::{Backend, Shop};

const WIDE: (u16, u16) = (80, 24);
/// From a window to the narrowest that anybody uses.
const SIZES: [(u16, u16); 3] = [WIDE, (40, 12), (20, 8)];

fn shop() -> Shop {
    let shop = Shop::migrated(Backend::Sqlite).expect("always there");
    shop.user("ann");
    shop.user("zoe");
    shop.product("MUG-01", "12.50", 10);
    shop.product("PEN-FINE", "2.40", 5);
    shop.file("password", "battery staple");
    shop
}

/// Ways to type a text, which has two characters or more, with mistakes that keys put right.
fn ways(text: &str) -> Vec<String> {
    let first = text.chars().next().expect("a character");
    let rest = &text[first.len_utf8()..];
    let mut ways = Vec::new();
    // Left, Right, Home, End: as sent in both modes of terminals, and with Ctrl.
    for home in ["\u{1b}[H", "\u{1b}OH", "\u{1b}[1~", "\u{1b}[7~", "\u{1}"] {
        ways.push(format!("{rest}{home}{first}"));
    }
    for (left, right) in [("\u{1b}[D", "\u{1b}[C"), ("\u{1b}OD", "\u{1b}OC"), ("\u{2}", "\u{6}")] {
        ways.push(format!("{first}#{rest}\u{1}{right}{right}\u{7f}"));
        ways.push(format!("{text}#{left}\u{1b}[3~"));
    }
    for end in ["\u{1b}[F", "\u{1b}OF", "\u{1b}[4~", "\u{1b}[8~", "\u{5}"] {
        ways.push(format!("#{text}#\u{1}\u{4}{end}\u{8}"));
    }
    // Words, lines, and what was erased.
    for erased in ["junk\u{17}", "more junk\u{15}", "junk\u{1}\u{b}", "junk\u{1}\u{1b}d", "a-b\u{1b}\u{7f}\u{7f}\u{7f}"]
    {
        ways.push(format!("{erased}{text}"));
    }
    for left in ["\u{1b}b", "\u{1b}[1;5D", "\u{1b}[1;3D"] {
        ways.push(format!("{text} junk{left}\u{b}\u{7f}"));
    }
    for right in ["\u{1b}f", "\u{1b}[1;5C", "\u{1b}[1;3C"] {
        ways.push(format!("junk {text}\u{1}{right}\u{4}\u{15}"));
    }
    ways.push(format!("{text}\u{15}\u{19}"));
    ways.push(format!("{rest}\u{15}{first}\u{19}"));
    // Wide, combined and composed characters are one.
    for character in ["日", "e\u{301}", "👩‍👩‍👧‍👦", "👍🏽", "🇸🇪"] {
        ways.push(format!("{text}{character}\u{7f}"));
        ways.push(format!("{character}{text}\u{1}\u{1b}[3~"));
        ways.push(format!("{first}{character}{rest}\u{1}\u{6}\u{6}\u{7f}"));
    }
    // What has no meaning types nothing.
    for unknown in
        ["\u{1b}OP", "\u{1b}[[A", "\u{1b}[25~", "\u{1b}[>0;276;0c", "\u{1b}]11;rgb:0/0/0\u{7}", "\t", "\u{14}"]
    {
        ways.push(format!("{first}{unknown}{rest}"));
    }
    ways.push(format!("\u{1b}[200~{text}\r\n\u{1b}[201~"));
    ways.push(format!("{text}\u{c}"));
    ways
}

/// Types the text in each way at the question of the script, with Enter; `is_right` gets the exit code and the screen.
fn each_way(shop: &Shop, script: &str, question: &str, text: &str, is_right: impl Fn(i32, &str) -> bool) {
    for way in ways(text) {
        let mut terminal = Emulator::start(shop, script, WIDE, &[]);
        terminal.answer(question, &format!("{way}\r"));
        let (code, shown) = terminal.end();
        assert!(is_right(code, &shown), "{way:?} gave {code} and {shown}");
    }
}

const LAST_NAME: &str =
    "shopctl user create --email bo@example.com --first-name Bo --password-file password --dry-run --color never";

#[test]
fn a_value_is_edited_with_the_keys_of_readline() {
    each_way(&shop(), LAST_NAME, "last name: ", "Ek", |code, shown| {
        code == 0 && shown.contains("--last-name Ek") && shown.contains("last name: Ek\n")
    });
}

#[test]
fn a_name_to_confirm_is_edited_with_the_keys_of_readline() {
    let shop = shop();
    let script = "shopctl user delete zoe@example.com; shopctl user create --email zoe@example.com --first-name Z \
                  --last-name Z --password-file password";
    each_way(&shop, script, "to confirm: ", "zoe@example.com", |code, _| code == 0);
}

#[test]
fn an_answer_is_edited_with_the_keys_of_readline() {
    let script = "shopctl user disable zoe@example.com && shopctl user enable zoe@example.com";
    each_way(&shop(), script, "[y/N] ", "yes", |code, _| code == 0);
}

#[test]
fn a_hidden_password_is_edited_with_the_keys_of_readline() {
    let shop = shop();
    shop.run(&["user", "set-password", "ann@example.com", "--password-file", "password"]).success();
    each_way(&shop, "shopctl user verify-password ann@example.com", "password: ", "battery staple", |code, shown| {
        code == 0 && !shown.contains("batt") && !shown.contains("junk")
    });
}

#[test]
fn a_search_is_edited_with_the_keys_of_readline() {
    let script = "shopctl order create --item MUG-01 --dry-run";
    each_way(&shop(), script, "customer: ", "zoe@example.com", |code, shown| {
        code == 0 && shown.contains("--user zoe@example.com")
    });
}

#[test]
fn a_quantity_is_edited_with_the_keys_of_readline() {
    let shop = shop();
    for (keys, quantity) in
        [("13\u{1b}[D\u{7f}\r", 3), ("2\u{1}1\u{5}\u{8}\r", 1), ("\u{1b}OP\r", 1), ("5\u{15}4\r", 4)]
    {
        let script = "shopctl order create --user ann@example.com --dry-run";
        let mut terminal = Emulator::start(&shop, script, WIDE, &[]);
        terminal.answer("product: ", "mug\r");
        terminal.answer("in stock [1]: ", keys);
        terminal.answer("next product: ", "\r");
        let (code, shown) = terminal.end();
        assert_eq!(code, 0, "{shown}");
        assert!(shown.contains(&format!("{quantity} × MUG-01")), "{keys:?} gave {shown}");
    }
}

#[test]
fn a_sequence_that_arrives_in_parts_is_one_key() {
    let shop = shop();
    let mut terminal = Emulator::start(&shop, LAST_NAME, WIDE, &[]);
    terminal.answer("last name: ", "Ekx");
    terminal.shows("last name: Ekx");
    for part in ["\u{1b}", "[", "D", "\u{1b}[3", "~\r"] {
        terminal.keys(part);
    }
    let (code, shown) = terminal.end();
    assert!(code == 0 && shown.contains("--last-name Ek\n"), "{shown}");
}

/// Each kind of prompt: the script, its question, and what may be typed there.
const PROMPTS: [(&str, &str); 5] = [
    (LAST_NAME, "last name: "),
    ("shopctl user delete zoe@example.com", "to confirm: "),
    ("shopctl user disable zoe@example.com", "[y/N] "),
    ("shopctl order create --item MUG-01 --color never", "zoe@example.com"),
    ("shopctl user set-password zoe@example.com", "password: "),
];

fn without_blanks(rows: &[String]) -> Vec<&String> {
    rows.iter().filter(|row| !row.is_empty()).collect()
}

#[test]
fn every_prompt_fits_narrow_screens_and_says_what_escape_does() {
    let shop = shop();
    let before = shop.everything();
    let sizes = SIZES.iter().flat_map(|size| [("日", 2), ("👩‍👩‍👧‍👦", 8)].map(|character| (*size, character)));
    for ((size, (character, columns)), (script, question)) in
        sizes.flat_map(|size| PROMPTS.map(|prompt| (size, prompt)))
    {
        let mut terminal = Emulator::start(&shop, script, size, &[]);
        terminal.shows(question);
        terminal.shows("Esc: cancel)");
        let (empty, column) = (terminal.rows_at_cursor(), terminal.column());
        // Longer than a row; this terminal shows the parts of an emoji side by side.
        let long = character.repeat(usize::from(size.0 / columns) + 2);
        terminal.keys(&long);
        if question == "password: " {
            terminal.keys("\u{7f}");
        } else {
            terminal.shows(if question.contains('@') { "nothing matches" } else { &long });
        }
        terminal.keys(&"\u{7f}".repeat(long.chars().count()));
        terminal.becomes("the empty prompt", |terminal| {
            without_blanks(&terminal.rows_at_cursor()) == without_blanks(&empty) && terminal.column() == column
        });
        terminal.keys("\u{1b}");
        let (code, shown) = terminal.end();
        assert_eq!(code, 10, "{script} at {size:?}: {shown}");
        assert!(!shown.contains("Esc:"), "{script} at {size:?}: {shown}");
    }
    assert_eq!(shop.everything(), before);
}

#[test]
fn the_cursor_is_where_the_next_character_goes() {
    let shop = shop();
    for (keys, column) in
        [("日本\u{2}", 2), ("e\u{301}x\u{2}\u{2}", 0), ("ab\u{1}", 0), ("abc\u{2}", 2), ("日\u{2}a", 1)]
    {
        let mut terminal = Emulator::start(&shop, LAST_NAME, WIDE, &[]);
        terminal.answer("last name: ", keys);
        let expected = u16::try_from("last name: ".len()).expect("short") + column;
        terminal.becomes("the cursor in its place", |terminal| terminal.column() == expected);
        terminal.keys("\u{3}");
        assert_eq!(terminal.end().0, 130);
    }
}

#[test]
fn a_resized_screen_shows_the_question_once() {
    let shop = shop();
    for (script, question) in [PROMPTS[0], PROMPTS[3]] {
        let mut terminal = Emulator::start(&shop, &format!("echo above; {script}"), WIDE, &[]);
        terminal.answer(question, "日本語 zo");
        terminal.shows("日本語 zo");
        if question.contains('@') {
            terminal.shows("nothing matches");
        }
        for columns in [30, 20, 60, 80] {
            let before = terminal.received();
            terminal.resize(columns);
            // A frame for the size before would be drawn wrongly.
            terminal.becomes("one question", |terminal| {
                let text = terminal.rows().concat();
                terminal.received() > before
                    && text.starts_with("above")
                    && text.matches("Esc: cancel").count() == 1
                    && text.matches("日本語").count() == 1
            });
        }
        terminal.keys("\u{3}");
        assert_eq!(terminal.end().0, 130);
    }
}

#[test]
fn a_stopped_prompt_goes_on_in_the_foreground() {
    let shop = shop();
    for (script, question, keys) in [
        ("shopctl user disable zoe@example.com", "[y/N] ", "y"),
        ("shopctl order create --item MUG-01 --dry-run", "customer: ", "ann"),
        ("shopctl user verify-password ann@example.com", "password: ", "x"),
    ] {
        let script = format!(
            "set -m; {script}; echo \"stopped with $?\"; stty -a | grep -o -- '-*icanon'; fg; echo \"ended with $?\""
        );
        let mut terminal = Emulator::start(&shop, &script, WIDE, &[]);
        terminal.answer(question, &format!("{keys}\u{1a}"));
        terminal.shows("stopped with 1");
        terminal.becomes("the mode of the shell", |terminal| terminal.rows().contains(&"icanon".to_owned()));
        terminal.becomes("the question again", |terminal| {
            terminal.rows().iter().skip_while(|row| *row != "icanon").any(|row| row.contains(question.trim()))
        });
        terminal.keys("\r");
        terminal.shows(if question == "password: " { "ended with 9" } else { "ended with 0" });
        assert_eq!(terminal.end().0, 0);
    }
}

#[test]
fn pasted_lines_do_not_answer_the_next_questions() {
    let shop = shop();
    let before = shop.everything();
    for (script, question) in PROMPTS {
        let mut terminal = Emulator::start(&shop, script, WIDE, &[]);
        terminal.answer(question, "\u{1b}[200~one\ntwo\r\nyes\rzoe\r\u{1b}[201~");
        if question != "password: " {
            terminal.shows(if question.contains('@') { "nothing matches" } else { "one two yes zoe" });
        }
        terminal.keys("\u{15}\u{4}");
        let (code, shown) = terminal.end();
        assert_eq!(code, 10, "{script}: {shown}");
        assert!(shown.contains("the input ended"), "{script}: {shown}");
    }
    assert_eq!(shop.everything(), before);
}

#[test]
fn a_dumb_terminal_is_asked_line_by_line() {
    let shop = shop();
    let play = |script: &str, steps: &[(&str, &str)]| {
        let mut terminal = Emulator::start(&shop, &format!("exec {script}"), WIDE, &[("TERM", "dumb")]);
        steps.iter().for_each(|(question, keys)| terminal.answer(question, keys));
        let (code, shown) = terminal.end();
        assert!(!shown.contains('\u{1b}'), "{shown}");
        (code, shown)
    };
    let steps = [
        ("customer: ", "nobody\n"),
        ("nothing matches", "example\n"),
        ("number [search again]: ", "7\n"),
        ("this is not a number between 1 and 2", "zoe\n"),
        ("product: ", "mug\n"),
        ("in stock [1]: ", "2\n"),
        ("next product [done]: ", "\n"),
        ("Place this order? [y/N] (e: edit) ", "y\n"),
    ];
    let (code, shown) = play("shopctl order create", &steps);
    assert_eq!(code, 0, "{shown}");
    assert_eq!(shop.column("SELECT email FROM users JOIN orders ON user_id = users.id"), ["zoe@example.com"]);
    let steps = [
        ("e-mail address: ", "bo@example.com\n"),
        ("first name: ", "Bo\n"),
        ("last name: ", "Ek\n"),
        ("password: ", "battery staple\n"),
        ("repeat the password: ", "battery staple\n"),
        ("Create this user? [y/N] ", "y\n"),
    ];
    let (code, shown) = play("shopctl user create", &steps);
    assert!(code == 0 && !shown.contains("battery"), "{shown}");
    for (keys, code) in [("n\n", 10), ("\u{1b}\n", 10), ("\u{4}", 10), ("\u{3}", 130), ("y\n", 0)] {
        assert_eq!(play("shopctl user disable ann@example.com", &[("Continue? [y/N] ", keys)]).0, code, "{keys:?}");
    }
}

#[test]
fn a_password_on_standard_input_is_asked_for_at_a_terminal() {
    let shop = shop();
    shop.run(&["user", "set-password", "ann@example.com", "--password-file", "password"]).success();
    let script = "shopctl user verify-password ann@example.com --password-stdin";
    let mut terminal = Emulator::start(&shop, script, WIDE, &[]);
    terminal.answer("password: ", "battery staple\r");
    let (code, shown) = terminal.end();
    assert!(code == 0 && !shown.contains("battery"), "{shown}");
    let mut terminal = Emulator::start(&shop, &format!("{script} --no-input"), WIDE, &[]);
    terminal.answer("waiting for standard input; Ctrl-D ends it", "battery staple\n\u{4}");
    assert_eq!(terminal.end().0, 0);
}

#[test]
fn only_a_ci_that_is_on_turns_questions_off() {
    let shop = shop();
    for (value, is_asked) in
        [("false", true), ("0", true), ("", true), ("1", false), ("true", false), ("woodpecker", false)]
    {
        let mut terminal = Emulator::start(&shop, "shopctl user disable zoe@example.com", WIDE, &[("CI", value)]);
        if is_asked {
            terminal.answer("[y/N] ", "n\r");
        }
        assert_eq!(terminal.end().0, if is_asked { 10 } else { 11 }, "CI={value}");
    }
}

#[test]
fn standard_input_that_is_a_terminal_is_said_to_be_awaited() {
    let shop = shop();
    for (script, input) in [
        ("shopctl user import - --format csv --yes", "email,first_name,last_name\n"),
        ("shopctl order create --from -", "{\"user\": \"ann@example.com\", \"items\": [{\"sku\": \"MUG-01\"}]}\n"),
        ("shopctl order cancel -f - --yes", ""),
    ] {
        let mut terminal = Emulator::start(&shop, script, WIDE, &[]);
        terminal.answer("waiting for standard input; Ctrl-D ends it", &format!("{input}\u{4}"));
        let (code, shown) = terminal.end();
        assert_eq!(code, 0, "{script}: {shown}");
    }
}
