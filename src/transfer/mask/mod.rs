//! A shop without anybody's name in it: one more [`Origin`] around another one, which replaces every text that may say
//! who somebody is. Ids, times, numbers and shopctl's own words stay, so that the shop behaves as the original does.
//!
//! What was replaced is proven by another route: [`search`](Mask::search) reads the target and looks for every name.

mod decision;
mod document;
mod fakes;
mod names;
mod sample;
mod search;

use std::collections::HashSet;

use futures_util::stream::BoxStream;
use futures_util::{StreamExt, stream};
use rust_decimal::Decimal;
use sea_orm::prelude::async_trait::async_trait;
use uuid::Uuid;

use self::decision::{Decision, LEFT_OUT, decision, is_erased, own_words};
use self::fakes::Fakes;
use self::names::Names;
use self::sample::Sample;
pub use self::search::{Found, Place};
use super::{Cell, Origin, Report, Row};
use crate::db::target::Engine;
use crate::domain::{EntityKind, Share};
use crate::entity::Moment;
use crate::entity::tables::{Column, Table};
use crate::error::{Error, Kind, Result};
use crate::service::undone;

/// What replaces the texts of one shop, in one run.
pub struct Mask {
    fakes: Fakes,
    own_words: HashSet<String>,
    sample: Option<Sample>,
}

/// A shop under a mask.
pub struct Masked<'a> {
    mask: &'a Mask,
    shop: &'a mut dyn Origin,
}

/// Whose text it is, and in what.
struct Subject {
    /// The id of the person, if it is one's.
    person: Vec<u8>,
    /// Whether `name` is that of a product.
    is_product: bool,
}

impl Mask {
    /// Reads the names of a shop, and what belongs to this share of its users.
    ///
    /// Errors: those of reading.
    pub async fn read(shop: &mut dyn Origin, share: Option<Share>, report: Report<'_>) -> Result<Mask> {
        let fakes = Fakes::new(rand::random(), Names::read(shop, &mut *report).await?);
        let sample = match share {
            Some(share) => Some(Sample::read(shop, share, &fakes, report).await?),
            None => None,
        };
        Ok(Mask { fakes, own_words: own_words(), sample })
    }

    /// The shop under the mask.
    pub fn over<'a>(&'a self, shop: &'a mut dyn Origin) -> Masked<'a> {
        Masked { mask: self, shop }
    }

    /// The row as the target gets it; `None` if it is not part of the sample.
    ///
    /// Errors: exit 7 for a value that can neither stay nor be replaced.
    fn row(&self, table: &Table, mut row: Row) -> Result<Option<Row>> {
        if let Some(sample) = &self.sample {
            if !sample.has(table, &row, &self.fakes) {
                return Ok(None);
            }
            sample.adjust(table, &mut row);
        }
        let kind = match row.get(table, "entity_type") {
            Cell::Text(kind) => kind.as_str(),
            _ => table.name.as_str(),
        };
        let person = match kind {
            "users" => Some("id"),
            kind if kind == EntityKind::User.as_str() => Some("entity_id"),
            _ => None,
        };
        let subject = Subject {
            person: person.map(|id| row.get(table, id).canonical()).unwrap_or_default(),
            is_product: kind == "products" || kind == EntityKind::Product.as_str(),
        };
        let key = row.key(table);
        let cells = table.columns.iter().zip(row.0);
        let masked = cells.map(|(column, cell)| {
            self.cell(column, cell, &subject).ok_or_else(|| {
                let message = format!(
                    "the row {key} of {} cannot be masked: {} is not {}; nothing was written",
                    table.name, column.name, column.family
                );
                Error::new(Kind::Invalid, "transfer.row", message)
                    .details(serde_json::json!({ "table": table.name, "row": key, "column": column.name }))
                    .hint("correct the row in the source, then repeat the command")
            })
        });
        Ok(Some(Row(masked.collect::<Result<_>>()?)))
    }

    /// The value as the target gets it; `None` if it can neither stay nor be replaced.
    fn cell(&self, column: &Column, cell: Cell, subject: &Subject) -> Option<Cell> {
        let decision = decision(&column.name)?;
        Some(match (decision, cell) {
            (Decision::Nothing, _) | (_, Cell::Missing) => Cell::Missing,
            (Decision::Id, cell) if matches!(cell, Cell::Id(..)) || is_id(&cell.to_text()?) => cell,
            (Decision::Id, cell) => Cell::Id(self.text(decision, &cell.to_text()?, subject).parse().ok()?, None),
            // Not in the form of another program, which is a text.
            (Decision::Time, Cell::Time(time, _)) => Cell::Time(time, None),
            (Decision::Time | Decision::Number, cell @ (Cell::Amount(_) | Cell::Integer(_) | Cell::Real(_))) => cell,
            (Decision::Time | Decision::Number, _) => return None,
            (Decision::Document, cell) => Cell::Text(self.document(&cell.to_text()?, subject)),
            (decision, cell) => Cell::Text(self.text(decision, &cell.to_text()?, subject)),
        })
    }

    fn text(&self, decision: Decision, text: &str, subject: &Subject) -> String {
        let stays = match decision {
            Decision::Password | Decision::PasswordDigest => false,
            // It says nothing, and an empty note is none.
            _ if text.is_empty() => true,
            Decision::Id => is_id(text),
            Decision::Time => is_time(text),
            Decision::Number => is_number(text),
            Decision::OwnWord => self.own_words.contains(text),
            Decision::Email | Decision::FirstName | Decision::LastName => is_erased(text),
            // What was undone stays undone.
            Decision::Key => undone::is_key(text),
            Decision::Document => return self.document(text, subject),
            _ => false,
        };
        if stays {
            return text.to_owned();
        }
        let is_personal = matches!(decision, Decision::Email | Decision::FirstName | Decision::LastName);
        self.fakes.fake(decision, text, if is_personal { &subject.person } else { &[] })
    }
}

/// Also the number that another program gave a row.
fn is_id(text: &str) -> bool {
    Uuid::try_parse(text).is_ok() || text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_time(text: &str) -> bool {
    matches!(Moment::from_stored(text), Moment::Known(_))
}

fn is_number(text: &str) -> bool {
    text.parse::<Decimal>().is_ok()
}

#[async_trait]
impl Origin for Masked<'_> {
    fn engine(&self) -> Engine {
        self.shop.engine()
    }

    fn tables(&self) -> Vec<Table> {
        self.shop.tables()
    }

    async fn rows<'a>(&'a mut self, table: &Table) -> Result<BoxStream<'a, Result<Row>>> {
        if LEFT_OUT.contains(&table.name.as_str()) {
            return Ok(stream::empty().boxed());
        }
        let (mask, table) = (self.mask, table.clone());
        let rows = self.shop.rows(&table).await?;
        let masked = move |row: Result<Row>| std::future::ready(row.and_then(|row| mask.row(&table, row)).transpose());
        Ok(rows.filter_map(masked).boxed())
    }
}

/// That of a shop with one user.
#[cfg(test)]
fn mask_of_ann() -> Mask {
    let mut names = Names::default();
    ["ann@example.com", "Ann", "Lee"].iter().for_each(|name| names.add(name));
    Mask { fakes: Fakes::new([7; 32], names), own_words: own_words(), sample: None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::password::{self, UNUSABLE};
    use crate::entity::tables::tables;

    fn masked(table: &str, cells: &[(&str, Cell)]) -> Result<Row> {
        let table = tables().into_iter().find(|known| known.name == table).unwrap();
        let cell = |column: &Column| cells.iter().find(|(name, _)| *name == column.name).map(|(_, cell)| cell.clone());
        let row = Row(table.columns.iter().map(|column| cell(column).unwrap_or(Cell::Missing)).collect());
        Ok(mask_of_ann().row(&table, row)?.unwrap())
    }

    fn get(row: &Row, table: &str, column: &str) -> Cell {
        let table = tables().into_iter().find(|known| known.name == table).unwrap();
        row.get(&table, column).clone()
    }

    fn text(text: &str) -> Cell {
        Cell::Text(text.to_owned())
    }

    #[test]
    fn rows_and_events_of_a_person_agree() {
        let id = Cell::Id(Uuid::from_u128(7), None);
        let hash = "$argon2id$x";
        let row = masked(
            "users",
            &[
                ("id", id.clone()),
                ("email", text("ann@example.com")),
                ("first_name", text("Ann")),
                ("last_name", text("Lee")),
                ("password_hash", text(hash)),
                ("status", text("active")),
                ("created_at", Cell::Time(5, Some("1970-01-01T00:00:00.000005Z".to_owned()))),
            ],
        )
        .unwrap();
        let document = serde_json::json!({
            "email": "ann@example.com", "first_name": "Ann", "last_name": "Lee", "status": "active",
            "created_at": "1970-01-01T00:00:00.000005+00:00", "password_digest": password::digest(hash),
            "Ann": "Lee", "salt": "0123456789abcdef0123456789abcdef",
        });
        let event = masked(
            "audit_events",
            &[("entity_type", text("user")), ("entity_id", id), ("after", text(&document.to_string()))],
        )
        .unwrap();
        let after = get(&event, "audit_events", "after").to_text().unwrap();
        let after: serde_json::Value = serde_json::from_str(&after).unwrap();
        for column in ["email", "first_name", "last_name", "status"] {
            let stored = get(&row, "users", column).to_text();
            assert_eq!(after[column].as_str(), stored.as_deref(), "{column}");
            assert_eq!(stored.as_deref() == document[column].as_str(), column == "status", "{column}");
        }
        assert_eq!(after["created_at"], document["created_at"]);
        assert_eq!(get(&row, "users", "created_at"), Cell::Time(5, None));
        assert_eq!(get(&row, "users", "password_hash"), text(UNUSABLE));
        assert_eq!(after["password_digest"], password::digest(UNUSABLE));
        assert_eq!(after["salt"].as_str().map(str::len), Some(32));
        assert_ne!(after["salt"], document["salt"]);
        assert_eq!(after.get("Ann"), None);
    }

    #[test]
    fn what_is_not_of_its_column_is_replaced_or_refused() {
        let odd =
            masked("orders", &[("id", text("Ann-1")), ("user_id", text("Ann-1")), ("status", text("Ann"))]).unwrap();
        let [id, user] = ["id", "user_id"].map(|column| get(&odd, "orders", column));
        assert!(matches!(id, Cell::Id(..)), "{id:?}");
        assert_eq!(id, user);
        assert_eq!(get(&odd, "orders", "status"), text("masked"));
        for (column, cell) in
            [("created_at", text("Ann")), ("total_amount", text("Ann")), ("created_at", Cell::Garbled(vec![255]))]
        {
            let error = masked("orders", &[("id", text("Ann-1")), (column, cell)]).unwrap_err();
            assert_eq!(error.kind(), Kind::Invalid);
            assert!(error.message().contains(column), "{error}");
        }
    }

    #[test]
    fn an_anonymized_user_stays_one() {
        let email = "anonymized-00000000000000000000000000000007@anonymized.invalid";
        let cells = [("email", text(email)), ("first_name", text("anonymized")), ("last_name", text("anonymized"))];
        let row = masked("users", &cells).unwrap();
        for (column, cell) in cells {
            assert_eq!(get(&row, "users", column), cell);
        }
        let commitment = serde_json::json!({ "email": { "commitment": "ab".repeat(32) } }).to_string();
        let event = masked("audit_events", &[("before", text(&commitment))]).unwrap();
        let before = get(&event, "audit_events", "before").to_text().unwrap();
        assert!(before.starts_with("{\"email\":{\"commitment\":\"") && before.len() == commitment.len(), "{before}");
        assert_ne!(before, commitment);
    }

    #[test]
    fn a_number_in_the_place_of_a_text_is_replaced() {
        let document = text("{\"note\":4930123456,\"quantity\":7,\"restored_by_its_lines\":true}");
        let event = masked("audit_events", &[("after", document)]).unwrap();
        let expected = "{\"note\":\"masked\",\"quantity\":7,\"restored_by_its_lines\":true}";
        assert_eq!(get(&event, "audit_events", "after"), text(expected));
    }

    #[test]
    fn a_document_that_is_none_is_replaced() {
        for other in ["Ann", "\"Ann\"", "[\"Ann\"]", "{\"Ann\": 1", "7"] {
            let event = masked("audit_events", &[("before", text(other))]).unwrap();
            assert_eq!(get(&event, "audit_events", "before"), text("\"masked\""), "{other}");
        }
    }
}
