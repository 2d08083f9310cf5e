//! Columns that the engines write differently, and tables as one description for all of them.
//!
//! Every default is made by the database, so that a program that knows only a table's original
//! columns can insert into it. Without a server MySQL and MariaDB cannot be told apart: what is
//! written here is their common subset.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

/// The collation of every table on MySQL and MariaDB: text compares by bytes.
const MYSQL_COLLATION: &str = "utf8mb4_bin";

/// The type of ids on MySQL and MariaDB, each of which skips the other's comment. MySQL has no type of its own
/// for them: there it is the text that other programs write, in the table's collation, which compares bytes.
const MYSQL_ID: &str = "/*M!100700 uuid*/ /*!80000 char(36)*/";

/// An id made by the client, as the 36 lower-case characters that other programs write where the engine has no type
/// for UUIDs; the default is for those that leave it out.
pub fn id(backend: DbBackend, name: &'static str) -> ColumnDef {
    let random = match backend {
        DbBackend::Postgres => "gen_random_uuid()",
        DbBackend::MySql => "uuid()",
        // Version 4: random but for the version's digit and the variant's.
        _ => {
            "lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4' || substr(hex(randomblob(2)), 2) || '-' || \
             substr('89AB', 1 + (random() & 3), 1) || substr(hex(randomblob(2)), 2) || '-' || hex(randomblob(6)))"
        }
    };
    foreign_id(backend, name).default(Expr::cust(random)).take()
}

/// The id of another row.
pub fn foreign_id(backend: DbBackend, name: &'static str) -> ColumnDef {
    optional_id(backend, name).not_null().take()
}

/// The id of another row, or none.
pub fn optional_id(backend: DbBackend, name: &'static str) -> ColumnDef {
    let kind = match backend {
        DbBackend::Postgres => "uuid",
        DbBackend::MySql => MYSQL_ID,
        _ => "text",
    };
    ColumnDef::new(name).custom(kind).take()
}

/// Text of limited length that compares by bytes: by the table's collation on MySQL, by nature on
/// SQLite.
pub fn text(backend: DbBackend, name: &'static str, length: u32) -> ColumnDef {
    optional_text(backend, name, length).not_null().take()
}

/// As [`text`], but may be absent.
pub fn optional_text(backend: DbBackend, name: &'static str, length: u32) -> ColumnDef {
    let mut column = ColumnDef::new(name);
    match backend {
        DbBackend::Postgres => column.custom(format!("varchar({length}) COLLATE \"C\"")),
        _ => column.string_len(length),
    };
    column
}

/// Text of any length, or none; never sorted or searched by an index.
pub fn long_text(backend: DbBackend, name: &'static str) -> ColumnDef {
    let mut column = ColumnDef::new(name);
    match backend {
        DbBackend::MySql => column.custom("longtext"),
        _ => column.text(),
    };
    column
}

/// Ten upper-case hexadecimal digits by default: a valid SKU.
pub fn random_code(backend: DbBackend, name: &'static str, length: u32) -> ColumnDef {
    let random = match backend {
        // The first ten digits of a version-4 UUID are all random.
        DbBackend::Postgres => "upper(substr(replace(gen_random_uuid()::text, '-', ''), 1, 10))",
        DbBackend::MySql => "hex(random_bytes(5))",
        _ => "upper(hex(randomblob(5)))",
    };
    text(backend, name, length).default(Expr::cust(random)).take()
}

/// Ten upper-case hexadecimal digits with a dash in the middle by default: an order reference as
/// shopctl draws them.
pub fn random_reference(backend: DbBackend, name: &'static str, length: u32) -> ColumnDef {
    let random = match backend {
        // The first eight digits of a version-4 UUID are all random.
        DbBackend::Postgres => {
            "upper(substr(gen_random_uuid()::text, 1, 5) || '-' || substr(gen_random_uuid()::text, 1, 5))"
        }
        DbBackend::MySql => "insert(hex(random_bytes(5)), 6, 0, '-')",
        _ => "substr(hex(randomblob(3)), 1, 5) || '-' || substr(hex(randomblob(3)), 1, 5)",
    };
    text(backend, name, length).default(Expr::cust(random)).take()
}

/// UTC with microseconds, by default now. SQLite has no such type: the text is just as the client
/// writes it, with six fractional digits, so that it sorts with the rest and with what other programs write.
pub fn time(backend: DbBackend, name: &'static str) -> ColumnDef {
    let (kind, now) = match backend {
        DbBackend::Postgres => ("timestamptz", "statement_timestamp()"),
        DbBackend::MySql => ("datetime(6)", "utc_timestamp(6)"),
        _ => ("text", "strftime('%Y-%m-%d %H:%M:%f000+00:00', 'now')"),
    };
    ColumnDef::new(name).custom(kind).not_null().default(Expr::cust(now)).take()
}

/// An exact amount with two decimal places. sea-query writes `real(…)` on SQLite, whose affinity must
/// be REAL: whole amounts would be stored as integers otherwise.
pub fn money(name: &'static str, digits: u32) -> ColumnDef {
    ColumnDef::new(name).decimal_len(digits, 2).not_null().take()
}

/// A whole number of 32 bits: what CockroachDB calls an integer has 64.
pub fn integer(backend: DbBackend, name: &'static str) -> ColumnDef {
    let mut column = ColumnDef::new(name);
    match backend {
        DbBackend::Postgres => column.custom("int4"),
        _ => column.integer(),
    };
    column.not_null().take()
}

/// A primary key with the name that all engines give it.
pub fn primary_key<const COLUMNS: usize>(name: &'static str, columns: [&'static str; COLUMNS]) -> IndexCreateStatement {
    columns.into_iter().fold(Index::create().name(name).primary().take(), |mut key, column| key.col(column).take())
}

/// A unique key, as a constraint of its table.
pub fn unique<const COLUMNS: usize>(name: &'static str, columns: [&'static str; COLUMNS]) -> IndexCreateStatement {
    index(name, columns).unique().take()
}

/// An index over these columns.
pub fn index<const COLUMNS: usize>(name: &'static str, columns: [&'static str; COLUMNS]) -> IndexCreateStatement {
    columns.into_iter().fold(Index::create().name(name).take(), |mut index, column| index.col(column).take())
}

/// A reference to another table's `id`. Nothing cascades: a row that is referred to is not deleted.
pub fn foreign_key(name: &'static str, column: &'static str, other_table: &'static str) -> ForeignKeyCreateStatement {
    let mut key = ForeignKey::create();
    key.name(name).from_col(column).to(other_table, "id").on_delete(ForeignKeyAction::Restrict).take()
}

/// A named check that a column has one of these values.
pub fn one_of<const VALUES: usize>(name: &'static str, column: &'static str, values: [&'static str; VALUES]) -> Check {
    Check::named(name, Expr::col(column).is_in(values))
}

/// The statements that make a table and its indexes: one on MySQL, where each DDL statement commits
/// by itself, with the indexes inside; the indexes follow on their own elsewhere.
pub fn create(
    backend: DbBackend,
    mut table: TableCreateStatement,
    indexes: impl IntoIterator<Item = IndexCreateStatement>,
) -> Vec<String> {
    let Some(TableRef::Table(name, _)) = table.get_table_name().cloned() else { return Vec::new() };
    if backend == DbBackend::MySql {
        for mut index in indexes {
            table.index(&mut index);
        }
        return vec![one_line_each(&sql(backend, on_mysql(&mut table)))];
    }
    let indexes = indexes.into_iter().map(|mut index| sql(backend, index.table(name.clone())));
    std::iter::once(one_line_each(&sql(backend, &table))).chain(indexes).collect()
}

/// The options of every table on MySQL and MariaDB.
pub fn on_mysql(table: &mut TableCreateStatement) -> &mut TableCreateStatement {
    table.engine("InnoDB").character_set("utf8mb4").collate(MYSQL_COLLATION)
}

/// The statement that removes a table.
pub fn drop(backend: DbBackend, table: &'static str) -> Vec<String> {
    vec![sql(backend, Table::drop().table(table))]
}

/// A statement of sea-query as this engine's SQL.
pub fn sql(backend: DbBackend, statement: &impl SchemaStatementBuilder) -> String {
    match backend {
        DbBackend::Postgres => statement.to_string(PostgresQueryBuilder),
        DbBackend::MySql => statement.to_string(MysqlQueryBuilder),
        _ => statement.to_string(SqliteQueryBuilder),
    }
}

/// Lays out a CREATE TABLE with one column or constraint a line: people read plans.
fn one_line_each(statement: &str) -> String {
    let (mut laid_out, mut depth, mut is_quoted) = (String::with_capacity(statement.len()), 0_usize, false);
    let mut characters = statement.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\'' => is_quoted = !is_quoted,
            '(' if !is_quoted => depth += 1,
            ')' if !is_quoted => depth -= 1,
            _ => {}
        }
        let is_outermost =
            !is_quoted && (depth == 1 && matches!(character, '(' | ',') || depth == 0 && character == ')');
        if is_outermost && character == ')' {
            laid_out.truncate(laid_out.trim_end().len());
            laid_out.push('\n');
        }
        laid_out.push(character);
        if is_outermost && character != ')' {
            characters.next_if_eq(&' ');
            laid_out.push_str("\n  ");
        }
    }
    laid_out
}
