//! Wrong objects or permissions at the path of the SQLite file: reported precisely, nothing changed.

use crate::support::unprivileged::{UnprivilegedUser, mode};
use crate::support::{Backend, Run, Shop};

fn shop() -> Shop {
    Shop::migrated(Backend::Sqlite).expect("always there")
}

/// Another path as the shop.
fn at(shop: &Shop, path: &str) -> Shop {
    shop.with_url(format!("sqlite:{}", shop.path(path).display()))
}

fn hints(run: &Run) -> Vec<String> {
    run.stderr.lines().filter_map(|line| line.strip_prefix("hint: ")).map(str::to_owned).collect()
}

#[test]
fn an_inaccessible_database_file_is_not_reported_as_missing() {
    let (shop, nobody) = (shop(), UnprivilegedUser::new());
    std::fs::create_dir(shop.path("closed")).expect("ours");
    std::fs::copy(shop.path("shop.db"), shop.path("closed/shop.db")).expect("ours");
    mode(shop.home.path(), 0o755);
    mode(&shop.path("closed"), 0o000);
    let closed = at(&shop, "closed/shop.db");
    for line in [
        &["user", "list"][..],
        &["doctor"],
        &["migrate", "status"],
        &["migrate", "plan"],
        &["migrate", "verify"],
        &["migrate", "up"],
    ] {
        let run = nobody.run(&closed, line);
        assert_eq!(run.code, 4, "{run}");
        assert!(run.stderr.contains("database.permission") && run.stderr.contains("permission denied"), "{run}");
        assert!(!run.stdout.contains("pending") && !run.stderr.contains("no shop"), "{run}");
    }
    mode(&shop.path("closed"), 0o755);
}

#[test]
fn a_path_that_is_not_a_file_is_reported_and_left_alone() {
    let shop = shop();
    std::fs::create_dir(shop.path("folder")).expect("ours");
    mode(&shop.path("folder"), 0o755);
    shop.file("text", &"no database, but long enough for one. ".repeat(20));
    let _listening = std::os::unix::net::UnixListener::bind(shop.path("socket")).expect("ours");
    for (path, code, said) in [
        ("folder", "database.not_a_database", "is a folder"),
        ("socket", "database.not_a_database", "is a pipe, socket or device"),
        ("text", "database.not_a_database", "file is not a database"),
        ("shop.db/below", "database.path", "part of its path is not a folder"),
    ] {
        let there = at(&shop, path);
        for line in [
            &["user", "list"][..],
            &["migrate", "up"],
            &["migrate", "status"],
            &["migrate", "fresh", "--yes"],
            &["doctor"],
        ] {
            let run = there.run(line).exits_with(4).says(code).says(said);
            assert!(hints(&run).iter().any(|hint| hint.contains("shopctl config show")), "{run}");
            // A folder without the x permission is inaccessible.
            assert!(path != "folder" || !run.stdout.contains("chmod"), "{run}");
        }
    }
    assert!(shop.path("folder").is_dir() && shop.path("text").metadata().expect("there").len() > 512);
}

#[test]
fn a_file_in_place_of_a_folder_is_reported_on_creation() {
    let (shop, nobody) = (shop(), UnprivilegedUser::new());
    shop.file("closed/x", "");
    mode(shop.home.path(), 0o755);
    mode(&shop.path("closed"), 0o555);
    for (path, why) in [("closed/new.db", "permission denied"), ("closed/below/new.db", "there is no folder")] {
        let run = nobody.run(&at(&shop, path), &["migrate", "up"]).exits_with(4).says("cannot create");
        assert!(run.stderr.contains(why) && !hints(&run).is_empty(), "{run}");
    }
}

#[test]
fn doctor_reports_a_read_only_database_file() {
    let (shop, nobody) = (shop(), UnprivilegedUser::new());
    let role = |shop: &Shop| {
        let json = nobody.run(shop, &["doctor", "--json"]).success().json();
        let items = json["items"].as_array().expect("a list").clone();
        let check = items.into_iter().find(|item| item["name"] == "server-role").expect("a check");
        (
            check["state"].as_str().unwrap_or_default().to_owned(),
            check["detail"].as_str().unwrap_or_default().to_owned(),
        )
    };
    mode(shop.home.path(), 0o777);
    mode(&shop.path("shop.db"), 0o666);
    assert_eq!(role(&shop).0, "ok");
    let names = || std::fs::read_dir(shop.home.path()).expect("ours").count();
    let before = names();
    mode(&shop.path("shop.db"), 0o444);
    let (state, detail) = role(&shop);
    assert!(state == "warning" && detail.contains("the file ") && detail.contains("permission denied"), "{detail}");
    mode(&shop.path("shop.db"), 0o666);
    mode(shop.home.path(), 0o555);
    let (state, detail) = role(&shop);
    assert!(state == "warning" && detail.contains("its folder ") && detail.contains("permission denied"), "{detail}");
    mode(shop.home.path(), 0o755);
    assert_eq!(names(), before, "doctor left something behind");
}

#[test]
fn doctor_suggests_only_commands_that_can_run_now() {
    let shop = shop();
    shop.file("empty.db", "");
    let empty = at(&shop, "empty.db");
    let doctor = empty.run(&["doctor"]).exits_with(9);
    assert!(doctor.stdout.contains("shopctl migrate up") && !doctor.stdout.contains("migrate env"), "{doctor}");
    empty.run(&["migrate", "up"]).success();
    let doctor = empty.run(&["doctor"]).success();
    assert!(doctor.stdout.contains("shopctl migrate env production"), "{doctor}");
    empty.paste("shopctl migrate env production").success();
}

#[test]
fn a_damaged_page_is_found_although_every_query_still_answers() {
    use std::os::unix::fs::FileExt;
    let shop = shop();
    shop.run(&["seed", "up"]).success();
    shop.run(&["doctor", "--deep"]).success();
    let root = shop.number("SELECT rootpage FROM sqlite_master WHERE name = 'idx_orders_created_at'");
    let size = shop.number("SELECT page_size FROM pragma_page_size");
    let file = std::fs::OpenOptions::new().write(true).open(shop.path("shop.db")).expect("ours");
    let place = (root - 1) * size + size - 40;
    file.write_all_at(&[0xff; 40], u64::try_from(place).expect("in the file")).expect("writable");
    let run = shop.run(&["doctor", "--deep"]).exits_with(9);
    assert!(run.stdout.contains("the file is damaged") && run.stdout.contains("restore FILE --replace"), "{run}");
}

#[test]
fn a_damaged_file_is_moved_aside_by_the_hint_and_the_backup_restored() {
    use std::os::unix::fs::FileExt;
    let shop = shop();
    shop.run(&["seed", "up"]).success();
    let backup = shop.path("shop.backup").display().to_string();
    shop.run(&["backup", "--out", &backup]).success();
    let whole = std::fs::read(shop.path("shop.db")).expect("ours");
    let write = |name: &str, bytes: &[u8]| std::fs::write(shop.path(name), bytes).expect("ours");
    write("truncated.db", &whole[..9000]);
    write("text.db", "no database, but long enough for one. ".repeat(20).as_bytes());
    write("pages.db", &whole);
    let file = std::fs::OpenOptions::new().write(true).open(shop.path("pages.db")).expect("ours");
    file.write_all_at(&[0xa5; 40_000], 12_288).expect("writable");
    // One index alone: every query still answers.
    write("index.db", &whole);
    let root = shop.number("SELECT rootpage FROM sqlite_master WHERE name = 'idx_orders_created_at'");
    let place = u64::try_from(root * 4096 - 40).expect("in the file");
    let file = std::fs::OpenOptions::new().write(true).open(shop.path("index.db")).expect("ours");
    file.write_all_at(&[0xff; 40], place).expect("writable");
    for name in ["truncated.db", "text.db", "pages.db", "index.db"] {
        let damaged = at(&shop, name);
        let before = std::fs::read(shop.path(name)).expect("ours");
        let refused = damaged.run(&["restore", &backup, "--replace"]).exits_with(11);
        assert_eq!(std::fs::read(shop.path(name)).expect("ours"), before, "{refused}");
        let confirmed = damaged.paste(&hints(&refused)[0]).success().says(" moved to ");
        damaged.run(&["doctor", "--deep"]).success();
        let aside = confirmed.stderr.lines().find_map(|line| line.split_once(" moved to ")).expect("said").1;
        assert_eq!(std::fs::read(aside).expect("kept"), before, "{confirmed}");
    }
    let folder = at(&shop, "folder");
    std::fs::create_dir(shop.path("folder")).expect("ours");
    let run = folder.run(&["restore", &backup, "--replace"]).exits_with(4).says("is a folder");
    assert!(!run.stderr.contains("--replace"), "{run}");
}

#[test]
fn the_default_shop_that_is_not_there_yet_has_the_hints_to_create_it() {
    let shop = Shop::empty(Backend::Sqlite).expect("always there");
    let mut command = shop.command(&["user", "list"]);
    command.env_remove("DATABASE_URL").env("XDG_DATA_HOME", shop.path("data"));
    let run = crate::support::shop::finish(command.spawn().expect("built"), &["user", "list"]).exits_with(4);
    let run = run.says("no shop at ").says("shopctl migrate up").says("shopctl quickstart");
    assert!(!shop.path("data").exists(), "reading creates nothing: {run}");
}

#[test]
fn a_file_named_where_a_shop_is_meant_is_proposed_as_one() {
    let shop = shop();
    for (name, line) in [
        ("shop.db", &["diff", "shop.db", "sqlite:shop.db"][..]),
        ("new.db", &["copy", "--from", "sqlite:shop.db", "--to", "new.db"]),
    ] {
        let mut command = shop.command(line);
        command.env_remove("DATABASE_URL");
        let run = crate::support::shop::finish(command.spawn().expect("built"), line).exits_with(4);
        let run = run.says(&format!("no context {name}\n")).says(&format!("if {name} is a file: sqlite:{name}"));
        assert!(!run.stderr.contains("--context"), "{run}");
    }
}
