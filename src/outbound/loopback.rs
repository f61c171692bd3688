//! Somebody to ask, for tests: answers at a port of its own on this machine, as a script says.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc;
use std::time::Duration;

/// What is done with one request.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// This status and body are answered.
    Answer(u16, String),
    /// These bytes are sent, and the connection ends.
    Raw(String),
    /// Nothing is, and the connection stays.
    Silence,
}

/// One who answers, until the test ends.
pub(crate) struct Loopback {
    pub(crate) address: SocketAddr,
    bodies: mpsc::Receiver<String>,
}

impl Loopback {
    /// One who answers by `script`, whose last step holds for all that comes after it. Each request has a connection of its own.
    pub(crate) fn start(script: Vec<Step>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let (asked, bodies) = mpsc::channel();
        std::thread::spawn(move || {
            let mut held = Vec::new();
            let mut steps = script.iter();
            let mut step = steps.next().expect("a script has a step");
            for stream in listener.incoming() {
                let mut stream = stream.expect("a connection");
                let Some(body) = read(&stream) else { continue };
                // A test that does not look at what was asked has let go of the other end.
                drop(asked.send(body));
                match step {
                    Step::Answer(status, body) => {
                        let length = body.len();
                        let head =
                            format!("HTTP/1.1 {status} .\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
                        drop(stream.write_all(format!("{head}{body}").as_bytes()));
                    }
                    Step::Raw(bytes) => drop(stream.write_all(bytes.as_bytes())),
                    Step::Silence => held.push(stream),
                }
                step = steps.next().unwrap_or(step);
            }
        });
        Self { address, bodies }
    }

    /// Where to ask.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/x", self.address)
    }

    /// The bodies of the requests since this was asked last.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.bodies.try_iter().collect()
    }
}

/// The body of a request; `None` if there is none to be had.
fn read(stream: &TcpStream) -> Option<String> {
    stream.set_read_timeout(Some(Duration::from_secs(5))).expect("a timeout");
    let mut lines = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        lines.read_line(&mut line).ok().filter(|read| *read > 0)?;
        if line == "\r\n" {
            break;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    lines.read_exact(&mut body).ok()?;
    String::from_utf8(body).ok()
}
