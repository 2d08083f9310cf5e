//! Interrupting a run: Ctrl-C, or a pipeline that ends its commands.

use std::sync::Arc;

use tokio::sync::watch;

use crate::error::{Error, Kind};

/// Asks a course to end. Where DDL commits by itself a statement outlives its client: there the
/// course ends its statement on the server, and says what is done.
#[derive(Clone)]
pub struct StopSignal(Arc<watch::Sender<bool>>);

impl Default for StopSignal {
    fn default() -> Self {
        StopSignal(Arc::new(watch::Sender::new(false)))
    }
}

impl StopSignal {
    /// Requests the stop. The run ends after its current statement or earlier.
    pub fn request(&self) {
        self.0.send_replace(true);
    }

    /// Whether a stop was requested.
    pub fn is_requested(&self) -> bool {
        *self.0.borrow()
    }

    /// Returns when a stop is requested.
    pub async fn requested(&self) {
        // The sender lives as long as `self`, so this fails never.
        let _ = self.0.subscribe().wait_for(|is_requested| *is_requested).await;
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
