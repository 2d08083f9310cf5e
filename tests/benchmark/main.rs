//! `cargo bench [-- --quick] [P4 …]`: every performance target and its limit, measured alternately on
//! this machine, with dedicated servers in durable mode.
//!
//! The ratio is decisive; absolute times mean little on a shared machine.

mod cases;
mod limits;
mod measure;
#[path = "../support/mod.rs"]
#[expect(clippy::allow_attributes, reason = "what is unused depends on the tests")]
#[allow(dead_code, unused_imports, unused_macros, reason = "shared with the tests, which use all of it")]
mod support;

use std::sync::atomic::Ordering;

use cases::{Line, Target};

/// The amounts of data to measure.
pub struct Sizes {
    /// The number of users.
    pub users: usize,
    /// Number of orders in an imported file.
    pub imported: usize,
    /// Rounds of slow cases.
    pub rounds: usize,
    /// Rounds of fast cases.
    pub starts: usize,
    /// How long orders are placed in sequence.
    pub seconds: u32,
}

const FULL: Sizes = Sizes { users: 100_000, imported: 40_000, rounds: 3, starts: 41, seconds: 8 };
const QUICK: Sizes = Sizes { users: 5_000, imported: 4_000, rounds: 1, starts: 7, seconds: 2 };

type Case = (&'static [&'static str], fn(&Sizes) -> Vec<Line>);

const CASES: [Case; 7] = [
    (&["P1"], cases::start),
    (&["P2"], cases::list),
    (&["P3", "P9"], cases::round_trips),
    (&["P4", "P5"], cases::orders),
    (&["P6", "P7", "P8"], cases::large),
    (&["P9"], cases::migrate),
    (&["P10"], cases::size),
];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|argument| argument == "--hello") {
        return hello(&arguments[1..]);
    }
    use_durable_servers();
    let sizes = if arguments.iter().any(|argument| argument == "--quick") { &QUICK } else { &FULL };
    let wanted: Vec<&String> = arguments.iter().filter(|argument| argument.starts_with('P')).collect();
    println!("{:<4} {:<58} {:>14} {:>14} {:>8}  target", "", "what, and its limit", "shopctl", "limit", "ratio");
    let mut missed = 0;
    for (names, measure) in CASES {
        if !wanted.is_empty() && !names.iter().any(|name| wanted.iter().any(|wanted| *wanted == name)) {
            continue;
        }
        for line in measure(sizes) {
            missed += usize::from(!print(&line));
        }
    }
    println!("{missed} missed");
}

/// Prints a line; whether it is as promised.
fn print(line: &Line) -> bool {
    let (is_met, target) = match line.target {
        Target::AtMost(most) => (line.value <= most, format!("≤ {most}")),
        Target::AtLeast(least) => (line.value >= least, format!("≥ {least}")),
    };
    let mark = if is_met { "" } else { "  MISSED" };
    let Line { name, what, ours, limit, value, .. } = line;
    println!("{name:<4} {what:<58} {ours:>14} {limit:>14} {value:>8.2}  {target}{mark}");
    is_met
}

/// The smallest program with a command line by the same library.
fn hello(arguments: &[String]) {
    let command = clap::Command::new("hello").version("1.0").arg(clap::Arg::new("name").long("name"));
    if let Err(message) = command.try_get_matches_from(std::iter::once(&"hello".to_owned()).chain(arguments)) {
        let _ = message.print();
    }
}

fn use_durable_servers() {
    support::servers::IS_DURABLE.store(true, Ordering::Relaxed);
}
