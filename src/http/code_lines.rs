//! Owns the reading of uploaded coupon codes as they stream in, in NDJSON or CSV, from pieces that may end anywhere. Leaves
//! media types and the reading of bodies to their callers, and whether a code is a duplicate to whoever takes it.
//!
//! | | a line | refused |
//! |---|---|---|
//! | NDJSON | `{"code": "SPRING-1"}` | other fields, repeated ones, any other value |
//! | CSV (RFC 4180) | `SPRING-1` or `"SPRING-1"`; the first may be the header `code` | a second column, stray quotes |
//!
//! Lines end in LF or CRLF, the last one may go without. One empty line may stand at the end; anywhere else it is refused. A
//! byte order mark may come first. A line has at most 1 KiB; only an unfinished one is kept between pieces. Codes hold no
//! line breaks, so that a line of CSV is a record: a general CSV parser would skip empty lines, and mend stray quotes.

use std::borrow::Cow;

use landrush_engine::imported::check_code;
use serde::Deserialize;
use thiserror::Error;

use super::fields::{Faults, FieldError};

/// The longest line, in bytes, without its end.
pub const LINE_BYTES_MAX: usize = 1 << 10;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
/// So much of an unfinished line is kept: from here on it is too long, whatever follows.
const UNFINISHED_BYTES_MAX: usize = BYTE_ORDER_MARK.len() + LINE_BYTES_MAX + b"\r".len();
const HEADER: &str = "code";

/// How codes are written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodeFormat {
    /// A JSON object a line.
    Ndjson,
    /// One column of comma-separated values.
    Csv,
}

/// Why reading ended early. Nothing may be fed afterwards.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CodeLinesError<E> {
    /// A line is longer than [`LINE_BYTES_MAX`].
    #[error("line {line} is longer than {LINE_BYTES_MAX} bytes")]
    TooLong {
        /// Which one, from 1.
        line: u64,
    },
    /// A line is no code.
    #[error("line {line} is no code")]
    Invalid {
        /// Which one, from 1.
        line: u64,
        /// Every fault, at least one, by JSON Pointer into the line's object (CSV: empty). Each detail names the line.
        faults: Vec<FieldError>,
    },
    /// The code was read, and not taken.
    #[error("the code in line {line} was not taken")]
    NotTaken {
        /// Which one, from 1.
        line: u64,
        /// Why.
        cause: E,
    },
}

/// Reads codes from pieces of a body.
#[derive(Debug)]
pub struct CodeLines {
    format: CodeFormat,
    /// Complete lines so far.
    lines: u64,
    /// Whether the last complete line was empty.
    after_empty: bool,
    unfinished: Vec<u8>,
    /// What a quoted field says.
    unquoted: Vec<u8>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line<'l> {
    /// Borrowed unless it has escapes.
    #[serde(borrow)]
    code: Cow<'l, str>,
}

impl CodeLines {
    /// At the beginning of a body.
    pub fn new(format: CodeFormat) -> Self {
        Self { format, lines: 0, after_empty: false, unfinished: Vec::new(), unquoted: Vec::new() }
    }

    /// Reads the next piece and gives the code of each line that it completes to `take`.
    ///
    /// # Errors
    /// [`CodeLinesError`] names the line.
    pub fn push<E>(
        &mut self,
        mut piece: &[u8],
        mut take: impl FnMut(&str) -> Result<(), E>,
    ) -> Result<(), CodeLinesError<E>> {
        while let Some(end) = piece.iter().position(|byte| *byte == b'\n') {
            let (line, rest) = (&piece[..end], &piece[end + 1..]);
            if self.unfinished.is_empty() {
                self.line(line, &mut take)?;
            } else {
                self.keep(line)?;
                let mut whole = std::mem::take(&mut self.unfinished);
                self.line(&whole, &mut take)?;
                whole.clear();
                self.unfinished = whole;
            }
            piece = rest;
        }
        self.keep(piece)
    }

    /// Reads the last line, if it has no end of its own. Gives the number of lines.
    ///
    /// # Errors
    /// As [`CodeLines::push`].
    pub fn finish<E>(mut self, mut take: impl FnMut(&str) -> Result<(), E>) -> Result<u64, CodeLinesError<E>> {
        if !self.unfinished.is_empty() {
            let last = std::mem::take(&mut self.unfinished);
            self.line(&last, &mut take)?;
        }
        Ok(self.lines)
    }

    fn keep<E>(&mut self, bytes: &[u8]) -> Result<(), CodeLinesError<E>> {
        if self.unfinished.len() + bytes.len() > UNFINISHED_BYTES_MAX {
            self.after_no_empty_line()?;
            return Err(CodeLinesError::TooLong { line: self.lines + 1 });
        }
        self.unfinished.extend_from_slice(bytes);
        Ok(())
    }

    fn line<E>(&mut self, line: &[u8], take: &mut impl FnMut(&str) -> Result<(), E>) -> Result<(), CodeLinesError<E>> {
        self.after_no_empty_line()?;
        self.lines += 1;
        let number = self.lines;
        let line = if number == 1 { line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line) } else { line };
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() {
            self.after_empty = true;
            return Ok(());
        }
        if line.len() > LINE_BYTES_MAX {
            return Err(CodeLinesError::TooLong { line: number });
        }
        let code = match self.format {
            CodeFormat::Ndjson => ndjson(line),
            CodeFormat::Csv => csv(line, &mut self.unquoted).map(Cow::Borrowed),
        };
        let code = code.map_err(|faults| invalid(number, faults))?;
        if self.format == CodeFormat::Csv && number == 1 && code.eq_ignore_ascii_case(HEADER) {
            return Ok(());
        }
        take(&code).map_err(|cause| CodeLinesError::NotTaken { line: number, cause })
    }

    fn after_no_empty_line<E>(&self) -> Result<(), CodeLinesError<E>> {
        if self.after_empty {
            return Err(invalid(self.lines, vec![FieldError::new("", "is empty, and not the last one")]));
        }
        Ok(())
    }
}

fn invalid<E>(line: u64, mut faults: Vec<FieldError>) -> CodeLinesError<E> {
    faults.iter_mut().for_each(|fault| fault.detail = format!("line {line}: {}", fault.detail));
    CodeLinesError::Invalid { line, faults }
}

fn ndjson(line: &[u8]) -> Result<Cow<'_, str>, Vec<FieldError>> {
    // One pass without a tree serves all who write rightly; whoever does not gets the slow one, which can explain.
    // Serde would also take an array for the fields in order.
    let is_object = line.trim_ascii_start().starts_with(b"{");
    match serde_json::from_slice::<Line<'_>>(line) {
        Ok(Line { code }) if is_object && check_code(&code).is_ok() => Ok(code),
        Ok(_) | Err(_) => Faults::read(line, |object| {
            object.required("code", |json, at| at.parsed(json, |text| check_code(text).map(|()| text.to_owned())))
        })
        .map(Cow::Owned),
    }
}

fn csv<'l>(line: &'l [u8], unquoted: &'l mut Vec<u8>) -> Result<&'l str, Vec<FieldError>> {
    let fault = |detail: String| vec![FieldError::new("", detail)];
    let field = field(line, unquoted).map_err(|detail| fault(detail.to_owned()))?;
    let code = std::str::from_utf8(field).map_err(|error| fault(format!("is not UTF-8: {error}")))?;
    check_code(code).map_err(|error| fault(error.to_string()))?;
    Ok(code)
}

/// The only field of a line that is not empty.
fn field<'l>(line: &'l [u8], unquoted: &'l mut Vec<u8>) -> Result<&'l [u8], &'static str> {
    const COLUMNS: &str = "must have one column; put a code with a comma in quotes";
    let Some(quoted) = line.strip_prefix(b"\"") else {
        return match line.iter().find(|byte| matches!(byte, b',' | b'"')) {
            Some(b',') => Err(COLUMNS),
            Some(_) => Err("has a quote in a field that does not begin with one"),
            None => Ok(line),
        };
    };
    unquoted.clear();
    let mut rest = quoted;
    loop {
        let quote = rest.iter().position(|byte| *byte == b'"').ok_or("has a quote that is not closed")?;
        let (text, after) = (&rest[..quote], &rest[quote + 1..]);
        match after.first() {
            // Nothing was doubled: the text is in the line as it is.
            None if unquoted.is_empty() => return Ok(text),
            None => {
                unquoted.extend_from_slice(text);
                return Ok(unquoted);
            }
            Some(b'"') => {
                unquoted.extend_from_slice(&rest[..=quote]);
                rest = &after[1..];
            }
            Some(b',') => return Err(COLUMNS),
            Some(_) => return Err("has text behind the closing quote"),
        }
    }
}

#[cfg(test)]
mod tests;
