//! Logs whose bytes are not what was written, and the way out.

use landrush_engine::{Engine, EngineOptions};

use super::shop::{busy, claims_until_snapshots, entropy, json_lines, open, open_with, overwrite, sale, segment, wal};

#[test]
fn a_flipped_bit_is_named_with_its_place_and_the_way_out() {
    let dir = tempfile::tempdir().expect("a directory");
    sale(dir.path(), 10).close().expect("closes");
    // The second frame: the first claim.
    overwrite(&segment(dir.path()), 1024, |bytes| bytes[70] ^= 1);
    let way_out = format!("--drop-after 1 {}", dir.path().display());
    for command in ["verify", "stats", "dump", "replay"] {
        let said = wal(&[command], dir.path()).expect(1);
        said.err_has("00000000000000000001.log at offset 1024").err_has(&way_out);
    }
    // The server says the same, and does not start.
    let refused = Engine::open(dir.path(), EngineOptions::default(), &mut entropy).err().expect("refused");
    assert!(refused.to_string().contains("00000000000000000001.log at offset 1024"), "{refused}");
    // The way out is one.
    wal(&["repair", "--drop-after", "1", "--yes"], dir.path()).expect(0).out_has("behind the damage");
    wal(&["verify"], dir.path()).expect(0).out_has("records 1 to 1 ");
    open(dir.path()).close().expect("closes");
}

#[test]
fn a_torn_tail_is_sound_and_said() {
    let dir = tempfile::tempdir().expect("a directory");
    sale(dir.path(), 10).close().expect("closes");
    let frames = wal(&["verify"], dir.path()).expect(0).out;
    let (_, rest) = frames.split_once(" in ").expect("a count of frames");
    let count: usize = rest.split(' ').next().expect("a word").parse().expect("a number");
    // What a crash may leave behind the last frame: each of these is one sector long, and so is the header before them.
    let end = 512 + count * 512;
    overwrite(&segment(dir.path()), end, |bytes| bytes[..64].fill(0xa5));
    let place = format!("00000000000000000001.log from offset {end}");
    wal(&["verify"], dir.path()).expect(0).out_has("torn tail").out_has(&place);
    wal(&["stats"], dir.path()).expect(0).out_has(&place);
    wal(&["replay"], dir.path()).expect(0).out_has("every promise is kept");
}

#[test]
fn a_repair_says_what_is_lost_and_waits_for_a_yes() {
    let dir = tempfile::tempdir().expect("a directory");
    sale(dir.path(), 10).close().expect("closes");
    let before = std::fs::read(segment(dir.path())).expect("readable");
    let asked = wal(&["repair", "--drop-after", "6"], dir.path()).expect(2);
    asked
        .out_has("8 records")
        .out_has("campaign sale (number 0): 5 claims, 1 void, 1 change, 1 cancellation")
        .err_has("--yes is missing");
    assert_eq!(std::fs::read(segment(dir.path())).expect("readable"), before, "nothing was to be changed");
    wal(&["repair", "--drop-after", "6", "--yes"], dir.path()).expect(0).out_has("done");
    wal(&["verify"], dir.path()).expect(0).out_has("records 1 to 6 ");
    let engine = open(dir.path());
    let view = engine.directory().page(None, 1)[0].view(engine.clock().now());
    assert_eq!(view.counts[0].issued, 5);
    assert!(view.cancelled.is_none(), "what came after is gone");
    engine.close().expect("closes");
}

#[test]
fn a_repair_keeps_off_what_it_cannot_do() {
    let dir = tempfile::tempdir().expect("a directory");
    let engine = sale(dir.path(), 10);
    wal(&["repair", "--drop-after", "6", "--yes"], dir.path()).expect(2).err_has("stop the server first");
    wal(&["verify"], dir.path()).expect(0).out_has("records 1 to 14 ");
    engine.close().expect("closes");
    wal(&["repair", "--drop-after", "99"], dir.path()).expect(2).err_has("--drop-after 14");
}

#[test]
fn a_repair_does_not_leave_a_log_without_a_snapshot_under_it() {
    let dir = tempfile::tempdir().expect("a directory");
    let engine = open_with(dir.path(), busy());
    claims_until_snapshots(&engine, 3);
    engine.close().expect("closes");
    let snapshots = std::fs::read_dir(dir.path().join("snapshots")).expect("there");
    let oldest = snapshots.map(|entry| entry.expect("readable").path()).min().expect("there are two");
    let asked = wal(&["dump"], dir.path()).expect(0);
    let first = json_lines(&asked.out)[0]["lsn"].to_string();
    wal(&["repair", "--drop-after", &first], dir.path()).expect(2).out_has("campaign sale (number 0): ");
    std::fs::remove_file(oldest).expect("removed");
    wal(&["repair", "--yes", "--drop-after", &first], dir.path()).expect(2).err_has("could not be replayed");
    wal(&["verify"], dir.path()).expect(0);
}

#[test]
fn a_log_that_lost_its_first_segment_is_not_called_sound() {
    let dir = tempfile::tempdir().expect("a directory");
    sale(dir.path(), 10).close().expect("closes");
    open(dir.path()).close().expect("closes");
    std::fs::remove_file(segment(dir.path())).expect("removed");
    wal(&["verify"], dir.path()).expect(1).err_has("segments are missing");
    wal(&["replay"], dir.path()).expect(1).err_has("segments are missing");
    assert!(Engine::open(dir.path(), EngineOptions::default(), &mut entropy).is_err(), "nor does the server start");
}
