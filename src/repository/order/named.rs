//! Finds orders by name: an id, or a reference in any case.

use std::collections::{HashMap, HashSet};

use sea_orm::sea_query::{Alias, Expr, ExprTrait, Func, Query};
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter};
use uuid::Uuid;

use super::super::Lock;
use super::super::names::{Candidate, Nouns, ambiguous};
use crate::db::target::Engine;
use crate::db::write::WriteHandle;
use crate::domain::{Id, reference};
use crate::entity::order::{Column, Entity, Model};
use crate::error::Result;

/// An order by id or reference as typed: an exact match takes precedence over another spelling.
///
/// Errors: exit 6 if several orders have this id or reference, or match in other spellings.
pub async fn find_named(connection: &impl ConnectionTrait, name: &str, lock: Lock) -> Result<Option<Model>> {
    let names = [name.to_owned()];
    let mut found = find_likely(connection, &names, lock).await?;
    let likely: HashSet<Id> = found.iter().map(|order| order.id).collect();
    add_in_any_case(connection, &names, &mut found).await?;
    let order = named(&found, name)?.cloned();
    match order {
        // Locking during a full scan would lock all rows.
        Some(order) if lock != Lock::None && !likely.contains(&order.id) => {
            Ok(super::super::locked(Entity::find_by_id(order.id), lock).one(connection).await?)
        }
        order => Ok(order),
    }
}

/// As [`find_named`], locked until the operation ends, and as plain reads of the operation see it: those of its lines
/// and refunds that follow need no lock of their own.
///
/// Errors: also ends the attempt if it has waited for a change that plain reads do not see.
pub async fn find_for_update(handle: &WriteHandle, name: &str) -> Result<Option<Model>> {
    let order = find_named(handle, name, Lock::Update).await?;
    check_seen(handle, order.as_slice()).await?;
    Ok(order)
}

/// Ends the attempt if these locked orders have changed since the snapshot that plain reads use: the next attempt
/// takes a new one. Every change of an order's lines and refunds is one of its row as well.
pub(super) async fn check_seen(handle: &WriteHandle, locked: &[Model]) -> Result<()> {
    if !handle.engine().reads_a_snapshot || locked.is_empty() {
        return Ok(());
    }
    let with_id = || locked.iter().filter(|order| order.id != Id::Missing);
    let ids: Vec<Id> = with_id().map(|order| order.id).collect();
    let seen = super::find_by_ids(handle, &ids).await?;
    let seen: HashMap<Id, Model> = seen.into_iter().map(|order| (order.id, order)).collect();
    match with_id().all(|order| seen.get(&order.id) == Some(order)) {
        true => Ok(()),
        false => Err(handle.outdated("someone else has just changed this order").into()),
    }
}

/// The order of each of these ids and references, in their order; an error for one that is ambiguous.
pub async fn find_each_named(
    connection: &impl ConnectionTrait,
    names: &[String],
) -> Result<Vec<Result<Option<Model>>>> {
    let mut orders = Vec::with_capacity(names.len());
    for names in names.chunks(super::super::ROWS_PER_INSERT) {
        let mut found = find_likely(connection, names, Lock::None).await?;
        add_in_any_case(connection, names, &mut found).await?;
        orders.extend(names.iter().map(|name| named(&found, name).map(Option::<&Model>::cloned)));
    }
    Ok(orders)
}

/// The existing orders of these ids and references, each once and in no particular order.
///
/// Errors: as of [`find_named`].
pub async fn find_all_named(connection: &impl ConnectionTrait, names: &[String]) -> Result<Vec<Model>> {
    let (mut orders, mut seen) = (Vec::new(), HashSet::new());
    for order in find_each_named(connection, names).await? {
        orders.extend(order?.filter(|order| seen.insert(order.id)));
    }
    Ok(orders)
}

/// The names that match none of the found orders.
pub fn unknown_among<'a>(found: &[Model], names: &'a [String]) -> Vec<&'a str> {
    let ids: HashSet<Uuid> = found.iter().filter_map(|order| order.id.uuid()).collect();
    let keys: HashSet<String> = found.iter().map(|order| reference::key(&order.reference)).collect();
    let is_known = |name: &str| {
        Uuid::try_parse(name).is_ok_and(|id| ids.contains(&id))
            || keys.contains(&reference::key(name))
            || keys.contains(&reference::key(&reference::folded(name)))
            || found.iter().any(|order| order.id.is_shown_as(name))
    };
    names.iter().map(String::as_str).filter(|name| !is_known(name)).collect()
}

/// Uses the index: ids, and references in the most likely spellings.
async fn find_likely(connection: &impl ConnectionTrait, names: &[String], lock: Lock) -> Result<Vec<Model>> {
    let engine = Engine::of(connection);
    let ids = names.iter().filter(|name| Uuid::try_parse(name).is_ok());
    let ids: Vec<Id> = ids.flat_map(|name| engine.ids_named(name)).collect();
    let references = || names.iter().filter(|name| Uuid::try_parse(name).is_err());
    let references: Vec<String> = references().flat_map(|name| reference::spellings(name)).collect();
    let mut condition = Condition::any();
    if !ids.is_empty() {
        condition = condition.add(Column::Id.is_in(ids));
    }
    if !references.is_empty() {
        condition = condition.add(super::super::among(connection, Column::Reference, references));
    }
    Ok(super::super::locked(Entity::find().filter(condition), lock).all(connection).await?)
}

/// Adds the orders in any other case. Not indexed: only for names without an exact match, and for own
/// references only if no likely spelling matches. Another program's reference may look like an id.
async fn add_in_any_case(connection: &impl ConnectionTrait, names: &[String], found: &mut Vec<Model>) -> Result<()> {
    let is_settled = |name: &str| {
        let id = Uuid::try_parse(name).ok();
        let is_meant = |order: &Model| order.reference == name.trim() || id.is_some_and(|id| order.id == id);
        let is_exact = found.iter().any(is_meant);
        let key = reference::key(name);
        let is_ours = || reference::without_dash(&key).is_some();
        is_exact || is_ours() && found.iter().any(|order| reference::key(&order.reference) == key)
    };
    let open: Vec<&String> = names.iter().filter(|name| !is_settled(name)).collect();
    let engine = Engine::of(connection);
    let ids: Vec<Id> = open.iter().flat_map(|name| engine.ids_named(name)).collect();
    let lowered: Vec<String> = open
        .into_iter()
        .flat_map(|name| {
            let key = reference::key(name);
            let bare = reference::without_dash(&key);
            // An engine lower-cases either only ASCII or everything.
            [Some(key), bare].into_iter().flatten().flat_map(|key| [key.to_ascii_lowercase(), key.to_lowercase()])
        })
        .collect();
    if lowered.is_empty() {
        return Ok(());
    }
    let lowered = lowered.into_iter().map(Into::into).collect();
    let mut condition =
        Condition::any().add(engine.is_among(Func::lower(Column::Reference.into_expr()).into(), lowered));
    if !ids.is_empty() {
        condition = condition.add(Column::Id.is_in(ids));
    }
    let others = Entity::find().filter(condition).all(connection).await?;
    let known: HashSet<Id> = found.iter().map(|order| order.id).collect();
    found.extend(others.into_iter().filter(|order| !known.contains(&order.id)));
    Ok(())
}

/// The order that `name` means: by id, else with exactly this reference, else in another case, else an
/// own reference with I and L read as 1 and O as 0, else by an id that is shown so though it is not a UUID.
///
/// Errors: exit 6 if it is ambiguous.
fn named<'a>(orders: &'a [Model], name: &str) -> Result<Option<&'a Model>> {
    let of = |is_meant: &dyn Fn(&Model) -> bool| orders.iter().filter(|order| is_meant(order)).collect::<Vec<_>>();
    let by_id = || of(&|order| order.id.is_shown_as(name));
    let by_key = |key: String| of(&|order| reference::key(&order.reference) == key);
    let ways: &[&dyn Fn() -> Vec<&'a Model>] = match Uuid::try_parse(name) {
        Ok(_) => &[&by_id, &|| of(&|order| order.reference.eq_ignore_ascii_case(name))],
        Err(_) => &[
            &|| of(&|order| order.reference == name.trim()),
            &|| by_key(reference::key(name)),
            &|| by_key(reference::folded(name)),
            &by_id,
        ],
    };
    let meant = ways.iter().map(|way| way()).find(|meant| !meant.is_empty()).unwrap_or_default();
    if let [] | [_] = meant[..] {
        return Ok(meant.first().copied());
    }
    let candidate = |order: &&'a Model| Candidate { id: order.id, key: &order.reference };
    Err(ambiguous(&NOUNS, name, &meant.iter().map(candidate).collect::<Vec<_>>()))
}

const NOUNS: Nouns = Nouns { code: "order.ambiguous", many: "orders", key: "reference", show: "order show" };

/// Whether the same reference exists with a dash in the middle.
pub(super) fn has_twin_with_dash() -> Condition {
    const HALF: i32 = 5;
    let twin = Alias::new("twin");
    let reference = || Expr::col((Entity, Column::Reference));
    let part = |from: i32| Func::cust("substr").arg(reference()).arg(from).arg(HALF);
    let dashed = Func::cust("concat").arg(part(1)).arg("-").arg(part(HALF + 1));
    let mut twins = Query::select();
    twins.expr(Expr::value(1)).from_as(Entity, twin.clone()).and_where(Expr::col((twin, Column::Reference)).eq(dashed));
    Condition::all().add(Func::char_length(reference()).eq(2 * HALF)).add(Expr::exists(twins))
}
