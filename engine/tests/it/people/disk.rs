//! Owns a file for tests: it loses power between any two sectors, fails a sync, runs out of room, and can hold a writer up.

use std::collections::BTreeSet;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};

use landrush_wal::storage::StorageFile;

const SECTOR_BYTES: usize = 512;

/// SplitMix64: a seed gives the same numbers in every run.
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}

/// One file. Clones are the same file.
#[derive(Clone, Default)]
pub(super) struct TestDisk {
    state: Arc<Mutex<State>>,
    moved: Arc<Condvar>,
}

#[derive(Default)]
struct State {
    live: Vec<u8>,
    durable: Vec<u8>,
    /// Sectors that differ, or may.
    dirty: BTreeSet<usize>,
    /// Writes, syncs and cuts to length, since the last reboot.
    operations: u64,
    cut_at: Option<u64>,
    is_off: bool,
    fails_syncs: bool,
    capacity_bytes: Option<usize>,
    is_held: bool,
    /// Writers that wait for the hold to end.
    waiting: u32,
    life: u64,
}

/// What reaches the disk of all that was not durable when the power went.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kept {
    Nothing,
    Everything,
    /// Each sector or not.
    Some,
}

impl TestDisk {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder panics")
    }

    /// Opens the file, for as long as the power stays on.
    pub(super) fn open(&self) -> Box<dyn StorageFile> {
        let life = self.state().life;
        Box::new(TestFile { disk: self.clone(), life })
    }

    /// Cuts the power at an operation from now on.
    pub(super) fn cut_after(&self, operations: u64) {
        let mut state = self.state();
        state.cut_at = Some(state.operations + operations);
    }

    pub(super) fn operations(&self) -> u64 {
        self.state().operations
    }

    pub(super) fn is_off(&self) -> bool {
        self.state().is_off
    }

    pub(super) fn fail_syncs(&self, fails: bool) {
        self.state().fails_syncs = fails;
    }

    pub(super) fn limit(&self, capacity_bytes: Option<usize>) {
        self.state().capacity_bytes = capacity_bytes;
    }

    /// Holds up whoever writes from now on.
    pub(super) fn hold(&self) {
        self.state().is_held = true;
    }

    /// Sleeps until somebody is held up.
    pub(super) fn wait_for_writer(&self) {
        let mut state = self.state();
        while state.waiting == 0 {
            state = self.moved.wait(state).expect("no holder panics");
        }
    }

    pub(super) fn release(&self) {
        self.state().is_held = false;
        self.moved.notify_all();
    }

    /// Cuts the power if it is on, and turns it on again, with no faults.
    pub(super) fn reboot(&self, kept: Kept, random: &mut Random) {
        let mut state = self.state();
        let dirty = std::mem::take(&mut state.dirty);
        for sector in dirty {
            let keeps = match kept {
                Kept::Nothing => false,
                Kept::Everything => true,
                Kept::Some => random.below(2) == 0,
            };
            let from = sector * SECTOR_BYTES;
            let upto = (from + SECTOR_BYTES).min(state.live.len());
            if keeps && from < upto {
                let bytes = state.live[from..upto].to_vec();
                let length = state.durable.len().max(upto);
                state.durable.resize(length, 0);
                state.durable[from..upto].copy_from_slice(&bytes);
            }
        }
        let (durable, life) = (std::mem::take(&mut state.durable), state.life + 1);
        *state = State { live: durable.clone(), durable, life, ..State::default() };
    }

    /// Whether the file holds `text`.
    pub(super) fn holds(&self, text: &str) -> bool {
        let state = self.state();
        // A file is filled with zeros far ahead of its use.
        let last = state.live.chunks(SECTOR_BYTES).rposition(|sector| sector != &[0; SECTOR_BYTES][..sector.len()]);
        let used = last.map_or(0, |last| (last + 1) * SECTOR_BYTES).min(state.live.len());
        state.live[..used].windows(text.len()).any(|window| window == text.as_bytes())
    }

    /// A copy of the file as it is now, durable.
    pub(super) fn fork(&self) -> Self {
        let live = self.state().live.clone();
        let state = State { durable: live.clone(), live, ..State::default() };
        Self { state: Arc::new(Mutex::new(state)), moved: Arc::default() }
    }
}

struct TestFile {
    disk: TestDisk,
    life: u64,
}

impl TestFile {
    fn state(&self) -> io::Result<MutexGuard<'_, State>> {
        let state = self.disk.state();
        if state.is_off || state.life != self.life {
            return Err(io::ErrorKind::NotConnected.into());
        }
        Ok(state)
    }

    /// Counts an operation; `true`: the power goes with it.
    fn begin(&self) -> io::Result<(MutexGuard<'_, State>, bool)> {
        let mut state = self.state()?;
        state.waiting += 1;
        self.disk.moved.notify_all();
        while state.is_held {
            state = self.disk.moved.wait(state).expect("no holder panics");
        }
        state.waiting -= 1;
        if state.is_off || state.life != self.life {
            return Err(io::ErrorKind::NotConnected.into());
        }
        state.operations += 1;
        state.is_off = state.cut_at == Some(state.operations - 1);
        let is_cut = state.is_off;
        Ok((state, is_cut))
    }
}

impl StorageFile for TestFile {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        let state = self.state()?;
        let start = usize::try_from(offset).expect("small").min(state.live.len());
        let count = bytes.len().min(state.live.len() - start);
        bytes[..count].copy_from_slice(&state.live[start..start + count]);
        Ok(count)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let (mut state, is_cut) = self.begin()?;
        let start = usize::try_from(offset).expect("small");
        let room = state.capacity_bytes.map_or(bytes.len(), |capacity| capacity.saturating_sub(start));
        let written = bytes.len().min(room);
        let length = state.live.len().max(start + written);
        state.live.resize(length, 0);
        state.live[start..start + written].copy_from_slice(&bytes[..written]);
        state.dirty.extend(start / SECTOR_BYTES..(start + written).div_ceil(SECTOR_BYTES));
        if is_cut {
            return Err(io::ErrorKind::NotConnected.into());
        }
        if written < bytes.len() { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }

    fn sync(&self) -> io::Result<()> {
        let (mut state, is_cut) = self.begin()?;
        if is_cut || state.fails_syncs {
            return Err(io::Error::other("the sync failed"));
        }
        let State { live, durable, dirty, .. } = &mut *state;
        durable.resize(live.len(), 0);
        for sector in std::mem::take(dirty) {
            let from = (sector * SECTOR_BYTES).min(live.len());
            let upto = (from + SECTOR_BYTES).min(live.len());
            durable[from..upto].copy_from_slice(&live[from..upto]);
        }
        Ok(())
    }

    fn set_len(&self, bytes: u64) -> io::Result<()> {
        let (mut state, is_cut) = self.begin()?;
        let length = usize::try_from(bytes).expect("small");
        let before = state.live.len();
        state.live.resize(length, 0);
        state.dirty.extend(before.min(length) / SECTOR_BYTES..length.div_ceil(SECTOR_BYTES));
        if is_cut { Err(io::ErrorKind::NotConnected.into()) } else { Ok(()) }
    }

    fn len(&self) -> io::Result<u64> {
        Ok(u64::try_from(self.state()?.live.len()).expect("small"))
    }
}
