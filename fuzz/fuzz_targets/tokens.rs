//! Whatever somebody sends as a token, a ticket, a pass, or an answer to a challenge: it is read or refused, nothing panics, and
//! nothing that was not made here holds.
#![no_main]

use std::sync::LazyLock;

use landrush::config::{KeySource, SigningAlgorithm, TokenKey, TokenSettings};
use landrush::gate::challenge::altcha::Altcha;
use landrush::gate::challenge::pass::Passes;
use landrush::gate::ticket::Tickets;
use landrush::gate::user_token::Verifier;
use landrush_engine::id::{CampaignId, CampaignNumber, UserId};
use landrush_engine::keys::Keys;
use landrush_engine::time::Timestamp;
use libfuzzer_sys::fuzz_target;

struct Gate {
    verifier: Verifier,
    tickets: Tickets,
    passes: Passes,
    altcha: Altcha,
    campaign: CampaignId,
    user: UserId,
}

static GATE: LazyLock<Gate> = LazyLock::new(|| {
    let mut secret = [0; 32];
    // Another each time, so that nothing in the corpus can ever hold.
    std::io::Read::read_exact(&mut std::fs::File::open("/dev/urandom").expect("opens"), &mut secret).expect("reads");
    let keys = Keys::from_bytes([1; 16], secret);
    let secret: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    let key = TokenKey { algorithm: SigningAlgorithm::Hs256, id: None, source: KeySource::Secret(secret) };
    let settings = TokenSettings {
        keys: vec![key],
        issuer: None,
        audience: Vec::new(),
        jwks_refresh: std::time::Duration::from_mins(5),
    };
    Gate {
        verifier: Verifier::new(&settings, std::path::Path::new("")).expect("a secret is a key"),
        tickets: Tickets::new(&keys),
        passes: Passes::new(&keys),
        altcha: Altcha::new([3; 32]),
        campaign: CampaignId::new("sale").expect("an id"),
        user: UserId::new("ann").expect("an id"),
    }
});

fuzz_target!(|bytes: &[u8]| {
    let gate = &*GATE;
    let now = Timestamp::from_milliseconds(0);
    assert!(gate.verifier.verify(bytes, now).is_err());
    assert_eq!(gate.tickets.read(bytes), None);
    assert!(!gate.passes.holds(bytes, CampaignNumber(1), &gate.user, now));
    if let Ok(text) = std::str::from_utf8(bytes) {
        assert!(gate.altcha.read(text, &gate.campaign, &gate.user, now).is_err());
    }
});
