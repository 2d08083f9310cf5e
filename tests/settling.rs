//! Unknown outcomes: they are settled for good, whatever messages still arrive.

use std::process::{Child, Command, ExitStatus};

use sea_orm::{ConnectionTrait, TransactionTrait};

use crate::support::proxy::{AtCommit, Proxy};
use crate::support::shop::{block_on, finish};
use crate::support::{Backend, Run, Shop, await_that, servers};

const SERVERS: [Backend; 2] = [Backend::Postgres, Backend::MariaDb];

struct Scene {
    shop: Shop,
    proxy: Proxy,
    /// The same shop behind the proxy.
    through: Shop,
}

impl Scene {
    fn new(backend: Backend, proxy: impl FnOnce(u16, bool) -> Proxy) -> Option<Scene> {
        let shop = Shop::migrated(backend)?;
        shop.user("ann");
        shop.product("MUG", "12.50", 10);
        let server = if backend == Backend::Postgres { servers::postgres() } else { servers::mariadb() };
        let upstream = server.expect("the shop is there").port;
        let proxy = proxy(upstream, backend == Backend::MariaDb);
        let url = shop.url.replace(&format!(":{upstream}/"), &format!(":{}/", proxy.port));
        let through = shop.with_url(url);
        Some(Scene { shop, proxy, through })
    }

    fn at_commit(backend: Backend, action: AtCommit) -> Option<Scene> {
        Scene::new(backend, |upstream, is_mysql| Proxy::start(upstream, is_mysql, action))
    }

    fn order(&self) -> Run {
        self.through.run(&[&ORDER[..], &["--timeout", "2s"]].concat())
    }

    fn settle(&self, operation: &str) -> Run {
        self.shop.run(&["audit", "settle", operation, "--timeout", "2s"])
    }

    fn orders(&self) -> i64 {
        self.shop.number("SELECT COUNT(*) FROM orders")
    }

    /// Ends the session with the held COMMIT, like a server that lost its client.
    fn end_session(&self) {
        if self.shop.backend == Backend::Postgres {
            let open = "state = 'idle in transaction' AND datname = current_database()";
            self.shop.sql(&format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {open}"));
            return;
        }
        let others = "db = DATABASE() AND id <> CONNECTION_ID()";
        for id in
            self.shop.column(&format!("SELECT CAST(id AS CHAR) FROM information_schema.processlist WHERE {others}"))
        {
            self.shop.sql(&format!("KILL {id}"));
        }
    }
}

const ORDER: [&str; 6] = ["order", "create", "--user", "ann@example.com", "--item", "MUG:2"];

/// The operation in the command that a message names.
fn operation_in(message: &str) -> String {
    let (_, rest) = message.split_once(" audit settle ").unwrap_or_else(|| panic!("no way out in {message}"));
    rest.chars().take_while(|character| character.is_ascii_hexdigit() || *character == '-').collect()
}

fn signal(child: &Child, name: &str) {
    let id = child.id().to_string();
    assert!(Command::new("kill").args([&format!("-{name}"), &id]).status().expect("kill is everywhere").success());
}

#[test]
fn a_delayed_commit_fails_once_it_is_settled() {
    for scene in SERVERS.into_iter().filter_map(|backend| Scene::at_commit(backend, AtCommit::Hold)) {
        let run = scene.order().exits_with(12);
        let operation = operation_in(&run.stderr);
        // The transaction may still be committed: the outcome is unknown.
        scene.settle(&operation).exits_with(5).says("not yet known").says(&format!("shopctl audit settle {operation}"));
        scene.end_session();
        let first = scene.settle(&operation).success();
        assert!(
            first.stdout.starts_with("not applied: ") && first.stdout.contains("safe to enter it again"),
            "{first}"
        );
        scene.proxy.release();
        let second = scene.shop.run(&["audit", "settle", &operation, "--json"]).success().json();
        assert_eq!((&second["applied"], &second["changed"]), (&false.into(), &false.into()));
        assert_eq!(scene.settle(&operation).success().stdout, first.stdout);
        assert_eq!(scene.orders(), 0);
        scene.shop.run(&ORDER).success();
        assert_eq!(scene.orders(), 1, "entered again it is there once");
        scene.shop.assert_invariants();
    }
}

#[test]
fn a_commit_that_arrives_late_is_settled_as_applied() {
    for scene in SERVERS.into_iter().filter_map(|backend| Scene::at_commit(backend, AtCommit::Hold)) {
        let operation = operation_in(&scene.order().exits_with(12).stderr);
        scene.settle(&operation).exits_with(5);
        scene.proxy.release();
        let first = scene.settle(&operation).success();
        let reference = scene.shop.column("SELECT reference FROM orders").concat();
        assert!(first.stdout.starts_with("applied: order.place: "), "{first}");
        assert!(first.stdout.contains(&format!("order {reference}")), "{first}");
        assert_eq!(scene.settle(&operation).success().stdout, first.stdout);
        scene.shop.assert_invariants();
    }
}

#[test]
fn a_commit_with_a_lost_answer_is_settled_as_applied() {
    for scene in SERVERS.into_iter().filter_map(|backend| Scene::at_commit(backend, AtCommit::Unanswered)) {
        let operation = operation_in(&scene.order().exits_with(12).stderr);
        for _ in 0..2 {
            let settled = scene.shop.run(&["audit", "settle", &operation, "--json"]).success().json();
            assert_eq!((&settled["applied"], &settled["operation"]), (&true.into(), &"order.place".into()));
            assert!(settled["entities"].as_array().is_some_and(|entities| !entities.is_empty()), "{settled}");
        }
        assert_eq!(scene.orders(), 1);
        scene.shop.assert_invariants();
    }
}

#[test]
fn a_second_interrupt_at_commit_names_what_settles_it() {
    for scene in SERVERS.into_iter().filter_map(|backend| Scene::at_commit(backend, AtCommit::Hold)) {
        let arguments = [&ORDER[..], &["--timeout", "60s"]].concat();
        let mut child = scene.through.start(&arguments);
        await_that("the COMMIT", || scene.proxy.silent_since().is_some());
        await_that("the end", || {
            signal(&child, "INT");
            child.try_wait().expect("it is ours").is_some_and(|status: ExitStatus| status.code() == Some(12))
        });
        let run = finish(child, &arguments).exits_with(12);
        assert!(run.stderr.contains("waiting for the outcome of COMMIT; press Ctrl-C again to stop"), "{run}");
        let operation = operation_in(&run.stderr);
        scene.end_session();
        assert!(scene.settle(&operation).success().stdout.starts_with("not applied: "));
    }
}

#[test]
fn an_unknown_operation_is_not_settled() {
    for shop in [Backend::Sqlite, Backend::Postgres, Backend::MariaDb].into_iter().filter_map(Shop::migrated) {
        shop.user("ann");
        for id in ["", "K7Q2M-9XD4T", "01a2099a", "3f2504e0-4f89-41d3-9a0c-0305e82c3301"] {
            shop.run(&["audit", "settle", id]).exits_with(7);
        }
        let event = shop.run(&["audit", "list", "-o", "id"]).success().stdout;
        let operation = operation_in(&shop.run(&["audit", "settle", event.trim()]).exits_with(7).stderr);
        let settled = shop.run(&["audit", "settle", &operation]).success();
        assert_eq!(settled.stdout.trim(), "applied: user.create: user ann@example.com");
    }
}

#[test]
fn the_id_of_an_order_is_never_settled_as_an_operation() {
    for shop in [Backend::Sqlite, Backend::Postgres, Backend::MariaDb].into_iter().filter_map(Shop::migrated) {
        shop.user("ann");
        shop.product("MUG", "12.50", 10);
        let order = shop.run(&[&ORDER[..], &["--json"]].concat()).success().json();
        let order = order.get("order").unwrap_or(&order);
        let id_of = |command: &[&str]| shop.run(command).success().stdout.trim().to_owned();
        let reference = order["reference"].as_str().expect("a reference");
        let id = order["id"].as_str().expect("an id").to_owned();
        let user = id_of(&["user", "list", "-o", "id"]);
        let product = id_of(&["product", "list", "-o", "id"]);
        let movements = shop.run(&["stock", "history", "MUG", "-o", "id"]).success().stdout;
        let events = shop.number("SELECT COUNT(*) FROM audit_events");
        let refused = |id: &str, what: &str| {
            shop.run(&["audit", "settle", id]).exits_with(7).says(&format!("{id} is the id of {what}, not of an"))
        };
        let operation = operation_in(&refused(&id, &format!("order {reference}")).stderr);
        refused(&user, "user ann@example.com");
        refused(&product, "product MUG");
        for movement in movements.lines() {
            operation_in(&refused(movement, "a stock movement").stderr);
        }
        assert_eq!(shop.number("SELECT COUNT(*) FROM audit_events"), events, "nothing is settled");
        let settled = shop.run(&["audit", "settle", &operation]).success();
        assert!(settled.stdout.starts_with(&format!("applied: order.place: order {reference}")), "{settled}");
        // As in a generated shop.
        shop.sql("DELETE FROM audit_events");
        for (id, what) in [(&id, format!("order {reference}")), (&user, "user ann@example.com".to_owned())] {
            assert!(!refused(id, &what).stderr.contains(" audit settle "));
        }
        refused(&product, "product MUG");
        refused(movements.lines().next().expect("a movement"), "a stock movement");
        assert_eq!(shop.number("SELECT COUNT(*) FROM audit_events"), 0);
    }
}

#[test]
fn an_interrupted_import_reports_its_progress_and_is_completed_by_a_rerun() {
    let cut = |upstream, is_mysql| Proxy::start(upstream, is_mysql, AtCommit::CutBefore).sparing(1);
    for scene in SERVERS.into_iter().filter_map(|backend| Scene::new(backend, cut)) {
        let order = |number: u32| {
            let item = serde_json::json!({ "sku": "MUG", "quantity": 1, "unit_price": "12.50" });
            let reference = format!("FILE{number:06}");
            serde_json::json!({ "reference": reference, "user": "ann@example.com", "items": [item] }).to_string()
        };
        let file = scene.through.file("orders.jsonl", &(0..6).map(order).collect::<Vec<_>>().join("\n"));
        let file = file.display().to_string();
        let import = ["order", "import", &file, "--batch", "2", "--timeout", "4s"];
        let run = scene.through.run(&import).exits_with(5);
        assert!(run.stderr.contains("2 orders created and 0 updated earlier are kept"), "{run}");
        assert!(run.stderr.contains("run the same command again to add the rest"), "{run}");
        assert!(!run.stderr.contains("nothing"), "{run}");
        assert_eq!(scene.orders(), 2);
        let run = scene.shop.run(&import).success();
        assert!(run.stdout.contains("4 created, 0 updated, 2 unchanged"), "{run}");
        assert_eq!(scene.orders(), 6);
        scene.shop.assert_invariants();
    }
}

#[cfg(unix)]
#[test]
fn every_terminating_signal_rolls_back() {
    let silent = |upstream, is_mysql| Proxy::silent_at(upstream, is_mysql, 8);
    for (backend, name) in SERVERS.into_iter().flat_map(|backend| ["HUP", "TERM", "INT"].map(|name| (backend, name))) {
        let Some(scene) = Scene::new(backend, silent) else { continue };
        let arguments = [&ORDER[..], &["--timeout", "60s"]].concat();
        let child = scene.through.start(&arguments);
        await_that("the silence", || scene.proxy.silent_since().is_some());
        signal(&child, name);
        finish(child, &arguments).exits_with(130).says("uncommitted changes are rolled back");
        assert_eq!(scene.orders(), 0);
        scene.shop.run(&ORDER).success();
        scene.shop.assert_invariants();
    }
}

#[cfg(unix)]
#[test]
fn a_command_whose_last_commit_is_interrupted_ends_as_usual() {
    let import = ["product", "import", "p.csv", "--timeout", "60s"];
    let seed = ["seed", "up", "--only", "demo", "--timeout", "60s"];
    for (backend, arguments) in SERVERS.into_iter().flat_map(|backend| [(backend, &import[..]), (backend, &seed[..])]) {
        let Some(scene) = Scene::at_commit(backend, AtCommit::Hold) else { continue };
        scene.shop.run(&["seed", "up", "--only", "catalogue"]).success();
        scene.through.file("p.csv", "sku,name,price\nA,a,1\nB,b,1\n");
        let child = scene.through.start(arguments);
        await_that("the COMMIT", || scene.proxy.silent_since().is_some());
        signal(&child, "TERM");
        scene.proxy.resume();
        let run = finish(child, arguments).success().says("changed ");
        assert!(run.stdout.contains("2 created") || run.stdout.contains("seed 20260101000002_demo applied"), "{run}");
    }
}

#[cfg(unix)]
#[test]
fn an_import_interrupted_at_commit_begins_no_other_transaction() {
    for scene in SERVERS.into_iter().filter_map(|backend| Scene::at_commit(backend, AtCommit::Hold)) {
        let rows: String = (0..200).map(|number| format!("S{number},Name,1.00\n")).collect();
        scene.through.file("p.csv", &format!("sku,name,price\n{rows}"));
        let arguments = ["product", "import", "p.csv", "--batch", "1", "--timeout", "60s"];
        let child = scene.through.start(&arguments);
        await_that("the COMMIT", || scene.proxy.silent_since().is_some());
        signal(&child, "TERM");
        scene.proxy.resume();
        let run = finish(child, &arguments).exits_with(130);
        let written = scene.shop.number("SELECT COUNT(*) FROM products WHERE name = 'Name'");
        assert!((1..200).contains(&written), "{written} in {run}");
        let s = if written == 1 { "" } else { "s" };
        run.says(&format!("{written} product{s} created and 0 updated earlier are kept"));
    }
}

#[cfg(unix)]
#[test]
fn an_interrupted_batch_reports_what_is_done() {
    // MariaDB locks more than one of so few rows, which would block the whole batch.
    if let Some(shop) = Shop::migrated(Backend::Postgres) {
        let user = shop.user("ann");
        shop.product("MUG", "2.50", 9);
        let rows: String = (1..=3).map(|number| format!("R{number},{user},MUG,1\n")).collect();
        shop.file("orders.csv", &format!("reference,user,sku,quantity\n{rows}"));
        shop.run(&["order", "import", "orders.csv", "-y"]).success();
        for format in ["table", "json"] {
            let pay = ["order", "pay", "R1", "R2", "R3", "-y", "--timeout", "60s", "-o", format];
            let is_paid = || shop.number("SELECT COUNT(*) FROM orders WHERE status = 'paid'") == 1;
            let child = block_on(async {
                let connection = shop.connect().await;
                let holding = connection.begin().await.expect("begins");
                let lock = "UPDATE orders SET updated_at = updated_at WHERE reference = 'R2'";
                holding.execute_unprepared(lock).await.expect("it is there");
                let child = shop.start(&pay);
                std::thread::scope(|scope| {
                    scope.spawn(|| await_that("the first payment", is_paid)).join().expect("it is paid");
                });
                signal(&child, "INT");
                let run = finish(child, &pay);
                holding.rollback().await.expect("rolls back");
                run
            });
            let run = child.exits_with(130).says("of 3: done R1; not done R2, R3").says("run the same command again");
            assert!(run.stdout.contains("R1") && run.stderr.contains("changed "), "{run}");
            shop.sql("UPDATE orders SET status = 'pending'");
        }
    }
}

#[test]
fn a_dry_run_that_was_cut_does_not_say_that_anything_is_done() {
    let Some(shop) = Shop::migrated(Backend::Postgres) else { return };
    let user = shop.user("ann");
    shop.product("MUG", "2.50", 9);
    let rows: String = (1..=3).map(|number| format!("R{number},{user},MUG,1\n")).collect();
    shop.file("orders.csv", &format!("reference,user,sku,quantity\n{rows}"));
    shop.run(&["order", "import", "orders.csv", "-y"]).success();
    let run = block_on(async {
        let connection = shop.connect().await;
        let holding = connection.begin().await.expect("begins");
        let lock = "UPDATE orders SET updated_at = updated_at WHERE reference = 'R2'";
        holding.execute_unprepared(lock).await.expect("it is there");
        let run = shop.run(&["order", "pay", "R1", "R2", "R3", "--dry-run", "--timeout", "1s"]);
        holding.rollback().await.expect("rolls back");
        run
    });
    let run = run.says("of 3: 1 would be done (R1); 1 failed (R2); 1 not tried (R3)").says("nothing was changed");
    assert!(!run.stderr.contains("completed ones stay unchanged"), "{run}");
}

/// Whether the program listens for the signals that end one.
#[cfg(target_os = "linux")]
fn listens(child: &Child) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap_or("0");
    // SIGTERM is number 15.
    u64::from_str_radix(caught.trim(), 16).is_ok_and(|mask| mask & (1 << 14) != 0)
}

#[cfg(target_os = "linux")]
#[test]
fn a_signal_ends_a_program_blocked_on_input_or_output() {
    let shop = Shop::migrated(Backend::Sqlite).expect("always there");
    shop.run(&["seed", "generate", "--users", "2000", "--products", "10", "--orders", "10", "--yes"]).success();
    for arguments in [
        &["product", "import", "-", "--format", "csv"][..],
        &["order", "pay", "-f", "-", "--yes"],
        &["user", "create", "--email", "a@b.example", "--first-name", "A", "--last-name", "B", "--password-stdin"],
        &["user", "list", "--all", "-o", "jsonl"],
        &["user", "export"],
    ] {
        // Open, but neither written nor read.
        let mut child =
            shop.command(arguments).stdin(std::process::Stdio::piped()).spawn().expect("the binary was built");
        let input = child.stdin.take();
        await_that("listening", || listens(&child));
        // Idle: its process statistics stay constant.
        let (mut seen, mut times) = (String::new(), 0);
        await_that("the wait", || {
            let now = std::fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap_or_default();
            times = if now == seen { times + 1 } else { 0 };
            seen = now;
            times > 10
        });
        signal(&child, "TERM");
        let mut status = None;
        await_that("the end", || {
            status = child.try_wait().expect("it is ours");
            status.is_some()
        });
        assert_eq!(status.and_then(|status: ExitStatus| status.code()), Some(130), "{arguments:?}");
        drop(input);
    }
}

#[cfg(unix)]
#[test]
fn no_new_operation_starts_after_a_signal_at_commit() {
    for scene in SERVERS.into_iter().filter_map(|backend| Scene::at_commit(backend, AtCommit::Hold)) {
        let new = || scene.shop.run(&[&ORDER[..], &["-o", "id"]].concat()).success().stdout.trim().to_owned();
        let (first, second) = (new(), new());
        let arguments = ["order", "pay", &first, &second, "--yes", "--timeout", "60s"];
        let child = scene.through.start(&arguments);
        await_that("the COMMIT", || scene.proxy.silent_since().is_some());
        signal(&child, "TERM");
        scene.proxy.resume();
        let _ = finish(child, &arguments).exits_with(130);
        let paid = scene.shop.number("SELECT COUNT(*) FROM orders WHERE status = 'paid'");
        assert_eq!(paid, 1, "the one whose COMMIT was under way");
        scene.shop.assert_invariants();
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_program_started_with_nohup_outlives_its_terminal() {
    let silent = |upstream, is_mysql| Proxy::silent_at(upstream, is_mysql, 8);
    let Some(scene) = Scene::new(Backend::Postgres, silent) else { return };
    let arguments = [&ORDER[..], &["--timeout", "3s"]].concat();
    let direct = scene.through.command(&arguments);
    let mut command = Command::new("nohup");
    command.arg(direct.get_program()).args(direct.get_args());
    command.env_clear().envs(direct.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.current_dir(direct.get_current_dir().expect("a folder of its own"));
    command
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped());
    let child = command.spawn().expect("nohup is everywhere");
    await_that("the silence", || scene.proxy.silent_since().is_some());
    signal(&child, "HUP");
    finish(child, &arguments).exits_with(5);
}
