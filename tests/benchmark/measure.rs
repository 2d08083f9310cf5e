//! Alternating measurements, so that a busy machine slows both sides.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How often a running process is asked for its memory.
const LOOK: Duration = Duration::from_millis(5);

/// One run of a program.
#[derive(Debug, Clone, Copy)]
pub struct Timed {
    pub seconds: f64,
    /// Peak memory, in MB.
    pub megabytes: f64,
}

/// Runs a program to its end; its output goes nowhere.
pub fn timed(command: &mut Command) -> Timed {
    let began = Instant::now();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program is there");
    let file = format!("/proc/{}/status", child.id());
    let (over, watched) = std::sync::mpsc::channel::<()>();
    let watch = std::thread::spawn(move || {
        let mut highest: f64 = 0.0;
        while watched.recv_timeout(LOOK) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
            let status = std::fs::read_to_string(&file).unwrap_or_default();
            let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            let kilobytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<f64>().ok());
            highest = highest.max(kilobytes.unwrap_or(0.0) / 1024.0);
        }
        highest
    });
    let mut said = String::new();
    let _ = std::io::Read::read_to_string(&mut child.stderr.take().expect("piped"), &mut said);
    let status = child.wait().expect("our own child");
    let seconds = began.elapsed().as_secs_f64();
    drop(over);
    let megabytes = watch.join().expect("looking does not panic");
    assert!(status.success(), "{command:?} failed:\n{said}");
    Timed { seconds, megabytes }
}

pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Medians of both sides, measured in turn.
pub fn in_turn(rounds: usize, mut ours: impl FnMut() -> f64, mut limit: impl FnMut() -> f64) -> (f64, f64) {
    let pairs: Vec<(f64, f64)> = (0..rounds).map(|_| (ours(), limit())).collect();
    (median(pairs.iter().map(|pair| pair.0).collect()), median(pairs.iter().map(|pair| pair.1).collect()))
}
