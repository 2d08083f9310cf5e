//! `user import`

use std::collections::HashSet;

use sea_orm::ConnectionTrait;

use super::import::{Counts, Row, lost, optional, required};
use super::read::{Columns, Record};
use crate::domain::password::UNUSABLE;
use crate::domain::{Email, PersonName, UserStatus, Violations};
use crate::error::{Error, Result, printable};
use crate::repository::user::{self as users, Lock, Who};
use crate::service::operation::Operation;
use crate::service::user::{NewUser, apply_create};

/// A user of a file. Nobody can log in until a password is set.
#[derive(Debug, Clone)]
pub struct UserRow {
    email: Email,
    first_name: PersonName,
    last_name: PersonName,
    status: Option<UserStatus>,
}

impl Row for UserRow {
    const NOUN: &'static str = "user";
    const OPERATION: &'static str = "user.import";
    const COLUMNS: Columns = Columns {
        known: &["email", "first_name", "last_name", "status"],
        ignored: &["id", "created_at", "updated_at"],
        required: &["email", "first_name", "last_name"],
    };

    fn parse(record: &Record, violations: &mut Violations) -> Option<UserRow> {
        let email = required(record, violations, "email", Email::parse);
        let first_name = required(record, violations, "first_name", PersonName::parse);
        let last_name = required(record, violations, "last_name", PersonName::parse);
        let status = optional(record, violations, "status", |text| match UserStatus::from_stored(text.trim()) {
            Some(status @ (UserStatus::Active | UserStatus::Disabled)) => Ok(status),
            _ => Err("is neither active nor disabled".to_owned()),
        });
        Some(UserRow { email: email?, first_name: first_name?, last_name: last_name?, status })
    }

    fn key(&self) -> &str {
        self.email.as_str()
    }

    async fn existing(connection: &impl ConnectionTrait, keys: &[&str]) -> Result<HashSet<String>> {
        let found = users::find_by_emails(connection, keys).await?;
        Ok(found.into_iter().map(|user| user.email).collect())
    }

    async fn apply(operation: &mut Operation, rows: &[UserRow], counts: &mut Counts) -> Result<()> {
        let keys: Vec<&str> = rows.iter().map(Row::key).collect();
        let there = Self::existing(operation.handle(), &keys).await?;
        for row in rows {
            let is_there = there.contains(row.key());
            let before = if is_there {
                let found = users::find_one(operation.handle(), Who::Email(row.key()), Lock::Update).await?;
                let found = found.ok_or_else(|| lost(row.key()))?;
                if found.status == UserStatus::Anonymized.as_str() {
                    let message = format!("{} is anonymized, which cannot be undone", printable(row.key()));
                    return Err(Error::conflict("user.anonymized", message));
                }
                found
            } else {
                counts.created += 1;
                let new = NewUser {
                    email: row.email.clone(),
                    first_name: row.first_name.clone(),
                    last_name: row.last_name.clone(),
                    password_hash: UNUSABLE.to_owned(),
                };
                apply_create(operation, &new).await?
            };
            let mut after = before.clone();
            after.first_name = row.first_name.as_str().to_owned();
            after.last_name = row.last_name.as_str().to_owned();
            if let Some(status) = row.status {
                after.status = status.as_str().to_owned();
            }
            let is_changed = after != before;
            if is_changed {
                after.updated_at = operation.now().into();
                let change = users::update(operation.handle(), &before, &after).await?;
                operation.record(change);
            }
            if is_there {
                *(if is_changed { &mut counts.updated } else { &mut counts.unchanged }) += 1;
            }
        }
        Ok(())
    }
}
