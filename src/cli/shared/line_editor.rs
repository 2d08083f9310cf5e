//! A line being typed, edited with the keys of readline.
//!
//! The unit is what a reader takes for one character (a grapheme cluster): a letter with its accents, an emoji of
//! several code points.

use std::io;
use std::mem::take;
use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation;

use super::keys::Key;
use crate::domain::text::is_unsafe;

/// The longest line, in bytes; what would make it longer is not typed.
const MAX_BYTES: usize = 64 * 1024;

/// The effect of a key on a [`LineEditor`].
#[derive(Debug, PartialEq, Eq)]
pub enum KeyEffect {
    Edited,
    /// At most the cursor moved.
    Moved,
    Entered,
    /// A key without a meaning for a line.
    Other(Key),
}

/// A line being typed.
#[derive(Debug, Default)]
pub struct LineEditor {
    text: String,
    /// A position in bytes.
    cursor: usize,
    /// What Ctrl-Y inserts: the text of the last erasures in a row.
    erased: String,
    is_erasing: bool,
}

impl LineEditor {
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text before and after the cursor.
    pub fn halves(&self) -> (&str, &str) {
        self.text.split_at(self.cursor)
    }

    /// Applies a key.
    ///
    /// Errors: `Interrupted` for Ctrl-C, `UnexpectedEof` for Ctrl-D on an empty line.
    pub fn press(&mut self, key: Key) -> io::Result<KeyEffect> {
        let (length, end) = (self.text.len(), self.text.len());
        let was_erasing = take(&mut self.is_erasing);
        match key {
            Key::Enter => return Ok(KeyEffect::Entered),
            Key::Interrupt => return Err(io::ErrorKind::Interrupted.into()),
            Key::EndOfInput if self.text.is_empty() => return Err(io::ErrorKind::UnexpectedEof.into()),
            Key::Character(character) => self.insert(character.encode_utf8(&mut [0; 4])),
            Key::Pasted(text) => self.insert(&one_line(&text)),
            Key::Yank => self.insert(&self.erased.clone()),
            Key::Left => self.cursor = self.before(),
            Key::Right => self.cursor = self.after(),
            Key::WordLeft => self.cursor = self.word_start(is_word),
            Key::WordRight => self.cursor = self.word_end(),
            Key::Home => self.cursor = 0,
            Key::End => self.cursor = end,
            Key::Backspace => self.remove(self.before()..self.cursor),
            Key::Delete | Key::EndOfInput => self.remove(self.cursor..self.after()),
            Key::EraseToSpace => self.erase(self.word_start(is_not_space)..self.cursor, was_erasing),
            Key::EraseWordLeft => self.erase(self.word_start(is_word)..self.cursor, was_erasing),
            Key::EraseWordRight => self.erase(self.cursor..self.word_end(), was_erasing),
            Key::EraseToStart => self.erase(0..self.cursor, was_erasing),
            Key::EraseToEnd => self.erase(self.cursor..end, was_erasing),
            other => return Ok(KeyEffect::Other(other)),
        }
        Ok(if self.text.len() == length { KeyEffect::Moved } else { KeyEffect::Edited })
    }

    fn insert(&mut self, text: &str) {
        let safe: String = text.chars().filter(|&character| !is_unsafe(character)).collect();
        if self.text.len() + safe.len() <= MAX_BYTES {
            self.text.insert_str(self.cursor, &safe);
            self.cursor += safe.len();
        }
    }

    fn remove(&mut self, range: Range<usize>) {
        self.cursor = range.start;
        self.text.replace_range(range, "");
    }

    /// Removes a text that can be inserted again; erasures in a row are one.
    fn erase(&mut self, range: Range<usize>, was_erasing: bool) {
        if !was_erasing {
            self.erased.clear();
        }
        let at = if range.start < self.cursor { 0 } else { self.erased.len() };
        self.erased.insert_str(at, &self.text[range.clone()]);
        self.is_erasing = true;
        self.remove(range);
    }

    /// The start of the character before the cursor.
    fn before(&self) -> usize {
        self.text[..self.cursor].grapheme_indices(true).next_back().map_or(0, |(start, _)| start)
    }

    /// The end of the character at the cursor.
    fn after(&self) -> usize {
        self.cursor + self.text[self.cursor..].graphemes(true).next().map_or(0, str::len)
    }

    /// The start of the word at or before the cursor.
    fn word_start(&self, is_part: fn(&str) -> bool) -> usize {
        let before = self.text[..self.cursor].grapheme_indices(true).rev();
        let word = before.skip_while(|(_, part)| !is_part(part)).take_while(|(_, part)| is_part(part));
        word.last().map_or(0, |(start, _)| start)
    }

    /// The end of the word at or after the cursor.
    fn word_end(&self) -> usize {
        let after = self.text[self.cursor..].grapheme_indices(true);
        let word = after.skip_while(|(_, part)| !is_word(part)).take_while(|(_, part)| is_word(part));
        word.last().map_or(self.text.len(), |(start, part)| self.cursor + start + part.len())
    }
}

fn is_word(character: &str) -> bool {
    character.starts_with(char::is_alphanumeric)
}

fn is_not_space(character: &str) -> bool {
    !character.starts_with(char::is_whitespace)
}

/// Pasted text on one line: line breaks are spaces, except at its end.
fn one_line(text: &str) -> String {
    let text = text.trim_end_matches(['\r', '\n']).replace("\r\n", "\n");
    text.replace(['\r', '\n', '\t', '\u{2028}', '\u{2029}'], " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(text: &str) -> LineEditor {
        let mut line = LineEditor::default();
        line.press(Key::Pasted(text.to_owned())).unwrap();
        line
    }

    /// The line after the keys, with `|` at the cursor.
    fn after(text: &str, keys: &[Key]) -> String {
        let mut line = typed(text);
        keys.iter().for_each(|key| drop(line.press(key.clone()).unwrap()));
        let (before, after) = line.halves();
        format!("{before}|{after}")
    }

    #[test]
    fn text_is_inserted_and_deleted_at_the_cursor() {
        use Key::{Backspace, Character, Delete, End, EndOfInput, Home, Left, Right};
        assert_eq!(after("X Z", &[Home, Right, Right, Character('Y')]), "X Y|Z");
        assert_eq!(after("abc", &[Left, Left, Backspace]), "|bc");
        assert_eq!(after("abc", &[Left, Left, Delete]), "a|c");
        assert_eq!(after("abc", &[Home, EndOfInput, End, Delete]), "bc|");
        assert_eq!(after("", &[Left, Right, Backspace, Delete]), "|");
    }

    #[test]
    fn characters_of_several_code_points_are_one() {
        use Key::{Backspace, Delete, Home, Left};
        for character in ["日", "e\u{301}", "👩‍👩‍👧‍👦", "👍🏽", "🇸🇪", "❤️", "각", "नि"]
        {
            let text = format!("a{character}b");
            assert_eq!(after(&text, &[Left, Backspace]), "a|b", "{text}");
            assert_eq!(after(&text, &[Left, Left, Delete]), "a|b", "{text}");
            assert_eq!(after(character, &[Home, Delete]), "|", "{text}");
        }
    }

    #[test]
    fn words_are_passed_and_erased() {
        use Key::{EraseToSpace, EraseWordLeft, EraseWordRight, Home, WordLeft, WordRight};
        assert_eq!(after("ann@example.com é", &[WordLeft, WordLeft, WordLeft]), "ann@|example.com é");
        assert_eq!(after("ann@example.com é", &[Home, WordRight, WordRight]), "ann@example|.com é");
        assert_eq!(after("one ann@example.com ", &[EraseToSpace]), "one |");
        assert_eq!(after("one ann@example.com ", &[EraseWordLeft]), "one ann@example.|");
        assert_eq!(after("one two", &[Home, EraseWordRight]), "| two");
        assert_eq!(after("e\u{301}te\u{301}", &[WordLeft]), "|e\u{301}te\u{301}");
        assert_eq!(after("  ", &[EraseToSpace]), "|");
    }

    #[test]
    fn erased_text_can_be_inserted_again() {
        use Key::{EraseToEnd, EraseToSpace, EraseToStart, Home, Left, Yank};
        assert_eq!(after("one two", &[EraseToSpace, EraseToSpace, Yank]), "one two|");
        assert_eq!(after("one two", &[Left, EraseToEnd, EraseToStart, Yank, Yank]), "one twoone two|");
        assert_eq!(after("one two", &[EraseToSpace, Home, EraseToEnd, Yank]), "one |");
    }

    #[test]
    fn pasted_lines_are_one_line() {
        assert_eq!(typed("a\r\nb\nc\td\r\n\n").text(), "a b c d");
        assert_eq!(typed("a\u{1b}[31mb\u{202e}c\u{0}").text(), "a[31mbc");
    }

    #[test]
    fn keys_that_are_no_edit_are_told_apart() {
        let mut line = LineEditor::default();
        assert_eq!(line.press(Key::Character('\u{202e}')).unwrap(), KeyEffect::Moved);
        assert_eq!(line.press(Key::EndOfInput).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        assert_eq!(line.press(Key::Character('a')).unwrap(), KeyEffect::Edited);
        assert_eq!(line.press(Key::EndOfInput).unwrap(), KeyEffect::Moved);
        assert_eq!(line.press(Key::Interrupt).unwrap_err().kind(), io::ErrorKind::Interrupted);
        assert_eq!(line.press(Key::Up).unwrap(), KeyEffect::Other(Key::Up));
        assert_eq!(line.press(Key::Enter).unwrap(), KeyEffect::Entered);
        assert_eq!(line.press(Key::Pasted("x".repeat(MAX_BYTES))).unwrap(), KeyEffect::Moved);
    }
}
