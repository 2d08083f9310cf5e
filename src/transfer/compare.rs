//! What two shops differ in: table by table, and row by row where they do.

use std::collections::BTreeMap;

use futures_util::future::join;

use super::fingerprint::Buckets;
use super::row::shown;
use super::{Fingerprint, Origin, Progress, Report, Row, read_rows};
use crate::domain::named_enum;
use crate::entity::tables::Table;
use crate::error::Result;

/// How many rows are looked at closely, both sides together: bounds memory.
const ROWS_EXAMINED: u64 = 20_000;
/// How many rows of a table are named.
const ROWS_NAMED: usize = 100;

/// A table on both sides.
#[derive(Debug, Clone)]
pub struct Compared {
    pub table: String,
    /// How many rows each side has.
    pub rows: [u64; 2],
    /// SHA-256 of each side.
    pub digests: [String; 2],
    /// The rows that differ, as far as they are named.
    pub differences: Vec<Difference>,
    /// Whether more rows differ than are named.
    pub has_more: bool,
}

impl Compared {
    /// Whether every row is the same.
    pub fn is_same(&self) -> bool {
        self.digests[0] == self.digests[1]
    }
}

/// A row that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    pub table: String,
    /// Its name, and its id.
    pub row: String,
    pub kind: DifferenceKind,
    /// The first column that differs, with the value of each side.
    pub column: Option<(String, [Option<String>; 2])>,
}

named_enum! {
    /// How a row differs.
    #[derive(PartialOrd, Ord)]
    pub enum DifferenceKind {
        OnlyInSecond = "only-in-second",
        OnlyInFirst = "only-in-first",
        Changed = "changed",
    }
}

/// Compares every row of the tables that both shops have.
///
/// Errors: those of reading.
pub async fn compare(one: &mut dyn Origin, other: &mut dyn Origin, report: Report<'_>) -> Result<Vec<Compared>> {
    let mut compared = Vec::new();
    for table in one.tables() {
        compared.push(compare_table(&table, one, other, report).await?);
    }
    Ok(compared)
}

async fn compare_table(
    table: &Table,
    one: &mut dyn Origin,
    other: &mut dyn Origin,
    report: Report<'_>,
) -> Result<Compared> {
    let (first, second) = join(fingerprint(table, one), fingerprint(table, other)).await;
    let (first, second) = (first?, second?);
    report(Progress::Rows(first.rows + second.rows));
    let mut compared = Compared {
        table: table.name.clone(),
        rows: [first.rows, second.rows],
        digests: [first.digest(), second.digest()],
        differences: Vec::new(),
        has_more: false,
    };
    if !compared.is_same() {
        let (buckets, are_all) = first.differing(&second, ROWS_EXAMINED);
        let (first, second) = join(examine(table, one, &buckets), examine(table, other, &buckets)).await;
        compared.differences = differences(table, &first?, &second?);
        compared.has_more = !are_all || compared.differences.len() > ROWS_NAMED;
        compared.differences.truncate(ROWS_NAMED);
    }
    Ok(compared)
}

/// The fingerprint of a table.
pub async fn fingerprint(table: &Table, origin: &mut dyn Origin) -> Result<Fingerprint> {
    let mut fingerprint = Fingerprint::empty();
    let add = |row: Row| {
        fingerprint.add(&row, table);
        Ok(())
    };
    read_rows(table, origin, &mut |_| (), add).await?;
    Ok(fingerprint)
}

/// The rows of some buckets, by the hash of their key: as many as have it.
type Examined = BTreeMap<[u8; 32], Vec<Row>>;

async fn examine(table: &Table, origin: &mut dyn Origin, buckets: &Buckets) -> Result<Examined> {
    let mut examined = Examined::new();
    let keep = |row: Row| {
        let key = row.key_hash(table);
        if buckets.have(&key) {
            examined.entry(key).or_default().push(row);
        }
        Ok(())
    };
    read_rows(table, origin, &mut |_| (), keep).await?;
    Ok(examined)
}

fn differences(table: &Table, one: &Examined, other: &Examined) -> Vec<Difference> {
    let mut found = Vec::new();
    for (key, rows) in one {
        match (rows.as_slice(), other.get(key).map(Vec::as_slice).unwrap_or_default()) {
            ([row], [twin]) => found.extend(changed(table, row, twin)),
            (rows, others) => {
                found.extend(without(rows, others).map(|row| difference(table, row, DifferenceKind::OnlyInFirst)));
                found.extend(without(others, rows).map(|row| difference(table, row, DifferenceKind::OnlyInSecond)));
            }
        }
    }
    let added = other.iter().filter(|(key, _)| !one.contains_key(*key)).flat_map(|(_, rows)| rows);
    found.extend(added.map(|row| difference(table, row, DifferenceKind::OnlyInSecond)));
    found.sort_by(|one, other| (&one.row, one.kind).cmp(&(&other.row, other.kind)));
    found
}

/// The rows that `others` lack, each as often as it is there.
fn without<'a>(rows: &'a [Row], others: &[Row]) -> impl Iterator<Item = &'a Row> {
    let mut left: Vec<[u8; 32]> = others.iter().map(Row::hash).collect();
    rows.iter().filter(move |row| {
        let hash = row.hash();
        let twin = left.iter().position(|other| *other == hash);
        twin.map(|twin| left.swap_remove(twin)).is_none()
    })
}

fn difference(table: &Table, row: &Row, kind: DifferenceKind) -> Difference {
    Difference { table: table.name.clone(), row: row.name(table), kind, column: None }
}

fn changed(table: &Table, row: &Row, twin: &Row) -> Option<Difference> {
    if row.hash() == twin.hash() {
        return None;
    }
    let cells = row.0.iter().zip(&twin.0);
    let column = table.columns.iter().zip(cells).find_map(|(column, (one, other))| {
        let is_same = one.canonical() == other.canonical();
        (!is_same).then(|| (column.name.clone(), [shown(column, one), shown(column, other)]))
    });
    Some(Difference { column, ..difference(table, row, DifferenceKind::Changed) })
}
