//! What does a token cost that is seen for the first time? By the way it is signed: one verification each, one thread.

use std::hint::black_box;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use criterion::{Criterion, criterion_group, criterion_main};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use landrush::config::{KeySource, SigningAlgorithm, TokenKey, TokenSettings};
use landrush::gate::user_token::Verifier;
use landrush_engine::time::Timestamp;

const SECRET: &str = "a secret of at least thirty-two bytes";

/// A private key as PEM: that reads PKCS #8 for every algorithm.
fn pem(der: &[u8]) -> Vec<u8> {
    format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", STANDARD.encode(der)).into_bytes()
}

fn first_time(criterion: &mut Criterion) {
    let directory = tempfile::tempdir().expect("a directory");
    let rsa = RsaKeyPair::generate(KeySize::Rsa2048).expect("generates");
    let ec = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("generates");
    let ed = Ed25519KeyPair::generate().expect("generates");
    let rsa = AsDer::<Pkcs8V1Der<'_>>::as_der(&rsa).expect("can be written");
    let ec = ec.to_pkcs8v1().expect("can be written");
    let ed = AsDer::<Pkcs8V1Der<'_>>::as_der(&ed).expect("can be written");
    let ways = [
        (SigningAlgorithm::Hs256, Algorithm::HS256, EncodingKey::from_secret(SECRET.as_bytes())),
        (SigningAlgorithm::Rs256, Algorithm::RS256, EncodingKey::from_rsa_pem(&pem(rsa.as_ref())).expect("a key")),
        (SigningAlgorithm::Es256, Algorithm::ES256, EncodingKey::from_ec_pem(&pem(ec.as_ref())).expect("a key")),
        (SigningAlgorithm::EdDsa, Algorithm::EdDSA, EncodingKey::from_ed_pem(&pem(ed.as_ref())).expect("a key")),
    ];
    for (algorithm, way, key) in ways {
        let source = if algorithm == SigningAlgorithm::Hs256 {
            KeySource::Secret(SECRET.to_owned())
        } else {
            let jwk = Jwk::from_encoding_key(&key, way).expect("has a public half");
            let path = directory.path().join(format!("{}.json", algorithm.word()));
            std::fs::write(&path, serde_json::json!({"keys": [jwk]}).to_string()).expect("written");
            KeySource::Jwks(path)
        };
        let settings = TokenSettings {
            keys: vec![TokenKey { algorithm, id: None, source }],
            issuer: None,
            audience: Vec::new(),
            jwks_refresh: std::time::Duration::from_mins(5),
        };
        let verifier = Verifier::new(&settings, std::path::Path::new("")).expect("a key");
        let claims = serde_json::json!({"sub": "user-00012345", "exp": 1_796_083_800});
        let token = encode(&Header::new(way), &claims, &key).expect("signs");
        let now = Timestamp::from_milliseconds(1_796_083_200_000);
        assert!(verifier.verify(token.as_bytes(), now).is_ok());
        criterion.bench_function(&format!("a token signed with {}", algorithm.word()), |bencher| {
            bencher.iter(|| verifier.verify(black_box(token.as_bytes()), now).is_ok());
        });
    }
}

criterion_group!(benches, first_time);
criterion_main!(benches);
