//! A COMMIT of the runner without an answer: what became of it is asked on a new connection.

use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::removal::REMOVAL;
use super::{Direction, Failure, Runner, begin, history};
use crate::db::fault::classify;
use crate::db::schema::removable;
use crate::db::write::WriteHandle;
use crate::error::{Error, Result};

/// Pause between two attempts to reach the database.
const PAUSE: Duration = Duration::from_millis(200);

impl Runner<'_> {
    /// The outcome of a COMMIT, which is looked up if no answer came. The migrations stay in doubt if the database
    /// does not tell in time.
    pub(super) async fn known_outcome(
        &mut self,
        finished: Result<(), Failure>,
        direction: Direction,
    ) -> Result<(), Failure> {
        let Some(name) = self.in_doubt.last().copied().filter(|_| has_no_answer(&finished)) else { return finished };
        let is_up = direction == Direction::Up;
        let look = async |handle: &WriteHandle| Ok(history::read(handle).await?.is_applied(name) == is_up);
        let Some(is_done) = self.look_again(look).await else { return finished };
        self.in_doubt.clear();
        if is_done { Ok(()) } else { finished }
    }

    /// The same for a removal of these objects.
    pub(super) async fn known_removal(
        &mut self,
        finished: Result<(), Failure>,
        removed: &[String],
    ) -> Result<(), Failure> {
        if !has_no_answer(&finished) {
            self.is_removal_in_doubt = false;
            return finished;
        }
        let look = async |handle: &WriteHandle| {
            let present = removable(handle, handle.engine(), &migration::HISTORY_TABLES).await?;
            let is_announced = !history::settings(handle, REMOVAL).await?.is_empty();
            Ok(!is_announced && present.iter().all(|object| !removed.contains(&object.name)))
        };
        let Some(is_done) = self.look_again(look).await else { return finished };
        self.is_removal_in_doubt = false;
        if is_done { Ok(()) } else { finished }
    }

    /// What a transaction reads that begins after the one without an answer has ended: it waits for the lease, or the
    /// lock of the file, which that one holds. `None` if it does not end, or the database does not answer in time.
    async fn look_again<T>(&self, look: impl AsyncFn(&WriteHandle) -> Result<T>) -> Option<T> {
        let limit = self.database.budget().settle_limit();
        let asking = async {
            loop {
                match self.look_once(limit, &look).await {
                    Ok(found) => return found,
                    Err(error) => tracing::debug!("the outcome is not yet known: {error}"),
                }
                sleep(PAUSE).await;
            }
        };
        timeout(limit, asking).await.ok()
    }

    async fn look_once<T>(&self, limit: Duration, look: &impl AsyncFn(&WriteHandle) -> Result<T>) -> Result<T> {
        let database = self.database.reconnect().await?;
        let handle = begin(&database, limit).await?;
        self.lock.renew(&handle).await.map_err(Error::from)?;
        let found = look(&handle).await?;
        handle.rollback().await?;
        database.close().await;
        Ok(found)
    }
}

fn has_no_answer(finished: &Result<(), Failure>) -> bool {
    matches!(finished, Err(Failure::Database { error, .. }) if classify(error).leaves_in_doubt())
}
