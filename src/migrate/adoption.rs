//! Taking over a shop that another program made: its tables become the shop's, every row stays.

mod broken_off;
mod duplicates;
mod ids;
mod misfit;
mod missing;
mod obstacle;
mod references;
mod routines;
mod run;
mod values;

use migration::{Migration, RUNS};
use sea_orm::ConnectionTrait;

use super::lint::table_changed;
use super::{Catalog, History, MigrationStatus, history, refuse_removal, statements, status};
use crate::db::adoption::{ForeignColumn, ForeignTable, TakeOver, ValueKind};
use crate::db::schema::{
    self, Object, ObjectKind, Schema, differences, kept_actions, renamed_throughout, with_actions,
};
use crate::db::target::Engine;
use crate::domain::Form;
use crate::domain::text::in_full;
use crate::entity::tables::Family;
use crate::error::{CommandLine, Error, Hint, Kind, Result, printable};
pub use broken_off::{broken_off, remove_broken_off};
pub use ids::set_id_form;
pub use misfit::Misfit;
use missing::{MissingColumn, columns};
pub use values::{cuts, defaults, misfits, numbered_by_type, numbers_as_ids};

/// The tables that other programs make, each after those that it refers to.
const TABLES: [&str; 4] = ["users", "products", "orders", "order_items"];
/// Columns whose rows are parts of the rows that they refer to, and may be deleted along with them by the database.
/// Others may not: shopctl itself deletes users and products only while nothing refers to them.
pub(super) const PARTS: [(&str, &str); 1] = [("order_items", "order_id")];
/// Other words for a table or a column, as other programs have them.
const SYNONYMS: [(&str, &str); 6] = [
    ("orderlines", "order_items"),
    ("password", "password_hash"),
    ("stock", "stock_quantity"),
    ("total", "total_amount"),
    ("amount", "total_amount"),
    ("qty", "quantity"),
];

/// A shop that another program made.
pub struct ForeignShop {
    /// Its tables, each after those that it refers to.
    pub tables: Vec<ForeignTable>,
    /// The shop's schema as the migrations make it.
    expected: Schema,
    found: Schema,
    first_sequence: i64,
    /// How many minutes times without a zone are ahead of UTC.
    offset: i32,
    engine: Engine,
    /// The migrations that are not recorded, and whether their table is there.
    open: Vec<(Migration, bool)>,
    /// The form in which the other program's ids stay.
    id_form: Option<Form>,
    /// The statements that make the tables that are missing.
    creations: Vec<String>,
    /// The condition that holds once the history says that it was taken over.
    is_recorded: String,
    /// Columns without a default.
    missing: Vec<MissingColumn>,
}

/// Tables of another program's shop that no migration of this history made: what the shop calls them, and what they are
/// called. The tables are read only where these statuses have migrations that this database has never seen.
pub async fn foreign_tables(
    connection: &impl ConnectionTrait,
    catalog: &Catalog,
    statuses: &[MigrationStatus],
) -> Result<Vec<(String, String)>> {
    let engine = Engine::of(connection);
    let unknown: Vec<&str> =
        statuses.iter().filter(|one| one.is_unknown()).map(|migration| migration.name.as_str()).collect();
    let maker_of = |table: &str| maker(engine, catalog, table).map(|migration| migration.name);
    let is_open = |table: &&&str| maker_of(table).is_some_and(|name| unknown.contains(&name));
    let open: Vec<&str> = TABLES.iter().filter(is_open).copied().collect();
    if open.is_empty() {
        return Ok(Vec::new());
    }
    let names = schema::tables(connection, engine, &migration::HISTORY_TABLES).await?;
    let recognised = names.into_iter().filter_map(|found| {
        let meant = meant(&found, &TABLES)?;
        open.contains(&meant).then(|| (meant.to_owned(), found.clone()))
    });
    let mut recognised: Vec<_> = recognised.collect();
    if recognised.is_empty() {
        return Ok(Vec::new());
    }
    // Another runner may have made them since the statuses were read: then they are in the history now.
    let history = history::read(connection).await?;
    recognised.retain(|(table, _)| maker_of(table).is_some_and(|name| history.find(name).is_none()));
    recognised.sort_by_key(|(name, found)| (TABLES.iter().position(|table| table == name), name != found));
    recognised.dedup_by(|one, other| one.0 == other.0);
    Ok(recognised)
}

/// Refuses a database with another program's shop, which `migrate up` would stumble over.
///
/// Errors: exit 9 naming its tables.
pub async fn refuse_foreign_shop(connection: &impl ConnectionTrait, catalog: &Catalog) -> Result<()> {
    let tables = foreign_tables(connection, catalog, &status(connection, catalog).await?).await?;
    if tables.is_empty() { Ok(()) } else { Err(foreign_shop_error(Kind::CheckFailed, &tables)) }
}

/// The error about another program's shop that has not been taken over.
pub fn foreign_shop_error(kind: Kind, tables: &[(String, String)]) -> Error {
    Error::new(kind, "migrate.foreign_shop", foreign_shop(tables))
        .hint(Hint::from("to adopt them with every row: ").and(CommandLine::new("adopt")))
}

/// `the tables users, orders were created by another program`
pub fn foreign_shop(tables: &[(String, String)]) -> String {
    let names: Vec<String> = tables.iter().map(|(_, found)| printable(found)).collect();
    format!("the tables {} were created by another program", names.join(", "))
}

/// The word of the list that a name means: in any case, singular or plural, with or without underscores.
fn meant(found: &str, words: &[&'static str]) -> Option<&'static str> {
    let plain = |name: &str| name.to_lowercase().replace(['_', ' ', '-'], "");
    let singular = |name: &str| name.strip_suffix('s').unwrap_or(name).to_owned();
    let name = plain(found);
    let by_synonym = SYNONYMS.iter().find(|(synonym, _)| singular(synonym) == singular(&name)).map(|(_, word)| *word);
    let exact = words.iter().find(|word| plain(word) == name || singular(&plain(word)) == singular(&name));
    exact.or_else(|| words.iter().find(|word| Some(**word) == by_synonym)).copied()
}

fn maker<'a>(engine: Engine, catalog: &'a Catalog, table: &str) -> Option<&'a Migration> {
    let beginning = format!("CREATE TABLE {} ", engine.quoted(table));
    let makes = |migration: &&Migration| statements(engine, migration).iter().any(|sql| sql.starts_with(&beginning));
    catalog.migrations().iter().find(makes)
}

impl ForeignShop {
    /// What there is to take over; `None` where nothing is. `expected` is what all migrations make.
    ///
    /// Errors: exit 6 for a removal that has not ended.
    pub async fn find(
        connection: &impl ConnectionTrait,
        catalog: &Catalog,
        expected: &Schema,
        offset: i32,
        id_form: Option<Form>,
    ) -> Result<Option<ForeignShop>> {
        refuse_removal(connection, Kind::Conflict).await?;
        let engine = Engine::of(connection);
        let recognised = foreign_tables(connection, catalog, &status(connection, catalog).await?).await?;
        if recognised.is_empty() {
            return Ok(None);
        }
        let found = schema::read(connection, engine).await?;
        let history = history::read(connection).await?;
        let (mut foreign, mut missing) = (Vec::new(), Vec::new());
        for (name, found_name) in &recognised {
            let (columns, absent) = columns(name, found_name, expected, &found);
            missing.extend(absent);
            let creation = maker(engine, catalog, name).map(|one| statements(engine, one)).unwrap_or_default();
            foreign.push(ForeignTable { name: name.clone(), found_name: found_name.clone(), columns, creation });
        }
        let kept = kept_actions(expected, &renamed_throughout(&found, &foreign), &PARTS);
        for table in &mut foreign {
            for one in kept.iter().filter(|one| one.table() == table.name) {
                table.creation.iter_mut().for_each(|statement| *statement = one.in_statement(engine, statement));
            }
        }
        let open = open(engine, catalog, &history, &foreign);
        // Tables that are the shop's already have ids in its form.
        let id_form = match open.len() == catalog.migrations().len() {
            true => ids::form(connection, engine, &foreign, id_form).await?,
            false => None,
        };
        if id_form.is_some() {
            let columns = foreign.iter_mut().flat_map(|table| &mut table.columns);
            columns.filter(|column| column.kind == ValueKind::Id).for_each(|column| column.kind = ValueKind::IdAsIs);
        }
        let (expected, first_sequence) = (with_actions(engine, expected, &kept), history.next_sequence());
        let mut creations = Vec::new();
        let to_make = open.iter().filter(|(_, is_there)| !is_there);
        for statement in to_make.flat_map(|(migration, _)| statements(engine, migration)) {
            let changed = table_changed(&statement);
            // These tables become as all migrations leave them.
            match foreign.iter_mut().find(|table| Some(&table.name) == changed.as_ref()) {
                Some(table) => table.creation.push(statement),
                None => creations.push(statement),
            }
        }
        let is_recorded = format!("EXISTS (SELECT 1 FROM {RUNS} WHERE sequence >= {first_sequence})");
        Ok(Some(ForeignShop {
            tables: foreign,
            expected,
            found,
            first_sequence,
            offset,
            engine,
            open,
            id_form,
            creations,
            is_recorded,
            missing,
        }))
    }

    /// The tables that are not as the shop's own yet.
    fn changing(&self) -> Vec<ForeignTable> {
        let is_as_it_should_be = |table: &&ForeignTable| {
            let name = [table.name.as_str()];
            let has_names = table.name == table.found_name;
            let differences = differences(self.engine, &self.expected.only(&name), &self.found.only(&name));
            has_names && differences.iter().all(|one| one.is_beside) && !self.engine.stores_times_as_text
        };
        self.tables.iter().filter(|table| !is_as_it_should_be(table)).cloned().collect()
    }

    /// What will be done, a line each.
    pub fn changes(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for table in self.changing() {
            let mut parts = Vec::new();
            if table.name != table.found_name {
                parts.push(format!("renamed from {}", printable(&table.found_name)));
            }
            for column in &table.columns {
                if column.name != column.found_name {
                    parts.push(format!("{} renamed to {}", printable(&column.found_name), column.name));
                }
                if column.kind != ValueKind::IdAsIs && column.found_type() != column.expected_type() {
                    parts.push(format!("{} from {} to {}", column.name, column.found_type(), column.expected_type()));
                    parts.extend(self.read_otherwise(column));
                }
            }
            parts.extend(required_now(&table));
            parts.extend(self.compared_by_case(&table));
            parts.extend(self.similar(&table));
            parts.extend(self.dropped_rules(&table));
            let is_missing = |name: &&str| !table.columns.iter().any(|column| column.name == *name);
            let missing: Vec<&str> = self
                .expected
                .objects
                .keys()
                .filter(|object| object.table == table.name && object.kind == ObjectKind::Column)
                .map(|object| object.name.as_str())
                .filter(is_missing)
                .collect();
            if !missing.is_empty() {
                parts.push(format!("{} added", missing.join(", ")));
            }
            lines.push(format!(
                "{}: {}",
                table.name,
                if parts.is_empty() { "kept".to_owned() } else { parts.join(", ") }
            ));
        }
        if let Some(form) = self.id_form {
            lines.push(format!("ids stay {}, as the other program writes them", form.description()));
        }
        let changing = self.changing();
        let taken = self.taken(&changing);
        let keys = taken.keys_of_others();
        let is_converted =
            |column: &ForeignColumn| self.engine.stores_times_as_text || column.found_type() != column.expected_type();
        for key in keys.iter().filter(|key| is_converted(&key.column)) {
            let (table, column) = (printable(key.table), printable(&key.column.name));
            lines.push(format!("{table}: {column} follows the ids of {}", key.to.name));
        }
        lines
    }

    /// What the application has to read otherwise from now on: times that it keeps as numbers.
    fn read_otherwise(&self, column: &ForeignColumn) -> Option<String> {
        let found = column.found_type().to_lowercase();
        let is_number = column.kind == ValueKind::Time && ["int", "bigint"].iter().any(|kind| found.starts_with(kind));
        let name = &column.name;
        is_number.then(|| format!("the application must read {name} as a time instead of a number"))
    }

    /// What another program's table has and the shop's does not, with what the application has to do instead: constraints
    /// such as `ON DELETE CASCADE`, unique indexes, and where a new table takes the place of the old one, what the server
    /// does with the shop's columns.
    fn dropped_rules(&self, table: &ForeignTable) -> Vec<String> {
        let own = |kind| self.expected.of_table(&table.name, kind);
        let kinds = [ObjectKind::Constraint, ObjectKind::Index];
        let is_kept = |said: &str| {
            kinds.iter().any(|kind| own(*kind).any(|(_, own)| self.engine.is_equivalent(*kind, own, said)))
        };
        let instead = |said: &str| match schema::meaning::reference(said) {
            Some(reference) => {
                let (name, to) = (&table.name, printable(&reference.table));
                format!(
                    "; before deleting a row of {to}, the application must delete the rows of {name} that refer to it"
                )
            }
            None => String::new(),
        };
        let model = renamed_throughout(&self.found, &self.tables);
        // What is about the application's own columns stays, but for foreign keys where a new table takes the place.
        let stays = |object: &Object, said: &str| {
            let goes = self.engine.script_transaction.is_none() && said.starts_with("FOREIGN KEY");
            !goes && schema::is_of_others(self.engine, object, &self.expected, &model)
        };
        let of_table =
            model.objects.iter().filter(|(object, _)| object.table == table.name && kinds.contains(&object.kind));
        let rules = of_table.filter(|(object, said)| !is_kept(said) && !stays(object, said));
        let mut dropped: Vec<String> =
            rules.map(|(_, said)| format!("not kept: {}{}", in_full(said), instead(said))).collect();
        dropped.extend(self.no_longer_required(table, &model));
        if self.engine.script_transaction.is_none() {
            let of_server = |said: &str| said.contains(" AS (") || said.to_lowercase().contains(" on update ");
            let columns = table.columns.iter().filter(|column| of_server(&column.found));
            let features = self.found.of_table(&table.found_name, ObjectKind::Feature);
            dropped.extend(features.map(|(name, _)| format!("not kept: {name}")));
            dropped.extend(columns.map(|column| {
                let (name, said) = (&column.name, in_full(&column.found));
                format!("not kept: {name} {said}; the application must set {name} itself")
            }));
        }
        dropped
    }

    /// The application's own columns that lose their NOT NULL, so that shopctl can insert rows.
    fn no_longer_required(&self, table: &ForeignTable, model: &Schema) -> Vec<String> {
        let name = &table.name;
        let columns = model.of_table(name, ObjectKind::Column);
        let required =
            columns.filter(|(column, said)| !self.expected.has_column(name, column) && schema::needs_value(said));
        let line = |(column, _): (&str, &str)| {
            let column = printable(column);
            format!("not kept: NOT NULL of {name}.{column}; the application must accept NULL in rows added by shopctl")
        };
        required.map(line).collect()
    }

    /// Texts that the application finds in any case, and only as they are written from then on.
    fn compared_by_case(&self, table: &ForeignTable) -> Option<String> {
        let ignores_case = |column: &&ForeignColumn| {
            column.kind == ValueKind::Text && self.engine.ignores_case(table, column, &self.found)
        };
        let names: Vec<&str> = table.columns.iter().filter(ignores_case).map(|column| column.name.as_str()).collect();
        let names = (!names.is_empty()).then(|| names.join(", "))?;
        Some(format!("the case of letters counts in {names}: the application has to compare them in one case"))
    }

    /// Columns that stay another program's though the shop's column has the same words.
    fn similar(&self, table: &ForeignTable) -> Vec<String> {
        let of_others = |name: &&str| !table.columns.iter().any(|column| column.found_name == **name);
        let found = self.found.of_table(&table.found_name, ObjectKind::Column).map(|(name, _)| name);
        let stay = found.filter(of_others).filter_map(|name| {
            let twin = table.columns.iter().find(|column| means(name, &column.name))?;
            Some(format!("{} stays with the other program, beside {}", printable(name), printable(&twin.found_name)))
        });
        stay.collect()
    }

    /// What an engine is asked to take over: these tables, and those that are missing.
    fn taken<'a>(&'a self, tables: &'a [ForeignTable]) -> TakeOver<'a> {
        let ForeignShop { creations, expected, found, offset, is_recorded, .. } = self;
        TakeOver { tables, creations, expected, found, offset: *offset, is_recorded }
    }
}

/// Columns that may be NULL in the other program's table only.
fn required_now(table: &ForeignTable) -> Option<String> {
    let is_required = |column: &&ForeignColumn| column.no_longer_takes_null();
    let names: Vec<&str> = table.columns.iter().filter(is_required).map(|column| column.name.as_str()).collect();
    let (verb, them) = if names.len() == 1 { ("takes", "it") } else { ("take", "them") };
    let names = (!names.is_empty()).then(|| names.join(", "))?;
    Some(format!("{names} no longer {verb} NULL: the application has to give {them} a value, or leave {them} out"))
}

fn open(engine: Engine, catalog: &Catalog, history: &History, foreign: &[ForeignTable]) -> Vec<(Migration, bool)> {
    let is_there = |migration: &Migration| {
        foreign.iter().any(|table| maker(engine, catalog, &table.name).is_some_and(|one| one.name == migration.name))
    };
    let open = catalog.migrations().iter().filter(|migration| !history.is_applied(migration.name));
    open.map(|migration| (*migration, is_there(migration))).collect()
}

/// Whether another program's column is the shop's column of this name.
fn means(found: &str, name: &str) -> bool {
    let plain = |name: &str| name.to_lowercase().replace('_', "");
    plain(found) == plain(name) || SYNONYMS.iter().any(|(synonym, word)| *synonym == plain(found) && *word == name)
}

pub(super) fn kind(family: Family) -> ValueKind {
    match family {
        Family::Id => ValueKind::Id,
        Family::Time => ValueKind::Time,
        Family::Amount => ValueKind::Amount,
        Family::Integer => ValueKind::Whole,
        Family::Text | Family::Other => ValueKind::Text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_recognised_by_what_they_mean() {
        for (found, word) in [
            ("Users", Some("users")),
            ("user", Some("users")),
            ("OrderItems", Some("order_items")),
            ("order_item", Some("order_items")),
            ("Order", Some("orders")),
            ("PRODUCTS", Some("products")),
            ("user_roles", None),
            ("order_events", None),
        ] {
            assert_eq!(meant(found, &TABLES), word, "{found}");
        }
        assert!(means("createdAt", "created_at") && means("passwordHash", "password_hash") && means("qty", "quantity"));
        assert!(!means("name", "first_name"));
    }
}
