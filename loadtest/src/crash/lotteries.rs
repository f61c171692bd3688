//! The lotteries of the rounds, one after another: each is open for about two, so that its end, and the drawing, come between
//! or amid the kills; then everybody is asked, and asked again after kills to come.

use std::io;
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use indicatif::ProgressBar;
use jiff::{SignedDuration, Timestamp};
use rand_chacha::ChaCha8Rng;
use serde_json::json;

use crate::answer::is_passing;
use crate::api::Api;
use crate::ask::{Questions, ask};
use crate::lottery::{Fairness, Lottery, Told, read};
use crate::request::{ClaimTemplate, Kind, user_id};
use crate::response::Reply;
use crate::schedule::{below, unit};
use crate::violation::Violation;

/// A lottery is open for at least so many rounds.
const OPEN_ROUNDS_MIN: f64 = 1.5;
/// How many more rounds it may be open, by chance.
const OPEN_ROUNDS_SPREAD: f64 = 1.0;
/// How long a drawing may take once the server is ready.
const DRAWN_WITHIN: Duration = Duration::from_secs(10);
/// Share of the entries that come from somebody who has entered before.
const REPEAT_SHARE: f64 = 0.25;

/// All lotteries of a run, of which the last may be running.
#[derive(Debug, Default)]
pub(super) struct Lotteries {
    all: Vec<Raffle>,
}

#[derive(Debug)]
struct Raffle {
    lottery: Lottery,
    /// How many users have asked to enter.
    users: u64,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// It is open, or over and not judged.
    Running,
    /// It was judged in this life of the server.
    Judged,
    /// It was asked for again in another life.
    AskedAgain,
}

impl Lotteries {
    /// What was found wrong so far.
    pub(super) fn violations(&self) -> impl Iterator<Item = &Violation> {
        self.all.iter().flat_map(|raffle| raffle.lottery.violations())
    }

    /// How many were drawn and judged.
    pub(super) fn judged(&self) -> usize {
        self.all.iter().filter(|raffle| raffle.stage != Stage::Running).count()
    }

    /// How many were told to have entered any of them.
    pub(super) fn entries(&self) -> usize {
        self.all.iter().map(|raffle| raffle.lottery.users().len()).sum()
    }

    /// The one that is open, or over and not judged, by its place.
    pub(super) fn running(&self) -> Option<usize> {
        let last = self.all.last()?;
        (last.stage == Stage::Running).then(|| self.all.len() - 1)
    }

    /// How long it is until the end of the running one, if that is still to come.
    pub(super) fn until_end(&self) -> Option<Duration> {
        let ends_at = self.all[self.running()?].lottery.ends_at();
        Duration::try_from(ends_at.duration_since(Timestamp::now())).ok()
    }

    /// A lottery by its place.
    pub(super) fn lottery(&mut self, place: usize) -> &mut Lottery {
        &mut self.all[place].lottery
    }

    /// Somebody who enters the running one.
    pub(super) fn next_user(&mut self, place: usize, rng: &mut ChaCha8Rng) -> u64 {
        let users = &mut self.all[place].users;
        if *users > 0 && unit(rng) < REPEAT_SHARE {
            return below(rng, *users);
        }
        *users += 1;
        *users - 1
    }

    /// Opens another one, in rounds that take about as long as `round`.
    ///
    /// # Errors
    /// When the server refuses it, or shows no commitment.
    pub(super) fn open(&mut self, api: &mut Api, round: Duration, rng: &mut ChaCha8Rng) -> Result<()> {
        let id = format!("crash-lottery-{}", self.all.len());
        // By turns more entries than prizes, and more prizes than entries.
        let last = if self.all.len().is_multiple_of(2) { 20 } else { 1_000_000 };
        let prizes = [("gold", 1), ("silver", 10), ("bronze", last)];
        let now = Timestamp::now();
        let open = round.mul_f64(OPEN_ROUNDS_MIN + OPEN_ROUNDS_SPREAD * unit(rng));
        // To the millisecond, as it is spelt.
        let ends_at = Timestamp::from_millisecond(now.as_millisecond() + i64::try_from(open.as_millis())?)?;
        let coupon_types =
            prizes.map(|(id, units)| json!({"id": id, "name": id, "total_quota": units, "valid_for": "30d"}));
        api.create_campaign(&json!({
            "id": id, "name": id, "time_zone": "UTC", "mode": "lottery",
            "schedule": {
                "starts_at": format!("{:.3}", now - SignedDuration::from_hours(1)),
                "ends_at": format!("{ends_at:.3}"),
            },
            // There are many lotteries, and few enter each.
            "expected_claimants": 10_000,
            "coupon_types": coupon_types,
        }))?;
        let campaign = api.campaign(&id)?;
        let commitment = campaign["fairness"]["commitment"].as_str().context("a lottery without commitment")?;
        let prizes = prizes.map(|(id, units)| (id.to_owned(), units)).into();
        let lottery = Lottery::new(id, prizes, ends_at, commitment.to_owned());
        self.all.push(Raffle { lottery, users: 0, stage: Stage::Running });
        Ok(())
    }

    /// Asks for every entry of the running lottery again; judges it when it is over; asks for the results of the last one
    /// that was judged once more, or of all of them.
    ///
    /// # Errors
    /// When the server cannot be reached, or shows no lottery where there is one.
    pub(super) fn hold_to_account(&mut self, api: &mut Api, connections: usize, thorough: bool) -> Result<()> {
        let target = api.target();
        for raffle in &mut self.all {
            match raffle.stage {
                Stage::Running => raffle.judge(api, connections)?,
                Stage::Judged => {
                    again(&mut raffle.lottery, target, connections, How::LookUp)?;
                    raffle.stage = Stage::AskedAgain;
                }
                Stage::AskedAgain if thorough => again(&mut raffle.lottery, target, connections, How::LookUp)?,
                Stage::AskedAgain => {}
            }
        }
        Ok(())
    }
}

impl Raffle {
    fn judge(&mut self, api: &mut Api, connections: usize) -> Result<()> {
        let target = api.target();
        again(&mut self.lottery, target, connections, How::Enter)?;
        if Timestamp::now() < self.lottery.ends_at() {
            return Ok(());
        }
        let deadline = Instant::now() + DRAWN_WITHIN;
        let published = loop {
            if let Some(fairness) = Fairness::read(&api.campaign(self.lottery.campaign())?)? {
                break Some(fairness);
            }
            if Instant::now() >= deadline {
                break None;
            }
            thread::sleep(Duration::from_millis(10));
        };
        self.stage = Stage::Judged;
        let Some(published) = published else {
            self.lottery.not_drawn();
            return Ok(());
        };
        again(&mut self.lottery, target, connections, How::LookUp)?;
        if self.lottery.doubtful().is_empty() {
            self.lottery.judge(&published);
        }
        Ok(())
    }
}

/// How an entry is asked for again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    /// By entering again, which also settles what is in doubt.
    Enter,
    /// By looking it up.
    LookUp,
}

fn again(lottery: &mut Lottery, target: SocketAddr, connections: usize, how: How) -> io::Result<()> {
    let mut users = lottery.users();
    if how == How::Enter {
        users.extend(lottery.doubtful());
        users.sort_unstable();
        users.dedup();
    }
    let host = target.to_string();
    let template = ClaimTemplate::new(&host, lottery.campaign(), Kind::Entry, false);
    let sent = vec![Timestamp::UNIX_EPOCH; users.len()];
    let mut entries = Entries { lottery, users, sent, host, template, how };
    ask(target, connections, &mut entries, &ProgressBar::hidden())
}

struct Entries<'a> {
    lottery: &'a mut Lottery,
    users: Vec<u64>,
    sent: Vec<Timestamp>,
    host: String,
    template: ClaimTemplate,
    how: How,
}

impl Questions for Entries<'_> {
    fn count(&self) -> usize {
        self.users.len()
    }

    fn write(&mut self, place: usize, bytes: &mut Vec<u8>) {
        let user = self.users[place];
        self.sent[place] = Timestamp::now();
        match self.how {
            How::Enter => self.template.write(user, 0, bytes),
            How::LookUp => {
                let (campaign, user) = (self.lottery.campaign(), user_id(user));
                let line = format!("GET /v1/campaigns/{campaign}/entries/by-user/{user} HTTP/1.1\r\n");
                bytes.extend_from_slice(format!("{line}Host: {}\r\n\r\n", self.host).as_bytes());
            }
        }
    }

    fn answered(&mut self, place: usize, reply: &Reply<'_>) -> bool {
        let user = self.users[place];
        match read(reply, self.lottery, user) {
            Told::Entry(entry) => self.lottery.told(user, self.sent[place], entry),
            Told::Refused(code) if is_passing(&code) => return false,
            Told::Refused(code) => self.lottery.refused(user, Timestamp::now(), &code, true),
            Told::Strange(what) => self.lottery.strange(user, what),
        }
        self.lottery.settle(user);
        true
    }

    fn unanswered(&mut self, _: usize) {}

    fn given_up(&mut self, place: usize) {
        self.lottery.not_confirmed(self.users[place]);
    }
}

#[cfg(test)]
mod tests;
