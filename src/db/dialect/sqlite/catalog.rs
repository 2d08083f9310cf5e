//! The schema from SQLite's pragmas; checks are found only in the table's statement.

use std::collections::BTreeMap;

use sea_orm::prelude::async_trait::async_trait;

use super::Sqlite;
use super::rebuild::repair;
use super::statement::{Affinity, checks, is_deferred};
use crate::db::answers::required_rows;
use crate::db::dialect::catalog::{Catalog, ColumnParts, Defined, neutral};
use crate::db::engine::Session;
use crate::db::schema::meaning::{meaning, reference};
use crate::db::schema::{DEFERRED, Object, ObjectKind, Schema, object_of};
use crate::db::sql::normalised;
use crate::error::Result;

const COLUMNS: &str = "SELECT m.name AS in_table, 'column' AS kind, x.name AS name, x.type || \
    CASE WHEN x.\"notnull\" THEN ' NOT NULL' ELSE '' END || COALESCE(' DEFAULT ' || x.dflt_value, '') || \
    CASE x.hidden WHEN 2 THEN ' GENERATED VIRTUAL' WHEN 3 THEN ' GENERATED STORED' ELSE '' END AS definition \
    FROM sqlite_master m, pragma_table_xinfo(m.name) x WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite\\_%' ESCAPE '\\'";

const PRIMARY_KEYS: &str = "SELECT in_table, 'constraint' AS kind, 'primary key' AS name, \
    'PRIMARY KEY (' || group_concat(quoted, ', ') || ')' AS definition FROM (SELECT m.name AS in_table, \
    printf('\"%w\"', x.name) AS quoted FROM sqlite_master m, pragma_table_info(m.name) x WHERE m.type = 'table' AND x.pk > 0 \
    AND m.name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY m.name, x.pk) GROUP BY in_table";

const UNIQUE: &str = "SELECT in_table, 'constraint' AS kind, 'unique (' || group_concat(name, ', ') || ')' AS name, \
    'UNIQUE (' || group_concat(quoted, ', ') || ')' AS definition FROM (SELECT m.name AS in_table, i.name AS in_index, \
    x.name AS name, printf('\"%w\"', x.name) AS quoted \
    FROM sqlite_master m, pragma_index_list(m.name) i, pragma_index_info(i.name) x \
    WHERE m.type = 'table' AND i.origin = 'u' ORDER BY m.name, i.name, x.seqno) GROUP BY in_table, in_index";

/// With the names as they were declared: a foreign key may write them in another case, or leave its columns out.
const FOREIGN_KEYS: &str = "SELECT in_table, 'constraint' AS kind, 'foreign key (' || group_concat(own, ', ') || ')' AS name, \
    'FOREIGN KEY (' || group_concat(quoted, ', ') || ') REFERENCES ' || other || ' (' || group_concat(theirs, ', ') || \
    ') ON DELETE ' || on_delete || ' ON UPDATE ' || on_update AS definition FROM (SELECT m.name AS in_table, f.id AS id, \
    f.\"from\" AS own, printf('\"%w\"', f.\"from\") AS quoted, printf('\"%w\"', COALESCE((SELECT t.name FROM sqlite_master t WHERE t.type = 'table' \
    AND t.name = f.\"table\" COLLATE NOCASE), f.\"table\")) AS other, \
    COALESCE((SELECT printf('\"%w\"', x.name) FROM pragma_table_info(f.\"table\") x WHERE CASE WHEN f.\"to\" IS NULL \
    THEN x.pk = f.seq + 1 ELSE x.name = f.\"to\" COLLATE NOCASE END), printf('\"%w\"', f.\"to\")) AS theirs, \
    f.on_delete, f.on_update \
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
            objects.extend(required_rows(session, query).await?.iter().filter_map(object_of));
        }
        for row in required_rows(session, STATEMENTS).await? {
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
        for (object, definition) in &mut objects {
            let Some(statement) = statements.get(&object.table) else { continue };
            let key = reference(definition).filter(|_| definition.starts_with("FOREIGN KEY"));
            if key.is_some_and(|key| is_deferred(statement, &key.own)) {
                definition.push_str(DEFERRED);
            }
        }
        Ok(Schema { objects, statements, ..Schema::default() })
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

    /// Tables, views and indexes share their names. An index and a view are made again under the other name.
    fn renamed_away(&self, missing: Defined<'_>, holder: Defined<'_>, name: &str) -> Option<String> {
        let shares_names = |kind| matches!(kind, ObjectKind::Table | ObjectKind::View | ObjectKind::Index);
        let (object, definition) = holder;
        let (own, new) = (self.quoted(&object.name), self.quoted(name));
        let again = |what: &str| format!("DROP {what} {own}; {}", definition.replacen(&object.name, name, 1));
        match object.kind {
            _ if !shares_names(missing.0.kind) => None,
            ObjectKind::Table => Some(format!("ALTER TABLE {own} RENAME TO {new}")),
            ObjectKind::View => Some(again("VIEW")),
            ObjectKind::Index => Some(again("INDEX")),
            _ => None,
        }
    }

    fn rebuild(&self, table: &str, expected: &Schema, found: &Schema) -> Option<String> {
        repair(table, expected, found)
    }
}
