//! Claims whose answers are looked at no further than their status, so that the generator costs as little as it can.

use std::time::Duration;

use crate::client::Exchange;
use crate::recorder::Recorder;
use crate::request::{ClaimTemplate, Kind};
use crate::response::Reply;

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
