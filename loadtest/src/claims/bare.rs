//! Claims whose answers are looked at no further than their status and whose they are, so that the generator costs as little as it can.

use std::time::Duration;

use crate::client::Exchange;
use crate::recorder::Recorder;
use crate::request::{ClaimTemplate, Kind, user_id, user_of};
use crate::response::Reply;

/// A user's id is so long.
const USER_ID_BYTES: usize = 14;

/// Requests that all should be answered with one status, whatever else the body says: for comparing servers.
#[derive(Debug)]
pub(crate) struct Bare {
    template: ClaimTemplate,
    expected: u16,
    users: u64,
    /// Where an answer names the user, once that is known; nothing for a server whose answers do not.
    user_at: Option<usize>,
    /// Answers with another status or for another user, and requests without an answer.
    pub(crate) wrong: u64,
    recorder: Recorder,
}

impl Bare {
    /// Claims on `campaign` at `host`, a new user each time.
    pub(crate) fn new(host: &str, campaign: &str, expected: u16) -> Self {
        let template = ClaimTemplate::new(host, campaign, Kind::Claim, false);
        Self { template, expected, users: 0, user_at: None, wrong: 0, recorder: Recorder::new() }
    }

    /// The same for a server that names in each answer whose it is, which is then looked at: an answer for somebody else is wrong.
    pub(crate) fn naming_the_user(self) -> Self {
        Self { user_at: Some(0), ..self }
    }

    /// Whether an answer names `user`. It does so at one place in nearly all of them, so that looking costs next to nothing.
    fn is_for(&mut self, user: u64, body: &[u8]) -> bool {
        let Some(at) = self.user_at else { return true };
        let named = |at: usize| user_of(str::from_utf8(body.get(at..at + USER_ID_BYTES)?).ok()?);
        if named(at) == Some(user) {
            return true;
        }
        let id = user_id(user);
        let found = body.windows(USER_ID_BYTES).position(|window| window == id.as_bytes());
        self.user_at = found.or(self.user_at);
        found.is_some()
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

    fn answered(&mut self, user: u64, latency: Duration, reply: &Reply<'_>) {
        self.recorder.record("answered", latency);
        self.wrong += u64::from(reply.status != self.expected || !self.is_for(user, reply.body));
    }

    fn unanswered(&mut self, _: u64, _: Duration) {
        self.wrong += 1;
    }

    fn unsent(&mut self, _: Duration) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many of these answers are wrong, the first to user 1 and so on.
    fn wrong(load: Bare, bodies: &[&str]) -> u64 {
        let mut load = load;
        for body in bodies {
            let user = load.request(&mut Vec::new()).expect("without end");
            let reply = Reply { status: 201, body: body.as_bytes(), closes: false, taken: 0 };
            load.answered(user, Duration::from_millis(1), &reply);
        }
        load.wrong
    }

    #[test]
    fn an_answer_for_somebody_else_is_wrong_where_answers_name_the_user() {
        let load = || Bare::new("h", "c", 201);
        let one = "{\"user_id\":\"u-000000000001\"}";
        let (two, moved) = ("{\"user_id\":\"u-000000000002\"}", "{\"a\":1,\"user_id\":\"u-000000000003\"}");
        assert_eq!(wrong(load().naming_the_user(), &[one, two, moved]), 0);
        assert_eq!(wrong(load().naming_the_user(), &[two, one, moved]), 2);
        assert_eq!(wrong(load().naming_the_user(), &["", one, "{}"]), 3);
        assert_eq!(wrong(load(), &[two, "ok"]), 0);
    }
}
