//! A connection that breaks at COMMIT: shopctl determines the outcome before it reports one.

use std::time::Duration;

use crate::support::proxy::{AtCommit, Proxy};
use crate::support::{Backend, Run, Shop, servers};

const TIMEOUT_SECONDS: u64 = 4;

struct Scene {
    shop: Shop,
    user: String,
}

impl Scene {
    fn new(backend: Backend) -> Option<Scene> {
        let shop = Shop::migrated(backend)?;
        let user = shop.user("ann");
        shop.product("MUG", "12.50", 10);
        Some(Scene { shop, user })
    }

    /// Places an order through a proxy that applies the action to its COMMIT.
    fn order(&self, action: AtCommit) -> Run {
        self.order_with(action, &[])
    }

    fn order_with(&self, action: AtCommit, more: &[&str]) -> Run {
        let (_proxy, through) = self.through(action, 0);
        let timeout = format!("{TIMEOUT_SECONDS}s");
        let order = ["order", "create", "--user", &self.user, "--item", "MUG:2", "--timeout", &timeout, "--json"];
        through.run(&[&order, more].concat())
    }

    /// The shop behind a proxy that forwards some COMMITs and applies the action to the next.
    fn through(&self, action: AtCommit, spared: u32) -> (Proxy, Shop) {
        let server = match self.shop.backend {
            Backend::Postgres => servers::postgres(),
            _ => servers::mariadb(),
        };
        let upstream = server.expect("the shop is there").port;
        let proxy = Proxy::start(upstream, self.shop.backend == Backend::MariaDb, action).sparing(spared);
        let through = self.shop.with_url(self.shop.url.replace(&format!(":{upstream}/"), &format!(":{}/", proxy.port)));
        (proxy, through)
    }

    fn orders(&self) -> i64 {
        self.shop.number("SELECT COUNT(*) FROM orders")
    }
}

fn cut_before(backend: Backend) {
    let Some(scene) = Scene::new(backend) else { return };
    let run = scene.order(AtCommit::CutBefore).exits_with(5);
    assert!(run.stderr.contains("order.place was not applied"), "{run}");
    assert_eq!(scene.orders(), 0);
    assert_eq!(scene.shop.number("SELECT COUNT(*) FROM audit_events WHERE outcome = 'failed'"), 1, "the tombstone");
    scene.shop.assert_invariants();
}

fn cut_after(backend: Backend) {
    let Some(scene) = Scene::new(backend) else { return };
    let run = scene.order(AtCommit::CutAfter).success();
    assert_eq!(scene.orders(), 1);
    let reference = run.json()["reference"].as_str().expect("a reference").to_owned();
    assert_eq!(scene.shop.column("SELECT reference FROM orders"), [reference]);
    scene.shop.assert_invariants();
}

fn black_hole(backend: Backend) {
    let Some(scene) = Scene::new(backend) else { return };
    let run = scene.order(AtCommit::BlackHole).exits_with(12);
    assert!(run.duration < Duration::from_secs(2 * TIMEOUT_SECONDS), "it took {:?}", run.duration);
    let error: serde_json::Value = serde_json::from_str(&run.stderr).expect("one JSON object");
    assert_eq!(error["error"]["code"], "operation.outcome_unknown");
    assert!(error["error"]["details"]["operation_id"].is_string(), "{run}");
}

fn error_of(run: &Run) -> serde_json::Value {
    let json: serde_json::Value =
        serde_json::from_str(&run.stderr).unwrap_or_else(|_| panic!("one JSON object: {run}"));
    json["error"].clone()
}

/// With a key it cannot happen twice, so a program may simply try again.
fn unknown_is_retryable_with_a_key(backend: Backend) {
    let Some(scene) = Scene::new(backend) else { return };
    for (more, is_retryable) in [(&[][..], false), (&["--idempotency-key", "web-4711"], true)] {
        let error = error_of(&scene.order_with(AtCommit::BlackHole, more).exits_with(12));
        assert_eq!((&error["exit"], &error["retryable"]), (&12.into(), &is_retryable.into()), "{error}");
    }
}

fn several_orders_cut(backend: Backend) {
    let Some(scene) = Scene::new(backend) else { return };
    let order = ["order", "create", "--user", &scene.user, "--item", "MUG:1", "-o", "id"];
    let orders: Vec<String> = (0..3).map(|_| scene.shop.run(&order).success().stdout.trim().to_owned()).collect();
    for (action, codes) in [(AtCommit::CutBefore, [5, 8]), (AtCommit::Unanswered, [12, 8])] {
        let (_proxy, through) = scene.through(action, 1);
        let pay = ["order", "pay", &orders[0], &orders[1], &orders[2], "--yes", "--timeout", "3s"];
        let run = through.run(&pay);
        assert!(codes.contains(&run.code), "{action:?}: {run}");
        assert!(!run.stderr.contains("nothing of this command"), "{run}");
        // Each order is reported as done, failed or unknown.
        assert!(run.stderr.contains("of 3: 1 done"), "{action:?}: {run}");
        assert!(run.duration < Duration::from_secs(12), "{:?}: {run}", run.duration);
        let paid = scene.shop.number("SELECT COUNT(*) FROM orders WHERE status = 'paid'");
        assert!(paid >= 1, "the first is paid");
        if action == AtCommit::CutBefore {
            scene.shop.sql("UPDATE orders SET status = 'pending'");
        }
    }
}

#[test]
fn a_commit_that_never_arrived_is_reported_as_not_applied_on_postgres() {
    cut_before(Backend::Postgres);
}

#[test]
fn a_commit_that_never_arrived_is_reported_as_not_applied_on_mariadb() {
    cut_before(Backend::MariaDb);
}

#[test]
fn a_commit_whose_answer_was_lost_is_reported_as_done_on_postgres() {
    cut_after(Backend::Postgres);
}

#[test]
fn a_commit_whose_answer_was_lost_is_reported_as_done_on_mariadb() {
    cut_after(Backend::MariaDb);
}

#[test]
fn a_black_hole_at_commit_ends_at_the_deadline_as_unknown_on_postgres() {
    black_hole(Backend::Postgres);
}

#[test]
fn a_black_hole_at_commit_ends_at_the_deadline_as_unknown_on_mariadb() {
    black_hole(Backend::MariaDb);
}

#[test]
fn an_unknown_outcome_is_retryable_with_a_key_on_postgres() {
    unknown_is_retryable_with_a_key(Backend::Postgres);
}

#[test]
fn an_unknown_outcome_is_retryable_with_a_key_on_mariadb() {
    unknown_is_retryable_with_a_key(Backend::MariaDb);
}

#[test]
fn a_batch_cut_after_its_first_order_reports_each_order_on_postgres() {
    several_orders_cut(Backend::Postgres);
}

#[test]
fn a_batch_cut_after_its_first_order_reports_each_order_on_mariadb() {
    several_orders_cut(Backend::MariaDb);
}

/// The driver takes lengths for true and panics; the way to the outcome is told all the same.
#[test]
fn a_malformed_answer_to_commit_leaves_the_outcome_unknown() {
    let Some(scene) = Scene::new(Backend::Postgres) else { return };
    let run = scene.order(AtCommit::Nonsense).exits_with(12);
    let error = error_of(&run);
    assert_eq!((&error["code"], &error["retryable"]), (&"operation.outcome_unknown".into(), &false.into()), "{error}");
    let operation = error["details"]["operation_id"].as_str().expect("an id");
    assert!(error["hint"].as_str().expect("a hint").contains(&format!("audit settle {operation}")), "{error}");
    let settled = scene.shop.run(&["audit", "settle", operation]).success();
    assert!(settled.stdout.starts_with("not applied"), "{settled}");
    assert_eq!(scene.orders(), 0);
}

#[test]
fn a_serialization_failure_at_commit_is_retried() {
    let Some(scene) = Scene::new(Backend::Postgres) else { return };
    scene.order(AtCommit::Serialization).success();
    assert_eq!(scene.orders(), 1);
    assert_eq!(scene.shop.number("SELECT stock_quantity FROM products"), 8);
    scene.shop.assert_invariants();
}

#[test]
fn a_first_order_takes_few_round_trips_regardless_of_its_lines() {
    let Some(scene) = Scene::new(Backend::Postgres) else { return };
    (0..20).for_each(|number| scene.shop.product(&format!("P-{number}"), "1.00", 9));
    let upstream = servers::postgres().expect("the shop is there").port;
    let items: Vec<String> = (0..20).map(|number| format!("P-{number}")).collect();
    for lines in [1, 3, 20] {
        let proxy = Proxy::start(upstream, false, AtCommit::Forward);
        let url = scene.shop.url.replace(&format!(":{upstream}/"), &format!(":{}/", proxy.port));
        let through = scene.shop.with_url(format!("{url}?sslmode=disable"));
        let mut arguments = vec!["order", "create", "--user", &scene.user];
        items[..lines].iter().for_each(|item| arguments.extend(["--item", item.as_str()]));
        through.run(&arguments).success();
        assert!(proxy.round_trips() <= 18, "{lines} lines took {} round trips", proxy.round_trips());
    }
}

/// Whenever the server falls silent: what is sealed is told, and never called not applied.
fn seal_falls_silent(backend: Backend) {
    let Some(scene) = Scene::new(backend) else { return };
    let server = if backend == Backend::Postgres { servers::postgres() } else { servers::mariadb() };
    let upstream = server.expect("the shop is there").port;
    let seal = |proxy: &Proxy| {
        let url = scene.shop.url.replace(&format!(":{upstream}/"), &format!(":{}/", proxy.port));
        scene.shop.with_url(url).run(&["audit", "seal", "--timeout", "2s"])
    };
    let counting = Proxy::start(upstream, backend == Backend::MariaDb, AtCommit::Forward);
    seal(&counting).success();
    let all = counting.round_trips();
    for message in all - 2..=all + 2 {
        scene.shop.run(&["stock", "adjust", "MUG", "+1", "--reason", "received"]).success();
        let before = scene.shop.number("SELECT COUNT(*) FROM audit_seals");
        let run = seal(&Proxy::silent_at(upstream, backend == Backend::MariaDb, message));
        let is_made = scene.shop.number("SELECT COUNT(*) FROM audit_seals") > before;
        assert!(!is_made || !run.stderr.contains("not applied"), "silent at {message} of {all}: {run}");
        assert!(run.code == 12 || (run.code == 0) == is_made, "silent at {message} of {all}: {run}");
    }
}

#[test]
fn a_written_seal_is_never_reported_as_not_applied_on_postgres() {
    seal_falls_silent(Backend::Postgres);
}

#[test]
fn a_written_seal_is_never_reported_as_not_applied_on_mariadb() {
    seal_falls_silent(Backend::MariaDb);
}

/// A shop with the demo's seeds, and a proxy that applies the action to a COMMIT after the first few.
fn seeded_through(action: AtCommit, spared: u32) -> Option<(Proxy, Scene, Shop)> {
    let scene = Scene { shop: Shop::migrated(Backend::Postgres)?, user: String::new() };
    let (proxy, through) = scene.through(action, spared);
    Some((proxy, scene, through))
}

#[test]
fn a_seed_without_an_answer_at_commit_is_named_whether_or_not_it_is_the_first() {
    for (spared, known) in [
        (0, "in doubt: 20260101000001_catalogue; not applied: 20260101000002_demo"),
        (1, "applied: 20260101000001_catalogue; in doubt: 20260101000002_demo"),
    ] {
        let Some((_proxy, _scene, through)) = seeded_through(AtCommit::BlackHole, spared) else { return };
        let run = through.run(&["seed", "up", "--timeout", "2s"]).exits_with(12);
        run.says(known).says("shopctl seed up, with the same flags, applies the rest");
    }
}

#[test]
fn a_redo_that_was_cut_names_the_command_that_applies_the_seed_again() {
    let again = "shopctl seed up --timeout 2s --only 20260101000002_demo";
    for (action, spared, code, known) in [
        (AtCommit::BlackHole, 0, 12, "if it was applied, then: "),
        (AtCommit::BlackHole, 1, 12, "its earlier rows were deleted"),
        (AtCommit::CutBefore, 1, 5, "its earlier rows were deleted"),
    ] {
        let Some((_proxy, scene, through)) = seeded_through(action, spared) else { return };
        scene.shop.run(&["seed", "up"]).success();
        let redo = ["seed", "redo", "demo", "--confirm", "demo", "--timeout", "2s"];
        through.run(&redo).exits_with(code).says(known).says(again);
    }
}
