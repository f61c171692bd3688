//! A small HTTP server for tests: answers each request by what a function makes of method, path and body.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::Value;

/// Starts a server on a free port. An answer with status 0 closes the connection instead.
pub(crate) fn serve(answer: impl FnMut(&str, &str, &Value) -> (u16, Value) + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    let answer = Arc::new(Mutex::new(answer));
    thread::spawn(move || {
        while let Ok((stream, _)) = listener.accept() {
            let answer = Arc::clone(&answer);
            thread::spawn(move || attend(stream, &*answer));
        }
    });
    address
}

fn attend(mut stream: TcpStream, answer: &Mutex<impl FnMut(&str, &str, &Value) -> (u16, Value)>) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let mut words = line.split(' ');
        let (method, path) = (words.next()?, words.next()?);
        let mut length = 0;
        loop {
            let mut header = String::new();
            reader.read_line(&mut header).ok()?;
            if header.trim().is_empty() {
                break;
            }
            if let Some(value) = header.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().ok()?;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        let body = serde_json::from_slice(&body).unwrap_or_default();
        let (status, body) = (answer.lock().ok()?)(method, path, &body);
        if status == 0 {
            return None;
        }
        let body = body.to_string();
        write!(stream, "HTTP/1.1 {status} x\r\ncontent-length: {}\r\n\r\n{body}", body.len()).ok()?;
    }
}
