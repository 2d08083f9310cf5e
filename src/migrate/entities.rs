use crate::db::schema::Schema;
use crate::db::target::Engine;
pub fn entity_differences(_engine: Engine, _schema: &Schema) -> Vec<String> {
    vec![]
}
