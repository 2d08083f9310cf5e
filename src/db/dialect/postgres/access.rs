//! PostgreSQL: privileges from its catalogue, and table owners.

use sea_orm::QueryResult;
use sea_orm::prelude::async_trait::async_trait;

use super::Postgres;
use super::powers::{powers, rows_of};
use crate::db::access::{
    Assessment, EffectiveRights, GrantObject, GrantPath, Grantee, HeldPrivilege, Privilege, Rights, RightsChange,
    RightsStep, ShopDatabase, TableRights, compare,
};
use crate::db::answers::text;
use crate::db::dialect::access::Grants;
use crate::db::dialect::catalog::Catalog;
use crate::db::engine::{Engine, Session};
use crate::error::{Error, Result, printable};

/// Rows of `kind`, `in_table`, `in_column`, `privilege`, `is_option`, `way`, `other`: all privileges of the role
/// `$1`, by its own grants, grants to PUBLIC, and memberships. `other` is the grantor, or the role granted to `$1`.
const HELD: &str = include_str!("held_privileges.sql");

/// Rows of `in_table`, `owner`, `is_superuser`, the last for the owner.
const OWNERS: &str = "SELECT CAST(c.relname AS text) AS in_table, CAST(r.rolname AS text) AS owner, \
    CAST(r.rolsuper AS text) AS is_superuser FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner \
    WHERE c.relkind IN ('r', 'p') AND c.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema()) ORDER BY 1";

/// Rows of `in_table` and `owner`: tables on which this role cannot grant.
const OF_OTHERS: &str = "SELECT CAST(c.relname AS text) AS in_table, CAST(pg_get_userbyid(c.relowner) AS text) AS owner \
    FROM pg_class c WHERE c.relkind IN ('r', 'p') AND NOT pg_has_role(c.relowner, 'USAGE') \
    AND c.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema()) ORDER BY 1";

/// One row about the role `$1`, if it exists.
const ROLE: &str = "SELECT CAST(rolsuper AS text) AS is_superuser, CAST(rolname = current_user AS text) AS is_current, \
    CAST(current_schema() AS text) AS in_schema, CAST(current_database() AS text) AS in_database \
    FROM pg_roles WHERE rolname = $1";

/// One row about the role of this connection.
const OWN: &str = "SELECT CAST(current_user AS text) AS role, CAST(current_schema() AS text) AS in_schema, \
    CAST(current_database() AS text) AS in_database";

/// Rows of `in_table` with the effective privileges of this connection's role.
const EFFECTIVE: &str = include_str!("effective_rights.sql");

#[async_trait]
impl Grants for Postgres {
    async fn assess(&self, session: &dyn Session, grantee: &Grantee, rights: &Rights) -> Result<Assessment> {
        let role = rows_of(session, ROLE, &grantee.name).await?;
        let unknown = || grantee.unknown(&format!("CREATE ROLE {} LOGIN PASSWORD '…'", grantee.sql));
        let role = role.first().ok_or_else(unknown)?;
        let get = |column| text(role, column).unwrap_or_default();
        let shop = ShopDatabase { engine: Engine::Postgres, schema: get("in_schema"), database: get("in_database") };
        let owners = owners(session).await?;
        if rights.is_admin {
            return Ok(assess_admin(&shop, grantee, rights, &owners, &held_privileges(session, &shop, grantee).await?));
        }
        let name = printable(&grantee.name);
        if is_true(role, "is_superuser") {
            let message = format!("{name} is a superuser, who has all rights");
            return Err(
                Error::conflict("access.superuser", message).hint(format!("ALTER ROLE {} NOSUPERUSER", grantee.sql))
            );
        }
        if owners.iter().any(|owner| owner.name == grantee.name && is_of_shop(rights, &owner.table)) {
            return Ok(Assessment { owns_tables: true, ..Assessment::default() });
        }
        assess_restricted(session, &shop, grantee, rights).await
    }

    async fn own_excess(&self, session: &dyn Session, rights: &Rights) -> Result<Vec<String>> {
        let rows = session.query_text(OWN).await?;
        let Some(own) = rows.first() else { return Ok(Vec::new()) };
        let get = |column| text(own, column).unwrap_or_default();
        let shop = ShopDatabase { engine: Engine::Postgres, schema: get("in_schema"), database: get("in_database") };
        let grantee = Grantee { sql: self.quoted(&get("role")), name: get("role") };
        Ok(assess_restricted(session, &shop, &grantee, rights).await?.excess())
    }

    async fn assert_may_grant(&self, session: &dyn Session, steps: &[RightsStep]) -> Result<()> {
        for row in session.query_text(OF_OTHERS).await? {
            let (table, owner) = (text(&row, "in_table").unwrap_or_default(), text(&row, "owner").unwrap_or_default());
            if steps.iter().any(|step| step.on == table) {
                let message = format!("permission denied by the database: {table} is owned by {}", printable(&owner));
                return Err(Error::configuration("database.permission", message)
                    .hint("grants must be made by the tables' owner or a superuser: connect as that role"));
            }
        }
        Ok(())
    }

    async fn effective(&self, session: &dyn Session, tables: &[TableRights]) -> Result<Option<EffectiveRights>> {
        let rows = crate::db::answers::rows(session, EFFECTIVE).await?;
        let mut effective = EffectiveRights { may_change_schema: !rows.is_empty(), ..EffectiveRights::default() };
        for row in &rows {
            let name = text(row, "in_table").unwrap_or_default();
            if !tables.iter().any(|rights| rights.table == name) {
                continue;
            }
            effective.role = text(row, "role").unwrap_or_default();
            effective.may_change_schema &= is_true(row, "may_change");
            let columns = ["may_select", "may_insert", "may_update", "may_delete"];
            let held = Privilege::ALL.into_iter().zip(columns).filter(|(_, column)| is_true(row, column));
            effective.tables.insert(name, held.map(|(privilege, _)| privilege).collect());
        }
        Ok((!effective.tables.is_empty()).then_some(effective))
    }

    fn is_harmless(&self, privilege: &str) -> bool {
        privilege != "CREATE"
    }
}

/// The changes for a role that is no admin, and what it can do in other ways.
async fn assess_restricted(
    session: &dyn Session,
    shop: &ShopDatabase,
    grantee: &Grantee,
    rights: &Rights,
) -> Result<Assessment> {
    let held = held_privileges(session, shop, grantee).await?;
    let mut assessment = compare(shop, grantee, rights, &held);
    assessment.steps.splice(0..0, access_grants(shop, grantee, &held, false));
    assessment.remaining.extend(powers(session, shop, grantee).await?);
    Ok(assessment)
}

fn is_true(row: &QueryResult, column: &str) -> bool {
    text(row, column).as_deref() == Some("true")
}

fn whole_database(shop: &ShopDatabase) -> GrantObject {
    GrantObject::Database(format!("DATABASE {}", shop.engine.quoted(&shop.database)))
}

/// Grants access to the database and the schema, if missing.
fn access_grants(shop: &ShopDatabase, grantee: &Grantee, held: &[HeldPrivilege], may_create: bool) -> Vec<RightsStep> {
    let holds = |on: &GrantObject, privilege: &str| {
        held.iter().any(|held| !held.is_grantable && held.on == *on && held.privilege == privilege)
    };
    let database = whole_database(shop);
    let wanted = [
        (&database, "CONNECT", true),
        (&GrantObject::Schema, "USAGE", true),
        (&GrantObject::Schema, "CREATE", may_create),
    ];
    let missing = wanted.into_iter().filter(|(on, privilege, is_wanted)| *is_wanted && !holds(on, privilege));
    missing.map(|(on, privilege, _)| shop.step(RightsChange::Grant, on, privilege.to_owned(), grantee)).collect()
}

/// An admin owns the tables, because only an owner can alter them. Previous owners keep reading and writing.
fn assess_admin(
    shop: &ShopDatabase,
    grantee: &Grantee,
    rights: &Rights,
    owners: &[Owner],
    held: &[HeldPrivilege],
) -> Assessment {
    let mut steps = access_grants(shop, grantee, held, true);
    let others = owners.iter().filter(|owner| owner.name != grantee.name && is_of_shop(rights, &owner.table));
    for owner in others {
        let on = GrantObject::Table(owner.table.clone());
        steps.push(shop.step(RightsChange::ChangeOwner, &on, "OWNER".to_owned(), grantee));
        if !owner.is_superuser {
            let all = Privilege::ALL.map(Privilege::as_str).join(", ");
            let before = Grantee { name: owner.name.clone(), sql: shop.engine.quoted(&owner.name) };
            steps.push(shop.step(RightsChange::Grant, &on, all, &before));
        }
    }
    Assessment { steps, ..Assessment::default() }
}

struct Owner {
    table: String,
    name: String,
    is_superuser: bool,
}

fn is_of_shop(rights: &Rights, table: &str) -> bool {
    rights.tables.iter().any(|rights| rights.table == table)
}

async fn owners(session: &dyn Session) -> Result<Vec<Owner>> {
    let owner = |row: &QueryResult| Owner {
        table: text(row, "in_table").unwrap_or_default(),
        name: text(row, "owner").unwrap_or_default(),
        is_superuser: is_true(row, "is_superuser"),
    };
    Ok(session.query_text(OWNERS).await?.iter().map(owner).collect())
}

async fn held_privileges(session: &dyn Session, shop: &ShopDatabase, grantee: &Grantee) -> Result<Vec<HeldPrivilege>> {
    let mut all = Vec::new();
    for row in rows_of(session, HELD, &grantee.name).await? {
        let get = |column| text(&row, column).unwrap_or_default();
        let on = match get("kind").as_str() {
            "table" => GrantObject::Table(get("in_table")),
            "column" => GrantObject::Column(get("in_table"), get("in_column")),
            "schema" => GrantObject::Schema,
            _ => whole_database(shop),
        };
        let via = grant_path(&get("way"), &get("other"), grantee);
        let one = HeldPrivilege { on, privilege: get("privilege"), is_grantable: false, via };
        if is_true(&row, "is_option") {
            all.push(HeldPrivilege { is_grantable: true, ..one.clone() });
        }
        all.push(one);
    }
    Ok(all)
}

fn grant_path(way: &str, other: &str, grantee: &Grantee) -> Option<GrantPath> {
    let quoted = Postgres.quoted(other);
    match way {
        "own" => None,
        "everybody" => Some(GrantPath { how: "a grant to everybody (PUBLIC)".to_owned(), remedy: None }),
        "grantor" => Some(GrantPath {
            how: format!("a grant that {} made", printable(other)),
            remedy: Some(format!("SET ROLE {quoted}, then run this again")),
        }),
        _ => Some(GrantPath {
            how: format!("membership of {}", printable(other)),
            remedy: Some(format!("REVOKE {quoted} FROM {}", grantee.sql)),
        }),
    }
}
