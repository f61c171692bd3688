//! Registrations of the rounds: one campaign of each generation hears only who has registered, and whoever was told to be registered
//! must be so after every kill.

use std::io;
use std::net::SocketAddr;

use indicatif::ProgressBar;
use jiff::Timestamp;
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

use crate::ask::{Questions, ask};
use crate::request::ClaimTemplate;
use crate::response::Reply;
use crate::scenario::Scenario;
use crate::schedule::below;
use crate::violation::Violation;

/// People of earlier rounds who are asked about again after each restart.
const SAMPLE: u64 = 200;

/// Everybody who has registered, over all campaigns.
#[derive(Debug, Default)]
pub(super) struct Registrations {
    rolls: Vec<Roll>,
    violations: Vec<Violation>,
}

/// The people of one campaign, by their numbers.
#[derive(Debug)]
struct Roll {
    campaign: String,
    people: Vec<Known>,
    /// Those below this were asked about since they last registered.
    asked_again: usize,
}

/// What is known of somebody who has sent a registration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Known {
    /// No answer has come.
    Nothing,
    Registered,
}

/// Somebody of a campaign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Person {
    roll: usize,
    user: usize,
}

impl Registrations {
    /// Turns to a new campaign; its body, which stays the same when creating it is repeated.
    pub(super) fn next_generation(&mut self, generation: u32, now: Timestamp) -> Value {
        let campaign = format!("crash-registered-{generation}");
        self.rolls.push(Roll { campaign: campaign.clone(), people: Vec::new(), asked_again: 0 });
        let mut body = Scenario { campaign, coupon_types: 1, total_quota: 1, daily_quota: None, limit: 1 }.body(now);
        body["protection"] = json!({"eligibility": {"who": "registered"}});
        body
    }

    /// What was found wrong so far.
    pub(super) fn violations(&self) -> &[Violation] {
        &self.violations
    }

    /// How many were told that they are registered.
    pub(super) fn count(&self) -> usize {
        let people = self.rolls.iter().flat_map(|roll| &roll.people);
        people.filter(|known| **known == Known::Registered).count()
    }

    /// The requests of the present campaign, on `host`, if there is one.
    pub(super) fn template(&self, host: &str) -> Option<ClaimTemplate> {
        Some(ClaimTemplate::registration(host, &self.rolls.last()?.campaign))
    }

    /// Somebody new who registers with the present campaign.
    pub(super) fn next(&mut self) -> Person {
        let roll = self.rolls.len().checked_sub(1).expect("a campaign was opened");
        let people = &mut self.rolls[roll].people;
        people.push(Known::Nothing);
        Person { roll, user: people.len() - 1 }
    }

    /// Takes an answer to `person`; `false` if the server could not say.
    pub(super) fn answered(&mut self, person: Person, reply: &Reply<'_>) -> bool {
        let roll = &mut self.rolls[person.roll];
        let known = &mut roll.people[person.user];
        match (reply.status, *known) {
            (201, Known::Registered) => {
                let (campaign, user) = (roll.campaign.clone(), person.number());
                self.violations.push(Violation::RegistrationLost { campaign, user });
            }
            (200 | 201, Known::Nothing) => *known = Known::Registered,
            (200, Known::Registered) => {}
            (429 | 503, Known::Nothing | Known::Registered) => return false,
            (status, Known::Nothing | Known::Registered) => {
                let (campaign, user) = (roll.campaign.clone(), person.number());
                self.violations.push(Violation::RegistrationRefused { campaign, user, status });
            }
        }
        true
    }

    /// Registers everybody again whose registration is in doubt or news, with some of the others, or all when `thorough`.
    ///
    /// # Errors
    /// When the server at `target` cannot be reached.
    pub(super) fn hold_to_account(
        &mut self,
        target: SocketAddr,
        connections: usize,
        thorough: bool,
        rng: &mut ChaCha8Rng,
    ) -> io::Result<()> {
        let mut people = Vec::new();
        for (place, roll) in self.rolls.iter_mut().enumerate() {
            let first = if thorough { 0 } else { roll.asked_again };
            people.extend((first..roll.people.len()).map(|user| Person { roll: place, user }));
            if let Some(bound) = u64::try_from(first).ok().filter(|bound| *bound > 0) {
                let users = (0..SAMPLE.min(bound)).map(|_| below(rng, bound));
                people.extend(users.filter_map(|user| Some(Person { roll: place, user: usize::try_from(user).ok()? })));
            }
            roll.asked_again = roll.people.len();
        }
        people.sort_unstable();
        people.dedup();
        let host = target.to_string();
        let templates = self.rolls.iter().map(|roll| ClaimTemplate::registration(&host, &roll.campaign)).collect();
        ask(target, connections, &mut Again { templates, registrations: self, people }, &ProgressBar::hidden())
    }
}

impl Person {
    /// The number in the user's id.
    pub(super) fn number(self) -> u64 {
        u64::try_from(self.user).expect("a place in memory")
    }
}

struct Again<'a> {
    templates: Vec<ClaimTemplate>,
    registrations: &'a mut Registrations,
    people: Vec<Person>,
}

impl Questions for Again<'_> {
    fn count(&self) -> usize {
        self.people.len()
    }

    fn write(&mut self, place: usize, bytes: &mut Vec<u8>) {
        let person = self.people[place];
        self.templates[person.roll].write(person.number(), 0, bytes);
    }

    fn answered(&mut self, place: usize, reply: &Reply<'_>) -> bool {
        self.registrations.answered(self.people[place], reply)
    }

    fn unanswered(&mut self, _: usize) {}

    fn given_up(&mut self, place: usize) {
        let person = self.people[place];
        let campaign = self.registrations.rolls[person.roll].campaign.clone();
        self.registrations.violations.push(Violation::RegistrationNotSettled { campaign, user: person.number() });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is wrong after one person was answered with these, one after another.
    #[track_caller]
    fn check(statuses: &[u16], expected: &[Violation]) {
        let mut registrations = Registrations::default();
        registrations.next_generation(0, Timestamp::UNIX_EPOCH);
        let person = registrations.next();
        for status in statuses {
            registrations.answered(person, &Reply { status: *status, body: b"{}", closes: false, taken: 0 });
        }
        assert_eq!(registrations.violations(), expected, "{statuses:?}");
    }

    #[test]
    fn whoever_is_registered_anew_had_been_forgotten() {
        let campaign = || "crash-registered-0".to_owned();
        check(&[201, 200, 503, 200], &[]);
        check(&[200, 200], &[]);
        check(&[201, 201], &[Violation::RegistrationLost { campaign: campaign(), user: 0 }]);
        check(&[200, 201], &[Violation::RegistrationLost { campaign: campaign(), user: 0 }]);
        check(&[403], &[Violation::RegistrationRefused { campaign: campaign(), user: 0, status: 403 }]);
    }
}
