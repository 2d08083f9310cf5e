//! For any input bytes, each record is created, updated, unchanged, skipped or rejected, and the
//! counts add up to the number of records; or the file is rejected and nothing is written.

use std::cell::Cell;
use std::io::Cursor;
use std::sync::Arc;

use proptest::prelude::*;
use proptest::sample::Index;
use shopctl::bulk::{self, Counts, FileFormat, Import, OnError, OrderRow, ProductRow, ReadOptions, Storable, UserRow};
use shopctl::error::{Kind, Result};
use shopctl::service::operation::Operations;
use shopctl::service::place_order::StockHandling;

use crate::on_every_backend;
use crate::support::{Backend, Shop, library};

on_every_backend!(corrupted_files_are_imported_completely_or_rejected_as_a_whole);

/// Real files of products, by format.
fn originals() -> Vec<(FileFormat, Vec<u8>)> {
    let shop = Shop::migrated(Backend::Sqlite).expect("always there");
    shop.run(&["seed", "up"]).success();
    shop.run(&["product", "update", "MUG-02", "--description", "two\nlines, \"and\" a comma"]).success();
    let semicolons =
        "sep=;\r\nSKU;Name;Price;;\r\nA-1;\"a; \"\"b\"\"\";1;;\r\n;;;;\r\nA-2;\"two\r\nlines\";x;;\r\nA-3;c;3;;\r\n";
    let mut files = exports(&shop, "product", |text| text);
    files.extend([
        (FileFormat::Csv, semicolons.into()),
        (FileFormat::Csv, b"sku,name,price\rB-1,a,1\r\rB-2,\"b\rb\",2\rB-3,c,3".to_vec()),
    ]);
    files
}

/// What a shop exports of a noun, as some other shop's.
fn exports(shop: &Shop, noun: &str, other: impl Fn(String) -> String) -> Vec<(FileFormat, Vec<u8>)> {
    let formats = [("csv", FileFormat::Csv), ("jsonl", FileFormat::JsonLines), ("json", FileFormat::Json)];
    let export = |name: &str| other(shop.run(&[noun, "export", "-o", name]).success().stdout).into_bytes();
    formats.into_iter().map(|(name, format)| (format, export(name))).collect()
}

/// One change of a file, as a hand, a disk or a program makes it.
#[derive(Debug, Clone)]
enum Spoil {
    Insert(Index, u8),
    Remove(Index),
    Replace(Index, u8),
    Cut(Index),
    Repeat(Index, Index),
}

fn spoil() -> impl Strategy<Value = Spoil> {
    let byte = prop_oneof![3 => prop::sample::select(&b"\",;\t\r\n\n[]{}:\\ \0\xff\xc3"[..]), 1 => any::<u8>()];
    let place = any::<Index>;
    prop_oneof![
        4 => (place(), byte.clone()).prop_map(|(place, byte)| Spoil::Insert(place, byte)),
        3 => place().prop_map(Spoil::Remove),
        2 => (place(), byte).prop_map(|(place, byte)| Spoil::Replace(place, byte)),
        1 => place().prop_map(Spoil::Cut),
        1 => (place(), place()).prop_map(|(from, to)| Spoil::Repeat(from, to)),
    ]
}

fn spoiled(mut file: Vec<u8>, spoils: &[Spoil]) -> Vec<u8> {
    for spoil in spoils {
        let at = |index: &Index| index.index(file.len().max(1)).min(file.len());
        match spoil {
            Spoil::Insert(place, byte) => file.insert(at(place), *byte),
            Spoil::Remove(place) if !file.is_empty() => drop(file.remove(at(place))),
            Spoil::Replace(place, byte) if !file.is_empty() => {
                let place = at(place);
                file[place] = *byte;
            }
            Spoil::Cut(place) => file.truncate(at(place)),
            Spoil::Repeat(from, to) => {
                let (from, to) = (at(from).min(at(to)), at(from).max(at(to)));
                let part = file[from..to].to_vec();
                file.splice(to..to, part);
            }
            _ => {}
        }
    }
    file
}

/// How many records a file has, counted by somebody who knows nothing of the import: lines outside of
/// quotes that are more than delimiters, without the header and the line before it.
fn records(format: FileFormat, file: &[u8]) -> usize {
    match format {
        FileFormat::JsonLines => file.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty()).count(),
        FileFormat::Json => {
            let text = String::from_utf8_lossy(file.strip_prefix(b"\xef\xbb\xbf").unwrap_or(file)).into_owned();
            let value: serde_json::Value = serde_json::from_str(&text).expect("what is not JSON is refused");
            let lists = match &value {
                serde_json::Value::Object(members) => members.values().collect(),
                list => vec![list],
            };
            lists.iter().filter_map(|list| list.as_array().map(Vec::len)).sum()
        }
        _ => {
            let mut is_quoted = false;
            let outside: Vec<(u8, bool)> = file
                .iter()
                .map(|byte| {
                    is_quoted ^= *byte == b'"';
                    (*byte, is_quoted)
                })
                .collect();
            let has_feeds = outside.contains(&(b'\n', false));
            let end = if has_feeds { b'\n' } else { b'\r' };
            let lines = outside.split(|place| *place == (end, false)).map(|line| line.iter().map(|(byte, _)| *byte));
            let lines: Vec<Vec<u8>> = lines.map(Iterator::collect).collect();
            let is_separator = |line: &&Vec<u8>| {
                line.trim_ascii().len() <= 7 && line.to_ascii_lowercase().windows(4).any(|part| part == b"sep=")
            };
            let is_header = |line: &&Vec<u8>| line.iter().any(u8::is_ascii_alphabetic);
            let separators = usize::from(lines.first().is_some_and(|line| is_separator(&line)));
            let header = lines.iter().skip(separators).find(is_header).expect("what has no header is refused");
            let often = |delimiter: &u8| header.iter().filter(|byte| *byte == delimiter).count();
            let said = lines
                .first()
                .filter(is_separator)
                .and_then(|line| line.trim_ascii().iter().rev().find(|byte| **byte != b'"'));
            // Of those that are equally frequent, the last one: the format's own.
            let known = if format == FileFormat::Tsv { b"|;,\t" } else { b"|\t;," };
            let delimiter = said.copied().or_else(|| known.iter().copied().max_by_key(often)).expect("four");
            let is_empty = |line: &&Vec<u8>| {
                line.iter().all(|byte| *byte == delimiter || b"\" \t\r\n\x0c".contains(byte))
                    && !line.windows(3).any(|part| part == b"\"\"\"")
            };
            lines.iter().filter(|line| !is_empty(line)).count() - 1 - separators
        }
    }
}

/// What the library does with a file: all that was done, and how many rows were rejected.
async fn import<R: Storable>(operations: &Operations, format: FileFormat, file: &[u8]) -> Result<(Counts, u64)> {
    let usual = Import::new(ReadOptions::new(format), operations.clock.now(), OnError::RejectRows);
    let mut import = Import { stock: StockHandling::Skip, digest: "0".repeat(64), batch_lines: 3, ..usual };
    let rejected = Cell::new(0);
    let reject = &mut |_| {
        rejected.set(rejected.get() + 1);
        Ok(())
    };
    let source = || Cursor::new(file.to_vec());
    let mut checked = bulk::check::<R>(&operations.database, source(), &import, reject).await?;
    if !checked.scattered.is_empty() {
        import.scattered = Arc::new(checked.scattered);
        rejected.set(0);
        checked = bulk::check::<R>(&operations.database, source(), &import, reject).await?;
    }
    import.refused = Arc::new(checked.refused);
    let checked = checked.valid + rejected.get();
    let counts = bulk::run::<R>(operations, source(), &import, reject, &mut |_, _| {}).await?;
    assert_eq!(checked, counts.total() + rejected.get(), "both passes find the same");
    Ok((counts, rejected.get()))
}

/// Holds the law for many spoiled files and some of any bytes. `is_counted` says whether these are as many
/// rows as a file of so many records has.
fn hold<R: Storable>(
    shop: &Shop,
    originals: Vec<(FileFormat, Vec<u8>)>,
    cases: u32,
    is_counted: impl Fn(FileFormat, u64, u64) -> bool,
) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let database = runtime.block_on(library::database(shop));
    let operations = library::operations(&database);
    let (imported, refused) = (Cell::new(0), Cell::new(0));
    let files = prop_oneof![
        6 => (any::<Index>(), prop::collection::vec(spoil(), 0..4)).prop_map(move |(which, spoils)| {
            let (format, file) = which.get(&originals);
            (*format, spoiled(file.clone(), &spoils))
        }),
        1 => (prop::sample::select(vec![FileFormat::Csv, FileFormat::Tsv, FileFormat::JsonLines, FileFormat::Json]),
            prop::collection::vec(any::<u8>(), 0..60)),
    ];
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        cases,
        failure_persistence: None,
        ..Default::default()
    });
    let law = runner.run(&files, |(format, file)| {
        let before = shop.number("SELECT COUNT(*) FROM audit_events");
        match runtime.block_on(import::<R>(&operations, format, &file)) {
            Ok((counts, rejected)) => {
                let (rows, records) = (counts.total() + rejected, records(format, &file) as u64);
                prop_assert!(is_counted(format, rows, records), "{} rows of {} records", rows, records);
                imported.set(imported.get() + 1);
            }
            Err(error) => {
                prop_assert_eq!(error.kind(), Kind::Invalid, "{}", error);
                prop_assert_eq!(shop.number("SELECT COUNT(*) FROM audit_events"), before);
                refused.set(refused.get() + 1);
            }
        }
        Ok(())
    });
    law.unwrap_or_else(|failure| panic!("{failure}"));
    let (imported, refused) = (imported.get(), refused.get());
    assert!(imported > cases / 6 && refused > cases / 6, "{imported} imported, {refused} refused");
    runtime.block_on(database.close());
}

#[test]
fn every_product_record_is_accounted_for_or_the_file_is_rejected() {
    let shop = Shop::migrated(Backend::Sqlite).expect("always there");
    hold::<ProductRow>(&shop, originals(), 600, |_, rows, records| rows == records);
}

#[test]
fn every_user_record_is_accounted_for_or_the_file_is_rejected() {
    let shop = Shop::migrated(Backend::Sqlite).expect("always there");
    let seeded = Shop::migrated(Backend::Sqlite).expect("always there");
    seeded.run(&["seed", "up"]).success();
    hold::<UserRow>(&shop, exports(&seeded, "user", |text| text), 300, |_, rows, records| rows == records);
}

#[test]
fn every_order_record_is_accounted_for_or_the_file_is_rejected() {
    let shop = Shop::migrated(Backend::Sqlite).expect("always there");
    shop.run(&["seed", "up"]).success();
    let originals = exports(&shop, "order", |text| text.replace("DEM01", "NEW01"));
    // Imported orders are counted, not their lines.
    hold::<OrderRow>(&shop, originals, 300, |format, rows, records| match format {
        FileFormat::Csv | FileFormat::Tsv => rows <= records && (rows > 0) == (records > 0),
        _ => rows == records,
    });
    shop.assert_invariants();
}

fn corrupted_files_are_imported_completely_or_rejected_as_a_whole(shop: &Shop) {
    for (number, (format, file)) in originals().into_iter().enumerate() {
        for (place, byte) in [(2, b'"'), (3, b'"'), (5, b'\n'), (7, b'\r'), (11, b'}'), (13, b'\xff')] {
            let mut file = file.clone();
            let position = file.len() * place / 16;
            file.insert(position, byte);
            let ending = match format {
                FileFormat::Json => "json",
                FileFormat::JsonLines => "jsonl",
                _ => "csv",
            };
            let name = format!("{number}-{place}.{ending}");
            std::fs::write(shop.path(&name), &file).expect("our own folder");
            let before = shop.everything();
            let run = shop.run(&["product", "import", &name, "--on-error", "reject-rows", "--json"]);
            match run.code {
                0 | 8 => {
                    let sum = ["created", "updated", "unchanged", "skipped", "rejected"]
                        .map(|count| run.json()[count].as_u64());
                    assert_eq!(sum.iter().flatten().sum::<u64>(), records(format, &file) as u64, "{run}");
                }
                _ => {
                    run.exits_with(7);
                    assert_eq!(shop.everything(), before);
                }
            }
        }
    }
    shop.assert_invariants();
}
