//! Suggestions for unknown words.

/// Minimum similarity of two words (Jaro-Winkler, 0 to 1).
const SIMILAR: f64 = 0.8;
/// Similar words with the same beginning may have other ends: of so many letters, one may be mistyped.
const LETTERS_PER_MISTAKE: usize = 3;
/// Mistyped letters of any word.
const MISTAKES: usize = 2;

/// What makes a word mean the opposite.
const NEGATIONS: [&str; 5] = ["un", "non", "not", "no", "in"];

/// The known word most similar to the typed one, if similar enough; never its opposite.
pub fn closest<'a>(typed: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let most = (typed.chars().count() / LETTERS_PER_MISTAKE).max(MISTAKES);
    known
        .into_iter()
        .filter(|known| !is_opposite(typed, known))
        .filter(|known| {
            known.starts_with(typed) || typed.starts_with(known) || strsim::osa_distance(typed, known) <= most
        })
        .map(|known| (strsim::jaro_winkler(typed, known), known))
        .filter(|(similarity, _)| *similarity >= SIMILAR)
        .max_by(|one, other| one.0.total_cmp(&other.0))
        .map(|(_, known)| known)
}

/// Whether the typed word is the known one with a negation: `unshipped`.
fn is_opposite(typed: &str, known: &str) -> bool {
    let rest = |negation: &&str| Some(typed.strip_prefix(negation)?.trim_start_matches(['-', '_', ' ']));
    NEGATIONS.iter().filter_map(rest).any(|rest| rest == known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_not_proposed_for_one_with_another_end() {
        assert_eq!(closest("last-mouth", ["last-year", "last-month"]), Some("last-month"));
        assert_eq!(closest("last-friday", ["last-year", "last-month"]), None);
        assert_eq!(closest("last_login", ["first_name", "last_name"]), None);
        assert_eq!(closest("dev", ["development", "production"]), Some("development"));
        assert_eq!(closest("shipped", ["place", "ship"]), Some("ship"));
    }

    #[test]
    fn a_word_is_not_proposed_for_its_opposite() {
        assert_eq!(closest("shiped", ["paid", "shipped"]), Some("shipped"));
        for opposite in ["unshipped", "non-shipped", "not shipped"] {
            assert_eq!(closest(opposite, ["paid", "shipped"]), None);
        }
        assert_eq!(closest("inactive", ["active"]), None);
    }
}
