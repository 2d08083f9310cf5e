//! Backups: one file for every engine, whole or refused, and restored exactly.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use sea_orm::{ConnectionTrait, TransactionTrait};

use crate::moving::{face, live};
use crate::on_every_backend;
use crate::support::shop::{block_on, finish};
use crate::support::{Backend, Run, Shop, await_that, rounds};

on_every_backend!(
    a_backup_is_restored_on_every_engine,
    a_shop_is_replaced_only_by_its_name_and_after_a_backup,
    a_change_after_the_backup_keeps_a_shop_from_being_replaced,
    a_killed_restore_is_completed_by_the_same_command,
    a_killed_replacement_leaves_the_old_shop_an_empty_or_the_new_one,
    a_backup_is_of_one_moment_while_others_write,
    rows_that_nobody_can_restore_are_named_before_they_are_lost,
    a_shop_on_a_server_is_backed_up_before_migrations_drop_its_rows,
);

const BACKENDS: [Backend; 3] = [Backend::Sqlite, Backend::Postgres, Backend::MariaDb];

/// A backup of a shop, at a path that every shop can name.
fn backup(shop: &Shop) -> String {
    let file = shop.path("shop.backup").display().to_string();
    shop.run(&["backup", "--out", &file]).success();
    file
}

fn files_in(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|file| file.path()).collect();
    files.sort();
    files
}

/// A run with a folder for backups of its own.
fn run_with_folder(shop: &Shop, arguments: &[&str], folder: &Path) -> Run {
    let mut command = shop.command(arguments);
    command.env("SHOPCTL_BACKUP_DIR", folder);
    finish(command.spawn().expect("the binary was built"), arguments)
}

fn generate(shop: &Shop, orders: &str) {
    shop.run(&["seed", "generate", "--users", "40", "--products", "20", "--orders", orders, "-y"]).success();
}

fn a_backup_is_restored_on_every_engine(shop: &Shop) {
    generate(shop, "300");
    shop.run(&["seed", "up"]).success();
    live(shop);
    let face = face(shop);
    let head = shop.column("SELECT hash FROM audit_seals ORDER BY number DESC LIMIT 1").remove(0);
    let file = backup(shop);
    let mode = std::fs::metadata(&file).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let verified = shop.run(&["backup", "verify", &file, "--json"]).success();
    assert_eq!(verified.json()["head"], head.as_str(), "{verified}");
    for backend in BACKENDS {
        let Some(to) = Shop::empty(backend) else { continue };
        let restored = to.run(&["restore", &file, "--json"]).success();
        assert_eq!(restored.json()["tables"], verified.json()["tables"]);
        assert_eq!(crate::moving::face(&to), face, "{:?} to {backend:?}", shop.backend);
        to.run(&["audit", "verify", "--head", &head]).success();
        to.run(&["migrate", "verify"]).success();
        to.assert_invariants();
        to.run_with_input(&["user", "verify-password", "ann@example.com", "--password-stdin"], "correct horse\n")
            .success();
        shop.run(&["diff", &shop.url, &to.url]).success();
        assert_eq!(to.run(&["restore", &file, "--json"]).success().json()["changed"], false);
    }
}

fn a_shop_is_replaced_only_by_its_name_and_after_a_backup(shop: &Shop) {
    live(shop);
    let file = backup(shop);
    shop.user("late");
    shop.sql("CREATE TABLE invoices (id int)");
    shop.sql("ALTER TABLE users ADD COLUMN phone varchar(20)");
    let (name, folder) = (shop.database_name(), shop.path("kept"));
    let late = |shop: &Shop| shop.number("SELECT COUNT(*) FROM users WHERE email = 'late@example.com'");
    shop.run(&["restore", &file]).exits_with(6).says("--replace");
    let asked = shop.run(&["restore", &file, "--replace"]).exits_with(11).says(&format!("--confirm {name}"));
    assert!(asked.stderr.contains("lost with its rows: column users.phone"), "{asked}");
    shop.run(&["restore", &file, "--replace", "--confirm", "another"]).exits_with(11);
    assert_eq!((late(shop), files_in(&folder).len()), (1, 0));
    let run = run_with_folder(shop, &["restore", &file, "--replace", "--confirm", &name], &folder).success();
    assert!(run.stderr.contains("backed up to"), "{run}");
    assert_eq!(late(shop), 0);
    assert_eq!(shop.number("SELECT COUNT(*) FROM invoices"), 0, "the table of another program is still there");
    shop.assert_invariants();
    // What was there is in the backup that was made before.
    let [before] = files_in(&folder).try_into().expect("one backup");
    let other = Shop::empty(Backend::Sqlite).expect("always there");
    other.run(&["restore", &before.display().to_string()]).success();
    assert_eq!(late(&other), 1);
    // Rows of other programs would go with the shop's.
    let id = match shop.backend {
        Backend::Sqlite => "text".to_owned(),
        Backend::Postgres => "uuid".to_owned(),
        Backend::MariaDb => shop
            .column(
                "SELECT column_type FROM information_schema.columns WHERE table_schema = DATABASE() \
                 AND table_name = 'users' AND column_name = 'id'",
            )
            .remove(0),
    };
    shop.sql(&format!("CREATE TABLE notes (user_id {id} REFERENCES users (id) ON DELETE CASCADE)"));
    shop.user("late");
    let run = run_with_folder(shop, &["restore", &file, "--replace", "--confirm", &name], &folder).exits_with(6);
    assert!(run.stderr.contains("notes to users"), "{run}");
    assert_eq!(late(shop), 1);
}

fn a_change_after_the_backup_keeps_a_shop_from_being_replaced(shop: &Shop) {
    generate(shop, "30");
    let file = backup(shop);
    shop.user("late");
    let (name, folder) = (shop.database_name(), shop.path("kept"));
    let arguments = ["restore", &file, "--replace", "--confirm", &name];
    block_on(async {
        // Written by another program before the backup, and committed after it.
        let connection = shop.connect().await;
        let open = connection.begin().await.expect("begins");
        let change = "UPDATE users SET last_name = 'Changed' WHERE email = 'late@example.com'";
        open.execute_unprepared(change).await.expect("written");
        let mut command = shop.command(&arguments);
        let child = command.env("SHOPCTL_BACKUP_DIR", &folder).spawn().expect("the binary was built");
        await_that("the shop is backed up", || {
            files_in(&folder)
                .iter()
                .any(|file| file.file_name().is_some_and(|name| !name.as_encoded_bytes().starts_with(b".")))
        });
        shop.await_waiting().await;
        open.commit().await.expect("committed");
        connection.close().await.expect("closes");
        finish(child, &arguments).exits_with(6).says("users has changed since it was backed up");
    });
    assert_eq!(shop.column("SELECT last_name FROM users WHERE email = 'late@example.com'"), ["Changed"]);
    run_with_folder(shop, &arguments, &folder).success();
}

fn a_killed_restore_is_completed_by_the_same_command(on: &Shop) {
    let shop = Shop::migrated(Backend::Sqlite).expect("always there");
    generate(&shop, "300");
    let file = backup(&shop);
    let target = || Shop::empty(on.backend).expect("the same backend");
    let longest = target().run(&["restore", &file]).success().duration.as_millis() as u64;
    let users = shop.number("SELECT COUNT(*) FROM users");
    for _ in 0..rounds() {
        let killed = target();
        killed.run_killed(&["restore", &file], longest);
        let list = killed.run(&["user", "list", "--count", "-o", "id"]);
        // Before the schema is there, no command finds a shop.
        let found = if list.code == 0 { killed.number("SELECT COUNT(*) FROM users") } else { 0 };
        assert!(found == 0 || found == users, "{found} of {users}");
        killed.run(&["restore", &file]).success();
        shop.run(&["diff", &shop.url, &killed.url]).success();
        killed.run(&["migrate", "verify"]).success();
    }
}

fn a_killed_replacement_leaves_the_old_shop_an_empty_or_the_new_one(shop: &Shop) {
    let new = Shop::migrated(Backend::Sqlite).expect("always there");
    generate(&new, "200");
    let (file, name, folder) = (backup(&new), shop.database_name(), shop.path("kept"));
    generate(shop, "100");
    let old = backup(shop);
    let replace = |file: &str| {
        let arguments = ["restore", file, "--replace", "--confirm", &name];
        run_with_folder(shop, &arguments, &folder)
    };
    let longest = replace(&file).success().duration.as_millis() as u64;
    for _ in 0..rounds() {
        replace(&old).success();
        let mut command = shop.command(&["restore", &file, "--replace", "--confirm", &name]);
        let mut child = command.env("SHOPCTL_BACKUP_DIR", &folder).spawn().expect("the binary was built");
        std::thread::sleep(std::time::Duration::from_millis(rand::random_range(0..longest)));
        let _ = child.kill();
        let _ = finish(child, &["restore"]);
        shop.await_alone();
        let orders = shop.number("SELECT COUNT(*) FROM orders");
        assert!([0, 100, 200].contains(&orders), "{orders} orders");
        replace(&file).success();
        shop.run(&["diff", &new.url, &shop.url]).success();
    }
}

fn a_backup_is_of_one_moment_while_others_write(shop: &Shop) {
    generate(shop, "1000");
    shop.product("M-1", "1.00", 1000);
    let buyer = shop.user("ann");
    let file = shop.path("shop.backup").display().to_string();
    let arguments = ["backup", "--out", &file];
    let child = shop.start(&arguments);
    await_that("the backup has begun", || {
        let names = files_in(shop.home.path()).into_iter().map(|file| file.display().to_string());
        names.into_iter().any(|name| name.contains(".shopctl-") || name.ends_with("shop.backup"))
    });
    for _ in 0..5 {
        shop.run(&["order", "create", "--user", &buyer, "--item", "M-1:2"]).success();
    }
    finish(child, &arguments).success();
    // Stock, movements, orders and events agree, whichever orders are in it.
    shop.run(&["backup", "verify", &file]).success();
}

fn rows_that_nobody_can_restore_are_named_before_they_are_lost(shop: &Shop) {
    live(shop);
    if shop.backend != Backend::Sqlite {
        return;
    }
    shop.sql("UPDATE products SET name = CAST(X'41FF' AS text) WHERE sku = 'M-1'");
    let run = shop.run(&["backup", "--out", "shop.backup"]).exits_with(7);
    assert!(run.stderr.contains("M-1") && run.stderr.contains("not UTF-8"), "{run}");
    assert!(!shop.path("shop.backup").exists(), "{run}");
}

fn a_shop_on_a_server_is_backed_up_before_migrations_drop_its_rows(shop: &Shop) {
    if shop.backend == Backend::Sqlite {
        // Its file is copied under the lock under which the tables are dropped.
        return;
    }
    let folder = shop.path("kept");
    shop.file("no_folder", "");
    for round in 0..5 {
        shop.product(&format!("M-{round}"), "1.00", 3);
        // Without a backup nothing is dropped.
        let run = run_with_folder(shop, &["migrate", "reset", "-y"], &shop.path("no_folder/below")).exits_with(4);
        assert!(run.stderr.contains("--no-backup"), "{run}");
        assert_eq!(shop.number("SELECT COUNT(*) FROM products"), 1);
        let run = run_with_folder(shop, &["migrate", ["refresh", "fresh"][round % 2], "-y"], &folder).success();
        assert!(run.stderr.contains("backed up to"), "{run}");
        assert_eq!(files_in(&folder).len(), (round + 1).min(3));
    }
    // The newest are kept.
    let newest = files_in(&folder).into_iter().max_by_key(|file| file.metadata().expect("it is there").modified().ok());
    let other = Shop::empty(Backend::Sqlite).expect("always there");
    other.run(&["restore", &newest.expect("three").display().to_string()]).success();
    assert_eq!(other.column("SELECT sku FROM products"), ["M-4"]);
    // Nothing to lose, and nothing wanted.
    let quiet = run_with_folder(shop, &["migrate", "refresh", "-y"], &shop.path("other")).success();
    assert!(!quiet.stderr.contains("backed up"), "{quiet}");
    shop.product("M-5", "1.00", 3);
    run_with_folder(shop, &["migrate", "down", "--steps", "20", "-y", "--no-backup"], &shop.path("other")).success();
    assert_eq!(files_in(&shop.path("other")).len(), 0);
}

#[test]
fn verify_says_which_engines_would_refuse_a_backup() {
    let shop = Shop::migrated(Backend::Sqlite).expect("always there");
    shop.product("M-1", "1.00", 3);
    let file = backup(&shop);
    let run = shop.run(&["backup", "verify", &file]).success();
    assert!(run.stdout.contains(" can be restored: "), "{run}");
    shop.sql("UPDATE products SET updated_at = 'soon', price = 1.005");
    let file = shop.path("odd.backup").display().to_string();
    shop.run(&["backup", "--out", &file]).success();
    let run = shop.run(&["backup", "verify", &file]).success();
    assert!(run.stdout.contains(" can be restored, but not to postgres or mysql: "), "{run}");
    run.says("postgres and mysql would refuse 1 row: M-1").says("of products: price is 1.005, which is not");
    let json = shop.run(&["backup", "verify", &file, "--json"]).success().json();
    assert_eq!(json["refused_by"], serde_json::json!(["postgres", "mysql"]));
    for backend in [Backend::Postgres, Backend::MariaDb] {
        if let Some(server) = Shop::empty(backend) {
            server.run(&["restore", &file]).exits_with(7).says("M-1");
        }
    }
}

#[test]
fn a_damaged_backup_and_another_file_are_refused() {
    let shop = Shop::migrated(Backend::Sqlite).expect("always there");
    shop.product("M-1", "1.00", 3);
    let bytes = std::fs::read(backup(&shop)).expect("it is there");
    let path = shop.path("damaged.backup").display().to_string();
    let write = |content: &[u8]| std::fs::write(&path, content).expect("the test's own folder");
    for command in [&["backup", "verify", &path][..], &["restore", &path, "--to", "sqlite:new.db"]] {
        for position in [0, bytes.len() / 2, bytes.len() - 1] {
            let mut content = bytes.clone();
            content[position] ^= 4;
            write(&content);
            shop.run(command).exits_with(7).says("is damaged");
        }
        for length in [bytes.len() - 1, bytes.len() / 2, 20] {
            write(&bytes[..length]);
            shop.run(command).exits_with(7).says("is damaged");
        }
        for other in ["", "sku,name\nA,B\n"] {
            write(other.as_bytes());
            shop.run(command).exits_with(7).says("is not a backup");
        }
    }
    assert!(!shop.path("new.db").exists(), "a damaged backup makes no shop");
    for backend in BACKENDS {
        let Some(empty) = Shop::empty(backend) else { continue };
        empty.run(&["backup", "--out", "shop.backup"]).exits_with(4);
        assert!(!empty.path("shop.backup").exists());
    }
    shop.run(&["restore", "nowhere.backup"]).exits_with(4).says("no such file");
    shop.run(&["restore", "."]).exits_with(4).says("is a folder");
}

#[test]
fn a_backup_goes_into_the_folder_for_backups_unless_a_file_is_named() {
    let shop = Shop::migrated(Backend::Sqlite).expect("always there");
    live(&shop);
    let run = shop.run(&["backup"]).success();
    let [file] = files_in(&shop.path("backups")).try_into().expect("one backup");
    assert!(run.stdout.contains(&file.display().to_string()), "{run}");
    let mode = std::fs::metadata(shop.path("backups")).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    let hint = run.stderr.lines().find_map(|line| line.split_once("shopctl ")).expect("a command").1.to_owned();
    shop.paste(&format!("shopctl {hint}")).success();
    run_with_folder(&shop, &["backup"], &shop.path("elsewhere/below")).success();
    assert_eq!(files_in(&shop.path("elsewhere/below")).len(), 1);
    shop.file("shopctl.toml", "backup_dir = \"named\"\n");
    shop.run(&["backup"]).success();
    assert_eq!(files_in(&shop.path("named")).len(), 1);
    shop.run(&["backup", "--out", "shop.csv"]).exits_with(2).says(".backup");
    let dead = "postgres://postgres@127.0.0.1:1/shop";
    shop.run(&["restore", &file.display().to_string(), "--to", dead])
        .exits_with(5)
        .says(&format!("--database-url {dead} config show"));
    shop.file("first.backup", "the only one");
    shop.run(&["backup", "--out", "first.backup"]).exits_with(6).says("first.backup already exists");
    assert_eq!(std::fs::read_to_string(shop.path("first.backup")).expect("it is there"), "the only one");
    shop.run(&["backup", "-o", "csv"]).exits_with(2);
    shop.run(&["backup", "--out", "new.backup"]).success();
    assert_eq!(std::fs::metadata(shop.path("new.backup")).expect("it is there").permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_backup_goes_through_a_pipe() {
    let shop = Shop::migrated(Backend::Sqlite).expect("always there");
    live(&shop);
    let pipe = shop.path("pipe").display().to_string();
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().is_ok_and(|status| status.success()));
    let arguments = ["backup", "--out", &pipe];
    let child = shop.start(&arguments);
    shop.run(&["restore", &pipe, "--to", "sqlite:new.db"]).success();
    finish(child, &arguments).success();
    shop.run(&["diff", &shop.url, "sqlite:new.db"]).success();
}

#[test]
fn a_backup_is_written_to_standard_output_and_read_from_standard_input() {
    let shop = Shop::migrated(Backend::Sqlite).expect("always there");
    live(&shop);
    let run = shop.paste("shopctl backup --out - | shopctl restore - --to sqlite:piped.db").success();
    assert!(run.stderr.contains("backup written to standard output: 11 tables"), "{run}");
    assert!(run.stdout.contains("standard input restored to sqlite:piped.db"), "{run}");
    shop.run(&["diff", &shop.url, "sqlite:piped.db"]).success();
    let run = shop.paste("shopctl backup --out - > kept && shopctl backup verify - < kept").success();
    assert!(run.stdout.contains("standard input can be restored"), "{run}");
    shop.run_with_input(&["restore", "-", "--to", "sqlite:other.db"], "half").exits_with(7).says("standard input");
    shop.run(&["backup", "--out", "-", "--json"]).exits_with(2).says("--output json");
    // Nobody reads it: a backup that nobody has is an error.
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let child = shop.command(&["backup", "--out", "-"]).stdout(writer).spawn().expect("built");
    assert!(!child.wait_with_output().expect("it ends").status.success());
}

#[test]
fn a_backup_of_an_older_schema_is_migrated() {
    let old = Shop::empty(Backend::Sqlite).expect("always there");
    old.run(&["migrate", "up", "--to", "m20260101_000008_create_order_refund_lines"]).success();
    old.sql(
        "INSERT INTO users (email, password_hash, first_name, last_name) VALUES ('ann@example.com', 'x', 'Ann', 'Lee')",
    );
    let file = backup(&old);
    for backend in BACKENDS {
        // Also where the newer schema is there already.
        for shop in [Shop::empty(backend), Shop::migrated(backend)].into_iter().flatten() {
            let run = shop.run(&["restore", &file]);
            assert!([0, 9].contains(&run.code), "the user has no event: {run}");
            shop.run(&["migrate", "status", "--check"]).success();
            shop.run(&["migrate", "verify"]).success();
            assert_eq!(shop.column("SELECT email FROM users"), ["ann@example.com"]);
        }
    }
}

#[test]
fn a_shop_that_fails_its_checks_is_told_by_the_verification() {
    let shop = Shop::migrated(Backend::Sqlite).expect("always there");
    shop.product("M-1", "1.00", 3);
    shop.run(&["audit", "seal"]).success();
    shop.sql("UPDATE audit_events SET actor = 'eve'");
    let file = backup(&shop);
    let run = shop.run(&["backup", "verify", &file]).exits_with(9);
    assert!(run.stderr.contains(&file) && !run.stderr.contains("scratch"), "{run}");
    let hint = run.stderr.lines().find_map(|line| line.split_once("shopctl ")).expect("a command").1.to_owned();
    let _ = shop.paste(&format!("shopctl {hint}"));
    shop.run(&["diff", &shop.url, "sqlite:checked.db"]).success();
}
