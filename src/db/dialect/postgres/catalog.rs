//! The schema from PostgreSQL's catalogue; the server generates the definitions.

use sea_orm::prelude::async_trait::async_trait;

use super::Postgres;
use crate::db::answers::{required_rows, rows};
use crate::db::dialect::adoption::{Adoption, ForeignColumn, ValueKind};
use crate::db::dialect::catalog::{Catalog, ColumnParts, Defined, named_constraint, neutral};
use crate::db::engine::Session;
use crate::db::schema::{ObjectKind, Removable, Schema, has_index, object_of};
use crate::error::Result;

/// Excludes objects of extensions.
macro_rules! own {
    ($class:literal, $alias:literal) => {
        concat!(
            $alias,
            ".relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema()) AND NOT EXISTS \
             (SELECT 1 FROM pg_depend x WHERE x.classid = '",
            $class,
            "'::regclass AND x.objid = ",
            $alias,
            ".oid AND x.deptype = 'e')"
        )
    };
}

/// Rows of `in_table`, `kind`, `name`, `definition`. Indexes of constraints are listed as constraints; the
/// schema's name is removed, so that shops in different schemas compare equal.
const OBJECTS: &str = concat!(
    "SELECT CAST(c.relname AS text) AS in_table, CASE c.relkind WHEN 'S' THEN 'sequence' WHEN 'v' THEN 'view' \
     WHEN 'm' THEN 'view' ELSE 'table' END AS kind, CAST(c.relname AS text) AS name, \
     CASE WHEN c.relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid) ELSE '' END AS definition \
     FROM pg_class c WHERE c.relkind IN ('r', 'p', 'f', 'v', 'm', 'S') AND ",
    own!("pg_class", "c"),
    " UNION ALL SELECT CAST(c.relname AS text), 'column', CAST(a.attname AS text), format_type(a.atttypid, a.atttypmod) \
     || CASE WHEN a.attcollation <> t.typcollation THEN ' COLLATE ' || quote_ident(co.collname) ELSE '' END \
     || CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END \
     || CASE WHEN a.attidentity <> '' THEN ' GENERATED AS IDENTITY' ELSE '' END \
     || CASE WHEN d.oid IS NULL THEN '' WHEN a.attgenerated <> '' \
     THEN ' GENERATED ALWAYS AS (' || pg_get_expr(d.adbin, d.adrelid) || ') STORED' \
     ELSE ' DEFAULT ' || pg_get_expr(d.adbin, d.adrelid) END \
     FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_type t ON t.oid = a.atttypid \
     LEFT JOIN pg_collation co ON co.oid = a.attcollation \
     LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum \
     WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p', 'f') AND ",
    own!("pg_class", "c"),
    " UNION ALL SELECT CAST(c.relname AS text), 'constraint', CAST(k.conname AS text), pg_get_constraintdef(k.oid) \
     || CASE WHEN EXISTS (SELECT 1 FROM pg_trigger g WHERE g.tgconstraint = k.oid AND g.tgenabled NOT IN ('O', 'A')) \
     THEN ' (not enforced: its triggers are disabled)' ELSE '' END \
     FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid WHERE k.contype IN ('p', 'u', 'f', 'c', 'x') AND ",
    own!("pg_class", "c"),
    " UNION ALL SELECT CAST(c.relname AS text), 'index', CAST(i.relname AS text), \
     replace(pg_get_indexdef(i.oid), ' ON ' || quote_ident(current_schema()) || '.', ' ON ') \
     || CASE WHEN x.indisvalid THEN '' ELSE ' (invalid: its building failed)' END \
     FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class c ON c.oid = x.indrelid \
     WHERE NOT EXISTS (SELECT 1 FROM pg_constraint k WHERE k.conindid = i.oid AND k.contype IN ('p', 'u', 'x')) AND ",
    own!("pg_class", "c"),
    " UNION ALL SELECT CAST(c.relname AS text), 'trigger', CAST(g.tgname AS text), \
     replace(pg_get_triggerdef(g.oid), ' ON ' || quote_ident(current_schema()) || '.', ' ON ') \
     FROM pg_trigger g JOIN pg_class c ON c.oid = g.tgrelid WHERE NOT g.tgisinternal AND ",
    own!("pg_class", "c"),
    " UNION ALL SELECT CAST(t.typname AS text), 'type', CAST(t.typname AS text), CASE t.typtype \
     WHEN 'd' THEN 'domain of ' || format_type(t.typbasetype, t.typtypmod) WHEN 'c' THEN 'composite' ELSE 'enum (' || \
     COALESCE((SELECT string_agg(quote_literal(e.enumlabel), ', ' ORDER BY e.enumsortorder) FROM pg_enum e \
     WHERE e.enumtypid = t.oid), '') || ')' END FROM pg_type t WHERE (t.typtype IN ('e', 'd') OR t.typtype = 'c' AND \
     EXISTS (SELECT 1 FROM pg_class r WHERE r.oid = t.typrelid AND r.relkind = 'c')) \
     AND t.typnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema()) AND NOT EXISTS \
     (SELECT 1 FROM pg_depend x WHERE x.classid = 'pg_type'::regclass AND x.objid = t.oid AND x.deptype = 'e')"
);

/// Rules, and features of tables. Servers that are like PostgreSQL do not know all of this.
const RULES_AND_FEATURES: &str = concat!(
    "SELECT CAST(c.relname AS text) AS in_table, 'rule' AS kind, CAST(r.rulename AS text) AS name, \
     replace(pg_get_ruledef(r.oid), quote_ident(current_schema()) || '.', '') AS definition \
     FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class WHERE c.relkind IN ('r', 'p') AND ",
    own!("pg_class", "c"),
    " UNION ALL SELECT CAST(c.relname AS text), 'feature', 'unlogged storage', 'UNLOGGED' FROM pg_class c \
     WHERE c.relkind = 'r' AND c.relpersistence = 'u' AND ",
    own!("pg_class", "c"),
    " UNION ALL SELECT CAST(c.relname AS text), 'feature', 'row level security', 'ROW LEVEL SECURITY' FROM pg_class c \
     WHERE c.relkind IN ('r', 'p') AND c.relrowsecurity AND row_security_active(c.oid) AND ",
    own!("pg_class", "c")
);

/// Rows of `kind` and `name`, in the order in which they are dropped.
pub const REMOVABLE: &str = concat!(
    "SELECT kind, name FROM (SELECT CASE c.relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' \
     WHEN 'f' THEN 'FOREIGN TABLE' WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END AS kind, CAST(c.relname AS text) AS name, \
     CASE c.relkind WHEN 'v' THEN 1 WHEN 'm' THEN 1 WHEN 'S' THEN 3 ELSE 2 END AS place \
     FROM pg_class c WHERE c.relkind IN ('r', 'p', 'f', 'v', 'm', 'S') AND ",
    own!("pg_class", "c"),
    " UNION ALL SELECT CASE t.typtype WHEN 'd' THEN 'DOMAIN' ELSE 'TYPE' END, CAST(t.typname AS text), 4 FROM pg_type t \
     WHERE (t.typtype IN ('e', 'd') OR t.typtype = 'c' AND \
     EXISTS (SELECT 1 FROM pg_class r WHERE r.oid = t.typrelid AND r.relkind = 'c')) \
     AND t.typnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema()) AND NOT EXISTS \
     (SELECT 1 FROM pg_depend x WHERE x.classid = 'pg_type'::regclass AND x.objid = t.oid AND x.deptype = 'e')) AS all_of_it \
     ORDER BY place, name"
);

#[async_trait]
impl Catalog for Postgres {
    async fn read_schema(&self, session: &dyn Session) -> Result<Schema> {
        let rows = [required_rows(session, OBJECTS).await?, rows(session, RULES_AND_FEATURES).await?];
        let objects = rows.iter().flatten().filter_map(object_of).collect();
        let dependents = super::dependents::read(session).await?;
        Ok(Schema { objects, dependents, ..Schema::default() })
    }

    async fn refuse_no_schema(&self, session: &dyn Session) -> Result<()> {
        super::search_path::refuse_no_schema(session).await
    }

    fn removal(&self, objects: &[Removable]) -> Vec<String> {
        let drop = |object: &Removable| format!("DROP {} IF EXISTS {} CASCADE", object.kind, self.quoted(&object.name));
        objects.iter().map(drop).collect()
    }

    fn constraint(&self, name: &str, _definition: &str) -> Option<(String, String)> {
        Some(named_constraint(name))
    }

    fn add_column(&self, table: &str, name: &str, definition: &str) -> Option<String> {
        let add = format!("ALTER TABLE {table} ADD COLUMN {name} {definition}");
        Some(match neutral(definition) {
            Some(value) => format!("{add} DEFAULT {value}; ALTER TABLE {table} ALTER COLUMN {name} DROP DEFAULT"),
            None => add,
        })
    }

    fn change_column(&self, table: &str, name: &str, expected: &str, found: &str, ahead: i32) -> Option<String> {
        Some(change_column(table, name, expected, found, ahead))
    }

    /// Tables, views, sequences and indexes share their names; a table also needs that of a type.
    fn renamed_away(&self, missing: Defined<'_>, holder: Defined<'_>, name: &str) -> Option<String> {
        let is_index = |(object, definition): Defined<'_>| has_index(object.kind, definition);
        let what = match (missing.0.kind, holder.0.kind) {
            (ObjectKind::Table, ObjectKind::Type) => "TYPE",
            (kind, _) if kind != ObjectKind::Table && !is_index(missing) => return None,
            _ if is_index(holder) => "INDEX",
            (_, ObjectKind::Table | ObjectKind::View | ObjectKind::Sequence) => "TABLE",
            _ => return None,
        };
        Some(format!("ALTER {what} {} RENAME TO {}", self.quoted(&holder.0.name), self.quoted(name)))
    }

    fn drop_trigger(&self, table: &str, name: &str) -> String {
        format!("DROP TRIGGER {name} ON {table}")
    }

    fn without_feature(&self, feature: &str) -> Option<&'static str> {
        match feature {
            "unlogged storage" => Some("SET LOGGED"),
            "row level security" => Some("DISABLE ROW LEVEL SECURITY, NO FORCE ROW LEVEL SECURITY"),
            _ => None,
        }
    }
}

/// One change per property, because the old default may not fit the new type.
fn change_column(table: &str, name: &str, expected: &str, found: &str, ahead: i32) -> String {
    let (wanted, old) = (ColumnParts::parse(expected), ColumnParts::parse(found));
    let mut changes = Vec::new();
    if wanted.kind != old.kind {
        if old.default.is_some() {
            changes.push("DROP DEFAULT".to_owned());
        }
        changes.push(format!("TYPE {}{}", wanted.kind, using(name, wanted.kind, old.kind, ahead)));
    }
    if wanted.default != old.default || wanted.kind != old.kind {
        changes.extend(match wanted.default {
            Some(default) => Some(format!("SET DEFAULT {default}")),
            None => old.default.filter(|_| wanted.kind == old.kind).map(|_| "DROP DEFAULT".to_owned()),
        });
    }
    match (wanted.is_not_null, old.is_not_null) {
        (true, false) => changes.push("SET NOT NULL".to_owned()),
        (false, true) => changes.push("DROP NOT NULL".to_owned()),
        _ => {}
    }
    let changes: Vec<_> = changes.into_iter().map(|change| format!("ALTER COLUMN {name} {change}")).collect();
    let change = format!("ALTER TABLE {table} {}", changes.join(", "));
    match wanted.constant_instead_of_null(&old) {
        Some(default) => format!("UPDATE {table} SET {name} = {default} WHERE {name} IS NULL; {change}"),
        None => change,
    }
}

/// The conversion of a value to another type, if the server's default is wrong: it would read a time without a zone
/// in the session's zone. A text is not cast, which would truncate it: one that does not fit is an error.
fn using(name: &str, wanted: &str, found: &str, ahead: i32) -> String {
    let is_text = |kind: &str| kind.starts_with("character") || kind.starts_with("text") || kind.starts_with("bpchar");
    match (wanted, found) {
        ("timestamp with time zone", _) => {
            let column = ForeignColumn {
                name: name.to_owned(),
                found_name: name.to_owned(),
                kind: ValueKind::Time,
                expected: wanted.to_owned(),
                found: found.to_owned(),
            };
            format!(" USING {}", Postgres.adopted_value(name, &column, ahead))
        }
        ("timestamp without time zone", "timestamp with time zone") => format!(" USING {name} AT TIME ZONE 'UTC'"),
        ("uuid", "bytea") => format!(" USING encode({name}, 'hex')::uuid"),
        (_, found) if is_text(found) && !is_text(wanted) => format!(" USING {name}::{wanted}"),
        _ => String::new(),
    }
}
