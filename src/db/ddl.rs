//! How the engines differ when the schema changes.

use std::time::Duration;

use sea_orm::{ConnectionTrait, QueryResult};

use super::inspection::{rows, text};
use super::target::Engine;
use crate::error::{Error, Result, printable};

/// A statement of a migration waits so long for a table that others use; everybody else who wants
/// that table stands in line behind it.
pub const LOCK_TIMEOUT: Duration = Duration::from_secs(3);

impl Engine {
    /// What a migration's transaction begins with: no statement waits longer than this for what
    /// others hold, be it a table or a row of the history.
    ///
    /// PostgreSQL: READ COMMITTED, because under a stricter default the check of the lock at the end
    /// of a long migration would conflict with the lock's own heartbeat (40001). The idle limit
    /// makes the server give up the tables that a runner holds whose host is gone.
    pub fn begin_migration(self, wait: Duration) -> String {
        match self {
            Engine::Postgres => format!(
                "SET TRANSACTION ISOLATION LEVEL READ COMMITTED;\n\
                 SET LOCAL idle_in_transaction_session_timeout = '12s';\n\
                 SET LOCAL lock_timeout = '{}ms';\n",
                wait.as_millis().max(1)
            ),
            Engine::Mysql => {
                let seconds = wait.as_secs().max(1);
                format!("SET SESSION lock_wait_timeout = {seconds}, innodb_lock_wait_timeout = {seconds}")
            }
            Engine::Sqlite => String::new(),
        }
    }

    /// What a session says before and after it removes tables that refer to each other.
    pub fn unchecked_references(self) -> (Option<&'static str>, Option<&'static str>) {
        match self {
            Engine::Sqlite | Engine::Postgres => (None, None),
            Engine::Mysql => (Some("SET FOREIGN_KEY_CHECKS = 0"), Some("SET FOREIGN_KEY_CHECKS = 1")),
        }
    }

    /// How a script of migrations begins and ends a transaction, where DDL takes part in one.
    pub fn script_transaction(self) -> Option<(&'static str, &'static str)> {
        match self {
            Engine::Sqlite => Some(("BEGIN IMMEDIATE", "COMMIT")),
            Engine::Postgres => Some(("BEGIN", "COMMIT")),
            Engine::Mysql => None,
        }
    }

    /// What a script says before everything else.
    pub fn script_beginning(self) -> &'static str {
        match self {
            Engine::Sqlite => "PRAGMA foreign_keys = OFF",
            Engine::Postgres => "SET lock_timeout = '3s'",
            Engine::Mysql => "SET SESSION lock_wait_timeout = 3",
        }
    }

    /// Seconds since 1970 on the server's clock, as SQL.
    pub fn unix_time(self) -> &'static str {
        match self {
            Engine::Sqlite => "CAST(strftime('%s', 'now') AS INTEGER)",
            Engine::Postgres => "CAST(extract(epoch FROM clock_timestamp()) AS bigint)",
            Engine::Mysql => "unix_timestamp()",
        }
    }

    /// The session's number on the server, where a statement outlives its client and commits by
    /// itself.
    pub fn session_number(self) -> Option<&'static str> {
        match self {
            Engine::Sqlite | Engine::Postgres => None,
            Engine::Mysql => Some("connection_id()"),
        }
    }

    /// How to run a script with the engine's own client.
    pub fn script_client(self) -> &'static str {
        match self {
            Engine::Sqlite => "sqlite3 -bail FILE < plan.sql",
            Engine::Postgres => "psql -v ON_ERROR_STOP=1 -f plan.sql URL",
            Engine::Mysql => "mariadb --default-character-set=utf8mb4 DATABASE < plan.sql",
        }
    }
}

/// Whether a session of the server still runs a statement; only where [`Engine::session_number`]
/// tells sessions apart. In this database only: on a cluster's other nodes somebody else may have
/// the number.
pub async fn is_busy(connection: &impl ConnectionTrait, session: i64) -> Result<bool> {
    let sql = format!(
        "SELECT CAST(id AS CHAR) AS id FROM information_schema.processlist \
         WHERE id = {session} AND db = DATABASE() AND command <> 'Sleep'"
    );
    Ok(!rows(connection, &sql).await?.is_empty())
}

/// The name of the database, as it has to be typed before something is destroyed.
pub async fn database_name(connection: &impl ConnectionTrait) -> Result<String> {
    let sql = match Engine::of(connection) {
        Engine::Sqlite => return Ok(String::new()),
        Engine::Postgres => "SELECT CAST(current_database() AS text) AS name",
        Engine::Mysql => "SELECT DATABASE() AS name",
    };
    Ok(rows(connection, sql).await?.first().and_then(|row| text(row, "name")).unwrap_or_default())
}

/// What a look at the server's sessions shows.
#[derive(Debug, Clone, Default)]
pub struct Sight {
    /// Which server was looked at; `None` where it does not show its sessions.
    pub server: Option<String>,
    /// Sessions that work on the statement looked for.
    pub sessions: Vec<String>,
}

/// Which server this is, where it shows its sessions.
pub async fn server(connection: &impl ConnectionTrait) -> Option<String> {
    sight(connection, "no such statement").await.ok()?.server
}

/// Who works on a statement that has this text in it.
pub async fn sight(connection: &impl ConnectionTrait, text_of_statement: &str) -> Result<Sight> {
    let pattern = text_of_statement.replace('\'', "");
    let sql = match Engine::of(connection) {
        Engine::Sqlite => return Ok(Sight::default()),
        Engine::Postgres => format!(
            "SELECT CAST(pg_postmaster_start_time() AS text) || COALESCE(' ' || inet_server_addr(), '') AS server, \
             CASE WHEN pid = pg_backend_pid() THEN NULL ELSE CAST(pid AS text) END AS session FROM pg_stat_activity \
             WHERE pid = pg_backend_pid() OR (state = 'active' AND query LIKE '%{pattern}%')"
        ),
        Engine::Mysql => format!(
            "SELECT CONCAT(@@hostname, ' ', @@port, ' ', @@server_id) AS server, \
             IF(id = connection_id(), NULL, CAST(id AS CHAR)) AS session FROM information_schema.processlist \
             WHERE id = connection_id() OR info LIKE '%{pattern}%'"
        ),
    };
    let found = rows(connection, &sql).await?;
    let server = found.first().and_then(|row| text(row, "server"));
    Ok(Sight { server, sessions: found.iter().filter_map(|row| text(row, "session")).collect() })
}

/// Ends a statement that has this text in it, where it would go on and commit without its client.
pub async fn end_statement(connection: &impl ConnectionTrait, text_of_statement: &str) -> Result<()> {
    if Engine::of(connection) != Engine::Mysql {
        return Ok(());
    }
    for session in sight(connection, text_of_statement).await?.sessions {
        connection.execute_unprepared(&format!("KILL QUERY {session}")).await?;
    }
    Ok(())
}

/// Refuses a session that has no schema to put tables into (PostgreSQL): each hint is a way out.
///
/// Errors: exit 4.
pub async fn refuse_no_schema(connection: &impl ConnectionTrait) -> Result<()> {
    let engine = Engine::of(connection);
    if engine != Engine::Postgres {
        return Ok(());
    }
    let asked = rows(
        connection,
        "SELECT CAST(current_schema() AS text) AS current, setting AS path, source, \
         CAST(current_user AS text) AS role, CAST(current_database() AS text) AS name \
         FROM pg_settings WHERE name = 'search_path'",
    );
    let asked = asked.await?;
    let is_of_server = |name: &str| name.starts_with("pg_") || name == "information_schema";
    let has_none = |row: &&QueryResult| text(row, "current").is_none_or(|current| is_of_server(&current));
    let Some(row) = asked.first().filter(has_none) else { return Ok(()) };
    let get = |column| text(row, column).unwrap_or_default();
    let (path, role) = (get("path"), get("role"));
    let names: Vec<String> = path
        .split(',')
        .map(|name| name.trim().trim_matches('"').replace("$user", &role))
        .filter(|name| !name.is_empty() && !is_of_server(name))
        .collect();
    let there = rows(
        connection,
        "SELECT CAST(nspname AS text) AS schema, CASE WHEN has_schema_privilege(oid, 'USAGE') \
         AND has_schema_privilege(oid, 'CREATE') THEN 'yes' END AS usable FROM pg_namespace \
         WHERE nspname <> 'information_schema' AND nspname NOT LIKE 'pg\\_%' ORDER BY nspname <> 'public', nspname",
    );
    let there = there.await?;
    let is_there = |name: &&String| there.iter().any(|row| text(row, "schema").as_ref() == Some(*name));
    let message = format!(
        "the search_path of this session ({}) names no schema that {} may use",
        printable(&path),
        printable(&role)
    );
    let error = Error::configuration("database.no_search_path", message);
    let quoted = |name: &str| printable(&engine.quoted(name));
    let error = match (names.iter().find(is_there), names.last()) {
        (Some(known), _) => {
            error.hint(format!("in psql: GRANT USAGE, CREATE ON SCHEMA {} TO {}", quoted(known), quoted(&role)))
        }
        (None, Some(missing)) => error.hint(format!("in psql: CREATE SCHEMA {}", quoted(missing))),
        (None, None) => error,
    };
    let usable = there.iter().find(|row| text(row, "usable").is_some()).and_then(|row| text(row, "schema"));
    let or = if error.hints().is_empty() { "" } else { "or " };
    Err(match usable {
        // What the URL says wins over what the server keeps.
        Some(usable) if get("source") == "client" => {
            error.hint(format!("{or}name it in the URL: search_path={}, or leave search_path out", printable(&usable)))
        }
        Some(usable) => error.hint(format!(
            "{or}in psql: ALTER ROLE {} IN DATABASE {} SET search_path = {}",
            quoted(&role),
            quoted(&get("name")),
            quoted(&usable)
        )),
        None => error,
    })
}

/// Rows that refer to rows that are not there, as texts; SQLite alone has to be asked, because it
/// changes tables with the check switched off.
pub async fn broken_references(connection: &impl ConnectionTrait) -> Result<Vec<String>> {
    if Engine::of(connection) != Engine::Sqlite {
        return Ok(Vec::new());
    }
    let sql = "SELECT \"table\" || ' refers to missing rows of ' || \"parent\" AS broken \
               FROM pragma_foreign_key_check GROUP BY 1";
    Ok(rows(connection, sql).await?.iter().filter_map(|row| text(row, "broken")).collect())
}

/// Who keeps a statement from its tables, as far as the server tells this role: sessions whose
/// transaction is older than the time that it waited, up to [`LOCK_TIMEOUT`].
pub async fn blockers(connection: &impl ConnectionTrait, statement: &str, waited: Duration) -> Result<Vec<String>> {
    let seconds = waited.min(LOCK_TIMEOUT).as_secs();
    let sql = match Engine::of(connection) {
        Engine::Sqlite => return Ok(Vec::new()),
        Engine::Postgres => format!(
            "SELECT CAST(c.relname AS text) AS in_table, 'process ' || a.pid || ' (' || \
             COALESCE(a.usename, '?') || COALESCE(', ' || NULLIF(a.application_name, ''), '') || ', ' || \
             COALESCE(a.state, '?') || ' for ' || \
             CAST(extract(epoch FROM clock_timestamp() - a.xact_start) AS integer) || ' s)' AS who \
             FROM pg_locks l JOIN pg_stat_activity a USING (pid) JOIN pg_class c ON c.oid = l.relation \
             WHERE l.granted AND a.pid <> pg_backend_pid() AND c.relkind IN ('r', 'p') \
             AND a.xact_start < clock_timestamp() - interval '{seconds} seconds' GROUP BY 1, 2 ORDER BY 2"
        ),
        // Neither engine tells which tables, unless it is set up to.
        Engine::Mysql => format!(
            "SELECT '' AS in_table, CONCAT('session ', p.id, ' (', p.user, '@', p.host, ', in a transaction for ', \
             TIMESTAMPDIFF(SECOND, t.trx_started, NOW()), ' s)') AS who \
             FROM information_schema.innodb_trx t JOIN information_schema.processlist p \
             ON p.id = t.trx_mysql_thread_id WHERE p.id <> connection_id() \
             AND t.trx_started <= NOW() - INTERVAL {seconds} SECOND ORDER BY 2"
        ),
    };
    let words: Vec<&str> =
        statement.split(|character: char| !(character.is_alphanumeric() || character == '_')).collect();
    let found = rows(connection, &sql).await?;
    let concerned = found.iter().filter(|row| {
        let table = text(row, "in_table").unwrap_or_default();
        table.is_empty() || words.contains(&table.as_str())
    });
    let mut blockers: Vec<String> = concerned.filter_map(|row| text(row, "who")).collect();
    blockers.dedup();
    Ok(blockers)
}
