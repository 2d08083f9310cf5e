//! What other programs keep beside the shop that `shopctl adopt` takes over: tables and names, foreign keys, views; and
//! what is left of them when it fails.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sea_orm::{ConnectionTrait, TransactionTrait};

use crate::on_every_backend;
use crate::support::foreign::{
    OTHER_USER, USER, assert_taken_over, document, fingerprint, hints, made_by_others, sequelize,
};
use crate::support::shop::block_on;
use crate::support::{Backend, Shop, await_that};

on_every_backend!(
    names_that_others_took_are_named_first,
    tables_with_the_names_of_copies_do_not_matter,
    columns_of_others_with_odd_names_stay,
    columns_with_the_same_words_stay_beside_and_are_named,
    a_failed_adopt_leaves_nothing_behind,
    foreign_keys_of_others_follow_the_ids,
    views_of_others_survive_or_are_named_first,
    missing_values_that_get_a_default_are_named,
    numbers_as_ids_are_refused_with_another_way
);

fn quoted(shop: &Shop, name: &str) -> String {
    if shop.backend == Backend::MariaDb { format!("`{name}`") } else { format!("\"{name}\"") }
}

fn names_that_others_took_are_named_first(shop: &Shop) {
    let made = made_by_others(shop, &document(shop.backend));
    made.sql("CREATE TABLE stock_movements (n integer)");
    made.sql("INSERT INTO stock_movements VALUES (7)");
    made.sql("CREATE TABLE audit_events (n integer)");
    if shop.backend != Backend::MariaDb {
        made.sql("CREATE INDEX idx_orders_status ON stock_movements (n)");
    }
    let before = fingerprint(&made);
    for arguments in [&["adopt", "--yes", "--fix-totals"][..], &["adopt", "--dry-run"], &["adopt", "--sql"]] {
        let run = made.run(arguments).exits_with(6).says("stock_movements").says("audit_events");
        assert!(fingerprint(&made) == before, "nothing was changed: {run}");
    }
    let run = made.run(&["adopt", "--yes", "--fix-totals"]);
    for hint in hints(&run.stderr) {
        let (_, statement) = hint.split_once(": ").expect("a statement");
        made.sql(statement);
    }
    made.run(&["adopt", "--yes", "--fix-totals"]).success();
    assert_taken_over(&made);
    assert_eq!(made.number("SELECT n FROM other_stock_movements"), 7);
}

fn tables_with_the_names_of_copies_do_not_matter(shop: &Shop) {
    let made = made_by_others(shop, &sequelize(shop.backend));
    let names = ["new_users", "shopctl_new_users", "shopctl_old_users", "shopctl_check", "users_before_adopt"];
    for name in names {
        made.sql(&format!("CREATE TABLE {name} (n integer)"));
        made.sql(&format!("INSERT INTO {name} VALUES (7)"));
    }
    made.run(&["adopt", "--yes"]).success();
    assert_taken_over(&made);
    names.iter().for_each(|name| assert_eq!(made.number(&format!("SELECT n FROM {name}")), 7, "{name}"));
}

fn columns_of_others_with_odd_names_stay(shop: &Shop) {
    let made = made_by_others(shop, &sequelize(shop.backend));
    let names = ["NickName", "group", "a b", "it's, (odd)", "my createdAt"];
    for name in names {
        let name = quoted(shop, name);
        made.sql(&format!("ALTER TABLE users ADD COLUMN {name} varchar(20)"));
        made.sql(&format!("UPDATE users SET {name} = 'kept' WHERE email = 'ada@example.com'"));
    }
    let (nick, blank) = (quoted(shop, "NickName"), quoted(shop, "a b"));
    made.sql(&format!("CREATE UNIQUE INDEX nicks ON users ({nick}, {blank})"));
    made.run(&["adopt", "--yes"]).success();
    assert_taken_over(&made);
    for name in names {
        let kept = made.column(&format!("SELECT {} FROM users WHERE email = 'ada@example.com'", quoted(shop, name)));
        assert_eq!(kept, ["kept"], "{name}");
    }
    assert!(format!("{:?}", made.schema()).contains("nicks"), "the index of others stays");
}

fn columns_with_the_same_words_stay_beside_and_are_named(shop: &Shop) {
    let made = made_by_others(shop, &document(shop.backend));
    let name = quoted(shop, "createdAt");
    made.sql(&format!("ALTER TABLE users ADD COLUMN {name} varchar(20)"));
    made.sql(&format!("UPDATE users SET {name} = 'kept'"));
    made.run(&["adopt", "--dry-run"]).success().says("createdAt stays with the other program, beside created_at");
    made.run(&["adopt", "--yes", "--fix-totals"]).success();
    assert_taken_over(&made);
    assert_eq!(made.column(&format!("SELECT {name} FROM users")), ["kept", "kept"]);
}

fn a_failed_adopt_leaves_nothing_behind(shop: &Shop) {
    let made = made_by_others(shop, &document(shop.backend));
    let statements: &[&str] = match shop.backend {
        Backend::Sqlite => &[
            "CREATE TABLE reviews (user_id blob REFERENCES users (id)) STRICT",
            "PRAGMA foreign_keys = OFF; UPDATE users SET id = unhex(replace(id, '-', '')); \
             UPDATE orders SET user_id = unhex(replace(user_id, '-', '')); INSERT INTO reviews SELECT id FROM users",
        ],
        Backend::Postgres => {
            &["ALTER TABLE users ADD COLUMN initials text GENERATED ALWAYS AS (left(email, 3)) STORED"]
        }
        Backend::MariaDb => &[
            // Ids get lower case, against a rule of the other program.
            "ALTER TABLE users ADD COLUMN was char(36) BINARY, ADD CHECK (was IS NULL OR BINARY was = BINARY id)",
            "SET foreign_key_checks = 0; UPDATE users SET id = UPPER(id), was = UPPER(id)",
            "UPDATE orders SET user_id = UPPER(user_id)",
        ],
    };
    statements.iter().for_each(|statement| made.sql(statement));
    let before = fingerprint(&made);
    let run = made.run(&["adopt", "--yes", "--fix-totals"]);
    assert_ne!(run.code, 0, "{run}");
    assert!(fingerprint(&made) == before, "nothing is left: {run}");
    if shop.backend == Backend::Sqlite {
        let files = fs::read_dir(made.path("")).expect("the test's own folder");
        let names: Vec<_> =
            files.map(|file| file.expect("a file").file_name().to_string_lossy().into_owned()).collect();
        assert!(!names.iter().any(|name| name.contains("before-adopt")), "{names:?}");
    }
}

/// The document's shop with ids as texts, and a table of others that refers to its users.
fn with_reviews(shop: &Shop) -> Shop {
    let as_text = |statement: String| {
        let own = statement.replace("uuid PRIMARY KEY DEFAULT gen_random_uuid()", "varchar(36) PRIMARY KEY");
        own.replace("_id uuid ", "_id varchar(36) ")
    };
    let made = made_by_others(shop, &document(shop.backend).into_iter().map(as_text).collect::<Vec<_>>());
    let id = if shop.backend == Backend::MariaDb { "char(36)" } else { "varchar(36)" };
    made.sql(&format!(
        "CREATE TABLE reviews (n integer NOT NULL, user_id {id} NOT NULL, \
         CONSTRAINT of_user FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE)"
    ));
    made.sql(&format!("INSERT INTO reviews VALUES (1, '{USER}'), (2, '{OTHER_USER}')"));
    made
}

fn foreign_keys_of_others_follow_the_ids(shop: &Shop) {
    let made = with_reviews(shop);
    let mut again = None;
    match shop.backend {
        Backend::Sqlite => made.sql(
            "PRAGMA foreign_keys = OFF; UPDATE users SET id = upper(replace(id, '-', '')); \
             UPDATE orders SET user_id = upper(replace(user_id, '-', '')); \
             UPDATE reviews SET user_id = upper(replace(user_id, '-', ''))",
        ),
        Backend::Postgres => {}
        Backend::MariaDb => {
            let run = made.run(&["adopt", "--dry-run"]).exits_with(6).says("of_user of table reviews");
            let hint = hints(&run.stderr).remove(0);
            let (removal, afterwards) = hint.split_once("; then recreate it: ").expect("both statements");
            made.sql(removal.strip_prefix("first remove it: ").expect("a statement"));
            again = Some(afterwards.to_owned());
        }
    }
    let dry = made.run(&["adopt", "--dry-run"]).success();
    if again.is_none() {
        assert!(dry.stderr.contains("reviews: user_id follows the ids of users"), "{dry}");
    }
    made.run(&["adopt", "--yes", "--fix-totals"]).success();
    again.iter().for_each(|statement| statement.split("; ").for_each(|one| made.sql(one)));
    assert_taken_over(&made);
    let joined = "SELECT COUNT(*) FROM reviews r JOIN users u ON u.id = r.user_id";
    assert_eq!(made.number(joined), 2);
    assert!(format!("{:?}", made.schema()).contains("ON DELETE CASCADE"), "the foreign key is as it was");
}

fn views_of_others_survive_or_are_named_first(shop: &Shop) {
    let made = made_by_others(shop, &sequelize(shop.backend));
    let name = quoted(shop, "firstName");
    made.sql(&format!("CREATE VIEW first_names AS SELECT {name} FROM users"));
    if shop.backend != Backend::Sqlite {
        let before = fingerprint(&made);
        for arguments in [&["adopt", "--yes"][..], &["adopt", "--dry-run"], &["adopt", "--sql"]] {
            made.run(arguments).exits_with(6).says(&format!("DROP VIEW {}", quoted(shop, "first_names")));
        }
        assert!(fingerprint(&made) == before, "nothing was changed");
        return;
    }
    made.run(&["adopt", "--yes"]).success();
    assert_eq!(made.number("SELECT COUNT(*) FROM first_names"), 2);
    let broken = made_by_others(shop, &sequelize(shop.backend));
    broken.sql("CREATE VIEW gone AS SELECT 1 AS one FROM nowhere");
    broken.run(&["adopt", "--dry-run"]).exits_with(6).says("DROP VIEW \"gone\"");
}

fn missing_values_that_get_a_default_are_named(shop: &Shop) {
    let made = made_by_others(shop, &document(shop.backend));
    made.run(&["adopt", "--dry-run"]).success().says("users: created_at is missing in 1 row: the default is stored");
    if shop.backend == Backend::Sqlite {
        made.sql("INSERT INTO products (id, name, price) VALUES (NULL, 'Pen', 1)");
        made.run(&["adopt", "--dry-run"]).success().says("products: id is missing in 1 row: a new id is generated");
    }
    made.run(&["adopt", "--yes", "--fix-totals"])
        .success()
        .says("users: created_at is missing in 1 row: the default is stored");
}

fn numbers_as_ids_are_refused_with_another_way(shop: &Shop) {
    let made = Shop::empty(shop.backend).expect("the same backend");
    if shop.backend == Backend::Sqlite {
        made.file("shop.db", "");
    }
    made.sql(
        "CREATE TABLE users (id integer PRIMARY KEY, email varchar(255), password_hash varchar(255), \
         first_name varchar(100), last_name varchar(100))",
    );
    let all = [&["adopt", "--yes"][..], &["adopt", "--dry-run"], &["adopt", "--sql"]];
    for arguments in all {
        made.run(arguments).exits_with(9).says("are numbers instead of UUIDs: users (int").says("shopctl help import");
    }
    made.sql("INSERT INTO users VALUES (7, 'ada@example.com', 'x', 'Ada', 'L')");
    for arguments in all {
        made.run(arguments).exits_with(9).says("users 7: id 7: is not a UUID").says("shopctl help import");
    }
    // Columns that are missing do not matter then.
    made.sql("ALTER TABLE users DROP COLUMN last_name");
    let run = made.run(&["adopt", "--dry-run"]).exits_with(9).says("id 7: is not a UUID");
    assert!(!run.stderr.contains("last_name"), "{run}");
}

#[test]
fn what_is_written_during_the_conversion_is_in_the_new_tables() {
    let Some(empty) = Shop::empty(Backend::MariaDb) else { return };
    let made = made_by_others(&empty, &document(Backend::MariaDb));
    made.sql(
        "INSERT INTO users (email, password_hash, first_name, last_name) \
         SELECT CONCAT('u', seq, '@example.com'), 'x', 'U', 'S' FROM seq_1_to_5000",
    );
    let is_over = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..4)
        .map(|writer| {
            let (url, is_over) = (made.url.clone(), Arc::clone(&is_over));
            std::thread::spawn(move || {
                block_on(async {
                    let connection = sea_orm::Database::connect(url).await.expect("the server answers");
                    let mut written = 0;
                    while !is_over.load(Ordering::Relaxed) {
                        let insert = format!(
                            "INSERT INTO users (id, email, password_hash, first_name, last_name) \
                             VALUES (uuid(), 'w{writer}-{written}@example.com', 'x', 'W', 'R')"
                        );
                        written += i64::from(connection.execute_unprepared(&insert).await.is_ok());
                    }
                    connection.close().await.expect("closes");
                    written
                })
            })
        })
        .collect();
    let run = made.run(&["adopt", "--yes", "--fix-totals"]);
    is_over.store(true, Ordering::Relaxed);
    let written: i64 = writers.into_iter().map(|writer| writer.join().expect("writes")).sum();
    assert!(written > 0, "the writers wrote");
    assert_eq!(made.number("SELECT COUNT(*) FROM users WHERE email LIKE 'w%'"), written, "{run}");
}

/// The document's shop, with what is left of an adoption that was killed before it exchanged the tables.
fn killed_with_tables_made() -> Option<Shop> {
    let made = made_by_others(&Shop::empty(Backend::MariaDb)?, &document(Backend::MariaDb));
    let (reading, killed) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let reader = {
        let (url, reading, killed) = (made.url.clone(), Arc::clone(&reading), Arc::clone(&killed));
        std::thread::spawn(move || {
            block_on(async {
                let connection = sea_orm::Database::connect(url).await.expect("the server answers");
                let transaction = connection.begin().await.expect("begins");
                transaction.execute_unprepared("SELECT * FROM users").await.expect("reads");
                reading.store(true, Ordering::Relaxed);
                while !killed.load(Ordering::Relaxed) {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
                transaction.rollback().await.expect("ends");
            });
        })
    };
    await_that("the reader", || reading.load(Ordering::Relaxed));
    let mut adopt = made.start(&["adopt", "--yes", "--fix-totals"]);
    // It waits for the reader, with its new tables made.
    let waits =
        "SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE 'LOCK TABLES%' AND db = DATABASE()";
    await_that("the wait for the reader", || made.number(waits) > 0);
    adopt.kill().expect("is ours");
    adopt.wait().expect("is ours");
    killed.store(true, Ordering::Relaxed);
    reader.join().expect("ends");
    Some(made)
}

/// `kill -9` leaves the tables that were made: the next adoption knows them and begins again.
#[test]
fn an_adoption_that_was_killed_on_mariadb_is_completed_by_the_next() {
    let Some(made) = killed_with_tables_made() else { return };
    made.run(&["adopt", "--dry-run"]).exits_with(6).says("interrupted").says("audit_events");
    made.run(&["adopt", "--yes", "--fix-totals"]).success().says("removed the remains of an interrupted adoption");
    assert_taken_over(&made);
    let left = "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = DATABASE() \
                AND table_name LIKE 'shopctl\\_new%'";
    assert_eq!(made.number(left), 0);
}

/// The server ends an exchange of tables that its client began, unless it is killed itself.
#[test]
fn an_adoption_that_ended_while_it_exchanged_tables_is_completed_by_the_next() {
    let exchange = [
        "INSERT INTO shopctl_new_users (id, email, password_hash, first_name, last_name, created_at) \
         SELECT id, email, password_hash, first_name, last_name, COALESCE(created_at, utc_timestamp()) FROM users",
        "ALTER TABLE users RENAME TO users_before_adopt",
        "ALTER TABLE shopctl_new_users RENAME TO users",
    ];
    for done in [2, 3] {
        let Some(made) = killed_with_tables_made() else { return };
        exchange[..done].iter().for_each(|statement| made.sql(statement));
        made.sql("UPDATE shopctl_leases SET expires_at = '2000-01-01'");
        made.run(&["adopt", "--yes", "--fix-totals"]).success();
        assert_taken_over(&made);
        assert_eq!(made.number("SELECT COUNT(*) FROM users_before_adopt"), 2);
    }
}
