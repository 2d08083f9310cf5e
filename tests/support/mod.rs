//! Test support: real servers, a shop on each, the binary as a process, a proxy that breaks
//! connections.

mod contents;
mod database;
pub mod emulator;
pub mod foreign;
pub mod library;
pub mod proxy;
pub mod readers;
pub mod roles;
pub mod servers;
pub mod shop;
pub mod terminal;
pub mod tls;
pub mod unprivileged;

use std::time::{Duration, Instant};

pub use contents::Column;
pub use shop::{Backend, Run, Shop};

/// More than anything that is awaited takes.
const PATIENCE: Duration = Duration::from_mins(1);

/// Waits until this is so.
#[track_caller]
pub fn await_that(what: &str, mut is_so: impl FnMut() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < until, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// How often something is killed at a random moment: some rounds a run of the suite;
/// `SHOPCTL_TEST_ROUNDS=30` is what the promise is judged by.
pub fn rounds() -> i64 {
    std::env::var("SHOPCTL_TEST_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(3)
}

/// Runs `fn NAME(shop: &Shop)` on every backend as a test of its own: `NAME::sqlite`,
/// `NAME::postgres`, `NAME::mariadb`. Each gets a migrated shop for development.
#[macro_export]
macro_rules! on_every_backend {
    ($($name:ident),+ $(,)?) => { $(
        mod $name {
            use $crate::support::{Backend, Shop};

            #[test]
            fn sqlite() {
                Shop::migrated(Backend::Sqlite).iter().for_each(super::$name);
            }

            #[test]
            fn postgres() {
                Shop::migrated(Backend::Postgres).iter().for_each(super::$name);
            }

            #[test]
            fn mariadb() {
                Shop::migrated(Backend::MariaDb).iter().for_each(super::$name);
            }
        }
    )+ };
}
