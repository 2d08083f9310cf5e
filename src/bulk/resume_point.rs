//! How far the runs of a file have come: `--resume` continues there.

use std::num::ParseIntError;
use std::str::FromStr;

use super::position::Position;
use super::rejection::Rejection;

/// How far the runs of a file have come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ResumePoint {
    /// Rows up to here are done: none of them was rejected.
    pub done: Position,
    /// Rows up to here were written, apart from rejected ones.
    pub written: Position,
    /// The first rejected row of this run.
    rejected: Option<Position>,
}

impl ResumePoint {
    /// Begins a run of a file with this last row. A run that came to its end is not resumed: all rows are processed.
    pub fn start(&mut self, last: Position) {
        if self.done >= last {
            self.done = Position::default();
        }
    }

    /// Adds rejected rows.
    pub fn add_rejected(&mut self, at: impl Iterator<Item = Position>) {
        let done = self.done;
        self.rejected = self.rejected.into_iter().chain(at.filter(|at| *at > done)).min();
    }

    /// Adds the rows of a transaction, in file order, and those of them that it rejected.
    pub fn add_rows<R>(&mut self, rows: &[(Position, R)], refused: &[(usize, Vec<Rejection>)]) {
        self.add_rejected(refused.iter().filter_map(|(position, _)| Some(rows.get(*position)?.0)));
        let positions = || rows.iter().map(|(at, _)| *at);
        let before = positions().take_while(|at| self.rejected.is_none_or(|rejected| *at < rejected));
        self.done = before.last().unwrap_or_default().max(self.done);
        self.written = positions().last().unwrap_or_default().max(self.written);
    }

    /// A text that sorts as the points of a run do; the inverse of `parse`.
    pub fn key(self) -> String {
        format!("{}:{}", self.done.key(), self.written.key())
    }
}

impl FromStr for ResumePoint {
    type Err = ParseIntError;

    fn from_str(key: &str) -> Result<ResumePoint, ParseIntError> {
        let (done, written) = key.split_once(':').unwrap_or(("", key));
        Ok(ResumePoint { done: done.parse()?, written: written.parse()?, rejected: None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_after_the_first_rejected_one_are_not_done() {
        let rows = |lines: std::ops::Range<u64>| lines.map(|line| (Position::at_line(line), ())).collect::<Vec<_>>();
        let lines = |point: ResumePoint| (point.done.line, point.written.line);
        let mut point = ResumePoint::default();
        point.add_rows(&rows(2..5), &[]);
        assert_eq!(lines(point), (4, 4));
        // Rejected by the first pass, then by the transaction itself.
        let mut checked = point;
        checked.add_rejected([9, 7].into_iter().map(Position::at_line));
        checked.add_rows(&rows(5..7), &[]);
        assert_eq!(lines(checked), (6, 6));
        checked.add_rows(&rows(8..9), &[]);
        assert_eq!(lines(checked), (6, 8));
        point.add_rows(&rows(5..9), &[(2, Vec::new())]);
        assert_eq!(lines(point), (6, 8));
        assert_eq!(point.key().parse().map(lines), Ok((6, 8)));
    }
}
