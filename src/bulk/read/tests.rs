//! The readers against well-known suites of unusual files.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use std::collections::BTreeMap;

use serde_json::Value;

use super::*;

fn read(bytes: &[u8], format: FileFormat, known: &'static [&'static str]) -> Vec<BTreeMap<&'static str, String>> {
    let options = ReadOptions::new(format);
    let columns = Columns {
        known,
        ignored: &[],
        required: &[],
        needed: &[],
        one_of: &[],
        texts: &[],
        amounts: &[],
        nested: None,
        other: None,
    };
    let found = RefCell::default();
    let records = records(bytes, &options, columns, &found).expect("a header");
    let cells = |record: Record| record.cells.into_iter().collect();
    records.map(|record| cells(record.expect("readable").expect("a record"))).collect()
}

#[test]
fn unusual_csv_files_are_read_as_intended() {
    // The files and what they mean: <https://github.com/max-mapper/csv-spectrum>.
    const KNOWN: &[&str] = &[
        "a",
        "b",
        "c",
        "first",
        "last",
        "address",
        "city",
        "zip",
        "key",
        "val",
        "Contact Phone Number",
        "Location Coordinates",
        "Cities",
        "Counties",
    ];
    for line in include_str!("../../../tests/files/csv-spectrum.tsv").lines() {
        let [name, bytes, meant] = line.split('\t').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let bytes = STANDARD.decode(bytes).expect("base64");
        let meant: Value = serde_json::from_str(meant).expect("JSON");
        let meant = meant.as_array().cloned().unwrap_or_else(|| vec![meant.clone()]);
        // The suite's own expectation for this file is wrong.
        if name == "location_coordinates.csv" {
            continue;
        }
        let found = serde_json::to_value(read(&bytes, FileFormat::Csv, KNOWN)).expect("JSON");
        assert_eq!(found, Value::Array(meant), "{name}");
    }
}

#[test]
fn json_is_read_strictly_according_to_the_standard() {
    let options = ReadOptions::new(FileFormat::Json);
    let columns = Columns {
        known: &[],
        ignored: &[],
        required: &[],
        needed: &[],
        one_of: &[],
        texts: &[],
        amounts: &[],
        nested: None,
        other: None,
    };
    // Every file that must be rejected: <https://github.com/nst/JSONTestSuite>.
    let mut count = 0;
    for line in include_str!("../../../tests/files/json-test-suite.tsv").lines() {
        let (name, bytes) = line.split_once('\t').expect("two fields");
        let bytes = STANDARD.decode(bytes).expect("base64");
        // An array is split, any other value must be one element.
        for file in [bytes.clone(), [b"[", &bytes[..], b"]"].concat(), [b"{\"items\":", &bytes[..], b"}"].concat()] {
            let findings = RefCell::default();
            let Ok(found) = records(&file[..], &options, columns, &findings) else { continue };
            let is_refused = found.into_iter().any(|record| !matches!(record, Ok(Ok(_))));
            assert!(
                is_refused || !name.starts_with("n_") || file.len() == bytes.len() + 2 && bytes.trim_ascii().is_empty(),
                "{name}"
            );
        }
        count += 1;
    }
    assert!(count > 300);
}

#[test]
fn empty_cells_differ_from_absent_columns() {
    let columns = Columns {
        known: &["a", "b", "c"],
        ignored: &[],
        required: &[],
        needed: &[],
        one_of: &[],
        texts: &[],
        amounts: &[],
        nested: None,
        other: None,
    };
    let files: [(&[u8], FileFormat); 3] = [
        (b"a,b\n1, \n", FileFormat::Csv),
        (br#"{"a":1,"b":null}"#, FileFormat::JsonLines),
        (br#"[{"a":1,"b":" "}]"#, FileFormat::Json),
    ];
    for (file, format) in files {
        let options = ReadOptions::new(format);
        let found = RefCell::default();
        let mut records = records(file, &options, columns, &found).expect("a header");
        let record = records.next().expect("one").expect("readable").expect("a record");
        let found = ["a", "b", "c"].map(|column| (record.has(column), record.get(column)));
        assert_eq!(found, [(true, Some("1")), (true, None), (false, None)], "{format:?}");
    }
}

/// What RFC 4180 makes of bytes, as plainly as it can be written down: the fields of each record that is
/// not empty, or nothing where the bytes are not CSV.
fn as_the_standard_has_it(bytes: &[u8]) -> Option<Vec<Vec<Vec<u8>>>> {
    let returns_end_lines = {
        let outside: Vec<u8> = bytes.split(|byte| *byte == b'"').step_by(2).flatten().copied().collect();
        let rest: Vec<u8> = outside.into_iter().skip_while(|byte| !b"\r\n".contains(byte)).collect();
        let after = rest.iter().find(|byte| **byte != b'\r');
        rest.first() == Some(&b'\r') && after != Some(&b'\n')
    };
    let end_of_line = |rest: &[u8]| match returns_end_lines {
        true => usize::from(rest.first() == Some(&b'\r')),
        false => {
            let returns = rest.iter().take_while(|byte| **byte == b'\r').count();
            match rest.get(returns) {
                Some(b'\n') => returns + 1,
                None => returns,
                Some(_) => 0,
            }
        }
    };
    let (mut records, mut rest) = (Vec::new(), bytes);
    while !rest.is_empty() {
        let mut record = Vec::new();
        loop {
            let mut field = Vec::new();
            if let Some(quoted) = rest.strip_prefix(b"\"") {
                rest = quoted;
                loop {
                    let end = rest.iter().position(|byte| *byte == b'"')?;
                    field.extend(&rest[..end]);
                    rest = &rest[end + 1..];
                    if !rest.starts_with(b"\"") {
                        break;
                    }
                    field.push(b'"');
                    rest = &rest[1..];
                }
            } else {
                let end = rest.iter().position(|byte| b",\"\r\n".contains(byte)).unwrap_or(rest.len());
                field.extend(&rest[..end]);
                rest = &rest[end..];
            }
            record.push(field);
            match rest.first() {
                Some(b',') => rest = &rest[1..],
                None => break,
                Some(_) if end_of_line(rest) == 0 => return None,
                Some(_) => {
                    rest = &rest[end_of_line(rest)..];
                    break;
                }
            }
        }
        if record.iter().any(|field| !field.trim_ascii().is_empty()) {
            records.push(record);
        }
    }
    Some(records)
}

/// The records read and their values; `None` if the file is rejected.
fn outcome(bytes: &[u8], format: FileFormat) -> Option<Vec<Option<Vec<String>>>> {
    let columns = Columns {
        known: &["a", "b"],
        ignored: &[],
        required: &[],
        needed: &[],
        one_of: &[],
        texts: &[],
        amounts: &[],
        nested: None,
        other: None,
    };
    let options = ReadOptions { delimiter: Some(b','), ..ReadOptions::new(format) };
    let found = RefCell::default();
    let read = records(bytes, &options, columns, &found).ok()?.collect::<Result<Vec<_>>>().ok()?;
    let values = |record: Record| record.cells.into_iter().map(|(_, text)| text).collect();
    Some(read.into_iter().map(|record| record.ok().map(values)).collect())
}

const HEADERS: [&[u8]; 5] = [b"a,b\n", b"a,b\r\n", b"a,b\r", b"\"a\",\"b\"\r\r\n", b"\n,\na,b\n"];
const PARTS: [&[u8]; 19] = [
    b"x",
    b"y z",
    b" ",
    b",",
    b",",
    b",",
    b"\"",
    b"\"",
    b"\"\"",
    b"\n",
    b"\n",
    b"\r\n",
    b"\r",
    b"\0",
    b"\xff",
    b"\xc3\xa9",
    b"\"q\"",
    b"\"q\nr\"",
    b";",
];

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { cases: 20_000, ..Default::default() })]

    /// The invariant: every record is read with its own fields, or the file is rejected.
    #[test]
    fn csv_is_read_according_to_the_standard_or_rejected(
        header in proptest::sample::select(&HEADERS),
        parts in proptest::collection::vec(proptest::sample::select(&PARTS), 0..24),
    ) {
        let file = [header, &parts.concat()].concat();
        let meant = as_the_standard_has_it(&file).map(|mut records| records.split_off(1));
        let found = outcome(&file, FileFormat::Csv);
        proptest::prop_assert_eq!(found.as_ref().map(Vec::len), meant.as_ref().map(Vec::len));
        for (found, meant) in found.into_iter().flatten().zip(meant.into_iter().flatten()) {
            let is_whole = meant.len() == 2 && meant.iter().all(|field| std::str::from_utf8(field).is_ok());
            let Some(found) = found else { continue };
            proptest::prop_assert!(is_whole || meant.iter().skip(2).all(|field| field.trim_ascii().is_empty()));
            for (found, meant) in found.iter().zip(&meant) {
                proptest::prop_assert_eq!(found.as_bytes(), &meant[..]);
            }
        }
    }

    /// The same invariant for JSON: as many records as the JSON library finds, or the file is rejected.
    #[test]
    fn no_record_of_json_is_lost(
        parts in proptest::collection::vec(
            proptest::sample::select(&[
                "{\"a\":1,\"b\":\"x\"}", "{\"a\":", "1.50", "\"b\"", "{", "}", "[", "]", ",", ",", ":", "\"", "\\", "null", " ",
                "\n", "\"items\":[", "{\"items\":[", "{}", "\u{e9}", "\"]\"", "]}", "[{\"a\":1}",
            ]),
            0..12,
        ),
        is_whole in proptest::bool::ANY,
    ) {
        let middle = parts.concat();
        let file = if is_whole { format!("[{{\"a\":1}},{middle}{{\"b\":2}}]") } else { middle };
        if let Some(found) = outcome(file.as_bytes(), FileFormat::Json) {
            let whole: Value = serde_json::from_str(&file).expect("what is read is JSON");
            let lists = |value: &Value| value.as_array().map(Vec::len).filter(|count| *count > 0);
            let counts: Vec<usize> = match &whole {
                Value::Object(members) => members.values().filter_map(lists).collect(),
                list => lists(list).into_iter().collect(),
            };
            proptest::prop_assert!(counts.len() <= 1 && counts.first().copied().unwrap_or(0) == found.len(), "{counts:?}");
        }
        if let Some(found) = outcome(file.as_bytes(), FileFormat::JsonLines) {
            let lines: Vec<_> = file.split('\n').map(|line| line.trim_matches([' ', '\r', '\t'])).collect();
            let filled = lines.iter().filter(|line| !line.is_empty()).count();
            if !lines.contains(&"{") {
                proptest::prop_assert_eq!(filled, found.len());
            } else if found.iter().all(Option::is_some) {
                // Objects over several lines.
                proptest::prop_assert_eq!(serde_json::Deserializer::from_str(&file).into_iter::<Value>().count(), found.len());
            }
        }
    }
}
