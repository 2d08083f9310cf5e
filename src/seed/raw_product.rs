//! A product in a seed file: the fields of its entity, so that a new one needs no change here.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::domain::Violations;
use crate::entity::field::{Editable, FieldKind, Requirement};
use crate::entity::product::Model;

/// The names of the fields in a seed file.
const NAMES: [&str; Model::FIELDS.len()] = {
    let (mut names, mut at) = ([""; Model::FIELDS.len()], 0);
    while at < names.len() {
        names[at] = match Model::FIELDS[at].name.as_bytes() {
            // Before the orders of the seed are placed.
            b"stock_quantity" => "stock",
            _ => Model::FIELDS[at].name,
        };
        at += 1;
    }
    names
};

/// The given fields, each as an index of the entity's list and its text.
pub struct RawProduct(Vec<(usize, String)>);

impl RawProduct {
    /// A product with its initial stock.
    pub fn from_model(product: &Model, stock: i64) -> RawProduct {
        let fields = Model::FIELDS.iter().enumerate().map(|(index, field)| match NAMES[index] {
            "stock" => (index, stock.to_string()),
            _ => (index, (field.stored)(product)),
        });
        RawProduct(fields.filter(|(index, text)| !text.is_empty() || !is_optional(*index)).collect())
    }

    /// The product, if all its values are valid.
    pub fn check(&self, violations: &mut Violations, row: u32) -> Option<Model> {
        let (mut product, mut is_valid) = (Model::new_row(), true);
        for (index, text) in &self.0 {
            let set = |text: &str| (Model::FIELDS[*index].set)(&mut product, text);
            is_valid &= violations.parse(&format!("product {row} {}", NAMES[*index]), text, set).is_some();
        }
        is_valid.then_some(product)
    }
}

fn is_optional(index: usize) -> bool {
    matches!(Model::FIELDS[index].requirement, Requirement::Optional | Requirement::Defaulted(_))
}

impl Serialize for RawProduct {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (index, text) in &self.0 {
            match text.parse::<i64>() {
                Ok(number) if Model::FIELDS[*index].kind == FieldKind::Whole => {
                    map.serialize_entry(NAMES[*index], &number)?;
                }
                _ => map.serialize_entry(NAMES[*index], text)?,
            }
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for RawProduct {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<RawProduct, D::Error> {
        deserializer.deserialize_map(Fields)
    }
}

struct Fields;

impl<'de> Visitor<'de> for Fields {
    type Value = RawProduct;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a product")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RawProduct, A::Error> {
        let mut fields = Vec::new();
        while let Some(name) = map.next_key::<String>()? {
            let Some(index) = NAMES.iter().position(|known| *known == name) else {
                return Err(de::Error::unknown_field(&name, &NAMES));
            };
            let text = match Model::FIELDS[index].kind {
                FieldKind::Whole => map.next_value::<i64>()?.to_string(),
                _ => map.next_value()?,
            };
            fields.push((index, text));
        }
        match (0..NAMES.len()).find(|index| !is_optional(*index) && fields.iter().all(|(given, _)| given != index)) {
            Some(missing) => Err(de::Error::missing_field(NAMES[missing])),
            None => Ok(RawProduct(fields)),
        }
    }
}
