//! `landrush top`: what it prints once, and what it says where it cannot draw.

use std::process::{Command, Output};

use serde_json::json;

use crate::server::{ADMIN_KEY, Server};

fn top(arguments: &[&str], server: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_landrush"))
        .args(["top", "--server", server])
        .args(arguments)
        .env("LANDRUSH_ADMIN_KEY", ADMIN_KEY)
        .output()
        .expect("the program runs")
}

#[test]
fn one_frame_shows_the_server_and_its_campaigns() {
    let server = Server::start("");
    let client = server.client();
    client.campaign("sale", &json!({"name": "Spring sale"}));
    client.claim("sale", "ann");
    let said = top(&["--once"], &format!("http://{}", server.address()));
    let text = String::from_utf8(said.stdout).expect("UTF-8");
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    for part in
        ["landrush serving", "1 campaigns", "sale", "open", "1 of 100", "Spring sale (first_come)", "99 of 100 left"]
    {
        assert!(text.contains(part), "no {part:?} in:\n{text}");
    }
}

#[test]
fn what_cannot_be_drawn_or_reached_is_said() {
    let server = Server::start("");
    let url = format!("http://{}", server.address());
    let nowhere = top(&[], &url);
    assert_eq!(nowhere.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&nowhere.stderr).contains("top --once"), "{nowhere:?}");
    drop(server);
    let nobody = top(&["--once"], &url);
    assert_eq!(nobody.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&nobody.stderr).contains("cannot be reached"), "{nobody:?}");
}
