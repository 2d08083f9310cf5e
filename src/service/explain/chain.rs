//! The chain of a row's events: each starts from a state in which another one left the row. One that does not
//! starts from what another program made of it.

use std::collections::BTreeSet;

use sea_orm::{IdenStatic, Iterable};
use serde_json::Value as Json;

use super::audited_entity::AuditedEntity;
use super::{ForeignRow, ParsedEvent, shown};
use crate::domain::{Id, personal};
use crate::repository::user::PASSWORD_DIGEST;

/// The member of an adopted event for a change that an event of shopctl starts from: the ids of the events before and
/// after the change.
pub(in crate::service) const BETWEEN: &str = "between";

/// The events of one row, in the order of their times.
pub(super) struct Chain<'a> {
    /// The changes of other programs that an event starts from.
    gaps: Vec<Gap<'a>>,
    /// The final states, each with its document: those that no other event starts from.
    pub finals: Vec<(Json, &'a Json)>,
}

/// A change of another program between two events.
struct Gap<'a> {
    /// `None` if nothing tells what the row was before.
    earlier: Option<&'a ParsedEvent>,
    later: &'a ParsedEvent,
}

impl<'a> Chain<'a> {
    /// Determined by the documents, and by the times only where these leave a choice, because the clocks of the writers
    /// may differ. The first event of a generated row starts from what was generated, even if others end there too.
    pub fn new<E: AuditedEntity>(events: &'a [ParsedEvent], is_generated: bool) -> Chain<'a> {
        let mut links = Links::new::<E>(events);
        let mut gaps = Vec::new();
        if is_generated && !events.is_empty() {
            links.bridge(None, 0);
        }
        loop {
            let (before, is_open) = links.find();
            let Some(later) = links.first_loose(&before) else {
                let finals = events.iter().zip(links.ends).zip(is_open).filter(|(_, is_open)| *is_open);
                let finals = finals.filter_map(|((event, end), _)| Some((end?, event.after.as_ref()?))).collect();
                return Chain { gaps, finals };
            };
            let earlier = (0..later).rfind(|number| is_open[*number]).or(later.checked_sub(1));
            links.bridge(earlier, later);
            let earlier = earlier.map(|number| &events[number]).filter(|event| event.after.is_some());
            gaps.push(Gap { earlier, later: &events[later] });
        }
    }

    /// The changes of other programs that an event starts from, as `adopt` takes them in.
    pub fn absorbed<E: AuditedEntity>(&self, id: Id, name: &str) -> impl Iterator<Item = ForeignRow> {
        self.gaps.iter().map(move |gap| ForeignRow {
            entity: E::KIND,
            id,
            name: name.to_owned(),
            what: gap.what::<E>(),
            known: gap.earlier.and_then(|event| event.after.clone()),
            found: gap.document(),
            removed: Vec::new(),
        })
    }
}

/// What links the events of a row, by their numbers.
struct Links {
    starts: Vec<Option<Json>>,
    ends: Vec<Option<Json>>,
    /// Those that a gap leads to, and those of gaps that were taken in.
    is_bridged: Vec<bool>,
    /// Those that a gap starts from, and those of gaps that were taken in.
    is_left: Vec<bool>,
}

impl Links {
    /// Without the gaps that were taken in: their events name those before and after.
    fn new<E: AuditedEntity>(events: &[ParsedEvent]) -> Links {
        let state = |document: &Option<Json>| document.as_ref().map(comparable::<E>);
        let starts = events.iter().map(|event| state(&event.before).filter(Json::is_object)).collect();
        let ends = events.iter().map(|event| state(&event.after)).collect();
        let none = vec![false; events.len()];
        let mut links = Links { starts, ends, is_bridged: none.clone(), is_left: none };
        let number = |id: &Json| events.iter().position(|event| id.as_str() == Some(&event.id.to_string()));
        for (between, event) in events.iter().enumerate().filter(|(_, event)| event.is_between()) {
            let ids = event.after.as_ref().and_then(|after| after[BETWEEN].as_array()).map_or(&[][..], Vec::as_slice);
            let Some(later) = ids.last().and_then(number) else { continue };
            let earlier = ids.split_last().and_then(|(_, rest)| number(rest.first()?));
            if is_same_state(&links.ends[between], &links.starts[later]) {
                links.bridge(earlier, later);
                links.bridge(Some(between), between);
            }
        }
        links
    }

    fn bridge(&mut self, earlier: Option<usize>, later: usize) {
        self.is_bridged[later] = true;
        if let Some(earlier) = earlier {
            self.is_left[earlier] = true;
        }
    }

    /// The event before each event, and the events whose ends no event starts from. Of several ends the nearest before
    /// it in time counts, else the nearest after.
    fn find(&self) -> (Vec<Option<usize>>, Vec<bool>) {
        let count = self.ends.len();
        let mut is_open: Vec<bool> = (0..count).map(|end| self.ends[end].is_some() && !self.is_left[end]).collect();
        let mut before = vec![None; count];
        for number in (0..count).filter(|number| self.starts[*number].is_some() && !self.is_bridged[*number]) {
            let is_before = |end: &usize| is_open[*end] && is_same_state(&self.ends[*end], &self.starts[number]);
            before[number] = (0..number).rfind(is_before).or_else(|| (number + 1..count).find(is_before));
            before[number].into_iter().for_each(|end| is_open[end] = false);
        }
        (before, is_open)
    }

    /// The first event that starts from no other, or from one that only itself leads to.
    fn first_loose(&self, before: &[Option<usize>]) -> Option<usize> {
        let is_free = |number: usize| self.starts[number].is_none() || self.is_bridged[number];
        let is_loose = |number: usize| before[number].is_none() || self.is_circle_apart(before, number);
        (0..before.len()).find(|number| !is_free(*number) && is_loose(*number))
    }

    /// Whether an event is the first of a circle that is no detour of the others: none of them ends, not long before,
    /// where one of the circle starts. Writers at the same time leave detours.
    fn is_circle_apart(&self, before: &[Option<usize>], first: usize) -> bool {
        let mut circle = BTreeSet::from([first]);
        let mut number = before[first].filter(|number| *number > first);
        while let Some(next) = number.filter(|number| circle.insert(*number)) {
            number = before[next];
        }
        let is_long_before = |end: usize| end < first && before[..first].contains(&Some(end));
        let leads_in = |end: usize| circle.iter().any(|start| is_same_state(&self.ends[end], &self.starts[*start]));
        let is_way = |end: &usize| !circle.contains(end) && !self.is_left[*end] && !is_long_before(*end);
        number == Some(first) && !(0..before.len()).filter(is_way).any(leads_in)
    }
}

fn is_same_state(one: &Option<Json>, other: &Option<Json>) -> bool {
    one.as_ref().zip(other.as_ref()).is_some_and(|(one, other)| is_same(one, other))
}

impl Gap<'_> {
    fn what<E: AuditedEntity>(&self) -> String {
        let later = format!("{} (event {})", self.later.operation, self.later.id);
        let Some(earlier) = self.earlier else { return format!("was not created by shopctl before its {later}") };
        let state = |document: &Option<Json>| document.as_ref().map(comparable::<E>).unwrap_or_default();
        let (before, after) = (state(&earlier.after), state(&self.later.before));
        let changes = differences(&before, &after).map(|(field, before, after)| match part(field) {
            Some((part, _)) => part.to_owned(),
            None => format!("{field} from {} to {}", shown(before), shown(after)),
        });
        let changes = changes.collect::<Vec<_>>().join(", ");
        let earlier = format!("{} (event {})", earlier.operation, earlier.id);
        format!("another program changed {changes} between {earlier} and {later}")
    }

    /// The row as the later event found it.
    fn document(&self) -> Option<Json> {
        let ids: Vec<Id> = self.earlier.map(|event| event.id).into_iter().chain([self.later.id]).collect();
        let document = self.later.before.clone()?;
        Some(personal::with_member(document, BETWEEN, serde_json::to_value(ids).unwrap_or_default()))
    }
}

/// The fields of a document to compare with the row, without erased personal values.
/// A document older than a column does not determine the row's value there.
pub(super) fn comparable<E: AuditedEntity>(document: &Json) -> Json {
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
pub(in crate::service) fn sorted(mut value: Json) -> Json {
    if let Some(items) = value.as_array_mut() {
        items.sort_by_key(|item| item["id"].to_string());
    }
    value
}

/// Whether two states agree in each common field: a password hash may be unreadable.
pub(super) fn is_same(one: &Json, other: &Json) -> bool {
    one.is_object() == other.is_object() && differences(one, other).next().is_none()
}

/// The fields in which two states differ, with both values.
pub(super) fn differences<'a>(one: &'a Json, other: &'a Json) -> impl Iterator<Item = (&'a str, &'a Json, &'a Json)> {
    let fields = one.as_object().into_iter().flatten();
    let both = fields.filter_map(|(field, value)| Some((field.as_str(), value, other.get(field)?)));
    both.filter(|(_, value, other)| value != other)
}

/// What a field is called whose values are not shown, and the verb for it.
pub(super) fn part(field: &str) -> Option<(&'static str, &'static str)> {
    Some(match field {
        PASSWORD_DIGEST => ("its password hash", "differs"),
        "items" => ("its lines", "differ"),
        "refunds" => ("its refunds", "differ"),
        _ => return None,
    })
}
