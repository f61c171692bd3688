//! A till that pretends is asked as one that is back from a crash, and held to what it had told.

use serde_json::{Value, json};

use super::*;
use crate::schedule::{Stream, seeded};
use crate::stub;

const CODE: &str = "0000-0000-0000-0001";

/// What the till says of a coupon that order 1 was told to have redeemed, and of order 2, which had no answer.
#[derive(Clone, Copy)]
enum Till {
    Honest,
    /// The coupon is free again.
    Forgets,
    /// Both orders have it.
    GivesTwice,
    /// Nobody can be answered.
    Broken,
}

/// The violations that a look at everything finds.
fn found(pretends: Till) -> Vec<String> {
    let address = stub::serve(move |method, _, _| match (pretends, method) {
        (Till::Broken, _) => (503, json!({"code": "log_unavailable"})),
        (Till::GivesTwice, "POST") => (201, redemption("r-2", "o-2")),
        (Till::Honest | Till::Forgets, "POST") => (409, json!({"code": "already_redeemed"})),
        (Till::Forgets, _) => (200, coupon("issued", &Value::Null)),
        (Till::Honest | Till::GivesTwice, _) => (200, coupon("redeemed", &redemption("r-1", "o-1"))),
    });
    let code = Code::parse(CODE).expect("a code");
    let now = Timestamp::now();
    let mut accounts = Accounts::default();
    let till = &mut accounts.checkout.till;
    till.take_up(code, 1);
    let redeem = |order| Step::Redeem { order, hold_s: None };
    let when = When { sent: now, heard: now };
    till.sent(code);
    let told = serde_json::to_vec(&redemption("r-1", "o-1")).expect("JSON");
    let reply = Reply { status: 201, body: &told, closes: false, taken: 0 };
    till.answered(code, redeem(1), when, read(&reply, code, 1, &redeem(1)));
    till.sent(code);
    till.unanswered(code, redeem(2), when);
    assert_eq!(till.violations(), []);
    accounts.look_at_coupons(address, 2, true, &mut seeded(1, Stream::Kill)).expect("a server");
    accounts.violations().iter().map(ToString::to_string).collect()
}

fn redemption(id: &str, order: &str) -> Value {
    json!({"redemption_id": id, "code": CODE, "order_id": order, "state": "confirmed", "repeated": false})
}

fn coupon(state: &str, redemption: &Value) -> Value {
    json!({"code": CODE, "state": state, "user_id": "u-000000000001", "redemption": redemption})
}

#[test]
fn an_honest_till_is_sound() {
    assert_eq!(found(Till::Honest), [""; 0]);
}

#[test]
fn a_till_that_forgets_a_redemption_is_noticed() {
    let words =
        format!("lost redemption: coupon {CODE} was redeemed by o-1, and now the till is told: the coupon is issued");
    assert_eq!(found(Till::Forgets), [words]);
}

#[test]
fn a_till_that_gives_a_coupon_to_two_orders_is_noticed() {
    assert_eq!(found(Till::GivesTwice), [format!("coupon {CODE} went to two orders: o-1 has it, and o-2 got it")]);
}

#[test]
fn what_a_till_cannot_be_asked_for_is_said_to_be_unknown() {
    let unknown =
        |step| format!("coupon {CODE}: \"{step}\" could not be asked again, so that what it did is not known");
    assert_eq!(found(Till::Broken), [unknown("redeem for o-2"), unknown("show the coupon")]);
}
