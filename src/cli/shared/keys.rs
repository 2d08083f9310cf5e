//! Decodes what a terminal sends into keys.
//!
//! Escape sequences are recognized by the state machine of terminals, so that unknown ones end where they end, and
//! type nothing. A sequence may arrive in parts: only time tells the key Escape from the start of one.

use std::collections::VecDeque;
use std::time::Duration;

use anstyle_parse::{Params, Parser, Perform};

/// How long the rest of an escape sequence may take.
const SEQUENCE_LIMIT: Duration = Duration::from_millis(100);
/// How long a pause within pasted text may take.
const PASTE_LIMIT: Duration = Duration::from_secs(2);

const ESCAPE: u8 = 0x1b;
/// May end a sequence.
const BELL: u8 = 0x07;
const BACKSPACE: u8 = 0x08;
/// What the key Backspace sends.
const ERASE: u8 = 0x7f;

/// A key by what it does in readline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Key {
    Character(char),
    /// Text that was pasted, with its line breaks.
    Pasted(String),
    Enter,
    Escape,
    Interrupt,
    /// Ctrl-D: deletes a character, or ends the input on an empty line.
    EndOfInput,
    Suspend,
    ClearScreen,
    Left,
    Right,
    Up,
    Down,
    WordLeft,
    WordRight,
    Home,
    End,
    Backspace,
    Delete,
    /// Ctrl-W: up to the last space.
    EraseToSpace,
    /// Alt-Backspace: up to the start of the word.
    EraseWordLeft,
    EraseWordRight,
    EraseToStart,
    EraseToEnd,
    Yank,
    /// Not a key: the terminal's answer in which column its cursor is, from 0.
    CursorAt(usize),
}

/// What has arrived of an escape sequence.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sequence {
    None,
    /// The first byte, which is also the key Escape.
    Escape,
    Part,
}

/// Turns bytes into keys.
pub struct Decoder {
    parser: Parser,
    sequence: Sequence,
    decoded: Decoded,
}

impl Decoder {
    pub fn new() -> Decoder {
        Decoder { parser: Parser::default(), sequence: Sequence::None, decoded: Decoded::default() }
    }

    /// The next key that is complete.
    pub fn next(&mut self) -> Option<Key> {
        self.decoded.keys.pop_front()
    }

    pub fn advance(&mut self, byte: u8) {
        match (byte, self.sequence) {
            _ if self.decoded.pasted.is_some() => {}
            (ESCAPE, _) | (_, Sequence::None) | (BELL, Sequence::Part) => {}
            (BACKSPACE | ERASE, Sequence::Escape) => {
                self.decoded.keys.push_back(Key::EraseWordLeft);
                return self.restart();
            }
            // No sequence continues with another control character: these are two keys, typed quickly.
            (..=0x1f, _) => self.give_up(),
            _ => {}
        }
        self.decoded.is_complete = false;
        self.parser.advance(&mut self.decoded, byte);
        self.sequence = match (byte, self.sequence) {
            (ESCAPE, _) => Sequence::Escape,
            (_, Sequence::Escape | Sequence::Part) if !self.decoded.is_complete => Sequence::Part,
            _ => Sequence::None,
        };
    }

    /// How long to wait for the next byte before [`Decoder::give_up`]; `None` without limit.
    pub fn limit(&self) -> Option<Duration> {
        match (self.sequence, &self.decoded.pasted) {
            (Sequence::None, None) => None,
            (_, Some(_)) => Some(PASTE_LIMIT),
            (_, None) => Some(SEQUENCE_LIMIT),
        }
    }

    /// Ends what remained incomplete.
    pub fn give_up(&mut self) {
        if let Some(text) = self.decoded.pasted.take() {
            self.decoded.keys.push_back(Key::Pasted(text));
        } else if self.sequence == Sequence::Escape {
            self.decoded.keys.push_back(Key::Escape);
        }
        self.restart();
    }

    fn restart(&mut self) {
        self.parser = Parser::default();
        self.sequence = Sequence::None;
        self.decoded.prefix = None;
    }
}

/// A sequence that ends with the next character.
#[derive(Clone, Copy)]
enum Prefix {
    /// `ESC O`: keys in application mode.
    Application,
    /// `ESC [ [`: function keys of the Linux console.
    Function,
}

/// The keys so far.
#[derive(Default)]
struct Decoded {
    keys: VecDeque<Key>,
    /// The text of an unfinished paste.
    pasted: Option<String>,
    prefix: Option<Prefix>,
    /// Whether the last byte ended a sequence.
    is_complete: bool,
}

impl Decoded {
    /// Adds a key; pasted text contains none.
    fn push(&mut self, key: Option<Key>) {
        if self.pasted.is_none() {
            self.keys.extend(key);
        }
    }
}

impl Perform for Decoded {
    fn print(&mut self, character: char) {
        match (self.prefix, &mut self.pasted) {
            // A number is a modifier: `ESC O 5 D`.
            (Some(Prefix::Application), _) if matches!(character, '0'..='9' | ';') => return,
            // That of the keypad.
            (Some(Prefix::Application), _) if character == 'M' => self.push(Some(Key::Enter)),
            (Some(Prefix::Application), _) => {
                let key = u8::try_from(character).ok().and_then(|letter| key_of_letter(letter, false));
                self.push(key);
            }
            (Some(Prefix::Function), _) => {}
            (None, Some(pasted)) => pasted.push(character),
            (None, None) if character == char::from(ERASE) => self.push(Some(Key::Backspace)),
            (None, None) => self.push(Some(Key::Character(character))),
        }
        self.prefix = None;
        self.is_complete = true;
    }

    fn execute(&mut self, byte: u8) {
        match &mut self.pasted {
            Some(pasted) => pasted.push(char::from(byte)),
            None => self.push(key_of_control(byte)),
        }
        self.is_complete = true;
    }

    fn csi_dispatch(&mut self, parameters: &Params, intermediates: &[u8], is_ignored: bool, action: u8) {
        /// The bits of Alt and Ctrl in the parameter for modifiers, which counts from 1.
        const ALT_OR_CONTROL: u16 = 2 | 4;
        self.is_complete = true;
        if is_ignored || !intermediates.is_empty() {
            return;
        }
        let mut numbers = parameters.iter().filter_map(|numbers| numbers.first().copied());
        let (number, modifiers) = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(1));
        if action == b'R' {
            return self.push(Some(Key::CursorAt(usize::from(modifiers).saturating_sub(1))));
        }
        let is_modified = modifiers.saturating_sub(1) & ALT_OR_CONTROL != 0;
        match (action, number) {
            (b'~', 200) => drop(self.pasted.get_or_insert_default()),
            (b'~', 201) => self.keys.extend(self.pasted.take().map(Key::Pasted)),
            (b'~', 1 | 7) => self.push(Some(Key::Home)),
            (b'~', 4 | 8) => self.push(Some(Key::End)),
            (b'~', 3) if is_modified => self.push(Some(Key::EraseWordRight)),
            (b'~', 3) => self.push(Some(Key::Delete)),
            (b'[', _) => (self.prefix, self.is_complete) = (Some(Prefix::Function), false),
            _ => self.push(key_of_letter(action, is_modified)),
        }
    }

    fn esc_dispatch(&mut self, intermediates: &[u8], _is_ignored: bool, byte: u8) {
        self.is_complete = true;
        match byte {
            _ if !intermediates.is_empty() => {}
            b'O' => (self.prefix, self.is_complete) = (Some(Prefix::Application), false),
            b'b' => self.push(Some(Key::WordLeft)),
            b'f' => self.push(Some(Key::WordRight)),
            b'd' => self.push(Some(Key::EraseWordRight)),
            _ => {}
        }
    }

    fn osc_dispatch(&mut self, _parameters: &[&[u8]], _is_bell_terminated: bool) {
        self.is_complete = true;
    }

    fn unhook(&mut self) {
        self.is_complete = true;
    }
}

/// The key of the letter that ends a sequence.
fn key_of_letter(letter: u8, is_modified: bool) -> Option<Key> {
    match letter {
        b'A' => Some(Key::Up),
        b'B' => Some(Key::Down),
        b'C' if is_modified => Some(Key::WordRight),
        b'C' => Some(Key::Right),
        b'D' if is_modified => Some(Key::WordLeft),
        b'D' => Some(Key::Left),
        b'F' => Some(Key::End),
        b'H' => Some(Key::Home),
        _ => None,
    }
}

/// The key of a control character, as in readline.
fn key_of_control(byte: u8) -> Option<Key> {
    /// The letter's code with Ctrl.
    const fn control(letter: u8) -> u8 {
        letter & 0x1f
    }
    const KEYS: [(u8, Key); 18] = [
        (control(b'A'), Key::Home),
        (control(b'B'), Key::Left),
        (control(b'C'), Key::Interrupt),
        (control(b'D'), Key::EndOfInput),
        (control(b'E'), Key::End),
        (control(b'F'), Key::Right),
        (control(b'H'), Key::Backspace),
        (control(b'J'), Key::Enter),
        (control(b'K'), Key::EraseToEnd),
        (control(b'L'), Key::ClearScreen),
        (control(b'M'), Key::Enter),
        (control(b'N'), Key::Down),
        (control(b'P'), Key::Up),
        (control(b'U'), Key::EraseToStart),
        (control(b'W'), Key::EraseToSpace),
        (control(b'Y'), Key::Yank),
        (control(b'Z'), Key::Suspend),
        (control(b'['), Key::Escape),
    ];
    KEYS.into_iter().find(|(code, _)| *code == byte).map(|(_, key)| key)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The keys of these bytes, after a pause.
    fn keys(bytes: &str) -> Vec<Key> {
        let mut decoder = Decoder::new();
        bytes.bytes().for_each(|byte| decoder.advance(byte));
        if decoder.limit().is_some() {
            decoder.give_up();
        }
        std::iter::from_fn(|| decoder.next()).collect()
    }

    fn characters(text: &str) -> Vec<Key> {
        text.chars().map(Key::Character).collect()
    }

    #[test]
    fn keys_have_one_meaning_in_every_mode_of_terminals() {
        for (sequences, key) in [
            (&["\u{1b}[D", "\u{1b}OD", "\u{2}", "\u{1b}[1;2D"][..], Key::Left),
            (&["\u{1b}[C", "\u{1b}OC", "\u{6}"], Key::Right),
            (&["\u{1b}[H", "\u{1b}OH", "\u{1b}[1~", "\u{1b}[7~", "\u{1}"], Key::Home),
            (&["\u{1b}[F", "\u{1b}OF", "\u{1b}[4~", "\u{1b}[8~", "\u{5}"], Key::End),
            (&["\u{1b}[1;5D", "\u{1b}[1;3D", "\u{1b}b"], Key::WordLeft),
            (&["\u{1b}[1;5C", "\u{1b}[1;3C", "\u{1b}f"], Key::WordRight),
            (&["\u{8}", "\u{7f}"], Key::Backspace),
            (&["\u{1b}\u{8}", "\u{1b}\u{7f}"], Key::EraseWordLeft),
            (&["\u{1b}d", "\u{1b}[3;5~"], Key::EraseWordRight),
            (&["\u{1b}[3~"], Key::Delete),
            (&["\r", "\n", "\u{1b}OM"], Key::Enter),
            (&["\u{1b}"], Key::Escape),
        ] {
            for sequence in sequences {
                assert_eq!(keys(sequence), std::slice::from_ref(&key), "{sequence:?}");
                let typed = format!("{sequence}é");
                if key != Key::Escape {
                    assert_eq!(keys(&typed), [key.clone(), Key::Character('é')], "{typed:?}");
                }
            }
        }
    }

    #[test]
    fn unknown_sequences_type_nothing() {
        for sequence in [
            "\u{1b}OP",
            "\u{1b}[[A",
            "\u{1b}[11~",
            "\u{1b}[25~",
            "\u{1b}[1;5P",
            "\u{1b}[2~",
            "\u{1b}[5;3~",
            "\u{1b}[I",
            "\u{1b}[?1;2c",
            "\u{1b}[>0;276;0c",
            "\u{1b}[<0;10;20M",
            "\u{1b}[27;5;9~",
            "\u{1b}[97;5u",
            "\u{1b}[1;2;3;4;5;6!p",
            "\u{1b}]11;rgb:0000/0000/0000\u{7}",
            "\u{1b}]11;rgb:0000/0000/0000\u{1b}\\",
            "\u{1b}P>|term 1.0\u{1b}\\",
            "\u{1b}_Gi=1;OK\u{1b}\\",
            "\u{1b}x",
            "\u{1b}(B",
            "\u{0}",
            "\u{14}",
        ] {
            let typed = format!("a{sequence}b");
            assert_eq!(keys(&typed), characters("ab"), "{typed:?}");
            assert_eq!(keys(sequence), [], "{sequence:?}");
        }
    }

    #[test]
    fn pasted_text_is_one_key() {
        let pasted = |text: &str| Key::Pasted(text.to_owned());
        assert_eq!(keys("\u{1b}[200~a\rb\tc\u{1b}[201~d"), [pasted("a\rb\tc"), Key::Character('d')]);
        assert_eq!(keys("\u{1b}[200~a\u{1b}[Db\u{3}\u{1b}[201~"), [pasted("ab\u{3}")]);
        // The end was lost.
        assert_eq!(keys("\u{1b}[200~a\r"), [pasted("a\r")]);
    }

    #[test]
    fn the_place_of_the_cursor_is_not_typed() {
        assert_eq!(keys("a\u{1b}[5;36Rb"), [Key::Character('a'), Key::CursorAt(35), Key::Character('b')]);
    }

    #[test]
    fn escape_and_another_key_are_two() {
        assert_eq!(keys("\u{1b}\r"), [Key::Escape, Key::Enter]);
        assert_eq!(keys("\u{1b}\u{3}"), [Key::Escape, Key::Interrupt]);
        assert_eq!(keys("\u{1b}\u{1b}"), [Key::Escape]);
    }
}
