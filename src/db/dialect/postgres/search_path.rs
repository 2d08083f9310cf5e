//! The search path of a session.

use sea_orm::QueryResult;

use super::Postgres;
use crate::db::answers::{rows, text};
use crate::db::dialect::catalog::Catalog;
use crate::db::engine::Session;
use crate::error::{Error, Result, printable};

/// Rejects a session without a schema to create tables in.
pub async fn refuse_no_schema(session: &dyn Session) -> Result<()> {
    let asked = rows(
        session,
        "SELECT CAST(current_schema() AS text) AS current, setting AS path, source, \
         CAST(current_user AS text) AS role, CAST(current_database() AS text) AS name \
         FROM pg_settings WHERE name = 'search_path'",
    );
    let asked = asked.await?;
    let has_none = |row: &&QueryResult| text(row, "current").is_none_or(|current| is_of_server(&current));
    match asked.first().filter(has_none) {
        Some(row) => Err(no_schema(session, row).await?),
        None => Ok(()),
    }
}

/// PostgreSQL's system schemas.
pub fn is_of_server(name: &str) -> bool {
    name.starts_with("pg_") || name == "information_schema"
}

/// The hint for a search path without a schema; `row` describes it.
async fn no_schema(session: &dyn Session, row: &QueryResult) -> Result<Error> {
    let get = |column| text(row, column).unwrap_or_default();
    let (path, role) = (get("path"), get("role"));
    let names: Vec<String> = path
        .split(',')
        .map(|name| name.trim().trim_matches('"').replace("$user", &role))
        .filter(|name| !name.is_empty() && !is_of_server(name))
        .collect();
    let there = rows(
        session,
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
    let quoted = |name: &str| printable(&Postgres.quoted(name));
    let error = match (names.iter().find(is_there), names.last()) {
        (Some(known), _) => {
            error.hint(format!("in psql: GRANT USAGE, CREATE ON SCHEMA {} TO {}", quoted(known), quoted(&role)))
        }
        (None, Some(missing)) => error.hint(format!("in psql: CREATE SCHEMA {}", quoted(missing))),
        (None, None) => error,
    };
    let usable = there.iter().find(|row| text(row, "usable").is_some()).and_then(|row| text(row, "schema"));
    let or = if error.hints().is_empty() { "" } else { "or " };
    Ok(match usable {
        // The URL takes precedence over the server's settings.
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
