//! The schema from SQLite's pragmas; checks are found only in the table's statement.

use std::collections::BTreeMap;

use sea_orm::prelude::async_trait::async_trait;

use super::Sqlite;
use crate::db::dialect::catalog::{Catalog, neutral};
use crate::db::engine::Session;
use crate::db::schema::{Object, ObjectKind, Schema, object_of, rows};
use crate::db::sql::normalised;
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

    /// Statements are kept as they were written, and a name is quoted once it was changed.
    fn is_equivalent(&self, definition: &str, other: &str) -> bool {
        let plain = |text: &str| normalised(text).replace('"', "");
        definition == other || plain(definition) == plain(other)
    }

    /// There is no adding a column whose default is an expression, or one that must not be empty.
    fn add_column(&self, table: &str, name: &str, definition: &str) -> Option<String> {
        let can_be_added = !definition.contains(" DEFAULT (") && neutral(definition).is_none();
        can_be_added.then(|| format!("ALTER TABLE {table} ADD COLUMN {name} {definition}"))
    }

    fn rebuild(&self, table: &str, expected: &Schema, found: &Schema) -> Option<String> {
        rebuild(table, expected, found)
    }
}

/// The engine's own way of changing a table (<https://www.sqlite.org/lang_altertable.html>, section 7): a
/// new one with the rows of the old. `None` for a table that is gone.
fn rebuild(table: &str, expected: &Schema, found: &Schema) -> Option<String> {
    let statement = expected.statements.get(table)?;
    found.statements.get(table)?;
    let (_, body) = statement.split_once('(')?;
    let engine = Sqlite;
    let (old, new) = (engine.quoted(table), engine.quoted(&format!("new_{table}")));
    let is_kept = |name: &&str| found.of_table(table, ObjectKind::Column).any(|(other, _)| other == *name);
    let kept: Vec<String> = expected
        .of_table(table, ObjectKind::Column)
        .map(|(name, _)| name)
        .filter(is_kept)
        .map(|name| engine.quoted(name))
        .collect();
    let columns = kept.join(", ");
    let lost = expected.of_table(table, ObjectKind::Column).filter(|(name, _)| !kept.contains(&engine.quoted(name)));
    let lost: Vec<_> =
        lost.filter_map(|(name, definition)| Some((engine.quoted(name), neutral(definition)?))).collect();
    let lost_names: String = lost.iter().map(|(name, _)| format!(", {name}")).collect();
    let lost_values: String = lost.iter().map(|(_, value)| format!(", {value}")).collect();
    let mut statements = vec![
        "PRAGMA foreign_keys = OFF".to_owned(),
        "BEGIN IMMEDIATE".to_owned(),
        format!("CREATE TABLE {new} ({body}"),
        format!("INSERT INTO {new} ({columns}{lost_names}) SELECT {columns}{lost_values} FROM {old}"),
        format!("DROP TABLE {old}"),
        format!("ALTER TABLE {new} RENAME TO {old}"),
    ];
    statements.extend(expected.of_table(table, ObjectKind::Index).map(|(_, definition)| definition.to_owned()));
    statements.extend(expected.of_table(table, ObjectKind::Trigger).map(|(_, definition)| definition.to_owned()));
    statements.push("COMMIT".to_owned());
    Some(statements.join("; "))
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
    let (mut depth, mut quote) = (0_usize, None);
    for (position, character) in text.char_indices() {
        match (quote, character) {
            (Some(open), _) if open == character => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"' | '`') => quote = Some(character),
            (None, '(') => depth += 1,
            (None, ')') if depth == 1 => return &text[..=position],
            (None, ')') => depth -= 1,
            _ => {}
        }
    }
    text
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
