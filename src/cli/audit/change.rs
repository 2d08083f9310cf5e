//! What an event changed, as people read it: `price: 12.50 → 13.00`.

use std::collections::{BTreeSet, HashMap};
use std::sync::LazyLock;

use serde_json::{Map, Value};

use crate::db::Database;
use crate::domain::{EntityKind, Id, Outcome};
use crate::entity::{Moment, audit_event};
use crate::error::{Error, Result};
use crate::output::{Cell, ChangedField};
use crate::repository::keys;
use crate::repository::said::{NOTE, TRACKING, replaces_note};
use crate::repository::user::PASSWORD_DIGEST;

/// Fields that change with every event, or hold no more than their neighbours.
const QUIET: [&str; 5] = ["updated_at", "salt", "id", "taken", "checksum"];
/// What a new row is described by.
const DESCRIBING: [&str; 3] = ["total_amount", "price", "stock_quantity"];
/// What events say of an order without telling what it was before.
const SAID: [&str; 2] = [NOTE, TRACKING];

/// The names of the products and users that events have by their ids.
#[derive(Default)]
pub struct Names {
    skus: HashMap<String, String>,
    emails: HashMap<String, String>,
    /// Whether other users are not even shown by their ids.
    hides_others: bool,
}

/// What the events of a timeline said so far, by order and member.
pub type Said = HashMap<(Id, &'static str), Value>;

impl Names {
    /// Looks up what the changes of these events name.
    pub async fn find(database: &Database, events: &[audit_event::Model]) -> Result<Names> {
        let (mut product_ids, mut user_ids) = (BTreeSet::new(), BTreeSet::new());
        for (before, after) in events.iter().map(audit_event::Model::documents) {
            if before["user_id"] != after["user_id"] {
                user_ids.extend([&before, &after].into_iter().filter_map(|document| id_in(&document["user_id"])));
            }
            let lines = differing_lines(&before, &after);
            product_ids.extend(lines.into_iter().filter_map(|(product, ..)| id_in(&Value::from(product))));
        }
        let find = async |kind, ids: BTreeSet<uuid::Uuid>| {
            let ids: Vec<Id> = ids.into_iter().map(Id::from).collect();
            let found = keys::find(database.connection(), kind, &ids).await?;
            Ok::<HashMap<_, _>, Error>(
                found.into_iter().filter_map(|(id, key)| Some((id.to_string(), key.to_text()?))).collect(),
            )
        };
        let (skus, emails) = (find(EntityKind::Product, product_ids).await?, find(EntityKind::User, user_ids).await?);
        Ok(Names { skus, emails, hides_others: false })
    }

    /// The same names without those of other users, for what this user is given.
    pub fn only_of(mut self, user: Id) -> Names {
        self.emails.retain(|id, _| *id == user.to_string());
        Names { hides_others: true, ..self }
    }

    fn product(&self, id: &str) -> String {
        self.skus.get(id).cloned().unwrap_or_else(|| id.to_owned())
    }

    fn user(&self, id: &str) -> String {
        let unnamed = if self.hides_others { "another" } else { id };
        self.emails.get(id).cloned().unwrap_or_else(|| unnamed.to_owned())
    }

    /// Describes an event, after those before it if it is part of a timeline.
    pub fn describe(&self, event: &audit_event::Model, said: &mut Said) -> Cell {
        if event.outcome == Outcome::Failed {
            let error = event.error.as_deref().unwrap_or_default();
            let reason = error.split_once(": ").map_or(error, |(_code, message)| message);
            return words(format!("refused: {reason}"));
        }
        match event.documents() {
            (Value::Null, Value::Object(after)) => {
                let mut fields = vec![field("", Cell::Missing, created(&after).into())];
                fields.extend(said_fields(said, event.entity_id, &Map::new(), &after));
                Cell::Changes(fields)
            }
            (Value::Object(_), Value::Null) => words("deleted".to_owned()),
            (before @ Value::Object(_), after @ Value::Object(_)) => {
                let mut fields = self.changed_fields(&before, &after);
                fields.extend(said_fields(said, event.entity_id, members(&before), members(&after)));
                if fields.is_empty() { Cell::Missing } else { Cell::Changes(fields) }
            }
            _ => Cell::Missing,
        }
    }

    /// Describes an event with every value that a new row got, or a deleted one had.
    pub fn describe_in_full(&self, event: &audit_event::Model) -> Cell {
        let (before, after) = event.documents();
        let verb = match (&before, &after) {
            (Value::Null, Value::Object(_)) => "created",
            (Value::Object(_), Value::Null) => "deleted",
            _ => return self.describe(event, &mut Said::new()),
        };
        let mut fields = vec![field("", Cell::Missing, verb.into())];
        fields.extend(self.changed_fields(&before, &after));
        fields.extend(said_fields(&mut Said::new(), event.entity_id, members(&before), members(&after)));
        Cell::Changes(fields)
    }

    fn changed_fields(&self, before: &Value, after: &Value) -> Vec<ChangedField> {
        let mut fields = Vec::new();
        for name in members(if after.is_null() { before } else { after }).keys() {
            let (then, now) = (&before[name], &after[name]);
            match name.as_str() {
                _ if then == now || QUIET.contains(&name.as_str()) || SAID.contains(&name.as_str()) => {}
                "status" => fields.push(field("", value(name, then), value(name, now))),
                PASSWORD_DIGEST if now.is_null() => {}
                PASSWORD_DIGEST => fields.push(field("", Cell::Missing, "new password".into())),
                "user_id" => {
                    let user = |id: &Value| id.as_str().map(|id| self.user(id));
                    fields.push(field("user", user(then).into(), user(now).into()));
                }
                "items" => {}
                "refunds" => fields.extend(new_refunds(then, now)),
                "restored" => fields.extend(restocked(now)),
                _ if now.is_array() || now.is_object() => fields.push(counted_list(name, now)),
                _ if then.is_array() || then.is_object() => fields.push(counted_list(name, then)),
                _ => fields.push(field(&label(name), value(name, then), value(name, now))),
            }
        }
        let lines = differing_lines(before, after);
        fields.extend(lines.into_iter().map(|(product, then, now)| self.changed_line(&product, &then, &now)));
        fields
    }

    fn changed_line(&self, product: &str, then: &Line, now: &Line) -> ChangedField {
        let sku = self.product(product);
        match then.quantity == now.quantity {
            true => field(&format!("{sku} at"), then.prices.as_str().into(), now.prices.as_str().into()),
            false => field(&sku, then.quantity.into(), now.quantity.into()),
        }
    }
}

/// The note and the tracking number; what they were is in the event, or was said by an earlier one.
fn said_fields(
    said: &mut Said,
    entity: Id,
    before: &Map<String, Value>,
    after: &Map<String, Value>,
) -> Vec<ChangedField> {
    let mut fields = Vec::new();
    for name in SAID {
        let Some(now) = after.get(name).filter(|now| !now.is_null() || before.contains_key(name)) else { continue };
        let is_remark = name == NOTE && !replaces_note(before);
        let earlier = if is_remark { None } else { said.insert((entity, name), now.clone()) };
        let then = before.get(name).cloned().or(earlier);
        if then.as_ref() == Some(now) {
            continue;
        }
        let shown = |text: &Value| if text == "" { Cell::Missing } else { value(name, text) };
        fields.push(match then {
            Some(then) => field(name, shown(&then), shown(now)),
            None if now == "" => field("", Cell::Missing, format!("{name} cleared").into()),
            None => field("", Cell::Missing, format!("{name}: {}", now.as_str().unwrap_or_default()).into()),
        });
    }
    fields
}

/// The members of an event's document; none of one that is absent.
fn members(document: &Value) -> &Map<String, Value> {
    static NONE: LazyLock<Map<String, Value>> = LazyLock::new(Map::new);
    document.as_object().unwrap_or(&NONE)
}

fn field(name: &str, before: Cell, after: Cell) -> ChangedField {
    ChangedField { name: name.to_owned(), before, after }
}

fn words(text: String) -> Cell {
    Cell::Changes(vec![field("", Cell::Missing, text.into())])
}

/// `created, total 28.30`
fn created(row: &Map<String, Value>) -> String {
    let described = DESCRIBING.into_iter().filter_map(|name| {
        let value = row.get(name).filter(|value| !value.is_null())?;
        Some(format!(", {} {}", label(name), value.as_str().map_or_else(|| value.to_string(), str::to_owned)))
    });
    format!("created{}", described.collect::<String>())
}

/// The name of a field for people.
fn label(name: &str) -> String {
    match name {
        "total_amount" => "total".to_owned(),
        "stock_quantity" => "stock".to_owned(),
        _ => name.trim_end_matches("_at").replace('_', " "),
    }
}

fn value(name: &str, value: &Value) -> Cell {
    match value {
        Value::String(text) if name.ends_with("_at") => Moment::from_stored(text).into(),
        Value::String(text) => text.as_str().into(),
        Value::Null => Cell::Missing,
        Value::Bool(is) => (*is).into(),
        other => other.as_i64().map_or_else(|| other.clone().into(), Cell::Integer),
    }
}

fn id_in(value: &Value) -> Option<uuid::Uuid> {
    value.as_str().and_then(|text| text.parse().ok())
}

/// The lines of an order with one product.
#[derive(Default, PartialEq)]
struct Line {
    quantity: i64,
    prices: String,
}

/// The products of an order whose lines differ, with what they were and are.
fn differing_lines(before: &Value, after: &Value) -> Vec<(String, Line, Line)> {
    // A row that is not there has no lines.
    fn lines(document: &Value) -> Option<&[Value]> {
        if document.is_null() { Some(&[]) } else { document["items"].as_array().map(Vec::as_slice) }
    }
    let (Some(then), Some(now)) = (lines(before), lines(after)) else { return Vec::new() };
    if then == now {
        return Vec::new();
    }
    let mut products: Vec<&str> = then.iter().chain(now).filter_map(|item| item["product_id"].as_str()).collect();
    let mut seen = BTreeSet::new();
    products.retain(|product| seen.insert(*product));
    let line = |items: &[Value], product: &str| {
        let mut line = Line::default();
        for item in items.iter().filter(|item| item["product_id"] == product) {
            line.quantity += item["quantity"].as_i64().unwrap_or_default();
            let separator = if line.prices.is_empty() { "" } else { ", " };
            line.prices += &format!("{separator}{}", item["unit_price"].as_str().unwrap_or_default());
        }
        line
    };
    let lines = products.into_iter().map(|product| (product.to_owned(), line(then, product), line(now, product)));
    lines.filter(|(_, then, now)| then != now).collect()
}

/// `restocked MUG-01:1, PEN-FINE:2`
fn restocked(lines: &Value) -> Option<ChangedField> {
    let line = |line: &Value| Some(format!("{}:{}", line["sku"].as_str()?, line["quantity"].as_i64()?));
    let lines: Vec<String> = lines.as_array().into_iter().flatten().filter_map(line).collect();
    (!lines.is_empty()).then(|| field("", Cell::Missing, format!("restocked {}", lines.join(", ")).into()))
}

/// `orders given: 3`, of a list, or of a document that has the number.
fn counted_list(name: &str, list: &Value) -> ChangedField {
    let count = list["count"].as_u64().or_else(|| Some(list.as_array()?.len() as u64));
    let count = count.map(|count| format!(": {count}")).unwrap_or_default();
    field("", Cell::Missing, format!("{}{count}", label(name)).into())
}

fn new_refunds(then: &Value, now: &Value) -> Vec<ChangedField> {
    let earlier: Vec<&Value> = then.as_array().into_iter().flatten().map(|refund| &refund["id"]).collect();
    let new = now.as_array().into_iter().flatten().filter(|refund| !earlier.contains(&&refund["id"]));
    let amount = |refund: &Value| format!("refunded {}", refund["amount"].as_str().unwrap_or("?"));
    new.map(|refund| field("", Cell::Missing, amount(refund).into())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{EventName, Zone};

    fn event(before: &str, after: &str) -> audit_event::Model {
        let text = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        audit_event::Model {
            id: uuid::Uuid::nil().into(),
            operation_id: uuid::Uuid::nil().into(),
            sequence: 0.into(),
            operation: EventName::UserUpdate.into(),
            actor: "ann".into(),
            outcome: Outcome::Succeeded.into(),
            entity_type: "user".into(),
            entity_id: Id::Missing,
            before: text(before),
            after: text(after),
            reason: None,
            error: None,
            idempotency_key: None,
            request_fingerprint: None,
            seal_id: Id::Missing,
            occurred_at: Moment::from_stored("2026-11-23"),
        }
    }

    fn change(names: &Names, said: &mut Said, before: &str, after: &str) -> String {
        names.describe(&event(before, after), said).text_in(&Zone::utc())
    }

    #[test]
    fn changes_are_what_was_and_what_is() {
        let (names, mut said) = (Names::default(), Said::new());
        let mut change = |before: &str, after: &str| change(&names, &mut said, before, after);
        assert_eq!(change("", r#"{"status":"pending","total_amount":"28.30"}"#), "created, total 28.30");
        assert_eq!(change(r#"{"status":"pending"}"#, ""), "deleted");
        assert_eq!(
            change(r#"{"status":"pending"}"#, r#"{"status":"paid","tracking":"1"}"#),
            "pending → paid; tracking: 1"
        );
        // The trail does not repeat what was said before, a timeline has read it.
        assert_eq!(change(r#"{"status":"paid"}"#, r#"{"status":"paid","tracking":"2"}"#), "tracking: 1 → 2");
        let after = r#"{"email":"b","last_name":"x","retired_at":"2026-11-23T18:11:01.5Z","updated_at":2}"#;
        let before = r#"{"email":"a","last_name":"x","retired_at":null,"updated_at":1}"#;
        assert_eq!(change(before, after), "email: a → b; retired: - → 2026-11-23 18:11");
        assert_eq!(
            change(r#"{"password_digest":"a","salt":"b"}"#, r#"{"password_digest":"c","salt":"d"}"#),
            "new password"
        );
        assert_eq!(change("not json", ""), "-");
    }

    #[test]
    fn a_new_and_a_deleted_row_are_described_by_their_values() {
        let row = r#"{"id":"1","sku":"MUG","price":"9.00","retired_at":null,"password_digest":"a","status":"active","items":[{"product_id":"2","quantity":3,"unit_price":"1.00"}],"refunds":[],"note":"ring"}"#;
        let full = |before, after| Names::default().describe_in_full(&event(before, after)).text_in(&Zone::utc());
        assert_eq!(full("", row), "created; sku: - → MUG; price: - → 9.00; new password; active; 2: 0 → 3; note: ring");
        assert_eq!(full(row, ""), "deleted; sku: MUG → -; price: 9.00 → -; active → -; 2: 3 → 0");
        assert_eq!(full(r#"{"price":"9.00"}"#, r#"{"price":"8.00"}"#), "price: 9.00 → 8.00");
    }

    #[test]
    fn lines_and_refunds_of_an_order_are_named() {
        let skus = [("1".to_owned(), "MUG-01".to_owned())].into();
        let names = Names { skus, ..Names::default() };
        let before = r#"{"items":[{"product_id":"1","quantity":1,"unit_price":"9.00"},{"product_id":"2","quantity":2,"unit_price":"1.00"}],"refunds":[]}"#;
        let after = r#"{"items":[{"product_id":"1","quantity":3,"unit_price":"9.00"},{"product_id":"2","quantity":2,"unit_price":"2.00"}],"refunds":[{"id":"r","amount":"4.00"}]}"#;
        assert_eq!(change(&names, &mut Said::new(), before, after), "refunded 4.00; MUG-01: 1 → 3; 2 at: 1.00 → 2.00");
    }
}
