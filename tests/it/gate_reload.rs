//! Lists that are read again on SIGHUP, entry by entry, and one that cannot be read: the old ones hold, and the log says why.

use std::fs::File;
use std::path::PathBuf;
use std::process::Stdio;

use serde_json::json;
use tempfile::TempDir;

use crate::client::{JSON, Reply};
use crate::server::Server;

const TRUSTING: &str = "[gate]\ntrusted_proxies = [\"127.0.0.0/8\"]\n";

/// A server whose log is kept, behind a proxy that says where requests come from, and two campaigns: `c` takes one request an hour
/// of a user, `p` one of a phone.
struct Shop {
    server: Server,
    log: PathBuf,
    _logs: TempDir,
}

impl Shop {
    fn open(lists: &str) -> Self {
        let logs = TempDir::new().expect("a temporary directory");
        let log = logs.path().join("log");
        let file = File::create(&log).expect("a file");
        let directory = TempDir::new().expect("a temporary directory");
        let server = Server::start_adjusted(directory, &format!("{TRUSTING}{lists}"), |command| {
            command.stderr(Stdio::from(file));
        });
        for (id, rates) in [("c", json!({"user": "1/1h"})), ("p", json!({"phone": "1/1h"}))] {
            server.client().campaign(id, &json!({"protection": {"rate_limit": rates}}));
        }
        Self { server, log, _logs: logs }
    }

    fn claim(&self, from: &str, user: &str, phone: &str) -> Reply {
        self.claim_of("c", from, user, phone)
    }

    fn claim_of(&self, campaign: &str, from: &str, user: &str, phone: &str) -> Reply {
        let body = json!({"user_id": user, "phone": phone}).to_string();
        let headers = [JSON, ("x-forwarded-for", from)];
        self.server.client().call("POST", &format!("/v1/campaigns/{campaign}/claims"), &headers, body.as_bytes())
    }

    /// Has it read these lists, which has this outcome for the `time`th time.
    fn reload(&self, lists: &str, outcome: &str, time: u32) {
        std::fs::write(self.server.settings(), format!("{TRUSTING}{lists}")).expect("written");
        self.server.reload(outcome, time);
    }

    /// Holds each kind of entry of `deny` and `allow` against the lists that [`NEW`] names.
    fn follows_the_new_lists(&self, round: &str) {
        let denied = (403, String::from("forbidden"));
        let user = |name: &str| format!("{name}-{round}");
        assert_eq!(self.claim("198.51.100.200", &user("ann"), "+6580000001").problem(), denied, "the block");
        assert_eq!(self.claim("2001:db8:7::1", &user("ann"), "+6580000001").problem(), denied, "the block of IPv6");
        assert_eq!(self.claim("192.0.2.1", "eve", "+6580000001").problem(), denied, "the user");
        assert_eq!(self.claim("192.0.2.1", &user("ann"), "+44 20 7946 0000").problem(), denied, "the beginning");
        assert_eq!(self.claim("198.51.101.1", &user("ann"), "+6580000001").status, 201, "beside them all");
        assert_eq!(self.claim("198.51.101.1", &user("ann"), "+6580000001").status, 429, "and held to the rate");
        assert_eq!(self.claim("192.0.2.1", &user("dan"), "+8190000001").status, 201, "allowed by the phone");
        assert_eq!(self.claim("192.0.2.1", &user("dan"), "+8190000001").status, 429, "which lifts no user's rate");
        for (campaign, from, user, phone) in [
            ("c", "203.0.113.9", user("bob"), "+6580000002"),
            ("c", "192.0.2.1", String::from("vip"), "+6580000003"),
            ("p", "192.0.2.1", user("cyd"), "+8190000000"),
        ] {
            let statuses = [(); 3].map(|()| self.claim_of(campaign, from, &user, phone).status);
            assert!(statuses.iter().all(|status| [200, 201].contains(status)), "{from} {user} {phone}: {statuses:?}");
        }
    }
}

const NEW: &str = "deny = [\"198.51.100.0/24\", \"2001:db8:7::/48\", \"user:eve\", \"phone:+4420\"]\n\
                   allow = [\"203.0.113.0/24\", \"user:vip\", \"phone:+819\"]\n";

#[test]
fn every_kind_of_entry_is_added_and_taken_away_without_a_restart() {
    let shop = Shop::open("deny = [\"192.0.2.7\"]\n");
    assert_eq!(shop.claim("192.0.2.7", "old", "+6580000009").status, 403);
    for (from, user, phone) in [
        ("198.51.100.200", "u-1", "+6580000001"),
        ("192.0.2.1", "eve", "+6580000004"),
        ("192.0.2.1", "u-2", "+442079460000"),
    ] {
        assert_eq!(shop.claim(from, user, phone).status, 201, "not on a list yet");
        assert_eq!(shop.claim(from, user, phone).status, 429, "nor on the other");
    }
    let pid = shop.server.pid();
    shop.reload(NEW, "done", 1);
    shop.follows_the_new_lists("1");
    assert_eq!(shop.claim("192.0.2.7", "old", "+6580000009").status, 201, "no longer on it");

    shop.reload("", "done", 2);
    assert_eq!(shop.claim("198.51.100.200", "u-3", "+442079460001").status, 201, "all are off it");
    assert_eq!(shop.claim("203.0.113.9", "bob-1", "+6580000002").status, 200, "the first that counts");
    assert_eq!(shop.claim("203.0.113.9", "bob-1", "+6580000002").status, 429, "allowed no longer");
    assert_eq!(shop.server.pid(), pid);
}

#[test]
fn lists_that_cannot_be_used_leave_the_old_ones_and_the_log_says_what_is_wrong() {
    let shop = Shop::open(NEW);
    shop.follows_the_new_lists("0");
    let broken = shop.server.data_dir().join("broken.txt");
    std::fs::write(&broken, "user:mallory\n198.51.100.1/8\n").expect("written");
    let (broken, missing) = (broken.display().to_string(), "/nowhere/deny.txt");
    let cases = [
        (String::from("deny = [\"user:mallory\", \"999.1.1.0/24\"]\n"), "999.1.1.0/24"),
        (String::from("deny = [\"user:mallory\", \"phone:44\"]\n"), "phone:44"),
        (String::from("deny = [\"user:mallory\"]\nallow = [\"user:\"]\n"), "\"user:\\\""),
        (format!("deny = [\"file:{broken}\"]\n"), "198.51.100.1/8"),
        (format!("deny = [\"user:mallory\", \"file:{missing}\"]\n"), missing),
        (String::from("deny = [\"user:mallory\"\nallow = no TOML\n"), "landrush.toml"),
    ];
    for ((lists, said), time) in cases.iter().zip(1..) {
        let before = std::fs::read_to_string(&shop.log).expect("readable").len();
        shop.reload(lists, "failed", time);
        let log = std::fs::read_to_string(&shop.log).expect("readable").split_off(before);
        assert!(log.contains("lists stay as they were") && log.contains(said), "{said}: {log}");
        shop.follows_the_new_lists(&time.to_string());
        assert_eq!(shop.claim("192.0.2.1", &format!("d-{time}"), "+6580000001").status, 201);
        // Not even the half of it that is sound.
        let mallory = shop.claim("192.0.2.1", "mallory", "+6580000001").status;
        assert_eq!(mallory, if time == 1 { 201 } else { 429 });
    }
    shop.reload("", "done", 1);
    assert_eq!(shop.claim("192.0.2.1", "eve", "+6580000001").status, 201, "and a sound one is taken again");
}
