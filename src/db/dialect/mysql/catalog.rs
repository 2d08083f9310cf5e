//! The schema from information_schema of MySQL and MariaDB. Its text columns differ in collation, so each is
//! cast. Each table of it is asked for this database by a constant: what a join would tell, the server reads from
//! the tables of all its databases.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::prelude::async_trait::async_trait;

use super::Mysql;
use crate::db::answers::{required_rows, text};
use crate::db::dialect::catalog::{Catalog, ColumnParts, Defined, named_constraint};
use crate::db::engine::Session;
use crate::db::schema::{Object, ObjectKind, Removable, Schema, has_index, object_of};
use crate::error::Result;

/// An expression as SQL: MySQL escapes the text of those that it keeps, and says the character set of each literal.
macro_rules! unescaped {
    ($expression:literal) => {
        concat!(
            "IF(VERSION() LIKE '%MariaDB%', CAST(",
            $expression,
            " AS CHAR), REPLACE(REPLACE(REPLACE(REPLACE(CAST(",
            $expression,
            " AS CHAR), CHAR(92, 92 USING utf8mb4), CHAR(1 USING utf8mb4)), CHAR(92, 39 USING utf8mb4), \
             CHAR(39 USING utf8mb4)), CHAR(1 USING utf8mb4), CHAR(92 USING utf8mb4)), \
             CONCAT('_utf8mb4', CHAR(39 USING utf8mb4)), CHAR(39 USING utf8mb4)))"
        )
    };
}

const TABLES: &str = "SELECT CAST(table_name AS CHAR) AS in_table, \
    CASE table_type WHEN 'VIEW' THEN 'view' WHEN 'SEQUENCE' THEN 'sequence' ELSE 'table' END AS kind, \
    CAST(table_name AS CHAR) AS name, \
    CASE WHEN table_type IN ('BASE TABLE', 'SYSTEM VERSIONED') THEN CONCAT(engine, ', ', table_collation) ELSE '' END AS definition \
    FROM information_schema.tables WHERE table_schema = DATABASE()";

/// MariaDB keeps the earlier versions of rows, which is no concern of the shop's.
const FEATURES: &str = "SELECT CAST(table_name AS CHAR) AS in_table, 'feature' AS kind, 'system versioning' AS name, \
    '' AS definition FROM information_schema.tables WHERE table_schema = DATABASE() AND table_type = 'SYSTEM VERSIONED'";

const VIEWS: &str = "SELECT CAST(table_name AS CHAR) AS in_table, 'view' AS kind, CAST(table_name AS CHAR) AS name, \
    REPLACE(CAST(view_definition AS CHAR), CONCAT('`', DATABASE(), '`.'), '') AS definition \
    FROM information_schema.views WHERE table_schema = DATABASE()";

/// MariaDB returns a default as SQL; MySQL returns the bare text and marks expressions.
const COLUMNS: &str = concat!(
    "SELECT CAST(c.table_name AS CHAR) AS in_table, 'column' AS kind, \
    CAST(c.column_name AS CHAR) AS name, CONCAT(CAST(c.column_type AS CHAR), \
    IF(c.collation_name IS NULL OR c.collation_name = t.table_collation, '', CONCAT(' COLLATE ', c.collation_name)), \
    IF(c.is_nullable = 'NO', ' NOT NULL', ''), \
    IF(c.column_default IS NULL, '', CONCAT(' DEFAULT ', CASE WHEN VERSION() LIKE '%MariaDB%' \
    THEN CAST(c.column_default AS CHAR) WHEN c.extra LIKE '%DEFAULT_GENERATED%' \
    THEN CONCAT('(', ",
    unescaped!("c.column_default"),
    ", ')') ELSE QUOTE(CAST(c.column_default AS CHAR)) END)), \
    IF(COALESCE(c.generation_expression, '') = '', '', CONCAT(' AS (', ",
    unescaped!("c.generation_expression"),
    ", ')')), \
    IF(REPLACE(c.extra, 'DEFAULT_GENERATED', '') = '', '', \
    CONCAT(' ', TRIM(REPLACE(CAST(c.extra AS CHAR), 'DEFAULT_GENERATED', ''))))) AS definition \
    FROM information_schema.columns c JOIN information_schema.tables t \
    ON t.table_schema = DATABASE() AND t.table_name = c.table_name AND t.table_type IN ('BASE TABLE', 'SYSTEM VERSIONED') \
    WHERE c.table_schema = DATABASE()"
);

/// One row per column of an index.
const INDEXES: &str = "SELECT CAST(table_name AS CHAR) AS in_table, CAST(index_name AS CHAR) AS name, \
    IF(non_unique = 0, 'UNIQUE', '') AS uniqueness, IF(index_type = 'BTREE', '', CONCAT(CAST(index_type AS CHAR), ' ')) AS special, \
    CONCAT('`', CAST(column_name AS CHAR), '`', IF(sub_part IS NULL, '', CONCAT('(', sub_part, ')')), \
    IF(collation = 'D', ' DESC', '')) AS part \
    FROM information_schema.statistics WHERE table_schema = DATABASE() ORDER BY table_name, index_name, seq_in_index";

const FOREIGN_KEYS: &str = "SELECT CAST(k.table_name AS CHAR) AS in_table, 'constraint' AS kind, \
    CAST(k.constraint_name AS CHAR) AS name, CONCAT('FOREIGN KEY (', \
    GROUP_CONCAT(CONCAT('`', k.column_name, '`') ORDER BY k.ordinal_position SEPARATOR ', '), ') REFERENCES `', \
    k.referenced_table_name, '` (', \
    GROUP_CONCAT(CONCAT('`', k.referenced_column_name, '`') ORDER BY k.ordinal_position SEPARATOR ', '), \
    ') ON DELETE ', r.delete_rule, ' ON UPDATE ', r.update_rule) AS definition \
    FROM information_schema.key_column_usage k JOIN information_schema.referential_constraints r \
    ON r.constraint_schema = DATABASE() AND r.constraint_name = k.constraint_name AND r.table_name = k.table_name \
    WHERE k.table_schema = DATABASE() AND k.referenced_table_name IS NOT NULL \
    GROUP BY k.table_name, k.constraint_name, k.referenced_table_name, r.delete_rule, r.update_rule";

const CHECKS_OF_MARIADB: &str = "SELECT CAST(table_name AS CHAR) AS in_table, 'constraint' AS kind, \
    CAST(constraint_name AS CHAR) AS name, CONCAT('CHECK (', CAST(check_clause AS CHAR), ')') AS definition, \
    CAST(level AS CHAR) AS level FROM information_schema.check_constraints WHERE constraint_schema = DATABASE()";

const CHECKS_OF_MYSQL: &str = concat!(
    "SELECT CAST(t.table_name AS CHAR) AS in_table, 'constraint' AS kind, \
    CAST(t.constraint_name AS CHAR) AS name, CONCAT('CHECK (', ",
    unescaped!("c.check_clause"),
    ", ')') AS definition \
    FROM information_schema.table_constraints t JOIN information_schema.check_constraints c \
    ON c.constraint_schema = DATABASE() AND c.constraint_name = t.constraint_name \
    WHERE t.constraint_schema = DATABASE() AND t.constraint_type = 'CHECK'"
);

const TRIGGERS: &str = "SELECT CAST(event_object_table AS CHAR) AS in_table, 'trigger' AS kind, \
    CAST(trigger_name AS CHAR) AS name, CONCAT('CREATE TRIGGER `', trigger_name, '` ', action_timing, ' ', \
    event_manipulation, ' ON `', event_object_table, '` FOR EACH ROW ', CAST(action_statement AS CHAR)) AS definition \
    FROM information_schema.triggers WHERE event_object_schema = DATABASE()";

/// Rows of `kind` and `name` in drop order: objects whose removal may fail or wait come first.
pub const REMOVABLE: &str = "SELECT CASE table_type WHEN 'VIEW' THEN 'VIEW' WHEN 'SEQUENCE' THEN 'SEQUENCE' \
    ELSE 'TABLE' END AS kind, CAST(table_name AS CHAR) AS name FROM information_schema.tables \
    WHERE table_schema = DATABASE() ORDER BY kind = 'TABLE' DESC, kind, table_name";

/// The setting with which no value is changed in silence.
const STRICT: &str = "sql_mode = 'STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE'";

#[async_trait]
impl Catalog for Mysql {
    fn quoted(&self, name: &str) -> String {
        format!("`{}`", name.replace('`', "``"))
    }

    async fn read_schema(&self, session: &dyn Session) -> Result<Schema> {
        let version = required_rows(session, "SELECT VERSION() AS version").await?;
        let is_mariadb = version.first().and_then(|row| text(row, "version")).unwrap_or_default().contains("MariaDB");
        let checks = if is_mariadb { CHECKS_OF_MARIADB } else { CHECKS_OF_MYSQL };
        let mut objects = BTreeMap::new();
        for query in [TABLES, FEATURES, VIEWS, COLUMNS, FOREIGN_KEYS, TRIGGERS] {
            objects.extend(required_rows(session, query).await?.iter().filter_map(object_of));
        }
        let mut column_checks = BTreeSet::new();
        for row in required_rows(session, checks).await? {
            let Some((check, definition)) = object_of(&row) else { continue };
            if text(&row, "level").as_deref() == Some("Column") {
                column_checks.insert(check.clone());
            }
            objects.insert(check, definition);
        }
        let mut indexes: BTreeMap<Object, (String, Vec<String>)> = BTreeMap::new();
        for row in required_rows(session, INDEXES).await? {
            let get = |column| text(&row, column).unwrap_or_default();
            let (table, name, uniqueness) = (get("in_table"), get("name"), get("uniqueness"));
            let kind = if uniqueness.is_empty() { ObjectKind::Index } else { ObjectKind::Constraint };
            let beginning = match (name.as_str(), kind) {
                ("PRIMARY", _) => "PRIMARY KEY".to_owned(),
                (_, ObjectKind::Constraint) => uniqueness,
                _ => format!("CREATE {}INDEX `{name}` ON `{table}`", get("special")),
            };
            let index = indexes.entry(Object { table, kind, name }).or_insert((beginning, Vec::new()));
            index.1.push(get("part"));
        }
        let indexes = indexes.into_iter().map(|(object, (beginning, parts))| {
            let definition = format!("{beginning} ({})", parts.join(", "));
            (object, definition)
        });
        objects.extend(indexes);
        Ok(Schema { objects, column_checks, ..Schema::default() })
    }

    /// Each statement commits implicitly: one statement for all tables waits for all of them and checks every
    /// right before the first is dropped.
    fn removal(&self, objects: &[Removable]) -> Vec<String> {
        let of_kind = objects.chunk_by(|one, next| one.kind == next.kind);
        let names = |objects: &[Removable]| {
            objects.iter().map(|object| self.quoted(&object.name)).collect::<Vec<_>>().join(", ")
        };
        of_kind.map(|objects| format!("DROP {} IF EXISTS {}", objects[0].kind, names(objects))).collect()
    }

    fn drop_index(&self, table: &str, name: &str) -> String {
        format!("DROP INDEX {name} ON {table}")
    }

    fn constraint(&self, name: &str, definition: &str) -> Option<(String, String)> {
        Some(match definition.starts_with("PRIMARY KEY") {
            true => ("DROP PRIMARY KEY".to_owned(), String::new()),
            false => named_constraint(name),
        })
    }

    fn change_column(&self, table: &str, name: &str, expected: &str, found: &str, _ahead: i32) -> Option<String> {
        let (wanted, old) = (ColumnParts::parse(expected), ColumnParts::parse(found));
        let change = format!("ALTER TABLE {table} MODIFY COLUMN {name} {expected}");
        let change = match wanted.constant_instead_of_null(&old) {
            Some(default) => format!("UPDATE {table} SET {name} = {default} WHERE {name} IS NULL; {change}"),
            None => change,
        };
        // The value of a TIMESTAMP depends on the session's time zone.
        let is_zoned = |kind: &str| kind.starts_with("timestamp");
        let is_shifted = is_zoned(wanted.kind) != is_zoned(old.kind);
        // A session that is not strict would cut values, or replace them, instead of refusing the change.
        let may_lose = wanted.kind != old.kind || wanted.is_not_null && !old.is_not_null;
        let settings = [is_shifted.then_some("time_zone = '+00:00'"), may_lose.then_some(STRICT)];
        let settings: Vec<&str> = settings.into_iter().flatten().collect();
        Some(if settings.is_empty() { change } else { format!("SET {}; {change}", settings.join(", ")) })
    }

    /// Tables, views and sequences share their names, the foreign keys of all tables theirs (on MySQL the checks too), and the
    /// keys and indexes of one table.
    fn renamed_away(&self, missing: Defined<'_>, holder: Defined<'_>, name: &str) -> Option<String> {
        let (object, definition) = holder;
        let [own, new, table] = [&object.name, name, &object.table].map(|name| self.quoted(name));
        let begins = |word: &str| missing.1.starts_with(word) && definition.starts_with(word);
        let is_index = |(object, definition): Defined<'_>| has_index(object.kind, definition);
        match (missing.0.kind, object.kind) {
            _ if is_index(missing) && is_index(holder) => {
                let is_near = object.table == missing.0.table;
                is_near.then(|| format!("ALTER TABLE {table} RENAME INDEX {own} TO {new}"))
            }
            (ObjectKind::Table, ObjectKind::Table | ObjectKind::View | ObjectKind::Sequence) => {
                Some(format!("RENAME TABLE {own} TO {new}"))
            }
            (ObjectKind::Constraint, ObjectKind::Constraint) if begins("FOREIGN KEY") || begins("CHECK") => {
                let what = if begins("CHECK") { "CONSTRAINT" } else { "FOREIGN KEY" };
                Some(format!("ALTER TABLE {table} DROP {what} {own}, ADD CONSTRAINT {new} {definition}"))
            }
            _ => None,
        }
    }

    fn allows_changes(&self, feature: &str) -> Option<&'static str> {
        (feature == "system versioning").then_some("SET system_versioning_alter_history = KEEP")
    }

    /// One statement, so that a foreign key that uses the index always has one.
    fn change_index(&self, table: &str, name: &str, definition: &str) -> String {
        let columns = definition.split_once(" (").map_or("", |(_, columns)| columns);
        format!("ALTER TABLE {table} DROP INDEX {name}, ADD INDEX {name} ({columns}")
    }

    /// `InnoDB, utf8mb4_bin`
    fn change_table(&self, table: &str, expected: &str) -> Option<String> {
        let (engine, collation) = expected.split_once(", ")?;
        let (charset, _) = collation.split_once('_')?;
        Some(format!("ALTER TABLE {table} ENGINE = {engine}, CONVERT TO CHARACTER SET {charset} COLLATE {collation}"))
    }
}
