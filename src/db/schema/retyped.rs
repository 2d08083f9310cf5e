//! Columns of another type at the ends of foreign keys. Both ends of a foreign key have one type, so it is removed, all its
//! columns are changed, and it is made again, by one repair.

use super::super::target::Engine;
use super::meaning::reference;
use super::repair::{around, column_type, repair};
use super::{Dependent, Difference, Object, ObjectKind, Schema};

/// A foreign key of one column.
struct Key<'a> {
    object: &'a Object,
    definition: &'a str,
    /// The column that refers, and the one that it refers to.
    ends: [Object; 2],
}

/// Gives columns that foreign keys join one repair, where one of them has another type. `found` has the names that tables
/// and columns should have, and constraints the names that they have now.
pub fn change_together(engine: Engine, differences: &mut [Difference], expected: &Schema, found: &Schema) {
    let is_removed = |object: &Object| {
        differences.iter().any(|one| one.object == *object && one.expected.is_none() && !one.is_beside)
    };
    let keys: Vec<Key<'_>> = keys(found).filter(|key| !is_removed(key.object)).collect();
    let retyped: Vec<Object> = differences.iter().filter(|one| is_retyped(one)).map(|one| one.object.clone()).collect();
    for column in retyped {
        let (ends, keys) = joined(&column, &keys);
        let Some(repair) = together(engine, &ends, &keys, expected, found).filter(|_| !keys.is_empty()) else {
            continue;
        };
        let changed = differences.iter_mut().filter(|one| is_retyped(one) && ends.contains(&one.object));
        changed.for_each(|difference| difference.repair = Some(repair.clone()));
    }
}

fn is_retyped(difference: &Difference) -> bool {
    let types = difference.expected.as_deref().map(column_type).zip(difference.found.as_deref().map(column_type));
    difference.object.kind == ObjectKind::Column && types.is_some_and(|(wanted, found)| wanted != found)
}

fn keys(found: &Schema) -> impl Iterator<Item = Key<'_>> {
    let column = |table: &str, name: &str| Object {
        table: table.to_owned(),
        kind: ObjectKind::Column,
        name: if name.is_empty() { "id".to_owned() } else { name.to_owned() },
    };
    found.objects.iter().filter(|(object, _)| object.kind == ObjectKind::Constraint).filter_map(
        move |(object, said)| {
            let reference = reference(said)?;
            let ([own], [theirs]) = (reference.own.as_slice(), reference.theirs.as_slice()) else { return None };
            let ends = [column(&object.table, own), column(&reference.table, theirs)];
            Some(Key { object, definition: said, ends })
        },
    )
}

/// All columns that foreign keys join with this one, and those foreign keys.
fn joined<'a>(column: &Object, keys: &'a [Key<'a>]) -> (Vec<Object>, Vec<&'a Key<'a>>) {
    let mut ends = vec![column.clone()];
    let mut at = 0;
    while let Some(end) = ends.get(at).cloned() {
        let others = keys.iter().filter(|key| key.ends.contains(&end)).flat_map(|key| key.ends.iter().cloned());
        for other in others {
            if !ends.contains(&other) {
                ends.push(other);
            }
        }
        at += 1;
    }
    ends.sort();
    let keys = keys.iter().filter(|key| ends.contains(&key.ends[0])).collect();
    (ends, keys)
}

/// `None` where the engine changes no column by a statement.
fn together(engine: Engine, ends: &[Object], keys: &[&Key<'_>], expected: &Schema, found: &Schema) -> Option<String> {
    let wanted = ends.iter().find_map(|end| expected.objects.get(end)).map(|definition| column_type(definition))?;
    let (mut removed, mut changed, mut again) = (Vec::new(), Vec::new(), Vec::new());
    let mut dependents = Vec::<Dependent>::new();
    for key in keys {
        let [table, name] = [&key.object.table, &key.object.name].map(|name| engine.quoted(name));
        let (remove, add) = engine.constraint(&name, key.definition)?;
        removed.push(format!("ALTER TABLE {table} {remove}"));
        again.push(format!("ALTER TABLE {table} ADD {add}{}", key.definition));
    }
    for end in ends {
        let Some(said) = found.objects.get(end) else { continue };
        // A column of another program gets the type and keeps the rest.
        let own = expected.objects.get(end).cloned();
        let definition = own.unwrap_or_else(|| said.replacen(column_type(said), wanted, 1));
        if engine.is_equivalent(ObjectKind::Column, &definition, said) {
            continue;
        }
        changed.push(repair(engine, end, Some(&definition), Some(said), found.ahead)?);
        let of_column = found.dependents.get(end).into_iter().flatten();
        for dependent in of_column {
            if dependents.iter().all(|known| known.removal != dependent.removal) {
                dependents.push(dependent.clone());
            }
        }
    }
    let repair = [removed, changed, again].concat().join("; ");
    Some(if engine.has_transactional_ddl { around(&repair, &dependents) } else { repair })
}
