//! `user import`

use std::collections::{HashMap, HashSet};

use sea_orm::ConnectionTrait;

use super::given::{Given, Wrong};
use super::import::{Applied, Import, Rejection, Row, ValueChange};
use super::meaning::unquoted;
use super::read::{Columns, Record};
use super::spelling::Keys;
use crate::domain::password::UNUSABLE;
use crate::domain::{Email, PersonName, UserStatus};
use crate::entity::user::Model;
use crate::error::{Result, printable};
use crate::repository::{Lock, user as users};
use crate::service::operation::Operation;
use crate::service::user::{NewUser, model};

/// A user of a file. Nobody can log in until a password is set.
#[derive(Debug, Clone)]
pub struct UserRow {
    email: Given<Email>,
    first_name: Option<Given<PersonName>>,
    last_name: Option<Given<PersonName>>,
    status: Option<Given<UserStatus>>,
}

/// What becomes of a user of a file.
enum Outcome {
    Create(NewUser, Option<UserStatus>),
    /// What the user is then.
    Update(Model),
    Unchanged,
}

impl Row for UserRow {
    const NOUN: &'static str = "user";
    const OPERATION: &'static str = "user.import";
    const KEY: &'static str = "email";
    type Memory = ();
    const COLUMNS: Columns = Columns {
        known: &["email", "first_name", "last_name", "status"],
        ignored: &["id", "created_at", "updated_at"],
        required: &["email"],
        nested: None,
        other: None,
    };

    fn parse(record: &Record, _import: &Import) -> UserRow {
        UserRow {
            email: Given::of(record, "email", |text| Email::parse(unquoted(text))),
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

    async fn existing(
        connection: &impl ConnectionTrait,
        rows: &[(u64, UserRow)],
        import: &Import,
    ) -> Result<HashSet<String>> {
        let found = find(connection, rows, import, Lock::None).await?;
        let there = rows.iter().filter(|(_, row)| of(&found, row, import).is_some());
        Ok(there.map(|(_, row)| row.key().to_owned()).collect())
    }

    async fn check(
        connection: &impl ConnectionTrait,
        rows: &[(u64, UserRow)],
        import: &Import,
        _memory: &mut (),
    ) -> Result<Vec<(usize, Vec<Rejection>)>> {
        let found = find(connection, rows, import, Lock::None).await?;
        let judged = rows.iter().enumerate().filter_map(|(position, (line, row))| {
            let wrong = row.judge(of(&found, row, import)).err()?;
            Some((position, wrong.into_iter().map(|wrong| wrong.in_line(*line)).collect()))
        });
        Ok(judged.collect())
    }

    async fn apply(operation: &mut Operation, rows: &[(u64, UserRow)], import: &Import) -> Result<Applied> {
        let mut applied = Applied::default();
        let found = find(operation.handle(), rows, import, Lock::Update).await?;
        let mut new = Vec::new();
        for (position, (line, row)) in rows.iter().enumerate() {
            let before = of(&found, row, import);
            match (row.judge(before), before) {
                (Err(wrong), _) => {
                    let wrong = wrong.into_iter().map(|wrong| wrong.in_line(*line)).collect();
                    applied.refused.push((position, wrong));
                }
                (Ok(Outcome::Create(user, status)), _) => {
                    let mut user = model(operation, &user);
                    status.into_iter().for_each(|status| user.status = status.as_str().to_owned());
                    new.push(user);
                }
                (Ok(Outcome::Update(after)), Some(before)) => {
                    if import.lists_changes {
                        applied.changes.extend(changes(before, &after));
                    }
                    let after = Model { updated_at: operation.now().into(), ..after };
                    let change = users::update(operation.handle(), before, &after).await?;
                    operation.record(change);
                    applied.counts.updated += 1;
                }
                (Ok(_), _) => applied.counts.unchanged += 1,
            }
        }
        applied.counts.created += new.len() as u64;
        for change in users::create_many(operation.handle(), &new).await? {
            operation.record(change);
        }
        Ok(applied)
    }
}

fn parse_status(text: &str) -> Result<UserStatus, String> {
    match UserStatus::from_stored(unquoted(text).trim().to_lowercase().as_str()) {
        Some(status @ (UserStatus::Active | UserStatus::Disabled)) => Ok(status),
        _ => Err("is neither active nor disabled (--map-value status:THEIRS=active says what it means)".to_owned()),
    }
}

/// The users that rows name, by their stored addresses.
async fn find(
    connection: &impl ConnectionTrait,
    rows: &[(u64, UserRow)],
    import: &Import,
    lock: Lock,
) -> Result<HashMap<String, Model>> {
    let mut emails: Vec<String> =
        rows.iter().flat_map(|(_, row)| [row.email.text.clone(), import.keys.email(&row.email.text)]).collect();
    emails.sort_unstable();
    emails.dedup();
    let emails: Vec<&str> = emails.iter().map(String::as_str).collect();
    let found = users::find_by_emails(connection, &emails, lock).await?;
    Ok(found.into_iter().map(|user| (user.email.clone(), user)).collect())
}

/// The user of a row: the one whose address is stored just so before one in another spelling.
fn of<'a>(found: &'a HashMap<String, Model>, row: &UserRow, import: &Import) -> Option<&'a Model> {
    found.get(&row.email.text).or_else(|| found.get(&import.keys.email(&row.email.text)))
}

fn changes(before: &Model, after: &Model) -> Vec<ValueChange> {
    let values = [
        ("first_name", &before.first_name, &after.first_name),
        ("last_name", &before.last_name, &after.last_name),
        ("status", &before.status, &after.status),
    ];
    let change = |(column, before_value, after_value): (&'static str, &String, &String)| ValueChange {
        key: before.email.clone(),
        column,
        before: before_value.clone(),
        after: after_value.clone(),
    };
    values.into_iter().filter(|(_, before, after)| before != after).map(change).collect()
}

impl UserRow {
    fn judge(&self, stored: Option<&Model>) -> Result<Outcome, Vec<Wrong>> {
        let mut wrong = Vec::new();
        let outcome = match stored {
            Some(user) => Some(self.on(user, &mut wrong)),
            None => self.created(&mut wrong),
        };
        if wrong.is_empty() { outcome.ok_or(wrong) } else { Err(wrong) }
    }

    /// The user with what the file says of it.
    fn on(&self, user: &Model, wrong: &mut Vec<Wrong>) -> Outcome {
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
        if let Some(given) = self.status.as_ref().filter(|given| !given.is_text(&user.status))
            && let Some(status) = given.take("status", wrong)
        {
            status.as_str().clone_into(&mut after.status);
        }
        if after == *user {
            return Outcome::Unchanged;
        }
        if user.status == UserStatus::Anonymized.as_str() {
            wrong.push(Wrong::of_row(
                self.key(),
                format!("{} is anonymized, which cannot be undone", printable(&user.email)),
            ));
        }
        Outcome::Update(after)
    }

    fn created(&self, wrong: &mut Vec<Wrong>) -> Option<Outcome> {
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
        Some(Outcome::Create(new, status))
    }
}
