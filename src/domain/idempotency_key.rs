//! Idempotency keys: the caller's name for a request, so that repeating it has no effect.

use super::text::checked_text;

/// The longest key, in characters: the column's width.
pub const IDEMPOTENCY_KEY_MAX_CHARACTERS: usize = 255;

/// 1–255 printable ASCII characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// Checks a key as typed, without trimming it. Errors: the reason, without the text.
    pub fn parse(text: &str) -> Result<IdempotencyKey, String> {
        if text.is_empty() || text.len() > IDEMPOTENCY_KEY_MAX_CHARACTERS {
            return Err(format!("must be 1 to {IDEMPOTENCY_KEY_MAX_CHARACTERS} characters long"));
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ') {
            return Err("must be printable ASCII".to_owned());
        }
        Ok(IdempotencyKey(text.to_owned()))
    }
}

checked_text!(IdempotencyKey);
