//! Exports to a file, complete or absent, or to stdout.

use std::io::{self, BufWriter};
use std::path::Path;

use super::{Format, Output, OutputSettings, Terminal};
use crate::error::{Error, Result};
use crate::file::{self, OutputFile};

/// The destination of an export. Dropped before [`Export::complete`], it leaves no file behind.
pub struct Export<'a> {
    /// The output for messages.
    standard: &'a Output,
    output: Output,
    file: Option<OutputFile>,
}

impl Output {
    /// Opens an export in this format to a file, or to stdout.
    ///
    /// Errors: exit 2 if `--output` or the file extension requests another format; those of [`OutputFile::open`].
    pub async fn open_export(&self, format: Format, file: Option<&Path>) -> Result<Export<'_>> {
        if let Some(asked) = self.settings.format.filter(|asked| *asked != format) {
            return Err(always_written_as(format.as_str(), asked));
        }
        self.export(OutputSettings { format: Some(format), ..self.settings.clone() }, format.extensions(), file).await
    }

    /// As [`Output::open_export`], for preformatted text, which is in the first of these formats.
    pub async fn open_text_export(&self, extensions: &[&str], file: Option<&Path>) -> Result<Export<'_>> {
        let format = extensions.first().copied().unwrap_or("text");
        match self.settings.format {
            Some(asked) => return Err(always_written_as(format, asked)),
            None if self.has_fields() => return Err(Error::usage(format!("--fields is not for {format}"))),
            None => {}
        }
        self.export(self.settings.clone(), extensions, file).await
    }

    async fn export(&self, settings: OutputSettings, extensions: &[&str], file: Option<&Path>) -> Result<Export<'_>> {
        let (standard, messages) = (self, Box::new(io::stderr()));
        let Some(path) = file.filter(|path| !file::is_standard_stream(path)) else {
            let stdout = Box::new(BufWriter::new(io::stdout()));
            let output = Output::new(settings, self.terminal.clone(), stdout, messages).in_zone(self.zone.clone());
            let output = Output { is_export: true, ..output };
            return Ok(Export { standard, output, file: None });
        };
        file::check_ending(path, extensions)?;
        let file = OutputFile::open(path).await?;
        let terminal = Terminal { stdout_is_terminal: file.is_terminal(), ..Terminal::default() };
        let stream = Box::new(BufWriter::new(file.stream()?));
        let mut output = Output::new(settings, terminal, stream, messages).in_zone(self.zone.clone());
        (output.path, output.is_export) = (Some(path.to_owned()), true);
        Ok(Export { standard, output, file: Some(file) })
    }
}

fn always_written_as(format: &str, asked: Format) -> Error {
    let error = Error::usage(format!("this is always written as {format}"));
    error.hint(format!("leave out --output {}", asked.as_str()))
}

impl Export<'_> {
    /// The output stream.
    pub fn output(&self) -> &Output {
        &self.output
    }

    /// Renames the file to its final name after syncing it to disk.
    ///
    /// Errors: exit 5 if the disk is full, exit 4 if the file cannot be written.
    pub fn complete(self) -> Result<()> {
        self.output.flush()?;
        let Some(file) = self.file else { return Ok(()) };
        let message = format!("wrote {}", file.path().display());
        file.complete()?;
        self.standard.note(&message);
        Ok(())
    }
}
