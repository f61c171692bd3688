//! What is asked between two kills: claims on several campaigns at once, by new users and by users who ask again,
//! with what each was told going straight into the ledger.

use std::time::Duration;

use rand_chacha::ChaCha8Rng;

use crate::answer::{self, Answer};
use crate::client::Exchange;
use crate::oracle::{ClaimKey, Ledger};
use crate::request::ClaimTemplate;
use crate::response::Reply;
use crate::schedule::{below, unit};

/// Share of the requests that come from somebody who has asked before.
const REPEAT_SHARE: f64 = 0.15;
/// Users of a campaign with idempotency keys: few, so that they come to their limit.
const KEYED_USERS: u64 = 3_000;
/// Keys that such a user tries: more than the limit, so that some are refused.
const KEYS: u64 = 5;

/// The users of one generation of campaigns.
#[derive(Debug)]
pub(super) struct Crowd {
    campaigns: Vec<u16>,
    /// How many users have asked, by campaign.
    users: Vec<u64>,
}

impl Crowd {
    /// A crowd for the campaigns that have these places in the ledger.
    pub(super) fn new(campaigns: Vec<u16>) -> Self {
        let users = vec![0; campaigns.len()];
        Self { campaigns, users }
    }

    fn next(&mut self, rng: &mut ChaCha8Rng, ledger: &Ledger) -> ClaimKey {
        let count = u64::try_from(self.campaigns.len()).expect("a handful");
        let place = usize::try_from(below(rng, count)).expect("a handful");
        let campaign = self.campaigns[place];
        if ledger.rules(campaign).limit > 1 {
            let key = u16::try_from(1 + below(rng, KEYS)).expect("a handful");
            return ClaimKey { campaign, user: below(rng, KEYED_USERS), key };
        }
        let users = &mut self.users[place];
        if *users > 0 && unit(rng) < REPEAT_SHARE {
            return ClaimKey { campaign, user: below(rng, *users), key: 0 };
        }
        *users += 1;
        ClaimKey { campaign, user: *users - 1, key: 0 }
    }
}

/// The traffic of one round.
pub(super) struct Traffic<'a> {
    templates: Vec<ClaimTemplate>,
    crowd: &'a mut Crowd,
    ledger: &'a mut Ledger,
    rng: &'a mut ChaCha8Rng,
    /// The claims sent, by ticket.
    sent: Vec<ClaimKey>,
}

impl<'a> Traffic<'a> {
    /// Sends `crowd` to the server at `host`.
    pub(super) fn new(host: &str, crowd: &'a mut Crowd, ledger: &'a mut Ledger, rng: &'a mut ChaCha8Rng) -> Self {
        let template =
            |rules: &crate::oracle::Rules| ClaimTemplate::new(host, &rules.campaign, rules.kind, rules.limit > 1);
        let templates = ledger.all_rules().map(template).collect();
        Self { templates, crowd, ledger, rng, sent: Vec::new() }
    }

    fn key(&self, ticket: u64) -> ClaimKey {
        self.sent[usize::try_from(ticket).expect("a place in memory")]
    }
}

impl Exchange for Traffic<'_> {
    fn request(&mut self, bytes: &mut Vec<u8>) -> Option<u64> {
        let key = self.crowd.next(self.rng, self.ledger);
        self.templates[usize::from(key.campaign)].write(key.user, u64::from(key.key), bytes);
        self.sent.push(key);
        u64::try_from(self.sent.len() - 1).ok()
    }

    fn answered(&mut self, ticket: u64, _: Duration, reply: &Reply<'_>) {
        let key = self.key(ticket);
        match answer::read(reply, self.ledger.rules(key.campaign).asked(key.user)) {
            Answer::Decided(decision) => self.ledger.decided(key, decision),
            Answer::Refused(code) => {
                if code == "log_unavailable" {
                    self.ledger.unknown(key);
                }
                self.ledger.refused(key, &code, false);
            }
            Answer::Strange(what) => self.ledger.strange(key, what),
        }
    }

    fn unanswered(&mut self, ticket: u64, _: Duration) {
        self.ledger.unknown(self.key(ticket));
    }

    fn unsent(&mut self, _: Duration) {}
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::crash::campaigns::openings;
    use crate::schedule::{Stream, seeded};

    fn keys(seed: u64) -> (Ledger, Vec<ClaimKey>) {
        let mut ledger = Ledger::default();
        let mut crowd = Crowd::new(
            openings(0, jiff::Timestamp::UNIX_EPOCH).into_iter().map(|opening| ledger.add(opening.rules)).collect(),
        );
        let mut rng = seeded(seed, Stream::Kill);
        let keys = (0..20_000).map(|_| crowd.next(&mut rng, &ledger)).collect();
        (ledger, keys)
    }

    #[test]
    fn every_campaign_is_asked_by_new_users_and_by_some_who_ask_again() {
        let (ledger, keys) = keys(1);
        for place in 0..5 {
            let here: Vec<_> = keys.iter().filter(|key| key.campaign == place).collect();
            let distinct: HashSet<_> = here.iter().collect();
            assert!(here.len() > 3_500 && distinct.len() < here.len(), "campaign {place}");
            assert_eq!(here.iter().any(|key| key.key > 0), ledger.rules(place).limit > 1);
        }
    }

    #[test]
    fn users_with_keys_ask_for_more_than_their_limit() {
        let (_, keys) = keys(1);
        let distinct: HashSet<_> = keys.iter().filter(|key| key.campaign == 3).collect();
        let most = (0..KEYED_USERS).map(|user| distinct.iter().filter(|key| key.user == user).count()).max();
        assert!(most > Some(3), "{most:?}");
    }

    #[test]
    fn a_seed_fixes_the_traffic() {
        assert_eq!(keys(7).1, keys(7).1);
        assert_ne!(keys(7).1, keys(8).1);
    }
}
