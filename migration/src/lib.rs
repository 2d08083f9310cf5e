//! The history of the shop's schema, oldest first.
//!
//! Each migration is a list of statements for the engine it runs on: it branches on the backend and
//! never queries, so that its exact SQL can be shown with no database at all.

mod m20260101_000001_create_users;
mod m20260101_000002_create_products;
mod m20260101_000003_create_orders;
mod m20260101_000004_create_order_items;
mod m20260101_000005_create_stock_movements;
mod m20260101_000006_create_audit_events;
mod m20260101_000007_create_order_refunds;
mod m20260101_000008_create_order_refund_lines;
mod m20260101_000009_create_seeds;
mod m20260101_000010_create_seed_rows;
mod m20260101_000011_create_audit_seals;
pub mod types;

use sea_orm_migration::prelude::*;
pub use sea_orm_migration::sea_orm::DbBackend;

/// One step of the history.
#[derive(Clone, Copy)]
pub struct Migration {
    /// The name, which begins with its time: `m20260101_000001_create_users`.
    pub name: &'static str,
    /// The statements that apply it on this engine.
    pub up: fn(DbBackend) -> Vec<String>,
    /// The statements that revert it.
    pub down: fn(DbBackend) -> Vec<String>,
}

/// Every migration, oldest first.
pub const MIGRATIONS: &[Migration] = &[
    m20260101_000001_create_users::MIGRATION,
    m20260101_000002_create_products::MIGRATION,
    m20260101_000003_create_orders::MIGRATION,
    m20260101_000004_create_order_items::MIGRATION,
    m20260101_000005_create_stock_movements::MIGRATION,
    m20260101_000006_create_audit_events::MIGRATION,
    m20260101_000007_create_order_refunds::MIGRATION,
    m20260101_000008_create_order_refund_lines::MIGRATION,
    m20260101_000009_create_seeds::MIGRATION,
    m20260101_000010_create_seed_rows::MIGRATION,
    m20260101_000011_create_audit_seals::MIGRATION,
];

/// The table that SeaORM's own migrator reads, kept in sync.
pub const SEAQL_MIGRATIONS: &str = "seaql_migrations";
/// All runs of migrations, also failed ones; the newest run per name determines its state.
pub const RUNS: &str = "shopctl_migration_runs";
/// The settings of the database itself.
pub const SETTINGS: &str = "shopctl_settings";
/// The setting for the form of ids, where another program writes them in one of its own.
pub const ID_FORM: &str = "id_form";
/// The lease of the runner that may currently change the schema.
pub const LEASES: &str = "shopctl_leases";
/// All tables that no migration makes.
pub const HISTORY_TABLES: [&str; 4] = [SEAQL_MIGRATIONS, RUNS, SETTINGS, LEASES];

/// The statements that make [`HISTORY_TABLES`] where they are missing.
pub fn history_tables(backend: DbBackend) -> Vec<String> {
    let name = |name: &'static str, length: u32| ColumnDef::new(name).string_len(length).not_null().take();
    let number = |name: &'static str| ColumnDef::new(name).big_integer().not_null().take();
    let tables = [
        Table::create()
            .table(SEAQL_MIGRATIONS)
            .col(name("version", 255).primary_key())
            .col(number("applied_at"))
            .take(),
        Table::create()
            .table(RUNS)
            .col(number("sequence").primary_key())
            .col(name("name", 255))
            .col(name("direction", 16))
            .col(name("state", 16))
            .col(ColumnDef::new("checksum").string_len(64))
            .col(number("statements_done"))
            .col(number("statements_total"))
            .col(types::long_text(backend, "statement"))
            .col(types::long_text(backend, "error"))
            .col(name("runner", 255))
            .col(name("version", 32))
            .col(types::time(backend, "started_at"))
            .col(ColumnDef::new("duration_milliseconds").big_integer())
            .take(),
        Table::create().table(SETTINGS).col(name("name", 64).primary_key()).col(name("value", 255)).take(),
        Table::create()
            .table(LEASES)
            .col(name("name", 64).primary_key())
            .col(name("token", 64))
            .col(name("holder", 255))
            .col(ColumnDef::new("session").big_integer())
            .col(types::time(backend, "acquired_at"))
            .col(types::time(backend, "expires_at"))
            .take(),
    ];
    tables.into_iter().flat_map(|mut table| types::create(backend, table.if_not_exists().take(), [])).collect()
}

impl MigrationName for Migration {
    fn name(&self) -> &str {
        self.name
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        execute(manager, (self.up)(manager.get_database_backend())).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        execute(manager, (self.down)(manager.get_database_backend())).await
    }

    /// Also on SQLite. MySQL and MariaDB commit each DDL statement implicitly anyway.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

async fn execute(manager: &SchemaManager<'_>, statements: Vec<String>) -> Result<(), DbErr> {
    for statement in statements {
        manager.get_connection().execute_unprepared(&statement).await?;
    }
    Ok(())
}

/// SeaORM's stock migrator over the same list.
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        MIGRATIONS.iter().map(|migration| Box::new(*migration) as Box<dyn MigrationTrait>).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BACKENDS: [DbBackend; 3] = [DbBackend::Sqlite, DbBackend::Postgres, DbBackend::MySql];

    #[test]
    fn names_ascend() {
        assert!(MIGRATIONS.windows(2).all(|pair| pair[0].name < pair[1].name));
    }

    #[test]
    fn mysql_has_one_statement_a_migration_because_ddl_commits_by_itself() {
        for migration in MIGRATIONS {
            assert_eq!((migration.up)(DbBackend::MySql).len(), 1, "{}", migration.name);
            assert_eq!((migration.down)(DbBackend::MySql).len(), 1, "{}", migration.name);
        }
    }

    #[test]
    fn every_engine_has_the_same_named_constraints_and_indexes() {
        for migration in MIGRATIONS {
            let names = BACKENDS.map(|backend| {
                let sql = (migration.up)(backend).join(" ");
                let mut names: Vec<String> = sql
                    .split(|character: char| !(character.is_alphanumeric() || character == '_'))
                    .filter(|word| ["uq_", "fk_", "ck_", "idx_", "pk_"].iter().any(|prefix| word.starts_with(prefix)))
                    // SQLite gives its foreign keys no names.
                    .filter(|word| !word.starts_with("fk_"))
                    .map(str::to_owned)
                    .collect();
                names.sort();
                names
            });
            assert_eq!(names[0], names[1], "{}", migration.name);
            assert_eq!(names[0], names[2], "{}", migration.name);
        }
    }
}
