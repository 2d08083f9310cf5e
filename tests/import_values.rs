//! What the values of a file mean: times, amounts, keys and statuses as other shops write them.

use crate::on_every_backend;
use crate::support::Shop;

on_every_backend!(a_year_of_two_digits_is_refused_wherever_a_time_is_read);

fn a_year_of_two_digits_is_refused_wherever_a_time_is_read(shop: &Shop) {
    shop.user("ann");
    shop.product("P1", "1.00", 5);
    let taken = "with a year from 1900 to 2999";
    for time in ["26-01-01", "12/1/10", "+12024-01-01", "0044-03-15", "3000-01-01"] {
        for command in [
            &["order", "list", "--since"][..],
            &["order", "export", "--until"],
            &["user", "list", "--created-since"],
            &["audit", "list", "--until"],
            &["report", "sales", "--since"],
            &["seed", "generate", "-y", "--as-of"],
        ] {
            shop.run(&[command, &[time]].concat()).exits_with(7).says(taken);
        }
        shop.file(
            "orders.csv",
            &format!("reference,user,sku,quantity,created_at\nAAAAA-AAAA1,ann@example.com,P1,1,{time}\n"),
        );
        shop.run(&["order", "import", "orders.csv"]).exits_with(7).says(taken);
    }
    assert_eq!(shop.number("SELECT COUNT(*) FROM orders"), 0);
}
