//! Owns who takes part in an attack, when each would come and what each has: the model, with its figures.

use std::f64::consts::TAU;
use std::net::{IpAddr, Ipv4Addr};

use landrush::gate::address::ClientAddress;
use landrush_engine::id::UserId;
use rand_chacha::ChaCha8Rng;

use super::Sides;
use crate::schedule::{Stream, below, seeded, unit};

/// A moment of the run in milliseconds; the campaign opens at [`OPENING`].
pub(super) type Ms = u64;

/// When the campaign opens, in the run's own time: late enough for whatever comes before.
pub(super) const OPENING: Ms = 3_600_000;

/// People react to an opening after a time that is lognormal: 0.9 s in the median, nineteen in twenty between 0.3 and 2.7 s.
const REACTION_MEDIAN_MS: f64 = 900.0;
const REACTION_SIGMA: f64 = 0.55;
/// Bots come within so many milliseconds of it.
const BOT_SPREAD_MS: u64 = 50;
/// The part of people who are there before the opening, within this time of it; the others come when they react.
const EARLY_SHARE: f64 = 0.8;
const EARLY_MS: u64 = 300_000;
/// The parts of people and of bots whose accounts were registered before the cut-off: the attacker prepared some.
const HONEST_REGISTERED: f64 = 0.95;
const BOTS_REGISTERED: f64 = 0.05;
/// What the attacker computes with.
pub(super) const BOT_CORES: u32 = 8;

/// Somebody who wants a coupon.
#[derive(Debug)]
pub(super) struct Person {
    pub(super) user: UserId,
    pub(super) is_bot: bool,
    pub(super) address: ClientAddress,
    /// The device's name.
    pub(super) device: u32,
    pub(super) is_registered: bool,
    /// When they come to a waiting room.
    pub(super) comes_at: Ms,
    /// How long they take from when they may ask to when they do.
    pub(super) reaction_ms: Ms,
    /// They have the page open ahead of the opening, which meets the challenge then; of bots the common cores decide.
    pub(super) is_early: bool,
}

/// Everybody.
#[derive(Debug)]
pub(super) struct Crowd(pub(super) Vec<Person>);

impl Crowd {
    /// The crowd of a seed: the same for each defence, so that only the defence makes a difference.
    pub(super) fn new(sides: Sides) -> Self {
        let mut rng = seeded(sides.seed, Stream::Workload);
        let honest = (0..sides.honest).map(|number| honest(number, sides, &mut rng)).collect::<Vec<_>>();
        let bots = (0..sides.bots).map(|number| bot(number, sides, &mut rng)).collect::<Vec<_>>();
        Self(honest.into_iter().chain(bots).collect())
    }
}

fn honest(number: u32, sides: Sides, rng: &mut ChaCha8Rng) -> Person {
    let reaction_ms = milliseconds((REACTION_SIGMA * normal(rng)).exp() * REACTION_MEDIAN_MS);
    let is_early = unit(rng) < EARLY_SHARE;
    Person {
        user: UserId::new(&format!("person-{number}")).expect("an id"),
        is_bot: false,
        address: address([10, 0], number),
        device: sides.devices + number,
        is_registered: unit(rng) < HONEST_REGISTERED,
        comes_at: if is_early { OPENING - 1 - below(rng, EARLY_MS) } else { OPENING + reaction_ms },
        reaction_ms,
        is_early,
    }
}

fn bot(number: u32, sides: Sides, rng: &mut ChaCha8Rng) -> Person {
    Person {
        user: UserId::new(&format!("account-{number}")).expect("an id"),
        is_bot: true,
        address: address([192, 168], number % sides.addresses),
        device: number % sides.devices,
        is_registered: unit(rng) < BOTS_REGISTERED,
        comes_at: OPENING - 1 - below(rng, EARLY_MS),
        reaction_ms: below(rng, BOT_SPREAD_MS + 1),
        is_early: true,
    }
}

/// The address of this number in a block that only its side has; above 65,536 the second byte counts on.
fn address([first, second]: [u8; 2], number: u32) -> ClientAddress {
    let base = u32::from_be_bytes([first, second, 0, 0]);
    IpAddr::V4(Ipv4Addr::from_bits(base + number)).into()
}

/// A number of the standard normal distribution, by Box and Muller.
fn normal(rng: &mut ChaCha8Rng) -> f64 {
    let radius = (-2.0 * (1.0 - unit(rng)).ln()).sqrt();
    radius * (TAU * unit(rng)).cos()
}

fn milliseconds(value: f64) -> Ms {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "positive, and less than a minute")]
    let whole = value.clamp(0.0, 60_000.0) as u64;
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_react_as_people_do_and_bots_at_once() {
        let sides = Sides { honest: 10_000, bots: 1_000, addresses: 50, devices: 10, coupons: 1, seed: 7 };
        let crowd = Crowd::new(sides);
        let (honest, bots) = crowd.0.split_at(10_000);
        let mut reactions: Vec<Ms> = honest.iter().map(|person| person.reaction_ms).collect();
        reactions.sort_unstable();
        assert!((850..950).contains(&reactions[5_000]), "{}", reactions[5_000]);
        assert!((270..340).contains(&reactions[250]), "{}", reactions[250]);
        assert!((2_400..3_000).contains(&reactions[9_750]), "{}", reactions[9_750]);
        assert!(bots.iter().all(|bot| bot.reaction_ms <= 50 && bot.device < 10));
        assert!(honest.iter().all(|person| bots.iter().all(|bot| bot.address != person.address)));
    }
}
