//! A connection that breaks at COMMIT: shopctl finds out what happened before it says anything.

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

    /// Places an order through a proxy that does this to its COMMIT.
    fn order(&self, action: AtCommit) -> Run {
        let server = match self.shop.backend {
            Backend::Postgres => servers::postgres(),
            _ => servers::mariadb(),
        };
        let upstream = server.expect("the shop is there").port;
        let proxy = Proxy::start(upstream, self.shop.backend == Backend::MariaDb, action);
        let through = self.shop.with_url(self.shop.url.replace(&format!(":{upstream}/"), &format!(":{}/", proxy.port)));
        let timeout = format!("{TIMEOUT_SECONDS}s");
        through.run(&["order", "create", "--user", &self.user, "--item", "MUG:2", "--timeout", &timeout, "--json"])
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
    assert!(run.duration < Duration::from_secs(TIMEOUT_SECONDS + 1), "it took {:?}", run.duration);
    let error: serde_json::Value = serde_json::from_str(&run.stderr).expect("one JSON object");
    assert_eq!(error["error"]["code"], "operation.outcome_unknown");
    assert!(error["error"]["details"]["operation_id"].is_string(), "{run}");
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
fn a_serialization_failure_at_commit_is_retried() {
    let Some(scene) = Scene::new(Backend::Postgres) else { return };
    scene.order(AtCommit::Serialization).success();
    assert_eq!(scene.orders(), 1);
    assert_eq!(scene.shop.number("SELECT stock_quantity FROM products"), 8);
    scene.shop.assert_invariants();
}

#[test]
fn a_first_order_takes_few_round_trips_whatever_its_lines() {
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
