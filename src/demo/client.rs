//! Owns one keep-alive connection of the demo to the server beside it.

use std::io;
use std::net::SocketAddr;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

/// A connection, with one request on its way at a time.
pub(super) struct Client {
    server: SocketAddr,
    connection: SendRequest<Full<Bytes>>,
}

/// What the server said.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Value,
}

impl Client {
    pub(super) async fn connect(server: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(server).await?;
        stream.set_nodelay(true)?;
        let (connection, driver) = handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
        // Ends with the connection; its errors reach whoever asks.
        tokio::spawn(driver);
        Ok(Self { server, connection })
    }

    pub(super) async fn ask(
        &mut self,
        method: &Method,
        path: &str,
        admin_key: Option<&str>,
        body: &Value,
    ) -> io::Result<Answer> {
        let request = Request::builder().method(method).uri(path).header(HOST, self.server.to_string());
        let request = request.header(CONTENT_TYPE, "application/json");
        let request = match admin_key {
            Some(key) => request.header(AUTHORIZATION, format!("Bearer {key}")),
            None => request,
        };
        let request = request.body(Full::new(body.to_string().into())).map_err(io::Error::other)?;
        self.connection.ready().await.map_err(io::Error::other)?;
        let response = self.connection.send_request(request).await.map_err(io::Error::other)?;
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.map_err(io::Error::other)?.to_bytes();
        Ok(Answer { status, body: serde_json::from_slice(&body).unwrap_or(Value::Null) })
    }
}
