//! Tests of the output formats.

use std::io;

use chrono::{DateTime, Utc};

use super::testing::{Captured, captured};
use super::{
    Cell, Change, ColorChoice, Column, Format, ListFooter, MoreRows, Mutation, Output, OutputSettings, Terminal, View,
};
use crate::domain::Money;
use crate::domain::text::is_unsafe;
use crate::error::{CommandLine, Error, Hint, Invocation, Kind};

struct Parcel {
    reference: String,
    note: Option<String>,
    pieces: i64,
    total: Money,
    sent_at: DateTime<Utc>,
}

impl View for Parcel {
    const NOUN: &'static str = "parcels";
    const COLUMNS: &'static [Column<Parcel>] = &[
        Column::detail("id", "ID", |parcel| parcel.id().into()),
        Column::new("reference", "REFERENCE", |parcel| parcel.reference.as_str().into()),
        Column::new("note", "NOTE", |parcel| parcel.note.as_deref().into()),
        Column::new("pieces", "PIECES", |parcel| parcel.pieces.into()),
        Column::new("total", "TOTAL", |parcel| parcel.total.into()),
        Column::new("sent_at", "SENT", |parcel| parcel.sent_at.into()),
    ];

    fn id(&self) -> String {
        format!("id-{}", self.reference)
    }
}

fn parcel(reference: &str, note: Option<&str>, pieces: i64) -> Parcel {
    Parcel {
        reference: reference.to_owned(),
        note: note.map(str::to_owned),
        pieces,
        total: Money::parse_total("1012.5").unwrap(),
        sent_at: DateTime::from_timestamp_micros(1_795_450_474_123_456).unwrap(),
    }
}

fn parcels() -> [Parcel; 2] {
    [parcel("A1", Some("=1+1\tpaid\\\u{1b}[31m\u{202e}\n\"x\""), 12), parcel("B2", None, -3)]
}

fn in_format(format: Format) -> OutputSettings {
    OutputSettings { format: Some(format), ..OutputSettings::default() }
}

fn on_a_terminal(width: usize) -> Terminal {
    Terminal {
        stdout_is_terminal: true,
        stderr_is_terminal: true,
        width: Some(width),
        stderr_width: Some(width),
        ..Terminal::default()
    }
}

/// A list with a further page, as stdout and stderr.
fn listed(settings: OutputSettings, terminal: Terminal) -> (String, String) {
    let (output, stdout, stderr) = captured(settings, terminal);
    let more = MoreRows { count: Some(5), command: CommandLine::again().option("--after", "CURSOR") };
    output
        .page(&parcels(), &ListFooter { next: Some("CURSOR"), more: Some(more), total: Some(7), totals: &[] })
        .unwrap();
    (stdout.text(), stderr.text())
}

#[test]
fn a_terminal_gets_a_table_that_fits() {
    let plain = OutputSettings { color: ColorChoice::Never, ..OutputSettings::default() };
    let (stdout, stderr) = listed(plain.clone(), on_a_terminal(64));
    insta::assert_snapshot!(stdout, @r#"
    REFERENCE  NOTE                PIECES    TOTAL  SENT
    A1                                 12  1012.50  2026-11-23 16:14
      note: =1+1\tpaid\\u{1b}[31m\u{202e}\n"x"
    B2         -                       -3  1012.50  2026-11-23 16:14
    "#);
    insta::assert_snapshot!(stderr, @r#"
    7 parcels in total
    times are in UTC
    5 more parcels: shopctl --after CURSOR
    "#);
    let (stdout, _) = listed(plain, on_a_terminal(200));
    insta::assert_snapshot!(stdout, @r#"
    REFERENCE  NOTE                                PIECES    TOTAL  SENT
    A1         =1+1\tpaid\\u{1b}[31m\u{202e}\n"x"      12  1012.50  2026-11-23 16:14
    B2         -                                       -3  1012.50  2026-11-23 16:14
    "#);
    let (stdout, _) = listed(OutputSettings::default(), on_a_terminal(200));
    assert!(stdout.starts_with("\u{1b}[1mREFERENCE  NOTE"), "{stdout}");
}

#[test]
fn a_pipe_gets_complete_tab_separated_values_without_a_header() {
    let (stdout, stderr) = listed(OutputSettings::default(), Terminal::default());
    insta::assert_snapshot!(stdout, @r#"
    id-A1	A1	=1+1\tpaid\\\u{1b}[31m\u{202e}\n"x"	12	1012.50	2026-11-23T16:14:34.123456Z
    id-B2	B2		-3	1012.50	2026-11-23T16:14:34.123456Z
    "#);
    insta::assert_snapshot!(stderr, @r#"
    7 parcels in total
    5 more parcels: shopctl --after CURSOR
    "#);
    let (_, stderr) = listed(OutputSettings { quiet: true, ..OutputSettings::default() }, Terminal::default());
    assert_eq!(stderr, "7 parcels in total\n", "the number was asked for");
}

#[test]
fn json_lists_are_one_document_and_jsonl_one_object_a_line() {
    let (document, stderr) = listed(in_format(Format::Json), Terminal::default());
    insta::assert_snapshot!(document, @r#"
    {"items":[
    {"id":"id-A1","reference":"A1","note":"=1+1\tpaid\\\u001b[31m\u202e\n\"x\"","pieces":12,"total":"1012.50","sent_at":"2026-11-23T16:14:34.123456Z"},
    {"id":"id-B2","reference":"B2","note":null,"pieces":-3,"total":"1012.50","sent_at":"2026-11-23T16:14:34.123456Z"}
    ],"next":"CURSOR","total":7}
    "#);
    assert_eq!(stderr, "");
    let document: serde_json::Value = serde_json::from_str(&document).unwrap();
    let (lines, _) = listed(in_format(Format::Jsonl), Terminal::default());
    for (line, item) in lines.lines().zip(document["items"].as_array().unwrap()) {
        assert_eq!(&serde_json::from_str::<serde_json::Value>(line).unwrap(), item);
    }
    let (output, stdout, _) = captured(in_format(Format::Json), Terminal::default());
    output.list::<Parcel>(&[]).unwrap();
    assert_eq!(stdout.text(), "{\"items\":[],\"next\":null}\n");
}

#[test]
fn csv_has_a_header_and_guards_texts_only() {
    let (stdout, _) = listed(in_format(Format::Csv), Terminal::default());
    let expected = concat!(
        "id,reference,note,pieces,total,sent_at\n",
        "id-A1,A1,\"'=1+1\tpaid\\\u{1b}[31m\u{202e}\n\"\"x\"\"\",12,1012.50,2026-11-23T16:14:34.123456Z\n",
        "id-B2,B2,,-3,1012.50,2026-11-23T16:14:34.123456Z\n"
    );
    assert_eq!(stdout, expected);
    let (bare, _) = listed(OutputSettings { no_headers: true, ..in_format(Format::Csv) }, Terminal::default());
    assert_eq!(bare, stdout.split_once('\n').unwrap().1);
}

#[test]
fn fields_are_selected_and_ordered_in_every_format() {
    let chosen = |format| {
        let fields = Some(vec!["pieces".to_owned(), " reference".to_owned()]);
        listed(OutputSettings { fields, ..in_format(format) }, Terminal::default()).0
    };
    assert_eq!(chosen(Format::Tsv), "12\tA1\n-3\tB2\n");
    assert_eq!(chosen(Format::Csv), "pieces,reference\n12,A1\n-3,B2\n");
    assert_eq!(chosen(Format::Jsonl), "{\"pieces\":12,\"reference\":\"A1\"}\n{\"pieces\":-3,\"reference\":\"B2\"}\n");
    assert_eq!(chosen(Format::Table), "PIECES  REFERENCE\n    12  A1\n    -3  B2\n");
    assert_eq!(chosen(Format::Id), "id-A1\nid-B2\n");
}

#[test]
fn an_unknown_field_is_refused_before_anything_is_printed() {
    let fields = Some(vec!["peices".to_owned()]);
    let (output, stdout, stderr) = captured(OutputSettings { fields, ..in_format(Format::Csv) }, Terminal::default());
    for refusal in [
        output.check_fields::<Parcel>(&[]).unwrap_err(),
        output.list(&parcels()).unwrap_err(),
        output.show(&parcel("A1", None, 1), &[]).unwrap_err(),
    ] {
        assert_eq!(refusal.kind(), Kind::Usage);
        assert_eq!(refusal.message(), "unknown field peices");
        assert_eq!(
            refusal.hint_lines(&Invocation::default()),
            ["did you mean pieces?", "the fields are id, reference, note, pieces, total, sent_at"]
        );
    }
    assert_eq!(stdout.text() + &stderr.text(), "");
}

#[test]
fn empty_lists_are_noted_in_tables_only() {
    let (output, stdout, stderr) = captured(OutputSettings::default(), on_a_terminal(80));
    output.list::<Parcel>(&[]).unwrap();
    assert_eq!((stdout.text().as_str(), stderr.text().as_str()), ("", "no parcels\n"));
    let (output, stdout, stderr) = captured(in_format(Format::Csv), Terminal::default());
    output.list::<Parcel>(&[]).unwrap();
    assert_eq!((stdout.text().lines().count(), stderr.text().as_str()), (1, ""));
}

#[test]
fn one_object_is_shown_with_its_nested_rows() {
    let shown = |settings, terminal| {
        let (output, stdout, _) = captured(settings, terminal);
        output.check_fields::<Parcel>(&["inside"]).unwrap();
        output.show(&parcel("A1", Some("two\nlines"), 2), &[("inside", Cell::nested(&parcels()[1..]))]).unwrap();
        stdout.text()
    };
    let plain = OutputSettings { color: ColorChoice::Never, ..OutputSettings::default() };
    insta::assert_snapshot!(shown(plain.clone(), on_a_terminal(80)), @r#"
    id:         id-A1
    reference:  A1
    note:       two\nlines
    pieces:     2
    total:      1012.50
    sent_at:    2026-11-23 16:14

    inside:
    REFERENCE  PIECES    TOTAL  SENT
    B2             -3  1012.50  2026-11-23 16:14
    "#);
    insta::assert_snapshot!(shown(in_format(Format::Json), Terminal::default()), @r#"{"id":"id-A1","reference":"A1","note":"two\nlines","pieces":2,"total":"1012.50","sent_at":"2026-11-23T16:14:34.123456Z","inside":[{"id":"id-B2","reference":"B2","note":null,"pieces":-3,"total":"1012.50","sent_at":"2026-11-23T16:14:34.123456Z"}]}"#);
    let only_inside = OutputSettings { fields: Some(vec!["inside".to_owned()]), ..plain };
    assert!(shown(only_inside.clone(), on_a_terminal(80)).starts_with("inside:\nREFERENCE"));
    assert!(shown(only_inside, Terminal::default()).starts_with("[{\"id\":\"id-B2\""));
}

#[test]
fn a_mutation_is_one_line_an_object_or_an_id() {
    let said = |format| {
        let (output, stdout, _) = captured(in_format(format), Terminal::default());
        output.mutation(&Mutation::new(
            "parcel A1\u{1b} sent".to_owned(),
            7,
            Change { changed: true, ..Change::<()>::default() },
        ));
        stdout.text()
    };
    assert_eq!(said(Format::Tsv), "parcel A1\\u{1b} sent\n");
    assert_eq!(
        said(Format::Json),
        "{\"id\":\"7\",\"changed\":true,\"replayed\":false,\"operation_id\":null,\"dry_run\":false,\"before\":null,\"after\":null}\n"
    );
    assert_eq!(said(Format::Id), "7\n");
}

#[test]
fn errors_name_their_code_and_their_hints() {
    let error =
        Error::conflict("stock.insufficient", "MUG-01 has 3 in stock, 5 requested").hint("wait").hint("or\nnot");
    let (output, _, stderr) = captured(OutputSettings::default(), Terminal::default());
    output.error(&error);
    assert_eq!(
        stderr.text(),
        "error[stock.insufficient]: MUG-01 has 3 in stock, 5 requested\nhint: wait\nhint: or\\nnot\n"
    );
    let (output, _, stderr) = captured(in_format(Format::Jsonl), on_a_terminal(80));
    output.error(&error);
    assert_eq!(stderr.text().lines().count(), 1);
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(&stderr.text()).unwrap(),
        error.json_document(&Invocation::default())
    );
    let (output, _, stderr) = captured(OutputSettings::default(), on_a_terminal(80));
    output.error(&error);
    assert!(stderr.text().starts_with("\u{1b}[1;31merror[stock.insufficient]\u{1b}[0m: "));
}

#[test]
fn errors_and_hints_are_broken_between_words_and_commands_never() {
    let error = Error::usage("unknown status lost; it is one of pending, paid, shipped, completed, cancelled")
        .hint(
            Hint::from("to see all of them, with their meaning: ").and(CommandLine::anywhere("help lifecycle --json")),
        )
        .hint(CommandLine::new("order list").option("--search", "a rather long text of several words"));
    let (output, _, stderr) =
        captured(OutputSettings { color: ColorChoice::Never, ..Default::default() }, on_a_terminal(40));
    output.error(&error);
    output
        .suggest(Hint::from("take it back with: ").and(CommandLine::new("undo 01a2099a-f92b-73dc-878a-58879510c016")));
    output.warn("a warning of more words than there is room for");
    insta::assert_snapshot!(stderr.text(), @r"
    error[usage]: unknown status lost; it is
    one of pending, paid, shipped,
    completed, cancelled
    hint: to see all of them, with their
    meaning: shopctl help lifecycle --json
    hint:
    shopctl order list --search 'a rather long text of several words'
    take it back with:
    shopctl undo 01a2099a-f92b-73dc-878a-58879510c016
    warning: a warning of more words than
    there is room for
    ");
    let (output, _, stderr) = captured(OutputSettings::default(), Terminal::default());
    output.error(&error);
    assert_eq!(stderr.text().lines().count(), 3, "a pipe gets them whole");
}

fn with_failing_stdout(kind: io::ErrorKind) -> (Output, Captured) {
    let stderr = Captured::default();
    let stdout = Box::new(Captured::failing(kind));
    (Output::new(in_format(Format::Tsv), Terminal::default(), stdout, Box::new(stderr.clone())), stderr)
}

#[test]
fn a_closed_pipe_ends_the_list_quietly() {
    let (output, stderr) = with_failing_stdout(io::ErrorKind::BrokenPipe);
    output.list(&parcels()).unwrap();
    assert!(output.is_closed());
    output.mutation(&Mutation::new("sent".to_owned(), 7, Change::<()>::default()));
    assert_eq!(stderr.text(), "");
}

#[test]
fn a_full_disk_fails_a_list_but_only_warns_after_a_change() {
    let (output, stderr) = with_failing_stdout(io::ErrorKind::StorageFull);
    let error = output.list(&parcels()).unwrap_err();
    assert_eq!((error.kind(), error.code()), (Kind::Unavailable, "output.write"));
    assert_eq!(stderr.text(), "");
    output.mutation(&Mutation::new("parcel A1 sent".to_owned(), 7, Change::<()>::default()));
    assert!(stderr.text().starts_with("warning: the output could not be written"), "{}", stderr.text());
    assert!(stderr.text().contains("parcel A1 sent"));
}

#[test]
fn a_long_table_continues_with_fixed_widths() {
    let (output, stdout, _) = captured(in_format(Format::Table), Terminal::default());
    let mut rows = output.rows::<Parcel>().unwrap();
    for number in 0..1500 {
        rows.push(&parcel(&format!("A{number}"), None, number)).unwrap();
    }
    assert_eq!(stdout.text().lines().count(), 1501);
    rows.finish(&ListFooter::default()).unwrap();
    assert_eq!(stdout.text().lines().count(), 1501);
}

proptest::proptest! {
    #[test]
    fn database_text_is_escaped_for_the_terminal(
        text in "(?s).*|[\\u{0}-\\u{9f}\\u{200e}-\\u{202e}\\u{2066}-\\u{2069}]*",
        position in 0..Format::ALL.len(),
        width in 20usize..100,
    ) {
        let format = Format::ALL[position];
        let settings = OutputSettings { color: ColorChoice::Never, ..in_format(format) };
        let (output, stdout, stderr) = captured(settings, on_a_terminal(width));
        let row = parcel(&text, Some(&text), 1);
        output.page(std::slice::from_ref(&row), &ListFooter { next: Some(&text), ..ListFooter::default() }).unwrap();
        output.show(&row, &[("inside", Cell::nested(std::slice::from_ref(&row)))]).unwrap();
        output.mutation(&Mutation::new(text.clone(), &text, row.to_json()));
        output.warn(&text);
        output.error(&Error::internal(text.as_str()).hint(text.as_str()));
        let everything = stdout.text() + &stderr.text();
        let is_driver = |character| is_unsafe(character) && !matches!(character, '\n' | '\t');
        proptest::prop_assert!(!everything.chars().any(is_driver), "{:?}", everything);
    }
}
