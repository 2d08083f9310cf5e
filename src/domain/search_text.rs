//! Text as a search compares it: without regard to letter case and marks, in every script alike, so that `jose` finds
//! José, `strasse` Straße and `istanbul` İSTANBUL.

use std::ops::Range;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use super::text::is_invisible;

/// The longest search text, in characters: SQLite limits patterns to 50 000 bytes.
const MAX_CHARACTERS: usize = 1_000;

/// What is searched for: each of these folded words, in any order. Without any, everything is found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SearchText(Vec<String>);

impl SearchText {
    /// The words of a text, of which nothing may be left.
    pub fn new(text: &str) -> SearchText {
        SearchText(fold(text).split_whitespace().map(str::to_owned).collect())
    }

    /// As [`SearchText::new`], for what a user typed in full.
    ///
    /// Errors: the reason: too long, or nothing but marks, which would find everything.
    pub fn parse(text: &str) -> Result<SearchText, String> {
        if text.chars().count() > MAX_CHARACTERS {
            return Err(format!("is longer than {MAX_CHARACTERS} characters"));
        }
        let search = SearchText::new(text);
        match search.is_empty() && !text.trim().is_empty() {
            true => Err("has nothing to search for".to_owned()),
            false => Ok(search),
        }
    }

    /// The words, folded.
    pub fn words(&self) -> &[String] {
        &self.0
    }

    /// Whether it finds everything.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether each word is in one of these texts.
    pub fn is_in(&self, texts: &[&str]) -> bool {
        let texts: Vec<String> = texts.iter().map(|text| fold(text)).collect();
        self.0.iter().all(|word| texts.iter().any(|text| text.contains(word)))
    }
}

/// A folded text that knows where each part of it comes from.
pub struct FoldedText<'t> {
    text: &'t str,
    folded: String,
    /// For each character that left something: where that ends, and where the character is.
    origins: Vec<(usize, Range<usize>)>,
}

impl<'t> FoldedText<'t> {
    pub fn new(text: &'t str) -> FoldedText<'t> {
        let (mut folded, mut origins) = (String::with_capacity(text.len()), Vec::with_capacity(text.len()));
        for (start, character) in text.char_indices() {
            let before = folded.len();
            match character.is_ascii() {
                true => folded.push(character.to_ascii_lowercase()),
                false => folded.extend(fold_character(character)),
            }
            if folded.len() > before {
                origins.push((folded.len(), start..start + character.len_utf8()));
            }
        }
        FoldedText { text, folded, origins }
    }

    /// The text in lower case, without accents and other marks.
    pub fn folded(&self) -> &str {
        &self.folded
    }

    /// How a folded word is spelled where it first occurs.
    pub fn spelling_of(&self, word: &str) -> Option<&'t str> {
        let start = self.folded.find(word)?;
        // The character that left this byte.
        let origin = |at: usize| self.origins.get(self.origins.partition_point(|(end, _)| *end <= at));
        let (_, first) = origin(start)?;
        let (_, last) = origin(start + word.len().checked_sub(1)?)?;
        self.text.get(first.start..last.end)
    }
}

/// The text in compatibility decomposition, without marks, letter case folded. Each character is folded by itself, so
/// that a part of a text is folded as in the whole.
fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    text.chars().flat_map(fold_character).collect()
}

fn fold_character(character: char) -> impl Iterator<Item = char> {
    // Not every letter has its final form after one step: ẞ, ß, SS, ss; and ı, I, i.
    let letters = std::iter::once(character).nfkd().flat_map(char::to_lowercase).flat_map(char::to_uppercase);
    let letters = letters.flat_map(char::to_lowercase).nfkd();
    letters.filter(|letter| !is_combining_mark(*letter) && !is_invisible(*letter)).flat_map(|letter| {
        let plain = plain(letter);
        plain.chars().chain(plain.is_empty().then_some(letter))
    })
}

/// What is typed for a letter or sign that Unicode does not decompose; empty for any other.
fn plain(letter: char) -> &'static str {
    match letter {
        'æ' => "ae",
        'đ' | 'ð' => "d",
        'ħ' => "h",
        'ł' => "l",
        'ø' => "o",
        'œ' => "oe",
        'þ' => "th",
        'ŧ' => "t",
        '‘' | '’' | 'ʼ' | '′' => "'",
        '‐' | '–' | '—' | '−' => "-",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn letter_case_and_marks_make_no_difference() {
        for (typed, found) in [
            ("jose", "José"),
            ("JOSÉ", "jose\u{301}"),
            ("nunez", "NUÑEZ"),
            ("strasse", "Straße"),
            ("STRAẞE", "strasse"),
            ("istanbul", "İSTANBUL"),
            ("ISTANBUL", "ıstanbul"),
            ("οδος", "ΟΔΟΣ"),
            ("οδοσ", "οδός"),
            ("иван", "ИВАН"),
            ("елка", "Ёлка"),
            ("ﬁne", "FINE"),
            ("lodz", "Łódź"),
            ("o'neil", "O’Neil"),
            ("ann\u{200b}a", "ANNA"),
            ("ａ１", "A1"),
            ("한글", "한글"),
        ] {
            assert!(SearchText::new(typed).is_in(&[found]), "{typed} in {found}");
            assert!(SearchText::new(found).is_in(&[typed]), "{found} in {typed}");
        }
        assert!(!SearchText::new("jose").is_in(&["joss", "e"]));
        assert!(SearchText::new(" blue  MUG ").is_in(&["MUG-1", "Mug, blue"]));
        assert!(SearchText::new("grace hop").is_in(&["Grace", "Hopper"]), "across the columns");
    }

    #[test]
    fn a_text_of_marks_alone_is_refused() {
        for text in ["\u{301}", "\u{200b}\u{200b}", " \u{301} "] {
            assert!(SearchText::parse(text).is_err(), "{text:?}");
        }
        assert!(SearchText::parse(" ").is_ok_and(|search| search.is_empty()));
    }

    #[test]
    fn every_letter_is_found_by_its_other_cases() {
        // Without the ideographs and syllables, which have no case.
        let letters = ('\0'..='\u{33ff}').chain('\u{a000}'..='\u{abff}').chain('\u{f900}'..='\u{1fbff}');
        for letter in letters {
            let folded: String = fold_character(letter).collect();
            assert_eq!(fold(&folded), folded, "{letter} is folded once");
            for other in [letter.to_lowercase().collect::<String>(), letter.to_uppercase().collect()] {
                assert_eq!(fold(&other), folded, "{letter} as {other}");
            }
        }
    }

    proptest! {
        #[test]
        fn a_spelling_is_a_part_of_its_text_that_folds_to_the_word(text: String, from in 0usize..9, count in 1usize..5) {
            let word: String = fold(&text).chars().skip(from).take(count).collect();
            if !word.is_empty() {
                let spelling = FoldedText::new(&text).spelling_of(&word).expect("it is in there");
                prop_assert!(text.contains(spelling) && fold(spelling).contains(&word), "{spelling:?}");
            }
        }
    }
}
