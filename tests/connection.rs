//! Connecting to a database: failures name the cause and the remedy.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use sea_orm::{ConnectionTrait, DbBackend, Statement};

use crate::support::roles::{create, login, login_with, secret_user};
use crate::support::shop::{block_on, finish};
use crate::support::unprivileged::{UnprivilegedUser, mode};
use crate::support::{Backend, Run, Shop, servers};

fn list(shop: &Shop, url: &str) -> Run {
    let arguments = ["user", "list"];
    finish(shop.command(&arguments).env("DATABASE_URL", url).spawn().expect("built"), &arguments)
}

fn any() -> Shop {
    Shop::empty(Backend::Sqlite).expect("always there")
}

#[test]
fn a_refused_connection_names_host_port_and_reason_at_once() {
    let port = servers::free_port();
    for scheme in ["postgres", "mysql"] {
        let run = list(&any(), &format!("{scheme}://u:s3cret@127.0.0.1:{port}/shop")).exits_with(5);
        assert!(run.stderr.contains(&format!("127.0.0.1 port {port}: connection refused")), "{run}");
        assert!(run.duration < Duration::from_secs(5), "it took {:?}", run.duration);
        assert!(!run.stderr.contains("s3cret") && !run.stderr.contains("pool"), "{run}");
    }
}

#[test]
fn a_server_that_never_answers_times_out() {
    let silent = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = silent.local_addr().expect("bound").port();
    for scheme in ["postgres", "mysql"] {
        let shop = any().with_url(format!("{scheme}://u@127.0.0.1:{port}/shop"));
        let arguments = ["user", "list", "--connect-timeout", "1s"];
        let run = shop.run_within(Duration::from_secs(3), &arguments).exits_with(5);
        assert!(run.stderr.contains("no answer within 1 s"), "{run}");
    }
}

/// The shop as a login that may do everything in it, but has one connection at a time.
fn with_one_connection(backend: Backend) -> Option<Shop> {
    let shop = Shop::empty(backend)?;
    let (database, name) = (shop.database_name(), format!("lone_of_{}", shop.database_name()));
    create(&shop, &name);
    match backend {
        Backend::MariaDb => {
            shop.sql(&format!("GRANT ALL ON {database}.* TO {name} WITH MAX_USER_CONNECTIONS 1"));
            shop.sql(&format!("GRANT ALL ON `shopctl\\_scratch\\_%`.* TO {name}"));
        }
        _ => {
            shop.sql(&format!("ALTER ROLE {name} CONNECTION LIMIT 1"));
            shop.sql(&format!("ALTER DATABASE {database} OWNER TO {name}"));
            shop.sql(&format!("GRANT ALL ON SCHEMA public TO {name}"));
        }
    }
    Some(login(&shop, &name))
}

#[test]
fn a_login_limited_to_one_connection_can_migrate_and_fill_a_shop() {
    for backend in [Backend::Postgres, Backend::MariaDb] {
        let Some(shop) = with_one_connection(backend) else { continue };
        shop.file("secret.txt", "a good long passphrase\n");
        for arguments in [
            &["migrate", "up"][..],
            &["migrate", "env", "development"],
            &["seed", "up"],
            &["seed", "generate", "--users", "20", "--products", "20", "--orders", "40", "--yes"],
            &["product", "create", "--name", "One", "--price", "1.00"],
            &["audit", "seal"],
            &["doctor"],
            &["product", "export", "--out", "products.csv"],
            &["product", "import", "products.csv"],
            &[
                "user",
                "create",
                "--first-name",
                "Ada",
                "--last-name",
                "L",
                "--email",
                "ada@one.example",
                "--password-file",
                "secret.txt",
            ],
            &["user", "export-data", "ada@one.example", "--out", "ada.json"],
            &["user", "anonymize", "ada@one.example", "--confirm", "ada@one.example"],
            &[
                "user",
                "create",
                "--first-name",
                "Bob",
                "--last-name",
                "L",
                "--email",
                "bob@one.example",
                "--password-file",
                "secret.txt",
            ],
            &["user", "delete", "bob@one.example", "--confirm", "bob@one.example"],
            &["product", "create", "--name", "Two", "--price", "1.00", "--sku", "TWO-1"],
            &["product", "delete", "TWO-1", "--confirm", "TWO-1"],
            &["order", "expire", "--older-than", "0", "--yes", "-n"],
            &["order", "expire", "--older-than", "0", "--yes"],
        ] {
            let run = shop.run(arguments).success();
            assert!(run.duration < Duration::from_secs(20), "{arguments:?} took {:?}", run.duration);
        }
        let fresh = shop.run(&["migrate", "fresh", "--confirm", &shop.database_name()]);
        assert!(fresh.duration < Duration::from_secs(20), "it took {:?}", fresh.duration);
        match backend {
            // Counting the rows needs a separate connection there, and so does what is compared with.
            Backend::MariaDb => {
                for refused in [fresh, shop.run(&["migrate", "verify"])] {
                    let refused = refused.exits_with(5).says("max_user_connections").says("MAX_USER_CONNECTIONS 2");
                    assert!(!refused.stderr.contains("statement_timeout"), "{refused}");
                    assert!(!refused.stderr.contains("try again"), "{refused}");
                }
            }
            _ => drop(fresh.success()),
        }
    }
}

#[test]
fn a_connection_that_still_counts_is_waited_for() {
    let Some(shop) = with_one_connection(Backend::MariaDb) else { return };
    shop.run(&["migrate", "up"]).success();
    let arguments = ["product", "create", "--name", "One", "--price", "1.00"];
    let other = Shop::empty(Backend::MariaDb).expect("the same server");
    let created = block_on(async {
        let only = sea_orm::Database::connect(&shop.url).await.expect("the one");
        let administrator = other.connect().await;
        let refused = async || -> String {
            let sql =
                "SELECT VARIABLE_VALUE FROM information_schema.GLOBAL_STATUS WHERE VARIABLE_NAME = 'ABORTED_CONNECTS'";
            let row = administrator.query_one_raw(Statement::from_string(DbBackend::MySql, sql)).await;
            row.expect("answers").expect("one row").try_get_by_index(0).expect("a text")
        };
        let before = refused().await;
        let waiting = shop.start(&arguments);
        let until = Instant::now() + Duration::from_secs(20);
        while refused().await == before {
            assert!(Instant::now() < until, "nobody was refused");
        }
        only.close().await.expect("closes");
        waiting
    });
    finish(created, &arguments).success();
}

#[test]
fn a_short_time_limit_does_not_hide_why_the_server_refuses_connections() {
    for (backend, said) in [(Backend::Postgres, "too many connections"), (Backend::MariaDb, "max_user_connections")] {
        let Some(shop) = with_one_connection(backend) else { continue };
        block_on(async {
            let only = sea_orm::Database::connect(&shop.url).await.expect("the one");
            for limit in ["1s", "3s", "6s"] {
                let arguments = ["migrate", "status", "--timeout", limit];
                let _ = shop.run_within(Duration::from_secs(8), &arguments).exits_with(5).says(said);
            }
            only.close().await.expect("closes");
        });
    }
}

#[test]
fn a_host_that_does_not_exist_is_named() {
    list(&any(), "postgres://u@no-such-host.invalid/shop").exits_with(5).says("no-such-host.invalid");
}

#[test]
fn a_wrong_password_is_reported_as_a_credentials_error() {
    if let Some(shop) = Shop::migrated(Backend::Postgres) {
        let with = |password: &str| secret_user(&shop).replacen('@', &format!(":{password}@"), 1);
        let port = servers::postgres().expect("there").port;
        let run = list(&shop, &with("wr0ng")).exits_with(4);
        assert!(run.stderr.contains("secret_user") && !run.stderr.contains("wr0ng"), "{run}");
        // The password is correct, but there are no rights on the tables.
        list(&shop, &with("right")).exits_with(4).says("permission");
        list(&shop, &format!("postgres://postgres@127.0.0.1:{port}/missing")).exits_with(4).says("no database missing");
    }
    if let Some(shop) = Shop::migrated(Backend::MariaDb) {
        let port = servers::mariadb().expect("there").port;
        let run = list(&shop, &secret_user(&shop).replacen('@', ":wr0ng@", 1)).exits_with(4);
        assert!(run.stderr.contains("secret_user") && !run.stderr.contains("wr0ng"), "{run}");
        list(&shop, &format!("mysql://root@127.0.0.1:{port}/missing")).exits_with(4).says("no database missing");
    }
}

#[test]
fn a_database_without_the_schema_hints_at_migrate_up() {
    for backend in [Backend::Postgres, Backend::MariaDb] {
        let Some(shop) = Shop::empty(backend) else { continue };
        shop.run(&["user", "list"]).exits_with(4).says("run shopctl migrate up");
        shop.run(&["stock", "adjust", "X", "+1", "--reason", "received"]).exits_with(4).says("run shopctl migrate up");
        shop.run(&["seed", "up"]).exits_with(4).says("run shopctl migrate up");
    }
    let shop = any();
    shop.run(&["user", "list"]).exits_with(4).says("no shop at").says("shopctl quickstart");
    assert!(!shop.path("shop.db").exists(), "a mistyped path must not become an empty shop");
}

#[test]
fn a_read_only_role_can_list_and_see_the_migration_status() {
    let Some(shop) = Shop::migrated(Backend::Postgres) else { return };
    let reader = login_with(&shop, "reader", "SELECT");
    reader.run(&["user", "list"]).success();
    reader.run(&["migrate", "status", "--check"]).success();
    reader.run(&["product", "create", "--name", "X", "--price", "1"]).exits_with(4).says("permission");
}

#[test]
fn a_read_only_file_can_be_listed_but_not_written() {
    let (shop, nobody) = (Shop::migrated(Backend::Sqlite).expect("always there"), UnprivilegedUser::new());
    shop.user("ann");
    assert!(!shop.path("shop.db-wal").exists(), "a shop at rest is one file");
    mode(&shop.path("shop.db"), 0o444);
    mode(shop.home.path(), 0o555);
    let run = |arguments: &[&str]| nobody.run(&shop, arguments);
    let (listed, written) = (run(&["user", "list"]), run(&["product", "create", "--name", "X", "--price", "1"]));
    mode(shop.home.path(), 0o755);
    assert!(listed.success().stdout.contains("ann@example.com"));
    written.exits_with(4);
    assert_eq!(shop.number("SELECT COUNT(*) FROM products"), 0);
}

#[test]
fn settings_show_their_origin() {
    let shop = any();
    shop.file(
        "shopctl.toml",
        "[context.live]\ndatabase_url = \"postgres://ann:s3cret@db.example.com/shop\"\nprotected = true\n\
         [context.reports]\ndatabase_url = \"sqlite:reports.db\"\nread_only = true\n",
    );
    let plain = |arguments: &[&str]| {
        finish(shop.command(arguments).env_remove("DATABASE_URL").spawn().expect("built"), arguments)
    };
    let shown = plain(&["config", "show", "--context", "live", "--json"]).success();
    assert_eq!(shown.json()["items"][0]["value"], "postgres://ann@db.example.com/shop");
    assert!(!shown.stdout.contains("s3cret") && !shown.stderr.contains("s3cret"), "{shown}");
    assert!(shown.stdout.contains("verify-full"), "{shown}");
    plain(&["config", "show", "--context", "lvie"]).exits_with(4).says("did you mean --context live?");
    plain(&["product", "create", "--name", "X", "--price", "1", "--context", "reports"])
        .exits_with(11)
        .says("read-only");
    plain(&["config", "show", "--context", "live", "--database-url", "sqlite:x.db"]).exits_with(2).says("set twice");
    shop.run(&["config", "path"]).success();
    shop.file("shopctl.toml", "databse_url = \"postgres://ann:s3cret@h/d\"\n");
    let run = plain(&["user", "list"]).exits_with(4);
    assert!(run.stderr.contains("shopctl.toml:1:1") && !run.stderr.contains("s3cret"), "{run}");
}

#[test]
fn a_user_that_may_not_log_in_is_not_asked_for_a_password() {
    let Some(shop) = Shop::empty(Backend::Postgres) else { return };
    let name = format!("no_login_of_{}", shop.database_name());
    shop.sql(&format!("CREATE ROLE {name} NOLOGIN"));
    let run = login(&shop, &name).run(&["user", "list"]).exits_with(4).says("is not permitted to log in");
    assert!(!run.stderr.contains("password was given"), "{run}");
    shop.sql(&format!("DROP ROLE {name}"));
}

#[test]
fn a_database_closed_for_maintenance_is_unavailable() {
    let Some(shop) = Shop::migrated(Backend::Postgres) else { return };
    let closed = format!("{}_closed", shop.database_name());
    shop.sql(&format!("CREATE DATABASE {closed}"));
    shop.sql(&format!("ALTER DATABASE {closed} ALLOW_CONNECTIONS false"));
    let url = shop.url.replace(&shop.database_name(), &closed);
    list(&shop, &url).exits_with(5).says("not currently accepting connections");
    shop.sql(&format!("DROP DATABASE {closed}"));
}
