//! What a role can do by ownership, attributes and predefined roles, beside its privileges.

use sea_orm::{DbBackend, QueryResult, Statement};

use super::Postgres;
use crate::db::access::{ExcessRights, Grantee, ShopDatabase};
use crate::db::answers::text;
use crate::db::dialect::catalog::Catalog;
use crate::db::engine::Session;
use crate::error::{Result, printable};

/// Rows of `kind`, `name`, `via`: what the role `$1` and the roles that it is a member of own, their attributes, and
/// predefined roles among them. Whether a membership is inherited does not count: `SET ROLE` uses it. `via` is the
/// role granted to `$1`, null for the role itself. The owner of the database is a member of `pg_database_owner`
/// without any grant.
const POWERS: &str = include_str!("powers.sql");

/// What the role can do beyond any privileges, for everybody but an admin.
pub async fn powers(session: &dyn Session, shop: &ShopDatabase, grantee: &Grantee) -> Result<Vec<ExcessRights>> {
    let rows = rows_of(session, POWERS, &grantee.name).await?;
    Ok(rows.iter().map(|row| power(row, shop, grantee)).collect())
}

fn power(row: &QueryResult, shop: &ShopDatabase, grantee: &Grantee) -> ExcessRights {
    let (kind, name) = (text(row, "kind").unwrap_or_default(), text(row, "name").unwrap_or_default());
    let (shown, quoted, role) = (printable(&name), Postgres.quoted(&name), &grantee.sql);
    // Whoever runs the statement gets what the role loses: it has to be an administrator anyway.
    let (what, own_remedy) = match kind.as_str() {
        "attribute" => (name, format!("ALTER ROLE {role} NO{shown}")),
        "predefined" => (format!("the rights of {shown}"), format!("REVOKE {quoted} FROM {role}")),
        "database" => {
            (format!("ownership of database {shown}"), format!("ALTER DATABASE {quoted} OWNER TO CURRENT_USER"))
        }
        "schema" => (format!("ownership of schema {shown}"), format!("ALTER SCHEMA {quoted} OWNER TO CURRENT_USER")),
        _ => {
            let schema = Postgres.quoted(&shop.schema);
            (format!("ownership of {shown}"), format!("ALTER TABLE {schema}.{quoted} OWNER TO CURRENT_USER"))
        }
    };
    match text(row, "via") {
        None => ExcessRights { what, remedy: Some(own_remedy) },
        Some(via) => ExcessRights {
            what: format!("{what} by membership of {}", printable(&via)),
            remedy: Some(format!("REVOKE {} FROM {role}", Postgres.quoted(&via))),
        },
    }
}

/// The rows of a query about the role `$1`.
pub async fn rows_of(session: &dyn Session, sql: &str, role: &str) -> Result<Vec<QueryResult>> {
    let statement = Statement::from_sql_and_values(DbBackend::Postgres, sql, [role.into()]);
    Ok(session.query(statement).await?)
}
