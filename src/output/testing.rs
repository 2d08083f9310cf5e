//! An output for tests.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use super::{Output, OutputSettings, Terminal};

/// A stream that keeps what is written, or fails every time.
#[derive(Clone, Default)]
pub struct Captured {
    bytes: Arc<Mutex<Vec<u8>>>,
    failure: Option<io::ErrorKind>,
}

impl Captured {
    pub fn failing(kind: io::ErrorKind) -> Captured {
        Captured { failure: Some(kind), ..Captured::default() }
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.bytes.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.failure {
            Some(kind) => Err(kind.into()),
            None => self.bytes.lock().unwrap().write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// An output with its stdout and stderr.
pub fn captured(settings: OutputSettings, terminal: Terminal) -> (Output, Captured, Captured) {
    let (stdout, stderr) = (Captured::default(), Captured::default());
    (Output::new(settings, terminal, Box::new(stdout.clone()), Box::new(stderr.clone())), stdout, stderr)
}
