//! Configuration sources: files of other programs, secrets outside URLs, several servers, and servers
//! with custom settings.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::Duration;

use sea_orm::ConnectionTrait;

use crate::support::roles::secret_user;
use crate::support::shop::{block_on, finish};
use crate::support::{Backend, Run, Shop, library, servers};

/// Without a database named by the environment.
fn run(shop: &Shop, arguments: &[&str], variables: &[(&str, &str)]) -> Run {
    let mut command = shop.command(arguments);
    command.env_remove("DATABASE_URL").envs(variables.iter().copied());
    finish(command.spawn().expect("built"), arguments)
}

fn any() -> Shop {
    Shop::empty(Backend::Sqlite).expect("always there")
}

#[test]
fn a_dotenv_file_blocks_nothing_that_is_set_elsewhere() {
    let shop = Shop::migrated(Backend::Sqlite).expect("always there");
    for (foreign, is_database) in [
        ("DATABASE_URL=mongodb://u:pw@h/d", true),
        ("DATABASE_URL=\"file:./dev.db\"", true),
        ("DB_POOL_MAX=abc", true),
        ("DB_NAME=a b c", true),
        ("DB_PASSWORD one two", true),
        ("DATABASE_URL=postgres://u@h/d\nDB_HOST=h", true),
        ("SHOPCTL_TIMEOUT=soon", false),
    ] {
        shop.file(".env", foreign);
        let run_alone = run(&shop, &["user", "list"], &[]);
        assert!(run_alone.code != 0, "{run_alone}");
        if is_database && !foreign.contains(' ') {
            run_alone.says("/.env:1 sets D").says("--database-url").says("belongs to another program");
        }
        let named = run(&shop, &["user", "list", "--database-url", &shop.url], &[]);
        assert_eq!(named.code == 0, is_database, "{named}");
        let named = run(&shop, &["user", "list"], &[("DATABASE_URL", &shop.url), ("SHOPCTL_TIMEOUT", "5s")]);
        assert_eq!(named.code, 0, "{foreign}: {named}");
    }
}

#[test]
fn a_dotenv_file_of_another_program_is_tolerated() {
    let shop = Shop::migrated(Backend::Sqlite).expect("always there");
    for foreign in [
        "COMPANY=My Shop GmbH\nmy-key=x\n",
        "DB_CONNECTION=mysql\nDB_HOST=127.0.0.1\nDB_DATABASE=laravel\nDB_USERNAME=root\n",
        "PEM=\"-----BEGIN KEY-----\nabc\n-----END KEY-----\"\nBROKEN='\n",
    ] {
        shop.file(".env", foreign);
        shop.run(&["product", "list"]).success();
        run(&shop, &["product", "list"], &[]).exits_with(4).says("no shop at");
    }
    // Nor one in another encoding, where only shopctl's own values are read.
    std::fs::write(shop.path(".env"), b"COMPANY=M\xfcller\n").expect("the folder is ours");
    shop.run(&["product", "list"]).success();
    std::fs::write(shop.path(".env"), b"DB_HOST=m\xfcller\n").expect("the folder is ours");
    shop.run(&["product", "list"]).success();
    run(&shop, &["product", "list"], &[]).exits_with(4).says(".env contains a DB_HOST that is not UTF-8 text");
    let url = format!("DATABASE_URL={}\n", shop.url);
    let utf16: Vec<u8> = [0xFEFF].into_iter().chain(url.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    std::fs::write(shop.path(".env"), utf16).expect("the folder is ours");
    run(&shop, &["product", "list"], &[]).success();
}

#[test]
fn a_fifo_named_dotenv_does_not_block() {
    let shop = Shop::migrated(Backend::Sqlite).expect("always there");
    let made = Command::new("mkfifo").arg(shop.path(".env")).status();
    assert!(made.is_ok_and(|status| status.success()));
    let listed = shop.run(&["product", "list"]).success();
    assert!(listed.duration < Duration::from_secs(20), "{listed}");
}

#[test]
fn a_database_named_by_a_file_in_the_working_folder_is_shown_before_the_first_write() {
    let shop = Shop::migrated(Backend::Sqlite).expect("always there");
    let create = |sku: &'static str| ["product", "create", "--name", "X", "--price", "1", "--sku", sku];
    for (name, text) in
        [(".env", format!("DATABASE_URL={}\n", shop.url)), ("shopctl.toml", format!("database_url = '{}'\n", shop.url))]
    {
        let file = shop.file(name, &text);
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).expect("ours");
        let told = format!("database: {}, named by {}", shop.url, file.canonicalize().expect("there").display());
        let written = run(&shop, &create(if name == ".env" { "A" } else { "B" }), &[]).success();
        assert!(written.stderr.contains(&told), "{told} is not in {written}");
        assert!(!run(&shop, &["product", "list"], &[]).success().stderr.contains("named by"));
        let own = shop.run(&create(if name == ".env" { "C" } else { "D" })).success();
        assert!(!own.stderr.contains("named by"), "the environment is the user's own");
        std::fs::remove_file(file).expect("ours");
    }
}

#[test]
fn a_password_is_read_from_a_file_or_a_command() {
    let Some(shop) = Shop::migrated(Backend::Postgres) else { return };
    let (port, database) = (servers::postgres().expect("there").port, shop.database_name());
    let url = secret_user(&shop);
    let list = |variables: &[(&str, &str)]| {
        let variables = [&[("DATABASE_URL", url.as_str())], variables].concat();
        run(&shop, &["user", "list"], &variables)
    };
    // The password is accepted, but the login has no rights.
    let gets_in = |run: Run| drop(run.exits_with(4).says("database.permission"));
    list(&[]).exits_with(4).says("database.credentials");
    let secret = |name: &str, text: &str, mode: u32| {
        let file = shop.file(name, text);
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).expect("ours");
        file.display().to_string()
    };
    gets_in(list(&[("DB_PASSWORD_FILE", &secret("password", "right\n", 0o600))]));
    gets_in(list(&[("PGPASSWORD", "right")]));
    list(&[("DB_PASSWORD_FILE", "/no/such/file")]).exits_with(4).says("the password file cannot be read: no such");
    secret(".pgpass", &format!("# ours\nother:*:*:*:x\n127.0.0.1:{port}:*:secret_user:right\n"), 0o600);
    gets_in(list(&[]));
    let open = secret(".pgpass", "*:*:*:*:right\n", 0o644);
    list(&[]).exits_with(4).says(&format!("chmod 600 {open}"));
    let named = secret("passwords", "*:*:*:*:right\n", 0o600);
    gets_in(list(&[("PGPASSFILE", &named)]));
    let settings = |command: &str| {
        let text = format!(
            "[context.live.database]\nhost = '127.0.0.1'\nport = {port}\nname = '{database}'\nuser = 'secret_user'\n\
             password_command = '''{command}'''\n"
        );
        secret("mine.toml", &text, 0o600);
        run(&shop, &["user", "list", "--config", "mine.toml", "--context", "live"], &[])
    };
    gets_in(settings("echo right"));
    settings("echo right; exit 3").exits_with(4).says("ended with 3");
    settings("yes").exits_with(4).says("more than a password");
    settings("true").exits_with(4).says("empty first line");
}

#[test]
fn a_password_command_that_hangs_ends_with_the_timeout_and_leaves_no_process() {
    let Some(shop) = Shop::migrated(Backend::Postgres) else { return };
    let text = "[context.live.database]\nhost = '127.0.0.1'\nname = 'x'\nuser = 'x'\n\
                password_command = 'sleep 100 & echo $! > child; wait; echo right'\n";
    let file = shop.file("mine.toml", text);
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).expect("ours");
    let list = ["user", "list", "--config", "mine.toml", "--context", "live", "--timeout", "2s"];
    let ended = run(&shop, &list, &[]).exits_with(4).says("took longer than 2 s");
    assert!(ended.duration < Duration::from_secs(30), "{:?}", ended.duration);
    let child = std::fs::read_to_string(shop.path("child")).expect("the command began");
    // One that has ended may still wait to be collected.
    let listed = Command::new("ps").args(["-o", "stat=", "-p", child.trim()]).output().expect("runs");
    let state = String::from_utf8_lossy(&listed.stdout).trim().to_owned();
    assert!(state.is_empty() || state.starts_with('Z'), "{state}");
}

#[test]
fn a_password_without_a_url_in_the_environment_is_harmless() {
    let alone = [("DB_PASSWORD", "x")];
    let shop = any();
    run(&shop, &["quickstart"], &alone).success();
    let shown = run(&shop, &["config", "show"], &alone).success();
    assert!(shown.stdout.contains("DB_PASSWORD is set but not used for a SQLite file"), "{shown}");
    let url = ["--database-url", "sqlite:my.db"];
    run(&shop, &[&url[..], &["migrate", "up"]].concat(), &alone).success();
    run(&shop, &["user", "list"], &[("DATABASE_URL", "sqlite:my.db"), ("DB_PASSWORD_FILE", "/no/such")]).success();
}

#[test]
fn a_missing_password_is_not_reported_as_a_wrong_one() {
    for shop in [Backend::Postgres, Backend::MariaDb].into_iter().filter_map(Shop::migrated) {
        let url = secret_user(&shop);
        let text = format!("[context.live]\ndatabase_url = '{url}'\n");
        let file = shop.file("mine.toml", &text).display().to_string();
        let list = ["user", "list", "--config", "mine.toml", "--context", "live"];
        let right = [("DB_PASSWORD", "right")];
        let refused = run(&shop, &list, &right).exits_with(4).says("secret_user: no password was given");
        let refused = refused.says("DB_PASSWORD is set but not used for a context");
        let place = format!("[context.live.database] of {file} as password_file");
        assert!(refused.stderr.contains(&place) && !refused.stderr.contains("wrong password"), "{refused}");
        shop.file("secret", "right\n");
        shop.file("mine.toml", &format!("{text}[context.live.database]\npassword_file = 'secret'\n"));
        run(&shop, &list, &right).exits_with(4).says("database.permission");
        run(&shop, &["user", "list"], &[("DATABASE_URL", &url)]).exits_with(4).says("give it in DB_PASSWORD");
        let wrong = [("DATABASE_URL", url.as_str()), ("DB_PASSWORD", "wr0ng")];
        run(&shop, &["user", "list"], &wrong).exits_with(4).says("wrong password");
    }
}

#[test]
fn hints_in_an_empty_read_only_context_suggest_no_writes() {
    let shop = any();
    shop.file("shopctl.toml", "[context.reports]\ndatabase_url = 'sqlite:reports.db'\nread_only = true\n");
    let made = "shopctl --database-url sqlite:reports.db migrate up";
    let list = ["--context", "reports", "user", "list"];
    for arguments in [&list[..], &["--context", "reports", "doctor", "-o", "table"]] {
        let refused = run(&shop, arguments, &[]).exits_with(4).says("no shop at reports.db").says("config show");
        assert!(!refused.stderr.contains("quickstart") && !refused.stderr.contains("reports migrate up"), "{refused}");
        assert!(refused.stderr.contains(made), "{refused}");
    }
    // The variable conflicts with a URL.
    let by_variable = run(&shop, &list[2..], &[("SHOPCTL_CONTEXT", "reports")]).exits_with(4);
    assert!(!by_variable.stderr.contains("migrate up"), "{by_variable}");
    // A database file without a schema, then with one.
    std::fs::write(shop.path("reports.db"), "").expect("ours");
    run(&shop, &list, &[]).exits_with(4).says(made);
    shop.paste(&format!("unset DATABASE_URL; {made}")).success();
    run(&shop, &list, &[]).success();
}

#[test]
fn the_writable_server_of_several_is_found() {
    let Some((primary, standby)) = servers::postgres_with_standby("hosts") else { return };
    let dead = servers::free_port();
    let at = |ports: &[u16], parameters: &str| {
        let hosts: Vec<String> = ports.iter().map(|port| format!("127.0.0.1:{port}")).collect();
        any().with_url(format!("postgres://postgres@{}/postgres{parameters}", hosts.join(",")))
    };
    let both = [dead, standby.port, primary.port];
    at(&both, "").run(&["migrate", "up"]).success();
    at(&both, "").run(&["product", "create", "--name", "X", "--price", "1"]).success();
    at(&both, "?target_session_attrs=standby").run(&["migrate", "status"]).success();
    at(&both, "").run(&["product", "list"]).success();
    let write = ["product", "create", "--name", "Y", "--price", "1", "--connect-timeout", "1s"];
    let refused = at(&[dead, standby.port], "").run(&write).exits_with(5);
    assert!(refused.stderr.contains("rejects writes") && refused.stderr.contains("connection refused"), "{refused}");
    // A single read-only server: retryable, because a failover may follow.
    at(&[standby.port], "").run(&write[..6]).exits_with(5).says("database.read_only");
    assert_eq!(at(&[primary.port], "").number("SELECT COUNT(*) FROM products"), 1);
}

/// Everything that a shop does first.
fn works(shop: &Shop) {
    shop.run(&["migrate", "up"]).success();
    shop.run(&["seed", "up"]).success();
    shop.run(&["order", "create", "--user", "grace@example.com", "--item", "MUG-02:1"]).success();
    shop.run(&["migrate", "verify"]).success();
    shop.assert_invariants();
}

#[test]
fn a_mariadb_with_custom_settings_works() {
    let odd = |_: &std::path::Path, _: servers::User| {
        [
            "--autocommit=0",
            "--default-storage-engine=MyISAM",
            "--max-statement-time=0.02",
            "--completion-type=CHAIN",
            "--transaction-isolation=SERIALIZABLE",
        ]
        .map(str::to_owned)
        .to_vec()
    };
    let Some(server) = servers::mariadb_with("odd-mariadb", odd) else { return };
    crate::support::shop::sql_on(&server.admin_url, "CREATE DATABASE shop");
    // Applies to every later session.
    crate::support::shop::sql_on(&server.admin_url, "SET GLOBAL sql_select_limit = 2");
    let shop = Shop::at(Backend::MariaDb, server.admin_url.replace("/mysql", "/shop"));
    works(&shop);
    let odd = "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = 'shop' AND engine <> 'InnoDB'";
    assert_eq!(shop.number(odd), 0);
    let products = shop.run(&["product", "export", "-o", "jsonl"]).success().stdout.lines().count();
    assert_eq!(products as i64, shop.number("SELECT COUNT(*) FROM products"), "no row is left out");
    assert!(products > 2);
    adjust_at_once(&shop, &shop);
}

/// Writers of one product, each reading it first: where reads lock they end one another. The test's own
/// questions are asked where the server's limits do not hold.
fn adjust_at_once(shop: &Shop, unlimited: &Shop) {
    shop.product("HOT", "1.00", 0);
    let arguments = ["stock", "adjust", "HOT", "+3", "--reason", "received"];
    let children: Vec<_> = (0..16).map(|_| shop.start(&arguments)).collect();
    children.into_iter().for_each(|child| drop(finish(child, &arguments).success()));
    assert_eq!(unlimited.number("SELECT stock_quantity FROM products WHERE sku = 'HOT'"), 48);
    let level = match shop.backend {
        Backend::MariaDb => "SELECT CAST(@@SESSION.tx_isolation AS CHAR) AS level",
        _ => "SELECT current_setting('transaction_isolation') AS level",
    };
    let found: String = block_on(async {
        let database = library::database(shop).await;
        let handle = database.begin().await.map_err(shopctl::error::Error::from).expect("begins");
        let asked = sea_orm::Statement::from_string(handle.get_database_backend(), level);
        let row = handle.query_one_raw(asked).await.expect("answers").expect("one row");
        row.try_get("", "level").expect("a text")
    });
    assert_eq!(found, if shop.backend == Backend::MariaDb { "REPEATABLE-READ" } else { "read committed" });
}

#[test]
fn a_postgres_database_with_custom_settings_works() {
    let Some(shop) = Shop::empty(Backend::Postgres) else { return };
    for setting in [
        "idle_in_transaction_session_timeout = '1ms'",
        "default_transaction_isolation = 'serializable'",
        "quote_all_identifiers = on",
        "statement_timeout = '1ms'",
    ] {
        shop.sql(&format!("ALTER DATABASE {} SET {setting}", shop.database_name()));
    }
    shop.run(&["migrate", "up"]).success();
    shop.run(&["seed", "up"]).success();
    shop.run(&["order", "create", "--user", "grace@example.com", "--item", "MUG-02:1"]).success();
    adjust_at_once(&shop, &shop.with_url(format!("{}?options=-c%20statement_timeout%3D0", shop.url)));
    shop.run(&["migrate", "verify"]).success();
    // Options of the URL take precedence, and their rejection by the server is not a defect.
    let limited = shop.with_url(format!("{}?options=-c%20statement_timeout%3D1ms", shop.url));
    limited.run(&["seed", "generate", "-y"]).exits_with(5).says("database.server_limit");
}

#[test]
fn rejected_server_options_are_reported_as_url_errors() {
    let Some(shop) = Shop::empty(Backend::Postgres) else { return };
    for options in
        ["endpoint%3Dquiet-fog-1234", "-c%20no_such_thing%3D1", "-c%20statement_timeout%3Dsoon", "-c%20port%3D1"]
    {
        let odd = shop.with_url(format!("{}?options={options}", shop.url));
        odd.run(&["migrate", "status"]).exits_with(4).says("database.options").says("options=");
    }
}

#[test]
fn a_search_path_without_a_usable_schema_is_reported() {
    let Some(shop) = Shop::empty(Backend::Postgres) else { return };
    for path in ["", "''", "%22%22", "pg_catalog"] {
        let odd = shop.with_url(format!("{}?search_path={path}", shop.url));
        odd.run(&["migrate", "up"]).exits_with(4).says("names no schema where tables can be created");
    }
    for path in ["''", "pg_catalog"] {
        shop.sql(&format!("ALTER DATABASE {} SET search_path = {path}", shop.database_name()));
        let run = shop.run(&["migrate", "up"]).exits_with(4).says("has no schema").says("hint: in psql: ALTER ROLE");
        assert!(!run.stderr.contains("CREATE SCHEMA"), "{run}");
        let elsewhere = shop.with_url(format!("{}?search_path=nowhere", shop.url));
        elsewhere.run(&["migrate", "up"]).exits_with(4).says("search_path=public");
    }
}

#[test]
fn the_schema_of_the_url_holds_the_shop() {
    let Some(shop) = Shop::empty(Backend::Postgres) else { return };
    shop.sql("CREATE SCHEMA \"My Shop\"");
    let inside = shop.with_url(format!("{}?schema=My%20Shop&pgbouncer=true&connection_limit=1", shop.url));
    inside.run(&["migrate", "up"]).success();
    inside.run(&["seed", "up"]).success();
    inside.run(&["migrate", "verify"]).success();
    assert_eq!(shop.number("SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = 'public'"), 0);
    assert!(shop.number("SELECT COUNT(*) FROM \"My Shop\".users") > 0);
}

#[test]
fn a_pooler_that_rejects_startup_options_works() {
    let Some(shop) = Shop::empty(Backend::Postgres) else { return };
    let upstream = servers::postgres().expect("there").port;
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            std::thread::spawn(move || pool(client, upstream));
        }
    });
    let url = shop.url.replace(&format!(":{upstream}/"), &format!(":{port}/"));
    let pooled = shop.with_url(format!("{url}?sslmode=disable"));
    works(&pooled);
    let wish = shop.with_url(format!("{url}?sslmode=disable&schema=web"));
    wish.run(&["product", "list"]).exits_with(4).says("rejects session options");
}

/// As pgbouncer does, by its own words.
fn pool(mut client: TcpStream, upstream: u16) {
    let mut length = [0; 4];
    if client.read_exact(&mut length).is_err() {
        return;
    }
    let mut start = vec![0; u32::from_be_bytes(length) as usize - 4];
    if client.read_exact(&mut start).is_err() {
        return;
    }
    if start.windows(9).any(|piece| piece == b"\0options\0") {
        let fields = b"SFATAL\0C08P01\0Munsupported startup parameter: options\0\0";
        let mut refusal = vec![b'E'];
        refusal.extend_from_slice(&u32::try_from(fields.len() + 4).expect("short").to_be_bytes());
        refusal.extend_from_slice(fields);
        let _ = client.write_all(&refusal);
        return;
    }
    let Ok(mut server) = TcpStream::connect(("127.0.0.1", upstream)) else { return };
    let (Ok(mut from), Ok(mut to)) = (server.try_clone(), client.try_clone()) else { return };
    let _ = server.write_all(&length).and_then(|()| server.write_all(&start));
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut from, &mut to);
        let _ = to.shutdown(std::net::Shutdown::Both);
    });
    let _ = std::io::copy(&mut client, &mut server);
    let _ = server.shutdown(std::net::Shutdown::Both);
}

#[test]
fn a_message_without_a_length_is_reported_as_malformed() {
    let server = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = server.local_addr().expect("bound").port();
    std::thread::spawn(move || {
        for mut client in server.incoming().flatten() {
            let _ = client.read(&mut [0; 4096]);
            let _ = client.write_all(b"R\0\0\0\0");
            let _ = client.read_to_end(&mut Vec::new());
        }
    });
    let shop = any().with_url(format!("postgres://u@127.0.0.1:{port}/d?sslmode=disable"));
    let run = shop.run(&["user", "list"]).exits_with(5);
    assert!(run.stderr.contains("was invalid") && !run.stderr.contains("panicked"), "{run}");
}

#[test]
fn an_exclusively_locked_file_is_waited_for() {
    if !servers::has_client("sqlite3", "sqlite3") {
        return;
    }
    let shop = Shop::migrated(Backend::Sqlite).expect("always there");
    // Longer than SQLite's own busy timeout.
    let script = "PRAGMA journal_mode = DELETE;\nBEGIN EXCLUSIVE;\n.print held\n.shell sleep 6\nCOMMIT;\n";
    let mut holder = Command::new("sqlite3");
    holder.arg(shop.path("shop.db")).stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
    let mut holder = holder.spawn().expect("it is installed");
    holder.stdin.take().expect("piped").write_all(script.as_bytes()).expect("it reads");
    let mut said = [0; 12];
    holder.stdout.as_mut().expect("piped").read_exact(&mut said).expect("it says so");
    assert!(said.ends_with(b"held\n"), "{said:?}");
    shop.run(&["user", "list"]).success();
    assert!(holder.wait().is_ok_and(|status| status.success()));
}

#[test]
fn the_configuration_of_the_help_is_valid() {
    let shop = any();
    let help = shop.run(&["help", "configuration"]).success().stdout;
    let file: Vec<&str> = help.lines().filter_map(|line| line.strip_prefix("  ")).collect();
    shop.file("shopctl.toml", &file.join("\n"));
    let shown = run(&shop, &["--context", "live", "config", "show"], &[]).success();
    assert!(shown.stdout.contains("mysql") && shown.stdout.contains("Europe/Berlin"), "{shown}");
    run(&shop, &["--context", "reports", "config", "show"], &[]).success();
}
