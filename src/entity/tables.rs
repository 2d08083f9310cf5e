//! The schema that the entities expect, in one list.

use sea_orm::sea_query::ColumnType;
use sea_orm::{ColumnTrait, EntityTrait, IdenStatic, Iterable, PrimaryKeyToColumn};

use super::{
    audit_event, audit_seal, order, order_item, order_refund, order_refund_line, product, seed, seed_row,
    stock_movement, user,
};
use crate::domain::named_enum;

/// A table as its entity reads it.
#[derive(Debug, Clone)]
pub struct Table {
    pub name: String,
    pub columns: Vec<Column>,
    /// The names of the columns of its primary key.
    pub key: Vec<String>,
}

/// A column as its entity reads it.
#[derive(Debug, Clone)]
pub struct Column {
    pub name: String,
    pub family: Family,
    pub may_be_null: bool,
}

named_enum! {
    /// The kind of values, independent of the engine's type names.
    pub enum Family {
        Text = "a text",
        Integer = "a whole number",
        Amount = "an amount",
        Id = "an id",
        Time = "a time",
        Other = "something else",
    }
}

impl Family {
    fn from_column_type(column_type: &ColumnType) -> Family {
        match column_type {
            ColumnType::Char(_) | ColumnType::String(_) | ColumnType::Text => Family::Text,
            ColumnType::SmallInteger | ColumnType::Integer | ColumnType::BigInteger => Family::Integer,
            ColumnType::Decimal(_) | ColumnType::Money(_) => Family::Amount,
            ColumnType::Uuid => Family::Id,
            ColumnType::DateTime | ColumnType::Timestamp | ColumnType::TimestampWithTimeZone => Family::Time,
            _ => Family::Other,
        }
    }
}

/// Every table that shopctl reads or writes, except the migration history.
pub fn tables() -> Vec<Table> {
    fn table<E: EntityTrait>() -> Table {
        let columns = E::Column::iter().map(|column| {
            let definition = column.def();
            Column {
                name: column.as_str().to_owned(),
                family: Family::from_column_type(definition.get_column_type()),
                may_be_null: definition.is_null(),
            }
        });
        let key = E::PrimaryKey::iter().map(|key| key.into_column().as_str().to_owned());
        Table { name: E::default().table_name().to_owned(), columns: columns.collect(), key: key.collect() }
    }
    vec![
        table::<user::Entity>(),
        table::<product::Entity>(),
        table::<order::Entity>(),
        table::<order_item::Entity>(),
        table::<order_refund::Entity>(),
        table::<order_refund_line::Entity>(),
        table::<stock_movement::Entity>(),
        table::<audit_event::Entity>(),
        table::<audit_seal::Entity>(),
        table::<seed::Entity>(),
        table::<seed_row::Entity>(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entity_is_in_the_list_and_every_column_of_a_known_family() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/entity");
        let files = std::fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path());
        let is_entity = |file: &std::path::PathBuf| {
            std::fs::read_to_string(file).unwrap().lines().any(|line| line.starts_with("#[sea_orm(table_name"))
        };
        let entities = files.filter(is_entity);
        let all = tables();
        assert_eq!(all.len(), entities.count());
        for table in &all {
            let other = table.columns.iter().find(|column| column.family == Family::Other);
            assert!(other.is_none(), "{}: {other:?}", table.name);
        }
    }
}
