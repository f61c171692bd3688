//! Owns the bytes of an event stream (WHATWG HTML, server-sent events), written once for all who get them.

use std::io::Write;

use bytes::Bytes;

/// Names what is shown: the same body, the same tag, also after a restart. It is a hash of what everybody sees, so it tells
/// nothing that rough counts hide, not even that something changed behind them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tag(pub(crate) u64);

impl Tag {
    /// The tag in an `id:`; `None`: it is none of ours.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let is_ours = text.len() == 16 && text.bytes().all(|digit| digit.is_ascii_hexdigit());
        is_ours.then(|| u64::from_str_radix(text, 16).ok()).flatten().map(Self)
    }
}

impl std::fmt::Display for Tag {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// Part of an event stream. Cloning shares its bytes.
#[derive(Debug, Clone)]
pub(crate) struct Piece {
    /// As a chunk of HTTP/1.1, so that a socket takes it as it is.
    chunk: Bytes,
    /// Where the text begins in it.
    text_at: usize,
}

/// What ends a chunk.
const CHUNK_END: &[u8] = b"\r\n";

impl Piece {
    fn new(text: &[u8]) -> Self {
        let mut chunk = Vec::with_capacity(text.len() + 16);
        write!(chunk, "{:x}\r\n", text.len()).expect("memory takes all");
        let text_at = chunk.len();
        chunk.extend_from_slice(text);
        chunk.extend_from_slice(CHUNK_END);
        Self { chunk: Bytes::from(chunk), text_at }
    }

    /// What `json` says, under the name `tag`.
    pub(crate) fn availability(tag: Tag, json: &[u8]) -> Self {
        let mut text = format!("event: availability\nid: {tag}\ndata: ").into_bytes();
        text.extend_from_slice(json);
        text.extend_from_slice(b"\n\n");
        Self::new(&text)
    }

    /// How far a waiting room is, as `json`. Bears no name: whoever comes back is told anew.
    pub(crate) fn waiting_room(json: &[u8]) -> Self {
        Self::new(&[b"event: waiting_room\ndata: ", json, b"\n\n"].concat())
    }

    /// Both, one after the other.
    pub(crate) fn then(&self, next: &Piece) -> Self {
        Self::new(&[self.text(), next.text()].concat())
    }

    /// How a stream begins: when to come back should it break, and what there is to tell already.
    pub(crate) fn opening(retry_ms: u64, first: Option<&Piece>) -> Self {
        let mut text = format!("retry: {retry_ms}\n\n").into_bytes();
        if let Some(first) = first {
            text.extend_from_slice(&first.text());
        }
        Self::new(&text)
    }

    /// A comment: nothing has changed, and both sides still live.
    pub(crate) fn heartbeat() -> Self {
        Self { chunk: Bytes::from_static(b"3\r\n:\n\n\r\n"), text_at: 3 }
    }

    /// The bytes without framing.
    pub(crate) fn text(&self) -> Bytes {
        self.chunk.slice(self.text_at..self.chunk.len() - CHUNK_END.len())
    }

    /// The bytes as a chunk of HTTP/1.1.
    pub(crate) fn into_chunk(self) -> Bytes {
        self.chunk
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_a_chunk_and_its_text() {
        let event = Piece::availability(Tag(0x2a), b"{}");
        let text = "event: availability\nid: 000000000000002a\ndata: {}\n\n";
        assert_eq!(event.text(), text);
        assert_eq!(event.into_chunk(), format!("{:x}\r\n{text}\r\n", text.len()));
    }

    #[test]
    fn a_stream_begins_with_the_time_to_come_back() {
        assert_eq!(Piece::opening(3_000, None).text(), "retry: 3000\n\n");
        let first = Piece::availability(Tag(1), b"{}");
        let opening = Piece::opening(3_000, Some(&first)).text();
        assert_eq!(opening, [b"retry: 3000\n\n", &*first.text()].concat());
    }

    #[test]
    fn a_heartbeat_is_a_comment() {
        assert_eq!(Piece::heartbeat().text(), ":\n\n");
        assert_eq!(Piece::heartbeat().into_chunk(), Piece::new(b":\n\n").into_chunk());
    }

    #[test]
    fn tags_are_read_back_and_nothing_else_is() {
        assert_eq!(Tag::parse(&Tag(u64::MAX - 9).to_string()), Some(Tag(u64::MAX - 9)));
        for strange in ["", "2a", "+00000000000002a", "g00000000000002a", "000000000000002a0"] {
            assert_eq!(Tag::parse(strange), None, "{strange}");
        }
    }
}
