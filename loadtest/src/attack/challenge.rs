//! Owns what a challenge costs whoever meets it, and how long that is good for.

use std::time::Duration;

use landrush::gate::challenge::altcha::Altcha;
use landrush::gate::challenge::pass::PASS_FOR;
use landrush_engine::id::{CampaignId, UserId};
use landrush_engine::time::Timestamp;
use serde::Deserialize;

/// An iteration of PBKDF2 with SHA-256 on one of the attacker's cores: a derivation of 1,000 of them takes 0.11 ms, by
/// `cargo bench --bench gate`, "a proof of work, checked".
const ITERATION: Duration = Duration::from_nanos(110);
/// So many times as long a phone takes. Assumed, and rather too slow than too fast, since that is to people's disadvantage: a cheap phone's core
/// is some five times slower, and the page's script took twice as long in node as native code (0.22 ms a derivation).
const PHONE_SLOWNESS: u32 = 10;

/// A challenge, as those feel it who meet it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Challenge {
    /// What a pass takes one of the attacker's cores.
    pub(super) work: Duration,
    /// How long a pass holds.
    pub(super) pass_holds: Duration,
}

/// What the server says of its own.
#[derive(Deserialize)]
struct Asked {
    parameters: Parameters,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Parameters {
    /// Iterations behind a derivation.
    cost: u32,
    /// What a derived key has to begin with, in hexadecimal digits.
    key_prefix: String,
}

impl Challenge {
    /// None that the server sets: what work would have to cost, and how short passes would have to be, to hold anybody up.
    pub(super) const HARDER: Self = Self { work: Duration::from_secs(1), pass_holds: Duration::from_mins(1) };

    /// The server's own, read from one that it sets.
    pub(super) fn altcha() -> Self {
        let (campaign, user) = (CampaignId::new("attack").expect("an id"), UserId::new("anybody").expect("an id"));
        let asked = Altcha::new([7; 32]).challenge(&campaign, &user, Timestamp::from_milliseconds(0));
        let Asked { parameters: Parameters { cost, key_prefix } } = serde_json::from_str(&asked).expect("a challenge");
        let digits = u32::try_from(key_prefix.len()).expect("a few digits");
        // Each digit is right in one derivation of sixteen.
        Self { work: ITERATION * cost * 16_u32.pow(digits), pass_holds: PASS_FOR }
    }

    /// What a pass takes a phone.
    pub(super) fn work_of_a_phone(self) -> Duration {
        self.work * PHONE_SLOWNESS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_servers_own_is_as_the_documentation_says() {
        let altcha = Challenge::altcha();
        assert_eq!(altcha.work, Duration::from_micros(28_160), "256 derivations of 0.11 ms");
        assert_eq!(altcha.work_of_a_phone(), Duration::from_micros(281_600));
        assert_eq!(altcha.pass_holds, Duration::from_mins(30));
    }
}
