//! Making a table again (<https://www.sqlite.org/lang_altertable.html>, section 7): a new one with the rows of the old,
//! and with what other programs added to it.
//!
//! A client may go on after an error, outside the transaction if the error ended it. So all names that are needed are
//! taken by the indexes of an empty table, which is made before the transaction and dropped inside it: once the
//! transaction is undone they are taken again. Before anything is exchanged the rows are counted, and in the end the
//! tables and indexes: a number that is not right undoes the transaction. So does a script that was run before.

use super::Sqlite;
use super::statement::{Affinity, column_name, items};
use crate::db::dialect::adoption::{Conversion, free_name};
use crate::db::dialect::catalog::{Catalog, ColumnParts, neutral};
use crate::db::engine::Engine;
use crate::db::schema::meaning::words;
use crate::db::schema::{Object, ObjectKind, Schema, is_of_others, needs_value};
use crate::db::sql::normalised;

/// The table that keeps the names and refuses a wrong number of rows.
const CHECK: &str = "shopctl_check";

/// A table that is made again.
pub(super) struct Rebuild {
    /// Its name, quoted.
    name: String,
    /// The name of the new one until then.
    new: String,
    /// The name of the old one from then on.
    old: String,
    creation: String,
    filling: String,
    /// Its indexes and triggers.
    following: Vec<String>,
    /// The names of the shop's own indexes.
    indexes: Vec<String>,
}

/// The repair of one table. `None` for a table that is gone.
pub(super) fn repair(table: &str, expected: &Schema, found: &Schema) -> Option<String> {
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
    let rebuild = Rebuild::of(table, expected, found, &value_of)?;
    let added = has_added_columns(table, expected, found);
    let Conversion { guards, statements, last, cleanup, .. } =
        conversion(&[rebuild], Vec::new(), found, added.as_deref());
    let text = |statements: &[String]| statements.join("; ");
    let transaction = text(&[statements, last].concat());
    Some(format!("PRAGMA foreign_keys = OFF; {}; BEGIN; {transaction}; COMMIT; {}", text(&guards), text(&cleanup)))
}

impl Rebuild {
    /// `found` has the shop's names; `value_of` says what the shop's columns get from the old table, and nothing for
    /// what gets its default.
    pub(super) fn of(
        table: &str,
        expected: &Schema,
        found: &Schema,
        value_of: &dyn Fn(&str) -> Option<String>,
    ) -> Option<Rebuild> {
        let free = |beginning: &str| Sqlite.quoted(&free_name(found, &format!("{beginning}_{table}")));
        let (name, new, old) = (Sqlite.quoted(table), free("shopctl_new"), free("shopctl_old"));
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
        let mut following = Vec::new();
        let indexes = expected.of_table(table, ObjectKind::Index).map(|(index, _)| index.to_owned()).collect();
        for kind in [ObjectKind::Index, ObjectKind::Trigger] {
            let is_new = |(name, definition): &(&str, &str)| {
                let mut own = expected.of_table(table, kind);
                let object = Object { table: table.to_owned(), kind, name: (*name).to_owned() };
                is_of_others(Engine::Sqlite, &object, expected, found)
                    && !own.any(|(other, wanted)| other == *name || Sqlite.is_equivalent(kind, wanted, definition))
            };
            following.extend(expected.of_table(table, kind).map(|(_, definition)| definition.to_owned()));
            following.extend(found.of_table(table, kind).filter(is_new).map(|(_, definition)| definition.to_owned()));
        }
        Some(Rebuild {
            creation: format!("CREATE TABLE {new} {body}"),
            filling: format!("INSERT INTO {new} ({}) SELECT {} FROM {name}", names.join(", "), values.join(", ")),
            name,
            new,
            old,
            following,
            indexes,
        })
    }

    /// Ends the transaction if rows are missing.
    fn check(&self, check: &str) -> String {
        let Rebuild { name, new, .. } = self;
        format!("INSERT OR ROLLBACK INTO {check} SELECT (SELECT COUNT(*) FROM {new}) = (SELECT COUNT(*) FROM {name})")
    }

    fn exchange(&self) -> [String; 3] {
        let Rebuild { name, new, old, .. } = self;
        [
            format!("ALTER TABLE {name} RENAME TO {old}"),
            format!("ALTER TABLE {new} RENAME TO {name}"),
            format!("DROP TABLE {old}"),
        ]
    }
}

/// Makes these tables again; `before` are statements of the same transaction that come first. Where `is_over` holds
/// already, nothing is done.
pub(super) fn conversion(
    rebuilds: &[Rebuild],
    before: Vec<String>,
    found: &Schema,
    is_over: Option<&str>,
) -> Conversion {
    if rebuilds.is_empty() {
        return Conversion { statements: before, ..Conversion::default() };
    }
    let made = |name: &str| format!("CREATE TABLE {name} (passed CHECK (passed))");
    let wanted = Sqlite.quoted(CHECK);
    // A try that failed left it.
    let is_left = found.statements.get(CHECK).is_some_and(|statement| *statement == normalised(&made(&wanted)));
    let check = if is_left { wanted } else { Sqlite.quoted(&free_name(found, CHECK)) };
    let check_table = made(&check);
    let for_each = |statement: &dyn Fn(&Rebuild) -> String| rebuilds.iter().map(statement).collect::<Vec<_>>();
    let indexes = rebuilds.iter().flat_map(|one| one.indexes.iter().map(|name| Sqlite.quoted(name)));
    let needed = indexes.chain(rebuilds.iter().flat_map(|one| [one.new.clone(), one.old.clone()]));
    let mut guards = if is_left { vec![format!("DROP TABLE IF EXISTS {check}")] } else { Vec::new() };
    guards.push(check_table.replacen("CREATE TABLE", "CREATE TABLE IF NOT EXISTS", 1));
    guards.extend(needed.map(|name| format!("CREATE INDEX IF NOT EXISTS {name} ON {check} (passed)")));
    let mut statements = vec![format!("DROP TABLE IF EXISTS {check}"), check_table];
    statements.extend(is_over.map(|is_over| format!("INSERT OR ROLLBACK INTO {check} SELECT 0 WHERE {is_over}")));
    statements.extend(before);
    statements.extend(for_each(&|one| one.creation.clone()));
    statements.extend(for_each(&|one| one.filling.clone()));
    statements.extend(for_each(&|one| one.check(&check)));
    // A view of another program that needs a table would stop the renaming.
    statements.push("PRAGMA legacy_alter_table = ON".to_owned());
    statements.extend(rebuilds.iter().flat_map(Rebuild::exchange));
    statements.push("PRAGMA legacy_alter_table = OFF".to_owned());
    statements.extend(rebuilds.iter().flat_map(|one| one.following.clone()));
    let is_done = format!("(SELECT COUNT(*) FROM {check}) = {}", rebuilds.len());
    let text = |name: &str| format!("'{}'", name.trim_matches('"').replace('\'', "''"));
    let own = rebuilds.iter().flat_map(|one| one.indexes.iter().chain([&one.name]));
    let own: Vec<String> = own.map(|name| text(name)).collect();
    let temporary: Vec<String> = rebuilds.iter().flat_map(|one| [text(&one.new), text(&one.old)]).collect();
    let last = vec![
        format!(
            "INSERT OR ROLLBACK INTO {check} SELECT {is_done} \
             AND (SELECT COUNT(*) FROM sqlite_master WHERE name IN ({})) = {} \
             AND NOT EXISTS (SELECT 1 FROM sqlite_master WHERE name IN ({}))",
            own.join(", "),
            own.len(),
            temporary.join(", ")
        ),
        format!("DROP TABLE {check}"),
    ];
    let cleanup = vec![format!("DROP TABLE IF EXISTS {check}")];
    Conversion { guards, statements, is_done: Some(is_done), last, cleanup, made: Vec::new() }
}

/// Whether the table has columns that a repair adds: then it was run, and would put defaults in the place of values.
fn has_added_columns(table: &str, expected: &Schema, found: &Schema) -> Option<String> {
    let literal = |name: &str| format!("'{}'", name.replace('\'', "''"));
    let columns = expected.of_table(table, ObjectKind::Column).map(|(name, _)| name);
    let added: Vec<String> = columns.filter(|name| !found.names_column(table, name)).map(literal).collect();
    let names = added.join(", ");
    let condition = format!("EXISTS (SELECT 1 FROM pragma_table_info({}) WHERE name IN ({names}))", literal(table));
    (!added.is_empty()).then_some(condition)
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
        let first = item.split(|character: char| !character.is_ascii_alphabetic()).next().unwrap_or_default();
        ["CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN"].iter().any(|word| word.eq_ignore_ascii_case(first))
    };
    let constraints = columns.split_off(columns.iter().position(is_constraint).unwrap_or(columns.len()));
    let is_unknown = |name: &String| found.names_column(table, name) && !expected.names_column(table, name);
    let mut body: Vec<String> = columns.into_iter().map(str::to_owned).collect();
    for item in theirs.iter().filter(|item| !is_constraint(item)) {
        let name = column_name(item);
        if !is_unknown(&name) {
            continue;
        }
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
    match wanted.constant_instead_of_null(&old) {
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
