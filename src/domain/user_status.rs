//! What a user may do.

/// active ⇄ disabled; either → anonymized, which is terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserStatus {
    Active,
    Disabled,
    Anonymized,
}

impl UserStatus {
    pub const ALL: [UserStatus; 3] = [UserStatus::Active, UserStatus::Disabled, UserStatus::Anonymized];

    pub const fn as_str(self) -> &'static str {
        match self {
            UserStatus::Active => "active",
            UserStatus::Disabled => "disabled",
            UserStatus::Anonymized => "anonymized",
        }
    }

    /// `None` for what another program wrote.
    pub fn from_stored(text: &str) -> Option<UserStatus> {
        UserStatus::ALL.into_iter().find(|status| status.as_str() == text)
    }
}
