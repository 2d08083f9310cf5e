//! Reads single keys from the terminal; all prompts are based on it.
//!
//! Keys are read in raw mode instead of through dialoguer's prompts: its `Confirm`, `Input` and `FuzzySelect` treat
//! Ctrl-D as a letter, and its `Password` repeats the question forever at the end of input and leaves the echo off when
//! Ctrl-C ends the process (dialoguer 0.12, console 0.16). Here Ctrl-C and Ctrl-D are keys, and the terminal is always
//! restored.

use std::io;

use console::{self, Term, measure_text_width};

pub use console::Key;

use crate::domain::text::is_unsafe;
use crate::error::{Error, Kind, Result, io_reason};

const CONTROL_D: char = '\u{4}';
const CONTROL_U: char = '\u{15}';

/// Enables raw mode until dropped. Held for a whole answer, because between two keys the terminal would echo a pasted
/// password.
pub struct RawMode;

impl RawMode {
    pub fn enter() -> io::Result<RawMode> {
        crossterm::terminal::enable_raw_mode().map(|()| RawMode)
    }
}

impl Drop for RawMode {
    fn drop(&mut self) {
        // A lost terminal cannot be handled.
        let _ = crossterm::terminal::disable_raw_mode();
    }
}

/// Whether an answer is awaited.
pub fn is_asking() -> bool {
    crossterm::terminal::is_raw_mode_enabled().unwrap_or(false)
}

/// Restores the terminal if the process ends at a prompt.
pub fn restore() {
    if is_asking() {
        drop(RawMode);
        // A lost terminal cannot be handled.
        let _ = Term::stderr().write_line("");
    }
}

/// Whether typed text is shown.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Echo {
    Shown,
    Hidden,
}

/// The effect of a key on a [`LineEditor`].
#[derive(Debug, PartialEq, Eq)]
pub enum KeyEffect {
    Edited,
    Entered,
    /// A key without a meaning for a line.
    Other(Key),
}

/// A line being typed.
#[derive(Debug, Default)]
pub struct LineEditor {
    pub text: String,
}

impl LineEditor {
    /// Applies a key.
    ///
    /// Errors: `Interrupted` for Ctrl-C, `UnexpectedEof` for Ctrl-D on an empty line.
    pub fn press(&mut self, key: Key) -> io::Result<KeyEffect> {
        match key {
            Key::Enter => return Ok(KeyEffect::Entered),
            Key::CtrlC => return Err(io::ErrorKind::Interrupted.into()),
            Key::Char(CONTROL_D) if self.text.is_empty() => return Err(io::ErrorKind::UnexpectedEof.into()),
            Key::Char(CONTROL_U) => self.text.clear(),
            Key::Backspace => drop(self.text.pop()),
            Key::Char(character) if !is_unsafe(character) => self.text.push(character),
            other => return Ok(KeyEffect::Other(other)),
        }
        Ok(KeyEffect::Edited)
    }
}

/// Waits until a key can be read, without reading it, so that the future can be dropped. Returns immediately where
/// waiting is not supported: reading then waits.
#[expect(deprecated, reason = "the replacement is unsafe for descriptors that may close; standard input stays open")]
pub async fn wait_for_key() {
    #[cfg(unix)]
    {
        use tokio::io::Interest;
        use tokio::io::unix::AsyncFd;
        let stdin = io::stdin();
        // A new registration also reports keys that were typed before.
        if let Ok(terminal) = AsyncFd::with_interest(std::os::fd::AsFd::as_fd(&stdin), Interest::READABLE) {
            let _ = terminal.readable().await;
        }
    }
}

/// Reads one key; blocks until there is one. Errors: `UnexpectedEof` if the terminal is closed.
pub fn read() -> io::Result<Key> {
    let terminal = Term::stderr();
    // One that was closed meanwhile would give unknown keys without end.
    if terminal.is_term() { terminal.read_key_raw() } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

/// Whether the terminal can redraw lines.
pub fn can_draw() -> bool {
    !console::is_dumb()
}

/// Asks on stderr and reads one line. Errors: see [`prompt_error`].
pub fn ask(question: &str, echo: Echo) -> Result<String> {
    let terminal = Term::stderr();
    let answer = RawMode::enter().and_then(|_raw| {
        terminal.write_str(question)?;
        read_answer(&terminal, echo)
    });
    // After raw mode, in which a line feed does not imply a carriage return.
    let _ = terminal.write_line("");
    answer.map_err(prompt_error)
}

fn read_answer(terminal: &Term, echo: Echo) -> io::Result<String> {
    let mut line = LineEditor::default();
    loop {
        let before = line.text.clone();
        match line.press(terminal.read_key_raw()?)? {
            KeyEffect::Entered => return Ok(line.text),
            KeyEffect::Edited if echo == Echo::Shown => show_edit(terminal, &before, &line.text)?,
            KeyEffect::Edited | KeyEffect::Other(_) => {}
        }
    }
}

/// Shows an edit, which is always at the end of the line.
fn show_edit(terminal: &Term, before: &str, after: &str) -> io::Result<()> {
    match after.strip_prefix(before) {
        Some(added) => terminal.write_str(added),
        None => terminal.clear_chars(measure_text_width(&before[after.len()..])),
    }
}

/// The error of an unanswered question: exit 130 for Ctrl-C, exit 10 for the end of input and for a terminal that was
/// closed, which fails in many ways.
pub fn prompt_error(failure: impl Into<io::Error>) -> Error {
    let failure = failure.into();
    match failure.kind() {
        io::ErrorKind::Interrupted => Error::new(Kind::Interrupted, "interrupted", "interrupted; nothing was changed"),
        io::ErrorKind::UnexpectedEof => declined("the input ended; nothing was changed"),
        _ => declined(&format!("the prompt could not be shown: {}; nothing was changed", io_reason(&failure))),
    }
}

/// The error of a declined question (exit 10).
pub fn declined(message: &str) -> Error {
    Error::new(Kind::Declined, "declined", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_edited_at_their_end_and_reject_unsafe_characters() {
        let mut line = LineEditor::default();
        for key in [Key::Char('a'), Key::Char('\u{202e}'), Key::Char('ø'), Key::Char('x'), Key::Backspace, Key::Tab] {
            line.press(key).unwrap();
        }
        assert_eq!(line.text, "aø");
        assert_eq!(line.press(Key::Char(CONTROL_D)).unwrap(), KeyEffect::Other(Key::Char(CONTROL_D)));
        assert_eq!(line.press(Key::Char(CONTROL_U)).unwrap(), KeyEffect::Edited);
        assert_eq!(line.press(Key::Char(CONTROL_D)).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        assert_eq!(line.press(Key::CtrlC).unwrap_err().kind(), io::ErrorKind::Interrupted);
        assert_eq!(line.press(Key::Enter).unwrap(), KeyEffect::Entered);
    }

    #[test]
    fn unanswered_prompts_have_distinct_exit_codes() {
        for (failure, kind) in [
            (io::ErrorKind::Interrupted, Kind::Interrupted),
            (io::ErrorKind::UnexpectedEof, Kind::Declined),
            (io::ErrorKind::NotConnected, Kind::Declined),
        ] {
            assert_eq!(prompt_error(failure).kind(), kind);
        }
    }
}
