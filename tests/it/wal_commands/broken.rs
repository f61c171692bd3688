//! Directories that are whole on disk, every checksum in its place, and say what cannot be.

use std::path::Path;

use landrush_engine::codec::encode_event;
use landrush_engine::event::{Change, Event, Granted};
use landrush_engine::id::{CampaignNumber, TypeIndex};
use landrush_engine::snapshot::content_hash;
use landrush_engine::time::{Day, Timestamp};
use landrush_wal::log::Log;
use landrush_wal::lsn::Lsn;
use landrush_wal::options::LogOptions;
use landrush_wal::records::Records;
use landrush_wal::recovery::acquire;
use landrush_wal::snapshot::SnapshotSummary;
use landrush_wal::storage::file::FileStorage;

use super::shop::{Shop, busy, claims_until_snapshots, entropy, json_lines, open, open_with, wal};

/// Appends claims of `users` on the day of the claims before, as a server with a bug might.
fn append_claims(dir: &Path, day: u32, at: Timestamp, users: &[&str]) {
    let tenure = acquire(FileStorage::new(dir), LogOptions::default(), entropy).expect("free");
    let mut log = tenure.start().expect("starts").log;
    let mut records = Records::new();
    for user in users {
        let (day, coupon_type) = (Day(day), TypeIndex(0));
        let grant = Granted { day, window: None, user, key: None, phone: None };
        let change = Change::Claimed { grant, coupon_type, requested: None };
        records.push(|bytes| encode_event(&Event { campaign: CampaignNumber(0), at, change }, bytes));
    }
    log.append(&records);
    log.close().expect("closes");
}

/// A campaign of three coupons, two of them claimed, and then what `users` may not have: record 4 on.
fn oversold(dir: &Path, users: &[&str]) {
    let engine = open(dir);
    let mut shop = Shop::make(&engine, "sale", 3);
    shop.claim("ann");
    shop.claim("bob");
    drop(shop);
    let view = engine.directory().page(None, 1)[0].view(engine.clock().now());
    let (today, now) = (view.today.0, engine.clock().now());
    engine.close().expect("closes");
    append_claims(dir, today, now, users);
}

fn check_broken(users: &[&str], lsn: u64, said: &str) {
    let dir = tempfile::tempdir().expect("a directory");
    oversold(dir.path(), users);
    let way_out = format!("--drop-after {} {}", lsn - 1, dir.path().display());
    for command in ["verify", "replay"] {
        let broken = wal(&[command], dir.path()).expect(1);
        broken.err_has(&format!("record {lsn} ")).err_has(said).err_has(&way_out);
    }
    // What was right until then is counted.
    let counted = wal(&["replay", "--json"], dir.path()).expect(1);
    let [audit] = json_lines(&counted.out).try_into().expect("one campaign");
    assert_eq!(audit["claims"], lsn - 2);
    // The records can be looked at.
    let lsn = lsn.to_string();
    let shown = json_lines(&wal(&["dump", "--from", &lsn, "--to", &lsn], dir.path()).expect(0).out);
    assert_eq!(shown[0]["event"], "claimed");
}

#[test]
fn one_coupon_too_many_is_found() {
    check_broken(&["cyd", "dan"], 5, "exceeds the total quota");
}

#[test]
fn two_coupons_for_one_person_are_found() {
    check_broken(&["ann"], 4, "exceeds its person's limit");
}

#[test]
fn a_snapshot_that_lacks_claims_is_found_by_its_hash() {
    let dir = tempfile::tempdir().expect("a directory");
    let engine = open_with(dir.path(), busy());
    claims_until_snapshots(&engine, 3);
    engine.close().expect("closes");
    wal(&["verify"], dir.path()).expect(0);

    // The older state under the newer one's name, with checksums and a hash of its own.
    let tenure = acquire(FileStorage::new(dir.path()), busy().log, entropy).expect("free");
    let [newer, older] = tenure.snapshots() else { panic!("two snapshots are kept") };
    let mut blocks = Vec::new();
    let mut reader = tenure.open_snapshot(older).expect("whole");
    let mut block = Vec::new();
    while reader.next_block(&mut block).expect("whole") {
        blocks.push(block.clone());
    }
    let state_hash = content_hash(|sink| {
        blocks.iter().for_each(|block| sink(block));
        Ok::<(), std::convert::Infallible>(())
    })
    .unwrap_or_else(|never| match never {});
    let name = newer.name.clone();
    let last_lsn: Lsn = newer.last_lsn;
    let store = tenure.start().expect("starts").store;
    let mut writer = store.snapshot_writer(last_lsn).expect("writable");
    blocks.iter().for_each(|block| writer.write_block(block).expect("written"));
    let info = writer.finish(SnapshotSummary { items: blocks.len() as u64, state_hash }).expect("written");
    assert_eq!(info.name, name);
    drop(store);

    let caught = wal(&["verify"], dir.path()).expect(1);
    caught.err_has(&format!("snapshot {name} is not what follows from")).err_has("wal replay");
    // Counted from the older one, nothing is missing.
    wal(&["replay"], dir.path()).expect(0).out_has("every promise is kept");
}

#[test]
fn a_snapshot_with_a_flipped_bit_is_named() {
    let dir = tempfile::tempdir().expect("a directory");
    let engine = open_with(dir.path(), busy());
    claims_until_snapshots(&engine, 2);
    engine.close().expect("closes");
    let snapshots = std::fs::read_dir(dir.path().join("snapshots")).expect("there");
    let newest = snapshots.map(|entry| entry.expect("readable").path()).max().expect("there are two");
    super::shop::overwrite(&newest, 1_000, |bytes| bytes[0] ^= 1);
    let name = newest.file_name().and_then(|name| name.to_str()).expect("UTF-8");
    wal(&["verify"], dir.path()).expect(1).err_has(name).err_has("does not match its checksum");
    // The way out that it names.
    std::fs::rename(&newest, newest.with_extension("snap.damaged")).expect("renamed");
    wal(&["verify"], dir.path()).expect(0);
}
