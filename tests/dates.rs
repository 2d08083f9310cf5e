//! Every accepted date, on every engine: MySQL's TIMESTAMP covers only 1970 to 2038.

use crate::on_every_backend;
use crate::support::Shop;

on_every_backend!(
    periods_may_start_and_end_in_any_year,
    orders_of_any_year_are_imported_listed_and_counted,
    a_time_stored_by_another_program_is_shown,
    the_first_and_the_last_day_are_accepted_in_every_zone,
);

const HEADER: &str = "reference,user,sku,quantity,unit_price,created_at,status";

fn stocked(shop: &Shop) {
    shop.user("ann");
    shop.product("P1", "1.00", 5_000);
}

fn import(shop: &Shop, times: &[&str]) {
    let line =
        |(number, time): (usize, &&str)| format!("DATE-{number:04},ann@example.com,P1,1,1.00,{time},completed\n");
    let lines: String = times.iter().enumerate().map(line).collect();
    shop.file("orders.csv", &format!("{HEADER}\n{lines}"));
    shop.run(&["order", "import", "orders.csv", "--stock", "skip"]).success();
}

fn lines(shop: &Shop, command: &[&str], period: &[&str]) -> usize {
    shop.run(&[command, period].concat()).success().stdout.lines().count()
}

fn periods_may_start_and_end_in_any_year(shop: &Shop) {
    stocked(shop);
    import(shop, &["2026-06-01T10:00:00Z"]);
    let years = ["1900", "1969", "1970", "1971", "2020", "2037", "2038", "2039", "2099", "2999"];
    let commands: [&[&str]; 4] = [
        &["order", "list"],
        &["order", "export", "-o", "jsonl"],
        &["report", "customers"],
        &["report", "top-products"],
    ];
    let counted = |period: [&str; 2]| {
        let run = shop.run(&[&["report", "orders-by-status", "--json"], &period[..]].concat()).success().json();
        let rows = run["items"].as_array().expect("a list").clone();
        rows.iter().map(|row| row["orders"].as_u64().expect("a number")).sum::<u64>()
    };
    for year in years {
        let day = format!("{year}-01-01");
        let is_past = year < "2026";
        for command in commands {
            let since = lines(shop, command, &["--since", &day]);
            let until = lines(shop, command, &["--until", &day]);
            assert_eq!((since, until), (usize::from(is_past), usize::from(!is_past)), "{command:?} {year}");
        }
        assert_eq!(
            (counted(["--since", &day]), counted(["--until", &day])),
            (is_past.into(), (!is_past).into()),
            "{year}"
        );
        // These were created at the current time, outside either period.
        let past = usize::from(year < "2024");
        for command in [&["user", "list"][..], &["audit", "list", "--operation", "user.create"]] {
            if (2024..2037).contains(&year.parse::<i32>().expect("a year")) {
                continue;
            }
            assert_eq!(lines(shop, command, &["--since", &day]), past, "{command:?} since {year}");
            assert_eq!(lines(shop, command, &["--until", &day]), 1 - past, "{command:?} until {year}");
        }
    }
}

fn orders_of_any_year_are_imported_listed_and_counted(shop: &Shop) {
    stocked(shop);
    let times = [
        "1900-01-01T00:00:00+00:00",
        "1969-12-31T23:59:59+00:00",
        "1970-01-01T00:00:00+00:00",
        "2038-01-19T03:14:07+00:00",
        "2038-01-20T00:00:00+00:00",
        "2106-02-07T06:28:16+00:00",
        "2999-12-31T23:59:59+00:00",
    ];
    import(shop, &times);
    shop.run(&["order", "import", "orders.csv", "--stock", "skip"]).success();
    assert_eq!(shop.number("SELECT COUNT(*) FROM orders"), times.len() as i64, "unchanged the second time");
    let text = shop.run(&["order", "list", "--sort", "created_at", "--fields", "created_at"]).success().stdout;
    let same = |text: &str| text.replace("+00:00", "Z").replace(".000000", "").trim().to_owned();
    assert_eq!(text.lines().map(same).collect::<Vec<_>>(), times.map(same));
    // Page by page, each continuing after the last time.
    let (mut seen, mut after) = (Vec::new(), None::<String>);
    loop {
        let mut arguments = vec!["order", "list", "--limit", "1", "--json"];
        match &after {
            Some(cursor) => arguments.extend(["--after", cursor.as_str()]),
            None => arguments.extend(["--sort", "created_at"]),
        }
        let page = shop.run(&arguments).success().json();
        seen.push(same(page["items"][0]["created_at"].as_str().expect("a time")));
        match page["next"].as_str() {
            Some(next) => after = Some(next.to_owned()),
            None => break,
        }
    }
    assert_eq!(seen, times.map(same));
    for (position, time) in times.iter().enumerate() {
        assert_eq!(lines(shop, &["order", "list"], &["--since", time]), times.len() - position, "since {time}");
        assert_eq!(lines(shop, &["order", "export", "-o", "jsonl"], &["--until", time]), position, "until {time}");
    }
    let run = shop.run(&["report", "customers", "--json", "--since", "1900-01-01"]).success().json();
    assert_eq!(run["items"][0]["orders"], times.len(), "{run}");
    shop.assert_invariants();
}

fn a_time_stored_by_another_program_is_shown(shop: &Shop) {
    stocked(shop);
    import(shop, &["2026-06-01T10:00:00Z", "2026-06-02T10:00:00Z", "2026-06-03T10:00:00Z"]);
    for (number, time) in [(0, "1000-01-01 00:00:00"), (1, "9999-12-31 00:00:00")] {
        shop.sql(&format!("UPDATE orders SET created_at = '{time}' WHERE reference = 'DATE-{number:04}'"));
    }
    let text = shop.run(&["order", "list", "--fields", "created_at"]).success().stdout;
    assert!(text.contains("1000-01-01") && text.contains("9999-12-31"), "{text}");
    let run = shop.run(&["order", "list", "--limit", "1", "--json"]).success().json();
    let next = run["next"].as_str().expect("there is more").to_owned();
    assert_eq!(lines(shop, &["order", "list"], &["--after", &next]), 2, "after the year 9999");
    assert_eq!(lines(shop, &["order", "export", "-o", "jsonl"], &["--since", "2999-12-31"]), 1);
    assert_eq!(lines(shop, &["order", "export", "-o", "jsonl"], &["--until", "1900-01-01"]), 1);
}

fn the_first_and_the_last_day_are_accepted_in_every_zone(shop: &Shop) {
    stocked(shop);
    let (berlin, new_york) = ("Europe/Berlin", "America/New_York");
    for (file, time, zone, stored, unchanged) in [
        ("first.csv", "1900-01-01", berlin, "1899-12-31T23:00:00", "1 unchanged"),
        ("last.csv", "2999-12-31T23:00:00", new_york, "3000-01-01T04:00:00", "2 unchanged"),
    ] {
        let reference = file.trim_end_matches(".csv");
        shop.file(file, &format!("{HEADER}\n{reference},ann@example.com,P1,1,1.00,{time},completed\n"));
        shop.run(&["order", "import", file, "--stock", "skip", "--tz", zone]).success();
        let export = shop.run(&["order", "export", "-o", "csv"]).success();
        assert!(export.stdout.contains(stored), "{export}");
        shop.file("again.csv", &export.stdout);
        let again = shop.run(&["order", "import", "again.csv"]).success();
        assert!(again.stdout.contains(unchanged), "{again}");
    }
    let sales = |period: &str| {
        let arguments: Vec<&str> = ["report", "sales", "-o", "csv"].into_iter().chain(period.split(' ')).collect();
        shop.run(&arguments).success().stdout
    };
    let first = sales("--by month --tz Europe/Berlin --since 1900-01-01 --until 1900-01-31");
    assert!(
        first.contains("\n1900-01,1899-12-31T23:00:00.000000Z,") && first.ends_with(",1,1,1.00,0.00,1.00,1.00\n"),
        "{first}"
    );
    let last = sales("--by month --tz America/New_York --since 2999-12-01 --until 2999-12-31T23:00:01");
    assert!(
        last.contains("\n2999-12,") && last.ends_with(",3000-01-01T04:00:01.000000Z,1,1,1.00,0.00,1.00,1.00\n"),
        "{last}"
    );
}
