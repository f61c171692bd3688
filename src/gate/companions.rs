//! Owns how many users come by one device or phone number, and by how many devices one user comes, for campaigns that bound it. The first
//! ones that ask are the ones that may: each pair is remembered from the first time it is let through.
//!
//! Exact and in memory; `journal` keeps it over a restart, a little late: a campaign whose bound must outlive a crash without a gap
//! bounds claims by phone (`limit.by`), which the log keeps. Names are kept as keyed hashes: of 64 bits whom the count is of, of 32 bits
//! who is counted.

mod journal;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::Hasher;
use std::io;
use std::path::Path;

use landrush_engine::id::CampaignNumber;
use landrush_engine::keys::Keys;
use landrush_engine::people::PhoneHash;
use parking_lot::Mutex;
use siphasher::sip::SipHasher13;

use self::journal::{Journal, Record, Writer};

/// Tables that lock apart from each other.
const TABLES: usize = 64;

/// The most pairs that a table remembers, over all campaigns: at about 40 bytes each 330 MB in all. Then nobody new is let through.
const PAIRS_MAX: usize = 128 << 10;

/// Who comes with whom.
pub struct Companions {
    key: [u8; 16],
    pairs_max: usize,
    tables: Box<[Mutex<Table>]>,
    /// `None`: nothing outlives the process.
    writer: Option<Writer>,
}

#[derive(Default)]
struct Table {
    pairs: usize,
    by_campaign: HashMap<CampaignNumber, HashMap<u64, Few>>,
}

/// A bond as it is remembered, and how many of its kind there may be.
struct Pair {
    table: usize,
    of: u64,
    companion: u32,
    max: usize,
}

impl Table {
    /// Whether `pair` is known, or may become so among at most `pairs_max`.
    fn takes(&self, campaign: CampaignNumber, pair: &Pair, pairs_max: usize) -> bool {
        let few = self.by_campaign.get(&campaign).and_then(|few| few.get(&pair.of));
        few.is_some_and(|few| few.has(pair.companion)) || self.pairs < pairs_max && few.map_or(0, Few::count) < pair.max
    }

    /// Gives whether it was new.
    fn keep(&mut self, campaign: CampaignNumber, of: u64, companion: u32) -> bool {
        match self.by_campaign.entry(campaign).or_default().entry(of) {
            Entry::Occupied(known) if known.get().has(companion) => return false,
            Entry::Occupied(mut known) => known.get_mut().more.get_or_insert_default().push(companion),
            Entry::Vacant(place) => {
                place.insert(Few { first: companion, more: None });
            }
        }
        self.pairs += 1;
        true
    }
}

/// Those who are counted: mostly one.
struct Few {
    first: u32,
    #[expect(clippy::box_collection, reason = "mostly there is none, and then a pointer is a third of the size")]
    more: Option<Box<Vec<u32>>>,
}

impl Few {
    fn has(&self, companion: u32) -> bool {
        self.first == companion || self.more.as_ref().is_some_and(|more| more.contains(&companion))
    }

    fn count(&self) -> usize {
        1 + self.more.as_ref().map_or(0, |more| more.len())
    }
}

/// Which bound a pair falls under: what is counted, and by what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bond<'a> {
    /// Users of this device.
    UserOfDevice {
        /// The device's name.
        device: &'a [u8],
        /// The user.
        user: &'a str,
    },
    /// Users of this phone number.
    UserOfPhone {
        /// The number.
        phone: PhoneHash,
        /// The user.
        user: &'a str,
    },
    /// Devices of this user.
    DeviceOfUser {
        /// The user.
        user: &'a str,
        /// The device's name.
        device: &'a [u8],
    },
}

impl Companions {
    /// The directory of the journal within the data directory.
    pub const DIRECTORY: &'static str = "companions";

    /// Nobody has come, and nothing outlives the process. `key` hides which names share a hash.
    pub fn new(key: [u8; 16]) -> Self {
        Self::with_pairs(PAIRS_MAX, key)
    }

    /// The same, with at most so many pairs in a table.
    fn with_pairs(pairs_max: usize, key: [u8; 16]) -> Self {
        Self { key, pairs_max, tables: (0..TABLES).map(|_| Mutex::default()).collect(), writer: None }
    }

    /// Those who have come to the campaigns that live, as far as it is written in `data_dir`, where a thread writes down who comes
    /// from now on.
    ///
    /// # Errors
    /// A file cannot be read, or no thread be had.
    pub fn open(data_dir: &Path, keys: &Keys, lives: impl Fn(CampaignNumber) -> bool) -> io::Result<Self> {
        let derived = keys.derived("companions");
        let (key, _) = derived.split_first_chunk().expect("a derived key has 32 bytes");
        let companions = Self::new(*key);
        let journal = Journal::open(data_dir.join(Self::DIRECTORY), lives, |Record { campaign, of, companion }| {
            let mut table = companions.tables[table_of(of)].lock();
            if table.pairs < companions.pairs_max {
                table.keep(campaign, of, companion);
            }
        })?;
        Ok(Self { writer: Some(Writer::start(journal)?), ..companions })
    }

    /// Waits until who has come is written, and writes nothing more.
    pub fn close(&self) {
        if let Some(writer) = &self.writer {
            writer.close();
        }
    }

    /// Whether each of `bonds` is one of the first so many of its kind in the campaign. If all are, they stay so; else none is kept, so
    /// that whoever is refused uses up nothing.
    pub fn admit<'a>(&self, campaign: CampaignNumber, bonds: impl IntoIterator<Item = (Bond<'a>, u32)>) -> bool {
        let mut pairs: Vec<Pair> = bonds.into_iter().map(|(bond, max)| self.pair(bond, max)).collect();
        // All are locked at once, or two could take the same last place, and in one order, or they could wait for each other.
        pairs.sort_unstable_by_key(|pair| pair.table);
        let locked = pairs.chunk_by(|a, b| a.table == b.table).map(|pairs| (self.tables[pairs[0].table].lock(), pairs));
        let mut locked: Vec<_> = locked.collect();
        let is_admitted = locked.iter().all(|(table, pairs)| {
            let pairs_max = self.pairs_max.saturating_sub(pairs.len() - 1);
            pairs.iter().all(|pair| table.takes(campaign, pair, pairs_max))
        });
        if is_admitted {
            for (table, pairs) in &mut locked {
                for &Pair { of, companion, .. } in *pairs {
                    let is_new = table.keep(campaign, of, companion);
                    if let Some(writer) = self.writer.as_ref().filter(|_| is_new) {
                        writer.journal().push(Record { campaign, of, companion });
                    }
                }
            }
        }
        is_admitted
    }

    /// Whether [`Companions::admit`] would let `bonds` through at present. Nothing is kept.
    pub fn would_admit<'a>(&self, campaign: CampaignNumber, bonds: impl IntoIterator<Item = (Bond<'a>, u32)>) -> bool {
        bonds.into_iter().map(|(bond, max)| self.pair(bond, max)).all(|pair| {
            let table = self.tables[pair.table].lock();
            table.takes(campaign, &pair, self.pairs_max)
        })
    }

    /// Forgets a campaign.
    pub fn forget(&self, campaign: CampaignNumber) {
        for table in &self.tables {
            let mut table = table.lock();
            let gone = table.by_campaign.remove(&campaign).unwrap_or_default();
            table.pairs -= gone.values().map(Few::count).sum::<usize>();
        }
        if let Some(writer) = &self.writer {
            writer.journal().forget(campaign);
        }
    }

    fn pair(&self, bond: Bond<'_>, max: u32) -> Pair {
        let (of, companion) = match bond {
            Bond::UserOfDevice { device, user } => (self.hash(1, device), self.hash(0, user.as_bytes())),
            Bond::UserOfPhone { phone: PhoneHash(phone), user } => {
                (self.hash(2, &phone.to_ne_bytes()), self.hash(0, user.as_bytes()))
            }
            Bond::DeviceOfUser { user, device } => (self.hash(3, user.as_bytes()), self.hash(1, device)),
        };
        Pair {
            table: table_of(of),
            of,
            companion: u32::try_from(companion >> 32).expect("32 bits"),
            max: usize::try_from(max).unwrap_or(usize::MAX),
        }
    }

    fn hash(&self, kind: u8, name: &[u8]) -> u64 {
        let mut hasher = SipHasher13::new_with_key(&self.key);
        hasher.write(&[kind]);
        hasher.write(name);
        hasher.finish()
    }
}

fn table_of(of: u64) -> usize {
    usize::try_from(of % TABLES as u64).expect("less than the number of tables")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SALE: CampaignNumber = CampaignNumber(1);

    #[test]
    fn the_first_ones_stay_and_others_do_not_come_in() {
        let companions = Companions::new([7; 16]);
        let user = |user| Bond::UserOfDevice { device: b"d-1", user };
        for _ in 0..2 {
            assert!(companions.admit(SALE, [(user("ann"), 2)]) && companions.admit(SALE, [(user("bob"), 2)]));
            assert!(!companions.admit(SALE, [(user("eve"), 2)]));
        }
        assert!(
            companions.admit(SALE, [(Bond::UserOfDevice { device: b"d-2", user: "eve" }, 2)]),
            "from another device"
        );
        assert!(companions.admit(CampaignNumber(2), [(user("eve"), 2)]), "in another campaign");
        assert!(
            companions.admit(SALE, [(Bond::UserOfPhone { phone: PhoneHash(1), user: "eve" }, 1)]),
            "a phone is no device"
        );
        assert!(companions.admit(SALE, [(Bond::DeviceOfUser { user: "eve", device: b"d-2" }, 1)]));
        assert!(!companions.admit(SALE, [(Bond::DeviceOfUser { user: "eve", device: b"d-3" }, 1)]));
    }

    #[test]
    fn whoever_is_refused_by_one_bound_uses_up_no_place_of_another() {
        let companions = Companions::new([7; 16]);
        let pair = |user, device| [(Bond::DeviceOfUser { user, device }, 1), (Bond::UserOfDevice { device, user }, 1)];
        assert!(companions.would_admit(SALE, pair("ann", b"d-1")), "which keeps nothing");
        assert!(companions.admit(SALE, pair("bob", b"d-1")));
        assert!(!companions.admit(SALE, pair("ann", b"d-1")) && !companions.would_admit(SALE, pair("ann", b"d-1")));
        assert!(companions.admit(SALE, pair("ann", b"d-2")), "her one device");
        assert!(!companions.admit(SALE, pair("ann", b"d-3")));
        assert!(companions.admit(SALE, pair("cid", b"d-3")), "its one user");
        assert_eq!(companions.tables.iter().map(|table| table.lock().pairs).sum::<usize>(), 6);
    }

    #[test]
    fn who_fills_the_tables_lets_nobody_in_and_a_campaign_that_goes_makes_room() {
        const PAIRS: usize = 1 << 10;
        let companions = Companions::with_pairs(PAIRS, [7; 16]);
        let admitted = (0..2 * TABLES * PAIRS)
            .filter(|number| {
                let name = number.to_le_bytes();
                companions.admit(SALE, [(Bond::UserOfDevice { device: &name, user: "eve" }, 1)])
            })
            .count();
        assert_eq!(admitted, TABLES * PAIRS, "twice as many asked, so that every table is full");
        companions.forget(SALE);
        assert_eq!(companions.tables.iter().map(|table| table.lock().pairs).sum::<usize>(), 0);
    }

    #[test]
    fn who_came_is_known_after_a_restart_and_is_not_written_twice() {
        let root = tempfile::tempdir().expect("a directory");
        let keys = Keys::from_bytes([1; 16], [2; 32]);
        let open = || Companions::open(root.path(), &keys, |campaign| campaign == SALE).expect("opens");
        let user = |user| Bond::UserOfDevice { device: b"d-1", user };
        let written = |campaign: CampaignNumber| {
            let path = root.path().join(Companions::DIRECTORY).join(format!("{}.pairs", campaign.0));
            std::fs::metadata(path).map(|file| file.len()).ok()
        };
        for _ in 0..2 {
            let companions = open();
            assert!(companions.admit(SALE, [(user("ann"), 2)]) && companions.admit(SALE, [(user("bob"), 2)]));
            assert!(!companions.admit(SALE, [(user("eve"), 2)]));
            assert!(companions.admit(CampaignNumber(2), [(user("eve"), 1)]), "what is archived is forgotten");
            companions.close();
            assert_eq!((written(SALE), written(CampaignNumber(2))), (Some(32), Some(16)));
        }
        let companions = open();
        assert!(companions.admit(SALE, [(user("eve"), 3)]));
        companions.forget(SALE);
        companions.close();
        assert_eq!((written(SALE), written(CampaignNumber(2))), (None, None));
        assert_eq!(open().tables.iter().map(|table| table.lock().pairs).sum::<usize>(), 0);
    }
}
