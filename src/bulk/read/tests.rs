//! The readers beside the suites of odd files that everybody knows.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use std::collections::BTreeMap;

use super::*;

fn read(bytes: &[u8], format: FileFormat, known: &'static [&'static str]) -> Vec<BTreeMap<&'static str, String>> {
    let options = ReadOptions { format, delimiter: b',', decimal_comma: false, map: Vec::new() };
    let columns = Columns { known, ignored: &[], required: &[], nested: None };
    let records = records(bytes, &options, columns).expect("a header");
    let cells = |record: Record| record.cells.into_iter().collect();
    records.map(|record| cells(record.expect("readable").expect("a record"))).collect()
}

#[test]
fn the_known_odd_files_of_csv_are_read_as_they_are_meant() {
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
        // Of this one the suite itself says something else than what is in it.
        if name == "location_coordinates.csv" {
            continue;
        }
        let found = serde_json::to_value(read(&bytes, FileFormat::Csv, KNOWN)).expect("JSON");
        assert_eq!(found, Value::Array(meant), "{name}");
    }
}

#[test]
fn json_is_read_as_strictly_as_the_standard_has_it() {
    let options = ReadOptions { format: FileFormat::Json, delimiter: b',', decimal_comma: false, map: Vec::new() };
    let columns = Columns { known: &[], ignored: &[], required: &[], nested: None };
    // Every file that has to be refused: <https://github.com/nst/JSONTestSuite>.
    let mut count = 0;
    for line in include_str!("../../../tests/files/json-test-suite.tsv").lines() {
        let (name, bytes) = line.split_once('\t').expect("two fields");
        let bytes = STANDARD.decode(bytes).expect("base64");
        // An array is cut up, any other value has to be one element.
        for file in [bytes.clone(), [b"[", &bytes[..], b"]"].concat(), [b"{\"items\":", &bytes[..], b"}"].concat()] {
            let Ok(found) = records(&file[..], &options, columns) else { continue };
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
fn a_name_stands_once_in_an_object() {
    assert!(serde_json::from_str::<Strict>(r#"{"a": {"b": 1, "c": 2}}"#).is_ok());
    assert!(serde_json::from_str::<Strict>(r#"{"a": {"b": 1, "b": 2}}"#).is_err());
}

#[test]
fn an_empty_cell_is_told_from_an_absent_column() {
    let columns = Columns { known: &["a", "b", "c"], ignored: &[], required: &[], nested: None };
    let files: [(&[u8], FileFormat); 3] = [
        (b"a,b\n1, \n", FileFormat::Csv),
        (br#"{"a":1,"b":null}"#, FileFormat::JsonLines),
        (br#"[{"a":1,"b":" "}]"#, FileFormat::Json),
    ];
    for (file, format) in files {
        let options = ReadOptions { format, delimiter: b',', decimal_comma: false, map: Vec::new() };
        let mut records = records(file, &options, columns).expect("a header");
        let record = records.next().expect("one").expect("readable").expect("a record");
        let found = ["a", "b", "c"].map(|column| (record.has(column), record.get(column)));
        assert_eq!(found, [(true, Some("1")), (true, None), (false, None)], "{format:?}");
    }
}
