//! `user import`

use sea_orm::ConnectionTrait;

use super::given::Given;
use super::plan::Import;
use super::read::{Columns, Record};
use super::rejection::Wrong;
use super::row::Row;
use super::spelling::Keys;
use super::upsert::Upsert;
use crate::domain::password::UNUSABLE;
use crate::domain::{Email, EventName, Id, PersonName, UserStatus};
use crate::entity::user::Model;
use crate::error::{Result, printable};
use crate::repository::{Change, Lock, user as users};
use crate::service::anonymize;
use crate::service::operation::Operation;
use crate::service::user::{NewUser, model};

/// What a row would only call anonymized keeps its name and address.
const NOT_BY_A_FILE: &str = "has a name or an address: only user anonymize erases them";

/// A user of a file. Nobody can log in until a password is set.
#[derive(Debug, Clone)]
pub struct UserRow {
    email: Given<Email>,
    first_name: Option<Given<PersonName>>,
    last_name: Option<Given<PersonName>>,
    status: Option<Given<UserStatus>>,
}

impl Row for UserRow {
    const NOUN: &'static str = "user";
    const OPERATION: EventName = EventName::UserImport;
    const KEY: &'static str = "email";
    const COLUMNS: Columns = Columns {
        known: &["email", "first_name", "last_name", "status"],
        ignored: &["id", "created_at", "updated_at"],
        required: &["email"],
        texts: &["first_name", "last_name"],
        amounts: &[],
        nested: None,
        other: None,
    };

    fn parse(record: &Record, _import: &Import) -> UserRow {
        UserRow {
            email: Given::of(record, "email", Email::parse),
            first_name: Given::of_column(record, "first_name", PersonName::parse),
            last_name: Given::of_column(record, "last_name", PersonName::parse),
            status: Given::of_cell(record, "status", parse_status),
        }
    }

    fn key(&self) -> &str {
        &self.email.text
    }

    fn identity(key: &str, keys: &Keys) -> String {
        keys.email(key)
    }
}

impl Upsert for UserRow {
    type Model = Model;
    type New = (NewUser, UserStatus);

    async fn find(connection: &impl ConnectionTrait, emails: &[&str], lock: Lock) -> Result<Vec<Model>> {
        users::find_by_emails(connection, emails, lock).await
    }

    fn key_of(user: &Model) -> &str {
        &user.email
    }

    fn id_of(user: &Model) -> Id {
        user.id
    }

    fn ambiguous(email: &str, keys: &Keys) -> Option<String> {
        keys.ambiguous_email(email)
    }

    fn values(user: &Model) -> Vec<(&'static str, String)> {
        vec![
            ("first_name", user.first_name.clone()),
            ("last_name", user.last_name.clone()),
            ("status", user.status.to_string()),
        ]
    }

    fn on(&self, user: &Model, wrong: &mut Vec<Wrong>) -> Model {
        let mut after = user.clone();
        for (column, given, value) in [
            ("first_name", &self.first_name, &mut after.first_name),
            ("last_name", &self.last_name, &mut after.last_name),
        ] {
            if let Some(given) = given.as_ref().filter(|given| !given.is_text(value))
                && let Some(name) = given.take(column, wrong)
            {
                name.as_str().clone_into(value);
            }
        }
        if let Some(given) = self.status.as_ref().filter(|given| !given.is_text(&user.status.to_string()))
            && let Some(status) = given.take("status", wrong)
        {
            if *status == UserStatus::Anonymized {
                wrong.push(Wrong::of_row(self.key(), NOT_BY_A_FILE));
            }
            after.status = (*status).into();
        }
        if after != *user && user.status == UserStatus::Anonymized {
            wrong.push(Wrong::of_row(
                self.key(),
                format!("{} is anonymized, which cannot be undone", printable(&user.email)),
            ));
        }
        after
    }

    fn created(&self, wrong: &mut Vec<Wrong>) -> Option<(NewUser, UserStatus)> {
        let missing = |column| Wrong {
            column,
            value: String::new(),
            reason: "is missing: this is not a known user, and the file has no such column".to_owned(),
        };
        let email = self.email.take("email", wrong).cloned();
        let mut name = |column, given: &Option<Given<PersonName>>| match given {
            Some(given) => given.take(column, wrong).cloned(),
            None => {
                wrong.push(missing(column));
                None
            }
        };
        let (first_name, last_name) = (name("first_name", &self.first_name), name("last_name", &self.last_name));
        let status = self.status.as_ref().and_then(|status| status.take("status", wrong)).copied();
        let password_hash = UNUSABLE.to_owned();
        let new = NewUser { email: email?, first_name: first_name?, last_name: last_name?, password_hash };
        // Who was anonymized in another shop stays so here.
        let is_erased = anonymize::is_erased(new.email.as_str(), new.first_name.as_str(), new.last_name.as_str());
        match status {
            None if is_erased => Some((new, UserStatus::Anonymized)),
            Some(UserStatus::Anonymized) if !is_erased => {
                wrong.push(Wrong::of_row(self.key(), NOT_BY_A_FILE));
                None
            }
            status => Some((new, status.unwrap_or(UserStatus::Active))),
        }
    }

    async fn create(operation: &mut Operation, new: Vec<(NewUser, UserStatus)>) -> Result<()> {
        let with_status =
            |(new, status): &(NewUser, UserStatus)| Model { status: (*status).into(), ..model(operation, new) };
        let new: Vec<Model> = new.iter().map(with_status).collect();
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

fn parse_status(text: &str) -> Result<UserStatus, String> {
    UserStatus::from_stored(text.trim().to_lowercase().as_str()).ok_or_else(|| {
        "is neither active nor disabled (--map-value status:THEIRS=active says what it means)".to_owned()
    })
}
