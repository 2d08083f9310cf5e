//! How a step of the runner fails, and what its user is told.

use sea_orm::DbErr;
use serde_json::json;

use super::history::{Direction, Run};
use super::lock::NotHeld;
use crate::db::fault::{Fault, classify};
use crate::error::{Error, Kind};

/// Why a step ended early: what the database refused is recorded, what the runner refused is not.
pub enum Failure {
    Database { error: DbErr, statement: Option<String> },
    Ours(Error),
}

impl From<DbErr> for Failure {
    fn from(error: DbErr) -> Self {
        Failure::Database { error, statement: None }
    }
}

impl From<NotHeld> for Failure {
    fn from(failure: NotHeld) -> Self {
        match failure {
            NotHeld::Database(error) => Failure::from(error),
            lost => Failure::Ours(lost.into()),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::Ours(error)
    }
}

/// What the database refused, for the user.
pub fn failed(run: &Run, error: &DbErr) -> Error {
    let direction = run.direction;
    let fault = classify(error);
    let kind = match fault {
        Fault::Permission | Fault::ReadOnly => Kind::Configuration,
        Fault::ConnectionLost | Fault::Full | Fault::Unreachable => Kind::Unavailable,
        _ => Kind::Internal,
    };
    let place = match &run.statement {
        Some(_) => format!("{}, statement {} of {}", direction.as_str(), run.statements_done + 1, run.statements_total),
        None => direction.as_str().to_owned(),
    };
    let cause = Error::from(error.clone());
    let failed = Error::new(kind, "migrate.failed", format!("migration {} failed ({place}): {cause}", run.name))
        .details(json!({ "migration": run.name, "direction": direction.as_str(), "statement": run.statement }));
    let failed = match (direction, fault) {
        (Direction::Up, Fault::AlreadyExists) => failed.hint(
            "something of that name is there that no migration made: rename or drop it; if it is just what the \
             migration makes, shopctl migrate baseline takes it over",
        ),
        _ => failed,
    };
    match direction {
        Direction::Up => failed.hint(format!(
            "earlier migrations are kept; mend the cause, then shopctl migrate resolve {} --retry",
            run.name
        )),
        _ => failed.hint("it is still applied; mend the cause and run shopctl migrate down again"),
    }
}

/// Others hold the tables.
pub fn blocked(run: &Run, by: &[String]) -> Error {
    let by = match by {
        [] => "the server does not tell by whom".to_owned(),
        by => format!("by {}", by.join(", ")),
    };
    let message = format!("migration {}: others hold its tables, {by}", run.name);
    Error::new(Kind::Unavailable, "migrate.blocked", message)
        .hint("let them end, or end them on the server; more time with --lock-wait")
}
