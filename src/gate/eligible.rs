//! Owns the lists of those whom a campaign is for: uploaded as a whole, kept in a file each, and held in memory as hashes in order, 16
//! bytes a user, so that a look takes a few steps and no lock.
//!
//! ```text
//! "landrush list 1\n"  16 bytes
//! count                 8 bytes, little endian
//! hashes               16 bytes each, ascending: SipHash-1-3-128 of the user id, under a key of the data directory
//! SHA-256 of all that  32 bytes
//! ```

use std::collections::HashMap;
use std::fs::{self, File};
use std::hash::Hasher;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use landrush_engine::id::CampaignNumber;
use landrush_engine::keys::Keys;
use parking_lot::Mutex;
use sha2::{Digest, Sha256};
use siphasher::sip128::{Hasher128, SipHasher13};

use super::campaign_files;

const MAGIC: &[u8; 16] = b"landrush list 1\n";
const HASH_BYTES: usize = 16;
/// The extension of a list, and of one that is being written.
const WHOLE: &str = "list";
const BEGUN: &str = "new";
const HEAD_BYTES: usize = MAGIC.len() + 8;
const SUM_BYTES: usize = 32;

/// The most users of a list.
pub const USERS_MAX: usize = 20_000_000;

/// The lists of all campaigns.
pub struct EligibleLists {
    directory: PathBuf,
    key: [u8; 16],
    lists: ArcSwap<HashMap<CampaignNumber, Arc<EligibleList>>>,
    /// Held by whoever replaces a list.
    replacing: Mutex<()>,
}

/// Whom one campaign is for.
#[derive(Debug, Default)]
pub struct EligibleList {
    hashes: Box<[[u8; HASH_BYTES]]>,
}

/// A list that is being made.
pub struct NewList {
    key: [u8; 16],
    hashes: Vec<[u8; HASH_BYTES]>,
}

/// The list has no room for another user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full;

impl EligibleLists {
    /// The directory of the lists within the data directory.
    pub const DIRECTORY: &'static str = "eligible";

    /// The lists in `data_dir`.
    ///
    /// # Errors
    /// A list cannot be read, or is not what was written; the error names the file.
    pub fn open(data_dir: &Path, keys: &Keys) -> io::Result<Self> {
        let directory = data_dir.join(Self::DIRECTORY);
        let derived = keys.derived("eligible list");
        let (key, _) = derived.split_first_chunk().expect("a derived key has 32 bytes");
        for (_, path) in campaign_files::list(&directory, BEGUN)? {
            // What a crash has left of an upload that was never acknowledged.
            fs::remove_file(&path)?;
        }
        let mut lists = HashMap::new();
        for (campaign, path) in campaign_files::list(&directory, WHOLE)? {
            let named = campaign_files::named(&path);
            let list = EligibleList::read(&fs::read(&path).map_err(&named)?);
            let list =
                list.ok_or_else(|| named(io::Error::new(io::ErrorKind::InvalidData, "is damaged; upload it again")))?;
            lists.insert(campaign, Arc::new(list));
        }
        Ok(Self { directory, key: *key, lists: ArcSwap::from_pointee(lists), replacing: Mutex::new(()) })
    }

    /// A list without anybody.
    pub fn begin(&self) -> NewList {
        NewList { key: self.key, hashes: Vec::new() }
    }

    /// Puts `list` in the place of the campaign's present one, once it is on disk. Gives the number of its users. Waits for the disk.
    ///
    /// # Errors
    /// It cannot be written; the present one stays.
    pub fn replace(&self, campaign: CampaignNumber, list: NewList) -> io::Result<usize> {
        let list = EligibleList::new(list.hashes);
        let count = list.hashes.len();
        let _alone = self.replacing.lock();
        fs::create_dir_all(&self.directory)?;
        let path = self.path(campaign);
        let temporary = path.with_extension(BEGUN);
        let mut file = File::create(&temporary)?;
        list.write(&mut file)?;
        file.sync_all()?;
        fs::rename(&temporary, &path)?;
        File::open(&self.directory)?.sync_all()?;
        self.change(|lists| drop(lists.insert(campaign, Arc::new(list))));
        Ok(count)
    }

    /// Forgets the list of a campaign that is archived. Waits for the disk.
    ///
    /// # Errors
    /// Its file cannot be removed; it is forgotten until the next start.
    pub fn remove(&self, campaign: CampaignNumber) -> io::Result<()> {
        let _alone = self.replacing.lock();
        let mut had = false;
        self.change(|lists| had = lists.remove(&campaign).is_some());
        if had { fs::remove_file(self.path(campaign)) } else { Ok(()) }
    }

    /// Whether `user` is on the list of the campaign. Where there is none, nobody is.
    pub fn has(&self, campaign: CampaignNumber, user: &str) -> bool {
        self.lists.load().get(&campaign).is_some_and(|list| list.hashes.binary_search(&hash(self.key, user)).is_ok())
    }

    fn change(&self, change: impl FnOnce(&mut HashMap<CampaignNumber, Arc<EligibleList>>)) {
        let mut lists = HashMap::clone(&self.lists.load());
        change(&mut lists);
        self.lists.store(Arc::new(lists));
    }

    fn path(&self, campaign: CampaignNumber) -> PathBuf {
        campaign_files::path(&self.directory, campaign, WHOLE)
    }
}

impl NewList {
    /// Adds a user; one who is there already changes nothing.
    ///
    /// # Errors
    /// [`Full`]
    pub fn push(&mut self, user: &str) -> Result<(), Full> {
        if self.hashes.len() == USERS_MAX {
            return Err(Full);
        }
        self.hashes.push(hash(self.key, user));
        Ok(())
    }
}

impl EligibleList {
    fn new(mut hashes: Vec<[u8; HASH_BYTES]>) -> Self {
        hashes.sort_unstable();
        hashes.dedup();
        Self { hashes: hashes.into_boxed_slice() }
    }

    fn write(&self, to: &mut impl Write) -> io::Result<()> {
        let mut bytes = Vec::with_capacity(HEAD_BYTES + self.hashes.len() * HASH_BYTES + SUM_BYTES);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&u64::try_from(self.hashes.len()).unwrap_or(u64::MAX).to_le_bytes());
        bytes.extend_from_slice(self.hashes.as_flattened());
        let sum = Sha256::digest(&bytes);
        bytes.extend_from_slice(&sum);
        to.write_all(&bytes)
    }

    /// The list that `bytes` are; `None` if something was changed.
    fn read(bytes: &[u8]) -> Option<Self> {
        let (content, sum) = bytes.split_at_checked(bytes.len().checked_sub(SUM_BYTES)?)?;
        let (head, hashes) = content.split_at_checked(HEAD_BYTES)?;
        let (hashes, rest) = hashes.as_chunks::<HASH_BYTES>();
        let count = u64::try_from(hashes.len()).ok()?.to_le_bytes();
        let is_whole = head.starts_with(MAGIC) && head.ends_with(&count) && rest.is_empty();
        (is_whole && Sha256::digest(content)[..] == *sum && hashes.is_sorted()).then(|| Self { hashes: hashes.into() })
    }
}

fn hash(key: [u8; 16], user: &str) -> [u8; HASH_BYTES] {
    let mut hasher = SipHasher13::new_with_key(&key);
    hasher.write(user.as_bytes());
    hasher.finish128().as_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_exact_and_outlives_a_restart() {
        let directory = tempfile::tempdir().expect("a directory");
        let keys = Keys::from_bytes([1; 16], [2; 32]);
        let campaign = CampaignNumber(7);
        let lists = EligibleLists::open(directory.path(), &keys).expect("opens");
        let mut list = lists.begin();
        (0..1_000).for_each(|number| list.push(&format!("u-{number}")).expect("room"));
        list.push("u-0").expect("twice is once");
        assert_eq!(lists.replace(campaign, list).expect("written"), 1_000);
        let restarted = EligibleLists::open(directory.path(), &keys).expect("opens");
        for lists in [&lists, &restarted] {
            assert!((0..1_000).all(|number| lists.has(campaign, &format!("u-{number}"))));
            assert!((1_000..2_000).all(|number| !lists.has(campaign, &format!("u-{number}"))));
            assert!(!lists.has(CampaignNumber(8), "u-1"), "another campaign's");
        }
        restarted.replace(campaign, restarted.begin()).expect("written");
        assert!(!restarted.has(campaign, "u-1"), "replaced as a whole");
        restarted.remove(campaign).expect("removed");
        assert_eq!(fs::read_dir(directory.path().join(EligibleLists::DIRECTORY)).expect("there").count(), 0);
    }

    #[test]
    fn a_file_that_was_changed_is_not_believed() {
        let list = EligibleList::new(vec![[3; 16], [1; 16]]);
        let mut bytes = Vec::new();
        list.write(&mut bytes).expect("memory takes it");
        assert_eq!(EligibleList::read(&bytes).expect("whole").hashes, list.hashes);
        for index in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[index] ^= 1;
            assert!(EligibleList::read(&changed).is_none(), "byte {index}");
            assert!(EligibleList::read(&bytes[..index]).is_none(), "cut at {index}");
        }
    }
}
