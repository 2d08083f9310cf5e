//! Taking over a shop that another program made: its tables become the shop's, every row stays.

mod ids;
mod misfit;

use migration::Migration;
use sea_orm::ConnectionTrait;

use super::checksum::statements;
use super::history::{self, Direction, History};
use super::lock::{Lock, begin};
use super::script::{adopted, id_form_setting, listed};
use super::{Catalog, Plan, Progress, refuse_removal};
use crate::db::Database;
use crate::db::adoption::{ForeignColumn, ForeignTable, ValueKind};
use crate::db::ddl::broken_references;
use crate::db::references::{Reference, references};
use crate::db::schema::{self, ObjectKind, Schema, differences};
use crate::db::target::Engine;
use crate::domain::Form;
use crate::entity::tables::{Family, tables};
use crate::error::{CommandLine, Error, Kind, Result, printable};
pub use misfit::{Misfit, misfits};

/// The tables that other programs make, each after those that it refers to.
const TABLES: [&str; 4] = ["users", "products", "orders", "order_items"];
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
}

/// Tables of another program's shop that no migration of this history made: what the shop calls them, and what they are
/// called.
pub async fn foreign_tables(connection: &impl ConnectionTrait, catalog: &Catalog) -> Result<Vec<(String, String)>> {
    let engine = Engine::of(connection);
    // Tables first: what another runner has just made is in the history by the time that it is read.
    let names = schema::tables(connection, engine, &migration::HISTORY_TABLES).await?;
    if !names.iter().any(|name| meant(name, &TABLES).is_some()) {
        return Ok(Vec::new());
    }
    let history = history::read(connection).await?;
    let is_open = |table: &&&str| maker(engine, catalog, table).is_some_and(|one| history.find(one.name).is_none());
    let open: Vec<&str> = TABLES.iter().filter(is_open).copied().collect();
    let recognised = names.into_iter().filter_map(|found| {
        let meant = meant(&found, &TABLES)?;
        open.contains(&meant).then(|| (meant.to_owned(), found.clone()))
    });
    let mut recognised: Vec<_> = recognised.collect();
    recognised.sort_by_key(|(name, found)| (TABLES.iter().position(|table| table == name), name != found));
    recognised.dedup_by(|one, other| one.0 == other.0);
    Ok(recognised)
}

/// Refuses a database with another program's shop, which `migrate up` would stumble over.
///
/// Errors: exit 9 naming its tables.
pub async fn refuse_foreign_shop(connection: &impl ConnectionTrait, catalog: &Catalog) -> Result<()> {
    let tables = foreign_tables(connection, catalog).await?;
    if tables.is_empty() {
        return Ok(());
    }
    Err(Error::new(Kind::CheckFailed, "migrate.foreign_shop", foreign_shop(&tables))
        .hint(CommandLine::new("adopt").and(" takes them over, with every row")))
}

/// `another program made the tables users, orders`
pub fn foreign_shop(tables: &[(String, String)]) -> String {
    let names: Vec<String> = tables.iter().map(|(_, found)| printable(found)).collect();
    format!("another program made the tables {}", names.join(", "))
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
    /// Errors: exit 9 for a table without a column that nothing can stand for; exit 6 for a removal that has not ended.
    pub async fn find(
        connection: &impl ConnectionTrait,
        catalog: &Catalog,
        expected: &Schema,
        offset: i32,
    ) -> Result<Option<ForeignShop>> {
        refuse_removal(connection, Kind::Conflict).await?;
        let engine = Engine::of(connection);
        let recognised = foreign_tables(connection, catalog).await?;
        if recognised.is_empty() {
            return Ok(None);
        }
        let found = schema::read(connection, engine).await?;
        let history = history::read(connection).await?;
        let mut foreign = Vec::new();
        for (name, found_name) in &recognised {
            let columns = columns(engine, name, found_name, expected, &found)?;
            let creation = maker(engine, catalog, name).map(|one| statements(engine, one)).unwrap_or_default();
            foreign.push(ForeignTable { name: name.clone(), found_name: found_name.clone(), columns, creation });
        }
        let open = open(engine, catalog, &history, &foreign);
        // Tables that are the shop's already have ids in its form.
        let id_form = match open.len() == catalog.migrations().len() {
            true => ids::form(connection, engine, &foreign).await?,
            false => None,
        };
        if id_form.is_some() {
            let columns = foreign.iter_mut().flat_map(|table| &mut table.columns);
            columns.filter(|column| column.kind == ValueKind::Id).for_each(|column| column.kind = ValueKind::IdAsIs);
        }
        let (expected, first_sequence) = (expected.clone(), history.next_sequence());
        Ok(Some(ForeignShop { tables: foreign, expected, found, first_sequence, offset, engine, open, id_form }))
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

    /// Refuses what would not follow the converted tables: where new tables take the place of the old ones (MySQL and
    /// MariaDB), foreign keys of other tables and triggers would stay with the old ones; on PostgreSQL a view keeps
    /// columns, and a foreign key the id, from changing their types.
    ///
    /// Errors: exit 6 naming each, with the statement that removes it.
    pub async fn refuse_references(&self, connection: &impl ConnectionTrait) -> Result<()> {
        let (engine, changing) = (self.engine, self.changing());
        let is_exchanged = engine.script_transaction.is_none();
        let is_affected = |table: &ForeignTable, one: &Reference| {
            let mut changed = table.columns.iter().filter(|column| column.found_type() != column.expected_type());
            is_exchanged
                || !engine.stores_times_as_text && changed.any(|column| !one.is_foreign_key() || column.name == "id")
        };
        let is_own =
            |one: &Reference| one.schema.is_none() && self.tables.iter().any(|table| table.found_name == one.from);
        let is_in_the_way = |one: &Reference| {
            !is_own(one) && changing.iter().any(|table| table.found_name == one.to && is_affected(table, one))
        };
        let all = references(connection).await?;
        let mut blocking: Vec<(String, String)> = all
            .iter()
            .filter(|one| is_in_the_way(one))
            .filter_map(|one| Some((one.to_string(), one.removal(engine)?)))
            .collect();
        let triggers = self.found.objects.keys().filter(|object| {
            let is_changing = || changing.iter().any(|table| table.found_name == object.table);
            is_exchanged && object.kind == ObjectKind::Trigger && is_changing()
        });
        blocking.extend(triggers.map(|object| {
            let removal = format!("DROP TRIGGER {}", printable(&engine.quoted(&object.name)));
            (format!("trigger {} of table {}", printable(&object.name), printable(&object.table)), removal)
        }));
        if blocking.is_empty() {
            return Ok(());
        }
        let named: Vec<&str> = blocking.iter().map(|(name, _)| name.as_str()).collect();
        let message = format!("would not follow the converted tables: {}; nothing was changed", named.join(", "));
        let error = Error::conflict("adopt.referenced", message);
        Err(blocking.iter().fold(error, |error, (_, removal)| {
            error.hint(format!("remove it first, and create it again afterwards: {removal}"))
        }))
    }

    /// The statements that take it over, history included.
    fn statements(&self) -> Vec<String> {
        let engine = self.engine;
        let changing = self.changing();
        // A table that is missing altogether comes behind those that it refers to.
        let (mut before, mut after, mut history): (Vec<String>, Vec<String>, Vec<String>) = Default::default();
        for (sequence, (migration, is_there)) in (self.first_sequence..).zip(&self.open) {
            let direction = if *is_there { Direction::Baseline } else { Direction::Up };
            history.extend([adopted(engine, migration, sequence, direction), listed(engine, migration)]);
            let made = if *is_there { Vec::new() } else { statements(engine, migration) };
            let refers = made.iter().any(|sql| refers_to(engine, sql, &changing));
            if refers { after.extend(made) } else { before.extend(made) }
        }
        history.extend(self.id_form.map(|form| id_form_setting(engine, form)));
        let taken = engine.take_over(&changing, &self.expected, &self.found, self.offset);
        let taken = if changing.is_empty() { Vec::new() } else { taken };
        [before, taken, after, history].concat()
    }

    /// The script for the engine's own client.
    pub fn script(&self) -> String {
        let engine = self.engine;
        let names: Vec<&str> = self.tables.iter().map(|table| table.found_name.as_str()).collect();
        let mut text = format!(
            "-- shopctl {}, {}: takes over {}\n-- {}\n{};\n",
            env!("CARGO_PKG_VERSION"),
            engine.as_str(),
            names.join(", "),
            engine.script_client,
            engine.script_beginning
        );
        let (begin, commit) = engine.script_transaction.unzip();
        let history = migration::history_tables(engine.backend);
        let all = history.into_iter().chain(begin.map(str::to_owned)).chain(self.statements());
        for statement in all.chain(commit.map(str::to_owned)) {
            text.push_str(statement.trim_end_matches(';'));
            text.push_str(";\n");
        }
        text
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
                }
            }
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
        lines
    }

    /// Takes it over under the lock of migrations, with the history.
    ///
    /// Errors: what stopped it; where DDL is part of transactions, everything is then as before.
    pub async fn adopt(&self, database: &Database, plan: &Plan, progress: &mut dyn FnMut(Progress<'_>)) -> Result<()> {
        let lock = Lock::acquire(database, plan, progress).await?;
        let done = self.adopt_locked(database, plan, &lock).await;
        lock.finish(done).await
    }

    async fn adopt_locked(&self, database: &Database, plan: &Plan, lock: &Lock) -> Result<()> {
        let connected = database.for_schema_changes().await?;
        let handle = begin(&connected, plan.lock_wait).await?;
        lock.renew(&handle).await?;
        for statement in self.statements() {
            handle.execute_unprepared(&statement).await?;
        }
        if let Some(broken) = broken_references(&handle).await?.first() {
            let message = format!("nothing was changed: {}", printable(broken));
            return Err(Error::new(Kind::CheckFailed, "adopt.references", message));
        }
        lock.renew(&handle).await?;
        Ok(handle.commit().await?)
    }
}

fn refers_to(engine: Engine, sql: &str, tables: &[ForeignTable]) -> bool {
    tables.iter().any(|table| sql.contains(&format!("REFERENCES {}", engine.quoted(&table.name))))
}

fn open(engine: Engine, catalog: &Catalog, history: &History, foreign: &[ForeignTable]) -> Vec<(Migration, bool)> {
    let is_there = |migration: &Migration| {
        foreign.iter().any(|table| maker(engine, catalog, &table.name).is_some_and(|one| one.name == migration.name))
    };
    let open = catalog.migrations().iter().filter(|migration| !history.is_applied(migration.name));
    open.map(|migration| (*migration, is_there(migration))).collect()
}

/// The shop's columns in another program's table.
///
/// Errors: exit 9 for one that is missing and has no default.
fn columns(
    engine: Engine,
    table: &str,
    found_name: &str,
    expected: &Schema,
    found: &Schema,
) -> Result<Vec<ForeignColumn>> {
    let all = tables();
    let entity = all.iter().find(|entity| entity.name == table);
    let found: Vec<(&str, &str)> = found.of_table(found_name, ObjectKind::Column).collect();
    let mut columns = Vec::new();
    for (name, definition) in expected.of_table(table, ObjectKind::Column) {
        let family = entity.and_then(|entity| entity.columns.iter().find(|column| column.name == name));
        let exact = found.iter().find(|(other, _)| *other == name);
        let twin = exact.or_else(|| found.iter().find(|(other, _)| means(other, name)));
        match twin {
            Some((found_name, other)) => columns.push(ForeignColumn {
                name: name.to_owned(),
                found_name: (*found_name).to_owned(),
                kind: kind(family.map_or(Family::Text, |column| column.family)),
                expected: definition.to_owned(),
                found: (*other).to_owned(),
            }),
            None if schema::needs_value(definition) => {
                let message =
                    format!("{} has no column for {name}, and nothing can stand for it", printable(found_name));
                let statement =
                    format!("ALTER TABLE {} ADD COLUMN {} …", engine.quoted(found_name), engine.quoted(name));
                return Err(Error::new(Kind::CheckFailed, "adopt.column", message)
                    .hint(format!("add it with its values, or rename the column that has them: {statement}")));
            }
            None => {}
        }
    }
    Ok(columns)
}

/// Whether another program's column is the shop's column of this name.
fn means(found: &str, name: &str) -> bool {
    let plain = |name: &str| name.to_lowercase().replace('_', "");
    plain(found) == plain(name) || SYNONYMS.iter().any(|(synonym, word)| *synonym == plain(found) && *word == name)
}

fn kind(family: Family) -> ValueKind {
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
