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

/// A blank at which no line is broken, such as one inside a command. Messages have no such character, because it is
/// escaped.
const KEPT_BLANK: &str = "\u{1f}";

/// The text as one word of [`between_words`].
pub(super) fn in_one_piece(text: &str) -> String {
    text.replace(' ', KEPT_BLANK)
}

/// A text whose lines were broken for wide terminals, in lines for a narrow one: paragraphs are filled again, other
/// lines continue under their second column.
pub(super) fn refilled(text: &str, width: usize) -> String {
    if text.lines().all(|line| line.width() <= width) {
        return text.to_owned();
    }
    let is_prose = |line: &str| !line.is_empty() && !line.starts_with(' ') && !line.contains("  ");
    let (mut lines, mut was_prose) = (Vec::<String>::new(), false);
    for line in text.lines() {
        match lines.last_mut().filter(|_| was_prose && is_prose(line)) {
            Some(paragraph) => *paragraph = format!("{paragraph} {line}"),
            None => lines.push(line.to_owned()),
        }
        was_prose = is_prose(line);
    }
    let column = |line: &str| {
        let indent = line.len() - line.trim_start_matches(' ').len();
        let rest = &line[indent..];
        let second = rest.find("  ").map(|at| at + rest[at..].len() - rest[at..].trim_start_matches(' ').len());
        line[..indent + second.unwrap_or(0)].width()
    };
    lines.iter().map(|line| with_indent(line, column(line).min(width / 2), width) + "\n").collect()
}

/// The lines of a text broken at blanks; a longer word is left to the terminal, which keeps it in one piece for whoever
/// copies it.
pub fn between_words(text: &str, width: usize) -> String {
    let indent = |line: &str| (line.len() - line.trim_start_matches(' ').len()).min(width / 2);
    let lines = text.split('\n').map(|line| with_indent(line, indent(line), width));
    lines.collect::<Vec<_>>().join("\n").replace(KEPT_BLANK, " ")
}

/// A line broken at blanks, whose further lines are indented.
fn with_indent(line: &str, further: usize, width: usize) -> String {
    if line.width() <= width {
        return line.to_owned();
    }
    let words = line.trim_start_matches(' ');
    let (first, indent) = ((line.len() - words.len()).min(width / 2), " ".repeat(further));
    let (mut lines, mut used) = (" ".repeat(first), first);
    for (position, word) in words.split(' ').enumerate() {
        if position > 0 && used + 1 + word.width() > width {
            lines = format!("{}\n{indent}", lines.trim_end_matches(' '));
            used = further;
        } else if position > 0 {
            lines.push(' ');
            used += 1;
        }
        lines.push_str(word);
        used += word.width();
    }
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
    fn long_words_stay_in_one_piece() {
        let text = "this drops a/very/long/path and\n  more words of it";
        let expected = "this drops\na/very/long/path\nand\n  more words\n  of it";
        assert_eq!(between_words(text, 12), expected);
        assert_eq!(between_words("one  two", 8), "one  two");
        let hint = format!("see also: {}; or wait", in_one_piece("shopctl order list"));
        assert_eq!(between_words(&hint, 12), "see also:\nshopctl order list;\nor wait");
        assert_eq!(between_words(&hint, 40), "see also: shopctl order list; or wait");
    }

    #[test]
    fn paragraphs_are_filled_again_and_columns_continue_under_themselves() {
        let text = "Some prose of\ntwo lines.\n\n  name   what it\n         means here\n  7  an invalid value\n";
        assert_eq!(refilled(text, 22), text);
        let narrow =
            "Some prose of two\nlines.\n\n  name   what it\n        means\n        here\n  7  an invalid\n     value\n";
        assert_eq!(refilled(text, 17), narrow);
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
