//! The shop's own coupon codes: uploaded whole or not at all, and handed out exactly as given, each once.

use std::collections::HashSet;

use serde_json::{Value, json};

use crate::client::{Client, Reply};
use crate::server::{ADMIN_KEY, Server};

const CODES: &str = "/v1/campaigns/sale/coupon-types/cash-5/codes";

fn shop(server: &Server) -> Client {
    let client = server.client();
    let types = json!([{"id": "cash-5", "name": "cash", "total_quota": 1000, "codes": "imported"}]);
    client.campaign("sale", &json!({"coupon_types": types}));
    client
}

fn upload(client: &Client, media_type: &str, body: &str) -> Reply {
    let key = format!("Bearer {ADMIN_KEY}");
    client.call("POST", CODES, &[("authorization", &key), ("content-type", media_type)], body.as_bytes())
}

fn code(claim: &Reply) -> String {
    claim.json()["coupon"]["code"].as_str().expect("a code").to_owned()
}

#[test]
fn codes_are_handed_out_as_given_and_each_once() {
    let server = Server::start("");
    let client = shop(&server);
    assert_eq!(client.claim("sale", "early").problem(), (409, "sold_out".into()));
    let imported = upload(&client, "application/x-ndjson", "{\"code\":\"Spring 1\"}\n{\"code\":\"SPRING-2\"}\n");
    assert_eq!(
        (imported.status, imported.json()),
        (201, json!({"imported": 2, "available": 2})),
        "{}",
        imported.text()
    );
    let first = client.claim("sale", "ann");
    assert_eq!((first.status, code(&first)), (201, "Spring 1".to_owned()));
    assert_eq!(upload(&client, "text/csv", "code\r\n\"spring,3\"\r\n").json(), json!({"imported": 1, "available": 2}));
    let remaining = client.get("/v1/campaigns/sale/availability").json()["coupon_types"][0]["remaining"].clone();
    assert_eq!(remaining, 2);

    let server = Server::start_in(server.kill(), "");
    let client = server.client();
    assert_eq!(code(&client.claim("sale", "ann")), "Spring 1");
    assert_eq!(code(&client.claim("sale", "bob")), "SPRING-2");
    assert_eq!(code(&client.claim("sale", "cyd")), "spring,3");
    assert_eq!(client.claim("sale", "dan").problem(), (409, "sold_out".into()));

    // Compared exactly.
    let coupon = client.admin("GET", "/v1/coupons/Spring%201", None);
    assert_eq!((coupon.status, &coupon.json()["user_id"]), (200, &json!("ann")));
    assert_eq!(client.admin("GET", "/v1/coupons/SPRING%201", None).problem(), (404, "not_found".into()));
    let redeemed = client.admin("POST", "/v1/coupons/spring,3/redemptions", Some(&json!({"order_id": "o-1"})));
    assert_eq!((redeemed.status, &redeemed.json()["code"]), (201, &json!("spring,3")));
}

#[test]
fn an_upload_is_whole_or_none() {
    let server = Server::start("");
    let client = shop(&server);
    assert_eq!(upload(&client, "text/csv", "a\nb\n").status, 201);
    let check = |media_type, body: &str, status, expected: &str| {
        let refused = upload(&client, media_type, body);
        assert_eq!(refused.problem(), (status, expected.into()), "{body}");
        refused.json()["detail"].as_str().expect("a detail").to_owned()
    };
    assert!(check("text/csv", "c\nd\nc\n", 409, "duplicate_code").contains("the code c is"));
    assert!(check("text/csv", "c\nb\n", 409, "duplicate_code").contains("the code b is"));
    check("text/csv", "", 400, "invalid_request");
    check("application/x-ndjson", "{\"code\":\"c\"}\nnonsense\n", 400, "invalid_request");
    check("application/x-ndjson", "{\"code\":\"c\",\"type\":\"x\"}\n", 400, "invalid_request");
    check("text/csv", &"x".repeat(2_000), 413, "too_large");
    check("application/json", "{}", 415, "unsupported_media_type");
    assert_eq!(client.call("POST", CODES, &[], b"a").problem(), (401, "unauthorized".into()));
    // None of all these was taken.
    assert_eq!(upload(&client, "text/csv", "c\nd\n").json(), json!({"imported": 2, "available": 4}));
    let handed_out: HashSet<String> = (0..4).map(|n| code(&client.claim("sale", &format!("u-{n}")))).collect();
    assert_eq!(handed_out, ["a", "b", "c", "d"].map(str::to_owned).into());

    client.campaign("other", &json!({}));
    let key = format!("Bearer {ADMIN_KEY}");
    let headers = [("authorization", key.as_str()), ("content-type", "text/csv")];
    let generated = client.call("POST", "/v1/campaigns/other/coupon-types/cash-5/codes", &headers, b"e\n");
    assert_eq!(generated.problem(), (409, "conflict".into()));
    let nothing = client.call("POST", "/v1/campaigns/sale/coupon-types/none/codes", &headers, b"e\n");
    assert_eq!(nothing.problem(), (404, "not_found".into()));
}

#[test]
fn a_large_upload_holds_up_no_claim() {
    let server = Server::start("");
    let client = shop(&server);
    client.campaign("beside", &json!({"coupon_types": [{"id": "a", "name": "a", "total_quota": 100_000}]}));
    let body: String = (0..100_000).map(|n| format!("CODE-{n:06}\n")).collect();
    std::thread::scope(|scope| {
        let uploading = scope.spawn(|| upload(&client, "text/csv", &body));
        let mut claims = 0;
        while !uploading.is_finished() {
            let claimed = client.claim("beside", &format!("u-{claims}"));
            assert_eq!(claimed.status, 201, "{}", claimed.text());
            claims += 1;
        }
        let imported: Value = uploading.join().expect("it ended").json();
        assert_eq!(imported, json!({"imported": 100_000, "available": 100_000}));
        assert!(claims > 0, "claims went on");
    });
    assert_eq!(code(&client.claim("sale", "ann")), "CODE-000000");
}
