//! Owns how an answer to a claim is written to a connection: the status line, the lines of the head, the body.

use std::cell::{Cell, RefCell};
use std::time::{Duration, SystemTime};

use hyper::Response;
use hyper::header::{self, HeaderName};
use landrush_engine::time::Timestamp;

use crate::http::ReplyBody;
use crate::http::json_text::write_number;

/// Appends `response`, answered at `date`, to `out`. `is_last`: the connection ends after it.
pub(super) fn write(response: &Response<ReplyBody>, date: DateText, is_last: bool, out: &mut Vec<u8>) {
    let body: &[u8] = match response.body() {
        ReplyBody::Whole(body) => body.as_deref().unwrap_or_default(),
        ReplyBody::Stream(_) | ReplyBody::Events(_) => unreachable!("the answer to a claim is no stream"),
    };
    let status = response.status();
    out.extend_from_slice(b"HTTP/1.1 ");
    out.extend_from_slice(status.as_str().as_bytes());
    out.push(b' ');
    out.extend_from_slice(status.canonical_reason().unwrap_or_default().as_bytes());
    out.extend_from_slice(b"\r\n");
    for (name, value) in response.headers() {
        line(name, value.as_bytes(), out);
    }
    if is_last {
        line(&header::CONNECTION, b"close", out);
    }
    line(&header::DATE, &date, out);
    out.extend_from_slice(b"content-length: ");
    write_number(out, body.len() as u64);
    out.extend_from_slice(b"\r\n\r\n");
    out.extend_from_slice(body);
}

fn line(name: &HeaderName, value: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(name.as_str().as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

/// A date as HTTP writes it: `Sun, 06 Nov 1994 08:49:37 GMT`.
pub(super) type DateText = [u8; 29];

/// Tells the date, which is written anew once a second.
#[derive(Default)]
pub(super) struct Date {
    second: Cell<u64>,
    text: RefCell<Option<DateText>>,
}

impl Date {
    /// The date at `now`.
    pub(super) fn at(&self, now: Timestamp) -> DateText {
        let second = now.as_milliseconds() / 1_000;
        let mut text = self.text.borrow_mut();
        if self.second.replace(second) != second {
            *text = None;
        }
        *text.get_or_insert_with(|| {
            let written = httpdate::fmt_http_date(SystemTime::UNIX_EPOCH + Duration::from_secs(second));
            written.as_bytes().try_into().expect("a date of HTTP has 29 bytes")
        })
    }
}
