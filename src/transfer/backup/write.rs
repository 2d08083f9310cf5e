//! Writes a backup.

use std::collections::BTreeMap;
use std::io::{self, BufWriter, Write};

use sha2::{Digest, Sha256};

use super::code::{write_document, write_end, write_row};
use super::document::{Header, Manifest, TableSum};
use super::{FORMAT, first_line};
use crate::error::Result;
use crate::file::{OutputFile, unwritable};
use crate::transfer::fill::check;
use crate::transfer::{Fingerprint, Origin, Report, Row, read_rows};

/// zstd's own default: twice the level takes three times as long for a few percent.
const LEVEL: i32 = 3;

/// Writes every row of the origin. The file is there only after [`OutputFile::complete`].
///
/// Errors: those of reading; exit 7 for a row that no database would take back; exit 5 if the disk is full.
pub async fn write(
    origin: &mut dyn Origin,
    header: &Header,
    head: Option<String>,
    out: &mut OutputFile,
    report: Report<'_>,
) -> Result<Manifest> {
    let path = out.path().to_owned();
    let failed = |error: io::Error| unwritable(&path, &error);
    let mut hashing = Hashing { inner: BufWriter::new(out), digest: Sha256::new() };
    hashing.write_all(first_line(FORMAT).as_bytes()).map_err(failed)?;
    let mut packed = zstd::Encoder::new(hashing, LEVEL).map_err(failed)?;
    write_document(&mut packed, header).map_err(failed)?;
    let mut manifest = Manifest { tables: BTreeMap::new(), head };
    for table in origin.tables() {
        let mut fingerprint = Fingerprint::empty();
        let write = |row: Row| {
            check(&row, &table, true)?;
            fingerprint.add(&row, &table);
            write_row(&mut packed, &row).map_err(failed)
        };
        read_rows(&table, origin, report, write).await?;
        write_end(&mut packed).map_err(failed)?;
        manifest.tables.insert(table.name, TableSum { rows: fingerprint.rows, digest: fingerprint.digest() });
    }
    write_document(&mut packed, &manifest).map_err(failed)?;
    let Hashing { mut inner, digest } = packed.finish().map_err(failed)?;
    inner.write_all(&digest.finalize()).and_then(|()| inner.flush()).map_err(failed)?;
    Ok(manifest)
}

/// Hashes what it writes.
struct Hashing<W> {
    inner: W,
    digest: Sha256,
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.digest.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
