//! Whether the shop's rows are what the audit trail says: every row of users, products, orders and
//! movements is explained by its events, and no event lacks its row. What another program wrote or
//! removed shows.

mod audited_entity;
mod chain;
mod movements;
mod writers;

use std::collections::{BTreeMap, HashSet};

use sea_orm::ConnectionTrait;
use serde_json::Value as Json;

pub(super) use self::audited_entity::AuditedEntity;
use self::audited_entity::AuditedRow;
pub(super) use self::chain::{BETWEEN, sorted};
use self::chain::{Chain, comparable, differences, is_same, part};
use self::movements::{MovementDifference, StrayMovement, told_removed};
pub(super) use self::movements::{RECORDED, RemovedMovement, TAKEN, record_removed};
pub(super) use self::writers::{Writer, writers_of_orders};
use crate::domain::{EntityKind, EventName, Id, named_enum, personal};
use crate::entity::{Moment, Stored, audit_event, order, product, stock_movement, user};
use crate::error::{Result, printable};
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
    /// The statement that mends it, if one does.
    pub repair: Option<String>,
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
    /// The row as it is; `None` if it is missing.
    pub found: Option<Json>,
    /// Its movements that are gone.
    pub removed: Vec<RemovedMovement>,
}

/// What the comparison says about one row.
pub(super) enum Difference {
    /// The row is not what its events say.
    Foreign(ForeignRow),
    /// The row was not what its events say before one of shopctl's changed it again.
    Absorbed(ForeignRow),
    /// A movement of the row with this id that no operation wrote as it is.
    Stray {
        movement: ForeignRow,
        of: Id,
    },
    Wrong {
        entity: EntityKind,
        id: Id,
        name: String,
        what: String,
        repair: Option<String>,
    },
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
        let (kind, entity, id, name, what, repair) = match difference {
            Difference::Foreign(row) | Difference::Absorbed(row) | Difference::Stray { movement: row, .. } => {
                (FindingKind::Foreign, row.entity, row.id, row.name, row.what, None)
            }
            Difference::Wrong { entity, id, name, what, repair } => {
                (FindingKind::Wrong, entity, id, name, what, repair)
            }
        };
        self.found += 1;
        self.foreign += u64::from(kind == FindingKind::Foreign);
        if self.findings.len() < FINDINGS_MAX {
            self.findings.push(Finding { kind, entity, id: id.present(), name, what, repair });
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
        + compare_all::<order::Entity>(connection, reads_hashes, &mut note).await?
        + compare_all::<stock_movement::Entity>(connection, reads_hashes, &mut note).await?;
    for product in repository::product::find_stock_differences(connection, &[]).await? {
        let what = format!("stock is {}, but its movements add up to {}", product.stock_quantity.told(), product.moved);
        let (entity, known, found) = (EntityKind::Product, None, None);
        note(Difference::Foreign(ForeignRow {
            entity,
            id: product.id,
            name: product.sku.or_id(product.id),
            what,
            known,
            found,
            removed: Vec::new(),
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
    let generated = E::generated(connection).await?;
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
    missing_rows::<E>(connection, &generated, note).await?;
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
        note(Difference::Wrong { entity: E::KIND, id, name, what: "has no id".to_owned(), repair: None });
    }
    Ok(count)
}

/// Compares rows with their events. `generated` is what [`AuditedEntity::generated`] returns.
pub(super) async fn compare<E: AuditedEntity>(
    connection: &impl ConnectionTrait,
    subjects: &[AuditedRow],
    generated: &[(Id, Id)],
    note: &mut impl FnMut(Difference),
) -> Result<()> {
    let ids: Vec<Id> = subjects.iter().map(|subject| subject.id).collect();
    let events = trail::find_events_of(connection, E::KIND, &ids).await?;
    let events = by(events, |event: &audit_event::Model| event.entity_id);
    let moved = by(own_movements::<E>(connection, &ids, generated, &events).await?, E::row_of);
    let strange = E::strange_times(connection, subjects, &events).await?;
    for subject in subjects {
        let events: Vec<ParsedEvent> = events.get(&subject.id).into_iter().flatten().map(ParsedEvent::new).collect();
        let moved = moved.get(&subject.id).map_or(&[][..], Vec::as_slice);
        let wrong = |what: String, repair| {
            let (entity, id, name) = (E::KIND, subject.id, subject.name.clone());
            Difference::Wrong { entity, id, name, what, repair }
        };
        if is_erased_unexplained(&events) {
            note(wrong(ERASED_UNEXPLAINED.to_owned(), None));
        }
        let is_generated = is_generated_row(generated, subject.id);
        if events.is_empty() && is_generated {
            continue;
        }
        let chain = Chain::new::<E>(&events, is_generated);
        chain.absorbed::<E>(subject.id, &subject.name).for_each(|row| note(Difference::Absorbed(row)));
        let (mut told, mut removed) = (unexplained::<E>(&subject.view, &events, &chain), Vec::new());
        match E::movement_difference(&events, moved) {
            Some(MovementDifference::Wrong(movement)) if told.is_none() => {
                note(wrong(movement.what, movement.repair));
                continue;
            }
            Some(MovementDifference::Other { removed: gone, strays }) => {
                for stray in strays {
                    note(Difference::Stray { movement: stray_row(connection, stray).await?, of: subject.id });
                }
                if !gone.is_empty() {
                    told = Some(told.into_iter().chain([told_removed(&gone)]).collect::<Vec<_>>().join("; "));
                }
                removed = gone;
            }
            Some(MovementDifference::Wrong(_)) | None => {}
        }
        let strange = || strange.contains(&subject.id).then(|| strange_time(&subject.view));
        if let Some(what) = told.or_else(strange) {
            note(Difference::Foreign(ForeignRow { removed, ..foreign::<E>(subject, &chain, what) }));
        }
    }
    Ok(())
}

/// A movement as `adopt` takes it in.
async fn stray_row(connection: &impl ConnectionTrait, stray: StrayMovement) -> Result<ForeignRow> {
    let StrayMovement { movement, what } = stray;
    let id = movement.id;
    let row = stock_movement::Entity::subjects(connection, vec![movement]).await?.pop();
    let (name, found) = row.map_or_else(|| (id.to_string(), None), |row| (row.name, Some(row.view)));
    Ok(ForeignRow { entity: EntityKind::Movement, id, name, what, known: None, found, removed: Vec::new() })
}

/// The movements of rows that operations of shopctl wrote, and no other program edited since. Those of a generated
/// table are left out: its event has their number, not their content.
async fn own_movements<E: AuditedEntity>(
    connection: &impl ConnectionTrait,
    ids: &[Id],
    generated: &[(Id, Id)],
    events: &BTreeMap<Id, Vec<audit_event::Model>>,
) -> Result<Vec<stock_movement::Model>> {
    let mut moved = E::movements(connection, ids).await?;
    moved.retain(|movement| generated.iter().all(|(id, _)| *id != movement.operation_id));
    if moved.is_empty() {
        return Ok(moved);
    }
    let is_told = |movement: &&stock_movement::Model| {
        let of_row = events.get(&E::row_of(movement)).into_iter().flatten();
        of_row.map(|event| event.operation_id).any(|id| id == movement.operation_id)
    };
    let any_is_taken_in = trail::has_movement_events(connection).await?;
    let may_be_foreign = |movement: &&stock_movement::Model| any_is_taken_in || !is_told(movement);
    let untold: Vec<Id> = moved.iter().filter(may_be_foreign).map(|movement| movement.id).collect();
    if !untold.is_empty() {
        let foreign: HashSet<Id> = trail::find_foreign_among(connection, &untold).await?.into_iter().collect();
        moved.retain(|movement| !foreign.contains(&movement.id));
    }
    Ok(moved)
}

/// Ids grow with time.
fn is_generated_row(generated: &[(Id, Id)], id: Id) -> bool {
    generated.iter().any(|(_, last)| id <= *last)
}

/// A row that its events do not explain.
fn foreign<E: AuditedEntity>(subject: &AuditedRow, chain: &Chain<'_>, what: String) -> ForeignRow {
    let known = chain.finals.last().map(|(_, document)| (*document).clone());
    let found = Some(subject.view.clone());
    let (id, name, removed) = (subject.id, subject.name.clone(), Vec::new());
    ForeignRow { entity: E::KIND, id, name, what, known, found, removed }
}

const UPDATED_AT: &str = "updated_at";

fn strange_time(row: &Json) -> String {
    format!("updated_at is {}, but no operation changed it then", shown(&row[UPDATED_AT]))
}

/// Entities with events whose row is missing, although no event deleted them.
async fn missing_rows<E: AuditedEntity>(
    connection: &impl ConnectionTrait,
    generated: &[(Id, Id)],
    note: &mut impl FnMut(Difference),
) -> Result<()> {
    let mut after = None;
    loop {
        let ids = trail::find_ids_without_row(connection, E::KIND, E::ID, after, ROWS_AT_ONCE).await?;
        let Some(last) = ids.last() else { return Ok(()) };
        after = Some(*last);
        missing::<E>(connection, &ids, generated, note).await?;
    }
}

/// Those of the entities, none of which has a row, that no event deleted, or that another program changed before.
/// `generated` is as in [`compare`].
pub(super) async fn missing<E: AuditedEntity>(
    connection: &impl ConnectionTrait,
    ids: &[Id],
    generated: &[(Id, Id)],
    note: &mut impl FnMut(Difference),
) -> Result<()> {
    let events = trail::find_events_of(connection, E::KIND, ids).await?;
    for (id, events) in by(events, |event: &audit_event::Model| event.entity_id) {
        let events: Vec<ParsedEvent> = events.iter().map(ParsedEvent::new).collect();
        if is_erased_unexplained(&events) {
            let (name, what) = (String::new(), ERASED_UNEXPLAINED.to_owned());
            note(Difference::Wrong { entity: E::KIND, id, name, what, repair: None });
        }
        let chain = Chain::new::<E>(&events, is_generated_row(generated, id));
        let documents = events.iter().rev().flat_map(|event| [&event.after, &event.before]).flatten();
        let keys = documents.flat_map(|document| ["email", "sku", "reference"].map(|key| document[key].as_str()));
        let name = keys.flatten().next().unwrap_or_default();
        chain.absorbed::<E>(id, name).for_each(|row| note(Difference::Absorbed(row)));
        let Some((_, document)) = chain.finals.last() else { continue };
        note(Difference::Foreign(ForeignRow {
            entity: E::KIND,
            id,
            name: name.to_owned(),
            what: "is missing although no event deleted it".to_owned(),
            known: Some((*document).clone()),
            found: None,
            removed: Vec::new(),
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
    id: Id,
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
            id: event.id,
            operation_id: event.operation_id,
            operation: event.operation.clone(),
            reason: event.reason.clone(),
            time: event.occurred_at.clone(),
            before: read(&event.before),
            after: read(&event.after),
        }
    }

    /// Whether it is of a change between two others, which moved no stock.
    fn is_between(&self) -> bool {
        self.after.as_ref().is_some_and(|after| after[BETWEEN].is_array())
    }
}

/// The finding for a user whose values were erased from the events without an anonymization, which seals
/// do not detect.
const ERASED_UNEXPLAINED: &str = "personal values were erased from its events although no event anonymized it";

fn is_erased_unexplained(events: &[ParsedEvent]) -> bool {
    let documents = events.iter().flat_map(|event| [&event.before, &event.after]).flatten();
    let is_erased = documents.filter_map(Json::as_object).any(personal::is_erased);
    let erases =
        |event: &ParsedEvent| event.operation == EventName::UserAnonymize || event.operation == EventName::UserMerge;
    is_erased && !events.iter().any(erases)
}

/// How the row differs from its events; `None` if it does not.
fn unexplained<E: AuditedEntity>(row: &Json, events: &[ParsedEvent], chain: &Chain<'_>) -> Option<String> {
    let row = comparable::<E>(row);
    if chain.finals.iter().any(|(state, _)| is_same(state, &row)) {
        return None;
    }
    let Some((state, _)) = chain.finals.last() else {
        let what = if events.is_empty() { "was not created by shopctl" } else { "exists although an event deleted it" };
        return Some(what.to_owned());
    };
    let told = differences(&row, state).map(|(field, value, expected)| match part(field) {
        Some((part, differs)) => format!("{part} {differs} from the events"),
        None => format!("{field} is {}, the events say {}", shown(value), shown(expected)),
    });
    Some(told.collect::<Vec<_>>().join("; "))
}

/// `+5`
fn signed(pieces: &Stored<i32>) -> String {
    pieces.known().map_or_else(|| pieces.told(), |pieces| format!("{pieces:+}"))
}

fn shown(value: &Json) -> String {
    value.as_str().map_or_else(|| value.to_string(), printable)
}
