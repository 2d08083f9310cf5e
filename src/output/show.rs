//! Prints one object in every format.

use unicode_width::UnicodeWidthStr;

use super::cell::{Cell, Heading, Shown};
use super::column::{self, View};
use super::csv::Delimiter;
use super::table::{Layout, Style};
use super::wrap::wrap;
use super::{Format, Output, csv};
use crate::error::Result;

/// The width that a value needs beside its label; else it stands below.
const MIN_VALUE_WIDTH: usize = 24;

/// The text of one object, and whether people read a time in it. In CSV and TSV it is one row, in which nested rows are
/// a JSON cell.
pub(super) fn render<V: View>(output: &Output, row: &V, extra: &[(&'static str, Cell)]) -> Result<(String, bool)> {
    let is_shown = |column: &&column::Column<V>| match column.heading.shown {
        Shown::Everywhere | Shown::OutsideTables => true,
        Shown::ForPrograms => output.format != Format::Table || output.has_fields(),
        Shown::OnRequest => false,
    };
    let columns = V::COLUMNS.iter().filter(is_shown);
    let mut fields: Vec<(Heading, Cell)> = columns.map(|column| (column.heading, (column.cell)(row))).collect();
    fields.extend(extra.iter().map(|(name, cell)| (Heading::new(name, name), cell.clone())));
    render_fields(output, fields, &|| row.id())
}

fn render_fields(output: &Output, mut fields: Vec<(Heading, Cell)>, id: &dyn Fn() -> String) -> Result<(String, bool)> {
    if let Some(wanted) = &output.settings.fields {
        let names: Vec<_> = fields.iter().map(|(heading, _)| (heading.name, heading.title)).collect();
        let positions = column::select(wanted, &names)?;
        fields = positions.into_iter().map(|position| fields[position].clone()).collect();
    }
    let (headings, cells): (Vec<Heading>, Vec<Cell>) = fields.into_iter().unzip();
    let text = match output.format {
        Format::Table => return Ok(lines(output, &headings, &cells)),
        Format::Csv if !output.settings.no_headers => {
            let header = csv::line(headings.iter().map(|heading| heading.name), Delimiter::Comma)?;
            header + &output.line(&headings, &cells, id)?
        }
        _ => output.line(&headings, &cells, id)?,
    };
    Ok((text, false))
}

/// One line `name:  value` per field, then each nested list as a table under its name; and whether it has a time.
fn lines(output: &Output, headings: &[Heading], cells: &[Cell]) -> (String, bool) {
    let widest = headings.iter().map(|heading| heading.name.width()).max().unwrap_or(0);
    let mut text = String::new();
    let mut tables = String::new();
    let mut has_time = cells.iter().any(Cell::has_time);
    for (heading, cell) in headings.iter().zip(cells) {
        match cell {
            Cell::Nested(nested) if nested.rows.is_empty() => tables.push_str(&format!("\n{}: none\n", heading.name)),
            Cell::Nested(nested) => {
                let (shown, rows) = nested.in_table();
                let (layout, table) = output.table(&shown, &rows);
                has_time |= layout.has_time(&rows);
                tables.push_str(&format!("\n{}:\n{table}", heading.name));
            }
            value => {
                let mut label = format!("{}:", heading.name);
                for part in value.parts() {
                    text.push_str(&labelled(output, &format!("{label:<width$}", width = widest + 3), &part));
                    label.clear();
                }
            }
        }
    }
    let tables = if text.is_empty() { tables.trim_start() } else { &tables };
    (text + tables, has_time)
}

/// A value behind its label, on several lines if the terminal is narrow.
fn labelled(output: &Output, label: &str, cell: &Cell) -> String {
    let (style, text, indent) = (output.table_style(), cell.display_text(&output.zone), label.width());
    let width = style.width.unwrap_or(usize::MAX);
    let room = width.saturating_sub(indent);
    if text.width() <= room {
        let tone = cell.tone().filter(|_| style.is_colored);
        return format!("{label}{}\n", tone.map_or_else(|| text.clone(), |tone| tone.paint(&text)));
    }
    if room >= MIN_VALUE_WIDTH && text.split(' ').all(|word| word.width() <= room) {
        return format!("{label}{}", wrap(&text, width, (indent, indent)).trim_start());
    }
    let label = label.trim_end();
    let line = if label.is_empty() { String::new() } else { format!("{label}\n") };
    line + &wrap(&text, width, (2, 2))
}

impl Output {
    /// A table and its layout for further rows.
    pub(super) fn table(&self, headings: &[Heading], rows: &[Vec<Cell>]) -> (Layout, String) {
        let layout = Layout::fit(headings, rows, self.table_style());
        let text = layout.header() + &layout.rows(rows);
        (layout, text)
    }

    fn table_style(&self) -> Style {
        Style {
            zone: self.zone.clone(),
            width: self.terminal.width.filter(|_| self.terminal.stdout_is_terminal),
            has_header: !self.settings.no_headers,
            is_colored: self.terminal.has_color(self.settings.color, self.terminal.stdout_is_terminal),
            keeps_all: self.has_fields(),
        }
    }
}
