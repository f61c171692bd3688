//! Embeds the engine in a program of one's own and makes a million durable claims, without HTTP.
//!
//! ```text
//! cargo run --release -p landrush-engine --example million_claims
//! ```

use std::time::Instant;

use landrush_engine::campaign::CampaignDefinition;
use landrush_engine::command::{Claim, Command, Gate};
use landrush_engine::fairness::Seed;
use landrush_engine::id::UserId;
use landrush_engine::outcome::Outcome;
use landrush_engine::{Engine, EngineOptions};

const CLAIMS: u64 = 1_000_000;
const QUOTA: u32 = 900_000;
/// So many claims are under way at once; the mailbox holds more.
const UNDER_WAY_MAX: u64 = 8_192;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let data = tempfile::tempdir()?;
    let mut entropy = |buffer: &mut [u8]| getrandom::fill(buffer).expect("the system has random bytes");
    let (engine, _) = Engine::open(data.path(), EngineOptions::default(), &mut entropy)?;

    // A campaign is made by a command, like everything that changes something.
    let definition = CampaignDefinition::builder("rush").coupon_type("cash-5", QUOTA).build()?;
    let route = engine.route(&definition.id);
    let campaign = engine.next_campaign_number();
    let mut port = engine.blocking_port();
    let seed = Seed::random(&mut entropy);
    let created = port.call(route, Command::Create { campaign, definition: Box::new(definition), seed })?;
    assert!(matches!(created, Outcome::Created(_)), "a new id in an empty directory");

    // Claims go out as fast as the shard takes them; every answer that says "won" is on disk.
    let begun = Instant::now();
    let (mut sent, mut answered, mut won) = (0, 0, 0u32);
    let mut replies = Vec::new();
    while answered < CLAIMS {
        while sent < CLAIMS && sent - answered < UNDER_WAY_MAX {
            let user = UserId::new(&format!("user-{sent}"))?;
            let stamped_at = engine.clock().now();
            let claim =
                Claim { campaign, user, coupon_type: None, key: None, phone: None, gate: Gate::default(), stamped_at };
            port.submit(route, sent, Command::Claim(claim))?;
            sent += 1;
        }
        port.wait(&mut replies)?;
        for reply in replies.drain(..) {
            answered += 1;
            won += u32::from(matches!(reply.outcome, Outcome::Won(_)));
        }
    }
    let took = begun.elapsed();
    engine.close()?;

    assert_eq!(won, QUOTA, "the quota is kept exactly");
    let rate = f64::from(u32::try_from(CLAIMS)?) / took.as_secs_f64();
    println!("{CLAIMS} claims in {took:.2?}: {rate:.0} a second, {won} won, all durable");
    Ok(())
}
