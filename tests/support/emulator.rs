//! shopctl on a pseudo-terminal of a certain size, as it looks on the screen.

use std::num::NonZeroU16;
use std::process::Command;
use std::time::{Duration, Instant};

use rexpect::session::PtySession;

use super::terminal::{end, start_with};
use super::{PATIENCE, Shop};

/// A terminal, with what was shown so far.
pub struct Emulator {
    session: PtySession,
    parser: vt100::Parser,
    /// The terminal's file.
    name: String,
    /// The number of bytes so far.
    received: usize,
}

fn size(cells: u16) -> NonZeroU16 {
    NonZeroU16::new(cells).expect("a terminal has cells")
}

impl Emulator {
    /// Starts a shell script on a terminal of this many columns and rows; `shopctl` in it is the one under test.
    pub fn start(shop: &Shop, script: &str, (columns, rows): (u16, u16), variables: &[(&str, &str)]) -> Emulator {
        let script = format!("stty cols {columns} rows {rows} echo; tty; {script}");
        let mut session = start_with(shop, &script, &[], variables);
        let name = session.read_line().expect("tty says its name").trim().to_owned();
        Emulator { session, parser: vt100::Parser::new(size(rows), size(columns), 0), name, received: 0 }
    }

    pub fn keys(&mut self, keys: &str) {
        self.session.send(keys).and_then(|_| self.session.flush()).expect("it listens");
    }

    /// The number of bytes so far.
    pub fn received(&self) -> usize {
        self.received
    }

    /// Changes the number of columns, as a window does.
    pub fn resize(&mut self, columns: u16) {
        let (rows, _) = self.parser.screen().size();
        self.parser.screen_mut().set_size(rows, size(columns));
        let status = Command::new("stty").args(["-F", &self.name, "cols", &columns.to_string()]).status();
        assert!(status.expect("stty is everywhere").success());
    }

    fn read(&mut self) {
        while let Some(byte) = self.session.try_read() {
            self.received += 1;
            self.parser.process(&[u8::try_from(byte).expect("rexpect takes each byte for a character")]);
        }
    }

    /// The rows that show something.
    pub fn rows(&self) -> Vec<String> {
        let (_, columns) = self.parser.screen().size();
        let rows = self.parser.screen().rows(0, columns.get()).map(|row| row.trim_end().to_owned());
        rows.filter(|row| !row.is_empty()).collect()
    }

    /// The cursor's column.
    pub fn column(&self) -> u16 {
        self.parser.screen().cursor_position().1
    }

    /// The rows from that of the cursor.
    pub fn rows_at_cursor(&self) -> Vec<String> {
        let (screen, (row, _)) = (self.parser.screen(), self.parser.screen().cursor_position());
        let (_, columns) = screen.size();
        screen.rows(0, columns.get()).skip(row.into()).map(|row| row.trim_end().to_owned()).collect()
    }

    /// Waits until the rows, one after the other, contain the text; spaces at their ends do not count.
    #[track_caller]
    pub fn shows(&mut self, text: &str) {
        let text: String = text.split(' ').collect();
        self.becomes(&text, |terminal| terminal.rows().concat().split(' ').collect::<String>().contains(&text));
    }

    /// Waits until the screen is so.
    #[track_caller]
    pub fn becomes(&mut self, what: &str, is_so: impl Fn(&Emulator) -> bool) {
        let until = Instant::now() + PATIENCE;
        loop {
            self.read();
            if is_so(self) {
                return;
            }
            assert!(Instant::now() < until, "{what:?} is not on the screen:\n{}", self.rows().join("\n"));
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Types the keys when the text is shown.
    #[track_caller]
    pub fn answer(&mut self, text: &str, keys: &str) {
        self.shows(text);
        self.keys(keys);
    }

    /// Waits for the end and gives the exit code with the rows of the screen.
    pub fn end(mut self) -> (i32, String) {
        self.read();
        let mut parser = self.parser;
        let (code, rest) = end(self.session);
        parser.process(rest.as_bytes());
        assert!(!parser.screen().bracketed_paste() && !parser.screen().hide_cursor(), "the terminal is not restored");
        (code, parser.screen().contents())
    }
}
