//! A COMMIT without an answer outside of operations: what became of it is looked up, or said to be unknown.

use super::SERVERS;
use super::verify::scratch_databases;
use crate::support::proxy::{AtCommit, Proxy};
use crate::support::roles::create;
use crate::support::shop::finish;
use crate::support::{Backend, Run, Shop, await_that};

const NEWEST: &str = migration::MIGRATIONS[migration::MIGRATIONS.len() - 1].name;
/// Tries of what may take too long on a busy server.
const ROUNDS: u32 = 5;

/// Runs a command through a proxy that applies the action to its first COMMIT.
fn run_through(shop: &Shop, action: AtCommit, arguments: &[&str]) -> (Proxy, Run) {
    let (proxy, proxied) = Proxy::in_front_of(shop);
    let proxy = proxy.at_commit(action);
    let run = proxied.run(arguments);
    (proxy, run)
}

/// Ends the lease of a runner that could not release it.
fn end_lease(shop: &Shop) {
    shop.sql("DELETE FROM shopctl_leases");
}

fn applied(shop: &Shop) -> i64 {
    shop.number("SELECT COUNT(*) FROM seaql_migrations")
}

fn fresh(shop: &Shop, action: AtCommit) -> (Proxy, Run) {
    run_through(shop, action, &["migrate", "fresh", "--yes", "--timeout", "3s"])
}

#[test]
fn fresh_does_not_say_that_nothing_was_removed_when_everything_was() {
    let Some(shop) = Shop::migrated(Backend::Postgres) else { return };
    shop.user("ann");
    let users = || shop.number("SELECT COUNT(*) FROM users");
    let run = fresh(&shop, AtCommit::CutBefore).1.exits_with(5);
    run.says("nothing was dropped");
    assert_eq!(users(), 1);
    let run = fresh(&shop, AtCommit::BlackHole).1.exits_with(12);
    assert!(!run.stderr.contains("dropped or changed"), "{run}");
    run.says("it is not known what was dropped").says("shopctl migrate status");
    shop.await_alone();
    end_lease(&shop);
    // The COMMIT arrives after the command has given up.
    let (proxy, run) = fresh(&shop, AtCommit::Hold);
    let run = run.exits_with(12);
    assert!(!run.stderr.contains("dropped or changed"), "{run}");
    run.says("it is not known what was dropped");
    assert!(applied(&shop) > 0);
    proxy.release();
    await_that("the held COMMIT removes everything", || applied(&shop) == 0);
    end_lease(&shop);
    shop.run(&["migrate", "up"]).success();
    shop.user("ann");
    // What is known to be removed is made again.
    fresh(&shop, AtCommit::CutAfter).1.success();
    assert_eq!(users(), 0);
    shop.run(&["migrate", "status", "--check"]).success();
}

/// The first COMMIT there announces the removal, the third forgets the announcement.
#[test]
fn fresh_on_mariadb_knows_that_everything_was_removed() {
    let Some(shop) = Shop::migrated(Backend::MariaDb) else { return };
    for (action, spared) in [(AtCommit::CutBefore, 2), (AtCommit::CutAfter, 2), (AtCommit::CutAfter, 0)] {
        shop.user("ann");
        let (proxy, proxied) = Proxy::in_front_of(&shop);
        let proxy = proxy.sparing(spared).at_commit(action);
        let run = proxied.run(&["migrate", "fresh", "--yes", "--timeout", "5s"]);
        drop(proxy);
        let is_gone = shop.number(
            "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = 'users'",
        ) == 0;
        let was_emptied = !is_gone && shop.number("SELECT COUNT(*) FROM users") == 0;
        assert_eq!(run.stderr.contains("dropped or changed"), !is_gone && !was_emptied, "{action:?}: {run}");
        shop.await_alone();
        end_lease(&shop);
        shop.run(&["migrate", "fresh", "--yes"]).success();
    }
}

/// The statement that removes the scratch database which this run could not remove.
fn removal_of_leftover(run: &Run) -> Option<String> {
    let warning = run.stderr.lines().find(|line| line.starts_with("warning: the scratch database "))?;
    let (_, statement) = warning.split_once("could not be removed; to remove it: ").expect("how to remove it");
    Some(statement.trim_end_matches(';').to_owned())
}

#[test]
fn a_lost_commit_of_a_scratch_database_is_not_said_to_be_the_shops() {
    for shop in SERVERS.into_iter().filter_map(Shop::migrated) {
        let (proxy, run) = run_through(&shop, AtCommit::CutAfter, &["migrate", "verify", "--timeout", "5s"]);
        drop(proxy);
        assert!([0, 5].contains(&run.code), "{run}");
        assert!(!run.stderr.contains("applied"), "{run}");
        // On a busy server there may not be time to remove it.
        removal_of_leftover(&run).iter().for_each(|statement| shop.sql(statement));
    }
}

#[test]
fn a_scratch_database_is_removed_although_its_connection_stopped_answering() {
    for shop in SERVERS.into_iter().filter_map(Shop::migrated) {
        let verify = ["migrate", "verify", "--timeout", "3s"];
        let is_removed = (0..ROUNDS).any(|_| {
            let (proxy, proxied) = Proxy::in_front_of(&shop);
            let _proxy = proxy.at_commit(AtCommit::Stall);
            let child = proxied.start(&verify);
            let process = child.id();
            let run = finish(child, &verify).exits_with(5);
            let removal = removal_of_leftover(&run);
            assert_eq!(scratch_databases(&shop, process).len(), usize::from(removal.is_some()), "{run}");
            // On a busy server there may not be time to remove it.
            removal.iter().for_each(|statement| shop.sql(statement));
            removal.is_none()
        });
        assert!(is_removed, "{:?}", shop.backend);
    }
}

#[test]
fn a_scratch_database_that_cannot_be_removed_is_named_with_what_removes_it() {
    for shop in SERVERS.into_iter().filter_map(Shop::migrated) {
        let (proxy, proxied) = Proxy::in_front_of(&shop);
        let _proxy = proxy.at_commit(AtCommit::BlackHole);
        let verify = ["migrate", "verify", "--timeout", "2s"];
        let child = proxied.start(&verify);
        let process = child.id();
        let run = finish(child, &verify).exits_with(5);
        let left = scratch_databases(&shop, process);
        let [name] = left.as_slice() else { panic!("{left:?} after {run}") };
        let removal = removal_of_leftover(&run).unwrap_or_else(|| panic!("nothing is said of {name} by {run}"));
        assert!(removal.contains(name.as_str()), "{run}");
        shop.sql(&removal);
        assert!(scratch_databases(&shop, process).is_empty(), "{removal}");
    }
}

#[test]
fn a_migration_without_an_answer_at_commit_is_looked_up_or_unknown() {
    let Some(shop) = Shop::migrated(Backend::Postgres) else { return };
    let all = migration::MIGRATIONS.len() as i64;
    let (up, down) = (&["migrate", "up", "--timeout", "3s"][..], &["migrate", "down", "--yes", "--timeout", "3s"][..]);
    for (command, back, way) in [(down, up, -1), (up, down, 1)] {
        let before = applied(&shop);
        let lost = |action| run_through(&shop, action, command);
        let run = lost(AtCommit::CutBefore).1.exits_with(5);
        assert!(!run.stderr.contains("in doubt"), "{run}");
        assert_eq!(applied(&shop), before, "{run}");
        let (proxy, run) = lost(AtCommit::Hold);
        run.exits_with(12).says(&format!("in doubt: 1 ({NEWEST})"));
        assert_eq!(applied(&shop), before);
        proxy.release();
        await_that("the held COMMIT happens", || applied(&shop) == before + way);
        end_lease(&shop);
        shop.run(back).success();
        lost(AtCommit::CutAfter).1.success();
        assert_eq!(applied(&shop), before + way);
    }
    assert_eq!(applied(&shop), all);
    shop.run(&["migrate", "status", "--check"]).success();
}

#[test]
fn a_mark_that_was_kept_is_not_said_to_be_lost() {
    for shop in SERVERS.into_iter().filter_map(Shop::migrated) {
        let run = run_through(&shop, AtCommit::CutAfter, &["migrate", "env", "test"]).1.exits_with(12);
        assert!(!run.stderr.contains("not kept"), "{run}");
        run.says("it is not known whether the change was applied").says("shopctl migrate env");
        assert_eq!(shop.run(&["migrate", "env", "-o", "csv"]).success().stdout, "environment\ntest\n");
    }
}

#[test]
fn rights_that_were_granted_are_not_said_to_be_lost() {
    let Some(shop) = Shop::migrated(Backend::Postgres) else { return };
    let reader = format!("reader_{}", shop.database_name());
    create(&shop, &reader);
    let apply = ["access", "apply", "--reader", &reader, "--yes"];
    let run = run_through(&shop, AtCommit::CutAfter, &apply).1.exits_with(12);
    assert!(!run.stderr.contains("not kept"), "{run}");
    run.says(&format!("shopctl access plan --reader {reader}"));
    shop.run(&["access", "plan", "--reader", &reader]).success().says("nothing to change");
}

#[test]
fn a_resolution_without_an_answer_at_commit_is_unknown() {
    for shop in SERVERS.into_iter().filter_map(Shop::migrated) {
        let resolve = ["migrate", "resolve", NEWEST, "--reverted", "--yes"];
        let run = run_through(&shop, AtCommit::CutAfter, &resolve).1.exits_with(12);
        run.says("it is not known whether the change was applied").says("shopctl migrate status");
        assert_eq!(applied(&shop), migration::MIGRATIONS.len() as i64 - 1);
    }
}
