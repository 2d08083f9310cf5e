//! Column types and defaults of each engine, and tables rendered as its SQL.
//!
//! Every default is made by the database, so that a program that knows only a table's original
//! columns can insert into it. Without a server MySQL and MariaDB cannot be told apart: what is
//! written here is their common subset.

use sea_orm_migration::sea_orm::DbBackend;

/// Client-made ids; the default is for other programs.
pub fn id(backend: DbBackend) -> &'static str {
    match backend {
        DbBackend::Postgres => "uuid NOT NULL DEFAULT gen_random_uuid()",
        DbBackend::MySql => "binary(16) NOT NULL DEFAULT (random_bytes(16))",
        _ => "blob NOT NULL DEFAULT (randomblob(16))",
    }
}

/// The id of another row.
pub fn foreign_id(backend: DbBackend) -> &'static str {
    match backend {
        DbBackend::Postgres => "uuid NOT NULL",
        DbBackend::MySql => "binary(16) NOT NULL",
        _ => "blob NOT NULL",
    }
}

/// The id of another row, or none.
pub fn optional_id(backend: DbBackend) -> &'static str {
    match backend {
        DbBackend::Postgres => "uuid NULL",
        DbBackend::MySql => "binary(16) NULL",
        _ => "blob NULL",
    }
}

/// Text of limited length that compares by bytes; the table's collation does it on MySQL, and
/// SQLite does so by nature.
pub fn text(backend: DbBackend, length: u32) -> String {
    match backend {
        DbBackend::Postgres => format!("varchar({length}) COLLATE \"C\" NOT NULL"),
        _ => format!("varchar({length}) NOT NULL"),
    }
}

/// As [`text`], but may be absent.
pub fn optional_text(backend: DbBackend, length: u32) -> String {
    match backend {
        DbBackend::Postgres => format!("varchar({length}) COLLATE \"C\" NULL"),
        _ => format!("varchar({length}) NULL"),
    }
}

/// Text of any length, never sorted or searched by an index.
pub fn long_text(backend: DbBackend) -> &'static str {
    match backend {
        DbBackend::MySql => "longtext NULL",
        _ => "text NULL",
    }
}

/// Ten upper-case hexadecimal digits: a valid SKU.
pub fn random_code(backend: DbBackend, length: u32) -> String {
    let default = match backend {
        // The first ten digits of a version-4 UUID are all random.
        DbBackend::Postgres => "upper(substr(replace(gen_random_uuid()::text, '-', ''), 1, 10))",
        DbBackend::MySql => "(hex(random_bytes(5)))",
        _ => "(upper(hex(randomblob(5))))",
    };
    format!("{} DEFAULT {default}", text(backend, length))
}

/// Ten upper-case hexadecimal digits with a dash in the middle: an order reference as shopctl draws
/// them.
pub fn random_reference(backend: DbBackend, length: u32) -> String {
    let default = match backend {
        // The first eight digits of a version-4 UUID are all random.
        DbBackend::Postgres => {
            "upper(substr(gen_random_uuid()::text, 1, 5) || '-' || substr(gen_random_uuid()::text, 1, 5))"
        }
        DbBackend::MySql => "(insert(hex(random_bytes(5)), 6, 0, '-'))",
        _ => "(substr(hex(randomblob(3)), 1, 5) || '-' || substr(hex(randomblob(3)), 1, 5))",
    };
    format!("{} DEFAULT {default}", text(backend, length))
}

/// UTC with microseconds. SQLite has no such type: the text is just as the client writes it (RFC
/// 3339 with the shortest of no, three or six fractional digits), so that it sorts with the rest.
pub fn time(backend: DbBackend) -> &'static str {
    match backend {
        DbBackend::Postgres => "timestamptz NOT NULL DEFAULT statement_timestamp()",
        DbBackend::MySql => "datetime(6) NOT NULL DEFAULT (utc_timestamp(6))",
        _ => "text NOT NULL DEFAULT (replace(strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now'), '.000+', '+'))",
    }
}

/// An exact amount with two decimal places; SQLite's affinity must be REAL, or whole amounts would
/// be stored as integers.
pub fn money(backend: DbBackend, digits: u32) -> String {
    match backend {
        DbBackend::Sqlite => format!("real({digits}, 2) NOT NULL"),
        _ => format!("decimal({digits}, 2) NOT NULL"),
    }
}

/// A table as its migration describes it.
pub struct Table {
    name: &'static str,
    columns: Vec<String>,
    constraints: Vec<String>,
    indexes: Vec<(&'static str, &'static str)>,
}

impl Table {
    pub fn new(name: &'static str) -> Self {
        Table { name, columns: Vec::new(), constraints: Vec::new(), indexes: Vec::new() }
    }

    pub fn column(mut self, name: &str, definition: impl AsRef<str>) -> Self {
        self.columns.push(format!("{name} {}", definition.as_ref()));
        self
    }

    pub fn primary_key(mut self, columns: &str) -> Self {
        self.constraints.push(format!("CONSTRAINT pk_{} PRIMARY KEY ({columns})", self.name));
        self
    }

    pub fn unique(mut self, name: &str, columns: &str) -> Self {
        self.constraints.push(format!("CONSTRAINT {name} UNIQUE ({columns})"));
        self
    }

    pub fn check(mut self, name: &str, condition: &str) -> Self {
        self.constraints.push(format!("CONSTRAINT {name} CHECK ({condition})"));
        self
    }

    /// Nothing cascades: a row that is referred to is not deleted.
    pub fn foreign_key(mut self, name: &str, column: &str, other_table: &str) -> Self {
        self.constraints
            .push(format!("CONSTRAINT {name} FOREIGN KEY ({column}) REFERENCES {other_table} (id) ON DELETE RESTRICT"));
        self
    }

    pub fn index(mut self, name: &'static str, columns: &'static str) -> Self {
        self.indexes.push((name, columns));
        self
    }

    /// The statements that make the table: one on MySQL, where each DDL statement commits by
    /// itself, with the indexes inside; the indexes follow on their own elsewhere.
    pub fn create(self, backend: DbBackend) -> Vec<String> {
        let inline = backend == DbBackend::MySql;
        let mut parts = self.columns;
        parts.extend(self.constraints);
        if inline {
            parts.extend(self.indexes.iter().map(|(name, columns)| format!("INDEX {name} ({columns})")));
        }
        let options = if inline { " ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin" } else { "" };
        let mut statements = vec![format!("CREATE TABLE {} (\n  {}\n){options}", self.name, parts.join(",\n  "))];
        if !inline {
            let indexes = self.indexes.iter();
            statements
                .extend(indexes.map(|(name, columns)| format!("CREATE INDEX {name} ON {} ({columns})", self.name)));
        }
        statements
    }
}
