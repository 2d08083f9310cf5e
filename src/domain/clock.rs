//! Where time and ids come from: parameters, so that a test or a replay can set them.

use chrono::{DateTime, SubsecRound, Utc};
use uuid::Uuid;

/// Fractional digits of a second that every engine keeps.
const MICROSECOND_DIGITS: u16 = 6;

/// Gives the current time in UTC, cut to microseconds, the finest that every engine stores.
#[derive(Debug, Clone, Copy)]
pub struct Clock(pub fn() -> DateTime<Utc>);

impl Clock {
    pub fn now(&self) -> DateTime<Utc> {
        (self.0)().trunc_subsecs(MICROSECOND_DIGITS)
    }
}

/// Gives new ids: UUID version 7, ascending in time so that indexes grow at their end.
#[derive(Debug, Clone, Copy)]
pub struct IdSource(pub fn() -> Uuid);

impl IdSource {
    pub fn next(&self) -> Uuid {
        (self.0)()
    }
}
