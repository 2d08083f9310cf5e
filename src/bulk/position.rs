//! Positions of records in a file.

use std::fmt;
use std::num::NonZeroU64;
use std::str::FromStr;

/// The position of a record. Positions are ordered as in the file; the default precedes all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The line in the file, from 1.
    pub line: u64,
    /// The number of the record, from 1, in JSON, where a line may contain several.
    pub record: Option<NonZeroU64>,
}

impl Position {
    /// The position of a record by its line.
    pub fn at_line(line: u64) -> Position {
        Position { line, record: None }
    }

    /// The position of a record by its line and number.
    pub fn at_record(number: u64, line: u64) -> Position {
        Position { line, record: NonZeroU64::new(number) }
    }

    /// A text that sorts as the positions do; the inverse of `parse`.
    pub fn key(self) -> String {
        format!("{:012}.{:012}", self.line, self.record.map_or(0, NonZeroU64::get))
    }
}

/// The position for messages. In a file of one long line only the record number is shown.
impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Position { line, record: None } => write!(f, "line {line}"),
            Position { line: 1, record: Some(record) } => write!(f, "record {record}"),
            Position { line, record: Some(record) } => write!(f, "record {record}, line {line}"),
        }
    }
}

impl FromStr for Position {
    type Err = std::num::ParseIntError;

    fn from_str(key: &str) -> Result<Position, Self::Err> {
        let (line, record) = key.split_once('.').unwrap_or((key, "0"));
        Ok(Position::at_record(record.parse()?, line.parse()?))
    }
}

/// Merges two counts, with the position of the first.
pub fn merge_counts(first: Option<(u64, Position)>, later: Option<(u64, Position)>) -> Option<(u64, Position)> {
    match (first, later) {
        (Some((count, at)), Some((more, _))) => Some((count + more, at)),
        (one, other) => one.or(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_name_a_line_or_a_record() {
        for (position, named) in [
            (Position::at_line(7), "line 7"),
            (Position::at_record(3, 1), "record 3"),
            (Position::at_record(3, 9), "record 3, line 9"),
        ] {
            assert_eq!(position.to_string(), named);
            assert_eq!(position.key().parse(), Ok(position));
        }
    }

    #[test]
    fn positions_and_their_keys_sort_in_file_order() {
        let order = [
            Position::default(),
            Position::at_record(1, 1),
            Position::at_record(12, 1),
            Position::at_line(2),
            Position::at_record(13, 10),
        ];
        assert!(order.is_sorted() && order.map(Position::key).is_sorted());
    }
}
