//! The commands that read, beside an engine that fills segments, makes snapshots and removes what they replace.

use std::sync::atomic::{AtomicBool, Ordering};

use super::shop::{Shop, busy, json_lines, open_with, wal};

#[test]
fn reading_beside_a_busy_engine_is_never_taken_for_damage() {
    let dir = tempfile::tempdir().expect("a directory");
    let engine = open_with(dir.path(), busy());
    let done = AtomicBool::new(false);
    let mut shop = Shop::make(&engine, "sale", 10_000_000);
    shop.claim("first");
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut claims = 0u64;
            while !done.load(Ordering::Relaxed) {
                shop.claim(&format!("user-{claims}"));
                claims += 1;
            }
            claims
        });
        // Also when a command fails: the writer would go on until the quota is used up.
        let stop = Stop(&done);
        let mut rounds = 0;
        // Until segments have been trimmed several times, and every command has met that.
        while engine.status().snapshots.made() < 5 || rounds < 5 {
            wal(&["verify"], dir.path()).expect(0).out_has("every record makes sense");
            wal(&["stats"], dir.path()).expect(0).out_has("claimed");
            wal(&["replay", "--json"], dir.path()).expect(0);
            let dumped = wal(&["dump"], dir.path()).expect(0);
            let lsns: Vec<_> =
                json_lines(&dumped.out).iter().map(|line| line["lsn"].as_u64().expect("a number")).collect();
            assert!(lsns.is_sorted_by(|before, after| before < after), "a record twice, or out of order");
            rounds += 1;
        }
        drop(stop);
        assert!(writer.join().expect("no panic") > 0);
    });
    drop(shop);
    engine.close().expect("closes");
    wal(&["verify"], dir.path()).expect(0);
}

/// Tells the writer to end when it is dropped.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
