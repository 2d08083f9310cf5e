//! `user import`

use sea_orm::ConnectionTrait;
use uuid::Uuid;

use super::cells::Cells;
use super::options::Import;
use super::read::{Columns, Record};
use super::rejection::Problem;
use super::row::Row;
use super::spelling::KeySpellings;
use super::upsert::Upsert;
use crate::domain::password::UNUSABLE;
use crate::domain::{EventName, Id, UserStatus};
use crate::entity::field::{FieldKind, Requirement, field_names};
use crate::entity::user::Model;
use crate::error::Result;
use crate::repository::{Change, Lock, user as users};
use crate::service::anonymize;
use crate::service::operation::Operation;
use crate::service::user::{refuse_anonymized, with_id_and_times};

/// A status in a file cannot anonymize a user, whose name and address would remain.
const NOT_BY_A_FILE: &str = "has a name or an address; only user anonymize erases them";

/// A user of a file. Nobody can log in until a password is set.
#[derive(Clone)]
pub struct UserRow(Cells<Model>);

impl Row for UserRow {
    const NOUN: &'static str = "user";
    const OPERATION: EventName = EventName::UserImport;
    const KEY: &'static str = "email";
    const COLUMNS: Columns = Columns {
        known: field_names!(Model, _),
        ignored: &["id", "created_at", "updated_at"],
        required: &["email"],
        needed: field_names!(Model, requirement: Requirement::Key | Requirement::Required),
        one_of: &[],
        texts: field_names!(Model, FieldKind::Text),
        amounts: &[],
        nested: None,
        other: None,
    };

    fn parse(record: &Record, _import: &Import) -> UserRow {
        UserRow(Cells::from_record(record))
    }

    fn key(&self) -> &str {
        self.0.key()
    }

    fn identity(key: &str, keys: &KeySpellings) -> String {
        keys.email(key)
    }

    fn is_update_only(&self, keys: &KeySpellings) -> bool {
        keys.ambiguous_email(self.key()).is_none() && self.0.is_update_only()
    }
}

impl Upsert for UserRow {
    type Model = Model;

    async fn find(connection: &impl ConnectionTrait, emails: &[&str], lock: Lock) -> Result<Vec<Model>> {
        users::find_by_emails(connection, emails, lock).await
    }

    fn id(&self) -> Option<Uuid> {
        self.0.id
    }

    fn ambiguous(email: &str, keys: &KeySpellings) -> Option<String> {
        keys.ambiguous_email(email)
    }

    fn merged_into(&self, user: &Model, wrong: &mut Vec<Problem>) -> (Model, bool) {
        let after = self.0.merged_into(user, wrong);
        if after.status == UserStatus::Anonymized && after.status != user.status {
            wrong.push(Problem::for_row(self.key(), NOT_BY_A_FILE));
        }
        if after != *user
            && let Err(error) = refuse_anonymized(user)
        {
            wrong.push(Problem::for_row(self.key(), error.message()));
        }
        (after, false)
    }

    fn to_new(&self, wrong: &mut Vec<Problem>) -> Model {
        let user = self.0.new_row(wrong, |column, wrong| {
            let reason = "is missing: the user is new, and the file has no such column".to_owned();
            wrong.push(Problem { column, value: String::new(), reason });
        });
        let id = self.0.id.map(Id::from).unwrap_or_default();
        let mut user = Model { id, password_hash: UNUSABLE.into(), ..user };
        // A user anonymized in another shop stays anonymized.
        let is_erased = anonymize::is_erased(&user.email, &user.first_name, &user.last_name);
        match self.0.has_value("status") {
            false if is_erased => user.status = UserStatus::Anonymized.into(),
            _ if user.status == UserStatus::Anonymized && !is_erased && wrong.is_empty() => {
                wrong.push(Problem::for_row(self.key(), NOT_BY_A_FILE));
            }
            _ => {}
        }
        user
    }

    async fn create(operation: &mut Operation, new: Vec<Model>) -> Result<()> {
        let new: Vec<Model> = new.into_iter().map(|user| with_id_and_times(operation, user)).collect();
        for change in users::create_many(operation.handle(), &new).await? {
            operation.record(change);
        }
        Ok(())
    }

    async fn update(operation: &Operation, before: &Model, after: Model) -> Result<Change> {
        let after = Model { updated_at: operation.now().into(), ..after };
        users::update(operation.handle(), before, &after).await
    }
}
