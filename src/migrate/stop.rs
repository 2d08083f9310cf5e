//! Interrupting a run: Ctrl-C, or a pipeline that ends its commands.

use std::sync::Arc;

use tokio::sync::watch;

use crate::error::{Error, Kind};

/// Asks a run to end. Where DDL commits by itself a statement outlives its client: there the
/// run ends its statement on the server, and says what is done.
#[derive(Clone)]
pub struct StopSignal(Arc<watch::Sender<State>>);

#[derive(Default)]
struct State {
    is_requested: bool,
    is_deferred: bool,
}

impl Default for StopSignal {
    fn default() -> Self {
        StopSignal(Arc::new(watch::Sender::new(State::default())))
    }
}

impl StopSignal {
    /// Requests the stop. The run ends after its current statement or earlier.
    pub fn request(&self) {
        self.0.send_modify(|state| state.is_requested = true);
    }

    /// Lets the run continue to [`StopSignal::resume`] also when a stop is requested: from a COMMIT until the run has
    /// noted what it did.
    pub fn defer(&self) {
        self.0.send_modify(|state| state.is_deferred = true);
    }

    /// A stop ends the run again.
    pub fn resume(&self) {
        self.0.send_modify(|state| state.is_deferred = false);
    }

    /// Whether a stop was requested.
    pub fn is_requested(&self) -> bool {
        self.0.borrow().is_requested
    }

    /// Returns when a stop is requested and not deferred.
    pub async fn requested(&self) {
        // The sender lives as long as `self`, so this fails never.
        let _ = self.0.subscribe().wait_for(|state| state.is_requested && !state.is_deferred).await;
    }

    /// Errors: exit 130 after a stop was requested.
    pub fn check(&self) -> Result<(), Error> {
        if self.is_requested() { Err(interrupted()) } else { Ok(()) }
    }
}

/// Exit 130.
pub fn interrupted() -> Error {
    Error::new(Kind::Interrupted, "interrupted", "interrupted")
}
