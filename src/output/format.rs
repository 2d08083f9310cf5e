//! Output options, by their names on the command line.

use crate::domain::named_enum;

named_enum! {
    /// How data is written on stdout.
    pub enum Format {
        /// For people.
        Table = "table",
        /// One document.
        Json = "json",
        /// One object a line.
        Jsonl = "jsonl",
        /// With a header, guarded against formulas.
        Csv = "csv",
        /// Without a header; tab, line breaks and backslash are escaped.
        Tsv = "tsv",
        /// One id a line.
        Id = "id",
        /// One document of MongoDB's Extended JSON a line.
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
        /// As the environment and the terminal say.
        #[default]
        Auto = "auto",
        Always = "always",
        Never = "never",
    }
}
