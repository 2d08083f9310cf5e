//! Bars and sparklines as wide as the terminal.
//!
//! Existing crates draw curves on axes (textplots, rasciigraph); one bar per row takes only a few lines.

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use unicode_width::UnicodeWidthStr;

use super::wrap::shorten;
use super::{Output, escape};
use crate::error::Result;

/// The default width without a terminal, in columns.
const DEFAULT_WIDTH: usize = 80;
/// The minimum width of a bar, even if lines become too wide.
const MIN_BAR_WIDTH: usize = 4;
const MIN_LABEL_WIDTH: usize = 4;
/// Spaces between label, value and bar.
const GAP: usize = 2;

/// Glyphs by rising fill. Both sets end with the full one.
struct Glyphs {
    /// For a column of a sparkline; the first one is for zero.
    heights: &'static [char],
    /// For the last cell of a bar.
    lengths: &'static [char],
}

const BLOCKS: Glyphs = Glyphs {
    heights: &['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'],
    lengths: &['▏', '▎', '▍', '▌', '▋', '▊', '▉', '█'],
};
const ASCII: Glyphs = Glyphs { heights: &['_', '.', ':', '-', '=', '+', '*', '#'], lengths: &['#'] };

/// One row of a chart.
#[derive(Debug, Clone)]
pub struct Bar {
    pub label: String,
    pub value: Decimal,
}

impl Bar {
    pub fn new(label: &str, value: Decimal) -> Bar {
        Bar { label: label.to_owned(), value }
    }
}

impl Output {
    /// Draws one bar per row below the previous output, under what the values are. Negative values have no bar.
    ///
    /// Errors: exit 5 when stdout cannot be written.
    pub fn chart(&self, title: &str, bars: &[Bar]) -> Result<()> {
        self.text(&format!("\n{title}\n{}", lines(bars, self.glyphs(), self.chart_width())))
    }

    /// Draws a sparkline of the rows below the previous output, under what the values are and the first and last row.
    ///
    /// Errors: as [`Output::chart`].
    pub fn sparkline(&self, title: &str, bars: &[Bar]) -> Result<()> {
        let values: Vec<f64> = bars.iter().map(|bar| number(bar.value)).collect();
        let (width, span) = (self.chart_width(), span(bars));
        self.text(&format!("\n{title}{span}\n{}\n", sparkline(&values, self.glyphs(), width)))
    }

    fn glyphs(&self) -> &'static Glyphs {
        if self.terminal.has_blocks { &BLOCKS } else { &ASCII }
    }

    fn chart_width(&self) -> usize {
        self.terminal.width.filter(|_| self.terminal.stdout_is_terminal).unwrap_or(DEFAULT_WIDTH)
    }
}

/// The labels of the first and last row: ` from 2026-01 to 2026-12`
fn span(bars: &[Bar]) -> String {
    match bars {
        [first, .., last] => format!(" from {} to {}", escape::line(&first.label), escape::line(&last.label)),
        [only] => format!(" of {}", escape::line(&only.label)),
        [] => String::new(),
    }
}

/// A value as a float, which is precise enough for drawing; negative values become zero.
fn number(value: Decimal) -> f64 {
    value.to_f64().unwrap_or_default().max(0.0)
}

fn highest(values: impl Iterator<Item = f64>) -> f64 {
    values.fold(0.0, f64::max)
}

/// One line `label  value  bar` per row; labels and bars are fitted to the width.
fn lines(bars: &[Bar], glyphs: &Glyphs, width: usize) -> String {
    let rows: Vec<(String, String, f64)> =
        bars.iter().map(|bar| (escape::line(&bar.label), bar.value.to_string(), number(bar.value))).collect();
    let widest = |text: fn(&(String, String, f64)) -> &String| rows.iter().map(|row| text(row).width()).max();
    let value_width = widest(|row| &row.1).unwrap_or(0);
    // Bars get at least half of the width left by the values.
    let room = width.saturating_sub(value_width + 2 * GAP);
    let label_width = widest(|row| &row.0).unwrap_or(0).min((room / 2).max(MIN_LABEL_WIDTH));
    let bar_width = room.saturating_sub(label_width).max(MIN_BAR_WIDTH);
    let most = highest(rows.iter().map(|row| row.2));
    let gap = " ".repeat(GAP);
    let line = |(label, value, length): &(String, String, f64)| {
        let label = shorten(label.clone(), label_width);
        let fill = " ".repeat(label_width.saturating_sub(label.width()));
        let share = if most > 0.0 { length / most } else { 0.0 };
        let bar = bar(share, glyphs, bar_width);
        format!("{}\n", format!("{label}{fill}{gap}{value:>value_width$}{gap}{bar}").trim_end())
    };
    rows.iter().map(line).collect()
}

/// A bar for a share (0 to 1) of the width; a share above zero is always visible.
fn bar(share: f64, glyphs: &Glyphs, width: usize) -> String {
    let parts = glyphs.lengths.len();
    let filled = (share * (width * parts) as f64).round().max(if share > 0.0 { 1.0 } else { 0.0 }) as usize;
    let full = glyphs.lengths.last().map(ToString::to_string).unwrap_or_default();
    let mut text = full.repeat(filled / parts);
    text.extend((filled % parts).checked_sub(1).and_then(|last| glyphs.lengths.get(last)));
    text
}

/// One glyph per value, or per mean of several values if the width is too small.
fn sparkline(values: &[f64], glyphs: &Glyphs, width: usize) -> String {
    let together = values.len().div_ceil(width.max(1)).max(1);
    let means: Vec<f64> = values.chunks(together).map(|chunk| chunk.iter().sum::<f64>() / chunk.len() as f64).collect();
    let most = highest(means.iter().copied());
    let steps = (glyphs.heights.len() - 1) as f64;
    let glyph = |mean: &f64| {
        let height = if most > 0.0 { (mean / most * steps).ceil() as usize } else { 0 };
        glyphs.heights.get(height)
    };
    means.iter().filter_map(glyph).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::testing::captured;
    use crate::output::{OutputSettings, Terminal};

    fn bars(rows: &[(&str, &str)]) -> Vec<Bar> {
        rows.iter().map(|(label, value)| Bar { label: (*label).to_owned(), value: value.parse().unwrap() }).collect()
    }

    #[test]
    fn bar_lengths_are_proportional() {
        let rows = bars(&[("2026-01", "100.00"), ("2026-02", "50.00"), ("2026-03", "0.00"), ("2026-04", "0.01")]);
        let expected = "2026-01  100.00  ████████████\n\
                        2026-02   50.00  ██████\n\
                        2026-03    0.00\n\
                        2026-04    0.01  ▏\n";
        assert_eq!(lines(&rows, &BLOCKS, 29), expected);
        assert_eq!(lines(&rows, &ASCII, 29), expected.replace(['█', '▏'], "#"));
    }

    #[test]
    fn sparklines_join_values_that_do_not_fit() {
        assert_eq!(sparkline(&[0.0, 1.0, 4.0, 8.0], &BLOCKS, 80), "▁▂▅█");
        assert_eq!(sparkline(&[0.0, 1.0, 4.0, 8.0], &ASCII, 80), "_.=#");
        assert_eq!(sparkline(&[0.0, 0.0, 8.0, 8.0, 4.0], &BLOCKS, 3), "▁█▅");
        assert_eq!(sparkline(&[0.0, 0.0], &BLOCKS, 80), "▁▁");
        assert_eq!(sparkline(&[], &BLOCKS, 80), "");
    }

    #[test]
    fn without_a_terminal_a_chart_is_80_wide_and_plain() {
        let (output, stdout, _) = captured(OutputSettings::default(), Terminal::default());
        output.chart("orders", &bars(&[("a", "1")])).unwrap();
        assert_eq!(stdout.text(), format!("\norders\na  1  {}\n", "#".repeat(74)));
    }

    #[test]
    fn labels_are_escaped_for_the_terminal() {
        assert!(!lines(&bars(&[("\u{1b}[2J", "1")]), &BLOCKS, 80).contains('\u{1b}'));
    }

    proptest::proptest! {
        #[test]
        fn a_chart_is_never_wider_than_the_terminal(
            labels in proptest::collection::vec("(?s).*", 1..5),
            cents in 0i64..100_000_000,
            width in 24usize..120,
        ) {
            let value = |position: usize| Decimal::new(cents / (position as i64 + 1), 2);
            let rows: Vec<Bar> = labels.iter().enumerate()
                .map(|(position, label)| Bar { label: label.clone(), value: value(position) }).collect();
            for glyphs in [&BLOCKS, &ASCII] {
                let text = lines(&rows, glyphs, width);
                proptest::prop_assert_eq!(text.lines().count(), rows.len());
                for line in text.lines() {
                    proptest::prop_assert!(line.width() <= width, "{} is wider than {}", line, width);
                }
                let values: Vec<f64> = (0..cents % 500).map(|value| value as f64).collect();
                proptest::prop_assert!(sparkline(&values, glyphs, width).chars().count() <= width);
            }
        }
    }
}
