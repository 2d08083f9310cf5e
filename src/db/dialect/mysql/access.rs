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
use crate::error::{Error, Result, printable};

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
        let held = held_privileges(session, grantee, &shop.database).await?;
        if rights.is_admin {
            let on = GrantObject::Database(format!("{}.*", shop.engine.quoted(&grants::escaped(&shop.database))));
            let has_all = held.iter().any(|held| {
                !held.is_grantable
                    && held.privilege == ALL
                    && matches!(held.on, GrantObject::Database(_) | GrantObject::Wider(_))
            });
            let missing = (!has_all).then(|| shop.step(RightsChange::Grant, &on, ALL.to_owned(), grantee));
            return Ok(Assessment { steps: missing.into_iter().collect(), remaining: Vec::new() });
        }
        if is_current(session, grantee).await? {
            let message = format!("{} runs this, and would take away its own rights", printable(&grantee.name));
            return Err(Error::conflict("access.own_role", message).hint("run it as the server's administrator"));
        }
        Ok(compare(&shop, grantee, rights, &held))
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
        let sql = "SELECT CAST(DATABASE() AS CHAR) AS name, CAST(CURRENT_USER() AS CHAR) AS role, \
                   COALESCE(CAST(CURRENT_ROLE() AS CHAR), '') AS active, VERSION() AS version";
        let asked = rows(session, sql).await?;
        let get = |column| asked.first().and_then(|row| text(row, column)).unwrap_or_default();
        let (database, active) = (get("name"), get("active"));
        // MariaDB includes the grants of the active role.
        let using = match get("version").contains("MariaDB") || active.is_empty() || active == "NONE" {
            true => String::new(),
            false => format!(" FOR CURRENT_USER() USING {active}"),
        };
        let lines = rows(session, &format!("SHOW GRANTS{using}")).await?;
        let lines = lines.iter().filter_map(first_text).map(|line| grants::read(&line, &database));
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
        let mut effective = EffectiveRights { role: get("role"), may_change_schema, ..EffectiveRights::default() };
        for TableRights { table, hidden, .. } in tables.iter().filter(|rights| present.contains(&rights.table)) {
            let is_on_table = |held: &HeldPrivilege| is_wide(held) || held.on == GrantObject::Table(table.clone());
            let is_on_part = |held: &HeldPrivilege| {
                is_on_table(held) || matches!(&held.on, GrantObject::Column(of, _) if of == table)
            };
            let can = |privilege: &Privilege| held.iter().any(|held| is_on_part(held) && is(held, privilege.as_str()));
            effective.tables.insert(table.clone(), Privilege::ALL.into_iter().filter(can).collect());
            let is_readable = |column: &&String| {
                let of_column = GrantObject::Column(table.clone(), (*column).clone());
                held.iter().any(|held| (is_on_table(held) || held.on == of_column) && is(held, "SELECT"))
            };
            effective
                .hidden_readable
                .extend(hidden.iter().filter(is_readable).map(|column| format!("{table}.{column}")));
        }
        Ok((!effective.tables.is_empty()).then_some(effective))
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

/// All privileges of an account or role, by its own grants and its roles.
///
/// Errors: exit 3 for a missing one; exit 4 without the right to read grants.
async fn held_privileges(session: &dyn Session, grantee: &Grantee, database: &str) -> Result<Vec<HeldPrivilege>> {
    let (mut all, mut seen) = (Vec::new(), BTreeSet::new());
    let mut open = vec![(grantee.sql.clone(), None)];
    while let Some((sql, via)) = open.pop() {
        if !seen.insert(sql.clone()) {
            continue;
        }
        let lines = match session.query_text(&format!("SHOW GRANTS FOR {sql}")).await {
            Ok(lines) => lines,
            Err(error) if is_unknown(&error) => {
                return Err(grantee.unknown(&format!("CREATE USER {} IDENTIFIED BY '…'", grantee.sql)));
            }
            Err(error) => return Err(error.into()),
        };
        for line in lines.iter().filter_map(first_text) {
            match grants::read(&line, database) {
                GrantLine::Privileges(held) => {
                    all.extend(held.into_iter().map(|held| HeldPrivilege { via: via.clone(), ..held }));
                }
                GrantLine::Roles(roles) => {
                    open.extend(roles.into_iter().map(|role| {
                        let remedy = Some(format!("REVOKE {role} FROM {sql}"));
                        let via = Some(GrantPath { how: format!("the role {role}"), remedy });
                        (role, via)
                    }));
                }
                GrantLine::Other => {}
            }
        }
    }
    Ok(all)
}

fn is_unknown(error: &DbErr) -> bool {
    matches!(driver_error(error), Some(DriverError::Database(error)) if number(error.as_ref()) == Some(NO_SUCH_GRANTEE))
}

fn first_text(row: &QueryResult) -> Option<String> {
    let bytes = || String::from_utf8(row.try_get_by_index::<Vec<u8>>(0).ok()?).ok();
    row.try_get_by_index::<String>(0).ok().or_else(bytes)
}
