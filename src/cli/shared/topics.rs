//! The topics of `shopctl help`, which completion offers too.

/// What `help` explains besides commands.
pub const TOPICS: [&str; 6] = ["configuration", "environment", "exit-codes", "formatting", "import", "lifecycle"];
