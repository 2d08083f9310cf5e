//! Help for programs and for `man`.

use serde_json::Value;

use crate::support::{Backend, Shop};

fn commands<'c>(command: &'c clap::Command, path: &str, found: &mut Vec<(String, &'c clap::Command)>) {
    let path = if path.is_empty() { command.get_name().to_owned() } else { format!("{path} {}", command.get_name()) };
    found.push((path.clone(), command));
    command.get_subcommands().for_each(|deeper| commands(deeper, &path, found));
}

#[test]
fn each_command_has_a_manual_page() {
    let shop = Shop::empty(Backend::Sqlite).expect("always there");
    let run = shop.run(&["man", "--dir", "share/man1", "--json"]).success().json();
    let (program, mut all) = (shopctl::cli::Cli::whole(), Vec::new());
    commands(&program, "", &mut all);
    assert_eq!(run["pages"], all.len());
    for (path, _) in &all {
        let file = shop.path(&format!("share/man1/{}.1", path.replace(' ', "-")));
        let page = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        assert!(page.contains(".SH NAME") && page.contains(".SH \"EXIT STATUS\""), "{page}");
    }
    let page = std::fs::read_to_string(shop.path("share/man1/shopctl-order-ship.1")).expect("written");
    assert!(page.contains("\nshopctl order ship K7Q2M\\-9XD4T \\-\\-tracking 1Z999AA10123456784\n"), "{page}");
    shop.run(&["man", "--dir", "share/man1"]).success();
    shop.file("file", "");
    shop.run(&["man", "--dir", "file"]).exits_with(4);
}

#[test]
fn the_help_is_one_document_for_programs() {
    let shop = Shop::empty(Backend::Sqlite).expect("always there");
    let help = shop.run(&["help", "--json"]).success().json();
    fn walk(help: &Value, found: &mut Vec<String>) {
        found.push(help["command"].as_str().expect("a text").to_owned());
        help["commands"].as_array().expect("a list").iter().for_each(|deeper| walk(deeper, found));
    }
    let (program, mut all, mut told) = (shopctl::cli::Cli::whole(), Vec::new(), Vec::new());
    commands(&program, "", &mut all);
    walk(&help, &mut told);
    assert_eq!(told, all.iter().map(|(path, _)| path.clone()).collect::<Vec<_>>());
    let codes: Vec<u64> =
        help["exit_codes"].as_array().expect("a list").iter().filter_map(|one| one["code"].as_u64()).collect();
    assert_eq!(codes, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 130]);
    let list = shop.run(&["help", "order", "list", "--json"]).success().json();
    assert_eq!(list["command"], "shopctl order list");
    assert!(list["examples"].as_array().is_some_and(|examples| examples.len() > 1), "{list}");
    let argument = |name: &str| {
        let arguments = list["arguments"].as_array().expect("a list");
        arguments.iter().find(|argument| argument["name"] == name).unwrap_or_else(|| panic!("{name} in {list}")).clone()
    };
    let status = argument("status");
    assert_eq!(
        (&status["long"], &status["type"], &status["values"][1]),
        (&"--status".into(), &"word".into(), &"paid".into())
    );
    assert_eq!((&status["repeatable"], &argument("limit")["default"]), (&true.into(), &"20".into()));
    for (name, kind) in
        [("since", "time"), ("min_total", "amount"), ("limit", "number"), ("count", "flag"), ("user", "text")]
    {
        assert_eq!(argument(name)["type"], kind, "{name}");
    }
    shop.run(&["help", "nope", "--json"]).exits_with(2);
}
