//! What does a note for the report on fraud cost a claim? From one thread, with an IPv4 address, a device and a phone number: from
//! the same few callers (all are counted already), and from ever new ones (the summaries are full and make room again and again).
//! No socket; the campaign is one of an engine's that is open.

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};

use criterion::{Criterion, criterion_group, criterion_main};
use landrush::fraud::{Asked, Fraud, Verdict};
use landrush_engine::campaign::CampaignDefinition;
use landrush_engine::command::Command;
use landrush_engine::fairness::Seed;
use landrush_engine::outcome::Outcome;
use landrush_engine::time::Timestamp;
use landrush_engine::{Engine, EngineOptions};

fn notes(criterion: &mut Criterion) {
    let directory = tempfile::tempdir().expect("a directory");
    let options = EngineOptions { shards: 1, ..EngineOptions::default() };
    let mut entropy = |buffer: &mut [u8]| buffer.fill(7);
    let (engine, _) = Engine::open(directory.path(), options, &mut entropy).expect("a fresh directory opens");
    let definition = CampaignDefinition::builder("rush").coupon_type("cash-5", 1_000).build().expect("valid");
    let (route, number) = (engine.route(&definition.id), engine.next_campaign_number());
    let create =
        Command::Create { campaign: number, definition: Box::new(definition), seed: Seed::from_bytes([1; 32]) };
    assert!(matches!(engine.blocking_port().call(route, create), Ok(Outcome::Created(_))));
    let campaign = engine.directory().find_number(number).expect("made");
    let now = engine.clock().now();

    let fraud = Fraud::new(1, [7; 16], Timestamp::from_milliseconds(0));
    for callers in [100u32, 1 << 24] {
        let mut caller = 0u32;
        criterion.bench_function(&format!("a note, {callers} callers in turn"), |bencher| {
            bencher.iter(|| {
                caller = (caller + 1) % callers;
                // An odd factor only permutes: neighbours are in different blocks.
                let bits = caller.wrapping_mul(0x9e37_79b9);
                let address = IpAddr::V4(Ipv4Addr::from_bits(bits)).into();
                let device = bits.to_le_bytes();
                let phone = phone(bits);
                let phone = std::str::from_utf8(&phone).expect("digits");
                let asked = Asked { address: Some(address), device: Some(&device), phone: Some(phone) };
                let verdict = if bits.is_multiple_of(4) { Verdict::Granted } else { Verdict::Refused(None) };
                fraud.note(0, black_box(&campaign), &asked, now, verdict);
            });
        });
    }
    engine.close().expect("it closes");
}

/// A number of eleven digits with these bits.
fn phone(mut bits: u32) -> [u8; 12] {
    let mut text = *b"+65000000000";
    for digit in text[3..].iter_mut() {
        *digit = b'0' + u8::try_from(bits % 10).expect("a digit");
        bits /= 10;
    }
    text
}

criterion_group!(benches, notes);
criterion_main!(benches);
