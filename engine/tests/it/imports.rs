//! The shop's own codes: added file by file, handed out in their order, gone when they are gone.

use landrush_engine::campaign::{CampaignBuilder, CampaignDefinition};
use landrush_engine::command::{CodeFile, Command, CouponPlace, Redeem};
use landrush_engine::id::{CodeFileId, TypeIndex};
use landrush_engine::outcome::{Outcome, Refusal};

use crate::shop::{DAY_MS, NOON_MS, RUSH, Shop, at, coupon, redeem, refused, repeated_claim, won_claim};

/// Adds `count` codes from a file to a type that has had `first`.
pub(crate) fn import(coupon_type: u16, file: u64, count: u32, first: u32) -> Command {
    let hash = [u8::try_from(file).expect("a small number"); 32];
    let file = CodeFile { id: CodeFileId(file), count, hash };
    Command::ImportCodes { campaign: RUSH, coupon_type: TypeIndex(coupon_type), file, first }
}

fn own_codes() -> CampaignBuilder {
    let builder = CampaignDefinition::builder("rush").open(at(NOON_MS), at(NOON_MS + DAY_MS));
    builder.coupon_type("own", 100).imported_codes().coupon_type("ours", 2)
}

fn shop() -> Shop {
    Shop::new(own_codes().build().expect("valid"))
}

fn available(outcome: &Outcome) -> u32 {
    let Outcome::CodesImported { available } = outcome else { panic!("not imported: {outcome:?}") };
    *available
}

fn place(shop: &mut Shop, user: &str) -> Option<u32> {
    coupon(&won_claim(&shop.claim_type(user, 0))).imported
}

#[test]
fn codes_are_handed_out_in_their_order_until_they_are_gone() {
    let mut shop = shop();
    assert_eq!(refused(&shop.claim_type("ann", 0)), Some(Refusal::SoldOut), "there are none yet");
    assert_eq!(available(&shop.submit(&import(0, 1, 2, 0))), 2);
    assert_eq!(place(&mut shop, "ann"), Some(0));
    // Another type between them takes no place.
    assert_eq!(coupon(&won_claim(&shop.claim_type("bob", 1))).imported, None);
    assert_eq!(place(&mut shop, "cyd"), Some(1));
    assert_eq!(refused(&shop.claim_type("dan", 0)), Some(Refusal::SoldOut));
    assert_eq!(coupon(&won_claim(&shop.claim("dan"))).coupon_type, TypeIndex(1), "the next type is given instead");
    assert_eq!(available(&shop.submit(&import(0, 2, 3, 2))), 3);
    assert_eq!(place(&mut shop, "eve"), Some(2));
    assert_eq!(coupon(&repeated_claim(&shop.claim("cyd"))).imported, Some(1));
    assert_eq!(shop.state.code_files(RUSH).len(), 2);
    assert_eq!((shop.counts(0).imported, shop.counts(0).handed_out), (5, 3));
    shop.prove();
}

/// The total says how many coupons, the files how many codes: a code is handed out once.
#[test]
fn a_code_that_was_voided_is_not_handed_out_again() {
    let mut shop = shop();
    shop.submit(&import(0, 1, 2, 0));
    assert_eq!(place(&mut shop, "ann"), Some(0));
    shop.void(0, Some(true), true);
    assert_eq!(place(&mut shop, "ann"), Some(1));
    assert_eq!(shop.counts(0).issued, 1);
    assert_eq!(refused(&shop.claim_type("bob", 0)), Some(Refusal::SoldOut));
    shop.prove();
}

#[test]
fn a_coupon_is_found_by_the_place_of_its_code() {
    let mut shop = shop();
    shop.submit(&import(0, 1, 2, 0));
    won_claim(&shop.claim_type("ann", 1));
    won_claim(&shop.claim_type("bob", 0));
    let at_place = |position| Command::Coupon {
        campaign: RUSH,
        coupon: CouponPlace::Imported { coupon_type: TypeIndex(0), position },
    };
    let Outcome::Coupon(item) = shop.submit(&at_place(0)) else { panic!("it was handed out") };
    assert_eq!((item.user.as_str(), item.claim.serial.0), ("bob", 1));
    assert_eq!(refused(&shop.submit(&at_place(1))), Some(Refusal::NoSuchCoupon), "it was not");
    // The code that would have been generated was never issued.
    assert_eq!(refused(&shop.redeem(1, "o-1", None)), Some(Refusal::NoSuchCoupon));
    let Command::Redeem(redeem) = redeem(0, "o-1", None) else { unreachable!("it is a redemption") };
    let coupon = CouponPlace::Imported { coupon_type: TypeIndex(0), position: 0 };
    let redeem = Command::Redeem(Redeem { coupon, ..redeem });
    assert!(matches!(shop.submit(&redeem), Outcome::Redeemed(_)));
    shop.prove();
}

#[test]
fn a_file_is_added_once_and_in_its_turn() {
    let mut shop = shop();
    assert_eq!(refused(&shop.submit(&import(0, 1, 2, 1))), Some(Refusal::Conflict));
    assert_eq!(available(&shop.submit(&import(0, 1, 2, 0))), 2);
    place(&mut shop, "ann");
    assert_eq!(available(&shop.submit(&import(0, 1, 2, 0))), 1, "somebody whose answer was lost asks again");
    assert_eq!(refused(&shop.submit(&import(0, 2, 2, 0))), Some(Refusal::Conflict));
    assert_eq!(shop.counts(0).imported, 2);
    shop.prove();
}

#[test]
fn codes_are_refused_where_none_are_handed_out() {
    let mut shop = shop();
    assert_eq!(refused(&shop.submit(&import(1, 1, 2, 0))), Some(Refusal::CodesGenerated));
    assert_eq!(refused(&shop.submit(&import(2, 1, 2, 0))), Some(Refusal::NoSuchCouponType));
    shop.submit(&import(0, 1, 2, 0));
    let mut cancelled = shop.clone();
    cancelled.cancel(false);
    shop.now += DAY_MS;
    for (shop, refusal) in [(&mut cancelled, Refusal::Cancelled), (&mut shop, Refusal::Ended)] {
        assert_eq!(refused(&shop.submit(&import(0, 2, 2, 2))), Some(refusal));
        assert_eq!(available(&shop.submit(&import(0, 1, 2, 0))), 2, "a repeat is answered in every state");
        shop.prove();
    }
}
