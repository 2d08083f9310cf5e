//! How the engines differ when the schema changes.

use super::target::Engine;

impl Engine {
    /// What a migration's transaction begins with; sent together with its first statements.
    ///
    /// PostgreSQL: READ COMMITTED, because under a stricter default the check of the lock at the end
    /// of a long migration would conflict with the lock's own heartbeat (40001). The time limit
    /// makes the server give up the tables that a runner holds whose host is gone.
    pub fn begin_migration(self) -> &'static str {
        match self {
            Engine::Postgres => {
                "SET TRANSACTION ISOLATION LEVEL READ COMMITTED;\nSET LOCAL idle_in_transaction_session_timeout = '12s';\n"
            }
            // SQLite: a migration that rebuilds a table needs `PRAGMA foreign_keys = OFF` on its
            // connection before BEGIN; inside a transaction that pragma does nothing.
            Engine::Sqlite | Engine::Mysql => "",
        }
    }
}
