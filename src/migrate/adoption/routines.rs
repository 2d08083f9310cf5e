//! Functions and procedures of another program, whose texts keep the names that they use: what the database runs by
//! itself would fail once tables and columns have others.

use sea_orm::ConnectionTrait;

use super::ForeignShop;
use super::misfit::text_or_null;
use super::obstacle::Obstacle;
use crate::db::adoption::ForeignTable;
use crate::db::answers::required_rows;
use crate::db::schema::{Object, ObjectKind, removable};
use crate::db::sql::normalised;
use crate::domain::text::in_full;
use crate::error::{Result, printable};

/// A function or a procedure.
struct Routine {
    name: String,
    /// Its arguments and its text, without comments.
    text: String,
}

impl ForeignShop {
    /// Triggers, views, checks and defaults that call a routine with old names, perhaps by way of others.
    pub(super) async fn callers_of_old_names(
        &self,
        connection: &impl ConnectionTrait,
        changing: &[ForeignTable],
    ) -> Result<Vec<Obstacle>> {
        let Some(sql) = self.engine.routines.filter(|_| changing.iter().any(is_renamed)) else { return Ok(Vec::new()) };
        let rows = required_rows(connection, sql).await?;
        let routines: Vec<Routine> = rows
            .iter()
            .map(|row| Routine { name: text_or_null(row, "name"), text: normalised(&text_or_null(row, "text")) })
            .collect();
        let mut obstacles = Vec::new();
        for (object, definition) in &self.found.objects {
            let own =
                changing.iter().find(|table| object.kind == ObjectKind::Trigger && table.found_name == object.table);
            let Some(routine) = routines.iter().find(|routine| {
                names(definition, &routine.name) && uses_old_name(&routines, routine, own, changing, &mut Vec::new())
            }) else {
                continue;
            };
            if let Some(removal) = self.removal_of_caller(connection, object, definition).await? {
                let (name, removal) = (printable(&routine.name), in_full(&removal));
                obstacles.push(Obstacle {
                    what: format!("{object}, which calls {name}"),
                    remedy: format!("first remove it, and recreate it once {name} uses the new names: {removal}"),
                });
            }
        }
        Ok(obstacles)
    }

    /// The statement that removes what calls a routine by itself; `None` for what does not.
    async fn removal_of_caller(
        &self,
        connection: &impl ConnectionTrait,
        object: &Object,
        definition: &str,
    ) -> Result<Option<String>> {
        let [table, name] = [&object.table, &object.name].map(|name| self.engine.quoted(name));
        Ok(match object.kind {
            ObjectKind::Trigger => Some(self.engine.drop_trigger(&table, &name)),
            ObjectKind::View => {
                let views = removable(connection, self.engine, &[]).await?;
                let kind = views.into_iter().find(|view| view.name == object.name).map(|view| view.kind);
                Some(format!("DROP {} {name}", kind.as_deref().unwrap_or("VIEW")))
            }
            ObjectKind::Constraint => {
                self.engine.constraint(&name, definition).map(|(drop, _)| format!("ALTER TABLE {table} {drop}"))
            }
            ObjectKind::Column if definition.contains(" AS (") => {
                Some(format!("ALTER TABLE {table} DROP COLUMN {name}"))
            }
            ObjectKind::Column => Some(format!("ALTER TABLE {table} ALTER COLUMN {name} DROP DEFAULT")),
            _ => None,
        })
    }
}

fn is_renamed(table: &ForeignTable) -> bool {
    table.name != table.found_name || table.columns.iter().any(|column| column.name != column.found_name)
}

/// Whether a routine uses a name that something gets another one for, itself or by what it calls. `own` is the table of
/// the trigger that calls it, whose columns it uses without naming the table. `seen` are the routines on the way to it.
fn uses_old_name<'a>(
    routines: &'a [Routine],
    routine: &'a Routine,
    own: Option<&ForeignTable>,
    changing: &[ForeignTable],
    seen: &mut Vec<&'a str>,
) -> bool {
    let uses = |table: &ForeignTable| {
        let is_named = names(&routine.text, &table.found_name);
        let mut renamed = table.columns.iter().filter(|column| column.name != column.found_name);
        is_named && table.name != table.found_name
            || (is_named || own.is_some_and(|own| own.found_name == table.found_name))
                && renamed.any(|column| names(&routine.text, &column.found_name))
    };
    if changing.iter().any(uses) {
        return true;
    }
    seen.push(&routine.name);
    routines.iter().any(|other| {
        let is_new = !seen.contains(&other.name.as_str());
        is_new && names(&routine.text, &other.name) && uses_old_name(routines, other, own, changing, seen)
    })
}

/// Whether a name stands in a text as a whole word, in quotes or not: a statement may be put together of texts.
fn names(text: &str, name: &str) -> bool {
    let is_of_a_word = |character: char| character.is_alphanumeric() || character == '_';
    let (text, name) = (text.to_lowercase(), name.to_lowercase());
    text.match_indices(&name)
        .any(|(at, _)| !text[..at].ends_with(is_of_a_word) && !text[at + name.len()..].starts_with(is_of_a_word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_whole_word_in_quotes_or_not() {
        for text in ["NEW.\"firstName\"", "format('%I', 'firstName')", "firstname", "a+firstName", "`firstName`"] {
            assert!(names(text, "firstName"), "{text}");
        }
        for text in ["first_name", "firstNames", "myfirstName", "firstName_2", ""] {
            assert!(!names(text, "firstName"), "{text}");
        }
    }
}
