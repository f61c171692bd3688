//! Owns the claims on an HTTP/1.1 connection that come as nearly all do: whole, and one kind of request after the other. They are
//! read off the socket and answered without the machinery that serves whatever else may come; the first request of any other kind
//! takes the connection, with the bytes that are unread, over to hyper.
//!
//! Requests that a client sends without waiting are all handed to their shards at once, and answered in their order.

mod reply;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use hyper::header::HeaderMap;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Sleep;

use self::reply::Date;
use super::pulse::{End, InHand, Pulse};
use crate::http::claim_request::{self, ClaimRequest, Seen};
use crate::http::{self, Begun, ClaimAnswer, Lane, Waiting};

/// Claims of one connection that are under way at most. More wait in the socket.
const IN_FLIGHT_MAX: usize = 64;

/// What is read at once at most, in bytes.
const READ_BYTES: usize = 16 << 10;

/// How long the rest of a body is waited for. Whoever needs longer is served by hyper, where slow bodies have their deadlines.
const REST_PATIENCE: Duration = Duration::from_millis(50);

/// What all connections of an I/O thread read into and write from, so that none keeps memory while nothing is under way.
pub(super) struct Buffers {
    input: RefCell<Vec<u8>>,
    output: RefCell<Vec<u8>>,
    date: Date,
}

impl Buffers {
    pub(super) fn new() -> Self {
        Self { input: RefCell::new(vec![0; READ_BYTES]), output: RefCell::default(), date: Date::default() }
    }
}

/// How the claims of a connection end.
pub(super) enum Left {
    /// The connection is over.
    Over,
    /// Something else comes, and its first bytes are these.
    Else(TcpStream, Vec<u8>),
}

/// The claims of one connection.
pub(super) struct Express {
    lane: Rc<Lane>,
    buffers: Rc<Buffers>,
    peer: IpAddr,
    /// `None` once it has been given away.
    stream: Option<TcpStream>,
    pulse: Rc<Pulse>,
    /// What was read and makes no whole request yet, or has to wait.
    unread: Vec<u8>,
    /// What the socket had no room for.
    unsent: Vec<u8>,
    in_flight: VecDeque<InFlight>,
    is_at_end: bool,
    /// What comes next is for hyper.
    is_leaving: bool,
    rest_due: Option<Pin<Box<Sleep>>>,
}

/// A claim that has not been answered.
struct InFlight {
    step: Step,
    /// Of the request's head, what may be asked for.
    headers: HeaderMap,
    began: Instant,
    _in_hand: InHand,
}

enum Step {
    Waiting(Waiting),
    Answered(Option<ClaimAnswer>),
}

impl Step {
    fn poll(&mut self, lane: &Lane, headers: &HeaderMap, context: &mut Context<'_>) -> Poll<ClaimAnswer> {
        match self {
            Self::Waiting(waiting) => waiting.poll(lane, headers, context),
            Self::Answered(answer) => Poll::Ready(answer.take().expect("an answer is taken once")),
        }
    }
}

impl Express {
    /// Serves `stream`, of which `unread` has been read.
    pub(super) fn new(
        lane: Rc<Lane>,
        buffers: Rc<Buffers>,
        peer: IpAddr,
        stream: TcpStream,
        unread: Vec<u8>,
        pulse: Rc<Pulse>,
    ) -> Self {
        Self {
            lane,
            buffers,
            peer,
            stream: Some(stream),
            pulse,
            unread,
            unsent: Vec::new(),
            in_flight: VecDeque::new(),
            is_at_end: false,
            is_leaving: false,
            rest_due: None,
        }
    }

    /// Begins what whole claims `bytes` hold, and says how many bytes they were.
    fn take(&mut self, bytes: &[u8]) -> usize {
        let mut taken = 0;
        while !self.is_leaving && self.in_flight.len() < IN_FLIGHT_MAX && taken < bytes.len() {
            match claim_request::see(&bytes[taken..]) {
                Seen::Claim(request) => {
                    let length = request.length;
                    if !self.begin(request) {
                        self.is_leaving = true;
                        break;
                    }
                    taken += length;
                    self.rest_due = None;
                }
                Seen::Part { is_head_whole } => {
                    if is_head_whole && self.rest_due.is_none() {
                        self.rest_due = Some(Box::pin(tokio::time::sleep(REST_PATIENCE)));
                    }
                    break;
                }
                Seen::Else => self.is_leaving = true,
            }
        }
        taken
    }

    /// Begins a claim. `false`: hyper has to.
    fn begin(&mut self, request: ClaimRequest<'_>) -> bool {
        let began = Instant::now();
        let ClaimRequest { campaign, mode, headers, body, .. } = request;
        let step = match http::begin_claim(&self.lane, campaign, mode, self.peer, &headers, body) {
            Begun::Answered(answer) => Step::Answered(Some(answer)),
            Begun::Waiting(waiting) => Step::Waiting(waiting),
            Begun::Slow => return false,
        };
        self.in_flight.push_back(InFlight { step, headers, began, _in_hand: self.pulse.request() });
        true
    }

    /// Writes the answers that are there, in their order.
    fn answer(&mut self, context: &mut Context<'_>, out: &mut Vec<u8>) {
        while let Some(first) = self.in_flight.front_mut() {
            let Poll::Ready(answer) = first.step.poll(&self.lane, &first.headers, context) else { return };
            let InFlight { headers, began, .. } = self.in_flight.pop_front().expect("there is a first");
            let response = http::claim_response(&self.lane, answer, headers, began);
            let is_last = self.pulse.end() == End::Gracefully && self.in_flight.is_empty();
            reply::write(&response, self.buffers.date.at(self.lane.now()), is_last, out);
        }
    }

    /// Sends what was left unsent, and then `out`; keeps what the socket has no room for.
    fn send(&mut self, context: &mut Context<'_>, out: &[u8]) -> Poll<io::Result<()>> {
        let stream = self.stream.as_mut().expect("it is given away at the end");
        while !self.unsent.is_empty() {
            let sent = ready!(Pin::new(&mut *stream).poll_write(context, &self.unsent))?;
            self.unsent.drain(..sent);
        }
        let mut rest = out;
        while !rest.is_empty() {
            match Pin::new(&mut *stream).poll_write(context, rest) {
                Poll::Ready(sent) => rest = &rest[sent?..],
                Poll::Pending => {
                    self.unsent.extend_from_slice(rest);
                    return Poll::Pending;
                }
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Reads once, and begins what claims have come. Ready when something has come, or the end.
    fn read(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let buffers = Rc::clone(&self.buffers);
        let mut input = buffers.input.borrow_mut();
        let mut room = ReadBuf::new(&mut input);
        let stream = self.stream.as_mut().expect("it is given away at the end");
        ready!(Pin::new(stream).poll_read(context, &mut room))?;
        let read = room.filled();
        self.is_at_end = read.is_empty();
        self.pulse.bytes_came();
        if self.unread.is_empty() {
            let taken = self.take(read);
            self.unread.extend_from_slice(&read[taken..]);
        } else {
            self.unread.extend_from_slice(read);
            self.take_unread();
        }
        Poll::Ready(Ok(()))
    }

    fn take_unread(&mut self) {
        let mut unread = std::mem::take(&mut self.unread);
        let taken = self.take(&unread);
        unread.drain(..taken);
        // Given back to the allocator when it is empty: few connections ever need one again.
        if !unread.is_empty() {
            self.unread = unread;
        }
    }

    /// Whether the rest of a body has been waited for long enough.
    fn is_rest_overdue(&mut self, context: &mut Context<'_>) -> bool {
        self.rest_due.as_mut().is_some_and(|due| due.as_mut().poll(context).is_ready())
    }

    fn leave(&mut self) -> Left {
        let stream = self.stream.take().expect("it leaves once");
        if self.unread.is_empty() && (self.is_at_end || self.pulse.end() != End::No) {
            return Left::Over;
        }
        self.pulse.bytes_came();
        Left::Else(stream, std::mem::take(&mut self.unread))
    }
}

impl Future for Express {
    type Output = io::Result<Left>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<Left>> {
        let this = self.get_mut();
        let buffers = Rc::clone(&this.buffers);
        loop {
            {
                let mut out = buffers.output.borrow_mut();
                out.clear();
                // Answers that nobody takes are not written out of their order, nor without bound.
                if this.unsent.is_empty() {
                    this.answer(context, &mut out);
                }
                if !out.is_empty() || !this.unsent.is_empty() {
                    let sent = this.send(context, &out);
                    this.pulse.wrote(sent.is_pending());
                    ready!(sent)?;
                }
            }
            let has_room = this.in_flight.len() < IN_FLIGHT_MAX;
            if has_room && !this.unread.is_empty() && !this.is_leaving && this.pulse.end() == End::No {
                let before = this.unread.len();
                this.take_unread();
                if this.unread.len() < before {
                    continue;
                }
            }
            if this.in_flight.is_empty() && !this.unread.is_empty() {
                // A part of a request, whose time runs.
                this.pulse.bytes_came();
            }
            if this.is_at_end || this.pulse.end() != End::No || this.is_rest_overdue(context) {
                this.is_leaving = true;
            }
            if this.is_leaving {
                return if this.in_flight.is_empty() { Poll::Ready(Ok(this.leave())) } else { Poll::Pending };
            }
            if !has_room {
                return Poll::Pending;
            }
            ready!(this.read(context))?;
        }
    }
}
