//! Tables for people: no lines, two spaces between columns, fitted to the width of the terminal.
//!
//! Written out here because a table crate wraps long cells where this house shortens them, and
//! what then remains of its work is padding.

use unicode_width::UnicodeWidthStr;

use super::cell::Cell;

const GAP: &str = "  ";
/// A column of text is never made narrower than this, even when the table is then too wide.
const NARROWEST: usize = 8;
const BOLD: &str = "\u{1b}[1m";
const RESET: &str = "\u{1b}[0m";

/// How wide each column is and to which side it leans, decided from the first rows.
pub(super) struct Layout {
    columns: Vec<Lane>,
    /// Without a terminal nothing is shortened.
    is_fitted: bool,
}

struct Lane {
    width: usize,
    is_number: bool,
    is_text: bool,
}

impl Layout {
    /// The layout for these titles (as shown; empty texts when there is no header) and rows.
    pub fn fit(titles: &[&str], rows: &[Vec<Cell>], terminal_width: Option<usize>) -> Layout {
        let lane = |(position, title): (usize, &&str)| {
            let column = || rows.iter().filter_map(move |row| row.get(position));
            Lane {
                width: column().map(|cell| cell.for_people().width()).max().unwrap_or(0).max(title.width()),
                is_number: column().any(Cell::is_number) && !column().any(Cell::is_text),
                is_text: column().any(Cell::is_text),
            }
        };
        let mut columns: Vec<Lane> = titles.iter().enumerate().map(lane).collect();
        if let Some(width) = terminal_width {
            narrow(&mut columns, width);
        }
        Layout { columns, is_fitted: terminal_width.is_some() }
    }

    /// The header line.
    pub fn header(&self, titles: &[&str], is_bold: bool) -> String {
        let line = self.line(titles.iter().map(|title| (*title).to_owned()));
        if is_bold { format!("{BOLD}{}{RESET}\n", line.trim_end()) } else { line }
    }

    /// The line of one row.
    pub fn row(&self, cells: &[Cell]) -> String {
        self.line(cells.iter().map(Cell::for_people))
    }

    fn line(&self, texts: impl Iterator<Item = String>) -> String {
        let mut line = String::new();
        for (position, (lane, text)) in self.columns.iter().zip(texts).enumerate() {
            if position > 0 {
                line.push_str(GAP);
            }
            let text = if self.is_fitted && lane.is_text { shorten(text, lane.width) } else { text };
            let padding = " ".repeat(lane.width.saturating_sub(text.width()));
            let (left, right) = if lane.is_number { (padding, text) } else { (text, padding) };
            line.push_str(&left);
            line.push_str(&right);
        }
        line.truncate(line.trim_end_matches(' ').len());
        line.push('\n');
        line
    }
}

/// Takes from the widest text column, one column of the screen at a time, until the lines fit.
fn narrow(columns: &mut [Lane], terminal_width: usize) {
    let gaps = GAP.len() * columns.len().saturating_sub(1);
    let mut too_much = (columns.iter().map(|lane| lane.width).sum::<usize>() + gaps).saturating_sub(terminal_width);
    while too_much > 0 {
        let widest = columns.iter_mut().filter(|lane| lane.is_text).max_by_key(|lane| lane.width);
        match widest {
            Some(lane) if lane.width > NARROWEST => lane.width -= 1,
            _ => return,
        }
        too_much -= 1;
    }
}

/// The text cut to a width, with `…` in place of what was cut.
fn shorten(text: String, width: usize) -> String {
    if text.width() <= width {
        return text;
    }
    let mut end = 0;
    for (start, character) in text.char_indices() {
        let next = start + character.len_utf8();
        // The width of the whole piece: that of its characters does not add up in emoji sequences.
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
                let line = layout.row(row);
                proptest::prop_assert!(line.trim_end().width() <= terminal_width, "{}", line);
                proptest::prop_assert_eq!(line.matches('\n').count(), 1);
            }
        }
    }
}
