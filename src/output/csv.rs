//! Values separated by commas, or by tabs (RFC 4180), guarded against spreadsheets that run cells as formulas.

use std::borrow::Cow;

use super::cell::Cell;
use crate::domain::spreadsheet::guard;
use crate::error::{Error, Result};

/// Initial capacity for a line.
const INITIAL_CAPACITY: usize = 256;

/// The delimiter between values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Delimiter {
    Comma,
    Tab,
}

impl Delimiter {
    const fn byte(self) -> u8 {
        match self {
            Delimiter::Comma => b',',
            Delimiter::Tab => b'\t',
        }
    }
}

/// The line of a row. Only texts are guarded, because numbers cannot be formulas.
pub(super) fn row(cells: &[Cell], delimiter: Delimiter) -> Result<String> {
    let mut text = String::with_capacity(INITIAL_CAPACITY);
    for (position, cell) in cells.iter().enumerate() {
        if position > 0 {
            text.push(char::from(delimiter.byte()));
        }
        let start = text.len();
        cell.write_raw(&mut text);
        let is_text = cell.is_text();
        if is_text && let Cow::Owned(guarded) = guard(&text[start..]) {
            text.truncate(start);
            text.push_str(&guarded);
        }
        // Most values need no quotes; the csv crate writes the others.
        let is_special = |byte: &u8| *byte == delimiter.byte() || matches!(byte, b'"' | b'\r' | b'\n');
        if cells.len() == 1 || is_text && text.as_bytes()[start..].iter().any(is_special) {
            let value = text.split_off(start);
            text.push_str(line([value], delimiter)?.trim_end_matches('\n'));
        }
    }
    text.push('\n');
    Ok(text)
}

/// The line of plain values, such as a header.
pub(super) fn line<T: AsRef<[u8]>>(values: impl IntoIterator<Item = T>, delimiter: Delimiter) -> Result<String> {
    let failed = |problem: String| Error::internal(format!("a line of CSV could not be made: {problem}"));
    let mut writer =
        ::csv::WriterBuilder::new().delimiter(delimiter.byte()).buffer_capacity(512).from_writer(Vec::new());
    writer.write_record(values).map_err(|error| failed(error.to_string()))?;
    let bytes = writer.into_inner().map_err(|error| failed(error.to_string()))?;
    String::from_utf8(bytes).map_err(|error| failed(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::spreadsheet::{is_formula, unmarked};

    #[test]
    fn only_texts_are_guarded() {
        let cells = [Cell::from("-2+3"), Cell::from(-2), Cell::from("'tis"), Cell::from("a,\"b\""), Cell::Missing];
        assert_eq!(row(&cells, Delimiter::Comma).unwrap(), "'-2+3,-2,''tis,\"a,\"\"b\"\"\",\n");
    }

    proptest::proptest! {
        #[test]
        fn exported_text_is_imported_unchanged(text in "(?s).*|['=+@\\t\\r\\n＝-]{0,3}(?s).*") {
            let guarded = guard(&text);
            proptest::prop_assert_eq!(unmarked(&guarded), text.as_str());
            proptest::prop_assert!(!is_formula(&guarded));

            // Not the first cell: at the very start of a file a reader takes U+FEFF for a byte order mark.
            let file = row(&[Cell::from(1), Cell::from(text.as_str())], Delimiter::Comma).unwrap();
            let mut reader = ::csv::ReaderBuilder::new().has_headers(false).from_reader(file.as_bytes());
            let record = reader.records().next().unwrap().unwrap();
            proptest::prop_assert_eq!(unmarked(&record[1]), text.as_str());
        }
    }
}
