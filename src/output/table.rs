//! Tables for people: without borders, two spaces between columns, never wider than the terminal.
//!
//! comfy-table lays the columns out. What does not fit is not cut: an overlong text stands on its own line under its
//! row, in the first column above the rest of its row. In a narrow terminal whole columns move there, or are left out
//! if their [`Rank`] allows it. Columns without any value are left out, and under a row what is zero.

use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, Width};
use unicode_width::UnicodeWidthStr;

use super::cell::{Cell, Heading, Rank};
use super::palette::{BOLD, paint};
use super::wrap::wrap;
use crate::domain::Zone;

/// Spaces between two columns.
const GAP: u16 = 2;
/// The width that a text column keeps while other columns are narrowed.
const MIN_TEXT_WIDTH: usize = 12;
/// Indentation of the lines under a row, and of their further lines.
const INDENTS: (usize, usize) = (2, 4);

/// What a table looks like besides its rows.
#[derive(Clone)]
pub(super) struct Style {
    pub zone: Zone,
    /// The columns of the terminal; `None` if nothing has to fit.
    pub width: Option<usize>,
    pub has_header: bool,
    pub is_colored: bool,
    /// Whether the fields were asked for, so that none is left out.
    pub keeps_all: bool,
}

/// Where each column is printed, determined by the first rows.
pub(super) struct Layout {
    columns: Vec<TableColumn>,
    style: Style,
}

struct TableColumn {
    heading: Heading,
    place: Place,
    is_number: bool,
    /// Whether a zero under the row says nothing: of a sum of money, and where all rows have one.
    hides_zero: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// In the grid, with this width.
    Grid(usize),
    /// Under the row, if the row has a value.
    Below,
    /// Nowhere.
    LeftOut,
}

/// A column while its place is determined.
struct Measured {
    rank: Rank,
    is_text: bool,
    /// The width of the title, if there is a header.
    title: usize,
    /// The widths of the cells.
    cells: Vec<usize>,
    /// Whether no cell has a value.
    is_empty: bool,
    place: Place,
}

impl Measured {
    fn new(heading: &Heading, cells: &[&Cell], style: &Style) -> Measured {
        let title = if style.has_header { heading.title.width() } else { 0 };
        let mut column = Measured {
            rank: heading.rank,
            is_text: cells.iter().any(|cell| cell.is_text() || matches!(cell, Cell::Worded(..))),
            title,
            cells: cells.iter().map(|cell| cell.display_text(&style.zone).width()).collect(),
            is_empty: !cells.is_empty() && cells.iter().all(|cell| cell.is_missing()) && !style.keeps_all,
            place: Place::Below,
        };
        if !column.is_empty {
            column.place = Place::Grid(column.natural_width());
        }
        column
    }

    fn natural_width(&self) -> usize {
        self.cells.iter().copied().max().unwrap_or(0).max(self.title)
    }

    fn grid_width(&self) -> Option<usize> {
        match self.place {
            Place::Grid(width) => Some(width),
            Place::Below | Place::LeftOut => None,
        }
    }

    /// Whether it can be narrower than it is.
    fn can_shrink(&self) -> bool {
        self.is_text && self.grid_width().is_some_and(|width| width > self.title.max(MIN_TEXT_WIDTH))
    }

    /// Whether most cells do not fit into the grid any more.
    fn mostly_overflows(&self) -> bool {
        let Some(width) = self.grid_width() else { return false };
        2 * self.cells.iter().filter(|cell| **cell <= width).count() < self.cells.len()
    }
}

impl Layout {
    /// Determines the layout of these rows and of those that follow.
    pub fn fit(headings: &[Heading], rows: &[Vec<Cell>], style: Style) -> Layout {
        let cells = |position: usize| rows.iter().filter_map(|row| row.get(position)).collect::<Vec<_>>();
        let measured = headings.iter().enumerate();
        let mut measured: Vec<_> = measured.map(|(at, heading)| Measured::new(heading, &cells(at), &style)).collect();
        // Where every column is empty, the first one still makes a line of each row.
        if let (true, Some(first)) = (measured.iter().all(|column| column.is_empty), measured.first_mut()) {
            first.place = Place::Grid(first.natural_width());
        }
        if let Some(width) = style.width {
            narrow(&mut measured, width, style.keeps_all);
        }
        let column = |(at, measured): (usize, Measured)| TableColumn {
            heading: headings[at],
            place: measured.place,
            is_number: !measured.is_text && cells(at).iter().any(|cell| cell.is_number()),
            hides_zero: !style.keeps_all
                && cells(at).iter().all(|cell| cell.is_nothing() || matches!(cell, Cell::Amount(_))),
        };
        Layout { columns: measured.into_iter().enumerate().map(column).collect(), style }
    }

    /// Whether people read a time in these rows.
    pub fn has_time(&self, rows: &[Vec<Cell>]) -> bool {
        let is_read = |(column, cell): (&TableColumn, &Cell)| column.place != Place::LeftOut && cell.has_time();
        rows.iter().any(|row| self.columns.iter().zip(row).any(is_read))
    }

    /// The header line; empty without one.
    pub fn header(&self) -> String {
        if !self.style.has_header {
            return String::new();
        }
        let titles = self.columns.iter().map(|column| column.heading.title.to_owned()).collect();
        let line = self.grid(&[titles]).concat();
        if self.style.is_colored { format!("{}\n", paint(BOLD, line.trim_end())) } else { line }
    }

    /// The lines of these rows.
    pub fn rows(&self, rows: &[Vec<Cell>]) -> String {
        let text = |(column, cell): (&TableColumn, &Cell)| match column.place {
            Place::Grid(width) => Some(cell.display_text(&self.style.zone)).filter(|text| text.width() <= width),
            Place::Below | Place::LeftOut => None,
        };
        let texts: Vec<Vec<String>> = rows
            .iter()
            .map(|row| self.columns.iter().zip(row).map(text).map(Option::unwrap_or_default).collect())
            .collect();
        let lines = self.grid(&texts);
        let block = |((row, texts), line): ((&Vec<Cell>, &Vec<String>), String)| {
            let line = if line.trim().is_empty() { String::new() } else { self.painted(line, row, texts) };
            let (above, below) = self.beside(row);
            above + &line + &below
        };
        rows.iter().zip(&texts).zip(lines).map(block).collect()
    }

    /// The lines of a row's cells that the grid does not show: an overlong first cell, and the others.
    fn beside(&self, row: &[Cell]) -> (String, String) {
        let (mut above, mut below) = (String::new(), String::new());
        let width = self.style.width.unwrap_or(usize::MAX);
        let first = self.columns.iter().position(|column| matches!(column.place, Place::Grid(_)));
        for (position, (column, cell)) in self.columns.iter().zip(row).enumerate() {
            let text = cell.display_text(&self.style.zone);
            match column.place {
                Place::LeftOut => {}
                Place::Grid(width) if text.width() <= width => {}
                Place::Grid(_) if Some(position) == first => above = wrap(&text, width, (0, INDENTS.0)),
                Place::Below if *cell == Cell::Missing || column.hides_zero && cell.is_nothing() => {}
                Place::Grid(_) | Place::Below => {
                    let title = column.heading.title.to_lowercase();
                    let lines = wrap(&format!("{title}: {text}"), width, INDENTS);
                    below += &self.painted(lines, std::slice::from_ref(cell), &[text]);
                }
            }
        }
        (above, below)
    }

    /// A line with its states in their colours.
    fn painted(&self, line: String, row: &[Cell], texts: &[String]) -> String {
        if !self.style.is_colored {
            return line;
        }
        let (mut painted, mut rest) = (String::new(), line.as_str());
        for (cell, text) in row.iter().zip(texts).filter(|(_, text)| !text.is_empty()) {
            // Only blanks stand between a cell and the one before.
            let Some((before, after)) = rest.split_once(text.as_str()) else { break };
            painted.push_str(before);
            painted.push_str(&cell.tone().map_or_else(|| text.clone(), |tone| tone.paint(text)));
            rest = after;
        }
        painted + rest
    }

    /// One line for each row of texts that fit into the grid.
    fn grid(&self, rows: &[Vec<String>]) -> Vec<String> {
        let in_grid = |column: &TableColumn| match column.place {
            Place::Grid(width) => Some((width, column.is_number)),
            Place::Below | Place::LeftOut => None,
        };
        let mut table = comfy_table::Table::new();
        table.load_style(comfy_table::presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
        for row in rows {
            let shown = self.columns.iter().zip(row).filter(|(column, _)| in_grid(column).is_some());
            table.add_row(shown.map(|(_, text)| text));
        }
        let columns: Vec<_> = self.columns.iter().filter_map(in_grid).collect();
        let last = columns.len().saturating_sub(1);
        for (position, ((width, is_number), printed)) in columns.into_iter().zip(table.column_iter_mut()).enumerate() {
            let gap = if position == last { 0 } else { GAP };
            printed.set_padding((0, gap));
            printed.set_constraint(ColumnConstraint::Absolute(Width::Fixed(
                u16::try_from(width).unwrap_or(u16::MAX).saturating_add(gap),
            )));
            if is_number {
                printed.set_cell_alignment(CellAlignment::Right);
            }
        }
        table.lines().map(|line| format!("{}\n", line.trim_end_matches(' '))).collect()
    }
}

/// Makes the grid fit: narrows its texts, and takes columns out of it, one at a time.
fn narrow(columns: &mut [Measured], terminal_width: usize, keeps_all: bool) {
    let places: Vec<Place> = columns.iter().map(|column| column.place).collect();
    let has_whole_keys = fit(columns, terminal_width, keeps_all, true);
    if !has_whole_keys {
        columns.iter_mut().zip(places).for_each(|(column, place)| column.place = place);
        fit(columns, terminal_width, keeps_all, false);
    }
    take_back(columns, terminal_width, has_whole_keys);
    // A single column may still be too wide.
    if let Some(only) =
        columns.iter_mut().find(|column| column.grid_width().is_some_and(|width| width > terminal_width))
    {
        only.place = Place::Grid(terminal_width);
    }
}

/// Takes columns out of the grid until it fits, and returns whether it does; keys are left whole only if less important
/// columns make room for them.
fn fit(columns: &mut [Measured], terminal_width: usize, keeps_all: bool, has_whole_keys: bool) -> bool {
    loop {
        let excess = shrink(columns, terminal_width, has_whole_keys);
        let Some(next) = next_to_leave(columns, excess) else { return excess == 0 };
        let rank = columns[next].rank;
        if has_whole_keys && excess > 0 && !matches!(rank, Rank::Minor | Rank::Id) {
            return false;
        }
        columns[next].place = if rank == Rank::Minor && !keeps_all { Place::LeftOut } else { Place::Below };
    }
}

/// Puts columns into the grid again for which later ones made room.
fn take_back(columns: &mut [Measured], terminal_width: usize, has_whole_keys: bool) {
    let order = [Rank::Key, Rank::Main, Rank::Minor, Rank::Id];
    let count = columns.len();
    for (rank, position) in order.into_iter().flat_map(|rank| (0..count).map(move |position| (rank, position))) {
        let column = &columns[position];
        if column.rank != rank || column.is_empty || column.grid_width().is_some() {
            continue;
        }
        let places: Vec<Place> = columns.iter().map(|column| column.place).collect();
        columns[position].place = Place::Grid(columns[position].natural_width());
        let excess = shrink(columns, terminal_width, has_whole_keys);
        if next_to_leave(columns, excess).is_some() {
            columns.iter_mut().zip(places).for_each(|(column, place)| column.place = place);
        }
    }
}

/// Narrows the widest text by one character at a time, keys last or not at all, and returns by how much the grid is
/// still too wide.
fn shrink(columns: &mut [Measured], terminal_width: usize, has_whole_keys: bool) -> usize {
    for column in columns.iter_mut().filter(|column| column.grid_width().is_some()) {
        column.place = Place::Grid(column.natural_width());
    }
    let widths: Vec<usize> = columns.iter().filter_map(Measured::grid_width).collect();
    let gaps = usize::from(GAP) * widths.len().saturating_sub(1);
    let mut excess = (widths.iter().sum::<usize>() + gaps).saturating_sub(terminal_width);
    while excess > 0 {
        let order = |column: &&mut Measured| (column.rank != Rank::Key, column.grid_width());
        let can_shrink = |column: &&mut Measured| column.can_shrink() && !(has_whole_keys && column.rank == Rank::Key);
        let widest = columns.iter_mut().filter(can_shrink).max_by_key(order);
        let Some((column, width)) = widest.and_then(|column| column.grid_width().map(|width| (column, width))) else {
            break;
        };
        column.place = Place::Grid(width - 1);
        excess -= 1;
    }
    excess
}

/// The column that leaves the grid next: the last of the lowest rank while the grid is too wide, then one into which
/// hardly anything fits. The first one stays, unless it is an id.
fn next_to_leave(columns: &[Measured], excess: usize) -> Option<usize> {
    let in_grid: Vec<_> = columns.iter().enumerate().filter(|(_, column)| column.grid_width().is_some()).collect();
    let others = || in_grid.iter().skip(1);
    if excess == 0 {
        let overflowing = others().filter(|(_, column)| column.mostly_overflows());
        return overflowing.max_by_key(|(_, column)| column.natural_width()).map(|(position, _)| *position);
    }
    let last_id = in_grid.iter().rev().find(|(_, column)| column.rank == Rank::Id).filter(|_| in_grid.len() > 1);
    let last = |rank: Rank| others().rfind(|(_, column)| column.rank == rank);
    let lowest = last_id.or_else(|| [Rank::Minor, Rank::Main, Rank::Key].into_iter().find_map(last));
    lowest.map(|(position, _)| *position)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn style(width: usize) -> Style {
        let (zone, width) = (Zone::utc(), Some(width));
        Style { zone, width, has_header: true, is_colored: false, keeps_all: false }
    }

    fn headings() -> [Heading; 4] {
        [
            Heading::new("email", "EMAIL").with_rank(Rank::Key),
            Heading::new("note", "NOTE"),
            Heading::new("total", "TOTAL"),
            Heading::new("created", "CREATED").with_rank(Rank::Minor),
        ]
    }

    fn row(email: &str, note: Option<&str>) -> Vec<Cell> {
        let created: chrono::DateTime<chrono::Utc> = "2026-11-28T03:48:00Z".parse().unwrap();
        vec![email.into(), note.into(), 1_234_567.into(), created.into()]
    }

    fn table(width: usize, rows: &[Vec<Cell>]) -> String {
        let layout = Layout::fit(&headings(), rows, style(width));
        layout.header() + &layout.rows(rows)
    }

    #[test]
    fn long_texts_stand_under_their_row_and_keys_are_complete() {
        let rows = [
            row("ann@example.com", Some("short")),
            row("bo@example.com", None),
            row(
                "a.very.long.name.of.a.customer@a.long.domain.example.com",
                Some("a note that is longer than it has room"),
            ),
        ];
        insta::assert_snapshot!(table(60, &rows), @r"
        EMAIL                NOTE            TOTAL  CREATED
        ann@example.com      short         1234567  2026-11-28 03:48
        bo@example.com       -             1234567  2026-11-28 03:48
        a.very.long.name.of.a.customer@a.long.domain.example.com
                                           1234567  2026-11-28 03:48
          note: a note that is longer than it has room
        ");
        insta::assert_snapshot!(table(34, &rows), @r"
        EMAIL                 NOTE
        ann@example.com       short
          total: 1234567
        bo@example.com        -
          total: 1234567
        a.very.long.name.of.a.customer@a.l
          ong.domain.example.com
          note: a note that is longer than
            it has room
          total: 1234567
        ");
    }

    #[test]
    fn less_important_columns_make_room_for_keys_a_little_wider_than_theirs() {
        let rows = [row("ann@example.com", Some("short")), row("zoe@example.com", Some("words"))];
        insta::assert_snapshot!(table(45, &rows), @r"
        EMAIL            NOTE     TOTAL
        ann@example.com  short  1234567
        zoe@example.com  words  1234567
        ");
        assert!(table(49, &rows).contains("zoe@example.com  words  1234567  2026-11-28"), "{}", table(49, &rows));
    }

    #[test]
    fn empty_columns_are_left_out_until_a_value_comes() {
        let layout = Layout::fit(&headings(), &[row("ann@example.com", None)], style(60));
        insta::assert_snapshot!(layout.header() + &layout.rows(&[row("bo@example.com", Some("late"))]), @r"
        EMAIL              TOTAL  CREATED
        bo@example.com   1234567  2026-11-28 03:48
          note: late
        ");
    }

    #[test]
    fn under_a_row_zero_sums_and_columns_of_zeros_are_left_out() {
        let headings = [
            Heading::new("period", "PERIOD"),
            Heading::new("orders", "ORDERS"),
            Heading::new("units", "UNITS"),
            Heading::new("refunds", "REFUNDS"),
        ];
        let amount = |text: &str| Cell::Amount(crate::domain::Amount::from_stored(text.parse().unwrap()));
        let rows = [
            vec!["2026-11".into(), 3.into(), 0.into(), amount("0.00")],
            vec!["2026-12".into(), 0.into(), 0.into(), amount("1.50")],
        ];
        let table = |keeps_all| {
            let layout = Layout::fit(&headings, &rows, Style { keeps_all, ..style(10) });
            layout.header() + &layout.rows(&rows)
        };
        insta::assert_snapshot!(table(false), @r"
        PERIOD
        2026-11
          orders:
            3
        2026-12
          orders:
            0
          refunds:
            1.50
        ");
        insta::assert_snapshot!(table(true), @r"
        PERIOD
        2026-11
          orders:
            3
          units: 0
          refunds:
            0.00
        2026-12
          orders:
            0
          units: 0
          refunds:
            1.50
        ");
    }

    proptest::proptest! {
        #[test]
        fn no_line_is_wider_than_the_terminal_and_nothing_but_minor_columns_is_lost(
            texts in proptest::collection::vec(("[a-zé日@.]{1,90}", "[a-z日 ]{0,90}"), 1..5),
            width in 24usize..120,
        ) {
            let rows: Vec<Vec<Cell>> = texts.iter().map(|(email, note)| row(email, Some(note))).collect();
            let text = table(width, &rows);
            proptest::prop_assert!(text.lines().all(|line| line.width() <= width), "{}", text);
            let letters = |text: &str| text.chars().filter(|letter| !letter.is_whitespace()).collect::<String>();
            let printed = letters(&text);
            for (email, note) in &texts {
                proptest::prop_assert!(printed.contains(email) && printed.contains(&letters(note)), "{}", text);
            }
        }

        #[test]
        fn any_text_is_one_row_of_the_grid(
            names in proptest::collection::vec("(?s).*", 1..5),
            terminal_width in 40usize..120,
        ) {
            let rows: Vec<Vec<Cell>> = names.iter().map(|name| row("x", Some(name))).collect();
            let layout = Layout::fit(&headings(), &rows, style(terminal_width));
            for row in &rows {
                let text = layout.rows(std::slice::from_ref(row));
                proptest::prop_assert!(text.lines().all(|line| line.width() <= terminal_width), "{}", text);
                proptest::prop_assert!(text.starts_with("x "), "{}", text);
            }
        }
    }
}
