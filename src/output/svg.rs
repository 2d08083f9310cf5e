//! Charts as the content of an SVG element, drawn by plotters in the colours of light paper, which `page.css` replaces.

use std::io;
use std::ops::Range;

use plotters::backend::SVGBackend;
use plotters::chart::{ChartBuilder, ChartContext, LabelAreaPosition};
use plotters::coord::Shift;
use plotters::coord::cartesian::Cartesian2d;
use plotters::coord::types::RangedCoordf64;
use plotters::drawing::{DrawingArea, DrawingAreaErrorKind, IntoDrawingArea};
use plotters::element::{Circle, PathElement, Polygon, Rectangle, Text};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, IntoFont, RGBColor, ShapeStyle, TRANSPARENT, TextStyle};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use unicode_width::UnicodeWidthChar;

use super::chart::Bar;
use super::escape;
use super::wrap::shorten;
use crate::error::{Error, Result};

/// The width of every chart, in its own units; a page scales it.
pub(super) const WIDTH: u32 = 800;
/// The height of a chart with axes.
const HEIGHT: u32 = 400;
/// The height of a row of bars, and the part of it that is bar.
const ROW: i32 = 44;
const BAR: i32 = 28;
/// Space between label, bar and value.
const GAP: i32 = 12;
/// The size of text; plotters writes a smaller one.
const FONT_SIZE: f64 = 22.0 * 1.24;
/// The width of a column of a terminal in text of that size: of a digit in a wide font, of half an ideograph.
const CHARACTER: i32 = 14;
/// The width of a capital letter, and of the widest ones.
const CAPITAL: i32 = 18;
const WIDEST: i32 = 22;
/// The longest label of a bar, in columns of a terminal.
const LABEL_MAX: usize = 22;
/// Room for the labels of both axes.
const LEFT: u32 = 92;
const BOTTOM: u32 = 44;
/// About how many labels an axis has.
const LABELS: (usize, usize) = (6, 5);
/// The share of its period that a column takes, on each side of the middle.
const HALF_COLUMN: f64 = 0.36;

const INK: RGBColor = RGBColor(0x22, 0x22, 0x22);
const GRID: RGBColor = RGBColor(0xD8, 0xD8, 0xD8);
const MAIN: RGBColor = RGBColor(0x3B, 0x7D, 0xBF);
const BACK: RGBColor = RGBColor(0xD0, 0x6A, 0x3A);

/// What a page draws.
#[derive(Debug)]
pub enum Chart {
    /// For each period a column up and one down from zero, and a line for what is left.
    Flow(Vec<Flow>),
    /// A bar for each row.
    Bars(Vec<Bar>),
    /// A line over time.
    Line(Vec<Bar>),
}

/// One period of a [`Chart::Flow`].
#[derive(Debug)]
pub struct Flow {
    pub label: String,
    pub gross: Decimal,
    pub refunds: Decimal,
}

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Axes<'a> = ChartContext<'a, SVGBackend<'a>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;
type Drawn<T = ()> = std::result::Result<T, DrawingAreaErrorKind<io::Error>>;

impl Chart {
    pub(super) fn height(&self) -> u32 {
        match self {
            Chart::Bars(bars) => bars.len() as u32 * ROW as u32,
            Chart::Flow(_) | Chart::Line(_) => HEIGHT,
        }
    }

    /// Whether every value is zero, so that nothing would be drawn.
    pub(super) fn is_empty(&self) -> bool {
        match self {
            Chart::Flow(flows) => flows.iter().all(|flow| flow.gross.is_zero() && flow.refunds.is_zero()),
            Chart::Bars(bars) => bars.is_empty(),
            Chart::Line(points) => points.iter().all(|point| point.value.is_zero()),
        }
    }

    /// The shapes and texts, without the element around them.
    ///
    /// Errors: an internal one, as nothing can go wrong in memory.
    pub(super) fn shapes(&self) -> Result<String> {
        let mut text = String::new();
        let area = SVGBackend::with_string(&mut text, (WIDTH, self.height())).into_drawing_area();
        let drawn = match self {
            Chart::Flow(flows) => draw_flow(&area, flows),
            Chart::Bars(bars) => draw_bars(&area, bars),
            Chart::Line(points) => draw_line(&area, points),
        };
        let drawn = drawn.and_then(|()| area.present());
        drop(area);
        drawn.map_err(|error| Error::internal(format!("a chart was not drawn: {error}")))?;
        let inside = text.split_once(">\n").and_then(|(_, rest)| rest.rsplit_once("</svg>"));
        Ok(inside.map(|(inside, _)| inside.to_owned()).unwrap_or_default())
    }
}

/// A value as a float, which is precise enough for drawing.
fn number(value: Decimal) -> f64 {
    value.to_f64().unwrap_or_default()
}

fn text_style(h_pos: HPos) -> TextStyle<'static> {
    let font = ("sans-serif", FONT_SIZE).into_font();
    TextStyle::from(font).color(&INK).pos(Pos::new(h_pos, VPos::Center))
}

fn draw_flow(area: &Area<'_>, flows: &[Flow]) -> Drawn {
    let net = |flow: &Flow| number(flow.gross - flow.refunds);
    let values = || flows.iter().flat_map(|flow| [number(flow.gross), -number(flow.refunds), net(flow)]);
    let labels: Vec<&str> = flows.iter().map(|flow| flow.label.as_str()).collect();
    let chart = axes(area, &labels, values())?;
    let plot = chart.plotting_area();
    for (place, flow) in flows.iter().enumerate() {
        let column = |height: f64, color: RGBColor| {
            let (left, right) = (place as f64 - HALF_COLUMN, place as f64 + HALF_COLUMN);
            plot.draw(&Rectangle::new([(left, 0.0), (right, height)], color.filled()))
        };
        if !flow.gross.is_zero() {
            column(number(flow.gross), MAIN)?;
        }
        if !flow.refunds.is_zero() {
            column(-number(flow.refunds), BACK)?;
        }
    }
    draw_path(&chart, flows.iter().map(net), INK)
}

fn draw_line(area: &Area<'_>, points: &[Bar]) -> Drawn {
    let values = || points.iter().map(|point| number(point.value));
    let labels: Vec<&str> = points.iter().map(|point| point.label.as_str()).collect();
    let chart = axes(area, &labels, values())?;
    let last = points.len().saturating_sub(1) as f64;
    let mut below: Vec<(f64, f64)> = values().enumerate().map(|(place, value)| (place as f64, value)).collect();
    below.extend([(last, 0.0), (0.0, 0.0)]);
    chart.plotting_area().draw(&Polygon::new(below, MAIN.mix(0.2)))?;
    draw_path(&chart, values(), MAIN)
}

/// A line with a dot for each value.
fn draw_path(chart: &Axes<'_>, values: impl Iterator<Item = f64>, color: RGBColor) -> Drawn {
    let points: Vec<(f64, f64)> = values.enumerate().map(|(place, value)| (place as f64, value)).collect();
    let plot = chart.plotting_area();
    plot.draw(&PathElement::new(points.clone(), color.stroke_width(3)))?;
    points.into_iter().try_for_each(|point| plot.draw(&Circle::new(point, 5, color.filled())))
}

/// Both axes: a place for each label, and room for these values and zero.
fn axes<'a>(area: &Area<'a>, labels: &[&str], values: impl Iterator<Item = f64>) -> Drawn<Axes<'a>> {
    let (lowest, highest) = values.fold((0.0_f64, 0.0_f64), |(low, high), value| (low.min(value), high.max(value)));
    let Range { start, end } = lowest * 1.05..highest * 1.05;
    let mut chart = ChartBuilder::on(area)
        .margin(10)
        .set_label_area_size(LabelAreaPosition::Left, LEFT)
        .set_label_area_size(LabelAreaPosition::Bottom, BOTTOM)
        .build_cartesian_2d(-0.6..labels.len() as f64 - 0.4, start..end)?;
    let label = |place: &f64| labels.get(place.round() as usize).copied().unwrap_or_default().to_owned();
    chart
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(GRID)
        .axis_style(GRID)
        .x_labels(LABELS.0)
        .y_labels(LABELS.1)
        .x_label_formatter(&label)
        .y_label_formatter(&|value| short(*value))
        .label_style(text_style(HPos::Left))
        .draw()?;
    let zero = [(-0.6, 0.0), (labels.len() as f64 - 0.4, 0.0)];
    chart.plotting_area().draw(&PathElement::new(zero, INK.stroke_width(2)))?;
    Ok(chart)
}

/// Label, bar and value of each row.
fn draw_bars(area: &Area<'_>, bars: &[Bar]) -> Drawn {
    let rows: Vec<(String, String, f64)> = bars
        .iter()
        .map(|bar| (shorten(escape::line(&bar.label), LABEL_MAX), bar.value.to_string(), number(bar.value).max(0.0)))
        .collect();
    let widest =
        |text: fn(&(String, String, f64)) -> &String| rows.iter().map(|row| units(text(row))).max().unwrap_or(0);
    let left = widest(|row| &row.0) + GAP;
    let room = (WIDTH as i32 - left - GAP - widest(|row| &row.1)).max(GAP);
    let most = rows.iter().map(|row| row.2).fold(0.0, f64::max);
    for (place, (label, value, length)) in rows.iter().enumerate() {
        let middle = place as i32 * ROW + ROW / 2;
        let length = if most > 0.0 { (length / most * f64::from(room)).ceil() as i32 } else { 0 };
        area.draw(&Text::new(label.as_str(), (left - GAP, middle), text_style(HPos::Right)))?;
        let corners = [(left, middle - BAR / 2), (left + length, middle + BAR / 2)];
        area.draw(&Rectangle::new(corners, ShapeStyle::from(MAIN).filled()))?;
        area.draw(&Text::new(value.as_str(), (left + length + GAP, middle), text_style(HPos::Left)))?;
    }
    Ok(())
}

/// The width that a text has at most: what a chart does not have room for is cut off.
fn units(text: &str) -> i32 {
    let width = |character: char| match character {
        'M' | 'W' | 'm' | 'w' | '@' | '%' | '&' | '—' | '…' => WIDEST,
        _ if character.is_uppercase() => CAPITAL,
        _ => character.width().unwrap_or(0) as i32 * CHARACTER,
    };
    text.chars().map(width).sum()
}

/// A value of an axis: `1500`, `25k`, `1.2M`.
fn short(value: f64) -> String {
    const UNITS: [(f64, &str); 4] = [(1e12, "T"), (1e9, "G"), (1e6, "M"), (1e4, "k")];
    let unit = UNITS.iter().find(|(least, _)| value.abs() >= *least);
    let (scaled, unit) =
        unit.map_or((value, ""), |(least, unit)| (value / if *unit == "k" { 1e3 } else { *least }, unit));
    let digits = format!("{scaled:.2}");
    format!("{}{unit}", digits.trim_end_matches('0').trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bar(label: &str, value: &str) -> Bar {
        Bar::new(label, value.parse().unwrap())
    }

    #[test]
    fn values_of_an_axis_are_short() {
        let shown = [0.0, 0.25, -3.0, 2500.0, 10_000.0, 25_500.0, 1.25e6, 4e9, 4.3e17].map(short);
        assert_eq!(shown, ["0", "0.25", "-3", "2500", "10k", "25.5k", "1.25M", "4G", "430000T"]);
    }

    #[test]
    fn every_colour_has_its_counterpart_for_the_dark() {
        let css = include_str!("page.css");
        for RGBColor(red, green, blue) in [INK, GRID, MAIN, BACK] {
            let color = format!("=\"#{red:02X}{green:02X}{blue:02X}\"]");
            assert!(css.contains(&color), "{color}");
        }
    }

    #[test]
    fn a_bar_is_as_long_as_its_share_and_no_label_is_markup() {
        let chart =
            Chart::Bars(vec![bar("<script>&\"'\u{202e}", "100.00"), bar(&"x".repeat(500), "50.00"), bar("", "0")]);
        let shapes = chart.shapes().unwrap();
        let lengths: Vec<i32> = shapes
            .lines()
            .filter_map(|line| line.strip_prefix("<rect ")?.split("width=\"").nth(1)?.split('"').next()?.parse().ok())
            .collect();
        assert_eq!(lengths.len(), 3, "{shapes}");
        assert!((lengths[0] - 2 * lengths[1]).abs() <= 1 && lengths[2] == 0, "{lengths:?}");
        assert!(shapes.contains("&lt;script&gt;&amp;") && !shapes.contains("<script"), "{shapes}");
        assert!(!shapes.contains(&"x".repeat(LABEL_MAX)) && shapes.contains('…'), "{shapes}");
    }

    #[test]
    fn a_label_of_wide_letters_has_its_room() {
        for (label, ems) in [("W".repeat(22), 22.0), ("漢字".repeat(5), 10.0), ("MUG-BLUE".to_owned(), 6.0)] {
            let shapes = Chart::Bars(vec![bar(&label, "1.00")]).shapes().unwrap();
            let (_, rest) = shapes.split_once("<text x=\"").unwrap();
            let end: f64 = rest.split('"').next().and_then(|x| x.parse().ok()).unwrap();
            assert!(end >= ems * 22.0, "{label} ends at {end}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_sums_can_be_drawn(cents in proptest::collection::vec((0i64..i64::MAX, 0i64..i64::MAX), 1..40)) {
            let decimal = |cents: i64| Decimal::new(cents, 2);
            let flows = cents.iter().map(|(gross, refunds)| Flow {
                label: "x".to_owned(), gross: decimal(*gross), refunds: decimal(*refunds),
            });
            let bars = || cents.iter().map(|(value, _)| Bar::new("x", decimal(*value))).collect::<Vec<_>>();
            for chart in [Chart::Flow(flows.collect()), Chart::Bars(bars()), Chart::Line(bars())] {
                let shapes = chart.shapes().unwrap();
                proptest::prop_assert!(!shapes.contains("NaN") && !shapes.contains("inf"), "{}", shapes);
                proptest::prop_assert!(!shapes.contains("svg"), "{}", shapes);
            }
        }
    }
}
