//! Ctrl-C, a pipeline that ends its commands (SIGTERM), a terminal that is closed (SIGHUP).
//!
//! A thread of its own listens: the one that works may be inside a read or a write that nobody answers, and then
//! only the end of the process ends it.

use std::io;
use std::time::Duration;

use tokio::time::timeout;

use super::shared::keys;
use crate::error::{Error, Kind, Result};
use crate::output::{Output, OutputSettings};
use crate::service::committing::{CommitTracker, Pending};

/// A command still running by then, outside COMMIT, is blocked in a system call.
const END_LIMIT: Duration = Duration::from_secs(1);

/// The same number on Linux, macOS and the BSDs.
#[cfg(unix)]
const SIGXFSZ: i32 = 25;

/// Counts what tells the process to end. Ends the process itself when the command does not, unless a COMMIT is under
/// way.
pub fn listen(settings: OutputSettings, committing: CommitTracker) {
    std::thread::spawn(move || {
        // Without them the signals end the process as they end any other.
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
        if runtime.block_on(wait_for_overrun(&committing)).is_ok() {
            keys::restore();
            let error = interrupted();
            Output::messages_only(settings).error(&error);
            std::process::exit(i32::from(error.kind().exit_code()));
        }
    });
}

/// Ends when the process was told to end and is still there. Errors: signals cannot be listened for.
async fn wait_for_overrun(committing: &CommitTracker) -> io::Result<()> {
    let mut signals = Signals::new()?;
    signals.next().await;
    committing.interrupt();
    let mut was_idle = false;
    loop {
        if timeout(END_LIMIT, signals.next()).await.is_ok() {
            committing.interrupt();
            continue;
        }
        // What has just ended its COMMIT has its time too.
        let is_idle = committing.pending().is_none();
        if is_idle && was_idle {
            return Ok(());
        }
        was_idle = is_idle;
    }
}

/// Makes a write beyond the limit of a file's size (`ulimit -f`) an error like that of a full disk: the signal would
/// end the process and leave its temporary files. Needs a runtime.
#[cfg(unix)]
pub fn ignore_file_limit_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    // The handler stays when the receiver is gone; without it the signal ends the process, as it ends any other.
    drop(signal(SignalKind::from_raw(SIGXFSZ)));
}

#[cfg(not(unix))]
pub fn ignore_file_limit_signal() {}

/// Ends a command that is told to end: the open transaction is rolled back with its connection. While a COMMIT is
/// under way its outcome is waited for, and nothing is begun afterwards; whoever says it twice does not wait.
pub async fn until_interrupted(command: impl Future<Output = Result<()>>, committing: &CommitTracker) -> Result<()> {
    let mut command = std::pin::pin!(command);
    let (mut interrupts, mut ends_after_commit) = (0, false);
    loop {
        tokio::select! {
            result = &mut command => return result,
            count = committing.interrupted(interrupts) => {
                match committing.pending() {
                    None => return Err(interrupted()),
                    Some(pending) if interrupts > 0 => {
                        return Err(pending.unknown("interrupted at COMMIT: it is not known whether the change was applied"));
                    }
                    // Other work ends itself, or is the only work.
                    Some(pending) => ends_after_commit = matches!(pending, Pending::Operation { .. }),
                }
                interrupts = count;
            }
            () = committing.idle(), if ends_after_commit => return Err(interrupted()),
        }
    }
}

fn interrupted() -> Error {
    Error::new(Kind::Interrupted, "interrupted", "interrupted; what was not yet committed is rolled back")
}

/// The signals that tell a process to end.
#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    /// `None` where this process was started to ignore it (`nohup`).
    hangup: Option<tokio::signal::unix::Signal>,
}

#[cfg(unix)]
impl Signals {
    fn new() -> io::Result<Signals> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Signals {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: if ignores_hangup() { None } else { Some(signal(SignalKind::hangup())?) },
        })
    }

    async fn next(&mut self) {
        let hung_up = async {
            match &mut self.hangup {
                Some(hangup) => hangup.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = hung_up => {}
        }
    }
}

/// Whether this process was started to ignore SIGHUP. Where the system does not say, it does not.
#[cfg(unix)]
fn ignores_hangup() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    // SIGHUP is number 1, the lowest bit.
    mask & 1 == 1
}

/// The signals that tell a process to end.
#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> io::Result<Signals> {
        Ok(Signals)
    }

    async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
