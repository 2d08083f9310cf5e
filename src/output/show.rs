//! Prints one object in every format.

use unicode_width::UnicodeWidthStr;

use super::cell::{Cell, Heading};
use super::column::{self, View};
use super::csv::Delimiter;
use super::table::Layout;
use super::{Format, Output, csv};
use crate::error::Result;

/// The text of one object. In CSV and TSV it is one row, in which nested rows are a JSON cell.
pub(super) fn render<V: View>(output: &Output, row: &V, extra: &[(&'static str, Cell)]) -> Result<String> {
    let mut fields: Vec<(Heading, Cell)> =
        V::COLUMNS.iter().map(|column| (column.heading, (column.cell)(row))).collect();
    fields.extend(extra.iter().map(|(name, cell)| (Heading { name, title: name, in_table: true }, cell.clone())));
    if let Some(wanted) = &output.settings.fields {
        let names: Vec<_> = fields.iter().map(|(heading, _)| heading.name).collect();
        let positions = column::select(wanted, &names)?;
        fields = positions.into_iter().map(|position| fields[position].clone()).collect();
    }
    let (headings, cells): (Vec<Heading>, Vec<Cell>) = fields.into_iter().unzip();
    match output.format {
        Format::Table => Ok(lines(output, &headings, &cells)),
        Format::Csv if !output.settings.no_headers => {
            let header = csv::line(headings.iter().map(|heading| heading.name), Delimiter::Comma)?;
            Ok(header + &output.line(&headings, &cells, row)?)
        }
        _ => output.line(&headings, &cells, row),
    }
}

/// One line `name:  value` per field, then each nested list as a table under its name.
fn lines(output: &Output, headings: &[Heading], cells: &[Cell]) -> String {
    let widest = headings.iter().map(|heading| heading.name.width()).max().unwrap_or(0);
    let mut text = String::new();
    let mut tables = String::new();
    for (heading, cell) in headings.iter().zip(cells) {
        match cell {
            Cell::Nested(nested) if nested.rows.is_empty() => tables.push_str(&format!("\n{}: none\n", heading.name)),
            Cell::Nested(nested) => {
                let (shown, rows) = nested.in_table();
                tables.push_str(&format!("\n{}:\n{}", heading.name, output.table(&shown, &rows).1));
            }
            value => {
                let label = format!("{}:", heading.name);
                text.push_str(&format!("{label:<width$}  {}\n", value.display_text(), width = widest + 1));
            }
        }
    }
    let tables = if text.is_empty() { tables.trim_start() } else { &tables };
    text + tables
}

impl Output {
    /// A table and its layout for further rows.
    pub(super) fn table(&self, headings: &[Heading], rows: &[Vec<Cell>]) -> (Layout, String) {
        let has_header = !self.settings.no_headers;
        let titles: Vec<_> = headings.iter().map(|heading| if has_header { heading.title } else { "" }).collect();
        let width = self.terminal.width.filter(|_| self.terminal.stdout_is_terminal);
        let layout = Layout::fit(&titles, rows, width);
        let is_bold = self.terminal.has_color(self.settings.color, self.terminal.stdout_is_terminal);
        let mut text = if has_header { layout.header(&titles, is_bold) } else { String::new() };
        text.push_str(&layout.rows(rows));
        (layout, text)
    }
}
