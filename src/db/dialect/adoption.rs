//! How tables that another program made become the shop's, with their rows.

use crate::db::dialect::catalog::ColumnParts;
use crate::db::schema::{ObjectKind, Schema, meaning};

const NUMBERS: [&str; 14] = [
    "int",
    "integer",
    "bigint",
    "smallint",
    "mediumint",
    "tinyint",
    "serial",
    "bigserial",
    "numeric",
    "decimal",
    "double",
    "float",
    "real",
    "money",
];
const TEXTS: [&str; 10] =
    ["char", "varchar", "character", "bpchar", "text", "citext", "tinytext", "mediumtext", "longtext", "clob"];

/// What a column's values are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueKind {
    /// A UUID.
    Id,
    /// A UUID that stays in the form of the other program.
    IdAsIs,
    /// A moment, in UTC with microseconds.
    Time,
    /// An amount of money with two decimal places.
    Amount,
    /// A whole number of 32 bits.
    Whole,
    /// A text.
    Text,
}

/// A column of the shop that another program's table has, perhaps under another name.
#[derive(Debug, Clone)]
pub struct ForeignColumn {
    /// Its name in the shop.
    pub name: String,
    /// Its name in the other program's table.
    pub found_name: String,
    /// What its values are.
    pub kind: ValueKind,
    /// Its definition in the shop.
    pub expected: String,
    /// Its definition in the other program's table.
    pub found: String,
}

impl ForeignColumn {
    /// The type that the other program gave it.
    pub fn found_type(&self) -> &str {
        ColumnParts::parse(&self.found).kind
    }

    /// The type that it has in the shop.
    pub fn expected_type(&self) -> &str {
        ColumnParts::parse(&self.expected).kind
    }

    /// The first word of the type that the other program gave it, in lower case.
    pub fn type_word(&self) -> String {
        self.found_type().split([' ', '(']).next().unwrap_or_default().to_lowercase()
    }

    /// Whether its type is one of numbers, on any engine.
    pub fn is_number(&self) -> bool {
        NUMBERS.contains(&self.type_word().as_str())
    }

    /// A definition by which it takes any word, on every engine; `None` where it does: a number or a list does not.
    pub fn definition_of_texts(&self) -> Option<String> {
        let not_null = if ColumnParts::parse(&self.found).is_not_null { " NOT NULL" } else { "" };
        (!TEXTS.contains(&self.type_word().as_str())).then(|| format!("varchar(255){not_null}"))
    }

    /// The first number in the brackets of its type in the shop: characters, or digits.
    pub fn size(&self) -> Option<u32> {
        let (_, rest) = self.expected_type().split_once('(')?;
        rest.split([',', ')']).next()?.trim().parse().ok()
    }

    /// The first amount that has more digits before the point than the column.
    pub fn amount_limit(&self) -> String {
        format!("1{}", "0".repeat(self.size().unwrap_or(10).saturating_sub(2) as usize))
    }

    /// What a missing value becomes, where there must be one.
    pub fn instead_of_null(&self) -> Option<&str> {
        let expected = ColumnParts::parse(&self.expected);
        expected.instead_of_null(&ColumnParts::parse(&self.found))
    }

    /// Whether the column takes NULL until it is taken over.
    pub fn no_longer_takes_null(&self) -> bool {
        let (expected, found) = (ColumnParts::parse(&self.expected), ColumnParts::parse(&self.found));
        expected.is_not_null && !found.is_not_null
    }

    /// Whether a repair leaves a missing value as it is, though there must be one.
    pub fn stays_null(&self) -> bool {
        let (expected, found) = (ColumnParts::parse(&self.expected), ColumnParts::parse(&self.found));
        expected.is_not_null && !found.is_not_null && expected.constant_instead_of_null(&found).is_none()
    }

    /// Whether a missing value stays missing though there must be one.
    pub fn refuses_null(&self) -> bool {
        let (expected, found) = (ColumnParts::parse(&self.expected), ColumnParts::parse(&self.found));
        expected.is_not_null && !found.is_not_null && expected.default.is_none()
    }
}

/// A table of the shop that another program made.
#[derive(Debug, Clone)]
pub struct ForeignTable {
    /// Its name in the shop.
    pub name: String,
    /// Its name in the other program's database.
    pub found_name: String,
    /// The shop's columns that it has.
    pub columns: Vec<ForeignColumn>,
    /// The statements that make the shop's own, and those that later changed it.
    pub creation: Vec<String>,
}

impl ForeignTable {
    /// The column of its ids, as the other program calls it.
    pub fn id_name(&self) -> &str {
        self.columns.iter().find(|column| column.name == "id").map_or("id", |column| column.found_name.as_str())
    }
}

/// What is taken over.
#[derive(Debug, Clone, Copy)]
pub struct TakeOver<'a> {
    /// The tables that change, each after those that it refers to.
    pub tables: &'a [ForeignTable],
    /// The statements that make the tables that are missing.
    pub creations: &'a [String],
    /// The schema that the migrations make.
    pub expected: &'a Schema,
    /// The schema that there is.
    pub found: &'a Schema,
    /// How many minutes times without a zone are ahead of UTC.
    pub offset: i32,
    /// A condition that holds once the tables were taken over: a script that is run again must change nothing.
    pub is_recorded: &'a str,
}

/// How a shop is taken over.
#[derive(Debug, Clone, Default)]
pub struct Conversion {
    /// What a script does first, outside its transaction: it keeps a client that goes on after an error from doing harm.
    pub guards: Vec<String>,
    /// What converts the tables and makes those that are missing; one transaction where DDL is part of transactions.
    pub statements: Vec<String>,
    /// When the rows of the history may be written, as a condition.
    pub is_done: Option<String>,
    /// What ends the transaction, after the rows of the history.
    pub last: Vec<String>,
    /// What removes the remains of a conversion that broke off.
    pub cleanup: Vec<String>,
    /// The tables that it makes beside others, where DDL commits by itself.
    pub made: Vec<Replacement>,
}

/// A table that is made under a name of its own, and then takes the place of another one.
#[derive(Debug, Clone)]
pub struct Replacement {
    /// Its name until then.
    pub made: String,
    /// The table whose place it takes.
    pub found: String,
    /// Its name from then on.
    pub name: String,
}

/// A foreign key of a table that is not taken over, to a column that is.
pub struct OthersKey<'a> {
    /// Its table.
    pub table: &'a str,
    /// Its name.
    pub name: &'a str,
    /// Its definition, as the engine writes it.
    pub definition: &'a str,
    /// The table that it refers to.
    pub to: &'a ForeignTable,
    /// The column that refers, as one that is to become what it refers to.
    pub column: ForeignColumn,
}

impl TakeOver<'_> {
    /// The foreign keys of tables that stay as they are to ids whose type or form changes.
    pub fn keys_of_others(&self) -> Vec<OthersKey<'_>> {
        let is_taken_over = |name: &str| self.tables.iter().any(|table| table.found_name == name);
        let keys = self.found.objects.iter().filter(|(object, definition)| {
            object.kind == ObjectKind::Constraint
                && definition.starts_with("FOREIGN KEY")
                && !is_taken_over(&object.table)
        });
        keys.filter_map(|(object, definition)| {
            let reference = meaning::reference(definition)?;
            let table = self.tables.iter().find(|table| table.found_name.eq_ignore_ascii_case(&reference.table))?;
            let ([own], [theirs]) = (reference.own.as_slice(), reference.theirs.as_slice()) else { return None };
            let id = table.columns.iter().find(|column| column.name == "id" && column.kind == ValueKind::Id)?;
            if !theirs.is_empty() && !id.found_name.eq_ignore_ascii_case(theirs) {
                return None;
            }
            let (found_name, found) = self
                .found
                .of_table(&object.table, ObjectKind::Column)
                .find(|(name, _)| name.eq_ignore_ascii_case(own))?;
            let column = ForeignColumn {
                name: found_name.to_owned(),
                found_name: found_name.to_owned(),
                found: found.to_owned(),
                ..id.clone()
            };
            Some(OthersKey { table: &object.table, name: &object.name, definition, to: table, column })
        })
        .collect()
    }
}

impl OthersKey<'_> {
    /// Its definition with the shop's names.
    pub fn renamed_definition(&self, quoted: impl Fn(&str) -> String) -> String {
        let (own, theirs) = self.definition.split_once(" REFERENCES ").unwrap_or((self.definition, ""));
        let actions = theirs.split_once(')').map_or("", |(_, actions)| actions);
        format!("{own} REFERENCES {} ({}){actions}", quoted(&self.to.name), quoted("id"))
    }
}

/// A name that nothing in the schema has.
pub fn free_name(found: &Schema, wanted: &str) -> String {
    let is_free = |name: &String| {
        !found.objects.keys().any(|object| object.kind != ObjectKind::Column && object.name.eq_ignore_ascii_case(name))
    };
    let numbered = (2..).map(|number| format!("{wanted}_{number}"));
    std::iter::once(wanted.to_owned()).chain(numbered).find(is_free).unwrap_or_default()
}

/// An engine's way of taking over tables.
pub trait Adoption {
    /// The value of a column as the shop's column stores it. `name` is quoted; `offset` is how far times
    /// without a zone are ahead of UTC, in minutes.
    fn adopted_value(&self, name: &str, column: &ForeignColumn, offset: i32) -> String;

    /// When a value does not fit the shop's column, as a condition; `None` where every value does.
    fn misfit(&self, name: &str, column: &ForeignColumn) -> Option<String>;

    /// When a time has digits of a second that the shop's column does not store, as a condition; `None` where none has.
    fn is_finer(&self, name: &str, column: &ForeignColumn) -> Option<String>;

    /// Whether texts of a column are equal in any case.
    fn ignores_case(&self, _table: &ForeignTable, _column: &ForeignColumn, _found: &Schema) -> bool {
        false
    }

    /// A value that equals only the same letters, whatever its column says.
    fn exactly_compared(&self, value: &str) -> String;

    /// A value as text.
    fn shown(&self, name: &str) -> String;

    /// A value as a literal of a statement.
    fn quoted_value(&self, name: &str) -> String;

    /// How the shop's tables are made of these, with every row and with what others added.
    fn take_over(&self, taken: &TakeOver<'_>) -> Conversion;
}

/// `+02:00`
pub fn offset_text(minutes: i32) -> String {
    let sign = if minutes < 0 { '-' } else { '+' };
    format!("{sign}{:02}:{:02}", minutes.abs() / 60, minutes.abs() % 60)
}
