//! Taking over tables on MySQL and MariaDB, where each change of the schema commits by itself: new tables are filled
//! beside the old ones, and one statement exchanges them all. The old ones stay as the copy.

use super::Mysql;
use crate::db::dialect::adoption::{Adoption, ForeignColumn, ForeignTable, ValueKind};
use crate::db::dialect::catalog::Catalog;
use crate::db::schema::{ObjectKind, Schema, is_of_others, needs_value, renamed_throughout};

const NUMBER: &str = "^ *-?[0-9]+([.][0-9]+)? *$";
const TIME: &str = "^[0-9]{4}-[0-9]{2}-[0-9]{2}([ T][0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]{1,6})?)? ?(Z|[+]00:00)?$";

fn begins(column: &ForeignColumn, words: &[&str]) -> bool {
    words.iter().any(|word| column.found_type().starts_with(word))
}

fn is_text(column: &ForeignColumn) -> bool {
    begins(column, &["char", "varchar", "text", "tinytext", "mediumtext", "longtext", "enum"])
}

fn is_bytes(column: &ForeignColumn) -> bool {
    begins(column, &["binary", "varbinary", "blob", "tinyblob", "mediumblob", "longblob"])
}

fn is_number(column: &ForeignColumn) -> bool {
    begins(column, &["int", "bigint", "smallint", "tinyint", "mediumint", "decimal", "double", "float"])
}

impl Adoption for Mysql {
    fn adopted_value(&self, name: &str, column: &ForeignColumn, offset: i32) -> String {
        let value = match column.kind {
            ValueKind::IdAsIs => name.to_owned(),
            ValueKind::Id if is_bytes(column) => dashed(&format!("HEX({name})")),
            ValueKind::Id => dashed(&format!("REPLACE(CAST({name} AS CHAR), '-', '')")),
            ValueKind::Time => shifted(name, column, offset),
            ValueKind::Amount => format!("ROUND({} + 0, 2)", amount(name, column)),
            ValueKind::Whole => format!("CAST({name} AS SIGNED)"),
            ValueKind::Text => format!("CONVERT({name} USING utf8mb4) COLLATE utf8mb4_bin"),
        };
        match column.instead_of_null() {
            Some(default) => format!("COALESCE({value}, {default})"),
            None => value,
        }
    }

    fn misfit(&self, name: &str, column: &ForeignColumn) -> Option<String> {
        let number = |condition: String| match () {
            () if is_text(column) => format!("{name} NOT REGEXP '{NUMBER}' OR {condition}"),
            () if is_number(column) => condition,
            () => "1".to_owned(),
        };
        Some(match column.kind {
            ValueKind::IdAsIs => return None,
            ValueKind::Id if is_bytes(column) => format!("LENGTH({name}) <> 16"),
            ValueKind::Id => format!("REPLACE(CAST({name} AS CHAR), '-', '') NOT REGEXP '^[0-9a-fA-F]{{32}}$'"),
            ValueKind::Time if is_text(column) => {
                format!("{name} NOT REGEXP '{TIME}' OR {} IS NULL", time(name, column))
            }
            ValueKind::Time if begins(column, &["datetime", "timestamp", "date"]) => {
                format!("YEAR({name}) = 0 OR MONTH({name}) = 0 OR DAYOFMONTH({name}) = 0")
            }
            ValueKind::Time if is_number(column) => format!("{} IS NULL", time(name, column)),
            ValueKind::Time => "1".to_owned(),
            ValueKind::Amount => number(format!(
                "ABS({amount} * 100.0 - ROUND({amount} * 100.0)) > 0.000001 OR ABS({amount} + 0) >= {}",
                column.amount_limit(),
                amount = amount(name, column)
            )),
            ValueKind::Whole => number(format!("{name} + 0 <> ROUND({name} + 0) OR ABS({name} + 0) > 2147483647")),
            ValueKind::Text => format!("CHAR_LENGTH({name}) > {}", column.size()?),
        })
    }

    fn shown(&self, name: &str) -> String {
        format!(
            "CASE WHEN CHARSET({name}) = 'binary' AND LENGTH({name}) = 16 THEN HEX({name}) ELSE CAST({name} AS CHAR) END"
        )
    }

    fn take_over(&self, tables: &[ForeignTable], expected: &Schema, found: &Schema, offset: i32) -> Vec<String> {
        let model = renamed_throughout(found, tables);
        let mut statements = vec!["SET time_zone = '+00:00'".to_owned()];
        statements
            .extend(tables.iter().rev().map(|table| format!("DROP TABLE IF EXISTS {}", self.quoted(&new(table)))));
        for table in tables {
            statements.extend(created(tables, table));
            statements.extend(additions(table, expected, &model));
            statements.push(self.filled(table, expected, &model, offset));
        }
        let exchange = tables.iter().map(|table| {
            let [name, found] = [&table.name, &table.found_name].map(|name| self.quoted(name));
            let [new, old] = [new(table), format!("{}_before_adopt", table.name)].map(|name| self.quoted(&name));
            format!("{found} TO {old}, {new} TO {name}")
        });
        statements.push(format!("RENAME TABLE {}", exchange.collect::<Vec<_>>().join(", ")));
        statements
    }
}

impl Mysql {
    fn filled(&self, table: &ForeignTable, expected: &Schema, model: &Schema, offset: i32) -> String {
        let (mut names, mut values) = (Vec::new(), Vec::new());
        for column in &table.columns {
            names.push(self.quoted(&column.name));
            values.push(self.adopted_value(&self.quoted(&column.found_name), column, offset));
        }
        for (name, _) in columns_of_others(table, expected, model) {
            names.push(self.quoted(name));
            values.push(self.quoted(name));
        }
        let (new, found) = (self.quoted(&new(table)), self.quoted(&table.found_name));
        format!("INSERT INTO {new} ({}) SELECT {} FROM {found}", names.join(", "), values.join(", "))
    }
}

fn new(table: &ForeignTable) -> String {
    format!("shopctl_new_{}", table.name)
}

/// The shop's own table, under a name of its own, referring to the others that are made beside.
fn created(tables: &[ForeignTable], table: &ForeignTable) -> Vec<String> {
    let renamed = |statement: &String| {
        let own = statement.replacen(&Mysql.quoted(&table.name), &Mysql.quoted(&new(table)), 1);
        tables.iter().fold(own, |text, other| {
            text.replace(
                &format!("REFERENCES {}", Mysql.quoted(&other.name)),
                &format!("REFERENCES {}", Mysql.quoted(&new(other))),
            )
        })
    };
    table.creation.iter().map(renamed).collect()
}

fn columns_of_others<'a>(
    table: &'a ForeignTable,
    expected: &'a Schema,
    model: &'a Schema,
) -> impl Iterator<Item = (&'a str, &'a str)> {
    model
        .of_table(&table.name, ObjectKind::Column)
        .filter(|(name, said)| !expected.has_column(&table.name, name) && !said.contains(" AS ("))
}

/// Columns of others, and the indexes that are about them. A column that needed a value needs none any longer.
fn additions(table: &ForeignTable, expected: &Schema, model: &Schema) -> Vec<String> {
    let mut parts: Vec<String> = columns_of_others(table, expected, model)
        .map(|(name, said)| {
            let said = if needs_value(said) { said.replacen(" NOT NULL", "", 1) } else { said.to_owned() };
            format!("ADD COLUMN {} {said}", Mysql.quoted(name))
        })
        .collect();
    let about_others =
        model.objects.iter().filter(|(object, _)| object.table == table.name && is_of_others(object, expected, model));
    for (object, said) in about_others {
        let name = Mysql.quoted(&object.name);
        let columns = said.split_once(" (").map_or("", |(_, columns)| columns);
        match object.kind {
            ObjectKind::Index if !expected.objects.contains_key(object) => {
                parts.push(format!("ADD INDEX {name} ({columns}"));
            }
            ObjectKind::Constraint if said.starts_with("UNIQUE") => parts.push(format!("ADD UNIQUE {name} ({columns}")),
            ObjectKind::Constraint if said.starts_with("CHECK") => parts.push(format!("ADD {said}")),
            _ => {}
        }
    }
    let new = Mysql.quoted(&new(table));
    if parts.is_empty() { Vec::new() } else { vec![format!("ALTER TABLE {new} {}", parts.join(", "))] }
}

/// 32 digits as the 36 characters of an id, in lower case.
fn dashed(digits: &str) -> String {
    let dashed = [9, 14, 19, 24].iter().fold(digits.to_owned(), |text, at| format!("INSERT({text}, {at}, 0, '-')"));
    format!("LOWER({dashed})")
}

fn time(name: &str, column: &ForeignColumn) -> String {
    match () {
        () if is_text(column) => {
            format!("CAST(TRIM(REPLACE(REPLACE(REPLACE({name}, 'T', ' '), 'Z', ''), '+00:00', '')) AS DATETIME(6))")
        }
        // Milliseconds since 1970; a number too small for that is seconds.
        () if is_number(column) => format!(
            "'1970-01-01' + INTERVAL CASE WHEN ABS({name}) < 100000000000 THEN {name} * 1000000 ELSE {name} * 1000 END \
             MICROSECOND"
        ),
        () => name.to_owned(),
    }
}

/// A TIMESTAMP is in the session's zone, which is UTC; a DATETIME in none, and a text in none unless it says so.
fn shifted(name: &str, column: &ForeignColumn, offset: i32) -> String {
    let value = time(name, column);
    match () {
        () if offset == 0 => value,
        () if is_text(column) => {
            format!("CASE WHEN {name} REGEXP '(Z|[+]00:00)$' THEN {value} ELSE {value} - INTERVAL {offset} MINUTE END")
        }
        () if begins(column, &["datetime", "date"]) => format!("{value} - INTERVAL {offset} MINUTE"),
        () => value,
    }
}

/// A FLOAT is exact only as the text that it is shown as.
fn amount(name: &str, column: &ForeignColumn) -> String {
    if begins(column, &["float"]) { format!("CAST({name} AS CHAR)") } else { name.to_owned() }
}
