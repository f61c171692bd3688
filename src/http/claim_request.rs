//! Owns the reading of a claim's head and body out of what a connection has sent. What is not plainly a whole claim is left to
//! others: nothing is refused here.

use std::mem::MaybeUninit;

use hyper::Method;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use landrush_engine::campaign::Mode;

use super::body::{USER_BYTES_MAX, is_json};
use super::route::Route;

/// What every claim begins with.
const START: &[u8] = b"POST /v1/campaigns/";

/// The most lines of a head, and its most bytes.
const HEADERS_MAX: usize = 32;
const HEAD_BYTES_MAX: usize = 16 << 10;

/// What a connection has sent.
#[derive(Debug)]
pub enum Seen<'b> {
    /// A claim that is all there.
    Claim(ClaimRequest<'b>),
    /// What may become one.
    Part {
        /// Whether only bytes of its body are missing.
        is_head_whole: bool,
    },
    /// Something else, or something that is wrong.
    Else,
}

/// A claim that is all there.
#[derive(Debug)]
pub struct ClaimRequest<'b> {
    /// The campaign, as it stands in the path.
    pub campaign: &'b str,
    /// What kind of campaign the path means.
    pub mode: Mode,
    /// The lines of the head but those that say only how it was sent and by what.
    pub headers: HeaderMap,
    /// The body.
    pub body: &'b [u8],
    /// Bytes of head and body.
    pub length: usize,
}

/// Looks at what `bytes` begin with.
pub fn see(bytes: &[u8]) -> Seen<'_> {
    let begins = bytes.len().min(START.len());
    if bytes[..begins] != START[..begins] {
        return Seen::Else;
    }
    let mut lines = [const { MaybeUninit::uninit() }; HEADERS_MAX];
    let mut request = httparse::Request::new(&mut []);
    let head_bytes = match request.parse_with_uninit_headers(bytes, &mut lines) {
        Ok(httparse::Status::Complete(head_bytes)) => head_bytes,
        Ok(httparse::Status::Partial) if bytes.len() < HEAD_BYTES_MAX => return Seen::Part { is_head_whole: false },
        Ok(httparse::Status::Partial) | Err(_) => return Seen::Else,
    };
    // Of a path with a query too: it is no claim's.
    let Some(Ok(Route::Claim(campaign, mode))) = request.path.map(|path| Route::find(&Method::POST, path)) else {
        return Seen::Else;
    };
    if request.version != Some(1) || head_bytes > HEAD_BYTES_MAX {
        return Seen::Else;
    }
    let Some(Head { headers, body_bytes }) = Head::read(request.headers) else { return Seen::Else };
    match bytes.get(head_bytes..head_bytes + body_bytes) {
        Some(body) => Seen::Claim(ClaimRequest { campaign, mode, headers, body, length: head_bytes + body_bytes }),
        None => Seen::Part { is_head_whole: true },
    }
}

/// What the lines of a head say.
struct Head {
    headers: HeaderMap,
    body_bytes: usize,
}

impl Head {
    /// `None`: something is said that asks for more than a plain answer.
    fn read(lines: &[httparse::Header<'_>]) -> Option<Self> {
        let mut headers = HeaderMap::new();
        let (mut body_bytes, mut is_json_said) = (None, false);
        for line in lines {
            match Line::of(line.name) {
                Line::Idle => {}
                Line::ContentLength if body_bytes.is_none() => body_bytes = Some(length(line.value)?),
                Line::ContentType if !is_json_said && is_json(line.value) => is_json_said = true,
                Line::Connection if line.value.eq_ignore_ascii_case(b"keep-alive") => {}
                Line::ContentLength | Line::ContentType | Line::Connection | Line::Special => return None,
                Line::Heard => {
                    let name = HeaderName::from_bytes(line.name.as_bytes()).ok()?;
                    headers.append(name, HeaderValue::from_bytes(line.value).ok()?);
                }
            }
        }
        is_json_said.then_some(())?;
        Some(Self { headers, body_bytes: body_bytes? })
    }
}

/// How long a body is, by `Content-Length`; `None` also if it is longer than a claim's may be.
fn length(value: &[u8]) -> Option<usize> {
    let digits = value.len() <= 5 && value.iter().all(u8::is_ascii_digit);
    let length = std::str::from_utf8(value).ok().filter(|_| digits)?.parse().ok()?;
    (length <= USER_BYTES_MAX).then_some(length)
}

/// What a line of a head is to a claim.
enum Line {
    /// Nobody asks for it.
    Idle,
    ContentLength,
    ContentType,
    Connection,
    /// It changes how the body comes, or what happens to the connection.
    Special,
    /// Somebody may ask for it.
    Heard,
}

impl Line {
    fn of(name: &str) -> Self {
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        // By length first: most names are told apart by it alone.
        match name.len() {
            2 if is("te") => Self::Special,
            4 if is("host") => Self::Idle,
            6 if is("accept") => Self::Idle,
            6 if is("expect") => Self::Special,
            7 if is("upgrade") => Self::Special,
            7 if is("trailer") => Self::Special,
            10 if is("user-agent") => Self::Idle,
            10 if is("connection") => Self::Connection,
            12 if is("content-type") => Self::ContentType,
            14 if is("content-length") => Self::ContentLength,
            15 if is("accept-encoding") || is("accept-language") => Self::Idle,
            17 if is("transfer-encoding") => Self::Special,
            _ => Self::Heard,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CLAIM: &str = "POST /v1/campaigns/sale/claims HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n";

    fn whole(lines: &str, body: &str) -> String {
        format!("{CLAIM}{lines}content-length: {}\r\n\r\n{body}", body.len())
    }

    #[test]
    fn a_whole_claim_is_seen_and_no_byte_more() {
        let text = whole("X-Device-Id: d-1\r\n", "{\"user_id\":\"u\"}");
        let both = format!("{text}{text}");
        let Seen::Claim(request) = see(both.as_bytes()) else { panic!("a claim") };
        assert_eq!((request.campaign, request.mode, request.length), ("sale", Mode::FirstCome, text.len()));
        assert_eq!(request.body, b"{\"user_id\":\"u\"}");
        assert_eq!(request.headers.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["x-device-id"]);
        for end in 0..text.len() {
            let is_whole = end >= text.len() - request.body.len();
            assert!(
                matches!(see(&text.as_bytes()[..end]), Seen::Part { is_head_whole } if is_head_whole == is_whole),
                "{end}"
            );
        }
    }

    #[test]
    fn what_asks_for_more_is_left_to_others() {
        let check = |text: &str| assert!(matches!(see(text.as_bytes()), Seen::Else), "{text}");
        let body = "{\"user_id\":\"u\"}";
        for lines in [
            "Transfer-Encoding: chunked\r\n",
            "Expect: 100-continue\r\n",
            "Connection: close\r\n",
            "Connection: keep-alive, upgrade\r\n",
            "Upgrade: h2c\r\n",
            "TE: trailers\r\n",
            "Content-Length: 15\r\n",
            "Content-Type: application/json\r\n",
            "X: a\r\n b\r\n",
            "X : a\r\n",
            "X: a\0b\r\n",
        ] {
            check(&whole(lines, body));
        }
        check(&whole(&"x: y\r\n".repeat(HEADERS_MAX), body));
        check(&format!("{CLAIM}\r\n"));
        check(&format!("{CLAIM}content-length: +5\r\n\r\n12345"));
        check(&format!("{CLAIM}content-length: 16385\r\n\r\n"));
        check(&format!("{CLAIM}content-length: 99999999999999999999999\r\n\r\n"));
        check(&format!("{CLAIM}x: {}", "y".repeat(HEAD_BYTES_MAX)));
        check(&whole("", body).replace("application/json", "text/plain"));
        check(&whole("", body).replace("HTTP/1.1", "HTTP/1.0"));
        check(&whole("", body).replace("/claims", "/claims?x=1"));
        check(&whole("", body).replace("/claims", "/claims:batch"));
        check("GET / HTTP/1.1\r\n\r\n");
        check("\r\nPOST /v1/campaigns/sale/claims HTTP/1.1\r\n");
    }

    proptest! {
        #[test]
        fn any_bytes_are_looked_at(tail: Vec<u8>, lines in "[ -~\r\n]{0,80}", body in "[ -~]{0,40}") {
            let mut bytes = whole(&lines, &body).into_bytes();
            bytes.extend(&tail);
            match see(&bytes) {
                Seen::Claim(request) => prop_assert!(request.length <= bytes.len() && request.body.len() < request.length),
                Seen::Part { .. } | Seen::Else => {}
            }
        }
    }
}
