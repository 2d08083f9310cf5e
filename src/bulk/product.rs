//! `product import`

use sea_orm::ConnectionTrait;
use uuid::Uuid;

use super::cells::Cells;
use super::options::Import;
use super::read::{Columns, Record};
use super::rejection::Problem;
use super::row::Row;
use super::spelling::KeySpellings;
use super::upsert::Upsert;
use crate::domain::{EventName, Id};
use crate::entity::field::{FieldKind, Requirement, field_names};
use crate::entity::product::Model;
use crate::error::Result;
use crate::repository::{Change, Lock, product as products};
use crate::service::operation::Operation;
use crate::service::product::apply_create_many;

/// A product of a file. A missing column leaves the stored value unchanged.
#[derive(Clone)]
pub struct ProductRow(Cells<Model>);

impl Row for ProductRow {
    const NOUN: &'static str = "product";
    const OPERATION: EventName = EventName::ProductImport;
    const KEY: &'static str = "sku";
    const COLUMNS: Columns = Columns {
        known: field_names!(Model, _),
        ignored: &["id", "created_at", "updated_at"],
        required: &["sku"],
        needed: field_names!(Model, requirement: Requirement::Key | Requirement::Required),
        one_of: &[],
        texts: field_names!(Model, FieldKind::Text),
        amounts: field_names!(Model, FieldKind::Amount),
        nested: None,
        other: None,
    };

    fn parse(record: &Record, _import: &Import) -> ProductRow {
        ProductRow(Cells::from_record(record))
    }

    fn key(&self) -> &str {
        self.0.key()
    }

    fn identity(key: &str, keys: &KeySpellings) -> String {
        keys.sku(key)
    }

    fn is_update_only(&self, keys: &KeySpellings) -> bool {
        keys.ambiguous_sku(self.key()).is_none() && self.0.is_update_only()
    }
}

impl Upsert for ProductRow {
    type Model = Model;

    async fn find(connection: &impl ConnectionTrait, skus: &[&str], lock: Lock) -> Result<Vec<Model>> {
        products::find_by_skus(connection, skus, lock).await
    }

    fn id(&self) -> Option<Uuid> {
        self.0.id
    }

    fn ambiguous(sku: &str, keys: &KeySpellings) -> Option<String> {
        keys.ambiguous_sku(sku)
    }

    /// The stock of an existing product is not imported, because orders change it.
    fn merged_into(&self, product: &Model, wrong: &mut Vec<Problem>) -> (Model, bool) {
        let mut after = self.0.merged_into(product, wrong);
        let stock = std::mem::replace(&mut after.stock_quantity, product.stock_quantity.clone());
        (after, stock != product.stock_quantity)
    }

    fn to_new(&self, wrong: &mut Vec<Problem>) -> Model {
        let (begin, mut lacks) = (wrong.len(), Vec::new());
        let product = self.0.new_row(wrong, |column, _| lacks.push(column));
        if !product.sku.is_empty() && !lacks.is_empty() {
            let reason = format!("is a new product, but the file has no {}", lacks.join(" and no "));
            wrong.insert(begin, Problem { column: "sku", value: self.key().to_owned(), reason });
        }
        Model { id: self.0.id.map(Id::from).unwrap_or_default(), ..product }
    }

    async fn create(operation: &mut Operation, new: Vec<Model>) -> Result<()> {
        apply_create_many(operation, new).await
    }

    async fn update(operation: &Operation, before: &Model, after: Model) -> Result<Change> {
        let after = Model { updated_at: operation.now().into(), ..after };
        products::update(operation.handle(), before, &after).await
    }
}
