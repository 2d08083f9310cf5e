//! Bulk loads.

use sea_orm::ConnectionTrait;

use crate::db::answers::{rows, text};
use crate::db::write::WriteHandle;
use crate::error::Result;

/// The size of the page cache, in KiB.
const CACHE_KIB: u32 = 12 * 1024;
/// The size that it has otherwise, SQLite's default.
const USUAL_CACHE_KIB: u32 = 2_000;

/// Drops indexes if all tables are empty, and returns the statements that recreate them. Those of UNIQUE and
/// PRIMARY KEY remain.
pub async fn without_indexes(handle: &WriteHandle, tables: &[&str]) -> Result<Vec<String>> {
    handle.execute_unprepared(&cache_of(CACHE_KIB)).await?;
    let full: Vec<String> = tables.iter().map(|table| format!("SELECT 1 AS found FROM {table} LIMIT 1")).collect();
    for sql in full {
        if !rows(handle, &sql).await?.is_empty() {
            return Ok(Vec::new());
        }
    }
    let list = tables.iter().map(|table| format!("'{table}'")).collect::<Vec<_>>().join(", ");
    let sql = format!(
        "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL AND tbl_name IN ({list})"
    );
    let mut rebuild = Vec::new();
    for row in rows(handle, &sql).await? {
        if let (Some(name), Some(sql)) = (text(&row, "name"), text(&row, "sql")) {
            handle.execute_unprepared(&format!("DROP INDEX \"{name}\"")).await?;
            rebuild.push(sql);
        }
    }
    Ok(rebuild)
}

/// The statement after which the connection keeps no more of the database in memory than before the load.
pub fn usual_cache() -> String {
    cache_of(USUAL_CACHE_KIB)
}

fn cache_of(kibibytes: u32) -> String {
    format!("PRAGMA cache_size = -{kibibytes}")
}
