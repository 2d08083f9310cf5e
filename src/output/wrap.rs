//! Texts in lines, measured as a terminal shows them.

use unicode_width::UnicodeWidthStr;

/// The text in lines of at most `width` columns, the first and the further ones indented. It is broken at blanks, and
/// only a word that is longer than a line anywhere.
pub(super) fn wrap(text: &str, width: usize, (first, further): (usize, usize)) -> String {
    let (mut lines, mut line, mut has_word) = (String::new(), " ".repeat(first), false);
    let mut end_line = |line: &mut String| {
        lines.push_str(line.trim_end_matches(' '));
        lines.push('\n');
        *line = " ".repeat(further);
    };
    for mut word in text.split(' ') {
        if has_word && line.width() + 1 + word.width() > width {
            end_line(&mut line);
        } else if has_word {
            line.push(' ');
        }
        while !word.is_empty() && line.width() + word.width() > width {
            // A character that is wider than the line stands there all the same.
            let first = word.chars().next().map_or(0, char::len_utf8);
            let (head, tail) = word.split_at(fitting(word, width.saturating_sub(line.width())).max(first));
            line.push_str(head);
            end_line(&mut line);
            word = tail;
        }
        line.push_str(word);
        has_word = true;
    }
    end_line(&mut line);
    lines
}

/// The lines of a text broken at blanks; a longer word is left to the terminal, which keeps it in one piece for whoever
/// copies it.
pub(super) fn between_words(text: &str, width: usize) -> String {
    let broken = |line: &str| {
        if line.width() <= width {
            return line.to_owned();
        }
        let words = line.trim_start_matches(' ');
        let indent = " ".repeat((line.len() - words.len()).min(width / 2));
        let (mut lines, mut used) = (indent.clone(), indent.len());
        for (position, word) in words.split(' ').enumerate() {
            if position > 0 && used + 1 + word.width() > width {
                lines = format!("{}\n{indent}", lines.trim_end_matches(' '));
                used = indent.len();
            } else if position > 0 {
                lines.push(' ');
                used += 1;
            }
            lines.push_str(word);
            used += word.width();
        }
        lines
    };
    text.split('\n').map(broken).collect::<Vec<_>>().join("\n")
}

/// How many bytes of a text fit into a width. The width of an emoji sequence is not the sum of its characters' widths.
fn fitting(text: &str, width: usize) -> usize {
    let ends = text.char_indices().map(|(start, character)| start + character.len_utf8());
    ends.take_while(|end| text[..*end].width() <= width).last().unwrap_or(0)
}

/// The text truncated to a width, with `…` at the end.
pub fn shorten(text: String, width: usize) -> String {
    if text.width() <= width {
        return text;
    }
    format!("{}…", &text[..fitting(&text, width.saturating_sub(1))])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_characters_are_measured_not_counted() {
        assert_eq!(shorten("日本語のマグカップ".to_owned(), 8), "日本語…");
        assert_eq!(shorten("日本語".to_owned(), 6), "日本語");
        assert_eq!(shorten("e\u{301}te\u{301}".to_owned(), 3), "e\u{301}te\u{301}");
        assert_eq!(wrap("日本語のマグ", 6, (0, 2)), "日本語\n  のマ\n  グ\n");
    }

    #[test]
    fn long_words_stay_in_one_piece() {
        let text = "this drops a/very/long/path and\n  more words of it";
        let expected = "this drops\na/very/long/path\nand\n  more words\n  of it";
        assert_eq!(between_words(text, 12), expected);
        assert_eq!(between_words("one  two", 8), "one  two");
    }

    #[test]
    fn lines_break_at_blanks() {
        assert_eq!(wrap("user: ann@example.com", 17, (2, 4)), "  user:\n    ann@example.c\n    om\n");
        assert_eq!(wrap("one two three", 9, (2, 4)), "  one two\n    three\n");
        assert_eq!(wrap("", 9, (2, 4)), "\n");
    }

    proptest::proptest! {
        #[test]
        fn nothing_is_lost_and_no_line_is_too_wide(text in "[a-z日é ]{0,80}", width in 12usize..60) {
            let wrapped = wrap(&text, width, (2, 4));
            proptest::prop_assert!(wrapped.lines().all(|line| line.width() <= width), "{}", wrapped);
            let letters = |text: &str| text.chars().filter(|letter| !letter.is_whitespace()).collect::<String>();
            proptest::prop_assert_eq!(letters(&wrapped), letters(&text));
        }
    }
}
