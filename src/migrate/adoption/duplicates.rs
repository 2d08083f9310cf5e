//! Rows that share what only one of them may have: an e-mail address, a SKU, a reference.

use sea_orm::ConnectionTrait;

use super::ForeignShop;
use super::misfit::{Misfit, ROWS_ASKED, fitting_value, setting_text, text_or_null};
use crate::db::adoption::{ForeignColumn, ForeignTable};
use crate::db::answers::required_rows;
use crate::domain::text::{in_full, numbered};
use crate::error::Result;

/// A misfit for each row that has the value of another one, which it names.
///
/// Errors: those of the database.
pub(super) async fn duplicates(
    connection: &impl ConnectionTrait,
    shop: &ForeignShop,
    table: &ForeignTable,
    column: &ForeignColumn,
) -> Result<Vec<Misfit>> {
    let engine = shop.engine;
    let [from, name] = [&table.found_name, &column.found_name].map(|name| engine.quoted(name));
    let id = engine.quoted(table.id_name());
    let value = fitting_value(shop, column);
    let sql = format!(
        "SELECT {} AS id_text, {} AS id_literal, {} AS value_text, {} AS value_key FROM {from} WHERE {value} IN (SELECT \
         {value} FROM {from} WHERE {name} IS NOT NULL GROUP BY {value} HAVING COUNT(*) > 1) ORDER BY {value}, {id} \
         LIMIT {ROWS_ASKED}",
        engine.shown(&id),
        engine.quoted_value(&id),
        engine.shown(&name),
        engine.shown(&value)
    );
    let rows = required_rows(connection, &sql).await?;
    let told = ["id_text", "id_literal", "value_text", "value_key"];
    let rows: Vec<[String; 4]> = rows.iter().map(|row| told.map(|name| text_or_null(row, name))).collect();
    let groups = rows.chunk_by(|one, next| one[3] == next[3]);
    let of_group = |group: &[[String; 4]]| -> Vec<Misfit> {
        let Some(([first, ..], others)) = group.split_first() else { return Vec::new() };
        let misfit = |(number, [row, literal, value, _]): (usize, &[String; 4])| {
            let other = numbered(value, number + 2).replace('\'', "''");
            let update = format!("UPDATE {from} SET {name} = '{other}' WHERE {id} = {literal}");
            let statement = setting_text(shop, table, column, &update);
            let remedy = format!(
                "of the rows with the same {}, keep one or give the other another {0}: {}",
                column.name,
                in_full(&statement)
            );
            Misfit {
                table: table.found_name.clone(),
                row: row.clone(),
                column: column.found_name.clone(),
                value: value.clone(),
                why: format!("is also that of {first}"),
                repair: None,
                remedy: (column.name != "id").then_some(remedy),
            }
        };
        others.iter().enumerate().map(misfit).collect()
    };
    Ok(groups.flat_map(of_group).collect())
}
