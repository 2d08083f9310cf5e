//! The server's replication role: whether it accepts writes, and which server it replicates.

use super::checks;
use crate::support::{Backend, Shop, servers};

#[track_caller]
fn assert_role(shop: &Shop, state: &str, detail: &str) {
    let run = shop.run(&["doctor", "--json"]);
    let (found, text) = checks(&run)["server-role"].clone();
    assert!(found == state && text.contains(detail), "{run}");
}

/// Reading works; writing is refused as what it is, and nothing is written.
#[track_caller]
fn assert_only_read(shop: &Shop) {
    let before = shop.number("SELECT COUNT(*) FROM audit_events");
    shop.run(&["product", "list"]).success();
    shop.run(&["report", "sales"]).success();
    let refused = shop.run(&["stock", "adjust", "MUG-01", "+1", "--reason", "received", "--timeout", "2s"]);
    assert!(refused.code != 0 && refused.stderr.contains("database.read_only"), "{refused}");
    let _ = refused.says("to see whether a setting causes it, and how to change that: shopctl doctor");
    assert_eq!(shop.number("SELECT COUNT(*) FROM audit_events"), before);
}

#[test]
fn a_hot_standby_is_distinguished_from_its_primary() {
    let Some((primary, standby)) = servers::postgres_with_standby("roles") else { return };
    let (first, second) =
        (Shop::at(Backend::Postgres, primary.admin_url), Shop::at(Backend::Postgres, standby.admin_url));
    first.run(&["migrate", "up"]).success();
    first.run(&["seed", "up"]).success();
    let written = "SELECT CAST(pg_current_wal_lsn() AS text)";
    let position = first.column(written)[0].clone();
    let has_come = format!("SELECT COUNT(*) WHERE pg_last_wal_replay_lsn() >= CAST('{position}' AS pg_lsn)");
    let until = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while second.number(&has_come) == 0 {
        assert!(std::time::Instant::now() < until, "the standby does not follow");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    assert_role(&first, "ok", "primary");
    assert_role(&second, "warning", "standby");
    assert_only_read(&second);
    // No problem for a session that only reads.
    second.file("shopctl.toml", &format!("[context.reports]\ndatabase_url = \"{}\"\nread_only = true\n", second.url));
    let arguments = ["doctor", "--context", "reports", "--json"];
    let mut command = second.command(&arguments);
    command.env_remove("DATABASE_URL");
    let run = crate::support::shop::finish(command.spawn().expect("built"), &arguments).success();
    assert_eq!(checks(&run)["server-role"].0, "ok", "{run}");
}

/// The statement that doctor names to end a setting, as pasted.
fn end_setting(shop: &Shop) {
    let run = shop.run(&["doctor", "--json"]);
    let json = run.json();
    let role = json["items"].as_array().expect("a list").iter().find(|item| item["name"] == "server-role");
    let hint = role.and_then(|role| role["hint"].as_str()).unwrap_or_default();
    let (_, statement) = hint.split_once("or end it: ").unwrap_or_else(|| panic!("{run}"));
    shop.sql(statement);
    assert_role(shop, "ok", "primary");
}

#[test]
fn a_database_set_to_reject_writes_is_read_only() {
    let Some(shop) = Shop::migrated(Backend::Postgres) else { return };
    shop.run(&["seed", "up"]).success();
    let name = shop.database_name();
    for whose in [format!("DATABASE {name}"), format!("ROLE postgres IN DATABASE {name}")] {
        assert_role(&shop, "ok", "primary");
        shop.sql(&format!("ALTER {whose} SET default_transaction_read_only = on"));
        assert_role(&shop, "warning", "read-only");
        assert_only_read(&shop);
        end_setting(&shop);
    }
}

#[test]
fn a_read_only_or_replicating_mariadb_is_reported() {
    let Some(server) = servers::own_mariadb("read-only") else { return };
    let root = Shop::at(Backend::MariaDb, server.admin_url.clone());
    root.sql("CREATE DATABASE shop");
    root.sql("CREATE USER clerk");
    let root = root.with_url(server.admin_url.replace("/mysql", "/shop"));
    root.run(&["migrate", "up"]).success();
    root.run(&["seed", "up"]).success();
    root.run(&["access", "apply", "--clerk", "clerk", "--yes"]).success();
    let clerk = root.with_url(root.url.replace("root@", "clerk@"));
    assert_role(&clerk, "ok", "primary");
    root.sql("SET GLOBAL tx_read_only = 1");
    assert_role(&clerk, "warning", "read-only: rejects writes (t");
    assert_only_read(&clerk);
    end_setting(&root);
    root.sql("SET GLOBAL read_only = 1");
    assert_role(&clerk, "warning", "read-only: rejects writes (read_only is");
    assert_only_read(&clerk);
    root.sql("CHANGE MASTER TO MASTER_HOST = '127.0.0.1', MASTER_USER = 'nobody'");
    assert_role(&root, "warning", "standby: rejects writes, and may lag behind (a replica, read_only is");
    root.sql("SET GLOBAL read_only = 0");
    assert_role(&root, "warning", "a replica that is not read-only");
}
