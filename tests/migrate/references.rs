//! Tables of other programs that refer to the shop's: nothing is dropped under them.

use super::guards::copies;
use super::recovery::hints;
use crate::on_every_backend;
use crate::support::{Backend, Shop};

on_every_backend!(a_foreign_key_of_another_program_is_named_before_anything_is_dropped);

/// A table in which somebody reviewed a product.
fn reviews(shop: &Shop, table: &str) {
    if shop.backend == Backend::Sqlite {
        shop.sql(&format!("CREATE TABLE {table} (product_id REFERENCES products (id))"));
        return shop.sql(&format!("INSERT INTO {table} SELECT id FROM products LIMIT 1"));
    }
    shop.sql(&format!("CREATE TABLE {table} AS SELECT id AS product_id FROM products LIMIT 1"));
    shop.sql(&format!("ALTER TABLE {table} ADD CONSTRAINT reviewed FOREIGN KEY (product_id) REFERENCES products (id)"));
}

fn a_foreign_key_of_another_program_is_named_before_anything_is_dropped(shop: &Shop) {
    shop.run(&["seed", "up"]).success();
    reviews(shop, "review");
    let before = (shop.everything(), shop.schema());
    let key = if shop.backend == Backend::Sqlite { "foreign key (product_id)" } else { "foreign key reviewed" };
    for course in [&["down", "--steps", "99"][..], &["redo", "--steps", "99"], &["reset"], &["refresh"]] {
        for answer in [&["--yes"][..], &[]] {
            let run = shop.run(&[&["migrate"], course, answer].concat()).exits_with(6);
            let run = run.says(&format!("{key} of table review refers to products")).says("nothing was changed");
            assert!(!run.stderr.contains("this reverts "), "nobody is asked: {run}");
            assert!((shop.everything(), shop.schema()) == before, "{course:?}");
        }
    }
    assert!(copies(shop).is_empty(), "{:?}", copies(shop));
    // Its tables are nobody else's.
    shop.run(&["migrate", "redo", "--yes", "--steps", "2"]).success();
    let refused = shop.run(&["migrate", "reset", "--yes"]).exits_with(6);
    match shop.backend {
        Backend::Sqlite => shop.sql("DROP TABLE review"),
        _ => hints(&refused, "first remove it: ").iter().for_each(|remedy| shop.sql(remedy)),
    }
    shop.run(&["migrate", "reset", "--yes"]).success();
}

#[test]
fn what_refers_to_the_shop_from_another_schema_is_named() {
    for shop in [Backend::Postgres, Backend::MariaDb].into_iter().filter_map(Shop::migrated) {
        shop.run(&["seed", "up"]).success();
        let (name, other) = (shop.database_name(), format!("beside_{}", shop.database_name()));
        shop.sql(&format!("CREATE SCHEMA {other}"));
        let database = if shop.backend == Backend::MariaDb { format!("{name}.") } else { String::new() };
        shop.sql(&format!("CREATE TABLE {other}.review AS SELECT id AS product_id FROM products LIMIT 1"));
        shop.sql(&format!(
            "ALTER TABLE {other}.review ADD CONSTRAINT reviewed FOREIGN KEY (product_id) REFERENCES {database}products (id)"
        ));
        let before = (shop.everything(), shop.schema());
        for course in ["reset", "refresh", "fresh"] {
            let refused = shop.run(&["migrate", course, "--confirm", &name]).exits_with(6);
            refused.says(&format!("foreign key reviewed of table {other}.review refers to products"));
            assert!((shop.everything(), shop.schema()) == before, "{course}");
        }
        let refused = shop.run(&["migrate", "fresh", "--confirm", &name]).exits_with(6);
        hints(&refused, "first remove it: ").iter().for_each(|remedy| shop.sql(remedy));
        shop.run(&["migrate", "fresh", "--confirm", &name]).success();
        assert_eq!(shop.number(&format!("SELECT COUNT(*) FROM {other}.review")), 1, "what is not the shop's stays");
        if shop.backend == Backend::MariaDb {
            shop.sql(&format!("DROP SCHEMA {other}"));
        }
    }
}

/// Elsewhere a view is no obstacle.
#[test]
fn a_view_of_another_program_is_named_before_anything_is_dropped() {
    let Some(shop) = Shop::migrated(Backend::Postgres) else { return };
    shop.sql("CREATE MATERIALIZED VIEW \"Seen\" AS SELECT id FROM orders");
    let refused =
        shop.run(&["migrate", "reset", "--yes"]).exits_with(6).says("materialized view Seen refers to orders");
    assert_eq!(shop.number("SELECT COUNT(*) FROM seaql_migrations"), migration::MIGRATIONS.len() as i64);
    hints(&refused, "first remove it: ").iter().for_each(|remedy| shop.sql(remedy));
    shop.run(&["migrate", "reset", "--yes"]).success();
}
