//! What a user may do.

named_enum! {
    /// active ⇄ disabled; either → anonymized, which is terminal.
    pub enum UserStatus {
        Active = "active",
        Disabled = "disabled",
        Anonymized = "anonymized",
    }
}
