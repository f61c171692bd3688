//! Redemptions at a checkout: every coupon that was won is redeemed for an order of its own, and some are sent twice, which must not
//! redeem them twice.

use std::net::SocketAddr;
use std::time::Duration;

use rand_chacha::ChaCha8Rng;

use crate::answer::Code;
use crate::checkout::wire::{self, Step};
use crate::client::Exchange;
use crate::oracle::Ledger;
use crate::recorder::Recorder;
use crate::response::Reply;
use crate::schedule::{Stream, below, seeded, unit};

/// The redemptions of one phase.
pub(super) struct Checkout {
    host: String,
    codes: Vec<Code>,
    /// How many new redemptions were answered for each coupon, and how many of its answers were as they should be.
    redeemed: Vec<u32>,
    asked: usize,
    sent: u64,
    requests_max: u64,
    repeat_share: f64,
    rng: ChaCha8Rng,
    wrong: u64,
    recorder: Recorder,
}

impl Checkout {
    /// Redeems the coupons that `ledger` knows, at most `requests_max` requests, of which `repeat_share` are sent again.
    pub(super) fn new(target: SocketAddr, ledger: &Ledger, repeat_share: f64, seed: u64, requests_max: u64) -> Self {
        let codes: Vec<_> =
            ledger.decisions().iter().filter_map(|key| ledger.coupon(*key)).map(|coupon| coupon.code).collect();
        Self {
            host: target.to_string(),
            redeemed: vec![0; codes.len()],
            codes,
            asked: 0,
            sent: 0,
            requests_max,
            repeat_share,
            rng: seeded(seed, Stream::Workload),
            wrong: 0,
            recorder: Recorder::new(),
        }
    }

    /// How many coupons were asked for.
    pub(super) fn asked(&self) -> u64 {
        u64::try_from(self.asked).unwrap_or(u64::MAX)
    }

    /// The latencies.
    pub(super) fn recorder(&self) -> &Recorder {
        &self.recorder
    }

    /// Answers that were not as they should be, requests without one, and coupons redeemed twice or never though asked for.
    pub(super) fn wrong(&self) -> u64 {
        let twice = self.redeemed.iter().take(self.asked).filter(|times| **times != 1).count();
        self.wrong + u64::try_from(twice).unwrap_or(u64::MAX)
    }
}

impl Exchange for Checkout {
    fn request(&mut self, bytes: &mut Vec<u8>) -> Option<u64> {
        if self.sent == self.requests_max {
            return None;
        }
        let asked = u64::try_from(self.asked).ok()?;
        let place =
            if asked > 0 && unit(&mut self.rng) < self.repeat_share { below(&mut self.rng, asked) } else { asked };
        let code = *self.codes.get(usize::try_from(place).ok()?)?;
        if place == asked {
            self.asked += 1;
        }
        self.sent += 1;
        wire::write(&self.host, code, &Step::Redeem { order: place, hold_s: None }, bytes);
        Some(place)
    }

    fn answered(&mut self, place: u64, latency: Duration, reply: &Reply<'_>) {
        match reply.status {
            201 => {
                self.redeemed[usize::try_from(place).expect("a place in memory")] += 1;
                self.recorder.record("redeemed", latency);
            }
            200 => self.recorder.record("repeated", latency),
            status => {
                self.wrong += 1;
                self.recorder.record(&format!("status_{status}"), latency);
            }
        }
    }

    fn unanswered(&mut self, _: u64, waited: Duration) {
        self.recorder.record("unanswered", waited);
        self.wrong += 1;
    }

    fn unsent(&mut self, waited: Duration) {
        self.recorder.record("unsent", waited);
    }
}
