//! Waiting for tables that others hold.

use std::time::{Duration, Instant};

use super::Progress;
use crate::db::Database;
use crate::db::ddl::blockers;
use crate::error::Result;

/// Pause before a statement that could not have its tables is tried again: the first, and the
/// longest.
pub const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(4);

/// The remaining time to wait for locks.
pub struct LockWait {
    pub left: Duration,
    pause: Duration,
}

impl LockWait {
    pub fn new(left: Duration) -> LockWait {
        LockWait { left, pause: FIRST_PAUSE }
    }

    /// With short pauses again, for what others may hold next.
    pub fn reset_pause(&mut self) {
        self.pause = FIRST_PAUSE;
    }

    /// Waits after an attempt that began then, because others hold the tables of a statement. Gives who they are
    /// once the time is over.
    ///
    /// Errors: those of the question who holds them.
    pub async fn wait(
        &mut self,
        database: &Database,
        (what, statement): (&str, &str),
        began: Instant,
        progress: &dyn Fn(Progress<'_>),
    ) -> Result<Option<Vec<String>>> {
        let by = blockers(database.connection(), statement, began.elapsed()).await?;
        self.left = self.left.saturating_sub(began.elapsed());
        if self.left <= self.pause || !database.budget().allows_pause(self.pause) {
            return Ok(Some(by));
        }
        progress(Progress::Blocked { migration: what, by: &by });
        // No two runners pause for the same time.
        database.budget().pause(self.pause.mul_f64(0.5 + rand::random::<f64>() / 2.0)).await;
        self.left = self.left.saturating_sub(self.pause);
        self.pause = LONGEST_PAUSE.min(self.pause * 2);
        Ok(None)
    }
}
