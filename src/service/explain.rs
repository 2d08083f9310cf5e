//! Whether the shop's rows are what the audit trail says: every row of users, products, orders and
//! movements is explained by its events, and no event lacks its row. What another program wrote or
//! removed shows.

mod audited_entity;
mod movements;
mod writers;

use std::collections::BTreeMap;

use sea_orm::{ConnectionTrait, IdenStatic, Iterable};
use serde_json::Value as Json;

pub(super) use self::audited_entity::AuditedEntity;
use self::audited_entity::AuditedRow;
pub(super) use self::movements::{RECORDED, TAKEN};
pub(super) use self::writers::{Writer, writers_of_orders};
use crate::domain::{EntityKind, EventName, Id, named_enum, personal};
use crate::entity::{Moment, Stored, audit_event, order, product, stock_movement, user};
use crate::error::{Result, printable};
use crate::repository::user::PASSWORD_DIGEST;
use crate::repository::{self, trail};

/// Number of entities compared at once.
pub(super) const ROWS_AT_ONCE: u64 = 500;
/// Maximum number of listed findings; all are counted.
pub const FINDINGS_MAX: usize = 1_000;

named_enum! {
    /// What a difference between events and rows means.
    pub enum FindingKind {
        /// Another program wrote, changed or removed the row. `adopt` takes it in.
        Foreign = "foreign",
        /// What only shopctl writes contradicts itself.
        Wrong = "wrong",
    }
}

/// A difference between events and rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Another program, or a contradiction.
    pub kind: FindingKind,
    /// What kind of row differs.
    pub entity: EntityKind,
    /// The row's id, if it is known.
    pub id: Option<Id>,
    /// E-mail address, SKU, reference.
    pub name: String,
    /// The difference, a phrase that follows the name.
    pub what: String,
}

/// A row that another program wrote, changed or removed.
#[derive(Debug, Clone)]
pub(super) struct ForeignRow {
    pub entity: EntityKind,
    pub id: Id,
    pub name: String,
    pub what: String,
    /// The row as its events have it; `None` if it has none, or was deleted.
    pub known: Option<Json>,
    /// The row as it is; `None` if it is gone.
    pub found: Option<Json>,
}

/// What the comparison says about one row.
pub(super) enum Difference {
    Foreign(ForeignRow),
    Wrong { entity: EntityKind, id: Id, name: String, what: String },
}

/// The result of the comparison.
#[derive(Debug, Clone, Default)]
pub struct Explanation {
    /// Number of compared rows.
    pub rows: u64,
    /// The first [`FINDINGS_MAX`].
    pub findings: Vec<Finding>,
    /// The number of all findings.
    pub found: u64,
    /// How many of them are rows of other programs.
    pub foreign: u64,
}

impl Explanation {
    /// Adds a finding.
    fn note(&mut self, difference: Difference) {
        let (kind, entity, id, name, what) = match difference {
            Difference::Foreign(ForeignRow { entity, id, name, what, .. }) => {
                (FindingKind::Foreign, entity, id, name, what)
            }
            Difference::Wrong { entity, id, name, what } => (FindingKind::Wrong, entity, id, name, what),
        };
        self.found += 1;
        self.foreign += u64::from(kind == FindingKind::Foreign);
        if self.findings.len() < FINDINGS_MAX {
            self.findings.push(Finding { kind, entity, id: id.present(), name, what });
        }
    }
}

/// Compares all rows with their events, and password hashes if readable. `connection` should be a consistent
/// snapshot.
pub async fn explain(connection: &impl ConnectionTrait, reads_hashes: bool) -> Result<Explanation> {
    let mut explanation = Explanation::default();
    let mut note = |difference| explanation.note(difference);
    let rows = compare_all::<user::Entity>(connection, reads_hashes, &mut note).await?
        + compare_all::<product::Entity>(connection, reads_hashes, &mut note).await?
        + compare_all::<order::Entity>(connection, reads_hashes, &mut note).await?;
    for movement in trail::find_movements_without_event(connection, FINDINGS_MAX as u64).await? {
        let what = format!("{} pieces, written by no operation of shopctl", signed(&movement.delta));
        let (entity, name) = (EntityKind::Movement, movement.id.to_string());
        note(Difference::Wrong { entity, id: movement.id, name, what });
    }
    for product in repository::product::find_stock_differences(connection, &[]).await? {
        let what = format!("stock is {}, its movements come to {}", product.stock_quantity, product.moved);
        let (entity, known, found) = (EntityKind::Product, None, None);
        note(Difference::Foreign(ForeignRow {
            entity,
            id: product.id,
            name: product.sku.or_id(product.id),
            what,
            known,
            found,
        }));
    }
    explanation.rows = rows;
    Ok(explanation)
}

/// Compares every row of one entity with its events, and every event with its row; returns the number of rows.
pub(super) async fn compare_all<E: AuditedEntity>(
    connection: &impl ConnectionTrait,
    reads_hashes: bool,
    note: &mut impl FnMut(Difference),
) -> Result<u64> {
    let generated = trail::find_generated(connection, E::default().table_name()).await?;
    let (mut after, mut count) = (None, 0);
    loop {
        let rows = trail::find_after(connection, E::select(reads_hashes), E::ID, after, ROWS_AT_ONCE).await?;
        let subjects = E::subjects(connection, rows).await?;
        let Some(last) = subjects.last() else { break };
        after = Some(last.id);
        count += subjects.len() as u64;
        compare::<E>(connection, &subjects, &generated, note).await?;
    }
    count += without_id::<E>(connection, reads_hashes, note).await?;
    missing_rows::<E>(connection, note).await?;
    Ok(count)
}

/// Rows without an id, which no event can be about.
async fn without_id<E: AuditedEntity>(
    connection: &impl ConnectionTrait,
    reads_hashes: bool,
    note: &mut impl FnMut(Difference),
) -> Result<u64> {
    let rows = trail::find_without_id(connection, E::select(reads_hashes), E::ID, FINDINGS_MAX as u64).await?;
    let subjects = E::subjects(connection, rows).await?;
    let count = subjects.len() as u64;
    for AuditedRow { id, name, .. } in subjects {
        note(Difference::Wrong { entity: E::KIND, id, name, what: "has no id".to_owned() });
    }
    Ok(count)
}

/// Compares rows with their events. `generated` is what [`trail::find_generated`] returns for their table.
pub(super) async fn compare<E: AuditedEntity>(
    connection: &impl ConnectionTrait,
    subjects: &[AuditedRow],
    generated: &[(Id, Id)],
    note: &mut impl FnMut(Difference),
) -> Result<()> {
    let ids: Vec<Id> = subjects.iter().map(|subject| subject.id).collect();
    let events = trail::find_events_of(connection, E::KIND, &ids).await?;
    let events = by(events, |event: &audit_event::Model| event.entity_id);
    let moved = E::movements(connection, &ids).await?;
    // The event of a generated table has the number of rows, not their content.
    let is_generated = |movement: &stock_movement::Model| generated.iter().any(|(id, _)| *id == movement.operation_id);
    let moved = by(moved.into_iter().filter(|movement| !is_generated(movement)).collect(), E::row_of);
    let strange = E::strange_times(connection, subjects, &events).await?;
    for subject in subjects {
        let events: Vec<ParsedEvent> = events.get(&subject.id).into_iter().flatten().map(ParsedEvent::new).collect();
        let moved = moved.get(&subject.id).map_or(&[][..], Vec::as_slice);
        let wrong =
            |what: String| Difference::Wrong { entity: E::KIND, id: subject.id, name: subject.name.clone(), what };
        if is_erased_unexplained(&events) {
            note(wrong(ERASED_UNEXPLAINED.to_owned()));
        }
        if events.is_empty() && generated.iter().any(|(_, last)| subject.id <= *last) {
            continue;
        }
        let strange = || strange.contains(&subject.id).then(|| strange_time(&subject.view));
        if let Some(what) = unexplained::<E>(&subject.view, &events) {
            note(Difference::Foreign(foreign::<E>(subject, &events, what)));
        } else if let Some(what) = E::wrong_movements(&events, moved) {
            note(wrong(what));
        } else if let Some(what) = strange() {
            note(Difference::Foreign(foreign::<E>(subject, &events, what)));
        }
    }
    Ok(())
}

/// A row that its events do not explain.
fn foreign<E: AuditedEntity>(subject: &AuditedRow, events: &[ParsedEvent], what: String) -> ForeignRow {
    let known = final_states::<E>(events).pop().map(|(_, document)| document.clone());
    let found = Some(subject.view.clone());
    ForeignRow { entity: E::KIND, id: subject.id, name: subject.name.clone(), what, known, found }
}

const UPDATED_AT: &str = "updated_at";

fn strange_time(row: &Json) -> String {
    format!("updated_at is {}, when no operation changed it", shown(&row[UPDATED_AT]))
}

/// Entities with events whose row is missing, although no event deleted them.
async fn missing_rows<E: AuditedEntity>(
    connection: &impl ConnectionTrait,
    note: &mut impl FnMut(Difference),
) -> Result<()> {
    let mut after = None;
    loop {
        let ids = trail::find_ids_without_row(connection, E::KIND, E::ID, after, ROWS_AT_ONCE).await?;
        let Some(last) = ids.last() else { return Ok(()) };
        after = Some(*last);
        missing::<E>(connection, &ids, note).await?;
    }
}

/// Those of the entities, none of which has a row, that no event deleted.
pub(super) async fn missing<E: AuditedEntity>(
    connection: &impl ConnectionTrait,
    ids: &[Id],
    note: &mut impl FnMut(Difference),
) -> Result<()> {
    let events = trail::find_events_of(connection, E::KIND, ids).await?;
    for (id, events) in by(events, |event: &audit_event::Model| event.entity_id) {
        let events: Vec<ParsedEvent> = events.iter().map(ParsedEvent::new).collect();
        if is_erased_unexplained(&events) {
            let (name, what) = (String::new(), ERASED_UNEXPLAINED.to_owned());
            note(Difference::Wrong { entity: E::KIND, id, name, what });
        }
        let Some((state, document)) = final_states::<E>(&events).pop() else { continue };
        let name = ["email", "sku", "reference"].iter().find_map(|key| state[*key].as_str());
        note(Difference::Foreign(ForeignRow {
            entity: E::KIND,
            id,
            name: name.unwrap_or_default().to_owned(),
            what: "is gone though no event deleted it".to_owned(),
            known: Some(document.clone()),
            found: None,
        }));
    }
    Ok(())
}

fn by<T>(rows: Vec<T>, key: impl Fn(&T) -> Id) -> BTreeMap<Id, Vec<T>> {
    let mut map = BTreeMap::<Id, Vec<T>>::new();
    for row in rows {
        map.entry(key(&row)).or_default().push(row);
    }
    map
}

/// An event with its parsed documents.
pub(super) struct ParsedEvent {
    operation_id: Id,
    operation: Stored<EventName>,
    reason: Option<String>,
    time: Moment,
    before: Option<Json>,
    after: Option<Json>,
}

impl ParsedEvent {
    fn new(event: &audit_event::Model) -> ParsedEvent {
        let read = |text: &Option<String>| text.as_deref().map(|text| serde_json::from_str(text).unwrap_or_default());
        ParsedEvent {
            operation_id: event.operation_id,
            operation: event.operation.clone(),
            reason: event.reason.clone(),
            time: event.occurred_at.clone(),
            before: read(&event.before),
            after: read(&event.after),
        }
    }
}

/// The finding for a user whose values were erased from the events without an anonymization, which seals
/// do not detect.
const ERASED_UNEXPLAINED: &str = "personal values were erased from its events though no event anonymized it";

fn is_erased_unexplained(events: &[ParsedEvent]) -> bool {
    let documents = events.iter().flat_map(|event| [&event.before, &event.after]).flatten();
    let is_erased = documents.filter_map(Json::as_object).any(personal::is_erased);
    is_erased && !events.iter().any(|event| event.operation == EventName::UserAnonymize)
}

/// The fields of a document to compare with the row, without erased personal values.
/// A document older than a column does not determine the row's value there.
fn comparable<E: AuditedEntity>(document: &Json) -> Json {
    let Some(document) = document.as_object() else { return Json::Null };
    let is_erased = personal::is_erased(document);
    let is_gone = |field: &str| is_erased && personal::FIELDS.contains(&field);
    let columns = E::Column::iter().map(|column| column.as_str());
    let compared = columns.filter(|column| E::EXCLUDED_COLUMNS.iter().all(|apart| apart.as_str() != *column));
    let value = |field: &str| if is_gone(field) { Some(Json::Null) } else { document.get(field).cloned().map(sorted) };
    compared
        .chain(E::EXTRA_MEMBERS.iter().copied())
        .filter_map(|field| Some((field.to_owned(), value(field)?)))
        .collect()
}

/// Items by id.
pub(super) fn sorted(mut value: Json) -> Json {
    if let Some(items) = value.as_array_mut() {
        items.sort_by_key(|item| item["id"].to_string());
    }
    value
}

/// The final states, each with its document: those that no other event starts from. Determined by the documents
/// and not by the times, because the clocks of the writers may differ.
fn final_states<E: AuditedEntity>(events: &[ParsedEvent]) -> Vec<(Json, &Json)> {
    let documents = events.iter().filter_map(|event| event.after.as_ref());
    let mut states: Vec<(Json, &Json)> = documents.map(|after| (comparable::<E>(after), after)).collect();
    for before in events.iter().filter_map(|event| event.before.as_ref()) {
        let before = comparable::<E>(before);
        if let Some(position) = states.iter().position(|(state, _)| is_same(state, &before)) {
            states.remove(position);
        }
    }
    states
}

/// Whether two states agree in each common field: a password hash may be unreadable.
fn is_same(one: &Json, other: &Json) -> bool {
    one.is_object() == other.is_object() && differences(one, other).next().is_none()
}

/// The fields in which two states differ, with both values.
fn differences<'a>(one: &'a Json, other: &'a Json) -> impl Iterator<Item = (&'a str, &'a Json, &'a Json)> {
    let fields = one.as_object().into_iter().flatten();
    let both = fields.filter_map(|(field, value)| Some((field.as_str(), value, other.get(field)?)));
    both.filter(|(_, value, other)| value != other)
}

/// How the row differs from its events; `None` if it does not.
fn unexplained<E: AuditedEntity>(row: &Json, events: &[ParsedEvent]) -> Option<String> {
    let states = final_states::<E>(events);
    let row = comparable::<E>(row);
    if states.iter().any(|(state, _)| is_same(state, &row)) {
        return None;
    }
    let Some((state, _)) = states.last() else {
        let what = if events.is_empty() { "was not made by shopctl" } else { "is there though an event deleted it" };
        return Some(what.to_owned());
    };
    let told = differences(&row, state).map(|(field, value, expected)| match field {
        PASSWORD_DIGEST => "its password hash is not the one of the events".to_owned(),
        "items" => "its lines differ from the events".to_owned(),
        "refunds" => "its refunds differ from the events".to_owned(),
        _ => format!("{field} is {}, the events say {}", shown(value), shown(expected)),
    });
    Some(told.collect::<Vec<_>>().join("; "))
}

/// `+5`
fn signed(pieces: &Stored<i32>) -> String {
    pieces.known().map_or_else(|| printable(&pieces.to_string()), |pieces| format!("{pieces:+}"))
}

fn shown(value: &Json) -> String {
    value.as_str().map_or_else(|| value.to_string(), printable)
}
