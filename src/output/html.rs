//! A page of figures for a browser: complete in itself, without scripts, and readable without its pictures.

use super::cell::{Cell, Shown};
use super::column::{Column, View, cells};
use super::svg::{Chart, WIDTH};
use super::{Output, escape};
use crate::domain::Zone;
use crate::error::Result;

/// Shapes and colours. The page's own policy forbids everything that it does not contain.
const STYLE: &str = include_str!("page.css");
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'";

/// A page being written.
pub struct Page {
    zone: Zone,
    title: &'static str,
    head: String,
    figures: String,
}

/// A picture of some rows, which stand in a table below it.
pub struct Figure {
    /// Its anchor: lower-case words with hyphens.
    pub name: &'static str,
    pub title: &'static str,
    /// What there is to know, a sentence each.
    pub sentences: Vec<String>,
    pub chart: Chart,
    /// What is said in place of a chart without anything in it.
    pub nothing: &'static str,
}

impl Output {
    /// Starts a page with this title.
    pub fn page_of_figures(&self, title: &'static str) -> Page {
        Page { zone: self.zone.clone(), title, head: String::new(), figures: String::new() }
    }
}

impl Page {
    /// Adds a sentence below the title.
    pub fn sentence(&mut self, text: &str) {
        self.head.push_str(&paragraph(text));
    }

    /// Adds a figure and the table of its rows.
    ///
    /// Errors: as [`Chart::shapes`].
    pub fn figure<V: View>(&mut self, figure: &Figure, rows: &[V]) -> Result<()> {
        let Figure { name, title, sentences, chart, nothing } = figure;
        let sentences = sentences.iter().map(|sentence| paragraph(sentence)).collect::<String>();
        let picture = if chart.is_empty() { paragraph(nothing) } else { picture(figure)? };
        let table = if rows.is_empty() { String::new() } else { self.table(title, rows) };
        self.figures.push_str(&format!(
            "<figure id=\"{name}\" aria-labelledby=\"{name}-heading\">\n<figcaption>\n\
             <h2 id=\"{name}-heading\">{title}</h2>\n{sentences}</figcaption>\n{picture}{table}</figure>\n"
        ));
        Ok(())
    }

    /// The numbers of a figure, folded away.
    fn table<V: View>(&self, title: &str, rows: &[V]) -> String {
        let columns: Vec<&Column<V>> =
            V::COLUMNS.iter().filter(|column| column.heading.shown == Shown::Everywhere).collect();
        let rows: Vec<Vec<Cell>> = rows.iter().map(|row| cells(&columns, row)).collect();
        let class = |at: usize| if rows.iter().any(|row| row[at].is_number()) { " class=\"number\"" } else { "" };
        let heading = |(at, column): (usize, &&Column<V>)| {
            format!("<th scope=\"col\"{}>{}</th>", class(at), escape::html(column.heading.title))
        };
        let cell = |(at, cell): (usize, &Cell)| {
            format!("<td{}><bdi>{}</bdi></td>", class(at), escape::html(&cell.display_text(&self.zone)))
        };
        let line = |cells: String| format!("<tr>{cells}</tr>\n");
        let head = line(columns.iter().enumerate().map(heading).collect());
        let body: String = rows.iter().map(|row| line(row.iter().enumerate().map(cell).collect())).collect();
        format!(
            "<details>\n<summary>The numbers</summary>\n<div class=\"wide\" tabindex=\"0\" role=\"region\" \
             aria-label=\"{title}: the numbers\">\n<table>\n<thead>\n{head}</thead>\n<tbody>\n{body}</tbody>\n</table>\n\
             </div>\n</details>\n"
        )
    }

    /// The whole document.
    pub fn finish(self) -> String {
        let Page { title, head, figures, .. } = self;
        let main = if figures.is_empty() { String::new() } else { format!("<main>\n{figures}</main>\n") };
        format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n<title>{title}</title>\n\
             <style>\n{STYLE}</style>\n</head>\n<body>\n<header>\n<h1>{title}</h1>\n{head}</header>\n{main}</body>\n</html>\n"
        )
    }
}

fn paragraph(text: &str) -> String {
    format!("<p>{}</p>\n", escape::html(text))
}

/// The chart with what it shows in words, and what its colours mean.
fn picture(Figure { name, title, chart, .. }: &Figure) -> Result<String> {
    let (words, legend) = match chart {
        Chart::Flow(_) => (
            "For each period a column up for gross and one down for refunds; the line is net.",
            "<ul class=\"legend\">\n<li><i class=\"main\"></i>gross</li>\n<li><i class=\"back\"></i>refunds</li>\n\
             <li><i class=\"line\"></i>net</li>\n</ul>\n",
        ),
        Chart::Bars(_) => ("A bar for each row, with its value.", ""),
        Chart::Line(_) => ("A line over time.", ""),
    };
    let (height, shapes) = (chart.height(), chart.shapes()?);
    Ok(format!(
        "<svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-labelledby=\"{name}-title {name}-words\">\n\
         <title id=\"{name}-title\">{title}</title>\n\
         <desc id=\"{name}-words\">{words} The table below has the numbers.</desc>\n{shapes}</svg>\n{legend}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::testing::captured;
    use crate::output::{Bar, OutputSettings, Terminal};

    struct Named(String, i64);

    impl View for Named {
        const NOUN: &'static str = "names";
        const COLUMNS: &'static [Column<Named>] = &[
            Column::detail("id", "ID", |_| 1.into()),
            Column::new("name", "NAME", |row| row.0.as_str().into()),
            Column::new("units", "UNITS", |row| row.1.into()),
        ];
    }

    fn page(rows: &[Named]) -> String {
        let (output, ..) = captured(OutputSettings::default(), Terminal::default());
        let mut page = output.page_of_figures("Names");
        page.sentence("a < b");
        let chart = Chart::Bars(rows.iter().map(|row| Bar::new(&row.0, row.1.into())).collect());
        let figure =
            Figure { name: "n", title: "Units", sentences: vec!["2 & 3".to_owned()], chart, nothing: "No names." };
        page.figure(&figure, rows).unwrap();
        page.finish()
    }

    #[test]
    fn a_page_has_its_numbers_in_a_table() {
        let text = page(&[Named("mug".to_owned(), 3), Named("pen".to_owned(), 0)]);
        for part in [
            "<p>a &lt; b</p>",
            "<p>2 &amp; 3</p>",
            "<tr><th scope=\"col\">NAME</th><th scope=\"col\" class=\"number\">UNITS</th></tr>",
            "<tr><td><bdi>pen</bdi></td><td class=\"number\"><bdi>0</bdi></td></tr>",
            "<rect ",
        ] {
            assert!(text.contains(part), "{part} is not in {text}");
        }
        assert!(!text.contains("http:") && !text.contains("https:"), "{text}");
        let empty = page(&[]);
        assert!(empty.contains("<p>No names.</p>") && !empty.contains("<svg") && !empty.contains("<table"), "{empty}");
    }

    proptest::proptest! {
        #[test]
        fn a_text_is_never_markup(text in "(?s).*|[<>&\"'/a-z\\u{0}-\\u{1f}\\u{202a}-\\u{202e}]*") {
            let plain = page(&[Named("x".to_owned(), 1)]);
            let page = page(&[Named(text.clone(), 1)]);
            let count = |page: &str, sign: char| page.matches(sign).count();
            for sign in ['<', '>', '"', '\''] {
                proptest::prop_assert_eq!(count(&page, sign), count(&plain, sign), "{}", text);
            }
            proptest::prop_assert!(!page.chars().any(|c| c != '\n' && crate::domain::text::is_unsafe(c)));
        }
    }
}
