//! Compares the entities with the schema.

use sea_orm::{ConnectionTrait, DbErr, Statement};

use crate::db::Database;
use crate::db::fault::{Fault, classify};
use crate::db::schema::{self, Object, ObjectKind, Schema};
use crate::db::target::Engine;
use crate::entity::tables::{Column, Family, Table, tables};
use crate::error::Result;

/// The mismatches, as sentences; empty if the program can read and write this schema.
pub fn entity_differences(engine: Engine, schema: &Schema) -> Vec<String> {
    tables().iter().flat_map(|table| table_differences(engine, schema, table)).collect()
}

/// The missing parts of the live schema: `column users.last_name`. One statement suffices if nothing is missing;
/// missing privileges are not reported here.
///
/// Errors: those of a lost connection.
pub async fn missing(database: &Database) -> Result<Vec<String>> {
    let (connection, engine) = (database.connection(), database.engine());
    let all = tables();
    let probe = |table: &Table| {
        let name = engine.quoted(&table.name);
        let columns = table.columns.iter().map(|column| format!("{name}.{}", engine.quoted(&column.name)));
        format!("SELECT {} FROM {name} WHERE 1 = 0", columns.collect::<Vec<_>>().join(", "))
    };
    let whole: Vec<String> =
        all.iter().map(|table| format!("(SELECT COUNT(*) FROM ({}) AS {})", probe(table), table.name)).collect();
    let ask = async |sql: String| {
        let statement = Statement::from_string(connection.get_database_backend(), sql);
        connection.query_all_raw(statement).await.map(drop)
    };
    // Asking again would wait for the locked table once more.
    let ends = |error: &DbErr| {
        let fault = classify(error);
        fault == Fault::Transient || fault.leaves_in_doubt()
    };
    match ask(format!("SELECT {}", whole.join(", "))).await {
        Ok(()) => return Ok(Vec::new()),
        Err(error) if ends(&error) => return Err(error.into()),
        Err(_) => {}
    }
    let mut incomplete = Vec::new();
    for table in &all {
        match ask(probe(table)).await {
            Err(error) if classify(&error) == Fault::NoSchema => incomplete.push(table),
            Err(error) if ends(&error) => return Err(error.into()),
            _ => {}
        }
    }
    if incomplete.is_empty() {
        return Ok(Vec::new());
    }
    let schema = schema::read(connection, engine).await?;
    let mut missing = Vec::new();
    for table in incomplete {
        if !schema.has_table(&table.name) {
            missing.push(format!("table {}", table.name));
            continue;
        }
        let columns = table.columns.iter().filter(|column| !schema.has_column(&table.name, &column.name));
        missing.extend(columns.map(|column| format!("column {}.{}", table.name, column.name)));
    }
    Ok(missing)
}

fn table_differences(engine: Engine, schema: &Schema, table: &Table) -> Vec<String> {
    let name = &table.name;
    let object = |kind, name: &str| Object { table: table.name.clone(), kind, name: name.to_owned() };
    if !schema.has_table(name) {
        return vec![format!("{name}: there is an entity but no table")];
    }
    let mut differences = Vec::new();
    for column in &table.columns {
        match schema.objects.get(&object(ObjectKind::Column, &column.name)) {
            None => differences.push(format!("{name}.{}: is in the entity but not in the table", column.name)),
            Some(definition) => {
                let told = misfits(engine, column, definition);
                differences.extend(told.into_iter().map(|what| format!("{name}.{}: {what}", column.name)));
            }
        }
    }
    let is_known = |object: &Object| table.columns.iter().any(|column| column.name == object.name);
    let of_table = schema
        .objects
        .iter()
        .filter(|(object, _)| object.kind == ObjectKind::Column && object.table == *name && !is_known(object));
    let needed = of_table.filter(|(_, definition)| is_not_null(definition) && !definition.contains(" DEFAULT "));
    differences.extend(
        needed.map(|(object, _)| format!("{name}.{}: is required by the table but not in the entity", object.name)),
    );
    differences
}

fn misfits(engine: Engine, column: &Column, definition: &str) -> Vec<String> {
    let mut misfits = Vec::new();
    match (column.may_be_null, is_not_null(definition)) {
        (true, true) => misfits.push("can be null in the entity but not in the table".to_owned()),
        (false, false) => misfits.push("can be null in the table but not in the entity".to_owned()),
        _ => {}
    }
    let found = family(definition);
    let is_as_text = match column.family {
        Family::Id => engine.stores_ids_as_text,
        Family::Time => engine.stores_times_as_text,
        _ => false,
    };
    if found != column.family && !(is_as_text && found == Family::Text) {
        misfits.push(format!("{} in the entity, {} in the table", column.family.as_str(), found.as_str()));
    }
    misfits
}

fn is_not_null(definition: &str) -> bool {
    definition.split(" DEFAULT ").next().is_some_and(|before| before.contains(" NOT NULL"))
}

/// The family of a definition, by the first word of its type.
fn family(definition: &str) -> Family {
    let end = definition.find([' ', '(']).unwrap_or(definition.len());
    match definition[..end].to_ascii_lowercase().as_str() {
        "varchar" | "character" | "char" | "text" | "longtext" => Family::Text,
        "int" | "integer" | "bigint" | "smallint" => Family::Integer,
        "numeric" | "decimal" | "real" => Family::Amount,
        "uuid" => Family::Id,
        "timestamp" | "datetime" => Family::Time,
        _ => Family::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(family: Family, may_be_null: bool) -> Column {
        Column { name: "c".to_owned(), family, may_be_null }
    }

    #[test]
    fn what_does_not_fit_is_told() {
        let of = |engine, family, may_be_null, definition| misfits(engine, &column(family, may_be_null), definition);
        for (engine, family, definition) in [
            (Engine::Postgres, Family::Text, "character varying(255) COLLATE \"C\" NOT NULL"),
            (Engine::Postgres, Family::Time, "timestamp with time zone NOT NULL DEFAULT statement_timestamp()"),
            (Engine::Mysql, Family::Id, "uuid NOT NULL DEFAULT uuid()"),
            (Engine::Mysql, Family::Id, "char(36) NOT NULL DEFAULT (uuid())"),
            (Engine::Sqlite, Family::Id, "text NOT NULL"),
            (Engine::Sqlite, Family::Time, "TEXT NOT NULL"),
            (Engine::Sqlite, Family::Amount, "real(10, 2) NOT NULL"),
        ] {
            assert_eq!(of(engine, family, false, definition), [] as [&str; 0], "{definition}");
        }
        assert_eq!(of(Engine::Mysql, Family::Time, true, "text"), ["a time in the entity, a text in the table"]);
        assert_eq!(
            of(Engine::Postgres, Family::Integer, true, "bigint NOT NULL"),
            ["can be null in the entity but not in the table"]
        );
        assert_eq!(
            of(Engine::Postgres, Family::Integer, false, "bigint DEFAULT 'x NOT NULL'"),
            ["can be null in the table but not in the entity"]
        );
    }

    #[test]
    fn a_table_and_its_entity_know_each_other() {
        let mut schema = Schema::default();
        let all = tables();
        let users = all.iter().find(|table| table.name == "users").expect("listed");
        assert_eq!(table_differences(Engine::Sqlite, &schema, users), ["users: there is an entity but no table"]);
        let mut add = |kind, name: &str, definition: &str| {
            let object = Object { table: "users".to_owned(), kind, name: name.to_owned() };
            schema.objects.insert(object, definition.to_owned());
        };
        add(ObjectKind::Table, "users", "");
        for column in users.columns.iter().filter(|column| column.name != "email") {
            add(ObjectKind::Column, &column.name, if column.may_be_null { "text" } else { "text NOT NULL" });
        }
        add(ObjectKind::Column, "age", "integer NOT NULL");
        add(ObjectKind::Column, "height", "integer NOT NULL DEFAULT 0");
        assert_eq!(
            table_differences(Engine::Sqlite, &schema, users),
            [
                "users.email: is in the entity but not in the table",
                "users.age: is required by the table but not in the entity"
            ]
        );
    }
}
