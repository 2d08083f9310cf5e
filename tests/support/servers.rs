//! Throw-away PostgreSQL and MariaDB servers: started once per run of the suite on free loopback
//! ports in a temporary folder, never as root, and stopped by their own id when the run ends,
//! however it ends.

use std::fs;
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Whether servers keep what they promise to keep, as they would for a shop: set before the first starts.
pub static IS_DURABLE: AtomicBool = AtomicBool::new(false);
/// How long a server may take to answer after its start.
const START_LIMIT: Duration = Duration::from_mins(1);
const POLL: Duration = Duration::from_millis(50);

/// Who a server runs as, when not as we do.
pub type User = Option<(u32, u32)>;

// One role has to show a password: for the tests of wrong ones.
const RULES: &str = "local all all trust\nhost all secret_user 127.0.0.1/32 scram-sha-256\n\
                     host all all 127.0.0.1/32 trust\nhost replication all 127.0.0.1/32 trust\n";

fn no_more(_: &Path, _: User) -> Vec<String> {
    Vec::new()
}

/// A running server; it lives as long as the test process.
pub struct Server {
    pub port: u16,
    /// URL of a database that always exists, as a user who may do everything.
    pub admin_url: String,
    _process: Child,
    _watchdog: Child,
}

/// The PostgreSQL server, or `None` where it is not installed and nobody insists.
pub fn postgres() -> Option<&'static Server> {
    static SERVER: OnceLock<Option<Server>> = OnceLock::new();
    SERVER.get_or_init(|| Some(start_postgres(&found_postgres()?, "postgres", RULES, no_more))).as_ref()
}

/// The MariaDB (or MySQL) server, or `None` where it is not installed and nobody insists.
pub fn mariadb() -> Option<&'static Server> {
    static SERVER: OnceLock<Option<Server>> = OnceLock::new();
    SERVER.get_or_init(|| own_mariadb("mariadb")).as_ref()
}

/// A MariaDB server for one test, which may turn it upside down; it ends when it is dropped.
pub fn own_mariadb(name: &str) -> Option<Server> {
    mariadb_with(name, no_more)
}

/// The same with more arguments, which are made when its folder is there.
pub fn mariadb_with(name: &str, more: impl FnOnce(&Path, User) -> Vec<String>) -> Option<Server> {
    Some(start_mariadb(&found("MariaDB", "mariadb-server", which("mariadbd"))?, name, more))
}

/// A PostgreSQL server with these rules of who may come in, and with more arguments, which are made when its
/// folder is there.
pub fn postgres_with(name: &str, rules: &str, more: impl FnOnce(&Path, User) -> Vec<String>) -> Option<Server> {
    Some(start_postgres(&found_postgres()?, name, rules, more))
}

/// A PostgreSQL server for one test and a hot standby that follows it; they end when they are dropped.
pub fn postgres_with_standby(name: &str) -> Option<(Server, Server)> {
    let binaries = found_postgres()?;
    let primary = start_postgres(&binaries, &format!("{name}-primary"), RULES, no_more);
    let user = unprivileged(&["postgres", "nobody"]);
    let folder = folder(&format!("{name}-standby"), user);
    let data = folder.join("data");
    let mut copy = as_user(&binaries.join("pg_basebackup"), user);
    copy.current_dir(&folder).args(["--no-sync", "-h", "127.0.0.1", "-p", &primary.port.to_string()]);
    copy.args(["-U", "postgres", "-R", "-c", "fast", "-D"]).arg(&data);
    run(&mut copy);
    let standby = launch_postgres(&binaries, &folder, user, Vec::new());
    Some((primary, standby))
}

fn found_postgres() -> Option<PathBuf> {
    found("PostgreSQL", "postgresql", postgres_binaries())
}

/// Whether an engine's own client is installed, or `false` where nobody insists.
pub fn has_client(program: &str, package: &str) -> bool {
    found(program, package, which(program)).is_some()
}

/// In CI a missing server is a failure; elsewhere it is left out, and that is said.
fn found(name: &str, package: &str, place: Option<PathBuf>) -> Option<PathBuf> {
    if place.is_none() {
        let install = format!("apt-get install -y {package}");
        assert!(std::env::var_os("CI").is_none(), "{name} is not installed and CI must not leave it out: {install}");
        // Directly to the stream: the test runner captures the print macros.
        let _ = writeln!(std::io::stderr(), "\nLEFT OUT: all tests on {name}, which is not installed: {install}\n");
    }
    place
}

fn which(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/usr/local/sbin".into()]);
    folders.map(|folder| folder.join(program)).find(|file| file.is_file())
}

/// The folder with the newest `initdb` and `postgres`.
pub fn postgres_binaries() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().map(|entry| entry.path());
    let mut folders: Vec<PathBuf> =
        versions.map(|version| version.join("bin")).filter(|bin| bin.join("initdb").is_file()).collect();
    folders.sort_by_key(|bin| version_of(bin));
    folders.pop().or_else(|| which("initdb").and_then(|file| file.parent().map(Path::to_owned)))
}

fn version_of(bin: &Path) -> u32 {
    let version = bin.parent().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
    version.and_then(|version| version.parse().ok()).unwrap_or(0)
}

/// User and group to run a server as: the first of these that exists, when we are root.
fn unprivileged(names: &[&str]) -> Option<(u32, u32)> {
    let id = |flag: &str, name: &str| {
        let output = Command::new("id").args([flag, name]).output().ok()?;
        String::from_utf8(output.stdout).ok()?.trim().parse().ok()
    };
    let root = Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.starts_with(b"0\n"));
    root.then(|| names.iter().find_map(|name| Some((id("-u", name)?, id("-g", name)?)))).flatten()
}

fn as_user(program: &Path, user: Option<(u32, u32)>) -> Command {
    let mut command = Command::new(program);
    if let Some((uid, gid)) = user {
        command.uid(uid).gid(gid);
    }
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("LC_ALL", "C")
        .stdin(Stdio::null());
    command
}

/// A new folder below the temporary one that belongs to `user`.
pub fn folder(name: &str, user: User) -> PathBuf {
    let folder = temporary().join(format!("shopctl-test-{name}-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("the temporary folder can be written");
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).expect("our own folder");
    if let Some((uid, gid)) = user {
        chown(&folder, Some(uid), Some(gid)).expect("root may give folders away");
    }
    folder
}

/// The system's folder in memory where there is room for every server: to make and delete the files of hundreds of
/// databases takes a disk longer than what is done with them.
fn temporary() -> PathBuf {
    const MEMORY: &str = "/dev/shm";
    const ROOM_KILOBYTES: u64 = 8_000_000;
    let free = Command::new("df").args(["--output=avail", "-k", MEMORY]).output().ok();
    let free =
        free.and_then(|output| String::from_utf8(output.stdout).ok()?.lines().last()?.trim().parse::<u64>().ok());
    match free {
        Some(free) if free >= ROOM_KILOBYTES && !IS_DURABLE.load(Ordering::Relaxed) => MEMORY.into(),
        _ => std::env::temp_dir(),
    }
}

pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port").port()
}

fn start_postgres(binaries: &Path, name: &str, rules: &str, more: impl FnOnce(&Path, User) -> Vec<String>) -> Server {
    let user = unprivileged(&["postgres", "nobody"]);
    let folder = folder(name, user);
    let data = folder.join("data");
    let mut initdb = as_user(&binaries.join("initdb"), user);
    initdb.current_dir(&folder).args(["-A", "trust", "-U", "postgres", "-E", "UTF8", "--no-sync", "-D"]).arg(&data);
    run(&mut initdb);
    fs::write(data.join("pg_hba.conf"), rules).expect("the server's own folder");
    let more = more(&folder, user);
    launch_postgres(binaries, &folder, user, more)
}

fn launch_postgres(binaries: &Path, folder: &Path, user: User, more: Vec<String>) -> Server {
    let data = folder.join("data");
    let port = free_port();
    let mut server = as_user(&binaries.join("postgres"), user);
    server.current_dir(folder).arg("-D").arg(&data).arg("-k").arg(folder);
    server.args(["-p", &port.to_string(), "-c", "listen_addresses=127.0.0.1", "-c", "max_connections=200"]);
    if !IS_DURABLE.load(Ordering::Relaxed) {
        // Test data need not survive a crash of the machine.
        server.args(["-c", "fsync=off", "-c", "full_page_writes=off"]);
        // Each of the hundreds of databases would be vacuumed while its test runs, and each session maps the buffers.
        server.args(["-c", "autovacuum=off", "-c", "jit=off", "-c", "shared_buffers=16MB"]);
    }
    server.args(more);
    launch(server, folder, "INT", port, format!("postgres://postgres@127.0.0.1:{port}/postgres"))
}

fn start_mariadb(binary: &Path, name: &str, more: impl FnOnce(&Path, User) -> Vec<String>) -> Server {
    let user = unprivileged(&["mysql", "nobody"]);
    let folder = folder(name, user);
    let data = folder.join("data");
    let install = which("mariadb-install-db").expect("mariadb-install-db comes with mariadbd");
    let mut install = as_user(&install, user);
    install.current_dir(&folder).args(["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db"]);
    install.arg(format!("--datadir={}", data.display()));
    run(&mut install);
    let port = free_port();
    let mut server = as_user(binary, user);
    server.current_dir(&folder).arg("--no-defaults").arg(format!("--datadir={}", data.display()));
    server.arg(format!("--socket={}", folder.join("socket").display())).arg(format!("--port={port}"));
    // A starting server deletes files in its temporary folder that look like its own.
    server.arg(format!("--tmpdir={}", folder.display()));
    server.args(["--bind-address=127.0.0.1", "--max-connections=200", "--innodb-flush-log-at-trx-commit=0"]);
    server.args(["--innodb-buffer-pool-size=64M", "--performance-schema=OFF"]);
    server.args(more(&folder, user));
    launch(server, &folder, "TERM", port, format!("mysql://root@127.0.0.1:{port}/mysql"))
}

pub fn run(command: &mut Command) {
    let output = command.output().expect("the program was found");
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?} failed:\n{stdout}\n{stderr}");
}

/// Starts a server and waits until it answers.
fn launch(mut server: Command, folder: &Path, signal: &str, port: u16, admin_url: String) -> Server {
    let log = fs::File::create(folder.join("log")).expect("our own folder");
    server.stdout(log.try_clone().expect("a second handle")).stderr(log);
    // A separate process group: Ctrl-C stops the tests, the watchdog stops the server.
    let child = server.process_group(0).spawn().expect("the server starts");
    let watchdog = watch(child.id(), folder, signal);
    let until = Instant::now() + START_LIMIT;
    while TcpStream::connect(("127.0.0.1", port)).is_err() || !answers(&admin_url) {
        let log = || fs::read_to_string(folder.join("log")).unwrap_or_default();
        assert!(Instant::now() < until, "the server does not answer:\n{}", log());
        std::thread::sleep(POLL);
    }
    Server { port, admin_url, _process: child, _watchdog: watchdog }
}

fn answers(url: &str) -> bool {
    super::shop::block_on(async { sea_orm::Database::connect(url).await.is_ok() })
}

/// A process that waits for the end of ours (its standard input closes then), stops exactly this
/// server and removes its folder.
fn watch(id: u32, folder: &Path, signal: &str) -> Child {
    at_end(&format!(
        "kill -{signal} {id} 2>/dev/null; for _ in $(seq 200); do kill -0 {id} 2>/dev/null || break; sleep 0.05; \
         done; rm -rf '{}'",
        folder.display()
    ))
}

/// Removes a folder when the process that holds the result has ended.
pub fn remove_at_end(folder: &Path) -> Child {
    at_end(&format!("rm -rf '{}'", folder.display()))
}

/// Runs a script when this process ends, however it ends.
fn at_end(script: &str) -> Child {
    let script = format!("trap '' INT TERM HUP; read -r _; {script}");
    let mut watchdog = Command::new("sh");
    watchdog.arg("-c").arg(script).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    watchdog.process_group(0).spawn().expect("sh is everywhere")
}
