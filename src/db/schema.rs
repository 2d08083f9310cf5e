//! The schema of a database, comparable with another one of the same engine.
//!
//! Definitions are texts as the engine itself writes them: they are only ever compared between
//! databases that this code has read from the same engine.

mod column_pairs;
mod features;
mod kept_actions;
pub mod meaning;
mod names;
mod rename;
mod repair;
mod retyped;
mod table_rename;
mod taken_names;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use sea_orm::{ConnectionTrait, DbErr, QueryResult};

use super::answers::{required_rows, text};
use super::target::Engine;
use crate::domain::named_enum;
use crate::error::{Cause, Result, printable};
pub use kept_actions::{DEFERRED, kept_actions, with_actions};
pub use names::{is_beside as is_of_others, needs_value};
pub use rename::renamed_throughout;
pub use taken_names::has_index;

/// The objects of a database with their definitions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Schema {
    /// `varchar(255) NOT NULL DEFAULT 'active'`, `CHECK ((price >= 0))`, `CREATE INDEX …`
    pub objects: BTreeMap<Object, String>,
    /// SQLite: the CREATE TABLE statements, for tables that can only be rebuilt.
    pub(super) statements: BTreeMap<String, String>,
    /// PostgreSQL: what keeps a column from changing its type, in an order in which it can be made again.
    pub(super) dependents: BTreeMap<Object, Vec<Dependent>>,
    /// How many minutes times in columns without a zone are ahead of UTC, as people say.
    pub ahead: i32,
    /// MariaDB: the checks that are parts of their columns, which have their names.
    pub(super) column_checks: BTreeSet<Object>,
}

/// A view or a trigger that is removed and made again around a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Dependent {
    /// The statement that removes it.
    pub removal: String,
    /// The statements that make it again with all that belongs to it.
    pub creation: String,
}

impl Schema {
    /// Whether there is a table of this name; a view is none.
    pub fn has_table(&self, table: &str) -> bool {
        self.of_table(table, ObjectKind::Table).next().is_some()
    }

    /// Whether the table exists and has a column of this name.
    pub fn has_column(&self, table: &str, column: &str) -> bool {
        self.of_table(table, ObjectKind::Column).any(|(name, _)| name == column)
    }

    /// As [`Schema::has_column`], for a name from a statement, in which its case may not count.
    pub fn names_column(&self, table: &str, column: &str) -> bool {
        self.of_table(table, ObjectKind::Column).any(|(name, _)| name.eq_ignore_ascii_case(column))
    }

    /// Whether these columns together are unique among all rows, by a constraint or an index.
    pub fn is_unique(&self, table: &str, columns: &[&str]) -> bool {
        let constraints = self.of_table(table, ObjectKind::Constraint);
        let mut all = constraints.chain(self.of_table(table, ObjectKind::Index));
        all.any(|(_, definition)| unique_columns(definition).is_some_and(|unique| unique == columns))
    }

    /// What belongs to these tables.
    pub fn only(&self, tables: &[&str]) -> Schema {
        let mut schema = self.clone();
        schema.objects.retain(|object, _| tables.contains(&object.table.as_str()));
        schema
    }

    /// The definitions of a table's objects of one kind, by name.
    pub fn of_table(&self, table: &str, kind: ObjectKind) -> impl Iterator<Item = (&str, &str)> {
        let objects = self.objects.iter().filter(move |(object, _)| object.table == table && object.kind == kind);
        objects.map(|(object, definition)| (object.name.as_str(), definition.as_str()))
    }
}

/// One object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Object {
    /// The table it belongs to; its own name for what belongs to none.
    pub table: String,
    /// The type of the object.
    pub kind: ObjectKind,
    /// The object's own name; the engine's description of an unnamed constraint.
    pub name: String,
}

named_enum! {
    /// The type of an object, in the order in which a table's objects are reported.
    #[derive(PartialOrd, Ord)]
    pub enum ObjectKind {
        Table = "table",
        Column = "column",
        Constraint = "constraint",
        Index = "index",
        Trigger = "trigger",
        Rule = "rule",
        Feature = "feature",
        View = "view",
        Sequence = "sequence",
        Type = "type",
    }
}

impl ObjectKind {
    /// Whether it stands by itself, and not within a table.
    pub fn is_independent(self) -> bool {
        matches!(self, ObjectKind::Table | ObjectKind::View | ObjectKind::Sequence | ObjectKind::Type)
    }
}

impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, table, name) = (self.kind.as_str(), printable(&self.table), printable(&self.name));
        match self.kind {
            ObjectKind::Column => write!(f, "{kind} {table}.{name}"),
            ObjectKind::Feature => write!(f, "{name} of table {table}"),
            kind if kind.is_independent() => write!(f, "{} {name}", kind.as_str()),
            _ => write!(f, "{kind} {name} on {table}"),
        }
    }
}

/// Of `UNIQUE (a, b)`, `PRIMARY KEY (a, b)`, `CREATE UNIQUE INDEX … (a, b)`; not of those of some rows only.
pub fn unique_columns(definition: &str) -> Option<Vec<&str>> {
    let is_unique = ["UNIQUE ", "PRIMARY KEY ", "CREATE UNIQUE INDEX "].iter().any(|word| definition.starts_with(word));
    let list = definition.rsplit_once('(')?.1.strip_suffix(')').filter(|_| is_unique)?;
    Some(list.split(',').map(|column| column.trim().trim_matches(['"', '`'])).collect())
}

/// An object that differs from its expected definition.
#[derive(Debug, Clone)]
pub struct Difference {
    /// The object that is missing, added or changed.
    pub object: Object,
    /// Its definition in the expected schema; `None` if it was added.
    pub expected: Option<String>,
    /// Its definition in the compared schema; `None` if it is missing.
    pub found: Option<String>,
    /// Statements that repair it, where possible.
    pub repair: Option<String>,
    /// For a missing column that may be an unknown one: the statements that give it its name back.
    pub renames: Vec<String>,
    /// Whether it is another program's and does not touch the shop's own schema.
    pub is_beside: bool,
    /// Whether it is there under another name, or has a name that something missing needs.
    is_renamed: bool,
    /// Whether its repair depends on which column of its table was renamed.
    pub waits: bool,
}

impl Difference {
    /// A difference of the name alone, with the statement that mends it.
    fn of_name(object: Object, expected: Option<String>, found: Option<String>, repair: String) -> Difference {
        let (repair, renames) = (Some(repair), Vec::new());
        Difference { object, expected, found, repair, renames, is_beside: false, is_renamed: true, waits: false }
    }

    /// Whether it is a column whose values the repair cannot bring back.
    pub fn loses_values(&self) -> bool {
        self.object.kind == ObjectKind::Column && self.found.is_none() && !self.is_renamed
    }

    /// `missing`, `added` or `changed`.
    pub fn change(&self) -> &'static str {
        match (&self.expected, &self.found) {
            (Some(_), None) => "missing",
            (None, _) => "added",
            (Some(_), Some(_)) => "changed",
        }
    }

    /// Whether its repair reads times that are stored without a zone, or as texts, as those of one.
    pub fn adds_zone(&self) -> bool {
        let has_zone = |definition: &Option<String>| {
            definition.as_deref().is_some_and(|definition| repair::column_type(definition).ends_with("with time zone"))
        };
        self.found.is_some() && has_zone(&self.expected) && !has_zone(&self.found)
    }

    /// Its place among the repairs: what stands in the way goes first, and what needs others comes last.
    fn place(&self) -> u8 {
        let definition = self.expected.as_ref().or(self.found.as_ref()).map_or("", String::as_str);
        let is_reference = definition.starts_with("FOREIGN KEY");
        match (self.object.kind, &self.expected) {
            (kind, None) if self.is_renamed && kind.is_independent() => 0,
            (ObjectKind::Table, _) if self.is_renamed => 1,
            (_, None) if self.is_renamed => 2,
            (ObjectKind::Constraint, None) if is_reference => 3,
            (ObjectKind::Feature | ObjectKind::Rule, None) => 4,
            (ObjectKind::Constraint | ObjectKind::Index | ObjectKind::Trigger, None) => 4,
            (ObjectKind::Table, _) => 5,
            (ObjectKind::Column, _) if self.is_renamed => 6,
            (ObjectKind::Column, _) => 7,
            (ObjectKind::Constraint, _) if is_reference => 10,
            (ObjectKind::Constraint, _) => 8,
            (ObjectKind::Index, _) => 9,
            _ => 11,
        }
    }

    /// The name of a table that is missing as a whole.
    pub fn missing_table(&self) -> Option<&str> {
        let is_missing = self.object.kind == ObjectKind::Table && self.found.is_none();
        (is_missing && !self.is_renamed).then_some(self.object.table.as_str())
    }
}

/// Everything in the current schema or database but what extensions and the engine itself own.
pub async fn read(connection: &impl ConnectionTrait, engine: Engine) -> Result<Schema> {
    engine.read_schema(connection).await
}

/// The differences of `found` from `expected` in what they mean, whatever constraints and indexes are called, in the
/// order in which they can be repaired. For a table that is missing or added entirely, only the table is reported.
pub fn differences(engine: Engine, expected: &Schema, found: &Schema) -> Vec<Difference> {
    let renamed_tables = table_rename::renamed_tables(engine, expected, found);
    let with_tables = &table_rename::with_expected_tables(found, &renamed_tables);
    let renamed = column_pairs::renamed(engine, expected, with_tables);
    let as_named = rename::with_expected_names(with_tables, &renamed);
    let own = names::with_own_names(engine, expected, &as_named);
    let mut differences = differences_of_definitions(engine, expected, &as_named, &own);
    column_pairs::note_choices(engine, &mut differences, expected, &own);
    differences.extend(renamed.iter().map(|column| column.difference(engine)));
    differences.extend(renamed_tables.iter().map(|table| table.difference(engine)));
    in_order(engine, expected, (found, with_tables, &own), differences)
}

/// As [`differences`], for a schema whose tables and columns have the shop's names already: an unknown column is never
/// taken for a missing one.
pub fn differences_by_name(engine: Engine, expected: &Schema, found: &Schema) -> Vec<Difference> {
    let own = names::with_own_names(engine, expected, found);
    let differences = differences_of_definitions(engine, expected, found, &own);
    in_order(engine, expected, (found, found, &own), differences)
}

fn differences_of_definitions(engine: Engine, expected: &Schema, found: &Schema, own: &Schema) -> Vec<Difference> {
    let mut differences = other_differences(engine, expected, own);
    rebuild_once(engine, &mut differences, expected, own);
    retyped::change_together(engine, &mut differences, expected, found);
    differences
}

/// The differences in the order of their repairs, with what has to make room for them first.
fn in_order(
    engine: Engine,
    expected: &Schema,
    (found, with_tables, own): (&Schema, &Schema, &Schema),
    mut differences: Vec<Difference>,
) -> Vec<Difference> {
    let taken = taken_names::taken_names(engine, expected, (found, with_tables), &differences);
    differences.retain(|one| !taken.iter().any(|other| other.object == one.object));
    differences.extend(taken);
    differences.sort_by_key(|one| (one.place(), features::depth(expected, one), one.object.clone()));
    features::allow_for(engine, &mut differences, own);
    differences
}

fn other_differences(engine: Engine, expected: &Schema, found: &Schema) -> Vec<Difference> {
    let all: BTreeSet<&Object> = expected.objects.keys().chain(found.objects.keys()).collect();
    let is_reported = |object: &&&Object| {
        object.kind.is_independent() || expected.has_table(&object.table) && found.has_table(&object.table)
    };
    let compare = |object: &Object| {
        let (definition, other) = (expected.objects.get(object), found.objects.get(object));
        let is_same = match (definition, other) {
            (Some(definition), Some(other)) => engine.is_equivalent(object.kind, definition, other),
            (None, Some(other)) => names::is_redundant(engine, object, other, expected),
            _ => false,
        };
        let is_beside = definition.is_none() && names::is_beside(engine, object, expected, found);
        let repair = || {
            let (wanted, said) = (definition.map(String::as_str), other.map(String::as_str));
            let repair = match found.column_checks.contains(object) {
                true => repair::without_check(engine, object, found)?,
                false => repair::repair(engine, object, wanted, said, found.ahead)?,
            };
            let is_retyped = definition
                .zip(other)
                .is_some_and(|(one, other)| repair::column_type(one) != repair::column_type(other));
            let dependents = found.dependents.get(object).filter(|_| is_retyped);
            Some(dependents.map_or(repair.clone(), |dependents| repair::around(&repair, dependents)))
        };
        (!is_same).then(|| Difference {
            object: object.clone(),
            repair: if is_beside { None } else { repair() },
            expected: definition.cloned(),
            found: other.cloned(),
            renames: Vec::new(),
            is_beside,
            is_renamed: false,
            waits: false,
        })
    };
    all.iter().filter(is_reported).filter_map(|object| compare(object)).collect()
}

/// A table that has to be made again for one difference is made again for all of them.
fn rebuild_once(engine: Engine, differences: &mut [Difference], expected: &Schema, found: &Schema) {
    let is_of_rebuilt = |difference: &Difference| {
        difference.repair.is_none() && !difference.is_beside && !difference.object.kind.is_independent()
    };
    let tables: BTreeSet<String> =
        differences.iter().filter(|one| is_of_rebuilt(one)).map(|one| one.object.table.clone()).collect();
    for table in tables {
        let Some(rebuild) = engine.rebuild(&table, expected, found) else { continue };
        let of_table = differences.iter_mut().filter(|one| one.object.table == table && !one.is_beside);
        of_table.for_each(|difference| difference.repair = Some(rebuild.clone()));
    }
}

/// An object of a schema that can be dropped on its own: `TABLE`, `users`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removable {
    /// The word that follows DROP: `TABLE`, `MATERIALIZED VIEW`.
    pub kind: String,
    /// The name without quotes.
    pub name: String,
}

/// Every view, table, sequence and type but the tables in `keep`, in an order in which they can be
/// removed.
pub async fn removable(connection: &impl ConnectionTrait, engine: Engine, keep: &[&str]) -> Result<Vec<Removable>> {
    let get = |row: &QueryResult, column| text(row, column).unwrap_or_default();
    let all = required_rows(connection, engine.removable)
        .await?
        .iter()
        .map(|row| Removable { kind: get(row, "kind"), name: get(row, "name") })
        .collect::<Vec<_>>();
    Ok(all.into_iter().filter(|object| !keep.contains(&object.name.as_str())).collect())
}

/// Rows of a table, counted up to a limit, and whether there are more.
pub type RowCount = (String, u64, bool);

/// The names of all tables but those in `except`. Names alone: what another process removes at this moment has no
/// definition to be read.
pub async fn tables(connection: &impl ConnectionTrait, engine: Engine, except: &[&str]) -> Result<Vec<String>> {
    let objects = removable(connection, engine, except).await?;
    Ok(objects.into_iter().filter(|object| object.kind == "TABLE").map(|table| table.name).collect())
}

/// These tables with their number of rows, counted up to a limit (a shop may be large). One that another process
/// removed meanwhile is left out, where that does not end a transaction.
pub async fn row_counts(
    connection: &impl ConnectionTrait,
    engine: Engine,
    tables: &[String],
    limit: u64,
) -> Result<Vec<RowCount>> {
    let counts: Vec<String> = tables
        .iter()
        .map(|table| {
            let (name, table) = (table.replace('\'', "''"), engine.quoted(table));
            format!(
                "SELECT '{name}' AS name, COUNT(*) AS rows_counted FROM (SELECT 1 AS one FROM {table} LIMIT {}) AS counted",
                limit + 1
            )
        })
        .collect();
    if counts.is_empty() {
        return Ok(Vec::new());
    }
    let counts = required_rows(connection, &counts.join(" UNION ALL ")).await?;
    let count = |row: &QueryResult| {
        let counted: i64 = row.try_get("", "rows_counted")?;
        let counted = counted.unsigned_abs();
        Ok::<_, DbErr>((text(row, "name").unwrap_or_default(), counted.min(limit), counted > limit))
    };
    Ok(counts.iter().map(count).collect::<Result<_, _>>()?)
}

/// [`row_counts`] of the tables that are there: one that another process removed meanwhile is left out. Not inside a
/// transaction, which a missing table ends.
pub async fn row_counts_of_present(
    connection: &impl ConnectionTrait,
    engine: Engine,
    tables: &[String],
    limit: u64,
) -> Result<Vec<RowCount>> {
    let mut present = match row_counts(connection, engine, tables, limit).await {
        Err(error) if error.is(Cause::NoSchema) => Vec::new(),
        counts => return counts,
    };
    for table in tables {
        match row_counts(connection, engine, std::slice::from_ref(table), limit).await {
            Err(error) if error.is(Cause::NoSchema) => {}
            counted => present.extend(counted?),
        }
    }
    Ok(present)
}

/// A row of `in_table`, `kind`, `name` and `definition`.
pub(super) fn object_of(row: &QueryResult) -> Option<(Object, String)> {
    let kind = ObjectKind::from_stored(&text(row, "kind")?)?;
    let object = Object { table: text(row, "in_table")?, kind, name: text(row, "name")? };
    Some((object, text(row, "definition").unwrap_or_default()))
}
