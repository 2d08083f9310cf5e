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
