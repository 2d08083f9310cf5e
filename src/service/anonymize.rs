//! Erasing personal data (GDPR, article 17): the row keeps its id and orders, personal data is replaced,
//! also in stored events. This cannot be undone.

use serde_json::Value as Json;
use uuid::Uuid;

use super::operation::{Operation, Operations, Request};
use super::user::{Changed, find};
use crate::domain::password::UNUSABLE;
use crate::domain::{EntityKind, EventName, OrderStatus, UserStatus, personal};
use crate::entity::user::Model;
use crate::error::{CommandLine, Error, Hint, Result, printable};
use crate::repository;

/// The statuses of open orders.
const OPEN: [OrderStatus; 3] = [OrderStatus::Pending, OrderStatus::Paid, OrderStatus::Shipped];
/// Maximum number of named open orders.
const NAMED: u64 = 5;
/// A reserved domain without mail (RFC 2606).
const NOWHERE: &str = "anonymized.invalid";
/// The first and last name of an anonymized user.
pub const NAME: &str = "anonymized";

/// Whether the address and names are those of an anonymized user.
pub fn is_erased(email: &str, first_name: &str, last_name: &str) -> bool {
    is_erased_address(email) && [first_name, last_name] == [NAME; 2]
}

/// Whether the address is that of an anonymized user.
pub fn is_erased_address(email: &str) -> bool {
    let id = email.strip_suffix(NOWHERE).and_then(|rest| rest.strip_prefix(NAME)?.strip_prefix('-')?.strip_suffix('@'));
    id.is_some_and(|id| Uuid::try_parse(id).is_ok())
}

/// Anonymizes a user; an anonymized one is unchanged.
///
/// Errors: exit 3; exit 6 for open orders.
pub async fn anonymize(operations: &Operations, who: &str) -> Result<Changed> {
    let body = async |operation: &mut Operation| apply(operation, who).await;
    operations.run(&Request::new(EventName::UserAnonymize), body).await?.done()
}

async fn apply(operation: &mut Operation, who: &str) -> Result<Changed> {
    let before = find(operation, who).await?;
    let erased = erase(operation, before, None).await?;
    if erased.changed {
        refuse_open_orders(operation, &erased.before).await?;
    }
    Ok(erased)
}

/// Erases a locked user; an anonymized one is unchanged. `said` is a further member of the event. The update comes
/// first, so that concurrent orders wait and then find no active user.
pub(super) async fn erase(operation: &mut Operation, before: Model, said: Option<(&str, Json)>) -> Result<Changed> {
    if before.status == UserStatus::Anonymized {
        return Ok(Changed { after: before.clone(), before, changed: false });
    }
    let id = before.id.uuid().unwrap_or_else(|| operation.new_id());
    let after = Model {
        email: format!("{NAME}-{}@{NOWHERE}", id.simple()).into(),
        password_hash: UNUSABLE.into(),
        first_name: NAME.into(),
        last_name: NAME.into(),
        status: UserStatus::Anonymized.into(),
        updated_at: operation.now().into(),
        ..before.clone()
    };
    let mut change = repository::user::update(operation.handle(), &before, &after).await?;
    if let Some((member, value)) = said {
        change.after = change.after.map(|document| personal::with_member(document, member, value));
    }
    change.before = change.before.map(personal::erased);
    for event in repository::audit_event::find_for_update(operation.handle(), EntityKind::User, before.id).await? {
        let erased = |text: &Option<String>| text.as_deref().map(erased_text);
        let (before, after) = (erased(&event.before), erased(&event.after));
        if (&before, &after) != (&event.before, &event.after) {
            let rows = repository::audit_event::erase(operation.handle(), event.id, before, after).await?;
            change = change.with_rows(rows);
        }
    }
    operation.record(change);
    Ok(Changed { before, after, changed: true })
}

/// Other texts are unchanged: shopctl did not write them.
fn erased_text(text: &str) -> String {
    serde_json::from_str(text).map_or_else(|_| text.to_owned(), |document| personal::erased(document).to_string())
}

async fn refuse_open_orders(operation: &Operation, user: &Model) -> Result<()> {
    let filter = repository::order::Filter {
        statuses: OPEN.to_vec(),
        user_id: Some(user.id),
        ..repository::order::Filter::default()
    };
    let page = crate::domain::Page { limit: NAMED, ..crate::domain::Page::default() };
    let open = repository::find_all(operation.handle(), &filter, &page).await?;
    if open.items.is_empty() {
        return Ok(());
    }
    let email = printable(&user.email);
    let names: Vec<String> = open.items.iter().map(|order| printable(&order.reference)).collect();
    let more = if open.next.is_some() { ", …" } else { "" };
    let message = format!("{email} has orders that are not finished: {}{more}", names.join(", "));
    let list = CommandLine::new("order list").option("--user", &email);
    let statuses = OPEN.iter().fold(list, |list, status| list.option("--status", status.as_str()));
    Err(Error::conflict("user.has_open_orders", message)
        .hint(Hint::from("complete, cancel or refund each first: ").and(statuses)))
}
