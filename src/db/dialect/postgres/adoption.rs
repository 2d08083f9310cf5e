//! Taking over tables on PostgreSQL: they are altered in place, which keeps their owner, their grants and what refers
//! to them.

use super::Postgres;
use crate::db::dialect::adoption::{
    Adoption, Conversion, ForeignColumn, ForeignTable, TakeOver, ValueKind, offset_text,
};
use crate::db::dialect::catalog::{Catalog, ColumnParts};
use crate::db::engine::Engine;
use crate::db::schema::{Dependent, Object, ObjectKind, Schema, differences_by_name, is_of_others, renamed_throughout};

const NUMBER: &str = r"^\s*-?\d+(\.\d+)?\s*$";
const TIME: &str = concat!(
    r"^[1-9]\d{3}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])",
    r"([ T]([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d+)?)?\s*(Z|[+-]\d\d(:?\d\d)?)?)?$"
);
const ZONE: &str = r"(Z|[+-]\d\d(:?\d\d)?)$";

/// What a type holds.
enum Found {
    Same,
    /// Also what another program defined itself, such as enums and domains: all of it can be written as text.
    Text,
    Bytes,
    Number,
    Time,
}

fn found(column: &ForeignColumn) -> Found {
    let kind = column.found_type();
    let begins = |words: &[&str]| words.iter().any(|word| kind.starts_with(word));
    match () {
        () if kind == column.expected_type() => Found::Same,
        () if begins(&["bytea"]) => Found::Bytes,
        () if begins(&["timestamp", "date"]) => Found::Time,
        () if column.is_number() => Found::Number,
        () => Found::Text,
    }
}

impl Adoption for Postgres {
    fn adopted_value(&self, name: &str, column: &ForeignColumn, offset: i32) -> String {
        let zone = offset_text(offset);
        match (column.kind, found(column)) {
            (_, Found::Same) | (ValueKind::IdAsIs, _) => name.to_owned(),
            (ValueKind::Id, Found::Bytes) => format!("encode({name}, 'hex')::uuid"),
            (ValueKind::Id, _) => format!("{}::uuid", digits_of_id(name)),
            // Milliseconds since 1970; a number too small for that is seconds.
            (ValueKind::Time, Found::Number) => format!(
                "to_timestamp(CASE WHEN abs({name}::numeric) < 100000000000 THEN {name}::numeric \
                 ELSE {name}::numeric / 1000 END)"
            ),
            // Digits behind microseconds would be rounded.
            (ValueKind::Time, Found::Text) => format!(
                "CASE WHEN {name}::text ~ '{ZONE}' AND {name}::text ~ ':' THEN {cut}::timestamptz \
                 ELSE {cut}::timestamp AT TIME ZONE INTERVAL '{zone}' END",
                cut = format_args!(r"regexp_replace({name}::text, '(\.\d{{6}})\d+', '\1')")
            ),
            (ValueKind::Time, _) if column.found_type() == "timestamp with time zone" => name.to_owned(),
            (ValueKind::Time, _) if column.found_type().ends_with("with time zone") => format!("{name}::timestamptz"),
            (ValueKind::Time, _) => format!("{name}::timestamp AT TIME ZONE INTERVAL '{zone}'"),
            (ValueKind::Amount, _) => format!("round({name}::numeric, 2)"),
            (ValueKind::Whole, _) => format!("{name}::numeric::int4"),
            (ValueKind::Text, _) => format!("{name}::text"),
        }
    }

    fn misfit(&self, name: &str, column: &ForeignColumn) -> Option<String> {
        let number = |condition: String| match found(column) {
            Found::Text => format!("CASE WHEN {name}::text ~ '{NUMBER}' THEN {condition} ELSE true END"),
            Found::Number => condition,
            _ => "true".to_owned(),
        };
        Some(match (column.kind, found(column)) {
            (ValueKind::Time, Found::Same | Found::Time) if !column.found_type().starts_with("time ") => {
                format!("NOT isfinite({name})")
            }
            (_, Found::Same) | (ValueKind::IdAsIs, _) => return None,
            (ValueKind::Id, Found::Bytes) => format!("length({name}) <> 16"),
            (ValueKind::Id, Found::Text) => format!("{} !~* '^[0-9a-f]{{32}}$'", digits_of_id(name)),
            (ValueKind::Time, Found::Number | Found::Time) => return None,
            (ValueKind::Time, Found::Text) => format!(
                "CASE WHEN {name}::text ~ '{TIME}' THEN substr({name}::text, 9, 2)::int > extract(day FROM \
                 (substr({name}::text, 1, 7) || '-01')::date + interval '1 month' - interval '1 day') ELSE true END"
            ),
            (ValueKind::Id | ValueKind::Time, _) => "true".to_owned(),
            (ValueKind::Amount, _) => number(format!(
                "{name}::numeric <> round({name}::numeric, 2) OR abs({name}::numeric) >= {}",
                column.amount_limit()
            )),
            (ValueKind::Whole, _) => {
                number(format!("{name}::numeric <> trunc({name}::numeric) OR abs({name}::numeric) > 2147483647"))
            }
            (ValueKind::Text, _) => format!("char_length({name}::text) > {}", column.size()?),
        })
    }

    fn is_finer(&self, name: &str, column: &ForeignColumn) -> Option<String> {
        matches!(found(column), Found::Text).then(|| format!(r"{name}::text ~ '\.\d{{6}}0*[1-9]'"))
    }

    fn exactly_compared(&self, value: &str) -> String {
        format!("CAST({value} AS text) COLLATE \"C\"")
    }

    fn shown(&self, name: &str) -> String {
        format!("CAST({name} AS text)")
    }

    fn quoted_value(&self, name: &str) -> String {
        format!("quote_literal(CAST({name} AS text))")
    }

    fn take_over(&self, taken: &TakeOver<'_>) -> Conversion {
        let TakeOver { tables, expected, offset, .. } = *taken;
        let mut statements = renames(tables);
        let mut model = renamed_throughout(taken.found, tables);
        let (others, others_again) = self.keys_of_others(taken);
        let triggers = triggers_on_retyped(tables, &model);
        statements.extend(triggers.iter().map(|trigger| trigger.removal.clone()));
        statements.extend(others);
        for table in tables {
            let quoted = self.quoted(&table.name);
            let references = references(&table.name, expected, &model);
            for reference in references {
                statements.push(format!("ALTER TABLE {quoted} DROP CONSTRAINT {}", self.quoted(&reference.name)));
                model.objects.remove(&reference);
            }
        }
        for table in tables {
            let quoted = self.quoted(&table.name);
            for column in table.columns.iter().filter(|column| !matches!(found(column), Found::Same)) {
                let (name, kind) = (self.quoted(&column.name), column.expected_type());
                let value = self.adopted_value(&name, column, offset);
                statements.push(format!(
                    "ALTER TABLE {quoted} ALTER COLUMN {name} DROP DEFAULT, ALTER COLUMN {name} TYPE {kind} USING {value}"
                ));
                let object = Object { table: table.name.clone(), kind: ObjectKind::Column, name: column.name.clone() };
                let is_not_null = ColumnParts::parse(&column.found).is_not_null;
                model.objects.insert(object, format!("{kind}{}", if is_not_null { " NOT NULL" } else { "" }));
            }
        }
        statements.extend(tables.iter().flat_map(defaults_for_missing));
        let names: Vec<&str> = tables.iter().map(|table| table.name.as_str()).collect();
        let (expected, model) = (expected.only(&names), model.only(&names));
        let differences = differences_by_name(Engine::Postgres, &expected, &model);
        statements.extend(differences.into_iter().filter(|one| !one.is_beside).filter_map(|one| one.repair));
        statements.extend(own_names(&expected, &model));
        statements.extend(others_again);
        statements.extend(triggers.into_iter().map(|trigger| trigger.creation));
        // A table that is missing comes behind those that it refers to.
        statements.extend(taken.creations.iter().cloned());
        Conversion { statements, ..Conversion::default() }
    }
}

impl Postgres {
    /// Statements that drop others' foreign keys to ids whose type changes and change the columns that refer, and those
    /// that make them again.
    fn keys_of_others(&self, taken: &TakeOver<'_>) -> (Vec<String>, Vec<String>) {
        let (mut before, mut after) = (Vec::new(), Vec::new());
        for key in taken.keys_of_others().iter().filter(|key| !matches!(found(&key.column), Found::Same)) {
            let [table, name, column] = [key.table, key.name, &key.column.name].map(|name| self.quoted(name));
            let (kind, value) = (key.column.expected_type(), self.adopted_value(&column, &key.column, taken.offset));
            let definition = key.renamed_definition(|name| self.quoted(name));
            before.push(format!("ALTER TABLE {table} DROP CONSTRAINT {name}"));
            after.push(format!("ALTER TABLE {table} ALTER COLUMN {column} TYPE {kind} USING {value}"));
            after.push(format!("ALTER TABLE {table} ADD CONSTRAINT {name} {definition}"));
        }
        (before, after)
    }
}

/// An id without what other programs put between or around its digits.
fn digits_of_id(name: &str) -> String {
    format!("translate(btrim({name}::text), '-{{}}', '')")
}

/// Tables and columns under the shop's names.
fn renames(tables: &[ForeignTable]) -> Vec<String> {
    let mut statements = Vec::new();
    for table in tables {
        let [name, found] = [&table.name, &table.found_name].map(|name| Postgres.quoted(name));
        if name != found {
            statements.push(format!("ALTER TABLE {found} RENAME TO {name}"));
        }
        for column in table.columns.iter().filter(|column| column.name != column.found_name) {
            let [new, old] = [&column.name, &column.found_name].map(|name| Postgres.quoted(name));
            statements.push(format!("ALTER TABLE {name} RENAME COLUMN {old} TO {new}"));
        }
    }
    statements
}

/// Another program's triggers and policies on columns whose type changes, which would stop that.
fn triggers_on_retyped(tables: &[ForeignTable], model: &Schema) -> Vec<Dependent> {
    let mut triggers = Vec::<Dependent>::new();
    for table in tables {
        for column in table.columns.iter().filter(|column| !matches!(found(column), Found::Same)) {
            let object = Object { table: table.name.clone(), kind: ObjectKind::Column, name: column.name.clone() };
            for dependent in model.dependents.get(&object).into_iter().flatten() {
                let is_new = triggers.iter().all(|known| known.removal != dependent.removal);
                if is_new && ["DROP TRIGGER", "DROP POLICY"].iter().any(|word| dependent.removal.starts_with(word)) {
                    triggers.push(dependent.clone());
                }
            }
        }
    }
    triggers
}

/// What is missing where there must be a value becomes the default.
fn defaults_for_missing(table: &ForeignTable) -> Vec<String> {
    let quoted = Postgres.quoted(&table.name);
    let update = |column: &ForeignColumn| {
        let (name, default) = (Postgres.quoted(&column.name), column.instead_of_null()?);
        Some(format!("UPDATE {quoted} SET {name} = {default} WHERE {name} IS NULL"))
    };
    table.columns.iter().filter_map(update).collect()
}

/// Foreign keys of the shop's own columns, whose types could not change otherwise.
fn references(table: &str, expected: &Schema, model: &Schema) -> Vec<Object> {
    let all = model.objects.iter().filter(|(object, definition)| {
        object.table == table
            && object.kind == ObjectKind::Constraint
            && definition.starts_with("FOREIGN KEY")
            && !is_of_others(Engine::Postgres, object, expected, model)
    });
    all.map(|(object, _)| object.clone()).collect()
}

/// Errors name the constraint that was violated: the shop knows its own.
fn own_names(expected: &Schema, model: &Schema) -> Vec<String> {
    let is_key = |definition: &str| definition.starts_with("UNIQUE") || definition.starts_with("PRIMARY KEY");
    let missing = expected.objects.iter().filter(|(object, definition)| {
        object.kind == ObjectKind::Constraint && is_key(definition) && !model.objects.contains_key(object)
    });
    let rename = |(object, definition): (&Object, &String)| {
        let twin = model.objects.iter().find(|(other, said)| {
            other.table == object.table
                && !expected.objects.contains_key(other)
                && Postgres.is_equivalent(object.kind, definition, said)
        })?;
        let [table, name, found] = [&object.table, &object.name, &twin.0.name].map(|name| Postgres.quoted(name));
        Some(match twin.0.kind {
            ObjectKind::Index => format!("ALTER INDEX {found} RENAME TO {name}"),
            _ => format!("ALTER TABLE {table} RENAME CONSTRAINT {found} TO {name}"),
        })
    };
    missing.filter_map(rename).collect()
}
