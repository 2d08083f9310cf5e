//! `shopctl access`: three logins with real grants, and what each is allowed to do.

mod around;

use sea_orm::ConnectionTrait;

use crate::support::roles::{create, login};
use crate::support::shop::block_on;
use crate::support::{Backend, Run, Shop};

const SERVERS: [Backend; 2] = [Backend::Postgres, Backend::MariaDb];

/// A shop and three logins that may do nothing yet; their names are their own, because roles belong to
/// the whole server.
struct Staff {
    shop: Shop,
    names: [String; 3],
}

impl Staff {
    fn hired(backend: Backend) -> Option<Staff> {
        let shop = Shop::migrated(backend)?;
        let names = ["reader", "clerk", "admin"].map(|role| format!("{role}_{}", shop.database_name()));
        names.iter().for_each(|name| create(&shop, name));
        Some(Staff { shop, names })
    }

    fn apply(&self, more: &[&str]) -> Run {
        let [reader, clerk, admin] = &self.names;
        let roles = ["access", "apply", "--yes", "--reader", reader, "--clerk", clerk, "--admin", admin];
        self.shop.run(&roles.iter().chain(more).copied().collect::<Vec<_>>())
    }

    fn reader(&self) -> Shop {
        login(&self.shop, &self.names[0])
    }

    fn clerk(&self) -> Shop {
        login(&self.shop, &self.names[1])
    }

    fn admin(&self) -> Shop {
        login(&self.shop, &self.names[2])
    }
}

fn quoted(backend: Backend, name: &str) -> String {
    match backend {
        Backend::MariaDb => format!("`{}`", name.replace('`', "``")),
        _ => format!("\"{}\"", name.replace('"', "\"\"")),
    }
}

/// Whether the server itself refuses a statement of a login.
#[track_caller]
fn assert_refused(shop: &Shop, statement: &str) {
    let refusal = block_on(async {
        let connection = shop.connect().await;
        let outcome = connection.execute_unprepared(statement).await;
        connection.close().await.expect("closes");
        outcome.expect_err(statement).to_string()
    });
    let is_denied = ["denied", "must be owner"].iter().any(|word| refusal.contains(word));
    assert!(is_denied, "{statement} on {:?}: {refusal}", shop.backend);
}

#[track_caller]
fn access_check(shop: &Shop) -> String {
    let run = shop.run(&["doctor", "--json"]);
    let json = run.json();
    let items = json["items"].as_array().unwrap_or_else(|| panic!("no list in {run}"));
    let check = items.iter().find(|item| item["name"] == "access").unwrap_or_else(|| panic!("no check in {run}"));
    check["detail"].as_str().expect("a text").to_owned()
}

/// References of orders in a status.
fn references(shop: &Shop, status: &str) -> Vec<String> {
    let run = shop.run(&["order", "list", "--status", status, "--all", "--fields", "reference", "-o", "tsv"]).success();
    run.stdout.lines().map(str::to_owned).collect()
}

#[test]
fn a_clerk_can_do_daily_work() {
    for staff in SERVERS.into_iter().filter_map(Staff::hired) {
        staff.apply(&[]).success();
        let clerk = staff.clerk();
        assert!(access_check(&clerk).starts_with("clerk: "), "{}", access_check(&clerk));
        clerk.run(&["seed", "up"]).success();
        clerk.user("ann");
        clerk.run(&["user", "update", "ann@example.com", "--first-name", "Anna"]).success();
        clerk.run(&["user", "disable", "ann@example.com", "--yes"]).success();
        clerk.run(&["user", "enable", "ann@example.com"]).success();
        let password = ["ann@example.com", "--password-stdin"];
        clerk.run_with_input(&["user", "set-password", password[0], password[1]], "a longer one\n").success();
        clerk.run_with_input(&["user", "verify-password", password[0], password[1]], "a longer one\n").success();
        clerk.product("JUG", "10.00", 20);
        clerk.run(&["product", "price", "JUG", "--to", "12.00"]).success();
        clerk.run(&["stock", "adjust", "JUG", "-2", "--reason", "damaged"]).success();
        clerk.run(&["stock", "set", "JUG", "19", "--expect", "18", "--reason", "shrinkage"]).success();
        clerk.run(&["stock", "receive", "JUG:1", "MUG-01:2"]).success();
        let counted = clerk.file("counted.csv", "sku,counted\nJUG,19\nMUG-01,100\n");
        clerk.run(&["stock", "import", counted.to_str().expect("UTF-8")]).success();
        for _ in 0..4 {
            clerk.run(&["order", "create", "--user", "ann@example.com", "--item", "JUG:2"]).success();
        }
        let placed = clerk.run(&["order", "list", "--user", "ann@example.com", "-o", "tsv", "--fields", "reference"]);
        let placed: Vec<&str> = placed.stdout.lines().collect();
        clerk.run(&["order", "change", placed[0], "--item", "JUG:1", "--item", "MUG-01"]).success();
        clerk.run(&["order", "change", placed[0], "--item", "JUG:3", "--remove", "MUG-01"]).success();
        let changed =
            clerk.run(&["audit", "list", "--operation", "order.change", "--limit", "1", "-o", "id"]).success();
        clerk.run(&["undo", changed.stdout.trim(), "--yes"]).success();
        clerk.run(&["order", "pay", placed[0], placed[1], "--yes"]).success();
        clerk.run(&["order", "ship", placed[0]]).success();
        clerk.run(&["order", "complete", placed[0]]).success();
        clerk.run(&["order", "refund", placed[0], "--restock", "JUG=1", "--yes"]).success();
        clerk.run(&["order", "cancel", placed[2], "--yes"]).success();
        clerk.run(&["order", "expire", "--older-than", "0s", "--yes"]).success();
        assert!(references(&clerk, "paid").contains(&placed[1].to_owned()));
        clerk.run(&["order", "note", placed[1], "ring twice"]).success();
        clerk.run(&["order", "reassign", placed[1], "--user", "grace@example.com"]).success();
        let users = clerk.file("users.csv", "email,first_name,last_name\nbob@example.com,Bob,Lee\n");
        clerk.run(&["user", "import", users.to_str().expect("UTF-8")]).success();
        let products = clerk.file("products.csv", "sku,name,price,stock_quantity\nPOT,Pot,3.00,5\nJUG,Jug,9.00,19\n");
        clerk.run(&["product", "import", products.to_str().expect("UTF-8")]).success();
        clerk.run(&["product", "create", "--sku", "GONE", "--name", "Gone", "--price", "1"]).success();
        clerk.run(&["product", "delete", "GONE", "--confirm", "GONE"]).success();
        clerk.run(&["user", "delete", "bob@example.com", "--confirm", "bob@example.com"]).success();
        let orders = clerk.run(&["order", "export", "-o", "jsonl"]).success();
        let orders = clerk.file("orders.jsonl", &orders.stdout);
        clerk.run(&["order", "import", orders.to_str().expect("UTF-8")]).success();
        clerk.run(&["audit", "settle", "01a2099a-f92b-73dc-878a-58879510c016"]).success();
        clerk.run(&["audit", "verify"]).success();
        staff.shop.assert_invariants();
    }
}

#[test]
fn a_clerk_cannot_touch_the_audit_trail_or_the_schema() {
    for staff in SERVERS.into_iter().filter_map(Staff::hired) {
        staff.apply(&[]).success();
        staff.shop.run(&["seed", "up"]).success();
        staff.shop.run(&["audit", "seal"]).success();
        staff.shop.product("UNSEALED", "1", 1);
        let ann = staff.shop.user("ann");
        let (clerk, friend) = (staff.clerk(), format!("friend_{}", staff.shop.database_name()));
        create(&staff.shop, &friend);
        let before = staff.shop.everything();
        for statement in [
            "UPDATE audit_events SET actor = 'nobody'",
            "DELETE FROM audit_events",
            "UPDATE stock_movements SET note = 'x'",
            "DELETE FROM stock_movements",
            "UPDATE audit_seals SET hash = 'x'",
            "DELETE FROM audit_seals",
            "DELETE FROM orders",
            "DELETE FROM shopctl_migration_runs",
            "UPDATE shopctl_settings SET value = 'test'",
            "TRUNCATE TABLE audit_events",
            "DROP TABLE audit_events",
            "ALTER TABLE orders ADD COLUMN more varchar(9)",
            "CREATE TABLE notes (id bigint)",
        ] {
            assert_refused(&clerk, statement);
        }
        for command in [
            &["audit", "seal"][..],
            &["user", "anonymize", &ann, "--confirm", &ann],
            &["user", "merge", &ann, "grace@example.com", "--confirm", &ann],
            &["migrate", "redo", "--yes", "--to", "m20260101_000010_create_seed_rows"],
            &["migrate", "fresh", "--yes"],
            &["migrate", "env", "test"],
            &["access", "apply", "--clerk", &friend, "--yes"],
        ] {
            clerk.run(command).exits_with(4).says("database.permission");
        }
        assert_eq!(staff.shop.everything(), before);
    }
}

#[test]
fn a_reader_sees_everything_but_password_hashes_and_writes_nothing() {
    for staff in SERVERS.into_iter().filter_map(Staff::hired) {
        staff.apply(&[]).success();
        staff.shop.run(&["seed", "up"]).success();
        staff.shop.run(&["audit", "seal"]).success();
        staff.shop.product("UNSEALED", "1", 1);
        let reader = staff.reader();
        assert_eq!(access_check(&reader), "reader: may read everything except password hashes");
        assert_refused(&reader, "SELECT password_hash FROM users");
        // A role that cannot read hashes cannot detect a changed one, and is informed.
        staff.shop.sql("UPDATE users SET password_hash = 'x' WHERE email = 'grace@example.com'");
        reader.run(&["audit", "verify"]).success().says("password hashes were not compared");
        staff.clerk().run(&["audit", "verify"]).exits_with(9);
        let pending = references(&reader, "pending")[0].clone();
        for command in [
            &["user", "list", "--search", "grace", "--count"][..],
            &["user", "show", "grace@example.com", "--timeline"],
            &["user", "export"],
            &["user", "export-data", "grace@example.com"],
            &["product", "list"],
            &["product", "show", "MUG-01", "--prices"],
            &["product", "export"],
            &["stock", "list"],
            &["stock", "history", "MUG-01"],
            &["stock", "verify"],
            &["order", "list", "--user", "grace@example.com"],
            &["order", "show", &pending, "--timeline"],
            &["order", "export", "-o", "csv"],
            &["report", "sales"],
            &["report", "customers"],
            &["report", "stock-value"],
            &["audit", "list"],
            &["audit", "export"],
            &["audit", "verify"],
            &["migrate", "status", "--check"],
            &["migrate", "history"],
            &["migrate", "env"],
            &["seed", "status"],
            &["seed", "export"],
            &["doctor", "--deep"],
        ] {
            reader.run(command).success();
        }
        let unsold = "SELECT sku FROM products p WHERE NOT EXISTS \
                      (SELECT 1 FROM order_items i WHERE i.product_id = p.id) ORDER BY sku";
        let unsold = staff.shop.column(unsold).remove(0);
        let before = staff.shop.everything();
        let users = reader.file("users.csv", "email,first_name,last_name\nbob@example.com,Bob,Lee\n");
        for command in [
            &["product", "create", "--name", "X", "--price", "1"][..],
            &["product", "update", "MUG-01", "--name", "Y"],
            &["product", "delete", &unsold, "--confirm", &unsold],
            &["stock", "adjust", "MUG-01", "+1", "--reason", "received"],
            &["order", "create", "--user", "grace@example.com", "--item", "MUG-01"],
            &["order", "pay", &pending],
            &["order", "cancel", &pending, "--yes"],
            &["user", "disable", "grace@example.com", "--yes"],
            &["user", "anonymize", "grace@example.com", "--confirm", "grace@example.com"],
            &["user", "import", users.to_str().expect("UTF-8")],
            &["audit", "seal"],
            &["migrate", "redo", "--yes", "--to", "m20260101_000010_create_seed_rows"],
            &["seed", "generate", "--yes"],
        ] {
            reader.run(command).exits_with(4).says("database.permission");
        }
        assert_eq!(staff.shop.everything(), before);
    }
}

#[test]
fn an_admin_can_seal_anonymize_and_migrate() {
    for staff in SERVERS.into_iter().filter_map(Staff::hired) {
        staff.apply(&[]).success();
        let admin = staff.admin();
        assert!(access_check(&admin).starts_with("admin: "), "{}", access_check(&admin));
        admin.run(&["seed", "up"]).success();
        let ann = admin.user("ann");
        admin.run(&["user", "anonymize", &ann, "--confirm", &ann]).success();
        admin.run(&["audit", "seal"]).success();
        admin.run(&["audit", "verify"]).success();
        admin.run(&["migrate", "redo", "--yes", "--to", "m20260101_000010_create_seed_rows"]).success();
        admin.run(&["migrate", "up"]).success();
        admin.run(&["doctor", "--deep"]).success();
        // On PostgreSQL a recreated table has lost its grants.
        let lost = staff.apply(&["--json"]).success();
        let lost = lost.json()["items"].as_array().expect("a list").len();
        assert_eq!(lost, if staff.shop.backend == Backend::Postgres { 2 } else { 0 });
        assert!(access_check(&staff.clerk()).starts_with("clerk: "));
    }
}

#[test]
fn excess_rights_are_revoked_and_reported() {
    for staff in SERVERS.into_iter().filter_map(Staff::hired) {
        let (shop, [reader, clerk, _]) = (&staff.shop, &staff.names);
        let (on_database, schema) = match shop.backend {
            Backend::MariaDb => {
                (format!("GRANT ALL PRIVILEGES ON {}.* TO {clerk} WITH GRANT OPTION", shop.database_name()), "")
            }
            _ => (format!("GRANT CREATE ON SCHEMA public TO {clerk}"), "public."),
        };
        for grant in [
            format!("GRANT UPDATE, DELETE ON {schema}audit_events TO {clerk} WITH GRANT OPTION"),
            format!("GRANT UPDATE (note) ON {schema}stock_movements TO {clerk}"),
            format!("GRANT SELECT ON {schema}users TO {reader}"),
            on_database,
        ] {
            shop.sql(&grant);
        }
        let would = staff.apply(&["--dry-run", "--exit-code"]).exits_with(9);
        assert!(would.stderr.contains("nothing was changed"), "{would}");
        assert!(access_check(&staff.reader()).starts_with("not one of the three"), "the dry run changed something");
        let run = staff.apply(&[]).success();
        assert_eq!(run.stdout, would.stdout);
        let revoked: Vec<&str> = run.stdout.lines().filter(|line| line.contains("\trevoke\t")).collect();
        for (name, table, privilege) in [
            (clerk, "audit_events", "UPDATE"),
            (clerk, "audit_events", "DELETE"),
            (clerk, "stock_movements", "UPDATE"),
            (reader, "users", "SELECT"),
        ] {
            let is_it = |line: &&str| line.contains(name) && line.contains(table) && line.contains(privilege);
            assert!(revoked.iter().any(is_it), "{name} {table} {privilege}: {run}");
        }
        assert!(access_check(&staff.clerk()).starts_with("clerk: "), "{}", access_check(&staff.clerk()));
        assert!(access_check(&staff.reader()).starts_with("reader: "), "{}", access_check(&staff.reader()));
        assert_refused(&staff.clerk(), "DELETE FROM audit_events");
        assert_refused(&staff.clerk(), "CREATE TABLE notes (id bigint)");
        let again = staff.apply(&["--json"]).success().says("nothing to change");
        assert_eq!(again.json()["items"].as_array().map(Vec::len), Some(0));
        staff.apply(&["--dry-run", "--exit-code"]).success();
    }
}

#[test]
fn indirect_rights_of_a_role_are_reported_with_a_remedy() {
    for staff in SERVERS.into_iter().filter_map(Staff::hired) {
        let (shop, [reader, clerk, _]) = (&staff.shop, &staff.names);
        let group = format!("group_{}", shop.database_name());
        shop.sql(&format!("CREATE ROLE {group}"));
        shop.sql(&format!("GRANT UPDATE ON audit_events TO {group}"));
        shop.sql(&format!("GRANT {group} TO {clerk}"));
        let way_out = match shop.backend {
            Backend::MariaDb => {
                shop.sql(&format!("GRANT DELETE ON *.* TO {reader}"));
                [format!("REVOKE `{group}` FROM `{clerk}`"), format!("REVOKE DELETE ON *.* FROM `{reader}`")]
            }
            _ => {
                shop.sql("GRANT DELETE ON audit_events TO PUBLIC");
                let everybody = "REVOKE DELETE ON \"public\".\"audit_events\" FROM PUBLIC CASCADE".to_owned();
                [format!("REVOKE \"{group}\" FROM \"{clerk}\""), everybody]
            }
        };
        let roles = ["access", "plan", "--reader", reader, "--clerk", clerk];
        let plan = shop.run(&roles).exits_with(8).says("access.incomplete");
        for statement in &way_out {
            assert!(plan.stderr.contains(statement), "{statement}: {plan}");
        }
        let script = shop.run(&[&roles[..], &["--sql"]].concat()).exits_with(8).stdout;
        assert!(way_out.iter().all(|statement| script.contains(&format!("to end it: {statement}"))), "{script}");
        let run = staff
            .apply(&[])
            .exits_with(8)
            .says("access.incomplete")
            .says(&format!("{clerk} still has UPDATE on audit_events"));
        for statement in way_out {
            assert!(run.stderr.contains(&statement), "{statement}: {run}");
            shop.sql(&statement);
        }
        staff.apply(&[]).success();
        shop.run(&roles).success().says("nothing to change");
    }
}

#[test]
fn a_plan_script_grants_the_same_rights_as_applying_it() {
    for backend in SERVERS {
        let Some(shop) = Shop::migrated(backend) else { continue };
        let names = ["reader", "clerk", "admin"].map(|role| format!("{role} o'\"`ne; {}", shop.database_name()));
        names.iter().for_each(|name| create(&shop, name));
        // An account as it is written in a statement.
        let typed = |name: &String| match backend {
            Backend::MariaDb => format!("'{}'@'%'", name.replace('\'', "''")),
            _ => name.clone(),
        };
        let [reader, clerk, admin] = [typed(&names[0]), typed(&names[1]), typed(&names[2])];
        let roles = ["--reader", &reader, "--clerk", &clerk, "--admin", &admin];
        let plan: Vec<&str> = ["access", "plan"].into_iter().chain(roles).collect();
        let script = shop.run(&[&plan[..], &["--sql"]].concat()).success().stdout;
        assert_eq!(script.lines().filter(|line| line.starts_with("-- ")).count(), 3, "{script}");
        let statements: Vec<&str> = script.split(";\n").map(str::trim).filter(|text| !text.is_empty()).collect();
        match backend {
            // In one call: BEGIN and COMMIT belong to one connection.
            Backend::Postgres => shop.sql(&script),
            _ => statements.iter().for_each(|statement| shop.sql(statement)),
        }
        let planned = shop.run(&[&plan[..], &["--json"]].concat()).success().says("nothing to change");
        assert_eq!(planned.json()["items"].as_array().map(Vec::len), Some(0));
        names.iter().for_each(|name| {
            if backend == Backend::MariaDb {
                shop.sql(&format!("DROP USER {}", quoted(backend, name)));
            }
        });
    }
}

#[test]
fn an_account_named_without_its_host_is_found() {
    let Some(shop) = Shop::migrated(Backend::MariaDb) else { return };
    let name = format!("o'n-{}", shop.database_name());
    let quoted = quoted(Backend::MariaDb, &name);
    for host in ["127.0.0.1", "10.%"] {
        shop.sql(&format!("CREATE USER {quoted}@'{host}'"));
    }
    for named in [name.clone(), format!("{name}@localhost")] {
        let run = shop.run(&["access", "plan", "--clerk", &named, "--sql"]).exits_with(3);
        assert!(!run.stderr.contains("CREATE USER"), "{run}");
        for host in ["127.0.0.1", "10.%"] {
            let account = format!("'{}'@'{host}'", name.replace('\'', "''"));
            shop.run(&["access", "plan", "--sql", "--clerk", &account]).success();
            let run = shop.run(&["access", "plan", "--clerk", &named, "--sql"]).exits_with(3);
            let run = run.says(&format!("there is {account}: shopctl access plan"));
            assert!(!run.stderr.contains("@localhost "), "{run}");
        }
    }
    for host in ["127.0.0.1", "10.%"] {
        shop.sql(&format!("DROP USER {quoted}@'{host}'"));
    }
}

#[test]
fn a_role_that_cannot_be_granted_is_reported_with_the_reason() {
    for backend in SERVERS {
        let Some(shop) = Shop::migrated(backend) else { continue };
        let name = format!("nobody_{}", shop.database_name());
        let statement = if backend == Backend::MariaDb { "CREATE USER" } else { "CREATE ROLE" };
        for verb in ["plan", "apply"] {
            shop.run(&["access", verb, "--clerk", &name]).exits_with(3).says(&name).says(statement);
        }
        shop.run(&["access", "plan"]).exits_with(2).says("--reader");
        shop.run(&["access", "plan", "--clerk", "x", "--reader", "x"])
            .exits_with(2)
            .says("cannot be --reader and --clerk");
        shop.run(&["access", "plan", "--clerk", ""]).exits_with(7);
        create(&shop, &name);
        shop.run(&["access", "apply", "--clerk", &name]).exits_with(11).says("--yes");
        if backend == Backend::MariaDb {
            shop.run(&["access", "apply", "--clerk", "root@localhost"]).exits_with(6).says("its own rights");
            shop.run(&["access", "plan", "--clerk", "'x"]).exits_with(7).says("'name'@'host'");
            continue;
        }
        shop.run(&["access", "plan", "--clerk", "postgres"]).exits_with(6).says("superuser");
        // The creator owns the tables; an admin can take ownership, and existing grants keep working.
        let owner = format!("owner_{}", shop.database_name());
        create(&shop, &owner);
        shop.sql(&format!("ALTER TABLE users OWNER TO {owner}"));
        shop.run(&["access", "plan", "--clerk", &owner]).exits_with(6).says("--admin");
        shop.run(&["access", "apply", "--admin", &name, "--yes"]).success();
        let before = login(&shop, &owner);
        assert_eq!(before.number("SELECT COUNT(*) FROM users"), 0);
        assert_refused(&before, "ALTER TABLE users ADD COLUMN more text");
        shop.run(&["access", "apply", "--clerk", &owner, "--yes"]).success();
        assert!(access_check(&before).starts_with("clerk: "), "{}", access_check(&before));
    }
    let shop = Shop::migrated(Backend::Sqlite).expect("always there");
    shop.run(&["access", "plan", "--clerk", "x"]).exits_with(4).says("SQLite has no roles").says("chmod 600");
}

#[test]
fn a_role_with_other_rights_is_described_by_its_differences() {
    for staff in SERVERS.into_iter().filter_map(Staff::hired) {
        staff.apply(&[]).success();
        staff.shop.sql(&format!("GRANT UPDATE ON audit_events TO {}", staff.names[1]));
        assert_eq!(access_check(&staff.clerk()), "not one of the three: like a clerk, with UPDATE on audit_events");
        staff.shop.sql(&format!("REVOKE INSERT ON orders FROM {}", staff.names[1]));
        let found = access_check(&staff.clerk());
        assert_eq!(found, "not one of the three: like a clerk, without INSERT on orders, with UPDATE on audit_events");
    }
}

#[test]
fn doctor_warns_of_a_clerk_that_can_change_the_audit_trail() {
    for staff in SERVERS.into_iter().filter_map(Staff::hired) {
        staff.apply(&[]).success();
        staff.shop.sql(&format!("GRANT DELETE ON audit_events TO {}", staff.names[1]));
        let run = staff.clerk().run(&["doctor", "--json"]);
        let json = run.json();
        let check = json["items"].as_array().and_then(|items| items.iter().find(|item| item["name"] == "access"));
        assert_eq!(check.map(|check| &check["state"]), Some(&"warning".into()), "{run}");
        // The hint works for the account that reads it.
        let hint = check.and_then(|check| check["hint"].as_str()).expect("a hint");
        let command = hint.split_once("shopctl ").map_or("", |(_, command)| command);
        let words: Vec<&str> = command.split(' ').map(|word| word.trim_matches('\'')).collect();
        let at = words.iter().position(|word| *word == "access").expect("the command");
        let plan = staff.clerk().run(&words[at..]);
        assert!([0, 8].contains(&plan.code) && plan.stdout.contains("DELETE"), "{plan}");
        assert!(hint.contains("the server's administrator"), "{hint}");
    }
}

#[test]
fn a_clerk_that_owns_tables_is_told_the_two_commands() {
    let Some(staff) = Staff::hired(Backend::Postgres) else { return };
    let (shop, [_, clerk, admin]) = (&staff.shop, &staff.names);
    shop.sql(&format!("ALTER TABLE users OWNER TO {clerk}"));
    let run = shop.run(&["access", "apply", "--clerk", clerk, "--admin", admin, "--yes"]).exits_with(6);
    run.says(&format!("access apply --admin {admin}")).says(&format!("access apply --clerk {clerk} --admin {admin}"));
    shop.run(&["access", "apply", "--admin", admin, "--yes"]).success();
    shop.run(&["access", "apply", "--clerk", clerk, "--admin", admin, "--yes"]).success();
}
