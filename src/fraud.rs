//! Owns what is known, campaign by campaign, of where coupons and refusals went: by address block, device and phone prefix, by how
//! soon after the opening they were asked for, and by what the gate refused. For people who look for fraud, not for deciding:
//! nothing here is ever in the way of a claim.
//!
//! Each I/O thread notes what it has answered in a ledger of its own, and a report adds the ledgers up. A ledger's size is bounded
//! whatever an attacker sends: exact totals, and for each kind of mark a summary of 512 entries whose error is stated with
//! the figures, and a distinct count of a kibibyte.
//!
//! # What is kept, and for how long
//! Addresses are kept as blocks alone (/24, /48, /64), phone numbers without their last four digits, the names of devices as a hash
//! under a key that is made at the start and stored nowhere, so that neither they nor a person can be found back, and two runs' reports
//! cannot be linked. User ids are not kept. All of it is in memory: it ends with the process, and with the campaign's archive.
//!
//! What is answered before it is known for which campaign it is meant (a denied address, no token) is not here but in
//! `landrush_gate_refused_total`. Claims in batches come from the shop's own gateway: of where they are from, only a phone number tells.

mod distinct;
mod mark;
mod report;
mod summary;
mod tally;

use std::collections::HashMap;

use landrush_engine::id::CampaignNumber;
use landrush_engine::published::Published;
use landrush_engine::time::Timestamp;
use parking_lot::Mutex;

pub use self::mark::{Asked, Kind};
pub use self::report::{Breakdown, Line, Report, TOP};
pub use self::tally::{EARLY, Verdict};

use self::tally::Tally;

/// The most campaigns that one thread knows of, at about 180 KiB each if all its summaries are full. A further one takes the
/// place of the one that nobody has asked of for longest.
const CAMPAIGNS_MAX: usize = 128;

/// What all I/O threads have noted.
pub struct Fraud {
    key: [u8; 16],
    since: Timestamp,
    /// By I/O thread. A ledger is written by its thread alone: whoever waits for its lock waits for a report being read.
    ledgers: Box<[Mutex<Ledger>]>,
}

/// What one I/O thread has noted.
#[derive(Default)]
struct Ledger {
    tallies: HashMap<CampaignNumber, Box<Tally>>,
    /// Grows with every note: by it the tally that rests for longest is found.
    notes: u64,
    /// Whether a tally had to make room, so that a new one may be of a campaign that was known before.
    has_forgotten: bool,
}

impl Fraud {
    /// Nothing noted, for so many threads. `key` is random and hides the names of devices.
    pub fn new(threads: usize, key: [u8; 16], since: Timestamp) -> Self {
        Self { key, since, ledgers: (0..threads).map(|_| Mutex::default()).collect() }
    }

    /// Notes, on I/O thread number `thread`, what a request was answered whose last byte was read at `stamped_at`.
    pub fn note(
        &self,
        thread: usize,
        campaign: &Published,
        asked: &Asked<'_>,
        stamped_at: Timestamp,
        verdict: Verdict,
    ) {
        self.note_all(thread, campaign, stamped_at, std::iter::once((*asked, verdict)));
    }

    /// Notes what many requests were answered whose last byte was read at one moment.
    pub fn note_all<'a>(
        &self,
        thread: usize,
        campaign: &Published,
        stamped_at: Timestamp,
        answered: impl Iterator<Item = (Asked<'a>, Verdict)>,
    ) {
        let mut ledger = self.ledgers[thread].lock();
        let tally = ledger.tally(campaign.number(), self.key, self.since, stamped_at);
        for (asked, verdict) in answered {
            tally.note(&asked.marks(&self.key), stamped_at, verdict, || campaign.phase(stamped_at));
        }
    }

    /// What was noted of a campaign.
    pub fn report(&self, campaign: CampaignNumber) -> Report {
        let mut sum = Tally::new(self.key, self.since);
        for ledger in &self.ledgers {
            if let Some(tally) = ledger.lock().tallies.get(&campaign) {
                sum.add(tally);
            }
        }
        Report::of(&sum)
    }

    /// Forgets a campaign.
    pub fn forget(&self, campaign: CampaignNumber) {
        for ledger in &self.ledgers {
            ledger.lock().tallies.remove(&campaign);
        }
    }
}

impl Ledger {
    fn tally(&mut self, campaign: CampaignNumber, key: [u8; 16], began: Timestamp, now: Timestamp) -> &mut Tally {
        if self.tallies.len() >= CAMPAIGNS_MAX && !self.tallies.contains_key(&campaign) {
            let longest = self.tallies.iter().min_by_key(|(_, tally)| tally.noted_at).map(|(number, _)| *number);
            longest.map(|number| self.tallies.remove(&number));
            self.has_forgotten = true;
        }
        self.notes += 1;
        let since = if self.has_forgotten { now } else { began };
        let tally = self.tallies.entry(campaign).or_insert_with(|| Box::new(Tally::new(key, since)));
        tally.noted_at = self.notes;
        tally
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ledger_stays_bounded_and_says_since_when_it_counts() {
        let start = Timestamp::from_milliseconds(1_000);
        let fraud = Fraud::new(1, [7; 16], start);
        let mut ledger = fraud.ledgers[0].lock();
        let campaigns = u32::try_from(CAMPAIGNS_MAX).expect("few");
        for number in 0..campaigns {
            ledger.tally(CampaignNumber(number), [7; 16], start, Timestamp::from_milliseconds(2_000));
        }
        ledger.tally(CampaignNumber(0), [7; 16], start, Timestamp::from_milliseconds(2_000));
        ledger.tally(CampaignNumber(campaigns), [7; 16], start, Timestamp::from_milliseconds(3_000));
        assert_eq!(ledger.tallies.len(), CAMPAIGNS_MAX);
        assert!(ledger.tallies.contains_key(&CampaignNumber(0)), "it was asked of just now");
        assert!(!ledger.tallies.contains_key(&CampaignNumber(1)), "nobody has asked of it for longest");
        drop(ledger);
        let since = |number| fraud.report(CampaignNumber(number)).since;
        assert_eq!((since(0), since(campaigns)), (start, Timestamp::from_milliseconds(3_000)));
        fraud.forget(CampaignNumber(0));
        assert!(!fraud.ledgers[0].lock().tallies.contains_key(&CampaignNumber(0)));
    }
}
