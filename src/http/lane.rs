//! Owns what one I/O thread keeps for its requests: the desk, buffers, request ids, jitter, counts; and turns an answer or
//! a problem into a response.

use std::cell::{RefCell, RefMut};
use std::future::Future;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};
use landrush_engine::Engine;
use landrush_engine::command::Command;
use landrush_engine::id::UserId;
use landrush_engine::outcome::Outcome;
use landrush_engine::published::Published;
use landrush_engine::time::{Clock, SteadyClock, Timestamp};

use super::admission;
use super::answer::Answer;
use super::pressure::{self, Pressure, Shed};
use super::problem::{Code, Problem};
use super::reply_body::ReplyBody;
use super::request_ids::RequestIds;
use super::retry::{Retry, Spread};
use crate::app::{App, Opened};
use crate::desk::{self, LateDesk, Lost};
use crate::fraud::{Asked, Verdict};
use crate::gate::user_token::cache::TokenCache;
use crate::live::{Halls, Tag, Watcher};
use crate::metrics::Counts;

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const X_LANDRUSH_REFUSED_BY: HeaderName = HeaderName::from_static("x-landrush-refused-by");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// What one I/O thread keeps for its requests.
pub struct Lane {
    app: Arc<App>,
    thread: usize,
    desk: LateDesk,
    spread: RefCell<Spread>,
    halls: Rc<Halls>,
    /// Where bodies are written before they leave; its memory stays.
    scratch: RefCell<Vec<u8>>,
    /// What bodies and request ids leave in: cut off piece by piece, so that few answers allocate.
    pool: RefCell<BytesMut>,
    request_ids: RequestIds,
    /// Tokens that this thread has verified.
    tokens: RefCell<TokenCache>,
    pressure: Pressure,
    /// Tells the time while there is no engine to ask.
    clock: SteadyClock,
}

/// Bytes that the pool grows by.
const POOL_BYTES: usize = 32 << 10;

/// The longest request id that is taken from a client, in bytes.
const REQUEST_ID_BYTES_MAX: usize = 128;

impl Lane {
    /// The lane of I/O thread number `thread`.
    pub fn new(app: Arc<App>, thread: usize, seed: [u8; 32]) -> Self {
        let mut token_key = [0; 16];
        token_key.copy_from_slice(&seed[16..]);
        let halls = Rc::new(Halls::new(Arc::clone(app.live()), Arc::clone(app.counts_of(thread))));
        // Several would only wait for the one that drives it.
        let desk = LateDesk::new(app.config().http.io_threads == 1);
        Self {
            app,
            thread,
            desk,
            spread: RefCell::new(Spread::new(seed)),
            halls,
            scratch: RefCell::default(),
            pool: RefCell::default(),
            request_ids: RequestIds::new(&seed),
            tokens: RefCell::new(TokenCache::new(token_key)),
            pressure: Pressure::new(std::time::Instant::now()),
            clock: SteadyClock::start(),
        }
    }

    /// What all lanes share.
    pub fn app(&self) -> &App {
        &self.app
    }

    /// Makes the memory of the rate limits on a thread that may wait. Nobody waits for it: it spares the first requests the time.
    pub(crate) fn prepare_limiter(&self) {
        let app = Arc::clone(&self.app);
        drop(tokio::task::spawn_blocking(move || app.limiter().prepare()));
    }

    /// This thread's counts.
    pub(crate) fn counts(&self) -> &Counts {
        self.app.counts_of(self.thread)
    }

    /// Notes what somebody was answered who asked for a coupon of `campaign`, for the report on fraud.
    pub(crate) fn note(&self, campaign: &Published, asked: &Asked<'_>, stamped_at: Timestamp, verdict: Verdict) {
        self.app.fraud().note(self.thread, campaign, asked, stamped_at, verdict);
    }

    /// The same for many who asked at once.
    pub(crate) fn note_all<'a>(
        &self,
        campaign: &Published,
        stamped_at: Timestamp,
        answered: impl Iterator<Item = (Asked<'a>, Verdict)>,
    ) {
        self.app.fraud().note_all(self.thread, campaign, stamped_at, answered);
    }

    /// Notes that this thread did so much later what it meant to do.
    pub(crate) fn note_lateness(&self, late: Duration) {
        self.pressure.note(std::time::Instant::now(), late);
    }

    /// Whether this thread has more to do than it gets done.
    pub(crate) fn is_strained(&self) -> bool {
        self.pressure.is_strained()
    }

    /// Whether so many of this thread's commands wait that newcomers are refused.
    pub(crate) fn is_crowded(&self, engine: &Engine) -> bool {
        let config = self.app.config();
        pressure::is_crowded(self.desk.get(engine).waiting(), config.shards.mailbox_commands, config.http.io_threads)
    }

    /// Whether there is room for `user`: where commands crowd the way to the shards, only if the campaign may have granted them
    /// something already.
    pub(crate) fn has_room(&self, opened: &Opened, campaign: &Published, user: &UserId) -> bool {
        !self.is_crowded(&opened.engine) || campaign.may_have_decided(user)
    }

    /// Refuses `user` where there is no room for them.
    pub(crate) fn has_room_for(&self, opened: &Opened, campaign: &Published, user: &UserId) -> Result<(), Problem> {
        if self.has_room(opened, campaign, user) { Ok(()) } else { Err(self.shed(Shed::Newcomer)) }
    }

    /// Counts a request that is refused for want of time or room, and is asked to come again.
    pub(crate) fn shed(&self, what: Shed) -> Problem {
        self.counts().shed(what);
        Problem::new(Code::Overloaded, "")
    }

    /// The tokens that this thread has verified.
    pub(crate) fn tokens(&self) -> RefMut<'_, TokenCache> {
        self.tokens.borrow_mut()
    }

    /// The present moment.
    pub(crate) fn now(&self) -> Timestamp {
        self.app.opened().map_or_else(|| self.clock.now(), |opened| opened.engine.clock().now())
    }

    /// Asks a shard. A refusal comes back as a problem.
    ///
    /// It is asked at once: the future holds no command, which is large.
    pub(crate) fn ask(
        &self,
        engine: &Engine,
        route: landrush_engine::router::Route,
        command: Command,
    ) -> impl Future<Output = Result<Outcome, Problem>> + use<'_> {
        let submitted = self.submit(engine, route, command);
        async move { self.heard(submitted?.await) }
    }

    /// Hands a command to a shard, without waiting for what comes of it.
    pub(crate) fn submit(
        &self,
        engine: &Engine,
        route: landrush_engine::router::Route,
        command: Command,
    ) -> Result<desk::Answer, Problem> {
        self.desk.get(engine).ask(route, command).map_err(super::rejected)
    }

    /// Lets the shards begin with what they were handed.
    pub(crate) fn ring(&self, engine: &Engine) {
        self.desk.get(engine).turn();
    }

    /// What came of a command. A refusal comes back as a problem.
    pub(crate) fn heard(&self, answer: Result<Outcome, Lost>) -> Result<Outcome, Problem> {
        // The log failed under it: it may have taken effect, which is what the code says.
        match answer.map_err(|_lost| Problem::new(Code::LogUnavailable, ""))? {
            Outcome::Refused(refusal) => Err(Problem::refused(refusal)),
            granted @ (Outcome::Won(_)
            | Outcome::Repeated(_)
            | Outcome::Arrived { .. }
            | Outcome::Registered { .. }
            | Outcome::Created(_)
            | Outcome::Campaign(_)
            | Outcome::Voided
            | Outcome::Archived
            | Outcome::Ranked
            | Outcome::CodesImported { .. }
            | Outcome::Claims { .. }
            | Outcome::Coupon(_)
            | Outcome::Redeemed(_)
            | Outcome::Redemption(_)) => Ok(granted),
        }
    }

    /// Tells all waiting requests that the log has failed.
    pub fn give_up(&self) {
        if let Some(desk) = self.desk.opened() {
            desk.give_up();
        }
    }

    /// A watcher of `campaign` who has seen `last`; `None` at the cap.
    pub(crate) fn watch(&self, engine: &Engine, campaign: &Arc<Published>, last: Option<Tag>) -> Option<Watcher> {
        let retry_ms = self.spread.borrow_mut().reconnect().milliseconds();
        self.halls.enter(engine, campaign, last, retry_ms)
    }

    /// Ends the streams of all watchers.
    pub fn end_watching(&self) {
        self.halls.close();
    }

    /// A body that `write` appends to a buffer.
    pub(crate) fn body(&self, write: impl FnOnce(&mut Vec<u8>)) -> Bytes {
        let mut scratch = self.scratch.borrow_mut();
        scratch.clear();
        write(&mut scratch);
        self.pooled(&scratch)
    }

    fn pooled(&self, bytes: &[u8]) -> Bytes {
        let mut pool = self.pool.borrow_mut();
        if pool.capacity() < bytes.len() {
            pool.reserve(bytes.len().max(POOL_BYTES));
        }
        pool.extend_from_slice(bytes);
        pool.split().freeze()
    }

    /// The response to a request that had `headers`, whose map is used again.
    pub(crate) fn respond(&self, answer: Result<Answer, Problem>, mut headers: HeaderMap) -> Response<ReplyBody> {
        let request_id = self.request_id(headers.get(X_REQUEST_ID));
        let traceparent = headers.remove(TRACEPARENT).filter(|value| value.len() <= REQUEST_ID_BYTES_MAX);
        let is_operator = self.is_refused_operator(&answer, &headers);
        headers.clear();
        headers.insert(X_REQUEST_ID, request_id);
        if let Some(traceparent) = traceparent {
            headers.insert(TRACEPARENT, traceparent);
        }
        let (status, body) = match answer {
            Ok(answer) => {
                if let Some(media_type) = answer.media_type {
                    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
                }
                for (name, value) in answer.headers {
                    headers.insert(name, HeaderValue::try_from(value).expect("our own headers are plain ASCII"));
                }
                (answer.status, answer.body)
            }
            Err(problem) => {
                if is_operator && let Some(reason) = problem.refused_by {
                    headers.insert(X_LANDRUSH_REFUSED_BY, HeaderValue::from_static(reason.name()));
                }
                (problem.code.status(), ReplyBody::whole(self.refuse(&problem, &mut headers)))
            }
        };
        self.counts().response(status);
        let mut response = Response::new(body);
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        response
    }

    /// Counts what the gate refuses, and says whether it was an operator who may know by what.
    fn is_refused_operator(&self, answer: &Result<Answer, Problem>, headers: &HeaderMap) -> bool {
        let Err(Problem { refused_by: Some(reason), .. }) = answer else { return false };
        self.counts().gate_refused(*reason);
        self.app().opened().is_some_and(|opened| admission::may_know_why(self, opened, headers))
    }

    /// When to come again after `problem`, spread out.
    pub(crate) fn retry(&self, problem: &Problem) -> Option<Retry> {
        self.spread.borrow_mut().retry(problem, self.now())
    }

    fn refuse(&self, problem: &Problem, headers: &mut HeaderMap) -> Bytes {
        let retry = self.retry(problem);
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(retry) = retry {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(retry.seconds()));
        }
        if let Some(allow) = problem.allow {
            headers.insert(header::ALLOW, HeaderValue::from_static(allow));
        }
        if problem.code.status() == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if problem.close {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        self.body(|out| problem.write(retry, out))
    }

    fn request_id(&self, given: Option<&HeaderValue>) -> HeaderValue {
        let sane = |value: &&HeaderValue| {
            (1..=REQUEST_ID_BYTES_MAX).contains(&value.len()) && value.as_bytes().iter().all(u8::is_ascii_graphic)
        };
        match given.filter(sane) {
            Some(given) => given.clone(),
            None => HeaderValue::from_maybe_shared(self.pooled(&self.request_ids.next())).expect("hexadecimal"),
        }
    }
}
