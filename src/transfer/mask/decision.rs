//! What becomes of each value, by the name of its column, or of its member in a document of the audit trail: one
//! decision for both, so that rows and events still agree.

use std::collections::HashSet;

use crate::domain::{EntityKind, EventName, MovementReason, OrderStatus, Outcome, UserStatus};
use crate::entity::field::{Editable, FieldKind};
use crate::entity::tables::tables;
use crate::entity::{product, user};
use crate::service::anonymize;

/// What becomes of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// An id stays, any other text becomes one.
    Id,
    /// Stays if it is a time.
    Time,
    /// Stays if it is a number.
    Number,
    /// A name out of a list of shopctl's, such as a status, stays; any other text is replaced.
    OwnWord,
    Email,
    FirstName,
    LastName,
    Password,
    PasswordDigest,
    Sku,
    ProductName,
    Description,
    /// The reference of an order, or the number of a parcel.
    Reference,
    Actor,
    Key,
    /// A hash, which somebody could compare with that of a guess.
    Hash,
    /// Free text.
    Text,
    /// JSON, member by member.
    Document,
    /// Nothing is left: what it refers to stays behind.
    Nothing,
}

/// The tables whose rows stay behind: masked events have other hashes than those that were sealed, and a seed would
/// look for its rows by what they were called.
pub const LEFT_OUT: [&str; 3] = ["audit_seals", "shopctl_seeds", "shopctl_seed_rows"];

/// The decision for a column, or for a member of a document; `None` for an unknown name.
pub fn decision(name: &str) -> Option<Decision> {
    Some(match name {
        "id" | "user_id" | "order_id" | "product_id" | "order_item_id" | "refund_id" | "operation_id" | "entity_id"
        | "between" => Decision::Id,
        "created_at" | "updated_at" | "occurred_at" => Decision::Time,
        "unit_price"
        | "amount"
        | "total_amount"
        | "quantity"
        | "moved_quantity"
        | "recorded_quantity"
        | "delta"
        | "sequence"
        | "number"
        | "count"
        | "event_count"
        | "rows"
        | "rows_created"
        | "rows_updated"
        | "rows_unchanged"
        | "restored_by_its_lines" => Decision::Number,
        "status" | "operation" | "outcome" | "entity_type" | "reason" => Decision::OwnWord,
        "email" => Decision::Email,
        "first_name" => Decision::FirstName,
        "last_name" => Decision::LastName,
        "password_hash" => Decision::Password,
        "password_digest" => Decision::PasswordDigest,
        "sku" => Decision::Sku,
        "name" => Decision::ProductName,
        "description" => Decision::Description,
        "reference" | "references" | "tracking" => Decision::Reference,
        "actor" => Decision::Actor,
        "idempotency_key" => Decision::Key,
        "request_fingerprint" | "salt" | "commitment" | "hash" | "previous_hash" | "digest" | "checksum" => {
            Decision::Hash
        }
        "before" | "after" => Decision::Document,
        "seal_id" => Decision::Nothing,
        "note" | "error" | "environment" => Decision::Text,
        // Lists and objects, whose members have decisions of their own.
        "items" | "lines" | "refunds" | "taken" | "received" | "restored" | "removed_movements" | "orders_given"
        | "orders_received" => Decision::Text,
        _ => return editable::<product::Model>(name).or_else(|| editable::<user::Model>(name)),
    })
}

/// The decision for an editable field that cannot name anybody.
fn editable<M: Editable>(name: &str) -> Option<Decision> {
    let field = M::FIELDS.iter().find(|field| field.name == name)?;
    match field.kind {
        FieldKind::Amount | FieldKind::Whole => Some(Decision::Number),
        FieldKind::Time => Some(Decision::Time),
        FieldKind::Word | FieldKind::Name(_) | FieldKind::Text => None,
    }
}

/// Every text that [`Decision::OwnWord`] keeps.
pub fn own_words() -> HashSet<String> {
    let names = UserStatus::ALL.map(UserStatus::as_str).into_iter();
    let names = names
        .chain(OrderStatus::ALL.map(OrderStatus::as_str))
        .chain(MovementReason::ALL.map(MovementReason::as_str))
        .chain(EventName::ALL.map(EventName::as_str))
        .chain(EntityKind::ALL.map(EntityKind::as_str))
        .chain(Outcome::ALL.map(Outcome::as_str));
    names.map(str::to_owned).chain(tables().into_iter().map(|table| table.name)).collect()
}

/// Whether it is the e-mail address or the name of an anonymized user, which stays.
pub fn is_erased(text: &str) -> bool {
    text == anonymize::NAME || anonymize::is_erased_address(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entity::tables::Family;

    #[test]
    fn every_column_of_every_table_has_a_decision_of_its_kind() {
        for table in tables().iter().filter(|table| !LEFT_OUT.contains(&table.name.as_str())) {
            for column in &table.columns {
                let decision = decision(&column.name);
                let is_fit = match decision {
                    None => false,
                    Some(Decision::Id | Decision::Nothing) => column.family == Family::Id,
                    Some(Decision::Time) => column.family == Family::Time,
                    Some(Decision::Number) => matches!(column.family, Family::Integer | Family::Amount),
                    Some(_) => column.family == Family::Text,
                };
                assert!(is_fit, "{}.{}: {decision:?}", table.name, column.name);
            }
        }
    }
}
