use super::*;
use crate::oracle::Rules;
use crate::request::Kind;
use crate::response;

fn rules(quota: u64) -> Rules {
    Rules {
        campaign: "few".into(),
        kind: Kind::Claim,
        coupon_types: vec!["coupon-1".into()],
        total_quota: vec![quota],
        daily_quota: None,
        limit: 1,
    }
}

fn told(answers: &[(u64, u16, &str)]) -> Transcript {
    let mut transcript = Transcript::new(ClaimTemplate::around("", ""), response::parse, Wording::Plain);
    for (user, status, text) in answers {
        let reply = Reply { status: *status, body: text.as_bytes(), closes: false, taken: text.len() };
        transcript.note(*user, Instant::now(), Duration::from_millis(1), &reply);
    }
    transcript
}

#[test]
fn what_was_told_reaches_the_oracle_and_refusals_are_counted_by_code() {
    let transcript =
        told(&[(1, 200, "won 0123-4567-89AB-CDEF"), (2, 200, "sold_out"), (3, 200, "sold_out"), (4, 500, "broken")]);
    let mut ledger = Ledger::default();
    let campaign = ledger.add(rules(1));
    let refusals = transcript.tell(&mut ledger, campaign);
    assert_eq!((ledger.wins(), refusals["sold_out"], refusals["status 500"]), (1, 2, 1));
    assert_eq!(ledger.violations().len(), 1, "the failure: {:?}", ledger.violations());
    assert_eq!(transcript.wins().0, 1);
}

#[test]
fn more_wins_than_coupons_are_noticed() {
    let transcript = told(&[(1, 200, "won 0123-4567-89AB-CDEF"), (2, 200, "won 0123-4567-89AB-CDE0")]);
    let mut ledger = Ledger::default();
    let campaign = ledger.add(rules(1));
    transcript.tell(&mut ledger, campaign);
    assert!(ledger.violations()[0].to_string().starts_with("over-allocated"), "{:?}", ledger.violations());
}

#[test]
fn a_measurement_starts_with_empty_latencies_and_keeps_what_was_told() {
    let mut transcript = told(&[(1, 200, "won 0123-4567-89AB-CDEF")]);
    transcript.begin();
    assert_eq!((transcript.recorder().all().count(), transcript.slices().len()), (0, 0));
    let mut ledger = Ledger::default();
    let campaign = ledger.add(rules(1));
    transcript.tell(&mut ledger, campaign);
    assert_eq!(ledger.wins(), 1);
}

#[test]
fn times_count_from_when_the_first_request_may_leave() {
    let mut transcript = told(&[]);
    transcript.begin();
    // Connections were opened for a second meanwhile.
    let start = Instant::now() + Duration::from_secs(1);
    transcript.begins(start);
    let reply = Reply { status: 200, body: b"won 0123-4567-89AB-CDEF", closes: false, taken: 23 };
    transcript.note(1, start + 2 * SLICE, Duration::from_millis(1), &reply);
    assert_eq!((transcript.wins(), transcript.slices()), ((1, 2 * SLICE), &[0, 0, 1][..]));
}
