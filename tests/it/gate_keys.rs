//! Keys with scopes: what each may do, how they are made and rotated.

use std::process::Command;

use serde_json::{Value, json};

use crate::client::{JSON, Reply};
use crate::server::{ADMIN_KEY, Server};

/// A new key, and the lines for the configuration.
fn new_key(name: &str, scopes: &str) -> (String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_landrush"))
        .args(["key", "new", "--name", name, "--scopes", scopes])
        .output()
        .expect("the program runs");
    assert!(output.status.success(), "{output:?}");
    let shown = String::from_utf8(output.stdout).expect("UTF-8");
    let key = shown.split_whitespace().find(|word| word.starts_with("lrk_")).expect("the key").to_owned();
    (key, shown)
}

fn ask(server: &Server, key: &str, method: &str, path: &str, body: Option<&Value>) -> Reply {
    let bearer = format!("Bearer {key}");
    let body = body.map(Value::to_string).unwrap_or_default();
    let mut headers = vec![("authorization", bearer.as_str())];
    if !body.is_empty() {
        headers.push(JSON);
    }
    server.client().call(method, path, &headers, body.as_bytes())
}

#[test]
fn a_key_does_what_its_scopes_say_and_nothing_else() {
    let (reader, read) = new_key("reader", "read");
    let (writer, write) = new_key("writer", "campaigns:write");
    let (checkout, redemptions) = new_key("checkout", "redemptions");
    let server = Server::start(&format!("{read}\n{write}\n{redemptions}"));
    server.client().campaign("c", &json!({}));
    let code = server.client().claim("c", "u-1").json()["coupon"]["code"].as_str().expect("a code").to_owned();
    let order = json!({"order_id": "o-1"});
    let coupon = format!("/v1/coupons/{code}");
    let redeem = format!("{coupon}/redemptions");
    let calls: [(&str, &str, Option<&Value>, [u16; 3]); 7] = [
        ("GET", "/v1/campaigns/c/claims", None, [200, 403, 403]),
        ("GET", "/v1/metrics", None, [200, 403, 403]),
        ("GET", "/v1/users/nobody", None, [404, 403, 403]),
        ("GET", &coupon, None, [200, 403, 200]),
        ("POST", "/v1/campaigns/c/pause", None, [403, 200, 403]),
        ("DELETE", "/v1/users/nobody", None, [403, 404, 403]),
        ("POST", &redeem, Some(&order), [403, 403, 201]),
    ];
    for (method, path, body, statuses) in calls {
        for (key, status) in [&reader, &writer, &checkout].into_iter().zip(statuses) {
            let reply = ask(&server, key, method, path, body);
            assert_eq!(reply.status, status, "{method} {path}: {}", reply.text());
            if status == 403 {
                assert_eq!(reply.problem().1, "forbidden");
                assert_eq!(reply.header("x-landrush-refused-by"), Some("forbidden"));
            }
        }
        let anybody = ask(&server, &"x".repeat(68), method, path, body);
        assert_eq!(anybody.problem(), (401, String::from("unauthorized")), "{method} {path}");
        assert_eq!(anybody.header("x-landrush-refused-by"), None);
        let admin = ask(&server, ADMIN_KEY, method, path, body);
        assert!(![401, 403].contains(&admin.status), "{method} {path}: {}", admin.text());
    }
}

#[test]
fn keys_are_rotated_without_a_restart_and_a_wrong_file_changes_nothing() {
    let (old, old_lines) = new_key("reader", "read");
    let (new, new_lines) = new_key("reader", "read");
    let server = Server::start(&old_lines);
    let status = |key: &str| ask(&server, key, "GET", "/v1/metrics", None).status;
    assert_eq!((status(&old), status(&new)), (200, 401));
    std::fs::write(server.settings(), "[[auth.management_keys]]\nname = \"reader\"\n").expect("written");
    server.reload("failed", 1);
    assert_eq!((status(&old), status(&new)), (200, 401), "as before");
    let file = server.data_dir().join("keys.toml");
    let lines = new_lines.replace("[[auth.management_keys]]", "[[management_keys]]");
    std::fs::write(&file, lines).expect("written");
    let settings = format!("[auth]\nmanagement_keys_file = \"{}\"\n", file.display());
    std::fs::write(server.settings(), settings).expect("written");
    server.reload("done", 1);
    assert_eq!((status(&old), status(&new)), (401, 200));
}

#[test]
fn a_key_that_is_for_nothing_or_for_what_there_is_not_is_not_made() {
    for scopes in ["", "write", "read,everything"] {
        let output = Command::new(env!("CARGO_BIN_EXE_landrush"))
            .args(["key", "new", "--name", "n", "--scopes", scopes])
            .output()
            .expect("the program runs");
        assert_eq!(output.status.code(), Some(2), "{scopes}");
        assert!(output.stdout.is_empty());
    }
}
