//! MongoDB's canonical Extended JSON v2, which preserves types that JSON lacks.
//! Source: <https://www.mongodb.com/docs/manual/reference/mongodb-extended-json/>

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::cell::{Cell, Heading};

/// The subtype of a UUID.
const UUID_SUBTYPE: &str = "04";

/// One row as a document; its `id` becomes `_id`.
pub(super) fn document(headings: &[Heading], row: &[Cell]) -> Value {
    let name = |heading: &Heading| if heading.name == "id" { "_id" } else { heading.name }.to_owned();
    let fields: Map<_, _> = headings.iter().zip(row).map(|(heading, cell)| (name(heading), value(cell))).collect();
    Value::Object(fields)
}

fn value(cell: &Cell) -> Value {
    match cell {
        Cell::Id(id) => json!({ "$binary": { "base64": STANDARD.encode(id.as_bytes()), "subType": UUID_SUBTYPE } }),
        Cell::Money(amount) => json!({ "$numberDecimal": amount.to_string() }),
        Cell::Amount(amount) => json!({ "$numberDecimal": amount.to_string() }),
        Cell::Integer(number) if i32::try_from(*number).is_ok() => json!({ "$numberInt": number.to_string() }),
        Cell::Integer(number) => json!({ "$numberLong": number.to_string() }),
        // A date has milliseconds.
        Cell::Time(time) => json!({ "$date": { "$numberLong": time.timestamp_millis().to_string() } }),
        Cell::Worded(cell, _) => value(cell),
        Cell::Nested(nested) => nested.rows.iter().map(|row| document(&nested.headings, row)).collect(),
        Cell::Text(_) | Cell::State(..) | Cell::Boolean(_) | Cell::Json(_) | Cell::Changes(_) | Cell::Missing => {
            cell.to_json()
        }
    }
}
