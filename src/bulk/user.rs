//! `user import`

use std::collections::{HashMap, HashSet};

use sea_orm::ConnectionTrait;

use super::import::{Applied, Import, Row, optional, required};
use super::read::{Columns, Record};
use crate::domain::password::UNUSABLE;
use crate::domain::{Email, PersonName, UserStatus, Violations};
use crate::entity::user::Model;
use crate::error::{Error, Result, printable};
use crate::repository::{Lock, user as users};
use crate::service::operation::Operation;
use crate::service::user::{NewUser, model};

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
    const KEY: &'static str = "email";
    type Memory = ();
    const COLUMNS: Columns = Columns {
        known: &["email", "first_name", "last_name", "status"],
        ignored: &["id", "created_at", "updated_at"],
        required: &["email", "first_name", "last_name"],
        nested: None,
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
        let found = users::find_by_emails(connection, keys, Lock::None).await?;
        Ok(found.into_iter().map(|user| user.email).collect())
    }

    async fn apply(operation: &mut Operation, rows: &[UserRow], _import: &Import) -> Result<Applied> {
        let mut applied = Applied::default();
        let counts = &mut applied.counts;
        let keys: Vec<&str> = rows.iter().map(Row::key).collect();
        let found = users::find_by_emails(operation.handle(), &keys, Lock::Update).await?;
        let found: HashMap<&str, &Model> = found.iter().map(|user| (user.email.as_str(), user)).collect();
        let mut new = Vec::new();
        for (position, row) in rows.iter().enumerate() {
            let Some(before) = found.get(row.key()) else {
                new.push(row.on(&row.created(operation)));
                continue;
            };
            let mut after = row.on(before);
            if after == **before {
                counts.unchanged += 1;
                continue;
            }
            if before.status == UserStatus::Anonymized.as_str() {
                let message = format!("{} is anonymized, which cannot be undone", printable(row.key()));
                applied.refused.push((position, Error::conflict("user.anonymized", message)));
                continue;
            }
            after.updated_at = operation.now().into();
            let change = users::update(operation.handle(), before, &after).await?;
            operation.record(change);
            counts.updated += 1;
        }
        counts.created += new.len() as u64;
        for change in users::create_many(operation.handle(), &new).await? {
            operation.record(change);
        }
        Ok(applied)
    }
}

impl UserRow {
    fn created(&self, operation: &Operation) -> Model {
        let (email, first_name, last_name) = (self.email.clone(), self.first_name.clone(), self.last_name.clone());
        model(operation, &NewUser { email, first_name, last_name, password_hash: UNUSABLE.to_owned() })
    }

    /// A user with what the file says.
    fn on(&self, user: &Model) -> Model {
        let status = self.status.map_or_else(|| user.status.clone(), |status| status.as_str().to_owned());
        Model {
            first_name: self.first_name.as_str().to_owned(),
            last_name: self.last_name.as_str().to_owned(),
            status,
            ..user.clone()
        }
    }
}
