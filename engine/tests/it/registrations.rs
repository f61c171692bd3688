//! Registrations: who registered in time may claim, nobody else, and the same after every restart.

use landrush_engine::campaign::{CampaignDefinition, Eligibility, Protection, Who};
use landrush_engine::command::{Command, Register};
use landrush_engine::event::{Change, Event, Granted};
use landrush_engine::id::{TypeIndex, UserId};
use landrush_engine::outcome::{Outcome, Refusal};

use crate::shop::{HOUR_MS, NOON_MS, RUSH, Shop, ask, at, refused, repeated, won};

const OPENS: u64 = NOON_MS + HOUR_MS;

fn shop(closes_at: Option<u64>) -> Shop {
    let eligibility = Eligibility {
        who: Who::Registered,
        registration_closes_at: closes_at.map(at),
        devices_per_user: None,
        users_per_device: None,
        token_claims: Vec::new(),
    };
    let protection = Protection { eligibility: Some(eligibility), ..Protection::default() };
    let sale = CampaignDefinition::builder("rush")
        .open(at(OPENS), at(OPENS + HOUR_MS))
        .coupon_type("a", 10)
        .protection(protection);
    let mut shop = Shop::new(sale.build().expect("valid"));
    shop.now = OPENS - 1_000;
    shop
}

fn register(shop: &mut Shop, user: &str) -> Outcome {
    let user = UserId::new(user).expect("a valid user id");
    shop.submit(&Command::Register(Register { campaign: RUSH, user, stamped_at: at(shop.now) }))
}

fn claim(shop: &mut Shop, user: &str) -> Outcome {
    let claim = ask(user, None, None, shop.now);
    shop.submit(&Command::Claim(claim))
}

#[test]
fn only_who_has_registered_may_claim() {
    let mut shop = shop(None);
    assert_eq!(register(&mut shop, "ann"), Outcome::Registered { repeated: false });
    assert_eq!(register(&mut shop, "ann"), Outcome::Registered { repeated: true });
    shop.now = OPENS;
    won(&claim(&mut shop, "ann"));
    repeated(&claim(&mut shop, "ann"));
    assert_eq!(refused(&claim(&mut shop, "bob")), Some(Refusal::NotEligible));
    register(&mut shop, "bob");
    won(&claim(&mut shop, "bob"));
    shop.prove();
}

#[test]
fn after_the_cut_off_nobody_registers_any_more() {
    let mut shop = shop(Some(OPENS - 500));
    shop.now = OPENS - 501;
    register(&mut shop, "ann");
    shop.now = OPENS - 500;
    assert_eq!(refused(&register(&mut shop, "bob")), Some(Refusal::RegistrationClosed));
    assert_eq!(register(&mut shop, "ann"), Outcome::Registered { repeated: true });
    shop.now = OPENS + HOUR_MS;
    assert_eq!(refused(&register(&mut shop, "bob")), Some(Refusal::Ended));
}

#[test]
fn where_everybody_is_heard_nobody_registers() {
    let mut bare = Shop::new(CampaignDefinition::builder("rush").coupon_type("a", 1).build().expect("valid"));
    assert_eq!(refused(&register(&mut bare, "ann")), Some(Refusal::NoRegistration));
}

#[test]
fn whoever_has_registered_is_known_after_a_restart() {
    let mut shop = shop(None);
    for number in 0..5_000 {
        register(&mut shop, &format!("u-{number}"));
    }
    shop.prove();
    let mut restarted = Shop { state: shop.restored(), ..shop };
    assert_eq!(register(&mut restarted, "u-4999"), Outcome::Registered { repeated: true });
    restarted.now = OPENS;
    won(&claim(&mut restarted, "u-4999"));
    assert_eq!(refused(&claim(&mut restarted, "u-5000")), Some(Refusal::NotEligible));
}

#[test]
fn a_log_in_which_somebody_claims_who_has_not_registered_is_refused() {
    let mut shop = shop(None);
    register(&mut shop, "ann");
    shop.now = OPENS;
    let day = shop.state.day(RUSH).expect("the campaign is there");
    for (user, holds) in [("bob", false), ("ann", true)] {
        let grant = Granted { day, window: None, user, key: None, phone: None };
        let change = Change::Claimed { grant, coupon_type: TypeIndex(0), requested: None };
        let event = Event { campaign: RUSH, at: at(shop.now), change };
        assert_eq!(shop.state.apply(&event).is_ok(), holds, "{user}");
    }
}

#[test]
fn a_log_in_which_somebody_registers_twice_is_refused() {
    let mut shop = shop(None);
    register(&mut shop, "ann");
    for user in ["ann", ""] {
        let event = Event { campaign: RUSH, at: at(shop.now), change: Change::Registered { user } };
        assert!(shop.state.apply(&event).is_err(), "{user:?}");
    }
}
