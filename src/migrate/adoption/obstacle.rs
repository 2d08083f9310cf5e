//! What stands in the way of taking over a shop: names that are taken, and what would not follow the converted tables.

use std::collections::BTreeSet;

use sea_orm::{ConnectionTrait, QueryResult};

use super::ForeignShop;
use super::misfit::text_or_null;
use crate::db::adoption::{ForeignColumn, ForeignTable, OthersKey, ValueKind, free_name};
use crate::db::answers::required_rows;
use crate::db::references::{Reference, references};
use crate::db::schema::{Object, ObjectKind, meaning};
use crate::db::sql::{listed, outside_quotes};
use crate::domain::text::{distinct, in_full};
use crate::error::{Error, Result};

/// Something of another program, and what to do about it, with the statement at the end.
pub(super) struct Obstacle {
    pub what: String,
    pub remedy: String,
}

impl ForeignShop {
    /// What stands in the way, as errors: names that are taken, and what would not follow.
    ///
    /// Errors: those of the database.
    pub async fn obstacles(&self, connection: &impl ConnectionTrait) -> Result<Vec<Error>> {
        let changing = self.changing();
        let unusual =
            refusal("adopt.table", "only ordinary tables can be adopted", self.unusual_tables(connection).await?);
        let taken = refusal("adopt.name", "names that the shop needs are in use", self.taken_names(&changing));
        // The triggers of a view before the view.
        let mut blocking = self.callers_of_old_names(connection, &changing).await?;
        blocking.extend(self.broken_views(connection, &changing).await);
        blocking.extend(self.blocking_references(connection, &changing).await?);
        blocking.extend(self.lost(&changing));
        let retyped = self.retyped(&changing);
        blocking.extend(self.computed(&retyped));
        blocking.extend(self.expressions(&changing));
        blocking.extend(self.column_users(connection, &retyped).await?);
        let blocking = refusal("adopt.referenced", "would not follow the converted tables", blocking);
        Ok(unusual.into_iter().chain(taken).chain(blocking).collect())
    }

    /// Tables whose rows are not in one ordinary table of their own: the shop's keys would not hold for all of them.
    async fn unusual_tables(&self, connection: &impl ConnectionTrait) -> Result<Vec<Obstacle>> {
        let Some(sql) = self.engine.unusual_tables else { return Ok(Vec::new()) };
        let rows = required_rows(connection, sql).await?;
        let is_own = |row: &&QueryResult| {
            let table = text_or_null(row, "in_table");
            self.tables.iter().any(|one| one.found_name == table)
        };
        let obstacle = |row: &QueryResult| Obstacle {
            what: in_full(&text_or_null(row, "what")),
            remedy: format!("first make it an ordinary table: {}", in_full(&text_or_null(row, "remedy"))),
        };
        Ok(rows.iter().filter(is_own).map(obstacle).collect())
    }

    /// Objects of others with names that the shop's own need. A table comes after what it has, which names it.
    fn taken_names(&self, changing: &[ForeignTable]) -> Vec<Obstacle> {
        let is_made = |table: &str| changing.iter().any(|one| one.name == table) || self.is_missing(table);
        let wanted: Vec<(&Object, &String)> =
            self.expected.objects.iter().filter(|(object, _)| is_made(&object.table)).collect();
        let room = |holder: (&Object, &String)| {
            let new_name = free_name(&self.found, &format!("other_{}", holder.0.name));
            let same = wanted.iter().filter(|(own, _)| own.name.eq_ignore_ascii_case(&holder.0.name));
            let mut blocked = same.filter(|(own, _)| !self.gives_way(own, holder));
            let remedy = blocked.find_map(|own| self.engine.renamed_away(*own, holder, &new_name))?;
            let what = holder.0.to_string();
            let remedy = format!("first free the names: {}", in_full(&remedy));
            Some((holder.0.kind.is_independent(), Obstacle { what, remedy }))
        };
        let mut taken: Vec<(bool, Obstacle)> = self.found.objects.iter().filter_map(room).collect();
        taken.sort_by_key(|(is_independent, _)| *is_independent);
        taken.into_iter().map(|(_, obstacle)| obstacle).collect()
    }

    /// Whether the shop's table has to be made.
    fn is_missing(&self, table: &str) -> bool {
        self.creations.iter().any(|sql| sql.starts_with(&format!("CREATE TABLE {} ", self.engine.quoted(table))))
    }

    /// Whether an object is gone, or has become the shop's own, by the time that its name is needed.
    fn gives_way(&self, own: &Object, (found, said): (&Object, &String)) -> bool {
        let is_exchanged = self.engine.script_transaction.is_none();
        self.tables.iter().any(|table| {
            let is_its_own = table.found_name == found.table && (table.name == own.table || self.engine.has_one_writer);
            is_its_own && !(is_exchanged && said.starts_with("FOREIGN KEY"))
        })
    }

    /// Foreign keys and views that keep a table from changing.
    async fn blocking_references(
        &self,
        connection: &impl ConnectionTrait,
        changing: &[ForeignTable],
    ) -> Result<Vec<Obstacle>> {
        let engine = self.engine;
        let taken = self.taken(changing);
        let keys = taken.keys_of_others();
        let is_retyped = |key: &&OthersKey<'_>| key.column.found_type() != key.column.expected_type();
        let key_of = |one: &Reference| {
            let mut keys = keys.iter().filter(|_| one.schema.is_none());
            keys.find(|key| key.table == one.from && key.name == one.name)
        };
        let is_own =
            |one: &Reference| one.schema.is_none() && self.tables.iter().any(|table| table.found_name == one.from);
        let is_in_the_way = |one: &Reference| {
            let Some(table) = changing.iter().find(|table| table.found_name == one.to) else {
                return !one.is_foreign_key() && keys.iter().filter(is_retyped).any(|key| key.table == one.to);
            };
            let mut changed = table.columns.iter().filter(|column| column.found_type() != column.expected_type());
            match () {
                () if is_own(one) => false,
                () if engine.script_transaction.is_none() => true,
                () if engine.stores_times_as_text => false,
                () if one.is_foreign_key() => changed.any(|column| column.name == "id") && key_of(one).is_none(),
                () => changed.next().is_some(),
            }
        };
        let obstacle = |one: &Reference| {
            let removal = one.removal(engine)?;
            let again = key_of(one).and_then(|key| self.made_again(key));
            let remedy = match again {
                Some(again) => format!("first remove it: {removal}; then recreate it: {again}"),
                None => format!("first remove it, and recreate it afterwards: {removal}"),
            };
            Some(Obstacle { what: one.to_string(), remedy })
        };
        let all = references(connection).await?;
        Ok(all.iter().filter(|one| is_in_the_way(one)).filter_map(obstacle).collect())
    }

    /// The statements that make a foreign key again once the ids have the shop's type.
    fn made_again(&self, key: &OthersKey<'_>) -> Option<String> {
        let [table, name, column] = [key.table, key.name, &key.column.name].map(|name| self.engine.quoted(name));
        let (_, add) = self.engine.constraint(&name, key.definition)?;
        let definition = key.renamed_definition(|name| self.engine.quoted(name));
        let add = format!("ALTER TABLE {table} ADD {add}{definition}");
        let (wanted, found) = (key.column.expected_type(), key.column.found_type());
        let changed = key.column.found.replacen(found, wanted, 1);
        let change = self
            .engine
            .change_column(&table, &column, &changed, &key.column.found, self.offset)
            .filter(|_| wanted != found);
        Some(in_full(&change.into_iter().chain([add]).collect::<Vec<_>>().join("; ")))
    }

    /// What stays with the old tables, where new ones take their places, or keeps using old names: triggers, and views.
    fn lost(&self, changing: &[ForeignTable]) -> Vec<Obstacle> {
        let is_exchanged = self.engine.script_transaction.is_none();
        let uses_old_name = |words: &[String], table: &ForeignTable| {
            has(words, &table.found_name) && (table.name != table.found_name || has_renamed(words, table))
        };
        let is_lost = |(object, said): &(&Object, &String)| match object.kind {
            ObjectKind::Trigger if is_exchanged => {
                let words = meaning::words(said);
                changing.iter().any(|table| table.found_name == object.table || uses_old_name(&words, table))
            }
            ObjectKind::Trigger => {
                self.engine.has_one_writer && self.names_columns_of_two_tables(object, said, changing)
            }
            ObjectKind::View => {
                let words = meaning::words(said);
                is_exchanged && changing.iter().any(|table| uses_old_name(&words, table))
            }
            _ => false,
        };
        self.found.objects.iter().filter(is_lost).map(|(object, _)| self.removed(object)).collect()
    }

    /// Whether a trigger on one of the tables, or on a view, names another table too and a column that gets another name:
    /// its text does not tell whose column that is.
    fn names_columns_of_two_tables(&self, trigger: &Object, said: &str, changing: &[ForeignTable]) -> bool {
        let words = meaning::words(said);
        let is_on = |object: &&Object| object.kind == ObjectKind::View && object.name == trigger.table;
        let is_other = |object: &&Object| object.kind == ObjectKind::Table && object.name != trigger.table;
        let objects = || self.found.objects.keys();
        let is_concerned =
            changing.iter().any(|table| table.found_name == trigger.table) || objects().any(|one| is_on(&one));
        is_concerned
            && objects().filter(is_other).any(|table| has(&words, &table.name))
            && changing.iter().any(|table| has_renamed(&words, table))
    }

    /// Columns whose types change where tables stay, as table and column: the shop's own, and those of others that refer
    /// to ids.
    fn retyped(&self, changing: &[ForeignTable]) -> Vec<(String, String)> {
        if self.engine.script_transaction.is_none() || self.engine.has_one_writer {
            return Vec::new();
        }
        let is_retyped = |column: &ForeignColumn| column.found_type() != column.expected_type();
        let own = changing.iter().flat_map(|table| {
            let columns = table.columns.iter().filter(|column| is_retyped(column));
            columns.map(|column| (table.found_name.clone(), column.found_name.clone()))
        });
        let taken = self.taken(changing);
        let keys = taken.keys_of_others().into_iter().filter(|key| is_retyped(&key.column));
        own.chain(keys.map(|key| (key.table.to_owned(), key.column.found_name.clone()))).collect()
    }

    /// Columns that the server computes or counts: converted ones, and those that another program computes of converted
    /// ones.
    fn computed(&self, retyped: &[(String, String)]) -> Vec<Obstacle> {
        let tables = distinct(retyped.iter().map(|(table, _)| table));
        let columns = tables.into_iter().flat_map(|table| {
            let columns = self.found.of_table(table, ObjectKind::Column);
            columns.map(move |(column, said)| (table, column, said))
        });
        let is_retyped = |table: &str, column: &str| retyped.iter().any(|one| one.0 == table && one.1 == column);
        let obstacle = |(table, column, said): (&String, &str, &str)| {
            let (_, how) = said.split_once(" GENERATED ")?;
            let expression = how.strip_prefix("ALWAYS AS (");
            let [from, name] = [table, column].map(|name| self.engine.quoted(name));
            let remedy = match expression {
                _ if is_retyped(table, column) => {
                    let what = if expression.is_some() { "EXPRESSION" } else { "IDENTITY" };
                    let removal = format!("ALTER TABLE {from} ALTER COLUMN {name} DROP {what}");
                    format!("shopctl must set it: first keep the server from that: {}", in_full(&removal))
                }
                Some(expression) if meaning::words(expression).iter().any(|word| is_retyped(table, word)) => {
                    let removal = in_full(&format!("ALTER TABLE {from} DROP COLUMN {name}"));
                    format!("it is computed: first remove it, and recreate it afterwards: {removal}")
                }
                _ => return None,
            };
            Some(Obstacle { what: format!("column {} of table {}", in_full(column), in_full(table)), remedy })
        };
        columns.filter_map(obstacle).collect()
    }

    /// Indexes whose expressions or conditions use columns that become something else, and checks that name the type of
    /// one: what they say does not fit the new type.
    fn expressions(&self, changing: &[ForeignTable]) -> Vec<Obstacle> {
        if self.engine.script_transaction.is_none() || self.engine.has_one_writer {
            return Vec::new();
        }
        let becomes_other = |column: &&ForeignColumn| {
            let found = column.found_type();
            let is_text = ["character", "text", "citext", "bpchar"].iter().any(|word| found.starts_with(word));
            match column.kind {
                ValueKind::Id => found != column.expected_type(),
                ValueKind::Time => !found.ends_with("with time zone"),
                ValueKind::Text => !is_text,
                ValueKind::Amount | ValueKind::Whole | ValueKind::IdAsIs => false,
            }
        };
        let converted = |table: &str| {
            let columns = changing.iter().filter(move |one| one.found_name == table).flat_map(|one| &one.columns);
            columns.filter(becomes_other).collect::<Vec<_>>()
        };
        let is_used = |table: &str, said: &str| {
            let words = meaning::words(said);
            converted(table).iter().any(|column| has(&words, &column.found_name))
        };
        let names_type = |table: &str, said: &str| {
            converted(table).iter().any(|column| said.contains(&format!("::{}", column.found_type())))
        };
        let is_in_the_way = |(object, said): &(&Object, &String)| match object.kind {
            ObjectKind::Index => is_used(&object.table, &beyond_columns(said)),
            ObjectKind::Constraint => {
                said.starts_with("CHECK") && is_used(&object.table, said) && names_type(&object.table, said)
            }
            _ => false,
        };
        let obstacle = |(object, said): (&Object, &String)| {
            let [table, name] = [&object.table, &object.name].map(|name| self.engine.quoted(name));
            let removal = match object.kind {
                ObjectKind::Index => self.engine.drop_index(&table, &name),
                _ => format!("ALTER TABLE {table} {}", self.engine.constraint(&name, said)?.0),
            };
            let remedy = format!("first remove it, and recreate it afterwards: {}", in_full(&removal));
            Some(Obstacle { what: object.to_string(), remedy })
        };
        self.found.objects.iter().filter(is_in_the_way).filter_map(obstacle).collect()
    }

    /// What else of other programs keeps columns from changing their types.
    async fn column_users(
        &self,
        connection: &impl ConnectionTrait,
        retyped: &[(String, String)],
    ) -> Result<Vec<Obstacle>> {
        let Some(sql) = self.engine.column_users.filter(|_| !retyped.is_empty()) else { return Ok(Vec::new()) };
        let rows = required_rows(connection, sql).await?;
        let is_in_the_way = |row: &&QueryResult| {
            let (table, column) = (text_or_null(row, "in_table"), text_or_null(row, "in_column"));
            retyped.iter().any(|(other, retyped)| *other == table && (column.is_empty() || *retyped == column))
        };
        let obstacle = |row: &QueryResult| {
            let removal = in_full(&text_or_null(row, "removal"));
            Obstacle {
                what: in_full(&text_or_null(row, "what")),
                remedy: format!("first remove it, and recreate it afterwards: {removal}"),
            }
        };
        Ok(rows.iter().filter(is_in_the_way).map(obstacle).collect())
    }

    /// Views that do not work: none can be renamed along with what it uses.
    async fn broken_views(&self, connection: &impl ConnectionTrait, changing: &[ForeignTable]) -> Vec<Obstacle> {
        let mut broken = Vec::new();
        if !self.engine.has_one_writer || changing.is_empty() {
            return broken;
        }
        for view in self.found.objects.keys().filter(|object| object.kind == ObjectKind::View) {
            let name = self.engine.quoted(&view.name);
            if connection.execute_unprepared(&format!("SELECT 1 FROM {name} LIMIT 0")).await.is_err() {
                broken.push(Obstacle { what: format!("{view}, which does not work"), ..self.removed(view) });
            }
        }
        broken
    }

    fn removed(&self, object: &Object) -> Obstacle {
        let [table, name] = [&object.table, &object.name].map(|name| self.engine.quoted(name));
        let removal = match object.kind {
            ObjectKind::Trigger => self.engine.drop_trigger(&table, &name),
            kind => format!("DROP {} {name}", kind.as_str().to_uppercase()),
        };
        Obstacle {
            what: object.to_string(),
            remedy: format!("first remove it, and recreate it afterwards: {}", in_full(&removal)),
        }
    }
}

fn has(words: &[String], name: &str) -> bool {
    words.iter().any(|word| word.eq_ignore_ascii_case(name))
}

/// What an index says beside columns that stand for themselves.
fn beyond_columns(definition: &str) -> String {
    let inside = outside_quotes(definition).skip_while(|(_, _, depth)| *depth == 0);
    let end = inside.skip_while(|(_, _, depth)| *depth > 0).map(|(at, ..)| at).next();
    let (Some(start), Some(end)) = (definition.find('('), end) else { return String::new() };
    let is_expression = |item: &&str| item.contains('(');
    let expressions: Vec<&str> = listed(&definition[start + 1..end]).into_iter().filter(is_expression).collect();
    format!("{} {}", expressions.join(" "), &definition[end..])
}

/// Whether these words name a column that gets another name.
fn has_renamed(words: &[String], table: &ForeignTable) -> bool {
    table.columns.iter().any(|column| column.name != column.found_name && has(words, &column.found_name))
}

/// What stands in the way of several tables is named once.
fn refusal(code: &'static str, what: &str, mut obstacles: Vec<Obstacle>) -> Option<Error> {
    let mut remedies = BTreeSet::new();
    obstacles.retain(|obstacle| remedies.insert(obstacle.remedy.clone()));
    let named: Vec<&str> = obstacles.iter().map(|obstacle| obstacle.what.as_str()).collect();
    if named.is_empty() {
        return None;
    }
    let error = Error::conflict(code, format!("{what}: {}; nothing was changed", named.join(", ")));
    Some(obstacles.into_iter().fold(error, |error, obstacle| error.hint(obstacle.remedy)))
}
