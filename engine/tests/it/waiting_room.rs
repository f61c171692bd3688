//! The waiting room: places by a seeded shuffle, then in the order of arrival; let in at a rate, never more than there are
//! coupons, and the same after every restart.

mod shelf;

use std::collections::BTreeSet;
use std::time::Duration;

use landrush_engine::campaign::{
    CampaignBuilder, CampaignDefinition, CampaignPatch, CouponTypePatch, Mode, Period, Protection, WaitingRoom,
    Weekdays, Windows,
};
use landrush_engine::codec::decode_event;
use landrush_engine::command::{Arrive, Claim, Command, Gate, GateRefusal};
use landrush_engine::event::{Change, Event};
use landrush_engine::fairness::hex::Hex;
use landrush_engine::fairness::{LotteryKey, rank};
use landrush_engine::id::{TypeIndex, UserId};
use landrush_engine::outcome::{Outcome, Refusal};
use landrush_engine::room::{AuditedRoom, PAST_ROOMS_MAX, Place, RoomView, Standing, chained};
use landrush_engine::shard::{Due, State};
use landrush_engine::time::Timestamp;
use sha2::{Digest, Sha256};

use crate::shop::{DAY_MS, HOUR_MS, NOON_MS, RUSH, Shop, ask, at, refused, repeated, won};

const OPENS: u64 = NOON_MS + HOUR_MS;
const RULES: WaitingRoom =
    WaitingRoom { admit_per_second: 8, opens_before: Duration::from_mins(10), admitted_for: Duration::from_secs(10) };

fn sale(quota: u32) -> CampaignBuilder {
    let protection = Protection { waiting_room: Some(RULES), ..Protection::default() };
    CampaignDefinition::builder("rush")
        .open(at(OPENS), at(OPENS + HOUR_MS))
        .coupon_type("a", quota)
        .protection(protection)
}

fn shop(quota: u32) -> Shop {
    let mut shop = Shop::new(sale(quota).build().expect("valid"));
    shop.now = OPENS - 1_000;
    shop
}

fn arrive(shop: &mut Shop, user: &str) -> Outcome {
    arrive_against(shop, user, None)
}

/// Comes, though the gate may have something against it.
fn arrive_against(shop: &mut Shop, user: &str, refusal: Option<GateRefusal>) -> Outcome {
    let user = UserId::new(user).expect("a valid user id");
    shop.submit(&Command::Arrive(Arrive { campaign: RUSH, user, stamped_at: at(shop.now), refusal }))
}

fn place(outcome: &Outcome) -> Place {
    let Outcome::Arrived { place, .. } = outcome else { panic!("no place: {outcome:?}") };
    *place
}

fn claim_with(shop: &mut Shop, user: &str, place: Option<Place>) -> Outcome {
    let claim = Claim { gate: Gate { place, refusal: None }, ..ask(user, None, None, shop.now) };
    shop.submit(&Command::Claim(claim))
}

fn room(shop: &Shop) -> RoomView {
    shop.state.room(RUSH).expect("the campaign has one")
}

fn standing(shop: &Shop, place: Place) -> Standing {
    room(shop).standing(place, at(shop.now))
}

/// Lets time pass by steps of a quarter of a second.
fn pass(shop: &mut Shop, milliseconds: u64) {
    let end = shop.now + milliseconds;
    while shop.now < end {
        shop.now += 250;
        shop.do_what_is_due();
    }
}

fn user(number: u32) -> String {
    format!("u-{number}")
}

/// So many came before the opening, and it has come.
fn opened(quota: u32, people: u32) -> (Shop, Vec<Place>) {
    open(shop(quota), people)
}

fn open(mut shop: Shop, people: u32) -> (Shop, Vec<Place>) {
    let places = (0..people).map(|number| place(&arrive(&mut shop, &user(number)))).collect();
    shop.now = OPENS;
    shop.do_what_is_due();
    (shop, places)
}

#[test]
fn who_comes_before_the_opening_is_shuffled_as_the_published_seed_says() {
    let mut shop = shop(100);
    let mut hash = [0; 32];
    for number in 0..40 {
        let outcome = arrive(&mut shop, &user(number));
        let expected = Place { window: at(OPENS), number: number + 1 };
        assert_eq!(outcome, Outcome::Arrived { place: expected, repeated: false });
        assert_eq!(standing(&shop, expected), Standing::Waiting { position: None });
        hash = chained(&hash, &user(number));
    }
    let commitment = room(&shop).commitment();
    assert_eq!(room(&shop).published_seed(), None);
    shop.now = OPENS;
    shop.do_what_is_due();

    let room = room(&shop);
    let seed = room.published_seed().expect("it is out").clone();
    assert_eq!((seed.commitment(), room.commitment()), (commitment, commitment));
    let shuffle = room.shuffle.clone().expect("shuffled");
    assert_eq!((shuffle.count, shuffle.hash), (40, hash));
    let key = LotteryKey::new(&seed, &hash);
    let positions: Vec<u32> = (1..=40).map(|number| shuffle.position(number)).collect();
    assert_eq!(positions, (1..=40).map(|number| rank(&key, number, 40)).collect::<Vec<_>>());
    assert!(positions.iter().copied().collect::<BTreeSet<_>>().into_iter().eq(1..=40), "no position twice");
    assert!(!positions.is_sorted());
    let before = room.clone();
    shuffle.compute();
    let is_the_same = (1..=40).zip(&positions).all(|(number, position)| shuffle.position(number) == *position);
    assert!(is_the_same, "computed all at once");
    assert_eq!((shuffle.position(41), before), (41, room));
    shop.prove();
}

#[test]
fn places_are_computed_once_for_the_shard_and_for_all_who_read() {
    let (mut shop, places) = opened(100, 500);
    let reader = room(&shop);
    let positions: Vec<Standing> = places.iter().map(|place| reader.standing(*place, at(shop.now))).collect();
    assert!(!reader.shuffle.as_ref().expect("shuffled").is_computed());
    room(&shop).shuffle.expect("shuffled").compute();
    assert!(reader.shuffle.as_ref().expect("shuffled").is_computed(), "whoever looked before has them too");
    assert!(places.iter().map(|place| reader.standing(*place, at(shop.now))).eq(positions.iter().copied()));
    pass(&mut shop, 250);
    let restarted = shop.restored().room(RUSH).expect("the campaign has one");
    assert!(!restarted.shuffle.as_ref().expect("shuffled").is_computed(), "they are in no snapshot");
    assert!(places.iter().all(|place| standing(&shop, *place) == restarted.standing(*place, at(shop.now))));
    shop.prove();
}

#[test]
fn who_comes_later_stands_behind_in_the_order_of_arrival() {
    let (mut shop, _) = opened(100, 5);
    for number in 5..9 {
        let place = place(&arrive(&mut shop, &user(number)));
        assert_eq!(standing(&shop, place), Standing::Waiting { position: Some(number + 1) });
    }
    shop.prove();
}

#[test]
fn coming_again_gives_the_same_place_also_after_a_restart() {
    let (mut shop, places) = opened(100, 5);
    for (number, place) in (0..5).zip(&places) {
        assert_eq!(arrive(&mut shop, &user(number)), Outcome::Arrived { place: *place, repeated: true });
    }
    let mut restarted = Shop { state: shop.restored(), ..shop };
    for (number, place) in (0..5).zip(&places) {
        assert!(room(&restarted).may_have_come(&UserId::new(&user(number)).expect("valid")));
        assert_eq!(arrive(&mut restarted, &user(number)), Outcome::Arrived { place: *place, repeated: true });
    }
}

#[test]
fn what_the_gate_has_against_somebody_is_told_only_to_whoever_has_no_place() {
    let mut shop = shop(10);
    let against = Some(GateRefusal::NotEligible);
    assert_eq!(refused(&arrive_against(&mut shop, "ann", against)), Some(Refusal::NotEligible));
    let first = place(&arrive(&mut shop, "ann"));
    assert_eq!(first.number, 1, "what was refused took no number");
    let again = arrive_against(&mut shop, "ann", against);
    assert_eq!(again, Outcome::Arrived { place: first, repeated: true });
    shop.now = OPENS;
    pass(&mut shop, 20_000);
    assert!(matches!(standing(&shop, first), Standing::Lapsed { .. }));
    assert_eq!(refused(&arrive_against(&mut shop, "ann", against)), Some(Refusal::NotEligible), "she has lost it");
    shop.prove();
}

#[test]
fn nobody_comes_too_early_or_too_late_or_where_there_is_no_room() {
    let mut shop = shop(1);
    shop.now = OPENS - 600_001;
    let opens_at = at(OPENS - 600_000);
    assert_eq!(refused(&arrive(&mut shop, "ann")), Some(Refusal::NotOpen { opens_at }));
    shop.now = OPENS + HOUR_MS;
    assert_eq!(refused(&arrive(&mut shop, "ann")), Some(Refusal::Ended));
    let mut bare = Shop::new(CampaignDefinition::builder("rush").coupon_type("a", 1).build().expect("valid"));
    assert_eq!(refused(&arrive(&mut bare, "ann")), Some(Refusal::NoWaitingRoom));
}

#[test]
fn only_who_is_let_in_and_shows_the_place_can_claim() {
    let (mut shop, places) = opened(100, 20);
    assert_eq!(refused(&claim_with(&mut shop, &user(0), Some(places[0]))), Some(Refusal::TicketRequired));
    pass(&mut shop, 1_000);
    assert_eq!(room(&shop).now_serving, 8);
    for (number, place) in (0..20).zip(&places) {
        let Standing::Admitted { .. } = standing(&shop, *place) else {
            assert_eq!(refused(&claim_with(&mut shop, &user(number), Some(*place))), Some(Refusal::TicketRequired));
            continue;
        };
        for wrong in [None, Some(Place { window: at(OPENS + 1), ..*place }), Some(Place { number: 21, ..*place })] {
            assert_eq!(refused(&claim_with(&mut shop, &user(number), wrong)), Some(Refusal::TicketRequired));
        }
        assert_eq!(refused(&claim_with(&mut shop, "thief", Some(*place))), Some(Refusal::TicketRequired));
        won(&claim_with(&mut shop, &user(number), Some(*place)));
        repeated(&claim_with(&mut shop, &user(number), None));
    }
    assert_eq!(shop.counts(0).issued, 8);
    shop.prove();
}

#[test]
fn never_are_more_let_in_than_there_are_coupons_and_no_shows_are_made_up_for() {
    let (mut shop, places) = opened(3, 20);
    pass(&mut shop, 5_000);
    assert_eq!(room(&shop).now_serving, 3, "three coupons");
    let first = let_in(&shop, &places);
    assert_eq!(first.len(), 3);
    won(&claim_with(&mut shop, &user(first[0]), Some(places[first[0] as usize])));
    pass(&mut shop, 250);
    assert_eq!(room(&shop).now_serving, 3, "one coupon less, and one person less");
    pass(&mut shop, 10_000);
    assert_eq!(room(&shop).now_serving, 5, "two did not come");
    let late = places[first[1] as usize];
    assert!(matches!(standing(&shop, late), Standing::Lapsed { .. }));
    assert_eq!(refused(&claim_with(&mut shop, &user(first[1]), Some(late))), Some(Refusal::TicketRequired));
    let again = place(&arrive(&mut shop, &user(first[1])));
    assert_eq!(standing(&shop, again), Standing::Waiting { position: Some(21) });
    shop.prove();
    for number in let_in(&shop, &places) {
        won(&claim_with(&mut shop, &user(number), Some(places[number as usize])));
    }
    pass(&mut shop, 20_000);
    assert_eq!((room(&shop).now_serving, shop.counts(0).issued), (5, 3), "nobody is led to an empty shelf");
    assert_eq!(refused(&arrive(&mut shop, "late")), Some(Refusal::SoldOut));
    shop.prove();
}

/// As [`opened`], where everybody may take two.
fn opened_for_two_each(quota: u32, people: u32) -> (Shop, Vec<Place>) {
    let shop = Shop::new(sale(quota).limit(2, Period::Campaign).build().expect("valid"));
    open(Shop { now: OPENS - 1_000, ..shop }, people)
}

/// Those who are let in and may claim at present.
fn let_in(shop: &Shop, places: &[Place]) -> Vec<u32> {
    let is_in = |(_, place): &(u32, &Place)| matches!(standing(shop, **place), Standing::Admitted { .. });
    (0..).zip(places).filter(is_in).map(|(number, _)| number).collect()
}

fn claim_keyed(shop: &mut Shop, number: u32, places: &[Place], key: &str) -> Outcome {
    let gate = Gate { place: Some(places[number as usize]), refusal: None };
    let claim = Claim { gate, ..ask(&user(number), None, Some(key), shop.now) };
    shop.submit(&Command::Claim(claim))
}

#[test]
fn whoever_is_let_in_finds_a_coupon_also_where_everybody_takes_two() {
    for (quota, people_in) in [(10, 5), (11, 6), (1, 1)] {
        let (mut shop, places) = opened_for_two_each(quota, 20);
        pass(&mut shop, 5_000);
        let first = let_in(&shop, &places);
        assert_eq!(first.len(), people_in, "{quota} coupons");
        for number in &first {
            won(&claim_keyed(&mut shop, *number, &places, "k1"));
            let second = claim_keyed(&mut shop, *number, &places, "k2");
            let is_last = refused(&second) == Some(Refusal::SoldOut) && quota % 2 == 1;
            assert!(matches!(second, Outcome::Won(_)) || is_last, "{quota} coupons: {second:?}");
        }
        pass(&mut shop, 20_000);
        assert_eq!((room(&shop).now_serving as usize, shop.counts(0).issued), (people_in, quota));
        shop.prove();
    }
}

#[test]
fn what_somebody_leaves_of_two_coupons_is_kept_for_them_and_then_offered_to_the_next() {
    let (mut shop, places) = opened_for_two_each(4, 20);
    pass(&mut shop, 1_000);
    for number in let_in(&shop, &places) {
        won(&claim_keyed(&mut shop, number, &places, "k1"));
    }
    shop.state = shop.restored();
    pass(&mut shop, 5_000);
    assert_eq!((room(&shop).now_serving, shop.counts(0).issued), (2, 2), "two are kept for those who took one");
    pass(&mut shop, 5_000);
    assert_eq!(room(&shop).now_serving, 3, "and are kept for the next when they lapse");
    for number in let_in(&shop, &places) {
        won(&claim_keyed(&mut shop, number, &places, "k1"));
    }
    pass(&mut shop, 12_000);
    assert_eq!(room(&shop).now_serving, 4, "the last one is offered too");
    for number in let_in(&shop, &places) {
        won(&claim_keyed(&mut shop, number, &places, "k1"));
    }
    pass(&mut shop, 20_000);
    assert_eq!((room(&shop).now_serving, shop.counts(0).issued), (4, 4));
    shop.prove();
}

#[test]
fn a_log_may_let_in_one_person_a_coupon_though_each_may_take_two() {
    let (mut shop, _) = opened_for_two_each(10, 20);
    shop.now += 1_000;
    shop.apply(&Event { campaign: RUSH, at: at(shop.now), change: Change::Admitted { up_to: 8 } });
    pass(&mut shop, 5_000);
    assert_eq!(room(&shop).now_serving, 8, "more than find two each");
    shop.prove();
}

#[test]
fn admission_goes_on_after_a_restart_from_where_it_was() {
    let (mut shop, _) = opened(1_000, 100);
    pass(&mut shop, 2_000);
    assert_eq!(room(&shop).now_serving, 16);
    let mut restarted = Shop { state: shop.restored(), ..shop };
    restarted.now += 3_600;
    pass(&mut restarted, 1_000);
    assert_eq!(room(&restarted).now_serving, 30, "a second's worth for the time away, then two each quarter");
    restarted.prove();
}

#[test]
fn every_window_has_a_room_of_its_own() {
    let at_times = ["13:00", "13:30"].map(|time| time.parse().expect("a time of day")).to_vec();
    let windows = Windows::new(at_times, Weekdays::all(), Duration::from_mins(5)).expect("valid windows");
    let mut shop = Shop::new(sale(100).windows(windows).build().expect("valid"));
    shop.now = OPENS - 1_000;
    let first = place(&arrive(&mut shop, "ann"));
    let commitment = room(&shop).commitment();
    shop.now = OPENS;
    pass(&mut shop, 1_000);
    assert!(matches!(standing(&shop, first), Standing::Admitted { .. }));
    shop.now = OPENS + HOUR_MS / 2 - 1_000;
    shop.do_what_is_due();
    let second = place(&arrive(&mut shop, "ann"));
    assert_eq!(second, Place { window: at(OPENS + HOUR_MS / 2), number: 1 });
    assert_eq!(standing(&shop, first), Standing::Gone);
    assert_ne!(room(&shop).commitment(), commitment);
    shop.prove();
}

/// What is due at once, of which there is little: a shard that looks again and again does nothing else.
fn due_at_once(shop: &mut Shop) {
    for _ in 0..100 {
        match shop.state.due(at(shop.now)) {
            Some(Due::Event(event)) => shop.apply(&event),
            Some(Due::Warm(campaign)) => shop.state.warm(campaign),
            Some(Due::Look(campaign)) => shop.state.look_later(campaign, at(shop.now)),
            None => return,
        }
    }
    panic!("something is due for ever");
}

#[test]
fn windows_that_nobody_was_there_for_are_passed_over() {
    let mut shop = shop_with_windows(["13:00", "13:30", "14:00", "15:00"].map(str::to_owned).to_vec());
    shop.now = OPENS - 1_000;
    let places: Vec<Place> = (0..20).map(|number| place(&arrive(&mut shop, &user(number)))).collect();
    shop.now = OPENS;
    pass(&mut shop, 1_000);
    assert_eq!(room(&shop).waiting(), 12);
    // Down while two more open and close; and the like while it sleeps.
    for restarts in [true, false] {
        let mut shop = Shop { state: if restarts { shop.restored() } else { shop.state.clone() }, ..shop.clone() };
        shop.now = OPENS + HOUR_MS + HOUR_MS / 2;
        due_at_once(&mut shop);
        assert_eq!(room(&shop).opens_at, at(OPENS));
        shop.now = OPENS + 2 * HOUR_MS - 1_000;
        let next = place(&arrive(&mut shop, "late"));
        assert_eq!(next, Place { window: at(OPENS + 2 * HOUR_MS), number: 1 });
        shop.now = OPENS + 2 * HOUR_MS;
        due_at_once(&mut shop);
        assert!(matches!(standing(&shop, next), Standing::Waiting { position: Some(1) }));
        assert_eq!(standing(&shop, places[0]), Standing::Gone);
        // And where nobody comes, the next that opens has a room all the same.
        shop.now = OPENS + DAY_MS + HOUR_MS / 4;
        due_at_once(&mut shop);
        shop.now = OPENS + DAY_MS + HOUR_MS / 2;
        due_at_once(&mut shop);
        assert_eq!(room(&shop).opens_at, at(OPENS + DAY_MS + HOUR_MS / 2));
        shop.prove();
    }
}

/// With windows of five minutes at these times of every day.
fn shop_with_windows(at_times: Vec<String>) -> Shop {
    let at_times = at_times.iter().map(|time| time.parse().expect("a time of day")).collect();
    let windows = Windows::new(at_times, Weekdays::all(), Duration::from_mins(5)).expect("valid windows");
    let builder = sale(10_000).windows(windows).open(at(NOON_MS), at(NOON_MS + 30 * DAY_MS));
    Shop::new(builder.build().expect("valid"))
}

/// What is told of the present room and of those before it, in this state, after a restart and from the log.
fn audited(shop: &Shop) -> Vec<AuditedRoom> {
    let told = |state: &State| state.room(RUSH).expect("the campaign has one").audited().collect::<Vec<_>>();
    let now = told(&shop.state);
    assert_eq!((&told(&shop.restored()), &told(&shop.replayed())), (&now, &now));
    now
}

#[test]
fn how_a_room_was_shuffled_is_told_after_the_next_one_has_begun() {
    let mut shop = shop_with_windows(vec![String::from("13:00"), String::from("13:30")]);
    let mut expected = Vec::new();
    for (window, people) in [(OPENS, 7), (OPENS + HOUR_MS / 2, 3), (OPENS + DAY_MS, 0)] {
        shop.now = window - 1_000;
        shop.do_what_is_due();
        assert_eq!(audited(&shop), expected, "nothing of a room before it opens");
        let places: Vec<Place> = (0..people).map(|number| place(&arrive(&mut shop, &user(number)))).collect();
        let hash = (0..people).fold([0; 32], |hash, number| chained(&hash, &user(number)));
        assert_eq!(audited(&shop), expected, "nor when somebody has come to it");
        let commitment = (people > 0).then(|| room(&shop).commitment());
        shop.now = window;
        shop.do_what_is_due();

        let told = audited(&shop);
        let own = &told[0];
        assert_eq!((own.opens_at, own.count, own.hash), (at(window), people, hash));
        assert!(commitment.is_none_or(|commitment| commitment == own.seed.commitment()), "as shown before");
        assert_eq!(told[1..], expected, "and those before it");
        let key = LotteryKey::new(&own.seed, &own.hash);
        for place in places {
            let position = rank(&key, place.number, own.count);
            assert_eq!(standing(&shop, place), Standing::Waiting { position: Some(position) });
        }
        expected = told;
    }
    shop.prove();
}

#[test]
fn of_past_rooms_the_latest_are_told_of_however_many_there_were() {
    let mut shop = shop_with_windows((0..24).map(|hour| format!("{hour:02}:00")).collect());
    for window in 1..=80 {
        shop.now = NOON_MS + window * HOUR_MS - 1;
        arrive(&mut shop, &user(0));
        shop.now += 1;
        shop.do_what_is_due();
    }
    let windows: Vec<Timestamp> = audited(&shop).iter().map(|room| room.opens_at).collect();
    let expected = (80 - PAST_ROOMS_MAX as u64..=80).rev().map(|window| at(NOON_MS + window * HOUR_MS));
    assert!(windows.iter().copied().eq(expected), "{windows:?}");
    shop.prove();
}

/// The position of each number, from what is published alone, by the words of [`landrush_engine::fairness`]; each hash once.
fn recomputed(seed: &[u8; 32], hash: &[u8; 32], count: u64) -> Vec<u64> {
    let key: [u8; 32] = Sha256::new().chain_update(seed).chain_update(hash).finalize().into();
    let mut indexes: Vec<u64> = (0..count).collect();
    for round in 0..90u8 {
        let digest: [u8; 32] = Sha256::new().chain_update(key).chain_update([round]).finalize().into();
        let pivot = u64::from_le_bytes(digest[..8].try_into().expect("eight bytes")) % count;
        let block = |block: u64| -> [u8; 32] {
            let block = u32::try_from(block).expect("few blocks").to_le_bytes();
            Sha256::new().chain_update(key).chain_update([round]).chain_update(block).finalize().into()
        };
        let blocks: Vec<[u8; 32]> = (0..=(count - 1) / 256).map(block).collect();
        for index in &mut indexes {
            let mirrored = (pivot + count - *index) % count;
            let position = mirrored.max(*index);
            let byte = blocks[(position / 256) as usize][(position % 256 / 8) as usize];
            if byte >> (position % 8) & 1 == 1 {
                *index = mirrored;
            }
        }
    }
    indexes.into_iter().map(|index| index + 1).collect()
}

#[test]
fn a_million_who_came_stand_where_anybody_computes_that_they_stand() {
    const PEOPLE: u32 = 1_000_000;
    let mut shop = shop(100);
    let commitment = room(&shop).commitment().to_string();
    let mut hash = [0; 32];
    for number in 0..PEOPLE {
        let user = user(number);
        assert_eq!(place(&arrive(&mut shop, &user)).number, number + 1);
        let length = u32::try_from(user.len()).expect("short").to_le_bytes();
        hash = Sha256::new().chain_update(hash).chain_update(length).chain_update(&user).finalize().into();
        shop.log.clear();
    }
    shop.now = OPENS;
    shop.do_what_is_due();
    let room = room(&shop);
    let told = room.audited().next().expect("it has opened");
    assert_eq!((told.opens_at, told.count, told.hash), (at(OPENS), PEOPLE, hash));
    assert_eq!(Hex(&Sha256::digest(told.seed.as_bytes()).into()).to_string(), commitment);

    room.shuffle.as_ref().expect("shuffled").compute();
    let expected = recomputed(told.seed.as_bytes(), &told.hash, u64::from(told.count));
    let mut is_taken = vec![false; PEOPLE as usize];
    for (number, position) in (1..).zip(expected) {
        let position = u32::try_from(position).expect("one of a million");
        let place = Place { window: at(OPENS), number };
        assert_eq!(room.standing(place, at(OPENS)), Standing::Waiting { position: Some(position) });
        assert!(!std::mem::replace(&mut is_taken[position as usize - 1], true), "position {position} twice");
    }
    assert!(is_taken.iter().all(|is_taken| *is_taken));
}

/// Pauses or resumes, and says how much time the log gives to those who are let in, if it does.
fn accept_claims(shop: &mut Shop, accept: bool) -> Option<Duration> {
    let done = shop.submit(&Command::AcceptClaims { campaign: RUSH, accept });
    assert!(matches!(done, Outcome::Campaign(_)), "{done:?}");
    let change = decode_event(shop.log.last().expect("it happened")).expect("an event").change;
    if let Change::Resumed { longer_by, .. } = change {
        return Some(longer_by);
    }
    assert!(matches!(change, Change::Patched { .. }), "neither paused nor resumed: {change:?}");
    None
}

#[test]
fn a_pause_takes_no_time_from_those_who_are_let_in() {
    let (mut shop, places) = opened(4, 20);
    pass(&mut shop, 250);
    let early = let_in(&shop, &places);
    pass(&mut shop, 6_000);
    let all = let_in(&shop, &places);
    assert_eq!((early.len(), all.len()), (2, 4));
    let until = |shop: &Shop, number: u32| {
        let standing = standing(shop, places[number as usize]);
        let Standing::Admitted { until, .. } = standing else { panic!("not let in: {standing:?}") };
        until.as_milliseconds()
    };
    let left: Vec<u64> = all.iter().map(|number| until(&shop, *number) - shop.now).collect();
    assert_eq!(accept_claims(&mut shop, false), None);
    for _ in 0..3 {
        pass(&mut shop, 20_000);
        shop.state = shop.restored();
        assert_eq!(let_in(&shop, &places), all, "time stands still");
        let place = arrive(&mut shop, &user(early[0]));
        assert_eq!(place, Outcome::Arrived { place: places[early[0] as usize], repeated: true });
        assert_eq!(room(&shop).now_serving, 4, "and nobody is let in instead");
        shop.prove();
    }
    assert_eq!(accept_claims(&mut shop, true), Some(Duration::from_mins(1)));
    assert!(all.iter().map(|number| until(&shop, *number) - shop.now).eq(left.iter().copied()), "as much as before");
    won(&claim_with(&mut shop, &user(early[1]), Some(places[early[1] as usize])));
    shop.now += left[all.iter().position(|number| *number == early[0]).expect("one of them")] - 1;
    won(&claim_with(&mut shop, &user(early[0]), Some(places[early[0] as usize])));
    pass(&mut shop, 1_000);
    assert_eq!(
        (let_in(&shop, &places).len(), room(&shop).now_serving),
        (2, 6),
        "the others have lapsed, and are made up for"
    );
    shop.prove();
}

#[test]
fn who_had_lapsed_before_a_pause_stays_out_and_pauses_add_up() {
    let (mut shop, places) = opened(2, 20);
    pass(&mut shop, 250);
    let first = let_in(&shop, &places);
    pass(&mut shop, 10_000);
    let second = let_in(&shop, &places);
    assert!(first.len() == 2 && second.len() == 2 && first != second);
    for _ in 0..2 {
        accept_claims(&mut shop, false);
        pass(&mut shop, 8_000);
        accept_claims(&mut shop, true);
        pass(&mut shop, 1_000);
        assert_eq!(let_in(&shop, &places), second);
        shop.prove();
    }
    pass(&mut shop, 10_000);
    assert_eq!(let_in(&shop, &places).len(), 2);
    assert_ne!(let_in(&shop, &places), second, "they had ten seconds, and have lapsed");
    // Nobody is in: a pause is one like any other.
    let (mut shop, _) = opened(2, 0);
    accept_claims(&mut shop, false);
    pass(&mut shop, 8_000);
    assert_eq!(accept_claims(&mut shop, true), None);
    shop.prove();
}

#[test]
fn a_pause_goes_on_into_the_next_window() {
    let mut shop = shop_with_windows(vec![String::from("13:00"), String::from("13:30")]);
    shop.now = OPENS - 1_000;
    accept_claims(&mut shop, false);
    shop.now = OPENS + HOUR_MS / 2 - 1_000;
    arrive(&mut shop, "ann");
    assert_eq!((room(&shop).opens_at, room(&shop).paused_at), (at(OPENS + HOUR_MS / 2), Some(at(OPENS - 1_000))));
    accept_claims(&mut shop, true);
    assert_eq!(room(&shop).paused_at, None);
    pass(&mut shop, 2_000);
    assert_eq!(room(&shop).now_serving, 1);
    shop.prove();
}

#[test]
fn a_log_that_gives_more_time_than_a_pause_took_is_refused() {
    let (mut shop, _) = opened(4, 20);
    pass(&mut shop, 250);
    let patch = CampaignPatch { accept_claims: Some(true), ..CampaignPatch::default() };
    let resumes = |shop: &Shop, patch: &CampaignPatch, longer_by: u64| {
        let change = Change::Resumed { patch: Box::new(patch.clone()), longer_by: Duration::from_millis(longer_by) };
        shop.state.clone().apply(&Event { campaign: RUSH, at: at(shop.now), change }).is_ok()
    };
    assert!(!resumes(&shop, &patch, 1_000), "there was no pause");
    accept_claims(&mut shop, false);
    shop.now += 1_000;
    assert!(resumes(&shop, &patch, 1_000) && !resumes(&shop, &patch, 1_001) && !resumes(&shop, &patch, 0));
    assert!(!resumes(&shop, &CampaignPatch::default(), 1_000), "it goes on");
}

#[test]
fn a_log_that_lets_people_in_otherwise_is_refused() {
    let (shop, _) = opened(3, 20);
    let refuses = |change: Change<'_>, now: u64| {
        let event = Event { campaign: RUSH, at: at(now), change };
        assert!(shop.state.clone().apply(&event).is_err(), "{event:?}");
    };
    refuses(Change::Admitted { up_to: 4 }, OPENS + 1_000);
    refuses(Change::Admitted { up_to: 0 }, OPENS + 1_000);
    refuses(Change::Admitted { up_to: 3 }, OPENS + 100);
    refuses(Change::Arrived { window: at(OPENS), user: "u-3" }, OPENS + 1);
    refuses(Change::Arrived { window: at(OPENS - 1), user: "new" }, OPENS + 1);
    refuses(Change::Arrived { window: at(OPENS), user: "" }, OPENS + 1);
    refuses(Change::Shuffled { window: at(OPENS), count: 20, hash: [0; 32] }, OPENS + 1);
}

#[test]
fn who_has_lapsed_does_not_come_in_again_when_the_clock_is_set_back() {
    let (mut shop, places) = opened(1, 3);
    pass(&mut shop, 250);
    let first = let_in(&shop, &places)[0] as usize;
    pass(&mut shop, 10_000);
    assert_eq!((room(&shop).now_serving, let_in(&shop, &places).len()), (2, 1), "the next one is in instead");
    shop.now -= 9_000;
    assert!(matches!(standing(&shop, places[first]), Standing::Lapsed { .. }));
    let refusal = refused(&claim_with(&mut shop, &user(u32::try_from(first).expect("few")), Some(places[first])));
    assert_eq!(refusal, Some(Refusal::TicketRequired));
    let restarted = shop.restored().room(RUSH).expect("the campaign has one");
    assert!(matches!(restarted.standing(places[first], at(shop.now)), Standing::Lapsed { .. }));
    shop.prove();
}

#[test]
fn draws_and_the_room_have_seeds_that_tell_nothing_of_each_other() {
    let builder = sale(10).mode(Mode::Draw).probability("1".parse().expect("a probability"));
    let mut shop = Shop::new(builder.build().expect("valid"));
    let draws = shop.state.view(RUSH).and_then(|view| view.fairness).expect("draws");
    shop.now = OPENS;
    shop.do_what_is_due();
    let seed = room(&shop).published_seed().expect("it is out").clone();
    assert_ne!(seed.commitment(), draws.commitment);
    assert_eq!(shop.state.view(RUSH).and_then(|view| view.fairness).expect("draws").seed, None);
}

#[test]
fn a_waiting_person_costs_at_most_forty_bytes() {
    // Among them those who came just after the table of people grew, and after the filter of who may have come did.
    for people in [57_345, 100_000, 114_689, 126_977] {
        let mut shop = shop(100);
        shop.now = OPENS - 1_000;
        let before = shop.state.memory_bytes(RUSH);
        for number in 0..people {
            place(&arrive(&mut shop, &user(number)));
        }
        let bytes = shop.state.memory_bytes(RUSH) - before;
        println!("{people} people: {} bytes a person", bytes / people as usize);
        assert!(bytes <= 40 * people as usize, "{bytes} for {people}");
        shop.now = OPENS;
        shop.do_what_is_due();
        room(&shop).shuffle.expect("shuffled").compute();
        let bytes = shop.state.memory_bytes(RUSH) - before;
        println!("{people} people: {} bytes a person with the places computed", bytes / people as usize);
        // As many again while they are computed.
        assert!(bytes + 4 * people as usize <= 40 * people as usize, "{bytes} for {people}");
    }
}

#[test]
fn who_can_have_no_coupon_any_more_gets_no_place_that_holds_one_back() {
    let (mut shop, places) = opened(100, 4);
    pass(&mut shop, 1_000);
    won(&claim_with(&mut shop, &user(0), Some(places[0])));
    let again = arrive(&mut shop, &user(0));
    assert!(matches!(again, Outcome::Arrived { place, repeated: true } if place == places[0]), "{again:?}");
    // Everybody's place has lapsed: who has nothing yet may stand in line again.
    pass(&mut shop, 600_000);
    assert_eq!(refused(&arrive(&mut shop, &user(0))), Some(Refusal::LimitReached));
    place(&arrive(&mut shop, &user(1)));
    shop.prove();
}

#[test]
fn a_winner_stands_in_line_again_for_a_window_that_has_a_limit_of_its_own() {
    for (per, may_come) in [(Period::Window, true), (Period::Day, false), (Period::Campaign, false)] {
        let at_times = ["13:00", "13:30"].map(|time| time.parse().expect("a time of day")).to_vec();
        let windows = Windows::new(at_times, Weekdays::all(), Duration::from_mins(5)).expect("valid windows");
        let mut shop = Shop::new(sale(100).windows(windows).limit(1, per).build().expect("valid"));
        shop.now = OPENS - 1_000;
        let first = place(&arrive(&mut shop, "ann"));
        shop.now = OPENS;
        pass(&mut shop, 1_000);
        won(&claim_with(&mut shop, "ann", Some(first)));
        shop.now = OPENS + HOUR_MS / 2 - 1_000;
        shop.do_what_is_due();
        let second = arrive(&mut shop, "ann");
        assert_eq!(refused(&second), (!may_come).then_some(Refusal::LimitReached), "{per:?}");
    }
}

#[test]
fn a_quota_that_is_lowered_lets_nobody_more_in_and_tells_those_who_are() {
    let (mut shop, places) = opened(10, 20);
    pass(&mut shop, 1_000);
    assert_eq!(room(&shop).now_serving, 8);
    let quota = CouponTypePatch { coupon_type: TypeIndex(0), total_quota: Some(3), daily_quota: None };
    let patch = CampaignPatch { coupon_types: vec![quota], ..CampaignPatch::default() };
    let patched = shop.submit(&Command::Patch { campaign: RUSH, patch: Box::new(patch), dry_run: false });
    assert!(matches!(patched, Outcome::Campaign(_)), "{patched:?}");
    let is_in = |number: &u32| matches!(standing(&shop, places[*number as usize]), Standing::Admitted { .. });
    let let_in: Vec<u32> = (0..20).filter(is_in).collect();
    for (place, number) in let_in.into_iter().enumerate() {
        let outcome = claim_with(&mut shop, &user(number), Some(places[number as usize]));
        if place < 3 {
            won(&outcome);
        } else {
            assert_eq!(refused(&outcome), Some(Refusal::SoldOut));
        }
    }
    pass(&mut shop, 20_000);
    assert_eq!((room(&shop).now_serving, shop.counts(0).issued), (8, 3));
    shop.prove();
}

#[test]
fn a_clock_that_is_set_back_lets_nobody_in_twice_and_puts_nobody_out() {
    let (mut shop, places) = opened(100, 60);
    pass(&mut shop, 2_000);
    assert_eq!(room(&shop).now_serving, 16);
    let is_in = |shop: &Shop, number: u32| matches!(standing(shop, places[number as usize]), Standing::Admitted { .. });
    let first = (0..60).find(|number| is_in(&shop, *number)).expect("sixteen are in");
    shop.now -= 1_500;
    pass(&mut shop, 1_000);
    assert_eq!(room(&shop).now_serving, 16, "the time has been used already");
    assert!(is_in(&shop, first));
    won(&claim_with(&mut shop, &user(first), Some(places[first as usize])));
    pass(&mut shop, 1_500);
    assert_eq!(room(&shop).now_serving, 24, "a second after the last were let in");
    shop.prove();
}
