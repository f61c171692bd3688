//! What everybody was told in all rounds, and holding a server that is back to it: claims and draws, lotteries, and the
//! checkout, each by its own oracle.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Result;
use indicatif::ProgressBar;
use jiff::Timestamp;
use rand_chacha::ChaCha8Rng;

use crate::answer::{Code, is_passing};
use crate::api::Api;
use crate::ask::{Questions, ask};
use crate::checkout::{Step, Till, Told, When, read, write};
use crate::confirm::confirm;
use crate::crash::campaigns::openings;
use crate::crash::checkout::Checkout;
use crate::crash::lotteries::Lotteries;
use crate::crash::registrations::Registrations;
use crate::crash::rooms::Rooms;
use crate::crash::traffic::Crowd;
use crate::load::compare;
use crate::oracle::{ClaimKey, Ledger};
use crate::response::Reply;
use crate::schedule::below;
use crate::server::ADMIN_KEY;
use crate::violation::Violation;

/// Older wins that are asked for again after each restart.
const SAMPLE: u64 = 500;
/// Coupons at the checkout that are looked at after each restart, beside those with news.
const LOOKS: u64 = 100;

/// All that is known.
#[derive(Debug, Default)]
pub(super) struct Accounts {
    /// Claims and draws.
    pub(super) ledger: Ledger,
    /// Who makes them.
    pub(super) crowd: Crowd,
    /// Entries.
    pub(super) lotteries: Lotteries,
    /// Those who have registered.
    pub(super) registrations: Registrations,
    /// Those who have come to a waiting room.
    pub(super) rooms: Rooms,
    /// Redemptions.
    pub(super) checkout: Checkout,
    /// Campaigns that the server may not know yet; their bodies are fixed so that creating them can be repeated.
    uncreated: Vec<serde_json::Value>,
    /// How many of the ledger's decisions have been asked for again.
    asked_again: usize,
}

impl Accounts {
    /// What was found wrong so far.
    pub(super) fn violations(&self) -> Vec<Violation> {
        let (claims, redemptions) = (self.ledger.violations().iter(), self.checkout.till.violations().iter());
        let registrations = self.registrations.violations().iter().chain(self.rooms.violations());
        claims.chain(self.lotteries.violations()).chain(registrations).chain(redemptions).cloned().collect()
    }

    /// How much there is to hold a server to.
    pub(super) fn summary(&self) -> String {
        let (came, placed, shuffled, won) = self.rooms.counts();
        format!(
            "{} wins told, {} entries to {} drawn lotteries, {} people registered, {came} in waiting rooms ({placed} at a position that was computed again, {shuffled} shuffled, {won} won), {} answers at the checkout of {} coupons",
            self.ledger.wins(),
            self.lotteries.entries(),
            self.lotteries.judged(),
            self.registrations.count(),
            self.checkout.till.answers(),
            self.checkout.till.coupons().len(),
        )
    }

    /// Turns to new campaigns, which are created when a server is next there.
    pub(super) fn next_generation(&mut self, generation: u32) {
        let mut campaigns = Vec::new();
        for opening in openings(generation, Timestamp::now()) {
            self.uncreated.push(opening.body);
            campaigns.push(self.ledger.add(opening.rules));
        }
        self.uncreated.push(self.registrations.next_generation(generation, Timestamp::now()));
        self.uncreated.push(self.rooms.next_generation(generation, Timestamp::now()));
        self.crowd = Crowd::new(campaigns);
    }

    /// Asks the server at `target` for what it ought to remember, all of it when `thorough`, and compares its counts.
    ///
    /// # Errors
    /// When it cannot be reached or refuses a campaign.
    pub(super) fn settle(
        &mut self,
        target: SocketAddr,
        connections: usize,
        thorough: bool,
        rng: &mut ChaCha8Rng,
    ) -> Result<()> {
        let mut api = Api::new(target, ADMIN_KEY);
        for body in self.uncreated.drain(..) {
            api.create_campaign(&body)?;
        }
        let keys = if thorough { self.ledger.decisions().to_vec() } else { self.recent_and_sampled(rng) };
        let keys = [keys, self.ledger.doubtful()].concat();
        confirm(target, connections, &mut self.ledger, keys, &ProgressBar::hidden())?;
        self.asked_again = self.ledger.decisions().len();
        self.lotteries.hold_to_account(&mut api, connections, thorough)?;
        self.registrations.hold_to_account(target, connections, thorough, rng)?;
        self.rooms.hold_to_account(&mut api, connections, thorough, rng)?;
        self.look_at_coupons(target, connections, thorough, rng)?;
        compare(&mut api, &mut self.ledger)
    }

    /// Opens a lottery if none is running; a round takes about as long as `round`.
    ///
    /// # Errors
    /// When the server refuses it.
    pub(super) fn open_lottery(&mut self, target: SocketAddr, round: Duration, rng: &mut ChaCha8Rng) -> Result<()> {
        match self.lotteries.running() {
            None => self.lotteries.open(&mut Api::new(target, ADMIN_KEY), round, rng),
            Some(_) => Ok(()),
        }
    }

    fn recent_and_sampled(&self, rng: &mut ChaCha8Rng) -> Vec<ClaimKey> {
        let (older, recent) = self.ledger.decisions().split_at(self.asked_again);
        [recent, &sample(older, SAMPLE, rng)].concat()
    }

    /// Repeats every step of the checkout that is in doubt, then looks at the coupons that had steps.
    fn look_at_coupons(
        &mut self,
        target: SocketAddr,
        connections: usize,
        thorough: bool,
        rng: &mut ChaCha8Rng,
    ) -> io::Result<()> {
        let till = &mut self.checkout.till;
        let doubtful = till.doubtful();
        ask(target, connections, &mut Steps::new(target, till, doubtful), &ProgressBar::hidden())?;
        let mut codes = till.take_touched();
        let all = till.coupons();
        codes.extend(if thorough { all } else { sample(&all, LOOKS, rng) });
        let looks = codes.into_iter().map(|code| (code, Step::Look)).collect();
        ask(target, connections, &mut Steps::new(target, till, looks), &ProgressBar::hidden())?;
        // Looking is not news.
        till.take_touched();
        Ok(())
    }
}

fn sample<T: Copy>(all: &[T], count: u64, rng: &mut ChaCha8Rng) -> Vec<T> {
    let Some(bound) = u64::try_from(all.len()).ok().filter(|bound| *bound > 0) else { return Vec::new() };
    let places = (0..count.min(bound)).map(|_| below(rng, bound));
    places.map(|place| all[usize::try_from(place).expect("a place in memory")]).collect()
}

/// Steps of the checkout as questions.
struct Steps<'a> {
    host: String,
    till: &'a mut Till,
    steps: Vec<(Code, Step)>,
    sent: Vec<Timestamp>,
}

impl<'a> Steps<'a> {
    fn new(target: SocketAddr, till: &'a mut Till, steps: Vec<(Code, Step)>) -> Self {
        let sent = vec![Timestamp::UNIX_EPOCH; steps.len()];
        Self { host: target.to_string(), till, steps, sent }
    }

    fn when(&self, place: usize) -> When {
        When { sent: self.sent[place], heard: Timestamp::now() }
    }
}

impl Questions for Steps<'_> {
    fn count(&self) -> usize {
        self.steps.len()
    }

    fn write(&mut self, place: usize, bytes: &mut Vec<u8>) {
        let (code, step) = &self.steps[place];
        write(&self.host, *code, step, bytes);
        self.till.sent(*code);
        self.sent[place] = Timestamp::now();
    }

    fn answered(&mut self, place: usize, reply: &Reply<'_>) -> bool {
        let (code, step) = &self.steps[place];
        let told = read(reply, *code, self.till.user(*code), step);
        let passing = matches!(&told, Told::Refused(refusal) if is_passing(refusal));
        self.till.answered(*code, step.clone(), self.when(place), told);
        !passing
    }

    fn unanswered(&mut self, place: usize) {
        let (code, step) = self.steps[place].clone();
        self.till.unanswered(code, step, self.when(place));
    }

    fn given_up(&mut self, place: usize) {
        let (code, step) = &self.steps[place];
        self.till.not_settled(*code, step);
    }
}

#[cfg(test)]
mod tests;
