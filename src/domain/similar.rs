//! What was probably meant by a word that is none of those that are known.

/// How alike two words must be (Jaro-Winkler, 0 to 1): below this they merely share some letters.
const SIMILAR: f64 = 0.8;

/// The known word that is most like the one that was typed, if any is.
pub fn closest<'a>(typed: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|known| (strsim::jaro_winkler(typed, known), known))
        .filter(|(similarity, _)| *similarity >= SIMILAR)
        .max_by(|one, other| one.0.total_cmp(&other.0))
        .map(|(_, known)| known)
}
