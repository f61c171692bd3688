//! What wins over what, what is refused, and that the documented file says what the code does.

use std::collections::BTreeSet;

use super::*;

const DOCUMENTED: &str = include_str!("../../config/landrush.toml");

fn file(text: &str) -> Result<Config, ConfigError> {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("landrush.toml");
    std::fs::write(&path, text).expect("the file is written");
    Config::load(Raw::default(), |_| None, Some(&path))
}

fn refused(text: &str, words: &[&str]) {
    let message = file(text).expect_err(text).to_string();
    for word in words {
        assert!(message.contains(word), "{text}: {message} does not say {word}");
    }
}

/// The documented file with every setting set free of its comment.
fn uncommented() -> String {
    let setting = |line: &str| {
        line.strip_prefix("# ")
            .filter(|rest| {
                rest.split_once(" = ").is_some_and(|(key, _)| key.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'))
            })
            .map(str::to_owned)
    };
    DOCUMENTED.lines().map(|line| setting(line).unwrap_or_else(|| line.to_owned()) + "\n").collect()
}

#[test]
fn the_documented_file_is_the_defaults() {
    let defaults = file("").expect("defaults");
    assert_eq!(file(DOCUMENTED).expect("as it is"), defaults);
    assert_eq!(file(&uncommented()).expect("uncommented"), defaults);
}

#[test]
fn the_documented_file_names_every_setting() {
    let table: toml::Table = toml::from_str(&uncommented()).expect("TOML");
    let mut documented = BTreeSet::new();
    for (key, value) in &table {
        match value.as_table() {
            Some(section) => documented.extend(section.keys().map(|inner| format!("{key}.{inner}"))),
            None => drop(documented.insert(key.clone())),
        }
    }
    assert_eq!(documented, KEYS.iter().map(|key| (*key).to_owned()).collect());
}

#[test]
fn flags_beat_the_environment_which_beats_the_file() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("landrush.toml");
    let text = "listen = \"127.0.0.1:1\"\ndata_dir = \"file\"\n[shards]\ncount = 1\nmailbox_commands = 11\n";
    std::fs::write(&path, text).expect("written");
    let environment = |name: &str| match name {
        "LANDRUSH_LISTEN" => Some(String::from("127.0.0.1:2")),
        "LANDRUSH_SHARDS_COUNT" => Some(String::from("2")),
        "LANDRUSH_AUTH_TRUSTED_FROM_ANYWHERE" => Some(String::from("true")),
        "LANDRUSH_LOGGING_FILTER" => Some(String::from("landrush=debug,warn")),
        _ => None,
    };
    let flags = Raw { listen: Some(String::from("127.0.0.1:3")), ..Raw::default() };
    let config = Config::load(flags, environment, Some(&path)).expect("valid");
    assert_eq!(config.listen.port(), 3);
    assert_eq!(config.shards, Shards { count: 2, mailbox_commands: 11 });
    assert_eq!(config.data_dir, PathBuf::from("file"));
    assert_eq!(config.auth, Auth::Trusted { from_anywhere: true });
    assert_eq!(config.logging.filter, "landrush=debug,warn");
}

#[test]
fn watchers_leave_connections_to_others_unless_told_otherwise() {
    let watchers_max = |text: &str| file(text).expect("valid").events.watchers_max;
    assert_eq!(watchers_max(""), 15_360);
    assert_eq!(watchers_max("[http]\nconnections_max = 160"), 150);
    assert_eq!(watchers_max("[http]\nconnections_max = 1"), 1);
    assert_eq!(watchers_max("[events]\nwatchers_max = 7"), 7);
}

#[test]
fn what_makes_no_sense_is_refused_by_name() {
    refused("lisen = \"127.0.0.1:1\"", &["landrush.toml", "lisen"]);
    refused("[http]\nio_treads = 1", &["io_treads"]);
    refused("listen = 8080", &["landrush.toml", "listen"]);
    refused("listen = \"here\"", &["listen", "here"]);
    refused("[http]\nhead_timeout = \"soon\"", &["http.head_timeout", "soon"]);
    refused("[http]\nkeep_alive = \"0s\"", &["http.keep_alive"]);
    refused("[http]\nconnections_max = 0", &["http.connections_max"]);
    refused("[events]\nheartbeat = \"0s\"", &["events.heartbeat"]);
    refused("[challenge]\nturnstile_secret = \"x\"", &["challenge.turnstile_site_key", "challenge.turnstile_secret"]);
    refused("[challenge]\nhcaptcha_site_key = \"x\"", &["challenge.hcaptcha_secret"]);
    refused("[challenge]\nturnstile_verify_url = \"http://example.org/\"", &["challenge.turnstile_verify_url"]);
    refused("[log]\ndurability = \"maybe\"", &["log.durability", "maybe"]);
    refused("[shards]\ncount = 1000", &["shards.count"]);
    refused("[auth]\nusers = \"jwt\"", &["auth.keys", "jwt"]);
    refused("[auth]\njwks_refresh = \"29s\"", &["auth.jwks_refresh", "30 s"]);
    refused("[[auth.keys]]\nalg = \"HS256\"", &["auth.users", "trusted", "keys"]);
    for (entry, word) in [
        ("alg = \"HS256\"", "exactly one"),
        ("alg = \"HS256\"\nsecret = \"s\"\njwks = \"f\"", "exactly one"),
        ("alg = \"none\"\nsecret = \"s\"", "none"),
        ("secret = \"s\"", "without alg"),
        ("alg = \"RS256\"\nsecret = \"s\"", "HS256"),
        ("alg = \"HS256\"\npublic_key = \"key.pem\"", "HS256"),
        ("alg = \"ES256\"\njwks = \"http://example.org/keys\"", "neither https://"),
    ] {
        refused(&format!("[auth]\nusers = \"jwt\"\n[[auth.keys]]\n{entry}"), &["auth", word]);
    }
    refused("[[auth.keys]]\nalg = \"ES256\"\npublickey = \"x\"", &["publickey"]);
    let environment = |name: &str| (name == "LANDRUSH_SHARDS_COUNT").then(|| String::from("many"));
    let error = Config::load(Raw::default(), environment, None).expect_err("no number");
    assert!(error.to_string().contains("LANDRUSH_SHARDS_COUNT"), "{error}");
    let missing = Config::load(Raw::default(), |_| None, Some(Path::new("/nowhere/landrush.toml")));
    assert!(missing.expect_err("no file").to_string().contains("/nowhere/landrush.toml"));
}

#[test]
fn trusted_users_from_anywhere_must_be_said_outright() {
    refused("listen = \"0.0.0.0:8080\"", &["0.0.0.0:8080", "auth.trusted_from_anywhere"]);
    file("listen = \"0.0.0.0:8080\"\n[auth]\ntrusted_from_anywhere = true").expect("said outright");
    file("listen = \"[::1]:8080\"").expect("loopback");
    let tokens = "[auth]\nusers = \"jwt\"\n[[auth.keys]]\nalg = \"HS256\"\nsecret = \"secret\"";
    file(&format!("listen = \"0.0.0.0:8080\"\n{tokens}")).expect("tokens say who users are");
}

#[test]
fn a_secret_that_can_be_found_by_trying_is_known_as_weak() {
    for (secret, is_weak) in [("0123456789abcdef0123456789abcde", true), ("0123456789abcdef0123456789abcdef", false)] {
        let text = format!("[auth]\nusers = \"jwt\"\n[[auth.keys]]\nalg = \"HS256\"\nsecret = \"{secret}\"");
        let Auth::Tokens(settings) = file(&text).expect("it is taken").auth else { panic!("tokens are asked for") };
        assert_eq!(settings.keys.iter().map(TokenKey::is_weak).collect::<Vec<_>>(), [is_weak]);
    }
}
