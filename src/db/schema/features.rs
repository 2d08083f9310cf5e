//! What a table has beyond its columns, constraints and indexes: features that servers know.

use super::super::target::Engine;
use super::meaning::reference;
use super::{Difference, ObjectKind, Schema};

/// How many foreign keys lie between a table and one that refers to none, where that decides the order of repairs: a
/// feature ends in the tables first that others refer to.
pub fn depth(expected: &Schema, difference: &Difference) -> usize {
    match difference.object.kind {
        ObjectKind::Feature => depth_of(expected, &difference.object.table),
        _ => 0,
    }
}

fn depth_of(expected: &Schema, table: &str) -> usize {
    let references = expected.of_table(table, ObjectKind::Constraint).filter_map(|(_, said)| reference(said));
    let others = references.map(|reference| reference.table).filter(|other| other != table);
    others.map(|other| 1 + depth_of(expected, &other)).max().unwrap_or_default()
}

/// Lets repairs work on tables with features that stay.
pub fn allow_for(engine: Engine, differences: &mut [Difference], found: &Schema) {
    let mut features = found.objects.keys().filter(|object| object.kind == ObjectKind::Feature);
    let setting = features.find_map(|feature| engine.allows_changes(&feature.name));
    let Some(setting) = setting else { return };
    let allowed = |statement: &mut String| *statement = format!("{setting}; {statement}");
    for difference in differences {
        difference.repair.iter_mut().chain(&mut difference.renames).for_each(allowed);
    }
}
