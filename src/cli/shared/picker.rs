//! An interactive choice that searches the database while the user types.
//!
//! The table is never loaded: each text queries a few rows, first by the start of the key, which uses an index, then
//! for its words anywhere. One query runs at a time, and keys are handled meanwhile, so that typed text shows
//! immediately and Ctrl-C always works.

mod plain;

use std::cell::Cell;
use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::time::Duration;

use dialoguer::theme::Theme;
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use super::keyboard::unread;
use super::keys::Key;
use super::line_editor::{KeyEffect, LineEditor};
use super::prompt::{THEME, lines, prompt_error};
use super::screen::{Frame, Input, Screen, Size, can_draw, columns_of};
use crate::context::Context;
use crate::domain::Id;
use crate::error::Result;
use crate::output::{escape, shorten};
use crate::repository::Match;

/// Maximum number of rows shown.
pub const LIMIT: usize = 8;
/// Delay before a fast query, so that pasted or quickly typed text is one query.
const PAUSE: Duration = Duration::from_millis(20);
/// Delay before a slow query, which cannot be cancelled by typing.
const LONG_PAUSE: Duration = Duration::from_millis(120);
/// The width that typed text has at least, if need be in place of the question.
const MIN_TEXT_WIDTH: usize = 8;
/// The width up to which no key is shortened, even if it leaves no room for the name.
const MIN_KEY_WIDTH: usize = 18;
/// Maximum width of a column.
const MAX_COLUMN_WIDTH: usize = 30;
/// What separates columns.
const GAP: &str = "  ";

/// A row to choose from.
#[derive(Debug, Clone)]
pub struct Entry<T> {
    pub id: Id,
    /// What names it, unescaped: an SKU, an e-mail address.
    pub key: String,
    pub name: String,
    /// What narrow terminals leave out, the last one first.
    pub details: Vec<String>,
    pub value: T,
}

/// The result of a choice.
#[derive(Debug, PartialEq, Eq)]
pub enum Choice<T> {
    Selected(T),
    /// The entry that ends a series of choices.
    Done,
    /// Escape.
    Back,
}

/// An interactive choice.
pub struct Picker<'a> {
    pub context: &'a Context,
    /// A noun: `product`.
    pub question: &'a str,
    /// The first entry while nothing is typed, which ends a series of choices.
    pub done: Option<&'a str>,
    /// What Escape does: `back`.
    pub escape: &'static str,
}

type Search<'a, T> = Pin<Box<dyn Future<Output = Result<SearchResult<T>>> + 'a>>;

/// The answer to a query.
struct SearchResult<T> {
    text: String,
    how: Match,
    entries: Vec<Entry<T>>,
}

impl Picker<'_> {
    /// Runs the choice. `find` returns at most [`LIMIT`] + 1 entries that match a text, or the newest for an empty
    /// text.
    ///
    /// Errors: exit 10 for the end of input, 130 for Ctrl-C, exit 5 for a query longer than `--timeout`, and those of
    /// `find`.
    pub async fn pick<T>(&self, find: &impl AsyncFn(&str, Match) -> Result<Vec<Entry<T>>>) -> Result<Choice<T>> {
        if !can_draw() {
            return self.pick_plainly(find).await;
        }
        let mut screen = Screen::open().map_err(prompt_error)?;
        let mut state = PickerState::new(self.done.is_some());
        let mut pressed = VecDeque::new();
        let is_asked = Cell::new(false);
        let mut search: Option<Search<T>> = None;
        let mut is_early = false;
        loop {
            while let Some(key) = pressed.pop_front() {
                if !state.accepts(&key) {
                    is_early = true;
                    pressed.push_front(key);
                    break;
                }
                if std::mem::take(&mut is_early) && matches!(key, Key::Enter) && !state.is_certain() {
                    continue;
                }
                if let Some(choice) = state.press(key).map_err(prompt_error)? {
                    unread(pressed);
                    drop(screen);
                    return Ok(choice);
                }
            }
            if search.is_none()
                && let Some((text, how)) = state.next_query()
            {
                is_asked.set(false);
                search = Some(Box::pin(self.search(find, text, how, &is_asked)));
            }
            screen.draw(self.frame(&state, Size::of_terminal())).map_err(prompt_error)?;
            tokio::select! {
                biased;
                input = screen.next() => {
                    match input.map_err(prompt_error)? {
                        Input::Key(Key::Interrupt) => return Err(prompt_error(io::ErrorKind::Interrupted.into())),
                        Input::Key(key) => pressed.push_back(key),
                        Input::Redraw => continue,
                    }
                    if !is_asked.get() {
                        search = None;
                    }
                }
                found = await_search(&mut search) => {
                    search = None;
                    state.apply_result(found?);
                }
            }
        }
    }

    async fn search<T>(
        &self,
        find: &impl AsyncFn(&str, Match) -> Result<Vec<Entry<T>>>,
        text: String,
        how: Match,
        is_asked: &Cell<bool>,
    ) -> Result<SearchResult<T>> {
        match how {
            Match::Start => tokio::time::sleep(PAUSE).await,
            Match::Anywhere if !text.is_empty() => tokio::time::sleep(LONG_PAUSE).await,
            Match::Anywhere => {}
        }
        is_asked.set(true);
        let entries = find(&text, how).await?;
        Ok(SearchResult { text, how, entries })
    }

    /// The question, the entries, and the state.
    fn frame<T>(&self, state: &PickerState<T>, size: Size) -> Frame {
        let Size { width, height } = size;
        let label = format!("{}: ", self.question);
        // A narrow screen shows the typed text rather than the question.
        let label = if label.width() + MIN_TEXT_WIDTH <= width { label } else { "> ".to_owned() };
        let (before, after) = state.line.halves();
        let before = format!("{label}{}", visible_end(before, width.saturating_sub(label.width())));
        let mut lines = vec![format!("{before}{}", visible_start(after, width.saturating_sub(columns_of(&before))))];
        let states = self.state(state, width);
        // The question has a line too, and one stays empty.
        let room = height.saturating_sub(2 + states.len()).max(1);
        let first = (state.selected + 1).saturating_sub(room);
        let done = state.shows_done().then(|| self.done.unwrap_or_default().to_owned());
        let mark = 2;
        let all = done.into_iter().chain(align_columns(&state.entries, width.saturating_sub(mark)));
        for (position, text) in all.enumerate().skip(first).take(room) {
            let (is_selected, mut line) = (position == state.selected, String::new());
            // Writing into a text cannot fail.
            let _ = THEME.format_select_prompt_item(&mut line, &text, is_selected);
            let line = visible_start(&shorten(line, width), width).to_owned();
            lines.push(if is_selected { self.context.output.highlighted(&line) } else { line });
        }
        lines.extend(states);
        Frame { lines, row: 0, before }
    }

    /// What was found and what the keys do, on one line or two.
    fn state<T>(&self, state: &PickerState<T>, width: usize) -> Vec<String> {
        let (found, can_choose) = state.state();
        let escape = format!("(Esc: {})", self.escape);
        let keys = if can_choose { format!("(arrows, Enter, Esc: {})", self.escape) } else { escape.clone() };
        let line = format!("{found} {keys}").trim_start().to_owned();
        if line.width() <= width {
            return vec![line];
        }
        let keys = if keys.width() <= width { keys } else { escape };
        [found, &keys].into_iter().filter(|line| !line.is_empty()).flat_map(|line| lines(line, width)).collect()
    }
}

async fn await_search<T>(search: &mut Option<Search<'_, T>>) -> Result<SearchResult<T>> {
    match search {
        Some(search) => search.await,
        None => std::future::pending().await,
    }
}

/// The end of a text that fits the width.
fn visible_end(text: &str, width: usize) -> &str {
    let starts = text.grapheme_indices(true).map(|(start, _)| start).chain([text.len()]);
    starts.map(|start| &text[start..]).find(|end| columns_of(end) <= width).unwrap_or_default()
}

/// The start of a text that fits the width.
fn visible_start(text: &str, width: usize) -> &str {
    let ends = text.grapheme_indices(true).map(|(start, part)| start + part.len());
    ends.map(|end| &text[..end]).take_while(|start| columns_of(start) <= width).last().unwrap_or_default()
}

/// The entries as lines with aligned columns, as far as they fit. The name is what one chooses by: details are left
/// out, and long keys are shortened, before it is.
fn align_columns<T>(entries: &[Entry<T>], width: usize) -> Vec<String> {
    let widest = |text: &dyn Fn(&Entry<T>) -> &str| {
        entries.iter().map(|entry| escape::line(text(entry)).width()).max().unwrap_or(0).min(MAX_COLUMN_WIDTH)
    };
    let (keys, names) = (widest(&|entry| &entry.key).min(width * 2 / 5), widest(&|entry| &entry.name));
    let line = |entry: &Entry<T>| {
        let (key, name) = (escape::line(&entry.key), escape::line(&entry.name));
        let room = width.saturating_sub(name.width() + GAP.len());
        let key = shorten(key, room.max(MIN_KEY_WIDTH));
        let mut line = format!("{}{GAP}{name}", padded(&key, keys.min(room)));
        for (position, detail) in entry.details.iter().enumerate() {
            let details = widest(&|entry| entry.details.get(position).map_or("", String::as_str));
            if details == 0 {
                continue;
            }
            let before = padded(&line, keys + GAP.len() + names);
            let detail = escape::line(detail);
            let blanks = details.saturating_sub(detail.width());
            let longer = format!("{before}{GAP}{}{detail}", " ".repeat(blanks));
            if longer.width() > width {
                break;
            }
            line = longer;
        }
        line.trim_end().to_owned()
    };
    entries.iter().map(line).collect()
}

/// The text with blanks up to a width.
fn padded(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(text.width())))
}

/// The typed text, the entries found for it, and the selection.
struct PickerState<T> {
    line: LineEditor,
    entries: Vec<Entry<T>>,
    /// The text that the entries match, and the last query for it; `None` before the first.
    answered: Option<(String, Match)>,
    has_more: bool,
    selected: usize,
    offers_done: bool,
}

impl<T> PickerState<T> {
    fn new(offers_done: bool) -> PickerState<T> {
        PickerState {
            line: LineEditor::default(),
            entries: Vec::new(),
            answered: None,
            has_more: false,
            selected: 0,
            offers_done,
        }
    }

    fn text(&self) -> &str {
        self.line.text().trim()
    }

    fn shows_done(&self) -> bool {
        self.offers_done && self.text().is_empty()
    }

    /// The next query; `None` if the entries are complete.
    fn next_query(&self) -> Option<(String, Match)> {
        let text = self.text();
        let is_one_word = !text.is_empty() && !text.contains(char::is_whitespace);
        match &self.answered {
            Some((answered, Match::Anywhere)) if answered == text => None,
            Some((answered, Match::Start)) if answered == text && self.has_more => None,
            Some((answered, Match::Start)) if answered == text => Some((text.to_owned(), Match::Anywhere)),
            _ => Some((text.to_owned(), if is_one_word { Match::Start } else { Match::Anywhere })),
        }
    }

    /// Whether the shown entries match the typed text, so that keys select the intended one.
    fn is_settled(&self) -> bool {
        let answers = self.answered.as_ref().is_some_and(|(answered, _)| answered == self.text());
        self.shows_done() || (answers && !self.entries.is_empty()) || self.next_query().is_none()
    }

    fn accepts(&self, key: &Key) -> bool {
        self.is_settled() || !matches!(key, Key::Enter | Key::Up | Key::Down)
    }

    /// Whether Enter takes what was meant although the entries were not shown before: the only one, or the one whose key
    /// was typed.
    fn is_certain(&self) -> bool {
        let is_typed = |entry: &Entry<T>| entry.key.eq_ignore_ascii_case(self.text());
        self.shows_done() || self.entries.len() < 2 || self.entries.first().is_some_and(is_typed)
    }

    fn press(&mut self, key: Key) -> io::Result<Option<Choice<T>>> {
        let rows = usize::from(self.shows_done()) + self.entries.len();
        match self.line.press(key)? {
            KeyEffect::Entered => return Ok(self.selection()),
            // The selection restarts with the new text.
            KeyEffect::Edited => self.selected = 0,
            KeyEffect::Other(Key::Escape) => return Ok(Some(Choice::Back)),
            KeyEffect::Other(Key::Up) => self.selected = self.selected.saturating_sub(1),
            KeyEffect::Other(Key::Down) => self.selected = (self.selected + 1).min(rows.saturating_sub(1)),
            KeyEffect::Moved | KeyEffect::Other(_) => {}
        }
        Ok(None)
    }

    fn selection(&mut self) -> Option<Choice<T>> {
        let Some(position) = self.selected.checked_sub(usize::from(self.shows_done())) else {
            return Some(Choice::Done);
        };
        (position < self.entries.len()).then(|| Choice::Selected(self.entries.swap_remove(position).value))
    }

    /// Applies a result, unless the text has changed since.
    fn apply_result(&mut self, found: SearchResult<T>) {
        if found.text != self.text() {
            return;
        }
        let is_continuation = self.answered.as_ref().is_some_and(|(answered, _)| *answered == found.text);
        if !is_continuation {
            self.entries.clear();
            self.selected = 0;
        }
        for entry in found.entries {
            if self.entries.iter().all(|known| known.id != entry.id) {
                self.entries.push(entry);
            }
        }
        self.has_more = self.entries.len() > LIMIT;
        self.entries.truncate(LIMIT);
        self.answered = Some((found.text, found.how));
    }

    /// What was found, and whether there is something to choose.
    fn state(&self) -> (&'static str, bool) {
        match self.next_query() {
            Some(_) => ("searching…", false),
            None if self.entries.is_empty() && self.text().is_empty() => ("there are none", false),
            None if self.entries.is_empty() => ("nothing matches", false),
            None if self.has_more => ("more: type to search", true),
            None => ("", true),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str, how: Match, numbers: impl IntoIterator<Item = u128>) -> SearchResult<u128> {
        let entry = |number| Entry {
            id: uuid::Uuid::from_u128(number).into(),
            key: number.to_string(),
            name: String::new(),
            details: Vec::new(),
            value: number,
        };
        SearchResult { text: text.to_owned(), how, entries: numbers.into_iter().map(entry).collect() }
    }

    fn typed(state: &mut PickerState<u128>, text: &str) {
        text.chars().for_each(|character| assert_eq!(state.press(Key::Character(character)).unwrap(), None));
    }

    #[test]
    fn words_are_searched_by_prefix_before_anywhere() {
        let mut state = PickerState::new(false);
        typed(&mut state, "a");
        assert_eq!(state.next_query(), Some(("a".to_owned(), Match::Start)));
        assert!(!state.accepts(&Key::Enter) && state.accepts(&Key::Character('b')));
        state.apply_result(found("a", Match::Start, [1, 2]));
        assert_eq!(state.next_query(), Some(("a".to_owned(), Match::Anywhere)));
        state.press(Key::Down).unwrap();
        state.apply_result(found("a", Match::Anywhere, [3, 2]));
        assert_eq!(state.entries.iter().map(|entry| entry.value).collect::<Vec<_>>(), [1, 2, 3]);
        assert_eq!((state.next_query(), state.selected), (None, 1));
        assert_eq!(state.press(Key::Enter).unwrap(), Some(Choice::Selected(2)));
        let mut words = PickerState::<u128>::new(false);
        typed(&mut words, "a b");
        assert_eq!(words.next_query(), Some(("a b".to_owned(), Match::Anywhere)));
    }

    #[test]
    fn a_match_that_was_not_shown_is_taken_only_if_it_is_the_one_meant() {
        let mut state = PickerState::new(false);
        typed(&mut state, "7");
        state.apply_result(found("7", Match::Start, [70, 71]));
        assert!(!state.is_certain());
        state.entries.insert(0, found("7", Match::Start, [7]).entries.remove(0));
        assert!(state.is_certain());
        state.entries.truncate(1);
        assert!(state.is_certain());
    }

    #[test]
    fn outdated_results_are_dropped_and_full_lists_end_the_search() {
        let mut state = PickerState::new(false);
        typed(&mut state, "ab");
        state.apply_result(found("a", Match::Start, [1]));
        assert!(state.entries.is_empty());
        state.apply_result(found("ab", Match::Start, 1..=9));
        assert_eq!((state.entries.len(), state.has_more, state.next_query()), (LIMIT, true, None));
        typed(&mut state, "c");
        state.apply_result(found("abc", Match::Start, []));
        state.apply_result(found("abc", Match::Anywhere, []));
        assert_eq!(state.press(Key::Enter).unwrap(), None);
        assert_eq!(state.state().0, "nothing matches");
    }

    #[test]
    fn the_final_entry_is_first_while_nothing_is_typed() {
        let mut state = PickerState::new(true);
        assert!(state.accepts(&Key::Enter));
        assert_eq!(state.press(Key::Enter).unwrap(), Some(Choice::Done));
        state.apply_result(found("", Match::Anywhere, [1]));
        state.press(Key::Down).unwrap();
        assert_eq!(state.press(Key::Enter).unwrap(), Some(Choice::Selected(1)));
    }

    #[test]
    fn narrow_lines_keep_the_name_and_leave_out_details() {
        let entry = |key: &str, name: &str, details: [&str; 3]| Entry {
            id: Id::default(),
            key: key.to_owned(),
            name: name.to_owned(),
            details: details.map(str::to_owned).into(),
            value: (),
        };
        let entries = [
            entry("T-104", "Krug", ["", "24.90", "out of stock"]),
            entry("T-1", "Teetasse grün", ["2 in the order", "107.95", "8 in stock"]),
            entry("LONG-KEY-WITH-PARTS", "A name of 25 characters", ["", "1.00", "3 in stock"]),
        ];
        let lines = |width| align_columns(&entries, width).join("\n");
        insta::assert_snapshot!(lines(90), @r"
        T-104                Krug                                      24.90  out of stock
        T-1                  Teetasse grün            2 in the order  107.95    8 in stock
        LONG-KEY-WITH-PARTS  A name of 25 characters                    1.00    3 in stock
        ");
        insta::assert_snapshot!(lines(37), @r"
        T-104           Krug
        T-1             Teetasse grün
        LONG-KEY-WITH-PAR…  A name of 25 characters
        ");
        insta::assert_snapshot!(lines(20), @r"
        T-104     Krug
        T-1    Teetasse grün
        LONG-KEY-WITH-PAR…  A name of 25 characters
        ");
    }

    #[test]
    fn the_text_around_the_cursor_stays_visible() {
        assert_eq!(visible_end("abcdef", 3), "def");
        assert_eq!(visible_end("日本語", 5), "本語");
        assert_eq!(visible_end("abc", 9), "abc");
        assert_eq!(visible_start("abcdef", 3), "abc");
        assert_eq!(visible_start("日本語", 5), "日本");
    }
}
