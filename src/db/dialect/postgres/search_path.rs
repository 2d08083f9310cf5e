//! The search path of a session.

use sea_orm::QueryResult;

use super::Postgres;
use crate::db::answers::{rows, text};
use crate::db::dialect::catalog::Catalog;
use crate::db::engine::Session;
use crate::db::target::is_system_schema;
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
    let has_none = |row: &&QueryResult| text(row, "current").is_none_or(|current| is_system_schema(&current));
    match asked.first().filter(has_none) {
        Some(row) => Err(no_schema(session, row).await?),
        None => Ok(()),
    }
}

/// The names in a search path, as the server reads them: quoted names unchanged, others in lower case.
fn names_in(path: &str) -> Vec<String> {
    let (mut names, mut name, mut is_quoted) = (Vec::new(), String::new(), false);
    let mut characters = path.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '"' if is_quoted && characters.next_if_eq(&'"').is_some() => name.push('"'),
            '"' => is_quoted = !is_quoted,
            _ if is_quoted => name.push(character),
            ',' => names.push(std::mem::take(&mut name)),
            _ if character.is_whitespace() => {}
            _ => name.push(character.to_ascii_lowercase()),
        }
    }
    names.push(name);
    names
}

/// The hint for a search path without a schema; `row` describes it.
async fn no_schema(session: &dyn Session, row: &QueryResult) -> Result<Error> {
    let get = |column| text(row, column).unwrap_or_default();
    let (path, role) = (get("path"), get("role"));
    let names: Vec<String> = names_in(&path)
        .into_iter()
        .map(|name| if name == "$user" { role.clone() } else { name })
        .filter(|name| !name.is_empty() && !is_system_schema(name))
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
        "the search_path of this session ({}) has no schema that {} may use",
        printable(&path),
        printable(&role)
    );
    let error = Error::configuration("database.no_search_path", message);
    let quoted = |name: &str| printable(&Postgres.quoted(name));
    let make = match (names.iter().find(is_there), names.last()) {
        (Some(known), _) => {
            Some(format!("in psql: GRANT USAGE, CREATE ON SCHEMA {} TO {}", quoted(known), quoted(&role)))
        }
        (None, Some(missing)) => {
            Some(format!("in psql: CREATE SCHEMA {} AUTHORIZATION {}", quoted(missing), quoted(&role)))
        }
        (None, None) => None,
    };
    let usable = there.iter().find(|row| text(row, "usable").is_some()).and_then(|row| text(row, "schema"));
    let change = usable.map(|usable| match get("source").as_str() {
        // The URL takes precedence over the server's settings.
        "client" => format!("set it in the URL: search_path={}, or leave out search_path", printable(&usable)),
        _ => format!(
            "in psql: ALTER ROLE {} IN DATABASE {} SET search_path = {}",
            quoted(&role),
            quoted(&get("name")),
            quoted(&usable)
        ),
    });
    // A list in one pair of quotes is a single name, which is probably a mistake.
    let is_list = names.iter().any(|name| name.contains([',', '"']));
    let remedies = if is_list { [change, make] } else { [make, change] };
    let remedies = remedies.into_iter().flatten().enumerate();
    Ok(remedies.fold(error, |error, (place, remedy)| match place {
        0 => error.hint(remedy),
        _ => error.hint(format!("or {remedy}")),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_path_is_read_as_the_server_reads_it() {
        assert_eq!(names_in("\"$user\", public"), ["$user", "public"]);
        assert_eq!(names_in("Web,\"My \"\"Shop\"\"\" , x"), ["web", "My \"Shop\"", "x"]);
        assert_eq!(names_in("\"a, public\""), ["a, public"]);
        assert_eq!(names_in("\"\"\"$user\"\"\""), ["\"$user\""]);
        assert_eq!(names_in("\"\""), [""]);
    }
}
