//! Tokens that hold, and every way in which one may not.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use landrush_engine::campaign::TokenClaim;
use serde_json::{Value, json};

use super::cache::TokenCache;
use super::*;
use crate::config::{KeySource, SigningAlgorithm, TokenKey};

const SECRET: &str = "a secret of at least thirty-two bytes";

/// A moment in 2026, in seconds.
const NOW: u64 = 1_800_000_000;

fn now() -> Timestamp {
    Timestamp::from_milliseconds(NOW * 1_000)
}

fn settings(source: KeySource, algorithm: SigningAlgorithm) -> TokenSettings {
    TokenSettings {
        keys: vec![TokenKey { algorithm, id: None, source }],
        issuer: None,
        audience: Vec::new(),
        jwks_refresh: std::time::Duration::from_mins(5),
    }
}

fn shared() -> TokenSettings {
    settings(KeySource::Secret(SECRET.to_owned()), SigningAlgorithm::Hs256)
}

fn signed(header: &Header, claims: &Value) -> String {
    encode(header, claims, &EncodingKey::from_secret(SECRET.as_bytes())).expect("signs")
}

fn verify(settings: &TokenSettings, token: &str) -> Result<Verified, TokenFault> {
    Verifier::new(settings, Path::new("")).expect("keys that can be used").verify(token.as_bytes(), now())
}

fn judged(settings: &TokenSettings, claims: &Value) -> Result<String, TokenFault> {
    verify(settings, &signed(&Header::new(Algorithm::HS256), claims)).map(|verified| verified.user.as_str().to_owned())
}

#[test]
fn the_subject_is_the_user_until_the_end_and_its_leeway() {
    let token = signed(&Header::new(Algorithm::HS256), &json!({"sub": "ann", "exp": NOW + 10}));
    let verified = verify(&shared(), &token).expect("holds");
    assert_eq!(verified.user.as_str(), "ann");
    assert_eq!(verified.until, Timestamp::from_milliseconds((NOW + 70) * 1_000));
}

#[test]
fn times_are_judged_with_a_leeway() {
    let of = |exp: Value, nbf: Value| judged(&shared(), &json!({"sub": "ann", "exp": exp, "nbf": nbf}));
    assert_eq!(of(json!(NOW - 59), Value::Null), Ok("ann".to_owned()));
    assert_eq!(of(json!(NOW - 60), Value::Null), Err(TokenFault::Expired));
    assert_eq!(of(json!(NOW + 1), json!(NOW + 60)), Ok("ann".to_owned()));
    assert_eq!(of(json!(NOW + 99), json!(NOW + 61)), Err(TokenFault::Early));
    assert_eq!(of(json!(NOW as f64 + 0.5), json!(NOW as f64 - 0.5)), Ok("ann".to_owned()));
    assert_eq!(of(json!(1e300), Value::Null), Ok("ann".to_owned()));
    assert_eq!(of(Value::Null, Value::Null), Err(TokenFault::Malformed));
    assert_eq!(of(json!(-1), Value::Null), Err(TokenFault::Malformed));
}

#[test]
fn who_made_it_and_for_whom_is_judged() {
    let claims = |iss: Value, aud: Value| json!({"sub": "ann", "exp": NOW + 9, "iss": iss, "aud": aud});
    let asking =
        TokenSettings { issuer: Some("shop".into()), audience: vec!["landrush".into(), "l2".into()], ..shared() };
    assert!(judged(&asking, &claims(json!("shop"), json!("landrush"))).is_ok());
    assert!(judged(&asking, &claims(json!("shop"), json!(["other", "l2"]))).is_ok());
    assert_eq!(judged(&asking, &claims(json!("shop2"), json!("l2"))), Err(TokenFault::Issuer));
    assert_eq!(judged(&asking, &claims(Value::Null, json!("l2"))), Err(TokenFault::Issuer));
    assert_eq!(judged(&asking, &claims(json!("shop"), json!("other"))), Err(TokenFault::Audience));
    assert_eq!(judged(&asking, &claims(json!("shop"), Value::Null)), Err(TokenFault::Audience));
    // Without an audience of our own, a token for somebody else is not for us.
    assert_eq!(judged(&shared(), &claims(json!("any"), json!("other"))), Err(TokenFault::Audience));
    assert!(judged(&shared(), &claims(json!("any"), Value::Null)).is_ok());
}

#[test]
fn a_subject_must_be_a_user() {
    for subject in [Value::Null, json!(""), json!("a\u{0}b"), json!("x".repeat(129))] {
        assert_eq!(judged(&shared(), &json!({"sub": subject, "exp": NOW + 9})), Err(TokenFault::Subject), "{subject}");
    }
}

#[test]
fn a_forged_token_does_not_hold() {
    let claims = json!({"sub": "ann", "exp": NOW + 9});
    let good = signed(&Header::new(Algorithm::HS256), &claims);
    let parts: Vec<&str> = good.split('.').collect();
    let other = signed(&Header::new(Algorithm::HS256), &json!({"sub": "bob", "exp": NOW + 9}));
    let payload = other.split('.').nth(1).expect("a payload");
    // {"alg":"none"} and {"alg":"None","typ":"JWT"}
    let none = ["eyJhbGciOiJub25lIn0", "eyJhbGciOiJOb25lIiwidHlwIjoiSldUIn0"];
    let with_another_secret =
        encode(&Header::new(Algorithm::HS256), &claims, &EncodingKey::from_secret(b"another")).expect("signs");
    let stronger = signed(&Header::new(Algorithm::HS512), &claims);
    let mut critical = Header::new(Algorithm::HS256);
    critical.crit = Some(vec!["exp".to_owned()]);
    for (token, fault) in [
        (String::new(), TokenFault::Malformed),
        ("a.b".to_owned(), TokenFault::Malformed),
        ("x".repeat(TOKEN_BYTES_MAX + 1), TokenFault::Malformed),
        (format!("{}.{payload}.{}", parts[0], parts[2]), TokenFault::Unknown),
        (format!("{}.{}.", parts[0], parts[1]), TokenFault::Unknown),
        (format!("{}.{}.", none[0], parts[1]), TokenFault::Malformed),
        (format!("{}.{}.{}", none[1], parts[1], parts[2]), TokenFault::Malformed),
        (with_another_secret, TokenFault::Unknown),
        (stronger, TokenFault::Unknown),
        (signed(&critical, &claims), TokenFault::Malformed),
    ] {
        assert_eq!(verify(&shared(), &token), Err(fault), "{token}");
    }
    assert!(verify(&shared(), &good).is_ok());
}

/// Whoever reads the first of two members and whoever reads the last take one token for two.
#[test]
fn a_token_that_says_a_thing_twice_does_not_hold() {
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    let signed = |head: &str, claims: &str| {
        let parts = [head, claims].map(|text| URL_SAFE_NO_PAD.encode(text)).join(".");
        let signature = jsonwebtoken::crypto::sign(parts.as_bytes(), &key, Algorithm::HS256).expect("signs");
        format!("{parts}.{signature}")
    };
    let (head, claims) = (r#"{"alg":"HS256","typ":"JWT"}"#, r#"{"sub":"ann","exp":1800000009}"#);
    assert!(verify(&shared(), &signed(head, claims)).is_ok());
    for head in
        [r#"{"alg":"HS256","alg":"HS256"}"#, r#"{"alg":"none","alg":"HS256"}"#, r#"{"alg":"HS256","alg":"none"}"#]
    {
        assert_eq!(verify(&shared(), &signed(head, claims)), Err(TokenFault::Malformed), "{head}");
    }
    for claims in [
        r#"{"sub":"ann","sub":"ann","exp":1800000009}"#,
        r#"{"sub":"bob","exp":1800000009,"sub":"ann"}"#,
        r#"{"sub":"ann","exp":1,"exp":1800000009}"#,
    ] {
        assert!(verify(&shared(), &signed(head, claims)).is_err(), "{claims}");
    }
}

#[test]
fn a_name_of_a_key_leads_to_that_key_alone() {
    let key = |id: &str, secret: &str| TokenKey {
        algorithm: SigningAlgorithm::Hs256,
        id: Some(id.to_owned()),
        source: KeySource::Secret(secret.to_owned()),
    };
    let settings = TokenSettings { keys: vec![key("old", "another secret"), key("new", SECRET)], ..shared() };
    let mut header = Header::new(Algorithm::HS256);
    for (id, holds) in [(Some("new"), true), (Some("old"), false), (Some("none"), false), (None, true)] {
        header.kid = id.map(str::to_owned);
        let token = signed(&header, &json!({"sub": "ann", "exp": NOW + 9}));
        assert_eq!(verify(&settings, &token).is_ok(), holds, "{id:?}");
    }
}

#[test]
fn a_token_that_was_seen_is_remembered_until_it_expires_or_keys_change() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("jwks.json");
    let set = |secret: &str| {
        let jwk =
            jsonwebtoken::jwk::Jwk::from_encoding_key(&EncodingKey::from_secret(secret.as_bytes()), Algorithm::HS256);
        json!({"keys": [jwk.expect("a key")]}).to_string()
    };
    std::fs::write(&path, set(SECRET)).expect("written");
    let verifier = Verifier::new(&settings(KeySource::Jwks(path.clone()), SigningAlgorithm::Hs256), Path::new(""))
        .expect("keys that can be used");
    let mut cache = TokenCache::new([7; 16]);
    let token = signed(&Header::new(Algorithm::HS256), &json!({"sub": "ann", "exp": NOW + 10}));
    let mut ask = |seconds: u64| {
        let moment = Timestamp::from_milliseconds((NOW + seconds) * 1_000);
        cache.verify(&verifier, token.as_bytes(), moment).map(|verified| verified.user.as_str().to_owned())
    };
    assert_eq!((ask(0), ask(69)), (Ok("ann".into()), Ok("ann".into())));
    assert_eq!(ask(70), Err(TokenFault::Expired));

    let replace = |text: &str, seconds: u64| {
        std::fs::write(&path, text).expect("written");
        let later = std::time::UNIX_EPOCH + std::time::Duration::from_secs(NOW + seconds);
        std::fs::File::options().append(true).open(&path).and_then(|file| file.set_modified(later)).expect("touched");
        verifier.refresh();
    };
    replace("not a set of keys", 1);
    assert_eq!(ask(0), Ok("ann".into()), "a file that is wrong leaves the keys as they were");
    std::fs::remove_file(&path).expect("removed");
    verifier.refresh();
    assert_eq!(ask(0), Ok("ann".into()), "so does one that is away");
    replace(&set("another secret altogether"), 2);
    assert_eq!(ask(0), Err(TokenFault::Unknown), "what the old key had signed holds no more");
    replace(&set(SECRET), 3);
    assert_eq!(ask(0), Ok("ann".into()));
}

/// A file was seen to have changed by its time alone: one that bore the time of the one before was never read, and a key that it had
/// taken back held on.
#[test]
fn another_content_is_seen_whatever_the_time_of_its_file() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("jwks.json");
    let other = "another one of thirty-seven bytes, so";
    assert_eq!(other.len(), SECRET.len());
    let set = |secret: &str| {
        let key = EncodingKey::from_secret(secret.as_bytes());
        let jwk = jsonwebtoken::jwk::Jwk::from_encoding_key(&key, Algorithm::HS256).expect("a key");
        json!({"keys": [jwk]}).to_string()
    };
    let write = |text: &str, seconds: u64| {
        let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(NOW + seconds);
        std::fs::write(&path, text).expect("written");
        std::fs::File::options().append(true).open(&path).and_then(|file| file.set_modified(time)).expect("touched");
    };
    write(&set(SECRET), 5);
    let verifier = Verifier::new(&settings(KeySource::Jwks(path.clone()), SigningAlgorithm::Hs256), Path::new(""))
        .expect("keys that can be used");
    let token = signed(&Header::new(Algorithm::HS256), &json!({"sub": "ann", "exp": NOW + 10}));
    let holds = || {
        verifier.refresh();
        verifier.verify(token.as_bytes(), now()).is_ok()
    };
    assert!(holds());
    write(&set(other), 5);
    assert!(!holds(), "as long as the one before, and at the same time");
    write(&(set(SECRET) + "\n"), 5);
    assert!(holds(), "longer, at the same time");
    write(&set(other), 4);
    assert!(!holds(), "older");
    let generation = verifier.generation();
    write(&set(other), 9);
    assert!(!holds());
    assert_eq!(verifier.generation(), generation, "the same content is nothing new, and tokens that were seen stay so");
    write("not a set", 9);
    assert!(!holds());
    write(&set(SECRET), 9);
    assert!(holds(), "nor does one that was wrong hide the next");
}

#[test]
fn a_cache_that_is_full_forgets_what_is_old_and_keeps_what_is_asked_for() {
    let verifier = Verifier::new(&shared(), Path::new("")).expect("keys");
    let mut cache = TokenCache::with_half(4, [7; 16]);
    let tokens: Vec<String> = (0..12)
        .map(|number| signed(&Header::new(Algorithm::HS256), &json!({"sub": format!("u{number}"), "exp": NOW + 9})))
        .collect();
    for token in &tokens {
        cache.verify(&verifier, token.as_bytes(), now()).expect("holds");
        cache.verify(&verifier, tokens[0].as_bytes(), now()).expect("holds");
        assert!(cache.len() <= 8, "{}", cache.len());
    }
    assert!(cache.remembers(tokens[0].as_bytes()) && cache.remembers(tokens[11].as_bytes()));
    assert!(!cache.remembers(tokens[1].as_bytes()));
}

/// What a campaign asks for: names and JSON texts.
fn asked(claims: &[(&str, &str)]) -> Vec<TokenClaim> {
    claims.iter().map(|(name, value)| TokenClaim { name: (*name).into(), value: (*value).into() }).collect()
}

#[test]
fn what_a_token_says_is_read_once_for_whatever_is_asked() {
    let mut cache = TokenCache::new([7; 16]);
    let says = json!({"sub": "ann", "exp": NOW + 9, "segment": "vip", "level": 3, "of": ["vip"]});
    let ann = signed(&Header::new(Algorithm::HS256), &says);
    let bob = signed(&Header::new(Algorithm::HS256), &json!({"sub": "bob", "exp": NOW + 9, "segment": "staff"}));
    let (ann, bob) = (ann.as_bytes(), bob.as_bytes());
    let questions = [
        ([("segment", "\"vip\"")].as_slice(), [true, false]),
        (&[("segment", "\"staff\"")], [false, true]),
        (&[("level", "3"), ("segment", "\"vip\"")], [true, false]),
        (&[("level", "\"3\"")], [false, false]),
        (&[("of", "\"vip\"")], [false, false]),
        // The same bytes, cut elsewhere.
        (&[("segmen", "t\"vip\"")], [false, false]),
        (&[("level", "3segment"), ("\"vip\"", "")], [false, false]),
        (&[], [true, true]),
    ];
    // Each is asked for the first time, then from memory, with all the others between.
    for round in ["read", "remembered"] {
        for (claims, expected) in questions {
            let claims = asked(claims);
            assert_eq!(cache.remembers_said(ann, &claims), round == "remembered", "{claims:?}");
            assert_eq!([cache.says(ann, &claims), cache.says(bob, &claims)], expected, "{round} {claims:?}");
        }
    }
    assert!(!cache.says(b"a.b", &asked(&[])), "what is no token says nothing");
}

#[test]
fn what_tokens_say_fills_no_more_memory_than_it_may() {
    let mut cache = TokenCache::with_half(4, [7; 16]);
    let token = signed(&Header::new(Algorithm::HS256), &json!({"sub": "ann", "exp": NOW + 9, "level": 3}));
    let levels: Vec<_> = (0..12).map(|level: u32| asked(&[("level", &level.to_string())])).collect();
    for (level, claims) in levels.iter().enumerate() {
        assert_eq!(cache.says(token.as_bytes(), claims), level == 3);
        assert!(!cache.says(token.as_bytes(), &levels[0]));
        assert!(cache.len() <= 8, "{}", cache.len());
    }
    assert!(cache.remembers_said(token.as_bytes(), &levels[0]) && cache.remembers_said(token.as_bytes(), &levels[11]));
    assert!(!cache.remembers_said(token.as_bytes(), &levels[1]));
}
