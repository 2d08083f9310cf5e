//! STUB until merged.
use super::target::Engine;
use crate::error::Result;
use sea_orm::ConnectionTrait;
use std::collections::BTreeMap;
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Schema {
    pub objects: BTreeMap<Object, String>,
}
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Object {
    pub table: String,
    pub kind: ObjectKind,
    pub name: String,
}
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ObjectKind {
    Table,
    Column,
    Constraint,
    Index,
    Trigger,
    View,
    Sequence,
    Type,
}
impl std::fmt::Display for Object {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.name)
    }
}
#[derive(Debug, Clone)]
pub struct Difference {
    pub object: Object,
    pub expected: Option<String>,
    pub found: Option<String>,
    pub repair: Option<String>,
}
impl Difference {
    pub fn change(&self) -> &'static str {
        "x"
    }
}
pub async fn read(_connection: &impl ConnectionTrait, _engine: Engine) -> Result<Schema> {
    Ok(Schema::default())
}
pub fn differences(_engine: Engine, _expected: &Schema, _found: &Schema) -> Vec<Difference> {
    vec![]
}
pub async fn removal(_connection: &impl ConnectionTrait, _engine: Engine, _keep: &[&str]) -> Result<Vec<String>> {
    Ok(vec![])
}
pub async fn row_counts(
    _connection: &impl ConnectionTrait,
    _engine: Engine,
    _limit: u64,
) -> Result<Vec<(String, u64, bool)>> {
    Ok(vec![])
}
