//! Termination by Ctrl-C (SIGINT), by another process (SIGTERM) or by a closed terminal (SIGHUP).
//!
//! A separate thread listens for signals, because the working thread may be blocked in a read or write that never
//! returns.

use std::io;
use std::sync::mpsc;
use std::time::Duration;

use tokio::time::timeout;

use super::shared::{keyboard, screen};
use crate::error::{Error, Kind, Result};
use crate::output::{Output, OutputSettings, pager};
use crate::service::committing::{CommitTracker, Pending};

/// A command that still runs after this time, outside of COMMIT, is assumed to be blocked in a system call.
const END_LIMIT: Duration = Duration::from_secs(1);

/// The same number on Linux, macOS and the BSDs.
#[cfg(unix)]
const SIGXFSZ: i32 = 25;

/// Listens for termination signals in a separate thread and reports them to the command. Returns when the thread listens:
/// before, a signal would end the process at once.
///
/// If the command does not end, the thread ends the process, unless a COMMIT is in progress.
pub fn listen(settings: OutputSettings, committing: CommitTracker) {
    let (not_yet, listening) = mpsc::channel::<()>();
    std::thread::spawn(move || {
        // Without a runtime, signals have their default effect and end the process.
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
        if runtime.block_on(wait_for_overrun(&committing, not_yet)).is_ok() {
            screen::restore();
            let error = interrupted(&committing);
            Output::messages_only(settings).error(&error);
            std::process::exit(i32::from(error.kind().exit_code()));
        }
    });
    // Nothing is sent: the thread drops its end.
    let _ = listening.recv();
}

/// Returns when the process still runs some time after a signal. Errors: if signals cannot be received.
async fn wait_for_overrun(committing: &CommitTracker, not_yet: mpsc::Sender<()>) -> io::Result<()> {
    let mut signals = Signals::new()?;
    drop(not_yet);
    note(signals.next_for_us().await, committing);
    let mut was_idle = false;
    loop {
        if let Ok(signal) = timeout(END_LIMIT, signals.next_for_us()).await {
            note(signal, committing);
            continue;
        }
        // A command that has just committed gets the same time to end.
        let is_idle = committing.pending().is_none();
        if is_idle && was_idle {
            return Ok(());
        }
        was_idle = is_idle;
    }
}

/// What a signal says.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Termination {
    /// Ctrl-C.
    Interrupt,
    End,
    /// The terminal was closed.
    Hangup,
}

impl Signals {
    /// The next signal, without a Ctrl-C for the pager, which has the terminal: the command ends when it is quit. A pager
    /// ends with the command.
    async fn next_for_us(&mut self) -> Termination {
        loop {
            let signal = self.next().await;
            let pager = pager::process();
            if signal != Termination::Interrupt {
                // It gives the terminal back as it was.
                pager.into_iter().for_each(keyboard::terminate);
                return signal;
            }
            if pager.is_none() {
                return signal;
            }
        }
    }
}

/// Tells the command to end. A question whose terminal was closed ends by itself, as at any end of input.
fn note(signal: Termination, committing: &CommitTracker) {
    if signal != Termination::Hangup || !screen::is_asking() {
        committing.interrupt();
    }
}

/// Turns a write beyond the file size limit (`ulimit -f`) into an error like that of a full disk.
///
/// By default, the signal ends the process and leaves its temporary files. Requires a Tokio runtime.
#[cfg(unix)]
pub fn ignore_file_limit_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    // The handler stays installed after the receiver is dropped.
    drop(signal(SignalKind::from_raw(SIGXFSZ)));
}

#[cfg(not(unix))]
pub fn ignore_file_limit_signal() {}

/// Runs a command until it ends or is interrupted; closing the connection rolls back its transaction.
///
/// A COMMIT in progress is awaited. After a COMMIT the command ends by itself, unless it starts another operation. A second
/// signal does not wait, except for a COMMIT into a file; `note_wait` says so after the first.
pub async fn until_interrupted<T>(
    command: impl Future<Output = Result<T>>,
    committing: &CommitTracker,
    note_wait: impl Fn(),
) -> Result<T> {
    let mut command = std::pin::pin!(command);
    let mut interrupts = 0;
    loop {
        tokio::select! {
            result = &mut command => return result,
            count = committing.interrupted(interrupts) => {
                match committing.pending() {
                    None if interrupts > 0 || !committing.is_committed() => return Err(interrupted(committing)),
                    Some(Pending::File) => {}
                    Some(pending) if interrupts > 0 => {
                        let error = pending.unknown("interrupted at COMMIT: it is not known whether the change was applied");
                        return Err(error.hints_of(committing.left_behind()));
                    }
                    Some(Pending::Operation { .. }) => note_wait(),
                    _ => {}
                }
                interrupts = count;
            }
            () = committing.held() => return Err(interrupted(committing)),
        }
    }
}

fn interrupted(committing: &CommitTracker) -> Error {
    Error::new(Kind::Interrupted, "interrupted", "interrupted; uncommitted changes are rolled back")
        .hints_of(committing.left_behind())
}

/// The signals that tell a process to end.
#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    /// `None` if this process was started with SIGHUP ignored (`nohup`).
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

    async fn next(&mut self) -> Termination {
        let hung_up = async {
            match &mut self.hangup {
                Some(hangup) => hangup.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.interrupt.recv() => Termination::Interrupt,
            _ = self.terminate.recv() => Termination::End,
            _ = hung_up => Termination::Hangup,
        }
    }
}

/// Whether this process was started with SIGHUP ignored; assumes not if the system does not tell.
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

    async fn next(&mut self) -> Termination {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        Termination::Interrupt
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How a command ends that is interrupted twice during its COMMIT.
    fn interrupted_twice(pending: Pending) -> Result<()> {
        let tracker = CommitTracker::default();
        tracker.begin(pending);
        let command = async {
            for _ in 0..2 {
                tracker.interrupt();
                for _ in 0..10 {
                    tokio::task::yield_now().await;
                }
            }
            Ok(())
        };
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(until_interrupted(command, &tracker, || {}))
    }

    #[test]
    fn a_repeated_interrupt_waits_for_a_commit_into_a_file() {
        assert!(interrupted_twice(Pending::File).is_ok());
        let error = interrupted_twice(Pending::Work("look".into())).unwrap_err();
        assert_eq!(error.kind(), Kind::OutcomeUnknown);
    }
}
