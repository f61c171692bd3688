//! What a campaign's defences are worth: honest people against bots, in virtual time, with one seed. Owns which defences are
//! tried and what is told of them; who takes part is in [`people`], what a challenge costs in [`challenge`], what happens in [`world`].
//!
//! No server is loaded and no clock is read here. What judges is the real thing, inside this process: the shard's state decides claims and
//! runs the waiting room, the gate's limiter holds the rates. Three defences are modelled by their rule: the challenge as a cost of
//! work, the registration as a fact about each account, and the users of a device as a count.

mod challenge;
mod people;
mod world;

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use serde_json::{Value, json};

use self::challenge::Challenge;
use self::people::Crowd;
use self::world::Ending;
use crate::report::number_table;

/// The size of the attack.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct Sides {
    /// People, each with an address and a device of their own.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) honest: u32,
    /// The attacker's accounts.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) bots: u32,
    /// The addresses that the bots share.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=60_000))]
    pub(crate) addresses: u32,
    /// The devices that the bots share.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=60_000))]
    pub(crate) devices: u32,
    /// Coupons.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) coupons: u32,
    /// Fixes everybody's reactions and the shuffle.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
}

/// An attack.
#[derive(Args, Debug)]
pub(crate) struct Attack {
    #[command(flatten)]
    pub(crate) sides: Sides,
    /// Write the result as JSON to this file too.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
}

/// What a campaign defends itself by.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Defences {
    pub(crate) address_rate: bool,
    pub(crate) device_rate: bool,
    challenge: Option<Challenge>,
    pub(crate) registration: bool,
    pub(crate) device_users: bool,
    pub(crate) waiting_room: bool,
}

const NOTHING: Defences = Defences {
    address_rate: false,
    device_rate: false,
    challenge: None,
    registration: false,
    device_users: false,
    waiting_room: false,
};

/// What is tried, in the order of the table.
fn tried() -> [(&'static str, Defences); 10] {
    let altcha = Some(Challenge::altcha());
    let without_devices =
        Defences { address_rate: true, challenge: altcha, registration: true, waiting_room: true, ..NOTHING };
    [
        ("nothing", NOTHING),
        ("rate limit by address, 10/10s", Defences { address_rate: true, ..NOTHING }),
        ("rate limit by device, 5/10s", Defences { device_rate: true, ..NOTHING }),
        ("challenge (altcha)", Defences { challenge: altcha, ..NOTHING }),
        ("challenge, 1 s, holds for 60 s", Defences { challenge: Some(Challenge::HARDER), ..NOTHING }),
        ("registered before the cut-off", Defences { registration: true, ..NOTHING }),
        ("2 users a device", Defences { device_users: true, ..NOTHING }),
        ("waiting room, 100/s", Defences { waiting_room: true, ..NOTHING }),
        ("all but those by device", without_devices),
        ("all together", Defences { device_rate: true, device_users: true, ..without_devices }),
    ]
}

/// Prints what honest people get under each defence.
pub(crate) fn run(attack: &Attack) -> Result<bool> {
    let endings = endings(attack.sides);
    println!("{}", table(attack.sides, &endings));
    if let Some(path) = &attack.json {
        std::fs::write(path, format!("{:#}\n", document(attack.sides, &endings)))
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(true)
}

fn endings(sides: Sides) -> Vec<(&'static str, Ending)> {
    let crowd = Crowd::new(sides);
    tried().into_iter().map(|(name, defences)| (name, world::play(&crowd, sides, defences))).collect()
}

fn table(sides: Sides, endings: &[(&str, Ending)]) -> String {
    let Sides { honest, bots, addresses, devices, coupons, seed } = sides;
    let mut table = number_table(["defence", "honest", "bots", "honest share", "last after"]);
    for (name, ending) in endings {
        table.add_row([
            (*name).to_owned(),
            ending.honest.to_string(),
            ending.bots.to_string(),
            format!("{:.1} %", ending.share(coupons) * 100.0),
            format!("{:.2} s", ending.last_after_ms as f64 / 1e3),
        ]);
    }
    format!(
        "{honest} honest people, {bots} bots from {addresses} addresses with {devices} devices, {coupons} coupons, seed {seed}\n{}",
        table.trim_fmt()
    )
}

fn document(sides: Sides, endings: &[(&str, Ending)]) -> Value {
    let Sides { honest, bots, addresses, devices, coupons, seed } = sides;
    let rows: Vec<Value> = endings
        .iter()
        .map(|(name, ending)| {
            json!({
                "defence": name, "honest": ending.honest, "bots": ending.bots, "honest_share": ending.share(coupons),
                "last_after_ms": ending.last_after_ms,
            })
        })
        .collect();
    json!({
        "sides": {"honest": honest, "bots": bots, "addresses": addresses, "devices": devices, "coupons": coupons},
        "seed": seed, "rows": rows,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIDES: Sides = Sides { honest: 1_000, bots: 10_000, addresses: 50, devices: 10, coupons: 1_000, seed: 1 };

    #[test]
    fn no_defence_is_worse_than_none_and_all_together_leave_bots_little() {
        for seed in [1, 2] {
            let sides = Sides { seed, ..SIDES };
            let endings = endings(sides);
            let shares: Vec<f64> = endings.iter().map(|(_, ending)| ending.share(sides.coupons)).collect();
            let told = table(sides, &endings);
            assert!(shares[0] < 0.01, "bots are faster than people:\n{told}");
            assert!(shares.iter().all(|share| *share >= shares[0]), "{told}");
            let last = endings.len() - 1;
            assert!(shares[last] > 0.85, "{told}");
            assert!(shares[last] >= shares[last - 1], "{told}");
            for (name, ending) in &endings {
                assert!(ending.honest + ending.bots <= sides.coupons, "{name}: never one too many");
            }
        }
    }

    #[test]
    fn the_documentation_has_the_table_as_it_is_printed() {
        let printed = table(SIDES, &endings(SIDES));
        assert!(include_str!("../../docs/fairness.md").contains(&printed), "docs/fairness.md should have:\n{printed}");
    }

    #[test]
    fn a_seed_replays_the_whole_run() {
        let sides = Sides { honest: 200, bots: 2_000, coupons: 200, ..SIDES };
        assert_eq!(document(sides, &endings(sides)), document(sides, &endings(sides)));
    }
}
