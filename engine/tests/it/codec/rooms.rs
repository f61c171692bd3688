//! Waiting rooms in snapshots and logs: pinned, those of earlier versions too, which kept less of them.

use std::time::Duration;

use landrush_engine::campaign::{
    CampaignDefinition, CampaignPatch, Eligibility, Protection, WaitingRoom, Weekdays, Who, Windows,
};
use landrush_engine::codec::decode_event;
use landrush_engine::command::{Arrive, Claim, Command, Gate, Register};
use landrush_engine::event::{Change, Event};
use landrush_engine::id::UserId;
use landrush_engine::outcome::{Outcome, Refusal};
use landrush_engine::room::Place;
use landrush_engine::shard::State;
use landrush_engine::snapshot::{Earlier, History, RecordVisitor, content_hash, rebuild, rebuild_reduced};
use landrush_engine::unsound::Unsound;
use landrush_wal::lsn::Lsn;

use super::campaigns::{read_back, stream};
use super::{hex, unhex};
use crate::shop::{DAY_MS, HOUR_MS, NOON_MS, RUSH, Shop, ask, at, keys};

/// Snapshots, and the logs that they follow from, of a server that told nothing of past rooms, forgot pauses, and let people lapse
/// for as long as the clock said so. In both the second window has opened; the first of two who were let in has claimed,
/// the other has lapsed in a pause and come again, and two more were let in after it.
const GOLDEN_3: &str = include_str!("../../golden/rooms-3.txt");
const GOLDEN_5: &str = include_str!("../../golden/rooms-5.txt");

/// One of [`GOLDEN_3`].
fn golden(wanted: &str) -> &'static str {
    let line = |line: &'static str| line.split_once(' ').filter(|(name, _)| *name == wanted).map(|(_, bytes)| bytes);
    GOLDEN_3.lines().find_map(line).expect("it is there")
}

/// Two such windows today, and a pause that has not ended.
fn room(who: Option<Who>) -> Shop {
    let at_times = ["13:00", "13:30"].map(|time| time.parse().expect("a time of day")).to_vec();
    let windows = Windows::new(at_times, Weekdays::all(), Duration::from_secs(300)).expect("valid");
    let waiting_room = Some(WaitingRoom {
        admit_per_second: 8,
        opens_before: Duration::from_mins(10),
        admitted_for: Duration::from_secs(10),
    });
    let eligibility = who.map(|who| Eligibility {
        who,
        registration_closes_at: None,
        devices_per_user: None,
        users_per_device: None,
        token_claims: Vec::new(),
    });
    let protection = Protection { waiting_room, eligibility, ..Protection::default() };
    let builder = CampaignDefinition::builder("rush").windows(windows).protection(protection);
    let builder = builder.open(at(NOON_MS), at(NOON_MS + DAY_MS)).coupon_type("a", 3);
    let mut shop = Shop::new(builder.build().expect("valid"));
    for (opens_at, people) in [(NOON_MS + HOUR_MS, 5), (NOON_MS + HOUR_MS + HOUR_MS / 2, 9)] {
        shop.now = opens_at - 1_000;
        let places: Vec<(UserId, Place)> = (0..people).map(|number| come(&mut shop, number)).collect();
        shop.now = opens_at;
        shop.do_what_is_due();
        shop.now += 500;
        shop.do_what_is_due();
        let (room, now) = (shop.state.room(RUSH).expect("it has one"), at(shop.now));
        let (user, place) = places.iter().find(|(_, place)| room.admits(Some(*place), now)).expect("somebody is in");
        let gate = Gate { place: Some(*place), refusal: None };
        shop.submit(&Command::Register(Register { campaign: RUSH, user: user.clone(), stamped_at: at(shop.now) }));
        shop.submit(&Command::Claim(Claim { gate, ..ask(user.as_str(), None, None, shop.now) }));
        come(&mut shop, 77);
        shop.now += 11_000;
        shop.do_what_is_due();
    }
    shop.patch(CampaignPatch { accept_claims: Some(false), ..CampaignPatch::default() });
    shop
}

fn come(shop: &mut Shop, number: u32) -> (UserId, Place) {
    let user = UserId::new(&format!("u-{number}")).expect("valid");
    let arrive = Arrive { campaign: RUSH, user: user.clone(), stamped_at: at(shop.now), refusal: None };
    let outcome = shop.submit(&Command::Arrive(arrive));
    if let Outcome::Refused(Refusal::LimitReached) = outcome {
        // Earlier versions gave winners places for the next window; in their logs they are there.
        let window = at(shop.now + 1_000);
        let change = Change::Arrived { window, user: user.as_str() };
        shop.apply(&Event { campaign: RUSH, at: at(shop.now), change });
        let number = shop.state.room(RUSH).expect("it has one").arrivals;
        return (user, Place { window, number });
    }
    let Outcome::Arrived { place, .. } = outcome else { panic!("no place: {outcome:?}") };
    (user, place)
}

/// One campaign's snapshot, if any, and records behind it.
struct Stored {
    snapshot: Option<Vec<u8>>,
    log: Vec<Vec<u8>>,
}

impl History for Stored {
    type Error = Unsound;

    fn blocks(&self, visit: &mut dyn FnMut(&[u8]) -> Result<(), Unsound>) -> Result<(), Unsound> {
        let Some(snapshot) = &self.snapshot else { return Ok(()) };
        visit(&[&RUSH.0.to_le_bytes(), &[1][..], snapshot].concat())
    }

    fn records(&self, visit: &mut RecordVisitor<'_>) -> Result<(), Unsound> {
        (1..).zip(&self.log).try_for_each(|(lsn, record)| visit(Lsn(lsn), record))
    }
}

fn hash(history: &Stored, earlier: &Earlier) -> [u8; 32] {
    let hash = content_hash(|sink| {
        rebuild_reduced(history, &State::new(&keys()), earlier, |block| {
            sink(block);
            Ok(())
        })
    });
    hash.expect("it makes sense")
}

#[test]
fn rooms_are_written_and_read_as_ever() {
    let shops = [("room", room(None)), ("room-registered", room(Some(Who::Registered)))];
    let written: String = shops.iter().map(|(name, shop)| format!("{name} {}\n", hex(&stream(&shop.state)))).collect();
    assert_eq!(written, GOLDEN_5, "written now:\n{written}");
    for ((name, shop), line) in shops.iter().zip(GOLDEN_5.lines()) {
        shop.prove();
        let read = read_back(line.split_once(' ').expect("a name and bytes").1);
        assert_eq!(read.room(RUSH), shop.state.room(RUSH), "{name}");
        assert_eq!(read.campaign_hash(RUSH), shop.state.campaign_hash(RUSH), "{name}");
        assert_eq!(read.room(RUSH).expect("it has one").audited().count(), 2, "{name}");
    }
}

/// A log of yesterday leads to what it led to then, and more; a snapshot of yesterday is held against it as far as it goes.
#[test]
fn what_earlier_versions_wrote_is_what_follows_from_their_logs_as_far_as_they_kept_it() {
    for name in ["room", "room-registered"] {
        let log: Vec<Vec<u8>> = golden(&format!("{name}-log")).split(' ').map(unhex).collect();
        let written = Stored { snapshot: Some(unhex(golden(name))), log: Vec::new() };
        let follows = Stored { snapshot: None, log: log.clone() };
        let earlier = Earlier::of(&written).expect("it is read");
        assert!(!earlier.is_empty() && Earlier::of(&follows).expect("it is read").is_empty());
        assert_ne!(hash(&written, &Earlier::default()), hash(&follows, &Earlier::default()), "more is kept today");
        assert_eq!(hash(&written, &earlier), hash(&follows, &earlier), "{name}");

        // What is wrong is found all the same: the last ones let in were not, or somebody came who is not there.
        let last = |wanted: fn(&Change<'_>) -> bool| {
            let is_wanted = |record: &Vec<u8>| wanted(&decode_event(record).expect("an event").change);
            log.iter().rposition(is_wanted).expect("there is one")
        };
        for missing in [
            last(|change| matches!(change, Change::Admitted { .. })),
            last(|change| matches!(change, Change::Arrived { .. })),
        ] {
            let mut log = log.clone();
            log.remove(missing);
            let less = Stored { snapshot: None, log };
            assert_ne!(hash(&written, &earlier), hash(&less, &earlier), "{name} without record {missing}");
        }

        // It lives on, and today's snapshot of it is read back.
        let mut blocks = Vec::new();
        rebuild(&written, &State::new(&keys()), |block| {
            blocks.push(block.to_vec());
            Ok::<(), Unsound>(())
        })
        .expect("it makes sense");
        assert_eq!(blocks.len(), 1);
        let again = Stored { snapshot: Some(blocks[0][5..].to_vec()), log: Vec::new() };
        assert!(Earlier::of(&again).expect("it is read").is_empty());
        assert_eq!(hash(&again, &Earlier::default()), hash(&written, &Earlier::default()));
    }
}
