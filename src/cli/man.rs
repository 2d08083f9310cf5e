//! `shopctl man`: a manual page for each command.

use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args, Command};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};
use serde::Serialize;

use super::Cli;
use super::shared::after_help::{exit_code_lines, parts_of};
use crate::domain::text::counted;
use crate::error::{Error, Result};
use crate::file::unwritable;
use crate::output::{Mutation, Output};

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  shopctl man --dir ~/.local/share/man/man1")]
pub struct Arguments {
    /// Write the pages into this folder, which is created if it is missing
    #[arg(long, value_name = "FOLDER")]
    dir: PathBuf,
}

#[derive(Serialize)]
struct Written<'a> {
    dir: &'a Path,
    pages: usize,
    changed: bool,
}

pub fn run(output: &Output, arguments: &Arguments) -> Result<()> {
    let dir = arguments.dir.as_path();
    fs::create_dir_all(dir).map_err(|error| unwritable(dir, &error))?;
    let pages = write_pages(&Cli::whole(), dir)?;
    let line = format!("{} written to {}", counted(pages, "manual page"), dir.display());
    output.mutation(&Mutation::new(line, dir.display(), Written { dir, pages, changed: true }));
    Ok(())
}

/// Writes the pages of a command and of all below it; returns their number.
fn write_pages(command: &Command, dir: &Path) -> Result<usize> {
    let page = Man::new(command.clone()).manual("shopctl");
    let path = dir.join(page.get_filename());
    let text = render(&page, command).map_err(|error| Error::internal(format!("a manual page: {error}")))?;
    fs::write(&path, text).map_err(|error| unwritable(&path, &error))?;
    command.get_subcommands().try_fold(1, |pages, deeper| Ok(pages + write_pages(deeper, dir)?))
}

/// The page: clap_mangen's sections, but lines of the help and its examples stay lines.
fn render(page: &Man, command: &Command) -> std::io::Result<Vec<u8>> {
    let mut text = Vec::new();
    page.render_title(&mut text)?;
    page.render_name_section(&mut text)?;
    lines("SYNOPSIS", &synopsis(command)).to_writer(&mut text)?;
    page.render_description_section(&mut text)?;
    page.render_options_section(&mut text)?;
    if command.has_subcommands() {
        page.render_subcommands_section(&mut text)?;
    }
    let (notes, examples) = parts_of(command);
    lines("NOTES", &notes).to_writer(&mut text)?;
    lines("EXAMPLES", &examples.join("\n")).to_writer(&mut text)?;
    lines("EXIT STATUS", &exit_code_lines()).to_writer(&mut text)?;
    Ok(text)
}

/// As the help has it: the options have a section of their own.
fn synopsis(command: &Command) -> String {
    let usage = command.clone().render_usage().to_string();
    usage.trim_start_matches("Usage:").lines().map(str::trim).collect::<Vec<_>>().join("\n")
}

/// A section whose lines stay as they are; nothing for an empty text.
fn lines(heading: &str, text: &str) -> Roff {
    let mut section = Roff::new();
    if text.is_empty() {
        return section;
    }
    section.control("SH", [heading]).control("nf", []);
    for line in text.lines() {
        section.text([roman(line)]);
    }
    section.control("fi", []);
    section
}
