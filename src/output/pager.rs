//! Shows what is longer than the screen in the user's pager, as git and gh do.

use std::env;
use std::io::{self, BufWriter, Write};
use std::mem::take;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use console::measure_text_width;

use super::escape;

const DEFAULT: &str = "less";
/// Without these, less shows colours as escape sequences, and clears the screen at its end.
const LESS: &str = "FRX";
/// Characters that only a shell understands; the list is that of git.
const FOR_SHELL: &str = "|&;<>()$`\\\"'*?[#~=%";

/// The process id of the pager that has the terminal, and thus its keys; 0 if there is none.
static RUNNING: AtomicU32 = AtomicU32::new(0);

/// The process of the pager, if one is running. Ctrl-C is for it: less goes back to its prompt, and the command ends with
/// it.
pub fn process() -> Option<u32> {
    Some(RUNNING.load(Ordering::Relaxed)).filter(|process| *process != 0)
}

/// The pager that the environment names, if any.
pub(super) fn configured() -> Option<String> {
    let name = ["SHOPCTL_PAGER", "PAGER"].into_iter().find_map(env::var_os);
    let name = name.map_or_else(|| DEFAULT.to_owned(), |name| name.to_string_lossy().trim().to_owned());
    Some(name).filter(|name| !name.is_empty() && name != "cat")
}

/// The screen of a terminal, and the pager for what is longer.
#[derive(Debug, Clone)]
pub(super) struct Screen {
    pub columns: usize,
    pub rows: usize,
    pub pager: String,
}

impl Screen {
    /// Whether the first line of the text is gone when the next prompt appears.
    fn is_shorter_than(&self, text: &[u8]) -> bool {
        let text = String::from_utf8_lossy(text);
        let rows = |line| measure_text_width(line).div_ceil(self.columns).max(1);
        text.lines().map(rows).sum::<usize>() >= self.rows
    }

    fn start(&self) -> io::Result<Running> {
        let words: Vec<&str> = match self.pager.contains(|letter| FOR_SHELL.contains(letter)) {
            true => vec!["sh", "-c", &self.pager],
            false => self.pager.split_whitespace().collect(),
        };
        let mut command = Command::new(words[0]);
        command.args(&words[1..]);
        if env::var_os("LESS").is_none() {
            command.env("LESS", LESS);
        }
        let mut process = command.stdin(Stdio::piped()).spawn()?;
        RUNNING.store(process.id(), Ordering::Relaxed);
        let stdin = process.stdin.take().map(BufWriter::new);
        Ok(Running { process, stdin })
    }
}

/// A running pager, which is awaited when dropped.
struct Running {
    process: Child,
    stdin: Option<BufWriter<ChildStdin>>,
}

impl Write for Running {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stdin.as_mut().map_or(Ok(0), |stdin| stdin.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stdin.as_mut().map_or(Ok(()), Write::flush)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // The end of its input. Whoever has quit it already has seen enough, so nothing here is a failure.
        drop(self.stdin.take());
        let _ = self.process.wait();
        RUNNING.store(0, Ordering::Relaxed);
    }
}

/// Standard output at a terminal, where all that is written until the next flush goes to a pager if it is longer than the
/// screen. A pager that was quit is a closed pipe.
pub(super) struct Paged<W> {
    stdout: W,
    screen: Screen,
    /// What may still fit on the screen.
    waiting: Vec<u8>,
    pager: Option<Running>,
    /// The pager could not be started.
    has_failed: bool,
}

impl<W: Write> Paged<W> {
    pub fn new(stdout: W, screen: Screen) -> Paged<W> {
        Paged { stdout, screen, waiting: Vec::new(), pager: None, has_failed: false }
    }

    /// Starts the pager. One that is not installed is only missed by who asked for it.
    fn start(&mut self) -> io::Result<()> {
        match self.screen.start() {
            Ok(pager) => self.pager.insert(pager).write_all(&take(&mut self.waiting)),
            Err(error) => {
                if self.screen.pager != DEFAULT {
                    let name = escape::line(&self.screen.pager);
                    let _ = writeln!(io::stderr(), "warning: cannot run the pager {name}: {error}");
                }
                self.has_failed = true;
                self.stdout.write_all(&take(&mut self.waiting))
            }
        }
    }
}

impl<W: Write> Write for Paged<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Some(pager) = &mut self.pager {
            return pager.write(bytes).inspect_err(|_| self.pager = None);
        }
        if self.has_failed {
            return self.stdout.write(bytes);
        }
        self.waiting.extend_from_slice(bytes);
        if self.screen.is_shorter_than(&self.waiting) {
            self.start().inspect_err(|_| self.pager = None)?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.pager = None;
        self.stdout.write_all(&take(&mut self.waiting))?;
        self.stdout.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(pager: &str, texts: &[&str]) -> String {
        let screen = Screen { columns: 10, rows: 4, pager: pager.to_owned() };
        let mut paged = Paged::new(Vec::new(), screen);
        for text in texts {
            paged.write_all(text.as_bytes()).unwrap();
        }
        paged.flush().unwrap();
        String::from_utf8(paged.stdout).unwrap()
    }

    #[test]
    fn what_fits_on_the_screen_or_has_no_pager_is_printed() {
        for texts in [&["1\n2\n", "3\n"][..], &["\u{1b}[1m1234567890\u{1b}[0m\n2\n3\n"]] {
            assert_eq!(printed("false", texts), texts.concat());
        }
        for longer in [&["1\n2\n3\n", "4\n"][..], &["12345678901\n", "3\n4\n"]] {
            assert_eq!(printed("no-such-pager", longer), longer.concat());
            assert_eq!(printed("cat >/dev/null", longer), "");
        }
    }

    #[test]
    fn a_pager_that_was_quit_is_a_closed_pipe() {
        let screen = Screen { columns: 10, rows: 1, pager: "true".to_owned() };
        let mut paged = Paged::new(Vec::new(), screen);
        let written = (0..100).try_for_each(|_| paged.write_all(&[b'x'; 10_000]));
        assert_eq!(written.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
        assert!(process().is_none() && paged.flush().is_ok());
    }
}
