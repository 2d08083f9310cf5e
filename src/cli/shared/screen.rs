//! The terminal while a question is open: keys in raw mode, and a frame of lines that is drawn again after each.

use std::io;
use std::mem::take;
use std::time::Duration;

use console::{Term, measure_text_width};
use tokio::time::timeout;
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::keyboard::{Event, Keyboard};
use super::keys::Key;

/// Makes terminals mark the start and the end of pasted text.
const MARK_PASTES: &str = "\u{1b}[?2004h";
/// Makes terminals answer where their cursor is.
const WHERE_IS_THE_CURSOR: &str = "\u{1b}[6n";
/// How long a terminal may take to answer.
const ANSWER_LIMIT: Duration = Duration::from_millis(100);
const MARK_NO_PASTES: &str = "\u{1b}[?2004l";

/// What a question waits for.
pub enum Input {
    Key(Key),
    /// The frame must be drawn again, perhaps in another size.
    Redraw,
}

/// Lines to draw, and the cursor's place in one of them.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Frame {
    pub lines: Vec<String>,
    /// The index of the cursor's line.
    pub row: usize,
    /// The text before the cursor in its line. Drawing it once more places the cursor, however wide the terminal
    /// shows it.
    pub before: String,
}

/// Whether the terminal can move its cursor.
pub fn can_draw() -> bool {
    !console::is_dumb()
}

/// The columns that a terminal takes for a text at most: some show an emoji of several code points as its parts.
pub fn columns_of(text: &str) -> usize {
    let parts = |character: &str| character.chars().filter_map(UnicodeWidthChar::width).sum::<usize>();
    text.graphemes(true).map(|character| character.width().max(parts(character))).sum()
}

/// The columns and rows of the terminal.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    pub width: usize,
    pub height: usize,
}

impl Size {
    pub fn of_terminal() -> Size {
        let (rows, columns) = Term::stderr().size();
        // The last column stays empty, because some terminals wrap when it is written.
        Size { width: usize::from(columns).saturating_sub(1).max(1), height: usize::from(rows) }
    }
}

/// Enables raw mode until dropped. Held for a whole answer, because between two keys the terminal would echo a pasted
/// password.
struct RawMode;

impl RawMode {
    fn enter() -> io::Result<RawMode> {
        crossterm::terminal::enable_raw_mode()?;
        let raw = RawMode;
        if can_draw() {
            Term::stderr().write_str(MARK_PASTES)?;
        }
        Ok(raw)
    }
}

impl Drop for RawMode {
    fn drop(&mut self) {
        // A lost terminal cannot be handled.
        if can_draw() {
            let _ = Term::stderr().write_str(MARK_NO_PASTES);
        }
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
        let _ = Term::stderr().write_str("\r\n");
        let _ = Term::stderr().clear_to_end_of_screen();
        drop(RawMode);
    }
}

/// The part of the terminal below the cursor; cleared and restored when dropped.
pub struct Screen {
    terminal: Term,
    keyboard: Keyboard,
    /// `None` while the process is suspended.
    raw: Option<RawMode>,
    /// The frame on the screen.
    drawn: Frame,
    /// Whether it is unknown on which row the cursor is.
    is_lost: bool,
}

impl Screen {
    /// Requires a Tokio runtime.
    pub fn open() -> io::Result<Screen> {
        let keyboard = Keyboard::open()?;
        let raw = Some(RawMode::enter()?);
        Ok(Screen { terminal: Term::buffered_stderr(), keyboard, raw, drawn: Frame::default(), is_lost: false })
    }

    /// Waits for a key; Ctrl-Z and Ctrl-L are handled here. Can be dropped without losing a key.
    ///
    /// Errors: `UnexpectedEof` if the terminal is closed.
    pub async fn next(&mut self) -> io::Result<Input> {
        let event = loop {
            let limit = if self.is_lost { ANSWER_LIMIT } else { Duration::MAX };
            let event = timeout(limit, self.keyboard.next()).await.unwrap_or(Ok(Event::Resized))?;
            let was_lost = take(&mut self.is_lost);
            if !matches!(event, Event::Resized) || was_lost || !self.may_have_wrapped() {
                break event;
            }
            self.is_lost = true;
            Term::stderr().write_str(WHERE_IS_THE_CURSOR)?;
        };
        match event {
            Event::Key(Key::CursorAt(column)) => self.find_cursor(column),
            Event::Key(Key::Suspend) => self.suspend()?,
            Event::Key(Key::ClearScreen) => {
                self.terminal.clear_screen()?;
                self.drawn = Frame::default();
            }
            Event::Key(key) => return Ok(Input::Key(key)),
            Event::Resized => {}
            Event::Continued => self.enter_raw_mode()?,
        }
        Ok(Input::Redraw)
    }

    /// Whether the screen has become narrower than what is before the cursor. Some terminals then wrap it, others cut it.
    fn may_have_wrapped(&self) -> bool {
        measure_text_width(&self.drawn.before) > Size::of_terminal().width
    }

    /// Finds the row of the cursor in a terminal that has wrapped the frame: it tells by the column.
    fn find_cursor(&mut self, column: usize) {
        let columns = Size::of_terminal().width + 1;
        let before = measure_text_width(&self.drawn.before);
        if before >= columns && before % columns == column {
            let above = self.drawn.lines.iter().take(self.drawn.row);
            let wrapped: usize = above.map(|line| measure_text_width(line).saturating_sub(1) / columns).sum();
            self.drawn.row += wrapped + before / columns;
        }
    }

    /// Gives the terminal back to the shell until the process is continued.
    fn suspend(&mut self) -> io::Result<()> {
        self.leave()?;
        super::keyboard::suspend()?;
        self.enter_raw_mode()
    }

    /// The shell has set another mode meanwhile.
    fn enter_raw_mode(&mut self) -> io::Result<()> {
        self.raw = None;
        self.raw = Some(RawMode::enter()?);
        Ok(())
    }

    pub fn draw(&mut self, frame: Frame) -> io::Result<()> {
        if !can_draw() {
            return Ok(());
        }
        self.clear()?;
        self.terminal.write_str(&frame.lines.join("\r\n"))?;
        self.terminal.move_cursor_up(frame.lines.len() - 1 - frame.row)?;
        self.terminal.write_str("\r")?;
        self.terminal.write_str(&frame.before)?;
        self.terminal.flush()?;
        self.drawn = frame;
        Ok(())
    }

    /// Clears the frame.
    fn clear(&mut self) -> io::Result<()> {
        self.terminal.move_cursor_up(self.drawn.row)?;
        self.terminal.clear_line()?;
        self.terminal.clear_to_end_of_screen()?;
        self.drawn = Frame::default();
        Ok(())
    }

    /// Leaves the frame on the screen, and raw mode.
    pub fn leave(&mut self) -> io::Result<()> {
        self.terminal.move_cursor_down(self.drawn.lines.len().saturating_sub(1 + self.drawn.row))?;
        self.terminal.write_str("\r\n")?;
        self.terminal.flush()?;
        (self.drawn, self.raw) = (Frame::default(), None);
        Ok(())
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        if self.raw.is_some() && can_draw() {
            // A lost terminal cannot be handled.
            let _ = self.clear().and_then(|()| self.terminal.flush());
        }
    }
}
