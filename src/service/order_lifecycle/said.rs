//! What is said about an order: its note and the number of its parcel. The audit trail keeps both.

use serde_json::{Map, Value as Json, json};

use super::OrderTransition;
use crate::entity::audit_event;

const NOTE: &str = "note";
const TRACKING: &str = "tracking";

/// What the event says about an order's change.
#[derive(Clone, Copy)]
pub(super) struct Said<'a> {
    /// An empty one clears the order's note.
    pub note: Option<&'a str>,
    pub tracking: Option<&'a str>,
}

impl<'a> Said<'a> {
    pub fn of(wanted: &'a OrderTransition) -> Said<'a> {
        Said { note: wanted.note.as_deref(), tracking: wanted.tracking.as_deref() }
    }

    /// Its members of the event.
    pub fn members(self) -> Map<String, Json> {
        let texts = [(TRACKING, self.tracking), (NOTE, self.note)];
        texts.into_iter().filter_map(|(name, text)| Some((name.to_owned(), json!(text?)))).collect()
    }
}

/// The note and the tracking number of an order: what was said last.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LastSaid {
    /// `None` if there is none, or it was cleared.
    pub note: Option<String>,
    /// The number of the parcel.
    pub tracking: Option<String>,
}

impl LastSaid {
    /// Reads the events of an order, oldest first.
    pub fn of(events: &[audit_event::Model]) -> LastSaid {
        let mut last = LastSaid::default();
        for event in events {
            let (_, after) = event.documents();
            let said = |member: &str| after[member].as_str().map(str::to_owned);
            last.note = said(NOTE).or(last.note);
            last.tracking = said(TRACKING).or(last.tracking);
        }
        last.note = last.note.filter(|note| !note.is_empty());
        last
    }
}
