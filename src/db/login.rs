//! Credentials, resolved and checked before the first packet: the password, the trusted authorities, the
//! client's certificate.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::target::{Password, Secret, ServerTarget, escaped};
use super::tls;
use crate::domain::text::seconds;
use crate::error::{CommandLine, Error, Hint, Result};
use crate::file::{is_open_to_others, password_file_name, read_small};

/// The error codes for passwords and certificates.
const PASSWORD: &str = "config.password";
const CERTIFICATE: &str = "config.certificate";
/// How long the command that prints the password may take without `--timeout`: it may ask a person to unlock a key.
const PASSWORD_COMMAND_LIMIT: Duration = Duration::from_mins(1);
/// The longest password, in bytes, with its line end.
const PASSWORD_LIMIT: u64 = 4096;

/// The resolved credentials.
#[derive(Debug, Clone)]
pub struct Login {
    /// Its password, if it has one, is known.
    pub target: ServerTarget,
    /// PEM; empty: the public authorities alone.
    pub root: Vec<u8>,
    /// Certificate and key, PEM.
    pub client: Option<(Vec<u8>, Secret)>,
    /// The application name of its sessions, where supported.
    pub name: String,
    /// How long a statement may wait for locks.
    pub lock_wait: Option<Duration>,
    /// Whether its sessions write many rows.
    pub is_bulk: bool,
}

impl Login {
    /// Looks up what the target only names; a command that prints the password has this time, or a minute.
    ///
    /// Errors: exit 4, `config.password` or `config.certificate`, naming the file or what the command did;
    /// never a piece of what was read.
    pub async fn prepare(target: &ServerTarget, limit: Option<Duration>) -> Result<Login> {
        let password = match &target.password {
            Some(Password::File(path)) => Some(first_line(path)?),
            Some(Password::Command(command)) => Some(run(command.expose(), limit).await?),
            Some(Password::Pgpass(path)) => from_pgpass(path, target)?,
            Some(Password::Known(secret)) => Some(secret.clone()),
            None => None,
        };
        let certificates = &target.certificates;
        let root = match &certificates.root {
            Some(path) => tls::checked_authorities(read(path, CERTIFICATE, "the certificate authority's file")?, path)?,
            None => Vec::new(),
        };
        let client = match (&certificates.client, &certificates.key) {
            (Some(certificate), Some(key)) => {
                let chain = read(certificate, CERTIFICATE, "the client certificate")?;
                Some(tls::checked_client(chain, certificate, read(key, CERTIFICATE, "the client's key")?, key)?)
            }
            (None, None) => None,
            (Some(_), None) => return Err(incomplete_pair("certificate", "key", "sslkey=FILE or DB_SSL_KEY")),
            (None, Some(_)) => return Err(incomplete_pair("key", "certificate", "sslcert=FILE or DB_SSL_CERT")),
        };
        let name = target.session.application_name.clone().unwrap_or_else(|| "shopctl".to_owned());
        let target = ServerTarget { password: password.map(Password::Known), ..target.clone() };
        Ok(Login { target, root, client, name, lock_wait: None, is_bulk: false })
    }

    /// The same at one of the target's servers.
    pub fn at(&self, host: &str, port: u16) -> Login {
        Login { target: self.target.at(host, port), ..self.clone() }
    }

    pub fn password(&self) -> Option<&str> {
        match &self.target.password {
            Some(Password::Known(secret)) => Some(secret.expose()),
            _ => None,
        }
    }
}

fn incomplete_pair(given: &str, missing: &str, how: &str) -> Error {
    Error::configuration(CERTIFICATE, format!("a client {given} is given without its {missing}"))
        .hint(format!("give both: add {how}"))
}

fn read(path: &Path, code: &'static str, what: &str) -> Result<Vec<u8>> {
    read_small(path, false).map_err(|(_, reason)| {
        let shown = escaped(&path.to_string_lossy());
        Error::configuration(code, format!("{what} {shown} {reason}"))
            .hint(Hint::from("to see where this path comes from: ").and(CommandLine::new("config show")))
    })
}

fn first_line(path: &Path) -> Result<Secret> {
    let read = read_small(path, false).map_err(|(_, reason)| reason);
    let password = read.and_then(|bytes| password_of(&bytes).map_err(str::to_owned));
    password.map_err(|reason| {
        let shown = password_file_name(path).map(|path| format!(" {path}")).unwrap_or_default();
        Error::configuration(PASSWORD, format!("the password file{shown} {reason}")).hint(
            Hint::from("its first line must be the password; to see where the path comes from: ")
                .and(CommandLine::new("config show")),
        )
    })
}

/// The first line; everything else would be a second secret or a mistake.
fn password_of(bytes: &[u8]) -> Result<Secret, &'static str> {
    if bytes.len() as u64 > PASSWORD_LIMIT {
        return Err("contains more than a password");
    }
    let text = std::str::from_utf8(bytes).map_err(|_| "is not UTF-8")?;
    let line = text.split('\n').next().unwrap_or_default().trim_end_matches('\r');
    match line {
        "" => Err("has an empty first line"),
        line if line.contains('\0') => Err("has a NUL in its first line"),
        line => Ok(Secret::new(line)),
    }
}

/// Runs the command that prints the password. Its standard error is ours: it may have something to say.
async fn run(command: &str, limit: Option<Duration>) -> Result<Secret> {
    let limit = limit.unwrap_or(PASSWORD_COMMAND_LIMIT).min(PASSWORD_COMMAND_LIMIT);
    let refuse = |reason: String| {
        Error::configuration(PASSWORD, format!("password_command {reason}"))
            .hint("run it by hand: it must print only the password and exit with 0")
    };
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(command).stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
    let mut child =
        shell.spawn().map_err(|error| refuse(format!("cannot run: {}", crate::error::io_reason(&error))))?;
    let Some(stdout) = child.stdout.take() else { return Err(refuse("has no output".to_owned())) };
    let answer = async {
        let mut bytes = Vec::new();
        stdout.take(PASSWORD_LIMIT + 1).read_to_end(&mut bytes).await?;
        if bytes.len() as u64 > PASSWORD_LIMIT {
            return Ok((bytes, None));
        }
        child.wait().await.map(|status| (bytes, Some(status)))
    };
    let Ok(answer) = timeout(limit, answer).await else {
        end(&mut child).await;
        return Err(refuse(format!("took longer than {} s", seconds(limit))));
    };
    let answer: Result<_, std::io::Error> = answer;
    let (bytes, status) = answer.map_err(|error| refuse(format!("failed: {}", crate::error::io_reason(&error))))?;
    match status {
        Some(status) if !status.success() => {
            Err(refuse(status.code().map_or("was killed".to_owned(), |code| format!("ended with {code}"))))
        }
        _ => password_of(&bytes).map_err(|reason| refuse(format!("printed what {reason}"))),
    }
}

/// Ends a command and everything that it started. It stays in the terminal's foreground, where it may ask for something,
/// so there is no process group to end.
async fn end(child: &mut Child) {
    if let Some(id) = child.id() {
        let listed = Command::new("ps").args(["-A", "-o", "pid=,ppid="]).stderr(Stdio::null()).output().await;
        let listed = listed.map(|listed| String::from_utf8_lossy(&listed.stdout).into_owned()).unwrap_or_default();
        let ids = descendants(id, &listed);
        let ended = Command::new("kill").arg("-KILL").args(&ids).stderr(Stdio::null()).status().await;
        tracing::debug!("the password command and what it started, {ids:?}: {ended:?}");
    }
    if let Err(error) = child.kill().await {
        tracing::debug!("the password command had already ended: {error}");
    }
}

/// A process and all below it, from lines of an id and its parent's.
fn descendants(of: u32, listed: &str) -> Vec<String> {
    let numbers = |line: &str| -> Option<(u32, u32)> {
        let mut words = line.split_whitespace().map(str::parse);
        Some((words.next()?.ok()?, words.next()?.ok()?))
    };
    let pairs: Vec<(u32, u32)> = listed.lines().filter_map(numbers).collect();
    let (mut found, mut next) = (vec![of], 0);
    while let Some(parent) = found.get(next).copied() {
        found.extend(pairs.iter().filter(|(_, above)| *above == parent).map(|(id, _)| *id));
        next += 1;
    }
    found.iter().map(u32::to_string).collect()
}

/// The first line of PostgreSQL's own file of passwords that fits.
///
/// Errors: exit 4 for a file that others can read, which libpq would not use either.
fn from_pgpass(path: &Path, target: &ServerTarget) -> Result<Option<Secret>> {
    if is_open_to_others(path) {
        let path = escaped(&path.to_string_lossy());
        return Err(Error::configuration(PASSWORD, format!("others can read the passwords in {path}"))
            .hint(format!("chmod 600 {path}")));
    }
    let bytes = read(path, PASSWORD, "the password file")?;
    let text = String::from_utf8_lossy(&bytes);
    let port = target.port.to_string();
    // As libpq: a socket is looked up as localhost.
    let host = if target.host.starts_with('/') { "localhost" } else { &target.host };
    let wanted = [host, &port, &target.database, &target.user];
    let lines = text.lines().filter(|line| !line.starts_with('#')).map(pgpass_fields);
    let fitting = lines
        .filter(|fields| fields.len() == 5)
        .find(|fields| fields.iter().zip(wanted).all(|((field, is_wildcard), wanted)| *is_wildcard || field == wanted));
    Ok(fitting
        .map(|mut fields| Secret::new(fields.pop().unwrap_or_default().0))
        .filter(|found| !found.expose().is_empty()))
}

/// Up to five fields between colons, `\:` and `\\` undone; with whether one is a bare `*`.
fn pgpass_fields(line: &str) -> Vec<(String, bool)> {
    let mut fields = vec![(String::new(), false)];
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        let is_last = fields.len() == 5;
        match (character, fields.last_mut()) {
            (':', _) if !is_last => fields.push((String::new(), false)),
            ('\\', Some((field, _))) => field.extend(characters.next()),
            (character, Some((field, is_wildcard))) => {
                *is_wildcard = field.is_empty() && character == '*' && !is_last;
                field.push(character);
            }
            (_, None) => {}
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_pgpass_is_taken_apart_as_libpq_does() {
        let fields = |line| pgpass_fields(line).into_iter().map(|(field, _)| field).collect::<Vec<_>>();
        assert_eq!(fields(r"h\:1:*:d:u:p\\a:b"), ["h:1", "*", "d", "u", r"p\a:b"]);
        assert!(pgpass_fields("*:*:*:*:x")[..4].iter().all(|(_, is_wildcard)| *is_wildcard));
        assert!(!pgpass_fields(r"\*:*x:*:*:*")[0].1 && !pgpass_fields("*x:a")[0].1);
        assert!(!pgpass_fields("a:b:c:d:*")[4].1, "a password may be a star");
    }

    #[test]
    fn a_process_is_ended_with_all_below_it() {
        assert_eq!(descendants(5, "  1   0\n  5   1\n 60   5\n  7  60\n  8   1\n"), ["5", "60", "7"]);
    }

    #[test]
    fn a_password_is_one_line() {
        assert_eq!(password_of(b"a b\r\nrest").unwrap().expose(), "a b");
        for bytes in [&b""[..], b"\nx", b"a\0b", b"\xff", &[b'x'; 4097]] {
            assert!(password_of(bytes).is_err());
        }
    }
}
