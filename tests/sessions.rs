//! Session limits on a server: a lost client does not block others for long.

use std::time::{Duration, Instant};

use sea_orm::{ConnectionTrait, Statement};
use shopctl::error::Error;

use crate::support::shop::{block_on, finish};
use crate::support::{Backend, Shop, library};

/// What the server says about the session of an open transaction.
async fn asked(handle: &impl ConnectionTrait, sql: &str) -> String {
    let statement = Statement::from_string(handle.get_database_backend(), sql);
    let row = handle.query_one_raw(statement).await.expect("answers").expect("one row");
    row.try_get("", "value").expect("a text")
}

/// For how many seconds the server waits for the next statement of this transaction; 0 is forever.
async fn idle_limit(shop: &Shop, handle: &impl ConnectionTrait) -> String {
    let ask = match shop.backend {
        Backend::Postgres => "SELECT current_setting('idle_in_transaction_session_timeout') AS value",
        _ => "SELECT CAST(@@SESSION.idle_transaction_timeout AS CHAR) AS value",
    };
    asked(handle, ask).await.trim_end_matches('s').to_owned()
}

/// Whoever vanishes inside a transaction keeps its rows for half a minute; here it is a second.
#[test]
fn a_client_lost_inside_a_transaction_releases_its_locks() {
    for shop in [Backend::Postgres, Backend::MariaDb].into_iter().filter_map(Shop::migrated) {
        shop.product("MUG", "1.00", 1);
        block_on(async {
            let database = library::database(&shop).await;
            let vanished = database.begin().await.map_err(Error::from).expect("begins");
            let shorten = match shop.backend {
                Backend::Postgres => "SET LOCAL idle_in_transaction_session_timeout = '1s'",
                _ => "SET SESSION idle_transaction_timeout = 1",
            };
            assert_eq!(idle_limit(&shop, &vanished).await, "30", "{:?}", shop.backend);
            vanished.execute_unprepared(shorten).await.expect("a session may");
            vanished.execute_unprepared("UPDATE products SET stock_quantity = 0").await.expect("nobody has it");

            let began = Instant::now();
            let arguments = ["stock", "adjust", "MUG", "+1", "--reason", "received"];
            finish(shop.start(&arguments), &arguments).success();
            assert!(began.elapsed() < Duration::from_secs(8), "it took {:?}", began.elapsed());
            assert!(vanished.commit().await.is_err(), "the server has ended it");
        });
        assert_eq!(shop.number("SELECT stock_quantity FROM products"), 2);
        shop.assert_invariants();
    }
}

/// `copy` and `diff` read one shop for as long as the other takes.
#[test]
fn a_snapshot_stays_open_while_another_database_is_read() {
    for shop in [Backend::Postgres, Backend::MariaDb].into_iter().filter_map(Shop::migrated) {
        block_on(async {
            let database = library::database(&shop).await;
            let snapshot = database.snapshot().await.expect("begins");
            assert_eq!(idle_limit(&shop, &snapshot).await, "0", "{:?}", shop.backend);
        });
    }
}
