//! The time budget of a command: how long to wait for the database. There is no other time limit.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};

/// The share of the limit reserved to settle a lost COMMIT.
const SETTLE_SHARE: u32 = 4;
/// The maximum reserve.
const SETTLE_RESERVE: Duration = Duration::from_secs(5);
/// How long a lost COMMIT is investigated without a limit.
const SETTLE_LIMIT: Duration = Duration::from_secs(30);

/// A server gives up a lock a little later than its client.
const LOCK_GRACE: Duration = Duration::from_millis(500);

/// The time limit, passed by value. Clones share one stopwatch, which runs only while the program waits for the
/// database: user input, file access and password hashing do not count.
#[derive(Debug, Clone)]
pub struct Budget {
    limit: Option<Duration>,
    is_stated: bool,
    work: Work,
    stopwatch: Arc<Mutex<Stopwatch>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Work {
    /// All waits together take no longer than the limit.
    Single,
    /// Each answer, and each row of one, takes no longer than the limit.
    Long,
}

#[derive(Debug)]
struct Stopwatch {
    spent: Duration,
    /// The number of current waits, and the start of the first.
    waits: u32,
    since: Instant,
}

impl Budget {
    /// For a single operation. `None` means no limit; `is_stated` means that the user set it.
    pub fn new(limit: Option<Duration>, is_stated: bool) -> Budget {
        Budget { limit, is_stated, work: Work::Single, stopwatch: Budget::stopwatch() }
    }

    fn stopwatch() -> Arc<Mutex<Stopwatch>> {
        Arc::new(Mutex::new(Stopwatch { spent: Duration::ZERO, waits: 0, since: Instant::now() }))
    }

    /// The same limit per answer, for work whose duration depends on the amount of data.
    #[must_use]
    pub fn for_long_work(self) -> Budget {
        Budget { work: Work::Long, ..self }
    }

    /// The same limit with a new stopwatch, for the next of several operations.
    #[must_use]
    pub fn renewed(&self) -> Budget {
        Budget { stopwatch: Budget::stopwatch(), ..self.clone() }
    }

    /// The limit, if the user set one.
    pub fn stated(&self) -> Option<Duration> {
        self.limit.filter(|_| self.is_stated)
    }

    /// The whole limit.
    pub(super) fn limit(&self) -> Option<Duration> {
        self.limit
    }

    /// How long a statement may wait for locks on the server, so that the server also ends abandoned statements;
    /// `None` is the server's default.
    pub fn lock_wait(&self) -> Option<Duration> {
        Some(self.limit? + LOCK_GRACE)
    }

    /// The remaining time for the next wait.
    pub fn left(&self) -> Option<Duration> {
        let limit = self.limit?;
        Some(match self.work {
            Work::Long => limit,
            Work::Single => limit.saturating_sub(self.watch().spent()),
        })
    }

    /// Whether time remains for another attempt, after attempts that waited `waited` in total.
    pub fn allows_another(&self, waited: Duration) -> bool {
        self.left().is_none_or(|left| match self.work {
            Work::Long => waited < left,
            Work::Single => !left.is_zero(),
        })
    }

    /// Whether time remains for this pause and another attempt.
    pub fn allows_pause(&self, pause: Duration) -> bool {
        self.left().is_none_or(|left| left > pause)
    }

    /// Limits a wait so that time remains to report why it failed.
    pub fn capped(&self, wait: Duration) -> Duration {
        self.left().map_or(wait, |left| wait.min(left.saturating_sub(self.reserve())))
    }

    /// The time reserved by a COMMIT, so that a lost one can be settled.
    pub fn reserve(&self) -> Duration {
        self.left().map_or(SETTLE_RESERVE, |left| (left / SETTLE_SHARE).min(SETTLE_RESERVE))
    }

    /// How long a lost COMMIT may be investigated.
    pub fn settle_limit(&self) -> Duration {
        match (self.work, self.left()) {
            (Work::Single, Some(left)) => left,
            (Work::Long, Some(_)) => self.reserve(),
            (_, None) => SETTLE_LIMIT,
        }
    }

    /// Whether to check that a silent server is still working before giving up: the user set no limit.
    pub(super) fn probes_before_timeout(&self) -> bool {
        self.work == Work::Long && !self.is_stated
    }

    /// Waits for an answer; `None` on timeout. `reserve` is not used.
    pub(super) async fn wait<F: Future + Unpin>(&self, answer: F, reserve: Duration) -> Option<F::Output> {
        let until = self.left().map(|left| Instant::now() + left.saturating_sub(reserve));
        let _running = self.run();
        match until {
            Some(until) => timeout_at(until, answer).await.ok(),
            None => Some(answer.await),
        }
    }

    /// Counts the time of a future that has its own limit.
    pub(super) async fn count<F: Future>(&self, answer: F) -> F::Output {
        let _running = self.run();
        answer.await
    }

    /// Pauses before another attempt, limited by the remaining time.
    pub async fn pause(&self, pause: Duration) {
        self.wait(Box::pin(sleep(pause)), Duration::ZERO).await;
    }

    /// Runs the stopwatch until the returned guard is dropped.
    fn run(&self) -> RunningStopwatch<'_> {
        let mut watch = self.watch();
        if watch.waits == 0 {
            watch.since = Instant::now();
        }
        watch.waits += 1;
        RunningStopwatch(self)
    }

    fn watch(&self) -> MutexGuard<'_, Stopwatch> {
        self.stopwatch.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Stopwatch {
    fn spent(&self) -> Duration {
        self.spent + if self.waits > 0 { self.since.elapsed() } else { Duration::ZERO }
    }
}

struct RunningStopwatch<'a>(&'a Budget);

impl Drop for RunningStopwatch<'_> {
    fn drop(&mut self) {
        let mut watch = self.0.watch();
        watch.spent = watch.spent();
        watch.waits -= 1;
        watch.since = Instant::now();
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;

    const LIMIT: Duration = Duration::from_hours(1);
    const SHORT: Duration = Duration::from_millis(20);

    fn block_on(test: impl Future<Output = ()>) {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test);
    }

    async fn waits(budget: &Budget, answer: impl Future<Output = ()>) -> bool {
        budget.wait(Box::pin(answer), Duration::ZERO).await.is_some()
    }

    #[test]
    fn a_person_who_thinks_costs_no_time() {
        block_on(async {
            let budget = Budget::new(Some(LIMIT), false);
            sleep(SHORT).await;
            assert_eq!(budget.left(), Some(LIMIT));
            assert!(waits(&budget.clone(), sleep(SHORT)).await);
            assert!(budget.left().unwrap() <= LIMIT.checked_sub(SHORT).unwrap(), "clones share what is left");
            assert_eq!(budget.renewed().left(), Some(LIMIT));
        });
    }

    #[test]
    fn what_is_spent_is_not_there_for_the_next_wait() {
        block_on(async {
            let budget = Budget::new(Some(SHORT), false);
            assert!(!waits(&budget, pending()).await);
            assert_eq!(budget.left(), Some(Duration::ZERO));
            assert!(!budget.allows_another(Duration::ZERO));
        });
    }

    #[test]
    fn waits_at_the_same_time_count_once() {
        block_on(async {
            let budget = Budget::new(Some(LIMIT), false);
            let began = Instant::now();
            tokio::join!(waits(&budget, sleep(SHORT)), waits(&budget, sleep(SHORT)), waits(&budget, sleep(2 * SHORT)));
            assert!(LIMIT.checked_sub(budget.left().unwrap()).unwrap() <= began.elapsed());
        });
    }

    #[test]
    fn long_work_may_take_any_time_but_not_be_silent() {
        block_on(async {
            let budget = Budget::new(Some(SHORT), true).for_long_work();
            for _ in 0..100 {
                assert!(waits(&budget, ready(())).await);
            }
            assert!(!waits(&budget, pending()).await);
            assert_eq!(budget.left(), Some(SHORT));
            assert!(budget.allows_another(SHORT / 2) && !budget.allows_another(SHORT));
            assert!(!budget.probes_before_timeout());
            assert!(Budget::new(Some(SHORT), false).for_long_work().probes_before_timeout());
        });
    }

    #[test]
    fn no_limit_is_no_limit() {
        let budget = Budget::new(None, true);
        assert_eq!((budget.left(), budget.lock_wait(), budget.reserve()), (None, None, SETTLE_RESERVE));
        assert!(budget.allows_another(LIMIT));
    }
}
