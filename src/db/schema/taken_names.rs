//! Names that something missing needs and that something else has: that gets another name first.

use super::super::dialect::adoption::free_name;
use super::super::target::Engine;
use super::{Difference, Object, ObjectKind, Schema};

/// A difference for everything that has to give up its name before these differences can be repaired. `found` has the
/// expected names of tables, `before` those that they have now, which views name.
pub fn taken_names(
    engine: Engine,
    expected: &Schema,
    (before, found): (&Schema, &Schema),
    differences: &[Difference],
) -> Vec<Difference> {
    let is_removed = |object: &Object| {
        let is_drop = |one: &Difference| one.expected.is_none() && one.repair.is_some();
        differences.iter().any(|one| one.object == *object && is_drop(one))
    };
    let needed = differences.iter().filter(|one| one.expected.is_some() && one.found.is_none()).flat_map(|one| {
        let is_part = |object: &Object| *object == one.object || one.missing_table() == Some(&object.table);
        expected.objects.iter().filter(move |(object, _)| is_part(object))
    });
    let mut taken: Vec<Difference> = Vec::new();
    for (object, definition) in needed {
        for holder in found.objects.iter().filter(|(other, _)| other.name == object.name && *other != object) {
            let name = free_name(found, &format!("{}_other", object.name));
            let said = before.objects.get(holder.0).unwrap_or(holder.1);
            let Some(repair) = engine.renamed_away((object, definition), (holder.0, said), &name) else {
                continue;
            };
            if !is_removed(holder.0) && !taken.iter().any(|one| one.object == *holder.0) {
                taken.push(Difference::of_name(holder.0.clone(), None, Some(said.clone()), repair));
            }
        }
    }
    taken
}

/// Whether it is an index, or a constraint that is kept by one.
pub fn has_index(kind: ObjectKind, definition: &str) -> bool {
    let is_key = ["PRIMARY KEY", "UNIQUE", "EXCLUDE"].iter().any(|word| definition.starts_with(word));
    kind == ObjectKind::Index || kind == ObjectKind::Constraint && is_key
}
