//! Owns the way from a seed and a draw's place to a point among a billion. Leaves what the point stands for to
//! [`super::Odds`].

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use sha2::{Digest, Sha256};

use super::{Probability, Seed};

/// What tells a draw apart from all others: all that decides what it samples, beside the seed and the odds.
///
/// None of the texts may hold a zero byte; checked identifiers hold none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DrawPlace<'a> {
    /// The campaign's id.
    pub campaign: &'a str,
    /// The person's id.
    pub user: &'a str,
    /// The stretch of time that the person's limit is about: `campaign`, or a day of the campaign's time zone as
    /// `2026-12-01`, or the opening moment of a window as `2026-12-01T02:00:00.000Z`.
    pub period: &'a str,
    /// Which draw of the person in the period it is, counted from 1.
    pub number: u32,
}

impl DrawPlace<'_> {
    /// The number of the ChaCha8 stream: the first 8 bytes, little-endian, of SHA-256 over the place. As a nonce they are
    /// these bytes in their order.
    pub fn stream(&self) -> u64 {
        let mut digits = [0; 10];
        let number = decimal(self.number, &mut digits);
        // In place: `chain_update` would copy the whole state for each part, which takes as long as the hash itself.
        let mut hash = Sha256::new();
        for part in [self.campaign, "\0", self.user, "\0", self.period, "\0"] {
            hash.update(part);
        }
        hash.update(number);
        let digest = hash.finalize();
        let (first, _) = digest.split_first_chunk::<8>().expect("a digest has 32 bytes");
        u64::from_le_bytes(*first)
    }

    /// Where the draw falls among the points from 0 to 999,999,999, which are equally likely to within 2^-64.
    pub fn point(&self, seed: &Seed) -> u32 {
        let mut random = ChaCha8Rng::from_seed(*seed.as_bytes());
        random.set_stream(self.stream());
        // Not the crate's own ranges: how those are computed changes between its versions.
        let scaled = (u128::from(random.next_u64()) * u128::from(Probability::ONE.billionths())) >> 64;
        u32::try_from(scaled).expect("a product with a fraction is below a billion")
    }
}

/// `number` in decimal, in the last bytes of `digits`: spares the hot path an allocation.
fn decimal(mut number: u32, digits: &mut [u8; 10]) -> &[u8] {
    let mut begin = digits.len();
    loop {
        begin -= 1;
        digits[begin] = b'0' + u8::try_from(number % 10).expect("a digit fits a byte");
        number /= 10;
        if number == 0 {
            return &digits[begin..];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_spelt_in_decimal() {
        for number in [0, 1, 9, 10, 1_203, u32::MAX] {
            assert_eq!(decimal(number, &mut [0; 10]), number.to_string().as_bytes());
        }
    }
}
