//! Waiting rooms of the rounds: one campaign of each generation opens a few seconds after it was made and lets people in one after
//! another. Whoever was told a place must have it after every kill, under the same ticket and, once it is fixed, at the same position;
//! nobody else may have that position, and nobody may win without having been let in. Once the room is shuffled, every position must be the
//! one that follows from what it publishes.

pub(crate) mod audit;

use std::collections::BTreeMap;
use std::fmt;

use anyhow::{Context, Result};
use indicatif::ProgressBar;
use jiff::{SignedDuration, Timestamp};
use rand_chacha::ChaCha8Rng;
use serde::Deserialize;
use serde_json::{Value, json};

use self::audit::Audit;
use crate::answer::Code;
use crate::api::Api;
use crate::ask::{Questions, ask};
use crate::fairness;
use crate::request::{ClaimTemplate, user_id};
use crate::response::Reply;
use crate::scenario::Scenario;
use crate::schedule::below;
use crate::violation::Violation;

/// People of earlier rounds who are asked about again after each restart.
const SAMPLE: u64 = 200;
/// A room opens so long after its campaign was made: some come before, and are shuffled.
const OPENS_AFTER: SignedDuration = SignedDuration::from_secs(2);
/// People let in a second: not all at once, whatever the rounds take.
const ADMIT_PER_SECOND: u32 = 60;

/// What can be wrong with a waiting room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Somebody who had a place was given one anew.
    PlaceLost,
    /// The same place under another ticket.
    TicketChanged,
    /// A position that was fixed is another, or none.
    Moved { from: u32, to: Option<u32> },
    /// Another number of arrival for the same place.
    Renumbered { from: u32, to: u32 },
    /// Another position than follows from what the room publishes.
    Misplaced { number: u32, position: u32, expected: u32 },
    /// Two people with one position.
    SharedPosition { position: u32, other: u64 },
    /// A win without a ticket.
    WonWithoutTicket,
    /// A win of somebody who was not let in.
    WonBeforeAdmission { position: Option<u32>, now_serving: u32 },
    /// Somebody who was told to be let in is refused.
    Refused { status: u16 },
    /// A win has become another one, or was asked for again and is new.
    WinChanged { first: Code },
    /// An answer that the contract does not have.
    Strange { status: u16 },
    /// Asked again, and never answered.
    NotSettled,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PlaceLost => f.write_str("had a place and was given one anew"),
            Self::TicketChanged => f.write_str("has another ticket for the same place"),
            Self::Moved { from, to: Some(to) } => write!(f, "had position {from} and now has {to}"),
            Self::Moved { from, to: None } => write!(f, "had position {from} and now has none"),
            Self::Renumbered { from, to } => write!(f, "came as number {from} and now as {to}"),
            Self::Misplaced { number, position, expected } => {
                write!(
                    f,
                    "came as number {number} and has position {position}, where {expected} follows from the audit"
                )
            }
            Self::SharedPosition { position, other } => {
                write!(f, "has position {position}, as has {}", user_id(*other))
            }
            Self::WonWithoutTicket => f.write_str("has won without a ticket"),
            Self::WonBeforeAdmission { position, now_serving } => {
                let position = position.map_or_else(|| "no position".into(), |position| format!("position {position}"));
                write!(f, "has won with {position}, and only {now_serving} were let in")
            }
            Self::Refused { status } => write!(f, "was told to be let in, and the claim was answered {status}"),
            Self::WinChanged { first } => write!(f, "had won {first}, and the same claim is answered otherwise"),
            Self::Strange { status } => write!(f, "was answered {status}, which nothing explains"),
            Self::NotSettled => f.write_str("was asked about again and never answered"),
        }
    }
}

/// All waiting rooms, the present one last.
#[derive(Debug, Default)]
pub(super) struct Rooms {
    rooms: Vec<Room>,
    violations: Vec<Violation>,
}

#[derive(Debug)]
struct Room {
    campaign: String,
    people: Vec<Known>,
    /// Who has which position.
    positions: BTreeMap<u32, usize>,
    /// What the room was bound to by.
    commitment: Option<String>,
    /// What it published of its shuffle.
    audit: Option<Audit>,
    asked_again: usize,
}

/// What is known of somebody who has come.
#[derive(Clone, Debug, Default)]
struct Known {
    /// Once a place was told.
    ticket: Option<String>,
    /// The number of their arrival.
    number: Option<u32>,
    position: Option<u32>,
    /// The position was held against what the room publishes; neither changes.
    is_audited: bool,
    /// They were told to be let in.
    is_admitted: bool,
    code: Option<Code>,
}

/// Somebody of a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Guest {
    room: usize,
    user: usize,
}

/// What is asked for somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// A place, for the first time or again.
    Join,
    /// A coupon, with the ticket.
    Claim,
    /// A coupon without one.
    ClaimWithoutTicket,
}

#[derive(Deserialize)]
struct Place {
    ticket: String,
    state: String,
    number: u32,
    position: Option<u32>,
}

#[derive(Deserialize)]
struct Won {
    coupon: WonCoupon,
}

#[derive(Deserialize)]
struct WonCoupon {
    code: String,
}

impl Rooms {
    /// Turns to a new campaign; its body, which stays the same when creating it is repeated.
    pub(super) fn next_generation(&mut self, generation: u32, now: Timestamp) -> Value {
        let campaign = format!("crash-room-{generation}");
        let scenario = Scenario { campaign, coupon_types: 1, total_quota: 1_000_000, daily_quota: None, limit: 1 };
        let mut body = scenario.body(now);
        body["schedule"]["starts_at"] = format!("{:.3}", now + OPENS_AFTER).into();
        // Nobody's time to claim passes while a run lasts: a place that lapsed may be given anew.
        body["protection"] = json!({"waiting_room":
            {"admit_per_second": ADMIT_PER_SECOND, "opens_before": "10m", "admitted_for": "12h"}});
        self.rooms.push(Room {
            campaign: scenario.campaign,
            people: Vec::new(),
            positions: BTreeMap::new(),
            commitment: None,
            audit: None,
            asked_again: 0,
        });
        body
    }

    /// What was found wrong so far.
    pub(super) fn violations(&self) -> &[Violation] {
        &self.violations
    }

    /// How many were told a place, at how many positions that were computed again, how many of them by a shuffle, and how many won.
    pub(super) fn counts(&self) -> (usize, usize, u32, usize) {
        let people = || self.rooms.iter().flat_map(|room| &room.people);
        let count = |is: fn(&&Known) -> bool| people().filter(is).count();
        (
            count(|known| known.ticket.is_some()),
            count(|known| known.is_audited),
            self.rooms.iter().filter_map(|room| room.audit.as_ref()).map(Audit::shuffled).sum(),
            count(|known| known.code.is_some()),
        )
    }

    /// Whether there is a room to come to.
    pub(super) fn is_open(&self) -> bool {
        !self.rooms.is_empty()
    }

    /// What somebody asks of the present room next: mostly somebody new for a place, and those who were let in for their coupons.
    pub(super) fn next(&mut self, rng: &mut ChaCha8Rng) -> (Guest, Step) {
        let room = self.rooms.len().checked_sub(1).expect("a campaign was opened");
        let people = &mut self.rooms[room].people;
        let bound = u64::try_from(people.len()).unwrap_or_default();
        if bound > 0 {
            let user = usize::try_from(below(rng, bound)).expect("a place in memory");
            if people[user].is_admitted && people[user].code.is_none() {
                return (Guest { room, user }, Step::Claim);
            }
        }
        people.push(Known::default());
        (Guest { room, user: people.len() - 1 }, Step::Join)
    }

    /// Appends a request to `host`.
    pub(super) fn write(&self, host: &str, guest: Guest, step: Step, bytes: &mut Vec<u8>) {
        let room = &self.rooms[guest.room];
        let (campaign, user) = (&room.campaign, user_id(guest.number()));
        if step == Step::Join {
            ClaimTemplate::waiting_room(host, campaign).write(guest.number(), 0, bytes);
            return;
        }
        let ticket = room.people[guest.user].ticket.as_ref().filter(|_| step == Step::Claim);
        let ticket = ticket.map_or_else(String::new, |ticket| format!("X-Landrush-Ticket: {ticket}\r\n"));
        let body = format!("{{\"user_id\":\"{user}\"}}");
        let head = format!(
            "POST /v1/campaigns/{campaign}/claims HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
        );
        bytes.extend_from_slice(format!("{head}{ticket}Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes());
    }

    /// Takes an answer; `false` if the server could not say.
    pub(super) fn answered(&mut self, guest: Guest, step: Step, reply: &Reply<'_>) -> bool {
        if matches!(reply.status, 429 | 503) {
            return false;
        }
        let fault = match step {
            Step::Join => self.placed(guest, reply),
            Step::Claim | Step::ClaimWithoutTicket => self.claimed(guest, step, reply),
        };
        self.violations.extend(fault.map(|fault| self.violation(guest, fault)));
        true
    }

    fn placed(&mut self, guest: Guest, reply: &Reply<'_>) -> Option<Fault> {
        let room = &mut self.rooms[guest.room];
        let known = &mut room.people[guest.user];
        let place = serde_json::from_slice::<Place>(reply.body).ok().filter(|_| matches!(reply.status, 200 | 201));
        let Some(place) = place else { return Some(Fault::Strange { status: reply.status }) };
        if let Some(ticket) = &known.ticket {
            if reply.status == 201 {
                return Some(Fault::PlaceLost);
            }
            if *ticket != place.ticket {
                return Some(Fault::TicketChanged);
            }
        }
        known.ticket = Some(place.ticket);
        known.is_admitted |= place.state == "admitted";
        let number = *known.number.get_or_insert(place.number);
        if number != place.number {
            return Some(Fault::Renumbered { from: number, to: place.number });
        }
        match (known.position, place.position) {
            (Some(from), to) if to != Some(from) => Some(Fault::Moved { from, to }),
            (None, Some(position)) => {
                known.position = Some(position);
                let other = room.positions.insert(position, guest.user)?;
                Some(Fault::SharedPosition { position, other: u64::try_from(other).unwrap_or_default() })
            }
            (Some(_) | None, _) => None,
        }
    }

    fn claimed(&mut self, guest: Guest, step: Step, reply: &Reply<'_>) -> Option<Fault> {
        let known = &mut self.rooms[guest.room].people[guest.user];
        match (reply.status, known.code) {
            (200 | 201, first) => {
                let code = serde_json::from_slice::<Won>(reply.body).ok().and_then(|won| Code::parse(&won.coupon.code));
                let Some(code) = code else { return Some(Fault::Strange { status: reply.status }) };
                known.code = Some(code);
                match first {
                    Some(first) => (first != code || reply.status == 201).then_some(Fault::WinChanged { first }),
                    None => {
                        (step == Step::ClaimWithoutTicket && reply.status == 201).then_some(Fault::WonWithoutTicket)
                    }
                }
            }
            (_, Some(first)) => Some(Fault::WinChanged { first }),
            // Not let in, or not open yet.
            (403 | 409, None) if step == Step::ClaimWithoutTicket || !known.is_admitted => None,
            (status, None) if step == Step::Claim && known.is_admitted => Some(Fault::Refused { status }),
            (status, None) => Some(Fault::Strange { status }),
        }
    }

    fn violation(&self, guest: Guest, fault: Fault) -> Violation {
        Violation::Room { campaign: self.rooms[guest.room].campaign.clone(), user: guest.number(), fault }
    }

    /// Asks everybody for their place again whose place is in doubt or news, and some of the others, or all when `thorough`; then for
    /// coupons, without a ticket and with it; and holds the winners against who was let in.
    ///
    /// # Errors
    /// When the server cannot be reached, or does not show a room.
    pub(super) fn hold_to_account(
        &mut self,
        api: &mut Api,
        connections: usize,
        thorough: bool,
        rng: &mut ChaCha8Rng,
    ) -> Result<()> {
        let mut guests = Vec::new();
        for (place, room) in self.rooms.iter_mut().enumerate() {
            let first = if thorough { 0 } else { room.asked_again };
            guests.extend((first..room.people.len()).map(|user| Guest { room: place, user }));
            if let Some(bound) = u64::try_from(first).ok().filter(|bound| *bound > 0) {
                let users = (0..SAMPLE.min(bound)).filter_map(|_| usize::try_from(below(rng, bound)).ok());
                guests.extend(users.map(|user| Guest { room: place, user }));
            }
            room.asked_again = room.people.len();
        }
        guests.sort_unstable();
        guests.dedup();
        for step in [Step::Join, Step::ClaimWithoutTicket, Step::Claim] {
            let host = api.target().to_string();
            let mut again = Again { rooms: self, guests: guests.clone(), step, host };
            ask(api.target(), connections, &mut again, &ProgressBar::hidden())?;
        }
        (0..self.rooms.len()).try_for_each(|room| {
            self.look_at(room, api)?;
            self.audit(room, api)
        })
    }

    /// Holds a room's winners and its promise against what it shows.
    fn look_at(&mut self, place: usize, api: &mut Api) -> Result<()> {
        let room = &mut self.rooms[place];
        let shown = api.waiting_room(&room.campaign)?;
        let now_serving =
            shown["now_serving"].as_u64().and_then(|count| u32::try_from(count).ok()).context("now_serving")?;
        let commitment = shown["fairness"]["commitment"].as_str().context("a room without commitment")?.to_owned();
        let first = room.commitment.get_or_insert_with(|| commitment.clone());
        let seed = shown["fairness"]["seed"].as_str();
        if *first != commitment || seed.is_some_and(|seed| !fairness::is_bound(seed, &commitment)) {
            let campaign = room.campaign.clone();
            self.violations.push(Violation::RoomSeedChanged { campaign });
        }
        let room = &self.rooms[place];
        let winners = room.people.iter().enumerate().filter(|(_, known)| known.code.is_some());
        let early = winners.filter(|(_, known)| known.position.is_none_or(|position| position > now_serving));
        let early: Vec<_> = early.map(|(user, known)| (Guest { room: place, user }, known.position)).collect();
        for (guest, position) in early {
            let violation = self.violation(guest, Fault::WonBeforeAdmission { position, now_serving });
            self.violations.push(violation);
        }
        Ok(())
    }

    /// Holds what a room publishes of its shuffle against what it was bound to, who came, and where they were told to stand.
    fn audit(&mut self, place: usize, api: &mut Api) -> Result<()> {
        let room = &mut self.rooms[place];
        let audit = Audit::read(api.waiting_room_audit(&room.campaign)?)?;
        let fault = match (&room.audit, &audit) {
            (None, None) => (!room.positions.is_empty()).then_some(audit::Fault::Missing),
            (None, Some(audit)) => {
                audit.fault(room.commitment.as_deref().unwrap_or_default(), &room.people_by_number())
            }
            (Some(first), audit) => (Some(first) != audit.as_ref()).then_some(audit::Fault::Changed),
        };
        let campaign = || room.campaign.clone();
        self.violations.extend(fault.map(|fault| Violation::RoomAudit { campaign: campaign(), fault }));
        let Some(audit) = audit else { return Ok(()) };
        let mut misplaced = Vec::new();
        for (user, known) in room.people.iter_mut().enumerate().filter(|(_, known)| !known.is_audited) {
            let Some((number, position)) = known.number.zip(known.position) else { continue };
            known.is_audited = true;
            let expected = audit.position(number);
            if position != expected {
                misplaced.push((Guest { room: place, user }, Fault::Misplaced { number, position, expected }));
            }
        }
        room.audit = Some(audit);
        let violations: Vec<_> = misplaced.into_iter().map(|(guest, fault)| self.violation(guest, fault)).collect();
        self.violations.extend(violations);
        Ok(())
    }
}

impl Room {
    /// Who has which number of arrival. All are asked again before it is looked at, so that nobody is missing.
    fn people_by_number(&self) -> BTreeMap<u32, u64> {
        let numbers = self.people.iter().zip(0..).filter_map(|(known, user)| Some((known.number?, user)));
        numbers.collect()
    }
}

impl Guest {
    fn number(self) -> u64 {
        u64::try_from(self.user).expect("a place in memory")
    }
}

struct Again<'a> {
    rooms: &'a mut Rooms,
    guests: Vec<Guest>,
    step: Step,
    host: String,
}

impl Questions for Again<'_> {
    fn count(&self) -> usize {
        self.guests.len()
    }

    fn write(&mut self, place: usize, bytes: &mut Vec<u8>) {
        self.rooms.write(&self.host, self.guests[place], self.step, bytes);
    }

    fn answered(&mut self, place: usize, reply: &Reply<'_>) -> bool {
        self.rooms.answered(self.guests[place], self.step, reply)
    }

    fn unanswered(&mut self, _: usize) {}

    fn given_up(&mut self, place: usize) {
        let violation = self.rooms.violation(self.guests[place], Fault::NotSettled);
        self.rooms.violations.push(violation);
    }
}

#[cfg(test)]
mod tests;
