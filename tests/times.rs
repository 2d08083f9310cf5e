//! Times that people type and read: zones, days, months, ages.

use crate::on_every_backend;
use crate::support::Shop;

on_every_backend!(
    what_is_printed_can_be_typed,
    days_and_months_are_whole,
    orders_are_found_by_their_last_change,
    zones_come_from_flag_variable_and_file
);

const HEADER: &str = "reference,user,sku,quantity,unit_price,created_at,status";

/// A shop with an order at each of these times.
fn stocked(shop: &Shop, times: &[&str]) {
    shop.user("ann");
    shop.product("P1", "1.00", 1000);
    let line =
        |(number, time): (usize, &&str)| format!("TIME-{number:04},ann@example.com,P1,1,1.00,{time},completed\n");
    let lines: String = times.iter().enumerate().map(line).collect();
    shop.file("orders.csv", &format!("{HEADER}\n{lines}"));
    shop.run(&["order", "import", "orders.csv", "--stock", "skip"]).success();
}

/// The numbers of the orders that a list finds.
fn found(shop: &Shop, arguments: &[&str]) -> Vec<String> {
    let list = ["order", "list", "--fields", "reference", "-o", "tsv"];
    let stdout = shop.run(&[&list[..], arguments].concat()).success().stdout;
    let number = |line: &str| line.trim_start_matches("TIME-").trim_start_matches('0').to_owned();
    let mut numbers: Vec<String> = stdout.lines().map(number).collect();
    numbers.sort_unstable();
    numbers
}

fn orders_are_found_by_their_last_change(shop: &Shop) {
    let user = shop.user("ann");
    shop.product("P1", "1.00", 9);
    let place = || shop.run(&["order", "create", "--user", &user, "--item", "P1", "-o", "id"]).success().stdout;
    let (first, second) = (place().trim().to_owned(), place().trim().to_owned());
    let paid = shop.run(&["order", "pay", &first, "--json"]).success().item();
    let last = paid["after"]["updated_at"].as_str().expect("a time").to_owned();
    let found = |since: &str| {
        let list = shop.run(&["order", "list", "--unchanged-since", since, "-o", "id"]).success();
        let mut found: Vec<String> = list.stdout.lines().map(str::to_owned).collect();
        found.sort_unstable();
        found
    };
    assert_eq!(found("7d"), [] as [&str; 0]);
    assert_eq!(found(&last), std::slice::from_ref(&second), "the first has just been paid");
    assert_eq!(found("2999-01-01"), [first, second]);
    let gap = ["order", "list", "--unchanged-since", "2026-03-29 02:30", "--tz", "Europe/Berlin"];
    shop.run(&gap).exits_with(7).says("--unchanged-since").says("skip it");
}

fn what_is_printed_can_be_typed(shop: &Shop) {
    // The first two are shown as the same time in Berlin, where the clocks go back.
    let times = ["2026-10-25T00:30:27Z", "2026-10-25T01:30:05Z", "2026-03-28T23:59:59Z", "2026-03-29T01:00:00Z"];
    stocked(shop, &times);
    for zone in ["UTC", "Europe/Berlin", "America/New_York", "+05:45", "-03:30"] {
        let list = ["order", "list", "--fields", "reference,created_at", "-o", "table", "--no-headers"];
        let run = shop.run(&[&list[..], &["--tz", zone]].concat()).success().says(&format!("times are in {zone}"));
        let printed: Vec<(&str, &str)> = run.stdout.lines().filter_map(|line| line.split_once("  ")).collect();
        assert_eq!(printed.len(), times.len(), "{run}");
        for (reference, time) in printed {
            let number = reference.trim_start_matches("TIME-").trim_start_matches('0').to_owned();
            let same = found(shop, &["--since", time, "--until", time, "--tz", zone]);
            assert!(same.contains(&number), "{time} in {zone} finds {same:?}, not {number}");
        }
    }
    let shown = shop.run(&["order", "list", "-o", "table", "--tz", "Europe/Berlin"]).success().stdout;
    assert!(shown.contains("2026-10-25 02:30") && shown.contains("2026-03-29 00:59"), "{shown}");
    // Programs read UTC.
    let json = shop.run(&["order", "list", "--json", "--tz", "Europe/Berlin"]).success().stdout;
    assert!(json.contains("2026-10-25T00:30:27.000000Z") && !json.contains("02:30"), "{json}");
}

fn days_and_months_are_whole(shop: &Shop) {
    let times = ["2026-03-29T21:59:59Z", "2026-03-29T22:00:00Z", "2026-10-31T22:59:59Z", "2026-10-31T23:00:00Z"];
    stocked(shop, &times);
    let berlin = |since: &str, until: &str| found(shop, &["--tz", "Europe/Berlin", "--since", since, "--until", until]);
    assert_eq!(berlin("2026-03-29", "2026-03-29"), [""], "a day of 23 hours");
    assert_eq!(berlin("2026-03-30", "2026-10-31"), ["1", "2"]);
    assert_eq!(berlin("2026-10", "2026-10"), ["2"]);
    assert_eq!(berlin("2026-11", "2026-11"), ["3"]);
    assert_eq!(berlin("2026-W13", "2026-W14"), ["", "1"]);
    assert_eq!(berlin("2026", "2026").len(), 4);
    assert_eq!(found(shop, &["--since", "2026-10", "--until", "2026-10"]), ["2", "3"], "the same month in UTC");
    // The users were created just now.
    for period in
        [["today", "today"], ["this-week", "now"], ["1h", "now"], ["this-month", "this-year"], ["2w", "today"]]
    {
        let run = shop.run(&["user", "list", "--since", period[0], "--until", period[1], "-o", "id"]).success();
        assert_eq!(run.stdout.lines().count(), 1, "{run}");
    }
    for period in [["last-year", "last-year"], ["last-month", "last-month"], ["30d", "7d"]] {
        let run = shop.run(&["user", "list", "--since", period[0], "--until", period[1], "-o", "id"]).success();
        assert_eq!(run.stdout, "", "{run}");
    }
    shop.run(&["order", "list", "--since", "yesterdya"]).exits_with(7).says("did you mean yesterday?");
    shop.run(&["order", "list", "--since", "2026-03-29 02:30", "--tz", "Europe/Berlin"]).exits_with(7).says("skip it");
    shop.run(&["order", "list", "--since", "today", "--until", "last-week"])
        .exits_with(7)
        .says("--until: must be after --since");
    shop.run(&["order", "list", "--tz", "Europe/Berlim"]).exits_with(7).says("did you mean Europe/Berlin?");
}

fn zones_come_from_flag_variable_and_file(shop: &Shop) {
    stocked(shop, &["2026-03-28T23:30:00Z"]);
    let in_zone = |variable: Option<&str>, arguments: &[&str]| {
        let list = ["order", "list", "-o", "table"];
        let mut command = shop.command(&[&list[..], arguments].concat());
        variable.map(|zone| command.env("TZ", zone));
        let output = command.output().expect("it runs");
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
    };
    assert!(in_zone(None, &[]).contains("2026-03-28 23:30"));
    for name in ["Europe/Berlin", ":Europe/Berlin", "/usr/share/zoneinfo/Europe/Berlin", "CET-1CEST,M3.5.0,M10.5.0/3"] {
        assert!(in_zone(Some(name), &[]).contains("2026-03-29 00:30"), "{name}");
    }
    let unknown = in_zone(Some("Somewhere"), &[]);
    assert!(unknown.contains("2026-03-28 23:30") && unknown.contains("warning: times are in UTC: TZ"), "{unknown}");
    assert!(in_zone(Some("Somewhere"), &["--tz", "Asia/Tokyo"]).contains("2026-03-29 08:30"));
    shop.file("shopctl.toml", "timezone = \"Asia/Tokyo\"\n");
    assert!(in_zone(None, &[]).contains("2026-03-29 08:30"));
    assert!(in_zone(Some("Europe/Berlin"), &[]).contains("2026-03-29 00:30"), "the variable comes first");
    let shown = shop.run(&["config", "show", "-o", "tsv"]).success().stdout;
    assert!(shown.contains("timezone\tAsia/Tokyo\tshopctl.toml"), "{shown}");
    let shown = shop.run(&["config", "show", "-o", "tsv", "--tz", "UTC"]).success().stdout;
    assert!(shown.contains("timezone\tUTC\tflag --tz"), "{shown}");
    // What a file says does not depend on settings.
    shop.file("more.csv", &format!("{HEADER}\nMORE,ann@example.com,P1,1,1.00,2026-01-01 10:00,completed\n"));
    shop.run(&["order", "import", "more.csv", "--stock", "skip"]).success().says("are read as UTC");
    shop.file("shopctl.toml", "timezone = \"Nowhere/Land\"\n");
    shop.run(&["order", "list"]).exits_with(4).says("timezone Nowhere/Land (shopctl.toml");
}
