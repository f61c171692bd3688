//! Campaigns of draws: what is sampled follows from public facts alone, and a draw that loses counts as one that wins.

use landrush_engine::campaign::{CampaignBuilder, CampaignDefinition, Mode, Period};
use landrush_engine::command::Command;
use landrush_engine::fairness::{DrawPlace, Odds, Probability};
use landrush_engine::id::TypeIndex;
use landrush_engine::outcome::{ClaimKind, ClaimView, Outcome, Refusal};

use crate::shop::{
    DAY_MS, HOUR_MS, NOON_MS, RUSH, Shop, ask, at, claim, coupon, refused, repeated, repeated_claim, seed, won,
    won_claim,
};

const NOBODY: u16 = u16::MAX;

fn percent(percent: u32) -> Probability {
    Probability::from_billionths(percent * 10_000_000).expect("at most one")
}

/// Of three draws one wins of `a` and one of `b`, about.
fn draws() -> CampaignBuilder {
    let builder = CampaignDefinition::builder("rush").mode(Mode::Draw).limit(1, Period::Day);
    let builder = builder.open(at(NOON_MS), at(NOON_MS + 3 * DAY_MS));
    builder.coupon_type("a", 1_000).probability(percent(33)).coupon_type("b", 1_000).probability(percent(33))
}

fn shop(builder: CampaignBuilder) -> Shop {
    Shop::new(builder.build().expect("valid"))
}

/// What anybody computes who knows the seed.
fn sample(user: &str, period: &str, number: u32) -> Option<TypeIndex> {
    let odds = Odds::new([percent(33), percent(33)]).expect("at most one");
    odds.sample(&seed(), &DrawPlace { campaign: "rush", user, period, number })
}

/// The first user whose first draws of the campaign sample this, [`NOBODY`] standing for no type.
fn user_who_samples(period: &str, wanted: &[u16]) -> String {
    let wanted: Vec<_> = wanted.iter().map(|index| Some(TypeIndex(*index)).filter(|_| *index != NOBODY)).collect();
    let draws = |user: &str| (1..).take(wanted.len()).map(|number| sample(user, period, number)).collect::<Vec<_>>();
    (0..10_000).map(|number| format!("u-{number}")).find(|user| draws(user) == wanted).expect("one in ten thousand")
}

fn sampled(claim: &ClaimView) -> Option<TypeIndex> {
    let ClaimKind::Draw { sampled } = claim.kind else { panic!("no draw: {claim:?}") };
    sampled
}

#[test]
fn a_draw_is_what_the_seed_says() {
    let mut shop = shop(draws());
    for number in 0..300 {
        let user = format!("u-{number}");
        let claim = won_claim(&shop.draw(&user));
        assert_eq!(sampled(&claim), sample(&user, "2026-12-01", 1));
        assert_eq!(claim.coupon.map(|coupon| coupon.coupon_type), sampled(&claim));
        assert_eq!(repeated_claim(&shop.draw(&user)), claim);
    }
    assert_eq!(shop.audit().campaigns[0].recomputed, 300);
    shop.prove();
}

#[test]
fn a_losing_draw_counts_and_repeats() {
    let mut shop = shop(draws());
    let user = user_who_samples("2026-12-01", &[NOBODY]);
    let lost = won_claim(&shop.draw(&user));
    assert_eq!((sampled(&lost), lost.coupon), (None, None));
    shop.now += 11 * HOUR_MS;
    assert_eq!(repeated_claim(&shop.draw(&user)), lost);
    shop.state = shop.restored();
    assert_eq!(repeated_claim(&shop.draw(&user)), lost, "also after a restart");
    assert_eq!(shop.claims_of(&user), [lost]);
    let page = shop.submit(&Command::Claims { campaign: RUSH, after: None, limit: 10 });
    assert_eq!(page, Outcome::Claims { items: Vec::new(), more: false }, "nothing was issued");
    // A new day is a new draw.
    shop.now += HOUR_MS;
    assert_eq!(won(&shop.draw(&user)), 1);
    shop.prove();
}

#[test]
fn the_draws_of_a_period_are_numbered() {
    let mut shop = shop(draws().limit(3, Period::Campaign));
    let user = user_who_samples("campaign", &[NOBODY, 1, 0]);
    let mut draw = |key| shop.submit(&Command::Draw(ask(&user, None, Some(key), NOON_MS)));
    let drawn = ["k1", "k2", "k3"].map(|key| sampled(&won_claim(&draw(key))));
    assert_eq!(drawn, [None, Some(TypeIndex(1)), Some(TypeIndex(0))]);
    assert_eq!(sampled(&repeated_claim(&draw("k2"))), Some(TypeIndex(1)));
    assert_eq!(refused(&draw("k4")), Some(Refusal::LimitReached), "a losing draw counts");
    shop.prove();
}

#[test]
fn what_has_run_out_changes_nobodys_odds() {
    let builder = CampaignDefinition::builder("rush").mode(Mode::Draw).limit(1, Period::Day);
    let builder = builder.coupon_type("a", 1).probability(percent(33));
    let mut shop = shop(builder.coupon_type("b", 1_000).probability(percent(33)).daily_quota(20));
    let mut issued = [0, 0];
    for number in 0..200 {
        let user = format!("u-{number}");
        let claim = won_claim(&shop.draw(&user));
        let expected = sample(&user, "2026-12-01", 1);
        assert_eq!(sampled(&claim), expected);
        let is_left = expected.filter(|index| issued[index.as_index()] < [1, 20][index.as_index()]);
        assert_eq!(claim.coupon.map(|coupon| coupon.coupon_type), is_left, "gone is no coupon, never a refusal");
        is_left.into_iter().for_each(|index| issued[index.as_index()] += 1);
    }
    assert_eq!(issued, [1, 20]);
    shop.prove();
}

#[test]
fn a_draw_voided_to_allow_another_is_drawn_anew_with_the_next_number() {
    let mut shop = shop(draws());
    let user = user_who_samples("2026-12-01", &[0, NOBODY, 1]);
    assert_eq!(coupon(&won_claim(&shop.draw(&user))).coupon_type, TypeIndex(0));
    shop.void(0, None, true);
    assert_eq!(won_claim(&shop.draw(&user)).coupon, None);
    // A losing draw has no unit, and can be voided all the same.
    assert_eq!(shop.void(1, Some(true), true), Outcome::Voided);
    assert_eq!(coupon(&won_claim(&shop.draw(&user))).coupon_type, TypeIndex(1));
    assert_eq!(repeated(&shop.draw(&user)), 2);
    assert_eq!((shop.counts(0).issued, shop.counts(1).issued, shop.counts(0).voided), (0, 1, 1));
    shop.prove();
}

#[test]
fn the_seed_comes_out_when_no_draw_can_follow() {
    let seed_of = |shop: &Shop| {
        let fairness = shop.state.view(RUSH).and_then(|view| view.fairness).expect("a campaign of draws");
        assert_eq!(fairness.commitment, seed().commitment());
        fairness.seed
    };
    let mut shop = shop(draws());
    shop.draw("ann");
    shop.now = NOON_MS + 3 * DAY_MS;
    shop.do_what_is_due();
    assert_eq!(seed_of(&shop), None, "a request that was stamped before the end may still be under way");
    let mut cancelled = shop.clone();
    cancelled.cancel(false);
    assert_eq!(seed_of(&cancelled), Some(seed()));
    shop.now += 1_000;
    shop.do_what_is_due();
    assert_eq!(seed_of(&shop), Some(seed()));
    let late = Command::Draw(ask("bob", None, None, NOON_MS));
    assert_eq!(refused(&shop.submit(&late)), Some(Refusal::Ended), "whatever its stamp");
    shop.prove();
    cancelled.prove();
}

#[test]
fn draws_claims_and_entries_do_not_mix() {
    let mut shop = shop(draws());
    assert_eq!(refused(&shop.enter("ann")), Some(Refusal::WrongMode));
    assert_eq!(refused(&shop.submit(&claim("ann", None, None, NOON_MS))), Some(Refusal::WrongMode));
    let mut claims = Shop::new(CampaignDefinition::builder("rush").coupon_type("a", 1).build().expect("valid"));
    assert_eq!(refused(&claims.draw("ann")), Some(Refusal::WrongMode));
}
