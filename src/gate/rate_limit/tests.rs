//! What limits mean to callers, and that no crowd of them takes more memory than it was given.

use std::net::IpAddr;

use super::*;

fn now() -> Timestamp {
    after(0)
}

fn limit(requests: u32, seconds: u64) -> RateLimit {
    RateLimit { requests, per: Duration::from_secs(seconds) }
}

fn after(milliseconds: u64) -> Timestamp {
    Timestamp::from_milliseconds(1_700_000_000_000 + milliseconds)
}

fn address(number: u32) -> Mark<'static> {
    Mark::Address(IpAddr::from(number.to_be_bytes()).into())
}

#[test]
fn marks_campaigns_and_kinds_are_told_apart() {
    let limiter = Limiter::new(1_024, [7; 16]);
    let (one, other) = (CampaignNumber(1), CampaignNumber(2));
    let user = UserId::new("u").expect("an id");
    for mark in [Mark::User(&user), Mark::Device(b"u"), Mark::Phone(PhoneHash(7)), address(1), address(2)] {
        limiter.ask(one, mark, limit(1, 10), now()).expect("the first of its kind");
        assert_eq!(limiter.ask(one, mark, limit(1, 10), now()), Err(Duration::from_secs(10)));
        limiter.ask(other, mark, limit(1, 10), now()).expect("another campaign");
    }
    assert_eq!(limiter.keys(), 10);
}

#[test]
fn ten_million_addresses_take_no_more_memory_and_do_not_set_the_patient_or_the_penalised_free() {
    const KEYS_MAX: usize = 1 << 16;
    let limiter = Limiter::new(KEYS_MAX, [7; 16]);
    let campaign = CampaignNumber(1);
    let limit = limit(5, 10);
    let user = UserId::new("impatient").expect("an id");
    // One who has asked until they were refused: their bucket is emptier than any newcomer's.
    while limiter.ask(campaign, Mark::User(&user), limit, now()).is_ok() {}
    for number in 0..10_000_000 {
        // All within one second: no cell of theirs is blank before it is pushed out by the next.
        let at = after(u64::from(number) / 10_000);
        limiter
            .ask(campaign, address(number), limit, at)
            .expect("each asks once, and nobody is refused for want of room");
        if number % 1_000_000 == 0 {
            assert!(limiter.keys() <= KEYS_MAX);
        }
    }
    assert_eq!(limiter.keys(), KEYS_MAX);
    assert!(limiter.ask(campaign, Mark::User(&user), limit, after(1_000)).is_err(), "the wait was forgotten");
    assert!(limiter.ask(campaign, Mark::User(&user), limit, after(2_000)).is_ok(), "the wait is over");
}

#[test]
fn who_is_forgotten_begins_anew_and_is_never_refused() {
    let limiter = Limiter::new(1, [7; 16]);
    let campaign = CampaignNumber(1);
    for number in 0..100 {
        for _ in 0..3 {
            limiter.ask(campaign, address(number), limit(3, 10), now()).expect("a full bucket");
        }
    }
}
