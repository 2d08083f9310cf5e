//! Files that shopctl writes: links, pipes, devices and modes at their path are preserved.
#![cfg(unix)]

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::{FileTypeExt, PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::process::{Command, Stdio};

use crate::support::{Backend, Shop};

/// A seeded shop; where its rows are stored makes no difference to files.
fn shop() -> Shop {
    let shop = Shop::migrated(Backend::Sqlite).expect("always there");
    shop.run(&["seed", "up"]).success();
    shop
}

/// Every command that writes a file, with the ending of what it writes.
const WRITERS: [(&[&str], &str); 7] = [
    (&["product", "export"], "csv"),
    (&["user", "export"], "jsonl"),
    (&["order", "export"], "csv"),
    (&["audit", "export"], "jsonl"),
    (&["user", "export-data", "grace@example.com"], "json"),
    (&["seed", "export"], "toml"),
    (&["report", "dashboard"], "html"),
];

fn to<'a>(command: &[&'a str], file: &'a str) -> Vec<&'a str> {
    [command, &["--out", file]].concat()
}

fn mode(shop: &Shop, name: &str) -> u32 {
    fs::metadata(shop.path(name)).expect("is there").permissions().mode() & 0o777
}

fn text(shop: &Shop, name: &str) -> String {
    fs::read_to_string(shop.path(name)).expect("is there")
}

/// Nothing unfinished is left.
fn assert_tidy(shop: &Shop) {
    let left = fs::read_dir(shop.home.path()).expect("ours").flatten().map(|entry| entry.file_name());
    let left: Vec<String> = left.map(|name| name.to_string_lossy().into_owned()).collect();
    assert!(!left.iter().any(|name| name.contains("tmp")), "{left:?}");
}

#[test]
fn a_device_stays_a_device() {
    let shop = shop();
    for (command, _) in WRITERS {
        shop.run(&to(command, "/dev/null")).success();
        assert!(fs::symlink_metadata("/dev/null").expect("is there").file_type().is_char_device(), "{command:?}");
        let run = shop.run(&to(command, "/dev/full")).exits_with(5).says("cannot write /dev/full: no space left");
        assert!(!run.stderr.contains("os error"), "{run}");
    }
}

#[test]
fn standard_output_by_any_of_its_names_is_standard_output() {
    let shop = shop();
    for (command, _) in WRITERS {
        // The time of the export differs.
        let is_kept = |line: &&str| !line.contains("exported_at") && !line.contains("As of ");
        let plain = |text: String| text.lines().filter(is_kept).collect::<Vec<_>>().join("\n");
        let format = if command == ["user", "export"] { &["-o", "csv"][..] } else { &[] };
        let wanted = plain(shop.run(&[command, format].concat()).success().stdout);
        for name in ["-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"] {
            let run = shop.run(&to(command, name)).success();
            assert_eq!(plain(run.stdout), wanted, "{command:?} {name}");
        }
        assert!(!shop.path("-").exists());
        assert!(fs::symlink_metadata("/dev/stdout").expect("is there").is_symlink());
    }
}

#[test]
fn concurrent_writes_to_the_same_open_file_are_kept() {
    let shop = shop();
    let binary = env!("CARGO_BIN_EXE_shopctl");
    let script = format!(
        "{{ echo before; {binary} product export -q --out /dev/stdout; echo after; }} > out.csv &&
         exec 3> three.csv && echo before >&3 && {binary} product export -q --out /dev/fd/3 && echo after >&3"
    );
    let mut shell = shop.command(&[]);
    let mut command = Command::new("sh");
    command.args(["-c", &script]).envs(shell.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.current_dir(shop.home.path()).stdin(Stdio::null());
    assert!(command.status().expect("sh is there").success());
    shell.stdout(Stdio::null());
    for name in ["out.csv", "three.csv"] {
        let text = text(&shop, name);
        assert!(text.starts_with("before\n") && text.ends_with("after\n"), "{name}: {text}");
        assert_eq!(text.lines().count(), 13, "{name}: {text}");
    }
}

#[test]
fn a_pipe_reader_receives_all_output() {
    let shop = shop();
    for (command, _) in WRITERS {
        let pipe = shop.path("pipe.here");
        assert!(Command::new("mkfifo").arg(&pipe).status().expect("mkfifo is there").success());
        let child = shop.start(&to(command, "pipe.here"));
        let mut read = String::new();
        File::open(&pipe).and_then(|mut file| file.read_to_string(&mut read)).expect("readable");
        crate::support::shop::finish(child, command).success();
        assert!(read.lines().count() > 2, "{command:?}: {read}");
        assert!(fs::symlink_metadata(&pipe).expect("is there").file_type().is_fifo());
        fs::remove_file(&pipe).expect("ours");
    }
}

#[test]
fn a_pipe_without_a_reader_does_not_block_forever() {
    let shop = shop();
    assert!(Command::new("mkfifo").arg(shop.path("pipe")).status().expect("mkfifo is there").success());
    let run = shop.run(&["product", "export", "--out", "pipe"]).exits_with(5).says("nothing reads from the pipe");
    assert!(run.duration.as_secs() < 15, "{run}");
}

#[test]
fn a_socket_is_written_through() {
    let shop = shop();
    let listener = UnixListener::bind(shop.path("socket")).expect("ours");
    let child = shop.start(&["product", "export", "--out", "socket"]);
    let mut read = String::new();
    listener.accept().and_then(|(mut stream, _)| stream.read_to_string(&mut read)).expect("readable");
    crate::support::shop::finish(child, &["product", "export"]).success();
    assert_eq!(read.lines().count(), 11, "{read}");
    drop(listener);
    shop.run(&["product", "export", "--out", "socket"]).exits_with(4).says("nothing is listening there");
}

#[test]
fn the_target_of_a_link_is_replaced_and_the_link_stays() {
    let shop = shop();
    fs::create_dir_all(shop.path("real/deep")).expect("ours");
    for (command, ending) in WRITERS {
        let target = format!("real/deep/target.{ending}");
        fs::write(shop.path(&target), "old").expect("ours");
        fs::set_permissions(shop.path(&target), fs::Permissions::from_mode(0o640)).expect("ours");
        let (link, second) = (format!("link.{ending}"), format!("real/second.{ending}"));
        for name in [&link, &second] {
            let _ = fs::remove_file(shop.path(name));
        }
        symlink(format!("deep/target.{ending}"), shop.path(&second)).expect("ours");
        symlink(&second, shop.path(&link)).expect("ours");
        shop.run(&to(command, &link)).success();
        for name in [&link, &second] {
            assert!(fs::symlink_metadata(shop.path(name)).expect("is there").is_symlink(), "{command:?} {name}");
        }
        assert!(text(&shop, &target).len() > 10, "{command:?}");
        assert_eq!(mode(&shop, &target), 0o640, "{command:?}");
    }
    assert_tidy(&shop);
}

#[test]
fn a_file_keeps_its_mode_and_a_new_one_is_private() {
    let shop = shop();
    for (command, ending) in WRITERS {
        let file = format!("{}.{ending}", command.join("-"));
        shop.run(&to(command, &file)).success();
        assert_eq!(mode(&shop, &file), 0o600, "{command:?}");
        fs::set_permissions(shop.path(&file), fs::Permissions::from_mode(0o664)).expect("ours");
        shop.run(&to(command, &file)).success();
        assert_eq!(mode(&shop, &file), 0o664, "{command:?}");
    }
}

#[test]
fn an_unwritable_path_is_reported_in_plain_words() {
    let shop = shop();
    fs::create_dir(shop.path("folder")).expect("ours");
    fs::write(shop.path("plain"), "x").expect("ours");
    symlink("nowhere", shop.path("dangling")).expect("ours");
    symlink("circle", shop.path("circle")).expect("ours");
    let long = "x".repeat(300);
    let cases = [
        ("folder", "it is a folder"),
        ("folder/", "it is a folder"),
        ("new/", "it names a folder"),
        (".", "it is a folder"),
        ("no/such/file", "there is no folder no/such"),
        ("plain/file", "part of its path is not a folder"),
        ("dangling", "it is a link to nowhere, which does not exist"),
        ("circle", "its links form a loop"),
        (&long, "the name is too long"),
        ("/proc/file", "cannot write /proc/file: "),
        ("/sys/file", "cannot write /sys/file: "),
        ("/dev/fd/77", "cannot write /dev/fd/77: "),
        ("shop.db", "cannot write shop.db: "),
    ];
    for (command, _) in WRITERS {
        for (file, reason) in cases {
            let run = shop.run(&to(command, file));
            assert!([2, 4].contains(&run.code), "{run}");
            assert!(run.stderr.contains(reason), "{reason}: {run}");
            assert!(!run.stderr.contains("os error") && !run.stderr.contains("tmp"), "{run}");
        }
        shop.run(&to(command, "")).exits_with(2);
    }
    assert!(fs::symlink_metadata(shop.path("dangling")).expect("is there").is_symlink());
    assert!(!shop.path("nowhere").exists());
    assert_tidy(&shop);
}

#[test]
fn a_database_is_never_overwritten() {
    let shop = shop();
    fs::copy(shop.path("shop.db"), shop.path("copy")).expect("ours");
    let before = fs::read(shop.path("copy")).expect("is there");
    for (command, _) in WRITERS {
        shop.run(&to(command, "copy")).exits_with(4).says("it is a SQLite database");
    }
    assert_eq!(fs::read(shop.path("copy")).expect("is there"), before);
    // The newest commits are in the WAL file.
    for part in ["copy-wal", "copy-shm", "copy-journal"] {
        shop.run(&to(WRITERS[0].0, part)).exits_with(4).says("it is part of a SQLite database");
        assert!(!shop.path(part).exists());
    }
}

#[test]
fn an_extension_that_contradicts_the_format_is_rejected() {
    let shop = shop();
    let product = |out: &str, format: &[&str]| shop.run(&[&["product", "export", "--out", out], format].concat());
    for (file, format) in [
        ("sales.xlsx", &[][..]),
        ("sales.XLSX", &["-o", "csv"]),
        ("sales.ods", &["-o", "csv"]),
        ("sales.csv.gz", &["-o", "csv"]),
        ("sales.report", &[]),
        ("sales.txt", &[]),
        ("sales.csv", &["--json"]),
        ("sales.json", &["-o", "csv"]),
        ("sales.tsv", &["-o", "table"]),
    ] {
        let run = product(file, format).exits_with(2);
        let format = format.last().copied().unwrap_or("csv");
        assert!(run.stderr.contains("use the extension .") || format == "table", "{run}");
        assert!(!shop.path(file).exists());
    }
    for (file, format) in [
        ("a.CSV", &[][..]),
        ("a.tsv", &[]),
        ("a.ndjson", &[]),
        ("a", &[]),
        ("a.2026-01", &["-o", "csv"]),
        ("a.txt", &["-o", "table"]),
        ("a.mongo.json", &["-o", "mongo-json"]),
        ("a.json", &[]),
    ] {
        product(file, format).success();
        assert!(text(&shop, file).len() > 10);
    }
    assert!(text(&shop, "a.CSV").starts_with("id,sku,"), "{}", text(&shop, "a.CSV"));
    assert!(text(&shop, "a.ndjson").starts_with('{'));
    shop.run(&["audit", "export", "--out", "events.csv"]).exits_with(2).says(".jsonl or .ndjson");
    shop.run(&["user", "export-data", "grace@example.com", "--out", "grace.pdf"]).exits_with(2).says(".json");
    shop.run(&["seed", "export", "--out", "seed.json"]).exits_with(2).says(".toml");
}

#[test]
fn terminal_control_characters_in_personal_data_are_escaped() {
    let shop = shop();
    shop.sql("UPDATE users SET first_name = 'G' || char(0x9b, 0x7f, 0x202e, 0x2028) || 'e' WHERE email LIKE 'grace%'");
    let run = shop.run(&["user", "export-data", "grace@example.com"]).success();
    assert!(run.stdout.contains(r"G\u009b\u007f\u202e\u2028e"), "{run}");
    assert_eq!(run.json()["user"]["first_name"], "G\u{9b}\u{7f}\u{202e}\u{2028}e");
}

#[test]
fn import_errors_are_written_to_the_given_path() {
    let shop = shop();
    shop.file("new.csv", "sku,name,price\nN-1,n,1\nN-2,n,x\n");
    shop.file("target.csv", "old");
    symlink("target.csv", shop.path("link.csv")).expect("ours");
    let import = |errors: &str, code: i32| {
        let run = shop.run(&["product", "import", "new.csv", "--on-error", "reject-rows", "--errors", errors]);
        run.exits_with(code)
    };
    import("/dev/null", 8);
    assert!(fs::symlink_metadata("/dev/null").expect("is there").file_type().is_char_device());
    import("/dev/full", 5).says("cannot write /dev/full: no space left on the disk; 1 row was rejected");
    import("link.csv", 8);
    assert!(fs::symlink_metadata(shop.path("link.csv")).expect("is there").is_symlink());
    // Both passes find the row, but it is written once.
    assert_eq!(text(&shop, "target.csv").lines().count(), 2);
    import("/dev/stdout", 2);
    let before = shop.counts();
    for (errors, code, said) in
        [("nowhere/a.csv", 4, "there is no folder"), ("wrong.xlsx", 2, "would not match the extension .xlsx")]
    {
        shop.file("new.csv", "sku,name,price\nN-3,n,1\n");
        import(errors, code).says(said);
    }
    assert_eq!(shop.counts(), before);
    assert_tidy(&shop);
}
