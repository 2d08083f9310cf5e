//! Suggestions for unknown words.

/// Minimum similarity of two words (Jaro-Winkler, 0 to 1).
const SIMILAR: f64 = 0.8;

/// The known word most similar to the typed one, if similar enough.
pub fn closest<'a>(typed: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|known| (strsim::jaro_winkler(typed, known), known))
        .filter(|(similarity, _)| *similarity >= SIMILAR)
        .max_by(|one, other| one.0.total_cmp(&other.0))
        .map(|(_, known)| known)
}
