//! Health checks of the shop as plain data. Read-only.

mod check;
mod deep;
mod forms;
mod similar_keys;

use std::path::PathBuf;

use chrono::TimeDelta;

pub use self::check::{Check, State};
pub use self::deep::examine_deeply;
use super::access::{self, RoleMatch};
use crate::db::Database;
use crate::db::inspection::{self, Inspection, NOT_KNOWN, ServerRole, Tls, Verdict};
use crate::db::target::Target;
use crate::domain::Clock;
use crate::entity::tables::tables;
use crate::error::{CommandLine, Error, Hint, Result, printable};

/// Clock differences from here on are reported, because ids and times come from the client.
const SKEW_WARNING: TimeDelta = TimeDelta::seconds(2);
/// From here on times do not reflect the order of events.
const SKEW_FAILURE: TimeDelta = TimeDelta::seconds(60);

/// The checks that do not read the shop's data, in order.
const QUICK: [&str; 11] = [
    "configuration",
    "connection",
    "tls",
    "server-role",
    "access",
    "migrations",
    "schema",
    "settings",
    "pooler",
    "clock",
    "environment",
];

/// What is known before connecting.
#[derive(Debug, Clone)]
pub struct Setup {
    /// The database without secrets.
    pub database: String,
    /// The origin of its name.
    pub origin: String,
    /// Files with passwords or hashes that other users can read.
    pub exposed_files: Vec<PathBuf>,
    /// The named context of the configuration, if one is used.
    pub context: Option<String>,
    /// Whether the context demands a typed confirmation.
    pub is_protected: bool,
    /// Whether the context rejects writes.
    pub is_read_only: bool,
}

/// The state of the migrations.
#[derive(Debug, Clone, Default)]
pub struct Migrations {
    /// Number of applied migrations.
    pub applied: usize,
    /// The problem: `2 pending (first m2026…)`.
    pub others: Vec<String>,
    /// The remedy; empty without a problem.
    pub hint: Hint,
}

/// All checks without a connection: the reason, and the skipped ones.
pub fn unreachable(setup: &Setup, error: &Error, is_deep: bool) -> Vec<Check> {
    let deep = if is_deep { deep::names() } else { Vec::new() };
    let names = QUICK.into_iter().chain(deep);
    let checks = names.map(|name| match name {
        "configuration" => configuration(setup),
        "connection" => Check::refused(name, error),
        name => Check::skipped(name, "there is no usable connection"),
    });
    checks.collect()
}

/// The quick checks, added to `checks` as they complete.
///
/// Errors: a lost connection; completed checks are in `checks`.
pub async fn examine(
    database: &Database,
    clock: Clock,
    setup: &Setup,
    migrated: Result<Migrations>,
    environment: Result<Option<String>>,
    checks: &mut Vec<Check>,
) -> Result<()> {
    checks.push(configuration(setup));
    let tables = tables();
    let tables: Vec<&str> = tables.iter().map(|table| table.name.as_str()).collect();
    let seen = database.engine().inspect(database.connection(), database.target(), &tables).await?;
    checks.push(connection(database, &seen).await?);
    checks.push(tls(database, &seen));
    checks.push(server_role(&seen, setup));
    checks.push(access(database, access::match_role(database).await?));
    let has_schema = migrated.as_ref().is_ok_and(|migrated| migrated.applied > 0);
    checks.push(match migrated {
        Ok(migrated) => migrations(&migrated),
        Err(error) => Check::refused("migrations", &error),
    });
    checks.push(deep::schema(database).await?);
    checks.push(settings(&seen));
    checks.push(pooler(&seen));
    checks.push(skew(database, clock).await?);
    checks.push(match environment {
        Ok(environment) => purpose(setup, environment, has_schema),
        Err(error) => Check::refused("environment", &error),
    });
    Ok(())
}

fn configuration(setup: &Setup) -> Check {
    let detail = format!("{} (from {})", setup.database, setup.origin);
    if setup.exposed_files.is_empty() {
        return Check::new("configuration", State::Ok, detail);
    }
    let files: Vec<_> =
        setup.exposed_files.iter().map(|path| crate::db::target::escaped(&path.to_string_lossy())).collect();
    let detail = format!("{detail}; others can open {}, which holds secrets", files.join(", "));
    Check::new("configuration", State::Warning, detail).hint(format!("chmod 600 {}", files.join(" ")))
}

async fn connection(database: &Database, seen: &Inspection) -> Result<Check> {
    let milliseconds = inspection::round_trip(database).await?.as_secs_f64() * 1_000.0;
    let server = match seen.version.as_str() {
        NOT_KNOWN => "the version is unknown".to_owned(),
        version => format!("{} {}", printable(&seen.product), printable(version)),
    };
    let detail = format!("{server}, {milliseconds:.1} ms a round trip");
    Ok(match seen.too_old_for {
        None => Check::new("connection", State::Ok, detail),
        Some(oldest) => {
            Check::new("connection", State::Warning, format!("{detail}; shopctl requires {oldest} or newer"))
        }
    })
}

fn tls(database: &Database, seen: &Inspection) -> Check {
    let is_local = database.target().is_local();
    match &seen.tls {
        Tls::NotApplicable => Check::new("tls", State::Ok, "not needed: a file on this machine"),
        Tls::Used { version, cipher } => {
            Check::new("tls", State::Ok, format!("{} with {}", printable(version), printable(cipher)))
        }
        Tls::Unused if is_local => Check::new("tls", State::Ok, "not in use; the host is this machine"),
        Tls::Unused => Check::new("tls", State::Warning, "not in use, although the host is another machine")
            .hint("set DB_SSL=verify-full, or sslmode=verify-full in the URL"),
        Tls::Unknown if is_local => {
            Check::new("tls", State::Ok, "the server does not report it; the host is this machine")
        }
        Tls::Unknown => Check::new("tls", State::Warning, "the server does not report whether it is in use"),
    }
}

/// A read-only server is no problem for read-only contexts.
fn server_role(seen: &Inspection, setup: &Setup) -> Check {
    let for_reading = |detail: String, hint: &str| match setup.is_read_only {
        true => Check::new("server-role", State::Ok, detail),
        false => Check::new("server-role", State::Warning, detail).hint(hint),
    };
    match &seen.server {
        ServerRole::NotApplicable => Check::new("server-role", State::Ok, "not needed: a file on this machine"),
        ServerRole::Primary => Check::new("server-role", State::Ok, "primary: accepts writes"),
        ServerRole::Standby(what) => for_reading(
            format!("standby: rejects writes, and may lag behind ({})", printable(what)),
            "to write, connect to the primary; to read, set read_only = true in the context",
        ),
        ServerRole::ReadOnly { setting, remedy } => {
            let end_it = match remedy {
                Some(remedy) => format!("or end it: {remedy}"),
                None => "or change that setting".to_owned(),
            };
            for_reading(
                format!("read-only: rejects writes ({})", printable(setting)),
                &format!("to read, set read_only = true in the context; to write, connect to another server {end_it}"),
            )
        }
        ServerRole::ReadOnlyFile(what) => for_reading(
            format!("read-only for this user: {}", printable(what)),
            "to write, make the user of the shop the owner of the file and its folder; to read, set read_only = true in the context",
        ),
        ServerRole::WritableReplica(what) => Check::new("server-role", State::Warning, printable(what))
            .hint("writes here do not reach the primary: connect to that instead"),
        ServerRole::NotReady(what) => {
            Check::new("server-role", State::Failed, format!("not ready: {}", printable(what)))
                .hint("wait until it has rejoined, or connect to another node")
        }
    }
}

/// A role that is none of the three can do less than its work needs, or more than it should.
fn access(database: &Database, role_match: Option<RoleMatch>) -> Check {
    let Some(role_match) = role_match else {
        let detail = match database.target() {
            Target::Sqlite(_) => "not needed: anyone who can open the file can do everything",
            Target::Server(_) => "the server does not tell what this role may do, or has no tables of the shop",
        };
        return Check::new("access", State::Ok, detail);
    };
    let is_one = role_match.lacking.is_empty() && role_match.exceeding.is_empty();
    let state = if is_one { State::Ok } else { State::Warning };
    let check = Check::new("access", state, role_match.text());
    // Users paste this into a shell.
    let is_plain = role_match.name.chars().all(|letter| letter.is_ascii_alphanumeric() || "_-.%@".contains(letter));
    if is_one || !is_plain {
        return check;
    }
    let plan = CommandLine::new("access plan").option(&format!("--{}", role_match.role.as_str()), &role_match.name);
    check.hint(Hint::from("what the server's administrator has to change: ").and(plan))
}

fn migrations(migrated: &Migrations) -> Check {
    if migrated.others.is_empty() {
        return Check::new("migrations", State::Ok, format!("{} applied, none pending", migrated.applied));
    }
    Check::new("migrations", State::Failed, migrated.others.join(", ")).hint(migrated.hint.clone())
}

fn settings(seen: &Inspection) -> Check {
    let mut state = State::Ok;
    let values = seen.settings.iter().map(|setting| {
        let value = format!("{} {}", setting.name, printable(&setting.value));
        match setting.verdict {
            Verdict::Fine => value,
            Verdict::Odd(why) => {
                state = if state == State::Failed { state } else { State::Warning };
                format!("{value}: {why}")
            }
            Verdict::Wrong(why) => {
                state = State::Failed;
                format!("{value}: {why}")
            }
        }
    });
    let detail = values.collect::<Vec<_>>().join(", ");
    Check::new("settings", state, detail)
}

/// Informational only: proxies are usually harmless.
fn pooler(seen: &Inspection) -> Check {
    match &seen.pooler {
        None => Check::new("pooler", State::Ok, "none detected"),
        Some(pooler) => {
            let sign = printable(&pooler.sign);
            Check::new("pooler", State::Ok, format!("possibly a pooler, proxy or port mapping: {sign}"))
                .hint(pooler.requirement)
        }
    }
}

async fn skew(database: &Database, clock: Clock) -> Result<Check> {
    let before = clock.now();
    let Some(server) = inspection::server_time(database).await? else {
        return Ok(Check::new("clock", State::Ok, "the database has no clock of its own"));
    };
    // The server read its clock about halfway.
    let difference = server - (before + (clock.now() - before) / 2);
    let seconds = difference.num_milliseconds() as f64 / 1_000.0;
    let detail = format!("the server's is {:.1} s {}", seconds.abs(), if seconds < 0.0 { "behind" } else { "ahead" });
    let state = match difference.abs() {
        skew if skew > SKEW_FAILURE => State::Failed,
        skew if skew > SKEW_WARNING => State::Warning,
        _ => return Ok(Check::new("clock", State::Ok, detail)),
    };
    Ok(Check::new("clock", state, format!("{detail}: ids and times come from this machine"))
        .hint("synchronize both clocks with NTP (timedatectl status)"))
}

fn purpose(setup: &Setup, environment: Option<String>, has_schema: bool) -> Check {
    let word = environment.as_deref().map_or_else(|| "not set".to_owned(), printable);
    let context = setup.context.as_deref().map(printable);
    let context = context.map_or_else(|| "no context".to_owned(), |name| format!("context {name}"));
    let marks = [(setup.is_protected, ", protected"), (setup.is_read_only, ", read-only")];
    let marks: String = marks.into_iter().filter(|(is_set, _)| *is_set).map(|(_, mark)| mark).collect();
    let check = Check::new("environment", State::Ok, format!("{word}; {context}{marks}"));
    // Without a schema it cannot be recorded.
    if environment.is_none() && has_schema { check.hint(CommandLine::new("migrate env production")) } else { check }
}
