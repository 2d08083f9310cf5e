//! Waits for keys and for what else happens to a terminal: another size, a continued process.
//!
//! Each byte is read by itself, so that what was typed ahead stays for the next reader: a prompt, an editor, the shell.

use std::collections::VecDeque;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::time::timeout;

use super::keys::{Decoder, Key};

/// Keys that a question has read beyond its answer. The next question gets them first, as if they were still in the
/// terminal's own queue.
static TYPED_AHEAD: Mutex<VecDeque<Key>> = Mutex::new(VecDeque::new());

fn typed_ahead() -> MutexGuard<'static, VecDeque<Key>> {
    TYPED_AHEAD.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Puts keys back, in front of those that were not read yet.
pub fn unread(keys: VecDeque<Key>) {
    let mut typed_ahead = typed_ahead();
    keys.into_iter().rev().for_each(|key| typed_ahead.push_front(key));
}

/// What happens at a terminal.
pub enum Event {
    Key(Key),
    Resized,
    /// The process was suspended and goes on.
    Continued,
}

/// The terminal at standard input.
pub struct Keyboard {
    decoder: Decoder,
    source: Source,
}

impl Keyboard {
    /// Requires a Tokio runtime.
    pub fn open() -> io::Result<Keyboard> {
        Ok(Keyboard { decoder: Decoder::new(), source: Source::open()? })
    }

    /// Waits for the next event. Can be dropped without losing a key.
    ///
    /// Errors: `UnexpectedEof` if the terminal is closed.
    pub async fn next(&mut self) -> io::Result<Event> {
        loop {
            if let Some(key) = typed_ahead().pop_front().or_else(|| self.decoder.next()) {
                return Ok(Event::Key(key));
            }
            let arrived = match self.decoder.limit() {
                Some(limit) => timeout(limit, self.source.next()).await,
                None => Ok(self.source.next().await),
            };
            match arrived {
                Ok(Ok(Arrived::Byte(byte))) => self.decoder.advance(byte),
                Ok(Ok(Arrived::Resized)) => return Ok(Event::Resized),
                Ok(Ok(Arrived::Continued)) => return Ok(Event::Continued),
                Ok(Err(error)) => return Err(error),
                Err(_) => self.decoder.give_up(),
            }
        }
    }

    /// Reads one line in the terminal's own mode, without its line break.
    ///
    /// Errors: `UnexpectedEof` at the end of input.
    pub async fn line(&mut self) -> io::Result<String> {
        let mut line = Vec::new();
        loop {
            match self.source.next().await? {
                Arrived::Byte(b'\n') => return Ok(String::from_utf8_lossy(&line).trim_end_matches('\r').to_owned()),
                Arrived::Byte(byte) => line.push(byte),
                Arrived::Resized | Arrived::Continued => {}
            }
        }
    }
}

impl Drop for Keyboard {
    fn drop(&mut self) {
        typed_ahead().extend(std::iter::from_fn(|| self.decoder.next()));
    }
}

enum Arrived {
    Byte(u8),
    #[cfg_attr(not(unix), expect(dead_code, reason = "there are no such signals"))]
    Resized,
    #[cfg_attr(not(unix), expect(dead_code, reason = "there are no such signals"))]
    Continued,
}

#[cfg(unix)]
struct Source {
    terminal: tokio::io::unix::AsyncFd<io::Stdin>,
    resized: tokio::signal::unix::Signal,
    continued: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Source {
    #[expect(deprecated, reason = "what replaces it is unsafe, for descriptors that may close: standard input stays")]
    fn open() -> io::Result<Source> {
        use tokio::io::Interest;
        use tokio::io::unix::AsyncFd;
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Source {
            // A new registration also reports what was typed before.
            terminal: AsyncFd::with_interest(io::stdin(), Interest::READABLE)?,
            resized: signal(SignalKind::window_change())?,
            continued: signal(SignalKind::from_raw(rustix::process::Signal::CONT.as_raw()))?,
        })
    }

    async fn next(&mut self) -> io::Result<Arrived> {
        tokio::select! {
            _ = self.resized.recv() => Ok(Arrived::Resized),
            _ = self.continued.recv() => Ok(Arrived::Continued),
            byte = read_byte(&self.terminal) => byte.map(Arrived::Byte),
        }
    }
}

#[cfg(unix)]
async fn read_byte(terminal: &tokio::io::unix::AsyncFd<io::Stdin>) -> io::Result<u8> {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    loop {
        let mut ready = terminal.readable().await?;
        let mut descriptors = [PollFd::new(terminal.get_ref(), PollFlags::IN)];
        // Somebody else may have read it; reading would then wait.
        if poll(&mut descriptors, Some(&Timespec::default()))? == 0 {
            ready.clear_ready();
            continue;
        }
        let mut byte = [0];
        return match rustix::io::read(terminal.get_ref(), &mut byte) {
            // A terminal that was hung up gives an error.
            Ok(0) | Err(rustix::io::Errno::IO) => Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(_) => Ok(byte[0]),
            Err(error) => Err(error.into()),
        };
    }
}

/// Stops the processes of this job as Ctrl-Z does; returns when they are continued.
#[cfg(unix)]
pub fn suspend() -> io::Result<()> {
    Ok(rustix::process::kill_current_process_group(rustix::process::Signal::TSTP)?)
}

/// Tells a process to end.
#[cfg(unix)]
pub fn terminate(process: u32) {
    if let Some(process) = i32::try_from(process).ok().and_then(rustix::process::Pid::from_raw) {
        // One that has just ended needs no signal.
        let _ = rustix::process::kill_process(process, rustix::process::Signal::TERM);
    }
}

#[cfg(not(unix))]
pub fn terminate(_process: u32) {}

#[cfg(not(unix))]
struct Source;

#[cfg(not(unix))]
impl Source {
    fn open() -> io::Result<Source> {
        Ok(Source)
    }

    /// Blocks: waiting for standard input is not supported.
    async fn next(&mut self) -> io::Result<Arrived> {
        let mut byte = [0];
        io::Read::read_exact(&mut io::stdin(), &mut byte).map(|()| Arrived::Byte(byte[0]))
    }
}

#[cfg(not(unix))]
pub fn suspend() -> io::Result<()> {
    Ok(())
}
