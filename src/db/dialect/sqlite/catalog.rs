//! The schema from SQLite's pragmas; checks are found only in the table's statement.

use std::collections::BTreeMap;

use sea_orm::prelude::async_trait::async_trait;

use super::Sqlite;
use crate::db::dialect::catalog::{Catalog, ColumnParts, neutral};
use crate::db::engine::Session;
use crate::db::schema::meaning::{meaning, words};
use crate::db::schema::{Object, ObjectKind, Schema, needs_value, object_of, rows};
use crate::db::sql::{listed, normalised, outside_quotes};
use crate::error::Result;

const COLUMNS: &str = "SELECT m.name AS in_table, 'column' AS kind, x.name AS name, x.type || \
    CASE WHEN x.\"notnull\" THEN ' NOT NULL' ELSE '' END || COALESCE(' DEFAULT ' || x.dflt_value, '') || \
    CASE x.hidden WHEN 2 THEN ' GENERATED VIRTUAL' WHEN 3 THEN ' GENERATED STORED' ELSE '' END AS definition \
    FROM sqlite_master m, pragma_table_xinfo(m.name) x WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite\\_%' ESCAPE '\\'";

const PRIMARY_KEYS: &str = "SELECT in_table, 'constraint' AS kind, 'primary key' AS name, \
    'PRIMARY KEY (' || group_concat(name, ', ') || ')' AS definition FROM (SELECT m.name AS in_table, x.name AS name \
    FROM sqlite_master m, pragma_table_info(m.name) x WHERE m.type = 'table' AND x.pk > 0 \
    AND m.name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY m.name, x.pk) GROUP BY in_table";

const UNIQUE: &str = "SELECT in_table, 'constraint' AS kind, 'unique (' || group_concat(name, ', ') || ')' AS name, \
    'UNIQUE (' || group_concat(name, ', ') || ')' AS definition FROM (SELECT m.name AS in_table, i.name AS in_index, \
    x.name AS name FROM sqlite_master m, pragma_index_list(m.name) i, pragma_index_info(i.name) x \
    WHERE m.type = 'table' AND i.origin = 'u' ORDER BY m.name, i.name, x.seqno) GROUP BY in_table, in_index";

const FOREIGN_KEYS: &str = "SELECT in_table, 'constraint' AS kind, 'foreign key (' || group_concat(own, ', ') || ')' AS name, \
    'FOREIGN KEY (' || group_concat(own, ', ') || ') REFERENCES ' || other || ' (' || group_concat(theirs, ', ') || \
    ') ON DELETE ' || on_delete || ' ON UPDATE ' || on_update AS definition FROM (SELECT m.name AS in_table, f.id AS id, \
    f.\"from\" AS own, f.\"table\" AS other, COALESCE(f.\"to\", '') AS theirs, f.on_delete, f.on_update \
    FROM sqlite_master m, pragma_foreign_key_list(m.name) f WHERE m.type = 'table' ORDER BY m.name, f.id, f.seq) \
    GROUP BY in_table, id";

/// Statements of everything that has one.
const STATEMENTS: &str = "SELECT tbl_name AS in_table, type AS kind, name, sql AS definition FROM sqlite_master \
    WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'";

/// Rows of `kind` and `name`, in the order in which they are dropped; indexes and triggers go with
/// their tables.
pub const REMOVABLE: &str = "SELECT upper(type) AS kind, name FROM sqlite_master WHERE type IN ('view', 'table') \
    AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY type DESC, name";

#[async_trait]
impl Catalog for Sqlite {
    async fn read_schema(&self, session: &dyn Session) -> Result<Schema> {
        let (mut objects, mut statements) = (BTreeMap::new(), BTreeMap::new());
        for query in [COLUMNS, PRIMARY_KEYS, UNIQUE, FOREIGN_KEYS] {
            objects.extend(rows(session, query).await?.iter().filter_map(object_of));
        }
        for row in rows(session, STATEMENTS).await? {
            let Some((object, statement)) = object_of(&row) else { continue };
            match object.kind {
                ObjectKind::Table => {
                    let table = object.table.clone();
                    objects.extend(checks(&statement).into_iter().map(|(name, definition)| {
                        (Object { table: table.clone(), kind: ObjectKind::Constraint, name }, definition)
                    }));
                    statements.insert(table, normalised(&statement));
                    objects.insert(object, String::new());
                }
                _ => {
                    objects.insert(object, normalised(&statement));
                }
            }
        }
        Ok(Schema { objects, statements })
    }

    /// Of a type's name only the affinity counts.
    fn is_equivalent(&self, kind: ObjectKind, definition: &str, other: &str) -> bool {
        if kind != ObjectKind::Column {
            return meaning(definition) == meaning(other);
        }
        let said = |definition: &str| {
            let parts = ColumnParts::parse(definition);
            (Affinity::of(parts.kind), parts.is_not_null, parts.default.map(meaning), parts.kind.contains(" GENERATED"))
        };
        said(definition) == said(other)
    }

    /// There is no adding a column whose default is an expression, or one that must not be empty.
    fn add_column(&self, table: &str, name: &str, definition: &str) -> Option<String> {
        let default = ColumnParts::parse(definition).default.unwrap_or_default();
        let can_be_added = !default.contains('(') && neutral(definition).is_none();
        can_be_added.then(|| format!("ALTER TABLE {table} ADD COLUMN {name} {definition}"))
    }

    fn rebuild(&self, table: &str, expected: &Schema, found: &Schema) -> Option<String> {
        rebuild(table, expected, found)
    }
}

/// What a column makes of the values that it is given (<https://www.sqlite.org/datatype3.html>, section 3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Affinity {
    Integer,
    Text,
    Blob,
    Real,
    Numeric,
}

impl Affinity {
    fn of(kind: &str) -> Affinity {
        let kind = kind.to_ascii_lowercase();
        let has = |words: &[&str]| words.iter().any(|word| kind.contains(word));
        match () {
            () if has(&["int"]) => Affinity::Integer,
            () if has(&["char", "clob", "text"]) => Affinity::Text,
            () if kind.is_empty() || has(&["blob"]) => Affinity::Blob,
            () if has(&["real", "floa", "doub"]) => Affinity::Real,
            () => Affinity::Numeric,
        }
    }
}

/// The engine's own way of changing a table (<https://www.sqlite.org/lang_altertable.html>, section 7): a new one with
/// the rows of the old, and with what other programs added to it. `None` for a table that is gone.
fn rebuild(table: &str, expected: &Schema, found: &Schema) -> Option<String> {
    let value_of = |column: &str| {
        let of = |schema: &'_ Schema| {
            schema
                .of_table(table, ObjectKind::Column)
                .find(|(name, _)| *name == column)
                .map(|(_, said)| said.to_owned())
        };
        let definition = of(expected)?;
        match of(found) {
            Some(other) => Some(value_of(&Sqlite.quoted(column), &definition, &other)),
            None => neutral(&definition).map(str::to_owned),
        }
    };
    let statements = rebuilt(table, table, expected, found, &value_of)?;
    Some(format!("PRAGMA foreign_keys = OFF; BEGIN IMMEDIATE; {}; COMMIT", statements.join("; ")))
}

/// The statements of a rebuilding; `value_of` says what the shop's columns get from the old table, and nothing for what
/// gets its default. `found` has the shop's names, `old` is what the table was called.
pub(super) fn rebuilt(
    table: &str,
    old: &str,
    expected: &Schema,
    found: &Schema,
    value_of: &dyn Fn(&str) -> Option<String>,
) -> Option<Vec<String>> {
    let (name, old, new) = (Sqlite.quoted(table), Sqlite.quoted(old), Sqlite.quoted(&format!("new_{table}")));
    let body = body_with_others(table, expected, found)?;
    let (mut names, mut values) = (Vec::new(), Vec::new());
    for (column, _) in expected.of_table(table, ObjectKind::Column) {
        let value = value_of(column);
        names.extend(value.is_some().then(|| Sqlite.quoted(column)));
        values.extend(value);
    }
    for column in columns_of_others(table, expected, found).map(|(column, _)| Sqlite.quoted(column)) {
        values.push(column.clone());
        names.push(column);
    }
    let mut statements = vec![
        format!("CREATE TABLE {new} {body}"),
        format!("INSERT INTO {new} ({}) SELECT {} FROM {old}", names.join(", "), values.join(", ")),
        format!("DROP TABLE {old}"),
        // A view of another program that needs the table would stop the renaming.
        "PRAGMA legacy_alter_table = ON".to_owned(),
        format!("ALTER TABLE {new} RENAME TO {name}"),
        "PRAGMA legacy_alter_table = OFF".to_owned(),
    ];
    for kind in [ObjectKind::Index, ObjectKind::Trigger] {
        let is_new = |(name, definition): &(&str, &str)| {
            let mut own = expected.of_table(table, kind);
            !own.any(|(other, wanted)| other == *name || Sqlite.is_equivalent(kind, wanted, definition))
        };
        statements.extend(expected.of_table(table, kind).map(|(_, definition)| definition.to_owned()));
        statements.extend(found.of_table(table, kind).filter(is_new).map(|(_, definition)| definition.to_owned()));
    }
    Some(statements)
}

/// Columns that the shop does not know.
fn columns_of_others<'a>(
    table: &'a str,
    expected: &'a Schema,
    found: &'a Schema,
) -> impl Iterator<Item = (&'a str, &'a str)> {
    found
        .of_table(table, ObjectKind::Column)
        .filter(|(name, definition)| !expected.has_column(table, name) && !definition.contains(" GENERATED "))
}

/// What stands in the brackets of a table's statement, with the columns that other programs added and what they say
/// about those. A column that needed a value needs none any longer.
fn body_with_others(table: &str, expected: &Schema, found: &Schema) -> Option<String> {
    let (mut columns, tail) = items(expected.statements.get(table)?)?;
    let (theirs, _) = items(found.statements.get(table)?)?;
    let is_constraint = |item: &&str| {
        let first = words(item).into_iter().next().unwrap_or_default();
        ["constraint", "primary", "unique", "check", "foreign"].contains(&first.as_str())
    };
    let constraints = columns.split_off(columns.iter().position(is_constraint).unwrap_or(columns.len()));
    let is_unknown = |name: &String| found.has_column(table, name) && !expected.has_column(table, name);
    let mut body: Vec<String> = columns.into_iter().map(str::to_owned).collect();
    for item in theirs.iter().filter(|item| !is_constraint(item)) {
        let Some(name) = words(item).into_iter().next().filter(is_unknown) else { continue };
        let needs_one =
            columns_of_others(table, expected, found).any(|(other, said)| other == name && needs_value(said));
        body.push(if needs_one { without_not_null(item) } else { (*item).to_owned() });
    }
    body.extend(constraints.into_iter().map(str::to_owned));
    let about_others = theirs.iter().filter(|item| is_constraint(item) && words(item).iter().any(is_unknown));
    body.extend(about_others.map(|item| (*item).to_owned()));
    Some(format!("({}){tail}", body.join(", ")))
}

fn without_not_null(item: &str) -> String {
    match item.to_ascii_uppercase().find("NOT NULL") {
        Some(at) => format!("{}{}", &item[..at], &item[at + "NOT NULL".len()..]),
        None => item.to_owned(),
    }
}

/// A value as the new column stores it: nothing is cut, an id of 16 bytes is written out, and what is missing gets the
/// default.
fn value_of(name: &str, definition: &str, found: &str) -> String {
    let (wanted, old) = (ColumnParts::parse(definition), ColumnParts::parse(found));
    let is_text_now = Affinity::of(wanted.kind) == Affinity::Text && Affinity::of(old.kind) != Affinity::Text;
    let value = if is_text_now { id_as_text(name) } else { name.to_owned() };
    match wanted.instead_of_null(&old) {
        Some(default) => format!("COALESCE({value}, {default})"),
        None => value,
    }
}

/// 16 bytes as 36 characters, and anything else as it is.
fn id_as_text(name: &str) -> String {
    let text = dashed_id(&format!("lower(hex({name}))"));
    format!("CASE WHEN typeof({name}) = 'blob' AND length({name}) = 16 THEN {text} ELSE {name} END")
}

/// 32 digits as the 36 characters of an id.
pub(super) fn dashed_id(digits: &str) -> String {
    let part = |from: u8, length: u8| format!("substr({digits}, {from}, {length})");
    [part(1, 8), part(9, 4), part(13, 4), part(17, 4), part(21, 12)].join(" || '-' || ")
}

/// What is listed in the outermost brackets of a statement, and what stands behind them.
fn items(statement: &str) -> Option<(Vec<&str>, &str)> {
    let open = statement.find('(')?;
    let inside = balanced(&statement[open..]);
    let tail = &statement[open + inside.len()..];
    Some((listed(inside.strip_prefix('(')?.strip_suffix(')')?), tail))
}

/// The checks of a table's statement: their names, or their texts where they have none.
fn checks(statement: &str) -> Vec<(String, String)> {
    let statement = normalised(statement);
    let Some((_, body)) = statement.split_once('(') else { return Vec::new() };
    let (mut checks, mut depth, mut words) = (Vec::new(), 0_usize, Vec::new());
    let mut rest = body;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '\'' | '"' | '`' => rest[1..].find(first).map_or(rest.len(), |end| end + 2),
            '(' | ')' | ',' | ' ' => 1,
            _ => rest.find(['(', ')', ',', ' ', '\'', '"', '`']).unwrap_or(rest.len()),
        };
        let (piece, after) = rest.split_at(length);
        match piece {
            "(" if depth == 0 && words.last().is_some_and(|word: &&str| word.eq_ignore_ascii_case("CHECK")) => {
                let condition = balanced(rest);
                checks.push(check(&words, condition));
                words.clear();
                rest = &rest[condition.len()..];
                continue;
            }
            "(" => depth += 1,
            ")" if depth == 0 => break,
            ")" => depth -= 1,
            "," if depth == 0 => words.clear(),
            " " => {}
            word if depth == 0 => words.push(word),
            _ => {}
        }
        rest = after;
    }
    checks
}

/// `(…)` with everything inside, from a text that begins with the bracket.
fn balanced(text: &str) -> &str {
    let end = outside_quotes(text).find(|(_, character, depth)| *character == ')' && *depth == 0);
    end.map_or(text, |(position, ..)| &text[..=position])
}

/// `words` are those of the column or constraint so far, `CHECK` last.
fn check(words: &[&str], condition: &str) -> (String, String) {
    let definition = format!("CHECK {condition}");
    let name = match words {
        [.., constraint, name, _] if constraint.eq_ignore_ascii_case("CONSTRAINT") => {
            name.trim_matches(['"', '`']).to_owned()
        }
        _ => definition.to_lowercase(),
    };
    (name, definition)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checks_are_found_wherever_they_stand() {
        let statement = "CREATE TABLE \"t\" (\n  a int CHECK (a > 0), -- CHECK (no)\n  b text DEFAULT 'CHECK (no)' NOT NULL,\n  \
                         c int DEFAULT (1) CONSTRAINT \"ck_c\" check (c IN (1, ')', 2)),\n  CONSTRAINT ck CHECK ( b <> '' ), UNIQUE (a, b)\n)";
        assert_eq!(
            checks(statement),
            [
                ("check (a > 0)".to_owned(), "CHECK (a > 0)".to_owned()),
                ("ck_c".to_owned(), "CHECK (c IN(1,')',2))".to_owned()),
                ("ck".to_owned(), "CHECK (b <> '')".to_owned()),
            ]
        );
        assert_eq!(checks("CREATE TABLE t"), []);
        assert_eq!(checks("CREATE TABLE t (a int CHECK (a"), [("check (a".to_owned(), "CHECK (a".to_owned())]);
    }
}
