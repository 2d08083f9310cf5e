//! The choices of a person about output, by the names that the command line uses.

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
    /// The format of a file whose name ends so, in lower case.
    pub fn of_ending(ending: &str) -> Option<Format> {
        Format::ALL.into_iter().find(|format| format.endings().contains(&ending))
    }

    /// What the name of a file in this format ends in.
    pub const fn endings(self) -> &'static [&'static str] {
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
