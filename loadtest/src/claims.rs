//! The claims of a load run as an exchange: writes them, times them by outcome, and keeps what each user was told for
//! the oracle, which judges after the run so that judging costs the server nothing.

use std::borrow::Cow;
use std::time::{Duration, Instant};

use crate::answer::{self, Answer, Code, Decision, Strange};
use crate::client::Exchange;
use crate::oracle::{ClaimKey, Ledger, Rules};
use crate::recorder::Recorder;
use crate::request::{ClaimTemplate, Kind};
use crate::response::Reply;
use crate::workload::Workload;

/// A load on one campaign whose limit is one coupon a user.
#[derive(Debug)]
pub(crate) struct Claims {
    template: ClaimTemplate,
    rules: Rules,
    workload: Workload,
    requests_max: u64,
    asked: u64,
    recorder: Recorder,
    told: Vec<Told>,
    /// Whoever is told that the server is too busy asks again.
    retries: bool,
    /// Those who are to ask again.
    again: Vec<u64>,
    start: Instant,
    last_win: Option<Duration>,
}

/// What a user was told, where that matters to the oracle.
#[derive(Debug)]
enum Told {
    Decided(u64, Decision),
    Refused(u64, Cow<'static, str>),
    /// No answer, or one that says that it may have happened.
    Unknown(u64),
    Strange(u64, Strange),
}

impl Claims {
    /// Asks for coupons of the campaign under `rules` at `host`, at most `requests_max` times.
    pub(crate) fn new(host: &str, rules: Rules, workload: Workload, requests_max: u64) -> Self {
        let template = ClaimTemplate::new(host, &rules.campaign, rules.kind, false);
        Self {
            template,
            rules,
            workload,
            requests_max,
            asked: 0,
            recorder: Recorder::new(),
            told: Vec::new(),
            retries: false,
            again: Vec::new(),
            start: Instant::now(),
            last_win: None,
        }
    }

    /// Begins another load on the same campaign: latencies are recorded anew, what users were told stays. With `newcomers`, nobody
    /// new in it has asked before; without, the same people come again.
    pub(crate) fn begin(&mut self, workload: Workload, newcomers: bool, retries: bool) {
        let users = if newcomers { self.workload.users() } else { 0 };
        self.workload = workload.after(users);
        self.recorder = Recorder::new();
        self.retries = retries;
        self.again.clear();
        self.start = Instant::now();
        self.last_win = None;
    }

    /// Lets `user` ask next, once more or for the first time.
    pub(crate) fn ask_next(&mut self, user: u64) {
        self.again.push(user);
    }

    /// Whom the last answer gave a coupon, if it did.
    pub(crate) fn just_won(&self) -> Option<(u64, Code)> {
        match self.told.last() {
            Some(Told::Decided(user, decision)) if !decision.repeated => Some((*user, decision.code()?)),
            Some(Told::Decided(..) | Told::Refused(..) | Told::Unknown(_) | Told::Strange(..)) | None => None,
        }
    }

    /// How long after the beginning the last new win was told.
    pub(crate) fn last_win(&self) -> Option<Duration> {
        self.last_win
    }

    /// The latencies.
    pub(crate) fn recorder(&self) -> &Recorder {
        &self.recorder
    }

    /// How many distinct users asked.
    pub(crate) fn users(&self) -> u64 {
        self.workload.users()
    }

    /// Tells `ledger`, where the campaign has the place `campaign`, everything that users were told.
    pub(crate) fn tell(&mut self, ledger: &mut Ledger, campaign: u16) {
        let key = |user| ClaimKey { campaign, user, key: 0 };
        for told in self.told.drain(..) {
            match told {
                Told::Decided(user, decision) => ledger.decided(key(user), decision),
                Told::Refused(user, code) => ledger.refused(key(user), &code, false),
                Told::Unknown(user) => ledger.unknown(key(user)),
                Told::Strange(user, what) => ledger.strange(key(user), what),
            }
        }
    }
}

impl Exchange for Claims {
    fn request(&mut self, bytes: &mut Vec<u8>) -> Option<u64> {
        if self.asked == self.requests_max {
            return None;
        }
        self.asked += 1;
        let user = self.again.pop().unwrap_or_else(|| self.workload.next_user());
        self.template.write(user, 0, bytes);
        Some(user)
    }

    fn answered(&mut self, user: u64, latency: Duration, reply: &Reply<'_>) {
        match answer::read(reply, self.rules.asked(user)) {
            Answer::Decided(decision) => {
                let is_win = decision.coupon.is_some() && !decision.repeated;
                if is_win {
                    self.last_win = Some(self.start.elapsed());
                }
                let outcome = if is_win {
                    "won"
                } else if decision.repeated {
                    "repeated"
                } else {
                    "no_coupon"
                };
                self.recorder.record(outcome, latency);
                self.told.push(Told::Decided(user, decision));
            }
            Answer::Refused(code) => {
                self.recorder.record(&code, latency);
                match &*code {
                    // The two that a loaded server says again and again, kept without a copy each.
                    "sold_out" => self.told.push(Told::Refused(user, Cow::Borrowed("sold_out"))),
                    "overloaded" if self.retries => self.again.push(user),
                    "overloaded" => {}
                    "log_unavailable" => self.told.push(Told::Unknown(user)),
                    _ => self.told.push(Told::Refused(user, Cow::Owned(code.into_owned()))),
                }
            }
            Answer::Strange(what) => {
                self.recorder.record("strange", latency);
                self.told.push(Told::Strange(user, what));
            }
        }
    }

    fn unanswered(&mut self, user: u64, waited: Duration) {
        self.recorder.record("unanswered", waited);
        self.told.push(Told::Unknown(user));
    }

    fn unsent(&mut self, waited: Duration) {
        self.recorder.record("unsent", waited);
    }
}

/// Requests that all should be answered with one status, whatever the body says: for comparing servers.
#[derive(Debug)]
pub(crate) struct Bare {
    template: ClaimTemplate,
    expected: u16,
    users: u64,
    /// Answers with another status, and requests without an answer.
    pub(crate) wrong: u64,
    recorder: Recorder,
}

impl Bare {
    /// Claims on `campaign` at `host`, a new user each time.
    pub(crate) fn new(host: &str, campaign: &str, expected: u16) -> Self {
        let template = ClaimTemplate::new(host, campaign, Kind::Claim, false);
        Self { template, expected, users: 0, wrong: 0, recorder: Recorder::new() }
    }

    /// The latencies.
    pub(crate) fn recorder(&self) -> &Recorder {
        &self.recorder
    }

    /// How many users have asked, each once.
    pub(crate) fn users(&self) -> u64 {
        self.users
    }

    /// Starts the latencies anew, after warming up.
    pub(crate) fn forget_latencies(&mut self) {
        self.recorder = Recorder::new();
    }
}

impl Exchange for Bare {
    fn request(&mut self, bytes: &mut Vec<u8>) -> Option<u64> {
        self.users += 1;
        self.template.write(self.users, 0, bytes);
        Some(self.users)
    }

    fn answered(&mut self, _: u64, latency: Duration, reply: &Reply<'_>) {
        self.recorder.record("answered", latency);
        self.wrong += u64::from(reply.status != self.expected);
    }

    fn unanswered(&mut self, _: u64, _: Duration) {
        self.wrong += 1;
    }

    fn unsent(&mut self, _: Duration) {}
}
