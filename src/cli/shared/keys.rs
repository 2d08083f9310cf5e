//! Keys of the terminal, one by one: what every question is made of.
//!
//! Read in raw mode instead of through dialoguer's prompts, whose `Confirm`, `Input` and
//! `FuzzySelect` take Ctrl-D for a letter, and whose `Password` asks again for ever at the end of
//! input and leaves the echo off when Ctrl-C ends the process (dialoguer 0.12, console 0.16). Here
//! Ctrl-C and Ctrl-D are keys: no signal, no hidden cursor, and the terminal is restored on every
//! way out.

use std::io;

use console::{self, Term, measure_text_width};

pub use console::Key;

use crate::domain::text::is_unsafe;
use crate::error::{Error, Kind, Result};

const CONTROL_D: char = '\u{4}';
const CONTROL_U: char = '\u{15}';

/// Raw mode for as long as this lives. Held over a whole answer and not per key, because between
/// two keys the terminal would echo a pasted password.
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

/// Gives the terminal back as it was, for whoever ends the process at a prompt.
pub fn restore() {
    if crossterm::terminal::is_raw_mode_enabled().unwrap_or(false) {
        drop(RawMode);
        // A lost terminal cannot be handled.
        let _ = Term::stderr().write_line("");
    }
}

/// Whether what is typed can be seen.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Echo {
    Shown,
    Hidden,
}

/// What a key did to a [`LineEditor`].
#[derive(Debug, PartialEq, Eq)]
pub enum KeyEffect {
    Edited,
    Entered,
    /// Nothing that a line knows.
    Other(Key),
}

/// One line while it is being typed.
#[derive(Debug, Default)]
pub struct LineEditor {
    pub text: String,
}

impl LineEditor {
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

/// Waits until a key can be read. Nothing is taken from the terminal, so waiting can be given up;
/// where waiting is impossible, reading will do it.
#[expect(deprecated, reason = "what replaces it is unsafe, for descriptors that may close: standard input stays")]
pub async fn wait_for_key() {
    #[cfg(unix)]
    {
        use tokio::io::Interest;
        use tokio::io::unix::AsyncFd;
        let stdin = io::stdin();
        // Registered anew each time: that tells of keys which were there before.
        if let Ok(terminal) = AsyncFd::with_interest(std::os::fd::AsFd::as_fd(&stdin), Interest::READABLE) {
            let _ = terminal.readable().await;
        }
    }
}

/// Takes one key, waiting for it if need be. Errors: `UnexpectedEof` when the terminal is gone.
pub fn read() -> io::Result<Key> {
    Term::stderr().read_key_raw()
}

/// Whether lines can be drawn anew.
pub fn can_draw() -> bool {
    !console::is_dumb()
}

/// Asks on stderr and reads one line. Errors: as [`prompt_error`] says.
pub fn ask(question: &str, echo: Echo) -> Result<String> {
    let terminal = Term::stderr();
    let answer = RawMode::enter().and_then(|_raw| {
        terminal.write_str(question)?;
        read_answer(&terminal, echo)
    });
    // After raw mode, in which a line feed would not return the carriage.
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

/// Lines are edited at their end only.
fn show_edit(terminal: &Term, before: &str, after: &str) -> io::Result<()> {
    match after.strip_prefix(before) {
        Some(added) => terminal.write_str(added),
        None => terminal.clear_chars(measure_text_width(&before[after.len()..])),
    }
}

/// The error of a question that did not come to an answer.
///
/// Returns Ctrl-C as exit 130, the end of input as exit 10, anything else as exit 1.
pub fn prompt_error(failure: impl Into<io::Error>) -> Error {
    let failure = failure.into();
    match failure.kind() {
        io::ErrorKind::Interrupted => Error::new(Kind::Interrupted, "interrupted", "interrupted, nothing was changed"),
        io::ErrorKind::UnexpectedEof => declined("the input ended, nothing was changed"),
        _ => Error::internal(format!("the question could not be asked: {failure}")),
    }
}

/// Exit 10.
pub fn declined(message: &str) -> Error {
    Error::new(Kind::Declined, "declined", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_edited_at_its_end_and_takes_nothing_unsafe() {
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
    fn a_question_that_ends_early_has_its_own_exit_code() {
        for (failure, kind) in [
            (io::ErrorKind::Interrupted, Kind::Interrupted),
            (io::ErrorKind::UnexpectedEof, Kind::Declined),
            (io::ErrorKind::NotConnected, Kind::Internal),
        ] {
            assert_eq!(prompt_error(failure).kind(), kind);
        }
    }
}
