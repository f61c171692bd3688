//! Users by token: `auth.users = "jwt"`, each way of signing, and what somebody else's token gains.

use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

use crate::client::{Client, JSON, Reply};
use crate::elsewhere;
use crate::server::{ADMIN_KEY, Server};

const SECRET: &str = "a secret of at least thirty-two bytes";

/// A token of `user` for the next ten minutes.
pub(crate) fn token(algorithm: Algorithm, key: &EncodingKey, user: &str) -> String {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    encode(&Header::new(algorithm), &json!({"sub": user, "exp": seconds + 600}), key).expect("signs")
}

fn shared(user: &str) -> String {
    token(Algorithm::HS256, &EncodingKey::from_secret(SECRET.as_bytes()), user)
}

/// A server with this one of `[[auth.keys]]`.
pub(crate) fn server(key: &str) -> Server {
    let server = Server::start(&format!("[auth]\nusers = \"jwt\"\n[[auth.keys]]\n{key}"));
    server.client().campaign("c", &json!({}));
    server
}

fn with_secret() -> Server {
    server(&format!("alg = \"HS256\"\nsecret = \"{SECRET}\""))
}

/// A call by whoever bears `token`.
pub(crate) fn call(client: &Client, method: &str, path: &str, token: Option<&str>, body: Option<&Value>) -> Reply {
    let authorization = token.map(|token| format!("Bearer {token}"));
    let mut headers: Vec<(&str, &str)> = authorization.iter().map(|value| ("authorization", value.as_str())).collect();
    headers.extend(body.map(|_| JSON));
    client.call(method, path, &headers, body.map(Value::to_string).unwrap_or_default().as_bytes())
}

/// Where the claims of the campaign go that every server here has.
pub(crate) const CLAIMS: &str = "/v1/campaigns/c/claims";

#[test]
fn the_token_says_who_the_user_is_and_the_body_need_not() {
    let server = with_secret();
    let client = server.client();
    let ann = shared("ann");
    let won = call(&client, "POST", CLAIMS, Some(&ann), Some(&json!({})));
    assert_eq!((won.status, won.json()["user_id"].as_str()), (201, Some("ann")), "{}", won.text());
    let again = call(&client, "POST", CLAIMS, Some(&ann), Some(&json!({"user_id": "ann"})));
    assert_eq!((again.status, &again.json()["coupon"]["code"]), (200, &won.json()["coupon"]["code"]));
    let other = call(&client, "POST", CLAIMS, Some(&ann), Some(&json!({"user_id": "bob"})));
    assert_eq!(other.problem(), (403, "forbidden".into()));

    let mine = call(&client, "GET", "/v1/campaigns/c/claims/by-user/ann", Some(&ann), None);
    assert_eq!((mine.status, mine.json()["items"].as_array().map(Vec::len)), (200, Some(1)));
    let theirs = call(&client, "GET", "/v1/campaigns/c/claims/by-user/bob", Some(&ann), None);
    assert_eq!(theirs.problem(), (403, "forbidden".into()));
    let operator = call(&client, "GET", "/v1/campaigns/c/claims/by-user/ann", Some(ADMIN_KEY), None);
    assert_eq!(operator.status, 200, "an operator looks anybody up");
}

#[test]
fn every_call_of_a_user_needs_a_token() {
    let server = with_secret();
    let client = server.client();
    client.campaign(
        "drawn",
        &json!({"mode": "draw", "limit": {"max": 1, "per": "day", "by": "user"}, "coupon_types": [
        {"id": "cash-5", "name": "cash", "total_quota": 100, "probability": 0.5}]}),
    );
    client.campaign("entered", &json!({"mode": "lottery"}));
    let user = json!({"user_id": "ann"});
    let phone = json!({"phone": "+6591234567"});
    let draw = json!({"user_id": "ann", "campaign_id": "drawn"});
    let calls: [(&str, &str, Option<&Value>); 8] = [
        ("POST", CLAIMS, Some(&user)),
        ("POST", "/v1/campaigns/drawn/draws", Some(&user)),
        ("POST", "/v1/campaigns/entered/entries", Some(&user)),
        ("POST", "/draw", Some(&draw)),
        ("GET", "/v1/campaigns/c/claims/by-user/ann", None),
        ("GET", "/v1/campaigns/entered/entries/by-user/ann", None),
        ("POST", "/v1/users", Some(&phone)),
        ("POST", "/user", Some(&phone)),
    ];
    let wrong = token(Algorithm::HS256, &EncodingKey::from_secret(b"another secret of thirty-two bytes!"), "ann");
    for (method, path, body) in calls {
        for token in [None, Some(wrong.as_str()), Some("nonsense"), Some("")] {
            let reply = call(&client, method, path, token, body);
            assert_eq!(reply.problem(), (401, "unauthorized".into()), "{method} {path} {token:?}");
            assert_eq!(reply.header("www-authenticate"), Some("Bearer"));
        }
        let reply = call(&client, method, path, Some(&shared("ann")), body);
        assert!(reply.status < 300, "{method} {path}: {}", reply.text());
        // And none of them lets one user act for another.
        let path = path.replace("ann", "bob");
        let body = body.map(|body| serde_json::from_str(&body.to_string().replace("ann", "bob")).expect("JSON"));
        if path.contains("bob") || body.as_ref().is_some_and(|body: &Value| body["user_id"] == "bob") {
            let reply = call(&client, method, &path, Some(&shared("ann")), body.as_ref());
            assert_eq!(reply.problem(), (403, "forbidden".into()), "{method} {path}");
        }
    }
    // A missing token comes before a wrong body and a campaign that is not there; a management call needs another key.
    assert_eq!(call(&client, "POST", CLAIMS, None, Some(&json!({"x": 1}))).problem().0, 401);
    assert_eq!(call(&client, "POST", "/v1/campaigns/none/claims", None, Some(&user)).problem().0, 401);
    assert_eq!(call(&client, "GET", CLAIMS, Some(&shared("ann")), None).problem(), (401, "unauthorized".into()));
    // What everybody may see needs none.
    client.campaign("room", &json!({"protection": {"waiting_room": {"admit_per_second": 1}}}));
    for path in [
        "/v1/campaigns",
        "/v1/campaigns/c",
        "/v1/campaigns/c/availability",
        "/v1/campaigns/room/waiting-room",
        "/v1/time",
    ] {
        assert_eq!(client.get(path).status, 200, "{path}");
    }
}

#[test]
fn a_place_in_a_waiting_room_is_told_to_its_user_alone() {
    let server = with_secret();
    let client = server.client();
    client.campaign("room", &json!({"protection": {"waiting_room": {"admit_per_second": 1}}}));
    let path = "/v1/campaigns/room/waiting-room";
    let joined = call(&client, "POST", path, Some(&shared("ann")), Some(&json!({})));
    let ticket = joined.json()["ticket"].as_str().expect("a ticket").to_owned();
    let ask = |path: &str, ticket: &str, token: Option<&str>| {
        let bearer = token.map(|token| format!("Bearer {token}"));
        let bearer = bearer.iter().map(|bearer| ("authorization", bearer.as_str()));
        let headers: Vec<_> = [("x-landrush-ticket", ticket)].into_iter().chain(bearer).collect();
        client.call("GET", path, &headers, b"")
    };
    let wrong = token(Algorithm::HS256, &EncodingKey::from_secret(b"another secret of thirty-two bytes!"), "ann");
    for token in [None, Some(wrong.as_str()), Some("nonsense"), Some(ADMIN_KEY)] {
        for (path, ticket) in [(path, ticket.as_str()), (path, "nonsense"), ("/v1/campaigns/none/waiting-room", "")] {
            let reply = ask(path, ticket, token);
            assert_eq!(reply.problem(), (401, "unauthorized".into()), "{path} {ticket} {token:?}");
            assert_eq!(reply.header("www-authenticate"), Some("Bearer"));
        }
    }
    assert_eq!(ask(path, &ticket, Some(&shared("bob"))).problem(), (403, "ticket_required".into()));
    let mine = ask(path, &ticket, Some(&shared("ann")));
    assert_eq!((mine.status, &mine.json()["number"]), (200, &joined.json()["number"]), "{}", mine.text());
    assert_eq!(mine.header("cache-control"), Some("private, no-store"));
    let shared = client.get(path);
    assert_eq!((shared.status, shared.header("cache-control")), (200, Some("public, max-age=1")));
    assert_eq!(shared.json()["number"], Value::Null);
}

#[test]
fn a_user_stores_a_phone_for_herself_alone() {
    let server = with_secret();
    let client = server.client();
    let made = call(&client, "POST", "/v1/users", Some(&shared("ann")), Some(&json!({"phone": "+6591234567"})));
    assert_eq!((made.status, made.json()["user_id"].as_str()), (201, Some("ann")));
    let other = json!({"phone": "+6591234567", "user_id": "bob"});
    let reply = call(&client, "POST", "/v1/users", Some(&shared("ann")), Some(&other));
    assert_eq!(reply.problem(), (403, "forbidden".into()));
}

#[test]
fn every_algorithm_verifies_by_its_own_key_and_by_no_other() {
    let rsa = KeyPair::generate(KeySize::Rsa2048).expect("a key");
    let rsa = AsDer::<Pkcs8V1Der<'_>>::as_der(&rsa).expect("DER");
    let ec = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key");
    let ec = ec.to_pkcs8v1().expect("DER");
    let ed = Ed25519KeyPair::generate().expect("a key");
    let ed = AsDer::<Pkcs8V1Der<'_>>::as_der(&ed).expect("DER");
    let pem = |der: &[u8]| pem("PRIVATE KEY", der).into_bytes();
    let keys = [
        (Algorithm::RS256, "RS256", EncodingKey::from_rsa_pem(&pem(rsa.as_ref())).expect("a key")),
        (Algorithm::ES256, "ES256", EncodingKey::from_ec_pem(&pem(ec.as_ref())).expect("a key")),
        (Algorithm::EdDSA, "EdDSA", EncodingKey::from_ed_pem(&pem(ed.as_ref())).expect("a key")),
    ];
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("jwks.json");
    let set: Vec<Jwk> =
        keys.iter().map(|(algorithm, _, key)| Jwk::from_encoding_key(key, *algorithm).expect("a public key")).collect();
    std::fs::write(&path, json!({"keys": set}).to_string()).expect("written");
    for (algorithm, word, key) in &keys {
        // Each server takes one algorithm out of the same set.
        let server = server(&format!("alg = \"{word}\"\njwks = \"{}\"", path.display()));
        let client = server.client();
        let mine = token(*algorithm, key, "ann");
        assert_eq!(call(&client, "POST", CLAIMS, Some(&mine), Some(&json!({}))).status, 201, "{word}");
        for (other, name, key) in keys.iter().filter(|(other, ..)| other != algorithm) {
            let theirs = token(*other, key, "bob");
            let reply = call(&client, "POST", CLAIMS, Some(&theirs), Some(&json!({})));
            assert_eq!(reply.problem().0, 401, "{name} at a server of {word}");
        }
        // The public key taken for a shared secret: the oldest trick of all.
        let text = std::fs::read(&path).expect("readable");
        let confused = token(Algorithm::HS256, &EncodingKey::from_secret(&text), "bob");
        assert_eq!(call(&client, "POST", CLAIMS, Some(&confused), Some(&json!({}))).problem().0, 401, "{word}");
    }
}

#[test]
fn a_token_that_is_over_or_ahead_or_unsigned_or_for_somebody_else_is_refused() {
    let configuration = format!(
        "[auth]\nusers = \"jwt\"\nissuer = \"shop\"\naudience = [\"landrush\"]\n[[auth.keys]]\nalg = \"HS256\"\nsecret = \"{SECRET}\""
    );
    let server = Server::start(&configuration);
    let client = server.client();
    client.campaign("c", &json!({}));
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    let sound = json!({"sub": "ann", "iss": "shop", "aud": "landrush", "exp": now + 600, "nbf": now - 600});
    let signed = |changed: &Value| {
        let mut claims = sound.clone();
        for (name, value) in changed.as_object().expect("an object") {
            claims[name] = value.clone();
        }
        encode(&Header::new(Algorithm::HS256), &claims, &EncodingKey::from_secret(SECRET.as_bytes())).expect("signs")
    };
    let status = |token: &str| call(&client, "POST", CLAIMS, Some(token), Some(&json!({}))).status;
    for changed in [
        json!({"exp": now - 600}),
        json!({"nbf": now + 600}),
        json!({"iss": "elsewhere"}),
        json!({"iss": null}),
        json!({"aud": "elsewhere"}),
        json!({"aud": null}),
        json!({"exp": null}),
    ] {
        let token = signed(&changed);
        assert_eq!(status(&token), 401, "{changed}");
    }
    // Nothing signed at all, and the same with the signature of another token.
    let whole = signed(&json!({}));
    let [_, claims, signature]: [&str; 3] = whole.split('.').collect::<Vec<_>>().try_into().expect("three parts");
    for none in ["none", "None", "NONE"] {
        let head = BASE64_URL_SAFE_NO_PAD.encode(json!({"alg": none, "typ": "JWT"}).to_string());
        for token in [format!("{head}.{claims}."), format!("{head}.{claims}"), format!("{head}.{claims}.{signature}")] {
            assert_eq!(status(&token), 401, "{none}: {token}");
        }
    }
    // And nothing of all this was remembered against her.
    assert_eq!(status(&whole), 201);
}

#[test]
fn an_operator_is_told_what_refused_a_user_whose_token_it_bears() {
    let server = with_secret();
    let client = server.client();
    client.campaign("few", &json!({"protection": {"rate_limit": {"user": "1/1h"}}}));
    let user = format!("Bearer {}", shared("ann"));
    let key = format!("Bearer {ADMIN_KEY}");
    let ask = |more: &[(&str, &str)]| {
        let headers: Vec<_> =
            [("authorization", user.as_str()), JSON].into_iter().chain(more.iter().copied()).collect();
        client.call("POST", "/v1/campaigns/few/claims", &headers, b"{}")
    };
    assert_eq!(ask(&[]).status, 201);
    for (more, expected) in [
        (&[("x-landrush-authorization", key.as_str())][..], Some("rate_limited_user")),
        (&[("x-landrush-authorization", "Bearer nonsense")], None),
        (&[("x-landrush-authorization", user.as_str())], None),
        (&[], None),
    ] {
        let refused = ask(more);
        assert_eq!((refused.status, refused.header("x-landrush-refused-by")), (429, expected));
    }
    // It explains, and permits nothing.
    let headers = [("x-landrush-authorization", key.as_str())];
    assert_eq!(client.call("GET", CLAIMS, &headers, b"").status, 401);
}

#[test]
fn a_server_without_usable_keys_does_not_start() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("landrush.toml");
    let text = "[auth]\nusers = \"jwt\"\n[[auth.keys]]\nalg = \"ES256\"\njwks = \"/nowhere/keys.json\"\n";
    std::fs::write(&path, text).expect("written");
    let ended = crate::server::command(&directory.path().join("data"), &path).output().expect("it runs");
    let said = String::from_utf8_lossy(&ended.stderr);
    assert!(!ended.status.success() && said.contains("/nowhere/keys.json"), "{said}");
}

/// `der` as PEM.
pub(crate) fn pem(label: &str, der: &[u8]) -> String {
    let mut text = String::new();
    for three in der.chunks(3) {
        let bits = three.iter().fold(0u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - three.len()));
        for place in 0..4 {
            let symbol = (bits >> (18 - 6 * place)) & 63;
            let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
            let symbol = char::from(alphabet[usize::try_from(symbol).expect("six bits")]);
            text.push(if place <= three.len() { symbol } else { '=' });
        }
    }
    let lines: Vec<&str> = text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).expect("ASCII")).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

/// A key that signs, and the set with its public part.
pub(crate) fn ed_key() -> (EncodingKey, String) {
    let key = Ed25519KeyPair::generate().expect("a key");
    let der = AsDer::<Pkcs8V1Der<'_>>::as_der(&key).expect("DER");
    let key = EncodingKey::from_ed_pem(pem("PRIVATE KEY", der.as_ref()).as_bytes()).expect("a key");
    let set = json!({"keys": [Jwk::from_encoding_key(&key, Algorithm::EdDSA).expect("a public key")]});
    (key, set.to_string())
}

fn takes(client: &Client, token: &str) -> bool {
    call(client, "POST", CLAIMS, Some(token), Some(&json!({}))).status < 300
}

#[test]
fn a_set_of_keys_behind_a_url_is_fetched_and_outlives_its_source() {
    let (key, set) = ed_key();
    let address = elsewhere::serving(move |_| (200, set.clone()));
    let setting = format!("alg = \"EdDSA\"\njwks = \"http://{address}/keys\"");
    let server = server(&setting);
    let ann = token(Algorithm::EdDSA, &key, "ann");
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while !takes(&server.client(), &ann) {
        assert!(std::time::Instant::now() < deadline, "the set was never fetched");
        std::thread::park_timeout(std::time::Duration::from_millis(50));
    }
    let (stranger, _) = ed_key();
    assert!(!takes(&server.client(), &token(Algorithm::EdDSA, &stranger, "ann")));

    // The same data, and a source that is away: its port is nobody's now as far as this server knows.
    let away = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let directory = server.kill();
    let kept: Vec<_> = std::fs::read_dir(directory.path().join("data/jwks")).expect("kept").collect();
    assert_eq!(kept.len(), 1);
    let settings = |address: &str| {
        format!("[auth]\nusers = \"jwt\"\n[[auth.keys]]\nalg = \"EdDSA\"\njwks = \"http://{address}/keys\"")
    };
    let restarted = Server::start_in(directory, &settings(&address.to_string()));
    assert!(takes(&restarted.client(), &token(Algorithm::EdDSA, &key, "bob")), "known before anything is fetched");
    let elsewhere = Server::start_in(restarted.kill(), &settings(&away.to_string()));
    assert!(!takes(&elsewhere.client(), &token(Algorithm::EdDSA, &key, "cid")), "another set, which was never fetched");
}

#[test]
fn what_is_no_set_of_keys_is_not_kept() {
    let server = server(&format!(
        "alg = \"EdDSA\"\njwks = \"http://{}/keys\"",
        elsewhere::serving(|_| (200, "not a set".to_owned()))
    ));
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while !server.client().get("/metrics").text().contains("landrush_key_fetches_total{outcome=\"failed\"} 1") {
        assert!(std::time::Instant::now() < deadline, "nothing was fetched");
        std::thread::park_timeout(std::time::Duration::from_millis(50));
    }
    let (key, _) = ed_key();
    assert!(!takes(&server.client(), &token(Algorithm::EdDSA, &key, "ann")));
    assert!(!server.data_dir().join("jwks").exists());
}
