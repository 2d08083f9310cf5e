//! Reads a backup.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom, Take};
use std::path::{Path, PathBuf};

use futures_util::stream::{self, BoxStream, StreamExt};
use sea_orm::prelude::async_trait::async_trait;
use sha2::{Digest, Sha256};

use super::code::{read_document, read_row};
use super::document::{Header, Manifest, TableHeader};
use super::{BEGINNING, FORMAT, HASH_BYTES, first_line};
use crate::db::target::Engine;
use crate::entity::tables::{Table, tables};
use crate::error::{CommandLine, Error, Hint, Kind, Result, io_reason, printable};
use crate::file::unreadable;
use crate::transfer::{Origin, Row};

/// How much is hashed at once.
const PIECE: usize = 64 * 1024;

type Input = BufReader<zstd::Decoder<'static, BufReader<Take<File>>>>;

/// A backup that is whole.
pub struct BackupReader {
    path: PathBuf,
    file: File,
    header: Header,
    engine: Engine,
    tables: Vec<Table>,
    input: Input,
}

impl BackupReader {
    /// Opens a backup after making sure that every byte is as it was written.
    ///
    /// Errors: exit 4 if it cannot be read; exit 7 if it is no backup, is damaged or of a newer program.
    pub fn open(path: &Path, mut file: File) -> Result<BackupReader> {
        match check(&mut file).map_err(|error| unreadable(path, &error))? {
            Wholeness::Whole => BackupReader::read(path.to_owned(), file),
            Wholeness::Damaged => Err(damaged(path, "its checksum does not match")),
            Wholeness::Newer => {
                let format = format!("{} has a format of a newer shopctl", path.display());
                Err(invalid("backup.newer", format).hint(NEWER))
            }
            Wholeness::NoBackup => {
                let message = format!("{} is not a backup of shopctl", path.display());
                Err(invalid("backup.unknown", message)
                    .hint(Hint::from("to make one: ").and(CommandLine::new("backup"))))
            }
        }
    }

    /// Begins to read what was checked.
    fn read(path: PathBuf, mut file: File) -> Result<BackupReader> {
        let failed = |error: io::Error| unreadable(&path, &error);
        let start = first_line(FORMAT).len() as u64;
        let length = file.metadata().map_err(failed)?.len();
        file.seek(SeekFrom::Start(start)).map_err(failed)?;
        let packed = file.try_clone().map_err(failed)?.take(length - HASH_BYTES - start);
        let decoder = zstd::Decoder::with_buffer(BufReader::new(packed)).map_err(failed)?;
        let mut input = BufReader::new(decoder);
        let header: Header = read_document(&mut input).map_err(|error| damaged(&path, &io_reason(&error)))?;
        let newer = |what: String| newer(&path, &header, &what);
        let engine = Engine::parse(&header.engine);
        let engine = engine.ok_or_else(|| newer(format!("the engine {}", printable(&header.engine))))?;
        let tables = header.tables.iter().map(known).collect::<Result<_, String>>().map_err(newer)?;
        Ok(BackupReader { path, file, header, engine, tables, input })
    }

    /// The same backup from its beginning, also if it came through a pipe.
    pub fn again(self) -> Result<BackupReader> {
        BackupReader::read(self.path, self.file)
    }

    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The error for a part of the backup that this program does not know.
    pub fn newer(&self, what: &str) -> Error {
        newer(&self.path, &self.header, what)
    }

    /// The manifest, once all tables are read.
    ///
    /// Errors: exit 7 where there is none.
    pub fn manifest(mut self) -> Result<Manifest> {
        read_document(&mut self.input).map_err(|error| damaged(&self.path, &io_reason(&error)))
    }
}

const NEWER: &str = "use the version of shopctl that made it, or a later one";

fn newer(path: &Path, header: &Header, what: &str) -> Error {
    let (path, program) = (path.display(), printable(&header.program));
    invalid("backup.newer", format!("{path} was made by shopctl {program} and has {what}, unknown here")).hint(NEWER)
}

fn invalid(code: &'static str, message: String) -> Error {
    Error::new(Kind::Invalid, code, message)
}

/// The table of this program, with the columns that the backup has.
fn known(header: &TableHeader) -> Result<Table, String> {
    let table = tables().into_iter().find(|table| table.name == header.name);
    let table = table.ok_or_else(|| format!("the table {}", printable(&header.name)))?;
    let column = |name: &String| {
        let column = table.columns.iter().find(|column| column.name == *name).cloned();
        column.ok_or_else(|| format!("the column {}.{}", table.name, printable(name)))
    };
    let columns = header.columns.iter().map(column).collect::<Result<_, _>>()?;
    Ok(Table { columns, ..table })
}

enum Wholeness {
    Whole,
    Damaged,
    Newer,
    NoBackup,
}

/// Compares the hash at the end with all that is before it.
fn check(file: &mut File) -> io::Result<Wholeness> {
    let (length, own) = (file.metadata()?.len(), first_line(FORMAT));
    let mut line = vec![0; own.len()];
    let Some(mut left) = length.checked_sub(HASH_BYTES + own.len() as u64) else { return short(file) };
    file.read_exact(&mut line)?;
    if !is_beginning(&line) {
        return Ok(Wholeness::NoBackup);
    }
    let (mut digest, mut piece) = (Sha256::new_with_prefix(&line), vec![0; PIECE]);
    while left > 0 {
        let most = usize::try_from(left).map_or(PIECE, |left| left.min(PIECE));
        file.read_exact(&mut piece[..most])?;
        digest.update(&piece[..most]);
        left -= most as u64;
    }
    let mut hash = [0; HASH_BYTES as usize];
    file.read_exact(&mut hash)?;
    Ok(match digest.finalize()[..] == hash {
        true if line == own.as_bytes() => Wholeness::Whole,
        true => Wholeness::Newer,
        false => Wholeness::Damaged,
    })
}

/// Of a file that is too short for a backup: whether it may have been one.
fn short(file: &mut File) -> io::Result<Wholeness> {
    let mut start = Vec::new();
    file.read_to_end(&mut start)?;
    Ok(if is_beginning(&start) { Wholeness::Damaged } else { Wholeness::NoBackup })
}

/// Whether a file begins like a backup, but for one byte: a flipped bit makes a damaged backup, and another file is
/// none.
fn is_beginning(start: &[u8]) -> bool {
    let same = start.iter().zip(BEGINNING.as_bytes()).filter(|(one, other)| one == other).count();
    same + 1 >= BEGINNING.len()
}

fn damaged(path: &Path, why: &str) -> Error {
    let message = format!("the backup {} is damaged: {why}", path.display());
    invalid("backup.damaged", message).hint("use another copy of the file, or another backup")
}

#[async_trait]
impl Origin for BackupReader {
    fn engine(&self) -> Engine {
        self.engine
    }

    fn tables(&self) -> Vec<Table> {
        self.tables.clone()
    }

    async fn rows<'a>(&'a mut self, table: &Table) -> Result<BoxStream<'a, Result<Row>>> {
        let (width, path) = (table.columns.len(), &self.path);
        let input = &mut self.input;
        let next = move || read_row(input, width).map_err(|error| damaged(path, &io_reason(&error))).transpose();
        // Whoever asks again at the end of a table must not get the rows of the next one.
        Ok(stream::iter(std::iter::from_fn(next).fuse()).boxed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::file::OutputFile;
    use crate::transfer::Cell;
    use crate::transfer::backup::{self, Header};

    /// A table with one row.
    struct OneRow(Table);

    #[async_trait]
    impl Origin for OneRow {
        fn engine(&self) -> Engine {
            Engine::ALL[0]
        }

        fn tables(&self) -> Vec<Table> {
            vec![self.0.clone()]
        }

        async fn rows<'a>(&'a mut self, table: &Table) -> Result<BoxStream<'a, Result<Row>>> {
            let row = Row(table.columns.iter().map(|column| Cell::Text(column.name.clone())).collect());
            Ok(stream::iter([Ok(row)]).boxed())
        }
    }

    async fn write(path: &Path) -> Vec<u8> {
        let table = tables().into_iter().find(|table| table.name == "shopctl_seeds").unwrap();
        let columns = table.columns.iter().map(|column| column.name.clone()).collect();
        let header = Header {
            program: "1.0.0".to_owned(),
            engine: Engine::ALL[0].as_str().to_owned(),
            time: String::new(),
            environment: None,
            migrations: Vec::new(),
            rows: 1,
            tables: vec![TableHeader { name: table.name.clone(), columns }],
        };
        let mut out = OutputFile::open(path).await.unwrap();
        backup::write(&mut OneRow(table), &header, None, &mut out, &mut |_| ()).await.unwrap();
        out.complete().unwrap();
        std::fs::read(path).unwrap()
    }

    #[tokio::test]
    async fn every_bit_of_a_backup_counts() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("shop.backup");
        let bytes = write(&path).await;
        let opened = |content: &[u8]| {
            std::fs::write(&path, content).unwrap();
            BackupReader::open(&path, File::open(&path).unwrap())
        };
        let code = |content: &[u8], what: &str| match opened(content) {
            Err(error) => error.code(),
            Ok(_) => panic!("{what}"),
        };
        for position in 0..bytes.len() {
            for bit in 0..8 {
                let mut content = bytes.clone();
                content[position] ^= 1 << bit;
                let what = format!("bit {bit} of byte {position} is flipped");
                assert_eq!(code(&content, &what), "backup.damaged", "{what}");
            }
            let what = format!("it ends at {position}");
            let expected = if position + 1 < BEGINNING.len() { "backup.unknown" } else { "backup.damaged" };
            assert_eq!(code(&bytes[..position], &what), expected, "{what}");
        }
        assert_eq!(code(&[&bytes[..], b"x"].concat(), "a byte more"), "backup.damaged");
        let mut later = bytes[..bytes.len() - HASH_BYTES as usize].to_vec();
        later[BEGINNING.len()] = b'2';
        let hash = Sha256::digest(&later);
        assert_eq!(code(&[&later[..], &hash].concat(), "format 2"), "backup.newer");
        let mut reader = opened(&bytes).unwrap();
        let table = reader.tables().remove(0);
        let mut rows = reader.rows(&table).await.unwrap();
        assert!(rows.next().await.is_some_and(|row| row.is_ok()));
        assert!(rows.next().await.is_none() && rows.next().await.is_none());
        drop(rows);
        assert_eq!(reader.manifest().unwrap().tables["shopctl_seeds"].rows, 1);
    }
}
