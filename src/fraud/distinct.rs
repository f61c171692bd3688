//! Owns the counting of different keys in a kibibyte, by HyperLogLog (Flajolet and others, 2007): the standard error is 3.3 percent,
//! and far less below a thousand keys.

/// Registers, a power of two.
const REGISTERS: usize = 1 << REGISTER_BITS;
const REGISTER_BITS: u32 = 10;

/// How many different keys there were.
#[derive(Debug, Clone)]
pub(super) struct Distinct {
    registers: [u8; REGISTERS],
}

impl Distinct {
    /// None yet.
    pub(super) fn new() -> Self {
        Self { registers: [0; REGISTERS] }
    }

    /// Takes a key in, by its hash, which must be as good as random.
    pub(super) fn insert(&mut self, hash: u64) {
        let place = usize::try_from(hash >> (u64::BITS - REGISTER_BITS)).expect("ten bits");
        // The bit below the used ones bounds the rank.
        let rest = hash << REGISTER_BITS | 1 << (REGISTER_BITS - 1);
        let rank = u8::try_from(rest.leading_zeros() + 1).expect("at most 55");
        self.registers[place] = self.registers[place].max(rank);
    }

    /// Takes in what another one has.
    pub(super) fn add(&mut self, other: &Distinct) {
        for (own, other) in self.registers.iter_mut().zip(&other.registers) {
            *own = (*own).max(*other);
        }
    }

    /// The estimate.
    pub(super) fn estimate(&self) -> u64 {
        const COUNT: f64 = REGISTERS as f64;
        let empty = self.registers.iter().filter(|rank| **rank == 0).count();
        let harmonic: f64 = self.registers.iter().map(|rank| 0.5f64.powi(i32::from(*rank))).sum();
        let raw = 0.7213 / (1.0 + 1.079 / COUNT) * COUNT * COUNT / harmonic;
        let estimate = match u32::try_from(empty).expect("at most 1,024") {
            empty if empty > 0 && raw <= 2.5 * COUNT => COUNT * (COUNT / f64::from(empty)).ln(),
            _ => raw,
        };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "positive, and far below 2^63")]
        let rounded = estimate.round() as u64;
        rounded
    }
}

#[cfg(test)]
mod tests {
    use super::super::summary::Keyed;
    use super::*;

    fn counted(keys: std::ops::Range<u64>) -> Distinct {
        let mut distinct = Distinct::new();
        keys.for_each(|key| distinct.insert(Keyed::new([7; 16]).hash(key)));
        distinct
    }

    #[test]
    fn estimates_are_near() {
        for count in [0, 1, 10, 100, 1_000, 3_000, 10_000, 1_000_000] {
            let estimate = counted(0..count).estimate();
            assert!(estimate.abs_diff(count) <= count / 10, "{estimate} for {count}");
        }
    }

    #[test]
    fn what_both_have_counts_once() {
        let mut sum = counted(0..800);
        sum.add(&counted(400..1_200));
        assert_eq!(sum.estimate(), counted(0..1_200).estimate());
    }
}
