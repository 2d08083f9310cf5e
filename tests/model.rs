//! Random sequences of operations: the same results and the same shop on every engine and in an
//! in-memory model.

mod predicted;
mod real;

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use shopctl::domain::order_status::Verb;
use shopctl::domain::{Money, Quantity};
use shopctl::service::explain;
use shopctl::service::retire::Retirement;

use self::predicted::Model;
use self::real::Real;
use crate::support::library::database;
use crate::support::{Backend, Shop};

/// Sequences of one run; more with this variable.
const SEQUENCES: u32 = 200;
const VARIABLE: &str = "SHOPCTL_TEST_SEQUENCES";
const USERS: usize = 3;
const PRODUCTS: usize = 4;
const STOCK: i32 = 8;
const PRICE_CENTS: i64 = 250;

/// What somebody does, by small numbers instead of names.
#[derive(Debug, Clone)]
enum Act {
    Place {
        user: usize,
        lines: Vec<(usize, i32)>,
        key: Option<u8>,
        expected_cents: Option<i64>,
    },
    Change {
        order: usize,
        user: Option<usize>,
        lines: BTreeMap<usize, i32>,
        reprices: bool,
        key: Option<u8>,
    },
    Move {
        order: usize,
        verb: Verb,
        restock: Back,
        part: Part,
        key: Option<u8>,
    },
    Restock {
        order: usize,
        lines: Vec<(usize, Option<i32>)>,
        key: Option<u8>,
    },
    Adjust {
        product: usize,
        delta: i32,
        key: Option<u8>,
    },
    Set {
        product: usize,
        level: i32,
        expected: i32,
    },
    Receive {
        lines: BTreeMap<usize, i32>,
        key: Option<u8>,
    },
    /// A file: a delivery, or a stock-take with what was expected.
    Import {
        lines: BTreeMap<usize, Piece>,
        keeps_others: bool,
        key: Option<u8>,
    },
    Reassign {
        order: usize,
        user: usize,
    },
    Merge {
        from: usize,
        into: usize,
    },
    Price {
        product: usize,
        cents: i64,
    },
    Status {
        user: usize,
        is_active: bool,
    },
    Anonymize {
        user: usize,
    },
    DeleteUser {
        user: usize,
    },
    CreateUser {
        user: usize,
    },
    Retire {
        product: usize,
        retirement: Retirement,
    },
    DeleteProduct {
        product: usize,
    },
    CreateProduct {
        product: usize,
    },
    Undo {
        act: usize,
    },
}

/// A line of a stock file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Piece {
    Received(i32),
    Counted(i32, Option<i32>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Back {
    AsUsual,
    Nothing,
    Everything,
    Lines(Vec<(usize, i32)>),
}

/// What a refund gives back; all that is left if it is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Part {
    lines: Vec<(usize, Option<i32>)>,
    cents: Option<i64>,
}

fn act() -> impl Strategy<Value = Act> {
    let key = || proptest::option::weighted(0.3, 0u8..3);
    let lines = || proptest::collection::vec((0..PRODUCTS, 1..4), 1..4);
    let place = (0..USERS, lines(), key(), proptest::option::weighted(0.2, (1i64..8).prop_map(|n| n * PRICE_CENTS)));
    let back = prop_oneof![
        4 => Just(Back::AsUsual),
        1 => Just(Back::Nothing),
        2 => Just(Back::Everything),
        2 => proptest::collection::vec((0..PRODUCTS, 1..4), 1..3).prop_map(Back::Lines),
    ];
    let some = || proptest::collection::vec((0..PRODUCTS, proptest::option::of(1..3)), 0..3);
    let part = (some(), proptest::option::of(1i64..1500)).prop_map(|(lines, cents)| Part { lines, cents });
    let part = prop_oneof![1 => Just(Part::default()), 2 => part];
    let verb = prop_oneof![1 => proptest::sample::select(Verb::ALL.to_vec()), 1 => Just(Verb::Refund)];
    let customer = proptest::option::weighted(0.2, 0..USERS);
    let lines_of = |piece: BoxedStrategy<Piece>| proptest::collection::btree_map(0..PRODUCTS, piece, 1..4);
    let counted = (0..10, proptest::option::weighted(0.4, 0..10));
    let piece = prop_oneof![
        lines_of((0..5).prop_map(Piece::Received).boxed()),
        lines_of(counted.prop_map(|(level, expected)| Piece::Counted(level, expected)).boxed()),
    ];
    let moved = (0..6usize, verb, back, part, key());
    let restocked = proptest::collection::vec((0..PRODUCTS, proptest::option::of(1..3)), 1..3);
    prop_oneof![
        6 => place.prop_map(|(user, lines, key, expected_cents)| Act::Place { user, lines, key, expected_cents }),
        6 => (0..4usize, customer, proptest::collection::btree_map(0..PRODUCTS, 0..5, 0..4), any::<bool>(), key())
            .prop_map(|(order, user, lines, reprices, key)| Act::Change { order, user, lines, reprices, key }),
        16 => moved.prop_map(|(order, verb, restock, part, key)| {
            let is_refund = verb == Verb::Refund;
            let part = if is_refund { part } else { Part::default() };
            Act::Move { order, verb, restock, part, key: key.filter(|_| is_refund) }
        }),
        3 => (0..6usize, restocked, key()).prop_map(|(order, lines, key)| Act::Restock { order, lines, key }),
        2 => (0..PRODUCTS, (-6..6i32).prop_filter("not 0", |delta| *delta != 0), key())
            .prop_map(|(product, delta, key)| Act::Adjust { product, delta, key }),
        2 => (0..PRODUCTS, 0..10, 0..10).prop_map(|(product, level, expected)| Act::Set { product, level, expected }),
        2 => (proptest::collection::btree_map(0..PRODUCTS, 1..5, 1..4), key())
            .prop_map(|(lines, key)| Act::Receive { lines, key }),
        3 => (piece, any::<bool>(), key())
            .prop_map(|(lines, keeps_others, key)| Act::Import { lines, keeps_others, key }),
        2 => (0..6usize, 0..USERS).prop_map(|(order, user)| Act::Reassign { order, user }),
        2 => (0..USERS, 0..USERS).prop_map(|(from, into)| Act::Merge { from, into }),
        1 => (0..PRODUCTS, 0i64..1000).prop_map(|(product, cents)| Act::Price { product, cents }),
        2 => (0..USERS, any::<bool>()).prop_map(|(user, is_active)| Act::Status { user, is_active }),
        1 => (0..USERS).prop_map(|user| Act::Anonymize { user }),
        1 => (0..USERS).prop_map(|user| Act::DeleteUser { user }),
        1 => (0..USERS).prop_map(|user| Act::CreateUser { user }),
        2 => (0..PRODUCTS, proptest::sample::select(vec![Retirement::Retire, Retirement::Restore]))
            .prop_map(|(product, retirement)| Act::Retire { product, retirement }),
        1 => (0..PRODUCTS).prop_map(|product| Act::DeleteProduct { product }),
        1 => (0..PRODUCTS).prop_map(|product| Act::CreateProduct { product }),
        8 => (USERS + PRODUCTS - 1..30).prop_map(|act| Act::Undo { act }),
    ]
}

type Answer = Result<String, &'static str>;

#[expect(clippy::unnecessary_wraps, reason = "an answer like the others")]
fn done(changed: bool) -> Answer {
    Ok(format!("changed {changed}"))
}

fn money(cents: i64) -> Money {
    Money::from_stored(rust_decimal::Decimal::new(cents, 2))
}

fn pieces(quantity: i32) -> Quantity {
    Quantity::new(i64::from(quantity)).expect("in range")
}

async fn sequence(shops: &mut [Real], acts: &[Act]) -> Result<(), String> {
    let mut model = Model::default();
    let beginning = (0..USERS)
        .map(|user| Act::CreateUser { user })
        .chain((0..PRODUCTS).map(|product| Act::CreateProduct { product }));
    for real in shops.iter_mut() {
        real.sequence += 1;
        real.orders.clear();
        real.operations.clear();
    }
    for (number, act) in beginning.chain(acts.iter().cloned()).enumerate() {
        let expected = model.apply(&act);
        for real in shops.iter_mut() {
            let answer = real.apply(&act).await;
            if answer != expected {
                return Err(format!(
                    "{number}: {act:?} on {:?}: {answer:?}, the model says {expected:?}",
                    real.shop.backend
                ));
            }
        }
    }
    for real in shops.iter() {
        let (state, expected) = (real.state().await, model.state());
        if state != expected {
            return Err(format!("{:?} ended with {state:?}, the model with {expected:?}", real.shop.backend));
        }
    }
    Ok(())
}

#[test]
fn any_sequence_of_operations_has_the_same_result_on_every_engine() {
    let cases = std::env::var(VARIABLE).ok().map_or(SEQUENCES, |text| text.parse().expect("a number"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let shops = [Backend::Sqlite, Backend::Postgres, Backend::MariaDb].into_iter().filter_map(Shop::migrated);
    let shops: Vec<Real> = shops
        .map(|shop| {
            let database = runtime.block_on(database(&shop));
            Real { shop, database, orders: Vec::new(), operations: Vec::new(), sequence: 0 }
        })
        .collect();
    let shops = std::cell::RefCell::new(shops);
    let mut runner = TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
    let result = runner.run(&proptest::collection::vec(act(), 1..25), |acts| {
        runtime.block_on(sequence(&mut shops.borrow_mut(), &acts)).map_err(TestCaseError::fail)
    });
    if let Err(error) = result {
        panic!("{error}");
    }
    for real in shops.into_inner() {
        // No line was credited with more than it cost.
        let credited = "SELECT COUNT(*) FROM order_items i WHERE i.quantity * i.unit_price < \
            (SELECT COALESCE(SUM(amount), 0) - 0.001 FROM order_refund_lines l WHERE l.order_item_id = i.id)";
        assert_eq!(real.shop.number(credited), 0, "{:?}", real.shop.backend);
        let explanation = runtime.block_on(explain::explain(real.database.connection(), true)).expect("reads");
        assert_eq!(explanation.findings, [], "{:?}", real.shop.backend);
        runtime.block_on(real.database.close());
        real.shop.assert_invariants();
    }
}
