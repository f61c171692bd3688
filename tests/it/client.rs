//! A small HTTP/1.1 client over one socket, that shows all that came.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::{Value, json};

use crate::server::ADMIN_KEY;

/// How long any answer may take before a test fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A client of one server: a connection a call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Client {
    address: SocketAddr,
}

/// What was answered.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|_| panic!("no JSON: {} {}", self.status, String::from_utf8_lossy(&self.body)))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).expect("UTF-8")
    }

    /// Status and code of a problem document, which it must be.
    pub(crate) fn problem(&self) -> (u16, String) {
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self:?}");
        let document = self.json();
        assert_eq!(document["status"], self.status, "{document}");
        assert!(document["title"].is_string() && document["detail"].is_string() && document["type"].is_string());
        (self.status, document["code"].as_str().expect("a code").to_owned())
    }
}

impl Client {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self { address }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn connect(&self) -> Connection {
        Connection::open(self.address)
    }

    /// A call with anything.
    pub(crate) fn call(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
        self.connect().call(method, path, headers, body)
    }

    /// A call without a body.
    pub(crate) fn get(&self, path: &str) -> Reply {
        self.call("GET", path, &[], b"")
    }

    /// A call with a JSON body.
    pub(crate) fn post(&self, path: &str, body: &Value) -> Reply {
        self.post_with(path, &[], body)
    }

    /// A call with a JSON body and `headers` beside its own.
    pub(crate) fn post_with(&self, path: &str, headers: &[(&str, &str)], body: &Value) -> Reply {
        let headers: Vec<_> = [JSON].into_iter().chain(headers.iter().copied()).collect();
        self.call("POST", path, &headers, body.to_string().as_bytes())
    }

    /// A management call with a JSON body, or none.
    pub(crate) fn admin(&self, method: &str, path: &str, body: Option<&Value>) -> Reply {
        let key = format!("Bearer {ADMIN_KEY}");
        let body = body.map(Value::to_string).unwrap_or_default();
        let mut headers = vec![("authorization", key.as_str())];
        if !body.is_empty() {
            headers.push(JSON);
        }
        self.call(method, path, &headers, body.as_bytes())
    }

    /// Makes a campaign that is open and says what `changes` say.
    pub(crate) fn campaign(&self, id: &str, changes: &Value) {
        let mut body = json!({
            "id": id, "name": id, "time_zone": "UTC", "mode": "first_come",
            "schedule": {"starts_at": "2020-01-01T00:00:00Z", "ends_at": "2999-01-01T00:00:00Z"},
            "coupon_types": [{"id": "cash-5", "name": "cash", "total_quota": 100, "valid_for": "30d"}]
        });
        for (name, value) in changes.as_object().expect("an object of changes") {
            body[name] = value.clone();
        }
        let reply = self.admin("POST", "/v1/campaigns", Some(&body));
        assert_eq!(reply.status, 201, "{}", reply.text());
    }

    /// A claim for `user`.
    pub(crate) fn claim(&self, campaign: &str, user: &str) -> Reply {
        self.claim_with(campaign, user, &[])
    }

    /// A claim for `user` that bears `headers`.
    pub(crate) fn claim_with(&self, campaign: &str, user: &str, headers: &[(&str, &str)]) -> Reply {
        self.post_with(&format!("/v1/campaigns/{campaign}/claims"), headers, &json!({"user_id": user}))
    }
}

/// The header of a JSON body.
pub(crate) const JSON: (&str, &str) = ("content-type", "application/json");

/// One connection that stays open.
pub(crate) struct Connection {
    stream: BufReader<TcpStream>,
}

impl Connection {
    pub(crate) fn open(address: SocketAddr) -> Self {
        Self::over(TcpStream::connect(address).expect("the server listens"))
    }

    pub(crate) fn over(stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
        stream.set_nodelay(true).expect("a socket");
        Self { stream: BufReader::new(stream) }
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.stream.get_mut().write_all(bytes)
    }

    pub(crate) fn call(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
        self.send(&request(method, path, headers, body)).expect("the request is sent");
        self.receive(method == "HEAD").expect("an answer")
    }

    /// The next answer; `None`: the server has closed.
    pub(crate) fn receive(&mut self, is_head: bool) -> Option<Reply> {
        let mut line = String::new();
        if self.stream.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let status = line.split(' ').nth(1).expect("a status").parse().expect("a status");
        let mut headers = Vec::new();
        loop {
            let mut line = String::new();
            self.stream.read_line(&mut line).ok()?;
            match line.trim_end().split_once(": ") {
                Some((name, value)) => headers.push((name.to_ascii_lowercase(), value.to_owned())),
                None => break,
            }
        }
        let mut reply = Reply { status, headers, body: Vec::new() };
        if reply.header("transfer-encoding") == Some("chunked") && !is_head {
            reply.body = self.chunks();
            return Some(reply);
        }
        let length = reply.header("content-length").map_or(0, |length| length.parse().expect("a length"));
        reply.body = vec![0; if is_head { 0 } else { length }];
        self.stream.read_exact(&mut reply.body).expect("the body is whole");
        Some(reply)
    }

    /// A body that comes in chunks.
    fn chunks(&mut self) -> Vec<u8> {
        let mut body = Vec::new();
        loop {
            let chunk = self.chunk();
            if chunk.is_empty() {
                return body;
            }
            body.extend_from_slice(&chunk);
        }
    }

    /// The next chunk of a body; the last one is empty.
    pub(crate) fn chunk(&mut self) -> Vec<u8> {
        let line = self.line();
        let digits = std::str::from_utf8(&line).expect("a chunk's length").trim_end();
        let length = usize::from_str_radix(digits, 16).expect("a chunk's length");
        // Its line break behind it.
        let mut chunk = vec![0; length + 2];
        self.stream.read_exact(&mut chunk).expect("a whole chunk");
        chunk.truncate(length);
        chunk
    }

    /// The next line with its end; empty: the server has closed.
    pub(crate) fn line(&mut self) -> Vec<u8> {
        let mut line = Vec::new();
        self.stream.read_until(b'\n', &mut line).expect("a line");
        line
    }

    /// Whether the server closes the connection within patience, whatever else it says.
    pub(crate) fn is_closed_by_server(&mut self) -> bool {
        let mut rest = Vec::new();
        match self.stream.read_to_end(&mut rest) {
            Ok(_) => true,
            Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
        }
    }
}

/// A request as bytes.
pub(crate) fn request(method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut head = format!("{method} {path} HTTP/1.1\r\nhost: test\r\n");
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    if !body.is_empty() || method == "POST" || method == "PATCH" {
        head += &format!("content-length: {}\r\n", body.len());
    }
    let mut bytes = (head + "\r\n").into_bytes();
    bytes.extend_from_slice(body);
    bytes
}
