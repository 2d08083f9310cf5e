//! Taking over tables on MySQL and MariaDB, where each change of the schema commits by itself: new tables are filled
//! beside the old ones, and take their places under a lock. The old ones stay as the copy.

use super::Mysql;
use crate::db::dialect::adoption::{
    Adoption, Conversion, ForeignColumn, ForeignTable, Replacement, TakeOver, ValueKind, free_name,
};
use crate::db::dialect::catalog::Catalog;
use crate::db::engine::Engine;
use crate::db::schema::{ObjectKind, Schema, is_of_others, needs_value, renamed_throughout};

const NUMBER: &str = "^ *-?[0-9]+([.][0-9]+)? *$";
const TIME: &str = "^[0-9]{4}-[0-9]{2}-[0-9]{2}([ T][0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]+)?)? ?(Z|[+]00:00)?$";

fn begins(column: &ForeignColumn, words: &[&str]) -> bool {
    words.iter().any(|word| column.found_type().starts_with(word))
}

fn is_text(column: &ForeignColumn) -> bool {
    begins(column, &["char", "varchar", "text", "tinytext", "mediumtext", "longtext", "enum"])
}

fn is_bytes(column: &ForeignColumn) -> bool {
    begins(column, &["binary", "varbinary", "blob", "tinyblob", "mediumblob", "longblob"])
}

impl Adoption for Mysql {
    fn adopted_value(&self, name: &str, column: &ForeignColumn, offset: i32) -> String {
        let value = match column.kind {
            ValueKind::IdAsIs => name.to_owned(),
            ValueKind::Id if is_bytes(column) => dashed(&format!("HEX({name})")),
            ValueKind::Id => dashed(&digits_of_id(name)),
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
            () if column.is_number() => condition,
            () => "1".to_owned(),
        };
        Some(match column.kind {
            ValueKind::IdAsIs => return None,
            ValueKind::Id if is_bytes(column) => format!("LENGTH({name}) <> 16"),
            ValueKind::Id => format!("{} NOT REGEXP '^[0-9a-fA-F]{{32}}$'", digits_of_id(name)),
            ValueKind::Time if is_text(column) => {
                format!("{name} NOT REGEXP '{TIME}' OR {} IS NULL", time(name, column))
            }
            ValueKind::Time if begins(column, &["datetime", "timestamp", "date"]) => {
                format!("YEAR({name}) = 0 OR MONTH({name}) = 0 OR DAYOFMONTH({name}) = 0")
            }
            ValueKind::Time if column.is_number() => format!("{} IS NULL", time(name, column)),
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

    fn is_finer(&self, name: &str, column: &ForeignColumn) -> Option<String> {
        is_text(column).then(|| format!("{name} REGEXP '[.][0-9]{{6}}0*[1-9]'"))
    }

    fn ignores_case(&self, table: &ForeignTable, column: &ForeignColumn, found: &Schema) -> bool {
        let own = column.found_type().split_once(" COLLATE ").map(|(_, collation)| collation);
        let of_table = || found.of_table(&table.found_name, ObjectKind::Table).next().map(|(_, said)| said);
        is_text(column) && own.or_else(of_table).is_some_and(|collation| collation.ends_with("_ci"))
    }

    fn exactly_compared(&self, value: &str) -> String {
        format!("BINARY ({value})")
    }

    fn shown(&self, name: &str) -> String {
        format!(
            "CASE WHEN CHARSET({name}) = 'binary' AND LENGTH({name}) = 16 THEN HEX({name}) ELSE CAST({name} AS CHAR) END"
        )
    }

    fn quoted_value(&self, name: &str) -> String {
        let bytes = format!("CHARSET({name}) = 'binary' AND LENGTH({name}) = 16");
        format!("CASE WHEN {bytes} THEN CONCAT('0x', HEX({name})) ELSE QUOTE(CAST({name} AS CHAR)) END")
    }

    fn take_over(&self, taken: &TakeOver<'_>) -> Conversion {
        let TakeOver { tables, creations, expected, found, offset, is_recorded } = *taken;
        let model = renamed_throughout(found, tables);
        let pairs: Vec<Exchange<'_>> = tables.iter().map(|table| Exchange::of(table, found)).collect();
        let mut statements = vec![
            // No client can do harm then, also one that goes on after an error.
            format!("SET SESSION /*M! tx_read_only *//*!80000 transaction_read_only */ = {is_recorded}"),
            "SET time_zone = '+00:00'".to_owned(),
        ];
        for pair in &pairs {
            statements.extend(created(&pairs, pair));
            statements.extend(additions(pair, expected, &model));
        }
        statements.extend(creations.iter().map(|statement| referring_to_new(&pairs, statement)));
        let list = |part: &dyn Fn(&Exchange<'_>) -> String| pairs.iter().map(part).collect::<Vec<_>>();
        if !pairs.is_empty() {
            let locked = list(&|pair| format!("{} WRITE, {} WRITE", pair.found, pair.new));
            statements.push(format!("LOCK TABLES {}", locked.join(", ")));
            statements.extend(list(&|pair| self.filled(pair, expected, &model, offset)));
            // RENAME TABLE does not run under the locks, without which a row could get into the old table. Sent as one,
            // so that the server completes them for a client that is gone.
            statements.push(pairs.iter().flat_map(Exchange::renames).collect::<Vec<_>>().join(";\n"));
            statements.push("UNLOCK TABLES".to_owned());
        }
        let last = vec!["SET SESSION TRANSACTION READ WRITE".to_owned()];
        let cleanup = vec!["UNLOCK TABLES".to_owned()];
        let made = pairs.iter().map(Exchange::replacement).collect();
        Conversion { statements, last, cleanup, made, ..Conversion::default() }
    }
}

/// A table and the one that takes its place; all names are quoted.
struct Exchange<'a> {
    table: &'a ForeignTable,
    name: String,
    found: String,
    new: String,
    /// `new` without quotes.
    new_name: String,
    old: String,
}

impl<'a> Exchange<'a> {
    fn of(table: &'a ForeignTable, found: &Schema) -> Exchange<'a> {
        let free = |wanted: String| Mysql.quoted(&free_name(found, &wanted));
        let new_name = free_name(found, &format!("shopctl_new_{}", table.name));
        Exchange {
            table,
            name: Mysql.quoted(&table.name),
            found: Mysql.quoted(&table.found_name),
            new: Mysql.quoted(&new_name),
            new_name,
            old: free(format!("{}_before_adopt", table.name)),
        }
    }

    fn replacement(&self) -> Replacement {
        let ForeignTable { name, found_name, .. } = self.table;
        Replacement { made: self.new_name.clone(), found: found_name.clone(), name: name.clone() }
    }

    fn renames(&self) -> [String; 2] {
        let Exchange { name, found, new, old, .. } = self;
        [format!("ALTER TABLE {found} RENAME TO {old}"), format!("ALTER TABLE {new} RENAME TO {name}")]
    }
}

impl Mysql {
    fn filled(&self, pair: &Exchange<'_>, expected: &Schema, model: &Schema, offset: i32) -> String {
        let (mut names, mut values) = (Vec::new(), Vec::new());
        for column in &pair.table.columns {
            names.push(self.quoted(&column.name));
            values.push(self.adopted_value(&self.quoted(&column.found_name), column, offset));
        }
        for (name, _) in columns_of_others(pair.table, expected, model).filter(|(_, said)| !is_computed(said)) {
            names.push(self.quoted(name));
            values.push(self.quoted(name));
        }
        let Exchange { new, found, .. } = pair;
        format!("INSERT INTO {new} ({}) SELECT {} FROM {found}", names.join(", "), values.join(", "))
    }
}

/// The shop's own table, under a name of its own, referring to the others that are made beside.
fn created(pairs: &[Exchange<'_>], pair: &Exchange<'_>) -> Vec<String> {
    let renamed = |statement: &String| {
        // Statements that are written by hand may have no quotes.
        let name = if statement.contains(&pair.name) { &pair.name } else { &pair.table.name };
        referring_to_new(pairs, &statement.replacen(name, &pair.new, 1))
    };
    pair.table.creation.iter().map(renamed).collect()
}

/// A statement that makes a table, with foreign keys to the tables that take the place of others: they follow the
/// renaming.
fn referring_to_new(pairs: &[Exchange<'_>], statement: &str) -> String {
    let reference = |name: &str| format!("REFERENCES {name}");
    pairs.iter().fold(statement.to_owned(), |text, pair| text.replace(&reference(&pair.name), &reference(&pair.new)))
}

fn columns_of_others<'a>(
    table: &'a ForeignTable,
    expected: &'a Schema,
    model: &'a Schema,
) -> impl Iterator<Item = (&'a str, &'a str)> {
    model.of_table(&table.name, ObjectKind::Column).filter(|(name, _)| !expected.has_column(&table.name, name))
}

fn is_computed(definition: &str) -> bool {
    definition.contains(" AS (")
}

/// Columns of others, and the indexes that are about them. A column that needed a value needs none any longer.
fn additions(pair: &Exchange<'_>, expected: &Schema, model: &Schema) -> Vec<String> {
    let table = pair.table;
    let mut parts: Vec<String> = columns_of_others(table, expected, model)
        .map(|(name, said)| {
            let said = if needs_value(said) { said.replacen(" NOT NULL", "", 1) } else { said.to_owned() };
            // The server describes a computed column with words that are no SQL there.
            let said = match is_computed(&said) {
                true => said.replace(" DEFAULT NULL AS (", " AS (").replace(" GENERATED", ""),
                false => said,
            };
            format!("ADD COLUMN {} {said}", Mysql.quoted(name))
        })
        .collect();
    let about_others = model
        .objects
        .iter()
        .filter(|(object, _)| object.table == table.name && is_of_others(Engine::Mysql, object, expected, model));
    for (object, said) in about_others {
        let name = Mysql.quoted(&object.name);
        let columns = said.split_once(" (").map_or("", |(_, columns)| columns);
        match object.kind {
            ObjectKind::Index if !expected.objects.contains_key(object) => {
                let special = ["FULLTEXT ", "SPATIAL "].into_iter().find(|special| said.contains(special));
                parts.push(format!("ADD {}INDEX {name} ({columns}", special.unwrap_or_default()));
            }
            ObjectKind::Constraint if said.starts_with("UNIQUE") => parts.push(format!("ADD UNIQUE {name} ({columns}")),
            ObjectKind::Constraint if said.starts_with("CHECK") => parts.push(format!("ADD {said}")),
            _ => {}
        }
    }
    let new = &pair.new;
    if parts.is_empty() { Vec::new() } else { vec![format!("ALTER TABLE {new} {}", parts.join(", "))] }
}

/// An id without what other programs put between or around its digits.
fn digits_of_id(name: &str) -> String {
    ["-", "{", "}"].iter().fold(format!("CAST({name} AS CHAR)"), |text, sign| format!("REPLACE({text}, '{sign}', '')"))
}

/// 32 digits as the 36 characters of an id, in lower case.
fn dashed(digits: &str) -> String {
    let dashed = [9, 14, 19, 24].iter().fold(digits.to_owned(), |text, at| format!("INSERT({text}, {at}, 0, '-')"));
    format!("LOWER({dashed})")
}

fn time(name: &str, column: &ForeignColumn) -> String {
    match () {
        () if is_text(column) => {
            // Up to microseconds: MySQL would round what is behind them.
            let plain = format!("TRIM(REPLACE(REPLACE(REPLACE({name}, 'T', ' '), 'Z', ''), '+00:00', ''))");
            format!("CAST(LEFT({plain}, 26) AS DATETIME(6))")
        }
        // Milliseconds since 1970; a number too small for that is seconds.
        () if column.is_number() => format!(
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
