//! Passwords: taken in, hashed, never shown.

use std::fmt;

use argon2::{Argon2, PasswordHasher};

/// The shortest password, in bytes.
pub const PASSWORD_MIN_BYTES: usize = 8;
/// The longest password, in bytes: hashing must not be a way to exhaust memory.
pub const PASSWORD_MAX_BYTES: usize = 1024;

/// A new password of allowed length. Debug and errors never show it.
#[derive(Clone)]
pub struct Password(String);

impl Password {
    pub fn parse(text: &str) -> Result<Password, String> {
        if (PASSWORD_MIN_BYTES..=PASSWORD_MAX_BYTES).contains(&text.len()) {
            Ok(Password(text.to_owned()))
        } else {
            Err(format!("must have {PASSWORD_MIN_BYTES} to {PASSWORD_MAX_BYTES} bytes"))
        }
    }

    /// The plain text, to tell equal ones apart before hashing; never for output.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// argon2id with OWASP's parameters (m = 19456 KiB, t = 2, p = 1) as a PHC string.
    /// Source: OWASP Password Storage Cheat Sheet; they are the crate's defaults, held by a test.
    pub fn hash(&self) -> Result<String, String> {
        Argon2::default()
            .hash_password(self.0.as_bytes())
            .map(|hash| hash.to_string())
            .map_err(|error| format!("the password could not be hashed: {error}"))
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_argon2id_at_owasp_strength_and_salted() {
        let password = Password::parse("correct horse").unwrap();
        let hash = password.hash().unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert_ne!(hash, password.hash().unwrap());
    }

    #[test]
    fn a_password_is_never_printed() {
        let password = Password::parse("correct horse").unwrap();
        assert!(!format!("{password:?}").contains("horse"));
        assert!(Password::parse("short").is_err());
        assert!(Password::parse(&"x".repeat(1025)).is_err());
    }
}
