//! Limits of waiting for a server's answer.
//!
//! A short statement has to be answered within the limit. A change of the schema may take as long
//! as it needs, but only while the server works on it: that is looked up on another connection.

use std::time::{Duration, Instant};

use tokio::time::{sleep, timeout};

use super::Plan;
use crate::db::Database;
use crate::db::ddl::{self, Sight};
use crate::error::{Cause, CommandLine, Error, Hint, Result};

/// Pause between two looks at a statement that is not answered.
const LOOK: Duration = Duration::from_secs(3);
/// An answer may be on its way just then: a second look decides.
const SECOND_LOOK: Duration = Duration::from_millis(500);
/// Taking leave of a connection that may be dead must not take long.
pub const FAREWELL: Duration = Duration::from_millis(300);

/// Waits for an answer, but not longer than the plan allows.
///
/// Errors: exit 5 when there is none.
pub async fn within<T, E: From<Error>>(plan: &Plan, answer: impl Future<Output = Result<T, E>>) -> Result<T, E> {
    let Some(limit) = plan.silence else { return answer.await };
    timeout(limit, answer).await.unwrap_or_else(|_| Err(no_answer().into()))
}

/// Exit 5.
pub fn no_answer() -> Error {
    Error::of(Cause::TimedOut, "the database does not answer any more").hint(
        Hint::from("check the network and the server; ")
            .and(CommandLine::new("migrate status"))
            .and(" tells what is done"),
    )
}

/// Sees from outside whether the server still works on a statement.
#[derive(Clone)]
pub struct Watch {
    database: Database,
    /// A comment before each statement, by which it is found.
    pub tag: String,
    /// Which server has the statement: behind a balancer a look may end at another one.
    server: Option<String>,
    silence: Option<Duration>,
}

impl Watch {
    pub async fn new(database: &Database, plan: &Plan, token: &str) -> Watch {
        let server = match plan.silence {
            Some(limit) => timeout(limit, ddl::server(database.connection())).await.unwrap_or_default(),
            None => ddl::server(database.connection()).await,
        };
        let tag = format!("/* shopctl migrate {token} */ ");
        Watch { database: database.clone(), tag, server, silence: plan.silence }
    }

    /// The outcome of a statement, for as long as the server works on it.
    ///
    /// Errors: exit 5 when no answer will come.
    pub async fn outcome<T>(&self, statement: impl Future<Output = T>) -> Result<T> {
        if self.database.engine().has_one_writer() {
            return Ok(statement.await);
        }
        tokio::select! {
            biased;
            outcome = statement => Ok(outcome),
            () = self.abandoned() => Err(no_answer()),
        }
    }

    /// Ends when the server does not work on the statement, so that no answer will come.
    pub async fn abandoned(&self) {
        let mut sign_of_life = Instant::now();
        loop {
            sleep(self.silence.map_or(LOOK, |silence| silence.min(LOOK))).await;
            if self.is_at_work(sign_of_life).await {
                sign_of_life = Instant::now();
                continue;
            }
            if self.silence.is_some_and(|silence| sign_of_life.elapsed() >= silence) {
                return;
            }
            sleep(SECOND_LOOK).await;
            if !self.is_at_work(sign_of_life).await {
                return;
            }
        }
    }

    /// A server that cannot be asked counts as silent, one that does not tell as working.
    async fn is_at_work(&self, sign_of_life: Instant) -> bool {
        let look = async {
            let database = self.database.reconnect().await?;
            let sight = ddl::sight(database.connection(), &self.tag).await;
            database.close().await;
            sight
        };
        let sight = match self.silence {
            Some(silence) => {
                let left = silence.saturating_sub(sign_of_life.elapsed()).max(SECOND_LOOK);
                timeout(left, look).await.unwrap_or_else(|_| Err(no_answer()))
            }
            None => look.await,
        };
        match sight {
            Ok(Sight { server, .. }) if server.is_none() || server != self.server => true,
            Ok(Sight { sessions, .. }) => !sessions.is_empty(),
            Err(_) => false,
        }
    }

    /// Ends the statement on the server, where it would go on without its client.
    pub async fn end_statement(&self) {
        let end = async {
            let database = self.database.reconnect().await?;
            let ended = ddl::end_statement(database.connection(), &self.tag).await;
            database.close().await;
            ended
        };
        if let Ok(Err(error)) = timeout(LOOK, end).await {
            tracing::debug!("the statement could not be ended on the server: {error}");
        }
    }
}
