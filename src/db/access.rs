//! Who may do what with the shop's tables: what a role holds, and the statements that leave it with just
//! what it is meant to have.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::ConnectionTrait;

use super::database::Database;
use super::ddl::LOCK_TIMEOUT;
use super::target::Engine;
use crate::domain::named_enum;
use crate::error::{Error, Result};

/// How `WITH GRANT OPTION` is taken away.
const OPTION: &str = "GRANT OPTION";

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
    /// Columns that are read; only asked for where some are hidden.
    pub columns: Vec<String>,
    /// Columns that are not to be read.
    pub hidden: Vec<String>,
}

impl TableRights {
    pub(super) fn allows(&self, privilege: &str) -> bool {
        self.privileges.iter().any(|allowed| allowed.as_str() == privilege)
    }
}

/// Whom the rights are given to, as it was typed and as statements name it.
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

    /// Exit 3, with the statement that makes the role: it needs a password, which is not shopctl's to choose.
    pub(super) fn unknown(&self, statement: &str) -> Error {
        Error::not_found("role", &self.name).hint(format!("create it first: {statement}"))
    }
}

/// What a privilege is on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum On {
    /// All databases of the server, or those that match a pattern, as SQL.
    Beyond(String),
    /// The whole database; MySQL: as SQL.
    Database(String),
    Schema,
    Table(String),
    Column(String, String),
}

/// A privilege that a role holds.
#[derive(Debug, Clone)]
pub(super) struct Held {
    pub(super) on: On,
    /// `SELECT`, `ALL PRIVILEGES`, `TRIGGER` …
    pub(super) privilege: String,
    /// Whether it may be passed on.
    pub(super) is_option: bool,
    /// By what it holds it, unless it was granted to the role itself.
    pub(super) via: Option<Via>,
}

/// A way to a privilege that is not a grant to the role itself.
#[derive(Debug, Clone)]
pub(super) struct Via {
    /// `membership of staff`
    pub(super) how: String,
    /// What closes it; `None` where everybody goes that way, and has to be kept from it.
    pub(super) way_out: Option<String>,
}

named_enum! {
    /// The effect of a statement.
    pub enum Change {
        Grant = "grant",
        Revoke = "revoke",
        /// Changes the owner of the table.
        Own = "own",
    }
}

/// A statement and its subject.
#[derive(Debug, Clone)]
pub struct Step {
    pub change: Change,
    /// `orders`, `schema public`, `database shop`
    pub on: String,
    /// `SELECT, INSERT`
    pub privileges: String,
    pub sql: String,
    /// Whether it is about more than a table.
    pub(super) is_wide: bool,
}

/// The required changes for a role.
#[derive(Debug, Clone, Default)]
pub struct Assessment {
    pub steps: Vec<Step>,
    pub remaining: Vec<Remaining>,
}

/// What a role can do beyond its rights by other ways than grants of its own: those may be other people's too.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Remaining {
    /// `UPDATE on audit_events by membership of staff`
    pub what: String,
    /// The statement that revokes it.
    pub way_out: Option<String>,
}

/// The database that rights are about, as its statements name it.
pub(super) struct Place {
    pub(super) engine: Engine,
    /// MySQL: the database.
    pub(super) schema: String,
    pub(super) database: String,
}

impl Place {
    pub(super) fn sql(&self, on: &On) -> String {
        let quoted = |name: &str| self.engine.quoted(name);
        match on {
            On::Beyond(sql) | On::Database(sql) => sql.clone(),
            On::Schema => format!("SCHEMA {}", quoted(&self.schema)),
            On::Table(table) | On::Column(table, _) => format!("{}.{}", quoted(&self.schema), quoted(table)),
        }
    }

    pub(super) fn shown(&self, on: &On) -> String {
        match on {
            On::Beyond(sql) => sql.clone(),
            On::Database(_) => format!("database {}", self.database),
            On::Schema => format!("schema {}", self.schema),
            On::Table(table) | On::Column(table, _) => table.clone(),
        }
    }

    pub(super) fn step(&self, change: Change, on: &On, privileges: String, grantee: &Grantee) -> Step {
        let (object, role) = (self.sql(on), &grantee.sql);
        let sql = match change {
            Change::Grant => format!("GRANT {privileges} ON {object} TO {role}"),
            // What a role passed on of what it should not have had ends with it.
            Change::Revoke if self.engine.has_option_by_privilege => {
                format!("REVOKE {privileges} ON {object} FROM {role} CASCADE")
            }
            Change::Revoke => format!("REVOKE {privileges} ON {object} FROM {role}"),
            Change::Own => format!("ALTER TABLE {object} OWNER TO {role}"),
        };
        let is_wide = !matches!(on, On::Table(_) | On::Column(..));
        Step { change, on: self.shown(on), privileges, sql, is_wide }
    }
}

/// What has to be done so that a role that reads or writes, but is no admin, has its rights and no more.
pub(super) fn compare(place: &Place, grantee: &Grantee, rights: &Rights, held: &[Held]) -> Assessment {
    let too_much: Vec<&Held> = held.iter().filter(|held| is_too_much(place.engine, rights, held)).collect();
    let (own, others): (Vec<&Held>, Vec<&Held>) =
        too_much.into_iter().partition(|held| held.via.is_none() && !matches!(held.on, On::Beyond(_)));
    let revokes = revocations(place, grantee, &own);
    let kept: Vec<&Held> = held.iter().filter(|held| held.via.is_none() && survives(held, &own)).collect();
    let grants = rights.tables.iter().filter_map(|table| grant(place, grantee, table, &kept));
    // What is taken from a table is taken from its columns too, so that comes first; what holds for the whole
    // database is taken when there is something in its place.
    let (wide, on_tables): (Vec<Step>, Vec<Step>) = revokes.into_iter().partition(|step| step.is_wide);
    let steps = on_tables.into_iter().chain(grants).chain(wide).collect();
    let mut remaining: Vec<Remaining> = others.iter().map(|held| remaining(place, grantee, held)).collect();
    remaining.sort();
    remaining.dedup();
    Assessment { steps, remaining }
}

fn remaining(place: &Place, grantee: &Grantee, held: &Held) -> Remaining {
    let what = match held.is_option {
        true => format!("passing on {} on {}", held.privilege, place.shown(&held.on)),
        false => format!("{} on {}", held.privilege, place.shown(&held.on)),
    };
    match &held.via {
        Some(via) => {
            let everybody = Grantee { name: "PUBLIC".to_owned(), sql: "PUBLIC".to_owned() };
            let revoke = || place.step(Change::Revoke, &held.on, held.privilege.clone(), &everybody).sql;
            Remaining {
                what: format!("{what} by {}", via.how),
                way_out: via.way_out.clone().or_else(|| Some(revoke())),
            }
        }
        None => {
            let privilege = if held.is_option { OPTION.to_owned() } else { held.privilege.clone() };
            let way_out = place.step(Change::Revoke, &held.on, privilege, grantee).sql;
            Remaining { what: format!("{what}, which is more than this database"), way_out: Some(way_out) }
        }
    }
}

/// Whether a role that is no admin should not hold this.
fn is_too_much(engine: Engine, rights: &Rights, held: &Held) -> bool {
    let privilege = held.privilege.as_str();
    let rights_on = |table: &String| rights.tables.iter().find(|rights| rights.table == *table);
    match &held.on {
        On::Table(table) => rights_on(table).is_some_and(|rights| {
            held.is_option || !rights.allows(privilege) || privilege == "SELECT" && !rights.hidden.is_empty()
        }),
        On::Column(table, column) => rights_on(table).is_some_and(|rights| {
            let is_hidden = rights.hidden.contains(column);
            let is_mark = is_hidden && engine.mark == Some(privilege);
            !is_mark && (held.is_option || !rights.allows(privilege) || is_hidden && privilege == "SELECT")
        }),
        On::Schema => held.is_option || privilege == "CREATE",
        On::Database(_) | On::Beyond(_) => {
            let is_wanted_everywhere =
                rights.tables.iter().all(|table| table.allows(privilege) && table.hidden.is_empty());
            held.is_option || !(engine.is_harmless(privilege) || is_wanted_everywhere)
        }
    }
}

/// Whether a privilege is still there when `revoked` are gone.
fn survives(held: &Held, revoked: &[&Held]) -> bool {
    let goes = |gone: &&Held| {
        let is_column_of = |table: &String| matches!(&held.on, On::Column(of, _) if of == table);
        let is_covered = match &gone.on {
            On::Table(table) => gone.on == held.on || is_column_of(table),
            on => *on == held.on,
        };
        is_covered && !gone.is_option && gone.privilege == held.privilege
    };
    !revoked.iter().any(goes)
}

/// One statement for each thing, with all that is taken away there; the right to pass something on, and columns,
/// are taken by statements of their own.
fn revocations(place: &Place, grantee: &Grantee, own: &[&Held]) -> Vec<Step> {
    let mut by_object: BTreeMap<(On, bool, bool), BTreeMap<&str, Vec<&str>>> = BTreeMap::new();
    for held in own {
        let (on, column) = match &held.on {
            On::Column(table, column) => (On::Table(table.clone()), Some(column.as_str())),
            on => (on.clone(), None),
        };
        let is_same = |other: &&Held| !other.is_option && other.on == held.on && other.privilege == held.privilege;
        if place.engine.has_option_by_privilege && held.is_option && own.iter().any(is_same) {
            continue;
        }
        let statement = by_object.entry((on, held.is_option, column.is_some())).or_default();
        statement.entry(&held.privilege).or_default().extend(column);
    }
    let step = |((on, is_option, _), privileges): ((On, bool, bool), BTreeMap<&str, Vec<&str>>)| {
        let list = privileges.iter().map(|(privilege, columns)| with_columns(place.engine, privilege, columns));
        let list = list.collect::<Vec<_>>().join(", ");
        let privileges = match (is_option, place.engine.has_option_by_privilege) {
            (false, _) => list,
            (true, true) => format!("{OPTION} FOR {list}"),
            (true, false) => OPTION.to_owned(),
        };
        place.step(Change::Revoke, &on, privileges, grantee)
    };
    by_object.into_iter().map(step).collect()
}

/// The statement that grants the missing rights on a table.
fn grant(place: &Place, grantee: &Grantee, rights: &TableRights, kept: &[&Held]) -> Option<Step> {
    let on = On::Table(rights.table.clone());
    let holds = |on: &On, privilege: &str| {
        kept.iter().any(|held| !held.is_option && held.on == *on && held.privilege == privilege)
    };
    let of_column = |column: &str| On::Column(rights.table.clone(), column.to_owned());
    let mut missing = Vec::new();
    for privilege in rights.privileges.iter().map(|privilege| privilege.as_str()) {
        if privilege == "SELECT" && !rights.hidden.is_empty() {
            let columns = rights.columns.iter().map(String::as_str);
            let columns: Vec<&str> = columns.filter(|column| !holds(&of_column(column), privilege)).collect();
            if !columns.is_empty() {
                missing.push(with_columns(place.engine, privilege, &columns));
            }
        } else if !holds(&on, privilege) {
            missing.push(privilege.to_owned());
        }
    }
    if let Some(mark) = place.engine.mark {
        let hidden = rights.hidden.iter().map(String::as_str);
        let hidden: Vec<&str> = hidden.filter(|column| !holds(&of_column(column), mark)).collect();
        if !hidden.is_empty() {
            missing.push(with_columns(place.engine, mark, &hidden));
        }
    }
    (!missing.is_empty()).then(|| place.step(Change::Grant, &on, missing.join(", "), grantee))
}

/// `SELECT (id, email)`
fn with_columns(engine: Engine, privilege: &str, columns: &[&str]) -> String {
    let columns: Vec<String> = columns.iter().map(|column| engine.quoted(column)).collect();
    if columns.is_empty() { privilege.to_owned() } else { format!("{privilege} ({})", columns.join(", ")) }
}

/// Runs statements; `done` hears of each. Where they take part in a transaction: all or none, and none when it is a
/// rehearsal. Elsewhere each commits by itself, and a rehearsal runs nothing.
pub async fn run(database: &Database, steps: &[Step], is_rehearsal: bool, mut done: impl FnMut(&Step)) -> Result<()> {
    let engine = database.engine();
    if !engine.has_transactional_ddl {
        for (count, step) in steps.iter().enumerate() {
            if !is_rehearsal {
                let run = database.connection().execute_unprepared(&step.sql).await;
                run.map_err(|error| incomplete(error.into(), count, steps.len()))?;
            }
            done(step);
        }
        return Ok(());
    }
    let handle = database.begin().await?;
    // Whoever waits for a table keeps everybody else from it.
    handle.execute_unprepared(&engine.begin_migration(LOCK_TIMEOUT)).await?;
    engine.assert_may_grant(&handle, steps).await?;
    for step in steps {
        handle.execute_unprepared(&step.sql).await?;
    }
    if is_rehearsal {
        handle.rollback().await?;
    } else {
        handle.commit().await?;
    }
    steps.iter().for_each(done);
    Ok(())
}

/// Says how far it came where each statement commits by itself.
fn incomplete(error: Error, count: usize, all: usize) -> Error {
    if count == 0 {
        return error;
    }
    let message = format!("{count} of {all} statements were run, then: {}", error.message());
    error.reworded(message).hint("run it again when that is mended: what was granted already is left alone")
}

/// What the role of this connection can do with the shop's tables.
#[derive(Debug, Clone, Default)]
pub struct Effective {
    /// The name on the server.
    pub role: String,
    /// Tables that are there, each with what can be done with it or a part of it.
    pub tables: BTreeMap<String, BTreeSet<Privilege>>,
    /// Columns that can be read of those that some must not read.
    pub hidden_readable: Vec<String>,
    pub may_change_schema: bool,
}
