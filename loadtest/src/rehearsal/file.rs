//! What a scenario's file says, checked as it is read: unknown words are refused, and so is what could not be run.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use crate::rehearsal::drift::Bounds;
use crate::rehearsal::room::Room;
use crate::scenario::Scenario;
use crate::schedule::Arrivals;

/// No load is made shorter than this, in seconds: nothing could be seen.
const SECONDS_MIN: f64 = 0.05;

/// A scenario: one campaign and the loads on it, one after another.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    /// The scenario's name, and the campaign's id.
    pub(super) name: String,
    /// What it is for, in a sentence.
    pub(super) about: String,
    /// Fixes who asks for what, and when.
    pub(super) seed: u64,
    /// Keep-alive connections, each with one request on its way.
    pub(super) connections: u16,
    /// Coupons of each type.
    pub(super) quota: u64,
    /// Coupon types.
    #[serde(default = "one")]
    pub(super) coupon_types: u16,
    /// The odds of each type, which make claims draws.
    pub(super) probability: Option<f64>,
    /// How long after its creation the campaign opens, in milliseconds.
    #[serde(default)]
    pub(super) opens_in_ms: u32,
    /// How long before the opening the first phase begins, in milliseconds: those who come by then are told to come again.
    #[serde(default)]
    pub(super) early_ms: u32,
    /// Event streams that are open all the while.
    #[serde(default)]
    pub(super) watchers: u16,
    /// A crowd that waits to be let in, in place of phases.
    pub(super) waiting_room: Option<Room>,
    #[serde(default)]
    pub(super) phases: Vec<Phase>,
}

/// One load.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Phase {
    /// What is asked for.
    #[serde(default)]
    pub(super) ask: Ask,
    /// How long requests are planned for, in seconds.
    pub(super) seconds: f64,
    /// Requests a second, planned ahead; without it as many as the connections carry.
    pub(super) rate: Option<f64>,
    /// How the gaps between requests are spread.
    #[serde(default = "constant")]
    pub(super) arrivals: Arrivals,
    /// Share of the requests (0 to 1) that come from somebody who has asked before.
    #[serde(default)]
    pub(super) repeat_share: f64,
    /// Only people who have not asked in an earlier phase.
    #[serde(default = "yes")]
    pub(super) newcomers: bool,
    /// How often somebody asks who is told to come again (too busy, too often, not open yet), each time after the wait that the
    /// server asks for and some more, as the page does. 1: once, and never again.
    #[serde(default = "one")]
    pub(super) tries_max: u16,
    /// Holds the last tenth of the load against the first.
    pub(super) drift: Option<Bounds>,
}

/// What users ask for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Ask {
    /// Claims, or draws where the campaign has odds.
    #[default]
    Coupons,
    /// Redemptions of the coupons that were won before.
    Redemptions,
}

impl File {
    /// The campaign of the file, as the rest of the harness describes one.
    pub(super) fn scenario(&self) -> Scenario {
        Scenario {
            campaign: self.name.clone(),
            coupon_types: self.coupon_types,
            total_quota: self.quota,
            daily_quota: None,
            limit: 1,
        }
    }

    /// Reads a scenario.
    ///
    /// # Errors
    /// When there is no such file, it has a word that is not known, or a value that cannot be run.
    pub(super) fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        Self::parse(&text).with_context(|| path.display().to_string())
    }

    fn parse(text: &str) -> Result<Self> {
        let file: Self = toml::from_str(text)?;
        let is_id = file.name.bytes().all(|symbol| symbol.is_ascii_lowercase() || symbol == b'-');
        ensure!(is_id && !file.name.is_empty(), "name: lower-case letters and hyphens");
        ensure!(!file.about.is_empty(), "about: a sentence");
        ensure!(file.connections > 0, "connections: at least 1");
        ensure!((1..=1_000_000_000).contains(&file.quota), "quota: 1 to 1,000,000,000");
        ensure!((1..=100).contains(&file.coupon_types), "coupon_types: 1 to 100");
        let all = file.probability.unwrap_or_default() * f64::from(file.coupon_types);
        ensure!(
            file.probability.is_none_or(|each| each > 0.0) && all <= 1.0,
            "probability: above 0, at most 1 together"
        );
        match file.waiting_room {
            None => ensure!(!file.phases.is_empty(), "phases: at least one"),
            Some(room) => {
                let alone =
                    file.phases.is_empty() && file.watchers == 0 && file.early_ms == 0 && file.probability.is_none();
                ensure!(alone, "waiting_room: without phases, watchers, early_ms and probability");
                room.check().context("waiting_room")?;
            }
        }
        ensure!(file.early_ms <= file.opens_in_ms, "early_ms: at most opens_in_ms");
        for (phase, number) in file.phases.iter().zip(1..) {
            phase.check().with_context(|| format!("phase {number}"))?;
        }
        Ok(file)
    }

    /// The same scenario with `scale` times the length, coupons and watchers. People come as fast as before, and as large a part of
    /// them before the opening.
    pub(super) fn scaled(mut self, scale: f64) -> Self {
        self.quota = scaled(self.quota, scale);
        if self.watchers > 0 {
            self.watchers = u16::try_from(scaled(self.watchers.into(), scale)).unwrap_or(u16::MAX);
        }
        if let Some(room) = &mut self.waiting_room {
            room.people = scaled(room.people, scale);
        }
        let whole = self.phases.first().map(|phase| phase.seconds);
        for phase in &mut self.phases {
            phase.seconds = (phase.seconds * scale).max(SECONDS_MIN).min(phase.seconds);
        }
        if let Some((whole, first)) = whole.zip(self.phases.first()) {
            let early = Duration::from_millis(self.early_ms.into()).mul_f64(first.seconds / whole);
            self.early_ms = u32::try_from(early.as_millis()).unwrap_or(u32::MAX);
        }
        self
    }
}

impl Phase {
    fn check(&self) -> Result<()> {
        ensure!(self.seconds > 0.0 && self.seconds <= 86_400.0, "seconds: above 0, at most a day");
        ensure!(self.rate.is_none_or(|rate| rate > 0.0 && rate <= 1e7), "rate: above 0, at most 10,000,000");
        ensure!((0.0..=1.0).contains(&self.repeat_share), "repeat_share: from 0 to 1");
        ensure!((1..=1_000).contains(&self.tries_max), "tries_max: 1 to 1,000");
        ensure!(self.drift.is_none() || self.ask == Ask::Coupons, "drift: of coupons only");
        self.drift.map_or(Ok(()), |bounds| bounds.check().context("drift"))?;
        Ok(())
    }

    /// How long requests are planned for.
    pub(super) fn length(&self) -> Duration {
        Duration::from_secs_f64(self.seconds)
    }

    /// How many requests are planned; as many as there can be, where that is not known.
    pub(super) fn requests(&self) -> u64 {
        self.rate.map_or(u64::MAX, |rate| Duration::from_secs_f64(rate * self.seconds).as_secs().max(1))
    }

    /// The load in words.
    pub(super) fn describe(&self) -> String {
        let what = match self.ask {
            Ask::Coupons => "coupons",
            Ask::Redemptions => "redemptions",
        };
        let rate = self.rate.map_or_else(|| "as fast as it goes".into(), |rate| format!("{rate:.0} a second"));
        format!("{what}, {rate}, for {:.1} s", self.seconds)
    }
}

/// `count` times `scale`, at least one.
fn scaled(count: u64, scale: f64) -> u64 {
    Duration::from_secs_f64(count as f64 * scale).as_secs().max(1)
}

fn one() -> u16 {
    1
}

fn constant() -> Arrivals {
    Arrivals::Constant
}

fn yes() -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str =
        "name = \"small\"\nabout = \"A test.\"\nseed = 1\nconnections = 4\nquota = 10\n[[phases]]\nseconds = 1\n";

    #[test]
    fn a_file_says_what_differs_from_the_usual() {
        let file = File::parse(SMALL).expect("well formed");
        assert_eq!((file.coupon_types, file.watchers, file.phases[0].ask), (1, 0, Ask::Coupons));
        assert!(file.phases[0].newcomers && file.phases[0].rate.is_none());
    }

    #[test]
    fn what_is_unknown_or_cannot_be_run_is_refused() {
        for (from, to) in [
            ("seed = 1", "seed = 1\nspeed = 2"),
            ("seconds = 1", "seconds = 1\nrates = 3"),
            ("seconds = 1", "seconds = 0"),
            ("seconds = 1", "seconds = 1\nrate = -1.0"),
            ("seconds = 1", "seconds = 1\nrepeat_share = 1.5"),
            ("seconds = 1", "seconds = 1\ntries_max = 0"),
            ("seconds = 1", "seconds = 1\n[phases.drift]\nrate_least = 2.0"),
            ("quota = 10", "quota = 10\nearly_ms = 5"),
            ("[[phases]]\nseconds = 1", ""),
            ("[[phases]]", "[waiting_room]\npeople = 1\njoin_rate = 1.0\nadmit_per_second = 1\n[[phases]]"),
            ("[[phases]]\nseconds = 1", "[waiting_room]\npeople = 0\njoin_rate = 1.0\nadmit_per_second = 1"),
            ("quota = 10", "quota = 0"),
            ("quota = 10", "quota = 10\nprobability = 1.5"),
            ("connections = 4", "connections = 0"),
            ("\"small\"", "\"Not an id\""),
        ] {
            let text = SMALL.replace(from, to);
            assert!(File::parse(&text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_small_scale_keeps_the_shape() {
        let file = File::parse(&SMALL.replace("seconds = 1", "seconds = 10\nrate = 1000.0")).expect("well formed");
        let small = file.scaled(0.1);
        assert!((small.phases[0].seconds - 1.0).abs() < 1e-9);
        assert_eq!((small.quota, small.phases[0].requests()), (1, 1_000));
    }

    #[test]
    fn as_large_a_part_comes_early_in_a_small_scale() {
        let early = "quota = 10\nopens_in_ms = 500\nearly_ms = 400";
        let file = File::parse(&SMALL.replace("quota = 10", early)).expect("well formed");
        assert_eq!(file.clone().scaled(1.0).early_ms, 400);
        assert_eq!(file.clone().scaled(0.1).early_ms, 40);
        // The phase is not made shorter than can be seen, and neither is its beginning.
        assert_eq!(file.scaled(0.0001).early_ms, 20);
    }
}
