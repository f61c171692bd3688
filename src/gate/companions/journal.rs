//! Owns the files that pairs outlive the process in: one a campaign, which only grows until the campaign goes, since a pair that was let
//! through stays so. A thread of its own writes them, so that no claim waits for the disk: what was let through in the last
//! [`WRITE_EVERY`] is forgotten when the process is killed, and what the kernel had not written when the power goes.
//!
//! ```text
//! of         8 bytes, little endian: the keyed hash of the device, user or phone number
//! companion  4 bytes: of the keyed hash of who is counted
//! CRC-32C    4 bytes: of the campaign's number and of all that
//! ```

use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use landrush_engine::id::CampaignNumber;
use parking_lot::Mutex;

use crate::gate::campaign_files;

/// How long a pair may wait to be written.
const WRITE_EVERY: Duration = Duration::from_millis(100);

/// The most pairs that wait to be written, at 16 bytes each: more than come in a second. More come only while the disk takes none.
const WAITING_MAX: usize = 1 << 20;

const RECORD_BYTES: usize = 16;

const EXTENSION: &str = "pairs";

/// A pair of a campaign, as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) campaign: CampaignNumber,
    pub(super) companion: u32,
    pub(super) of: u64,
}

impl Record {
    fn encode(self) -> [u8; RECORD_BYTES] {
        let mut bytes = [0; RECORD_BYTES];
        bytes[..8].copy_from_slice(&self.of.to_le_bytes());
        bytes[8..12].copy_from_slice(&self.companion.to_le_bytes());
        let crc = crc(self.campaign, &bytes[..12]);
        bytes[12..].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// `None`: these bytes are not what was written.
    fn decode(campaign: CampaignNumber, bytes: &[u8; RECORD_BYTES]) -> Option<Self> {
        let (of, rest) = bytes.split_first_chunk()?;
        let (companion, found) = rest.split_first_chunk()?;
        let record = Self { campaign, companion: u32::from_le_bytes(*companion), of: u64::from_le_bytes(*of) };
        (*found == crc(campaign, &bytes[..12]).to_le_bytes()).then_some(record)
    }
}

fn crc(campaign: CampaignNumber, pair: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&campaign.0.to_le_bytes()), pair)
}

/// Pairs on their way to the disk.
pub(super) struct Journal {
    directory: PathBuf,
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    records: Vec<Record>,
    /// Campaigns whose files go, after what is written of them.
    gone: Vec<CampaignNumber>,
    /// Pairs that found no place among the records.
    lost: usize,
    is_closing: bool,
}

impl Journal {
    /// The journal in `directory`, and what is written in it of those campaigns that still live; the files of others are removed, and
    /// so is what a crash has left half written.
    ///
    /// # Errors
    /// A file cannot be read or cut; the error names it.
    pub(super) fn open(
        directory: PathBuf,
        lives: impl Fn(CampaignNumber) -> bool,
        mut each: impl FnMut(Record),
    ) -> io::Result<Self> {
        for (campaign, path) in campaign_files::list(&directory, EXTENSION)? {
            let done = if lives(campaign) { read(&path, campaign, &mut each) } else { fs::remove_file(&path) };
            done.map_err(campaign_files::named(&path))?;
        }
        Ok(Self { directory, waiting: Mutex::default() })
    }

    /// Has a pair written soon.
    pub(super) fn push(&self, record: Record) {
        let mut waiting = self.waiting.lock();
        if waiting.records.len() < WAITING_MAX {
            waiting.records.push(record);
        } else {
            waiting.lost += 1;
        }
    }

    /// Has the file of a campaign removed soon.
    pub(super) fn forget(&self, campaign: CampaignNumber) {
        self.waiting.lock().gone.push(campaign);
    }

    /// Writes what comes, until it is closed.
    fn run(&self) {
        let mut has_failed = false;
        loop {
            let is_closing = self.waiting.lock().is_closing;
            let written = self.write();
            if let Err(error) = &written
                && !has_failed
            {
                tracing::error!(%error, "who comes by which device cannot be written; it is tried again");
            }
            has_failed = written.is_err();
            let mut waiting = self.waiting.lock();
            if is_closing {
                waiting.lost += waiting.records.len();
            }
            if waiting.lost > 0 && (is_closing || !has_failed) {
                tracing::error!(
                    pairs = waiting.lost,
                    "not written: a restart forgets that these came by their devices"
                );
                waiting.lost = 0;
            }
            drop(waiting);
            if is_closing {
                return;
            }
            std::thread::park_timeout(WRITE_EVERY);
        }
    }

    /// Writes what waits. What cannot be written waits on.
    fn write(&self) -> io::Result<()> {
        let (mut records, gone) = {
            let mut waiting = self.waiting.lock();
            (std::mem::take(&mut waiting.records), std::mem::take(&mut waiting.gone))
        };
        records.sort_by_key(|record| record.campaign.0);
        let mut failed = Vec::new();
        let mut result = Ok(());
        for records in records.chunk_by(|a, b| a.campaign == b.campaign) {
            if let Err(error) = self.append(records) {
                failed.extend_from_slice(records);
                result = Err(error);
            }
        }
        for campaign in gone {
            failed.retain(|record| record.campaign != campaign);
            match fs::remove_file(self.path(campaign)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => result = Err(error),
                // A file that stays is removed at the next start.
                Ok(()) | Err(_) => {}
            }
        }
        let mut waiting = self.waiting.lock();
        failed.append(&mut waiting.records);
        waiting.records = failed;
        result
    }

    /// Writes records of one campaign behind those that are there: all of them, or none.
    fn append(&self, records: &[Record]) -> io::Result<()> {
        let path = self.path(records[0].campaign);
        fs::create_dir_all(&self.directory)?;
        let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path)?;
        let bytes: Vec<_> = records.iter().map(|record| record.encode()).collect();
        let end = file.metadata()?.len() / RECORD_BYTES as u64 * RECORD_BYTES as u64;
        file.write_all_at(bytes.as_flattened(), end).inspect_err(|_| drop(file.set_len(end)))
    }

    fn path(&self, campaign: CampaignNumber) -> PathBuf {
        campaign_files::path(&self.directory, campaign, EXTENSION)
    }
}

/// The thread that writes a journal.
pub(super) struct Writer {
    journal: Arc<Journal>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Writer {
    /// Begins to write what comes into `journal`.
    ///
    /// # Errors
    /// No thread can be had.
    pub(super) fn start(journal: Journal) -> io::Result<Self> {
        let journal = Arc::new(journal);
        let writing = Arc::clone(&journal);
        let thread = std::thread::Builder::new().name(String::from("landrush-pairs")).spawn(move || writing.run())?;
        Ok(Self { journal, thread: Mutex::new(Some(thread)) })
    }

    pub(super) fn journal(&self) -> &Journal {
        &self.journal
    }

    /// Has the rest written, and waits for it.
    pub(super) fn close(&self) {
        self.journal.waiting.lock().is_closing = true;
        if let Some(thread) = self.thread.lock().take() {
            thread.thread().unpark();
            thread.join().expect("it only writes");
        }
    }
}

/// Reads a campaign's file, and cuts it behind the last record that is whole.
fn read(path: &Path, campaign: CampaignNumber, each: &mut impl FnMut(Record)) -> io::Result<()> {
    let bytes = fs::read(path)?;
    let (records, _) = bytes.as_chunks::<RECORD_BYTES>();
    let decoded = || records.iter().map(|bytes| Record::decode(campaign, bytes));
    let whole = decoded().rposition(|record| record.is_some()).map_or(0, |last| last + 1);
    let damaged = decoded().take(whole).filter(Option::is_none).count();
    if damaged > 0 {
        tracing::error!(damaged, path = %path.display(), "who came by which device is in part damaged");
    }
    decoded().flatten().for_each(each);
    let length = (whole * RECORD_BYTES) as u64;
    if length < bytes.len() as u64 {
        OpenOptions::new().write(true).open(path)?.set_len(length)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(campaign: u32, of: u64) -> Record {
        Record { campaign: CampaignNumber(campaign), companion: 7, of }
    }

    /// What is read back of the campaigns below `living`.
    fn reopened(directory: &Path, living: u32) -> (Journal, Vec<Record>) {
        let mut records = Vec::new();
        let lives = |campaign: CampaignNumber| campaign.0 < living;
        let journal = Journal::open(directory.to_owned(), lives, |record| records.push(record)).expect("opens");
        records.sort_by_key(|record| (record.campaign.0, record.of));
        (journal, records)
    }

    #[test]
    fn what_was_written_is_read_back_until_its_campaign_goes() {
        let root = tempfile::tempdir().expect("a directory");
        let directory = root.path().join("companions");
        let (journal, none) = reopened(&directory, 9);
        assert_eq!(none, []);
        let all = [record(1, 1), record(1, 2), record(2, 3), record(3, 4)];
        for some in [&all[..2], &all[2..]] {
            some.iter().for_each(|record| journal.push(*record));
            journal.write().expect("written");
        }
        assert_eq!(reopened(&directory, 9).1, all);
        journal.push(record(2, 5));
        journal.forget(CampaignNumber(2));
        journal.write().expect("written");
        assert_eq!(reopened(&directory, 9).1, [all[0], all[1], all[3]]);
        assert_eq!(reopened(&directory, 3).1, all[..2], "the other was archived, and its file has stayed");
        assert_eq!(reopened(&directory, 9).1, all[..2]);
    }

    #[test]
    fn a_torn_tail_is_cut_and_a_damaged_record_costs_no_other() {
        let root = tempfile::tempdir().expect("a directory");
        let (journal, _) = reopened(root.path(), 9);
        (0..4).for_each(|of| journal.push(record(1, of)));
        journal.write().expect("written");
        let path = journal.path(CampaignNumber(1));
        let sound = fs::read(&path).expect("there");
        for cut in 0..sound.len() {
            fs::write(&path, &sound[..cut]).expect("written");
            let (journal, whole) = reopened(root.path(), 9);
            assert_eq!(whole.len(), cut / RECORD_BYTES, "cut at {cut}");
            journal.push(record(1, 9));
            journal.write().expect("written");
            assert_eq!(reopened(root.path(), 9).1.len(), whole.len() + 1, "cut at {cut}");
        }
        for index in 0..sound.len() {
            let mut damaged = sound.clone();
            damaged[index] ^= 1;
            fs::write(&path, damaged).expect("written");
            let expected: Vec<_> = (0..4).filter(|of| *of != index as u64 / 16).map(|of| record(1, of)).collect();
            assert_eq!(reopened(root.path(), 9).1, expected, "byte {index}");
        }
        fs::write(&path, [&sound[..], &[0; 64]].concat()).expect("written");
        assert_eq!(reopened(root.path(), 9).1.len(), 4, "and what is all zeros, as after a power loss, is no record");
        assert_eq!(fs::metadata(&path).expect("there").len(), sound.len() as u64);
        fs::rename(&path, journal.path(CampaignNumber(2))).expect("renamed");
        assert_eq!(reopened(root.path(), 9).1, [], "of another campaign");
    }

    #[test]
    fn what_cannot_be_written_waits_and_what_finds_no_place_is_counted() {
        let root = tempfile::tempdir().expect("a directory");
        let directory = root.path().join("companions");
        let (journal, _) = reopened(&directory, 9);
        fs::write(&directory, "no directory").expect("written");
        (0..WAITING_MAX as u64 + 3).for_each(|of| journal.push(record(1, of)));
        assert!(journal.write().is_err());
        let waits = || {
            let waiting = journal.waiting.lock();
            (waiting.records.len(), waiting.lost)
        };
        assert_eq!(waits(), (WAITING_MAX, 3));
        fs::remove_file(&directory).expect("removed");
        journal.write().expect("written");
        assert_eq!(reopened(&directory, 9).1.len(), WAITING_MAX);
    }
}
