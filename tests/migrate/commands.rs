//! Migrations: applied exactly once, reverted, and compatible with SeaORM's own migrator.

use sea_orm_migration::MigratorTrait;

use crate::on_every_backend;
use crate::support::proxy::{AtCommit, Proxy};
use crate::support::shop::{block_on, finish};
use crate::support::{Backend, Shop, servers};

on_every_backend!(
    down_and_up_again_gives_a_working_shop,
    seaorms_migrator_sees_every_migration_as_applied,
    the_environment_is_recorded
);

const MIGRATIONS: i64 = migration::MIGRATIONS.len() as i64;

fn six_runners(backend: Backend) {
    let Some(shop) = Shop::empty(backend) else { return };
    let arguments = ["migrate", "up"];
    let children: Vec<_> = (0..6).map(|_| shop.start(&arguments)).collect();
    let applied: usize =
        children.into_iter().map(|child| finish(child, &arguments).success().stdout.lines().count()).sum();
    assert_eq!(applied as i64, MIGRATIONS, "each migration exactly once, by whomever");
    assert_eq!(shop.number("SELECT COUNT(*) FROM seaql_migrations"), MIGRATIONS);
    assert_eq!(shop.number("SELECT COUNT(*) FROM shopctl_migration_runs WHERE state = 'done'"), MIGRATIONS);
    assert_eq!(shop.number("SELECT COUNT(DISTINCT name) FROM shopctl_migration_runs"), MIGRATIONS);
    assert_eq!(shop.number("SELECT COUNT(*) FROM shopctl_leases"), 0, "the lock is released");
}

#[test]
fn an_invalid_number_of_steps_is_rejected_in_plain_words() {
    let shop = Shop::empty(Backend::Sqlite).expect("always there");
    for command in ["up", "down", "redo"] {
        for text in ["x", "0", "1.5", "99999999999999999999", ""] {
            let run = shop.run(&["migrate", command, "--steps", text]).exits_with(7);
            assert!(run.stderr.contains("must be a whole number from 1 to 10000"), "{run}");
        }
    }
    let run = shop.run(&["seed", "generate", "--rng-seed", "x", "-y"]).exits_with(7);
    assert!(run.stderr.contains("must be a whole number"), "{run}");
}

#[test]
fn a_missing_folder_is_reported_and_not_created() {
    let shop = Shop::empty(Backend::Sqlite).expect("always there");
    let folder = shop.path("nope/further");
    let url = format!("sqlite:{}/x.db", folder.display());
    let wrong = shop.with_url(url);
    let made = format!("mkdir -p {}", folder.display());
    for arguments in [&["migrate", "up"][..], &["migrate", "fresh", "--yes"]] {
        wrong.run(arguments).exits_with(4).says("there is no folder").says(&made);
    }
    wrong.run(&["user", "list"]).exits_with(4).says("there is no folder");
    assert!(!shop.path("nope").exists());
    std::fs::create_dir_all(&folder).expect("our own folder");
    wrong.run(&["migrate", "up"]).success();
    // Default locations, and those of quickstart, are created.
    let mut default = shop.command(&["migrate", "up"]);
    default.env_remove("DATABASE_URL");
    finish(default.spawn().expect("the binary was built"), &["migrate", "up"]).success();
    let demo = format!("sqlite:{}", shop.path("demo/shop.db").display());
    shop.run(&["quickstart", "--database-url", &demo]).success();
}

#[test]
fn a_database_without_an_environment_is_reported() {
    let shop = Shop::empty(Backend::Sqlite).expect("always there");
    shop.run(&["migrate", "up"]).success();
    let run = shop.run(&["migrate", "env"]).success().says("no environment is set for this database");
    assert_eq!(run.stdout, "");
    assert_eq!(shop.run(&["migrate", "env", "--json"]).success().json()["environment"], serde_json::Value::Null);
}

#[test]
fn six_runners_at_once_apply_each_migration_once_on_sqlite() {
    six_runners(Backend::Sqlite);
}

#[test]
fn six_runners_at_once_apply_each_migration_once_on_postgres() {
    six_runners(Backend::Postgres);
}

#[test]
fn six_runners_at_once_apply_each_migration_once_on_mariadb() {
    six_runners(Backend::MariaDb);
}

fn down_and_up_again_gives_a_working_shop(shop: &Shop) {
    let name = shop.database_name();
    shop.run(&["migrate", "down"]).exits_with(11).says("--yes");
    shop.run(&["migrate", "down", "--steps", "99", "--confirm", &name]).success();
    assert_eq!(shop.number("SELECT COUNT(*) FROM seaql_migrations"), 0);
    shop.run(&["migrate", "status", "--check"]).exits_with(9);
    shop.run(&["user", "list"]).exits_with(4).says("shopctl migrate up");
    shop.run(&["migrate", "up", "--steps", "2"]).success();
    let status = shop.run(&["migrate", "status", "--json"]).success().json();
    let states: Vec<_> = status["items"].as_array().expect("a list").iter().map(|item| item["state"].clone()).collect();
    assert_eq!(states.iter().filter(|state| *state == "applied").count(), 2);
    shop.run(&["migrate", "up"]).success();
    shop.run(&["migrate", "up"]).success().says("nothing to apply");
    shop.run(&["migrate", "status", "--check"]).success();
    shop.run(&["seed", "up"]).success();
    shop.assert_invariants();
}

fn seaorms_migrator_sees_every_migration_as_applied(shop: &Shop) {
    block_on(async {
        let connection = shop.connect().await;
        let pending = migration::Migrator::get_pending_migrations(&connection).await.expect("readable");
        assert!(pending.is_empty(), "{} are pending to it", pending.len());
        connection.close().await.expect("closes");
    });
}

fn the_environment_is_recorded(shop: &Shop) {
    assert_eq!(shop.run(&["migrate", "env"]).success().stdout.trim(), "development");
    shop.run(&["migrate", "env", "production"]).success();
    shop.run(&["seed", "up"]).exits_with(11).says("production");
}

#[test]
fn a_database_created_by_seaorms_migrator_is_adopted() {
    for backend in [Backend::Sqlite, Backend::Postgres, Backend::MariaDb] {
        let Some(shop) = Shop::empty(backend) else { continue };
        if backend == Backend::Sqlite {
            shop.file("shop.db", "");
        }
        block_on(async {
            let connection = shop.connect().await;
            migration::Migrator::up(&connection, None).await.expect("the same list");
            connection.close().await.expect("closes");
        });
        shop.run(&["migrate", "status", "--check"]).success();
        shop.run(&["migrate", "up"]).success().says("nothing to apply");
    }
}

#[test]
fn status_without_a_database_is_all_pending_and_creates_nothing() {
    for backend in [Backend::Sqlite, Backend::Postgres, Backend::MariaDb] {
        let Some(shop) = Shop::empty(backend) else { continue };
        shop.run(&["migrate", "status", "--check"]).exits_with(9);
        match backend {
            Backend::Sqlite => assert!(!shop.path("shop.db").exists()),
            Backend::Postgres => {
                assert_eq!(
                    shop.number("SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = 'public'"),
                    0
                );
            }
            Backend::MariaDb => {
                assert_eq!(
                    shop.number("SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = DATABASE()"),
                    0
                );
            }
        }
    }
}

#[test]
fn a_lock_left_by_a_killed_runner_is_taken_over() {
    for backend in [Backend::Postgres, Backend::MariaDb] {
        let Some(shop) = Shop::empty(backend) else { continue };
        shop.run(&["migrate", "up", "--steps", "1"]).success();
        let soon = if backend == Backend::Postgres {
            "clock_timestamp() + interval '2 seconds'"
        } else {
            "utc_timestamp(6) + interval 2 second"
        };
        shop.sql(&format!(
            "INSERT INTO shopctl_leases (name, token, holder, expires_at) VALUES ('migrate', 'gone', 'ann@build-7, process 4711', {soon})"
        ));
        shop.run(&["migrate", "up", "--lock-wait", "0s"]).exits_with(5).says("ann@build-7, process 4711");
        shop.run(&["migrate", "up"]).success().says("waiting for the migrations of ann@build-7");
        shop.run(&["migrate", "status", "--check"]).success();
    }
}

#[test]
fn a_migration_that_fails_is_recorded_and_can_be_run_again() {
    for backend in [Backend::Sqlite, Backend::Postgres, Backend::MariaDb] {
        let Some(shop) = Shop::empty(backend) else { continue };
        // How many migrations are applied, what blocks the next one, and what unblocks it.
        let (applied, obstacle, remedy) = match backend {
            Backend::MariaDb => (3, "RENAME TABLE orders TO hidden", "RENAME TABLE hidden TO orders"),
            _ => (4, "CREATE TABLE stock_movements (x int)", "DROP TABLE stock_movements"),
        };
        shop.run(&["migrate", "up", "--steps", &applied.to_string()]).success();
        shop.sql(obstacle);
        let blocked = migration::MIGRATIONS[applied].name;
        shop.run(&["migrate", "up"]).exits_with(1).says(blocked);
        let status = shop.run(&["migrate", "status", "--json"]).success().json();
        assert_eq!(status["items"][applied]["state"], "failed", "{backend:?}");
        shop.sql(remedy);
        shop.run(&["migrate", "up"]).success();
        shop.run(&["migrate", "status", "--check"]).success();
    }
}

#[test]
fn a_status_with_nothing_to_do_takes_few_round_trips() {
    let Some(shop) = Shop::migrated(Backend::Postgres) else { return };
    let upstream = servers::postgres().expect("the shop is there").port;
    let proxy = Proxy::start(upstream, false, AtCommit::Forward);
    let url = shop.url.replace(&format!(":{upstream}/"), &format!(":{}/", proxy.port));
    shop.with_url(format!("{url}?sslmode=disable")).run(&["migrate", "status", "--check"]).success();
    assert!(proxy.round_trips() <= 8, "{} round trips", proxy.round_trips());
}
