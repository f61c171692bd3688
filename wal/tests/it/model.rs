//! Random operations, crashes and restarts against a naive model: a count of records appended and of those acknowledged.

use std::time::Duration;

use landrush_wal::log::Log;
use landrush_wal::lsn::Lsn;
use landrush_wal::options::LogOptions;
use landrush_wal::start::Started;
use landrush_wal::storage::faulty::{Cut, Faults, Kept, Others};
use landrush_wal::storage::memory::MemoryStorage;
use proptest::prelude::*;

use crate::harness::{Hand, batch, settle, small};

#[derive(Debug, Clone)]
enum Act {
    Append(u64),
    Pump,
    Settle,
    Idle(u64),
    Prepare,
    Trim(u8),
    Cut { after: u64, kept: Kept, others: Others },
    EndProcess,
    Close,
}

fn act() -> impl Strategy<Value = Act> {
    let kept = prop_oneof![
        (0..9000usize).prop_map(Kept::Prefix),
        (0..9000usize).prop_map(|bytes| Kept::Suffix(bytes / 512 * 512)),
        any::<u64>().prop_map(Kept::Sectors),
    ];
    let others = prop_oneof![Just(Others::Lost), Just(Others::Kept)];
    prop_oneof![
        8 => (1..30u64).prop_map(Act::Append),
        6 => Just(Act::Pump),
        3 => Just(Act::Settle),
        2 => (1..150u64).prop_map(Act::Idle),
        2 => Just(Act::Prepare),
        1 => any::<u8>().prop_map(Act::Trim),
        1 => (0..6u64, kept, others).prop_map(|(after, kept, others)| Act::Cut { after, kept, others }),
        1 => Just(Act::EndProcess),
        1 => Just(Act::Close),
    ]
}

struct Model {
    storage: MemoryStorage,
    options: LogOptions,
    hand: Hand,
    started: Option<Started<MemoryStorage>>,
    appended: Lsn,
    acknowledged: Lsn,
    /// What a snapshot would hold: segments before it may be gone.
    covered: Lsn,
}

impl Model {
    fn new() -> Self {
        let hand = Hand::default();
        let options = LogOptions { clock: hand.clock(), second_write_records_min: 3, ..small() };
        let mut model = Self {
            storage: MemoryStorage::new(),
            options,
            hand,
            started: None,
            appended: Lsn::ZERO,
            acknowledged: Lsn::ZERO,
            covered: Lsn::ZERO,
        };
        model.reopen();
        model
    }

    /// Starts again; a cut that was planned before may come only now.
    fn reopen(&mut self) {
        self.started = None;
        while !self.try_reopen() {
            assert!(self.storage.is_off(), "a start fails only for want of power");
            self.storage.reboot();
        }
    }

    fn try_reopen(&mut self) -> bool {
        if self.storage.is_off() {
            return false;
        }
        let mut tenure = crate::harness::tenure(&self.storage, &self.options).unwrap();
        let recovered = crate::harness::replay(&mut tenure, self.covered).unwrap();
        let found = recovered.last_lsn;
        assert!(
            found >= self.acknowledged && found <= self.appended,
            "{found}: {:?}",
            (self.acknowledged, self.appended)
        );
        let Ok(mut started) = tenure.start() else { return false };
        (self.appended, self.acknowledged) = (found, found);
        let _ = started.preparer.step();
        self.started = Some(started);
        true
    }

    /// Does one thing, and comes back after the crash if that was what it led to.
    fn act(&mut self, act: &Act) {
        let started = self.started.as_mut().unwrap();
        let done = match act {
            Act::Append(count) => {
                if started.log.status().accepts() {
                    self.appended = started.log.append(&batch(self.appended.0 + 1, *count));
                }
                Ok(self.acknowledged)
            }
            Act::Pump => started.log.pump(),
            Act::Settle => settle(started, self.appended),
            Act::Idle(ms) => {
                self.hand.advance(Duration::from_millis(*ms));
                started.log.pump()
            }
            Act::Prepare => {
                let _ = started.preparer.step();
                Ok(self.acknowledged)
            }
            Act::Trim(share) => {
                let upto = Lsn(self.acknowledged.0 * u64::from(*share) / 256);
                // A trim that the power cut short leaves the older segments' names; the snapshot covers them either way.
                self.covered = self.covered.max(upto);
                let _ = started.store.trim(upto);
                Ok(self.acknowledged)
            }
            Act::Cut { after, kept, others } => {
                // Where the header of a segment is torn is not for this model: it is one sector.
                let cut = Cut { operation: *after, kept: align_header(*kept), others: *others };
                self.storage.set_faults(Faults { cut: Some(cut), backwards: after % 2 == 1, ..Faults::default() });
                Ok(self.acknowledged)
            }
            Act::EndProcess => {
                self.storage.end_process();
                return self.reopen();
            }
            Act::Close => match started.log.close() {
                Ok(last) => {
                    assert_eq!(last, self.appended);
                    self.acknowledged = last;
                    return self.restart();
                }
                Err(poisoned) => Err(poisoned),
            },
        };
        match done {
            Ok(durable) => {
                assert!(durable >= self.acknowledged && durable <= self.appended);
                self.acknowledged = durable;
            }
            Err(_) => self.restart(),
        }
    }

    fn restart(&mut self) {
        self.storage.reboot();
        self.reopen();
    }
}

fn align_header(kept: Kept) -> Kept {
    match kept {
        Kept::Prefix(bytes) if bytes < 512 => Kept::Prefix(0),
        Kept::Prefix(_) | Kept::Suffix(_) | Kept::Sectors(_) => kept,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, rng_seed: prop::test_runner::RngSeed::Fixed(2026), ..ProptestConfig::default() })]

    #[test]
    fn random_crashes_lose_nothing_acknowledged(acts in prop::collection::vec(act(), 1..150)) {
        let mut model = Model::new();
        for act in &acts {
            model.act(act);
        }
        model.restart();
    }
}
