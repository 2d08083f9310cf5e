//! A password and TLS mode in the environment without a database: they complete a server named by the environment or
//! the command line, but never one named by a file, whose host may be untrusted. Unused ones are reported.

use std::collections::BTreeMap;

use super::sourced_value::{PartsSource, TargetParts, find_variable};
use super::sources::{DOTENV, Sources};
use crate::db::target::{ServerEngine, Target};

const ENVIRONMENT: &str = "environment";
/// Parts that complete a server, with their variables.
const COMPLETING: [(&str, &str); 3] =
    [("password", "DB_PASSWORD"), ("password_file", "DB_PASSWORD_FILE"), ("ssl", "DB_SSL")];
/// Variables that identify a database.
const NAMING: [&str; 7] = ["DATABASE_URL", "SHOPCTL_CONTEXT", "DB_DIALECT", "DB_HOST", "DB_PORT", "DB_NAME", "DB_USER"];

/// A variable that is set but not used.
pub(super) struct UnusedVariable {
    pub is_password: bool,
    /// The variable and the reason, as a sentence.
    pub message: String,
    pub origin: String,
}

fn names_database(sources: &Sources) -> bool {
    NAMING.into_iter().any(|name| find_variable(ENVIRONMENT, &sources.environment, name).is_some())
}

/// The completing parts of an environment that identifies no database; they can only apply to the URL of the command
/// line.
pub(super) fn parts(sources: &Sources) -> Option<TargetParts> {
    if names_database(sources) {
        return None;
    }
    let found = |name| find_variable(ENVIRONMENT, &sources.environment, name);
    let values: BTreeMap<_, _> = COMPLETING.into_iter().filter_map(|(part, name)| Some((part, found(name)?))).collect();
    let origin = ENVIRONMENT.to_owned();
    (!values.is_empty()).then_some(TargetParts { origin, values, place: PartsSource::Environment })
}

/// Where the password for a URL of the command line can be given.
pub(super) fn password_places_for_flags(sources: &Sources) -> Vec<String> {
    match names_database(sources) {
        true => vec!["the URL".to_owned()],
        false => password_places(ENVIRONMENT),
    }
}

/// Where the password for a database named by variables can be given.
pub(super) fn password_places(level: &str) -> Vec<String> {
    let file = if level == DOTENV { " of .env" } else { "" };
    ["DB_PASSWORD", "DB_PASSWORD_FILE"].map(|name| format!("{name}{file}")).to_vec()
}

/// The hint for a missing password.
pub(super) fn password_hint(places: &[String], engine: ServerEngine) -> String {
    let pgpass = engine.is_like_libpq.then_some("~/.pgpass");
    let places: Vec<&str> = places.iter().map(String::as_str).chain(pgpass).collect();
    match places.as_slice() {
        [others @ .., last] if !others.is_empty() => format!("give it in {} or {last}", others.join(", ")),
        places => format!("give it in {}", places.concat()),
    }
}

/// The properties of the resolved target that decide which variables are used.
pub(super) struct TargetSummary<'a> {
    pub target: &'a Target,
    pub origin: &'a str,
    pub is_context: bool,
    /// The origins of the parts that completed it.
    pub used: &'a [String],
}

/// The completing variables that the resolved target does not use.
pub(super) fn unused_variables(sources: &Sources, summary: &TargetSummary) -> Vec<UnusedVariable> {
    // Variables of `.env` apply only to a database of `.env`.
    let levels = sources.variable_levels().filter(|(level, _)| *level != DOTENV || summary.is_from_dotenv());
    let found = levels.flat_map(|(level, variables)| {
        COMPLETING
            .into_iter()
            .filter_map(move |(part, name)| Some((part, name, find_variable(level, variables, name)?)))
    });
    let reason = summary.reason(sources);
    let unused =
        found.filter(|(.., found)| !summary.used.contains(&found.origin)).map(|(part, name, found)| UnusedVariable {
            is_password: part != "ssl",
            message: format!("{name} is set but not used {reason}"),
            origin: found.origin,
        });
    unused.collect()
}

impl TargetSummary<'_> {
    /// Whether a variable of `.env` names the target; checks the variable because a settings file may be called `.env`.
    fn is_from_dotenv(&self) -> bool {
        [" DATABASE_URL", " DB_"].iter().any(|variable| self.origin.starts_with(&format!("{DOTENV}{variable}")))
    }

    fn reason(&self, sources: &Sources) -> &'static str {
        let is_from_flag = sources.flags.database_url.is_some();
        match self.target {
            Target::Sqlite(_) => "for a SQLite file",
            Target::Server(_) if self.is_context => "for a context: its file takes precedence",
            Target::Server(_) if is_from_flag && names_database(sources) => {
                "for --database-url: it belongs to the database in the environment"
            }
            Target::Server(_) if is_from_flag => "for a URL that sets it itself",
            Target::Server(_) if self.is_from_dotenv() => "for a database from .env: that file takes precedence",
            Target::Server(_) => "for a database from a file: that file takes precedence",
        }
    }
}
