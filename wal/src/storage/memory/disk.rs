//! Owns the bytes and names of a disk in memory, and applies the planned faults to each operation.

use std::collections::BTreeMap;
use std::io;
use std::ops::Range;

use super::super::faulty::{Cut, Faults, Operation, Others, Verdict, broken, full, power_is_off};
use super::super::{Entry, Folder};
use crate::width;

type Names = BTreeMap<(Folder, String), usize>;

/// A write beside the one that is cut: file, bytes, offset.
pub(super) type Other<'a> = (usize, &'a [u8], usize);

#[derive(Debug, Default)]
pub(super) struct Disk {
    files: Vec<FileBytes>,
    live_names: Names,
    durable_names: Names,
    faults: Faults,
    history: Vec<Operation>,
    off: bool,
    /// Counts processes: handles of an earlier one fail.
    life: u64,
    locked: bool,
}

#[derive(Debug, Default, Clone)]
struct FileBytes {
    live: Vec<u8>,
    durable: Vec<u8>,
    /// Written and not synced.
    dirty: Vec<Range<usize>>,
}

impl FileBytes {
    fn make_durable(&mut self) {
        self.durable.resize(self.live.len(), 0);
        for range in self.dirty.drain(..) {
            let range = range.start.min(self.live.len())..range.end.min(self.live.len());
            self.durable[range.clone()].copy_from_slice(&self.live[range]);
        }
    }

    fn put_durable(&mut self, offset: usize, bytes: &[u8], holds: impl Fn(usize) -> bool) {
        if self.durable.len() < offset + bytes.len() {
            self.durable.resize(offset + bytes.len(), 0);
        }
        for (index, &byte) in bytes.iter().enumerate().filter(|&(index, _)| holds(index)) {
            self.durable[offset + index] = byte;
        }
    }
}

impl Disk {
    pub(super) fn set_faults(&mut self, faults: Faults) {
        self.faults = faults;
        self.history.clear();
    }

    pub(super) fn history(&self) -> &[Operation] {
        &self.history
    }

    pub(super) fn is_off(&self) -> bool {
        self.off
    }

    pub(super) fn completes_backwards(&self) -> bool {
        self.faults.backwards
    }

    pub(super) fn reboot(&mut self) {
        self.lose_power(Others::Lost);
        for file in &mut self.files {
            file.live = file.durable.clone();
            file.dirty.clear();
        }
        self.live_names = self.durable_names.clone();
        self.off = false;
        self.set_faults(Faults::default());
        self.end_process();
    }

    pub(super) fn end_process(&mut self) {
        self.life += 1;
        self.locked = false;
    }

    pub(super) fn fork(&self) -> Disk {
        Disk {
            files: self.files.clone(),
            live_names: self.live_names.clone(),
            durable_names: self.durable_names.clone(),
            ..Disk::default()
        }
    }

    pub(super) fn bytes_of(&self, folder: Folder, name: &str) -> Option<&[u8]> {
        let id = self.live_names.get(&(folder, name.to_owned()))?;
        Some(&self.files[*id].live)
    }

    pub(super) fn put(&mut self, folder: Folder, name: &str, bytes: Vec<u8>) {
        self.files.push(FileBytes { live: bytes.clone(), durable: bytes, dirty: Vec::new() });
        let id = self.files.len() - 1;
        self.live_names.insert((folder, name.to_owned()), id);
        self.durable_names.insert((folder, name.to_owned()), id);
    }

    pub(super) fn check(&self, life: u64) -> io::Result<()> {
        if self.off || life != self.life { Err(power_is_off()) } else { Ok(()) }
    }

    pub(super) fn take_lock(&mut self) -> io::Result<u64> {
        self.check(self.life)?;
        if self.locked {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.locked = true;
        Ok(self.life)
    }

    pub(super) fn release_lock(&mut self, life: u64) {
        if life == self.life {
            self.locked = false;
        }
    }

    pub(super) fn list(&self, folder: Folder) -> io::Result<Vec<Entry>> {
        self.check(self.life)?;
        let inside = self.live_names.iter().filter(|((inside, _), _)| *inside == folder);
        let entry = |((_, name), id): (&(Folder, String), &usize)| Entry {
            name: name.clone(),
            bytes: width::in_file(self.files[*id].live.len()),
        };
        Ok(inside.map(entry).collect())
    }

    pub(super) fn open(&self, folder: Folder, name: &str) -> io::Result<(usize, u64)> {
        self.check(self.life)?;
        let id = self.live_names.get(&(folder, name.to_owned())).ok_or(io::ErrorKind::NotFound)?;
        Ok((*id, self.life))
    }

    pub(super) fn create(&mut self, folder: Folder, name: &str) -> io::Result<(usize, u64)> {
        self.begin(Operation::Create)?;
        self.files.push(FileBytes::default());
        let id = self.files.len() - 1;
        self.live_names.insert((folder, name.to_owned()), id);
        Ok((id, self.life))
    }

    pub(super) fn rename(&mut self, folder: Folder, from: &str, to: &str) -> io::Result<()> {
        self.begin(Operation::Rename)?;
        let id = self.live_names.remove(&(folder, from.to_owned())).ok_or(io::ErrorKind::NotFound)?;
        self.live_names.insert((folder, to.to_owned()), id);
        Ok(())
    }

    pub(super) fn remove(&mut self, folder: Folder, name: &str) -> io::Result<()> {
        self.begin(Operation::Remove)?;
        self.live_names.remove(&(folder, name.to_owned())).map(drop).ok_or(io::ErrorKind::NotFound.into())
    }

    pub(super) fn sync_folder(&mut self, folder: Folder) -> io::Result<()> {
        self.begin(Operation::SyncFolder)?;
        self.durable_names.retain(|(inside, _), _| *inside != folder);
        let live = self.live_names.iter().filter(|((inside, _), _)| *inside == folder);
        self.durable_names.extend(live.map(|(name, id)| (name.clone(), *id)));
        Ok(())
    }

    pub(super) fn live(&self, id: usize) -> &[u8] {
        &self.files[id].live
    }

    pub(super) fn sync(&mut self, id: usize) -> io::Result<()> {
        match self.verdict(Operation::Sync) {
            Verdict::Done => self.files[id].make_durable(),
            Verdict::Cut(cut) => return Err(self.cut(cut)),
            Verdict::Fails | Verdict::Short => {
                self.files[id].dirty.clear();
                return Err(broken());
            }
        }
        Ok(())
    }

    pub(super) fn set_len(&mut self, id: usize, bytes: usize) -> io::Result<()> {
        self.begin(Operation::Truncate)?;
        self.check_room(id, bytes)?;
        self.files[id].live.resize(bytes, 0);
        Ok(())
    }

    pub(super) fn write(
        &mut self,
        id: usize,
        bytes: &[u8],
        offset: usize,
        sync: bool,
        others: &mut dyn Iterator<Item = Other<'_>>,
    ) -> io::Result<()> {
        let verdict = self.verdict(Operation::Write { bytes: bytes.len() });
        if let Verdict::Cut(cut) = verdict {
            if sync {
                self.files[id].put_durable(offset, bytes, |index| cut.kept.holds(index, bytes.len()));
            }
            if cut.others == Others::Kept {
                others.for_each(|(id, bytes, offset)| self.files[id].put_durable(offset, bytes, |_| true));
            }
            return Err(self.cut(cut));
        }
        if verdict == Verdict::Fails {
            return Err(broken());
        }
        self.check_room(id, offset + bytes.len())?;
        let written = if verdict == Verdict::Short { &bytes[..bytes.len() / 2] } else { bytes };
        let file = &mut self.files[id];
        if file.live.len() < offset + written.len() {
            file.live.resize(offset + written.len(), 0);
        }
        file.live[offset..offset + written.len()].copy_from_slice(written);
        if sync {
            file.put_durable(offset, written, |_| true);
            // With what was written before it, as a sync of the file does.
            file.make_durable();
        } else {
            file.dirty.push(offset..offset + written.len());
        }
        if verdict == Verdict::Short { Err(full()) } else { Ok(()) }
    }

    fn check_room(&self, id: usize, bytes: usize) -> io::Result<()> {
        let Some(capacity) = self.faults.capacity_bytes else { return Ok(()) };
        let grows = bytes.saturating_sub(self.files[id].live.len());
        let used: usize = self.live_names.values().map(|&id| self.files[id].live.len()).sum();
        if grows > 0 && width::in_file(used + grows) > capacity { Err(full()) } else { Ok(()) }
    }

    fn begin(&mut self, operation: Operation) -> io::Result<()> {
        self.check(self.life)?;
        match self.verdict(operation) {
            Verdict::Done => Ok(()),
            Verdict::Cut(cut) => Err(self.cut(cut)),
            Verdict::Fails | Verdict::Short => Err(broken()),
        }
    }

    fn verdict(&mut self, operation: Operation) -> Verdict {
        self.history.push(operation);
        self.faults.verdict(width::in_file(self.history.len() - 1))
    }

    fn cut(&mut self, cut: Cut) -> io::Error {
        self.lose_power(cut.others);
        power_is_off()
    }

    fn lose_power(&mut self, others: Others) {
        if self.off {
            return;
        }
        self.off = true;
        if others == Others::Kept {
            self.files.iter_mut().for_each(FileBytes::make_durable);
            self.durable_names = self.live_names.clone();
        }
    }
}
