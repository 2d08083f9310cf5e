//! The choices of a person about output, by the names that the command line uses.

/// How data is written on stdout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Table,
    /// One document.
    Json,
    /// One object a line.
    Jsonl,
    /// With a header, guarded against formulas.
    Csv,
    /// Without a header; tab, line breaks and backslash are escaped.
    Tsv,
    /// One id a line.
    Id,
    /// One document of MongoDB's Extended JSON a line.
    MongoJson,
}

impl Format {
    pub const ALL: [Format; 7] =
        [Format::Table, Format::Json, Format::Jsonl, Format::Csv, Format::Tsv, Format::Id, Format::MongoJson];

    pub const fn as_str(self) -> &'static str {
        match self {
            Format::Table => "table",
            Format::Json => "json",
            Format::Jsonl => "jsonl",
            Format::Csv => "csv",
            Format::Tsv => "tsv",
            Format::Id => "id",
            Format::MongoJson => "mongo-json",
        }
    }

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

/// When to colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ColorChoice {
    /// As the environment and the terminal say.
    #[default]
    Auto,
    Always,
    Never,
}

impl ColorChoice {
    pub const ALL: [ColorChoice; 3] = [ColorChoice::Auto, ColorChoice::Always, ColorChoice::Never];

    pub const fn as_str(self) -> &'static str {
        match self {
            ColorChoice::Auto => "auto",
            ColorChoice::Always => "always",
            ColorChoice::Never => "never",
        }
    }
}
