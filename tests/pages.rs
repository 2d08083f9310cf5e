//! Lists that are longer than what was asked for: the command that shows the rest, and for people how much that is.

use crate::on_every_backend;
use crate::support::emulator::Emulator;
use crate::support::{Run, Shop};

on_every_backend!(a_list_that_was_cut_prints_the_command_for_the_next_page, a_report_that_was_cut_says_how_to_see_all);

/// The remark about further rows, as `more orders`, and the command.
fn more(run: &Run) -> Option<(String, String)> {
    let line = run.stderr.lines().find(|line| line.contains("more ") && line.contains(": shopctl "))?;
    line.split_once(": ").map(|(count, command)| (count.to_owned(), command.to_owned()))
}

fn a_list_that_was_cut_prints_the_command_for_the_next_page(shop: &Shop) {
    for number in 0..7 {
        let name = format!("Mug, it's no. {number}");
        shop.run(&["product", "create", "--sku", &format!("MUG-{number}"), "--name", &name, "--price", "1"]).success();
    }
    shop.product("PEN", "1", 0);
    let list = ["product", "list", "--search", "it's mug", "--sort", "-name", "--limit", "3", "--fields", "sku"];
    for offset in [&[][..], &["--offset", "1"]] {
        let mut run = shop.run(&[&list, offset].concat()).success();
        let (mut seen, mut commands) = (run.stdout.clone(), Vec::new());
        while let Some((what, command)) = more(&run) {
            // Nobody reads a number.
            assert_eq!(what, "more products");
            commands.push(command.clone());
            run = shop.paste(&command).success();
            seen.push_str(&run.stdout);
        }
        let skipped = offset.len() / 2;
        let expected: String = (0..7 - skipped).rev().map(|number| format!("MUG-{number}\n")).collect();
        assert_eq!(seen, expected);
        let first = [&["shopctl"], &list[..2], &["--search", "\"it's mug\""], &list[4..], offset].concat().join(" ");
        let commands: Vec<&str> = std::iter::once(&*first).chain(commands.iter().map(String::as_str)).collect();
        let expected: &[&str] =
            if skipped == 0 { &["4 more products:", "1 more product:"] } else { &["3 more products:"] };
        for (command, expected) in commands.iter().zip(expected) {
            let (code, screen) = Emulator::start(shop, command, (200, 40), &[]).end();
            assert!(code == 0 && screen.contains(expected), "{command}: {code}: {screen}");
        }
        assert_eq!(commands.len() - 1, expected.len(), "skipped {skipped}");
    }
    for quiet in [&["--quiet"][..], &["--json"]] {
        assert_eq!(shop.run(&[&list, quiet].concat()).success().stderr, "");
    }
    assert_eq!(more(&shop.run(&["product", "list", "--limit", "8"]).success()), None);
}

fn a_report_that_was_cut_says_how_to_see_all(shop: &Shop) {
    for number in 0..4 {
        let (sku, email) = (format!("MUG-{number}"), shop.user(&format!("ann{number}")));
        shop.product(&sku, "2", 9);
        let order = shop.run(&["order", "create", "--user", &email, "--item", &sku, "-o", "id"]).success();
        shop.run(&["order", "pay", order.stdout.trim(), "--yes"]).success();
    }
    for (report, noun) in [("top-products", "products sold"), ("customers", "customers"), ("stock-value", "products")] {
        let run = shop.run(&["report", report, "--limit", "2"]).success();
        assert_eq!(run.stdout.lines().count(), 2, "{run}");
        let (count, command) = more(&run).unwrap_or_else(|| panic!("{run}"));
        assert_eq!(count, format!("2 more {noun}"));
        let all = shop.paste(&command).success();
        assert_eq!((all.stdout.lines().count(), more(&all)), (4, None), "{all}");
        let one = shop.run(&["report", report, "--limit", "3"]).success();
        assert!(one.stderr.contains("1 more customer:") || one.stderr.contains("1 more product"), "{one}");
        assert!(!one.stderr.contains("1 more products"), "{one}");
    }
}
