//! The claims of a load run as an exchange: writes them, times them by outcome, and keeps what each user was told for
//! the oracle, which judges after the run so that judging costs the server nothing.

mod bare;
mod returning;
mod timeline;
mod told;

use std::borrow::Cow;
use std::mem;
use std::time::{Duration, Instant};

use crate::answer::{self, Answer, Code};
pub(crate) use crate::claims::bare::Bare;
use crate::claims::returning::Returning;
pub(crate) use crate::claims::returning::{Manners, Returned};
pub(crate) use crate::claims::timeline::Timeline;
pub(crate) use crate::claims::told::{Heard, Told};
use crate::client::Exchange;
use crate::oracle::{ClaimKey, Ledger, Rules};
use crate::recorder::Recorder;
use crate::request::ClaimTemplate;
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
    /// Those who were told to come again, and have yet to do so.
    returning: Returning,
    /// Latencies by time, where somebody wants to see them.
    timeline: Option<Timeline>,
    /// Those who are to ask next, whoever would.
    again: Vec<u64>,
    start: Instant,
    /// When the campaign opens, where that is known.
    opens: Option<Instant>,
    last_win: Option<Duration>,
    /// New wins since the campaign began, over all loads.
    wins: u64,
    /// Distinct users who asked in earlier loads, or in other processes.
    users: u64,
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
            returning: Returning::new(Manners::Never),
            timeline: None,
            again: Vec::new(),
            start: Instant::now(),
            opens: None,
            last_win: None,
            wins: 0,
            users: 0,
        }
    }

    /// Begins another load on the same campaign: latencies are recorded anew, what users were told stays.
    pub(crate) fn begin(&mut self, workload: Workload, manners: Manners) {
        self.users = self.users();
        self.workload = workload;
        self.recorder = Recorder::new();
        self.returning = Returning::new(manners);
        self.again.clear();
        self.last_win = None;
    }

    /// Takes note of when the campaign opens: who asks before that is too early.
    pub(crate) fn opens_at(&mut self, opens: Instant) {
        self.opens = Some(opens);
    }

    /// Counts latencies by time from here on, in parts of `part` each.
    pub(crate) fn keep_time(&mut self, part: Duration) {
        self.timeline = Some(Timeline::new(part));
    }

    /// What was counted by time.
    pub(crate) fn take_timeline(&mut self) -> Option<Timeline> {
        self.timeline.take()
    }

    /// Who came again in this load, and how often.
    pub(crate) fn returned(&self) -> Returned {
        self.returning.returned()
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

    /// Hands over what this load was told.
    pub(crate) fn hand_over(&mut self) -> Heard {
        Heard {
            recorder: mem::replace(&mut self.recorder, Recorder::new()),
            told: mem::take(&mut self.told),
            wins: mem::take(&mut self.wins),
            last_win: self.last_win.take(),
            returned: self.returned(),
            users: self.users(),
        }
    }

    /// Takes what a part of this load was told, but for its users, of whom [`Claims::count_users`] tells.
    pub(crate) fn take(&mut self, heard: Heard) {
        self.recorder.add(&heard.recorder);
        self.told.extend(heard.told);
        self.wins += heard.wins;
        self.returning.add(heard.returned);
        self.last_win = self.last_win.max(heard.last_win);
    }

    /// How many distinct users have asked by the end of this load, of those that this process asks for.
    pub(crate) fn asked_in_load(&self) -> u64 {
        self.workload.users()
    }

    /// Takes note that `users` distinct users have asked by now.
    pub(crate) fn count_users(&mut self, users: u64) {
        self.users = self.users.max(users);
    }

    /// How long after the opening, or the beginning of the load where that came later, the last coupon was given out, if none was
    /// left then.
    pub(crate) fn sold_out_after(&self) -> Option<Duration> {
        let last_win = self.last_win.filter(|_| self.wins >= self.rules.total_quota.iter().sum())?;
        let early = self.opens.map_or(Duration::ZERO, |opens| opens.saturating_duration_since(self.start));
        Some(last_win.saturating_sub(early))
    }

    /// The latencies.
    pub(crate) fn recorder(&self) -> &Recorder {
        &self.recorder
    }

    /// How many distinct users have asked, over all loads.
    pub(crate) fn users(&self) -> u64 {
        self.users.max(self.workload.users())
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
    fn begins(&mut self, start: Instant) {
        self.start = start;
    }

    fn request(&mut self, bytes: &mut Vec<u8>) -> Option<u64> {
        if self.asked == self.requests_max {
            return None;
        }
        self.asked += 1;
        let user = self.again.pop().unwrap_or_else(|| self.workload.next_user());
        self.template.write(user, 0, bytes);
        Some(user)
    }

    fn returning(&self) -> Option<Instant> {
        self.returning.next_at()
    }

    fn request_again(&mut self, bytes: &mut Vec<u8>) -> Option<u64> {
        let user = self.returning.next()?;
        self.template.write(user, 0, bytes);
        Some(user)
    }

    fn answered(&mut self, user: u64, latency: Duration, reply: &Reply<'_>) {
        if let Some(timeline) = &mut self.timeline {
            timeline.record(self.start.elapsed(), latency);
        }
        match answer::read(reply, self.rules.asked(user)) {
            Answer::Decided(decision) => {
                let is_win = decision.coupon.is_some() && !decision.repeated;
                if is_win {
                    self.last_win = Some(self.start.elapsed());
                    self.wins += 1;
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
                let comes_again = Returning::is_asked_back(reply.status, &code)
                    && self.returning.turned_away(user, answer::retry_after(reply), Instant::now());
                match &*code {
                    // The two that a loaded server says again and again, kept without a copy each.
                    "sold_out" => self.told.push(Told::Refused(user, Cow::Borrowed("sold_out"))),
                    "overloaded" => {}
                    "log_unavailable" => self.told.push(Told::Unknown(user)),
                    _ if comes_again => {}
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
