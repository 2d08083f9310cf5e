//! Values that shopctl would not write.

use crate::db::target::Engine;
use crate::entity::tables::{Column, Family, Table, tables};

/// Every column of every table, each table read once; a row with several odd values is reported once.
pub(super) fn invalid(engine: Engine) -> String {
    let odd = tables().into_iter().filter_map(|table| odd_values(engine, &table));
    odd.collect::<Vec<_>>().join(" UNION ALL ")
}

fn odd_values(engine: Engine, table: &Table) -> Option<String> {
    let condition = |column: &Column| {
        let name = &column.name;
        let is_odd = match column.family {
            Family::Text => engine.is_odd_text(name),
            // Another program's, whoever adopts it: no movement belongs to such a line.
            Family::Integer if (table.name.as_str(), name.as_str()) == ("order_items", "quantity") => {
                Some(format!("{} OR {name} <= 0", engine.is_odd_integer(name)))
            }
            Family::Integer => Some(engine.is_odd_integer(name)),
            Family::Amount => Some(engine.is_odd_amount(name)),
            // What refers to a row with an odd id is not odd itself.
            Family::Id if name != "id" => None,
            Family::Id => engine.is_odd_id(name),
            Family::Time => Some(engine.is_odd_time(name)),
            Family::Other => None,
        };
        let is_odd = is_odd.map(|is_odd| format!("{name} IS NOT NULL AND ({is_odd})"));
        // Not every role may read the password hashes.
        let is_required = !column.may_be_null && name != "password_hash";
        let is_missing = is_required.then(|| format!("{name} IS NULL"));
        let either: Vec<String> = is_missing.into_iter().chain(is_odd).collect();
        (!either.is_empty()).then(|| (name.clone(), either.join(" OR ")))
    };
    let odd: Vec<(String, String)> = table.columns.iter().filter_map(condition).collect();
    let (first, table) = (&table.columns.first()?.name, &table.name);
    let id = if first == "id" { engine.id_as_text(first) } else { first.clone() };
    let places: String = odd.iter().map(|(name, is_odd)| format!("WHEN {is_odd} THEN '{table}.{name}' ")).collect();
    let any = odd.iter().map(|(_, is_odd)| format!("({is_odd})")).collect::<Vec<_>>().join(" OR ");
    (!odd.is_empty()).then(|| format!("SELECT CASE {places}END AS place, {id} AS name FROM {table} WHERE {any}"))
}
