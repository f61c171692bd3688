//! Whatever stands in a request line, a query or a body: it is read or refused with a reason, and nothing panics.
#![no_main]

use hyper::Method;
use landrush::http::campaign_body::{self, PatchBody};
use landrush::http::claim_body::ClaimBody;
use landrush::http::claim_request::{self, Seen};
use landrush::http::query::Query;
use landrush::http::route::{Route, percent_decoded};
use landrush_engine::campaign::Mode;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    for start in ["", "POST /v1/campaigns/sale/claims HTTP/1.1\r\ncontent-type: application/json\r\n"] {
        let request = [start.as_bytes(), bytes].concat();
        if let Seen::Claim(claim) = claim_request::see(&request) {
            assert!(claim.length <= request.len() && claim.body.len() < claim.length);
        }
    }
    for mode in [Mode::FirstCome, Mode::Draw, Mode::Lottery] {
        if let Err(errors) = ClaimBody::parse(bytes, mode, None) {
            assert!(!errors.is_empty());
        }
        if let Err(errors) = ClaimBody::parse_with_campaign(bytes, mode, None) {
            assert!(!errors.is_empty());
        }
    }
    if let Err(errors) = campaign_body::parse_definition(bytes) {
        assert!(!errors.is_empty());
    }
    if let Err(errors) = PatchBody::parse(bytes) {
        assert!(!errors.is_empty());
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        for method in [Method::GET, Method::POST, Method::PATCH, Method::DELETE] {
            let _ = Route::find(&method, text);
        }
        drop(percent_decoded(text));
        drop(Query::parse(Some(text), &["limit", "cursor"]));
    }
});
