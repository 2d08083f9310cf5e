//! Taking over tables on SQLite: each is made again beside the old one. Whatever a column was declared as, a value may
//! be of any type.

use migration::RUNS;

use super::Sqlite;
use super::rebuild::{Rebuild, conversion, dashed_id};
use super::statement::{column_name, items};
use crate::db::dialect::adoption::{
    Adoption, Conversion, ForeignColumn, ForeignTable, OthersKey, TakeOver, ValueKind, offset_text,
};
use crate::db::dialect::catalog::Catalog;
use crate::db::schema::{Schema, renamed_throughout};

/// The name of a constraint, which SQLite prints where it is violated.
const RUN_BEFORE: &str = "this script was run before; nothing was changed";

impl Adoption for Sqlite {
    fn adopted_value(&self, name: &str, column: &ForeignColumn, offset: i32) -> String {
        let value = match column.kind {
            ValueKind::Id => id(name),
            ValueKind::IdAsIs => name.to_owned(),
            ValueKind::Time => time(name, offset),
            ValueKind::Amount => format!("round({name} + 0.0, 2)"),
            ValueKind::Whole => format!("CAST({name} AS integer)"),
            ValueKind::Text => format!("CAST({name} AS text)"),
        };
        match column.instead_of_null() {
            Some(default) => format!("COALESCE({value}, {default})"),
            None => value,
        }
    }

    fn misfit(&self, name: &str, column: &ForeignColumn) -> Option<String> {
        let not_a_number = format!("typeof({name}) = 'blob' OR typeof({name}) = 'text' AND ({})", is_no_number(name));
        Some(match column.kind {
            ValueKind::IdAsIs => return None,
            ValueKind::Id => format!(
                "CASE typeof({name}) WHEN 'blob' THEN length({name}) <> 16 WHEN 'text' THEN \
                 length({digits}) <> 32 OR {digits} GLOB '*[^0-9a-fA-F]*' ELSE 1 END",
                digits = digits_of_id(name)
            ),
            ValueKind::Time => format!(
                "CASE typeof({name}) WHEN 'blob' THEN 1 WHEN 'text' THEN datetime({}) IS NULL \
                 OR {name} NOT LIKE '____-__-__%' OR substr({name}, 12, 2) = '24' \
                 OR date(substr({name}, 1, 10)) <> substr({name}, 1, 10) ELSE {} IS NULL END",
                without_fraction(name),
                time(name, 0)
            ),
            ValueKind::Amount => format!(
                "{not_a_number} OR abs({name} * 100.0 - round({name} * 100.0)) > 0.000001 OR abs({name} + 0.0) >= {}",
                column.amount_limit()
            ),
            ValueKind::Whole => {
                format!("{not_a_number} OR CAST({name} AS integer) <> {name} + 0.0 OR abs({name} + 0.0) > 2147483647")
            }
            ValueKind::Text => match column.size() {
                Some(size) => format!("typeof({name}) = 'blob' OR length({name}) > {size}"),
                None => format!("typeof({name}) = 'blob'"),
            },
        })
    }

    fn is_finer(&self, name: &str, _column: &ForeignColumn) -> Option<String> {
        Some(format!("typeof({name}) = 'text' AND ltrim(substr({}, 7), '0') <> ''", fraction(name)))
    }

    fn ignores_case(&self, table: &ForeignTable, column: &ForeignColumn, found: &Schema) -> bool {
        let (columns, _) = found.statements.get(&table.found_name).and_then(|said| items(said)).unwrap_or_default();
        let mut own = columns.into_iter().filter(|item| column_name(item).eq_ignore_ascii_case(&column.found_name));
        own.any(|item| item.to_lowercase().contains("collate nocase"))
    }

    fn exactly_compared(&self, value: &str) -> String {
        format!("({value}) COLLATE BINARY")
    }

    fn shown(&self, name: &str) -> String {
        format!("CASE typeof({name}) WHEN 'blob' THEN hex({name}) ELSE CAST({name} AS text) END")
    }

    fn quoted_value(&self, name: &str) -> String {
        format!("quote({name})")
    }

    fn take_over(&self, taken: &TakeOver<'_>) -> Conversion {
        let TakeOver { tables, creations, expected, found, offset, is_recorded } = *taken;
        let model = renamed_throughout(found, tables);
        let rebuild = |table: &ForeignTable| {
            let value_of = |column: &str| {
                let column = table.columns.iter().find(|other| other.name == column)?;
                Some(self.adopted_value(&self.quoted(&column.name), column, offset))
            };
            Rebuild::of(&table.name, expected, &model, &value_of)
        };
        let rebuilds: Vec<Rebuild> = tables.iter().filter_map(rebuild).collect();
        let before = [creations.to_vec(), renames(tables), self.values_of_others(taken)].concat();
        let mut conversion = conversion(&rebuilds, before, found, Some(is_recorded));
        conversion.guards.splice(..0, refusal_to_run_again(found, is_recorded));
        conversion
    }
}

/// What ends a script that was run before, with a message. Nothing is known of the history until then if it is missing.
fn refusal_to_run_again(found: &Schema, is_recorded: &str) -> [String; 3] {
    let was_run = match found.has_table(RUNS) {
        true => is_recorded.to_owned(),
        false => format!("EXISTS (SELECT 1 FROM sqlite_master WHERE name = '{RUNS}')"),
    };
    [
        format!(
            "CREATE TABLE IF NOT EXISTS temp.shopctl_script \
             (is_new CONSTRAINT \"{RUN_BEFORE}\" CHECK (is_new))"
        ),
        format!("INSERT INTO temp.shopctl_script SELECT NOT {was_run}"),
        "DROP TABLE temp.shopctl_script".to_owned(),
    ]
}

impl Sqlite {
    /// Ids in tables of others get the form of those that they refer to; what is no id stays.
    fn values_of_others(&self, taken: &TakeOver<'_>) -> Vec<String> {
        let update = |key: &OthersKey<'_>| {
            let [table, name] = [key.table, &key.column.name].map(|name| self.quoted(name));
            let value = id(&name);
            let is_odd = self.misfit(&name, &key.column).unwrap_or_default();
            format!("UPDATE {table} SET {name} = {value} WHERE {name} IS NOT ({value}) AND NOT ({is_odd})")
        };
        taken.keys_of_others().iter().map(update).collect()
    }
}

/// Tables and columns under the shop's names: views, triggers and foreign keys of others follow. Names that differ only
/// in their case are the same.
fn renames(tables: &[ForeignTable]) -> Vec<String> {
    let mut statements = Vec::new();
    for table in tables {
        let [name, found] = [&table.name, &table.found_name].map(|name| Sqlite.quoted(name));
        if !name.eq_ignore_ascii_case(&found) {
            statements.push(format!("ALTER TABLE {found} RENAME TO {name}"));
        }
        for column in &table.columns {
            let [new, old] = [&column.name, &column.found_name].map(|name| Sqlite.quoted(name));
            if !new.eq_ignore_ascii_case(&old) {
                statements.push(format!("ALTER TABLE {name} RENAME COLUMN {old} TO {new}"));
            }
        }
    }
    statements
}

fn id(name: &str) -> String {
    let bytes = dashed_id(&format!("lower(hex({name}))"));
    let digits = dashed_id(&format!("lower({})", digits_of_id(name)));
    format!(
        "CASE WHEN typeof({name}) = 'blob' THEN {bytes} WHEN length({name}) = 36 THEN lower({name}) ELSE {digits} END"
    )
}

/// An id without what other programs put between or around its digits.
fn digits_of_id(name: &str) -> String {
    ["-", "{", "}"].iter().fold(name.to_owned(), |text, sign| format!("replace({text}, '{sign}', '')"))
}

fn is_no_number(name: &str) -> String {
    format!(
        "trim({name}) = '' OR trim({name}) GLOB '*[^0-9.-]*' OR trim({name}) GLOB '?*-*' OR trim({name}) GLOB '*.*.*' \
         OR trim({name}) IN ('.', '-')"
    )
}

/// The digits behind the point, of which SQLite's own functions keep three.
fn fraction(name: &str) -> String {
    let behind = format!("substr({name}, instr({name}, '.') + 1)");
    format!(
        "CASE WHEN instr({name}, '.') = 0 THEN '' \
         ELSE substr({behind}, 1, length({behind}) - length(ltrim({behind}, '0123456789'))) END"
    )
}

fn without_fraction(name: &str) -> String {
    format!("replace({name}, '.' || ({}), '')", fraction(name))
}

/// `YYYY-MM-DD HH:MM:SS.ffffff+00:00`. A number is milliseconds since 1970, as other programs store them; one too small
/// for that is seconds.
fn time(name: &str, offset: i32) -> String {
    let whole = without_fraction(name);
    let is_zoned = format!("({name} LIKE '%Z' OR {name} LIKE '%+__:__' OR {name} LIKE '____-__-__%-__:__')");
    let shifted = match offset {
        0 => whole.clone(),
        _ => format!(
            "CASE WHEN {is_zoned} THEN {whole} ELSE {whole} || CASE length({whole}) WHEN 10 THEN ' 00:00' ELSE '' END \
             || '{}' END",
            offset_text(offset)
        ),
    };
    let format = "%Y-%m-%d %H:%M:%S";
    let micros = format!("substr(({}) || '000000', 1, 6)", fraction(name));
    // In microseconds, and those of them that are no whole second.
    let number =
        format!("CAST(round({name} * CASE WHEN abs({name}) < 100000000000 THEN 1000000.0 ELSE 1000.0 END) AS integer)");
    let rest = format!("(({number}) % 1000000 + 1000000) % 1000000");
    format!(
        "CASE WHEN typeof({name}) = 'text' THEN strftime('{format}', {shifted}) || '.' || {micros} || '+00:00' \
         ELSE strftime('{format}', (({number}) - {rest}) / 1000000, 'unixepoch') || printf('.%06d+00:00', {rest}) END"
    )
}
