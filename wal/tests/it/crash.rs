//! The power goes at every write and every sync, with every torn-tail length of the write under way: what is read back is a
//! prefix of what was appended, and holds all that was acknowledged.

use landrush_wal::log::Log;
use landrush_wal::lsn::Lsn;
use landrush_wal::options::LogOptions;
use landrush_wal::storage::faulty::{Cut, Faults, Kept, Operation, Others};
use landrush_wal::storage::memory::MemoryStorage;
use landrush_wal::storage::{Folder, Storage};

use crate::harness::{Hand, batch, look, open, settle, small, write};

/// Sector of a segment's header: written whole or not at all.
const HEADER_BYTES: usize = 512;

/// What a run had appended and acknowledged when the power went.
#[derive(Debug, Default, Clone, Copy)]
struct Ran {
    appended: Lsn,
    acknowledged: Lsn,
}

/// Starts, appends with up to two writes in flight, idles for a seal, rotates, closes; until the power goes.
fn run(storage: &MemoryStorage) -> Ran {
    let mut ran = Ran::default();
    let hand = Hand::default();
    let options = LogOptions { clock: hand.clock(), ..small() };
    let Ok((mut started, recovered)) = open(storage, &options) else { return ran };
    ran = Ran { appended: recovered.last_lsn, acknowledged: recovered.last_lsn };
    for round in 0..30u64 {
        for count in [1, 1 + round % 5, 30] {
            ran.appended = started.log.append(&batch(ran.appended.0 + 1, count));
            // Starts this frame while the one before may still be in flight.
            let Ok(durable) = started.log.pump() else { return ran };
            ran.acknowledged = durable;
        }
        let Ok(durable) = settle(&mut started, ran.appended) else { return ran };
        ran.acknowledged = durable;
        if round % 4 == 0 {
            for _ in 0..3 {
                hand.advance(std::time::Duration::from_millis(120));
                if started.log.pump().is_err() {
                    return ran;
                }
            }
        }
        let _ = started.preparer.step();
    }
    let closed = started.log.close();
    ran.acknowledged = closed.unwrap_or(ran.acknowledged);
    ran
}

/// A log that has seen one start already.
fn base() -> MemoryStorage {
    let storage = MemoryStorage::new();
    let (mut started, _) = open(&storage, &small()).unwrap();
    write(&mut started, Lsn::ZERO, &[3, 1, 4]).unwrap();
    drop(started);
    storage.reboot();
    storage
}

fn history(base: &MemoryStorage, faults: Faults) -> Vec<Operation> {
    let storage = base.fork();
    storage.set_faults(faults);
    let ran = run(&storage);
    assert_eq!(ran.acknowledged, ran.appended, "without a cut everything is acknowledged");
    storage.operations()
}

fn run_cut(base: &MemoryStorage, faults: Faults) -> (MemoryStorage, Ran) {
    let storage = base.fork();
    storage.set_faults(faults);
    let ran = run(&storage);
    assert!(storage.is_off(), "{faults:?} was reached");
    storage.reboot();
    (storage, ran)
}

#[track_caller]
fn check(storage: &MemoryStorage, ran: Ran, context: impl Fn() -> String) {
    let recovered = look(storage).unwrap_or_else(|error| panic!("{}: {error:?}", context()));
    let kept = recovered.last_lsn;
    assert!(kept >= ran.acknowledged && kept <= ran.appended.max(Lsn(8)), "{}: {kept} of {ran:?}", context());
}

#[test]
fn a_cut_at_every_operation_loses_nothing_acknowledged() {
    let base = base();
    for backwards in [false, true] {
        let operations = history(&base, Faults { backwards, ..Faults::default() }).len();
        let tears =
            [Kept::Prefix(0), Kept::Prefix(512), Kept::Prefix(usize::MAX), Kept::Suffix(512), Kept::Sectors(0b1010)];
        for operation in 0..u64::try_from(operations).unwrap() {
            for kept in tears {
                for others in [Others::Lost, Others::Kept] {
                    let cut = Cut { operation, kept, others };
                    let (storage, ran) = run_cut(&base, Faults { cut: Some(cut), backwards, ..Faults::default() });
                    check(&storage, ran, || format!("{cut:?}, backwards {backwards}"));
                    go_on(&storage, ran);
                }
            }
        }
    }
}

/// After a crash the log goes on as if nothing had been, and the next reading is whole too.
#[track_caller]
fn go_on(storage: &MemoryStorage, ran: Ran) {
    let (mut started, recovered) = open(storage, &small()).unwrap();
    assert!(recovered.last_lsn >= ran.acknowledged);
    let last = write(&mut started, recovered.last_lsn, &[2, 9]).unwrap();
    drop(started);
    storage.reboot();
    let again = look(storage).unwrap();
    assert_eq!((again.last_lsn, again.torn_tail), (last, None));
}

/// Every frame that the run writes, torn after every byte.
#[test]
fn every_torn_tail_length_of_the_last_frame_is_cut_off() {
    let base = base();
    let operations = history(&base, Faults::default());
    let mut tears = 0;
    for (operation, what) in (0..).zip(&operations) {
        // Segments made ahead are larger than any frame, and no tails.
        let Operation::Write { bytes: 0..=8192 } = what else { continue };
        let cut = |kept| Faults { cut: Some(Cut { operation, kept, others: Others::Lost }), ..Faults::default() };
        let (before, ran) = run_cut(&base, cut(Kept::Prefix(0)));
        let (after, _) = run_cut(&base, cut(Kept::Prefix(usize::MAX)));
        for entry in after.list(Folder::Log).unwrap() {
            let whole = after.read(Folder::Log, &entry.name).unwrap();
            let Some(mut torn) = before.read(Folder::Log, &entry.name) else { continue };
            let differs = |index: &usize| torn.get(*index) != whole.get(*index);
            let Some(first) = (0..whole.len()).find(differs) else { continue };
            let last = (0..whole.len()).rfind(differs).unwrap();
            torn.resize(whole.len(), 0);
            for cut_at in first..=last {
                torn[cut_at] = whole[cut_at];
                let inside_header = cut_at < HEADER_BYTES - 1;
                // Every byte of the headers and around the sectors' edges, every seventh in between.
                let telling = cut_at - first < 64 || (cut_at % 512 < 3 || cut_at % 512 > 509) || cut_at % 7 == 0;
                if inside_header || !telling {
                    continue;
                }
                before.put(Folder::Log, &entry.name, torn.clone());
                check(&before, ran, || format!("operation {operation}, {} cut at {cut_at}", entry.name));
                tears += 1;
            }
        }
    }
    assert!(tears > 5_000, "{tears}");
}
