//! Upserts of users and products by key: absent rows are created, different ones updated.

use std::collections::{HashMap, HashSet};

use sea_orm::ConnectionTrait;
use uuid::Uuid;

use super::holders::Holders;
use super::options::{Import, OnConflict};
use super::position::Position;
use super::rejection::{Problem, Rejection};
use super::row::{Applied, Row, Storable, ValueChange};
use super::spelling::KeySpellings;
use crate::domain::text::distinct;
use crate::entity::field::{Editable, Requirement};
use crate::error::Result;
use crate::repository::{Change, Lock};
use crate::service::operation::Operation;

/// The differences between users and products.
#[expect(async_fn_in_trait, reason = "used within this crate only")]
pub trait Upsert: Row {
    type Model: Editable;

    /// The rows with these stored keys.
    async fn find(connection: &impl ConnectionTrait, keys: &[&str], lock: Lock) -> Result<Vec<Self::Model>>;

    /// The stored row with the file's values, and whether the file has a different stock, which is not
    /// imported; problems are collected.
    fn merged_into(&self, stored: &Self::Model, wrong: &mut Vec<Problem>) -> (Self::Model, bool);

    /// The new row; problems are collected.
    fn to_new(&self, wrong: &mut Vec<Problem>) -> Self::Model;

    /// The id of a new row, where the file has one.
    fn id(&self) -> Option<Uuid>;

    /// Why a written key is ambiguous between several stored ones.
    fn ambiguous(key: &str, keys: &KeySpellings) -> Option<String>;

    async fn create(operation: &mut Operation, new: Vec<Self::Model>) -> Result<()>;

    async fn update(operation: &Operation, before: &Self::Model, after: Self::Model) -> Result<Change>;
}

/// The effect of a row.
enum RowEffect<'a, U: Upsert> {
    Create(U::Model),
    /// The row before and after; equal if nothing changes.
    Keep {
        before: &'a U::Model,
        after: U::Model,
        has_other_stock: bool,
    },
}

impl<U: Upsert> Storable for U {
    type CheckState = ();

    async fn existing(
        connection: &impl ConnectionTrait,
        rows: &[(Position, U)],
        import: &Import,
    ) -> Result<HashSet<String>> {
        let stored = find::<U>(connection, keys_of(rows), &import.keys, Lock::None).await?;
        let existing_row = rows.iter().filter(|(_, row)| !find_named::<U>(&stored, row.key(), &import.keys).is_empty());
        Ok(existing_row.map(|(_, row)| row.key().to_owned()).collect())
    }

    async fn check(
        connection: &impl ConnectionTrait,
        rows: &[(Position, U)],
        import: &Import,
        _state: &mut (),
    ) -> Result<Vec<(usize, Vec<Rejection>)>> {
        let stored = find::<U>(connection, keys_of(rows), &import.keys, Lock::None).await?;
        let holders = find_holders(connection, rows).await?;
        let wrong = |(position, (at, row)): (usize, &(Position, U))| {
            let existing_row = find_named::<U>(&stored, row.key(), &import.keys);
            // A row that another process has just created is left alone.
            let is_left = !existing_row.is_empty() && import.on_conflict != OnConflict::Update;
            if is_left {
                None
            } else {
                Some((position, row_effect(*at, row, existing_row, &holders, &import.keys).err()?))
            }
        };
        Ok(rows.iter().enumerate().filter_map(wrong).collect())
    }

    async fn apply(operation: &mut Operation, rows: &[(Position, U)], import: &Import) -> Result<Applied> {
        let (mut applied, mut new) = (Applied::default(), Vec::new());
        let stored = find::<U>(operation.handle(), keys_of(rows), &import.keys, Lock::Update).await?;
        let holders = find_holders(operation.handle(), rows).await?;
        for (position, (at, row)) in rows.iter().enumerate() {
            let existing_row = find_named::<U>(&stored, row.key(), &import.keys);
            if !existing_row.is_empty() && applied.skips_existing(position, *at, row, import) {
                continue;
            }
            match row_effect(*at, row, existing_row, &holders, &import.keys) {
                Err(wrong) => applied.refused.push((position, wrong)),
                Ok(RowEffect::Create(created)) => new.push(created),
                Ok(RowEffect::Keep { before, after, has_other_stock }) => {
                    applied.counts.other_stock += u64::from(has_other_stock);
                    if *before == after {
                        applied.counts.unchanged += 1;
                        continue;
                    }
                    if import.lists_changes {
                        applied.changes.extend(changes(before, &after));
                    }
                    let change = U::update(operation, before, after).await?;
                    operation.record(change);
                    applied.counts.updated += 1;
                }
            }
        }
        applied.counts.created += new.len() as u64;
        U::create(operation, new).await?;
        Ok(applied)
    }
}

fn keys_of<U: Upsert>(rows: &[(Position, U)]) -> impl Iterator<Item = &str> {
    rows.iter().map(|(_, row)| row.key())
}

/// The stored rows that a file names, by their keys: several where no index forbids it.
pub async fn find<U: Upsert>(
    connection: &impl ConnectionTrait,
    written: impl Iterator<Item = &str>,
    keys: &KeySpellings,
    lock: Lock,
) -> Result<HashMap<String, Vec<U::Model>>> {
    let names = distinct(written.flat_map(|key| [key.to_owned(), U::identity(key, keys)]));
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut found = HashMap::<String, Vec<U::Model>>::new();
    for stored in U::find(connection, &names, lock).await? {
        found.entry(key_of(&stored)).or_default().push(stored);
    }
    Ok(found)
}

/// The stored rows that a written key names: an exact key takes precedence over another spelling.
pub fn find_named<'a, U: Upsert>(
    stored: &'a HashMap<String, Vec<U::Model>>,
    written: &str,
    keys: &KeySpellings,
) -> &'a [U::Model] {
    let named = stored.get(written).or_else(|| stored.get(&U::identity(written, keys)));
    named.map_or(&[], Vec::as_slice)
}

async fn find_holders<U: Upsert>(connection: &impl ConnectionTrait, rows: &[(Position, U)]) -> Result<Holders> {
    Holders::find(connection, U::OPERATION.kind(), rows.iter().filter_map(|(_, row)| row.id())).await
}

/// The effect of a row. Errors: all its problems.
fn row_effect<'a, U: Upsert>(
    at: Position,
    row: &U,
    stored: &'a [U::Model],
    holders: &Holders,
    keys: &KeySpellings,
) -> Result<RowEffect<'a, U>, Vec<Rejection>> {
    if let Some(reason) = U::ambiguous(row.key(), keys) {
        return Err(vec![Rejection::for_row(at, row.key(), reason)]);
    }
    let mut wrong = Vec::new();
    let effect = match meant(row, stored) {
        Err(reason) => return Err(vec![Rejection::for_row(at, row.key(), reason)]),
        Ok(Some(before)) => {
            let (after, has_other_stock) = row.merged_into(before, &mut wrong);
            RowEffect::Keep { before, after, has_other_stock }
        }
        Ok(None) => {
            wrong.extend(holders.taken_id(row.id(), row.key()));
            RowEffect::Create(row.to_new(&mut wrong))
        }
    };
    if wrong.is_empty() { Ok(effect) } else { Err(wrong.into_iter().map(|wrong| wrong.at(at)).collect()) }
}

/// The stored row that is meant among those with the same key: the only one, or one that the file does not change.
fn meant<'a, U: Upsert>(row: &U, stored: &'a [U::Model]) -> Result<Option<&'a U::Model>, String> {
    if let [] | [_] = stored {
        return Ok(stored.first());
    }
    let is_unchanged = |stored: &&U::Model| {
        let mut wrong = Vec::new();
        row.merged_into(stored, &mut wrong).0 == **stored && wrong.is_empty()
    };
    stored.iter().find(is_unchanged).map(Some).ok_or_else(|| shared_key(stored.len(), U::NOUN))
}

/// Why a key names no row of several.
pub fn shared_key(count: usize, noun: &str) -> String {
    format!("is the key of {count} {noun}s; give them different keys first")
}

/// The natural key as it is stored.
fn key_of<M: Editable>(stored: &M) -> String {
    let field = M::FIELDS.iter().find(|field| field.requirement == Requirement::Key);
    field.map(|field| (field.stored)(stored)).unwrap_or_default()
}

/// The values that differ between two states of a row.
pub fn changes<M: Editable>(before: &M, after: &M) -> Vec<ValueChange> {
    let key = key_of(before);
    let values = M::FIELDS.iter().map(|field| (field.name, (field.stored)(before), (field.stored)(after)));
    let changed = values.filter(|(_, before, after)| before != after);
    changed.map(|(column, before, after)| ValueChange { key: key.clone(), column, before, after }).collect()
}
