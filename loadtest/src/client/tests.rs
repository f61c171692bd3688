//! The generator against small servers of its own: in step, stalling, and going away.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use super::*;
use crate::recorder::Recorder;
use crate::schedule::{Arrivals, Schedule};

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// Asks without end, or so many times, and times the answers.
struct Ask {
    left: u64,
    recorder: Recorder,
}

impl Ask {
    fn times(left: u64) -> Self {
        Self { left, recorder: Recorder::new() }
    }

    fn count(&self, outcome: &str) -> u64 {
        self.recorder.outcomes().find(|(name, _)| *name == outcome).map_or(0, |(_, latencies)| latencies.count())
    }
}

impl Exchange for Ask {
    fn request(&mut self, bytes: &mut Vec<u8>) -> Option<u64> {
        self.left = self.left.checked_sub(1)?;
        bytes.extend_from_slice(b"GET / HTTP/1.1\r\n\r\n");
        Some(self.left)
    }

    fn answered(&mut self, _: u64, latency: Duration, reply: &Reply<'_>) {
        assert_eq!((reply.status, reply.body), (200, &b"ok"[..]));
        self.recorder.record("answered", latency);
    }

    fn unanswered(&mut self, _: u64, waited: Duration) {
        self.recorder.record("unanswered", waited);
    }

    fn unsent(&mut self, waited: Duration) {
        self.recorder.record("unsent", waited);
    }
}

/// Serves every connection by `serve`, each in a thread that ends with its connection.
fn listen(serve: fn(TcpStream)) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    thread::spawn(move || {
        while let Ok((stream, _)) = listener.accept() {
            thread::spawn(move || serve(stream));
        }
    });
    address
}

/// Reads one request; `false` at the end of the connection.
fn request(stream: &mut TcpStream) -> bool {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        if !matches!(stream.read(&mut byte), Ok(1)) {
            return false;
        }
        head.push(byte[0]);
    }
    true
}

fn at_once(mut stream: TcpStream) {
    while request(&mut stream) && stream.write_all(ANSWER).is_ok() {}
}

fn one_byte_at_a_time(mut stream: TcpStream) {
    stream.set_nodelay(true).expect("an option");
    while request(&mut stream) && ANSWER.chunks(1).all(|byte| stream.write_all(byte).is_ok()) {}
}

fn after_a_stall(mut stream: TcpStream) {
    request(&mut stream);
    // The stall is what is tested, not something waited for.
    thread::sleep(Duration::from_millis(300));
    let _ = stream.write_all(ANSWER);
    at_once(stream);
}

fn one_answer_a_connection(mut stream: TcpStream) {
    request(&mut stream);
    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok");
}

fn no_answer(mut stream: TcpStream) {
    request(&mut stream);
}

fn closed(target: SocketAddr, connections: usize, ask: &mut Ask) -> Driven {
    let pace = Pace::Closed(Duration::from_secs(30));
    drive(target, connections, pace, ask, &ProgressBar::hidden()).expect("a run")
}

#[test]
fn every_request_of_a_closed_loop_is_answered() {
    for server in [at_once as fn(TcpStream), one_byte_at_a_time] {
        let mut ask = Ask::times(500);
        let driven = closed(listen(server), 7, &mut ask);
        assert_eq!((driven.sent, driven.answered, driven.broken), (500, 500, 0));
        assert_eq!(ask.count("answered"), 500);
    }
}

/// Answers only when four requests are there, all of them with one write.
fn four_at_a_time(mut stream: TcpStream) {
    while (0..4).all(|_| request(&mut stream)) {
        let _ = stream.write_all(&ANSWER.repeat(4));
    }
}

/// Answers the first request of a connection twice.
fn one_answer_too_many(mut stream: TcpStream) {
    if request(&mut stream) {
        let _ = stream.write_all(&ANSWER.repeat(2));
    }
    while request(&mut stream) {}
}

fn pipelined(target: SocketAddr, connections: usize, pipeline: usize, ask: &mut Ask) -> Driven {
    let pace = Pace::Closed(Duration::from_secs(30));
    drive(target, Width { connections, pipeline }, pace, ask, &ProgressBar::hidden()).expect("a run")
}

#[test]
fn requests_leave_up_to_the_depth_before_the_first_answer_comes() {
    // With fewer than four on their way this server would never answer, and with more than four the last would be alone.
    let mut ask = Ask::times(400);
    let driven = pipelined(listen(four_at_a_time), 2, 4, &mut ask);
    assert_eq!((driven.sent, driven.answered, driven.broken), (400, 400, 0));
    assert_eq!(ask.count("answered"), 400);
}

#[test]
fn pipelined_answers_are_told_apart_however_they_are_cut() {
    for server in [at_once as fn(TcpStream), one_byte_at_a_time] {
        let mut ask = Ask::times(500);
        let driven = pipelined(listen(server), 3, 5, &mut ask);
        assert_eq!((driven.sent, driven.answered, driven.broken), (500, 500, 0));
    }
}

#[test]
fn all_requests_on_their_way_are_lost_with_a_connection_and_no_more() {
    let mut ask = Ask::times(u64::MAX);
    let driven = pipelined(listen(no_answer), 2, 8, &mut ask);
    assert_eq!((driven.sent, driven.answered), (16, 0));
    assert_eq!(ask.count("unanswered"), 16);
}

#[test]
fn an_answer_that_nobody_asked_for_breaks_the_connection() {
    for pipeline in [1, 2] {
        let mut ask = Ask::times(2);
        let driven = pipelined(listen(one_answer_too_many), 1, pipeline, &mut ask);
        // With two on their way the second answer may pass for that of the second request: whose it is, the oracle says.
        assert_eq!(driven.broken > 0, pipeline == 1, "{driven:?}");
    }
}

#[test]
fn a_backlog_of_an_open_loop_leaves_pipelined_and_counts_from_its_planned_moments() {
    let schedule = Schedule::new(1_000.0, Arrivals::Constant, Duration::from_millis(400), 1);
    let mut ask = Ask::times(u64::MAX);
    let width = Width { connections: 1, pipeline: 4 };
    let target = listen(four_at_a_time);
    let driven = drive(target, width, Pace::Open(Box::new(schedule)), &mut ask, &ProgressBar::hidden());
    assert_eq!(driven.expect("a run").answered, 400);
    // The first of four waits for the three that are planned after it, at 1 ms each.
    let all = ask.recorder.all();
    assert!(all.percentile(90.0) >= Duration::from_micros(2_900), "{:?}", all.percentile(90.0));
}

#[test]
fn a_stalled_server_shows_in_the_latency_of_the_requests_it_held_up() {
    // One connection, 1,000 requests a second, a stall of 300 ms: those planned during the stall waited too, on
    // average half of it, although each had its own answer at once when it was finally sent.
    let schedule = Schedule::new(1_000.0, Arrivals::Constant, Duration::from_millis(600), 1);
    let mut ask = Ask::times(u64::MAX);
    let driven = drive(listen(after_a_stall), 1_u16, Pace::Open(Box::new(schedule)), &mut ask, &ProgressBar::hidden());
    assert_eq!(driven.expect("a run").answered, 600);
    let all = ask.recorder.all();
    assert!(all.max() >= Duration::from_millis(290), "{:?}", all.max());
    assert!(all.percentile(75.0) >= Duration::from_millis(100), "{:?}", all.percentile(75.0));
}

#[test]
fn a_connection_that_the_server_closes_is_made_anew() {
    let mut ask = Ask::times(20);
    let driven = closed(listen(one_answer_a_connection), 2, &mut ask);
    assert_eq!((driven.sent, driven.answered), (20, 20));
    assert!(driven.broken >= 18, "{driven:?}");
}

#[test]
fn a_server_that_never_answers_ends_the_run_with_its_requests_unanswered() {
    let mut ask = Ask::times(u64::MAX);
    let driven = closed(listen(no_answer), 3, &mut ask);
    assert_eq!((driven.sent, driven.answered), (3, 0));
    assert_eq!(ask.count("unanswered"), 3);
}
