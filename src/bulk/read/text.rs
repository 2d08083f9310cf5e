//! Decodes a file to UTF-8.

use std::io::{Cursor, Error as IoError, ErrorKind, Read, Result as IoResult};

use encoding_rs::{Decoder, DecoderResult, Encoding, UTF_8, UTF_16BE, UTF_16LE, X_USER_DEFINED};

use super::{invalid, unreadable};
use crate::error::{Error, Result};

/// Bytes inspected to identify a file.
pub const HEAD_BYTES: usize = 64 * 1024;

/// Number of bytes decoded at once.
const PORTION_BYTES: usize = 32 * 1024;

/// Signatures of binary formats, with their names and what to do.
/// Source: <https://www.garykessler.net/library/file_sigs.html>.
const BINARY_SIGNATURES: [(&[u8], &str, &str); 13] = [
    (b"PK\x03\x04", "a ZIP archive or an Excel workbook (.xlsx)", SAVE_AS_CSV),
    (b"\xD0\xCF\x11\xE0", "an Excel workbook (.xls)", SAVE_AS_CSV),
    (b"\x1F\x8B", "compressed with gzip", "decompress it first: gunzip FILE"),
    (b"BZh", "compressed with bzip2", "decompress it first: bunzip2 FILE"),
    (b"\xFD7zXZ\0", "compressed with xz", "decompress it first: unxz FILE"),
    (b"\x28\xB5\x2F\xFD", "compressed with zstd", "decompress it first: unzstd FILE"),
    (b"SQLite format 3\0", "a SQLite database", "first export its table as CSV"),
    (b"%PDF", "a PDF document", "get the data as CSV instead"),
    (b"<!DOCTYPE", "an HTML page", "download the file again: a login page may have been saved instead"),
    (b"<html", "an HTML page", "download the file again: a login page may have been saved instead"),
    (b"<?xml", "XML", "get the data as CSV or JSON instead"),
    (b"\xFF\xFE\0\0", "UTF-32", FROM_UTF_32),
    (b"\0\0\xFE\xFF", "UTF-32", FROM_UTF_32),
];
const FROM_UTF_32: &str = "iconv -f utf-32 -t utf-8 FILE converts it";
const SAVE_AS_CSV: &str = "unpack it, or open it in a spreadsheet program and save the sheet as CSV (UTF-8)";

/// The labels of ASCII. Other labels follow the WHATWG, which maps these to Windows-1252.
const ASCII_NAMES: [&str; 3] = ["ascii", "us-ascii", "ansi_x3.4-1968"];

/// The encoding of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Charset {
    /// US-ASCII, which the WHATWG labels map to Windows-1252.
    Ascii,
    /// An encoding of the WHATWG Encoding Standard.
    Known(&'static Encoding),
}

impl Charset {
    /// The encoding of a label, in any case; `None` if unknown.
    pub fn parse(name: &str) -> Option<Charset> {
        if ASCII_NAMES.contains(&name.trim().to_ascii_lowercase().as_str()) {
            return Some(Charset::Ascii);
        }
        let known = Encoding::for_label_no_replacement(name.as_bytes());
        known.filter(|known| *known != X_USER_DEFINED).map(Charset::Known)
    }

    fn name(self) -> &'static str {
        match self {
            Charset::Ascii => "US-ASCII",
            Charset::Known(encoding) => encoding.name(),
        }
    }

    fn is_utf_16(self) -> bool {
        self == Charset::Known(UTF_16LE) || self == Charset::Known(UTF_16BE)
    }
}

/// A file as text: without its byte order mark, decoded from `encoding` or as its mark says. UTF-8 is
/// passed through unchanged; the record readers detect malformed bytes. Also returns whether it has a mark.
///
/// Errors: exit 7 for binary files, and for a byte order mark that contradicts `encoding`.
pub fn decode<'a>(mut source: impl Read + 'a, requested: Option<Charset>) -> Result<(Box<dyn Read + 'a>, bool)> {
    let mut head = Vec::new();
    source.by_ref().take(HEAD_BYTES as u64).read_to_end(&mut head).map_err(|error| unreadable(&error))?;
    if let Some(error) = binary_error(&head) {
        return Err(error);
    }
    let mark = Encoding::for_bom(&head);
    let charset = match mark {
        Some((marked, length)) => {
            let marked = Charset::Known(marked);
            if let Some(requested) =
                requested.filter(|requested| *requested != marked && !(requested.is_utf_16() && marked.is_utf_16()))
            {
                let message = format!(
                    "the file is not {}: it begins with the byte order mark of {}",
                    requested.name(),
                    marked.name()
                );
                return Err(invalid(message).hint("leave out --encoding"));
            }
            head.drain(..length);
            marked
        }
        None => match (requested, detect_utf_16(&head).map(Charset::Known)) {
            (requested, Some(guess))
                if requested.is_none_or(|requested| requested.is_utf_16() && requested != guess) =>
            {
                let message = format!("the file seems to be {}, without a byte order mark", guess.name());
                return Err(invalid(message).hint(format!("--encoding {}", guess.name().to_lowercase())));
            }
            (requested, _) => requested.unwrap_or(Charset::Known(UTF_8)),
        },
    };
    let source = Cursor::new(head).chain(source);
    let decoded: Box<dyn Read + 'a> = match charset {
        Charset::Ascii => Box::new(AsciiReader { source, lines: LineCounter::default() }),
        Charset::Known(encoding) if encoding == UTF_8 => Box::new(source),
        Charset::Known(encoding) => Box::new(DecodingReader::new(source, encoding)),
    };
    Ok((decoded, mark.is_some()))
}

/// Whether a text has characters of several bytes in UTF-8; other encodings rarely write such bytes.
pub fn has_utf_8(text: &[u8]) -> bool {
    text.utf8_chunks().any(|chunk| !chunk.valid().is_ascii())
}

/// Whether bytes are no text of any encoding: of random ones every tenth is a control character.
pub fn is_binary(bytes: &[u8]) -> bool {
    const RARE: usize = 50;
    let is_control = |byte: &&u8| byte.is_ascii_control() && !b"\t\n\r".contains(byte);
    bytes.iter().filter(is_control).count() * RARE > bytes.len()
}

fn binary_error(head: &[u8]) -> Option<Error> {
    let start = head.trim_ascii_start();
    let (_, what, hint) = BINARY_SIGNATURES.iter().find(|(magic, ..)| {
        head.starts_with(magic) || start.get(..magic.len()).is_some_and(|start| start.eq_ignore_ascii_case(magic))
    })?;
    Some(invalid(format!("the file is {what}, not CSV or JSON")).hint(*hint))
}

/// UTF-16 text starts with ASCII characters, whose other byte is zero.
fn detect_utf_16(head: &[u8]) -> Option<&'static Encoding> {
    match head {
        [first, 0, second, 0, ..] if *first != 0 && *second != 0 => Some(UTF_16LE),
        [0, first, 0, second, ..] if *first != 0 && *second != 0 => Some(UTF_16BE),
        _ => None,
    }
}

/// Line feeds and carriage returns so far.
#[derive(Default)]
struct LineCounter([u64; 2]);

impl LineCounter {
    fn count(&mut self, text: &[u8]) {
        for (count, end) in self.0.iter_mut().zip(*b"\n\r") {
            *count += text.iter().filter(|byte| **byte == end).count() as u64;
        }
    }

    /// The error in the current line.
    fn malformed(&self, charset: Charset) -> IoError {
        let line = self.0[0].max(self.0[1]) + 1;
        IoError::new(ErrorKind::InvalidData, format!("line {line}: the text is not {}", charset.name()))
    }
}

/// Passes ASCII through; other bytes are an error.
struct AsciiReader<R> {
    source: R,
    lines: LineCounter,
}

impl<R: Read> Read for AsciiReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> IoResult<usize> {
        let length = self.source.read(buffer)?;
        let text = &buffer[..length];
        let is_ascii = text.is_ascii();
        self.lines.count(text.split(|byte| !byte.is_ascii()).next().unwrap_or_default());
        if is_ascii { Ok(length) } else { Err(self.lines.malformed(Charset::Ascii)) }
    }
}

/// Decodes text to UTF-8. Malformed input is an error.
struct DecodingReader<R> {
    source: R,
    encoding: &'static Encoding,
    decoder: Decoder,
    bytes: Vec<u8>,
    /// Where in `bytes` to continue.
    next: usize,
    text: Vec<u8>,
    /// How much of `text` was consumed.
    consumed: usize,
    lines: LineCounter,
    is_over: bool,
}

impl<R: Read> DecodingReader<R> {
    fn new(source: R, encoding: &'static Encoding) -> DecodingReader<R> {
        let decoder = encoding.new_decoder_without_bom_handling();
        let (bytes, text) = (Vec::new(), Vec::new());
        DecodingReader {
            source,
            encoding,
            decoder,
            bytes,
            next: 0,
            text,
            consumed: 0,
            lines: LineCounter::default(),
            is_over: false,
        }
    }

    /// Decodes the next portion, at least one character unless at the end of the file.
    fn fill(&mut self) -> IoResult<()> {
        self.consumed = 0;
        self.text.clear();
        while self.text.is_empty() && !self.is_over {
            if self.next == self.bytes.len() {
                self.bytes.clear();
                self.next = 0;
                self.source.by_ref().take(PORTION_BYTES as u64).read_to_end(&mut self.bytes)?;
            }
            let is_last = self.bytes.is_empty();
            self.text.resize(PORTION_BYTES, 0);
            let rest = &self.bytes[self.next..];
            let (result, read, written) =
                self.decoder.decode_to_utf8_without_replacement(rest, &mut self.text, is_last);
            self.next += read;
            self.text.truncate(written);
            self.lines.count(&self.text);
            match result {
                DecoderResult::InputEmpty => self.is_over = is_last,
                DecoderResult::OutputFull => {}
                DecoderResult::Malformed(..) => return Err(self.lines.malformed(Charset::Known(self.encoding))),
            }
        }
        Ok(())
    }
}

impl<R: Read> Read for DecodingReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> IoResult<usize> {
        if self.consumed == self.text.len() {
            self.fill()?;
        }
        let rest = &self.text[self.consumed..];
        let length = rest.len().min(buffer.len());
        buffer[..length].copy_from_slice(&rest[..length]);
        self.consumed += length;
        Ok(length)
    }
}
