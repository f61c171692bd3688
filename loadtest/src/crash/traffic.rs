//! What is asked between two kills: claims and draws on several campaigns at once, by new users and by users who ask again,
//! entries to a lottery, registrations, and the shop's checkout, with what each was told going straight to its oracle.

use std::time::Duration;

use jiff::Timestamp;
use rand_chacha::ChaCha8Rng;

use crate::answer::{self, Answer, Code};
use crate::checkout::{self, Step, When};
use crate::client::Exchange;
use crate::crash::accounts::Accounts;
use crate::crash::registrations::Person;
use crate::crash::rooms::{self, Guest};
use crate::lottery;
use crate::oracle::{ClaimKey, Ledger};
use crate::request::{ClaimTemplate, Kind};
use crate::response::Reply;
use crate::schedule::{below, unit};

/// Share of the requests that come from somebody who has asked before.
const REPEAT_SHARE: f64 = 0.15;
/// Users of a campaign with idempotency keys: few, so that they come to their limit.
const KEYED_USERS: u64 = 3_000;
/// Keys that such a user tries: more than the limit, so that some are refused.
const KEYS: u64 = 5;
/// Share of the requests that enter the running lottery.
const ENTRY_SHARE: f64 = 0.2;
/// Share of the requests that are the checkout's.
const CHECKOUT_SHARE: f64 = 0.12;
/// Share of the requests that are the waiting room's.
const ROOM_SHARE: f64 = 0.05;
/// Share of the requests that register somebody.
const REGISTRATION_SHARE: f64 = 0.08;

/// The users of one generation of campaigns.
#[derive(Debug, Default)]
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
    host: String,
    templates: Vec<ClaimTemplate>,
    /// The lottery that is entered, by its place.
    lottery: Option<(usize, ClaimTemplate)>,
    /// What registers people, once there is a campaign for it.
    registration: Option<ClaimTemplate>,
    accounts: &'a mut Accounts,
    rng: &'a mut ChaCha8Rng,
    /// What was sent and when, by ticket.
    sent: Vec<(Asked, Timestamp)>,
}

/// A request.
#[derive(Clone, Debug)]
enum Asked {
    /// A claim or a draw.
    Claim(ClaimKey),
    /// An entry to the running lottery.
    Entry { lottery: usize, user: u64 },
    /// Somebody registers.
    Registration(Person),
    /// Somebody comes to the waiting room, or claims from it.
    Room(Guest, rooms::Step),
    /// A step of the checkout.
    Step(Code, Step),
}

impl<'a> Traffic<'a> {
    /// Sends everybody to the server at `host`.
    pub(super) fn new(host: &str, accounts: &'a mut Accounts, rng: &'a mut ChaCha8Rng) -> Self {
        let template =
            |rules: &crate::oracle::Rules| ClaimTemplate::new(host, &rules.campaign, rules.kind, rules.limit > 1);
        let templates = accounts.ledger.all_rules().map(template).collect();
        let lottery = accounts.lotteries.running().map(|place| {
            let campaign = accounts.lotteries.lottery(place).campaign();
            (place, ClaimTemplate::new(host, campaign, Kind::Entry, false))
        });
        let registration = accounts.registrations.template(host);
        Self { host: host.to_owned(), templates, lottery, registration, accounts, rng, sent: Vec::new() }
    }

    fn choose(&mut self) -> Asked {
        let Accounts { ledger, crowd, lotteries, checkout, registrations, rooms, .. } = &mut *self.accounts;
        let dice = unit(self.rng);
        if dice < CHECKOUT_SHARE {
            if let Some((code, step)) = checkout.next(self.rng, ledger) {
                return Asked::Step(code, step);
            }
        } else if dice < CHECKOUT_SHARE + ENTRY_SHARE
            && let Some((lottery, _)) = self.lottery
        {
            return Asked::Entry { lottery, user: lotteries.next_user(lottery, self.rng) };
        } else if dice > 1.0 - REGISTRATION_SHARE && self.registration.is_some() {
            return Asked::Registration(registrations.next());
        } else if dice > 1.0 - REGISTRATION_SHARE - ROOM_SHARE && rooms.is_open() {
            let (guest, step) = rooms.next(self.rng);
            return Asked::Room(guest, step);
        }
        Asked::Claim(crowd.next(self.rng, ledger))
    }

    fn asked(&self, ticket: u64) -> (Asked, Timestamp) {
        self.sent[usize::try_from(ticket).expect("a place in memory")].clone()
    }

    fn claim_answered(ledger: &mut Ledger, key: ClaimKey, reply: &Reply<'_>) {
        match answer::read(reply, ledger.rules(key.campaign).asked(key.user)) {
            Answer::Decided(decision) => ledger.decided(key, decision),
            Answer::Refused(code) => {
                if code == "log_unavailable" {
                    ledger.unknown(key);
                }
                ledger.refused(key, &code, false);
            }
            Answer::Strange(what) => ledger.strange(key, what),
        }
    }

    fn entry_answered(lottery: &mut lottery::Lottery, user: u64, sent: Timestamp, reply: &Reply<'_>) {
        match lottery::read(reply, lottery, user) {
            lottery::Told::Entry(entry) => lottery.told(user, sent, entry),
            lottery::Told::Refused(code) => {
                if code == "log_unavailable" {
                    lottery.unknown(user);
                }
                lottery.refused(user, Timestamp::now(), &code, false);
            }
            lottery::Told::Strange(what) => lottery.strange(user, what),
        }
    }
}

impl Exchange for Traffic<'_> {
    fn request(&mut self, bytes: &mut Vec<u8>) -> Option<u64> {
        let asked = self.choose();
        match &asked {
            Asked::Claim(key) => {
                self.templates[usize::from(key.campaign)].write(key.user, u64::from(key.key), bytes);
            }
            Asked::Entry { user, .. } => {
                let (_, template) = self.lottery.as_ref().expect("only a running lottery is entered");
                template.write(*user, 0, bytes);
            }
            Asked::Registration(person) => {
                let template = self.registration.as_ref().expect("people register where there is a campaign for it");
                template.write(person.number(), 0, bytes);
            }
            Asked::Room(guest, step) => self.accounts.rooms.write(&self.host, *guest, *step, bytes),
            Asked::Step(code, step) => checkout::write(&self.host, *code, step, bytes),
        }
        self.sent.push((asked, Timestamp::now()));
        u64::try_from(self.sent.len() - 1).ok()
    }

    fn answered(&mut self, ticket: u64, _: Duration, reply: &Reply<'_>) {
        let (asked, sent) = self.asked(ticket);
        let Accounts { ledger, lotteries, checkout, registrations, rooms, .. } = &mut *self.accounts;
        match asked {
            Asked::Claim(key) => Self::claim_answered(ledger, key, reply),
            Asked::Entry { lottery, user } => Self::entry_answered(lotteries.lottery(lottery), user, sent, reply),
            Asked::Registration(person) => {
                // Who could not be told is asked about again once the server is back, like all others.
                registrations.answered(person, reply);
            }
            Asked::Room(guest, step) => {
                rooms.answered(guest, step, reply);
            }
            Asked::Step(code, step) => {
                let told = checkout::read(reply, code, checkout.till.user(code), &step);
                checkout.till.answered(code, step, When { sent, heard: Timestamp::now() }, told);
            }
        }
    }

    fn unanswered(&mut self, ticket: u64, _: Duration) {
        let (asked, sent) = self.asked(ticket);
        let Accounts { ledger, lotteries, checkout, .. } = &mut *self.accounts;
        match asked {
            Asked::Claim(key) => ledger.unknown(key),
            Asked::Entry { lottery, user } => lotteries.lottery(lottery).unknown(user),
            // It stays without an answer, which is how it began.
            Asked::Registration(_) | Asked::Room(..) => {}
            Asked::Step(code, step) => {
                checkout.till.unanswered(code, step, When { sent, heard: Timestamp::now() });
            }
        }
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
            openings(0, Timestamp::UNIX_EPOCH).into_iter().map(|opening| ledger.add(opening.rules)).collect(),
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
