//! What the engine is asked while it lives, and what is held against each answer at once.

use std::time::Duration;

use landrush_engine::Engine;
use landrush_engine::command::{Claim, Command, CouponPlace, Gate, Redeem, Settlement};
use landrush_engine::id::{CampaignId, OrderId, UserId};
use landrush_engine::outcome::{CouponState, Outcome, Refusal};
use landrush_engine::port::BlockingPort;

use super::told::Told;
use super::{CAMPAIGNS, DRAWS, Random, USERS};

fn call(engine: &Engine, port: &mut BlockingPort, id: &str, command: Command) -> Option<Outcome> {
    port.call(engine.route(&CampaignId::new(id).expect("valid")), command).ok()
}

pub(super) fn claim(engine: &Engine, port: &mut BlockingPort, told: &Told, id: &str, user: u64) -> Option<Outcome> {
    let user = UserId::new(&format!("user-{user}")).expect("valid");
    let stamped_at = engine.clock().now();
    let claim = Claim {
        campaign: told.number?,
        user,
        coupon_type: None,
        key: None,
        phone: None,
        gate: Gate::default(),
        stamped_at,
    };
    call(engine, port, id, if id == DRAWS { Command::Draw(claim) } else { Command::Claim(claim) })
}

/// Whether an answer came that tells.
fn tells(outcome: &Option<Outcome>) -> bool {
    !matches!(outcome, None | Some(Outcome::Refused(Refusal::LogUnavailable)))
}

fn void(engine: &Engine, port: &mut BlockingPort, told: &mut Told, id: &str, user: u64) -> bool {
    let (campaign, win) = (told.number.expect("made"), told.wins.get_mut(&user).expect("won"));
    let void = Command::Void { campaign, claim: win.serial, restock: Some(false), allow_again: false };
    let outcome = call(engine, port, id, void);
    match &outcome {
        Some(Outcome::Voided) => win.fates.fill(CouponState::Void),
        Some(Outcome::Refused(Refusal::AlreadyRedeemed)) => {
            assert!(win.fates.contains(&CouponState::Redeemed), "{win:?}");
        }
        _ if tells(&outcome) => panic!("a void was answered {outcome:?}"),
        _ if win.has_coupon() => win.doubt(CouponState::Void),
        _ => {}
    }
    tells(&outcome)
}

/// Reserves a coupon or, where it certainly is reserved, settles that.
fn check_out(engine: &Engine, port: &mut BlockingPort, told: &mut Told, id: &str, user: u64, confirm: bool) -> bool {
    let (campaign, win) = (told.number.expect("made"), told.wins.get_mut(&user).expect("won"));
    let held = win.redemption.filter(|_| win.is(CouponState::Reserved));
    let (command, becomes) = match held {
        Some(redemption) if confirm => {
            (Command::Settle { campaign, redemption, settlement: Settlement::Confirm }, CouponState::Redeemed)
        }
        Some(redemption) => {
            (Command::Settle { campaign, redemption, settlement: Settlement::Release }, CouponState::Issued)
        }
        None => {
            let (coupon, order) = (CouponPlace::Claim(win.serial), OrderId::new("o-1").expect("valid"));
            let hold = Some(Duration::from_secs(3_600));
            (Command::Redeem(Redeem { campaign, coupon, order, user: None, hold }), CouponState::Reserved)
        }
    };
    let outcome = call(engine, port, id, command);
    match &outcome {
        Some(Outcome::Redeemed(item)) => {
            assert!(win.fates.contains(&CouponState::Issued), "redeemed a second time: {win:?}");
            win.is_redeemed(item);
        }
        Some(Outcome::Redemption(item)) if held.is_some() => {
            win.is_redeemed(item);
            assert!(win.is(becomes), "{item:?}");
        }
        Some(Outcome::Redemption(item)) => {
            assert!(item.claim.coupon.is_some_and(|coupon| win.fates.contains(&coupon.state)), "{win:?}: {item:?}");
            win.is_redeemed(item);
        }
        Some(Outcome::Refused(Refusal::NoSuchCoupon)) => assert!(!win.has_coupon(), "{win:?}"),
        Some(Outcome::Refused(Refusal::Void)) => assert!(win.fates.contains(&CouponState::Void), "{win:?}"),
        _ if tells(&outcome) => panic!("a checkout was answered {outcome:?}"),
        _ if win.has_coupon() => {
            win.doubt(becomes);
            // If it was redeemed, under a number that nobody knows yet.
            win.redemption = held;
        }
        _ => {}
    }
    tells(&outcome)
}

/// One life of the process: random commands until the power goes or enough has been done.
pub(super) fn live(engine: &Engine, told: &mut [Told], random: &mut Random) {
    let mut port = engine.blocking_port();
    for _ in 0..400 {
        let index = usize::try_from(random.below(CAMPAIGNS.len() as u64)).expect("small");
        let (id, told) = (CAMPAIGNS[index], &mut told[index]);
        if told.number.is_none() {
            continue;
        }
        let user = random.below(USERS);
        let went_on = match random.below(20) {
            0 if told.wins.contains_key(&user) => void(engine, &mut port, told, id, user),
            1..10 if told.wins.contains_key(&user) => {
                check_out(engine, &mut port, told, id, user, random.below(2) == 0)
            }
            _ => {
                let outcome = claim(engine, &mut port, told, id, user);
                told.note(user, outcome.as_ref())
            }
        };
        if !went_on && engine.failure().is_some() {
            return;
        }
    }
}
