//! A crowd in a waiting room: people come before the opening, see by what all share how far the room is, claim when they are let in,
//! and leave when they are told that all is gone. Some try to claim before, which must not help them.
//!
//! What all share may be cached for a second, as by the shop's proxy: one look serves everybody, whoever waits.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Result, ensure};
use jiff::{SignedDuration, Timestamp};
use rand_chacha::ChaCha8Rng;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::answer::{self, Answer, Decision, Strange};
use crate::api::Api;
use crate::claims::Returned;
use crate::cli::Rehearse;
use crate::client::{Exchange, drive};
use crate::departures::Pace;
use crate::hlog::{self, Interval};
use crate::load::{self, Own, progress};
use crate::oracle::{ClaimKey, Ledger, Rules};
use crate::recorder::Recorder;
use crate::rehearsal::file::File;
use crate::report::{Report, claimant_bytes, claimant_line, verdict, verdict_json, write_json};
use crate::request::{ClaimTemplate, user_id};
use crate::response::Reply;
use crate::schedule::{Arrivals, Schedule, Stream, seeded, unit};
use crate::server::ADMIN_KEY;

/// How long what all share may be kept.
const LOOKED_AT_EVERY: Duration = Duration::from_secs(1);
/// Within this time of the opening everybody asks for the position that they were dealt.
const PLACES_WITHIN: Duration = Duration::from_secs(1);
/// Whoever sees that they are let in claims within this time.
const CLAIMS_WITHIN: Duration = Duration::from_millis(500);
/// How often one person asks for anything at most, so that a run ends.
const TRIES_MAX: u8 = 30;
/// One person in so many claims without waiting.
const IMPATIENT_EVERY: usize = 50;
/// Longer than the coupons would take at the pace of admission by this, nobody waits.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a scenario's file says of a waiting room.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Room {
    /// How many come.
    pub(super) people: u64,
    /// How many of them a second, from the creation of the campaign on.
    join_rate: f64,
    /// How many are let in a second.
    admit_per_second: u32,
}

impl Room {
    /// Refuses what could not be run.
    pub(super) fn check(self) -> Result<()> {
        ensure!((1..=10_000_000).contains(&self.people), "people: 1 to 10,000,000");
        ensure!(self.join_rate > 0.0 && self.join_rate <= 1e6, "join_rate: above 0, at most 1,000,000");
        ensure!(self.admit_per_second > 0, "admit_per_second: at least 1");
        Ok(())
    }
}

/// Plays the scenario and prints what came of it; says whether the server kept its promises.
///
/// # Errors
/// When no server can be started, or it refuses the campaign.
pub(super) fn run(options: &Rehearse, file: &File, room: Room) -> Result<bool> {
    ensure!(options.processes == 1, "a waiting room is played by one process");
    let own = Own::start(&options.server)?;
    own.server.blame(play(&own, options, file, room))
}

fn play(own: &Own, options: &Rehearse, file: &File, room: Room) -> Result<bool> {
    let mut api = Api::new(own.address, ADMIN_KEY);
    let scenario = file.scenario();
    let opens = Timestamp::now() + SignedDuration::from_millis(file.opens_in_ms.into());
    let mut body = super::body(&scenario, file, opens);
    body["protection"] = json!({"waiting_room":
        {"admit_per_second": room.admit_per_second, "opens_before": "1h", "admitted_for": "10m"}});
    api.create_campaign(&body)?;
    let before = own.used()?;
    let rules = scenario.rules();
    let quota: u64 = rules.total_quota.iter().sum();
    let length = Duration::from_secs_f64(room.people as f64 / room.join_rate);
    let pace = Pace::Open(Box::new(Schedule::new(room.join_rate, Arrivals::Poisson, length, file.seed)));
    let until_opening = Duration::try_from(opens.duration_since(Timestamp::now())).unwrap_or_default();
    let longest = length.max(until_opening) + Duration::from_secs(quota / u64::from(room.admit_per_second)) + PATIENCE;
    let mut visitors = Visitors::new(own, file, rules.clone(), until_opening, longest);
    let bar = progress(u64::MAX, "answers");
    let began = SystemTime::now();
    let driven = drive(own.address, file.connections, pace, &mut visitors, &bar)?;
    bar.finish_and_clear();
    let mut ledger = Ledger::default();
    ledger.add(rules);
    let found = visitors.finish(&mut ledger);
    let report = Report {
        workload: format!(
            "{} people wait for {quota} coupons, {} are let in a second",
            found.came, room.admit_per_second
        ),
        offered: None,
        driven,
        recorder: visitors.recorder.clone(),
        users: found.came,
        used: Some(own.used()?.since(before)),
        sold_out_after: found.sold_out_after,
        returned: Returned::default(),
    };
    let claimant_bytes = claimant_bytes(report.used, report.users);
    println!("\n{}{}{}", report.text(), found.text(), claimant_line(claimant_bytes, report.users));
    load::judge(own.address, file.connections.into(), &mut api, &mut ledger, file.seed)?;
    print!("{} wins, each asked for again\n{}", ledger.wins(), verdict(ledger.violations()));
    if let Some(path) = &options.json {
        let mut document = report.json();
        document["scenario"] = file.name.clone().into();
        document["seed"] = file.seed.into();
        document["scale"] = options.scale.into();
        document["connections"] = file.connections.into();
        document["processes"] = options.processes.into();
        document["claimants"] = report.users.into();
        document["memory_bytes_per_claimant"] = claimant_bytes.into();
        document["waiting_room"] = found.json();
        document["oracle"] = verdict_json(&ledger);
        write_json(path, &document)?;
    }
    if let Some(path) = &options.hlog {
        let whole =
            Interval { name: "room", start: Duration::ZERO, length: driven.elapsed, recorder: &report.recorder };
        hlog::write(path, began, &[whole])?;
    }
    Ok(ledger.violations().is_empty() && found.is_sound())
}

/// What became of the crowd.
#[derive(Clone, Copy, Debug, Default)]
struct Found {
    came: u64,
    won: u64,
    /// People who saw by what all share that nothing is left, and did not ask.
    told_without_asking: u64,
    /// People who were let in and were told by the claim that nothing is left.
    told_by_claim: u64,
    /// Claims of people who had not been let in, all of which were refused.
    refused_early: u64,
    /// People who won and had not been let in.
    won_early: u64,
    /// People who neither won nor were told why not.
    left_waiting: u64,
    /// From the opening to the last win, if nothing is left.
    sold_out_after: Option<Duration>,
}

impl Found {
    fn is_sound(&self) -> bool {
        self.won_early == 0 && self.left_waiting == 0 && self.won > 0
    }

    fn text(&self) -> String {
        let Self { came, won, told_without_asking, told_by_claim, refused_early, won_early, left_waiting, .. } = self;
        format!(
            "{came} came, {won} won; told that all is gone: {told_without_asking} without asking, {told_by_claim} by their claim\n\
             claims before being let in: {refused_early} refused, {won_early} won; left waiting: {left_waiting}\n\
             sold out: counted from the opening\n"
        )
    }

    fn json(&self) -> Value {
        json!({
            "came": self.came,
            "won": self.won,
            "told_without_asking": self.told_without_asking,
            "told_by_claim": self.told_by_claim,
            "refused_early": self.refused_early,
            "won_early": self.won_early,
            "left_waiting": self.left_waiting,
        })
    }
}

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Ask {
    Join,
    /// What all share.
    Look,
    /// One's own place.
    Place,
    Claim,
    /// A claim without having been let in.
    ClaimEarly,
}

#[derive(Clone, Debug, Default)]
struct Person {
    ticket: Option<String>,
    position: Option<u32>,
    tries: u8,
    state: State,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Waits,
    Claims,
    Won,
    Told,
}

#[derive(Deserialize)]
struct Shown {
    state: String,
    now_serving: Option<u32>,
    position: Option<u32>,
    ticket: Option<String>,
}

struct Visitors {
    host: String,
    rules: Rules,
    join: ClaimTemplate,
    people: Vec<Person>,
    people_max: u64,
    /// Who asks for what next, and when.
    plans: BinaryHeap<Reverse<(Instant, usize, Ask)>>,
    /// What was sent, by ticket.
    sent: Vec<(usize, Ask)>,
    start: Instant,
    until_opening: Duration,
    longest: Duration,
    /// The last position that was seen to be let in.
    now_serving: u32,
    is_gone: bool,
    last_win: Option<Instant>,
    /// Who has won since the last look, which is to say that they had been let in.
    news: Vec<usize>,
    found: Found,
    told: Vec<(u64, Heard)>,
    recorder: Recorder,
    rng: ChaCha8Rng,
}

/// What the oracle is told of a claim.
enum Heard {
    Decided(Decision),
    Refused(String),
    Unknown,
    Strange(Strange),
}

impl Visitors {
    fn new(own: &Own, file: &File, rules: Rules, until_opening: Duration, longest: Duration) -> Self {
        let host = own.address.to_string();
        Self {
            join: ClaimTemplate::waiting_room(&host, &rules.campaign),
            host,
            rules,
            people: Vec::new(),
            people_max: file.waiting_room.map_or(0, |room| room.people),
            plans: BinaryHeap::new(),
            sent: Vec::new(),
            start: Instant::now(),
            until_opening,
            longest,
            now_serving: 0,
            is_gone: false,
            last_win: None,
            news: Vec::new(),
            found: Found::default(),
            told: Vec::new(),
            recorder: Recorder::new(),
            rng: seeded(file.seed, Stream::Workload),
        }
    }

    fn plan(&mut self, person: usize, ask: Ask, from: Instant, within: Duration) {
        let at = from + within.mul_f64(unit(&mut self.rng));
        self.plans.push(Reverse((at, person, ask)));
    }

    /// Plans the same once more, unless it was asked often enough.
    fn again(&mut self, person: usize, ask: Ask, after: Option<Duration>) {
        let tries = &mut self.people[person].tries;
        *tries += 1;
        if *tries < TRIES_MAX {
            self.plan(person, ask, Instant::now() + after.unwrap_or(PLACES_WITHIN / 2), PLACES_WITHIN);
        }
    }

    fn write(&mut self, person: usize, ask: Ask, bytes: &mut Vec<u8>) -> Option<u64> {
        let (host, campaign) = (&self.host, &self.rules.campaign);
        let number = u64::try_from(person).ok()?;
        let ticket = || {
            let ticket = self.people[person].ticket.as_deref().unwrap_or_default();
            format!("X-Landrush-Ticket: {ticket}\r\n")
        };
        match ask {
            Ask::Join => self.join.write(number, 0, bytes),
            Ask::Look | Ask::Place => {
                let ticket = if ask == Ask::Place { ticket() } else { String::new() };
                let line =
                    format!("GET /v1/campaigns/{campaign}/waiting-room HTTP/1.1\r\nHost: {host}\r\n{ticket}\r\n");
                bytes.extend_from_slice(line.as_bytes());
            }
            Ask::Claim | Ask::ClaimEarly => {
                let body = format!("{{\"user_id\":\"{}\"}}", user_id(number));
                let head = format!("POST /v1/campaigns/{campaign}/claims HTTP/1.1\r\nHost: {host}\r\n{}", ticket());
                let head = format!("{head}Content-Type: application/json\r\nContent-Length: {}\r\n\r\n", body.len());
                bytes.extend_from_slice((head + &body).as_bytes());
            }
        }
        self.sent.push((person, ask));
        u64::try_from(self.sent.len() - 1).ok()
    }

    fn opening(&self) -> Instant {
        self.start + self.until_opening
    }

    /// Takes a place that somebody was told when they came, or later when they asked for it.
    fn placed(&mut self, person: usize, ask: Ask, shown: Shown) {
        let from = self.opening().max(Instant::now());
        let known = &mut self.people[person];
        known.ticket = shown.ticket.or(known.ticket.take());
        known.position = shown.position.or(known.position);
        if known.position.is_some() {
            self.see(person);
        } else if ask == Ask::Join {
            self.plan(person, Ask::Place, from, PLACES_WITHIN);
        } else {
            self.again(person, Ask::Place, None);
        }
        let waits = self.people[person].state == State::Waits;
        if ask == Ask::Join && waits && person.is_multiple_of(IMPATIENT_EVERY) {
            self.plan(person, Ask::ClaimEarly, from, Duration::from_millis(1));
        }
    }

    /// Lets somebody see what all share: they go, claim, or go on waiting.
    fn see(&mut self, person: usize) {
        let known = &mut self.people[person];
        if known.state != State::Waits {
            return;
        }
        if known.position.is_some_and(|position| position <= self.now_serving) {
            known.state = State::Claims;
            self.plan(person, Ask::Claim, Instant::now(), CLAIMS_WITHIN);
        } else if self.is_gone {
            known.state = State::Told;
            self.found.told_without_asking += 1;
        }
    }

    fn looked(&mut self, shown: &Shown) {
        self.now_serving = self.now_serving.max(shown.now_serving.unwrap_or_default());
        for winner in self.news.drain(..) {
            let position = self.people[winner].position;
            self.found.won_early += u64::from(position.is_none_or(|position| position > self.now_serving));
        }
        self.is_gone = matches!(shown.state.as_str(), "sold_out" | "over");
        for person in 0..self.people.len() {
            self.see(person);
        }
    }

    fn claimed(&mut self, person: usize, ask: Ask, latency: Duration, reply: &Reply<'_>) {
        let user = u64::try_from(person).expect("a place in memory");
        match answer::read(reply, self.rules.asked(user)) {
            Answer::Decided(decision) => {
                self.recorder.record(if decision.repeated { "repeated" } else { "won" }, latency);
                if !decision.repeated {
                    self.found.won += 1;
                    self.last_win = Some(Instant::now());
                    self.news.push(person);
                }
                self.people[person].state = State::Won;
                self.told.push((user, Heard::Decided(decision)));
            }
            Answer::Refused(code) => {
                self.recorder.record(&code, latency);
                match (ask, &*code) {
                    (Ask::ClaimEarly, "ticket_required" | "not_open") => self.found.refused_early += 1,
                    // Nothing is left, whoever asks.
                    (_, "sold_out") => {
                        self.people[person].state = State::Told;
                        self.found.told_by_claim += 1;
                        self.told.push((user, Heard::Refused("sold_out".into())));
                    }
                    (Ask::ClaimEarly, code) if answer::is_passing(code) => {}
                    (_, code) if answer::is_passing(code) => self.again(person, ask, answer::retry_after(reply)),
                    (_, code) => self.told.push((user, Heard::Refused(code.to_owned()))),
                }
            }
            Answer::Strange(what) => {
                self.recorder.record("strange", latency);
                self.told.push((user, Heard::Strange(what)));
            }
        }
    }

    /// Tells `ledger` what everybody was told, and says what became of them.
    fn finish(&mut self, ledger: &mut Ledger) -> Found {
        for (user, heard) in self.told.drain(..) {
            let key = ClaimKey { campaign: 0, user, key: 0 };
            match heard {
                Heard::Decided(decision) => ledger.decided(key, decision),
                Heard::Refused(code) => ledger.refused(key, &code, false),
                Heard::Unknown => ledger.unknown(key),
                Heard::Strange(what) => ledger.strange(key, what),
            }
        }
        let count =
            |is: &dyn Fn(&&Person) -> bool| u64::try_from(self.people.iter().filter(is).count()).unwrap_or(u64::MAX);
        let quota: u64 = self.rules.total_quota.iter().sum();
        let opening = self.opening();
        Found {
            came: count(&|person| person.ticket.is_some()),
            // Nobody has said of these that they were let in.
            won_early: self.found.won_early + u64::try_from(self.news.len()).unwrap_or(u64::MAX),
            left_waiting: count(&|person| matches!(person.state, State::Waits | State::Claims)),
            sold_out_after: self
                .last_win
                .filter(|_| self.found.won >= quota)
                .map(|at| at.saturating_duration_since(opening)),
            ..self.found
        }
    }
}

impl Exchange for Visitors {
    fn begins(&mut self, start: Instant) {
        // Connections were made meanwhile.
        self.until_opening = self.until_opening.saturating_sub(start.duration_since(self.start));
        self.start = start;
        let first = self.opening();
        self.plans.push(Reverse((first, 0, Ask::Look)));
    }

    fn request(&mut self, bytes: &mut Vec<u8>) -> Option<u64> {
        let person = self.people.len();
        if u64::try_from(person).ok()? == self.people_max {
            return None;
        }
        self.people.push(Person::default());
        self.write(person, Ask::Join, bytes)
    }

    fn returning(&self) -> Option<Instant> {
        self.plans.peek().map(|Reverse((at, _, _))| *at)
    }

    fn request_again(&mut self, bytes: &mut Vec<u8>) -> Option<u64> {
        let Reverse((_, person, ask)) = self.plans.pop()?;
        self.write(person, ask, bytes)
    }

    fn answered(&mut self, ticket: u64, latency: Duration, reply: &Reply<'_>) {
        let (person, ask) = self.sent[usize::try_from(ticket).expect("a place in memory")];
        if matches!(ask, Ask::Claim | Ask::ClaimEarly) {
            return self.claimed(person, ask, latency, reply);
        }
        let shown = serde_json::from_slice::<Shown>(reply.body).ok().filter(|_| matches!(reply.status, 200 | 201));
        let name = match ask {
            Ask::Join => "joined",
            Ask::Look => "looked",
            Ask::Place | Ask::Claim | Ask::ClaimEarly => "place",
        };
        self.recorder.record(if shown.is_some() { name } else { "failed" }, latency);
        if ask == Ask::Look {
            if let Some(shown) = &shown {
                self.looked(shown);
            }
            // The last look tells everybody who still waits that nothing is left.
            let waits = self.people.iter().any(|person| matches!(person.state, State::Waits | State::Claims));
            if (waits || !self.news.is_empty()) && self.start.elapsed() < self.longest {
                self.plans.push(Reverse((Instant::now() + LOOKED_AT_EVERY, 0, Ask::Look)));
            }
            return;
        }
        match shown {
            Some(shown) => self.placed(person, ask, shown),
            None => self.again(person, ask, answer::retry_after(reply)),
        }
    }

    fn unanswered(&mut self, ticket: u64, waited: Duration) {
        self.recorder.record("unanswered", waited);
        let (person, ask) = self.sent[usize::try_from(ticket).expect("a place in memory")];
        if matches!(ask, Ask::Claim | Ask::ClaimEarly) {
            self.told.push((u64::try_from(person).expect("a place in memory"), Heard::Unknown));
        }
    }

    fn unsent(&mut self, waited: Duration) {
        self.recorder.record("unsent", waited);
    }
}
