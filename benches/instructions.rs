//! How many instructions do the hottest functions take? Counted by callgrind, which counts the same on a noisy machine; held against what
//! stands here, so that a change that makes one of them dearer says so in its review. Needs `valgrind` (`apt-get install valgrind`).
//!
//! ```text
//! cargo bench --bench instructions              # counts, and fails where a count is more than a sixth off
//! ```
//!
//! Each function runs in a process of its own, once for a few calls and once for many: the difference is the calls' alone. Where a count
//! changes for a good reason (another compiler, another processor that the library has code for, more work that is wanted), the new one
//! is put here, in the change that causes it.

use std::hint::black_box;
use std::process::{Command as Process, ExitCode};
use std::time::Duration;

use landrush::gate::challenge::pass::Passes;
use landrush::gate::rate_limit::{Limiter, Mark};
use landrush::gate::ticket::Tickets;
use landrush::http::claim_body::ClaimBody;
use landrush::http::claim_request::{self, Seen};
use landrush_engine::campaign::{CampaignDefinition, Mode, RateLimit};
use landrush_engine::codec::encode_event;
use landrush_engine::command::{Claim, Command, Gate};
use landrush_engine::coupon::Codes;
use landrush_engine::fairness::Seed;
use landrush_engine::id::{CampaignNumber, Serial, UserId};
use landrush_engine::keys::Keys;
use landrush_engine::room::Place;
use landrush_engine::shard::State;
use landrush_engine::time::Timestamp;
use landrush_wal::frame::{Chain, FRAME_HEADER_BYTES, FrameHeader, FrameKind, Salt};
use landrush_wal::lsn::Lsn;

/// A function, what one call of it took when it was last looked at, and the call.
struct Pinned {
    name: &'static str,
    instructions: u64,
    /// Prepares, and calls so many times.
    run: fn(u32),
}

const PINNED: [Pinned; 7] = [
    Pinned { name: "read-a-claims-head", instructions: 3_452, run: read_heads },
    Pinned { name: "read-a-claims-body", instructions: 1_837, run: read_bodies },
    Pinned { name: "let-a-known-caller-pass", instructions: 19_551, run: pass_gates },
    Pinned { name: "decide-and-apply-a-claim", instructions: 1_635, run: decide_and_apply },
    Pinned { name: "encode-its-event", instructions: 176, run: encode_events },
    Pinned { name: "spell-its-code-and-id", instructions: 2_236, run: spell_codes },
    Pinned { name: "seal-a-frame-of-4096-bytes", instructions: 2_361, run: seal_frames },
];

const FEW: u32 = 2_000;
const MANY: u32 = 12_000;
const CAMPAIGN: CampaignNumber = CampaignNumber(0);

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [flag, name, calls] = &arguments[..]
        && flag == "--run"
    {
        let pinned = PINNED.iter().find(|pinned| pinned.name == name).expect("a name from here");
        (pinned.run)(calls.parse().expect("a number from here"));
        return ExitCode::SUCCESS;
    }
    let mut all_hold = true;
    println!("{:<30} {:>12} {:>12}", "instructions a call", "now", "pinned");
    for Pinned { name, instructions, .. } in PINNED {
        let now = (counted(name, MANY) - counted(name, FEW)) / u64::from(MANY - FEW);
        let holds = now.abs_diff(instructions) * 6 <= instructions;
        all_hold &= holds;
        println!("{name:<30} {now:>12} {instructions:>12}{}", if holds { "" } else { "  <- more than a sixth off" });
    }
    if all_hold { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The instructions of a process that makes so many calls.
fn counted(name: &str, calls: u32) -> u64 {
    let this = std::env::current_exe().expect("a path of its own");
    let output = Process::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(this)
        .args(["--run", name, &calls.to_string()])
        .output()
        .expect("valgrind starts: is it installed?");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let collected = said.lines().find_map(|line| line.split_once("Collected : ")).expect("callgrind says its count").1;
    collected.trim().parse().expect("callgrind's count is a number")
}

fn user(number: u32) -> UserId {
    UserId::new(&format!("user-{number:010}")).expect("an id")
}

fn now() -> Timestamp {
    Timestamp::from_milliseconds(1_796_083_200_000)
}

fn read_heads(calls: u32) {
    let request =
        b"POST /v1/campaigns/spring-sale/claims HTTP/1.1\r\nHost: shop.example\r\nContent-Type: application/json\r\n\
        X-Device-Id: device-12345\r\nContent-Length: 29\r\n\r\n{\"user_id\":\"user-0000012345\"}";
    for _ in 0..calls {
        assert!(matches!(claim_request::see(black_box(request)), Seen::Claim(_)));
    }
}

fn read_bodies(calls: u32) {
    let body = br#"{"user_id":"user-0000012345","coupon_type":"cash-5"}"#;
    for _ in 0..calls {
        assert!(ClaimBody::parse(black_box(body), Mode::FirstCome, None).is_ok());
    }
}

/// A caller shows a ticket and a pass, and keeps to four rates. Nearly all of it are the hashes of the two seals, for which valgrind has
/// none of the processor's instructions: what they cost in time is what `benches/gate.rs` measures.
fn pass_gates(calls: u32) {
    let keys = Keys::from_bytes([7; 16], [9; 32]);
    let (tickets, passes, limiter) = (Tickets::new(&keys), Passes::new(&keys), Limiter::new(1 << 16, [4; 16]));
    let user = user(1);
    let ticket = tickets.issue(CAMPAIGN, Place { window: now(), number: 77 }, &user);
    let (pass, _) = passes.issue(CAMPAIGN, &user, now());
    let limit = RateLimit { requests: 1_000_000, per: Duration::from_secs(1) };
    for call in 0..calls {
        let moment = now().saturating_add(Duration::from_millis(u64::from(call)));
        assert!(tickets.read(black_box(ticket.as_bytes())).is_some_and(|ticket| ticket.is_of(&user)));
        assert!(passes.holds(black_box(pass.as_bytes()), CAMPAIGN, &user, now()));
        assert!((0..4).all(|_| limiter.ask(CAMPAIGN, Mark::User(&user), limit, moment).is_ok()));
    }
}

/// A state with a campaign that `MANY` people can claim from, and their claims.
fn state() -> (State, Vec<Command>) {
    let mut state = State::new(&Keys::from_bytes([7; 16], [9; 32]));
    let definition = CampaignDefinition::builder("rush").expected_claimants(MANY).coupon_type("a", MANY);
    let definition = Box::new(definition.build().expect("valid"));
    let create = Command::Create { campaign: CAMPAIGN, definition, seed: Seed::from_bytes([5; 32]) };
    let decision = state.decide(&create, now());
    state.apply(&decision.event.expect("it is made")).expect("it holds");
    let claims = (0..MANY).map(|number| {
        let gate = Gate::default();
        let (user, stamped_at) = (user(number), now());
        Command::Claim(Claim { campaign: CAMPAIGN, user, coupon_type: None, key: None, phone: None, gate, stamped_at })
    });
    (state, claims.collect())
}

fn decide_and_apply(calls: u32) {
    let (mut state, claims) = state();
    for claim in claims.iter().take(calls as usize) {
        let decision = state.decide(claim, now());
        state.apply(&decision.event.expect("it is won")).expect("it holds");
    }
    assert_eq!(state.claim_count(CAMPAIGN), calls);
}

fn encode_events(calls: u32) {
    let (state, claims) = state();
    let event = state.decide(&claims[0], now()).event.expect("it is won");
    let mut buffer = Vec::with_capacity(4_096);
    for _ in 0..calls {
        buffer.clear();
        encode_event(black_box(&event), &mut buffer);
    }
    assert!(!buffer.is_empty());
}

fn spell_codes(calls: u32) {
    let codes = Codes::new(&Keys::from_bytes([7; 16], [9; 32]));
    for serial in (0..calls).map(Serial) {
        black_box(codes.code_and_claim_id(CAMPAIGN, serial));
    }
}

fn seal_frames(calls: u32) {
    let mut frame = vec![0; 4_096];
    frame[FRAME_HEADER_BYTES..].fill(7);
    let header = FrameHeader {
        kind: FrameKind::Batch,
        payload_bytes: 4_096 - u32::try_from(FRAME_HEADER_BYTES).expect("64"),
        records: 90,
        first_lsn: Lsn(1),
        salt: Salt(2),
        known_durable: Lsn(0),
        epoch: 1,
        chain: Chain(3),
        frame_bytes: 4_096,
    };
    for _ in 0..calls {
        black_box(header.seal(black_box(&mut frame)));
    }
}
