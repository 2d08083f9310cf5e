//! A question with one line as its answer.
//!
//! `dialoguer` says what questions look like (its `Theme`). Its own prompts are not used: they take Ctrl-D for a letter,
//! repeat a hidden question forever at the end of input, leave the echo off when Ctrl-C ends the process, and know few
//! of the keys of readline (0.12).

use std::io;

use console::Term;
use dialoguer::theme::{SimpleTheme, Theme};
use unicode_segmentation::UnicodeSegmentation;

use super::keyboard::Keyboard;
use super::keys::Key;
use super::line_editor::{KeyEffect, LineEditor};
use super::screen::{Frame, Input, Screen, Size, can_draw, columns_of};
use crate::error::{Error, Kind, Result, io_reason};
use crate::output::{between_words, escape};

/// How questions and entries look.
pub const THEME: SimpleTheme = SimpleTheme;

/// A question with one line as its answer.
pub struct Question {
    /// What is said before it, if anything.
    introduction: Option<String>,
    text: String,
    is_hidden: bool,
    /// Another answer than those that the question shows: `e: edit`.
    also: &'static str,
    /// What Escape does.
    escape: &'static str,
}

impl Question {
    /// Asks for a value: `quantity [1]: `.
    pub fn value(label: &str, default: Option<&str>) -> Question {
        let mut text = String::new();
        // Writing into a text cannot fail.
        let _ = THEME.format_input_prompt(&mut text, label, default);
        Question { introduction: None, text, is_hidden: false, also: "", escape: "cancel" }
    }

    /// Asks for a value that is not shown.
    pub fn hidden(label: &str) -> Question {
        Question { is_hidden: true, ..Question::value(label, None) }
    }

    /// Asks yes or no: `Continue? [y/N] `.
    pub fn yes_or_no(question: &str) -> Question {
        let mut text = String::new();
        let _ = THEME.format_confirm_prompt(&mut text, question, Some(false));
        Question { introduction: None, text, is_hidden: false, also: "", escape: "cancel" }
    }

    /// Says first what the question is about, in lines of its own.
    pub fn about(self, introduction: String) -> Question {
        Question { introduction: Some(introduction), ..self }
    }

    /// Says what Escape does, if it does not cancel the command.
    pub fn escape(self, escape: &'static str) -> Question {
        Question { escape, ..self }
    }

    /// Says what else can be answered.
    pub fn also(self, also: &'static str) -> Question {
        Question { also, ..self }
    }

    /// Asks on stderr and reads one line; `None` for Escape.
    ///
    /// Errors: see [`prompt_error`].
    pub async fn ask(&self) -> Result<Option<String>> {
        self.introduce().map_err(prompt_error)?;
        let answer = if can_draw() || self.is_hidden { self.ask_on_screen().await } else { self.ask_plainly().await };
        answer.map_err(prompt_error)
    }

    fn introduce(&self) -> io::Result<()> {
        let Some(introduction) = &self.introduction else { return Ok(()) };
        let columns = Term::stderr().size_checked().map_or(usize::MAX, |(_rows, columns)| usize::from(columns));
        Term::stderr().write_line(&between_words(&escape::lines(introduction), columns))
    }

    async fn ask_on_screen(&self) -> io::Result<Option<String>> {
        let mut screen = Screen::open()?;
        let mut line = LineEditor::default();
        if !can_draw() {
            Term::stderr().write_str(&self.text)?;
        }
        let answer = self.edit(&mut screen, &mut line).await;
        screen.draw(self.answered(&line, Size::of_terminal().width))?;
        screen.leave()?;
        answer
    }

    async fn edit(&self, screen: &mut Screen, line: &mut LineEditor) -> io::Result<Option<String>> {
        loop {
            screen.draw(self.frame(line, Size::of_terminal()))?;
            let Input::Key(key) = screen.next().await? else { continue };
            match line.press(key)? {
                KeyEffect::Entered => return Ok(Some(line.text().to_owned())),
                KeyEffect::Other(Key::Escape) => return Ok(None),
                _ => {}
            }
        }
    }

    /// Asks a terminal that cannot move its cursor, which edits the line itself.
    async fn ask_plainly(&self) -> io::Result<Option<String>> {
        let also = if self.also.is_empty() { String::new() } else { format!("({}) ", self.also) };
        Term::stderr().write_str(&format!("{}{also}", self.text))?;
        let open = OpenLine;
        let line = Keyboard::open()?.line().await?;
        std::mem::forget(open);
        Ok(Some(line).filter(|line| line != "\u{1b}"))
    }

    /// The question with its answer.
    fn answered(&self, line: &LineEditor, width: usize) -> Frame {
        let (before, after) = if self.is_hidden { ("", "") } else { line.halves() };
        wrap(&format!("{}{before}", self.text), after, width)
    }

    /// The question with the typed text, as far as it fits, and the keys below.
    fn frame(&self, line: &LineEditor, size: Size) -> Frame {
        let separator = if self.also.is_empty() { "" } else { ", " };
        let keys = lines(&format!("({}{separator}Esc: {})", self.also, self.escape), size.width);
        let mut frame = self.answered(line, size.width);
        let room = size.height.saturating_sub(keys.len() + 1).max(1);
        let first = (frame.row + 1).saturating_sub(room);
        frame.lines = frame.lines.drain(first..).take(room).chain(keys).collect();
        frame.row -= first;
        frame
    }
}

/// The line of a question on a terminal that cannot move its cursor; ended when dropped, so that Ctrl-C is not followed
/// by a message on the same line.
struct OpenLine;

impl Drop for OpenLine {
    fn drop(&mut self) {
        // A lost terminal cannot be handled.
        let _ = Term::stderr().write_line("");
    }
}

/// The text in lines of at most this width.
pub fn lines(text: &str, width: usize) -> Vec<String> {
    wrap(text, "", width).lines
}

/// Breaks a text between words into lines of at most this width, and a longer word anywhere; the cursor is between its
/// parts.
fn wrap(before: &str, after: &str, width: usize) -> Frame {
    let characters: Vec<&str> = before.graphemes(true).chain(after.graphemes(true)).collect();
    let cursor = before.graphemes(true).count();
    let (mut frame, mut start) = (Frame::default(), 0);
    loop {
        let rest = &characters[start..];
        let end = start + end_of_line(rest, width);
        if (start..=end).contains(&cursor) {
            frame.row = frame.lines.len();
            frame.before = characters[start..cursor].concat();
        }
        frame.lines.push(characters[start..end].concat());
        match characters.get(end) {
            // The space is where the line breaks.
            Some(&" ") => start = end + 1,
            Some(_) => start = end,
            None => return frame,
        }
    }
}

/// How many of these characters are on one line.
fn end_of_line(characters: &[&str], width: usize) -> usize {
    let (mut used, mut last_space) = (0, None);
    for (position, character) in characters.iter().enumerate() {
        if *character == " " && position > 0 {
            last_space = Some(position);
        }
        used += columns_of(character);
        if used > width && position > 0 {
            return last_space.unwrap_or(position);
        }
    }
    characters.len()
}

/// The error of an unanswered question: exit 130 for Ctrl-C, exit 10 for the end of input and for a terminal that was
/// closed, which fails in many ways.
pub fn prompt_error(failure: io::Error) -> Error {
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

/// The error for Escape where there is no question to go back to (exit 10).
pub fn cancelled() -> Error {
    declined("cancelled; nothing was changed")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_answers_wrap_within_the_width_and_keep_the_cursor_in_sight() {
        let frame = wrap("name: 日本", "語xyz日", 9);
        assert_eq!((frame.lines.join("|"), frame.row, &*frame.before), ("name:|日本語xyz|日".to_owned(), 1, "日本"));
        let frame = wrap("", "👩‍👩‍👧‍👦👩‍👩‍👧‍👦", 9);
        assert_eq!(frame.lines, ["👩‍👩‍👧‍👦", "👩‍👩‍👧‍👦"]);
        let frame = wrap("abc", "", 3);
        assert_eq!((frame.lines.len(), frame.row), (1, 0));
        let mut line = LineEditor::default();
        line.press(Key::Pasted("x".repeat(95))).unwrap();
        let question = Question::value("name", None).escape("back");
        let size = Size { width: 10, height: 5 };
        let frame = question.frame(&line, size);
        assert_eq!(frame.lines, ["xxxxxxxxxx", "xxxxx", "(Esc:", "back)"]);
        assert_eq!((frame.row, frame.before.as_str()), (1, "xxxxx"));
        assert_eq!(Question::hidden("password").answered(&line, 10).lines, ["password: "]);
    }

    #[test]
    fn lines_break_between_words() {
        for (text, width, expected) in [
            ("Continue? [y/N] ", 12, "Continue?|[y/N] "),
            ("Type ann@example.com to confirm: ", 18, "Type|ann@example.com to|confirm: "),
            ("Type ann@example.com to confirm: ", 9, "Type|ann@examp|le.com to|confirm: "),
            ("abc ", 3, "abc|"),
            ("abc  d", 3, "abc| d"),
            ("  abcd", 3, " |abc|d"),
            ("", 3, ""),
        ] {
            assert_eq!(lines(text, width).join("|"), expected, "{text:?} in {width}");
        }
        // The cursor goes on where the next character does.
        let at = |text: &str, width| (wrap(text, "", width).row, wrap(text, "", width).before);
        assert_eq!(at("abc", 3), (0, "abc".to_owned()));
        assert_eq!(at("abc ", 3), (1, String::new()));
        assert_eq!(at("ab cd", 4), (1, "cd".to_owned()));
    }

    #[test]
    fn unanswered_prompts_have_distinct_exit_codes() {
        for (failure, kind) in [
            (io::ErrorKind::Interrupted, Kind::Interrupted),
            (io::ErrorKind::UnexpectedEof, Kind::Declined),
            (io::ErrorKind::NotConnected, Kind::Declined),
        ] {
            assert_eq!(prompt_error(failure.into()).kind(), kind);
        }
    }
}
