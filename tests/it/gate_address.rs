//! Where requests come from: whose word is taken for it, and what clients try in order to look like others.

use std::io::Write;
use std::net::TcpStream;

use serde_json::json;

use crate::client::{Connection, JSON, Reply};
use crate::server::Server;

/// One request an hour from an address.
fn limited(server: &Server) {
    server.client().campaign("c", &json!({"protection": {"rate_limit": {"address": "1/1h"}}}));
}

fn claim(server: &Server, user: &str, headers: &[(&str, &str)]) -> Reply {
    let mut all = vec![JSON];
    all.extend(headers);
    server.client().call("POST", "/v1/campaigns/c/claims", &all, json!({"user_id": user}).to_string().as_bytes())
}

fn check(server: &Server, steps: &[(&str, &str, u16)]) {
    for (at, (name, value, status)) in steps.iter().enumerate() {
        let reply = claim(server, &format!("u-{at}"), &[(name, value)]);
        assert_eq!(reply.status, *status, "step {at}: {name}: {value}: {}", reply.text());
    }
}

const TRUSTING: &str = "[gate]\ntrusted_proxies = [\"127.0.0.0/8\", \"10.0.0.0/8\"]\n";

#[test]
fn a_client_behind_no_proxy_cannot_choose_its_address() {
    let server = Server::start("");
    limited(&server);
    check(
        &server,
        &[
            ("x-forwarded-for", "192.0.2.1", 201),
            ("x-forwarded-for", "192.0.2.2", 429),
            ("forwarded", "for=192.0.2.3", 429),
            ("x-real-ip", "192.0.2.4", 429),
        ],
    );
}

#[test]
fn a_trusted_proxy_says_whom_it_speaks_for_and_what_stands_before_its_entry_is_not_read() {
    let server = Server::start(TRUSTING);
    limited(&server);
    check(
        &server,
        &[
            ("x-forwarded-for", "192.0.2.1", 201),
            ("x-forwarded-for", "192.0.2.1", 429),
            ("x-forwarded-for", "198.51.100.7, 192.0.2.1", 429),
            ("x-forwarded-for", "192.0.2.1:4711, 10.1.1.1", 429),
            ("x-forwarded-for", "192.0.2.2", 201),
            // All of one IPv6 network is one client.
            ("x-forwarded-for", "2001:db8::1", 201),
            ("x-forwarded-for", "2001:db8::ffff:1", 429),
            ("x-forwarded-for", "2001:db8:0:1::1", 201),
            ("x-forwarded-for", "::ffff:192.0.2.2", 429),
            // The other header may be the client's own: it is nobody's word.
            ("forwarded", "for=192.0.2.9", 201),
            ("forwarded", "for=192.0.2.10", 429),
            ("x-forwarded-for", "unknown", 429),
        ],
    );
}

#[test]
fn the_standard_header_is_read_where_the_settings_name_it() {
    let server = Server::start(&format!("{TRUSTING}address_header = \"forwarded\"\n"));
    limited(&server);
    check(
        &server,
        &[
            ("forwarded", "for=192.0.2.1;proto=https", 201),
            ("forwarded", "for=198.51.100.7, For=\"192.0.2.1:80\"", 429),
            ("forwarded", "for=\"198.51.100.7, for=192.0.2.1", 429),
            ("forwarded", "for=\"[2001:db8::1]:443\"", 201),
            ("forwarded", "for=\"[2001:db8::2]\"", 429),
            ("x-forwarded-for", "192.0.2.2", 201),
            ("forwarded", "for=_hidden", 429),
        ],
    );
}

fn proxied(server: &Server, source: [u8; 4]) -> Connection {
    let mut stream = TcpStream::connect(server.address()).expect("the server listens");
    let mut header = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c".to_vec();
    header.extend(source);
    header.extend([10, 0, 0, 1, 0x12, 0x34, 0x00, 0x50]);
    // In two pieces, as a network may deliver it.
    stream.write_all(&header[..14]).expect("sent");
    stream.write_all(&header[14..]).expect("sent");
    Connection::over(stream)
}

fn claim_over(connection: &mut Connection, user: &str) -> u16 {
    let body = json!({"user_id": user}).to_string();
    connection.call("POST", "/v1/campaigns/c/claims", &[JSON], body.as_bytes()).status
}

#[test]
fn a_proxy_says_at_the_start_of_a_connection_whom_it_speaks_for() {
    let proxied_only = format!("{TRUSTING}proxy_protocol = \"v2\"\n");
    let server = Server::start(&proxied_only);
    let mut first = proxied(&server, [192, 0, 2, 1]);
    let campaign = json!({
        "id": "c", "name": "c", "time_zone": "UTC", "mode": "first_come",
        "schedule": {"starts_at": "2020-01-01T00:00:00Z", "ends_at": "2999-01-01T00:00:00Z"},
        "coupon_types": [{"id": "cash-5", "name": "cash", "total_quota": 100, "valid_for": "30d"}],
        "protection": {"rate_limit": {"address": "1/1h"}},
    });
    let key = format!("Bearer {}", crate::server::ADMIN_KEY);
    let headers = [JSON, ("authorization", key.as_str())];
    assert_eq!(first.call("POST", "/v1/campaigns", &headers, campaign.to_string().as_bytes()).status, 201);
    assert_eq!(claim_over(&mut first, "u-1"), 201);
    assert_eq!(claim_over(&mut first, "u-2"), 429);
    assert_eq!(claim_over(&mut proxied(&server, [192, 0, 2, 1]), "u-3"), 429);
    assert_eq!(claim_over(&mut proxied(&server, [192, 0, 2, 2]), "u-4"), 201);

    // A trusted proxy's connection without the header is of no use.
    let mut bare = server.client().connect();
    bare.send(b"GET /livez HTTP/1.1\r\nhost: test\r\n\r\n").expect("sent");
    assert!(bare.is_closed_by_server());
    let mut old = server.client().connect();
    old.send(b"PROXY TCP4 192.0.2.1 10.0.0.1 1 2\r\nGET /livez HTTP/1.1\r\n\r\n").expect("sent");
    assert!(old.is_closed_by_server());
}

#[test]
fn a_client_that_is_no_proxy_cannot_begin_with_a_proxy_header() {
    for settings in ["", "[gate]\ntrusted_proxies = [\"10.0.0.0/8\"]\nproxy_protocol = \"v2\"\n"] {
        let server = Server::start(settings);
        let mut connection = proxied(&server, [192, 0, 2, 1]);
        drop(connection.send(b"GET /livez HTTP/1.1\r\nhost: test\r\n\r\n"));
        let answer = connection.receive(false);
        assert!(answer.is_none_or(|answer| answer.status == 400));
        assert_eq!(server.client().get("/livez").status, 200, "and others speak as ever");
    }
}

#[test]
fn a_proxy_that_never_ends_its_header_is_cut_off() {
    let server = Server::start(&format!("{TRUSTING}proxy_protocol = \"v2\"\n[http]\nhead_timeout = \"300ms\"\n"));
    let mut connection = server.client().connect();
    connection.send(b"\r\n\r\n\0\r\nQUIT\n\x21").expect("sent");
    assert!(connection.is_closed_by_server());
}
