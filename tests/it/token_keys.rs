//! Where the keys of users' tokens are: in the settings, in a file of their own, in a set that is replaced while the server runs.

use std::path::Path;
use std::time::Instant;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair};
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::json;

use crate::client::{Client, PATIENCE};
use crate::server::Server;
use crate::tokens::{CLAIMS, call, ed_key, pem, server, token};

/// A key that signs, and the same for whoever verifies, in PEM.
struct Pair {
    signs: EncodingKey,
    verifies: String,
}

fn private(der: &[u8]) -> Vec<u8> {
    pem("PRIVATE KEY", der).into_bytes()
}

fn rsa() -> Pair {
    let key = RsaKeyPair::generate(KeySize::Rsa2048).expect("a key");
    let own = AsDer::<Pkcs8V1Der<'_>>::as_der(&key).expect("DER");
    let public = AsDer::<PublicKeyX509Der<'_>>::as_der(key.public_key()).expect("DER");
    let signs = EncodingKey::from_rsa_pem(&private(own.as_ref())).expect("a key");
    Pair { signs, verifies: pem("PUBLIC KEY", public.as_ref()) }
}

fn ec() -> Pair {
    let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key");
    let own = key.to_pkcs8v1().expect("DER");
    let public = AsDer::<PublicKeyX509Der<'_>>::as_der(key.public_key()).expect("DER");
    let signs = EncodingKey::from_ec_pem(&private(own.as_ref())).expect("a key");
    Pair { signs, verifies: pem("PUBLIC KEY", public.as_ref()) }
}

fn ed() -> Pair {
    let key = Ed25519KeyPair::generate().expect("a key");
    let own = AsDer::<Pkcs8V1Der<'_>>::as_der(&key).expect("DER");
    let public = AsDer::<PublicKeyX509Der<'_>>::as_der(key.public_key()).expect("DER");
    let signs = EncodingKey::from_ed_pem(&private(own.as_ref())).expect("a key");
    Pair { signs, verifies: pem("PUBLIC KEY", public.as_ref()) }
}

/// What a claim is answered that bears `token`.
fn status(client: &Client, token: &str) -> u16 {
    call(client, "POST", CLAIMS, Some(token), Some(&json!({}))).status
}

#[test]
fn a_public_key_in_the_settings_or_in_a_file_verifies_what_its_own_key_has_signed() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let file = directory.path().join("public.pem");
    for (algorithm, word, pair, stranger) in [
        (Algorithm::RS256, "RS256", rsa(), rsa()),
        (Algorithm::ES256, "ES256", ec(), ec()),
        (Algorithm::EdDSA, "EdDSA", ed(), ed()),
    ] {
        std::fs::write(&file, &pair.verifies).expect("written");
        let inline = format!("\"\"\"\n{}\"\"\"", pair.verifies);
        for (place, key) in [("in the settings", inline), ("in a file", format!("\"{}\"", file.display()))] {
            let server = server(&format!("alg = \"{word}\"\npublic_key = {key}"));
            let client = server.client();
            let won = call(&client, "POST", CLAIMS, Some(&token(algorithm, &pair.signs, "ann")), Some(&json!({})));
            assert_eq!(won.status, 201, "{word} {place}: {}", won.text());
            assert_eq!(won.json()["user_id"], "ann", "{word} {place}");
            assert_eq!(status(&client, &token(algorithm, &stranger.signs, "bob")), 401, "{word} {place}");
        }
    }
}

/// Puts `text` in the place of `file`, as whoever rotates keys does: at once.
fn replace(file: &Path, text: &str) {
    let new = file.with_extension("new");
    std::fs::write(&new, text).expect("written");
    std::fs::rename(&new, file).expect("renamed");
}

/// Waits until a token is taken that the server did not know.
fn wait_until_taken(client: &Client, token: &str) {
    let began = Instant::now();
    while status(client, token) == 401 {
        assert!(began.elapsed() < PATIENCE, "the file was never read again");
        std::thread::park_timeout(std::time::Duration::from_millis(50));
    }
}

#[test]
fn a_set_that_is_replaced_brings_its_keys_and_takes_those_it_had_and_no_set_changes_nothing() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let [shop, partner] = ["shop.json", "partner.json"].map(|name| directory.path().join(name));
    let keys: [_; 4] = std::array::from_fn(|_| ed_key());
    let [shops, shops_new, partners, partners_new] =
        keys.each_ref().map(|(key, _)| token(Algorithm::EdDSA, key, "ann"));
    replace(&shop, &keys[0].1);
    replace(&partner, &keys[2].1);
    let entry = |file: &Path| format!("[[auth.keys]]\nalg = \"EdDSA\"\njwks = \"{}\"\n", file.display());
    let server = Server::start(&format!("[auth]\nusers = \"jwt\"\n{}{}", entry(&shop), entry(&partner)));
    let client = server.client();
    client.campaign("c", &json!({}));
    let statuses = || [&shops, &shops_new, &partners, &partners_new].map(|token| status(&client, token));
    assert_eq!(status(&client, &shops), 201);
    assert_eq!(statuses(), [200, 401, 200, 401]);

    // Both are looked at in one go, the shop's first: whoever sees the other's new key has the broken set behind them.
    replace(&shop, "{\"keys\": [");
    replace(&partner, &keys[3].1);
    wait_until_taken(&client, &partners_new);
    assert_eq!(
        statuses(),
        [200, 401, 401, 200],
        "the broken set leaves its keys, the whole one takes the old key away"
    );

    replace(&shop, &keys[1].1);
    wait_until_taken(&client, &shops_new);
    assert_eq!(statuses(), [401, 200, 401, 200]);
}
