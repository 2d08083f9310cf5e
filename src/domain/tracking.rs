//! Numbers of parcels.

use super::text::single_line;

/// The longest tracking number, in characters; some carriers give addresses of web pages.
const TRACKING_MAX_CHARACTERS: usize = 500;

/// Parses the number of a parcel: one line.
pub fn parse_tracking(text: &str) -> Result<String, String> {
    single_line(text, TRACKING_MAX_CHARACTERS)
}
