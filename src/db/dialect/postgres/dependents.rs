//! Views, triggers, rules and policies that keep a column from changing its type: each with the statements that remove it and make it
//! again, with its owner, grants, comment, indexes and triggers.

use std::collections::BTreeMap;

use crate::db::answers::{required_rows, text};
use crate::db::engine::Session;
use crate::db::schema::{Dependent, Object, ObjectKind};
use crate::db::sql::normalised;
use crate::error::Result;

/// Rows of `in_table`, `name` (the column), `removal` and `creation`: views after those that they select from.
const DEPENDENTS: &str = include_str!("dependents.sql");

/// Rules, publications of some columns or rows, functions with a parsed text, and columns whose type is a row of the table.
pub(super) const COLUMN_USERS: &str = "WITH used AS (SELECT c.oid, c.relname, a.attname, d.classid, d.objid FROM pg_depend d \
    JOIN pg_class c ON c.oid = d.refobjid \
    AND c.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema()) \
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = d.refobjsubid \
    WHERE d.refclassid = 'pg_class'::regclass AND d.refobjsubid > 0) \
    SELECT CAST(u.relname AS text) AS in_table, CAST(u.attname AS text) AS in_column, \
    'rule ' || r.rulename || ' of table ' || e.relname AS what, \
    'DROP RULE ' || quote_ident(r.rulename) || ' ON ' || e.oid::regclass AS removal \
    FROM used u JOIN pg_rewrite r ON u.classid = 'pg_rewrite'::regclass AND r.oid = u.objid \
    JOIN pg_class e ON e.oid = r.ev_class AND e.relkind IN ('r', 'p') \
    UNION SELECT CAST(u.relname AS text), CAST(u.attname AS text), 'publication ' || b.pubname || ' of table ' || u.relname, \
    'ALTER PUBLICATION ' || quote_ident(b.pubname) || ' DROP TABLE ' || u.oid::regclass \
    FROM used u JOIN pg_publication_rel p ON u.classid = 'pg_publication_rel'::regclass AND p.oid = u.objid \
    JOIN pg_publication b ON b.oid = p.prpubid \
    UNION SELECT CAST(u.relname AS text), CAST(u.attname AS text), 'routine ' || u.objid::regprocedure, \
    'DROP ROUTINE ' || u.objid::regprocedure FROM used u WHERE u.classid = 'pg_proc'::regclass \
    UNION SELECT CAST(c.relname AS text), '', 'column ' || a.attname || ' of table ' || h.relname, \
    'ALTER TABLE ' || h.oid::regclass || ' ALTER COLUMN ' || quote_ident(a.attname) || ' TYPE text' \
    FROM pg_class c JOIN pg_type t ON t.oid = c.reltype \
    JOIN pg_attribute a ON a.atttypid IN (t.oid, t.typarray) AND a.atttypid > 0 AND NOT a.attisdropped \
    JOIN pg_class h ON h.oid = a.attrelid AND h.relkind IN ('r', 'p') \
    WHERE c.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema())";

/// The arguments and the texts of functions and procedures. One whose text is parsed (`BEGIN ATOMIC`) has none, and
/// follows what is renamed.
pub(super) const ROUTINES: &str = "SELECT CAST(p.proname AS text) AS name, \
    pg_get_function_arguments(p.oid) || ' ' || p.prosrc AS text FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang \
    WHERE l.lanname NOT IN ('internal', 'c') AND p.pronamespace NOT IN \
    (SELECT oid FROM pg_namespace WHERE nspname IN ('pg_catalog', 'information_schema')) AND NOT EXISTS \
    (SELECT 1 FROM pg_depend x WHERE x.classid = 'pg_proc'::regclass AND x.objid = p.oid AND x.deptype = 'e')";

/// What depends on each column of the current schema, as far as the server tells.
pub async fn read(session: &dyn Session) -> Result<BTreeMap<Object, Vec<Dependent>>> {
    let mut dependents: BTreeMap<Object, Vec<Dependent>> = BTreeMap::new();
    for row in required_rows(session, DEPENDENTS).await? {
        let get = |column| text(&row, column).unwrap_or_default();
        let object = Object { table: get("in_table"), kind: ObjectKind::Column, name: get("name") };
        let (removal, creation) = (get("removal"), normalised(&get("creation")));
        dependents.entry(object).or_default().push(Dependent { removal, creation });
    }
    Ok(dependents)
}
