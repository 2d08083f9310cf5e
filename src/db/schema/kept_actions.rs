//! What the database does to the rows of a foreign key of another program when the row that they refer to changes, and
//! when it checks them, as far as the shop's own foreign key may do the same.

use super::super::target::Engine;
use super::meaning::reference;
use super::{Object, ObjectKind, Schema};

/// What the migrations say of every foreign key.
const OWN: &str = "ON DELETE RESTRICT";

/// What lets the application write rows before those that they refer to.
const DEFERRALS: [&str; 2] = [DEFERRED, " DEFERRABLE"];

/// A foreign key that is checked at the end of each transaction.
pub const DEFERRED: &str = " DEFERRABLE INITIALLY DEFERRED";

/// A foreign key of the shop, with what it does from now on.
#[derive(Debug, Clone)]
pub struct KeptActions {
    object: Object,
    column: String,
    /// `ON DELETE CASCADE ON UPDATE CASCADE DEFERRABLE`
    actions: String,
}

/// The foreign keys that delete or change rows in `found`. An id never changes, so that one may follow it; rows are
/// deleted along with others only where they are `parts` of them, as pairs of table and column.
pub fn kept_actions(expected: &Schema, found: &Schema, parts: &[(&str, &str)]) -> Vec<KeptActions> {
    let own = expected.objects.iter().filter(|(object, _)| object.kind == ObjectKind::Constraint);
    let kept = own.filter_map(|(object, definition)| {
        let wanted = reference(definition)?;
        let [column] = wanted.own.as_slice() else { return None };
        let is_same = |said: &&str| {
            reference(said).is_some_and(|other| {
                let is_to_same = other.theirs == wanted.theirs || other.theirs.iter().all(String::is_empty);
                other.own == wanted.own && other.table == wanted.table && is_to_same
            })
        };
        let said = found.of_table(&object.table, ObjectKind::Constraint).map(|(_, said)| said).find(is_same)?;
        let is_part = parts.contains(&(object.table.as_str(), column.as_str()));
        let deferral = DEFERRALS.into_iter().find(|deferral| said.contains(deferral)).unwrap_or_default();
        let delete = match deferral {
            _ if is_part && said.contains("ON DELETE CASCADE") => "CASCADE",
            "" => "RESTRICT",
            // RESTRICT cannot be deferred.
            _ => "NO ACTION",
        };
        let update = if said.contains("ON UPDATE CASCADE") { " ON UPDATE CASCADE" } else { "" };
        let actions = format!("ON DELETE {delete}{update}{deferral}");
        (actions != OWN).then(|| KeptActions { object: object.clone(), column: column.clone(), actions })
    });
    kept.collect()
}

/// The schema with these foreign keys as they are from now on.
pub fn with_actions(engine: Engine, expected: &Schema, kept: &[KeptActions]) -> Schema {
    let mut schema = expected.clone();
    for one in kept {
        if let Some(definition) = schema.objects.get_mut(&one.object) {
            *definition = definition.replace(" ON UPDATE RESTRICT", "").replacen(OWN, &one.actions, 1);
        }
        if let Some(statement) = schema.statements.get_mut(&one.object.table) {
            *statement = one.in_statement(engine, statement);
        }
    }
    schema
}

impl KeptActions {
    /// The table that has the foreign key.
    pub fn table(&self) -> &str {
        &self.object.table
    }

    /// A statement of the migrations that makes the table, with what the foreign key does from now on.
    pub fn in_statement(&self, engine: Engine, statement: &str) -> String {
        let column = engine.quoted(&self.column);
        let is_own = |rest: &str| {
            let listed = rest.trim_start().strip_prefix('(').map(str::trim_start);
            listed.is_some_and(|listed| listed.starts_with(&column))
        };
        let mut keys = statement.match_indices("FOREIGN KEY").map(|(at, key)| at + key.len());
        let Some(at) = keys.find(|at| is_own(&statement[*at..])) else { return statement.to_owned() };
        format!("{}{}", &statement[..at], statement[at..].replacen(OWN, &self.actions, 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_one_foreign_key_changes() {
        let object = Object { table: "t".to_owned(), kind: ObjectKind::Constraint, name: "fk".to_owned() };
        let kept = KeptActions { object, column: "b".to_owned(), actions: "ON DELETE CASCADE".to_owned() };
        let statement = "CREATE TABLE \"t\" (FOREIGN KEY (\"a\") REFERENCES \"u\" (\"id\") ON DELETE RESTRICT, \
                         FOREIGN KEY(\"b\")REFERENCES \"u\"(\"id\")ON DELETE RESTRICT)";
        let changed = statement.replace(")ON DELETE RESTRICT", ")ON DELETE CASCADE");
        assert_eq!(kept.in_statement(Engine::Sqlite, statement), changed);
    }
}
