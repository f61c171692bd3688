//! All watchers of a run on one epoll: opening their streams, taking what comes, and what each was told last.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use jiff::Timestamp;
use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};
use serde_json::Value;

use super::event::Told;
use super::stream::Decoder;
use crate::recorder::Latencies;

/// Readiness reports taken at once.
const EVENTS_MAX: usize = 256;
/// The longest wait for bytes, so that the end of a run is noticed.
const WAIT_MAX: Duration = Duration::from_millis(20);
/// How long the first event may take.
const OPENED_WITHIN: Duration = Duration::from_secs(30);

/// The watchers of a run.
pub(crate) struct Crowd {
    epoll: OwnedFd,
    watchers: Vec<Watcher>,
    told: Told,
    delays: Latencies,
    broken: u64,
    scratch: Box<[u8]>,
}

struct Watcher {
    stream: TcpStream,
    decoder: Decoder,
    /// The place of what it was told last.
    last: Option<usize>,
}

impl Crowd {
    /// Opens `count` streams of `path` at `target` and waits for the first event of each.
    ///
    /// # Errors
    /// When a stream is refused, or its first event does not come in time.
    pub(crate) fn open(target: SocketAddr, path: &str, count: usize) -> Result<Self> {
        let mut crowd = Self {
            epoll: epoll::create(epoll::CreateFlags::CLOEXEC)?,
            watchers: Vec::with_capacity(count),
            told: Told::default(),
            delays: Latencies::new(),
            broken: 0,
            scratch: vec![0; 64 << 10].into_boxed_slice(),
        };
        let request = format!("GET {path} HTTP/1.1\r\nHost: {target}\r\nAccept: text/event-stream\r\n\r\n");
        for place in 0..count {
            let mut stream = TcpStream::connect(target).with_context(|| format!("watcher {place}"))?;
            stream.write_all(request.as_bytes())?;
            stream.set_nonblocking(true)?;
            epoll::add(&crowd.epoll, &stream, data(place), epoll::EventFlags::IN)?;
            crowd.watchers.push(Watcher { stream, decoder: Decoder::default(), last: None });
        }
        let end = Instant::now() + OPENED_WITHIN;
        while crowd.watchers.iter().any(|watcher| watcher.last.is_none()) {
            crowd.turn()?;
            ensure!(crowd.broken == 0, "{} streams broke before their first event", crowd.broken);
            ensure!(Instant::now() < end, "some first events had not come after {} s", OPENED_WITHIN.as_secs());
        }
        crowd.delays = Latencies::new();
        Ok(crowd)
    }

    /// Takes what comes until `is_done`.
    ///
    /// # Errors
    /// When what comes is no event stream.
    pub(crate) fn watch(&mut self, is_done: &AtomicBool) -> Result<()> {
        while !is_done.load(Ordering::Relaxed) {
            self.turn()?;
        }
        Ok(())
    }

    /// Takes what comes until everybody was told `truth`, or `patience` is over; says how many were told something else.
    ///
    /// # Errors
    /// When what comes is no event stream.
    pub(crate) fn settle(&mut self, truth: &Value, patience: Duration) -> Result<usize> {
        let end = Instant::now() + patience;
        loop {
            let agrees = self.told.agreeing(truth);
            let is_right = |watcher: &&Watcher| watcher.last.is_some_and(|place| agrees[place]);
            let wrong = self.watchers.len() - self.watchers.iter().filter(is_right).count();
            if wrong == 0 || Instant::now() >= end {
                return Ok(wrong);
            }
            self.turn()?;
        }
    }

    /// How long events took from the server's look to their arrival here.
    pub(crate) fn delays(&self) -> &Latencies {
        &self.delays
    }

    /// How many streams have ended.
    pub(crate) fn broken(&self) -> u64 {
        self.broken
    }

    fn turn(&mut self) -> Result<()> {
        let timeout = Timespec::try_from(WAIT_MAX)?;
        let mut ready = Vec::with_capacity(EVENTS_MAX);
        match epoll::wait(&self.epoll, spare_capacity(&mut ready), Some(&timeout)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        for event in ready {
            let place = usize::try_from(event.data.u64())?;
            if !self.read(place)? {
                epoll::delete(&self.epoll, &self.watchers[place].stream)?;
                self.broken += 1;
            }
        }
        Ok(())
    }

    /// Reads once from a watcher's stream; `false` when it has ended.
    fn read(&mut self, place: usize) -> Result<bool> {
        let Self { watchers, told, delays, scratch, .. } = self;
        let Watcher { stream, decoder, last } = &mut watchers[place];
        let count = match stream.read(scratch) {
            Ok(0) => return Ok(false),
            Ok(count) => count,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => return Ok(true),
            Err(_) => return Ok(false),
        };
        let now = Timestamp::now();
        decoder.feed(&scratch[..count], |data| {
            let (place, server_time) = told.place(data)?;
            *last = Some(place);
            delays.record(Duration::try_from(server_time.duration_until(now)).unwrap_or_default());
            Ok(())
        })
    }
}

fn data(place: usize) -> epoll::EventData {
    epoll::EventData::new_u64(u64::try_from(place).expect("a place fits"))
}
