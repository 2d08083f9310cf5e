//! Constraints and indexes under other names, and what other programs added.

use super::super::target::Engine;
use super::meaning::words;
use super::{Object, ObjectKind, Schema};

fn has_own_name(kind: ObjectKind) -> bool {
    matches!(kind, ObjectKind::Constraint | ObjectKind::Index)
}

/// The schema with the expected names for what means the same: another program called it otherwise.
pub fn with_own_names(engine: Engine, expected: &Schema, found: &Schema) -> Schema {
    let mut schema = found.clone();
    let is_right = |object: &Object, definition: &str| {
        let wanted = expected.objects.get(object);
        wanted.is_some_and(|wanted| engine.is_equivalent(object.kind, wanted, definition))
    };
    for (object, definition) in expected.objects.iter().filter(|(object, _)| has_own_name(object.kind)) {
        if schema.objects.get(object).is_some_and(|other| is_right(object, other)) {
            continue;
        }
        let twin = schema.objects.iter().find(|(other, said)| {
            other.table == object.table
                && has_own_name(other.kind)
                && !is_right(other, said)
                && engine.is_equivalent(object.kind, definition, said)
        });
        let Some(twin) = twin.map(|(twin, _)| twin.clone()) else { continue };
        // Whatever has the expected name, and means something else, keeps it.
        if !schema.objects.contains_key(object) {
            schema.objects.remove(&twin);
            schema.objects.insert(object.clone(), definition.clone());
        }
    }
    schema
}

/// Whether a constraint or an index only says once more what the shop's own one says.
pub fn is_redundant(engine: Engine, object: &Object, definition: &str, expected: &Schema) -> bool {
    let mut own = expected.objects.iter().filter(|(own, _)| own.table == object.table && has_own_name(own.kind));
    has_own_name(object.kind) && own.any(|(_, wanted)| engine.is_equivalent(object.kind, wanted, definition))
}

/// Whether something that the shop does not know leaves the shop alone: a table, a view or a trigger, a column that needs
/// no value, an index that refuses nothing, what is only about such columns, a rule that does more than it is asked for,
/// and a feature that changes nothing for the shop.
pub fn is_beside(engine: Engine, object: &Object, expected: &Schema, found: &Schema) -> bool {
    let definition = found.objects.get(object).map_or("", String::as_str);
    let is_of_others =
        |word: &String| found.names_column(&object.table, word) && !expected.names_column(&object.table, word);
    match object.kind {
        ObjectKind::Column => !needs_value(definition),
        ObjectKind::Index => {
            !definition.starts_with("CREATE UNIQUE") || words(definition).iter().skip(4).any(is_of_others)
        }
        ObjectKind::Constraint => words(definition).iter().any(is_of_others),
        ObjectKind::Rule => !definition.contains(" DO INSTEAD "),
        ObjectKind::Feature => engine.without_feature(&object.name).is_none(),
        ObjectKind::Trigger | ObjectKind::Table | ObjectKind::View | ObjectKind::Sequence | ObjectKind::Type => true,
    }
}

/// Whether a row cannot be inserted without a value for this column.
pub fn needs_value(definition: &str) -> bool {
    let has_own = [" DEFAULT ", " GENERATED ", " AS (", "auto_increment"];
    definition.contains(" NOT NULL") && !has_own.iter().any(|own| definition.contains(own))
}
