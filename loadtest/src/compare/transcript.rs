//! What every user was told in a run, word for word, to be judged after it. Whoever answers, keeping an answer costs the generator
//! the same: a copy of its bytes. Reading them costs nothing while somebody is measured.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::answer::{self, Answer, Code, Coupon, Decision, Strange};
use crate::client::Exchange;
use crate::oracle::{ClaimKey, Ledger};
use crate::recorder::Recorder;
use crate::request::ClaimTemplate;
use crate::response::{Parser, Reply};

/// The slices in which throughput over time is counted.
pub(crate) const SLICE: Duration = Duration::from_millis(100);

/// How a contender words its answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wording {
    /// The same for everybody.
    Constant,
    /// The contract's.
    Contract,
    /// `won CODE`, `repeated CODE`, `sold_out`.
    Plain,
}

impl Wording {
    fn outcome(self, reply: &Reply<'_>) -> &'static str {
        match (self, reply.status) {
            (Self::Constant, 200) => "answered",
            (Self::Contract, 201) => "won",
            (Self::Contract, 200) => "repeated",
            (Self::Contract, 400..500) => "refused",
            (Self::Plain, 200) => match reply.body.first() {
                Some(b'w') => "won",
                Some(b'r') => "repeated",
                Some(b's') => "refused",
                Some(_) | None => "failed",
            },
            (Self::Constant | Self::Contract | Self::Plain, _) => "failed",
        }
    }
}

/// One answer: its bytes are the next `length` of all that was said.
#[derive(Clone, Copy, Debug)]
struct Noted {
    user: u64,
    length: u32,
    status: u16,
}

/// A load of new users on one campaign of one contender.
pub(crate) struct Transcript {
    template: ClaimTemplate,
    parser: Parser,
    wording: Wording,
    users: u64,
    said: Vec<u8>,
    noted: Vec<Noted>,
    unknown: Vec<u64>,
    recorder: Recorder,
    start: Instant,
    slices: Vec<u64>,
    won: u64,
    last_win: Duration,
}

impl Transcript {
    /// Asks with `template`; answers are told apart by `parser` and worded as `wording` says.
    pub(crate) fn new(template: ClaimTemplate, parser: Parser, wording: Wording) -> Self {
        Self {
            template,
            parser,
            wording,
            users: 0,
            said: Vec::new(),
            noted: Vec::new(),
            unknown: Vec::new(),
            recorder: Recorder::new(),
            start: Instant::now(),
            slices: Vec::new(),
            won: 0,
            last_win: Duration::ZERO,
        }
    }

    /// Begins a measurement: what was told before stays, latencies are counted anew, and times from when the first request may leave.
    pub(crate) fn begin(&mut self) {
        self.recorder = Recorder::new();
        self.slices.clear();
    }

    /// Latencies since the beginning.
    pub(crate) fn recorder(&self) -> &Recorder {
        &self.recorder
    }

    /// Answers in each slice since the first request could leave.
    pub(crate) fn slices(&self) -> &[u64] {
        &self.slices
    }

    /// How many have won, and how long after the first request could leave the last of them was told.
    pub(crate) fn wins(&self) -> (u64, Duration) {
        (self.won, self.last_win)
    }

    /// How many users have asked, numbered from one.
    pub(crate) fn users(&self) -> u64 {
        self.users
    }

    /// Takes note that the users up to `users` have been asked for elsewhere.
    pub(crate) fn have_asked(&mut self, users: u64) {
        self.users = users;
    }

    fn next_user(&mut self) -> u64 {
        self.users += 1;
        self.users
    }

    /// Keeps the answer to `user`, which was there `at` that moment.
    pub(crate) fn note(&mut self, user: u64, at: Instant, latency: Duration, reply: &Reply<'_>) {
        let outcome = self.wording.outcome(reply);
        self.recorder.record(outcome, latency);
        let after = at.saturating_duration_since(self.start);
        if outcome == "won" {
            self.won += 1;
            self.last_win = after;
        }
        let slice = usize::try_from(after.as_millis() / SLICE.as_millis()).expect("a run of less than an age");
        if slice >= self.slices.len() {
            self.slices.resize(slice + 1, 0);
        }
        self.slices[slice] += 1;
        if self.wording != Wording::Constant {
            self.said.extend_from_slice(reply.body);
            let length = u32::try_from(reply.body.len()).expect("an answer is at most 8 KiB");
            self.noted.push(Noted { user, length, status: reply.status });
        }
    }

    /// Tells `ledger`, where the campaign has the place `campaign`, everything that users were told. Returns how many refusals and
    /// failures there were of each code.
    pub(crate) fn tell(&self, ledger: &mut Ledger, campaign: u16) -> BTreeMap<String, u64> {
        let mut refusals = BTreeMap::new();
        let mut rest = self.said.as_slice();
        for noted in &self.noted {
            let length = usize::try_from(noted.length).expect("an answer is at most 8 KiB");
            let (body, after) = rest.split_at(length);
            rest = after;
            let reply = Reply { status: noted.status, body, closes: false, taken: length };
            let key = ClaimKey { campaign, user: noted.user, key: 0 };
            let answer = match self.wording {
                Wording::Plain => plain(&reply),
                Wording::Constant | Wording::Contract => answer::read(&reply, ledger.rules(campaign).asked(noted.user)),
            };
            match answer {
                Answer::Decided(decision) => ledger.decided(key, decision),
                Answer::Refused(code) => {
                    ledger.refused(key, &code, false);
                    *refusals.entry(code.into_owned()).or_default() += 1;
                }
                Answer::Strange(what) => {
                    ledger.strange(key, what);
                    *refusals.entry(format!("status {}", noted.status)).or_default() += 1;
                }
            }
        }
        assert!(rest.is_empty(), "every byte belongs to an answer");
        for user in &self.unknown {
            ledger.unknown(ClaimKey { campaign, user: *user, key: 0 });
        }
        if !self.unknown.is_empty() {
            refusals.insert("no answer".into(), u64::try_from(self.unknown.len()).unwrap_or(u64::MAX));
        }
        refusals
    }
}

impl Exchange for Transcript {
    fn parser(&self) -> Parser {
        self.parser
    }

    /// Connections are there by then: making them is no part of what is timed.
    fn begins(&mut self, start: Instant) {
        self.start = start;
    }

    fn request(&mut self, bytes: &mut Vec<u8>) -> Option<u64> {
        let user = self.next_user();
        self.template.write(user, 0, bytes);
        Some(user)
    }

    fn answered(&mut self, user: u64, latency: Duration, reply: &Reply<'_>) {
        self.note(user, Instant::now(), latency, reply);
    }

    fn unanswered(&mut self, user: u64, waited: Duration) {
        self.recorder.record("unanswered", waited);
        self.unknown.push(user);
    }

    fn unsent(&mut self, waited: Duration) {
        self.recorder.record("unsent", waited);
    }
}

/// What a claim came to that Redis or PostgreSQL gave a code.
pub(crate) fn decision(code: Code, repeated: bool) -> Decision {
    Decision { coupon: Some(Coupon { code, coupon_type: 0 }), sampled: None, day: 0, fingerprint: 0, repeated }
}

fn plain<'a>(reply: &Reply<'a>) -> Answer<'a> {
    let Some(text) = std::str::from_utf8(reply.body).ok().filter(|_| reply.status == 200) else {
        return Answer::Strange(Strange::Status(reply.status));
    };
    let code = |text| Code::parse(text).ok_or(Strange::Form);
    match text.split_once(' ') {
        Some(("won", text)) => code(text).map_or_else(Answer::Strange, |code| Answer::Decided(decision(code, false))),
        Some(("repeated", text)) => {
            code(text).map_or_else(Answer::Strange, |code| Answer::Decided(decision(code, true)))
        }
        None if text == "sold_out" => Answer::Refused(text.into()),
        Some(_) | None => Answer::Strange(Strange::Body(reply.status)),
    }
}

#[cfg(test)]
mod tests;
