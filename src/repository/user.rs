//! Users: finders, list, writes.

use std::collections::{BTreeSet, HashSet};

use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Expr, ExprTrait, Func, Query};
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select};
use serde_json::Value as Json;
use uuid::Uuid;

pub use super::Lock;
use super::names::{Candidate, Nouns, ambiguous};
use super::{Change, ListFilter, Match, Search, SortField, SortKind};
use crate::db::fault::{Fault, UniqueConstraint, classify};
use crate::db::guarded::Connection;
use crate::db::target::Engine;
use crate::db::write::WriteHandle;
use crate::domain::{EntityKind, Id, SearchText, UserStatus, password, personal};
use crate::entity::order;
use crate::entity::user::{Column, Entity, Model};
use crate::error::Result;

/// No two users share an e-mail address.
pub const UNIQUE_EMAIL: UniqueConstraint = UniqueConstraint { name: "uq_users_email", columns: "users.email" };

/// The filter of users, for list and count.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// With this status; `None` means any.
    pub status: Option<UserStatus>,
    /// Anywhere in e-mail, first or last name.
    pub search: Search,
    /// Created at or after this time.
    pub created_since: Option<DateTime<Utc>>,
    /// Exclusive.
    pub created_until: Option<DateTime<Utc>>,
    /// Only users without any order.
    pub never_ordered: bool,
}

impl ListFilter for Filter {
    type Entity = Entity;
    const SORT_FIELDS: &'static [SortField<Entity>] = &[
        SortField::new("created_at", Column::CreatedAt, SortKind::Time, |row: &Model| row.created_at.to_text()),
        SortField::new("email", Column::Email, SortKind::Text, |row: &Model| row.email.to_text()),
    ];
    const ID: (Column, fn(&Model) -> Id) = (Column::Id, |row| row.id);

    fn select(&self, connection: &impl ConnectionTrait) -> Select<Entity> {
        let period = super::in_period(connection, Column::CreatedAt, self.created_since, self.created_until);
        let condition = Condition::all()
            .add_option(
                self.status
                    .map(|status| Engine::of(connection).is_one_of(Column::Status.into_expr(), vec![status.as_str()])),
            )
            .add(self.search.finds_user())
            .add_option(self.never_ordered.then(has_no_order))
            .add(period);
        Entity::find_without_hash().filter(condition)
    }
}

fn has_no_order() -> Expr {
    let mut orders = Query::select();
    orders
        .column((order::Entity, order::Column::UserId))
        .from(order::Entity)
        .and_where(order::Column::UserId.into_expr().eq(Column::Id.into_expr()));
    Expr::exists(orders).not()
}

/// The user with this id, without password hash.
pub async fn find_by_id(connection: &impl ConnectionTrait, id: Id) -> Result<Option<Model>> {
    Ok(Entity::find_without_hash().filter(Column::Id.eq(id)).one(connection).await?)
}

/// The user with this id, complete and locked against changes until the operation ends.
pub async fn find_by_id_for_share(handle: &WriteHandle, id: Id) -> Result<Option<Model>> {
    Ok(find(Lock::Share).filter(Column::Id.eq(id)).one(handle).await?)
}

/// Users are read without password hashes unless they are locked for a change.
fn find(lock: Lock) -> Select<Entity> {
    match lock {
        Lock::None => Entity::find_without_hash(),
        Lock::Share | Lock::Update => super::locked(Entity::find(), lock),
    }
}

/// The existing users with these ids, without their hashes.
pub async fn find_by_ids(connection: &impl ConnectionTrait, ids: &[Id]) -> Result<Vec<Model>> {
    super::find_among(connection, &Entity::find_without_hash(), Column::Id, ids).await
}

/// The users with these stored e-mail addresses, without password hashes unless they are locked.
pub async fn find_by_emails(connection: &impl ConnectionTrait, emails: &[&str], lock: Lock) -> Result<Vec<Model>> {
    let select = find(lock).order_by_asc(Column::Id);
    super::find_among(connection, &select, Column::Email, emails).await
}

/// Candidates for foreign spellings of addresses; a superset, because the engines' LOWER differs beyond
/// ASCII.
pub async fn find_foreign_emails(connection: &impl ConnectionTrait) -> Result<Vec<String>> {
    let email = || Column::Email.into_expr();
    let odd = Condition::any()
        .add(Engine::of(connection).differ(email(), Func::lower(email()).into()))
        .add(super::has_odd_characters(connection, Column::Email));
    Ok(Entity::find().select_only().column(Column::Email).filter(odd).into_tuple().all(connection).await?)
}

/// The user with this address in canonical form, or in any case as another program wrote it.
pub async fn find_by_email(connection: &impl ConnectionTrait, email: &str) -> Result<Option<Model>> {
    find_one(connection, UserKey::Email(email), Lock::None).await
}

/// At most `limit` active users, for interactive search by e-mail or name.
pub async fn suggest(connection: &Connection, text: &str, how: Match, limit: u64) -> Result<Vec<Model>> {
    let active = UserStatus::Active;
    let select = match how {
        // Inside a function, so that SQLite does not use the unselective index on the status.
        Match::Start => super::starting_with(Entity::find_without_hash(), Column::Email, &text.to_lowercase())
            .filter(Func::lower(Column::Status.into_expr()).eq(active)),
        Match::Anywhere => Entity::find_without_hash()
            .filter(Column::Status.eq(active))
            .filter(Search::users(connection, &SearchText::new(text)).await?.finds_user())
            .order_by_desc(Column::CreatedAt)
            .order_by_desc(Column::Id),
    };
    Ok(select.limit(limit).all(connection).await?)
}

/// At most `limit` users whose e-mail address begins with a text, but none without a name.
pub async fn find_starting_with(connection: &impl ConnectionTrait, text: &str, limit: u64) -> Result<Vec<Model>> {
    let named = Entity::find_without_hash().filter(Column::Status.ne(UserStatus::Anonymized));
    Ok(super::starting_with(named, Column::Email, &text.to_lowercase()).limit(limit).all(connection).await?)
}

/// A typed name of a user.
#[derive(Debug, Clone, Copy)]
pub enum UserKey<'a> {
    /// The user's id, in any of its stored forms; as typed, because another program's address may look like one.
    Id(&'a str),
    /// The e-mail address as typed.
    Email(&'a str),
}

impl<'a> UserKey<'a> {
    /// A UUID names a user by id, or by such an address if there is none; everything else by e-mail address.
    pub fn parse(text: &'a str) -> UserKey<'a> {
        match Uuid::try_parse(text) {
            Ok(_) => UserKey::Id(text),
            Err(_) => UserKey::Email(text),
        }
    }
}

/// Finds a user by id or e-mail in any spelling: without password hash, or locked and complete.
///
/// Errors: exit 6 if several users have this id or address, or the address in other spellings than the typed one.
pub async fn find_one(connection: &impl ConnectionTrait, who: UserKey<'_>, lock: Lock) -> Result<Option<Model>> {
    find_in(connection, find(lock), who).await
}

/// Finds a user with the password hash, for roles that may read it.
pub async fn find_with_hash(connection: &impl ConnectionTrait, who: UserKey<'_>) -> Result<Option<Model>> {
    find_in(connection, Entity::find(), who).await
}

async fn find_in(connection: &impl ConnectionTrait, users: Select<Entity>, who: UserKey<'_>) -> Result<Option<Model>> {
    let of_id = |name: &str| users.clone().filter(Column::Id.is_in(Engine::of(connection).ids_named(name)));
    let email = match who {
        UserKey::Id(typed) => match of_id(typed).all(connection).await? {
            found if found.is_empty() => typed,
            found => return only(found, typed),
        },
        UserKey::Email(email) => email,
    };
    // Another program may have stored blanks around an address.
    let (typed, email) = (email, email.trim());
    let stored = BTreeSet::from([email.to_lowercase(), email.to_owned(), typed.to_owned()]);
    let exact = super::among(connection, Column::Email, stored);
    let mut found = users.clone().filter(exact).all(connection).await?;
    if found.is_empty() {
        found = find_spelled(connection, users.clone(), email).await?;
        if found.len() > 1 {
            return only(found, email);
        }
    }
    if found.is_empty() && !Engine::of(connection).ids_named(email).is_empty() {
        return only(of_id(email).all(connection).await?, email);
    }
    // Of several spellings the typed one takes precedence.
    found.sort_by_key(|user| (user.email != typed, user.email != email));
    let first = found.first().map(|user| user.email.clone());
    found.retain(|user| Some(&user.email) == first.as_ref());
    only(found, email)
}

const NOUNS: Nouns = Nouns { code: "user.ambiguous", many: "users", key: "e-mail address", show: "user show" };

/// The only user that a name means. Errors: exit 6 for several.
fn only(found: Vec<Model>, name: &str) -> Result<Option<Model>> {
    if found.len() > 1 {
        let candidates: Vec<_> = found.iter().map(|user| Candidate { id: user.id, key: &user.email }).collect();
        return Err(ambiguous(&NOUNS, name, &candidates));
    }
    Ok(found.into_iter().next())
}

/// Checks that no two of the users have the same address. Errors: exit 6.
pub fn check_told_apart(users: &[Model]) -> Result<()> {
    let mut seen = HashSet::with_capacity(users.len());
    let Some(twin) = users.iter().find(|user| !seen.insert(user.email.as_str())) else { return Ok(()) };
    let alike = users.iter().filter(|user| user.email == twin.email).cloned().collect();
    only(alike, &twin.email).map(drop)
}

/// The users with this address in another case. Not indexed: only for rows of other programs, if nothing
/// else matches. Beyond ASCII the engines lower-case differently (MariaDB maps `İ` to `i`), so that
/// shopctl compares by itself.
async fn find_spelled(connection: &impl ConnectionTrait, users: Select<Entity>, email: &str) -> Result<Vec<Model>> {
    let folded = email.to_lowercase();
    let condition = if email.is_ascii() {
        Engine::of(connection).is_among(Func::lower(Column::Email.into_expr()).into(), vec![folded.as_str().into()])
    } else {
        let is_beyond_ascii = Engine::of(connection).is_beyond_ascii(Column::Email.into_expr());
        let emails = Entity::find().select_only().column(Column::Email).filter(is_beyond_ascii);
        let emails: Vec<String> = emails.into_tuple().all(connection).await?;
        super::among(connection, Column::Email, emails.into_iter().filter(|email| email.to_lowercase() == folded))
    };
    let mut found = users.filter(condition).all(connection).await?;
    found.retain(|user| user.email.to_lowercase() == folded);
    Ok(found)
}

/// Whether this connection may read password hashes. Not for a transaction, which a denied query may end.
pub async fn may_read_hashes(connection: &impl ConnectionTrait) -> Result<bool> {
    let hashes = Entity::find().select_only().column(Column::PasswordHash).limit(1);
    match hashes.into_tuple::<Option<String>>().all(connection).await {
        Ok(_) => Ok(true),
        Err(error) if classify(&error) == Fault::Permission => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Inserts many in few statements; a change for each.
pub async fn create_many(handle: &WriteHandle, users: &[Model]) -> Result<Vec<Change>> {
    let _covered = super::insert_many::<Model, _>(handle, users).await?;
    Ok(users.iter().map(created).collect())
}

/// Inserts a user.
pub async fn create(handle: &WriteHandle, user: &Model) -> Result<Change> {
    let _covered = super::insert_many::<Model, _>(handle, [user]).await?;
    Ok(created(user))
}

fn created(user: &Model) -> Change {
    Change::new(EntityKind::User, user.id, None, Some(audit_view(user)))
}

/// Writes `after` over `before`; fails as stale if the row was changed meanwhile.
pub async fn update(handle: &WriteHandle, before: &Model, after: &Model) -> Result<Change> {
    super::update_changed(handle, before, after, Column::Id.eq(before.id)).await?;
    Ok(changed(before, after))
}

fn changed(before: &Model, after: &Model) -> Change {
    Change::new(EntityKind::User, before.id, Some(audit_view(before)), Some(audit_view(after)))
}

/// Writes every `after` over its locked `before`, many in one statement.
pub async fn update_many(handle: &WriteHandle, pairs: &[(Model, Model)]) -> Result<Vec<Change>> {
    super::update_changed_many(handle, Column::Id, pairs).await?;
    Ok(pairs.iter().map(|(before, after)| changed(before, after)).collect())
}

/// What happened to a locked user whose row stays as it is, such as orders that came or went: it covers no row.
pub fn noted(user: &Model, member: &str, value: Json) -> Change {
    let (before, after) = (audit_view(user), personal::with_member(audit_view(user), member, value));
    Change { rows: 0, ..Change::new(EntityKind::User, user.id, Some(before), Some(after)) }
}

/// Whether a user has orders.
pub async fn has_orders(connection: &impl ConnectionTrait, id: Id) -> Result<bool> {
    let orders = order::Entity::find().select_only().column(order::Column::Id);
    let one = orders.filter(order::Column::UserId.eq(id)).limit(1);
    Ok(one.into_tuple::<Id>().one(connection).await?.is_some())
}

/// Deletes a user; the foreign key refuses one with orders.
pub async fn delete(handle: &WriteHandle, user: &Model) -> Result<Change> {
    super::delete_by_id::<Entity>(handle, user.id).await?;
    Ok(Change::new(EntityKind::User, user.id, Some(audit_view(user)), None))
}

/// The password digest for events, if the user was read completely.
pub const PASSWORD_DIGEST: &str = "password_digest";

/// A user in the form of events: a digest in place of the password hash, and personal values that can be
/// erased.
pub fn audit_view(user: &Model) -> Json {
    let mut view = super::document(user);
    // A user read without the hash has none.
    if !user.password_hash.is_empty() {
        view[PASSWORD_DIGEST] = password::digest(&user.password_hash).into();
    }
    personal::salted(view)
}
