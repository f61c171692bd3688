//! Reading HTTP/1.1 answers as they trickle in: status line, headers for the length, body. Answers without a
//! `Content-Length` (chunked ones, say) are refused, since no call that the harness makes is answered so.

use std::fmt;

/// One whole answer at the start of a buffer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Reply<'a> {
    /// The status, 100 to 999.
    pub(crate) status: u16,
    /// The body, as long as `Content-Length` said.
    pub(crate) body: &'a [u8],
    /// The server closes the connection after this answer.
    pub(crate) closes: bool,
    /// Bytes of the buffer that this answer took.
    pub(crate) taken: usize,
}

/// Finds the answer at the start of a buffer, or nothing while it is incomplete.
pub(crate) type Parser = for<'a> fn(&'a [u8]) -> Result<Option<Reply<'a>>, ReplyError>;

/// Why bytes from a server are no answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum ReplyError {
    /// The first line is not `HTTP/1.1 <status> …`.
    StatusLine,
    /// `Content-Length` is not a number, or there is none and the status needs one.
    Length,
    /// Not a simple or bulk string of the Redis protocol.
    Redis,
}

impl fmt::Display for ReplyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::StatusLine => "the status line is not that of an HTTP/1.1 answer",
            Self::Length => "the answer has no usable Content-Length",
            Self::Redis => "the answer is not one of the Redis protocol that a claim can have",
        })
    }
}

impl std::error::Error for ReplyError {}

/// Takes the answer at the start of `bytes`, or nothing while it is incomplete.
pub(crate) fn parse(bytes: &[u8]) -> Result<Option<Reply<'_>>, ReplyError> {
    let mut lines = Lines { bytes, at: 0 };
    let Some(first) = lines.next() else { return Ok(None) };
    let status = status(first)?;
    let mut length = None;
    let mut closes = false;
    loop {
        let Some(line) = lines.next() else { return Ok(None) };
        if line.is_empty() {
            break;
        }
        if let Some(value) = header(line, b"content-length") {
            length = Some(number(value).ok_or(ReplyError::Length)?);
        } else if let Some(value) = header(line, b"connection") {
            closes = value.eq_ignore_ascii_case(b"close");
        }
    }
    let length = match (length, status) {
        (Some(length), _) => length,
        (None, 204 | 304) => 0,
        (None, _) => return Err(ReplyError::Length),
    };
    let taken = lines.at.checked_add(length).ok_or(ReplyError::Length)?;
    Ok(bytes.get(lines.at..taken).map(|body| Reply { status, body, closes, taken }))
}

/// Whole lines of a head, without their line ends.
struct Lines<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Iterator for Lines<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let rest = &self.bytes[self.at..];
        let end = rest.iter().position(|byte| *byte == b'\n')?;
        self.at += end + 1;
        let line = &rest[..end];
        Some(line.strip_suffix(b"\r").unwrap_or(line))
    }
}

fn status(line: &[u8]) -> Result<u16, ReplyError> {
    let digits = line.strip_prefix(b"HTTP/1.1 ").and_then(|rest| rest.get(..3)).ok_or(ReplyError::StatusLine)?;
    let status = number(digits).and_then(|status| u16::try_from(status).ok()).ok_or(ReplyError::StatusLine)?;
    if status < 100 { Err(ReplyError::StatusLine) } else { Ok(status) }
}

/// The value of `line` where it is the header `name` (given in lower case).
fn header<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let (head, value) = line.split_at_checked(name.len())?;
    if !head.eq_ignore_ascii_case(name) {
        return None;
    }
    value.strip_prefix(b":").map(<[u8]>::trim_ascii)
}

fn number(digits: &[u8]) -> Option<usize> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_usize, |number, digit| {
        if !digit.is_ascii_digit() {
            return None;
        }
        number.checked_mul(10)?.checked_add(usize::from(digit - b'0'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &[u8] =
        b"HTTP/1.1 201 Created\r\nx-request-id: 1\r\nCONTENT-length:  5 \r\nx-content-length: 9\r\n\r\nhello";

    #[test]
    fn an_answer_split_at_any_byte_is_incomplete_until_its_last() {
        for split in 0..ANSWER.len() {
            assert_eq!(parse(&ANSWER[..split]), Ok(None), "cut at {split}");
        }
        let whole = parse(ANSWER).expect("well formed").expect("complete");
        assert_eq!((whole.status, whole.body, whole.closes, whole.taken), (201, &b"hello"[..], false, ANSWER.len()));
    }

    #[test]
    fn bytes_after_an_answer_are_left_for_the_next() {
        let two = [ANSWER, ANSWER].concat();
        let first = parse(&two).expect("well formed").expect("complete");
        assert_eq!(first.taken, ANSWER.len());
        assert_eq!(parse(&two[first.taken..]), parse(ANSWER));
    }

    #[test]
    fn an_announced_close_is_seen() {
        let reply = parse(b"HTTP/1.1 503 Service Unavailable\r\nconnection: Close\r\ncontent-length: 0\r\n\r\n");
        assert!(reply.expect("well formed").expect("complete").closes);
    }

    #[test]
    fn an_answer_without_body_needs_no_length() {
        let reply = parse(b"HTTP/1.1 204 No Content\r\n\r\n").expect("well formed").expect("complete");
        assert_eq!((reply.status, reply.body), (204, &b""[..]));
    }

    #[test]
    fn what_is_no_answer_is_refused() {
        for bad in ["HTTP/1.0 200 OK\r\n", "HTTP/1.1 2x0 OK\r\n", "HTTP/1.1 20\r\n", "HTTP/1.1 099 \r\n", "hello\r\n"] {
            assert_eq!(parse(bad.as_bytes()), Err(ReplyError::StatusLine), "{bad:?}");
        }
        for bad in [
            "\r\n",
            "content-length: -1\r\n\r\n",
            "content-length:\r\n\r\n",
            "content-length: 99999999999999999999\r\n\r\n",
        ] {
            let text = format!("HTTP/1.1 200 OK\r\n{bad}");
            assert_eq!(parse(text.as_bytes()), Err(ReplyError::Length), "{bad:?}");
        }
    }
}
