//! Several migrations reverted in one transaction, where there is one writer: nobody writes between the copy of the
//! database and the last drop, and a failure reverts nothing.

use std::time::Instant;

use super::{Direction, Failure, Runner, Selection, Step, Task, finish_with_copy};
use crate::db::write::WriteHandle;
use crate::error::Result;

impl Runner<'_> {
    /// Reverts the newest migrations, no more than `limit`; tries again while others hold the database, until the time
    /// for waiting is over.
    pub async fn revert_at_once(&mut self, limit: usize) -> Result<Vec<Step>> {
        self.lock_wait.reset_pause();
        loop {
            self.job.plan.stop.check()?;
            let handle = self.begin().await?;
            let begun = Instant::now();
            self.in_doubt.clear();
            self.job.plan.stop.resume();
            let mut task = None;
            match (self.try_revert(handle, limit, &mut task).await, &mut task) {
                (Ok(steps), _) => return Ok(steps),
                (Err(Failure::Runner(error)), _) => return Err(error),
                (Err(Failure::Database { error, .. }), None) => return Err(error.into()),
                (Err(Failure::Database { error, statement }), Some(task)) => {
                    self.settle(task, error, statement, begun).await?;
                }
            }
        }
    }

    /// `task` is the one that was run last.
    async fn try_revert(
        &mut self,
        handle: WriteHandle,
        limit: usize,
        task: &mut Option<Task>,
    ) -> Result<Vec<Step>, Failure> {
        let (mut steps, mut names, mut copy) = (Vec::new(), Vec::new(), None);
        let reverted = async {
            while steps.len() < limit {
                let Some(next) = self.choose(Selection::NewestApplied)? else { break };
                if steps.is_empty() {
                    copy = self.back_up(&handle).await?;
                }
                let next = task.insert(next);
                self.change(&handle, next).await?;
                names.push(next.name());
                steps.push(self.done(next));
            }
            Ok(())
        };
        let reverted = reverted.await;
        if reverted.is_ok() {
            self.in_doubt = names;
        }
        let finished = finish_with_copy(handle, reverted, copy, self.job).await;
        self.known_outcome(finished, Direction::Down).await?;
        self.in_doubt.clear();
        Ok(steps)
    }
}
