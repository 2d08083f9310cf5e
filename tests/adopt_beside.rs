//! Rows are taken in while another program goes on selling.

use sea_orm::{ConnectionTrait, DatabaseConnection, TransactionTrait};

use crate::on_every_backend;
use crate::support::Shop;
use crate::support::shop::{block_on, finish};

on_every_backend!(sales_beside_an_adoption_are_no_corrections_of_the_stock);

/// How often rows are taken in meanwhile.
const ADOPTIONS: usize = 6;

/// One order of one piece, which the program takes out of the stock in the same transaction.
async fn sell(connection: &DatabaseConnection, number: usize) -> Result<(), sea_orm::DbErr> {
    let order = format!("0190a2b4-0000-7000-8000-{number:012}");
    let sale = connection.begin().await?;
    for statement in [
        format!(
            "INSERT INTO orders (id, reference, user_id, status, total_amount) \
             SELECT '{order}', 'SALE-{number}', id, 'paid', 12.50 FROM users WHERE email = 'ann@example.com'"
        ),
        format!(
            "INSERT INTO order_items (order_id, product_id, quantity, unit_price) \
             SELECT '{order}', id, 1, price FROM products WHERE sku = 'MUG'"
        ),
        "UPDATE products SET stock_quantity = stock_quantity - 1 WHERE sku = 'MUG'".to_owned(),
    ] {
        sale.execute_unprepared(&statement).await?;
    }
    sale.commit().await
}

fn sales_beside_an_adoption_are_no_corrections_of_the_stock(shop: &Shop) {
    let arguments = ["adopt", "--yes", "--json"];
    shop.user("ann");
    shop.product("MUG", "12.50", 100_000);
    let (mut sold, mut tried) = (0, 0);
    for _ in 0..ADOPTIONS {
        let mut adoption = shop.start(&arguments);
        block_on(async {
            let connection = shop.connect().await;
            while adoption.try_wait().expect("it can be asked").is_none() {
                tried += 1;
                // A deadlock, or a file that is locked: the program goes on with the next one.
                sold += i64::from(sell(&connection, tried).await.is_ok());
            }
            connection.close().await.expect("closes");
        });
        finish(adoption, &arguments).success();
    }
    let run = shop.run(&arguments).success();
    assert!(sold > 0 && !run.stderr.contains("oversold"), "{sold} of {tried} sold\n{run}");
    let movements = |reason: &str| format!("SELECT COUNT(*) FROM stock_movements WHERE reason = '{reason}'");
    assert_eq!((shop.number(&movements("order")), shop.number(&movements("external"))), (sold, 0));
    shop.run(&["stock", "verify"]).success();
    shop.run(&["audit", "verify"]).success();
}
