//! Values, rows and documents as bytes. Numbers are big-endian.

use std::io::{self, Read, Write};

use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::domain::Form;
use crate::transfer::{Cell, Row};

/// The kind of a value, in front of it.
mod tag {
    pub const MISSING: u8 = 0;
    pub const ID: u8 = 1;
    pub const FORMED_ID: u8 = 2;
    pub const TIME: u8 = 3;
    pub const FORMED_TIME: u8 = 4;
    pub const AMOUNT: u8 = 5;
    pub const INTEGER: u8 = 6;
    pub const REAL: u8 = 7;
    pub const TEXT: u8 = 8;
    pub const BYTES: u8 = 9;
    pub const GARBLED: u8 = 10;
}

/// In front of a row, and in its place at the end of a table.
const ROW: u8 = 1;
const END: u8 = 0;

pub fn write_row(out: &mut impl Write, row: &Row) -> io::Result<()> {
    out.write_all(&[ROW])?;
    row.0.iter().try_for_each(|cell| write_cell(out, cell))
}

pub fn write_end(out: &mut impl Write) -> io::Result<()> {
    out.write_all(&[END])
}

/// The next row of this many values; `None` at the end of its table.
pub fn read_row(input: &mut impl Read, width: usize) -> io::Result<Option<Row>> {
    match read_array::<1>(input)?[0] {
        END => Ok(None),
        ROW => (0..width).map(|_| read_cell(input)).collect::<io::Result<_>>().map(|cells| Some(Row(cells))),
        other => Err(damaged(&format!("{other} in place of a row"))),
    }
}

pub fn write_document(out: &mut impl Write, document: &impl Serialize) -> io::Result<()> {
    write_bytes(out, &serde_json::to_vec(document)?)
}

pub fn read_document<D: DeserializeOwned>(input: &mut impl Read) -> io::Result<D> {
    serde_json::from_slice(&read_bytes(input)?).map_err(|error| damaged(&error.to_string()))
}

fn write_cell(out: &mut impl Write, cell: &Cell) -> io::Result<()> {
    let mut tagged = |tag: u8, content: &[u8]| {
        out.write_all(&[tag])?;
        out.write_all(content)
    };
    match cell {
        Cell::Missing => tagged(tag::MISSING, &[]),
        Cell::Id(id, None) => tagged(tag::ID, id.as_bytes()),
        Cell::Id(id, Some(form)) => {
            tagged(tag::FORMED_ID, id.as_bytes())?;
            write_bytes(out, form.as_str().as_bytes())
        }
        Cell::Time(time, None) => tagged(tag::TIME, &time.to_be_bytes()),
        Cell::Time(time, Some(text)) => {
            tagged(tag::FORMED_TIME, &time.to_be_bytes())?;
            write_bytes(out, text.as_bytes())
        }
        Cell::Amount(cents) => tagged(tag::AMOUNT, &cents.to_be_bytes()),
        Cell::Integer(number) => tagged(tag::INTEGER, &number.to_be_bytes()),
        Cell::Real(number) => tagged(tag::REAL, &number.to_bits().to_be_bytes()),
        Cell::Text(text) => {
            tagged(tag::TEXT, &[])?;
            write_bytes(out, text.as_bytes())
        }
        Cell::Bytes(bytes) => {
            tagged(tag::BYTES, &[])?;
            write_bytes(out, bytes)
        }
        Cell::Garbled(bytes) => {
            tagged(tag::GARBLED, &[])?;
            write_bytes(out, bytes)
        }
    }
}

fn read_cell(input: &mut impl Read) -> io::Result<Cell> {
    let number = |input: &mut _| read_array(input).map(i64::from_be_bytes);
    Ok(match read_array::<1>(input)?[0] {
        tag::MISSING => Cell::Missing,
        tag::ID => Cell::Id(Uuid::from_bytes(read_array(input)?), None),
        tag::FORMED_ID => {
            let id = Uuid::from_bytes(read_array(input)?);
            let form = read_text(input)?;
            let form = Form::from_stored(&form).ok_or_else(|| damaged("an id of an unknown form"))?;
            Cell::Id(id, Some(form))
        }
        tag::TIME => Cell::Time(number(input)?, None),
        tag::FORMED_TIME => Cell::Time(number(input)?, Some(read_text(input)?)),
        tag::AMOUNT => Cell::Amount(number(input)?),
        tag::INTEGER => Cell::Integer(number(input)?),
        tag::REAL => Cell::Real(f64::from_bits(u64::from_be_bytes(read_array(input)?))),
        tag::TEXT => Cell::Text(read_text(input)?),
        tag::BYTES => Cell::Bytes(read_bytes(input)?),
        tag::GARBLED => Cell::Garbled(read_bytes(input)?),
        other => return Err(damaged(&format!("{other} in place of a value"))),
    })
}

fn write_bytes(out: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    out.write_all(&(bytes.len() as u64).to_be_bytes())?;
    out.write_all(bytes)
}

fn read_bytes(input: &mut impl Read) -> io::Result<Vec<u8>> {
    let length = u64::from_be_bytes(read_array(input)?);
    let mut bytes = Vec::new();
    // Only as much memory as there is to read, whatever the length says.
    match input.take(length).read_to_end(&mut bytes)? as u64 == length {
        true => Ok(bytes),
        false => Err(damaged("it ends within a value")),
    }
}

fn read_text(input: &mut impl Read) -> io::Result<String> {
    String::from_utf8(read_bytes(input)?).map_err(|_| damaged("a text that is not UTF-8"))
}

fn read_array<const LENGTH: usize>(input: &mut impl Read) -> io::Result<[u8; LENGTH]> {
    let mut bytes = [0; LENGTH];
    input.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn damaged(what: &str) -> io::Error {
    io::Error::other(what.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_read_as_it_was_written() {
        let id = Uuid::from_u128(0x0190_a2b4_7c1e_7d00_8000_0000_0000_00ab);
        let mut cells = vec![
            Cell::Missing,
            Cell::Id(id, None),
            Cell::Time(-1, None),
            Cell::Time(i64::MAX, Some("yesterday".to_owned())),
            Cell::Amount(i64::MIN),
            Cell::Integer(-7),
            Cell::Real(f64::INFINITY),
            Cell::Text("é\0\n".to_owned()),
            Cell::Bytes(vec![0, 255]),
            Cell::Garbled(Vec::new()),
        ];
        cells.extend(Form::ALL.map(|form| Cell::Id(id, Some(form))));
        let row = Row(cells);
        let mut bytes = Vec::new();
        write_row(&mut bytes, &row).unwrap();
        write_end(&mut bytes).unwrap();
        let mut input = bytes.as_slice();
        assert_eq!(read_row(&mut input, row.0.len()).unwrap(), Some(row.clone()));
        assert_eq!(read_row(&mut input, row.0.len()).unwrap(), None);
        // Cut short anywhere, it is an error and no panic.
        for length in 0..bytes.len() - 1 {
            assert!(read_row(&mut &bytes[..length], row.0.len()).is_err(), "{length}");
        }
    }
}
