//! MySQL and MariaDB: privileges from `SHOW GRANTS`.

use std::collections::BTreeSet;

use sea_orm::prelude::async_trait::async_trait;
use sea_orm::sqlx::Error as DriverError;
use sea_orm::{DbErr, QueryResult};

use super::Mysql;
use super::fault::number;
use super::grants::{self, GrantLine};
use crate::db::access::{
    Assessment, EffectiveRights, GrantObject, GrantPath, Grantee, HeldPrivilege, Privilege, Rights, RightsChange,
    ShopDatabase, TableRights, compare,
};
use crate::db::answers::{rows, text};
use crate::db::dialect::access::Grants;
use crate::db::dialect::catalog::Catalog;
use crate::db::engine::{Engine, Session};
use crate::db::fault::driver_error;
use crate::domain::text::hexadecimal;
use crate::error::Result;

/// The privileges needed to change the schema.
const SCHEMA: [&str; 4] = ["CREATE", "ALTER", "DROP", "INDEX"];
const ALL: &str = "ALL PRIVILEGES";
/// The error number for a missing account or role.
const NO_SUCH_GRANTEE: u16 = 1141;

#[async_trait]
impl Grants for Mysql {
    fn grantee(&self, text: &str) -> Result<String, String> {
        let (name, host) = grants::account(text)?;
        if name.is_empty() || name.contains('\0') {
            return Err("must name a role".to_owned());
        }
        Ok(match host {
            Some(host) => format!("{}@{}", self.quoted(&name), self.quoted(&host)),
            None => self.quoted(&name),
        })
    }

    async fn assess(&self, session: &dyn Session, grantee: &Grantee, rights: &Rights) -> Result<Assessment> {
        let database = database(session).await?;
        let shop = ShopDatabase { engine: Engine::Mysql, schema: database.clone(), database };
        let is_own = is_current(session, grantee).await?;
        let whose = if is_own { Whose::Own { using: own(session).await?.using } } else { Whose::Others(grantee) };
        let held = held_privileges(session, &shop.database, whose).await?;
        if rights.is_admin {
            let on = GrantObject::Database(format!("{}.*", shop.engine.quoted(&grants::escaped(&shop.database))));
            let has_all = held.iter().any(|held| {
                !held.is_grantable
                    && held.privilege == ALL
                    && matches!(held.on, GrantObject::Database(_) | GrantObject::Wider(_))
            });
            let missing = (!has_all).then(|| shop.step(RightsChange::Grant, &on, ALL.to_owned(), grantee));
            return Ok(Assessment { steps: missing.into_iter().collect(), ..Assessment::default() });
        }
        Ok(Assessment { is_own, ..compare(&shop, grantee, rights, &held) })
    }

    async fn namesakes(&self, session: &dyn Session, grantee: &Grantee) -> Result<Vec<String>> {
        let Ok((name, _)) = grants::account(&grantee.name) else { return Ok(Vec::new()) };
        // As hexadecimal digits, which need no escaping in any SQL mode. A role has no host.
        let digits = hexadecimal(name.as_bytes());
        let sql = format!(
            "SELECT CAST(host AS CHAR) AS host FROM mysql.user WHERE CAST(user AS BINARY) = X'{digits}' \
             AND host <> '' ORDER BY 1"
        );
        let hosts = rows(session, &sql).await?;
        let hosts = hosts.iter().filter_map(|row| text(row, "host"));
        Ok(hosts.map(|host| grants::account_text(&name, &host)).collect())
    }

    async fn effective(&self, session: &dyn Session, tables: &[TableRights]) -> Result<Option<EffectiveRights>> {
        let own = own(session).await?;
        // MariaDB includes the grants of the active role.
        let using = if own.using.is_empty() { String::new() } else { format!(" FOR CURRENT_USER(){}", own.using) };
        let lines = rows(session, &format!("SHOW GRANTS{using}")).await?;
        let lines = lines.iter().filter_map(first_text).map(|line| grants::read(&line, &own.database));
        let held: Vec<HeldPrivilege> = lines
            .filter_map(|line| match line {
                GrantLine::Privileges(held) => Some(held),
                GrantLine::Roles(_) | GrantLine::Other => None,
            })
            .flatten()
            .filter(|held| !held.is_grantable)
            .collect();
        let present = rows(
            session,
            "SELECT CAST(table_name AS CHAR) AS in_table FROM information_schema.tables WHERE table_schema = DATABASE()",
        )
        .await?;
        let present: Vec<String> = present.iter().filter_map(|row| text(row, "in_table")).collect();
        let is_wide = |held: &HeldPrivilege| matches!(held.on, GrantObject::Database(_) | GrantObject::Wider(_));
        let is = |held: &HeldPrivilege, privilege: &str| held.privilege == privilege || held.privilege == ALL;
        let may_change_schema =
            SCHEMA.iter().all(|privilege| held.iter().any(|held| is_wide(held) && is(held, privilege)));
        let mut effective = EffectiveRights { role: own.role, may_change_schema, ..EffectiveRights::default() };
        for TableRights { table, .. } in tables.iter().filter(|rights| present.contains(&rights.table)) {
            let is_on_part = |held: &HeldPrivilege| match &held.on {
                GrantObject::Table(of) | GrantObject::Column(of, _) => of == table,
                _ => is_wide(held),
            };
            let can = |privilege: &Privilege| held.iter().any(|held| is_on_part(held) && is(held, privilege.as_str()));
            effective.tables.insert(table.clone(), Privilege::ALL.into_iter().filter(can).collect());
        }
        Ok((!effective.tables.is_empty()).then_some(effective))
    }

    async fn own_excess(&self, session: &dyn Session, rights: &Rights) -> Result<Vec<String>> {
        let Own { database, role, using } = own(session).await?;
        let held = held_privileges(session, &database, Whose::Own { using }).await?;
        let shop = ShopDatabase { engine: Engine::Mysql, schema: database.clone(), database };
        let grantee = Grantee { sql: "CURRENT_USER()".to_owned(), name: role };
        Ok(compare(&shop, &grantee, rights, &held).excess())
    }

    fn is_harmless(&self, privilege: &str) -> bool {
        grants::HARMLESS.contains(&privilege)
    }
}

async fn database(session: &dyn Session) -> Result<String> {
    let found = rows(session, "SELECT CAST(DATABASE() AS CHAR) AS name").await?;
    Ok(found.first().and_then(|row| text(row, "name")).unwrap_or_default())
}

/// Whether the account is the one that this connection uses.
async fn is_current(session: &dyn Session, grantee: &Grantee) -> Result<bool> {
    let found = rows(session, "SELECT CAST(CURRENT_USER() AS CHAR) AS name").await?;
    let name = found.first().and_then(|row| text(row, "name")).unwrap_or_default();
    let (user, host) = name.rsplit_once('@').unwrap_or((&name, "%"));
    let quoted = |part: &str| Mysql.quoted(part);
    let is_every_host = host == "%" && grantee.sql == quoted(user);
    Ok(is_every_host || grantee.sql == format!("{}@{}", quoted(user), quoted(host)))
}

/// The account of a session and its database.
struct Own {
    database: String,
    role: String,
    /// MySQL: the clause that includes the grants of its active roles.
    using: String,
}

async fn own(session: &dyn Session) -> Result<Own> {
    let sql = "SELECT CAST(DATABASE() AS CHAR) AS name, CAST(CURRENT_USER() AS CHAR) AS role, \
               COALESCE(CAST(CURRENT_ROLE() AS CHAR), '') AS active, VERSION() AS version";
    let asked = rows(session, sql).await?;
    let get = |column| asked.first().and_then(|row| text(row, column)).unwrap_or_default();
    let active = get("active");
    let using = match get("version").contains("MariaDB") || active.is_empty() || active == "NONE" {
        true => String::new(),
        false => format!(" USING {active}"),
    };
    Ok(Own { database: get("name"), role: get("role"), using })
}

/// Whose privileges are read.
enum Whose<'a> {
    Others(&'a Grantee),
    /// Those of the session, as far as the server shows them to it.
    Own {
        using: String,
    },
}

impl Whose<'_> {
    /// As `SHOW GRANTS FOR` names it.
    fn sql(&self) -> String {
        match self {
            Whose::Others(grantee) => grantee.sql.clone(),
            Whose::Own { using } => format!("CURRENT_USER(){using}"),
        }
    }

    /// MariaDB's own session. MySQL's includes the grants of its active roles without naming them.
    fn sees_active_roles_alone(&self) -> bool {
        matches!(self, Whose::Own { using } if using.is_empty())
    }

    /// The lines of `SHOW GRANTS` for it, or for a role that it has.
    ///
    /// Errors: exit 3 for a missing one; exit 4 without the right to read grants.
    async fn lines(&self, session: &dyn Session, of: &str) -> Result<Vec<QueryResult>> {
        let sql = format!("SHOW GRANTS FOR {of}");
        let grantee = match self {
            Whose::Others(grantee) => grantee,
            Whose::Own { .. } => return rows(session, &sql).await,
        };
        match session.query_text(&sql).await {
            Err(error) if is_unknown(&error) => {
                Err(grantee.unknown(&format!("CREATE USER {} IDENTIFIED BY '…'", grantee.sql)))
            }
            lines => Ok(lines?),
        }
    }
}

/// All privileges of an account or role: its own grants, those of its roles, active or not, and those to everybody.
///
/// Errors: those of [`Whose::lines`].
async fn held_privileges(session: &dyn Session, database: &str, whose: Whose<'_>) -> Result<Vec<HeldPrivilege>> {
    let (mut all, mut seen) = (Vec::new(), BTreeSet::new());
    let mut open = vec![(whose.sql(), None)];
    while let Some((sql, via)) = open.pop() {
        if !seen.insert(sql.clone()) {
            continue;
        }
        let lines = whose.lines(session, &sql).await?;
        // Every role has a line, which the server may keep from an account that has the role but not active.
        if lines.is_empty() && via.is_some() && whose.sees_active_roles_alone() {
            all.push(HeldPrivilege {
                on: GrantObject::Beside("this server".to_owned()),
                privilege: "rights that cannot be seen".to_owned(),
                is_grantable: false,
                via: via.clone(),
            });
        }
        let (privileges, roles) = grants::read_all(lines.iter().filter_map(first_text), database);
        all.extend(privileges.into_iter().map(|held| HeldPrivilege { via: via.clone(), ..held }));
        open.extend(roles.into_iter().map(|role| {
            let remedy = Some(format!("REVOKE {role} FROM {sql}"));
            let via = Some(GrantPath { how: format!("the role {role}"), remedy });
            (role, via)
        }));
    }
    // Servers without PUBLIC, and those where nothing was granted to it, refuse this.
    let lines = rows(session, "SHOW GRANTS FOR PUBLIC").await?;
    let (privileges, _) = grants::read_all(lines.iter().filter_map(first_text), database);
    let via = Some(GrantPath { how: "a grant to everybody (PUBLIC)".to_owned(), remedy: None });
    all.extend(privileges.into_iter().map(|held| HeldPrivilege { via: via.clone(), ..held }));
    Ok(all)
}

fn is_unknown(error: &DbErr) -> bool {
    matches!(driver_error(error), Some(DriverError::Database(error)) if number(error.as_ref()) == Some(NO_SUCH_GRANTEE))
}

fn first_text(row: &QueryResult) -> Option<String> {
    let bytes = || String::from_utf8(row.try_get_by_index::<Vec<u8>>(0).ok()?).ok();
    row.try_get_by_index::<String>(0).ok().or_else(bytes)
}
