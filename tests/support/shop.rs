//! A shop for one test, and shopctl run on it as a user would.

use std::future::Future;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use sea_orm::{ConnectionTrait, DatabaseConnection, Statement};
use serde_json::Value;

use super::database::OwnDatabase;

/// A run that takes longer is killed and fails its test.
const RUN_LIMIT: Duration = Duration::from_secs(90);
/// The same for a run that works for long, on a machine that is busy with other tests.
const LONG_RUN_LIMIT: Duration = Duration::from_mins(5);
/// How often a run may be tried that has to end within a limit: a machine that is busy with other tests delays one now
/// and then, a wait that is too long is so each time.
pub const ATTEMPTS: u32 = 3;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    Sqlite,
    Postgres,
    MariaDb,
}

/// A fresh database and a home of its own.
pub struct Shop {
    pub backend: Backend,
    pub url: String,
    /// Home, configuration, data and working folder of each run.
    pub home: tempfile::TempDir,
    pub(super) database: Option<Arc<OwnDatabase>>,
}

/// How a run ended.
#[derive(Debug)]
pub struct Run {
    pub arguments: String,
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
    pub duration: Duration,
}

/// Runs a future to its end on a runtime of its own.
pub fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(future)
}

/// Runs a statement on any database.
pub fn sql_on(url: &str, statement: &str) {
    block_on(async {
        let connection = sea_orm::Database::connect(url).await.expect("the server answers");
        connection.execute_unprepared(statement).await.unwrap_or_else(|error| panic!("{statement}: {error}"));
        connection.close().await.expect("closes");
    });
}

impl Shop {
    /// A database that somebody else looks after.
    pub fn at(backend: Backend, url: String) -> Shop {
        let home = tempfile::tempdir().expect("the temporary folder can be written");
        Shop { backend, url, home, database: None }
    }

    /// The same shop at another URL (through a proxy, as another user).
    pub fn with_url(&self, url: String) -> Shop {
        Shop { database: self.database.clone(), ..Shop::at(self.backend, url) }
    }

    /// shopctl with a clean environment and standard input closed.
    pub fn command(&self, arguments: &[&str]) -> Command {
        self.in_its_folder(Path::new(env!("CARGO_BIN_EXE_shopctl")), arguments)
    }

    /// Runs a printed command as if pasted into a shell.
    #[must_use = "assert how the run ended"]
    pub fn paste(&self, line: &str) -> Run {
        finish(self.in_its_folder(Path::new("sh"), &["-c", line]).spawn().expect("sh is there"), &[line])
    }

    fn in_its_folder(&self, program: &Path, arguments: &[&str]) -> Command {
        let binary = Path::new(env!("CARGO_BIN_EXE_shopctl")).parent().expect("in a folder").display();
        let mut command = Command::new(program);
        command
            .args(arguments)
            .env_clear()
            .env("PATH", format!("{binary}:{}", std::env::var("PATH").unwrap_or_default()))
            .env("HOME", self.home.path())
            .env("USER", "tester")
            // What is installed here must not matter.
            .env("PAGER", "cat")
            .env("DATABASE_URL", &self.url)
            .current_dir(self.home.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    #[must_use = "assert how the run ended"]
    pub fn run(&self, arguments: &[&str]) -> Run {
        finish(self.start(arguments), arguments)
    }

    /// Runs a command that has much to do.
    #[must_use = "assert how the run ended"]
    pub fn run_long(&self, arguments: &[&str]) -> Run {
        finish_within(LONG_RUN_LIMIT, self.start(arguments), arguments)
    }

    /// Runs a command that can be repeated and has to end within a limit.
    #[must_use = "assert how the run ended"]
    pub fn run_within(&self, limit: Duration, arguments: &[&str]) -> Run {
        let mut run = self.run(arguments);
        for _ in 1..ATTEMPTS {
            if run.duration >= limit {
                run = self.run(arguments);
            }
        }
        assert!(run.duration < limit, "it took {:?}: {run}", run.duration);
        run
    }

    /// Starts a run without waiting for its end.
    pub fn start(&self, arguments: &[&str]) -> Child {
        self.command(arguments).spawn().expect("the binary was built")
    }

    /// Kills a run at a random moment within the given number of milliseconds.
    pub fn run_killed(&self, arguments: &[&str], within: u64) {
        use rand::RngExt;
        let mut child = self.start(arguments);
        std::thread::sleep(Duration::from_millis(rand::rng().random_range(0..within)));
        let _ = child.kill();
        let _ = finish(child, arguments);
        self.await_alone();
    }

    /// Waits until no other session is active on the database: the server still executes the last
    /// message of a killed client, even a COMMIT.
    pub fn await_alone(&self) {
        let others = match self.backend {
            Backend::Sqlite => return,
            Backend::Postgres => {
                "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() \
                 AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
            }
            Backend::MariaDb => {
                "SELECT COUNT(*) FROM information_schema.processlist WHERE db = DATABASE() AND id <> CONNECTION_ID()"
            }
        };
        let until = Instant::now() + RUN_LIMIT;
        while self.number(others) > 0 {
            assert!(Instant::now() < until, "the session of a killed client does not end");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits until a session waits for a lock that another one holds. SQLite does not tell: there the writer that was
    /// started just then waits for the only one.
    pub async fn await_waiting(&self) {
        let waiting = match self.backend {
            Backend::Sqlite => return,
            Backend::Postgres => {
                "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
            }
            Backend::MariaDb => {
                "SELECT COUNT(*) FROM information_schema.innodb_trx t JOIN information_schema.processlist p \
                 ON p.id = t.trx_mysql_thread_id WHERE p.db = DATABASE() AND t.trx_state = 'LOCK WAIT'"
            }
        };
        let connection = self.connect().await;
        let until = Instant::now() + RUN_LIMIT;
        loop {
            let statement = Statement::from_string(connection.get_database_backend(), waiting);
            let row = connection.query_one_raw(statement).await.expect("readable").expect("a count");
            if as_text(&row) != "0" {
                break;
            }
            assert!(Instant::now() < until, "nobody waits");
            // InnoDB's table shows the state of the first look until it is left alone for 100 ms.
            tokio::time::sleep(Duration::from_millis(150)).await;
        }
        connection.close().await.expect("closes");
    }

    #[must_use = "assert how the run ended"]
    pub fn run_with_input(&self, arguments: &[&str], input: &str) -> Run {
        let mut child = self.command(arguments).stdin(Stdio::piped()).spawn().expect("the binary was built");
        // A program that rejects its arguments does not read its input: a broken pipe is fine.
        let _ = child.stdin.take().expect("piped").write_all(input.as_bytes());
        finish(child, arguments)
    }

    /// Creates a user and returns its e-mail address.
    pub fn user(&self, name: &str) -> String {
        let email = format!("{name}@example.com");
        let arguments =
            ["user", "create", "--email", &email, "--first-name", name, "--last-name", "Test", "--password-stdin"];
        self.run_with_input(&arguments, "correct horse\n").success();
        email
    }

    pub fn product(&self, sku: &str, price: &str, stock: i32) {
        let stock = stock.to_string();
        self.run(&["product", "create", "--sku", sku, "--name", sku, "--price", price, "--stock", &stock]).success();
    }

    /// All objects of the database with their definitions.
    pub fn schema(&self) -> shopctl::db::schema::Schema {
        block_on(async {
            let connection = self.connect().await;
            let engine = shopctl::db::target::Engine::of(&connection);
            let schema = shopctl::db::schema::read(&connection, engine).await.expect("readable");
            connection.close().await.expect("closes");
            schema
        })
    }

    /// The name that confirms a destructive command.
    pub fn database_name(&self) -> String {
        match self.backend {
            Backend::Sqlite => "shop".to_owned(),
            _ => self.url.rsplit('/').next().expect("a name").to_owned(),
        }
    }

    /// A plain connection, as another program opens it.
    pub async fn connect(&self) -> DatabaseConnection {
        sea_orm::Database::connect(&self.url).await.expect("the test's own database answers")
    }

    /// Runs a statement as another program.
    pub fn sql(&self, statement: &str) {
        block_on(async {
            let connection = self.connect().await;
            connection.execute_unprepared(statement).await.unwrap_or_else(|error| panic!("{statement}: {error}"));
            connection.close().await.expect("closes");
        });
    }

    /// Gives an order 2 MUG and 1 PEN as a program without stock movements does: it takes them from the stock itself.
    pub fn add_lines_as_another_program(&self, reference: &str) {
        for (sku, quantity) in [("MUG", 2), ("PEN", 1)] {
            self.sql(&format!(
                "INSERT INTO order_items (order_id, product_id, quantity, unit_price) SELECT o.id, p.id, {quantity}, p.price \
                 FROM orders o, products p WHERE o.reference = '{reference}' AND p.sku = '{sku}'"
            ));
            self.sql(&format!("UPDATE products SET stock_quantity = stock_quantity - {quantity} WHERE sku = '{sku}'"));
        }
    }

    /// The first column of all rows as text.
    pub fn column(&self, query: &str) -> Vec<String> {
        block_on(async {
            let connection = self.connect().await;
            let statement = Statement::from_string(connection.get_database_backend(), query);
            let rows = connection.query_all_raw(statement).await.unwrap_or_else(|error| panic!("{query}: {error}"));
            let column = rows.iter().map(as_text).collect();
            connection.close().await.expect("closes");
            column
        })
    }

    /// A query result of one number.
    pub fn number(&self, query: &str) -> i64 {
        let column = self.column(query);
        let [only] = column.as_slice() else { panic!("{query} gave {column:?}") };
        only.split('.').next().and_then(|whole| whole.parse().ok()).unwrap_or_else(|| panic!("{query} gave {only}"))
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// Writes a file into the working folder.
    pub fn file(&self, name: &str, content: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap_or(Path::new("."))).expect("the test's own folder");
        std::fs::write(&path, content).expect("the test's own folder");
        path
    }
}

fn as_text(row: &sea_orm::QueryResult) -> String {
    if let Ok(text) = row.try_get_by_index::<Option<String>>(0) {
        return text.unwrap_or_default();
    }
    if let Ok(number) = row.try_get_by_index::<i64>(0) {
        return number.to_string();
    }
    if let Ok(number) = row.try_get_by_index::<i32>(0) {
        return number.to_string();
    }
    if let Ok(Ok(text)) = row.try_get_by_index::<Vec<u8>>(0).map(String::from_utf8) {
        return text;
    }
    let decimal = row.try_get_by_index::<rust_decimal::Decimal>(0);
    decimal.map_or_else(|error| panic!("neither text nor number: {error}"), |number| number.to_string())
}

/// Waits for the end of a run, but not for ever.
#[must_use = "assert how the run ended"]
pub fn finish(child: Child, arguments: &[&str]) -> Run {
    finish_within(RUN_LIMIT, child, arguments)
}

fn finish_within(limit: Duration, mut child: Child, arguments: &[&str]) -> Run {
    let started = Instant::now();
    let (mut out, mut err) = (child.stdout.take().expect("piped"), child.stderr.take().expect("piped"));
    let read = |stream: &mut dyn Read| {
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    };
    let id = child.id();
    let (over, watched) = std::sync::mpsc::channel::<()>();
    let watchdog = std::thread::spawn(move || {
        if watched.recv_timeout(limit).is_err_and(|error| error == std::sync::mpsc::RecvTimeoutError::Timeout) {
            let _ = Command::new("kill").args(["-KILL", &id.to_string()]).status();
        }
    });
    let (stdout, stderr) = std::thread::scope(|scope| {
        let stderr = scope.spawn(|| read(&mut err));
        (read(&mut out), stderr.join().expect("reading does not panic"))
    });
    let status = child.wait().expect("our own child");
    drop(over);
    watchdog.join().expect("waiting does not panic");
    let code = status.code().unwrap_or(-1);
    Run { arguments: arguments.join(" "), code, stdout, stderr, duration: started.elapsed() }
}

impl Run {
    #[track_caller]
    pub fn success(self) -> Run {
        self.exits_with(0)
    }

    #[track_caller]
    pub fn exits_with(self, code: i32) -> Run {
        assert_eq!(self.code, code, "{self}");
        self
    }

    /// Standard output as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error} in {self}"))
    }

    /// The only item of standard output, of a command that takes any number of objects.
    #[track_caller]
    pub fn item(&self) -> Value {
        let json = self.json();
        assert_eq!(json["items"].as_array().map(Vec::len), Some(1), "{self}");
        json["items"][0].clone()
    }

    #[track_caller]
    pub fn says(self, text: &str) -> Run {
        assert!(self.stderr.contains(text), "{text} is not said by {self}");
        self
    }
}

impl std::fmt::Display for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Run { arguments, code, stdout, stderr, .. } = self;
        write!(f, "shopctl {arguments}\nexit {code}\nstdout:\n{stdout}\nstderr:\n{stderr}")
    }
}
