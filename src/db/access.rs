//! Privileges on the shop's tables: those that a role holds, and the statements that leave it with exactly its
//! intended rights.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::ConnectionTrait;

use super::database::Database;
use super::ddl::LOCK_TIMEOUT;
use super::fault::commit_error;
use super::target::Engine;
use crate::domain::named_enum;
use crate::domain::text::{distinct, was_were};
use crate::error::{CommandLine, Error, Hint, Result};

/// The privilege that REVOKE names for `WITH GRANT OPTION`.
const GRANT_OPTION: &str = "GRANT OPTION";

named_enum! {
    /// An action on the rows of a table.
    #[derive(PartialOrd, Ord)]
    pub enum Privilege {
        Select = "SELECT",
        Insert = "INSERT",
        Update = "UPDATE",
        Delete = "DELETE",
    }
}

/// The intended rights of a role.
#[derive(Debug, Clone)]
pub struct Rights {
    pub tables: Vec<TableRights>,
    /// Everything, the schema included.
    pub is_admin: bool,
}

/// The intended rights of a role on one table.
#[derive(Debug, Clone)]
pub struct TableRights {
    pub table: String,
    pub privileges: &'static [Privilege],
    /// Readable columns; used only if some are hidden.
    pub columns: Vec<String>,
    /// Columns that must not be readable.
    pub hidden: Vec<String>,
}

impl TableRights {
    pub(super) fn allows(&self, privilege: &str) -> bool {
        self.privileges.iter().any(|allowed| allowed.as_str() == privilege)
    }
}

/// The role that receives rights, as typed and as SQL.
#[derive(Debug, Clone)]
pub struct Grantee {
    pub name: String,
    pub(super) sql: String,
}

impl Grantee {
    /// PostgreSQL: the name of a role. MySQL, MariaDB: `name`, `name@host` or `'name'@'host'`; a name alone is
    /// a role of MariaDB's or an account for every host.
    pub fn parse(engine: Engine, text: &str) -> Result<Grantee, String> {
        let text = text.trim();
        if text.is_empty() || text.contains('\0') {
            return Err("must name a role".to_owned());
        }
        let sql = engine.grantee(text)?;
        Ok(Grantee { name: text.to_owned(), sql })
    }

    /// Whether both name the same.
    pub fn is_same(&self, other: &Grantee) -> bool {
        self.sql == other.sql
    }

    /// Exit 3, with the statement that creates the role: it needs a password, which the user must choose.
    pub(super) fn unknown(&self, statement: &str) -> Error {
        Error::not_found("role", &self.name).hint(format!("create it first: {statement};"))
    }
}

/// The object of a privilege.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum GrantObject {
    /// All databases of the server, or those that match a pattern, as SQL.
    Wider(String),
    /// What lets the shop be changed though it is no part of it, as SQL: the server's own tables, other accounts,
    /// routines.
    Beside(String),
    /// The whole database; MySQL: as SQL.
    Database(String),
    Schema,
    Table(String),
    Column(String, String),
}

/// A privilege that a role holds.
#[derive(Debug, Clone)]
pub(super) struct HeldPrivilege {
    pub(super) on: GrantObject,
    /// `SELECT`, `ALL PRIVILEGES`, `TRIGGER` …
    pub(super) privilege: String,
    /// Whether the role may grant it to others.
    pub(super) is_grantable: bool,
    /// The indirect grant that confers it; `None` if it was granted to the role itself.
    pub(super) via: Option<GrantPath>,
}

/// An indirect grant of a privilege.
#[derive(Debug, Clone)]
pub(super) struct GrantPath {
    /// `membership of staff`
    pub(super) how: String,
    /// The statement that revokes it; `None` for PUBLIC, from whom the privilege itself must be revoked.
    pub(super) remedy: Option<String>,
}

named_enum! {
    /// The effect of a statement.
    pub enum RightsChange {
        Grant = "grant",
        Revoke = "revoke",
        /// Changes the owner of the table.
        ChangeOwner = "own",
    }
}

/// A statement and its subject.
#[derive(Debug, Clone)]
pub struct RightsStep {
    pub change: RightsChange,
    /// `orders`, `schema public`, `database shop`
    pub on: String,
    /// `SELECT, INSERT`
    pub privileges: String,
    pub sql: String,
    /// Whether it concerns more than a table.
    pub(super) is_wide: bool,
}

/// The required changes for a role.
#[derive(Debug, Clone, Default)]
pub struct Assessment {
    pub steps: Vec<RightsStep>,
    pub remaining: Vec<ExcessRights>,
    /// Whether the role owns tables of the shop: no statement about its rights would keep it from anything.
    pub owns_tables: bool,
    /// Whether it is the role of this connection, which would take away its own rights.
    pub is_own: bool,
}

impl Assessment {
    /// What the role can do beyond its rights, in whichever way: `UPDATE on audit_events`.
    pub(super) fn excess(&self) -> Vec<String> {
        let revoked = self.steps.iter().filter(|step| step.change == RightsChange::Revoke);
        let revoked = revoked.map(|step| format!("{} on {}", step.privileges, step.on));
        revoked.chain(self.remaining.iter().map(|remaining| remaining.what.clone())).collect()
    }
}

/// What a role can do beyond its rights by indirect grants, which may apply to other roles too, by ownership or by
/// an attribute.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ExcessRights {
    /// `UPDATE on audit_events by membership of staff`
    pub what: String,
    /// The statement that revokes it.
    pub remedy: Option<String>,
}

/// The database concerned, as its statements name it.
pub(super) struct ShopDatabase {
    pub(super) engine: Engine,
    /// MySQL: the database.
    pub(super) schema: String,
    pub(super) database: String,
}

impl ShopDatabase {
    pub(super) fn sql(&self, on: &GrantObject) -> String {
        let quoted = |name: &str| self.engine.quoted(name);
        match on {
            GrantObject::Wider(sql) | GrantObject::Beside(sql) | GrantObject::Database(sql) => sql.clone(),
            GrantObject::Schema => format!("SCHEMA {}", quoted(&self.schema)),
            GrantObject::Table(table) | GrantObject::Column(table, _) => {
                format!("{}.{}", quoted(&self.schema), quoted(table))
            }
        }
    }

    pub(super) fn display(&self, on: &GrantObject) -> String {
        match on {
            GrantObject::Wider(sql) | GrantObject::Beside(sql) => sql.clone(),
            GrantObject::Database(_) => format!("database {}", self.database),
            GrantObject::Schema => format!("schema {}", self.schema),
            GrantObject::Table(table) | GrantObject::Column(table, _) => table.clone(),
        }
    }

    pub(super) fn step(
        &self,
        change: RightsChange,
        on: &GrantObject,
        privileges: String,
        grantee: &Grantee,
    ) -> RightsStep {
        let (object, role) = (self.sql(on), &grantee.sql);
        let sql = match change {
            RightsChange::Grant => format!("GRANT {privileges} ON {object} TO {role}"),
            // Privileges that the role passed on are revoked with it.
            RightsChange::Revoke if self.engine.has_option_by_privilege => {
                format!("REVOKE {privileges} ON {object} FROM {role} CASCADE")
            }
            RightsChange::Revoke => format!("REVOKE {privileges} ON {object} FROM {role}"),
            RightsChange::ChangeOwner => format!("ALTER TABLE {object} OWNER TO {role}"),
        };
        let is_wide = !matches!(on, GrantObject::Table(_) | GrantObject::Column(..));
        RightsStep { change, on: self.display(on), privileges, sql, is_wide }
    }
}

/// The statements that give a reader or writer, but not an admin, exactly its rights.
pub(super) fn compare(shop: &ShopDatabase, grantee: &Grantee, rights: &Rights, held: &[HeldPrivilege]) -> Assessment {
    let too_much: Vec<&HeldPrivilege> = held.iter().filter(|held| exceeds_rights(shop.engine, rights, held)).collect();
    let (own, others): (Vec<&HeldPrivilege>, Vec<&HeldPrivilege>) = too_much
        .into_iter()
        .partition(|held| held.via.is_none() && !matches!(held.on, GrantObject::Wider(_) | GrantObject::Beside(_)));
    let revokes = revocations(shop, grantee, &own);
    let kept: Vec<&HeldPrivilege> = held.iter().filter(|held| held.via.is_none() && remains(held, &own)).collect();
    let grants = rights.tables.iter().filter_map(|table| grant(shop, grantee, table, &kept));
    // A revoke on a table also revokes its columns, so it comes first; privileges on the whole database are
    // revoked after their replacements are granted.
    let (wide, on_tables): (Vec<RightsStep>, Vec<RightsStep>) = revokes.into_iter().partition(|step| step.is_wide);
    let steps = on_tables.into_iter().chain(grants).chain(wide).collect();
    let remaining = distinct(others.iter().map(|held| remaining(shop, grantee, held)));
    Assessment { steps, remaining, ..Assessment::default() }
}

fn remaining(shop: &ShopDatabase, grantee: &Grantee, held: &HeldPrivilege) -> ExcessRights {
    let what = match held.is_grantable {
        true => format!("passing on {} on {}", held.privilege, shop.display(&held.on)),
        false => format!("{} on {}", held.privilege, shop.display(&held.on)),
    };
    match &held.via {
        Some(via) => {
            let everybody = Grantee { name: "PUBLIC".to_owned(), sql: "PUBLIC".to_owned() };
            let privilege = match &held.on {
                GrantObject::Column(_, column) => with_columns(shop.engine, &held.privilege, &[column]),
                _ => held.privilege.clone(),
            };
            let revoke = || shop.step(RightsChange::Revoke, &held.on, privilege, &everybody).sql;
            ExcessRights {
                what: format!("{what} by {}", via.how),
                remedy: via.remedy.clone().or_else(|| Some(revoke())),
            }
        }
        None => {
            let privilege = if held.is_grantable { GRANT_OPTION.to_owned() } else { held.privilege.clone() };
            let remedy = shop.step(RightsChange::Revoke, &held.on, privilege, grantee).sql;
            ExcessRights { what: format!("{what}, which is more than this database"), remedy: Some(remedy) }
        }
    }
}

/// Whether a role other than an admin must not hold this privilege.
fn exceeds_rights(engine: Engine, rights: &Rights, held: &HeldPrivilege) -> bool {
    let privilege = held.privilege.as_str();
    let rights_on = |table: &String| rights.tables.iter().find(|rights| rights.table == *table);
    match &held.on {
        GrantObject::Table(table) => rights_on(table).is_some_and(|rights| {
            held.is_grantable || !rights.allows(privilege) || privilege == "SELECT" && !rights.hidden.is_empty()
        }),
        GrantObject::Column(table, column) => rights_on(table).is_some_and(|rights| {
            let is_hidden = rights.hidden.contains(column);
            let is_mark = is_hidden && engine.mark == Some(privilege);
            !is_mark && (held.is_grantable || !rights.allows(privilege) || is_hidden && privilege == "SELECT")
        }),
        GrantObject::Schema => held.is_grantable || privilege == "CREATE",
        GrantObject::Database(_) | GrantObject::Wider(_) | GrantObject::Beside(_) => {
            let is_wanted_everywhere =
                rights.tables.iter().all(|table| table.allows(privilege) && table.hidden.is_empty());
            held.is_grantable || !(engine.is_harmless(privilege) || is_wanted_everywhere)
        }
    }
}

/// Whether a privilege remains after `revoked` are revoked.
fn remains(held: &HeldPrivilege, revoked: &[&HeldPrivilege]) -> bool {
    let goes = |gone: &&HeldPrivilege| {
        let is_column_of = |table: &String| matches!(&held.on, GrantObject::Column(of, _) if of == table);
        let is_covered = match &gone.on {
            GrantObject::Table(table) => gone.on == held.on || is_column_of(table),
            on => *on == held.on,
        };
        is_covered && !gone.is_grantable && gone.privilege == held.privilege
    };
    !revoked.iter().any(goes)
}

/// One statement per object with all its revoked privileges; grant options and columns have separate statements.
fn revocations(shop: &ShopDatabase, grantee: &Grantee, own: &[&HeldPrivilege]) -> Vec<RightsStep> {
    let mut by_object: BTreeMap<(GrantObject, bool, bool), BTreeMap<&str, Vec<&str>>> = BTreeMap::new();
    for held in own {
        let (on, column) = match &held.on {
            GrantObject::Column(table, column) => (GrantObject::Table(table.clone()), Some(column.as_str())),
            on => (on.clone(), None),
        };
        let is_same =
            |other: &&HeldPrivilege| !other.is_grantable && other.on == held.on && other.privilege == held.privilege;
        if shop.engine.has_option_by_privilege && held.is_grantable && own.iter().any(is_same) {
            continue;
        }
        let statement = by_object.entry((on, held.is_grantable, column.is_some())).or_default();
        statement.entry(&held.privilege).or_default().extend(column);
    }
    let step = |((on, is_grantable, _), privileges): ((GrantObject, bool, bool), BTreeMap<&str, Vec<&str>>)| {
        let list = privileges.iter().map(|(privilege, columns)| with_columns(shop.engine, privilege, columns));
        let list = list.collect::<Vec<_>>().join(", ");
        let privileges = match (is_grantable, shop.engine.has_option_by_privilege) {
            (false, _) => list,
            (true, true) => format!("{GRANT_OPTION} FOR {list}"),
            (true, false) => GRANT_OPTION.to_owned(),
        };
        shop.step(RightsChange::Revoke, &on, privileges, grantee)
    };
    by_object.into_iter().map(step).collect()
}

/// The statement that grants the missing rights on a table.
fn grant(shop: &ShopDatabase, grantee: &Grantee, rights: &TableRights, kept: &[&HeldPrivilege]) -> Option<RightsStep> {
    let on = GrantObject::Table(rights.table.clone());
    let holds = |on: &GrantObject, privilege: &str| {
        kept.iter().any(|held| !held.is_grantable && held.on == *on && held.privilege == privilege)
    };
    let of_column = |column: &str| GrantObject::Column(rights.table.clone(), column.to_owned());
    let mut missing = Vec::new();
    for privilege in rights.privileges.iter().map(|privilege| privilege.as_str()) {
        if privilege == "SELECT" && !rights.hidden.is_empty() {
            let columns = rights.columns.iter().map(String::as_str);
            let columns: Vec<&str> = columns.filter(|column| !holds(&of_column(column), privilege)).collect();
            if !columns.is_empty() {
                missing.push(with_columns(shop.engine, privilege, &columns));
            }
        } else if !holds(&on, privilege) {
            missing.push(privilege.to_owned());
        }
    }
    if let Some(mark) = shop.engine.mark {
        let hidden = rights.hidden.iter().map(String::as_str);
        let hidden: Vec<&str> = hidden.filter(|column| !holds(&of_column(column), mark)).collect();
        if !hidden.is_empty() {
            missing.push(with_columns(shop.engine, mark, &hidden));
        }
    }
    (!missing.is_empty()).then(|| shop.step(RightsChange::Grant, &on, missing.join(", "), grantee))
}

/// `SELECT (id, email)`
fn with_columns(engine: Engine, privilege: &str, columns: &[&str]) -> String {
    let columns: Vec<String> = columns.iter().map(|column| engine.quoted(column)).collect();
    if columns.is_empty() { privilege.to_owned() } else { format!("{privilege} ({})", columns.join(", ")) }
}

/// Runs statements and calls `done` for each. With transactional DDL all or none take effect, and none in a
/// rehearsal. Otherwise each commits on its own, and a rehearsal runs nothing.
pub async fn run(
    database: &Database,
    steps: &[RightsStep],
    is_rehearsal: bool,
    mut done: impl FnMut(&RightsStep),
) -> Result<()> {
    let engine = database.engine();
    let remedy = || Hint::from("to see what is still to be changed: ").and(CommandLine::like("access plan"));
    if !engine.has_transactional_ddl {
        for (count, step) in steps.iter().enumerate() {
            if !is_rehearsal {
                let run = database.connection().execute_unprepared(&step.sql).await;
                run.map_err(|error| incomplete(commit_error(error, remedy()), count, steps.len()))?;
            }
            done(step);
        }
        return Ok(());
    }
    let handle = database.begin().await?;
    // A statement that waits for a table blocks all later ones.
    handle.execute_unprepared(&engine.begin_migration(LOCK_TIMEOUT)).await?;
    engine.assert_may_grant(&handle, steps).await?;
    for step in steps {
        handle.execute_unprepared(&step.sql).await?;
    }
    if is_rehearsal {
        handle.rollback().await?;
    } else {
        handle.commit_or_unknown(remedy()).await?;
    }
    steps.iter().for_each(done);
    Ok(())
}

/// The error of an incomplete run, with the number of executed statements.
fn incomplete(error: Error, count: usize, all: usize) -> Error {
    if count == 0 {
        return error;
    }
    let message = format!("{count} of {all} statements {} run, then: {}", was_were(count), error.message());
    error.reworded(message).hint("run it again when that is fixed; existing grants are kept")
}

/// The effective privileges of this connection's role on the shop's tables.
#[derive(Debug, Clone, Default)]
pub struct EffectiveRights {
    /// The name on the server.
    pub role: String,
    /// The existing tables, each with the privileges on it or on any of its columns.
    pub tables: BTreeMap<String, BTreeSet<Privilege>>,
    pub may_change_schema: bool,
}
