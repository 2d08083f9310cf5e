//! Files that shopctl reads and writes; written files are complete or absent, and only replace regular files.

mod private;
mod small;

use std::fs::{self, File};
use std::io::{self, IsTerminal, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::{NamedTempFile, TempPath};

use crate::error::{Error, Kind, Result, io_reason, printable};
pub use private::{create_private_folder, remove_older};
pub use small::{input_name, is_open_to_others, password_file_name, read_input, read_small};

/// How long to wait for the other end of a pipe.
const PIPE_TIMEOUT: Duration = Duration::from_secs(5);
/// Maximum number of symbolic links to follow, as on Linux.
const LINKS_MAX: usize = 40;
/// Buffer size for streams, in bytes.
const SPOOL_PIECE: usize = 64 * 1024;
/// The magic bytes of a SQLite file.
const SQLITE: &[u8] = b"SQLite format 3\0";

/// Extensions that identify a format; other content under them is rejected.
const KNOWN_ENDINGS: [&str; 43] = [
    "7z", "arrow", "avro", "bson", "bz2", "csv", "db", "doc", "docx", "feather", "gz", "html", "json", "jsonl", "md",
    "ndjson", "numbers", "ods", "odt", "orc", "parquet", "pdf", "png", "rtf", "sql", "sqlite", "sqlite3", "tab", "tar",
    "tgz", "toml", "tsv", "xls", "xlsb", "xlsm", "xlsx", "xml", "xz", "yaml", "yml", "zip", "zst", "zstd",
];

/// An output at a path given by the user.
///
/// - a regular file, or a new one: written under another name and renamed by
///   [`OutputFile::complete`]; it keeps the mode and the owner of the file that it replaces, and a
///   new one is readable by its owner alone;
/// - a link: its target is replaced, the link is kept;
/// - a pipe, a device, a socket, an open descriptor (`/dev/stdout`, `/dev/fd/3`): written through;
/// - `-` is standard output.
///
/// If dropped before it is complete, it leaves no file behind.
pub struct OutputFile {
    /// As given, for messages.
    path: PathBuf,
    file: File,
    /// The temporary name until the file is complete, and the final one.
    unfinished: Option<(TempPath, PathBuf)>,
}

/// The target of a path.
enum PathTarget {
    /// An open descriptor: `/dev/stdout`, `/dev/fd/3`.
    Descriptor(i32),
    /// A pipe.
    Pipe,
    Device,
    Socket,
    /// A regular file by its resolved path, existing or new.
    File(PathBuf, Option<fs::Metadata>),
}

impl OutputFile {
    /// Errors: exit 4 if the path is not writable, exit 5 if a pipe has no reader or the disk is full.
    pub async fn open(path: &Path) -> Result<OutputFile> {
        let failed = |error: io::Error| unwritable(path, &error);
        let through = |file: File| OutputFile { path: path.to_owned(), file, unfinished: None };
        if is_standard_stream(path) {
            return descriptor(1).map(through).map_err(failed);
        }
        let file = match resolve(path)? {
            PathTarget::Descriptor(number) => descriptor(number).map_err(failed)?,
            PathTarget::Device => File::options().write(true).open(path).map_err(failed)?,
            PathTarget::Socket => socket(path).map_err(failed)?,
            PathTarget::Pipe => open_pipe(path, PipeEnd::Write).await?,
            PathTarget::File(target, old) => return OutputFile::replace(path, target, old.as_ref()),
        };
        Ok(through(file))
    }

    /// Starts a file that replaces `target`.
    fn replace(path: &Path, target: PathBuf, old: Option<&fs::Metadata>) -> Result<OutputFile> {
        let failed = |error: io::Error| unwritable(path, &error);
        if old.is_some() {
            // Renaming ignores the permissions of the old file.
            let mut old = File::options().read(true).write(true).open(&target).map_err(failed)?;
            let mut start = [0; SQLITE.len()];
            if old.read_exact(&mut start).is_ok() && start == SQLITE {
                return Err(refused(path, "it is a SQLite database"));
            }
        }
        if belongs_to_database(&target) {
            return Err(refused(path, "it is part of a SQLite database"));
        }
        let folder = folder_of(&target);
        let temporary = tempfile::Builder::new().prefix(".shopctl-").suffix(".tmp").tempfile_in(folder);
        let temporary = temporary.map_err(|error| match error.kind() {
            io::ErrorKind::NotFound if !folder.exists() => {
                refused(path, &format!("there is no folder {}", folder.display()))
            }
            _ => failed(error),
        })?;
        keep_owner_and_mode(&temporary, old).map_err(failed)?;
        let (file, temporary) = temporary.into_parts();
        Ok(OutputFile { path: path.to_owned(), file, unfinished: Some((temporary, target)) })
    }

    /// A second handle for writing; unlike [`OutputFile`] it reports that standard output has no reader.
    ///
    /// Errors: exit 4 if no descriptor is available.
    pub fn stream(&self) -> Result<File> {
        self.file.try_clone().map_err(|error| unwritable(&self.path, &error))
    }

    /// Whether it replaces an existing file on completion.
    pub fn replaces_another(&self) -> bool {
        self.unfinished.as_ref().is_some_and(|(_, target)| target.exists())
    }

    /// The path as given.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the output is a terminal.
    pub fn is_terminal(&self) -> bool {
        IsTerminal::is_terminal(&self.file)
    }

    /// Renames the file to its final name after syncing it to disk.
    ///
    /// Errors: exit 5 if the disk is full, exit 4 if the file cannot be written.
    pub fn complete(self) -> Result<()> {
        let Some((temporary, target)) = self.unfinished else { return Ok(()) };
        self.file.sync_all().map_err(|error| unwritable(&self.path, &error))?;
        temporary.persist(&target).map_err(|error| unwritable(&self.path, &error.error))?;
        // Best effort: not every system can sync a directory.
        let _ = File::open(folder_of(&target)).and_then(|folder| folder.sync_all());
        Ok(())
    }
}

/// A closed reader of standard output ends it without an error.
impl Write for OutputFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.file.write(bytes) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe && is_standard_stream(&self.path) => {
                Ok(bytes.len())
            }
            result => result,
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Whether this name is a journal or WAL file of a SQLite database.
fn belongs_to_database(target: &Path) -> bool {
    let name = target.to_string_lossy();
    let database = ["-wal", "-shm", "-journal"].iter().find_map(|ending| name.strip_suffix(ending));
    let mut start = [0; SQLITE.len()];
    let read = database.map(|database| File::open(database).and_then(|mut file| file.read_exact(&mut start)));
    matches!(read, Some(Ok(()))) && start == SQLITE
}

/// An input file given by the user.
pub enum InputFile {
    /// Seekable: can be read repeatedly.
    Regular(File),
    /// Readable once: a pipe, a device, a socket, an open descriptor (`/dev/stdin`, `<(…)`).
    Stream(File),
}

impl InputFile {
    /// Errors: exit 4 if it cannot be read, exit 5 if a pipe has no writer.
    pub async fn open(path: &Path) -> Result<InputFile> {
        let opened = match resolve(path) {
            // Reopening a pipe would wait for another writer.
            Ok(PathTarget::Descriptor(number)) => {
                return descriptor(number).map(InputFile::Stream).map_err(|error| unreadable(path, &error));
            }
            Ok(PathTarget::Pipe) => return open_pipe(path, PipeEnd::Read).await.map(InputFile::Stream),
            Ok(PathTarget::Socket) => socket(path),
            // The system reports the error of an invalid path.
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

/// Copies a stream to an unnamed temporary file.
///
/// Errors: exit 4 if it cannot be read; exit 5, naming the temporary folder, if the disk is full.
pub fn spool(mut stream: impl Read, path: &Path) -> Result<File> {
    let folder = std::env::temp_dir();
    let no_room = |error: io::Error| {
        unwritable(&folder, &error)
            .hint("input that can be read only once is kept there: give a file, or set TMPDIR to another folder")
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

/// Errors: exit 4 for a missing file or a folder.
pub fn check_file(path: &Path) -> Result<()> {
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => Err(folder(path)),
        Ok(_) => Ok(()),
        Err(error) => Err(unreadable(path, &error)),
    }
}

/// The error for an unreadable file.
pub fn unreadable(path: &Path, error: &io::Error) -> Error {
    let name = input_name((!is_standard_stream(path)).then_some(path));
    Error::configuration("file.unreadable", format!("cannot read {name}: {}", io_reason(error)))
}

/// Rejects an output that is the same file as the input, under any name.
///
/// Errors: exit 2.
pub fn check_not_input(flag: &str, output: &Path, input: &Path) -> Result<()> {
    let input = if is_standard_stream(input) { Path::new("/dev/stdin") } else { input };
    if !is_same(output, input) {
        return Ok(());
    }
    let message = format!(
        "{flag} {} is the file that is read and would be overwritten",
        printable(&output.display().to_string())
    );
    Err(Error::usage(message).hint("name another file"))
}

/// Whether two paths are the same regular file.
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
pub fn is_standard_stream(path: &Path) -> bool {
    path == Path::new("-")
}

/// Rejects a file name whose extension contradicts `endings`.
///
/// Errors: exit 2.
pub fn check_ending(path: &Path, endings: &[&str]) -> Result<()> {
    match ending_of(path) {
        Some(ending) if KNOWN_ENDINGS.contains(&ending.as_str()) && !endings.contains(&ending.as_str()) => {
            Err(wrong_ending(path, &ending, endings))
        }
        _ => Ok(()),
    }
}

/// The error for a file name whose extension is not one of `endings`.
pub fn wrong_ending(path: &Path, ending: &str, endings: &[&str]) -> Error {
    let endings: Vec<String> = endings.iter().map(|ending| format!(".{ending}")).collect();
    let (path, ending) = (path.display(), printable(ending));
    let hint = match endings.as_slice() {
        [] => "leave out the extension".to_owned(),
        endings => format!("use the extension {}, or none", endings.join(" or ")),
    };
    Error::usage(format!("cannot write {path}: the content would not match the extension .{ending}")).hint(hint)
}

/// The extension in lower case; `None` also for anything but a regular file.
pub fn ending_of(path: &Path) -> Option<String> {
    let is_special = fs::metadata(path).is_ok_and(|found| !found.is_file() && !found.is_dir());
    let ending = path.extension().filter(|_| !is_special && !is_standard_stream(path))?;
    Some(ending.to_string_lossy().to_lowercase())
}

/// The error for an unwritable file: exit 5 for temporary causes such as a full disk, else exit 4.
pub fn unwritable(path: &Path, error: &io::Error) -> Error {
    let kind = match error.kind() {
        io::ErrorKind::BrokenPipe => {
            let message = format!("the reader of {} ended before everything was written", path.display());
            return Error::new(Kind::Unavailable, "file.no_reader", message);
        }
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => Kind::Unavailable,
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

/// Resolves a path.
fn resolve(path: &Path) -> Result<PathTarget> {
    if path.as_os_str().is_empty() {
        return Err(Error::usage("the file to write has no name"));
    }
    let mut target = path.to_owned();
    for _ in 0..LINKS_MAX {
        if let Some(number) = descriptor_number(&target) {
            return Ok(PathTarget::Descriptor(number));
        }
        let found = match fs::symlink_metadata(&target) {
            Ok(found) => found,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return new_file(path, target),
            Err(error) => return Err(unwritable(path, &error)),
        };
        if !found.is_symlink() {
            return existing(path, target, found);
        }
        let link = fs::read_link(&target).map_err(|error| unwritable(path, &error))?;
        target = target.parent().unwrap_or(Path::new("")).join(link);
    }
    Err(refused(path, "its links form a loop"))
}

/// A new file; a dangling link is rejected as a probable mistake.
fn new_file(path: &Path, target: PathBuf) -> Result<PathTarget> {
    if target != path {
        return Err(refused(path, &format!("it is a link to {}, which does not exist", target.display())));
    }
    if path.as_os_str().to_string_lossy().ends_with(std::path::MAIN_SEPARATOR) {
        return Err(refused(path, "it names a folder"));
    }
    Ok(PathTarget::File(target, None))
}

fn existing(path: &Path, target: PathBuf, found: fs::Metadata) -> Result<PathTarget> {
    if found.is_dir() {
        return Err(refused(path, "it is a folder"));
    }
    if found.is_file() {
        return Ok(PathTarget::File(target, Some(found)));
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        let kind = found.file_type();
        if kind.is_fifo() {
            return Ok(PathTarget::Pipe);
        } else if kind.is_char_device() {
            return Ok(PathTarget::Device);
        } else if kind.is_socket() {
            return Ok(PathTarget::Socket);
        } else if kind.is_block_device() {
            return Err(refused(path, "it is a disk"));
        }
    }
    Err(refused(path, "it is not a file"))
}

/// The end of a pipe to open.
#[derive(Clone, Copy, PartialEq, Eq)]
enum PipeEnd {
    Read,
    Write,
}

/// Opens a pipe, which waits for its other end.
async fn open_pipe(path: &Path, end: PipeEnd) -> Result<File> {
    let failed =
        |error: io::Error| if end == PipeEnd::Read { unreadable(path, &error) } else { unwritable(path, &error) };
    let (sender, receiver) = tokio::sync::oneshot::channel();
    let pipe = path.to_owned();
    // A separate thread, which the process does not join at exit.
    std::thread::spawn(move || {
        sender.send(File::options().read(end == PipeEnd::Read).write(end == PipeEnd::Write).open(pipe))
    });
    match tokio::time::timeout(PIPE_TIMEOUT, receiver).await {
        Ok(Ok(opened)) => opened.map_err(failed),
        Ok(Err(_)) => Err(failed(io::Error::other("it cannot be opened"))),
        Err(_) => {
            let seconds = PIPE_TIMEOUT.as_secs();
            let (verb, code) = match end {
                PipeEnd::Read => ("writes into", "file.no_writer"),
                PipeEnd::Write => ("reads from", "file.no_reader"),
            };
            let message = format!("nothing {verb} the pipe {} within {seconds} s", path.display());
            Err(Error::new(Kind::Unavailable, code, message)
                .hint(format!("first start the program that {verb} it, or start it in the background")))
        }
    }
}

/// The file descriptor number of a path such as `/dev/fd/3`.
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

/// Duplicates an open descriptor, so that writes by other processes are kept.
#[cfg(unix)]
fn descriptor(number: i32) -> io::Result<File> {
    use std::os::fd::BorrowedFd;
    if number < 0 || fs::metadata(format!("/dev/fd/{number}")).is_err() {
        return Err(io::Error::new(io::ErrorKind::NotFound, "the descriptor is not open"));
    }
    // SAFETY: it is not -1, and borrowed only while it is duplicated, which fails if it is not open.
    #[expect(unsafe_code, reason = "the one way to a descriptor by its number")]
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

/// Copies mode and owner of the replaced file; only root can keep the owner.
fn keep_owner_and_mode(temporary: &NamedTempFile, old: Option<&fs::Metadata>) -> io::Result<()> {
    let Some(old) = old else { return Ok(()) };
    #[cfg(unix)]
    {
        use std::os::unix::fs::{MetadataExt, fchown};
        let _ = fchown(temporary.as_file(), Some(old.uid()), Some(old.gid()));
    }
    temporary.as_file().set_permissions(old.permissions())
}
