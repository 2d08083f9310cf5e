//! The sources of time and ids: parameters, so that tests can replace them.

use chrono::{DateTime, SubsecRound, Utc};
use uuid::Uuid;

/// Fractional digits of a second that every engine keeps.
const MICROSECOND_DIGITS: u16 = 6;

/// Returns the current time in UTC, truncated to microseconds, the precision of every engine.
#[derive(Debug, Clone, Copy)]
pub struct Clock(pub fn() -> DateTime<Utc>);

impl Clock {
    /// The current time in UTC, truncated to microseconds.
    pub fn now(&self) -> DateTime<Utc> {
        (self.0)().trunc_subsecs(MICROSECOND_DIGITS)
    }
}

/// Generates ids: UUID version 7, ascending in time so that indexes grow at their end.
#[derive(Debug, Clone, Copy)]
pub struct IdSource(pub fn() -> Uuid);

impl IdSource {
    /// A new id, different from all earlier ones.
    pub fn next(&self) -> Uuid {
        (self.0)()
    }
}
