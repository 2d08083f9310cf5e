//! Data that goes to a file, complete or not at all, or to stdout.

use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::{Format, Output, OutputSettings, Terminal};
use crate::error::{Error, Kind, Result};

/// Where an export goes. Dropped before [`Export::complete`] it leaves no file behind.
pub struct Export<'a> {
    /// For what is said about it.
    standard: &'a Output,
    output: Output,
    file: Option<(NamedTempFile, PathBuf)>,
}

impl Output {
    /// Lets an export in this format go to a file, or to stdout. The file gets its name when it is
    /// complete, and is readable by its owner alone.
    ///
    /// Errors: exit 2 when another format was asked for; exit 4 when there can be no such file.
    pub fn exporting(&self, format: Format, file: Option<&Path>) -> Result<Export<'_>> {
        if let Some(asked) = self.settings.format.filter(|asked| *asked != format) {
            let message = format!("this is always written as {}", format.as_str());
            return Err(Error::usage(message).hint(format!("leave --output {} out", asked.as_str())));
        }
        let settings = OutputSettings { format: Some(format), ..self.settings.clone() };
        let standard = self;
        let messages = Box::new(io::stderr());
        let Some(path) = file else {
            let stdout = Box::new(BufWriter::new(io::stdout()));
            return Ok(Export {
                standard,
                output: Output::new(settings, self.terminal.clone(), stdout, messages),
                file: None,
            });
        };
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let unwritable = |error: io::Error| write_error(path, &error);
        let temporary = NamedTempFile::new_in(folder).map_err(unwritable)?;
        let stream = Box::new(BufWriter::new(temporary.reopen().map_err(unwritable)?));
        let output = Output::new(settings, Terminal::default(), stream, messages);
        Ok(Export { standard, output, file: Some((temporary, path.to_owned())) })
    }
}

impl Export<'_> {
    /// What to print on.
    pub fn output(&self) -> &Output {
        &self.output
    }

    /// Gives the file its name, once everything is on the disk.
    ///
    /// Errors: exit 5 when the disk is full, exit 4 when the file cannot be written.
    pub fn complete(self) -> Result<()> {
        self.output.flush()?;
        let Some((temporary, path)) = self.file else { return Ok(()) };
        temporary.as_file().sync_all().map_err(|error| write_error(&path, &error))?;
        temporary.persist(&path).map_err(|error| write_error(&path, &error.error))?;
        self.standard.note(&format!("wrote {}", path.display()));
        Ok(())
    }
}

fn write_error(path: &Path, error: &io::Error) -> Error {
    let kind = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Kind::Unavailable,
        _ => Kind::Configuration,
    };
    Error::new(kind, "file.unwritable", format!("cannot write {}: {error}", path.display()))
}
