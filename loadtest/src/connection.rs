//! One keep-alive connection of the load generator: a non-blocking socket with its requests on their way, which are answered in
//! their order. When to send, how many at once, and what an answer means, is decided elsewhere.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Instant;

use crate::response::{Parser, Reply};

/// The longest answer that the generator takes, in bytes.
const ANSWER_BYTES_MAX: usize = 8 * 1024;
/// What is read at once of a connection with several requests on their way, in bytes.
const PIPELINED_BYTES: usize = 32 * 1024;

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
    /// The requests being written, from `written` on.
    pub(crate) outbox: Vec<u8>,
    written: usize,
    /// The socket is full: the rest of the outbox goes when it reports room.
    pub(crate) waits_to_write: bool,
    inbox: Box<[u8]>,
    filled: usize,
    /// The requests that wait for their answers, the next to be answered first.
    pub(crate) in_flight: VecDeque<InFlight>,
    /// Answers taken since connecting; a connection that breaks with none is not tried again.
    pub(crate) answers: u64,
}

impl Connection {
    /// Connects to `target`, waiting for the handshake, for up to `pipeline` requests at a time.
    pub(crate) fn open(target: SocketAddr, pipeline: usize) -> io::Result<Self> {
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
            inbox: vec![0; if pipeline > 1 { PIPELINED_BYTES } else { ANSWER_BYTES_MAX }].into_boxed_slice(),
            filled: 0,
            in_flight: VecDeque::with_capacity(pipeline),
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

    /// Reads once and hands every answer that is whole by then, as `parse` finds it, to `take`, with the request that it belongs to
    /// and the moment of reading. Says how many those were.
    ///
    /// # Errors
    /// `UnexpectedEof` when the server closed, `InvalidData` for what is no answer or has no request, and what the socket says.
    pub(crate) fn receive(
        &mut self,
        parse: Parser,
        mut take: impl FnMut(InFlight, Instant, Reply<'_>),
    ) -> io::Result<usize> {
        match self.stream.read(&mut self.inbox[self.filled..]) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(count) => self.filled += count,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => return Ok(0),
            Err(error) => return Err(error),
        }
        let read_at = Instant::now();
        let (mut at, mut answers) = (0, 0);
        while at < self.filled {
            let reply = parse(&self.inbox[at..self.filled]);
            let Some(reply) = reply.map_err(|error| io::Error::new(ErrorKind::InvalidData, error))? else { break };
            let (taken, closes) = (reply.taken, reply.closes);
            let Some(asked) = self.in_flight.pop_front() else {
                return Err(io::Error::new(ErrorKind::InvalidData, "an answer that nobody asked for"));
            };
            take(asked, read_at, reply);
            self.answers += 1;
            answers += 1;
            at += taken;
            if closes {
                return Err(ErrorKind::UnexpectedEof.into());
            }
        }
        self.inbox.copy_within(at..self.filled, 0);
        self.filled -= at;
        if self.filled >= ANSWER_BYTES_MAX {
            return Err(io::Error::new(ErrorKind::InvalidData, "an answer longer than 8 KiB"));
        }
        Ok(answers)
    }
}
