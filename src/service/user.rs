//! Users: create, update, password, disable, enable, delete.

use super::as_shown::{Shown, check_as_shown};
use super::operation::{self, Operation, Operations, Request};
use crate::db::fault::Fault;
use crate::domain::text::without_password;
use crate::domain::{EventName, Id, Password, UserStatus};
use crate::entity::Moment;
pub use crate::entity::user::Model;
use crate::error::{CommandLine, Error, Hint, Result, printable};
use crate::repository;
use crate::repository::user::{Lock, UserKey};

/// A user before and after a mutation.
pub type Changed = operation::Changed<Model>;

/// Hashes a new password.
pub fn hash(password: &Password) -> Result<String> {
    password.hash().map_err(Error::internal)
}

/// Creates a user. Errors: exit 6 if the e-mail address is taken.
pub async fn create(operations: &Operations, new: &Model) -> Result<Model> {
    operations
        .run(&Request::new(EventName::UserCreate), async |operation| {
            if let Some(holder) = find_holder(operation, &new.email).await? {
                operation.set_subject(holder.id)?;
                return Err(taken(&holder.email));
            }
            apply_create(operation, new.clone()).await
        })
        .await?
        .done()
}

/// Creates a user on an open operation whose caller has checked that the address is free. It is not
/// checked again, so that a concurrent insert is found by a retry instead of being rejected.
pub async fn apply_create(operation: &mut Operation, new: Model) -> Result<Model> {
    let user = with_id_and_times(operation, new);
    let created = repository::user::create(operation.handle(), &user).await;
    let change = created.map_err(|error| duplicate(operation, &user.email, error))?;
    operation.record(change);
    Ok(user)
}

/// Errors: exit 6 if a user other than `own` has this address, in any spelling.
pub(super) async fn check_free(operation: &Operation, email: &str, own: Option<Id>) -> Result<()> {
    match find_holder(operation, email).await? {
        Some(user) if Some(user.id) != own => Err(taken(&user.email)),
        _ => Ok(()),
    }
}

async fn find_holder(operation: &Operation, email: &str) -> Result<Option<Model>> {
    repository::user::find_one(operation.handle(), UserKey::Email(email), Lock::None).await
}

/// A new user with id and times.
pub fn with_id_and_times(operation: &Operation, new: Model) -> Model {
    let now = Moment::from(operation.now());
    Model { id: operation.id_of_new(new.id), created_at: now.clone(), updated_at: now, ..new }
}

/// Changes a user's fields. Errors: exit 3, exit 6 if the address is taken.
pub async fn update(operations: &Operations, who: &str, change: impl Fn(&mut Model)) -> Result<Changed> {
    let after = async |operation: &Operation, user: &Model| updated(operation, user, &change).await;
    mutate(operations, EventName::UserUpdate, who, after).await
}

/// As [`update`], of a user as they were shown. Errors: also exit 6 if a shown field has changed since.
pub async fn update_as_shown(
    operations: &Operations,
    shown: Shown<'_, Model>,
    change: impl Fn(&mut Model),
) -> Result<Changed> {
    let after = async |operation: &Operation, user: &Model| {
        check_as_shown(&user.email, shown, user)?;
        updated(operation, user, &change).await
    };
    mutate(operations, EventName::UserUpdate, &shown.0.id.or_key(&shown.0.email), after).await
}

/// The user with other values. Errors: exit 6 if the address is taken, or for an anonymized user.
async fn updated(operation: &Operation, user: &Model, change: impl Fn(&mut Model)) -> Result<Model> {
    refuse_anonymized(user)?;
    let mut after = user.clone();
    change(&mut after);
    if after.email != user.email {
        check_free(operation, &after.email, Some(user.id)).await?;
    }
    Ok(after)
}

/// Replaces the password hash.
pub async fn set_password(operations: &Operations, who: &str, password_hash: &str) -> Result<Changed> {
    mutate(operations, EventName::UserSetPassword, who, async |_operation, user| {
        refuse_anonymized(user)?;
        Ok(Model { password_hash: password_hash.into(), ..user.clone() })
    })
    .await
}

/// Upgrades a hash with weaker parameters to one of the same password, unless the password was changed
/// meanwhile.
pub async fn rehash(operations: &Operations, user: &Model, password_hash: &str) -> Result<Changed> {
    mutate(operations, EventName::UserRehash, &user.id.or_key(&user.email), async |_operation, now| {
        let is_same = now.password_hash == user.password_hash;
        let hash = if is_same { password_hash } else { now.password_hash.as_str() };
        Ok(Model { password_hash: hash.into(), ..now.clone() })
    })
    .await
}

/// Exit 6 for an anonymized user, whose new data could not be erased any more.
pub fn refuse_anonymized(user: &Model) -> Result<()> {
    if user.status != UserStatus::Anonymized {
        return Ok(());
    }
    let message = format!("{} is anonymized, so the account can no longer be used", printable(&user.email));
    Err(Error::conflict("user.anonymized", message))
}

/// Disables or enables a user; unchanged if already so.
///
/// Errors: exit 6 for an anonymized user.
pub async fn set_status(operations: &Operations, who: &str, status: UserStatus) -> Result<Changed> {
    let name = if status == UserStatus::Active { EventName::UserEnable } else { EventName::UserDisable };
    mutate(operations, name, who, async |_operation, user| {
        refuse_anonymized(user)?;
        Ok(Model { status: status.into(), ..user.clone() })
    })
    .await
}

/// Deletes a user without orders. Errors: exit 3; exit 6 if there are orders.
pub async fn delete(operations: &Operations, who: &str) -> Result<Model> {
    let body = async |operation: &mut Operation| {
        let user = find(operation, who).await?;
        // A foreign key of another program may refuse only at COMMIT.
        if repository::user::has_orders(operation.handle(), user.id).await? {
            return Err(has_orders(&user));
        }
        let deleted = repository::user::delete(operation.handle(), &user).await;
        let change = deleted.map_err(|error| match operation.handle().first_fault() {
            Some(Fault::ForeignKey) => has_orders(&user),
            _ => error,
        })?;
        operation.record(change);
        Ok(user)
    };
    operations.run(&Request::new(EventName::UserDelete), body).await?.done()
}

fn has_orders(user: &Model) -> Error {
    let message = format!("{} has orders and cannot be deleted", printable(&user.email));
    Error::conflict("user.has_orders", message).hint(CommandLine::like("user disable").argument(&user.email))
}

/// Finds, changes and writes one user; equal values write nothing.
async fn mutate(
    operations: &Operations,
    name: EventName,
    who: &str,
    change: impl AsyncFn(&Operation, &Model) -> Result<Model>,
) -> Result<Changed> {
    let body = async |operation: &mut Operation| {
        let before = find(operation, who).await?;
        let after = change(operation, &before).await?;
        if after == before {
            return Ok(Changed { before, after, changed: false });
        }
        let after = Model { updated_at: operation.now().into(), ..after };
        let updated = repository::user::update(operation.handle(), &before, &after).await;
        let change = updated.map_err(|error| duplicate(operation, &after.email, error))?;
        operation.record(change);
        Ok(Changed { before, after, changed: true })
    };
    operations.run(&Request::new(name), body).await?.done()
}

/// The user of that address or id, locked until the operation ends. Errors: exit 3.
pub async fn find(operation: &mut Operation, who: &str) -> Result<Model> {
    let user = repository::user::find_one(operation.handle(), UserKey::parse(who), Lock::Update).await?;
    let user = user.ok_or_else(|| unknown(who))?;
    operation.set_subject(user.id)?;
    Ok(user)
}

/// Exits with 3 if the user does not exist.
pub fn unknown(who: &str) -> Error {
    Error::not_found("user", who).hint(Hint::from("to find users by name or e-mail: ").and(search(who)))
}

/// The command that finds users whose name or address is like this one; of an address the part before the `@`.
fn search(who: &str) -> CommandLine {
    let who = without_password(who);
    CommandLine::search("user list", who.split('@').next().unwrap_or(&who))
}

/// Exit 6 for the e-mail address of another user.
pub fn taken(email: &str) -> Error {
    let email = printable(email);
    Error::conflict("user.duplicate", format!("a user with the e-mail address {email} already exists"))
        .hint(CommandLine::new("user show").argument(&email))
}

pub(super) fn duplicate(operation: &Operation, email: &str, error: Error) -> Error {
    match operation.handle().first_fault() {
        Some(fault) if repository::user::UNIQUE_EMAIL.is_violated_by(&fault) => taken(email),
        _ => error,
    }
}
