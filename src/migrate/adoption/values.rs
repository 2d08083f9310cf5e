//! Values of another program that do not fit the shop, each named with its row.

use sea_orm::ConnectionTrait;

use super::ForeignShop;
use super::duplicates::duplicates;
use super::misfit::{Misfit, NO_UUID, ROWS_ASKED, ask, fitting_value, id_of, setting_text};
use super::references::left_behind;
use crate::db::adoption::{ForeignColumn, ForeignTable, ValueKind};
use crate::db::answers::required_rows;
use crate::db::schema::{ObjectKind, meaning};
use crate::domain::text::{counted, in_full};
use crate::error::{Result, printable};

/// Every kind of misfit, with the first rows of each; nothing about tables without ids, whose rows have no names.
///
/// Errors: those of the database.
pub async fn misfits(connection: &impl ConnectionTrait, shop: &ForeignShop) -> Result<Vec<Misfit>> {
    let mut found = Vec::new();
    if shop.lacks_ids() {
        return Ok(found);
    }
    for table in &shop.tables {
        for column in &table.columns {
            found.extend(of_column(connection, shop, table, column).await?);
        }
        found.extend(of_rules(connection, shop, table).await?);
    }
    found.extend(left_behind(connection, shop).await?);
    Ok(found)
}

/// Ids that are numbers, for which there is another way: nothing else about the shop matters then.
///
/// Errors: those of the database.
pub async fn numbers_as_ids(connection: &impl ConnectionTrait, shop: &ForeignShop) -> Result<Vec<Misfit>> {
    let mut found = Vec::new();
    for table in &shop.tables {
        for column in table.columns.iter().filter(|column| column.name == "id") {
            found.extend(of_column(connection, shop, table, column).await?);
        }
    }
    found.retain(Misfit::is_number_as_id);
    Ok(found)
}

/// Empty tables whose ids are numbers by their type, each with that type: their values could not tell.
///
/// Errors: those of the database.
pub async fn numbered_by_type(connection: &impl ConnectionTrait, shop: &ForeignShop) -> Result<Vec<(String, String)>> {
    let mut found = Vec::new();
    for table in &shop.tables {
        let Some(id) = table.columns.iter().find(|column| column.name == "id" && column.is_number()) else { continue };
        let any = format!("SELECT 1 FROM {} LIMIT 1", shop.engine.quoted(&table.found_name));
        if required_rows(connection, &any).await?.is_empty() {
            found.push((table.found_name.clone(), id.type_word()));
        }
    }
    Ok(found)
}

/// What is missing and gets the default, a line for each column: ids, times and others.
///
/// Errors: those of the database.
pub async fn defaults(connection: &impl ConnectionTrait, shop: &ForeignShop) -> Result<Vec<String>> {
    let mut lines = Vec::new();
    for table in &shop.tables {
        let columns: Vec<_> = table.columns.iter().filter(|column| column.instead_of_null().is_some()).collect();
        if columns.is_empty() {
            continue;
        }
        let missing = columns.iter().enumerate().map(|(number, column)| {
            let name = shop.engine.quoted(&column.found_name);
            format!("COUNT(*) - COUNT({name}) AS missing_{number}")
        });
        let from = shop.engine.quoted(&table.found_name);
        let sql = format!("SELECT {} FROM {from}", missing.collect::<Vec<_>>().join(", "));
        let Some(row) = required_rows(connection, &sql).await?.into_iter().next() else { continue };
        for (number, column) in columns.iter().enumerate() {
            let count: i64 = row.try_get("", &format!("missing_{number}"))?;
            if count > 0 {
                let (rows, name) = (counted(count, "row"), printable(&column.found_name));
                let remedy =
                    if column.kind == ValueKind::Id { "a new id is generated" } else { "the default is stored" };
                lines.push(format!("{}: {name} is missing in {rows}: {remedy}", table.name));
            }
        }
    }
    Ok(lines)
}

/// What is cut, a line for each column: digits of a second behind microseconds, which no engine stores.
///
/// Errors: those of the database.
pub async fn cuts(connection: &impl ConnectionTrait, shop: &ForeignShop) -> Result<Vec<String>> {
    let mut lines = Vec::new();
    for table in &shop.tables {
        for column in table.columns.iter().filter(|column| column.kind == ValueKind::Time) {
            let [from, name] = [&table.found_name, &column.found_name].map(|name| shop.engine.quoted(name));
            let Some(condition) = shop.engine.is_finer(&name, column) else { continue };
            let sql = format!("SELECT COUNT(*) AS finer FROM {from} WHERE {condition}");
            let Some(row) = required_rows(connection, &sql).await?.into_iter().next() else { continue };
            let count: i64 = row.try_get("", "finer")?;
            if count > 0 {
                let (rows, name) = (counted(count, "row"), printable(&column.found_name));
                lines.push(format!("{}: {name} is finer than microseconds in {rows}: it is cut to them", table.name));
            }
        }
    }
    Ok(lines)
}

/// A query for `id_text` and `value_text` of rows of a table.
fn query(shop: &ForeignShop, table: &ForeignTable, value: &str, condition: &str) -> String {
    let engine = shop.engine;
    let (id, from) = (id_of(shop, table), engine.quoted(&table.found_name));
    let value = engine.shown(value);
    format!("SELECT {id} AS id_text, {value} AS value_text FROM {from} WHERE {condition} LIMIT {ROWS_ASKED}")
}

async fn of_column(
    connection: &impl ConnectionTrait,
    shop: &ForeignShop,
    table: &ForeignTable,
    column: &ForeignColumn,
) -> Result<Vec<Misfit>> {
    let name = shop.engine.quoted(&column.found_name);
    let mut conditions = Vec::new();
    if column.refuses_null() {
        conditions.push((format!("{name} IS NULL"), "is missing".to_owned()));
    }
    if let Some(condition) = shop.engine.misfit(&name, column) {
        let why = match column.kind {
            ValueKind::Id => NO_UUID.to_owned(),
            ValueKind::Time => "is not a date or time".to_owned(),
            _ => format!("does not fit {}", column.expected_type()),
        };
        conditions.push((format!("{name} IS NOT NULL AND ({condition})"), why));
    }
    let mut found = Vec::new();
    for (condition, why) in conditions {
        let sql = query(shop, table, &name, &condition);
        found.extend(ask(connection, &sql, &table.found_name, &column.found_name, &why).await?);
    }
    Ok(found)
}

/// The shop's checks, keys and references, asked of the values as they will be.
async fn of_rules(connection: &impl ConnectionTrait, shop: &ForeignShop, table: &ForeignTable) -> Result<Vec<Misfit>> {
    let mut found = Vec::new();
    for (_, rule) in shop.expected.of_table(&table.name, ObjectKind::Constraint) {
        let words = meaning::words(rule);
        let column_of = |word: &String| table.columns.iter().find(|column| column.name == *word);
        let Some(column) = words.iter().find_map(column_of) else { continue };
        let name = shop.engine.quoted(&column.found_name);
        let value = fitting_value(shop, column);
        let first = words.first().map(String::as_str).unwrap_or_default();
        match first {
            "check" => {
                let condition = rule.trim_start_matches("CHECK ");
                let own = shop.engine.quoted(&column.name);
                let (id, from) = (id_of(shop, table), shop.engine.quoted(&table.found_name));
                let shown = shop.engine.shown("shown_value");
                let sql = format!(
                    "SELECT id_text, {shown} AS value_text FROM (SELECT {id} AS id_text, {name} AS shown_value, \
                     {value} AS {own} FROM {from}) AS adopted WHERE NOT {condition} LIMIT {ROWS_ASKED}"
                );
                let why = "violates the shop's rules";
                let mut broken = ask(connection, &sql, &table.found_name, &column.found_name, why).await?;
                mend_word(shop, table, column, rule, &mut broken);
                found.extend(broken);
            }
            "unique" | "primary" => found.extend(duplicates(connection, shop, table, column).await?),
            "foreign" => {
                let Some(parent) = shop.tables.iter().find(|other| words.contains(&other.name)) else { continue };
                let Some(id) = parent.columns.iter().find(|column| column.name == "id") else { continue };
                let (theirs, from) = (fitting_value(shop, id), shop.engine.quoted(&parent.found_name));
                let condition = format!(
                    "{name} IS NOT NULL AND {value} NOT IN (SELECT {theirs} FROM {from} WHERE {theirs} IS NOT NULL)"
                );
                let why = format!("is not in {}", parent.found_name);
                let sql = query(shop, table, &name, &condition);
                found.extend(ask(connection, &sql, &table.found_name, &column.found_name, &why).await?);
            }
            _ => {}
        }
    }
    Ok(found)
}

/// A word of a list that differs only in its case is repaired by one statement. Another one has to be decided about, where
/// the column takes no other words before that.
fn mend_word(shop: &ForeignShop, table: &ForeignTable, column: &ForeignColumn, rule: &str, broken: &mut [Misfit]) {
    let [from, name] = [&table.found_name, &column.found_name].map(|name| shop.engine.quoted(name));
    let words: Vec<&str> = rule.split('\'').skip(1).step_by(2).collect();
    for misfit in broken {
        let lower = misfit.value.trim().to_lowercase();
        let old = misfit.value.replace('\'', "''");
        let update = |word: &str| {
            let update = format!("UPDATE {from} SET {name} = '{word}' WHERE {name} = '{old}'");
            setting_text(shop, table, column, &update)
        };
        if words.contains(&lower.as_str()) {
            "differs only in letter case".clone_into(&mut misfit.why);
            misfit.repair = Some(update(&lower));
        } else if let Some(word) = words.first().filter(|_| column.definition_of_texts().is_some()) {
            let (is, words) = (in_full(&misfit.value), words.join(", "));
            misfit.remedy = Some(format!(
                "decide which of {words} the {} {is} is, such as: {}",
                column.name,
                in_full(&update(word))
            ));
        }
    }
}
