//! Readers of event streams over both protocols.

use std::net::SocketAddr;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http2::SendRequest;
use serde_json::Value;

use crate::client::{Connection, request};
use crate::server::Server;

/// What comes by a stream.
#[derive(Debug, PartialEq)]
pub(super) enum Item {
    /// When to come back, in milliseconds.
    Retry(u64),
    /// An event of type `availability`: id and data.
    Event(String, Value),
    /// An event of type `waiting_room`: its data.
    Room(Value),
    /// A sign of life.
    Comment,
}

/// A stream over HTTP/1.
pub(super) struct Stream {
    connection: Connection,
    headers: Vec<(String, String)>,
    has_chunks: bool,
    text: String,
}

impl Stream {
    /// Opens a stream, which must be granted.
    pub(super) fn open(server: &Server, campaign: &str, headers: &[(&str, &str)]) -> Self {
        Self::ask(server.client().connect(), campaign, headers).expect("a stream")
    }

    /// Asks for a stream; a status if it is refused.
    pub(super) fn ask(mut connection: Connection, campaign: &str, headers: &[(&str, &str)]) -> Result<Self, u16> {
        let path = format!("/v1/campaigns/{campaign}/events");
        connection.send(&request("GET", &path, headers, b"")).expect("sent");
        let head = connection.receive(true).expect("a head");
        if head.status != 200 {
            return Err(head.status);
        }
        Ok(Self { headers: head.headers, ..Self::of(connection) })
    }

    /// The stream on a connection whose head has been read.
    pub(super) fn of(connection: Connection) -> Self {
        Self { connection, headers: Vec::new(), has_chunks: true, text: String::new() }
    }

    /// The same, of a server that does not cut it into chunks.
    pub(super) fn without_chunks(connection: Connection) -> Self {
        Self { has_chunks: false, ..Self::of(connection) }
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str())
    }

    /// The next item; `None`: the server has ended the stream as it should.
    pub(super) fn item(&mut self) -> Option<Item> {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let item = item(block);
                self.text = rest.to_owned();
                return Some(item);
            }
            let more = if self.has_chunks { self.connection.chunk() } else { self.connection.line() };
            if more.is_empty() {
                return None;
            }
            self.text += std::str::from_utf8(&more).expect("UTF-8");
        }
    }

    /// Id and data of the next event. A comment before it fails the test.
    pub(super) fn event(&mut self) -> (String, Value) {
        loop {
            match self.item().expect("the stream goes on") {
                Item::Event(id, data) => return (id, data),
                Item::Retry(_) | Item::Room(_) => {}
                Item::Comment => panic!("a heartbeat, and no event"),
            }
        }
    }

    /// The next event about the waiting room, whatever comes before it.
    pub(super) fn room(&mut self) -> Value {
        loop {
            if let Item::Room(data) = self.item().expect("the stream goes on") {
                return data;
            }
        }
    }

    /// Id and data of the next event, whatever comes before it; `None`: the stream has ended.
    pub(super) fn event_at_last(&mut self) -> Option<(String, Value)> {
        loop {
            if let Item::Event(id, data) = self.item()? {
                return Some((id, data));
            }
        }
    }

    /// Whether the server has closed the connection, whatever came before.
    pub(super) fn is_cut_off(&mut self) -> bool {
        self.connection.is_closed_by_server()
    }

    /// The end of the stream, which must be next.
    pub(super) fn ends(&mut self) {
        assert_eq!(self.item(), None);
        assert!(self.connection.is_closed_by_server());
    }
}

fn item(block: &str) -> Item {
    if block == ":" {
        return Item::Comment;
    }
    if let Some(retry) = block.strip_prefix("retry: ") {
        return Item::Retry(retry.parse().expect("milliseconds"));
    }
    let fields: Vec<(&str, &str)> = block.lines().map(|line| line.split_once(": ").expect("a field")).collect();
    if let [("event", "waiting_room"), ("data", data)] = fields[..] {
        return Item::Room(serde_json::from_str(data).expect("JSON"));
    }
    let [("event", "availability"), ("id", id), ("data", data)] = fields[..] else { panic!("strange: {block}") };
    Item::Event(id.to_owned(), serde_json::from_str(data).expect("JSON"))
}

/// An availability without the server's time.
pub(super) fn timeless(availability: &Value) -> Value {
    let mut timeless = availability.clone();
    timeless.as_object_mut().expect("an object").remove("server_time").expect("a time");
    timeless
}

/// An HTTP/2 connection, which ends when the sender is dropped.
pub(super) async fn http_2(address: SocketAddr) -> SendRequest<Empty<Bytes>> {
    let stream = tokio::net::TcpStream::connect(address).await.expect("the server listens");
    let io = hyper_util::rt::TokioIo::new(stream);
    let executor = hyper_util::rt::TokioExecutor::new();
    let (sender, connection) = hyper::client::conn::http2::handshake(executor, io).await.expect("HTTP/2");
    tokio::spawn(connection);
    sender
}

/// The body of a stream, which must be granted.
pub(super) async fn events_over_http_2(sender: &mut SendRequest<Empty<Bytes>>, campaign: &str) -> Incoming {
    let path = format!("http://test/v1/campaigns/{campaign}/events");
    let request = hyper::Request::get(path).body(Empty::new()).expect("a request");
    let response = sender.send_request(request).await.expect("an answer");
    assert_eq!(response.status(), 200);
    response.into_body()
}

/// The next frame of a body, as text; `None`: it has ended as it should.
pub(super) async fn frame(body: &mut Incoming) -> Option<String> {
    loop {
        let data = body.frame().await?.expect("a frame").into_data().expect("data");
        // The end may come in a frame of its own.
        if !data.is_empty() {
            return Some(String::from_utf8(data.to_vec()).expect("UTF-8"));
        }
    }
}
