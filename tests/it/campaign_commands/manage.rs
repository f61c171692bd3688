//! Making, reading, changing and cancelling campaigns.

use serde_json::{Value, json};

use super::program::{claims, command, said, said_to};
use crate::server::Server;

/// An example that ships with the program.
fn example(name: &str) -> String {
    format!("{}/config/campaigns/{name}.json", env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn a_file_makes_a_campaign_once() {
    let server = Server::start("");
    let file = example("first-come");
    let create = || said(command(&server, &["campaign", "create", &file]));
    create()
        .expect(0)
        .out_has("spring-sale-2030 is made")
        .out_has("2030-03-01 10:00 +08:00 to 2030-04-01 00:00 +08:00 (Asia/Singapore)");
    create().expect(0).out_has("was already there");

    let document = std::fs::read_to_string(&file).expect("readable");
    let again = said_to(command(&server, &["campaign", "create", "-", "--json"]), &document).expect(0);
    let again = again.err_has("was already there");
    assert_eq!(again.json_lines()[0]["id"], "spring-sale-2030");

    let other = document.replace("50000", "50001");
    said_to(command(&server, &["campaign", "create", "-"]), &other).expect(1).err_has("(409 conflict)");
}

#[test]
fn every_fault_of_a_definition_is_named() {
    let server = Server::start("");
    let faulty = json!({
        "id": "Sale", "name": "Sale", "time_zone": "UTC", "mode": "first_come", "daily_qouta": 5,
        "schedule": {"starts_at": "2030-01-01T00:00:00Z", "ends_at": "2030-02-01T00:00:00Z"},
        "coupon_types": [{"id": "a", "name": "A", "total_quota": 0}]
    });
    let refused = said_to(command(&server, &["campaign", "create", "-"]), &faulty.to_string()).expect(1);
    let refused = refused.err_has("(400 invalid_request)");
    for pointer in ["\n  /id: ", "\n  /daily_qouta: ", "\n  /coupon_types/0/total_quota: "] {
        assert!(refused.err.contains(pointer), "{pointer} is not in {}", refused.err);
    }
    assert_eq!(refused.out, "");
    said_to(command(&server, &["campaign", "create", "-"]), "{").expect(1).err_has("invalid_request");
    let long = format!("{{\"id\": \"{}\"}}", "a".repeat(300 << 10));
    said_to(command(&server, &["campaign", "create", "-"]), &long).expect(1).err_has("(413 too_large)");
}

#[test]
fn campaigns_are_listed_over_all_pages() {
    let server = Server::start("");
    let client = server.client();
    let names: Vec<String> = (0..105).map(|number| format!("sale-{number:03}")).collect();
    names.iter().for_each(|name| client.campaign(name, &json!({})));
    claims(client, "sale-104", 3);

    let lines = said(command(&server, &["campaign", "list", "--json"])).expect(0).json_lines();
    let listed: Vec<&str> = lines.iter().map(|line| line["id"].as_str().expect("an id")).collect();
    assert_eq!(listed, names);
    let table = said(command(&server, &["campaign", "list"])).expect(0);
    let last = table.out.lines().last().expect("a line");
    let cells: Vec<&str> = last.split_whitespace().collect();
    assert_eq!(cells[..4], ["sale-104", "sale-104", "first_come", "open"]);
    assert_eq!(cells[cells.len() - 2..], ["3", "97"]);
    assert_eq!(table.out.lines().count(), 106, "a head and a line a campaign");
}

#[test]
fn a_campaign_is_shown_as_the_server_has_it() {
    let server = Server::start("");
    let client = server.client();
    client.campaign("sale", &json!({"availability_display": "bucketed"}));
    claims(client, "sale", 2);
    let shown = said(command(&server, &["campaign", "show", "sale"])).expect(0);
    let row = shown.out.lines().last().expect("a row").split_whitespace().collect::<Vec<_>>();
    assert_eq!(row, ["cash-5", "cash", "100", "2", "98", "30d"]);
    let shown = shown.out_has("state       open").out_has("at most 1 per campaign and user");
    assert!(!shown.out.contains('\u{2500}'), "no lines in a pipe: {}", shown.out);

    let json = said(command(&server, &["campaign", "show", "sale", "--json"])).expect(0);
    let as_it_came = client.admin("GET", "/v1/campaigns/sale", None);
    assert_eq!(json.out, as_it_came.text() + "\n");

    // Anybody may read; what only the key shows is a dash.
    let mut public = command(&server, &["campaign", "show", "sale"]);
    public.env_remove("LANDRUSH_ADMIN_KEY").arg("--data-dir").arg(server.data_dir().join("none"));
    let public = said(public).expect(0);
    assert_eq!(public.out.lines().last().expect("a row").split_whitespace().nth(3), Some("-"));
}

#[test]
fn claims_are_paused_and_resumed() {
    let server = Server::start("");
    let client = server.client();
    client.campaign("sale", &json!({}));
    said(command(&server, &["campaign", "pause", "sale"])).expect(0).out_has("takes no claims").out_has("paused");
    assert_eq!(client.claim("sale", "u-1").problem(), (409, "paused".into()));
    let resumed = said(command(&server, &["campaign", "resume", "sale", "--json"])).expect(0);
    assert_eq!((&resumed.json_lines()[0]["accept_claims"], resumed.err.as_str()), (&json!(true), ""));
    assert_eq!(client.claim("sale", "u-1").status, 201);
}

#[test]
fn cancelling_says_what_becomes_of_coupons_and_a_dry_run_does_nothing() {
    let server = Server::start("");
    let client = server.client();
    let state = |id: &str| client.get(&format!("/v1/campaigns/{id}")).json()["state"].clone();
    for id in ["kept", "revoked"] {
        client.campaign(id, &json!({}));
        claims(client, id, 1);
    }
    let dry = said(command(&server, &["campaign", "cancel", "kept", "--dry-run", "--revoke"])).expect(0);
    dry.out_has("Nothing was done").out_has("its issued coupons void");
    assert_eq!(state("kept"), "open");
    said(command(&server, &["campaign", "cancel", "kept"])).expect(0).out_has("stay redeemable");
    assert_eq!(state("kept"), "cancelled");
    said(command(&server, &["campaign", "resume", "kept"])).expect(0).out_has("kept is cancelled, and stays so");
    assert_eq!(client.claim("kept", "u-0").json()["coupon"]["state"], "issued");

    let revoked = said(command(&server, &["campaign", "cancel", "revoked", "--revoke", "--json"])).expect(0);
    assert_eq!(revoked.json_lines()[0]["revoked"], true);
    assert_eq!(client.claim("revoked", "u-0").json()["coupon"]["state"], "void");
    assert_eq!(state("revoked"), Value::from("cancelled"));
}

#[test]
fn every_example_makes_a_campaign_that_is_yet_to_begin() {
    let server = Server::start("");
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/config/campaigns");
    let mut modes = Vec::new();
    for file in std::fs::read_dir(folder).expect("the examples") {
        let file = file.expect("readable").path();
        let file = file.to_str().expect("UTF-8");
        let made = said(command(&server, &["campaign", "create", file, "--json"])).expect(0).err_has("is made");
        let campaign = &made.json_lines()[0];
        assert_eq!(campaign["state"], "scheduled", "{file}");
        let windows = if campaign["schedule"]["windows"].is_object() { " by windows" } else { "" };
        modes.push(format!("{}{windows}", campaign["mode"].as_str().expect("a mode")));
        said(command(&server, &["campaign", "create", file])).expect(0).out_has("was already there");
    }
    modes.sort();
    assert_eq!(modes, ["draw", "first_come", "first_come by windows", "lottery"]);
}
