//! Owns the odds of a campaign's coupon types: which of them a point stands for.

use thiserror::Error;

use super::{DrawPlace, Probability, Seed};
use crate::id::TypeIndex;

/// The odds of the coupon types of one campaign, in listed order. What they leave of one is "no coupon".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Odds {
    /// For each type the first point behind its own: the sum of its probability and all before it, in billionths.
    ends: Box<[u32]>,
}

/// Why probabilities are no odds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum InvalidOdds {
    /// They sum to more than one.
    #[error("must sum to at most 1")]
    SumAboveOne,
    /// More types than a campaign can have.
    #[error("must be at most {} probabilities", Odds::TYPES_MAX)]
    TooMany,
}

impl Odds {
    /// The most coupon types that are taken.
    pub const TYPES_MAX: usize = 1_000;

    /// Takes the probability of each type, in listed order. A type may have none, and there may be no types.
    ///
    /// # Errors
    /// [`InvalidOdds`] says which bound is passed.
    pub fn new(probabilities: impl IntoIterator<Item = Probability>) -> Result<Self, InvalidOdds> {
        let mut ends = Vec::new();
        let mut end = 0;
        for probability in probabilities {
            if ends.len() == Self::TYPES_MAX {
                return Err(InvalidOdds::TooMany);
            }
            // Neither is above a billion, so their sum fits.
            end += probability.billionths();
            if end > Probability::ONE.billionths() {
                return Err(InvalidOdds::SumAboveOne);
            }
            ends.push(end);
        }
        Ok(Self { ends: ends.into() })
    }

    /// The type that the draw at `place` samples, or none, whether there still are coupons of it or not. Depends on nothing
    /// else.
    pub fn sample(&self, seed: &Seed, place: &DrawPlace<'_>) -> Option<TypeIndex> {
        self.type_at(place.point(seed))
    }

    /// The type that `point`, of [`DrawPlace::point`], lies in; none if it lies behind the last one.
    ///
    /// # Panics
    /// If `point` is not below a billion.
    pub fn type_at(&self, point: u32) -> Option<TypeIndex> {
        assert!(point < Probability::ONE.billionths(), "there is no point {point}");
        // A type without points ends where it begins, so it is passed over.
        let index = self.ends.partition_point(|end| *end <= point);
        (index < self.ends.len()).then(|| TypeIndex(u16::try_from(index).expect("there are at most 1,000 types")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn odds(billionths: &[u32]) -> Result<Odds, InvalidOdds> {
        Odds::new(billionths.iter().map(|billionths| Probability::from_billionths(*billionths).expect("at most one")))
    }

    fn check(billionths: &[u32], point: u32, expected: Option<u16>) {
        let odds = odds(billionths).expect("valid");
        assert_eq!(odds.type_at(point), expected.map(TypeIndex), "{billionths:?} at {point}");
    }

    #[test]
    fn a_type_holds_as_many_points_as_it_has_billionths() {
        let two = [100_000_000, 250_000_000];
        check(&two, 0, Some(0));
        check(&two, 99_999_999, Some(0));
        check(&two, 100_000_000, Some(1));
        check(&two, 349_999_999, Some(1));
        check(&two, 350_000_000, None);
        check(&two, 999_999_999, None);
        check(&[1_000_000_000], 999_999_999, Some(0));
        check(&[999_999_999, 1], 999_999_999, Some(1));
    }

    #[test]
    fn a_type_without_probability_is_never_sampled() {
        check(&[0, 1, 0, 1, 0], 0, Some(1));
        check(&[0, 1, 0, 1, 0], 1, Some(3));
        check(&[0, 1, 0, 1, 0], 2, None);
        check(&[0, 0], 0, None);
        check(&[], 0, None);
        check(&[1_000_000_000, 0], 999_999_999, Some(0));
    }

    #[test]
    fn the_bounds_are_held() {
        assert_eq!(odds(&[1_000_000_000, 1]), Err(InvalidOdds::SumAboveOne));
        assert_eq!(odds(&[1_000_000_000; 1_000]), Err(InvalidOdds::SumAboveOne));
        let most = odds(&[1_000_000; 1_000]).expect("a thousand thousandths");
        assert_eq!(most.type_at(999_999_999), Some(TypeIndex(999)));
        assert_eq!(odds(&[0; 1_001]), Err(InvalidOdds::TooMany));
    }

    #[test]
    #[should_panic(expected = "there is no point 1000000000")]
    fn a_point_is_below_a_billion() {
        check(&[1], 1_000_000_000, None);
    }
}
