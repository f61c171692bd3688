//! What comes of a call, whatever the other side does.

use std::net::SocketAddr;

use socket2::{Domain, Socket, Type};

use super::loopback::{Loopback, Step};
use super::*;

/// Somebody who sends `answer` to each request and hangs up.
fn serving(answer: &str) -> Uri {
    Loopback::start(vec![Step::Raw(answer.to_owned())]).url().parse().expect("an address")
}

fn outbound() -> Outbound {
    Outbound::new().expect("this machine trusts somebody")
}

#[test]
fn only_https_and_this_machine_may_be_asked() {
    for (url, allowed) in [
        ("https://login.example.org/keys", true),
        ("http://127.0.0.1:8081/keys", true),
        ("http://[::1]/keys", true),
        ("http://login.example.org/keys", false),
        ("http://127.0.0.1.example.org/keys", false),
        ("http://127.0.0.1@example.org/keys", false),
        ("ftp://127.0.0.1/keys", false),
        ("/keys", false),
    ] {
        assert_eq!(is_allowed(&url.parse().expect("an address")), allowed, "{url}");
    }
}

#[test]
fn a_form_says_what_was_meant_and_no_more() {
    assert_eq!(form(&[("a", "1"), ("b", "x y&c=3+\u{e4}\r\n")]), "a=1&b=x%20y%26c%3D3%2B%C3%A4%0D%0A");
    assert_eq!(form(&[]), "");
}

#[tokio::test]
async fn an_answer_is_read_to_its_end_and_no_further_than_allowed() {
    let url = serving("HTTP/1.1 200 OK\r\ncontent-type: image/png\r\ncontent-length: 5\r\n\r\nhello");
    assert_eq!(outbound().get(&url, 5).await.expect("short enough"), "hello");
    let error = outbound().get(&url, 4).await.expect_err("too long");
    assert!(matches!(error, OutboundError::Body(_)), "{error}");
    let broken = serving("HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\nhello");
    let error = outbound().get(&broken, 1_000).await.expect_err("broken off");
    assert!(matches!(error, OutboundError::Body(_)), "{error}");
}

#[tokio::test]
async fn a_redirect_leads_nowhere() {
    let url = serving("HTTP/1.1 302 Found\r\nlocation: https://elsewhere.example/\r\ncontent-length: 0\r\n\r\n");
    let error = outbound().get(&url, 100).await.expect_err("no success");
    assert!(matches!(error, OutboundError::Status(StatusCode::FOUND)), "{error}");
    let reply = outbound().post_form(&url, &[("a", "b")], 100).await.expect("an answer");
    assert_eq!(reply, Reply { status: StatusCode::FOUND, body: Bytes::new() });
}

#[tokio::test]
async fn who_says_nothing_is_not_waited_for() {
    let patience = Duration::from_millis(50);
    let silent = Loopback::start(vec![Step::Silence]).url().parse().expect("an address");
    let error = outbound().with_patience(patience).get(&silent, 100).await.expect_err("silent");
    assert!(matches!(error, OutboundError::Timeout(waited) if waited == patience), "{error}");
}

#[tokio::test]
async fn who_is_not_there_was_not_asked_and_who_hangs_up_may_have_been() {
    // Bound and not listened on: refused for as long as it is held.
    let nobody = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    nobody.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).expect("a port");
    let address = nobody.local_addr().expect("an address").as_socket().expect("an IP address");
    let error = outbound()
        .get(&format!("http://{address}/").parse().expect("an address"), 100)
        .await
        .expect_err("nobody there");
    assert!(matches!(error, OutboundError::Unreachable(_)), "{error}");
    let error = outbound().get(&serving("HTTP/"), 100).await.expect_err("hung up");
    assert!(matches!(error, OutboundError::Ended(_)), "{error}");
}
