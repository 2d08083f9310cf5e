//! Suggestions for unknown words.

/// Minimum similarity of two words (Jaro-Winkler, 0 to 1).
const SIMILAR: f64 = 0.8;

/// What makes a word mean the opposite.
const NEGATIONS: [&str; 5] = ["un", "non", "not", "no", "in"];

/// The known word most similar to the typed one, if similar enough; never its opposite.
pub fn closest<'a>(typed: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .filter(|known| !is_opposite(typed, known))
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
    fn a_word_is_not_proposed_for_its_opposite() {
        assert_eq!(closest("shiped", ["paid", "shipped"]), Some("shipped"));
        for opposite in ["unshipped", "non-shipped", "not shipped"] {
            assert_eq!(closest(opposite, ["paid", "shipped"]), None);
        }
        assert_eq!(closest("inactive", ["active"]), None);
    }
}
