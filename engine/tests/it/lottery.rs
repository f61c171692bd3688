//! Lotteries: entries until the end, then winners by rank, the same ones wherever they are computed.

use std::sync::Arc;
use std::time::Duration;

use landrush_engine::campaign::{CampaignBuilder, CampaignDefinition, Fairness, Mode, Return};
use landrush_engine::command::{Command, CouponPlace};
use landrush_engine::fairness::{EntriesHash, LotteryKey, Ranks, rank};
use landrush_engine::id::{Serial, TypeIndex};
use landrush_engine::outcome::{ClaimKind, ClaimView, CouponState, Outcome, Refusal};

use crate::shop::{DAY_MS, HOUR_MS, NOON_MS, RUSH, Shop, ask, at, coupon, refused, repeated_claim, seed, won_claim};

const ENDS: u64 = NOON_MS + HOUR_MS;
const ENTRIES: u32 = 20;

/// Three win `a`, four win `b`, the rest nothing.
fn lottery() -> CampaignBuilder {
    let builder = CampaignDefinition::builder("rush").mode(Mode::Lottery).open(at(NOON_MS), at(ENDS));
    builder.coupon_type("a", 3).valid_for(Duration::from_millis(2 * HOUR_MS)).coupon_type("b", 4)
}

fn shop(builder: CampaignBuilder) -> Shop {
    Shop::new(builder.build().expect("valid"))
}

fn user(entry: u32) -> String {
    format!("u-{entry}")
}

fn rank_it(shop: &mut Shop) -> Outcome {
    let (key, count) = shop.state.to_be_ranked(RUSH).expect("it is over and not drawn");
    shop.submit(&Command::Rank { campaign: RUSH, ranks: Arc::new(Ranks::compute(&key, count)) })
}

/// Over, and drawn.
fn drawn(builder: CampaignBuilder) -> Shop {
    let mut shop = shop(builder);
    for entry in 0..ENTRIES {
        assert_eq!(won_claim(&shop.enter(&user(entry))).serial, Serial(entry));
    }
    shop.now = ENDS + 1_000;
    assert_eq!(shop.do_what_is_due(), 1);
    assert_eq!(rank_it(&mut shop), Outcome::Ranked);
    shop
}

fn entry(shop: &mut Shop, user: &str) -> ClaimView {
    shop.claims_of(user)[0]
}

fn rank_of(view: &ClaimView) -> u32 {
    let ClaimKind::Entry { rank: Some(rank) } = view.kind else { panic!("no rank: {view:?}") };
    rank
}

fn fairness(shop: &Shop) -> Fairness {
    shop.state.view(RUSH).and_then(|view| view.fairness).expect("a lottery")
}

/// The entry that has this rank.
fn entry_ranked(shop: &mut Shop, rank: u32) -> u32 {
    (0..ENTRIES).find(|number| rank_of(&entry(shop, &user(*number))) == rank).expect("somebody has it")
}

#[test]
fn people_enter_once_and_until_the_end() {
    let mut shop = shop(lottery());
    let first = won_claim(&shop.enter("ann"));
    assert_eq!((first.serial, first.kind, first.coupon), (Serial(0), ClaimKind::Entry { rank: None }, None));
    assert_eq!(won_claim(&shop.enter("bob")).serial, Serial(1));
    assert_eq!(repeated_claim(&shop.enter("ann")), first);
    // Stamped before the end, decided after it.
    shop.now = ENDS + 999;
    assert_eq!(refused(&shop.enter("cyd")), Some(Refusal::Ended));
    assert_eq!(won_claim(&shop.submit(&Command::Enter(ask("cyd", None, None, ENDS - 1)))).serial, Serial(2));
    shop.now = ENDS + 1_000;
    assert_eq!(refused(&shop.submit(&Command::Enter(ask("dan", None, None, ENDS - 1)))), Some(Refusal::Ended));
    assert_eq!(repeated_claim(&shop.enter("ann")), first, "it is not drawn");
    assert_eq!(fairness(&shop).entries, 3);
    shop.prove();
}

#[test]
fn it_is_drawn_after_its_end_and_once() {
    let mut shop = shop(lottery());
    shop.enter("ann");
    assert_eq!(shop.state.to_be_ranked(RUSH), None);
    let early = Arc::new(Ranks::compute(&LotteryKey::new(&seed(), &EntriesHash::new().value()), 1));
    let rank = Command::Rank { campaign: RUSH, ranks: early };
    assert_eq!(refused(&shop.submit(&rank)), Some(Refusal::WrongMode));
    shop.now = ENDS + 1_000;
    shop.do_what_is_due();
    assert_eq!((fairness(&shop).seed, fairness(&shop).entries_hash), (None, None));
    assert_eq!(rank_it(&mut shop), Outcome::Ranked);
    let events = shop.log.len();
    assert_eq!(shop.submit(&rank), Outcome::Ranked, "another answer to the same question changes nothing");
    assert_eq!((shop.log.len(), shop.state.to_be_ranked(RUSH)), (events, None));
    shop.prove();
}

/// Cancelled after its end while the ranks were being computed: they come too late, and nobody wins.
#[test]
fn a_lottery_that_was_cancelled_before_it_was_drawn_awards_nothing() {
    let mut shop = shop(lottery());
    let entered = won_claim(&shop.enter("ann"));
    shop.now = ENDS + 1_000;
    shop.do_what_is_due();
    let (key, count) = shop.state.to_be_ranked(RUSH).expect("it is over and not drawn");
    shop.cancel(false);
    assert_eq!(shop.state.to_be_ranked(RUSH), None, "nor is it drawn after a restart");
    let late = Command::Rank { campaign: RUSH, ranks: Arc::new(Ranks::compute(&key, count)) };
    assert_eq!(refused(&shop.submit(&late)), Some(Refusal::Cancelled));
    assert_eq!((shop.counts(0).issued, shop.counts(1).issued), (0, 0));
    assert_eq!(repeated_claim(&shop.enter("ann")), entered);
    shop.prove();
}

/// Cancelled once it was drawn: what was won stays won.
#[test]
fn a_lottery_that_was_cancelled_after_it_was_drawn_keeps_its_winners() {
    let mut shop = drawn(lottery());
    shop.cancel(false);
    assert_eq!((shop.counts(0).issued, shop.counts(1).issued), (3, 4));
    let winner = entry_ranked(&mut shop, 1);
    assert_eq!(coupon(&entry(&mut shop, &user(winner))).state, CouponState::Issued);
    shop.prove();
}

#[test]
fn ranks_fill_the_types_in_listed_order() {
    let mut shop = drawn(lottery());
    let (fairness, mut hash) = (fairness(&shop), EntriesHash::new());
    (0..ENTRIES).for_each(|number| hash.update(&user(number)));
    assert_eq!((fairness.seed, fairness.entries_hash), (Some(seed()), Some(hash.value())));
    let key = LotteryKey::new(&seed(), &hash.value());
    for number in 0..ENTRIES {
        let view = entry(&mut shop, &user(number));
        let expected = rank(&key, number + 1, ENTRIES);
        let expected_type = if expected <= 3 { Some(0) } else { Some(1).filter(|_| expected <= 7) };
        assert_eq!((rank_of(&view), view.coupon.map(|coupon| coupon.coupon_type.0)), (expected, expected_type));
        if let Some(coupon) = view.coupon.filter(|coupon| coupon.coupon_type.0 == 0) {
            assert_eq!(coupon.expires_at, Some(at(ENDS + 1_000 + 2 * HOUR_MS)), "its life begins with the draw");
        }
    }
    assert_eq!((shop.counts(0).issued, shop.counts(1).issued), (3, 4));
    assert_eq!(shop.audit().campaigns[0].recomputed, ENTRIES);
    shop.prove();
}

#[test]
fn fewer_entries_than_coupons_all_win() {
    let mut shop = shop(lottery());
    for number in 0..5 {
        shop.enter(&user(number));
    }
    shop.now = ENDS + 1_000;
    shop.do_what_is_due();
    rank_it(&mut shop);
    assert!((0..5).all(|number| entry(&mut shop, &user(number)).coupon.is_some()));
    assert_eq!((shop.counts(0).issued, shop.counts(1).issued), (3, 2));
    shop.prove();
}

#[test]
fn a_lottery_without_entries_is_drawn_too() {
    let mut shop = shop(lottery());
    shop.now = ENDS + 1_000;
    shop.do_what_is_due();
    assert_eq!(rank_it(&mut shop), Outcome::Ranked);
    assert_eq!(fairness(&shop).seed, Some(seed()));
    shop.prove();
}

#[test]
fn an_entry_is_not_voided_and_a_win_is() {
    let mut shop = shop(lottery());
    shop.enter("ann");
    assert_eq!(refused(&shop.void(0, None, true)), Some(Refusal::NoSuchClaim), "the hash of the entries stays");
    let mut shop = drawn(lottery());
    let (winner, loser) = (entry_ranked(&mut shop, 1), entry_ranked(&mut shop, ENTRIES));
    assert_eq!(refused(&shop.void(loser, None, false)), Some(Refusal::NoSuchClaim));
    // On the very day of the entry: winners count for no day, so nothing returns to one.
    assert_eq!(shop.void(winner, Some(true), false), Outcome::Voided);
    assert_eq!(coupon(&repeated_claim(&shop.enter(&user(winner)))).state, CouponState::Void);
    assert_eq!((shop.counts(0).issued, shop.counts(0).voided, shop.counts(0).issued_today), (2, 1, 0));
    assert_eq!(rank_of(&entry(&mut shop, &user(winner))), 1, "nobody moves up");
    shop.prove();
}

#[test]
fn what_is_won_runs_out_and_is_redeemed() {
    let mut shop = drawn(lottery().expired(Return::Restock));
    let (first, second, other) = (entry_ranked(&mut shop, 1), entry_ranked(&mut shop, 2), entry_ranked(&mut shop, 4));
    let loser = entry_ranked(&mut shop, ENTRIES);
    assert!(matches!(shop.redeem(first, "o-1", None), Outcome::Redeemed(_)));
    assert_eq!(refused(&shop.redeem(loser, "o-2", None)), Some(Refusal::NoSuchCoupon));
    shop.now += 2 * HOUR_MS - 1;
    assert_eq!(shop.coupon_state(second), CouponState::Issued);
    shop.now += 1;
    assert_eq!(shop.do_what_is_due(), 1);
    assert_eq!(
        [first, second, other].map(|entry| shop.coupon_state(entry)),
        [CouponState::Redeemed, CouponState::Expired, CouponState::Issued]
    );
    assert_eq!((shop.counts(0).issued, shop.counts(0).expired, shop.counts(0).issued_today), (1, 2, 0));
    shop.prove();
}

#[test]
fn ranks_that_are_not_in_the_log_are_computed_from_it() {
    let mut shop = drawn(lottery());
    let views = |shop: &mut Shop| (0..ENTRIES).map(|number| entry(shop, &user(number))).collect::<Vec<_>>();
    let before = views(&mut shop);
    for state in [shop.replayed(), shop.restored()] {
        assert_eq!(views(&mut Shop { state, ..shop.clone() }), before);
    }
}

/// A crash between the end and the draw: what is to be drawn is known from the log.
#[test]
fn a_lottery_that_was_not_drawn_in_time_has_the_same_winners() {
    let mut shop = shop(lottery());
    (0..ENTRIES).for_each(|number| assert!(matches!(shop.enter(&user(number)), Outcome::Won(_))));
    shop.now = ENDS + 1_000;
    shop.do_what_is_due();
    let mut late = Shop { state: shop.replayed(), now: ENDS + DAY_MS, ..shop.clone() };
    assert_eq!(shop.state.to_be_ranked(RUSH).map(|(_, count)| count), Some(ENTRIES));
    rank_it(&mut shop);
    rank_it(&mut late);
    for number in 0..ENTRIES {
        let [in_time, late] = [&mut shop, &mut late].map(|shop| rank_of(&entry(shop, &user(number))));
        assert_eq!(in_time, late);
    }
    late.prove();
}

#[test]
fn shops_own_codes_are_won_by_rank() {
    let builder = CampaignDefinition::builder("rush").mode(Mode::Lottery).open(at(NOON_MS), at(ENDS));
    let mut shop = shop(builder.coupon_type("a", 10).imported_codes().coupon_type("b", 1));
    assert!(matches!(shop.submit(&crate::imports::import(0, 1, 2, 0)), Outcome::CodesImported { available: 2 }));
    (0..5).for_each(|number| assert!(matches!(shop.enter(&user(number)), Outcome::Won(_))));
    shop.now = ENDS + 1_000;
    shop.do_what_is_due();
    rank_it(&mut shop);
    for number in 0..5 {
        let view = entry(&mut shop, &user(number));
        let expected = match rank_of(&view) {
            rank @ 1..=2 => Some((0, Some(rank - 1))),
            3 => Some((1, None)),
            _ => None,
        };
        assert_eq!(view.coupon.map(|coupon| (coupon.coupon_type.0, coupon.imported)), expected);
    }
    let first =
        Command::Coupon { campaign: RUSH, coupon: CouponPlace::Imported { coupon_type: TypeIndex(0), position: 0 } };
    let Outcome::Coupon(item) = shop.submit(&first) else { panic!("it was won") };
    assert_eq!(rank_of(&item.claim), 1);
    shop.prove();
}
