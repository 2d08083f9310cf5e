//! Output options, by their names on the command line.

use crate::domain::named_enum;

named_enum! {
    /// The format of data on stdout.
    pub enum Format {
        /// A table for people.
        Table = "table",
        /// One JSON document.
        Json = "json",
        /// One JSON object per line.
        Jsonl = "jsonl",
        /// Comma-separated values with a header, guarded against formulas.
        Csv = "csv",
        /// Tab-separated values without a header; tabs, line breaks and backslashes are escaped.
        Tsv = "tsv",
        /// One id per line.
        Id = "id",
        /// One document of MongoDB's Extended JSON per line.
        MongoJson = "mongo-json",
    }
}

impl Format {
    /// The format of a file extension, in lower case.
    pub fn from_extension(extension: &str) -> Option<Format> {
        Format::ALL.into_iter().find(|format| format.extensions().contains(&extension))
    }

    /// The file extension of this format.
    pub const fn extensions(self) -> &'static [&'static str] {
        match self {
            Format::Table | Format::Id => &[],
            Format::Json => &["json"],
            Format::Jsonl => &["jsonl", "ndjson"],
            Format::Csv => &["csv"],
            Format::Tsv => &["tsv", "tab"],
            Format::MongoJson => &["mongo-json", "json", "jsonl", "ndjson"],
        }
    }
}

named_enum! {
    /// When to colour.
    #[derive(Default)]
    pub enum ColorChoice {
        /// Depending on the environment and the terminal.
        #[default]
        Auto = "auto",
        Always = "always",
        Never = "never",
    }
}
