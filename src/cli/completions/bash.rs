//! Words as Bash reads them, and values as it has to be given them.

/// A command line up to the cursor.
pub struct BashLine {
    words: Vec<String>,
    /// What Bash keeps of the last word: it replaces only what follows a character such as `@` or `:`.
    kept: String,
    /// The quote that is open at the cursor.
    quote: Option<char>,
}

impl BashLine {
    /// `replaced` is the end of the line that an answer takes the place of.
    pub fn new(line: &str, replaced: &str) -> BashLine {
        let (mut words, mut word, mut start) = (Vec::new(), String::new(), None);
        let (mut quote, mut is_escaped) = (None, false);
        for (at, character) in line.char_indices() {
            let is_blank = character.is_whitespace() && quote.is_none() && !is_escaped;
            if is_blank {
                words.extend(start.take().map(|_| std::mem::take(&mut word)));
                continue;
            }
            start = start.or(Some(at));
            match character {
                _ if is_escaped => {
                    word.push(character);
                    is_escaped = false;
                }
                '\\' if quote != Some('\'') => is_escaped = true,
                '"' | '\'' if quote == Some(character) => quote = None,
                '"' | '\'' if quote.is_none() => quote = Some(character),
                _ => word.push(character),
            }
        }
        words.push(word);
        let typed = &line[start.unwrap_or(line.len())..];
        let kept = typed.strip_suffix(replaced).unwrap_or_default();
        let kept = quote.map_or(kept, |quote| kept.trim_start_matches(quote)).to_owned();
        BashLine { words, kept, quote }
    }

    /// The words, without their quotes; the last one is to be completed.
    pub fn words(&self) -> &[String] {
        &self.words
    }

    /// What a value adds to the line, as one word of it; `None` if it cannot be written there. A value may be of
    /// another program: it must not become a command.
    pub fn spelled(&self, value: &str) -> Option<String> {
        let spelled = match self.quote {
            Some(quote) => {
                let is_special = |character| character == quote || quote == '"' && "\\$`!".contains(character);
                (!value.contains(is_special)).then(|| value.to_owned())?
            }
            None => value.chars().flat_map(escaped).collect(),
        };
        let kept = spelled.get(..self.kept.len())?;
        kept.eq_ignore_ascii_case(&self.kept).then(|| spelled[self.kept.len()..].to_owned())
    }
}

fn escaped(character: char) -> impl Iterator<Item = char> {
    let is_plain = character.is_alphanumeric() || "@%+=:,./_-".contains(character);
    (!is_plain).then_some('\\').into_iter().chain([character])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_split_as_bash_does() {
        for (line, words) in [
            ("shopctl user show ada@ex", &["shopctl", "user", "show", "ada@ex"][..]),
            ("shopctl  user ", &["shopctl", "user", ""]),
            ("shopctl --note \"two words\" 'a \"b'c", &["shopctl", "--note", "two words", "a \"bc"]),
            ("shopctl a\\ b \"open q", &["shopctl", "a b", "open q"]),
            ("shopctl '' ", &["shopctl", "", ""]),
            ("", &[""]),
        ] {
            assert_eq!(BashLine::new(line, "").words(), words, "{line}");
        }
    }

    #[test]
    fn an_answer_continues_what_bash_keeps() {
        for (line, replaced, value, spelled) in [
            ("shopctl user show ada", "ada", "ada@example.com", Some("ada@example.com")),
            ("shopctl user show ada@ex", "@ex", "ada@example.com", Some("@example.com")),
            ("shopctl user show ada@ex", "ex", "ada@example.com", Some("example.com")),
            ("shopctl user show Ada@ex", "ex", "ada@example.com", Some("example.com")),
            ("shopctl order list --user=ad", "ad", "--user=ada@x.org", Some("ada@x.org")),
            ("shopctl user show \"ada@ex", "ada@ex", "ada@example.com", Some("ada@example.com")),
            ("shopctl product show ", "", "$(reboot) `x`;", Some("\\$\\(reboot\\)\\ \\`x\\`\\;")),
            ("shopctl product show \"", "", "$(reboot)", None),
            ("shopctl product show '", "", "it's", None),
            ("shopctl product show a\\ ", "a\\ ", "a b", Some("a\\ b")),
            ("shopctl user show eve@ex", "ex", "ada@example.com", None),
        ] {
            assert_eq!(BashLine::new(line, replaced).spelled(value).as_deref(), spelled, "{line} to {value}");
        }
    }
}
