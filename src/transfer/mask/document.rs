//! A document of the audit trail, masked member by member.

use serde_json::{Map, Value as Json};

use super::{Decision, Mask, Subject, decision};

impl Mask {
    /// The document with what stands for its texts; what is none becomes a text. Members of other names are left out,
    /// for the name may be anything.
    pub(super) fn document(&self, text: &str, subject: &Subject) -> String {
        match serde_json::from_str::<Json>(text) {
            Ok(Json::Object(members)) => Json::Object(self.members(members, subject)).to_string(),
            _ => Json::String(self.text(Decision::Text, text, subject)).to_string(),
        }
    }

    fn members(&self, members: Map<String, Json>, subject: &Subject) -> Map<String, Json> {
        let masked = members.into_iter().filter_map(|(name, value)| {
            let decision = match decision(&name)? {
                // What a seed is called.
                Decision::ProductName if !subject.is_product => Decision::Text,
                decision => decision,
            };
            Some((name, self.value(decision, value, subject)))
        });
        masked.collect()
    }

    fn value(&self, decision: Decision, value: Json, subject: &Subject) -> Json {
        match value {
            Json::String(text) => self.text(decision, &text, subject).into(),
            // A telephone number in a note.
            Json::Number(number) if !matches!(decision, Decision::Id | Decision::Time | Decision::Number) => {
                self.text(decision, &number.to_string(), subject).into()
            }
            Json::Array(values) => values.into_iter().map(|value| self.value(decision, value, subject)).collect(),
            Json::Object(members) => self.members(members, subject).into(),
            other => other,
        }
    }
}
