//! One keep-alive connection of the load generator: a non-blocking socket with at most one request on its way.
//! When to send, and what an answer means, is decided elsewhere.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Instant;

use crate::response::{Parser, Reply};

/// The longest answer that the generator takes, in bytes.
const ANSWER_BYTES_MAX: usize = 8 * 1024;

/// A request that has been given to the socket and not been answered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct InFlight {
    /// What the exchange calls this request.
    pub(crate) ticket: u64,
    /// The moment from which its latency counts.
    pub(crate) due: Instant,
}

/// A socket with its buffers.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    /// The request being written, from `written` on.
    pub(crate) outbox: Vec<u8>,
    written: usize,
    /// The socket is full: the rest of the outbox goes when it reports room.
    pub(crate) waits_to_write: bool,
    inbox: Box<[u8]>,
    filled: usize,
    /// The request that waits for its answer.
    pub(crate) in_flight: Option<InFlight>,
    /// Answers taken since connecting; a connection that breaks with none is not tried again.
    pub(crate) answers: u64,
}

impl Connection {
    /// Connects to `target`, waiting for the handshake.
    pub(crate) fn open(target: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(target)?;
        // A connect to a port of the ephemeral range that nobody listens on can meet itself.
        if stream.local_addr()? == target {
            return Err(ErrorKind::ConnectionRefused.into());
        }
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        Ok(Self {
            stream,
            outbox: Vec::with_capacity(512),
            written: 0,
            waits_to_write: false,
            inbox: vec![0; ANSWER_BYTES_MAX].into_boxed_slice(),
            filled: 0,
            in_flight: None,
            answers: 0,
        })
    }

    /// The socket, to be watched for readiness.
    pub(crate) fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// Writes what the outbox holds; `false` when the socket took only a part of it.
    pub(crate) fn flush(&mut self) -> io::Result<bool> {
        while self.written < self.outbox.len() {
            match self.stream.write(&self.outbox[self.written..]) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(count) => self.written += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.outbox.clear();
        self.written = 0;
        Ok(true)
    }

    /// Reads once and hands a completed answer, as `parse` finds it, to `take`, with the request that it belongs to.
    ///
    /// # Errors
    /// `UnexpectedEof` when the server closed, `InvalidData` for what is no answer, and what the socket says.
    pub(crate) fn receive(&mut self, parse: Parser, take: impl FnOnce(InFlight, Reply<'_>)) -> io::Result<bool> {
        if self.filled == self.inbox.len() {
            return Err(io::Error::new(ErrorKind::InvalidData, "an answer longer than 8 KiB"));
        }
        match self.stream.read(&mut self.inbox[self.filled..]) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(count) => self.filled += count,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => return Ok(false),
            Err(error) => return Err(error),
        }
        let reply = parse(&self.inbox[..self.filled]);
        let Some(reply) = reply.map_err(|error| io::Error::new(ErrorKind::InvalidData, error))? else {
            return Ok(false);
        };
        let (taken, closes) = (reply.taken, reply.closes);
        let Some(asked) = self.in_flight.take() else {
            return Err(io::Error::new(ErrorKind::InvalidData, "an answer that nobody asked for"));
        };
        take(asked, reply);
        self.answers += 1;
        self.inbox.copy_within(taken..self.filled, 0);
        self.filled -= taken;
        if closes { Err(ErrorKind::UnexpectedEof.into()) } else { Ok(true) }
    }
}
