//! Files that shopctl writes: complete or absent, and never in the place of what is no file.

mod small;

use std::fs::{self, File};
use std::io::{self, IsTerminal, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::{NamedTempFile, TempPath};

use crate::error::{Error, Kind, Result, io_reason, printable};
pub use small::{is_open_to_others, place_of, read_input, read_small};

/// How long a pipe may wait for who is at its other side.
const OTHER_SIDE_WAIT: Duration = Duration::from_secs(5);
/// Links that lead from one to the next, as many as Linux follows.
const LINKS_MAX: usize = 40;
/// Bytes of a stream that are kept at once.
const SPOOL_PIECE: usize = 64 * 1024;
/// How every SQLite file begins.
const SQLITE: &[u8] = b"SQLite format 3\0";

/// Endings that say what is inside a file: under one of these, anything else would be a lie.
const TELLING_ENDINGS: [&str; 43] = [
    "7z", "arrow", "avro", "bson", "bz2", "csv", "db", "doc", "docx", "feather", "gz", "html", "json", "jsonl", "md",
    "ndjson", "numbers", "ods", "odt", "orc", "parquet", "pdf", "png", "rtf", "sql", "sqlite", "sqlite3", "tab", "tar",
    "tgz", "toml", "tsv", "xls", "xlsb", "xlsm", "xlsx", "xml", "xz", "yaml", "yml", "zip", "zst", "zstd",
];

/// What is being written, by a path that a person named.
///
/// - a regular file, or a new one: written under another name and renamed by
///   [`OutputFile::complete`]; it keeps the mode and the owner of the file that it replaces, and a
///   new one is readable by its owner alone;
/// - a link: the file that it leads to is replaced, the link stays;
/// - a pipe, a device, a socket, an open descriptor (`/dev/stdout`, `/dev/fd/3`): written through;
/// - `-` is standard output.
///
/// Dropped before it is complete, it leaves no file behind.
pub struct OutputFile {
    /// As it was named, for messages.
    path: PathBuf,
    file: File,
    /// The name that the file has until it is complete, and the one that it gets then.
    unfinished: Option<(TempPath, PathBuf)>,
}

/// Where a path leads.
enum Place {
    /// A file that is open already: `/dev/stdout`, `/dev/fd/3`.
    Descriptor(i32),
    /// A pipe.
    Pipe,
    Device,
    Socket,
    /// A regular file, by its own path, or one that is not there yet.
    File(PathBuf, Option<fs::Metadata>),
}

impl OutputFile {
    /// Errors: exit 4 when nothing can be written there, exit 5 when nobody reads from a pipe or
    /// the disk is full.
    pub async fn open(path: &Path) -> Result<OutputFile> {
        let failed = |error: io::Error| unwritable(path, &error);
        let through = |file: File| OutputFile { path: path.to_owned(), file, unfinished: None };
        if is_stdout(path) {
            return descriptor(1).map(through).map_err(failed);
        }
        let file = match place(path)? {
            Place::Descriptor(number) => descriptor(number).map_err(failed)?,
            Place::Device => File::options().write(true).open(path).map_err(failed)?,
            Place::Socket => socket(path).map_err(failed)?,
            Place::Pipe => open_pipe(path, Side::Write).await?,
            Place::File(place, old) => return OutputFile::replace(path, place, old.as_ref()),
        };
        Ok(through(file))
    }

    /// Begins a file that will stand in `place`.
    fn replace(path: &Path, place: PathBuf, old: Option<&fs::Metadata>) -> Result<OutputFile> {
        let failed = |error: io::Error| unwritable(path, &error);
        if old.is_some() {
            // Renaming would not ask whether the old file may be written.
            let mut old = File::options().read(true).write(true).open(&place).map_err(failed)?;
            let mut start = [0; SQLITE.len()];
            if old.read_exact(&mut start).is_ok() && start == SQLITE {
                return Err(refused(path, "it is a SQLite database"));
            }
        }
        if belongs_to_database(&place) {
            return Err(refused(path, "it is a part of a SQLite database"));
        }
        let folder = folder_of(&place);
        let temporary = tempfile::Builder::new().prefix(".shopctl-").suffix(".tmp").tempfile_in(folder);
        let temporary = temporary.map_err(|error| match error.kind() {
            io::ErrorKind::NotFound if !folder.exists() => {
                refused(path, &format!("there is no folder {}", folder.display()))
            }
            _ => failed(error),
        })?;
        keep_owner_and_mode(&temporary, old).map_err(failed)?;
        let (file, temporary) = temporary.into_parts();
        Ok(OutputFile { path: path.to_owned(), file, unfinished: Some((temporary, place)) })
    }

    /// A second handle to write with; one whose reader is gone says so, unlike [`OutputFile`].
    ///
    /// Errors: exit 4 when the system has none left.
    pub fn stream(&self) -> Result<File> {
        self.file.try_clone().map_err(|error| unwritable(&self.path, &error))
    }

    /// Whether another file stands in its place until it is complete.
    pub fn replaces_another(&self) -> bool {
        self.unfinished.as_ref().is_some_and(|(_, place)| place.exists())
    }

    /// As it was named.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether a person looks at what is written.
    pub fn is_terminal(&self) -> bool {
        io::IsTerminal::is_terminal(&self.file)
    }

    /// Gives the file its name, once everything is on the disk.
    ///
    /// Errors: exit 5 when the disk is full, exit 4 when the file cannot be written.
    pub fn complete(self) -> Result<()> {
        let Some((temporary, place)) = self.unfinished else { return Ok(()) };
        self.file.sync_all().map_err(|error| unwritable(&self.path, &error))?;
        temporary.persist(&place).map_err(|error| unwritable(&self.path, &error.error))?;
        // That the name is on the disk too is more than every system can promise.
        let _ = File::open(folder_of(&place)).and_then(|folder| folder.sync_all());
        Ok(())
    }
}

/// A reader who has gone ends it quietly.
impl Write for OutputFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.file.write(bytes) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(bytes.len()),
            result => result,
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Whether SQLite keeps the newest rows of a database beside it under this name.
fn belongs_to_database(place: &Path) -> bool {
    let name = place.to_string_lossy();
    let database = ["-wal", "-shm", "-journal"].iter().find_map(|ending| name.strip_suffix(ending));
    let mut start = [0; SQLITE.len()];
    let read = database.map(|database| File::open(database).and_then(|mut file| file.read_exact(&mut start)));
    matches!(read, Some(Ok(()))) && start == SQLITE
}

/// A file that a person named to be read.
pub enum InputFile {
    /// Can be read from its beginning as often as is wanted.
    Regular(File),
    /// Can be read once: a pipe, a device, a socket, an open descriptor (`/dev/stdin`, `<(…)`).
    Stream(File),
}

impl InputFile {
    /// Errors: exit 4 when it cannot be read, exit 5 when nobody writes into a pipe.
    pub async fn open(path: &Path) -> Result<InputFile> {
        let opened = match place(path) {
            // Opened once more, a pipe would wait for another writer.
            Ok(Place::Descriptor(number)) => {
                return descriptor(number).map(InputFile::Stream).map_err(|error| unreadable(path, &error));
            }
            Ok(Place::Pipe) => return open_pipe(path, Side::Read).await.map(InputFile::Stream),
            Ok(Place::Socket) => socket(path),
            // What is wrong with the name the system says.
            _ => File::open(path),
        };
        let metadata = |file: File| file.metadata().map(|metadata| (file, metadata));
        match opened.and_then(metadata).map_err(|error| unreadable(path, &error))? {
            (_, found) if found.is_dir() => Err(folder(path)),
            (file, found) if found.is_file() => Ok(InputFile::Regular(file)),
            // `/dev/zero` has no end.
            (file, found) if is_device(&found) && !file.is_terminal() && path != Path::new("/dev/null") => {
                Err(Error::configuration("file.unreadable", format!("{} is a device", path.display())))
            }
            (file, _) => Ok(InputFile::Stream(file)),
        }
    }
}

/// What can be read only once, in a temporary file without a name.
///
/// Errors: exit 4 when it cannot be read; exit 5 when there is no room for it, naming the folder of temporary files.
pub fn spool(mut stream: impl Read, path: &Path) -> Result<File> {
    let folder = std::env::temp_dir();
    let no_room = |error: io::Error| {
        unwritable(&folder, &error)
            .hint("what can be read only once is kept there: name a file, or another folder with TMPDIR")
    };
    let mut file = tempfile::tempfile_in(&folder).map_err(no_room)?;
    let mut piece = vec![0; SPOOL_PIECE];
    loop {
        match stream.read(&mut piece) {
            Ok(0) => break,
            Ok(length) => file.write_all(&piece[..length]).map_err(no_room)?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(unreadable(path, &error)),
        }
    }
    file.seek(SeekFrom::Start(0)).map_err(no_room)?;
    Ok(file)
}

#[cfg(unix)]
fn is_device(found: &fs::Metadata) -> bool {
    use std::os::unix::fs::FileTypeExt;
    found.file_type().is_char_device() || found.file_type().is_block_device()
}

#[cfg(not(unix))]
fn is_device(_: &fs::Metadata) -> bool {
    false
}

fn folder(path: &Path) -> Error {
    Error::configuration("file.unreadable", format!("{} is a folder", path.display()))
}

/// Errors: exit 4 where nothing can be read from, because there is nothing or a folder.
pub fn check_file(path: &Path) -> Result<()> {
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => Err(folder(path)),
        Ok(_) => Ok(()),
        Err(error) => Err(unreadable(path, &error)),
    }
}

/// The error about a file that cannot be read.
pub fn unreadable(path: &Path, error: &io::Error) -> Error {
    Error::configuration("file.unreadable", format!("cannot read {}: {}", path.display(), io_reason(error)))
}

/// Refuses to write a file into the place of the one that is read, by whatever names.
///
/// Errors: exit 2.
pub fn check_not_input(flag: &str, output: &Path, input: &Path) -> Result<()> {
    let input = if is_stdout(input) { Path::new("/dev/stdin") } else { input };
    if !is_same(output, input) {
        return Ok(());
    }
    let message =
        format!("{flag} {} is the file that is read: it would be replaced", printable(&output.display().to_string()));
    Err(Error::usage(message).hint("name another file"))
}

/// Whether two names lead to the same regular file.
#[cfg(unix)]
fn is_same(one: &Path, other: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let (Ok(one), Ok(other)) = (fs::metadata(one), fs::metadata(other)) else { return false };
    one.is_file() && (one.dev(), one.ino()) == (other.dev(), other.ino())
}

#[cfg(not(unix))]
fn is_same(one: &Path, other: &Path) -> bool {
    one.is_file() && one.canonicalize().is_ok_and(|one| other.canonicalize().is_ok_and(|other| one == other))
}

/// Whether the path is `-`.
pub fn is_stdout(path: &Path) -> bool {
    path == Path::new("-")
}

/// Refuses a name whose ending says that something else is inside than what `endings` stand for.
///
/// Errors: exit 2.
pub fn check_ending(path: &Path, endings: &[&str]) -> Result<()> {
    match ending_of(path) {
        Some(ending) if TELLING_ENDINGS.contains(&ending.as_str()) && !endings.contains(&ending.as_str()) => {
            Err(wrong_ending(path, &ending, endings))
        }
        _ => Ok(()),
    }
}

/// A file whose ending is not that of what would be inside; those of `endings` would be.
pub fn wrong_ending(path: &Path, ending: &str, endings: &[&str]) -> Error {
    let endings: Vec<String> = endings.iter().map(|ending| format!(".{ending}")).collect();
    let (path, ending) = (path.display(), printable(ending));
    let hint = match endings.as_slice() {
        [] => "leave the ending out".to_owned(),
        endings => format!("let it end in {}, or leave the ending out", endings.join(" or ")),
    };
    Error::usage(format!("cannot write {path}: what would be inside is not what .{ending} says")).hint(hint)
}

/// The ending of a file's name in lower case; `None` also for what is no file and whose name says
/// nothing.
pub fn ending_of(path: &Path) -> Option<String> {
    let is_special = fs::metadata(path).is_ok_and(|found| !found.is_file() && !found.is_dir());
    let ending = path.extension().filter(|_| !is_special && !is_stdout(path))?;
    Some(ending.to_string_lossy().to_lowercase())
}

/// Why a file could not be written: exit 5 for what passes, such as a full disk, else exit 4.
pub fn unwritable(path: &Path, error: &io::Error) -> Error {
    let kind = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Kind::Unavailable,
        _ => Kind::Configuration,
    };
    Error::new(kind, "file.unwritable", format!("cannot write {}: {}", path.display(), io_reason(error)))
}

fn refused(path: &Path, reason: &str) -> Error {
    Error::configuration("file.unwritable", format!("cannot write {}: {reason}", path.display()))
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Follows the path to what it names.
fn place(path: &Path) -> Result<Place> {
    if path.as_os_str().is_empty() {
        return Err(Error::usage("the file to write has no name"));
    }
    let mut place = path.to_owned();
    for _ in 0..LINKS_MAX {
        if let Some(number) = descriptor_number(&place) {
            return Ok(Place::Descriptor(number));
        }
        let found = match fs::symlink_metadata(&place) {
            Ok(found) => found,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return new_file(path, place),
            Err(error) => return Err(unwritable(path, &error)),
        };
        if !found.is_symlink() {
            return known(path, place, found);
        }
        let target = fs::read_link(&place).map_err(|error| unwritable(path, &error))?;
        place = place.parent().unwrap_or(Path::new("")).join(target);
    }
    Err(refused(path, "its links lead in a circle"))
}

/// A file that is not there yet; a link to one is more likely a mistake than a wish.
fn new_file(path: &Path, place: PathBuf) -> Result<Place> {
    if place != path {
        return Err(refused(path, &format!("it is a link to {}, which does not exist", place.display())));
    }
    if path.as_os_str().to_string_lossy().ends_with(std::path::MAIN_SEPARATOR) {
        return Err(refused(path, "it is the name of a folder"));
    }
    Ok(Place::File(place, None))
}

fn known(path: &Path, place: PathBuf, found: fs::Metadata) -> Result<Place> {
    if found.is_dir() {
        return Err(refused(path, "it is a folder"));
    }
    if found.is_file() {
        return Ok(Place::File(place, Some(found)));
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        let kind = found.file_type();
        if kind.is_fifo() {
            return Ok(Place::Pipe);
        } else if kind.is_char_device() {
            return Ok(Place::Device);
        } else if kind.is_socket() {
            return Ok(Place::Socket);
        } else if kind.is_block_device() {
            return Err(refused(path, "it is a disk"));
        }
    }
    Err(refused(path, "it is no file"))
}

/// What is done with a pipe.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Read,
    Write,
}

/// Opens a pipe, which waits for somebody at its other side.
async fn open_pipe(path: &Path, side: Side) -> Result<File> {
    let failed =
        |error: io::Error| if side == Side::Read { unreadable(path, &error) } else { unwritable(path, &error) };
    let (sender, receiver) = tokio::sync::oneshot::channel();
    let pipe = path.to_owned();
    // A thread of its own, which the process does not wait for when it ends.
    std::thread::spawn(move || {
        sender.send(File::options().read(side == Side::Read).write(side == Side::Write).open(pipe))
    });
    match tokio::time::timeout(OTHER_SIDE_WAIT, receiver).await {
        Ok(Ok(opened)) => opened.map_err(failed),
        Ok(Err(_)) => Err(failed(io::Error::other("it cannot be opened"))),
        Err(_) => {
            let seconds = OTHER_SIDE_WAIT.as_secs();
            let (verb, code) = match side {
                Side::Read => ("writes into", "file.no_writer"),
                Side::Write => ("reads from", "file.no_reader"),
            };
            let message = format!("nothing {verb} the pipe {} within {seconds} s", path.display());
            Err(Error::new(Kind::Unavailable, code, message)
                .hint(format!("start what {verb} it first, or in the background")))
        }
    }
}

/// The number of the open file of this process that a path such as `/dev/fd/3` stands for.
#[cfg(unix)]
fn descriptor_number(path: &Path) -> Option<i32> {
    let number = path.file_name()?.to_str()?.parse().ok()?;
    let folder = folder_of(path).canonicalize().ok()?;
    let own = Path::new("/proc/self/fd").canonicalize().ok();
    (folder == Path::new("/dev/fd") || Some(&folder) == own.as_ref()).then_some(number)
}

#[cfg(not(unix))]
fn descriptor_number(_path: &Path) -> Option<i32> {
    None
}

/// The same open file once more, so that what others write to it before and after stays.
#[cfg(unix)]
fn descriptor(number: i32) -> io::Result<File> {
    use std::os::fd::BorrowedFd;
    if number < 0 || fs::metadata(format!("/dev/fd/{number}")).is_err() {
        return Err(io::Error::new(io::ErrorKind::NotFound, "the descriptor is not open"));
    }
    // SAFETY: it is not -1, and borrowed only while it is duplicated, which fails if it is not open.
    #[allow(unsafe_code)]
    let borrowed = unsafe { BorrowedFd::borrow_raw(number) };
    borrowed.try_clone_to_owned().map(File::from)
}

#[cfg(not(unix))]
fn descriptor(_number: i32) -> io::Result<File> {
    File::options().write(true).open("CONOUT$")
}

#[cfg(unix)]
fn socket(path: &Path) -> io::Result<File> {
    let stream = std::os::unix::net::UnixStream::connect(path)?;
    Ok(File::from(std::os::fd::OwnedFd::from(stream)))
}

#[cfg(not(unix))]
fn socket(_path: &Path) -> io::Result<File> {
    Err(io::ErrorKind::Unsupported.into())
}

/// What replaces a file is as that one was; its owner can be kept by root alone.
fn keep_owner_and_mode(temporary: &NamedTempFile, old: Option<&fs::Metadata>) -> io::Result<()> {
    let Some(old) = old else { return Ok(()) };
    #[cfg(unix)]
    {
        use std::os::unix::fs::{MetadataExt, fchown};
        let _ = fchown(temporary.as_file(), Some(old.uid()), Some(old.gid()));
    }
    temporary.as_file().set_permissions(old.permissions())
}
