//! Owns positions in the log.

/// The position of one record: the first ever written has 1, each next one 1 more. [`Lsn::ZERO`] is before all records.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Lsn(pub u64);

impl Lsn {
    /// Before the first record.
    pub const ZERO: Lsn = Lsn(0);

    /// The position `count` records later.
    ///
    /// # Panics
    /// If there is none: 2^64 records have been written.
    #[must_use]
    pub fn plus(self, count: u64) -> Lsn {
        Lsn(self.0.checked_add(count).expect("the log has run out of positions"))
    }
}

impl std::fmt::Display for Lsn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}
