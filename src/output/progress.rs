//! Progress of long commands: a bar on a terminal, occasional lines elsewhere.

use std::fmt::Write;
use std::time::{Duration, Instant};

use indicatif::{HumanCount, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use super::Output;

/// The interval of progress lines without a bar.
const INTERVAL: Duration = Duration::from_secs(10);
const ROWS: &str = "{bar:24} {percent:>3} %  {human_pos} of {human_len} rows, {rate}/s, {eta} left";
const READING: &str = "{bar:24} {percent:>3} % of the file read, {eta} left";
/// The glyphs of a bar, with block elements and in ASCII.
const BLOCKS: &str = "█▉▊▋▌▍▎▏░";
const ASCII: &str = "=> ";

/// Progress on stderr, hidden by `--quiet` and removed when dropped.
pub struct Progress<'a> {
    output: &'a Output,
    bar: Option<ProgressBar>,
    unit: Unit,
    total: u64,
    done: u64,
    last_note: Instant,
}

/// The counted unit.
#[derive(Clone, Copy)]
pub enum Unit {
    Rows,
    /// Bytes read from a file.
    Bytes,
}

impl Output {
    /// Starts showing progress out of a total.
    pub fn progress(&self, unit: Unit, total: u64) -> Progress<'_> {
        let terminal = &self.terminal;
        let has_bar = terminal.stderr_is_terminal && !terminal.is_dumb && !self.settings.quiet;
        let style = || {
            let template = if matches!(unit, Unit::Rows) { ROWS } else { READING };
            let style = ProgressStyle::with_template(template).ok()?;
            let rate = |state: &ProgressState, text: &mut dyn Write| {
                // The bar cannot report a failure to draw.
                let _ = write!(text, "{}", HumanCount(state.per_sec() as u64));
            };
            Some(style.with_key("rate", rate).progress_chars(if terminal.has_blocks { BLOCKS } else { ASCII }))
        };
        let bar = has_bar
            .then(style)
            .flatten()
            .map(|style| ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr()).with_style(style));
        Progress { output: self, bar, unit, total, done: 0, last_note: Instant::now() }
    }
}

impl Progress<'_> {
    /// Advances by this number.
    pub fn advance(&mut self, rows: u64) {
        self.reach(self.done + rows);
    }

    /// Sets the total number done.
    pub fn reach(&mut self, rows: u64) {
        self.done = rows;
        match &self.bar {
            Some(bar) => bar.set_position(rows),
            None => self.tick(),
        }
    }

    /// Redraws without progress.
    pub fn tick(&mut self) {
        match &self.bar {
            Some(bar) => bar.tick(),
            None if self.last_note.elapsed() >= INTERVAL => {
                self.last_note = Instant::now();
                let note = match self.unit {
                    Unit::Rows => format!("{} of {} rows", HumanCount(self.done), HumanCount(self.total)),
                    Unit::Bytes => format!("{} % of the file read", self.done * 100 / self.total.max(1)),
                };
                self.output.note(&note);
            }
            None => {}
        }
    }

    /// Shows a slow step after the rows.
    pub fn stage(&mut self, text: &str) {
        match &self.bar {
            Some(bar) => {
                if let Ok(style) = ProgressStyle::with_template("{msg} …") {
                    bar.set_style(style);
                }
                bar.set_message(text.to_owned());
                bar.tick();
            }
            None if self.last_note.elapsed() >= INTERVAL => self.output.note(text),
            None => {}
        }
    }
}

impl Drop for Progress<'_> {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
