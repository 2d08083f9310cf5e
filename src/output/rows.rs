//! Prints lists row by row in every format.

use serde_json::Value;

use super::cell::{Cell, Heading, Shown, object};
use super::column::{self, Column, View, cells};
use super::table::Layout;
use super::{Format, Output, csv, escape, extended_json, json};
use crate::domain::text::counted_of;
use crate::error::{CommandLine, Hint, Result};

/// Number of rows buffered to determine the column widths of a table.
const LAYOUT_ROWS: usize = 1000;

/// The information about a list besides its rows.
#[derive(Debug, Default)]
pub struct ListFooter<'a> {
    /// The cursor of the next page.
    pub next: Option<&'a str>,
    /// The rows that are not in it.
    pub more: Option<MoreRows>,
    /// The total number of rows, if requested.
    pub total: Option<u64>,
    /// Totals over all rows.
    pub totals: &'a [(&'static str, Cell)],
}

/// The rows after those of a list.
#[derive(Debug)]
pub struct MoreRows {
    /// How many there are, counted up to one more than [`MoreRows::COUNTED_MAX`]; `None` if they were not counted.
    pub count: Option<u64>,
    /// The command that shows them.
    pub command: CommandLine,
}

impl MoreRows {
    /// The highest number that is said: counting all of a large shop would take longer than its first page.
    pub const COUNTED_MAX: u64 = 1_000;

    /// `37 more orders: shopctl …`
    fn hint(&self, noun: &str) -> Hint {
        let noun = format!("more {noun}");
        let rows = match self.count {
            Some(count) if count > MoreRows::COUNTED_MAX => format!("over {} {noun}", MoreRows::COUNTED_MAX),
            Some(count) => counted_of(count, &noun),
            None => noun,
        };
        Hint::from(rows).and(": ").and(self.command.clone())
    }
}

/// A list being printed. Nothing is written before the first row or [`Rows::finish`], so that a query that fails
/// immediately leaves stdout empty.
#[must_use = "a list ends with `finish`"]
pub struct Rows<'a, V: View> {
    columns: Vec<&'static Column<V>>,
    lines: Lines<'a>,
}

impl<'a, V: View> Rows<'a, V> {
    pub(super) fn new(output: &'a Output) -> Result<Rows<'a, V>> {
        let available: Vec<Heading> = V::COLUMNS.iter().map(|column| column.heading).collect();
        let shown = shown(output, &available)?;
        let columns = shown.iter().map(|position| &V::COLUMNS[*position]).collect();
        let headings = shown.iter().map(|position| available[*position]).collect();
        Ok(Rows { columns, lines: Lines::new(output, V::NOUN, headings) })
    }

    /// Prints a row.
    ///
    /// Errors: exit 5 if stdout cannot be written.
    pub fn push(&mut self, row: &V) -> Result<()> {
        self.lines.push(cells(&self.columns, row), &|| row.id())
    }

    /// Ends the list.
    ///
    /// Errors: exit 5 if stdout cannot be written.
    pub fn finish(self, footer: &ListFooter<'_>) -> Result<()> {
        self.lines.finish(footer)
    }
}

/// The positions of the columns that a list prints.
fn shown(output: &Output, available: &[Heading]) -> Result<Vec<usize>> {
    if let Some(wanted) = &output.settings.fields {
        let names: Vec<_> = available.iter().map(|heading| (heading.name, heading.title)).collect();
        return column::select(wanted, &names);
    }
    let is_shown = |heading: &Heading| match heading.shown {
        Shown::Everywhere => true,
        Shown::OutsideTables | Shown::ForPrograms => output.format != Format::Table,
        Shown::OnRequest => false,
    };
    Ok((0..available.len()).filter(|position| is_shown(&available[*position])).collect())
}

/// A list of any rows being printed. It is not generic, so that the program has this code once and not for each view.
struct Lines<'a> {
    output: &'a Output,
    noun: &'static str,
    headings: Vec<Heading>,
    count: u64,
    /// The rows of a table before its layout is known.
    waiting: Vec<Vec<Cell>>,
    layout: Option<Layout>,
    /// Whether a table shows a time.
    has_time: bool,
}

impl<'a> Lines<'a> {
    fn new(output: &'a Output, noun: &'static str, headings: Vec<Heading>) -> Lines<'a> {
        Lines { output, noun, headings, count: 0, waiting: Vec::new(), layout: None, has_time: false }
    }

    fn push(&mut self, row: Vec<Cell>, id: &dyn Fn() -> String) -> Result<()> {
        if self.count == 0 {
            self.begin()?;
        }
        self.count += 1;
        match self.output.format {
            Format::Table => self.push_to_table(row),
            Format::Json => {
                let separator = if self.count == 1 { "\n" } else { ",\n" };
                let object = object(&self.headings, &row);
                self.output.write(&format!("{separator}{}", json::text(&Value::Object(object))))
            }
            _ => self.output.write(&self.output.line(&self.headings, &row, id)?),
        }
    }

    fn finish(mut self, footer: &ListFooter<'_>) -> Result<()> {
        let ListFooter { next, total, totals, .. } = *footer;
        if self.count == 0 {
            self.begin()?;
        }
        match self.output.format {
            Format::Json => {
                let line_break = if self.count == 0 { "" } else { "\n" };
                let total = total.map(|total| format!(",\"total\":{total}")).unwrap_or_default();
                let next = json::text(&next.map_or(Value::Null, Value::from));
                let sums = totals.iter().map(|(name, cell)| ((*name).to_owned(), cell.to_json())).collect();
                let sums = match totals {
                    [] => String::new(),
                    _ => format!(",\"totals\":{}", json::text(&Value::Object(sums))),
                };
                self.output.write(&format!("{line_break}],\"next\":{next}{total}{sums}}}\n"))?;
            }
            Format::Table => self.print_waiting()?,
            Format::Jsonl | Format::Csv | Format::Tsv | Format::Id | Format::MongoJson => {}
        }
        self.output.flush()?;
        self.note(footer);
        Ok(())
    }

    fn begin(&self) -> Result<()> {
        match self.output.format {
            Format::Json => self.output.write("{\"items\":["),
            Format::Csv | Format::Tsv if !self.output.settings.no_headers => match self.output.delimiter() {
                Some(delimiter) => {
                    let names = self.headings.iter().map(|heading| heading.name);
                    self.output.write(&csv::line(names, delimiter)?)
                }
                None => Ok(()),
            },
            _ => Ok(()),
        }
    }

    fn push_to_table(&mut self, row: Vec<Cell>) -> Result<()> {
        if let Some(layout) = &self.layout {
            self.has_time |= layout.has_time(std::slice::from_ref(&row));
            return self.output.write(&layout.rows(&[row]));
        }
        self.waiting.push(row);
        if self.waiting.len() == LAYOUT_ROWS { self.print_waiting() } else { Ok(()) }
    }

    /// Determines the layout of a table from the buffered rows, and prints them.
    fn print_waiting(&mut self) -> Result<()> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let rows = std::mem::take(&mut self.waiting);
        let (layout, text) = self.output.table(&self.headings, &rows);
        self.has_time |= layout.has_time(&rows);
        self.layout = Some(layout);
        self.output.write(&text)
    }

    /// Prints the footer on stderr, except for JSON, which contains it.
    fn note(&self, ListFooter { more, total, totals, .. }: &ListFooter<'_>) {
        if self.output.format == Format::Json {
            return;
        }
        if self.count == 0 && self.output.format == Format::Table {
            self.output.note(&format!("no {}", self.noun));
        }
        if let Some(total) = total {
            // It was asked for: also with --quiet.
            self.output.say(&format!("{} in total", counted_of(*total, self.noun)));
        }
        if !totals.is_empty() {
            let sums: Vec<_> =
                totals.iter().map(|(name, cell)| format!("{name} {}", cell.display_text(&self.output.zone))).collect();
            self.output.note(&format!("total: {}", sums.join(", ")));
        }
        if self.has_time {
            self.output.note_zone();
        }
        if let Some(more) = more {
            self.output.suggest(more.hint(self.noun));
        }
    }
}

impl Output {
    /// The line of a row, in any format except a table.
    pub(super) fn line(&self, headings: &[Heading], cells: &[Cell], id: &dyn Fn() -> String) -> Result<String> {
        let line = match (self.format, self.delimiter()) {
            (_, Some(delimiter)) => return Ok(self.for_terminal(csv::row(cells, delimiter)?)),
            (Format::Json | Format::Jsonl, _) => json::text(&Value::Object(object(headings, cells))),
            (Format::MongoJson, _) => json::text(&extended_json::document(headings, cells)),
            (Format::Id, _) => escape::tsv(&id()),
            _ => cells.iter().map(|cell| escape::tsv(&cell.raw_text())).collect::<Vec<_>>().join("\t"),
        };
        Ok(line + "\n")
    }
}
