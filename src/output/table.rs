//! Tables for people: without borders, two spaces between columns, fitted to the width of the terminal.
//!
//! comfy-table lays them out. Long texts are shortened beforehand, because it would wrap them into several lines.

use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, Width};
use unicode_width::UnicodeWidthStr;

use super::cell::Cell;

/// Spaces between two columns.
const GAP: u16 = 2;
/// The minimum width of a text column, even if the table becomes too wide.
const MIN_TEXT_WIDTH: usize = 8;
const BOLD: &str = "\u{1b}[1m";
const RESET: &str = "\u{1b}[0m";

/// The width and alignment of each column, determined by the first rows.
pub(super) struct Layout {
    columns: Vec<TableColumn>,
    /// Whether texts are shortened; only on a terminal.
    is_fitted: bool,
}

struct TableColumn {
    width: usize,
    is_number: bool,
    is_text: bool,
}

impl Layout {
    /// Determines the layout for titles (empty without a header) and rows.
    pub fn fit(titles: &[&str], rows: &[Vec<Cell>], terminal_width: Option<usize>) -> Layout {
        let layout = |(position, title): (usize, &&str)| {
            let cells = || rows.iter().filter_map(move |row| row.get(position));
            TableColumn {
                width: cells().map(|cell| cell.display_text().width()).max().unwrap_or(0).max(title.width()),
                is_number: cells().any(Cell::is_number) && !cells().any(Cell::is_text),
                is_text: cells().any(Cell::is_text),
            }
        };
        let mut columns: Vec<TableColumn> = titles.iter().enumerate().map(layout).collect();
        if let Some(width) = terminal_width {
            narrow(&mut columns, width);
        }
        Layout { columns, is_fitted: terminal_width.is_some() }
    }

    /// The header line.
    pub fn header(&self, titles: &[&str], is_bold: bool) -> String {
        let line = self.lines([titles.iter().map(|title| (*title).to_owned()).collect()]);
        if is_bold { format!("{BOLD}{}{RESET}\n", line.trim_end()) } else { line }
    }

    /// The lines of these rows.
    pub fn rows(&self, rows: &[Vec<Cell>]) -> String {
        self.lines(rows.iter().map(|row| row.iter().map(Cell::display_text).collect()))
    }

    fn lines(&self, rows: impl IntoIterator<Item = Vec<String>>) -> String {
        let mut table = comfy_table::Table::new();
        table.load_style(comfy_table::presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
        for row in rows {
            let texts = self.columns.iter().zip(row);
            table.add_row(texts.map(
                |(column, text)| {
                    if self.is_fitted && column.is_text { shorten(text, column.width) } else { text }
                },
            ));
        }
        let last = self.columns.len().saturating_sub(1);
        for (position, (column, printed)) in self.columns.iter().zip(table.column_iter_mut()).enumerate() {
            let gap = if position == last { 0 } else { GAP };
            printed.set_padding((0, gap));
            printed.set_constraint(ColumnConstraint::Absolute(Width::Fixed(
                u16::try_from(column.width).unwrap_or(u16::MAX).saturating_add(gap),
            )));
            if column.is_number {
                printed.set_cell_alignment(CellAlignment::Right);
            }
        }
        table.lines().map(|line| format!("{}\n", line.trim_end_matches(' '))).collect()
    }
}

/// Shrinks the widest text column by one character at a time until the lines fit.
fn narrow(columns: &mut [TableColumn], terminal_width: usize) {
    let gaps = usize::from(GAP) * columns.len().saturating_sub(1);
    let mut excess = (columns.iter().map(|column| column.width).sum::<usize>() + gaps).saturating_sub(terminal_width);
    while excess > 0 {
        let widest = columns.iter_mut().filter(|column| column.is_text).max_by_key(|column| column.width);
        match widest {
            Some(column) if column.width > MIN_TEXT_WIDTH => column.width -= 1,
            _ => return,
        }
        excess -= 1;
    }
}

/// The text truncated to a width, with `…` at the end.
pub fn shorten(text: String, width: usize) -> String {
    if text.width() <= width {
        return text;
    }
    let mut end = 0;
    for (start, character) in text.char_indices() {
        let next = start + character.len_utf8();
        // The width of an emoji sequence is not the sum of its characters' widths.
        if text[..next].width() >= width {
            break;
        }
        end = next;
    }
    format!("{}…", &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_characters_are_measured_not_counted() {
        assert_eq!(shorten("日本語のマグカップ".to_owned(), 8), "日本語…");
        assert_eq!(shorten("日本語".to_owned(), 6), "日本語");
        assert_eq!(shorten("e\u{301}te\u{301}".to_owned(), 3), "e\u{301}te\u{301}");
    }

    proptest::proptest! {
        #[test]
        fn a_fitted_table_is_never_wider_than_the_terminal(
            names in proptest::collection::vec("(?s).*", 1..5),
            number: i32,
            terminal_width in 40usize..120,
        ) {
            let rows: Vec<Vec<Cell>> =
                names.iter().map(|name| vec![Cell::from(name.as_str()), Cell::from(number), Cell::from("x")]).collect();
            let layout = Layout::fit(&["NAME", "NUMBER", "X"], &rows, Some(terminal_width));
            for row in &rows {
                let line = layout.rows(std::slice::from_ref(row));
                proptest::prop_assert!(line.trim_end().width() <= terminal_width, "{}", line);
                proptest::prop_assert_eq!(line.matches('\n').count(), 1);
            }
        }
    }
}
