//! The status of a user.

named_enum! {
    /// active ⇄ disabled; either → anonymized, which is terminal.
    #[derive(Default)]
    pub enum UserStatus {
        #[default]
        Active = "active",
        Disabled = "disabled",
        Anonymized = "anonymized",
    }
}

impl UserStatus {
    /// Reads a name in any case. Errors: the reason, without the text.
    pub fn parse(text: &str) -> Result<UserStatus, String> {
        let name = text.trim().to_lowercase();
        UserStatus::from_stored(&name).ok_or_else(|| "must be active or disabled".to_owned())
    }
}
