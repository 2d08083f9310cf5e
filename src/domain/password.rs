//! Passwords: parsed, hashed, verified, never shown.

use std::fmt;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier};
use sha2::{Digest, Sha256};

use super::text::hexadecimal;

/// The shortest password, in bytes.
pub const PASSWORD_MIN_BYTES: usize = 8;
/// The longest password, in bytes, so that hashing cannot exhaust memory.
pub const PASSWORD_MAX_BYTES: usize = 1024;
/// A hash that matches no password.
pub const UNUSABLE: &str = "!";

/// A new password of allowed length. Debug and errors never show it.
#[derive(Clone)]
pub struct Password(String);

impl Password {
    /// Checks a password's length, without trimming it. Errors: the reason, without the text.
    pub fn parse(text: &str) -> Result<Password, String> {
        if (PASSWORD_MIN_BYTES..=PASSWORD_MAX_BYTES).contains(&text.len()) {
            Ok(Password(text.to_owned()))
        } else {
            Err(format!("must be {PASSWORD_MIN_BYTES} to {PASSWORD_MAX_BYTES} bytes long"))
        }
    }

    /// The plain text, to hash equal passwords once; never for output.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// argon2id with OWASP's parameters (m = 19456 KiB, t = 2, p = 1) as a PHC string.
    /// Source: OWASP Password Storage Cheat Sheet; they are the crate's defaults, checked by a test.
    pub fn hash(&self) -> Result<String, String> {
        Argon2::default()
            .hash_password(self.0.as_bytes())
            .map(|hash| hash.to_string())
            .map_err(|error| format!("the password could not be hashed: {error}"))
    }
}

/// The digest of a stored hash in the audit trail, to detect a change: SHA-256, hexadecimal. It reveals
/// neither the hash, which contains a random salt, nor the password.
pub fn digest(hash: &str) -> String {
    hexadecimal(&Sha256::digest(hash))
}

/// The prefixes of bcrypt hashes, which other programs make.
const BCRYPT: [&str; 3] = ["$2a$", "$2b$", "$2y$"];
/// The highest accepted parameters, so that a hash in a database cannot exhaust memory or CPU time.
/// Memory is in KiB.
const MAX_MEMORY: u32 = 256 * 1024;
const MAX_ITERATIONS: u32 = 16;
const MAX_LANES: u32 = 16;
const MAX_BCRYPT_COST: u32 = 16;

/// The result of comparing a password with a stored hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The password matches; `is_weak` if the hash uses weaker argon2 parameters than the current ones.
    Matches {
        is_weak: bool,
    },
    Differs,
    /// The hash cannot be verified, for this reason.
    Unreadable(&'static str),
}

/// Compares a password with a hash: argon2 as PHC string, or bcrypt of other programs (truncated at 72
/// bytes, as they do).
pub fn verify(hash: &str, password: &str) -> Verdict {
    if BCRYPT.iter().any(|prefix| hash.starts_with(prefix)) {
        return verify_bcrypt(hash, password);
    }
    if !hash.starts_with("$argon2") {
        return Verdict::Unreadable("it is not an argon2 or bcrypt hash");
    }
    let parsed = PasswordHash::new(hash).ok().filter(|parsed| parsed.salt.is_some() && parsed.hash.is_some());
    let parts = parsed.as_ref().and_then(|parsed| {
        Some((parsed, Params::try_from(parsed).ok()?, Algorithm::try_from(parsed.algorithm.as_str()).ok()?))
    });
    let Some((parsed, params, algorithm)) = parts else { return Verdict::Unreadable("it is a damaged argon2 hash") };
    if params.m_cost() > MAX_MEMORY || params.t_cost() > MAX_ITERATIONS || params.p_cost() > MAX_LANES {
        return Verdict::Unreadable("it requires more memory or time than allowed");
    }
    let ours = Params::default();
    let is_weak = algorithm != Algorithm::Argon2id
        || params.m_cost() < ours.m_cost()
        || params.t_cost() < ours.t_cost()
        || params.p_cost() < ours.p_cost();
    match Argon2::default().verify_password(password.as_bytes(), parsed) {
        Ok(()) => Verdict::Matches { is_weak },
        Err(_) => Verdict::Differs,
    }
}

fn verify_bcrypt(hash: &str, password: &str) -> Verdict {
    let cost = hash.get(4..6).and_then(|cost| cost.parse::<u32>().ok());
    if cost.is_some_and(|cost| cost > MAX_BCRYPT_COST) {
        return Verdict::Unreadable("it requires more time than allowed");
    }
    match bcrypt::verify(password, hash) {
        Ok(true) => Verdict::Matches { is_weak: false },
        Ok(false) => Verdict::Differs,
        Err(_) => Verdict::Unreadable("it is a damaged bcrypt hash"),
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
    fn own_hashes_verify_and_are_not_weak() {
        let hash = Password::parse("correct horse").unwrap().hash().unwrap();
        assert_eq!(verify(&hash, "correct horse"), Verdict::Matches { is_weak: false });
        assert_eq!(verify(&hash, "correct hors"), Verdict::Differs);
        let weak = "$argon2i$v=19$m=4096,t=3,p=1$c29tZXNhbHRzb21lc2FsdA$".to_owned();
        assert!(matches!(verify(&weak, "x"), Verdict::Differs | Verdict::Unreadable(_)));
    }

    /// Test vectors of jBCrypt, and one of the crate with PHP's prefix.
    #[test]
    fn bcrypt_hashes_of_other_programs_verify() {
        let abc = "06$If6bvum7DFjUnE9p2uDeDu0YHzrHM6tf.iqN8.yx.jNN1ILEf7h0i";
        for prefix in BCRYPT {
            assert_eq!(verify(&format!("{prefix}{abc}"), "abc"), Verdict::Matches { is_weak: false });
            assert_eq!(verify(&format!("{prefix}{abc}"), "abd"), Verdict::Differs);
        }
        let hash = "$2a$06$.rCVZVOThsIa97pEDOxvGuRRgzG64bvtJ0938xuqzv18d3ZpQhstC";
        assert_eq!(verify(hash, "abcdefghijklmnopqrstuvwxyz"), Verdict::Matches { is_weak: false });
    }

    #[test]
    fn hostile_and_damaged_hashes_are_rejected_at_once() {
        for hash in [
            "$argon2id$v=19$m=4194304,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
            "$argon2id$v=19$m=19456,t=1000000,p=1$c29tZXNhbHRzb21lc2FsdA$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
            "$argon2id$v=19$m=19456",
            "$2b$31$If6bvum7DFjUnE9p2uDeDu0YHzrHM6tf.iqN8.yx.jNN1ILEf7h0i",
            "$2b$06$short",
            "$2b$é",
            "!",
            "",
            "5f4dcc3b5aa765d61d8327deb882cf99",
        ] {
            assert!(matches!(verify(hash, "abc"), Verdict::Unreadable(_)), "{hash}");
        }
    }

    #[test]
    fn a_password_is_never_printed() {
        let password = Password::parse("correct horse").unwrap();
        assert!(!format!("{password:?}").contains("horse"));
        assert!(Password::parse("short").is_err());
        assert!(Password::parse(&"x".repeat(1025)).is_err());
    }
}
