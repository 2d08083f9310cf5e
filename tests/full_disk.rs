//! A full disk: a clear error, nothing half-written, and an intact database.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::support::shop::finish;
use crate::support::{Backend, Shop};

/// A small disk of its own, until it is dropped.
struct Disk(PathBuf);

impl Disk {
    /// `None` without the right to mount; a message says so.
    fn mount(folder: &Path, size: &str) -> Option<Disk> {
        std::fs::create_dir(folder).expect("ours");
        let options = format!("size={size}");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(folder).output();
        if mounted.is_ok_and(|output| output.status.success()) {
            return Some(Disk(folder.to_owned()));
        }
        let _ = writeln!(std::io::stderr(), "\nLEFT OUT: the full disk, which needs the right to mount a small one\n");
        None
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

/// A shop on a disk of this size.
fn on_disk(size: &str) -> Option<(Shop, Shop, Disk)> {
    let home = Shop::migrated(Backend::Sqlite).expect("always there");
    let disk = Disk::mount(&home.path("disk"), size)?;
    let shop = home.with_url(format!("sqlite:{}", disk.0.join("shop.db").display()));
    shop.run(&["migrate", "up"]).success();
    Some((home, shop, disk))
}

#[test]
fn a_full_disk_keeps_the_last_product_and_rejects_the_next() {
    let Some((_home, full, _disk)) = on_disk("600k") else { return };
    let description = "x".repeat(9_000);
    let create = |number: i32| {
        let sku = format!("S-{number}");
        let fields = ["--name", "X", "--sku", &sku, "--price", "1", "--description", &description];
        full.run(&[&["product", "create"], &fields[..]].concat())
    };
    let runs: Vec<_> = (0..80).map(create).take_while(|run| run.code == 0).collect();
    create(80).exits_with(5).says("full");
    assert!(runs.len() < 80, "the disk was not full");
    assert_eq!(full.column("PRAGMA integrity_check"), ["ok"]);
    assert_eq!(full.number("SELECT COUNT(*) FROM products"), runs.len() as i64);
}

#[test]
fn a_full_disk_leaves_no_part_of_a_backup() {
    let shop = Shop::migrated(Backend::Sqlite).expect("always there");
    shop.run(&["seed", "generate", "--users", "40", "--products", "20", "--orders", "500", "-y"]).success();
    let Some(disk) = Disk::mount(&shop.path("disk"), "16k") else { return };
    let file = disk.0.join("shop.backup").display().to_string();
    shop.run(&["backup", "--out", &file]).exits_with(5).says("no space left");
    assert_eq!(std::fs::read_dir(&disk.0).expect("mounted").count(), 0);
}

#[test]
fn missing_space_for_the_journal_is_reported_as_a_full_disk() {
    let Some((_home, full, disk)) = on_disk("600k") else { return };
    let fill = |name: &str, size: usize| std::fs::write(disk.0.join(name), vec![b'x'; size]);
    assert!((0..2_000).any(|number| fill(&format!("filler-{number}"), 4_096).is_err()), "the disk was not full");
    let run = full.run(&["product", "create", "--name", "X", "--price", "1"]).exits_with(5);
    assert!(run.stderr.contains("disk is full") && !run.stderr.contains("I/O error"), "{run}");
    // Reading works without free space.
    full.run(&["product", "list"]).success();
}

#[test]
fn an_import_keeps_whole_transactions_and_resumes_when_space_is_available() {
    let Some((_home, full, disk)) = on_disk("2m") else { return };
    let line = |number: i32| format!("S-{number},Name {number},1.00,{}\n", "long ".repeat(40));
    let file = format!("sku,name,price,description\n{}", (0..5_000).map(line).collect::<String>());
    full.file("products.csv", &file);
    full.run(&["product", "import", "products.csv", "--batch", "500"]).exits_with(5).says("full");
    let written = full.number("SELECT COUNT(*) FROM products");
    assert!(written % 500 == 0 && written < 5_000, "whole transactions only: {written}");
    assert_eq!(full.column("PRAGMA integrity_check"), ["ok"]);
    full.assert_invariants();
    let larger = Command::new("mount").args(["-o", "remount,size=40m"]).arg(&disk.0).status();
    assert!(larger.is_ok_and(|status| status.success()));
    let run = full.run(&["product", "import", "products.csv", "--resume"]).success();
    assert!(run.stdout.contains(&format!("{} created", 5_000 - written)), "{run}");
    full.assert_invariants();
}

#[test]
fn a_generated_shop_that_does_not_fit_leaves_nothing() {
    let Some((_home, full, _disk)) = on_disk("2m") else { return };
    let schema = full.schema();
    full.run(&["seed", "generate", "-y"]).exits_with(5).says("full");
    assert_eq!(full.counts().iter().sum::<i64>(), 0);
    assert_eq!(full.column("PRAGMA integrity_check"), ["ok"]);
    assert_eq!(full.schema(), schema);
    full.run(&["seed", "generate", "-y", "--users", "20", "--products", "5", "--orders", "50"]).success();
    full.assert_invariants();
}

#[test]
fn an_export_that_does_not_fit_leaves_no_file() {
    let home = Shop::migrated(Backend::Sqlite).expect("always there");
    home.run(&["seed", "generate", "-y"]).success();
    let Some(disk) = Disk::mount(&home.path("disk"), "100k") else { return };
    for (noun, format) in [("order", "csv"), ("order", "mongo-json"), ("user", "json"), ("product", "jsonl")] {
        let file = disk.0.join("export").display().to_string();
        // Twice the free space, for every noun.
        std::fs::write(disk.0.join("other"), vec![b'x'; 90_000]).expect("there is room for this");
        let run = home.run(&[noun, "export", "-o", format, "--out", &file]).exits_with(5);
        assert!(run.stderr.contains("space"), "{run}");
        let left: Vec<_> = std::fs::read_dir(&disk.0).expect("ours").flatten().map(|entry| entry.file_name()).collect();
        assert_eq!(left, ["other"], "{noun} {format}");
    }
}

#[test]
fn rejected_rows_are_reported_although_their_file_does_not_fit() {
    let home = Shop::migrated(Backend::Sqlite).expect("always there");
    let Some(disk) = Disk::mount(&home.path("disk"), "64k") else { return };
    let rows: String = (0..3_000).map(|number| format!("S-{number},name,not a price\n")).collect();
    home.file("products.csv", &format!("sku,name,price\nA,x,1\n{rows}"));
    let errors = disk.0.join("wrong.csv").display().to_string();
    let arguments = ["product", "import", "products.csv", "--errors", &errors];
    for (flags, said) in
        [(&[][..], "3000 of 3001 rows are invalid"), (&["--on-error", "reject-rows"], "3000 rows were")]
    {
        let run = home.run(&[&arguments[..], flags].concat()).exits_with(5).says(said);
        assert!(run.stderr.contains("wrong.csv: no space left") && run.stderr.contains("line 3: price"), "{run}");
        assert!(!run.stderr.contains(".shopctl-") && !run.stderr.contains("os error"), "{run}");
        assert_eq!(std::fs::read_dir(&disk.0).expect("ours").count(), 0);
    }
    assert_eq!(home.column("SELECT sku FROM products"), ["A"]);
}

#[test]
fn a_full_temporary_folder_is_not_blamed_on_the_stream() {
    let Some((home, _shop, disk)) = on_disk("2m") else { return };
    let arguments = ["product", "import", "-", "--format", "csv", "-n"];
    let mut command = home.command(&arguments);
    let mut child = command.env("TMPDIR", &disk.0).stdin(Stdio::piped()).spawn().expect("the binary was built");
    // shopctl stops reading when the disk is full.
    let _ = child.stdin.take().expect("piped").write_all(&vec![b'x'; 8 << 20]);
    let run = finish(child, &arguments).exits_with(5);
    run.says(&format!("cannot write {}: no space left", disk.0.display())).says("TMPDIR");
    home.run(&["product", "import", "/dev/zero", "--format", "csv"]).exits_with(4).says("/dev/zero is a device");
    home.run(&["product", "import", "/dev/null", "--format", "csv"]).exits_with(7);
}

/// Names of the files in a folder.
fn files_in(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("ours").flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

#[cfg(unix)]
#[test]
fn a_limit_of_the_file_size_is_an_error_and_no_signal() {
    let shop = Shop::migrated(Backend::Sqlite).expect("always there");
    shop.run(&["seed", "generate", "-y", "--users", "200", "--products", "100", "--orders", "1500"]).success();
    let folder = shop.path("out");
    std::fs::create_dir(&folder).expect("ours");
    let export = shop.paste("ulimit -f 100; exec shopctl order export -o csv --out out/orders.csv").exits_with(5);
    export.says("out/orders.csv: the file is too large");
    assert!(files_in(&folder).is_empty());
    let counts = shop.counts();
    let fresh = shop.paste("ulimit -f 100; exec shopctl migrate fresh --yes").exits_with(5);
    fresh.says(".before-fresh-");
    let left = files_in(&shop.path("."));
    assert!(!left.iter().any(|name| name.contains("before-fresh")), "{left:?}");
    assert_eq!(shop.counts(), counts);
}

#[test]
fn a_copy_that_does_not_fit_is_removed_and_nothing_is_changed() {
    let Some((_home, full, disk)) = on_disk("2m") else { return };
    full.run(&["seed", "generate", "-y", "--users", "20", "--products", "5", "--orders", "50"]).success();
    let counts = full.counts();
    let fill = |name: &str| std::fs::write(disk.0.join(name), vec![b'x'; 65_536]);
    assert!((0..64).any(|number| fill(&format!("filler-{number}")).is_err()), "the disk was not full");
    // Room for the files beside the database, not for a copy.
    std::fs::remove_file(disk.0.join("filler-0")).expect("ours");
    full.run(&["migrate", "fresh", "--yes"]).exits_with(5).says(".before-fresh-");
    let left = files_in(&disk.0);
    assert!(!left.iter().any(|name| name.contains("before-fresh")), "{left:?}");
    assert_eq!(full.counts(), counts);
}
