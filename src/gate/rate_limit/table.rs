//! Owns the memory of the rate limits: a fixed number of cells, found by hash.
//!
//! The cells stand in buckets of [`WAYS`], each under a lock of its own, so that threads meet only where callers share a bucket. A
//! caller's bucket follows from a keyed hash, so that nobody can choose whom to share one with. When a newcomer finds the
//! bucket full, the cell goes that will be blank soonest: at best one that is blank already, whose loss changes nothing. So whoever
//! asks once from ten million addresses pushes out their own cells before those of anybody who has asked more, or has a
//! wait to serve; and to be forgotten only ever means to begin with a full bucket. Nobody is refused for want of room.

use parking_lot::{MappedMutexGuard, Mutex, MutexGuard};

use super::cell::{Cell, Micros};

/// Cells that one hash may lie in.
const WAYS: usize = 8;

/// The cells of callers, by the hashes of their marks.
pub(super) struct Table {
    buckets: Box<[Mutex<Bucket>]>,
}

type Bucket = [Entry; WAYS];

/// A caller; a hash of zero: nobody.
#[derive(Debug, Clone, Copy, Default)]
struct Entry {
    hash: [u64; 2],
    cell: Cell,
}

const NOBODY: [u64; 2] = [0; 2];

impl Table {
    /// A table of `keys_max` cells, rounded up to whole buckets. It never grows.
    pub(super) fn new(keys_max: usize) -> Self {
        let buckets = keys_max.div_ceil(WAYS).max(1);
        Self { buckets: (0..buckets).map(|_| Mutex::default()).collect() }
    }

    /// The cell of `hash`: the one that there is, or a blank one in the place of the one that is missed least. Its bucket is locked
    /// until it is let go of.
    pub(super) fn cell(&self, hash: [u64; 2], now: Micros) -> MappedMutexGuard<'_, Cell> {
        // Nobody has a hash of zero: one in 2^128 shares a cell.
        let hash = if hash == NOBODY { [0, 1] } else { hash };
        // The high half of the product: a reduction without a division.
        let wide = u128::from(hash[0]) * self.buckets.len() as u128;
        let bucket = &self.buckets[usize::try_from(wide >> 64).expect("less than the number of buckets")];
        MutexGuard::map(bucket.lock(), |bucket| {
            let place = match bucket.iter().position(|entry| entry.hash == hash) {
                Some(place) => place,
                None => {
                    let place = least_missed(bucket, now);
                    bucket[place] = Entry { hash, cell: Cell::default() };
                    place
                }
            };
            &mut bucket[place].cell
        })
    }

    /// How many cells are taken. Looks at all of them.
    pub(super) fn len(&self) -> usize {
        self.buckets.iter().map(|bucket| bucket.lock().iter().filter(|entry| entry.hash != NOBODY).count()).sum()
    }
}

/// The cell that is or will be blank first.
fn least_missed(bucket: &Bucket, now: Micros) -> usize {
    let blank_at = |place: &usize| bucket[*place].cell.blank_at().max(now);
    (0..WAYS).min_by_key(blank_at).expect("a bucket has cells")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_found_again_and_nobody_elses_is() {
        let table = Table::new(64);
        let limit = landrush_engine::campaign::RateLimit { requests: 1, per: std::time::Duration::from_secs(1) };
        table.cell([1, 2], 5).ask(limit, 5).expect("the first");
        assert!(table.cell([1, 2], 5).ask(limit, 5).is_err());
        assert!(table.cell([1, 3], 5).ask(limit, 5).is_ok());
        assert_eq!(table.len(), 2);
    }

    #[test]
    fn the_size_is_rounded_up_to_buckets_and_a_caller_takes_41_bytes() {
        assert_eq!(Table::new(0).buckets.len(), 1);
        assert_eq!(Table::new(9).buckets.len(), 2);
        assert_eq!(size_of::<Mutex<Bucket>>(), WAYS * 41);
    }
}
