//! shopctl on a real pseudo-terminal.

use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use rexpect::session::{PtySession, spawn_command};

use super::{PATIENCE, Shop};

/// How long to wait for a text or for the end, in milliseconds.
const LIMIT_MILLISECONDS: u64 = 20_000;

/// Starts shopctl on a pseudo-terminal, with nothing of the tester's environment.
pub fn start(shop: &Shop, arguments: &[&str], variables: &[(&str, &str)]) -> PtySession {
    // rexpect turns the echo off; real terminals have it.
    start_with(shop, "stty echo && exec shopctl \"$@\"", arguments, variables)
}

/// Starts a shell script on a pseudo-terminal; `shopctl` in it is the one under test.
pub fn start_script(shop: &Shop, script: &str) -> PtySession {
    start_with(shop, &format!("stty echo; {script}"), &[], &[])
}

/// Starts a shell script with arguments and variables on a pseudo-terminal.
pub fn start_with(shop: &Shop, script: &str, arguments: &[&str], variables: &[(&str, &str)]) -> PtySession {
    let folder = std::path::Path::new(env!("CARGO_BIN_EXE_shopctl")).parent().expect("a folder").display();
    let path = format!("{folder}:{}", std::env::var("PATH").unwrap_or_default());
    let mut command = Command::new("sh");
    command.args(["-c", script, "sh"]).args(arguments).env_clear().current_dir(shop.home.path());
    command.envs(shop.command(&[]).get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.env("PATH", path).env("TERM", "xterm").envs(variables.iter().copied());
    spawn_command(command, Some(LIMIT_MILLISECONDS)).expect("a pseudo-terminal")
}

/// rexpect takes each byte for a character.
fn decoded(text: &str) -> String {
    let bytes: Vec<u8> = text.chars().map(|character| u8::try_from(character).unwrap_or(b'?')).collect();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Waits until the question is asked and types the answer; gives what was shown until then.
pub fn answer(session: &mut PtySession, question: &str, keys: &str) -> String {
    let shown = session.exp_string(question).unwrap_or_else(|error| panic!("{question} is not asked: {error}"));
    session.send(keys).and_then(|_| session.flush()).expect("it listens");
    decoded(&shown) + question
}

/// Reads the rest, waits for the end and gives the exit code with what was shown.
pub fn end(mut session: PtySession) -> (i32, String) {
    let rest = session.exp_eof().expect("it ends");
    // The status type belongs to an indirect dependency: `Exited(Pid(4711), 10)`.
    let status = format!("{:?}", session.process().wait().expect("our own child"));
    let code = status.strip_prefix("Exited(").and_then(|text| text.trim_end_matches(')').rsplit(", ").next());
    let code = code.and_then(|code| code.parse().ok()).unwrap_or_else(|| panic!("it ended with {status} after {rest}"));
    (code, decoded(&rest))
}

/// Plays steps on a terminal that is closed when the last question is asked, and gives the exit code.
pub fn hang_up(shop: &Shop, arguments: &[&str], steps: &[(&str, &str)]) -> i32 {
    // The shell outlives the hangup, shopctl has its usual effect. The end of the session is another one, which a program
    // such as mv would not survive.
    let words: Vec<String> = arguments.iter().map(|word| format!("'{word}'")).collect();
    shop.file("hang-up.sh", &format!("trap : HUP; shopctl {}; echo $? > code", words.join(" ")));
    let _ = std::fs::remove_file(shop.path("code"));
    let clean = shop.command(&[]);
    let variables = clean.get_envs().filter_map(|(name, value)| Some((name, value?)));
    let mut command = Command::new("script");
    command.args(["-qec", "sh hang-up.sh", "/dev/null"]).env_clear().envs(variables).env("TERM", "xterm");
    command.current_dir(shop.home.path()).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut terminal = command.spawn().expect("script is part of every system");
    let (mut keys, mut output) = (terminal.stdin.take().expect("piped"), terminal.stdout.take().expect("piped"));
    let (shown, more) = mpsc::channel();
    let reader = std::thread::spawn(move || {
        let mut bytes = [0; 4096];
        while let Ok(length @ 1..) = output.read(&mut bytes) {
            let _ = shown.send(bytes[..length].to_vec());
        }
    });
    let limit = Duration::from_millis(LIMIT_MILLISECONDS);
    for (question, typed) in steps {
        let mut text = String::new();
        while !text.contains(question) {
            let bytes = more.recv_timeout(limit).unwrap_or_else(|_| panic!("{question} is not asked: {text}"));
            text.push_str(&String::from_utf8_lossy(&bytes));
        }
        keys.write_all(typed.as_bytes()).and_then(|()| keys.flush()).expect("it listens");
    }
    // Killed, it closes the terminal that it holds.
    terminal.kill().and_then(|()| terminal.wait()).expect("our own child");
    reader.join().expect("reading does not panic");
    // The end of a process waits for the disk, which other tests keep busy.
    let until = Instant::now() + PATIENCE;
    loop {
        let code = std::fs::read_to_string(shop.path("code")).unwrap_or_default();
        if let Some(code) = code.strip_suffix('\n') {
            return code.parse().expect("a number");
        }
        assert!(Instant::now() < until, "shopctl {} outlives its terminal:\n{}", words.join(" "), processes());
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// What the processes of this machine that are shopctl or a shell wait for.
fn processes() -> String {
    let listed = Command::new("ps").args(["-C", "shopctl,sh", "-o", "pid,ppid,stat,wchan:32,args"]).output();
    listed.map_or_else(|error| error.to_string(), |output| String::from_utf8_lossy(&output.stdout).into_owned())
}
