//! Rows with the same id: another program stored one UUID in two forms, or dropped a primary key. Each way out gives
//! one of them another id.

use std::collections::BTreeMap;

use sea_orm::{ConnectionTrait, Statement};
use uuid::Uuid;

use super::explain::AuditedEntity;
use crate::db::target::{Engine, OwnForm};
use crate::domain::text::{counted, first_names};
use crate::domain::{Form, Id, IdSource};
use crate::entity::tables::{Family, tables};
use crate::error::{Error, Hint, Result, printable};
use crate::repository::invariant::NAMED;
use crate::repository::trail;

/// A new id in the form of the database.
fn new_id(ids: IdSource, form: Option<Form>) -> Id {
    let id = ids.next();
    form.map_or(Id::Known(id), |form| Id::Formed(id, form))
}

/// Refuses to work with rows of which several have the same id.
///
/// Errors: exit 6, naming the first ones, with the statement that gives one another id.
pub(super) async fn refuse<E: AuditedEntity>(
    connection: &impl ConnectionTrait,
    ids: IdSource,
    form: Option<Form>,
) -> Result<()> {
    let Some(id) = trail::find_shared_id(connection, E::ID).await? else { return Ok(()) };
    // Without password hashes, which not every role may read.
    let rows = trail::find(connection, E::select(false), E::ID, &[id]).await?;
    let names = E::subjects(connection, rows).await?.into_iter().map(|row| printable(&row.name));
    let names: Vec<String> = names.collect();
    let (table, entity) = (E::default().table_name(), counted(names.len(), E::KIND.as_str()));
    let named = first_names(names.iter().cloned(), NAMED);
    let is_twin = format!("id = {}", id.literal());
    let engine = Engine::of(connection);
    let condition = engine.one_of(table, &is_twin);
    let statement = format!("UPDATE {table} SET id = {} WHERE {condition}", new_id(ids, form).literal());
    let script = in_transaction(engine, &[statement]);
    let message = format!("{entity} have the id {}: {named}; nothing was adopted", printable(&id.to_string()));
    Err(Error::conflict("row.shared_id", message)
        .hint(Hint::from(format!("to give one of them another id, in the database's own client: {script}")))
        .hint("or delete one of them there"))
}

/// The statements as one script, while foreign keys are not checked.
pub(super) fn in_transaction(engine: Engine, statements: &[String]) -> String {
    let (before, after) = match (engine.unchecked_references, engine.script_transaction) {
        (Some((off, on)), _) => (off.to_owned(), on),
        (None, Some((begin, commit))) => (format!("{}; {begin}", engine.script_beginning), commit),
        (None, None) => return String::new(),
    };
    format!("{before}; {}; {after};", statements.join("; "))
}

/// Rows of one table whose ids are the same UUID in several forms.
pub(super) struct Twins {
    /// The first of them: `orders 01a2… (stored as '01a2…' and '01A2…')`.
    pub named: Vec<String>,
    /// What gives all but one of them another id, with what refers to them.
    pub statements: Vec<String>,
}

/// Finds such rows. `form` tells ids in another form than the database's.
pub(super) async fn find_in_two_forms(
    connection: &impl ConnectionTrait,
    table: &str,
    form: &OwnForm,
    ids: IdSource,
    own: Option<Form>,
) -> Result<Twins> {
    let uuid = &form.own;
    let sql = format!(
        "SELECT id FROM {table} WHERE {uuid} IN (SELECT {uuid} FROM {table} WHERE {uuid} IS NOT NULL \
         GROUP BY {uuid} HAVING COUNT(*) > 1)"
    );
    let statement = Statement::from_string(connection.get_database_backend(), sql);
    let mut by_uuid = BTreeMap::<Uuid, Vec<Id>>::new();
    for row in connection.query_all_raw(statement).await? {
        let id: Id = row.try_get("", "id")?;
        if let Some(uuid) = id.uuid() {
            by_uuid.entry(uuid).or_default().push(id);
        }
    }
    let mut twins = Twins { named: Vec::new(), statements: Vec::new() };
    for (uuid, mut stored) in by_uuid {
        stored.sort_unstable();
        stored.dedup();
        let forms: Vec<String> = stored.iter().map(|id| id.literal()).collect();
        if let [_, others @ ..] = &stored[..]
            && !others.is_empty()
            && twins.named.len() < NAMED
        {
            twins.named.push(format!("{table} {uuid} (stored as {})", forms.join(" and ")));
            twins.statements.extend(others.iter().flat_map(|id| renamed(table, *id, new_id(ids, own))));
        }
    }
    Ok(twins)
}

/// Gives a row another id, and what refers to it; its events stay those of the old one.
fn renamed(table: &str, id: Id, new: Id) -> Vec<String> {
    let update = |table: &str, column: &str| {
        format!("UPDATE {table} SET {column} = {} WHERE {column} = {}", new.literal(), id.literal())
    };
    let reference = format!("{}_id", table.strip_suffix('s').unwrap_or(table));
    let children = tables().into_iter().flat_map(|child| {
        let columns =
            child.columns.into_iter().filter(|column| column.family == Family::Id && column.name == reference);
        columns.map(move |column| (child.name.clone(), column.name)).collect::<Vec<_>>()
    });
    let children = children.map(|(child, column)| update(&child, &column));
    std::iter::once(update(table, "id")).chain(children).collect()
}
