//! The form of the ids of a shop that another program made.

use crate::on_every_backend;
use crate::support::foreign::{PRODUCT, USER, assert_taken_over, document, made_by_others, sequelize};
use crate::support::{Backend, Shop};

on_every_backend!(ids_in_braces_are_read);

/// Django, SQLAlchemy and Peewee write 32 digits, programs in Rust and Pony 16 bytes, .NET upper case: each finds its
/// rows by the form that it writes, and no others.
#[test]
fn a_program_on_sqlite_still_finds_rows_by_the_form_of_its_ids() {
    for (form, own) in [
        ("32 hexadecimal digits", "replace(lower(ID), '-', '')"),
        ("36 upper-case characters", "upper(ID)"),
        ("16 bytes", "unhex(replace(ID, '-', ''))"),
    ] {
        let shop = Shop::empty(Backend::Sqlite).expect("always there");
        let made = made_by_others(&shop, &document(Backend::Sqlite));
        let columns = ["users.id", "products.id", "orders.id", "orders.user_id", "order_items.id"];
        let columns = [&columns[..], &["order_items.order_id", "order_items.product_id"]].concat();
        let changes = columns.iter().map(|column| {
            let (table, column) = column.split_once('.').expect("a column of a table");
            format!("UPDATE {table} SET {column} = {}", own.replace("ID", column))
        });
        made.sql(&format!("PRAGMA foreign_keys = OFF; {}", changes.collect::<Vec<_>>().join("; ")));
        let run = made.run(&["adopt", "--yes", "--fix-totals"]).success();
        assert!(run.stderr.contains(form), "{run}");
        assert_taken_over(&made);

        made.user("ann");
        made.product("MUG", "12.50", 10);
        let items = ["--item", "MUG:2", "--item", PRODUCT];
        let order = made.run(&[&["order", "create", "--user", USER, "--json"], &items[..]].concat()).success();
        let order = order.json()["id"].as_str().expect("text").to_owned();
        made.run(&["order", "pay", &order]).success();
        made.run(&["order", "refund", &order, "--yes"]).success();
        made.file("o.csv", "reference,user,sku,quantity\nNEW-1,ann@example.com,MUG,1\n");
        made.run(&["order", "import", "o.csv"]).success();
        for command in [&["audit", "verify"][..], &["stock", "verify"]] {
            made.run(command).success();
        }
        let deep = made.run(&["doctor", "--deep"]).success();
        assert!(deep.stdout.contains(&format!("no ids in another form than {form}")), "{deep}");
        for column in [&columns[..], &["stock_movements.id", "stock_movements.order_id", "audit_events.id"]].concat() {
            let (table, column) = column.split_once('.').expect("a column of a table");
            let own = own.replace("ID", &format!("({})", id_as_text(column)));
            let others = format!("SELECT COUNT(*) FROM {table} WHERE {column} IS NOT NULL AND {column} IS NOT {own}");
            assert_eq!(made.number(&others), 0, "{form}: {table}.{column}");
        }
        let found = format!("SELECT COUNT(*) FROM orders WHERE id = {}", own.replace("ID", &format!("'{order}'")));
        assert_eq!(made.number(&found), 1, "{form}: the program finds what shopctl placed");
    }
}

/// 36 lower-case characters, whatever form the id has.
fn id_as_text(column: &str) -> String {
    let digits = format!("replace(lower(iif(typeof({column}) = 'blob', hex({column}), {column})), '-', '')");
    let part = |from: u8, length: u8| format!("substr({digits}, {from}, {length})");
    [part(1, 8), part(9, 4), part(13, 4), part(17, 4), part(21, 12)].join(" || '-' || ")
}

/// As fixtures have them.
#[test]
fn ids_without_letters_are_in_the_form_of_shopctl() {
    let shop = Shop::empty(Backend::Sqlite).expect("always there");
    let made = made_by_others(&shop, &document(Backend::Sqlite));
    made.sql("DELETE FROM order_items; DELETE FROM orders; DELETE FROM users WHERE email <> 'ada@example.com'");
    made.sql("UPDATE users SET id = '00000000-0000-4000-8000-000000000001'");
    made.sql("UPDATE products SET id = '00000000-0000-4000-8000-000000000002'");
    made.run(&["adopt", "--yes"]).success();
    made.run(&["order", "create", "--user", "ada@example.com", "--item", "00000000-0000-4000-8000-000000000002"])
        .success();
    assert_eq!(made.number("SELECT COUNT(*) FROM orders WHERE id <> lower(id)"), 0);
}

#[test]
fn an_empty_shop_on_sqlite_takes_the_form_of_ids_that_is_wanted() {
    let shop = Shop::migrated(Backend::Sqlite).expect("always there");
    shop.run(&["adopt", "--ids", "digits"]).success().says("changed");
    shop.user("ann");
    assert_eq!(shop.number("SELECT COUNT(*) FROM users WHERE length(id) = 32"), 1);
    shop.run(&["adopt", "--ids", "digits"]).success();
    shop.run(&["adopt", "--ids", "bytes"]).exits_with(6).says("32 hexadecimal digits, not 16 bytes");
    assert_eq!(shop.number("SELECT COUNT(*) FROM shopctl_settings WHERE value = 'digits'"), 1);

    let empty = Shop::empty(Backend::Sqlite).expect("always there");
    let made = made_by_others(&empty, &document(Backend::Sqlite));
    made.run(&["adopt", "--yes", "--ids", "bytes"]).exits_with(6).says("there are already ids");
    made.sql("DELETE FROM order_items; DELETE FROM orders; DELETE FROM users; DELETE FROM products");
    made.run(&["adopt", "--yes", "--ids", "bytes"]).success();
    made.user("ann");
    assert_eq!(made.number("SELECT COUNT(*) FROM users WHERE typeof(id) = 'blob'"), 1);

    let Some(server) = Shop::migrated(Backend::Postgres) else { return };
    server.run(&["adopt", "--ids", "digits"]).exits_with(2).says("has a type for ids");
}

/// Without the answer there might be ids in any form.
#[test]
fn the_form_of_ids_is_not_set_while_a_table_cannot_be_read() {
    let shop = Shop::migrated(Backend::Sqlite).expect("always there");
    shop.user("ann");
    shop.sql("DROP TABLE stock_movements");
    shop.run(&["adopt", "--ids", "digits"]).exits_with(4).says("stock_movements");
    assert_eq!(shop.number("SELECT COUNT(*) FROM shopctl_settings WHERE value = 'digits'"), 0);
}

/// As Prisma makes them: texts of the connection have another collation.
#[test]
fn text_ids_of_any_collation_are_taken_over_on_mariadb() {
    let Some(shop) = Shop::empty(Backend::MariaDb) else { return };
    let text = "CHAR(36) CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci";
    let statements: Vec<String> =
        sequelize(Backend::MariaDb).iter().map(|statement| statement.replace("CHAR(36) BINARY", text)).collect();
    let made = made_by_others(&shop, &statements);
    made.run(&["adopt", "--yes", "--ids", "digits"]).exits_with(2).says("has a type for ids");
    made.run(&["adopt", "--yes"]).success();
    assert_taken_over(&made);
}

/// As programs for Windows write them, here and there.
fn ids_in_braces_are_read(shop: &Shop) {
    let made = made_by_others(shop, &sequelize_in_braces(shop.backend));
    made.run(&["adopt", "--yes", "--fix-totals"]).success();
    assert_taken_over(&made);
}

fn sequelize_in_braces(backend: Backend) -> Vec<String> {
    let statements = sequelize(backend).into_iter().map(|statement| {
        let statement = match backend {
            Backend::Postgres => statement.replace(" UUID", " varchar(40)"),
            Backend::MariaDb => statement.replace("CHAR(36) BINARY", "varchar(40)"),
            Backend::Sqlite => statement,
        };
        statement
            .replace(&format!("'{USER}'"), &format!("'{{{}}}'", USER.to_uppercase()))
            .replace(&format!("'{PRODUCT}'"), &format!("'{{{PRODUCT}}}'"))
    });
    statements.collect()
}
