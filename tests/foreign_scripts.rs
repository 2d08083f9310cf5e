//! Scripts that shopctl prints, run by the engines' own clients, which go on after an error.

use std::fs;
use std::process::{Command, Stdio};

use crate::on_every_backend;
use crate::support::foreign::{assert_taken_over, document, fingerprint, hints, made_by_others, sequelize};
use crate::support::servers::has_client;
use crate::support::{Backend, Shop};

on_every_backend!(a_script_that_is_run_again_changes_nothing);

/// The engine's own client, which goes on after an error.
fn client(shop: &Shop) -> Command {
    let (name, arguments) = match shop.backend {
        Backend::Sqlite => ("sqlite3", vec![shop.path("shop.db").display().to_string()]),
        Backend::Postgres => ("psql", vec![shop.url.clone()]),
        Backend::MariaDb => {
            let (server, database) = shop.url.rsplit_once('/').expect("a URL with a path");
            let (_, port) = server.rsplit_once(':').expect("a URL with a port");
            let known = ["--no-defaults", "--force", "-h127.0.0.1", "-uroot"].map(str::to_owned);
            ("mariadb", known.into_iter().chain([format!("-P{port}"), database.to_owned()]).collect())
        }
    };
    let mut client = Command::new(name);
    client.args(arguments);
    client
}

fn has_own_client(backend: Backend) -> bool {
    match backend {
        Backend::Sqlite => has_client("sqlite3", "sqlite3"),
        Backend::Postgres => has_client("psql", "postgresql-client"),
        Backend::MariaDb => has_client("mariadb", "mariadb-client"),
    }
}

fn run_and_go_on(shop: &Shop, script: &str) {
    let script = fs::File::open(shop.file("script.sql", script)).expect("the test's own file");
    let client = client(shop).stdin(script).stdout(Stdio::null()).stderr(Stdio::null()).status();
    client.expect("the client is installed");
}

/// Values that a second run would make anew: SKUs, references, statuses.
fn a_script_that_is_run_again_changes_nothing(shop: &Shop) {
    if !has_own_client(shop.backend) {
        return;
    }
    for statements in [sequelize(shop.backend), document(shop.backend)] {
        let made = made_by_others(shop, &statements);
        let script = made.run(&["adopt", "--sql"]).success().stdout;
        run_and_go_on(&made, &script);
        made.run(&["adopt", "--yes", "--fix-totals"]).success();
        made.run(&["user", "disable", "ben@example.com", "--yes"]).success();
        // What is in the way of the script may be gone.
        if shop.backend == Backend::MariaDb {
            let copies = ["order_items", "orders", "products", "users"].map(|table| format!("{table}_before_adopt"));
            made.sql(&format!("DROP TABLE {}", copies.join(", ")));
        }
        made.sql("ALTER TABLE users ADD COLUMN nickname varchar(20)");
        made.sql("UPDATE users SET nickname = 'Countess'");
        made.sql("CREATE INDEX nicknames ON users (nickname)");
        let before = (made.schema(), made.everything(), made.column("SELECT nickname FROM users"));
        run_and_go_on(&made, &script);
        assert!((made.schema(), made.everything(), made.column("SELECT nickname FROM users")) == before);
        for command in [&["migrate", "verify"][..], &["audit", "verify"], &["doctor", "--deep"]] {
            made.run(command).success();
        }
    }
}

#[test]
fn a_script_that_sqlite_runs_again_ends_with_one_message() {
    let Some(empty) = Shop::empty(Backend::Sqlite).filter(|_| has_client("sqlite3", "sqlite3")) else { return };
    let made = made_by_others(&empty, &sequelize(Backend::Sqlite));
    let script = made.run(&["adopt", "--sql"]).success().stdout;
    let run = |script: &str| {
        let script = fs::File::open(made.file("script.sql", script)).expect("the test's own file");
        let output = client(&made).stdin(script).output().expect("the client is installed");
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    assert_eq!(run(&script), "");
    let after_it = (made.schema(), made.everything());
    for _ in 0..2 {
        let errors = run(&script);
        assert_eq!(errors.lines().filter(|line| line.contains("rror")).count(), 1, "{errors}");
        assert!(errors.contains("this script was run before; nothing was changed"), "{errors}");
        assert!((made.schema(), made.everything()) == after_it);
    }
    made.run(&["adopt", "--yes"]).success();
    assert_taken_over(&made);
}

#[test]
fn the_script_destroys_nothing_in_a_client_that_goes_on_after_an_error() {
    let Some(empty) = Shop::empty(Backend::Sqlite).filter(|_| has_client("sqlite3", "sqlite3")) else { return };
    let made = made_by_others(&empty, &sequelize(Backend::Sqlite));
    let script = made.run(&["adopt", "--sql"]).success().stdout;
    // Meanwhile the other program writes what does not fit.
    made.sql("UPDATE orders SET status = 'lost'");
    let before = fingerprint(&made);
    let rows = || {
        ["users", "products", "orders", "OrderItems"].map(|table| made.number(&format!("SELECT COUNT(*) FROM {table}")))
    };
    run_and_go_on(&made, &script);
    assert_eq!(rows(), [2, 1, 1, 1]);
    let own = |schema: &shopctl::db::schema::Schema| schema.only(&["users", "products", "orders", "OrderItems"]);
    let columns = |schema: &shopctl::db::schema::Schema| {
        let mut schema = own(schema);
        schema.objects.retain(|object, _| object.kind == shopctl::db::schema::ObjectKind::Column);
        schema.objects
    };
    assert!(columns(&made.schema()) == columns(&before.0), "the tables are as they were: {:?}", made.schema());
    made.sql("UPDATE orders SET status = 'paid'");
    run_and_go_on(&made, &script);
    made.run(&["adopt", "--yes"]).success();
    assert_taken_over(&made);
}

#[test]
fn a_repair_that_makes_a_table_again_destroys_nothing_in_a_client_that_goes_on() {
    let Some(shop) = Shop::migrated(Backend::Sqlite).filter(|_| has_client("sqlite3", "sqlite3")) else { return };
    shop.product("MUG", "9.50", 3);
    shop.sql(
        "PRAGMA writable_schema = ON; UPDATE sqlite_master SET sql = replace(sql, '\"price\" >= 0', '\"price\" >= -9') \
         WHERE name = 'products'; PRAGMA writable_schema = OFF",
    );
    shop.sql("UPDATE products SET price = -1");
    let before = shop.schema();
    let run = shop.run(&["migrate", "verify"]).exits_with(9);
    let hints = hints(&run.stderr);
    let repair = hints.iter().find_map(|hint| Some(&hint[hint.find("PRAGMA ")?..])).expect("a repair");
    run_and_go_on(&shop, &repair.replace("; ", ";\n"));
    assert_eq!(shop.number("SELECT COUNT(*) FROM products"), 1);
    assert!(shop.schema() == before, "nothing was changed");
    shop.sql("UPDATE products SET price = 9.5");
    run_and_go_on(&shop, repair);
    shop.run(&["migrate", "verify"]).success();
    assert_eq!(shop.number("SELECT COUNT(*) FROM products"), 1);
}

/// It would put the default in the place of the values of a column that it added.
#[test]
fn a_repair_that_is_run_again_changes_nothing() {
    let Some(shop) = Shop::migrated(Backend::Sqlite).filter(|_| has_client("sqlite3", "sqlite3")) else { return };
    shop.user("ann");
    shop.sql(
        "PRAGMA foreign_keys = OFF; PRAGMA legacy_alter_table = ON; \
         CREATE TABLE without_status (id text NOT NULL PRIMARY KEY, email varchar(255) NOT NULL UNIQUE, \
         password_hash varchar(255) NOT NULL, first_name varchar(100) NOT NULL, last_name varchar(100) NOT NULL, \
         created_at datetime NOT NULL, updated_at datetime NOT NULL); \
         INSERT INTO without_status SELECT id, email, password_hash, first_name, last_name, created_at, updated_at \
         FROM users; DROP TABLE users; ALTER TABLE without_status RENAME TO users; \
         PRAGMA legacy_alter_table = OFF",
    );
    let run = shop.run(&["migrate", "verify"]).exits_with(9);
    let hints = hints(&run.stderr);
    let repair = hints.iter().find_map(|hint| Some(&hint[hint.find("PRAGMA ")?..])).expect("a repair");
    run_and_go_on(&shop, repair);
    shop.run(&["migrate", "verify"]).success();
    shop.sql("UPDATE users SET status = 'disabled'");
    let before = (shop.schema(), shop.everything());
    run_and_go_on(&shop, &repair.replace("; ", ";\n"));
    assert!((shop.schema(), shop.everything()) == before);
}
