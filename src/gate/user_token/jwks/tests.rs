//! What becomes of a set of keys whose source changes it, breaks it, or goes away.

use std::sync::mpsc::{Receiver, channel};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use landrush_engine::time::Timestamp;
use serde_json::json;

use super::*;
use crate::config::{KeySource, SigningAlgorithm, TokenKey, TokenSettings};
use crate::gate::user_token::{TokenFault, Verifier};
use crate::outbound::loopback::{Loopback, Step};

/// One who signs: a key by the name `kid`, as a set shows it.
struct Signer {
    kid: &'static str,
    secret: [u8; 32],
}

impl Signer {
    fn new(kid: &'static str, secret: u8) -> Self {
        Self { kid, secret: [secret; 32] }
    }

    fn key(&self) -> serde_json::Value {
        json!({"kty": "oct", "kid": self.kid, "alg": "HS256", "k": URL_SAFE_NO_PAD.encode(self.secret)})
    }

    fn set(&self) -> String {
        json!({"keys": [self.key()]}).to_string()
    }

    fn is_known(&self, verifier: &Verifier) -> bool {
        let header = Header { kid: Some(self.kid.to_owned()), ..Header::new(Algorithm::HS256) };
        let claims = json!({"sub": "ann", "exp": 2_000_000_000});
        let token = encode(&header, &claims, &EncodingKey::from_secret(&self.secret)).expect("a token");
        match verifier.verify(token.as_bytes(), Timestamp::from_milliseconds(1_900_000_000_000)) {
            Ok(_) => true,
            Err(fault) => {
                assert_eq!(fault, TokenFault::Unknown);
                false
            }
        }
    }
}

fn verifier(url: &str, directory: &Path) -> Arc<Verifier> {
    let source = KeySource::JwksUrl(JwksUrl::new(url).expect("this machine"));
    let key = TokenKey { algorithm: SigningAlgorithm::Hs256, id: None, source };
    let jwks_refresh = Duration::from_mins(5);
    let settings = TokenSettings { keys: vec![key], issuer: None, audience: Vec::new(), jwks_refresh };
    Arc::new(Verifier::new(&settings, directory).expect("a verifier"))
}

/// Follows the verifier's set in the background; what comes of each fetch comes out.
fn following(verifier: &Arc<Verifier>, every: Duration) -> Receiver<Result<(), String>> {
    following_at(verifier, Pace { every, every_min: Duration::ZERO })
}

fn following_at(verifier: &Arc<Verifier>, pace: Pace) -> Receiver<Result<(), String>> {
    let (results, taken) = channel();
    let (wanted, verifier) = (verifier.wanted()[0].clone(), Arc::clone(verifier));
    let take = move |url: &JwksUrl, set: Result<&[u8], String>| {
        let taken = verifier.take(url, set);
        drop(results.send(taken.clone()));
        taken
    };
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let outbound = Outbound::new().expect("trust").with_patience(Duration::from_millis(500));
        runtime.block_on(follow(outbound, wanted, pace, Arc::new(take)));
    });
    taken
}

fn next(taken: &Receiver<Result<(), String>>) -> Result<(), String> {
    taken.recv_timeout(Duration::from_secs(20)).expect("a fetch")
}

const LONG: Duration = Duration::from_hours(1);

#[test]
fn a_token_with_an_unknown_key_brings_the_set_that_has_it() {
    let (old, new) = (Signer::new("old", 1), Signer::new("new", 2));
    let source = Loopback::start(vec![Step::Answer(200, old.set()), Step::Answer(200, new.set())]);
    let directory = tempfile::tempdir().expect("a directory");
    let verifier = verifier(&source.url(), directory.path());
    let taken = following(&verifier, LONG);
    assert_eq!(next(&taken), Ok(()));
    assert!(old.is_known(&verifier));
    assert_eq!(verifier.fetches(), [1, 0], "a known key brings nothing");
    assert!(!new.is_known(&verifier), "its name is not known yet, and is asked for");
    assert_eq!(next(&taken), Ok(()));
    assert!(new.is_known(&verifier));
    assert!(!old.is_known(&verifier), "a key that was taken out of the set holds no more");
}

#[test]
fn however_many_tokens_name_keys_that_nobody_knows_the_set_is_fetched_no_oftener_than_it_may() {
    let (ours, stranger) = (Signer::new("ours", 1), Signer::new("stranger", 2));
    let source = Loopback::start((0..20).map(|_| Step::Answer(200, ours.set())).collect());
    let directory = tempfile::tempdir().expect("a directory");
    let verifier = verifier(&source.url(), directory.path());
    let every_min = Duration::from_millis(200);
    let began = std::time::Instant::now();
    let taken = following_at(&verifier, Pace { every: LONG, every_min });
    let mut fetched = 0;
    while fetched < 4 {
        for _ in 0..100 {
            assert!(!stranger.is_known(&verifier));
        }
        fetched += taken.try_iter().inspect(|taken| assert_eq!(*taken, Ok(()))).count();
        let elapsed = began.elapsed();
        let most = elapsed.as_millis() / every_min.as_millis() + 1;
        assert!(fetched as u128 <= most, "{fetched} within {elapsed:?}");
        assert!(elapsed < Duration::from_secs(20), "{fetched}: it is wanted, and is not fetched");
    }
    assert!(ours.is_known(&verifier));
}

#[test]
fn no_fault_of_the_source_takes_a_key_away_nor_does_a_restart() {
    let (ours, other) = (Signer::new("ours", 1), Signer::new("other", 2));
    let unfit = json!({"keys": [{"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}]}).to_string();
    let faults = [
        Step::Answer(200, String::from("no set")),
        Step::Answer(200, String::from("{}")),
        Step::Answer(200, json!({"keys": []}).to_string()),
        Step::Answer(200, unfit),
        Step::Answer(200, format!("{}{}", other.set(), " ".repeat(SET_BYTES_MAX))),
        Step::Answer(500, other.set()),
        Step::Answer(302, other.set()),
        Step::Raw(format!("HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\n{}", other.set())),
        Step::Silence,
    ];
    let count = faults.len();
    let mut script = vec![Step::Answer(200, ours.set())];
    script.extend(faults);
    script.push(Step::Answer(200, other.set()));
    let source = Loopback::start(script);
    let directory = tempfile::tempdir().expect("a directory");
    let before = verifier(&source.url(), directory.path());
    let taken = following(&before, Duration::ZERO);
    assert_eq!(next(&taken), Ok(()));
    for number in 0..count {
        assert!(next(&taken).is_err(), "fault {number}");
        // The one after the last fault may have been taken by now.
        if number + 2 < count {
            assert!(ours.is_known(&before), "fault {number}");
            assert!(ours.is_known(&verifier(&source.url(), directory.path())), "fault {number}, and a restart");
        }
    }
    assert_eq!(next(&taken), Ok(()));
    assert!(other.is_known(&before));
    let [done, failed] = before.fetches();
    assert!(done >= 2 && failed == count as u64, "{done} {failed}");
}

#[test]
fn keys_that_cannot_be_read_are_left_out_and_the_others_hold() {
    let ours = Signer::new("ours", 1);
    let odd = json!({"kid": "odd", "kty": "oct", "use": 7, "k": 7});
    let set = json!({"keys": [odd, 7, {"kty": "LATTICE", "alg": "ML-DSA-44"}, ours.key()]}).to_string();
    let (_, left_out) = keys(set.as_bytes()).expect("a set");
    assert!(left_out.iter().any(|word| word.contains("number 1")), "{left_out:?}");
    let directory = tempfile::tempdir().expect("a directory");
    let verifier = verifier("https://login.example.org/keys", directory.path());
    let url = verifier.wanted()[0].set.clone();
    assert_eq!(verifier.take(&url, Ok(set.as_bytes())), Ok(()));
    assert!(ours.is_known(&verifier));
}

#[test]
fn a_copy_that_was_damaged_does_not_keep_the_server_from_starting() {
    let ours = Signer::new("ours", 1);
    let directory = tempfile::tempdir().expect("a directory");
    let url = "https://login.example.org/keys";
    let set = JwksUrl::new(url).expect("https");
    std::fs::write(set.kept_in(directory.path()), "{\"keys\": [").expect("written");
    let verifier = verifier(url, directory.path());
    assert!(!ours.is_known(&verifier));
    assert_eq!(verifier.take(&set, Ok(ours.set().as_bytes())), Ok(()));
    assert!(ours.is_known(&verifier));
}

#[test]
fn spans_are_lengthened_by_at_most_a_quarter() {
    let second = Duration::from_secs(1);
    let spans: Vec<Duration> = (0..100).map(|_| spread(second)).collect();
    assert!(spans.iter().all(|span| (second..second * 5 / 4).contains(span)));
    assert!(spans.iter().any(|span| *span != spans[0]), "they are unlike each other");
}
